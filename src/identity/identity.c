#include <stdio.h>
#include <string.h>
#include <time.h>

#include "identity/expiry.h"
#include "identity/generation.h"

/* ---- loading ---- */

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
                       &places, current != NULL ? sl_generation_own(current, purpose) : NULL, error);
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
    struct sl_identity *identity = sl_generation_create(settings->node.name, error);
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
    if (status == SL_OK)
        status = sl_generation_delegate(identity, error);
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
    return sl_generation_own(identity, purpose)->credentials;
}

size_t sl_identity_chain(const struct sl_identity *identity, enum sl_purpose purpose,
                         struct sl_bytes out[SL_CHAIN_MAX]) {
    const struct sl_own_certificate *own = sl_generation_own(identity, purpose);
    memcpy(out, own->chain, own->count * sizeof *out);
    return own->count;
}

void sl_identity_key_digest(const struct sl_identity *identity, enum sl_purpose purpose,
                            uint8_t out[SL_KEY_DIGEST_SIZE]) {
    memcpy(out, sl_generation_own(identity, purpose)->key_digest, SL_KEY_DIGEST_SIZE);
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

/* ---- the process's key ---- */

struct sl_delegation sl_identity_delegation(const struct sl_identity *identity) {
    return sl_delegate_delegation(identity->delegate);
}

enum sl_status sl_identity_prove(const struct sl_identity *identity, uint8_t out[SL_PROOF_SIZE],
                                 struct sl_bytes message, struct sl_error *error) {
    return sl_delegate_sign(identity->delegate, out, message, error);
}

bool sl_identity_needs_renewal(const struct sl_identity *identity, int64_t now) {
    return sl_delegate_is_due(identity->delegate, now);
}
