/*
 * The time in a record's id.
 *
 * An id of 16 bytes begins with the time it was made at, so that the ledger's
 * index of ids grows at its end, as its logs do, and does not touch another
 * page for each record. What makes it unlike every other are the 10 random
 * bytes behind it. doc/protocol.md 6.1.
 */
#ifndef OL_BASE_ID_H
#define OL_BASE_ID_H

#include <stdint.h>

/* Over the first 6 of 16 random bytes: Unix ms, the highest byte first. */
static inline void ol_id_stamp(uint8_t id[16], uint64_t unix_ms)
{
    for (unsigned k = 0; k < 6; k++)
        id[k] = (uint8_t)(unix_ms >> (40 - 8 * k));
}

#endif
