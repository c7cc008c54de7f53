/* What the parts of a preflight share. */
#ifndef SL_NODE_PREFLIGHT_H
#define SL_NODE_PREFLIGHT_H

#include "identity/identity.h"
#include "settings/settings.h"
#include <starling/preflight.h>

struct preflight {
    const struct sl_preflight_options *options;
    struct sl_preflight_counts *counts;
    const struct sl_settings *settings;
    struct sl_identity *identity; /* NULL: it does not load */
};

void preflight_ok(struct preflight *preflight, const char *what, const char *format, ...) SL_PRINTF(3, 4);
/* `advice` may be "". */
void preflight_warn(struct preflight *preflight, const char *what, const char *advice, const char *format, ...)
    SL_PRINTF(4, 5);
void preflight_fail(struct preflight *preflight, const char *what, const char *advice, const char *format, ...)
    SL_PRINTF(4, 5);

/* preflight_files.c: files and folders, and what they allow. */
void preflight_files(struct preflight *preflight);
void preflight_folders(struct preflight *preflight);
/* Whether that many bytes fit where model.folder is or will be. */
void preflight_room(struct preflight *preflight, uint64_t bytes);
/* preflight_identity.c: certificates, names, dates and clock. Loads the identity. */
void preflight_identity(struct preflight *preflight);
/* preflight_listeners.c */
void preflight_listeners(struct preflight *preflight);
/* preflight_peers.c: what all connections need; then, unless offline, dials. SL_NO_MEMORY and the like are failures of
 * the preflight itself. */
SL_MUST_USE enum sl_status preflight_peers(struct preflight *preflight, struct sl_error *error);

/* What this node tells others to dial: the item of transport.advertise or, where that is empty, of transport.listen; ""
 * for a listener that only a proxy dials. */
size_t preflight_address_count(const struct sl_settings *settings);
const char *preflight_address(const struct sl_settings *settings, size_t index);

#endif
