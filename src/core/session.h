/*
 * The keys that a line speaks under: attempts and responses of the handshake
 * (hand.c), and the epochs that come of them (epoch.c). A handshake that fails
 * leaves the epochs as they were.
 */
#ifndef OL_CORE_SESSION_H
#define OL_CORE_SESSION_H

#include <openline/line.h>

#include "base/window.h"
#include "crypto/knock.h"
#include "crypto/noise.h"
#include "wire/frame.h"
#include "wire/messages.h"

struct ol_line;

/* ---- epochs (epoch.c) --------------------------------------------------- */

enum ol_epoch_state { OL_EP_FREE, OL_EP_UNCONFIRMED, OL_EP_CONFIRMED };

struct ol_epoch_chan {
    struct ol_frame_key tx, rx;
    uint32_t counter;     /* the next to send */
    struct ol_window seen;
    uint32_t owed_acks;   /* frames that ask for an ack */
    uint8_t owed_logs;    /* and of which logs they had records */
    uint8_t brief_logs;   /* of these a BRIEF has said last what is held, */
    uint64_t brief_ns;    /* and may not be there before this */
    uint64_t ack_due_ns;  /* OL_NEVER_NS: nothing to ack */
    uint64_t high_ns;     /* when the highest was heard */
    uint16_t ack_also; /* bit c: no channel is of use, so an ack goes there
                          too, with what goes there anyway */
};

struct ol_epoch {
    uint8_t state; /* enum ol_epoch_state */
    bool initiator;
    uint8_t boot[8]; /* of the peer, once held_seen: an epoch ends with it */
    bool held_seen; /* the peer's HELD arrived: segments may go */
    bool told;      /* a HELD of ours has arrived: the peer knows our boot */
    uint64_t opening;
    uint64_t made_ns, confirmed_ns;
    uint64_t settle_ns;  /* time to be answered in, before another is tried */
    uint64_t segment_ns; /* the first record segment, 0: none */
    uint64_t dies_ns;    /* receive keys end */
    struct ol_epoch_chan ch[OL_CHANNELS_MAX];
};

/* ---- the handshake (hand.c) --------------------------------------------- */

struct ol_attempt {
    bool active;
    bool made;       /* msg is there; else its number awaits the disk */
    uint64_t opening;
    uint64_t before; /* the number that we made before it: none in between */
    uint64_t batch;  /* that reserves the number */
    uint64_t started_ns;
    struct ol_noise noise;
    uint8_t msg[OL_NOISE_IK1_OVER + OL_PAYLOAD_MAX];
    uint16_t msg_n;
    uint64_t next_ns[OL_CHANNELS_MAX];
    uint32_t sent; /* knocks, all channels */
    uint16_t on;   /* bit c: one went there */
    uint64_t first_ns; /* the first of all */
};

struct ol_response { /* the newest one, for knocks that come again */
    bool valid;
    bool due;       /* not sent yet: awaits the disk */
    bool heard;     /* a frame came in it, or in one as new: no need */
    uint64_t opening;
    uint8_t e[32]; /* of the message 1 that it answers */
    uint64_t batch;
    uint16_t channel; /* where the knock came from */
    struct ol_addr to;
    uint16_t on;      /* bit c: it went there */
    uint64_t sent_ns; /* when */
    uint32_t held[OL_PRECS]; /* what it says of the peer's logs: upto, */
    uint32_t limit[OL_PRECS]; /* and limit */
    uint8_t msg[OL_NOISE_IK2_OVER + OL_PAYLOAD_MAX];
    uint16_t msg_n;
};

/* ---- hand.c ------------------------------------------------------------- */

/* Opens and handles a KNOCK, RESPONSE or BEHIND. */
enum ol_err ol_hand_packet(struct ol_line *l, const struct ol_event *ev);
/* Starts an attempt when one is called for; sends what is due. */
void ol_hand_pump(struct ol_line *l);
/* The next knocks go at once: a transport came up. */
void ol_hand_hurry(struct ol_line *l, uint16_t channel);
/* A newer epoch makes an attempt pointless. */
void ol_hand_confirmed(struct ol_line *l, const struct ol_epoch *e);
/* A frame authenticated in e: who speaks in it needs no response to a knock of
 * its number or a lower one. */
void ol_hand_heard(struct ol_line *, const struct ol_epoch *e);
/* The first frame in it came on c: on a narrow channel proof that our response
 * arrived there, if it went nowhere else. */
void ol_hand_proved(struct ol_line *l, const struct ol_epoch *e, unsigned c,
                    const struct ol_addr *from);
/* Has our response told the peer of e what we hold of its log. */
bool ol_hand_told(const struct ol_line *l, const struct ol_epoch *e,
                  unsigned prec);

/* ---- epoch.c ------------------------------------------------------------ */

/* A new epoch in the freest slot. */
struct ol_epoch *ol_epoch_make(struct ol_line *l, uint64_t opening,
                               bool initiator,
                               const struct ol_noise_keys *keys);
/* It is receivable by both: choose anew what we send under. */
void ol_epoch_confirm(struct ol_line *l, struct ol_epoch *e);
/* Ends what is over. */
void ol_epoch_pump(struct ol_line *l);
/* Which frames does this index stand for: up to 4 (epoch, channel) pairs. */
unsigned ol_epoch_find(const struct ol_line *l, uint32_t index,
                       uint8_t epochs[4], uint8_t channels[4]);
/* Is a new epoch wanted by us now. */
bool ol_epoch_stale(struct ol_line *l);

#endif
