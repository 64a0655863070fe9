/*
 * Is effective communication occurring: yes, no or unknown, since when, why.
 *
 * Pure: from the asks of a window, the darkness of the line and a clock. What
 * the words mean is told in doc/effective.md, and nowhere else: an ask is the
 * one thing whose answer somebody waits for, so asks are the measure.
 *
 *   overdue now, either side's      no
 *   the line is dark now            no
 *   else the ask that was settled last
 *     was settled in time           yes
 *     was settled late              no
 *   nothing was settled             unknown
 *
 * Settled: answered, declined, or understood; in time: by its deadline.
 * Withdrawn and superseded asks, and those of exercises and tests, do not
 * count.
 */
#ifndef OL_STATION_EFFECTIVE_H
#define OL_STATION_EFFECTIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openline/record.h>

#define OL_EFFECTIVE_DAYS 30u /* the window */
#define OL_EFFECTIVE_MAX 1024u /* asks of each side in it; the newest */

struct ol_effective_ask {
    bool ours;
    uint64_t number;
    uint64_t asked_ms;    /* taken here, or arrived here */
    uint64_t by_ms;       /* its deadline by its author's clock; 0: none */
    uint64_t deadline_ms; /* the same on ours */
    uint64_t settled_ms;  /* 0: not yet */
    bool answered, declined, understood; /* what settled it, or happened */
    uint64_t understood_ms, answered_ms; /* 0: not */
    char subject[OL_SUBJECT_MAX + 1];
};

enum ol_effective_state {
    OL_EFFECTIVE_UNKNOWN, OL_EFFECTIVE_YES, OL_EFFECTIVE_NO
};

enum ol_effective_why {
    OL_WHY_NOTHING,   /* was asked */
    OL_WHY_WAITING,   /* asked, not due yet, none settled */
    OL_WHY_IN_TIME,   /* the last one settled was so in time */
    OL_WHY_LATE,      /* the last one settled was late */
    OL_WHY_OVERDUE,   /* an ask is */
    OL_WHY_DARK,      /* the line is */
};

struct ol_effective {
    enum ol_effective_state state;
    enum ol_effective_why why;
    uint64_t since_ms; /* it has been so since then; 0: not known */
    unsigned asked, answered, declined, overdue, open; /* in the window */
    uint64_t last_understood_ms, last_answered_ms; /* 0: never */
    uint64_t first_unanswered_ms; /* of those after the last answer */
    const struct ol_effective_ask *about; /* the one that decides; or NULL */
};

/* asks: at most 2 * OL_EFFECTIVE_MAX, in any order. subject: only those about
 * it; NULL: all. dark_ms: since when the line is dark; 0: it is not. */
void ol_effective_judge(const struct ol_effective_ask *asks, size_t n,
                        const char *subject, uint64_t dark_ms,
                        uint64_t now_ms, struct ol_effective *out);

/* "yes", "no", "unknown". */
const char *ol_effective_word(enum ol_effective_state s);
/* Why, in words for people, without a full stop: "ask 17 of ours is overdue
 * since ...". */
void ol_effective_why_text(const struct ol_effective *e, uint64_t now_ms,
                           char *out, size_t room);

/* What the sentence that is fit to be read aloud says of the line. */
struct ol_effective_line {
    bool past;             /* not now: how many were open is not said */
    unsigned up;           /* channels that carry both ways */
    bool pouch;            /* none, but a courier may come */
    bool closed_by_us, closed_by_them;
    uint64_t dark_ms;      /* since when it is dark; 0: it is not */
};
/* One sentence, ending in a full stop: "Three channels open; four asks on
 * denuclearization, none answered since 30 Sep; effective communication is not
 * occurring." subject: NULL, or the one that all of the asks are about. */
void ol_effective_sentence(const struct ol_effective_line *line,
                           const struct ol_effective *e, const char *subject,
                           uint64_t now_ms, char *out, size_t room);

#endif
