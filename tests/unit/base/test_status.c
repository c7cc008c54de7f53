#include <criterion/criterion.h>
#include <errno.h>
#include <starling/error.h>
#include <starling/name.h>
#include <string.h>

Test(status, every_value_has_its_own_text) {
    for (int a = SL_OK; a <= SL_INTERNAL; a++) {
        cr_assert_str_neq(sl_status_text((enum sl_status)a), "unknown status");
        for (int b = SL_OK; b < a; b++)
            cr_expect_str_neq(sl_status_text((enum sl_status)a), sl_status_text((enum sl_status)b));
    }
}

Test(status, a_value_outside_the_list_has_a_text) {
    cr_expect_str_eq(sl_status_text((enum sl_status)(SL_INTERNAL + 1)), "unknown status");
}

Test(status, from_errno) {
    const struct {
        int number;
        enum sl_status status;
    } cases[] = {{0, SL_OK},
                 {ENOMEM, SL_NO_MEMORY},
                 {ENOENT, SL_NOT_FOUND},
                 {EACCES, SL_PERMISSION},
                 {EROFS, SL_PERMISSION},
                 {ENOSPC, SL_DISK_FULL},
                 {EDQUOT, SL_DISK_FULL},
                 {EADDRINUSE, SL_IN_USE},
                 {ECONNREFUSED, SL_NETWORK},
                 {ETIMEDOUT, SL_TIMEOUT},
                 {EPIPE, SL_CLOSED},
                 {EIO, SL_IO},
                 {-5, SL_IO},
                 {99999, SL_IO}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(sl_status_from_errno(cases[i].number), cases[i].status, "errno %d", cases[i].number);
}

Test(error, set_keeps_status_and_text) {
    struct sl_error error = {0};
    cr_expect_eq(sl_error_set(&error, SL_FORMAT, "line %d", 7), SL_FORMAT);
    cr_expect_eq(error.status, SL_FORMAT);
    cr_expect_str_eq(error.text, "line 7");
}

Test(error, null_is_fine) {
    cr_expect_eq(sl_error_set(NULL, SL_IO, "%s", "x"), SL_IO);
    cr_expect_eq(sl_error_wrap(NULL, SL_LIMIT, "%s", "x"), SL_LIMIT);
}

Test(error, wrap_puts_context_in_front_and_keeps_the_first_status) {
    struct sl_error error = {0};
    (void)sl_error_set(&error, SL_NOT_FOUND, "ca.pem: no such file");
    cr_expect_eq(sl_error_wrap(&error, SL_SETTINGS, "identity.%s", "ca"), SL_NOT_FOUND);
    cr_expect_str_eq(error.text, "identity.ca: ca.pem: no such file");
}

Test(error, wrap_of_an_error_that_nobody_set) {
    struct sl_error error = {0};
    cr_expect_eq(sl_error_wrap(&error, SL_TIMEOUT, "join"), SL_TIMEOUT);
    cr_expect_eq(error.status, SL_TIMEOUT);
    cr_expect_str_eq(error.text, "join: timed out");
}

Test(error, own_text_as_argument) {
    struct sl_error error = {0};
    (void)sl_error_set(&error, SL_IO, "inner");
    (void)sl_error_set(&error, SL_IO, "%s and %s", error.text, error.text);
    cr_expect_str_eq(error.text, "inner and inner");
}

Test(error, long_text_is_cut_and_ended) {
    static char text[3 * SL_ERROR_TEXT_MAX];
    memset(text, 'x', sizeof text - 1);
    struct sl_error error = {0};
    (void)sl_error_set(&error, SL_IO, "%s", text);
    cr_expect_eq(strlen(error.text), SL_ERROR_TEXT_MAX - 1);
    cr_expect_eq(sl_error_wrap(&error, SL_IO, "%s", text), SL_IO);
    cr_expect_eq(strlen(error.text), SL_ERROR_TEXT_MAX - 1);
}

Test(name, valid) {
    char longest[SL_NAME_MAX + 1];
    memset(longest, 'a', SL_NAME_MAX);
    longest[SL_NAME_MAX] = '\0';
    const char *const names[] = {"a", "0", "alice", "node-7", "a-", "9--9", longest};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_expect(sl_name_is_valid(names[i]), "%s", names[i]);
}

Test(name, invalid) {
    char longer[SL_NAME_MAX + 2];
    memset(longer, 'a', SL_NAME_MAX + 1);
    longer[SL_NAME_MAX + 1] = '\0';
    const char *const names[] = {NULL,  "",         "-a", "Alice", "a_b",   "a.b", "a b", "a/b", "..",
                                 "a\n", "\xC3\xA4", "aB", "a/",    "a\x80", "`",   "a{",  longer};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_expect_not(sl_name_is_valid(names[i]), "%s", names[i] == NULL ? "NULL" : names[i]);
}
