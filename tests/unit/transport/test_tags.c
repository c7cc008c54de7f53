/* Known answers, which other implementations can be held against (docs/protocol.md), and everything that must not fit.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "transport/tags.h"
#include "wire/frame.h"

static void start(struct sl_tags *sender, struct sl_tags *receiver) {
    uint8_t key[SL_TAG_KEY_SIZE];
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    cr_assert_eq(sl_tags_init(sender, key, NULL), SL_OK);
    if (receiver != NULL)
        cr_assert_eq(sl_tags_init(receiver, key, NULL), SL_OK);
}

/* Made with another implementation (OpenSSL's EVP_aes_256_gcm). */
static const uint8_t VECTORS[3][SL_TAG_SIZE] = {
    {0x53, 0x6d, 0xc6, 0xff, 0x57, 0xe8, 0xd3, 0x57, 0x8b, 0x2f, 0x6e, 0x96, 0x33, 0x07, 0x85, 0xc0},
    {0x11, 0x2c, 0x4f, 0x2b, 0x0c, 0xa5, 0xc8, 0x46, 0x02, 0xc4, 0x57, 0x9e, 0xba, 0x57, 0x26, 0xb7},
    {0xae, 0xdc, 0x36, 0xab, 0x70, 0x1c, 0xf8, 0x9e, 0x4f, 0xa4, 0xfd, 0xa1, 0xd5, 0xe3, 0x9f, 0x96},
};

Test(tags, known_answers) {
    struct sl_tags sender;
    uint8_t header[SL_FRAME_HEADER_SIZE], data_header[SL_DATA_HEADER_SIZE], tag[SL_TAG_SIZE];
    start(&sender, NULL);
    sl_frame_put_header(header, &(struct sl_frame_header){.length = 0, .type = SL_FRAME_HELLO_ACK});
    cr_assert_eq(sl_tags_make(&sender, tag, header, sizeof header, NULL, 0), SL_OK);
    cr_assert_arr_eq(tag, VECTORS[0], SL_TAG_SIZE);
    sl_frame_put_header(header, &(struct sl_frame_header){.length = 5, .type = SL_FRAME_PING});
    cr_assert_eq(sl_tags_make(&sender, tag, header, sizeof header, (const uint8_t *)"hello", 5), SL_OK);
    cr_assert_arr_eq(tag, VECTORS[1], SL_TAG_SIZE);
    sl_frame_put_data_header(data_header, &(struct sl_data_header){.transfer = 7, .offset = 4096, .length = 4});
    cr_assert_eq(sl_tags_make(&sender, tag, data_header, sizeof data_header, (const uint8_t *)"\x01\x02\x03\x04", 4),
                 SL_OK);
    cr_assert_arr_eq(tag, VECTORS[2], SL_TAG_SIZE);
    sl_tags_finish(&sender);
}

Test(tags, every_bit_counts) {
    enum { PAYLOAD = 37 };
    struct sl_tags sender, receiver;
    uint8_t frame[SL_FRAME_HEADER_SIZE + PAYLOAD + SL_TAG_SIZE];
    memset(frame, 0x3c, sizeof frame);
    start(&sender, &receiver);
    uint8_t *payload = frame + SL_FRAME_HEADER_SIZE, *tag = payload + PAYLOAD;
    cr_assert_eq(sl_tags_make(&sender, tag, frame, SL_FRAME_HEADER_SIZE, payload, PAYLOAD), SL_OK);
    for (size_t bit = 0; bit < 8 * sizeof frame; bit++) {
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_not(sl_tags_check(&receiver, tag, frame, SL_FRAME_HEADER_SIZE, payload, PAYLOAD), "bit %zu", bit);
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    cr_assert_not(sl_tags_check(&receiver, tag, frame, SL_FRAME_HEADER_SIZE, payload, PAYLOAD - 1));
    cr_assert(sl_tags_check(&receiver, tag, frame, SL_FRAME_HEADER_SIZE, payload, PAYLOAD), "nothing was counted");
    cr_assert_not(sl_tags_check(&receiver, tag, frame, SL_FRAME_HEADER_SIZE, payload, PAYLOAD), "repeated");
    sl_tags_finish(&sender);
    sl_tags_finish(&receiver);
}

Test(tags, order_and_direction_count) {
    struct sl_tags sender, receiver, other;
    uint8_t header[SL_FRAME_HEADER_SIZE] = {0}, tags[2][SL_TAG_SIZE], key[SL_TAG_KEY_SIZE] = {1};
    start(&sender, &receiver);
    cr_assert_eq(sl_tags_init(&other, key, NULL), SL_OK);
    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(sl_tags_make(&sender, tags[i], header, sizeof header, NULL, 0), SL_OK);
    cr_assert_arr_neq(tags[0], tags[1], SL_TAG_SIZE);
    cr_assert_not(sl_tags_check(&receiver, tags[1], header, sizeof header, NULL, 0), "one is left out");
    cr_assert_not(sl_tags_check(&other, tags[0], header, sizeof header, NULL, 0), "the other direction's key");
    cr_assert(sl_tags_check(&receiver, tags[0], header, sizeof header, NULL, 0));
    cr_assert(sl_tags_check(&receiver, tags[1], header, sizeof header, NULL, 0));
    sl_tags_finish(&sender);
    sl_tags_finish(&receiver);
    sl_tags_finish(&other);
}

Test(tags, a_key_ends_before_its_bound) {
    struct sl_tags sender, receiver;
    uint8_t header[SL_FRAME_HEADER_SIZE] = {0}, tag[SL_TAG_SIZE];
    start(&sender, &receiver);
    sender.count = receiver.count = SL_TAGS_MAX - 1;
    cr_assert_eq(sl_tags_make(&sender, tag, header, sizeof header, NULL, 0), SL_OK);
    cr_assert(sl_tags_check(&receiver, tag, header, sizeof header, NULL, 0));
    cr_assert_eq(sl_tags_make(&sender, tag, header, sizeof header, NULL, 0), SL_CRYPTO);
    cr_assert_not(sl_tags_check(&receiver, tag, header, sizeof header, NULL, 0));
    sl_tags_finish(&sender);
    sl_tags_finish(&receiver);
}
