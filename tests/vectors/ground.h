/*
 * What the tests of openline.txt share: the file, its two stations and their
 * line.
 */
#ifndef OL_TESTS_GROUND_H
#define OL_TESTS_GROUND_H

#include "vectors.h"

#include "crypto/crypto.h"

/* The two stations of the file, the lower one first as it happens. */
extern struct ol_identity north, south;
extern uint8_t north_share[32], south_share[32];
extern struct ol_shared shared; /* as north has it */

/* What a card of it says. */
struct ol_peer_keys ground_card(const struct ol_identity *id);
/* The station that a block names. */
struct ol_identity *ground_station(const struct block *b);

/* Plays each block of a kind; fails unless there are `expected`. */
void ground_play(const char *kind, void (*play)(const struct block *),
                 unsigned expected);

/* A whole test program: reads both stations from argv[1], makes what they
 * share, then runs the tests. */
int ground_main(int argc, char **argv, const char *name,
                const struct CMUnitTest *tests, size_t n);

#endif
