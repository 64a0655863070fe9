/*
 * audit: the whole record, recomputed.
 *
 * Per line, author and precedence: every record up to the head is read, its
 * leaf and the tree over all of them are computed anew, and held against what
 * stands in the ledger: the row's leaf and root, the head's frontier, the
 * author's checkpoint, and of our own records the numbers. The heads are
 * taken at the beginning, so that what is appended meanwhile is not missed
 * and not judged. The first thing that does not hold is named, per line; what
 * of the peer's stands behind its newest signed checkpoint is counted, for no
 * third party will believe it.
 *
 * Before that the ledger's file is read through, every page and index of it,
 * on a thread of the loop's, so that the station goes on meanwhile.
 */
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "crypto/tree.h"
#include "station/json.h"
#include "station/methods.h"

#define PAGE 32u

struct log {
    struct ol_station_line *line;
    enum ol_author author;
    unsigned prec;
    uint32_t size; /* of the head, at the beginning */
    uint8_t frontier[OL_TREE_LEVELS * OL_HASH];
    size_t frontier_n;
    bool has_cp;
    uint32_t cp_size;
    uint8_t cp_root[OL_HASH], cp_sig[OL_SIG];
};

struct audit {
    struct ol_job job; /* first */
    struct ol_entry e;
    json_t *lines;
    bool ok;
    uint64_t records;
    struct ol_station_line *only;
    unsigned line; /* the one at work */
    /* of this line */
    bool begun;
    struct log logs[2 * OL_PRECS];
    unsigned at;
    struct ol_tree tree;
    uint64_t line_records;
    unsigned checkpoints;
    uint64_t behind; /* the peer's records that no checkpoint covers */
    char fault[OL_WHY_MAX]; /* empty: none */
    char file[256];         /* of the ledger's file; empty: none */
};

static const char *side(const struct log *log)
{
    return log->author == OL_OWN ? log->line->st->conf.name
                                 : log->line->conf.peer;
}

__attribute__((format(printf, 3, 4))) static bool
fault(struct audit *a, const struct log *log, const char *fmt, ...)
{
    char text[OL_WHY_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    ol_text_put(a->fault, sizeof(a->fault), "%s, %s: %s", side(log),
                ol_json_prec(log->prec), text);
    return false;
}

static const uint8_t *author_key(const struct log *log)
{
    return log->author == OL_OWN ? log->line->st->keys->id.ed_pk
                                 : log->line->pair.peer.ed_pk;
}

/* Beginning a line. */

static bool open_log(struct audit *a, struct log *log)
{
    struct ol_ledger *lg = log->line->st->ledger;
    enum ol_err err;

    log->frontier_n = sizeof(log->frontier);
    err = lg->ops->head(lg, log->line->ledger_id, (uint8_t)log->author,
                        (uint8_t)log->prec, &log->size, log->frontier,
                        &log->frontier_n);
    if (err != OL_OK)
        return fault(a, log, "its head cannot be read (%s)",
                     ol_err_info(err)->text);
    err = lg->ops->checkpoint(lg, log->line->ledger_id, (uint8_t)log->author,
                              (uint8_t)log->prec, &log->cp_size, log->cp_root,
                              log->cp_sig);
    log->has_cp = err == OL_OK;
    if (err != OL_OK && err != OL_ERR_MISSING)
        return fault(a, log, "its checkpoint cannot be read (%s)",
                     ol_err_info(err)->text);
    if (log->has_cp &&
        ol_checkpoint_check(log->cp_sig, log->line->pair.shared.line_id,
                            author_key(log), (uint8_t)log->prec, log->cp_size,
                            log->cp_root) != OL_OK)
        return fault(a, log, "the signature of the checkpoint at %u does not "
                     "verify", log->cp_size);
    return true;
}

static void begin(struct audit *a, struct ol_station_line *line)
{
    a->begun = true;
    a->at = 0;
    a->line_records = 0;
    a->checkpoints = 0;
    a->behind = 0;
    a->fault[0] = '\0';
    ol_tree_init(&a->tree);
    for (unsigned k = 0; k < OL_LEN(a->logs); k++) {
        struct log *log = &a->logs[k];

        memset(log, 0, sizeof(*log));
        log->line = line;
        log->author = k < OL_PRECS ? OL_OWN : OL_PEER;
        log->prec = k % OL_PRECS;
        if (!open_log(a, log))
            break;
    }
}

/* Records. */

struct twice {
    uint32_t n, away; /* records of that number; those that came back */
};

static bool count_number(void *arg, const struct ol_row *row)
{
    struct twice *t = arg;

    t->n++;
    t->away += row->proof != OL_PROOF_OWN;
    return true;
}

/* A number is given once, and a return leaves holes. A record that came back
 * may bear one that a copy, which could not know, has given again. */
static bool check_number(struct audit *a, const struct log *log,
                         uint64_t number)
{
    struct ol_ledger *lg = log->line->st->ledger;
    struct twice t = {0};

    if (log->author != OL_OWN)
        return true;
    if (number == 0)
        return fault(a, log, "record %u has no number", a->e.row.index);
    if (lg->ops->by_number(lg, log->line->ledger_id, OL_OWN, number,
                           count_number, &t) != OL_OK)
        return fault(a, log, "record %u is not found by its number",
                     a->e.row.index);
    if (t.n > 1 && t.away == 0)
        return fault(a, log, "the number %llu was given twice",
                     (unsigned long long)number);
    return true;
}

static bool check_record(struct audit *a, const struct log *log)
{
    const struct ol_row *row = &a->e.row;
    uint8_t leaf[OL_HASH], root[OL_HASH];

    ol_tree_leaf(leaf, log->line->pair.shared.line_id, author_key(log),
                 row->bytes);
    if (memcmp(leaf, row->leaf, OL_HASH) != 0)
        return fault(a, log, "record %u is not the one that was taken: its "
                     "leaf differs", row->index);
    if (a->e.decoded && (a->e.rec.prec != row->prec ||
                         a->e.rec.index != row->index ||
                         a->e.rec.number != row->number))
        return fault(a, log, "record %u lies in another's place", row->index);
    ol_tree_append(&a->tree, leaf);
    ol_tree_root(&a->tree, root);
    if (log->author == OL_OWN &&
        memcmp(root, row->root, sizeof(row->root)) != 0)
        return fault(a, log, "the root at record %u differs", row->index);
    if (log->has_cp && a->tree.size == log->cp_size &&
        memcmp(root, log->cp_root, OL_HASH) != 0)
        return fault(a, log, "the checkpoint at %u is of another record",
                     log->cp_size);
    return check_number(a, log, row->number);
}

static bool check_end(struct audit *a, const struct log *log)
{
    uint8_t frontier[OL_TREE_LEVELS * OL_HASH];
    size_t n = ol_tree_save(&a->tree, frontier);

    if (n != log->frontier_n || memcmp(frontier, log->frontier, n) != 0)
        return fault(a, log, "the head at %u is not that of the records",
                     log->size);
    if (log->has_cp && log->cp_size > log->size &&
        log->author == OL_OWN)
        return fault(a, log, "the checkpoint speaks of %u records, there are "
                     "%u", log->cp_size, log->size);
    a->checkpoints += log->has_cp;
    if (log->author == OL_PEER && log->size > log->cp_size)
        a->behind += log->size - log->cp_size;
    return true;
}

/* One record, or the end of a log. False: a fault was found. */
static bool go_on(struct audit *a)
{
    struct log *log = &a->logs[a->at];
    enum ol_err err;

    if (a->tree.size == log->size) {
        if (!check_end(a, log))
            return false;
        a->at++;
        ol_tree_init(&a->tree);
        return true;
    }
    err = ol_query_at(log->line, log->author, log->prec, a->tree.size + 1,
                      &a->e);
    if (err == OL_ERR_MISSING)
        return fault(a, log, "record %u is missing", a->tree.size + 1);
    if (err != OL_OK)
        return fault(a, log, "record %u cannot be read (%s)",
                     a->tree.size + 1, ol_err_info(err)->text);
    a->line_records++;
    return check_record(a, log);
}

/* The job. */

static void drop(struct ol_job *job)
{
    struct audit *a = (struct audit *)job;

    json_decref(a->lines);
    free(a);
}

static void end_line(struct audit *a, const struct ol_station_line *line)
{
    json_t *one = json_pack(
        "{s:s,s:b,s:I,s:i,s:I,s:o}", "peer", line->conf.peer, "ok",
        (int)(a->fault[0] == '\0'), "records", (json_int_t)a->line_records,
        "checkpoints", (int)a->checkpoints, "unsigned", (json_int_t)a->behind,
        "fault", a->fault[0] ? json_string(a->fault) : json_null());

    json_array_append_new(a->lines, one);
    a->ok = a->ok && a->fault[0] == '\0';
    a->records += a->line_records;
    a->line++;
    a->begun = false;
}

static bool step(struct ol_job *job)
{
    struct audit *a = (struct audit *)job;
    struct ol_station *st = job->rq->st;

    st->ledger->ops->afresh(st->ledger);
    for (unsigned k = 0; k < PAGE; k++) {
        struct ol_station_line *line;

        if (a->line >= (a->only ? 1 : st->n_lines)) {
            ol_reply(job->rq,
                     json_pack("{s:b,s:I,s:O,s:o}", "ok", (int)a->ok,
                               "records", (json_int_t)a->records, "lines",
                               a->lines, "file",
                               a->file[0] ? json_string(a->file)
                                          : json_null()));
            return false;
        }
        line = a->only ? a->only : st->lines[a->line];
        if (line->ledger_id == 0) {
            a->line++; /* unpaired: there is no record */
            continue;
        }
        if (!a->begun)
            begin(a, line);
        if (a->fault[0] != '\0' || a->at == OL_LEN(a->logs) || !go_on(a))
            end_line(a, line);
    }
    return true;
}

/* The file, on its own thread: it touches nothing of the station. */

struct reading {
    uv_work_t work; /* first */
    struct ol_request *rq;
    char peer[OL_STATION_MAX + 1]; /* empty: all */
    char path[OL_PATH_MAX];
    char fault[256]; /* empty: none */
};

static void on_read(uv_work_t *work)
{
    struct reading *r = (struct reading *)work;

    if (ol_sqlite_check(r->path, NULL, r->fault) == OL_OK)
        r->fault[0] = '\0';
}

static void on_was_read(uv_work_t *work, int status)
{
    struct reading *r = (struct reading *)work;
    struct ol_request *rq = r->rq;
    struct audit *a = calloc(1, sizeof(*a));

    if (a == NULL || status != 0 || rq->st->stopping) {
        ol_refuse(rq, OL_EXIT_FAILED, "the audit was broken off: ask again");
        free(a);
    } else {
        a->job.rq = rq;
        a->job.step = step;
        a->job.drop = drop;
        if (r->peer[0] != '\0')
            a->only = ol_line_named(rq->st, r->peer);
        ol_text_put(a->file, sizeof(a->file), "%s", r->fault);
        a->ok = r->fault[0] == '\0';
        a->lines = json_array();
        ol_job_start(&a->job);
    }
    free(r);
}

void ol_method_audit(struct ol_request *rq)
{
    struct ol_station_line *line;
    struct reading *r;

    if (!ol_method_peer(rq, &line))
        return;
    r = calloc(1, sizeof(*r));
    if (r == NULL || !ol_path(r->path, rq->st->dir, "ledger.db", NULL) ||
        uv_queue_work(&rq->st->loop, &r->work, on_read, on_was_read) != 0) {
        ol_refuse(rq, OL_EXIT_FAILED, "no memory");
        free(r);
        return;
    }
    r->rq = rq;
    if (line != NULL)
        ol_text_put(r->peer, sizeof(r->peer), "%s", line->conf.peer);
}
