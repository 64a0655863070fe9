/*
 * What our cards carry: the `reach =` lines, or else the listeners with an
 * address of this machine in place of a wildcard.
 */
#ifndef OL_STATION_REACH_H
#define OL_STATION_REACH_H

#include "station/conf.h"

/* Fills the channels of a card. 1 with why when an address cannot be used. */
int ol_reach_fill(const struct ol_conf_station *conf, struct ol_card *card,
                  char why[OL_WHY_MAX]);
/* "tcp" of "tcp://..."; cut at 7 bytes. */
void ol_reach_scheme(char scheme[8], const char *url);

#endif
