/*
 * Pieces that nobody needs any more are removed, a slice at a time.
 *
 *   own, TAKING   a send that did not become a message (a crash, a client
 *                 that went away, a full disk)
 *   own, SENDING  the same, when all pieces were there: no message names it
 *   peer's, DAMAGED or DECLINED   rows stay, pieces go
 *
 * Happy path: at a line's start and after each of these, the rows in these
 * states are walked; where pieces are left, 64 go with each commit, at last
 * the row. Whatever fails is found again at the next start.
 */
#include <string.h>

#include "base/units.h"
#include "station/query.h"

#define SLICE 64u /* pieces in one commit */

static const struct {
    uint8_t author, state;
} lists[] = {
    {OL_OWN, OL_FILE_TAKING},    {OL_OWN, OL_FILE_SENDING},
    {OL_PEER, OL_FILE_DAMAGED},  {OL_PEER, OL_FILE_DECLINED},
    {OL_PEER, OL_FILE_DECLINED_NOTED},
};

void ol_sweep_again(struct ol_station_line *line)
{
    struct ol_sweep *s = &line->files.sweep;

    s->due = true;
    s->list = 0;
    s->after = 0;
    ol_loop_again(line->st);
}

bool ol_sweeps(const struct ol_station_line *line, enum ol_author author,
               const uint8_t hash[OL_HASH])
{
    const struct ol_sweep *s = &line->files.sweep;

    return s->found && s->author == author &&
           memcmp(s->hash, hash, OL_HASH) == 0;
}

struct asked {
    const struct ol_file_ref *refs;
    unsigned n;
    bool found;
};

static bool is_one(void *arg, const struct ol_row_waiting *row)
{
    struct asked *a = arg;

    for (unsigned k = 0; k < a->n && !a->found; k++)
        a->found = memcmp(a->refs[k].id, row->id, OL_ID_SIZE) == 0;
    return !a->found;
}

/* Does a message of ours name it, on disk or on its way there; one that waits
 * for its number too. In doubt, yes. */
static bool is_named(struct ol_station_line *line,
                     const uint8_t hash[OL_HASH])
{
    static struct ol_file_ref refs[OL_FILE_REFS];
    static struct ol_entry e;
    unsigned n = ol_refs_get(line, OL_OWN, hash, refs, OL_FILE_REFS);
    struct ol_ledger *lg = line->st->ledger;
    struct asked asked = {.refs = refs};

    for (unsigned k = 0; k < n; k++)
        if (ol_submit_has_id(line->st, refs[k].id) ||
            ol_taking_has_id(line->st, refs[k].id) ||
            ol_query_id(line->st, refs[k].id, &e) != OL_ERR_MISSING)
            return true;
    asked.n = n;
    return n > 0 && (lg->ops->waiting(lg, line->ledger_id, 0, is_one,
                                      &asked) != OL_OK ||
                     asked.found);
}

/* Is this file of no use. */
static bool useless(struct ol_station_line *line,
                    const struct ol_row_file *row)
{
    if (row->author == OL_OWN && ol_taking_now(line, row->hash))
        return false;
    switch ((enum ol_file_state)row->state) {
    case OL_FILE_TAKING:
        return true;
    case OL_FILE_SENDING:
        return !is_named(line, row->hash);
    default:
        return row->have > 0;
    }
}

static bool one(void *arg, const struct ol_row_file *row)
{
    *(struct ol_row_file *)arg = *row;
    return false;
}

/* The next that is of no use, into s; false: there is none now. */
static bool find(struct ol_station_line *line)
{
    struct ol_ledger *lg = line->st->ledger;
    struct ol_sweep *s = &line->files.sweep;

    for (unsigned k = 0; k < SLICE; k++) {
        struct ol_row_file row = {0};

        if (s->list == OL_LEN(lists) ||
            lg->ops->files(lg, line->ledger_id, lists[s->list].author,
                           lists[s->list].state, s->after, one, &row) !=
                OL_OK) {
            s->due = false;
            return false;
        }
        if (row.order == 0) {
            s->list++;
            s->after = 0;
            continue;
        }
        s->after = row.order;
        if (!useless(line, &row))
            continue;
        s->found = true;
        s->author = row.author;
        memcpy(s->hash, row.hash, sizeof(s->hash));
        s->next = 0;
        return true;
    }
    ol_loop_again(line->st); /* goes on in the next turn */
    return false;
}

static void swept(void *arg, enum ol_err err)
{
    struct ol_station_line *line = arg;
    struct ol_sweep *s = &line->files.sweep;

    s->busy = false;
    if (err != OL_OK)
        s->found = false;
    line->files.changes++;
    ol_loop_again(line->st);
}

/* The next slice of what was found, or its end. */
static void slice(struct ol_station_line *line)
{
    struct ol_sweep *s = &line->files.sweep;
    struct ol_row_file row;
    struct ol_put *put;

    if (ol_files_row(line, s->author, s->hash, &row) != OL_OK ||
        !useless(line, &row)) {
        s->found = false;
        line->files.changes++;
        return;
    }
    ol_files_begin(line);
    /* Nobody is served from it from here on. */
    put = ol_files_put(OL_PUT_FILE, s->author, s->hash);
    put->number = row.size;
    put->prec = row.prec;
    put->state = s->author == OL_PEER ? row.state : OL_FILE_TAKING;
    if (row.have > 0) {
        put = ol_files_put(OL_PUT_DROP, s->author, s->hash);
        put->index = s->next;
        put->count = SLICE;
        s->next += SLICE;
    } else if (s->author == OL_OWN) {
        put->state = OL_FILE_GONE;
    }
    if (s->next >= ol_file_pieces(row.size))
        s->next = 0; /* all of it once, and once more if need be */
    s->busy = ol_files_commit(line, swept) == OL_OK;
}

void ol_sweep_pump(struct ol_station_line *line)
{
    struct ol_sweep *s = &line->files.sweep;

    if (line->phase != OL_PHASE_RUN || line->core == NULL || s->busy)
        return;
    if (!s->found && (!s->due || !find(line)))
        return;
    slice(line);
    if (s->busy || !s->found)
        ol_loop_again(line->st);
}
