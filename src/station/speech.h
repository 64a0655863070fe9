/*
 * What all that is said has in common: the parameters of send, ask, answer and
 * their like, and how a record comes out of them.
 *
 *     struct ol_speech s = {.rec.kind = OL_KIND_ASK};
 *
 *     if (ol_speech_deadline(rq, "by", &s.rec.deadline_ms) &&
 *         ol_speech_take(rq, line, &s))
 *         ol_speech_say(rq, line, &s);
 *
 * Each of them answers the request itself when it returns false, and the last
 * one in any case. Texts of the record stay in the request.
 */
#ifndef OL_STATION_SPEECH_H
#define OL_STATION_SPEECH_H

#include "station/query.h"

struct ol_speech {
    struct ol_record rec; /* kind, refs, deadline, originator: the method's */
    uint8_t id[OL_ID_SIZE];
    bool has_id; /* the caller chose it */
    bool bare;   /* the method's: it may have no text */
};

/* What ol_speech_take reads, for a method's row (methods.c). */
#define OL_SPEECH_PARAMS                                                       \
    " text:s! subject:s precedence:s lang:s marking:s to:s id:s files:a "      \
    "critical:a"

/* Text, subject, to, lang, precedence, marking, critical phrases and id. */
bool ol_speech_take(struct ol_request *rq, const struct ol_station_line *line,
                    struct ol_speech *s);
/* Submits it, with its files. */
void ol_speech_say(struct ol_request *rq, struct ol_station_line *line,
                   const struct ol_speech *s);

/* A parameter that is not given is that of the message which this one is
 * about. */
void ol_speech_inherit(struct ol_request *rq, const char *name,
                       struct ol_span text);
/* One more reference, to e. Refused: a record that says the same of it is on
 * its way already. */
bool ol_speech_refer(struct ol_request *rq, struct ol_speech *s,
                     enum ol_rel rel, const struct ol_entry *e);

/* A text parameter within its bounds. advice: ": what to do". */
bool ol_speech_text(struct ol_request *rq, const char *name, size_t max,
                    const char *advice, struct ol_span *out);
/* A duration or a time, to come by this station's clock; 0: none given. */
bool ol_speech_deadline(struct ol_request *rq, const char *name,
                        uint64_t *ms);

#endif
