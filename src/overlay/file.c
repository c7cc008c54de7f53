/* Graphs from a file: reading the edges, and the graph that they make of a roster. */
#include "overlay/file.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/file.h"
#include "overlay/graph.h"
#include <starling/name.h>

/* ---- reading ---- */

/* Up to two words of a line, a comment left out; returns how many there are. Changes the line. */
static size_t split(char *line, char *words[2]) {
    static const char blank[] = " \t\r";
    size_t count = 0;
    line[strcspn(line, "#")] = '\0';
    for (;;) {
        line += strspn(line, blank);
        if (*line == '\0')
            return count;
        if (count < 2)
            words[count] = line;
        count++;
        line += strcspn(line, blank);
        if (*line != '\0')
            *line++ = '\0';
    }
}

static enum sl_status add_edge(struct sl_topology *topology, size_t *capacity, const char *a, const char *b) {
    enum sl_status status =
        sl_array_reserve(&topology->edges, capacity, topology->edge_count + 1, sizeof *topology->edges);
    if (status != SL_OK)
        return status;
    bool ordered = strcmp(a, b) < 0;
    struct sl_topology_edge edge = {.a = strdup(ordered ? a : b), .b = strdup(ordered ? b : a)};
    topology->edges[topology->edge_count++] = edge;
    return edge.a != NULL && edge.b != NULL ? SL_OK : SL_NO_MEMORY;
}

static enum sl_status read_line(struct sl_topology *topology, size_t *capacity, char *line, const char *path,
                                size_t number, struct sl_error *error) {
    char *words[2];
    size_t count = split(line, words);
    if (count == 0)
        return SL_OK;
    if (count != 2 || !sl_name_is_valid(words[0]) || !sl_name_is_valid(words[1]))
        return sl_error_set(error, SL_FORMAT, "%s:%zu: expected two names of nodes", path, number);
    if (strcmp(words[0], words[1]) == 0)
        return sl_error_set(error, SL_FORMAT, "%s:%zu: %s is joined to itself", path, number, words[0]);
    if (add_edge(topology, capacity, words[0], words[1]) != SL_OK)
        return sl_error_set(error, SL_NO_MEMORY, "%s: out of memory", path);
    return SL_OK;
}

static int compare_edges(const void *a, const void *b) {
    const struct sl_topology_edge *left = a, *right = b;
    int order = strcmp(left->a, right->a);
    return order != 0 ? order : strcmp(left->b, right->b);
}

static enum sl_status check_edges(struct sl_topology *topology, const char *path, struct sl_error *error) {
    if (topology->edge_count == 0)
        return sl_error_set(error, SL_FORMAT, "%s: no edges", path);
    qsort(topology->edges, topology->edge_count, sizeof *topology->edges, compare_edges);
    for (size_t i = 1; i < topology->edge_count; i++) {
        const struct sl_topology_edge *edge = &topology->edges[i];
        if (compare_edges(edge - 1, edge) == 0)
            return sl_error_set(error, SL_FORMAT, "%s: the edge %s %s is there twice", path, edge->a, edge->b);
    }
    return SL_OK;
}

enum sl_status sl_topology_read_file(struct sl_topology *out, const char *path, struct sl_error *error) {
    struct sl_buffer text = {0};
    size_t capacity = 0, number = 0;
    enum sl_status status = sl_file_read(&text, path, SL_TOPOLOGY_FILE_MAX, error);
    if (status != SL_OK)
        goto out;
    if (memchr(text.data, '\0', text.length) != NULL) {
        status = sl_error_set(error, SL_FORMAT, "%s: not a text file", path);
        goto out;
    }
    char *line = (char *)text.data;
    while (line != NULL && status == SL_OK) {
        char *end = strchr(line, '\n');
        if (end != NULL)
            *end++ = '\0';
        status = read_line(out, &capacity, line, path, ++number, error);
        line = end;
    }
    if (status == SL_OK)
        status = check_edges(out, path, error);
out:
    sl_buffer_finish(&text);
    return status;
}

/* ---- the names in it ---- */

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum sl_status sl_topology_file_names(const struct sl_topology *topology, struct sl_overlay_member **out,
                                      size_t *out_count) {
    size_t total = 2 * topology->edge_count;
    const char **names = malloc(total * sizeof *names);
    struct sl_overlay_member *members = calloc(total, sizeof *members);
    if (names == NULL || members == NULL) {
        free(names);
        free(members);
        return SL_NO_MEMORY;
    }
    for (size_t i = 0; i < topology->edge_count; i++) {
        names[2 * i] = topology->edges[i].a;
        names[2 * i + 1] = topology->edges[i].b;
    }
    qsort(names, total, sizeof *names, compare_names);
    size_t count = 0;
    for (size_t i = 0; i < total; i++) {
        if (count == 0 || strcmp(members[count - 1].name, names[i]) != 0)
            members[count++].name = names[i];
    }
    free(names);
    *out = members;
    *out_count = count;
    return SL_OK;
}

/* ---- the graph ---- */

static int compare_member(const void *name, const void *member) {
    return strcmp(name, ((const struct sl_overlay_member *)member)->name);
}

static bool find(uint32_t *out, const struct sl_overlay_member *members, size_t count, const char *name) {
    const struct sl_overlay_member *found = bsearch(name, members, count, sizeof *members, compare_member);
    if (found != NULL)
        *out = (uint32_t)(found - members);
    return found != NULL;
}

/* The most edges that one of these members has. */
static enum sl_status highest_degree(size_t *out, const struct sl_topology *topology,
                                     const struct sl_overlay_member *members, size_t count) {
    uint32_t *degrees = calloc(count, sizeof *degrees);
    if (degrees == NULL)
        return SL_NO_MEMORY;
    *out = 1;
    for (size_t i = 0; i < topology->edge_count; i++) {
        uint32_t end = 0;
        if (find(&end, members, count, topology->edges[i].a) && ++degrees[end] > *out)
            *out = degrees[end];
        if (find(&end, members, count, topology->edges[i].b) && ++degrees[end] > *out)
            *out = degrees[end];
    }
    free(degrees);
    return SL_OK;
}

enum sl_status sl_graph_from_file(struct sl_graph *graph, bool *exists, const struct sl_topology *topology,
                                  const struct sl_overlay_member *members, size_t count) {
    size_t stride = 0;
    enum sl_status status = highest_degree(&stride, topology, members, count);
    if (status == SL_OK)
        status = sl_graph_init(graph, count, stride);
    if (status != SL_OK)
        return status;
    for (size_t i = 0; i < topology->edge_count; i++) {
        uint32_t a = 0, b = 0;
        if (find(&a, members, count, topology->edges[i].a) && find(&b, members, count, topology->edges[i].b))
            sl_graph_add(graph, a, b);
    }
    return sl_graph_is_connected(graph, exists); /* a member without an edge is not connected */
}
