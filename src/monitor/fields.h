/* Typed fields (<starling/log.h>) as JSON: the one writer behind the record of the run and the log. */
#ifndef SL_MONITOR_FIELDS_H
#define SL_MONITOR_FIELDS_H

#include <starling/log.h>

#include "base/buffer.h"

/* Appends a JSON string with quotes, null for NULL. Beyond what JSON asks for, DEL and the C1 controls are escaped too:
 * a terminal that shows the line must not obey what a peer put into a name. */
SL_MUST_USE enum sl_status sl_fields_append_text(struct sl_buffer *out, const char *text);

/* Appends the value of one field as JSON. */
SL_MUST_USE enum sl_status sl_fields_append_value(struct sl_buffer *out, const struct sl_field *field);

/* Appends ,"key":value for each field up to SL_END. */
SL_MUST_USE enum sl_status sl_fields_append_members(struct sl_buffer *out, const struct sl_field *fields);

#endif
