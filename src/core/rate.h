/*
 * How fast a path delivers, and how short it is: one estimator for datagrams
 * and streams. Owns struct ol_rate, a part of struct ol_path.
 *
 * Rate: after draft-cheng-iccrg-delivery-rate-estimation. What is under way is
 * bounded by rate and least round trip (ol_rate_window). Source:
 * doc/protocol.md 7.
 */
#ifndef OL_CORE_RATE_H
#define OL_CORE_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct ol_path;
struct ol_flight;

struct ol_rate {
    uint64_t best, newer;    /* bytes a second; of the last rounds; 0: none */
    uint64_t declared;       /* by the configuration, 0: not */
    bool stream;
    uint64_t min_rtt_ns;     /* 0: no sample */
    uint64_t rtt_ns;         /* the newest */
    uint64_t min_ns;         /* when it was seen last */
    uint64_t risen_ns;       /* the least of those that are to replace it, */
    uint8_t risen;           /* and how many they are */
    bool aside;              /* the least's ACK came by another channel */
    uint64_t delivered_ns;   /* the newest ack, */
    uint64_t first_ns;       /* and when the newest acked frame was sent */
    uint32_t delivered;      /* bytes acked; wraps */
    uint32_t round_end;      /* a round is over when that was delivered */
    uint32_t limited_end;    /* until then too little was sent to tell */
    bool limited;
    uint8_t rounds;          /* in `newer` */
    uint8_t flat;            /* rounds in a row without a higher rate */
    uint64_t flat_rate;
    bool full;               /* the path was filled once: the rate is its own */
    /* Of the acks of this step: the frame that was sent last. */
    bool any, any_limited;
    uint32_t from;
    uint64_t from_ns, sending_ns;
};

/* A path that nothing is known of, again. */
void ol_rate_forget(struct ol_rate *r);
/* A frame leaves; before it counts as in flight. */
void ol_rate_sent(struct ol_path *p, struct ol_flight *f, uint64_t now_ns);
/* It was acked. After all of one ACK: ol_rate_done. */
void ol_rate_acked(struct ol_rate *r, const struct ol_flight *f,
                   uint64_t now_ns);
void ol_rate_done(struct ol_path *p, uint64_t now_ns);
/* A round trip, of frame f; aside: its ACK came by another channel. */
void ol_rate_rtt(struct ol_rate *r, const struct ol_flight *f, uint64_t rtt_ns,
                 bool aside, uint64_t now_ns);
/* So many bytes may be under way; UINT32_MAX: not known yet. */
uint32_t ol_rate_window(const struct ol_rate *r, uint64_t now_ns);
/* What the path delivers in its least round trip. */
uint32_t ol_rate_product(const struct ol_rate *r);
/* There was nothing more to send, though more might have gone. */
void ol_rate_limited(struct ol_path *p);

#endif
