/* Saving, loading, and files made by an enemy. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/folder.h"
#include "base/file.h"
#include "model/safetensors.h"

/* Two tensors, a of [2][2] and b of [3]: 28 bytes. */
struct model {
    struct test_folder folder;
    char path[256];
    struct sl_layout layout;
    float values[7];
    struct sl_tensor_group group;
};

static struct model model;

static void make_model(void) {
    const uint64_t a[] = {2, 2}, b[] = {3};
    test_folder_make(&model.folder);
    test_folder_file(model.path, &model.folder, "model.safetensors");
    sl_layout_init(&model.layout);
    cr_assert_eq(sl_layout_add(&model.layout, "a", 2, a, NULL), SL_OK);
    cr_assert_eq(sl_layout_add(&model.layout, "b", 1, b, NULL), SL_OK);
    for (int i = 0; i < 7; i++)
        model.values[i] = 0.25F * (float)i;
    model.group = (struct sl_tensor_group){.prefix = "", .layout = &model.layout, .values = model.values};
}

static void remove_model(void) {
    sl_layout_finish(&model.layout);
    test_folder_remove(&model.folder);
}

TestSuite(safetensors, .init = make_model, .fini = remove_model);

static void write_raw(uint64_t length, const char *header, size_t data) {
    const uint8_t zeros[64] = {0};
    struct sl_buffer file = {0};
    cr_assert_eq(sl_buffer_append(&file, &length, sizeof length), SL_OK);
    cr_assert_eq(sl_buffer_append(&file, header, strlen(header)), SL_OK);
    cr_assert_eq(sl_buffer_append(&file, zeros, data), SL_OK);
    cr_assert_eq(sl_file_replace(model.path, file.data, file.length, 0600, NULL), SL_OK);
    sl_buffer_finish(&file);
}

static enum sl_status load(struct sl_error *error) {
    return sl_safetensors_load(model.path, &model.group, 1, NULL, error);
}

/* The status of loading a file of this header and so many bytes of data. */
static enum sl_status load_header(const char *header, size_t data, const char *expected_text) {
    struct sl_error error = {0};
    write_raw(strlen(header), header, data);
    enum sl_status status = load(&error);
    cr_expect(strstr(error.text, expected_text) != NULL, "%s gave: %s", header, error.text);
    return status;
}

Test(safetensors, names_that_would_forge_lines) {
    static const char entry[] = "{\"a\\nstarling: all is well\":{\"dtype\":\"X\",\"shape\":[],\"data_offsets\":[0,4]}}";
    static const char value[] = "{\"__metadata__\":{\"a\\nb\":1}}";
    cr_expect_eq(load_header(entry, 4, "control characters"), SL_FORMAT);
    cr_expect_eq(load_header(value, 0, "not a string"), SL_FORMAT);
    struct sl_error error = {0};
    cr_expect_neq(load(&error), SL_OK);
    cr_expect_null(strchr(error.text, '\n'), "%s", error.text);
}

Test(safetensors, returns_what_was_saved) {
    float other[7] = {9, 8, 7, 6, 5, 4, 3}, got[7], got_other[7];
    const struct sl_tensor_group saved[] = {model.group, {"optimizer.", &model.layout, other}};
    const struct sl_tensor_group loaded[] = {{"optimizer.", &model.layout, got_other}, {"", &model.layout, got}};
    struct sl_metadata metadata = {0}, found = {0};
    cr_assert_eq(sl_metadata_set(&metadata, "round", "%d", 17), SL_OK);
    cr_assert_eq(sl_metadata_set(&metadata, "name", "quote \" and ü"), SL_OK);
    cr_assert_eq(sl_safetensors_save(model.path, saved, 2, &metadata, NULL), SL_OK);
    struct sl_error error = {0};
    cr_assert_eq(sl_safetensors_load(model.path, loaded, 2, &found, &error), SL_OK, "%s", error.text);
    cr_expect_arr_eq(got, model.values, sizeof got);
    cr_expect_arr_eq(got_other, other, sizeof other);
    cr_expect_str_eq(sl_metadata_get(&found, "round"), "17");
    cr_expect_str_eq(sl_metadata_get(&found, "name"), "quote \" and ü");
    cr_expect_null(sl_metadata_get(&found, "none"));
    cr_expect_eq(test_folder_count(&model.folder), 1, "a temporary file is left");
}

Test(safetensors, is_read_by_an_independent_reader) {
    static const char script[] = "import json,struct,sys\n"
                                 "raw=open(sys.argv[1],'rb').read()\n"
                                 "n,=struct.unpack('<Q',raw[:8])\n"
                                 "assert n%8==0 and raw[8:9]==b'{'\n"
                                 "head=json.loads(raw[8:8+n].decode())\n"
                                 "assert head.pop('__metadata__')=={'round':'3'}\n"
                                 "data=raw[8+n:]\n"
                                 "assert list(head)==['a','b'] and len(data)==28\n"
                                 "t={k:struct.unpack('<%df'%((v['data_offsets'][1]-v['data_offsets'][0])//4),"
                                 "data[v['data_offsets'][0]:v['data_offsets'][1]]) for k,v in head.items()}\n"
                                 "assert all(v['dtype']=='F32' for v in head.values())\n"
                                 "assert head['a']['shape']==[2,2] and head['b']['shape']==[3]\n"
                                 "assert t=={'a':(0,.25,.5,.75),'b':(1,1.25,1.5)}\n";
    struct sl_metadata metadata = {0};
    cr_assert_eq(sl_metadata_set(&metadata, "round", "3"), SL_OK);
    cr_assert_eq(sl_safetensors_save(model.path, &model.group, 1, &metadata, NULL), SL_OK);
    char reader[256], command[1024];
    test_folder_file(reader, &model.folder, "reader.py");
    cr_assert_eq(sl_file_replace(reader, script, strlen(script), 0600, NULL), SL_OK);
    /* The sanitizers' libraries are not for the interpreter. */
    snprintf(command, sizeof command, "env -u LD_PRELOAD /usr/bin/python3 %s %s", reader, model.path);
    cr_expect_eq(system(command), 0);
}

Test(safetensors, saves_models_larger_than_a_piece) {
    const uint64_t dims[] = {(1U << 22) + 5};
    struct sl_layout layout;
    sl_layout_init(&layout);
    cr_assert_eq(sl_layout_add(&layout, "big", 1, dims, NULL), SL_OK);
    float *values = malloc(dims[0] * sizeof *values), *got = calloc(dims[0], sizeof *got);
    for (size_t i = 0; i < dims[0]; i++)
        values[i] = (float)(i % 1000003);
    const struct sl_tensor_group saved = {"", &layout, values}, loaded = {"", &layout, got};
    cr_assert_eq(sl_safetensors_save(model.path, &saved, 1, NULL, NULL), SL_OK);
    cr_assert_eq(sl_safetensors_load(model.path, &loaded, 1, NULL, NULL), SL_OK);
    cr_expect(memcmp(values, got, dims[0] * sizeof *values) == 0);
    free(values);
    free(got);
    sl_layout_finish(&layout);
}

Test(safetensors, refuses_a_file_cut_at_any_byte_or_with_one_more) {
    cr_assert_eq(sl_safetensors_save(model.path, &model.group, 1, NULL, NULL), SL_OK);
    struct sl_buffer whole = {0};
    struct sl_error error;
    cr_assert_eq(sl_file_read(&whole, model.path, 4096, NULL), SL_OK);
    for (size_t length = 0; length < whole.length; length++) {
        cr_assert_eq(sl_file_replace(model.path, whole.data, length, 0600, NULL), SL_OK);
        cr_expect_eq(load(&error), SL_FORMAT, "cut to %zu bytes", length);
    }
    cr_assert_eq(sl_file_replace(model.path, whole.data, whole.length + 1, 0600, NULL), SL_OK); /* with the NUL */
    cr_expect_eq(load(&error), SL_FORMAT);
    cr_assert_eq(sl_file_replace(model.path, whole.data, whole.length, 0600, NULL), SL_OK);
    cr_expect_eq(load(&error), SL_OK);
    sl_buffer_finish(&whole);
}

Test(safetensors, refuses_a_flipped_header_or_loads_the_same_shapes) {
    cr_assert_eq(sl_safetensors_save(model.path, &model.group, 1, NULL, NULL), SL_OK);
    struct sl_buffer whole = {0};
    cr_assert_eq(sl_file_read(&whole, model.path, 4096, NULL), SL_OK);
    for (size_t i = 0; i < whole.length - 28; i++) {
        for (int bit = 0; bit < 8; bit++) {
            whole.data[i] ^= (uint8_t)(1 << bit);
            cr_assert_eq(sl_file_replace(model.path, whole.data, whole.length, 0600, NULL), SL_OK);
            enum sl_status status = load(NULL);
            /* Padding may change from a space to another white space. */
            cr_expect(status == SL_FORMAT || status == SL_MISMATCH || status == SL_LIMIT || status == SL_OK);
            cr_expect(status != SL_OK || whole.data[i] == '\0' || strchr(" \t\r\n", whole.data[i]) != NULL,
                      "byte %zu as %02x is accepted", i, whole.data[i]);
            whole.data[i] ^= (uint8_t)(1 << bit);
        }
    }
    sl_buffer_finish(&whole);
}

Test(safetensors, refuses_lengths_before_anything_is_allocated) {
    struct sl_error error;
    write_raw(UINT64_MAX, "{}", 0);
    cr_expect_eq(load(&error), SL_FORMAT);
    write_raw(UINT64_MAX - 7, "{}", 0);
    cr_expect_eq(load(&error), SL_FORMAT);
    write_raw(3, "{}", 0);
    cr_expect_eq(load(&error), SL_FORMAT);
    write_raw(0, "", 28);
    cr_expect_eq(load(&error), SL_FORMAT);
    /* As long as it says, and too long. */
    const size_t length = SL_SAFETENSORS_HEADER_MAX + 1;
    char *spaces = malloc(length + 1);
    memset(spaces, ' ', length);
    memcpy(spaces, "{}", 2);
    spaces[length] = '\0';
    write_raw(length, spaces, 0);
    cr_expect_eq(load(&error), SL_LIMIT);
    free(spaces);
}

#define A(begin, end) "\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[" #begin "," #end "]}"
#define B(begin, end) "\"b\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[" #begin "," #end "]}"

Test(safetensors, takes_tensors_in_any_order) {
    cr_expect_eq(load_header("{" B(0, 12) "," A(12, 28) "}", 28, ""), SL_OK);
    cr_expect_eq(load_header("{" A(12, 28) "," B(0, 12) "}    ", 28, ""), SL_OK);
}

Test(safetensors, refuses_offsets_that_overlap_leave_holes_or_lie) {
    cr_expect_eq(load_header("{" A(0, 16) "," B(4, 16) "}", 28, "overlaps"), SL_FORMAT);
    cr_expect_eq(load_header("{" A(0, 16) "," B(20, 32) "}", 32, "hole"), SL_FORMAT);
    cr_expect_eq(load_header("{" A(4, 20) "," B(20, 32) "}", 32, "hole"), SL_FORMAT);
    cr_expect_eq(load_header("{" A(0, 16) "," B(16, 28) "}", 32, "behind"), SL_FORMAT);
    cr_expect_eq(load_header("{" A(0, 16) "," B(16, 28) "}", 24, "behind"), SL_FORMAT);
    cr_expect_eq(load_header("{" A(0, 12) "," B(12, 24) "}", 24, "differ in size"), SL_FORMAT);
    cr_expect_eq(load_header("{" A(16, 0) "," B(16, 28) "}", 28, "data_offsets"), SL_FORMAT);
    cr_expect_eq(load_header("{" A(-16, 0) "," B(0, 12) "}", 12, "data_offsets"), SL_FORMAT);
    cr_expect_eq(load_header("{" A(0, 16.5) "," B(16, 28) "}", 28, "data_offsets"), SL_FORMAT);
    cr_expect_eq(load_header("{" A(0, 18446744073709551616) "," B(16, 28) "}", 28, "data_offsets"), SL_FORMAT);
    cr_expect_eq(load_header("{" A(0, 9007199254740992) "," B(16, 28) "}", 28, "behind the end"), SL_FORMAT);
}

Test(safetensors, refuses_what_is_not_the_format) {
#define ENTRY(dtype, shape, offsets) "{\"a\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
    cr_expect_eq(load_header(ENTRY("\"F31\"", "[2,2]", "[0,16]"), 16, "expected dtype"), SL_FORMAT);
    cr_expect_eq(load_header(ENTRY("4", "[2,2]", "[0,16]"), 16, "expected dtype"), SL_FORMAT);
    cr_expect_eq(load_header(ENTRY("\"F32\"", "4", "[0,16]"), 16, "shape"), SL_FORMAT);
    cr_expect_eq(load_header(ENTRY("\"F32\"", "[\"4\"]", "[0,16]"), 16, "shape"), SL_FORMAT);
    cr_expect_eq(load_header(ENTRY("\"F32\"", "[-2,-2]", "[0,16]"), 16, "shape"), SL_FORMAT);
    cr_expect_eq(load_header(ENTRY("\"F32\"", "[4294967296,4294967296,4]", "[0,16]"), 16, "shape"), SL_FORMAT);
    cr_expect_eq(load_header(ENTRY("\"F32\"", "[2,2]", "[0]"), 16, "data_offsets"), SL_FORMAT);
    cr_expect_eq(load_header(ENTRY("\"F32\"", "[2,2]", "[0,16,16]"), 16, "data_offsets"), SL_FORMAT);
    cr_expect_eq(load_header("{\"a\":3}", 0, "expected dtype"), SL_FORMAT);
    cr_expect_eq(load_header("[]", 0, "begin with {"), SL_FORMAT);
    cr_expect_eq(load_header(" {" A(0, 16) "," B(16, 28) "}", 28, "begin with {"), SL_FORMAT);
    cr_expect_eq(load_header("{" A(0, 16) "," A(0, 16) "," B(16, 28) "}", 28, ""), SL_FORMAT);
    cr_expect_eq(load_header("{" A(0, 16) "," B(16, 28) "}{}", 28, ""), SL_FORMAT);
    cr_expect_eq(load_header("{" A(0, 16) "," B(16, 28) ",\"__metadata__\":3}", 28, "metadata"), SL_FORMAT);
    cr_expect_eq(load_header("{" A(0, 16) "," B(16, 28) ",\"__metadata__\":{\"k\":3}}", 28, "metadata"), SL_FORMAT);
}

Test(safetensors, names_the_tensor_that_does_not_match) {
    cr_expect_eq(load_header("{" A(0, 16) "}", 16, "tensor b is missing"), SL_MISMATCH);
    cr_expect_eq(
        load_header("{" A(0, 16) "," B(16, 28) ",\"c\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[28,28]}}", 28,
                    "3 tensors"),
        SL_MISMATCH);
    cr_expect_eq(load_header("{\"a\":{\"dtype\":\"I32\",\"shape\":[2,2],\"data_offsets\":[0,16]}," B(16, 28) "}", 28,
                             "tensor a is not of type F32"),
                 SL_MISMATCH);
    cr_expect_eq(load_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}," B(16, 28) "}", 28,
                             "tensor a has another shape"),
                 SL_MISMATCH);
    cr_expect_eq(
        load_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[2,2,1,1,1,1],\"data_offsets\":[0,16]}," B(16, 28) "}", 28,
                    "tensor a has another shape"),
        SL_MISMATCH);
}

Test(safetensors, checks_everything_before_it_changes_a_value) {
    float before[7];
    memcpy(before, model.values, sizeof before);
    cr_expect_eq(load_header("{" A(0, 16) "}", 16, "missing"), SL_MISMATCH);
    cr_expect_arr_eq(model.values, before, sizeof before);
}

Test(safetensors, says_which_file_is_missing_or_no_file) {
    struct sl_error error;
    cr_expect_eq(load(&error), SL_NOT_FOUND);
    cr_expect(strstr(error.text, model.path) != NULL);
    cr_expect_eq(sl_safetensors_load(model.folder.path, &model.group, 1, NULL, &error), SL_FORMAT);
    cr_expect_neq(sl_safetensors_save("/proc/none/model", &model.group, 1, NULL, &error), SL_OK);
}

Test(safetensors, metadata_has_limits) {
    struct sl_metadata metadata = {0};
    char key[65], value[257];
    memset(key, 'k', 64);
    memset(value, 'v', 256);
    key[64] = value[256] = '\0';
    cr_expect_eq(sl_metadata_set(&metadata, key, "x"), SL_LIMIT);
    cr_expect_eq(sl_metadata_set(&metadata, "k", "%s", value), SL_LIMIT);
    cr_expect_eq(metadata.count, 0);
    for (int i = 0; i < SL_METADATA_MAX; i++) {
        snprintf(key, sizeof key, "k%d", i);
        cr_expect_eq(sl_metadata_set(&metadata, key, "x"), SL_OK);
    }
    cr_expect_eq(sl_metadata_set(&metadata, "more", "x"), SL_LIMIT);
    cr_expect_eq(sl_metadata_set(&metadata, "k3", "y"), SL_OK);
    cr_expect_str_eq(sl_metadata_get(&metadata, "k3"), "y");
}
