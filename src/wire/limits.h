/* Every limit of the wire, in one place. A longer thing is refused before anything is allocated for it. */
#ifndef SL_WIRE_LIMITS_H
#define SL_WIRE_LIMITS_H

enum {
    SL_PROTOCOL_VERSION = 3,
    SL_FRAME_HEADER_SIZE = 8,
    SL_FRAME_MAX = 65536,                                 /* header included: four TLS records of 16 KiB */
    SL_PAYLOAD_MAX = SL_FRAME_MAX - SL_FRAME_HEADER_SIZE, /* of a control frame: one message */
    SL_DATA_HEADER_SIZE = SL_FRAME_HEADER_SIZE + 12,      /* frame header, transfer, offset */
    SL_DATA_MAX = SL_FRAME_MAX - SL_DATA_HEADER_SIZE,     /* bytes of tensor a frame: 65,516, a multiple of 4 */
    SL_CHUNK_UNIT = 4 * SL_DATA_MAX,         /* chunks are a multiple of this: no short frame but the last */
    SL_CHUNK_COUNT_MAX = 1024,               /* a manifest fits one frame */
    SL_CHUNK_BYTES_MAX = 64 * SL_CHUNK_UNIT, /* so a model has at most 17 GB */
    SL_ADDRESSES_MAX = 16,
    SL_ROSTER_ENTRIES_MAX = 128,     /* statements a message; longer rosters go in several */
    SL_MEMBER_STATEMENT_MAX = 16384, /* bytes of one, chain included: each goes over every connection of the flock */
    SL_INT8_BLOCK = 1024,            /* elements that share a scale */
    SL_TENSORS_MAX = 256,            /* in a manifest */
    SL_WIRE_RANK_MAX = 4,
    SL_TENSOR_NAME_MAX = 63, /* bytes */
    SL_REASON_MAX = 200,     /* bytes of a reason told to a peer */
    SL_HELLO_CHAIN_MAX = 8,  /* certificates */
    SL_HELLO_CERTIFICATE_MAX = 16384,
    SL_WIRE_SIGNATURE_MAX = 1024,  /* bytes of a signature or proof */
    SL_HELLO_DELEGATE_SIZE = 32,   /* bytes of an Ed25519 public key */
    SL_PREADMIT_MAX = 65536,       /* bytes a peer may send before it is admitted */
    SL_HANDSHAKE_MAX = 16384,      /* payload of a HANDSHAKE frame */
    SL_PART_MAX = 32768,           /* bytes of a longer thing in one CRL or PROOF frame */
    SL_CRL_MAX = 1 << 20,          /* of one certificate revocation list in DER */
    SL_PROOF_MAX = 131072,         /* two statements, together hardly more than two frames */
    SL_WITNESS_ENTRIES_MAX = 256,  /* a message */
    SL_ROSTER_PARTS = 256,         /* that a roster is compared by */
    SL_ROSTER_TAGS_MAX = 1024,     /* in a message about its parts */
    SL_ROUND_STATE_MAX = 1 << 24,  /* bytes of the journal's record of the rounds */
    SL_SAVED_ENTRIES_MAX = 20000,  /* peers, edges, pending and late ones in it: each */
    SL_KEPT_MAX = 4096,            /* slots of a journal's record */
    SL_NODE_RECORD_MAX = 48 << 20, /* bytes of its body */
    /* Decoding a message of n bytes allocates at most this much for protobuf's own structs, counted over the whole
     * call, beside our struct, whose parts the limits above bound. Honest messages need less than half of it. */
    SL_UNPACK_BASE = 4096,
    SL_UNPACK_FACTOR = 32
};

#endif
