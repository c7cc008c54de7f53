/* Down: goodbyes, cuts, and closing from inside handlers. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

enum { MIB = 1 << 20 };

static void close_up(struct rig_side *side) {
    side->in_call = true;
    sl_connection_close(side->up, "closed by the test");
    sl_connection_close(side->up, "a second call changes nothing");
    side->in_call = false;
}

Test(closing, the_peer_hears_the_reason_and_both_ends_are_freed) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    close_up(alice);
    cr_assert_eq(sl_connection_send(alice->up, SL_FRAME_CREDIT, "x", 1), SL_CLOSED);
    rig_until(&rig, &alice->downs, 1);
    rig_until(&rig, &bob->downs, 1);
    cr_assert(!alice->down_inside_call);
    cr_assert_str_eq(bob->reason, "closed by the test");
    cr_assert(!bob->leaving);
    rig_until_empty(alice);
    rig_until_empty(bob);
    cr_assert_eq(alice->downs + bob->downs, 2);
    cr_assert(rig_logged(bob, "info peer down peer=alice"));
    rig_finish(&rig);
}

Test(closing, what_was_queued_before_the_goodbye_arrives) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    for (size_t i = 0; i < 10; i++)
        cr_assert_eq(sl_connection_send(alice->up, SL_FRAME_VERDICT, "v", 1), SL_OK);
    close_up(alice);
    rig_until(&rig, &bob->downs, 1);
    cr_assert_eq(bob->frame_count, 10);
    rig_finish(&rig);
}

Test(closing, queued_bulk_is_dropped_and_its_block_given_back) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct sl_block *block = sl_block_create(8 * MIB);
    cr_assert_eq(sl_connection_send_data(alice->up, 1, block, 0, 8 * MIB), SL_OK);
    close_up(alice);
    rig_until(&rig, &alice->downs, 1);
    cr_assert(sl_block_is_sole(block));
    rig_until(&rig, &bob->downs, 1);
    sl_block_unref(block);
    rig_finish(&rig);
}

static void cut(struct rig_side *side) {
    /* No goodbye, no close_notify: as a killed process. */
    sl_connection_drop(side->up);
    side->up = NULL;
}

Test(closing, a_missing_close_notify_is_reported_as_such) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    cut(alice);
    rig_until(&rig, &bob->downs, 1);
    cr_assert(strstr(bob->reason, "without close_notify") != NULL, "%s", bob->reason);
    rig_finish(&rig);
}

Test(closing, a_cut_in_the_middle_of_a_frame_delivers_no_part_of_it) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    static uint8_t room[SL_DATA_MAX];
    uint8_t part[SL_DATA_HEADER_SIZE + 100] = {0};
    bob->into[1] = room;
    sl_frame_put_data_header(part, &(struct sl_data_header){.transfer = 1, .length = 1000});
    rig_inject(alice, part, sizeof part);
    rig_until(&rig, &bob->offered, 1);
    cut(alice);
    rig_until(&rig, &bob->downs, 1);
    cr_assert_eq(bob->data_bytes, 0);
    cr_assert(strstr(bob->reason, "without close_notify") != NULL, "%s", bob->reason);
    rig_finish(&rig);
}

Test(closing, a_tls_record_that_was_tampered_with_ends_the_connection) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    cr_assert_eq(sl_tls_write(&alice->up->tls, "some bytes", 10, NULL), SL_OK);
    alice->transport->shared.send.data[12] ^= 1;
    cr_assert(sl_socket_flush(&alice->up->socket));
    rig_until(&rig, &bob->downs, 1);
    rig_until(&rig, &alice->downs, 1);
    cr_assert_eq(bob->frame_count, 0);
    cr_assert(strstr(alice->reason, "TLS alert 20") != NULL, "%s", alice->reason);
    rig_finish(&rig);
}

/* ---- from inside handlers ---- */

Test(closing, inside_peer_up) {
    struct rig rig;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    alice->on_up = close_up;
    rig_dial(alice, bob, "");
    rig_until(&rig, &alice->downs, 1);
    cr_assert(!alice->down_inside_call);
    rig_until_empty(bob);
    cr_assert_eq(bob->ups, bob->downs);
    rig_finish(&rig);
}

static enum sl_status close_in_control(struct rig_side *side, struct sl_error *error) {
    (void)error;
    close_up(side);
    return SL_OK;
}

Test(closing, inside_control_stops_delivery) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    bob->on_control = close_in_control;
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(sl_connection_send(alice->up, SL_FRAME_CREDIT, "x", 1), SL_OK);
    rig_until(&rig, &bob->downs, 1);
    cr_assert_eq(bob->frame_count, 1);
    cr_assert(!bob->down_inside_call);
    rig_until(&rig, &alice->downs, 1);
    rig_finish(&rig);
}

static enum sl_status close_and_refuse(struct rig_side *side, struct sl_error *error) {
    close_up(side);
    return sl_error_set(error, SL_FORMAT, "and refused, too");
}

Test(closing, inside_control_that_fails_as_well_is_told_once) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    bob->on_control = close_and_refuse;
    cr_assert_eq(sl_connection_send(alice->up, SL_FRAME_CREDIT, "x", 1), SL_OK);
    rig_until(&rig, &bob->downs, 1);
    rig_until_empty(bob);
    cr_assert_eq(bob->downs, 1);
    rig_finish(&rig);
}

Test(closing, inside_data_done) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct sl_block *block = sl_block_create(8 * MIB);
    bob->into[1] = malloc(8 * MIB);
    bob->on_data = close_up;
    cr_assert_eq(sl_connection_send_data(alice->up, 1, block, 0, 8 * MIB), SL_OK);
    rig_until(&rig, &bob->downs, 1);
    cr_assert_eq(bob->frame_count, 1);
    rig_until(&rig, &alice->downs, 1);
    rig_until_empty(alice);
    cr_assert(sl_block_is_sole(block));
    sl_block_unref(block);
    free(bob->into[1]);
    rig_finish(&rig);
}

static void dial_again(struct rig_side *side) {
    rig_dial(side, rig_side_of(side->rig, 1), "bob");
}

Test(closing, dialling_inside_peer_down) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0];
    alice->on_down = dial_again;
    close_up(alice);
    rig_until(&rig, &alice->ups, 2);
    rig_until(&rig, &rig.sides[1].ups, 2);
    alice->on_down = NULL;
    rig_finish(&rig);
}

/* ---- shutdown ---- */

static void note_done(void *context) {
    ++*(size_t *)context;
}

Test(shutdown, drains_what_is_queued_says_goodbye_and_is_done) {
    struct rig rig;
    size_t done = 0;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct sl_block *block = sl_block_create(16 * MIB);
    memset(block->data, 7, block->length);
    bob->into[1] = malloc(16 * MIB);
    cr_assert_eq(sl_connection_send_data(alice->up, 1, block, 0, 16 * MIB), SL_OK);
    sl_transport_shutdown(alice->transport, true, 60 * SL_SECOND, note_done, &done);
    cr_assert_eq(done + alice->downs, 0, "never from within the call");
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){bob->address}, 1, ""), SL_STATE);
    rig_until(&rig, &done, 1);
    cr_assert_eq(alice->downs, 1);
    cr_assert(alice->transport->connections == NULL);
    rig_until(&rig, &bob->downs, 1);
    cr_assert(bob->leaving);
    cr_assert_eq(bob->data_bytes, 16 * MIB, "all that was queued came first");
    sl_block_unref(block);
    free(bob->into[1]);
    rig_finish(&rig);
}

Test(shutdown, without_connections_is_done_at_once) {
    struct rig rig;
    size_t done = 0;
    rig_init_pair(&rig);
    sl_transport_shutdown(rig.sides[0].transport, false, 60 * SL_SECOND, note_done, &done);
    rig_until(&rig, &done, 1);
    rig_finish(&rig);
}

Test(shutdown, ends_by_the_timer_when_a_peer_does_not_read) {
    struct rig rig;
    size_t done = 0;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct sl_block *block = sl_block_create(64 * MIB);
    event_del(&bob->up->read);
    cr_assert_eq(sl_connection_send_data(alice->up, 1, block, 0, 64 * MIB), SL_OK);
    sl_transport_shutdown(alice->transport, true, 100 * SL_MILLISECOND, note_done, &done);
    rig_until(&rig, &done, 1);
    cr_assert_eq(alice->downs, 1);
    cr_assert(sl_block_is_sole(block));
    sl_block_unref(block);
    rig_finish(&rig);
}

Test(shutdown, a_dial_under_way_is_cancelled) {
    struct rig rig;
    size_t done = 0;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    rig_dial(alice, bob, "");
    rig_turns(&rig, 2);
    sl_transport_shutdown(alice->transport, false, 60 * SL_SECOND, note_done, &done);
    rig_until(&rig, &done, 1);
    rig_until(&rig, &alice->failures, 1);
    cr_assert_eq(alice->failure, SL_CANCELLED);
    cr_assert_eq(alice->ups, 0);
    rig_finish(&rig);
}

/* Each time tells all of its story or nothing, so that the log never shows an end without its beginning. */
Test(closing, a_member_that_comes_again_and_again_is_some_stories_in_the_log_and_others_are_told) {
    enum { TIMES = 60 };
    struct rig rig;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct rig_side *carol = rig_add(&rig, "carol", 31);
    for (size_t i = 1; i <= TIMES; i++) {
        rig_dial(bob, alice, "alice");
        rig_until(&rig, &alice->ups, i);
        rig_until(&rig, &bob->ups, i);
        sl_connection_close(bob->up, "once more");
        rig_until(&rig, &alice->downs, i);
        rig_until(&rig, &bob->downs, i);
    }
    for (size_t i = 0; i < 2; i++) {
        size_t admitted = rig_log_count(&rig.sides[i], "info peer admitted");
        cr_assert_geq(admitted, 1);
        cr_assert_leq(admitted, TIMES / 2);
        cr_assert_eq(rig_log_count(&rig.sides[i], "info peer up"), admitted);
        cr_assert_eq(rig_log_count(&rig.sides[i], "info peer down"), admitted);
    }
    rig_dial(carol, alice, "alice");
    rig_until(&rig, &alice->ups, TIMES + 1);
    cr_assert_eq(rig_log_count(alice, "info peer up peer=carol"), 1);
    rig_stop(alice);
    cr_assert(rig_logged(alice, "warning more connections than the log shows"), "nothing is left out without a word");
    rig_finish(&rig);
}
