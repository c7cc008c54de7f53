#include "identity/expiry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALL_MAX = 2 * (SL_CHAIN_MAX + 1) + SL_CRLS_MAX };

struct collection {
    struct sl_expiry items[ALL_MAX];
    size_t count;
};

static void add(struct collection *all, const char *kind, const char *text, int64_t at) {
    struct sl_expiry one = {.at = at};
    (void)snprintf(one.what, sizeof one.what, "%s %s", kind, text);
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].at == at && strcmp(all->items[i].what, one.what) == 0)
            return;
    if (all->count < ALL_MAX)
        all->items[all->count++] = one;
}

static void add_certificate(struct collection *all, const char *kind, gnutls_x509_crt_t certificate) {
    char text[SL_CERTIFICATE_TEXT_SIZE];
    sl_certificate_text(text, certificate);
    add(all, kind, text, gnutls_x509_crt_get_expiration_time(certificate));
}

static void add_own(struct collection *all, const struct sl_own_certificate *own, const char *kind) {
    static const char authority[] = "authority's certificate";
    for (size_t i = 0; i < own->count; i++) {
        gnutls_x509_crt_t certificate;
        if (sl_certificate_import(&certificate, own->chain[i], NULL) != SL_OK)
            continue;
        add_certificate(all, i == 0 ? kind : authority, certificate);
        gnutls_x509_crt_deinit(certificate);
    }
    add_certificate(all, authority, own->authority);
}

static int compare(const void *left, const void *right) {
    const struct sl_expiry *a = left, *b = right;
    return a->at < b->at ? -1 : a->at > b->at;
}

size_t sl_expiries_collect(struct sl_expiry *out, size_t max, const struct sl_own_certificate *server,
                           const struct sl_own_certificate *client, const struct sl_revocations *lists) {
    struct collection all = {.count = 0};
    add_own(&all, server, "server certificate");
    add_own(&all, client, "client certificate");
    for (size_t i = 0; i < lists->count; i++)
        add(&all, "revocation list of", sl_revocation_list_issuer(lists->lists[i]),
            sl_revocation_list_next_update(lists->lists[i]));
    qsort(all.items, all.count, sizeof *all.items, compare);
    size_t count = all.count < max ? all.count : max;
    memcpy(out, all.items, count * sizeof *out);
    return count;
}
