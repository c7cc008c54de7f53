/* What a node writes to: model.folder, membership.proof_folder, node.state_folder, record.file. They are made before it
 * is sure that it will run, since the rules of Landlock name what is there. A start that fails leaves nothing: what was
 * made for it is removed again. */
#ifndef SL_NODE_OUTPUTS_H
#define SL_NODE_OUTPUTS_H

#include "settings/settings.h"
#include <starling/node.h>

enum { NODE_OUTPUTS_MAX = 4 };

/* All zero: nothing was made. */
struct node_outputs {
    struct node_output {
        char *path;
        size_t kept; /* this much of the path was there before; 0: nothing was made */
    } items[NODE_OUTPUTS_MAX];
    size_t count;
};

/* Makes those that are missing. The first failure is reported, and the others are made all the same. */
SL_MUST_USE enum sl_status node_outputs_make(struct node_outputs *outputs, const struct sl_settings *settings,
                                             struct sl_error *error);
/* Removes what was made, as far as it is still empty. */
void node_outputs_remove(const struct node_outputs *outputs);
void node_outputs_finish(struct node_outputs *outputs);

/* A process that is confined must not remove anything in most folders. So before it is confined it leaves that to a
 * process of its own, which ends as soon as node_outputs_settle has said what is to become of them, or the node's
 * process is gone. With nothing made there is none. */
SL_MUST_USE enum sl_status node_outputs_entrust(struct sl_confinement *confinement, const struct node_outputs *outputs,
                                                struct sl_error *error);
/* Once; accepts NULL. Not keep: they are gone when it returns. */
void node_outputs_settle(const struct sl_confinement *confinement, bool keep);

#endif
