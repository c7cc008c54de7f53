/* Two real nodes, alice and bob, that meet, train, exchange and mix for two rounds and leave, each on a thread of its
 * own: for tests that let something fail in the midst of it. */
#ifndef SL_TEST_NODES_H
#define SL_TEST_NODES_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "support/certificates.h"
#include <starling/node.h>

struct sl_test_member {
    const char *name;
    struct sl_settings *settings;
    struct sl_log log;
    char address[64]; /* where it listens */
    struct sl_node *node;
    pthread_t thread;
    sem_t *ended;
    atomic_bool over;
    enum sl_status outcome;
    struct sl_error failure;
};

struct sl_test_nodes {
    struct sl_test_flock flock;
    struct sl_test_member members[2];
    sem_t ended;
    char *folder; /* what they write; NULL: they are not there */
};

/* Certificates, for any number of runs. */
void sl_test_nodes_init(struct sl_test_nodes *nodes);
void sl_test_nodes_finish(struct sl_test_nodes *nodes);

/* One of them (0: alice) gets its settings; bob those that let him join her, who has to be created. Its folder is new.
 */
void sl_test_nodes_load(struct sl_test_nodes *nodes, size_t which);
enum sl_status sl_test_nodes_create(struct sl_test_nodes *nodes, size_t which, struct sl_error *error);
/* Both run to their end. Where one fails, the other is asked to stop: it may have nobody to begin with. A run that does
 * not end is false; the two are running still then, and the program has to end. */
bool sl_test_nodes_run(struct sl_test_nodes *nodes);
/* Why these outcomes are not those of a run in which one thing may have failed; NULL: they are. `failed` false: it did
 * not. One node fails at most, and says why; the other one never does. */
const char *sl_test_nodes_complaint(const struct sl_test_nodes *nodes, bool failed);
/* All that load and create made. */
void sl_test_nodes_forget(struct sl_test_nodes *nodes);

#endif
