/* What is read of a database: its entries, a table of them by serial number. */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "identity/database_line.h"

/* FNV-1a: serial numbers are random or at least not chosen by those whom a slow table would please. */
static size_t hash_serial(const char *serial) {
    uint64_t hash = 0xcbf29ce484222325;
    for (; *serial != '\0'; serial++)
        hash = (hash ^ (uint8_t)*serial) * 0x100000001b3;
    return (size_t)(hash ^ hash >> 32);
}

/* Where the serial number is, or would be. */
static size_t *find_slot(const struct sl_database *database, const char *serial) {
    size_t at = hash_serial(serial) & (database->index_size - 1);
    while (database->index[at] != 0 && strcmp(database->entries[database->index[at] - 1].serial, serial) != 0)
        at = (at + 1) & (database->index_size - 1);
    return &database->index[at];
}

/* Keeps the table at most half full. */
static bool grow_index(struct sl_database *database) {
    size_t size = database->index_size > 0 ? database->index_size : 32;
    while (size < 2 * (database->count + 1))
        size *= 2;
    if (size == database->index_size)
        return true;
    size_t *index = calloc(size, sizeof *index);
    if (index == NULL)
        return false;
    free(database->index);
    database->index = index;
    database->index_size = size;
    for (size_t i = 0; i < database->count; i++)
        *find_slot(database, database->entries[i].serial) = i + 1;
    return true;
}

struct sl_entry *sl_database_find(const struct sl_database *database, const char *serial) {
    size_t place = database->index_size > 0 ? *find_slot(database, serial) : 0;
    return place > 0 ? &database->entries[place - 1] : NULL;
}

bool sl_entry_is_live(const struct sl_entry *entry, int64_t now) {
    return entry->revoked == 0 && entry->until > now;
}

bool sl_entry_is_worse(const struct sl_entry *entry, enum sl_revocation_reason reason) {
    return entry->reason != SL_REVOKED_KEY_COMPROMISE && reason == SL_REVOKED_KEY_COMPROMISE;
}

struct sl_entry *sl_database_live(const struct sl_database *database, const char *name, enum sl_certificate_kind kind,
                                  int64_t now) {
    for (size_t i = database->count; i-- > 0;) {
        struct sl_entry *entry = &database->entries[i];
        if (entry->kind == kind && strcmp(entry->name, name) == 0 && sl_entry_is_live(entry, now))
            return entry;
    }
    return NULL;
}

enum sl_status sl_database_add(struct sl_database *database, struct sl_entry *entry, struct sl_error *error) {
    enum sl_status status = SL_OK;
    if (sl_database_find(database, entry->serial) != NULL)
        status = sl_error_set(error, SL_FORMAT, "the serial number %s is there twice", entry->serial);
    else if (sl_array_reserve(&database->entries, &database->capacity, database->count + 1,
                              sizeof *database->entries) != SL_OK ||
             !grow_index(database))
        status = sl_error_set(error, SL_NO_MEMORY, "no memory");
    if (status == SL_OK) {
        database->entries[database->count++] = *entry;
        *find_slot(database, entry->serial) = database->count;
    } else {
        gnutls_free(entry->der.data);
    }
    *entry = (struct sl_entry){0};
    return status;
}

void sl_hex_text(char *out, const uint8_t *bytes, size_t length) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * length] = '\0';
}

void sl_serial_text(char out[2 * SL_SERIAL_MAX + 1], gnutls_x509_crt_t certificate) {
    uint8_t serial[SL_SERIAL_MAX];
    size_t length = sizeof serial;
    if (gnutls_x509_crt_get_serial(certificate, serial, &length) < 0)
        length = 0;
    sl_hex_text(out, serial, length);
}
