/* Two nodes learn together while one system call on a file fails, for each call and each error that it may have: the
 * node whose call it was goes on, without what it could not write, or ends and says why; the other one goes on; nothing
 * hangs, no descriptor is left. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "failing_files.h"
#include "support/nodes.h"

struct fault {
    enum failing_file_call call;
    int failure;
};

static struct sl_test_nodes nodes;
static size_t before;

static size_t open_descriptors(void) {
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    cr_assert_not_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static void set_up(void) {
    before = open_descriptors();
    sl_test_nodes_init(&nodes);
}

static void tear_down(void) {
    sl_test_nodes_finish(&nodes);
    cr_assert_eq(open_descriptors(), before, "descriptors were left open");
}

TestSuite(syscalls_node, .init = set_up, .fini = tear_down);

/* False: there are fewer than n such calls. */
static bool meet(const struct fault *fault, size_t n) {
    for (size_t i = 0; i < 2; i++) {
        struct sl_error error = {.status = SL_OK, .text = ""};
        sl_test_nodes_load(&nodes, i);
        cr_assert_eq(sl_test_nodes_create(&nodes, i, &error), SL_OK, "%s", error.text);
    }
    failing_files_arm(fault->call, n, fault->failure);
    bool ended = sl_test_nodes_run(&nodes);
    bool failed = failing_files_disarm();
    cr_assert(ended, "call %zu of %s, %s: a node hangs", n, failing_file_text(fault->call), strerror(fault->failure));
    const char *complaint = sl_test_nodes_complaint(&nodes, failed);
    cr_assert_null(complaint, "call %zu of %s, %s: %s", n, failing_file_text(fault->call), strerror(fault->failure),
                   complaint);
    for (size_t i = 0; i < 2; i++)
        cr_assert(nodes.members[i].outcome != SL_INTERNAL, "call %zu of %s, %s: %s", n, failing_file_text(fault->call),
                  strerror(fault->failure), nodes.members[i].failure.text);
    sl_test_nodes_forget(&nodes);
    return failed;
}

/* The first calls one by one, then fewer and fewer of them: they are much alike. */
static void check(const struct fault *faults, size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t n = 1, hits = 0;
        for (; meet(&faults[i], n); n += 1 + n / 3)
            hits++;
        cr_assert_geq(hits, 1, "%s, %s: none was made to fail", failing_file_text(faults[i].call),
                      strerror(faults[i].failure));
    }
}

Test(syscalls_node, to_write) {
    static const struct fault FAULTS[] = {
        {FILE_PWRITE, ENOSPC}, {FILE_PWRITE, EIO}, {FILE_WRITE, ENOSPC}, {FILE_WRITE, EINTR}, {FILE_SYNC, EIO}};
    check(FAULTS, sizeof FAULTS / sizeof *FAULTS);
}

Test(syscalls_node, to_open_and_name) {
    static const struct fault FAULTS[] = {
        {FILE_OPEN, EMFILE}, {FILE_OPEN, EACCES}, {FILE_RENAME, EIO}, {FILE_ALLOCATE, ENOSPC}, {FILE_READ, EIO}};
    check(FAULTS, sizeof FAULTS / sizeof *FAULTS);
}
