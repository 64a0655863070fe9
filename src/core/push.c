/*
 * Attachments that we serve: what the peer asks for, and nothing else.
 *
 *   WANT -> LOAD -> owed --went--> in flight --acked--> (nothing)
 *                    ^-- lost, in doubt ---'               |
 *                    ^-- never held, after a while --------'
 *   WANT that covers the piece: the slot is free
 *
 * The newest WANT of this epoch counts. It moves the window: pieces that are
 * on the peer's disk leave it, and those up to its limit are loaded, one at a
 * time. Whether we may serve a hash at all the station decides, by giving its
 * pieces or nothing; what gives nothing is asked for ever more slowly.
 * As with records, an ack moves nothing but congestion: a unit that was acked
 * and is not held goes again.
 */
#include <string.h>

#include "core/frames.h"

#define RETRY_NS (2 * OL_NS_PER_S)
#define RETRY_MOST 6u /* doublings */
#define SERVED_NS (100 * OL_NS_PER_MS)
#define HEAR_NS (10 * OL_NS_PER_MS)

static struct ol_push_slot *slot_of(struct ol_push *p, uint32_t piece)
{
    struct ol_push_slot *s = &p->slot[piece % OL_PULL_WINDOW];

    return s->size > 0 && s->piece == piece ? s : NULL;
}

static void clear(struct ol_push *p, struct ol_push_slot *s)
{
    p->owing -= s->owing;
    p->lacks = true;
    memset(s, 0, sizeof(*s));
}

/* All units of a piece of that size, word by word. */
static uint64_t units(uint32_t size, unsigned word)
{
    uint32_t n = (size + OL_BLOB_UNIT - 1) / OL_BLOB_UNIT;

    if (n <= word * 64)
        return 0;
    n -= word * 64;
    return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

static void owe(struct ol_push *p, struct ol_push_slot *s, unsigned word,
                uint64_t mask)
{
    uint64_t more = mask & units(s->size, word) & ~s->owed[word];
    unsigned n = (unsigned)__builtin_popcountll(more);

    s->owed[word] |= more;
    s->owing = (uint16_t)(s->owing + n);
    p->owing += n;
    if (n > 0)
        p->low = OL_MIN(p->low, s->piece);
}

static void owe_all(struct ol_push *p, struct ol_push_slot *s)
{
    for (unsigned word = 0; word < OL_PIECE_WORDS; word++)
        owe(p, s, word, UINT64_MAX);
}

void ol_push_owe(struct ol_line *l, uint32_t piece, uint8_t word,
                 uint64_t mask)
{
    struct ol_push_slot *s = slot_of(&l->push, piece);

    if (s != NULL)
        owe(&l->push, s, word, mask);
}

void ol_push_landed(struct ol_line *l, uint32_t piece)
{
    struct ol_push_slot *s = slot_of(&l->push, piece);

    if (s != NULL && s->flights > 0)
        s->flights--;
}

void ol_push_forget(struct ol_line *l)
{
    for (unsigned k = 0; k < OL_PULL_WINDOW; k++)
        if (l->push.slot[k].size > 0)
            owe_all(&l->push, &l->push.slot[k]);
    l->push.retries = 0;
    l->push.retry_ns = OL_NEVER_NS;
}

void ol_push_epoch(struct ol_line *l)
{
    l->push.serial = 0;
    l->push.live = false;
    l->push.load_fails = 0;
    l->push.load_ns = 0;
}

uint64_t ol_push_owes(const struct ol_line *l)
{
    return l->push.live ? (uint64_t)l->push.owing * OL_BLOB_UNIT : 0;
}

/* ---- what the peer wants ------------------------------------------------ */

static void stop(struct ol_line *l)
{
    struct ol_push *p = &l->push;
    bool flies = false;

    for (unsigned k = 0; k < OL_PULL_WINDOW; k++) {
        flies |= p->slot[k].flights > 0;
        clear(p, &p->slot[k]);
    }
    p->on = p->live = p->served_due = false;
    p->load = 0;
    p->load_fails = 0;
    p->load_ns = 0;
    p->retries = 0;
    p->retry_ns = OL_NEVER_NS;
    /* What flies is of another attachment from now on. */
    if (flies)
        ol_path_forget_blobs(l);
}

/* On the peer's disk, as its newest WANT says. */
static bool held(const struct ol_want *v, uint32_t piece)
{
    if (piece <= v->upto)
        return piece < v->upto;
    return piece - v->upto - 1 < 64 && (v->map >> (piece - v->upto - 1) & 1);
}

bool ol_push_held(const struct ol_line *l, const struct ol_file *file,
                  uint32_t piece)
{
    const struct ol_want *v = &l->push.want;

    return l->push.on && v->size == file->size &&
           memcmp(v->hash, file->hash, 32) == 0 && held(v, piece);
}

static void served(struct ol_line *l, const struct ol_want *v)
{
    struct ol_note *n;

    n = &ol_fx_add(l, OL_FX_NOTE)->note;
    n->kind = OL_NOTE_SERVED;
    n->channel = OL_CHANNEL_ANY;
    memcpy(n->hash, v->hash, sizeof(n->hash));
    n->size = v->size;
    n->index = v->upto + (uint32_t)__builtin_popcountll(v->map);
    n->done = v->flags & OL_WANT_DONE;
    n->declined = v->flags & OL_WANT_DECLINED;
}

static bool same_file(const struct ol_want *a, const struct ol_want *b)
{
    return a->size == b->size && memcmp(a->hash, b->hash, 32) == 0;
}

/* It says something of the whole: nothing more of it goes. */
static void said(struct ol_line *l, const struct ol_want *v)
{
    if (v->flags & OL_WANT_NOTED) {
        ol_pull_noted(l, v);
        return;
    }
    if (l->push.on && same_file(&l->push.want, v))
        stop(l);
    /* Each costs the station a look into its ledger: a burst, and then so many
     * a second; the peer says again what was not noted. */
    l->push.heard_ns = OL_MAX(l->push.heard_ns, l->now_ns);
    if (l->push.heard_ns - l->now_ns >= OL_SAID_MAX * HEAR_NS ||
        !ol_fx_room(l, 1, 0))
        return;
    l->push.heard_ns += HEAR_NS;
    served(l, v);
}

/* A bundle that was under way while frames of the same boot said more. */
static bool from_before(struct ol_line *l, const struct ol_want *v)
{
    const struct ol_epoch *e = ol_epoch_sending(l);

    return l->push.live && e != NULL && e->held_seen &&
           memcmp(e->boot, l->peer_boot, sizeof(e->boot)) == 0 &&
           v->serial <= l->push.want.serial;
}

enum ol_err ol_push_wanted(struct ol_line *l, const struct ol_where *at,
                           const struct ol_want *v)
{
    struct ol_push *p = &l->push;
    uint32_t serial = v->serial;

    if (v->flags != 0) {
        said(l, v);
        return OL_OK;
    }
    /* The newest of the newest: an old wish is none. */
    if (!at->current)
        return OL_OK;
    if (at->epoch != NULL) {
        if (v->serial <= p->serial)
            return OL_OK;
        p->serial = v->serial;
    } else if (from_before(l, v)) {
        ol_pouch_wanted(l, at, v);
        return OL_OK;
    }
    if (!p->on || !same_file(&p->want, v) || v->upto < p->want.upto)
        stop(l);
    if (!p->on || v->upto > p->want.upto || v->map != p->want.map) {
        p->retries = 0;
        p->retry_ns = OL_NEVER_NS;
    }
    /* A bundle may come while the line is dark, and the channel be back before
     * another epoch: the peer says no more there, so what it said counts on. */
    if (at->epoch == NULL && p->live)
        serial = p->want.serial;
    p->on = p->lacks = true;
    p->live |= at->epoch != NULL;
    p->want = *v;
    p->want.serial = serial;
    for (unsigned k = 0; k < OL_PULL_WINDOW; k++)
        if (p->slot[k].size > 0 && held(v, p->slot[k].piece))
            clear(p, &p->slot[k]);
    p->served_due = true;
    if (at->epoch == NULL)
        ol_pouch_wanted(l, at, v);
    return OL_OK;
}

enum ol_err ol_push_note(struct ol_line *l, const struct ol_event *ev)
{
    for (unsigned k = 0; k < OL_SAID_MAX; k++) {
        struct ol_said *s = &l->push.noted[k];
        if (s->flags != 0 && memcmp(s->hash, ev->file->hash, 32) != 0)
            continue;
        l->push.n_noted += s->flags == 0;
        memcpy(s->hash, ev->file->hash, sizeof(s->hash));
        s->size = ev->file->size;
        s->flags = OL_WANT_NOTED | (ev->on ? OL_WANT_DONE : OL_WANT_DECLINED);
        ol_pouch_changed(l);
        return OL_OK;
    }
    return OL_ERR_AGAIN;
}

bool ol_push_answers_due(const struct ol_line *l)
{
    return l->push.n_noted > 0;
}

void ol_push_answers(struct ol_line *l, struct ol_writer *w)
{
    for (unsigned k = 0; l->push.n_noted > 0 && k < OL_SAID_MAX; k++) {
        struct ol_said *s = &l->push.noted[k];
        struct ol_want v = {.size = s->size, .flags = s->flags};
        if (s->flags == 0)
            continue;
        v.serial = ++l->pull.serial;
        memcpy(v.hash, s->hash, sizeof(v.hash));
        if (!ol_want_encode(w, &v)) {
            ol_wake(l, l->now_ns);
            return;
        }
        s->flags = 0;
        l->push.n_noted--;
    }
}

/* ---- loading ------------------------------------------------------------ */

/* The first piece within the peer's credit that is neither there nor here;
 * false: none. */
static bool lacks(struct ol_push *p, uint32_t *piece)
{
    const struct ol_want *v = &p->want;
    uint32_t n = OL_MIN(v->limit - v->upto, OL_PULL_WINDOW);

    for (uint32_t i = v->upto; i < v->upto + n; i++)
        if (!held(v, i) && slot_of(p, i) == NULL) {
            *piece = i;
            return true;
        }
    p->lacks = false; /* until the wish or a slot changes */
    return false;
}

/* A peer whose WANTs change makes us load what never goes: so many pieces, and
 * then a few a second. Each piece's worth that goes is one more (went). */
static bool idle_loads(struct ol_line *l)
{
    struct ol_push *p = &l->push;
    uint64_t gap = OL_LOADS_GAP_MS * OL_NS_PER_MS, at;

    p->loads_ns = OL_MAX(p->loads_ns, l->now_ns);
    at = p->loads_ns - OL_MIN(p->loads_ns, OL_LOADS_FREE * gap);
    if (l->now_ns < at) {
        ol_wake(l, at);
        return true;
    }
    return false;
}

static void load(struct ol_line *l)
{
    struct ol_push *p = &l->push;
    struct ol_load *load;
    uint32_t piece;

    if (!p->on || !p->lacks || p->load != 0 || ol_chan_best(l) < 0 ||
        ol_epoch_sending(l) == NULL || !lacks(p, &piece))
        return;
    if (l->now_ns < p->load_ns) {
        ol_wake(l, p->load_ns);
        return;
    }
    if (idle_loads(l))
        return;
    if (!ol_fx_room(l, 1, 0))
        return;
    p->load = ++l->next_token * OL_PRECS;
    p->loads_ns += OL_LOADS_GAP_MS * OL_NS_PER_MS;
    p->load_piece = piece;
    load = &ol_fx_add(l, OL_FX_LOAD)->load;
    load->kind = OL_LOAD_PIECE;
    load->token = p->load;
    load->index = piece;
    load->size = p->want.size;
    memcpy(load->hash, p->want.hash, sizeof(load->hash));
}

bool ol_push_piece(struct ol_line *l, const struct ol_event *ev)
{
    struct ol_push *p = &l->push;
    struct ol_push_slot *s = &p->slot[p->load_piece % OL_PULL_WINDOW];

    if (p->load == 0 || ev->token != p->load)
        return false;
    p->load = 0;
    if (ev->bytes.n != ol_file_piece_size(p->want.size, p->load_piece)) {
        p->load_ns = l->now_ns +
                     (OL_NS_PER_S << OL_MIN(p->load_fails, RETRY_MOST));
        p->load_fails++;
        return true;
    }
    p->load_fails = 0;
    /* Meanwhile the window may have moved on. */
    if (held(&p->want, p->load_piece) || s->size > 0)
        return true;
    memcpy(p->data[p->load_piece % OL_PULL_WINDOW], ev->bytes.p, ev->bytes.n);
    s->piece = p->load_piece;
    s->size = (uint32_t)ev->bytes.n;
    owe_all(p, s);
    return true;
}

/* What was acked as frames and is not held: the peer dropped it, so it goes
 * again, ever more slowly. The first piece that it lacks tells. */
static void retry(struct ol_line *l)
{
    struct ol_push *p = &l->push;
    uint64_t gap = RETRY_NS << OL_MIN(p->retries, RETRY_MOST);
    struct ol_push_slot *s = p->on ? slot_of(p, p->want.upto) : NULL;

    if (s == NULL || s->owing > 0 || s->flights > 0 ||
        p->want.limit == p->want.upto) {
        p->retry_ns = OL_NEVER_NS;
        return;
    }
    if (p->retry_ns == OL_NEVER_NS)
        p->retry_ns = l->now_ns + gap;
    if (l->now_ns < p->retry_ns) {
        ol_wake(l, p->retry_ns);
        return;
    }
    p->retry_ns = OL_NEVER_NS;
    p->retries++;
    for (unsigned k = 0; k < OL_PULL_WINDOW; k++)
        if (p->slot[k].size > 0 && p->slot[k].flights == 0)
            owe_all(p, &p->slot[k]);
}

/* How far the peer is: for people, so a few times a second. */
static void tell(struct ol_line *l)
{
    struct ol_push *p = &l->push;

    if (!p->served_due)
        return;
    if (l->now_ns < p->served_ns) {
        ol_wake(l, p->served_ns);
        return;
    }
    if (!ol_fx_room(l, 1, 0))
        return;
    p->served_due = false;
    p->served_ns = l->now_ns + SERVED_NS;
    served(l, &p->want);
}

void ol_push_pump(struct ol_line *l)
{
    load(l);
    retry(l);
    tell(l);
}

/* ---- into frames -------------------------------------------------------- */

/* The lowest piece that owes something, within the peer's credit. */
static struct ol_push_slot *next(struct ol_push *p)
{
    const struct ol_want *v = &p->want;
    uint32_t n = OL_MIN(v->limit - v->upto, OL_PULL_WINDOW);

    for (uint32_t i = OL_MAX(v->upto, p->low); i < v->upto + n; i++) {
        struct ol_push_slot *s = slot_of(p, i);
        if (s == NULL || s->owing == 0)
            continue;
        p->low = i;
        return s;
    }
    return NULL;
}

/* The first run of owed units, at most `most` of them; *first: its unit. */
static unsigned run_of(const struct ol_push_slot *s, unsigned most,
                       unsigned *first)
{
    unsigned u = 0, n = 0;

    while (s->owed[u / 64] == 0)
        u += 64;
    u += (unsigned)__builtin_ctzll(s->owed[u / 64]);
    *first = u;
    /* What is shifted in is not owed, so a run ends with its word or in it. */
    while (n < most && u + n < OL_PIECE_UNITS) {
        unsigned at = (u + n) % 64;
        uint64_t gaps = ~(s->owed[(u + n) / 64] >> at);
        unsigned run = gaps == 0 ? 64 : (unsigned)__builtin_ctzll(gaps);

        n += run;
        if (at + run < 64)
            break;
    }
    return OL_MIN(n, most);
}

/* These units go: one ref a word. */
static void went(struct ol_out_frame *f,
                 struct ol_push_slot *s, unsigned first, unsigned n)
{
    while (n > 0) {
        unsigned word = first / 64, at = first % 64;
        unsigned take = OL_MIN(n, 64 - at);
        uint64_t mask = (take == 64 ? UINT64_MAX
                                    : (UINT64_C(1) << take) - 1) << at;
        struct ol_carried *r = &f->refs[f->n_refs++];

        r->prec = OL_REF_BLOB;
        r->word = (uint8_t)word;
        r->index = s->piece;
        r->mask = mask;
        s->owed[word] &= ~mask;
        s->flights++;
        first += take;
        n -= take;
    }
}

/* One chunk; false: nothing owed, or nothing fits. */
static bool add_units(struct ol_line *l, struct ol_out_frame *f)
{
    struct ol_push *p = &l->push;
    struct ol_push_slot *s = next(p);
    size_t room = f->w.cap - f->w.n, n;
    struct ol_units b;
    unsigned first, units;

    if (s == NULL || f->n_refs + 2 > OL_FRAME_REFS ||
        room < OL_CHUNK_HEAD + OL_UNITS_HEAD + OL_BLOB_UNIT)
        return false;
    room -= OL_CHUNK_HEAD + OL_UNITS_HEAD;
    units = run_of(s, (unsigned)OL_MIN(room / OL_BLOB_UNIT, 64), &first);
    n = OL_MIN((first + units) * OL_BLOB_UNIT, s->size) -
        first * OL_BLOB_UNIT;
    b.serial = p->want.serial;
    b.piece = s->piece;
    b.first = (uint16_t)first;
    b.bytes = OL_SPAN(p->data[s->piece % OL_PULL_WINDOW] +
                      first * OL_BLOB_UNIT, n);
    if (!ol_units_encode(&f->w, &b))
        return false;
    s->owing = (uint16_t)(s->owing - units);
    p->owing -= units;
    p->went += units;
    if (p->went >= OL_PIECE_UNITS) {
        p->went -= OL_PIECE_UNITS;
        p->loads_ns -= OL_MIN(p->loads_ns, OL_LOADS_GAP_MS * OL_NS_PER_MS);
    }
    went(f, s, first, units);
    f->asks = true;
    return true;
}

bool ol_push_fill(struct ol_line *l, struct ol_out_frame *f)
{
    bool any = false;

    while (ol_push_owes(l) > 0 && add_units(l, f))
        any = true;
    return any;
}
