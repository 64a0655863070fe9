/*
 * Cards, signed: what wire/card lays out, under the identity's signature.
 *
 * seal: encode, sign, armour. open: take the armour off, check the signature
 * with the key on the card itself, decode. An opened card says only that it
 * is whole and of one hand; whose hand, the safety number tells.
 * Source: doc/protocol.md 1.
 */
#ifndef OL_CORE_CARD_H
#define OL_CORE_CARD_H

#include "crypto/crypto.h"
#include "wire/card.h"

#define OL_CARD_PREFIX "openline card 1\n"

/* Writes the armoured card (OL_CARD_TEXT bytes are enough); its keys are
 * taken from id. Errors: OL_ERR_INPUT, OL_ERR_TOO_LONG. */
OL_MUST_USE enum ol_err ol_card_seal(struct ol_writer *text,
                                     const struct ol_card *card,
                                     const struct ol_identity *id);

/* Errors: OL_ERR_MISSING (no card in the text), OL_ERR_MALFORMED, OL_ERR_LONG,
 * OL_ERR_VERSION, OL_ERR_AUTH. Wipe the card: it holds a secret share. */
OL_MUST_USE enum ol_err ol_card_open(struct ol_span text,
                                     struct ol_card *card);

#endif
