/*
 * Commits: out to the ledger's queue, and back.
 *
 *   handed in -> done OK      -> COMMITTED into the line
 *             -> refused      -> the line is doomed; once the queue is empty
 *                                the ledger accepts again and the line is made
 *                                anew from it, until the disk takes it: it
 *                                was full, read-only, locked by another
 *                                program, or failed to write
 *             -> fsync failed -> the process ends: a reload could read what
 *                                was never written
 *             -> CORRUPT      -> the process ends and touches nothing more
 *
 * Batches come back in the order they went in, so a ring says whose is next.
 * When little room is left on the disk, or it refuses, nothing new is taken,
 * from people or from peers, while what must still be written has its place.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/check.h"
#include "station/alarms.h"
#include "station/asks.h"
#include "station/clock.h"
#include "station/log.h"
#include "station/misread.h"
#include "station/station.h"

#define LOOK_NS (5 * OL_NS_PER_S)
#define RETRY_NS OL_NS_PER_S
#define REFUSED_NS (5 * OL_NS_PER_S) /* a refusal is told at least so long */
#define MINUTE_NS (60 * OL_NS_PER_S)

uint64_t ol_disk_min_free(void)
{
    const char *text = getenv("OPENLINE_MIN_FREE");
    char *end;
    unsigned long long v;

    if (text == NULL)
        return OL_MIN_FREE;
    errno = 0;
    v = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' ? v : OL_MIN_FREE;
}

const char *ol_disk_state(const struct ol_station *st)
{
    switch (st->disk_err) {
    case OL_OK:
        return "ok";
    case OL_ERR_FULL:
    case OL_ERR_AGAIN:
        return "full";
    case OL_ERR_LOCKED:
        return "locked";
    default:
        return "failing";
    }
}

uint64_t ol_disk_slowest_ns(const struct ol_station *st)
{
    uint64_t slowest = OL_MAX(st->slowest_ns[0], st->slowest_ns[1]);

    if (st->fifo_n > 0) /* the oldest that waits */
        slowest = OL_MAX(slowest,
                         ol_clock_ns() - st->fifo[st->fifo_head].at_ns);
    return slowest;
}

/* What was slow is forgotten after a minute or two. */
static void forget_slow(struct ol_station *st)
{
    uint64_t now_ns = ol_clock_ns();

    if (now_ns - st->slow_turn_ns <= MINUTE_NS)
        return;
    st->slowest_ns[1] = st->slowest_ns[0];
    st->slowest_ns[0] = 0;
    st->slow_turn_ns = now_ns;
}

static void doom(struct ol_station_line *line, enum ol_err err)
{
    if (line->phase == OL_PHASE_DOOMED)
        return;
    ol_text_put(line->why, sizeof(line->why), "the disk refused: %s",
                ol_err_info(err)->text);
    ol_log_rarely(&line->said_disk_ns, 60 * OL_NS_PER_S,
                  "line %s: the disk refused (%s): nothing was taken; it "
                  "starts anew from its ledger, until the disk takes it again",
                  line->conf.peer, ol_err_info(err)->text);
    line->phase = OL_PHASE_DOOMED;
    line->n_loads = 0;
    line->more = false;
    line->wake_ns = OL_NEVER_NS;
}

_Static_assert(OL_FIFO_ASKED + OL_LINES_MAX * OL_BATCHES_MAX <= OL_FIFO_MAX,
               "every line can always commit");

/* line NULL: the station's own. most: so many may wait. */
static enum ol_err hand_in(struct ol_station *st, struct ol_batch *batch,
                           const struct ol_fifo_entry *e, unsigned most)
{
    enum ol_err err = OL_ERR_AGAIN;

    batch->line = e->line ? e->line->ledger_id : 0;
    batch->at_ms = ol_clock_wall_ms();
    batch->channels = e->line
                          ? (const char (*)[OL_NAME_MAX + 1])e->line->names
                          : NULL;
    if (st->fifo_n < most) {
        ol_misread_expect(st, batch);
        err = st->ledger->ops->commit(st->ledger, batch);
    }
    if (err != OL_OK)
        return err;
    st->fifo[(st->fifo_head + st->fifo_n++) % OL_FIFO_MAX] = *e;
    if (e->line != NULL) {
        e->line->outstanding++;
        e->line->handed++;
    }
    return OL_OK;
}

enum ol_err ol_disk_commit(struct ol_station_line *line,
                           struct ol_batch *batch, void *arg,
                           void (*then)(void *, enum ol_err))
{
    struct ol_station *st = line->st;
    struct ol_fifo_entry e = {line, 0, arg, then, ol_clock_ns()};
    enum ol_err err;

    if (then != NULL)
        batch->token = ++st->next_token;
    e.token = batch->token;
    err = hand_in(st, batch, &e, then ? OL_FIFO_ASKED : OL_FIFO_MAX);
    /* There is no memory for it: a hole, as if the disk had refused. */
    if (err != OL_OK && then == NULL)
        doom(line, err);
    if (err == OL_OK)
        ol_later_overtaken(line, batch);
    return err;
}

static void noted(void *arg, enum ol_err err)
{
    (void)arg;
    (void)err; /* whoever lost it looks at what stands in the ledger */
}

enum ol_err ol_disk_note_then(struct ol_station *st,
                              struct ol_station_line *line,
                              struct ol_batch *batch, void *arg,
                              void (*then)(void *, enum ol_err))
{
    struct ol_fifo_entry e = {line, ++st->next_token, arg, then,
                              ol_clock_ns()};

    batch->token = e.token;
    return hand_in(st, batch, &e, OL_FIFO_NOTES);
}

enum ol_err ol_disk_note(struct ol_station *st, struct ol_station_line *line,
                         struct ol_batch *batch)
{
    return ol_disk_note_then(st, line, batch, NULL, noted);
}

enum ol_err ol_disk_keep(struct ol_station *st, struct ol_station_line *line,
                         struct ol_batch *batch)
{
    struct ol_fifo_entry e = {line, ++st->next_token, NULL, noted,
                              ol_clock_ns()};

    batch->token = e.token;
    return hand_in(st, batch, &e, OL_FIFO_ASKED);
}

enum ol_err ol_disk_after(struct ol_station *st, void *arg,
                          void (*then)(void *, enum ol_err))
{
    struct ol_batch batch = {.token = ++st->next_token};
    struct ol_fifo_entry e = {NULL, batch.token, arg, then, ol_clock_ns()};

    return hand_in(st, &batch, &e, OL_FIFO_ASKED);
}

/* Law 2: what a failed fsync left behind cannot be known. And what is damaged
 * is not written to. */
__attribute__((noreturn)) static void end_process(struct ol_station *st,
                                                  enum ol_err err)
{
    if (err == OL_ERR_CORRUPT)
        ol_log(OL_LOG_FAULT, "the ledger is damaged: the station ends now and "
               "changes nothing more: %s", st->ledger->why);
    else
        ol_log(OL_LOG_FAULT, "the ledger cannot be made durable (%s): the "
               "station ends now so that nothing is asserted that is not on "
               "disk; check the disk, then start it again", st->ledger->why);
    _exit(OL_EXIT_FAILED);
}

static void refused(struct ol_station *st, struct ol_station_line *line,
                    enum ol_err err)
{
    st->ledger_failed = true;
    if (err == OL_ERR_CORRUPT || err == OL_ERR_NEWER ||
        st->ledger->ops->reset(st->ledger) == OL_ERR_IO)
        end_process(st, err);
    st->refused_until_ns = ol_clock_ns() + REFUSED_NS;
    st->disk_ns = 0; /* it is looked at, and told, in this turn */
    st->refused_err = err;
    memcpy(st->disk_why, st->ledger->why, sizeof(st->disk_why));
    if (line == NULL)
        return;
    doom(line, err);
    ol_submit_fail(st, line, "the disk refused: nothing was taken; see "
                             "'openline doctor', and send it again");
    ol_export_fail(line, "the disk refused: see 'openline doctor', and "
                         "export again");
}

static void one_done(struct ol_station *st, const struct ol_ledger_done *d)
{
    struct ol_fifo_entry e = st->fifo[st->fifo_head];
    struct ol_event ev = {.kind = OL_EV_COMMITTED, .token = d->token};

    OL_CHECK(st->fifo_n > 0 && e.token == d->token &&
             (e.line ? e.line->ledger_id : 0) == d->line);
    st->fifo_head = (st->fifo_head + 1) % OL_FIFO_MAX;
    st->fifo_n--;
    if (e.line != NULL)
        e.line->outstanding--;
    st->slowest_ns[0] = OL_MAX(st->slowest_ns[0], ol_clock_ns() - e.at_ns);
    if (e.then != NULL)
        e.then(e.arg, d->err);
    if (d->err != OL_OK)
        refused(st, e.line, d->err);
    else
        st->refused_until_ns = 0; /* it takes again */
    if (d->err == OL_OK && e.then == NULL)
        (void)ol_station_step(e.line, &ev);
    if (e.line != NULL)
        ol_found_committed(e.line, e.then == NULL ? d->token : 0);
    if (e.line != NULL && d->err == OL_OK) {
        ol_asks_poke(e.line);
        ol_reflex_poke(e.line);
        ol_checks_poke(e.line);
    }
    if (e.line != NULL && e.then == NULL && d->err == OL_OK)
        ol_stance_committed(e.line, d->token);
}

void ol_disk_done(struct ol_station *st)
{
    struct ol_ledger_done d;

    while (st->ledger != NULL && st->ledger->ops->done(st->ledger, &d))
        one_done(st, &d);
    st->poke_events = true;
    st->hooks.poke = true;
    st->poke_waits = true;
}

/* What a person at the log is told when it changes. */
static void tell(const struct ol_station *st, uint64_t room)
{
    unsigned long long mib = room >> 20, min = st->min_free >> 20;

    if (st->disk_err == OL_OK)
        ol_log(OL_LOG_NOTE, "the disk takes again: %llu MiB are free (%llu "
               "are needed)", mib, min);
    else if (st->disk_why[0] != '\0')
        ol_log(OL_LOG_FAULT, "the disk refuses, nothing new is taken until it "
               "is well: %s", st->disk_why);
    else
        ol_log(OL_LOG_FAULT, "the disk is full: %llu MiB are free, %llu are "
               "needed; nothing new is taken until there is room", mib, min);
}

/* Nobody else is told before the disk takes again: the list is, at once. */
static void alarm_of(struct ol_station *st, uint64_t room)
{
    uint64_t since_ms = st->disk_bad_ms;

    if (st->disk_err != OL_OK) {
        if (since_ms == 0)
            st->disk_bad_ms = ol_clock_wall_ms();
        if (st->disk_why[0] != '\0')
            ol_alarm_raise_own(st, "disk", OL_PRIORITY_HIGH, "the disk "
                               "refuses, nothing new is taken: %.200s|mend "
                               "it: 'openline doctor' says what it met",
                               st->disk_why);
        else
            ol_alarm_raise_own(st, "disk", OL_PRIORITY_HIGH, "the disk is "
                               "full, nothing new is taken: %llu MiB are "
                               "free, %llu are needed|make room on it",
                               (unsigned long long)(room >> 20),
                               (unsigned long long)(st->min_free >> 20));
        return;
    }
    st->disk_bad_ms = 0;
    /* A refusal is noticed a little after it began. */
    if (since_ms != 0)
        ol_alarms_again(st, since_ms - OL_MIN(since_ms, REFUSED_NS /
                                                            OL_NS_PER_MS));
}

static void look(struct ol_station *st)
{
    enum ol_err before = st->disk_err;
    struct statvfs v;
    uint64_t room;

    forget_slow(st);
    if (statvfs(st->dir, &v) != 0)
        return;
    room = (uint64_t)v.f_bavail * v.f_frsize;
    if (ol_clock_ns() < st->refused_until_ns) {
        st->disk_err = st->refused_err;
    } else if (v.f_flag & ST_RDONLY) {
        st->disk_err = OL_ERR_IO;
        ol_text_put(st->disk_why, sizeof(st->disk_why), "%.120s is mounted "
                    "read-only: see 'dmesg', repair that disk and mount it "
                    "writable", st->dir);
    } else {
        st->disk_err = room < st->min_free ? OL_ERR_FULL : OL_OK;
        st->disk_why[0] = '\0';
    }
    st->disk_full = st->disk_err != OL_OK;
    for (unsigned k = 0; k < st->n_lines; k++)
        if (st->lines[k]->files.no_room)
            st->lines[k]->files.choose = true;
    if (st->disk_err == OL_OK) /* also one from before a restart */
        ol_alarm_clear_own(st, "disk");
    if (st->disk_err == before)
        return;
    tell(st, room);
    alarm_of(st, room);
    for (unsigned k = 0; k < st->n_lines; k++)
        st->lines[k]->wake_ns = 0; /* credit changes */
}

/* Doomed lines, once nothing of theirs is in the queue. */
static void revive(struct ol_station *st, uint64_t now_ns)
{
    if (st->ledger_failed && st->fifo_n == 0 &&
        st->ledger->ops->reset(st->ledger) == OL_OK)
        st->ledger_failed = false;
    if (st->ledger_failed || st->stopping)
        return;
    for (unsigned k = 0; k < st->n_lines; k++) {
        struct ol_station_line *line = st->lines[k];

        if (line->phase == OL_PHASE_DOOMED && line->outstanding == 0) {
            ol_submit_fail(st, line, "the line starts anew: nothing was "
                                     "taken; send it again");
            ol_line_halt(line);
            line->phase = OL_PHASE_WAIT;
            line->retry_ns =
                OL_MAX(line->retry_ns,
                       now_ns + (st->disk_full ? RETRY_NS : LOOK_NS));
        } else if (line->phase == OL_PHASE_WAIT && now_ns >= line->retry_ns) {
            ol_line_boot(line);
        }
    }
}

void ol_disk_pump(struct ol_station *st)
{
    uint64_t now_ns = ol_clock_ns();

    if (now_ns >= st->disk_ns) {
        look(st);
        st->disk_ns = now_ns + (st->disk_full ? RETRY_NS : LOOK_NS);
        ol_control_sweep(st);
    }
    revive(st, now_ns);
    ol_later_pump(st);
}
