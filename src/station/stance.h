/*
 * Stances: what each side has declared, for the whole line and by subject.
 *
 * A stance is a record in its author's FLASH log (doc/protocol.md 6.4); the
 * newest per author and subject counts, by its place in that log. Closed means
 * that the side does not talk, not that it does not listen: whatever the other
 * one sends is kept and acknowledged as ever.
 *
 * `closed` of the whole line is what people see in place of open: the engine
 * knows nothing of it, and a line that is dark stays dark.
 */
#ifndef OL_STATION_STANCE_H
#define OL_STATION_STANCE_H

#include <jansson.h>

#include <openline/line.h>
#include <openline/record.h>

#include "station/json_out.h"

struct ol_station_line;
struct ol_request;

#define OL_STANCE_FORM "openline/stance"
#define OL_STANCES_MAX 32u /* per author; one of them is the whole line's */

enum ol_stance {
    OL_STANCE_NONE,
    OL_STANCE_READY,
    OL_STANCE_LISTENING,
    OL_STANCE_CLOSED,
    OL_STANCE_WORDS
};

/* NULL for NONE. */
const char *ol_stance_name(enum ol_stance stance);
/* NONE: another word. */
enum ol_stance ol_stance_of(struct ol_span word);
/* What a record declares; NONE: nothing that counts. */
enum ol_stance ol_stance_of_record(const struct ol_record *rec);

struct ol_stances {
    struct ol_stance_row {
        uint32_t index; /* in the FLASH log */
        uint8_t stance;
        uint16_t subject_n; /* 0: the whole line */
        char subject[OL_SUBJECT_MAX];
    } v[OL_STANCES_MAX];
    unsigned n;
};

/* A newer one of its subject replaces the one that is there. Beyond the
 * maximum the oldest of another subject goes; never the whole line's. */
void ol_stances_note(struct ol_stances *s, enum ol_stance stance,
                     struct ol_span subject, uint32_t index);
/* Of that subject, or of the whole line where it has none; NULL: none. */
const struct ol_stance_row *ol_stances_find(const struct ol_stances *s,
                                            struct ol_span subject);

/* ---- of a line ---------------------------------------------------------- */

struct ol_line_stance {
    struct ol_stances by[2]; /* [enum ol_author] */
    uint32_t seen[2]; /* FLASH records that were looked at */
    uint64_t batch; /* brings one; 0: none is on its way */
    bool look, again; /* again: from the beginning */
    enum ol_line_state told; /* what watchers know, OPEN: neither is closed */
};

/* Reads all of the ledger; at a start, and when one has come. */
void ol_stance_boot(struct ol_station_line *line);
/* A put that is handed to the ledger, in this batch. */
void ol_stance_put(struct ol_station_line *line, const struct ol_put *put,
                   uint64_t batch);
void ol_stance_committed(struct ol_station_line *line, uint64_t token);
void ol_stance_pump(struct ol_station_line *line);
/* What people see in place of the engine's state. */
enum ol_line_state ol_stance_over(const struct ol_station_line *line,
                                  enum ol_line_state state);
/* {"ours","theirs","declared":[...]} */
json_t *ol_json_stance(struct ol_station_line *line);
/* What a record of a stance says, into its document or its event's. */
void ol_json_declared(struct ol_out *o, const struct ol_record *rec);
void ol_method_stance(struct ol_request *rq);

#endif
