/*
 * A station's own keys: identity.key and storage.key, and what opens them.
 */
#ifndef OL_STATION_KEYS_H
#define OL_STATION_KEYS_H

#include <openline/station.h>

#include "station/vault.h"

/* Secrets, in memory that is not swapped out and wiped at the end. */
struct ol_keys {
    struct ol_identity id;
    uint8_t storage[OL_KEY];
    struct ol_vault vault;    /* seals the cards too */
    enum ol_secret_from from; /* where the passphrase came from */
    int lock_fd; /* while they are open, what seals them stays; -1: none */
};

/* Reads and checks both keys, and asks for the passphrase if there is one.
 * Refuses keys that others can read. */
int ol_keys_open(const char *dir, struct ol_keys **out, char why[OL_WHY_MAX]);
/* The same; *secret is the passphrase, NULL when there is none: free it. */
int ol_keys_unlock(const char *dir, struct ol_keys **out,
                   struct ol_secret **secret, char why[OL_WHY_MAX]);
void ol_keys_close(struct ol_keys *keys); /* wipes; NULL is nothing */
/* Nobody else has them open, until they are closed: what seals them may be
 * changed. 1 with why. */
int ol_keys_alone(const char *dir, struct ol_keys *keys,
                  char why[OL_WHY_MAX]);

/* Do the files still hold these keys. 1 with why. */
int ol_keys_check(const char *dir, const struct ol_keys *keys,
                  char why[OL_WHY_MAX]);

/* A new pair of keys, in memory only. */
int ol_keys_make(struct ol_keys **out, char why[OL_WHY_MAX]);
/* Writes both key files anew, sealed when keys->vault is. 1 when they are
 * there already. */
int ol_keys_keep(const char *dir, const struct ol_keys *keys,
                 char why[OL_WHY_MAX]);

/* Both files as they are in the clear, for a sealed archive; and back. out:
 * 512 bytes; wipe it. */
size_t ol_keys_text(const struct ol_keys *keys, bool storage, uint8_t *out);
int ol_keys_take(struct ol_keys *keys, bool storage, struct ol_span text,
                 const char *path, char why[OL_WHY_MAX]);

#endif
