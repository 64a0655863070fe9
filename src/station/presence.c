/*
 * Who is there.
 *
 * Happy path: once a turn the questions that are due are put (attend.c says
 * when), as an event that every watcher shows; `attend` takes the answer; what
 * became of it is an event, a fact in the ledger, and for each line what its
 * rule lets the other side know. How it fails: what the ledger does not take
 * now is noted in a later turn; a station that stops leaves its last
 * proof, which ends by itself.
 */
#include "station/presence.h"

#include <string.h>

#include "crypto/crypto.h"
#include "station/clock.h"
#include "station/json_set.h"
#include "station/log.h"
#include "station/methods.h"

static json_t *moment(uint64_t ns)
{
    char text[OL_TIME_TEXT];

    if (ns == 0 || ns == OL_NEVER_NS)
        return json_null();
    ol_text_time(text, ol_clock_wall_of(ns));
    return json_string(text);
}

static json_t *known(enum ol_attendance a)
{
    return json_string(ol_attendance_name(a));
}

/* Longer than this no answer proves anything, whatever an officer does. */
static uint64_t proof_ends(const struct ol_attend *a)
{
    return a->state == OL_ATT_ATTENDED
               ? a->answered_ns + a->conf.every_ns + a->conf.within_ns
               : 0;
}

/* ---- what is told ------------------------------------------------------- */

/* Of the station, not of a line. detail: "asked 4711", "attended anna". */
static void tell(struct ol_station *st, const char *state, const char *more)
{
    char detail[96];
    struct ol_put put = {.kind = OL_PUT_EVENT, .what = OL_WHAT_ATTENDANCE,
                         .author = OL_OWN, .channel = OL_CHANNEL_ANY,
                         .detail = detail};

    ol_text_put(detail, sizeof(detail), "%s%s%s", state, *more ? " " : "",
                more);
    ol_later_event(st, NULL, &put);
}

static void note(struct ol_station *st)
{
    const struct ol_attend *a = &st->attend;
    const char *state = ol_attendance_name(a->state);
    bool there = a->state == OL_ATT_ATTENDED;
    json_t *doc = json_pack(
        "{s:s,s:o,s:I}", "state", state, "by",
        there ? json_string(st->attended_by) : json_null(), "until_ms",
        (json_int_t)ol_clock_wall_of(proof_ends(a)));

    st->attend_unsaid = !ol_fact_note(st, NULL, OL_FACT_ATTENDED, state, doc);
}

static void asked(struct ol_station *st)
{
    tell(st, "asked", st->attend.word);
}

static void became(struct ol_station *st)
{
    const char *by = st->attend.state == OL_ATT_ATTENDED ? st->attended_by
                                                         : "";

    tell(st, ol_attendance_name(st->attend.state), by);
    ol_log(OL_LOG_NOTE, "attendance: %s%s%s",
           ol_attendance_name(st->attend.state), *by ? ": " : "", by);
    note(st);
}

/* What the other side of a line may know now. */
static void inform(struct ol_station_line *line)
{
    enum ol_attendance may = ol_attend_shown(line->st->attend.state,
                                             line->conf.share);
    struct ol_event ev = {.kind = OL_EV_ATTEND, .attendance = (uint8_t)may};

    if (line->phase != OL_PHASE_RUN || line->core == NULL ||
        line->shown == may)
        return;
    if (ol_station_step(line, &ev) == OL_OK)
        line->shown = may;
}

/* ---- once a turn -------------------------------------------------------- */

void ol_presence_start(struct ol_station *st)
{
    ol_attend_init(&st->attend, &st->conf.attend, ol_clock_ns());
    /* What an earlier run proved ends here. */
    st->attend_unsaid = true;
}

static void configured(struct ol_station *st, uint64_t now_ns)
{
    struct ol_attend *a = &st->attend;
    enum ol_attendance before = a->state;

    if (memcmp(&a->conf, &st->conf.attend, sizeof(a->conf)) == 0)
        return;
    ol_attend_conf(a, &st->conf.attend, now_ns);
    if (a->state != before)
        became(st);
}

void ol_presence_pump(struct ol_station *st, uint64_t now_ns)
{
    struct ol_attend *a = &st->attend;
    uint32_t dice;

    if (st->stopping)
        return;
    configured(st, now_ns);
    ol_attend_console(a, st->n_watches > 0, now_ns);
    if (now_ns >= ol_attend_next(a)) {
        ol_os_random(&dice, sizeof(dice));
        switch (ol_attend_tick(a, now_ns, dice)) {
        case OL_ATTEND_ASKED:
            asked(st);
            break;
        case OL_ATTEND_LAPSED:
            became(st);
            break;
        case OL_ATTEND_SAME:
            break;
        }
    }
    if (st->attend_unsaid)
        note(st);
    for (unsigned k = 0; k < st->n_lines; k++)
        inform(st->lines[k]);
}

uint64_t ol_presence_next_ns(const struct ol_station *st)
{
    return st->stopping ? OL_NEVER_NS : ol_attend_next(&st->attend);
}

void ol_presence_deed(struct ol_station *st)
{
    ol_attend_stir(&st->attend, OL_STIR_OFFICER, ol_clock_ns());
}

void ol_presence_arrival(struct ol_station *st)
{
    ol_attend_stir(&st->attend, OL_STIR_MESSAGE, ol_clock_ns());
}

/* ---- attend ------------------------------------------------------------- */

static void right(struct ol_request *rq)
{
    struct ol_station *st = rq->st;

    ol_text_put(st->attended_by, sizeof(st->attended_by), "%s",
                ol_request_officer(rq));
    became(st);
    ol_reply(rq, json_pack("{s:s,s:s,s:n,s:o}", "state", "attended", "by",
                           st->attended_by, "answer", "until",
                           moment(ol_attend_until(&st->attend))));
}

static void answer(struct ol_request *rq, const char *word, uint32_t dice)
{
    struct ol_station *st = rq->st;

    switch (ol_attend_answer(&st->attend, word, ol_clock_ns(), dice)) {
    case OL_ATTEND_RIGHT:
        right(rq);
        break;
    case OL_ATTEND_WRONG:
        ol_refuse(rq, OL_EXIT_FAILED, "%.16s is not the number that is asked "
                  "for: 'openline attend' shows it", word);
        break;
    case OL_ATTEND_CHANGED:
        asked(st);
        ol_refuse(rq, OL_EXIT_FAILED, "%.16s is not the number that is asked "
                  "for, and three wrong answers make another: 'openline "
                  "attend' shows it", word);
        break;
    case OL_ATTEND_NOTHING:
        ol_refuse(rq, OL_EXIT_FAILED, "nothing is asked now, or the time to "
                  "answer is over: 'openline attend' asks again");
        break;
    }
    ol_loop_again(st);
}

void ol_method_attend(struct ol_request *rq)
{
    const char *word = ol_param(rq, "answer");
    struct ol_station *st = rq->st;
    struct ol_attend *a = &st->attend;
    bool open = ol_attend_deadline(a) != 0;
    uint32_t dice;

    ol_os_random(&dice, sizeof(dice));
    if (a->conf.every_ns == 0) {
        ol_refuse(rq, OL_EXIT_FAILED, "this station asks nobody (attend = "
                  "off): write attend = 1h into station.conf and reload");
        return;
    }
    if (word != NULL) {
        answer(rq, word, dice);
        return;
    }
    (void)ol_attend_ask(a, ol_clock_ns(), dice);
    if (!open)
        asked(st);
    ol_reply(rq, json_pack("{s:o,s:o,s:s,s:o}", "state", known(a->state), "by",
                           a->state == OL_ATT_ATTENDED
                               ? json_string(st->attended_by)
                               : json_null(),
                           "answer", a->word, "until",
                           moment(ol_attend_deadline(a))));
    ol_loop_again(st);
}

/* ---- documents ---------------------------------------------------------- */

json_t *ol_json_attendance(const struct ol_station_line *line,
                           const struct ol_line_status *s)
{
    const struct ol_station *st = line->st;
    const struct ol_attend *a = &st->attend;
    bool there = a->state == OL_ATT_ATTENDED;
    json_t *doc = json_object();

    set(&doc, "ours", known(a->state));
    set(&doc, "theirs", known(s->theirs));
    set(&doc, "ours_since", a->state == OL_ATT_UNKNOWN ? json_null()
                                                       : moment(a->since_ns));
    set(&doc, "ours_by", there ? json_string(st->attended_by) : json_null());
    set(&doc, "ours_until", moment(ol_attend_until(a)));
    set(&doc, "asked_until", moment(ol_attend_deadline(a)));
    set(&doc, "share", json_string(ol_share_name(line->conf.share)));
    set(&doc, "shown", known(s->shown));
    set(&doc, "theirs_said", known(s->said));
    set(&doc, "theirs_at", moment(s->peer_sees_ns));
    return doc;
}

static bool bearer_up(const struct ol_line_status *s)
{
    for (unsigned k = 0; k < s->n_channels; k++)
        if (s->ch[k].transport_up && s->ch[k].state != OL_CHAN_DISABLED &&
            s->ch[k].state != OL_CHAN_IDLE)
            return true;
    return false;
}

/* Its frames arrive and are authentic. A pouch tells nothing of now. */
static const char *station_there(const struct ol_station_line *line,
                                 const struct ol_line_status *s)
{
    bool down = false, fresh = false;

    for (unsigned k = 0; k < s->n_channels; k++) {
        const struct ol_chan_status *c = &s->ch[k];

        if (c->state == OL_CHAN_UP || c->state == OL_CHAN_DOUBTFUL ||
            (c->state == OL_CHAN_ONE_WAY &&
             ol_clock_ns() - c->last_heard_ns < line->conf.hold_ns))
            return "alive";
        down |= c->state == OL_CHAN_DOWN || c->state == OL_CHAN_ONE_WAY;
        fresh |= c->state == OL_CHAN_FRESH;
    }
    return down && !fresh && line->core != NULL ? "silent" : "unknown";
}

json_t *ol_json_presence(const struct ol_station_line *line,
                         const struct ol_line_status *s)
{
    const struct ol_station *st = line->st;

    return json_pack("{s:{s:b,s:o},s:{s:b,s:s,s:s,s:o}}", "ours", "console",
                     st->n_watches > 0, "officer", known(st->attend.state),
                     "theirs", "bearer", bearer_up(s), "station",
                     station_there(line, s), "console", "unknown", "officer",
                     known(s->theirs));
}

void ol_json_attended(struct ol_out *o, const struct ol_row_event *ev)
{
    size_t n = strcspn(ev->detail, " ");
    const char *more = ev->detail + n + (ev->detail[n] == ' ');
    bool question = strncmp(ev->detail, "asked", n) == 0;

    ol_out_word(o, "whose", ev->author == OL_OWN ? "ours" : "theirs");
    ol_out_string(o, "state", OL_SPAN(ev->detail, n));
    if (*more != '\0')
        ol_out_word(o, question ? "answer" : "by", more);
}

/* ---- how much of a time ------------------------------------------------- */

static bool fold(void *arg, const struct ol_row_fact *row, const json_t *doc)
{
    const json_t *state = json_object_get(doc, "state");
    const json_t *until = json_object_get(doc, "until_ms");
    enum ol_attendance a = OL_ATT_UNKNOWN;

    for (unsigned k = 0; k <= OL_ATT_UNATTENDED && state != NULL; k++)
        if (strcmp(json_string_value(state) ? json_string_value(state) : "",
                   ol_attendance_name((enum ol_attendance)k)) == 0)
            a = (enum ol_attendance)k;
    ol_attended_next(arg, row->at_ms, a,
                     until ? (uint64_t)json_integer_value(until) : 0);
    return true;
}

enum ol_err ol_presence_share(struct ol_station *st, uint64_t from_ms,
                              uint64_t to_ms, struct ol_attended_share *out)
{
    struct ol_facts_of before = {.to_ms = from_ms, .max = 1,
                                 .newest_first = true};
    struct ol_facts_of in = {.from_ms = from_ms + 1, .to_ms = to_ms};
    struct ol_attended f;
    enum ol_err err;

    ol_attended_begin(&f, from_ms, to_ms);
    err = ol_fact_read(st, NULL, OL_FACT_ATTENDED, &before, fold, &f);
    if (err == OL_OK)
        err = ol_fact_read(st, NULL, OL_FACT_ATTENDED, &in, fold, &f);
    ol_attended_end(&f);
    *out = (struct ol_attended_share){f.sum_ms[OL_ATT_ATTENDED],
                                      f.sum_ms[OL_ATT_UNATTENDED],
                                      f.sum_ms[OL_ATT_UNKNOWN]};
    return err;
}
