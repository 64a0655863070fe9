/*
 * What a station puts on its own disk, held against both disks.
 *
 *   nothing is made up    a record of the peer's is, leaf by leaf, one that
 *                         the peer's core appended and had on its disk; one
 *                         that comes back is one that we once had
 *   once, in order        no id stands twice among the peer's records; a head
 *                         passes over what is there, and only rises
 *   delivered is true     an acked record is on the other disk, in its place
 *   a mark is true        the record that it comes from stands where it says
 *                         and says that, of that message
 *   no mark is lost       a record below the head has left its mark
 *
 * After a restore a disk may hold less than it did: what it ever held counts
 * then, and the end of the world, where both ledgers have to agree.
 */
#include "core/line_int.h"
#include "world_model.h"

#include <string.h>

/* A HELD that was under way speaks of the life before. */
static void check_ack(struct world *w, unsigned st, uint8_t prec,
                      uint32_t from, uint32_t upto)
{
    const struct sim_station *o = &w->st[1 - st];

    for (uint32_t i = from; i <= upto; i++) {
        const struct sim_row *own = row_at(w, st, OL_OWN, prec, i);
        const struct sim_row *there = row_at(w, 1 - st, OL_PEER, prec, i);
        bool now = own != NULL && there != NULL && there->headed != 0 &&
                   memcmp(own->leaf, there->leaf, 32) == 0;
        if (now)
            continue;
        if (own == NULL || !o->put_back ||
            !set_has(&o->model->taken, place_key(prec, i, own->leaf)))
            world_fail(w, "station %u calls %u/%u delivered, and it is not",
                       st, prec, i);
    }
}

void check_delivered(struct world *w, unsigned st, uint8_t prec,
                     uint32_t upto)
{
    struct sim_station *s = &w->st[st];

    if (upto < s->checked[prec])
        s->checked[prec] = upto; /* a return took it back */
    check_ack(w, st, prec, s->checked[prec] + 1, upto);
    s->checked[prec] = upto;
}

void check_handed(struct world *w, unsigned st, const struct sim_fact *f)
{
    const struct sim_model *m = w->st[st].model;
    const struct sim_model *o = w->st[1 - st].model;
    uint64_t key = place_key(f->prec, f->index, f->row.leaf);

    if (w->forged)
        return;
    switch ((enum ol_put_kind)f->kind) {
    case OL_PUT_RECORD:
        if (f->author == OL_PEER && !set_has(&o->said, key))
            world_fail(w, "station %u takes a record %u/%u that the other "
                       "never had on its disk", st, f->prec, f->index);
        if (f->author == OL_OWN && f->row.proof != OL_PROOF_OWN &&
            f->row.kind != OL_KIND_RETURNED && !set_has(&m->said, key))
            world_fail(w, "station %u was given back a record %u/%u that it "
                       "never had", st, f->prec, f->index);
        break;
    case OL_PUT_ACK:
        check_ack(w, st, f->prec, m->acked[f->prec] + 1, f->index);
        break;
    default:
        break;
    }
}

static void check_mark(struct world *w, unsigned st, const struct sim_fact *f)
{
    const struct sim_row *r = row_at(w, st, f->by, f->prec, f->index);

    if (r == NULL || r->ref != f->row.number || r->rel != f->row.rel ||
        r->own != (f->by == f->author) ||
        (f->by == OL_PEER && r->headed == 0))
        world_fail(w, "station %u notes that %u is said of message %llu, and "
                   "%u/%u/%u does not say it", st, f->row.rel,
                   (unsigned long long)f->row.number, f->by, f->prec,
                   f->index);
}

/* What the head has just passed over. */
static void check_headed(struct world *w, unsigned st,
                         const struct sim_fact *f)
{
    struct sim_station *s = &w->st[st];
    struct sim_model *m = s->model;
    const struct sim_log *log = &m->log[f->author][f->prec];
    bool restored = s->put_back || w->st[1 - st].put_back;

    if (log->size < f->index)
        world_fail(w, "the head %u/%u of station %u is %u, and %u were put",
                   f->author, f->prec, st, log->size, f->index);
    for (uint32_t i = f->index; i > 0; i--) {
        const struct sim_row *r = row_at(w, st, f->author, f->prec, i);
        if (r == NULL)
            world_fail(w, "the head %u/%u of station %u passed over %u, which "
                       "is not there", f->author, f->prec, st, i);
        if (r->headed != m->count)
            break;
        /* After a restore it may speak of what nobody has any more. */
        if (r->ref != 0 && !restored &&
            (f->author == OL_OWN || r->own || r->ref <= s->numbers) &&
            !set_has(&m->marks, mark_key(f->author, f->prec, i, r)))
            world_fail(w, "station %u lost what %u/%u/%u says of %llu", st,
                       f->author, f->prec, i, (unsigned long long)r->ref);
        if (f->author == OL_OWN || restored)
            continue;
        if (!set_add(&m->ids, id_key(r->id)))
            world_fail(w, "station %u holds the message of %u/%u twice", st,
                       f->prec, i);
    }
}

static void check_event(struct world *w, unsigned st,
                        const struct sim_fact *f)
{
    const struct sim_model *m = w->st[st].model;
    uint32_t last = f->index + f->count - 1;

    if (f->what == OL_WHAT_DELIVERED && last > m->acked[f->prec])
        world_fail(w, "station %u tells that %u/%u is delivered", st, f->prec,
                   last);
    if ((f->what == OL_WHAT_ARRIVED || f->what == OL_WHAT_READ ||
         f->what == OL_WHAT_UNDERSTOOD || f->what == OL_WHAT_ANSWERED ||
         f->what == OL_WHAT_DECLINED || f->what >= OL_WHAT_CANCELLED) &&
        last > m->log[OL_PEER][f->prec].size)
        world_fail(w, "station %u tells of %u/%u before it is in its place",
                   st, f->prec, last);
}

void check_applied(struct world *w, unsigned st, const struct sim_handed *h)
{
    struct sim_station *s = &w->st[st];

    for (uint16_t k = 0; k < h->n; k++)
        if (h->v[k].kind == OL_PUT_RECORD && h->v[k].author == OL_OWN &&
            h->v[k].row.number > s->numbers)
            s->numbers = h->v[k].row.number;
    for (uint16_t k = 0; k < h->n; k++) {
        const struct sim_fact *f = &h->v[k];
        switch ((enum ol_put_kind)f->kind) {
        case OL_PUT_HEAD:
            check_headed(w, st, f);
            break;
        case OL_PUT_MARK:
            check_mark(w, st, f);
            break;
        case OL_PUT_EVENT:
            check_event(w, st, f);
            break;
        case OL_PUT_ASIDE:
            s->life++; /* what was said before may be of what is no more */
            break;
        default:
            break;
        }
    }
}

void check_imported(struct world *w, unsigned st)
{
    const struct ol_line *l = w->st[st].line;
    const struct sim_model *m = w->st[st].model;

    /* A frame may have said more since; so may a log that came back, for what
     * it holds is compared when it is whole. */
    if (w->st[0].put_back || w->st[1].put_back)
        return;
    for (unsigned c = 0; c < l->n_ch; c++)
        if (l->ch[c].conf.kind != OL_CHAN_POUCH)
            return;
    for (unsigned p = 0; p < OL_PRECS; p++) {
        if (l->out[p].acked > m->acked[p])
            world_fail(w, "station %u is done with a bundle, and not with "
                       "its word on %u/%u", st, p, l->out[p].acked);
        if (l->in[p].upto > m->log[OL_PEER][p].size)
            world_fail(w, "station %u is done with a bundle, and %u/%u is "
                       "not on its disk", st, p, l->in[p].upto);
    }
}
