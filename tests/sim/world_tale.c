/*
 * What happens, in sentences.
 *
 * Told while it happens: deeds of the seed as they come to pass, what a
 * station's line says of itself, and what its disk holds from then on. Nothing
 * here changes the world, so a life that is told is the life that was lived.
 */
#include "world_int.h"

#include <stdarg.h>
#include <string.h>

#include "base/units.h"

#define MOST_LINES 400u /* of one tale; then only how it ends */

static const char *const prec_name[OL_PRECS] = {"FLASH", "IMMEDIATE",
                                                "PRIORITY", "ROUTINE"};

const char *sim_name(unsigned st)
{
    return st == 0 ? "north" : "south";
}

/* "12.3 s", and with days and hours when there are some. */
static void when(uint64_t ns, char out[48])
{
    unsigned long long s = ns / OL_NS_PER_S, day = 24 * 3600;
    unsigned ms = (unsigned)(ns / OL_NS_PER_MS % 1000);

    if (s < 7200)
        snprintf(out, 48, "%llu.%03u s", s, ms);
    else if (s < day)
        snprintf(out, 48, "%llu h %02llu:%02llu.%03u", s / 3600,
                 s / 60 % 60, s % 60, ms);
    else
        snprintf(out, 48, "day %llu, %02llu:%02llu:%02llu.%03u", s / day,
                 s / 3600 % 24, s / 60 % 60, s % 60, ms);
}

void tale(struct world *w, const char *fmt, ...)
{
    struct sim_tale *t = &w->tale;
    char at[48];
    va_list ap;

    if (t->to == NULL || t->lines > MOST_LINES)
        return;
    when(w->now_ns, at);
    fprintf(t->to, "%12s: ", at);
    if (++t->lines > MOST_LINES) {
        fprintf(t->to, "and so on; more is not told.\n");
        return;
    }
    va_start(ap, fmt);
    vfprintf(t->to, fmt, ap);
    va_end(ap);
    fprintf(t->to, ".\n");
    fflush(t->to); /* the next step may be the last */
}

/* ---- deeds -------------------------------------------------------------- */

/* Commits that a station waits for. */
static unsigned under_way(const struct world *w, unsigned st)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < w->n_heap; i++)
        n += w->heap[i].what == W_COMMIT && w->heap[i].st == st &&
             w->heap[i].boot == w->st[st].boot;
    return n;
}

/* Is there anything for it to happen to. */
static bool takes_place(const struct world *w, const struct entry *e)
{
    const struct sim_station *s = &w->st[e->st];

    switch (e->what) {
    case W_SAY: case W_OFFER: case W_WANT:
        return true;
    case W_RESTART:
        return !s->alive && e->boot == s->boot;
    case W_CRASH:
        return s->alive && !w->healed;
    default:
        return !w->healed;
    }
}

void tale_entry(struct world *w, const struct entry *e)
{
    char words[160];
    unsigned n;

    if (!takes_place(w, e))
        return;
    if (e->what == W_RESTART)
        tale(w, "%s starts again", sim_name(e->st));
    if (e->deed == 0)
        return;
    world_deed(w, e->deed - 1, words, sizeof(words));
    if (e->what == W_SAY && !w->st[e->st].alive)
        tale(w, "%s is not running, and says nothing", sim_name(e->st));
    else if (e->what == W_SAY)
        tale(w, "%s says message %u (%s, %llu bytes)", sim_name(e->st),
             w->st[e->st].n_said + 1, prec_name[e->ch],
             (unsigned long long)(e->arg & 0xffff));
    else if (e->what == W_CRASH && (n = under_way(w, e->st)) > 0)
        tale(w, "%s, while %u commit%s under way", words, n,
             n > 1 ? "s are" : " is");
    else
        tale(w, "%s", words);
}

/* How the paths are, before anything happens. */
void tale_begin(struct world *w, FILE *to)
{
    char words[160];

    w->tale.to = to;
    tale(w, "north (station 0) and south (1) share %u channels", w->n_ch);
    for (uint32_t i = 0; i < w->n_deeds; i++) {
        enum what what = (enum what)w->deed[i].what;
        if (!w->deed[i].done ||
            (what != W_LOSS && what != W_DUP && what != W_FLIP &&
             what != W_JITTER && what != W_RATE))
            continue;
        world_deed(w, i, words, sizeof(words));
        tale(w, "%s", words);
    }
}

/* ---- what a line says --------------------------------------------------- */

static const char *const note_words[OL_NOTE_KINDS] = {
    [OL_NOTE_WRONG_SHARE] = "got a knock that does not open",
    [OL_NOTE_WRONG_IDENTITY] = "got a knock with another identity",
    [OL_NOTE_SECOND] = "sees that another with its keys was answered",
    [OL_NOTE_PEER_SECOND] = "sees two copies of the other knock",
    [OL_NOTE_EPOCH] = "speaks under a new epoch",
    [OL_NOTE_BEHIND] = "hears that its opening number is old",
    [OL_NOTE_ROOT] = "finds another root in what the other holds",
    [OL_NOTE_CHECKPOINT] = "finds a checkpoint that does not hold",
    [OL_NOTE_ROLLED_BACK] = "sees that the other holds less than it said",
    [OL_NOTE_UNOPENED] = "got a bundle that does not open",
    [OL_NOTE_CARD_ONLY] = "seals bundles to the card's key from now on",
    [OL_NOTE_PREKEY] = "seals bundles to a prekey again",
    [OL_NOTE_LOST] = "learns that the other holds more of its log",
    [OL_NOTE_PROVED] = "knows that its logs are whole",
    [OL_NOTE_PEER_LOST] = "is asked for the other's own records",
};

void tale_effects(struct world *w, unsigned st)
{
    const struct ol_effects *eff = &w->st[st].eff;

    for (unsigned i = 0; i < eff->count; i++) {
        const struct ol_put *p = &eff->v[i].put;
        const struct ol_note *n = &eff->v[i].note;
        if (eff->v[i].kind == OL_FX_PUT && p->kind == OL_PUT_EVENT) {
            if (p->what == OL_WHAT_CHANNEL)
                tale(w, "%s sees %s as %s", sim_name(st),
                     w->ch[p->channel].conf[st].name, p->detail);
            else if (p->what == OL_WHAT_BLACKOUT)
                tale(w, "%s is in the dark", sim_name(st));
            else if (p->what == OL_WHAT_RESTORED)
                tale(w, "%s is no longer in the dark", sim_name(st));
            else if (p->what == OL_WHAT_ALARM)
                tale(w, "%s gives the alarm: %s", sim_name(st), p->detail);
        }
        if (eff->v[i].kind != OL_FX_NOTE)
            continue;
        if (n->kind < OL_NOTE_KINDS && note_words[n->kind] != NULL)
            tale(w, "%s %s", sim_name(st), note_words[n->kind]);
    }
}

/* ---- what a disk holds -------------------------------------------------- */

static uint32_t head(struct sim_station *s, enum ol_author author, unsigned p)
{
    uint8_t frontier[1024];
    size_t n = sizeof(frontier);
    uint32_t size = 0;

    (void)!s->ledger->ops->head(s->ledger, s->line_no, author, (uint8_t)p,
                                &size, frontier, &n);
    return size;
}

/* "calls FLASH 3 to 5 delivered": before and after stand around the range. */
static void changed(struct world *w, unsigned st, unsigned p, uint32_t *was,
                    uint32_t is, const char *before, const char *after)
{
    const char *who = sim_name(st), *name = prec_name[p];

    if (is == *was)
        return;
    if (is == *was + 1)
        tale(w, "%s %s %s %u%s", who, before, name, is, after);
    else if (is > *was)
        tale(w, "%s %s %s %u to %u%s", who, before, name, *was + 1, is, after);
    else
        tale(w, "%s %s %s only up to %u%s", who, before, name, is, after);
    *was = is;
}

void tale_disk(struct world *w, unsigned st)
{
    struct sim_station *s = &w->st[st];
    char peers[64];

    snprintf(peers, sizeof(peers), "has %s's", sim_name(1 - st));
    for (unsigned p = 0; p < OL_PRECS; p++) {
        uint32_t upto = 0;
        uint64_t at;
        (void)!s->ledger->ops->acked(s->ledger, s->line_no, (uint8_t)p, 1,
                                     &upto, &at);
        changed(w, st, p, &w->tale.own[st][p], head(s, OL_OWN, p),
                "has its own", " on disk");
        changed(w, st, p, &w->tale.peer[st][p], head(s, OL_PEER, p), peers,
                " on disk");
        changed(w, st, p, &w->tale.acked[st][p], upto, "calls",
                " delivered");
    }
}
