/*
 * The line's whole state, and what the files of the core share. Its parts are
 * declared by subject: logs.h, session.h (keys), chan.h, path.h, bulk.h.
 *
 * line.c dispatches; each other file owns one part of this structure and is
 * the only one that writes it:
 *
 *   fx.c        effects, batches, what is on disk
 *   hand.c      the handshake: attempts, knocks, responses
 *   epoch.c     generations of session keys
 *   path.c      per channel: round trip, loss, congestion, frames in flight
 *   rate.c      per channel: how fast it delivers (rate.h)
 *   size.c      per channel: how large a frame passes (size.h)
 *   address.c   per channel: where it sends (address.h)
 *   probe.c     per channel: heard, answered, states; the line's state; views
 *   send.c      own logs: from the submitter to our disk
 *   window.c    own logs: what is loaded, paging
 *   owed.c      own logs: what is owed, what the peer holds
 *   recv.c      the peer's logs: from segments to records on disk
 *   credit.c    the peer's logs: what we take when there was no room
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
#include "core/back.h"
#include "core/bulk.h"
#include "core/chan.h"
#include "core/job.h"
#include "core/kept.h"
#include "core/logs.h"
#include "core/path.h"
#include "core/pool.h"
#include "core/session.h"
#include "crypto/crypto.h"
#include "crypto/knock.h"
#include "crypto/noise.h"
#include "crypto/tree.h"
#include "wire/chunk.h"
#include "wire/frame.h"
#include "wire/messages.h"

#define OL_ARENA (256u * 1024)
#define OL_TOGETHER 16u /* frames that came together are one pump, at most */
#define OL_FX_RESERVE 8u /* effects kept free for what must not wait */
#define OL_NONCES 32u    /* of our newest knocks */
#define OL_SENT_RANGES 32u

/* ---- effects and batches (fx.c) ----------------------------------------- */

struct ol_open_batch {
    uint64_t token; /* 0: free */
    uint32_t own[OL_PRECS], peer[OL_PRECS]; /* sizes once it is on disk */
    uint8_t root[OL_PRECS][OL_ROOT];        /* of the peer's */
    uint32_t cp[OL_PRECS];                  /* own checkpoint sizes */
    uint32_t taken; /* records of a SUBMIT in it; the first has these: */
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
    struct ol_leaf_stem stem[2]; /* of leaves, by author */
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
    bool view_dirty;       /* it changed, and has not been said, */
    bool view_soon;        /* and not only a channel between up and doubtful */
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
    uint8_t put_off;       /* frames in a row for which nothing was pumped */
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
    /* NOTE_IMPORTED is owed: a bit per channel, the one above for files; and
     * the batch with which it is true, 0: not known yet. */
    uint32_t import_due;
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

static inline struct ol_epoch *ol_epoch_sending(struct ol_line *l)
{
    return l->sending < 0 ? NULL : &l->epoch[l->sending];
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
/* A bundle from that channel, or OL_CHANNEL_FILE, was taken. */
void ol_imported_due(struct ol_line *l, uint16_t channel);
/* Behind all that puts, before the batch closes. */
void ol_imported_pump(struct ol_line *l);
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
