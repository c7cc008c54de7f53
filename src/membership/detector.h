/* Finds out who is gone: SWIM's failure detector (Das, Gupta, Motivala, DSN 2002) with Lifeguard's local health and
 * accusers that hasten a drop (Dadgar, Phillips, Currey, DSN-W 2018). Pure: events and the time go in, actions come
 * out. It knows members by numbers that the caller gives them, costs memory only for those that it probes or suspects,
 * and is the same code in a node and in `starling simulate membership`.
 *
 * Probing. Once a period one of the candidates, in an order that is drawn anew each time all had their turn, is pinged;
 * any frame from it is an answer. One without a connection, or that has not answered after DIRECT of the period, is
 * probed through up to SL_DETECTOR_HELPERS others. A period without any answer is a failed one; the next begins at
 * once, and asks twice as many. After two of them, and `suspect_after` since the first began, the member is accused
 * (SUSPECT). That the second looks harder is what keeps a big flock quiet where messages are lost: each wrong
 * accusation and what refutes it goes to everybody, so they must become rarer as the flock grows. With a tenth of the
 * messages lost a period of three helpers fails for 0.8 % of the living, one of six for 0.03 %.
 *
 * Suspicion. It ends in DROP unless it is cleared before. With n members it lasts, C accusers beside the first being
 * known of at most K = min(3, n − 2),
 *
 *     max(low, high − (high − low) · ln(C + 1) / ln(K + 1)),   low = drop_after · max(1, log10 n), high = 3 · low
 *
 * (Lifeguard, section III.B), and low where K = 0. Who hears that a candidate of its own is suspected probes it, some 8
 * in the flock do, so that accusers come forth soon. Who hears the suspect itself leaves the drop to others.
 *
 * Local health h = 0 … 8 stretches the periods by 1 + h: it rises when helpers don't even say that they got no answer,
 * when this node finds itself accused, and when it finds that it has slept; each probe that ends well lowers it.
 * While this process does not run, nobody else's time passes: what was due meanwhile is put off. */
#ifndef SL_MEMBERSHIP_DETECTOR_H
#define SL_MEMBERSHIP_DETECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <starling/error.h>

#include "base/clock.h"
#include "base/random.h"

enum { SL_DETECTOR_HELPERS = 3, SL_DETECTOR_HELPERS_MOST = 6, SL_DETECTOR_ACCUSERS = 4, SL_DETECTOR_HEALTH_MAX = 8 };

struct sl_detector_options {
    uint32_t self;                                   /* its number */
    sl_time probe_period, suspect_after, drop_after; /* all > 0 */
    uint64_t seed, stream;                           /* of the orders and choices */
};

enum sl_detector_action_type {
    SL_DETECTOR_PING,    /* member; without a connection with it, which only happens for others: by one */
    SL_DETECTOR_ASK,     /* peer is to probe `member` */
    SL_DETECTOR_ANSWER,  /* peer had asked for `member`, which answers or not */
    SL_DETECTOR_RELINK,  /* member lives, but its connection does not: end it */
    SL_DETECTOR_SUSPECT, /* member: this node accuses it, or joins its accusers */
    SL_DETECTOR_DROP     /* member; the detector has forgotten it */
};
struct sl_detector_action {
    enum sl_detector_action_type type;
    uint32_t member, peer;
    bool answers;
};

struct sl_detector_candidate;
struct sl_detector_probe;
struct sl_detector_favour;
struct sl_suspicion;

/* Embedded. Only `actions` and `action_count` are the caller's to read; it sets the count to 0 when it is done. */
struct sl_detector {
    struct sl_detector_action *actions;
    size_t action_count, action_capacity;

    struct sl_detector_options options;
    struct sl_random random;
    struct sl_detector_candidate *candidates; /* those before `turn` had their turn */
    size_t candidate_count, candidate_capacity, turn;
    struct sl_detector_probe *probes;
    size_t probe_count, probe_capacity;
    struct sl_detector_favour *favours; /* probes that others asked for */
    size_t favour_count, favour_capacity;
    struct sl_suspicion *suspicions;
    size_t suspicion_count, suspicion_capacity;
    sl_time tick; /* next regular probe */
    sl_time due;  /* what was answered by sl_detector_next */
    unsigned health;
};

void sl_detector_init(struct sl_detector *detector, const struct sl_detector_options *options, sl_time now);
void sl_detector_finish(struct sl_detector *detector);

/* Each may fail with SL_NO_MEMORY: then nothing has changed. */

/* `member` is to be probed from now on, over a connection (linked) or through others alone. Also when that changes. */
SL_MUST_USE enum sl_status sl_detector_watch(struct sl_detector *detector, uint32_t member, bool linked, sl_time now);
/* Probes a candidate at once: its connection has ended, or others suspect it. */
SL_MUST_USE enum sl_status sl_detector_check(struct sl_detector *detector, uint32_t member, sl_time now);
/* Not any more; a suspicion against it stands. */
void sl_detector_unwatch(struct sl_detector *detector, uint32_t member);
/* Any frame came from it. */
void sl_detector_heard(struct sl_detector *detector, uint32_t member, sl_time now);
/* A helper says that it answers, or not; of no effect from one that was not asked. */
void sl_detector_vouched(struct sl_detector *detector, uint32_t member, uint32_t helper, bool answers);
/* `asker` wants to know whether `member` answers: an ANSWER follows within half a period, unless too many
 * ask, or this one too much or twice. */
SL_MUST_USE enum sl_status sl_detector_asked(struct sl_detector *detector, uint32_t member, uint32_t asker,
                                             sl_time now);
/* `accuser` says that it is suspect. False: this one was known, or enough are. */
SL_MUST_USE enum sl_status sl_detector_accused(struct sl_detector *detector, uint32_t member, uint32_t accuser,
                                               sl_time now, bool *counts);
bool sl_detector_is_probed(const struct sl_detector *detector, uint32_t member); /* now */
/* This node has found out for itself that it does not answer, or is about to. */
bool sl_detector_doubts(const struct sl_detector *detector, uint32_t member);
/* The suspicion is void: refuted, or the member is gone for another reason. */
void sl_detector_clear(struct sl_detector *detector, uint32_t member);
/* This node itself was accused. */
void sl_detector_doubted(struct sl_detector *detector);
/* What is due. `members`: how many there are, self included. */
SL_MUST_USE enum sl_status sl_detector_step(struct sl_detector *detector, size_t members, sl_time now);
/* When to step again; SL_NEVER: nothing is watched or suspected. */
sl_time sl_detector_next(struct sl_detector *detector, size_t members);

#endif
