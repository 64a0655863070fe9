/*
 * The daemon's log.
 *
 * One write per line, so that lines of several processes do not mix. Control
 * characters are shown as dots: what is logged may come from a peer's card.
 * Under systemd each line carries its priority in front.
 */
#include "station/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "station/clock.h"
#include "station/text.h"

static void put(enum ol_level level, const char *fmt, va_list ap)
{
    static const char *const priority[] = {"<3>", "<5>", "<7>"};
    char text[OL_WHY_MAX + 64], line[sizeof(text) + 32];
    size_t n;

    vsnprintf(text, sizeof(text), fmt, ap);
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '.';
    ol_text_put(line, sizeof(line), "%sopenline: %s\n",
                getenv("JOURNAL_STREAM") ? priority[level] : "", text);
    n = strlen(line);
    /* Nobody reads it: there is nobody to tell. */
    if (write(STDERR_FILENO, line, n) != (ssize_t)n)
        return;
}

void ol_log(enum ol_level level, const char *fmt, ...)
{
    va_list ap;

    if (level == OL_LOG_DEBUG && getenv("OPENLINE_DEBUG") == NULL)
        return;
    va_start(ap, fmt);
    put(level, fmt, ap);
    va_end(ap);
}

void ol_log_rarely(uint64_t *last_ns, uint64_t every_ns, const char *fmt, ...)
{
    uint64_t now = ol_clock_ns();
    va_list ap;

    if (*last_ns != 0 && now - *last_ns < every_ns)
        return;
    *last_ns = now;
    va_start(ap, fmt);
    put(OL_LOG_NOTE, fmt, ap);
    va_end(ap);
}
