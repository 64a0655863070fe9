/*
 * Merging what came of a peer's record into what was there.
 *
 * Happy path: covered units take the put's bits and bytes, the rest stays,
 * and what is not present, or lies behind the size, is zeroed, so that equal
 * parts are equal bytes.
 * It cannot fail: a put's bounds were checked when its batch was taken.
 */
#include "ledger/part.h"

#include <string.h>

#include "base/units.h"
#include "wire/messages.h"

#define UNITS (OL_RECORD_MAX / OL_UNIT)

_Static_assert(UNITS == 64, "one bit of the mask for each unit");

/* The units lo to hi - 1. */
static uint64_t units(unsigned lo, unsigned hi)
{
    uint64_t below = hi == UNITS ? UINT64_MAX : (UINT64_C(1) << hi) - 1;

    return below & ~((UINT64_C(1) << lo) - 1);
}

bool ol_part_whole(const struct ol_put *put)
{
    return put->offset == 0 && put->bytes.n == OL_RECORD_MAX;
}

void ol_part_merge(struct ol_part_image *image, const struct ol_put *put)
{
    unsigned lo = put->offset / OL_UNIT;
    unsigned hi = (unsigned)(put->offset + put->bytes.n + OL_UNIT - 1) /
                  OL_UNIT;
    unsigned top;

    memcpy(image->bytes + put->offset, put->bytes.p, put->bytes.n);
    image->mask = (image->mask & ~units(lo, hi)) | put->mask;
    image->size = put->size;
    for (unsigned k = 0; k < UNITS; k++) {
        if (!(image->mask >> k & 1))
            memset(image->bytes + k * OL_UNIT, 0, OL_UNIT);
    }
    top = image->mask ? UNITS - (unsigned)__builtin_clzll(image->mask) : 0;
    image->n = (uint16_t)(top * OL_UNIT);
    if (image->size > 0)
        image->n = OL_MIN(image->n, image->size);
    memset(image->bytes + image->n, 0, OL_RECORD_MAX - image->n);
}
