#include "crypto/random.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(crypto, start_unsets_the_key_log) {
    cr_assert_eq(setenv("SSLKEYLOGFILE", "/nonexistent/keys", 1), 0);
    struct sl_error error = {0};
    cr_expect_eq(sl_crypto_start(&error), SL_OK, "%s", error.text);
    cr_expect_null(getenv("SSLKEYLOGFILE"));
    cr_expect_eq(sl_crypto_start(&error), SL_OK, "twice does no harm");
}

Test(crypto, random_bytes_fill_exactly_the_length) {
    uint8_t bytes[64];
    uint8_t seen[32] = {0};
    for (int turn = 0; turn < 64; turn++) {
        memset(bytes, 0x5A, sizeof bytes);
        cr_assert_eq(sl_random_bytes(bytes, 32, NULL), SL_OK);
        for (int i = 0; i < 32; i++)
            seen[i] |= (uint8_t)(bytes[i] ^ 0x5A);
        for (int i = 32; i < 64; i++)
            cr_assert_eq(bytes[i], 0x5A);
    }
    for (int i = 0; i < 32; i++)
        cr_expect_eq(seen[i], 0xFF, "a bit of byte %d never changes", i);
    cr_expect_eq(sl_random_bytes(bytes, 0, NULL), SL_OK);
}

Test(crypto, nonces_differ_and_are_never_zero) {
    uint64_t nonces[1000];
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(sl_random_nonce(&nonces[i], NULL), SL_OK);
        cr_assert_neq(nonces[i], 0);
        for (int j = 0; j < i; j++)
            cr_assert_neq(nonces[i], nonces[j]);
    }
}

Test(crypto, wipe_clears_exactly_the_length) {
    uint8_t bytes[48];
    memset(bytes, 0xA5, sizeof bytes);
    sl_wipe(bytes + 8, 32);
    for (int i = 0; i < 48; i++)
        cr_expect_eq(bytes[i], i >= 8 && i < 40 ? 0 : 0xA5, "byte %d", i);
    sl_wipe(NULL, 0);
}
