/*
 * The window of each own log: which records are loaded, and paging.
 *
 * Slots hold acked+1 .. loaded without a gap; LOAD brings the rest of a
 * backlog in from the ledger as the window moves. Each precedence leaves
 * blocks of the pool to those above it. A rewind starts again behind what the
 * peer holds.
 */
#include "core/restore.h"

#include <string.h>

#define PAGE_PART 16u /* of a window: a page worth reading */

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

struct ol_out_slot *ol_window_slot(struct ol_line *l, unsigned prec,
                                   uint32_t index)
{
    struct ol_out_slot *s = ol_out_slot(l, prec, index);

    return index != 0 && s->index == index ? s : NULL;
}

void ol_window_owe(struct ol_out_log *o, struct ol_out_slot *s,
                     uint64_t owed)
{
    if (s->owed == 0 && owed != 0)
        o->owing++;
    if (s->owed != 0 && owed == 0)
        o->owing--;
    s->owed = owed;
    if (owed != 0)
        o->repeat_ns = 0;
    if (owed != 0 && s->index < o->hint)
        o->hint = s->index;
}

bool ol_window_load(struct ol_line *l, unsigned prec, uint32_t index,
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
    s->flights = s->copies_on = s->copied_on = 0;
    s->went_on = 0;
    s->repeats = 0;
    s->quick = s->arrived = false;
    s->owed = s->held = 0;
    memcpy(s->root, root, OL_ROOT);
    o->loaded = index;
    if (index <= o->durable)
        ol_window_owe(o, s, ol_units_of(s->size));
    return true;
}

void ol_window_free(struct ol_line *l, unsigned prec, struct ol_out_slot *s)
{
    ol_window_owe(&l->out[prec], s, 0);
    ol_pool_give(&l->out_pool, s->block);
    memset(s, 0, sizeof(*s));
    s->block = OL_NO_BLOCK;
}

/* Blocks that records of a log may take now: more than any one needs, or 0. */
static uint32_t page_blocks(const struct ol_line *l, unsigned prec)
{
    uint32_t keep = ol_pool_floor(prec);

    return l->out_pool.left < keep + OL_RECORD_MAX / OL_BLOCK
               ? 0
               : l->out_pool.left - keep;
}

/* For how many records there is room. None yet, while that is a small part of
 * the window and the rest still has something to send: what is read and does
 * not fit is read for nothing, and so is a page for each slot. */
static uint32_t page_room(const struct ol_line *l, unsigned prec)
{
    const struct ol_out_log *o = &l->out[prec];
    uint32_t window = ol_window_of[prec];
    uint32_t room = OL_MIN(window - OL_MIN(window, o->loaded - o->acked),
                           page_blocks(l, prec));

    if (o->owing > 0 && room < window / PAGE_PART)
        return 0;
    return OL_MIN(room, OL_LOAD_MAX);
}

void ol_window_page(struct ol_line *l, unsigned prec)
{
    struct ol_out_log *o = &l->out[prec];
    struct ol_load *load;
    uint32_t want = o->behind != 0 ? o->behind : o->loaded + 1;
    uint32_t room = 1;

    if (o->loading || o->stopped || o->back.state != OL_BACK_SOUND ||
        want > o->durable)
        return;
    if (o->behind == 0)
        room = page_room(l, prec);
    if (room == 0 || !ol_fx_room(l, 1, 0))
        return;
    if (l->now_ns < o->page_ns) {
        ol_wake(l, o->page_ns);
        return;
    }
    load = &ol_fx_add(l, OL_FX_LOAD)->load;
    load->token = ++l->next_token * OL_PRECS + prec;
    load->prec = (uint8_t)prec;
    load->index = want;
    load->max_records = room;
    load->max_bytes = OL_LOAD_BYTES;
    if (o->behind == 0)
        load->max_bytes = OL_MIN(OL_LOAD_BYTES,
                                 OL_BLOCK * page_blocks(l, prec));
    o->loading = true;
}

/* Paging starts again right behind what the peer holds. */
void ol_window_rewind(struct ol_line *l, unsigned prec, uint32_t acked)
{
    struct ol_out_log *o = &l->out[prec];

    for (uint32_t i = o->acked + 1; i <= o->loaded; i++) {
        struct ol_out_slot *s = ol_window_slot(l, prec, i);
        if (s != NULL)
            ol_window_free(l, prec, s);
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
    if (o->back.state != OL_BACK_SOUND)
        return;
    /* Our own ledger did not give what it has: not again at once. */
    o->page_ns = ev->n_loaded == 0 ? l->now_ns + OL_NS_PER_S : 0;
    for (uint32_t i = 0; i < ev->n_loaded; i++) {
        const struct ol_loaded *r = &ev->loaded[i];
        if (o->behind != 0 && r->index == o->behind) {
            bool same = memcmp(r->root, o->behind_root, OL_ROOT) == 0;
            uint32_t upto = o->behind;
            o->behind = 0;
            if (!same) {
                ol_restore_begin(l, prec);
                return;
            }
            if (upto < o->acked) {
                /* It holds less than it once said: it was rolled back. */
                ol_send_rolled_back(l, prec, upto);
                o->limit = o->behind_limit;
                ol_pouch_again(l);
            }
            o->compared = upto;
            memcpy(o->compared_root, r->root, OL_ROOT);
            if (upto != o->acked)
                ol_window_rewind(l, prec, upto);
            o->limit = OL_MAX(o->limit, o->behind_limit);
            o->back.rounds = 0;
            return;
        }
        if (r->index == o->loaded + 1 && r->bytes.n > 0 &&
            r->bytes.n <= OL_RECORD_MAX &&
            !ol_window_load(l, prec, r->index, r->bytes, r->root))
            return;
    }
}
