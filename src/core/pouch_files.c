/*
 * Attachments in bundles: behind all records, streamed from the ledger.
 *
 *   LOAD FILE -> its next piece -> LOAD PIECE -> blobs -> ... -> next file
 *
 * What the peer has said to hold is left out; all else of each file that is
 * not known to be whole there goes, up to the maximum of one pouch file. A
 * folder's cursor stays where it stood, so that the next file goes on there;
 * an export begins at the beginning. What a folder's files carried may be
 * lost, so after a day without an answer it begins again: the first look at
 * our files, soon after a start, is the same. And it may have been passed over,
 * because it came before the record that names it: then a WANT says so.
 */
#include "core/line_int.h"

#include <string.h>

#define FOLDER_MOST (64u * 1024 * 1024)
#define EXPORT_MOST (900u * 1024 * 1024) /* a pouch file is at most 1 GiB */

void ol_pouch_files_start(struct ol_line *l, struct ol_job *j)
{
    j->left = EXPORT_MOST;
    if (j->channel >= OL_CHANNELS_MAX)
        return;
    j->left = FOLDER_MOST;
    j->after = l->ch[j->channel].blob_after;
    j->resume = l->ch[j->channel].blob_resume;
    j->piece = l->ch[j->channel].blob_piece;
}

void ol_pouch_files_end(struct ol_line *l, struct ol_job *j)
{
    struct ol_lchan *ch = &l->ch[j->channel];

    ch->blob_after = j->after;
    ch->blob_resume = j->file_on ? j->file.order : 0;
    ch->blob_piece = j->file_on ? j->piece : 0;
    ch->blob_more = j->unsent > 0;
    if (j->blob_last == 0)
        return;
    ch->blob_last = j->blob_last;
    ch->blob_look_ns = l->now_ns + OL_BUNDLE_AGAIN_S * OL_NS_PER_S;
}

/* It has opened all that carried some, and lacks pieces: they go again. What
 * this costs us is bounded whatever the peer says: a pause that doubles, from a
 * minute to a day. */
void ol_pouch_wanted(struct ol_line *l, const struct ol_where *at,
                     const struct ol_want *v)
{
    uint64_t day = OL_BUNDLE_AGAIN_S * OL_NS_PER_S;

    if (v->limit == v->upto)
        return;
    for (unsigned c = 0; c < l->n_ch; c++) {
        struct ol_lchan *ch = &l->ch[c];
        uint64_t due = l->now_ns;
        if (ch->blob_last == 0 || at->seen < ch->blob_last || ch->blob_more)
            continue;
        if (ch->blob_asked_ns != 0)
            due = OL_MAX(due, ch->blob_asked_ns + ch->blob_pause_ns);
        if (due >= ch->blob_look_ns)
            continue;
        /* A day of peace, and the next one is prompt again. */
        if (ch->blob_asked_ns == 0 || due - ch->blob_asked_ns >= 2 * day)
            ch->blob_pause_ns = OL_BLOB_AGAIN_S * OL_NS_PER_S;
        else
            ch->blob_pause_ns = OL_MIN(2 * ch->blob_pause_ns, day);
        ch->blob_asked_ns = due;
        ch->blob_look_ns = due;
    }
}

static struct ol_load *load(struct ol_line *l, enum ol_load_kind kind)
{
    struct ol_load *load = &ol_fx_add(l, OL_FX_LOAD)->load;

    l->job.load = ++l->next_token * OL_PRECS;
    load->kind = (uint8_t)kind;
    load->token = l->job.load;
    return load;
}

static void load_piece(struct ol_line *l)
{
    struct ol_job *j = &l->job;
    struct ol_load *p = load(l, OL_LOAD_PIECE);

    p->index = j->piece;
    p->size = j->file.size;
    memcpy(p->hash, j->file.hash, sizeof(p->hash));
    j->state = OL_JOB_READ;
}

static void load_file(struct ol_line *l, enum ol_job_state state)
{
    load(l, OL_LOAD_FILE)->after = l->job.after;
    l->job.state = (uint8_t)state;
}

/* The file is left: all of it is in, or no more of it goes in here. */
static void leave(struct ol_job *j)
{
    j->file_on = false;
    j->after = j->file.order;
    j->piece = 0;
}

/* A chunk of the piece that is here; false: nothing more fits. */
static bool write_blob(struct ol_job *j)
{
    size_t room = sizeof(j->plain) - j->n, n = j->here_n - j->here_at;
    struct ol_writer w;
    struct ol_blob b;

    if (room < OL_CHUNK_HEAD + OL_BLOB_HEAD + OL_BLOB_UNIT)
        return false;
    room -= OL_CHUNK_HEAD + OL_BLOB_HEAD;
    if (n > room)
        n = room - room % OL_BLOB_UNIT;
    memcpy(b.hash, j->file.hash, sizeof(b.hash));
    b.offset = (uint64_t)(j->piece - 1) * OL_PIECE + j->here_at;
    b.bytes = OL_SPAN(j->here + j->here_at, n);
    ol_writer_init(&w, j->plain, sizeof(j->plain));
    w.n = j->n;
    OL_CHECK(ol_blob_encode(&w, &b));
    j->n = w.n;
    j->here_at += (uint32_t)n;
    j->blob_last = j->number;
    return true;
}

bool ol_pouch_files(struct ol_line *l)
{
    struct ol_job *j = &l->job;

    for (;;) {
        if (j->here_at < j->here_n) {
            if (!write_blob(j))
                return true;
            continue;
        }
        if (!j->file_on) {
            load_file(l, OL_JOB_READ);
            return false;
        }
        while (j->piece < ol_file_pieces(j->file.size) &&
               ol_push_held(l, &j->file, j->piece))
            j->piece++;
        if (j->piece >= ol_file_pieces(j->file.size)) {
            leave(j);
        } else if (j->left > 0) {
            load_piece(l);
            return false;
        } else {
            j->unsent += j->file.size - (uint64_t)j->piece * OL_PIECE;
            /* A folder's next file goes on here; what an export leaves out
             * is added up. */
            j->files_done = j->channel < OL_CHANNELS_MAX;
            if (j->files_done)
                return false;
            leave(j);
        }
    }
}

enum ol_err ol_pouch_file(struct ol_line *l, const struct ol_event *ev)
{
    struct ol_job *j = &l->job;

    if (ev->token != j->load)
        return OL_OK;
    if (j->state == OL_JOB_LOOK) {
        struct ol_lchan *ch = &l->ch[j->channel];
        j->state = OL_JOB_NONE;
        ch->blob_more = ev->file != NULL;
        return OL_OK;
    }
    if (j->state != OL_JOB_READ)
        return OL_OK;
    j->files_done = ev->file == NULL;
    if (ev->file != NULL) {
        j->file = *ev->file;
        j->file_on = true;
        if (j->file.order != j->resume)
            j->piece = 0;
    }
    ol_pouch_build(l);
    return OL_OK;
}

bool ol_pouch_piece(struct ol_line *l, const struct ol_event *ev)
{
    struct ol_job *j = &l->job;

    if (j->state != OL_JOB_READ || ev->token != j->load || !j->file_on)
        return false;
    if (ev->bytes.n != ol_file_piece_size(j->file.size, j->piece)) {
        leave(j); /* dropped meanwhile, or it does not open */
    } else {
        memcpy(j->here, ev->bytes.p, ev->bytes.n);
        j->here_n = (uint32_t)ev->bytes.n;
        j->here_at = 0;
        j->piece++;
        j->left -= OL_MIN(j->left, ev->bytes.n);
        j->records = true;
    }
    ol_pouch_build(l);
    return true;
}

void ol_pouch_look(struct ol_line *l, unsigned c)
{
    struct ol_lchan *ch = &l->ch[c];

    if (l->now_ns < ch->blob_look_ns) {
        ol_wake(l, ch->blob_look_ns);
        return;
    }
    if (!ol_fx_room(l, 1, 0))
        return;
    ch->blob_look_ns = l->now_ns + OL_BUNDLE_AGAIN_S * OL_NS_PER_S;
    ch->blob_after = 0;
    ch->blob_resume = 0;
    l->job.channel = (uint16_t)c;
    l->job.after = 0;
    load_file(l, OL_JOB_LOOK);
}
