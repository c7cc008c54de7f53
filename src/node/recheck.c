/* A new generation of the identity: what this node says is signed anew if its certificate is another, and statements
 * whose certificates do not verify any more are not relayed any more. */
#include "node/internal.h"

#include <stdlib.h>
#include <string.h>

struct recheck_job {
    struct sl_job job;
    struct sl_node *node;
    struct sl_identity *identity;
    size_t count;
    struct recheck_item {
        char node[SL_NAME_SIZE];
        bool accusation, fails;
        struct sl_statement *statement;
    } items[];
};

static void run_recheck(struct sl_job *job) {
    struct recheck_job *recheck = (struct recheck_job *)job;
    for (size_t i = 0; i < recheck->count; i++) {
        struct recheck_item *item = &recheck->items[i];
        struct sl_credential *credential = NULL;
        struct sl_error error = {.status = SL_OK, .text = ""};
        item->fails = sl_identity_check_chain(recheck->identity, &credential, SL_PURPOSE_CLIENT, item->statement->chain,
                                              item->statement->chain_count, &error) == SL_UNTRUSTED;
        item->fails |= credential != NULL && !sl_identity_allows(recheck->identity, sl_credential_node(credential));
        sl_credential_unref(credential);
    }
}

static void handle_rechecked(struct sl_job *job) {
    struct recheck_job *recheck = (struct recheck_job *)job;
    struct sl_node *node = recheck->node;
    for (size_t i = 0; i < recheck->count; i++) {
        struct recheck_item *item = &recheck->items[i];
        if (item->fails && sl_membership_statement(node->membership, item->node, item->accusation) == item->statement) {
            sl_log_line(node->log, SL_LOG_INFO, "membership", "statement not relayed any more",
                        SL_TEXT("member", item->node));
            node_step_membership(node, &(struct sl_membership_event){.type = SL_MEMBERSHIP_VOID,
                                                                     .node = item->node,
                                                                     .accusation = item->accusation});
        }
        sl_statement_unref(item->statement);
    }
    sl_identity_unref(recheck->identity);
    free(recheck);
    node_job_done(node);
}

/* Whether the own certificate is another than that of what we said of ourselves. */
static bool is_renewed(const struct sl_node *node) {
    struct sl_bytes chain[SL_CHAIN_MAX];
    const struct sl_statement *own = sl_membership_statement(node->membership, node->settings->node.name, false);
    if (own == NULL)
        return false; /* nothing was told yet, or it waits to be signed */
    size_t count = sl_identity_chain(node->identity, SL_PURPOSE_CLIENT, chain);
    bool same = count == own->chain_count;
    for (size_t i = 0; same && i < count; i++)
        same =
            chain[i].length == own->chain[i].length && memcmp(chain[i].data, own->chain[i].data, chain[i].length) == 0;
    return !same;
}

static void collect(struct recheck_job *recheck, const struct sl_node *node, const char *name) {
    for (int accusation = 0; accusation < 2; accusation++) {
        struct sl_statement *statement = sl_membership_statement(node->membership, name, accusation != 0);
        if (statement == NULL)
            continue;
        struct recheck_item *item = &recheck->items[recheck->count++];
        memcpy(item->node, name, strlen(name) + 1);
        item->accusation = accusation != 0;
        item->statement = sl_statement_ref(statement);
    }
}

void node_recheck_statements(struct sl_node *node) {
    if (node->membership == NULL)
        return;
    if (is_renewed(node))
        node_step_membership(node, &(struct sl_membership_event){.type = SL_MEMBERSHIP_RENEW});
    size_t count = 0;
    const struct sl_member *members = sl_membership_members(node->membership, &count);
    struct recheck_job *recheck = calloc(1, sizeof *recheck + 2 * count * sizeof recheck->items[0]);
    if (recheck == NULL) {
        sl_log_line(node->log, SL_LOG_ERROR, "membership", "out of memory: statements not checked again");
        return;
    }
    recheck->job = (struct sl_job){.run = run_recheck, .done = handle_rechecked};
    recheck->node = node;
    recheck->identity = sl_identity_ref(node->identity);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(members[i].entry.node, node->settings->node.name) != 0)
            collect(recheck, node, members[i].entry.node);
    }
    node_submit(node, node->pool, &recheck->job);
}
