/* What an authority signs, and that it is written down before it leaves. */
#include <string.h>
#include <time.h>

#include "identity/authority.h"

enum { SERIAL_TRIES = 16 };

enum sl_status sl_authority_claim_name(struct sl_authority *authority, const char *name, bool replace,
                                       struct sl_error *error) {
    struct sl_database *database = &authority->database;
    int64_t now = time(NULL);
    enum sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && i < database->count; i++) {
        struct sl_entry *entry = &database->entries[i];
        if (strcmp(entry->name, name) != 0 || !sl_entry_is_live(entry, now))
            continue;
        if (!replace)
            return sl_error_set(error, SL_EXISTS,
                                "%s: has a good certificate already (%s, serial %s): renew it, revoke it, or give "
                                "--replace to revoke it now",
                                name, sl_certificate_kind_text(entry->kind), entry->serial);
        status = sl_database_revoke(database, entry, SL_REVOKED_SUPERSEDED, error);
    }
    return status;
}

/* Decides about a certificate that was just signed: with a serial number that is taken it is thrown away. */
static enum sl_status take_serial(struct sl_authority *authority, gnutls_x509_crt_t *out, int *tries, bool *good,
                                  struct sl_error *error) {
    char serial[2 * SL_SERIAL_MAX + 1];
    sl_serial_text(serial, *out);
    *good = sl_database_find(&authority->database, serial) == NULL;
    if (*good)
        return SL_OK;
    gnutls_x509_crt_deinit(*out);
    *out = NULL;
    return ++*tries < SERIAL_TRIES ? SL_OK : sl_error_set(error, SL_CRYPTO, "random serial numbers repeat");
}

/* What is signed, in this order: one of these, under a serial number that is free. */
struct order {
    const struct sl_node_subject *node;
    const struct sl_authority_subject *authority;
    gnutls_x509_crt_t former; /* of an authority */
    unsigned days;            /* with `former` */
};

static enum sl_status issue(struct sl_authority *authority, gnutls_x509_crt_t *out, gnutls_pubkey_t key,
                            const struct order *order, struct sl_error *error) {
    if (order->node != NULL)
        return sl_issue_node(out, key, order->node, &authority->issuer, error);
    if (order->authority != NULL)
        return sl_issue_authority(out, key, order->authority, &authority->issuer, error);
    return sl_issue_again(out, order->former, order->days, &authority->issuer, error);
}

static enum sl_status certify(struct sl_authority *authority, gnutls_x509_crt_t *out, gnutls_pubkey_t key,
                              const struct order *order, enum sl_certificate_kind kind, const char *name,
                              struct sl_error *error) {
    enum sl_status status = SL_OK;
    bool good = false;
    for (int tries = 0; status == SL_OK && !good;) {
        status = issue(authority, out, key, order, error);
        if (status == SL_OK)
            status = take_serial(authority, out, &tries, &good, error);
    }
    return status == SL_OK ? sl_database_issue(&authority->database, *out, kind, name, error) : status;
}

enum sl_status sl_authority_certify(struct sl_authority *authority, gnutls_x509_crt_t *out, gnutls_pubkey_t key,
                                    const struct sl_node_subject *subject, struct sl_error *error) {
    const struct order order = {.node = subject};
    return certify(authority, out, key, &order,
                   subject->purpose == SL_PURPOSE_SERVER ? SL_CERTIFICATE_SERVER : SL_CERTIFICATE_CLIENT, subject->node,
                   error);
}

enum sl_status sl_authority_certify_authority(struct sl_authority *authority, gnutls_x509_crt_t *out,
                                              gnutls_pubkey_t key, const struct sl_authority_subject *subject,
                                              struct sl_error *error) {
    const struct order order = {.authority = subject};
    return certify(authority, out, key, &order, SL_CERTIFICATE_AUTHORITY, subject->name, error);
}

enum sl_status sl_authority_certify_again(struct sl_authority *authority, gnutls_x509_crt_t *out,
                                          gnutls_x509_crt_t former, const char *name, unsigned days,
                                          struct sl_error *error) {
    const struct order order = {.former = former, .days = days};
    return certify(authority, out, NULL, &order, SL_CERTIFICATE_AUTHORITY, name, error);
}

enum sl_status sl_authority_commit(struct sl_authority *authority, struct sl_error *error) {
    return authority->database.crl_due ? sl_authority_relist(authority, 0, error)
                                       : sl_database_commit(&authority->database, error);
}

void sl_authority_withdraw(struct sl_authority *authority, size_t count) {
    enum sl_status status = SL_OK;
    for (size_t i = count; status == SL_OK && i < authority->database.count; i++)
        status = sl_database_revoke(&authority->database, &authority->database.entries[i], SL_REVOKED_CESSATION, NULL);
    if (status == SL_OK)
        (void)!sl_authority_commit(authority, NULL);
}
