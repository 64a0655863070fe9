/*
 * The attachment that we ask for: from blobs to pieces on our disk.
 *
 *   EMPTY --blob--> PART --last unit--> WHOLE --put--> PUT --committed--> EMPTY
 *
 * One at a time, as the station chose. Our WANT says which pieces are on disk
 * and how many more we take; so what a sender can make us hold is the window,
 * and what a restart loses is less than that. Pieces go to the disk in small
 * batches of which one is open, so that records never wait behind them.
 * The content is not judged here: the station verifies the whole.
 * It fails by dropping: what was not asked for, or does not fit the size we
 * know, changes nothing.
 */
#include <string.h>

#include "core/frames.h"

#define BATCH_PIECES 8u
#define OFFER_NS (2 * OL_NS_PER_S) /* a bundle waits for the station */
#define SAY_AGAIN_NS (2 * OL_NS_PER_S)
#define SAY_AGAIN_MOST 10u /* doublings */

static struct ol_pull_slot *slot_of(struct ol_pull *p, uint32_t piece)
{
    return &p->slot[piece % OL_PULL_WINDOW];
}

static struct ol_note *note(struct ol_line *l, enum ol_note_kind kind,
                            const uint8_t hash[32], uint64_t size)
{
    struct ol_note *n = &ol_fx_add(l, OL_FX_NOTE)->note;

    n->kind = kind;
    n->channel = OL_CHANNEL_ANY;
    memcpy(n->hash, hash, sizeof(n->hash));
    n->size = size;
    return n;
}

/* ---- what the station wants --------------------------------------------- */

static void stop(struct ol_pull *p)
{
    memset(p->slot, 0, sizeof(p->slot));
    p->on = p->dirty = p->pulled_due = false;
    p->whole = 0;
    p->batch = 0;
}

static void durable(struct ol_pull *p, uint32_t piece)
{
    bool next = piece == p->upto;

    if (!next)
        p->map |= UINT64_C(1) << (piece - p->upto - 1);
    /* Over it, and over those behind it that are here already. */
    while (next) {
        next = p->map & 1;
        p->map >>= 1;
        p->upto++;
    }
}

static void ask_at_once(struct ol_line *l)
{
    for (unsigned c = 0; c < l->n_ch; c++)
        l->ch[c].want_ns = 0;
}

enum ol_err ol_pull_want(struct ol_line *l, const struct ol_event *ev)
{
    struct ol_pull *p = &l->pull;
    const struct ol_file *f = ev->file;

    stop(p);
    if (f == NULL)
        return OL_OK;
    if (f->size > OL_FILE_MAX || f->upto > ol_file_pieces(f->size))
        return OL_ERR_INPUT;
    memcpy(p->hash, f->hash, sizeof(p->hash));
    p->size = f->size;
    p->pieces = ol_file_pieces(f->size);
    p->upto = f->upto;
    p->map = f->map;
    p->on = true;
    p->before = p->serial;
    p->offer_on = false;
    for (unsigned k = 0; k < OL_PASSED_MAX; k++)
        if (memcmp(p->passed[k], f->hash, 32) == 0)
            memset(p->passed[k], 0, sizeof(p->passed[k]));
    p->dirty = p->pieces > 0;
    p->pulled_due = p->upto == p->pieces;
    ask_at_once(l);
    ol_pouch_changed(l);
    return OL_OK;
}

enum ol_err ol_pull_say(struct ol_line *l, const struct ol_event *ev,
                        uint8_t flag)
{
    struct ol_pull *p = &l->pull;
    struct ol_said *s = NULL;

    if (p->on && memcmp(p->hash, ev->file->hash, 32) == 0)
        stop(p);
    for (unsigned k = 0; k < OL_SAID_MAX; k++) {
        if (p->said[k].flags == 0 && s == NULL)
            s = &p->said[k];
        if (p->said[k].flags != 0 &&
            memcmp(p->said[k].hash, ev->file->hash, 32) == 0) {
            s = &p->said[k];
            break;
        }
    }
    if (s == NULL)
        return OL_ERR_AGAIN;
    if (s->flags == flag)
        return OL_OK;
    p->n_said += s->flags == 0;
    memcpy(s->hash, ev->file->hash, sizeof(s->hash));
    s->size = ev->file->size;
    s->flags = flag;
    s->tries = 0;
    s->next_ns = l->now_ns;
    ol_pouch_changed(l);
    return OL_OK;
}

void ol_pull_noted(struct ol_line *l, const struct ol_want *v)
{
    for (unsigned k = 0; k < OL_SAID_MAX; k++) {
        struct ol_said *s = &l->pull.said[k];
        struct ol_note *n;
        if (s->flags == 0 || (v->flags & s->flags) == 0 ||
            memcmp(s->hash, v->hash, 32) != 0 || !ol_fx_room(l, 1, 0))
            continue;
        n = note(l, OL_NOTE_NOTED, s->hash, s->size);
        n->done = s->flags == OL_WANT_DONE;
        n->declined = s->flags == OL_WANT_DECLINED;
        s->flags = 0;
        l->pull.n_said--;
    }
}

/* ---- blobs -------------------------------------------------------------- */

static uint32_t units_of(size_t n)
{
    return (uint32_t)((n + OL_BLOB_UNIT - 1) / OL_BLOB_UNIT);
}

static void place(struct ol_pull *p, struct ol_pull_slot *s, uint32_t at,
                  struct ol_span bytes)
{
    uint32_t first = at / OL_BLOB_UNIT;
    uint32_t end = first + units_of(bytes.n);

    memcpy(p->data[s->piece % OL_PULL_WINDOW] + at, bytes.p, bytes.n);
    while (first < end) {
        uint32_t n = OL_MIN(end - first, 64 - first % 64);
        uint64_t mask = UINT64_MAX >> (64 - n) << first % 64;
        uint64_t more = mask & ~s->have[first / 64];

        s->have[first / 64] |= more;
        s->missing = (uint16_t)(s->missing -
                                (unsigned)__builtin_popcountll(more));
        first += n;
    }
    if (s->missing > 0)
        return;
    s->state = OL_PULL_WHOLE;
    p->whole++;
}

static bool is_passed(const struct ol_pull *p, const uint8_t hash[32])
{
    for (uint32_t k = 0; k < OL_MIN(p->n_passed, OL_PASSED_MAX); k++)
        if (memcmp(p->passed[k], hash, 32) == 0)
            return true;
    return false;
}

void ol_pull_pass(struct ol_line *l, const uint8_t hash[32])
{
    struct ol_pull *p = &l->pull;

    if (p->offer_on && memcmp(p->offer, hash, 32) == 0)
        p->offer_on = false;
    if (!is_passed(p, hash))
        memcpy(p->passed[p->n_passed++ % OL_PASSED_MAX], hash, 32);
}

void ol_pull_bundle(struct ol_line *l, uint64_t number)
{
    l->pull.bundle = number;
    l->pull.blob = 0;
}

/* A bundle brings what we do not pull now: the station says whether it is to
 * be, and the bundle waits for that. */
static enum ol_err offered(struct ol_line *l, uint16_t channel,
                           const uint8_t hash[32], uint32_t at)
{
    struct ol_pull *p = &l->pull;
    unsigned k = OL_MIN(channel, OL_CHANNELS_MAX);

    /* When the bundle comes again it goes on behind what was decided, or a
     * bundle with more attachments than the ring holds would never end. */
    if ((p->offered[k].bundle == p->bundle && at < p->offered[k].at) ||
        is_passed(p, hash))
        return OL_OK;
    if (p->offer_on)
        return OL_ERR_AGAIN;
    p->offered[k].bundle = p->bundle;
    p->offered[k].at = at;
    p->offer_on = true;
    p->offer_told = false;
    p->offer_ns = l->now_ns;
    memcpy(p->offer, hash, sizeof(p->offer));
    return OL_ERR_AGAIN;
}

/* When the records before it are on disk, for they say what it is. */
static void offer(struct ol_line *l)
{
    struct ol_pull *p = &l->pull;

    if (!p->offer_on)
        return;
    if (l->now_ns - p->offer_ns >= OFFER_NS) {
        ol_pull_pass(l, p->offer);
        return;
    }
    ol_wake(l, p->offer_ns + OFFER_NS);
    if (p->offer_told || l->given > l->committed || ol_recv_waits(l) ||
        !ol_fx_room(l, 1, 0))
        return;
    p->offer_told = true;
    (void)note(l, OL_NOTE_OFFERED, p->offer, 0);
}

/* Bytes of the attachment that we pull, from that offset of a piece on. */
static enum ol_err taken(struct ol_line *l, uint32_t piece, uint32_t at,
                         struct ol_span bytes)
{
    struct ol_pull *p = &l->pull;
    uint64_t end = (uint64_t)piece * OL_PIECE + at + bytes.n;
    struct ol_pull_slot *s = slot_of(p, piece);

    if (end > p->size || (bytes.n % OL_BLOB_UNIT != 0 && end != p->size))
        return OL_ERR_MALFORMED;
    if (piece < p->upto ||
        (piece > p->upto && piece - p->upto - 1 < 64 &&
         (p->map >> (piece - p->upto - 1) & 1))) {
        p->dirty = true; /* our WANT was lost */
        return OL_OK;
    }
    if (l->full || piece - p->upto >= OL_PULL_WINDOW)
        return OL_OK;
    if (s->state == OL_PULL_EMPTY) {
        memset(s, 0, sizeof(*s));
        s->state = OL_PULL_PART;
        s->piece = piece;
        s->missing = (uint16_t)units_of(ol_file_piece_size(p->size, piece));
    }
    if (s->state == OL_PULL_PART)
        place(p, s, at, bytes);
    return OL_OK;
}

enum ol_err ol_pull_blob(struct ol_line *l, const struct ol_where *at,
                         const struct ol_blob *b)
{
    struct ol_pull *p = &l->pull;
    uint32_t nth = p->blob++;

    if (!p->on || memcmp(p->hash, b->hash, 32) != 0)
        return offered(l, at->c, b->hash, nth);
    return taken(l, (uint32_t)(b->offset / OL_PIECE),
                 (uint32_t)(b->offset % OL_PIECE), b->bytes);
}

enum ol_err ol_pull_units(struct ol_line *l, const struct ol_where *at,
                          const struct ol_units *u)
{
    struct ol_pull *p = &l->pull;

    /* Of another one that we wanted a moment ago, or never. */
    if (!p->on || u->serial <= p->before || u->serial > p->serial)
        return OL_OK;
    p->data_ch = at->c;
    return taken(l, u->piece, (uint32_t)u->first * OL_BLOB_UNIT, u->bytes);
}

/* ---- to the disk -------------------------------------------------------- */

static void committed(struct ol_line *l)
{
    struct ol_pull *p = &l->pull;
    bool any = false;

    p->batch = 0;
    for (uint32_t k = 0; k < OL_PULL_WINDOW; k++) {
        struct ol_pull_slot *s = &p->slot[k];
        if (s->state != OL_PULL_PUT)
            continue;
        durable(p, s->piece);
        s->state = OL_PULL_EMPTY;
        any = true;
    }
    if (!any)
        return;
    p->dirty = true;
    p->pulled_due = p->upto == p->pieces;
    if (p->pulled_due)
        ol_pouch_changed(l);
    /* Progress is news: without room the next one says it too. */
    if (ol_fx_room(l, 1, 0))
        note(l, OL_NOTE_PULL, p->hash, p->size)->index =
            p->upto + (uint32_t)__builtin_popcountll(p->map);
}

/* The lowest ones first: what is without a gap survives a restart best. */
static void put(struct ol_line *l)
{
    struct ol_pull *p = &l->pull;
    unsigned n = 0;

    for (uint32_t i = p->upto; i < p->upto + OL_PULL_WINDOW; i++) {
        struct ol_pull_slot *s = slot_of(p, i);
        struct ol_put *put;
        if (s->state != OL_PULL_WHOLE || s->piece != i)
            continue;
        if (n++ == BATCH_PIECES || !ol_fx_can_put(l) || !ol_fx_room(l, 1, 0))
            break;
        put = ol_fx_put(l, OL_PUT_PIECE);
        put->author = OL_PEER;
        put->index = i;
        memcpy(put->leaf, p->hash, sizeof(put->leaf));
        put->bytes = OL_SPAN(p->data[i % OL_PULL_WINDOW],
                             ol_file_piece_size(p->size, i));
        s->state = OL_PULL_PUT;
        p->whole--;
        p->batch = l->cur->token;
    }
}

bool ol_pull_waits(const struct ol_line *l)
{
    return l->pull.whole > 0;
}

bool ol_pull_busy(const struct ol_line *l)
{
    unsigned n = 0;

    for (unsigned k = 0; k < OL_PULL_WINDOW; k++)
        n += l->pull.slot[k].state >= OL_PULL_WHOLE;
    return n > OL_PULL_WINDOW / 2;
}

void ol_pull_pump(struct ol_line *l)
{
    struct ol_pull *p = &l->pull;

    /* Credit 0, and credit again, are news for the peer. */
    p->dirty |= p->on && p->pieces > 0 && l->full != p->full_told;
    p->full_told = l->full;
    if (p->batch != 0 && p->batch <= l->committed)
        committed(l);
    if (p->on && p->batch == 0 && p->whole > 0)
        put(l);
    offer(l);
    if (p->pulled_due && ol_fx_room(l, 1, 0)) {
        p->pulled_due = false;
        (void)note(l, OL_NOTE_PULLED, p->hash, p->size);
    }
}

/* ---- telling the peer --------------------------------------------------- */

void ol_pull_epoch(struct ol_line *l)
{
    l->pull.dirty = l->pull.on && l->pull.pieces > 0;
    ask_at_once(l);
    for (unsigned k = 0; k < OL_SAID_MAX; k++) {
        l->pull.said[k].tries = 0;
        l->pull.said[k].next_ns = l->now_ns;
    }
}

void ol_pull_lost(struct ol_line *l, uint32_t serial)
{
    if (serial == l->pull.told && l->pull.on)
        l->pull.dirty = true;
}

static bool say_due(struct ol_line *l)
{
    for (unsigned k = 0; l->pull.n_said > 0 && k < OL_SAID_MAX; k++) {
        const struct ol_said *s = &l->pull.said[k];
        if (s->flags == 0)
            continue;
        if (l->now_ns >= s->next_ns)
            return true;
        ol_wake(l, s->next_ns);
    }
    return false;
}

bool ol_pull_due(struct ol_line *l, unsigned c)
{
    if (say_due(l) || ol_push_answers_due(l))
        return true;
    if (!l->pull.dirty)
        return false;
    if (l->now_ns >= l->ch[c].want_ns)
        return true;
    ol_wake(l, l->ch[c].want_ns);
    return false;
}

void ol_pull_ask(struct ol_line *l, struct ol_writer *w, bool always,
                 uint32_t *serial)
{
    struct ol_pull *p = &l->pull;
    struct ol_want v = {.size = p->size, .upto = p->upto, .map = p->map};

    *serial = 0;
    if (!p->on || p->pieces == 0 || !(always || p->dirty))
        return;
    v.serial = p->serial + 1;
    memcpy(v.hash, p->hash, sizeof(v.hash));
    v.limit = l->full ? p->upto
                      : p->upto + OL_MIN(p->pieces - p->upto, OL_PULL_WINDOW);
    if (ol_want_encode(w, &v))
        *serial = p->serial = v.serial;
}

void ol_pull_tell(struct ol_line *l, struct ol_writer *w, bool always)
{
    struct ol_pull *p = &l->pull;

    for (unsigned k = 0; k < OL_SAID_MAX; k++) {
        struct ol_said *s = &p->said[k];
        struct ol_want v = {.size = s->size, .flags = s->flags};
        if (s->flags == 0 || (!always && l->now_ns < s->next_ns))
            continue;
        v.serial = p->serial + 1;
        memcpy(v.hash, s->hash, sizeof(v.hash));
        if (!ol_want_encode(w, &v)) {
            ol_wake(l, l->now_ns); /* the rest in the next frame */
            return;
        }
        p->serial++;
        if (always)
            continue;
        s->next_ns = l->now_ns +
                     (SAY_AGAIN_NS << OL_MIN(s->tries, SAY_AGAIN_MOST));
        s->tries += s->tries < SAY_AGAIN_MOST;
    }
}
