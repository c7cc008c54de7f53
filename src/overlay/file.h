/* The edges of a file. Private to this layer. */
#ifndef SL_OVERLAY_FILE_H
#define SL_OVERLAY_FILE_H

#include "overlay/overlay.h"

/* Fills the edges; the caller finishes `out` in any case. */
SL_MUST_USE enum sl_status sl_topology_read_file(struct sl_topology *out, const char *path, struct sl_error *error);
/* Everybody who is named in it, sorted, without tags; the caller frees the array, the names are the topology's. */
SL_MUST_USE enum sl_status sl_topology_file_names(const struct sl_topology *topology, struct sl_overlay_member **out,
                                                  size_t *out_count);

#endif
