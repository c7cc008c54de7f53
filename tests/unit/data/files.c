#include "files.h"

#include <criterion/criterion.h>
#include <zlib.h>

#include "base/file.h"

void test_files_make(struct test_files *files) {
    test_folder_make(&files->folder);
    test_folder_file(files->images, &files->folder, "images");
    test_folder_file(files->labels, &files->folder, "labels");
    files->paths[0] = files->images;
    files->paths[1] = files->labels;
}

void test_files_remove(struct test_files *files) {
    test_folder_remove(&files->folder);
}

static void append_u32(struct sl_buffer *out, uint32_t value) {
    uint8_t bytes[4];
    sl_put_u32(bytes, value);
    cr_assert_eq(sl_buffer_append(out, bytes, sizeof bytes), SL_OK);
}

static void append_byte(struct sl_buffer *out, size_t value) {
    const uint8_t byte = (uint8_t)value;
    cr_assert_eq(sl_buffer_append(out, &byte, 1), SL_OK);
}

void test_idx_images(struct sl_buffer *out, uint32_t count, uint32_t height, uint32_t width) {
    append_u32(out, 0x803);
    append_u32(out, count);
    append_u32(out, height);
    append_u32(out, width);
    for (size_t i = 0; i < count; i++)
        for (size_t p = 0; p < (size_t)height * width; p++)
            append_byte(out, 7 * i + p);
}

void test_idx_labels(struct sl_buffer *out, uint32_t count, uint32_t classes) {
    append_u32(out, 0x801);
    append_u32(out, count);
    for (size_t i = 0; i < count; i++)
        append_byte(out, i % classes);
}

void test_write(const char *path, const void *data, size_t length) {
    cr_assert_eq(sl_file_replace(path, data, length, 0600, NULL), SL_OK);
}

void test_write_gzip(const char *path, const void *data, size_t length) {
    gzFile file = gzopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(gzwrite(file, data, (unsigned)length), (int)length);
    cr_assert_eq(gzclose(file), Z_OK);
}
