#include "base/file.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"

static struct test_folder folder;
static char path[256];

static void set_up(void) {
    test_folder_make(&folder);
    test_folder_file(path, &folder, "file");
}

static void tear_down(void) {
    test_folder_remove(&folder);
}

TestSuite(file, .init = set_up, .fini = tear_down);

static void expect_content(const char *expected) {
    struct sl_buffer buffer = {0};
    cr_assert_eq(sl_file_read(&buffer, path, 1 << 20, NULL), SL_OK);
    cr_expect_eq(buffer.length, strlen(expected));
    cr_expect_str_eq((char *)buffer.data, expected);
    sl_buffer_finish(&buffer);
}

Test(file, replace_and_read_back) {
    cr_assert_eq(sl_file_replace(path, "old", 3, 0600, NULL), SL_OK);
    expect_content("old");
    cr_assert_eq(sl_file_replace(path, "newer", 5, 0600, NULL), SL_OK);
    expect_content("newer");
    cr_assert_eq(sl_file_replace(path, NULL, 0, 0600, NULL), SL_OK);
    expect_content("");
    cr_expect_eq(test_folder_count(&folder), 1);
}

Test(file, mode_passes_through_the_umask) {
    umask(027);
    struct stat found;
    cr_assert_eq(sl_file_replace(path, "x", 1, 0666, NULL), SL_OK);
    cr_assert_eq(stat(path, &found), 0);
    cr_expect_eq(found.st_mode & 0777, 0640);
    cr_assert_eq(sl_file_replace(path, "x", 1, 0600, NULL), SL_OK);
    cr_assert_eq(stat(path, &found), 0);
    cr_expect_eq(found.st_mode & 0777, 0600);
}

Test(file, read_limit) {
    cr_assert_eq(sl_file_replace(path, "12345", 5, 0600, NULL), SL_OK);
    struct sl_buffer buffer = {0};
    struct sl_error error = {0};
    cr_expect_eq(sl_file_read(&buffer, path, 5, &error), SL_OK);
    cr_expect_eq(buffer.length, 5);
    cr_expect_eq(sl_file_read(&buffer, path, SIZE_MAX, &error), SL_OK);
    cr_expect_eq(buffer.length, 5, "reading again replaces");
    cr_expect_eq(sl_file_read(&buffer, path, 4, &error), SL_LIMIT);
    cr_expect_eq(buffer.length, 0);
    cr_expect_not_null(strstr(error.text, path));
    cr_expect_eq(sl_file_read(&buffer, path, 0, &error), SL_LIMIT);
    sl_buffer_finish(&buffer);
}

/* Their size says 0, and one of them never ends. */
Test(file, read_of_devices_and_proc) {
    struct sl_buffer buffer = {0};
    cr_expect_eq(sl_file_read(&buffer, "/proc/self/status", 1 << 20, NULL), SL_OK);
    cr_expect_gt(buffer.length, 100);
    cr_expect_eq(sl_file_read(&buffer, "/dev/zero", 300000, NULL), SL_LIMIT);
    cr_expect_eq(sl_file_read(&buffer, "/dev/null", 0, NULL), SL_OK);
    cr_expect_eq(buffer.length, 0);
    cr_expect_eq(buffer.data[0], 0);
    sl_buffer_finish(&buffer);
}

Test(file, read_failures_name_the_path) {
    struct sl_buffer buffer = {0};
    struct sl_error error = {0};
    cr_expect_eq(sl_file_read(&buffer, path, 100, &error), SL_NOT_FOUND);
    cr_expect_not_null(strstr(error.text, path));
    cr_expect_eq(sl_file_read(&buffer, folder.path, 100, &error), SL_IO, "a folder is no file");
    cr_expect_not_null(strstr(error.text, folder.path));
    cr_expect_eq(sl_file_read(&buffer, "", 100, &error), SL_NOT_FOUND);
    sl_buffer_finish(&buffer);
}

Test(file, nothing_is_seen_before_the_commit) {
    cr_assert_eq(sl_file_replace(path, "old", 3, 0600, NULL), SL_OK);
    struct sl_file_writer *writer;
    cr_assert_eq(sl_file_writer_open(&writer, path, 0600, NULL), SL_OK);
    cr_assert_eq(sl_file_writer_write(writer, "ne", 2, NULL), SL_OK);
    expect_content("old");
    cr_expect_eq(test_folder_count(&folder), 2);
    cr_assert_eq(sl_file_writer_write(writer, "w", 1, NULL), SL_OK);
    cr_assert_eq(sl_file_writer_commit(writer, NULL), SL_OK);
    expect_content("new");
    cr_expect_eq(test_folder_count(&folder), 1);
}

Test(file, abandon_leaves_the_old_one) {
    cr_assert_eq(sl_file_replace(path, "old", 3, 0600, NULL), SL_OK);
    struct sl_file_writer *writer;
    cr_assert_eq(sl_file_writer_open(&writer, path, 0600, NULL), SL_OK);
    cr_assert_eq(sl_file_writer_write(writer, "new", 3, NULL), SL_OK);
    sl_file_writer_abandon(writer);
    sl_file_writer_abandon(NULL);
    expect_content("old");
    cr_expect_eq(test_folder_count(&folder), 1);
}

Test(file, two_writers_of_one_path_do_not_mix) {
    struct sl_file_writer *first, *second;
    cr_assert_eq(sl_file_writer_open(&first, path, 0600, NULL), SL_OK);
    cr_assert_eq(sl_file_writer_open(&second, path, 0600, NULL), SL_OK);
    cr_assert_eq(sl_file_writer_write(first, "first", 5, NULL), SL_OK);
    cr_assert_eq(sl_file_writer_write(second, "second", 6, NULL), SL_OK);
    cr_assert_eq(sl_file_writer_commit(second, NULL), SL_OK);
    expect_content("second");
    cr_assert_eq(sl_file_writer_commit(first, NULL), SL_OK);
    expect_content("first");
}

/* A limit on the size of files fails a write midway, as a full disk does. */
Test(file, a_write_that_fails_midway_leaves_the_old_one) {
    cr_assert_eq(sl_file_replace(path, "old", 3, 0600, NULL), SL_OK);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small = {.rlim_cur = 100000, .rlim_max = before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    static const char zeros[150000];
    struct sl_error error = {0};
    enum sl_status status = sl_file_replace(path, zeros, sizeof zeros, 0600, &error);
    struct sl_file_writer *writer;
    enum sl_status opened = sl_file_writer_open(&writer, path, 0600, NULL);
    enum sl_status written = sl_file_writer_write(writer, zeros, sizeof zeros, NULL);
    enum sl_status committed = sl_file_writer_commit(writer, NULL);
    setrlimit(RLIMIT_FSIZE, &before); /* before anything is asserted: the test's own report is a file, too */

    cr_expect_eq(status, SL_DISK_FULL);
    cr_expect_not_null(strstr(error.text, path));
    cr_expect_eq(opened, SL_OK);
    cr_expect_eq(written, SL_DISK_FULL);
    cr_expect_neq(committed, SL_OK, "a file that is cut short was committed");
    expect_content("old");
    cr_expect_eq(test_folder_count(&folder), 1, "the temporary file stays behind");
}

/* 0: as it should be; 1: not; SKIPPED: this process may not mount anything. */
enum { SKIPPED = 77 };

/* In a mount namespace of its own, which ends with the process: a tmpfs of 64 KiB over the test's folder. */
static int fill_a_disk(void) {
    if (geteuid() != 0 && unshare(CLONE_NEWUSER) != 0)
        return SKIPPED;
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", folder.path, "tmpfs", 0, "size=64k") != 0)
        return SKIPPED;
    static const char zeros[100000];
    struct sl_buffer buffer = {0};
    struct sl_error error = {0};
    bool right = sl_file_replace(path, "old", 3, 0600, NULL) == SL_OK &&
                 sl_file_replace(path, zeros, sizeof zeros, 0600, &error) == SL_DISK_FULL &&
                 strstr(error.text, path) != NULL && test_folder_count(&folder) == 1 &&
                 sl_file_read(&buffer, path, 100, NULL) == SL_OK && buffer.length == 3 &&
                 sl_file_replace(path, "new", 3, 0600, NULL) == SL_OK;
    sl_buffer_finish(&buffer);
    return right ? 0 : 1;
}

Test(file, a_full_disk) {
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0)
        _exit(fill_a_disk());
    int outcome;
    cr_assert_eq(waitpid(child, &outcome, 0), child);
    cr_assert(WIFEXITED(outcome));
    if (WEXITSTATUS(outcome) == SKIPPED) {
        tear_down(); /* Criterion calls no .fini of a test that is skipped */
        cr_skip_test("no right to mount a small disk");
    }
    cr_expect_eq(WEXITSTATUS(outcome), 0);
}

Test(file, a_path_that_leads_through_a_file) {
    struct sl_error error = {0};
    cr_expect_eq(sl_file_replace("/dev/full/file", "x", 1, 0600, &error), SL_NOT_FOUND);
    cr_expect_not_null(strstr(error.text, "/dev/full/file"));
}

/* As another user, since root may write anywhere; in a child, so that the folder can be removed afterwards. */
Test(file, a_folder_that_is_not_writable) {
    cr_assert_eq(sl_file_replace(path, "old", 3, 0644, NULL), SL_OK);
    cr_assert_eq(chmod(folder.path, 0555), 0);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(2);
        struct sl_error error = {0};
        enum sl_status status = sl_file_replace(path, "new", 3, 0600, &error);
        _exit(status == SL_PERMISSION && strstr(error.text, path) != NULL ? 0 : 1);
    }
    int outcome;
    cr_assert_eq(waitpid(child, &outcome, 0), child);
    cr_expect(WIFEXITED(outcome) && WEXITSTATUS(outcome) == 0);
    cr_assert_eq(chmod(folder.path, 0755), 0);
    expect_content("old");
    cr_expect_eq(test_folder_count(&folder), 1);
}

Test(file, a_folder_in_the_way) {
    cr_assert_eq(mkdir(path, 0755), 0);
    struct sl_error error = {0};
    cr_expect_neq(sl_file_replace(path, "new", 3, 0600, &error), SL_OK);
    cr_expect_not_null(strstr(error.text, path));
    cr_expect_eq(test_folder_count(&folder), 1, "the temporary file stays behind");
}

Test(file, a_missing_folder_and_a_name_too_long) {
    char missing[256];
    test_folder_file(missing, &folder, "no/such/file");
    cr_expect_eq(sl_file_replace(missing, "x", 1, 0600, NULL), SL_NOT_FOUND);
    char name[300];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    char *longer = sl_path_join(folder.path, name);
    cr_expect_eq(sl_file_replace(longer, "x", 1, 0600, NULL), SL_LIMIT);
    free(longer);
    cr_expect_eq(test_folder_count(&folder), 0);
}

Test(file, no_descriptor_is_left_open) {
    const struct test_folder descriptors = {.path = "/proc/self/fd"};
    size_t before = test_folder_count(&descriptors);
    cr_assert_eq(sl_file_replace(path, "x", 1, 0600, NULL), SL_OK);
    cr_expect_neq(sl_file_replace("/no/such/folder/file", "x", 1, 0600, NULL), SL_OK);
    expect_content("x");
    struct sl_buffer buffer = {0};
    cr_expect_eq(sl_file_read(&buffer, path, 0, NULL), SL_LIMIT);
    sl_buffer_finish(&buffer);
    cr_expect_eq(test_folder_count(&descriptors), before);
}

Test(file, folder_make) {
    char deep[256], below_file[256];
    test_folder_file(deep, &folder, "a/b//c/");
    struct stat found;
    cr_expect_eq(sl_folder_make(deep, 0700, NULL), SL_OK);
    cr_expect(stat(deep, &found) == 0 && S_ISDIR(found.st_mode) && (found.st_mode & 0777) == 0700);
    cr_expect_eq(sl_folder_make(deep, 0700, NULL), SL_OK, "twice is fine");
    cr_expect_eq(sl_folder_make(folder.path, 0700, NULL), SL_OK);
    cr_expect_eq(sl_folder_make("/", 0700, NULL), SL_OK);

    struct sl_error error = {0};
    cr_assert_eq(sl_file_replace(path, "x", 1, 0600, NULL), SL_OK);
    cr_expect_eq(sl_folder_make(path, 0700, &error), SL_EXISTS);
    cr_expect_not_null(strstr(error.text, path));
    test_folder_file(below_file, &folder, "file/below");
    cr_expect_eq(sl_folder_make(below_file, 0700, &error), SL_NOT_FOUND);
    cr_expect_eq(sl_folder_make("", 0700, &error), SL_NOT_FOUND);
}

static void expect_and_free(char *text, const char *expected) {
    cr_expect_str_eq(text, expected);
    free(text);
}

Test(path, join) {
    expect_and_free(sl_path_join("a", "b"), "a/b");
    expect_and_free(sl_path_join("a/", "b"), "a/b");
    expect_and_free(sl_path_join("/", "b"), "/b");
    expect_and_free(sl_path_join("a", "/b"), "/b");
    expect_and_free(sl_path_join("", "b"), "b");
    expect_and_free(sl_path_join("a", ""), "a/");
}

Test(path, parent) {
    expect_and_free(sl_path_parent("a"), ".");
    expect_and_free(sl_path_parent(""), ".");
    expect_and_free(sl_path_parent("a/b"), "a");
    expect_and_free(sl_path_parent("a//b//"), "a");
    expect_and_free(sl_path_parent("/a"), "/");
    expect_and_free(sl_path_parent("//a"), "/");
    expect_and_free(sl_path_parent("/"), "/");
    expect_and_free(sl_path_parent("/a/b/c"), "/a/b");
}
