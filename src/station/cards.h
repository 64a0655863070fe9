/*
 * Our card for a peer, and reading any card of the directory.
 *
 * Calls return an exit status. Cards hold secret shares: wipe them.
 */
#ifndef OL_STATION_CARDS_H
#define OL_STATION_CARDS_H

#include <openline/station.h>

#include "core/card.h"
#include "station/conf.h"
#include "station/dir.h"

/* "PEER.card" */
void ol_cards_file(char out[40], const char *peer);
/* A card from dir/folder/file. 3 when there is none. */
int ol_cards_read(const char *dir, const struct ol_keys *keys,
                  const char *folder, const char *file, struct ol_card *card,
                  char why[OL_WHY_MAX]);
/* Our own card for a peer: checked to be ours, and for that peer. */
int ol_cards_own(const char *dir, const struct ol_keys *keys,
                 const char *peer, struct ol_card *card,
                 char why[OL_WHY_MAX]);
/* Makes our card for the peer when there is none, or anew. */
int ol_cards_ensure(const char *dir, const struct ol_keys *keys,
                    const struct ol_conf_station *conf, const char *peer,
                    bool renew, char why[OL_WHY_MAX]);
/* What is wrong with a card, for people. Returns 1. */
int ol_cards_fault(enum ol_err err, const char *file, char why[OL_WHY_MAX]);
/* 2 when this cannot be the name of a peer. */
int ol_cards_peer_name(const struct ol_conf_station *conf, const char *peer,
                       char why[OL_WHY_MAX]);
/* Appends a small file's text. */
int ol_cards_copy(const char *dir, const struct ol_keys *keys,
                  const char *folder, const char *file,
                  struct ol_writer *out, char why[OL_WHY_MAX]);
/* Has a running station read its directory anew; none running is as good. */
int ol_cards_tell(const char *dir, char why[OL_WHY_MAX]);

#endif
