/* A state folder that was put back from a backup, or copied to another machine, knows less than its node has said.
 *
 * Each node remembers the newest manifest of each peer's lineage. Who says in PROGRESS that it is in an earlier round
 * of that lineage has forgotten it, and gets it as EVIDENCE: its own signature, so that it need not believe anybody. */
#include "node/internal.h"

#include <string.h>

void node_promised_finish(struct node_promised *promised) {
    sl_statement_unref(promised->statement);
    *promised = (struct node_promised){.statement = NULL};
}

void node_note_promise(struct node_peer *peer, const struct sl_manifest *manifest, struct sl_statement *statement) {
    struct node_promised *promised = &peer->promised;
    bool older = promised->lineage == manifest->lineage && promised->round >= manifest->round;
    if (statement == NULL || older)
        return;
    node_promised_finish(promised);
    *promised = (struct node_promised){
        .statement = sl_statement_ref(statement), .lineage = manifest->lineage, .round = manifest->round};
}

void node_remind(struct sl_node *node, struct node_peer *peer, const struct sl_progress *progress) {
    const struct node_promised *promised = &peer->promised;
    if (promised->statement == NULL || progress->epoch != node->settings->flock.epoch ||
        progress->lineage != promised->lineage || progress->round >= promised->round || peer->witness.reminded)
        return;
    peer->witness.reminded = true;
    node_send_evidence(node, peer, promised->statement);
}

bool node_is_reminder(const struct sl_node *node, const struct sl_manifest *manifest) {
    const struct sl_settings *settings = node->settings;
    return strcmp(manifest->origin, settings->node.name) == 0 && strcmp(manifest->flock, settings->flock.name) == 0 &&
           strcmp(manifest->run, settings->flock.run) == 0 && manifest->epoch == settings->flock.epoch &&
           manifest->kind == SL_PAYLOAD_UPDATE && manifest->lineage == sl_round_lineage(node->round) &&
           manifest->lineage != node->witness.reminded && manifest->round > node->signed_round &&
           manifest->round >= sl_round_current(node->round);
}

void node_be_reminded(struct sl_node *node, const struct node_peer *peer, const struct sl_manifest *manifest) {
    static const char text[] = "the state folder is an older copy of what this node has said: it begins anew";
    node->witness.reminded = manifest->lineage; /* each peer may show it, and what is under way goes on for a while */
    sl_log_line(node->log, SL_LOG_WARNING, "journal", text, SL_UNSIGNED("signed", manifest->round),
                SL_UNSIGNED("known", node->signed_round), SL_TEXT("peer", peer->name));
    sl_record_event(node->record, "warning", SL_TEXT("text", text));
    node_step_round(node, &(struct sl_round_event){.type = SL_ROUND_FORGOT, .round = manifest->round});
}
