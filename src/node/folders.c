#include "node/folders.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 40 }; /* as many as the kernel follows */

/* The folder of the first `length` bytes of `path`. */
static void parent_of(char out[PATH_MAX], const char *path, size_t length) {
    while (length > 0 && path[length - 1] != '/')
        length--;
    if (length == 0)
        (void)snprintf(out, PATH_MAX, ".");
    else
        (void)snprintf(out, PATH_MAX, "%.*s", length == 1 ? 1 : (int)(length - 1), path);
}

/* The end of the path's first link, 0 where there is none; `target` is what it says. */
static size_t first_link(char target[PATH_MAX], const char *path) {
    char prefix[PATH_MAX];
    size_t length = strlen(path);
    for (size_t end = 1; end <= length; end++) {
        if (path[end] != '/' && path[end] != '\0')
            continue;
        memcpy(prefix, path, end);
        prefix[end] = '\0';
        ssize_t got = readlink(prefix, target, PATH_MAX - 1);
        if (got > 0) {
            target[got] = '\0';
            return end;
        }
    }
    return 0;
}

/* Puts the link's target in the place of the first `end` bytes; false where that is too long. */
static bool follow(char path[PATH_MAX], size_t end, const char *target) {
    char folder[PATH_MAX], joined[PATH_MAX];
    parent_of(folder, path, end);
    int length = target[0] == '/' ? snprintf(joined, sizeof joined, "%s%s", target, path + end)
                                  : snprintf(joined, sizeof joined, "%s/%s%s", folder, target, path + end);
    if (length < 0 || length >= PATH_MAX)
        return false;
    memcpy(path, joined, (size_t)length + 1);
    return true;
}

void node_visit_folders(const char *path, void (*visit)(void *context, const char *folder), void *context) {
    char now[PATH_MAX], folder[PATH_MAX], target[PATH_MAX];
    if (path[0] == '\0' || strlen(path) >= sizeof now)
        return;
    memcpy(now, path, strlen(path) + 1);
    for (int links = 0; links <= LINKS_MAX; links++) {
        size_t end = first_link(target, now);
        parent_of(folder, now, end > 0 ? end : strlen(now));
        visit(context, folder);
        if (end == 0 || !follow(now, end, target))
            return;
    }
}
