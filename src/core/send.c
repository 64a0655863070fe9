/*
 * Own logs: what we say, from the submitter's record to our own disk.
 *
 *   submit -> PUT -> committed (durable) -> owed (owed.c)
 *
 * A record gets its index and number here, its leaf joins the tree, and the
 * new size is signed, all in one batch; many that come together share it.
 * Only what is on our disk is owed.
 * It fails by refusing: without a batch the submitter tries again later, and
 * nothing was numbered.
 */
#include "core/marks.h"
#include "core/restore.h"

#include <string.h>

#include "wire/record.h"

void ol_send_head(struct ol_line *l, unsigned p)
{
    struct ol_out_log *o = &l->out[p];
    uint8_t *bytes = ol_fx_bytes(l, OL_TREE_LEVELS * OL_HASH);
    struct ol_put *put = ol_fx_put(l, OL_PUT_HEAD);

    put->author = OL_OWN;
    put->prec = (uint8_t)p;
    put->index = o->size;
    put->bytes = OL_SPAN(bytes, ol_tree_save(&o->tree, bytes));
}

void ol_send_sign(struct ol_line *l, unsigned p)
{
    struct ol_out_log *o = &l->out[p];
    uint8_t *bytes = ol_fx_bytes(l, OL_SIG);
    struct ol_put *put = ol_fx_put(l, OL_PUT_CHECKPOINT);

    o->cp.prec = (uint8_t)p;
    o->cp.size = o->size;
    ol_tree_root(&o->tree, o->cp.root);
    ol_checkpoint_sign(o->cp.sig, &l->id, l->shared.line_id, (uint8_t)p,
                       o->size, o->cp.root);
    put->author = OL_OWN;
    put->prec = (uint8_t)p;
    put->index = o->size;
    memcpy(put->leaf, o->cp.root, OL_HASH);
    memcpy(bytes, o->cp.sig, OL_SIG);
    put->bytes = OL_SPAN(bytes, OL_SIG);
}

/* One record joins its log and the step's batch. */
static enum ol_err take(struct ol_line *l, const struct ol_record *given)
{
    struct ol_out_log *o = &l->out[given->prec];
    uint8_t leaf[OL_HASH], root[OL_HASH], *bytes;
    struct ol_record rec = *given;
    struct ol_writer w;
    struct ol_put *put;
    enum ol_err err;

    if (o->size == UINT32_MAX - 1)
        return OL_ERR_FULL;
    rec.index = o->size + 1;
    rec.number = l->number + 1;
    bytes = ol_fx_bytes(l, OL_RECORD_MAX);
    ol_writer_init(&w, bytes, OL_RECORD_MAX);
    err = ol_record_encode(&w, &rec);
    l->arena_n -= OL_RECORD_MAX - (err == OL_OK ? w.n : 0);
    if (err != OL_OK)
        return err;
    ol_leaf_make(leaf, &l->stem[OL_OWN], OL_SPAN(bytes, w.n));
    ol_tree_append(&o->tree, leaf);
    ol_tree_root(&o->tree, root);
    o->size++;
    l->number++;
    if (o->loaded + 1 == rec.index)
        (void)ol_window_load(l, rec.prec, rec.index, OL_SPAN(bytes, w.n), root);
    put = ol_fx_put(l, OL_PUT_RECORD);
    put->author = OL_OWN;
    put->prec = rec.prec;
    put->index = rec.index;
    put->number = rec.number;
    put->rec_kind = rec.kind;
    memcpy(put->leaf, leaf, OL_HASH);
    memcpy(put->root, root, OL_ROOT);
    put->bytes = OL_SPAN(bytes, w.n);
    ol_mark_put(l, OL_OWN, rec.prec, rec.index, ol_mark_of(&rec));
    if (rec.kind == OL_KIND_RETURNED) {
        /* It tells of what came back. */
        memset(l->kept.returned, 0, sizeof(l->kept.returned));
        l->kept_dirty = true;
    }
    return OL_OK;
}

/* The others, as far as this step has room beside its head and signature. */
static void take_more(struct ol_line *l, const struct ol_event *ev)
{
    for (uint32_t i = 0; i < ev->n_more; i++) {
        const struct ol_record *rec = ev->more[i];

        if (rec->prec != ev->record->prec ||
            l->fx->count + 4 + OL_FX_RESERVE > OL_FX_MAX ||
            l->arena_n + OL_RECORD_MAX > OL_ARENA / 2 ||
            take(l, rec) != OL_OK)
            return;
        l->fx->taken++;
    }
}

enum ol_err ol_send_submit(struct ol_line *l, const struct ol_event *ev)
{
    uint8_t prec = ev->record->prec;
    enum ol_err err;

    if (prec >= OL_PRECS)
        return OL_ERR_INPUT;
    if (l->full)
        return OL_ERR_FULL;
    if (ol_restore_mute(l, prec))
        return OL_ERR_UNPROVED;
    if (!ol_fx_can_put(l) || l->cur != NULL)
        return OL_ERR_AGAIN;
    err = take(l, ev->record);
    if (err != OL_OK)
        return err;
    l->fx->taken = 1;
    l->cur->taken_token = ev->token;
    l->cur->taken_number = l->number;
    l->cur->taken_prec = prec;
    l->cur->taken_index = l->out[prec].size;
    take_more(l, ev);
    l->cur->taken = l->fx->taken;
    ol_send_head(l, prec);
    ol_send_sign(l, prec);
    return OL_OK;
}

void ol_send_committed(struct ol_line *l, const struct ol_open_batch *b)
{
    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_out_log *o = &l->out[p];
        uint32_t from = OL_MAX(o->durable, o->acked) + 1;
        o->durable = b->own[p];
        for (uint32_t i = from; i <= o->durable; i++) {
            struct ol_out_slot *s = ol_window_slot(l, p, i);
            if (s == NULL)
                break;
            ol_window_owe(o, s, ol_units_of(s->size) & ~s->held);
        }
        if (b->cp[p] > o->cp_durable) {
            o->cp_durable = b->cp[p];
            o->cp_dirty = true;
        }
    }
}

/* Delivered is a promise on our own disk too: the watermark and its event. */
static void put_acks(struct ol_line *l)
{
    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_out_log *o = &l->out[p];
        struct ol_put *put;
        if (o->acked <= o->acked_put || !ol_fx_can_put(l) ||
            !ol_fx_room(l, 2, 0))
            continue;
        put = ol_fx_put(l, OL_PUT_ACK);
        put->prec = (uint8_t)p;
        put->index = o->acked;
        put = ol_fx_put(l, OL_PUT_EVENT);
        put->what = OL_WHAT_DELIVERED;
        put->author = OL_OWN;
        put->prec = (uint8_t)p;
        put->index = o->acked_put + 1;
        put->count = o->acked - o->acked_put;
        o->acked_put = o->acked;
    }
}

bool ol_send_waits(const struct ol_line *l)
{
    bool any = false;

    for (unsigned p = 0; p < OL_PRECS; p++)
        any |= l->out[p].acked > l->out[p].acked_put ||
               (l->out[p].behind != 0 && l->out[p].loading);
    return any;
}

void ol_send_pump(struct ol_line *l)
{
    put_acks(l);
    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_out_log *o = &l->out[p];
        /* The peer holds all of it: there is nothing to page or to retry. */
        if (o->durable <= o->acked && o->behind == 0) {
            o->retry_ns = OL_NEVER_NS;
            continue;
        }
        ol_window_page(l, p);
        ol_owed_retry(l, p);
    }
}

enum ol_err ol_send_init(struct ol_line *l, const struct ol_snapshot *s)
{
    ol_pool_init(&l->out_pool);
    l->number = s->number;
    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_out_log *o = &l->out[p];
        const struct ol_log_head *h = &s->log[OL_OWN][p];
        enum ol_err err = ol_tree_load(&o->tree, h->size, h->frontier);
        if (err != OL_OK)
            return err;
        if (s->acked[p] > h->size)
            return OL_ERR_CORRUPT;
        o->size = o->durable = h->size;
        o->acked = o->acked_put = o->loaded = o->limit = s->acked[p];
        o->hint = o->acked + 1;
        o->retry_ns = OL_NEVER_NS;
        if (o->size == 0 || l->kept.foreign[p] != 0)
            continue;
        /* Signed anew: the same size and root, so the same statement. */
        o->cp.prec = (uint8_t)p;
        o->cp.size = o->cp_durable = o->size;
        ol_tree_root(&o->tree, o->cp.root);
        ol_checkpoint_sign(o->cp.sig, &l->id, l->shared.line_id, (uint8_t)p,
                           o->size, o->cp.root);
    }
    return OL_OK;
}
