/*
 * Notes that the ledger does not take at once.
 *
 * Happy path: the ledger takes a note where it is made, and says when it is on
 * disk. How it fails: while too many commits wait, or the disk refuses, the
 * note stays here in the order in which notes were made, and is handed in when
 * there is room, so it stands in the record a little later than it happened.
 * OL_LATER_MAX wait; what comes then is lost, and so is what waits when its
 * line or the station ends, and a line's state when the core has told a newer
 * one meanwhile. What is lost is counted and said.
 */
#include "station/later.h"

#include <stdlib.h>
#include <string.h>

#include "station/clock.h"
#include "station/log.h"
#include "station/station.h"

#define SAY_NS (60 * OL_NS_PER_S)

_Static_assert(OL_LATER_MAX > OL_FIFO_NOTES, "what the queue takes is kept");

struct ol_later {
    struct ol_later *next;
    struct ol_station *st;
    struct ol_station_line *line; /* NULL: the station's own */
    bool handed;                  /* in the ledger's queue now */
    bool is_fact;
    struct ol_put put;
    struct ol_fact fact;
    char text[OL_LATER_TEXT + 1]; /* the event's detail, or the fact's value */
};

static void lost(struct ol_station *st)
{
    st->later_lost++;
    ol_log_rarely(&st->said_later_ns, SAY_NS,
                  "the ledger is behind, and %llu notes of this run could not "
                  "be kept for it: what 'openline watch' and the reports say "
                  "of this time lacks them; see 'openline doctor'",
                  (unsigned long long)st->later_lost);
}

static void drop(struct ol_later *n)
{
    struct ol_later **at = &n->st->later;

    while (*at != n)
        at = &(*at)->next;
    *at = n->next;
    n->st->n_later--;
    free(n);
}

static void became(void *arg, enum ol_err err)
{
    struct ol_later *n = arg;

    if (err == OL_OK)
        drop(n);
    else
        n->handed = false;
}

static bool hand(struct ol_later *n)
{
    struct ol_batch batch = {.puts = &n->put, .n_puts = !n->is_fact,
                             .facts = &n->fact, .n_facts = n->is_fact};

    n->handed = ol_disk_note_then(n->st, n->line, &batch, n, became) == OL_OK;
    return n->handed;
}

void ol_later_pump(struct ol_station *st)
{
    /* What is handed to a disk that has just refused is refused again. */
    if (st->ledger_failed || ol_clock_ns() < st->refused_until_ns)
        return;
    for (struct ol_later *n = st->later; n != NULL; n = n->next)
        if (!n->handed && !hand(n))
            return;
}

/* Behind all that wait; NULL: there is no place. */
static struct ol_later *place(struct ol_station *st,
                              struct ol_station_line *line, const char *text,
                              size_t size)
{
    struct ol_later **at = &st->later;
    struct ol_later *n = NULL;

    if (st->n_later < OL_LATER_MAX && size <= OL_LATER_TEXT)
        n = calloc(1, sizeof(*n));
    if (n == NULL) {
        lost(st);
        return NULL;
    }
    n->st = st;
    n->line = line;
    if (size > 0)
        memcpy(n->text, text, size);
    while (*at != NULL)
        at = &(*at)->next;
    *at = n;
    st->n_later++;
    return n;
}

void ol_later_event(struct ol_station *st, struct ol_station_line *line,
                    const struct ol_put *put)
{
    const char *detail = put->detail != NULL ? put->detail : "";
    struct ol_later *n = place(st, line, detail,
                               strnlen(detail, OL_LATER_TEXT));

    if (n == NULL)
        return;
    n->put = *put;
    if (put->detail != NULL)
        n->put.detail = n->text;
    ol_later_pump(st);
}

void ol_later_fact(struct ol_station *st, struct ol_station_line *line,
                   const struct ol_fact *fact)
{
    struct ol_later *n = place(st, line, (const char *)fact->value.p,
                               fact->value.n);

    if (n == NULL)
        return;
    n->is_fact = true;
    n->fact = *fact;
    n->fact.key = "";
    n->fact.value = OL_SPAN((const uint8_t *)n->text, fact->value.n);
    ol_later_pump(st);
}

static bool tells_a_state(const struct ol_put *put)
{
    return put->kind == OL_PUT_EVENT && put->what == OL_WHAT_LINE;
}

/* Those of the line that wait; states: only such as tell its state. */
static void lose(struct ol_station *st, const struct ol_station_line *line,
                 bool states)
{
    struct ol_later *n = st->later, *next;

    for (; n != NULL; n = next) {
        next = n->next;
        if (n->handed || n->line != line ||
            (states && !tells_a_state(&n->put)))
            continue;
        drop(n);
        lost(st);
    }
}

void ol_later_overtaken(struct ol_station_line *line,
                        const struct ol_batch *batch)
{
    for (uint16_t k = 0; k < batch->n_puts; k++)
        if (tells_a_state(&batch->puts[k]))
            lose(line->st, line, true);
}

void ol_later_forget(struct ol_station *st, const struct ol_station_line *line)
{
    struct ol_later *next;

    lose(st, line, false);
    for (struct ol_later *n = st->later; n != NULL; n = next) {
        next = n->next;
        if (n->line == line)
            drop(n);
    }
}
