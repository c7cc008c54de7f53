/* What would fail, asked of each layer in the order in which a node meets it. */
#include "node/preflight.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/random.h"
#include "node/internal.h"
#include "json/json.h"

/* ---- findings ---- */

static void add(struct preflight *preflight, enum sl_finding_level level, const char *what, const char *advice,
                const char *format, va_list arguments) {
    char detail[SL_ERROR_TEXT_MAX];
    (void)vsnprintf(detail, sizeof detail, format, arguments);
    switch (level) {
    case SL_FINDING_OK:
        preflight->counts->good++;
        break;
    case SL_FINDING_WARNING:
        preflight->counts->warnings++;
        break;
    case SL_FINDING_FAILURE:
        preflight->counts->failures++;
        break;
    }
    const struct sl_finding finding = {.level = level, .what = what, .detail = detail, .advice = advice};
    preflight->options->found(preflight->options->context, &finding);
}

void preflight_ok(struct preflight *preflight, const char *what, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add(preflight, SL_FINDING_OK, what, "", format, arguments);
    va_end(arguments);
}

void preflight_warn(struct preflight *preflight, const char *what, const char *advice, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add(preflight, SL_FINDING_WARNING, what, advice, format, arguments);
    va_end(arguments);
}

void preflight_fail(struct preflight *preflight, const char *what, const char *advice, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add(preflight, SL_FINDING_FAILURE, what, advice, format, arguments);
    va_end(arguments);
}

size_t preflight_address_count(const struct sl_settings *settings) {
    return settings->transport.advertise.count > 0 ? settings->transport.advertise.count
                                                   : settings->transport.listen.count;
}

const char *preflight_address(const struct sl_settings *settings, size_t index) {
    if (settings->transport.advertise.count > 0)
        return settings->transport.advertise.items[index];
    const struct sl_listener_setting *listener = &settings->transport.listen.items[index];
    return listener->proxy ? "" : listener->address;
}

/* ---- settings ---- */

/* A line of the error is a fault of its own. */
static void fail_each_line(struct preflight *preflight, char *text) {
    char *rest = text;
    for (const char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n"))
        preflight_fail(preflight, "settings", "", "%s", line);
}

static enum sl_status load_settings(struct preflight *preflight, struct sl_settings **out, struct sl_error *error) {
    const struct sl_preflight_options *options = preflight->options;
    enum sl_status status = sl_settings_load(out, options->file, options->overrides, options->override_count, error);
    if (status == SL_NO_MEMORY)
        return status;
    if (status != SL_OK) {
        fail_each_line(preflight, error->text);
        return SL_OK;
    }
    preflight->settings = *out;
    preflight_ok(preflight, "settings", "%s: node %s of flock %s", options->file, (*out)->node.name,
                 (*out)->flock.name);
    return SL_OK;
}

/* ---- data and topology ---- */

/* How many models lie in the folder at the most, each with the optimiser's state: one more than are kept, while the
 * next is written. */
static uint64_t bytes_to_keep(const struct sl_settings *settings, struct sl_learner *learner) {
    enum { GROUPS_MAX = 4 };
    struct sl_tensor_group groups[GROUPS_MAX];
    size_t count = 0;
    uint64_t every = settings->model.save_every > 0 ? settings->model.save_every : settings->round.rounds;
    uint64_t saved = settings->round.rounds / every + 1;
    uint64_t kept = settings->model.keep > 0 && settings->model.keep < saved ? settings->model.keep + 1 : saved;
    if (learner->interface->state(learner, groups, GROUPS_MAX, &count) != SL_OK)
        count = 0;
    return kept * (1 + count) * (uint64_t)learner->layout.elements * sizeof(float);
}

static void check_learner(struct preflight *preflight) {
    struct sl_error error = {.status = SL_OK};
    struct sl_node *node = calloc(1, sizeof *node);
    if (node == NULL) {
        preflight_fail(preflight, "data", "", "out of memory");
        return;
    }
    node->settings = preflight->settings;
    enum sl_status status = node_create_learner(node, &error);
    if (status != SL_OK)
        preflight_fail(preflight, "data", "correct data.* or learner.*, or put the files there", "%s", error.text);
    else if (node->train == NULL)
        preflight_ok(preflight, "data", "none, for the idle trainer");
    else
        preflight_ok(preflight, "data", "%zu examples, %llu of them this node's, %zu to measure accuracy on",
                     node->train->count, (unsigned long long)node->learner->samples,
                     node->test != NULL ? node->test->count : 0);
    if (status == SL_OK)
        preflight_room(preflight, bytes_to_keep(preflight->settings, node->learner));
    sl_learner_destroy(node->learner);
    sl_dataset_destroy(node->train);
    sl_dataset_destroy(node->test);
    free(node);
}

static void check_topology(struct preflight *preflight) {
    const struct sl_settings *settings = preflight->settings;
    struct sl_topology topology;
    struct sl_error error = {.status = SL_OK};
    if (sl_topology_parse(&topology, settings->overlay.topology, &error) != SL_OK) {
        preflight_fail(preflight, "overlay.topology", "", "%s", error.text);
        return;
    }
    if (settings->flock.start_nodes < 2)
        preflight_ok(preflight, "overlay.topology", "%s", settings->overlay.topology);
    else if (sl_topology_check(&topology, (size_t)settings->flock.start_nodes, &error) == SL_OK)
        preflight_ok(preflight, "overlay.topology", "%s, which %llu nodes can form", settings->overlay.topology,
                     (unsigned long long)settings->flock.start_nodes);
    else
        preflight_warn(preflight, "overlay.topology", "change it, or flock.start_nodes", "%s", error.text);
    sl_topology_finish(&topology);
}

/* ---- the whole ---- */

enum sl_status sl_preflight(const struct sl_preflight_options *options, struct sl_preflight_counts *counts,
                            struct sl_error *error) {
    struct preflight preflight = {.options = options, .counts = counts};
    struct sl_settings *settings = NULL;
    *counts = (struct sl_preflight_counts){0};
    enum sl_status status = sl_crypto_start(error);
    if (status == SL_OK)
        status = load_settings(&preflight, &settings, error);
    if (status != SL_OK || settings == NULL)
        return status;
    preflight_files(&preflight);
    preflight_identity(&preflight);
    preflight_folders(&preflight);
    preflight_listeners(&preflight);
    check_learner(&preflight);
    check_topology(&preflight);
    status = preflight_peers(&preflight, error);
    sl_identity_unref(preflight.identity);
    sl_settings_destroy(settings);
    return status;
}

/* ---- lines ---- */

/* Whatever a peer or a file name puts into a line, it stays one and leaves the terminal alone. */
static void append_clean(struct sl_buffer *out, const char *text, enum sl_status *status) {
    for (size_t i = 0; text[i] != '\0' && *status == SL_OK; i++) {
        unsigned char byte = (unsigned char)text[i], next = (unsigned char)text[i + 1];
        bool is_control = byte < 0x20 || byte == 0x7f || (byte == 0xc2 && next >= 0x80 && next < 0xa0);
        i += is_control && byte == 0xc2;
        *status = sl_buffer_append(out, is_control ? "?" : &text[i], 1);
    }
}

static enum sl_status append_text(struct sl_buffer *out, const struct sl_finding *finding) {
    static const char *const levels[] = {
        [SL_FINDING_OK] = "ok    ", [SL_FINDING_WARNING] = "WARN  ", [SL_FINDING_FAILURE] = "FAIL  "};
    enum sl_status status = sl_buffer_printf(out, "%s", levels[finding->level]);
    append_clean(out, finding->what, &status);
    append_clean(out, ": ", &status);
    append_clean(out, finding->detail, &status);
    if (finding->advice[0] != '\0') {
        append_clean(out, " (", &status);
        append_clean(out, finding->advice, &status);
        append_clean(out, ")", &status);
    }
    return status;
}

static enum sl_status append_json(struct sl_buffer *out, const struct sl_finding *finding) {
    static const char *const levels[] = {
        [SL_FINDING_OK] = "ok", [SL_FINDING_WARNING] = "warning", [SL_FINDING_FAILURE] = "failure"};
    const struct {
        const char *key, *value;
    } members[] = {{"{\"level\": ", levels[finding->level]},
                   {", \"what\": ", finding->what},
                   {", \"detail\": ", finding->detail},
                   {", \"advice\": ", finding->advice}};
    enum sl_status status = SL_OK;
    for (size_t i = 0; i < sizeof members / sizeof *members && status == SL_OK; i++) {
        status = sl_buffer_append(out, members[i].key, strlen(members[i].key));
        if (status == SL_OK)
            status = sl_json_append_string(out, members[i].value);
    }
    return status == SL_OK ? sl_buffer_append(out, "}", 1) : status;
}

enum sl_status sl_finding_write(const struct sl_finding *finding, FILE *out, bool json) {
    struct sl_buffer line = {0};
    enum sl_status status = json ? append_json(&line, finding) : append_text(&line, finding);
    if (status == SL_OK)
        status = sl_buffer_append(&line, "\n", 1);
    if (status == SL_OK && fwrite(line.data, 1, line.length, out) != line.length)
        status = SL_IO;
    sl_buffer_finish(&line);
    return status;
}
