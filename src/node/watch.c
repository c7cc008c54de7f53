#include "node/watch.h"

#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/folders.h"

enum { CRL_FILE = 6 };

static void list_files(const char *out[NODE_WATCHED_MAX], const struct sl_settings *settings) {
    out[0] = settings->identity.ca;
    out[1] = settings->identity.server_certificate;
    out[2] = settings->identity.server_key;
    out[3] = settings->identity.client_certificate;
    out[4] = settings->identity.client_key;
    out[5] = settings->identity.passphrase_file;
    out[CRL_FILE] = settings->identity.crl_file;
}

/* ---- stamps ---- */

static int64_t nanoseconds(struct timespec time) {
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

struct node_stamp node_stamp_of(const char *path) {
    struct stat status;
    if (path[0] == '\0' || stat(path, &status) != 0) /* a PKCS#11 URI is no file, either */
        return (struct node_stamp){.inode = 0};
    return (struct node_stamp){.device = status.st_dev,
                               .inode = status.st_ino,
                               .size = (uint64_t)status.st_size,
                               .modified = nanoseconds(status.st_mtim),
                               .changed = nanoseconds(status.st_ctim)};
}

static void add_stamp(struct sl_digest *digest, const char *path) {
    const struct node_stamp stamp = node_stamp_of(path);
    const struct sl_digest before = *digest;
    sl_digest_of_parts(
        digest, (const struct sl_bytes[]){{before.bytes, sizeof before.bytes}, {(const uint8_t *)&stamp, sizeof stamp}},
        2);
}

void node_stamps_take(struct node_stamps *out, const struct sl_settings *settings) {
    const char *files[NODE_WATCHED_MAX];
    list_files(files, settings);
    for (size_t i = 0; i < NODE_WATCHED_MAX; i++)
        out->files[i] = node_stamp_of(files[i]);
    out->authorities = (struct sl_digest){.bytes = {0}};
    for (size_t i = 0; i < settings->transport.peers.count; i++)
        add_stamp(&out->authorities, settings->transport.peers.items[i].custom_ca_cert);
}

bool node_stamp_equal(const struct node_stamp *a, const struct node_stamp *b) {
    return a->device == b->device && a->inode == b->inode && a->size == b->size && a->modified == b->modified &&
           a->changed == b->changed;
}

bool node_stamps_equal(const struct node_stamps *a, const struct node_stamps *b) {
    for (size_t i = 0; i < NODE_WATCHED_MAX; i++)
        if (!node_stamp_equal(&a->files[i], &b->files[i]))
            return false;
    return sl_digest_equal(&a->authorities, &b->authorities);
}

struct node_stamp *node_stamps_crl(struct node_stamps *stamps) {
    return &stamps->files[CRL_FILE];
}

/* ---- changes ---- */

static void watch_folder(void *context, const char *folder) {
    const int *fd = context;
    /* Not IN_MODIFY: the record, which usually lies beside, is written all the time. IN_ATTRIB: a key that others could
     * read was refused, and is mended by chmod. A folder that cannot be watched leaves SIGHUP. */
    (void)inotify_add_watch(
        *fd, folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_ONLYDIR);
}

int node_watch_create(const struct sl_settings *settings) {
    const char *files[NODE_WATCHED_MAX];
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    list_files(files, settings);
    for (size_t i = 0; fd >= 0 && i < NODE_WATCHED_MAX; i++)
        if (strncmp(files[i], "pkcs11:", 7) != 0)
            node_visit_folders(files[i], watch_folder, &fd);
    for (size_t i = 0; fd >= 0 && i < settings->transport.peers.count; i++)
        node_visit_folders(settings->transport.peers.items[i].custom_ca_cert, watch_folder, &fd);
    return fd;
}

void node_watch_drain(int fd) {
    char events[4096];
    while (read(fd, events, sizeof events) > 0)
        continue; /* what changed is found by the stamps */
}
