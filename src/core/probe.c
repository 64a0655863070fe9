/*
 * Probing and states: which channels work, in which direction, and whether
 * the line is dark.
 *
 *            answered, heard          silence in flight
 *   FRESH ------------------> UP <-----------------------> DOUBTFUL
 *     |                        |  one direction silent       |
 *     |                        +----------> ONE_WAY          |
 *     '---- hold time ----> DOWN <------- hold time ---------'
 *   any <--- officer ---> DISABLED            pouches: IDLE
 *
 * The state of a channel is not moved by events; it is computed from four
 * facts (heard, answered, unanswered since, transport) in one place, judge(),
 * which lets a channel stay as it was while only its first frame has come.
 * `answered` is the sending time of our newest frame that was answered, so a
 * path that delays frames for an hour does not look alive. On an idle channel
 * the station of the lower key probes; the ECHO asks for an ack, so that one
 * exchange proves both directions to both sides. Doubt comes from silence
 * only. Source: doc/protocol.md 9.
 */
#include "core/address.h"
#include "core/line_int.h"
#include "core/size.h"

#include <string.h>

#define HIGHER_WAITS_NS (1 * OL_NS_PER_S)
#define VIEW_GAP_NS OL_NS_PER_S
#define NEWS_FOR_NS (5 * OL_NS_PER_S) /* a network that changes settles */
#define FRESH_FOR_NS (3 * OL_NS_PER_S) /* then another address is tried */

const char *ol_chan_state_name(enum ol_chan_state s)
{
    static const char *const name[] = {"fresh",    "up",   "one-way",
                                       "doubtful", "down", "disabled",
                                       "idle",     "unknown"};

    return (unsigned)s < OL_LEN(name) ? name[s] : "unknown";
}

const char *ol_line_state_name(enum ol_line_state s)
{
    static const char *const name[] = {
        "unpaired",     "open",           "last-channel", "pouch-only", "dark",
        "closed-by-us", "closed-by-them", "unknown"};

    return (unsigned)s < OL_LEN(name) ? name[s] : "unknown";
}

static bool usable_state(uint8_t state)
{
    return state == OL_CHAN_UP || state == OL_CHAN_DOUBTFUL;
}

const char *ol_attendance_name(enum ol_attendance a)
{
    static const char *const name[] = {"unknown", "attended", "unattended"};

    return (unsigned)a < OL_LEN(name) ? name[a] : "unknown";
}

bool ol_chan_reachable(const struct ol_lchan *ch)
{
    if (ch->disabled)
        return false;
    return ch->has_addr ? ol_addr_open(ch) : ch->conf.dials && ch->up;
}

bool ol_chan_room(const struct ol_lchan *ch, size_t n)
{
    uint32_t room = ch->has_addr ? ch->addr_room : ch->own_room;

    return ch->conf.kind != OL_CHAN_STREAM || ch->spent + n <= room;
}

bool ol_chan_usable(const struct ol_lchan *ch)
{
    return ol_chan_reachable(ch) && ch->conf.kind != OL_CHAN_POUCH &&
           usable_state(ch->state);
}

int ol_chan_best(const struct ol_line *l)
{
    int best = -1;
    uint64_t least = OL_NEVER_NS;

    for (unsigned c = 0; c < l->n_ch; c++) {
        const struct ol_lchan *ch = &l->ch[c];
        uint64_t cost = ch->path.srtt_ns;
        if (!ol_chan_usable(ch))
            continue;
        if (ch->state == OL_CHAN_DOUBTFUL)
            cost += 60 * OL_NS_PER_S;
        if (best < 0 || cost < least) {
            best = (int)c;
            least = cost;
        }
    }
    return best;
}

bool ol_chan_late(const struct ol_lchan *ch)
{
    return ch->state == OL_CHAN_DOUBTFUL && ch->late;
}

bool ol_line_live(const struct ol_line *l)
{
    for (unsigned c = 0; c < l->n_ch; c++)
        if (usable_state(l->ch[c].state) && !l->ch[c].late)
            return true;
    return false;
}

/* ---- signs of life ------------------------------------------------------- */

void ol_probe_heard(struct ol_line *l, unsigned c, const struct ol_addr *from,
                    size_t bytes)
{
    struct ol_lchan *ch = &l->ch[c];

    /* Life after silence: ask at once whether it goes both ways. */
    if (ch->heard_ns <= ch->born_ns ||
        l->now_ns - ch->heard_ns >= ch->hold_ns) {
        ch->half_ns = l->now_ns;
        ch->probe_next_ns = l->now_ns;
    }
    ch->heard_ns = l->now_ns;
    l->last_heard_ns = l->now_ns;
    ol_addr_heard(l, c, from, bytes);
}

void ol_probe_answered(struct ol_line *l, unsigned c, uint64_t sent_ns)
{
    struct ol_lchan *ch = &l->ch[c];

    if (ch->answered_ns <= ch->born_ns ||
        l->now_ns - ch->answered_ns >= ch->hold_ns)
        ch->half_ns = l->now_ns;
    if (sent_ns > ch->answered_ns)
        ch->answered_ns = sent_ns;
    l->answered_ns = OL_MAX(l->answered_ns, sent_ns);
    if (ch->probe_sent_ns != 0 && sent_ns >= ch->probe_sent_ns)
        ch->probe_sent_ns = 0;
}

uint32_t ol_probe_new_id(struct ol_line *l)
{
    uint32_t id;

    do
        id = ol_rng_u32(&l->rng);
    while (id == 0);
    return id;
}

void ol_probe_asked(struct ol_line *l, unsigned c, const struct ol_probe *p,
                    const struct ol_addr *from)
{
    struct ol_lchan *ch = &l->ch[c];

    ch->echo_due = true;
    ch->echo = *p;
    ch->echo_heard_ns = l->now_ns;
    ch->echo_to = *from;
}

void ol_probe_echoed(struct ol_line *l, unsigned c, const struct ol_probe *p,
                     const struct ol_addr *from)
{
    struct ol_lchan *ch = &l->ch[c];
    bool newest = p->id == ch->probe_id, asked = p->id == ch->cand_probe;

    /* It proves an address only if nobody can say it who did not get the
     * probe: the peer itself may want us to flood somebody else. It does not
     * get to guess, either. */
    if (ch->guesses >= OL_GUESSES_MAX)
        return;
    if (!ol_path_echoed(l, c, p) && !newest && !asked)
        ch->guesses++;
    if (!newest && !asked)
        return;
    ol_addr_echoed(l, c, p->id, from);
    ol_probe_answered(l, c, newest ? ch->probe_at_ns : ch->cand_ns);
}

/* ---- views -------------------------------------------------------------- */

void ol_probe_view(const struct ol_line *l, struct ol_view *v)
{
    memset(v, 0, sizeof(*v));
    v->serial = l->view_serial;
    v->attendance = l->shown;
    v->line = l->state;
    for (unsigned c = 0; c < l->n_ch; c++) {
        unsigned i = v->count++;
        /* Ascending tags: there is one encoding. */
        while (i > 0 && v->v[i - 1].tag > l->ch[c].tag) {
            v->v[i] = v->v[i - 1];
            i--;
        }
        v->v[i].tag = l->ch[c].tag;
        v->v[i].state = l->ch[c].state;
    }
}

void ol_probe_viewed(struct ol_line *l, const struct ol_view *v)
{
    if (v->serial <= l->peer_view_serial && l->peer_line_ns != 0 &&
        l->peer_view_serial - v->serial < UINT32_MAX / 2)
        return;
    l->peer_view_serial = v->serial;
    l->peer_line = v->line < OL_LINE_STATES ? v->line : OL_LINE_UNKNOWN;
    l->peer_line_ns = l->now_ns;
    l->peer_attendance = v->attendance;
    for (unsigned i = 0; i < v->count; i++)
        for (unsigned c = 0; c < l->n_ch; c++)
            if (l->ch[c].tag == v->v[i].tag) {
                l->ch[c].peer_state = v->v[i].state < OL_CHAN_STATES
                                          ? v->v[i].state
                                          : OL_CHAN_UNKNOWN;
                l->ch[c].peer_state_ns = l->now_ns;
            }
}

/* What it said before we lost it tells nothing of now. */
enum ol_attendance ol_probe_theirs(const struct ol_line *l)
{
    bool up = l->state == OL_LINE_OPEN || l->state == OL_LINE_LAST_CHANNEL;

    return up && l->peer_line_ns != 0
               ? (enum ol_attendance)l->peer_attendance
               : OL_ATT_UNKNOWN;
}

/* An event is a row that stays: a peer that says otherwise in every frame must
 * not fill the disk with them. */
static void watch_officer(struct ol_line *l)
{
    uint64_t at = l->told_officer_ns + OL_OFFICER_GAP_MS * OL_NS_PER_MS;

    if (ol_probe_theirs(l) == l->told_officer)
        return;
    if (l->told_officer_ns == 0 || l->now_ns >= at)
        l->events_due = true;
    else
        ol_wake(l, at);
}

enum ol_err ol_probe_attend(struct ol_line *l, uint8_t attendance)
{
    if (attendance > OL_ATT_UNATTENDED)
        return OL_ERR_INPUT;
    l->view_soon |= l->shown != attendance;
    l->view_dirty |= l->view_soon;
    l->shown = attendance;
    return OL_OK;
}

bool ol_probe_view_told(const struct ol_line *l)
{
    return l->view_acked_ns != 0 && l->view_acked > l->view_changed &&
           l->now_ns - l->view_acked_ns < OL_VIEW_AGAIN * l->probe_ns;
}

/* Probes take it along; where data flows there are none, and what changed must
 * not stay unsaid for as long as that lasts. */
bool ol_probe_view_due(struct ol_line *l)
{
    uint64_t again = l->view_ns + 2 * l->probe_ns;

    if (l->view_acked > l->view_changed)
        again = OL_MAX(again,
                       l->view_acked_ns + (OL_VIEW_AGAIN + 2) * l->probe_ns);
    /* Where much is lost a channel is in doubt several times a second. */
    if (l->view_dirty)
        again = l->view_soon ? 0 : l->view_ns + VIEW_GAP_NS;
    if (l->now_ns >= again)
        return true;
    ol_wake(l, again);
    return false;
}

/* ---- transport and the officer's switch --------------------------------- */

/* The networks of this machine have changed, or it slept: what was known of
 * the way is old. Ask at once, and wait for no timer that was set before. */
static void news(struct ol_line *l, unsigned c)
{
    struct ol_lchan *ch = &l->ch[c];

    if (ch->conf.kind == OL_CHAN_POUCH)
        return;
    ch->ask = true;
    ch->news_ns = l->now_ns;
    ch->reset_ns = 0;
    ch->path.pto_count = 0;
    ol_hand_hurry(l, (uint16_t)c);
}

void ol_probe_transport(struct ol_line *l, unsigned c,
                        const struct ol_addr *from, const struct ol_chan *t)
{
    struct ol_lchan *ch = &l->ch[c];

    if (t->too_big &&
        (from->len > 0 ? ol_addr_in_use(ch, from) : !ch->has_addr))
        ol_size_hint(l, c);
    if (t->news)
        news(l, c);
    if (t->gone) {
        if (!ol_addr_gone(l, c, from))
            return;
        if (ch->conf.kind == OL_CHAN_STREAM)
            ol_path_drop(l, c);
        ch->probe_next_ns = l->now_ns;
        return;
    }
    if (from->len > 0) {
        if (ol_addr_in_use(ch, from))
            ch->addr_room = t->room_bytes;
        return;
    }
    ch->own_room = t->room_bytes;
    if (t->up == ch->up)
        return;
    ch->up = t->up;
    if (ch->has_addr)
        return;
    if (ch->conf.kind == OL_CHAN_STREAM)
        ol_path_drop(l, c);
    if (t->up) {
        ch->probe_next_ns = l->now_ns;
        ol_hand_hurry(l, (uint16_t)c);
    }
}

void ol_probe_enable(struct ol_line *l, unsigned c, bool on)
{
    struct ol_lchan *ch = &l->ch[c];

    if (ch->disabled == !on)
        return;
    ch->disabled = !on;
    ch->probe_next_ns = l->now_ns;
    ch->echo_due = ch->has_cand = false;
    ch->born_ns = l->now_ns;
    ch->probe_sent_ns = 0;
    if (!on) {
        ol_path_drop(l, c);
    } else {
        ch->state = OL_CHAN_FRESH;
        ol_hand_hurry(l, (uint16_t)c);
    }
    l->view_dirty = l->view_soon = true;
}

/* ---- states ------------------------------------------------------------- */

/* Heard or answered within the hold time, and when that ends. */
static bool recent(struct ol_line *l, const struct ol_lchan *ch, uint64_t t_ns)
{
    /* What was heard before the officer's switch proves nothing now. */
    if (t_ns == 0 || t_ns < ch->born_ns ||
        l->now_ns - t_ns >= ch->hold_ns)
        return false;
    ol_wake(l, t_ns + ch->hold_ns);
    return true;
}

static bool in_doubt(struct ol_line *l, const struct ol_lchan *ch)
{
    uint64_t oldest = ol_path_oldest(&ch->path, ch->answered_ns);
    uint64_t bound = 3 * ol_path_pto(&ch->path);

    if (!ol_chan_reachable(ch))
        return true;
    if (oldest != OL_NEVER_NS) {
        if (l->now_ns - oldest >= bound)
            return true;
        ol_wake(l, oldest + bound);
    }
    if (ch->probe_sent_ns != 0 && ch->probe_sent_ns > ch->answered_ns) {
        if (l->now_ns - ch->probe_sent_ns >= bound)
            return true;
        ol_wake(l, ch->probe_sent_ns + bound);
    }
    return false;
}

/* It has fallen twice or more of late: it is to prove itself for longer each
 * time before anything is made of it. Silence proves nothing, so the trial ends
 * with an answer to what was sent behind its end. */
static bool on_trial(const struct ol_lchan *ch)
{
    unsigned falls = OL_MIN(ch->falls, OL_TRIAL_FALLS);

    return falls >= 2 &&
           ch->answered_ns < ch->back_ns + (ch->hold_ns << (falls - 2));
}

static uint8_t judge(struct ol_line *l, struct ol_lchan *ch, bool *late)
{
    bool heard, answered;

    ch->trial = *late = false;

    if (ch->disabled)
        return OL_CHAN_DISABLED;
    if (ch->conf.kind == OL_CHAN_POUCH)
        return OL_CHAN_IDLE;
    heard = recent(l, ch, ch->heard_ns);
    answered = recent(l, ch, ch->answered_ns);
    if (answered && heard) {
        if (!usable_state(ch->state))
            ch->back_ns = l->now_ns;
        *late = in_doubt(l, ch);
        ch->trial = on_trial(ch);
        return *late || ch->trial ? OL_CHAN_DOUBTFUL : OL_CHAN_UP;
    }
    if (heard || answered) {
        /* Just after the first frame the other half is still under way. An
         * answer alone came another way, and is proof. */
        if (heard && !usable_state(ch->state) &&
            ch->state != OL_CHAN_ONE_WAY &&
            l->now_ns - ch->half_ns < ch->hold_ns / 4) {
            ol_wake(l, ch->half_ns + ch->hold_ns / 4);
            return ch->state;
        }
        return OL_CHAN_ONE_WAY;
    }
    if (ch->state == OL_CHAN_FRESH && ch->heard_ns <= ch->born_ns &&
        l->now_ns - ch->born_ns < ch->hold_ns) {
        ol_wake(l, ch->born_ns + ch->hold_ns);
        return OL_CHAN_FRESH;
    }
    return OL_CHAN_DOWN;
}

/* It was of use, and is not: not by the officer's hand. */
static void fell(struct ol_line *l, struct ol_lchan *ch)
{
    if (l->now_ns - ch->fell_ns >= OL_TRIAL_FORGET * ch->hold_ns)
        ch->falls = 0;
    ch->falls = (uint8_t)OL_MIN(ch->falls + 1u, OL_TRIAL_FALLS);
    ch->fell_ns = l->now_ns;
}

static void became(struct ol_line *l, unsigned c, uint8_t state, bool late)
{
    struct ol_lchan *ch = &l->ch[c];

    if (late && !ch->late)
        ol_path_doubt(l, c);
    ch->late = late;
    if (ch->state == state)
        return;
    if (usable_state(ch->state) && !usable_state(state) &&
        state != OL_CHAN_DISABLED)
        fell(l, ch);
    if (state == OL_CHAN_DOWN) {
        ch->down_ns = l->now_ns;
        ol_path_drop(l, c);
        ol_addr_home(l, c);
    }
    if (usable_state(state))
        ch->knocks_sent = 0;
    l->view_soon |= !usable_state(ch->state) || !usable_state(state);
    ch->state = state;
    l->view_dirty = true;
    l->events_due = true;
}

static void judge_line(struct ol_line *l)
{
    bool pouch = false, trial = false;
    unsigned up = 0;
    uint8_t state;

    for (unsigned c = 0; c < l->n_ch; c++) {
        const struct ol_lchan *ch = &l->ch[c];
        up += usable_state(ch->state) && !ch->trial;
        trial |= ch->trial;
        pouch |= ch->state == OL_CHAN_IDLE;
    }
    /* What comes and goes is no second channel, but one is not dark with it. */
    if (up == 0 && trial)
        up = 1;
    if (up > 0)
        state = up > 1 ? OL_LINE_OPEN : OL_LINE_LAST_CHANNEL;
    else
        state = pouch ? OL_LINE_POUCH_ONLY : OL_LINE_DARK;
    if (up > 0) {
        l->dark_since_ns = l->dark_detected_ns = 0;
    } else if (l->dark_since_ns == 0) {
        l->dark_since_ns = OL_MAX(OL_MAX(l->start_ns, l->answered_ns), 1);
        l->dark_detected_ns = l->now_ns;
    }
    /* What was not told at the start is told now, or will be. */
    if (l->told == OL_LINE_UNKNOWN) {
        if (l->now_ns - l->start_ns >= l->hold_ns)
            l->events_due = true;
        else
            ol_wake(l, l->start_ns + l->hold_ns);
    }
    if (state == l->state)
        return;
    l->state = state;
    l->view_dirty = l->view_soon = true;
    l->events_due = true;
}

/* ---- probes ------------------------------------------------------------- */

/* When the next probe of a channel is due, from now on. */
static uint64_t interval(const struct ol_line *l, const struct ol_lchan *ch)
{
    uint64_t ns = OL_MIN(OL_PROBE_DOUBT_MS * OL_NS_PER_MS, l->probe_ns);
    uint64_t down_s = (l->now_ns - ch->down_ns) / OL_NS_PER_S;

    if (ch->state == OL_CHAN_DOWN && ch->down_ns != 0) {
        if (down_s >= OL_PROBE_LATE_AFTER_S)
            ns = OL_PROBE_LATE_MS * OL_NS_PER_MS;
        else if (down_s < OL_PROBE_OWED_FOR_S && ol_send_owes(l))
            ns = OL_MIN(ns, OL_PROBE_OWED_MS * OL_NS_PER_MS);
    }
    /* It was answered until now: one lost probe is to darken nothing. What a
     * stream loses its kernel says again. */
    if (usable_state(ch->state) && ch->conf.kind == OL_CHAN_DATAGRAM &&
        ch->probe_sent_ns != 0 &&
        l->now_ns - ch->probe_sent_ns < OL_PROBE_SOON_FOR_MS * OL_NS_PER_MS)
        ns = OL_MIN(ns, OL_MAX(OL_PROBE_SOON_MS * OL_NS_PER_MS,
                               ol_path_pto(&ch->path)));
    if (ch->conf.rate_bps > 0)
        ns = OL_MAX(ns, OL_FRAME_MIN * 80 * OL_NS_PER_S / ch->conf.rate_bps);
    return ns;
}

static bool probe_due(struct ol_line *l, const struct ol_lchan *ch)
{
    uint64_t idle = l->probe_ns, at = ch->probe_next_ns;

    if (ch->ask)
        return true;
    /* Up and answered: only after the probe interval, the lower key first. */
    if (ch->state == OL_CHAN_UP && ch->probe_sent_ns == 0 &&
        ch->path.pto_count == 0) {
        if (!l->shared.lower)
            idle += OL_MIN(HIGHER_WAITS_NS, ch->hold_ns / 8);
        at = OL_MAX(at, ch->answered_ns + idle);
    }
    if (l->now_ns >= at)
        return true;
    ol_wake(l, at);
    return false;
}

static void probe(struct ol_line *l, unsigned c)
{
    struct ol_lchan *ch = &l->ch[c];

    if (ol_epoch_sending(l) == NULL || ch->conf.kind == OL_CHAN_POUCH ||
        !ol_chan_reachable(ch) || !probe_due(l, ch))
        return;
    if (!ol_fx_room(l, 1, OL_FRAME_MAX))
        return;
    ch->ask = false;
    ch->probe_id = ol_probe_new_id(l);
    ch->guesses = 0;
    ch->probe_at_ns = l->now_ns;
    if (ch->probe_sent_ns == 0)
        ch->probe_sent_ns = l->now_ns;
    ch->probe_next_ns = l->now_ns + interval(l, ch);
    ol_wake(l, ch->probe_next_ns);
    ol_schedule_probe(l, c, ol_addr_of(ch), ch->probe_id);
}

/* Is another try of the transport worth more than patience: a dialled stream
 * that is down hangs in its kernel's timers, which after a cut of a minute are
 * a minute long; the name of a datagram channel that is not answered may mean
 * another address by now. */
static bool transport_is_old(const struct ol_line *l, const struct ol_lchan *ch)
{
    switch (ch->state) {
    case OL_CHAN_DOWN:
        return true;
    case OL_CHAN_DOUBTFUL:
        /* A stream keeps what is in doubt, unless its network changed. */
        return (ch->conf.kind == OL_CHAN_DATAGRAM && ch->late) ||
               (ch->news_ns != 0 && ch->probe_sent_ns >= ch->news_ns &&
                l->now_ns - ch->news_ns >= NEWS_FOR_NS);
    case OL_CHAN_FRESH:
    case OL_CHAN_ONE_WAY:
        return ch->conf.kind == OL_CHAN_DATAGRAM &&
               l->now_ns - ch->born_ns >= FRESH_FOR_NS;
    default:
        return false;
    }
}

static void reset(struct ol_line *l, unsigned c)
{
    struct ol_lchan *ch = &l->ch[c];
    bool stream = ch->conf.kind == OL_CHAN_STREAM;
    uint64_t gap = (stream ? 3 : 5) * OL_NS_PER_S;

    if (!ch->conf.dials || !ch->up || ch->conf.kind == OL_CHAN_POUCH)
        return;
    if (ch->state == OL_CHAN_FRESH && l->now_ns < ch->born_ns + FRESH_FOR_NS)
        ol_wake(l, ch->born_ns + FRESH_FOR_NS);
    if (stream && ch->news_ns != 0 && l->now_ns < ch->news_ns + NEWS_FOR_NS)
        ol_wake(l, ch->news_ns + NEWS_FOR_NS);
    if (!transport_is_old(l, ch))
        return;
    if (!stream && ch->state == OL_CHAN_DOWN &&
        l->now_ns - ch->down_ns > 60 * OL_NS_PER_S)
        gap = 30 * OL_NS_PER_S;
    if (ch->reset_ns != 0 && l->now_ns - ch->reset_ns < gap) {
        ol_wake(l, ch->reset_ns + gap);
        return;
    }
    ch->reset_ns = l->now_ns;
    ch->news_ns = 0;
    ol_fx_note(l, OL_NOTE_RESET, (uint16_t)c, 0, 0);
}

void ol_probe_pump(struct ol_line *l)
{
    uint8_t state;
    bool late;

    for (unsigned c = 0; c < l->n_ch; c++) {
        ol_addr_pump(l, c);
        state = judge(l, &l->ch[c], &late);
        became(l, c, state, late);
        reset(l, c);
    }
    judge_line(l);
    watch_officer(l);
    for (unsigned c = 0; c < l->n_ch; c++) {
        ol_size_pump(l, c);
        probe(l, c);
    }
}
