/* The check of the ledgers, on records of two and three nodes that are written here. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json/json.h"
#include <starling/ledger.h>

enum { NODES = 3 };

static char folder[] = "/tmp/starling-ledger-XXXXXX";
static char paths[NODES][sizeof folder + 16];
static const char *const names[NODES] = {"alice", "bob", "carol"};
static const char *const lineages[NODES] = {"000000000000000a", "000000000000000b", "000000000000000c"};
static FILE *files[NODES];

static void open_records(void) {
    cr_assert_not_null(mkdtemp(folder));
    for (int i = 0; i < NODES; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "%s/%s", folder, names[i]);
        files[i] = fopen(paths[i], "w");
        cr_assert_not_null(files[i]);
    }
}

static void remove_records(void) {
    for (int i = 0; i < NODES; i++) {
        if (files[i] != NULL)
            (void)fclose(files[i]);
        (void)unlink(paths[i]);
    }
    cr_assert_eq(rmdir(folder), 0);
}

TestSuite(ledger, .init = open_records, .fini = remove_records);

static void put(int node, const char *format, ...) SL_PRINTF(2, 3);
static void put(int node, const char *format, ...) {
    va_list arguments;
    fprintf(files[node], "{\"v\":1,\"time_ns\":1,\"run\":\"r\",\"node\":\"%s\",\"boot\":\"1\",\"seq\":0,", names[node]);
    va_start(arguments, format);
    (void)vfprintf(files[node], format, arguments);
    va_end(arguments);
    fputs("}\n", files[node]);
}

/* A model of which all sums are `value`; its norm is 100. */
static void model_of(int node, const char *lineage, const char *entry, unsigned round, double value) {
    put(node,
        "\"event\":\"ledger\",\"entry\":\"%s\",\"round\":%u,\"lineage\":\"%s\",\"samples\":%d,\"sum\":%.17g,"
        "\"p1\":%.17g,\"p2\":%.17g,\"norm\":100",
        entry, round, lineage, 10 * (node + 1), value, value, value);
}

static void model(int node, const char *entry, unsigned round, double value) {
    model_of(node, lineages[node], entry, round, value);
}

/* Updates of a round have the digests "a…", "b…", "c…". */
static void exchange(int node, int peer, unsigned round, const char *outcome, double weight, double value) {
    char own[65], other[65];
    memset(own, 'a' + node, 64);
    memset(other, 'a' + peer, 64);
    own[64] = other[64] = '\0';
    put(node,
        "\"event\":\"ledger\",\"entry\":\"edge\",\"round\":%u,\"peer\":\"%s\",\"outcome\":\"%s\",\"joins\":%u,"
        "\"lineage\":\"%s\",\"peer_lineage\":\"%s\",\"digest\":\"%s\",\"peer_digest\":\"%s\",\"weight\":%.17g,"
        "\"sum\":%.17g,\"p1\":%.17g,\"p2\":%.17g,\"norm\":1",
        round, names[peer], outcome, round, lineages[node], lineages[peer], own, other, weight, value, value, value);
}

static void word(int node, int peer, unsigned round, const char *outcome) {
    put(node, "\"event\":\"edge\",\"round\":%u,\"peer\":\"%s\",\"outcome\":\"%s\",\"after\":1", round, names[peer],
        outcome);
}

static struct sl_ledger_report report;
static struct sl_error error;

static enum sl_status check_first(size_t count) {
    const char *const records[NODES] = {paths[0], paths[1], paths[2]};
    for (int i = 0; i < NODES; i++)
        cr_assert_eq(fflush(files[i]), 0);
    return sl_ledger_check(&report, &(struct sl_ledger_options){.records = records, .count = count}, &error);
}

static void expect_good(size_t count) {
    cr_expect_eq(check_first(count), SL_OK, "%s", report.problem);
    cr_expect_str_empty(report.problem);
    cr_expect_lt(report.error, 1e-9);
}

static void expect_bad(size_t count, const char *problem) {
    cr_expect_eq(check_first(count), SL_MISMATCH);
    cr_expect_not_null(strstr(report.problem, problem), "\"%s\" is not in \"%s\"", problem, report.problem);
}

/* Alice and bob, one round: 1 and 3 become 2 and 2, by 0.5 each way of a difference of 2. */
static void two_meet(void) {
    model(0, "start", 0, 0);
    model(1, "start", 0, 2);
    model(0, "trained", 1, 1);
    model(1, "trained", 1, 3);
    exchange(0, 1, 1, "counted", 0.5, 1);
    model(0, "mixed", 1, 2);
    exchange(1, 0, 1, "counted", 0.5, -1);
    model(1, "mixed", 1, 2);
}

Test(ledger, adds_up) {
    two_meet();
    expect_good(2);
    cr_expect_str_eq(report.run, "r");
    cr_expect_eq(report.nodes, 2);
    cr_expect_eq(report.lineages, 2);
    cr_expect_eq(report.rounds, 1);
    cr_expect_not(report.by_samples);
    cr_expect_eq(report.start.sums[0], 2);
    cr_expect_eq(report.training.sums[0], 2);
    cr_expect_eq(report.both_ends.lines, 1);
    cr_expect_eq(report.both_ends.sums[0], 0);
    cr_expect_eq(report.now.sums[0], 4);
    cr_expect_eq(report.norm, 200);
}

Test(ledger, names_the_first_end_without_the_other) {
    two_meet();
    exchange(0, 1, 2, "counted", 0.5, 0.5);
    model(0, "mixed", 2, 2.5);
    model(1, "mixed", 2, 2); /* it came to the end of that round, without it */
    exchange(1, 0, 3, "counted", 0.5, 0.25);
    model(1, "mixed", 3, 2.25);
    model(0, "mixed", 3, 2.5);
    expect_bad(2, "round 2: alice counted the exchange with bob, and bob did not");
    cr_expect_eq(report.one_end.lines, 2);
    cr_expect_eq(report.one_end.sums[0], 0.75);
    cr_expect_float_eq(report.error, 0.75 / 200, 1e-12);
}

Test(ledger, an_end_that_has_not_come_to_it_yet_is_waited_for) {
    two_meet();
    model(1, "trained", 2, 2); /* and was killed */
    exchange(0, 1, 2, "counted", 0.5, 0.5);
    model(0, "mixed", 2, 2.5);
    expect_good(2);
    cr_expect_eq(report.waiting.lines, 1);
    cr_expect_eq(report.waiting.sums[1], 0.5);
}

Test(ledger, what_waits_for_a_verdict_is_waited_for_and_what_was_refused_is_not) {
    two_meet();
    exchange(0, 1, 2, "counted", 0.5, 0.5);
    model(0, "mixed", 2, 2.5);
    word(1, 0, 2, "pending");
    model(1, "mixed", 2, 2);
    expect_good(2);
    cr_expect_eq(report.waiting.lines, 1);
    word(1, 0, 2, "void");
    expect_bad(2, "round 2: alice counted");
}

Test(ledger, what_comes_late_joins_soon) {
    two_meet();
    exchange(0, 1, 2, "counted", 0.5, 0.5);
    model(0, "mixed", 2, 2.5);
    word(1, 0, 2, "pending");
    model(1, "mixed", 2, 2);
    word(1, 0, 2, "late");
    model(1, "trained", 3, 2);
    expect_good(2);
    model(1, "mixed", 3, 2);
    model(1, "mixed", 4, 2);
    expect_bad(2, "and bob did not");
}

Test(ledger, late_ones_count_like_others) {
    two_meet();
    exchange(0, 1, 2, "counted", 0.5, 0.5);
    model(0, "mixed", 2, 2.5);
    model(1, "mixed", 2, 2);
    model(1, "trained", 3, 7);
    exchange(1, 0, 2, "late", 0.5, -0.5);
    model(1, "joined", 3, 6.5);
    model(1, "mixed", 3, 6.5);
    expect_good(2);
    cr_expect_eq(report.both_ends.lines, 2);
}

Test(ledger, what_is_written_off_is_told) {
    two_meet();
    exchange(0, 1, 2, "counted", 0.5, 0.5);
    model(0, "mixed", 2, 2.5);
    word(1, 0, 2, "pending");
    word(1, 0, 2, "gone");
    exchange(1, 0, 2, "gone", 0.5, -0.5);
    model(1, "mixed", 2, 2);
    expect_good(2);
    cr_expect_eq(report.written_off.lines, 1);
    cr_expect_eq(report.written_off.sums[0], 0.5);
}

Test(ledger, twice_is_once_too_often) {
    two_meet();
    exchange(1, 0, 1, "late", 0.5, -1);
    model(1, "settled", 1, 1);
    expect_bad(2, "round 1: bob counted the exchange with alice twice");
}

Test(ledger, both_ends_must_be_of_the_same_size) {
    two_meet();
    exchange(0, 1, 2, "counted", 0.5, 0.5);
    model(0, "mixed", 2, 2.5);
    exchange(1, 0, 2, "counted", 0.5, -0.5000001);
    model(1, "mixed", 2, 1.4999999);
    expect_bad(2, "round 2: alice took from bob what bob did not give");
}

Test(ledger, a_model_must_be_what_its_exchanges_make_of_it) {
    two_meet();
    exchange(0, 1, 2, "counted", 0.5, 0.5);
    model(0, "mixed", 2, 2.502);
    exchange(1, 0, 2, "counted", 0.5, -0.5);
    model(1, "mixed", 2, 1.5);
    expect_bad(2, "round 2: the model of alice is not what its exchanges make of it (off by 0.002)");
}

/* 20 times what alice takes is 10 times what bob gives: n_j / N of the same difference. */
Test(ledger, weighs_by_samples_where_the_weights_differ) {
    model(0, "start", 0, 0);
    model(1, "start", 0, 3);
    exchange(0, 1, 1, "counted", 2.0 / 3, 2);
    model(0, "mixed", 1, 2);
    exchange(1, 0, 1, "counted", 1.0 / 3, -1);
    model(1, "mixed", 1, 2);
    expect_good(2);
    cr_expect(report.by_samples);
    cr_expect_eq(report.start.sums[0], 60);
    cr_expect_eq(report.norm, 3000);
}

Test(ledger, who_gives_no_record_is_not_judged) {
    two_meet();
    exchange(0, 2, 2, "counted", 0.5, 0.5);
    model(0, "mixed", 2, 2.5);
    expect_good(2);
    cr_expect_eq(report.unseen.lines, 1);
    model(2, "start", 0, 0);
    model(2, "mixed", 2, 0);
    expect_bad(3, "alice counted the exchange with carol, and carol did not");
}

Test(ledger, a_late_one_that_is_given_up_with_its_lineage_is_written_off) {
    two_meet();
    exchange(0, 1, 2, "counted", 0.5, 0.5);
    model(0, "mixed", 2, 2.5);
    word(1, 0, 2, "late");
    exchange(1, 0, 2, "stale", 0.5, -0.5);
    model_of(1, "00000000000000bb", "start", 7, 2);
    model_of(1, "00000000000000bb", "mixed", 8, 2);
    model_of(1, "00000000000000bb", "mixed", 9, 2);
    expect_good(2);
    cr_expect_eq(report.written_off.lines, 1);
}

Test(ledger, what_is_no_number_is_not_conserved) {
    two_meet();
    put(0,
        "\"event\":\"ledger\",\"entry\":\"mixed\",\"round\":2,\"lineage\":\"%s\",\"samples\":10,\"sum\":null,"
        "\"p1\":null,\"p2\":null,\"norm\":null",
        lineages[0]);
    expect_bad(2, "round 2: the model of alice is not what its exchanges make of it");
}

static cJSON *as_json(void) {
    char *text = NULL;
    size_t length = 0;
    cJSON *value = NULL;
    FILE *stream = open_memstream(&text, &length);
    cr_assert_not_null(stream);
    cr_assert_eq(sl_ledger_write(&report, stream, true), SL_OK);
    cr_assert_eq(fclose(stream), 0);
    cr_assert_eq(sl_json_parse(&value, text, length, &error), SL_OK, "%s: %s", error.text, text);
    free(text);
    return value;
}

Test(ledger, is_json_whatever_is_in_it) {
    two_meet();
    expect_good(2);
    cJSON *value = as_json();
    cr_expect_eq(cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(value, "now"), "p2")->valuedouble,
                 4);
    cr_expect(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(value, "conserved")));
    cr_expect(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(value, "problem")));
    cJSON_Delete(value);
    put(0, "\"event\":\"ledger\",\"entry\":\"mixed\",\"round\":2,\"lineage\":\"%s\",\"samples\":10,\"sum\":null",
        lineages[0]);
    expect_bad(2, "round 2");
    value = as_json();
    cr_expect(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(value, "now"), "sum")));
    cr_expect(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(value, "norm")));
    cr_expect(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(value, "conserved")));
    cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(value, "problem")), report.problem);
    cJSON_Delete(value);
}

/* ---- restarts ---- */

Test(ledger, a_restart_drops_what_was_beyond_its_model) {
    two_meet();
    exchange(1, 0, 2, "counted", 0.5, 5); /* never came to pass */
    model(1, "mixed", 2, 7);
    model(1, "trained", 3, 8);
    model(1, "restored", 1, 2);
    exchange(1, 0, 2, "counted", 0.5, -0.5);
    model(1, "mixed", 2, 1.5);
    exchange(0, 1, 2, "counted", 0.5, 0.5);
    model(0, "mixed", 2, 2.5);
    expect_good(2);
    cr_expect_eq(report.both_ends.lines, 2);
    cr_expect_eq(report.training.sums[0], 2);
}

Test(ledger, a_restart_in_an_exchange_mixes_again) {
    two_meet();
    model(1, "trained", 2, 3);
    exchange(1, 0, 2, "counted", 0.5, -0.5);
    model(1, "mixed", 2, 2.5);
    model(1, "update", 2, 3);
    exchange(1, 0, 2, "counted", 0.5, -0.5);
    model(1, "mixed", 2, 2.5);
    exchange(0, 1, 2, "counted", 0.5, 0.5);
    model(0, "mixed", 2, 2.5);
    expect_good(2);
    cr_expect_eq(report.both_ends.lines, 2);
}

Test(ledger, a_restart_with_another_model_is_noticed) {
    two_meet();
    model(1, "restored", 1, 2.5);
    expect_bad(2, "round 1: the model of bob is not what its exchanges make of it (off by 0.5)");
}

Test(ledger, lines_behind_which_no_model_came_are_nothing) {
    two_meet();
    exchange(1, 0, 2, "counted", 0.5, -0.5); /* killed here */
    model(1, "restored", 1, 2);
    expect_good(2);
    cr_expect_eq(report.waiting.lines, 0);
}

Test(ledger, a_lineage_that_ended_takes_its_model_along) {
    two_meet();
    model_of(1, "00000000000000bb", "start", 0, 0);
    model_of(1, "00000000000000bb", "start", 4, 2.25); /* from a donor: in the place of the first */
    expect_good(2);
    cr_expect_eq(report.lineages, 3);
    cr_expect_eq(report.nodes, 2);
    cr_expect_eq(report.start.sums[0], 4.25);
    cr_expect_eq(report.now.sums[0], 6.25);
    cr_expect_eq(report.norm, 200);
}

/* ---- files ---- */

Test(ledger, torn_and_strange_lines_are_passed_over) {
    two_meet();
    fputs("{\"run\":\"r\",\"node\":\"alice\",\"event\":\"ledger\",\"entry\":\"mi\n", files[0]);
    fputs("{\"run\":\"r\",\"node\":\"alice\",\"event\":\"ledger\",\"entry\":\"of another day\"}\n", files[0]);
    fputs("not JSON, \"event\":\"ledger\"\n", files[0]);
    fputs("{\"run\":\"r\\\"\",\"node\":\"alice\",\"event\":\"ledger\",\"entry\":\"mixed\"}\n", files[0]);
    fputs("{\"run\":\"r\",\"node\":\"\\u001b[2J\",\"event\":\"ledger\",\"entry\":\"mixed\"}\n", files[0]);
    fputs("{\"event\":\"ledger\"", files[0]);
    expect_good(2);
}

Test(ledger, lost_lines_are_told) {
    two_meet();
    put(0, "\"event\":\"lost\",\"count\":17");
    expect_good(2);
    cr_expect_eq(report.lost_lines, 17);
}

Test(ledger, says_when_there_is_none) {
    put(0, "\"event\":\"start\"");
    cr_expect_eq(check_first(2), SL_NOT_FOUND);
    cr_expect_not_null(strstr(error.text, "no ledger"));
}

Test(ledger, a_file_that_is_missing) {
    const char *const absent[] = {"/nonexistent/record.jsonl"};
    cr_expect_eq(sl_ledger_check(&report, &(struct sl_ledger_options){.records = absent, .count = 1}, &error),
                 SL_NOT_FOUND);
    cr_expect_not_null(strstr(error.text, "/nonexistent/record.jsonl"));
}

Test(ledger, one_run_at_a_time) {
    two_meet();
    fprintf(files[1], "{\"run\":\"other\",\"node\":\"bob\",\"event\":\"ledger\",\"entry\":\"mixed\",\"round\":1,"
                      "\"lineage\":\"b\",\"samples\":1,\"sum\":99,\"p1\":0,\"p2\":0,\"norm\":1}\n");
    cr_expect_eq(check_first(2), SL_USAGE);
    cr_expect_not_null(strstr(error.text, "of the runs r and other"));
    const char *const records[] = {paths[0], paths[1]};
    const struct sl_ledger_options options = {.records = records, .count = 2, .run = "r"};
    cr_expect_eq(sl_ledger_check(&report, &options, &error), SL_OK, "%s", error.text);
}
