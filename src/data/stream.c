#include "data/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { INPUT_SIZE = 1 << 16, DEFLATE_RATIO_MAX = 1032 };

struct sl_stream {
    char *path;
    int descriptor;
    uint64_t size;
    bool deflated;
    bool inflating; /* `zlib` is initialised */
    bool ended;     /* the gzip member's end was seen, its checksum was right */
    z_stream zlib;
    size_t input_first, input_length; /* for a plain file; zlib keeps its own otherwise */
    uint8_t input[INPUT_SIZE];
};

static enum sl_status fail_format(const struct sl_stream *stream, const char *text, struct sl_error *error) {
    return sl_error_set(error, SL_FORMAT, "%s: %s", stream->path, text);
}

/* Reads into the whole input buffer; *length 0 at the end of the file. */
static enum sl_status read_input(struct sl_stream *stream, size_t *length, struct sl_error *error) {
    ssize_t got;
    do
        got = read(stream->descriptor, stream->input, sizeof stream->input);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return sl_error_set(error, sl_status_from_errno(errno), "%s: %s", stream->path, strerror(errno));
    *length = (size_t)got;
    return SL_OK;
}

/* Plain and deflated files differ in who counts the input: this sets both up with the first bytes. */
static enum sl_status begin(struct sl_stream *stream, struct sl_error *error) {
    enum sl_status status = read_input(stream, &stream->input_length, error);
    if (status != SL_OK)
        return status;
    stream->deflated = stream->input_length >= 2 && stream->input[0] == 0x1f && stream->input[1] == 0x8b;
    if (!stream->deflated)
        return SL_OK;
    stream->zlib.next_in = stream->input;
    stream->zlib.avail_in = (uInt)stream->input_length;
    if (inflateInit2(&stream->zlib, 16 + MAX_WBITS) != Z_OK) /* 16: a gzip header, nothing else */
        return sl_error_set(error, SL_NO_MEMORY, "%s: no memory for inflating", stream->path);
    stream->inflating = true;
    return SL_OK;
}

enum sl_status sl_stream_open(struct sl_stream **out, const char *path, struct sl_error *error) {
    *out = NULL;
    struct sl_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL || (stream->path = strdup(path)) == NULL) {
        free(stream);
        return sl_error_set(error, SL_NO_MEMORY, "%s: no memory for reading", path);
    }
    struct stat facts;
    enum sl_status status;
    stream->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (stream->descriptor < 0 || fstat(stream->descriptor, &facts) != 0)
        status = sl_error_set(error, sl_status_from_errno(errno), "%s: %s", path, strerror(errno));
    else if (!S_ISREG(facts.st_mode))
        status = fail_format(stream, "not a regular file", error);
    else {
        stream->size = (uint64_t)facts.st_size;
        status = begin(stream, error);
    }
    if (status != SL_OK)
        sl_stream_close(stream);
    else
        *out = stream;
    return status;
}

void sl_stream_close(struct sl_stream *stream) {
    if (stream == NULL)
        return;
    if (stream->inflating)
        inflateEnd(&stream->zlib);
    if (stream->descriptor >= 0)
        close(stream->descriptor);
    free(stream->path);
    free(stream);
}

uint64_t sl_stream_most(const struct sl_stream *stream) {
    if (!stream->deflated)
        return stream->size;
    return stream->size > UINT64_MAX / DEFLATE_RATIO_MAX ? UINT64_MAX : stream->size * DEFLATE_RATIO_MAX;
}

static enum sl_status read_plain(struct sl_stream *stream, uint8_t *out, size_t *length, struct sl_error *error) {
    size_t left = stream->input_length - stream->input_first;
    if (left == 0) {
        enum sl_status status = read_input(stream, &stream->input_length, error);
        if (status != SL_OK)
            return status;
        stream->input_first = 0;
        left = stream->input_length;
    }
    *length = *length < left ? *length : left;
    if (*length > 0)
        memcpy(out, stream->input + stream->input_first, *length);
    stream->input_first += *length;
    return SL_OK;
}

static enum sl_status read_deflated(struct sl_stream *stream, uint8_t *out, size_t *length, struct sl_error *error) {
    const size_t most = 1U << 30; /* avail_out is 32 bits wide */
    const size_t wanted = *length < most ? *length : most;
    *length = 0;
    stream->zlib.next_out = out;
    stream->zlib.avail_out = (uInt)wanted;
    while (!stream->ended && stream->zlib.avail_out == wanted) {
        if (stream->zlib.avail_in == 0) {
            size_t got = 0;
            enum sl_status status = read_input(stream, &got, error);
            if (status != SL_OK)
                return status;
            if (got == 0)
                return fail_format(stream, "cut short inside the gzip data", error);
            stream->zlib.next_in = stream->input;
            stream->zlib.avail_in = (uInt)got;
        }
        int result = inflate(&stream->zlib, Z_NO_FLUSH);
        stream->ended = result == Z_STREAM_END;
        if (result == Z_MEM_ERROR) /* inflate takes its window when it needs it */
            return sl_error_set(error, SL_NO_MEMORY, "%s: no memory for inflating", stream->path);
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
            return fail_format(stream, "damaged gzip data", error);
    }
    *length = wanted - stream->zlib.avail_out;
    return SL_OK;
}

/* Some bytes, at most *length; 0 only at the end. */
static enum sl_status read_some(struct sl_stream *stream, uint8_t *out, size_t *length, struct sl_error *error) {
    return stream->deflated ? read_deflated(stream, out, length, error) : read_plain(stream, out, length, error);
}

enum sl_status sl_stream_read(struct sl_stream *stream, void *out, size_t length, struct sl_error *error) {
    uint8_t *to = out;
    while (length > 0) {
        size_t got = length;
        enum sl_status status = read_some(stream, to, &got, error);
        if (status != SL_OK)
            return status;
        if (got == 0)
            return sl_error_set(error, SL_FORMAT, "%s: cut short, %zu bytes are missing", stream->path, length);
        to += got;
        length -= got;
    }
    return SL_OK;
}

enum sl_status sl_stream_end(struct sl_stream *stream, struct sl_error *error) {
    uint8_t more;
    size_t got = 1;
    enum sl_status status = read_some(stream, &more, &got, error);
    if (status != SL_OK)
        return status;
    if (got > 0)
        return fail_format(stream, "longer than its header says", error);
    if (!stream->deflated)
        return SL_OK;
    size_t behind = stream->zlib.avail_in;
    if (behind == 0)
        status = read_input(stream, &behind, error);
    if (status == SL_OK && behind > 0)
        return fail_format(stream, "bytes behind the end of the gzip data", error);
    return status;
}
