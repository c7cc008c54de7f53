/* What would fail if a node with these settings started now: looked at before the run, and without disturbing one. */
#ifndef STARLING_PREFLIGHT_H
#define STARLING_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <starling/error.h>
#include <starling/identity.h>
#include <starling/settings.h>

enum sl_finding_level {
    SL_FINDING_OK,
    SL_FINDING_WARNING, /* a node would run, but somebody should know */
    SL_FINDING_FAILURE
};

struct sl_finding {
    enum sl_finding_level level;
    const char *what;   /* a setting, "transport.listen[0]", or what was looked at: "settings", "clock" */
    const char *detail; /* one line, part of which a peer may have said */
    const char *advice; /* what to do; "" nothing */
};

struct sl_preflight_options {
    const char *file; /* the settings */
    const struct sl_override *overrides;
    size_t override_count;
    const struct sl_prompt *prompt; /* who is asked for the passphrase of a key; NULL: nobody */
    bool offline;                   /* dial nobody */
    double timeout;                 /* s, how long a peer may take; 0: 10 */
    void *context;
    void (*found)(void *context, const struct sl_finding *finding); /* borrowed for the call */
};

struct sl_preflight_counts {
    unsigned good, warnings, failures;
};

/* Looks at the settings, the files and folders that they name, permissions, certificates, dates and clock, whether the
 * addresses can be listened on, the data and what would train on it; then dials each address of membership.join and of
 * transport.peers as the node would, each in its mode, and tells who is there. A peer admits it or says why not, and
 * closes: nothing changes for it, and the node of this name that it may be connected with stays. Nothing is written.
 *
 * SL_OK: all was looked at, whatever was found. An address that cannot be reached is a failure where no other one of
 * membership.join answers, else a warning; a peer that refuses, or is refused, is a failure. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_preflight(const struct sl_preflight_options *options,
                                                  struct sl_preflight_counts *counts, struct sl_error *error);

/* "ok | WARN | FAIL  what: detail (advice)", or an object of JSON with level ("ok", "warning", "failure"), what, detail
 * and advice, in one line without control characters. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_finding_write(const struct sl_finding *finding, FILE *out, bool json);

#endif
