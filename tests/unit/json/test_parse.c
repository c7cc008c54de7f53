#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

/* From memory of exactly this size, so that reading one byte too many is seen. */
static enum sl_status parse_bytes(cJSON **out, const char *text, size_t length, struct sl_error *error) {
    char *exact = malloc(length > 0 ? length : 1);
    memcpy(exact, text, length);
    enum sl_status status = sl_json_parse(out, exact, length, error);
    free(exact);
    return status;
}

static const char *const valid[] = {
    "0",
    "-0",
    "-0.5e-10",
    "1E+5",
    "true",
    " null ",
    "\"\"",
    "[]",
    "{}",
    "\t[1 ,\r\n2]\n",
    "{\"\":1,\" \":2}",
    "{\"a\":{\"a\":{\"a\":[{\"a\":1},{\"a\":2}]}}}",
    "{\"a\":1,\"A\":2}",
    "\"\\ud83d\\ude00\"",
    "\"\\u0001 \\u00e4 \\/\"",
    "\"\xF0\x9F\x98\x80\"",
    "\"\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF\"",
    "\"\x7F\"",
    "1.7976931348623157e308",
    "1e-999",
    "123456789012345678901234567890",
    "\"\\\\u0000\"",
    "[[1,[2]],{\"b\":[]}]",
};

Test(json_parse, valid_texts) {
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
        cJSON *root = NULL;
        struct sl_error error = {0};
        cr_expect_eq(parse_bytes(&root, valid[i], strlen(valid[i]), &error), SL_OK, "%s: %s", valid[i], error.text);
        cJSON_Delete(root);
    }
}

/* Each with what its error must say. */
static const char *const malformed[][2] = {
    {"", "line 1, column 1"},
    {" \n ", "line 2, column 2"},
    {"{\"a\":1,\"a\":2}", "line 1, column 8: duplicate key \"a\""},
    {"{\"a\":1,\n \"b\":\"x\", \"\\u0061\":2}", "line 2, column 11: duplicate key \"a\""},
    {"{\"\\u0061\":1,\"a\":2}", "duplicate key \"a\""},
    {"{\"x\":[0,{\"k\":{},\"j\":[1],\"k\":0}]}", "line 1, column 25: duplicate key \"k\""},
    {"{\"b\":1,\"a\":2,\"c\":3,\"b\":4,\"a\":5}", "line 1, column 20: duplicate key \"b\""},
    {"{\"\":1,\"\":2}", "duplicate key \"\""},
    {"{\"\\/\":1,\"/\":2}", "duplicate key \"/\""},
    {"{\"\xC3\xA4\":1,\"\\u00E4\":2}", "duplicate key"},
    {"1e999", "line 1, column 1: a number beyond"},
    {"[\"e\", 2,\n-1e309]", "line 2, column 1: a number beyond"},
    {"{\"a\":[1e400]}", "line 1, column 7: a number beyond"},
    {"\"\\u0000\"", "line 1, column 2: \\u0000"},
    {"{\"a\\u0000b\":1}", "line 1, column 4: \\u0000"},
    {"{} x", "line 1, column 4"},
    {"1 2", "line 1, column 3: more after"},
    {"{}{}", "line 1, column 3: more after"},
    {"{},", "line 1, column 3"},
    {"[1]]", "line 1, column 4"},
    {"{\"a\":1,}", "line 1, column 8"},
    {"[1,]", "line 1, column 4"},
    {"[,1]", "line 1, column 2"},
    {"[1,,2]", "line 1, column 4"},
    {",", "line 1, column 1"},
    {"[1 2]", "line 1, column 4"},
    {"{\"a\" 1}", "line 1"},
    {"{a:1}", "line 1, column 2"},
    {"{1:1}", "line 1"},
    {"{\"a\":}", "line 1"},
    {"{\"a\"}", "line 1"},
    {"[", "line 1"},
    {"{", "line 1"},
    {"{\"a\":", "line 1"},
    {"[1", "line 1"},
    {"]", "line 1, column 1"},
    {"[}", "line 1"},
    {"\"abc", "line 1, column 1: a string without an end"},
    {"\"abc\\", "line 1"},
    {"\"\\u12", "line 1"},
    {"\"\\u12g4\"", "line 1"},
    {"\"\\x41\"", "unknown escape"},
    {"\"\\ud800\"", "line 1"},
    {"\"\\udc00\"", "line 1"},
    {"\"\\ud800\\u0041\"", "line 1"},
    {"\"a\nb\"", "control character"},
    {"\"a\tb\"", "control character"},
    {"\"a\x01\"", "control character"},
    {"\"a\x1F\"", "control character"},
    {"[\f1]", "line 1, column 2"},
    {"[1\v]", "line 1, column 3"},
    {"01", "malformed number"},
    {"-", "malformed number"},
    {"-01", "malformed number"},
    {"1.", "malformed number"},
    {"1.e5", "malformed number"},
    {"1e", "malformed number"},
    {"1e+", "malformed number"},
    {".5", "expected a JSON value"},
    {"+1", "expected a JSON value"},
    {"-a", "malformed number"},
    {"0x10", "line 1, column 2"},
    {"1_000", "line 1, column 2"},
    {"NaN", "expected a JSON value"},
    {"Infinity", "expected a JSON value"},
    {"-Infinity", "malformed number"},
    {"nan", "expected a JSON value"},
    {"True", "expected a JSON value"},
    {"tru", "expected a JSON value"},
    {"truefalse", "line 1"},
    {"nulll", "line 1"},
    {"'a'", "expected a JSON value"},
    {"// a\n1", "expected a JSON value"},
    {"\xEF\xBB\xBF{}", "line 1, column 1"},
    {"1\f", "line 1, column 2"},
    {"\v1", "line 1, column 1"},
    {"\x01"
     "1",
     "line 1, column 1"},
    {"\"\x80\"", "not UTF-8"},
    {"\"\xC3\"", "not UTF-8"},
    {"\"\xC0\xAF\"", "not UTF-8"},
    {"\"\xC1\xBF\"", "not UTF-8"},
    {"\"\xE0\x9F\xBF\"", "not UTF-8"},
    {"\"\xED\xA0\x80\"", "not UTF-8"},
    {"\"\xF0\x8F\xBF\xBF\"", "not UTF-8"},
    {"\"\xF4\x90\x80\x80\"", "not UTF-8"},
    {"\"\xF5\x80\x80\x80\"", "not UTF-8"},
    {"\"\xFF\"", "not UTF-8"},
    {"\"\xE2\x82\"", "not UTF-8"},
    {"\"\xE2\x82", "not UTF-8"},
    {"{\"\xFF\":1}", "not UTF-8"},
};

Test(json_parse, malformed_texts_are_refused_with_their_place) {
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        cJSON *root = (cJSON *)&root;
        struct sl_error error = {0};
        cr_expect_eq(parse_bytes(&root, malformed[i][0], strlen(malformed[i][0]), &error), SL_FORMAT, "accepted: %s",
                     malformed[i][0]);
        cr_expect_null(root);
        cr_expect_not_null(strstr(error.text, malformed[i][1]), "%s: \"%s\" lacks \"%s\"", malformed[i][0], error.text,
                           malformed[i][1]);
    }
}

Test(json_parse, raw_nul_bytes_are_refused_everywhere) {
    const struct {
        const char *text;
        size_t length;
    } cases[] = {{"\0", 1}, {"1\0", 2}, {"[1,\0 2]", 7}, {"\"a\0b\"", 5}, {"{}\0{}", 5}, {"{\"a\0\":1}", 8}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cJSON *root = NULL;
        cr_expect_eq(parse_bytes(&root, cases[i].text, cases[i].length, NULL), SL_FORMAT, "case %zu", i);
    }
}

/* Every beginning of a valid text is read without touching what lies behind it. */
Test(json_parse, truncated_texts) {
    static const char text[] =
        "{\"listen\": [\"[::1]:7400\", -1.25e-3, true, {\"k\\u00e4\": null}], \"\xC3\xA4\": false}";
    for (size_t length = 0; length < sizeof text - 1; length++) {
        cJSON *root = NULL;
        cr_expect_eq(parse_bytes(&root, text, length, NULL), SL_FORMAT, "%zu bytes", length);
        cr_expect_null(root);
    }
    cJSON *root = NULL;
    cr_assert_eq(parse_bytes(&root, text, sizeof text - 1, NULL), SL_OK);
    cJSON_Delete(root);
}

/* Any byte of a valid text replaced by any other must be read or refused, never crash. */
Test(json_parse, every_byte_replaced) {
    static const char text[] = "{\"a\":[1.5e3,\"\\u00e4\xC3\xA4\",null],\"b\":{}}";
    char changed[sizeof text];
    for (size_t at = 0; at < sizeof text - 1; at++) {
        memcpy(changed, text, sizeof text);
        for (int byte = 0; byte < 256; byte++) {
            changed[at] = (char)byte;
            cJSON *root = NULL;
            struct sl_error error = {0};
            enum sl_status status = parse_bytes(&root, changed, sizeof text - 1, &error);
            cr_expect(status == SL_OK ? root != NULL : root == NULL && error.text[0] != '\0');
            cJSON_Delete(root);
        }
    }
}

static enum sl_status parse_nested(size_t levels, const char *open, const char *close) {
    struct sl_buffer text = {0};
    for (size_t i = 0; i < levels; i++)
        cr_assert_eq(sl_buffer_append(&text, open, strlen(open)), SL_OK);
    cr_assert_eq(sl_buffer_append(&text, "1", 1), SL_OK);
    for (size_t i = 0; i < levels; i++)
        cr_assert_eq(sl_buffer_append(&text, close, strlen(close)), SL_OK);
    cJSON *root = NULL;
    enum sl_status status = sl_json_parse(&root, (char *)text.data, text.length, NULL);
    cJSON_Delete(root);
    sl_buffer_finish(&text);
    return status;
}

Test(json_parse, depth) {
    cr_expect_eq(parse_nested(SL_JSON_DEPTH, "[", "]"), SL_OK);
    cr_expect_eq(parse_nested(SL_JSON_DEPTH + 1, "[", "]"), SL_LIMIT);
    cr_expect_eq(parse_nested(SL_JSON_DEPTH, "{\"a\":", "}"), SL_OK);
    cr_expect_eq(parse_nested(SL_JSON_DEPTH + 1, "{\"a\":", "}"), SL_LIMIT);
    cr_expect_eq(parse_nested(1000000, "[", ""), SL_LIMIT);
    cr_expect_eq(parse_nested(1000000, "{\"a\":", ""), SL_LIMIT);
}

Test(json_parse, brackets_in_strings_are_not_depth) {
    char text[300];
    memset(text, '[', sizeof text);
    text[0] = text[sizeof text - 1] = '"';
    cJSON *root = NULL;
    cr_expect_eq(sl_json_parse(&root, text, sizeof text, NULL), SL_OK);
    cJSON_Delete(root);
}

Test(json_parse, many_siblings_are_not_depth) {
    struct sl_buffer text = {0};
    cr_assert_eq(sl_buffer_printf(&text, "[0"), SL_OK);
    for (int i = 0; i < 500; i++)
        cr_assert_eq(sl_buffer_printf(&text, ",[{\"a\":[]}]"), SL_OK);
    cr_assert_eq(sl_buffer_printf(&text, "]"), SL_OK);
    cJSON *root = NULL;
    cr_expect_eq(sl_json_parse(&root, (char *)text.data, text.length, NULL), SL_OK);
    cr_expect_eq(cJSON_GetArraySize(root), 501);
    cJSON_Delete(root);
    sl_buffer_finish(&text);
}

/* Comparing each key with each other would take minutes here. */
Test(json_parse, a_hundred_thousand_keys, .timeout = 30) {
    struct sl_buffer text = {0};
    cr_assert_eq(sl_buffer_printf(&text, "{\"x\":0"), SL_OK);
    for (int i = 0; i < 100000; i++)
        cr_assert_eq(sl_buffer_printf(&text, ",\"key%d\":%d", i, i), SL_OK);
    cr_assert_eq(sl_buffer_printf(&text, "}"), SL_OK);
    cJSON *root = NULL;
    cr_expect_eq(sl_json_parse(&root, (char *)text.data, text.length, NULL), SL_OK);
    cJSON_Delete(root);
    text.length--;
    cr_assert_eq(sl_buffer_printf(&text, ",\"key5\":0}"), SL_OK);
    struct sl_error error = {0};
    cr_expect_eq(sl_json_parse(&root, (char *)text.data, text.length, &error), SL_FORMAT);
    cr_expect_not_null(strstr(error.text, "duplicate key \"key5\""));
    sl_buffer_finish(&text);
}

/* cJSON copies 63 characters of a number and would read the rest as the next token. */
Test(json_parse, long_numbers) {
    char text[100];
    memset(text, '1', sizeof text);
    cJSON *root = NULL;
    cr_expect_eq(sl_json_parse(&root, text, 63, NULL), SL_OK);
    cr_expect_float_eq(root->valuedouble / 1.1111111111111111e62, 1, 1e-12);
    cJSON_Delete(root);
    cr_expect_eq(sl_json_parse(&root, text, 64, NULL), SL_LIMIT);
    cr_expect_eq(sl_json_parse(&root, text, 100, NULL), SL_LIMIT);
}

Test(json_parse, values_arrive_whole) {
    static const char text[] = "{\"s\":\"a\\n\\\"\\u00e4\\ud83d\\ude00\",\"n\":-12.5e-1,\"t\":true}";
    cJSON *root = NULL;
    cr_assert_eq(sl_json_parse(&root, text, sizeof text - 1, NULL), SL_OK);
    cr_expect_str_eq(cJSON_GetObjectItemCaseSensitive(root, "s")->valuestring, "a\n\"\xC3\xA4\xF0\x9F\x98\x80");
    cr_expect_eq(cJSON_GetObjectItemCaseSensitive(root, "n")->valuedouble, -1.25);
    cr_expect(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "t")));
    cJSON_Delete(root);
}
