/*
 * Is an officer there: what was proved, until when, and what a peer may know.
 *
 *               nobody answered in time
 *   UNKNOWN ------------------------------> UNATTENDED
 *      |                                      |    ^
 *      | right answer            right answer |    | nobody answered in time
 *      |                                      v    |
 *      '----------------------------------> ATTENDED
 *
 * A question is a number on the console; whoever is there types it. It is put
 * at the start, `every` after the last answer, and earlier if nobody has done
 * anything here for `silence`. Where nobody answered it rests, and is put
 * again when somebody comes, when a message comes, or, while a console is
 * open, after `every`. UNKNOWN is only what was never asked: that nobody
 * answered is known.
 *
 * No clock and no chance of its own: both come with the call. Source:
 * doc/protocol.md 9.5.
 */
#ifndef OL_STATION_ATTEND_H
#define OL_STATION_ATTEND_H

#include <openline/line.h>

/* What a line's other side may learn: share-attendance. */
enum ol_share_rule {
    OL_SHARE_COARSE, /* that somebody is there; never that nobody is */
    OL_SHARE_YES,    /* both */
    OL_SHARE_NO,     /* nothing */
    OL_SHARES
};

/* The words of the configuration; -1 for another. */
const char *ol_share_name(enum ol_share_rule share);
int ol_share_of(const char *name);
/* What is shown of a state under a rule: what is not shared is UNKNOWN. */
enum ol_attendance ol_attend_shown(enum ol_attendance state,
                                   enum ol_share_rule share);

struct ol_attend_conf {
    uint64_t every_ns;   /* 0: nobody is ever asked */
    uint64_t silence_ns; /* at most every_ns */
    uint64_t within_ns;  /* for an answer */
};

/* Every hour, after half an hour of silence, five minutes to answer. */
extern const struct ol_attend_conf ol_attend_usual;

#define OL_ATTEND_WORD 5u /* four digits */

struct ol_attend {
    struct ol_attend_conf conf;
    enum ol_attendance state;
    bool console;      /* one is open */
    bool stirred;      /* ask again */
    uint64_t since_ns; /* it became so */
    uint64_t sign_ns;  /* the newest answer, or deed of an officer's */
    uint64_t answered_ns;
    uint64_t asked_ns; /* the newest question; 0: none yet */
    unsigned wrong;    /* answers to it */
    char word[OL_ATTEND_WORD]; /* that is asked for; empty: nothing is */
};

enum ol_attend_news {
    OL_ATTEND_SAME,
    OL_ATTEND_ASKED, /* a new word */
    OL_ATTEND_LAPSED, /* UNATTENDED now */
};

enum ol_attend_answer {
    OL_ATTEND_RIGHT,  /* ATTENDED now */
    OL_ATTEND_WRONG,
    OL_ATTEND_CHANGED, /* wrong once too often: another word is asked for */
    OL_ATTEND_NOTHING, /* nothing was asked */
};

enum ol_attend_stir {
    OL_STIR_OFFICER, /* did something at this station */
    OL_STIR_MESSAGE, /* came from a peer, who must not be able to nag */
};

void ol_attend_init(struct ol_attend *a, const struct ol_attend_conf *conf,
                    uint64_t now_ns);
/* Other times from now on; what was proved stays so under them. */
void ol_attend_conf(struct ol_attend *a, const struct ol_attend_conf *conf,
                    uint64_t now_ns);
/* What is due. Call no later than at ol_attend_next. dice: random. */
enum ol_attend_news ol_attend_tick(struct ol_attend *a, uint64_t now_ns,
                                   uint32_t dice);
/* When that is; OL_NEVER_NS: not before something happens. */
uint64_t ol_attend_next(const struct ol_attend *a);
void ol_attend_console(struct ol_attend *a, bool open, uint64_t now_ns);
void ol_attend_stir(struct ol_attend *a, enum ol_attend_stir by,
                    uint64_t now_ns);
/* Somebody wants to be asked now. False: nobody is ever asked here. */
bool ol_attend_ask(struct ol_attend *a, uint64_t now_ns, uint32_t dice);
enum ol_attend_answer ol_attend_answer(struct ol_attend *a, const char *word,
                                       uint64_t now_ns, uint32_t dice);
/* Until when the open question can be answered; 0: there is none. */
uint64_t ol_attend_deadline(const struct ol_attend *a);
/* ATTENDED: when it ends if nobody answers any more; else 0. */
uint64_t ol_attend_until(const struct ol_attend *a);

/* How much of a time somebody was there, from what was noted, in order: begin,
 * next for each, end. What is attended is so until the next note, and never
 * past the end of its proof; behind that it is unknown, and so is what was
 * before the first note. Times are Unix ms; one that goes back counts as the
 * one before it. */
struct ol_attended {
    uint64_t at_ms, to_ms;
    enum ol_attendance state;
    uint64_t until_ms;
    uint64_t sum_ms[OL_ATT_UNATTENDED + 1];
};
void ol_attended_begin(struct ol_attended *f, uint64_t from_ms,
                       uint64_t to_ms);
void ol_attended_next(struct ol_attended *f, uint64_t at_ms,
                      enum ol_attendance state, uint64_t until_ms);
void ol_attended_end(struct ol_attended *f);

#endif
