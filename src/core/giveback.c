/*
 * The other side's ledger is an old copy: it is given back what we hold of it.
 *
 *   LOST --steps--> the tree of our copy is walked to see where roots agree
 *        --> FOUND, and RETURN of what is asked for
 *
 * Happy path: on a live channel FOUND answers each LOST, and the window that
 * it asks for follows, a page of our ledger at a time, below FLASH and
 * IMMEDIATE of our own. In a bundle all from the agreement on follows at once,
 * for a question there and back takes days.
 * A peer may ask as often as it likes: one walk at a time and a second apart,
 * one page at a time, and a bundle at most once a minute.
 * It fails by silence: what does not arrive is asked for again.
 */
#include "core/frames.h"
#include "core/restore.h"

#include <string.h>

#define PAGE_RECORDS 16u
#define PAGE_BYTES (16u * 1024)
#define WALK_PAUSE_NS OL_NS_PER_S

/* ---- the question ------------------------------------------------------- */

/* Of an earlier life of the peer: what waited for more of it to come. */
static void forget(struct ol_line *l, unsigned p)
{
    struct ol_in_log *in = &l->in[p];

    if (in->has_cp && in->cp.size > in->upto)
        in->has_cp = false;
    ol_recv_drop_parts(l, p);
}

static void open_question(struct ol_line *l, const struct ol_lost *c)
{
    struct ol_in_log *in = &l->in[c->prec];
    struct ol_give *g = &in->give;

    if (g->asked && g->ask == c->ask)
        return;
    ol_fx_note(l, OL_NOTE_PEER_LOST, OL_CHANNEL_ANY, c->prec, 0);
    l->peer_lost = true;
    forget(l, c->prec);
    memset(g, 0, sizeof(*g));
    g->asked = true;
    g->ask = c->ask;
    g->n_steps = c->n_steps;
    memcpy(g->step, c->step, sizeof(g->step));
    if (l->give_scan.on && l->give_scan.prec == c->prec)
        l->give_scan.on = false;
    if (c->n_steps > 0)
        return;
    /* It has nothing, or knows the place already. */
    g->judged = true;
    g->match = OL_MIN(in->durable, c->next > 0 ? c->next - 1 : 0);
}

enum ol_err ol_give_lost(struct ol_line *l, const struct ol_lost *c,
                         bool live)
{
    struct ol_give *g = &l->in[c->prec].give;
    bool again;

    open_question(l, c);
    if (live) {
        g->asks = OL_MIN(g->asks + 1, 2);
        if (c->repeat || !g->sending)
            g->sent = c->next > 0 ? c->next - 1 : 0;
        g->next = c->next;
        g->map = c->map;
        g->answer = true;
        g->sending = c->next > 0;
        return OL_OK;
    }
    again = g->bundled_ns == 0 || g->bundled_next != c->next ||
            l->now_ns - g->bundled_ns >= OL_HELD_POUCH_MS * OL_NS_PER_MS;
    if (!again)
        return OL_OK;
    g->bundle_next = c->next;
    g->bundle = true;
    ol_pouch_changed(l);
    return OL_OK;
}

/* ---- where the logs part ------------------------------------------------ */

static void each(struct ol_line *l, struct ol_scan *s)
{
    struct ol_give *g = &l->in[s->prec].give;

    for (unsigned k = 0; k < g->n_steps; k++) {
        uint8_t root[OL_HASH];
        if (g->step[k].index != s->tree.size)
            continue;
        ol_tree_root(&s->tree, root);
        if (memcmp(root, g->step[k].root, OL_ROOT) == 0)
            g->match = s->tree.size;
    }
}

static void walk(struct ol_line *l, unsigned p)
{
    struct ol_in_log *in = &l->in[p];
    struct ol_give *g = &in->give;
    unsigned k = 0;

    while (k < g->n_steps && g->step[k].index > in->durable)
        k++;
    if (k == g->n_steps) {
        g->judged = true;
    } else if (g->step[k].index == in->durable &&
               memcmp(g->step[k].root, in->durable_root, OL_ROOT) == 0) {
        g->match = in->durable;
        g->judged = true;
    } else if (l->now_ns < l->give_scan_ns) {
        ol_wake(l, l->give_scan_ns);
    } else {
        ol_scan_begin(&l->give_scan, OL_PEER, p, g->step[k].index);
    }
}

void ol_give_pump(struct ol_line *l)
{
    struct ol_scan *s = &l->give_scan;

    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_give *g = &l->in[p].give;
        if (g->asked && !g->judged && !s->on)
            walk(l, p);
        if (g->judged && g->bundle && !g->told) {
            g->told = true;
            ol_pouch_changed(l);
        }
    }
    ol_scan_pump(l, s);
    if (!ol_scan_done(s))
        return;
    l->in[s->prec].give.judged = true;
    s->on = false;
    l->give_scan_ns = l->now_ns + WALK_PAUSE_NS;
    l->fx->more = true;
}

/* ---- the answer --------------------------------------------------------- */

static void found(struct ol_line *l, unsigned p, struct ol_found *f)
{
    struct ol_in_log *in = &l->in[p];
    struct ol_held_log h;

    memset(f, 0, sizeof(*f));
    f->prec = (uint8_t)p;
    f->ask = in->give.ask;
    f->match = OL_MIN(in->give.match, in->durable);
    f->upto = in->durable;
    memcpy(f->root, in->durable_root, OL_ROOT);
    f->number = l->peer_number;
    f->has_cp = in->signed_cp.size > 0;
    f->cp = in->signed_cp;
    f->cp.prec = (uint8_t)p;
    ol_recv_beyond(l, p, &h);
    f->n_ranges = h.n_ranges;
    for (unsigned k = 0; k < h.n_ranges; k++) {
        f->ranges[k].first = h.ranges[k].first;
        f->ranges[k].count = h.ranges[k].count;
    }
}

static void answer(struct ol_line *l, unsigned c)
{
    struct ol_out_frame f;
    struct ol_found o;

    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_give *g = &l->in[p].give;
        if (!g->answer || !g->judged || !ol_frame_begin(l, &f, c, NULL))
            continue;
        found(l, p, &o);
        f.asks = ol_found_encode(&f.w, &o);
        ol_frame_finish(l, &f);
        g->answer = false;
    }
}

/* ---- live --------------------------------------------------------------- */

/* The window that is asked for, and in it the first that is wanted behind
 * `after`; 0: none. */
static uint32_t wanted(const struct ol_give *g, uint32_t after)
{
    uint32_t last = g->next > UINT32_MAX - OL_RETURN_WINDOW
                        ? UINT32_MAX
                        : g->next + OL_RETURN_WINDOW - 1;

    for (uint32_t i = OL_MAX(after, g->next - 1); i < last;) {
        i++;
        if (i == g->next || !(g->map >> (i - g->next - 1) & 1))
            return i;
    }
    return 0;
}

static void page(struct ol_line *l, unsigned c)
{
    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_give *g = &l->in[p].give;
        uint32_t next;
        struct ol_load *load;
        size_t budget;
        if (!g->sending || !g->judged)
            continue;
        next = wanted(g, g->sent);
        if (next == 0 || next > l->in[p].high) {
            g->sending = false;
            continue;
        }
        budget = ol_path_budget(l, c);
        if (budget == 0 || !ol_fx_room(l, 1, 0))
            return;
        load = &ol_fx_add(l, OL_FX_LOAD)->load;
        load->token = l->give_load = ++l->next_token * OL_PRECS + p;
        load->author = OL_PEER;
        load->prec = (uint8_t)p;
        load->index = next;
        load->max_records = PAGE_RECORDS;
        load->max_bytes = (uint32_t)OL_MIN(budget, PAGE_BYTES);
        return;
    }
}

void ol_give_frames(struct ol_line *l, unsigned c)
{
    answer(l, c);
    if (l->give_load == 0)
        page(l, c);
}

void ol_give_again(struct ol_line *l)
{
    for (unsigned p = 0; p < OL_PRECS; p++)
        l->in[p].give.sending = l->in[p].give.answer = false;
}

struct giving { /* frames in the making */
    struct ol_line *l;
    unsigned c;
    bool open;
    struct ol_out_frame f;
};

static void flush(struct giving *v)
{
    if (!v->open)
        return;
    ol_path_paced(v->l, v->c, v->f.w.n + OL_FRAME_OVER);
    ol_frame_finish(v->l, &v->f);
    v->open = false;
}

/* The bytes of a record from `at` to `end`, in as many frames as they take. */
static bool give_part(struct giving *v, unsigned p, const struct ol_loaded *r,
                      size_t at, size_t end)
{
    struct ol_segment g = {.prec = (uint8_t)p, .index = r->index};

    while (at < end) {
        size_t left = end - at, room;
        if (!v->open && !ol_frame_begin(v->l, &v->f, v->c, NULL))
            return false;
        v->open = true;
        room = v->f.w.cap - v->f.w.n;
        room = room > OL_CHUNK_HEAD + OL_SEGMENT_HEAD
                   ? room - OL_CHUNK_HEAD - OL_SEGMENT_HEAD
                   : 0;
        g.offset = (uint16_t)at;
        g.bytes = OL_SPAN(r->bytes.p + at,
                          left <= room ? left : room - room % OL_UNIT);
        g.last = at + g.bytes.n == r->bytes.n;
        if (g.bytes.n == 0) {
            flush(v);
            continue;
        }
        OL_CHECK(ol_return_encode(&v->f.w, &g));
        v->f.asks = true;
        at += g.bytes.n;
    }
    return true;
}

/* One record into as many frames as it takes; false: no room for all. When it
 * has to go again it begins anywhere: a short queue on the way would swallow
 * the same frames of it each time. */
static bool give(struct giving *v, unsigned p, const struct ol_loaded *r)
{
    uint32_t units = (uint32_t)((r->bytes.n + OL_UNIT - 1) / OL_UNIT);
    size_t from = v->l->in[p].give.asks < 2
                      ? 0
                      : ol_rng_u32(&v->l->rng) % units * OL_UNIT;

    return give_part(v, p, r, from, r->bytes.n) && give_part(v, p, r, 0, from);
}

bool ol_give_loaded(struct ol_line *l, const struct ol_event *ev)
{
    unsigned p = ev->token % OL_PRECS;
    struct ol_give *g = &l->in[p].give;
    struct giving v = {.l = l};
    int best = ol_chan_best(l);

    if (ol_scan_loaded(l, &l->give_scan, ev, each))
        return true;
    if (l->give_load == 0 || ev->token != l->give_load)
        return false;
    l->give_load = 0;
    if (ev->n_loaded == 0)
        g->sending = false;
    if (best < 0 || l->sending < 0 || !g->sending)
        return true;
    v.c = (unsigned)best;
    for (uint32_t i = 0; i < ev->n_loaded; i++) {
        const struct ol_loaded *r = &ev->loaded[i];
        uint32_t next = wanted(g, g->sent);
        if (next == 0 || r->index - g->next >= OL_RETURN_WINDOW) {
            g->sending = false;
            break;
        }
        if (r->bytes.n == 0 || r->bytes.n > OL_RECORD_MAX)
            break;
        /* Places between are held by nobody. */
        while (next != 0 && next < r->index)
            next = wanted(g, next);
        if (next == r->index && !give(&v, p, r))
            break;
        g->sent = r->index;
    }
    flush(&v);
    return true;
}

/* ---- bundles ------------------------------------------------------------ */

void ol_give_write(struct ol_line *l, struct ol_writer *w)
{
    struct ol_found f;

    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_give *g = &l->in[p].give;
        if (!g->bundle || !g->judged)
            continue;
        found(l, p, &f);
        (void)ol_found_encode(w, &f);
    }
}

bool ol_give_due(struct ol_line *l, unsigned p, uint32_t *from, uint32_t *end)
{
    struct ol_in_log *in = &l->in[p];
    struct ol_give *g = &in->give;

    if (!g->bundle || !g->judged)
        return false;
    *from = g->bundle_next > 0 ? g->bundle_next : g->match + 1;
    *end = in->high;
    return true;
}

void ol_give_bundled(struct ol_line *l, unsigned p)
{
    struct ol_give *g = &l->in[p].give;

    g->bundle = g->told = false;
    g->bundled_next = g->bundle_next;
    g->bundled_ns = l->now_ns;
}
