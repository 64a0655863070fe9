/*
 * What a station says is true: each packet that leaves is opened with the keys
 * of its sender, and held against the disks.
 *
 *   knock, response   its number is on disk; one number, one message 1
 *   behind            once a second
 *   envelope          numbers ascend and are reserved on disk; so is `seen`
 *   HELD              all of it is on disk, and the same as its author has it
 *   BRIEF             as HELD, and the peer has had a HELD in that epoch
 *   SEGMENT           our record, on our disk, within the peer's credit, in an
 *                     epoch in which the peer has said HELD; packed only on a
 *                     narrow channel, and its frame is padded then
 *   RETURN            the peer's record, on our disk
 *   CHECKPOINT        the root of our own log, on our disk
 *   WANT              the pieces are on disk
 *   BLOB, UNITS       the bytes of the attachment
 *   VIEW              of its officer what it may say, and nothing else
 *
 * Called before what left in the same step can be on disk, so that whoever
 * speaks too early is caught. A station that was put back from a copy speaks
 * of a life that its disk has lost; what hangs on that is not judged.
 */
#include "world_int.h"

#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "core/pack.h"
#include "core/size.h"
#include "wire/record.h"

struct heard { /* one packet */
    struct world *w;
    unsigned st;
    const struct ol_epoch *epoch; /* of a frame */
    bool packed; /* a segment in it is */
};

static struct sim_station *teller(const struct heard *h)
{
    return &h->w->st[h->st];
}

static struct sim_station *other(const struct heard *h)
{
    return &h->w->st[1 - h->st];
}

/* Its own past is its disk's: it never ran on from an old copy. */
static bool straight(const struct sim_station *s)
{
    return !s->put_back && !s->unnoticed;
}

/* ---- disks --------------------------------------------------------------- */

struct row {
    bool found;
    uint32_t index;
    uint8_t leaf[32], root[8];
    uint8_t bytes[OL_RECORD_MAX];
    size_t n;
};

static bool take_row(void *arg, const struct ol_row *from)
{
    struct row *r = arg;

    r->found = from->index == r->index;
    memcpy(r->leaf, from->leaf, sizeof(r->leaf));
    memcpy(r->root, from->root, sizeof(r->root));
    OL_CHECK(from->bytes.n <= sizeof(r->bytes));
    memcpy(r->bytes, from->bytes.p, from->bytes.n);
    r->n = from->bytes.n;
    return false;
}

static struct row *row_of(struct sim_station *s, uint8_t author, uint8_t prec,
                          uint32_t index)
{
    static struct row two[2];
    struct row *r = &two[author];

    r->found = false;
    r->index = index;
    if (index > 0)
        (void)!s->ledger->ops->log(s->ledger, s->line_no, author, prec, index,
                                   1, 0, take_row, r);
    return r;
}

static bool take_index(void *arg, const struct ol_row *from)
{
    *(uint32_t *)arg = from->index;
    return false;
}

static bool is_there(struct sim_station *s, uint8_t author, uint8_t prec,
                     uint32_t index)
{
    uint32_t at = 0;

    (void)!s->ledger->ops->log(s->ledger, s->line_no, author, prec, index, 1,
                               0, take_index, &at);
    return at == index;
}

static uint32_t size_of(struct sim_station *s, uint8_t author, uint8_t prec)
{
    uint8_t frontier[1024];
    uint32_t size = 0;
    size_t n = sizeof(frontier);

    (void)!s->ledger->ops->head(s->ledger, s->line_no, author, prec, &size,
                                frontier, &n);
    return size;
}

struct kept { /* of what the core keeps, as it is on disk: state.c */
    uint64_t open_sent, open_seen, bundle_reserved, bundle_seen;
    uint32_t prekey[OL_PREKEYS_MAX];
    unsigned n_prekeys;
};

static void kept_of(struct sim_station *s, struct kept *k)
{
    struct ol_snapshot snap;
    struct ol_reader r;

    memset(k, 0, sizeof(*k));
    OL_CHECK(s->ledger->ops->snapshot(s->ledger, s->line_no, &snap) == OL_OK);
    ol_reader_init(&r, snap.state);
    (void)ol_read_u8(&r);
    k->open_sent = ol_read_u64(&r);
    k->open_seen = ol_read_u64(&r);
    k->bundle_reserved = ol_read_u64(&r);
    k->bundle_seen = ol_read_u64(&r);
    (void)ol_read_u8(&r);
    (void)ol_read_bytes(&r, 8u * ol_read_u8(&r) + 8 + 4 + 32);
    k->n_prekeys = ol_read_u8(&r);
    OL_CHECK(k->n_prekeys <= OL_PREKEYS_MAX);
    for (unsigned i = 0; i < k->n_prekeys; i++) {
        k->prekey[i] = ol_read_u32(&r);
        (void)ol_read_bytes(&r, 1 + 8 + 8 + 32);
    }
    s->ledger->ops->snapshot_free(s->ledger, &snap);
}

static uint64_t part_of(struct sim_station *s, uint8_t prec, uint32_t index)
{
    struct ol_snapshot snap;
    uint64_t mask = 0;

    OL_CHECK(s->ledger->ops->snapshot(s->ledger, s->line_no, &snap) == OL_OK);
    for (uint32_t i = 0; i < snap.n_parts; i++)
        if (snap.parts[i].prec == prec && snap.parts[i].index == index)
            mask = snap.parts[i].mask;
    s->ledger->ops->snapshot_free(s->ledger, &snap);
    return mask;
}

/* ---- chunks -------------------------------------------------------------- */

static void held_log(const struct heard *h, uint8_t p,
                     const struct ol_held_log *g)
{
    struct sim_station *s = teller(h), *o = other(h);
    struct row *r;

    if (g->upto > size_of(s, OL_PEER, p))
        world_fail(h->w, "station %u says it holds %u/%u, and its disk does "
                   "not", h->st, p, g->upto);
    for (unsigned i = 0; i < g->n_ranges; i++)
        for (uint32_t k = 0; k < g->ranges[i].count; k++)
            if (!is_there(s, OL_PEER, p, g->ranges[i].first + k))
                world_fail(h->w, "station %u says it holds %u/%u behind a "
                           "gap, and its disk does not", h->st, p,
                           g->ranges[i].first + k);
    for (unsigned i = 0; i < g->n_parts; i++)
        if (g->parts[i].mask & ~part_of(s, p, g->parts[i].index) &&
            !is_there(s, OL_PEER, p, g->parts[i].index))
            world_fail(h->w, "station %u says it holds parts of %u/%u that "
                       "are not on its disk", h->st, p, g->parts[i].index);
    if (g->limit > g->upto + (s->full ? 0 : ol_window_of[p]))
        world_fail(h->w, "station %u gives credit for %u/%u above %u%s",
                   h->st, p, g->limit, g->upto,
                   s->full ? " on a full disk" : "");
    if (!straight(s) || !straight(o) || h->w->forged || g->upto == 0)
        return;
    r = row_of(o, OL_OWN, p, g->upto);
    if (!r->found)
        world_fail(h->w, "station %u holds %u/%u, which is not on its "
                   "author's disk", h->st, p, g->upto);
    if (memcmp(r->root, g->root, OL_ROOT) != 0)
        world_fail(h->w, "station %u says another root of %u/%u than its "
                   "author", h->st, p, g->upto);
}

static void held(const struct heard *h, struct ol_span body)
{
    struct ol_held g;
    struct kept k;
    bool known = false;

    OL_CHECK(ol_held_decode(body, &g) == OL_OK);
    for (uint8_t p = 0; p < OL_PRECS; p++)
        if (g.logs & (1u << p))
            held_log(h, p, &g.log[p]);
    if (!g.has_prekey)
        return;
    kept_of(teller(h), &k);
    for (unsigned i = 0; i < k.n_prekeys; i++)
        known |= k.prekey[i] == g.prekey_id;
    if (!known)
        world_fail(h->w, "station %u announces a prekey that is not on its "
                   "disk", h->st);
}

/* A record, or some of it, as it is on this station's disk. */
static void said(const struct heard *h, uint8_t author,
                 const struct ol_segment *g)
{
    const struct row *r = row_of(teller(h), author, g->prec, g->index);
    size_t end = (size_t)g->offset + g->bytes.n;

    if (!r->found || end > r->n || g->last != (end == r->n) ||
        memcmp(r->bytes + g->offset, g->bytes.p, g->bytes.n) != 0)
        world_fail(h->w, "station %u sends %u/%u of %s, which is not what is "
                   "on its disk", h->st, g->prec, g->index,
                   author == OL_OWN ? "its own" : "the other's");
}

/* Whose boot it is, a HELD that has arrived in that epoch must have said. */
static void brief(const struct heard *h, struct ol_span body)
{
    const struct ol_line *to = other(h)->line;
    struct ol_brief b;

    OL_CHECK(ol_brief_decode(body, &b) == OL_OK);
    for (unsigned i = 0; i < OL_EPOCHS_MAX; i++) {
        const struct ol_epoch *e = &to->epoch[i];
        if (e->state != OL_EP_FREE && e->opening == h->epoch->opening &&
            e->initiator != h->epoch->initiator && !e->held_seen)
            world_fail(h->w, "station %u says BRIEF before a HELD in that "
                       "epoch", h->st);
    }
}

static void segment(struct heard *h, struct ol_span body)
{
    const struct ol_line *l = teller(h)->line;
    uint8_t bytes[OL_RECORD_MAX];
    struct ol_segment g;

    OL_CHECK(ol_segment_decode(body, &g) == OL_OK);
    h->packed |= g.codec != OL_CODEC_RAW;
    if (ol_pack_open(&g, bytes) != OL_OK)
        world_fail(h->w, "station %u sends %u/%u packed, and nobody can "
                   "unpack it", h->st, g.prec, g.index);
    said(h, OL_OWN, &g);
    if (l->out[g.prec].back.state != OL_BACK_SOUND || l->out[g.prec].stopped)
        world_fail(h->w, "station %u sends %u/%u while that log is on its way "
                   "back", h->st, g.prec, g.index);
    if (h->epoch == NULL)
        return;
    if (g.index > l->out[g.prec].limit)
        world_fail(h->w, "station %u sends %u/%u above the peer's limit %u",
                   h->st, g.prec, g.index, l->out[g.prec].limit);
    if (!h->epoch->held_seen)
        world_fail(h->w, "station %u sends %u/%u before a HELD in that epoch",
                   h->st, g.prec, g.index);
}

static void given_back(const struct heard *h, struct ol_span body)
{
    struct ol_segment g;

    OL_CHECK(ol_segment_decode(body, &g) == OL_OK);
    said(h, OL_PEER, &g);
}

static void checkpoint(const struct heard *h, struct ol_span body)
{
    const struct ol_line *l = teller(h)->line;
    struct ol_checkpoint c;
    const struct row *r;

    OL_CHECK(ol_checkpoint_decode(body, &c) == OL_OK);
    r = row_of(teller(h), OL_OWN, c.prec, c.size);
    if (!r->found || memcmp(r->root, c.root, OL_ROOT) != 0)
        world_fail(h->w, "station %u signs %u/%u, which is not its log on "
                   "disk", h->st, c.prec, c.size);
    /* A signature costs the world more than all the rest. */
    if (c.size % 32 == 1 &&
        ol_checkpoint_check(c.sig, l->shared.line_id, l->id.ed_pk, c.prec,
                            c.size, c.root) != OL_OK)
        world_fail(h->w, "station %u signs %u/%u with another key", h->st,
                   c.prec, c.size);
}

static void want(const struct heard *h, struct ol_span body)
{
    struct sim_station *s = teller(h);
    struct ol_want v;
    uint32_t upto = 0;
    uint64_t map = 0;

    OL_CHECK(ol_want_decode(body, &v) == OL_OK);
    if (v.flags != 0 || (v.upto == 0 && v.map == 0))
        return;
    if (s->ledger->ops->pieces(s->ledger, s->line_no, OL_PEER, v.hash, &upto,
                               &map) != OL_OK ||
        v.upto > upto || (v.upto == upto && (v.map & ~map) != 0))
        world_fail(h->w, "station %u wants from piece %u on, and its disk has "
                   "%u", h->st, v.upto, upto);
    if (v.limit > v.upto + (s->full ? 0 : OL_PULL_WINDOW))
        world_fail(h->w, "station %u asks for pieces up to %u with %u on disk",
                   h->st, v.limit, v.upto);
}

static void served(const struct heard *h, const struct ol_blob *b)
{
    uint8_t is[OL_BLOB_UNIT];

    for (uint32_t k = 0; k < h->w->n_files; k++) {
        const struct sim_file *f = &h->w->file[k];
        if (memcmp(f->hash, b->hash, 32) != 0)
            continue;
        sim_content(f->seed, b->offset, is, sizeof(is));
        if (f->from != h->st || b->offset + b->bytes.n > f->size ||
            memcmp(is, b->bytes.p, OL_MIN(sizeof(is), b->bytes.n)) != 0)
            world_fail(h->w, "station %u serves other bytes than attachment "
                       "%u has", h->st, k);
    }
}

static void blob(const struct heard *h, struct ol_span body)
{
    struct ol_blob b;

    OL_CHECK(ol_blob_decode(body, &b) == OL_OK);
    served(h, &b);
}

/* They do not name their attachment: it is the one that is served now, and
 * where they are taken it has to be the one that is asked for. */
static void units(const struct heard *h, struct ol_span body)
{
    const struct ol_line *me = teller(h)->line, *to = h->w->st[!h->st].line;
    struct ol_units u;
    struct ol_blob b;

    OL_CHECK(ol_units_decode(body, &u) == OL_OK);
    if (u.serial != me->push.want.serial || u.serial != me->push.serial)
        world_fail(h->w, "station %u answers WANT %u, and heard %u in this "
                   "epoch", h->st, u.serial, me->push.serial);
    if (to != NULL && memcmp(to->boot, me->peer_boot, 8) == 0 &&
        to->pull.on && u.serial > to->pull.before &&
        u.serial <= to->pull.serial &&
        memcmp(to->pull.hash, me->push.want.hash, 32) != 0)
        world_fail(h->w, "station %u answers WANT %u with what it does not "
                   "ask for", h->st, u.serial);
    memcpy(b.hash, me->push.want.hash, sizeof(b.hash));
    b.offset = (uint64_t)u.piece * OL_PIECE + u.first * OL_BLOB_UNIT;
    b.bytes = u.bytes;
    served(h, &b);
}

static void found(const struct heard *h, struct ol_span body)
{
    struct ol_found f;

    OL_CHECK(ol_found_decode(body, &f) == OL_OK);
    if (f.upto > size_of(teller(h), OL_PEER, f.prec) || f.match > f.upto)
        world_fail(h->w, "station %u says that it found %u/%u, and its disk "
                   "does not hold that", h->st, f.prec, f.upto);
}

static void view(const struct heard *h, struct ol_span body)
{
    struct ol_view v;

    OL_CHECK(ol_view_decode(body, &v) == OL_OK);
    if (v.attendance != teller(h)->shown)
        world_fail(h->w, "station %u says %u of its officer, and was told to "
                   "say %u", h->st, v.attendance, teller(h)->shown);
}

static void chunks(struct heard *h, struct ol_span plain, uint8_t where)
{
    struct ol_reader r;
    struct ol_chunk c;

    ol_reader_init(&r, plain);
    for (;;) {
        if (ol_chunk_next(&r, where, &c) != OL_OK)
            world_fail(h->w, "station %u sends a chunk that nobody takes",
                       h->st);
        switch (c.type) {
        case OL_CHUNK_PAD:
            return;
        case OL_CHUNK_HELD:
            held(h, c.body);
            break;
        case OL_CHUNK_BRIEF:
            brief(h, c.body);
            break;
        case OL_CHUNK_SEGMENT:
            segment(h, c.body);
            break;
        case OL_CHUNK_RETURN:
            given_back(h, c.body);
            break;
        case OL_CHUNK_CHECKPOINT:
            checkpoint(h, c.body);
            break;
        case OL_CHUNK_WANT:
            want(h, c.body);
            break;
        case OL_CHUNK_BLOB:
            blob(h, c.body);
            break;
        case OL_CHUNK_UNITS:
            units(h, c.body);
            break;
        case OL_CHUNK_FOUND:
            found(h, c.body);
            break;
        case OL_CHUNK_VIEW:
            view(h, c.body);
            break;
        default:
            break;
        }
    }
}

/* ---- packets ------------------------------------------------------------- */

static void frame(struct heard *h, const struct ol_send *s)
{
    static uint8_t plain[OL_FRAME_MAX];
    const struct ol_line *l = teller(h)->line;
    struct ol_span b = s->bytes;
    struct ol_frame_head head;

    OL_CHECK(ol_frame_decode(b, &head) == OL_OK);
    for (unsigned i = 0; i < OL_EPOCHS_MAX; i++) {
        const struct ol_frame_key *k = &l->epoch[i].ch[s->channel].tx;
        if (l->epoch[i].state == OL_EP_FREE || k->index != head.index ||
            ol_frame_open(plain, k, head.counter, OL_SPAN(b.p, OL_FRAME_HEAD),
                          OL_SPAN(b.p + OL_FRAME_HEAD, b.n - OL_FRAME_HEAD)) !=
                OL_OK)
            continue;
        h->epoch = &l->epoch[i];
        if (h->epoch->state != OL_EP_CONFIRMED)
            world_fail(h->w, "station %u speaks in an epoch that nobody has "
                       "confirmed", h->st);
        chunks(h, OL_SPAN(plain, b.n - OL_FRAME_OVER), OL_IN_FRAME);
        if (h->packed && (!ol_chan_narrow(&l->ch[s->channel]) ||
                          (b.n % OL_NARROW_PAD != 0 &&
                           b.n != ol_size_frame(l, s->channel))))
            world_fail(h->w, "station %u tells the length of a packed text: "
                       "%zu bytes", h->st, b.n);
        return;
    }
    world_fail(h->w, "station %u sends a frame of no epoch of its own", h->st);
}

/* What a wrapper of this station's own making holds. */
static size_t unwrap(const struct heard *h, struct ol_span b, uint8_t *plain)
{
    struct ol_wrap_keys k = teller(h)->line->wrap;

    memcpy(k.receive, k.send, sizeof(k.receive));
    if (ol_wrap_open(plain, &k, b) != OL_OK)
        world_fail(h->w, "station %u wraps under another key", h->st);
    return b.n - OL_SEALED_HEAD - OL_TAG;
}

static void knock(const struct heard *h, struct ol_span b)
{
    uint8_t plain[OL_KNOCK_MAX];
    size_t n = unwrap(h, b, plain);
    struct sim_hear *past = &teller(h)->hear;
    bool answer = b.p[0] == OL_PACKET_RESPONSE;
    struct kept kept;
    struct ol_knock k;

    OL_CHECK(ol_knock_decode(OL_SPAN(plain, n), &k) == OL_OK);
    kept_of(teller(h), &kept);
    if (k.opening > (answer ? kept.open_seen : kept.open_sent))
        world_fail(h->w, "station %u %s with opening number %llu, which is not "
                   "on its disk", h->st, answer ? "answers" : "knocks",
                   (unsigned long long)k.opening);
    if (answer || !straight(teller(h)))
        return;
    if (k.opening < past->opening ||
        (k.opening == past->opening && memcmp(past->e, k.noise.p, 32) != 0))
        world_fail(h->w, "station %u uses opening number %llu again", h->st,
                   (unsigned long long)k.opening);
    past->opening = k.opening;
    memcpy(past->e, k.noise.p, 32);
}

static void behind(const struct heard *h)
{
    struct sim_hear *past = &teller(h)->hear;

    if (past->behind_ns != 0 && past->boot == teller(h)->boot &&
        h->w->now_ns - past->behind_ns < OL_BEHIND_MIN_MS * OL_NS_PER_MS)
        world_fail(h->w, "station %u says behind more than once a second",
                   h->st);
    past->behind_ns = h->w->now_ns;
    past->boot = teller(h)->boot;
}

/* The pair that the bundle is for; NULL: its receiver has it no more. */
static const struct ol_prekey *pair_of(struct sim_station *o, uint32_t id)
{
    const struct ol_kept *k = &o->line->kept;

    for (unsigned i = 0; o->alive && i < k->n_prekeys; i++)
        if (k->prekeys[i].id == id)
            return &k->prekeys[i];
    return NULL;
}

static void bundle(struct heard *h, struct ol_span b)
{
    static uint8_t text[OL_BUNDLE_MAX];
    uint8_t plain[OL_ENVELOPE_PLAIN], pro[80];
    struct sim_station *s = teller(h), *o = other(h);
    const struct ol_prekey *to;
    struct ol_envelope env;
    struct kept kept;
    struct ol_writer w;

    (void)unwrap(h, OL_SPAN(b.p, OL_ENVELOPE), plain);
    OL_CHECK(ol_envelope_decode(OL_SPAN(plain, sizeof(plain)), &env) == OL_OK);
    kept_of(s, &kept);
    if (env.number > kept.bundle_reserved || env.seen > kept.bundle_seen)
        world_fail(h->w, "station %u bundles number %llu and has seen %llu: "
                   "not on its disk", h->st, (unsigned long long)env.number,
                   (unsigned long long)env.seen);
    if (straight(s) && env.number <= s->hear.bundle)
        world_fail(h->w, "station %u gives bundle number %llu again", h->st,
                   (unsigned long long)env.number);
    s->hear.bundle = env.number;
    to = pair_of(o, env.prekey);
    if (env.prekey != 0 && to == NULL)
        return;
    ol_writer_init(&w, pro, sizeof(pro));
    ol_write_bytes(&w, ol_span_str("openline pouch 1"));
    ol_write_bytes(&w, OL_SPAN_ARRAY(s->line->shared.line_id));
    ol_write_bytes(&w, OL_SPAN_ARRAY(plain));
    if (ol_noise_k_open(ol_writer_span(&w), env.prekey ? to->sk : o->id.x_sk,
                        env.prekey ? to->pk : o->id.x_pk, s->id.x_pk,
                        s->line->shared.psk,
                        OL_SPAN(b.p + OL_ENVELOPE, b.n - OL_ENVELOPE),
                        text) != OL_OK)
        world_fail(h->w, "station %u makes a bundle that does not open",
                   h->st);
    chunks(h, OL_SPAN(text, b.n - OL_BUNDLE_OVER), OL_IN_BUNDLE);
}

void check_heard(struct world *w, unsigned st, const struct ol_send *s)
{
    struct heard h = {.w = w, .st = st};

    if (w->lies && st == 1)
        return;
    switch (s->bytes.p[0]) {
    case OL_PACKET_KNOCK: case OL_PACKET_RESPONSE:
        knock(&h, s->bytes);
        break;
    case OL_PACKET_BEHIND:
        behind(&h);
        break;
    case OL_PACKET_FRAME:
        frame(&h, s);
        break;
    default:
        bundle(&h, s->bytes);
        break;
    }
}
