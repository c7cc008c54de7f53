#include "crypto/digest.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void expect_digest(const void *data, size_t length, const char *expected) {
    struct sl_digest digest, of_parts;
    char text[SL_DIGEST_TEXT_SIZE];
    sl_digest_of(&digest, data, length);
    sl_digest_text(text, &digest);
    cr_expect_str_eq(text, expected);
    const struct sl_bytes part = {.data = data, .length = length};
    sl_digest_of_parts(&of_parts, &part, 1);
    cr_expect(sl_digest_equal(&digest, &of_parts));
}

/* The examples of NIST for SHA-256 (FIPS 180-2, appendix B). */
Test(digest, known_answers) {
    expect_digest("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect_digest(NULL, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect_digest("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    enum { MILLION = 1000000 };
    char *million = malloc(MILLION);
    memset(million, 'a', MILLION);
    expect_digest(million, MILLION, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

/* However the bytes are cut, and around the 64-byte blocks of SHA-256. */
Test(digest, parts_are_the_concatenation) {
    uint8_t data[200];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    struct sl_digest whole;
    sl_digest_of(&whole, data, sizeof data);
    for (size_t first = 0; first <= sizeof data; first++) {
        size_t second = (sizeof data - first) / 3;
        const struct sl_bytes parts[] = {
            {data, first}, {NULL, 0}, {data + first, second}, {data + first + second, sizeof data - first - second}};
        struct sl_digest digest;
        sl_digest_of_parts(&digest, parts, 4);
        cr_assert(sl_digest_equal(&digest, &whole), "cut at %zu", first);
    }
    struct sl_digest nothing, empty;
    sl_digest_of_parts(&nothing, NULL, 0);
    sl_digest_of(&empty, "", 0);
    cr_expect(sl_digest_equal(&nothing, &empty));
}

Test(digest, equal_sees_every_bit) {
    struct sl_digest a;
    sl_digest_of(&a, "x", 1);
    for (int bit = 0; bit < 8 * SL_DIGEST_SIZE; bit++) {
        struct sl_digest b = a;
        cr_assert(sl_digest_equal(&a, &b));
        b.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_assert_not(sl_digest_equal(&a, &b));
    }
}
