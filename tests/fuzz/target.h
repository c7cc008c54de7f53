/* One fuzz target: a reader, and inputs that it likes.
 *
 * Built twice: with replay.c, a bounded and seeded loop of mutations that runs among the tests under any compiler and
 * sanitizer; and, where the compiler is clang, with libFuzzer, which finds its way by what is covered. `tests/fuzz/run`
 * builds the latter and runs it.
 *
 * A file that crashed one is replayed by: fuzz_NAME FILE.
 */
#ifndef TEST_FUZZ_TARGET_H
#define TEST_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FUZZ_INPUT_MAX = 70000 };

/* Reads the input; aborts where what it read does not hold together. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);
/* Good input number `index`; its length, 0 when there are no more. */
size_t fuzz_corpus(size_t index, uint8_t out[FUZZ_INPUT_MAX]);

/* A fuzz_corpus of texts. */
static inline size_t fuzz_text(const char *const *texts, size_t count, size_t index, uint8_t out[FUZZ_INPUT_MAX]) {
    if (index >= count)
        return 0;
    size_t length = strlen(texts[index]);
    memcpy(out, texts[index], length);
    return length;
}

/* An assert that is there in every build. */
#define FUZZ_CHECK(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
