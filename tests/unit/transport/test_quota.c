/* What an admitted peer may cost: floods of control frames, and frames and bytes that never end. */
#include <criterion/criterion.h>
#include <string.h>

#include "rig.h"
#include "transport/quota.h"

static const struct sl_quota_limits LIMITS = {.messages = 100, .bytes = 1000, .stall = SL_SECOND};

Test(quota, a_window_of_messages_passes_and_no_more) {
    struct sl_quota quota = {0};
    struct sl_error error = {.text = ""};
    sl_time now = SL_SECOND;
    for (int i = 0; i < 100 * SL_QUOTA_WINDOW_SECONDS; i++)
        cr_assert_eq(sl_quota_take(&quota, &LIMITS, 0, now, &error), SL_OK);
    cr_assert_eq(sl_quota_take(&quota, &LIMITS, 0, now, &error), SL_LIMIT);
    cr_assert(strstr(error.text, "100 control messages") != NULL, "%s", error.text);
    now += SL_SECOND;
    for (int i = 0; i < 99; i++)
        cr_assert_eq(sl_quota_take(&quota, &LIMITS, 0, now, &error), SL_OK);
    cr_assert_eq(sl_quota_take(&quota, &LIMITS, 0, now, &error), SL_LIMIT);
}

Test(quota, whoever_stays_at_the_rate_is_never_refused) {
    struct sl_quota quota = {0};
    sl_time now = SL_SECOND;
    for (int i = 0; i < 10000; i++, now += 10 * SL_MILLISECOND)
        cr_assert_eq(sl_quota_take(&quota, &LIMITS, 10, now, NULL), SL_OK);
}

Test(quota, bytes_count_apart_from_messages) {
    struct sl_quota quota = {0};
    struct sl_error error = {.text = ""};
    cr_assert_eq(sl_quota_take(&quota, &LIMITS, 1000, SL_SECOND, &error), SL_OK);
    cr_assert_eq(sl_quota_take(&quota, &LIMITS, 1000, SL_SECOND, &error), SL_OK);
    cr_assert_eq(sl_quota_take(&quota, &LIMITS, 1, SL_SECOND, &error), SL_LIMIT);
    cr_assert(strstr(error.text, "1000 bytes") != NULL, "%s", error.text);
}

/* ---- over a connection ---- */

Test(quota, a_flood_of_pings_ends_the_connection_with_the_reason) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    bob->transport->quota_limits.messages = 100;
    for (int i = 0; i < 1000; i++)
        (void)sl_connection_ping(alice->up);
    rig_until(&rig, &bob->downs, 1);
    cr_assert(strstr(bob->reason, "control messages a second") != NULL, "%s", bob->reason);
    rig_until(&rig, &alice->downs, 1);
    cr_assert(strstr(alice->reason, "control messages a second") != NULL, "%s", alice->reason);
    rig_finish(&rig);
}

/* A bare sl_reader has no clock, so the watch is run by hand at made-up times. */
static void look(struct rig_side *side, double seconds) {
    sl_quota_look(side->transport, sl_clock_monotonic() + sl_time_from_seconds(seconds));
}

Test(quota, a_frame_that_is_never_whole_ends_by_the_stall_timeout) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    uint8_t bytes[SL_FRAME_HEADER_SIZE + 1];
    sl_frame_put_header(bytes, &(struct sl_frame_header){.length = 100, .type = SL_FRAME_ROSTER});
    bytes[SL_FRAME_HEADER_SIZE] = 0;
    look(bob, 0);
    look(bob, 1000);
    cr_assert_eq(bob->downs, 0, "who is silent between frames breaks no rule of the transport");
    event_del(&bob->transport->watch); /* or the real clock would come between */
    rig_inject(alice, bytes, sizeof bytes);
    while (bob->up->reader.part != SL_READER_PAYLOAD)
        event_base_loop(rig.base, EVLOOP_ONCE);
    event_del(&bob->transport->watch);
    look(bob, 2000);
    look(bob, 2029);
    cr_assert_eq(bob->downs, 0);
    look(bob, 2031);
    cr_assert_eq(bob->downs, 1);
    cr_assert(strstr(bob->reason, "not whole within 30 s") != NULL, "%s", bob->reason);
    rig_finish(&rig);
}

Test(quota, whoever_reads_a_byte_now_and_then_ends_by_the_stall_timeout) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct sl_block *block = sl_block_create(32 << 20);
    cr_assert(block != NULL);
    memset(block->data, 1, block->length);
    event_del(&alice->transport->watch);
    event_del(&bob->up->read);
    cr_assert_eq(sl_connection_send_data(alice->up, 1, block, 0, block->length), SL_OK);
    sl_block_unref(block);
    /* The kernel takes some of it, then no more. */
    for (uint64_t sent = 0; sent != alice->up->socket.sent; event_base_loop(rig.base, EVLOOP_ONCE | EVLOOP_NONBLOCK))
        sent = alice->up->socket.sent;
    cr_assert(!sl_writer_is_empty(&alice->up->writer));
    look(alice, 1000);
    look(alice, 1020);
    alice->up->socket.sent += SL_STALL_SEND_MIN; /* slow, but it reads */
    look(alice, 1029);
    look(alice, 1058);
    cr_assert_eq(alice->downs, 0);
    alice->up->socket.sent += 1;
    look(alice, 1060);
    cr_assert_eq(alice->downs, 1);
    cr_assert(strstr(alice->reason, "did not read") != NULL, "%s", alice->reason);
    rig_finish(&rig);
}

Test(quota, the_watch_ends_with_the_last_connection) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0];
    cr_assert(event_pending(&alice->transport->watch, EV_TIMEOUT, NULL));
    sl_connection_close(alice->up, "enough");
    rig_until_empty(alice);
    while (event_pending(&alice->transport->watch, EV_TIMEOUT, NULL))
        event_base_loop(rig.base, EVLOOP_ONCE);
    rig_finish(&rig);
}
