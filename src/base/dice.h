/*
 * Seeded chance for tests: the same seed makes the same test (splitmix64).
 *
 * OPENLINE_SEED replaces the seed and OPENLINE_LONG asks for more rounds, so
 * that a failure is replayed by its seed and its commit. Never for secrets.
 */
#ifndef OL_BASE_DICE_H
#define OL_BASE_DICE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct dice {
    uint64_t state;
};

static inline uint64_t dice_u64(struct dice *d)
{
    uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static inline struct dice dice_init(uint64_t seed)
{
    const char *other = getenv("OPENLINE_SEED");

    return (struct dice){other ? strtoull(other, NULL, 0) : seed};
}

/* lo .. hi, both possible. */
static inline uint64_t dice_in(struct dice *d, uint64_t lo, uint64_t hi)
{
    return lo == 0 && hi == UINT64_MAX ? dice_u64(d)
                                       : lo + dice_u64(d) % (hi - lo + 1);
}

/* As dice_in, but an end of the range one time in four: errors live there. */
static inline uint64_t dice_edge(struct dice *d, uint64_t lo, uint64_t hi)
{
    switch (dice_u64(d) % 8) {
    case 0:
        return lo;
    case 1:
        return hi;
    default:
        return dice_in(d, lo, hi);
    }
}

static inline void dice_fill(struct dice *d, void *out, size_t n)
{
    for (size_t k = 0; k < n; k++)
        ((uint8_t *)out)[k] = (uint8_t)dice_u64(d);
}

/* Rounds of a random test: `n`, or many times that in the long campaign. */
static inline unsigned dice_rounds(unsigned n)
{
    return getenv("OPENLINE_LONG") ? n * 50 : n;
}

#endif
