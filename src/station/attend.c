/*
 * Is an officer there.
 *
 * Happy path: init, tick asks; the officer answers; tick asks again when it
 * is due. It fails by saying less: where nobody answered in time it is
 * UNATTENDED, and what was never asked stays UNKNOWN.
 */
#include "station/attend.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"

#define WRONG_MAX 3u
#define MIN_NS (60 * OL_NS_PER_S)

const struct ol_attend_conf ol_attend_usual = {60 * MIN_NS, 30 * MIN_NS,
                                               5 * MIN_NS};

static const char *const shares[] = {
    [OL_SHARE_COARSE] = "coarse", [OL_SHARE_YES] = "yes", [OL_SHARE_NO] = "no"};

const char *ol_share_name(enum ol_share_rule share)
{
    return (unsigned)share < OL_LEN(shares) ? shares[share] : NULL;
}

int ol_share_of(const char *name)
{
    for (unsigned k = 0; k < OL_LEN(shares); k++)
        if (strcmp(shares[k], name) == 0)
            return (int)k;
    return -1;
}

enum ol_attendance ol_attend_shown(enum ol_attendance state,
                                   enum ol_share_rule share)
{
    if (share == OL_SHARE_YES ||
        (share == OL_SHARE_COARSE && state == OL_ATT_ATTENDED))
        return state;
    return OL_ATT_UNKNOWN;
}

void ol_attend_init(struct ol_attend *a, const struct ol_attend_conf *conf,
                    uint64_t now_ns)
{
    memset(a, 0, sizeof(*a));
    a->conf = *conf;
    a->state = OL_ATT_UNKNOWN;
    a->since_ns = a->sign_ns = now_ns;
}

void ol_attend_conf(struct ol_attend *a, const struct ol_attend_conf *conf,
                    uint64_t now_ns)
{
    bool off = conf->every_ns == 0;

    a->conf = *conf;
    if (!off || a->state == OL_ATT_UNKNOWN)
        return;
    /* Nothing is proved any more, and nothing will be. */
    a->state = OL_ATT_UNKNOWN;
    a->since_ns = now_ns;
    a->word[0] = '\0';
}

static bool asking(const struct ol_attend *a)
{
    return a->word[0] != '\0';
}

/* When the next question is due, if none is open. */
static uint64_t due(const struct ol_attend *a)
{
    const struct ol_attend_conf *c = &a->conf;

    if (c->every_ns == 0)
        return OL_NEVER_NS;
    switch (a->state) {
    case OL_ATT_ATTENDED:
        return OL_MIN(a->answered_ns + c->every_ns,
                      a->sign_ns + c->silence_ns);
    case OL_ATT_UNATTENDED:
        if (a->stirred)
            return 0;
        return a->console ? a->asked_ns + c->every_ns : OL_NEVER_NS;
    default:
        return 0;
    }
}

uint64_t ol_attend_deadline(const struct ol_attend *a)
{
    return asking(a) ? a->asked_ns + a->conf.within_ns : 0;
}

uint64_t ol_attend_until(const struct ol_attend *a)
{
    uint64_t at = due(a) + a->conf.within_ns;

    if (a->state != OL_ATT_ATTENDED)
        return 0;
    return asking(a) ? OL_MAX(at, ol_attend_deadline(a)) : at;
}

uint64_t ol_attend_next(const struct ol_attend *a)
{
    return asking(a) ? ol_attend_deadline(a) : due(a);
}

static void ask(struct ol_attend *a, uint64_t now_ns, uint32_t dice)
{
    snprintf(a->word, sizeof(a->word), "%u", 1000 + dice % 9000);
    a->asked_ns = now_ns;
    a->stirred = false;
    a->wrong = 0;
}

enum ol_attend_news ol_attend_tick(struct ol_attend *a, uint64_t now_ns,
                                   uint32_t dice)
{
    if (asking(a)) {
        if (now_ns < ol_attend_deadline(a))
            return OL_ATTEND_SAME;
        a->word[0] = '\0';
        /* Somebody wanted to be asked before it was time, and went off: what
         * was proved is proved until then. */
        if (a->state == OL_ATT_ATTENDED && now_ns < due(a))
            return OL_ATTEND_SAME;
        if (a->state == OL_ATT_UNATTENDED)
            return OL_ATTEND_SAME;
        a->state = OL_ATT_UNATTENDED;
        a->since_ns = now_ns;
        return OL_ATTEND_LAPSED;
    }
    if (now_ns < due(a))
        return OL_ATTEND_SAME;
    ask(a, now_ns, dice);
    return OL_ATTEND_ASKED;
}

void ol_attend_console(struct ol_attend *a, bool open, uint64_t now_ns)
{
    if (open && !a->console)
        ol_attend_stir(a, OL_STIR_OFFICER, now_ns);
    a->console = open;
}

void ol_attend_stir(struct ol_attend *a, enum ol_attend_stir by,
                    uint64_t now_ns)
{
    uint64_t rest = by == OL_STIR_OFFICER ? a->conf.within_ns
                                          : a->conf.silence_ns;

    if (by == OL_STIR_OFFICER)
        a->sign_ns = now_ns;
    if (a->state == OL_ATT_UNATTENDED && !asking(a) &&
        now_ns - a->asked_ns >= rest)
        a->stirred = true;
}

bool ol_attend_ask(struct ol_attend *a, uint64_t now_ns, uint32_t dice)
{
    if (a->conf.every_ns == 0)
        return false;
    if (!asking(a))
        ask(a, now_ns, dice);
    return true;
}

enum ol_attend_answer ol_attend_answer(struct ol_attend *a, const char *word,
                                       uint64_t now_ns, uint32_t dice)
{
    uint64_t asked_ns = a->asked_ns;

    if (!asking(a) || now_ns >= ol_attend_deadline(a))
        return OL_ATTEND_NOTHING;
    if (strcmp(word, a->word) == 0) {
        if (a->state != OL_ATT_ATTENDED)
            a->since_ns = now_ns;
        a->state = OL_ATT_ATTENDED;
        a->answered_ns = a->sign_ns = now_ns;
        a->word[0] = '\0';
        a->stirred = false;
        return OL_ATTEND_RIGHT;
    }
    if (++a->wrong < WRONG_MAX)
        return OL_ATTEND_WRONG;
    /* Guessing does not find it, and gains no time. */
    ask(a, asked_ns, dice);
    return OL_ATTEND_CHANGED;
}

/* ---- how much of a time ------------------------------------------------- */

void ol_attended_begin(struct ol_attended *f, uint64_t from_ms,
                       uint64_t to_ms)
{
    memset(f, 0, sizeof(*f));
    f->at_ms = from_ms;
    f->to_ms = OL_MAX(from_ms, to_ms);
    f->state = OL_ATT_UNKNOWN;
}

static void upto(struct ol_attended *f, uint64_t ms)
{
    uint64_t end = OL_MIN(OL_MAX(ms, f->at_ms), f->to_ms), proved = end;

    if (f->state == OL_ATT_ATTENDED)
        proved = OL_MIN(end, OL_MAX(f->until_ms, f->at_ms));
    f->sum_ms[f->state] += proved - f->at_ms;
    f->sum_ms[OL_ATT_UNKNOWN] += end - proved;
    f->at_ms = end;
}

void ol_attended_next(struct ol_attended *f, uint64_t at_ms,
                      enum ol_attendance state, uint64_t until_ms)
{
    upto(f, at_ms);
    f->state = state;
    f->until_ms = until_ms;
}

void ol_attended_end(struct ol_attended *f)
{
    upto(f, f->to_ms);
}
