#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

/* As a node does with its secrets; what a shell gives by "<(...)" or a descriptor is no file. */
static enum sl_status check_mode(int fd, const char *path, struct sl_error *error) {
    struct stat about;
    if (fstat(fd, &about) != 0)
        return sl_error_set(error, sl_status_from_errno(errno), "%s: %s", path, strerror(errno));
    if (S_ISREG(about.st_mode) && (about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return sl_error_set(error, SL_PERMISSION,
                            "%s: others than its owner may read or change this secret (mode %04o): chmod 600 %s", path,
                            about.st_mode & 07777U, path);
    return SL_OK;
}

enum sl_status cli_passphrase_read(char out[CLI_PASSPHRASE_MAX + 1], const char *path, struct sl_error *error) {
    size_t length = 0;
    ssize_t got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC); /* not stdio, whose buffer would keep the secret */
    if (fd < 0)
        return sl_error_set(error, sl_status_from_errno(errno), "%s: %s", path, strerror(errno));
    enum sl_status status = check_mode(fd, path, error);
    if (status != SL_OK)
        goto out;
    do {
        got = read(fd, out + length, CLI_PASSPHRASE_MAX + 1 - length);
        if (got > 0)
            length += (size_t)got;
    } while ((got > 0 && length <= CLI_PASSPHRASE_MAX) || (got < 0 && errno == EINTR));
    if (got < 0) {
        status = sl_error_set(error, sl_status_from_errno(errno), "%s: %s", path, strerror(errno));
        goto out;
    }
    const char *end = memchr(out, '\n', length);
    if (end != NULL)
        length = (size_t)(end - out);
    if (length > 0 && length <= CLI_PASSPHRASE_MAX && out[length - 1] == '\r')
        length--;
    if (length == 0 || length > CLI_PASSPHRASE_MAX || memchr(out, '\0', length) != NULL)
        status = sl_error_set(error, SL_FORMAT, "%s: expected a passphrase of 1 to %d bytes in the first line", path,
                              CLI_PASSPHRASE_MAX);
    else
        out[length] = '\0';
out:
    close(fd);
    if (status != SL_OK)
        explicit_bzero(out, CLI_PASSPHRASE_MAX + 1);
    return status;
}
