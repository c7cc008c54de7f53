/* One line of an authority's database, and where its entry goes. */
#ifndef SL_IDENTITY_DATABASE_LINE_H
#define SL_IDENTITY_DATABASE_LINE_H

#include "identity/database.h"

enum sl_database_event { SL_EVENT_BEGIN, SL_EVENT_ISSUE, SL_EVENT_REVOKE, SL_EVENT_LIST };

struct sl_database_line {
    enum sl_database_event event;
    struct sl_entry entry; /* ISSUE: all but what is revoked; REVOKE: serial, revoked and reason; LIST: until */
    uint64_t number;       /* LIST */
    unsigned days;         /* LIST */
};

/* A line without its newline. On success entry.der is the caller's (gnutls_free). The error does not name the file. */
SL_MUST_USE enum sl_status sl_database_line_parse(struct sl_database_line *line, const char *text, size_t length,
                                                  struct sl_error *error);
/* Takes the entry, whatever becomes of it, and leaves it all zero. The error does not name the file. */
SL_MUST_USE enum sl_status sl_database_add(struct sl_database *database, struct sl_entry *entry,
                                           struct sl_error *error);

/* Each appends a line with its newline, whole or, out of memory, not at all. */
SL_MUST_USE enum sl_status sl_database_line_begin(struct sl_buffer *out, struct sl_error *error);
SL_MUST_USE enum sl_status sl_database_line_issue(struct sl_buffer *out, const struct sl_entry *entry,
                                                  struct sl_error *error);
SL_MUST_USE enum sl_status sl_database_line_revoke(struct sl_buffer *out, const struct sl_entry *entry,
                                                   struct sl_error *error);
SL_MUST_USE enum sl_status sl_database_line_list(struct sl_buffer *out, uint64_t number, unsigned days, int64_t until,
                                                 struct sl_error *error);

#endif
