#include <criterion/criterion.h>
#include <string.h>

#include "crypto/random.h"
#include "exchange/inbound.h"

enum { CHUNKS = 5, LAST = 1000 };
#define PAYLOAD ((uint64_t)(CHUNKS - 1) * SL_CHUNK_UNIT + LAST)

static uint8_t *payload;
static struct sl_chunks chunks;
static uint8_t digests[CHUNKS][SL_DIGEST_SIZE];

static void make_payload(void) {
    cr_assert_eq(sl_crypto_start(NULL), SL_OK);
    payload = malloc(PAYLOAD);
    for (uint64_t i = 0; i < PAYLOAD; i++)
        payload[i] = (uint8_t)(i * 2654435761u >> 13);
    cr_assert_eq(sl_chunks_choose(&chunks, PAYLOAD, NULL), SL_OK);
    cr_assert_eq(chunks.count, CHUNKS);
    for (uint32_t k = 0; k < CHUNKS; k++) {
        struct sl_digest digest;
        sl_digest_of(&digest, payload + sl_chunk_first(&chunks, k), sl_chunk_length(&chunks, k));
        memcpy(digests[k], digest.bytes, SL_DIGEST_SIZE);
    }
}

static void free_payload(void) {
    free(payload);
}

/* Brings what the credit allows, from `from` on, in frames; returns where it stopped. Chunks are verified as they come.
 */
static uint64_t bring(struct sl_inbound *inbound, uint64_t from) {
    while (from < sl_inbound_credit(inbound)) {
        uint32_t index = (uint32_t)(from / chunks.chunk_bytes);
        uint64_t end = sl_chunk_first(&chunks, index) + sl_chunk_length(&chunks, index);
        uint32_t length = end - from < SL_DATA_MAX ? (uint32_t)(end - from) : SL_DATA_MAX;
        uint8_t *place = NULL;
        cr_assert_eq(sl_inbound_place(inbound, &place, from, length, NULL), SL_OK);
        memcpy(place, payload + from, length);
        uint32_t whole;
        if (sl_inbound_arrived(inbound, &whole, length)) {
            cr_assert_eq(whole, index);
            cr_assert(sl_inbound_matches(inbound, whole, sl_inbound_chunk(inbound, whole)));
            sl_inbound_verified(inbound, whole);
        }
        from += length;
    }
    return from;
}

TestSuite(inbound, .init = make_payload, .fini = free_payload);

Test(inbound, held_payload_is_whole_in_one_block) {
    struct sl_inbound *inbound = NULL;
    cr_assert_eq(sl_inbound_create(&inbound, &chunks, (const uint8_t(*)[SL_DIGEST_SIZE])digests, 0, NULL), SL_OK);
    cr_assert_eq(sl_inbound_credit(inbound), PAYLOAD);
    cr_assert_null(sl_inbound_block(inbound));
    cr_assert_eq(bring(inbound, 0), PAYLOAD);
    cr_assert(sl_inbound_is_whole(inbound));
    cr_assert_eq(sl_inbound_prefix(inbound), CHUNKS);
    cr_assert_arr_eq(sl_inbound_block(inbound)->data, payload, PAYLOAD);
    sl_inbound_destroy(inbound);
}

Test(inbound, stream_stays_in_its_window_and_grows_by_what_is_released) {
    struct sl_inbound *inbound = NULL;
    cr_assert_eq(sl_inbound_create(&inbound, &chunks, (const uint8_t(*)[SL_DIGEST_SIZE])digests, 2, NULL), SL_OK);
    cr_assert_eq(sl_inbound_credit(inbound), 2 * (uint64_t)SL_CHUNK_UNIT);
    uint64_t at = bring(inbound, 0);
    cr_assert_eq(at, 2 * (uint64_t)SL_CHUNK_UNIT);
    cr_assert_not(sl_inbound_is_whole(inbound));
    uint8_t *place = NULL;
    cr_assert_eq(sl_inbound_place(inbound, &place, at, 1, NULL), SL_FORMAT, "beyond the credit");
    sl_inbound_release(inbound, 1); /* out of order: the window moves only when the first one goes */
    cr_assert_eq(sl_inbound_credit(inbound), 2 * (uint64_t)SL_CHUNK_UNIT);
    sl_inbound_release(inbound, 0);
    cr_assert_eq(sl_inbound_credit(inbound), 4 * (uint64_t)SL_CHUNK_UNIT);
    at = bring(inbound, at);
    cr_assert_arr_eq(sl_inbound_chunk(inbound, 3), payload + 3 * (size_t)SL_CHUNK_UNIT, SL_CHUNK_UNIT);
    sl_inbound_release(inbound, 2);
    cr_assert_eq(sl_inbound_credit(inbound), PAYLOAD);
    cr_assert_eq(bring(inbound, at), PAYLOAD);
    cr_assert(sl_inbound_is_whole(inbound));
    sl_inbound_destroy(inbound);
}

Test(inbound, bytes_out_of_place_are_refused) {
    struct sl_inbound *inbound = NULL;
    cr_assert_eq(sl_inbound_create(&inbound, &chunks, (const uint8_t(*)[SL_DIGEST_SIZE])digests, 0, NULL), SL_OK);
    uint8_t *place = NULL;
    cr_assert_eq(sl_inbound_place(inbound, &place, 4, 4, NULL), SL_FORMAT, "a gap");
    cr_assert_eq(sl_inbound_place(inbound, &place, 0, SL_CHUNK_UNIT + 4, NULL), SL_FORMAT, "across a chunk's end");
    cr_assert_eq(sl_inbound_place(inbound, &place, 0, SL_CHUNK_UNIT, NULL), SL_OK);
    uint32_t index;
    cr_assert(sl_inbound_arrived(inbound, &index, SL_CHUNK_UNIT));
    cr_assert_eq(sl_inbound_place(inbound, &place, 0, 4, NULL), SL_FORMAT, "bytes said twice");
    cr_assert_eq(sl_inbound_place(inbound, &place, UINT64_MAX, 4, NULL), SL_FORMAT);
    sl_inbound_destroy(inbound);
}

Test(inbound, one_flipped_bit_does_not_match) {
    struct sl_inbound *inbound = NULL;
    cr_assert_eq(sl_inbound_create(&inbound, &chunks, (const uint8_t(*)[SL_DIGEST_SIZE])digests, 0, NULL), SL_OK);
    bring(inbound, 0);
    uint8_t *bytes = sl_inbound_block(inbound)->data + sl_chunk_first(&chunks, CHUNKS - 1);
    bytes[LAST - 1] ^= 1;
    cr_assert_not(sl_inbound_matches(inbound, CHUNKS - 1, bytes));
    sl_inbound_destroy(inbound);
}

Test(inbound, what_is_cut_goes_on_behind_its_last_whole_chunk) {
    struct sl_inbound *inbound = NULL;
    uint8_t *place = NULL;
    uint32_t whole = 0;
    cr_assert_eq(sl_inbound_create(&inbound, &chunks, (const uint8_t(*)[SL_DIGEST_SIZE])digests, 0, NULL), SL_OK);
    cr_assert_eq(sl_inbound_resume(inbound), 0, "nothing was there yet");
    for (uint64_t at = 0; at < SL_CHUNK_UNIT; at += SL_DATA_MAX) {
        cr_assert_eq(sl_inbound_place(inbound, &place, at, SL_DATA_MAX, NULL), SL_OK);
        memcpy(place, payload + at, SL_DATA_MAX);
        (void)sl_inbound_arrived(inbound, &whole, SL_DATA_MAX);
    }
    cr_assert_eq(sl_inbound_place(inbound, &place, SL_CHUNK_UNIT, 100, NULL), SL_OK);
    cr_assert_not(sl_inbound_arrived(inbound, &whole, 100));
    cr_assert_eq(sl_inbound_resume(inbound), SL_CHUNK_UNIT, "not verified yet, but there");
    cr_assert_eq(sl_inbound_place(inbound, &place, SL_CHUNK_UNIT + 100, 100, NULL), SL_FORMAT, "begins anew");
    cr_assert_not(sl_inbound_has_all(inbound));
    cr_assert_eq(bring(inbound, SL_CHUNK_UNIT), PAYLOAD);
    cr_assert(sl_inbound_has_all(inbound));
    cr_assert_not(sl_inbound_is_whole(inbound));
    cr_assert_eq(sl_inbound_resume(inbound), PAYLOAD, "the last chunk is a short one");
    sl_inbound_verified(inbound, 0);
    cr_assert(sl_inbound_is_whole(inbound));
    cr_assert_arr_eq(sl_inbound_block(inbound)->data, payload, PAYLOAD);
    sl_inbound_destroy(inbound);
}
