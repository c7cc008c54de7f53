#include "wire/codec.h"

#include <stdlib.h>

#include "membership.pb-c.h"

static enum sl_status read_roster(void *out, const void *message, struct sl_error *error) {
    struct sl_roster *roster = out;
    const Starling__V1__Roster *from = message;
    enum sl_status status = sl_wire_check_count(from->n_statements, 0, SL_ROSTER_ENTRIES_MAX, "statements", error);
    if (status != SL_OK || from->n_statements == 0)
        return status;
    roster->statements = calloc(from->n_statements, sizeof(struct sl_statement *));
    if (roster->statements == NULL)
        return sl_wire_no_memory("statements", error);
    for (size_t i = 0; i < from->n_statements && status == SL_OK; i++) {
        status = sl_wire_read_statement(&roster->statements[i], from->statements[i], error);
        roster->count += status == SL_OK;
    }
    return status;
}

static enum sl_status pack_roster(struct sl_buffer *out, const void *in) {
    const struct sl_roster *roster = in;
    if (roster->count > SL_ROSTER_ENTRIES_MAX)
        return SL_LIMIT;
    Starling__V1__Statement statements[SL_ROSTER_ENTRIES_MAX];
    Starling__V1__Statement *pointers[SL_ROSTER_ENTRIES_MAX];
    struct sl_wire_statement_parts parts[SL_ROSTER_ENTRIES_MAX];
    for (size_t i = 0; i < roster->count; i++) {
        sl_wire_fill_statement(&statements[i], &parts[i], roster->statements[i]);
        pointers[i] = &statements[i];
    }
    Starling__V1__Roster message = STARLING__V1__ROSTER__INIT;
    message.statements = pointers;
    message.n_statements = roster->count;
    return sl_wire_pack(out, &message.base);
}

void sl_roster_finish(struct sl_roster *roster) {
    for (size_t i = 0; i < roster->count; i++)
        sl_statement_unref(roster->statements[i]);
    free(roster->statements);
    *roster = (struct sl_roster){0};
}

static void finish(void *in) {
    sl_roster_finish(in);
}

static const struct sl_wire_codec roster_codec = {.name = "roster",
                                                  .size = sizeof(struct sl_roster),
                                                  .descriptor = &starling__v1__roster__descriptor,
                                                  .read = read_roster,
                                                  .encode = pack_roster,
                                                  .finish = finish};

enum sl_status sl_roster_encode(struct sl_buffer *out, const struct sl_roster *in) {
    return pack_roster(out, in);
}

enum sl_status sl_roster_decode(struct sl_roster *out, const uint8_t *data, size_t length, struct sl_error *error) {
    return sl_wire_decode(&roster_codec, out, data, length, error);
}
