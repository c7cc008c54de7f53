#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "settings/problems.h"

Test(problems, none) {
    struct sl_problems problems = {0};
    struct sl_error error = {0};
    cr_expect_eq(sl_problems_finish(&problems, &error), SL_OK);
    cr_expect_str_eq(error.text, "");
}

Test(problems, a_line_each) {
    struct sl_problems problems = {0};
    struct sl_error error = {0};
    sl_problems_add(&problems, "file", "a.b", "expected %d", 1);
    sl_problems_add(&problems, "file", "", "whole");
    cr_expect_eq(sl_problems_finish(&problems, &error), SL_SETTINGS);
    cr_expect_str_eq(error.text, "file: a.b: expected 1\nfile: whole");
    cr_expect_eq(problems.count, 0);
}

Test(problems, what_does_not_fit_is_counted) {
    enum { COUNT = 500 };
    struct sl_problems problems = {0};
    struct sl_error error = {0};
    for (int i = 0; i < COUNT; i++)
        sl_problems_add(&problems, "file", "some.key", "problem number %d", i);
    cr_expect_eq(sl_problems_finish(&problems, &error), SL_SETTINGS);

    size_t lines = 0;
    size_t more = 0;
    for (const char *line = error.text; line != NULL; line = strchr(line, '\n')) {
        char expected[64];
        line += *line == '\n';
        snprintf(expected, sizeof expected, "file: some.key: problem number %zu\n", lines);
        if (strncmp(line, expected, strlen(expected)) == 0)
            lines++;
        else
            cr_expect_eq(sscanf(line, "and %zu problems more", &more), 1, "%s", line);
    }
    cr_expect_gt(lines, 50);
    cr_expect_eq(lines + more, COUNT);
}

/* A file of 1 MiB may have a hundred thousand faults: what no error can show costs neither memory nor a search. */
Test(problems, what_no_error_shows_is_not_kept) {
    struct sl_problems problems = {0};
    for (int i = 0; i < 100000; i++)
        sl_problems_add(&problems, "file", "some.key", "problem number %d", i);
    cr_expect_eq(problems.count, 100000);
    cr_expect(sl_problems_are_full(&problems));
    cr_expect_lt(problems.lines.length, 2 * SL_ERROR_TEXT_MAX);
    cr_expect_eq(sl_problems_finish(&problems, NULL), SL_SETTINGS);
    cr_expect_not(sl_problems_are_full(&problems));
}

Test(problems, one_that_is_too_long_is_still_told) {
    struct sl_problems problems = {0};
    struct sl_error error = {0};
    char name[SL_ERROR_TEXT_MAX * 2];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    sl_problems_add(&problems, name, "some.key", "expected something");
    cr_expect_eq(sl_problems_finish(&problems, &error), SL_SETTINGS);
    cr_expect_gt(strlen(error.text), 1000);
    cr_expect_eq(error.text[0], 'x');
}

Test(problems, memory_comes_first) {
    struct sl_problems problems = {0};
    struct sl_error error = {0};
    sl_problems_add(&problems, "file", "a.b", "expected");
    cr_expect(sl_problems_note(&problems, SL_OK));
    cr_expect_not(sl_problems_note(&problems, SL_NO_MEMORY));
    cr_expect_eq(sl_problems_finish(&problems, &error), SL_NO_MEMORY);
}
