/* What is asked of a disk, as a table of calls: the system's own, or one of a test that fails, tears and forgets.
 *
 * Each call is the system call of its name: −1 and errno on failure. What a power cut leaves is what a sync that
 * succeeded had before it; names that were made, changed or removed need a sync of their folder. After a sync that
 * failed nobody knows what is there, and syncing again does not tell: treat it as lost. */
#ifndef SL_BASE_DISK_H
#define SL_BASE_DISK_H

#include <sys/types.h>

#include "base/buffer.h"

struct sl_disk;
struct sl_disk_interface {
    int (*open)(const struct sl_disk *disk, const char *path, int flags, mode_t mode); /* O_CLOEXEC is added */
    int (*close)(const struct sl_disk *disk, int fd);
    ssize_t (*read)(const struct sl_disk *disk, int fd, void *out, size_t length, off_t offset);
    ssize_t (*write)(const struct sl_disk *disk, int fd, const void *data, size_t length, off_t offset);
    int (*size)(const struct sl_disk *disk, int fd, off_t *out);
    /* The file has at least `length` bytes, with blocks of the disk under them. */
    int (*allocate)(const struct sl_disk *disk, int fd, off_t length);
    int (*truncate)(const struct sl_disk *disk, int fd, off_t length);
    int (*sync)(const struct sl_disk *disk, int fd);      /* fsync; of a folder: its names */
    int (*sync_data)(const struct sl_disk *disk, int fd); /* fdatasync: bytes and length */
    int (*rename)(const struct sl_disk *disk, const char *from, const char *to);
    int (*unlink)(const struct sl_disk *disk, const char *path);
    int (*lock)(const struct sl_disk *disk, int fd); /* flock, not waiting: EWOULDBLOCK where another one has it */
    int (*list)(const struct sl_disk *disk, const char *path, void (*visit)(void *context, const char *name),
                void *context);
};
struct sl_disk {
    const struct sl_disk_interface *interface;
};

const struct sl_disk *sl_disk_real(void);

/* All of it, however often the call returns early; −1 and errno, EIO where the file ends before. Any thread. */
int sl_disk_read_all(const struct sl_disk *disk, int fd, void *out, size_t length, off_t offset);
int sl_disk_write_all(const struct sl_disk *disk, int fd, const void *data, size_t length, off_t offset);
/* fsync of a folder; one that has nothing to sync (EINVAL) is fine. */
int sl_disk_sync_folder(const struct sl_disk *disk, int fd);

#endif
