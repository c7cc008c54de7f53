/* Every corpus input as it is, then mutated: the same each time. */
#include <string.h>

#include "base/random.h"
#include "target.h"

enum { MUTANTS = 1500, CHANGES_MAX = 6 };

static const uint8_t TELLING[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0x08, 0x0a, 0x12,
                                  '"',  '{',  '[',  '\\', '9',  'e',  '-',  ','};

/* Its own memory of just that size: a read beyond the end is seen. */
static void feed(const uint8_t *data, size_t length) {
    uint8_t *copy = calloc(1, length > 0 ? length : 1);
    FUZZ_CHECK(copy != NULL);
    memcpy(copy, data, length);
    (void)LLVMFuzzerTestOneInput(copy, length);
    free(copy);
}

static size_t below(struct sl_random *random, size_t bound) {
    return (size_t)sl_random_below(random, bound);
}

/* A stretch of the input moves to, is left out at, or is doubled at another place. */
static size_t rearrange(uint8_t *data, size_t length, struct sl_random *random) {
    size_t from = below(random, length), to = below(random, length), count = below(random, 16) + 1;
    if (count > length - from)
        count = length - from;
    switch (below(random, 3)) {
    case 0: /* overwrite */
        if (count > length - to)
            count = length - to;
        memmove(data + to, data + from, count);
        return length;
    case 1: /* take out */
        memmove(data + from, data + from + count, length - from - count);
        return length - count;
    default: /* double */
        if (length + count > FUZZ_INPUT_MAX)
            return length;
        memmove(data + from + count, data + from, length - from);
        return length + count;
    }
}

static size_t mutate(uint8_t *data, size_t length, struct sl_random *random) {
    size_t changes = 1 + below(random, CHANGES_MAX);
    for (size_t i = 0; i < changes && length > 0; i++) {
        size_t at = below(random, length);
        switch (below(random, 5)) {
        case 0:
            data[at] ^= (uint8_t)(1U << below(random, 8));
            break;
        case 1:
            data[at] = (uint8_t)sl_random_u32(random);
            break;
        case 2:
            data[at] = TELLING[below(random, sizeof TELLING)];
            break;
        case 3:
            length = below(random, 4) == 0 ? at : length;
            break;
        default:
            length = rearrange(data, length, random);
            break;
        }
    }
    return length;
}

static int replay_file(const char *path) {
    static uint8_t data[1 << 20];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return EXIT_FAILURE;
    }
    size_t length = fread(data, 1, sizeof data, file);
    fclose(file);
    feed(data, length);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    static uint8_t good[FUZZ_INPUT_MAX], mutant[FUZZ_INPUT_MAX];
    size_t count = 0;
    struct sl_random random;
    for (int i = 1; i < argc; i++) {
        if (replay_file(argv[i]) != EXIT_SUCCESS)
            return EXIT_FAILURE;
    }
    if (argc > 1)
        return EXIT_SUCCESS;
    feed(good, 0);
    for (size_t length; (length = fuzz_corpus(count, good)) > 0; count++) {
        feed(good, length);
        sl_random_init(&random, 1, count);
        for (int i = 0; i < MUTANTS; i++) {
            memcpy(mutant, good, length);
            feed(mutant, mutate(mutant, length, &random));
        }
    }
    FUZZ_CHECK(count > 0);
    printf("%zu inputs, %d mutants of each\n", count, MUTANTS);
    return EXIT_SUCCESS;
}
