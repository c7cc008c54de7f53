/* The authority's database: whatever moment a writer dies at, the next one finds all that was promised and goes on. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/random.h"
#include "identity/database.h"
#include "support/certificates.h"

static char *folder, *path;
static gnutls_x509_crt_t certificates[8]; /* made once a test: of "alice" */

static void set_up(void) {
    folder = sl_test_folder_make();
    path = sl_test_path(folder, SL_DATABASE_FILE);
    cr_assert_eq(sl_crypto_start(NULL), SL_OK);
    for (size_t i = 0; i < 8; i++) {
        struct sl_test_pair pair;
        struct sl_test_order order = {.common_name = "alice"};
        sl_test_issue(&pair, &order);
        cr_assert_eq(gnutls_x509_crt_init(&certificates[i]), 0);
        cr_assert_eq(gnutls_x509_crt_import(certificates[i], &pair.der, GNUTLS_X509_FMT_DER), 0);
        sl_test_pair_finish(&pair);
    }
}

static void tear_down(void) {
    for (size_t i = 0; i < 8; i++)
        gnutls_x509_crt_deinit(certificates[i]);
    free(path);
    sl_test_folder_remove(folder);
}

TestSuite(database, .init = set_up, .fini = tear_down);

static struct sl_database open_it(bool writing) {
    struct sl_database database;
    struct sl_error error = {0};
    cr_assert_eq(sl_database_open(&database, folder, writing, &error), SL_OK, "%s", error.text);
    return database;
}

/* Issues certificate `first` and the next one, in one commit. */
static void issue_two(size_t first) {
    struct sl_database database = open_it(true);
    for (size_t i = first; i < first + 2; i++)
        cr_assert_eq(sl_database_issue(&database, certificates[i],
                                       i == first ? SL_CERTIFICATE_SERVER : SL_CERTIFICATE_CLIENT, "alice", NULL),
                     SL_OK);
    cr_assert_eq(sl_database_commit(&database, NULL), SL_OK);
    sl_database_finish(&database);
}

static struct sl_buffer content(void) {
    struct sl_buffer text = {0};
    cr_assert_eq(sl_file_read(&text, path, 1 << 20, NULL), SL_OK);
    return text;
}

Test(database, what_is_written_is_read) {
    issue_two(0);
    struct sl_database database = open_it(true);
    cr_assert_eq(sl_database_revoke(&database, &database.entries[1], SL_REVOKED_KEY_COMPROMISE, NULL), SL_OK);
    cr_assert(database.crl_due);
    cr_assert_eq(sl_database_list(&database, 7, 30, NULL), SL_OK);
    cr_assert_eq(sl_database_commit(&database, NULL), SL_OK);
    sl_database_finish(&database);

    database = open_it(false);
    cr_assert_eq(database.count, 2);
    cr_assert_not(database.fresh);
    cr_assert_not(database.crl_due);
    cr_assert_eq(database.crl_number, 7);
    cr_assert_eq(database.crl_days, 30);
    const struct sl_entry *entry = &database.entries[0];
    cr_assert_eq(entry->kind, SL_CERTIFICATE_SERVER);
    cr_assert_str_eq(entry->name, "alice");
    cr_assert_eq(entry->until, gnutls_x509_crt_get_expiration_time(certificates[0]));
    cr_assert_eq(entry->from, gnutls_x509_crt_get_activation_time(certificates[0]));
    cr_assert_eq(entry->revoked, 0);
    gnutls_datum_t der;
    cr_assert_eq(gnutls_x509_crt_export2(certificates[0], GNUTLS_X509_FMT_DER, &der), 0);
    cr_assert_eq(entry->der.size, der.size);
    cr_assert_arr_eq(entry->der.data, der.data, der.size);
    gnutls_free(der.data);
    char serial[2 * SL_SERIAL_MAX + 1];
    sl_serial_text(serial, certificates[1]);
    entry = sl_database_find(&database, serial);
    cr_assert_not_null(entry);
    cr_assert_neq(entry->revoked, 0);
    cr_assert_eq(entry->reason, SL_REVOKED_KEY_COMPROMISE);
    cr_assert_null(sl_database_live(&database, "alice", SL_CERTIFICATE_CLIENT, time(NULL)));
    cr_assert_not_null(sl_database_live(&database, "alice", SL_CERTIFICATE_SERVER, time(NULL)));
    cr_assert_null(sl_database_live(&database, "alice", SL_CERTIFICATE_SERVER, entry->until));
    cr_assert_null(sl_database_find(&database, "00"));
    sl_database_finish(&database);
}

Test(database, a_missing_one_is_empty_and_is_not_made_by_a_reader) {
    struct sl_database database = open_it(false);
    cr_assert(database.fresh);
    cr_assert_eq(database.count, 0);
    sl_database_finish(&database);
    cr_assert_neq(access(path, F_OK), 0);
}

/* The disk keeps any prefix of the last write: each is tried. */
Test(database, cut_at_any_byte_it_has_the_old_entries_and_goes_on) {
    issue_two(0);
    struct sl_buffer before = content();
    issue_two(2);
    struct sl_buffer after = content();
    size_t first_line =
        (size_t)((uint8_t *)memchr(after.data + before.length, '\n', after.length - before.length) - after.data) + 1;
    for (size_t length = before.length; length <= after.length; length += length < after.length - 3 ? 3 : 1) {
        cr_assert_eq(sl_file_replace(path, after.data, length, 0600, NULL), SL_OK);
        struct sl_database database = open_it(false);
        size_t expected = length == after.length ? 4 : length >= first_line ? 3 : 2;
        cr_assert_eq(database.count, expected, "%zu bytes: %zu entries", length, database.count);
        sl_database_finish(&database);
        issue_two(4);
        database = open_it(false);
        cr_assert_eq(database.count, expected + 2, "%zu bytes", length);
        sl_database_finish(&database);
    }
    sl_buffer_finish(&after);
    sl_buffer_finish(&before);
}

Test(database, a_first_line_that_was_cut_short_begins_anew) {
    issue_two(0);
    struct sl_buffer text = content();
    size_t begin = (size_t)((uint8_t *)memchr(text.data, '\n', text.length) - text.data);
    for (size_t length = 0; length <= begin; length++) {
        cr_assert_eq(sl_file_replace(path, text.data, length, 0600, NULL), SL_OK);
        struct sl_database database = open_it(false);
        cr_assert(database.fresh && database.count == 0, "%zu bytes", length);
        sl_database_finish(&database);
    }
    issue_two(2);
    struct sl_database database = open_it(false);
    cr_assert_eq(database.count, 2);
    sl_database_finish(&database);
    sl_buffer_finish(&text);
}

/* A file system that knew the length already, but not the bytes. */
Test(database, a_last_line_of_zeros_is_dropped) {
    issue_two(0);
    struct sl_buffer before = content();
    issue_two(2);
    struct sl_buffer after = content();
    memset(after.data + before.length + 5, 0, 400);
    memmove(after.data + before.length + 405, after.data + after.length - 10, 10);
    cr_assert_eq(sl_file_replace(path, after.data, before.length + 415, 0600, NULL), SL_OK);
    struct sl_database database = open_it(true);
    cr_assert_eq(database.count, 2);
    sl_database_finish(&database);
    struct stat about;
    cr_assert_eq(stat(path, &about), 0);
    cr_assert_eq((size_t)about.st_size, before.length);
    sl_buffer_finish(&after);
    sl_buffer_finish(&before);
}

/* What no crash explains is for a person to look at, and nothing is changed. */
Test(database, a_line_in_the_middle_that_cannot_be_read_is_an_error) {
    static const char *const lines[] = {
        "x\n",
        "{}\n",
        "\n",
        "{\"event\":\"issue\"}\n",
        "{\"event\":\"revoke\",\"time\":1,\"serial\":\"aa\","
        "\"reason\":\"unspecified\"}\n",
        "{\"event\":\"begin\",\"version\":1}\n",
        "{\"event\":\"list\",\"time\":1,\"number\":1,\"days\":0,\"until\":1}\n",
        "{\"event\":\"list\",\"time\":1,\"number\":-1,\"days\":1,\"until\":1}\n",
        "{\"event\":\"issue\",\"time\":1,\"kind\":\"server\",\"name\":\"../a\",\"serial\":\"aa\",\"from\":1,"
        "\"until\":2,\"certificate\":\"aaaa\"}\n"};
    issue_two(0);
    struct sl_buffer good = content();
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct sl_buffer text = {0};
        struct sl_database database;
        struct sl_error error = {0};
        cr_assert_eq(sl_buffer_append(&text, good.data, good.length), SL_OK);
        cr_assert_eq(sl_buffer_append(&text, lines[i], strlen(lines[i])), SL_OK);
        cr_assert_eq(sl_buffer_append(&text, "{\"event\":\"end\"}\n", 16), SL_OK);
        cr_assert_eq(sl_file_replace(path, text.data, text.length, 0600, NULL), SL_OK);
        cr_assert_neq(sl_database_open(&database, folder, true, &error), SL_OK, "%s", lines[i]);
        cr_assert_not_null(strstr(error.text, "line 4"), "%s: %s", lines[i], error.text);
        struct sl_buffer now = content();
        cr_assert_eq(now.length, text.length);
        sl_buffer_finish(&now);
        sl_buffer_finish(&text);
    }
    sl_buffer_finish(&good);
}

Test(database, a_version_of_tomorrow_is_refused) {
    struct sl_database database;
    struct sl_error error = {0};
    sl_test_write(path, "{\"event\":\"begin\",\"version\":2,\"time\":1}\n", 40, 0600);
    cr_assert_eq(sl_database_open(&database, folder, true, &error), SL_FORMAT);
    cr_assert_not_null(strstr(error.text, "version"), "%s", error.text);
}

Test(database, a_serial_number_is_taken_once) {
    issue_two(0);
    struct sl_database database = open_it(true);
    struct sl_error error = {0};
    cr_assert_eq(sl_database_issue(&database, certificates[0], SL_CERTIFICATE_SERVER, "bob", &error), SL_FORMAT);
    cr_assert_not_null(strstr(error.text, "twice"), "%s", error.text);
    sl_database_finish(&database);
}

/* A disk that fills up at any byte of the write: the error is told, and the file is as it was. */
Test(database, a_full_disk_changes_nothing) {
    issue_two(0);
    struct sl_buffer before = content();
    signal(SIGXFSZ, SIG_IGN);
    for (size_t room = 0; room < 600; room += 50) {
        struct sl_database database = open_it(true);
        struct sl_error error = {0};
        struct rlimit limit = {before.length + room, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
        cr_assert_eq(sl_database_issue(&database, certificates[2], SL_CERTIFICATE_SERVER, "bob", NULL), SL_OK);
        cr_assert_eq(sl_database_issue(&database, certificates[3], SL_CERTIFICATE_CLIENT, "bob", NULL), SL_OK);
        cr_assert_gt(database.pending.length, 600);
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        enum sl_status status = sl_database_commit(&database, &error);
        enum sl_status again = sl_database_commit(&database, NULL);
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
        cr_assert_eq(status, SL_DISK_FULL, "%s", error.text);
        cr_assert_not_null(strstr(error.text, path));
        cr_assert_eq(again, SL_IO);
        sl_database_finish(&database);
        struct sl_buffer now = content();
        cr_assert_eq(now.length, before.length);
        cr_assert_arr_eq(now.data, before.data, now.length);
        sl_buffer_finish(&now);
    }
    sl_buffer_finish(&before);
}

/* Killed in the middle of its write, at any byte of it: SIGXFSZ ends a process where its file reaches the limit. */
Test(database, killed_within_a_write) {
    issue_two(0);
    struct sl_buffer before = content();
    for (size_t room = 1; room < 600; room += 37) {
        pid_t child = fork();
        cr_assert_geq(child, 0);
        if (child == 0) {
            struct rlimit limit = {before.length + room, before.length + room}, no_core = {0, 0};
            signal(SIGXFSZ, SIG_DFL);
            setrlimit(RLIMIT_CORE, &no_core);
            setrlimit(RLIMIT_FSIZE, &limit);
            issue_two(2);
            _exit(0);
        }
        int status = 0;
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ, "status %d", status);
        struct sl_buffer torn = content();
        cr_assert_eq(torn.length, before.length + room);
        sl_buffer_finish(&torn);
        struct sl_database database = open_it(true);
        size_t count = database.count;
        cr_assert(count == 2 || count == 3);
        cr_assert_eq(sl_database_issue(&database, certificates[4], SL_CERTIFICATE_SERVER, "bob", NULL), SL_OK);
        cr_assert_eq(sl_database_commit(&database, NULL), SL_OK);
        sl_database_finish(&database);
        database = open_it(false);
        cr_assert_eq(database.count, count + 1);
        sl_database_finish(&database);
        cr_assert_eq(sl_file_replace(path, before.data, before.length, 0600, NULL), SL_OK);
    }
    sl_buffer_finish(&before);
}

/* One writer after the other, in processes: each finds what those before it wrote. */
Test(database, writers_take_turns) {
    enum { WRITERS = 4 };
    pid_t children[WRITERS];
    for (size_t i = 0; i < WRITERS; i++) {
        children[i] = fork();
        cr_assert_geq(children[i], 0);
        if (children[i] == 0) {
            issue_two(2 * i);
            _exit(0);
        }
    }
    for (size_t i = 0; i < WRITERS; i++) {
        int status = 1;
        cr_assert_eq(waitpid(children[i], &status, 0), children[i]);
        cr_assert_eq(status, 0);
    }
    struct sl_database database = open_it(false);
    cr_assert_eq(database.count, 2 * WRITERS);
    sl_database_finish(&database);
}

/* The kernel lists it among those that wait for a flock(2). Criterion ends the test if that never comes. */
static void wait_until_it_waits_for_the_lock(pid_t process) {
    for (bool waits = false; !waits; sched_yield()) {
        FILE *locks = fopen("/proc/locks", "r");
        cr_assert_not_null(locks);
        char line[256];
        int waiting = 0;
        while (fgets(line, sizeof line, locks) != NULL)
            waits |= sscanf(line, "%*s -> FLOCK %*s %*s %d", &waiting) == 1 && waiting == process;
        fclose(locks);
    }
}

/* A writer that holds the database keeps others out until it is done, also when it is killed. */
Test(database, the_lock_ends_with_its_process, .timeout = 30) {
    int ready[2];
    char byte = 0;
    cr_assert_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct sl_database held = open_it(true);
        cr_assert_eq(write(ready[1], "x", 1), 1);
        (void)held;
        pause();
        _exit(1);
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    pid_t second = fork();
    if (second == 0) {
        issue_two(0);
        cr_assert_eq(write(ready[1], "y", 1), 1);
        _exit(0);
    }
    cr_assert_eq(fcntl(ready[0], F_SETFL, O_NONBLOCK), 0);
    wait_until_it_waits_for_the_lock(second);
    cr_assert_eq(read(ready[0], &byte, 1), -1, "two writers at once");
    cr_assert_eq(kill(child, SIGKILL), 0);
    int status = 1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(waitpid(second, &status, 0), second);
    cr_assert_eq(status, 0);
    close(ready[0]);
    close(ready[1]);
    struct sl_database database = open_it(false);
    cr_assert_eq(database.count, 2);
    sl_database_finish(&database);
}

/* Found by its serial number among many, each once. */
Test(database, many_entries) {
    enum { MANY = 300 };
    struct sl_buffer text = {0};
    cr_assert_eq(sl_buffer_printf(&text, "{\"event\":\"begin\",\"version\":1,\"time\":1}\n"), SL_OK);
    for (unsigned i = 0; i < MANY; i++)
        cr_assert_eq(sl_buffer_printf(&text,
                                      "{\"event\":\"issue\",\"time\":1,\"kind\":\"server\",\"name\":\"n%u\","
                                      "\"serial\":\"%08x\",\"from\":1,\"until\":2,\"certificate\":\"MIIB\"}\n",
                                      i, i * 64),
                     SL_OK);
    sl_test_write(path, text.data, text.length, 0600);
    struct sl_database database = open_it(false);
    cr_assert_eq(database.count, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        char serial[16], name[16];
        snprintf(serial, sizeof serial, "%08x", i * 64);
        snprintf(name, sizeof name, "n%u", i);
        const struct sl_entry *entry = sl_database_find(&database, serial);
        cr_assert_not_null(entry);
        cr_assert_str_eq(entry->name, name);
        snprintf(serial, sizeof serial, "%08x", i * 64 + 1);
        cr_assert_null(sl_database_find(&database, serial));
    }
    sl_database_finish(&database);
    sl_buffer_finish(&text);
}
