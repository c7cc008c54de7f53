#include "settings/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <starling/name.h>

#include "base/address.h"
#include "base/file.h"
#include "settings/expected.h"
#include "settings/objects.h"
#include "settings/syntax.h"

enum { ITEM_PATH_SIZE = 96 };

bool sl_setting_refuse(const struct sl_assignment *assignment, const cJSON *value, int index) {
    char path[ITEM_PATH_SIZE];
    char expected[SL_EXPECTED_SIZE];
    char found[SL_FOUND_SIZE];
    if (index == SL_WHOLE)
        snprintf(path, sizeof path, "%s", assignment->path);
    else
        snprintf(path, sizeof path, "%s[%d]", assignment->path, index);
    sl_setting_expected(expected, assignment->row, index != SL_WHOLE);
    sl_setting_found(found, value);
    sl_problems_add(assignment->problems, assignment->source->name, path, "expected %s, found %s", expected, found);
    return false;
}

bool sl_setting_is_within(const struct sl_setting *row, double number) {
    return isfinite(number) && (row->above_min ? number > row->min : number >= row->min) &&
           (row->below_max ? number < row->max : number <= row->max);
}

static bool has_control_characters(const char *text) {
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    }
    return false;
}

static bool is_good_address(const struct sl_setting *row, const char *text) {
    struct sl_address address;
    return sl_address_parse(&address, text, NULL) == SL_OK && (address.port != 0 || !row->dialled);
}

static bool is_good_text(const struct sl_setting *row, const char *text) {
    if (!sl_setting_is_within(row, (double)strlen(text)) || has_control_characters(text))
        return false;
    if (row->type == SL_SETTING_NAME)
        return text[0] == '\0' || sl_name_is_valid(text);
    if (row->type == SL_SETTING_ADDRESS)
        return is_good_address(row, text);
    if (row->type == SL_SETTING_TOPOLOGY)
        return sl_topology_syntax_is_valid(text);
    if (row->type == SL_SETTING_PARTITION)
        return sl_partition_syntax_is_valid(text, NULL);
    return true;
}

static bool is_good_item(const struct sl_setting *row, const cJSON *item) {
    if (!cJSON_IsString(item) || has_control_characters(item->valuestring))
        return false;
    if (row->type == SL_SETTING_ADDRESSES)
        return is_good_address(row, item->valuestring);
    if (row->type == SL_SETTING_NAMES)
        return sl_name_is_valid(item->valuestring);
    return item->valuestring[0] != '\0' && strlen(item->valuestring) < 4096;
}

/* prefix + (folder + "/" + path, or path when absolute); NULL when out of memory. */
static char *join_behind(const char *prefix, const char *folder, const char *path) {
    char *joined = sl_path_join(folder, path);
    char *out = NULL;
    if (joined != NULL && asprintf(&out, "%s%s", prefix, joined) < 0)
        out = NULL;
    free(joined);
    return out;
}

/* Whether text that is not empty starts at the folder of the settings file. */
static bool is_path(const struct sl_setting *row, const char *text) {
    if (row->type == SL_SETTING_KEY)
        return strncmp(text, "pkcs11:", strlen("pkcs11:")) != 0;
    return row->type == SL_SETTING_PATH || row->type == SL_SETTING_PATHS;
}

/* The text as the struct holds it: paths joined. NULL when out of memory. */
static char *own_text(const struct sl_assignment *assignment, const char *text) {
    const char *folder = assignment->source->folder;
    const char *graph = assignment->row->type == SL_SETTING_TOPOLOGY ? sl_topology_syntax_file(text) : NULL;
    if (graph != NULL)
        return join_behind("file:", folder, graph);
    return text[0] != '\0' && is_path(assignment->row, text) ? sl_path_join(folder, text) : strdup(text);
}

static bool assign_text(const struct sl_assignment *assignment, const cJSON *value) {
    if (!cJSON_IsString(value) || !is_good_text(assignment->row, value->valuestring))
        return sl_setting_refuse(assignment, value, SL_WHOLE);
    char *text = own_text(assignment, value->valuestring);
    if (text == NULL)
        return sl_problems_note(assignment->problems, SL_NO_MEMORY);
    char **field = sl_setting_field(assignment->record, assignment->row);
    free(*field);
    *field = text;
    return true;
}

static void free_list(struct sl_string_list *list) {
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct sl_string_list){0};
}

/* Appends copies of what the array has; false when out of memory, with the list still whole. */
static bool append_items(struct sl_string_list *list, const struct sl_assignment *assignment, const cJSON *array) {
    size_t more = (size_t)cJSON_GetArraySize(array);
    if (more == 0)
        return true;
    char **items = reallocarray(list->items, list->count + more, sizeof *items);
    if (items == NULL)
        return false;
    list->items = items;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, array) {
        char *text = own_text(assignment, item->valuestring);
        if (text == NULL)
            return false;
        list->items[list->count++] = text;
    }
    return true;
}

static bool check_list(const struct sl_assignment *assignment, const cJSON *value, size_t already) {
    if (!cJSON_IsArray(value) ||
        !sl_setting_is_within(assignment->row, (double)(already + (size_t)cJSON_GetArraySize(value))))
        return sl_setting_refuse(assignment, value, SL_WHOLE);
    bool good = true;
    int index = 0;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, value) {
        if (!is_good_item(assignment->row, item))
            good = sl_setting_refuse(assignment, item, index);
        index++;
    }
    return good;
}

static bool assign_list(const struct sl_assignment *assignment, const cJSON *value, bool add) {
    struct sl_string_list *field = sl_setting_field(assignment->record, assignment->row);
    if (!check_list(assignment, value, add ? field->count : 0))
        return false;
    if (!add)
        free_list(field);
    return sl_problems_note(assignment->problems, append_items(field, assignment, value) ? SL_OK : SL_NO_MEMORY);
}

static bool assign_number(const struct sl_assignment *assignment, const cJSON *value) {
    const struct sl_setting *row = assignment->row;
    if (!cJSON_IsNumber(value) || !sl_setting_is_within(row, value->valuedouble))
        return sl_setting_refuse(assignment, value, SL_WHOLE);
    if (row->type == SL_SETTING_NUMBER) {
        *(double *)sl_setting_field(assignment->record, row) = value->valuedouble;
        return true;
    }
    if (value->valuedouble != floor(value->valuedouble))
        return sl_setting_refuse(assignment, value, SL_WHOLE);
    *(uint64_t *)sl_setting_field(assignment->record, row) = (uint64_t)value->valuedouble;
    return true;
}

static bool assign_choice(const struct sl_assignment *assignment, const cJSON *value) {
    const char *const *choices = assignment->row->choices;
    for (unsigned i = 0; cJSON_IsString(value) && choices[i] != NULL; i++) {
        if (strcmp(choices[i], value->valuestring) == 0) {
            sl_setting_put_choice(assignment->record, assignment->row, i);
            return true;
        }
    }
    return sl_setting_refuse(assignment, value, SL_WHOLE);
}

static bool assign_boolean(const struct sl_assignment *assignment, const cJSON *value) {
    if (!cJSON_IsBool(value))
        return sl_setting_refuse(assignment, value, SL_WHOLE);
    *(bool *)sl_setting_field(assignment->record, assignment->row) = cJSON_IsTrue(value);
    return true;
}

bool sl_setting_assign(const struct sl_assignment *assignment, const cJSON *value, bool add) {
    switch (assignment->row->type) {
    case SL_SETTING_BOOLEAN:
        return assign_boolean(assignment, value);
    case SL_SETTING_INTEGER:
    case SL_SETTING_NUMBER:
        return assign_number(assignment, value);
    case SL_SETTING_CHOICE:
        return assign_choice(assignment, value);
    case SL_SETTING_NAME:
    case SL_SETTING_TEXT:
    case SL_SETTING_PATH:
    case SL_SETTING_KEY:
    case SL_SETTING_ADDRESS:
    case SL_SETTING_TOPOLOGY:
    case SL_SETTING_PARTITION:
        return assign_text(assignment, value);
    case SL_SETTING_ADDRESSES:
    case SL_SETTING_PATHS:
    case SL_SETTING_NAMES:
        return assign_list(assignment, value, add);
    case SL_SETTING_OBJECTS:
        return sl_setting_assign_objects(assignment, value);
    }
    return false;
}

void sl_setting_clear(void *record, const struct sl_setting *row) {
    if (row->type == SL_SETTING_OBJECTS) {
        sl_setting_clear_objects(record, row);
    } else if (sl_setting_is_list(row)) {
        free_list(sl_setting_field(record, row));
    } else if (sl_setting_is_text(row)) {
        char **field = sl_setting_field(record, row);
        free(*field);
        *field = NULL;
    }
}

void sl_setting_put_choice(void *record, const struct sl_setting *row, unsigned index) {
    if (row->size == sizeof(bool)) {
        *(bool *)sl_setting_field(record, row) = index != 0;
    } else {
        memcpy(sl_setting_field(record, row), &index, sizeof index);
    }
}

unsigned sl_setting_get_choice(const void *record, const struct sl_setting *row) {
    if (row->size == sizeof(bool))
        return *(const bool *)sl_setting_field_const(record, row);
    unsigned index = 0;
    memcpy(&index, sl_setting_field_const(record, row), sizeof index);
    return index;
}
