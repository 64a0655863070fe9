/*
 * The deeds of a seed: a numbered list, which of them are off, and words for
 * each.
 *
 * Happy path: whatever is drawn from the seed comes here once, gets the next
 * number, and joins the queue if it is not off. What follows from a deed (a
 * cut that ends, a station that starts again) has no number of its own.
 */
#include "world_int.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/units.h"

static bool is_off(const struct world *w, uint32_t n)
{
    return n < w->n_off && (w->off[n / 8] >> (n % 8) & 1);
}

static uint32_t number(struct world *w, const struct entry *e)
{
    if (w->n_deeds == w->cap_deeds) {
        w->cap_deeds = w->cap_deeds ? 2 * w->cap_deeds : 256;
        w->deed = realloc(w->deed, w->cap_deeds * sizeof(*w->deed));
        OL_CHECK(w->deed != NULL);
    }
    w->deed[w->n_deeds] = (struct sim_deed){.at_ns = e->at_ns,
                                            .what = (uint8_t)e->what,
                                            .st = e->st,
                                            .ch = e->ch,
                                            .arg = e->arg};
    return w->n_deeds++;
}

void deed(struct world *w, struct entry e)
{
    uint32_t n = number(w, &e);

    e.deed = n + 1;
    if (!is_off(w, n))
        push(w, e);
}

bool habit(struct world *w, enum what what, unsigned ch, unsigned from,
           uint64_t value)
{
    struct entry e = {.at_ns = w->now_ns,
                      .what = what,
                      .st = (uint8_t)from,
                      .ch = (uint8_t)ch,
                      .arg = value};
    uint32_t n;

    if (value == 0)
        return false;
    n = number(w, &e);
    w->deed[n].done = !is_off(w, n);
    return w->deed[n].done;
}

static double seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

static void of_path(const struct world *w, const struct sim_deed *d, char *out,
                    size_t cap)
{
    const char *name = w->ch[d->ch].conf[0].name;
    double percent = (double)d->arg / 1e4, s = (double)(d->arg >> 16) / 1e3;
    const char *st = sim_name(d->st);
    unsigned low = (unsigned)(d->arg & 0xffff);

    switch ((enum what)d->what) {
    case W_LOSS:
        snprintf(out, cap, "%s from %s loses %.1f %%", name, st, percent);
        return;
    case W_DUP:
        snprintf(out, cap, "%s from %s doubles %.1f %%", name, st, percent);
        return;
    case W_FLIP:
        snprintf(out, cap, "%s from %s damages %.1f %%", name, st, percent);
        return;
    case W_JITTER:
        snprintf(out, cap, "%s from %s is up to %.3f s slower", name, st,
                 seconds(d->arg));
        return;
    case W_RATE:
        snprintf(out, cap, "%s from %s carries %llu bit/s", name, st,
                 (unsigned long long)d->arg);
        return;
    case W_BREAK:
        snprintf(out, cap, "the connection of %s breaks", name);
        return;
    case W_SLOW:
        snprintf(out, cap, "%s from %s is %u ms slower for %.1f s", name, st,
                 low, s);
        return;
    case W_HOLE:
        snprintf(out, cap, "%s from %s swallows more than %u bytes for %.1f s",
                 name, st, low, s);
        return;
    case W_SWITCH:
        snprintf(out, cap, "%s switches %s off for %.1f s", st, name,
                 seconds(d->arg));
        return;
    case W_MOVE:
        snprintf(out, cap, "%s sends on %s from address %llu", st,
                 name, (unsigned long long)d->arg);
        return;
    case W_EVIL:
        snprintf(out, cap, "the adversary %s what %s sent (on %s)",
                 evil_name(d->arg), st, name);
        return;
    default:
        snprintf(out, cap, "%s from %s is cut for %.1f s", name, st,
                 seconds(d->arg));
    }
}

static void of_disk(const struct sim_deed *d, char *out, size_t cap)
{
    const char *st = sim_name(d->st);
    unsigned low = (unsigned)(d->arg & 0xff);

    switch ((enum what)d->what) {
    case W_DIE:
        snprintf(out, cap, "%s dies before its %uth effect, its disk "
                 "%s, for %.1f s", st, low + 1,
                 d->arg >> 8 & 1 ? "done" : "not done", seconds(d->arg >> 9));
        return;
    case W_FAIL:
        snprintf(out, cap, "the disk of %s refuses its %uth commit: "
                 "%s", st, low + 1,
                 d->arg >> 8 & 1 ? "it is full" : "it cannot write");
        return;
    default:
        snprintf(out, cap, "the disk of %s takes up to %llu ms%s for "
                 "%.1f s", st, (unsigned long long)(d->arg & 0x7fff),
                 d->arg >> 15 & 1 ? " and is full" : "",
                 (double)(d->arg >> 16) / 1e3);
    }
}

static void of_station(const struct sim_deed *d, char *out, size_t cap)
{
    const char *st = sim_name(d->st);

    switch ((enum what)d->what) {
    case W_SAY:
        snprintf(out, cap, "%s says %llu bytes, precedence %u", st,
                 (unsigned long long)(d->arg & 0xffff), d->ch);
        return;
    case W_OFFER:
        snprintf(out, cap, "%s has an attachment of %llu bytes", st,
                 (unsigned long long)d->arg);
        return;
    case W_BACKUP:
        snprintf(out, cap, "%s is backed up", st);
        return;
    case W_RESTORE:
        snprintf(out, cap, "%s put back%s%s",
                 d->arg & 4 ? "both stations are" : "a station is",
                 d->arg & 1 ? " from its identity alone" : "",
                 (d->arg & 3) == 0 ? ", unnoticed" : "");
        return;
    case W_CRASH:
        snprintf(out, cap, "%s stops for %.1f s", st, seconds(d->arg));
        return;
    case W_BOTH:
        snprintf(out, cap, "both stop for %.1f s", seconds(d->arg));
        return;
    case W_WALL:
        snprintf(out, cap, "the wall clock of %s is off by %.1f days",
                 st, (double)(int64_t)d->arg / 86400e3);
        return;
    case W_WEAR:
        snprintf(out, cap, "the counters of %s come to %llu",
                 d->arg >> 32 ? "both" : st,
                 (unsigned long long)(d->arg & UINT32_MAX));
        return;
    case W_ATTEND:
        snprintf(out, cap, "an officer of %s is %s, shared: %s", st,
                 (d->arg & 3) == OL_ATT_ATTENDED     ? "there"
                 : (d->arg & 3) == OL_ATT_UNATTENDED ? "not there"
                                                     : "not asked for",
                 ol_share_name((enum ol_share_rule)(d->arg >> 8)));
        return;
    default:
        snprintf(out, cap, "every channel is cut for %.1f s",
                 seconds(d->arg));
    }
}

void world_deed(const struct world *w, uint32_t n, char *out, size_t cap)
{
    const struct sim_deed *d = &w->deed[n];

    OL_CHECK(n < w->n_deeds);
    if (d->what == W_DIE || d->what == W_FAIL || d->what == W_DISK)
        of_disk(d, out, cap);
    else if (d->what < W_CUT || d->what == W_PART)
        of_station(d, out, cap);
    else
        of_path(w, d, out, cap);
}
