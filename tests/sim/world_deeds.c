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
    const char *name = w->ch[d->ch].conf[0].name, *who = sim_name(d->st);
    double percent = (double)d->arg / 1e4;

    switch ((enum what)d->what) {
    case W_LOSS:
        snprintf(out, cap, "%s from %s loses %.1f %%", name, who, percent);
        return;
    case W_DUP:
        snprintf(out, cap, "%s from %s doubles %.1f %%", name, who, percent);
        return;
    case W_FLIP:
        snprintf(out, cap, "%s from %s damages %.1f %%", name, who, percent);
        return;
    case W_JITTER:
        snprintf(out, cap, "%s from %s is up to %.3f s slower", name, who,
                 seconds(d->arg));
        return;
    case W_RATE:
        snprintf(out, cap, "%s from %s carries %llu bit/s", name, who,
                 (unsigned long long)d->arg);
        return;
    default:
        snprintf(out, cap, "%s from %s is cut for %.1f s", name, who,
                 seconds(d->arg));
    }
}

void world_deed(const struct world *w, uint32_t n, char *out, size_t cap)
{
    const struct sim_deed *d = &w->deed[n];

    OL_CHECK(n < w->n_deeds);
    switch ((enum what)d->what) {
    case W_SAY:
        snprintf(out, cap, "%s says %llu bytes, precedence %u", sim_name(d->st),
                 (unsigned long long)d->arg, d->ch);
        return;
    case W_CRASH:
        snprintf(out, cap, "%s stops for %.1f s", sim_name(d->st),
                 seconds(d->arg));
        return;
    case W_DISK:
        snprintf(out, cap, "the disk of %s changes its pace", sim_name(d->st));
        return;
    case W_REPLAY:
        snprintf(out, cap, "the adversary sends an old packet again");
        return;
    case W_MOVE:
        snprintf(out, cap, "%s sends on %s from address %llu", sim_name(d->st),
                 w->ch[d->ch].conf[0].name, (unsigned long long)d->arg);
        return;
    case W_BACKUP:
        snprintf(out, cap, "%s is backed up", sim_name(d->st));
        return;
    case W_RESTORE:
        snprintf(out, cap, "%s is put back from its copy", sim_name(d->st));
        return;
    case W_OFFER:
        snprintf(out, cap, "%s has an attachment of %llu bytes",
                 sim_name(d->st), (unsigned long long)d->arg);
        return;
    default:
        of_path(w, d, out, cap);
    }
}
