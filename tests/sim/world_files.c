/*
 * Attachments in the world: what a station does beside its line.
 *
 * The sender's station puts a file's pieces into its ledger; some time later
 * the receiver's wants it, as a record would make it. From then on both do
 * what a station does: name the one to pull next, read pieces, verify, say
 * done, note it; and all of it again after a restart, from the ledger alone.
 * Contents follow from a number, so that every byte can be held against it.
 */
#include "world_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"

void sim_content(uint64_t seed, uint64_t at, uint8_t *out, size_t n)
{
    struct rnd r;

    OL_CHECK(at % 8 == 0);
    for (size_t k = 0; k < n; k += 8) {
        uint64_t v;
        r.s = seed ^ (at + k) << 20;
        v = rnd_u64(&r);
        memcpy(out + k, &v, OL_MIN(8, n - k));
    }
}

static struct sim_file *find(struct world *w, const uint8_t hash[32])
{
    for (uint32_t k = 0; k < w->n_files; k++)
        if (memcmp(w->file[k].hash, hash, 32) == 0)
            return &w->file[k];
    return NULL;
}

/* Commits puts of the station's own, at once: all that waits goes along, and
 * the line hears of its part when its turn comes. */
static void commit(struct world *w, unsigned st, const struct ol_put *puts,
                   uint16_t n)
{
    struct sim_station *s = &w->st[st];
    struct ol_batch b = {.line = s->line_no,
                         .token = SIM_OWN_TOKEN,
                         .at_ms = w->now_ns / OL_NS_PER_MS,
                         .puts = puts,
                         .n_puts = n};

    do {
        s->own_failed = false;
        if (s->ledger->ops->commit(s->ledger, &b) != OL_OK)
            world_fail(w, "the twin refused the station's batch");
        (void)ol_mem_step(s->ledger, UINT32_MAX);
        world_committed(w, st);
    } while (s->own_failed);
}

static void put_state(struct world *w, unsigned st, uint8_t author,
                      const struct sim_file *f, enum ol_file_state state)
{
    struct ol_put put = {.kind = OL_PUT_FILE,
                         .author = author,
                         .prec = f->prec,
                         .state = (uint8_t)state,
                         .number = f->size};

    memcpy(put.leaf, f->hash, 32);
    commit(w, st, &put, 1);
}

static struct ol_file file_of(const struct sim_file *f)
{
    struct ol_file out = {.size = f->size};

    memcpy(out.hash, f->hash, 32);
    return out;
}

static void tell(struct world *w, unsigned st, enum ol_ev kind,
                 const struct ol_file *f, bool on)
{
    struct ol_event ev = {.kind = kind, .file = f, .on = on};

    (void)!world_step(w, st, &ev);
}

struct sim_file *world_offer(struct world *w, unsigned from, uint64_t size,
                             uint64_t seed)
{
    static uint8_t bytes[OL_PIECE];
    struct sim_file *f = &w->file[w->n_files++];

    OL_CHECK(w->n_files <= SIM_FILES);
    memset(f, 0, sizeof(*f));
    f->from = (uint8_t)from;
    f->prec = (uint8_t)(seed % OL_PRECS);
    f->size = size;
    f->seed = seed;
    memcpy(f->hash, &seed, sizeof(seed));
    f->hash[31] = (uint8_t)w->n_files;
    put_state(w, from, OL_OWN, f, OL_FILE_TAKING);
    for (uint32_t n = 0; n < ol_file_pieces(size); n++) {
        struct ol_put put = {.kind = OL_PUT_PIECE, .index = n};
        size_t len = ol_file_piece_size(size, n);

        sim_content(seed, (uint64_t)n * OL_PIECE, bytes, len);
        memcpy(put.leaf, f->hash, 32);
        put.bytes = OL_SPAN(bytes, len);
        commit(w, from, &put, 1);
    }
    put_state(w, from, OL_OWN, f, OL_FILE_SENDING);
    f->at_ns = w->now_ns;
    return f;
}

struct choice {
    bool any;
    struct ol_row_file best;
};

static bool choose(void *arg, const struct ol_row_file *f)
{
    struct choice *c = arg;

    if (!c->any || f->prec < c->best.prec)
        c->best = *f;
    c->any = true;
    return true;
}

static bool first_only(void *arg, const struct ol_row_file *f)
{
    return choose(arg, f) && false;
}

static void pull(struct world *w, unsigned st, struct ol_file *f)
{
    struct sim_station *s = &w->st[st];
    struct ol_row_file row;

    memcpy(s->pulling, f->hash, 32);
    if (s->ledger->ops->pieces(s->ledger, s->line_no, OL_PEER, f->hash,
                               &f->upto, &f->map) != OL_OK ||
        s->ledger->ops->file(s->ledger, s->line_no, OL_PEER, f->hash,
                             &row) != OL_OK)
        world_fail(w, "a file that is wanted is not there");
    if (f->upto + (uint32_t)__builtin_popcountll(f->map) != row.have)
        world_fail(w, "pieces outside the window: %u counted, %u here",
                   f->upto + (uint32_t)__builtin_popcountll(f->map),
                   row.have);
    tell(w, st, OL_EV_WANT, f, true);
}

/* Names the one to pull: the highest precedence, then the oldest. */
static void pull_next(struct world *w, unsigned st)
{
    struct sim_station *s = &w->st[st];
    struct choice c = {.any = false};
    struct ol_file f = {.size = 0};

    (void)!s->ledger->ops->files(s->ledger, s->line_no, OL_PEER,
                                 OL_FILE_WANTED, 0, choose, &c);
    if (c.any && memcmp(s->pulling, c.best.hash, 32) == 0)
        return;
    memset(s->pulling, 0, sizeof(s->pulling));
    if (!c.any)
        return;
    memcpy(f.hash, c.best.hash, 32);
    f.size = c.best.size;
    pull(w, st, &f);
}

void world_want(struct world *w, struct sim_file *f)
{
    unsigned st = 1 - f->from;

    f->wanted = true;
    put_state(w, st, OL_PEER, f, OL_FILE_WANTED);
    if (w->st[st].alive)
        pull_next(w, st);
}

void world_unwant(struct world *w, struct sim_file *f)
{
    unsigned st = 1 - f->from;

    f->wanted = false;
    put_state(w, st, OL_PEER, f, OL_FILE_GONE);
    tell(w, st, OL_EV_WANT, NULL, false);
    pull_next(w, st);
}

struct telling {
    struct world *w;
    uint32_t n;
    struct ol_file v[SIM_FILES];
};

static bool gather(void *arg, const struct ol_row_file *f)
{
    struct telling *t = arg;

    t->v[t->n].size = f->size;
    memcpy(t->v[t->n++].hash, f->hash, 32);
    return t->n < SIM_FILES;
}

void world_files_start(struct world *w, unsigned st)
{
    struct sim_station *s = &w->st[st];
    struct telling t = {.w = w};

    memset(s->pulling, 0, sizeof(s->pulling));
    (void)!s->ledger->ops->files(s->ledger, s->line_no, OL_PEER,
                                 OL_FILE_WHOLE, 0, gather, &t);
    for (uint32_t k = 0; k < t.n; k++)
        tell(w, st, OL_EV_DONE, &t.v[k], true);
    pull_next(w, st);
}

/* Every byte, from the receiver's ledger. */
static void verify(struct world *w, unsigned st, const struct sim_file *f)
{
    struct sim_station *s = &w->st[st];
    static uint8_t want[OL_PIECE], got[OL_PIECE];

    for (uint32_t n = 0; n < ol_file_pieces(f->size); n++) {
        size_t len = ol_file_piece_size(f->size, n), have;
        if (s->ledger->ops->piece(s->ledger, s->line_no, OL_PEER, f->hash, n,
                                  got, &have) != OL_OK)
            world_fail(w, "piece %u of file %llu is not there", n,
                       (unsigned long long)f->seed);
        sim_content(f->seed, (uint64_t)n * OL_PIECE, want, len);
        if (have != len || memcmp(got, want, len) != 0)
            world_fail(w, "piece %u of file %llu differs", n,
                       (unsigned long long)f->seed);
    }
}

/* Called within a step, so it only looks; what follows is an entry. */
void world_file_note(struct world *w, unsigned st, const struct ol_note *n)
{
    struct sim_station *o = &w->st[1 - st];
    struct sim_file *f = find(w, n->hash);
    struct ol_row_file row;
    struct entry e = {.at_ns = w->now_ns + 1000,
                      .what = W_FILE,
                      .st = (uint8_t)st,
                      .ch = (uint8_t)n->kind,
                      .boot = w->st[st].boot};

    if (f == NULL) {
        w->foreign++;
        return;
    }
    e.arg = (uint64_t)(f - w->file);
    if (n->kind == OL_NOTE_PULL)
        f->progress = n->index;
    if (n->kind == OL_NOTE_SERVED && f->from == st && !w->lies) {
        if (o->ledger->ops->file(o->ledger, o->line_no, OL_PEER, f->hash,
                                 &row) != OL_OK || row.have < n->index)
            world_fail(w, "%u pieces are said to be there, and are not",
                       n->index);
        f->served = n->index;
        if (n->done && row.state != OL_FILE_WHOLE &&
            row.state != OL_FILE_WHOLE_NOTED)
            world_fail(w, "done is said of a file that is not verified");
        if (!n->done)
            return;
    }
    if (n->kind != OL_NOTE_PULL)
        push(w, e);
}

void world_file_turn(struct world *w, const struct entry *e)
{
    struct sim_file *f = &w->file[e->arg];
    struct ol_file file = file_of(f);
    unsigned st = e->st;

    switch ((enum ol_note_kind)e->ch) {
    case OL_NOTE_OFFERED:
        if (!f->wanted || f->times > 0)
            tell(w, st, OL_EV_PASS, &file, true);
        else
            pull(w, st, &file);
        break;
    case OL_NOTE_PULLED:
        if (f->whole_ns == 0)
            f->whole_ns = w->now_ns;
        f->times++;
        verify(w, st, f);
        put_state(w, st, OL_PEER, f, OL_FILE_WHOLE);
        tell(w, st, OL_EV_DONE, &file, true);
        pull_next(w, st);
        break;
    case OL_NOTE_SERVED:
        if (f->done_ns == 0)
            f->done_ns = w->now_ns;
        put_state(w, st, OL_OWN, f, OL_FILE_HELD);
        tell(w, st, OL_EV_NOTED, &file, true);
        break;
    default:
        put_state(w, st, OL_PEER, f, OL_FILE_WHOLE_NOTED);
    }
}

/* Is every file that is wanted whole, held, and noted. */
bool world_files_settled(struct world *w)
{
    for (uint32_t k = 0; k < w->n_files; k++) {
        const struct sim_file *f = &w->file[k];
        struct sim_station *a = &w->st[f->from], *b = &w->st[1 - f->from];
        struct ol_row_file own, peer;

        if (!f->wanted)
            continue;
        if (a->ledger->ops->file(a->ledger, a->line_no, OL_OWN, f->hash,
                                 &own) != OL_OK ||
            b->ledger->ops->file(b->ledger, b->line_no, OL_PEER, f->hash,
                                 &peer) != OL_OK)
            world_fail(w, "a file has no row");
        if (own.state != OL_FILE_HELD || peer.state != OL_FILE_WHOLE_NOTED)
            return false;
    }
    return true;
}

void world_file_loaded(struct world *w, unsigned st, const struct ol_load *l)
{
    struct sim_station *s = &w->st[st];
    static uint8_t bytes[OL_PIECE];
    struct ol_event ev = {.kind = OL_EV_PIECE, .token = l->token};
    struct choice c = {.any = false};
    struct ol_file f = {.size = 0};
    struct ol_row_file row;
    size_t n = 0;

    if (l->kind == OL_LOAD_PIECE) {
        if (s->ledger->ops->file(s->ledger, s->line_no, OL_OWN, l->hash,
                                 &row) == OL_OK &&
            row.size == l->size &&
            (row.state == OL_FILE_SENDING || row.state == OL_FILE_HELD))
            (void)!s->ledger->ops->piece(s->ledger, s->line_no, OL_OWN,
                                         l->hash, l->index, bytes, &n);
        ev.bytes = OL_SPAN(bytes, n);
        w->pieces_loaded++;
        (void)!world_step(w, st, &ev);
        return;
    }
    ev.kind = OL_EV_FILE;
    (void)!s->ledger->ops->files(s->ledger, s->line_no, OL_OWN,
                                 OL_FILE_SENDING, l->after, first_only, &c);
    if (c.any) {
        memcpy(f.hash, c.best.hash, 32);
        f.size = c.best.size;
        f.order = c.best.order;
        ev.file = &f;
    }
    (void)!world_step(w, st, &ev);
}
