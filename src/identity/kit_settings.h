/* The settings file that a kit starts with. */
#ifndef SL_IDENTITY_KIT_SETTINGS_H
#define SL_IDENTITY_KIT_SETTINGS_H

#include <stdbool.h>

#include <starling/identity.h>

#include "base/buffer.h"

/* The files of a kit, as its settings name them. */
#define SL_KIT_SETTINGS "settings.json"
#define SL_KIT_CA "ca.pem"
#define SL_KIT_SERVER_CERTIFICATE "server.pem"
#define SL_KIT_SERVER_KEY "server.key"
#define SL_KIT_CLIENT_CERTIFICATE "client.pem"
#define SL_KIT_CLIENT_KEY "client.key"
#define SL_KIT_LISTS "crl.pem"

/* An IP literal without zone, or a DNS name of letters, digits, - and _ (no wildcard: it is advertised). */
bool sl_kit_host_is_valid(const char *host);

/* Appends the JSON text for checked options. */
SL_MUST_USE enum sl_status sl_kit_settings_write(struct sl_buffer *out, const struct sl_kit_options *options,
                                                 const char *flock, struct sl_error *error);

#endif
