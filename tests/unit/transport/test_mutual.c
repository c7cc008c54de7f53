/* Two nodes dial each other at once, again and again: one connection each time. MUTUAL_DIALS in the environment says
 * how often, 300 times without it; the full run of issue size is MUTUAL_DIALS=10000. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include <netinet/in.h>

#include "rig.h"

static size_t rounds_wanted(void) {
    const char *text = getenv("MUTUAL_DIALS");
    size_t wanted = text == NULL ? 0 : strtoul(text, NULL, 10);
    return wanted == 0 ? 300 : wanted;
}

static size_t count_connections(const struct rig_side *side) {
    size_t count = 0;
    for (const struct sl_connection *at = side->transport->connections; at != NULL; at = at->next)
        count++;
    return count;
}

static bool is_settled(const struct rig_side *side) {
    return count_connections(side) == 1 && side->up != NULL && side->transport->connections == side->up &&
           side->transport->dials == NULL && side->transport->closed == NULL;
}

static uint16_t port_of(int fd, int (*get)(int, struct sockaddr *, socklen_t *)) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    cr_assert_eq(get(fd, (struct sockaddr *)&address, &length), 0);
    return ntohs(address.sin_port);
}

static int name_of_socket(int fd, struct sockaddr *address, socklen_t *length) {
    return getsockname(fd, address, length);
}

static int name_of_peer(int fd, struct sockaddr *address, socklen_t *length) {
    return getpeername(fd, address, length);
}

static void run_until_settled(struct rig *rig, size_t round) {
    sl_time begin = sl_clock_monotonic();
    while (!is_settled(&rig->sides[0]) || !is_settled(&rig->sides[1])) {
        event_base_loop(rig->base, EVLOOP_ONCE);
        cr_assert_lt(sl_clock_monotonic() - begin, 30 * SL_SECOND, "round %zu: %zu and %zu connections", round,
                     count_connections(&rig->sides[0]), count_connections(&rig->sides[1]));
    }
}

Test(mutual, two_nodes_that_dial_each_other_at_once_keep_one_connection, .timeout = 3600) {
    struct rig rig;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    size_t rounds = rounds_wanted();
    unsigned seed = 1;
    alice->log.level = bob->log.level = SL_LOG_ERROR;
    for (size_t round = 1; round <= rounds; round++) {
        struct rig_side *first = rand_r(&seed) % 2 == 0 ? alice : bob, *second = first == alice ? bob : alice;
        rig_dial(first, second, sl_identity_node(second->identity));
        rig_turns(&rig, (size_t)rand_r(&seed) % 24); /* from the same moment to when the first one is nearly through */
        enum sl_status status = sl_transport_dial(second->transport, (const char *[]){first->address}, 1,
                                                  sl_identity_node(first->identity));
        cr_assert_eq(status, SL_OK);
        run_until_settled(&rig, round);
        int here = alice->up->socket.fd, there = bob->up->socket.fd;
        cr_assert_eq(port_of(here, name_of_socket), port_of(there, name_of_peer), "both keep the same one");
        cr_assert_eq(port_of(here, name_of_peer), port_of(there, name_of_socket));
        size_t heard = bob->frame_count;
        cr_assert_eq(sl_connection_send(alice->up, SL_FRAME_CREDIT, "x", 1), SL_OK);
        rig_until(&rig, &bob->frame_count, heard + 1);
        cr_assert(alice->up->dialled, "the one that the lower name dialled");
        size_t downs[2] = {alice->downs, bob->downs};
        sl_connection_close(alice->up, "next round");
        rig_until(&rig, &alice->downs, downs[0] + 1);
        rig_until(&rig, &bob->downs, downs[1] + 1);
        rig_until_empty(alice);
        rig_until_empty(bob);
    }
    fprintf(stderr, "%zu mutual dials, one connection each time\n", rounds);
    rig_finish(&rig);
}
