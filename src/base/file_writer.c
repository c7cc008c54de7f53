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

#include "base/file.h"

enum { SUFFIX_SIZE = 1 + 16 + sizeof ".tmp", TRIES = 16 };

struct sl_file_writer {
    const struct sl_disk *disk;
    char *path;
    char *temporary;
    int fd;
    off_t length;
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
        int fd = writer->disk->interface->open(writer->disk, writer->temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

enum sl_status sl_file_writer_open(struct sl_file_writer **out, const char *path, mode_t mode, struct sl_error *error) {
    return sl_file_writer_open_on(out, sl_disk_real(), path, mode, error);
}

enum sl_status sl_file_writer_open_on(struct sl_file_writer **out, const struct sl_disk *disk, const char *path,
                                      mode_t mode, struct sl_error *error) {
    *out = NULL;
    struct sl_file_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "%s: cannot write: out of memory", path);
    writer->disk = disk;
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
    if (sl_disk_write_all(writer->disk, writer->fd, data, length, writer->length) != 0) {
        writer->failed = true;
        return write_failed(writer, error);
    }
    writer->length += (off_t)length;
    return SL_OK;
}

static enum sl_status sync_and_close(struct sl_file_writer *writer, struct sl_error *error) {
    if (writer->failed)
        return sl_error_set(error, SL_IO, "%s: cannot write: an earlier write failed", writer->path);
    if (writer->disk->interface->sync(writer->disk, writer->fd) != 0)
        return write_failed(writer, error);
    int fd = writer->fd;
    writer->fd = -1; /* closed, whatever close returns */
    if (writer->disk->interface->close(writer->disk, fd) != 0)
        return write_failed(writer, error);
    return SL_OK;
}

enum sl_status sl_file_writer_commit(struct sl_file_writer *writer, struct sl_error *error) {
    const struct sl_disk *disk = writer->disk;
    int folder_fd = -1;
    char *folder = sl_path_parent(writer->path);
    enum sl_status status = SL_OK;
    if (folder == NULL) {
        status = sl_error_set(error, SL_NO_MEMORY, "%s: cannot write: out of memory", writer->path);
        goto out;
    }
    /* Before the rename: a folder that cannot be opened must not leave the new file in an unknown state. */
    folder_fd = disk->interface->open(disk, folder, O_RDONLY | O_DIRECTORY, 0);
    if (folder_fd < 0) {
        status = write_failed(writer, error);
        goto out;
    }
    status = sync_and_close(writer, error);
    if (status != SL_OK)
        goto out;
    if (disk->interface->rename(disk, writer->temporary, writer->path) != 0) {
        status = write_failed(writer, error);
        goto out;
    }
    writer->exists = false;
    if (sl_disk_sync_folder(disk, folder_fd) != 0)
        status = write_failed(writer, error);
out:
    if (folder_fd >= 0)
        disk->interface->close(disk, folder_fd);
    free(folder);
    sl_file_writer_abandon(writer);
    return status;
}

void sl_file_writer_abandon(struct sl_file_writer *writer) {
    if (writer == NULL)
        return;
    if (writer->fd >= 0)
        writer->disk->interface->close(writer->disk, writer->fd);
    if (writer->exists)
        writer->disk->interface->unlink(writer->disk, writer->temporary);
    free(writer->temporary);
    free(writer->path);
    free(writer);
}
