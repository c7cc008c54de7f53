/* The files of a node, by Landlock: rules on folders, so that files which are replaced by a rename (certificates, lists
 * of revoked ones, /etc/resolv.conf) are still found. Nothing may be executed.
 *
 * With a key in a PKCS#11 token no rule is made at all: the module behind a URI is any code with any files (SoftHSM
 * writes in the folder of its tokens, others speak to devices), which only its maker can list; a guess that is wrong
 * would fail in the midst of a signature. The rest of the confinement holds then, too. */
#include "node/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "node/folders.h"

/* Of kernels newer than the headers that this may be compiled with. */
#define FS_TRUNCATE (UINT64_C(1) << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define SCOPES UINT64_C(3)               /* ABI 6: abstract local sockets and signals to what is outside */

#define READ ((uint64_t)LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE (LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)
/* Files made beside their final name, renamed over it, removed. */
#define REPLACE (READ | WRITE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE)
#define OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | WRITE | LANDLOCK_ACCESS_FS_EXECUTE | FS_IOCTL_DEV)

struct ruleset_attributes {
    uint64_t files, network, scoped;
};

struct rules {
    int fd;
    uint64_t handled;
    int failed; /* errno of the first rule that the kernel did not take */
};

/* The rights that a kernel of this ABI knows; a ruleset must not name others. */
static uint64_t known_rights(long abi) {
    uint64_t rights = (UINT64_C(1) << 13) - 1;
    if (abi >= 2)
        rights |= UINT64_C(1) << 13; /* REFER */
    if (abi >= 3)
        rights |= FS_TRUNCATE;
    if (abi >= 5)
        rights |= FS_IOCTL_DEV;
    return rights;
}

/* What is not there needs no rule: nothing can be opened. */
static void allow(struct rules *rules, const char *path, uint64_t rights) {
    struct stat status;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &status) == 0 && !S_ISDIR(status.st_mode))
        rights &= OF_FILES;
    const struct landlock_path_beneath_attr rule = {.allowed_access = rights & rules->handled, .parent_fd = fd};
    if (syscall(SYS_landlock_add_rule, rules->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0 && rules->failed == 0)
        rules->failed = errno;
    close(fd);
}

static void allow_parent(struct rules *rules, const char *path, uint64_t rights) {
    char *folder = sl_path_parent(path);
    if (folder == NULL)
        rules->failed = ENOMEM;
    else
        allow(rules, folder, rights);
    free(folder);
}

static void allow_visited(void *context, const char *folder) {
    if (strcmp(folder, "/") != 0) /* as with /home or /var/run: such a link stays, and all would be open */
        allow(context, folder, READ);
}

/* A file that may be replaced while the node runs, or a link on the way to it. */
static void allow_reading(struct rules *rules, const char *path) {
    node_visit_folders(path, allow_visited, rules);
}

static void allow_list(struct rules *rules, const struct sl_string_list *list) {
    for (size_t i = 0; i < list->count; i++)
        allow(rules, list->items[i], READ);
}

static void allow_inputs(struct rules *rules, const struct sl_settings *settings) {
    const char *const replaced[] = {settings->identity.ca,         settings->identity.server_certificate,
                                    settings->identity.server_key, settings->identity.client_certificate,
                                    settings->identity.client_key, settings->identity.passphrase_file,
                                    settings->identity.crl_file};
    for (size_t i = 0; i < sizeof replaced / sizeof replaced[0]; i++)
        allow_reading(rules, replaced[i]);
    for (size_t i = 0; i < settings->transport.peers.count; i++)
        allow_reading(rules, settings->transport.peers.items[i].custom_ca_cert);
    allow_list(rules, &settings->data.train);
    allow_list(rules, &settings->data.test);
    if (strncmp(settings->overlay.topology, "file:", 5) == 0)
        allow(rules, settings->overlay.topology + 5, READ);
}

/* What the C library and the others read on their own: name lookups, locales, processors, modules loaded late. */
static void allow_system(struct rules *rules) {
    static const char *const read[] = {
        "/etc",         "/usr",          "/lib",          "/lib64",    "/proc/self",
        "/proc/stat",   "/proc/cpuinfo", "/proc/meminfo", "/proc/sys", "/sys/devices/system",
        "/dev/urandom", "/dev/random"};
    for (size_t i = 0; i < sizeof read / sizeof read[0]; i++)
        allow(rules, read[i], READ);
    allow_reading(rules, "/etc/resolv.conf");
    allow_reading(rules, "/etc/localtime");
    allow(rules, "/proc/self/task", READ | WRITE); /* names of threads */
    allow(rules, "/dev/null", READ | WRITE);
    allow(rules, "/dev/tty", READ | WRITE | FS_IOCTL_DEV); /* a passphrase is asked there */
    char *program = SL_SANITIZED ? realpath("/proc/self/exe", NULL) : NULL;
    if (program != NULL)
        allow(rules, program, READ); /* for the lines of a report */
    free(program);
}

/* They were made before: a rule names what is there, and the folder around need not be written in then. */
static void allow_outputs(struct rules *rules, const struct sl_settings *settings) {
    allow(rules, settings->model.folder, REPLACE);
    allow(rules, settings->membership.proof_folder, REPLACE);
    allow(rules, settings->node.state_folder, REPLACE);
    allow(rules, settings->record.file, READ | WRITE);
    if (settings->identity.crl_file[0] != '\0')
        allow_parent(rules, settings->identity.crl_file, REPLACE);
}

static bool has_token(const struct sl_settings *settings) {
    return strncmp(settings->identity.server_key, "pkcs11:", 7) == 0 ||
           strncmp(settings->identity.client_key, "pkcs11:", 7) == 0;
}

enum sl_status confine_files(const struct sl_settings *settings, char state[CONFINE_STATE_SIZE],
                             struct sl_error *error) {
    if (has_token(settings)) {
        (void)snprintf(state, CONFINE_STATE_SIZE, "off: a key is in a PKCS#11 token");
        return SL_OK;
    }
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) {
        (void)snprintf(state, CONFINE_STATE_SIZE, "off: the system has none (%s)", strerror(errno));
        return SL_OK;
    }
    const struct ruleset_attributes attributes = {.files = known_rights(abi), .scoped = abi >= 6 ? SCOPES : 0};
    size_t size = abi >= 6 ? sizeof attributes : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
    struct rules rules = {.handled = attributes.files};
    rules.fd = (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
    if (rules.fd < 0)
        return sl_error_set(error, SL_UNSUPPORTED, "cannot restrict files by Landlock: %s", strerror(errno));
    allow_system(&rules);
    allow_inputs(&rules, settings);
    allow_outputs(&rules, settings);
    if (rules.failed == 0 && syscall(SYS_landlock_restrict_self, rules.fd, 0) != 0)
        rules.failed = errno;
    close(rules.fd);
    if (rules.failed != 0)
        return sl_error_set(error, SL_UNSUPPORTED, "cannot restrict files by Landlock: %s", strerror(rules.failed));
    (void)snprintf(state, CONFINE_STATE_SIZE, "on (ABI %ld)", abi);
    return SL_OK;
}
