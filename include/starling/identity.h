/* The authority of a flock and the kits of its nodes. */
#ifndef STARLING_IDENTITY_H
#define STARLING_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <starling/error.h>

/* How the program asks a person for a secret: the passphrase of a key, the PIN of a token. */
struct sl_prompt {
    void *context;
    /* Puts the answer with a NUL behind it into `out`; one that does not fit is a failure. `what` says what is asked
     * for, "passphrase of kit/server.key". Called on the thread that loads; the caller wipes `out`. */
    enum sl_status (*ask)(void *context, char *out, size_t size, const char *what, struct sl_error *error);
};

enum sl_key_kind { SL_KEY_ECDSA_P256, SL_KEY_ED25519, SL_KEY_RSA_3072 };

/* For how many days a certificate is made at most, and where nothing else is said. */
enum { SL_VALIDITY_DAYS_MAX = 36500, SL_NODE_DAYS = 365, SL_AUTHORITY_DAYS = 3650 };

enum sl_certificate_kind { SL_CERTIFICATE_AUTHORITY, SL_CERTIFICATE_SERVER, SL_CERTIFICATE_CLIENT };

/* Why a certificate is revoked, as RFC 5280 calls it. The authority's database keeps it; lists name the numbers alone.
 */
enum sl_revocation_reason {
    SL_REVOKED_UNSPECIFIED,
    SL_REVOKED_KEY_COMPROMISE,
    SL_REVOKED_AFFILIATION_CHANGED,
    SL_REVOKED_SUPERSEDED,
    SL_REVOKED_CESSATION
};
SL_PUBLIC const char *sl_revocation_reason_text(enum sl_revocation_reason reason); /* "key-compromise", … */
SL_PUBLIC bool sl_revocation_reason_parse(enum sl_revocation_reason *out, const char *text);

/* An authority that is there, and what opens its key. */
struct sl_authority_access {
    const char *folder;             /* of sl_authority_create */
    const char *passphrase;         /* of its key; NULL: asked for, where the key needs one */
    const struct sl_prompt *prompt; /* NULL: there is nobody to ask */
};

struct sl_authority_options {
    const char *folder; /* made, its parents too; may be there only if it is empty */
    const char *flock;  /* a name; NULL: the parent's, or without one the folder's last component */
    enum sl_key_kind key;
    unsigned days;          /* validity, 1 … SL_VALIDITY_DAYS_MAX; ends with the parent's at the latest */
    const char *passphrase; /* not empty; NULL: the key's file (0600) is not encrypted */
    unsigned crl_days;      /* how long its revocation lists are good; 0: SL_CRL_DAYS */
    unsigned path_length;   /* how many authorities may follow below it */
    const struct sl_authority_access *parent; /* signs it; NULL: it is a root. Its name below the parent is the folder's
                                                 last component. */
    bool unconstrained;                       /* of an intermediate: it may name nodes of any flock */
    bool replace;                             /* of an intermediate: as of a kit */
};
enum { SL_CRL_DAYS = 90 };

/* folder/ca.pem, folder/ca.key (0600; PKCS#8, with a passphrase encrypted by PBES2 with AES-256), folder/crl.pem and
 * folder/database.jsonl. All or nothing: on failure no file is left behind, and an authority that is there already is
 * never touched (SL_EXISTS).
 *
 * ca.pem starts with the authority's own certificate; behind it are those that lead to its root. Certificates without
 * an issuer in the file become the trust of kits, all others what nodes show with their own. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_authority_create(const struct sl_authority_options *options,
                                                         struct sl_error *error);

/* Revokes what `what` names: all good certificates of a node or of an authority below, the one with that serial number
 * in hexadecimal, or those in a PEM file or a kit, if this authority signed them. Those that are
 * revoked already stay so; but key compromise takes the place of any other reason, as it may come out later (of a node
 * that has good certificates, only these are meant). *count says how many were revoked, or got that reason. The
 * authority's list is made anew in any case. SL_NOT_FOUND where nothing is named. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_authority_revoke(const struct sl_authority_access *access, const char *what,
                                                         enum sl_revocation_reason reason, size_t *count,
                                                         struct sl_error *error);

/* Makes folder/crl.pem anew, with the next number, for `days` (0: as long as the last one). `add` NULL, or a PEM file
 * with lists of other authorities, of its parent for one, to go along with it into the kits. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_authority_make_list(const struct sl_authority_access *access, unsigned days,
                                                            const char *add, struct sl_error *error);

struct sl_renew_options {
    struct sl_authority_access access;
    const char *kit;    /* the folder of a kit, or of an authority below this one, whose certificates are replaced;
                           or NULL */
    const char *node;   /* a node, or an authority below, that has its keys itself: its certificates go into
                           `answer`; or NULL */
    const char *answer; /* with `node`: a file for sl_kit_install; of an authority what its ca.pem is to be */
    const char *const *hosts; /* instead of the present ones */
    size_t host_count;        /* 0: as they are */
    unsigned days;            /* 0: SL_NODE_DAYS, SL_AUTHORITY_DAYS */
};
/* New certificates for the same keys; the old ones stay good until they end. An authority keeps its name and its
 * limits, too, so that all that it signed is as good as before; only a parent in whose ca.pem the signer of its present
 * certificate is renews it (SL_UNTRUSTED else). */
SL_PUBLIC SL_MUST_USE enum sl_status sl_authority_renew(const struct sl_renew_options *options, struct sl_error *error);

/* What a person needs to know of an authority; and its certificates, a line each, or each an object of JSON on a line.
 * Neither needs the key. Strings from files are printed without their control characters. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_authority_show(const char *folder, FILE *out, struct sl_error *error);
SL_PUBLIC SL_MUST_USE enum sl_status sl_authority_list(const char *folder, bool json, FILE *out,
                                                       struct sl_error *error);
/* The same of the certificates, lists and requests in a PEM file, or of those of a kit. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_certificate_show(const char *path, FILE *out, struct sl_error *error);

struct sl_kit_options {
    const char *authority;          /* folder of sl_authority_create */
    const char *passphrase;         /* of the authority's key; NULL: asked for, where the key needs one */
    const struct sl_prompt *prompt; /* NULL: there is nobody to ask */
    const char *folder;             /* the kit, made, its parents too; may be there only if it is empty */
    const char *node;               /* a name */
    const char *const
        *hosts;        /* DNS names or IP literals that the node is reached by: SANs, and addresses to advertise */
    size_t host_count; /* ≥ 1 */
    unsigned port;     /* 1 … 65535 */
    enum sl_key_kind key;
    unsigned days; /* 1 … SL_VALIDITY_DAYS_MAX; the certificates end with the authority's at the latest */
    /* What settings.json starts with, for its owner to change. */
    unsigned start_nodes;       /* flock.start_nodes: how many kits are made together; 0: 1 */
    unsigned part, parts;       /* data.part of data.parts, part < parts; parts 0: part 0 of 1 */
    const char *data;           /* folder with the four IDX files under MNIST's names; NULL: where Debian's
                                   dataset-fashion-mnist puts them. When they are not all there the trainer is idle. */
    const char *key_passphrase; /* the kit's keys are encrypted with it; NULL: they are not */
    bool replace;               /* a node of this name may have certificates, which are revoked; else SL_EXISTS */
    const char *flock;          /* of sl_kit_request alone */
};

/* Writes settings.json, ca.pem, crl.pem, server.pem, server.key, client.pem, client.key: keys 0600, paths relative, to
 * be moved as a whole. The kit listens on the hosts that are IP literals (on the wildcards when one is a DNS name, on
 * loopback for "localhost") and advertises them all. All or nothing, as for the authority; the kit is loaded and
 * checked like a node would before it is handed out. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_kit_create(const struct sl_kit_options *options, struct sl_error *error);

/* A kit whose keys never leave it: settings.json, server.key, client.key and request.pem, two certificate requests
 * (PKCS#10), for the authority to approve; `options` has no authority. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_kit_request(const struct sl_kit_options *options, struct sl_error *error);

/* What a node asks for. Read: signatures, keys and names are good; whose it is, a person has to find out. */
struct sl_request;
SL_PUBLIC SL_MUST_USE enum sl_status sl_request_read(struct sl_request **out, const char *path, struct sl_error *error);
SL_PUBLIC void sl_request_destroy(struct sl_request *request); /* accepts NULL */
SL_PUBLIC const char *sl_request_node(const struct sl_request *request);
/* SHA-256 of both requests in hexadecimal, to compare with what the node's owner reads out. */
SL_PUBLIC const char *sl_request_fingerprint(const struct sl_request *request);
/* Node, flock, hosts, keys and fingerprint, a line each. */
SL_PUBLIC void sl_request_show(const struct sl_request *request, FILE *out);

/* Signs what is asked for. `answer` holds the certificates, the authority's, and the revocation lists, as PEM.
 * `replace` as of a kit. SL_MISMATCH where the request is of another flock. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_request_approve(const struct sl_request *request,
                                                        const struct sl_authority_access *access, unsigned days,
                                                        bool replace, const char *answer, struct sl_error *error);

struct sl_install_options {
    const char *folder;         /* the kit */
    const char *answer;         /* of sl_request_approve or sl_authority_renew */
    const char *key_passphrase; /* of the kit's keys; NULL: asked for, where they need one */
    const struct sl_prompt *prompt;
    bool new_authority; /* the kit may be told of another root than it has, which is added to its own */
    /* Decides whether the kit may trust a root that it does not trust yet: its subject, and the fingerprint (SHA-256 of
     * the certificate, in hexadecimal) that the authority's owner reads out, for whoever can change the answer on its
     * way can put another root, and certificates of that one for the same keys, into it. Anything but SL_OK ends the
     * installation. NULL: all are trusted; the answer came in a way that nobody else can write to. */
    enum sl_status (*trust)(void *context, const char *subject, const char *fingerprint, struct sl_error *error);
    void *context;
};
/* Shows which roots an answer brings: a line "authority    FINGERPRINT SUBJECT" for each. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_answer_show(const char *answer, FILE *out, struct sl_error *error);
/* Completes a kit, or renews its certificates. Before any file of the kit changes it is checked whole: the certificates
 * are for its keys and its name, and the node would start. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_kit_install(const struct sl_install_options *options, struct sl_error *error);

#endif
