#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "json/json.h"
#include "json/scan.h"

struct key {
    const char *text;
    size_t index; /* strings and numbers before it in the text */
};

/* Walks the tree in the order of the text. */
struct checker {
    const struct sl_json_text *text;
    size_t values; /* strings, keys included, and numbers passed so far */
    struct sl_error *error;
};

static enum sl_status no_memory(struct sl_error *error) {
    return sl_error_set(error, SL_NO_MEMORY, "JSON: out of memory");
}

static int compare_keys(const void *left, const void *right) {
    const struct key *a = left, *b = right;
    int order = strcmp(a->text, b->text);
    return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

/* Names the first key of the text that was there before. Keys are compared as cJSON decoded them, so that "a" and
 * "\u0061" are the same. */
static enum sl_status refuse_repeated(const struct checker *checker, struct key *keys, size_t count) {
    if (count < 2)
        return SL_OK;
    qsort(keys, count, sizeof *keys, compare_keys);
    const struct key *first = NULL;
    for (size_t i = 1; i < count; i++) {
        if (strcmp(keys[i - 1].text, keys[i].text) == 0 && (first == NULL || keys[i].index < first->index))
            first = &keys[i];
    }
    if (first == NULL)
        return SL_OK;
    size_t offset = sl_json_locate(checker->text, first->index);
    char problem[128];
    snprintf(problem, sizeof problem, "duplicate key \"%.80s\"", first->text);
    return sl_json_refuse(checker->text, offset, SL_FORMAT, problem, checker->error);
}

static enum sl_status check_value(struct checker *checker, const cJSON *value);

/* The children of an array or an object; the depth is bounded by the scan. */
static enum sl_status check_children(struct checker *checker, const cJSON *parent) {
    struct key *keys = NULL;
    size_t count = 0, capacity = 0;
    enum sl_status status = SL_OK;
    for (const cJSON *child = parent->child; child != NULL; child = child->next) {
        if (cJSON_IsObject(parent)) {
            if (sl_array_reserve(&keys, &capacity, count + 1, sizeof *keys) != SL_OK) {
                status = no_memory(checker->error);
                goto out;
            }
            keys[count++] = (struct key){.text = child->string, .index = checker->values++};
        }
        status = check_value(checker, child);
        if (status != SL_OK)
            goto out;
    }
    status = refuse_repeated(checker, keys, count);
out:
    free(keys);
    return status;
}

static enum sl_status check_value(struct checker *checker, const cJSON *value) {
    if (cJSON_IsArray(value) || cJSON_IsObject(value))
        return check_children(checker, value);
    if (cJSON_IsNumber(value) && !isfinite(value->valuedouble))
        return sl_json_refuse(checker->text, sl_json_locate(checker->text, checker->values), SL_FORMAT,
                              "a number beyond the range of a double", checker->error);
    if (cJSON_IsNumber(value) || cJSON_IsString(value))
        checker->values++;
    return SL_OK;
}

static size_t skip_space(const struct sl_json_text *text, size_t at) {
    while (at < text->length && strchr(" \t\r\n", text->data[at]) != NULL && text->data[at] != '\0')
        at++;
    return at;
}

static enum sl_status parse_grammar(cJSON **out, const struct sl_json_text *text, struct sl_error *error) {
    const char *end = text->data;
    cJSON *root = cJSON_ParseWithLengthOpts(text->data, text->length, &end, false);
    size_t offset = (size_t)(end - text->data);
    if (root == NULL)
        return sl_json_refuse(text, offset, SL_FORMAT, "not valid JSON from here on", error);
    offset = skip_space(text, offset);
    if (offset < text->length) {
        cJSON_Delete(root);
        return sl_json_refuse(text, offset, SL_FORMAT, "more after the end of the value", error);
    }
    *out = root;
    return SL_OK;
}

enum sl_status sl_json_parse(cJSON **out, const char *data, size_t length, struct sl_error *error) {
    *out = NULL;
    const struct sl_json_text text = {.data = data, .length = length};
    enum sl_status status = sl_json_scan(&text, error);
    if (status != SL_OK)
        return status;
    if (skip_space(&text, 0) == length)
        return sl_json_refuse(&text, length, SL_FORMAT, "expected a JSON value, found the end", error);
    cJSON *root = NULL;
    status = parse_grammar(&root, &text, error);
    if (status != SL_OK)
        return status;
    struct checker checker = {.text = &text, .error = error};
    status = check_value(&checker, root);
    if (status != SL_OK) {
        cJSON_Delete(root);
        return status;
    }
    *out = root;
    return SL_OK;
}
