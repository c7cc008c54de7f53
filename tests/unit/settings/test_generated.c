/* What is made of the table is current, and the samples are good. `ninja settings-docs` writes the files anew. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "settings/table.h"
#include "json/json.h"

static char *read_text(const char *path) {
    char full[512];
    struct sl_buffer text = {0};
    struct sl_error error = {0};
    snprintf(full, sizeof full, SOURCE_ROOT "/%s", path);
    enum sl_status status = sl_file_read(&text, full, 1 << 20, &error);
    cr_assert_eq(status, SL_OK, "%s", error.text);
    return (char *)text.data;
}

static char *write_text(enum sl_status (*write)(FILE *out)) {
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    cr_assert_eq(write(stream), SL_OK);
    cr_assert_eq(fclose(stream), 0);
    return text;
}

Test(generated, schema_is_current) {
    char *expected = write_text(sl_settings_write_schema);
    char *found = read_text("settings/schema.json");
    cr_expect(strcmp(found, expected) == 0, "settings/schema.json is not what the table makes");
    free(found);
    free(expected);
}

Test(generated, reference_is_current) {
    char *expected = write_text(sl_settings_write_reference);
    char *found = read_text("docs/settings.md");
    cr_expect(strcmp(found, expected) == 0, "docs/settings.md is not what the table makes");
    free(found);
    free(expected);
}

Test(generated, manual_is_current) {
    char *expected = write_text(sl_settings_write_manual);
    char *page = read_text("docs/man/starling-settings.5");
    char *begin = strstr(page, ": begin\n");
    cr_assert_not_null(begin);
    begin += strlen(": begin\n");
    char *end = strstr(begin, ".\\\" end\n");
    cr_assert_not_null(end);
    *end = '\0';
    cr_expect(strcmp(begin, expected) == 0, "docs/man/starling-settings.5 is not what the table makes");
    free(page);
    free(expected);
}

Test(generated, every_setting_is_described_everywhere) {
    char *reference = write_text(sl_settings_write_reference);
    char *manual = write_text(sl_settings_write_manual);
    for (size_t i = 0; i < sl_setting_count; i++) {
        char text[128];
        snprintf(text, sizeof text, "\n### `%s`\n", sl_setting_table[i].path);
        cr_expect_not_null(strstr(reference, text), "%s", sl_setting_table[i].path);
        snprintf(text, sizeof text, "\n.It Cm %s\n", sl_setting_table[i].path);
        cr_expect_not_null(strstr(manual, text), "%s", sl_setting_table[i].path);
        const struct sl_setting_object *object = sl_setting_table[i].object;
        for (size_t m = 0; object != NULL && m < object->member_count; m++) {
            snprintf(text, sizeof text, "\n  - `%s`: ", object->members[m].path);
            cr_expect_not_null(strstr(reference, text), "%s", text);
            snprintf(text, sizeof text, "\n.It Cm %s\n", object->members[m].path);
            cr_expect_not_null(strstr(manual, text), "%s", text);
        }
    }
    free(manual);
    free(reference);
}

static bool schema_has_members(const cJSON *list, const struct sl_setting_object *object) {
    const cJSON *items = cJSON_GetObjectItemCaseSensitive(list, "items");
    if (object->plain)
        items = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(items, "anyOf"), 1);
    const cJSON *members = cJSON_GetObjectItemCaseSensitive(items, "properties");
    bool good = cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(items, "additionalProperties"));
    for (size_t i = 0; i < object->member_count; i++)
        good = good && cJSON_HasObjectItem(members, object->members[i].path);
    return good && (size_t)cJSON_GetArraySize(members) == object->member_count;
}

Test(generated, schema_has_every_setting_with_its_range) {
    char *text = write_text(sl_settings_write_schema);
    cJSON *schema = NULL;
    cr_assert_eq(sl_json_parse(&schema, text, strlen(text), NULL), SL_OK);
    const cJSON *sections = cJSON_GetObjectItemCaseSensitive(schema, "properties");
    cr_expect_eq((size_t)cJSON_GetArraySize(sections), sl_setting_section_count + 1); /* and $schema */
    size_t count = 0;
    for (size_t i = 0; i < sl_setting_count; i++) {
        const struct sl_setting *row = &sl_setting_table[i];
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(row->path, "."), row->path);
        const cJSON *section = cJSON_GetObjectItemCaseSensitive(sections, name);
        cr_assert(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(section, "additionalProperties")), "%s", name);
        const cJSON *keys = cJSON_GetObjectItemCaseSensitive(section, "properties");
        const cJSON *key = cJSON_GetObjectItemCaseSensitive(keys, sl_setting_key(row));
        cr_assert(cJSON_IsObject(key), "%s", row->path);
        count++;
        if (row->object != NULL)
            cr_expect(schema_has_members(key, row->object), "%s", row->path);
        if (row->type == SL_SETTING_INTEGER)
            cr_expect_eq(cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(key, "maximum")), row->max, "%s",
                         row->path);
    }
    cr_expect_eq(count, sl_setting_count);
    cJSON_Delete(schema);
    free(text);
}

static void expect_good(const char *path) {
    char full[512];
    struct sl_settings *settings = NULL;
    struct sl_error error = {0};
    snprintf(full, sizeof full, SOURCE_ROOT "/%s", path);
    cr_expect_eq(sl_settings_load(&settings, full, NULL, 0, &error), SL_OK, "%s", error.text);
    sl_settings_destroy(settings);
}

Test(generated, samples_are_good) {
    expect_good("settings/minimal.json");
    expect_good("settings/hospital.json");
    expect_good("settings/testnet-node.json");
    expect_good("settings/behind-proxy.json");
}
