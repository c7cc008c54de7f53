/* The authority of a flock and the kits of its nodes. */
#ifndef STARLING_IDENTITY_H
#define STARLING_IDENTITY_H

#include <stddef.h>

#include <starling/error.h>

enum sl_key_kind { SL_KEY_ECDSA_P256, SL_KEY_ED25519, SL_KEY_RSA_3072 };

/* The longest validity, in days, that a certificate is made for. */
enum { SL_VALIDITY_DAYS_MAX = 36500 };

struct sl_authority_options {
    const char *folder; /* made, its parents too; may be there only if it is empty */
    const char *flock;  /* a name; NULL: the folder's last component */
    enum sl_key_kind key;
    unsigned days;          /* validity, 1 … SL_VALIDITY_DAYS_MAX */
    const char *passphrase; /* not empty; NULL: the key's file (0600) is not encrypted */
};

/* folder/ca.pem, folder/ca.key (0600; PKCS#8, with a passphrase encrypted by PBES2 with AES-256). All or nothing: on
 * failure no file is left behind, and an authority that is there already is never touched (SL_EXISTS). */
SL_PUBLIC SL_MUST_USE enum sl_status sl_authority_create(const struct sl_authority_options *options,
                                                         struct sl_error *error);

struct sl_kit_options {
    const char *authority;  /* folder of sl_authority_create */
    const char *passphrase; /* of the authority's key; NULL: none */
    const char *folder;     /* the kit, made, its parents too; may be there only if it is empty */
    const char *node;       /* a name */
    const char *const
        *hosts;        /* DNS names or IP literals that the node is reached by: SANs, and addresses to advertise */
    size_t host_count; /* ≥ 1 */
    unsigned port;     /* 1 … 65535 */
    enum sl_key_kind key;
    unsigned days; /* 1 … SL_VALIDITY_DAYS_MAX; the certificates end with the authority's at the latest */
    /* What settings.json starts with, for its owner to change. */
    unsigned start_nodes; /* flock.start_nodes: how many kits are made together; 0: 1 */
    unsigned part, parts; /* data.part of data.parts, part < parts; parts 0: part 0 of 1 */
    const char *data;     /* folder with the four IDX files under MNIST's names; NULL: where Debian's
                             dataset-fashion-mnist puts them. When they are not all there the trainer is idle. */
};

/* Writes settings.json, ca.pem, server.pem, server.key, client.pem, client.key: keys 0600, paths relative, to be moved
 * as a whole. The kit listens on the hosts that are IP literals (on the wildcards when one is a DNS name, on
 * loopback for "localhost") and advertises them all. All or nothing, as for the authority; the kit is loaded and
 * checked like a node would before it is handed out. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_kit_create(const struct sl_kit_options *options, struct sl_error *error);

#endif
