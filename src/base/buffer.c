#include "base/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

enum sl_status sl_buffer_reserve(struct sl_buffer *buffer, size_t more) {
    if (more > SIZE_MAX - buffer->length)
        return SL_NO_MEMORY;
    return sl_array_reserve(&buffer->data, &buffer->capacity, buffer->length + more, 1);
}

enum sl_status sl_buffer_append(struct sl_buffer *buffer, const void *data, size_t length) {
    if (length == 0)
        return SL_OK;
    enum sl_status status = sl_buffer_reserve(buffer, length);
    if (status != SL_OK)
        return status;
    memcpy(buffer->data + buffer->length, data, length);
    buffer->length += length;
    return SL_OK;
}

enum sl_status sl_buffer_printf(struct sl_buffer *buffer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        return SL_INTERNAL;
    enum sl_status status = sl_buffer_reserve(buffer, (size_t)length + 1);
    if (status != SL_OK)
        return status;
    va_start(arguments, format);
    vsnprintf((char *)buffer->data + buffer->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buffer->length += (size_t)length;
    return SL_OK;
}

void sl_buffer_consume(struct sl_buffer *buffer, size_t length) {
    assert(length <= buffer->length);
    if (length == 0)
        return;
    buffer->length -= length;
    memmove(buffer->data, buffer->data + length, buffer->length);
}

void sl_buffer_clear(struct sl_buffer *buffer) {
    buffer->length = 0;
}

void sl_buffer_finish(struct sl_buffer *buffer) {
    free(buffer->data);
    *buffer = (struct sl_buffer){0};
}
