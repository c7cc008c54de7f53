/* Two or more transports in one event loop over loopback, with handlers that write down what they were told. */
#ifndef RIG_H
#define RIG_H

#include <event2/event.h>

#include "settings/settings.h"
#include "support/certificates.h"
#include "transport/connection.h"

enum { RIG_SIDES_MAX = 4, RIG_FRAMES_MAX = 4096, RIG_TRANSFERS_MAX = 4 };

struct rig_frame { /* as it arrived */
    enum sl_frame_type type;
    uint32_t transfer; /* DATA */
    uint64_t offset;
    uint32_t length; /* DATA: tensor bytes; else of the payload */
};

struct rig_side {
    struct rig *rig;
    struct sl_identity *identity;
    struct sl_settings settings;
    struct sl_listener_setting listener;
    struct sl_transport *transport;
    struct sl_log log;
    struct sl_buffer lines; /* "warning peer refused peer=… reason=…" a line */
    uint64_t boot;
    uint16_t port;
    char address[32];

    struct sl_connection *up; /* the latest that is up */
    size_t ups, downs, failures, heard, alarms;
    char peer[SL_NAME_SIZE];
    size_t peer_addresses;
    enum sl_status failure;
    char failed_address[SL_ADDRESS_SIZE];
    char reason[512];
    bool leaving;
    bool down_inside_call; /* peer_down came from within a call of ours */
    bool in_call;
    struct rig_frame frames[RIG_FRAMES_MAX];
    size_t frame_count;
    uint8_t *into[RIG_TRANSFERS_MAX]; /* where transfer i goes; NULL: thrown away */
    uint64_t data_bytes;              /* of data_done */
    size_t offered;                   /* calls of `data` */

    /* What a test wants done inside a handler; NULL: nothing. */
    void (*on_up)(struct rig_side *side);
    void (*on_down)(struct rig_side *side);
    void (*on_data)(struct rig_side *side);
    enum sl_status (*on_control)(struct rig_side *side, struct sl_error *error);
};

struct rig {
    struct event_base *base;
    struct sl_test_flock flock;
    struct rig_side sides[RIG_SIDES_MAX];
    size_t count;
};

void rig_init(struct rig *rig);
void rig_finish(struct rig *rig);

/* Adds a side that listens on 127.0.0.1; identity is the rig's from now on. */
struct rig_side *rig_add_identity(struct rig *rig, struct sl_identity *identity, uint64_t boot);
struct rig_side *rig_add(struct rig *rig, const char *node, uint64_t boot); /* a good member */
/* Begins once more, with these options of its own: `resolve` may be NULL. */
void rig_restart(struct rig_side *side, uint64_t boot, const struct sl_resolve_function *resolve);
/* Begins once more: the mode in which it dials what no rule names, and that of its listener. */
void rig_set_modes(struct rig_side *side, enum sl_connection_security dials, enum sl_connection_security listens);
void rig_stop(struct rig_side *side); /* destroys its transport */

/* Two good members, alice (lower) and bob, not connected. */
void rig_init_pair(struct rig *rig);
/* The same, connected: alice has dialled. */
void rig_init_connected(struct rig *rig);
void rig_init_connected_by(struct rig *rig, enum sl_connection_security security);
/* The identity of the side `node` after a list has come that revokes both certificates of `revoked`. */
struct sl_identity *rig_identity_that_revoked(struct rig *rig, const char *node, const char *revoked);
void rig_dial(struct rig_side *from, const struct rig_side *to, const char *node);

/* Runs the loop until `*counter` is `value` at least; fails the test after some seconds. */
void rig_until(struct rig *rig, const size_t *counter, size_t value);
void rig_until_bytes(struct rig *rig, const uint64_t *counter, uint64_t value);
/* Until the transport has no connection left, not even a draining one. */
void rig_until_empty(struct rig_side *side);
/* A few turns of the loop, for what must not happen. */
void rig_turns(struct rig *rig, size_t turns);

/* Puts raw bytes behind what is queued, inside TLS: a peer that breaks the rules. */
void rig_inject(struct rig_side *side, const void *bytes, size_t length);
bool rig_logged(const struct rig_side *side, const char *text);
size_t rig_log_count(const struct rig_side *side, const char *text);
struct rig_side *rig_side_of(struct rig *rig, size_t index);

#endif
