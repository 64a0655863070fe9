/*
 * The handshakes, token by token: IKpsk2 and Kpsk0 of Noise rev 34.
 *
 *   IKpsk2:  <- s                       Kpsk0:  -> s
 *            ...                                <- s
 *            -> e, es, s, ss                    ...
 *            <- e, ee, se, psk                  -> psk, e, es, ss
 *
 * The initiator creates message 1, the responder consumes it and creates
 * message 2, the initiator consumes that; both then hold the same two session
 * keys and an emptied state. A consume works on a copy: whatever a stranger
 * sends, the state that waits for the true message stays as it was, and it
 * costs at most two Diffie-Hellman results before the first tag is checked.
 */
#include "crypto/noise.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"
#include "crypto/symmetric.h"

#define DHLEN 32u
#define E_END DHLEN                            /* e in the clear */
#define S_END (E_END + DHLEN + OL_AEAD_TAG)    /* s behind it, sealed */
#define IK1_OVER (S_END + OL_AEAD_TAG)         /* and the payload's tag */
#define IK2_OVER (E_END + OL_AEAD_TAG)
#define K_OVER (E_END + OL_AEAD_TAG)

/* What lies between two places of a message, or behind one. */
static struct ol_span part(struct ol_span msg, size_t from, size_t to)
{
    return OL_SPAN(msg.p + from, to - from);
}

static enum ol_err length(struct ol_span msg, size_t over)
{
    if (msg.n < over)
        return OL_ERR_SHORT;
    return msg.n > OL_NOISE_MESSAGE_MAX ? OL_ERR_LONG : OL_OK;
}

/* Any of ee, es, se, ss. Refuses a result of zero, which a key of small
 * order brings about and which would put no secret into the chain. */
static enum ol_err dh(struct ol_noise *ns, const uint8_t sk[32],
                      const uint8_t pk[32])
{
    uint8_t result[DHLEN];
    enum ol_err err = OL_ERR_AUTH;

    if (crypto_scalarmult(result, sk, pk) == 0) {
        ol_sym_mix_key(ns, result);
        err = OL_OK;
    }
    ol_wipe(result, sizeof(result));
    return err;
}

/* e of a handshake with a psk: it is also mixed into the key, so that no
 * nonce repeats under a key that the psk alone made (section 9.2). */
static void token_e(struct ol_noise *ns, const uint8_t e_pk[32])
{
    ol_sym_mix_hash(ns, OL_SPAN(e_pk, DHLEN));
    ol_sym_mix_key(ns, e_pk);
}

static void keep_keys(struct ol_noise *ns, const uint8_t s_sk[32],
                      const uint8_t s_pk[32], const uint8_t rs[32],
                      const uint8_t psk[32])
{
    memcpy(ns->s_sk, s_sk, 32);
    memcpy(ns->s_pk, s_pk, 32);
    memcpy(ns->rs, rs, 32);
    memcpy(ns->psk, psk, 32);
}

static void keep_ephemeral(struct ol_noise *ns, const uint8_t e_sk[32])
{
    memcpy(ns->e_sk, e_sk, 32);
    int rc = crypto_scalarmult_base(ns->e_pk, ns->e_sk);
    OL_CHECK(rc == 0);
}

void ol_noise_ik_init(struct ol_noise *ns, bool initiator,
                      struct ol_span prologue, const uint8_t s_sk[32],
                      const uint8_t s_pk[32], const uint8_t rs[32],
                      const uint8_t psk[32], const uint8_t e_sk[32])
{
    memset(ns, 0, sizeof(*ns));
    keep_keys(ns, s_sk, s_pk, rs, psk);
    keep_ephemeral(ns, e_sk);
    ol_sym_init(ns, "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2b");
    ol_sym_mix_hash(ns, prologue);
    /* <- s */
    ol_sym_mix_hash(ns, OL_SPAN(initiator ? rs : s_pk, DHLEN));
}

void ol_noise_ik1_create(struct ol_noise *ns, struct ol_span payload,
                         uint8_t *out)
{
    OL_CHECK(!ns->has_key);
    OL_CHECK(payload.n <= OL_NOISE_MESSAGE_MAX - IK1_OVER);

    /* e */
    memcpy(out, ns->e_pk, DHLEN);
    token_e(ns, ns->e_pk);

    /* es: ol_shared_make has refused the keys with which it could fail */
    enum ol_err err = dh(ns, ns->e_sk, ns->rs);
    OL_CHECK(err == OL_OK);

    /* s */
    ol_sym_encrypt_and_hash(ns, OL_SPAN_ARRAY(ns->s_pk), out + E_END);

    /* ss */
    err = dh(ns, ns->s_sk, ns->rs);
    OL_CHECK(err == OL_OK);

    /* payload */
    ol_sym_encrypt_and_hash(ns, payload, out + S_END);
}

enum ol_err ol_noise_ik1_consume(struct ol_noise *ns, struct ol_span msg,
                                 uint8_t *payload)
{
    struct ol_noise t = *ns;
    uint8_t s[DHLEN] = {0};
    enum ol_err err = OL_ERR_DENIED;

    if (ns->has_key)
        goto out;
    if ((err = length(msg, IK1_OVER)))
        goto out;

    /* e */
    memcpy(t.re, msg.p, DHLEN);
    token_e(&t, t.re);

    /* es */
    if ((err = dh(&t, t.s_sk, t.re)))
        goto out;

    /* s: only ever the one peer of this line */
    if ((err = ol_sym_decrypt_and_hash(&t, part(msg, E_END, S_END), s)))
        goto out;
    err = OL_ERR_FOREIGN;
    if (!ol_same(s, t.rs, DHLEN))
        goto out;

    /* ss */
    if ((err = dh(&t, t.s_sk, t.rs)))
        goto out;

    /* payload */
    if ((err = ol_sym_decrypt_and_hash(&t, part(msg, S_END, msg.n), payload)))
        goto out;
    *ns = t;
out:
    ol_wipe(&t, sizeof(t));
    ol_wipe(s, sizeof(s));
    return err;
}

void ol_noise_ik2_create(struct ol_noise *ns, struct ol_span payload,
                         uint8_t *out, struct ol_noise_keys *keys)
{
    OL_CHECK(ns->has_key);
    OL_CHECK(payload.n <= OL_NOISE_MESSAGE_MAX - IK2_OVER);

    /* e */
    memcpy(out, ns->e_pk, DHLEN);
    token_e(ns, ns->e_pk);

    /* ee: consuming message 1 has shown, in es, that re is a true key */
    enum ol_err err = dh(ns, ns->e_sk, ns->re);
    OL_CHECK(err == OL_OK);

    /* se */
    err = dh(ns, ns->e_sk, ns->rs);
    OL_CHECK(err == OL_OK);

    /* psk */
    ol_sym_mix_key_and_hash(ns, ns->psk);

    /* payload */
    ol_sym_encrypt_and_hash(ns, payload, out + E_END);

    ol_sym_split(ns, keys);
    ol_noise_fini(ns);
}

enum ol_err ol_noise_ik2_consume(struct ol_noise *ns, struct ol_span msg,
                                 uint8_t *payload, struct ol_noise_keys *keys)
{
    struct ol_noise t = *ns;
    enum ol_err err = OL_ERR_DENIED;

    /* A finished state is all zeros: anybody could answer that one. */
    if (!ns->has_key)
        goto out;
    if ((err = length(msg, IK2_OVER)))
        goto out;

    /* e */
    memcpy(t.re, msg.p, DHLEN);
    token_e(&t, t.re);

    /* ee */
    if ((err = dh(&t, t.e_sk, t.re)))
        goto out;

    /* se */
    if ((err = dh(&t, t.s_sk, t.re)))
        goto out;

    /* psk */
    ol_sym_mix_key_and_hash(&t, t.psk);

    /* payload */
    if ((err = ol_sym_decrypt_and_hash(&t, part(msg, E_END, msg.n), payload)))
        goto out;
    ol_sym_split(&t, keys);
    ol_noise_fini(ns);
out:
    ol_wipe(&t, sizeof(t));
    return err;
}

enum ol_err ol_noise_k_seal(struct ol_span prologue, const uint8_t s_sk[32],
                            const uint8_t s_pk[32], const uint8_t rs[32],
                            const uint8_t psk[32], const uint8_t e_sk[32],
                            struct ol_span payload, uint8_t *out)
{
    struct ol_noise t = {0};
    enum ol_err err = OL_ERR_LONG;

    if (payload.n > OL_NOISE_MESSAGE_MAX - K_OVER)
        goto out;
    keep_keys(&t, s_sk, s_pk, rs, psk);
    keep_ephemeral(&t, e_sk);
    ol_sym_init(&t, "Noise_Kpsk0_25519_ChaChaPoly_BLAKE2b");
    ol_sym_mix_hash(&t, prologue);
    /* -> s */
    ol_sym_mix_hash(&t, OL_SPAN_ARRAY(t.s_pk));
    /* <- s */
    ol_sym_mix_hash(&t, OL_SPAN_ARRAY(t.rs));

    /* psk */
    ol_sym_mix_key_and_hash(&t, t.psk);

    /* e */
    memcpy(out, t.e_pk, DHLEN);
    token_e(&t, t.e_pk);

    /* es: rs is a prekey, which the peer chose and nobody has tried yet */
    if ((err = dh(&t, t.e_sk, t.rs)))
        goto out;

    /* ss */
    if ((err = dh(&t, t.s_sk, t.rs)))
        goto out;

    /* payload */
    ol_sym_encrypt_and_hash(&t, payload, out + E_END);
out:
    ol_wipe(&t, sizeof(t));
    return err;
}

enum ol_err ol_noise_k_open(struct ol_span prologue, const uint8_t s_sk[32],
                            const uint8_t s_pk[32], const uint8_t rs[32],
                            const uint8_t psk[32], struct ol_span msg,
                            uint8_t *payload)
{
    struct ol_noise t = {0};
    enum ol_err err = length(msg, K_OVER);

    if (err)
        goto out;
    keep_keys(&t, s_sk, s_pk, rs, psk);
    ol_sym_init(&t, "Noise_Kpsk0_25519_ChaChaPoly_BLAKE2b");
    ol_sym_mix_hash(&t, prologue);
    /* -> s */
    ol_sym_mix_hash(&t, OL_SPAN_ARRAY(t.rs));
    /* <- s */
    ol_sym_mix_hash(&t, OL_SPAN_ARRAY(t.s_pk));

    /* psk */
    ol_sym_mix_key_and_hash(&t, t.psk);

    /* e */
    memcpy(t.re, msg.p, DHLEN);
    token_e(&t, t.re);

    /* es */
    if ((err = dh(&t, t.s_sk, t.re)))
        goto out;

    /* ss */
    if ((err = dh(&t, t.s_sk, t.rs)))
        goto out;

    /* payload */
    err = ol_sym_decrypt_and_hash(&t, part(msg, E_END, msg.n), payload);
out:
    ol_wipe(&t, sizeof(t));
    return err;
}

void ol_noise_fini(struct ol_noise *ns)
{
    ol_wipe(ns, sizeof(*ns));
}
