/*
 * Rows sealed at rest: the key, and what binds a row to its place.
 *
 * Associated data is a word for the table, the line id (32 bytes, never the
 * small number) and the rest of the primary key, big-endian, so that no sealed
 * row holds anywhere else.
 */
#ifndef OL_LEDGER_SEAL_H
#define OL_LEDGER_SEAL_H

#include "crypto/crypto.h"

/* The primary key of a sealed row. */
struct ol_place {
    const char *table; /* "record", "part", "state", "piece" */
    const uint8_t *line_id; /* 32 bytes */
    uint8_t author, prec;
    uint32_t index;
    const uint8_t *hash; /* 32 bytes, of a piece; else NULL */
};

/* out holds in.n + OL_ATREST_OVER bytes; what is to be bound. */
struct ol_span ol_place_seal(const struct ol_place *place, uint8_t *out,
                             struct ol_atrest *with, struct ol_span in);
/* out holds cap bytes; *n: the length. OL_ERR_CORRUPT. */
OL_MUST_USE enum ol_err ol_place_open(const struct ol_place *place,
                                      uint8_t *out, size_t cap, size_t *n,
                                      const uint8_t key[OL_KEY],
                                      struct ol_span sealed);

#endif
