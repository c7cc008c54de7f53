#include "identity/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

const char *sl_path_last(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static enum sl_status fail_by_errno(struct sl_error *error, const char *path) {
    int number = errno;
    return sl_error_set(error, sl_status_from_errno(number), "%s: %s", path, strerror(number));
}

static enum sl_status exists(struct sl_error *error, const char *target) {
    return sl_error_set(error, SL_EXISTS, "%s: is there already and not empty; nothing was changed", target);
}

/* An early look for a clear message; the rename decides. */
static enum sl_status check_target(const char *target, struct sl_error *error) {
    DIR *folder = opendir(target);
    if (folder == NULL)
        return errno == ENOENT ? SL_OK : fail_by_errno(error, target);
    bool empty = true;
    for (struct dirent *entry; empty && (entry = readdir(folder)) != NULL;)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(folder);
    return empty ? SL_OK : exists(error, target);
}

static enum sl_status make_folder(struct sl_stage *stage, struct sl_error *error) {
    enum sl_status status = sl_folder_make(stage->parent, 0755, error);
    if (status != SL_OK)
        return status;
    char *folder = NULL;
    if (asprintf(&folder, "%s/.%s.XXXXXX", stage->parent, sl_path_last(stage->target)) < 0)
        return sl_error_set(error, SL_NO_MEMORY, "%s: no memory", stage->target);
    if (mkdtemp(folder) == NULL) {
        status = fail_by_errno(error, stage->parent);
        free(folder);
        return status;
    }
    stage->folder = folder;
    return SL_OK;
}

enum sl_status sl_stage_open(struct sl_stage *stage, const char *target, struct sl_error *error) {
    *stage = (struct sl_stage){.target = strdup(target)};
    enum sl_status status = SL_OK;
    if (stage->target != NULL) {
        for (size_t end = strlen(stage->target); end > 1 && stage->target[end - 1] == '/'; end--)
            stage->target[end - 1] = '\0';
        stage->parent = sl_path_parent(stage->target);
    }
    const char *last = stage->target != NULL ? sl_path_last(stage->target) : "";
    if (stage->parent == NULL)
        status = sl_error_set(error, SL_NO_MEMORY, "%s: no memory", target);
    else if (last[0] == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
        status = sl_error_set(error, SL_USAGE, "%s: give the name of a folder to make", target);
    else
        status = check_target(stage->target, error);
    if (status == SL_OK)
        status = make_folder(stage, error);
    if (status != SL_OK)
        sl_stage_finish(stage);
    return status;
}

static int sync_folder(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = fsync(fd);
    close(fd);
    return result;
}

enum sl_status sl_stage_commit(struct sl_stage *stage, struct sl_error *error) {
    if (sync_folder(stage->folder) != 0)
        return fail_by_errno(error, stage->folder);
    if (rename(stage->folder, stage->target) != 0) /* replaces an empty folder and nothing else */
        return errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR ? exists(error, stage->target)
                                                                         : fail_by_errno(error, stage->target);
    free(stage->folder);
    stage->folder = NULL;
    (void)sync_folder(stage->parent); /* it is in place: a crash at worst forgets all of it */
    return SL_OK;
}

static void remove_folder(const char *path) {
    DIR *folder = opendir(path);
    if (folder != NULL) {
        for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
            unlinkat(dirfd(folder), entry->d_name, 0); /* fails for . and .., which is right */
        closedir(folder);
    }
    rmdir(path);
}

void sl_stage_finish(struct sl_stage *stage) {
    if (stage->folder != NULL)
        remove_folder(stage->folder);
    free(stage->folder);
    free(stage->parent);
    free(stage->target);
    *stage = (struct sl_stage){0};
}
