/* What the roster of a flock of N costs a node that joins it: how many bytes and frames, and how long the statements
 * take to verify, cold (no chain was seen before) and warm (all were). Prints one JSON object a line.
 *
 *     bench_statements [N]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "support/certificates.h"
#include "wire/messages.h"

static void fail(const char *what) {
    fprintf(stderr, "statements: %s\n", what);
    exit(1);
}

static struct sl_statement *speak(const struct sl_test_flock *flock, size_t number, struct sl_buffer *message) {
    struct sl_member_statement said = {.run = "r1", .incarnation = 1, .state = SL_MEMBER_ALIVE, .samples = 1};
    char uri[SL_TEST_URI_SIZE], address[] = "node.example.org:7400", *addresses[] = {address};
    struct sl_test_pair pair;
    struct sl_buffer body = {0};
    struct sl_statement *statement;
    uint8_t signature[SL_SIGNATURE_MAX];
    (void)snprintf(said.node, sizeof said.node, "node-%zu", number);
    memcpy(said.origin, said.node, sizeof said.origin);
    memcpy(said.flock, flock->name, sizeof said.flock);
    said.addresses = addresses;
    said.address_count = 1;
    const struct sl_test_order order =
        sl_test_order_node(uri, &flock->authority, flock->name, said.node, SL_PURPOSE_CLIENT);
    sl_test_issue(&pair, &order);
    if (sl_member_statement_encode(&body, &said) != SL_OK ||
        sl_statement_message(message, SL_MEMBER_CONTEXT, (struct sl_bytes){body.data, body.length}) != SL_OK)
        fail("out of memory");
    size_t length = sl_test_sign(signature, &pair, (struct sl_bytes){message->data, message->length});
    const struct sl_bytes chain = sl_test_pair_bytes(&pair);
    if (sl_statement_create(&statement, (struct sl_bytes){body.data, body.length}, (struct sl_bytes){signature, length},
                            &chain, 1) != SL_OK)
        fail("out of memory");
    sl_buffer_finish(&body);
    sl_test_pair_finish(&pair);
    return statement;
}

/* Seconds for all of them. */
static double verify(const struct sl_identity *identity, struct sl_statement **statements,
                     const struct sl_buffer *messages, size_t count) {
    struct sl_error error = {.status = SL_OK, .text = ""};
    sl_time start = sl_clock_monotonic();
    for (size_t i = 0; i < count; i++) {
        struct sl_credential *credential;
        const struct sl_statement *statement = statements[i];
        if (sl_identity_check_chain(identity, &credential, SL_PURPOSE_CLIENT, statement->chain, statement->chain_count,
                                    &error) != SL_OK ||
            sl_credential_verify(credential, (struct sl_bytes){messages[i].data, messages[i].length},
                                 statement->signature, &error) != SL_OK)
            fail(error.text);
        sl_credential_unref(credential);
    }
    return sl_time_to_seconds(sl_clock_monotonic() - start);
}

int main(int argc, char **argv) {
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000, bytes = 0, frames = 1, filled = 0;
    struct sl_test_flock flock;
    struct sl_statement **statements = calloc(count + 1, sizeof *statements);
    struct sl_buffer *messages = calloc(count + 1, sizeof *messages);
    if (statements == NULL || messages == NULL)
        fail("out of memory");
    sl_test_flock_init(&flock, "demo");
    struct sl_identity *identity = sl_test_member(&flock, "bench");
    for (size_t i = 0; i < count; i++) {
        statements[i] = speak(&flock, i, &messages[i]);
        size_t size = sl_statement_size(statements[i]);
        bytes += size;
        filled += size;
        if (filled > SL_PAYLOAD_MAX) {
            frames++;
            filled = size;
        }
    }
    double cold = verify(identity, statements, messages, count), warm = verify(identity, statements, messages, count);
    printf("{\"statements\":%zu,\"bytes\":%zu,\"frames\":%zu,\"cold_seconds\":%.4f,\"warm_seconds\":%.4f}\n", count,
           bytes, frames, cold, warm);
    for (size_t i = 0; i < count; i++) {
        sl_statement_unref(statements[i]);
        sl_buffer_finish(&messages[i]);
    }
    free(statements);
    free(messages);
    sl_identity_unref(identity);
    sl_test_flock_finish(&flock);
    return 0;
}
