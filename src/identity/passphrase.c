#include "identity/passphrase.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "crypto/random.h"

enum { PASSPHRASE_FILE_MAX = 1 << 16 };

static bool is_given(const char *text) {
    return text != NULL && text[0] != '\0';
}

bool sl_passphrase_is_asked(const struct sl_passphrase_source *source) {
    return !is_given(source->file) && !is_given(source->variable) && source->prompt != NULL;
}

enum sl_status sl_secret_check_mode(const char *path, struct sl_error *error) {
    struct stat about;
    if (stat(path, &about) != 0)
        return sl_error_set(error, sl_status_from_errno(errno), "%s: %s", path, strerror(errno));
    if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return sl_error_set(error, SL_PERMISSION,
                            "%s: others than its owner may read or change this secret (mode %04o): chmod 600 %s", path,
                            about.st_mode & 07777u, path);
    return SL_OK;
}

static enum sl_status take(char out[SL_PASSPHRASE_SIZE], const void *text, size_t length, const char *from,
                           const char *what, struct sl_error *error) {
    if (length == 0)
        return sl_error_set(error, SL_FORMAT, "%s: it is empty, but was to be the %s", from, what);
    if (length >= SL_PASSPHRASE_SIZE || memchr(text, '\0', length) != NULL)
        return sl_error_set(error, SL_FORMAT, "%s: longer than %d bytes, or not a line of text: not the %s", from,
                            SL_PASSPHRASE_SIZE - 1, what);
    memcpy(out, text, length);
    out[length] = '\0';
    return SL_OK;
}

static enum sl_status read_line(char out[SL_PASSPHRASE_SIZE], const char *path, const char *what,
                                struct sl_error *error) {
    struct sl_buffer file = {0};
    enum sl_status status = sl_secret_check_mode(path, error);
    if (status == SL_OK)
        status = sl_file_read(&file, path, PASSPHRASE_FILE_MAX, error);
    if (status == SL_OK) {
        const uint8_t *end = file.length > 0 ? memchr(file.data, '\n', file.length) : NULL;
        size_t length = end != NULL ? (size_t)(end - file.data) : file.length;
        if (length > 0 && file.data[length - 1] == '\r')
            length--;
        status = take(out, file.data, length, path, what, error);
    }
    sl_wipe(file.data, file.capacity);
    sl_buffer_finish(&file);
    return status;
}

enum sl_status sl_passphrase_get(const struct sl_passphrase_source *source, char out[SL_PASSPHRASE_SIZE],
                                 const char *what, struct sl_error *error) {
    out[0] = '\0';
    if (is_given(source->file))
        return read_line(out, source->file, what, error);
    if (is_given(source->variable)) {
        const char *value = getenv(source->variable);
        if (value == NULL)
            return sl_error_set(error, SL_PERMISSION,
                                "the environment variable %s, which identity.passphrase_variable names, is not set: it "
                                "was to be the %s",
                                source->variable, what);
        return take(out, value, strlen(value), source->variable, what, error);
    }
    if (source->prompt == NULL)
        return sl_error_set(error, SL_PERMISSION,
                            "the %s is needed, and there is no terminal to ask for it: set identity.passphrase_file or "
                            "identity.passphrase_variable",
                            what);
    enum sl_status status = source->prompt->ask(source->prompt->context, out, SL_PASSPHRASE_SIZE, what, error);
    if (status == SL_OK && out[0] == '\0')
        status = sl_error_set(error, SL_PERMISSION, "the %s is empty", what);
    return status;
}
