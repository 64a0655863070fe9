/*
 * The documents of the contract: a message, a line's status, an event.
 *
 * What is not known, or not built yet, is null or "unknown", never a constant
 * that looks like knowledge. Messages and events are written into an ol_out,
 * which is spoilt where the ledger cannot be read; what returns a tree returns
 * a new reference, or NULL when there is no memory.
 */
#ifndef OL_STATION_JSON_H
#define OL_STATION_JSON_H

#include <jansson.h>

#include "station/json_out.h"
#include "station/query.h"

struct ol_progress;
struct ol_request;

enum ol_show {
    OL_SHOW_HEADERS, /* no text in any case */
    OL_SHOW_LOG,     /* text of what is ours or read */
    OL_SHOW_TEXT,    /* text */
};

/* A message, and as the answer to a request, as an item of a stream. */
void ol_json_message(struct ol_out *o, const struct ol_entry *e,
                     enum ol_show show);
void ol_json_reply(struct ol_request *rq, const struct ol_entry *e,
                   enum ol_show show);
void ol_json_stream(struct ol_request *rq, const struct ol_entry *e,
                    enum ol_show show);
/* The files of a message, and the files under way on a line. */
void ol_json_attachments(struct ol_out *o, const struct ol_entry *e);
json_t *ol_json_transfers(struct ol_station_line *line);
/* A notification: how far it is. */
json_t *ol_json_progress(const char *doing, const struct ol_attachment *file,
                         const struct ol_flow *flow);
/* A message's rung and outcome, who gave what receipt, and the messages that
 * stand before and behind it. text: may it show words of others than e. */
void ol_json_ladder(struct ol_out *o, const struct ol_entry *e,
                    const struct ol_progress *p, bool text);
void ol_json_critical(struct ol_out *o, const struct ol_entry *e);

/* An event that tells what a record says of a message. */
struct ol_said {
    bool meant;          /* it does; else the record is what is told of */
    bool there;          /* the message */
    bool misread;        /* it was read back, and the readback differs */
    struct ol_span said, back; /* where it first does; NULL, 0: nothing */
    struct ol_entry message;
};
/* What e, the record of an event, says; what is an ol_what. */
void ol_said_find(unsigned what, const struct ol_entry *e,
                  struct ol_said *out);
void ol_json_said(struct ol_out *o, unsigned what, const struct ol_entry *e,
                  const struct ol_said *said);
/* The name of that number, of e's author (own) or of the other one; 0: null.
 */
void ol_json_name(struct ol_out *o, const char *key, const struct ol_entry *e,
                  bool own, uint64_t number);
/* What an event of a file says beside its message's name. */
void ol_json_file_event(struct ol_out *o, const struct ol_entry *e,
                        const char *detail);
json_t *ol_json_line(struct ol_station_line *line);
json_t *ol_json_channels(struct ol_station_line *line);
json_t *ol_json_status(struct ol_station *st, const char *peer);
void ol_json_event(struct ol_out *o, struct ol_station *st,
                   const struct ol_row_event *ev);

/* Names as the contract spells them; NULL for what it does not know. */
const char *ol_json_prec(unsigned prec);
const char *ol_json_marking(unsigned marking);
const char *ol_json_rung(unsigned rung);
const char *ol_json_outcome(unsigned outcome);
/* The number of a name, or -1. */
int ol_json_prec_of(const char *name);
int ol_json_marking_of(const char *name);
int ol_json_rung_of(const char *name);

#endif
