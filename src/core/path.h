/*
 * One channel as a path: what is in flight on it, its round trip, loss and
 * congestion (path.c), and how large a frame passes (size.c). A frame that is
 * lost here gives what it carried back to owed.c, push.c and holding.c.
 */
#ifndef OL_CORE_PATH_H
#define OL_CORE_PATH_H

#include <openline/line.h>

#include "core/rate.h"
#include "wire/chunk.h"
#include "wire/messages.h"

struct ol_line;
struct ol_lchan;

#define OL_REPEAT_MAX 448u /* of a record: it is in one frame everywhere */
#define OL_REFS 8192u    /* segments in flight, all channels */
#define OL_FRAME_REFS 32u /* segments in one frame */
#define OL_NO_REF 0xffffu

#define OL_FLIGHT_HELD 1u
#define OL_FLIGHT_CP 2u
#define OL_FLIGHT_OWED 4u /* all its segments have been owed again: doubt */
#define OL_FLIGHT_WANT 8u
#define OL_FLIGHT_VIEW 16u
#define OL_FLIGHT_PROBE 32u
#define OL_FLIGHT_LIMITED 64u /* there was not enough to send */
#define OL_FLIGHT_CLEAR 128u  /* it met no queue of ours */
#define OL_FLIGHT_URGED 256u  /* what is urgent in it has been owed again */

struct ol_flight {
    uint32_t counter;
    uint32_t held_serial; /* of the HELD in it */
    union {
        uint32_t want_serial; /* OL_FLIGHT_WANT: of the WANT in it */
        uint32_t probe_id;    /* OL_FLIGHT_PROBE: its ECHO is its ack */
    };
    uint32_t view_serial; /* of the VIEW in it */
    uint16_t bytes;
    uint16_t ref;  /* chain of segments */
    uint16_t flags;
    uint8_t held_logs; /* logs that its HELD mentioned */
    uint8_t cp_logs;
    bool open;     /* neither acked nor lost */
    bool lost;     /* it was declared so; an ack may still say otherwise */
    uint64_t sent_ns;
    uint32_t delivered;  /* rate.c: what was, when it left, */
    uint32_t sending_us; /* how long what was acked last had left by then, */
    uint32_t since_us;   /* and how long it had been acked */
};

#define OL_REF_BLOB OL_PRECS        /* units of a piece */
#define OL_REF_NONE (OL_PRECS + 1u) /* of an attachment that is given up */

struct ol_carried { /* one segment in flight, or units of a piece */
    uint32_t index; /* record, or piece */
    uint16_t next;
    uint8_t prec; /* or OL_REF_* */
    uint8_t word; /* BLOB: which 64 units the mask is of */
    uint64_t mask;
};

struct ol_path {
    /* in flight: a ring in order of counters, head..tail */
    uint32_t head, tail; /* tail - head <= OL_INFLIGHT_MAX */
    struct ol_flight flight[OL_INFLIGHT_MAX];
    uint32_t open;        /* of these */
    uint32_t bytes;       /* in open ones */
    uint32_t high;        /* highest counter acked in this epoch */
    bool high_any;
    /* RFC 9002 */
    uint64_t srtt_ns, rttvar_ns; /* srtt 0: no sample */
    struct ol_rate rate;         /* rate.c */
    uint64_t slow_ns; /* narrow: how long its largest frame takes, else 0 */
    uint32_t cwnd, ssthresh;
    uint64_t recovery_ns; /* losses of frames sent before count once */
    uint32_t undo_cwnd, undo_ssthresh; /* as they were before the halving, */
    uint32_t undo_lost; /* which so many frames are the reason for, */
    uint64_t undo_after_ns; /* sent after this */
    uint32_t apart;     /* a frame is lost so many counters below an ack, */
    uint8_t apart_left; /* for so many halvings more, unless one comes late */
    /* Repeats (copies.c): how long a word of a record takes to come back, */
    uint64_t turn_ns, turnvar_ns; /* as it came; 0: none did */
    uint32_t allowed;             /* bytes that may go now, and since when */
    uint64_t allowed_ns;
    uint64_t repeats;             /* frames, since this channel was made */
    uint64_t pace_ns;     /* the next data frame may go then */
    uint64_t loss_ns;     /* time threshold of the oldest, OL_NEVER_NS */
    uint32_t pto_count;
    uint64_t pto_ns;      /* when the next probe timeout fires */
    double loss;          /* recent share, for people */
    uint64_t acked_n, lost_n; /* frames, since this channel was made */
    /* size.c */
    uint32_t frame;       /* the largest that is sent, but for probes */
    uint32_t top;         /* so large is lost, 0: not known */
    uint32_t asked;       /* the size that is being tried, 0: none */
    uint32_t asks;        /* of that size, lost */
    uint32_t large_lost;  /* in a row */
    uint32_t least_lost;  /* the smallest of them */
    uint32_t most_acked;  /* the largest size that was acked, this epoch, */
    uint32_t acked_at;    /* and the highest counter of such a one */
    uint64_t ask_ns;      /* the next padded probe */
    uint64_t again_ns;    /* how long a search that is over holds */
};

/* ---- path.c ------------------------------------------------------------- */

void ol_path_init(struct ol_path *p, const struct ol_chan_conf *conf);
/* A frame left. Returns its flight, or NULL when the ring is full (then the
 * caller has asked ol_path_room before and cannot be here). */
struct ol_flight *ol_path_sent(struct ol_line *l, unsigned c,
                               uint32_t counter, size_t bytes);
bool ol_path_room(const struct ol_path *p);
/* Adds a segment to a flight (its next is not looked at); false when no ref is
 * left. */
bool ol_path_ref(struct ol_line *l, struct ol_flight *f,
                 const struct ol_carried *what);
/* What flies of an attachment is given up. */
void ol_path_forget_blobs(struct ol_line *l);
bool ol_path_ref_left(const struct ol_line *l);
/* A FRAMES-ACK for channel c in the epoch that we send under, which came on
 * channel `on`. */
void ol_path_acked(struct ol_line *l, unsigned c, const struct ol_ack *ack,
                   unsigned on);
/* An ECHO: it acks the frame of its probe, if that went alone. false: nothing
 * in flight is of that id. */
bool ol_path_echoed(struct ol_line *l, unsigned c, const struct ol_probe *echo);
/* A new epoch: what is in flight is owed again; the path is the same. */
void ol_path_begin(struct ol_line *l, unsigned c);
/* Everything in flight is lost (the connection is gone), and the path may be
 * another when it returns. */
void ol_path_drop(struct ol_line *l, unsigned c);
/* What is in flight is owed again without being lost: the channel is in
 * doubt. */
void ol_path_doubt(struct ol_line *l, unsigned c);
/* Of what is in flight on c, what would get there before by_ns by another
 * channel is owed again. */
void ol_path_overtake(struct ol_line *l, unsigned c, uint64_t by_ns);
/* Loss and probe timers. */
void ol_path_pump(struct ol_line *l, unsigned c);
/* How many bytes of data may go now (0: none; then the wake is set). */
size_t ol_path_budget(struct ol_line *l, unsigned c);
/* The same for attachments, which leave room for records. */
size_t ol_path_bulk_budget(struct ol_line *l, unsigned c);
/* So many bytes may be in flight. */
uint32_t ol_path_window(const struct ol_path *p, uint64_t now_ns);
/* At the end of a step. waits: something is owed. */
void ol_path_idle(struct ol_line *l, unsigned c, bool waits);
/* So many bytes of records went, or of attachments, which alone are paced on a
 * stream. */
void ol_path_paced(struct ol_line *l, unsigned c, size_t bytes);
void ol_path_bulk_paced(struct ol_line *l, unsigned c, size_t bytes);
uint64_t ol_path_pto(const struct ol_path *p);
/* After so long a word of a record should have come. */
uint64_t ol_path_turn(const struct ol_path *p);
/* Do small urgent records go again there before they are lost: on datagram
 * channels, unless each frame is dear. */
bool ol_path_repeats(const struct ol_lchan *ch);
/* Takes n bytes from the allowance for repeats; false: there are not as many.
 * It is what the least window would carry, and a tenth of a declared rate. */
bool ol_path_allow(struct ol_line *l, unsigned c, size_t n);
/* When the oldest open frame was sent of those behind after_ns; OL_NEVER_NS:
 * there is none. */
uint64_t ol_path_oldest(const struct ol_path *p, uint64_t after_ns);

#endif
