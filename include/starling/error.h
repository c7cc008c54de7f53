/* What went wrong, in words, gathered on the way up.
 *
 * The caller owns the struct, all zero at first, and may pass NULL everywhere. A function that fails sets it once, at
 * the place that knows most; callers put their context in front with sl_error_wrap. */
#ifndef STARLING_ERROR_H
#define STARLING_ERROR_H

#include <starling/status.h>

enum { SL_ERROR_TEXT_MAX = 4096 };

struct sl_error {
    enum sl_status status;
    char text[SL_ERROR_TEXT_MAX]; /* one line, or one problem a line where several are reported at once */
};

/* Sets status and text, cut at the capacity. Returns status, so that `return sl_error_set(...)` reads well. */
SL_PUBLIC enum sl_status sl_error_set(struct sl_error *error, enum sl_status status, const char *format, ...)
    SL_PRINTF(3, 4);

/* Puts "context: " in front of the text. Returns the status that the error holds (`fallback` when error is NULL or
 * was not set). */
SL_PUBLIC enum sl_status sl_error_wrap(struct sl_error *error, enum sl_status fallback, const char *format, ...)
    SL_PRINTF(3, 4);

#endif
