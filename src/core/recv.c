/*
 * The peer's logs: from segments to records on our disk.
 *
 *   EMPTY --segment--> PARTIAL --last unit--> WHOLE --put--> PUT
 *   PUT --head--> EMPTY
 *
 * Records may become whole in any order and are put as they do; the head of a
 * log (its tree, its size) moves over them in order, and only then do their
 * receipts count and watchers hear. HELD speaks of committed batches only.
 * A record that does not decode is refused as a whole: its slot is emptied,
 * and the peer, whose fault it is, keeps owing it.
 * It fails by dropping: without a slot, a block or a batch the segment is
 * gone, HELD does not cover it, and it comes again.
 */
#include "core/marks.h"
#include "core/pack.h"
#include "core/restore.h"

#include <string.h>

#include "wire/record.h"

#define PART_AFTER_NS (2 * OL_NS_PER_S) /* records in parts for longer */
#define HELD_REPEAT_NS (25 * OL_NS_PER_MS)

static void clear(struct ol_line *l, struct ol_in_slot *s)
{
    ol_pool_give(&l->in_pool, s->block);
    memset(s, 0, sizeof(*s));
    s->block = OL_NO_BLOCK;
}

/* ---- segments ----------------------------------------------------------- */

/* What the head will need of a record once it stands in order. */
static void describe(struct ol_in_slot *s, const struct ol_record *rec)
{
    struct ol_mark mark = ol_mark_of(rec);

    s->kind = rec->kind;
    s->number = rec->number;
    s->rel = mark.rel;
    s->of = mark.number;
}

static enum ol_err examine(struct ol_line *l, unsigned prec,
                           struct ol_in_slot *s)
{
    uint8_t bytes[OL_RECORD_MAX];
    struct ol_record rec;
    enum ol_err err;

    ol_pool_read(&l->in_pool, s->block, 0, bytes, s->size);
    err = ol_record_decode(OL_SPAN(bytes, s->size), &rec);
    if (err != OL_OK)
        return err;
    if (rec.prec != prec || rec.index != s->index)
        return OL_ERR_MALFORMED;
    describe(s, &rec);
    ol_leaf_make(s->leaf, &l->stem[OL_PEER], OL_SPAN(bytes, s->size));
    return OL_OK;
}

/* The slot for a segment: its own, or an empty one made its own. */
static struct ol_in_slot *claim(struct ol_line *l, const struct ol_segment *g)
{
    struct ol_in_slot *s = ol_in_slot(l, g->prec, g->index);

    if (s->state != OL_IN_EMPTY)
        return s->index == g->index ? s : NULL;
    s->block = OL_NO_BLOCK; /* it gets what its segments need */
    s->index = g->index;
    s->state = OL_IN_PARTIAL;
    s->since_ns = l->now_ns;
    return s;
}

static uint64_t units(const struct ol_segment *g)
{
    unsigned from = g->offset / OL_UNIT;
    unsigned n = (unsigned)((g->bytes.n + OL_UNIT - 1) / OL_UNIT);
    uint64_t mask = n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;

    return mask << from;
}

enum ol_err ol_recv_place(struct ol_pool *pool, uint16_t keep,
                          const struct ol_segment *g, struct ol_in_slot *s,
                          bool *whole)
{
    size_t end = (size_t)g->offset + g->bytes.n;

    if (g->last) {
        if ((s->size != 0 && s->size != end) ||
            (s->mask & ~ol_units_of((uint16_t)end)) != 0)
            return OL_ERR_MALFORMED;
    } else if (s->size != 0 && end > s->size) {
        return OL_ERR_MALFORMED;
    }
    if (!ol_pool_reach(pool, &s->block, end, keep))
        return OL_ERR_AGAIN;
    if (g->last)
        s->size = (uint16_t)end;
    ol_pool_write(pool, s->block, g->offset, g->bytes);
    s->mask |= units(g);
    *whole = s->size != 0 && s->mask == ol_units_of(s->size);
    return OL_OK;
}

static enum ol_err place(struct ol_line *l, const struct ol_segment *g,
                         struct ol_in_slot *s)
{
    /* Lower precedences leave blocks to higher ones; but the next record of
     * a log may always have what there is: while it is short the peer sends
     * nothing behind it, so what came of that in part would keep its blocks. */
    bool next = g->index == l->in[g->prec].upto + 1, whole;
    enum ol_err err = ol_recv_place(
        &l->in_pool, next ? 0 : ol_pool_floor(g->prec), g, s, &whole);

    if (err != OL_OK || !whole)
        return err;
    err = examine(l, g->prec, s);
    if (err != OL_OK)
        return err;
    s->state = OL_IN_WHOLE;
    l->in[g->prec].whole++;
    return OL_OK;
}

enum ol_err ol_recv_segment(struct ol_line *l, struct ol_segment *g)
{
    struct ol_in_log *in = &l->in[g->prec];
    uint8_t bytes[OL_RECORD_MAX];
    struct ol_in_slot *s;
    enum ol_err err;

    if (g->index <= in->upto) {
        /* It is here already; if it is on disk, our HELD was lost. */
        if (g->index <= in->durable) {
            in->dirty = true;
            ol_pouch_changed(l);
        }
        return OL_OK;
    }
    if (l->full || g->index - in->upto > ol_window_of[g->prec])
        return OL_ERR_AGAIN;
    err = ol_pack_open(g, bytes);
    if (err != OL_OK)
        return err;
    s = claim(l, g);
    if (s == NULL)
        return OL_ERR_AGAIN;
    if (s->state != OL_IN_PARTIAL) {
        in->dirty |= s->state == OL_IN_PUT && s->batch <= l->committed;
        return OL_OK;
    }
    if ((units(g) & ~s->mask) == 0 && !g->last) {
        in->dirty |= (units(g) & ~s->part) == 0;
        return OL_OK;
    }
    err = place(l, g, s);
    if (err == OL_ERR_AGAIN)
        ol_credit_short(l, g->prec, g->index);
    /* What there is of it stays, where there is no room for more. */
    if (err != OL_OK && (err != OL_ERR_AGAIN || s->mask == 0))
        clear(l, s);
    else
        in->high = OL_MAX(in->high, g->index);
    return err;
}

/* ---- putting ------------------------------------------------------------ */

static bool put_record(struct ol_line *l, unsigned p, struct ol_in_slot *s)
{
    struct ol_put *put;
    uint8_t *bytes;

    if (!ol_fx_can_put(l) || !ol_fx_room(l, 1, s->size))
        return false;
    bytes = ol_fx_bytes(l, s->size);
    ol_pool_read(&l->in_pool, s->block, 0, bytes, s->size);
    put = ol_fx_put(l, OL_PUT_RECORD);
    put->author = OL_PEER;
    put->prec = (uint8_t)p;
    put->index = s->index;
    /* As they were when it became whole, and was decoded. */
    put->number = s->number;
    l->peer_number = OL_MAX(l->peer_number, s->number);
    put->rec_kind = s->kind;
    memcpy(put->leaf, s->leaf, OL_HASH);
    put->bytes = OL_SPAN(bytes, s->size);
    ol_pool_give(&l->in_pool, s->block);
    s->block = OL_NO_BLOCK;
    s->state = OL_IN_PUT;
    s->batch = l->cur->token;
    l->in[p].whole--;
    return true;
}

static bool speaks_of_ours(const struct ol_in_slot *s)
{
    return s->rel != 0 && ol_mark_whose(s->rel, OL_PEER) == OL_OWN;
}

/* A record takes effect: what it says of a message, and who watches. */
static void put_effect(struct ol_line *l, unsigned p,
                       const struct ol_in_slot *s)
{
    enum ol_what what;
    struct ol_put *put;

    /* Of a message that was never written it says nothing. */
    if (speaks_of_ours(s) && s->of > l->number)
        return;
    ol_mark_put(l, OL_PEER, p, s->index,
                (struct ol_mark){s->rel, s->of});
    what = ol_mark_what(s->kind, s->rel);
    if (what == OL_WHATS)
        return;
    put = ol_fx_put(l, OL_PUT_EVENT);
    put->what = (uint8_t)what;
    put->author = OL_PEER;
    put->prec = (uint8_t)p;
    put->index = s->index;
    put->count = 1;
}

static void put_arrived(struct ol_line *l, unsigned p, uint32_t from,
                        uint32_t count)
{
    struct ol_put *put;

    if (count == 0)
        return;
    put = ol_fx_put(l, OL_PUT_EVENT);
    put->what = OL_WHAT_ARRIVED;
    put->author = OL_PEER;
    put->prec = (uint8_t)p;
    put->index = from;
    put->count = count;
}

static void put_head(struct ol_line *l, unsigned p)
{
    struct ol_in_log *in = &l->in[p];
    uint8_t *bytes = ol_fx_bytes(l, OL_TREE_LEVELS * OL_HASH);
    struct ol_put *put = ol_fx_put(l, OL_PUT_HEAD);

    put->author = OL_PEER;
    put->prec = (uint8_t)p;
    put->index = in->upto;
    put->bytes = OL_SPAN(bytes, ol_tree_save(&in->tree, bytes));
}

static bool put_checkpoint(struct ol_line *l, unsigned prec)
{
    struct ol_in_log *in = &l->in[prec];
    uint8_t root[OL_HASH], *sig;
    struct ol_put *put;

    if (!in->has_cp || in->cp.size != in->upto || in->cp_put == in->cp.size)
        return true;
    if (!ol_fx_can_put(l) || !ol_fx_room(l, 1, OL_SIG))
        return false;
    ol_tree_root(&in->tree, root);
    in->cp_put = in->cp.size;
    if (memcmp(root, in->cp.root, OL_HASH) != 0) {
        ol_fx_note(l, OL_NOTE_CHECKPOINT, OL_CHANNEL_ANY, (uint8_t)prec,
                   in->cp.size);
        ol_fx_alarm(l, "the peer signed a record other than it sent");
        return true;
    }
    sig = ol_fx_bytes(l, OL_SIG);
    memcpy(sig, in->cp.sig, OL_SIG);
    put = ol_fx_put(l, OL_PUT_CHECKPOINT);
    put->author = OL_PEER;
    put->prec = (uint8_t)prec;
    put->index = in->cp.size;
    memcpy(put->leaf, root, OL_HASH);
    put->bytes = OL_SPAN(sig, OL_SIG);
    in->signed_cp = in->cp;
    return true;
}

/* A record that an earlier boot put behind a gap: what it is has to be known
 * before the head may pass. */
static void read_again(struct ol_line *l, unsigned p)
{
    struct ol_in_log *in = &l->in[p];
    struct ol_load *load;

    if (in->load != 0 || !ol_fx_room(l, 1, 0))
        return;
    if (l->now_ns < in->load_ns) {
        ol_wake(l, in->load_ns);
        return;
    }
    load = &ol_fx_add(l, OL_FX_LOAD)->load;
    load->token = in->load = ++l->next_token * OL_PRECS + p;
    load->author = OL_PEER;
    load->prec = (uint8_t)p;
    load->index = in->upto + 1;
    load->max_records = OL_LOAD_MAX;
    load->max_bytes = OL_LOAD_BYTES;
}

bool ol_recv_loaded(struct ol_line *l, const struct ol_event *ev)
{
    unsigned p = ev->token % OL_PRECS;
    struct ol_in_log *in = &l->in[p];

    if (in->load == 0 || ev->token != in->load)
        return false;
    in->load = 0;
    in->load_ns = ev->n_loaded == 0 ? l->now_ns + OL_NS_PER_S : 0;
    for (uint32_t i = 0; i < ev->n_loaded; i++) {
        const struct ol_loaded *r = &ev->loaded[i];
        struct ol_in_slot *s = ol_in_slot(l, p, r->index);
        struct ol_record rec;
        if (s->index != r->index || !s->unread ||
            ol_record_decode(r->bytes, &rec) != OL_OK)
            continue;
        describe(s, &rec);
        s->unread = false;
    }
    return true;
}

/* A record may speak of our number. Which of our records has it is not known
 * before the peer has said what it holds of ours, nor while that comes back.
 */
static bool must_wait(const struct ol_line *l, const struct ol_in_slot *s)
{
    return speaks_of_ours(s) && (!l->peer_any || ol_restore_any(l));
}

/* Moves the head over what is put, in order; marks take effect here. */
static void move_head(struct ol_line *l, unsigned p)
{
    struct ol_in_log *in = &l->in[p];
    uint32_t before = in->upto, arrived = 0, from = 0;

    for (;;) {
        struct ol_in_slot *s = ol_in_slot(l, p, in->upto + 1);
        if (s->index != in->upto + 1 || s->state != OL_IN_PUT)
            break;
        if (s->unread)
            read_again(l, p);
        if (s->unread || must_wait(l, s))
            break;
        /* A mark and its event, the arrivals so far, and the head. */
        if (!ol_fx_can_put(l) ||
            !ol_fx_room(l, 6, OL_TREE_LEVELS * OL_HASH + OL_SIG))
            break;
        ol_tree_append(&in->tree, s->leaf);
        in->upto++;
        if (s->kind != OL_KIND_RECEIPT && arrived++ == 0)
            from = in->upto;
        if (s->kind == OL_KIND_RECEIPT ||
            ol_mark_what(s->kind, s->rel) != OL_WHATS || s->rel != 0) {
            put_arrived(l, p, from, arrived);
            arrived = 0;
            put_effect(l, p, s);
        }
        clear(l, s);
        /* A checkpoint of just this size can be compared only now. */
        if (in->has_cp && in->cp.size == in->upto &&
            !put_checkpoint(l, p))
            break;
    }
    put_arrived(l, p, from, arrived);
    if (in->upto != before)
        put_head(l, p);
}

/* Where the last of these units ends; there is one. */
static size_t part_end(uint64_t mask)
{
    return OL_UNIT * (64u - (unsigned)__builtin_clzll(mask));
}

static void put_parts(struct ol_line *l, unsigned p)
{
    struct ol_in_log *in = &l->in[p];

    for (uint32_t i = in->upto + 1; i <= in->high; i++) {
        struct ol_in_slot *s = ol_in_slot(l, p, i);
        struct ol_put *put;
        uint8_t *bytes;
        if (s->index != i || s->state != OL_IN_PARTIAL)
            continue;
        if (s->part_put != s->part && s->batch <= l->committed) {
            s->part = s->part_put;
            in->dirty = true;
        }
        if (s->mask == s->part_put)
            continue;
        if (l->now_ns - s->since_ns < PART_AFTER_NS) {
            ol_wake(l, s->since_ns + PART_AFTER_NS);
            continue;
        }
        if (!ol_fx_can_put(l) || !ol_fx_room(l, 1, OL_RECORD_MAX))
            return;
        bytes = ol_fx_bytes(l, OL_RECORD_MAX);
        memset(bytes, 0, OL_RECORD_MAX);
        ol_pool_read(&l->in_pool, s->block, 0, bytes, part_end(s->mask));
        put = ol_fx_put(l, OL_PUT_PART);
        put->author = OL_PEER;
        put->prec = (uint8_t)p;
        put->index = i;
        put->mask = s->part_put = s->mask;
        put->size = s->size;
        put->bytes = OL_SPAN(bytes, OL_RECORD_MAX);
        s->batch = l->cur->token;
        s->since_ns = l->now_ns;
    }
}

void ol_recv_pump(struct ol_line *l)
{
    /* Credit 0, and credit again, are news for the peer. */
    for (unsigned p = 0; l->full != l->full_told && p < OL_PRECS; p++)
        l->in[p].dirty = true;
    l->full_told = l->full;
    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_in_log *in = &l->in[p];
        /* Nothing stands behind the head, and nothing is signed of it. */
        if (in->high <= in->upto &&
            (!in->has_cp || in->cp_put == in->cp.size))
            continue;
        for (uint32_t i = in->upto + 1; in->whole > 0 && i <= in->high; i++) {
            struct ol_in_slot *s = ol_in_slot(l, p, i);
            if (s->index == i && s->state == OL_IN_WHOLE &&
                !put_record(l, p, s))
                break;
        }
        move_head(l, p);
        (void)put_checkpoint(l, p);
        if (in->high > in->upto)
            put_parts(l, p);
    }
    for (unsigned p = 0; p < OL_PRECS; p++)
        ol_credit_pump(l, p);
}

void ol_recv_committed(struct ol_line *l, const struct ol_open_batch *b)
{
    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_in_log *in = &l->in[p];
        if (b->peer[p] > in->durable) {
            in->durable = b->peer[p];
            memcpy(in->durable_root, b->root[p], OL_ROOT);
            in->dirty = true;
            in->urgent |= p == OL_FLASH;
            ol_pouch_changed(l);
        }
        for (uint32_t i = in->upto + 1; i <= in->high; i++) {
            struct ol_in_slot *s = ol_in_slot(l, p, i);
            if (s->index == i && s->batch == b->token)
                in->dirty = true;
        }
    }
}

bool ol_recv_waits(const struct ol_line *l)
{
    bool any = false;

    for (unsigned p = 0; p < OL_PRECS; p++)
        any |= l->in[p].whole > 0 || l->in[p].load != 0;
    return any;
}

bool ol_recv_coming(const struct ol_line *l)
{
    bool any = false;

    for (unsigned p = 0; p < OL_PRECS; p++)
        any |= l->in[p].high > l->in[p].durable;
    return any;
}

void ol_recv_drop_parts(struct ol_line *l, unsigned p)
{
    struct ol_in_log *in = &l->in[p];

    for (uint32_t i = in->upto + 1; i <= in->high; i++) {
        struct ol_in_slot *s = ol_in_slot(l, p, i);
        if (s->index == i && s->state == OL_IN_PARTIAL)
            clear(l, s);
    }
}

bool ol_recv_busy(const struct ol_line *l)
{
    uint32_t whole = 0;

    for (unsigned p = 0; p < OL_PRECS; p++)
        whole += l->in[p].whole;
    return whole > 0 && l->in_pool.left < OL_POOL_BLOCKS / 2;
}

enum ol_err ol_recv_init(struct ol_line *l, const struct ol_snapshot *s)
{
    ol_pool_init(&l->in_pool);
    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_in_log *in = &l->in[p];
        const struct ol_log_head *h = &s->log[OL_PEER][p];
        uint8_t root[OL_HASH];
        enum ol_err err = ol_tree_load(&in->tree, h->size, h->frontier);
        if (err != OL_OK)
            return err;
        in->upto = in->durable = in->high = h->size;
        ol_tree_root(&in->tree, root);
        if (h->size > 0)
            memcpy(in->durable_root, root, OL_ROOT);
        in->signed_cp.prec = (uint8_t)p;
        in->signed_cp.size = s->signed_by_peer[p].size;
        memcpy(in->signed_cp.root, s->signed_by_peer[p].root, OL_HASH);
        memcpy(in->signed_cp.sig, s->signed_by_peer[p].sig, OL_SIG);
    }
    l->peer_number = s->peer_number;
    /* Records behind a gap are held; what they are is read in their turn. */
    for (uint32_t i = 0; i < s->n_beyond; i++) {
        const struct ol_beyond *b = &s->beyond[i];
        struct ol_in_slot *slot;
        if (b->prec >= OL_PRECS)
            return OL_ERR_CORRUPT;
        if (b->index <= l->in[b->prec].upto ||
            b->index - l->in[b->prec].upto > ol_window_of[b->prec])
            continue;
        slot = ol_in_slot(l, b->prec, b->index);
        slot->block = OL_NO_BLOCK;
        slot->index = b->index;
        slot->state = OL_IN_PUT;
        slot->unread = true;
        memcpy(slot->leaf, b->leaf, OL_HASH);
        l->in[b->prec].high = OL_MAX(l->in[b->prec].high, b->index);
    }
    /* Parts that were on disk: what HELD said of them must stay true. */
    for (uint32_t i = 0; i < s->n_parts; i++) {
        const struct ol_part *part = &s->parts[i];
        struct ol_in_log *in;
        struct ol_in_slot *slot;
        if (part->prec >= OL_PRECS || part->bytes.n > OL_RECORD_MAX)
            return OL_ERR_CORRUPT;
        in = &l->in[part->prec];
        if (part->mask == 0 || part->index <= in->upto ||
            part->index - in->upto > ol_window_of[part->prec])
            continue;
        slot = ol_in_slot(l, part->prec, part->index);
        slot->block = OL_NO_BLOCK;
        if (!ol_pool_reach(&l->in_pool, &slot->block,
                           OL_MAX(part->bytes.n, part_end(part->mask)), 0))
            return OL_OK;
        ol_pool_write(&l->in_pool, slot->block, 0, part->bytes);
        slot->index = part->index;
        slot->state = OL_IN_PARTIAL;
        slot->size = part->size;
        slot->mask = slot->part = slot->part_put = part->mask;
        in->high = OL_MAX(in->high, part->index);
    }
    return OL_OK;
}
