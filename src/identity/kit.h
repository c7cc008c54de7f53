/* What making a kit, asking for one's certificates and installing them share. */
#ifndef SL_IDENTITY_KIT_H
#define SL_IDENTITY_KIT_H

#include <starling/identity.h>

#include "base/buffer.h"
#include "identity/identity.h"
#include "identity/kit_settings.h"

#define SL_KIT_REQUEST "request.pem"

/* SL_USAGE. */
SL_MUST_USE enum sl_status sl_kit_check_options(const struct sl_kit_options *options, struct sl_error *error);
/* What a kit calls its files for one purpose. */
const char *sl_kit_certificate_file(enum sl_purpose purpose);
const char *sl_kit_key_file(enum sl_purpose purpose);
/* folder/name := text, mode 0644. */
SL_MUST_USE enum sl_status sl_kit_write(const char *folder, const char *name, const struct sl_buffer *text,
                                        struct sl_error *error);
SL_MUST_USE enum sl_status sl_kit_write_settings(const char *folder, const struct sl_kit_options *options,
                                                 const char *flock, struct sl_error *error);
/* Loads an identity as a node with these settings will, and throws it away. */
SL_MUST_USE enum sl_status sl_kit_try(const struct sl_settings *settings, const char *key_passphrase,
                                      const struct sl_prompt *prompt, struct sl_error *error);
/* Loads the kit as its node will. `shown` is the folder that the error names. */
SL_MUST_USE enum sl_status sl_kit_check(const char *folder, const char *shown, const char *key_passphrase,
                                        const struct sl_prompt *prompt, struct sl_error *error);

#endif
