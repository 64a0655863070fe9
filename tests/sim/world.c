/*
 * The world's machinery: the queue, the channels, the stations.
 *
 * Happy path: pop the earliest entry, hand it to its station as an event,
 * carry the effects out (packets into paths, puts into the twin, loads from
 * it), and go on. A station that crashed drops all entries of its old boot.
 */
#include "world_int.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "wire/messages.h"

/* ---- the queue ---------------------------------------------------------- */

static bool before(const struct entry *a, const struct entry *b)
{
    return a->at_ns < b->at_ns ||
           (a->at_ns == b->at_ns && a->serial < b->serial);
}

void push(struct world *w, struct entry e)
{
    uint32_t i;

    if (w->n_heap == w->cap_heap) {
        w->cap_heap = w->cap_heap ? 2 * w->cap_heap : 1024;
        w->heap = realloc(w->heap, w->cap_heap * sizeof(*w->heap));
        OL_CHECK(w->heap != NULL);
    }
    e.serial = ++w->serial;
    for (i = w->n_heap++; i > 0 && before(&e, &w->heap[(i - 1) / 2]);
         i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = e;
}

static struct entry pop(struct world *w)
{
    struct entry top = w->heap[0], last = w->heap[--w->n_heap];
    uint32_t i = 0;

    for (;;) {
        uint32_t c = 2 * i + 1;
        if (c >= w->n_heap)
            break;
        if (c + 1 < w->n_heap && before(&w->heap[c + 1], &w->heap[c]))
            c++;
        if (!before(&w->heap[c], &last))
            break;
        w->heap[i] = w->heap[c];
        i = c;
    }
    w->heap[i] = last;
    return top;
}

/* ---- what happens ------------------------------------------------------- */

struct page { /* what a LOAD gives */
    struct ol_loaded v[OL_LOAD_MAX];
    uint8_t bytes[OL_LOAD_BYTES + OL_RECORD_MAX];
    size_t n_bytes;
    uint32_t n;
};

static bool collect(void *arg, const struct ol_row *row)
{
    struct page *c = arg;
    struct ol_loaded *l = &c->v[c->n];

    l->index = row->index;
    memcpy(l->leaf, row->leaf, 32);
    memcpy(l->root, row->root, 8);
    OL_CHECK(c->n_bytes + row->bytes.n <= sizeof(c->bytes));
    memcpy(c->bytes + c->n_bytes, row->bytes.p, row->bytes.n);
    l->bytes = OL_SPAN(c->bytes + c->n_bytes, row->bytes.n);
    c->n_bytes += row->bytes.n;
    return ++c->n < OL_LOAD_MAX;
}

static void loaded(struct world *w, const struct entry *e)
{
    struct sim_station *s = &w->st[e->st];
    static struct page c;
    struct ol_event ev = {.kind = OL_EV_LOADED, .token = e->load.token};

    c.n_bytes = 0;
    c.n = 0;
    if (s->ledger->ops->log(s->ledger, s->line_no, e->load.author,
                            e->load.prec, e->load.index, e->load.max_records,
                            e->load.max_bytes, collect, &c) != OL_OK)
        world_fail(w, "the twin cannot read: %s", s->ledger->why);
    ev.loaded = c.v;
    ev.n_loaded = c.n;
    w->records_loaded += c.n;
    (void)!world_step(w, e->st, &ev);
}

#define GOES_ON UINT64_MAX

/* Come back with the rest of the file when there is room. */
static void again(struct world *w, struct entry rest, const struct entry *e,
                  size_t at)
{
    rest.at_ns = w->now_ns + 100 * OL_NS_PER_MS;
    rest.n = e->n - at;
    rest.bytes = malloc(rest.n);
    OL_CHECK(rest.bytes != NULL);
    memcpy(rest.bytes, e->bytes + at, rest.n);
    push(w, rest);
}

/* A pouch file, bundle by bundle; one file at a time, as a station reads. */
static void bundles(struct world *w, const struct entry *e)
{
    struct sim_station *s = &w->st[e->st];
    struct ol_event ev = {.kind = OL_EV_FRAME, .channel = e->ch};
    size_t at = 0, n = 0;
    struct entry rest = *e;

    if (s->reading && e->arg != GOES_ON) {
        again(w, rest, e, 0);
        return;
    }
    for (s->reading = false; at + 4 <= e->n; at += 4 + n) {
        n = (size_t)e->bytes[at] << 24 | (size_t)e->bytes[at + 1] << 16 |
            (size_t)e->bytes[at + 2] << 8 | e->bytes[at + 3];
        if (n > e->n - at - 4)
            return;
        ev.bytes = OL_SPAN(e->bytes + at + 4, n);
        if (world_step(w, e->st, &ev) != OL_ERR_AGAIN)
            continue;
        s->reading = true;
        rest.arg = GOES_ON;
        again(w, rest, e, at);
        return;
    }
}

static void packet(struct world *w, struct entry *e)
{
    struct ol_event ev = {.kind = OL_EV_FRAME,
                          .channel = e->ch,
                          .from = e->from ? *e->from
                                          : w->from[e->st][e->ch],
                          .follows = w->together && e->n > 0 &&
                                     e->bytes[e->n - 1] % 2 == 1,
                          .bytes = OL_SPAN(e->bytes, e->n)};
    struct sim_channel *c = &w->ch[e->ch];

    if (!w->st[e->st].alive)
        return;
    if (c->conf[0].kind == OL_CHAN_STREAM && e->arg != c->generation)
        return;
    if (c->conf[0].kind != OL_CHAN_POUCH) {
        (void)!world_step(w, e->st, &ev);
        return;
    }
    bundles(w, e);
}

/* A file, which the other side wants e->ch seconds later. */
static void offer(struct world *w, const struct entry *e)
{
    struct sim_file *f = world_offer(w, e->st, e->arg, e->serial);

    push(w, (struct entry){.at_ns = w->now_ns + e->ch * OL_NS_PER_S,
                           .what = W_WANT,
                           .arg = (uint64_t)(f - w->file)});
}

/* Streams connect only over whole paths; else they try again. */
static void up(struct world *w, const struct entry *e)
{
    struct sim_channel *c = &w->ch[e->ch];
    bool whole = !is_cut(w, &c->path[0]) && !is_cut(w, &c->path[1]) &&
                 w->st[0].alive && w->st[1].alive;

    connection(w, e->ch, whole);
    if (!whole)
        push(w, (struct entry){.at_ns = w->now_ns + 2 * OL_NS_PER_S,
                               .what = W_UP,
                               .ch = e->ch});
}

static void happen(struct world *w, struct entry *e)
{
    struct sim_station *s = &w->st[e->st];
    struct ol_event tick = {.kind = OL_EV_TICK};
    bool current = s->alive && e->boot == s->boot;

    trace_entry(w, e);
    if (w->tale.to != NULL)
        tale_entry(w, e);
    if (e->deed > 0)
        w->deed[e->deed - 1].done = true;
    switch (e->what) {
    case W_TICK:
        if (current && e->arg == s->wake_id) {
            s->wake_ns = 0;
            (void)!world_step(w, e->st, &tick);
        }
        break;
    case W_PACKET:
        packet(w, e);
        break;
    case W_COMMIT:
        if (current)
            commits(w, e->st);
        break;
    case W_LOADED:
        if (current)
            s->loads--;
        if (current && e->load.kind == OL_LOAD_RECORDS)
            loaded(w, e);
        else if (current)
            world_file_loaded(w, e->st, &e->load);
        break;
    case W_SAY:
        world_speak(w, e->st, e->ch, e->arg);
        break;
    case W_UP:
        up(w, e);
        break;
    case W_RESTART:
        if (!s->alive && e->boot == s->boot)
            world_boot(w, e->st);
        break;
    case W_BACKUP: case W_RESTORE: case W_GIVE:
        world_put(w, e);
        break;
    case W_FILE:
        if (current)
            world_file_turn(w, e);
        break;
    case W_OFFER:
        offer(w, e);
        break;
    case W_WANT:
        world_want(w, &w->file[e->arg]);
        break;
    default:
        fault(w, e);
    }
}

void world_tick(struct world *w, unsigned st)
{
    struct ol_event tick = {.kind = OL_EV_TICK};

    if (w->st[st].alive)
        (void)!world_step(w, st, &tick);
}

void world_spill(struct world *w)
{
    for (uint32_t i = 0; i < w->n_heap; i++)
        if (w->heap[i].what == W_PACKET)
            w->heap[i].n = 0;
}

void world_run(struct world *w, uint64_t until_ns)
{
    while (w->n_heap > 0 && w->heap[0].at_ns <= until_ns) {
        struct entry e = pop(w);
        w->now_ns = e.at_ns;
        happen(w, &e);
        free(e.bytes);
    }
    w->now_ns = OL_MAX(w->now_ns, until_ns);
}
