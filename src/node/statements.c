/* Statements about members between the wire and the membership: what this node says is signed, what others say is
 * verified before the membership hears of it. That is done at once, in the order in which it came: what a peer says
 * next (a round's progress, a manifest) rests on the roster that it told before. What is held already, byte for byte,
 * needs no second look, chains are remembered by the identity, and each peer has an allowance.
 *
 * A statement that does not verify is left out. Its teller may not know better where the certificate is the trouble (a
 * revocation list or a clock differs); but a signature or an origin that is not the certificate's was for the teller to
 * see: such a peer is cut off. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

#define COMPLAINT_INTERVAL (10 * SL_SECOND)

/* ---- what we say ---- */

enum sl_status node_seal(struct sl_node *node, struct sl_statement **out, const char *context, struct sl_bytes body,
                         struct sl_error *error) {
    struct sl_buffer message = {0};
    struct sl_bytes chain[SL_CHAIN_MAX];
    uint8_t signature[SL_SIGNATURE_MAX];
    size_t length = sizeof signature, count = sl_identity_chain(node->identity, SL_PURPOSE_CLIENT, chain);
    enum sl_status status = sl_statement_message(&message, context, body);
    if (status == SL_OK)
        status = sl_identity_sign(node->identity, signature, &length, (struct sl_bytes){message.data, message.length},
                                  error);
    if (status == SL_OK)
        status = sl_statement_create(out, body, (struct sl_bytes){signature, length}, chain, count);
    sl_buffer_finish(&message);
    return status;
}

static enum sl_status check_size(const struct sl_statement *statement, struct sl_error *error) {
    size_t size = sl_statement_size(statement);
    if (size <= SL_MEMBER_STATEMENT_MAX)
        return SL_OK;
    return sl_error_set(error, SL_LIMIT, "a statement of %zu bytes, certificates included, at most %d", size,
                        SL_MEMBER_STATEMENT_MAX);
}

enum sl_status node_seal_member(void *context, struct sl_statement **out, const struct sl_member_statement *said) {
    struct sl_node *node = context;
    struct sl_buffer body = {0};
    struct sl_error error = {.status = SL_OK, .text = ""};
    enum sl_status status = sl_member_statement_encode(&body, said);
    *out = NULL;
    if (status == SL_OK)
        status = node_seal(node, out, SL_MEMBER_CONTEXT, (struct sl_bytes){body.data, body.length}, &error);
    sl_buffer_finish(&body);
    if (status == SL_OK)
        status = check_size(*out, &error);
    if (status != SL_OK && *out != NULL) {
        sl_statement_unref(*out);
        *out = NULL;
    }
    if (status != SL_OK)
        sl_log_line(node->log, SL_LOG_ERROR, "membership", "cannot sign",
                    SL_TEXT("reason", error.text[0] != '\0' ? error.text : sl_status_text(status)));
    return status;
}

/* ---- what others say ---- */

enum sl_status node_check_statement(const struct sl_identity *identity, const struct sl_statement *statement,
                                    const char *context, const char *origin, struct sl_error *error) {
    struct sl_credential *credential = NULL;
    struct sl_buffer message = {0};
    if (sl_identity_check_chain(identity, &credential, SL_PURPOSE_CLIENT, statement->chain, statement->chain_count,
                                error) != SL_OK)
        return SL_UNTRUSTED;
    enum sl_status status = SL_OK;
    if (strcmp(sl_credential_node(credential), origin) != 0)
        status = sl_error_set(error, SL_MISMATCH, "a statement of %s with the certificate %s", origin,
                              sl_credential_text(credential));
    if (status == SL_OK)
        status = sl_statement_message(&message, context, statement->body);
    if (status == SL_OK && sl_credential_verify(credential, (struct sl_bytes){message.data, message.length},
                                                statement->signature, error) != SL_OK)
        status = SL_MISMATCH;
    sl_buffer_finish(&message);
    sl_credential_unref(credential);
    return status;
}

/* One line in a while says how many were left out since the last. */
static void complain(struct sl_node *node, const char *teller, const char *reason) {
    struct node_statements *statements = &node->statements;
    sl_time now = sl_clock_monotonic();
    statements->refused++;
    statements->untold++;
    if (statements->complained != 0 && now - statements->complained < COMPLAINT_INTERVAL)
        return;
    sl_log_line(node->log, SL_LOG_WARNING, "membership", "statements left out", SL_TEXT("peer", teller),
                SL_TEXT("reason", reason), SL_UNSIGNED("count", statements->untold));
    statements->complained = now;
    statements->untold = 0;
}

/* ---- which of them are looked at ---- */

static bool is_held(const struct sl_node *node, const struct sl_member_statement *said,
                    const struct sl_statement *statement) {
    bool accusation = strcmp(said->origin, said->node) != 0;
    const struct sl_statement *held = sl_membership_statement(node->membership, said->node, accusation);
    return held != NULL && sl_statement_is_same(held, statement);
}

/* Of this flock, run and epoch, from one who may be a member here. */
static bool is_ours(const struct sl_node *node, const struct sl_member_statement *said) {
    const struct sl_settings *settings = node->settings;
    return strcmp(said->flock, settings->flock.name) == 0 && strcmp(said->run, settings->flock.run) == 0 &&
           said->epoch == settings->flock.epoch && sl_identity_allows(node->identity, said->origin) &&
           node_why_expelled(node, said->origin) == NULL;
}

/* A check costs some tenths of a millisecond of the loop: each peer has so many. */
static bool may_verify(const struct sl_node *node, struct node_peer *peer) {
    size_t members = sl_membership_count(node->membership);
    sl_time now = sl_clock_monotonic();
    double burst = sl_membership_checks_burst(members);
    peer->checks += sl_membership_checks_rate(members) * sl_time_to_seconds(now - peer->checks_at);
    peer->checks_at = now;
    if (peer->checks > burst)
        peer->checks = burst;
    if (peer->checks < 1)
        return false;
    peer->checks -= 1;
    return true;
}

/* Reads one statement into `claim`. *wanted: it is good, and news; only then the claim owns something. */
static enum sl_status judge(struct sl_node *node, struct node_peer *peer, struct sl_member_claim *claim,
                            struct sl_statement *statement, bool *wanted, struct sl_error *error) {
    struct sl_error reason = {.status = SL_OK, .text = "more than may be verified for one peer now"};
    *wanted = false;
    enum sl_status status =
        sl_member_statement_decode(&claim->said, statement->body.data, statement->body.length, error);
    if (status != SL_OK)
        return status;
    if (is_ours(node, &claim->said) && !is_held(node, &claim->said, statement)) {
        status = SL_UNTRUSTED;
        if (check_size(statement, &reason) == SL_OK && may_verify(node, peer)) {
            node->statements.verified++;
            status = node_check_statement(node->identity, statement, SL_MEMBER_CONTEXT, claim->said.origin, &reason);
        }
        *wanted = status == SL_OK;
        if (status != SL_OK)
            complain(node, peer->name, reason.text);
    }
    claim->statement = statement;
    if (!*wanted)
        sl_member_statement_finish(&claim->said);
    return status == SL_MISMATCH ? sl_error_set(error, status, "%s", reason.text) : SL_OK;
}

static enum sl_status take_roster(struct sl_node *node, struct node_peer *peer, const struct sl_roster *roster,
                                  struct sl_error *error) {
    struct sl_member_claim *claims = calloc(SL_ROSTER_ENTRIES_MAX, sizeof *claims);
    if (claims == NULL)
        return sl_error_set(error, SL_NO_MEMORY, "out of memory for a roster");
    enum sl_status status = SL_OK;
    size_t count = 0;
    for (size_t i = 0; i < roster->count && status == SL_OK; i++) {
        bool wanted;
        status = judge(node, peer, &claims[count], roster->statements[i], &wanted, error);
        count += wanted;
    }
    /* Also those before a false one: they are good whoever tells them. */
    if (count > 0)
        node_step_membership(
            node, &(struct sl_membership_event){
                      .type = SL_MEMBERSHIP_ROSTER, .node = peer->name, .claims = claims, .claim_count = count});
    for (size_t i = 0; i < count; i++)
        sl_member_statement_finish(&claims[i].said);
    free(claims);
    return status;
}

enum sl_status node_on_roster(struct sl_node *node, struct node_peer *peer, const uint8_t *payload, size_t length,
                              struct sl_error *error) {
    struct sl_roster roster;
    enum sl_status status = sl_roster_decode(&roster, payload, length, error);
    if (status != SL_OK)
        return status;
    status = take_roster(node, peer, &roster, error);
    sl_roster_finish(&roster);
    return status;
}
