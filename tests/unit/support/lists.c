#include "support/certificates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAY_SECONDS = 86400 };

static void must(int code, const char *what) {
    if (code < 0) {
        fprintf(stderr, "test support: %s: %s\n", what, gnutls_strerror(code));
        abort();
    }
}

static gnutls_x509_crt_t import(const struct sl_test_pair *pair) {
    gnutls_x509_crt_t certificate;
    must(gnutls_x509_crt_init(&certificate), "certificate");
    must(gnutls_x509_crt_import(certificate, &pair->der, GNUTLS_X509_FMT_DER), "certificate");
    return certificate;
}

static void set_entries(gnutls_x509_crl_t list, const struct sl_test_list_order *order) {
    for (size_t i = 0; i < SL_TEST_REVOKED_MAX && order->revoked[i] != NULL; i++) {
        gnutls_x509_crt_t certificate = import(order->revoked[i]);
        must(gnutls_x509_crl_set_crt(list, certificate, time(NULL)), "revocation");
        gnutls_x509_crt_deinit(certificate);
    }
}

static void set_key_id(gnutls_x509_crl_t list, const struct sl_test_pair *issuer) {
    gnutls_x509_crt_t certificate = import(issuer);
    uint8_t id[20];
    size_t length = sizeof id;
    must(gnutls_x509_crt_get_key_id(certificate, 0, id, &length), "key identifier");
    must(gnutls_x509_crl_set_authority_key_id(list, id, length), "key identifier");
    gnutls_x509_crt_deinit(certificate);
}

static void sign(gnutls_x509_crl_t list, const struct sl_test_list_order *order) {
    gnutls_x509_crt_t issuer = import(order->issuer);
    gnutls_privkey_t key;
    must(gnutls_privkey_init(&key), "signer");
    must(gnutls_privkey_import_x509(key, order->issuer->key, 0), "signer");
    must(gnutls_x509_crl_privkey_sign(list, issuer, key, order->digest, 0), "signing");
    gnutls_privkey_deinit(key);
    gnutls_x509_crt_deinit(issuer);
}

gnutls_datum_t sl_test_list(const struct sl_test_list_order *order) {
    bool usual = order->from_day == 0 && order->until_day == 0;
    time_t now = time(NULL);
    gnutls_x509_crl_t list;
    gnutls_datum_t der;
    must(gnutls_x509_crl_init(&list), "revocation list");
    must(gnutls_x509_crl_set_version(list, 2), "version");
    must(gnutls_x509_crl_set_this_update(list, now + (usual ? 0 : order->from_day * DAY_SECONDS)), "dates");
    if (!order->no_next_update)
        must(gnutls_x509_crl_set_next_update(list, now + (usual ? 30 : order->until_day) * DAY_SECONDS), "dates");
    if (order->number != 0) {
        uint8_t number[8];
        sl_put_u64(number, order->number);
        must(gnutls_x509_crl_set_number(list, number, sizeof number), "number");
    }
    if (order->tells_key)
        set_key_id(list, order->issuer);
    set_entries(list, order);
    sign(list, order);
    must(gnutls_x509_crl_export2(list, GNUTLS_X509_FMT_DER, &der), "revocation list");
    gnutls_x509_crl_deinit(list);
    return der;
}

void sl_test_write_lists(const char *path, const struct sl_test_list_order *orders, size_t count) {
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        must(GNUTLS_E_FILE_ERROR, path);
    for (size_t i = 0; i < count; i++) {
        gnutls_datum_t der = sl_test_list(&orders[i]), pem;
        must(gnutls_pem_base64_encode2("X509 CRL", &der, &pem), "PEM");
        fwrite(pem.data, 1, pem.size, file);
        gnutls_free(pem.data);
        gnutls_free(der.data);
    }
    if (fclose(file) != 0)
        must(GNUTLS_E_FILE_ERROR, path);
}
