#include "identity/credential.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct sl_credential {
    atomic_size_t references;
    gnutls_x509_crt_t certificate;
    gnutls_pubkey_t key;
    gnutls_sign_algorithm_t algorithm;
    char node[SL_NAME_SIZE];
    char text[SL_CERTIFICATE_TEXT_SIZE];
};

enum sl_status sl_credential_create(struct sl_credential **out, gnutls_x509_crt_t certificate, const char *node,
                                    struct sl_error *error) {
    *out = NULL;
    struct sl_credential *credential = calloc(1, sizeof *credential);
    if (credential == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "no memory for a credential");
    atomic_init(&credential->references, 1);
    int code = gnutls_pubkey_init(&credential->key);
    if (code >= 0)
        code = gnutls_pubkey_import_x509(credential->key, certificate, 0);
    if (code >= 0)
        credential->algorithm = sl_signature_algorithm((unsigned)gnutls_pubkey_get_pk_algorithm(credential->key, NULL));
    enum sl_status status = SL_OK;
    if (code < 0)
        status = sl_gnutls_error(error, SL_UNTRUSTED, code, "its public key cannot be read");
    else if (credential->algorithm == GNUTLS_SIGN_UNKNOWN)
        status = sl_error_set(error, SL_UNTRUSTED, "its key is neither ECDSA, Ed25519, Ed448 nor RSA");
    if (status != SL_OK) {
        sl_credential_unref(credential);
        return status;
    }
    credential->certificate = certificate;
    strncpy(credential->node, node, SL_NAME_MAX);
    sl_certificate_text(credential->text, certificate);
    *out = credential;
    return SL_OK;
}

struct sl_credential *sl_credential_ref(struct sl_credential *credential) {
    atomic_fetch_add_explicit(&credential->references, 1, memory_order_relaxed);
    return credential;
}

void sl_credential_unref(struct sl_credential *credential) {
    if (credential == NULL || atomic_fetch_sub_explicit(&credential->references, 1, memory_order_acq_rel) != 1)
        return;
    if (credential->key != NULL)
        gnutls_pubkey_deinit(credential->key);
    if (credential->certificate != NULL)
        gnutls_x509_crt_deinit(credential->certificate);
    free(credential);
}

const char *sl_credential_node(const struct sl_credential *credential) {
    return credential->node;
}

const char *sl_credential_text(const struct sl_credential *credential) {
    return credential->text;
}

bool sl_credential_is_same(const struct sl_credential *a, const struct sl_credential *b) {
    return gnutls_x509_crt_equals(a->certificate, b->certificate) != 0;
}

/* GnuTLS falls back on the common name where a certificate has no DNS name; here a common name is a node's, not a
 * host's. */
static bool has_dns_name(gnutls_x509_crt_t certificate) {
    gnutls_subject_alt_names_t names;
    if (sl_certificate_alternative_names(&names, certificate) < 0)
        return false;
    gnutls_datum_t name;
    unsigned type;
    bool found = false;
    for (unsigned i = 0; !found && gnutls_subject_alt_names_get(names, i, &type, &name, NULL) >= 0; i++)
        found = type == GNUTLS_SAN_DNSNAME;
    gnutls_subject_alt_names_deinit(names);
    return found;
}

bool sl_credential_serves_host(const struct sl_credential *credential, const char *host) {
    char name[SL_NAME_MAX + 256];
    size_t length = strcspn(host, "%"); /* fe80::1%eth0: the zone is the dialler's own affair */
    if (length == 0 || length >= sizeof name)
        return false;
    memcpy(name, host, length);
    name[length] = '\0';

    uint8_t address[16];
    if (inet_pton(AF_INET, name, address) == 1)
        return gnutls_x509_crt_check_ip(credential->certificate, address, 4, 0) != 0;
    if (inet_pton(AF_INET6, name, address) == 1)
        return gnutls_x509_crt_check_ip(credential->certificate, address, 16, 0) != 0;
    if (host[length] == '%' || !has_dns_name(credential->certificate))
        return false;
    if (name[length - 1] == '.') /* a fully qualified name as people type it */
        name[length - 1] = '\0';
    return gnutls_x509_crt_check_hostname2(credential->certificate, name, GNUTLS_VERIFY_DO_NOT_ALLOW_IP_MATCHES) != 0;
}

enum sl_status sl_credential_verify(const struct sl_credential *credential, struct sl_bytes message,
                                    struct sl_bytes signature, struct sl_error *error) {
    if (message.length > UINT32_MAX || signature.length == 0 || signature.length > SL_SIGNATURE_MAX)
        return sl_error_set(error, SL_UNTRUSTED, "a signature of %zu bytes", signature.length);
    /* GnuTLS does not write through these. */
    gnutls_datum_t data = {(unsigned char *)(uintptr_t)message.data, (unsigned)message.length};
    gnutls_datum_t value = {(unsigned char *)(uintptr_t)signature.data, (unsigned)signature.length};
    int code = gnutls_pubkey_verify_data2(credential->key, credential->algorithm, 0, &data, &value);
    if (code < 0)
        return sl_error_set(error, SL_UNTRUSTED, "the signature is not by the key of %s", credential->text);
    return SL_OK;
}
