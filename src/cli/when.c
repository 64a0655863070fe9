/*
 * Durations and times, as people write them and as people read them.
 *
 * Happy path: a text that is wholly understood gives a number. Anything left
 * over, a field out of its range or a date that no calendar has (31 February)
 * makes the whole text refused, never rounded to something near.
 */
#include "cli/when.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define MS_PER_S INT64_C(1000)
#define MS_PER_MIN (60 * MS_PER_S)
#define MS_PER_H (60 * MS_PER_MIN)
#define MS_PER_D (24 * MS_PER_H)
#define LONGEST_MS (3653 * MS_PER_D)

static const char months[12][4] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                   "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};

bool ol_when_duration(const char *text, int64_t *ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1},        {"s", MS_PER_S}, {"m", MS_PER_MIN},
                 {"h", MS_PER_H}, {"d", MS_PER_D}};
    int64_t n = 0;
    const char *p = text;

    if (!isdigit((unsigned char)*p))
        return false;
    for (; isdigit((unsigned char)*p); p++) {
        n = n * 10 + (*p - '0');
        if (n > LONGEST_MS)
            return false;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(p, units[i].name) == 0 && n <= LONGEST_MS / units[i].ms) {
            *ms = n * units[i].ms;
            return true;
        }
    }
    return false;
}

/* Exactly `digits` decimal digits; advances *p. */
static bool number(const char **p, int digits, int *out)
{
    int n = 0;

    for (int i = 0; i < digits; i++, (*p)++) {
        if (!isdigit((unsigned char)**p))
            return false;
        n = n * 10 + (**p - '0');
    }
    *out = n;
    return true;
}

static bool letter(const char **p, char upper)
{
    if (toupper((unsigned char)**p) != upper)
        return false;
    (*p)++;
    return true;
}

static void blanks(const char **p)
{
    while (**p == ' ')
        (*p)++;
}

/* A calendar date to milliseconds; refuses what timegm would carry over. */
static bool calendar(const struct tm *given, int64_t *ms)
{
    struct tm tm = *given;
    time_t t = timegm(&tm);

    if (tm.tm_mday != given->tm_mday || tm.tm_mon != given->tm_mon ||
        tm.tm_hour != given->tm_hour || tm.tm_min != given->tm_min)
        return false;
    *ms = (int64_t)t * MS_PER_S;
    return true;
}

static bool rfc3339(const char *p, int64_t *ms)
{
    struct tm tm = {0};
    int year, mon, fraction = 0, scale = 100, hours, minutes, sign;

    if (!number(&p, 4, &year) || !letter(&p, '-') || !number(&p, 2, &mon) ||
        !letter(&p, '-') || !number(&p, 2, &tm.tm_mday) ||
        !(letter(&p, 'T') || letter(&p, ' ')) ||
        !number(&p, 2, &tm.tm_hour) || !letter(&p, ':') ||
        !number(&p, 2, &tm.tm_min) || !letter(&p, ':') ||
        !number(&p, 2, &tm.tm_sec) || mon < 1 || mon > 12)
        return false;
    if (tm.tm_sec > 59 || tm.tm_min > 59 || tm.tm_hour > 23)
        return false;
    if (letter(&p, '.')) {
        if (!isdigit((unsigned char)*p))
            return false;
        for (; isdigit((unsigned char)*p); p++, scale /= 10)
            fraction += (*p - '0') * scale;
    }
    tm.tm_year = year - 1900;
    tm.tm_mon = mon - 1;
    if (!calendar(&tm, ms))
        return false;
    *ms += fraction;
    if (letter(&p, 'Z'))
        return *p == '\0';
    sign = *p == '+' ? -1 : 1;
    if (*p != '+' && *p != '-')
        return false;
    p++;
    if (!number(&p, 2, &hours) || !letter(&p, ':') ||
        !number(&p, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ms += sign * (hours * MS_PER_H + minutes * MS_PER_MIN);
    return *p == '\0';
}

/* "18:00Z": that time of the day in which now is. */
static bool today(const char *p, int64_t now_ms, int64_t *ms)
{
    int hour, minute;

    if (!number(&p, 2, &hour) || !letter(&p, ':') ||
        !number(&p, 2, &minute) || !letter(&p, 'Z') || *p != '\0' ||
        hour > 23 || minute > 59)
        return false;
    *ms = now_ms - now_ms % MS_PER_D + hour * MS_PER_H + minute * MS_PER_MIN;
    return true;
}

/* "231000Z NOV 26": day, hour, minute, month, year of this century. */
static bool group(const char *p, int64_t *ms)
{
    struct tm tm = {0};

    if (!number(&p, 2, &tm.tm_mday) || !number(&p, 2, &tm.tm_hour) ||
        !number(&p, 2, &tm.tm_min) || !letter(&p, 'Z'))
        return false;
    blanks(&p);
    while (tm.tm_mon < 12 && strncasecmp(p, months[tm.tm_mon], 3) != 0)
        tm.tm_mon++;
    if (tm.tm_mon == 12)
        return false;
    p += 3;
    blanks(&p);
    if (!number(&p, 2, &tm.tm_year) || *p != '\0')
        return false;
    tm.tm_year += 100;
    return calendar(&tm, ms);
}

bool ol_when_time(const char *text, int64_t now_ms, int64_t *ms)
{
    return rfc3339(text, ms) || today(text, now_ms, ms) || group(text, ms);
}

static int64_t clock_ms(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * MS_PER_S + t.tv_nsec / 1000000;
}

int64_t ol_when_now_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t ol_when_tick_ms(void)
{
    return clock_ms(CLOCK_BOOTTIME);
}

/* Rounds down, also before 1970. */
static struct tm broken(int64_t ms, int *rest)
{
    time_t t = (time_t)(ms / MS_PER_S);
    struct tm tm;

    *rest = (int)(ms % MS_PER_S);
    if (*rest < 0) {
        *rest += (int)MS_PER_S;
        t--;
    }
    gmtime_r(&t, &tm);
    return tm;
}

void ol_when_rfc3339(int64_t ms, char out[OL_WHEN_TEXT])
{
    int rest;
    struct tm tm = broken(ms, &rest);
    size_t n = strftime(out, OL_WHEN_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);

    snprintf(out + n, OL_WHEN_TEXT - n, ".%03dZ", rest);
}

void ol_when_group(int64_t ms, char out[OL_WHEN_TEXT])
{
    int rest;
    struct tm tm = broken(ms, &rest);

    snprintf(out, OL_WHEN_TEXT, "%02d%02d%02dZ %s %02d", tm.tm_mday,
             tm.tm_hour, tm.tm_min, months[tm.tm_mon], tm.tm_year % 100);
}

void ol_when_span(int64_t ms, char out[OL_WHEN_TEXT])
{
    long long v = ms < 0 ? 0 : ms;

    if (v < MS_PER_S)
        snprintf(out, OL_WHEN_TEXT, "%lld ms", v);
    else if (v < 2 * MS_PER_MIN)
        snprintf(out, OL_WHEN_TEXT, "%lld s", v / MS_PER_S);
    else if (v < 2 * MS_PER_H)
        snprintf(out, OL_WHEN_TEXT, "%lld min", v / MS_PER_MIN);
    else if (v < 2 * MS_PER_D)
        snprintf(out, OL_WHEN_TEXT, "%lld h %lld min", v / MS_PER_H,
                 v % MS_PER_H / MS_PER_MIN);
    else
        snprintf(out, OL_WHEN_TEXT, "%lld d %lld h", v / MS_PER_D,
                 v % MS_PER_D / MS_PER_H);
}
