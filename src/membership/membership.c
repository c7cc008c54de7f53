#include "membership/membership.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "membership/state.h"

/* ---- life and death ---- */

static enum sl_status check_options(const struct sl_membership_options *options, struct sl_error *error) {
    if (!sl_name_is_valid(options->self) || !sl_name_is_valid(options->flock) || !sl_name_is_valid(options->run))
        return sl_error_set(error, SL_USAGE, "membership: this node, its flock or its run has no valid name");
    if (options->incarnation == 0 || options->incarnation > SL_INCARNATION_MAX)
        return sl_error_set(error, SL_USAGE, "membership: an incarnation is 1 … 2^62");
    if (options->samples == 0 || options->samples > SL_MEMBER_SAMPLES_MAX)
        return sl_error_set(error, SL_USAGE, "membership: a member has 1 … 2^40 samples");
    if (options->suspect_after <= 0 || options->drop_after <= 0 || options->ping_interval <= 0 ||
        options->retry_min <= 0 || options->retry_max < options->retry_min || options->suspect_after > SL_NEVER / 4 ||
        options->retry_max > SL_NEVER / 4)
        return sl_error_set(error, SL_USAGE, "membership: times must be above 0, retry_max at least retry_min");
    if (options->address_count > SL_ADDRESSES_MAX)
        return sl_error_set(error, SL_USAGE, "membership: %zu addresses, at most %d", options->address_count,
                            SL_ADDRESSES_MAX);
    return SL_OK;
}

static enum sl_status canonical(char out[SL_ADDRESS_SIZE], const char *text, struct sl_error *error) {
    struct sl_address address;
    enum sl_status status = sl_address_parse(&address, text, error);
    if (status == SL_OK && address.port == 0)
        status = sl_error_set(error, SL_FORMAT, "\"%s\": port 0 cannot be dialled", text);
    if (status == SL_OK)
        sl_address_format(out, &address);
    return status;
}

static bool is_own_address(const struct sl_membership *membership, const char *address) {
    const struct sl_member_entry *own = &membership->members[0].entry;
    for (size_t i = 0; i < own->address_count; i++) {
        if (strcmp(own->addresses[i], address) == 0)
            return true;
    }
    return false;
}

static enum sl_status add_self(struct sl_membership *membership, const struct sl_membership_options *options,
                               struct sl_error *error) {
    size_t index = 0;
    enum sl_status status = sl_members_add(membership, &index, options->self);
    if (status != SL_OK)
        return sl_error_set(error, status, "membership: out of memory");
    struct sl_member *self = &membership->members[index];
    self->connected = true;
    self->entry.incarnation = options->incarnation;
    self->entry.samples = options->samples;
    char address[SL_ADDRESS_SIZE];
    for (size_t i = 0; i < options->address_count && status == SL_OK; i++)
        status = canonical(address, options->addresses[i], error);
    if (status != SL_OK)
        return sl_error_wrap(error, status, "own address");
    status = sl_members_set_addresses(&self->entry, (char *const *)options->addresses, options->address_count);
    return status == SL_OK ? SL_OK : sl_error_set(error, status, "membership: out of memory");
}

/* Each address once, and none of our own. */
static enum sl_status add_join(struct sl_membership *membership, const char *text, bool remembered,
                               struct sl_error *error) {
    struct join *join = &membership->joins[membership->join_count];
    enum sl_status status = canonical(join->address, text, error);
    if (status != SL_OK)
        return sl_error_wrap(error, status, "join");
    for (size_t i = 0; i < membership->join_count; i++) {
        if (strcmp(membership->joins[i].address, join->address) == 0)
            return SL_OK;
    }
    join->remembered = remembered;
    membership->join_count += !is_own_address(membership, join->address);
    return SL_OK;
}

static enum sl_status add_joins(struct sl_membership *membership, const struct sl_membership_options *options,
                                struct sl_error *error) {
    size_t count = options->join_count + options->remembered_count;
    if (count == 0)
        return SL_OK;
    membership->joins = calloc(count, sizeof *membership->joins);
    if (membership->joins == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "membership: out of memory");
    enum sl_status status = SL_OK;
    for (size_t i = 0; i < options->join_count && status == SL_OK; i++)
        status = add_join(membership, options->join[i], false, error);
    for (size_t i = 0; i < options->remembered_count && status == SL_OK; i++)
        status = add_join(membership, options->remembered[i], true, error);
    return status;
}

enum sl_status sl_membership_create(struct sl_membership **out, const struct sl_membership_options *options,
                                    struct sl_error *error) {
    *out = NULL;
    enum sl_status status = check_options(options, error);
    if (status != SL_OK)
        return status;
    struct sl_membership *membership = calloc(1, sizeof *membership);
    if (membership == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "membership: out of memory");
    memcpy(membership->self, options->self, strlen(options->self) + 1);
    memcpy(membership->flock, options->flock, strlen(options->flock) + 1);
    memcpy(membership->run, options->run, strlen(options->run) + 1);
    membership->epoch = options->epoch;
    membership->seal = options->seal;
    membership->seal_context = options->seal_context;
    membership->lineage = options->lineage;
    membership->full_mesh = options->full_mesh > 0 ? options->full_mesh : SL_MEMBERSHIP_FULL_MESH;
    membership->suspect_after = options->suspect_after;
    membership->ping_interval = options->ping_interval;
    membership->retry_min = options->retry_min;
    membership->retry_max = options->retry_max;
    membership->woken = SL_NEVER;
    sl_random_init(&membership->random, options->seed, 0);
    /* Its time begins with the first step. */
    const struct sl_detector_options detector = {.self = SL_MEMBERS_SELF,
                                                 .probe_period = options->ping_interval,
                                                 .suspect_after = options->suspect_after,
                                                 .drop_after = options->drop_after,
                                                 .seed = options->seed,
                                                 .stream = 1};
    sl_detector_init(&membership->detector, &detector, 0);
    status = add_self(membership, options, error);
    if (status == SL_OK)
        status = add_joins(membership, options, error);
    if (status == SL_OK)
        *out = membership;
    else
        sl_membership_destroy(membership);
    return status;
}

void sl_membership_destroy(struct sl_membership *membership) {
    if (membership == NULL)
        return;
    for (size_t i = 0; i < membership->count; i++) {
        sl_members_finish_entry(&membership->members[i].entry);
        sl_statement_unref(membership->details[i].own);
        sl_statement_unref(membership->details[i].accusation);
    }
    while (membership->extra_count > 0)
        sl_statement_unref(membership->extras[--membership->extra_count].statement);
    sl_detector_finish(&membership->detector);
    free(membership->extras);
    free(membership->news_about);
    free(membership->places);
    free(membership->members);
    free(membership->details);
    free(membership->joins);
    free(membership);
}

const struct sl_member *sl_membership_members(const struct sl_membership *membership, size_t *count) {
    *count = membership->count;
    for (size_t i = 0; i < membership->count; i++)
        membership->members[i].quiet = !sl_views_has(membership, i) && !sl_members_is_self(membership, i);
    return membership->members;
}

size_t sl_membership_count(const struct sl_membership *membership) {
    return membership->count;
}

/* ---- steps ---- */

static enum sl_status handle(struct sl_membership *membership, const struct sl_membership_event *event) {
    switch (event->type) {
    case SL_MEMBERSHIP_PEER_UP:
        return sl_membership_on_peer_up(membership, event);
    case SL_MEMBERSHIP_PEER_DOWN:
        return sl_membership_on_peer_down(membership, event);
    case SL_MEMBERSHIP_HEARD:
        return sl_membership_on_heard(membership, event);
    case SL_MEMBERSHIP_ROSTER:
        return sl_membership_on_roster(membership, event);
    case SL_MEMBERSHIP_DIAL_FAILED:
        return sl_membership_on_dial_failed(membership, event);
    case SL_MEMBERSHIP_SCHEDULE:
        return sl_membership_on_schedule(membership, event);
    case SL_MEMBERSHIP_ROUND:
        membership->round = event->from_round < SL_MEMBER_ROUND_MAX ? event->from_round : SL_MEMBER_ROUND_MAX;
        return SL_OK;
    case SL_MEMBERSHIP_LEAVE:
        return sl_membership_on_leave(membership, event);
    case SL_MEMBERSHIP_RENEW:
        return sl_membership_on_renew(membership);
    case SL_MEMBERSHIP_VOID:
        return sl_membership_on_void(membership, event);
    case SL_MEMBERSHIP_EXPEL:
        return sl_membership_on_expel(membership, event);
    case SL_MEMBERSHIP_PROBE:
        return sl_membership_on_probe(membership, event);
    case SL_MEMBERSHIP_NEIGHBOUR:
        return sl_membership_on_neighbour(membership, event);
    case SL_MEMBERSHIP_WANT:
        return sl_membership_on_want(membership, event);
    case SL_MEMBERSHIP_DIGEST:
        return sl_membership_on_digest(membership, event);
    case SL_MEMBERSHIP_TIMER:
        return sl_membership_on_timer(membership);
    }
    return SL_OK;
}

/* What is due soon is done together: in a big flock something is due at any moment. */
static sl_time shortest_nap(const struct sl_membership *membership) {
    sl_time least =
        membership->retry_min < membership->ping_interval ? membership->retry_min : membership->ping_interval;
    return membership->count > SL_ROSTER_ENTRIES_MAX ? least / 4 : least / 64;
}

static sl_time next_wake(struct sl_membership *membership) {
    sl_time next = sl_dialling_next_join(membership);
    sl_time views = sl_views_next(membership);
    next = views < next ? views : next;
    for (size_t i = 0; i < membership->count; i++) {
        sl_time due = sl_timer_next(membership, i);
        next = due < next ? due : next;
    }
    sl_time probe = sl_detector_next(&membership->detector, membership->live);
    return probe < next ? probe : next;
}

static enum sl_status wake(struct sl_membership *membership, bool fired) {
    sl_time next = next_wake(membership);
    if (fired && next < sl_time_after(membership->now, shortest_nap(membership)))
        next = sl_time_after(membership->now, shortest_nap(membership));
    if (next == membership->woken && !fired)
        return SL_OK;
    struct sl_membership_action *action = NULL;
    enum sl_status status = sl_actions_add(membership, &action, SL_MEMBERSHIP_WAKE, "");
    if (status != SL_OK)
        return status;
    action->at = next;
    membership->woken = next;
    return SL_OK;
}

enum sl_status sl_membership_step(struct sl_membership *membership, const struct sl_membership_event *event,
                                  sl_time now, struct sl_membership_actions *actions) {
    membership->now = now;
    membership->actions = actions;
    membership->teller = NULL;
    membership->changed = false;
    size_t before = actions->count;
    enum sl_status status = handle(membership, event);
    enum sl_status drained = sl_probing_drain(membership);
    if (status == SL_OK)
        status = drained;
    enum sl_status told = sl_gossip_flush(membership);
    if (status == SL_OK)
        status = told;
    if (membership->changed) {
        struct sl_membership_action *action = NULL;
        enum sl_status added = sl_actions_add(membership, &action, SL_MEMBERSHIP_CHANGED, "");
        status = status == SL_OK ? added : status;
    }
    /* A sign of life only puts off what is due: the timer finds that when it fires. */
    if (event->type != SL_MEMBERSHIP_HEARD || actions->count != before) {
        enum sl_status armed = wake(membership, event->type == SL_MEMBERSHIP_TIMER);
        status = status == SL_OK ? armed : status;
    }
    membership->actions = NULL;
    return status;
}
