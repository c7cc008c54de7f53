/* Where each value in force comes from. */
#ifndef SL_SETTINGS_ORIGINS_H
#define SL_SETTINGS_ORIGINS_H

#include "settings/value.h"

struct sl_settings_origins {
    struct sl_setting_origin {
        enum sl_origin origin;
        char *name;  /* of the variable or flag; NULL for file and default */
        bool broken; /* something wrong was said of it: checks that involve it would only repeat that */
    } * rows;        /* one a row of the table */
};

/* NULL when out of memory. */
SL_MUST_USE struct sl_settings_origins *sl_settings_origins_create(void);
void sl_settings_origins_destroy(struct sl_settings_origins *origins); /* accepts NULL */

struct sl_setting_origin *sl_settings_origin(const struct sl_settings *settings, const struct sl_setting *row);
/* Remembers a source; false when out of memory. */
SL_MUST_USE bool sl_settings_origin_set(const struct sl_settings *settings, const struct sl_setting *row,
                                        const struct sl_source *source);
/* "default", "file", "environment NAME", "flag NAME"; "default (how)" where another setting gives it. */
SL_MUST_USE enum sl_status sl_settings_origin_format(struct sl_buffer *out, const struct sl_settings *settings,
                                                     const struct sl_setting *row);
/* The same of a member of item `item` in the row's list: what the item leaves out is a default. */
SL_MUST_USE enum sl_status sl_settings_member_origin_format(struct sl_buffer *out, const struct sl_settings *settings,
                                                            const struct sl_setting *row, size_t item, size_t member);

#endif
