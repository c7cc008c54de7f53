#include "json/scan.h"

#include <stdbool.h>
#include <string.h>

#include "json/json.h"
#include "json/utf8.h"

/* cJSON copies a number into 64 bytes and reads on behind them as if another token began. */
enum { NUMBER_MAX = 63 };

struct scanner {
    const struct sl_json_text *text;
    size_t at;
    size_t depth;
    size_t values; /* strings, keys included, and numbers seen so far */
    enum sl_status status;
    const char *problem; /* of the token at `at`; NULL while all is well */
};

enum sl_status sl_json_refuse(const struct sl_json_text *text, size_t offset, enum sl_status status,
                              const char *problem, struct sl_error *error) {
    size_t line = 1, start = 0;
    for (size_t i = 0; i < offset; i++) {
        if (text->data[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    return sl_error_set(error, status, "line %zu, column %zu: %s", line, offset - start + 1, problem);
}

static void fail(struct scanner *scanner, size_t at, const char *problem) {
    scanner->at = at;
    scanner->status = SL_FORMAT;
    scanner->problem = problem;
}

static char peek(const struct scanner *scanner, size_t at) {
    return at < scanner->text->length ? scanner->text->data[at] : '\0';
}

/* \uXXXX: cJSON checks the digits and pairs of surrogates, but cuts the string at U+0000. */
static size_t scan_escape(struct scanner *scanner, size_t at) {
    char kind = peek(scanner, at + 1);
    if (kind == '\0' || strchr("\"\\/bfnrtu", kind) == NULL) {
        fail(scanner, at, "unknown escape in a string");
        return at;
    }
    if (kind != 'u')
        return at + 2;
    for (size_t i = at + 2; i < at + 6; i++) {
        char digit = peek(scanner, i);
        if (digit == '\0' || strchr("0123456789abcdefABCDEF", digit) == NULL) {
            fail(scanner, at, "expected four hexadecimal digits after \\u");
            return at;
        }
    }
    if (memcmp(scanner->text->data + at + 2, "0000", 4) == 0)
        fail(scanner, at, "\\u0000 in a string");
    return at + 6;
}

static void scan_string(struct scanner *scanner) {
    size_t start = scanner->at;
    size_t at = start + 1;
    while (scanner->problem == NULL) {
        if (at >= scanner->text->length) {
            fail(scanner, start, "a string without an end");
            return;
        }
        uint8_t byte = (uint8_t)scanner->text->data[at];
        if (byte == '"')
            break;
        if (byte == '\\') {
            at = scan_escape(scanner, at);
            continue;
        }
        size_t length = sl_utf8_length((const uint8_t *)scanner->text->data + at, scanner->text->length - at);
        if (byte < 0x20)
            fail(scanner, at, "a control character in a string: write it as an escape");
        else if (length == 0)
            fail(scanner, at, "a string that is not UTF-8");
        at += length;
    }
    if (scanner->problem == NULL)
        scanner->at = at + 1;
}

static size_t skip_digits(const struct scanner *scanner, size_t at) {
    while (peek(scanner, at) >= '0' && peek(scanner, at) <= '9')
        at++;
    return at;
}

/* number = [ "-" ] ( "0" / 1-9 *digit ) [ "." 1*digit ] [ "e" [ sign ] 1*digit ]      (RFC 8259, section 6) */
static void scan_number(struct scanner *scanner) {
    static const char malformed[] = "malformed number";
    size_t start = scanner->at;
    size_t at = start + (peek(scanner, start) == '-');
    size_t end = skip_digits(scanner, at);
    if (end == at || (peek(scanner, at) == '0' && end > at + 1)) {
        fail(scanner, start, malformed);
        return;
    }
    at = end;
    if (peek(scanner, at) == '.') {
        end = skip_digits(scanner, at + 1);
        if (end == at + 1) {
            fail(scanner, start, malformed);
            return;
        }
        at = end;
    }
    if (peek(scanner, at) == 'e' || peek(scanner, at) == 'E') {
        at++;
        at += peek(scanner, at) == '+' || peek(scanner, at) == '-';
        end = skip_digits(scanner, at);
        if (end == at) {
            fail(scanner, start, malformed);
            return;
        }
        at = end;
    }
    if (at - start > NUMBER_MAX) {
        fail(scanner, start, "a number of more than 63 characters");
        scanner->status = SL_LIMIT;
        return;
    }
    scanner->at = at;
}

static void scan_word(struct scanner *scanner) {
    static const char *const words[] = {"true", "false", "null"};
    size_t left = scanner->text->length - scanner->at;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i]);
        if (left >= length && memcmp(scanner->text->data + scanner->at, words[i], length) == 0) {
            scanner->at += length;
            return;
        }
    }
    fail(scanner, scanner->at, "expected a JSON value");
}

static void scan_bracket(struct scanner *scanner, bool opens) {
    /* One that closes too many is left to cJSON, which knows the grammar. */
    if (opens)
        scanner->depth++;
    else if (scanner->depth > 0)
        scanner->depth--;
    if (scanner->depth > SL_JSON_DEPTH) {
        fail(scanner, scanner->at, "nested too deeply");
        scanner->status = SL_LIMIT;
        return;
    }
    scanner->at++;
}

/* Checks the next token and steps over it. */
static void scan_token(struct scanner *scanner) {
    char c = scanner->text->data[scanner->at];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',' || c == ':') {
        scanner->at++;
    } else if (c == '[' || c == '{' || c == ']' || c == '}') {
        scan_bracket(scanner, c == '[' || c == '{');
    } else if (c == '"') {
        scan_string(scanner);
        scanner->values++;
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        scan_number(scanner);
        scanner->values++;
    } else {
        scan_word(scanner);
    }
}

enum sl_status sl_json_scan(const struct sl_json_text *text, struct sl_error *error) {
    struct scanner scanner = {.text = text};
    while (scanner.at < text->length && scanner.problem == NULL)
        scan_token(&scanner);
    if (scanner.problem != NULL)
        return sl_json_refuse(text, scanner.at, scanner.status, scanner.problem, error);
    return SL_OK;
}

size_t sl_json_locate(const struct sl_json_text *text, size_t index) {
    struct scanner scanner = {.text = text};
    size_t start = 0;
    while (scanner.at < text->length && scanner.values <= index) {
        start = scanner.at;
        scan_token(&scanner);
    }
    return start;
}
