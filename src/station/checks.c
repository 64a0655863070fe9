/*
 * Line checks of ours. See checks.h.
 *
 * Happy path: the moment comes, the check is noted and then said, so that one
 * that a crash cut off is known to be unsent; the answer's mark ends it. How it
 * fails: what cannot be noted or said now is not sent, and the list says why;
 * the schedule goes on.
 */
#include "station/checks.h"

#include <stdlib.h>
#include <string.h>

#include "station/alarms.h"
#include "station/check_plan.h"
#include "station/clock.h"
#include "station/json.h"
#include "station/log.h"
#include "station/names.h"
#include "station/progress.h"
#include "station/station.h"

#define LOOK_MS UINT64_C(30000) /* a wall clock may be set at any time */
#define STALE_MS UINT64_C(600000) /* a time of day that passed unseen */
#define LEAST_NS (10 * OL_NS_PER_S)
#define TEXTS_MAX 65536u
#define DEFAULT_TEXT "This is a line check. It needs no answer by a person."

static uint64_t within_ns(const struct ol_station_line *line)
{
    return OL_MAX(LEAST_NS, 4 * line->conf.hold_ns);
}

/* Facts. */

static bool note(struct ol_station_line *line, const uint8_t id[OL_ID_SIZE],
                 json_t *doc)
{
    char key[2 * OL_ID_SIZE + 1];

    ol_text_hex(key, id, OL_ID_SIZE);
    return ol_fact_note(line->st, line, OL_FACT_CHECK, key, doc);
}

static void unsent(struct ol_station_line *line, const char *why)
{
    struct ol_checks *c = &line->checks;

    c->composed = c->open = false;
    c->token = 0;
    (void)note(line, c->id, json_pack("{s:I,s:s,s:s}", "n",
                                      (json_int_t)c->n, "did", "unsent",
                                      "why", why));
    ol_log(OL_LOG_NOTE, "line %s: check %llu was not sent: %s",
           line->conf.peer, (unsigned long long)c->n, why);
    if (c->rq != NULL)
        ol_refuse(c->rq, OL_EXIT_FAILED, "check %llu was not sent: %s",
                  (unsigned long long)c->n, why);
    c->rq = NULL;
}

/* The newest facts, until the newest check is known. */
struct newest {
    struct ol_checks *c;
    bool over, answered; /* was noted behind its beginning */
};

static bool find_newest(void *arg, const struct ol_row_fact *fact,
                        const json_t *doc)
{
    struct newest *f = arg;
    const char *did = json_string_value(json_object_get(doc, "did"));

    /* One that the schedule left out has no number. */
    if (did == NULL || json_object_get(doc, "n") == NULL ||
        !ol_text_unhex(f->c->id, OL_ID_SIZE, fact->key))
        return true;
    if (strcmp(did, "began") != 0) {
        f->over = true;
        f->answered = f->answered || strcmp(did, "answered") == 0;
        f->c->missed = !f->answered && strcmp(did, "missed") == 0;
        return true;
    }
    f->c->n = (uint64_t)json_integer_value(json_object_get(doc, "n"));
    f->c->sent_ms = f->c->last_ms = fact->at_ms;
    f->c->open = !f->over;
    return false;
}

static void say_missed(struct ol_station_line *line)
{
    char within[24];

    ol_text_duration_put(within, within_ns(line));
    ol_alarm_raise(line, "check", OL_PRIORITY_MEDIUM, "line check %llu was "
                   "not answered by %s within %s|see 'openline status %s' and "
                   "'openline checks %s', and speak by another way",
                   (unsigned long long)line->checks.n, line->conf.peer,
                   within, line->conf.peer, line->conf.peer);
}

void ol_checks_start(struct ol_station_line *line)
{
    const struct ol_facts_of of = {.to_ms = UINT64_MAX, .newest_first = true};
    struct ol_checks *c = &line->checks;
    struct newest f = {.c = c};
    static struct ol_entry e; /* large; one thread */
    uint64_t now_ns = ol_clock_ns(), passed_ms, wall_ms = ol_clock_wall_ms();

    memset(c, 0, sizeof(*c));
    c->ready = ol_fact_read(line->st, line, OL_FACT_CHECK, &of, find_newest,
                            &f) == OL_OK;
    c->look = true;
    if (!c->ready)
        return;
    if (c->open && ol_query_id(line->st, c->id, &e) == OL_ERR_MISSING)
        unsent(line, "the station stopped before it was on disk");
    passed_ms = wall_ms - OL_MIN(wall_ms, c->sent_ms);
    c->until_ns = now_ns + within_ns(line) -
                  OL_MIN(passed_ms * OL_NS_PER_MS, within_ns(line));
    if (c->missed)
        say_missed(line);
}

void ol_checks_stop(struct ol_station_line *line, const char *why)
{
    struct ol_request *rq = line->checks.rq;

    line->checks.rq = NULL;
    line->checks.ready = false;
    if (rq != NULL)
        ol_refuse(rq, OL_EXIT_FAILED, "%s", why);
}

void ol_checks_poke(struct ol_station_line *line)
{
    line->checks.look = true;
}

/* Saying one. */

/* The text, in memory that the caller frees, or the usual one. */
static char *text_of(const struct ol_station_line *line, uint64_t n,
                     struct ol_span *text, struct ol_span *lang)
{
    const struct ol_conf_line *conf = &line->conf;
    char *file = NULL;
    size_t size = 0;

    *text = ol_span_str(DEFAULT_TEXT);
    *lang = ol_span_str("en");
    if (conf->check_texts[0] == '\0')
        return NULL;
    if (ol_file_read(conf->check_texts, TEXTS_MAX, &file, &size) != OL_OK)
        ol_log(OL_LOG_FAULT, "line %s: check-texts: %s cannot be read, or is "
               "larger than 64 KiB: the usual text goes instead",
               conf->peer, conf->check_texts);
    else if (!ol_check_text(OL_SPAN(file, size), n, text))
        ol_log(OL_LOG_FAULT, "line %s: check-texts: no line of %s is UTF-8 "
               "text of at most 4,096 bytes: the usual text goes instead",
               conf->peer, conf->check_texts);
    else
        *lang = ol_span_str(conf->check_lang);
    if (text->n == 0)
        *text = ol_span_str(DEFAULT_TEXT);
    return file;
}

static enum ol_err submit(struct ol_station_line *line)
{
    struct ol_checks *c = &line->checks;
    char number[24];
    struct ol_record rec = {.kind = OL_KIND_MESSAGE, .prec = OL_FLASH,
                            .marking = OL_TEST,
                            .id = OL_SPAN(c->id, OL_ID_SIZE),
                            .form_id = ol_span_str(OL_CHECK_FORM),
                            .form_fields = ol_span_str(number),
                            .written_ms = ol_clock_wall_ms()};
    struct ol_event ev = {.kind = OL_EV_SUBMIT, .record = &rec};
    char *file = text_of(line, c->n, &rec.text, &rec.lang);
    enum ol_err err;

    ol_text_put(number, sizeof(number), "%llu", (unsigned long long)c->n);
    rec.form_fields = ol_span_str(number);
    ev.token = ++line->st->next_token;
    err = ol_station_step(line, &ev);
    if (err == OL_OK)
        c->token = ev.token;
    free(file);
    return err;
}

/* A number, a fact, and then the record; by: who wanted it. */
static bool begin(struct ol_station_line *line, const char *by)
{
    struct ol_checks *c = &line->checks;

    c->n++;
    c->last_ms = c->sent_ms = ol_clock_wall_ms();
    c->missed = false;
    ol_id_new(c->id, c->sent_ms);
    if (!note(line, c->id, json_pack("{s:I,s:s,s:s}", "n", (json_int_t)c->n,
                                     "did", "began", "by", by))) {
        c->n--;
        return false;
    }
    c->composed = true;
    c->until_ns = ol_clock_ns() + LEAST_NS;
    return true;
}

/* Why one cannot go now; NULL: it can. */
static const char *hindered(struct ol_station_line *line, bool by_hand)
{
    static struct ol_entry e;
    struct ol_checks *c = &line->checks;
    struct ol_line_status s;
    struct ol_progress p;

    if (line->st->disk_full || line->st->disk_err != OL_OK)
        return "the disk takes nothing";
    ol_line_status(line->core, ol_clock_ns(), &s);
    if (!by_hand && (s.state == OL_LINE_DARK || s.state == OL_LINE_POUCH_ONLY))
        return "no channel was up";
    if (c->n > 0 && ol_query_id(line->st, c->id, &e) == OL_OK &&
        e.line == line && ol_query_progress(&e, &p) == OL_OK &&
        p.rung < OL_RUNG_DELIVERED)
        return "the check before it has not arrived yet";
    return NULL;
}

static void compose(struct ol_station_line *line, uint64_t now_ns)
{
    struct ol_checks *c = &line->checks;
    enum ol_err err = OL_ERR_AGAIN;

    if (c->token != 0)
        return;
    switch (ol_waiting_turn(line)) {
    case OL_WAITING_NONE:
        err = submit(line);
        break;
    case OL_WAITING_MUTE:
        err = OL_ERR_UNPROVED;
        break;
    case OL_WAITING_BUSY:
        break;
    }
    if (err == OL_OK)
        return;
    if (err == OL_ERR_UNPROVED)
        unsent(line, "this station was restored from a copy, and waits for "
                     "the other side");
    else if ((err != OL_ERR_AGAIN && err != OL_ERR_DOWN) ||
             now_ns >= c->until_ns)
        unsent(line, "the station could not take it");
}

bool ol_checks_taken(struct ol_station_line *line, uint64_t token)
{
    struct ol_checks *c = &line->checks;
    struct ol_request *rq = c->rq;

    if (token == 0 || token != c->token)
        return false;
    c->token = 0;
    c->composed = false;
    c->open = c->look = true;
    c->sent_ns = ol_clock_ns();
    c->until_ns = c->sent_ns + within_ns(line);
    if (rq != NULL && !c->wait) {
        c->rq = NULL;
        ol_reply(rq, ol_checks_one(line, c->id));
    }
    ol_loop_again(line->st);
    return true;
}

/* What became of it. */

/* Each channel that it went by, and whether the other side hears us there. */
static json_t *channels_of(struct ol_station_line *line,
                           const struct ol_progress *p)
{
    json_t *list = json_array();
    struct ol_line_status s;

    ol_line_status(line->core, ol_clock_ns(), &s);
    for (uint32_t k = 0; k < p->n_attempts; k++) {
        int ch = ol_line_channel(line, p->attempts[k].channel);
        const char *sees = ch < 0 || ch >= s.n_channels
                               ? "unknown"
                               : ol_chan_state_name(s.ch[ch].peer_sees);

        json_array_append_new(list,
                              json_pack("{s:s,s:i,s:s}", "name",
                                        p->attempts[k].channel, "sent",
                                        (int)p->attempts[k].count,
                                        "peer_sees", sees));
    }
    return list;
}

static void over(struct ol_station_line *line, const char *did,
                 const struct ol_progress *p)
{
    struct ol_checks *c = &line->checks;
    uint64_t wall_ms = ol_clock_wall_ms();
    uint64_t after_ms = c->sent_ns != 0
                            ? (ol_clock_ns() - c->sent_ns) / OL_NS_PER_MS
                            : wall_ms - OL_MIN(wall_ms, c->sent_ms);

    (void)note(line, c->id,
               json_pack("{s:I,s:s,s:I,s:o}", "n", (json_int_t)c->n, "did",
                         did, "after_ms", (json_int_t)after_ms, "channels",
                         channels_of(line, p)));
    c->open = false;
}

/* Whoever waits, once what became of it is on disk. */
static void answer(struct ol_station_line *line)
{
    struct ol_checks *c = &line->checks;
    struct ol_request *rq = c->rq;
    json_t *doc;
    const char *state;
    char within[24];

    if (rq == NULL || c->open || c->composed)
        return;
    doc = ol_checks_one(line, c->id);
    state = json_string_value(json_object_get(doc, "state"));
    if (state != NULL && strcmp(state, "waiting") == 0) {
        json_decref(doc);
        return;
    }
    c->rq = NULL;
    ol_text_duration_put(within, within_ns(line));
    if (state == NULL || strcmp(state, "missed") != 0) {
        ol_reply(rq, doc);
        return;
    }
    json_decref(doc);
    ol_refuse(rq, OL_EXIT_TIMEOUT, "line check %llu was not answered within "
              "%s: 'openline status %s' shows the line",
              (unsigned long long)c->n, within, line->conf.peer);
}

static bool is_answered(const struct ol_progress *p)
{
    for (uint32_t k = 0; k < p->n_marks; k++)
        if (p->marks[k].rel == OL_REL_CHECKED && p->marks[k].by == OL_PEER)
            return true;
    return false;
}

/* The one that is out, or that was missed: is it answered by now. */
static void look(struct ol_station_line *line, uint64_t now_ns)
{
    static struct ol_entry e;
    struct ol_checks *c = &line->checks;
    struct ol_progress p;

    if (!c->look && (!c->open || now_ns < c->until_ns))
        return;
    c->look = false;
    answer(line);
    if (!c->open && !c->missed)
        return;
    if (ol_query_id(line->st, c->id, &e) != OL_OK ||
        ol_query_progress(&e, &p) != OL_OK)
        memset(&p, 0, sizeof(p));
    if (is_answered(&p)) {
        over(line, "answered", &p);
        c->missed = false;
        ol_alarm_clear(line, "check");
    } else if (c->open && now_ns >= c->until_ns) {
        over(line, "missed", &p);
        c->missed = true;
        say_missed(line);
    }
}

/* The schedule. */

static void unsent_new(struct ol_station_line *line, const char *why)
{
    uint8_t id[OL_ID_SIZE]; /* the check before may still be answered */

    ol_id_new(id, ol_clock_wall_ms());
    (void)note(line, id, json_pack("{s:s,s:s,s:s}", "did", "unsent", "by",
                                   "schedule", "why", why));
}

static void schedule(struct ol_station_line *line)
{
    const struct ol_check_plan *plan = &line->conf.check;
    struct ol_checks *c = &line->checks;
    uint64_t now_ms = ol_clock_wall_ms(), next_ms;
    const char *why;

    if (plan->every_ms == 0 && plan->n == 0)
        return;
    next_ms = ol_check_next(plan, now_ms);
    if (c->due_ms == 0)
        c->due_ms = plan->every_ms > 0 && c->last_ms > 0 &&
                            c->last_ms <= now_ms
                        ? ol_check_next(plan, c->last_ms)
                        : next_ms;
    c->due_ms = OL_MIN(c->due_ms, next_ms); /* the clock was set back */
    if (now_ms < c->due_ms || c->open || c->composed)
        return;
    if (plan->n > 0 && now_ms - c->due_ms > STALE_MS) {
        c->due_ms = next_ms;
        return;
    }
    c->due_ms = next_ms;
    why = hindered(line, false);
    if (why != NULL)
        unsent_new(line, why);
    else
        (void)begin(line, "schedule");
}

static void pump(struct ol_station_line *line, uint64_t now_ns)
{
    struct ol_checks *c = &line->checks;

    if (line->phase != OL_PHASE_RUN || line->core == NULL || !c->ready)
        return;
    if (c->rq != NULL && c->rq->client == NULL) {
        ol_refuse(c->rq, OL_EXIT_FAILED, "gone"); /* frees it */
        c->rq = NULL;
    }
    schedule(line);
    if (c->composed)
        compose(line, now_ns);
    look(line, now_ns);
}

void ol_checks_pump(struct ol_station *st)
{
    uint64_t now_ns = ol_clock_ns();

    for (unsigned k = 0; k < st->n_lines; k++)
        pump(st->lines[k], now_ns);
}

static uint64_t next_of(const struct ol_station_line *line)
{
    const struct ol_checks *c = &line->checks;
    uint64_t now_ns = ol_clock_ns(), now_ms = ol_clock_wall_ms();
    uint64_t at = OL_NEVER_NS, left_ms = LOOK_MS;

    if (line->phase != OL_PHASE_RUN || !c->ready)
        return at;
    if (c->open)
        at = c->until_ns;
    if (c->composed && c->token == 0)
        at = now_ns + OL_NS_PER_S / 10;
    if (line->conf.check.every_ms == 0 && line->conf.check.n == 0)
        return at;
    if (c->due_ms != 0 && !c->open && !c->composed)
        left_ms = OL_MIN(left_ms, c->due_ms - OL_MIN(now_ms, c->due_ms));
    return OL_MIN(at, now_ns + left_ms * OL_NS_PER_MS);
}

uint64_t ol_checks_next_ns(const struct ol_station *st)
{
    uint64_t at = OL_NEVER_NS;

    for (unsigned k = 0; k < st->n_lines; k++)
        at = OL_MIN(at, next_of(st->lines[k]));
    return at;
}

/* By hand. */

void ol_checks_now(struct ol_station_line *line, struct ol_request *rq,
                   bool wait)
{
    struct ol_checks *c = &line->checks;
    uint64_t now_ms = ol_clock_wall_ms();
    const char *why = NULL;

    if (line->phase != OL_PHASE_RUN || line->core == NULL || !c->ready)
        why = line->why[0] != '\0' ? line->why : "the line starts: try again";
    else if (c->open || c->composed || c->rq != NULL)
        why = "a check is under way: 'openline checks' shows it";
    else if (c->last_ms <= now_ms && now_ms - c->last_ms < OL_CHECK_LEAST_MS)
        why = "the last one was less than 5 s ago: wait a moment";
    else
        why = hindered(line, true);
    if (why != NULL) {
        ol_refuse(rq, OL_EXIT_FAILED, "no line check was sent to %s: %s",
                  line->conf.peer, why);
        return;
    }
    if (!begin(line, ol_request_officer(rq))) {
        ol_refuse(rq, OL_EXIT_FAILED, "no line check was sent to %s: the disk "
                  "takes nothing now: try again", line->conf.peer);
        return;
    }
    c->rq = rq;
    c->wait = wait;
    ol_loop_again(line->st);
}
