/*
 * Attachments in the core: what push.c (we serve) and pull.c (we ask) keep.
 *
 * The receiver's WANT says what is on its disk and how far its credit goes;
 * the sender loads no more than that. Both keep a window of OL_PULL_WINDOW
 * pieces, 2 MiB, in memory that stays untouched until an attachment moves.
 * Source: doc/protocol.md 5.8, 7, 8.
 */
#ifndef OL_CORE_BULK_H
#define OL_CORE_BULK_H

#include <openline/file.h>

#include "base/units.h"
#include "wire/chunk.h"

#define OL_PIECE_UNITS (OL_PIECE / OL_BLOB_UNIT)
#define OL_PIECE_WORDS (OL_PIECE_UNITS / 64u)
#define OL_SAID_MAX 64u   /* attachments that the peer has yet to note */
#define OL_PASSED_MAX 16u /* those that bundles bring in vain */

/* What is told about an attachment as a whole. */
struct ol_said {
    uint8_t hash[32];
    uint64_t size;
    uint8_t flags;    /* OL_WANT_*; 0: free */
    uint8_t tries;
    uint64_t next_ns; /* then it goes (again) */
};

struct ol_push_slot { /* a piece that we serve */
    uint32_t piece;
    uint32_t size;    /* 0: free */
    uint16_t owing;   /* units owed */
    uint16_t flights; /* frames in flight that carry some */
    uint64_t owed[OL_PIECE_WORDS];
};

struct ol_push {
    bool on;
    bool live; /* it came in a frame of the epoch that we send under */
    struct ol_want want; /* the peer's newest; upto and map are on its disk */
    uint32_t serial;     /* of the newest in this epoch */
    uint32_t owing;      /* units, all slots */
    uint32_t low;        /* no piece below it owes any */
    bool lacks;          /* one within the credit may not be here */
    uint64_t load;       /* the token of a LOAD under way; 0: none */
    uint32_t load_piece;
    uint64_t load_ns;    /* no LOAD before: the last gave nothing */
    uint64_t loads_ns;   /* grows with what is loaded, and not with time */
    uint32_t went;       /* units that did, since a piece's worth did */
    uint8_t load_fails;
    uint64_t retry_ns;   /* then what is acked and not held is owed again */
    uint8_t retries;
    bool served_due;     /* NOTE SERVED is owed of the newest WANT */
    uint64_t served_ns;  /* and not before */
    uint64_t heard_ns;   /* WANTs of wholes count as heard until then */
    struct ol_said noted[OL_SAID_MAX]; /* answers, each goes once */
    uint32_t n_noted; /* of them are used */
    struct ol_push_slot slot[OL_PULL_WINDOW]; /* by piece % window */
    uint8_t data[OL_PULL_WINDOW][OL_PIECE];
};

enum ol_pull_state { OL_PULL_EMPTY, OL_PULL_PART, OL_PULL_WHOLE, OL_PULL_PUT };

struct ol_pull_slot { /* a piece that comes */
    uint8_t state; /* enum ol_pull_state */
    uint32_t piece;
    uint16_t missing; /* units */
    uint64_t have[OL_PIECE_WORDS];
};

struct ol_pull {
    bool on;
    uint8_t hash[32];
    uint64_t size;
    uint32_t pieces;
    uint32_t upto;   /* on our disk without a gap */
    uint64_t map;    /* bit k: piece upto + 1 + k is on our disk */
    uint32_t whole;  /* slots that wait to be put */
    uint64_t batch;  /* of the pieces on their way to the disk; 0: none */
    bool pulled_due; /* NOTE PULLED is owed */
    bool full_told;  /* the disk had no room, as our last look found */
    bool dirty;      /* the WANT that the peer has lacks something */
    uint32_t serial; /* of the newest WANT that was made */
    uint32_t told;   /* of the newest that asks */
    uint32_t before; /* of the newest before this attachment was asked for */
    uint16_t data_ch; /* where the newest blob came */
    struct ol_said said[OL_SAID_MAX];
    uint32_t n_said; /* of them are used */
    bool offer_on;   /* a bundle brings another one: the station is asked */
    bool offer_told;
    uint8_t offer[32];
    uint64_t offer_ns; /* since when */
    uint64_t bundle;   /* the number of the one that is being taken */
    uint32_t blob;     /* how many blobs of it were looked at */
    /* Per channel, and of single files: the blobs of that bundle before `at`
     * were offered, or taken. */
    struct {
        uint64_t bundle;
        uint32_t at;
    } offered[OL_CHANNELS_MAX + 1];
    uint8_t passed[OL_PASSED_MAX][32]; /* not wanted of bundles: a ring */
    uint32_t n_passed;
    struct ol_pull_slot slot[OL_PULL_WINDOW]; /* by piece % window */
    uint8_t data[OL_PULL_WINDOW][OL_PIECE];
};

struct ol_line;
struct ol_event;
struct ol_where;
struct ol_out_frame;

/* ---- push.c ------------------------------------------------------------- */

/* The peer's WANT. */
enum ol_err ol_push_wanted(struct ol_line *l, const struct ol_where *at,
                           const struct ol_want *v);
/* OL_EV_PIECE; false: not ours. */
bool ol_push_piece(struct ol_line *l, const struct ol_event *ev);
/* OL_EV_NOTED. OL_ERR_AGAIN: too many wait. */
enum ol_err ol_push_note(struct ol_line *l, const struct ol_event *ev);
/* Loads, and repeats of what was never held. */
void ol_push_pump(struct ol_line *l);
/* Does the peer hold this piece of ours, as far as it has said. */
bool ol_push_held(const struct ol_line *l, const struct ol_file *file,
                  uint32_t piece);
/* A new epoch: serials count anew, and nothing goes before a WANT in it. */
void ol_push_epoch(struct ol_line *l);
/* The peer runs a new boot: of pieces in part it knows nothing. */
void ol_push_forget(struct ol_line *l);
/* Bytes that are owed and could go. */
uint64_t ol_push_owes(const struct ol_line *l);
/* As many owed units as fit go into the frame; false: none. */
bool ol_push_fill(struct ol_line *l, struct ol_out_frame *f);
/* Units (word, mask) of a piece are owed again. */
void ol_push_owe(struct ol_line *l, uint32_t piece, uint8_t word,
                 uint64_t mask);
void ol_push_landed(struct ol_line *l, uint32_t piece);
/* Answers to what the peer said; each is left out once written. */
void ol_push_answers(struct ol_line *l, struct ol_writer *w);
bool ol_push_answers_due(const struct ol_line *l);

/* ---- pull.c ------------------------------------------------------------- */

enum ol_err ol_pull_want(struct ol_line *l, const struct ol_event *ev);
/* OL_EV_DONE, OL_EV_DECLINE. OL_ERR_AGAIN: too many wait. */
enum ol_err ol_pull_say(struct ol_line *l, const struct ol_event *ev,
                        uint8_t flag);
/* Bytes that came in a bundle, and in a frame. */
enum ol_err ol_pull_blob(struct ol_line *l, const struct ol_where *at,
                         const struct ol_blob *b);
enum ol_err ol_pull_units(struct ol_line *l, const struct ol_where *at,
                          const struct ol_units *u);
/* A bundle of that number is taken, perhaps not for the first time. */
void ol_pull_bundle(struct ol_line *l, uint64_t number);
/* OL_EV_PASS: what bundles bring of it is passed over. */
void ol_pull_pass(struct ol_line *l, const uint8_t hash[32]);
/* The peer has noted what we said. */
void ol_pull_noted(struct ol_line *l, const struct ol_want *v);
/* Puts whole pieces; tells what is on disk. */
void ol_pull_pump(struct ol_line *l);
/* A new epoch: everything is said anew. */
void ol_pull_epoch(struct ol_line *l);
/* A frame with that WANT was lost. */
void ol_pull_lost(struct ol_line *l, uint32_t serial);
/* Is a WANT to be sent now on a channel; lowers the wake. */
bool ol_pull_due(struct ol_line *l, unsigned c);
/* Writes the WANT that asks, when it is due or always; *serial: its, or 0. */
void ol_pull_ask(struct ol_line *l, struct ol_writer *w, bool always,
                 uint32_t *serial);
/* Writes what is said of whole attachments, when it is due or always. */
void ol_pull_tell(struct ol_line *l, struct ol_writer *w, bool always);
/* Pieces wait for the disk: a bundle may not fit now. */
bool ol_pull_busy(const struct ol_line *l);
/* Pieces that are whole and not handed to the disk yet. */
bool ol_pull_waits(const struct ol_line *l);

#endif
