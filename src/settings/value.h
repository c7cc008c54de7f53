/* One value of one row: from JSON or from text into the struct, and back. */
#ifndef SL_SETTINGS_VALUE_H
#define SL_SETTINGS_VALUE_H

#include "settings/problems.h"
#include "settings/table.h"
#include "json/json.h"

enum sl_origin { SL_ORIGIN_DEFAULT, SL_ORIGIN_FILE, SL_ORIGIN_ENVIRONMENT, SL_ORIGIN_FLAG };

/* Where a value comes from. */
struct sl_source {
    enum sl_origin origin;
    const char *name;   /* the file, the variable, the flag; stands before each problem */
    const char *folder; /* relative paths are joined with it */
};

/* What flags, variables and defaults say, as the file would have it: a list's items stand between commas, "" is the
 * empty list. Text that is no number where one is wanted becomes a string, which sl_setting_assign refuses. NULL when
 * out of memory; the caller deletes it. */
SL_MUST_USE cJSON *sl_setting_read_text(const struct sl_setting *row, const char *text);

/* In all that follows a record is what has the row's field: struct sl_settings, or an item of a list of objects. */

/* Where a value goes, and whom its faults are told. */
struct sl_assignment {
    void *record;
    const struct sl_setting *row;
    const char *path; /* how problems call it: "round.rounds", "transport.listen[1].proxy" */
    const struct sl_source *source;
    struct sl_problems *problems;
};

/* Checks the value and puts it into the field of the row; true when it is there. Else each fault is added to the
 * problems and the field is as it was. `add` appends to a list instead of replacing it. */
SL_MUST_USE bool sl_setting_assign(const struct sl_assignment *assignment, const cJSON *value, bool add);

/* Frees what the field owns. */
void sl_setting_clear(void *record, const struct sl_setting *row);

/* Appends the value in force, as JSON. */
SL_MUST_USE enum sl_status sl_setting_format(struct sl_buffer *out, const void *record, const struct sl_setting *row);

/* Fields by type. */
static inline void *sl_setting_field(void *record, const struct sl_setting *row) {
    return (char *)record + row->offset;
}
static inline const void *sl_setting_field_const(const void *record, const struct sl_setting *row) {
    return (const char *)record + row->offset;
}
/* A field of a CHOICE is a bool or an enum. */
void sl_setting_put_choice(void *record, const struct sl_setting *row, unsigned index);
unsigned sl_setting_get_choice(const void *record, const struct sl_setting *row);

/* Adds "expected ..., found ..." for the value, or for item `index` of a list unless that is SL_WHOLE. Returns false,
 * for callers to pass on. */
enum { SL_WHOLE = -1 };
bool sl_setting_refuse(const struct sl_assignment *assignment, const cJSON *value, int index);
bool sl_setting_is_within(const struct sl_setting *row, double number);

#endif
