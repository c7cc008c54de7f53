#include "support/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512, FOLDER = -2, CLOSED = -1 };

static void must(bool condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "simulated disk: %s\n", what);
        abort();
    }
}

static bool coin(struct test_disk *disk) {
    return sl_random_below(&disk->random, 2) == 1;
}

/* ---- files ---- */

static void put(uint8_t **bytes, size_t *length, const void *data, size_t count, size_t offset) {
    if (offset + count > *length) {
        *bytes = realloc(*bytes, offset + count + 1);
        must(*bytes != NULL, "out of memory");
        memset(*bytes + *length, 0, offset + count - *length);
        *length = offset + count;
    }
    if (data != NULL && count > 0)
        memcpy(*bytes + offset, data, count);
}

static void forget_writes(struct test_disk_file *file) {
    while (file->first != NULL) {
        struct test_disk_write *next = file->first->next;
        free(file->first);
        file->first = next;
    }
    file->last = &file->first;
}

static void note_write(struct test_disk_file *file, const void *data, size_t length, off_t offset) {
    struct test_disk_write *write = malloc(sizeof *write + length);
    must(write != NULL, "out of memory");
    *write = (struct test_disk_write){.offset = offset, .length = length};
    memcpy(write + 1, data, length);
    *file->last = write;
    file->last = &write->next;
}

/* Brings what was written to the medium: all of it, or what the coin says of each sector. */
static void bring(struct test_disk *disk, struct test_disk_file *file, bool whole) {
    const bool all = whole || sl_random_below(&disk->random, 4) == 0;
    const bool nothing = !all && sl_random_below(&disk->random, 3) == 0;
    for (const struct test_disk_write *write = file->first; write != NULL && !nothing; write = write->next)
        for (size_t at = 0; at < write->length;) {
            size_t step = SECTOR - ((size_t)write->offset + at) % SECTOR;
            if (step > write->length - at)
                step = write->length - at;
            if (all || coin(disk))
                put(&file->kept, &file->kept_length, (const uint8_t *)(write + 1) + at, step,
                    (size_t)write->offset + at);
            at += step;
        }
    if (whole && file->kept_length < file->length)
        put(&file->kept, &file->kept_length, NULL, 0, file->length);
    if (whole)
        file->kept_length = file->length;
    forget_writes(file);
}

static int add_file(struct test_disk *disk) {
    must(disk->file_count < TEST_DISK_FILES, "too many files");
    struct test_disk_file *file = &disk->files[disk->file_count];
    *file = (struct test_disk_file){.bytes = NULL};
    file->last = &file->first;
    return (int)disk->file_count++;
}

/* ---- names ---- */

static struct test_disk_name *find_name(struct test_disk *disk, const char *path, bool make) {
    for (unsigned i = 0; i < disk->name_count; i++)
        if (strcmp(disk->names[i].path, path) == 0)
            return &disk->names[i];
    if (!make)
        return NULL;
    must(disk->name_count < TEST_DISK_NAMES && strlen(path) < sizeof disk->names[0].path, "too many names");
    struct test_disk_name *name = &disk->names[disk->name_count++];
    *name = (struct test_disk_name){.states = {CLOSED}, .count = 1};
    (void)snprintf(name->path, sizeof name->path, "%s", path);
    return name;
}

static int seen(const struct test_disk_name *name) {
    return name != NULL ? name->states[name->count - 1] : CLOSED;
}

static void set_name(struct test_disk *disk, const char *path, int file) {
    struct test_disk_name *name = find_name(disk, path, true);
    must(name->count < TEST_DISK_STATES, "too many changes of a name");
    name->states[name->count++] = file;
}

static void settle_name(struct test_disk_name *name, unsigned state) {
    name->states[0] = name->states[state];
    name->count = 1;
}

/* ---- calls ---- */

static struct test_disk *of(const struct sl_disk *disk) {
    return (struct test_disk *)(uintptr_t)disk;
}

/* What a full disk can refuse is what needs blocks. */
static bool can_fail(const struct test_disk *disk, bool needs_blocks) {
    return needs_blocks || (disk->fail_errno != ENOSPC && disk->fail_errno != EDQUOT);
}

/* False: errno is set, and nothing is done. *dies: this call is the last one, and may do a part. */
static bool begins(struct test_disk *disk, bool needs_blocks, bool *dies) {
    *dies = false;
    if (disk->dead) {
        errno = EIO;
        return false;
    }
    const unsigned long call = ++disk->calls;
    if (disk->die_at == call) {
        disk->dead = *dies = true;
        errno = EIO;
        return false;
    }
    const bool now = disk->fail_on ? call >= disk->fail_at : call == disk->fail_at;
    if (disk->fail_at != 0 && now && can_fail(disk, needs_blocks)) {
        disk->failed++;
        errno = disk->fail_errno;
        return false;
    }
    return true;
}

static int add_handle(struct test_disk *disk, int file) {
    for (int fd = 0; fd < TEST_DISK_HANDLES; fd++)
        if (disk->handles[fd].file == CLOSED) {
            disk->handles[fd].file = file;
            return fd;
        }
    must(false, "too many descriptors");
    return -1;
}

static struct test_disk_file *file_of(struct test_disk *disk, int fd) {
    must(fd >= 0 && fd < TEST_DISK_HANDLES && disk->handles[fd].file >= 0, "a bad descriptor");
    return &disk->files[disk->handles[fd].file];
}

static int disk_open(const struct sl_disk *from, const char *path, int flags, mode_t mode) {
    struct test_disk *disk = of(from);
    bool dies;
    (void)mode;
    int file = seen(find_name(disk, path, false));
    if (!begins(disk, file == CLOSED && (flags & O_CREAT) != 0, &dies))
        return -1;
    if ((flags & O_DIRECTORY) != 0)
        return add_handle(disk, FOLDER);
    if (file != CLOSED && (flags & O_EXCL) != 0) {
        errno = EEXIST;
        return -1;
    }
    if (file == CLOSED && (flags & O_CREAT) == 0) {
        errno = ENOENT;
        return -1;
    }
    if (file == CLOSED) {
        file = add_file(disk);
        set_name(disk, path, file);
    } else if ((flags & O_TRUNC) != 0) {
        disk->files[file].length = 0;
        forget_writes(&disk->files[file]);
    }
    return add_handle(disk, file);
}

static int disk_close(const struct sl_disk *from, int fd) {
    struct test_disk *disk = of(from);
    must(fd >= 0 && fd < TEST_DISK_HANDLES && disk->handles[fd].file != CLOSED, "closed twice");
    disk->handles[fd].file = CLOSED;
    disk->handles[fd].locked = false;
    return 0;
}

static ssize_t disk_read(const struct sl_disk *from, int fd, void *out, size_t length, off_t offset) {
    struct test_disk *disk = of(from);
    const struct test_disk_file *file = file_of(disk, fd);
    bool dies;
    if (!begins(disk, false, &dies))
        return -1;
    if ((size_t)offset >= file->length)
        return 0;
    if (length > file->length - (size_t)offset)
        length = file->length - (size_t)offset;
    memcpy(out, file->bytes + offset, length);
    return (ssize_t)length;
}

/* Now and then a call does less than it was asked to. */
static ssize_t disk_write(const struct sl_disk *from, int fd, const void *data, size_t length, off_t offset) {
    struct test_disk *disk = of(from);
    struct test_disk_file *file = file_of(disk, fd);
    bool dies;
    const bool ok = begins(disk, true, &dies);
    if (!ok && !dies)
        return -1;
    if (length > 1 && (dies || sl_random_below(&disk->random, 8) == 0))
        length = (size_t)sl_random_below(&disk->random, length) + (dies ? 0 : 1);
    put(&file->bytes, &file->length, data, length, (size_t)offset);
    note_write(file, data, length, offset);
    errno = EIO;
    return ok ? (ssize_t)length : -1;
}

static int disk_size(const struct sl_disk *from, int fd, off_t *out) {
    struct test_disk *disk = of(from);
    bool dies;
    if (!begins(disk, false, &dies))
        return -1;
    *out = (off_t)file_of(disk, fd)->length;
    return 0;
}

static int disk_allocate(const struct sl_disk *from, int fd, off_t length) {
    struct test_disk *disk = of(from);
    struct test_disk_file *file = file_of(disk, fd);
    bool dies;
    if (!begins(disk, true, &dies))
        return -1;
    if ((size_t)length > file->length)
        put(&file->bytes, &file->length, NULL, 0, (size_t)length);
    return 0;
}

static int disk_truncate(const struct sl_disk *from, int fd, off_t length) {
    struct test_disk *disk = of(from);
    struct test_disk_file *file = file_of(disk, fd);
    bool dies;
    if (!begins(disk, false, &dies))
        return -1;
    must((size_t)length <= file->length, "grown by truncate");
    file->length = (size_t)length;
    return 0;
}

static int disk_sync(const struct sl_disk *from, int fd) {
    struct test_disk *disk = of(from);
    bool dies;
    const bool ok = begins(disk, false, &dies);
    if (!ok && !dies && disk->dead)
        return -1;
    if (disk->handles[fd].file == FOLDER) {
        for (unsigned i = 0; ok && i < disk->name_count; i++)
            settle_name(&disk->names[i], disk->names[i].count - 1);
    } else if (ok || !dies) {
        bring(disk, file_of(disk, fd), ok);
    }
    return ok ? 0 : -1;
}

static int disk_rename(const struct sl_disk *from, const char *old, const char *path) {
    struct test_disk *disk = of(from);
    bool dies;
    if (!begins(disk, true, &dies))
        return -1;
    const int file = seen(find_name(disk, old, false));
    must(file != CLOSED, "renames what is not there");
    set_name(disk, path, file);
    set_name(disk, old, CLOSED);
    return 0;
}

static int disk_unlink(const struct sl_disk *from, const char *path) {
    struct test_disk *disk = of(from);
    bool dies;
    if (!begins(disk, false, &dies))
        return -1;
    if (seen(find_name(disk, path, false)) == CLOSED) {
        errno = ENOENT;
        return -1;
    }
    set_name(disk, path, CLOSED);
    return 0;
}

static int disk_lock(const struct sl_disk *from, int fd) {
    struct test_disk *disk = of(from);
    bool dies;
    if (!begins(disk, false, &dies))
        return -1;
    for (int i = 0; i < TEST_DISK_HANDLES; i++)
        if (i != fd && disk->handles[i].locked && disk->handles[i].file == disk->handles[fd].file) {
            errno = EWOULDBLOCK;
            return -1;
        }
    disk->handles[fd].locked = true;
    return 0;
}

static int disk_list(const struct sl_disk *from, const char *path, void (*visit)(void *context, const char *name),
                     void *context) {
    struct test_disk *disk = of(from);
    bool dies;
    if (!begins(disk, false, &dies))
        return -1;
    const unsigned count = disk->name_count;
    for (unsigned i = 0; i < count; i++)
        if (seen(&disk->names[i]) != CLOSED && strncmp(disk->names[i].path, path, strlen(path)) == 0)
            visit(context, disk->names[i].path + strlen(path) + 1);
    return 0;
}

static const struct sl_disk_interface interface = {
    .open = disk_open,
    .close = disk_close,
    .read = disk_read,
    .write = disk_write,
    .size = disk_size,
    .allocate = disk_allocate,
    .truncate = disk_truncate,
    .sync = disk_sync,
    .sync_data = disk_sync,
    .rename = disk_rename,
    .unlink = disk_unlink,
    .lock = disk_lock,
    .list = disk_list,
};

/* ---- life ---- */

void test_disk_init(struct test_disk *disk, uint64_t seed) {
    memset(disk, 0, sizeof *disk);
    disk->disk.interface = &interface;
    sl_random_init(&disk->random, seed, 0);
    for (int i = 0; i < TEST_DISK_HANDLES; i++)
        disk->handles[i].file = CLOSED;
}

void test_disk_finish(struct test_disk *disk) {
    for (unsigned i = 0; i < disk->file_count; i++) {
        forget_writes(&disk->files[i]);
        free(disk->files[i].bytes);
        free(disk->files[i].kept);
    }
}

static void cut(struct test_disk *disk) {
    for (unsigned i = 0; i < disk->file_count; i++) {
        struct test_disk_file *file = &disk->files[i];
        bring(disk, file, false);
        if (coin(disk) && file->kept_length < file->length)
            put(&file->kept, &file->kept_length, NULL, 0, file->length);
        free(file->bytes);
        file->bytes = malloc(file->kept_length + 1);
        must(file->bytes != NULL, "out of memory");
        if (file->kept_length > 0)
            memcpy(file->bytes, file->kept, file->kept_length);
        file->length = file->kept_length;
    }
    for (unsigned i = 0; i < disk->name_count; i++)
        settle_name(&disk->names[i], (unsigned)sl_random_below(&disk->random, disk->names[i].count));
}

void test_disk_restart(struct test_disk *disk, bool power) {
    for (int i = 0; i < TEST_DISK_HANDLES; i++) {
        disk->handles[i].file = CLOSED;
        disk->handles[i].locked = false;
    }
    if (power)
        cut(disk);
    disk->dead = false;
    disk->die_at = disk->fail_at = 0;
    disk->fail_on = false;
}

struct test_disk_file *test_disk_find(struct test_disk *disk, const char *path) {
    const int file = seen(find_name(disk, path, false));
    return file != CLOSED ? &disk->files[file] : NULL;
}

void test_disk_put(struct test_disk *disk, const char *path, const void *bytes, size_t length) {
    const int number = add_file(disk);
    struct test_disk_file *file = &disk->files[number];
    put(&file->bytes, &file->length, bytes, length, 0);
    put(&file->kept, &file->kept_length, bytes, length, 0);
    set_name(disk, path, number);
    struct test_disk_name *name = find_name(disk, path, false);
    settle_name(name, name->count - 1);
}

unsigned test_disk_count(const struct test_disk *disk) {
    unsigned count = 0;
    for (unsigned i = 0; i < disk->name_count; i++)
        count += seen(&disk->names[i]) != CLOSED;
    return count;
}
