/*
 * What waits for a number, and what a return leaves to be told.
 *
 *   refused UNPROVED --> on disk --> (NOTE_PROVED) SUBMIT --> TAKEN
 *   taken out of a log -----^
 *
 * One at a time, in the order in which they came, before anything new; the
 * ledger ends the waiting in the transaction that gives the number. Before
 * them goes the record that tells both sides what came back.
 * It fails by waiting on: what the core cannot take now it is asked again; a
 * row that it will never take is passed over and said in the log.
 */
#include "station/waiting.h"

#include <string.h>

#include "station/alarms.h"
#include "station/clock.h"
#include "station/json.h"
#include "station/log.h"
#include "station/names.h"
#include "station/query.h"
#include "station/station.h"
#include "wire/record.h"

#define AGAIN_NS (OL_NS_PER_S / 10)
#define MUTE_NS OL_NS_PER_S

struct row {
    uint64_t n;
    size_t size;
    uint8_t bytes[OL_RECORD_MAX];
};

/* What the peer gave back and then denied is not ours to say. */
static bool take_row(void *arg, const struct ol_row_waiting *r)
{
    struct row *row = arg;

    if (r->proof == OL_PROOF_UNPROVED || r->bytes.n > sizeof(row->bytes))
        return true;
    row->n = r->n;
    row->size = r->bytes.n;
    memcpy(row->bytes, r->bytes.p, r->bytes.n);
    return false;
}

void ol_waiting_start(struct ol_station_line *line)
{
    unsigned putting = line->waiting.putting;

    memset(&line->waiting, 0, sizeof(line->waiting));
    line->waiting.putting = putting;
    line->waiting.any = line->waiting.tell = true;
}

static enum ol_waiting_turn later(struct ol_waiting *w, bool mute)
{
    w->mute = mute;
    w->at_ns = ol_clock_ns() + (mute ? MUTE_NS : AGAIN_NS);
    return mute ? OL_WAITING_MUTE : OL_WAITING_BUSY;
}

/* One record into the core; *given when it was taken. */
static enum ol_err give(struct ol_station_line *line,
                        const struct ol_record *rec, uint64_t *token)
{
    struct ol_event ev = {.kind = OL_EV_SUBMIT, .record = rec};
    enum ol_err err;

    ev.token = ++line->st->next_token;
    err = ol_station_step(line, &ev);
    if (err == OL_OK)
        *token = ev.token;
    return err;
}

/* "12 flash, 3 routine"; false: nothing. */
static bool list(char *out, size_t size, const struct ol_returned *r,
                 size_t offset)
{
    size_t n = 0;

    out[0] = '\0';
    for (unsigned p = 0; p < OL_PRECS; p++) {
        uint32_t v;
        memcpy(&v, (const uint8_t *)&r[p] + offset, sizeof(v));
        if (v == 0)
            continue;
        ol_text_put(out + n, size - n, "%s%u %s", n ? ", " : "", v,
                    ol_json_prec(p));
        n = strlen(out);
    }
    return n > 0;
}

static void words(char *text, size_t size, const struct ol_returned *r)
{
    char part[128];
    size_t n;

    ol_text_put(text, size, "this station was restored from an old copy");
    n = strlen(text);
    if (list(part, sizeof(part), r, offsetof(struct ol_returned, back)))
        ol_text_put(text + n, size - n, "; given back by you: %s", part);
    n = strlen(text);
    if (list(part, sizeof(part), r, offsetof(struct ol_returned, lost)))
        ol_text_put(text + n, size - n, "; lost on both sides: %s", part);
    n = strlen(text);
    if (list(part, sizeof(part), r, offsetof(struct ol_returned, aside)))
        ol_text_put(text + n, size - n, "; compared with yours, and said "
                    "again where you did not hold it: %s", part);
}

/* The record that tells what came back; true: it is under way or to come. */
static bool tell(struct ol_station_line *line, enum ol_waiting_turn *turn)
{
    struct ol_waiting *w = &line->waiting;
    struct ol_line_status s;
    struct ol_record rec = {.kind = OL_KIND_RETURNED, .prec = OL_FLASH};
    uint8_t id[OL_ID_SIZE];
    char text[512];
    bool any = false;
    enum ol_err err;

    *turn = OL_WAITING_BUSY;
    if (!w->tell || w->tell_token != 0)
        return w->tell;
    ol_line_status(line->core, ol_clock_ns(), &s);
    for (unsigned p = 0; p < OL_PRECS; p++)
        any = any || s.returned[p].back > 0 || s.returned[p].lost > 0 ||
              s.returned[p].aside > 0;
    if (s.returning) {
        *turn = later(w, true);
        return true;
    }
    w->tell = any;
    if (!any)
        return false;
    words(text, sizeof(text), s.returned);
    ol_log(OL_LOG_NOTE, "line %s: %s", line->conf.peer, text);
    rec.written_ms = ol_clock_wall_ms();
    ol_id_new(id, rec.written_ms);
    rec.id = OL_SPAN_ARRAY(id);
    rec.text = ol_span_str(text);
    err = give(line, &rec, &w->tell_token);
    if (err != OL_OK)
        *turn = later(w, err == OL_ERR_UNPROVED);
    return true;
}

/* Does it cancel, replace or fulfil a message of ours by a number that a return
 * has given to another since. What the number says now came after it. */
static bool mistaken(struct ol_station_line *line,
                     const struct ol_record *rec)
{
    static struct ol_entry e; /* large; one thread */
    enum ol_err err;

    for (unsigned k = 0; k < rec->n_refs; k++) {
        if (!rec->refs[k].own)
            continue;
        err = ol_query_number(line, OL_OWN, rec->refs[k].number, &e);
        if (err == OL_ERR_MISSING ||
            (err == OL_OK && e.row.at_ms > rec->written_ms))
            return true;
    }
    return false;
}

static void pass_over(struct ol_station_line *line)
{
    ol_alarm_raise(line, "not-said", OL_PRIORITY_HIGH, "something that waited "
                   "to be said speaks of a message of ours which has another "
                   "number since this copy was restored, and is not said|see "
                   "what waits with 'openline log %s', and say it again",
                   line->conf.peer);
    ol_alarm_clear(line, "not-said"); /* it happened, and is not undone */
}

/* The first that waits; NONE: there is none. */
static enum ol_waiting_turn first(struct ol_station_line *line)
{
    static struct row row;
    struct ol_waiting *w = &line->waiting;
    struct ol_ledger *lg = line->st->ledger;
    struct ol_record rec;
    enum ol_err err;

    row.size = 0;
    if (lg->ops->waiting(lg, line->ledger_id, w->after, take_row, &row) !=
        OL_OK)
        return later(w, false);
    if (row.size == 0) {
        w->any = w->putting > 0;
        return w->any ? OL_WAITING_MUTE : OL_WAITING_NONE;
    }
    err = ol_record_decode(OL_SPAN(row.bytes, row.size), &rec);
    if (err == OL_OK && mistaken(line, &rec)) {
        pass_over(line);
        err = OL_ERR_MISSING;
    }
    if (err == OL_OK)
        err = give(line, &rec, &w->token);
    if (err == OL_OK)
        return OL_WAITING_BUSY;
    if (err == OL_ERR_UNPROVED || err == OL_ERR_AGAIN || err == OL_ERR_DOWN ||
        err == OL_ERR_FULL)
        return later(w, err == OL_ERR_UNPROVED);
    ol_log(OL_LOG_FAULT, "line %s: a message that waits cannot be said (%s); "
           "'openline log' shows it", line->conf.peer, ol_err_info(err)->text);
    w->after = row.n;
    ol_loop_again(line->st);
    return OL_WAITING_BUSY;
}

enum ol_waiting_turn ol_waiting_turn(struct ol_station_line *line)
{
    struct ol_waiting *w = &line->waiting;
    enum ol_waiting_turn turn;

    if (line->phase != OL_PHASE_RUN || line->core == NULL)
        return OL_WAITING_BUSY;
    if (w->token != 0 || w->tell_token != 0)
        return OL_WAITING_BUSY;
    if (!w->any && !w->tell)
        return OL_WAITING_NONE;
    if (ol_clock_ns() < w->at_ns)
        return w->mute ? OL_WAITING_MUTE : OL_WAITING_BUSY;
    if (tell(line, &turn))
        return turn;
    return w->any ? first(line) : OL_WAITING_NONE;
}

bool ol_waiting_taken(struct ol_station_line *line, uint64_t token)
{
    struct ol_waiting *w = &line->waiting;

    if (token == 0 || (token != w->token && token != w->tell_token))
        return false;
    if (token == w->tell_token) {
        w->tell_token = 0;
        w->tell = false;
    } else {
        w->token = 0;
    }
    ol_loop_again(line->st);
    return true;
}

void ol_waiting_proved(struct ol_station_line *line)
{
    line->waiting.any = line->waiting.tell = true;
    line->waiting.at_ns = 0;
    ol_loop_again(line->st);
}

struct sought {
    uint8_t rel;
    uint64_t number;
    bool found;
};

static bool is_sought(void *arg, const struct ol_row_waiting *r)
{
    struct sought *s = arg;
    struct ol_record rec;

    s->found = ol_record_decode(r->bytes, &rec) == OL_OK && rec.n_refs > 0 &&
               rec.refs[0].rel == s->rel && rec.refs[0].number == s->number;
    return !s->found;
}

bool ol_waiting_has(struct ol_station_line *line, uint8_t rel,
                    uint64_t number)
{
    struct ol_ledger *lg = line->st->ledger;
    struct sought s = {rel, number, false};

    if (!line->waiting.any)
        return false;
    (void)!lg->ops->waiting(lg, line->ledger_id, 0, is_sought, &s);
    return s.found;
}
