#include "settings/objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings/expected.h"
#include "settings/nearest.h"

enum { MEMBER_PATH_SIZE = 96, SHOWN_KEY_MAX = 40 };

/* Every such list is laid out like this; the pointers are copied, since their types differ. */
struct list {
    void *items;
    size_t count;
};

static struct list get_list(const void *record, const struct sl_setting *row) {
    struct list list;
    memcpy(&list, sl_setting_field_const(record, row), sizeof list);
    return list;
}

size_t sl_setting_item_count(const void *record, const struct sl_setting *row) {
    return get_list(record, row).count;
}

void *sl_setting_item(const void *record, const struct sl_setting *row, size_t index) {
    return (char *)get_list(record, row).items + index * row->object->item_size;
}

static unsigned get_given(const struct sl_setting *row, const void *item) {
    unsigned given = 0;
    memcpy(&given, (const char *)item + row->object->given, sizeof given);
    return given;
}

static void set_given(const struct sl_setting *row, void *item, size_t member) {
    unsigned given = get_given(row, item) | 1U << member;
    memcpy((char *)item + row->object->given, &given, sizeof given);
}

bool sl_setting_item_has(const struct sl_setting *row, const void *item, size_t member) {
    return (get_given(row, item) >> member & 1) != 0;
}

static bool says_more(const struct sl_setting *row, const void *item) {
    return !row->object->plain || get_given(row, item) > 1;
}

bool sl_setting_objects_say_more(const void *record, const struct sl_setting *row) {
    for (size_t i = 0; i < sl_setting_item_count(record, row); i++) {
        if (says_more(row, sl_setting_item(record, row, i)))
            return true;
    }
    return false;
}

static void clear_items(struct list *list, const struct sl_setting_object *object) {
    for (size_t i = 0; i < list->count; i++) {
        for (size_t m = 0; m < object->member_count; m++)
            sl_setting_clear((char *)list->items + i * object->item_size, &object->members[m]);
    }
    free(list->items);
    *list = (struct list){0};
}

void sl_setting_clear_objects(void *record, const struct sl_setting *row) {
    struct list list = get_list(record, row);
    clear_items(&list, row->object);
    memcpy(sl_setting_field(record, row), &list, sizeof list);
}

/* One item under construction. */
struct item {
    const struct sl_assignment *list;
    void *record;
    size_t index;
};

/* "transport.listen[1]", or with the member behind a dot. */
static void name_item(char out[MEMBER_PATH_SIZE], const struct item *item, const char *member) {
    snprintf(out, MEMBER_PATH_SIZE, "%s[%zu]%s%.*s", item->list->path, item->index, member == NULL ? "" : ".",
             SHOWN_KEY_MAX, member == NULL ? "" : member);
    for (char *c = out; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
}

static bool assign_member(const struct item *item, const struct sl_setting *member, const char *path,
                          const struct sl_source *source, const cJSON *value) {
    const struct sl_assignment assignment = {
        .record = item->record, .row = member, .path = path, .source = source, .problems = item->list->problems};
    return sl_setting_assign(&assignment, value, false);
}

static bool assign_defaults(const struct item *item) {
    const struct sl_setting_object *object = item->list->row->object;
    bool good = true;
    for (size_t i = 0; good && i < object->member_count; i++) {
        const struct sl_setting *member = &object->members[i];
        if (member->standard == NULL)
            continue;
        cJSON *value = sl_setting_read_text(member, member->standard);
        good = value != NULL && assign_member(item, member, item->list->path, item->list->source, value);
        cJSON_Delete(value);
    }
    return good || sl_problems_note(item->list->problems, SL_NO_MEMORY);
}

static bool refuse_unknown(const struct item *item, const char *key) {
    struct sl_problems *problems = item->list->problems;
    char path[MEMBER_PATH_SIZE];
    name_item(path, item, key);
    const char *nearest = sl_problems_are_full(problems) ? "" : sl_setting_nearest_member(item->list->row->object, key);
    sl_problems_add(problems, item->list->source->name, path, "unknown key; the nearest known one is \"%s\"", nearest);
    return false;
}

static bool refuse_missing(const struct item *item, const struct sl_setting *member) {
    char path[MEMBER_PATH_SIZE];
    char expected[SL_EXPECTED_SIZE];
    name_item(path, item, member->path);
    sl_setting_expected(expected, member, false);
    sl_problems_add(item->list->problems, item->list->source->name, path, "expected %s, found nothing", expected);
    return false;
}

static bool assign_object(const struct item *item, const cJSON *value) {
    const struct sl_setting *row = item->list->row;
    bool good = true;
    const cJSON *found = NULL;
    cJSON_ArrayForEach(found, value) {
        const struct sl_setting *member = sl_setting_member_find(row->object, found->string);
        if (member == NULL) {
            good = refuse_unknown(item, found->string);
            continue;
        }
        char path[MEMBER_PATH_SIZE];
        name_item(path, item, member->path);
        good = assign_member(item, member, path, item->list->source, found) && good;
        set_given(row, item->record, (size_t)(member - row->object->members));
    }
    for (size_t i = 0; i < row->object->member_count; i++) {
        const struct sl_setting *member = &row->object->members[i];
        if (member->standard == NULL && !sl_setting_item_has(row, item->record, i))
            good = refuse_missing(item, member);
    }
    return good;
}

static bool assign_item(const struct item *item, const cJSON *value) {
    const struct sl_setting *row = item->list->row;
    if (!cJSON_IsObject(value) && !(row->object->plain && cJSON_IsString(value)))
        return sl_setting_refuse(item->list, value, (int)item->index);
    if (!assign_defaults(item))
        return false;
    if (cJSON_IsObject(value))
        return assign_object(item, value);
    char path[MEMBER_PATH_SIZE];
    name_item(path, item, NULL);
    set_given(row, item->record, 0);
    return assign_member(item, &row->object->members[0], path, item->list->source, value);
}

bool sl_setting_assign_objects(const struct sl_assignment *assignment, const cJSON *value) {
    const struct sl_setting *row = assignment->row;
    size_t count = cJSON_IsArray(value) ? (size_t)cJSON_GetArraySize(value) : 0;
    if (!cJSON_IsArray(value) || !sl_setting_is_within(row, (double)count))
        return sl_setting_refuse(assignment, value, SL_WHOLE);
    struct list list = {.items = calloc(count + 1, row->object->item_size), .count = count};
    if (list.items == NULL)
        return sl_problems_note(assignment->problems, SL_NO_MEMORY);

    bool good = true;
    size_t index = 0;
    const cJSON *found = NULL;
    cJSON_ArrayForEach(found, value) {
        const struct item item = {
            .list = assignment, .record = (char *)list.items + index * row->object->item_size, .index = index};
        good = assign_item(&item, found) && good;
        index++;
    }
    if (!good) {
        clear_items(&list, row->object);
        return false;
    }
    sl_setting_clear_objects(assignment->record, row);
    memcpy(sl_setting_field(assignment->record, row), &list, sizeof list);
    return true;
}

static enum sl_status format_item(struct sl_buffer *out, const struct sl_setting *row, const void *item) {
    if (!says_more(row, item))
        return sl_setting_format(out, item, &row->object->members[0]);
    enum sl_status status = sl_buffer_append(out, "{", 1);
    bool first = true;
    for (size_t i = 0; status == SL_OK && i < row->object->member_count; i++) {
        if (!sl_setting_item_has(row, item, i))
            continue;
        status = sl_buffer_printf(out, "%s\"%s\": ", first ? "" : ", ", row->object->members[i].path);
        if (status == SL_OK)
            status = sl_setting_format(out, item, &row->object->members[i]);
        first = false;
    }
    return status == SL_OK ? sl_buffer_append(out, "}", 1) : status;
}

enum sl_status sl_setting_format_objects(struct sl_buffer *out, const void *record, const struct sl_setting *row) {
    enum sl_status status = sl_buffer_append(out, "[", 1);
    for (size_t i = 0; status == SL_OK && i < sl_setting_item_count(record, row); i++) {
        if (i > 0)
            status = sl_buffer_append(out, ", ", 2);
        if (status == SL_OK)
            status = format_item(out, row, sl_setting_item(record, row, i));
    }
    return status == SL_OK ? sl_buffer_append(out, "]", 1) : status;
}
