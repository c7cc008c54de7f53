/* Bytes of a file, gunzipped on the way where it begins like gzip. Private to data.
 *
 * zlib's own gzread passes a plain file through, but says nothing of bytes behind the end of a gzip member and of a cut
 * one only at the very end; a data set that is not whole must be an error. */
#ifndef SL_DATA_STREAM_H
#define SL_DATA_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include <starling/error.h>

struct sl_stream;

/* Errors name the path. SL_NOT_FOUND where the file is missing, SL_FORMAT where it is not a regular file. */
SL_MUST_USE enum sl_status sl_stream_open(struct sl_stream **out, const char *path, struct sl_error *error);
void sl_stream_close(struct sl_stream *stream); /* accepts NULL */

/* The most bytes that can come out, a bound to check a header's claims with before anything is allocated for them:
 * the file's length, times 1032 where it is deflated (the highest ratio there is). */
uint64_t sl_stream_most(const struct sl_stream *stream);

/* Exactly `length` bytes; SL_FORMAT where fewer are left. */
SL_MUST_USE enum sl_status sl_stream_read(struct sl_stream *stream, void *out, size_t length, struct sl_error *error);
/* SL_FORMAT unless everything was read and, where deflated, the checksum is right. */
SL_MUST_USE enum sl_status sl_stream_end(struct sl_stream *stream, struct sl_error *error);

#endif
