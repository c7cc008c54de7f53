#include "base/buffer.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

Test(bytes, big_endian) {
    uint8_t bytes[8];
    sl_put_u64(bytes, UINT64_C(0x0102030405060708));
    for (uint8_t i = 0; i < 8; i++)
        cr_expect_eq(bytes[i], i + 1);
    cr_expect_eq(sl_get_u16(bytes), 0x0102);
    cr_expect_eq(sl_get_u32(bytes), 0x01020304);
    cr_expect_eq(sl_get_u64(bytes), UINT64_C(0x0102030405060708));
    memset(bytes, 0xFF, sizeof bytes);
    cr_expect_eq(sl_get_u16(bytes), UINT16_MAX);
    cr_expect_eq(sl_get_u32(bytes), UINT32_MAX);
    cr_expect_eq(sl_get_u64(bytes), UINT64_MAX);
}

Test(array, grows_and_keeps) {
    int *list = NULL;
    size_t capacity = 0;
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(sl_array_reserve(&list, &capacity, (size_t)i + 1, sizeof *list), SL_OK);
        cr_assert_gt(capacity, (size_t)i);
        list[i] = i;
    }
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(list[i], i);
    free(list);
}

Test(array, an_overflow_changes_nothing) {
    int *list = NULL;
    size_t capacity = 0;
    cr_assert_eq(sl_array_reserve(&list, &capacity, 4, sizeof *list), SL_OK);
    int *kept = list;
    size_t kept_capacity = capacity;
    const size_t wanted[] = {SIZE_MAX, SIZE_MAX / sizeof(int) + 1, SIZE_MAX / sizeof(int), SIZE_MAX / 2,
                             PTRDIFF_MAX / sizeof(int) + 1};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        cr_expect_eq(sl_array_reserve(&list, &capacity, wanted[i], sizeof *list), SL_NO_MEMORY);
        cr_expect_eq(list, kept);
        cr_expect_eq(capacity, kept_capacity);
    }
    free(list);
}

Test(array, elements_of_no_size_are_refused) {
    char *list = NULL;
    size_t capacity = 0;
    cr_expect_eq(sl_array_reserve(&list, &capacity, 1, 0), SL_NO_MEMORY);
    cr_expect_null(list);
}

Test(buffer, append_consume_clear) {
    struct sl_buffer buffer = {0};
    cr_expect_eq(sl_buffer_append(&buffer, NULL, 0), SL_OK);
    sl_buffer_consume(&buffer, 0);
    cr_assert_eq(sl_buffer_append(&buffer, "hello ", 6), SL_OK);
    cr_assert_eq(sl_buffer_append(&buffer, "world", 5), SL_OK);
    cr_expect_eq(buffer.length, 11);
    sl_buffer_consume(&buffer, 4);
    cr_expect_eq(buffer.length, 7);
    cr_expect_arr_eq(buffer.data, "o world", 7);
    sl_buffer_consume(&buffer, 7);
    cr_expect_eq(buffer.length, 0);
    size_t capacity = buffer.capacity;
    sl_buffer_clear(&buffer);
    cr_expect_eq(buffer.capacity, capacity);
    sl_buffer_finish(&buffer);
    cr_expect_null(buffer.data);
    cr_expect_eq(buffer.capacity, 0);
    sl_buffer_finish(&buffer);
}

Test(buffer, reserve_refuses_an_overflow_and_keeps_the_bytes) {
    struct sl_buffer buffer = {0};
    cr_assert_eq(sl_buffer_append(&buffer, "abc", 3), SL_OK);
    cr_expect_eq(sl_buffer_reserve(&buffer, SIZE_MAX), SL_NO_MEMORY);
    cr_expect_eq(sl_buffer_reserve(&buffer, SIZE_MAX - 3), SL_NO_MEMORY);
    cr_expect_eq(buffer.length, 3);
    cr_expect_arr_eq(buffer.data, "abc", 3);
    sl_buffer_finish(&buffer);
}

Test(buffer, printf_grows_to_fit) {
    struct sl_buffer buffer = {0};
    for (int i = 0; i < 100; i++)
        cr_assert_eq(sl_buffer_printf(&buffer, "%04d", i), SL_OK);
    cr_expect_eq(buffer.length, 400);
    cr_expect_str_eq((char *)buffer.data + 392, "00980099");
    sl_buffer_finish(&buffer);
}

Test(block, is_aligned_counted_and_freed_by_the_last) {
    const size_t lengths[] = {0, 1, 63, 64, 65, 100000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct sl_block *block = sl_block_create(lengths[i]);
        cr_assert_not_null(block);
        cr_expect_eq(block->length, lengths[i]);
        cr_expect_eq((uintptr_t)block->data % 64, 0);
        memset(block->data, 0xA5, lengths[i]);
        cr_expect(sl_block_is_sole(block));
        cr_expect_eq(sl_block_ref(block), block);
        cr_expect_not(sl_block_is_sole(block));
        sl_block_unref(block);
        cr_expect(sl_block_is_sole(block));
        sl_block_unref(block); /* the sanitizer tells whether it is freed exactly once */
    }
    sl_block_unref(NULL);
}

Test(block, an_absurd_size_is_refused) {
    cr_expect_null(sl_block_create(SIZE_MAX));
    cr_expect_null(sl_block_create(SIZE_MAX - 100));
    cr_expect_null(sl_block_create(PTRDIFF_MAX));
}
