/* Everything that is wrong, gathered, so that one problem never hides another. */
#ifndef SL_SETTINGS_PROBLEMS_H
#define SL_SETTINGS_PROBLEMS_H

#include <stdbool.h>

#include "base/buffer.h"

/* All zero is none yet. Running out of memory is remembered instead of returned: callers go on, the end tells. */
struct sl_problems {
    struct sl_buffer lines;
    size_t count; /* of all, also of those that no line is kept of because the error is full */
    bool out_of_memory;
};

/* Adds the line "source: path: what". An empty path is left out. */
void sl_problems_add(struct sl_problems *problems, const char *source, const char *path, const char *format, ...)
    SL_PRINTF(4, 5);
/* Whether an error would not show more lines, so that there is no use in looking for good words. */
bool sl_problems_are_full(const struct sl_problems *problems);
/* Remembers a status other than SL_OK, which can only be SL_NO_MEMORY here. True for SL_OK. */
bool sl_problems_note(struct sl_problems *problems, enum sl_status status);

/* SL_OK when there are none. Else the error has as many whole lines as fit, and how many more there are. Finishes. */
SL_MUST_USE enum sl_status sl_problems_finish(struct sl_problems *problems, struct sl_error *error);

#endif
