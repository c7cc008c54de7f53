#include "identity/identity.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "identity/chain_cache.h"
#include "identity/expiry.h"

struct sl_identity {
    atomic_size_t references;
    struct sl_trust *trust; /* this and the next are shared with generations that differ in `lists` alone */
    struct sl_own_certificate *server, *client;
    struct sl_revocations lists;
    struct sl_chain_cache *cache;
    char node[SL_NAME_SIZE];
    char warning[1024];
};

static struct sl_own_certificate *own_of(const struct sl_identity *identity, enum sl_purpose purpose) {
    return purpose == SL_PURPOSE_SERVER ? identity->server : identity->client;
}

/* ---- life ---- */

static struct sl_identity *create(const char *node, struct sl_error *error) {
    struct sl_identity *identity = calloc(1, sizeof *identity);
    if (identity != NULL && (identity->cache = sl_chain_cache_create()) == NULL) {
        free(identity);
        identity = NULL;
    }
    if (identity == NULL) {
        (void)sl_error_set(error, SL_NO_MEMORY, "no memory for the identity");
        return NULL;
    }
    atomic_init(&identity->references, 1);
    (void)snprintf(identity->node, sizeof identity->node, "%s", node);
    return identity;
}

struct sl_identity *sl_identity_ref(struct sl_identity *identity) {
    atomic_fetch_add_explicit(&identity->references, 1, memory_order_relaxed);
    return identity;
}

void sl_identity_unref(struct sl_identity *identity) {
    if (identity == NULL || atomic_fetch_sub_explicit(&identity->references, 1, memory_order_acq_rel) != 1)
        return;
    sl_chain_cache_destroy(identity->cache);
    sl_own_unref(identity->server);
    sl_own_unref(identity->client);
    sl_revocations_finish(&identity->lists);
    sl_trust_unref(identity->trust);
    free(identity);
}

/* A file that is named must be there, but for the default one where lists are not required. */
static enum sl_status load_lists(struct sl_identity *identity, const struct sl_settings *settings,
                                 struct sl_error *error) {
    const char *path = settings->identity.crl_file;
    bool required = settings->identity.crl == SL_REQUIRED;
    if (path == NULL || path[0] == '\0') {
        if (!required)
            return SL_OK;
        return sl_error_set(error, SL_SETTINGS, "identity.crl_file: needed where identity.crl is required");
    }
    enum sl_status status = sl_revocations_read(&identity->lists, path, sl_trust_authorities(identity->trust), error);
    if (status == SL_NOT_FOUND && !required)
        return SL_OK;
    if (status == SL_NOT_FOUND)
        status = sl_error_set(error, SL_NOT_FOUND,
                              "%s: the list of revoked certificates is missing (starling ca crl makes it); "
                              "identity.crl if-present goes without",
                              path);
    return status;
}

/* What the current generation has learnt from peers and could not write down. Those by intermediate authorities are
 * kept on its word: the new trust has seen no chain yet. */
static enum sl_status keep_newer_lists(struct sl_identity *identity, const struct sl_identity *current,
                                       struct sl_error *error) {
    for (size_t i = 0; i < current->lists.count; i++) {
        struct sl_revocation_list *list = current->lists.lists[i];
        if (!sl_trust_made(identity->trust, list) && !sl_trust_made_below(current->trust, list))
            continue;
        enum sl_status status = sl_revocations_add(&identity->lists, list, error);
        if (status != SL_OK && status != SL_EXISTS)
            return status;
    }
    return SL_OK;
}

static enum sl_status load_own(struct sl_identity *identity, const struct sl_identity *current, enum sl_purpose purpose,
                               const struct sl_settings *settings, const struct sl_prompt *prompt,
                               struct sl_error *error) {
    bool server = purpose == SL_PURPOSE_SERVER;
    const struct sl_own_places places = {
        .node = identity->node,
        .certificate = server ? settings->identity.server_certificate : settings->identity.client_certificate,
        .key = server ? settings->identity.server_key : settings->identity.client_key,
        .passphrase = {settings->identity.passphrase_file, settings->identity.passphrase_variable, prompt}};
    return sl_own_load(server ? &identity->server : &identity->client, identity->trust, &identity->lists, purpose,
                       &places, current != NULL ? own_of(current, purpose) : NULL, error);
}

static void note_missing_lists(struct sl_identity *identity) {
    const struct sl_certificates *authorities = sl_trust_authorities(identity->trust);
    bool required = sl_trust_crl(identity->trust) == SL_REQUIRED;
    char text[SL_CERTIFICATE_TEXT_SIZE];
    for (unsigned i = 0; i < authorities->count; i++) {
        gnutls_x509_crt_t authority = authorities->items[i];
        if (gnutls_x509_crt_get_expiration_time(authority) < time(NULL) ||
            sl_revocations_find(&identity->lists, authority) != NULL)
            continue;
        sl_certificate_text(text, authority);
        (void)snprintf(identity->warning, sizeof identity->warning, "no revocation list of the authority %s: %s", text,
                       required ? "whom it certified is refused" : "whom it revoked is let in (identity.crl)");
        return;
    }
}

static enum sl_status load(struct sl_identity **out, const struct sl_identity *current,
                           const struct sl_settings *settings, const struct sl_prompt *prompt, struct sl_error *error) {
    *out = NULL;
    if (!sl_name_is_valid(settings->node.name))
        return sl_error_set(error, SL_SETTINGS, "node.name: not a node's name");
    struct sl_identity *identity = create(settings->node.name, error);
    if (identity == NULL)
        return SL_NO_MEMORY;
    enum sl_status status = sl_trust_create(&identity->trust, settings, error);
    if (status == SL_OK)
        status = load_lists(identity, settings, error);
    if (status == SL_OK && current != NULL)
        status = keep_newer_lists(identity, current, error);
    if (status == SL_OK)
        status = load_own(identity, current, SL_PURPOSE_SERVER, settings, prompt, error);
    if (status == SL_OK)
        status = load_own(identity, current, SL_PURPOSE_CLIENT, settings, prompt, error);
    if (status != SL_OK) {
        sl_identity_unref(identity);
        return status;
    }
    note_missing_lists(identity);
    *out = identity;
    return SL_OK;
}

enum sl_status sl_identity_load(struct sl_identity **out, const struct sl_settings *settings,
                                const struct sl_prompt *prompt, struct sl_error *error) {
    return load(out, NULL, settings, prompt, error);
}

enum sl_status sl_identity_reload(struct sl_identity **out, const struct sl_identity *current,
                                  const struct sl_settings *settings, const struct sl_prompt *prompt,
                                  struct sl_error *error) {
    return load(out, current, settings, prompt, error);
}

/* ---- what it says ---- */

const char *sl_identity_node(const struct sl_identity *identity) {
    return identity->node;
}

const char *sl_identity_flock(const struct sl_identity *identity) {
    return sl_trust_flock(identity->trust);
}

bool sl_identity_allows(const struct sl_identity *identity, const char *node) {
    return sl_trust_allows(identity->trust, node);
}

const char *sl_identity_warning(const struct sl_identity *identity) {
    return identity->warning[0] != '\0' ? identity->warning : NULL;
}

gnutls_certificate_credentials_t sl_identity_credentials(const struct sl_identity *identity, enum sl_purpose purpose) {
    return own_of(identity, purpose)->credentials;
}

size_t sl_identity_chain(const struct sl_identity *identity, enum sl_purpose purpose,
                         struct sl_bytes out[SL_CHAIN_MAX]) {
    const struct sl_own_certificate *own = own_of(identity, purpose);
    memcpy(out, own->chain, own->count * sizeof *out);
    return own->count;
}

void sl_identity_key_digest(const struct sl_identity *identity, enum sl_purpose purpose,
                            uint8_t out[SL_KEY_DIGEST_SIZE]) {
    memcpy(out, own_of(identity, purpose)->key_digest, SL_KEY_DIGEST_SIZE);
}

size_t sl_identity_expiries(const struct sl_identity *identity, struct sl_expiry *out, size_t max) {
    return sl_expiries_collect(out, max, identity->server, identity->client, &identity->lists);
}

enum sl_status sl_identity_sign(const struct sl_identity *identity, uint8_t out[SL_SIGNATURE_MAX], size_t *length,
                                struct sl_bytes message, struct sl_error *error) {
    if (message.length > UINT32_MAX)
        return sl_error_set(error, SL_LIMIT, "a message of %zu bytes to sign", message.length);
    const gnutls_datum_t data = sl_datum(message);
    gnutls_datum_t signature = {NULL, 0};
    const struct sl_own_certificate *own = identity->client;
    int code = gnutls_privkey_sign_data2(own->key.key, own->algorithm, 0, &data, &signature);
    if (code < 0)
        return sl_gnutls_error(error, SL_CRYPTO, code, "signing");
    enum sl_status status = SL_OK;
    if (signature.size > SL_SIGNATURE_MAX) {
        status = sl_error_set(error, SL_LIMIT, "a signature of %u bytes", signature.size);
    } else {
        memcpy(out, signature.data, signature.size);
        *length = signature.size;
    }
    gnutls_free(signature.data);
    return status;
}

/* ---- revocation lists ---- */

/* A generation that differs from this one in what it will be given. */
static struct sl_identity *derive(const struct sl_identity *identity, struct sl_error *error) {
    struct sl_identity *next = create(identity->node, error);
    if (next == NULL)
        return NULL;
    next->trust = sl_trust_ref(identity->trust);
    next->server = sl_own_ref(identity->server);
    next->client = sl_own_ref(identity->client);
    sl_revocations_copy(&next->lists, &identity->lists);
    return next;
}

static enum sl_status add_list(struct sl_identity *next, struct sl_revocation_list *list, struct sl_error *error) {
    const char *issuer = sl_revocation_list_issuer(list);
    if (!sl_trust_made(next->trust, list))
        return sl_error_set(error, SL_UNTRUSTED, "the revocation list of %s is not by an authority of ours", issuer);
    if (sl_revocation_list_next_update(list) < time(NULL))
        return sl_error_set(error, SL_UNTRUSTED, "the revocation list of %s is stale", issuer);
    enum sl_status status = sl_revocations_add(&next->lists, list, error);
    if (status == SL_OK || status == SL_EXISTS || status == SL_NO_MEMORY)
        return status;
    return sl_error_wrap(error, SL_UNTRUSTED, "the revocation list of %s", issuer);
}

/* A list that revokes this very node is as true as any other, but its owner should know. */
static enum sl_status check_own(struct sl_identity *identity, struct sl_error *error) {
    static const enum sl_purpose purposes[] = {SL_PURPOSE_SERVER, SL_PURPOSE_CLIENT};
    for (size_t i = 0; i < sizeof purposes / sizeof *purposes; i++) {
        struct sl_error reason = {.status = SL_OK};
        struct sl_verdict verdict;
        const struct sl_own_certificate *own = own_of(identity, purposes[i]);
        enum sl_status status = sl_trust_check(identity->trust, &verdict, &identity->lists, purposes[i], own->chain,
                                               own->count, time(NULL), &reason);
        sl_credential_unref(verdict.credential);
        if (status == SL_NO_MEMORY)
            return sl_error_set(error, status, "%s", reason.text);
        if (status != SL_OK)
            (void)snprintf(identity->warning, sizeof identity->warning,
                           "this node's own %s certificate is refused from now on: %.800s",
                           sl_purpose_text(purposes[i]), reason.text);
    }
    return SL_OK;
}

/* Hands the generation out where it became another one. */
static enum sl_status finish(struct sl_identity *next, struct sl_identity **out, enum sl_status status,
                             struct sl_error *error) {
    if (status == SL_OK)
        status = check_own(next, error);
    if (status == SL_OK)
        *out = next;
    else
        sl_identity_unref(next);
    return status;
}

enum sl_status sl_identity_with_crl_file(const struct sl_identity *identity, struct sl_identity **out, const char *path,
                                         struct sl_error *error) {
    struct sl_revocations file = {.count = 0};
    *out = NULL;
    struct sl_identity *next = derive(identity, error);
    if (next == NULL)
        return SL_NO_MEMORY;
    enum sl_status status = sl_revocations_read(&file, path, sl_trust_authorities(identity->trust), error);
    size_t newer = 0;
    for (size_t i = 0; status == SL_OK && i < file.count; i++) {
        if (!sl_trust_made(next->trust, file.lists[i]))
            continue; /* by whom, is not known */
        status = sl_revocations_add(&next->lists, file.lists[i], error);
        newer += status == SL_OK;
        if (status == SL_EXISTS)
            status = SL_OK;
    }
    if (status == SL_OK && newer == 0)
        status = sl_error_set(error, SL_EXISTS, "%s: no newer revocation list", path);
    sl_revocations_finish(&file);
    return finish(next, out, status, error);
}

enum sl_status sl_identity_with_crl(const struct sl_identity *identity, struct sl_identity **out, struct sl_bytes crl,
                                    struct sl_error *error) {
    *out = NULL;
    struct sl_revocation_list *list;
    enum sl_status status = sl_revocation_list_create(&list, crl, error);
    if (status != SL_OK)
        return status;
    struct sl_identity *next = derive(identity, error);
    status = next == NULL ? SL_NO_MEMORY : add_list(next, list, error);
    sl_revocation_list_unref(list);
    return finish(next, out, status, error);
}

size_t sl_identity_crls(const struct sl_identity *identity, struct sl_bytes *out, size_t max) {
    size_t count = 0;
    int64_t now = time(NULL);
    for (size_t i = 0; i < identity->lists.count && count < max; i++) {
        struct sl_revocation_list *list = identity->lists.lists[i];
        if (sl_revocation_list_is_verified(list) && sl_revocation_list_next_update(list) >= now)
            out[count++] = sl_revocation_list_der(list);
    }
    return count;
}

enum sl_status sl_identity_save_crls(const struct sl_identity *identity, const char *path, struct sl_error *error) {
    return sl_revocations_write(&identity->lists, path, error);
}

/* ---- others ---- */

enum sl_status sl_identity_check_chain(const struct sl_identity *identity, struct sl_credential **out,
                                       enum sl_purpose purpose, const struct sl_bytes *chain, size_t count,
                                       struct sl_error *error) {
    struct sl_digest key;
    struct sl_verdict verdict;
    int64_t now = time(NULL);
    if (count <= SL_CHAIN_MAX) {
        sl_chain_cache_key(&key, purpose, chain, count);
        if ((*out = sl_chain_cache_find(identity->cache, &key, now)) != NULL)
            return SL_OK;
    }
    enum sl_status status =
        sl_trust_check(identity->trust, &verdict, &identity->lists, purpose, chain, count, now, error);
    *out = verdict.credential;
    if (status == SL_OK)
        sl_chain_cache_put(identity->cache, &key, verdict.credential, now, verdict.until);
    return status;
}

enum sl_status sl_identity_recheck(const struct sl_identity *identity, const struct sl_credential *credential,
                                   enum sl_purpose purpose, struct sl_error *error) {
    struct sl_bytes chain[SL_CHAIN_MAX];
    struct sl_credential *again = NULL;
    size_t count = sl_credential_chain(credential, chain);
    enum sl_status status = sl_identity_check_chain(identity, &again, purpose, chain, count, error);
    if (status == SL_OK && strcmp(sl_credential_node(again), sl_credential_node(credential)) != 0)
        status =
            sl_error_set(error, SL_UNTRUSTED, "certificate %s: it is of %s now, not of %s",
                         sl_credential_text(credential), sl_credential_node(again), sl_credential_node(credential));
    sl_credential_unref(again);
    return status;
}
