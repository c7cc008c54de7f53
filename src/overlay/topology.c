/* What a setting says about the topology. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/file.h"
#include "overlay/graph.h"

/* ---- parsing ---- */

struct kind_name {
    const char *name; /* with ":" where something follows */
    enum sl_topology_kind kind;
};
static const struct kind_name kind_names[] = {
    {"full", SL_TOPOLOGY_FULL},
    {"ring", SL_TOPOLOGY_RING},
    {"torus", SL_TOPOLOGY_TORUS},
    {"hypercube", SL_TOPOLOGY_HYPERCUBE},
    {"star", SL_TOPOLOGY_STAR},
    {"regular:", SL_TOPOLOGY_REGULAR},
    {"static-regular:", SL_TOPOLOGY_STATIC_REGULAR},
    {"small-world:", SL_TOPOLOGY_SMALL_WORLD},
    {"file:", SL_TOPOLOGY_FILE},
};

/* Behind the kind's name; NULL for another one. */
static const char *match(const struct kind_name *kind, const char *text) {
    size_t length = strlen(kind->name);
    if (strncmp(text, kind->name, length) != 0)
        return NULL;
    return kind->name[length - 1] == ':' || text[length] == '\0' ? text + length : NULL;
}

/* An even number of 2 … SL_TOPOLOGY_DEGREE_MAX; *end behind it. */
static bool parse_degree(uint32_t *out, const char **end, const char *text) {
    uint32_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9' && value <= SL_TOPOLOGY_DEGREE_MAX; at++)
        value = 10 * value + (uint32_t)(*at - '0');
    *out = value;
    *end = at;
    return text[0] != '0' && value >= 2 && value <= SL_TOPOLOGY_DEGREE_MAX && value % 2 == 0;
}

/* 0 … 1 in plain decimal notation: no sign, exponent, nor anything that depends on the locale but its point. */
static bool parse_probability(double *out, const char *text) {
    if (text[0] == '\0' || strspn(text, "0123456789.") != strlen(text))
        return false;
    char *end = NULL;
    *out = strtod(text, &end);
    return *end == '\0' && *out >= 0 && *out <= 1;
}

static bool parse_numbers(struct sl_topology *out, const char *rest) {
    const char *end = rest;
    switch (out->kind) {
    case SL_TOPOLOGY_FULL:
    case SL_TOPOLOGY_RING:
    case SL_TOPOLOGY_TORUS:
    case SL_TOPOLOGY_HYPERCUBE:
    case SL_TOPOLOGY_STAR:
        return true;
    case SL_TOPOLOGY_REGULAR:
    case SL_TOPOLOGY_STATIC_REGULAR:
        return parse_degree(&out->degree, &end, rest) && *end == '\0';
    case SL_TOPOLOGY_SMALL_WORLD:
        return parse_degree(&out->degree, &end, rest) && *end == ',' && parse_probability(&out->probability, end + 1);
    case SL_TOPOLOGY_FILE:
        return *rest != '\0';
    }
    return false;
}

enum sl_status sl_topology_parse(struct sl_topology *out, const char *text, struct sl_error *error) {
    *out = (struct sl_topology){0};
    const char *rest = NULL;
    for (size_t i = 0; i < sizeof kind_names / sizeof kind_names[0] && rest == NULL; i++) {
        rest = match(&kind_names[i], text);
        out->kind = kind_names[i].kind;
    }
    enum sl_status status = SL_OK;
    if (rest == NULL || !parse_numbers(out, rest))
        status = sl_error_set(error, SL_FORMAT,
                              "topology \"%.80s\": expected full, ring, torus, hypercube, star, regular:S, "
                              "static-regular:S, small-world:K,P (S, K even, 2 … %d; P 0 … 1) or file:PATH",
                              text, SL_TOPOLOGY_DEGREE_MAX);
    else if (out->kind == SL_TOPOLOGY_FILE)
        status = sl_topology_read_file(out, rest, error);
    if (status != SL_OK)
        sl_topology_finish(out);
    return status;
}

void sl_topology_finish(struct sl_topology *topology) {
    for (size_t i = 0; i < topology->edge_count; i++) {
        free(topology->edges[i].a);
        free(topology->edges[i].b);
    }
    free(topology->edges);
    *topology = (struct sl_topology){0};
}

/* ---- checking ---- */

static enum sl_status check_file(const struct sl_topology *topology, size_t count, struct sl_error *error) {
    struct sl_overlay_member *members = NULL;
    size_t named = 0;
    struct sl_graph graph = {0};
    bool connected = false;
    enum sl_status status = sl_topology_file_names(topology, &members, &named);
    if (status == SL_OK)
        status = sl_graph_from_file(&graph, &connected, topology, members, named);
    if (status != SL_OK)
        status = sl_error_set(error, status, "topology: out of memory");
    else if (named != count)
        status =
            sl_error_set(error, SL_UNSUPPORTED, "topology: the file joins %zu nodes, the flock has %zu", named, count);
    else if (!connected)
        status = sl_error_set(error, SL_UNSUPPORTED, "topology: the file's graph is not connected");
    sl_graph_finish(&graph);
    free(members);
    return status;
}

enum sl_status sl_topology_check(const struct sl_topology *topology, size_t count, struct sl_error *error) {
    if (count == 0)
        return sl_error_set(error, SL_UNSUPPORTED, "topology: no nodes");
    switch (topology->kind) {
    case SL_TOPOLOGY_TORUS:
        if (!sl_fixed_exists(topology->kind, count))
            return sl_error_set(error, SL_UNSUPPORTED,
                                "topology: a torus of %zu nodes does not exist, it needs a × b of them, both at least "
                                "3, like 9, 12, 15 or 16",
                                count);
        return SL_OK;
    case SL_TOPOLOGY_HYPERCUBE:
        if (!sl_fixed_exists(topology->kind, count))
            return sl_error_set(error, SL_UNSUPPORTED,
                                "topology: a hypercube of %zu nodes does not exist, it needs 2, 4, 8, 16, … of them",
                                count);
        return SL_OK;
    case SL_TOPOLOGY_FILE:
        return check_file(topology, count, error);
    case SL_TOPOLOGY_FULL:
    case SL_TOPOLOGY_RING:
    case SL_TOPOLOGY_STAR:
    case SL_TOPOLOGY_REGULAR:
    case SL_TOPOLOGY_STATIC_REGULAR:
    case SL_TOPOLOGY_SMALL_WORLD:
        break;
    }
    return SL_OK;
}
