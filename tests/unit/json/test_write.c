#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "json/json.h"

static void expect_string(const char *value, const char *expected) {
    struct sl_buffer out = {0};
    cr_assert_eq(sl_json_append_string(&out, value), SL_OK);
    cr_expect_eq(out.length, strlen(expected), "%.*s", (int)out.length, (char *)out.data);
    cr_expect_arr_eq(out.data, expected, strlen(expected), "%.*s", (int)out.length, (char *)out.data);
    sl_buffer_finish(&out);
}

Test(json_write, strings) {
    expect_string("", "\"\"");
    expect_string("abc", "\"abc\"");
    expect_string("a\"b\\c/", "\"a\\\"b\\\\c/\"");
    expect_string("\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"");
    expect_string("\x01\x1F\x7F", "\"\\u0001\\u001f\\u007f\"");
    expect_string("\xC3\xA4\xF0\x9F\x98\x80", "\"\xC3\xA4\xF0\x9F\x98\x80\"");
    expect_string(NULL, "null");
}

Test(json_write, bytes_that_are_not_utf8_are_replaced) {
    expect_string("a\xFF"
                  "b",
                  "\"a\xEF\xBF\xBD"
                  "b\"");
    expect_string("\xC3", "\"\xEF\xBF\xBD\"");
    expect_string("\xE2\x82", "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
    expect_string("\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    expect_string("\xC3\"", "\"\xEF\xBF\xBD\\\"\"");
}

/* Whatever a peer names itself, a reader gets one string back, and the same where it was UTF-8. */
Test(json_write, any_bytes_read_back_as_one_string) {
    struct sl_random random;
    sl_random_init(&random, 11, 0);
    for (int turn = 0; turn < 2000; turn++) {
        char value[33];
        size_t length = sl_random_below(&random, sizeof value);
        for (size_t i = 0; i < length; i++)
            value[i] = (char)(1 + sl_random_below(&random, 255));
        value[length] = '\0';
        struct sl_buffer out = {0}, again = {0};
        cr_assert_eq(sl_json_append_string(&out, value), SL_OK);
        cJSON *root = NULL;
        cr_assert_eq(sl_json_parse(&root, (char *)out.data, out.length, NULL), SL_OK);
        cr_assert(cJSON_IsString(root));
        cr_assert_eq(sl_json_append_string(&again, root->valuestring), SL_OK);
        cr_assert_eq(again.length, out.length);
        cr_assert_arr_eq(again.data, out.data, out.length);
        cJSON_Delete(root);
        sl_buffer_finish(&out);
        sl_buffer_finish(&again);
    }
}

static void expect_number(double value, const char *expected) {
    struct sl_buffer out = {0};
    cr_assert_eq(sl_json_append_number(&out, value), SL_OK);
    cr_assert_eq(sl_buffer_append(&out, "", 1), SL_OK);
    cr_expect_str_eq((char *)out.data, expected);
    sl_buffer_finish(&out);
}

Test(json_write, numbers) {
    expect_number(0, "0");
    expect_number(-0.0, "-0");
    expect_number(1, "1");
    expect_number(-2.5, "-2.5");
    expect_number(0.1, "0.1");
    expect_number(0.1 + 0.2, "0.30000000000000004");
    expect_number(1.0 / 3, "0.3333333333333333");
    expect_number(1000000, "1000000");
    expect_number(9007199254740992, "9007199254740992");
    expect_number(1e21, "1e+21");
    expect_number(5e-324, "5e-324");
    expect_number(DBL_MAX, "1.7976931348623157e+308");
    expect_number(DBL_MIN, "2.2250738585072014e-308");
    expect_number(NAN, "null");
    expect_number(INFINITY, "null");
    expect_number(-INFINITY, "null");
}

Test(json_write, any_number_reads_back_the_same_bits) {
    struct sl_random random;
    sl_random_init(&random, 12, 0);
    for (int turn = 0; turn < 20000; turn++) {
        uint64_t bits = sl_random_u64(&random);
        if (turn % 10 == 0)
            bits &= UINT64_C(0x800FFFFFFFFFFFFF); /* subnormal */
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        struct sl_buffer out = {0};
        cr_assert_eq(sl_json_append_number(&out, value), SL_OK);
        cJSON *root = NULL;
        cr_assert_eq(sl_json_parse(&root, (char *)out.data, out.length, NULL), SL_OK);
        cr_assert_eq(memcmp(&root->valuedouble, &value, sizeof value), 0, "%.*s", (int)out.length, (char *)out.data);
        cJSON_Delete(root);
        sl_buffer_finish(&out);
    }
}
