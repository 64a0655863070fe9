/*
 * How channels were, as it happens.
 *
 * Happy path: every 5 s, and whenever a state changes, the time since the last
 * look is added to the state that was then; round trips and frames since are
 * added too. With the wall clock's minute all lines write their rows, in one
 * group of the ledger; once an hour a line folds its minutes into an hour and
 * drops what is too old, one line a turn. How it fails: a row that the disk
 * does not take goes on growing and is written later, as a longer one. Time
 * in which this process stood still is in no row.
 */
#include "station/history.h"

#include <stdlib.h>
#include <string.h>

#include "station/clock.h"
#include "station/station.h"

#define SAMPLE_NS (5 * OL_NS_PER_S)
#define STILL_NS (30 * OL_NS_PER_S) /* nobody looked for so long: it stood */
#define MINUTE_MS 60000u
#define HOUR_MS 3600000u

/* ---- measuring ---------------------------------------------------------- */

static void begin_row(struct ol_history *h, uint64_t now_ns)
{
    memset(&h->row, 0, sizeof(h->row));
    h->row.at_ms = ol_clock_wall_ms();
    h->begin_ns = h->looked_ns = now_ns;
}

static uint64_t more(uint64_t now, uint64_t *last)
{
    uint64_t n = now - OL_MIN(now, *last);

    *last = now;
    return n;
}

static void sample(struct ol_station_line *line, unsigned k,
                   const struct ol_chan_status *s, uint64_t ms)
{
    struct ol_history *h = line->history;
    struct ol_quality *q = ol_quality_channel(&h->row, line->names[k]);
    struct ol_quality spare; /* the counts go on all the same */

    if (q == NULL)
        q = memset(&spare, 0, sizeof(spare));
    q->state_ms[h->state[k] % OL_CHAN_STATES] += ms;
    q->sent += more(s->frames_sent, &h->sent[k]);
    q->received += more(s->frames_received, &h->received[k]);
    q->acked += more(s->frames_acked, &h->acked[k]);
    q->lost += more(s->frames_lost, &h->lost[k]);
    if (more(s->answered_ns, &h->answered_ns[k]) > 0)
        ol_quality_rtt(q, (double)s->rtt_ns / 1e6);
    h->state[k] = (uint8_t)s->state;
}

void ol_history_look(struct ol_station_line *line)
{
    struct ol_history *h = line->history;
    uint64_t now_ns = ol_clock_ns(), ms;
    struct ol_line_status s;

    if (h == NULL || line->core == NULL || h->begin_ns == 0)
        return;
    ol_line_status(line->core, now_ns, &s);
    ms = (now_ns - h->looked_ns) / OL_NS_PER_MS;
    h->looked_ns += ms * OL_NS_PER_MS; /* what is left counts next time */
    if (ms > STILL_NS / OL_NS_PER_MS)
        ms = 0;
    h->row.ms += ms;
    h->row.line_ms[h->line_state % OL_LINE_STATES] += ms;
    h->line_state = (uint8_t)s.state;
    for (unsigned k = 0; k < s.n_channels; k++)
        sample(line, k, &s.ch[k], ms);
}

void ol_history_boot(struct ol_station_line *line)
{
    struct ol_history *h;
    struct ol_line_status s;

    if (line->history == NULL)
        line->history = calloc(1, sizeof(*line->history));
    h = line->history;
    if (h == NULL) /* no history rather than no line */
        return;
    if (h->begin_ns == 0)
        begin_row(h, ol_clock_ns());
    h->looked_ns = ol_clock_ns();
    h->fold = true;
    ol_line_status(line->core, h->looked_ns, &s);
    h->line_state = (uint8_t)s.state;
    for (unsigned k = 0; k < s.n_channels; k++) {
        h->state[k] = (uint8_t)s.ch[k].state;
        h->sent[k] = h->received[k] = h->acked[k] = h->lost[k] = 0;
        h->answered_ns[k] = 0;
    }
}

/* ---- writing ------------------------------------------------------------ */

/* With `with`, which may hold other things of the same moment. */
static bool put(struct ol_station_line *line, enum ol_fact_kind kind,
                const struct ol_quality_row *row, const struct ol_batch *with)
{
    json_t *doc = ol_quality_pack(row);
    char *text = json_dumps(doc, JSON_COMPACT);
    struct ol_fact fact = {.kind = (uint8_t)kind, .key = "",
                           .at_ms = row->at_ms};
    struct ol_batch batch = *with;
    bool good = text != NULL;

    fact.value = ol_span_str(text);
    batch.facts = &fact;
    batch.n_facts = 1;
    good = good && ol_disk_note(line->st, line, &batch) == OL_OK;
    json_decref(doc);
    free(text);
    return good;
}

/* The row under way, and when this line ran. */
static void write_row(struct ol_station_line *line, uint64_t now_ns,
                      bool stopping)
{
    struct ol_history *h = line->history;
    char *ran = ol_dark_ran(line, stopping);
    struct ol_ledger_meta meta = {.key = "ran"};
    struct ol_batch batch = {.metas = &meta, .n_metas = 1};

    if (ran == NULL)
        return;
    meta.value = ol_span_str(ran);
    if (h->row.ms == 0)
        (void)ol_disk_note(line->st, line, &batch);
    else if (put(line, OL_FACT_PATH_MINUTE, &h->row, &batch))
        begin_row(h, now_ns);
    free(ran);
}

static bool runs(const struct ol_station_line *line)
{
    return line->phase == OL_PHASE_RUN && line->core != NULL &&
           line->history != NULL && line->ledger_id != 0;
}

static void write_all(struct ol_station *st, uint64_t now_ns, bool stopping)
{
    for (unsigned k = 0; k < st->n_lines; k++) {
        struct ol_station_line *line = st->lines[k];

        if (!runs(line))
            continue;
        ol_history_look(line);
        /* A disk that refuses gets its peace; the row grows. */
        if (!st->disk_full || stopping)
            write_row(line, now_ns, stopping);
    }
}

void ol_history_stop(struct ol_station *st)
{
    write_all(st, ol_clock_ns(), true);
}

/* ---- folding ------------------------------------------------------------ */

struct folding {
    struct ol_station_line *line;
    uint64_t after_ms; /* the beginning of the newest hour that is folded */
    struct ol_quality_row hour, minute;
    bool any, failed;
};

static bool newest_hour(void *arg, const struct ol_row_fact *fact,
                        const json_t *doc)
{
    struct folding *f = arg;

    (void)doc;
    f->after_ms = fact->at_ms;
    return false;
}

static void write_hour(struct folding *f)
{
    struct ol_batch batch = {.puts = NULL};

    if (f->any && !put(f->line, OL_FACT_PATH_HOUR, &f->hour, &batch))
        f->failed = true;
    memset(&f->hour, 0, sizeof(f->hour));
    f->any = false;
}

static bool fold_minute(void *arg, const struct ol_row_fact *fact,
                        const json_t *doc)
{
    struct folding *f = arg;
    uint64_t hour_ms = fact->at_ms - fact->at_ms % HOUR_MS;

    if (!ol_quality_unpack(doc, &f->minute))
        return true;
    if (f->any && f->hour.at_ms != hour_ms)
        return false; /* one hour at a time */
    f->minute.at_ms = hour_ms;
    ol_quality_fold(&f->hour, &f->minute);
    f->any = true;
    return true;
}

static void drop_old(struct ol_station_line *line, uint64_t now_ms)
{
    const struct {
        enum ol_fact_kind kind;
        uint64_t keep_ms;
    } rules[] = {{OL_FACT_PATH_MINUTE, OL_HISTORY_MINUTES_MS},
                 {OL_FACT_PATH_HOUR, OL_HISTORY_HOURS_MS}};

    for (size_t k = 0; k < OL_LEN(rules); k++)
        if (now_ms > rules[k].keep_ms)
            (void)ol_fact_drop(line->st, line, rules[k].kind,
                               now_ms - rules[k].keep_ms);
}

/* The oldest hour that is over and not folded. False: there is none, and what
 * is too old has gone. */
static bool fold(struct ol_station_line *line)
{
    static struct folding f; /* 20 KiB; one thread */
    uint64_t now_ms = ol_clock_wall_ms();
    /* Rows of a clock that was ahead once wait until their time has come. */
    struct ol_facts_of of = {.to_ms = now_ms, .max = 1,
                             .newest_first = true};

    memset(&f, 0, sizeof(f));
    f.line = line;
    if (ol_fact_read(line->st, line, OL_FACT_PATH_HOUR, &of, newest_hour,
                     &f) != OL_OK)
        return false;
    of = (struct ol_facts_of){.from_ms = f.after_ms ? f.after_ms + HOUR_MS : 0,
                              .to_ms = now_ms - now_ms % HOUR_MS - 1};
    if (of.to_ms > of.from_ms &&
        ol_fact_read(line->st, line, OL_FACT_PATH_MINUTE, &of, fold_minute,
                     &f) != OL_OK)
        return false;
    if (!f.any) {
        drop_old(line, now_ms);
        return false;
    }
    write_hour(&f);
    return !f.failed;
}

/* One line a turn, and only once its last hour is on disk: what is read here
 * are committed rows. */
static void fold_some(struct ol_station *st)
{
    for (unsigned k = 0; k < st->n_lines; k++) {
        struct ol_station_line *line = st->lines[k];

        if (!runs(line) || !line->history->fold)
            continue;
        if (st->fifo_n > 0 || st->disk_full)
            return;
        line->history->fold = fold(line);
        return;
    }
}

/* The beginning of the wall clock's next minute. */
static uint64_t next_minute_ns(uint64_t now_ns)
{
    return now_ns + (MINUTE_MS - ol_clock_wall_ms() % MINUTE_MS) *
                        OL_NS_PER_MS;
}

/* Nobody looked for a while: this machine slept, or the process was stopped. */
static void stood_still(struct ol_station *st, uint64_t now_ns)
{
    uint64_t ms = (now_ns - st->history_seen_ns) / OL_NS_PER_MS;
    uint64_t now_ms = ol_clock_wall_ms();

    if (st->history_seen_ns != 0 && now_ns - st->history_seen_ns > STILL_NS)
        ol_dark_slept(st, now_ms - OL_MIN(now_ms, ms), now_ms);
    st->history_seen_ns = now_ns;
}

void ol_history_pump(struct ol_station *st, uint64_t now_ns)
{
    uint64_t hour;

    fold_some(st);
    if (now_ns < st->history_ns)
        return;
    stood_still(st, now_ns);
    if (now_ns >= st->minute_ns) {
        if (st->minute_ns != 0)
            write_all(st, now_ns, false);
        st->minute_ns = next_minute_ns(now_ns);
        hour = ol_clock_wall_ms() / HOUR_MS;
        for (unsigned k = 0; k < st->n_lines && hour != st->hour; k++)
            if (st->lines[k]->history != NULL)
                st->lines[k]->history->fold = true;
        st->hour = hour;
    } else {
        for (unsigned k = 0; k < st->n_lines; k++)
            if (runs(st->lines[k]))
                ol_history_look(st->lines[k]);
    }
    st->history_ns = OL_MIN(now_ns + SAMPLE_NS, st->minute_ns);
}
