/*
 * The world's own count of what is on the disks. See world_model.h.
 *
 * Happy path: put_all of world.c hands a batch to the ledger and here; the
 * ledger says done, in the same order, and the batch is applied here too; the
 * checks of world_asserts.c look at it before and after.
 */
#include "world_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "wire/record.h"

/* ---- sets --------------------------------------------------------------- */

static uint32_t where(const struct sim_set *s, uint64_t key)
{
    uint32_t i = (uint32_t)(key * 0x9e3779b97f4a7c15u >> 32) & (s->cap - 1);

    while (s->v[i] != 0 && s->v[i] != key)
        i = (i + 1) & (s->cap - 1);
    return i;
}

bool set_has(const struct sim_set *s, uint64_t key)
{
    return s->cap > 0 && s->v[where(s, key)] == key;
}

bool set_add(struct sim_set *s, uint64_t key)
{
    uint32_t i;

    if (2 * s->n >= s->cap) {
        struct sim_set old = *s;
        s->cap = old.cap ? 2 * old.cap : 1024;
        s->v = calloc(s->cap, sizeof(*s->v));
        OL_CHECK(s->v != NULL);
        for (i = 0; i < old.cap; i++)
            if (old.v[i] != 0)
                s->v[where(s, old.v[i])] = old.v[i];
        free(old.v);
    }
    i = where(s, key);
    if (s->v[i] == key)
        return false;
    s->v[i] = key;
    s->n++;
    return true;
}

void set_free(struct sim_set *s)
{
    free(s->v);
    memset(s, 0, sizeof(*s));
}

uint64_t place_key(uint8_t prec, uint32_t index, const uint8_t leaf[32])
{
    uint64_t v;

    memcpy(&v, leaf, sizeof(v));
    return (v ^ ((uint64_t)index << 2 | prec) * 0x9e3779b97f4a7c15u) | 1;
}

uint64_t id_key(const uint8_t id[16])
{
    uint64_t v;

    memcpy(&v, id, sizeof(v));
    return v | 1;
}

/* ---- rows --------------------------------------------------------------- */

const struct sim_row *row_at(const struct world *w, unsigned st,
                             uint8_t author, uint8_t prec, uint32_t index)
{
    const struct sim_log *log = &w->st[st].model->log[author][prec];

    if (index == 0 || index > log->high || log->v[index - 1].since == 0)
        return NULL;
    return &log->v[index - 1];
}

static struct sim_row *room_at(struct sim_log *log, uint32_t index)
{
    if (index > log->cap) {
        uint32_t cap = log->cap ? log->cap : 64;
        while (cap < index)
            cap *= 2;
        log->v = realloc(log->v, cap * sizeof(*log->v));
        OL_CHECK(log->v != NULL);
        memset(log->v + log->cap, 0, (cap - log->cap) * sizeof(*log->v));
        log->cap = cap;
    }
    if (index > log->high)
        log->high = index;
    return &log->v[index - 1];
}

/* Protocol 6.2, the table of references that take effect. */
static bool has_effect(uint8_t kind, uint8_t rel, bool own)
{
    switch (rel) {
    case 1:
        return kind == 4 && !own;
    case 2:
        return (kind == 1 || kind == 3 || kind == 10) && own;
    case 3:
        return kind == 6 && own;
    case 5:
    case 6:
    case 9:
    case 10:
        return kind == 2 && !own;
    case 7:
        return kind == 5 && !own;
    case 11:
        return (kind == 1 || kind == 4) && own;
    case 12:
        return kind == 1 && own;
    default:
        return false;
    }
}

static void describe(struct sim_row *row, struct ol_span bytes)
{
    struct ol_record rec;

    OL_CHECK(ol_record_decode(bytes, &rec) == OL_OK);
    memcpy(row->id, rec.id.p, sizeof(row->id));
    row->kind = rec.kind;
    row->number = rec.number;
    for (unsigned k = 0; k < rec.n_refs; k++) {
        const struct ol_ref *ref = &rec.refs[k];
        if (!has_effect(rec.kind, ref->rel, ref->own) ||
            (ref->own && ref->number >= rec.number))
            continue;
        row->ref = ref->number;
        row->rel = ref->rel;
        row->own = ref->own;
        return;
    }
}

/* ---- batches ------------------------------------------------------------ */

static void fact_of(struct sim_fact *f, const struct ol_put *put)
{
    memset(f, 0, sizeof(*f));
    f->kind = (uint8_t)put->kind;
    f->author = put->author;
    f->prec = put->prec;
    f->what = put->what;
    f->index = put->index;
    f->count = put->count;
    f->mask = put->mask;
    f->row.number = put->number;
    f->row.rel = put->rel;
    f->by = put->by;
    f->row.proof = put->proof;
    memcpy(f->row.leaf, put->leaf, 32);
    memcpy(f->row.root, put->root, 8);
    if (put->kind == OL_PUT_RECORD)
        describe(&f->row, put->bytes);
}

void model_handed(struct world *w, unsigned st, const struct ol_batch *b)
{
    struct sim_model *m = w->st[st].model;
    struct sim_handed *h = malloc(sizeof(*h) + b->n_puts * sizeof(h->v[0]));

    OL_CHECK(h != NULL);
    h->token = b->token;
    h->n = b->n_puts;
    h->next = NULL;
    for (uint16_t k = 0; k < b->n_puts; k++) {
        fact_of(&h->v[k], &b->puts[k]);
        check_handed(w, st, &h->v[k]);
    }
    if (m->last != NULL)
        m->last->next = h;
    else
        m->first = h;
    m->last = h;
    m->queued++;
}

static struct sim_handed *next(struct sim_model *m)
{
    struct sim_handed *h = m->first;

    if (h == NULL)
        return NULL;
    m->first = h->next;
    if (m->first == NULL)
        m->last = NULL;
    m->queued--;
    return h;
}

static void put_record(struct sim_model *m, const struct sim_fact *f)
{
    struct sim_row *row = room_at(&m->log[f->author][f->prec], f->index);
    uint64_t headed = row->headed;

    if (row->since != 0 && memcmp(row->leaf, f->row.leaf, 32) == 0)
        return;
    *row = f->row;
    row->since = m->count;
    row->headed = headed;
    (void)set_add(f->author == OL_OWN ? &m->said : &m->taken,
                  place_key(f->prec, f->index, row->leaf));
}

static void put_head(struct sim_model *m, const struct sim_fact *f)
{
    struct sim_log *log = &m->log[f->author][f->prec];

    for (; log->size < f->index; log->size++)
        room_at(log, log->size + 1)->headed = m->count;
}

uint64_t mark_key(uint8_t by, uint8_t prec, uint32_t index,
                  const struct sim_row *row)
{
    struct sim_row place = {.leaf = {row->rel, by, row->own}};

    memcpy(place.leaf + 8, &row->ref, sizeof(row->ref));
    return place_key(prec, index, place.leaf);
}

static void put_mark(struct sim_model *m, const struct sim_fact *f)
{
    struct sim_row row = {.rel = f->row.rel, .ref = f->row.number,
                          .own = f->by == f->author};

    (void)set_add(&m->marks, mark_key(f->by, f->prec, f->index, &row));
}

static void put_units(struct sim_model *m, const struct sim_fact *f)
{
    if (m->n_units == m->cap_units) {
        m->cap_units = m->cap_units ? 2 * m->cap_units : 16;
        m->units = realloc(m->units, m->cap_units * sizeof(*m->units));
        OL_CHECK(m->units != NULL);
    }
    m->units[m->n_units++] = (struct sim_units){.prec = f->prec,
                                                .index = f->index,
                                                .mask = f->mask,
                                                .since = m->count};
}

/* Own records from that place on are in no log any more. */
static void put_aside(struct sim_model *m, const struct sim_fact *f)
{
    struct sim_log *log = &m->log[OL_OWN][f->prec];

    for (uint32_t i = f->index; i <= log->high; i++)
        memset(&log->v[i - 1], 0, sizeof(log->v[0]));
    if (log->high >= f->index)
        log->high = f->index - 1;
    if (log->size >= f->index)
        log->size = f->index - 1;
    if (m->acked[f->prec] >= f->index)
        m->acked[f->prec] = f->index - 1;
}

static void apply(struct sim_model *m, const struct sim_fact *f)
{
    switch ((enum ol_put_kind)f->kind) {
    case OL_PUT_RECORD:
        put_record(m, f);
        break;
    case OL_PUT_HEAD:
        put_head(m, f);
        break;
    case OL_PUT_ACK:
        if (f->index > m->acked[f->prec])
            m->acked[f->prec] = f->index;
        break;
    case OL_PUT_MARK:
        put_mark(m, f);
        break;
    case OL_PUT_PART:
        put_units(m, f);
        break;
    case OL_PUT_ASIDE:
        put_aside(m, f);
        break;
    default:
        break;
    }
}

void model_done(struct world *w, unsigned st, uint64_t token, bool good)
{
    struct sim_model *m = w->st[st].model;
    struct sim_handed *h;

    if (m->first == NULL || m->first->token != token)
        return; /* the station's own */
    h = next(m);
    if (good) {
        m->count++;
        for (uint16_t k = 0; k < h->n; k++)
            if (h->v[k].kind == OL_PUT_RECORD)
                apply(m, &h->v[k]);
        for (uint16_t k = 0; k < h->n; k++)
            if (h->v[k].kind != OL_PUT_RECORD)
                apply(m, &h->v[k]);
        check_applied(w, st, h);
    }
    free(h);
}

void model_drop(struct world *w, unsigned st)
{
    struct sim_handed *h;

    while ((h = next(w->st[st].model)) != NULL)
        free(h);
}

/* ---- beside the ledger -------------------------------------------------- */

struct reading {
    struct world *w;
    unsigned st;
    uint8_t author;
    uint32_t n;
    bool load;
};

static bool one_row(void *arg, const struct ol_row *row)
{
    struct reading *r = arg;
    struct sim_model *m = r->w->st[r->st].model;
    struct sim_log *log = &m->log[r->author][row->prec];

    r->n++;
    if (r->load) {
        struct sim_fact f = {.author = r->author,
                             .prec = row->prec,
                             .index = row->index};
        memcpy(f.row.leaf, row->leaf, 32);
        memcpy(f.row.root, row->root, 8);
        describe(&f.row, row->bytes);
        f.row.proof = row->proof;
        put_record(m, &f);
        if (r->author == OL_PEER)
            (void)set_add(&m->ids, id_key(f.row.id));
        return true;
    }
    if (row->index > log->high || log->v[row->index - 1].since == 0 ||
        memcmp(log->v[row->index - 1].leaf, row->leaf, 32) != 0)
        world_fail(r->w, "the disk of %u has a record %u/%u that nobody put",
                   r->st, row->prec, row->index);
    return true;
}

/* Reads all of a ledger, to begin from it or to compare. */
static void read_all(struct world *w, unsigned st, bool load)
{
    struct sim_station *s = &w->st[st];
    struct sim_model *m = s->model;
    uint8_t frontier[1024];

    for (uint8_t a = 0; a < 2; a++)
        for (uint8_t p = 0; p < OL_PRECS; p++) {
            struct reading r = {.w = w, .st = st, .author = a, .load = load};
            struct sim_fact head = {.author = a, .prec = p};
            uint32_t there = 0, size = 0, upto = 0;
            uint64_t at;
            size_t n = sizeof(frontier);
            OL_CHECK(s->ledger->ops->log(s->ledger, s->line_no, a, p, 1,
                                         UINT32_MAX, 0, one_row,
                                         &r) == OL_OK);
            (void)!s->ledger->ops->head(s->ledger, s->line_no, a, p, &size,
                                        frontier, &n);
            (void)!s->ledger->ops->acked(s->ledger, s->line_no, p, 1, &upto,
                                         &at);
            head.index = size;
            if (load)
                put_head(m, &head);
            if (load && a == OL_OWN)
                m->acked[p] = upto;
            for (uint32_t i = 0; i < m->log[a][p].high; i++)
                there += m->log[a][p].v[i].since != 0;
            if (there != r.n || size != m->log[a][p].size ||
                (a == OL_OWN && upto != m->acked[p]))
                world_fail(w, "the disk of %u: log %u/%u has %u records, "
                           "head %u, %u delivered; put were %u, %u, %u", st,
                           a, p, r.n, size, upto, there, m->log[a][p].size,
                           m->acked[p]);
        }
}

void model_load(struct world *w, unsigned st)
{
    struct sim_model *m = w->st[st].model;

    model_drop(w, st);
    for (uint8_t a = 0; a < 2; a++)
        for (uint8_t p = 0; p < OL_PRECS; p++) {
            struct sim_log *log = &m->log[a][p];
            if (log->cap > 0)
                memset(log->v, 0, log->cap * sizeof(*log->v));
            log->size = log->high = 0;
        }
    memset(m->acked, 0, sizeof(m->acked));
    set_free(&m->marks);
    m->n_units = 0;
    set_free(&m->ids);
    m->count++;
    read_all(w, st, true);
}

void model_same(struct world *w, unsigned st)
{
    if (w->forged || w->plant != PLANT_NONE)
        model_load(w, st);
    else
        read_all(w, st, false);
}

void model_open(struct world *w, unsigned st)
{
    w->st[st].model = calloc(1, sizeof(struct sim_model));
    OL_CHECK(w->st[st].model != NULL);
}

void model_close(struct world *w, unsigned st)
{
    struct sim_model *m = w->st[st].model;

    model_drop(w, st);
    for (uint8_t a = 0; a < 2; a++)
        for (uint8_t p = 0; p < OL_PRECS; p++)
            free(m->log[a][p].v);
    set_free(&m->marks);
    free(m->units);
    set_free(&m->said);
    set_free(&m->taken);
    set_free(&m->ids);
    free(m);
}
