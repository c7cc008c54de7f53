/* The record of the run: JSON lines, one event each, written off the loop. All that tables and pictures show is made
 * from it; docs/record.md documents each kind. Every line starts with
 *
 *     {"v":1,"time_ns":…,"run":"…","node":"…","boot":"16 hex digits","seq":…,"event":"…"
 *
 * time_ns is wall-clock time, seq counts from 0 a boot; a number that is not finite is null. A line that a crash cut is
 * ignored by readers: writing appends behind a newline. */
#ifndef SL_MONITOR_RECORD_H
#define SL_MONITOR_RECORD_H

#include <stdbool.h>

#include <starling/error.h>
#include <starling/log.h>

#include "base/clock.h"

struct sl_record;

struct sl_record_options {
    const char *file; /* appended to, made with 0644 when missing; NULL or "": no record is kept */
    const char *run;
    const char *node;
    uint64_t boot;
};

/* Opens the file and starts the writer's thread. Without a file *out is NULL, which the calls below accept. */
SL_MUST_USE enum sl_status sl_record_create(struct sl_record **out, const struct sl_record_options *options,
                                            struct sl_error *error);
/* Writes what waits, fsyncs, ends the thread. */
void sl_record_destroy(struct sl_record *record);

/* Returns when all that was told before is in the file, or lost. Waits for the disk, so not on the loop. False: that
 * took longer than `at_most`; nobody else is held up then before the writer gets on. Thread-safe; accepts NULL. */
bool sl_record_settle(struct sl_record *record, sl_time at_most);

/* Never blocks on the disk and never fails the caller: when the disk is full or the queue is over its bound, events are
 * dropped and counted; the next line that fits is a "lost" event with the count. Lines written are numbered without a
 * gap. Thread-safe. Ends with SL_END. */
#define sl_record_event(record, ...) sl_record_event_(record, __VA_ARGS__, SL_END)
#define sl_record_event_(record, event, ...) sl_record_write(record, event, (const struct sl_field[]){__VA_ARGS__})
void sl_record_write(struct sl_record *record, const char *event, const struct sl_field *fields);

#endif
