/* bob crashes and comes again. The crash is a copy of his state folder, taken while he waits for alice, that the next
 * bob finds: whatever he did and wrote after it has never been. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "peer.h"

static struct peer peer;
static const uint64_t BYTES = PEER_ELEMENTS * sizeof(float);
#define ROUND "\"rounds\":2,\"deadline_min\":20,\"deadline_max\":20,\"linger_max\":1"

static void tear_down(void) {
    peer_finish(&peer);
}

TestSuite(node_restart, .fini = tear_down, .timeout = 120);

/* ---- the folder ---- */

static char *state_folder(void) {
    return sl_test_path(peer.flock.folder, "bob-state");
}

/* Calls it with the path of each file in the folder. */
static void each_file(const char *folder, void (*use)(const char *path, const char *name)) {
    DIR *open = opendir(folder);
    const struct dirent *entry;
    cr_assert_not_null(open, "%s", folder);
    while ((entry = readdir(open)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        char *path = sl_test_path(folder, entry->d_name);
        use(path, entry->d_name);
        free(path);
    }
    (void)closedir(open);
}

static void copy_to_image(const char *path, const char *name) {
    struct sl_buffer bytes = {0};
    char *image = sl_test_path(peer.flock.folder, "image"), *to = sl_test_path(image, name);
    cr_assert_eq(sl_file_read(&bytes, path, 1 << 26, NULL), SL_OK);
    cr_assert_eq(sl_file_replace(to, bytes.data, bytes.length, 0600, NULL), SL_OK);
    sl_buffer_finish(&bytes);
    free(to);
    free(image);
}

static void remove_file(const char *path, const char *name) {
    (void)name;
    cr_assert_eq(unlink(path), 0);
}

static void damage_slot(const char *path, const char *name) {
    if (strncmp(name, "slot-", 5) != 0)
        return;
    FILE *file = fopen(path, "r+b");
    cr_assert_not_null(file);
    int first = fgetc(file);
    cr_assert(fseek(file, 0, SEEK_SET) == 0 && fputc(first ^ 1, file) != EOF && fclose(file) == 0);
}

static void take_image(void) {
    char *folder = state_folder(), *image = sl_test_path(peer.flock.folder, "image");
    cr_assert_eq(sl_folder_make(image, 0700, NULL), SL_OK);
    each_file(folder, copy_to_image);
    free(folder);
    free(image);
}

/* The next bob finds what was there when the image was taken. */
static void put_image_back(void) {
    char *folder = state_folder(), *image = sl_test_path(peer.flock.folder, "image");
    each_file(folder, remove_file);
    cr_assert_eq(rmdir(folder), 0);
    cr_assert_eq(rename(image, folder), 0);
    free(folder);
    free(image);
}

/* ---- the story ---- */

static void start(const char *journal) {
    peer_init_journal(&peer, "alice", ROUND, journal);
    peer_run_node(&peer);
    peer_connect(&peer);
    peer_join(&peer);
    PEER_UNTIL(&peer, peer.manifest.round == 1);
}

/* As far as bob's READY for round 1: he holds alice's update whole and obeys her verdict. */
static void promise(void) {
    uint32_t transfer = peer_offer(&peer, 1);
    PEER_UNTIL(&peer, peer.credit[transfer] > 0);
    peer_send_data(&peer, transfer, 0, BYTES);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_READY] > 0);
}

static void crash_at_image(void) {
    peer_stop_node(&peer);
    put_image_back();
}

static void come_again(void) {
    peer_create_again(&peer);
    peer_run_node(&peer);
    peer_connect(&peer);
    peer_join(&peer);
}

/* alice takes his update, of which she has nothing yet, and counts. */
static void count_and_end(void) {
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_MANIFEST] > 0);
    peer_send_credit(&peer, peer.transfer, BYTES);
    PEER_UNTIL(&peer, peer.got == BYTES);
    const float before = peer.first;
    peer_send_verdict(&peer, SL_VERDICT_COUNT);
    PEER_UNTIL(&peer, peer.manifest.round == 2);
    peer_count(&peer, 2);
    peer_tell_progress(&peer, 2, true);
    cr_assert_eq(peer_wait_node(&peer), SL_OK, "%s", peer.failure.text);
    cr_assert_float_eq(peer.first, (before + 1) / 2, 1e-6F, "the update of round 2 is the model that round 1 left: %g",
                       (double)peer.first);
}

static void promise_and_crash(const char *journal, struct sl_ready *before) {
    start(journal);
    promise();
    *before = peer.ready;
    take_image();
    crash_at_image();
    peer.frames[SL_FRAME_READY] = peer.frames[SL_FRAME_MANIFEST] = 0;
}

static void assert_promise_is_kept(const char *journal) {
    struct sl_ready before;
    promise_and_crash(journal, &before);
    come_again();
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_READY] > 0);
    cr_assert_eq(peer.ready.lineage_sender, before.lineage_sender);
    cr_assert_arr_eq(peer.ready.manifest_sender, before.manifest_sender, SL_WIRE_DIGEST_SIZE);
    cr_assert_arr_eq(peer.ready.manifest_receiver, before.manifest_receiver, SL_WIRE_DIGEST_SIZE);
    count_and_end();
}

Test(node_restart, ready_is_said_again_and_the_verdict_obeyed) {
    assert_promise_is_kept("process");
}

Test(node_restart, and_with_the_disk_synced) {
    assert_promise_is_kept("power");
}

Test(node_restart, the_same_manifest_is_offered_again) {
    start("process");
    struct sl_digest before = peer.digest;
    uint64_t lineage = peer.manifest.lineage;
    take_image();
    crash_at_image();
    peer.frames[SL_FRAME_MANIFEST] = 0;
    come_again();
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_MANIFEST] > 0);
    cr_assert_eq(peer.manifest.lineage, lineage);
    cr_assert_arr_eq(peer.digest.bytes, before.bytes, sizeof before.bytes);
    cr_assert_eq(peer.bad_signatures, 0);
    promise();
    count_and_end();
}

/* Comes again as a stranger: alice, who is in round 1 with nobody, begins with him anew. */
static void assert_new_lineage(uint64_t before) {
    come_again();
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_MANIFEST] > 0);
    cr_assert_neq(peer.manifest.lineage, before);
    cr_assert_eq(peer.frames[SL_FRAME_READY], 0, "nothing was promised in this lineage");
}

Test(node_restart, a_damaged_file_is_a_new_lineage) {
    struct sl_ready before;
    promise_and_crash("process", &before);
    char *folder = state_folder();
    each_file(folder, damage_slot);
    free(folder);
    assert_new_lineage(before.lineage_sender);
}

Test(node_restart, without_a_journal_it_is_a_new_lineage) {
    struct sl_ready before;
    promise_and_crash("none", &before);
    assert_new_lineage(before.lineage_sender);
}

Test(node_restart, a_run_that_ended_in_order_leaves_nothing_to_go_on_from) {
    start("process");
    uint64_t before = peer.manifest.lineage;
    peer_stop_node(&peer);
    peer.frames[SL_FRAME_MANIFEST] = peer.frames[SL_FRAME_READY] = 0;
    assert_new_lineage(before);
}

Test(node_restart, two_in_one_folder_are_refused) {
    struct sl_node *second = NULL;
    struct sl_error error = {.status = SL_OK, .text = ""};
    start("process");
    const struct sl_node_options options = {.settings = peer.settings};
    cr_assert_eq(sl_node_create(&second, &options, &error), SL_IN_USE);
    cr_assert_not_null(strstr(error.text, "node.state_folder"), "%s", error.text);
    cr_assert_null(second);
}
