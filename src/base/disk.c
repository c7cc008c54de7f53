#include "base/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int real_open(const struct sl_disk *disk, const char *path, int flags, mode_t mode) {
    (void)disk;
    return open(path, flags | O_CLOEXEC, mode);
}

static int real_close(const struct sl_disk *disk, int fd) {
    (void)disk;
    return close(fd);
}

static ssize_t real_read(const struct sl_disk *disk, int fd, void *out, size_t length, off_t offset) {
    (void)disk;
    return pread(fd, out, length, offset);
}

static ssize_t real_write(const struct sl_disk *disk, int fd, const void *data, size_t length, off_t offset) {
    (void)disk;
    return pwrite(fd, data, length, offset);
}

static int real_size(const struct sl_disk *disk, int fd, off_t *out) {
    struct stat found;
    (void)disk;
    if (fstat(fd, &found) != 0)
        return -1;
    *out = found.st_size;
    return 0;
}

static int real_allocate(const struct sl_disk *disk, int fd, off_t length) {
    (void)disk;
    int number;
    do
        number = posix_fallocate(fd, 0, length);
    while (number == EINTR);
    errno = number;
    return number == 0 ? 0 : -1;
}

static int real_truncate(const struct sl_disk *disk, int fd, off_t length) {
    (void)disk;
    return ftruncate(fd, length);
}

static int real_sync(const struct sl_disk *disk, int fd) {
    (void)disk;
    return fsync(fd);
}

static int real_sync_data(const struct sl_disk *disk, int fd) {
    (void)disk;
    return fdatasync(fd);
}

static int real_rename(const struct sl_disk *disk, const char *from, const char *to) {
    (void)disk;
    return rename(from, to);
}

static int real_unlink(const struct sl_disk *disk, const char *path) {
    (void)disk;
    return unlink(path);
}

static int real_lock(const struct sl_disk *disk, int fd) {
    (void)disk;
    int result;
    do
        result = flock(fd, LOCK_EX | LOCK_NB);
    while (result != 0 && errno == EINTR);
    return result;
}

static int real_list(const struct sl_disk *disk, const char *path, void (*visit)(void *context, const char *name),
                     void *context) {
    (void)disk;
    DIR *folder = opendir(path);
    if (folder == NULL)
        return -1;
    const struct dirent *entry;
    errno = 0;
    while ((entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            visit(context, entry->d_name);
        errno = 0;
    }
    int number = errno;
    (void)closedir(folder);
    errno = number;
    return number == 0 ? 0 : -1;
}

static const struct sl_disk_interface real_interface = {
    .open = real_open,
    .close = real_close,
    .read = real_read,
    .write = real_write,
    .size = real_size,
    .allocate = real_allocate,
    .truncate = real_truncate,
    .sync = real_sync,
    .sync_data = real_sync_data,
    .rename = real_rename,
    .unlink = real_unlink,
    .lock = real_lock,
    .list = real_list,
};

static const struct sl_disk real_disk = {.interface = &real_interface};

const struct sl_disk *sl_disk_real(void) {
    return &real_disk;
}

int sl_disk_read_all(const struct sl_disk *disk, int fd, void *out, size_t length, off_t offset) {
    uint8_t *at = out;
    while (length > 0) {
        ssize_t got = disk->interface->read(disk, fd, at, length, offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            errno = EIO;
        if (got <= 0)
            return -1;
        at += got;
        offset += got;
        length -= (size_t)got;
    }
    return 0;
}

int sl_disk_write_all(const struct sl_disk *disk, int fd, const void *data, size_t length, off_t offset) {
    const uint8_t *at = data;
    while (length > 0) {
        ssize_t written = disk->interface->write(disk, fd, at, length, offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        at += written;
        offset += written;
        length -= (size_t)written;
    }
    return 0;
}

int sl_disk_sync_folder(const struct sl_disk *disk, int fd) {
    return disk->interface->sync(disk, fd) == 0 || errno == EINVAL ? 0 : -1;
}
