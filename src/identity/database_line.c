#include "identity/database_line.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "json/json.h"

enum { VERSION = 1 };
static const double exact_max = 9007199254740992.0; /* 2^53 */

static const char *const kinds[] = {"authority", "server", "client", NULL};
static const char *const events[] = {"begin", "issue", "revoke", "list", NULL};
static const char *const reasons[] = {"unspecified", "key-compromise", "affiliation-changed",
                                      "superseded",  "cessation",      NULL};

const char *sl_certificate_kind_text(enum sl_certificate_kind kind) {
    return kinds[kind];
}

const char *sl_revocation_reason_text(enum sl_revocation_reason reason) {
    return reasons[reason];
}

static int find_word(const char *const *words, const char *word) {
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return -1;
}

bool sl_revocation_reason_parse(enum sl_revocation_reason *out, const char *text) {
    int found = find_word(reasons, text);
    if (found >= 0)
        *out = (enum sl_revocation_reason)found;
    return found >= 0;
}

/* Members of a line; `good` stays false from the first that is missing or odd on. */
struct reader {
    const cJSON *object;
    bool good;
    const char *missing;
};

static void fail(struct reader *reader, const char *name) {
    if (reader->good)
        reader->missing = name;
    reader->good = false;
}

static const char *get_text(struct reader *reader, const char *name) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(reader->object, name);
    if (cJSON_IsString(item))
        return item->valuestring;
    fail(reader, name);
    return "";
}

static int64_t get_number(struct reader *reader, const char *name) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(reader->object, name);
    if (cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble < exact_max)
        return (int64_t)item->valuedouble;
    fail(reader, name);
    return 0;
}

static int get_word(struct reader *reader, const char *name, const char *const *words) {
    int found = find_word(words, get_text(reader, name));
    if (found < 0)
        fail(reader, name);
    return found < 0 ? 0 : found;
}

static void get_serial(struct reader *reader, char out[2 * SL_SERIAL_MAX + 1]) {
    const char *text = get_text(reader, "serial");
    size_t length = strlen(text);
    if (length == 0 || length > 2 * SL_SERIAL_MAX || length % 2 != 0 || strspn(text, "0123456789abcdef") != length)
        fail(reader, "serial");
    else
        memcpy(out, text, length + 1);
}

static void get_issue(struct reader *reader, struct sl_entry *entry) {
    entry->kind = (enum sl_certificate_kind)get_word(reader, "kind", kinds);
    get_serial(reader, entry->serial);
    const char *name = get_text(reader, "name");
    if (sl_name_is_valid(name))
        strncpy(entry->name, name, SL_NAME_MAX);
    else
        fail(reader, "name");
    entry->issued = get_number(reader, "time");
    entry->from = get_number(reader, "from");
    entry->until = get_number(reader, "until");
    const char *text = get_text(reader, "certificate");
    gnutls_datum_t encoded = {(unsigned char *)(uintptr_t)text, (unsigned)strlen(text)};
    if (reader->good && gnutls_base64_decode2(&encoded, &entry->der) < 0)
        fail(reader, "certificate");
}

static void get_event(struct reader *reader, struct sl_database_line *line) {
    line->event = (enum sl_database_event)get_word(reader, "event", events);
    if (!reader->good)
        return;
    switch (line->event) {
    case SL_EVENT_BEGIN:
        if (get_number(reader, "version") != VERSION)
            fail(reader, "version");
        break;
    case SL_EVENT_ISSUE:
        get_issue(reader, &line->entry);
        break;
    case SL_EVENT_REVOKE:
        get_serial(reader, line->entry.serial);
        line->entry.revoked = get_number(reader, "time");
        line->entry.reason = (enum sl_revocation_reason)get_word(reader, "reason", reasons);
        break;
    case SL_EVENT_LIST:
        line->number = (uint64_t)get_number(reader, "number");
        line->entry.until = get_number(reader, "until");
        line->days = (unsigned)get_number(reader, "days");
        if (line->days == 0 || line->days > SL_VALIDITY_DAYS_MAX)
            fail(reader, "days");
        break;
    }
}

enum sl_status sl_database_line_parse(struct sl_database_line *line, const char *text, size_t length,
                                      struct sl_error *error) {
    cJSON *object = NULL;
    *line = (struct sl_database_line){0};
    enum sl_status status = sl_json_parse(&object, text, length, error);
    if (status != SL_OK)
        return status;
    struct reader reader = {.object = object, .good = true};
    get_event(&reader, line);
    if (!reader.good) {
        status = sl_error_set(error, SL_FORMAT, "no good \"%s\"", reader.missing);
        gnutls_free(line->entry.der.data);
        *line = (struct sl_database_line){0};
    }
    cJSON_Delete(object);
    return status;
}

static enum sl_status out_of_memory(struct sl_error *error) {
    return sl_error_set(error, SL_NO_MEMORY, "no memory for the authority's database");
}

enum sl_status sl_database_line_begin(struct sl_buffer *out, struct sl_error *error) {
    if (sl_buffer_printf(out, "{\"event\":\"begin\",\"version\":%d,\"time\":%" PRId64 "}\n", VERSION,
                         (int64_t)time(NULL)) != SL_OK)
        return out_of_memory(error);
    return SL_OK;
}

enum sl_status sl_database_line_issue(struct sl_buffer *out, const struct sl_entry *entry, struct sl_error *error) {
    gnutls_datum_t encoded = {NULL, 0};
    int code = gnutls_base64_encode2(&entry->der, &encoded);
    if (code < 0)
        return sl_gnutls_error(error, SL_CRYPTO, code, "a certificate");
    /* Names are [a-z0-9-], serial numbers and base64 no less tame: nothing to escape. */
    enum sl_status status = sl_buffer_printf(out,
                                             "{\"event\":\"issue\",\"time\":%" PRId64
                                             ",\"kind\":\"%s\",\"name\":\"%s\",\"serial\":\"%s\",\"from\":%" PRId64
                                             ",\"until\":%" PRId64 ",\"certificate\":\"%.*s\"}\n",
                                             entry->issued, kinds[entry->kind], entry->name, entry->serial, entry->from,
                                             entry->until, (int)encoded.size, (const char *)encoded.data);
    gnutls_free(encoded.data);
    return status == SL_OK ? SL_OK : out_of_memory(error);
}

enum sl_status sl_database_line_revoke(struct sl_buffer *out, const struct sl_entry *entry, struct sl_error *error) {
    if (sl_buffer_printf(out, "{\"event\":\"revoke\",\"time\":%" PRId64 ",\"serial\":\"%s\",\"reason\":\"%s\"}\n",
                         entry->revoked, entry->serial, reasons[entry->reason]) != SL_OK)
        return out_of_memory(error);
    return SL_OK;
}

enum sl_status sl_database_line_list(struct sl_buffer *out, uint64_t number, unsigned days, int64_t until,
                                     struct sl_error *error) {
    if (sl_buffer_printf(
            out, "{\"event\":\"list\",\"time\":%" PRId64 ",\"number\":%" PRIu64 ",\"days\":%u,\"until\":%" PRId64 "}\n",
            (int64_t)time(NULL), number, days, until) != SL_OK)
        return out_of_memory(error);
    return SL_OK;
}
