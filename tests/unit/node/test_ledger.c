/* What a node writes down of its model and of each exchange. bob does not train, and alice's update is all 1: what a
 * difference comes to follows from what bob began with. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "json/json.h"

static struct peer peer;
static const double ROUNDED = 0.01; /* more than f32 rounds off in all elements together */

static void tear_down(void) {
    peer_finish(&peer);
}

TestSuite(node_ledger, .fini = tear_down, .timeout = 120);

/* The last such line of bob's ledger, "" for any outcome; NULL: there is none yet. */
static cJSON *find_line(const char *entry, const char *outcome) {
    char line[4096];
    char *path = sl_test_path(peer.flock.folder, "bob.jsonl");
    FILE *file = fopen(path, "r");
    cJSON *found = NULL;
    cr_assert_not_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        cJSON *value = NULL;
        if (strstr(line, "\"event\":\"ledger\"") == NULL || sl_json_parse(&value, line, strlen(line), NULL) != SL_OK)
            continue;
        const char *is = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(value, "entry"));
        const char *came = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(value, "outcome"));
        if (strcmp(is, entry) == 0 && (outcome[0] == '\0' || (came != NULL && strcmp(came, outcome) == 0))) {
            cJSON_Delete(found);
            found = value;
        } else {
            cJSON_Delete(value);
        }
    }
    (void)fclose(file);
    free(path);
    return found;
}

static double number(const char *entry, const char *outcome, const char *key) {
    cJSON *line = find_line(entry, outcome);
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(line, key);
    double value = cJSON_IsNumber(item) ? item->valuedouble : NAN;
    cJSON_Delete(line);
    return value;
}

static bool is_there(const char *entry, const char *outcome) {
    cJSON *line = find_line(entry, outcome);
    cJSON_Delete(line);
    return line != NULL;
}

/* As far as bob's READY for round 1. */
static void start_promised(const char *round, bool encoded) {
    if (encoded)
        peer_init_int8(&peer, "alice", round, "process");
    else
        peer_init(&peer, "alice", round, false);
    peer_run_node(&peer);
    peer_connect(&peer);
    peer_join(&peer);
    PEER_UNTIL(&peer, peer.manifest.round == 1);
    uint32_t transfer = peer_offer(&peer, 1);
    PEER_UNTIL(&peer, peer.credit[transfer] > 0);
    peer_send_data(&peer, transfer, 0, peer.update->length);
    PEER_UNTIL(&peer, peer.frames[SL_FRAME_READY] == 1);
}

/* w (1 − x) for each element x of bob's first model; of what int8 made of that, nearly. */
static void assert_edge(const char *outcome, bool encoded) {
    double began = number("start", "", "sum"), norm = number("start", "", "norm"), w = 0.5;
    double off = encoded ? 50 : 1e-6;
    cr_expect_eq(number("edge", outcome, "round"), 1);
    cr_expect_eq(number("edge", outcome, "weight"), w);
    cr_expect_float_eq(number("edge", outcome, "sum"), w * (PEER_ELEMENTS - began), off);
    cr_expect_float_eq(number("edge", outcome, "norm"), w * sqrt(PEER_ELEMENTS - 2 * began + norm * norm), off);
    cr_expect_neq(number("edge", outcome, "p1"), number("edge", outcome, "p2"));
}

/* The last such model is the first one and that difference, in all three sums. */
static void assert_moved(const char *entry, const char *outcome) {
    static const char *const sums[] = {"sum", "p1", "p2"};
    for (size_t i = 0; i < 3; i++) {
        double difference = outcome != NULL ? number("edge", outcome, sums[i]) : 0;
        cr_expect_float_eq(number(entry, "", sums[i]), number("start", "", sums[i]) + difference, ROUNDED, "%s",
                           sums[i]);
    }
}

Test(node_ledger, of_what_counts) {
    start_promised("\"rounds\":9,\"deadline_min\":20,\"deadline_max\":20,\"linger_max\":0", false);
    cr_expect_eq(number("start", "", "samples"), 1);
    const struct sl_digest his = peer.digest;
    peer_send_verdict(&peer, SL_VERDICT_COUNT);
    PEER_UNTIL(&peer, is_there("mixed", ""));
    assert_edge("counted", false);
    cr_expect_eq(number("mixed", "", "round"), 1);
    assert_moved("mixed", "counted");
    cJSON *line = find_line("edge", "");
    char digest[SL_DIGEST_TEXT_SIZE];
    sl_digest_text(digest, &peer.own_digest);
    cr_expect_str_eq(cJSON_GetObjectItemCaseSensitive(line, "peer_digest")->valuestring, digest);
    sl_digest_text(digest, &his);
    cr_expect_str_eq(cJSON_GetObjectItemCaseSensitive(line, "digest")->valuestring, digest);
    cr_expect_eq(strtoull(cJSON_GetObjectItemCaseSensitive(line, "peer_lineage")->valuestring, NULL, 16), peer.lineage);
    cJSON_Delete(line);
}

static void come_late(bool encoded) {
    start_promised("\"rounds\":9,\"deadline_min\":0.5,\"deadline_max\":0.5,\"linger_max\":0", encoded);
    PEER_UNTIL(&peer, peer.progress.pending == 1); /* his deadline has passed */
    PEER_UNTIL(&peer, is_there("mixed", ""));
    assert_moved("mixed", NULL);
    cr_expect_not(is_there("edge", ""));
    peer_send_verdict(&peer, SL_VERDICT_COUNT);
    PEER_UNTIL(&peer, is_there("joined", ""));
    assert_edge("late", encoded);
    assert_moved("joined", "late");
    cr_expect_eq(number("joined", "", "round"), number("edge", "", "joins"));
    cr_expect_gt(number("edge", "", "joins"), 1);
}

Test(node_ledger, of_what_comes_late) {
    come_late(false);
}

Test(node_ledger, of_what_comes_late_in_int8) {
    come_late(true);
}

Test(node_ledger, of_a_promise_whose_other_end_is_gone) {
    start_promised("\"rounds\":9,\"deadline_min\":20,\"deadline_max\":20,\"linger_max\":0", false);
    peer_send_verdict(&peer, SL_VERDICT_GONE);
    PEER_UNTIL(&peer, is_there("edge", "gone"));
    assert_edge("gone", false);
    PEER_UNTIL(&peer, is_there("mixed", ""));
    assert_moved("mixed", NULL);
}

Test(node_ledger, of_what_waited_for_one_who_is_gone) {
    start_promised("\"rounds\":9,\"deadline_min\":0.5,\"deadline_max\":0.5,\"linger_max\":0", true);
    PEER_UNTIL(&peer, peer.progress.pending == 1);
    peer_send_verdict(&peer, SL_VERDICT_GONE);
    PEER_UNTIL(&peer, is_there("edge", "gone"));
    assert_edge("gone", true);
    cr_expect_not(is_there("joined", ""));
}

/* The run ends with it: no training is to come. */
Test(node_ledger, of_what_joins_the_last_model) {
    start_promised("\"rounds\":1,\"deadline_min\":0.5,\"deadline_max\":0.5,\"linger_max\":20", false);
    PEER_UNTIL(&peer, peer.progress.pending == 1);
    peer_send_verdict(&peer, SL_VERDICT_COUNT);
    peer_tell_progress(&peer, 1, true);
    PEER_UNTIL(&peer, is_there("settled", ""));
    assert_edge("late", false);
    assert_moved("settled", "late");
}
