/*
 * report: a period out of the ledger, line by line, a page per turn of the
 * loop. What each part holds on the way, and what is made of it at the end.
 */
#ifndef OL_STATION_REPORT_JOB_H
#define OL_STATION_REPORT_JOB_H

#include "station/dark_fold.h"
#include "station/effective.h"
#include "station/quality.h"
#include "station/query.h"
#include "station/report.h"

#define OL_REPORT_BLACKOUTS 100u /* shown of a line; the newest */
#define OL_REPORT_ROWS 120u      /* of the timeline, about */

/* The asks of the effective window, the newest OL_EFFECTIVE_MAX at least. */
struct ol_report_window {
    struct ol_effective_ask *v; /* room for twice as many */
    size_t n;
};
/* Leaves the newest OL_EFFECTIVE_MAX. */
void ol_report_window_trim(struct ol_report_window *w);

/* How channels and the line were, and its blackouts. */
struct ol_report_past {
    uint64_t step_ms; /* of the timeline */
    bool minutes;     /* the hours have been read, or are not wanted */
    json_t *rows;     /* of the timeline */
    struct ol_quality_row row, sum, one;
    struct ol_dark_fold fold;
    struct ol_dark_total total;
    uint64_t dark_ms; /* since when it was dark at the end; 0: it was not */
    bool pouch;       /* and then a courier may have come */
    json_t *blackouts;
    unsigned left_out;
};

struct ol_report_line { /* of the line at work */
    struct ol_station_line *line;
    uint64_t now_ms;
    bool to_now; /* the period ends now: what is known now may be said */
    struct ol_report r;
    struct ol_report_window window;
    struct ol_report_past past;
};

/* ---- report_path.c: from facts, a page of them; *next_ms: where the next
 * begins. 1: there is more; 0: all was read; -1: the ledger fails. ---- */
int ol_report_dark_page(struct ol_report_line *l, uint64_t *next_ms);
void ol_report_path_begin(struct ol_report_line *l, uint64_t *next_ms);
int ol_report_path_page(struct ol_report_line *l, uint64_t *next_ms);

/* ---- report_json.c: the document; NULL: no memory ---- */
json_t *ol_report_json(struct ol_report_line *l);

#endif
