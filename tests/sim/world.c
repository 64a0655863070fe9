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

/* ---- a station's step --------------------------------------------------- */

static void put_all(struct world *w, unsigned st)
{
    struct sim_station *s = &w->st[st];
    struct ol_put puts[OL_FX_MAX];
    char names[SIM_CHANNELS][17];
    struct ol_batch b = {.line = s->line_no,
                         .token = s->eff.batch,
                         .at_ms = w->now_ns / OL_NS_PER_MS,
                         .puts = puts,
                         .channels = (const char (*)[17])names};

    for (unsigned i = 0; i < w->n_ch; i++)
        memcpy(names[i], w->ch[i].conf[0].name, 17);
    for (unsigned i = 0; i < s->eff.count; i++)
        if (s->eff.v[i].kind == OL_FX_PUT)
            puts[b.n_puts++] = s->eff.v[i].put;
    if ((b.n_puts > 0) != (b.token != 0))
        world_fail(w, "puts without a batch, or a batch without puts");
    if (b.token == 0)
        return;
    w->puts++;
    if (s->ledger->ops->commit(s->ledger, &b) != OL_OK)
        world_fail(w, "the twin refused a batch: %s", s->ledger->why);
    push(w, (struct entry){.at_ns = w->now_ns + 50000 +
                                    rnd_below(&w->rnd, s->commit_ns),
                           .what = W_COMMIT,
                           .st = (uint8_t)st,
                           .boot = s->boot});
}

static void note(struct world *w, unsigned st, const struct ol_note *n)
{
    struct sim_station *s = &w->st[st];

    s->notes[n->kind % 32]++;
    if (n->kind >= OL_NOTE_PULL && n->kind <= OL_NOTE_SERVED)
        world_file_note(w, st, n);
    if (n->kind != OL_NOTE_TAKEN)
        return;
    if (n->token == s->given)
        s->given = 0;
    for (uint32_t i = s->n_said; i-- > 0;) {
        struct sim_message *m = &s->said[i];
        if (m->token != n->token)
            continue;
        m->taken = true;
        m->index = n->index;
        m->number = n->number;
        m->taken_ns = w->now_ns;
        return;
    }
    if (!w->foreign_tokens)
        world_fail(w, "a message was taken that nobody said");
}

/* A station that has moved is where its packets come from. Where it is dialled
 * it is only as long as it has not, or is at home again. */
static bool reaches(const struct world *w, unsigned st,
                    const struct ol_send *s)
{
    const struct ol_addr *at = &w->from[st][s->channel];

    return s->to.len == at->len && memcmp(s->to.b, at->b, at->len) == 0;
}

static void leave(struct world *w, unsigned st, const struct ol_send *s)
{
    if (w->sent_bytes != NULL && s->to.len == w->sent_to.len &&
        memcmp(s->to.b, w->sent_to.b, s->to.len) == 0)
        *w->sent_bytes += s->bytes.n;
    if (w->roams && !reaches(w, st, s))
        return;
    if (w->lose == NULL || !w->lose(w, s->channel, st, s))
        travel(w, s->channel, st, s->bytes);
}

static void bundle(struct world *w, unsigned st, const struct ol_send *s)
{
    if (w->bundle != NULL)
        w->bundle(w, st, s->bytes);
    add_bundle(w, st, s->channel, s);
}

static void carry_out(struct world *w, unsigned st)
{
    struct sim_station *s = &w->st[st];

    trace_effects(w, st);
    if (w->tale.to != NULL)
        tale_effects(w, st);
    put_all(w, st);
    for (unsigned i = 0; i < s->eff.count; i++) {
        const struct ol_effect *e = &s->eff.v[i];
        if (e->kind == OL_FX_NOTE) {
            note(w, st, &e->note);
        } else if (e->kind == OL_FX_LOAD) {
            push(w, (struct entry){.at_ns = w->now_ns + w->load_ns,
                                   .what = W_LOADED,
                                   .st = (uint8_t)st,
                                   .boot = s->boot,
                                   .load = e->load});
        } else if (e->kind == OL_FX_SEND) {
            check_sent(w, st, &e->send);
            if (w->ch[e->send.channel].conf[0].kind == OL_CHAN_POUCH)
                bundle(w, st, &e->send);
            else
                leave(w, st, &e->send);
        }
    }
}

static enum ol_err step(struct world *w, unsigned st, struct ol_event *ev)
{
    struct sim_station *s = &w->st[st];
    enum ol_err err;
    uint64_t wake;

    w->steps++;
    ev->full = s->full;
    trace_event(w, st, ev);
    err = ol_line_step(s->line, ev, w->now_ns, &s->eff);
    wake = s->eff.wake_ns;
    if (wake < w->now_ns)
        wake = w->now_ns;
    carry_out(w, st);
    while (s->eff.more) {
        struct ol_event tick = {.kind = OL_EV_TICK, .full = s->full};
        w->steps++;
        (void)!ol_line_step(s->line, &tick, w->now_ns, &s->eff);
        wake = s->eff.wake_ns;
        carry_out(w, st);
    }
    if (wake == s->wake_ns)
        return err;
    s->wake_ns = wake;
    s->wake_id++;
    if (wake != OL_NEVER_NS)
        push(w, (struct entry){.at_ns = OL_MAX(wake, w->now_ns + 1000),
                               .what = W_TICK,
                               .st = (uint8_t)st,
                               .boot = s->boot,
                               .arg = s->wake_id});
    return err;
}

enum ol_err world_step(struct world *w, unsigned st, struct ol_event *ev)
{
    return step(w, st, ev);
}

void transport_is(struct world *w, unsigned st, unsigned ch,
                  const struct ol_chan *c)
{
    struct ol_event ev = {
        .kind = OL_EV_CHANNEL, .channel = (uint16_t)ch, .chan = c};

    if (w->st[st].alive)
        (void)!step(w, st, &ev);
}

void transport(struct world *w, unsigned st, unsigned ch, bool up)
{
    struct ol_chan c = {.up = up, .room_bytes = w->room};

    transport_is(w, st, ch, &c);
}

/* ---- what happens ------------------------------------------------------- */

void world_say(struct world *w, unsigned st, uint8_t prec, uint16_t size)
{
    struct sim_station *s = &w->st[st];
    char text[OL_TEXT_MAX + 64];
    uint8_t id[16];
    struct ol_record rec;
    struct ol_event ev = {.kind = OL_EV_SUBMIT, .record = &rec};
    struct sim_message *m;
    enum ol_err err;
    int n;

    if (!s->alive)
        return;
    if (s->n_said == s->cap_said) {
        s->cap_said = s->cap_said ? 2 * s->cap_said : 256;
        s->said = realloc(s->said, s->cap_said * sizeof(*s->said));
        OL_CHECK(s->said != NULL);
    }
    m = &s->said[s->n_said++];
    memset(m, 0, sizeof(*m));
    m->token = 1000000u * (st + 1) + s->n_said;
    m->prec = prec;
    m->at_ns = w->now_ns;
    m->size = size;
    n = snprintf(text, sizeof(text), "%u/%llu ", st,
                 (unsigned long long)m->token);
    for (; n < size && n < (int)OL_TEXT_MAX; n++)
        text[n] = (char)('a' + n % 26);
    for (unsigned i = 0; i < sizeof(id); i++)
        id[i] = (uint8_t)rnd_u64(&w->rnd);
    memcpy(m->id, id, sizeof(id));
    memset(&rec, 0, sizeof(rec));
    rec.prec = prec;
    rec.kind = OL_KIND_MESSAGE;
    rec.id = OL_SPAN_ARRAY(id);
    rec.text = OL_SPAN(text, n);
    ev.token = m->token;
    ev.full = s->full;
    if (world_is_waiting(w, st)) {
        world_wait(w, st, m, &rec); /* in order */
        return;
    }
    w->steps++;
    trace_event(w, st, &ev);
    err = ol_line_step(s->line, &ev, w->now_ns, &s->eff);
    if (err == OL_ERR_UNPROVED) {
        world_wait(w, st, m, &rec);
    } else if (err != OL_OK) {
        m->lost = true; /* refused: nothing was promised */
        s->again++;
    }
    carry_out(w, st);
    if (s->eff.more || s->eff.wake_ns != s->wake_ns) {
        struct ol_event tick = {.kind = OL_EV_TICK};
        (void)!step(w, st, &tick);
    }
}

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
    (void)!step(w, e->st, &ev);
}

void world_committed(struct world *w, unsigned st)
{
    struct sim_station *s = &w->st[st];
    struct ol_ledger_done d;

    while (s->ledger->ops->done(s->ledger, &d)) {
        struct ol_event ev = {.kind = OL_EV_COMMITTED, .token = d.token};
        if (d.err != OL_OK)
            world_fail(w, "a commit failed unasked");
        if (d.token == SIM_OWN_TOKEN || !s->alive)
            continue;
        if (w->tale.to != NULL)
            tale_disk(w, st);
        check_committed(w, st);
        s->restored = false;
        if (d.token >> 63)
            world_waits(w, st, d.token);
        else
            (void)!step(w, st, &ev);
    }
    world_give(w, st);
}

/* A disk that lies: what it called durable may not be there after a stop. */
static void remember_older(struct sim_station *s)
{
    if (s->older != NULL)
        s->older->ops->close(s->older);
    ol_mem_copy(&s->older, s->ledger);
}

static void committed(struct world *w, unsigned st)
{
    if (w->plant == PLANT_DISK_LIES && st == 1)
        remember_older(&w->st[st]);
    (void)ol_mem_step(w->st[st].ledger,
                      1 + (uint32_t)rnd_below(&w->rnd, 4));
    world_committed(w, st);
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
        if (step(w, e->st, &ev) != OL_ERR_AGAIN)
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
                          .bytes = OL_SPAN(e->bytes, e->n)};
    struct sim_channel *c = &w->ch[e->ch];

    if (!w->st[e->st].alive)
        return;
    if (c->conf[0].kind == OL_CHAN_STREAM && e->arg != c->generation)
        return;
    if (c->conf[0].kind != OL_CHAN_POUCH) {
        (void)!step(w, e->st, &ev);
        return;
    }
    bundles(w, e);
}

static void replay(struct world *w)
{
    uint32_t i = (uint32_t)rnd_below(&w->rnd, w->n_kept);
    struct entry e = {.what = W_PACKET};

    if (w->n_kept == 0)
        return;
    w->replays++;
    e.st = (uint8_t)w->kept_to[i];
    e.ch = (uint8_t)w->kept_ch[i];
    e.bytes = w->kept[i];
    e.n = w->kept_n[i];
    e.arg = w->ch[e.ch].generation;
    /* Sometimes from elsewhere: another channel of the same line. */
    if (rnd_chance(&w->rnd, 0.3)) {
        e.ch = (uint8_t)rnd_below(&w->rnd, w->n_ch);
        e.arg = w->ch[e.ch].generation;
    }
    if (w->ch[e.ch].conf[0].kind != OL_CHAN_POUCH)
        packet(w, &e);
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
    bool whole = !c->path[0].cut && !c->path[1].cut && w->st[0].alive &&
                 w->st[1].alive;
    connection(w, e->ch, whole);
    if (!whole)
        push(w, (struct entry){.at_ns = w->now_ns + 2 * OL_NS_PER_S,
                               .what = W_UP,
                               .ch = e->ch});
}

static struct ol_addr moved_to(const struct entry *e)
{
    struct ol_addr to = {.len = 4, .b = {10, e->ch}};

    to.b[2] = (uint8_t)(e->arg >> 8);
    to.b[3] = (uint8_t)e->arg;
    return e->arg != 0 ? to : (struct ol_addr){0};
}

/* Slower or faster from now on, and sometimes full. */
static void disk(struct world *w, struct sim_station *s)
{
    s->commit_ns = rnd_below(&w->rnd, 800) * OL_NS_PER_MS + 1;
    s->full = rnd_chance(&w->rnd, 0.3);
}

/* What a healed world has no more. Habits are there from the start on. */
static void fault(struct world *w, struct entry *e)
{
    if (w->healed)
        return;
    switch (e->what) {
    case W_CUT:
    case W_HEALCUT:
        world_cut(w, e->ch, e->st, e->what == W_CUT);
        if (e->what == W_CUT)
            push(w, (struct entry){.at_ns = w->now_ns + e->arg,
                                   .what = W_HEALCUT,
                                   .st = e->st,
                                   .ch = e->ch});
        break;
    case W_CRASH:
        world_crash(w, e->st, e->arg);
        break;
    case W_DISK:
        disk(w, &w->st[e->st]);
        break;
    case W_REPLAY:
        replay(w);
        break;
    case W_MOVE:
        w->from[1 - e->st][e->ch] = moved_to(e);
        break;
    default:
        break;
    }
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
            (void)!step(w, e->st, &tick);
        }
        break;
    case W_PACKET:
        packet(w, e);
        break;
    case W_COMMIT:
        if (current)
            committed(w, e->st);
        break;
    case W_LOADED:
        if (current && e->load.kind == OL_LOAD_RECORDS)
            loaded(w, e);
        else if (current)
            world_file_loaded(w, e->st, &e->load);
        break;
    case W_SAY:
        world_say(w, e->st, e->ch, (uint16_t)e->arg);
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
        (void)!step(w, st, &tick);
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
