#include "settings/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool sl_problems_note(struct sl_problems *problems, enum sl_status status) {
    if (status != SL_OK)
        problems->out_of_memory = true;
    return status == SL_OK;
}

bool sl_problems_are_full(const struct sl_problems *problems) {
    return problems->lines.length >= SL_ERROR_TEXT_MAX;
}

void sl_problems_add(struct sl_problems *problems, const char *source, const char *path, const char *format, ...) {
    char what[1024];
    if (sl_problems_are_full(problems)) {
        problems->count++;
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);

    sl_problems_note(problems, sl_buffer_printf(&problems->lines, "%s%s: %s%s%s", problems->count > 0 ? "\n" : "",
                                                source, path, path[0] == '\0' ? "" : ": ", what));
    problems->count++;
}

/* Sets the error to as many whole lines as fit with room for the last one, which counts the rest. */
static enum sl_status set_error(const struct sl_problems *problems, struct sl_error *error) {
    enum { LAST_LINE = 64 };
    const char *text = (const char *)problems->lines.data;
    size_t length = problems->lines.length;
    if (length < SL_ERROR_TEXT_MAX)
        return sl_error_set(error, SL_SETTINGS, "%.*s", (int)length, text);

    size_t shown = 0;
    size_t end = 0;
    for (size_t i = 0; i < SL_ERROR_TEXT_MAX - LAST_LINE; i++) {
        if (text[i] == '\n') {
            end = i;
            shown++;
        }
    }
    if (shown == 0)
        return sl_error_set(error, SL_SETTINGS, "%.*s...", SL_ERROR_TEXT_MAX - LAST_LINE, text);
    return sl_error_set(error, SL_SETTINGS, "%.*s\nand %zu problems more", (int)end, text, problems->count - shown);
}

enum sl_status sl_problems_finish(struct sl_problems *problems, struct sl_error *error) {
    enum sl_status status = SL_OK;
    if (problems->out_of_memory)
        status = sl_error_set(error, SL_NO_MEMORY, "out of memory while reading settings");
    else if (problems->count > 0)
        status = set_error(problems, error);
    sl_buffer_finish(&problems->lines);
    *problems = (struct sl_problems){0};
    return status;
}
