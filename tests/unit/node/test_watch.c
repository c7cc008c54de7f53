/* Which files count, when they have changed, what ends soon, and things that come in parts. */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/expiry.h"
#include "node/folders.h"
#include "node/parts.h"
#include "node/watch.h"
#include "support/certificates.h"

/* ---- folders ---- */

struct visits {
    char folders[16][512];
    size_t count;
};

static void note(void *context, const char *folder) {
    struct visits *visits = context;
    cr_assert_lt(visits->count, 16);
    (void)snprintf(visits->folders[visits->count++], sizeof visits->folders[0], "%s", folder);
}

static bool visited(const struct visits *visits, const char *root, const char *name) {
    char *path = name[0] == '\0' ? strdup(root) : sl_test_path(root, name);
    bool found = false;
    for (size_t i = 0; i < visits->count; i++)
        found = found || strcmp(visits->folders[i], path) == 0;
    free(path);
    return found;
}

static void make_folder(const char *root, const char *name) {
    char *path = sl_test_path(root, name);
    cr_assert_eq(mkdir(path, 0755), 0);
    free(path);
}

static void link_to(const char *root, const char *name, const char *target) {
    char *path = sl_test_path(root, name);
    cr_assert_eq(symlink(target, path), 0);
    free(path);
}

static struct visits visit(const char *root, const char *name) {
    struct visits visits = {.count = 0};
    char *path = sl_test_path(root, name);
    node_visit_folders(path, note, &visits);
    free(path);
    return visits;
}

Test(node_watch, a_plain_file_has_one_folder) {
    char *root = sl_test_folder_make();
    struct visits visits = visit(root, "server.pem");
    cr_expect_eq(visits.count, 1);
    cr_expect(visited(&visits, root, ""));
    visits.count = 0;
    node_visit_folders("", note, &visits);
    cr_expect_eq(visits.count, 0);
    node_visit_folders("server.pem", note, &visits);
    cr_expect_str_eq(visits.folders[0], ".");
    node_visit_folders("/server.pem", note, &visits);
    cr_expect_str_eq(visits.folders[1], "/");
    sl_test_folder_remove(root);
}

/* As Kubernetes mounts secrets and Let's Encrypt keeps certificates; both kinds of links, absolute and relative. */
Test(node_watch, links_have_the_folders_on_their_way) {
    char *root = sl_test_folder_make();
    make_folder(root, "live");
    make_folder(root, "archive");
    make_folder(root, "live/..first");
    link_to(root, "live/..data", "..first");
    link_to(root, "live/server.pem", "..data/server.pem");
    struct visits visits = visit(root, "live/server.pem");
    cr_expect(visited(&visits, root, "live"));
    cr_expect(visited(&visits, root, "live/..first"));
    char *archive = sl_test_path(root, "archive/1.pem");
    link_to(root, "live/client.pem", archive);
    link_to(root, "now", "live");
    visits = visit(root, "now/client.pem");
    cr_expect(visited(&visits, root, "")); /* "now" may be swapped there */
    cr_expect(visited(&visits, root, "live"));
    cr_expect(visited(&visits, root, "archive"));
    free(archive);
    sl_test_folder_remove(root);
}

static void count_visit(void *context, const char *folder) {
    (void)folder;
    (*(size_t *)context)++;
}

Test(node_watch, links_in_a_circle_end) {
    char *root = sl_test_folder_make();
    char *path = sl_test_path(root, "a");
    size_t count = 0;
    link_to(root, "a", "b");
    link_to(root, "b", "a");
    node_visit_folders(path, count_visit, &count);
    cr_expect_lt(count, 64);
    free(path);
    sl_test_folder_remove(root);
}

/* ---- changes ---- */

static void settings_of(struct sl_settings *settings, char *root) {
    memset(settings, 0, sizeof *settings);
    settings->identity.ca = sl_test_path(root, "ca.pem");
    settings->identity.server_certificate = sl_test_path(root, "server.pem");
    settings->identity.server_key = sl_test_path(root, "server.key");
    settings->identity.client_certificate = sl_test_path(root, "client.pem");
    settings->identity.client_key = strdup("pkcs11:token=x");
    settings->identity.passphrase_file = strdup("");
    settings->identity.crl_file = sl_test_path(root, "crl.pem");
}

static void forget_settings(struct sl_settings *settings) {
    free(settings->identity.ca);
    free(settings->identity.server_certificate);
    free(settings->identity.server_key);
    free(settings->identity.client_certificate);
    free(settings->identity.client_key);
    free(settings->identity.passphrase_file);
    free(settings->identity.crl_file);
}

static bool is_told(int fd) {
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    bool told = poll(&polled, 1, 0) == 1;
    node_watch_drain(fd);
    return told;
}

Test(node_watch, a_renamed_file_is_seen_and_an_appended_one_is_not) {
    char *root = sl_test_folder_make();
    struct sl_settings settings;
    struct node_stamps before, after;
    settings_of(&settings, root);
    char *record = sl_test_path(root, "record.jsonl"), *temporary = sl_test_path(root, "x.tmp");
    FILE *file = fopen(record, "a");
    sl_test_write(settings.identity.crl_file, "1", 1, 0644);
    sl_test_write(temporary, "2", 1, 0644);
    int fd = node_watch_create(&settings);
    node_stamps_take(&before, &settings);
    cr_assert_geq(fd, 0);
    cr_assert(fputs("line\n", file) >= 0 && fflush(file) == 0);
    cr_expect_not(is_told(fd)); /* the record does not wake it each second */
    node_stamps_take(&after, &settings);
    cr_expect(node_stamps_equal(&before, &after));
    cr_assert_eq(rename(temporary, settings.identity.crl_file), 0);
    cr_expect(is_told(fd));
    cr_expect_not(is_told(fd));
    node_stamps_take(&after, &settings);
    cr_expect_not(node_stamps_equal(&before, &after));
    *node_stamps_crl(&before) = node_stamp_of(settings.identity.crl_file);
    cr_expect(node_stamps_equal(&before, &after));
    (void)fclose(file);
    (void)close(fd);
    free(record);
    free(temporary);
    forget_settings(&settings);
    sl_test_folder_remove(root);
}

/* A key that others could read is refused with the chmod that mends it: that must be enough. */
Test(node_watch, a_changed_mode_is_seen) {
    char *root = sl_test_folder_make();
    struct sl_settings settings;
    struct node_stamps before, after;
    settings_of(&settings, root);
    sl_test_write(settings.identity.server_key, "1", 1, 0644);
    int fd = node_watch_create(&settings);
    node_stamps_take(&before, &settings);
    cr_assert_eq(chmod(settings.identity.server_key, 0600), 0);
    cr_expect(is_told(fd));
    node_stamps_take(&after, &settings);
    cr_expect_not(node_stamps_equal(&before, &after));
    (void)close(fd);
    forget_settings(&settings);
    sl_test_folder_remove(root);
}

Test(node_watch, the_authority_of_a_proxy_is_seen) {
    char *root = sl_test_folder_make();
    struct sl_settings settings;
    struct node_stamps before, after;
    settings_of(&settings, root);
    make_folder(root, "sites");
    static char none[] = "";
    struct sl_peer_setting peers[] = {{.custom_ca_cert = none},
                                      {.custom_ca_cert = sl_test_path(root, "sites/a.pem")},
                                      {.custom_ca_cert = sl_test_path(root, "sites/b.pem")}};
    settings.transport.peers.items = peers;
    settings.transport.peers.count = 3;
    char *temporary = sl_test_path(root, "sites/x.tmp");
    for (size_t i = 1; i < 3; i++)
        sl_test_write(peers[i].custom_ca_cert, "1", 1, 0644);
    for (size_t i = 1; i < 3; i++) {
        sl_test_write(temporary, "2", 1, 0644);
        int fd = node_watch_create(&settings);
        node_stamps_take(&before, &settings);
        node_stamps_take(&after, &settings);
        cr_expect(node_stamps_equal(&before, &after));
        cr_assert_eq(rename(temporary, peers[i].custom_ca_cert), 0);
        cr_expect(is_told(fd));
        node_stamps_take(&after, &settings);
        cr_expect_not(node_stamps_equal(&before, &after));
        (void)close(fd);
    }
    free(peers[1].custom_ca_cert);
    free(peers[2].custom_ca_cert);
    free(temporary);
    forget_settings(&settings);
    sl_test_folder_remove(root);
}

Test(node_watch, a_swapped_link_is_seen) {
    char *root = sl_test_folder_make();
    struct sl_settings settings;
    struct node_stamps before, after;
    settings_of(&settings, root);
    make_folder(root, "..first");
    make_folder(root, "..second");
    link_to(root, "..data", "..first");
    link_to(root, "..new", "..second");
    link_to(root, "server.pem", "..data/server.pem");
    char *first = sl_test_path(root, "..first/server.pem"), *second = sl_test_path(root, "..second/server.pem");
    char *link = sl_test_path(root, "..data"), *new = sl_test_path(root, "..new");
    sl_test_write(first, "1", 1, 0644);
    sl_test_write(second, "2", 1, 0644);
    int fd = node_watch_create(&settings);
    node_stamps_take(&before, &settings);
    cr_assert_eq(rename(new, link), 0);
    cr_expect(is_told(fd));
    node_stamps_take(&after, &settings);
    cr_expect_not(node_stamps_equal(&before, &after));
    (void)close(fd);
    free(first);
    free(second);
    free(link);
    free(new);
    forget_settings(&settings);
    sl_test_folder_remove(root);
}

/* ---- what ends soon ---- */

#define DAY INT64_C(86400)

struct said {
    size_t count;
    int64_t left;
};

static void say(void *context, const struct sl_expiry *item, int64_t left) {
    struct said *said = context;
    (void)item;
    said->count++;
    said->left = left;
}

static size_t said_at(struct node_expiries *expiries, const struct sl_expiry *item, int64_t now) {
    struct said said = {.count = 0};
    node_expiries_check(expiries, item, 1, now, say, &said);
    if (said.count > 0)
        cr_expect_eq(said.left, item->at - now);
    return said.count;
}

/* How often something is said when it is looked at every hour from `from` days before its end until `until` days. */
static size_t said_hourly(struct node_expiries *expiries, const struct sl_expiry *item, int64_t from, int64_t until) {
    size_t count = 0;
    for (int64_t now = item->at - from * DAY; now < item->at - until * DAY; now += 3600)
        count += said_at(expiries, item, now);
    return count;
}

static const struct sl_expiry certificate = {.what = "server certificate CN=alice", .at = 2000 * DAY};

Test(node_expiry, each_threshold_is_told_once) {
    static struct node_expiries expiries;
    cr_expect_eq(said_hourly(&expiries, &certificate, 100, 30), 0);
    cr_expect_eq(said_at(&expiries, &certificate, certificate.at - 30 * DAY), 1);
    cr_expect_eq(said_hourly(&expiries, &certificate, 30, 7), 0);
    cr_expect_eq(said_hourly(&expiries, &certificate, 7, 1), 1);
    cr_expect_eq(said_hourly(&expiries, &certificate, 1, 0), 1);
    cr_expect_eq(said_hourly(&expiries, &certificate, 0, -1), 1);  /* it has ended */
    cr_expect_eq(said_hourly(&expiries, &certificate, -1, -6), 5); /* and is told each day */
}

Test(node_expiry, a_start_between_two_thresholds_tells_one) {
    static struct node_expiries expiries;
    cr_expect_eq(said_at(&expiries, &certificate, certificate.at - 5 * DAY), 1);
    cr_expect_eq(said_at(&expiries, &certificate, certificate.at - 5 * DAY + 1), 0);
    cr_expect_eq(said_hourly(&expiries, &certificate, 4, 1), 0);
    cr_expect_eq(said_at(&expiries, &certificate, certificate.at - DAY), 1);
    static struct node_expiries late;
    cr_expect_eq(said_at(&late, &certificate, certificate.at + 3 * DAY + 5), 1);
    cr_expect_eq(said_at(&late, &certificate, certificate.at + 4 * DAY - 5), 0);
    cr_expect_eq(said_at(&late, &certificate, certificate.at + 4 * DAY), 1);
}

Test(node_expiry, a_renewed_certificate_begins_anew) {
    static struct node_expiries expiries;
    struct sl_expiry renewed = certificate;
    renewed.at += 365 * DAY;
    cr_expect_eq(said_at(&expiries, &certificate, certificate.at - DAY), 1);
    cr_expect_eq(said_at(&expiries, &renewed, certificate.at - DAY + 1), 0);
    cr_expect_eq(said_at(&expiries, &renewed, renewed.at - 30 * DAY), 1);
}

Test(node_expiry, of_lists_the_last_day_alone) {
    static struct node_expiries expiries;
    const struct sl_expiry list = {.what = "revocation list of CN=flock", .at = 2000 * DAY, .is_list = true};
    cr_expect_eq(said_hourly(&expiries, &list, 100, 1), 0);
    cr_expect_eq(said_hourly(&expiries, &list, 1, 0), 1);
    cr_expect_eq(said_hourly(&expiries, &list, 0, -2), 2);
}

/* ---- parts ---- */

static enum sl_status add(struct node_parts *parts, bool *whole, uint32_t total, uint32_t offset, const char *text) {
    const struct sl_part part = {.total = total, .offset = offset, .bytes = {(const uint8_t *)text, strlen(text)}};
    return node_parts_add(parts, whole, &part, NULL);
}

Test(node_parts, in_order_they_are_whole) {
    struct node_parts parts = {.total = 0};
    bool whole = false;
    cr_expect_eq(add(&parts, &whole, 6, 0, "abc"), SL_OK);
    cr_expect_not(whole);
    cr_expect_eq(add(&parts, &whole, 6, 3, "def"), SL_OK);
    cr_expect(whole);
    cr_expect_arr_eq(parts.bytes.data, "abcdef", 6);
    cr_expect_eq(add(&parts, &whole, 2, 0, "xy"), SL_OK); /* the next one */
    cr_expect(whole);
    cr_expect_eq(parts.bytes.length, 2);
    node_parts_finish(&parts);
}

Test(node_parts, out_of_order_they_are_refused) {
    struct node_parts parts = {.total = 0};
    bool whole = false;
    cr_expect_eq(add(&parts, &whole, 6, 3, "def"), SL_FORMAT); /* without a beginning */
    cr_expect_eq(add(&parts, &whole, 6, 0, "abc"), SL_OK);
    cr_expect_eq(add(&parts, &whole, 6, 4, "ef"), SL_FORMAT);  /* a hole */
    cr_expect_eq(add(&parts, &whole, 7, 3, "def"), SL_FORMAT); /* of another total */
    cr_expect_eq(add(&parts, &whole, 6, 2, "cd"), SL_FORMAT);  /* twice */
    cr_expect_eq(add(&parts, &whole, 4, 0, "ab"), SL_OK);      /* anew, from the beginning */
    cr_expect_eq(add(&parts, &whole, 4, 2, "cd"), SL_OK);
    cr_expect(whole);
    node_parts_finish(&parts);
}
