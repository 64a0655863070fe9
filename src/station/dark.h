/*
 * A line's blackouts as they happen: noted as facts, with the reason and with
 * what waited, also across stops of this station.
 *
 * The core says when a line is dark and when it is no longer; each fact is in
 * the batch that says so, so what the core remembers and what is noted cannot
 * differ. What the facts mean, dark_fold.h says.
 */
#ifndef OL_STATION_DARK_H
#define OL_STATION_DARK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <openline/line.h>

#include "port/ledger.h"
#include "station/dark_why.h"
#include "station/json_out.h"

struct ol_station;
struct ol_station_line;

struct ol_dark { /* of a line; from its ledger, each time it is booted */
    bool open;            /* a blackout is noted that has not ended */
    uint64_t since_ms, detected_ms;
    uint64_t since_ns;    /* 0: it began before this boot */
    enum ol_dark_cause cause;
    uint64_t noted_ms;    /* of the newest fact: each is later than the last */
    uint64_t answered_ms; /* the last answer in the life before; 0: unknown */
    uint64_t ran_ms;      /* the line is known to have run then */
    /* What the peer held at the beginning, and we of the peer's, if that could
     * be read. */
    bool counted;
    uint64_t acked[OL_PRECS], peer[OL_PRECS];
    /* After the return: until what waited has gone. */
    bool behind;
    uint64_t look_ns;
    uint64_t upto[OL_PRECS];
    char detail[64]; /* of an event */
    char *value;     /* of a fact under way */
    struct ol_fact fact;
};

/* ---- dark_boot.c ---- */

/* The station runs: its file `alive` is touched now and then. st->seen_ms:
 * when it was last, before this start; 0: never. */
void ol_dark_start(struct ol_station *st);
void ol_dark_stop(struct ol_station *st);
void ol_dark_pump(struct ol_station *st, uint64_t now_ns);
uint64_t ol_dark_next_ns(const struct ol_station *st);
/* A line is about to start: what is noted of it, and what of the time since.
 */
void ol_dark_boot(struct ol_station_line *line);
/* This station stood still. */
void ol_dark_slept(struct ol_station *st, uint64_t from_ms, uint64_t to_ms);
/* The value of meta "ran": when this line ran, and was answered. Freed by the
 * caller; NULL: no memory. */
char *ol_dark_ran(struct ol_station_line *line, bool stopping);

/* ---- dark.c ---- */

/* An event of the core: BLACKOUT and RESTORED bring a fact into the batch, and
 * RESTORED its counts into its detail. */
void ol_dark_event(struct ol_station_line *line, struct ol_put *put,
                   struct ol_batch *batch);
/* After the batch was handed over. */
void ol_dark_handed(struct ol_station_line *line);
/* Notes a fact now, and an event with it (or NULL). Takes doc over. */
bool ol_dark_note(struct ol_station_line *line, json_t *doc,
                  const struct ol_put *put);
/* Notes a fact, and until it is on disk (later.h). Takes doc over. */
void ol_dark_owe(struct ol_station_line *line, json_t *doc);
/* Has what waited at the return gone by now. */
void ol_dark_look(struct ol_station_line *line, uint64_t now_ns);

/* The last proof that a line that is dark was not, Unix, as far as anybody
 * here knows: of this life of the line, or of one before. */
uint64_t ol_dark_since_ms(const struct ol_station_line *line,
                          const struct ol_line_status *s);
/* Why the line is dark, as far as is known now. */
json_t *ol_dark_reasons(struct ol_station_line *line, enum ol_dark_cause *c);
/* The counts in the detail of RESTORED and CAUGHT_UP, as members. */
void ol_dark_detail_json(struct ol_out *o, const char *detail);

#endif
