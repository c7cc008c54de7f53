/* Producers append entries to a bounded queue; one thread writes them, a line each.
 *
 *     sl_record_write → fields as JSON → queue ⇒ writer: {"v":1,…,"seq":n + entry → write → file
 *
 * The writer gives out `seq`, so that the lines of a boot are numbered without a gap whatever was dropped; what was is
 * told by the `lost` line that goes before the next one that fits. */
#include "monitor/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "monitor/fields.h"

/* Over this the disk is so far behind that events are dropped. */
enum { QUEUE_MAX = 1 << 20 };

/* In front of each entry's text in the queue. */
struct entry {
    sl_time time;
    size_t length;
};

struct sl_record {
    pthread_t writer;
    pthread_mutex_t mutex;
    pthread_cond_t wake, settled;
    /* under the mutex */
    struct sl_buffer queue;
    uint64_t dropped;       /* events that found the queue full since the writer last took it */
    uint64_t told, written; /* bytes that were queued, and that the writer is done with */
    bool ending;
    bool stuck; /* somebody waited for the writer in vain, and nothing was written since */
    /* the writer's own */
    int file;
    bool torn;              /* the file does not end in a newline */
    struct sl_buffer names; /* "run":…,"node":…,"boot":… */
    struct sl_buffer line;
    uint64_t sequence;
    uint64_t lost; /* dropped, and not yet told in the file */
};

static bool write_all(int file, const uint8_t *data, size_t length) {
    while (length > 0) {
        ssize_t written = write(file, data, length);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        data += written;
        length -= (size_t)written;
    }
    return true;
}

/* Appends record->line whole, or takes the part that fitted back out. */
static bool append_line(struct sl_record *record) {
    off_t end = lseek(record->file, 0, SEEK_END);
    if (record->torn) {
        if (!write_all(record->file, (const uint8_t *)"\n", 1)) {
            return false;
        }
        record->torn = false;
        end++;
    }
    if (write_all(record->file, record->line.data, record->line.length)) {
        return true;
    }
    /* What is not a regular file cannot be cut: end the torn line instead, when there is room again. */
    record->torn = end < 0 || ftruncate(record->file, end) != 0;
    return false;
}

static bool write_line(struct sl_record *record, sl_time time, const void *text, size_t length) {
    sl_buffer_clear(&record->line);
    if (sl_buffer_printf(&record->line, "{\"v\":1,\"time_ns\":%" PRId64 ",%.*s,\"seq\":%" PRIu64 ",\"event\":", time,
                         (int)record->names.length, (const char *)record->names.data, record->sequence) != SL_OK ||
        sl_buffer_append(&record->line, text, length) != SL_OK || sl_buffer_append(&record->line, "}\n", 2) != SL_OK ||
        !append_line(record)) {
        return false;
    }
    record->sequence++;
    return true;
}

/* Tells what was lost, if anything; false when there is still no room for that. */
static bool tell_lost(struct sl_record *record) {
    if (record->lost == 0) {
        return true;
    }
    char text[64];
    int length = snprintf(text, sizeof text, "\"lost\",\"count\":%" PRIu64, record->lost);
    if (!write_line(record, sl_clock_wall(), text, (size_t)length)) {
        return false;
    }
    record->lost = 0;
    return true;
}

static void write_batch(struct sl_record *record, const struct sl_buffer *batch) {
    struct entry entry;
    for (size_t at = 0; at < batch->length; at += entry.length) {
        memcpy(&entry, batch->data + at, sizeof entry);
        at += sizeof entry;
        if (!tell_lost(record) || !write_line(record, entry.time, batch->data + at, entry.length)) {
            record->lost++;
        }
    }
}

static void note_written(struct sl_record *record, size_t bytes) {
    pthread_mutex_lock(&record->mutex);
    record->written += bytes;
    record->stuck = false;
    pthread_cond_broadcast(&record->settled);
    pthread_mutex_unlock(&record->mutex);
}

static void *run_writer(void *context) {
    struct sl_record *record = context;
    struct sl_buffer batch = {0};
    bool ending = false;
    while (!ending) {
        pthread_mutex_lock(&record->mutex);
        while (record->queue.length == 0 && record->dropped == 0 && !record->ending) {
            pthread_cond_wait(&record->wake, &record->mutex);
        }
        struct sl_buffer written = batch;
        batch = record->queue;
        record->queue = written;
        uint64_t dropped = record->dropped;
        record->dropped = 0;
        ending = record->ending;
        pthread_mutex_unlock(&record->mutex);

        size_t bytes = batch.length;
        write_batch(record, &batch);
        sl_buffer_clear(&batch);
        record->lost += dropped;
        (void)tell_lost(record);
        note_written(record, bytes);
    }
    sl_buffer_finish(&batch);
    return NULL;
}

static enum sl_status open_file(struct sl_record *record, const char *path, struct sl_error *error) {
    record->file = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (record->file < 0) {
        return sl_error_set(error, sl_status_from_errno(errno), "record.file: cannot open %s: %s", path,
                            strerror(errno));
    }
    char last = '\n';
    off_t end = lseek(record->file, 0, SEEK_END);
    record->torn = end > 0 && pread(record->file, &last, 1, end - 1) == 1 && last != '\n';
    return SL_OK;
}

static enum sl_status set_names(struct sl_record *record, const struct sl_record_options *options) {
    enum sl_status status = sl_buffer_append(&record->names, "\"run\":", 6);
    status = status == SL_OK ? sl_fields_append_text(&record->names, options->run) : status;
    status = status == SL_OK ? sl_buffer_append(&record->names, ",\"node\":", 8) : status;
    status = status == SL_OK ? sl_fields_append_text(&record->names, options->node) : status;
    return status == SL_OK ? sl_buffer_printf(&record->names, ",\"boot\":\"%016" PRIx64 "\"", options->boot) : status;
}

/* All signals stay with the other threads; a file over its size limit then is an error of write here, not a SIGXFSZ. */
static int start_writer(struct sl_record *record) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&record->writer, NULL, run_writer, record);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

/* Its deadlines are monotonic. */
static void init_settled(pthread_cond_t *settled) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(settled, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void release(struct sl_record *record) {
    if (record->file >= 0) {
        (void)close(record->file);
    }
    pthread_cond_destroy(&record->wake);
    pthread_cond_destroy(&record->settled);
    pthread_mutex_destroy(&record->mutex);
    sl_buffer_finish(&record->queue);
    sl_buffer_finish(&record->names);
    sl_buffer_finish(&record->line);
    free(record);
}

enum sl_status sl_record_create(struct sl_record **out, const struct sl_record_options *options,
                                struct sl_error *error) {
    *out = NULL;
    if (options->file == NULL || options->file[0] == '\0') {
        return SL_OK;
    }
    struct sl_record *record = calloc(1, sizeof *record);
    if (record == NULL) {
        return sl_error_set(error, SL_NO_MEMORY, "record: out of memory");
    }
    record->file = -1;
    pthread_mutex_init(&record->mutex, NULL);
    pthread_cond_init(&record->wake, NULL);
    init_settled(&record->settled);

    enum sl_status status = open_file(record, options->file, error);
    if (status == SL_OK && (status = set_names(record, options)) != SL_OK) {
        (void)sl_error_set(error, status, "record: %s", sl_status_text(status));
    }
    int failed = status == SL_OK ? start_writer(record) : 0;
    if (failed != 0) {
        status =
            sl_error_set(error, sl_status_from_errno(failed), "record: cannot start its thread: %s", strerror(failed));
    }
    if (status != SL_OK) {
        release(record);
        return status;
    }
    *out = record;
    return SL_OK;
}

void sl_record_destroy(struct sl_record *record) {
    if (record == NULL) {
        return;
    }
    pthread_mutex_lock(&record->mutex);
    record->ending = true;
    pthread_cond_signal(&record->wake);
    pthread_mutex_unlock(&record->mutex);
    pthread_join(record->writer, NULL);
    (void)fsync(record->file);
    release(record);
}

static enum sl_status enqueue(struct sl_buffer *queue, const struct sl_buffer *text) {
    struct entry entry = {.time = sl_clock_wall(), .length = text->length};
    if (queue->length + sizeof entry + text->length > QUEUE_MAX) {
        return SL_LIMIT;
    }
    enum sl_status status = sl_buffer_reserve(queue, sizeof entry + text->length);
    status = status == SL_OK ? sl_buffer_append(queue, &entry, sizeof entry) : status;
    return status == SL_OK ? sl_buffer_append(queue, text->data, text->length) : status;
}

void sl_record_write(struct sl_record *record, const char *event, const struct sl_field *fields) {
    if (record == NULL) {
        return;
    }
    struct sl_buffer text = {0};
    enum sl_status status = sl_fields_append_text(&text, event);
    status = status == SL_OK ? sl_fields_append_members(&text, fields) : status;

    pthread_mutex_lock(&record->mutex);
    /* The time is taken under the lock: lines are in the order of their times. */
    size_t queued = record->queue.length;
    if (status != SL_OK || enqueue(&record->queue, &text) != SL_OK) {
        record->dropped++;
    }
    record->told += record->queue.length - queued;
    pthread_cond_signal(&record->wake);
    pthread_mutex_unlock(&record->mutex);
    sl_buffer_finish(&text);
}

bool sl_record_settle(struct sl_record *record, sl_time at_most) {
    if (record == NULL) {
        return true;
    }
    const sl_time until = sl_clock_monotonic() + at_most;
    const struct timespec end = {.tv_sec = until / SL_SECOND, .tv_nsec = until % SL_SECOND};
    pthread_mutex_lock(&record->mutex);
    const uint64_t told = record->told;
    while (record->written < told && !record->stuck) {
        if (pthread_cond_timedwait(&record->settled, &record->mutex, &end) == ETIMEDOUT) {
            record->stuck = record->written < told;
        }
    }
    const bool settled = record->written >= told;
    pthread_mutex_unlock(&record->mutex);
    return settled;
}
