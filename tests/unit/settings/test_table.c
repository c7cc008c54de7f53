#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "settings/problems.h"
#include "settings/table.h"
#include "settings/value.h"

static void expect_whole(const struct sl_setting *rows, size_t count, size_t record_size) {
    for (size_t i = 0; i < count; i++) {
        const struct sl_setting *row = &rows[i];
        size_t length = strlen(row->description);
        cr_expect_gt(length, 10, "%s has no description", row->path);
        cr_expect_eq(row->description[length - 1], '.', "%s: not a sentence", row->path);
        for (const char *c = row->description; *c != '\0'; c++)
            cr_expect(*c >= 0x20 && *c < 0x7f && *c != '|', "%s: character %d", row->path, *c);
        cr_expect_eq(row->choices != NULL, row->type == SL_SETTING_CHOICE, "%s", row->path);
        cr_expect_leq(row->offset + row->size, record_size, "%s", row->path);
        cr_expect_leq(row->min, row->max, "%s", row->path);
        cr_expect_leq(strlen("STARLING_") + strlen(row->path) + 1, SL_SETTING_VARIABLE_SIZE, "%s", row->path);
        if (row->type == SL_SETTING_INTEGER)
            cr_expect(row->min >= 0 && row->max < ldexp(1, 53), "%s: not exact in JSON", row->path);
        if (row->adds)
            cr_expect(sl_setting_is_list(row), "%s", row->path);
        cr_expect_eq(row->object != NULL, row->type == SL_SETTING_OBJECTS, "%s", row->path);
    }
}

Test(table, every_row_is_whole) {
    expect_whole(sl_setting_table, sl_setting_count, sizeof(struct sl_settings));
    for (size_t i = 0; i < sl_setting_count; i++) {
        const struct sl_setting_object *object = sl_setting_table[i].object;
        if (object == NULL)
            continue;
        expect_whole(object->members, object->member_count, object->item_size);
        cr_expect_leq(object->member_count, 32);
        cr_expect_leq(object->given + sizeof(unsigned), object->item_size);
        for (size_t m = 0; m < object->member_count; m++) {
            const struct sl_setting *member = &object->members[m];
            cr_expect_eq(sl_setting_member_find(object, member->path), member, "%s stands twice", member->path);
            cr_expect(!member->security && !member->adds && member->object == NULL, "%s", member->path);
            cr_expect(member->offset + member->size <= object->given || member->offset > object->given, "%s",
                      member->path);
        }
    }
}

static void expect_sizes(const struct sl_setting *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct sl_setting *row = &rows[i];
        switch (row->type) {
        case SL_SETTING_BOOLEAN:
            cr_expect_eq(row->size, sizeof(bool), "%s", row->path);
            break;
        case SL_SETTING_INTEGER:
            cr_expect_eq(row->size, sizeof(uint64_t), "%s", row->path);
            break;
        case SL_SETTING_NUMBER:
            cr_expect_eq(row->size, sizeof(double), "%s", row->path);
            break;
        case SL_SETTING_CHOICE:
            cr_expect(row->size == sizeof(bool) || row->size == sizeof(unsigned), "%s", row->path);
            break;
        case SL_SETTING_NAME:
        case SL_SETTING_TEXT:
        case SL_SETTING_PATH:
        case SL_SETTING_KEY:
        case SL_SETTING_ADDRESS:
        case SL_SETTING_TOPOLOGY:
        case SL_SETTING_PARTITION:
            cr_expect_eq(row->size, sizeof(char *), "%s", row->path);
            break;
        case SL_SETTING_ADDRESSES:
        case SL_SETTING_PATHS:
        case SL_SETTING_NAMES:
        case SL_SETTING_OBJECTS:
            cr_expect_eq(row->size, sizeof(struct sl_string_list), "%s", row->path);
            break;
        }
    }
}

Test(table, every_field_has_the_size_of_its_type) {
    expect_sizes(sl_setting_table, sl_setting_count);
    for (size_t i = 0; i < sl_setting_count; i++) {
        if (sl_setting_table[i].object != NULL)
            expect_sizes(sl_setting_table[i].object->members, sl_setting_table[i].object->member_count);
    }
}

Test(table, paths_and_fields_are_unique_and_in_their_section) {
    for (size_t i = 0; i < sl_setting_count; i++) {
        const struct sl_setting *row = &sl_setting_table[i];
        size_t sections = 0;
        for (size_t j = 0; j < sl_setting_section_count; j++)
            sections += sl_setting_is_in(row->path, sl_setting_sections[j].name);
        cr_expect_eq(sections, 1, "%s", row->path);
        cr_expect_eq(sl_setting_find(row->path), row, "%s stands twice", row->path);
        for (size_t j = 0; j < i; j++) {
            const struct sl_setting *other = &sl_setting_table[j];
            cr_expect(other->offset + other->size <= row->offset || row->offset + row->size <= other->offset,
                      "%s and %s share a field", row->path, other->path);
        }
    }
}

/* A default goes through the same checks as a value from the file, so this is all that "within its range" can mean. */
static void expect_good_defaults(void *record, const struct sl_setting *rows, size_t count) {
    const struct sl_source source = {.origin = SL_ORIGIN_DEFAULT, .name = "default", .folder = "folder"};
    for (size_t i = 0; i < count; i++) {
        struct sl_problems problems = {0};
        const struct sl_assignment assignment = {
            .record = record, .row = &rows[i], .path = rows[i].path, .source = &source, .problems = &problems};
        if (rows[i].standard == NULL)
            continue;
        cJSON *value = sl_setting_read_text(&rows[i], rows[i].standard);
        cr_assert_not_null(value);
        cr_expect(sl_setting_assign(&assignment, value, false), "%s", rows[i].path);
        cr_expect_eq(problems.count, 0, "%s", rows[i].path);
        cJSON_Delete(value);
        sl_setting_clear(record, &rows[i]);
        cr_expect_eq(sl_problems_finish(&problems, NULL), SL_OK);
    }
}

Test(table, every_default_is_accepted) {
    struct sl_settings settings = {0};
    expect_good_defaults(&settings, sl_setting_table, sl_setting_count);
    for (size_t i = 0; i < sl_setting_count; i++) {
        const struct sl_setting_object *object = sl_setting_table[i].object;
        if (object == NULL)
            continue;
        void *item = calloc(1, object->item_size);
        cr_assert_not_null(item);
        expect_good_defaults(item, object->members, object->member_count);
        free(item);
    }
}

Test(table, only_what_decides_security_comes_from_the_file_alone) {
    static const char *const others[] = {"transport.priorities", "transport.connection_security", "transport.peers",
                                         "membership.expel_on_proof", "node.confine"};
    for (size_t i = 0; i < sl_setting_count; i++) {
        const struct sl_setting *row = &sl_setting_table[i];
        bool expected = sl_setting_is_in(row->path, "identity");
        for (size_t j = 0; j < sizeof others / sizeof *others; j++)
            expected = expected || strcmp(row->path, others[j]) == 0;
        cr_expect_eq(row->security, expected, "%s", row->path);
    }
}

Test(table, variable) {
    char variable[SL_SETTING_VARIABLE_SIZE];
    sl_setting_variable(variable, "round.min_peers_to_start");
    cr_expect_str_eq(variable, "STARLING_ROUND_MIN_PEERS_TO_START");
}
