/*
 * Chunks: what a frame, a bundle or a handshake payload is made of.
 *
 *   type 1 | length 2 | body
 *
 * One table (ol_chunk_rule) names each type, its least and greatest length,
 * and where it may stand. A decoder takes the body only, checks every bound
 * and accepts one encoding per value. Unknown types are MALFORMED in version 1
 * frames and bundles, and skipped in handshake payloads (so that a newer
 * version can say more before versions are agreed).
 * Errors of every decoder: OL_ERR_SHORT, OL_ERR_LONG, OL_ERR_MALFORMED.
 * Source: doc/protocol.md 5.
 */
#ifndef OL_WIRE_CHUNK_H
#define OL_WIRE_CHUNK_H

#include <openline/err.h>
#include <openline/span.h>

#include "wire/messages.h"

struct ol_chunk_rule {
    const char *name;
    uint16_t least, most; /* bytes of body */
    uint8_t where;        /* OL_IN_* */
};

/* NULL for a type that this version does not know. */
const struct ol_chunk_rule *ol_chunk_rule(uint8_t type);

struct ol_chunk {
    uint8_t type;
    struct ol_span body; /* borrowed from what is read */
};

/*
 * The next chunk of a plaintext. OL_OK with type PAD and an empty body at the
 * end (nothing left, or padding, whose bytes must all be zero). Checks the
 * rule's bounds and place. `where` is one of OL_IN_*.
 */
OL_MUST_USE enum ol_err ol_chunk_next(struct ol_reader *r, uint8_t where,
                                      struct ol_chunk *chunk);

/* PROBE: id 4 | flags 1. ECHO: id 4 | delay 2. */
struct ol_probe {
    uint32_t id;
    bool alone; /* PROBE: nothing else is in flight; the ECHO acks its frame */
    uint16_t delay_100us; /* ECHO: between hearing the probe and this */
};

/* VIEW: serial 4 | attendance 1 | line 1 | count 1 | (tag 4 | state 1)*.
 * Tags, ascending, name channels in 4 bytes (ol_channel_tag in crypto). */
struct ol_view {
    uint32_t serial; /* the newest counts */
    uint8_t attendance; /* enum ol_attendance: 0 unknown, 1 yes, 2 no */
    uint8_t line; /* enum ol_line_state as its sender sees it: no UNKNOWN */
    uint8_t count;
    struct {
        uint32_t tag;
        uint8_t state; /* enum ol_chan_state as its sender sees it, too */
    } v[OL_CHANNELS_MAX];
};

/* ACK: index 4 | high 4 | delay_100us 2 | count 1 | first 2 | (gap 2 | run 2)*
 * count: ranges beyond the first. first: counters below `high` that follow
 * without a gap. gap: counters missing - 1; run: counters present - 1. What
 * one replay window holds: from `high` to the lowest less than OL_WINDOW_BITS.
 */
struct ol_ack {
    uint32_t index; /* the frame index under which the frames came */
    uint32_t high;
    uint16_t delay_100us; /* since `high` was heard */
    uint8_t count;        /* ranges in v, 1 to OL_ACK_RANGES */
    struct {
        uint32_t hi, lo; /* inclusive, descending, disjoint */
    } v[OL_ACK_RANGES];
};

/*
 * HELD: boot 8 | serial 4 | flags 1 | [prekey 4 | key 32] | (log)*
 * log: prec 1 | upto 4 | root 8 | limit 4 | ranges 1 | parts 1 |
 *      (first 4 | count 2)* | (index 4 | mask 8)*
 * A log stands at most once, ascending. A log not mentioned has not changed.
 */
struct ol_held_log {
    uint32_t upto; /* every record up to here is on my disk */
    uint8_t root[OL_ROOT]; /* of the tree of those; zeros when upto is 0 */
    uint32_t limit; /* credit: the highest index that I take; >= upto */
    uint8_t n_ranges;
    struct {
        uint32_t first; /* > upto + 1; a gap behind the range before */
        uint16_t count; /* >= 1 */
    } ranges[OL_HELD_RANGES];
    uint8_t n_parts;
    struct {
        uint32_t index; /* > upto, ascending */
        uint64_t mask;  /* bit k: unit k of the record is on my disk; not 0 */
    } parts[OL_HELD_PARTS];
};

struct ol_held {
    uint8_t boot[8];
    uint32_t serial; /* grows within a boot: the newest counts */
    bool has_prekey;
    uint32_t prekey_id; /* 1.. */
    uint8_t prekey[32];
    uint8_t logs; /* bit p: log p is mentioned */
    bool rest;    /* all four are, those that hold nothing by not standing */
    struct ol_held_log log[4];
};

/* SEGMENT: what 1 | index 4 | offset 2 | bytes.
 * what: bits 0-1 precedence, bits 2-3 codec, bit 4 last; others zero. */
struct ol_segment {
    uint8_t prec;
    uint8_t codec;
    bool last;
    uint32_t index;       /* from 1 */
    uint16_t offset;      /* multiple of OL_UNIT */
    struct ol_span bytes; /* >= 1; if raw a multiple of OL_UNIT unless last;
                             none beyond OL_RECORD_MAX, where all are last */
};

/* Are these values a segment's. Of one that is packed: may they be. */
bool ol_segment_ok(const struct ol_segment *s);

/* BLOB: hash 32 | offset 8 | bytes. */
struct ol_blob {
    uint8_t hash[32];
    uint64_t offset;      /* multiple of OL_BLOB_UNIT, below OL_FILE_MAX */
    struct ol_span bytes; /* >= 1, all within one piece; whole units, which
                             the receiver checks, unless they end the file */
};

/* UNITS: serial 4 | piece 4 | first 2 | bytes. The same in a frame, where the
 * WANT that it answers says of which attachment. */
struct ol_units {
    uint32_t serial;      /* of a WANT of the receiver's boot */
    uint32_t piece;       /* below 2^32-2 */
    uint16_t first;       /* unit of the piece */
    struct ol_span bytes; /* as in BLOB */
};

/* WANT: serial 4 | flags 1 | hash 32 | size 8 | upto 4 | limit 4 | map 8.
 * flags: 0 asks; DONE or DECLINED says so, with NOTED it answers; with any of
 * them upto, limit and map are zero. */
struct ol_want {
    uint32_t serial; /* grows within a boot: the newest counts */
    uint8_t flags;   /* OL_WANT_* */
    uint8_t hash[32];
    uint64_t size;  /* <= OL_FILE_MAX; not 0 in what asks */
    uint32_t upto;  /* pieces on my disk without a gap */
    uint32_t limit; /* credit: I take pieces below this one; upto .. pieces */
    uint64_t map;   /* bit k: piece upto + 1 + k is on my disk */
};

/* CHECKPOINT, COSIGNATURE: prec 1 | size 4 | root 32 | signature 64. */
struct ol_checkpoint {
    uint8_t prec;
    uint32_t size; /* from 1 */
    uint8_t root[32];
    uint8_t sig[64];
};

/* RETURN: as SEGMENT; the receiver's own record, given back. */

/* LOST: prec 1 | flags 1 | ask 8 | next 4 | map 8 | count 1 |
 * (index 4 | root 8)*. flags: bit 0 repeat; others zero. Its sender's log of
 * that precedence may be an old copy: what does the other hold of it. */
struct ol_lost_step {
    uint32_t index;
    uint8_t root[OL_ROOT]; /* of the log's tree at index */
};

struct ol_lost {
    uint8_t prec;
    bool repeat;   /* what was sent before this is lost: all of it again */
    uint64_t ask;  /* not 0: which return it is; echoed by FOUND */
    uint32_t next; /* the first record wanted; 0: the one behind the match */
    uint64_t map;  /* bit k: record next + 1 + k is here already */
    uint8_t n_steps;
    struct ol_lost_step step[OL_LOST_STEPS]; /* descending, from 1 */
};

/* FOUND: prec 1 | flags 1 | ask 8 | match 4 | upto 4 | root 8 | number 8 |
 * count 1 | [size 4 | root 32 | signature 64] | (first 4 | count 2)*. flags:
 * bit 0 a checkpoint of the receiver's own follows; others zero. */
struct ol_found {
    uint8_t prec;
    uint64_t ask;
    uint32_t match; /* the highest step whose root is here too; 0: none */
    uint32_t upto;  /* as in HELD, and root */
    uint8_t root[OL_ROOT];
    uint64_t number; /* the highest of all of the receiver's records here */
    bool has_cp;
    struct ol_checkpoint cp; /* signed by the receiver */
    uint8_t n_ranges;
    struct {
        uint32_t first; /* as in HELD: whole records behind a gap */
        uint16_t count;
    } ranges[OL_HELD_RANGES];
};

/* BRIEF: prec 1 | serial 4 | upto 4 | root 8 | high 4 | first 1. What HELD
 * says of one log, its limit being the whole window behind upto and its boot
 * that of the epoch; and an ACK of the channel's frames high - first to
 * high. */
struct ol_brief {
    uint8_t prec;
    uint32_t serial, upto; /* upto from 1 */
    uint8_t root[OL_ROOT];
    uint32_t high;
    uint8_t first; /* at most high */
};

/* HELLO: least version 1 | greatest 1 | frame limit 2. */
struct ol_hello {
    uint8_t version_min, version_max;
    uint16_t frame_max; /* the largest frame its sender takes; >= 192 */
};

/* OPENINGS: made 4 | seen 4: opening numbers, or 0; 8 bytes each when one is
 * above 2^32-1. */
struct ol_openings {
    uint64_t made; /* the highest that its sender made before this message */
    uint64_t seen; /* the highest of a knock that opened as the receiver's */
};

/* Body to structure; what it holds after an error means nothing. */
OL_MUST_USE enum ol_err ol_probe_decode(struct ol_span b, struct ol_probe *);
OL_MUST_USE enum ol_err ol_echo_decode(struct ol_span b, struct ol_probe *);
OL_MUST_USE enum ol_err ol_view_decode(struct ol_span b, struct ol_view *);
OL_MUST_USE enum ol_err ol_ack_decode(struct ol_span b, struct ol_ack *);
OL_MUST_USE enum ol_err ol_held_decode(struct ol_span b, struct ol_held *);
OL_MUST_USE enum ol_err ol_segment_decode(struct ol_span b,
                                          struct ol_segment *);
OL_MUST_USE enum ol_err ol_blob_decode(struct ol_span b, struct ol_blob *);
OL_MUST_USE enum ol_err ol_units_decode(struct ol_span b, struct ol_units *);
OL_MUST_USE enum ol_err ol_want_decode(struct ol_span b, struct ol_want *);
OL_MUST_USE enum ol_err ol_checkpoint_decode(struct ol_span b,
                                             struct ol_checkpoint *);
OL_MUST_USE enum ol_err ol_lost_decode(struct ol_span b, struct ol_lost *);
OL_MUST_USE enum ol_err ol_found_decode(struct ol_span b, struct ol_found *);
OL_MUST_USE enum ol_err ol_hello_decode(struct ol_span b, struct ol_hello *);
OL_MUST_USE enum ol_err ol_openings_decode(struct ol_span b,
                                           struct ol_openings *);
OL_MUST_USE enum ol_err ol_brief_decode(struct ol_span body,
                                        struct ol_brief *b);

/* What HELD says of a log that holds nothing and takes a whole window. */
bool ol_held_nothing(const struct ol_held_log *log, unsigned prec);

/*
 * Structure to a whole chunk, head included. All or nothing: false, and the
 * writer as it was (its failed flag untouched), when it does not fit. What
 * the decoder would refuse is our own bug: OL_CHECK.
 */
bool ol_probe_encode(struct ol_writer *w, const struct ol_probe *);
bool ol_echo_encode(struct ol_writer *w, const struct ol_probe *);
bool ol_view_encode(struct ol_writer *w, const struct ol_view *);
/* Drops the lowest ranges that do not fit; false when not even one does. */
bool ol_ack_encode(struct ol_writer *w, const struct ol_ack *);
/* Drops ranges and parts that do not fit, from the last; then false. */
bool ol_held_encode(struct ol_writer *w, const struct ol_held *);
bool ol_segment_encode(struct ol_writer *w, const struct ol_segment *);
bool ol_return_encode(struct ol_writer *w, const struct ol_segment *);
bool ol_blob_encode(struct ol_writer *w, const struct ol_blob *);
bool ol_units_encode(struct ol_writer *w, const struct ol_units *);
bool ol_want_encode(struct ol_writer *w, const struct ol_want *);
bool ol_checkpoint_encode(struct ol_writer *w, uint8_t type,
                          const struct ol_checkpoint *);
bool ol_lost_encode(struct ol_writer *w, const struct ol_lost *);
/* Drops ranges that do not fit, from the last; false: not even the rest. */
bool ol_found_encode(struct ol_writer *w, const struct ol_found *);
bool ol_hello_encode(struct ol_writer *w, const struct ol_hello *);
bool ol_openings_encode(struct ol_writer *w, const struct ol_openings *);
bool ol_brief_encode(struct ol_writer *w, const struct ol_brief *);

#endif
