/* Dials of several addresses: who is tried when, and what happens where one fails. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bare.h"
#include "rig.h"
#include "transport/race.h"

/* ---- names of our own ---- */

enum { BOOK_MAX = 4 };

struct entry {
    const char *host;
    uint16_t port; /* of the address; 0: as asked */
    const char *addresses[4];
    size_t count;
};

struct book {
    struct entry entries[BOOK_MAX];
    size_t count;
    size_t meeting; /* so many lookups wait for each other: they can only end together */
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    size_t waiting;
    struct sl_resolve_function function;
};

static void put_literal(union sl_socket_address *out, const char *text, uint16_t port) {
    struct sl_address address = {.port = port};
    snprintf(address.host, sizeof address.host, "%s", text);
    cr_assert(sl_resolve_literal(out, &address));
}

static void meet(struct book *book) {
    pthread_mutex_lock(&book->lock);
    book->waiting++;
    pthread_cond_broadcast(&book->arrived);
    while (book->waiting < book->meeting)
        pthread_cond_wait(&book->arrived, &book->lock);
    pthread_mutex_unlock(&book->lock);
}

/* Until a lookup hangs: one that has not begun is given up without a call. */
static void until_asked(struct book *book) {
    pthread_mutex_lock(&book->lock);
    while (book->waiting == 0)
        pthread_cond_wait(&book->arrived, &book->lock);
    pthread_mutex_unlock(&book->lock);
}

static size_t look_up(void *context, union sl_socket_address *out, size_t max, const struct sl_address *address,
                      const char **problem) {
    struct book *book = context;
    meet(book);
    for (size_t i = 0; i < book->count; i++) {
        const struct entry *entry = &book->entries[i];
        if (strcmp(entry->host, address->host) != 0)
            continue;
        for (size_t j = 0; j < entry->count && j < max; j++)
            put_literal(&out[j], entry->addresses[j], entry->port != 0 ? entry->port : address->port);
        return entry->count;
    }
    *problem = "nobody of this name";
    return 0;
}

static void book_init(struct book *book) {
    book->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    book->arrived = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    book->function = (struct sl_resolve_function){.context = book, .resolve = look_up};
}

/* ---- places where nobody answers ---- */

/* A listener whose queue is full: the kernel drops every further SYN, as a firewall does. */
struct blackhole {
    int fds[4];
    size_t count;
    char address[32];
};

static void blackhole_open(struct blackhole *hole) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000009)};
    socklen_t length = sizeof at;
    hole->fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(hole->fds[0], (struct sockaddr *)&at, length), 0);
    cr_assert_eq(listen(hole->fds[0], 0), 0);
    cr_assert_eq(getsockname(hole->fds[0], (struct sockaddr *)&at, &length), 0);
    for (hole->count = 1; hole->count < 4; hole->count++) {
        hole->fds[hole->count] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(hole->fds[hole->count], (struct sockaddr *)&at, length);
    }
    snprintf(hole->address, sizeof hole->address, "127.0.0.9:%u", (unsigned)ntohs(at.sin_port));
}

static void blackhole_close(struct blackhole *hole) {
    for (size_t i = 0; i < hole->count; i++)
        close(hole->fds[i]);
}

/* A port that nobody listens on. */
static void closed_port(struct rig *rig, char out[32]) {
    struct rig_side *gone = rig_add(rig, "gone", 99);
    snprintf(out, 32, "%s", gone->address);
    rig_stop(gone);
}

/* ---- the order, by the race alone ---- */

struct course {
    struct event_base *base;
    uint16_t ports[8];
    int families[8];
    size_t names[8];
    size_t failed, over;
};

static void note_won(void *context, int fd, size_t name, const union sl_socket_address *address) {
    (void)context;
    (void)fd;
    (void)name;
    (void)address;
    cr_assert_fail("nobody listens there");
}

static void note_failed(void *context, size_t name, const union sl_socket_address *address, enum sl_status status,
                        const char *reason) {
    struct course *course = context;
    (void)status;
    (void)reason;
    course->families[course->failed] = address->any.sa_family;
    course->names[course->failed] = name;
    course->ports[course->failed++] = ntohs(address->v4.sin_port); /* at the same place in both */
}

static void note_over(void *context) {
    struct course *course = context;
    course->over++;
}

static const struct sl_race_handlers RUN = {.won = note_won, .failed = note_failed, .over = note_over};

static void add(struct sl_race *race, size_t name, const char *literal, uint16_t port) {
    union sl_socket_address address;
    put_literal(&address, literal, port);
    cr_assert_eq(sl_race_add(race, name, &address), SL_OK);
}

static void run(struct sl_race *race, struct course *course) {
    cr_assert_eq(sl_race_go(race), SL_OK);
    while (course->over == 0)
        event_base_loop(course->base, EVLOOP_ONCE);
}

Test(race, families_take_turns_in_the_order_of_names) {
    struct course course = {.base = event_base_new()};
    struct sl_race race;
    struct sl_race_handlers handlers = RUN;
    handlers.context = &course;
    sl_race_init(&race, course.base, (struct timeval){.tv_sec = 60}, &handlers);
    /* Ports 1 to 6 are nobody's in a test; where IPv6 is missing its attempts fail all the same. */
    add(&race, 1, "127.0.0.1", 5);
    add(&race, 0, "::1", 1);
    add(&race, 0, "::1", 2);
    add(&race, 0, "::1", 3);
    add(&race, 0, "127.0.0.1", 4);
    add(&race, 0, "127.0.0.1", 4); /* twice is once */
    run(&race, &course);
    static const uint16_t order[] = {1, 4, 2, 5, 3};
    cr_assert_eq(course.failed, 5);
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(course.ports[i], order[i], "attempt %zu went to port %u", i, course.ports[i]);
    cr_assert_eq(course.names[3], 1);
    sl_race_finish(&race);
    event_base_free(course.base);
}

Test(race, what_is_added_later_or_skipped_counts) {
    struct course course = {.base = event_base_new()};
    struct sl_race race;
    struct sl_race_handlers handlers = RUN;
    handlers.context = &course;
    sl_race_init(&race, course.base, (struct timeval){.tv_sec = 60}, &handlers);
    add(&race, 0, "127.0.0.1", 1);
    add(&race, 1, "127.0.0.1", 2);
    sl_race_skip(&race, 1);
    run(&race, &course);
    cr_assert_eq(course.failed, 1);
    course.over = 0;
    add(&race, 2, "127.0.0.1", 3);
    run(&race, &course);
    cr_assert_eq(course.failed, 2);
    cr_assert_eq(course.ports[1], 3);
    course.over = 0;
    run(&race, &course);
    cr_assert_eq(course.failed, 2, "nothing is tried twice");
    for (uint16_t i = 0; i < 2 * SL_RACE_ATTEMPTS_MAX; i++)
        add(&race, 3, "127.0.0.1", (uint16_t)(10 + i));
    cr_assert_eq(race.count, SL_RACE_ATTEMPTS_MAX, "a name with a thousand addresses");
    sl_race_finish(&race);
    event_base_free(course.base);
}

/* ---- dials ---- */

Test(dialer, an_address_that_swallows_everything_costs_a_quarter_of_a_second) {
    struct rig rig;
    struct blackhole hole;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    blackhole_open(&hole);
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){hole.address, bob->address}, 2, "bob"), SL_OK);
    rig_until(&rig, &alice->ups, 1); /* the timeout of the first one would be a minute */
    cr_assert_eq(alice->transport->counters.dialled, 1);
    cr_assert(alice->transport->dials == NULL);
    blackhole_close(&hole);
    rig_finish(&rig);
}

Test(dialer, an_address_that_refuses_leads_to_the_next) {
    struct rig rig;
    char nobody[32];
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    closed_port(&rig, nobody);
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){nobody, bob->address}, 2, "bob"), SL_OK);
    rig_until(&rig, &alice->ups, 1);
    cr_assert_eq(alice->failures, 0);
    rig_finish(&rig);
}

Test(dialer, who_answers_and_is_not_let_in_leads_to_the_next) {
    struct rig rig;
    struct sl_test_flock other;
    rig_init_pair(&rig);
    sl_test_flock_init(&other, "demo");
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    struct rig_side *mallory = rig_add_identity(&rig, sl_test_member(&other, "bob"), 3);
    struct rig_side *carol = rig_add(&rig, "carol", 4);
    const char *all[] = {mallory->address, carol->address, alice->address, bob->address};
    cr_assert_eq(sl_transport_dial(alice->transport, all, 4, "bob"), SL_OK);
    rig_until(&rig, &alice->ups, 1);
    rig_until(&rig, &bob->ups, 1); /* neither a stranger, nor another member, nor itself */
    cr_assert_eq(alice->failures, 0);
    cr_assert_eq(carol->ups, 0);
    sl_test_flock_finish(&other);
    rig_finish(&rig);
}

Test(dialer, after_the_last_address_the_best_reason_is_told_once) {
    struct rig rig;
    char nobody[32];
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *carol = rig_add(&rig, "carol", 4);
    closed_port(&rig, nobody);
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){carol->address, nobody}, 2, "bob"), SL_OK);
    rig_until(&rig, &alice->failures, 1);
    cr_assert_eq(alice->failure, SL_MISMATCH, "that somebody else was there says more than that nobody was");
    cr_assert_str_eq(alice->failed_address, carol->address, "a dial is called by its first address");
    rig_turns(&rig, 5);
    cr_assert_eq(alice->failures, 1);
    rig_finish(&rig);
}

Test(dialer, a_node_is_dialled_once_at_a_time_whatever_the_addresses) {
    struct rig rig;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    rig_dial(alice, bob, "bob");
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){"127.0.0.1:9"}, 1, "bob"), SL_EXISTS);
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){bob->address}, 1, ""), SL_EXISTS);
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){"127.0.0.1:1"}, 1, "carol"), SL_OK);
    rig_until(&rig, &alice->ups, 1);
    rig_finish(&rig);
}

Test(dialer, what_is_no_address_is_passed_over_beside_one_that_is) {
    struct rig rig;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    char label[80];
    memset(label, 'a', 64);
    snprintf(label + 64, sizeof label - 64, ".test:7400");
    const char *all[] = {label, "[fe80::1%eth0]:7400", "127.0.0.1:0", bob->address};
    cr_assert_neq(sl_transport_dial(alice->transport, all, 3, "bob"), SL_OK);
    cr_assert_neq(sl_transport_dial(alice->transport, all, 0, "bob"), SL_OK);
    cr_assert(alice->transport->dials == NULL);
    cr_assert_eq(sl_transport_dial(alice->transport, all, 4, "bob"), SL_OK);
    rig_until(&rig, &alice->ups, 1);
    rig_finish(&rig);
}

Test(dialer, connect_to_pins_a_node_whatever_is_advertised) {
    struct rig rig;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1], *carol = rig_add(&rig, "carol", 4);
    char name[] = "bob", none[] = "";
    struct sl_peer_setting rule = {.connect_to = bob->address, .node = name, .custom_ca_cert = none};
    alice->settings.transport.peers.items = &rule;
    alice->settings.transport.peers.count = 1;
    rig_restart(alice, 11, NULL);
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){carol->address}, 1, "bob"), SL_OK);
    rig_until(&rig, &alice->ups, 1);
    rig_until(&rig, &bob->ups, 1);
    cr_assert_eq(carol->transport->counters.accepted, 0);
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){carol->address}, 1, "carol"), SL_OK);
    rig_until(&rig, &alice->ups, 2);
    rig_until(&rig, &carol->ups, 1); /* the rule is of bob alone */
    rig_finish(&rig);
}

/* ---- names ---- */

static void long_name(char out[SL_ADDRESS_SIZE], uint16_t port) {
    char host[SL_HOST_MAX + 1];
    memset(host, 'a', sizeof host);
    for (size_t i = 63; i < SL_HOST_MAX; i += 64)
        host[i] = '.';
    host[SL_HOST_MAX] = '\0';
    if (host[SL_HOST_MAX - 1] == '.')
        host[SL_HOST_MAX - 1] = 'a';
    snprintf(out, SL_ADDRESS_SIZE, "%s:%u", host, (unsigned)port);
}

Test(dialer, names_are_resolved_all_at_the_same_time) {
    struct rig rig;
    struct book book = {.entries = {{.host = "one.test"}, {.host = "two.test"}}, .count = 2, .meeting = 3};
    char one[32], two[32], three[SL_ADDRESS_SIZE];
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    book_init(&book);
    book.entries[1].addresses[0] = "127.0.0.1";
    book.entries[1].count = 1;
    rig_restart(alice, 11, &book.function);
    snprintf(one, sizeof one, "one.test:%u", (unsigned)bob->port);
    snprintf(two, sizeof two, "two.test:%u", (unsigned)bob->port);
    long_name(three, bob->port);
    const char *all[] = {one, two, three};
    cr_assert_eq(sl_transport_dial(alice->transport, all, 3, "bob"), SL_OK);
    rig_until(&rig, &alice->failures, 1); /* its certificate is for other hosts */
    cr_assert(strstr(alice->reason, "two.test") != NULL, "the host that was dialled counts: %s", alice->reason);
    rig_finish(&rig);
}

Test(dialer, a_literal_does_not_wait_for_a_name) {
    struct rig rig;
    static struct book book = {.count = 0, .meeting = 2}; /* its lookup may outlast the test */
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    book_init(&book);
    rig_restart(alice, 11, &book.function);
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){"slow.test:7400", bob->address}, 2, "bob"),
                 SL_OK);
    until_asked(&book);
    rig_until(&rig, &alice->ups, 1); /* while the lookup hangs */
    meet(&book);
    rig_finish(&rig);
}

Test(dialer, a_name_that_nobody_knows_is_told_with_its_reason) {
    struct rig rig;
    struct book book = {.count = 0};
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0];
    book_init(&book);
    rig_restart(alice, 11, &book.function);
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){"nowhere.test:7400"}, 1, ""), SL_OK);
    rig_until(&rig, &alice->failures, 1);
    cr_assert_eq(alice->failure, SL_NOT_FOUND);
    cr_assert_str_eq(alice->reason, "nowhere.test: nobody of this name");
    rig_finish(&rig);
}

Test(dialer, a_name_with_a_dead_address_and_a_live_one) {
    struct rig rig;
    struct book book = {.entries = {{.host = "localhost"}}, .count = 1};
    char address[32];
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0], *bob = &rig.sides[1];
    book_init(&book);
    book.entries[0].addresses[0] = "::1"; /* bob listens on 127.0.0.1 alone */
    book.entries[0].addresses[1] = "127.0.0.1";
    book.entries[0].count = 2;
    rig_restart(alice, 11, &book.function);
    snprintf(address, sizeof address, "localhost:%u", (unsigned)bob->port);
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){address}, 1, "bob"), SL_OK);
    rig_until(&rig, &alice->ups, 1);
    rig_finish(&rig);
}

/* ---- the end ---- */

struct ending {
    struct rig_side *side;
    size_t failures, done;
};

static void note_done(void *context) {
    struct ending *ending = context;
    ending->failures = ending->side->failures;
    ending->done++;
}

Test(dialer, a_shutdown_is_done_after_the_last_dial_failed) {
    struct rig rig;
    struct blackhole hole;
    static struct book book = {.count = 0, .meeting = 2}; /* its lookup may outlast the test */
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0];
    struct ending ending = {.side = alice};
    book_init(&book);
    rig_restart(alice, 11, &book.function);
    blackhole_open(&hole);
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){hole.address}, 1, ""), SL_OK);
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){"slow.test:7400"}, 1, "bob"), SL_OK);
    until_asked(&book);
    sl_transport_shutdown(alice->transport, false, 60 * SL_SECOND, note_done, &ending);
    rig_until(&rig, &ending.done, 1);
    cr_assert_eq(ending.failures, 2, "both were told before");
    cr_assert_eq(alice->failure, SL_CANCELLED);
    meet(&book);
    blackhole_close(&hole);
    rig_finish(&rig);
}

/* As getaddrinfo does for half a minute where DNS is dead. */
Test(dialer, the_end_does_not_wait_for_a_name, .timeout = 60) {
    static struct book book = {.count = 0, .meeting = SIZE_MAX};
    struct rig rig;
    char name[32];
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0];
    book_init(&book);
    rig_restart(alice, 11, &book.function);
    for (unsigned i = 0; i < 20; i++) { /* more than there are workers: some wait in the queue */
        snprintf(name, sizeof name, "slow%u.test:7400", i);
        cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){name}, 1, ""), SL_OK);
    }
    until_asked(&book);
    rig_stop(alice);
    cr_assert_eq(alice->failures, 0);
    rig_finish(&rig);
}

Test(dialer, a_shutdown_without_time_tells_of_its_dials_too) {
    struct rig rig;
    struct blackhole hole;
    rig_init_pair(&rig);
    struct rig_side *alice = &rig.sides[0];
    struct ending ending = {.side = alice};
    blackhole_open(&hole);
    cr_assert_eq(sl_transport_dial(alice->transport, (const char *[]){hole.address}, 1, ""), SL_OK);
    sl_transport_shutdown(alice->transport, false, 0, note_done, &ending);
    rig_until(&rig, &ending.done, 1);
    cr_assert_eq(ending.failures, 1);
    rig_turns(&rig, 3);
    cr_assert_eq(alice->failures, 1);
    blackhole_close(&hole);
    rig_finish(&rig);
}
