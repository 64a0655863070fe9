/*
 * The replay window of one key, after RFC 6479.
 *
 * Happy path: fresh, then (the frame has authenticated) mark; run walks what
 * is marked from the top for an ack. A counter below the window is not fresh
 * and not had. Marking what is not fresh is our own bug: an assertion.
 *
 * The ring has one word more than the window needs, so that the words of
 * high .. high - OL_WINDOW_BITS + 1 never share one. Counters do not wrap: an
 * epoch ends before them.
 */
#include "base/window.h"

#include <string.h>

#include "base/check.h"
#include "base/units.h"

#define WORDS (OL_WINDOW_BITS / 64 + 1)

void ol_window_init(struct ol_window *w)
{
    memset(w, 0, sizeof(*w));
}

static bool marked(const struct ol_window *w, uint32_t counter)
{
    return w->word[counter / 64 % WORDS] >> counter % 64 & 1;
}

/* The lowest counter of the window. */
static uint32_t low(const struct ol_window *w)
{
    return w->high < OL_WINDOW_BITS ? 0 : w->high - OL_WINDOW_BITS + 1;
}

bool ol_window_fresh(const struct ol_window *w, uint32_t counter)
{
    if (!w->any || counter > w->high)
        return true;
    return counter >= low(w) && !marked(w, counter);
}

/* The highest counter in floor..from whose bit is `want`; a word a step. */
static bool find_down(const struct ol_window *w, uint32_t from, uint32_t floor,
                      bool want, uint32_t *found)
{
    uint64_t flip = want ? 0 : UINT64_MAX;
    uint32_t base = from - from % 64, at = from / 64 % WORDS;
    uint64_t bits = (w->word[at] ^ flip) & UINT64_MAX >> (63 - from % 64);

    while (bits == 0) {
        if (base <= floor)
            return false;
        base -= 64;
        at = (at == 0 ? WORDS : at) - 1;
        bits = w->word[at] ^ flip;
    }
    *found = base + 63 - (uint32_t)__builtin_clzll(bits);
    return *found >= floor;
}

/* The lowest counter of the run that ends at hi. */
static uint32_t run_from(const struct ol_window *w, uint32_t hi)
{
    uint32_t gap;

    if (hi > low(w) && find_down(w, hi - 1, low(w), false, &gap))
        return gap + 1;
    return low(w);
}

void ol_window_mark(struct ol_window *w, uint32_t counter)
{
    OL_CHECK(ol_window_fresh(w, counter));
    if (!w->any || counter > w->high) {
        uint32_t skipped = w->any ? counter / 64 - w->high / 64 : 0;

        for (uint32_t k = 0; k < OL_MIN(skipped, WORDS); k++)
            w->word[(counter / 64 - k) % WORDS] = 0;
        if (!w->any || counter != w->high + 1)
            w->run = counter;
        w->any = true;
        w->high = counter;
    }
    w->word[counter / 64 % WORDS] |= UINT64_C(1) << counter % 64;
    if (counter + 1 == w->run)
        w->run = run_from(w, counter);
}

bool ol_window_has(const struct ol_window *w, uint32_t counter)
{
    return w->any && counter <= w->high && counter >= low(w) &&
           marked(w, counter);
}

bool ol_window_run(const struct ol_window *w, uint32_t from, uint32_t *hi,
                   uint32_t *lo)
{
    if (!w->any)
        return false;
    from = OL_MIN(from, w->high);
    if (from < low(w) || !find_down(w, from, low(w), true, hi))
        return false;
    /* Mostly nothing is missing, and an ack asks for just this. */
    *lo = *hi == w->high ? OL_MAX(w->run, low(w)) : run_from(w, *hi);
    return true;
}
