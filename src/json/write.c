#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "json/utf8.h"

static const char *short_escape(uint8_t byte) {
    switch (byte) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    }
    return NULL;
}

static enum sl_status append_character(struct sl_buffer *out, const uint8_t *at, size_t length) {
    static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
    if (length == 0)
        return sl_buffer_append(out, replacement, sizeof replacement - 1);
    const char *escape = short_escape(*at);
    if (escape != NULL)
        return sl_buffer_append(out, escape, 2);
    if (*at < 0x20 || *at == 0x7F)
        return sl_buffer_printf(out, "\\u%04x", *at);
    return sl_buffer_append(out, at, length);
}

static enum sl_status append_characters(struct sl_buffer *out, const uint8_t *at, size_t left) {
    while (left > 0) {
        size_t length = sl_utf8_length(at, left);
        enum sl_status status = append_character(out, at, length);
        if (status != SL_OK)
            return status;
        size_t step = length > 0 ? length : 1;
        at += step;
        left -= step;
    }
    return SL_OK;
}

enum sl_status sl_json_append_string(struct sl_buffer *out, const char *value) {
    if (value == NULL)
        return sl_buffer_append(out, "null", 4);
    size_t before = out->length;
    enum sl_status status = sl_buffer_append(out, "\"", 1);
    if (status == SL_OK)
        status = append_characters(out, (const uint8_t *)value, strlen(value));
    if (status == SL_OK)
        status = sl_buffer_append(out, "\"", 1);
    if (status != SL_OK)
        out->length = before;
    return status;
}

void sl_json_format_number(char out[SL_JSON_NUMBER_SIZE], double value) {
    if (!isfinite(value)) {
        snprintf(out, SL_JSON_NUMBER_SIZE, "null");
        return;
    }
    /* Any decimal of up to DBL_DIG digits survives a normal double, so that %g, which drops zeros at the end, finds the
     * shortest form there; subnormal numbers hold fewer digits. */
    int digits = fabs(value) < DBL_MIN ? 1 : DBL_DIG;
    char text[64];
    for (; digits <= DBL_DECIMAL_DIG; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    /* An embedder's locale may write the decimal point as something else, of one byte or more. */
    static const char kept[] = "0123456789+-e";
    size_t whole = strspn(text, kept);
    size_t gap = strcspn(text + whole, kept);
    snprintf(out, SL_JSON_NUMBER_SIZE, "%.*s%s%s", (int)whole, text, gap > 0 ? "." : "", text + whole + gap);
}

enum sl_status sl_json_append_number(struct sl_buffer *out, double value) {
    char text[SL_JSON_NUMBER_SIZE];
    sl_json_format_number(text, value);
    return sl_buffer_append(out, text, strlen(text));
}
