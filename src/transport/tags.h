/* The tag behind each frame of a connection whose path is not trusted (tls, clear): AES-256-GCM over no plaintext, with
 * header and payload as associated data (NIST SP 800-38D: GMAC). The nonce is 4 zero bytes and the 64-bit big-endian
 * number of the frame in its direction, from 0, so a frame that was altered, left out, repeated or moved does not fit
 * its tag. Each direction has its own key, taken by exporter from the mutual handshake in the connection.
 *
 * Why these keys are never changed: nothing is encrypted with them, so the bounds on confidentiality that make TLS
 * change its keys (RFC 8446, 5.5) say nothing here, and as the nonces are counted, not drawn, NIST's 2³² calls a key
 * (8.3) do not either. What is left is forgery. One false tag ends the connection, so there is one attempt a key, and
 * it succeeds with a chance of at most (l + 1) / 2¹²⁸ · exp(q² / 2¹²⁹) (Bernstein 2005, "Stronger security bounds for
 * Wegman-Carter-Shoup authenticators") for l = 4097 blocks a frame and q frames: below 2⁻¹¹⁵ up to SL_TAGS_MAX, which
 * is 16 EiB of full frames. There the connection ends, and the next one has new keys. */
#ifndef SL_TRANSPORT_TAGS_H
#define SL_TRANSPORT_TAGS_H

#include <stdbool.h>
#include <stdint.h>

#include <gnutls/crypto.h>

#include <starling/error.h>

enum { SL_TAG_SIZE = 16, SL_TAG_KEY_SIZE = 32 };
#define SL_TAGS_MAX (UINT64_C(1) << 48) /* frames of one direction */

/* One direction. All zero: none, the frames of this direction have no tags. */
struct sl_tags {
    gnutls_aead_cipher_hd_t cipher;
    uint64_t count; /* frames so far */
};

/* The key is not needed afterwards. SL_CRYPTO, SL_NO_MEMORY. */
SL_MUST_USE enum sl_status sl_tags_init(struct sl_tags *tags, const uint8_t key[SL_TAG_KEY_SIZE],
                                        struct sl_error *error);
void sl_tags_finish(struct sl_tags *tags); /* wipes the key; accepts all zero */
static inline bool sl_tags_are_on(const struct sl_tags *tags) {
    return tags->cipher != NULL;
}

/* The next frame's tag; `payload` may be NULL where its length is 0. SL_CRYPTO: GnuTLS failed, or SL_TAGS_MAX frames
 * are out. */
SL_MUST_USE enum sl_status sl_tags_make(struct sl_tags *tags, uint8_t out[SL_TAG_SIZE], const uint8_t *header,
                                        size_t header_length, const uint8_t *payload, size_t payload_length);
/* Whether this is the next frame, whole and unaltered. Takes the same time wherever a tag differs. */
bool sl_tags_check(struct sl_tags *tags, const uint8_t tag[SL_TAG_SIZE], const uint8_t *header, size_t header_length,
                   const uint8_t *payload, size_t payload_length);

#endif
