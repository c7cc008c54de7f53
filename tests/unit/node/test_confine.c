/* What a confined process can still do, tried by a child of each test: it confines itself, does what the test says, and
 * its exit code tells. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "node/confine.h"
#include "support/certificates.h"
#include <starling/node.h>

/* Two folders: the node's own, and one that is none of its business. */
static char *own, *other, *secret;
static struct sl_settings settings;

static void set_up(void) {
    own = sl_test_folder_make();
    other = sl_test_folder_make();
    secret = sl_test_path(other, "secret");
    sl_test_write(secret, "secret", 6, 0600);
    settings = (struct sl_settings){
        .node.confine = true,
        .identity = {.ca = sl_test_path(own, "ca.pem"),
                     .server_certificate = sl_test_path(own, "server.pem"),
                     .server_key = sl_test_path(own, "server.key"),
                     .client_certificate = sl_test_path(own, "client.pem"),
                     .client_key = sl_test_path(own, "client.key"),
                     .passphrase_file = strdup(""),
                     .crl_file = sl_test_path(own, "lists/crl.pem")},
        .membership.proof_folder = sl_test_path(own, "proofs"),
        .node.state_folder = sl_test_path(own, "state"),
        .overlay.topology = strdup("full"),
        .model.folder = sl_test_path(own, "models"),
        .record.file = sl_test_path(own, "record.jsonl"),
    };
    char *lists = sl_test_path(own, "lists");
    cr_assert_eq(mkdir(lists, 0755), 0);
    free(lists);
    sl_test_write(settings.identity.server_key, "key", 3, 0600);
}

static void tear_down(void) {
    char *const texts[] = {settings.identity.ca,
                           settings.identity.server_certificate,
                           settings.identity.server_key,
                           settings.identity.client_certificate,
                           settings.identity.client_key,
                           settings.identity.passphrase_file,
                           settings.identity.crl_file,
                           settings.membership.proof_folder,
                           settings.node.state_folder,
                           settings.overlay.topology,
                           settings.model.folder,
                           settings.record.file,
                           secret};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    sl_test_folder_remove(own);
    sl_test_folder_remove(other);
}

/* Criterion calls no .fini of a test that is skipped. */
#define SKIP(reason)                                                                                                   \
    do {                                                                                                               \
        tear_down();                                                                                                   \
        cr_skip_test(reason);                                                                                          \
    } while (0)

TestSuite(node_confine, .init = set_up, .fini = tear_down, .timeout = 60);

enum { CANNOT_CONFINE = 99 };

/* The status of a child that confined itself and then did `act`, whose result is its exit code. */
static int in_confined(int (*act)(void)) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct sl_error error = {.status = SL_OK, .text = ""};
        struct sl_confinement confinement;
        if (sl_node_confine(&confinement, &settings, &error) != SL_OK) {
            fprintf(stderr, "%s\n", error.text);
            _exit(CANNOT_CONFINE);
        }
        _exit(act());
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    return status;
}

static int code_of(int (*act)(void)) {
    int status = in_confined(act);
    cr_assert(WIFEXITED(status), "the child ended by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

/* Which file systems' worth of Landlock this machine has is the machine's; the rest of such a test is skipped in plain
 * sight. */
static bool has_landlock(void) {
    char state[CONFINE_STATE_SIZE] = "";
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* without it Landlock is root's alone */
        bool on = confine_files(&settings, state, NULL) == SL_OK && strncmp(state, "on", 2) == 0;
        _exit(write(ends[1], on ? "y" : "n", 1) == 1 ? 0 : 1);
    }
    char answer = 'n';
    cr_assert_eq(read(ends[0], &answer, 1), 1);
    (void)waitpid(child, NULL, 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
    return answer == 'y';
}

static int open_error(const char *path, int flags) {
    int fd = open(path, flags | O_CLOEXEC, 0644);
    int number = fd < 0 ? errno : 0;
    if (fd >= 0)
        (void)close(fd);
    return number;
}

static int read_foreign(void) {
    return open_error(secret, O_RDONLY);
}

static int write_foreign(void) {
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/new", other);
    return open_error(path, O_WRONLY | O_CREAT);
}

static int list_foreign(void) {
    return open_error(other, O_RDONLY | O_DIRECTORY);
}

Test(node_confine, files_of_others_are_closed) {
    if (!has_landlock())
        SKIP("this kernel has no Landlock");
    cr_expect_eq(code_of(read_foreign), EACCES);
    cr_expect_eq(code_of(write_foreign), EACCES);
    cr_expect_eq(code_of(list_foreign), EACCES);
}

/* The same attempts work where nothing is confined: it is no folder that cannot be read anyway. */
Test(node_confine, false_leaves_all_open) {
    settings.node.confine = false;
    cr_expect_eq(code_of(read_foreign), 0);
    cr_expect_eq(code_of(write_foreign), 0);
}

/* Keys in a token: files are open, by the page's word, the rest is not. */
static int spawn(void) {
    char *const arguments[] = {(char *)(uintptr_t) "/bin/true", NULL};
    char *const environment[] = {NULL};
    (void)execve(arguments[0], arguments, environment);
    return errno;
}

Test(node_confine, a_token_opens_files_alone) {
    free(settings.identity.server_key);
    settings.identity.server_key = strdup("pkcs11:token=x;object=y");
    cr_expect_eq(code_of(read_foreign), 0);
    cr_expect_neq(code_of(spawn), 0);
}

Test(node_confine, no_program_is_started) {
    int number = code_of(spawn);
    cr_expect(number == EPERM || number == ENOSYS || number == EACCES, "errno %d", number);
}

static int make_process(void) {
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return child < 0 ? errno : 0;
}

Test(node_confine, no_process_is_made) {
    if (SL_SANITIZED)
        SKIP("LeakSanitizer makes one: the filter allows it in such builds");
    cr_expect_neq(code_of(make_process), 0);
}

static int do_own_work(void) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    char path[4096];
    if (open_error(settings.identity.server_key, O_RDONLY) != 0 || open_error(settings.record.file, O_WRONLY) != 0)
        return 1;
    (void)snprintf(path, sizeof path, "%s/round-000001.safetensors", settings.model.folder);
    if (sl_file_replace(path, "model", 5, 0644, &error) != SL_OK || unlink(path) != 0)
        return 2;
    if (sl_file_replace(settings.identity.crl_file, "list", 4, 0644, &error) != SL_OK)
        return 3;
    (void)snprintf(path, sizeof path, "%s/peers.json", settings.node.state_folder);
    if (sl_file_replace(path, "{}", 2, 0644, &error) != SL_OK)
        return 6;
    (void)snprintf(path, sizeof path, "%s/bob-0-1.proof", settings.membership.proof_folder);
    if (sl_file_replace(path, "proof", 5, 0644, &error) != SL_OK)
        return 4;
    return 0;
}

Test(node_confine, its_own_files_are_open) {
    cr_expect_eq(code_of(do_own_work), 0);
}

/* A folder that is only read. */
static int overwrite_key(void) {
    return open_error(settings.identity.server_key, O_WRONLY);
}

Test(node_confine, keys_are_only_read) {
    if (!has_landlock())
        SKIP("this kernel has no Landlock");
    cr_expect_eq(code_of(overwrite_key), EACCES);
}

static int read_replaced(void) {
    char folder[4096], file[4096];
    (void)snprintf(folder, sizeof folder, "%s/..data", own);
    char target[64];
    ssize_t length = readlink(folder, target, sizeof target);
    if (length <= 0)
        return 1;
    (void)snprintf(file, sizeof file, "%s/..second/server.key", own);
    return open_error(file, O_RDONLY);
}

/* As a mounted secret of Kubernetes: server.key → ..data/server.key, ..data → ..first, swapped later. */
Test(node_confine, links_may_be_swapped) {
    char *first = sl_test_path(own, "..first"), *second = sl_test_path(own, "..second");
    char *data = sl_test_path(own, "..data"), *key = sl_test_path(second, "server.key");
    char *old = sl_test_path(first, "server.key");
    cr_assert_eq(mkdir(first, 0755), 0);
    cr_assert_eq(mkdir(second, 0755), 0);
    cr_assert_eq(symlink("..first", data), 0);
    cr_assert_eq(unlink(settings.identity.server_key), 0);
    cr_assert_eq(symlink("..data/server.key", settings.identity.server_key), 0);
    sl_test_write(old, "key", 3, 0600);
    sl_test_write(key, "key", 3, 0600);
    cr_expect_eq(code_of(read_replaced), 0);
    free(old);
    free(key);
    free(data);
    free(second);
    free(first);
}

static void *run_thread(void *context) {
    struct addrinfo *found = NULL;
    *(int *)context = getaddrinfo("localhost", "80", NULL, &found) == 0 ? open_error(secret, O_RDONLY) : -1;
    if (found != NULL)
        freeaddrinfo(found);
    return NULL;
}

/* Threads are made, look names up, and are as confined as their maker. */
static int in_thread(void) {
    pthread_t thread;
    int number = 0;
    if (pthread_create(&thread, NULL, run_thread, &number) != 0 || pthread_join(thread, NULL) != 0)
        return 1;
    return number == -1 ? 2 : number == EACCES ? 0 : 3;
}

Test(node_confine, threads_are_confined_as_well) {
    if (!has_landlock())
        SKIP("this kernel has no Landlock");
    cr_expect_eq(code_of(in_thread), 0);
}

static int use_sockets(void) {
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof any) != 0 || listen(fd, 1) != 0)
        return 1;
    if (socket(AF_PACKET, SOCK_RAW, 0) >= 0 || socket(AF_NETLINK, SOCK_RAW, 9) >= 0) /* NETLINK_AUDIT */
        return 2;
    return 0;
}

Test(node_confine, sockets_of_its_kind_alone) {
    cr_expect_eq(code_of(use_sockets), 0);
}

static int look_at_itself(void) {
    struct rlimit limit;
    const struct rlimit more = {RLIM_INFINITY, RLIM_INFINITY};
    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return 1;
    if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_cur != 0 || limit.rlim_max != 0)
        return 2;
    if (!SL_SANITIZED && (setrlimit(RLIMIT_CORE, &more) == 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0))
        return 3;
    if (kill(getppid(), 0) == 0 && !SL_SANITIZED)
        return 4;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 && !SL_SANITIZED)
        return 5;
    char character = 'x';
    return ioctl(0, TIOCSTI, &character) == 0 ? 6 : 0;
}

Test(node_confine, neither_dumped_nor_traced) {
    cr_expect_eq(code_of(look_at_itself), 0);
}

static int abort_it(void) {
    (void)signal(SIGABRT, SIG_DFL);
    abort();
}

Test(node_confine, an_abort_leaves_no_core) {
    int status = in_confined(abort_it);
    cr_expect(WIFSIGNALED(status));
    cr_expect_eq(WTERMSIG(status), SIGABRT);
    cr_expect_not(WCOREDUMP(status));
}

static int compile_code(void) {
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED || mprotect(page, 4096, PROT_READ | PROT_EXEC) != 0;
}

/* oneDNN's kernels. */
Test(node_confine, code_is_made_at_run_time) {
    cr_expect_eq(code_of(compile_code), 0);
}

static int show_capabilities(void) {
    char line[256];
    unsigned long long bits = ~0ULL;
    FILE *file = fopen("/proc/self/status", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "CapPrm: %llx", &bits) == 1)
            break;
    if (file != NULL)
        (void)fclose(file);
    return (bits & ~0x406ULL) == 0 ? 0 : 1; /* its ports (10), files of others (1, 2) */
}

Test(node_confine, root_keeps_three_capabilities) {
    cr_expect_eq(code_of(show_capabilities), 0);
}
