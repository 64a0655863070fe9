/*
 * The other side of a real station's line: its card, and a file of bundles.
 */
#ifndef OL_FUZZ_SOUTH_H
#define OL_FUZZ_SOUTH_H

#include "wire/card.h"

/* south's card for north, armoured; always the same. */
void south_card(struct ol_writer *text);
/* A pouch file for the station in this folder, which has taken that card: one
 * message of each precedence, the last with a file that is in it too. */
void south_writes(const char *folder, const char *file);

#endif
