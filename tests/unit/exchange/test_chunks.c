#include <criterion/criterion.h>

#include "exchange/chunks.h"

Test(chunks, small_payload_is_one_chunk) {
    struct sl_chunks chunks;
    cr_assert_eq(sl_chunks_choose(&chunks, 4, NULL), SL_OK);
    cr_assert_eq(chunks.count, 1);
    cr_assert_eq(sl_chunk_length(&chunks, 0), 4);
}

Test(chunks, cover_the_payload_without_gap) {
    const uint64_t sizes[] = {SL_CHUNK_UNIT - 4,
                              SL_CHUNK_UNIT,
                              SL_CHUNK_UNIT + 1,
                              (uint64_t)SL_CHUNK_UNIT * SL_CHUNK_COUNT_MAX,
                              (uint64_t)SL_CHUNK_UNIT * SL_CHUNK_COUNT_MAX + 4,
                              100000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct sl_chunks chunks;
        cr_assert_eq(sl_chunks_choose(&chunks, sizes[i], NULL), SL_OK);
        cr_assert_leq(chunks.count, SL_CHUNK_COUNT_MAX);
        cr_assert_eq(chunks.chunk_bytes % SL_CHUNK_UNIT, 0);
        uint64_t next = 0;
        for (uint32_t k = 0; k < chunks.count; k++) {
            cr_assert_eq(sl_chunk_first(&chunks, k), next);
            cr_assert_gt(sl_chunk_length(&chunks, k), 0);
            next += sl_chunk_length(&chunks, k);
        }
        cr_assert_eq(next, sizes[i]);
    }
}

Test(chunks, refuse_what_no_cut_fits) {
    struct sl_chunks chunks;
    cr_assert_eq(sl_chunks_choose(&chunks, 0, NULL), SL_LIMIT);
    const uint64_t most = (uint64_t)SL_CHUNK_BYTES_MAX * SL_CHUNK_COUNT_MAX;
    cr_assert_eq(sl_chunks_choose(&chunks, most, NULL), SL_OK);
    cr_assert_eq(sl_chunks_choose(&chunks, most + 1, NULL), SL_LIMIT);
    cr_assert_eq(sl_chunks_choose(&chunks, UINT64_MAX, NULL), SL_LIMIT);
}
