/* Proofs that a node told different things to different peers, checked long after and far away from its flock. */
#ifndef STARLING_PROOF_H
#define STARLING_PROOF_H

#include <stdint.h>

#include <starling/error.h>
#include <starling/name.h>

struct sl_proof_options {
    const char *file;      /* as nodes keep them in membership.proof_folder */
    const char *authority; /* the PEM file with the flock's authorities, identity.ca of its settings */
    const char *name_from; /* identity.name_from: "uri", "cn" or "dns"; NULL: uri */
};

/* Two updates that one node signed for the same round, where an honest node signs one. */
struct sl_proof_report {
    char node[SL_NAME_SIZE], flock[SL_NAME_SIZE], run[SL_NAME_SIZE];
    uint64_t epoch, round, lineage;
    struct {
        char payload[65];      /* SHA-256, hexadecimal, over what it says of the payload: its length, its cut, the
                                  digests of its chunks */
        char certificate[256]; /* "O=demo,CN=alice (serial 5a…)", printable ASCII: whose key signed it */
    } updates[2];
};

/* SL_OK: the file proves it. Both manifests contradict each other, both signatures are by keys that the authorities
 * certified for that node. Dates and revocations are not looked at: the certificates were good when the flock ran.
 * Every byte of the file counts. SL_FORMAT, SL_LIMIT, SL_MISMATCH or SL_UNTRUSTED: it proves nothing, with the reason;
 * anything else: it could not be looked at. */
SL_PUBLIC SL_MUST_USE enum sl_status sl_proof_verify(struct sl_proof_report *out,
                                                     const struct sl_proof_options *options, struct sl_error *error);

#endif
