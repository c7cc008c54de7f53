/* READY, VERDICT, PASS and PROGRESS: what two ends tell each other about an edge and a round. */
#include "wire/codec.h"

#include "round.pb-c.h"

/* ---- READY ---- */

static enum sl_status read_ready(void *out, const void *message, struct sl_error *error) {
    struct sl_ready *ready = out;
    const Starling__V1__Ready *from = message;
    ready->epoch = from->epoch;
    ready->round = from->round;
    ready->lineage_sender = from->lineage_sender;
    ready->lineage_receiver = from->lineage_receiver;
    enum sl_status status =
        sl_wire_read_digest(ready->manifest_sender, &from->manifest_sender, "manifest_sender", error);
    if (status == SL_OK)
        status = sl_wire_read_digest(ready->manifest_receiver, &from->manifest_receiver, "manifest_receiver", error);
    return status;
}

static enum sl_status pack_ready(struct sl_buffer *out, const void *in) {
    const struct sl_ready *ready = in;
    Starling__V1__Ready message = STARLING__V1__READY__INIT;
    message.epoch = ready->epoch;
    message.round = ready->round;
    message.lineage_sender = ready->lineage_sender;
    message.lineage_receiver = ready->lineage_receiver;
    message.manifest_sender = sl_wire_bytes(ready->manifest_sender, sizeof ready->manifest_sender);
    message.manifest_receiver = sl_wire_bytes(ready->manifest_receiver, sizeof ready->manifest_receiver);
    return sl_wire_pack(out, &message.base);
}

static const struct sl_wire_codec ready_codec = {.name = "ready",
                                                 .size = sizeof(struct sl_ready),
                                                 .descriptor = &starling__v1__ready__descriptor,
                                                 .read = read_ready,
                                                 .encode = pack_ready};

enum sl_status sl_ready_encode(struct sl_buffer *out, const struct sl_ready *in) {
    return pack_ready(out, in);
}

enum sl_status sl_ready_decode(struct sl_ready *out, const uint8_t *data, size_t length, struct sl_error *error) {
    return sl_wire_decode(&ready_codec, out, data, length, error);
}

/* ---- VERDICT ---- */

static enum sl_status read_verdict(void *out, const void *message, struct sl_error *error) {
    struct sl_verdict *verdict = out;
    const Starling__V1__Verdict *from = message;
    verdict->epoch = from->epoch;
    verdict->round = from->round;
    verdict->lineage_sender = from->lineage_sender;
    verdict->lineage_receiver = from->lineage_receiver;
    verdict->verdict = (enum sl_verdict_value)from->verdict;
    return sl_wire_check_range((uint64_t)from->verdict, SL_VERDICT_COUNT, SL_VERDICT_GONE, "verdict", error);
}

static enum sl_status pack_verdict(struct sl_buffer *out, const void *in) {
    const struct sl_verdict *verdict = in;
    Starling__V1__Verdict message = STARLING__V1__VERDICT__INIT;
    message.epoch = verdict->epoch;
    message.round = verdict->round;
    message.lineage_sender = verdict->lineage_sender;
    message.lineage_receiver = verdict->lineage_receiver;
    message.verdict = (Starling__V1__VerdictValue)verdict->verdict;
    return sl_wire_pack(out, &message.base);
}

static const struct sl_wire_codec verdict_codec = {.name = "verdict",
                                                   .size = sizeof(struct sl_verdict),
                                                   .descriptor = &starling__v1__verdict__descriptor,
                                                   .read = read_verdict,
                                                   .encode = pack_verdict};

enum sl_status sl_verdict_encode(struct sl_buffer *out, const struct sl_verdict *in) {
    return pack_verdict(out, in);
}

enum sl_status sl_verdict_decode(struct sl_verdict *out, const uint8_t *data, size_t length, struct sl_error *error) {
    return sl_wire_decode(&verdict_codec, out, data, length, error);
}

/* ---- PASS ---- */

static enum sl_status read_pass(void *out, const void *message, struct sl_error *error) {
    struct sl_pass *pass = out;
    const Starling__V1__Pass *from = message;
    pass->epoch = from->epoch;
    pass->round = from->round;
    pass->reason = (enum sl_pass_reason)from->reason;
    return sl_wire_check_range((uint64_t)from->reason, SL_PASS_NOT_LISTED, SL_PASS_FINISHED, "reason", error);
}

static enum sl_status pack_pass(struct sl_buffer *out, const void *in) {
    const struct sl_pass *pass = in;
    Starling__V1__Pass message = STARLING__V1__PASS__INIT;
    message.epoch = pass->epoch;
    message.round = pass->round;
    message.reason = (Starling__V1__PassReason)pass->reason;
    return sl_wire_pack(out, &message.base);
}

static const struct sl_wire_codec pass_codec = {.name = "pass",
                                                .size = sizeof(struct sl_pass),
                                                .descriptor = &starling__v1__pass__descriptor,
                                                .read = read_pass,
                                                .encode = pack_pass};

enum sl_status sl_pass_encode(struct sl_buffer *out, const struct sl_pass *in) {
    return pack_pass(out, in);
}

enum sl_status sl_pass_decode(struct sl_pass *out, const uint8_t *data, size_t length, struct sl_error *error) {
    return sl_wire_decode(&pass_codec, out, data, length, error);
}

/* ---- PROGRESS ---- */

static enum sl_status read_progress(void *out, const void *message, struct sl_error *error) {
    (void)error;
    struct sl_progress *progress = out;
    const Starling__V1__Progress *from = message;
    progress->epoch = from->epoch;
    progress->round = from->round;
    progress->lineage = from->lineage;
    progress->finished = from->finished;
    progress->pending = from->pending;
    return SL_OK;
}

static enum sl_status pack_progress(struct sl_buffer *out, const void *in) {
    const struct sl_progress *progress = in;
    Starling__V1__Progress message = STARLING__V1__PROGRESS__INIT;
    message.epoch = progress->epoch;
    message.round = progress->round;
    message.lineage = progress->lineage;
    message.finished = progress->finished;
    message.pending = progress->pending;
    return sl_wire_pack(out, &message.base);
}

static const struct sl_wire_codec progress_codec = {.name = "progress",
                                                    .size = sizeof(struct sl_progress),
                                                    .descriptor = &starling__v1__progress__descriptor,
                                                    .read = read_progress,
                                                    .encode = pack_progress};

enum sl_status sl_progress_encode(struct sl_buffer *out, const struct sl_progress *in) {
    return pack_progress(out, in);
}

enum sl_status sl_progress_decode(struct sl_progress *out, const uint8_t *data, size_t length, struct sl_error *error) {
    return sl_wire_decode(&progress_codec, out, data, length, error);
}
