#include "node/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

/* How much of the path is there: all of it, or up to the end of a folder; at least 1. */
static size_t length_of_existing(const char *path) {
    struct stat status;
    size_t length = strlen(path);
    char *prefix = strdup(path);
    while (prefix != NULL && length > 1 && lstat(prefix, &status) != 0) {
        do
            length--;
        while (length > 1 && path[length] != '/');
        prefix[length] = '\0';
    }
    free(prefix);
    return length;
}

static enum sl_status make_file(const char *path, struct sl_error *error) {
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        int number = errno;
        return sl_error_set(error, sl_status_from_errno(number), "cannot open %s: %s", path, strerror(number));
    }
    (void)close(fd);
    return SL_OK;
}

static enum sl_status make(struct node_outputs *outputs, const char *name, const char *path, bool folder,
                           struct sl_error *error) {
    if (path[0] == '\0')
        return SL_OK;
    struct node_output *output = &outputs->items[outputs->count];
    *output = (struct node_output){.path = strdup(path), .kept = length_of_existing(path)};
    if (output->path == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory");
    outputs->count++;
    enum sl_status status = folder ? sl_folder_make(path, 0755, error) : make_file(path, error);
    return status == SL_OK ? SL_OK : sl_error_wrap(error, status, "%s", name);
}

enum sl_status node_outputs_make(struct node_outputs *outputs, const struct sl_settings *settings,
                                 struct sl_error *error) {
    *outputs = (struct node_outputs){.count = 0};
    const struct {
        const char *name, *path;
        bool folder;
    } wanted[NODE_OUTPUTS_MAX] = {{"model.folder", settings->model.folder, true},
                                  {"membership.proof_folder", settings->membership.proof_folder, true},
                                  {"node.state_folder", settings->node.state_folder, true},
                                  {"record.file", settings->record.file, false}};
    struct sl_error later = {.status = SL_OK};
    enum sl_status first = SL_OK;
    for (size_t i = 0; i < NODE_OUTPUTS_MAX; i++) {
        enum sl_status status =
            make(outputs, wanted[i].name, wanted[i].path, wanted[i].folder, first == SL_OK ? error : &later);
        first = first == SL_OK ? status : first;
    }
    return first;
}

/* From its end up to what was there before. What somebody has put something into stays, and all above it. */
static void remove_output(const struct node_output *output) {
    struct stat status;
    for (size_t length = strlen(output->path); length > output->kept; length--) {
        if (output->path[length] != '\0' && output->path[length] != '/')
            continue;
        output->path[length] = '\0';
        if (lstat(output->path, &status) != 0)
            continue;
        bool removed = S_ISREG(status.st_mode) ? status.st_size == 0 && unlink(output->path) == 0
                                               : unlinkat(AT_FDCWD, output->path, AT_REMOVEDIR) == 0;
        if (!removed)
            return;
    }
}

void node_outputs_remove(const struct node_outputs *outputs) {
    for (size_t i = outputs->count; i-- > 0;)
        remove_output(&outputs->items[i]);
}

void node_outputs_finish(struct node_outputs *outputs) {
    for (size_t i = 0; i < outputs->count; i++)
        free(outputs->items[i].path);
    *outputs = (struct node_outputs){.count = 0};
}

/* ---- by a process of its own ---- */

static bool made_any(const struct node_outputs *outputs) {
    for (size_t i = 0; i < outputs->count; i++)
        if (outputs->items[i].kept < strlen(outputs->items[i].path))
            return true;
    return false;
}

/* A byte: the node has started. The end of the pipe without one: it has not, or is dead. */
static _Noreturn void wait_for_word(int fd, const struct node_outputs *outputs) {
    char word;
    ssize_t got;
    do
        got = read(fd, &word, 1);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        node_outputs_remove(outputs);
    _exit(0);
}

enum sl_status node_outputs_entrust(struct sl_confinement *confinement, const struct node_outputs *outputs,
                                    struct sl_error *error) {
    if (!made_any(outputs))
        return SL_OK;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return sl_error_set(error, sl_status_from_errno(errno), "cannot make a pipe: %s", strerror(errno));
    /* No signal ends it before its time: the ones of a terminal go to all processes there. */
    sigset_t all, before;
    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    int number = errno;
    if (child == 0) {
        (void)close(ends[1]);
        wait_for_word(ends[0], outputs);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    (void)close(ends[0]);
    if (child < 0) {
        (void)close(ends[1]);
        node_outputs_remove(outputs);
        return sl_error_set(error, sl_status_from_errno(number), "cannot start a process: %s", strerror(number));
    }
    confinement->outputs_process = child;
    confinement->outputs_pipe = ends[1];
    return SL_OK;
}

void node_outputs_settle(const struct sl_confinement *confinement, bool keep) {
    if (confinement == NULL || confinement->outputs_process == 0)
        return;
    ssize_t written = keep ? write(confinement->outputs_pipe, "k", 1) : 0;
    (void)written; /* 1, unless somebody has killed that process */
    (void)close(confinement->outputs_pipe);
    while (waitpid(confinement->outputs_process, NULL, 0) < 0 && errno == EINTR)
        ;
}
