/* What an authority has issued and revoked: database.jsonl in its folder, a line of JSON an event, only ever appended
 * to. A change is first on the disk (fsync) and then in the world: no certificate leaves that is not written down.
 *
 * A line that a crash cut short was never followed by anything: it has no newline, or NULs where a disk lost its bytes,
 * and is dropped by the next writer; any other line that cannot be read is an error, and nothing is changed. Writers
 * hold a lock on the file (flock) from opening to finishing; readers need none. */
#ifndef SL_IDENTITY_DATABASE_H
#define SL_IDENTITY_DATABASE_H

#include "base/buffer.h"
#include "identity/crl_issue.h"

#define SL_DATABASE_FILE "database.jsonl"

struct sl_entry {
    enum sl_certificate_kind kind;
    char serial[2 * SL_SERIAL_MAX + 1]; /* lower-case hexadecimal */
    char name[SL_NAME_SIZE];            /* of the node, or of the authority below this one */
    int64_t issued, from, until;        /* seconds since 1970 */
    int64_t revoked;                    /* 0: is not */
    enum sl_revocation_reason reason;
    gnutls_datum_t der; /* the certificate */
};

struct sl_database {
    char *path;
    int fd;                   /* of a writer, locked; else -1 */
    uint64_t length;          /* of the lines that are good */
    bool fresh;               /* has no line yet: there was no database */
    bool failed;              /* a commit did: no other one can succeed */
    struct sl_entry *entries; /* oldest first */
    size_t count, capacity;
    size_t *index;       /* by serial number: a hash table of places in `entries`, counted from 1; 0 is free */
    size_t index_size;   /* a power of 2, or 0 */
    uint64_t crl_number; /* of the latest list; 0: none */
    unsigned crl_days;   /* it was made for; 0: none */
    int64_t crl_until;
    bool crl_due;             /* something was revoked since */
    struct sl_buffer pending; /* lines to be committed */
};

/* Reads all. A database that is not there is empty, and begun where `writing`. On failure nothing is held. */
SL_MUST_USE enum sl_status sl_database_open(struct sl_database *database, const char *folder, bool writing,
                                            struct sl_error *error);
void sl_database_finish(struct sl_database *database); /* what was not committed is forgotten */

/* These change the database in memory and ready the lines for sl_database_commit. */
SL_MUST_USE enum sl_status sl_database_issue(struct sl_database *database, gnutls_x509_crt_t certificate,
                                             enum sl_certificate_kind kind, const char *name, struct sl_error *error);
/* Of one that is revoked only the reason changes. */
SL_MUST_USE enum sl_status sl_database_revoke(struct sl_database *database, struct sl_entry *entry,
                                              enum sl_revocation_reason reason, struct sl_error *error);
SL_MUST_USE enum sl_status sl_database_list(struct sl_database *database, uint64_t number, unsigned days,
                                            struct sl_error *error);
/* Writes and syncs them. On failure the file is as it was, where the disk still lets us, and else has a line cut short
 * at its end. */
SL_MUST_USE enum sl_status sl_database_commit(struct sl_database *database, struct sl_error *error);

/* The entry of a serial number, in lower-case hexadecimal; NULL: none. */
struct sl_entry *sl_database_find(const struct sl_database *database, const char *serial);
/* Whether it is neither revoked nor over. */
bool sl_entry_is_live(const struct sl_entry *entry, int64_t now);
/* Whether that reason takes the place of the one that it was revoked for: that its key is known to others may come out
 * later, and counts against the key. */
bool sl_entry_is_worse(const struct sl_entry *entry, enum sl_revocation_reason reason);
/* The latest live entry of a name and kind; NULL: none. */
struct sl_entry *sl_database_live(const struct sl_database *database, const char *name, enum sl_certificate_kind kind,
                                  int64_t now);

const char *sl_certificate_kind_text(enum sl_certificate_kind kind);
/* Lower-case hexadecimal with a NUL behind it: 2 * length + 1 characters. */
void sl_hex_text(char *out, const uint8_t *bytes, size_t length);
void sl_serial_text(char out[2 * SL_SERIAL_MAX + 1], gnutls_x509_crt_t certificate);

#endif
