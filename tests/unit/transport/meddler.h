/* A relay between two ends of a clear connection, in the rig's loop, that does one thing to one frame: what a proxy or
 * anybody on the path can do. It knows where frames end, which makes its moves better than random bytes. */
#ifndef MEDDLER_H
#define MEDDLER_H

#include <event2/event_struct.h>

#include "base/random.h"
#include "rig.h"

enum meddler_move {
    MEDDLER_NOTHING,
    MEDDLER_FLIP,      /* a bit */
    MEDDLER_OVERWRITE, /* a stretch of bytes */
    MEDDLER_CUT_OUT,   /* leaves a stretch out */
    MEDDLER_TRUNCATE,  /* the beginning of the frame, then the end of the connection */
    MEDDLER_DROP,
    MEDDLER_REPEAT,
    MEDDLER_REPLAY,      /* an earlier frame of this direction in front of it */
    MEDDLER_REFLECT,     /* the last frame of the other direction in front of it */
    MEDDLER_SWAP,        /* with the next one */
    MEDDLER_INJECT,      /* a well-formed frame of any type in front of it */
    MEDDLER_INJECT_NOISE /* any bytes in front of it */
};

struct meddler_way { /* one direction */
    struct meddler *meddler;
    struct meddler_way *other;
    int fd; /* it comes from here; −1: closed */
    struct event readable;
    struct sl_buffer gathered;   /* a frame's beginning */
    struct sl_buffer past, held; /* an earlier frame; one that waits for the next */
    size_t frames;               /* so far */
};

struct meddler {
    int listener;
    struct event acceptable;
    uint16_t to;
    char address[32];
    struct meddler_way ways[2]; /* 0: from the dialler */
    uint64_t moved;             /* bytes, of all connections */

    /* The plan for the next connection. */
    enum meddler_move move;
    size_t direction, frame;
    struct sl_random random;
    bool done; /* the move was made */
};

void meddler_init(struct meddler *meddler, struct rig *rig, uint16_t to);
void meddler_finish(struct meddler *meddler);
void meddler_plan(struct meddler *meddler, enum meddler_move move, size_t direction, size_t frame);
/* Ends both connections. */
void meddler_cut(struct meddler *meddler);

#endif
