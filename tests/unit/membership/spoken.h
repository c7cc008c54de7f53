/* Statements for memberships that verify nothing: signed with one byte. */
#ifndef TEST_MEMBERSHIP_SPOKEN_H
#define TEST_MEMBERSHIP_SPOKEN_H

#include "membership/membership.h"

#define SPOKEN_FLOCK "demo"
#define SPOKEN_RUN "r1"
enum { SPOKEN_EPOCH = 3 };

/* Of a node "me" with one address and nobody to join; `seals` counts signatures. */
struct sl_membership_options spoken_options(unsigned *seals);

/* For sl_membership_options; `context`, an unsigned, counts, or NULL. */
enum sl_status spoken_seal(void *context, struct sl_statement **out, const struct sl_member_statement *said);

/* What `node` says of itself (one sample), and what `origin` says of it. */
struct sl_member_statement spoken_own(const char *node, uint64_t incarnation, enum sl_member_state state);
struct sl_member_statement spoken_accusation(const char *origin, const char *node, uint64_t incarnation,
                                             enum sl_member_state state);

/* A ROSTER event of what was said; addresses are borrowed. Appends to `actions`. */
void spoken_tell(struct sl_membership *membership, const char *teller, const struct sl_member_statement *said,
                 size_t count, sl_time now, struct sl_membership_actions *actions);
/* The same of a roster as it travels. */
void spoken_hear(struct sl_membership *membership, const char *teller, struct sl_bytes payload, sl_time now,
                 struct sl_membership_actions *actions);
/* What the statement says, without its addresses. */
struct sl_member_statement spoken_read(const struct sl_statement *statement);

#endif
