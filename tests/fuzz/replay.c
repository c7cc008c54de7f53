/* Every corpus input as it is, then mutated: the same each time.
 *
 *     fuzz_NAME                    the inputs that the target makes itself
 *     fuzz_NAME --corpus FOLDER    these, and the files of a folder
 *     fuzz_NAME --write FOLDER     writes the former there, for libFuzzer to begin with
 *     fuzz_NAME FILE...            files as they are, to see one crash again */
#include <stdbool.h>
#include <string.h>

#include <dirent.h>

#include "base/random.h"
#include "target.h"

enum { MUTANTS = 1500, FILE_MUTANTS = 100, CHANGES_MAX = 6, FILES_MAX = 4096 };

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

static size_t read_file(uint8_t out[FUZZ_INPUT_MAX], const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    size_t length = fread(out, 1, FUZZ_INPUT_MAX, file);
    fclose(file);
    return length;
}

static void feed_mutants(const uint8_t *good, size_t length, unsigned count, uint64_t stream) {
    static uint8_t mutant[FUZZ_INPUT_MAX];
    struct sl_random random;
    sl_random_init(&random, 1, stream);
    feed(good, length);
    for (unsigned i = 0; i < count; i++) {
        memcpy(mutant, good, length);
        feed(mutant, mutate(mutant, length, &random));
    }
}

static int is_file(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

/* In order of name, so that each run is the same. */
static size_t feed_folder(const char *path) {
    static uint8_t good[FUZZ_INPUT_MAX];
    struct dirent **entries = NULL;
    char name[4096];
    int count = scandir(path, &entries, is_file, alphasort);
    if (count <= 0) {
        fprintf(stderr, "%s: no corpus\n", path);
        exit(EXIT_FAILURE);
    }
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        feed_mutants(good, read_file(good, name), FILE_MUTANTS, FILES_MAX + (uint64_t)i);
        free(entries[i]);
    }
    free(entries);
    return (size_t)count;
}

static void write_corpus(const char *path) {
    static uint8_t good[FUZZ_INPUT_MAX];
    char name[4096];
    size_t length;
    for (size_t i = 0; (length = fuzz_corpus(i, good)) > 0; i++) {
        snprintf(name, sizeof name, "%s/made-%03zu", path, i);
        FILE *file = fopen(name, "wb");
        FUZZ_CHECK(file != NULL && fwrite(good, 1, length, file) == length && fclose(file) == 0);
    }
}

int main(int argc, char **argv) {
    static uint8_t good[FUZZ_INPUT_MAX];
    size_t count = 0, files = 0;
    if (argc == 3 && strcmp(argv[1], "--write") == 0) {
        write_corpus(argv[2]);
        return EXIT_SUCCESS;
    }
    bool has_folder = argc == 3 && strcmp(argv[1], "--corpus") == 0;
    for (int i = 1; i < argc && !has_folder; i++)
        feed(good, read_file(good, argv[i]));
    if (argc > 1 && !has_folder)
        return EXIT_SUCCESS;
    feed(good, 0);
    for (size_t length; (length = fuzz_corpus(count, good)) > 0; count++)
        feed_mutants(good, length, MUTANTS, count);
    FUZZ_CHECK(count > 0);
    if (has_folder)
        files = feed_folder(argv[2]);
    printf("%zu inputs, %d mutants of each; %zu files, %d of each\n", count, MUTANTS, files, FILE_MUTANTS);
    return EXIT_SUCCESS;
}
