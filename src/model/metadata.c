#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/safetensors.h"

static struct sl_metadata_entry *find_entry(struct sl_metadata *metadata, const char *key) {
    for (size_t i = 0; i < metadata->count; i++)
        if (strcmp(metadata->entries[i].key, key) == 0)
            return &metadata->entries[i];
    return NULL;
}

enum sl_status sl_metadata_set(struct sl_metadata *metadata, const char *key, const char *format, ...) {
    struct sl_metadata_entry made;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(made.value, sizeof made.value, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof made.value || strlen(key) >= sizeof made.key)
        return SL_LIMIT;
    snprintf(made.key, sizeof made.key, "%s", key);

    struct sl_metadata_entry *entry = find_entry(metadata, key);
    if (entry == NULL) {
        if (metadata->count == SL_METADATA_MAX)
            return SL_LIMIT;
        entry = &metadata->entries[metadata->count++];
    }
    *entry = made;
    return SL_OK;
}

const char *sl_metadata_get(const struct sl_metadata *metadata, const char *key) {
    for (size_t i = 0; i < metadata->count; i++)
        if (strcmp(metadata->entries[i].key, key) == 0)
            return metadata->entries[i].value;
    return NULL;
}
