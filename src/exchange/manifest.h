/* Manifests: what an origin says and signs about one payload, and what a receiver holds it against. */
#ifndef SL_EXCHANGE_MANIFEST_H
#define SL_EXCHANGE_MANIFEST_H

#include "crypto/digest.h"
#include "exchange/chunks.h"
#include "model/layout.h"
#include "wire/messages.h"

/* "starling manifest 1" 0x00, then the manifest's bytes: what the origin's client key signs. Appended to `out`. */
SL_MUST_USE enum sl_status sl_manifest_signed_message(struct sl_buffer *out, struct sl_bytes manifest);

/* Fills the payload's part of `manifest` (tensors, bytes, chunks, digests), which owns it: sl_manifest_finish. */
SL_MUST_USE enum sl_status sl_manifest_describe(struct sl_manifest *manifest, const struct sl_layout *layout,
                                                const struct sl_chunks *chunks, const struct sl_digest *digests,
                                                struct sl_error *error);

/* SL_MISMATCH, saying what, unless the manifest is of `origin` in this flock and run, and of a model of this layout,
 * in the `encoding` that updates have here or, of a snapshot, in f32, cut as sl_chunks_choose does. */
SL_MUST_USE enum sl_status sl_manifest_check(const struct sl_manifest *manifest, const char *flock, const char *run,
                                             const char *origin, const struct sl_layout *layout,
                                             enum sl_payload_encoding encoding, struct sl_error *error);

/* The manifest's cut; the wire layer has checked that it is one, sl_manifest_check that it is the only one. */
struct sl_chunks sl_manifest_chunks(const struct sl_manifest *manifest);

#endif
