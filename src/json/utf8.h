/* Which bytes are UTF-8 (RFC 3629): no overlong form, no surrogate, nothing above U+10FFFF. Private to this layer. */
#ifndef SL_JSON_UTF8_H
#define SL_JSON_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length, 1 to 4, of the character at `at`, of which `left` bytes exist; 0 where no valid one begins. */
size_t sl_utf8_length(const uint8_t *at, size_t left);

#endif
