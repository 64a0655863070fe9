/*
 * Our own ledger is an old copy: what the peer holds of ours is asked for.
 *
 * Happy path: a log that is not as the peer holds it lays steps (places, each
 * with the root there, ever further back) and asks with LOST. FOUND says how
 * far the roots agree, how far the peer's copy goes and with which root. If
 * that root is ours, nothing of ours is in doubt; else all behind the last
 * agreement leaves the log and waits to be said again under its id. Then
 * takeback.c lets come what the peer holds, until nothing is missing.
 *
 * What the peer says of our log is believed for what the peer has not
 * confirmed before; to take more than that out of our log, it has to show our
 * own signature. How it fails: the question is asked again, ever more slowly;
 * a log that comes back different each time stops, and its side is told.
 */
#include "core/frames.h"
#include "core/restore.h"

#include <string.h>

#define ASK_NS (3 * OL_NS_PER_S) /* before a round trip is known */
#define ASK_LEAST_NS (200 * OL_NS_PER_MS)
#define ASK_MOST_NS (48 * OL_NS_PER_S)
#define ASK_MOST 8u /* doublings */
#define ROUNDS 16u    /* returns in a row without a root that agrees */
#define PAUSE_NS OL_NS_PER_S

/* ---- whether ------------------------------------------------------------ */

bool ol_restore_any(const struct ol_line *l)
{
    for (unsigned p = 0; p < OL_PRECS; p++)
        if (l->out[p].back.state != OL_BACK_SOUND)
            return true;
    return false;
}

bool ol_restore_mute(const struct ol_line *l, unsigned p)
{
    /* Until each log has its answer, numbers may have been given that are not
     * known here. */
    for (unsigned q = 0; q < OL_PRECS; q++)
        if (l->out[q].back.state == OL_BACK_ASK ||
            l->out[q].back.state == OL_BACK_JUDGE)
            return true;
    return l->out[p].back.state != OL_BACK_SOUND;
}

/* ---- beginning ---------------------------------------------------------- */

static void ask(struct ol_line *l, unsigned p)
{
    struct ol_out_log *o = &l->out[p];
    uint8_t rounds = o->back.rounds;

    while (l->kept.ask == 0) {
        ol_rng_fill(&l->rng, (uint8_t *)&l->kept.ask, sizeof(l->kept.ask));
        l->kept.ask &= ~UINT64_C(0xff); /* the rounds count below */
        l->kept_dirty = true;
    }
    ol_take_clear(l, p);
    memset(&o->back, 0, sizeof(o->back));
    o->back.state = OL_BACK_ASK;
    o->back.rounds = rounds;
    o->back.ask = l->kept.ask + rounds;
    ol_window_rewind(l, p, o->acked);
}

void ol_restore_begin(struct ol_line *l, unsigned p)
{
    struct ol_out_log *o = &l->out[p];

    if (o->stopped || o->back.state != OL_BACK_SOUND)
        return;
    if (o->back.rounds == ROUNDS) {
        ol_owed_stop(l, p, o->size);
        return;
    }
    if (!ol_restore_any(l))
        ol_fx_alarm(l, "this record is an old copy: the peer gives back ours");
    ol_fx_note(l, OL_NOTE_LOST, OL_CHANNEL_ANY, (uint8_t)p, o->acked + 1);
    o->back.rounds++;
    ask(l, p);
    o->back.begin_ns = OL_MAX(l->now_ns, o->return_ns);
    o->return_ns = o->back.begin_ns + OL_RETURN_GAP_MS * OL_NS_PER_MS;
}

void ol_restore_init(struct ol_line *l, bool restored)
{
    if (restored) {
        l->kept.unproved = l->kept.copied = l->kept.uncounted = true;
        l->kept.ask = 0; /* what an earlier life asked is not asked now */
        l->kept_dirty = true;
    }
    for (unsigned p = 0; p < OL_PRECS && l->kept.unproved; p++)
        ask(l, p);
    l->number = OL_MAX(l->number, l->kept.number);
}

void ol_restore_again(struct ol_line *l)
{
    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_back *b = &l->out[p].back;
        if (b->state == OL_BACK_SOUND)
            continue;
        b->due = b->repeat = true;
        b->tries = 0;
        ol_pouch_changed(l);
    }
}

/* ---- the question ------------------------------------------------------- */

/* Nothing of ours is on its way to the disk. */
static bool settled(const struct ol_line *l)
{
    return l->cur == NULL && l->committed == l->given;
}

/* From the end down, ever further apart; and the place that both agreed on. */
static void lay_steps(struct ol_out_log *o)
{
    struct ol_back *b = &o->back;
    uint32_t at = o->size, gap = 1;
    bool agreed = o->acked == 0;

    b->n_steps = 0;
    while (at > 0 && b->n_steps < OL_LOST_STEPS) {
        if (!agreed && at < o->acked)
            b->step[b->n_steps++].index = o->acked;
        agreed |= at <= o->acked;
        if (b->n_steps < OL_LOST_STEPS)
            b->step[b->n_steps++].index = at;
        if (at <= gap)
            break;
        at -= gap;
        gap *= 2;
    }
    b->laid = true;
}

static bool load_root(struct ol_line *l, unsigned p, uint32_t index)
{
    struct ol_back *b = &l->out[p].back;
    struct ol_load *load;

    if (b->load != 0)
        return false;
    if (l->now_ns < b->pause_ns) {
        ol_wake(l, b->pause_ns);
        return false;
    }
    if (!ol_fx_room(l, 1, 0))
        return false;
    load = &ol_fx_add(l, OL_FX_LOAD)->load;
    load->token = b->load = ++l->next_token * OL_PRECS + p;
    load->author = OL_OWN;
    load->prec = (uint8_t)p;
    load->index = index;
    load->max_records = 1;
    load->max_bytes = OL_LOAD_BYTES;
    return true;
}

/* The roots of all steps; true once they are there. */
static bool fill_steps(struct ol_line *l, unsigned p)
{
    struct ol_out_log *o = &l->out[p];
    struct ol_back *b = &o->back;

    if (!b->laid) {
        if (!settled(l) || o->durable != o->size)
            return false;
        lay_steps(o);
    }
    for (; b->step_at < b->n_steps; b->step_at++) {
        uint8_t root[OL_HASH];
        if (b->step[b->step_at].index != o->size) {
            (void)load_root(l, p, b->step[b->step_at].index);
            return false;
        }
        ol_tree_root(&o->tree, root);
        memcpy(b->step[b->step_at].root, root, OL_ROOT);
    }
    return true;
}

static void say(struct ol_line *l, unsigned p, struct ol_lost *c,
                size_t room)
{
    struct ol_out_log *o = &l->out[p];
    struct ol_back *b = &o->back;

    memset(c, 0, sizeof(*c));
    c->prec = (uint8_t)p;
    c->repeat = b->repeat;
    c->ask = b->ask;
    if (b->state == OL_BACK_TAKE) {
        c->next = o->size + 1;
        c->map = ol_take_map(l, p);
        return;
    }
    room = room < OL_CHUNK_HEAD + OL_LOST_HEAD
               ? 0
               : (room - OL_CHUNK_HEAD - OL_LOST_HEAD) / OL_LOST_STEP;
    c->n_steps = (uint8_t)OL_MIN(b->n_steps, room);
    memcpy(c->step, b->step, sizeof(c->step[0]) * c->n_steps);
    if (c->n_steps == b->n_steps || c->n_steps == 0)
        return;
    /* The last that fits is the one that both agreed on, or the lowest. */
    for (unsigned k = c->n_steps; k < b->n_steps; k++) {
        c->step[c->n_steps - 1] = b->step[k];
        if (b->step[k].index <= o->acked)
            break;
    }
}

/* Does the log ask, and can it say what. */
static bool asks(const struct ol_out_log *o)
{
    const struct ol_back *b = &o->back;

    return b->state == OL_BACK_TAKE ||
           (b->state == OL_BACK_ASK && b->ready);
}

void ol_restore_write(struct ol_line *l, struct ol_writer *w)
{
    struct ol_lost c;

    for (unsigned p = 0; p < OL_PRECS; p++) {
        if (!asks(&l->out[p]))
            continue;
        say(l, p, &c, w->cap - w->n);
        c.repeat = true;
        (void)ol_lost_encode(w, &c);
    }
}

/* What was asked for is waited for; each record that comes begins it anew. */
void ol_restore_heard(struct ol_line *l, struct ol_back *b)
{
    int best = ol_chan_best(l);
    uint64_t gap = ASK_NS;

    if (best >= 0 && l->ch[best].path.srtt_ns > 0)
        gap = OL_MAX(4 * ol_path_pto(&l->ch[best].path), ASK_LEAST_NS);
    gap <<= OL_MIN(b->tries, ASK_MOST);
    b->ask_ns = l->now_ns + OL_MIN(gap, ASK_MOST_NS);
}

void ol_restore_frames(struct ol_line *l, unsigned at)
{
    struct ol_out_frame f;
    struct ol_lost c;

    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_out_log *o = &l->out[p];
        struct ol_back *b = &o->back;
        if (!asks(o) || !b->due || !ol_frame_begin(l, &f, at, NULL))
            continue;
        say(l, p, &c, f.w.cap - f.w.n);
        f.asks = ol_lost_encode(&f.w, &c);
        ol_frame_finish(l, &f);
        b->due = b->repeat = false;
        b->asked_upto = o->size + OL_RETURN_WINDOW;
        ol_restore_heard(l, b);
        b->tries++;
    }
}

/* ---- the answer --------------------------------------------------------- */

/* What the peer holds behind gaps counts within its window only. */
static void widen(struct ol_line *l, unsigned p, const struct ol_found *f)
{
    struct ol_back *b = &l->out[p].back;
    unsigned n = 0;

    while (n < f->n_ranges &&
           (uint64_t)f->ranges[n].first + f->ranges[n].count - 1 - f->upto <=
               ol_window_of[p])
        n++;
    b->found = *f;
    b->found.n_ranges = (uint8_t)n;
    b->high = f->upto;
    if (n > 0)
        b->high = f->ranges[n - 1].first + f->ranges[n - 1].count - 1;
}

static void take(struct ol_line *l, unsigned p)
{
    struct ol_back *b = &l->out[p].back;

    b->state = OL_BACK_TAKE;
    b->due = b->repeat = b->prove = true;
    b->tries = 0;
}

/* May the peer contradict what it confirmed before: one of us was an old copy
 * once, and so it may have been confirmed in another life; or the peer shows
 * that we signed another record than this one. */
static bool may_deny(struct ol_line *l, unsigned p)
{
    struct ol_out_log *o = &l->out[p];
    const struct ol_checkpoint *cp = &o->back.found.cp;

    return l->kept.copied || l->peer_lost ||
           (o->back.has_cp && cp->size > o->back.found.match &&
            o->back.differs);
}

/* same: our root where the peer's copy ends is the peer's. */
static void judge(struct ol_line *l, unsigned p, bool same)
{
    struct ol_out_log *o = &l->out[p];
    struct ol_back *b = &o->back;
    const struct ol_found *f = &b->found;

    b->judge = 0;
    if ((f->upto <= o->size && same) || f->match == o->size) {
        take(l, p);
    } else if (f->match > o->size) {
        b->state = OL_BACK_ASK; /* it speaks of another log */
    } else if (f->match >= o->acked || may_deny(l, p)) {
        b->state = OL_BACK_CUT;
    } else if (b->has_cp && f->cp.size <= o->size && f->cp.size > f->match &&
               !b->compared) {
        b->judge = f->cp.size;
        b->compared = true;
    } else {
        b->state = OL_BACK_SOUND;
        ol_owed_stop(l, p, f->match + 1);
    }
}

/* The root that was judged by is loaded: of the peer's copy's end, or then of
 * what we signed. */
static void judge_root(struct ol_line *l, unsigned p,
                       const uint8_t root[OL_ROOT])
{
    struct ol_back *b = &l->out[p].back;

    if (!b->compared) {
        judge(l, p, memcmp(root, b->found.root, OL_ROOT) == 0);
        return;
    }
    b->differs = memcmp(root, b->found.cp.root, OL_ROOT) != 0;
    judge(l, p, false);
}

enum ol_err ol_restore_found(struct ol_line *l, const struct ol_found *f,
                             bool current)
{
    struct ol_out_log *o = &l->out[f->prec];
    struct ol_back *b = &o->back;
    uint8_t root[OL_HASH];

    if (!current || f->ask != b->ask ||
        (b->state != OL_BACK_ASK && b->state != OL_BACK_TAKE))
        return OL_OK;
    if (b->state == OL_BACK_ASK)
        b->tries = 0;
    if (f->number > l->number && f->number <= OL_NUMBER_BACK &&
        f->number - l->number <= UINT32_MAX) {
        l->number = l->kept.number = f->number;
        l->kept_dirty = true;
    }
    widen(l, f->prec, f);
    b->has_cp = f->has_cp &&
                ol_checkpoint_check(f->cp.sig, l->shared.line_id, l->id.ed_pk,
                                    f->prec, f->cp.size, f->cp.root) == OL_OK;
    if (b->has_cp && f->cp.size > o->size && !l->kept.copied)
        l->kept.copied = l->kept_dirty = true; /* we have signed more */
    if (b->state == OL_BACK_TAKE)
        return OL_OK;
    b->state = OL_BACK_JUDGE;
    b->compared = b->differs = false;
    b->judge = f->upto;
    if (f->upto == 0) {
        judge(l, f->prec, true);
    } else if (f->upto > o->size) {
        judge(l, f->prec, false);
    } else if (f->upto == o->size) {
        ol_tree_root(&o->tree, root);
        judge(l, f->prec, memcmp(root, f->root, OL_ROOT) == 0);
    }
    return OL_OK;
}

/* ---- the cut ------------------------------------------------------------ */

/* What is ours alone leaves the log; it waits to be said again. */
static bool cut(struct ol_line *l, unsigned p, const struct ol_tree *tree)
{
    struct ol_out_log *o = &l->out[p];
    uint32_t match = tree->size;
    struct ol_put *put;
    uint8_t *bytes;

    if (!settled(l) || o->durable != o->size || !ol_fx_can_put(l) ||
        !ol_fx_room(l, 4, 8192))
        return false;
    l->kept.returned[p].aside += o->size - match;
    l->kept.number = l->number;
    put = ol_fx_put(l, OL_PUT_ASIDE);
    put->author = OL_OWN;
    put->prec = (uint8_t)p;
    put->index = match + 1;
    bytes = ol_fx_bytes(l, OL_TREE_LEVELS * OL_HASH);
    put->bytes = OL_SPAN(bytes, ol_tree_save(tree, bytes));
    o->tree = *tree;
    o->size = o->durable = match;
    o->acked = OL_MIN(o->acked, match);
    o->acked_put = OL_MIN(o->acked_put, match);
    ol_window_rewind(l, p, o->acked);
    o->cp.size = o->cp_durable = 0;
    ol_pouch_again(l);
    if (match > 0)
        ol_send_sign(l, p);
    (void)ol_fx_keep(l);
    o->back.aside = l->cur->token;
    return true;
}

static void pump_cut(struct ol_line *l, unsigned p)
{
    struct ol_scan *s = &l->back_scan;

    if (!s->on)
        ol_scan_begin(s, OL_OWN, p, l->out[p].back.found.match);
    if (s->prec != p)
        return;
    ol_scan_pump(l, s);
    if (!ol_scan_done(s) || !cut(l, p, &s->tree))
        return;
    s->on = false;
    take(l, p);
}

/* ---- what is due -------------------------------------------------------- */

bool ol_restore_loaded(struct ol_line *l, const struct ol_event *ev)
{
    unsigned p = ev->token % OL_PRECS;
    struct ol_back *b = &l->out[p].back;
    const struct ol_loaded *r = ev->loaded;

    if (ol_scan_loaded(l, &l->back_scan, ev, NULL))
        return true;
    if (b->load == 0 || b->load != ev->token)
        return false;
    b->load = 0;
    b->pause_ns = ev->n_loaded == 0 ? l->now_ns + PAUSE_NS : 0;
    if (ev->n_loaded == 0)
        return true;
    if (b->state == OL_BACK_ASK && b->laid && b->step_at < b->n_steps &&
        r->index == b->step[b->step_at].index)
        memcpy(b->step[b->step_at++].root, r->root, OL_ROOT);
    else if (b->state == OL_BACK_JUDGE && r->index == b->judge)
        judge_root(l, p, r->root);
    return true;
}

static void pump_ask(struct ol_line *l, unsigned p)
{
    struct ol_back *b = &l->out[p].back;

    if (l->now_ns < b->begin_ns) {
        ol_wake(l, b->begin_ns);
        return;
    }
    if (b->state == OL_BACK_ASK && !b->ready && fill_steps(l, p)) {
        b->ready = b->due = b->repeat = true;
        ol_pouch_changed(l);
    }
    if (!asks(&l->out[p]) || b->due || l->sending < 0)
        return;
    if (l->now_ns >= b->ask_ns)
        b->due = b->repeat = true;
    else
        ol_wake(l, b->ask_ns);
}

void ol_restore_pump(struct ol_line *l)
{
    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_back *b = &l->out[p].back;
        switch ((enum ol_back_state)b->state) {
        case OL_BACK_SOUND:
            if (l->kept.foreign[p] != 0) /* a start came in between */
                (void)ol_take_disown(l, p);
            break;
        case OL_BACK_JUDGE:
            (void)load_root(l, p, b->judge);
            break;
        case OL_BACK_CUT:
            pump_cut(l, p);
            break;
        case OL_BACK_TAKE:
            ol_take_pump(l, p);
            pump_ask(l, p);
            break;
        case OL_BACK_ASK:
            pump_ask(l, p);
            break;
        }
    }
}

/* ---- the end ------------------------------------------------------------ */

void ol_restore_end(struct ol_line *l, unsigned p)
{
    struct ol_out_log *o = &l->out[p];
    struct ol_back *b = &o->back;

    ol_take_clear(l, p);
    b->state = OL_BACK_SOUND;
    /* What the peer holds is compared as if it had just said so. */
    if (o->behind == 0 && b->found.upto > 0) {
        o->behind = b->found.upto;
        o->behind_limit = o->limit;
        memcpy(o->behind_root, b->found.root, OL_ROOT);
    }
    o->acked = OL_MIN(o->acked, b->found.upto);
    o->loaded = o->acked;
    o->hint = o->acked + 1;
    o->page_ns = 0;
    o->cp_dirty = o->cp_durable > 0;
    ol_pouch_changed(l);
    if (o->behind > o->size)
        ol_restore_begin(l, p); /* it has come to hold more meanwhile */
    if (ol_restore_any(l))
        return;
    l->kept.unproved = false;
    l->kept.ask = 0;
    l->kept_dirty = true;
    ol_fx_note(l, OL_NOTE_PROVED, OL_CHANNEL_ANY, 0, 0);
}
