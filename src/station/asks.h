/*
 * Asks, announcements and objectives: what somebody waits for, and what
 * happens when it does not come in time.
 *
 *   asks.c        what is due, and the turn of the loop in which it is done
 *   asks_scan.c   what the ledger holds of it, at a start and since
 *   asks_keep.c   what was open, from one start to the next
 *   asks_say.c    what is then said and done
 *   objectives.c  messages that nobody reads
 *   due.h         the moments, as plain data
 *
 * Both sides watch both sides' records, from the same ones and without a word
 * between them. What was said is a fact in the ledger, in the same commit as
 * its event, so that nothing is said twice; what is overdue now is worked out
 * anew each time from the record and the clock.
 */
#ifndef OL_STATION_ASKS_H
#define OL_STATION_ASKS_H

#include "station/deadline.h"
#include "station/due.h"
#include "station/query.h"

#define OL_PAGE_ASKS 64u /* records looked at in one turn */

/* One log and the objective of reading. Records below `judged` were read in
 * time or said to be late, those below `late` are read. */
struct ol_log_objective {
    uint32_t judged, late;
    uint32_t first; /* the one that is late next, and is looked at again then */
    uint64_t late_ns, again_ns;
    bool raised; /* its alarm, since the start */
    struct ol_ages ages;
};

struct ol_asks {
    struct ol_dues dues[2]; /* by author */
    struct ol_log_objective logs[2][OL_PRECS];
    struct ol_skew skew; /* the peer's clock against ours */
    uint32_t next[2][OL_PRECS]; /* records that were not looked at yet */
    bool loading;
    bool recalled; /* from what was kept: known, and what came since */
    uint64_t known[2][OL_DUES_MAX]; /* numbers of what may be open */
    unsigned n_known[2];
    uint8_t load; /* which of kinds and authors */
    uint64_t load_after;
    bool moved;   /* what is kept is not as it stands */
    uint64_t moved_ns; /* and it is not kept before */
    uint64_t dues_ns[2]; /* by author: nothing is due before; 0: look */
    bool poke;    /* something was committed */
    bool look;    /* and what was said may have passed */
    bool kept;    /* logs[] are in the ledger as they are here */
    uint64_t next_ns, look_ns, keep_ns;
    uint64_t settled_ns; /* a restored copy believes itself from here on */
    int64_t offset_ms;   /* wall clock minus the other one */
    uint64_t set_ms;     /* what the wall clock said when it was last set */
};

/* A line has a core: all is looked at anew. Without memory nothing is watched,
 * and the log says so. */
void ol_asks_start(struct ol_station_line *line);
/* The same, and by what the ledger holds alone. */
void ol_asks_again(struct ol_station_line *line);
void ol_asks_stop(struct ol_station_line *line);
/* Something of the line was committed. */
void ol_asks_poke(struct ol_station_line *line);
void ol_asks_pump(struct ol_station *st);
uint64_t ol_asks_next_ns(const struct ol_station *st);

/* Is it known how the line stands: a restored copy knows only when the other
 * side has given back what it lacks. */
bool ol_asks_settled(const struct ol_station_line *line);
/* The wall clock of an author, as far as it is known here. */
uint64_t ol_asks_wall_ms(const struct ol_station_line *line,
                         enum ol_author author);

/* How many are open, and overdue by their author's clock. All zero where it is
 * not known. */
struct ol_asks_count {
    unsigned open, overdue;
};
struct ol_asks_count ol_asks_count(struct ol_station_line *line,
                                   enum ol_author author);

/* ---- asks_scan.c ---- */

/* One page of what the ledger holds; true: there is more. */
bool ol_asks_load(struct ol_station_line *line);
/* What has come since; true: there is more. */
bool ol_asks_scan(struct ol_station_line *line);
/* Was it answered, declined, withdrawn, replaced or done. */
bool ol_asks_over(struct ol_station_line *line, enum ol_author author,
                  const struct ol_due *d);
bool ol_asks_head(struct ol_station_line *line, enum ol_author author,
                  unsigned prec, uint32_t *size);

/* ---- asks_keep.c ---- */

/* Keeps what is open, if it is not kept as it stands; the moment at which it
 * is to be asked again. */
uint64_t ol_asks_keep(struct ol_station_line *line, uint64_t now_ns);
/* Fills next, known, left_out of asks that were started, from what was kept.
 * False: nothing was, or it does not hold; nothing is filled. */
bool ol_asks_recall(struct ol_station_line *line);

/* ---- asks_say.c ---- */

/* Each: false: not now, again in a while. */
bool ol_asks_say_overdue(struct ol_station_line *line, enum ol_author author,
                         struct ol_due *d);
bool ol_asks_say_slow(struct ol_station_line *line, enum ol_author author,
                      struct ol_due *d);
bool ol_asks_step(struct ol_station_line *line, struct ol_due *d,
                  unsigned step);
/* The alarms of one that is open, as it stands; and none of one that is over.
 */
void ol_asks_alarm(struct ol_station_line *line, enum ol_author author,
                   struct ol_due *d);
void ol_asks_quiet(struct ol_station_line *line, enum ol_author author,
                   struct ol_due *d);
/* A key of facts: "ours/ID", "theirs/ID". */
#define OL_ASK_KEY (8u + 2 * OL_ID_SIZE)
void ol_asks_key(char key[OL_ASK_KEY], enum ol_author author,
                 const uint8_t id[OL_ID_SIZE]);
bool ol_asks_key_parse(const char *key, enum ol_author *author,
                       uint8_t id[OL_ID_SIZE]);

/* ---- objectives.c ---- */

void ol_objectives_start(struct ol_station_line *line);
/* Judges what is due; the moment at which something is next. */
uint64_t ol_objectives_pump(struct ol_station_line *line, uint64_t now_ns);
/* What was late may have been read. */
void ol_objectives_look(struct ol_station_line *line);
/* "2 min", "6 h" */
void ol_objectives_text(char out[32], uint64_t ns);

#endif
