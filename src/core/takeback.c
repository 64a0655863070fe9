/*
 * Our own records, given back: from RETURN to our log on disk.
 *
 *   EMPTY --RETURN--> PARTIAL --last unit--> WHOLE --in its turn--> put
 *
 * Happy path: what comes within the window of the next 64 is collected, put in
 * the order of the log with its old index and number, and the new size is
 * signed. A place that the peer does not hold though it holds what is behind
 * it is filled by a record that says so, so that the rest keeps its place.
 * All counts as unproved until the tree has the size of a checkpoint that we
 * signed once, and its root. What lies behind that is the peer's word alone,
 * and a peer can say what it likes: nothing of it is signed before a record
 * behind it, in the same log, says so; no signature of ours covers the one
 * without the other.
 * It fails by dropping: a record that does not decode, or is of another place,
 * is refused, and asked for again.
 */
#include "base/id.h"
#include "core/marks.h"
#include "core/restore.h"

#include <string.h>

#include "wire/record.h"

#define LOST_TEXT "lost: no copy of this record came back"
#define FOREIGN_TEXT                                                           \
    "given back by you, without our signature: the records of this log up "    \
    "to here, from index "

static struct ol_in_slot *slot_of(struct ol_line *l, unsigned p,
                                  uint32_t index)
{
    return &l->back_slot[p][index % OL_RETURN_WINDOW];
}

static void clear(struct ol_line *l, struct ol_in_slot *s)
{
    if (s->state != OL_IN_EMPTY)
        ol_pool_give(&l->out_pool, s->block);
    memset(s, 0, sizeof(*s));
    s->block = OL_NO_BLOCK;
}

void ol_take_clear(struct ol_line *l, unsigned p)
{
    for (unsigned k = 0; k < OL_RETURN_WINDOW; k++)
        clear(l, &l->back_slot[p][k]);
}

static bool is_whole(struct ol_line *l, unsigned p, uint32_t index)
{
    struct ol_in_slot *s = slot_of(l, p, index);

    return s->index == index && s->state == OL_IN_WHOLE;
}

bool ol_take_waits(const struct ol_line *l)
{
    bool any = false;

    for (unsigned p = 0; p < OL_PRECS; p++) {
        const struct ol_out_log *o = &l->out[p];
        uint32_t next = o->size + 1;
        const struct ol_in_slot *s = &l->back_slot[p][next % OL_RETURN_WINDOW];
        any |= o->back.state == OL_BACK_TAKE && s->index == next &&
               s->state == OL_IN_WHOLE;
    }
    return any;
}

uint64_t ol_take_map(struct ol_line *l, unsigned p)
{
    uint32_t next = l->out[p].size + 1;
    uint64_t map = 0;

    for (unsigned k = 0; k + 1 < OL_RETURN_WINDOW; k++)
        if (is_whole(l, p, next + 1 + k))
            map |= UINT64_C(1) << k;
    return map;
}

/* ---- in ----------------------------------------------------------------- */

static enum ol_err examine(struct ol_line *l, unsigned p,
                           struct ol_in_slot *s)
{
    uint8_t bytes[OL_RECORD_MAX];
    struct ol_record rec;
    struct ol_mark mark;
    enum ol_err err;

    ol_pool_read(&l->out_pool, s->block, 0, bytes, s->size);
    err = ol_record_decode(OL_SPAN(bytes, s->size), &rec);
    if (err != OL_OK)
        return err;
    /* A number far above all that was given would use up the count. */
    if (rec.prec != p || rec.index != s->index ||
        (rec.number > l->number && (rec.number > OL_NUMBER_BACK ||
                                    rec.number - l->number > UINT32_MAX)))
        return OL_ERR_MALFORMED;
    mark = ol_mark_of(&rec);
    s->kind = rec.kind;
    s->rel = mark.rel;
    s->of = mark.number;
    s->number = rec.number;
    s->since_ns = rec.written_ms;
    ol_leaf_make(s->leaf, &l->stem[OL_OWN], OL_SPAN(bytes, s->size));
    s->state = OL_IN_WHOLE;
    return OL_OK;
}

enum ol_err ol_take_return(struct ol_line *l, const struct ol_segment *g)
{
    struct ol_out_log *o = &l->out[g->prec];
    struct ol_back *b = &o->back;
    struct ol_in_slot *s = slot_of(l, g->prec, g->index);
    enum ol_err err = OL_OK;
    bool whole = false;

    if (b->state == OL_BACK_SOUND || b->state == OL_BACK_ASK)
        return OL_OK; /* late; or the answer that it belongs to is not here */
    if (b->state != OL_BACK_TAKE || l->full)
        return OL_ERR_AGAIN;
    if (g->index <= o->size || g->index > b->high)
        return OL_OK;
    /* Room comes with what is put; without that it is asked for later. */
    if (g->index - o->size > OL_RETURN_WINDOW)
        return is_whole(l, g->prec, o->size + 1) ? OL_ERR_AGAIN : OL_OK;
    ol_restore_heard(l, b);
    if (s->state == OL_IN_WHOLE)
        return OL_OK;
    if (s->state == OL_IN_EMPTY) {
        s->block = OL_NO_BLOCK;
        s->index = g->index;
        s->state = OL_IN_PARTIAL;
    }
    err = ol_recv_place(&l->out_pool, 0, g, s, &whole);
    if (err == OL_OK && whole)
        err = examine(l, g->prec, s);
    if (err != OL_OK && (err != OL_ERR_AGAIN || s->mask == 0))
        clear(l, s);
    /* Without room: it is asked for again. */
    return err == OL_ERR_AGAIN ? OL_OK : err;
}

/* ---- to disk ------------------------------------------------------------ */

/* Our own signature over this very size: all up to here is ours. */
static void prove(struct ol_line *l, unsigned p)
{
    struct ol_out_log *o = &l->out[p];
    const struct ol_checkpoint *cp = &o->back.found.cp;
    uint8_t root[OL_HASH];
    struct ol_put *put;

    if (!o->back.has_cp || cp->size != o->size)
        return;
    ol_tree_root(&o->tree, root);
    if (memcmp(root, cp->root, OL_HASH) != 0) {
        ol_fx_alarm(l, "what the peer gives back is not what we signed");
        ol_fx_note(l, OL_NOTE_ROOT, OL_CHANNEL_ANY, (uint8_t)p, o->size);
        return;
    }
    put = ol_fx_put(l, OL_PUT_PROVED);
    put->author = OL_OWN;
    put->prec = (uint8_t)p;
    put->index = o->size;
    l->kept.foreign[p] = 0;
    l->kept_dirty = true;
}

struct back { /* one record for the log */
    uint64_t number;
    uint8_t kind, proof;
    const uint8_t *leaf;
    struct ol_span bytes;
    struct ol_mark mark;
};

static void append(struct ol_line *l, unsigned p, const struct back *r)
{
    struct ol_out_log *o = &l->out[p];
    uint8_t root[OL_HASH];
    struct ol_put *put;

    ol_tree_append(&o->tree, r->leaf);
    ol_tree_root(&o->tree, root);
    o->size++;
    l->number = OL_MAX(l->number, r->number);
    put = ol_fx_put(l, OL_PUT_RECORD);
    put->author = OL_OWN;
    put->prec = (uint8_t)p;
    put->index = o->size;
    put->number = r->number;
    put->rec_kind = r->kind;
    put->proof = r->proof;
    memcpy(put->leaf, r->leaf, OL_HASH);
    memcpy(put->root, root, OL_ROOT);
    put->bytes = r->bytes;
    ol_mark_put(l, OL_OWN, p, o->size, r->mark);
    l->kept_dirty = true;
    prove(l, p);
}

static void put_slot(struct ol_line *l, unsigned p, struct ol_in_slot *s)
{
    uint8_t *bytes = ol_fx_bytes(l, s->size);
    struct back r = {s->number, s->kind, OL_PROOF_UNPROVED, s->leaf,
                     OL_SPAN(bytes, s->size), {s->rel, s->of}};

    ol_pool_read(&l->out_pool, s->block, 0, bytes, s->size);
    if (l->kept.foreign[p] == 0)
        l->kept.foreign[p] = s->index;
    append(l, p, &r);
    l->kept.returned[p].back++;
    l->out[p].back.written_ms = s->since_ns;
    clear(l, s);
}

static bool is_hole(const struct ol_back *b, uint32_t index)
{
    for (unsigned k = 0; k < b->found.n_ranges; k++)
        if (index >= b->found.ranges[k].first &&
            index - b->found.ranges[k].first < b->found.ranges[k].count)
            return false;
    return index > b->found.upto;
}

/* A record of ours about the log that it stands in. The core has no clock of
 * the wall's: it is dated as the one before it that came back, or not. */
static void put_word(struct ol_line *l, unsigned p, struct ol_span text)
{
    uint8_t leaf[OL_HASH], id[OL_ID_SIZE];
    uint8_t *bytes = ol_fx_bytes(l, 256);
    struct ol_record rec = {.prec = (uint8_t)p,
                            .index = l->out[p].size + 1,
                            .number = l->number + 1,
                            .kind = OL_KIND_RETURNED,
                            .id = OL_SPAN_ARRAY(id),
                            .written_ms = l->out[p].back.written_ms,
                            .text = text};
    struct back r = {rec.number, OL_KIND_RETURNED, OL_PROOF_OWN, leaf,
                     {NULL, 0}, {0, 0}};
    struct ol_writer w;

    ol_rng_fill(&l->rng, id, sizeof(id));
    ol_id_stamp(id, rec.written_ms);
    ol_writer_init(&w, bytes, 256);
    OL_CHECK(ol_record_encode(&w, &rec) == OL_OK);
    r.bytes = ol_writer_span(&w);
    ol_leaf_make(leaf, &l->stem[OL_OWN], r.bytes);
    append(l, p, &r);
}

bool ol_take_disown(struct ol_line *l, unsigned p)
{
    uint32_t from = l->kept.foreign[p];
    char text[sizeof(FOREIGN_TEXT) + 10];
    size_t n = sizeof(FOREIGN_TEXT) - 1;

    if (from == 0)
        return true;
    if (!ol_fx_can_put(l) || !ol_fx_room(l, 7, 2 * OL_RECORD_MAX))
        return false;
    memcpy(text, FOREIGN_TEXT, n);
    for (uint32_t unit = 1000000000; unit > 0; unit /= 10)
        if (from >= unit)
            text[n++] = (char)('0' + from / unit % 10);
    put_word(l, p, OL_SPAN(text, n));
    l->kept.foreign[p] = 0;
    ol_send_head(l, p);
    ol_send_sign(l, p);
    return true;
}

void ol_take_pump(struct ol_line *l, unsigned p)
{
    struct ol_out_log *o = &l->out[p];
    struct ol_back *b = &o->back;
    uint32_t before = o->size;

    if (b->aside > l->committed)
        return;
    while (o->size < b->high || b->prove) {
        uint32_t next = o->size + 1;
        /* The record, its mark and proof, and behind all a head and a
         * signature. */
        if (!ol_fx_can_put(l) || !ol_fx_room(l, 7, 2 * OL_RECORD_MAX))
            break;
        if (b->prove)
            prove(l, p);
        b->prove = false;
        if (o->size >= b->high)
            break;
        if (is_whole(l, p, next))
            put_slot(l, p, slot_of(l, p, next));
        else if (is_hole(b, next)) {
            put_word(l, p, ol_span_str(LOST_TEXT));
            l->kept.returned[p].lost++;
        } else
            break;
    }
    if (o->size != before) {
        ol_send_head(l, p);
        if (l->kept.foreign[p] == 0)
            ol_send_sign(l, p);
        b->tries = 0; /* what comes and is no use does not count */
        ol_restore_heard(l, b);
        b->due |= b->asked_upto < b->high &&
                  b->asked_upto <= o->size + OL_RETURN_WINDOW / 2;
    }
    if (o->size < b->high || b->prove || !ol_take_disown(l, p))
        return;
    if (o->durable == o->size)
        ol_restore_end(l, p);
}
