/* Two nodes connect, talk and part. */
#include <criterion/criterion.h>
#include <string.h>

#include "failing.h"
#include "transport/rig.h"

static const sl_time PATIENCE = 20 * SL_SECOND;

static bool is_over(const struct rig *rig) {
    const struct rig_side *alice = &rig->sides[0], *bob = &rig->sides[1];
    return alice->failures > 0 || alice->downs > 0 || bob->downs > 0 ||
           (alice->frame_count > 0 && bob->frame_count > 0);
}

static void run_until_over(struct rig *rig) {
    sl_time begin = sl_clock_monotonic();
    while (!is_over(rig)) {
        event_base_loop(rig->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
        cr_assert_lt(sl_clock_monotonic() - begin, PATIENCE, "a connection hangs");
    }
}

static void say(struct rig_side *side) {
    static const uint8_t payload[100];
    if (sl_connection_send(side->up, SL_FRAME_READY, payload, sizeof payload) != SL_OK)
        return;
    struct sl_block *block = sl_block_create(200000);
    if (block == NULL) {
        sl_connection_close(side->up, "no memory");
        return;
    }
    memset(block->data, 1, block->length);
    (void)sl_connection_send_data(side->up, 1, block, 0, block->length);
    sl_block_unref(block);
}

/* Whatever fails, the connection ends or works, and nobody waits for a deadline. */
static bool meet(size_t n, enum sl_connection_security security) {
    struct rig rig;
    rig_init(&rig);
    (void)rig_add(&rig, "alice", 11);
    (void)rig_add(&rig, "bob", 22);
    for (size_t i = 0; i < rig.count; i++) {
        rig_set_modes(&rig.sides[i], security, security);
        rig.sides[i].on_up = say;
        rig.sides[i].log.level = SL_LOG_ERROR; /* the rig's own notes need memory */
    }
    failing_arm(n, FAILING_LIBEVENT);
    if (sl_transport_dial(rig.sides[0].transport, (const char *[]){rig.sides[1].address}, 1, "bob") == SL_OK)
        run_until_over(&rig);
    bool failed = failing_disarm();
    cr_assert(failed || (rig.sides[0].ups == 1 && rig.sides[1].ups == 1));
    rig_finish(&rig);
    return failed;
}

static void check_all(enum sl_connection_security security) {
    size_t n = 1;
    while (meet(n, security))
        n++;
    cr_assert_geq(n, 40);
    failing_check_leaks();
}

Test(allocations, connections_by_mtls) {
    check_all(SL_SECURITY_MTLS);
}

Test(allocations, connections_by_tls) {
    check_all(SL_SECURITY_TLS);
}

Test(allocations, connections_in_clear) {
    check_all(SL_SECURITY_CLEAR);
}
