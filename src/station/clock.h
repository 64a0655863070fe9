/*
 * The two clocks: one that never jumps and runs through a suspend, for all
 * that waits; the wall clock, for what people read.
 */
#ifndef OL_STATION_CLOCK_H
#define OL_STATION_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "base/units.h"

static inline uint64_t ol_clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * OL_NS_PER_S + (uint64_t)t.tv_nsec;
}

/* The same but for the time that the machine slept. */
static inline uint64_t ol_clock_awake_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * OL_NS_PER_S + (uint64_t)t.tv_nsec;
}

static inline uint64_t ol_clock_wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec < 0 ? 0
                        : (uint64_t)t.tv_sec * 1000 +
                              (uint64_t)t.tv_nsec / OL_NS_PER_MS;
}

/* A moment of the first clock as the second shows it now. 0: never. */
static inline uint64_t ol_clock_wall_of(uint64_t ns)
{
    uint64_t now = ol_clock_ns(), wall = ol_clock_wall_ms();

    if (ns == 0)
        return 0;
    if (ns > now)
        return wall + (ns - now) / OL_NS_PER_MS;
    return wall - OL_MIN(wall, (now - ns) / OL_NS_PER_MS);
}

#endif
