/* A folder that appears whole or not at all: it is filled beside its place, under a temporary name, and renamed. */
#ifndef SL_IDENTITY_STAGE_H
#define SL_IDENTITY_STAGE_H

#include <starling/error.h>

/* All zero is none. */
struct sl_stage {
    char *target; /* without trailing slashes */
    char *parent; /* of both */
    char *folder; /* mode 0700; write flat files into it */
};

/* Makes missing parents too. SL_EXISTS where the target is there and is not an empty folder. */
SL_MUST_USE enum sl_status sl_stage_open(struct sl_stage *stage, const char *target, struct sl_error *error);
/* On failure the stage is still open. */
SL_MUST_USE enum sl_status sl_stage_commit(struct sl_stage *stage, struct sl_error *error);
/* Removes what was not committed, and frees. */
void sl_stage_finish(struct sl_stage *stage);

/* The last component of a path without trailing slashes; within `path`. */
const char *sl_path_last(const char *path);

#endif
