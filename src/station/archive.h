/*
 * A sealed archive: one file that holds a station, or its identity.
 *
 *   "OLSAFE01" 8 | kind 1 | passes 4 | KiB 4 | salt 16 | check 16 | head 24
 *   then blocks of 65,536 bytes and OL_STREAM_OVER, the last one shorter or
 *   as long (ol_stream; the first is bound to all before it)
 *
 * check: the first bytes of BLAKE2b-256 keyed with the passphrase's key over
 * "openline safe 1" | all before it. In the blocks, one after the other:
 *
 *   version 1 (1) | flags 1 (1: the station had a passphrase)
 *   entries: 1 | name's length 1 | name | size 8 | bytes
 *   end: 0
 *
 * What is written takes its name only when it is whole and on disk.
 */
#ifndef OL_STATION_ARCHIVE_H
#define OL_STATION_ARCHIVE_H

#include "station/file.h"
#include "station/secret.h"

#define OL_ARCHIVE_NAME 64u
#define OL_ARCHIVE_SMALL 65536u /* bytes of every entry but the ledger */

enum ol_archive_kind { OL_ARCHIVE_IDENTITY = 1, OL_ARCHIVE_BACKUP = 2 };

struct ol_archive;

/* Calls return an exit status, with why. */

/* path: must not be there. locked: the station has a passphrase. */
int ol_archive_create(struct ol_archive **out, const char *path,
                      enum ol_archive_kind kind,
                      const struct ol_secret *secret, bool locked,
                      char why[OL_WHY_MAX]);
int ol_archive_add(struct ol_archive *a, const char *name,
                   struct ol_span bytes, char why[OL_WHY_MAX]);
/* Streams a whole file of any size. */
int ol_archive_add_file(struct ol_archive *a, const char *name,
                        const char *path, char why[OL_WHY_MAX]);
/* commit: it takes its name, durably; else it goes. Frees a. */
int ol_archive_finish(struct ol_archive *a, bool commit,
                      char why[OL_WHY_MAX]);

struct ol_archive_entry {
    char name[OL_ARCHIVE_NAME + 1]; /* letters, digits and . - / only */
    uint64_t size;
};

/* Asks for its passphrase and opens the head. Any other kind is refused with
 * the command that takes it. */
int ol_archive_open(struct ol_archive **out, const char *path,
                    enum ol_archive_kind kind, struct ol_secret **secret,
                    bool *locked, char why[OL_WHY_MAX]);
/* The next entry, once all of the last was taken; *more false at the end, and
 * then the file held nothing else. */
int ol_archive_next(struct ol_archive *a, struct ol_archive_entry *e,
                    bool *more, char why[OL_WHY_MAX]);
/* The next n bytes of the entry. */
int ol_archive_take(struct ol_archive *a, void *out, size_t n,
                    char why[OL_WHY_MAX]);
void ol_archive_close(struct ol_archive *a); /* of a file that was opened */

#endif
