/* Files that a node reads, folders that it writes to: there, of the right kind, and allowed? */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "identity/kit.h"
#include "identity/passphrase.h"
#include "node/preflight.h"

/* ---- reading ---- */

static bool is_token(const char *path) {
    return strncmp(path, "pkcs11:", strlen("pkcs11:")) == 0;
}

/* The kit of a node that made its own keys has a request; its certificates come with the answer. */
static bool is_beside_request(const char *path) {
    char request[PATH_MAX + sizeof SL_KIT_REQUEST];
    const char *slash = strrchr(path, '/');
    int folder = slash == NULL ? 0 : (int)(slash - path + 1);
    int length = snprintf(request, sizeof request, "%.*s%s", folder, path, SL_KIT_REQUEST);
    return length > 0 && (size_t)length < sizeof request && access(request, F_OK) == 0;
}

static const char *advise(const char *path, int code) {
    if (code == EACCES)
        return "let this user read it, or run as its owner";
    return code == ENOENT && is_beside_request(path) ? "have the request signed, and use starling cert install"
                                                     : "put the file there, or correct the setting";
}

/* True when it is there and this process may read it. */
static bool check_readable(struct preflight *preflight, const char *what, const char *path) {
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        int code = errno;
        preflight_fail(preflight, what, advise(path, code), "%s: %s", path, strerror(code));
        return false;
    }
    bool good = fstat(fd, &about) == 0 && !S_ISDIR(about.st_mode);
    (void)close(fd);
    if (!good)
        preflight_fail(preflight, what, "name a file", "%s: it is a folder", path);
    return good;
}

static void check_file(struct preflight *preflight, const char *what, const char *path) {
    if (path[0] != '\0' && check_readable(preflight, what, path))
        preflight_ok(preflight, what, "%s can be read", path);
}

/* A key or a passphrase: nobody else may read it. */
static void check_secret(struct preflight *preflight, const char *what, const char *path) {
    struct sl_error error = {.status = SL_OK};
    if (path[0] == '\0')
        return;
    if (is_token(path)) {
        preflight_ok(preflight, what, "it stays in its token");
        return;
    }
    if (!check_readable(preflight, what, path))
        return;
    if (sl_secret_check_mode(path, &error) == SL_OK)
        preflight_ok(preflight, what, "%s can be read, by its owner alone", path);
    else
        preflight_fail(preflight, what, "", "%s", error.text);
}

static void check_variable(struct preflight *preflight) {
    const char *name = preflight->settings->identity.passphrase_variable;
    if (name[0] == '\0')
        return;
    if (getenv(name) != NULL)
        preflight_ok(preflight, "identity.passphrase_variable", "%s is set", name);
    else
        preflight_fail(preflight, "identity.passphrase_variable", "set it for this process", "%s is not set", name);
}

static void check_lists(struct preflight *preflight) {
    const char *path = preflight->settings->identity.crl_file;
    if (preflight->settings->identity.crl == SL_IF_PRESENT && access(path, F_OK) != 0)
        preflight_warn(preflight, "identity.crl_file", "have the authority make one: starling ca crl",
                       "%s: %s, and identity.crl is \"if-present\": a revoked node would be let in", path,
                       strerror(errno));
    else
        check_file(preflight, "identity.crl_file", path);
}

void preflight_files(struct preflight *preflight) {
    const struct sl_settings *settings = preflight->settings;
    check_file(preflight, "identity.ca", settings->identity.ca);
    check_file(preflight, "identity.server_certificate", settings->identity.server_certificate);
    check_secret(preflight, "identity.server_key", settings->identity.server_key);
    check_file(preflight, "identity.client_certificate", settings->identity.client_certificate);
    check_secret(preflight, "identity.client_key", settings->identity.client_key);
    check_secret(preflight, "identity.passphrase_file", settings->identity.passphrase_file);
    check_variable(preflight);
    check_lists(preflight);
    for (size_t i = 0; i < settings->transport.peers.count; i++) {
        char what[64];
        (void)snprintf(what, sizeof what, "transport.peers[%zu].custom_ca_cert", i);
        check_file(preflight, what, settings->transport.peers.items[i].custom_ca_cert);
    }
}

/* ---- writing ---- */

/* The folder itself, or the nearest above it that exists, in which it would be made. The caller frees; NULL when out of
 * memory. */
static char *nearest_folder(const char *path) {
    struct stat about;
    char *folder = strdup(path);
    while (folder != NULL && stat(folder, &about) != 0 && errno == ENOENT) {
        char *parent = sl_path_parent(folder);
        bool is_top = parent != NULL && strcmp(parent, folder) == 0;
        free(folder);
        folder = parent;
        if (is_top)
            break;
    }
    return folder;
}

static bool can_write(const char *folder, const char **problem) {
    struct stat about;
    if (stat(folder, &about) != 0)
        *problem = strerror(errno);
    else if (!S_ISDIR(about.st_mode))
        *problem = "not a folder";
    else if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0)
        *problem = strerror(errno);
    else
        return true;
    return false;
}

/* `made`: the node makes it where it is missing. */
static bool check_folder(struct preflight *preflight, const char *what, const char *path, bool made) {
    const char *problem = "";
    char *folder = made ? nearest_folder(path) : strdup(path);
    if (folder == NULL) {
        preflight_fail(preflight, what, "", "out of memory");
        return false;
    }
    bool good = can_write(folder, &problem);
    if (good && strcmp(folder, path) == 0)
        preflight_ok(preflight, what, "%s can be written to", path);
    else if (good)
        preflight_ok(preflight, what, "%s will be made in %s", path, folder);
    else
        preflight_fail(preflight, what, "let this user write there, or correct the setting", "%s: %s", folder, problem);
    free(folder);
    return good;
}

static void check_record(struct preflight *preflight) {
    const char *path = preflight->settings->record.file;
    if (path[0] == '\0')
        return;
    struct stat about;
    if (stat(path, &about) == 0) {
        if (S_ISDIR(about.st_mode))
            preflight_fail(preflight, "record.file", "name a file", "%s: it is a folder", path);
        else if (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) != 0)
            preflight_fail(preflight, "record.file", "let this user read and write it", "%s: %s", path,
                           strerror(errno));
        else
            preflight_ok(preflight, "record.file", "%s is there, and would be appended to", path);
        return;
    }
    char *folder = sl_path_parent(path);
    if (folder != NULL)
        (void)check_folder(preflight, "record.file", folder, false);
    free(folder);
}

/* Without it a node runs, but forgets what its peers told of revocations. */
static void check_lists_folder(struct preflight *preflight) {
    const char *problem = "";
    char *folder = sl_path_parent(preflight->settings->identity.crl_file);
    if (folder != NULL && !can_write(folder, &problem))
        preflight_warn(preflight, "identity.crl_file", "let this user write there",
                       "%s: %s, so newer lists from peers are not kept over a restart", folder, problem);
    free(folder);
}

void preflight_room(struct preflight *preflight, uint64_t bytes) {
    const char *path = preflight->settings->model.folder;
    struct statvfs about;
    char *folder = path[0] != '\0' ? nearest_folder(path) : NULL;
    if (folder != NULL && statvfs(folder, &about) == 0) {
        uint64_t room = (uint64_t)about.f_bavail * about.f_frsize;
        if (room < bytes)
            preflight_warn(preflight, "model.folder", "make room, or lower model.keep",
                           "%llu MB are free, the models to keep take %llu MB", (unsigned long long)(room / 1000000),
                           (unsigned long long)(bytes / 1000000));
    }
    free(folder);
}

void preflight_folders(struct preflight *preflight) {
    const struct sl_settings *settings = preflight->settings;
    if (settings->model.folder[0] != '\0')
        (void)check_folder(preflight, "model.folder", settings->model.folder, true);
    check_record(preflight);
    (void)check_folder(preflight, "membership.proof_folder", settings->membership.proof_folder, true);
    (void)check_folder(preflight, "node.state_folder", settings->node.state_folder, true);
    check_lists_folder(preflight);
}
