/*
 * Noise rev 34: IKpsk2 for the handshake, Kpsk0 for a pouch bundle.
 *
 * Suite 25519, ChaChaPoly, BLAKE2b (HMAC-BLAKE2b with a 128-byte block as
 * HKDF's hash). create/consume pairs, one per message; a consume works on a
 * copy of the state and commits only when everything verified; every secret
 * on the stack is wiped at one out:. Errors of consume: OL_ERR_SHORT,
 * OL_ERR_LONG, OL_ERR_AUTH (a tag, a zero DH result), OL_ERR_FOREIGN (a
 * static key that is not the expected peer's), OL_ERR_DENIED (not the next
 * message of this state; a duplicate). After an error the state is as before
 * and payload holds nothing. payload does not overlap msg. A state whose
 * second message is made or read is wiped, but for what it handed out.
 * Ephemeral keys come from the caller's generator; tests fix them.
 */
#ifndef OL_CRYPTO_NOISE_H
#define OL_CRYPTO_NOISE_H

#include "crypto/crypto.h"

#define OL_NOISE_HASH 64u

struct ol_noise {
    uint8_t ck[OL_NOISE_HASH], h[OL_NOISE_HASH];
    uint8_t k[OL_KEY];
    uint64_t n;
    bool has_key;
    uint8_t e_sk[32], e_pk[32]; /* own ephemeral */
    uint8_t re[32];             /* the other's */
    uint8_t s_sk[32], s_pk[32]; /* own static */
    uint8_t rs[32];             /* the other's */
    uint8_t psk[32];
};

/* Two directions of one session: from the handshake's initiator, and to it. */
struct ol_noise_keys {
    uint8_t from_initiator[OL_KEY], to_initiator[OL_KEY];
};

/* Both sides know both static keys; rs has passed ol_shared_make. e_sk: 32
 * random bytes, own ephemeral, for this one handshake. */
void ol_noise_ik_init(struct ol_noise *ns, bool initiator,
                      struct ol_span prologue, const uint8_t s_sk[32],
                      const uint8_t s_pk[32], const uint8_t rs[32],
                      const uint8_t psk[32], const uint8_t e_sk[32]);

/* -> e, es, s, ss        out: payload.n + 96 bytes */
void ol_noise_ik1_create(struct ol_noise *ns, struct ol_span payload,
                         uint8_t *out);
OL_MUST_USE enum ol_err ol_noise_ik1_consume(struct ol_noise *ns,
                                             struct ol_span msg,
                                             uint8_t *payload);
/* <- e, ee, se, psk      out: payload.n + 48 bytes */
void ol_noise_ik2_create(struct ol_noise *ns, struct ol_span payload,
                         uint8_t *out, struct ol_noise_keys *keys);
OL_MUST_USE enum ol_err ol_noise_ik2_consume(struct ol_noise *ns,
                                             struct ol_span msg,
                                             uint8_t *payload,
                                             struct ol_noise_keys *keys);

/*
 * Kpsk0 -> psk, e, es, ss   out: payload.n + 48 bytes. One shot both ways.
 * seal: s is the own static pair, rs the peer's prekey (or its card's static
 * key); open: s is the pair of that prekey, rs the peer's static key. Errors
 * of seal: OL_ERR_AUTH for a prekey of small order (a peer chose it, so that
 * is no assertion), OL_ERR_LONG.
 */
OL_MUST_USE enum ol_err ol_noise_k_seal(struct ol_span prologue,
                                        const uint8_t s_sk[32],
                                        const uint8_t s_pk[32],
                                        const uint8_t rs[32],
                                        const uint8_t psk[32],
                                        const uint8_t e_sk[32],
                                        struct ol_span payload, uint8_t *out);
OL_MUST_USE enum ol_err ol_noise_k_open(struct ol_span prologue,
                                        const uint8_t s_sk[32],
                                        const uint8_t s_pk[32],
                                        const uint8_t rs[32],
                                        const uint8_t psk[32],
                                        struct ol_span msg, uint8_t *payload);

void ol_noise_fini(struct ol_noise *ns); /* wipes */

#endif
