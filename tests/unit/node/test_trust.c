/* A running node takes new certificates and revocation lists: from files, from a peer, and not from anybody's word. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "node/internal.h"
#include "peer.h"

static struct peer peer;

/* What bob's log has said, by its messages. */
static struct {
    atomic_uint generations, from_files, delegations, refused, not_reloaded, newer, expiries;
    sl_log_sink *sink;
} said;

static void listen_in(void *context, enum sl_log_level level, const char *subsystem, const char *message,
                      const struct sl_field *fields) {
    if (strcmp(message, "a new generation is in force") == 0) {
        said.from_files += strcmp(fields[0].value.text, "files") == 0;
        said.delegations += strcmp(fields[0].value.text, "a new delegation") == 0;
        said.generations++;
    }
    said.refused += strcmp(message, "a revocation list is refused") == 0;
    said.newer += strcmp(message, "a newer revocation list") == 0;
    said.not_reloaded += strncmp(message, "not reloaded", strlen("not reloaded")) == 0;
    said.expiries += level >= SL_LOG_WARNING && strstr(message, "expire") != NULL;
    said.sink(context, level, subsystem, message, fields);
}

static const char forever[] = "\"rounds\":9,\"deadline_min\":20,\"deadline_max\":20,\"linger_max\":0";

static void set_up(void) {
    peer_init(&peer, "alice", forever, false);
    said.sink = peer.log.sink;
    peer.log.sink = listen_in;
}

static void tear_down(void) {
    peer_finish(&peer);
}

TestSuite(node_trust, .init = set_up, .fini = tear_down, .timeout = 120);

static void start(void) {
    peer_run_node(&peer);
    peer_connect(&peer);
}

static char *file_of(const char *name) {
    return sl_test_path(peer.flock.folder, name);
}

/* The certificate in a file, to be revoked; the caller's, for gnutls_free of its data. */
static struct sl_test_pair certificate_of(const char *name) {
    struct sl_test_pair pair = {.key = NULL};
    struct sl_buffer text = {0};
    char *path = file_of(name);
    cr_assert_eq(sl_file_read(&text, path, 65536, NULL), SL_OK);
    const gnutls_datum_t pem = {text.data, (unsigned)text.length};
    cr_assert_geq(gnutls_pem_base64_decode2("CERTIFICATE", &pem, &pair.der), 0);
    sl_buffer_finish(&text);
    free(path);
    return pair;
}

/* alice says a list, in parts of `part` bytes. */
static void tell_bytes(const void *data, size_t length, size_t part) {
    for (size_t offset = 0; offset < length; offset += part) {
        struct sl_buffer payload = {0};
        size_t left = length - offset;
        const struct sl_part said_part = {.total = (uint32_t)length,
                                          .offset = (uint32_t)offset,
                                          .bytes = {(const uint8_t *)data + offset, left < part ? left : part}};
        cr_assert_eq(sl_part_encode(&payload, &said_part), SL_OK);
        peer_send(&peer, SL_FRAME_CRL, &payload);
        sl_buffer_finish(&payload);
    }
}

static void tell(const struct sl_test_list_order *order) {
    gnutls_datum_t list = sl_test_list(order);
    tell_bytes(list.data, list.size, 100);
    gnutls_free(list.data);
}

/* The file as `ca crl` replaces it. */
static void put_list(const struct sl_test_list_order *order) {
    char *temporary = file_of("crl.new"), *path = file_of("crl.pem");
    sl_test_write_lists(temporary, order, 1);
    cr_assert_eq(rename(temporary, path), 0);
    free(temporary);
    free(path);
}

static bool is_in_file(gnutls_datum_t list) {
    struct sl_buffer text = {0};
    char *path = file_of("crl.pem");
    gnutls_datum_t found = {NULL, 0};
    cr_assert_eq(sl_file_read(&text, path, 1 << 20, NULL), SL_OK);
    const gnutls_datum_t pem = {text.data, (unsigned)text.length};
    bool same = gnutls_pem_base64_decode2("X509 CRL", &pem, &found) == 0 && found.size == list.size &&
                memcmp(found.data, list.data, list.size) == 0;
    gnutls_free(found.data);
    sl_buffer_finish(&text);
    free(path);
    return same;
}

/* Time passes in which nothing must happen. */
static void wait_for(sl_time time) {
    sl_time until = sl_clock_monotonic() + time;
    PEER_UNTIL(&peer, sl_clock_monotonic() > until);
}

/* ---- files ---- */

Test(node_trust, asked_to_it_loads_all_again) {
    start();
    sl_node_reload(peer.node);
    PEER_UNTIL(&peer, said.from_files == 1);
    sl_node_reload(peer.node);
    PEER_UNTIL(&peer, said.from_files == 2);
    cr_expect_eq(peer.downs, 0);
}

/* New keys as well: the connection of before goes on, with the key that it knows. */
Test(node_trust, new_certificates_drop_no_connection) {
    start();
    peer_join(&peer);
    PEER_UNTIL(&peer, peer.manifest.round == 1);
    sl_test_write_member(&peer.flock, "bob");
    PEER_UNTIL(&peer, said.from_files >= 1);
    peer_count(&peer, 1);
    PEER_UNTIL(&peer, peer.manifest.round == 2);
    cr_expect_eq(peer.bad_signatures, 0);
    cr_expect_eq(peer.downs, 0);
    cr_expect_eq(said.not_reloaded, 0);
    sl_connection_close(peer.connection, "test");
    peer.manifest.round = 0;
    peer_connect(&peer); /* and a new one with the new key: offered again */
    peer_count(&peer, 2);
    PEER_UNTIL(&peer, peer.manifest.round == 3);
    cr_expect_eq(peer.bad_signatures, 0);
}

static void move_from(const char *folder, const char *name) {
    char *from = sl_test_path(folder, name), *to = file_of(name);
    cr_assert_eq(rename(from, to), 0);
    free(from);
    free(to);
}

/* The key first, the certificate a while later. */
Test(node_trust, half_a_change_is_waited_for) {
    start();
    struct sl_test_flock elsewhere = peer.flock;
    elsewhere.folder = sl_test_folder_make();
    sl_test_write_member(&elsewhere, "bob");
    move_from(elsewhere.folder, "bob-server.key");
    wait_for(SL_SECOND / 2);
    cr_expect_eq(said.generations, 0);
    move_from(elsewhere.folder, "bob-server.pem");
    PEER_UNTIL(&peer, said.from_files >= 1);
    cr_expect_eq(said.not_reloaded, 0);
    cr_expect_eq(peer.downs, 0);
    sl_test_folder_remove(elsewhere.folder);
}

Test(node_trust, what_does_not_fit_is_not_taken) {
    start();
    char *key = file_of("bob-server.key"), *others = file_of("alice-server.key"), *kept = file_of("kept.key");
    cr_assert_eq(rename(key, kept), 0);
    cr_assert_eq(rename(others, key), 0);
    PEER_UNTIL(&peer, said.not_reloaded == 1);
    cr_expect_eq(said.generations, 0);
    sl_connection_close(peer.connection, "test");
    peer_connect(&peer); /* the former generation serves on */
    cr_assert_eq(rename(kept, key), 0);
    PEER_UNTIL(&peer, said.from_files == 1);
    cr_expect_eq(said.not_reloaded, 1);
    free(key);
    free(others);
    free(kept);
}

/* Bob's delegation was signed four days ago, and an hour takes a hundredth of a second. */
static void age_delegation(void) {
    sl_test_age_delegation(peer.node->identity, 4);
    cr_assert_eq(event_add(peer.node->trust.hourly_timer, &(struct timeval){.tv_usec = 10000}), 0);
}

Test(node_trust, a_delegation_is_renewed_once_and_drops_nobody) {
    age_delegation();
    start();
    PEER_UNTIL(&peer, said.delegations == 1);
    wait_for(SL_SECOND / 5);
    cr_expect_eq(said.generations, 1);
    cr_expect_eq(peer.downs, 0);
    sl_connection_close(peer.connection, "test");
    peer_connect(&peer);
}

Test(node_trust, a_delegation_is_renewed_while_files_are_at_fault) {
    age_delegation();
    char *key = file_of("bob-client.key");
    cr_assert_eq(unlink(key), 0);
    start();
    PEER_UNTIL(&peer, said.delegations == 1);
    cr_expect_geq(said.not_reloaded, 1);
    cr_expect_eq(said.from_files, 0);
    free(key);
}

Test(node_trust, a_list_in_the_file_cuts_off_within_a_second) {
    start();
    struct sl_test_pair alice = certificate_of("alice-client.pem");
    put_list(&(struct sl_test_list_order){.issuer = &peer.flock.authority, .revoked = {&alice}, .number = 5});
    sl_time from = sl_clock_monotonic();
    PEER_UNTIL(&peer, peer.connection == NULL);
    cr_expect_lt(sl_clock_monotonic() - from, SL_SECOND);
    cr_expect_not_null(strstr(peer.reason, "revoked"), "%s", peer.reason);
    gnutls_free(alice.der.data);
}

Test(node_trust, a_list_counts_even_where_another_file_is_at_fault) {
    start();
    struct sl_test_pair alice = certificate_of("alice-client.pem");
    char *key = file_of("bob-server.key");
    cr_assert_eq(unlink(key), 0);
    put_list(&(struct sl_test_list_order){.issuer = &peer.flock.authority, .revoked = {&alice}, .number = 5});
    sl_time from = sl_clock_monotonic();
    PEER_UNTIL(&peer, peer.connection == NULL);
    cr_expect_lt(sl_clock_monotonic() - from, SL_SECOND);
    cr_expect_not_null(strstr(peer.reason, "revoked"), "%s", peer.reason);
    PEER_UNTIL(&peer, said.not_reloaded == 1);
    cr_expect_eq(said.from_files, 0);
    gnutls_free(alice.der.data);
    free(key);
}

/* ---- a peer's lists ---- */

Test(node_trust, a_peer_is_told_the_list_once) {
    start();
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_CRL] == 1);
    sl_node_reload(peer.node);
    PEER_UNTIL(&peer, said.from_files == 1);
    wait_for(SL_SECOND / 5);
    cr_expect_eq(peer.frames[SL_FRAME_CRL], 1);
}

Test(node_trust, a_newer_list_is_in_force_and_kept) {
    start();
    struct sl_test_pair carol = {.key = NULL};
    sl_test_write_member(&peer.flock, "carol");
    carol = certificate_of("carol-client.pem");
    gnutls_datum_t list =
        sl_test_list(&(struct sl_test_list_order){.issuer = &peer.flock.authority, .revoked = {&carol}, .number = 7});
    size_t told = peer.frames[SL_FRAME_CRL];
    tell_bytes(list.data, list.size, 100);
    PEER_UNTIL(&peer, said.newer == 1 && is_in_file(list));
    tell_bytes(list.data, list.size, 100); /* again: it is known */
    wait_for(SL_SECOND);
    cr_expect_eq(said.newer, 1);
    cr_expect_eq(said.from_files, 0); /* what it writes itself is no change */
    cr_expect_eq(said.refused, 0);
    cr_expect_leq(peer.frames[SL_FRAME_CRL], told + 1); /* the first one's, where it was on its way; not her own */
    cr_expect_eq(peer.downs, 0);
    gnutls_free(list.data);
    gnutls_free(carol.der.data);
}

Test(node_trust, a_list_may_revoke_who_brings_it) {
    start();
    struct sl_test_pair alice = certificate_of("alice-client.pem");
    sl_time from = sl_clock_monotonic();
    tell(&(struct sl_test_list_order){.issuer = &peer.flock.authority, .revoked = {&alice}, .number = 7});
    PEER_UNTIL(&peer, peer.connection == NULL);
    cr_expect_lt(sl_clock_monotonic() - from, SL_SECOND);
    cr_expect_not_null(strstr(peer.reason, "revoked"), "%s", peer.reason);
    gnutls_free(alice.der.data);
}

Test(node_trust, an_older_list_changes_nothing) {
    start();
    const struct sl_test_list_order order = {.issuer = &peer.flock.authority, .number = 7};
    tell(&order);
    PEER_UNTIL(&peer, said.newer == 1);
    struct sl_test_pair alice = certificate_of("alice-client.pem");
    tell(&(struct sl_test_list_order){.issuer = &peer.flock.authority, .revoked = {&alice}, .number = 6});
    wait_for(SL_SECOND / 2);
    cr_expect_eq(said.newer, 1);
    cr_expect_eq(said.refused, 0);
    cr_expect_eq(peer.downs, 0);
    gnutls_free(alice.der.data);
}

/* Not the authority's, stale, or no list at all; and many of them: a line now and then, and no harm done. */
Test(node_trust, a_false_list_is_refused) {
    start();
    struct sl_test_flock others;
    sl_test_flock_init(&others, "demo");
    struct sl_test_pair alice = certificate_of("alice-client.pem");
    for (uint64_t number = 7; number < 107; number++)
        tell(&(struct sl_test_list_order){.issuer = &others.authority, .revoked = {&alice}, .number = number});
    tell(&(struct sl_test_list_order){
        .issuer = &peer.flock.authority, .revoked = {&alice}, .number = 8, .from_day = -9, .until_day = -1});
    tell_bytes("no list at all", 14, 5);
    PEER_UNTIL(&peer, said.refused >= 1);
    wait_for(SL_SECOND / 2);
    cr_expect_eq(said.refused, 1);
    cr_expect_eq(said.newer, 0);
    cr_expect_eq(said.generations, 0);
    cr_expect_eq(peer.downs, 0);
    gnutls_free(alice.der.data);
    sl_test_flock_finish(&others);
}

static void spoil(uint32_t total, uint32_t offset, size_t length) {
    static const uint8_t bytes[64];
    struct sl_buffer payload = {0};
    cr_assert_eq(
        sl_part_encode(&payload, &(struct sl_part){.total = total, .offset = offset, .bytes = {bytes, length}}), SL_OK);
    peer_send(&peer, SL_FRAME_CRL, &payload);
    sl_buffer_finish(&payload);
}

Test(node_trust, parts_out_of_order_end_the_connection) {
    start();
    spoil(100, 50, 50);
    peer_assert_refused(&peer, "revocation list");
    spoil(100, 0, 50);
    spoil(100, 40, 50);
    peer_assert_refused(&peer, "revocation list");
    spoil(2 << 20, 0, 50); /* over the limit of one list */
    peer_assert_refused(&peer, "revocation list");
}

/* ---- memory ---- */

/* Whether a text is in this process's memory but for where the caller has it, XORed. */
static size_t find_in_memory(const uint8_t *hidden, size_t length) {
    FILE *maps = fopen("/proc/self/maps", "re");
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    static uint8_t chunk[1 << 16];
    char line[512];
    size_t found = 0;
    cr_assert(maps != NULL && memory >= 0);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from, to;
        char rights[8];
        if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[1] != 'w' ||
            to - from > (1UL << 32)) /* a sanitizer's shadow */
            continue;
        for (unsigned long at = from; at < to; at += sizeof chunk - length) {
            size_t want = to - at < sizeof chunk ? to - at : sizeof chunk;
            ssize_t got = pread(memory, chunk, want, (off_t)at);
            if (at <= (unsigned long)chunk + sizeof chunk && (unsigned long)chunk <= at + sizeof chunk)
                continue; /* what was just read */
            for (ssize_t i = 0; i + (ssize_t)length <= got; i++) {
                size_t same = 0;
                while (same < length && chunk[(size_t)i + same] == (hidden[same] ^ 0x5a))
                    same++;
                found += same == length;
            }
            memset(chunk, 0, sizeof chunk);
        }
    }
    (void)fclose(maps);
    (void)close(memory);
    return found;
}

enum { SAMPLE = 32 };

/* A line of the key's text, hidden at once, the text wiped. */
static void sample_key(uint8_t hidden[SAMPLE], const char *name) {
    char text[256];
    char *path = file_of(name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = read(fd, text, sizeof text);
    cr_assert_gt(got, 100);
    const char *line = memchr(text, '\n', (size_t)got);
    for (size_t i = 0; i < SAMPLE; i++)
        hidden[i] = (uint8_t)line[50 + i] ^ 0x5a; /* behind the header, which all keys share */
    explicit_bzero(text, sizeof text);
    (void)close(fd);
    free(path);
}

/* Written by another process, so that this one never had the text. */
Test(node_trust, no_text_of_a_key_stays_in_memory) {
    uint8_t hidden[SAMPLE];
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        sl_test_write_member(&peer.flock, "bob");
        _exit(0);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    start();
    sl_node_reload(peer.node);
    PEER_UNTIL(&peer, said.from_files >= 1);
    sample_key(hidden, "bob-server.key");
    cr_expect_eq(find_in_memory(hidden, SAMPLE), 0);
    sample_key(hidden, "bob-client.key");
    cr_expect_eq(find_in_memory(hidden, SAMPLE), 0);
    volatile uint8_t *copy = malloc(SAMPLE); /* the search finds what is there; clang left out a plain copy */
    for (size_t i = 0; i < SAMPLE; i++)
        copy[i] = hidden[i] ^ 0x5a;
    cr_expect_geq(find_in_memory(hidden, SAMPLE), 1);
    free((void *)(uintptr_t)copy);
}
