/* What concerns several settings at once. */
#ifndef SL_SETTINGS_CHECK_H
#define SL_SETTINGS_CHECK_H

#include "settings/problems.h"
#include "settings/settings.h"

/* What a group of checks works on. */
struct sl_check {
    const struct sl_settings *settings;
    struct sl_problems *problems;
};

/* Whether nothing wrong was said of this setting. */
bool sl_check_is_sound(const struct sl_check *check, const char *path);
/* Whether somebody gave it, be it wrong. */
bool sl_setting_is_given(const struct sl_settings *settings, const char *path);
/* Adds a problem with this setting, or with a part of it ("transport.listen[1].proxy"), which stands where the setting
 * was given. */
void sl_check_blame(const struct sl_check *check, const char *path, const char *format, ...) SL_PRINTF(3, 4);
/* The checks of connections and of whom they are secured by. */
void sl_check_transport(const struct sl_check *check);

/* Sets the defaults that follow from other settings. */
void sl_settings_derive(struct sl_settings *settings, struct sl_problems *problems);
/* Adds what does not fit together. Says nothing about values that were found wrong already. */
void sl_settings_check(const struct sl_settings *settings, struct sl_problems *problems);

#endif
