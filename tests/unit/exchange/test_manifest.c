#include <criterion/criterion.h>
#include <string.h>

#include "aggregate/quantise.h"
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

static struct sl_manifest describe_in(enum sl_payload_encoding encoding) {
    struct sl_manifest manifest = {.flock = "demo", .run = "r1", .origin = "alice", .kind = SL_PAYLOAD_UPDATE};
    struct sl_chunks chunks;
    struct sl_digest digest;
    manifest.lineage = 1;
    manifest.samples = manifest.total_samples = 1;
    manifest.round = 1;
    manifest.encoding = encoding;
    memset(&digest, 7, sizeof digest);
    cr_assert_eq(sl_chunks_choose(&chunks, sl_payload_length(encoding, layout.elements), NULL), SL_OK);
    cr_assert_eq(sl_manifest_describe(&manifest, &layout, &chunks, &digest, NULL), SL_OK);
    return manifest;
}

static struct sl_manifest describe(void) {
    return describe_in(SL_ENCODING_F32);
}

TestSuite(manifest, .init = make, .fini = unmake);

Test(manifest, survives_the_wire) {
    struct sl_manifest manifest = describe(), back;
    struct sl_buffer bytes = {0};
    cr_assert_eq(sl_manifest_encode(&bytes, &manifest), SL_OK);
    struct sl_error error;
    cr_assert_eq(sl_manifest_decode(&back, bytes.data, bytes.length, &error), SL_OK, "%s", error.text);
    cr_assert_eq(sl_manifest_check(&back, "demo", "r1", "alice", &layout, SL_ENCODING_F32, NULL), SL_OK);
    cr_assert_eq(sl_manifest_chunks(&back).count, 1);
    cr_assert_eq(sl_manifest_chunks(&back).payload_bytes, 630 * 4);
    sl_buffer_finish(&bytes);
    sl_manifest_finish(&manifest);
    sl_manifest_finish(&back);
}

Test(manifest, of_another_flock_run_or_origin_does_not_match) {
    struct sl_manifest manifest = describe();
    struct sl_error error;
    cr_assert_eq(sl_manifest_check(&manifest, "other", "r1", "alice", &layout, SL_ENCODING_F32, &error), SL_MISMATCH);
    cr_assert(strstr(error.text, "flock"));
    cr_assert_eq(sl_manifest_check(&manifest, "demo", "r2", "alice", &layout, SL_ENCODING_F32, &error), SL_MISMATCH);
    cr_assert_eq(sl_manifest_check(&manifest, "demo", "r1", "mallory", &layout, SL_ENCODING_F32, &error), SL_MISMATCH);
    sl_manifest_finish(&manifest);
}

Test(manifest, of_another_shape_does_not_match) {
    struct sl_manifest manifest = describe();
    struct sl_error error;
    manifest.tensors[0].dims[0] = 20; /* same count of values, transposed */
    manifest.tensors[0].dims[1] = 30;
    cr_assert_eq(sl_manifest_check(&manifest, "demo", "r1", "alice", &layout, SL_ENCODING_F32, &error), SL_MISMATCH);
    cr_assert(strstr(error.text, "shape"));
    manifest.tensors[0].dims[0] = 30;
    manifest.tensors[0].dims[1] = 20;
    manifest.tensor_count = 1;
    cr_assert_eq(sl_manifest_check(&manifest, "demo", "r1", "alice", &layout, SL_ENCODING_F32, &error), SL_MISMATCH);
    manifest.tensor_count = 2;
    sl_manifest_finish(&manifest);
}

/* Elements of an odd number: no payload of bytes is a vector of f32 then. */
Test(manifest, updates_are_in_the_encoding_of_the_flock) {
    struct sl_error error;
    struct sl_manifest manifest = describe();
    cr_assert_eq(sl_manifest_check(&manifest, "demo", "r1", "alice", &layout, SL_ENCODING_INT8, &error), SL_MISMATCH);
    cr_assert_str_eq(error.text, "manifest of an update in f32, ours are in int8 (mix.codec)");
    manifest.kind = SL_PAYLOAD_SNAPSHOT; /* which are f32 in any flock */
    cr_assert_eq(sl_manifest_check(&manifest, "demo", "r1", "alice", &layout, SL_ENCODING_INT8, &error), SL_OK);
    sl_manifest_finish(&manifest);

    manifest = describe_in(SL_ENCODING_INT8);
    cr_assert_eq(manifest.payload_bytes, 630 + 4);
    cr_assert_eq(sl_manifest_check(&manifest, "demo", "r1", "alice", &layout, SL_ENCODING_INT8, &error), SL_OK, "%s",
                 error.text);
    cr_assert_eq(sl_manifest_check(&manifest, "demo", "r1", "alice", &layout, SL_ENCODING_F32, &error), SL_MISMATCH);
    cr_assert_str_eq(error.text, "manifest of an update in int8, ours are in f32 (mix.codec)");
    sl_manifest_finish(&manifest);
}

static enum sl_status pass_through_the_wire(const struct sl_manifest *manifest, struct sl_manifest *back,
                                            struct sl_error *error) {
    struct sl_buffer bytes = {0};
    cr_assert_eq(sl_manifest_encode(&bytes, manifest), SL_OK);
    enum sl_status status = sl_manifest_decode(back, bytes.data, bytes.length, error);
    sl_buffer_finish(&bytes);
    return status;
}

Test(manifest, the_wire_holds_an_encoding_against_length_and_kind) {
    struct sl_manifest manifest = describe_in(SL_ENCODING_INT8), back;
    struct sl_error error;
    cr_assert_eq(pass_through_the_wire(&manifest, &back, &error), SL_OK, "%s", error.text);
    cr_expect_eq(back.encoding, SL_ENCODING_INT8);
    sl_manifest_finish(&back);
    manifest.payload_bytes += 4; /* as many as two blocks would have */
    cr_expect_eq(pass_through_the_wire(&manifest, &back, &error), SL_FORMAT);
    manifest.payload_bytes -= 4;
    manifest.kind = SL_PAYLOAD_SNAPSHOT;
    cr_expect_eq(pass_through_the_wire(&manifest, &back, &error), SL_FORMAT);
    cr_expect(strstr(error.text, "encoding"), "%s", error.text);
    manifest.kind = SL_PAYLOAD_UPDATE;
    manifest.encoding = 2;
    cr_expect_eq(pass_through_the_wire(&manifest, &back, &error), SL_FORMAT);
    sl_manifest_finish(&manifest);
}

Test(manifest, the_wire_counts_bytes_as_the_codec_does) {
    const uint64_t elements[] = {1, 2, 1023, 1024, 1025, 4096, 101770, UINT64_C(1) << 40};
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++) {
        cr_expect_eq(sl_payload_length(SL_ENCODING_INT8, elements[i]), sl_quantise_bytes(elements[i]));
        cr_expect_eq(sl_payload_length(SL_ENCODING_F32, elements[i]), 4 * elements[i]);
    }
}
