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

/* The copy of the ledger that a backup is made of; there while it is made. */
#define OL_LEDGER_COPY "ledger.copy"

/* Makes DIR and its folders for a new station; 1 when there is anything of
 * one. */
int ol_dir_fresh(const char *dir, char why[OL_WHY_MAX]);
/* Takes DIR/lock for this process. *fd: close it to let go. */
int ol_dir_lock(const char *dir, int *fd, char why[OL_WHY_MAX]);

#endif
