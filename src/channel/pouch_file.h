/*
 * The parts of a pouch file that the courier needs beside port/channel.h:
 * a writer that knows its folder by descriptor, and a reader in steps.
 */
#ifndef OL_CHANNEL_POUCH_FILE_H
#define OL_CHANNEL_POUCH_FILE_H

#include <sys/types.h>

#include "port/channel.h"
#include "wire/messages.h"

#define OL_POUCH_BYTES (1024u * 1024 * 1024) /* one file at most */
#define OL_POUCH_HEAD 4u

/* As ol_pouch_create, in an open folder; takes the descriptor over in any
 * case. name: at most 255 bytes, no slash. */
OL_MUST_USE enum ol_err ol_pouch_create_at(struct ol_pouch_file **out, int dir,
                                           const char *name);
/* Bundles in it so far. */
uint32_t ol_pouch_count(const struct ol_pouch_file *f);

struct ol_pouch_reader {
    int fd; /* -1: closed */
    uint64_t at, size;
};

/* Takes the descriptor of a regular file over, also when it fails. Errors:
 * OL_ERR_MALFORMED, OL_ERR_LONG (above 1 GiB), OL_ERR_IO. */
OL_MUST_USE enum ol_err ol_pouch_reader_init(struct ol_pouch_reader *r, int fd);
/* The next bundle into buf; *n 0: the end. Errors: OL_ERR_MALFORMED,
 * OL_ERR_IO. */
OL_MUST_USE enum ol_err ol_pouch_reader_next(struct ol_pouch_reader *r,
                                             uint8_t buf[OL_BUNDLE_MAX],
                                             size_t *n);
bool ol_pouch_reader_ended(const struct ol_pouch_reader *r);
void ol_pouch_reader_fini(struct ol_pouch_reader *r);

/* What errno means: FULL, EXISTS, MISSING or IO. */
enum ol_err ol_pouch_errno(int sys);

#endif
