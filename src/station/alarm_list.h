/*
 * The list of alarms as it stands: who is on it, and what becomes news.
 *
 * Pure: it is told what happened and when, and says what a person must hear
 * now. Repeats are folded into the alarm that stands; more than OL_FLOOD
 * alarms in ten minutes are a flood, of which one alarm tells until fewer than
 * OL_FLOOD_END come in ten minutes.
 */
#ifndef OL_STATION_ALARM_LIST_H
#define OL_STATION_ALARM_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "station/alarms.h"

#define OL_ALARM_LIST 256u /* alarms at once */
#define OL_ALARM_WORDS 320u
#define OL_FLOOD 10u
#define OL_FLOOD_END 5u
#define OL_FLOOD_MS UINT64_C(600000)
#define OL_ALARM_SETTLE_MS UINT64_C(120000) /* after a start, see alarms.h */
#define OL_SHELVE_MS UINT64_C(86400000) /* at most */

struct ol_alarm {
    uint32_t n; /* its number, for people; 0: none */
    char line[33]; /* the peer; empty: the station's own */
    char key[OL_ALARM_KEY];
    uint8_t priority;
    bool active; /* the condition holds */
    bool acked;
    bool flood; /* came in a flood, and was told of only as a part of it */
    bool stale; /* from before this start, and not said again yet */
    bool dirty; /* not on disk as it is */
    bool owed;  /* nor handed over when it was to be: again in a moment */
    bool unsaid; /* and a person must still hear of it */
    uint32_t count; /* how often it was raised */
    uint64_t raised_ms, last_ms; /* Unix time: first, newest raise */
    uint64_t cleared_ms, acked_ms, shelved_ms;
    uint64_t shelved_until_ms; /* 0: not shelved */
    uint64_t until_ms;         /* the same, of the clock that never jumps */
    uint64_t saved_ms;         /* of that clock: written, or tried to be */
    char by[65]; /* who acknowledged or shelved it last */
    char what[OL_ALARM_WORDS], act[OL_ALARM_WORDS];
};

/* Now, by both clocks. */
struct ol_now {
    uint64_t ms;      /* never jumps */
    uint64_t wall_ms; /* Unix time */
};

/* What must be told, or written: called with the alarm as it is now. False: it
 * was not taken, and is told again in a moment; what is GONE stays on the list
 * until then. */
enum ol_alarm_news {
    OL_ALARM_SAYS,    /* a person must hear of it now, and it is written */
    OL_ALARM_CHANGED, /* it is written */
    OL_ALARM_ASKED,   /* the same, and a person waits for it */
    OL_ALARM_GONE,    /* it is written, and on the list no more */
};
typedef bool (*ol_alarm_fn)(void *arg, const struct ol_alarm *a,
                            enum ol_alarm_news news);

struct ol_alarms {
    struct ol_alarm v[OL_ALARM_LIST];
    unsigned n;
    uint32_t last; /* the newest number */
    uint64_t started_ms;
    uint64_t times[OL_FLOOD + 1]; /* of the newest, a ring; 0: none */
    unsigned next_time;
    bool flooding;
    uint32_t flood_n, flood_high;
    uint32_t unlisted; /* of the flood, for which there was no place */
    ol_alarm_fn tell;
    void *arg;
};

/* line: "" is the station. text: "WHAT|DO". */
void ol_alarms_raise(struct ol_alarms *l, const char *line, const char *key,
                     enum ol_priority priority, const char *text,
                     const struct ol_now *now);
void ol_alarms_clear(struct ol_alarms *l, const char *line, const char *key,
                     const struct ol_now *now);
/* Of a line that is gone: all of them are cleared. */
void ol_alarms_clear_line(struct ol_alarms *l, const char *line,
                          const struct ol_now *now);

enum ol_alarm_answer {
    OL_ALARM_DONE,
    OL_ALARM_UNWRITTEN, /* done, and not all of it was taken to be written */
    OL_ALARM_NONE,    /* no such number on the list */
    OL_ALARM_ALREADY, /* acknowledged already, and not shelved */
};
/* Acknowledging the alarm of a flood does so for all that came in it. *done:
 * how many. */
enum ol_alarm_answer ol_alarms_ack(struct ol_alarms *l, uint32_t n,
                                   const char *by, const struct ol_now *now,
                                   unsigned *done);
/* ms: at most OL_SHELVE_MS. */
enum ol_alarm_answer ol_alarms_shelve(struct ol_alarms *l, uint32_t n,
                                      uint64_t ms, const char *by,
                                      const struct ol_now *now);

/* What is due; the moment at which something next is (UINT64_MAX: never). */
uint64_t ol_alarms_tick(struct ol_alarms *l, const struct ol_now *now);

/* At a start: one as it was written last; those gone already are passed over.
 */
void ol_alarms_load(struct ol_alarms *l, const struct ol_alarm *a,
                    const struct ol_now *now);

struct ol_alarm *ol_alarms_find(struct ol_alarms *l, uint32_t n);
/* Is it shelved. */
static inline bool ol_alarm_shelved(const struct ol_alarm *a)
{
    return a->shelved_until_ms != 0;
}
/* "unacknowledged", "acknowledged", "returned", "shelved", "gone". */
const char *ol_alarm_state(const struct ol_alarm *a);
/* The most pressing first: for qsort. */
int ol_alarm_order(const void *a, const void *b);
const char *ol_priority_name(unsigned priority);
int ol_priority_of(const char *name); /* or -1 */

#endif
