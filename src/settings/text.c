/* Values as text: what flags, variables and defaults say, and what `show` prints. */
#include <stdlib.h>
#include <string.h>

#include "settings/objects.h"
#include "settings/value.h"

static cJSON *read_list(const char *text) {
    cJSON *array = cJSON_CreateArray();
    if (array == NULL || text[0] == '\0')
        return array;
    char *copy = strdup(text);
    char *rest = copy;
    bool good = copy != NULL;
    while (good && rest != NULL) {
        const char *word = strsep(&rest, ",");
        cJSON *item = cJSON_CreateString(word);
        good = cJSON_AddItemToArray(array, item);
        if (!good)
            cJSON_Delete(item);
    }
    free(copy);
    if (!good) {
        cJSON_Delete(array);
        array = NULL;
    }
    return array;
}

cJSON *sl_setting_read_text(const struct sl_setting *row, const char *text) {
    if (sl_setting_is_list(row) || row->type == SL_SETTING_OBJECTS)
        return read_list(text);
    bool bare = row->type == SL_SETTING_BOOLEAN || row->type == SL_SETTING_INTEGER || row->type == SL_SETTING_NUMBER;
    cJSON *value = NULL;
    if (bare && sl_json_parse(&value, text, strlen(text), NULL) == SL_OK) {
        if (cJSON_IsBool(value) || cJSON_IsNumber(value))
            return value;
        cJSON_Delete(value);
    }
    return cJSON_CreateString(text);
}

static enum sl_status format_list(struct sl_buffer *out, const struct sl_string_list *list) {
    enum sl_status status = sl_buffer_append(out, "[", 1);
    for (size_t i = 0; status == SL_OK && i < list->count; i++) {
        if (i > 0)
            status = sl_buffer_append(out, ", ", 2);
        if (status == SL_OK)
            status = sl_json_append_string(out, list->items[i]);
    }
    return status == SL_OK ? sl_buffer_append(out, "]", 1) : status;
}

enum sl_status sl_setting_format(struct sl_buffer *out, const void *record, const struct sl_setting *row) {
    const void *field = sl_setting_field_const(record, row);
    switch (row->type) {
    case SL_SETTING_BOOLEAN:
        return sl_buffer_printf(out, "%s", *(const bool *)field ? "true" : "false");
    case SL_SETTING_INTEGER:
        return sl_json_append_number(out, (double)*(const uint64_t *)field);
    case SL_SETTING_NUMBER:
        return sl_json_append_number(out, *(const double *)field);
    case SL_SETTING_CHOICE:
        return sl_json_append_string(out, row->choices[sl_setting_get_choice(record, row)]);
    case SL_SETTING_NAME:
    case SL_SETTING_TEXT:
    case SL_SETTING_PATH:
    case SL_SETTING_KEY:
    case SL_SETTING_ADDRESS:
    case SL_SETTING_TOPOLOGY:
    case SL_SETTING_PARTITION:
        return sl_json_append_string(out, *(char *const *)field);
    case SL_SETTING_ADDRESSES:
    case SL_SETTING_PATHS:
    case SL_SETTING_NAMES:
        return format_list(out, field);
    case SL_SETTING_OBJECTS:
        return sl_setting_format_objects(out, record, row);
    }
    return SL_INTERNAL;
}
