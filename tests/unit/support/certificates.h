/* For tests: temporary folders, certificates to order with any fault, and members of a flock ready to use. What fails
 * here ends the test program with a line that says why. */
#ifndef SL_TEST_CERTIFICATES_H
#define SL_TEST_CERTIFICATES_H

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#include "identity/identity.h"

/* A fresh folder; sl_test_folder_remove removes it with all that is in it, and frees. */
char *sl_test_folder_make(void);
void sl_test_folder_remove(char *folder);
/* folder/name; the caller frees. */
char *sl_test_path(const char *folder, const char *name);
void sl_test_write(const char *path, const void *data, size_t length, unsigned mode);

struct sl_test_pair {
    gnutls_x509_privkey_t key;
    gnutls_datum_t der;
};

struct sl_test_name {
    gnutls_x509_subject_alt_name_t type;
    const void *data;
    unsigned length; /* 0: data is a string */
};

enum { SL_TEST_NAMES_MAX = 6, SL_TEST_PURPOSES_MAX = 3 };

/* All zero: a certificate without any name or purpose, self-signed, ECDSA P-256, SHA-256, valid yesterday to in 30
 * days, with basicConstraints CA:FALSE. */
struct sl_test_order {
    const struct sl_test_pair *issuer; /* NULL: self-signed */
    const char *common_name, *second_common_name;
    struct sl_test_name names[SL_TEST_NAMES_MAX];
    struct sl_bytes raw_uri;                    /* the only name: a URI byte for byte, which GnuTLS would not write */
    const char *purposes[SL_TEST_PURPOSES_MAX]; /* OIDs of the extended key usage */
    unsigned key_usage;                         /* GNUTLS_KEY_…, 0: no such extension */
    bool authority;                             /* CA:TRUE; keyCertSign and cRLSign where key_usage is 0 */
    bool no_constraints;                        /* no basicConstraints at all */
    bool tells_key;                             /* its key identifier (SHA-1 of the key) */
    bool path_limited;
    unsigned path_length;      /* with path_limited */
    const char *permitted_dns; /* name constraints, each critical */
    const char *permitted_uri, *excluded_uri;
    const struct sl_test_pair *key_of; /* NULL: a fresh key, of this kind */
    gnutls_pk_algorithm_t key;
    unsigned bits;
    gnutls_digest_algorithm_t digest;
    int from_day, until_day; /* from now; both 0: the default */
    bool version_1;          /* X.509 v1: nothing of an extension */
};

/* A node's usual certificate: its URI, CN, one purpose, digitalSignature, hosts localhost, 127.0.0.1, ::1. The order
 * points into `uri`. */
enum { SL_TEST_URI_SIZE = 2 * SL_NAME_SIZE + 16 };
struct sl_test_order sl_test_order_node(char uri[SL_TEST_URI_SIZE], const struct sl_test_pair *issuer,
                                        const char *flock, const char *node, enum sl_purpose purpose);

void sl_test_issue(struct sl_test_pair *out, const struct sl_test_order *order);
void sl_test_pair_finish(struct sl_test_pair *pair);
struct sl_bytes sl_test_pair_bytes(const struct sl_test_pair *pair);

/* As PEM. The certificates go into one file in the order given. The key, 0600, where `passphrase` is given encrypted as
 * PKCS#8. */
void sl_test_write_certificates(const char *path, const struct sl_test_pair *const *pairs, size_t count);
void sl_test_write_key(const char *path, const struct sl_test_pair *pair);
void sl_test_write_encrypted_key(const char *path, const struct sl_test_pair *pair, const char *passphrase);

/* A signature as a node with this key makes it, of any kind of key. Returns its length. */
size_t sl_test_sign(uint8_t out[SL_SIGNATURE_MAX], const struct sl_test_pair *pair, struct sl_bytes message);

/* A revocation list; all zero but for the issuer: it revokes nobody, made now, good for 30 days, without a number. */
enum { SL_TEST_REVOKED_MAX = 4 };
struct sl_test_list_order {
    const struct sl_test_pair *issuer;
    const struct sl_test_pair *revoked[SL_TEST_REVOKED_MAX];
    uint64_t number;         /* 0: none */
    int from_day, until_day; /* from now; both 0: the default */
    bool no_next_update;
    bool tells_key; /* the issuer's key identifier (SHA-1 of the key) */
    gnutls_digest_algorithm_t digest;
};
/* In DER; the caller's, for gnutls_free of its data. */
gnutls_datum_t sl_test_list(const struct sl_test_list_order *order);
void sl_test_write_lists(const char *path, const struct sl_test_list_order *orders, size_t count); /* PEM */

/* An authority of a flock in a temporary folder, without limits on its path, with a list that revokes nobody. */
struct sl_test_flock {
    char name[SL_NAME_SIZE];
    char *folder;
    struct sl_test_pair authority;
};
void sl_test_flock_init(struct sl_test_flock *flock, const char *name);
/* Another flock under the same authority. */
void sl_test_flock_init_beside(struct sl_test_flock *flock, const char *name, const struct sl_test_flock *other);
void sl_test_flock_finish(struct sl_test_flock *flock);

/* Settings that name `node`'s files in the flock's folder, ca.pem, crl.pem, NODE-server.pem, …; nothing is written. */
void sl_test_settings_init(struct sl_settings *settings, const struct sl_test_flock *flock, const char *node);
void sl_test_settings_finish(struct sl_settings *settings);
/* Writes those files, all good. */
void sl_test_write_member(const struct sl_test_flock *flock, const char *node);
/* Both, loaded: the caller's, for sl_identity_unref. */
struct sl_identity *sl_test_member(const struct sl_test_flock *flock, const char *node);

/* As if the generation had been loaded that many days ago: what its client key said of the process's key is as old.
 * While nobody else uses it. */
void sl_test_age_delegation(struct sl_identity *identity, int days);

#endif
