/* Whatever is taken of a member goes over every connection of the flock, and an accusation makes its victim speak, too.
 * So each member has an allowance at each of us: enough to accuse everybody at once, as after a split, or to come and
 * go for a while; one that never stops is heard once in a while. What was not taken is told again by gossip. */
#include "membership/state.h"

enum {
    BURST = 64,
    SHARE = 512,
    ASK_BURST = 64, /* which fills in ASK_BURST / ASK_RATE of a ping_interval */
    ASK_RATE = 16
};

bool sl_members_may_speak(struct sl_membership *membership, size_t index, double cost) {
    struct detail *detail = &membership->details[index];
    double elapsed = sl_time_to_seconds(membership->now - detail->spent_at);
    double refill = (1 + (double)membership->count / SHARE) / sl_time_to_seconds(membership->ping_interval);
    detail->spent -= refill * elapsed;
    if (detail->spent < 0)
        detail->spent = 0;
    detail->spent_at = membership->now;
    if (detail->spent + cost > BURST + (double)membership->count)
        return false;
    detail->spent += cost;
    return true;
}

bool sl_members_may_ask(struct sl_membership *membership, size_t index, double cost) {
    struct detail *detail = &membership->details[index];
    double elapsed = sl_time_to_seconds(membership->now - detail->answered_at);
    detail->answered -= ASK_RATE * elapsed / sl_time_to_seconds(membership->ping_interval);
    if (detail->answered < 0)
        detail->answered = 0;
    detail->answered_at = membership->now;
    if (detail->answered + cost > ASK_BURST)
        return false;
    detail->answered += cost;
    return true;
}

double sl_membership_checks_burst(size_t members) {
    return 1024 + 4 * (double)members;
}

double sl_membership_checks_rate(size_t members) {
    return 64 + (double)members / 4;
}
