/* What cJSON is lax about, found in the text before cJSON sees it: the tokens are checked one by one, the grammar is
 * left to cJSON. Private to this layer. */
#ifndef SL_JSON_SCAN_H
#define SL_JSON_SCAN_H

#include <stddef.h>

#include <starling/error.h>

/* A place in a text. */
struct sl_json_text {
    const char *data;
    size_t length;
};

/* Checks every token: only JSON's white space between them; strings of UTF-8 without raw control characters and
 * without \u0000; numbers as RFC 8259 writes them and short enough for cJSON; no more than SL_JSON_DEPTH levels. */
SL_MUST_USE enum sl_status sl_json_scan(const struct sl_json_text *text, struct sl_error *error);

/* Where the string or number begins that has `index` others before it; the text was scanned without an error. */
size_t sl_json_locate(const struct sl_json_text *text, size_t index);

/* Sets the error to "line L, column C: problem"; columns count bytes from 1. */
enum sl_status sl_json_refuse(const struct sl_json_text *text, size_t offset, enum sl_status status,
                              const char *problem, struct sl_error *error);

#endif
