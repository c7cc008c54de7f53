#include "overlay/graph.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum sl_status sl_graph_init(struct sl_graph *graph, size_t count, size_t stride) {
    sl_graph_finish(graph);
    assert(count > 0 && count <= UINT32_MAX && stride > 0 && stride <= UINT32_MAX);
    if (stride > SIZE_MAX / sizeof *graph->peers / count)
        return SL_NO_MEMORY;
    graph->degree = calloc(count, sizeof *graph->degree);
    graph->peers = malloc(count * stride * sizeof *graph->peers);
    graph->count = (uint32_t)count;
    graph->stride = (uint32_t)stride;
    if (graph->degree != NULL && graph->peers != NULL)
        return SL_OK;
    sl_graph_finish(graph);
    return SL_NO_MEMORY;
}

void sl_graph_finish(struct sl_graph *graph) {
    free(graph->degree);
    free(graph->peers);
    *graph = (struct sl_graph){0};
}

static uint32_t *peers_of(const struct sl_graph *graph, uint32_t node) {
    return graph->peers + (size_t)node * graph->stride;
}

bool sl_graph_has(const struct sl_graph *graph, uint32_t a, uint32_t b) {
    const uint32_t *peers = peers_of(graph, a);
    for (uint32_t i = 0; i < graph->degree[a]; i++) {
        if (peers[i] == b)
            return true;
    }
    return false;
}

static void add_half(struct sl_graph *graph, uint32_t a, uint32_t b) {
    assert(graph->degree[a] < graph->stride);
    peers_of(graph, a)[graph->degree[a]++] = b;
}

void sl_graph_add(struct sl_graph *graph, uint32_t a, uint32_t b) {
    assert(a != b && !sl_graph_has(graph, a, b));
    add_half(graph, a, b);
    add_half(graph, b, a);
}

static void remove_half(struct sl_graph *graph, uint32_t a, uint32_t b) {
    uint32_t *peers = peers_of(graph, a);
    for (uint32_t i = 0; i < graph->degree[a]; i++) {
        if (peers[i] == b) {
            peers[i] = peers[--graph->degree[a]];
            return;
        }
    }
}

void sl_graph_remove(struct sl_graph *graph, uint32_t a, uint32_t b) {
    remove_half(graph, a, b);
    remove_half(graph, b, a);
}

static int compare(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

void sl_graph_sort(struct sl_graph *graph) {
    for (uint32_t i = 0; i < graph->count; i++)
        qsort(peers_of(graph, i), graph->degree[i], sizeof *graph->peers, compare);
}

enum sl_status sl_graph_is_connected(const struct sl_graph *graph, bool *out) {
    uint32_t *reached = malloc(graph->count * sizeof *reached);
    bool *seen = calloc(graph->count, sizeof *seen);
    enum sl_status status = SL_NO_MEMORY;
    if (reached == NULL || seen == NULL)
        goto out;
    uint32_t count = 1;
    reached[0] = 0;
    seen[0] = true;
    for (uint32_t at = 0; at < count; at++) {
        const uint32_t *peers = peers_of(graph, reached[at]);
        for (uint32_t i = 0; i < graph->degree[reached[at]]; i++) {
            if (!seen[peers[i]]) {
                seen[peers[i]] = true;
                reached[count++] = peers[i];
            }
        }
    }
    *out = count == graph->count;
    status = SL_OK;
out:
    free(seen);
    free(reached);
    return status;
}

void sl_graph_add_circle(struct sl_graph *graph, const uint32_t *order, uint32_t half) {
    for (uint32_t i = 0; i < graph->count; i++) {
        for (uint32_t j = 1; j <= half; j++) {
            uint32_t next = (i + j) % graph->count;
            sl_graph_add(graph, order == NULL ? i : order[i], order == NULL ? next : order[next]);
        }
    }
}
