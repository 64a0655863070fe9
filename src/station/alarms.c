/*
 * Alarms, after ISA-18.2: see alarms.h.
 *
 * Happy path: raised, logged, told to whoever watches.
 */
#include "station/alarms.h"

#include <stdarg.h>
#include <string.h>

#include "base/check.h"
#include "station/log.h"
#include "station/station.h"

static void told(void *arg, enum ol_err err)
{
    (void)arg;
    (void)err;
}

static void raise_one(struct ol_station_line *line, const char *text)
{
    char words[OL_WHY_MAX];
    struct ol_put put = {.kind = OL_PUT_EVENT, .what = OL_WHAT_ALARM,
                         .channel = OL_CHANNEL_ANY, .detail = words};
    struct ol_batch batch = {.puts = &put, .n_puts = 1};
    const char *bar = strrchr(text, '|');

    OL_CHECK(bar != NULL); /* it says what to do */
    ol_text_put(words, sizeof(words), "%.*s: %s", (int)(bar - text), text,
                bar + 1);
    ol_text_mend(words);
    ol_log(OL_LOG_FAULT, "%s%s%salarm: %s", line ? "line " : "",
           line ? line->conf.peer : "", line ? ": " : "", words);
    if (line != NULL && line->ledger_id != 0)
        (void)ol_disk_commit(line, &batch, NULL, told);
}

void ol_alarm_raise(struct ol_station_line *line, const char *key,
                    enum ol_priority priority, const char *fmt, ...)
{
    char text[OL_WHY_MAX];
    va_list ap;

    (void)key;
    (void)priority;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    raise_one(line, text);
}

void ol_alarm_raise_own(struct ol_station *st, const char *key,
                        enum ol_priority priority, const char *fmt, ...)
{
    char text[OL_WHY_MAX];
    va_list ap;

    (void)st;
    (void)key;
    (void)priority;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    raise_one(NULL, text);
}

void ol_alarm_clear(struct ol_station_line *line, const char *key)
{
    (void)line;
    (void)key;
}

void ol_alarm_clear_own(struct ol_station *st, const char *key)
{
    (void)st;
    (void)key;
}
