/* The life of an edge, at either end: the one table that both the model (rounds.pml) and the check of the C machine's
 * traces (tests/sim/test_trace.c) are made of. Who includes it defines EDGE_ROW, CLOSE_ROW and ASK_ROW.
 *
 *     ROW(role, from, event, to, recorded, says)
 *
 * `recorded` is the outcome that is told for the record, `says` the message that goes to the other end once the new
 * state is on disk. D decides (the lower name), F follows. ANY and SAME: whatever the state, it stays. */

/* What happens to one edge. */
EDGE_ROW(D, OPEN, DECIDE, COUNTED, COUNTED, COUNT) /* F's update is whole and its READY is here */
EDGE_ROW(F, OPEN, PROMISE, BOUND, NOTHING, READY)  /* D's update is whole, nothing is PENDING with D */
EDGE_ROW(D, OPEN, REFUSE, NONE, VOID, NOTHING)     /* not listed, or the manifests do not agree */
EDGE_ROW(F, OPEN, REFUSE, NONE, VOID, NOTHING)
EDGE_ROW(F, BOUND, HEAR_COUNT, COUNTED, COUNTED, NOTHING)
EDGE_ROW(F, BOUND, HEAR_VOID, NONE, VOID, NOTHING)
EDGE_ROW(F, BOUND, HEAR_GONE, NONE, GONE, NOTHING)
EDGE_ROW(F, BOUND, REPEAT, BOUND, NOTHING, READY)
EDGE_ROW(F, PENDING, HEAR_COUNT, NONE, LATE, NOTHING)
EDGE_ROW(F, PENDING, HEAR_VOID, NONE, VOID, NOTHING)
EDGE_ROW(F, PENDING, HEAR_GONE, NONE, GONE, NOTHING)
EDGE_ROW(F, PENDING, WRITE_OFF, NONE, STALE, NOTHING) /* it is old, and its place is needed or this lineage ends */
EDGE_ROW(F, PENDING, REPEAT, PENDING, NOTHING, READY)

/* A round closes at this end: all its edges at once. */
CLOSE_ROW(D, OPEN, CLOSE, NONE, VOID, NOTHING)
CLOSE_ROW(F, OPEN, CLOSE, NONE, VOID, NOTHING)
CLOSE_ROW(F, BOUND, CLOSE, PENDING, PENDING, READY)
CLOSE_ROW(D, COUNTED, MIX, NONE, NOTHING, NOTHING)
CLOSE_ROW(F, COUNTED, MIX, NONE, NOTHING, NOTHING)

/* READY comes to D, for whichever round. */
ASK_ROW(D, ANY, ASK_COUNTED, SAME, NOTHING, COUNT) /* it is what D counted last with F */
ASK_ROW(D, ANY, ASK_CLOSED, SAME, NOTHING, VOID)   /* that round is closed, or there is no such edge in it */
ASK_ROW(D, ANY, ASK_GONE, SAME, NOTHING, GONE)     /* it asks a lineage that ended */
