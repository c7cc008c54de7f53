/* A control frame becomes a message, the message goes to the part that it is for. Not SL_OK: the peer broke the
 * protocol. */
#include "node/internal.h"

static enum sl_status on_credit(struct node_peer *peer, const uint8_t *payload, size_t length, struct sl_error *error) {
    struct sl_credit credit;
    enum sl_status status = sl_credit_decode(&credit, payload, length, error);
    return status == SL_OK ? node_on_credit(peer, &credit, error) : status;
}

static enum sl_status on_cancel(struct sl_node *node, struct node_peer *peer, const uint8_t *payload, size_t length,
                                struct sl_error *error) {
    struct sl_cancel cancel;
    enum sl_status status = sl_cancel_decode(&cancel, payload, length, error);
    if (status != SL_OK || node_cancel_outgoing(peer, cancel.transfer))
        return status;
    return node_on_cancel(node, peer, cancel.transfer);
}

static enum sl_status on_manifest(struct sl_node *node, struct node_peer *peer, const uint8_t *payload, size_t length,
                                  struct sl_error *error) {
    struct sl_manifest_frame frame;
    enum sl_status status = sl_manifest_frame_decode(&frame, payload, length, error);
    return status == SL_OK ? node_on_manifest(node, peer, &frame, error) : status;
}

static enum sl_status on_model_request(struct sl_node *node, struct node_peer *peer, const uint8_t *payload,
                                       size_t length, struct sl_error *error) {
    struct sl_model_request asked;
    enum sl_status status = sl_model_request_decode(&asked, payload, length, error);
    return status == SL_OK ? node_on_model_request(node, peer, &asked) : status;
}

static enum sl_status on_round_message(struct sl_node *node, struct node_peer *peer, enum sl_frame_type type,
                                       const uint8_t *payload, size_t length, struct sl_error *error) {
    struct sl_round_event event = {.peer = peer->name};
    union {
        struct sl_ready ready;
        struct sl_verdict verdict;
        struct sl_pass pass;
        struct sl_progress progress;
    } message;
    enum sl_status status;
    if (type == SL_FRAME_READY) {
        event.type = SL_ROUND_READY;
        event.ready = &message.ready;
        status = sl_ready_decode(&message.ready, payload, length, error);
    } else if (type == SL_FRAME_VERDICT) {
        event.type = SL_ROUND_VERDICT;
        event.verdict = &message.verdict;
        status = sl_verdict_decode(&message.verdict, payload, length, error);
    } else if (type == SL_FRAME_PASS) {
        event.type = SL_ROUND_PASS;
        event.pass = &message.pass;
        status = sl_pass_decode(&message.pass, payload, length, error);
    } else {
        event.type = SL_ROUND_PROGRESS;
        event.progress = &message.progress;
        status = sl_progress_decode(&message.progress, payload, length, error);
        if (status == SL_OK)
            node_remind(node, peer, &message.progress);
    }
    if (status == SL_OK)
        node_step_round(node, &event);
    return status;
}

enum sl_status node_dispatch(struct sl_node *node, struct node_peer *peer, enum sl_frame_type type,
                             const uint8_t *payload, size_t length, struct sl_error *error) {
    switch (type) {
    case SL_FRAME_ROSTER:
        return node_on_roster(node, peer, payload, length, error);
    case SL_FRAME_MANIFEST:
        return on_manifest(node, peer, payload, length, error);
    case SL_FRAME_CREDIT:
        return on_credit(peer, payload, length, error);
    case SL_FRAME_CANCEL:
        return on_cancel(node, peer, payload, length, error);
    case SL_FRAME_READY:
    case SL_FRAME_VERDICT:
    case SL_FRAME_PASS:
    case SL_FRAME_PROGRESS:
        return on_round_message(node, peer, type, payload, length, error);
    case SL_FRAME_MODEL_REQUEST:
        return on_model_request(node, peer, payload, length, error);
    case SL_FRAME_CRL:
        return node_on_crl(node, peer, payload, length, error);
    case SL_FRAME_WITNESS:
        return node_on_witness(node, peer, payload, length, error);
    case SL_FRAME_EVIDENCE:
        return node_on_evidence(node, peer, payload, length, error);
    case SL_FRAME_PROOF:
        return node_on_proof(node, peer, payload, length, error);
    case SL_FRAME_PROBE:
        return node_on_probe(node, peer, payload, length, error);
    case SL_FRAME_NEIGHBOUR:
        return node_on_neighbour(node, peer, payload, length, error);
    case SL_FRAME_ROSTER_DIGEST:
        return node_on_roster_digest(node, peer, payload, length, error);
    case SL_FRAME_HELLO:
    case SL_FRAME_HELLO_ACK:
    case SL_FRAME_GOODBYE:
    case SL_FRAME_PING:
    case SL_FRAME_PONG:
    case SL_FRAME_DATA:
    case SL_FRAME_HANDSHAKE:
        break; /* the transport's own */
    }
    return sl_error_set(error, SL_FORMAT, "a %s frame is out of place here", sl_frame_type_text(type));
}
