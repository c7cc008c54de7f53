/* defaults → file → environment → flags → what concerns several keys; then all problems at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "settings/check.h"
#include "settings/expected.h"
#include "settings/nearest.h"
#include "settings/objects.h"
#include "settings/origins.h"

enum { FILE_SIZE_MAX = 1 << 20, SHOWN_KEY_MAX = 80, KEY_SIZE = 2 * SHOWN_KEY_MAX + 8 };

struct loading {
    struct sl_settings *settings;
    struct sl_problems problems;
    char *folder;
};

/* A key out of the file as a message may show it: short, without control characters. */
static void show_key(char out[KEY_SIZE], const char *section, const char *key) {
    snprintf(out, KEY_SIZE, "%.*s%s%.*s", SHOWN_KEY_MAX, section, section[0] == '\0' ? "" : ".", SHOWN_KEY_MAX, key);
    for (char *c = out; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
}

static void assign(struct loading *loading, const struct sl_setting *row, const cJSON *value,
                   const struct sl_source *source) {
    const struct sl_assignment assignment = {
        .record = loading->settings, .row = row, .path = row->path, .source = source, .problems = &loading->problems};
    if (!sl_setting_assign(&assignment, value, row->adds && source->origin == SL_ORIGIN_FLAG))
        sl_settings_origin(loading->settings, row)->broken = true;
    else if (!sl_settings_origin_set(loading->settings, row, source))
        sl_problems_note(&loading->problems, SL_NO_MEMORY);
}

static void assign_text(struct loading *loading, const struct sl_setting *row, const char *text,
                        const struct sl_source *source) {
    cJSON *value = sl_setting_read_text(row, text);
    if (value == NULL)
        sl_problems_note(&loading->problems, SL_NO_MEMORY);
    else
        assign(loading, row, value, source);
    cJSON_Delete(value);
}

static void load_defaults(struct loading *loading) {
    const struct sl_source source = {.origin = SL_ORIGIN_DEFAULT, .name = "default", .folder = loading->folder};
    for (size_t i = 0; i < sl_setting_count; i++) {
        if (sl_setting_table[i].standard != NULL)
            assign_text(loading, &sl_setting_table[i], sl_setting_table[i].standard, &source);
    }
}

/* `path` is what messages show, `meant` what a known key is looked for near. */
static void refuse_unknown(struct loading *loading, const char *source, const char *path, const char *meant) {
    /* A file may have a hundred thousand of them, and the search costs 30 us. */
    const char *nearest = sl_problems_are_full(&loading->problems) ? "" : sl_setting_nearest(meant);
    sl_problems_add(&loading->problems, source, path, "unknown key; the nearest known one is \"%s\"", nearest);
}

static void load_section(struct loading *loading, const cJSON *section, const struct sl_source *source) {
    if (!cJSON_IsObject(section)) {
        char found[SL_FOUND_SIZE];
        sl_setting_found(found, section);
        sl_problems_add(&loading->problems, source->name, section->string, "expected an object, found %s", found);
        for (size_t i = 0; i < sl_setting_count; i++) {
            if (sl_setting_is_in(sl_setting_table[i].path, section->string))
                sl_settings_origin(loading->settings, &sl_setting_table[i])->broken = true;
        }
        return;
    }
    const cJSON *member = NULL;
    cJSON_ArrayForEach(member, section) {
        char path[KEY_SIZE];
        show_key(path, section->string, member->string);
        const struct sl_setting *row = sl_setting_find(path);
        if (row != NULL)
            assign(loading, row, member, source);
        else
            refuse_unknown(loading, source->name, path, path);
    }
}

/* A key at the top of the file that is no section. */
static void load_stranger(struct loading *loading, const cJSON *member, const struct sl_source *source) {
    char path[KEY_SIZE];
    show_key(path, "", member->string);
    if (strcmp(path, "$schema") == 0) {
        if (!cJSON_IsString(member))
            sl_problems_add(&loading->problems, source->name, path, "expected the address of a JSON schema");
        return;
    }
    if (!cJSON_IsObject(member))
        refuse_unknown(loading, source->name, path, path);
    else
        sl_problems_add(&loading->problems, source->name, path, "unknown key; the nearest known one is \"%s\"",
                        sl_setting_nearest_section(path));
}

/* Adds the keys that must be given and are not. */
static void require(struct loading *loading, const struct sl_source *source) {
    for (size_t i = 0; i < sl_setting_count; i++) {
        const struct sl_setting *row = &sl_setting_table[i];
        const struct sl_setting_origin *origin = sl_settings_origin(loading->settings, row);
        if (row->standard != NULL || origin->origin != SL_ORIGIN_DEFAULT || origin->broken)
            continue;
        char expected[SL_EXPECTED_SIZE];
        sl_setting_expected(expected, row, false);
        sl_problems_add(&loading->problems, source->name, row->path, "expected %s, found nothing", expected);
    }
}

/* False where it is no object, so that there is nothing to say of single keys. */
static bool load_object(struct loading *loading, const cJSON *object, const struct sl_source *source) {
    if (!cJSON_IsObject(object)) {
        char found[SL_FOUND_SIZE];
        sl_setting_found(found, object);
        sl_problems_add(&loading->problems, source->name, "", "expected a JSON object, found %s", found);
        return false;
    }
    const cJSON *member = NULL;
    cJSON_ArrayForEach(member, object) {
        if (sl_setting_section_find(member->string) != NULL)
            load_section(loading, member, source);
        else
            load_stranger(loading, member, source);
    }
    require(loading, source);
    return true;
}

/* Fails only where the file cannot be read at all; *is_object says whether it is a JSON object. */
static enum sl_status load_file(struct loading *loading, const char *path, bool *is_object, struct sl_error *error) {
    const struct sl_source source = {.origin = SL_ORIGIN_FILE, .name = path, .folder = loading->folder};
    struct sl_buffer text = {0};
    struct sl_error why = {0};
    cJSON *object = NULL;
    enum sl_status status = sl_file_read(&text, path, FILE_SIZE_MAX, error);
    if (status != SL_OK)
        goto out;

    status = sl_json_parse(&object, (const char *)text.data, text.length, &why);
    if (status == SL_NO_MEMORY)
        sl_problems_note(&loading->problems, status);
    else if (status != SL_OK)
        sl_problems_add(&loading->problems, path, "", "%s", text.length == 0 ? "the file is empty" : why.text);
    else
        *is_object = load_object(loading, object, &source);
    status = SL_OK;
out:
    cJSON_Delete(object);
    sl_buffer_finish(&text);
    return status;
}

/* A list that has objects in the file says more than the text that would replace it could. */
static bool is_for_file(const struct loading *loading, const struct sl_setting *row) {
    return row->security || (row->type == SL_SETTING_OBJECTS && sl_setting_objects_say_more(loading->settings, row));
}

static void refuse_security(struct loading *loading, const struct sl_setting *row, const char *source) {
    sl_problems_add(&loading->problems, source, row->path, "decides security, so only the settings file may set it");
}

static void load_environment(struct loading *loading) {
    for (size_t i = 0; i < sl_setting_count; i++) {
        const struct sl_setting *row = &sl_setting_table[i];
        char variable[SL_SETTING_VARIABLE_SIZE];
        sl_setting_variable(variable, row->path);
        const char *text = getenv(variable);
        if (text == NULL)
            continue;
        const struct sl_source source = {.origin = SL_ORIGIN_ENVIRONMENT, .name = variable, .folder = loading->folder};
        if (is_for_file(loading, row))
            refuse_security(loading, row, variable);
        else
            assign_text(loading, row, text, &source);
    }
}

/* A variable with a typing error would otherwise be without effect, and nobody would see it. */
static void refuse_misspelt_variables(struct loading *loading) {
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        char variable[SL_SETTING_VARIABLE_SIZE];
        size_t length = strcspn(*entry, "=");
        if (strncmp(*entry, "STARLING_", 9) != 0 || length >= sizeof variable)
            continue;
        memcpy(variable, *entry, length);
        variable[length] = '\0';
        const struct sl_setting *nearest = sl_setting_nearest_variable(variable);
        if (nearest == NULL)
            continue;
        char known[SL_SETTING_VARIABLE_SIZE];
        sl_setting_variable(known, nearest->path);
        if (strcmp(known, variable) != 0)
            sl_problems_add(&loading->problems, variable, "", "unknown variable; the nearest known one is %s", known);
    }
}

static void load_overrides(struct loading *loading, const struct sl_override *overrides, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct sl_override *override = &overrides[i];
        const struct sl_source source = {.origin = SL_ORIGIN_FLAG, .name = override->flag, .folder = loading->folder};
        const struct sl_setting *row = sl_setting_find(override->key);
        char path[KEY_SIZE];
        show_key(path, "", override->key);
        if (row == NULL)
            refuse_unknown(loading, override->flag, path, override->key);
        else if (is_for_file(loading, row))
            refuse_security(loading, row, override->flag);
        else
            assign_text(loading, row, override->value, &source);
    }
}

static enum sl_status load_all(struct loading *loading, const char *path, const struct sl_override *overrides,
                               size_t count, struct sl_error *error) {
    bool is_object = false;
    load_defaults(loading);
    enum sl_status status = load_file(loading, path, &is_object, error);
    if (status != SL_OK)
        return status;
    load_environment(loading);
    refuse_misspelt_variables(loading);
    load_overrides(loading, overrides, count);
    if (is_object && !loading->problems.out_of_memory) {
        sl_settings_derive(loading->settings, &loading->problems);
        sl_settings_check(loading->settings, &loading->problems);
    }
    return sl_problems_finish(&loading->problems, error);
}

enum sl_status sl_settings_load(struct sl_settings **out, const char *path, const struct sl_override *overrides,
                                size_t count, struct sl_error *error) {
    struct loading loading = {.settings = calloc(1, sizeof *loading.settings), .folder = sl_path_parent(path)};
    enum sl_status status = SL_NO_MEMORY;
    *out = NULL;
    if (loading.settings == NULL || loading.folder == NULL)
        goto out;
    loading.settings->file = strdup(path);
    loading.settings->origins = sl_settings_origins_create();
    if (loading.settings->file == NULL || loading.settings->origins == NULL)
        goto out;
    status = load_all(&loading, path, overrides, count, error);
out:
    if (status == SL_NO_MEMORY)
        sl_error_set(error, status, "%s: out of memory while reading settings", path);
    if (status == SL_OK)
        *out = loading.settings;
    else
        sl_settings_destroy(loading.settings);
    sl_buffer_finish(&loading.problems.lines);
    free(loading.folder);
    return status;
}

void sl_settings_destroy(struct sl_settings *settings) {
    if (settings == NULL)
        return;
    for (size_t i = 0; i < sl_setting_count; i++)
        sl_setting_clear(settings, &sl_setting_table[i]);
    sl_settings_origins_destroy(settings->origins);
    free(settings->file);
    free(settings);
}
