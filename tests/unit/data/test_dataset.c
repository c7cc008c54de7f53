/* Data sets, whole and spoilt in every way that a file can be. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/batch.h"
#include "files.h"

static struct test_files files;
static struct sl_buffer images, labels; /* of 5 images of 3 × 4 */
static struct sl_error error;

static void make_files(void) {
    test_files_make(&files);
    test_idx_images(&images, 5, 3, 4);
    test_idx_labels(&labels, 5, 10);
    test_write(files.images, images.data, images.length);
    test_write(files.labels, labels.data, labels.length);
}

static void remove_files(void) {
    sl_buffer_finish(&images);
    sl_buffer_finish(&labels);
    test_files_remove(&files);
}

TestSuite(dataset, .init = make_files, .fini = remove_files);

static enum sl_status load_idx(void) {
    struct sl_dataset *dataset;
    enum sl_status status = sl_dataset_load(&dataset, SL_DATA_IDX, files.paths, 2, &error);
    cr_expect((status == SL_OK) == (dataset != NULL));
    sl_dataset_destroy(dataset);
    return status;
}

static void check_idx(void) {
    struct sl_dataset *dataset;
    cr_assert_eq(sl_dataset_load(&dataset, SL_DATA_IDX, files.paths, 2, &error), SL_OK, "%s", error.text);
    cr_expect_eq(dataset->count, 5);
    cr_expect_eq(dataset->channels, 1);
    cr_expect_eq(dataset->height, 3);
    cr_expect_eq(dataset->width, 4);
    cr_expect_eq(dataset->classes, 10);
    for (size_t i = 0; i < 5; i++) {
        cr_expect_eq(dataset->labels[i], i);
        for (size_t p = 0; p < 12; p++)
            cr_expect_eq(dataset->pixels[i * 12 + p], (uint8_t)(7 * i + p));
    }
    sl_dataset_destroy(dataset);
}

Test(dataset, reads_idx_plain_and_gzip) {
    check_idx();
    test_write_gzip(files.images, images.data, images.length);
    check_idx();
    test_write_gzip(files.labels, labels.data, labels.length);
    check_idx();
}

/* Every prefix of `whole`, and it with a byte more, must be refused. */
static void check_cuts(const char *path, const uint8_t *whole, size_t length) {
    uint8_t *longer = malloc(length + 1);
    memcpy(longer, whole, length);
    longer[length] = 0;
    for (size_t cut = 0; cut < length; cut++) {
        test_write(path, whole, cut);
        cr_expect_eq(load_idx(), SL_FORMAT, "%s cut to %zu bytes of %zu", path, cut, length);
        cr_expect(strstr(error.text, path) != NULL, "%s", error.text);
    }
    test_write(path, longer, length + 1);
    cr_expect_eq(load_idx(), SL_FORMAT, "%s with a byte more", path);
    test_write(path, whole, length);
    cr_expect_eq(load_idx(), SL_OK);
    free(longer);
}

Test(dataset, refuses_files_cut_anywhere_or_too_long) {
    check_cuts(files.images, images.data, images.length);
    check_cuts(files.labels, labels.data, labels.length);
}

Test(dataset, refuses_gzip_files_cut_anywhere_or_too_long) {
    struct sl_buffer packed = {0};
    test_write_gzip(files.images, images.data, images.length);
    cr_assert_eq(sl_file_read(&packed, files.images, 4096, NULL), SL_OK);
    check_cuts(files.images, packed.data, packed.length);
    /* Too long inside, and a checksum that is wrong. */
    cr_assert_eq(sl_buffer_append(&images, "", 1), SL_OK);
    test_write_gzip(files.images, images.data, images.length);
    cr_expect_eq(load_idx(), SL_FORMAT);
    packed.data[packed.length - 8] ^= 1;
    test_write(files.images, packed.data, packed.length);
    cr_expect_eq(load_idx(), SL_FORMAT);
    sl_buffer_finish(&packed);
}

/* Changes one byte of a file and expects the status. */
static void check_byte(const char *path, const struct sl_buffer *whole, size_t at, uint8_t value,
                       enum sl_status expected) {
    const uint8_t before = whole->data[at];
    whole->data[at] = value;
    test_write(path, whole->data, whole->length);
    cr_expect_eq(load_idx(), expected, "byte %zu of %s as %u", at, path, value);
    whole->data[at] = before;
    test_write(path, whole->data, whole->length);
}

Test(dataset, refuses_wrong_magic_numbers_sizes_and_labels) {
    for (size_t i = 0; i < 4; i++) {
        check_byte(files.images, &images, i, 0x77, SL_FORMAT);
        check_byte(files.labels, &labels, i, 0x77, SL_FORMAT);
    }
    for (size_t i = 4; i < 16; i++) /* a count or a side in the billions, in the millions, … */
        check_byte(files.images, &images, i, 0xff, SL_FORMAT);
    check_byte(files.images, &images, 7, 0, SL_FORMAT);
    check_byte(files.images, &images, 11, 0, SL_FORMAT);
    check_byte(files.images, &images, 15, 0, SL_FORMAT);
    check_byte(files.labels, &labels, 7, 4, SL_FORMAT); /* a label fewer than images */
    check_byte(files.labels, &labels, 7, 6, SL_FORMAT);
    check_byte(files.labels, &labels, 8 + 4, 9, SL_OK);
    check_byte(files.labels, &labels, 8 + 4, 10, SL_FORMAT);
    cr_expect(strstr(error.text, "label 4 is 10") != NULL, "%s", error.text);
    /* The two files in the wrong order. */
    const char *const swapped[] = {files.labels, files.images};
    struct sl_dataset *dataset;
    cr_expect_eq(sl_dataset_load(&dataset, SL_DATA_IDX, swapped, 2, &error), SL_FORMAT);
}

/* A header that announces 2^32 images of 4096 × 4096 in a file of a few bytes must not be believed. */
Test(dataset, believes_no_announcement) {
    memcpy(images.data + 4, "\xff\xff\xff\xff\0\0\x10\0\0\0\x10\0", 12);
    test_write(files.images, images.data, images.length);
    cr_expect_eq(load_idx(), SL_FORMAT);
    test_write_gzip(files.images, images.data, images.length);
    cr_expect_eq(load_idx(), SL_FORMAT);
}

Test(dataset, names_what_is_missing) {
    const char *const none[] = {"/nonexistent/images", files.labels}, *const folder[] = {files.folder.path,
                                                                                         files.labels};
    struct sl_dataset *dataset;
    cr_expect_eq(sl_dataset_load(&dataset, SL_DATA_IDX, none, 2, &error), SL_NOT_FOUND);
    cr_expect(strstr(error.text, "/nonexistent/images") != NULL);
    cr_expect_eq(sl_dataset_load(&dataset, SL_DATA_IDX, folder, 2, &error), SL_FORMAT);
    cr_expect_eq(sl_dataset_load(&dataset, SL_DATA_IDX, files.paths, 1, &error), SL_SETTINGS);
    cr_expect_eq(sl_dataset_load(&dataset, SL_DATA_CIFAR10, files.paths, 0, &error), SL_SETTINGS);
    cr_expect_eq(sl_dataset_load(&dataset, SL_DATA_NONE, files.paths, 2, &error), SL_SETTINGS);
    cr_expect_null(dataset);
    sl_dataset_destroy(NULL);
}

enum { RECORD = 3073 };

static void write_cifar(const char *path, size_t records, uint8_t label, size_t extra) {
    uint8_t *bytes = calloc(records * RECORD + extra, 1);
    for (size_t r = 0; r < records; r++) {
        bytes[r * RECORD] = label;
        memset(bytes + r * RECORD + 1, (int)(10 * r + 1), 1024);    /* red */
        memset(bytes + r * RECORD + 2049, (int)(10 * r + 3), 1024); /* blue */
    }
    test_write(path, bytes, records * RECORD + extra);
    free(bytes);
}

Test(dataset, reads_cifar_batches_one_behind_the_other) {
    struct sl_dataset *dataset;
    write_cifar(files.images, 2, 9, 0);
    write_cifar(files.labels, 1, 4, 0);
    cr_assert_eq(sl_dataset_load(&dataset, SL_DATA_CIFAR10, files.paths, 2, &error), SL_OK, "%s", error.text);
    cr_expect_eq(dataset->count, 3);
    cr_expect_eq(dataset->channels, 3);
    cr_expect_eq(dataset->height, 32);
    cr_expect_eq(dataset->labels[1], 9);
    cr_expect_eq(dataset->labels[2], 4);
    cr_expect_eq(dataset->pixels[3072], 11);
    cr_expect_eq(dataset->pixels[3072 + 1024], 0);
    cr_expect_eq(dataset->pixels[2 * 3072 + 3071], 3);
    sl_dataset_destroy(dataset);
}

Test(dataset, refuses_spoilt_cifar_batches) {
    struct sl_dataset *dataset;
    write_cifar(files.labels, 1, 4, 0);
    write_cifar(files.images, 2, 9, 1);
    cr_expect_eq(sl_dataset_load(&dataset, SL_DATA_CIFAR10, files.paths, 2, &error), SL_FORMAT);
    write_cifar(files.images, 1, 9, RECORD - 1);
    cr_expect_eq(sl_dataset_load(&dataset, SL_DATA_CIFAR10, files.paths, 2, &error), SL_FORMAT);
    write_cifar(files.images, 0, 9, 0);
    cr_expect_eq(sl_dataset_load(&dataset, SL_DATA_CIFAR10, files.paths, 2, &error), SL_FORMAT);
    write_cifar(files.images, 1, 9, 0);
    write_cifar(files.labels, 1, 10, 0);
    cr_expect_eq(sl_dataset_load(&dataset, SL_DATA_CIFAR10, files.paths, 2, &error), SL_FORMAT);
    cr_expect(strstr(error.text, files.labels) != NULL && strstr(error.text, "label 0 is 10") != NULL, "%s",
              error.text);
}

Test(batch, is_normalised) {
    uint8_t pixels[] = {0, 255, 51, 102, 0, 0}, digits[] = {3, 1, 2}, got_labels[2];
    const struct sl_dataset dataset = {.pixels = pixels,
                                       .labels = digits,
                                       .count = 3,
                                       .channels = 1,
                                       .height = 1,
                                       .width = 2,
                                       .classes = 10,
                                       .mean = 0.25F,
                                       .deviation = 0.5F};
    const uint32_t order[] = {2, 1, 0};
    float got[4];
    sl_batch_fill(got, got_labels, &dataset, order, 1, 2);
    const double want[] = {(0.2 - 0.25) / 0.5, (0.4 - 0.25) / 0.5, -0.5, 1.5};
    for (int i = 0; i < 4; i++)
        cr_expect_leq(fabs((double)got[i] - want[i]), 1e-6);
    cr_expect_eq(got_labels[0], 1);
    cr_expect_eq(got_labels[1], 3);
    sl_batch_fill(got, got_labels, &dataset, NULL, 1, 1);
    cr_expect_eq(got_labels[0], 1);
}

Test(batch, order_is_a_permutation_that_seed_round_and_pass_decide) {
    enum { COUNT = 500 };
    uint32_t selection[COUNT], orders[5][COUNT];
    bool seen[3 * COUNT] = {false};
    for (uint32_t i = 0; i < COUNT; i++)
        selection[i] = 3 * i;
    sl_batch_shuffle(orders[0], selection, COUNT, 1, 2, 3);
    sl_batch_shuffle(orders[1], selection, COUNT, 1, 2, 3);
    sl_batch_shuffle(orders[2], selection, COUNT, 9, 2, 3);
    sl_batch_shuffle(orders[3], selection, COUNT, 1, 9, 3);
    sl_batch_shuffle(orders[4], selection, COUNT, 1, 2, 9);
    cr_expect_arr_eq(orders[0], orders[1], sizeof orders[0]);
    for (int i = 2; i < 5; i++)
        cr_expect_arr_neq(orders[0], orders[i], sizeof orders[0]);
    for (size_t i = 0; i < COUNT; i++) {
        cr_assert(orders[0][i] < 3 * COUNT && orders[0][i] % 3 == 0 && !seen[orders[0][i]]);
        seen[orders[0][i]] = true;
    }
}
