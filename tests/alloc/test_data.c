/* Data sets and models. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/file.h"
#include "data/dataset.h"
#include "data/files.h"
#include "data/partition.h"
#include "failing.h"
#include "folder.h"
#include "model/safetensors.h"

static enum sl_status load_idx(void *context, struct sl_error *error) {
    const struct test_files *files = context;
    struct sl_dataset *dataset = NULL;
    enum sl_status status = sl_dataset_load(&dataset, SL_DATA_IDX, files->paths, 2, error);
    sl_dataset_destroy(dataset);
    return status;
}

static enum sl_status load_cifar(void *context, struct sl_error *error) {
    const char *const paths[] = {context, context};
    struct sl_dataset *dataset = NULL;
    enum sl_status status = sl_dataset_load(&dataset, SL_DATA_CIFAR10, paths, 2, error);
    sl_dataset_destroy(dataset);
    return status;
}

static enum sl_status split(void *context, struct sl_error *error) {
    static const char *const kinds[] = {"iid", "shards:1", "dirichlet:1", "share:1,1,1"};
    enum sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && i < sizeof kinds / sizeof *kinds; i++) {
        struct sl_partition partition;
        uint32_t *selection = NULL;
        size_t count = 0;
        status = sl_partition_parse(&partition, kinds[i], error);
        if (status == SL_OK)
            status = sl_partition_select(&selection, &count, &partition, context, 1, 3, 1, error);
        sl_partition_finish(&partition);
        free(selection);
    }
    return status;
}

Test(allocations, data_sets) {
    struct test_files files;
    struct sl_buffer images = {0}, labels = {0};
    test_files_make(&files);
    test_idx_images(&images, 60, 3, 4);
    test_idx_labels(&labels, 60, 10);
    test_write(files.images, images.data, images.length);
    test_write_gzip(files.labels, labels.data, labels.length);
    cr_assert_geq(failing_run(load_idx, &files, FAILING_NONE), 5);

    struct sl_dataset *dataset = NULL;
    cr_assert_eq(sl_dataset_load(&dataset, SL_DATA_IDX, files.paths, 2, NULL), SL_OK);
    cr_assert_geq(failing_run(split, dataset, FAILING_NONE), 8);
    sl_dataset_destroy(dataset);

    static const uint8_t record[3073];
    test_write(files.images, record, sizeof record);
    cr_assert_geq(failing_run(load_cifar, files.images, FAILING_NONE), 5);
    sl_buffer_finish(&images);
    sl_buffer_finish(&labels);
    test_files_remove(&files);
}

struct model {
    char path[256];
    struct sl_tensor_group group;
};

static enum sl_status save(void *context, struct sl_error *error) {
    const struct model *model = context;
    struct sl_metadata metadata = {.count = 0};
    cr_assert_eq(sl_metadata_set(&metadata, "round", "%d", 7), SL_OK);
    return sl_safetensors_save(model->path, &model->group, 1, &metadata, error);
}

static enum sl_status load(void *context, struct sl_error *error) {
    const struct model *model = context;
    struct sl_metadata metadata;
    return sl_safetensors_load(model->path, &model->group, 1, &metadata, error);
}

static enum sl_status lay_out(void *context, struct sl_error *error) {
    struct sl_layout *layout = context, copy;
    const uint64_t dims[] = {2, 3};
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
    enum sl_status status = SL_OK;
    sl_layout_finish(layout);
    for (size_t i = 0; status == SL_OK && i < sizeof names / sizeof *names; i++)
        status = sl_layout_add(layout, names[i], 2, dims, error);
    if (status == SL_OK)
        status = sl_layout_copy(&copy, layout, error);
    if (status == SL_OK)
        sl_layout_finish(&copy);
    return status;
}

Test(allocations, models) {
    struct test_folder folder;
    struct sl_layout layout;
    float values[9 * 6] = {0};
    sl_layout_init(&layout);
    cr_assert_geq(failing_run(lay_out, &layout, FAILING_NONE), 3);
    struct model model = {.group = {.prefix = "model.", .layout = &layout, .values = values}};
    test_folder_make(&folder);
    test_folder_file(model.path, &folder, "model.safetensors");
    cr_assert_geq(failing_run(save, &model, FAILING_NONE), 5);
    cr_assert_eq(test_folder_count(&folder), 1, "no temporary file stays");
    cr_assert_geq(failing_run(load, &model, FAILING_NONE), 2);
    cr_assert_geq(failing_run(load, &model, FAILING_CJSON), 50);
    test_folder_remove(&folder);
    sl_layout_finish(&layout);
}
