/* What holds for every message: it survives, in one encoding only, and nothing else does. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "samples.h"

static struct sl_buffer encode(const struct codec *codec) {
    union any_message message;
    struct sl_buffer out = {0};
    codec->sample(&message);
    cr_assert_eq(codec->encode(&out, &message), SL_OK, "%s", codec->name);
    return out;
}

/* Bytes in memory of their own, so that a read behind them is seen. */
static enum sl_status decode(const struct codec *codec, union any_message *out, const uint8_t *data, size_t length) {
    uint8_t *copy = malloc(length + 1);
    memcpy(copy, data, length);
    copy = realloc(copy, length > 0 ? length : 1);
    struct sl_error error = {0};
    enum sl_status status = codec->decode(out, copy, length, &error);
    cr_assert(status == SL_OK || error.text[0] != '\0', "a refusal says why");
    bool has_views = codec->decode == codecs[6].decode || codec->decode == codecs[14].decode;
    if (has_views && status == SL_OK) /* into the copy */
        *out = (union any_message){0};
    free(copy);
    return status;
}

static void expect_refusal(const struct codec *codec, const uint8_t *data, size_t length, const char *what) {
    union any_message message, zero;
    memset(&zero, 0, sizeof zero);
    memset(&message, 0, sizeof message);
    enum sl_status status = decode(codec, &message, data, length);
    if (status == SL_OK)
        codec->finish(&message);
    cr_assert(status == SL_FORMAT || status == SL_LIMIT, "%s: %s: %s", codec->name, what, sl_status_text(status));
    cr_assert_eq(memcmp(&message, &zero, sizeof zero), 0, "%s: empty after a refusal", codec->name);
}

Test(wire_messages, the_table_is_in_order) {
    cr_assert_str_eq(codecs[6].name, "manifest_frame");
    cr_assert_str_eq(codecs[14].name, "part");
}

Test(wire_messages, each_survives) {
    for (size_t i = 0; i < codec_count; i++) {
        struct sl_buffer bytes = encode(&codecs[i]), again = {0};
        union any_message message;
        cr_assert_gt(bytes.length, 0);
        cr_assert_eq(codecs[i].decode(&message, bytes.data, bytes.length, NULL), SL_OK, "%s", codecs[i].name);
        cr_assert_eq(sl_buffer_append(&again, "before", 6), SL_OK);
        cr_assert_eq(codecs[i].encode(&again, &message), SL_OK);
        cr_assert_eq(again.length, bytes.length + 6, "appended");
        cr_assert_arr_eq(again.data + 6, bytes.data, bytes.length);
        codecs[i].finish(&message);
        codecs[i].finish(&message);
        sl_buffer_finish(&bytes);
        sl_buffer_finish(&again);
    }
}

Test(wire_messages, fields_arrive) {
    struct sl_hello hello;
    struct sl_buffer bytes = encode(&codecs[0]);
    cr_assert_eq(sl_hello_decode(&hello, bytes.data, bytes.length, NULL), SL_OK);
    cr_assert_str_eq(hello.node, "alice");
    cr_assert_eq(hello.boot, UINT64_C(0x1122334455667788));
    cr_assert_str_eq(hello.addresses[1], "[2001:db8::1]:7401");
    cr_assert_eq(hello.chain[0].length, 300);
    cr_assert_eq(hello.chain[0].data[255], 255);
    cr_assert_eq(hello.proof_length, 64);
    cr_assert_eq(hello.delegate_length, 32);
    cr_assert_eq(hello.delegate[31], 31);
    cr_assert_eq(hello.delegation_length, 71);
    cr_assert_eq(hello.delegated_until, 1795282800);
    sl_hello_finish(&hello);
    sl_buffer_finish(&bytes);
    struct sl_manifest manifest;
    bytes = encode(&codecs[5]);
    cr_assert_eq(sl_manifest_decode(&manifest, bytes.data, bytes.length, NULL), SL_OK);
    cr_assert_eq(manifest.tensor_count, 3);
    cr_assert_eq(manifest.tensors[0].dims[1], 784);
    cr_assert_eq(manifest.tensors[2].rank, 0);
    cr_assert_eq(manifest.chunk_count, 4);
    cr_assert_eq(manifest.chunk_digests[3][1], (uint8_t)(6 * 31 + 7));
    cr_assert_eq(manifest.lineage, UINT64_C(0xfedcba9876543210));
    sl_manifest_finish(&manifest);
    sl_buffer_finish(&bytes);
}

Test(wire_messages, a_manifest_frame_is_read_where_it_lies) {
    const size_t lengths[] = {1, 127, 128, 129, 1024};
    static uint8_t noise[20000];
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)(i * i >> 3);
    for (size_t i = 0; i < 5; i++) {
        const struct sl_manifest_frame in = {
            .transfer = 300, .manifest = {noise, 16 * lengths[i]}, .signature = {noise + 7, lengths[i]}};
        struct sl_manifest_frame out;
        struct sl_buffer bytes = {0};
        cr_assert_eq(sl_manifest_frame_encode(&bytes, &in), SL_OK);
        cr_assert_eq(sl_manifest_frame_decode(&out, bytes.data, bytes.length, NULL), SL_OK);
        cr_assert(out.manifest.data > bytes.data && out.manifest.data < bytes.data + bytes.length);
        cr_assert_eq(out.manifest.length, in.manifest.length);
        cr_assert_arr_eq(out.manifest.data, in.manifest.data, in.manifest.length);
        cr_assert_eq(out.signature.length, in.signature.length);
        cr_assert_arr_eq(out.signature.data, in.signature.data, in.signature.length);
        sl_buffer_finish(&bytes);
    }
}

Test(wire_messages, nothing_shorter_decodes_to_the_same) {
    for (size_t i = 0; i < codec_count; i++) {
        struct sl_buffer bytes = encode(&codecs[i]), again = {0};
        for (size_t length = 0; length < bytes.length; length++) {
            union any_message message;
            /* A whole field may be cut off: then it is another message, which must survive, too. */
            if (codecs[i].decode(&message, bytes.data, length, NULL) != SL_OK)
                continue;
            sl_buffer_clear(&again);
            cr_assert_eq(codecs[i].encode(&again, &message), SL_OK);
            cr_assert_eq(again.length, length, "%s", codecs[i].name);
            cr_assert(length == 0 || memcmp(again.data, bytes.data, length) == 0);
            codecs[i].finish(&message);
        }
        sl_buffer_finish(&again);
        sl_buffer_finish(&bytes);
    }
}

Test(wire_messages, unknown_fields_and_other_encodings_are_refused) {
    for (size_t i = 0; i < codec_count; i++) {
        struct sl_buffer bytes = encode(&codecs[i]);
        size_t length = bytes.length;
        cr_assert_eq(sl_buffer_append(&bytes, "\xf8\x07\x01", 3), SL_OK); /* field 127, varint 1 */
        expect_refusal(&codecs[i], bytes.data, bytes.length, "unknown field");
        bytes.length = length;
        cr_assert_eq(sl_buffer_append(&bytes, bytes.data[0] == 0x08 ? "\x08\x01" : "\x0a\x01z", 2), SL_OK);
        expect_refusal(&codecs[i], bytes.data, bytes.length, "a field again");
        sl_buffer_finish(&bytes);
    }
    expect_refusal(&codecs[3], (const uint8_t *)"\x08\x87\x00", 3, "a longer varint");
    expect_refusal(&codecs[3], (const uint8_t *)"\x08\x00", 2, "a default that is written");
    expect_refusal(&codecs[2], (const uint8_t *)"\x10\x02", 2, "a bool of 2");
    expect_refusal(&codecs[2],
                   (const uint8_t *)"\x0a\x03"
                                    "a\0b",
                   5, "a NUL in a text");
    expect_refusal(&codecs[2],
                   (const uint8_t *)"\x10\x01\x0a\x01"
                                    "a",
                   5, "fields out of order");
    expect_refusal(&codecs[12], (const uint8_t *)"\x28\xff\xff\xff\xff\xff\x01", 7, "a number beyond 32 bits");
    expect_refusal(&codecs[3], (const uint8_t *)"\x0d\x01\x00\x00\x00", 5, "another wire type");
}

Test(wire_messages, random_bytes_and_changes_do_no_harm) {
    struct sl_random random;
    sl_random_init(&random, 1, 1);
    for (size_t i = 0; i < codec_count; i++) {
        struct sl_buffer bytes = encode(&codecs[i]);
        for (int trial = 0; trial < 400; trial++) {
            union any_message message;
            uint8_t *at = &bytes.data[sl_random_below(&random, bytes.length)];
            uint8_t kept = *at;
            *at = (uint8_t)sl_random_u32(&random);
            if (decode(&codecs[i], &message, bytes.data, bytes.length) == SL_OK)
                codecs[i].finish(&message);
            *at = kept;
        }
        sl_buffer_finish(&bytes);
    }
}

Test(wire_messages, nothing_is_allowed_only_where_defaults_are) {
    for (size_t i = 0; i < codec_count; i++) {
        union any_message message;
        const char *name = codecs[i].name;
        bool all_default = strcmp(name, "goodbye") == 0 || strcmp(name, "ping") == 0 || strcmp(name, "roster") == 0 ||
                           strcmp(name, "cancel") == 0 || strcmp(name, "progress") == 0 ||
                           strcmp(name, "model_request") == 0 || strcmp(name, "roster_digest") == 0;
        enum sl_status status = codecs[i].decode(&message, NULL, 0, NULL);
        cr_assert_eq(status == SL_OK, all_default, "%s", name);
        if (status == SL_OK)
            codecs[i].finish(&message);
    }
}
