/*
 * How far a message came, and what became of it, as the ledger knows it.
 *
 * The rung only rises. The outcome stands beside it: what its author or the
 * other side has said of it since, or that its time is over. Both are computed
 * at the moment of asking, from records alone. Source: doc/protocol.md 6.3.
 */
#ifndef OL_STATION_PROGRESS_H
#define OL_STATION_PROGRESS_H

#include "station/query.h"

#define OL_MARK_ROWS 256u
#define OL_ATTEMPT_ROWS OL_CHAN_MAX

enum ol_outcome {
    OL_OUTCOME_NONE,
    OL_OUTCOME_DECLINED,
    OL_OUTCOME_EXPIRED,    /* not read in time, by this station's clock */
    OL_OUTCOME_CANCELLED,
    OL_OUTCOME_SUPERSEDED,
    OL_OUTCOME_WITHDRAWN,  /* cancelled, and it wanted something */
    OL_OUTCOMES
};

struct ol_progress {
    enum ol_rung rung;
    enum ol_outcome outcome;
    struct ol_row_mark cause; /* the record that says so; EXPIRED: none */
    bool misread;             /* a readback differs, and none holds */
    uint64_t understood_ms;   /* the first that holds, or needs none; 0 */
    uint64_t delivered_ms;    /* 0: not */
    struct ol_row_mark marks[OL_MARK_ROWS];
    uint32_t n_marks;
    struct ol_row_attempt attempts[OL_ATTEMPT_ROWS];
    uint32_t n_attempts;
};

OL_MUST_USE enum ol_err ol_query_progress(const struct ol_entry *e,
                                          struct ol_progress *out);

/* The first mark of that kind; NULL: there is none. */
const struct ol_row_mark *ol_progress_mark(const struct ol_progress *p,
                                           uint8_t rel);
/* The record that left the mark, if it stands there and says so. */
OL_MUST_USE enum ol_err ol_progress_record(const struct ol_entry *e,
                                           const struct ol_row_mark *mark,
                                           struct ol_entry *out);

/* The rung that a mark raises its message to, if its readback holds;
 * OL_RUNG_DRAFT: none. */
enum ol_rung ol_progress_rung(const struct ol_row_mark *mark);

/* Does it want an answer, or was something announced with it. */
bool ol_progress_wants(const struct ol_record *rec);
/* May it be answered, declined, superseded or cancelled: its author's own
 * words have not ended it, nor an answer. */
bool ol_progress_open(const struct ol_progress *p);

#endif
