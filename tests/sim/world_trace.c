/*
 * The trace: one number that stands for all that happened in a world.
 *
 * Each entry of the queue, each event that a line is given, each effect that
 * it gives back, with every byte of it, goes in by value: never a pointer,
 * never padding, so that the number depends on the seed alone. Two runs of a
 * seed that differ anywhere differ here.
 */
#include "world_int.h"

#include <string.h>

void mix(struct world *w, uint64_t v)
{
    uint64_t h = (w->hash ^ v) * 0x9e3779b97f4a7c15u;

    w->hash = h ^ h >> 32;
}

static void mix_bytes(struct world *w, const uint8_t *p, size_t n)
{
    uint64_t v;

    mix(w, n);
    for (; n >= sizeof(v); p += sizeof(v), n -= sizeof(v)) {
        memcpy(&v, p, sizeof(v));
        mix(w, v);
    }
    if (n == 0)
        return;
    v = 0;
    memcpy(&v, p, n);
    mix(w, v);
}

static void mix_addr(struct world *w, const struct ol_addr *a)
{
    mix_bytes(w, a->b, a->len);
}

static void mix_put(struct world *w, const struct ol_put *p)
{
    mix(w, (uint64_t)p->kind | (uint64_t)p->author << 8 |
               (uint64_t)p->prec << 16 | (uint64_t)p->rec_kind << 24 |
               (uint64_t)p->rel << 32 | (uint64_t)p->by << 39 |
               (uint64_t)p->what << 40 |
               (uint64_t)p->state << 48 | (uint64_t)p->proof << 56);
    mix(w, p->channel | (uint64_t)p->size << 16 | (uint64_t)p->offset << 32 |
               (uint64_t)p->erase << 48);
    mix(w, p->index | (uint64_t)p->count << 32);
    mix(w, p->number);
    mix(w, p->mask);
    mix_bytes(w, p->leaf, sizeof(p->leaf));
    mix_bytes(w, p->root, sizeof(p->root));
    mix_bytes(w, p->bytes.p, p->bytes.n);
    if (p->detail != NULL)
        mix_bytes(w, (const uint8_t *)p->detail, strlen(p->detail));
}

static void mix_send(struct world *w, const struct ol_send *s)
{
    mix(w, s->channel | (uint64_t)s->last << 16);
    mix(w, s->token);
    mix_addr(w, &s->to);
    mix_bytes(w, s->bytes.p, s->bytes.n);
}

static void mix_load(struct world *w, const struct ol_load *l)
{
    mix(w, l->kind | (uint64_t)l->author << 8 | (uint64_t)l->prec << 16 |
               (uint64_t)l->index << 32);
    mix(w, l->token);
    mix(w, l->max_records | (uint64_t)l->max_bytes << 32);
    mix_bytes(w, l->hash, sizeof(l->hash));
    mix(w, l->size);
    mix(w, l->after);
}

static void mix_note(struct world *w, const struct ol_note *n)
{
    mix(w, (uint64_t)n->kind | (uint64_t)n->channel << 8 |
               (uint64_t)n->prec << 24 | (uint64_t)n->index << 32);
    mix(w, n->number);
    mix(w, n->token);
    mix_bytes(w, n->hash, sizeof(n->hash));
    mix(w, n->size);
    mix(w, n->done | (uint64_t)n->declined << 1);
}

void trace_entry(struct world *w, const struct entry *e)
{
    mix(w, e->at_ns);
    mix(w, (uint64_t)e->what | (uint64_t)e->st << 8 | (uint64_t)e->ch << 16 |
               (uint64_t)e->boot << 32);
    mix(w, e->arg);
}

void trace_event(struct world *w, unsigned st, const struct ol_event *ev)
{
    mix(w, w->now_ns);
    mix(w, (uint64_t)ev->kind | (uint64_t)st << 8 | (uint64_t)ev->on << 16 |
               (uint64_t)ev->full << 24 | (uint64_t)ev->channel << 32);
    mix(w, ev->token);
    mix_addr(w, &ev->from);
    mix_bytes(w, ev->bytes.p, ev->bytes.n);
    for (uint32_t i = 0; i < ev->n_loaded; i++)
        mix_bytes(w, ev->loaded[i].bytes.p, ev->loaded[i].bytes.n);
    if (ev->record != NULL) {
        mix(w, ev->record->prec | (uint64_t)ev->record->kind << 8);
        mix_bytes(w, ev->record->id.p, ev->record->id.n);
        mix_bytes(w, ev->record->text.p, ev->record->text.n);
    }
    if (ev->chan != NULL)
        mix(w, ev->chan->up | (uint64_t)ev->chan->gone << 1 |
                   (uint64_t)ev->chan->news << 2 |
                   (uint64_t)ev->chan->too_big << 3 |
                   (uint64_t)ev->chan->room_bytes << 32);
    if (ev->file != NULL)
        mix_bytes(w, ev->file->hash, sizeof(ev->file->hash));
}

void trace_effects(struct world *w, unsigned st)
{
    const struct ol_effects *eff = &w->st[st].eff;

    mix(w, eff->batch);
    mix(w, eff->wake_ns);
    mix(w, eff->count | (uint64_t)eff->more << 32);
    for (unsigned i = 0; i < eff->count; i++) {
        const struct ol_effect *e = &eff->v[i];
        mix(w, e->kind);
        switch (e->kind) {
        case OL_FX_PUT:
            mix_put(w, &e->put);
            break;
        case OL_FX_SEND:
            mix_send(w, &e->send);
            break;
        case OL_FX_LOAD:
            mix_load(w, &e->load);
            break;
        case OL_FX_NOTE:
            mix_note(w, &e->note);
            break;
        }
    }
}
