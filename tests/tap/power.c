/* For LD_PRELOAD: what a power cut leaves of a folder, at its worst: of each file what it held at its last sync, under
 * the names that the folder had at its last one.
 *
 *     STARLING_POWER_FOLDER   the folder whose files count
 *     STARLING_POWER_SAFE     a folder, empty at first, that has what is left of it, at every moment
 *     STARLING_POWER_AT       which call that changes the folder is never made: the program ends there; 0: none
 *
 * A file's safe bytes are in SAFE/.INODE, and each safe name is another link to them. Where the tap itself fails it
 * ends the program. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The program is to find these functions before those of the library. */
#define TAP __attribute__((visibility("default")))

enum { POWER_CUT = 137, BLOCK = 1 << 16 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long calls;

static _Noreturn void fail(const char *what) {
    (void)fprintf(stderr, "power: %s: %s\n", what, strerror(errno));
    _exit(1);
}

static void find_real(const char *name, void *out) {
    void *symbol = dlsym(RTLD_NEXT, name);
    if (symbol == NULL)
        fail(name);
    memcpy(out, &symbol, sizeof symbol);
}

#define REAL(result, name, ...)                                                                                        \
    result (*real)(__VA_ARGS__);                                                                                       \
    find_real(name, &real)

static const char *setting(const char *name) {
    const char *value = getenv(name);
    return value != NULL ? value : "";
}

/* ---- which files ---- */

static bool is_inside(const char *path) {
    const char *folder = setting("STARLING_POWER_FOLDER");
    const size_t length = strlen(folder);
    return length > 0 && strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static bool path_of(int fd, char out[PATH_MAX]) {
    char link[64];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, out, PATH_MAX - 1);
    out[length > 0 ? length : 0] = '\0';
    return length > 0;
}

static bool is_of_folder(int fd) {
    char path[PATH_MAX];
    return path_of(fd, path) && is_inside(path);
}

/* ---- what is safe; the lock is held ---- */

static void safe_path(char out[PATH_MAX], const char *name) {
    (void)snprintf(out, PATH_MAX, "%s/%s", setting("STARLING_POWER_SAFE"), name);
}

static void bytes_path(char out[PATH_MAX], ino_t inode) {
    char name[32];
    (void)snprintf(name, sizeof name, ".%ju", (uintmax_t)inode);
    safe_path(out, name);
}

static int open_real(const char *path, int flags) {
    REAL(int, "open64", const char *, int, ...);
    const int fd = real(path, flags | O_CLOEXEC, 0600);
    if (fd < 0)
        fail(path);
    return fd;
}

/* The descriptor may be for writing only. */
static void keep_bytes(int fd, ino_t inode) {
    static char block[BLOCK];
    char from[64], path[PATH_MAX];
    (void)snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
    bytes_path(path, inode);
    const int in = open_real(from, O_RDONLY), out = open_real(path, O_WRONLY | O_CREAT | O_TRUNC);
    ssize_t got;
    while ((got = read(in, block, sizeof block)) > 0)
        if (write(out, block, (size_t)got) != got)
            fail(path);
    if (got < 0 || close(in) != 0 || close(out) != 0)
        fail(path);
}

/* Another file may have its number next. Names that are safe keep their bytes. */
static void forget_bytes(const char *path) {
    struct stat found;
    char bytes[PATH_MAX];
    if (lstat(path, &found) != 0)
        return;
    bytes_path(bytes, found.st_ino);
    REAL(int, "unlink", const char *);
    (void)real(bytes);
}

static void forget_names(void) {
    DIR *safe = opendir(setting("STARLING_POWER_SAFE"));
    REAL(int, "unlink", const char *);
    const struct dirent *entry;
    char path[PATH_MAX];
    if (safe == NULL)
        fail("STARLING_POWER_SAFE");
    while ((entry = readdir(safe)) != NULL) {
        safe_path(path, entry->d_name);
        if (entry->d_name[0] != '.' && real(path) != 0)
            fail(path);
    }
    (void)closedir(safe);
}

static void keep_name(const char *name, ino_t inode) {
    char bytes[PATH_MAX], path[PATH_MAX];
    bytes_path(bytes, inode);
    safe_path(path, name);
    if (access(bytes, F_OK) != 0) /* never synced: nothing of it but the name */
        (void)close(open_real(bytes, O_WRONLY | O_CREAT));
    if (link(bytes, path) != 0)
        fail(path);
}

static void keep_names(void) {
    DIR *folder = opendir(setting("STARLING_POWER_FOLDER"));
    const struct dirent *entry;
    if (folder == NULL)
        fail("STARLING_POWER_FOLDER");
    forget_names();
    while ((entry = readdir(folder)) != NULL)
        if (entry->d_type == DT_REG)
            keep_name(entry->d_name, entry->d_ino);
    (void)closedir(folder);
}

/* What is there at the start was there before the power came. */
static void begin(void) {
    char path[PATH_MAX];
    DIR *folder = opendir(setting("STARLING_POWER_FOLDER"));
    const struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (entry->d_type != DT_REG)
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", setting("STARLING_POWER_FOLDER"), entry->d_name);
        const int fd = open_real(path, O_RDONLY);
        keep_bytes(fd, entry->d_ino);
        keep_name(entry->d_name, entry->d_ino);
        (void)close(fd);
    }
    if (folder != NULL)
        (void)closedir(folder);
}

/* ---- the calls ---- */

/* The lock is held until the call was made: the order of calls is that of their effects. */
static void enter(bool counts) {
    static bool begun;
    pthread_mutex_lock(&lock);
    if (counts && !begun)
        begin();
    begun = begun || counts;
    if (counts && ++calls == atol(setting("STARLING_POWER_AT")))
        _exit(POWER_CUT);
}

static void leave(void) {
    const int number = errno;
    pthread_mutex_unlock(&lock);
    errno = number;
}

static int sync_by(const char *name, int fd) {
    REAL(int, name, int);
    struct stat found;
    if (!is_of_folder(fd))
        return real(fd);
    enter(true);
    const int result = real(fd);
    if (result == 0 && fstat(fd, &found) == 0) {
        if (S_ISDIR(found.st_mode))
            keep_names();
        else
            keep_bytes(fd, found.st_ino);
    }
    leave();
    return result;
}

TAP int fsync(int fd) {
    return sync_by("fsync", fd);
}

TAP int fdatasync(int fd) {
    return sync_by("fdatasync", fd);
}

TAP ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    enter(is_of_folder(fd));
    const ssize_t result = real(fd, data, length, offset);
    leave();
    return result;
}

TAP int ftruncate64(int fd, off64_t length) {
    REAL(int, "ftruncate64", int, off64_t);
    enter(is_of_folder(fd));
    const int result = real(fd, length);
    leave();
    return result;
}

TAP int posix_fallocate64(int fd, off64_t offset, off64_t length) {
    REAL(int, "posix_fallocate64", int, off64_t, off64_t);
    enter(is_of_folder(fd));
    const int result = real(fd, offset, length);
    leave();
    return result;
}

TAP int open64(const char *path, int flags, ...) {
    REAL(int, "open64", const char *, int, ...);
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    enter((flags & O_CREAT) != 0 && is_inside(path));
    const int result = real(path, flags, mode);
    leave();
    return result;
}

TAP int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    const bool counts = is_inside(to);
    enter(counts);
    if (counts)
        forget_bytes(to);
    const int result = real(from, to);
    leave();
    return result;
}

TAP int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    const bool counts = is_inside(path);
    enter(counts);
    if (counts)
        forget_bytes(path);
    const int result = real(path);
    leave();
    return result;
}
