/* What concerns several settings at once. */
#ifndef SL_SETTINGS_CHECK_H
#define SL_SETTINGS_CHECK_H

#include "settings/problems.h"
#include "settings/settings.h"

/* Sets the defaults that follow from other settings. */
void sl_settings_derive(struct sl_settings *settings, struct sl_problems *problems);
/* Adds what does not fit together. Says nothing about values that were found wrong already. */
void sl_settings_check(const struct sl_settings *settings, struct sl_problems *problems);

#endif
