/* Contradictions: two manifests of one origin that no honest node signs both of, and the proof that they make.
 *
 * An update is signed once a round and lineage (a restart is another lineage, an operator's new start another epoch).
 * So two manifests of updates with equal flock, run, origin, epoch, round and lineage must be of the same payload. What
 * else they say may differ: degree, samples and view are the origin's plan, and nothing is proven by them. Snapshots
 * don't count: a model may change between two that are of the same round. */
#ifndef SL_EXCHANGE_PROOF_H
#define SL_EXCHANGE_PROOF_H

#include "crypto/digest.h"
#include "wire/messages.h"

/* SHA-256 of what the manifest says of its payload's bytes: their number and the chunks' size (64 and 32 bits,
 * big-endian), then the chunks' digests. */
void sl_manifest_payload_digest(struct sl_digest *out, const struct sl_manifest *manifest);
/* Two payloads of equal length that are cut differently cannot be told apart, so they don't contradict. */
bool sl_manifest_contradicts(const struct sl_manifest *a, const struct sl_manifest *b);

/* The two in their order, a reference each: finish `out` with sl_proof_finish. SL_MISMATCH where they make no proof. */
SL_MUST_USE enum sl_status sl_proof_make(struct sl_proof *out, struct sl_statement *a, struct sl_statement *b);
/* Whether the bodies are manifests that contradict each other; signatures are the caller's to check. `first` is the
 * first one (the caller finishes it on success), or NULL. SL_FORMAT, SL_MISMATCH, with the reason. */
SL_MUST_USE enum sl_status sl_proof_check(const struct sl_proof *proof, struct sl_manifest *first,
                                          struct sl_error *error);

#endif
