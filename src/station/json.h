/*
 * The documents of the contract: a message, a line's status, an event.
 *
 * What is not known, or not built yet, is null or "unknown", never a constant
 * that looks like knowledge. Each call returns a new reference, or NULL when
 * there is no memory or the ledger cannot be read.
 */
#ifndef OL_STATION_JSON_H
#define OL_STATION_JSON_H

#include <jansson.h>

#include "station/query.h"

struct ol_progress;

enum ol_show {
    OL_SHOW_HEADERS, /* no text in any case */
    OL_SHOW_LOG,     /* text of what is ours or read */
    OL_SHOW_TEXT,    /* text */
};

json_t *ol_json_message(const struct ol_entry *e, enum ol_show show);
/* The files of a message, and the files under way on a line. */
json_t *ol_json_attachments(const struct ol_entry *e);
json_t *ol_json_transfers(struct ol_station_line *line);
/* A notification: how far it is. */
json_t *ol_json_progress(const char *doing, const struct ol_attachment *file,
                         const struct ol_flow *flow);
/* A message's rung and outcome, who gave what receipt, and the messages that
 * stand before and behind it. text: may it show words of others than e. */
void ol_json_ladder(json_t **doc, const struct ol_entry *e,
                    const struct ol_progress *p, bool text);
json_t *ol_json_critical(const struct ol_entry *e);
/* An event that tells what a record says of a message: e is the record, and
 * becomes the message; anything else stays. False: it is not here. */
bool ol_json_said(json_t **doc, unsigned what, struct ol_entry *e);
/* The name of that number, of e's author (own) or of the other one. */
json_t *ol_json_name(const struct ol_entry *e, bool own, uint64_t number);
/* What an event of a file says beside its message's name. */
void ol_json_file_event(json_t **doc, const struct ol_entry *e,
                        const char *detail);
json_t *ol_json_line(struct ol_station_line *line);
json_t *ol_json_channels(struct ol_station_line *line);
json_t *ol_json_status(struct ol_station *st, const char *peer);
json_t *ol_json_event(struct ol_station *st, const struct ol_row_event *ev);

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
