/*
 * Files that hold secrets, at rest.
 *
 * Without a passphrase they are plain, mode 0600. With one, passphrase.key
 * holds a random key, sealed under the passphrase, and that key seals the
 * others: identity.key, storage.key, cards/PEER.card and lines.d/PEER.card
 * (the shares on cards are secret). A sealed file says so itself, so that a
 * change cut half-way leaves only files that open.
 *
 *   passphrase.key  "OLPASS01" | passes 4 | KiB 4 | salt 16 |
 *                   the key, sealed (ol_atrest, ad: all before) 72 | check 8
 *   sealed file     "OLSEALED" | the file, sealed (ol_atrest, ad: its name)
 *
 * check: the first bytes of BLAKE2b-256("openline passphrase 1" | all before),
 * which tells damage from a wrong passphrase.
 */
#ifndef OL_STATION_VAULT_H
#define OL_STATION_VAULT_H

#include "station/file.h"
#include "station/secret.h"

struct ol_vault {
    bool sealed; /* there is a passphrase, and key is what seals */
    uint8_t key[OL_KEY];
};

bool ol_vault_there(const char *dir);
/* 1 with why: wrong, damaged, no memory. */
int ol_vault_open(const char *dir, const struct ol_secret *secret,
                  struct ol_vault *v, char why[OL_WHY_MAX]);
/* Writes passphrase.key, over one that is there; the key is v's. */
int ol_vault_write(const char *dir, const struct ol_secret *secret,
                   const struct ol_vault *v, char why[OL_WHY_MAX]);

/* Reads DIR/FOLDER/FILE (folder may be NULL), opened. The caller wipes and
 * frees text. OL_ERR_DENIED: sealed, and v is not; OL_ERR_CORRUPT: sealed by
 * another key, under another name, or damaged; else as ol_file_read. */
OL_MUST_USE enum ol_err ol_vault_read(const char *dir, const char *folder,
                                      const char *file,
                                      const struct ol_vault *v, char **text,
                                      size_t *n);
/* Writes it, sealed when v is. As ol_file_write; mode 0600. */
OL_MUST_USE enum ol_err ol_vault_keep(const char *dir, const char *folder,
                                      const char *file,
                                      const struct ol_vault *v,
                                      enum ol_file_how how,
                                      struct ol_span bytes);

/* Seals every file that is not yet (v sealed), or opens every one, and then
 * removes passphrase.key (`open`). Clears away what a crash left of writes.
 * With the directory's lock. Can be repeated after any failure. */
int ol_vault_settle(const char *dir, const struct ol_vault *v, bool open,
                    char why[OL_WHY_MAX]);

#endif
