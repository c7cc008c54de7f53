/* A node's settings: one JSON file, checked whole against one table of keys, with flags and environment on top where
 * the table allows it. What decides security comes from the file alone. */
#ifndef STARLING_SETTINGS_H
#define STARLING_SETTINGS_H

#include <stddef.h>
#include <stdio.h>

#include <starling/error.h>
#include <starling/log.h>

struct sl_settings;

/* A value from the command line: `key` as in the file ("round.rounds"), `value` as text (lists: items between commas).
 * Of several for one key the last counts, but those for membership.join all add to what the file has. */
struct sl_override {
    const char *key;
    const char *value;
    const char *flag; /* as it was typed, for messages: "--set", "--join" */
};

/* Reads and checks the file, then the environment (STARLING_ROUND_ROUNDS for round.rounds), then `overrides` on top,
 * then what concerns several keys. On SL_SETTINGS the error has every problem, one a line, each
 * "SOURCE: KEY: what was expected, what was found", SOURCE being the file as `path` says it, a variable or a flag. A
 * file that cannot be read is SL_NOT_FOUND, SL_PERMISSION, SL_IO or SL_LIMIT (over 1 MiB). Relative paths, wherever
 * they were given, start at the file's folder. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_settings_load(struct sl_settings **out, const char *path,
                                                      const struct sl_override *overrides, size_t count,
                                                      struct sl_error *error);
SL_PUBLIC void sl_settings_destroy(struct sl_settings *settings);

/* One line a key: the value in force and where it comes from (flag, environment, file, default). These and the
 * following return SL_IO when `out` failed. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_settings_show(const struct sl_settings *settings, FILE *out);

/* What an embedder needs to open its log: valid as long as the settings. */
SL_PUBLIC const char *sl_settings_node_name(const struct sl_settings *settings);
SL_PUBLIC enum sl_log_level sl_settings_log_level(const struct sl_settings *settings);
SL_PUBLIC enum sl_log_format sl_settings_log_format(const struct sl_settings *settings);

/* Written from the table: the JSON schema, the reference page (Markdown), the man page's section (mdoc). */
SL_PUBLIC SL_MUST_USE enum sl_status sl_settings_write_schema(FILE *out);
SL_PUBLIC SL_MUST_USE enum sl_status sl_settings_write_reference(FILE *out);
SL_PUBLIC SL_MUST_USE enum sl_status sl_settings_write_manual(FILE *out);

#endif
