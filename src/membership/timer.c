/* TIMER: what is due. */
#include "membership/state.h"

sl_time sl_timer_next(const struct sl_membership *membership, size_t index) {
    if (sl_members_is_self(membership, index))
        return SL_NEVER;
    sl_time next = sl_probing_next(membership, index), dial = sl_dialling_next(membership, index);
    sl_time tell = membership->details[index].tell_at;
    next = dial < next ? dial : next;
    return tell < next ? tell : next;
}

enum sl_status sl_membership_on_timer(struct sl_membership *membership) {
    enum sl_status status = sl_probing_step(membership);
    for (size_t i = 0; i < membership->count && status == SL_OK; i++) {
        if (membership->details[i].tell_at <= membership->now)
            status = sl_gossip_tell_more(membership, i);
    }
    if (status == SL_OK)
        status = sl_views_step(membership);
    return status == SL_OK ? sl_dialling_step(membership) : status;
}
