/*
 * Effects and batches: what a step gives back, and what is on disk.
 *
 * Law 2 lives here. Every PUT of a step belongs to one batch; when the batch
 * closes, what it makes durable is remembered beside its token; only
 * ol_fx_committed moves the durable marks of send.c and recv.c, and only
 * those marks are ever asserted to the peer or the station. What can wait
 * (which record went out where, states for watchers) joins the next batch, or
 * makes one of its own after LAZY_NS.
 * A step that runs out of effects or arena sets `more` and goes on later.
 */
#include "core/line_int.h"

#include <string.h>

#define LAZY_NS (250 * OL_NS_PER_MS)

bool ol_fx_room(struct ol_line *l, unsigned n, size_t bytes)
{
    if (l->fx->count + n + OL_FX_RESERVE <= OL_FX_MAX &&
        l->arena_n + bytes <= OL_ARENA)
        return true;
    l->fx->more = true;
    return false;
}

uint8_t *ol_fx_bytes(struct ol_line *l, size_t n)
{
    uint8_t *p = l->arena + l->arena_n;

    OL_CHECK(l->arena_n + n <= OL_ARENA);
    l->arena_n += n;
    return p;
}

struct ol_effect *ol_fx_add(struct ol_line *l, enum ol_fx kind)
{
    struct ol_effect *e = &l->fx->v[l->fx->count];

    OL_CHECK(l->fx->count < OL_FX_MAX);
    l->fx->count++;
    memset(e, 0, sizeof(*e));
    e->kind = kind;
    return e;
}

void ol_fx_note(struct ol_line *l, enum ol_note_kind kind, uint16_t channel,
                uint8_t prec, uint32_t index)
{
    struct ol_note *n;

    /* A note is news, not a promise: without room it is left out. */
    if (l->fx->count >= OL_FX_MAX)
        return;
    n = &ol_fx_add(l, OL_FX_NOTE)->note;
    n->kind = kind;
    n->channel = channel;
    n->prec = prec;
    n->index = index;
}

static struct ol_open_batch *free_batch(struct ol_line *l)
{
    for (unsigned i = 0; i < OL_BATCHES_MAX; i++)
        if (l->batch[i].token == 0)
            return &l->batch[i];
    return NULL;
}

bool ol_fx_can_put(struct ol_line *l)
{
    return l->cur != NULL || free_batch(l) != NULL;
}

struct ol_put *ol_fx_put(struct ol_line *l, enum ol_put_kind kind)
{
    struct ol_put *put;

    if (l->cur == NULL) {
        l->cur = free_batch(l);
        OL_CHECK(l->cur != NULL);
        memset(l->cur, 0, sizeof(*l->cur));
        l->cur->token = ++l->next_token;
        l->given = l->cur->token;
        l->fx->batch = l->cur->token;
    }
    put = &ol_fx_add(l, OL_FX_PUT)->put;
    put->kind = kind;
    put->channel = OL_CHANNEL_ANY;
    return put;
}

/* Most batches add to one log at most: the root of the others is known. */
static const uint8_t *root_of(struct ol_in_log *in)
{
    uint8_t root[OL_HASH];

    if (in->root_at != in->upto) {
        ol_tree_root(&in->tree, root);
        memcpy(in->root, root, OL_ROOT);
        in->root_at = in->upto;
    }
    return in->root;
}

void ol_fx_close(struct ol_line *l)
{
    struct ol_open_batch *b = l->cur;

    if (b == NULL)
        return;
    for (unsigned p = 0; p < OL_PRECS; p++) {
        b->own[p] = l->out[p].size;
        b->cp[p] = l->out[p].cp.size;
        b->peer[p] = l->in[p].upto;
        memcpy(b->root[p], root_of(&l->in[p]), OL_ROOT);
    }
    l->cur = NULL;
}

static void tell_taken(struct ol_line *l, const struct ol_open_batch *b)
{
    struct ol_note *n = &ol_fx_add(l, OL_FX_NOTE)->note;

    n->kind = OL_NOTE_TAKEN;
    n->channel = OL_CHANNEL_ANY;
    n->token = b->taken_token;
    n->prec = b->taken_prec;
    n->index = b->taken_index;
    n->number = b->taken_number;
    n->count = b->taken;
}

void ol_fx_committed(struct ol_line *l, uint64_t token)
{
    for (unsigned i = 0; i < OL_BATCHES_MAX; i++) {
        struct ol_open_batch *b = &l->batch[i];
        if (b->token != token || token == 0)
            continue;
        /* Batches commit in order, so everything before is on disk too. */
        OL_CHECK(token > l->committed);
        l->committed = token;
        if (b->taken > 0)
            tell_taken(l, b);
        ol_send_committed(l, b);
        ol_recv_committed(l, b);
        b->token = 0;
        return;
    }
}

void ol_fx_sent(struct ol_line *l, uint16_t channel, uint8_t prec,
                uint32_t index)
{
    struct ol_sent_range *r, *spare = NULL;

    if (l->lazy_ns == OL_NEVER_NS)
        l->lazy_ns = l->now_ns + LAZY_NS;
    for (unsigned i = 0; i < OL_SENT_RANGES; i++) {
        r = &l->sent[i];
        if (r->lo == 0) {
            spare = r;
            continue;
        }
        if (r->channel != channel || r->prec != prec)
            continue;
        if (index == r->hi + 1) {
            r->hi = index;
            return;
        }
    }
    /* Without room the attempt goes untold: less is said than happened. */
    if (spare == NULL)
        return;
    spare->channel = channel;
    spare->prec = prec;
    spare->lo = spare->hi = index;
}

/* false: some still wait. */
static bool flush_sent(struct ol_line *l)
{
    for (unsigned i = 0; i < OL_SENT_RANGES; i++) {
        struct ol_sent_range *r = &l->sent[i];
        struct ol_put *put;
        if (r->lo == 0)
            continue;
        if (!ol_fx_room(l, 1, 0))
            return false;
        put = ol_fx_put(l, OL_PUT_SENT);
        put->channel = r->channel;
        put->prec = r->prec;
        put->index = r->lo;
        put->count = r->hi - r->lo + 1;
        r->lo = 0;
    }
    return true;
}

static struct ol_put *event(struct ol_line *l, enum ol_what what,
                            uint16_t channel, const char *detail)
{
    struct ol_put *put = ol_fx_put(l, OL_PUT_EVENT);

    put->what = (uint8_t)what;
    put->channel = channel;
    put->detail = detail;
    put->count = 1;
    return put;
}

/* Just after a start nothing was heard because nothing could be: that is no
 * blackout before the hold time. */
static bool unknown_yet(struct ol_line *l)
{
    bool dark = l->state == OL_LINE_DARK || l->state == OL_LINE_POUCH_ONLY;

    return l->told == OL_LINE_UNKNOWN && dark &&
           l->now_ns - l->start_ns < l->hold_ns;
}

void ol_fx_alarm(struct ol_line *l, const char *what)
{
    unsigned k = 0;

    /* Each is a row that stays: a peer must not be able to fill the disk with
     * them. The texts are static and few. */
    while (k < OL_ALARMS_MAX && l->alarmed[k].what != NULL &&
           l->alarmed[k].what != what)
        k++;
    OL_CHECK(k < OL_ALARMS_MAX);
    if (l->alarmed[k].what != NULL &&
        l->now_ns - l->alarmed[k].at_ns < OL_ALARM_GAP_MS * OL_NS_PER_MS)
        return;
    l->alarmed[k].what = what;
    l->alarmed[k].at_ns = l->now_ns;
    l->alarm = what;
    l->events_due = true;
}

static void flush_officer(struct ol_line *l)
{
    enum ol_attendance now = ol_probe_theirs(l);
    uint64_t since_ns = l->now_ns - l->told_officer_ns;

    if (now == l->told_officer ||
        (l->told_officer_ns != 0 &&
         since_ns < OL_OFFICER_GAP_MS * OL_NS_PER_MS))
        return;
    l->told_officer = (uint8_t)now;
    l->told_officer_ns = l->now_ns;
    event(l, OL_WHAT_ATTENDANCE, OL_CHANNEL_ANY, ol_attendance_name(now))
        ->author = OL_PEER;
}

static void flush_events(struct ol_line *l)
{
    bool dark;

    for (unsigned c = 0; c < l->n_ch; c++) {
        struct ol_lchan *ch = &l->ch[c];
        if (ch->told == ch->state)
            continue;
        if (!ol_fx_room(l, 1, 0))
            return;
        ch->told = ch->state;
        event(l, OL_WHAT_CHANNEL, (uint16_t)c, ol_chan_state_name(ch->state));
    }
    if (!ol_fx_room(l, 4, 0))
        return;
    flush_officer(l);
    if (l->alarm != NULL)
        event(l, OL_WHAT_ALARM, OL_CHANNEL_ANY, l->alarm);
    l->alarm = NULL;
    l->events_due = false;
    if (l->told == l->state || unknown_yet(l))
        return;
    l->told = l->state;
    dark = l->state == OL_LINE_DARK || l->state == OL_LINE_POUCH_ONLY;
    event(l, OL_WHAT_LINE, OL_CHANNEL_ANY, ol_line_state_name(l->state));
    if (dark == l->kept.dark)
        return;
    event(l, dark ? OL_WHAT_BLACKOUT : OL_WHAT_RESTORED, OL_CHANNEL_ANY, NULL);
    l->kept.dark = dark;
    l->kept_dirty = true;
}

/* It has prekeys in it, which are not to outlive themselves here. */
void ol_fx_wipe(struct ol_line *l)
{
    if (l->kept_put == NULL)
        return;
    ol_wipe(l->kept_at, OL_KEPT_MAX);
    l->kept_put = NULL;
}

uint64_t ol_fx_keep(struct ol_line *l)
{
    size_t n;

    /* One put a step: what it says is what the last of its callers wants. */
    if (l->kept_put == NULL) {
        if (!ol_fx_can_put(l) || !ol_fx_room(l, 1, OL_KEPT_MAX))
            return 0;
        l->kept_at = ol_fx_bytes(l, OL_KEPT_MAX);
        l->kept_put = ol_fx_put(l, OL_PUT_STATE);
    }
    l->kept.ran_s = ol_prekey_ran(l);
    n = ol_kept_encode(&l->kept, l->kept_at, OL_KEPT_MAX);
    l->kept_put->bytes = OL_SPAN(l->kept_at, n);
    l->kept_put->erase |= l->kept_erased;
    l->kept_dirty = l->kept_erased = false;
    return l->cur->token;
}

void ol_fx_flush(struct ol_line *l)
{
    bool due = l->cur != NULL || l->kept_dirty || l->events_due ||
               l->now_ns >= l->lazy_ns;

    if (!due || !ol_fx_can_put(l)) {
        if (!due)
            ol_wake(l, l->lazy_ns);
        return;
    }
    if (l->kept_dirty)
        (void)ol_fx_keep(l);
    if (flush_sent(l))
        l->lazy_ns = OL_NEVER_NS;
    if (l->events_due)
        flush_events(l);
}
