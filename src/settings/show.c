/* The values in force, a line a key, and the few of them that an embedder asks for. */
#include "settings/origins.h"

static enum sl_status format_line(struct sl_buffer *line, const struct sl_settings *settings,
                                  const struct sl_setting *row) {
    enum { KEY_WIDTH = 32, VALUE_WIDTH = 32 };
    enum sl_status status = sl_buffer_printf(line, "%-*s ", KEY_WIDTH, row->path);
    size_t start = line->length;
    if (status == SL_OK)
        status = sl_setting_format(line, settings, row);
    size_t width = line->length - start;
    if (status == SL_OK)
        status = sl_buffer_printf(line, "%*s ", width < VALUE_WIDTH ? (int)(VALUE_WIDTH - width) : 0, "");
    if (status == SL_OK)
        status = sl_settings_origin_format(line, settings, row);
    return status == SL_OK ? sl_buffer_append(line, "\n", 1) : status;
}

enum sl_status sl_settings_show(const struct sl_settings *settings, FILE *out) {
    struct sl_buffer line = {0};
    enum sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && i < sl_setting_count; i++) {
        sl_buffer_clear(&line);
        status = format_line(&line, settings, &sl_setting_table[i]);
        if (status == SL_OK && fwrite(line.data, 1, line.length, out) != line.length)
            status = SL_IO;
    }
    sl_buffer_finish(&line);
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
