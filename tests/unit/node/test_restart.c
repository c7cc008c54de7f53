/* bob crashes and comes again. The crash is a copy of his state folder, taken while he waits for alice, that the next
 * bob finds: whatever he did and wrote after it has never been. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "journal/format.h"
#include "peer.h"

static struct peer peer;
#define BYTES ((uint64_t)peer.update->length)
static bool int8; /* how updates travel */
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

static long damaged; /* byte */
static char newest_record[512];

static void damage_slot(const char *path, const char *name) {
    if (strncmp(name, "slot-", 5) != 0)
        return;
    FILE *file = fopen(path, "r+b");
    cr_assert(file != NULL && fseek(file, damaged, SEEK_SET) == 0);
    int byte = fgetc(file);
    cr_assert(fseek(file, damaged, SEEK_SET) == 0 && fputc(byte ^ 1, file) != EOF && fclose(file) == 0);
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
    if (int8)
        peer_init_int8(&peer, "alice", ROUND, journal);
    else
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
    uint8_t *payload = malloc(BYTES);
    cr_assert_not_null(payload);
    memcpy(payload, peer.into, BYTES);
    peer_send_verdict(&peer, SL_VERDICT_COUNT);
    PEER_UNTIL(&peer, peer.manifest.round == 2);
    peer_count(&peer, 2);
    peer_tell_progress(&peer, 2, true);
    cr_assert_eq(peer_wait_node(&peer), SL_OK, "%s", peer.failure.text);
    if (int8)
        peer_assert_joined(&peer, payload);
    else
        cr_assert_float_eq(peer.first, (before + 1) / 2, 1e-6F,
                           "the update of round 2 is the model that round 1 left: %g", (double)peer.first);
    free(payload);
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

/* What the update was made of comes back as well: the model of round 2 is that plus the difference, not the update. */
Test(node_restart, an_update_in_int8_is_kept_with_what_it_was_made_of) {
    int8 = true;
    assert_promise_is_kept("process");
}

Test(node_restart, an_update_in_int8_is_offered_again) {
    int8 = true;
    start("process");
    struct sl_digest before = peer.digest;
    take_image();
    crash_at_image();
    peer.frames[SL_FRAME_MANIFEST] = 0;
    come_again();
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_MANIFEST] > 0);
    cr_assert_arr_eq(peer.digest.bytes, before.bytes, sizeof before.bytes);
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

static void assert_damage_is_seen(long byte) {
    struct sl_ready before;
    damaged = byte;
    promise_and_crash("process", &before);
    char *folder = state_folder();
    each_file(folder, damage_slot);
    free(folder);
    assert_new_lineage(before.lineage_sender);
}

Test(node_restart, a_damaged_file_is_a_new_lineage) {
    assert_damage_is_seen(0);
}

Test(node_restart, also_at_its_end) {
    assert_damage_is_seen(PEER_ELEMENTS * (long)sizeof(float) - 1);
}

/* The machine was started again: what was kept for a process only may be gone, and is not looked at. */
Test(node_restart, another_boot_is_a_new_lineage) {
    struct sl_ready before;
    uint8_t bytes[JOURNAL_MARKER_SIZE];
    struct journal_marker marker;
    struct sl_buffer old = {0};
    promise_and_crash("process", &before);
    char *folder = state_folder(), *path = sl_test_path(folder, "lineage");
    cr_assert_eq(sl_file_read(&old, path, sizeof bytes, NULL), SL_OK);
    cr_assert_eq(journal_marker_decode(&marker, old.data, old.length), SL_OK);
    marker.boot[0] ^= 1;
    journal_marker_encode(bytes, &marker);
    cr_assert_eq(sl_file_replace(path, bytes, sizeof bytes, 0600, NULL), SL_OK);
    sl_buffer_finish(&old);
    free(path);
    free(folder);
    assert_new_lineage(before.lineage_sender);
}

/* The last record was half written: the one before has no promise of this one, which nobody has heard of then. */
static void tear_newest(const char *path, const char *name) {
    static uint64_t newest;
    struct sl_buffer record = {0};
    if (strncmp(name, "record-", 7) != 0)
        return;
    cr_assert_eq(sl_file_read(&record, path, 1 << 20, NULL), SL_OK);
    uint64_t sequence = record.length >= JOURNAL_HEAD_SIZE ? sl_get_u64(record.data + 16) : 0;
    if (sequence > newest) {
        newest = sequence;
        (void)snprintf(newest_record, sizeof newest_record, "%s", path);
    }
    sl_buffer_finish(&record);
}

Test(node_restart, a_torn_record_is_the_one_before) {
    start("process");
    uint64_t lineage = peer.manifest.lineage;
    struct sl_digest before = peer.digest;
    promise();
    take_image();
    crash_at_image();
    char *folder = state_folder();
    each_file(folder, tear_newest);
    free(folder);
    cr_assert_eq(truncate(newest_record, JOURNAL_HEAD_SIZE + 20), 0);
    peer.frames[SL_FRAME_READY] = peer.frames[SL_FRAME_MANIFEST] = 0;
    come_again();
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_MANIFEST] > 0);
    cr_assert_eq(peer.manifest.lineage, lineage);
    cr_assert_arr_eq(peer.digest.bytes, before.bytes, sizeof before.bytes);
    promise();
    count_and_end();
}

Test(node_restart, without_a_journal_it_is_a_new_lineage) {
    struct sl_ready before;
    promise_and_crash("none", &before);
    assert_new_lineage(before.lineage_sender);
}

Test(node_restart, told_to_stop_it_goes_on_behind_the_round_that_it_left) {
    start("process");
    uint64_t before = peer.manifest.lineage;
    peer_stop_node(&peer);
    peer.frames[SL_FRAME_MANIFEST] = 0;
    come_again();
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_MANIFEST] > 0);
    cr_expect_eq(peer.manifest.lineage, before);
    cr_expect_eq(peer.manifest.round, 2);
    cr_assert_eq(peer.bad_signatures, 0);
}

Test(node_restart, a_run_that_came_to_its_end_leaves_nothing_to_go_on_from) {
    start("process");
    uint64_t before = peer.manifest.lineage;
    promise();
    count_and_end();
    sl_node_destroy(peer.node);
    peer.node = NULL;
    PEER_UNTIL(&peer, peer.connection == NULL);
    peer.frames[SL_FRAME_MANIFEST] = peer.frames[SL_FRAME_READY] = 0;
    assert_new_lineage(before);
}

/* ---- a full disk ---- */

static size_t slots;

static void count_slot(const char *path, const char *name) {
    (void)path;
    slots += strncmp(name, "slot-", 5) == 0;
}

static size_t count_slots(void) {
    char *folder = state_folder();
    slots = 0;
    each_file(folder, count_slot);
    free(folder);
    return slots;
}

/* Writes behind so many bytes of a file fail from now on, as on a full disk. */
static void limit_files(rlim_t bytes) {
    struct rlimit limit;
    (void)signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(node_restart, a_full_disk_costs_the_journal_which_gives_its_room_back) {
    start("process");
    uint64_t before = peer.manifest.lineage;
    cr_assert_gt(count_slots(), 0);
    limit_files(1 << 16);
    promise();
    peer_send_credit(&peer, peer.transfer, BYTES);
    PEER_UNTIL(&peer, peer.got == BYTES);
    peer_send_verdict(&peer, SL_VERDICT_COUNT);
    PEER_UNTIL(&peer, peer.manifest.round == 2);
    PEER_UNTIL(&peer, count_slots() == 0);
    limit_files(RLIM_INFINITY);
    peer_stop_node(&peer);
    peer.frames[SL_FRAME_MANIFEST] = peer.frames[SL_FRAME_READY] = 0;
    assert_new_lineage(before);
}

/* ---- an older copy of the folder ---- */

/* bob comes again with what he had before he signed his update of round 2, whose manifest alice has: it is returned. */
static struct sl_statement *come_again_with_an_older_copy(void) {
    start("process");
    take_image();
    promise();
    peer_send_credit(&peer, peer.transfer, BYTES);
    PEER_UNTIL(&peer, peer.got == BYTES);
    peer_send_verdict(&peer, SL_VERDICT_COUNT);
    PEER_UNTIL(&peer, peer.manifest.round == 2);
    struct sl_statement *later = sl_statement_ref(peer.told);
    crash_at_image();
    come_again();
    return later;
}

/* Lines of bob's record with that text. */
static size_t count_recorded(const char *text) {
    char line[4096], *path = sl_test_path(peer.flock.folder, "bob.jsonl");
    FILE *file = fopen(path, "r");
    size_t count = 0;
    cr_assert_not_null(file);
    while (fgets(line, sizeof line, file) != NULL)
        count += strstr(line, text) != NULL;
    (void)fclose(file);
    free(path);
    return count;
}

Test(node_restart, an_older_copy_is_a_new_lineage_once_somebody_shows_a_later_signature) {
    struct sl_statement *later = come_again_with_an_older_copy();
    PEER_UNTIL(&peer, peer.progress.round == 1);
    uint64_t before = peer.progress.lineage;
    cr_assert_eq(before, peer.manifest.lineage, "he cannot know");
    for (int i = 0; i < 3; i++)
        peer_send_evidence(&peer, later);
    sl_statement_unref(later);
    PEER_UNTIL(&peer, peer.progress.lineage != before);
    PEER_UNTIL(&peer, count_recorded("\"event\":\"lineage\"") == 1);
    cr_assert_eq(count_recorded("is an older copy"), 1, "said once, whoever shows it");
    peer.frames[SL_FRAME_MANIFEST] = 0;
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_MANIFEST] > 0);
    cr_assert_eq(peer.manifest.lineage, peer.progress.lineage);
    cr_assert_eq(peer.downs, 1, "%s", peer.reason);
}

/* What he knows of, what is of another lineage, and what another one signed do not move him. */
Test(node_restart, nobody_else_can_end_his_lineage) {
    start("process");
    uint64_t before = peer.manifest.lineage;
    peer_send_evidence(&peer, peer.told);
    peer_count(&peer, 1);
    PEER_UNTIL(&peer, peer.manifest.round == 2);
    cr_assert_eq(peer.manifest.lineage, before);
    struct sl_manifest manifest = peer_describe(&peer, 9, SL_PAYLOAD_UPDATE);
    struct sl_buffer body = {0};
    memcpy(manifest.origin, "bob", 4);
    manifest.lineage = before;
    cr_assert_eq(sl_manifest_encode(&body, &manifest), SL_OK);
    struct sl_statement *forged =
        peer_seal(peer.identity, SL_MANIFEST_CONTEXT, (struct sl_bytes){body.data, body.length});
    peer_send_evidence(&peer, forged);
    sl_statement_unref(forged);
    sl_buffer_finish(&body);
    sl_manifest_finish(&manifest);
    peer_assert_refused(&peer, "false evidence");
    peer_tell_progress(&peer, 1, false);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_PROGRESS] > 0);
    cr_assert_eq(peer.progress.lineage, before);
}

/* All that was said before has been handled. */
static void wait_for_answer(void) {
    struct sl_buffer payload = {0};
    const struct sl_model_request request = {.epoch = 99};
    size_t before = peer.frames[SL_FRAME_CANCEL];
    cr_assert_eq(sl_model_request_encode(&payload, &request), SL_OK);
    peer_send(&peer, SL_FRAME_MODEL_REQUEST, &payload);
    sl_buffer_finish(&payload);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_CANCEL] > before);
}

/* The other end: who forgets what it signed is shown it. */
Test(node_restart, who_is_behind_its_own_signature_is_shown_it) {
    start("process");
    struct sl_manifest manifest = peer_describe(&peer, 2, SL_PAYLOAD_UPDATE);
    (void)peer_send_manifest(&peer, &manifest);
    sl_manifest_finish(&manifest);
    peer_tell_progress(&peer, 2, false);
    sl_connection_close(peer.connection, "crashed");
    peer_connect(&peer);
    peer_tell_progress(&peer, 2, false);
    wait_for_answer();
    cr_assert_eq(peer.frames[SL_FRAME_EVIDENCE], 0);
    peer_tell_progress(&peer, 1, false);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_EVIDENCE] == 1);
    peer_tell_progress(&peer, 1, false);
    wait_for_answer();
    cr_assert_eq(peer.frames[SL_FRAME_EVIDENCE], 1, "once a connection");
    sl_connection_close(peer.connection, "crashed");
    peer_connect(&peer);
    peer.lineage++;
    peer_tell_progress(&peer, 1, false);
    wait_for_answer();
    cr_assert_eq(peer.frames[SL_FRAME_EVIDENCE], 1, "a new lineage has signed nothing");
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
