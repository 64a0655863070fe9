/*
 * doctor: is our clock sane, and does it agree with the other side's.
 *
 * No clock is asked over the wire (law 4). What is certain is in the ledger:
 * a record was written, by their clock, before it arrived, by ours; so their
 * clock is ahead by at least `written - arrived` of any of their records.
 * And a receipt was written, by their clock, after its message was taken, by
 * ours; so it is ahead by at most `written - taken`. However long a message
 * was under way, both hold; the newest records give the bounds.
 */
#include <stdlib.h>
#include <string.h>

#include "station/clock.h"
#include "station/doctor.h"
#include "station/query.h"

/* Earlier than this program: the clock is wrong. 2025-01-01. */
#define EPOCH_MS (UINT64_C(1735689600) * 1000)
#define BACK_MS (60 * 1000)
#define NOTE_MS (5 * 1000) /* told */
#define FAULT_MS (60 * 1000) /* deadlines and order mislead people */
#define EVENTS 1000u
#define NEWEST 16u /* records of each log that are looked at */
#define OLD_MS (UINT64_C(24) * 3600 * 1000) /* a clock may be set meanwhile */

struct bounds {
    int64_t least, most; /* their clock minus ours */
    bool has_least, has_most;
};

void ol_doctor_clock(struct ol_findings *f, uint64_t newest_ms)
{
    uint64_t now = ol_clock_wall_ms();
    char text[OL_TIME_TEXT], last[OL_TIME_TEXT];

    ol_text_time(text, now);
    ol_text_time(last, newest_ms);
    if (now < EPOCH_MS)
        ol_finding(f, NULL, NULL, OL_FINDING_FAULT, "the clock says %s, "
                   "which is before this program was made|set it: messages "
                   "carry its time", text);
    else if (newest_ms > now + BACK_MS)
        ol_finding(f, NULL, NULL, OL_FINDING_FAULT, "the clock says %s, and "
                   "the ledger holds something of %s|one of the two is "
                   "wrong: compare the clock with another one and set it "
                   "('timedatectl')", text, last);
    else
        ol_finding(f, NULL, NULL, OL_FINDING_OK, "the clock says %s|", text);
}

static bool keep_at(void *arg, const struct ol_row_event *ev)
{
    uint64_t *newest_ms = arg;

    *newest_ms = OL_MAX(*newest_ms, ev->at_ms);
    return true;
}

uint64_t ol_doctor_newest(struct ol_ledger *lg)
{
    uint64_t seq, newest_ms = 0;

    /* The very last ones may have been written by the wrong clock. */
    if (lg->ops->last_seq(lg, &seq) != OL_OK ||
        lg->ops->events(lg, seq - OL_MIN(seq, EVENTS), EVENTS, keep_at,
                        &newest_ms) != OL_OK)
        return 0;
    return newest_ms;
}

static void one_record(struct bounds *b, struct ol_station_line *line,
                       const struct ol_entry *e)
{
    static struct ol_entry own; /* large; one thread */
    int64_t written = (int64_t)e->rec.written_ms, v;

    if (!e->decoded || e->rec.written_ms == 0 ||
        e->row.at_ms + OLD_MS < ol_clock_wall_ms())
        return;
    v = written - (int64_t)e->row.at_ms;
    if (!b->has_least || v > b->least)
        b->least = v;
    b->has_least = true;
    if (e->rec.kind != OL_KIND_RECEIPT || e->rec.n_refs != 1 ||
        ol_query_number(line, OL_OWN, e->rec.refs[0].number, &own) != OL_OK)
        return;
    v = written - (int64_t)own.row.at_ms;
    ol_wipe(own.bytes, sizeof(own.bytes));
    if (!b->has_most || v < b->most)
        b->most = v;
    b->has_most = true;
}

static void look(struct bounds *b, struct ol_station_line *line)
{
    static struct ol_entry e; /* large; one thread */
    struct ol_ledger *lg = line->st->ledger;
    uint8_t frontier[1024];
    uint32_t size;
    size_t n;

    for (uint8_t prec = 0; prec < OL_PRECS; prec++) {
        n = sizeof(frontier);
        if (lg->ops->head(lg, line->ledger_id, OL_PEER, prec, &size, frontier,
                          &n) != OL_OK)
            continue;
        for (uint32_t k = 0; k < NEWEST && k < size; k++)
            if (ol_query_at(line, OL_PEER, prec, size - k, &e) == OL_OK)
                one_record(b, line, &e);
    }
    ol_wipe(e.bytes, sizeof(e.bytes));
}

/* "75 s", "3 h 5 min". */
static void span_text(char out[48], int64_t ms)
{
    long long s = ms / 1000;

    if (s < 120)
        ol_text_put(out, 48, "%lld s", s);
    else if (s < 7200)
        ol_text_put(out, 48, "%lld min", s / 60);
    else
        ol_text_put(out, 48, "%lld h %lld min", s / 3600, s / 60 % 60);
}

void ol_doctor_clocks(struct ol_findings *f, struct ol_station_line *line)
{
    const char *peer = line->conf.peer;
    struct bounds b = {0};
    int64_t ms = 0;
    char text[48], other[48];

    look(&b, line);
    if (b.has_least && b.least >= NOTE_MS)
        ms = b.least;
    else if (b.has_most && b.most <= -NOTE_MS)
        ms = b.most;
    span_text(text, ms < 0 ? -ms : ms);
    if (ms != 0) {
        ol_finding(f, peer, NULL,
                   ms >= FAULT_MS || ms <= -FAULT_MS ? OL_FINDING_FAULT
                                                     : OL_FINDING_NOTE,
                   "the clock of %s is at least %s %s ours|compare both with "
                   "a third clock and set the one that is wrong "
                   "('timedatectl'); nothing is lost by it, but times and "
                   "deadlines mislead", peer, text,
                   ms > 0 ? "ahead of" : "behind");
    } else if (b.has_least && b.has_most) {
        span_text(text, b.most > 0 ? b.most : 0);
        span_text(other, b.least < 0 ? -b.least : 0);
        ol_finding(f, peer, NULL, OL_FINDING_OK, "the clock of %s is not "
                   "more than %s ahead of ours, nor %s behind|", peer, text,
                   other);
    }
}
