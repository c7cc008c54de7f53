#include "base/address.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(address, canonical_form) {
    const char *const cases[][2] = {
        {"127.0.0.1:7400", "127.0.0.1:7400"},
        {"0.0.0.0:0", "0.0.0.0:0"},
        {"node-1.example.org:65535", "node-1.example.org:65535"},
        {"Alice.Example.ORG:1", "alice.example.org:1"},
        {"my_container:80", "my_container:80"},
        {"localhost:7400", "localhost:7400"},
        {"[::1]:7400", "[::1]:7400"},
        {"[::]:0", "[::]:0"},
        {"[2001:DB8:0:0:0:0:0:1]:443", "[2001:db8::1]:443"},
        {"[::ffff:10.0.0.1]:9", "[::ffff:10.0.0.1]:9"},
        {"1.example:2", "1.example:2"},
        {"0xcafe.org:2", "0xcafe.org:2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_address address;
        struct sl_error error = {0};
        cr_assert_eq(sl_address_parse(&address, cases[i][0], &error), SL_OK, "%s: %s", cases[i][0], error.text);
        char text[SL_ADDRESS_SIZE];
        sl_address_format(text, &address);
        cr_expect_str_eq(text, cases[i][1]);
        struct sl_address again;
        cr_assert_eq(sl_address_parse(&again, text, NULL), SL_OK);
        cr_expect_str_eq(again.host, address.host);
        cr_expect_eq(again.port, address.port);
    }
}

static const char *const malformed[] = {
    "",
    ":",
    "a",
    "a:",
    ":1",
    "[",
    "]",
    "[]",
    "[]:1",
    "[:1",
    "[::1]",
    "[::1]1",
    "[::1]:",
    "[::1]]:1",
    "[[::1]]:1",
    "::1:7400",
    "a:1:2",
    "a:b:1",
    "2001:db8::1:443",
    "a:65536",
    "a:99999",
    "a:100000",
    "a:18446744073709551617",
    "a:-1",
    "a:+1",
    "a: 1",
    "a:1 ",
    "a:1\n",
    "a:01",
    "a:0x1",
    "a:1e3",
    "a:1/",
    " a:1",
    "a :1",
    "a b:1",
    "a\tb:1",
    "a/b:1",
    "user@a:1",
    "http://a:1",
    "a%00:1",
    "\xC3\xA4.org:1",
    "-a:1",
    "a-:1",
    "a.-b:1",
    "a..b:1",
    ".a:1",
    "a.:1",
    ".:1",
    "*.a:1",
    "a\x7F:1",
    "127.1:1",
    "127.0.0.1.1:1",
    "256.1.1.1:1",
    "1.2.3.999:1",
    "2130706433:1",
    "0x7f.1:1",
    "0x7f000001:1",
    "1.2.3.0x4:1",
    "127.0.0.01:1",
    "1.2.3:1",
    "[127.0.0.1]:1",
    "[a.org]:1",
    "[::1%eth0]:1",
    "[::g]:1",
    "[1:2:3:4:5:6:7:8:9]:1",
    "[::1::]:1",
    "[:::]:1",
    "[ ::1]:1",
};

Test(address, malformed_text_is_refused_and_nothing_written) {
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        struct sl_address address = {.host = "kept", .port = 1};
        struct sl_error error = {0};
        cr_expect_eq(sl_address_parse(&address, malformed[i], &error), SL_FORMAT, "accepted \"%s\"", malformed[i]);
        cr_expect_str_eq(address.host, "kept");
        cr_expect_eq(address.port, 1);
        cr_expect_gt(strlen(error.text), 4);
    }
}

/* Of labels of 39 characters; the length of the host without the port. */
static enum sl_status parse_host_of(size_t length, struct sl_address *address) {
    char text[4096];
    for (size_t i = 0; i < length; i++)
        text[i] = i % 40 == 39 ? '.' : 'a';
    strcpy(text + length, ":1");
    return sl_address_parse(address, text, NULL);
}

Test(address, lengths) {
    struct sl_address address;
    cr_expect_eq(parse_host_of(SL_HOST_MAX, &address), SL_OK);
    cr_expect_eq(strlen(address.host), SL_HOST_MAX);
    char text[SL_ADDRESS_SIZE];
    sl_address_format(text, &address);
    cr_expect_eq(strlen(text), SL_HOST_MAX + 2);
    cr_expect_eq(parse_host_of(SL_HOST_MAX + 1, &address), SL_FORMAT);
    cr_expect_eq(parse_host_of(4000, &address), SL_FORMAT);

    char label[66 + 3];
    memset(label, 'a', 66);
    strcpy(label + 63, ":1");
    cr_expect_eq(sl_address_parse(&address, label, NULL), SL_OK);
    label[63] = 'a';
    strcpy(label + 64, ":1");
    cr_expect_eq(sl_address_parse(&address, label, NULL), SL_FORMAT);
}

Test(address, a_long_v6_literal_overflows_nothing) {
    char text[2048] = "[";
    memset(text + 1, ':', 2000);
    strcpy(text + 2001, "]:1");
    struct sl_address address;
    struct sl_error error = {0};
    cr_expect_eq(sl_address_parse(&address, text, &error), SL_FORMAT);
    cr_expect_lt(strlen(error.text), 200); /* what is quoted is cut */
}

Test(address, format_of_the_longest) {
    struct sl_address address = {.port = 65535};
    memset(address.host, ':', SL_HOST_MAX);
    char text[SL_ADDRESS_SIZE];
    sl_address_format(text, &address);
    cr_expect_eq(strlen(text), SL_HOST_MAX + 8);
}
