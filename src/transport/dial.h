/* One dial, from its first address to peer_up or dial_failed: what dialer.c, which is told what to dial, and dial.c,
 * which follows what becomes of it, share. */
#ifndef SL_TRANSPORT_DIAL_H
#define SL_TRANSPORT_DIAL_H

#include "transport/connection.h"
#include "transport/race.h"
#include "transport/resolver.h"

enum { SL_DIAL_REASON_SIZE = 512, SL_DIAL_NAMES_MAX = SL_ADDRESSES_MAX };

/* One address as it was given. */
struct sl_dial_name {
    struct sl_dial *dial;
    struct sl_address target;
    struct sl_lookup *lookup; /* NULL: not under way */
};

struct sl_dial {
    struct sl_dial *previous, *next;
    struct sl_transport *transport;
    char node[SL_NAME_SIZE];
    char address[SL_ADDRESS_SIZE]; /* the first that was given, in canonical form: what the dial is called */
    struct sl_dial_name names[SL_DIAL_NAMES_MAX];
    size_t count, looking_up;
    struct sl_race race;
    struct sl_connection *connection; /* the winner, until READY or over */
    size_t winner;                    /* its name */
    bool hopeless;                    /* no other address helps */
    enum sl_status status;
    char reason[SL_DIAL_REASON_SIZE];
};

/* Not known to the transport before sl_dial_link. NULL: out of memory. */
struct sl_dial *sl_dial_create(struct sl_transport *transport, const char *node);
void sl_dial_link(struct sl_dial *dial);
void sl_dial_destroy(struct sl_dial *dial); /* a linked one */

/* What dial_failed is to say, unless something is known that says more. */
void sl_dial_note_failure(struct sl_dial *dial, enum sl_status status, const char *reason);
/* Nothing is tried any more; dial_failed follows from the loop. */
void sl_dial_give_up(struct sl_dial *dial, enum sl_status status, const char *reason);
/* From the loop: tries what is left. */
void sl_dial_go_on(struct sl_dial *dial);
/* From the loop: frees it, then calls dial_failed. */
void sl_dial_finish_failed(struct sl_dial *dial);

#endif
