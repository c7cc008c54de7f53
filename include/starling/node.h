/* A node, as an embedder runs it: create from settings, run until it is finished or told to stop, destroy. */
#ifndef STARLING_NODE_H
#define STARLING_NODE_H

#include <stdbool.h>
#include <sys/types.h>

#include <starling/error.h>
#include <starling/identity.h>
#include <starling/log.h>
#include <starling/settings.h>

struct sl_node;

/* What a process has given up. */
struct sl_confinement {
    bool on;           /* node.confine */
    char landlock[96]; /* "on (ABI 7)", or "off: " and why */
    /* Folders and files that were made for this node are removed by that process, unless sl_node_create tells it by
     * that pipe that the node has started; 0: there is none. */
    pid_t outputs_process;
    int outputs_pipe;
};

struct sl_node_options {
    const struct sl_settings *settings; /* borrowed, outlives the node */
    const struct sl_log *log;           /* borrowed, outlives the node; NULL: silent */
    const struct sl_prompt *prompt;     /* who is asked for the passphrase of a key, while the node is created and never
                                           later; borrowed for that time; NULL: nobody */
    const struct sl_confinement *confinement; /* what sl_node_confine did, for the log; borrowed as the
                                                 prompt is; NULL: it was not called */
    bool resume;                              /* go on from the last model in model.folder */
};

/* Loads identity, data and model, and binds the listeners. Whatever is missing or wrong is an error here, before
 * anybody is told anything. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_node_create(struct sl_node **out, const struct sl_node_options *options,
                                                    struct sl_error *error);
SL_PUBLIC void sl_node_destroy(struct sl_node *node);

/* The whole run, on the calling thread. SL_OK: all rounds done; SL_CANCELLED: sl_node_stop was called, the model is
 * saved and the others were told; SL_LEFT_OUT: no edge counted in an averaging round. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_node_run(struct sl_node *node, struct sl_error *error);

/* Takes from the whole process, for good, what a node with these settings does not need: other programs, privileges,
 * core dumps, system calls, and files that are not its own. For a program that is nothing else than a node: call it
 * first of all, when there is no other thread yet and nothing of the node is open. With node.confine false it does
 * nothing. A kernel without Landlock is said in *out; any other failure is one. It makes the folders and the file that
 * the node writes to; they are gone again when sl_node_create fails, or is not called before the process ends. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_node_confine(struct sl_confinement *out, const struct sl_settings *settings,
                                                     struct sl_error *error);

/* Asks a running node to load its certificates, keys, authorities and revocation lists again, as it does by itself when
 * their files change. What fails is in the log, and the former ones stay. Async-signal-safe, from any thread. */
SL_PUBLIC void sl_node_reload(struct sl_node *node);

/* Asks a running node to leave. Async-signal-safe, from any thread, any number of times. */
SL_PUBLIC void sl_node_stop(struct sl_node *node);

#endif
