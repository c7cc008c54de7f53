/* Small data sets on disk, whole or spoilt. */
#ifndef TEST_DATA_FILES_H
#define TEST_DATA_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "../base/folder.h"
#include "base/buffer.h"

struct test_files {
    struct test_folder folder;
    char images[256], labels[256];
    const char *paths[2];
};

void test_files_make(struct test_files *files);
void test_files_remove(struct test_files *files);

/* Appends the file's bytes: `count` images of height × width, pixel p of image i being (7 i + p) mod 256; labels i mod
 * `classes`. */
void test_idx_images(struct sl_buffer *out, uint32_t count, uint32_t height, uint32_t width);
void test_idx_labels(struct sl_buffer *out, uint32_t count, uint32_t classes);
void test_write(const char *path, const void *data, size_t length);
void test_write_gzip(const char *path, const void *data, size_t length);

#endif
