/*
 * From a passphrase to a key, and long texts sealed in pieces.
 *
 * What a file asks for is checked before libsodium is asked: a hostile one
 * would take all memory, or hours. A piece that does not open leaves zeros.
 */
#include "crypto/pass.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"

#define STATE crypto_secretstream_xchacha20poly1305_state

_Static_assert(sizeof(STATE) <= sizeof(((struct ol_stream *)0)->state),
               "libsodium's state fits");
_Static_assert(OL_STREAM_HEAD ==
                   crypto_secretstream_xchacha20poly1305_HEADERBYTES,
               "head");
_Static_assert(OL_STREAM_OVER == crypto_secretstream_xchacha20poly1305_ABYTES,
               "over");
_Static_assert(OL_KDF_SALT == crypto_pwhash_argon2id_SALTBYTES, "salt");

bool ol_kdf_ok(const struct ol_kdf *kdf)
{
    return kdf->ops >= 1 && kdf->ops <= OL_KDF_OPS_MAX &&
           kdf->mem_kib >= OL_KDF_MEM_KIB_MIN &&
           kdf->mem_kib <= OL_KDF_MEM_KIB_MAX;
}

enum ol_err ol_kdf_key(void *out, size_t n, const struct ol_kdf *kdf,
                       struct ol_span passphrase)
{
    OL_CHECK(n >= 16 && n <= 256);
    if (!ol_kdf_ok(kdf) || passphrase.n == 0 ||
        passphrase.n > OL_PASSPHRASE_MAX)
        return OL_ERR_INPUT;
    if (crypto_pwhash(out, n, (const char *)passphrase.p, passphrase.n,
                      kdf->salt, kdf->ops, (size_t)kdf->mem_kib * 1024,
                      crypto_pwhash_ALG_ARGON2ID13) == 0)
        return OL_OK;
    ol_wipe(out, n);
    return OL_ERR_IO;
}

static STATE *state(struct ol_stream *s)
{
    return (STATE *)(void *)s->state;
}

void ol_stream_seal_start(struct ol_stream *s, uint8_t head[OL_STREAM_HEAD],
                          const uint8_t key[OL_KEY])
{
    int rc = crypto_secretstream_xchacha20poly1305_init_push(state(s), head,
                                                             key);
    OL_CHECK(rc == 0);
}

void ol_stream_seal(struct ol_stream *s, uint8_t *out, struct ol_span ad,
                    struct ol_span in, bool last)
{
    int rc = crypto_secretstream_xchacha20poly1305_push(
        state(s), out, NULL, in.p, in.n, ad.p, ad.n,
        last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : 0);
    OL_CHECK(rc == 0);
}

void ol_stream_open_start(struct ol_stream *s,
                          const uint8_t head[OL_STREAM_HEAD],
                          const uint8_t key[OL_KEY])
{
    int rc = crypto_secretstream_xchacha20poly1305_init_pull(state(s), head,
                                                             key);
    OL_CHECK(rc == 0);
}

enum ol_err ol_stream_open(struct ol_stream *s, uint8_t *out,
                           struct ol_span ad, struct ol_span in, bool *last)
{
    unsigned char tag = 0;

    if (in.n < OL_STREAM_OVER)
        return OL_ERR_CORRUPT;
    if (crypto_secretstream_xchacha20poly1305_pull(
            state(s), out, NULL, &tag, in.p, in.n, ad.p, ad.n) != 0) {
        memset(out, 0, in.n - OL_STREAM_OVER);
        return OL_ERR_CORRUPT;
    }
    *last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    return *last || tag == 0 ? OL_OK : OL_ERR_CORRUPT;
}
