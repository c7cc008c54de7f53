/* What a setting takes, in words, and what was found instead. */
#ifndef SL_SETTINGS_EXPECTED_H
#define SL_SETTINGS_EXPECTED_H

#include "settings/table.h"
#include "json/json.h"

enum { SL_EXPECTED_SIZE = 320, SL_FOUND_SIZE = 400 };

/* "an integer from 1 to 10000", "a list of "host:port"" ...; of a list's item where `item` is true. */
void sl_setting_expected(char out[SL_EXPECTED_SIZE], const struct sl_setting *row, bool item);

/* "true", "12", ""text"" (cut when long, without control characters), "a list", "an object", "null", "nothing" (NULL).
 */
void sl_setting_found(char out[SL_FOUND_SIZE], const cJSON *value);

#endif
