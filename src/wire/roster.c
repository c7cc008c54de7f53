#include "wire/codec.h"

#include <stdlib.h>

#include "membership.pb-c.h"

static enum sl_status read_entry(struct sl_member_entry *out, const Starling__V1__MemberEntry *from,
                                 struct sl_error *error) {
    out->incarnation = from->incarnation;
    out->samples = from->samples;
    out->from_round = from->from_round;
    out->until_round = from->until_round;
    enum sl_status status = sl_wire_read_name(out->node, from->node, "node", error);
    if (status == SL_OK)
        status = sl_wire_check_range((uint64_t)from->state, SL_MEMBER_ALIVE, SL_MEMBER_LEFT, "state", error);
    if (status == SL_OK) {
        out->state = (enum sl_member_state)from->state;
        status = sl_wire_check_range(from->samples, 1, UINT64_MAX, "samples", error);
    }
    if (status == SL_OK)
        status =
            sl_wire_read_addresses(&out->addresses, &out->address_count, from->addresses, from->n_addresses, error);
    return status;
}

static enum sl_status read_roster(void *out, const void *message, struct sl_error *error) {
    struct sl_roster *roster = out;
    const Starling__V1__Roster *from = message;
    enum sl_status status = sl_wire_check_count(from->n_entries, 0, SL_ROSTER_ENTRIES_MAX, "entries", error);
    if (status != SL_OK || from->n_entries == 0)
        return status;
    roster->entries = calloc(from->n_entries, sizeof *roster->entries);
    if (roster->entries == NULL)
        return sl_wire_no_memory("entries", error);
    for (size_t i = 0; i < from->n_entries && status == SL_OK; i++) {
        roster->count = i + 1;
        status = read_entry(&roster->entries[i], from->entries[i], error);
    }
    return status;
}

static void fill_entry(Starling__V1__MemberEntry *out, const struct sl_member_entry *entry) {
    starling__v1__member_entry__init(out);
    out->node = (char *)entry->node;
    out->incarnation = entry->incarnation;
    out->state = (Starling__V1__MemberState)entry->state;
    out->samples = entry->samples;
    out->from_round = entry->from_round;
    out->until_round = entry->until_round;
    out->addresses = entry->addresses;
    out->n_addresses = entry->address_count;
}

static enum sl_status pack_roster(struct sl_buffer *out, const void *in) {
    const struct sl_roster *roster = in;
    if (roster->count > SL_ROSTER_ENTRIES_MAX)
        return SL_LIMIT;
    Starling__V1__MemberEntry entries[SL_ROSTER_ENTRIES_MAX];
    Starling__V1__MemberEntry *pointers[SL_ROSTER_ENTRIES_MAX];
    for (size_t i = 0; i < roster->count; i++) {
        fill_entry(&entries[i], &roster->entries[i]);
        pointers[i] = &entries[i];
    }
    Starling__V1__Roster message = STARLING__V1__ROSTER__INIT;
    message.entries = pointers;
    message.n_entries = roster->count;
    return sl_wire_pack(out, &message.base);
}

void sl_roster_finish(struct sl_roster *roster) {
    for (size_t i = 0; i < roster->count; i++)
        sl_wire_free_addresses(roster->entries[i].addresses, roster->entries[i].address_count);
    free(roster->entries);
    *roster = (struct sl_roster){0};
}

static void finish(void *in) {
    sl_roster_finish(in);
}

static const struct sl_wire_codec roster_codec = {.name = "roster",
                                                  .size = sizeof(struct sl_roster),
                                                  .descriptor = &starling__v1__roster__descriptor,
                                                  .read = read_roster,
                                                  .encode = pack_roster,
                                                  .finish = finish};

enum sl_status sl_roster_encode(struct sl_buffer *out, const struct sl_roster *in) {
    return pack_roster(out, in);
}

enum sl_status sl_roster_decode(struct sl_roster *out, const uint8_t *data, size_t length, struct sl_error *error) {
    return sl_wire_decode(&roster_codec, out, data, length, error);
}
