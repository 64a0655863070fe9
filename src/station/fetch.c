/*
 * Files that arrive: which one comes next.
 *
 *   WANTED (found.c) --WANT--> the core pulls --PULLED--> verify.c
 *
 * One file is pulled at a time: the highest precedence first, then as they
 * came. One for which the disk has no room waits; one that a bundle brings is
 * taken while it is there; one of which nothing comes (its sender was restored
 * and has it no more) stands back. Nothing is lost by a change: the pieces on
 * disk stay, and the next WANT names them.
 */
#include <string.h>

#include "base/units.h"
#include "station/clock.h"
#include "station/log.h"
#include "station/query.h"

/* Without a piece for so long the next file has its turn, and this one stands
 * back. A narrow link takes minutes for a piece, and a change of files costs
 * what of it is under way: so it is longer each time. */
#define STALL_NS (120 * OL_NS_PER_S)
#define STALL_DOUBLINGS 9u
#define LATER_NS (3600 * OL_NS_PER_S)
#define OFFER_NS (5 * OL_NS_PER_S) /* what a bundle brought comes first */
#define OVER 512u /* what a piece costs on disk beside its bytes */
#define WEIGH 1024u /* of the oldest; who names more waits for itself */

struct pick {
    const struct ol_line_files *f;
    uint64_t room, now_ns;
    unsigned rank; /* of row: the lowest is pulled */
    unsigned weighed;
    bool any, complete, no_room;
    struct ol_row_file row;
};

static uint64_t missing(const struct ol_row_file *row)
{
    return (uint64_t)(ol_file_pieces(row->size) - row->have) *
           (OL_PIECE + OVER);
}

static bool fits(const struct ol_station_line *line,
                 const struct ol_row_file *row)
{
    return !line->st->disk_full && missing(row) <= ol_files_room(line->st);
}

/* Whole ones are only to be verified; then by precedence; those of which
 * nothing came of late after all others. */
static unsigned rank_of(const struct pick *p, const struct ol_row_file *row)
{
    if (row->have >= ol_file_pieces(row->size))
        return 0;
    for (unsigned k = 0; k < OL_STALLED; k++)
        if (p->f->stalled[k].until_ns > p->now_ns &&
            memcmp(p->f->stalled[k].hash, row->hash, OL_HASH) == 0)
            return 1u + OL_PRECS + row->prec;
    return 1u + row->prec;
}

static bool weigh(void *arg, const struct ol_row_file *row)
{
    struct pick *p = arg;
    unsigned rank = rank_of(p, row);
    bool complete = row->have >= ol_file_pieces(row->size);

    if (++p->weighed > WEIGH)
        return false;
    if (complete && p->f->verifying)
        return true; /* this one, or it will be its turn */
    if (!complete && missing(row) > p->room) {
        p->no_room = true;
        return true;
    }
    if (p->any && rank >= p->rank)
        return true;
    p->any = true;
    p->rank = rank;
    p->complete = complete;
    p->row = *row;
    return true;
}

/* True: the core knows. */
static bool pull(struct ol_station_line *line, const struct ol_row_file *row)
{
    struct ol_ledger *lg = line->st->ledger;
    struct ol_line_files *f = &line->files;
    struct ol_event ev = {.kind = OL_EV_WANT};
    struct ol_file file = {0};

    if (row == NULL && !f->pulling)
        return true;
    if (row != NULL && f->pulling &&
        memcmp(f->pulled, row->hash, sizeof(f->pulled)) == 0)
        return true;
    if (row != NULL) {
        memcpy(file.hash, row->hash, sizeof(file.hash));
        file.size = row->size;
        if (lg->ops->pieces(lg, line->ledger_id, OL_PEER, row->hash,
                            &file.upto, &file.map) != OL_OK)
            return false;
        ev.file = &file;
    }
    if (ol_station_step(line, &ev) != OL_OK)
        return false;
    ol_verify_leave(line);
    f->pulling = row != NULL;
    if (row != NULL) {
        memcpy(f->pulled, row->hash, sizeof(f->pulled));
        f->pulled_size = row->size;
        f->follow = row->have == 0;
        f->pull_ns = ol_clock_ns();
        (void)ol_flow_at(line, OL_PEER, row->hash, row->size, row->have);
    }
    return true;
}

/* Nothing comes of it: another one has its turn. */
static void stalls(struct ol_station_line *line)
{
    struct ol_line_files *f = &line->files;
    struct ol_stalled *s = &f->stalled[f->n_stalled % OL_STALLED];
    uint64_t now_ns = ol_clock_ns();
    struct ol_line_status now;

    if (!f->pulling || now_ns - f->pull_ns < STALL_NS << f->stalls)
        return;
    f->pull_ns = now_ns;
    ol_line_status(line->core, now_ns, &now);
    if (!now.live)
        return; /* nothing can come */
    f->stalls = OL_MIN(f->stalls + 1, STALL_DOUBLINGS);
    memcpy(s->hash, f->pulled, sizeof(s->hash));
    s->until_ns = now_ns + LATER_NS;
    f->n_stalled++;
    f->choose = true;
}

static void choose(struct ol_station_line *line)
{
    struct ol_ledger *lg = line->st->ledger;
    struct ol_line_files *f = &line->files;
    struct pick p = {.f = f, .now_ns = ol_clock_ns()};

    if (!f->choose || f->busy || f->offer_ns != 0)
        return;
    p.room = line->st->disk_full ? 0 : ol_files_room(line->st);
    if (lg->ops->files(lg, line->ledger_id, OL_PEER, OL_FILE_WANTED, 0, weigh,
                       &p) != OL_OK)
        return;
    if (p.no_room && !f->no_room)
        ol_log(OL_LOG_FAULT, "line %s: a file that is wanted does not fit on "
               "the disk: make room", line->conf.peer);
    f->no_room = p.no_room;
    f->choose = false;
    if (p.any && p.complete) {
        ol_verify_begin(line, &p.row);
        f->choose = true; /* and pull another meanwhile */
        ol_loop_again(line->st);
    } else if (!pull(line, p.any ? &p.row : NULL)) {
        f->choose = true;
    }
}

/* What a bundle brings is taken while it is there, whatever is next. Not
 * before the records that came with it were looked at. */
static void answer_offer(struct ol_station_line *line)
{
    struct ol_line_files *f = &line->files;
    struct ol_event ev = {.kind = OL_EV_PASS};
    struct ol_file file = {0};
    struct ol_row_file row;
    bool wanted;

    if (f->offer_ns != 0 && ol_clock_ns() - f->offer_ns > OFFER_NS) {
        f->offer_ns = 0;
        f->choose = true;
    }
    if (!f->offered || f->look || f->look_batch != 0 || f->busy)
        return;
    f->offered = false;
    wanted = ol_files_row(line, OL_PEER, f->offer, &row) == OL_OK &&
             row.state == OL_FILE_WANTED &&
             row.have < ol_file_pieces(row.size) && fits(line, &row);
    if (wanted && pull(line, &row)) {
        f->offer_ns = ol_clock_ns();
        f->choose = false;
        return;
    }
    memcpy(file.hash, f->offer, sizeof(file.hash));
    ev.file = &file;
    (void)!ol_station_step(line, &ev);
}

/* Notes; no step in them. */

static void moved(struct ol_station_line *line, const struct ol_note *note)
{
    struct ol_flow *flow = ol_flow_find(line, OL_PEER, note->hash);
    unsigned tenths;

    line->files.pull_ns = ol_clock_ns();
    line->files.stalls = 0;
    line->files.more = line->files.follow;
    if (flow == NULL)
        return;
    flow = ol_flow_at(line, OL_PEER, note->hash, flow->size, note->index);
    tenths = ol_flow_tenths(flow);
    if (tenths == flow->tenths || tenths == 10)
        return; /* whole is told once it is verified */
    flow->tenths = (uint8_t)tenths;
    ol_files_begin(line);
    ol_files_tell(OL_PEER, note->hash, OL_FILE_WANTED, tenths);
    (void)!ol_files_commit(line, ol_files_nothing);
}

void ol_fetch_note(struct ol_station_line *line, const struct ol_note *note)
{
    struct ol_line_files *f = &line->files;

    if (note->kind == OL_NOTE_PULL) {
        /* As long as a bag brings more of it, it stays the first. */
        if (f->offer_ns != 0)
            f->offer_ns = ol_clock_ns();
        moved(line, note);
    } else if (note->kind == OL_NOTE_NOTED) {
        ol_verify_noted(line, note);
    } else if (note->kind == OL_NOTE_OFFERED) {
        f->offered = true;
        memcpy(f->offer, note->hash, sizeof(f->offer));
    } else if (f->pulling && memcmp(f->pulled, note->hash, OL_HASH) == 0) {
        f->pulling = false;
        f->offer_ns = 0;
        f->choose = true; /* it is complete: verify it, pull the next */
    }
    ol_loop_again(line->st);
}

void ol_fetch_pump(struct ol_station_line *line)
{
    if (line->phase != OL_PHASE_RUN || line->core == NULL)
        return;
    ol_found_pump(line);
    ol_verify_pump(line);
    answer_offer(line);
    stalls(line);
    choose(line);
}
