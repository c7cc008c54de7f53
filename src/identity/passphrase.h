/* Where secrets come from: the passphrase of a key file, the PIN of a token. */
#ifndef SL_IDENTITY_PASSPHRASE_H
#define SL_IDENTITY_PASSPHRASE_H

#include <stdbool.h>
#include <stddef.h>

#include <starling/identity.h>

enum { SL_PASSPHRASE_SIZE = 1024 }; /* with the NUL */

/* The first of these that is there; none: nothing encrypted can be read. All borrowed. */
struct sl_passphrase_source {
    const char *file;               /* its first line; NULL or "": not from a file */
    const char *variable;           /* of the environment; NULL or "": not from there */
    const struct sl_prompt *prompt; /* asks a person; NULL: nobody is there */
};

/* Whether asking again may give another answer: a person mistypes. */
bool sl_passphrase_is_asked(const struct sl_passphrase_source *source);

/* `what` completes "the passphrase of …" or is "PIN of …", for prompts and errors. On success `out` holds at least one
 * byte and a NUL; the caller wipes it in any case. */
SL_MUST_USE enum sl_status sl_passphrase_get(const struct sl_passphrase_source *source, char out[SL_PASSPHRASE_SIZE],
                                             const char *what, struct sl_error *error);

/* SL_PERMISSION with the command that mends it where group or others may read or change the file. */
SL_MUST_USE enum sl_status sl_secret_check_mode(const char *path, struct sl_error *error);

#endif
