/* SIGINT, SIGTERM and SIGHUP while a node runs, without a handler and its global state: a thread of its own reads them.
 */
#ifndef SL_CLI_SIGNALS_H
#define SL_CLI_SIGNALS_H

#include <starling/node.h>

struct cli_signals;

/* Takes the signals over, for all threads that are made from now on. The first one asks the node to stop (as soon as
 * there is one); a SIGINT after that ends the process at once, with 130. SIGHUP asks the node to reload its identity,
 * also as soon as there is one. */
SL_MUST_USE enum sl_status cli_signals_create(struct cli_signals **out, struct sl_error *error);
void cli_signals_destroy(struct cli_signals *signals); /* accepts NULL; before the node is destroyed */
/* Which node to stop. */
void cli_signals_watch(struct cli_signals *signals, struct sl_node *node);

#endif
