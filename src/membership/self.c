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

enum sl_status sl_membership_on_leave(struct sl_membership *membership, const struct sl_membership_event *event) {
    if (membership->left)
        return SL_OK;
    membership->left = true;
    struct sl_member_entry claim = membership->members[sl_members_self(membership)].entry;
    claim.state = SL_MEMBER_LEFT;
    claim.until_round = membership->round + 2;
    if (claim.until_round < event->until_round && event->until_round <= SL_MEMBER_ROUND_MAX)
        claim.until_round = event->until_round;
    return say(membership, &claim, claim.incarnation);
}

enum sl_status sl_membership_say_again(struct sl_membership *membership) {
    struct sl_member_entry claim = membership->members[sl_members_self(membership)].entry;
    return say(membership, &claim, claim.incarnation);
}

/* Half of the flock has been connected with us for a while: it cannot have left us out for long, and whoever says so is
 * behind, or lies. */
static bool is_among_them(const struct sl_membership *membership) {
    size_t others = 0, with_us = 0;
    for (size_t i = 0; i < membership->count; i++) {
        const struct sl_member *member = &membership->members[i];
        if (sl_members_is_self(membership, i) || member->entry.state == SL_MEMBER_LEFT)
            continue;
        others++;
        with_us += member->connected && member->entry.state == SL_MEMBER_ALIVE &&
                   membership->now >= sl_time_after(membership->details[i].up_since, 2 * membership->ping_interval);
    }
    return others > 0 && 2 * with_us >= others;
}

/* What lies above our own word is one of an earlier life, or an accusation against ours. */
enum sl_status sl_membership_refute(struct sl_membership *membership, const struct sl_member_entry *claim) {
    struct sl_member_entry own = membership->members[sl_members_self(membership)].entry;
    if (membership->left || !sl_claim_is_newer(claim, &own))
        return SL_OK;
    if (!sl_members_may_speak(membership, sl_members_self(membership), 2))
        return SL_OK; /* whoever still believes it and hears us tells us again */
    sl_detector_doubted(&membership->detector);
    bool gone = claim->incarnation == own.incarnation && claim->until_round != 0 && !is_among_them(membership);
    /* The others have left us out of rounds already: all of them take us in again in the same one. */
    if (gone && own.from_round != 0 && membership->round + 1 >= claim->until_round &&
        own.from_round < membership->round + 2)
        own.from_round = membership->round + 2;
    enum sl_status status = say(membership, &own, claim->incarnation);
    return status == SL_OK ? sl_actions_report(membership, membership->self, "refuted") : status;
}
