/*
 * Line checks of ours: a numbered text through every channel, to the other
 * station, which answers at once, and to its officer.
 *
 *           due, or asked for            on disk
 *   (none) ------------------> COMPOSED ---------> OPEN --CHECKED--> answered
 *      |                           |                 |
 *      | no channel is up, or      | refused         | nothing in time
 *      | the last has not arrived  v                 v
 *      '-----------------------> unsent            missed (and alarmed),
 *                                                  answered late perhaps
 *
 * What became of each is a fact of the ledger, under the id of its record;
 * what the other side's officer said of it stands in the marks of the record.
 */
#ifndef OL_STATION_CHECKS_H
#define OL_STATION_CHECKS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <openline/record.h>

struct ol_request;
struct ol_station;
struct ol_station_line;

struct ol_checks {
    bool ready, look;
    uint64_t n;      /* number of the newest, 0: none yet */
    uint64_t due_ms; /* wall clock: of the schedule; 0: to be found */
    uint64_t last_ms; /* wall clock: the newest began */
    bool composed, missed;
    uint8_t id[OL_ID_SIZE]; /* of the newest that went out */
    uint64_t token;
    uint64_t sent_ms;  /* wall clock */
    uint64_t sent_ns;  /* 0: in an earlier life */
    uint64_t until_ns;
    struct ol_request *rq; /* who asked for it, or NULL */
    bool wait;             /* and wants to hear what becomes of it */
    bool open; /* apart from `composed`: gcc would read both at once, and its
                  path analysis then takes the pair for uninitialized */
};

/* A new core. */
void ol_checks_start(struct ol_station_line *line);
/* The line stops or goes: whoever waits is told. */
void ol_checks_stop(struct ol_station_line *line, const char *why);
/* Something of the line was committed. */
void ol_checks_poke(struct ol_station_line *line);
void ol_checks_pump(struct ol_station *st);
uint64_t ol_checks_next_ns(const struct ol_station *st);
/* NOTE_TAKEN; true: it was a check. */
bool ol_checks_taken(struct ol_station_line *line, uint64_t token);

/* One now; answers the request at once, or with wait once it is over. */
void ol_checks_now(struct ol_station_line *line, struct ol_request *rq,
                   bool wait);

/* checks_list.c: the newest of a line as documents, newest first, into list.
 * False: the ledger fails. */
#define OL_CHECKS_SHOWN 48u
bool ol_checks_list(struct ol_station_line *line, unsigned max, json_t *list);
/* The check of that id; NULL: no memory, or not there. */
json_t *ol_checks_one(struct ol_station_line *line,
                      const uint8_t id[OL_ID_SIZE]);

#endif
