/*
 * Stations that are put back: from a copy of their ledger, or from nothing but
 * their identity; and what waits for them to know what they may say.
 *
 * What holds at the end, whatever happened: both ledgers hold the same
 * records in both directions, each message stands once, every message that
 * some disk held at each restore is there, numbers are given once, the trees
 * and signatures hold, and what never had to move stands in the order in
 * which it was said.
 */
#include "world_int.h"
#include "world_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "crypto/tree.h"
#include "wire/messages.h"
#include "wire/record.h"

#define WAITS (UINT64_C(1) << 63)

/* ---- what waits --------------------------------------------------------- */

struct first {
    bool found;
    uint8_t proof;
    uint8_t id[16];
    uint8_t bytes[OL_RECORD_MAX];
    size_t n;
};

static bool take_first(void *arg, const struct ol_row_waiting *row)
{
    struct first *f = arg;

    if (row->proof == OL_PROOF_UNPROVED)
        return true; /* the peer's word that it took back: not ours to say */
    f->found = true;
    memcpy(f->id, row->id, sizeof(f->id));
    memcpy(f->bytes, row->bytes.p, row->bytes.n);
    f->n = row->bytes.n;
    return false;
}

static void first_of(struct world *w, unsigned st, struct first *f)
{
    struct sim_station *s = &w->st[st];

    f->found = false;
    OL_CHECK(s->ledger->ops->waiting(s->ledger, s->line_no, 0, take_first,
                                     f) == OL_OK);
}

bool world_is_waiting(struct world *w, unsigned st)
{
    static struct first f;

    first_of(w, st, &f);
    return f.found;
}

void world_wait(struct world *w, unsigned st, struct sim_message *m,
                const struct ol_record *rec)
{
    struct sim_station *s = &w->st[st];
    struct ol_record r = *rec;
    uint8_t bytes[OL_RECORD_MAX];
    struct ol_put put = {.kind = OL_PUT_WAITING};
    struct ol_batch b = {.line = s->line_no,
                         .token = WAITS | (uint64_t)(m - s->said),
                         .at_ms = w->now_ns / OL_NS_PER_MS,
                         .puts = &put,
                         .n_puts = 1};
    struct ol_writer wr;

    r.index = 1;
    r.number = 1;
    ol_writer_init(&wr, bytes, sizeof(bytes));
    OL_CHECK(ol_record_encode(&wr, &r) == OL_OK);
    put.bytes = ol_writer_span(&wr);
    m->moved = true;
    if (s->ledger->ops->commit(s->ledger, &b) != OL_OK)
        world_fail(w, "the twin refused what waits: %s", s->ledger->why);
    push(w, (struct entry){.at_ns = w->now_ns + OL_NS_PER_MS,
                           .what = W_COMMIT,
                           .st = (uint8_t)st,
                           .boot = s->boot});
}

void world_waits(struct world *w, unsigned st, uint64_t token)
{
    w->st[st].said[token & ~WAITS].must = true;
}

static struct sim_message *by_id(struct sim_station *s, const uint8_t id[16])
{
    for (uint32_t i = 0; i < s->n_said; i++)
        if (memcmp(s->said[i].id, id, 16) == 0)
            return &s->said[i];
    return NULL;
}

/* The first that waits is submitted, once nothing before it is under way. */
void world_give(struct world *w, unsigned st)
{
    static struct first f;
    struct sim_station *s = &w->st[st];
    struct ol_event ev = {.kind = OL_EV_SUBMIT};
    struct sim_message *m;
    struct ol_record rec;

    if (!s->alive || s->given != 0 || s->giving)
        return;
    first_of(w, st, &f);
    if (!f.found)
        return;
    m = by_id(s, f.id);
    if (m == NULL)
        world_fail(w, "something waits that nobody said");
    m->moved = true;
    OL_CHECK(ol_record_decode(OL_SPAN(f.bytes, f.n), &rec) == OL_OK);
    ev.record = &rec;
    ev.token = m->token;
    if (world_step(w, st, &ev) == OL_OK) {
        s->given = s->alive ? m->token : 0; /* it may die of it */
        return;
    }
    s->giving = true;
    push(w, (struct entry){.at_ns = w->now_ns + w->patience_ns,
                           .what = W_GIVE,
                           .st = (uint8_t)st});
}

/* ---- what is there ------------------------------------------------------ */

struct census {
    struct world *w;
    unsigned st; /* whose messages */
    uint32_t *index, *times;
    uint32_t *kept; /* on disk, given back by the peer and then denied */
    uint64_t *numbers;
    uint32_t n_numbers;
};

static bool count_one(void *arg, const struct ol_row *row)
{
    struct census *c = arg;
    struct sim_station *s = &c->w->st[c->st];
    struct ol_record rec;
    struct sim_message *m;

    OL_CHECK(ol_record_decode(row->bytes, &rec) == OL_OK);
    if (rec.index != row->index || rec.prec != row->prec ||
        rec.number != row->number)
        world_fail(c->w, "record %u/%u of %u lies in another's place",
                   row->prec, row->index, c->st);
    if (c->numbers != NULL && row->proof == OL_PROOF_OWN)
        c->numbers[c->n_numbers++] = row->number;
    if (rec.kind == OL_KIND_RETURNED)
        return true;
    m = by_id(s, rec.id.p);
    if (m == NULL && c->w->foreign_tokens)
        return true;
    if (m == NULL)
        world_fail(c->w, "record %u/%u of %u was never said", row->prec,
                   row->index, c->st);
    c->times[m - s->said]++;
    c->index[m - s->said] = row->index;
    return true;
}

static bool count_waiting(void *arg, const struct ol_row_waiting *row)
{
    struct census *c = arg;
    struct sim_station *s = &c->w->st[c->st];
    struct sim_message *m = by_id(s, row->id);

    OL_CHECK(m != NULL);
    if (row->proof == OL_PROOF_UNPROVED)
        c->kept[m - s->said]++;
    else
        c->times[m - s->said]++;
    return true;
}

static void census(struct census *c, struct ol_ledger *l, uint32_t line,
                   enum ol_author author)
{
    uint32_t n = c->w->st[c->st].n_said + 1;

    c->index = calloc(n, sizeof(*c->index));
    c->times = calloc(n, sizeof(*c->times));
    c->kept = calloc(n, sizeof(*c->kept));
    OL_CHECK(c->index != NULL && c->times != NULL && c->kept != NULL);
    for (uint8_t p = 0; p < OL_PRECS; p++)
        OL_CHECK(l->ops->log(l, line, (uint8_t)author, p, 1, UINT32_MAX, 0,
                             count_one, c) == OL_OK);
    if (author == OL_OWN)
        OL_CHECK(l->ops->waiting(l, line, 0, count_waiting, c) == OL_OK);
}

static void census_end(struct census *c)
{
    free(c->index);
    free(c->times);
    free(c->kept);
}

/* ---- restoring ---------------------------------------------------------- */

static void survey(struct world *w, unsigned st)
{
    struct sim_station *s = &w->st[st], *o = &w->st[1 - st];
    struct census mine = {.w = w, .st = st}, theirs = {.w = w, .st = st};

    census(&mine, s->ledger, s->line_no, OL_OWN);
    census(&theirs, o->ledger, o->line_no, OL_PEER);
    for (uint32_t i = 0; i < s->n_said; i++) {
        struct sim_message *m = &s->said[i];
        m->must = mine.times[i] > 0 || theirs.times[i] > 0;
        /* It was gone, and a bundle that was under way brought it back. */
        m->moved |= m->must && m->lost;
        m->lost = !m->must;
        m->taken = false;
    }
    census_end(&mine);
    census_end(&theirs);
}

void world_restore(struct world *w, unsigned st, bool bare, bool noticed,
                   uint64_t restart_ns)
{
    struct sim_station *s = &w->st[st];
    uint32_t line_no;

    world_crash(w, st, restart_ns);
    s->given = 0;
    s->restored = noticed;
    s->put_back = true;
    s->unnoticed |= !noticed;
    if (bare || s->copy == NULL) {
        struct ol_shared shared;
        struct ol_peer_keys peer;
        memcpy(peer.ed_pk, w->st[1 - st].id.ed_pk, 32);
        memcpy(peer.x_pk, w->st[1 - st].id.x_pk, 32);
        OL_CHECK(ol_shared_make(&shared, &s->id, &peer, s->share,
                                w->st[1 - st].share) == OL_OK);
        s->ledger->ops->close(s->ledger);
        OL_CHECK(ol_mem_open(&s->ledger) == OL_OK);
        OL_CHECK(s->ledger->ops->line(s->ledger, shared.line_id, "peer",
                                      &line_no) == OL_OK);
        OL_CHECK(line_no == s->line_no);
        s->restored = true;
    } else {
        s->ledger->ops->close(s->ledger);
        ol_mem_copy(&s->ledger, s->copy);
    }
    model_load(w, st);
    s->life++;
    survey(w, 0);
    survey(w, 1);
}

void world_put(struct world *w, const struct entry *e)
{
    if (e->what == W_GIVE) {
        w->st[e->st].giving = false;
        world_give(w, e->st);
        return;
    }
    if (w->healed)
        return;
    if (e->what == W_BACKUP) {
        world_back_up(w, e->st);
        return;
    }
    for (unsigned st = 0; st < 2; st++)
        if (st == e->st || (e->arg & 4))
            world_restore(w, st, e->arg & 1, (e->arg & 3) != 0,
                          (e->arg >> 8) + st);
}

/* ---- the end ------------------------------------------------------------ */

struct leaves {
    struct ol_tree tree;
    bool own, gap;
    bool root_wrong;
};

static bool grow(void *arg, const struct ol_row *row)
{
    struct leaves *v = arg;
    uint8_t root[OL_HASH];

    v->gap |= row->index != v->tree.size + 1;
    ol_tree_append(&v->tree, row->leaf);
    ol_tree_root(&v->tree, root);
    v->root_wrong |= v->own && memcmp(root, row->root, OL_ROOT) != 0;
    return true;
}

static void tree_of(struct sim_station *s, enum ol_author author, uint8_t p,
                    struct leaves *v)
{
    memset(v, 0, sizeof(*v));
    ol_tree_init(&v->tree);
    v->own = author == OL_OWN;
    OL_CHECK(s->ledger->ops->log(s->ledger, s->line_no, (uint8_t)author, p, 1,
                                 UINT32_MAX, 0, grow, v) == OL_OK);
}

static bool is_still(struct world *w, unsigned st)
{
    struct ol_line_status ls;

    ol_line_status(w->st[st].line, w->now_ns, &ls);
    return !ls.returning && !ls.restored && !world_is_waiting(w, st) &&
           ls.queue[0] + ls.queue[1] + ls.queue[2] + ls.queue[3] == 0;
}

bool world_same(struct world *w)
{
    for (unsigned st = 0; st < 2; st++) {
        if (!w->st[st].alive || !is_still(w, st))
            return false;
        for (uint8_t p = 0; p < OL_PRECS; p++) {
            const struct sim_log *a = &w->st[st].model->log[OL_OWN][p];
            const struct sim_log *b = &w->st[1 - st].model->log[OL_PEER][p];
            if (a->size != b->size || a->high != a->size || b->high != b->size)
                return false;
            for (uint32_t i = 0; i < a->size; i++)
                if (memcmp(a->v[i].leaf, b->v[i].leaf, 32) != 0)
                    return false;
        }
    }
    return true;
}

/* As `openline audit` does. */
static void audit(struct world *w, unsigned st, enum ol_author author,
                  uint8_t p)
{
    struct sim_station *s = &w->st[st], *by = &w->st[author ? 1 - st : st];
    uint8_t want[1024], got[1024], root[OL_HASH], cp[OL_HASH], sig[OL_SIG];
    struct ol_shared shared;
    struct ol_peer_keys peer;
    struct leaves v;
    uint32_t size;
    size_t n;

    memcpy(peer.ed_pk, w->st[1].id.ed_pk, 32);
    memcpy(peer.x_pk, w->st[1].id.x_pk, 32);
    OL_CHECK(ol_shared_make(&shared, &w->st[0].id, &peer, w->st[0].share,
                            w->st[1].share) == OL_OK);
    tree_of(s, author, p, &v);
    if (v.gap || v.root_wrong)
        world_fail(w, "log %u/%u of station %u does not hold", author, p, st);
    OL_CHECK(s->ledger->ops->head(s->ledger, s->line_no, (uint8_t)author, p,
                                  &size, got, &n) == OL_OK);
    if (size != v.tree.size || n != ol_tree_save(&v.tree, want) ||
        memcmp(want, got, n) != 0)
        world_fail(w, "the head of log %u/%u of station %u is another's",
                   author, p, st);
    if (s->ledger->ops->checkpoint(s->ledger, s->line_no, (uint8_t)author, p,
                                   &size, cp, sig) != OL_OK)
        return;
    ol_tree_root(&v.tree, root);
    if (ol_checkpoint_check(sig, shared.line_id, by->id.ed_pk, p, size, cp) !=
            OL_OK ||
        (author == OL_OWN && size != v.tree.size) ||
        (size == v.tree.size && memcmp(cp, root, OL_HASH) != 0))
        world_fail(w, "the checkpoint %u of log %u/%u of station %u (%u) does "
                   "not hold", size, author, p, st, v.tree.size);
}

static int ascending(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void check_messages(struct world *w, unsigned st)
{
    static uint64_t numbers[65536];
    struct sim_station *s = &w->st[st];
    struct census c = {.w = w, .st = st, .numbers = numbers};
    uint32_t last[OL_PRECS] = {0};

    census(&c, s->ledger, s->line_no, OL_OWN);
    qsort(numbers, c.n_numbers, sizeof(numbers[0]), ascending);
    for (uint32_t i = 1; i < c.n_numbers; i++)
        if (numbers[i] == numbers[i - 1])
            world_fail(w, "station %u gave number %llu twice", st,
                       (unsigned long long)numbers[i]);
    for (uint32_t i = 0; i < s->n_said; i++) {
        struct sim_message *m = &s->said[i];
        bool must = m->must || (m->taken && !m->lost);
        if (c.times[i] > 1)
            world_fail(w, "message %llu of %u stands %u times",
                       (unsigned long long)m->token, st, c.times[i]);
        if (must && c.times[i] + c.kept[i] == 0)
            world_fail(w, "message %llu of %u is gone, and a disk held it",
                       (unsigned long long)m->token, st);
        /* What no disk held at a restore may come back in a bundle that was
         * under way, behind what was said meanwhile. */
        if (c.times[i] == 0 || m->moved || m->lost)
            continue;
        /* Two lives that knew nothing of each other have no common order. */
        if (c.index[i] <= last[m->prec] && !s->unnoticed &&
            !w->st[1 - st].unnoticed)
            world_fail(w, "message %llu of %u stands out of order",
                       (unsigned long long)m->token, st);
        last[m->prec] = c.index[i];
    }
    census_end(&c);
}

void check_audit(struct world *w)
{
    for (unsigned st = 0; st < 2; st++)
        for (uint8_t p = 0; p < OL_PRECS; p++) {
            audit(w, st, OL_OWN, p);
            audit(w, st, OL_PEER, p);
        }
}

void check_restored(struct world *w)
{
    check_audit(w);
    check_messages(w, 0);
    check_messages(w, 1);
    check_shown(w, 0);
    check_shown(w, 1);
}
