#include "support/certificates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/random.h"

static void start(struct sl_test_flock *flock, const char *name) {
    struct sl_error error;
    if (sl_crypto_start(&error) != SL_OK) {
        fprintf(stderr, "test support: %s\n", error.text);
        abort();
    }
    *flock = (struct sl_test_flock){.folder = sl_test_folder_make()};
    snprintf(flock->name, sizeof flock->name, "%s", name);
}

static void write_authority(const struct sl_test_flock *flock) {
    char *path = sl_test_path(flock->folder, "ca.pem");
    sl_test_write_certificates(path, (const struct sl_test_pair *const[]){&flock->authority}, 1);
    free(path);
    path = sl_test_path(flock->folder, "crl.pem");
    sl_test_write_lists(path, &(struct sl_test_list_order){.issuer = &flock->authority, .number = 1}, 1);
    free(path);
}

void sl_test_flock_init(struct sl_test_flock *flock, const char *name) {
    start(flock, name);
    sl_test_issue(&flock->authority,
                  &(struct sl_test_order){.common_name = "test authority", .authority = true, .tells_key = true});
    write_authority(flock);
}

void sl_test_flock_init_beside(struct sl_test_flock *flock, const char *name, const struct sl_test_flock *other) {
    start(flock, name);
    gnutls_x509_privkey_init(&flock->authority.key);
    gnutls_x509_privkey_cpy(flock->authority.key, other->authority.key);
    flock->authority.der.size = other->authority.der.size;
    flock->authority.der.data = gnutls_malloc(other->authority.der.size);
    memcpy(flock->authority.der.data, other->authority.der.data, other->authority.der.size);
    write_authority(flock);
}

void sl_test_flock_finish(struct sl_test_flock *flock) {
    sl_test_pair_finish(&flock->authority);
    sl_test_folder_remove(flock->folder);
    *flock = (struct sl_test_flock){0};
}

static char *member_path(const struct sl_test_flock *flock, const char *node, const char *ending) {
    char name[SL_NAME_SIZE + 16];
    snprintf(name, sizeof name, "%s-%s", node, ending);
    return sl_test_path(flock->folder, name);
}

void sl_test_settings_init(struct sl_settings *settings, const struct sl_test_flock *flock, const char *node) {
    *settings = (struct sl_settings){.flock.name = strdup(flock->name),
                                     .node.name = strdup(node),
                                     .identity = {.ca = sl_test_path(flock->folder, "ca.pem"),
                                                  .server_certificate = member_path(flock, node, "server.pem"),
                                                  .server_key = member_path(flock, node, "server.key"),
                                                  .client_certificate = member_path(flock, node, "client.pem"),
                                                  .client_key = member_path(flock, node, "client.key"),
                                                  .crl_file = sl_test_path(flock->folder, "crl.pem"),
                                                  .name_from = SL_NAME_FROM_URI}};
}

void sl_test_settings_finish(struct sl_settings *settings) {
    free(settings->flock.name);
    free(settings->node.name);
    free(settings->identity.ca);
    free(settings->identity.server_certificate);
    free(settings->identity.server_key);
    free(settings->identity.client_certificate);
    free(settings->identity.client_key);
    free(settings->identity.crl_file);
    *settings = (struct sl_settings){0};
}

static void write_pair(const struct sl_test_flock *flock, const char *node, enum sl_purpose purpose,
                       const char *certificate_path, const char *key_path) {
    char uri[SL_TEST_URI_SIZE];
    struct sl_test_order order = sl_test_order_node(uri, &flock->authority, flock->name, node, purpose);
    struct sl_test_pair pair;
    sl_test_issue(&pair, &order);
    sl_test_write_certificates(certificate_path, (const struct sl_test_pair *const[]){&pair}, 1);
    sl_test_write_key(key_path, &pair);
    sl_test_pair_finish(&pair);
}

void sl_test_write_member(const struct sl_test_flock *flock, const char *node) {
    struct sl_settings settings;
    sl_test_settings_init(&settings, flock, node);
    write_pair(flock, node, SL_PURPOSE_SERVER, settings.identity.server_certificate, settings.identity.server_key);
    write_pair(flock, node, SL_PURPOSE_CLIENT, settings.identity.client_certificate, settings.identity.client_key);
    sl_test_settings_finish(&settings);
}

struct sl_identity *sl_test_member(const struct sl_test_flock *flock, const char *node) {
    struct sl_settings settings;
    struct sl_identity *identity = NULL;
    struct sl_error error;
    sl_test_write_member(flock, node);
    sl_test_settings_init(&settings, flock, node);
    if (sl_identity_load(&identity, &settings, NULL, &error) != SL_OK) {
        fprintf(stderr, "test support: %s\n", error.text);
        abort();
    }
    sl_test_settings_finish(&settings);
    return identity;
}
