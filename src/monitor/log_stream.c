/* One log line a call, built whole and handed to stdio in one piece, so that lines of several threads do not mix. */
#include <stdbool.h>
#include <time.h>

#include <starling/log.h>

#include "base/clock.h"
#include "monitor/fields.h"

enum { TIME_SIZE = sizeof "2000-01-01T00:00:00.000Z" + 8 };

static const char *level_text(enum sl_log_level level) {
    switch (level) {
    case SL_LOG_DEBUG:
        return "debug";
    case SL_LOG_INFO:
        return "info";
    case SL_LOG_WARNING:
        return "warning";
    case SL_LOG_ERROR:
        return "error";
    }
    return "unknown";
}

/* The SGR colour of a level. */
static const char *level_colour(enum sl_log_level level) {
    switch (level) {
    case SL_LOG_DEBUG:
        return "2";
    case SL_LOG_INFO:
        return "32";
    case SL_LOG_WARNING:
        return "33";
    case SL_LOG_ERROR:
        return "31";
    }
    return "0";
}

/* UTC with milliseconds, RFC 3339. */
static void format_time(char out[TIME_SIZE]) {
    sl_time now = sl_clock_wall();
    time_t seconds = (time_t)(now / SL_SECOND);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL) {
        out[0] = '\0';
        return;
    }
    size_t length = strftime(out, TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(out + length, TIME_SIZE - length, ".%03dZ", (int)(now % SL_SECOND / SL_MILLISECOND));
}

/* Whether a value needs no quotes in logfmt. */
static bool is_bare(const char *text) {
    const unsigned char *at = (const unsigned char *)text;
    while (*at > ' ' && *at < 0x7f && *at != '"' && *at != '=' && *at != '\\') {
        at++;
    }
    return *text != '\0' && *at == '\0';
}

static enum sl_status append_logfmt(struct sl_buffer *line, const struct sl_field *field) {
    enum sl_status status = sl_buffer_printf(line, "%s%s=", line->length > 0 ? " " : "", field->key);
    if (status != SL_OK) {
        return status;
    }
    if (field->type == SL_FIELD_TEXT && field->value.text != NULL && is_bare(field->value.text)) {
        return sl_buffer_printf(line, "%s", field->value.text);
    }
    return sl_fields_append_value(line, field);
}

static enum sl_status append_level(struct sl_buffer *line, enum sl_log_level level, bool colour) {
    if (!colour) {
        return sl_buffer_printf(line, " level=%s", level_text(level));
    }
    return sl_buffer_printf(line, " \x1b[%smlevel=%s\x1b[0m", level_colour(level), level_text(level));
}

static enum sl_status append_all_logfmt(struct sl_buffer *line, const struct sl_field *fields) {
    enum sl_status status = SL_OK;
    for (const struct sl_field *field = fields; status == SL_OK && field->type != SL_FIELD_END; field++) {
        status = append_logfmt(line, field);
    }
    return status;
}

/* head[0] is the time, which JSON needs no comma in front of; the level, which alone has a colour, comes after it. */
static enum sl_status build_line(struct sl_buffer *line, const struct sl_log_stream *stream, enum sl_log_level level,
                                 const struct sl_field *head, const struct sl_field *fields) {
    enum sl_status status;
    if (stream->format == SL_LOG_JSON) {
        status = sl_buffer_printf(line, "{\"time\":\"%s\",\"level\":\"%s\"", head[0].value.text, level_text(level));
        status = status == SL_OK ? sl_fields_append_members(line, head + 1) : status;
        status = status == SL_OK ? sl_fields_append_members(line, fields) : status;
        return status == SL_OK ? sl_buffer_append(line, "}\n", 2) : status;
    }
    status = append_logfmt(line, &head[0]);
    status = status == SL_OK ? append_level(line, level, stream->colour) : status;
    status = status == SL_OK ? append_all_logfmt(line, head + 1) : status;
    status = status == SL_OK ? append_all_logfmt(line, fields) : status;
    return status == SL_OK ? sl_buffer_append(line, "\n", 1) : status;
}

void sl_log_stream_sink(void *context, enum sl_log_level level, const char *subsystem, const char *message,
                        const struct sl_field *fields) {
    const struct sl_log_stream *stream = context;
    char time[TIME_SIZE];
    format_time(time);
    struct sl_field head[5] = {SL_TEXT("time", time)};
    size_t count = 1;
    if (stream->node != NULL) {
        head[count++] = SL_TEXT("node", stream->node);
    }
    head[count++] = SL_TEXT("subsystem", subsystem);
    head[count++] = SL_TEXT("msg", message);
    head[count] = SL_END;

    struct sl_buffer line = {0};
    /* A line that cannot be built or written is lost: there is nobody left to tell. */
    if (build_line(&line, stream, level, head, fields) == SL_OK) {
        (void)fwrite(line.data, 1, line.length, stream->stream);
        (void)fflush(stream->stream);
    }
    sl_buffer_finish(&line);
}
