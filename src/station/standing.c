/*
 * How all lines stand, in one sentence for `systemctl status`, and two
 * warnings before it is too late.
 *
 * Happy path: a line's event marks the station, the end of the turn looks at
 * every line once, says what has changed and raises or clears what a person
 * must act upon. A line that has only just started is given its hold time
 * before a missing channel is called lost.
 */
#include "station/standing.h"

#include <string.h>

#include "station/alarms.h"
#include "station/clock.h"
#include "station/notify.h"
#include "station/station.h"

#define LOOK_NS (5 * OL_NS_PER_S)
#define TEXT_MAX 512u

void ol_standing_changed(struct ol_station_line *line)
{
    line->st->standing_ns = 0;
}

/* ---- the sentence ------------------------------------------------------- */

struct text {
    char *p;
    size_t n, room;
};

static bool add(struct text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Whole or not at all. */
static bool add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(t->p + t->n, t->room - t->n, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= t->room - t->n) {
        t->p[t->n] = '\0';
        return false;
    }
    t->n += (size_t)n;
    return true;
}

static bool is_dark(uint8_t state)
{
    return state == OL_LINE_DARK || state == OL_LINE_POUCH_ONLY;
}

/* "; DARK: south since ..., east, and 3 more" */
static void list(struct text *t, const struct ol_standing *v, unsigned n,
                 bool dark)
{
    unsigned said = 0, left = 0;
    char since[OL_TIME_TEXT];

    for (unsigned k = 0; k < n; k++) {
        if (dark ? !is_dark(v[k].state) : v[k].state != OL_LINE_LAST_CHANNEL)
            continue;
        ol_text_time(since, v[k].dark_since_ms);
        /* Room is kept for how many were left out. */
        t->room -= 24;
        if (left == 0 &&
            add(t, "%s%s%s%s",
                said > 0 ? ", "
                : dark   ? "; DARK: "
                         : "; last channel: ",
                v[k].peer, dark && v[k].dark_since_ms > 0 ? " since " : "",
                dark && v[k].dark_since_ms > 0 ? since : ""))
            said++;
        else
            left++;
        t->room += 24;
    }
    if (left > 0)
        (void)add(t, "%s%u more", said > 0 ? ", and " : "; ", left);
}

size_t ol_standing_text(const struct ol_standing *v, unsigned n, char *out,
                        size_t room)
{
    struct text t = {.p = out, .room = room};
    unsigned open = 0;

    for (unsigned k = 0; k < n; k++)
        open += v[k].state == OL_LINE_OPEN ||
                v[k].state == OL_LINE_LAST_CHANNEL;
    (void)add(&t, "%u of %u line%s open", open, n, n == 1 ? "" : "s");
    list(&t, v, n, true);
    list(&t, v, n, false);
    return t.n;
}

/* ---- warnings ----------------------------------------------------------- */

static bool is_open(const struct ol_chan_status *c)
{
    return c->state == OL_CHAN_UP || c->state == OL_CHAN_DOUBTFUL;
}

/* Channels that could carry the line: not disabled, no pouch. */
static unsigned able(const struct ol_line_status *s)
{
    unsigned n = 0;

    for (unsigned k = 0; k < s->n_channels; k++)
        n += s->ch[k].state != OL_CHAN_IDLE &&
             s->ch[k].state != OL_CHAN_DISABLED;
    return n;
}

static const char *only_one(const struct ol_station_line *line,
                            const struct ol_line_status *s)
{
    for (unsigned k = 0; k < s->n_channels; k++)
        if (is_open(&s->ch[k]))
            return line->names[k];
    return "none";
}

/* Some channel would have another fate, but is not open. A line whose
 * channels all share one by its configuration has its warning in the status;
 * nobody needs to be called for it. */
static bool other_fate_lost(const struct ol_station_line *line,
                            const struct ol_line_status *s)
{
    const char *fate = NULL;

    for (unsigned k = 0; k < s->n_channels; k++)
        if (is_open(&s->ch[k]))
            fate = line->conf.channels[k].fate;
    for (unsigned k = 0; fate != NULL && k < s->n_channels; k++)
        if (s->ch[k].state != OL_CHAN_IDLE && !is_open(&s->ch[k]) &&
            strcmp(line->conf.channels[k].fate, fate) != 0)
            return true;
    return false;
}

/* Says each once, not every time that somebody looks. False: no news. */
enum { WARNED_LAST = 1, WARNED_FATE = 2, WARNED_DARK = 4 };

static bool news(struct ol_station_line *line, uint8_t which, bool holds)
{
    if (holds == !!(line->warned & which))
        return false;
    line->warned ^= which;
    return true;
}

static void warn_dark(struct ol_station_line *line, uint64_t now_ns)
{
    const struct ol_dark *d = &line->dark;
    const char *peer = line->conf.peer;
    char since[OL_TIME_TEXT];
    /* Who has nothing but couriers has it so by choice. */
    bool dark = d->open && d->cause != OL_DARK_NO_CHANNEL;

    /* One from before this start may be over at once. */
    if (d->open && d->since_ns == 0 &&
        now_ns - line->booted_ns < line->conf.hold_ns)
        return;
    if (!news(line, WARNED_DARK, dark))
        return;
    ol_text_time(since, d->since_ms);
    if (dark)
        ol_alarm_raise(line, "dark", OL_PRIORITY_HIGH,
                       "the line to %s is dark since %s: %s|see 'openline "
                       "doctor %s'; what must go now goes by hand: 'openline "
                       "courier export %s FILE'", peer, since,
                       ol_dark_cause_words(d->cause), peer, peer);
    else
        ol_alarm_clear(line, "dark");
}

static void warn(struct ol_station_line *line, const struct ol_line_status *s,
                 uint64_t now_ns)
{
    const char *peer = line->conf.peer;
    bool last = s->state == OL_LINE_LAST_CHANNEL && able(s) > 1;
    bool fate = s->state == OL_LINE_OPEN && s->shared_fate &&
                other_fate_lost(line, s);

    warn_dark(line, now_ns);
    if (s->state == OL_LINE_OPEN)
        line->was_open = true;
    /* At a start the channels come up one by one. */
    if (!line->was_open && now_ns - line->booted_ns < line->conf.hold_ns)
        return;
    if (!news(line, WARNED_LAST, last))
        ;
    else if (last)
        ol_alarm_raise(line, "last-channel", OL_PRIORITY_MEDIUM,
                       "only %s carries the line to %s now|see 'openline "
                       "doctor %s', and bring a second channel back before "
                       "this one goes too", only_one(line, s), peer, peer);
    else
        ol_alarm_clear(line, "last-channel");
    if (!news(line, WARNED_FATE, fate))
        ;
    else if (fate)
        ol_alarm_raise(line, "shared-fate", OL_PRIORITY_MEDIUM,
                       "all that is open to %s shares one fate|see 'openline "
                       "doctor %s', and bring back a channel of another kind",
                       peer, peer);
    else
        ol_alarm_clear(line, "shared-fate");
}

void ol_standing_pump(struct ol_station *st, uint64_t now_ns)
{
    static const char status[] = "STATUS=";
    char text[sizeof(status) + TEXT_MAX];
    struct ol_standing v[OL_LINES_MAX];
    unsigned n = 0;

    if (now_ns < st->standing_ns)
        return;
    st->standing_ns = now_ns + LOOK_NS;
    for (unsigned k = 0; k < st->n_lines; k++) {
        struct ol_station_line *line = st->lines[k];
        struct ol_line_status s;

        if (line->core == NULL || line->phase != OL_PHASE_RUN)
            continue;
        ol_line_status(line->core, now_ns, &s);
        warn(line, &s, now_ns);
        v[n++] = (struct ol_standing){line->conf.peer, (uint8_t)s.state,
                                      ol_dark_since_ms(line, &s)};
    }
    memcpy(text, status, sizeof(status));
    (void)ol_standing_text(v, n, text + sizeof(status) - 1, TEXT_MAX);
    if (strcmp(text, st->standing) == 0)
        return;
    ol_text_put(st->standing, sizeof(st->standing), "%s", text);
    ol_notify(text);
}
