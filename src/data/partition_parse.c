#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "data/partition.h"

enum { SHARDS_MAX = 1 << 20, SHARES_MAX = 1 << 20 };
static const double SHARE_MAX = 1e300; /* sums of all shares are finite */

/* A number > 0 that ends at `end` or at a comma; strtod alone would take " 1", "inf" and "0x2". */
static bool parse_positive(double *out, const char **text) {
    char *after;
    size_t plain = strspn(*text, "0123456789.eE+-");
    if (!isdigit((unsigned char)**text) && **text != '.')
        return false;
    *out = strtod(*text, &after);
    if (after != *text + plain || !(*out > 0 && *out <= SHARE_MAX))
        return false;
    *text = after;
    return true;
}

static bool parse_shards(struct sl_partition *partition, const char *text) {
    char *after;
    errno = 0;
    unsigned long shards = isdigit((unsigned char)*text) ? strtoul(text, &after, 10) : 0;
    if (shards == 0 || shards > SHARDS_MAX || errno != 0 || *after != '\0')
        return false;
    partition->shards = (uint32_t)shards;
    return true;
}

static enum sl_status parse_shares(struct sl_partition *partition, const char *text) {
    size_t capacity = 0;
    for (;;) {
        if (partition->share_count == SHARES_MAX)
            return SL_LIMIT;
        enum sl_status status =
            sl_array_reserve(&partition->shares, &capacity, partition->share_count + 1, sizeof *partition->shares);
        if (status != SL_OK)
            return status;
        if (!parse_positive(&partition->shares[partition->share_count], &text))
            return SL_SETTINGS;
        partition->share_count++;
        if (*text == '\0')
            return SL_OK;
        if (*text++ != ',')
            return SL_SETTINGS;
    }
}

static const char *after_prefix(const char *text, const char *prefix) {
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

static enum sl_status parse(struct sl_partition *out, const char *text) {
    const char *rest;
    if (strcmp(text, "iid") == 0) {
        out->kind = SL_PARTITION_IID;
        return SL_OK;
    }
    if ((rest = after_prefix(text, "shards:")) != NULL) {
        out->kind = SL_PARTITION_SHARDS;
        return parse_shards(out, rest) ? SL_OK : SL_SETTINGS;
    }
    if ((rest = after_prefix(text, "dirichlet:")) != NULL) {
        out->kind = SL_PARTITION_DIRICHLET;
        return parse_positive(&out->alpha, &rest) && *rest == '\0' ? SL_OK : SL_SETTINGS;
    }
    if ((rest = after_prefix(text, "share:")) != NULL) {
        out->kind = SL_PARTITION_SHARE;
        return parse_shares(out, rest);
    }
    return SL_SETTINGS;
}

enum sl_status sl_partition_parse(struct sl_partition *out, const char *text, struct sl_error *error) {
    *out = (struct sl_partition){0};
    enum sl_status status = parse(out, text);
    if (status == SL_OK)
        return SL_OK;
    sl_partition_finish(out);
    return sl_error_set(error, status, "expected iid, shards:K, dirichlet:ALPHA or share:P1,P2,…, not \"%.100s\"",
                        text);
}

void sl_partition_finish(struct sl_partition *partition) {
    free(partition->shares);
    *partition = (struct sl_partition){0};
}
