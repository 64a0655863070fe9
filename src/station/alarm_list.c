/*
 * The list of alarms, after ISA-18.2.
 *
 *                 .------- raise: counts -------.
 *                 v                              |
 *   raise --> UNACKNOWLEDGED --ack--> ACKNOWLEDGED --clear--> gone
 *                 |    ^
 *           clear |    | raise: counts
 *                 v    |
 *               RETURNED ------------ack--------------------> gone
 *
 * SHELVED lies over any of these: nothing is told. When its time is over, what
 * still holds is UNACKNOWLEDGED and told anew; what does not is gone.
 *
 * How it fails: a full list gives up its least pressing alarm for a more
 * pressing one, and never one that nobody has seen for one that is no worse;
 * what finds no place is counted in the flood's own alarm. What is not taken
 * when it is told is told again until it is.
 */
#include "station/alarm_list.h"

#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "station/text.h"

#define FLOOD_KEY "flood"
#define SAVE_MS UINT64_C(60000) /* repeats are written at most so often */
#define AGAIN_MS UINT64_C(1000) /* what was not taken */

static const char *const priorities[] = {"low", "medium", "high"};

const char *ol_priority_name(unsigned priority)
{
    return priorities[OL_MIN(priority, OL_LEN(priorities) - 1)];
}

int ol_priority_of(const char *name)
{
    for (size_t k = 0; k < OL_LEN(priorities); k++)
        if (name != NULL && strcmp(priorities[k], name) == 0)
            return (int)k;
    return -1;
}

const char *ol_alarm_state(const struct ol_alarm *a)
{
    if (ol_alarm_shelved(a))
        return "shelved";
    if (a->active)
        return a->acked ? "acknowledged" : "unacknowledged";
    return a->acked ? "gone" : "returned";
}

/* How much it asks for a person; more is more. */
static unsigned pressing(const struct ol_alarm *a)
{
    unsigned standing = ol_alarm_shelved(a) ? 0
                        : a->acked          ? 1
                        : a->active         ? 3
                                            : 2;

    return standing * 4 + a->priority;
}

int ol_alarm_order(const void *a, const void *b)
{
    const struct ol_alarm *one = a, *other = b;
    unsigned p = pressing(one), q = pressing(other);

    if (p != q)
        return p > q ? -1 : 1;
    return one->n > other->n ? -1 : one->n < other->n;
}

struct ol_alarm *ol_alarms_find(struct ol_alarms *l, uint32_t n)
{
    for (unsigned k = 0; k < l->n; k++)
        if (l->v[k].n == n)
            return &l->v[k];
    return NULL;
}

/* Only its last word is still to be written. */
static bool over(const struct ol_alarm *a)
{
    return a->acked && !a->active && !ol_alarm_shelved(a);
}

static struct ol_alarm *keyed(struct ol_alarms *l, const char *line,
                              const char *key)
{
    for (unsigned k = 0; k < l->n; k++)
        if (strcmp(l->v[k].key, key) == 0 &&
            strcmp(l->v[k].line, line) == 0 && !over(&l->v[k]))
            return &l->v[k];
    return NULL;
}

/* What is not taken is owed, until a word of this alarm is taken. */
static bool say(struct ol_alarms *l, struct ol_alarm *a,
                enum ol_alarm_news news, const struct ol_now *now)
{
    bool taken = l->tell == NULL || l->tell(l->arg, a, news);

    a->saved_ms = now->ms;
    a->dirty = a->owed = !taken;
    a->unsaid = !taken && (a->unsaid || news == OL_ALARM_SAYS);
    return taken;
}

/* The last word of one that is over. */
static bool last_word(struct ol_alarms *l, struct ol_alarm *a,
                      enum ol_alarm_news news, const struct ol_now *now)
{
    bool taken = say(l, a, news, now);

    if (taken)
        *a = l->v[--l->n];
    return taken;
}

static void take_out(struct ol_alarms *l, struct ol_alarm *a,
                     const struct ol_now *now)
{
    a->active = false;
    a->acked = true;
    a->shelved_until_ms = 0;
    (void)last_word(l, a, OL_ALARM_GONE, now);
}

/* For want of a place: its last word says what it was, and nothing that no
 * person did. */
static void give_up(struct ol_alarms *l, struct ol_alarm *a,
                    const struct ol_now *now)
{
    l->unlisted += !a->acked && !ol_alarm_shelved(a);
    (void)say(l, a, OL_ALARM_CHANGED, now);
    *a = l->v[--l->n];
}

/* Floods. */

/* Of the last `many`, was the first within ten minutes. */
static bool within(const struct ol_alarms *l, unsigned many, uint64_t now_ms)
{
    unsigned at = (l->next_time + OL_FLOOD + 1 - many) % (OL_FLOOD + 1);

    return l->times[at] != 0 && now_ms - l->times[at] < OL_FLOOD_MS;
}

static void flood_words(struct ol_alarms *l, struct ol_alarm *a)
{
    char more[64] = "";

    if (l->unlisted > 0)
        ol_text_put(more, sizeof(more), ", %u of them not listed for want of "
                    "room", l->unlisted);
    ol_text_put(a->what, sizeof(a->what), "a flood of alarms: %u since it "
                "began, %u of them high%s", l->flood_n, l->flood_high, more);
    ol_text_put(a->act, sizeof(a->act), "'openline alarms' lists them, the "
                "most pressing first; acknowledging this one acknowledges "
                "all of the flood");
}

static bool unseen(const struct ol_alarm *a)
{
    return !a->acked && !ol_alarm_shelved(a);
}

/* How little it is missed; less is less. Whether it passed does not count
 * while nobody has seen it: some are over when they are said. */
static unsigned worth(const struct ol_alarm *a)
{
    return unseen(a) ? 8u + a->priority * 2u + a->active : pressing(a);
}

static struct ol_alarm *place(struct ol_alarms *l, enum ol_priority priority,
                              const struct ol_now *now)
{
    struct ol_alarm *least = &l->v[0];

    if (l->n == OL_ALARM_LIST) {
        for (unsigned k = 1; k < l->n; k++)
            if (worth(&l->v[k]) < worth(least))
                least = &l->v[k];
        if (unseen(least) && least->priority >= priority)
            return NULL;
        give_up(l, least, now);
    }
    memset(&l->v[l->n], 0, sizeof(l->v[0]));
    return &l->v[l->n++];
}

static struct ol_alarm *make(struct ol_alarms *l, const char *line,
                             const char *key, enum ol_priority priority,
                             const struct ol_now *now)
{
    struct ol_alarm *a = place(l, priority, now);

    if (a == NULL)
        return NULL;
    a->n = ++l->last;
    ol_text_put(a->line, sizeof(a->line), "%s", line);
    ol_text_put(a->key, sizeof(a->key), "%s", key);
    a->priority = (uint8_t)priority;
    a->active = true;
    a->count = 1;
    a->raised_ms = a->last_ms = now->wall_ms;
    return a;
}

/* The alarm that stands for all of the flood. */
static void flood(struct ol_alarms *l, unsigned priority,
                  const struct ol_now *now)
{
    struct ol_alarm *a = keyed(l, "", FLOOD_KEY);
    bool first = a == NULL || !a->active || a->acked ||
                 priority > a->priority;

    if (a == NULL)
        a = make(l, "", FLOOD_KEY, (enum ol_priority)priority, now);
    if (a == NULL)
        return; /* all that stands is high and nobody has seen it */
    a->priority = (uint8_t)OL_MAX(a->priority, priority);
    a->active = true;
    a->acked = false;
    a->count = l->flood_n;
    a->last_ms = now->wall_ms;
    flood_words(l, a);
    if (first && !ol_alarm_shelved(a))
        (void)say(l, a, OL_ALARM_SAYS, now);
    else
        a->dirty = true;
}

static void flood_end(struct ol_alarms *l, const struct ol_now *now)
{
    l->flooding = false;
    l->flood_n = l->flood_high = l->unlisted = 0;
    ol_alarms_clear(l, "", FLOOD_KEY, now);
}

/* One more is to be told of. a NULL: it found no place. */
static void announce(struct ol_alarms *l, struct ol_alarm *a,
                     unsigned priority, const struct ol_now *now)
{
    uint32_t n = a ? a->n : 0;

    l->times[l->next_time] = now->ms;
    l->next_time = (l->next_time + 1) % (OL_FLOOD + 1);
    if (!l->flooding && within(l, OL_FLOOD + 1, now->ms)) {
        l->flooding = true;
        l->flood_n = OL_FLOOD; /* those that were told one by one */
    }
    l->unlisted += a == NULL;
    if (a != NULL) {
        a->flood = l->flooding;
        a->unsaid = false; /* this is another word than the one owed */
        (void)say(l, a, l->flooding ? OL_ALARM_CHANGED : OL_ALARM_SAYS, now);
    }
    if (!l->flooding && n != 0)
        return;
    l->flood_n++;
    l->flood_high += priority == OL_PRIORITY_HIGH;
    flood(l, priority, now);
}

/* Raising and clearing. */

/* What a peer wrote is one line, and whole letters. */
static void words(char out[OL_ALARM_WORDS], const char *text, size_t n)
{
    ol_text_put(out, OL_ALARM_WORDS, "%.*s", (int)OL_MIN(n, (size_t)1 << 20),
                text);
    for (char *c = out; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    ol_text_mend(out);
}

static void describe(struct ol_alarm *a, const char *text)
{
    const char *bar = strrchr(text, '|');
    size_t n = bar ? (size_t)(bar - text) : strlen(text);

    words(a->what, text, n);
    /* Without a bar the text was cut: a peer's words are long. */
    words(a->act, bar ? bar + 1 : "'openline status' and 'openline doctor' "
                                  "show more", OL_ALARM_WORDS);
}

void ol_alarms_raise(struct ol_alarms *l, const char *line, const char *key,
                     enum ol_priority priority, const char *text,
                     const struct ol_now *now)
{
    struct ol_alarm *a = keyed(l, line, key);

    OL_CHECK(strlen(key) < OL_ALARM_KEY && strlen(line) < sizeof(a->line));
    if (a == NULL) {
        a = make(l, line, key, priority, now);
        if (a != NULL)
            describe(a, text);
        announce(l, a, priority, now);
        return;
    }
    describe(a, text);
    a->dirty = true;
    if (a->stale && a->active) { /* said again after a start */
        a->stale = false;
        a->priority = (uint8_t)priority;
        return;
    }
    a->stale = false;
    a->count++;
    a->last_ms = now->wall_ms;
    a->active = true;
    /* It has become more pressing: that is news, and nobody has seen it. */
    if (priority > a->priority) {
        a->priority = (uint8_t)priority;
        a->acked = false;
        if (!ol_alarm_shelved(a))
            announce(l, a, priority, now);
    }
}

static void clear(struct ol_alarms *l, struct ol_alarm *a,
                  const struct ol_now *now)
{
    a->stale = false;
    if (!a->active)
        return;
    a->active = false;
    a->cleared_ms = now->wall_ms;
    if (a->acked && !ol_alarm_shelved(a))
        take_out(l, a, now);
    else
        a->dirty = true;
}

void ol_alarms_clear(struct ol_alarms *l, const char *line, const char *key,
                     const struct ol_now *now)
{
    struct ol_alarm *a = keyed(l, line, key);

    if (a != NULL)
        clear(l, a, now);
}

void ol_alarms_clear_line(struct ol_alarms *l, const char *line,
                          const struct ol_now *now)
{
    for (unsigned k = l->n; k-- > 0;) /* from behind: one may be taken out */
        if (strcmp(l->v[k].line, line) == 0)
            clear(l, &l->v[k], now);
}

/* What a person does. */

static bool acknowledge(struct ol_alarms *l, struct ol_alarm *a,
                        const char *by, const struct ol_now *now)
{
    a->acked = true;
    a->acked_ms = now->wall_ms;
    a->shelved_until_ms = 0;
    ol_text_put(a->by, sizeof(a->by), "%s", by);
    return a->active ? say(l, a, OL_ALARM_ASKED, now)
                     : last_word(l, a, OL_ALARM_ASKED, now);
}

enum ol_alarm_answer ol_alarms_ack(struct ol_alarms *l, uint32_t n,
                                   const char *by, const struct ol_now *now,
                                   unsigned *done)
{
    struct ol_alarm *a = ol_alarms_find(l, n);
    bool group, written = true;

    *done = 0;
    if (a == NULL)
        return OL_ALARM_NONE;
    group = a->line[0] == '\0' && strcmp(a->key, FLOOD_KEY) == 0;
    if (a->acked && !ol_alarm_shelved(a) && !group)
        return OL_ALARM_ALREADY;
    for (unsigned k = l->n; k-- > 0;) {
        struct ol_alarm *one = &l->v[k];

        if (one->n != n && (!group || !one->flood || one->acked))
            continue;
        one->flood = false;
        written = acknowledge(l, one, by, now) && written;
        (*done)++;
    }
    return written ? OL_ALARM_DONE : OL_ALARM_UNWRITTEN;
}

enum ol_alarm_answer ol_alarms_shelve(struct ol_alarms *l, uint32_t n,
                                      uint64_t ms, const char *by,
                                      const struct ol_now *now)
{
    struct ol_alarm *a = ol_alarms_find(l, n);

    OL_CHECK(ms > 0 && ms <= OL_SHELVE_MS);
    if (a == NULL)
        return OL_ALARM_NONE;
    a->shelved_ms = now->wall_ms;
    a->shelved_until_ms = now->wall_ms + ms;
    a->until_ms = now->ms + ms;
    ol_text_put(a->by, sizeof(a->by), "%s", by);
    return say(l, a, OL_ALARM_ASKED, now) ? OL_ALARM_DONE
                                          : OL_ALARM_UNWRITTEN;
}

/* What time does. */

static void unshelve(struct ol_alarms *l, struct ol_alarm *a,
                     const struct ol_now *now)
{
    a->shelved_until_ms = 0;
    if (!a->active) {
        take_out(l, a, now);
        return;
    }
    a->acked = false;
    announce(l, a, a->priority, now);
}

/* Repeats are written ever more rarely, the longer the alarm stands. */
static uint64_t save_at(const struct ol_alarm *a, const struct ol_now *now)
{
    uint64_t age = now->wall_ms > a->raised_ms ? now->wall_ms - a->raised_ms
                                               : 0;

    return a->saved_ms + (a->owed ? AGAIN_MS : OL_MAX(SAVE_MS, age / 8));
}

/* One alarm; when it is next to be looked at. */
static uint64_t tick(struct ol_alarms *l, struct ol_alarm *a,
                     const struct ol_now *now)
{
    uint64_t at = UINT64_MAX, settled = l->started_ms + OL_ALARM_SETTLE_MS;

    if (ol_alarm_shelved(a) && now->ms >= a->until_ms) {
        unshelve(l, a, now);
        return 0;
    }
    if (a->stale && a->active && now->ms >= settled) {
        clear(l, a, now);
        return 0;
    }
    if (a->dirty && now->ms >= save_at(a, now)) {
        if (over(a))
            return last_word(l, a, OL_ALARM_GONE, now) ? at : save_at(a, now);
        (void)say(l, a, a->unsaid && unseen(a) ? OL_ALARM_SAYS
                                               : OL_ALARM_CHANGED, now);
    }
    if (ol_alarm_shelved(a))
        at = OL_MIN(at, a->until_ms);
    if (a->stale && a->active)
        at = OL_MIN(at, settled);
    if (a->dirty)
        at = OL_MIN(at, save_at(a, now));
    return at;
}

uint64_t ol_alarms_tick(struct ol_alarms *l, const struct ol_now *now)
{
    uint64_t at = UINT64_MAX;

    if (l->flooding && !within(l, OL_FLOOD_END, now->ms))
        flood_end(l, now);
    for (unsigned k = l->n; k-- > 0;)
        at = OL_MIN(at, tick(l, &l->v[k], now));
    if (l->flooding) /* when the fifth newest is ten minutes old */
        at = OL_MIN(at, l->times[(l->next_time + OL_FLOOD + 1 -
                                  OL_FLOOD_END) % (OL_FLOOD + 1)] +
                            OL_FLOOD_MS);
    return at;
}

void ol_alarms_load(struct ol_alarms *l, const struct ol_alarm *a,
                    const struct ol_now *now)
{
    struct ol_alarm *to;

    l->last = OL_MAX(l->last, a->n);
    if (l->n == OL_ALARM_LIST ||
        (!a->active && a->acked && !ol_alarm_shelved(a)))
        return;
    to = &l->v[l->n++];
    *to = *a;
    to->stale = true;
    to->dirty = false;
    to->saved_ms = now->ms;
    if (!ol_alarm_shelved(to))
        return;
    /* The clock may have been set meanwhile: never longer than was asked. */
    to->until_ms = now->ms;
    if (to->shelved_until_ms > now->wall_ms)
        to->until_ms += OL_MIN(to->shelved_until_ms - now->wall_ms,
                               OL_SHELVE_MS);
}
