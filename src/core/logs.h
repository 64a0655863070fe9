/*
 * The logs of a line, as it has them in memory: ours from the submitter to the
 * peer's disk, the peer's from segments to records on our disk; and what the
 * files that own them do with them. The numbers that a log is at only rise,
 * but where restore.h says otherwise.
 */
#ifndef OL_CORE_LOGS_H
#define OL_CORE_LOGS_H

#include <openline/line.h>

#include "core/back.h"
#include "core/pool.h"
#include "crypto/tree.h"
#include "wire/chunk.h"
#include "wire/messages.h"

struct ol_line;
struct ol_carried;
struct ol_epoch;
struct ol_open_batch;

/* ---- own logs (send.c) -------------------------------------------------- */

struct ol_out_slot {
    uint32_t index; /* 0: empty */
    uint16_t size;  /* canonical bytes */
    uint16_t block;
    uint16_t flights;   /* frames in flight that carry a part */
    uint16_t copies_on; /* bit c: wholly sent on c, and not lost there */
    uint16_t copied_on; /* bit c: a copy went there, lost or not */
    uint16_t went_on;   /* bit c: the like, and of this epoch */
    uint8_t repeats;    /* of a small urgent one (copies.c) */
    bool quick;         /* it is one, and went where repeats go */
    bool arrived;       /* all of it was acked as frames */
    uint64_t went_ns;   /* the newest of its frames */
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
    uint64_t fall_ns; /* then it may fall again, and what went be owed */
    uint32_t hint;    /* nothing below is owed */
    uint32_t owing;   /* slots that owe something */
    uint64_t repeat_ns; /* no repeat is due before */
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
    uint64_t number;   /* its own */
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
    uint32_t short_of;   /* there was no room for that record; 0: there was */
    uint32_t short_serial; /* and that was the newest HELD of ours */
    uint32_t cut;        /* so low HELDs stopped below it, 0: none, or one of */
    uint32_t cut_first, cut_last; /* these serials has arrived */
    bool has_cp;
    struct ol_checkpoint cp; /* newest that the peer sent; checked at size */
    uint32_t cp_put;         /* size of the last that was compared */
    struct ol_checkpoint signed_cp; /* the last that held; size 0: none */
    uint64_t load, load_ns;  /* of a record that is unread; not before */
    struct ol_give give;
};

/* ---- send.c ------------------------------------------------------------- */

enum ol_err ol_send_init(struct ol_line *l, const struct ol_snapshot *s);
enum ol_err ol_send_submit(struct ol_line *l, const struct ol_event *ev);
void ol_send_committed(struct ol_line *l, const struct ol_open_batch *b);
/* Puts the head of an own log, and a checkpoint of its size. */
void ol_send_head(struct ol_line *l, unsigned p);
void ol_send_sign(struct ol_line *l, unsigned p);
/* Paging, acks to the ledger, repeats of what was never held. */
void ol_send_pump(struct ol_line *l);
/* What the peer said it holds is to be put, or is being compared. */
bool ol_send_waits(const struct ol_line *l);

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
/* A frame that carried these units is no longer in flight. acked: it got
 * there. */
void ol_send_landed(struct ol_line *l, const struct ol_carried *what,
                    bool acked);
/* It is repeated until a word of it comes, and none has. */
bool ol_owed_quick(const struct ol_out_slot *s);
void ol_owed_retry(struct ol_line *l, unsigned p);
/* The peer's record of this log is not ours: nothing more of it is sent. */
void ol_owed_stop(struct ol_line *l, unsigned p, uint32_t index);
/* Anything that the peer does not hold, or that we wait for. */
bool ol_send_owes(const struct ol_line *l);

/* ---- recv.c ------------------------------------------------------------- */

enum ol_err ol_recv_init(struct ol_line *l, const struct ol_snapshot *s);
/* It may be packed; then it is not as it was afterwards. */
enum ol_err ol_recv_segment(struct ol_line *l, struct ol_segment *s);
void ol_recv_committed(struct ol_line *l, const struct ol_open_batch *b);
/* Puts whole records, heads, events, rungs, parts. */
void ol_recv_pump(struct ol_line *l);
/* Records are to be put, or looked at again before the head may pass. */
bool ol_recv_waits(const struct ol_line *l);
/* Of the peer's logs more is here than is on disk. */
bool ol_recv_coming(const struct ol_line *l);
bool ol_recv_busy(const struct ol_line *l); /* a bundle may not fit now */
bool ol_recv_loaded(struct ol_line *l, const struct ol_event *ev);
/* The bytes of a segment into a slot; *whole: all of the record is there.
 * Only the slot's block, size and mask change. OL_ERR_AGAIN: the pool would
 * not keep as many blocks as it is to, and nothing changed. */
enum ol_err ol_recv_place(struct ol_pool *pool, uint16_t keep,
                          const struct ol_segment *g, struct ol_in_slot *s,
                          bool *whole);
/* The peer was restored: units of what it said before are not kept. */
void ol_recv_drop_parts(struct ol_line *l, unsigned p);

/* ---- credit.c ----------------------------------------------------------- */

/* A segment of that record was dropped: there was no room. */
void ol_credit_short(struct ol_line *l, unsigned p, uint32_t index);
/* The highest index that we take now, for HELD. */
uint32_t ol_credit_limit(const struct ol_line *l, unsigned p);
/* A HELD of that serial gives the credit of now; and what became of its frame:
 * lost, or acknowledged. */
void ol_credit_said(struct ol_line *l, unsigned p, uint32_t serial);
void ol_credit_came(struct ol_line *l, unsigned p, uint32_t serial, bool lost);
/* Is there room again. */
void ol_credit_pump(struct ol_line *l, unsigned p);

/* ---- holding.c ---------------------------------------------------------- */

enum ol_err ol_recv_checkpoint(struct ol_line *l,
                               const struct ol_checkpoint *cp);
/* How a HELD came (5.6): late, or current, of the boot that the peer runs now:
 * in the newest bundle while no channel is up, or in the epoch that we send
 * under. */
enum ol_held_way { OL_HELD_LATE, OL_HELD_BUNDLED, OL_HELD_LIVE };
void ol_recv_held(struct ol_line *l, const struct ol_held *h,
                  enum ol_held_way way);
/* A HELD in this epoch: is it of the one boot that can speak in it. */
bool ol_recv_boot_fits(struct ol_epoch *e, const uint8_t boot[8]);
/* A boot of the peer that a newer one has followed, as a channel said: what a
 * bundle says of it is late. */
bool ol_recv_boot_over(const struct ol_line *l, const uint8_t boot[8]);
/* What we hold, for a HELD of the logs in `logs` (bits), and our prekey with
 * OL_HELD_OURS. */
#define OL_HELD_OURS (1u << OL_PRECS)
#define OL_HELD_ALL (2u * OL_HELD_OURS - 1)
void ol_recv_holding(struct ol_line *l, uint8_t logs, struct ol_held *h);
/* Ranges and parts behind the gap of one log, with upto; the rest is zero. */
void ol_recv_beyond(struct ol_line *l, unsigned p, struct ol_held_log *h);

#endif
