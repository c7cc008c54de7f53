#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

char *sl_path_join(const char *folder, const char *path) {
    if (path[0] == '/' || folder[0] == '\0')
        return strdup(path);
    size_t length = strlen(folder);
    const char *separator = folder[length - 1] == '/' ? "" : "/";
    size_t size = length + strlen(path) + 2;
    char *joined = malloc(size);
    if (joined != NULL)
        snprintf(joined, size, "%s%s%s", folder, separator, path);
    return joined;
}

static size_t without_slashes(const char *path, size_t length) {
    while (length > 1 && path[length - 1] == '/')
        length--;
    return length;
}

char *sl_path_parent(const char *path) {
    size_t length = without_slashes(path, strlen(path));
    while (length > 0 && path[length - 1] != '/')
        length--;
    if (length == 0)
        return strdup(".");
    return strndup(path, without_slashes(path, length));
}

/* mkdir says EEXIST of a folder that is there before it looks at rights, so that each prefix may simply be tried. */
static enum sl_status make_prefixes(char *path, mode_t mode, struct sl_error *error) {
    for (char *at = path;; at++) {
        char here = *at;
        if ((here != '/' && here != '\0') || at == path) {
            if (here == '\0')
                return SL_OK;
            continue;
        }
        *at = '\0';
        int failed = mkdir(path, mode) != 0 && errno != EEXIST ? errno : 0;
        if (failed != 0)
            return sl_error_set(error, sl_status_from_errno(failed), "%s: cannot make the folder: %s", path,
                                strerror(failed));
        *at = here;
        if (here == '\0')
            return SL_OK;
    }
}

enum sl_status sl_folder_make(const char *path, mode_t mode, struct sl_error *error) {
    char *prefix = strdup(path);
    if (prefix == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "%s: out of memory", path);
    enum sl_status status = make_prefixes(prefix, mode, error);
    free(prefix);
    struct stat found;
    if (status == SL_OK && stat(path, &found) != 0) {
        int number = errno;
        return sl_error_set(error, sl_status_from_errno(number), "%s: cannot make the folder: %s", path,
                            strerror(number));
    }
    if (status == SL_OK && !S_ISDIR(found.st_mode))
        return sl_error_set(error, SL_EXISTS, "%s: cannot make the folder: a file of this name exists", path);
    return status;
}
