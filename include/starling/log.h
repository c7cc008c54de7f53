/* Log lines: a level, the subsystem, one short message and typed fields. The library only calls a sink; sinks that
 * write logfmt and JSON are here too. Fields are what the record of the run (monitor/record.h) is made of as well. */
#ifndef STARLING_LOG_H
#define STARLING_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <starling/status.h>

enum sl_log_level { SL_LOG_DEBUG, SL_LOG_INFO, SL_LOG_WARNING, SL_LOG_ERROR };
enum sl_log_format { SL_LOG_LOGFMT, SL_LOG_JSON };

enum sl_field_type {
    SL_FIELD_END,
    SL_FIELD_TEXT,
    SL_FIELD_INTEGER,
    SL_FIELD_UNSIGNED,
    SL_FIELD_NUMBER,
    SL_FIELD_BOOLEAN
};

struct sl_field {
    const char *key; /* [a-z0-9_]+ */
    enum sl_field_type type;
    union {
        const char *text; /* borrowed for the call; NULL is written as null */
        int64_t integer;
        uint64_t unsigned_integer;
        double number; /* non-finite is written as null */
        bool boolean;
    } value;
};

#define SL_TEXT(k, v) ((struct sl_field){.key = (k), .type = SL_FIELD_TEXT, .value.text = (v)})
#define SL_INTEGER(k, v) ((struct sl_field){.key = (k), .type = SL_FIELD_INTEGER, .value.integer = (v)})
#define SL_UNSIGNED(k, v) ((struct sl_field){.key = (k), .type = SL_FIELD_UNSIGNED, .value.unsigned_integer = (v)})
#define SL_NUMBER(k, v) ((struct sl_field){.key = (k), .type = SL_FIELD_NUMBER, .value.number = (v)})
#define SL_BOOLEAN(k, v) ((struct sl_field){.key = (k), .type = SL_FIELD_BOOLEAN, .value.boolean = (v)})
#define SL_END ((struct sl_field){.key = NULL, .type = SL_FIELD_END, .value.text = NULL})

/* `fields` ends with SL_END. Called from any thread, so a sink locks for itself (stdio's FILE does). */
typedef void sl_log_sink(void *context, enum sl_log_level level, const char *subsystem, const char *message,
                         const struct sl_field *fields);

struct sl_log {
    sl_log_sink *sink; /* NULL: silent */
    void *context;
    enum sl_log_level level; /* lines below it are not made */
};

/* sl_log_line(&log, SL_LOG_INFO, "transport", "peer up", SL_TEXT("peer", name), SL_UNSIGNED("round", 3)) */
#define sl_log_line(log, level, subsystem, ...) sl_log_line_(log, level, subsystem, __VA_ARGS__, SL_END)
#define sl_log_line_(log, level, subsystem, message, ...)                                                              \
    sl_log_write(log, level, subsystem, message, (const struct sl_field[]){__VA_ARGS__})

SL_PUBLIC void sl_log_write(const struct sl_log *log, enum sl_log_level level, const char *subsystem,
                            const char *message, const struct sl_field *fields);

/* A sink that writes one line a call to a stream. `node` may be NULL. Colour on the level only where `colour` is set.
 */
struct sl_log_stream {
    FILE *stream;
    enum sl_log_format format;
    const char *node;
    bool colour;
};
SL_PUBLIC sl_log_sink sl_log_stream_sink; /* context: struct sl_log_stream */

#endif
