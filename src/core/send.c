/*
 * Own logs: what we say, from the submitter's record to the peer's disk.
 *
 *   submit -> PUT -> committed (durable) -> owed -> in flight -> held (acked)
 *
 * A window of each log is loaded: the slots of acked+1 .. loaded; the rest of
 * a backlog stays in the ledger and is paged in as the window moves. Only
 * what is on our disk is owed. Each record is a mask of 128-byte units: a
 * segment in flight clears its bits, a lost one sets them again, and only the
 * peer's HELD, whose root must be ours, ends the matter.
 * It fails by stopping: a root that is not ours stops the log and is told.
 */
#include "core/line_int.h"

#include <string.h>

#include "wire/record.h"

#define RETRY_NS (2 * OL_NS_PER_S)
#define RETRY_MOST 6u /* doublings */

const uint32_t ol_window_of[OL_PRECS] = {OL_WINDOW_FLASH, OL_WINDOW_IMMEDIATE,
                                         OL_WINDOW_PRIORITY,
                                         OL_WINDOW_ROUTINE};

static const uint32_t base_of[OL_PRECS] = {
    0, OL_WINDOW_FLASH, OL_WINDOW_FLASH + OL_WINDOW_IMMEDIATE,
    OL_WINDOW_FLASH + OL_WINDOW_IMMEDIATE + OL_WINDOW_PRIORITY};

struct ol_out_slot *ol_out_slot(struct ol_line *l, unsigned prec,
                                uint32_t index)
{
    return &l->out_slot[base_of[prec] + index % ol_window_of[prec]];
}

struct ol_in_slot *ol_in_slot(struct ol_line *l, unsigned prec, uint32_t index)
{
    return &l->in_slot[base_of[prec] + index % ol_window_of[prec]];
}

uint64_t ol_units_of(uint16_t size)
{
    unsigned n = (size + OL_UNIT - 1u) / OL_UNIT;

    return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

static struct ol_out_slot *slot_of(struct ol_line *l, unsigned prec,
                                   uint32_t index)
{
    struct ol_out_slot *s = ol_out_slot(l, prec, index);

    return index != 0 && s->index == index ? s : NULL;
}

/* ---- the window --------------------------------------------------------- */

static void set_owed(struct ol_out_log *o, struct ol_out_slot *s,
                     uint64_t owed)
{
    if (s->owed == 0 && owed != 0)
        o->owing++;
    if (s->owed != 0 && owed == 0)
        o->owing--;
    s->owed = owed;
    if (owed != 0 && s->index < o->hint)
        o->hint = s->index;
}

static bool load_slot(struct ol_line *l, unsigned prec, uint32_t index,
                      struct ol_span bytes, const uint8_t *root)
{
    struct ol_out_log *o = &l->out[prec];
    struct ol_out_slot *s = ol_out_slot(l, prec, index);
    uint16_t block;

    if (index - o->acked > ol_window_of[prec] ||
        l->out_pool.left < ol_pool_floor(prec) + OL_RECORD_MAX / OL_BLOCK)
        return false;
    block = ol_pool_take(&l->out_pool, bytes.n);
    if (block == OL_NO_BLOCK)
        return false;
    OL_CHECK(s->index == 0 && index == o->loaded + 1);
    ol_pool_write(&l->out_pool, block, 0, bytes);
    s->index = index;
    s->size = (uint16_t)bytes.n;
    s->block = block;
    s->flights = s->copies_on = 0;
    s->owed = s->held = 0;
    memcpy(s->root, root, OL_ROOT);
    o->loaded = index;
    if (index <= o->durable)
        set_owed(o, s, ol_units_of(s->size));
    return true;
}

static void free_slot(struct ol_line *l, unsigned prec, struct ol_out_slot *s)
{
    set_owed(&l->out[prec], s, 0);
    ol_pool_give(&l->out_pool, s->block);
    memset(s, 0, sizeof(*s));
    s->block = OL_NO_BLOCK;
}

static void page_in(struct ol_line *l, unsigned prec)
{
    struct ol_out_log *o = &l->out[prec];
    struct ol_load *load;
    uint32_t want = o->behind != 0 ? o->behind : o->loaded + 1;

    if (o->loading || o->stopped || want > o->durable ||
        !ol_fx_room(l, 1, 0))
        return;
    if (o->behind == 0 &&
        (o->loaded - o->acked >= ol_window_of[prec] ||
         l->out_pool.left < ol_pool_floor(prec) + OL_RECORD_MAX / OL_BLOCK))
        return;
    if (l->now_ns < o->page_ns) {
        ol_wake(l, o->page_ns);
        return;
    }
    load = &ol_fx_add(l, OL_FX_LOAD)->load;
    load->token = ++l->next_token * OL_PRECS + prec;
    load->prec = (uint8_t)prec;
    load->index = want;
    load->max_records = o->behind != 0 ? 1 : OL_LOAD_MAX;
    load->max_bytes = OL_LOAD_BYTES;
    o->loading = true;
}

/* Paging starts again right behind what the peer holds. */
static void rewind_to(struct ol_line *l, unsigned prec, uint32_t acked)
{
    struct ol_out_log *o = &l->out[prec];

    for (uint32_t i = o->acked + 1; i <= o->loaded; i++) {
        struct ol_out_slot *s = slot_of(l, prec, i);
        if (s != NULL)
            free_slot(l, prec, s);
    }
    o->acked = o->loaded = acked;
    o->hint = acked + 1;
    o->behind = 0;
}

void ol_send_loaded(struct ol_line *l, const struct ol_event *ev)
{
    unsigned prec = ev->token % OL_PRECS;
    struct ol_out_log *o = &l->out[prec];

    o->loading = false;
    /* Our own ledger did not give what it has: not again at once. */
    o->page_ns = ev->n_loaded == 0 ? l->now_ns + OL_NS_PER_S : 0;
    for (uint32_t i = 0; i < ev->n_loaded; i++) {
        const struct ol_loaded *r = &ev->loaded[i];
        if (o->behind != 0 && r->index == o->behind) {
            bool same = memcmp(r->root, o->behind_root, OL_ROOT) == 0;
            uint32_t upto = o->behind;
            o->behind = 0;
            if (same) {
                rewind_to(l, prec, upto);
                o->limit = OL_MAX(o->limit, o->behind_limit);
            } else {
                o->stopped = true;
                ol_fx_note(l, OL_NOTE_ROOT, OL_CHANNEL_ANY, (uint8_t)prec,
                           upto);
            }
            return;
        }
        if (r->index == o->loaded + 1 && r->bytes.n > 0 &&
            r->bytes.n <= OL_RECORD_MAX &&
            !load_slot(l, prec, r->index, r->bytes, r->root))
            return;
    }
}

/* ---- submitting --------------------------------------------------------- */

enum ol_err ol_send_submit(struct ol_line *l, const struct ol_event *ev)
{
    struct ol_record rec = *ev->record;
    struct ol_out_log *o;
    uint8_t leaf[OL_HASH], root[OL_HASH], *bytes;
    struct ol_writer w;
    struct ol_put *put;
    enum ol_err err;

    if (rec.prec >= OL_PRECS)
        return OL_ERR_INPUT;
    if (l->full)
        return OL_ERR_FULL;
    if (!ol_fx_can_put(l) || l->cur != NULL)
        return OL_ERR_AGAIN;
    o = &l->out[rec.prec];
    if (o->size == UINT32_MAX - 1)
        return OL_ERR_FULL;
    rec.index = o->size + 1;
    rec.number = l->number + 1;
    bytes = ol_fx_bytes(l, OL_RECORD_MAX);
    ol_writer_init(&w, bytes, OL_RECORD_MAX);
    err = ol_record_encode(&w, &rec);
    if (err != OL_OK)
        return err;
    ol_tree_leaf(leaf, l->shared.line_id, l->id.ed_pk, OL_SPAN(bytes, w.n));
    ol_tree_append(&o->tree, leaf);
    ol_tree_root(&o->tree, root);
    o->size++;
    l->number++;
    if (o->loaded + 1 == rec.index)
        (void)load_slot(l, rec.prec, rec.index, OL_SPAN(bytes, w.n), root);
    put = ol_fx_put(l, OL_PUT_RECORD);
    put->author = OL_OWN;
    put->prec = rec.prec;
    put->index = rec.index;
    put->number = rec.number;
    put->rec_kind = rec.kind;
    memcpy(put->leaf, leaf, OL_HASH);
    memcpy(put->root, root, OL_ROOT);
    put->bytes = OL_SPAN(bytes, w.n);
    l->cur->taken = true;
    l->cur->taken_token = ev->token;
    l->cur->taken_number = rec.number;
    l->cur->taken_prec = rec.prec;
    l->cur->taken_index = rec.index;
    put = ol_fx_put(l, OL_PUT_HEAD);
    put->author = OL_OWN;
    put->prec = rec.prec;
    put->index = o->size;
    bytes = ol_fx_bytes(l, OL_TREE_LEVELS * OL_HASH);
    put->bytes = OL_SPAN(bytes, ol_tree_save(&o->tree, bytes));
    o->cp.prec = rec.prec;
    o->cp.size = o->size;
    memcpy(o->cp.root, root, OL_HASH);
    ol_checkpoint_sign(o->cp.sig, &l->id, l->shared.line_id, rec.prec,
                       o->size, root);
    put = ol_fx_put(l, OL_PUT_CHECKPOINT);
    put->author = OL_OWN;
    put->prec = rec.prec;
    put->index = o->size;
    memcpy(put->leaf, root, OL_HASH);
    bytes = ol_fx_bytes(l, OL_SIG);
    memcpy(bytes, o->cp.sig, OL_SIG);
    put->bytes = OL_SPAN(bytes, OL_SIG);
    return OL_OK;
}

void ol_send_committed(struct ol_line *l, const struct ol_open_batch *b)
{
    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_out_log *o = &l->out[p];
        uint32_t from = OL_MAX(o->durable, o->acked) + 1;
        o->durable = b->own[p];
        for (uint32_t i = from; i <= o->durable; i++) {
            struct ol_out_slot *s = slot_of(l, p, i);
            if (s == NULL)
                break;
            set_owed(o, s, ol_units_of(s->size) & ~s->held);
        }
        if (b->cp[p] > o->cp_durable) {
            o->cp_durable = b->cp[p];
            o->cp_dirty = true;
        }
    }
}

/* ---- owing -------------------------------------------------------------- */

void ol_send_owe(struct ol_line *l, uint8_t prec, uint32_t index,
                 uint64_t mask, unsigned c)
{
    struct ol_out_slot *s = slot_of(l, prec, index);

    if (s == NULL)
        return;
    s->copies_on &= (uint16_t)~(1u << c);
    set_owed(&l->out[prec], s, s->owed | (mask & ~s->held));
}

void ol_send_landed(struct ol_line *l, uint8_t prec, uint32_t index)
{
    struct ol_out_slot *s = slot_of(l, prec, index);

    if (s != NULL && s->flights > 0)
        s->flights--;
}

void ol_send_owe_all(struct ol_line *l)
{
    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_out_log *o = &l->out[p];
        for (uint32_t i = o->acked + 1; i <= o->loaded; i++) {
            struct ol_out_slot *s = slot_of(l, p, i);
            if (s == NULL || i > o->durable)
                continue;
            s->flights = s->copies_on = 0;
            set_owed(o, s, ol_units_of(s->size) & ~s->held);
        }
        if (o->cp_durable > 0)
            o->cp_dirty = true;
        o->retry_ns = OL_NEVER_NS;
        o->retries = 0;
    }
}

struct ol_out_slot *ol_send_next(struct ol_line *l, unsigned prec)
{
    struct ol_out_log *o = &l->out[prec];
    uint32_t last = OL_MIN(OL_MIN(o->loaded, o->limit), o->durable);

    if (o->owing == 0 || o->stopped)
        return NULL;
    for (; o->hint <= last; o->hint++) {
        struct ol_out_slot *s = slot_of(l, prec, o->hint);
        if (s != NULL && s->owed != 0)
            return s;
    }
    return NULL;
}

void ol_send_went(struct ol_line *l, unsigned prec, struct ol_out_slot *s,
                  uint64_t mask, unsigned c)
{
    s->flights++;
    set_owed(&l->out[prec], s, s->owed & ~mask);
    if (s->owed == 0 && !(s->copies_on & (1u << c))) {
        s->copies_on |= (uint16_t)(1u << c);
        ol_fx_sent(l, (uint16_t)c, (uint8_t)prec, s->index);
    }
}

void ol_send_forget(struct ol_line *l)
{
    for (unsigned p = 0; p < OL_PRECS; p++)
        for (uint32_t i = l->out[p].acked + 1; i <= l->out[p].loaded; i++)
            if (slot_of(l, p, i) != NULL)
                slot_of(l, p, i)->held = 0;
    ol_send_owe_all(l);
}

bool ol_send_owes(const struct ol_line *l)
{
    for (unsigned p = 0; p < OL_PRECS; p++)
        if (l->out[p].durable > l->out[p].acked)
            return true;
    return false;
}

/* What was acked as frames and never held: the peer dropped it, so it goes
 * again, ever more slowly. The first record behind what is held tells: it
 * neither waits to go nor is it under way. */
static void retry(struct ol_line *l, unsigned p)
{
    struct ol_out_log *o = &l->out[p];
    uint64_t gap = RETRY_NS << OL_MIN(o->retries, RETRY_MOST);
    uint32_t last = OL_MIN(OL_MIN(o->loaded, o->limit), o->durable);
    struct ol_out_slot *first = slot_of(l, p, o->acked + 1);

    if (first == NULL || first->index > last || first->owed != 0 ||
        first->flights > 0) {
        o->retry_ns = OL_NEVER_NS;
        return;
    }
    if (o->retry_ns == OL_NEVER_NS)
        o->retry_ns = l->now_ns + gap;
    if (l->now_ns < o->retry_ns) {
        ol_wake(l, o->retry_ns);
        return;
    }
    o->retry_ns = OL_NEVER_NS;
    o->retries++;
    for (uint32_t i = o->acked + 1; i <= last; i++) {
        struct ol_out_slot *s = slot_of(l, p, i);
        if (s == NULL || s->flights > 0)
            continue;
        s->copies_on = 0;
        set_owed(o, s, ol_units_of(s->size) & ~s->held);
    }
}

/* ---- what the peer holds ------------------------------------------------ */

static void advance(struct ol_line *l, unsigned p, uint32_t upto)
{
    struct ol_out_log *o = &l->out[p];

    for (uint32_t i = o->acked + 1; i <= upto; i++) {
        struct ol_out_slot *s = slot_of(l, p, i);
        if (s != NULL)
            free_slot(l, p, s);
    }
    o->acked = upto;
    o->hint = OL_MAX(o->hint, upto + 1);
    o->retries = 0;
    o->retry_ns = OL_NEVER_NS;
}

static void hold_units(struct ol_line *l, unsigned p, uint32_t index,
                       uint64_t mask)
{
    struct ol_out_slot *s = slot_of(l, p, index);

    if (s == NULL)
        return;
    s->held |= mask & ol_units_of(s->size);
    set_owed(&l->out[p], s, s->owed & ~s->held);
}

static void stop(struct ol_line *l, unsigned p, uint32_t index)
{
    l->out[p].stopped = true;
    ol_fx_note(l, OL_NOTE_ROOT, OL_CHANNEL_ANY, (uint8_t)p, index);
}

static void held_log(struct ol_line *l, unsigned p,
                     const struct ol_held_log *h, bool current)
{
    struct ol_out_log *o = &l->out[p];

    if (o->stopped)
        return;
    if (current)
        o->behind = 0;
    if (h->upto > o->durable) {
        /* It holds what we never wrote: our ledger is an old copy. */
        stop(l, p, h->upto);
        return;
    }
    if (h->upto < o->acked) {
        if (!current)
            return;
        /* It holds less than it once said: it was rolled back. */
        ol_fx_note(l, OL_NOTE_ROLLED_BACK, OL_CHANNEL_ANY, (uint8_t)p,
                   h->upto);
        rewind_to(l, p, h->upto);
    }
    if (h->upto > o->loaded) {
        o->behind = h->upto;
        o->behind_limit = current ? h->limit : 0;
        memcpy(o->behind_root, h->root, OL_ROOT);
        return;
    }
    if (h->upto > o->acked) {
        struct ol_out_slot *s = slot_of(l, p, h->upto);
        OL_CHECK(s != NULL);
        if (memcmp(s->root, h->root, OL_ROOT) != 0) {
            stop(l, p, h->upto);
            return;
        }
        advance(l, p, h->upto);
    }
    if (!current)
        return;
    if (h->limit > o->limit && o->limit <= o->acked) {
        /* Room again after none: what was dropped meanwhile goes at once. */
        o->retries = 0;
        o->retry_ns = l->now_ns;
    }
    o->limit = h->limit;
    for (unsigned i = 0; i < h->n_ranges; i++)
        for (uint32_t k = 0; k < h->ranges[i].count; k++) {
            if (h->ranges[i].first + k > o->loaded)
                break;
            hold_units(l, p, h->ranges[i].first + k, UINT64_MAX);
        }
    for (unsigned i = 0; i < h->n_parts; i++)
        hold_units(l, p, h->parts[i].index, h->parts[i].mask);
}

void ol_send_held(struct ol_line *l, const struct ol_held *h, uint8_t logs,
                  bool current)
{
    for (unsigned p = 0; p < OL_PRECS; p++)
        if (logs & (1u << p))
            held_log(l, p, &h->log[p], current);
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

void ol_send_pump(struct ol_line *l)
{
    put_acks(l);
    for (unsigned p = 0; p < OL_PRECS; p++) {
        page_in(l, p);
        retry(l, p);
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
        if (o->size == 0)
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
