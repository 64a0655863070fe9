/*
 * A station's directory: its keys, its lock, its marker.
 *
 *   station.conf   lines.d/PEER.conf  lines.d/PEER.card  lines.d/PEER.verified
 *   cards/PEER.card  identity.key  storage.key  marker  ledger.db
 *   control.sock  lock
 */
#ifndef OL_STATION_DIR_H
#define OL_STATION_DIR_H

#include <openline/station.h>

#include "crypto/crypto.h"

/* Secrets, in memory that is not swapped out and wiped at the end. */
struct ol_keys {
    struct ol_identity id;
    uint8_t storage[OL_KEY];
};

/* Reads and checks both keys. Refuses keys that others can read. */
int ol_keys_open(const char *dir, struct ol_keys **out, char why[OL_WHY_MAX]);
void ol_keys_close(struct ol_keys *keys); /* wipes; NULL is nothing */

/* Takes DIR/lock for this process. *fd: close it to let go. */
int ol_dir_lock(const char *dir, int *fd, char why[OL_WHY_MAX]);

#endif
