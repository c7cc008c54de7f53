/* A node, as an embedder runs it: create from settings, run until it is finished or told to stop, destroy. */
#ifndef STARLING_NODE_H
#define STARLING_NODE_H

#include <stdbool.h>

#include <starling/error.h>
#include <starling/log.h>
#include <starling/settings.h>

struct sl_node;

struct sl_node_options {
    const struct sl_settings *settings; /* borrowed, outlives the node */
    const struct sl_log *log;           /* borrowed, outlives the node; NULL: silent */
    bool resume;                        /* go on from the last model in model.folder */
};

/* Loads identity, data and model, and binds the listeners. Whatever is missing or wrong is an error here, before
 * anybody is told anything. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_node_create(struct sl_node **out, const struct sl_node_options *options,
                                                    struct sl_error *error);
SL_PUBLIC void sl_node_destroy(struct sl_node *node);

/* The whole run, on the calling thread. SL_OK: all rounds done; SL_CANCELLED: sl_node_stop was called, the model is
 * saved and the others were told; SL_LEFT_OUT: no edge counted in an averaging round. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_node_run(struct sl_node *node, struct sl_error *error);

/* Asks a running node to leave. Async-signal-safe, from any thread, any number of times. */
SL_PUBLIC void sl_node_stop(struct sl_node *node);

#endif
