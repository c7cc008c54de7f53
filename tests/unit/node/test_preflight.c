/* Findings as lines: whatever a peer or a file name puts into one, it stays one. And what a preflight is asked of. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include <starling/preflight.h>

static char *write_finding(const struct sl_finding *finding, bool json) {
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    cr_assert_not_null(stream);
    cr_assert_eq(sl_finding_write(finding, stream, json), SL_OK);
    cr_assert_eq(fclose(stream), 0);
    return text;
}

Test(preflight, a_line_for_people) {
    const struct sl_finding findings[] = {{SL_FINDING_OK, "clock", "it is noon", ""},
                                          {SL_FINDING_WARNING, "data", "little", "find more"},
                                          {SL_FINDING_FAILURE, "identity", "whose?", ""}};
    static const char *const expected[] = {"ok    clock: it is noon\n", "WARN  data: little (find more)\n",
                                           "FAIL  identity: whose?\n"};
    for (size_t i = 0; i < 3; i++) {
        char *text = write_finding(&findings[i], false);
        cr_expect_str_eq(text, expected[i]);
        free(text);
    }
}

Test(preflight, a_line_stays_one_and_leaves_the_terminal_alone) {
    const struct sl_finding finding = {SL_FINDING_FAILURE, "membership.join[0]",
                                       "it says \"\033[2J\nok    all is well\r\x7f\xc2\x9b"
                                       "31m\xc3\xa9\"",
                                       "a\tb"};
    char *text = write_finding(&finding, false);
    cr_expect_str_eq(text, "FAIL  membership.join[0]: it says \"?[2J?ok    all is well???31m\xc3\xa9\" (a?b)\n");
    free(text);
    text = write_finding(&finding, true);
    cr_expect_eq(strchr(text, '\n'), text + strlen(text) - 1);
    cJSON *value = NULL;
    cr_assert_eq(sl_json_parse(&value, text, strlen(text), NULL), SL_OK);
    cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(value, "detail")), finding.detail);
    cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(value, "level")), "failure");
    cJSON_Delete(value);
    free(text);
}

Test(preflight, a_full_disk_is_an_error) {
    const struct sl_finding finding = {SL_FINDING_OK, "clock", "noon", ""};
    FILE *full = fopen("/dev/full", "w");
    cr_assert_not_null(full);
    setvbuf(full, NULL, _IONBF, 0);
    cr_expect_eq(sl_finding_write(&finding, full, false), SL_IO);
    fclose(full);
}

static void handle_found(void *context, const struct sl_finding *finding) {
    unsigned *failures = context;
    *failures += finding->level == SL_FINDING_FAILURE;
}

Test(preflight, what_is_found_is_counted) {
    unsigned failures = 0;
    struct sl_preflight_counts counts = {.good = 7};
    struct sl_error error = {0};
    const struct sl_preflight_options options = {
        .file = "/nowhere/settings.json", .context = &failures, .found = handle_found};
    cr_expect_eq(sl_preflight(&options, &counts, &error), SL_OK);
    cr_expect_eq(failures, 1);
    cr_expect_eq(counts.failures, 1);
    cr_expect_eq(counts.good, 0);
    cr_expect_eq(counts.warnings, 0);
}
