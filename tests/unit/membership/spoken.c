#include "spoken.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct sl_membership_options spoken_options(unsigned *seals) {
    static const char *const address = "192.0.2.1:7400";
    return (struct sl_membership_options){.self = "me",
                                          .flock = SPOKEN_FLOCK,
                                          .run = SPOKEN_RUN,
                                          .epoch = SPOKEN_EPOCH,
                                          .seal = spoken_seal,
                                          .seal_context = seals,
                                          .incarnation = 1000,
                                          .samples = 60,
                                          .addresses = &address,
                                          .address_count = 1,
                                          .suspect_after = 5 * SL_SECOND,
                                          .drop_after = 5 * SL_SECOND,
                                          .ping_interval = SL_SECOND,
                                          .retry_min = SL_SECOND,
                                          .retry_max = 8 * SL_SECOND,
                                          .seed = 1};
}

enum sl_status spoken_seal(void *context, struct sl_statement **out, const struct sl_member_statement *said) {
    static const uint8_t nothing[1] = {0};
    const struct sl_bytes blank = {nothing, sizeof nothing};
    struct sl_buffer body = {0};
    unsigned *seals = context;
    if (seals != NULL)
        ++*seals;
    cr_assert_eq(sl_member_statement_encode(&body, said), SL_OK);
    cr_assert_eq(sl_statement_create(out, (struct sl_bytes){body.data, body.length}, blank, &blank, 1), SL_OK);
    sl_buffer_finish(&body);
    return SL_OK;
}

struct sl_member_statement spoken_own(const char *node, uint64_t incarnation, enum sl_member_state state) {
    struct sl_member_statement said = {.flock = SPOKEN_FLOCK,
                                       .run = SPOKEN_RUN,
                                       .epoch = SPOKEN_EPOCH,
                                       .incarnation = incarnation,
                                       .state = state,
                                       .samples = 1};
    memcpy(said.origin, node, strlen(node) + 1);
    memcpy(said.node, node, strlen(node) + 1);
    return said;
}

struct sl_member_statement spoken_accusation(const char *origin, const char *node, uint64_t incarnation,
                                             enum sl_member_state state) {
    struct sl_member_statement said = spoken_own(node, incarnation, state);
    memcpy(said.origin, origin, strlen(origin) + 1);
    said.samples = 0;
    return said;
}

void spoken_tell(struct sl_membership *membership, const char *teller, const struct sl_member_statement *said,
                 size_t count, sl_time now, struct sl_membership_actions *actions) {
    struct sl_member_claim *claims = calloc(count + 1, sizeof *claims);
    for (size_t i = 0; i < count; i++) {
        claims[i].said = said[i];
        (void)spoken_seal(NULL, &claims[i].statement, &said[i]);
    }
    const struct sl_membership_event event = {
        .type = SL_MEMBERSHIP_ROSTER, .node = teller, .claims = claims, .claim_count = count};
    cr_assert_eq(sl_membership_step(membership, &event, now, actions), SL_OK);
    for (size_t i = 0; i < count; i++)
        sl_statement_unref(claims[i].statement);
    free(claims);
}

void spoken_hear(struct sl_membership *membership, const char *teller, struct sl_bytes payload, sl_time now,
                 struct sl_membership_actions *actions) {
    struct sl_roster roster;
    struct sl_member_claim claims[SL_ROSTER_ENTRIES_MAX];
    cr_assert_eq(sl_roster_decode(&roster, payload.data, payload.length, NULL), SL_OK);
    for (size_t i = 0; i < roster.count; i++) {
        const struct sl_bytes body = roster.statements[i]->body;
        claims[i].statement = roster.statements[i];
        cr_assert_eq(sl_member_statement_decode(&claims[i].said, body.data, body.length, NULL), SL_OK);
    }
    const struct sl_membership_event event = {
        .type = SL_MEMBERSHIP_ROSTER, .node = teller, .claims = claims, .claim_count = roster.count};
    cr_assert_eq(sl_membership_step(membership, &event, now, actions), SL_OK);
    for (size_t i = 0; i < roster.count; i++)
        sl_member_statement_finish(&claims[i].said);
    sl_roster_finish(&roster);
}

struct sl_member_statement spoken_read(const struct sl_statement *statement) {
    struct sl_member_statement said;
    cr_assert_not_null(statement);
    cr_assert_eq(sl_member_statement_decode(&said, statement->body.data, statement->body.length, NULL), SL_OK);
    struct sl_member_statement copy = said;
    copy.addresses = NULL;
    sl_member_statement_finish(&said);
    return copy;
}
