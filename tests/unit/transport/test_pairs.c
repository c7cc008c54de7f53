/* Two processes with one name: a kit that was copied, and a process that was restarted. */
#include <criterion/criterion.h>
#include <string.h>

#include "relay.h"
#include "rig.h"

Test(pairs, a_copied_kit_is_refused_and_told_about_once_a_minute) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct rig_side *copy = rig_add(&rig, "bob", 23);
    for (size_t i = 1; i <= 2; i++) {
        rig_dial(copy, alice, "alice");
        rig_until(&rig, &copy->failures, i);
        cr_assert_eq(copy->failure, SL_UNTRUSTED);
        cr_assert(strstr(copy->reason, "another process of this node is connected at 127.0.0.1:") != NULL, "%s",
                  copy->reason);
    }
    cr_assert_eq(copy->ups, 0, "it was never acknowledged");
    cr_assert_eq(alice->ups, 1);
    cr_assert_eq(alice->downs + bob->downs, 0);
    cr_assert_eq(alice->alarms, 1);
    cr_assert_eq(rig_log_count(alice, "error copied kit peer=bob"), 1);
    cr_assert_eq(rig_log_count(alice, "warning peer refused peer=bob"), 2, "each decision has its line");
    cr_assert_eq(rig_log_count(alice, "info peer admitted peer=bob"), 1, "and no other one");
    rig_finish(&rig);
}

/* It is the name that is counted, not the connection. */
Test(pairs, who_comes_anew_does_not_bring_a_new_alarm_about_itself) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct rig_side *copy = rig_add(&rig, "bob", 23);
    for (size_t i = 1; i <= 2; i++) {
        rig_dial(copy, alice, "alice");
        rig_until(&rig, &copy->failures, i);
        rig_restart(bob, 22, NULL);
        rig_until(&rig, &alice->downs, i);
        rig_dial(bob, alice, "alice");
        rig_until(&rig, &alice->ups, i + 1);
    }
    cr_assert_eq(alice->alarms, 1);
    cr_assert_eq(rig_log_count(alice, "error copied kit peer=bob"), 1);
    rig_finish(&rig);
}

Test(pairs, a_copied_kit_that_is_dialled_is_refused_as_well) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0];
    struct rig_side *copy = rig_add(&rig, "bob", 23);
    rig_dial(alice, copy, "bob");
    rig_until(&rig, &alice->failures, 1);
    cr_assert_eq(alice->failure, SL_UNTRUSTED);
    cr_assert_eq(alice->alarms, 1);
    cr_assert_eq(alice->downs, 0);
    cr_assert_eq(copy->ups, 0);
    rig_finish(&rig);
}

static const struct sl_hello *hello_of(const struct sl_connection *connection) {
    return connection == NULL ? NULL : connection->hello;
}

/* Whoever has the kit may dial its owner and hear the HELLO; what it says there must not make it the same process for
 * anybody else, or it would take the owner's connections without being noticed. */
Test(pairs, a_copied_kit_does_not_learn_the_nonce_that_others_hear) {
    struct rig rig;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    rig_dial(bob, alice, "alice");
    rig_until(&rig, &alice->ups, 1);
    struct rig_side *copy = rig_add(&rig, "bob", 23);
    rig_dial(copy, bob, "");
    const struct sl_hello *hello = NULL;
    while ((hello = hello_of(copy->transport->connections)) == NULL &&
           (hello = hello_of(copy->transport->closed)) == NULL)
        event_base_loop(rig.base, EVLOOP_ONCE);
    uint64_t heard = hello->boot;
    cr_assert_neq(heard, alice->up->boot);
    rig_restart(copy, heard, NULL);
    copy->failures = 0;
    rig_dial(copy, alice, "alice");
    rig_until(&rig, &copy->failures, 1);
    cr_assert_eq(alice->alarms, 1);
    cr_assert_eq(alice->downs + bob->downs, 0);
    rig_finish(&rig);
}

/* A machine that lost its power says nothing, not even an end. */
Test(pairs, a_process_that_went_silent_is_replaced_by_its_next_life) {
    struct rig rig;
    struct relay relay;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    relay_init(&relay, &rig, alice->port);
    cr_assert_eq(sl_transport_dial(bob->transport, (const char *[]){relay.address}, 1, "alice"), SL_OK);
    rig_until(&rig, &alice->ups, 1);
    rig_until(&rig, &bob->ups, 1);
    relay.silent = true;
    struct rig_side *again = rig_add(&rig, "bob", 23);
    rig_dial(again, alice, "alice");
    sl_time begin = sl_clock_monotonic();
    rig_until(&rig, &alice->ups, 2);
    /* The loop's clock is a little behind. */
    cr_assert_geq(sl_clock_monotonic() - begin, 2 * SL_SECOND - 100 * SL_MILLISECOND, "the old one had its time");
    cr_assert_eq(alice->downs, 1, "peer_down of the one comes before peer_up of the other");
    cr_assert(strstr(alice->reason, "new process") != NULL, "%s", alice->reason);
    cr_assert_eq(alice->alarms, 0);
    rig_until(&rig, &again->ups, 1);
    relay_finish(&relay);
    rig_finish(&rig);
}

Test(pairs, who_has_ended_does_not_hold_up_its_next_life) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0];
    rig_stop(&rig.sides[1]);
    rig_until(&rig, &alice->downs, 1);
    struct rig_side *again = rig_add(&rig, "bob", 23);
    rig_dial(again, alice, "alice");
    struct sl_connection *connection = NULL;
    while (alice->ups < 2) {
        event_base_loop(rig.base, EVLOOP_ONCE);
        for (connection = alice->transport->connections; connection != NULL; connection = connection->next)
            cr_assert(!connection->contested, "there is nobody to contest");
    }
    rig_finish(&rig);
}

static struct sl_connection *find_contested(struct rig_side *side) {
    struct sl_connection *connection = side->transport->connections;
    while (connection != NULL && !connection->contested)
        connection = connection->next;
    return connection;
}

/* Alice and a bob that does not answer, connected, and the next process of bob, which waits for that. */
static struct rig_side *rig_init_contested(struct rig *rig) {
    rig_init_connected(rig);
    struct rig_side *alice = &rig->sides[0];
    event_del(&rig->sides[1].up->read);
    struct rig_side *again = rig_add(rig, "bob", 23);
    rig_dial(again, alice, "alice");
    while (find_contested(alice) == NULL)
        event_base_loop(rig->base, EVLOOP_ONCE);
    return again;
}

Test(pairs, the_end_of_the_old_one_decides_before_its_time_is_up) {
    struct rig rig;
    struct rig_side *again = rig_init_contested(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    cr_assert_eq(again->ups, 0);
    rig_stop(bob);
    rig_until(&rig, &again->ups, 1);
    rig_until(&rig, &alice->ups, 2);
    cr_assert_eq(alice->downs, 1);
    cr_assert(strstr(alice->reason, "new process") == NULL, "not by the clock: %s", alice->reason);
    cr_assert_eq(alice->alarms, 0);
    rig_finish(&rig);
}

/* Its kernel goes on sending what it had taken. */
Test(pairs, what_a_dead_process_left_on_the_way_is_no_sign_of_life) {
    struct rig rig;
    struct rig_side *again = rig_init_contested(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    cr_assert_eq(sl_connection_send(bob->up, SL_FRAME_CREDIT, "x", 1), SL_OK);
    rig_until(&rig, &alice->frame_count, 1);
    rig_turns(&rig, 10);
    rig_stop(bob);
    rig_until(&rig, &again->ups, 1);
    cr_assert_eq(again->failures + alice->alarms, 0);
    rig_finish(&rig);
}

Test(pairs, who_talks_and_never_answers_holds_up_a_newcomer_for_a_bounded_time) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    alice->transport->handshake_timeout = (struct timeval){.tv_sec = 2};
    event_del(&bob->up->read);
    struct rig_side *again = rig_add(&rig, "bob", 23);
    rig_dial(again, alice, "alice");
    while (again->failures == 0) {
        cr_assert_eq(sl_connection_send(bob->up, SL_FRAME_CREDIT, "x", 1), SL_OK);
        event_base_loopexit(rig.base, &(struct timeval){.tv_usec = 20000});
        event_base_loop(rig.base, 0);
    }
    cr_assert_eq(again->failure, SL_UNTRUSTED, "not by the deadline, which tells nobody: %s", again->reason);
    cr_assert_eq(alice->alarms, 1);
    cr_assert_eq(alice->downs, 0);
    rig_finish(&rig);
}

Test(pairs, of_two_next_lives_at_once_one_gets_in) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    event_del(&bob->up->read);
    struct rig_side *second = rig_add(&rig, "bob", 23), *third = rig_add(&rig, "bob", 24);
    rig_dial(second, alice, "alice");
    rig_dial(third, alice, "alice");
    rig_until(&rig, &alice->ups, 2);
    rig_until(&rig, &alice->alarms, 1);
    while (second->ups + third->ups < 1 || second->failures + third->failures < 1)
        event_base_loop(rig.base, EVLOOP_ONCE);
    cr_assert_eq(alice->ups, 2);
    cr_assert_eq(alice->downs, 1);
    rig_finish(&rig);
}

Test(pairs, a_newcomer_that_gives_up_while_it_waits_leaves_nothing) {
    struct rig rig;
    struct rig_side *again = rig_init_contested(&rig);
    struct rig_side *alice = &rig.sides[0];
    rig_stop(again);
    while (find_contested(alice) != NULL)
        event_base_loop(rig.base, EVLOOP_ONCE);
    cr_assert_eq(alice->ups, 1);
    cr_assert_eq(alice->downs, 0);
    rig_finish(&rig);
}

/* A preflight asks while the node runs. */
Test(pairs, a_probe_hears_that_it_is_admitted_and_disturbs_nobody) {
    struct rig rig;
    rig_init_connected(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct rig_side *probe = rig_add(&rig, "bob", 0);
    rig_dial(probe, alice, "alice");
    rig_until(&rig, &probe->ups, 1);
    cr_assert_str_eq(probe->peer, "alice");
    rig_until(&rig, &probe->downs, 1);
    rig_until_empty(probe);
    cr_assert_eq(alice->ups, 1);
    cr_assert_eq(alice->downs + bob->downs + alice->alarms, 0);
    cr_assert_eq(rig_log_count(alice, "info peer probed peer=bob"), 1);
    cr_assert_eq(rig_log_count(alice, "warning "), 0);
    cr_assert_eq(alice->transport->counters.refused, 0);
    rig_finish(&rig);
}
