/* A real node, "bob", on a thread of its own, and a peer made of nothing but the transport that joins it and says what
 * a test wants: the flock's other member, honest or not. It is "alice" mostly, the lower name, so that she decides. */
#ifndef TEST_NODE_PEER_H
#define TEST_NODE_PEER_H

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>

#include "crypto/digest.h"
#include "exchange/chunks.h"
#include "support/certificates.h"
#include "transport/transport.h"
#include <starling/node.h>

enum { PEER_ELEMENTS = 200000, PEER_TRANSFERS_MAX = 64 }; /* four chunks, the last is short */

struct peer {
    /* bob */
    const char *host; /* "bob", or what his like is called here */
    bool beside;      /* another one's flock, borrowed */
    bool guest;       /* the node and its settings are another one's, too */
    struct sl_test_flock flock;
    struct sl_settings *settings;
    struct sl_log log;
    char address[64]; /* where he listens */
    struct sl_node *node;
    pthread_t thread;
    atomic_bool over;
    atomic_size_t left_out; /* lines about statements that he left out */
    enum sl_status outcome;
    struct sl_error failure;

    /* alice */
    struct event_base *base;
    struct sl_identity *identity;
    struct sl_settings own;
    struct sl_transport *transport;
    struct sl_connection *connection; /* NULL: not connected */
    struct sl_credential *credential; /* bob's, of the last connection */
    size_t ups, downs, dial_failures;
    char reason[512]; /* of the last down */
    const char *name;
    uint64_t lineage;
    uint32_t next_transfer;
    struct sl_block *update; /* hers: PEER_ELEMENTS values of 1.0, in: */
    enum sl_payload_encoding encoding;

    /* what bob said, since the beginning */
    size_t frames[SL_FRAME_NEIGHBOUR + 1]; /* by type */
    uint64_t credit[PEER_TRANSFERS_MAX];
    uint64_t begin[PEER_TRANSFERS_MAX]; /* where the first credit begins */
    bool cancelled[PEER_TRANSFERS_MAX];
    size_t cancels;
    struct sl_manifest manifest; /* of his last update */
    uint32_t transfer;           /* of that */
    struct sl_digest digest;     /* alike */
    struct sl_statement *told;   /* alike, as he signed it */
    struct sl_digest own_digest; /* of the last manifest that was sent */
    size_t snapshots;
    struct sl_digest snapshot_digests[2]; /* of the manifests of the first two */
    uint64_t snapshot_bytes;              /* of the last one */
    size_t vouched;                       /* times that he said in a PROBE that he is there */
    size_t evidence_chain;                /* certificates in the last EVIDENCE */
    size_t bad_signatures;                /* of manifests, by the credential of their connection */
    struct sl_ready ready;
    struct sl_pass pass;
    struct sl_verdict verdict;
    struct sl_progress progress;
    float first;  /* of his last payload */
    uint64_t got; /* bytes of it */
    uint8_t *into;
};

/* Makes the flock, the peer of that name, and bob, with `round` (a JSON object without its braces) in his settings;
 * nothing runs yet. */
void peer_init(struct peer *peer, const char *name, const char *round, bool stream);
/* The same with node.journal. */
void peer_init_journal(struct peer *peer, const char *name, const char *round, const char *journal);
/* Both in a flock whose updates are in int8. */
void peer_init_int8(struct peer *peer, const char *name, const char *round, const char *journal);
/* bob leaves in good order and is destroyed; another one is created with his settings. */
void peer_stop_node(struct peer *peer);
void peer_create_again(struct peer *peer);
/* The same with another node than bob in the flock of another peer, whose node it joins; `more` is the object
 * "membership" of its settings (JSON without its braces, may be empty), for both. */
void peer_init_more(struct peer *peer, const char *name, const char *round, const char *more);
void peer_init_beside(struct peer *peer, const struct peer *other, const char *host, const char *round,
                      const char *more);
/* Another peer of the node that `other` made, which has to outlive it. */
void peer_init_guest(struct peer *peer, const struct peer *other, const char *name);
void peer_finish(struct peer *peer); /* asks bob to stop if he runs, waits for his end */

void peer_run_node(struct peer *peer);
void peer_connect(struct peer *peer); /* dials bob and waits until the connection stands */
/* Roster and progress: bob counts alice in and begins his first round. */
void peer_join(struct peer *peer);
/* What alice says of a member (of herself: that she is alive, with one sample, from round 1 on); signed and told. */
struct sl_member_statement peer_word(const struct peer *peer, const char *node);
void peer_say(struct peer *peer, const struct sl_member_statement *said);
struct sl_statement *peer_seal(const struct sl_identity *identity, const char *context, struct sl_bytes body);
void peer_tell_progress(struct peer *peer, uint64_t round, bool finished);

/* Runs alice's loop until the condition holds; fails the test after some seconds. */
#define PEER_UNTIL(peer, condition)                                                                                    \
    do {                                                                                                               \
        sl_time limit_ = sl_clock_monotonic() + 30 * SL_SECOND;                                                        \
        while (!(condition)) {                                                                                         \
            cr_assert_lt(sl_clock_monotonic(), limit_, "%s, last word: \"%s\"", #condition, (peer)->reason);           \
            peer_turn(peer);                                                                                           \
        }                                                                                                              \
    } while (0)
void peer_turn(struct peer *peer);
/* Waits for bob to end by himself or after a stop. */
enum sl_status peer_wait_node(struct peer *peer);

/* alice's manifest of a round, right in everything; the caller spoils what it wants. Finish with sl_manifest_finish. */
struct sl_manifest peer_describe(const struct peer *peer, uint64_t round, enum sl_payload_kind kind);
/* Signs and sends it under the next number, which it returns. */
uint32_t peer_send_manifest(struct peer *peer, const struct sl_manifest *manifest);
uint32_t peer_offer(struct peer *peer, uint64_t round); /* both at once */
void peer_send_data(struct peer *peer, uint32_t transfer, uint64_t offset, uint64_t length);
void peer_send_credit(struct peer *peer, uint32_t transfer, uint64_t until);
void peer_send_credit_from(struct peer *peer, uint32_t transfer, uint64_t from, uint64_t until);
void peer_send_verdict(struct peer *peer, enum sl_verdict_value value); /* on the last READY */
void peer_send(struct peer *peer, enum sl_frame_type type, const struct sl_buffer *payload);
void peer_send_evidence(struct peer *peer, struct sl_statement *statement);
void peer_send_ready(struct peer *peer, uint64_t round); /* of the manifests that were told last */
/* bob has to be gone from this connection, with a reason that contains `text`, and still be running. */
void peer_assert_refused(struct peer *peer, const char *text);
/* Takes bob's whole update, gives alice's, decides COUNT: an honest round. */
void peer_count(struct peer *peer, uint64_t round);
/* Of int8: bob's last payload is that of a model that his first one, copied by the caller, and alice's have joined as
 * differences. Were what joined them his update, what rounding had added to it would show, up to a scale. */
void peer_assert_joined(const struct peer *peer, const uint8_t *first);

#endif
