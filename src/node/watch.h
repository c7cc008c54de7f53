/* The files that say who is trusted, and who this node is: what they were when they were loaded, and a wake-up when
 * they change. */
#ifndef SL_NODE_WATCH_H
#define SL_NODE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/digest.h"
#include "settings/settings.h"

enum { NODE_WATCHED_MAX = 7 }; /* of the identity */

/* What tells one version of a file from another without reading it; all 0 where there is none. */
struct node_stamp {
    uint64_t device, inode, size;
    int64_t modified, changed; /* ns */
};

struct node_stamps {
    struct node_stamp files[NODE_WATCHED_MAX];
    struct sl_digest authorities; /* of the stamps of each custom_ca_cert of transport.peers */
};

/* May block, as the file system does: for a worker, or before the loop runs. */
void node_stamps_take(struct node_stamps *out, const struct sl_settings *settings);
bool node_stamp_equal(const struct node_stamp *a, const struct node_stamp *b);
bool node_stamps_equal(const struct node_stamps *a, const struct node_stamps *b);
struct node_stamp node_stamp_of(const char *path);
/* Where identity.crl_file, which the node itself replaces, is in the stamps. */
struct node_stamp *node_stamps_crl(struct node_stamps *stamps);

/* An inotify descriptor, not blocking, that is readable when a file may have changed; -1 with errno where the system
 * gives none. It looks at folders, so that files which are renamed into place and links that are swapped are seen, and
 * at those of now: make another one when something has changed. */
int node_watch_create(const struct sl_settings *settings);
/* Forgets what it has told. */
void node_watch_drain(int fd);

#endif
