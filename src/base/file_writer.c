/* A file replaced whole. What happens when all goes well:
 *
 *   open    path.RANDOM.tmp is made beside the path
 *   write   bytes go there
 *   commit  fsync of the file, rename over the path, fsync of the folder
 *
 * Any failure before the rename removes the temporary file and leaves the old one. A process that is killed leaves the
 * temporary file behind, under a name that nothing reads. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/file.h"

enum { SUFFIX_SIZE = 1 + 16 + sizeof ".tmp", TRIES = 16 };

struct sl_file_writer {
    char *path;
    char *temporary;
    int fd;
    bool exists; /* the temporary file does, and is ours to remove */
    bool failed; /* a write did: nothing can be committed any more */
};

static enum sl_status write_failed(const struct sl_file_writer *writer, struct sl_error *error) {
    int number = errno;
    return sl_error_set(error, sl_status_from_errno(number), "%s: cannot write: %s", writer->path, strerror(number));
}

/* The name is random, so that two writers of one path never meet; O_EXCL settles it where they do. The mode passes
 * through the umask, as for any file that a user makes. */
static int open_temporary(struct sl_file_writer *writer, mode_t mode) {
    size_t length = strlen(writer->path);
    memcpy(writer->temporary, writer->path, length);
    for (int try = 0; try < TRIES; try++) {
        uint64_t number;
        if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
            return -1;
        snprintf(writer->temporary + length, SUFFIX_SIZE, ".%016" PRIx64 ".tmp", number);
        int fd = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

enum sl_status sl_file_writer_open(struct sl_file_writer **out, const char *path, mode_t mode, struct sl_error *error) {
    *out = NULL;
    struct sl_file_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "%s: cannot write: out of memory", path);
    writer->fd = -1;
    writer->path = strdup(path);
    writer->temporary = malloc(strlen(path) + SUFFIX_SIZE);
    enum sl_status status = SL_OK;
    if (writer->path == NULL || writer->temporary == NULL) {
        status = sl_error_set(error, SL_NO_MEMORY, "%s: cannot write: out of memory", path);
        goto out;
    }
    writer->fd = open_temporary(writer, mode);
    if (writer->fd < 0) {
        status = write_failed(writer, error);
        goto out;
    }
    writer->exists = true;
    *out = writer;
out:
    if (status != SL_OK)
        sl_file_writer_abandon(writer);
    return status;
}

enum sl_status sl_file_writer_write(struct sl_file_writer *writer, const void *data, size_t length,
                                    struct sl_error *error) {
    const char *at = data;
    while (length > 0) {
        ssize_t written = write(writer->fd, at, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            writer->failed = true;
            return write_failed(writer, error);
        }
        at += written;
        length -= (size_t)written;
    }
    return SL_OK;
}

static enum sl_status sync_and_close(struct sl_file_writer *writer, struct sl_error *error) {
    if (writer->failed)
        return sl_error_set(error, SL_IO, "%s: cannot write: an earlier write failed", writer->path);
    if (fsync(writer->fd) != 0)
        return write_failed(writer, error);
    int fd = writer->fd;
    writer->fd = -1; /* closed, whatever close returns */
    if (close(fd) != 0)
        return write_failed(writer, error);
    return SL_OK;
}

enum sl_status sl_file_writer_commit(struct sl_file_writer *writer, struct sl_error *error) {
    int folder_fd = -1;
    char *folder = sl_path_parent(writer->path);
    enum sl_status status = SL_OK;
    if (folder == NULL) {
        status = sl_error_set(error, SL_NO_MEMORY, "%s: cannot write: out of memory", writer->path);
        goto out;
    }
    /* Before the rename: a folder that cannot be opened must not leave the new file in an unknown state. */
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0) {
        status = write_failed(writer, error);
        goto out;
    }
    status = sync_and_close(writer, error);
    if (status != SL_OK)
        goto out;
    if (rename(writer->temporary, writer->path) != 0) {
        status = write_failed(writer, error);
        goto out;
    }
    writer->exists = false;
    /* EINVAL: a file system that has nothing to sync in a folder. */
    if (fsync(folder_fd) != 0 && errno != EINVAL)
        status = write_failed(writer, error);
out:
    if (folder_fd >= 0)
        close(folder_fd);
    free(folder);
    sl_file_writer_abandon(writer);
    return status;
}

void sl_file_writer_abandon(struct sl_file_writer *writer) {
    if (writer == NULL)
        return;
    if (writer->fd >= 0)
        close(writer->fd);
    if (writer->exists)
        unlink(writer->temporary);
    free(writer->temporary);
    free(writer->path);
    free(writer);
}
