/*
 * Our files at the other side: the pieces that it wants, and its word on how
 * far they are.
 *
 * Happy path: the core asks for a piece of a file that we sent on this line
 * and gets it; the peer says how many it has on disk, at last that it has
 * verified all of it; that is put in the row, and then the core hears that it
 * is on our disk, so that the peer need not say it again. No step is made from
 * a note: what is to be told waits for the end of the turn.
 */
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "station/station.h"

struct ol_noted {
    struct ol_noted *next;
    struct ol_station_line *line;
    bool ready, failed;
    bool done;
    struct ol_file file;
};

static struct ol_noted *remember(struct ol_station_line *line,
                                 const struct ol_note *note)
{
    struct ol_noted *n = calloc(1, sizeof(*n));

    if (n == NULL)
        return NULL;
    n->line = line;
    n->done = note->done;
    memcpy(n->file.hash, note->hash, sizeof(n->file.hash));
    n->file.size = note->size;
    n->next = line->files.noted;
    line->files.noted = n;
    return n;
}

static void kept(void *arg, enum ol_err err)
{
    struct ol_noted *n = arg;

    n->ready = true;
    n->failed = err != OL_OK;
    n->line->files.changes++;
    ol_loop_again(n->line->st);
}

void ol_serve_pump(struct ol_station_line *line)
{
    struct ol_noted **at = &line->files.noted;

    while (*at != NULL) {
        struct ol_noted *n = *at;
        struct ol_event ev = {.kind = OL_EV_NOTED, .on = n->done,
                              .file = &n->file};

        if (!n->ready) {
            at = &n->next;
            continue;
        }
        /* What is not told now the peer says again. */
        if (!n->failed)
            (void)!ol_station_step(line, &ev);
        *at = n->next;
        free(n);
    }
}

void ol_serve_drop(struct ol_station_line *line)
{
    while (line->files.noted != NULL) {
        struct ol_noted *n = line->files.noted;

        line->files.noted = n->next;
        free(n);
    }
}

static void change(struct ol_station_line *line, const struct ol_note *note,
                   const struct ol_row_file *row, enum ol_file_state state)
{
    struct ol_noted *n = note->done || note->declined ? remember(line, note)
                                                      : NULL;
    struct ol_put *put;
    enum ol_err err;

    ol_files_begin(line);
    put = ol_files_put(OL_PUT_FILE, OL_OWN, note->hash);
    put->state = state;
    put->number = row->size;
    put->prec = row->prec;
    ol_files_tell(OL_OWN, note->hash, state, state == OL_FILE_HELD ? 10 : 0);
    if (n == NULL) {
        (void)!ol_files_commit(NULL, ol_files_nothing);
        return;
    }
    err = ol_files_commit(n, kept);
    if (err != OL_OK)
        kept(n, err);
}

void ol_serve_note(struct ol_station_line *line, const struct ol_note *note)
{
    struct ol_row_file row;
    enum ol_file_state state = note->done       ? OL_FILE_HELD
                               : note->declined ? OL_FILE_DECLINED
                                                : OL_FILE_SENDING;
    enum ol_err err = ol_files_row(line, OL_OWN, note->hash, &row);
    bool known = err == OL_OK && row.size == note->size &&
                 row.state != OL_FILE_TAKING;
    struct ol_flow *flow;
    unsigned tenths;

    /* Whether it is kept here cannot be told, so it is not called noted: the
     * peer says it again until it is, and never after. */
    if (err != OL_OK && err != OL_ERR_MISSING)
        return;

    /* An ask may have lain in a pouch since before the peer said done, and
     * done is said until it is noted and never after: no ask takes it back. */
    if (known && row.state == OL_FILE_HELD && state == OL_FILE_SENDING)
        state = OL_FILE_HELD;
    if (known && row.state != state) {
        change(line, note, &row, state);
    } else if (note->done || note->declined) {
        struct ol_noted *n = remember(line, note);

        if (n != NULL)
            kept(n, OL_OK);
    }
    if (!known)
        return;
    flow = ol_flow_at(line, OL_OWN, note->hash, note->size,
                      note->done ? ol_file_pieces(note->size) : note->index);
    tenths = ol_flow_tenths(flow);
    if (tenths == flow->tenths || state != OL_FILE_SENDING)
        return;
    flow->tenths = (uint8_t)tenths;
    ol_files_begin(line);
    ol_files_tell(OL_OWN, note->hash, state, tenths);
    (void)!ol_files_commit(NULL, ol_files_nothing);
}

/* Loads. */

static bool first(void *arg, const struct ol_row_file *row)
{
    *(struct ol_row_file *)arg = *row;
    return false;
}

void ol_serve_load(struct ol_station_line *line, const struct ol_load *load,
                   struct ol_event *ev)
{
    static uint8_t bytes[OL_PIECE];
    static struct ol_file file;
    struct ol_ledger *lg = line->st->ledger;
    struct ol_row_file row = {0};
    size_t n = 0;

    ev->token = load->token;
    if (load->kind == OL_LOAD_FILE) {
        ev->kind = OL_EV_FILE;
        if (lg->ops->files(lg, line->ledger_id, OL_OWN, OL_FILE_SENDING,
                           load->after, first, &row) != OL_OK ||
            row.order == 0)
            return;
        memset(&file, 0, sizeof(file));
        memcpy(file.hash, row.hash, sizeof(file.hash));
        file.size = row.size;
        file.order = row.order;
        ev->file = &file;
        return;
    }
    ev->kind = OL_EV_PIECE;
    /* Whole here, whatever the peer said of it before. */
    if (ol_files_row(line, OL_OWN, load->hash, &row) != OL_OK ||
        row.size != load->size || row.state == OL_FILE_TAKING ||
        lg->ops->piece(lg, line->ledger_id, OL_OWN, load->hash, load->index,
                       bytes, &n) != OL_OK)
        return;
    ev->bytes = OL_SPAN(bytes, n);
}
