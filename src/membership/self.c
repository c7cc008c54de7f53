/* What we say of ourselves: each time with a higher incarnation, or nobody would take it for news. */
#include <string.h>

#include "membership/state.h"

static enum sl_status say(struct sl_membership *membership, struct sl_member_entry *claim, uint64_t above) {
    if (above == UINT64_MAX)
        return SL_OK; /* only an own word can have led there, two to the sixty-second times: nothing is above */
    claim->incarnation = above + 1;
    return sl_member_change(membership, sl_members_self(membership), claim, NULL, NEWS_OWN);
}

enum sl_status sl_membership_on_schedule(struct sl_membership *membership, const struct sl_membership_event *event) {
    struct sl_member_entry claim = membership->members[sl_members_self(membership)].entry;
    if (membership->left || (claim.from_round == event->from_round && claim.until_round == 0))
        return SL_OK;
    claim.from_round = event->from_round;
    claim.until_round = 0;
    return say(membership, &claim, claim.incarnation);
}

enum sl_status sl_membership_on_leave(struct sl_membership *membership) {
    if (membership->left)
        return SL_OK;
    membership->left = true;
    struct sl_member_entry claim = membership->members[sl_members_self(membership)].entry;
    claim.state = SL_MEMBER_LEFT;
    claim.until_round = membership->round + 2;
    return say(membership, &claim, claim.incarnation);
}

enum sl_status sl_membership_say_again(struct sl_membership *membership) {
    struct sl_member_entry claim = membership->members[sl_members_self(membership)].entry;
    return say(membership, &claim, claim.incarnation);
}

/* What lies above our own word is one of an earlier life, or an accusation against ours. */
enum sl_status sl_membership_refute(struct sl_membership *membership, const struct sl_member_entry *claim) {
    struct sl_member_entry own = membership->members[sl_members_self(membership)].entry;
    if (membership->left || !sl_claim_is_newer(claim, &own))
        return SL_OK;
    if (!sl_members_may_speak(membership, sl_members_self(membership), 2))
        return SL_OK; /* whoever still believes it and hears us tells us again */
    bool gone = claim->incarnation == own.incarnation && claim->until_round != 0;
    /* The others have left us out of rounds already: all of them take us in again in the same one. */
    if (gone && own.from_round != 0 && membership->round + 1 >= claim->until_round &&
        own.from_round < membership->round + 2)
        own.from_round = membership->round + 2;
    enum sl_status status = say(membership, &own, claim->incarnation);
    return status == SL_OK ? sl_actions_report(membership, membership->self, "refuted") : status;
}
