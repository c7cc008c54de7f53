/* The body of a statement about a member: who may say what. */
#include "wire/codec.h"

#include <string.h>

#include "membership.pb-c.h"

static enum sl_status read_names(struct sl_member_statement *out, const Starling__V1__MemberStatement *from,
                                 struct sl_error *error) {
    enum sl_status status = sl_wire_read_name(out->flock, from->flock, "flock", error);
    if (status == SL_OK)
        status = sl_wire_read_name(out->run, from->run, "run", error);
    if (status == SL_OK)
        status = sl_wire_read_name(out->origin, from->origin, "origin", error);
    if (status == SL_OK)
        status = sl_wire_read_name(out->node, from->node, "node", error);
    return status;
}

static enum sl_status check_own(const Starling__V1__MemberStatement *from, struct sl_error *error) {
    if (from->state != STARLING__V1__MEMBER_STATE__MEMBER_STATE_ALIVE &&
        from->state != STARLING__V1__MEMBER_STATE__MEMBER_STATE_LEFT)
        return sl_error_set(error, SL_FORMAT, "state: of itself a member says alive or left");
    return sl_wire_check_range(from->samples, 1, UINT64_MAX, "samples", error);
}

static enum sl_status check_accusation(const Starling__V1__MemberStatement *from, struct sl_error *error) {
    if (from->state != STARLING__V1__MEMBER_STATE__MEMBER_STATE_SUSPECT &&
        from->state != STARLING__V1__MEMBER_STATE__MEMBER_STATE_DROPPED)
        return sl_error_set(error, SL_FORMAT, "state: of another a member says suspect or dropped");
    if (from->samples != 0 || from->from_round != 0 || from->n_addresses != 0 || from->lineage != 0)
        return sl_error_set(error, SL_FORMAT, "samples, from_round, addresses and lineage are the member's own to say");
    return SL_OK;
}

static enum sl_status read_statement(void *out, const void *message, struct sl_error *error) {
    struct sl_member_statement *statement = out;
    const Starling__V1__MemberStatement *from = message;
    statement->epoch = from->epoch;
    statement->incarnation = from->incarnation;
    statement->samples = from->samples;
    statement->from_round = from->from_round;
    statement->until_round = from->until_round;
    statement->state = (enum sl_member_state)from->state;
    statement->lineage = from->lineage;
    enum sl_status status = read_names(statement, from, error);
    if (status == SL_OK)
        status = sl_wire_check_range(from->incarnation, 1, UINT64_MAX, "incarnation", error);
    if (status == SL_OK)
        status = strcmp(from->origin, from->node) == 0 ? check_own(from, error) : check_accusation(from, error);
    if (status == SL_OK && statement->state < SL_MEMBER_DROPPED && from->until_round != 0)
        status = sl_error_set(error, SL_FORMAT, "until_round: of a member that takes part");
    if (status == SL_OK)
        status = sl_wire_read_addresses(&statement->addresses, &statement->address_count, from->addresses,
                                        from->n_addresses, error);
    return status;
}

static enum sl_status pack_statement(struct sl_buffer *out, const void *in) {
    const struct sl_member_statement *statement = in;
    Starling__V1__MemberStatement message = STARLING__V1__MEMBER_STATEMENT__INIT;
    message.flock = (char *)statement->flock;
    message.run = (char *)statement->run;
    message.epoch = statement->epoch;
    message.origin = (char *)statement->origin;
    message.node = (char *)statement->node;
    message.incarnation = statement->incarnation;
    message.state = (Starling__V1__MemberState)statement->state;
    message.samples = statement->samples;
    message.from_round = statement->from_round;
    message.until_round = statement->until_round;
    message.addresses = statement->addresses;
    message.n_addresses = statement->address_count;
    message.lineage = statement->lineage;
    return sl_wire_pack(out, &message.base);
}

void sl_member_statement_finish(struct sl_member_statement *statement) {
    sl_wire_free_addresses(statement->addresses, statement->address_count);
    *statement = (struct sl_member_statement){0};
}

static void finish(void *in) {
    sl_member_statement_finish(in);
}

static const struct sl_wire_codec statement_codec = {.name = "member statement",
                                                     .size = sizeof(struct sl_member_statement),
                                                     .descriptor = &starling__v1__member_statement__descriptor,
                                                     .read = read_statement,
                                                     .encode = pack_statement,
                                                     .finish = finish};

enum sl_status sl_member_statement_encode(struct sl_buffer *out, const struct sl_member_statement *in) {
    return pack_statement(out, in);
}

enum sl_status sl_member_statement_decode(struct sl_member_statement *out, const uint8_t *data, size_t length,
                                          struct sl_error *error) {
    return sl_wire_decode(&statement_codec, out, data, length, error);
}
