/*
 * A station's directory and its lock.
 *
 *   station.conf   lines.d/PEER.conf  lines.d/PEER.card  lines.d/PEER.verified
 *   cards/PEER.card  identity.key  storage.key  passphrase.key  marker
 *   ledger.db  control.sock  lock
 */
#ifndef OL_STATION_DIR_H
#define OL_STATION_DIR_H

#include <openline/station.h>

#include "station/keys.h"

/* A copy of the ledger that a backup is made of, there while it is made:
 * ledger.copy.HEX, each with a name of its own. */
int ol_dir_copy_name(const char *dir, char out[OL_PATH_MAX],
                     char why[OL_WHY_MAX]);
/* Removes those that are there. Whoever has one open can read it on. */
void ol_dir_copy_sweep(const char *dir);

/* Makes DIR and its folders for a new station; 1 when there is anything of
 * one. */
int ol_dir_fresh(const char *dir, char why[OL_WHY_MAX]);
/* Takes DIR/lock for this process. *fd: close it to let go. */
int ol_dir_lock(const char *dir, int *fd, char why[OL_WHY_MAX]);

#endif
