/* A record's lines about its node's ledger. */
#include "monitor/ledger.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "json/json.h"

/* What is being read. */
struct reading {
    struct ledger *ledger;
    const cJSON *line;
    size_t first_edge;  /* of those that belong to no model yet */
    size_t first_state; /* of this record */
    uint32_t node;
    bool any_run;
};

/* ---- fields ---- */

/* No number where there is none: the record has null for what is not finite. */
static double number(const struct reading *reading, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(reading->line, key);
    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

static uint64_t count_of(const struct reading *reading, const char *key) {
    double value = number(reading, key);
    return value >= 0 && value < 0x1p53 ? (uint64_t)value : 0;
}

static const char *text(const struct reading *reading, const char *key) {
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(reading->line, key));
    return value != NULL ? value : "";
}

static uint64_t lineage(const struct reading *reading, const char *key) {
    return strtoull(text(reading, key), NULL, 16);
}

static void digest(char out[LEDGER_DIGEST_SIZE], const struct reading *reading, const char *key) {
    const char *value = text(reading, key);
    if (strlen(value) == LEDGER_DIGEST_SIZE)
        memcpy(out, value, LEDGER_DIGEST_SIZE);
}

static void sums(double out[LEDGER_SUMS], const struct reading *reading) {
    static const char *const keys[LEDGER_SUMS] = {"sum", "p1", "p2"};
    for (size_t i = 0; i < LEDGER_SUMS; i++)
        out[i] = number(reading, keys[i]);
}

/* ---- nodes ---- */

/* SL_NOT_FOUND: that is no name. */
static enum sl_status find_node(struct ledger *ledger, uint32_t *out, const char *name) {
    size_t i = 0;
    if (!sl_name_is_valid(name))
        return SL_NOT_FOUND;
    while (i < ledger->node_count && strcmp(ledger->nodes[i].name, name) != 0)
        i++;
    *out = (uint32_t)i;
    if (i < ledger->node_count)
        return SL_OK;
    enum sl_status status = sl_array_reserve(&ledger->nodes, &ledger->node_capacity, i + 1, sizeof *ledger->nodes);
    if (status != SL_OK)
        return status;
    ledger->nodes[i] = (struct ledger_node){.has_record = false};
    (void)snprintf(ledger->nodes[i].name, sizeof ledger->nodes[i].name, "%s", name);
    ledger->node_count++;
    return SL_OK;
}

/* ---- lines ---- */

static bool is_after(const struct ledger_state *state, uint64_t round, enum ledger_entry entry) {
    return state->round != round ? state->round > round : state->entry > entry;
}

/* A process began: what the record has beyond the model that it goes on with never came to pass. */
static void go_back(struct reading *reading, uint64_t of, uint64_t round, enum ledger_entry entry) {
    struct ledger *ledger = reading->ledger;
    for (size_t i = ledger->state_count; i > reading->first_state; i--) {
        struct ledger_state *state = &ledger->states[i - 1];
        if (state->lineage != of || state->node != reading->node || state->dropped)
            continue;
        if (!is_after(state, round, entry))
            break;
        state->dropped = true;
        for (size_t k = 0; k < state->edge_count; k++)
            ledger->edges[state->first_edge + k].dropped = true;
    }
}

static bool entry_of(enum ledger_entry *out, const char *name) {
    static const struct {
        const char *name;
        enum ledger_entry entry;
    } entries[] = {{"start", LEDGER_START},    {"trained", LEDGER_TRAINED}, {"joined", LEDGER_JOINED},
                   {"update", LEDGER_UPDATE},  {"mixed", LEDGER_MIXED},     {"restored", LEDGER_RESTORED},
                   {"settled", LEDGER_SETTLED}};
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        *out = entries[i].entry;
        if (strcmp(entries[i].name, name) == 0)
            return true;
    }
    return false;
}

static bool is_beginning(enum ledger_entry entry) {
    return entry == LEDGER_START || entry == LEDGER_UPDATE || entry == LEDGER_RESTORED;
}

static void drop_open_edges(struct reading *reading) {
    struct ledger *ledger = reading->ledger;
    for (; reading->first_edge < ledger->edge_count; reading->first_edge++)
        ledger->edges[reading->first_edge].dropped = true;
}

static enum sl_status read_state(struct reading *reading, enum ledger_entry entry) {
    struct ledger *ledger = reading->ledger;
    enum sl_status status =
        sl_array_reserve(&ledger->states, &ledger->state_capacity, ledger->state_count + 1, sizeof *ledger->states);
    if (status != SL_OK)
        return status;
    struct ledger_state state = {.entry = entry,
                                 .node = reading->node,
                                 .lineage = lineage(reading, "lineage"),
                                 .round = count_of(reading, "round"),
                                 .samples = number(reading, "samples"),
                                 .norm = number(reading, "norm")};
    sums(state.sums, reading);
    if (is_beginning(entry))
        drop_open_edges(reading);
    if (entry == LEDGER_UPDATE || entry == LEDGER_RESTORED)
        go_back(reading, state.lineage, state.round, entry);
    if (entry != LEDGER_TRAINED) { /* else they join what comes of it */
        state.first_edge = reading->first_edge;
        state.edge_count = ledger->edge_count - reading->first_edge;
        reading->first_edge = ledger->edge_count;
    }
    ledger->states[ledger->state_count++] = state;
    return SL_OK;
}

static enum sl_status read_word(struct reading *reading, enum ledger_fate fate) {
    struct ledger *ledger = reading->ledger;
    struct ledger_word word = {
        .node = reading->node, .round = count_of(reading, "round"), .fate = fate, .states = ledger->state_count};
    enum sl_status status = find_node(ledger, &word.peer, text(reading, "peer"));
    if (status == SL_OK)
        status = sl_array_reserve(&ledger->words, &ledger->word_capacity, ledger->word_count + 1, sizeof word);
    if (status == SL_OK)
        ledger->words[ledger->word_count++] = word;
    return status;
}

static bool is_written_off(const char *outcome) {
    return strcmp(outcome, "gone") == 0 || strcmp(outcome, "stale") == 0;
}

static enum sl_status read_edge(struct reading *reading) {
    struct ledger *ledger = reading->ledger;
    if (is_written_off(text(reading, "outcome")))
        return read_word(reading, LEDGER_WRITTEN_OFF);
    struct ledger_edge edge = {.node = reading->node,
                               .lineage = lineage(reading, "lineage"),
                               .peer_lineage = lineage(reading, "peer_lineage"),
                               .round = count_of(reading, "round"),
                               .weight = number(reading, "weight"),
                               .norm = number(reading, "norm")};
    sums(edge.sums, reading);
    digest(edge.digest, reading, "digest");
    digest(edge.peer_digest, reading, "peer_digest");
    enum sl_status status = find_node(ledger, &edge.peer, text(reading, "peer"));
    if (status == SL_OK)
        status = sl_array_reserve(&ledger->edges, &ledger->edge_capacity, ledger->edge_count + 1, sizeof edge);
    if (status == SL_OK)
        ledger->edges[ledger->edge_count++] = edge;
    return status;
}

static enum ledger_fate fate_of(const char *outcome) {
    if (is_written_off(outcome))
        return LEDGER_WRITTEN_OFF;
    if (strcmp(outcome, "pending") == 0)
        return LEDGER_PENDING;
    return strcmp(outcome, "late") == 0 ? LEDGER_LATE : LEDGER_OTHER;
}

static enum sl_status take_line(struct reading *reading) {
    const char *event = text(reading, "event"), *entry = text(reading, "entry");
    enum ledger_entry known;
    if (strcmp(event, "edge") == 0)
        return read_word(reading, fate_of(text(reading, "outcome")));
    if (strcmp(event, "lost") == 0)
        reading->ledger->lost_lines += count_of(reading, "count");
    if (strcmp(event, "ledger") != 0)
        return SL_OK;
    reading->ledger->nodes[reading->node].has_record = true;
    if (strcmp(entry, "edge") == 0)
        return read_edge(reading);
    return entry_of(&known, entry) ? read_state(reading, known) : SL_OK;
}

/* SL_USAGE: of another run than the ones before. SL_NOT_FOUND: of one that is of no interest, or none. */
static enum sl_status check_run(struct reading *reading, struct sl_error *error) {
    struct ledger *ledger = reading->ledger;
    const char *run = text(reading, "run");
    if (!sl_name_is_valid(run))
        return SL_NOT_FOUND;
    if (ledger->run[0] == '\0')
        (void)snprintf(ledger->run, sizeof ledger->run, "%s", run);
    if (strcmp(ledger->run, run) == 0)
        return SL_OK;
    if (reading->any_run)
        return sl_error_set(error, SL_USAGE, "of the runs %s and %s: say which one", ledger->run, run);
    return SL_NOT_FOUND;
}

/* Only lines of these events are looked at more closely. */
static bool is_of_use(const char *line) {
    return strstr(line, "\"event\":\"ledger\"") != NULL || strstr(line, "\"event\":\"edge\"") != NULL ||
           strstr(line, "\"event\":\"lost\"") != NULL;
}

static enum sl_status read_line(struct reading *reading, const char *line, size_t length, struct sl_error *error) {
    struct sl_error torn;
    cJSON *value = NULL;
    if (!is_of_use(line) || sl_json_parse(&value, line, length, &torn) != SL_OK)
        return SL_OK;
    reading->line = value;
    enum sl_status status = check_run(reading, error);
    if (status == SL_OK)
        status = find_node(reading->ledger, &reading->node, text(reading, "node"));
    if (status == SL_OK)
        status = take_line(reading);
    if (status == SL_NO_MEMORY)
        (void)sl_error_set(error, status, "out of memory");
    cJSON_Delete(value);
    return status == SL_NOT_FOUND ? SL_OK : status;
}

enum sl_status sl_ledger_read(struct ledger *ledger, const char *file, bool any_run, struct sl_error *error) {
    struct reading reading = {
        .ledger = ledger, .first_edge = ledger->edge_count, .first_state = ledger->state_count, .any_run = any_run};
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length = 0;
    enum sl_status status = SL_OK;
    FILE *stream = fopen(file, "re");
    if (stream == NULL)
        return sl_error_set(error, sl_status_from_errno(errno), "%s: %s", file, strerror(errno));
    while (status == SL_OK && (length = getline(&line, &capacity, stream)) > 0)
        status = read_line(&reading, line, (size_t)length, error);
    if (status == SL_OK && ferror(stream))
        status = sl_error_set(error, SL_IO, "%s: cannot be read", file);
    else if (status != SL_OK)
        (void)sl_error_wrap(error, status, "%s", file);
    drop_open_edges(&reading);
    free(line);
    (void)fclose(stream);
    return status;
}

void sl_ledger_finish(struct ledger *ledger) {
    free(ledger->nodes);
    free(ledger->states);
    free(ledger->edges);
    free(ledger->words);
    *ledger = (struct ledger){.nodes = NULL};
}
