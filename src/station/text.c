/*
 * Words for people and from people.
 *
 * Formatting never fails, it cuts; parsing takes exactly the forms named in
 * text.h and refuses everything else, so that a slip of the finger is seen.
 */
#include "station/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/units.h"

int ol_fail(char why[OL_WHY_MAX], int status, const char *fmt, ...)
{
    va_list ap;

    if (why != NULL) {
        va_start(ap, fmt);
        vsnprintf(why, OL_WHY_MAX, fmt, ap);
        va_end(ap);
        ol_text_mend(why);
    }
    return status;
}

void ol_text_mend(char *text)
{
    size_t left = strlen(text), n;

    for (; left > 0; text += n, left -= n) {
        for (n = 1; n <= OL_MIN(left, 4u) && !ol_span_utf8(OL_SPAN(text, n));)
            n++;
        if (n <= OL_MIN(left, 4u))
            continue;
        *text = '?';
        n = 1;
    }
}

int ol_fail_sys(char why[OL_WHY_MAX], const char *verb, const char *path)
{
    return ol_fail(why, OL_EXIT_FAILED, "cannot %s %s: %s", verb, path,
                   strerror(errno));
}

bool ol_text_put(char *out, size_t room, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(out, room, fmt, ap);
    va_end(ap);
    return n >= 0 && (size_t)n < room;
}

static const struct {
    const char *name;
    uint64_t ns;
} units[] = {
    {"ms", OL_NS_PER_MS},          {"s", OL_NS_PER_S},
    {"m", 60 * OL_NS_PER_S},       {"h", 3600 * OL_NS_PER_S},
    {"d", 86400 * OL_NS_PER_S},
};

#define LONGEST_NS (3650 * 86400 * OL_NS_PER_S)

bool ol_text_duration(const char *text, uint64_t *ns)
{
    uint64_t v = 0;
    size_t k = 0;

    for (; text[k] >= '0' && text[k] <= '9'; k++) {
        if (v > LONGEST_NS)
            return false;
        v = v * 10 + (uint64_t)(text[k] - '0');
    }
    if (k == 0)
        return false;
    for (size_t u = 0; u < OL_LEN(units); u++) {
        if (strcmp(text + k, units[u].name) == 0) {
            if (v > LONGEST_NS / units[u].ns)
                return false;
            *ns = v * units[u].ns;
            return true;
        }
    }
    return false;
}

void ol_text_duration_put(char out[24], uint64_t ns)
{
    size_t u = OL_LEN(units);

    while (--u > 0 && (ns == 0 || ns % units[u].ns != 0))
        ;
    ol_text_put(out, 24, "%llu%s", (unsigned long long)(ns / units[u].ns),
                units[u].name);
}

#define LARGEST ((UINT64_C(1) << 53) - 1) /* what JSON numbers hold exactly */

bool ol_text_size(const char *text, uint64_t *bytes)
{
    static const char *const names[] = {"", "KiB", "MiB", "GiB", "TiB"};
    uint64_t v = 0;
    size_t k = 0;

    for (; text[k] >= '0' && text[k] <= '9'; k++) {
        if (v > LARGEST / 10)
            return false;
        v = v * 10 + (uint64_t)(text[k] - '0');
    }
    for (size_t u = 0; u < OL_LEN(names) && k > 0; u++) {
        if (strcmp(text + k, names[u]) == 0) {
            *bytes = v << 10 * u;
            return v <= LARGEST >> 10 * u;
        }
    }
    return false;
}

/* n digits; returns what is behind them. */
static char *put_digits(char *to, uint32_t v, unsigned n)
{
    for (unsigned k = n; k-- > 0; v /= 10)
        to[k] = (char)('0' + v % 10);
    return to + n;
}

/* Each answer says several times: this is a tenth of what gmtime_r and a
 * format take. Years begin in March, so that the odd day is the last. */
static char *put_day(char *to, uint32_t days_since_1970)
{
    const uint32_t days = days_since_1970 + 719468; /* since March of 0 */
    const uint32_t era = days / 146097, in_era = days % 146097;
    const uint32_t year = (in_era - in_era / 1460 + in_era / 36524 -
                           in_era / 146096) / 365;
    const uint32_t day = in_era - (365 * year + year / 4 - year / 100);
    const uint32_t month = (5 * day + 2) / 153; /* 0: March */
    const bool next = month >= 10;

    to = put_digits(to, era * 400 + year + next, 4);
    *to++ = '-';
    to = put_digits(to, next ? month - 9 : month + 3, 2);
    *to++ = '-';
    return put_digits(to, day - (153 * month + 2) / 5 + 1, 2);
}

void ol_text_time(char out[OL_TIME_TEXT], uint64_t ms)
{
    const uint64_t s = ms / 1000;
    const uint32_t of_day = (uint32_t)(s % 86400);
    char *to;

    /* A peer's clock may say anything; years have four digits here. */
    if (s > UINT64_C(253402300799)) {
        ol_text_put(out, OL_TIME_TEXT, "9999-12-31T23:59:59.999Z");
        return;
    }
    to = put_day(out, (uint32_t)(s / 86400));
    *to++ = 'T';
    to = put_digits(to, of_day / 3600, 2);
    *to++ = ':';
    to = put_digits(to, of_day / 60 % 60, 2);
    *to++ = ':';
    to = put_digits(to, of_day % 60, 2);
    *to++ = '.';
    to = put_digits(to, (uint32_t)(ms % 1000), 3);
    *to++ = 'Z';
    *to = '\0';
}

/* Exactly `n` digits. */
static bool digits(const char **at, int n, int *v)
{
    *v = 0;
    for (int k = 0; k < n; k++) {
        if (!isdigit((unsigned char)**at))
            return false;
        *v = *v * 10 + *(*at)++ - '0';
    }
    return true;
}

static bool literal(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

/* A date that exists: timegm would shift the 31st of June into July. */
static bool moment(struct tm *tm, uint64_t *ms)
{
    struct tm want = *tm;
    time_t s = timegm(tm);

    if (s < 0 || tm->tm_mday != want.tm_mday || tm->tm_mon != want.tm_mon ||
        want.tm_hour > 23 || want.tm_min > 59 || want.tm_sec > 59)
        return false;
    *ms = (uint64_t)s * 1000;
    return true;
}

/* "Z" or "+02:00", to the end of the text. */
static bool zone(const char *at, uint64_t *ms)
{
    int h, m;
    char sign = *at;

    if (strcmp(at, "Z") == 0 || strcmp(at, "z") == 0)
        return true;
    if (sign != '+' && sign != '-')
        return false;
    at++;
    if (!digits(&at, 2, &h) || !literal(&at, ':') || !digits(&at, 2, &m) ||
        *at != '\0' || h > 23 || m > 59)
        return false;
    *ms -= (uint64_t)((sign == '+' ? 1 : -1) * (h * 60 + m)) * 60000;
    return true;
}

static bool rfc3339(const char *at, uint64_t *ms)
{
    struct tm tm = {0};
    unsigned place = 100;
    uint64_t frac = 0;

    if (!digits(&at, 4, &tm.tm_year) || !literal(&at, '-') ||
        !digits(&at, 2, &tm.tm_mon) || !literal(&at, '-') ||
        !digits(&at, 2, &tm.tm_mday) || (*at != 'T' && *at != 't'))
        return false;
    at++;
    if (!digits(&at, 2, &tm.tm_hour) || !literal(&at, ':') ||
        !digits(&at, 2, &tm.tm_min) || !literal(&at, ':') ||
        !digits(&at, 2, &tm.tm_sec))
        return false;
    if (*at == '.') {
        if (!isdigit((unsigned char)*++at))
            return false;
        for (; isdigit((unsigned char)*at); at++, place /= 10)
            frac += (uint64_t)(*at - '0') * place;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    if (!moment(&tm, ms) || !zone(at, ms))
        return false;
    *ms += frac;
    return true;
}

/* "18:00Z": the next such moment. */
static bool clock_time(const char *at, uint64_t now_ms, uint64_t *ms)
{
    const uint64_t day_ms = UINT64_C(86400000);
    int h, m;

    if (!digits(&at, 2, &h) || !literal(&at, ':') || !digits(&at, 2, &m) ||
        strcmp(at, "Z") != 0 || h > 23 || m > 59)
        return false;
    *ms = now_ms - now_ms % day_ms + (uint64_t)(h * 60 + m) * 60000;
    if (*ms < now_ms)
        *ms += day_ms;
    return true;
}

/* "231000Z NOV 26": day, hour, minute, month, year. */
static bool date_time_group(const char *at, uint64_t *ms)
{
    static const char months[] = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC";
    struct tm tm = {0};

    if (!digits(&at, 2, &tm.tm_mday) || !digits(&at, 2, &tm.tm_hour) ||
        !digits(&at, 2, &tm.tm_min) || !literal(&at, 'Z') ||
        !literal(&at, ' '))
        return false;
    for (tm.tm_mon = 0; tm.tm_mon < 12; tm.tm_mon++)
        if (strncasecmp(at, months + 3 * tm.tm_mon, 3) == 0)
            break;
    if (tm.tm_mon == 12)
        return false;
    at += 3;
    if (!literal(&at, ' ') || !digits(&at, 2, &tm.tm_year) || *at != '\0')
        return false;
    tm.tm_year += 100;
    return moment(&tm, ms);
}

bool ol_text_time_parse(const char *text, uint64_t now_ms, uint64_t *ms)
{
    return rfc3339(text, ms) || clock_time(text, now_ms, ms) ||
           date_time_group(text, ms);
}

void ol_text_hex(char *out, const void *bytes, size_t n)
{
    static const char digit[] = "0123456789abcdef";
    const uint8_t *p = bytes;

    for (size_t k = 0; k < n; k++) {
        *out++ = digit[p[k] >> 4];
        *out++ = digit[p[k] & 15];
    }
    *out = '\0';
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool ol_text_unhex(void *bytes, size_t n, const char *text)
{
    uint8_t *p = bytes;

    if (strnlen(text, 2 * n + 1) != 2 * n)
        return false;
    for (size_t k = 0; k < n; k++) {
        int hi = nibble(text[2 * k]), lo = nibble(text[2 * k + 1]);

        if (hi < 0 || lo < 0)
            return false;
        p[k] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}
