/*
 * Commits: out to the ledger's queue, and back.
 *
 *   handed in -> done OK      -> COMMITTED into the line
 *             -> done FULL    -> the line is doomed; once the queue is empty
 *                                the ledger accepts again and the line is made
 *                                anew from it
 *             -> done IO      -> the process ends: a reload could read what
 *                                was never written
 *
 * Batches come back in the order they went in, so a ring says whose is next.
 * When little room is left on the disk nothing new is taken, from people or
 * from peers, while what must still be written has its place.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/check.h"
#include "station/clock.h"
#include "station/log.h"
#include "station/station.h"

#define LOOK_NS (5 * OL_NS_PER_S)
#define RETRY_NS OL_NS_PER_S

static void doom(struct ol_station_line *line, enum ol_err err)
{
    if (line->phase == OL_PHASE_DOOMED)
        return;
    ol_text_put(line->why, sizeof(line->why), "the disk refused: %s",
                ol_err_info(err)->text);
    ol_log_rarely(&line->said_disk_ns, 60 * OL_NS_PER_S,
                  "line %s: the disk refused (%s): it starts anew from its "
                  "ledger, and again until there is room", line->conf.peer,
                  ol_err_info(err)->text);
    line->phase = OL_PHASE_DOOMED;
    line->n_loads = 0;
    line->more = false;
    line->wake_ns = OL_NEVER_NS;
}

enum ol_err ol_disk_commit(struct ol_station_line *line,
                           struct ol_batch *batch, struct ol_request *rq,
                           void (*then)(struct ol_request *, enum ol_err))
{
    struct ol_station *st = line->st;
    struct ol_fifo_entry *e;
    enum ol_err err = OL_ERR_AGAIN;

    batch->line = line->ledger_id;
    batch->at_ms = ol_clock_wall_ms();
    batch->channels = (const char (*)[OL_NAME_MAX + 1])line->names;
    if (then != NULL)
        batch->token = ++st->next_token;
    if (st->fifo_n < OL_FIFO_MAX)
        err = st->ledger->ops->commit(st->ledger, batch);
    if (err != OL_OK) {
        /* The queue's end is reached: a hole, as if the disk had refused. */
        if (then == NULL)
            doom(line, err);
        return err;
    }
    e = &st->fifo[(st->fifo_head + st->fifo_n++) % OL_FIFO_MAX];
    *e = (struct ol_fifo_entry){line, batch->token, rq, then};
    line->outstanding++;
    return OL_OK;
}

/* Law 2: what a failed fsync left behind cannot be known. */
__attribute__((noreturn)) static void end_process(struct ol_station *st,
                                                  enum ol_err err)
{
    ol_log(OL_LOG_FAULT, "the ledger cannot be written (%s: %s): the station "
           "ends now so that nothing is asserted that is not on disk; check "
           "the disk, then start it again", ol_err_info(err)->text,
           st->ledger->why);
    _exit(OL_EXIT_FAILED);
}

static void refused(struct ol_station *st, struct ol_station_line *line,
                    enum ol_err err)
{
    st->ledger_failed = true;
    if (err != OL_ERR_FULL && err != OL_ERR_AGAIN)
        end_process(st, err);
    st->disk_full = true;
    st->refused_until_ns = ol_clock_ns() + RETRY_NS;
    doom(line, err);
    ol_submit_fail(st, line, "the disk refused: nothing was taken; make room "
                             "and send it again");
    ol_export_fail(line, "the disk refused: make room and export again");
}

static void one_done(struct ol_station *st, const struct ol_ledger_done *d)
{
    struct ol_fifo_entry e = st->fifo[st->fifo_head];
    struct ol_event ev = {.kind = OL_EV_COMMITTED, .token = d->token};

    OL_CHECK(st->fifo_n > 0 && e.token == d->token &&
             e.line->ledger_id == d->line);
    st->fifo_head = (st->fifo_head + 1) % OL_FIFO_MAX;
    st->fifo_n--;
    e.line->outstanding--;
    if (e.then != NULL)
        e.then(e.rq, d->err);
    if (d->err != OL_OK)
        refused(st, e.line, d->err);
    else if (e.then == NULL)
        (void)ol_station_step(e.line, &ev);
}

void ol_disk_done(struct ol_station *st)
{
    struct ol_ledger_done d;

    while (st->ledger != NULL && st->ledger->ops->done(st->ledger, &d))
        one_done(st, &d);
    st->poke_events = true;
    st->poke_waits = true;
}

static void look(struct ol_station *st)
{
    struct statvfs v;
    uint64_t room;
    bool full;

    if (statvfs(st->dir, &v) != 0)
        return;
    room = (uint64_t)v.f_bavail * v.f_frsize;
    full = room < st->min_free || ol_clock_ns() < st->refused_until_ns;
    if (full != st->disk_full)
        ol_log(full ? OL_LOG_FAULT : OL_LOG_NOTE,
               full ? "the disk is full: %llu MiB are free, %llu are needed; "
                      "nothing new is taken until there is room"
                    : "the disk has room again: %llu MiB are free (%llu are "
                      "needed)",
               (unsigned long long)(room >> 20),
               (unsigned long long)(st->min_free >> 20));
    if (full != st->disk_full)
        for (unsigned k = 0; k < st->n_lines; k++)
            st->lines[k]->wake_ns = 0; /* credit changes */
    st->disk_full = full;
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
            line->retry_ns = now_ns + (st->disk_full ? RETRY_NS : LOOK_NS);
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
        st->disk_ns = now_ns + (st->refused_until_ns > now_ns ? RETRY_NS
                                                              : LOOK_NS);
        ol_control_sweep(st);
    }
    revive(st, now_ns);
}
