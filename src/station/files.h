/*
 * Files of a line: what attachments name, on their way in and out.
 *
 *   files.c    who named a file (its records), its events, how fast it goes
 *   taking.c   send: from a client's descriptor to pieces on disk
 *   found.c    what arrives: which files messages name, which are wanted
 *   fetch.c    which of them comes next
 *   verify.c   is it right, and telling the peer
 *   serve.c    what the peer says of ours, and the pieces that it wants
 *   sweep.c    pieces that nobody needs any more
 *   saving.c   save: from pieces to a client's descriptor
 *
 * The ledger holds one row per line, author and hash, with its state (see
 * openline/file.h), and under a station value who named it. What this
 * structure holds is only what is under way: it is lost with the process, and
 * found again from the rows. Everything commits before it is acted on.
 */
#ifndef OL_STATION_FILES_H
#define OL_STATION_FILES_H

#include <openline/line.h>

#include "crypto/crypto.h"
#include "port/ledger.h"

struct ol_entry;
struct ol_request;
struct ol_station;
struct ol_station_line;

#define OL_FLOWS 8u         /* files under way that are known, each way */
#define OL_FILE_REFS 200u   /* records that may name one file */
#define OL_TAKINGS_MAX 16u  /* sends with files under way, all lines */
#define OL_SAVINGS_MAX 16u  /* saves under way, all lines */
#define OL_STALLED 64u      /* files that stand back, a line */
#define OL_WORKS_MAX 2u     /* threads at files; the others are for names */
#define OL_SLICE (4u * OL_PIECE) /* bytes read, stored or written at once */

/* A record that names a file: its id, and the place in its list. */
struct ol_file_ref {
    uint8_t id[OL_ID_SIZE];
    uint8_t place;
};

/* How far a file is, and how fast it goes. */
struct ol_flow {
    uint8_t hash[OL_HASH];
    uint64_t size; /* of the file; the flow is free when `used` is 0 */
    uint64_t used; /* grows: the one with the lowest is given away */
    uint32_t pieces;
    uint32_t mark_pieces; /* at mark_ns: the rate is measured from there */
    uint64_t mark_ns, moved_ns;
    double rate; /* bytes a second, 0: not measured */
    uint8_t tenths; /* that watchers were told */
};

struct ol_sweep {
    bool due, busy; /* busy: a batch of it is under way */
    unsigned list;  /* which of its lists */
    uint64_t after; /* where in the list */
    bool found;     /* the three below are set */
    uint8_t author, hash[OL_HASH];
    uint32_t next;  /* pieces below it are gone */
};

struct ol_line_files {
    /* found.c, fetch.c, verify.c */
    bool look;              /* there may be new records */
    uint64_t look_batch;    /* there are once this is on disk; 0: no */
    bool seen_known, busy;  /* busy: a batch of ours is under way */
    uint32_t seen[OL_PRECS]; /* records that were looked at */
    uint32_t unkept;        /* of them since the ledger was told */
    bool choose;            /* what is pulled may have to change */
    bool no_room;           /* something waits for room on the disk */
    bool pulling;
    uint8_t pulled[OL_HASH];
    uint64_t pull_ns;       /* since then nothing came of it */
    struct ol_stalled {
        uint8_t hash[OL_HASH];
        uint64_t until_ns;
    } stalled[OL_STALLED];  /* others go first until then */
    unsigned n_stalled;
    unsigned stalls;        /* in a row */
    bool offered;           /* a bundle brings this one, and waits */
    uint8_t offer[OL_HASH];
    uint64_t offer_ns;      /* it was preferred then; 0: none is */
    uint64_t pulled_size;
    bool follow;            /* pulled from its first piece on: read behind it */
    bool verifying;         /* it is all there; else the digest follows */
    bool more;              /* while it follows: there may be another piece */
    uint8_t verified[OL_HASH];
    uint64_t verify_size;
    uint8_t verify_prec;
    uint32_t verify_next;
    struct ol_digest *digest; /* of the pieces below that; NULL: of none */
    uint64_t unread_ns;     /* the disk did not read one: again then; 0: none */
    bool tell;              /* the peer is to be told of what is settled */
    bool tell_more;         /* and there was no room for all of it */
    struct ol_noted *noted; /* serve.c: what the core is to be told */
    /* all */
    struct ol_flow flow[2][OL_FLOWS]; /* [enum ol_author] of the file */
    uint64_t flows;
    uint64_t changes; /* grows with everything that a saver waits for */
    struct ol_sweep sweep;
};

/* ---- files.c ---- */

/* A batch in the making: one at a time, from begin to commit. */
void ol_files_begin(struct ol_station_line *line);
struct ol_put *ol_files_put(enum ol_put_kind kind, enum ol_author author,
                            const uint8_t hash[OL_HASH]);
/* The record `ref` names this file too. */
void ol_files_refer(enum ol_author author, const uint8_t hash[OL_HASH],
                    const struct ol_file_ref *ref);
/* An event for watchers, for each record that names it (the first 8). tenths:
 * of the file, on the receiver's disk. */
void ol_files_tell(enum ol_author author, const uint8_t hash[OL_HASH],
                   enum ol_file_state state, unsigned tenths);
struct ol_ledger_meta *ol_files_meta(void); /* key and value to be set */
/* `then` is called once it is on disk, or not; an error here: it is not. */
OL_MUST_USE enum ol_err ol_files_commit(void *arg,
                                        void (*then)(void *arg,
                                                     enum ol_err err));

/* A `then` for what is found again if it fails. */
void ol_files_nothing(void *arg, enum ol_err err);

/* What the events of ol_files_tell say; false: not of that form. */
bool ol_files_told(const char *detail, unsigned *place,
                   enum ol_file_state *state, unsigned *tenths);

/* The records that name this file, oldest first; how many. */
unsigned ol_refs_get(struct ol_station_line *line, enum ol_author author,
                     const uint8_t hash[OL_HASH], struct ol_file_ref *out,
                     unsigned max);

/* What is known of a file under way; NULL: nothing. */
struct ol_flow *ol_flow_find(struct ol_station_line *line,
                             enum ol_author author,
                             const uint8_t hash[OL_HASH]);
/* `pieces` of it are on the receiver's disk. */
struct ol_flow *ol_flow_at(struct ol_station_line *line,
                           enum ol_author author, const uint8_t hash[OL_HASH],
                           uint64_t size, uint32_t pieces);
unsigned ol_flow_tenths(const struct ol_flow *flow);
/* Bytes a second of late; 0: not known, or it does not move. */
double ol_flow_rate(const struct ol_flow *flow);

/* The row of a file; OL_ERR_MISSING. */
OL_MUST_USE enum ol_err ol_files_row(struct ol_station_line *line,
                                     enum ol_author author,
                                     const uint8_t hash[OL_HASH],
                                     struct ol_row_file *out);
/* Bytes on the disk beyond what must stay free. */
uint64_t ol_files_room(const struct ol_station *st);
/* Nothing of a line without a core is under way. */
void ol_files_halt(struct ol_station_line *line);
/* Its core runs: what was under way begins again. */
void ol_files_boot(struct ol_station_line *line);
/* The loop has ended: waits for the threads, answers who waits. */
void ol_files_stop(struct ol_station *st);
/* Once a turn: all of the below. */
void ol_files_pump(struct ol_station *st);

/* ---- taking.c ---- */

/* Takes the request's descriptors; the record is submitted once all of them
 * are on disk. Answers, or refuses, in any case. */
void ol_taking_start(struct ol_station_line *line, struct ol_request *rq,
                     const struct ol_record *rec,
                     const uint8_t id[OL_ID_SIZE]);
void ol_taking_pump(struct ol_station *st);
bool ol_taking_has_id(const struct ol_station *st,
                      const uint8_t id[OL_ID_SIZE]);
/* Is this file being taken for the line. */
bool ol_taking_now(const struct ol_station_line *line,
                   const uint8_t hash[OL_HASH]);
/* All of this line (NULL: all) end with these words, as soon as they can. */
void ol_taking_fail(struct ol_station *st, const struct ol_station_line *line,
                    const char *why);
/* The line goes, and nothing of it is in the ledger's queue. */
void ol_taking_drop(struct ol_station_line *line);

/* ---- found.c ---- */

void ol_found_pump(struct ol_station_line *line);
/* The core's batch `token` is on disk (0: another's). */
void ol_found_committed(struct ol_station_line *line, uint64_t token);
/* Wants it, though the policy did not: a saver waits. OL_ERR_AGAIN: when
 * something has changed; OL_ERR_CORRUPT: another message says another size;
 * OL_ERR_TOO_LONG: nobody can send so much. */
OL_MUST_USE enum ol_err ol_found_want(struct ol_station_line *line,
                                      const struct ol_entry *e,
                                      unsigned place);

/* Its files that are not whole are not wanted: `then` hears what became of it.
 * OL_ERR_MISSING: there is none. */
OL_MUST_USE enum ol_err ol_found_decline(struct ol_station_line *line,
                                         const struct ol_entry *e, void *arg,
                                         void (*then)(void *arg,
                                                      enum ol_err err));

/* ---- verify.c ---- */

/* Another one is pulled: what was read of the last one counts no more, unless
 * that is whole. */
void ol_verify_leave(struct ol_station_line *line);
/* All its pieces are here. */
void ol_verify_begin(struct ol_station_line *line,
                     const struct ol_row_file *row);
void ol_verify_pump(struct ol_station_line *line);
void ol_verify_noted(struct ol_station_line *line,
                     const struct ol_note *note);

/* ---- fetch.c ---- */

void ol_fetch_pump(struct ol_station_line *line);
void ol_fetch_note(struct ol_station_line *line, const struct ol_note *note);

/* ---- serve.c ---- */

void ol_serve_note(struct ol_station_line *line, const struct ol_note *note);
/* Tells the core what of it is on disk. */
void ol_serve_pump(struct ol_station_line *line);
/* Answers a LOAD of a piece or of a file into ev. */
void ol_serve_load(struct ol_station_line *line, const struct ol_load *load,
                   struct ol_event *ev);

/* Nothing of the line is in the ledger's queue. */
void ol_serve_drop(struct ol_station_line *line);

/* ---- sweep.c ---- */

/* Something may be of no use any more. */
void ol_sweep_again(struct ol_station_line *line);
void ol_sweep_pump(struct ol_station_line *line);
/* Are pieces of this file being removed just now. */
bool ol_sweeps(const struct ol_station_line *line, enum ol_author author,
               const uint8_t hash[OL_HASH]);

/* ---- saving.c ---- */

/* Copies attachment `place` of the message into the request's descriptor. */
void ol_saving_start(struct ol_request *rq, const struct ol_entry *e,
                     unsigned place, uint64_t until_ns);
void ol_saving_pump(struct ol_station *st);
uint64_t ol_saving_next_ns(const struct ol_station *st);
void ol_saving_drop(struct ol_station_line *line); /* the line goes */

/* ---- media.c ---- */

/* The media type for a file's name, by its ending. Static storage. */
const char *ol_media_type(const char *name);

#endif
