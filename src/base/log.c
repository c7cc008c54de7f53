#include <starling/log.h>

void sl_log_write(const struct sl_log *log, enum sl_log_level level, const char *subsystem, const char *message,
                  const struct sl_field *fields) {
    if (log == NULL || log->sink == NULL || level < log->level)
        return;
    log->sink(log->context, level, subsystem, message, fields);
}
