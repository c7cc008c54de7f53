/* Key updates under load, by transport.key_update_bytes. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

enum { MIB = 1 << 20, UPDATES = 4, LENGTH = 4 * MIB };

static void set_update_bytes(struct rig_side *side, uint64_t bytes) {
    side->settings.transport.key_update_bytes = bytes;
}

static void connect_by(struct rig *rig, enum sl_connection_security security, uint64_t bytes) {
    rig_init_pair(rig);
    for (size_t i = 0; i < rig->count; i++) {
        set_update_bytes(&rig->sides[i], bytes);
        rig_set_modes(&rig->sides[i], security, security);
    }
    rig_dial(&rig->sides[0], &rig->sides[1], "bob");
    rig_until(rig, &rig->sides[0].ups, 1);
    rig_until(rig, &rig->sides[1].ups, 1);
}

static uint64_t updates_of(const struct rig_side *side) {
    struct sl_transport_counters counters;
    sl_transport_counters(side->transport, &counters);
    return counters.key_updates;
}

static struct sl_block *make_block(void) {
    struct sl_block *block = sl_block_create(LENGTH);
    cr_assert(block != NULL);
    for (size_t i = 0; i < block->length; i++)
        block->data[i] = (uint8_t)(i * 7 + i / 1000);
    return block;
}

static void send_more(struct rig_side *side, struct sl_block *block) {
    if (side->up->writer.bulk.queued < LENGTH)
        cr_assert_eq(sl_connection_send_data(side->up, 1, block, 0, LENGTH), SL_OK);
}

/* Both directions at once, as fast as it goes, until both have changed their keys so often; then the rest arrives. */
static void check_under_load(enum sl_connection_security security) {
    struct rig rig;
    connect_by(&rig, security, MIB);
    struct sl_block *block = make_block();
    sl_time begin = sl_clock_monotonic();
    for (size_t i = 0; i < 2; i++)
        cr_assert((rig.sides[i].into[1] = calloc(1, LENGTH)) != NULL);
    while (updates_of(&rig.sides[0]) < UPDATES || updates_of(&rig.sides[1]) < UPDATES) {
        for (size_t i = 0; i < 2; i++)
            send_more(&rig.sides[i], block);
        event_base_loop(rig.base, EVLOOP_ONCE);
        cr_assert_eq(rig.sides[0].downs + rig.sides[1].downs, 0, "%s", rig.sides[0].reason);
    }
    sl_time passed = sl_clock_monotonic() - begin;
    cr_assert_geq(passed, (UPDATES - 1) * SL_TLS_UPDATE_EVERY, "not sooner, or the peer's guard would end it");
    for (size_t i = 0; i < 2; i++) {
        uint64_t sent = rig.sides[i].transport->counters.data_sent + rig.sides[i].up->writer.bulk.queued;
        rig_until_bytes(&rig, &rig.sides[1 - i].data_bytes, sent);
        cr_assert_eq(memcmp(rig.sides[1 - i].into[1], block->data, LENGTH), 0);
        free(rig.sides[1 - i].into[1]);
    }
    sl_block_unref(block);
    rig_finish(&rig);
}

Test(updates, pass_in_both_directions_under_load_without_loss) {
    check_under_load(SL_SECURITY_MTLS);
}

Test(updates, of_the_outer_session_pass_as_well) {
    check_under_load(SL_SECURITY_TLS);
}

static uint64_t updates_after(enum sl_connection_security security, uint64_t bytes) {
    struct rig rig;
    connect_by(&rig, security, bytes);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct sl_block *block = make_block();
    bob->into[1] = malloc(LENGTH);
    cr_assert(bob->into[1] != NULL);
    cr_assert_eq(sl_connection_send_data(alice->up, 1, block, 0, LENGTH), SL_OK);
    sl_block_unref(block);
    rig_until_bytes(&rig, &bob->data_bytes, LENGTH);
    free(bob->into[1]);
    uint64_t updates = updates_of(alice);
    cr_assert_eq(updates_of(bob), 0, "it sent next to nothing");
    cr_assert_eq(alice->downs + bob->downs, 0);
    rig_finish(&rig);
    return updates;
}

Test(updates, come_after_so_many_bytes_and_where_there_are_keys) {
    cr_assert_eq(updates_after(SL_SECURITY_MTLS, LENGTH), 1);
    cr_assert_eq(updates_after(SL_SECURITY_MTLS, LENGTH + MIB), 0);
    cr_assert_eq(updates_after(SL_SECURITY_MTLS, 0), 0, "when GnuTLS does it");
    cr_assert_eq(updates_after(SL_SECURITY_CLEAR, MIB), 0, "the tags' keys need none");
}
