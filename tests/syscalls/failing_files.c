#include "failing_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    _Atomic(enum failing_file_call) call;
    atomic_size_t left; /* calls until the one that fails; 0: none does */
    atomic_int failure;
    atomic_bool failed;
} state;

static bool fails(enum failing_file_call call) {
    size_t left = atomic_load(&state.left);
    if (left == 0 || call != atomic_load(&state.call))
        return false;
    while (left > 0 && !atomic_compare_exchange_weak(&state.left, &left, left - 1))
        ;
    if (left != 1)
        return false;
    atomic_store(&state.failed, true);
    errno = atomic_load(&state.failure);
    return true;
}

/* No socket, pipe or eventfd. */
static bool is_file(int fd) {
    struct stat about;
    return fstat(fd, &about) == 0 && (S_ISREG(about.st_mode) || S_ISDIR(about.st_mode));
}

void failing_files_arm(enum failing_file_call call, size_t n, int failure) {
    atomic_store(&state.call, call);
    atomic_store(&state.failure, failure);
    atomic_store(&state.failed, false);
    atomic_store(&state.left, n);
}

bool failing_files_disarm(void) {
    atomic_store(&state.left, 0);
    return atomic_load(&state.failed);
}

const char *failing_file_text(enum failing_file_call call) {
    static const char *const TEXTS[] = {"open", "read", "write", "pwrite", "sync", "allocate", "rename"};
    return TEXTS[call];
}

/* ---- in front of the C library ----
 *
 * Meson builds with 64-bit offsets: calls that have one go by such names. */

int __real_open64(const char *path, int flags, ...);
ssize_t __real_read(int fd, void *out, size_t length);
ssize_t __real_pread64(int fd, void *out, size_t length, off_t offset);
ssize_t __real_write(int fd, const void *data, size_t length);
ssize_t __real_pwrite64(int fd, const void *data, size_t length, off_t offset);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_posix_fallocate64(int fd, off_t offset, off_t length);
int __real_rename(const char *from, const char *to);

int __wrap_open64(const char *path, int flags, ...);
ssize_t __wrap_read(int fd, void *out, size_t length);
ssize_t __wrap_pread64(int fd, void *out, size_t length, off_t offset);
ssize_t __wrap_write(int fd, const void *data, size_t length);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t length, off_t offset);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_posix_fallocate64(int fd, off_t offset, off_t length);
int __wrap_rename(const char *from, const char *to);

int __wrap_open64(const char *path, int flags, ...) {
    mode_t mode = 0;
    if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    return fails(FILE_OPEN) ? -1 : __real_open64(path, flags, mode);
}

ssize_t __wrap_read(int fd, void *out, size_t length) {
    return is_file(fd) && fails(FILE_READ) ? -1 : __real_read(fd, out, length);
}

ssize_t __wrap_pread64(int fd, void *out, size_t length, off_t offset) {
    return fails(FILE_READ) ? -1 : __real_pread64(fd, out, length, offset);
}

ssize_t __wrap_write(int fd, const void *data, size_t length) {
    return is_file(fd) && fails(FILE_WRITE) ? -1 : __real_write(fd, data, length);
}

ssize_t __wrap_pwrite64(int fd, const void *data, size_t length, off_t offset) {
    return fails(FILE_PWRITE) ? -1 : __real_pwrite64(fd, data, length, offset);
}

int __wrap_fsync(int fd) {
    return fails(FILE_SYNC) ? -1 : __real_fsync(fd);
}

int __wrap_fdatasync(int fd) {
    return fails(FILE_SYNC) ? -1 : __real_fdatasync(fd);
}

int __wrap_posix_fallocate64(int fd, off_t offset, off_t length) { /* which has errno's value as its own */
    return fails(FILE_ALLOCATE) ? errno : __real_posix_fallocate64(fd, offset, length);
}

int __wrap_rename(const char *from, const char *to) {
    return fails(FILE_RENAME) ? -1 : __real_rename(from, to);
}
