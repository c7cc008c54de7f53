#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <starling/error.h>

enum sl_status sl_error_set(struct sl_error *error, enum sl_status status, const char *format, ...) {
    assert(status != SL_OK);
    if (error == NULL)
        return status;
    /* By way of a copy, since an argument may be the error's own text. */
    char text[SL_ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(text, sizeof text, format, arguments) < 0)
        text[0] = '\0';
    va_end(arguments);
    error->status = status;
    memcpy(error->text, text, strlen(text) + 1);
    return status;
}

enum sl_status sl_error_wrap(struct sl_error *error, enum sl_status fallback, const char *format, ...) {
    assert(fallback != SL_OK);
    if (error == NULL)
        return fallback;
    char context[SL_ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(context, sizeof context, format, arguments) < 0)
        context[0] = '\0';
    va_end(arguments);
    if (error->status == SL_OK) /* what failed did not say why */
        return sl_error_set(error, fallback, "%s: %s", context, sl_status_text(fallback));
    return sl_error_set(error, error->status, "%s: %s", context, error->text);
}
