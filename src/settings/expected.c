#include "settings/expected.h"

#include <stdio.h>
#include <string.h>

enum { FOUND_BYTES_MAX = 60 };

static void describe_choices(char out[SL_EXPECTED_SIZE], const struct sl_setting *row) {
    size_t used = 0;
    for (size_t i = 0; row->choices[i] != NULL && used < SL_EXPECTED_SIZE; i++) {
        const char *joint = i == 0 ? "" : row->choices[i + 1] == NULL ? " or " : ", ";
        used += (size_t)snprintf(out + used, SL_EXPECTED_SIZE - used, "%s\"%s\"", joint, row->choices[i]);
    }
}

static void describe_number(char out[SL_EXPECTED_SIZE], const struct sl_setting *row) {
    char min[SL_JSON_NUMBER_SIZE];
    char max[SL_JSON_NUMBER_SIZE];
    sl_json_format_number(min, row->min);
    sl_json_format_number(max, row->max);
    const char *kind = row->type == SL_SETTING_INTEGER ? "an integer" : "a number";
    const char *from = row->above_min ? "above" : "from";
    const char *to = row->below_max ? ", below" : row->above_min ? ", at most" : " to";
    snprintf(out, SL_EXPECTED_SIZE, "%s %s %s%s %s%s%s", kind, from, min, to, max, row->unit == NULL ? "" : " ",
             row->unit == NULL ? "" : row->unit);
}

static void describe_name(char out[SL_EXPECTED_SIZE], const struct sl_setting *row) {
    snprintf(out, SL_EXPECTED_SIZE, "a name of 1 to 63 characters a-z, 0-9 and, not first, -%s",
             row->min > 0 ? "" : " (\"\" for none)");
}

static void describe_path(char out[SL_EXPECTED_SIZE], const struct sl_setting *row) {
    snprintf(out, SL_EXPECTED_SIZE, "a path of %s%g bytes%s", row->min > 0 ? "1 to " : "at most ", row->max,
             row->min > 0 ? "" : " (\"\" for none)");
}

static void describe_list(char out[SL_EXPECTED_SIZE], const struct sl_setting *row) {
    const char *items = "paths";
    if (row->type == SL_SETTING_ADDRESSES)
        items = "\"host:port\"";
    else if (row->type == SL_SETTING_NAMES)
        items = "names";
    else if (row->type == SL_SETTING_OBJECTS)
        items = row->object->plain ? "\"host:port\" or objects" : "objects";
    if (row->min > 0)
        snprintf(out, SL_EXPECTED_SIZE, "a list of %g to %g %s", row->min, row->max, items);
    else
        snprintf(out, SL_EXPECTED_SIZE, "a list of at most %g %s", row->max, items);
}

static void describe_item(char out[SL_EXPECTED_SIZE], const struct sl_setting *row) {
    const char *item = "a path of 1 to 4095 bytes";
    if (row->type == SL_SETTING_ADDRESSES)
        item = "\"host:port\"";
    else if (row->type == SL_SETTING_NAMES)
        item = "a name of 1 to 63 characters a-z, 0-9 and, not first, -";
    else if (row->type == SL_SETTING_OBJECTS)
        item = row->object->plain ? "\"host:port\" or an object" : "an object";
    snprintf(out, SL_EXPECTED_SIZE, "%s", item);
}

void sl_setting_expected(char out[SL_EXPECTED_SIZE], const struct sl_setting *row, bool item) {
    out[0] = '\0';
    switch (row->type) {
    case SL_SETTING_BOOLEAN:
        snprintf(out, SL_EXPECTED_SIZE, "true or false");
        return;
    case SL_SETTING_INTEGER:
    case SL_SETTING_NUMBER:
        describe_number(out, row);
        return;
    case SL_SETTING_CHOICE:
        describe_choices(out, row);
        return;
    case SL_SETTING_NAME:
        describe_name(out, row);
        return;
    case SL_SETTING_TEXT:
        snprintf(out, SL_EXPECTED_SIZE, "text of %g to %g bytes without control characters", row->min, row->max);
        return;
    case SL_SETTING_PATH:
        describe_path(out, row);
        return;
    case SL_SETTING_KEY:
        describe_path(out, row);
        snprintf(out + strlen(out), SL_EXPECTED_SIZE - strlen(out), " or a URI \"pkcs11:...\"");
        return;
    case SL_SETTING_ADDRESS:
        snprintf(out, SL_EXPECTED_SIZE, "\"host:port\"");
        return;
    case SL_SETTING_TOPOLOGY:
        snprintf(out, SL_EXPECTED_SIZE,
                 "\"full\", \"ring\", \"torus\", \"hypercube\", \"star\", \"regular:S\", \"static-regular:S\", "
                 "\"small-world:K,P\" (S, K even, 2 to 1024; P from 0 to 1) or \"file:PATH\"");
        return;
    case SL_SETTING_PARTITION:
        snprintf(out, SL_EXPECTED_SIZE,
                 "\"iid\", \"shards:K\" (K from 1), \"dirichlet:ALPHA\" (above 0) or \"share:P1,P2,...\" (each above "
                 "0)");
        return;
    case SL_SETTING_ADDRESSES:
    case SL_SETTING_PATHS:
    case SL_SETTING_NAMES:
    case SL_SETTING_OBJECTS:
        (item ? describe_item : describe_list)(out, row);
        return;
    }
}

/* Cuts at a character of UTF-8, so that the message stays text. */
static size_t cut_length(const char *text) {
    size_t length = strlen(text);
    if (length <= FOUND_BYTES_MAX)
        return length;
    length = FOUND_BYTES_MAX;
    while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    return length;
}

static void quote(char out[SL_FOUND_SIZE], const char *text) {
    char cut[FOUND_BYTES_MAX + 4];
    size_t length = cut_length(text);
    snprintf(cut, sizeof cut, "%.*s%s", (int)length, text, text[length] == '\0' ? "" : "...");
    struct sl_buffer quoted = {0};
    if (sl_json_append_string(&quoted, cut) == SL_OK)
        snprintf(out, SL_FOUND_SIZE, "%.*s", (int)quoted.length, (const char *)quoted.data);
    else
        snprintf(out, SL_FOUND_SIZE, "text");
    sl_buffer_finish(&quoted);
}

void sl_setting_found(char out[SL_FOUND_SIZE], const cJSON *value) {
    const char *word = "nothing";
    if (cJSON_IsString(value)) {
        quote(out, value->valuestring);
        return;
    }
    if (cJSON_IsNumber(value)) {
        sl_json_format_number(out, value->valuedouble);
        return;
    }
    if (cJSON_IsBool(value))
        word = cJSON_IsTrue(value) ? "true" : "false";
    else if (cJSON_IsNull(value))
        word = "null";
    else if (cJSON_IsArray(value))
        word = "a list";
    else if (cJSON_IsObject(value))
        word = "an object";
    snprintf(out, SL_FOUND_SIZE, "%s", word);
}
