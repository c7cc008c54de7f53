#include "monitor/fields.h"

#include <inttypes.h>

#include "json/json.h"

/* The length of the control character at `at` that JSON lets through (DEL, or U+0080 … U+009F in UTF-8), else 0. */
static size_t control_length(const uint8_t *at, const uint8_t *end) {
    if (at[0] == 0x7f) {
        return 1;
    }
    return at[0] == 0xc2 && at + 1 < end && at[1] < 0xa0 ? 2 : 0;
}

static enum sl_status append_escaped(struct sl_buffer *out, const struct sl_buffer *json) {
    enum sl_status status = SL_OK;
    const uint8_t *end = json->data + json->length;
    const uint8_t *from = json->data;
    for (const uint8_t *at = from; status == SL_OK && at < end;) {
        size_t length = control_length(at, end);
        if (length == 0) {
            at++;
            continue;
        }
        status = sl_buffer_append(out, from, (size_t)(at - from));
        if (status == SL_OK) {
            status = sl_buffer_printf(out, "\\u%04x", (unsigned)at[length - 1]);
        }
        at += length;
        from = at;
    }
    return status == SL_OK ? sl_buffer_append(out, from, (size_t)(end - from)) : status;
}

enum sl_status sl_fields_append_text(struct sl_buffer *out, const char *text) {
    if (text == NULL) {
        return sl_buffer_append(out, "null", 4);
    }
    struct sl_buffer json = {0};
    enum sl_status status = sl_json_append_string(&json, text);
    if (status == SL_OK) {
        status = append_escaped(out, &json);
    }
    sl_buffer_finish(&json);
    return status;
}

enum sl_status sl_fields_append_value(struct sl_buffer *out, const struct sl_field *field) {
    switch (field->type) {
    case SL_FIELD_TEXT:
        return sl_fields_append_text(out, field->value.text);
    case SL_FIELD_INTEGER:
        return sl_buffer_printf(out, "%" PRId64, field->value.integer);
    case SL_FIELD_UNSIGNED:
        return sl_buffer_printf(out, "%" PRIu64, field->value.unsigned_integer);
    case SL_FIELD_NUMBER:
        return sl_json_append_number(out, field->value.number);
    case SL_FIELD_BOOLEAN:
        return field->value.boolean ? sl_buffer_append(out, "true", 4) : sl_buffer_append(out, "false", 5);
    case SL_FIELD_END:
        break;
    }
    return SL_OK;
}

enum sl_status sl_fields_append_members(struct sl_buffer *out, const struct sl_field *fields) {
    enum sl_status status = SL_OK;
    for (const struct sl_field *field = fields; status == SL_OK && field->type != SL_FIELD_END; field++) {
        status = sl_buffer_printf(out, ",\"%s\":", field->key);
        if (status == SL_OK) {
            status = sl_fields_append_value(out, field);
        }
    }
    return status;
}
