#include <criterion/criterion.h>
#include <string.h>

#include "exchange/manifest.h"

static struct sl_layout layout;

static void make(void) {
    sl_layout_init(&layout);
    cr_assert_eq(sl_layout_add(&layout, "fc1.weight", 2, (const uint64_t[]){30, 20}, NULL), SL_OK);
    cr_assert_eq(sl_layout_add(&layout, "fc1.bias", 1, (const uint64_t[]){30}, NULL), SL_OK);
}

static void unmake(void) {
    sl_layout_finish(&layout);
}

static struct sl_manifest describe(void) {
    struct sl_manifest manifest = {.flock = "demo", .run = "r1", .origin = "alice", .kind = SL_PAYLOAD_UPDATE};
    struct sl_chunks chunks;
    struct sl_digest digest;
    manifest.lineage = 1;
    manifest.samples = manifest.total_samples = 1;
    manifest.round = 1;
    memset(&digest, 7, sizeof digest);
    cr_assert_eq(sl_chunks_choose(&chunks, layout.elements * sizeof(float), NULL), SL_OK);
    cr_assert_eq(sl_manifest_describe(&manifest, &layout, &chunks, &digest, NULL), SL_OK);
    return manifest;
}

TestSuite(manifest, .init = make, .fini = unmake);

Test(manifest, survives_the_wire) {
    struct sl_manifest manifest = describe(), back;
    struct sl_buffer bytes = {0};
    cr_assert_eq(sl_manifest_encode(&bytes, &manifest), SL_OK);
    struct sl_error error;
    cr_assert_eq(sl_manifest_decode(&back, bytes.data, bytes.length, &error), SL_OK, "%s", error.text);
    cr_assert_eq(sl_manifest_check(&back, "demo", "r1", "alice", &layout, NULL), SL_OK);
    cr_assert_eq(sl_manifest_chunks(&back).count, 1);
    cr_assert_eq(sl_manifest_chunks(&back).payload_bytes, 630 * 4);
    sl_buffer_finish(&bytes);
    sl_manifest_finish(&manifest);
    sl_manifest_finish(&back);
}

Test(manifest, of_another_flock_run_or_origin_does_not_match) {
    struct sl_manifest manifest = describe();
    struct sl_error error;
    cr_assert_eq(sl_manifest_check(&manifest, "other", "r1", "alice", &layout, &error), SL_MISMATCH);
    cr_assert(strstr(error.text, "flock"));
    cr_assert_eq(sl_manifest_check(&manifest, "demo", "r2", "alice", &layout, &error), SL_MISMATCH);
    cr_assert_eq(sl_manifest_check(&manifest, "demo", "r1", "mallory", &layout, &error), SL_MISMATCH);
    sl_manifest_finish(&manifest);
}

Test(manifest, of_another_shape_does_not_match) {
    struct sl_manifest manifest = describe();
    struct sl_error error;
    manifest.tensors[0].dims[0] = 20; /* same count of values, transposed */
    manifest.tensors[0].dims[1] = 30;
    cr_assert_eq(sl_manifest_check(&manifest, "demo", "r1", "alice", &layout, &error), SL_MISMATCH);
    cr_assert(strstr(error.text, "shape"));
    manifest.tensors[0].dims[0] = 30;
    manifest.tensors[0].dims[1] = 20;
    manifest.tensor_count = 1;
    cr_assert_eq(sl_manifest_check(&manifest, "demo", "r1", "alice", &layout, &error), SL_MISMATCH);
    manifest.tensor_count = 2;
    sl_manifest_finish(&manifest);
}
