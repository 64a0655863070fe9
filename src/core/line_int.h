/*
 * The line's whole state, and what the files of the core share.
 *
 * line.c dispatches; each other file owns one part of this structure and is
 * the only one that writes it:
 *
 *   fx.c        effects, batches, what is on disk
 *   hand.c      the handshake: attempts, knocks, responses
 *   epoch.c     generations of session keys
 *   path.c      per channel: round trip, loss, congestion, frames in flight
 *   size.c      per channel: how large a frame passes (size.h)
 *   address.c   per channel: where it sends (address.h)
 *   probe.c     per channel: heard, answered, states; the line's state; views
 *   send.c      own logs: from the submitter to our disk
 *   window.c    own logs: what is loaded, paging
 *   owed.c      own logs: what is owed, what the peer holds
 *   recv.c      the peer's logs: from segments to records on disk
 *   holding.c   who holds what: HELD and checkpoints
 *   push.c      attachments that we serve: what the peer wants of ours
 *   pull.c      the attachment that we ask for
 *   chunks.c    the table of chunk types: what is accepted where
 *   frames.c    frames in and out, and their small chunks
 *   schedule.c  which bytes go on which channel
 *   pouch.c     bundles
 *   pouch_files.c attachments in bundles
 *   prekey.c    whom bundles are sealed to
 *   state.c     what the core itself keeps on disk, as bytes
 *   restore.h   records of ours that only the peer holds, and the other way
 *
 * Each ends with what it wants done by when: ol_wake lowers eff->wake_ns.
 */
#ifndef OL_CORE_LINE_INT_H
#define OL_CORE_LINE_INT_H

#include <openline/line.h>

#include "base/check.h"
#include "base/units.h"
#include "base/window.h"
#include "core/bulk.h"
#include "core/back.h"
#include "core/job.h"
#include "core/kept.h"
#include "core/pool.h"
#include "crypto/crypto.h"
#include "crypto/knock.h"
#include "crypto/noise.h"
#include "crypto/tree.h"
#include "wire/chunk.h"
#include "wire/frame.h"
#include "wire/messages.h"

#define OL_ARENA (256u * 1024)
#define OL_FX_RESERVE 8u /* effects kept free for what must not wait */
#define OL_REFS 8192u    /* segments in flight, all channels */
#define OL_FRAME_REFS 32u /* segments in one frame */
#define OL_NO_REF 0xffffu
#define OL_NONCES 32u    /* of our newest knocks */
#define OL_SENT_RANGES 32u

/* ---- own logs (send.c) -------------------------------------------------- */

struct ol_out_slot {
    uint32_t index; /* 0: empty */
    uint16_t size;  /* canonical bytes */
    uint16_t block;
    uint16_t flights;   /* frames in flight that carry a part */
    uint16_t copies_on; /* bit c: wholly sent on c, and not lost there */
    uint16_t copied_on; /* bit c: a copy went there, lost or not */
    uint64_t owed;      /* bit k: unit k is to be sent */
    uint64_t held;      /* bit k: unit k is on the peer's disk */
    uint8_t root[OL_ROOT]; /* of the log up to here */
};

struct ol_out_log {
    struct ol_tree tree; /* of all `size` records */
    uint32_t size;    /* numbered */
    uint32_t durable; /* on our disk: only these may leave */
    uint32_t acked;   /* held by the peer, root compared */
    uint32_t compared; /* since our start: the newest, and its root */
    uint8_t compared_root[OL_ROOT];
    uint32_t acked_put; /* as told to the ledger */
    uint32_t loaded;  /* slots hold acked+1 .. loaded without a gap */
    uint32_t limit;   /* the peer's credit */
    uint32_t hint;    /* nothing below is owed */
    uint32_t owing;   /* slots that owe something */
    uint32_t behind;  /* HELD waits for the root of this index, 0: none */
    uint8_t behind_root[OL_ROOT];
    uint32_t behind_limit;
    bool stopped;     /* the peer's root is not ours */
    uint64_t return_ns; /* no return begins before */
    struct ol_back back;
    bool loading;     /* a LOAD is under way */
    uint64_t page_ns; /* no LOAD before: the last one gave nothing */
    bool cp_dirty;    /* a checkpoint is to be sent */
    struct ol_checkpoint cp; /* newest signed */
    uint32_t cp_durable;     /* its size, once on disk; 0: none */
    uint64_t cp_ns;   /* no frame takes one along before */
    uint64_t retry_ns;   /* then what is acked and not held is owed again */
    uint8_t retries;
};

/* ---- the peer's logs (recv.c) ------------------------------------------- */

enum ol_in_state { OL_IN_EMPTY, OL_IN_PARTIAL, OL_IN_WHOLE, OL_IN_PUT };

struct ol_in_slot {
    uint32_t index;
    uint16_t size; /* 0: the last segment has not come yet */
    uint16_t block;
    uint8_t state; /* enum ol_in_state */
    uint8_t kind;
    uint8_t rel;       /* what it says of a message, 0: nothing */
    uint64_t of;       /* the number of that message */
    uint64_t number;   /* of a returned one: its own */
    uint64_t mask;     /* units here */
    uint64_t part;     /* units on disk as PART */
    uint64_t part_put; /* units put, in batch */
    uint64_t batch;    /* that makes PUT (or part_put) durable */
    uint64_t since_ns; /* first byte; of a returned one: written, Unix ms */
    uint8_t leaf[OL_HASH];
    bool unread; /* PUT by an earlier boot: its kind is still to be loaded */
};

struct ol_in_log {
    struct ol_tree tree; /* of `upto` records */
    uint32_t upto;       /* put, without a gap */
    uint32_t durable;    /* of these, on disk */
    uint8_t durable_root[OL_ROOT];
    uint8_t root[OL_ROOT]; /* of the first root_at records; zeros: of none */
    uint32_t root_at;
    uint32_t high;       /* the highest index in any slot */
    uint32_t whole;      /* slots that wait to be put */
    bool dirty;          /* the HELD that the peer has lacks something */
    uint32_t told;       /* serial of the newest HELD that mentions it */
    bool urgent;         /* say it on every channel */
    bool has_cp;
    struct ol_checkpoint cp; /* newest that the peer sent; checked at size */
    uint32_t cp_put;         /* size of the last that was compared */
    struct ol_checkpoint signed_cp; /* the last that held; size 0: none */
    uint64_t load, load_ns;  /* of a record that is unread; not before */
    struct ol_give give;
};

/* ---- epochs (epoch.c) --------------------------------------------------- */

enum ol_epoch_state { OL_EP_FREE, OL_EP_UNCONFIRMED, OL_EP_CONFIRMED };

struct ol_epoch_chan {
    struct ol_frame_key tx, rx;
    uint32_t counter;     /* the next to send */
    struct ol_window seen;
    uint32_t owed_acks;   /* frames that ask for an ack */
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
    uint8_t msg[OL_NOISE_IK2_OVER + OL_PAYLOAD_MAX];
    uint16_t msg_n;
};

/* ---- channels (path.c, probe.c) ----------------------------------------- */

#define OL_FLIGHT_HELD 1u
#define OL_FLIGHT_CP 2u
#define OL_FLIGHT_OWED 4u /* its segments have been owed again: doubt */
#define OL_FLIGHT_WANT 8u
#define OL_FLIGHT_VIEW 16u

struct ol_flight {
    uint32_t counter;
    uint32_t held_serial; /* of the HELD in it */
    uint32_t want_serial; /* of the WANT in it */
    uint32_t view_serial; /* of the VIEW in it */
    uint16_t bytes;
    uint16_t ref;  /* chain of segments */
    uint8_t flags;
    uint8_t held_logs; /* logs that its HELD mentioned */
    uint8_t cp_logs;
    bool open;     /* neither acked nor lost */
    uint64_t sent_ns;
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
    uint64_t min_rtt_ns;         /* of the last 10 to 20 s */
    uint64_t min_new_ns, min_since_ns;
    uint32_t cwnd, ssthresh;
    uint64_t recovery_ns; /* losses of frames sent before count once */
    uint64_t shrunk_ns;   /* the queue rule acted last */
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

struct ol_lchan {
    struct ol_chan_conf conf;
    uint64_t hold_ns;
    uint32_t tag;
    bool disabled;
    bool up;             /* transport, empty address */
    uint32_t own_room;   /* bytes that the empty address takes now */
    uint32_t addr_room;  /* the same of addr */
    uint32_t spent;      /* of it, since the transport could tell */
    bool has_addr;       /* addr is where we send; else the empty one */
    struct ol_addr addr;
    bool has_cand;       /* heard from there; to be proved by an echo */
    struct ol_addr cand;
    uint32_t cand_probe; /* the probe id that went there */
    uint64_t cand_ns;    /* and when */
    uint8_t cand_tries;  /* how often it was asked in vain */
    uint64_t cand_move_ns; /* it echoed: it is used then, if nothing speaks
                              against it; OL_NEVER_NS: it did not */
    bool has_prev;       /* an address that was in use, and had echoed */
    struct ol_addr prev;
    bool cand_kept;      /* the address in use answered too: we stayed */
    uint64_t current_ns; /* the address in use echoed last */
    bool proved;         /* addr has echoed */
    int32_t credit;      /* bytes that may go there until it has */
    bool ask;            /* probe now, however well it seems */
    uint64_t news_ns;    /* its network changed: it is to prove itself */
    uint8_t state;       /* enum ol_chan_state */
    uint8_t told;        /* the state last told by an EVENT */
    uint64_t born_ns;    /* enabled since */
    uint64_t heard_ns, answered_ns;
    uint64_t half_ns;    /* since when only one of the two is recent */
    bool late;           /* in doubt because an answer is */
    bool trial;          /* in doubt, too, because it fell too often */
    uint8_t falls;       /* of late, from up or doubtful */
    uint64_t fell_ns, back_ns; /* the last; and when it came back */
    uint64_t down_ns;    /* since when */
    uint64_t probe_next_ns, probe_sent_ns;
    uint32_t probe_id;   /* the newest; 0: none */
    uint64_t probe_at_ns; /* when it was sent */
    bool echo_due;
    struct ol_probe echo;
    uint64_t echo_heard_ns;
    struct ol_addr echo_to;
    uint64_t response_ns; /* the kept response went here last */
    uint64_t held_ns;    /* no HELD before, but for FLASH */
    uint64_t recopy_ns;  /* copies that were lost here went again then */
    uint64_t reset_ns;   /* the transport was last asked to start anew */
    uint8_t peer_state;  /* enum ol_chan_state, as the peer says */
    uint64_t peer_state_ns;
    uint64_t frames_sent, frames_received, bytes_sent, bytes_received;
    uint64_t knocks_sent, knocks_answered, dropped;
    /* pouch */
    uint32_t bundled[OL_PRECS];
    uint64_t bundle_ns;      /* the last with records in it; 0: never */
    uint64_t bundle_held_ns; /* the last that was made for HELD */
    bool bundle_held;        /* HELD has changed since */
    uint64_t blob_after;     /* attachments: the order of the last one in */
    uint64_t blob_resume;    /* of one that is in up to a piece, or 0 */
    uint32_t blob_piece;     /* that piece */
    bool blob_more;          /* some of them wait for a file */
    uint64_t blob_look_ns;   /* then look for some anew */
    uint64_t blob_last; /* the newest bundle that carried some; 0: none did */
    uint64_t blob_asked_ns, blob_pause_ns; /* a WANT made them due */
    struct ol_path path;
};

/* ---- effects and batches (fx.c) ----------------------------------------- */

struct ol_open_batch {
    uint64_t token; /* 0: free */
    uint32_t own[OL_PRECS], peer[OL_PRECS]; /* sizes once it is on disk */
    uint8_t root[OL_PRECS][OL_ROOT];        /* of the peer's */
    uint32_t cp[OL_PRECS];                  /* own checkpoint sizes */
    bool taken;                             /* a SUBMIT is in it */
    uint64_t taken_token, taken_number;
    uint8_t taken_prec;
    uint32_t taken_index;
};

struct ol_sent_range {
    uint16_t channel;
    uint8_t prec;
    uint32_t lo, hi; /* lo 0: free */
};

/* Keys stand in front, what is large behind: a caller that can lock only some
 * of it in memory locks from the front. */
struct ol_line {
    uint64_t magic;
    uint64_t now_ns;
    struct ol_identity id;
    struct ol_peer_keys peer;
    struct ol_shared shared;
    struct ol_wrap_keys wrap;
    struct ol_rng rng;
    uint8_t boot[8];
    uint64_t probe_ns, hold_ns;
    uint64_t start_ns;
    bool full;      /* the disk has no room */
    bool full_told; /* as in the newest HELD */

    uint16_t n_ch;
    struct ol_lchan ch[OL_CHANNELS_MAX];

    struct ol_epoch epoch[OL_EPOCHS_MAX];
    uint8_t unsettled; /* epochs in a row that were confirmed while not live */
    int8_t sending; /* the epoch that we send under; -1: none */
    struct ol_attempt attempt;
    struct ol_response response;
    uint8_t nonces[OL_NONCES][OL_SEALED_NONCE];
    uint32_t n_nonces;
    uint64_t behind_ns; /* the last BEHIND that we sent */
    uint32_t dh_left;   /* tokens of the DH bucket */
    uint64_t dh_ns;
    uint16_t frame_max; /* what the peer takes */

    struct ol_kept kept;
    bool kept_dirty;
    bool kept_erased; /* what it held before is to be gone for good */
    struct ol_put *kept_put; /* of this step, or NULL */
    uint8_t *kept_at;        /* its bytes, which the next step wipes */

    uint64_t ran_s;        /* kept.ran_s at the start */
    uint64_t prekey_batch; /* that makes our newest durable; 0: it is */
    bool prekey_news;      /* the peer may not know our newest */
    uint32_t prekey_told;  /* serial of the newest HELD that says it */
    uint32_t prekey_serial; /* of the HELD that the peer's came in */

    uint64_t number; /* own, highest given */
    uint64_t peer_number; /* the highest of a record of the peer's here */
    bool peer_lost;  /* it said so since this line was made */
    struct ol_out_log out[OL_PRECS];
    struct ol_in_log in[OL_PRECS];
    uint32_t turn; /* of the schedule's share for lower precedences */
    uint32_t held_serial;   /* ours */
    uint16_t data_ch;       /* where the newest segment came */
    uint8_t peer_boot[8];   /* of the newest HELD */
    uint32_t peer_serial[OL_PRECS];
    bool peer_any;
    bool peer_new; /* that boot was not known before this start */

    /* the line's state */
    uint8_t state; /* enum ol_line_state */
    uint8_t told;
    uint64_t dark_since_ns, dark_detected_ns;
    uint64_t last_heard_ns;
    uint64_t answered_ns; /* the newest proof, on any channel */
    uint8_t peer_line;
    uint64_t peer_line_ns;
    uint8_t shown, peer_attendance, told_officer; /* enum ol_attendance */
    uint32_t view_serial, peer_view_serial;
    bool view_dirty;       /* it changed, and has not been said */
    uint32_t view_changed; /* serials up to here say what was before */
    uint32_t view_acked;   /* the newest that arrived in this epoch, */
    uint64_t view_acked_ns; /* and when it was sent; 0: none did */
    uint64_t told_officer_ns, view_ns; /* the newest on the best channel */
    uint64_t wrong_share, wrong_identity;
    uint64_t second, peer_second; /* signs of a copy of a station (hand.c) */
    uint64_t verified; /* the highest number of a knock that was the peer's */

    /* effects */
    struct ol_effects *fx; /* of the current step */
    bool going_on;         /* the last step said more */
    size_t arena_n;
    uint64_t next_token; /* batches and loads */
    uint64_t committed;  /* every batch up to here is on disk */
    uint64_t given;      /* the newest batch */
    struct ol_open_batch batch[OL_BATCHES_MAX];
    struct ol_open_batch *cur; /* the batch of this step, or NULL */
    struct ol_sent_range sent[OL_SENT_RANGES];
    uint64_t lazy_ns; /* what can wait for a batch waits until here */
    bool events_due;  /* a channel's or the line's state is to be told */
    struct {
        const char *what; /* NULL: free */
        uint64_t at_ns;
    } alarmed[OL_ALARMS_MAX];
    const char *alarm; /* to be told, static storage; NULL: none */
    bool import_due;  /* NOTE_IMPORTED is owed */
    uint16_t import_channel;
    uint64_t import_batch;

    uint16_t ref_free, ref_fresh;
    uint32_t refs_used;
    struct ol_carried ref[OL_REFS];
    struct ol_job job;

    struct ol_out_slot out_slot[OL_WINDOW_FLASH + OL_WINDOW_IMMEDIATE +
                                OL_WINDOW_PRIORITY + OL_WINDOW_ROUTINE];
    struct ol_in_slot in_slot[OL_WINDOW_FLASH + OL_WINDOW_IMMEDIATE +
                              OL_WINDOW_PRIORITY + OL_WINDOW_ROUTINE];
    struct ol_in_slot back_slot[OL_PRECS][OL_RETURN_WINDOW];
    struct ol_scan back_scan, give_scan;
    uint64_t give_load, give_scan_ns;
    struct ol_pool out_pool, in_pool;
    struct ol_push push;
    struct ol_pull pull;
    uint8_t plain[OL_BUNDLE_MAX]; /* what was opened last */
    uint8_t arena[OL_ARENA];
};

/* ---- shared by all ------------------------------------------------------ */

extern const uint32_t ol_window_of[OL_PRECS]; /* slots per log */
struct ol_out_slot *ol_out_slot(struct ol_line *l, unsigned prec,
                                uint32_t index);
struct ol_in_slot *ol_in_slot(struct ol_line *l, unsigned prec,
                              uint32_t index);

static inline void ol_wake(struct ol_line *l, uint64_t at_ns)
{
    if (at_ns < l->fx->wake_ns)
        l->fx->wake_ns = at_ns;
}

/* ---- fx.c --------------------------------------------------------------- */

/* Room for n more effects and bytes more of arena, beside the reserve. When
 * there is none, `more` is set and the caller stops. */
bool ol_fx_room(struct ol_line *l, unsigned n, size_t bytes);
/* Arena bytes that stay valid until the next step; room was checked. */
uint8_t *ol_fx_bytes(struct ol_line *l, size_t n);
/* Can a batch be had in this step: one is open already, or a slot is free. */
bool ol_fx_can_put(struct ol_line *l);
/* A put of this step's batch; both can_put and room were checked. The token
 * that makes it durable is l->cur->token. */
struct ol_put *ol_fx_put(struct ol_line *l, enum ol_put_kind kind);
struct ol_effect *ol_fx_add(struct ol_line *l, enum ol_fx kind);
void ol_fx_note(struct ol_line *l, enum ol_note_kind kind, uint16_t channel,
                uint8_t prec, uint32_t index);
/* An alarm for watchers, with the next batch. The text is static. */
void ol_fx_alarm(struct ol_line *l, const char *what);
/* Closes this step's batch: remembers what it makes durable. */
void ol_fx_close(struct ol_line *l);
/* OL_EV_COMMITTED: marks it and hands the facts to send.c and recv.c. */
void ol_fx_committed(struct ol_line *l, uint64_t token);
/* Puts the core's own state; the batch that makes it durable, or 0 when no
 * batch can be had now. */
uint64_t ol_fx_keep(struct ol_line *l);
/* Puts what can wait (SENT ranges, events, acks, own state) when due. */
void ol_fx_flush(struct ol_line *l);
/* Record `index` went out whole on a channel for the first time. */
void ol_fx_sent(struct ol_line *l, uint16_t channel, uint8_t prec,
                uint32_t index);

/* Wipes what the last step left of the core's own state. */
void ol_fx_wipe(struct ol_line *l);

/* ---- state.c ------------------------------------------------------------ */

size_t ol_kept_encode(const struct ol_kept *k, uint8_t *out, size_t cap);
OL_MUST_USE enum ol_err ol_kept_decode(struct ol_span s, struct ol_kept *k);

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
static inline struct ol_epoch *ol_epoch_sending(struct ol_line *l)
{
    return l->sending < 0 ? NULL : &l->epoch[l->sending];
}

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
/* A FRAMES-ACK for channel c in the epoch that we send under. */
void ol_path_acked(struct ol_line *l, unsigned c, const struct ol_ack *ack);
/* Everything in flight is lost (the connection is gone, a new epoch). */
void ol_path_drop(struct ol_line *l, unsigned c);
/* What is in flight is owed again without being lost: the channel is in
 * doubt. */
void ol_path_doubt(struct ol_line *l, unsigned c);
/* Loss and probe timers. */
void ol_path_pump(struct ol_line *l, unsigned c);
/* How many bytes of data may go now (0: none; then the wake is set). */
size_t ol_path_budget(struct ol_line *l, unsigned c);
/* The same for attachments, which leave room for records. */
size_t ol_path_bulk_budget(struct ol_line *l, unsigned c);
void ol_path_paced(struct ol_line *l, unsigned c, size_t bytes);
uint64_t ol_path_pto(const struct ol_path *p);
/* When the oldest open frame was sent of those behind after_ns; OL_NEVER_NS:
 * there is none. */
uint64_t ol_path_oldest(const struct ol_path *p, uint64_t after_ns);

/* ---- probe.c ------------------------------------------------------------ */

/* An authentic frame of so many bytes came on c. */
void ol_probe_heard(struct ol_line *l, unsigned c, const struct ol_addr *from,
                    size_t bytes);
/* A frame of ours, sent at sent_ns on c, was answered. */
void ol_probe_answered(struct ol_line *l, unsigned c, uint64_t sent_ns);
/* An id for a probe: nobody echoes it who did not get it. */
uint32_t ol_probe_new_id(struct ol_line *l);
void ol_probe_asked(struct ol_line *l, unsigned c, const struct ol_probe *p,
                    const struct ol_addr *from);
void ol_probe_echoed(struct ol_line *l, unsigned c, const struct ol_probe *p,
                     const struct ol_addr *from);
void ol_probe_viewed(struct ol_line *l, const struct ol_view *v);
enum ol_attendance ol_probe_theirs(const struct ol_line *l);
enum ol_err ol_probe_attend(struct ol_line *l, uint8_t attendance);
/* The peer has our view as it is, and not from long ago. */
bool ol_probe_view_told(const struct ol_line *l);
/* Is a VIEW to go by itself: it changed, or what went may be lost. */
bool ol_probe_view_due(struct ol_line *l);
void ol_probe_view(const struct ol_line *l, struct ol_view *v);
/* Transport events and the officer's switch. */
void ol_probe_transport(struct ol_line *l, unsigned c,
                        const struct ol_addr *from, const struct ol_chan *t);
void ol_probe_enable(struct ol_line *l, unsigned c, bool on);
/* States, and probes that are due. */
void ol_probe_pump(struct ol_line *l);
/* Can a packet be sent there at all: enabled, and somewhere to send to. */
bool ol_chan_reachable(const struct ol_lchan *c);
/* Can a stream take n bytes without dropping; datagrams may always go. */
bool ol_chan_room(const struct ol_lchan *c, size_t n);
/* May it carry what asserts or costs: up, or in doubt. */
bool ol_chan_usable(const struct ol_lchan *c);
/* The best channel for a control frame; -1: none. */
int ol_chan_best(const struct ol_line *l);
bool ol_line_live(const struct ol_line *l);
/* In doubt because an answer is late, and not on trial only. */
bool ol_chan_late(const struct ol_lchan *ch);

/* ---- send.c ------------------------------------------------------------- */

enum ol_err ol_send_init(struct ol_line *l, const struct ol_snapshot *s);
enum ol_err ol_send_submit(struct ol_line *l, const struct ol_event *ev);
void ol_send_committed(struct ol_line *l, const struct ol_open_batch *b);
/* Puts the head of an own log, and a checkpoint of its size. */
void ol_send_head(struct ol_line *l, unsigned p);
void ol_send_sign(struct ol_line *l, unsigned p);
/* Paging, acks to the ledger, repeats of what was never held. */
void ol_send_pump(struct ol_line *l);

/* ---- window.c ----------------------------------------------------------- */

uint64_t ol_units_of(uint16_t size); /* the mask of all units of a record */
/* The slot of a loaded record, or NULL. */
struct ol_out_slot *ol_window_slot(struct ol_line *l, unsigned prec,
                                   uint32_t index);
/* Sets what a slot owes, and the log's count and hint with it. */
void ol_window_owe(struct ol_out_log *o, struct ol_out_slot *s, uint64_t owed);
/* Loads the next record; false: no room for it now. */
bool ol_window_load(struct ol_line *l, unsigned prec, uint32_t index,
                    struct ol_span bytes, const uint8_t *root);
void ol_window_free(struct ol_line *l, unsigned prec, struct ol_out_slot *s);
/* Paging starts again right behind what the peer holds. */
void ol_window_rewind(struct ol_line *l, unsigned prec, uint32_t acked);
/* Asks for the next page, or for the root that a HELD waits for. */
void ol_window_page(struct ol_line *l, unsigned prec);
void ol_send_loaded(struct ol_line *l, const struct ol_event *ev);

/* ---- owed.c ------------------------------------------------------------- */

/* The peer's HELD, of these logs (bits). current: else it may only add to what
 * the peer holds. */
void ol_send_held(struct ol_line *l, const struct ol_held *h, uint8_t logs,
                  bool current);
/* The peer runs a new boot: of records behind a gap it may know nothing. */
void ol_send_forget(struct ol_line *l);
/* The peer holds our log p up to there only, and once said more. */
void ol_send_rolled_back(struct ol_line *l, unsigned p, uint32_t upto);
/* Everything not held is owed again: a new epoch, or a peer that forgot. */
void ol_send_owe_all(struct ol_line *l);
/* Units of one record are owed again: lost on channel c (or in doubt). */
void ol_send_owe(struct ol_line *l, uint8_t prec, uint32_t index,
                 uint64_t mask, unsigned c);
/* The first record that owes something and may go (on disk, within the
 * peer's credit), or NULL. */
struct ol_out_slot *ol_send_next(struct ol_line *l, unsigned prec);
/* These units of it went out on channel c. */
void ol_send_went(struct ol_line *l, unsigned prec, struct ol_out_slot *s,
                  uint64_t mask, unsigned c);
/* A frame that carried a part is no longer in flight. */
void ol_send_landed(struct ol_line *l, uint8_t prec, uint32_t index);
void ol_owed_retry(struct ol_line *l, unsigned p);
/* The peer's record of this log is not ours: nothing more of it is sent. */
void ol_owed_stop(struct ol_line *l, unsigned p, uint32_t index);
/* Anything that the peer does not hold, or that we wait for. */
bool ol_send_owes(const struct ol_line *l);

/* ---- recv.c ------------------------------------------------------------- */

enum ol_err ol_recv_init(struct ol_line *l, const struct ol_snapshot *s);
enum ol_err ol_recv_segment(struct ol_line *l, const struct ol_segment *s);
void ol_recv_committed(struct ol_line *l, const struct ol_open_batch *b);
/* Puts whole records, heads, events, rungs, parts. */
void ol_recv_pump(struct ol_line *l);
bool ol_recv_waits(const struct ol_line *l); /* records to be put */
bool ol_recv_busy(const struct ol_line *l); /* a bundle may not fit now */
bool ol_recv_loaded(struct ol_line *l, const struct ol_event *ev);
/* The bytes of a segment into a slot; *whole: all of the record is there.
 * Only the slot's block, size and mask change. */
enum ol_err ol_recv_place(struct ol_pool *pool, const struct ol_segment *g,
                          struct ol_in_slot *s, bool *whole);
/* The peer was restored: units of what it said before are not kept. */
void ol_recv_drop_parts(struct ol_line *l, unsigned p);

/* ---- holding.c ---------------------------------------------------------- */

enum ol_err ol_recv_checkpoint(struct ol_line *l,
                               const struct ol_checkpoint *cp);
/* current: it is of the boot that the peer runs now (it came in the newest
 * epoch, or in the newest bundle while there is none). */
void ol_recv_held(struct ol_line *l, const struct ol_held *h, bool current);
/* A HELD in this epoch: is it of the one boot that can speak in it. */
bool ol_recv_boot_fits(struct ol_epoch *e, const uint8_t boot[8]);
/* A boot of the peer that a newer one has followed, as far as we know. */
bool ol_recv_boot_over(const struct ol_line *l, const uint8_t boot[8]);
/* What we hold, for a HELD of the logs in `logs` (bits), and our prekey with
 * OL_HELD_OURS. */
#define OL_HELD_OURS (1u << OL_PRECS)
#define OL_HELD_ALL (2u * OL_HELD_OURS - 1)
void ol_recv_holding(struct ol_line *l, uint8_t logs, struct ol_held *h);
/* Ranges and parts behind the gap of one log, with upto; the rest is zero. */
void ol_recv_beyond(struct ol_line *l, unsigned p, struct ol_held_log *h);

/* ---- chunks.c ----------------------------------------------------------- */

/* Where a packet came from. */
struct ol_where {
    uint16_t c; /* channel, or OL_CHANNEL_FILE */
    const struct ol_addr *from;
    struct ol_epoch *epoch; /* NULL in a bundle */
    bool current; /* of the newest epoch, or the newest bundle */
    uint64_t seen; /* of a bundle: the highest of ours that its sender opened */
};

/* All chunks of an opened packet; where: OL_IN_*. *asks: one of them wants an
 * ack. OL_ERR_AGAIN: some had no room, the others were taken. */
enum ol_err ol_chunks_take(struct ol_line *l, struct ol_span plain,
                           uint8_t where, const struct ol_where *at,
                           bool *asks);

/* ---- frames.c ----------------------------------------------------------- */

enum ol_err ol_frame_packet(struct ol_line *l, const struct ol_event *ev);

/* ---- schedule.c --------------------------------------------------------- */

/* Control frames, then data, as far as effects allow. */
void ol_schedule_pump(struct ol_line *l);
/* A frame with a probe to this address (a candidate, or the channel's). */
void ol_schedule_probe(struct ol_line *l, unsigned c, const struct ol_addr *to,
                       uint32_t id);
/* The same and nothing else in it; padded to a frame of `size`, 0: bare. */
void ol_schedule_ask(struct ol_line *l, unsigned c, const struct ol_addr *to,
                     uint32_t id, uint32_t size);

/* ---- pouch.c ------------------------------------------------------------ */

enum ol_err ol_pouch_packet(struct ol_line *l, const struct ol_event *ev);
enum ol_err ol_pouch_export(struct ol_line *l, uint64_t token);
bool ol_pouch_loaded(struct ol_line *l, const struct ol_event *ev);
/* The peer does not know what we hold: the next bundle is to say it. */
void ol_pouch_changed(struct ol_line *l);
/* The peer may have lost what was bundled: the next file holds all again. */
void ol_pouch_again(struct ol_line *l);
void ol_pouch_pump(struct ol_line *l);
void ol_pouch_build(struct ol_line *l); /* goes on with the file */

/* ---- pouch_files.c ------------------------------------------------------ */

void ol_pouch_files_start(struct ol_line *l, struct ol_job *j);
void ol_pouch_files_end(struct ol_line *l, struct ol_job *j); /* a folder's */
/* Writes blobs into the plaintext. true: it is full; false: a LOAD is under
 * way, or files_done. */
bool ol_pouch_files(struct ol_line *l);
enum ol_err ol_pouch_file(struct ol_line *l, const struct ol_event *ev);
bool ol_pouch_piece(struct ol_line *l, const struct ol_event *ev);
/* A bundle's WANT: what it lacks may have been passed over, and is due. */
void ol_pouch_wanted(struct ol_line *l, const struct ol_where *at,
                     const struct ol_want *v);
/* Asks, when it is time, whether a folder has attachments to carry. */
void ol_pouch_look(struct ol_line *l, unsigned c);

/* ---- prekey.c ----------------------------------------------------------- */

/* Seconds that this line has run, all its starts together. */
uint64_t ol_prekey_ran(const struct ol_line *l);
/* Ours that HELD announces: the newest on disk, or NULL. */
const struct ol_prekey *ol_prekey_own(const struct ol_line *l);
/* Ours of that id, or NULL: erased, or never made. */
const struct ol_prekey *ol_prekey_find(const struct ol_line *l, uint32_t id);
/* A bundle to it opened. */
void ol_prekey_used(struct ol_line *l, uint32_t id);
/* Whom the next bundle is sealed to: 0 and the card's key, or a prekey. */
uint32_t ol_prekey_to(const struct ol_line *l, const uint8_t **pk);
/* Something of our past is missing: the card's key, until the peer is heard. */
void ol_prekey_doubt(struct ol_line *l);
/* A current HELD of the peer. */
void ol_prekey_told(struct ol_line *l, const struct ol_held *h);
/* Makes, erases, and keeps the running time. */
void ol_prekey_pump(struct ol_line *l);

#endif
