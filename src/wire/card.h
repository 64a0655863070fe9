/*
 * A card's one encoding: deterministic CBOR under a signature, then armour.
 *
 *   body   map 0 version, 1 name, 2 addressee, 3 Ed25519 key, 4 X25519 key,
 *          5 share, 6 channels [[name, url]*]
 *   card   body | signature 64 (Ed25519 over "openline card 1\n" | body)
 *   text   -----BEGIN OPENLINE CARD----- / base64, 64 a line / -----END ...
 *
 * Text in front of and behind the armour is ignored, so that a card survives
 * a mail; within it only base64 and white space stand.
 * Source: doc/protocol.md 1.
 */
#ifndef OL_WIRE_CARD_H
#define OL_WIRE_CARD_H

#include <openline/err.h>
#include <openline/span.h>

#include "wire/messages.h"

#define OL_CARD_VERSION 1u
#define OL_CARD_CHANNELS_MAX OL_CHANNELS_MAX
#define OL_URL_MAX 255u
#define OL_CARD_MAX 8192u  /* binary */
#define OL_CARD_TEXT 12288u /* armoured */
#define OL_CARD_SIG 64u

struct ol_card {
    char name[OL_STATION_MAX + 1]; /* whose card it is */
    char addressee[OL_STATION_MAX + 1];
    uint8_t ed_pk[32], x_pk[32];
    uint8_t share[32]; /* secret: wipe */
    uint8_t n_channels;
    struct {
        char name[OL_NAME_MAX + 1]; /* none twice */
        char url[OL_URL_MAX + 1];   /* 1 to 255 of printable ASCII, no space:
                                       it becomes a word of a file */
    } channels[OL_CARD_CHANNELS_MAX];
};

/* Writes the body without signature. Errors: OL_ERR_INPUT, OL_ERR_TOO_LONG;
 * the writer is then as it was. */
OL_MUST_USE enum ol_err ol_card_encode(struct ol_writer *w,
                                       const struct ol_card *card);
/* Reads a body; exactly what encode writes. Errors: OL_ERR_MALFORMED,
 * OL_ERR_VERSION; the card is then all zeros. The signature is checked by the
 * caller. */
OL_MUST_USE enum ol_err ol_card_decode(struct ol_span body,
                                       struct ol_card *card);
/* Binary card (body | signature) to text and back; after an error the writer
 * is as it was. Errors of armour: OL_ERR_INPUT (an empty card),
 * OL_ERR_TOO_LONG. Of dearmour: OL_ERR_MISSING (no armour found),
 * OL_ERR_MALFORMED, OL_ERR_LONG. The first card of a text counts. */
OL_MUST_USE enum ol_err ol_card_armour(struct ol_writer *w,
                                       struct ol_span card);
OL_MUST_USE enum ol_err ol_card_dearmour(struct ol_span text,
                                         struct ol_writer *card);

#endif
