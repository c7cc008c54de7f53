/* What is signed: sealed when it is first told, forgotten when it does not verify any more. */
#include <string.h>

#include "membership/state.h"

void sl_statements_keep(struct sl_statement **held, struct sl_statement *statement) {
    if (statement != NULL)
        (void)sl_statement_ref(statement);
    sl_statement_unref(*held);
    *held = statement;
}

/* Of ours the version is known once it is sealed. */
void sl_statements_keep_own(struct sl_membership *membership, size_t index, struct sl_statement *statement) {
    struct detail *detail = &membership->details[index];
    sl_statements_keep(&detail->own, statement);
    if (statement != NULL)
        detail->version = sl_digest_number(statement->body.data, statement->body.length);
    membership->has_parts = false;
}

/* ---- sealing ---- */

static void begin(struct sl_member_statement *said, const struct sl_membership *membership,
                  const struct sl_member_entry *entry) {
    *said = (struct sl_member_statement){
        .epoch = membership->epoch, .incarnation = entry->incarnation, .state = entry->state};
    memcpy(said->flock, membership->flock, sizeof said->flock);
    memcpy(said->run, membership->run, sizeof said->run);
    memcpy(said->origin, membership->self, sizeof said->origin);
    memcpy(said->node, entry->node, sizeof said->node);
    said->until_round = entry->until_round;
}

/* NULL where it cannot be signed now. */
static struct sl_statement *seal(const struct sl_membership *membership, const struct sl_member_statement *said) {
    struct sl_statement *sealed = NULL;
    return membership->seal(membership->seal_context, &sealed, said) == SL_OK ? sealed : NULL;
}

struct sl_statement *sl_statements_own(struct sl_membership *membership, size_t index) {
    struct detail *detail = &membership->details[index];
    const struct sl_member_entry *entry = &membership->members[index].entry;
    if (detail->own != NULL || !sl_members_is_self(membership, index))
        return detail->own;
    struct sl_member_statement said;
    begin(&said, membership, entry);
    said.samples = entry->samples;
    said.from_round = entry->from_round;
    said.addresses = entry->addresses; /* borrowed */
    said.address_count = entry->address_count;
    said.lineage = membership->lineage;
    struct sl_statement *sealed = seal(membership, &said);
    sl_statements_keep_own(membership, index, sealed);
    sl_statement_unref(sealed);
    return detail->own;
}

struct sl_statement *sl_statements_seal_accusation(struct sl_membership *membership, size_t index) {
    struct sl_member_statement said;
    begin(&said, membership, &membership->members[index].entry);
    return seal(membership, &said);
}

/* An accusation says nothing to those who cannot know the word that it is against. */
struct sl_statement *sl_statements_accusation(struct sl_membership *membership, size_t index) {
    struct detail *detail = &membership->details[index];
    if (detail->own == NULL || detail->accusation != NULL || !detail->accused_by_us)
        return detail->own == NULL ? NULL : detail->accusation;
    return detail->accusation = sl_statements_seal_accusation(membership, index);
}

/* ---- events ---- */

/* Our certificate is another: what the former one signed may not verify for long. */
enum sl_status sl_membership_on_renew(struct sl_membership *membership) {
    for (size_t i = 0; i < membership->count; i++) {
        if (membership->details[i].accused_by_us)
            sl_statements_keep(&membership->details[i].accusation, NULL);
    }
    return sl_membership_say_again(membership);
}

/* Somebody has to stand behind what keeps a member out, or it could not refute: from now on that is us. */
enum sl_status sl_membership_on_void(struct sl_membership *membership, const struct sl_membership_event *event) {
    size_t index = 0;
    if (!sl_members_find(membership, &index, event->node) || sl_members_is_self(membership, index))
        return SL_OK;
    struct detail *detail = &membership->details[index];
    if (!event->accusation) {
        sl_statements_keep(&detail->own, NULL);
        return SL_OK;
    }
    detail->accused_by_us |= detail->accusation != NULL;
    sl_statements_keep(&detail->accusation, NULL);
    return SL_OK;
}

enum sl_status sl_membership_on_expel(struct sl_membership *membership, const struct sl_membership_event *event) {
    size_t index = 0;
    if (!sl_members_find(membership, &index, event->node) || sl_members_is_self(membership, index))
        return SL_OK;
    membership->details[index].expelled = true;
    enum sl_status status = SL_OK;
    if (membership->members[index].entry.state < SL_MEMBER_DROPPED)
        status = sl_probing_drop(membership, index);
    membership->details[index].dial_at = SL_NEVER;
    return status;
}

struct sl_statement *sl_membership_statement(const struct sl_membership *membership, const char *node,
                                             bool accusation) {
    size_t index = 0;
    if (!sl_members_find(membership, &index, node))
        return NULL;
    const struct detail *detail = &membership->details[index];
    return accusation ? detail->accusation : detail->own;
}
