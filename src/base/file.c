#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_STEP = 64 * 1024 };

static enum sl_status read_failed(const char *path, struct sl_error *error) {
    int number = errno;
    return sl_error_set(error, sl_status_from_errno(number), "%s: cannot read: %s", path, strerror(number));
}

/* Room for the whole file at once, so that growing leaves no copies of a key behind in freed memory. The size is a
 * hint only: files of /proc and pipes say 0, and a file may grow while it is read. */
static enum sl_status reserve_for(struct sl_buffer *out, int fd, size_t limit) {
    struct stat found;
    size_t hint = READ_STEP;
    if (fstat(fd, &found) == 0 && S_ISREG(found.st_mode) && found.st_size > 0)
        hint = (uint64_t)found.st_size < limit ? (size_t)found.st_size : limit;
    return sl_buffer_reserve(out, hint < SIZE_MAX - 1 ? hint + 2 : hint);
}

/* Reads until the end or one byte more than the limit; one byte of room is kept for the final NUL. */
static enum sl_status read_all(struct sl_buffer *out, int fd, const char *path, size_t limit, struct sl_error *error) {
    if (reserve_for(out, fd, limit) != SL_OK)
        return sl_error_set(error, SL_NO_MEMORY, "%s: cannot read: out of memory", path);
    for (;;) {
        if (out->capacity - out->length < 2 && sl_buffer_reserve(out, READ_STEP) != SL_OK)
            return sl_error_set(error, SL_NO_MEMORY, "%s: cannot read: out of memory", path);
        size_t room = out->capacity - out->length - 1;
        size_t allowed = limit - out->length;
        if (room > allowed)
            room = allowed == SIZE_MAX ? room : allowed + 1 < room ? allowed + 1 : room;
        ssize_t got = read(fd, out->data + out->length, room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return read_failed(path, error);
        if (got == 0)
            break;
        out->length += (size_t)got;
        if (out->length > limit)
            return sl_error_set(error, SL_LIMIT, "%s: longer than %zu bytes", path, limit);
    }
    out->data[out->length] = '\0';
    return SL_OK;
}

enum sl_status sl_file_read(struct sl_buffer *out, const char *path, size_t limit, struct sl_error *error) {
    sl_buffer_clear(out);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return read_failed(path, error);
    enum sl_status status = read_all(out, fd, path, limit, error);
    close(fd);
    if (status != SL_OK)
        sl_buffer_clear(out);
    return status;
}

enum sl_status sl_file_replace(const char *path, const void *data, size_t length, mode_t mode, struct sl_error *error) {
    return sl_file_replace_on(sl_disk_real(), path, data, length, mode, error);
}

enum sl_status sl_file_replace_on(const struct sl_disk *disk, const char *path, const void *data, size_t length,
                                  mode_t mode, struct sl_error *error) {
    struct sl_file_writer *writer;
    enum sl_status status = sl_file_writer_open_on(&writer, disk, path, mode, error);
    if (status != SL_OK)
        return status;
    status = sl_file_writer_write(writer, data, length, error);
    if (status != SL_OK) {
        sl_file_writer_abandon(writer);
        return status;
    }
    return sl_file_writer_commit(writer, error);
}
