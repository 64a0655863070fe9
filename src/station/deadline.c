/*
 * Deadlines: from words to a moment, and their clock in terms of ours.
 *
 * Happy path: a duration is added to now, a time is taken as it is, and it
 * lies ahead. Bounds only get narrower, until a clock is set: then the newer
 * record contradicts the older ones and counts alone.
 */
#include "station/deadline.h"

#include "base/units.h"
#include "station/text.h"

#define FAR_MS (UINT64_C(3653) * 24 * 3600 * 1000)

int ol_deadline_parse(const char *text, uint64_t now_ms, uint64_t *ms,
                      char why[OL_WHY_MAX])
{
    char now[OL_TIME_TEXT];
    uint64_t ns;

    ol_text_time(now, now_ms);
    if (ol_text_duration(text, &ns))
        *ms = now_ms + ns / OL_NS_PER_MS;
    else if (!ol_text_time_parse(text, now_ms, ms))
        return ol_fail(why, OL_EXIT_USAGE, "\"%.64s\" is no time to do "
                       "something by: write 90m, 12h, 3d, 18:00Z, \"231000Z "
                       "NOV 26\" or 2026-11-23T10:00:00Z", text);
    if (*ms <= now_ms)
        return ol_fail(why, OL_EXIT_USAGE, "%.64s is past, for it is %s by "
                       "this station's clock: give a later time", text, now);
    if (*ms - now_ms > FAR_MS)
        return ol_fail(why, OL_EXIT_USAGE, "%.64s is more than ten years "
                       "away: is the year right?", text);
    return OL_EXIT_OK;
}

void ol_skew_arrived(struct ol_skew *s, uint64_t written_ms,
                     uint64_t arrived_ms)
{
    int64_t v = (int64_t)written_ms - (int64_t)arrived_ms;

    if (s->has_most && v > s->most)
        s->has_most = s->has_least = false;
    if (!s->has_least || v > s->least)
        s->least = v;
    s->has_least = true;
}

void ol_skew_answered(struct ol_skew *s, uint64_t written_ms,
                      uint64_t taken_ms)
{
    int64_t v = (int64_t)written_ms - (int64_t)taken_ms;

    if (s->has_least && v < s->least)
        s->has_most = s->has_least = false;
    if (!s->has_most || v < s->most)
        s->most = v;
    s->has_most = true;
}

int64_t ol_skew_ms(const struct ol_skew *s)
{
    if (s->has_least && s->least > 0)
        return s->least;
    return s->has_most && s->most < 0 ? s->most : 0;
}
