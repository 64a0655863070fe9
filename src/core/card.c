/*
 * Cards, signed.
 *
 * The signature covers the very bytes that travel, so they are checked before
 * they are believed: the body is decoded first only because the key to check
 * with stands in it, and what was decoded is wiped when the check fails.
 */
#include "core/card.h"

#include <string.h>

enum ol_err ol_card_seal(struct ol_writer *text, const struct ol_card *card,
                         const struct ol_identity *id)
{
    uint8_t binary[OL_CARD_MAX];
    struct ol_card own = *card;
    struct ol_writer w;
    struct ol_span body;
    uint8_t *sig;
    enum ol_err err;

    memcpy(own.ed_pk, id->ed_pk, sizeof(own.ed_pk));
    memcpy(own.x_pk, id->x_pk, sizeof(own.x_pk));
    ol_writer_init(&w, binary, sizeof(binary));
    err = ol_card_encode(&w, &own);
    if (err != OL_OK)
        goto out;
    body = ol_writer_span(&w);
    sig = ol_write_hole(&w, OL_CARD_SIG);
    if (sig == NULL) {
        err = OL_ERR_TOO_LONG;
        goto out;
    }
    ol_sign(sig, id, OL_CARD_PREFIX, body);
    err = ol_card_armour(text, ol_writer_span(&w));
out:
    ol_wipe(&own, sizeof(own));
    ol_wipe(binary, sizeof(binary));
    return err;
}

enum ol_err ol_card_open(struct ol_span text, struct ol_card *card)
{
    uint8_t binary[OL_CARD_MAX];
    struct ol_writer w;
    struct ol_span body;
    enum ol_err err;

    ol_writer_init(&w, binary, sizeof(binary));
    err = ol_card_dearmour(text, &w);
    if (err != OL_OK)
        goto out;
    if (w.n <= OL_CARD_SIG) {
        err = OL_ERR_MALFORMED;
        goto out;
    }
    body = OL_SPAN(binary, w.n - OL_CARD_SIG);
    err = ol_card_decode(body, card);
    if (err == OL_OK)
        err = ol_sign_check(binary + body.n, card->ed_pk, OL_CARD_PREFIX,
                            body);
out:
    if (err != OL_OK)
        ol_wipe(card, sizeof(*card));
    ol_wipe(binary, sizeof(binary));
    return err;
}
