/* A line of an authority's database: what is read is written in a form that reads the same. */
#include <string.h>

#include "identity/database_line.h"
#include "target.h"

static const char *const inputs[] = {
    "{\"event\":\"begin\",\"version\":1,\"time\":1795274456}",
    "{\"event\":\"list\",\"time\":1795274456,\"number\":1,\"days\":90,\"until\":1803050456}",
    ("{\"event\":\"issue\",\"time\":1795274456,\"kind\":\"server\",\"name\":\"alice\",\"serial\":"
     "\"44460fa1a2d717e1034b3c46f7ceb563\",\"from\":1795270856,\"until\":1826810456,\"certificate\":\"MIIBAgME\"}"),
    "{\"event\":\"revoke\",\"time\":1795274456,\"serial\":\"44460f\",\"reason\":\"key-compromise\"}",
};

size_t fuzz_corpus(size_t index, uint8_t out[FUZZ_INPUT_MAX]) {
    return fuzz_text(inputs, sizeof inputs / sizeof inputs[0], index, out);
}

static enum sl_status write_again(struct sl_buffer *out, const struct sl_database_line *line) {
    switch (line->event) {
    case SL_EVENT_BEGIN:
        return sl_database_line_begin(out, NULL);
    case SL_EVENT_ISSUE:
        return sl_database_line_issue(out, &line->entry, NULL);
    case SL_EVENT_REVOKE:
        return sl_database_line_revoke(out, &line->entry, NULL);
    case SL_EVENT_LIST:
        return sl_database_line_list(out, line->number, line->days, line->entry.until, NULL);
    }
    return SL_INTERNAL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    struct sl_database_line line, again;
    struct sl_buffer text = {0};
    if (sl_database_line_parse(&line, (const char *)data, length, NULL) != SL_OK) {
        FUZZ_CHECK(line.entry.der.data == NULL);
        return 0;
    }
    FUZZ_CHECK(write_again(&text, &line) == SL_OK);
    FUZZ_CHECK(text.data[text.length - 1] == '\n' && memchr(text.data, '\n', text.length - 1) == NULL);
    FUZZ_CHECK(sl_database_line_parse(&again, (const char *)text.data, text.length - 1, NULL) == SL_OK);
    FUZZ_CHECK(again.event == line.event && again.number == line.number && again.days == line.days);
    FUZZ_CHECK(strcmp(again.entry.serial, line.entry.serial) == 0 && strcmp(again.entry.name, line.entry.name) == 0);
    FUZZ_CHECK(again.entry.kind == line.entry.kind && again.entry.until == line.entry.until);
    FUZZ_CHECK(again.entry.from == line.entry.from && again.entry.revoked == line.entry.revoked);
    FUZZ_CHECK(
        again.entry.der.size == line.entry.der.size &&
        (line.entry.der.size == 0 || memcmp(again.entry.der.data, line.entry.der.data, line.entry.der.size) == 0));
    gnutls_free(line.entry.der.data);
    gnutls_free(again.entry.der.data);
    sl_buffer_finish(&text);
    return 0;
}
