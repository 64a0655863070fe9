/*
 * Checkpoints: what an author signs about one of its logs.
 *
 * The text is the body of a C2SP tlog-checkpoint and the signature is plain
 * Ed25519 over it, so that other people's tools verify it too. That leaves no
 * room for a prefix of ours; the origin, which begins with "openline/", keeps
 * it apart from everything else that is signed here. A precedence that does
 * not exist is OL_ERR_MALFORMED, for it comes from a peer.
 */
#include "crypto/tree.h"

#include <openline/record.h>
#include <sodium.h>
#include <string.h>

#include "base/check.h"

#define ROOT_TEXT                                                              \
    sodium_base64_ENCODED_LEN(OL_HASH, sodium_base64_VARIANT_ORIGINAL)

static const char *const names[OL_PRECS] = {
    [OL_FLASH] = "flash",
    [OL_IMMEDIATE] = "immediate",
    [OL_PRIORITY] = "priority",
    [OL_ROUTINE] = "routine",
};

struct text {
    char *p;
    size_t n;
};

static void put(struct text *t, const char *s)
{
    size_t n = strlen(s);

    OL_CHECK(n <= OL_CHECKPOINT_TEXT - t->n);
    memcpy(t->p + t->n, s, n);
    t->n += n;
}

static void put_hex(struct text *t, const uint8_t b[32])
{
    char hex[65];

    put(t, sodium_bin2hex(hex, sizeof(hex), b, 32));
}

static void put_decimal(struct text *t, uint32_t v)
{
    char digits[11], *at = digits + sizeof(digits) - 1;

    *at = '\0';
    do {
        *--at = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    put(t, at);
}

size_t ol_checkpoint_text(char out[OL_CHECKPOINT_TEXT],
                          const uint8_t line_id[32],
                          const uint8_t author_pk[32], uint8_t prec,
                          uint32_t size, const uint8_t root[OL_HASH])
{
    struct text t = {.p = out};
    char base64[ROOT_TEXT];

    OL_CHECK(prec < OL_PRECS);
    put(&t, "openline/");
    put_hex(&t, line_id);
    put(&t, "/");
    put_hex(&t, author_pk);
    put(&t, "/");
    put(&t, names[prec]);
    put(&t, "\n");
    put_decimal(&t, size);
    put(&t, "\n");
    put(&t, sodium_bin2base64(base64, sizeof(base64), root, OL_HASH,
                              sodium_base64_VARIANT_ORIGINAL));
    put(&t, "\n");
    return t.n;
}

void ol_checkpoint_sign(uint8_t sig[OL_SIG], const struct ol_identity *id,
                        const uint8_t line_id[32], uint8_t prec, uint32_t size,
                        const uint8_t root[OL_HASH])
{
    char text[OL_CHECKPOINT_TEXT];
    size_t n = ol_checkpoint_text(text, line_id, id->ed_pk, prec, size, root);

    ol_sign(sig, id, "", OL_SPAN(text, n));
}

enum ol_err ol_checkpoint_check(const uint8_t sig[OL_SIG],
                                const uint8_t line_id[32],
                                const uint8_t author_pk[32], uint8_t prec,
                                uint32_t size, const uint8_t root[OL_HASH])
{
    char text[OL_CHECKPOINT_TEXT];

    if (prec >= OL_PRECS)
        return OL_ERR_MALFORMED;
    size_t n = ol_checkpoint_text(text, line_id, author_pk, prec, size, root);
    return ol_sign_check(sig, author_pk, "", OL_SPAN(text, n));
}
