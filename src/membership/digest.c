/* DIGEST: two members find out where their rosters differ, and tell each other that.
 *
 *     whole        A → B    with every fourth ping; B is silent if its own is the same
 *     parts        B → A    of its roster
 *     a list       A → B    what A has in the parts that differ: B tells what it has otherwise,
 *     wanted       B → A    and which of A's it wants to hear
 *
 * Each member is in the part that the first byte of its tag says. Its term is P(tag, version, d), the generator of
 * base/random.h, with d = 1 for one that is dropped, else 0: suspicions pass, and until_rounds find each other by
 * themselves. A part is the exclusive or of its members' terms, the whole that of the parts. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "membership/state.h"

uint64_t sl_digest_number(const void *data, size_t length) {
    struct sl_digest digest;
    sl_digest_of(&digest, data, length);
    return sl_get_u64(digest.bytes);
}

/* ---- our own ---- */

static uint64_t term_of(const struct sl_membership *membership, size_t index) {
    const struct detail *detail = &membership->details[index];
    bool dropped = membership->members[index].entry.state == SL_MEMBER_DROPPED;
    return sl_philox_u64(detail->tag, detail->version, dropped);
}

static size_t part_of(uint64_t tag) {
    return tag >> 56;
}

static void bring_up_to_date(struct sl_membership *membership) {
    (void)sl_statements_own(membership, sl_members_self(membership)); /* its version follows from its bytes */
    if (membership->has_parts)
        return;
    memset(membership->parts, 0, sizeof membership->parts);
    for (size_t i = 0; i < membership->count; i++) {
        if (membership->details[i].version != 0)
            membership->parts[part_of(membership->details[i].tag)] ^= term_of(membership, i);
    }
    membership->has_parts = true;
}

static uint64_t whole(struct sl_membership *membership) {
    uint64_t sum = 0;
    bring_up_to_date(membership);
    for (size_t i = 0; i < SL_ROSTER_PARTS; i++)
        sum ^= membership->parts[i];
    return sum;
}

/* ---- sending ---- */

static enum sl_status begin(struct sl_membership *membership, struct sl_roster_digest **out, size_t index) {
    struct sl_membership_action *action = NULL;
    uint64_t sum = whole(membership);
    enum sl_status status =
        sl_actions_add(membership, &action, SL_MEMBERSHIP_SEND_DIGEST, membership->members[index].entry.node);
    if (status != SL_OK)
        return status;
    action->digest.whole = sum;
    *out = &action->digest;
    return SL_OK;
}

enum sl_status sl_digest_send(struct sl_membership *membership, size_t index) {
    struct sl_roster_digest *digest;
    return begin(membership, &digest, index);
}

static enum sl_status send_parts(struct sl_membership *membership, size_t index) {
    struct sl_roster_digest *digest;
    enum sl_status status = begin(membership, &digest, index);
    if (status != SL_OK)
        return status;
    digest->parts = malloc(sizeof membership->parts);
    if (digest->parts == NULL) {
        sl_actions_drop_last(membership);
        return SL_NO_MEMORY;
    }
    memcpy(digest->parts, membership->parts, sizeof membership->parts);
    return SL_OK;
}

struct listed {
    uint64_t tag, term;
};

static int compare(const void *a, const void *b) {
    uint64_t x = ((const struct listed *)a)->tag, y = ((const struct listed *)b)->tag;
    return (x > y) - (x < y);
}

static bool is_listed(const uint8_t listed[SL_ROSTER_PARTS / 8], uint64_t tag) {
    return (listed[part_of(tag) / 8] >> part_of(tag) % 8 & 1) != 0;
}

/* As many of the parts that differ as fit, from a random one on. */
static size_t choose_parts(struct sl_membership *membership, uint8_t listed[SL_ROSTER_PARTS / 8],
                           const uint64_t *parts) {
    size_t sizes[SL_ROSTER_PARTS] = {0}, count = 0;
    for (size_t i = 0; i < membership->count; i++)
        sizes[part_of(membership->details[i].tag)] += membership->details[i].version != 0;
    size_t part = (size_t)sl_random_below(&membership->random, SL_ROSTER_PARTS);
    for (size_t step = 0; step < SL_ROSTER_PARTS; step++, part = (part + 1) % SL_ROSTER_PARTS) {
        if (parts[part] == membership->parts[part] || count + sizes[part] > SL_ROSTER_TAGS_MAX)
            continue;
        listed[part / 8] |= (uint8_t)(1u << part % 8);
        count += sizes[part];
    }
    return count;
}

static enum sl_status fill_list(struct sl_roster_digest *digest, const struct sl_membership *membership,
                                struct listed *list, size_t count) {
    size_t filled = 0;
    for (size_t i = 0; i < membership->count; i++) {
        const struct detail *detail = &membership->details[i];
        if (detail->version != 0 && is_listed(digest->listed, detail->tag) && filled < count)
            list[filled++] = (struct listed){.tag = detail->tag, .term = term_of(membership, i)};
    }
    qsort(list, filled, sizeof *list, compare);
    digest->tags = malloc(filled * sizeof *digest->tags + 1);
    digest->terms = malloc(filled * sizeof *digest->terms + 1);
    if (digest->tags == NULL || digest->terms == NULL)
        return SL_NO_MEMORY;
    for (size_t i = 0; i < filled; i++) {
        if (digest->count > 0 && digest->tags[digest->count - 1] == list[i].tag)
            continue; /* two names of one tag: nobody has found such */
        digest->tags[digest->count] = list[i].tag;
        digest->terms[digest->count++] = list[i].term;
    }
    return SL_OK;
}

static enum sl_status send_list(struct sl_membership *membership, size_t index, const uint64_t *parts) {
    struct sl_roster_digest *digest;
    enum sl_status status = begin(membership, &digest, index);
    if (status != SL_OK)
        return status;
    digest->has_list = true;
    size_t count = choose_parts(membership, digest->listed, parts);
    struct listed *list = malloc(count * sizeof *list + 1);
    status = list != NULL ? fill_list(digest, membership, list, count) : SL_NO_MEMORY;
    free(list);
    if (status != SL_OK)
        sl_actions_drop_last(membership);
    return status;
}

/* ---- receiving ---- */

/* Where it stands among the ascending tags; `count`: nowhere. */
static size_t find(const struct sl_roster_digest *digest, uint64_t tag) {
    size_t low = 0, high = digest->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (digest->tags[middle] < tag)
            low = middle + 1;
        else
            high = middle;
    }
    return low < digest->count && digest->tags[low] == tag ? low : digest->count;
}

static enum sl_status send_wanted(struct sl_membership *membership, size_t index, uint64_t *wanted, size_t count) {
    struct sl_roster_digest *digest;
    enum sl_status status = begin(membership, &digest, index);
    if (status != SL_OK) {
        free(wanted);
        return status;
    }
    digest->wanted = wanted;
    digest->wanted_count = count;
    return SL_OK;
}

/* Tells what the list has otherwise or not at all, and asks for what it has otherwise or we have not at all. */
static enum sl_status answer_list(struct sl_membership *membership, size_t index,
                                  const struct sl_roster_digest *theirs) {
    size_t *about = malloc(membership->count * sizeof *about), told = 0, wants = 0;
    uint64_t *wanted = malloc(theirs->count * sizeof *wanted + 1);
    bool *same = calloc(theirs->count + 1, sizeof *same);
    enum sl_status status = about != NULL && wanted != NULL && same != NULL ? SL_OK : SL_NO_MEMORY;
    for (size_t i = 0; status == SL_OK && i < membership->count; i++) {
        uint64_t tag = membership->details[i].tag;
        if (membership->details[i].version == 0 || !is_listed(theirs->listed, tag))
            continue;
        size_t at = find(theirs, tag);
        if (at < theirs->count && theirs->terms[at] == term_of(membership, i))
            same[at] = true;
        else
            about[told++] = i;
    }
    for (size_t i = 0; status == SL_OK && i < theirs->count; i++) {
        if (!same[i])
            wanted[wants++] = theirs->tags[i];
    }
    if (status == SL_OK && told > 0)
        status = sl_gossip_tell_those(membership, index, about, told);
    if (status == SL_OK && wants > 0) {
        status = send_wanted(membership, index, wanted, wants);
        wanted = NULL;
    }
    free(about);
    free(wanted);
    free(same);
    return status;
}

static int compare_tags(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static enum sl_status tell_wanted(struct sl_membership *membership, size_t index,
                                  const struct sl_roster_digest *theirs) {
    size_t *about = malloc(membership->count * sizeof *about), count = 0;
    uint64_t *sorted = malloc(theirs->wanted_count * sizeof *sorted);
    enum sl_status status = about != NULL && sorted != NULL ? SL_OK : SL_NO_MEMORY;
    if (status == SL_OK) {
        memcpy(sorted, theirs->wanted, theirs->wanted_count * sizeof *sorted);
        qsort(sorted, theirs->wanted_count, sizeof *sorted, compare_tags);
    }
    for (size_t i = 0; status == SL_OK && i < membership->count; i++) {
        if (bsearch(&membership->details[i].tag, sorted, theirs->wanted_count, sizeof *sorted, compare_tags) != NULL)
            about[count++] = i;
    }
    if (status == SL_OK)
        status = sl_gossip_tell_those(membership, index, about, count);
    free(about);
    free(sorted);
    return status;
}

enum sl_status sl_membership_on_digest(struct sl_membership *membership, const struct sl_membership_event *event) {
    size_t index = 0;
    const struct sl_roster_digest *theirs = event->digest;
    if (!sl_members_find(membership, &index, event->node) || !membership->members[index].connected ||
        sl_members_is_self(membership, index))
        return SL_OK;
    if (theirs->wanted_count > 0)
        return sl_members_may_ask(membership, index, 8) ? tell_wanted(membership, index, theirs) : SL_OK;
    if (theirs->whole == whole(membership) || !sl_members_may_ask(membership, index, theirs->has_list ? 8 : 1))
        return SL_OK;
    if (theirs->has_list)
        return answer_list(membership, index, theirs);
    return theirs->parts != NULL ? send_list(membership, index, theirs->parts) : send_parts(membership, index);
}
