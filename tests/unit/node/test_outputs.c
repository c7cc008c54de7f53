/* What a start makes, and what it takes back. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/outputs.h"
#include "support/certificates.h"

static char *folder;
static struct sl_settings settings;
static struct node_outputs outputs;
static struct sl_error error;

static void set_up(void) {
    folder = sl_test_folder_make();
    settings = (struct sl_settings){.model.folder = sl_test_path(folder, "runs/one/models/"),
                                    .membership.proof_folder = sl_test_path(folder, "proofs"),
                                    .node.state_folder = sl_test_path(folder, "state"),
                                    .record.file = sl_test_path(folder, "record.jsonl")};
    error = (struct sl_error){.status = SL_OK};
}

static void tear_down(void) {
    node_outputs_finish(&outputs);
    free(settings.model.folder);
    free(settings.membership.proof_folder);
    free(settings.node.state_folder);
    free(settings.record.file);
    sl_test_folder_remove(folder);
}

TestSuite(node_outputs, .init = set_up, .fini = tear_down, .timeout = 60);

static bool is_there(const char *name) {
    struct stat status;
    char *path = sl_test_path(folder, name);
    bool there = stat(path, &status) == 0;
    free(path);
    return there;
}

static void expect_all(bool there) {
    cr_expect_eq(is_there("runs/one/models"), there);
    cr_expect_eq(is_there("runs"), there);
    cr_expect_eq(is_there("proofs"), there);
    cr_expect_eq(is_there("state"), there);
    cr_expect_eq(is_there("record.jsonl"), there);
}

static void make(void) {
    cr_assert_eq(node_outputs_make(&outputs, &settings, &error), SL_OK, "%s", error.text);
    expect_all(true);
}

Test(node_outputs, what_was_made_is_removed_with_its_parents) {
    make();
    node_outputs_remove(&outputs);
    expect_all(false);
    cr_expect(is_there(""));
}

Test(node_outputs, what_was_there_stays) {
    make();
    node_outputs_finish(&outputs);
    make();
    node_outputs_remove(&outputs);
    expect_all(true);
}

Test(node_outputs, what_holds_something_stays) {
    char *inside = sl_test_path(folder, "runs/one/other");
    make();
    sl_test_write(inside, "", 0, 0600);
    sl_test_write(settings.record.file, "{}\n", 3, 0600);
    node_outputs_remove(&outputs);
    cr_expect(is_there("runs/one/other"));
    cr_expect(is_there("record.jsonl"));
    cr_expect_not(is_there("runs/one/models"));
    cr_expect_not(is_there("proofs"));
    free(inside);
}

Test(node_outputs, the_first_failure_is_told_and_hinders_no_other) {
    char *runs = sl_test_path(folder, "runs");
    sl_test_write(runs, "a file", 6, 0600);
    cr_expect_neq(node_outputs_make(&outputs, &settings, &error), SL_OK);
    cr_expect_not_null(strstr(error.text, "model.folder"), "%s", error.text);
    cr_expect(is_there("proofs"));
    cr_expect(is_there("record.jsonl"));
    node_outputs_remove(&outputs);
    cr_expect(is_there("runs"));
    cr_expect_not(is_there("proofs"));
    free(runs);
}

static void settle(bool keep) {
    struct sl_confinement confinement = {.on = true};
    make();
    cr_assert_eq(node_outputs_entrust(&confinement, &outputs, &error), SL_OK, "%s", error.text);
    cr_assert_neq(confinement.outputs_process, 0);
    node_outputs_settle(&confinement, keep);
    cr_expect_eq(waitpid(confinement.outputs_process, NULL, 0), -1, "it is still there");
    expect_all(keep);
}

Test(node_outputs, entrusted_and_kept) {
    settle(true);
}

Test(node_outputs, entrusted_and_removed) {
    settle(false);
}

Test(node_outputs, nothing_made_needs_no_process) {
    struct sl_confinement confinement = {.on = true};
    make();
    node_outputs_finish(&outputs);
    make();
    cr_assert_eq(node_outputs_entrust(&confinement, &outputs, &error), SL_OK);
    cr_expect_eq(confinement.outputs_process, 0);
    node_outputs_settle(&confinement, false);
    node_outputs_settle(NULL, false);
    expect_all(true);
}

/* The end of `alive` comes when both processes are gone. */
Test(node_outputs, removed_when_the_node_is_killed) {
    int alive[2];
    char byte;
    make();
    cr_assert_eq(pipe(alive), 0);
    pid_t node = fork();
    if (node == 0) {
        struct sl_confinement confinement = {.on = true};
        if (node_outputs_entrust(&confinement, &outputs, &error) == SL_OK)
            (void)kill(getpid(), SIGKILL);
        _exit(1);
    }
    (void)close(alive[1]);
    int status = 0;
    cr_assert_eq(waitpid(node, &status, 0), node);
    cr_assert(WIFSIGNALED(status));
    cr_assert_eq(read(alive[0], &byte, 1), 0);
    expect_all(false);
    (void)close(alive[0]);
}
