/*
 * What two stations share, from the cards in the directory.
 *
 * Our card for PEER is cards/PEER.card (it holds our share); the peer's is in
 * lines.d. Both together make the line: its id, its PSK, its safety number.
 */
#ifndef OL_STATION_PAIR_H
#define OL_STATION_PAIR_H

#include <openline/station.h>

#include "core/card.h"
#include "station/conf.h"
#include "station/dir.h"

#define OL_SAFETY_TEXT 72u

struct ol_pair {
    struct ol_card peer; /* its card for us */
    uint8_t own_share[32];
    struct ol_shared shared;
    char safety[OL_SAFETY_TEXT];
    char verified[25]; /* RFC 3339, empty: not compared by voice yet */
};

/* Reads both cards of a line. Wipe what comes out. 1 with why when one is
 * missing or does not hold, or when two channels of the line have one tag: the
 * line is then unpaired. */
int ol_pair_load(const char *dir, const struct ol_keys *keys,
                 const struct ol_conf_station *conf,
                 const struct ol_conf_line *line, struct ol_pair *out,
                 char why[OL_WHY_MAX]);
/* Reads lines.d/PEER.verified again: empty when it is of other cards. */
void ol_pair_verified(const char *dir, const char *peer, struct ol_pair *pair);
/* Writes it. */
int ol_pair_confirm(const char *dir, const char *peer, struct ol_pair *pair,
                    char why[OL_WHY_MAX]);

#endif
