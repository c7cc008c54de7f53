/* The node's side of its journal (journal/journal.h): which payloads and models are kept, a record of the rounds after
 * each step that promises something, and the actions that wait until that record is safe.
 *
 * A *kept* thing is a slot with what it holds. It is made with node_kept_take, written by workers beside the work that
 * they do on the bytes anyway, and sealed; from then on a record can name it. It lives as long as somebody in memory or
 * the last record needs it. Where no journal is kept (node.journal "none", mix.stream, a disk that failed) there are no
 * kept things: node_kept_take gives NULL, which all the others accept.
 *
 * What a slot's digest is of: a payload or model, SHA-256 over the SHA-256s of its chunks; an optimiser's state, a
 * chain over its parts. Loop's thread, but where it says otherwise. */
#ifndef SL_NODE_KEEPER_H
#define SL_NODE_KEEPER_H

#include <stdatomic.h>

#include "exchange/chunks.h"
#include "journal/journal.h"
#include "round/round.h"

struct sl_node;
struct node_keeper;
struct sl_learner;

struct node_kept {
    struct node_keeper *keeper;
    unsigned references; /* of memory */
    bool is_listed;      /* sealed: a record may name it */
    bool is_named;       /* by the last record */
    enum sl_kept_kind kind;
    char origin[SL_NAME_SIZE];
    uint64_t round;
    struct sl_digest digest;   /* UPDATE: of the manifest */
    struct sl_buffer manifest; /* UPDATE: its bytes */
    struct sl_slot *slot;
    struct sl_block *block; /* after a restart, until memory has taken it over: what the slot holds */
    atomic_flag failing;
    struct sl_error error; /* of the first write that failed */
    struct node_kept *next;
};

/* A durable action, and the record that it waits for. */
struct node_waiting {
    uint64_t record;
    struct sl_round_action action;
};

struct flush_job;
struct node_keeper {
    struct sl_journal *journal; /* NULL only while the node is put together or taken apart */
    bool on;                    /* records are written */
    bool resumed;               /* the lineage of an earlier process goes on */
    struct flush_job *flush;    /* under way; NULL: none is. Its memory is ours where the loop never ends it */
    uint64_t appended, flushed; /* records; flushed UINT64_MAX: nothing waits any more */
    struct sl_buffer last;      /* the body of the last record, and its slots */
    struct sl_buffer last_slots;
    struct node_kept *kept;    /* all that are listed */
    struct node_kept *model;   /* of the last round that was mixed; NULL: an update stands for it */
    struct node_kept *trained; /* what the own update was made of, where that is not its bytes; else NULL */
    struct node_kept *state, *former_state; /* of the last training, and of the one before */
    struct node_waiting *waiting;
    size_t waiting_count, waiting_capacity;
};

/* ---- kept.c ---- */

/* One reference. NULL: nothing is kept, or there is no room, and the journal was given up. */
struct node_kept *node_kept_take(struct sl_node *node, enum sl_kept_kind kind, const char *origin, uint64_t round,
                                 uint64_t bytes);
/* Another kept thing in the same slot, which is sealed: nothing is written twice. Listed unless it is an UPDATE, which
 * needs its manifest first. */
struct node_kept *node_kept_alias(struct sl_node *node, struct node_kept *of, enum sl_kept_kind kind,
                                  const char *origin, uint64_t round);
/* What a record says of a slot of it; not listed. NULL: out of memory. */
struct node_kept *node_kept_adopt(struct sl_node *node, const struct sl_kept *said, struct sl_slot *slot);
struct node_kept *node_kept_ref(struct node_kept *kept);
void node_kept_unref(struct node_kept *kept);
/* Any thread, disjoint ranges at once. A failure shows at the seal. */
void node_kept_write(struct node_kept *kept, const void *data, size_t length, uint64_t offset);
/* Writes all of a model and gives the digest for its seal. Any thread. */
void node_kept_write_model(struct node_kept *kept, const struct sl_chunks *chunks, const void *data,
                           struct sl_digest *digest);
/* SHA-256 over the digests of `count` chunks. */
void node_kept_digest(struct sl_digest *out, const void *chunk_digests, size_t count);
/* The next link of a chain that begins with zeros: SHA-256 over the former one and the bytes. */
void node_chain_digest(struct sl_digest *digest, const void *data, size_t length);
/* Seals it on a worker and lists it (an UPDATE: only once node_kept_describe was called, before or after), then calls
 * `then`, whatever came of it: at once where nothing is kept. Where the disk failed, the journal is given up before. */
void node_kept_seal(struct sl_node *node, struct node_kept *kept, const struct sl_digest *digest,
                    void (*then)(struct sl_node *node, void *context), void *context);
/* The same at once, on this thread. */
void node_kept_seal_now(struct sl_node *node, struct node_kept *kept, const struct sl_digest *digest);
/* What an update is: its manifest's bytes, copied, and their digest. */
void node_kept_describe(struct sl_node *node, struct node_kept *kept, struct sl_bytes manifest,
                        const struct sl_digest *digest);
void node_kept_list(struct node_kept *kept); /* sealed and described */
struct node_kept *node_kept_find_update(const struct sl_node *node, const uint8_t digest[SL_WIRE_DIGEST_SIZE]);
void node_kept_collect(struct node_keeper *keeper); /* lets go what neither memory nor the last record needs */

/* The optimiser's state of a round: written and sealed, on the thread that has the learner. */
void node_kept_write_state(struct node_kept *kept, struct sl_learner *learner);
/* It is that of the newest training; takes the reference over. */
void node_keeper_set_state(struct sl_node *node, struct node_kept *state);
/* The newest of a training of that round or before; NULL: none. */
struct node_kept *node_keeper_state_of(const struct node_keeper *keeper, uint64_t round);
/* What the own update was made of, NULL: nothing beside it; takes the reference over. */
void node_keeper_set_trained(struct sl_node *node, struct node_kept *trained);
/* The model after a round; takes the reference over. */
void node_keeper_set_model(struct sl_node *node, struct node_kept *model);

/* ---- keeper.c ---- */

/* After a step: appends a record where the actions say so. The record that its durable actions wait for; 0: none. */
uint64_t node_keep(struct sl_node *node, const struct sl_round_actions *actions);
/* True: the action is carried out later. */
bool node_keeper_must_wait(struct sl_node *node, const struct sl_round_action *action, uint64_t record);
void node_keeper_flush(struct sl_node *node);
/* No more records: the lineage ends with this process. What waits is said when that is on the disk. */
void node_keeper_give_up(struct sl_node *node, const struct sl_error *error);
/* The end in good order. Of a node that was told to stop in the midst of the run the last record stays, for the next
 * start to go on from; else that one begins anew. Waits for the disk. */
void node_keeper_end(struct sl_node *node);
/* Lets all kept things go that only the keeper itself has. */
void node_keeper_forget(struct node_keeper *keeper);
void node_keeper_finish(struct node_keeper *keeper);

/* ---- load.c ---- */

/* The slot's bytes, and the digests of its chunks, as they are now. NULL: they are not that many, cannot be read, or
 * there is no memory. While the node is put together: waits for all jobs of the pool. */
struct sl_block *node_load_slot(struct sl_node *node, struct sl_slot *slot, const struct sl_chunks *chunks,
                                struct sl_digest *digests);

/* ---- recover.c ---- */

/* Of an earlier process. */
struct node_restored {
    struct sl_bytes state; /* of the rounds */
    const uint8_t (*held)[SL_WIRE_DIGEST_SIZE];
    size_t held_count;
    uint64_t model_round;
};
/* Opens the journal of the state folder and creates the round machine: where the record of an earlier process ends, or
 * anew, then with the model that the node has. node->lineage is known then. */
SL_MUST_USE enum sl_status node_start_rounds(struct sl_node *node, struct sl_error *error);
/* The machine has taken up what waited. */
void node_recovered(struct sl_node *node);

#endif
