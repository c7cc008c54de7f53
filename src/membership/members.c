/* The list of members, and their entries. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "membership/state.h"

/* True and where it is; false and where it would be. */
bool sl_members_find(const struct sl_membership *membership, size_t *index, const char *node) {
    size_t low = 0, high = membership->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(membership->members[middle].entry.node, node);
        if (order == 0) {
            *index = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *index = low;
    return false;
}

size_t sl_members_self(const struct sl_membership *membership) {
    return membership->places[SL_MEMBERS_SELF];
}

bool sl_members_is_self(const struct sl_membership *membership, size_t index) {
    return index == membership->places[SL_MEMBERS_SELF];
}

enum sl_status sl_members_add(struct sl_membership *membership, size_t *index, const char *node) {
    bool known = sl_members_find(membership, index, node);
    assert(!known);
    (void)known;
    if (membership->count >= SL_MEMBERS_MAX)
        return SL_LIMIT;
    size_t wanted = membership->count + 1;
    enum sl_status status =
        sl_array_reserve(&membership->members, &membership->member_capacity, wanted, sizeof *membership->members);
    if (status == SL_OK)
        status =
            sl_array_reserve(&membership->details, &membership->detail_capacity, wanted, sizeof *membership->details);
    if (status == SL_OK)
        status = sl_array_reserve(&membership->places, &membership->place_capacity, wanted, sizeof *membership->places);
    if (status != SL_OK)
        return status;
    struct sl_member *member = &membership->members[*index];
    struct detail *detail = &membership->details[*index];
    size_t behind = membership->count - *index;
    memmove(member + 1, member, behind * sizeof *member);
    memmove(detail + 1, detail, behind * sizeof *detail);
    membership->count = wanted;
    membership->live++;
    *member = (struct sl_member){.entry = {.state = SL_MEMBER_ALIVE}};
    memcpy(member->entry.node, node, strlen(node) + 1);
    *detail = (struct detail){.number = (uint32_t)membership->count - 1,
                              .tag = sl_digest_number(node, strlen(node)),
                              .heard = membership->now,
                              .dial_at = SL_NEVER,
                              .tell_at = SL_NEVER};
    for (size_t i = *index; i < membership->count; i++)
        membership->places[membership->details[i].number] = (uint32_t)i;
    membership->changed = true;
    return SL_OK;
}

void sl_members_finish_entry(struct sl_member_entry *entry) {
    for (size_t i = 0; i < entry->address_count; i++)
        free(entry->addresses[i]);
    free(entry->addresses);
    entry->addresses = NULL;
    entry->address_count = 0;
}

static bool has_address(const struct sl_member_entry *entry, const char *address) {
    for (size_t i = 0; i < entry->address_count; i++) {
        if (strcmp(entry->addresses[i], address) == 0)
            return true;
    }
    return false;
}

static enum sl_status add_address(struct sl_member_entry *entry, const char *text) {
    struct sl_address address;
    char canonical[SL_ADDRESS_SIZE];
    if (sl_address_parse(&address, text, NULL) != SL_OK || address.port == 0)
        return SL_OK; /* of no use */
    sl_address_format(canonical, &address);
    if (has_address(entry, canonical))
        return SL_OK;
    char *copy = strdup(canonical);
    if (copy == NULL)
        return SL_NO_MEMORY;
    entry->addresses[entry->address_count++] = copy;
    return SL_OK;
}

enum sl_status sl_members_set_addresses(struct sl_member_entry *entry, char *const *addresses, size_t count) {
    struct sl_member_entry fresh = {0};
    if (count > SL_ADDRESSES_MAX)
        count = SL_ADDRESSES_MAX;
    if (count > 0) {
        fresh.addresses = calloc(count, sizeof *fresh.addresses);
        if (fresh.addresses == NULL)
            return SL_NO_MEMORY;
    }
    enum sl_status status = SL_OK;
    for (size_t i = 0; i < count && status == SL_OK; i++)
        status = add_address(&fresh, addresses[i]);
    if (status != SL_OK) {
        sl_members_finish_entry(&fresh);
        return status;
    }
    sl_members_finish_entry(entry);
    entry->addresses = fresh.addresses;
    entry->address_count = fresh.address_count;
    return SL_OK;
}
