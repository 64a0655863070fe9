/*
 * What the station answers by itself, without an officer: the word that a
 * line check has come, and the refusal of what is not taken now, in or out of
 * an exercise (exercise.h).
 *
 *   arrives --> looked at once, in the order of its log
 *                 |-- wants nothing, or has its word already: passed
 *                 |-- no room now: looked at again
 *                 '-- a record of ours, taken --> passed
 *
 * The place up to which the peer's logs were looked at is kept; after a crash
 * a few are looked at again, and the marks of what was said keep it single. A
 * peer costs at most one such record each 4 s, after the first 16: what comes
 * faster waits on disk and has its word later.
 */
#ifndef OL_STATION_REFLEX_H
#define OL_STATION_REFLEX_H

#include <stdbool.h>
#include <stdint.h>

#include <openline/record.h>

struct ol_station;
struct ol_station_line;

struct ol_reflex {
    bool ready, look;
    bool changed;            /* next is not on disk as it is */
    uint32_t next[OL_PRECS]; /* of the peer's logs */
    uint32_t newest;         /* place of its newest check in FLASH, 0: none */
    uint64_t token;          /* of the record under way, 0: none */
    uint64_t again_ns, save_ns;
    uint64_t bucket_ns; /* the bucket is full from then on */
};

/* A new core. */
void ol_reflex_start(struct ol_station_line *line);
/* Something of the line was committed. */
void ol_reflex_poke(struct ol_station_line *line);
void ol_reflex_pump(struct ol_station *st);
uint64_t ol_reflex_next_ns(const struct ol_station *st);
/* NOTE_TAKEN; true: it was one of these. */
bool ol_reflex_taken(struct ol_station_line *line, uint64_t token);

#endif
