/* The values in force, a line a key, and the few of them that an embedder asks for. */
#include <stdio.h>

#include "settings/objects.h"
#include "settings/origins.h"

enum { KEY_WIDTH = 32, VALUE_WIDTH = 32 };

/* "path value" with the value of the row in the record, in columns. */
static enum sl_status format_value(struct sl_buffer *line, const char *path, const void *record,
                                   const struct sl_setting *row) {
    enum sl_status status = sl_buffer_printf(line, "%-*s ", KEY_WIDTH, path);
    size_t start = line->length;
    if (status == SL_OK)
        status = sl_setting_format(line, record, row);
    size_t width = line->length - start;
    if (status == SL_OK)
        status = sl_buffer_printf(line, "%*s ", width < VALUE_WIDTH ? (int)(VALUE_WIDTH - width) : 0, "");
    return status;
}

static enum sl_status format_line(struct sl_buffer *lines, const struct sl_settings *settings,
                                  const struct sl_setting *row) {
    enum sl_status status = format_value(lines, row->path, settings, row);
    if (status == SL_OK)
        status = sl_settings_origin_format(lines, settings, row);
    return status == SL_OK ? sl_buffer_append(lines, "\n", 1) : status;
}

static enum sl_status format_member(struct sl_buffer *lines, const struct sl_settings *settings,
                                    const struct sl_setting *row, size_t index, size_t member) {
    const struct sl_setting *member_row = &row->object->members[member];
    char path[96];
    snprintf(path, sizeof path, "%s[%zu].%s", row->path, index, member_row->path);
    enum sl_status status = format_value(lines, path, sl_setting_item(settings, row, index), member_row);
    if (status == SL_OK)
        status = sl_settings_member_origin_format(lines, settings, row, index, member);
    return status == SL_OK ? sl_buffer_append(lines, "\n", 1) : status;
}

/* What is in force in each item of a list of objects, a line a member. */
static enum sl_status format_items(struct sl_buffer *lines, const struct sl_settings *settings,
                                   const struct sl_setting *row) {
    enum sl_status status = SL_OK;
    for (size_t i = 0; i < sl_setting_item_count(settings, row); i++) {
        for (size_t m = 0; status == SL_OK && m < row->object->member_count; m++)
            status = format_member(lines, settings, row, i, m);
    }
    return status;
}

enum sl_status sl_settings_show(const struct sl_settings *settings, FILE *out) {
    struct sl_buffer lines = {0};
    enum sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && i < sl_setting_count; i++) {
        const struct sl_setting *row = &sl_setting_table[i];
        sl_buffer_clear(&lines);
        status = format_line(&lines, settings, row);
        if (status == SL_OK && row->type == SL_SETTING_OBJECTS)
            status = format_items(&lines, settings, row);
        if (status == SL_OK && fwrite(lines.data, 1, lines.length, out) != lines.length)
            status = SL_IO;
    }
    sl_buffer_finish(&lines);
    return status;
}

const char *sl_settings_node_name(const struct sl_settings *settings) {
    return settings->node.name;
}

enum sl_log_level sl_settings_log_level(const struct sl_settings *settings) {
    switch (settings->log.level) {
    case SL_SETTING_LOG_DEBUG:
        return SL_LOG_DEBUG;
    case SL_SETTING_LOG_INFO:
        return SL_LOG_INFO;
    case SL_SETTING_LOG_WARNING:
        return SL_LOG_WARNING;
    case SL_SETTING_LOG_ERROR:
        return SL_LOG_ERROR;
    }
    return SL_LOG_INFO;
}

enum sl_log_format sl_settings_log_format(const struct sl_settings *settings) {
    return settings->log.json ? SL_LOG_JSON : SL_LOG_LOGFMT;
}
