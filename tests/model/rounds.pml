/* How both ends of an edge agree that it counted: the protocol of docs/protocol.md, "Rounds", for spin.
 *
 * NODES nodes (2 or 3) play ROUNDS rounds with each other. Messages are sets of bits: what was sent may be received at
 * any time, in any order and any number of times, or be lost. Each d_step is one event of the round machine in
 * src/round; what it says waits in the outbox until a flush has put the machine's state on disk. A deadline may pass at
 * any time, so may a crash. What happens to an edge is the table of edge_table.h; traces of the C machine are held
 * against the same one.
 *
 * Proved, D being the lower node of a pair, which decides, and F the one that follows:
 *     after every event     F counted => D counted; D counted => F counted, is BOUND or PENDING, or wrote it off;
 *                           nothing twice; nobody signs two updates in one round
 *     when all has happened all nodes are through, nothing is PENDING, both ends agree on every edge
 * and, by a search of its own (-DNP), that no cycle lets the nodes go on for ever without getting there.
 *
 * How often, 0 where not given: CRASHES (the disk stays), DISKS (a disk is lost), DEATHS (for good), LOSSES (messages),
 * WRITE_OFFS. And: VIEWS (the ends differ about who is listed), RETRAIN (an update that was signed is lost in a crash,
 * and training gives another one), LAZY (a flush may come unasked), PACE (a round is entered when half of the live are
 * in the one before), PATIENT (no deadline: then every edge must count), AT_ONCE (a flush takes no time), PENDING_MAX.
 * The wrong protocols, M_..., are named in searches.py: this must find what is wrong with each. */

#ifndef NODES
#define NODES 2
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef DISKS
#define DISKS 0
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef LOSSES
#define LOSSES 0
#endif
#ifndef WRITE_OFFS
#define WRITE_OFFS 0
#endif
#ifndef PENDING_MAX
#define PENDING_MAX NODES
#endif

/* Phases of a node. */
#define TRAIN    0
#define EXCHANGE 1
#define GATHER   2 /* between two rounds: the last one is closed */
#define THROUGH  3 /* after its last round; it still answers */
#define DOWN     4

/* States of an edge of the current round. PENDING ones are of an earlier round and kept beside them. */
#define NONE    0
#define OPEN    1
#define BOUND   2
#define COUNTED 3

/* ---- what messages name: numbers, and their bits in sets ---- */

#if DISKS > 0
#define LINEAGES 2 /* of a node: 0, and 1 after its disk was lost */
#else
#define LINEAGES 1
#endif
#ifdef RETRAIN
#define VERSIONS 2 /* of an update: 0, and 1 where it was trained again with another result */
#else
#define VERSIONS 1
#endif
#define UPDATES       (LINEAGES * VERSIONS)
#define VERDICT_WIDTH (LINEAGES * LINEAGES)
#define READY_WIDTH   (UPDATES * UPDATES)

/* A manifest names lineage and version of an update; a verdict the round and both lineages; READY also both versions:
 * that is one edge. */
#define UPDATE(l, v)     ((l) * VERSIONS + (v))
#define LINEAGE_OF(u)    ((u) / VERSIONS)
#define VERSION_OF(u)    ((u) % VERSIONS)
#define ASKED(t, ld, lf) ((((t) - 1) * LINEAGES + (ld)) * LINEAGES + (lf))
#define ONE(t, ud, uf) \
    ((ASKED(t, LINEAGE_OF(ud), LINEAGE_OF(uf)) * VERSIONS + VERSION_OF(ud)) * VERSIONS + VERSION_OF(uf))

#define MANIFEST(t, u)  (1 << (((t) - 1) * UPDATES + (u)))
#define READY(one)      (1 << (one))
#define READIES(asked)  (((1 << (VERSIONS * VERSIONS)) - 1) << ((asked) * VERSIONS * VERSIONS))
#define VERDICT(one)    (1 << ((one) / (VERSIONS * VERSIONS)))
#define OF_ROUND(t, width) (((1 << (width)) - 1) << (((t) - 1) * (width)))

/* ---- state of a node, and of its end of each edge ---- */

#define E(node, peer) ((node) * NODES + (peer))

#if ROUNDS * LINEAGES * LINEAGES * VERSIONS * VERSIONS <= 8
#define SET byte
#elif ROUNDS * LINEAGES * LINEAGES * VERSIONS * VERSIONS <= 15
#define SET short
#else
#define SET int
#endif

byte round[NODES], phase[NODES], lineage[NODES];
byte signed_in[NODES]; /* the last round that it signed an update of, in this lineage; 0: none */
bit version[NODES];    /* of that update */
byte edge[NODES * NODES], whole[NODES * NODES]; /* whole: 1 + the peer's update, 0: not here */
byte last_counted[NODES * NODES]; /* D: the round and F's lineage, 0: none */
byte pending[NODES * NODES];      /* F: 1 + the edge, 0: none */

byte disk_round[NODES], disk_phase[NODES], disk_signed_in[NODES];
bit disk_version[NODES];
byte disk_edge[NODES * NODES], disk_whole[NODES * NODES], disk_last_counted[NODES * NODES], disk_pending[NODES * NODES];

/* The edges that are in a node's model, or surely will be, and those that its ledger has as written off. The protocol
 * does not read them; what is proved speaks of them. */
SET counted[NODES * NODES], disk_counted[NODES * NODES];
#if DISKS > 0 || WRITE_OFFS > 0
#define LEDGER
SET written_off[NODES * NODES], disk_written_off[NODES * NODES];
#endif

/* Messages under way from the first to the second, and those that wait for a flush. */
SET manifest[NODES * NODES], ready[NODES * NODES], count[NODES * NODES], voided[NODES * NODES];
SET out_manifest[NODES * NODES], out_ready[NODES * NODES], out_count[NODES * NODES], out_voided[NODES * NODES];
#if DISKS > 0
SET gone[NODES * NODES];
#endif
bit owes[NODES]; /* something is in its outbox */

byte crashes = CRASHES, disks = DISKS, deaths = DEATHS, losses = LOSSES, write_offs = WRITE_OFFS;
hidden byte k; /* within one event */

#define IS_UP(n)   (phase[n] != DOWN)
#define IS_OPEN(n) (phase[n] == TRAIN || phase[n] == EXCHANGE)
#define OWN(n)     UPDATE(lineage[n], version[n])
#define THEIRS(e)  (whole[e] - 1)

/* ---- the words of the table ---- */

#define IS_D(n, p) ((n) < (p))
#define IS_F(n, p) ((n) > (p))

#define FROM_OPEN(n, p)    (edge[E(n, p)] == OPEN)
#define FROM_BOUND(n, p)   (edge[E(n, p)] == BOUND)
#define FROM_COUNTED(n, p) (edge[E(n, p)] == COUNTED)
#define FROM_PENDING(n, p) (pending[E(n, p)] != 0)

/* Which edge it is: of the current round, or pending. */
#define CURRENT(n, p) \
    (IS_D(n, p) -> ONE(round[n], OWN(n), THEIRS(E(n, p))) : ONE(round[n], THEIRS(E(n, p)), OWN(n)))
#define WHICH_OPEN(n, p)    CURRENT(n, p)
#define WHICH_BOUND(n, p)   CURRENT(n, p)
#define WHICH_PENDING(n, p) (pending[E(n, p)] - 1)

#define GO_OPEN_COUNTED(n, p)    edge[E(n, p)] = COUNTED
#define GO_OPEN_BOUND(n, p)      edge[E(n, p)] = BOUND
#define GO_OPEN_NONE(n, p)       edge[E(n, p)] = NONE
#define GO_BOUND_COUNTED(n, p)   edge[E(n, p)] = COUNTED
#define GO_BOUND_NONE(n, p)      edge[E(n, p)] = NONE
#define GO_BOUND_BOUND(n, p)     skip
#define GO_COUNTED_NONE(n, p)    edge[E(n, p)] = NONE
#define GO_PENDING_NONE(n, p)    pending[E(n, p)] = 0
#define GO_PENDING_PENDING(n, p) skip
#if defined(M_COUNT_ON_SILENCE)
#define GO_BOUND_PENDING(n, p) edge[E(n, p)] = NONE; counted[E(n, p)] = counted[E(n, p)] | READY(CURRENT(n, p))
#elif defined(M_VOID_ON_SILENCE)
#define GO_BOUND_PENDING(n, p) edge[E(n, p)] = NONE
#else
#define GO_BOUND_PENDING(n, p) edge[E(n, p)] = NONE; pending[E(n, p)] = 1 + CURRENT(n, p)
#endif

/* What is said waits for a flush, but for GONE (that lineage ended: nothing to flush). Wrong protocols do not wait. */
#define PUT(box, n, p, bits)     out_##box[E(n, p)] = out_##box[E(n, p)] | (bits); owes[n] = 1
#define SEND(box, n, p, bits)    box[E(n, p)] = box[E(n, p)] | (bits)
#define IS_SAID(box, n, p, bits) (((box[E(n, p)] | out_##box[E(n, p)]) & (bits)) != 0)
#define SAY_MANIFEST(n, p)       PUT_MANIFEST(n, p, MANIFEST(round[n], OWN(n)))
#define TELL_COUNT(n, p, bits)   PUT_COUNT(n, p, bits)
#define TELL_VOID(n, p, bits)    PUT_VOID(n, p, bits)
#if DISKS > 0
#define TELL_GONE(n, p, bits)    SEND(gone, n, p, bits)
#else
#define TELL_GONE(n, p, bits)    skip
#endif
#ifdef M_MANIFEST_UNFLUSHED
#define PUT_MANIFEST(n, p, bits) SEND(manifest, n, p, bits)
#else
#define PUT_MANIFEST(n, p, bits) PUT(manifest, n, p, bits)
#endif
#ifdef M_READY_UNFLUSHED
#define PUT_READY(n, p, bits) SEND(ready, n, p, bits)
#else
#define PUT_READY(n, p, bits) PUT(ready, n, p, bits)
#endif
#ifdef M_COUNT_UNFLUSHED
#define PUT_COUNT(n, p, bits) SEND(count, n, p, bits)
#else
#define PUT_COUNT(n, p, bits) PUT(count, n, p, bits)
#endif
#if defined(M_UNANSWERED)
#define PUT_VOID(n, p, bits) ready[E(p, n)] = 0
#elif defined(M_VOID_UNFLUSHED)
#define PUT_VOID(n, p, bits) SEND(voided, n, p, bits)
#else
#define PUT_VOID(n, p, bits) PUT(voided, n, p, bits)
#endif

#define SAY_READY_BOUND(n, p)     PUT_READY(n, p, READY(CURRENT(n, p)))
#if defined(M_COUNT_ON_SILENCE) || defined(M_VOID_ON_SILENCE)
#define SAY_READY_PENDING(n, p)   skip
#else
#define SAY_READY_PENDING(n, p)   PUT_READY(n, p, READY(WHICH_PENDING(n, p)))
#endif
#define SAY_COUNT_COUNTED(n, p)   TELL_COUNT(n, p, VERDICT(CURRENT(n, p)))
#define SAY_NOTHING_NONE(n, p)    skip
#define SAY_NOTHING_COUNTED(n, p) skip

#define JOIN(n, p, one) \
    assert(!(counted[E(n, p)] & READY(one))); counted[E(n, p)] = counted[E(n, p)] | READY(one)
#ifdef LEDGER
#define LEDGER_LINE(n, p, one) written_off[E(n, p)] = written_off[E(n, p)] | READY(one)
#endif

/* When an event may happen to an edge, and what it does beside its state. */
#define COUNTED_IN(t, lf)       ((t) * LINEAGES + (lf))
#define MAY_DECIDE(n, p, one)   (phase[n] == EXCHANGE && whole[E(n, p)] != 0 && (ready[E(p, n)] & READY(one)))
#define DO_DECIDE(n, p, one) \
    JOIN(n, p, one); last_counted[E(n, p)] = COUNTED_IN(round[n], LINEAGE_OF(THEIRS(E(n, p))))
#define IS_PENDING(n, p)        (pending[E(n, p)] != 0)
#ifdef M_TWO_UNDECIDED
#define HAS_PLACE(n, p) true
#else
#define IS_UNDECIDED(n, p) (IS_PENDING(n, p) || edge[E(n, p)] == BOUND)
#define HAS_PLACE(n, p) (!IS_PENDING(n, p) && SUM(n, IS_UNDECIDED) < PENDING_MAX)
#endif
#define MAY_PROMISE(n, p, one)  (phase[n] == EXCHANGE && whole[E(n, p)] != 0 && HAS_PLACE(n, p))
#define DO_PROMISE(n, p, one)   skip
#ifdef VIEWS
#define MAY_REFUSE(n, p, one)   IS_OPEN(n)
#else
#define MAY_REFUSE(n, p, one)   false
#endif
#define DO_REFUSE(n, p, one)    skip
#define MAY_HEAR_COUNT(n, p, one) (IS_UP(n) && (count[E(p, n)] & VERDICT(one)))
#define DO_HEAR_COUNT(n, p, one)  JOIN(n, p, one)
#define MAY_HEAR_VOID(n, p, one)  (IS_UP(n) && (voided[E(p, n)] & VERDICT(one)))
#define DO_HEAR_VOID(n, p, one)   skip
#if DISKS > 0
#define MAY_HEAR_GONE(n, p, one)  (IS_UP(n) && (gone[E(p, n)] & VERDICT(one)))
#define DO_HEAR_GONE(n, p, one)   LEDGER_LINE(n, p, one)
#else
#define MAY_HEAR_GONE(n, p, one)  false
#define DO_HEAR_GONE(n, p, one)   skip
#endif
#if WRITE_OFFS > 0
#define MAY_WRITE_OFF(n, p, one)  (IS_UP(n) && write_offs > 0)
#define DO_WRITE_OFF(n, p, one)   write_offs--; LEDGER_LINE(n, p, one)
#else
#define MAY_WRITE_OFF(n, p, one)  false
#define DO_WRITE_OFF(n, p, one)   skip
#endif
#ifdef M_NO_REPETITION
#define MAY_REPEAT(n, p, one)   false
#else
#define MAY_REPEAT(n, p, one)   (IS_UP(n) && !IS_SAID(ready, n, p, READY(one)))
#endif
#define DO_REPEAT(n, p, one)    skip

/* READY about round t by F, of which D knows: */
#ifdef M_HEIR
#define IS_MINE(n, ld)          true
#else
#define IS_MINE(n, ld)          (lineage[n] == (ld))
#endif
#define IS_LAST(n, p, t, lf)    (last_counted[E(n, p)] == COUNTED_IN(t, lf))
#define IS_PAST(n, p, t)        (t < round[n] || (t == round[n] && !(IS_OPEN(n) && edge[E(n, p)] == OPEN)))
#define BIT(t, ld, lf)          (1 << ASKED(t, ld, lf))
#define MAY_ASK_COUNTED(n, p, t, ld, lf) \
    (IS_MINE(n, ld) && IS_LAST(n, p, t, lf) && !IS_SAID(count, n, p, BIT(t, ld, lf)))
#define MAY_ASK_CLOSED(n, p, t, ld, lf) \
    (IS_MINE(n, ld) && !IS_LAST(n, p, t, lf) && IS_PAST(n, p, t) && !IS_SAID(voided, n, p, BIT(t, ld, lf)))
#if DISKS > 0
#define MAY_ASK_GONE(n, p, t, ld, lf) (!IS_MINE(n, ld) && !(gone[E(n, p)] & BIT(t, ld, lf)))
#else
#define MAY_ASK_GONE(n, p, t, ld, lf) false
#endif

/* Over all nodes, or all ends of a node. */
#define SUM(n, test)  (test(n, 0) + test(n, 1) + (NODES > 2 && test(n, NODES - 1)))
#define ALL(n, test)  (test(n, 0) && test(n, 1) && test(n, NODES - 1))

/* ---- disk ---- */

inline forget_outbox() {
    for (k : 0 .. NODES - 1) {
        out_manifest[E(me, k)] = 0;
        out_ready[E(me, k)] = 0;
        out_count[E(me, k)] = 0;
        out_voided[E(me, k)] = 0;
    }
    owes[me] = 0
}

inline flush() {
    disk_round[me] = round[me];
    disk_phase[me] = phase[me];
    disk_signed_in[me] = signed_in[me];
    disk_version[me] = version[me];
    for (k : 0 .. NODES - 1) {
        disk_edge[E(me, k)] = edge[E(me, k)];
        disk_whole[E(me, k)] = whole[E(me, k)];
        disk_last_counted[E(me, k)] = last_counted[E(me, k)];
        disk_pending[E(me, k)] = pending[E(me, k)];
        disk_counted[E(me, k)] = counted[E(me, k)];
#ifdef LEDGER
        disk_written_off[E(me, k)] = written_off[E(me, k)];
#endif
        manifest[E(me, k)] = manifest[E(me, k)] | out_manifest[E(me, k)];
        ready[E(me, k)] = ready[E(me, k)] | out_ready[E(me, k)];
        count[E(me, k)] = count[E(me, k)] | out_count[E(me, k)];
        voided[E(me, k)] = voided[E(me, k)] | out_voided[E(me, k)];
    }
    forget_outbox()
}

inline restart_from_disk() {
    round[me] = disk_round[me];
    phase[me] = disk_phase[me];
    signed_in[me] = disk_signed_in[me];
    version[me] = disk_version[me];
    for (k : 0 .. NODES - 1) {
        edge[E(me, k)] = disk_edge[E(me, k)];
        whole[E(me, k)] = disk_whole[E(me, k)];
        last_counted[E(me, k)] = disk_last_counted[E(me, k)];
        pending[E(me, k)] = disk_pending[E(me, k)];
        counted[E(me, k)] = disk_counted[E(me, k)];
#ifdef LEDGER
        written_off[E(me, k)] = disk_written_off[E(me, k)];
#endif
    }
    forget_outbox()
}

/* The manifest is on disk, the update is not: it has to be trained again. */
inline lose_update() {
    for (k : 0 .. NODES - 1) {
        whole[E(me, k)] = 0
    }
    phase[me] = TRAIN
}

/* The lineage ends, a new one begins in round t, with a model of others. What the model had of old edges stays in
 * `counted`, to be proved about. */
inline lose_disk(t) {
    lineage[me] = 1;
    signed_in[me] = 0;
    version[me] = 0;
    for (k : 0 .. NODES - 1) {
        last_counted[E(me, k)] = 0;
        pending[E(me, k)] = 0;
    }
    forget_outbox();
    enter(t);
    flush()
}

#ifdef AT_ONCE
#define DONE if :: owes[me] -> flush() :: else fi; k = 0
#else
#define DONE skip
#endif

/* ---- rounds ---- */

inline enter(t) {
    round[me] = t;
    for (k : 0 .. NODES - 1) {
        edge[E(me, k)] = (k == me -> NONE : OPEN);
        whole[E(me, k)] = 0;
    }
    phase[me] = TRAIN
}

inline publish(v) {
    version[me] = v;
    signed_in[me] = round[me];
    for (k : 0 .. NODES - 1) {
        if
        :: edge[E(me, k)] == OPEN -> SAY_MANIFEST(me, k)
        :: else
        fi
    }
    phase[me] = EXCHANGE
}

#ifdef M_CONFIRMED_DEGREES
hidden byte degree;
byte weight[NODES * NODES]; /* 1 + the edges that counted at this end, of an edge that did */
#define NOTE_WEIGHT(n, p) weight[E(n, p)] = degree
#else
#define NOTE_WEIGHT(n, p) skip
#endif
#define DO_CLOSE(n, p) skip
#define DO_MIX(n, p)   NOTE_WEIGHT(n, p)

#define EDGE_ROW(role, from, event, to, recorded, says)
#define ASK_ROW(role, from, event, to, recorded, says)
#define CLOSE_ROW(role, from, event, to, recorded, says) \
    :: IS_##role(me, k) && FROM_##from(me, k) -> DO_##event(me, k); GO_##from##_##to(me, k); SAY_##says##_##to(me, k)
inline close() {
#ifdef M_CONFIRMED_DEGREES
    degree = 1 + SUM(me, FROM_COUNTED);
#endif
    for (k : 0 .. NODES - 1) {
        if
#include "edge_table.h"
        :: else
        fi;
        whole[E(me, k)] = 0;
    }
    phase[me] = (round[me] == ROUNDS -> THROUGH : GATHER)
}
#undef EDGE_ROW
#undef ASK_ROW
#undef CLOSE_ROW
/* ---- a node ---- */

#define HAS_ENTERED(t, n)  (IS_UP(n) && round[n] >= (t))
#define ENTERED(t)         SUM(t, HAS_ENTERED)
#define IS_ALIVE(any, n)   IS_UP(n)
#define IS_AHEAD(t)        (ENTERED(t) > HAS_ENTERED(t, me)) /* somebody else is in round t */
#if defined(M_WAIT_FOR_ALL)
#define MAY_FOLLOW(t)      (ENTERED(t) == NODES)
#elif defined(PACE)
#define MAY_FOLLOW(t)      (2 * ENTERED(t) >= SUM(0, IS_ALIVE))
#else
#define MAY_FOLLOW(t)      true
#endif

#define IS_DECIDED(n, p)   ((n) == (p) || edge[E(n, p)] == COUNTED)
#define IS_FREE(n, p)      (edge[E(n, p)] != BOUND)
#define IS_SINGLE(n, p)    (edge[E(n, p)] != BOUND || !IS_PENDING(n, p))
#if defined(PATIENT)
#define MAY_CLOSE          ALL(me, IS_DECIDED)
#define MAY_LEAVE          false
#else
#if defined(M_BOUND_WAITS)
#define MAY_CLOSE          ALL(me, IS_FREE)
#elif defined(M_TWO_UNDECIDED)
#define MAY_CLOSE          ALL(me, IS_SINGLE)
#else
#define MAY_CLOSE          true /* its deadline is over */
#endif
#define MAY_LEAVE          IS_AHEAD(round[me] + 1)
#endif

#ifdef M_SIGN_TWICE
#define TRAINED_OTHERWISE  publish(1)
#else
#define TRAINED_OTHERWISE  close()
#endif
#define WAS_TOLD(n, p)     (manifest[E(n, p)] & MANIFEST(round[n], UPDATE(lineage[n], 0)))
#define IS_UNPROMISED(n, p) (disk_edge[E(n, p)] == NONE || disk_edge[E(n, p)] == OPEN)

#define ENTER(t) \
    :: d_step { phase[me] == GATHER && (round[me] + 1 == t || (round[me] + 1 < t && IS_AHEAD(t))) && \
                MAY_FOLLOW(t - 1) -> enter(t) }
#define LOSE_DISK(t) \
    :: d_step { disks > 0 && IS_UP(me) && lineage[me] == 0 -> disks--; lose_disk(t) }

proctype Node(byte me) {
end:
    do
    :: d_step { phase[me] == TRAIN && (signed_in[me] < round[me] || version[me] == 0) -> publish(0); DONE }
#ifdef RETRAIN
    /* Others were told of another result: if that is on disk, what was signed stands, and the round is sat out. */
    :: d_step { phase[me] == TRAIN && SUM(me, WAS_TOLD) && signed_in[me] == round[me] && version[me] == 0 ->
                TRAINED_OTHERWISE; DONE }
    :: d_step { phase[me] == TRAIN && SUM(me, WAS_TOLD) && (signed_in[me] < round[me] || version[me] == 1) ->
                publish(1); DONE }
#endif
    :: d_step { phase[me] == EXCHANGE && MAY_CLOSE -> close(); DONE }
    :: d_step { phase[me] == TRAIN && MAY_LEAVE -> close(); DONE } /* a straggler goes where the others are */
#if ROUNDS >= 2
    ENTER(2)
#endif
#if ROUNDS >= 3
    ENTER(3)
#endif
#if ROUNDS >= 4
    ENTER(4)
#endif
#ifndef AT_ONCE
    :: d_step { owes[me] && IS_UP(me) -> flush() }
#endif
#ifdef LAZY
    :: d_step { IS_UP(me) && (disk_round[me] != round[me] || disk_phase[me] != phase[me]) -> flush() }
#endif
#if CRASHES > 0
    :: d_step { crashes > 0 && IS_UP(me) -> crashes--; restart_from_disk() }
#ifdef RETRAIN
    :: d_step { crashes > 0 && IS_UP(me) && disk_phase[me] == EXCHANGE && ALL(me, IS_UNPROMISED) ->
                crashes--; restart_from_disk(); lose_update() }
#endif
#endif
#if DISKS > 0
    LOSE_DISK(1)
#if ROUNDS >= 2
    LOSE_DISK(2)
#endif
#if ROUNDS >= 3
    LOSE_DISK(3)
#endif
#endif
#if DEATHS > 0
    :: d_step { deaths > 0 && IS_UP(me) -> deaths--; phase[me] = DOWN }
#endif
    od
}

/* ---- a node's end of an edge ---- */

#define TAKE(u) \
    :: d_step { IS_OPEN(me) && FROM_OPEN(me, peer) && whole[E(me, peer)] == 0 && \
                (manifest[E(peer, me)] & MANIFEST(round[me], u)) -> whole[E(me, peer)] = 1 + (u) }
#define LOSE(box, t, width) \
    :: d_step { losses > 0 && (box[E(me, peer)] & OF_ROUND(t, width)) -> \
                losses--; box[E(me, peer)] = box[E(me, peer)] & ~OF_ROUND(t, width) }
#define LOSE_ANY(t) \
    LOSE(manifest, t, UPDATES) LOSE(ready, t, READY_WIDTH) LOSE(count, t, VERDICT_WIDTH) LOSE(voided, t, VERDICT_WIDTH)

#define ANSWER(t, ld, lf, role, may, tell) \
    :: d_step { IS_##role(me, peer) && IS_UP(me) && (ready[E(peer, me)] & READIES(ASKED(t, ld, lf))) && \
                may(me, peer, t, ld, lf) -> tell(me, peer, BIT(t, ld, lf)); DONE }
#if LINEAGES == 1
#define ANSWERS(t, role, may, tell) ANSWER(t, 0, 0, role, may, tell)
#else
#define ANSWERS(t, role, may, tell) \
    ANSWER(t, 0, 0, role, may, tell) ANSWER(t, 0, 1, role, may, tell) \
    ANSWER(t, 1, 0, role, may, tell) ANSWER(t, 1, 1, role, may, tell)
#endif

#ifdef M_NAIVE
/* No end decides: each counts when it holds the other's update and has heard that the other holds its own. */
proctype End(byte me, peer) {
end:
    do
    TAKE(0)
    :: d_step { phase[me] == EXCHANGE && whole[E(me, peer)] != 0 &&
                !IS_SAID(ready, me, peer, READY(CURRENT(me, peer))) ->
                PUT_READY(me, peer, READY(CURRENT(me, peer))) }
    :: d_step { phase[me] == EXCHANGE && FROM_OPEN(me, peer) && MAY_DECIDE(me, peer, CURRENT(me, peer)) ->
                JOIN(me, peer, CURRENT(me, peer)); edge[E(me, peer)] = COUNTED }
    od
}
#else

#define CLOSE_ROW(role, from, event, to, recorded, says)
#define EDGE_ROW(role, from, event, to, recorded, says) \
    :: d_step { IS_##role(me, peer) && FROM_##from(me, peer) && MAY_##event(me, peer, WHICH_##from(me, peer)) -> \
                DO_##event(me, peer, WHICH_##from(me, peer)); GO_##from##_##to(me, peer); \
                SAY_##says##_##to(me, peer); DONE }
#if ROUNDS == 1
#define ASK_ROW(role, from, event, to, recorded, says) \
    ANSWERS(1, role, MAY_##event, TELL_##says)
#elif ROUNDS == 2
#define ASK_ROW(role, from, event, to, recorded, says) \
    ANSWERS(1, role, MAY_##event, TELL_##says) ANSWERS(2, role, MAY_##event, TELL_##says)
#elif ROUNDS == 3
#define ASK_ROW(role, from, event, to, recorded, says) \
    ANSWERS(1, role, MAY_##event, TELL_##says) ANSWERS(2, role, MAY_##event, TELL_##says) \
    ANSWERS(3, role, MAY_##event, TELL_##says)
#else
#define ASK_ROW(role, from, event, to, recorded, says) \
    ANSWERS(1, role, MAY_##event, TELL_##says) ANSWERS(2, role, MAY_##event, TELL_##says) \
    ANSWERS(3, role, MAY_##event, TELL_##says) ANSWERS(4, role, MAY_##event, TELL_##says)
#endif

proctype End(byte me, peer) {
end:
    do
#include "edge_table.h"
    TAKE(0)
#if UPDATES > 1
    TAKE(1)
#endif
#if UPDATES > 2
    TAKE(2) TAKE(3)
#endif
    /* A new connection: what the old one may have lost is said again. */
    :: d_step { phase[me] == EXCHANGE && (FROM_OPEN(me, peer) || FROM_BOUND(me, peer)) &&
                !IS_SAID(manifest, me, peer, MANIFEST(round[me], OWN(me))) -> SAY_MANIFEST(me, peer); DONE }
#ifdef M_PASS_FREES
    :: d_step { IS_F(me, peer) && FROM_BOUND(me, peer) && IS_UP(peer) && IS_PAST(peer, me, round[me]) ->
                edge[E(me, peer)] = NONE } /* D says that it closed */
#endif
#if LOSSES > 0
    LOSE_ANY(1)
#if ROUNDS >= 2
    LOSE_ANY(2)
#endif
#if ROUNDS >= 3
    LOSE_ANY(3)
#endif
#if ROUNDS >= 4
    LOSE_ANY(4)
#endif
#endif
    od
}
#endif

/* ---- what is proved ---- */

#if LINEAGES == 1
#define OF_FOLLOWER(l) (~0)
#else
#define IN_EACH_ROUND(set) \
    ((set) | ((set) << READY_WIDTH) | ((set) << (2 * READY_WIDTH)) | ((set) << (3 * READY_WIDTH)))
#define OF_FOLLOWER(l) \
    (l -> IN_EACH_ROUND(READIES(ASKED(1, 0, 1)) | READIES(ASKED(1, 1, 1))) \
       : IN_EACH_ROUND(READIES(ASKED(1, 0, 0)) | READIES(ASKED(1, 1, 0))))
#endif
#define IF_BOUND(f, d)   (FROM_BOUND(f, d) -> READY(CURRENT(f, d)) : 0)
#define IF_PENDING(f, d) (FROM_PENDING(f, d) -> READY(WHICH_PENDING(f, d)) : 0)
#ifdef LEDGER
#define IF_WRITTEN_OFF(f, d) written_off[E(f, d)]
#else
#define IF_WRITTEN_OFF(f, d) 0
#endif
#ifdef M_CONFIRMED_DEGREES
#define WEIGHS_ALIKE(d, f) (weight[E(d, f)] == 0 || weight[E(f, d)] == 0 || weight[E(d, f)] == weight[E(f, d)])
#else
#define WEIGHS_ALIKE(d, f) true /* the degrees stand in the two manifests, which both ends named */
#endif

/* The first of what was to be proved. An edge is undecided at F as long as it may still hear of it. */
#define IS_AGREED(d, f) \
    ((counted[E(f, d)] & ~counted[E(d, f)]) == 0 && WEIGHS_ALIKE(d, f) && \
     (counted[E(d, f)] & OF_FOLLOWER(lineage[f]) & \
      ~(counted[E(f, d)] | IF_BOUND(f, d) | IF_PENDING(f, d) | IF_WRITTEN_OFF(f, d))) == 0)

/* Two updates signed in one round and lineage would prove this node to be a cheat. */
#if VERSIONS == 1
#define SIGNS_ONCE(any, n) true
#else
#define ALL_TOLD(n) (manifest[E(n, 0)] | manifest[E(n, 1)] | manifest[E(n, NODES - 1)])
#define FIRST_VERSIONS 5592405 /* every other bit of 24 */
#define SIGNS_ONCE(any, n) ((ALL_TOLD(n) & (ALL_TOLD(n) >> 1) & FIRST_VERSIONS) == 0)
#endif

#ifdef PATIENT
#define IS_EVERY_EDGE_IN(d, f) (counted[E(d, f)] == OF_ROUND(1, ROUNDS * READY_WIDTH))
#else
#define IS_EVERY_EDGE_IN(d, f) true
#endif
#define IS_THROUGH(any, n) (phase[n] == THROUGH || phase[n] == DOWN)
#define IN_THIS_LIFE(n, p, f) (counted[E(n, p)] & OF_FOLLOWER(lineage[f]))
#define IS_SETTLED(d, f) \
    (!IS_UP(d) || !IS_UP(f) || \
     (pending[E(f, d)] == 0 && IS_EVERY_EDGE_IN(d, f) && \
      (IN_THIS_LIFE(d, f, f) & ~IF_WRITTEN_OFF(f, d)) == IN_THIS_LIFE(f, d, f)))

#if NODES == 2
#define PAIRS(test) (test(0, 1))
#else
#define PAIRS(test) (test(0, 1) && test(0, 2) && test(1, 2))
#endif

init {
    byte me, peer;
    atomic {
        for (me : 0 .. NODES - 1) {
            d_step { enter(1); flush() };
            run Node(me);
            for (peer : 0 .. NODES - 1) {
                if
                :: peer != me -> run End(me, peer)
                :: else
                fi
            }
        }
    }
    me = 0; peer = 0;
    do
    :: d_step { !(PAIRS(IS_AGREED) && ALL(0, SIGNS_ONCE)) -> assert(false) }
    :: atomic { timeout -> assert(ALL(0, IS_THROUGH) && PAIRS(IS_SETTLED)); break }
    od
}
