#include "settings/syntax.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

enum { DEGREE_MAX = 1024, SHARDS_MAX = 1000000, NUMBER_LENGTH_MAX = 64 };

/* A decimal number as JSON writes it, which fills `length` bytes and is finite. */
static bool read_number(double *out, const char *text, size_t length) {
    if (length == 0 || length > NUMBER_LENGTH_MAX || strspn(text, "0123456789.eE+-") < length)
        return false;
    cJSON *value = NULL;
    if (sl_json_parse(&value, text, length, NULL) != SL_OK)
        return false;
    bool good = cJSON_IsNumber(value);
    if (good)
        *out = value->valuedouble;
    cJSON_Delete(value);
    return good;
}

static bool read_integer(double *out, const char *text, size_t length, double low, double high) {
    return strspn(text, "0123456789") >= length && read_number(out, text, length) && *out >= low && *out <= high;
}

static bool is_degree(const char *text, size_t length) {
    double degree = 0;
    return read_integer(&degree, text, length, 2, DEGREE_MAX) && fmod(degree, 2) == 0;
}

static const char *after(const char *text, const char *prefix) {
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

static bool is_small_world(const char *text) {
    size_t length = strcspn(text, ",");
    double probability = 0;
    return text[length] == ',' && is_degree(text, length) &&
           read_number(&probability, text + length + 1, strlen(text + length + 1)) && probability >= 0 &&
           probability <= 1;
}

const char *sl_topology_syntax_file(const char *text) {
    return after(text, "file:");
}

bool sl_topology_syntax_is_valid(const char *text) {
    static const char *const words[] = {"full", "ring", "torus", "hypercube", "star"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(text, words[i]) == 0)
            return true;
    }
    const char *rest = NULL;
    if ((rest = after(text, "regular:")) != NULL || (rest = after(text, "static-regular:")) != NULL)
        return is_degree(rest, strlen(rest));
    if ((rest = after(text, "small-world:")) != NULL)
        return is_small_world(rest);
    rest = sl_topology_syntax_file(text);
    return rest != NULL && rest[0] != '\0';
}

static bool are_shares(const char *text, size_t *count) {
    for (*count = 0;; text++) {
        size_t length = strcspn(text, ",");
        double share = 0;
        if (!read_number(&share, text, length) || share <= 0)
            return false;
        ++*count;
        text += length;
        if (*text == '\0')
            return true;
    }
}

bool sl_partition_syntax_is_valid(const char *text, size_t *shares) {
    size_t count = 0;
    double number = 0;
    bool good = strcmp(text, "iid") == 0;
    const char *rest = NULL;
    if ((rest = after(text, "shards:")) != NULL)
        good = read_integer(&number, rest, strlen(rest), 1, SHARDS_MAX);
    else if ((rest = after(text, "dirichlet:")) != NULL)
        good = read_number(&number, rest, strlen(rest)) && number > 0;
    else if ((rest = after(text, "share:")) != NULL)
        good = are_shares(rest, &count);
    if (shares != NULL)
        *shares = good ? count : 0;
    return good;
}
