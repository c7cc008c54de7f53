#include "identity/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "identity/own.h"

struct sl_identity {
    struct sl_trust trust;
    struct sl_own_certificate server, client;
    char node[SL_NAME_SIZE];
    char warning[1024];
};

static const struct sl_own_certificate *own_of(const struct sl_identity *identity, enum sl_purpose purpose) {
    return purpose == SL_PURPOSE_SERVER ? &identity->server : &identity->client;
}

/* A container's mounted secret is often readable by all, so this does not stop a node. */
static void warn_of_readers(struct sl_identity *identity, const char *file) {
    struct stat about;
    if (identity->warning[0] == '\0' && stat(file, &about) == 0 && (about.st_mode & 077) != 0)
        snprintf(identity->warning, sizeof identity->warning, "%s: others may read or change this key: chmod 600 %s",
                 file, file);
}

enum sl_status sl_identity_load(struct sl_identity **out, const struct sl_settings *settings, struct sl_error *error) {
    *out = NULL;
    const char *node = settings->node.name;
    if (!sl_name_is_valid(node))
        return sl_error_set(error, SL_SETTINGS, "node.name: not a node's name");
    struct sl_identity *identity = calloc(1, sizeof *identity);
    if (identity == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "no memory for the identity");
    strncpy(identity->node, node, SL_NAME_MAX);

    enum sl_status status = sl_trust_init(&identity->trust, settings->identity.ca, settings->flock.name,
                                          settings->identity.name_from, error);
    if (status == SL_OK)
        status = sl_own_load(&identity->server, &identity->trust, SL_PURPOSE_SERVER, node,
                             settings->identity.server_certificate, settings->identity.server_key, error);
    if (status == SL_OK)
        status = sl_own_load(&identity->client, &identity->trust, SL_PURPOSE_CLIENT, node,
                             settings->identity.client_certificate, settings->identity.client_key, error);
    if (status != SL_OK) {
        sl_identity_destroy(identity);
        return status;
    }
    warn_of_readers(identity, settings->identity.server_key);
    warn_of_readers(identity, settings->identity.client_key);
    *out = identity;
    return SL_OK;
}

void sl_identity_destroy(struct sl_identity *identity) {
    if (identity == NULL)
        return;
    sl_own_finish(&identity->server);
    sl_own_finish(&identity->client);
    sl_trust_finish(&identity->trust);
    free(identity);
}

const char *sl_identity_node(const struct sl_identity *identity) {
    return identity->node;
}

const char *sl_identity_flock(const struct sl_identity *identity) {
    return identity->trust.flock;
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
    for (unsigned i = 0; i < own->count; i++)
        out[i] = (struct sl_bytes){own->chain[i].data, own->chain[i].size};
    return own->count;
}

enum sl_status sl_identity_sign(const struct sl_identity *identity, uint8_t out[SL_SIGNATURE_MAX], size_t *length,
                                struct sl_bytes message, struct sl_error *error) {
    if (message.length > UINT32_MAX)
        return sl_error_set(error, SL_LIMIT, "a message of %zu bytes to sign", message.length);
    /* GnuTLS does not write through it. */
    gnutls_datum_t data = {(unsigned char *)(uintptr_t)message.data, (unsigned)message.length};
    gnutls_datum_t signature = {NULL, 0};
    const struct sl_own_certificate *own = &identity->client;
    int code = gnutls_privkey_sign_data2(own->key, own->algorithm, 0, &data, &signature);
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

enum sl_status sl_identity_check_chain(const struct sl_identity *identity, struct sl_credential **out,
                                       enum sl_purpose purpose, const struct sl_bytes *chain, size_t count,
                                       struct sl_error *error) {
    return sl_trust_check(&identity->trust, out, purpose, chain, count, error);
}
