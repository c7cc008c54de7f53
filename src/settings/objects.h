/* Lists of objects: `struct { T *items; size_t count; }` in the record, the members of T by a table of their own. */
#ifndef SL_SETTINGS_OBJECTS_H
#define SL_SETTINGS_OBJECTS_H

#include "settings/value.h"

/* As sl_setting_assign, for the whole list: what an item leaves out gets its default. */
SL_MUST_USE bool sl_setting_assign_objects(const struct sl_assignment *assignment, const cJSON *value);
void sl_setting_clear_objects(void *record, const struct sl_setting *row);
/* Appends the list as JSON: an item that was given as plain text again as that, else an object of what was given. */
SL_MUST_USE enum sl_status sl_setting_format_objects(struct sl_buffer *out, const void *record,
                                                     const struct sl_setting *row);

size_t sl_setting_item_count(const void *record, const struct sl_setting *row);
void *sl_setting_item(const void *record, const struct sl_setting *row, size_t index);
/* Whether the file has this member of the item, as opposed to a default. */
bool sl_setting_item_has(const struct sl_setting *row, const void *item, size_t member);
/* Whether an item has more than plain text could give. */
bool sl_setting_objects_say_more(const void *record, const struct sl_setting *row);

#endif
