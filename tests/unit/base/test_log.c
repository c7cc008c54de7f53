#include <criterion/criterion.h>
#include <starling/log.h>

struct seen {
    int lines;
    enum sl_log_level level;
    const char *message;
    int fields;
};

static void handle_line(void *context, enum sl_log_level level, const char *subsystem, const char *message,
                        const struct sl_field *fields) {
    struct seen *seen = context;
    cr_expect_str_eq(subsystem, "test");
    seen->lines++;
    seen->level = level;
    seen->message = message;
    seen->fields = 0;
    while (fields[seen->fields].type != SL_FIELD_END)
        seen->fields++;
}

Test(log, lines_below_the_level_are_not_made) {
    struct seen seen = {0};
    struct sl_log log = {.sink = handle_line, .context = &seen, .level = SL_LOG_WARNING};
    sl_log_line(&log, SL_LOG_INFO, "test", "quiet");
    cr_expect_eq(seen.lines, 0);
    sl_log_line(&log, SL_LOG_WARNING, "test", "just loud enough");
    cr_expect_eq(seen.lines, 1);
    sl_log_line(&log, SL_LOG_ERROR, "test", "loud", SL_TEXT("peer", "bob"), SL_UNSIGNED("round", 3));
    cr_expect_eq(seen.lines, 2);
    cr_expect_eq(seen.level, SL_LOG_ERROR);
    cr_expect_str_eq(seen.message, "loud");
    cr_expect_eq(seen.fields, 2);
}

Test(log, no_log_and_no_sink_are_silent) {
    struct sl_log log = {0};
    sl_log_line(&log, SL_LOG_ERROR, "test", "nobody hears");
    sl_log_line((const struct sl_log *)NULL, SL_LOG_ERROR, "test", "nobody hears");
}
