/*
 * The head of a frame and the plaintext of knock, behind and envelope.
 *
 * Bounds only: nothing here is authentic, and nothing here decides. Errors of
 * every decoder: OL_ERR_SHORT, OL_ERR_LONG, OL_ERR_MALFORMED.
 * Source: doc/protocol.md 2 to 4.
 */
#ifndef OL_WIRE_FRAME_H
#define OL_WIRE_FRAME_H

#include <openline/err.h>
#include <openline/span.h>

#include "wire/messages.h"

struct ol_frame_head {
    uint32_t index;
    uint32_t counter;
};

/* Needs OL_FRAME_OVER..OL_FRAME_MAX bytes with type OL_PACKET_FRAME. */
OL_MUST_USE enum ol_err ol_frame_decode(struct ol_span packet,
                                        struct ol_frame_head *head);
/* Writes the OL_FRAME_HEAD bytes that are the associated data. */
void ol_frame_encode(struct ol_writer *w, const struct ol_frame_head *head);

/* A channel name: 1 to 16 of [a-z0-9-], first a letter. */
bool ol_channel_name_ok(struct ol_span name);
/* A station name: [a-z][a-z0-9-]{0,31}. */
bool ol_station_name_ok(struct ol_span name);

struct ol_knock {
    uint64_t opening;
    uint32_t tag;         /* of the channel: ol_channel_tag in crypto */
    struct ol_span noise; /* borrowed from the plaintext */
};

OL_MUST_USE enum ol_err ol_knock_decode(struct ol_span plain,
                                        struct ol_knock *knock);
void ol_knock_encode(struct ol_writer *w, const struct ol_knock *knock);

struct ol_behind {
    uint64_t opening; /* the highest the answering side has seen or sent */
    uint8_t nonce[OL_SEALED_NONCE]; /* of the knock that is answered */
};

OL_MUST_USE enum ol_err ol_behind_decode(struct ol_span plain,
                                         struct ol_behind *behind);
void ol_behind_encode(struct ol_writer *w, const struct ol_behind *behind);

struct ol_envelope {
    uint64_t number; /* of the bundle, per line and direction */
    uint32_t prekey; /* 0: the card's static key */
    uint64_t seen;   /* the receiver's highest that its sender has opened */
    uint8_t heard[8]; /* the receiver's newest boot id that its sender knows,
                         or zeros */
};

OL_MUST_USE enum ol_err ol_envelope_decode(struct ol_span plain,
                                           struct ol_envelope *env);
void ol_envelope_encode(struct ol_writer *w, const struct ol_envelope *env);

#endif
