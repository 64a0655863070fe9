/*
 * Durations and times, as people write them and as people read them.
 *
 * Times inside the program are Unix milliseconds. Nothing here depends on a
 * locale or a time zone: all is UTC, month names are English.
 */
#ifndef OL_CLI_WHEN_H
#define OL_CLI_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#define OL_WHEN_TEXT 40u /* room for any text made here */

/* "250ms 10s 5m 12h 3d"; false: it is none of these, or above 10 years. */
bool ol_when_duration(const char *text, int64_t *ms);

/*
 * RFC 3339 ("2026-11-23T10:00:00.000Z", offsets too), a time of today
 * ("18:00Z"), or a date-time group ("231000Z NOV 26", also without blanks).
 * now_ms says what today is. False: it is none of these.
 */
bool ol_when_time(const char *text, int64_t now_ms, int64_t *ms);

int64_t ol_when_now_ms(void);
/* A clock that only goes forward, for measuring and for waiting. */
int64_t ol_when_tick_ms(void);

/* "2026-11-23T10:00:00.000Z" */
void ol_when_rfc3339(int64_t ms, char out[OL_WHEN_TEXT]);
/* "231000Z NOV 26" */
void ol_when_group(int64_t ms, char out[OL_WHEN_TEXT]);
/* "40 ms", "12 s", "5 min", "3 h 20 min", "2 d 4 h" */
void ol_when_span(int64_t ms, char out[OL_WHEN_TEXT]);

#endif
