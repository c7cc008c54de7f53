/* Strict JSON on cJSON. Reading refuses what cJSON lets pass: duplicate keys, numbers that overflow to infinity or that
 * RFC 8259 writes otherwise ("01", "1."), \u0000 and raw control characters in strings, bytes after the value, a byte
 * order mark, invalid UTF-8, more than SL_JSON_DEPTH levels. Members are found with cJSON_GetObjectItemCaseSensitive:
 * the shorter name takes "A" for "a". */
#ifndef SL_JSON_JSON_H
#define SL_JSON_JSON_H

#include <cjson/cJSON.h>

#include "base/buffer.h"
#include <starling/log.h>

enum { SL_JSON_DEPTH = 64 };

/* On success *out is the caller's, freed with cJSON_Delete; on failure it is NULL. `text` needs no NUL. The error says
 * "line L, column C: problem"; SL_FORMAT, or SL_LIMIT for depth and for numbers of more than 63 characters. Integers
 * beyond ±2^53 lose their last digits: cJSON keeps doubles. Where it runs out of memory it does not say so, and that is
 * SL_FORMAT, too. */
SL_MUST_USE enum sl_status sl_json_parse(cJSON **out, const char *text, size_t length, struct sl_error *error);

/* Both append the whole or, when out of memory, nothing.
 *
 * `value` as a JSON string with quotes; each byte that is not UTF-8 becomes U+FFFD; NULL becomes null. */
SL_MUST_USE enum sl_status sl_json_append_string(struct sl_buffer *out, const char *value);
/* A number in the shortest form that reads back to the same double; null when it is not finite. The first needs no
 * memory. */
enum { SL_JSON_NUMBER_SIZE = 32 };
void sl_json_format_number(char out[SL_JSON_NUMBER_SIZE], double value);
SL_MUST_USE enum sl_status sl_json_append_number(struct sl_buffer *out, double value);

#endif
