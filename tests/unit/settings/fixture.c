#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fixture_make(struct fixture *fixture) {
    *fixture = (struct fixture){0};
    test_folder_make(&fixture->folder);
    test_folder_file(fixture->file, &fixture->folder, "settings.json");
}

void fixture_finish(struct fixture *fixture) {
    sl_settings_destroy(fixture->settings);
    test_folder_remove(&fixture->folder);
}

void fixture_add(struct fixture *fixture, const char *flag, const char *key, const char *value) {
    cr_assert_lt(fixture->count, sizeof fixture->overrides / sizeof *fixture->overrides);
    fixture->overrides[fixture->count++] = (struct sl_override){.key = key, .value = value, .flag = flag};
}

enum sl_status fixture_load_bytes(struct fixture *fixture, const char *text, size_t length) {
    if (text != NULL) {
        FILE *file = fopen(fixture->file, "w");
        cr_assert_not_null(file);
        cr_assert_eq(fwrite(text, 1, length, file), length);
        cr_assert_eq(fclose(file), 0);
    }
    sl_settings_destroy(fixture->settings);
    fixture->settings = (struct sl_settings *)fixture; /* must be written in any case */
    memset(&fixture->error, 0, sizeof fixture->error);
    enum sl_status status =
        sl_settings_load(&fixture->settings, fixture->file, fixture->overrides, fixture->count, &fixture->error);
    cr_assert_eq(fixture->settings != NULL, status == SL_OK);
    cr_assert_eq(fixture->error.status, status);
    return status;
}

enum sl_status fixture_load(struct fixture *fixture, const char *text) {
    return fixture_load_bytes(fixture, text, text == NULL ? 0 : strlen(text));
}

void fixture_accepts(struct fixture *fixture, const char *text) {
    enum sl_status status = fixture_load(fixture, text);
    cr_assert_eq(status, SL_OK, "%s: %s", text, fixture->error.text);
}

/* The line with the file's name in its place; the caller frees. */
static char *expand(const struct fixture *fixture, const char *line) {
    static const char mark[] = "%FILE%";
    char *out = NULL;
    bool marked = strncmp(line, mark, strlen(mark)) == 0;
    cr_assert_geq(asprintf(&out, "%s%s", marked ? fixture->file : "", marked ? line + strlen(mark) : line), 0);
    return out;
}

void fixture_says(struct fixture *fixture, const char *text, const char *line) {
    char *expected = expand(fixture, line);
    enum sl_status status = fixture_load(fixture, text);
    cr_assert_eq(status, SL_SETTINGS, "%s: %d", text, (int)status);
    cr_assert_str_eq(fixture->error.text, expected);
    free(expected);
}

bool fixture_has(const struct fixture *fixture, const char *line) {
    char *expected = expand(fixture, line);
    size_t length = strlen(expected);
    bool found = false;
    for (const char *at = fixture->error.text; at != NULL && !found; at = strchr(at, '\n')) {
        at += *at == '\n';
        found = strncmp(at, expected, length) == 0 && (at[length] == '\n' || at[length] == '\0');
    }
    free(expected);
    return found;
}

size_t fixture_lines(const struct fixture *fixture) {
    size_t count = fixture->error.text[0] != '\0';
    for (const char *c = fixture->error.text; *c != '\0'; c++)
        count += *c == '\n';
    return count;
}
