/* How rows of the table are written. */
#ifndef SL_SETTINGS_ROWS_H
#define SL_SETTINGS_ROWS_H

#include "settings/table.h"

#define AT_IN(type, member) .offset = offsetof(type, member), .size = sizeof(((const type *)NULL)->member)
#define AT(member) AT_IN(struct sl_settings, member)
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

#define INTEGER(member, low, high) .type = SL_SETTING_INTEGER, AT(member), .min = (low), .max = (high)
#define NUMBER(member, low, high) .type = SL_SETTING_NUMBER, AT(member), .min = (low), .max = (high)
#define SECONDS(member, low, high) NUMBER(member, low, high), .unit = "s"
#define CHOICE(member, ...) .type = SL_SETTING_CHOICE, AT(member), .choices = WORDS(__VA_ARGS__)
#define BOOLEAN(member) .type = SL_SETTING_BOOLEAN, AT(member)
#define NAME(member) .type = SL_SETTING_NAME, AT(member), .min = 1, .max = 63
#define TEXT(member, low, high) .type = SL_SETTING_TEXT, AT(member), .min = (low), .max = (high)
#define PATH(member, low) .type = SL_SETTING_PATH, AT(member), .min = (low), .max = 4095
#define PATHS(member, high) .type = SL_SETTING_PATHS, AT(member), .min = 0, .max = (high)
#define ADDRESSES(member, low, high) .type = SL_SETTING_ADDRESSES, AT(member), .min = (low), .max = (high)
#define KEY(member) .type = SL_SETTING_KEY, AT(member), .min = 1, .max = 4095
#define NAMES(member, high) .type = SL_SETTING_NAMES, AT(member), .min = 0, .max = (high)
#define OBJECTS(member, low, high, item)                                                                               \
    .type = SL_SETTING_OBJECTS, AT(member), .min = (low), .max = (high), .object = &(item)
#define EXACT_MAX 9007199254740991.0 /* 2^53 - 1 */

/* What an item of transport.listen and of transport.peers has. */
extern const struct sl_setting_object sl_setting_listener, sl_setting_peer;

#endif
