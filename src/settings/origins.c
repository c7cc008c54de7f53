#include "settings/origins.h"

#include <stdlib.h>
#include <string.h>

#include "settings/objects.h"

struct sl_settings_origins *sl_settings_origins_create(void) {
    struct sl_settings_origins *origins = calloc(1, sizeof *origins);
    if (origins == NULL)
        return NULL;
    origins->rows = calloc(sl_setting_count, sizeof *origins->rows);
    if (origins->rows == NULL) {
        free(origins);
        return NULL;
    }
    return origins;
}

void sl_settings_origins_destroy(struct sl_settings_origins *origins) {
    if (origins == NULL)
        return;
    for (size_t i = 0; i < sl_setting_count; i++)
        free(origins->rows[i].name);
    free(origins->rows);
    free(origins);
}

struct sl_setting_origin *sl_settings_origin(const struct sl_settings *settings, const struct sl_setting *row) {
    return &settings->origins->rows[row - sl_setting_table];
}

bool sl_settings_origin_set(const struct sl_settings *settings, const struct sl_setting *row,
                            const struct sl_source *source) {
    struct sl_setting_origin *origin = sl_settings_origin(settings, row);
    char *name = NULL;
    if (source->origin == SL_ORIGIN_ENVIRONMENT || source->origin == SL_ORIGIN_FLAG) {
        name = strdup(source->name);
        if (name == NULL)
            return false;
    }
    free(origin->name);
    origin->name = name;
    origin->origin = source->origin;
    return true;
}

static enum sl_status format_default(struct sl_buffer *out, const struct sl_setting *row) {
    if (row->derived != NULL)
        return sl_buffer_printf(out, "default (%s)", row->derived);
    return sl_buffer_printf(out, "default");
}

enum sl_status sl_settings_origin_format(struct sl_buffer *out, const struct sl_settings *settings,
                                         const struct sl_setting *row) {
    const struct sl_setting_origin *origin = sl_settings_origin(settings, row);
    switch (origin->origin) {
    case SL_ORIGIN_DEFAULT:
        return format_default(out, row);
    case SL_ORIGIN_FILE:
        return sl_buffer_printf(out, "file");
    case SL_ORIGIN_ENVIRONMENT:
        return sl_buffer_printf(out, "environment %s", origin->name);
    case SL_ORIGIN_FLAG:
        return sl_buffer_printf(out, "flag %s", origin->name);
    }
    return SL_INTERNAL;
}

enum sl_status sl_settings_member_origin_format(struct sl_buffer *out, const struct sl_settings *settings,
                                                const struct sl_setting *row, size_t item, size_t member) {
    if (sl_setting_item_has(row, sl_setting_item(settings, row, item), member))
        return sl_settings_origin_format(out, settings, row);
    return format_default(out, &row->object->members[member]);
}
