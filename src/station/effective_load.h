/*
 * The asks of a line's window, out of its ledger, and what follows from them.
 *
 * Held from one question to the next. Of what is put into the ledger meanwhile
 * those that it touches are remembered and read again; all are when too many
 * were, when records were taken back, when what was put before the first time
 * is not on disk yet, and when the window has moved. An ask behind a gap is
 * read again each time, until what precedes it is here.
 */
#ifndef OL_STATION_EFFECTIVE_LOAD_H
#define OL_STATION_EFFECTIVE_LOAD_H

#include <jansson.h>

#include <openline/line.h>

#include "station/effective.h"

struct ol_entry;
struct ol_station_line;

#define OL_EFFECTIVE_TOUCHED 64u

struct ol_touched { /* an ask, until batch `serial` of the line is on disk */
    uint8_t author;
    uint64_t number, serial;
};

struct ol_effective_asks { /* of a line; zeroed: nothing read yet */
    struct ol_effective_ask *v;
    size_t n;
    bool read;
    uint64_t read_ms; /* the wall clock when all were read */
    struct ol_touched touched[OL_EFFECTIVE_TOUCHED];
    unsigned n_touched;
    uint64_t all_serial; /* all are read again until that batch is on disk; 0 */
    uint64_t before[2]; /* by author: numbers up to it are out of the window */
    bool passed[2];     /* ol_effective_passed has told all */
};

/* Reads them if need be. False: the ledger cannot be read now. */
bool ol_effective_read(struct ol_station_line *line);
/* This goes into the line's next batch. */
void ol_effective_put(struct ol_station_line *line, const struct ol_put *put);
void ol_effective_free(struct ol_station_line *line);
/* Asks taken or arrived from from_ms on and before to_ms, into memory of the
 * caller's: *v, freed by free. False: no memory, or the ledger cannot be
 * read. */
bool ol_effective_gather(struct ol_station_line *line, uint64_t from_ms,
                         uint64_t to_ms, struct ol_effective_ask **v,
                         size_t *n, uint64_t before[2]);

/* Somebody else goes through all asks, in the order of their numbers: those
 * taken or arrived from this moment on are in the window; 0: more is not to be
 * told. And then: up to `before` (0: of none) they are not; end: the next one
 * is. */
uint64_t ol_effective_from(const struct ol_station_line *line,
                           enum ol_author author);
void ol_effective_passed(struct ol_station_line *line, enum ol_author author,
                         uint64_t before, bool end);

/* The member "effective" of a line's status. dark_ms: since when it is dark, 0:
 * it is not. */
json_t *ol_json_effective(struct ol_station_line *line, uint64_t dark_ms);
/* The sentence, as a text; NULL without memory. */
json_t *ol_json_sentence(struct ol_station_line *line,
                         const struct ol_effective_line *how);
/* Is it known what was asked. A restored copy does not know what was answered
 * meanwhile. */
bool ol_effective_told(const struct ol_station_line *line);
/* The deadline of an ask on our clock: theirs is by their clock, as far as
 * that is known. 0: there is none. */
uint64_t ol_effective_due(const struct ol_entry *e);
/* The same of any asks, as of any moment. */
json_t *ol_json_effective_of(const struct ol_effective_asks *asks,
                             uint64_t dark_ms, uint64_t now_ms);
json_t *ol_json_sentence_of(const struct ol_effective_asks *asks,
                            const struct ol_effective_line *how,
                            uint64_t now_ms);

#endif
