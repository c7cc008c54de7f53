/* Which known key somebody may have meant. */
#ifndef SL_SETTINGS_NEAREST_H
#define SL_SETTINGS_NEAREST_H

#include "settings/table.h"

/* How many insertions, deletions, substitutions and swaps of neighbours turn `a` into `b` (optimal string alignment),
 * of the first 64 bytes of each. */
size_t sl_edit_distance(const char *a, const char *b);

/* The path in the table that is nearest to an unknown one; a right key in the wrong section, or without one, is near.
 */
const char *sl_setting_nearest(const char *path);
/* The member of an item that is nearest to an unknown one. */
const char *sl_setting_nearest_member(const struct sl_setting_object *object, const char *key);
/* The section that is nearest to an unknown one. */
const char *sl_setting_nearest_section(const char *name);

/* The row whose environment variable is within two edits of an unknown one; NULL where there is none: other programs
 * have variables that begin like ours (Kubernetes makes STARLING_SERVICE_HOST for a service called starling). */
const struct sl_setting *sl_setting_nearest_variable(const char *variable);

#endif
