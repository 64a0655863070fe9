/*
 * Files that the peer's messages name: found, and wanted or not.
 *
 * Happy path: a cursor moves over the peer's logs behind what is on disk;
 * where a record names files, those that the line's policy takes become
 * WANTED, and who names them is kept, with the cursor, in one batch: so none
 * is missed and none counts twice, whenever the station dies. The rest waits
 * until an officer saves it.
 */
#include <string.h>

#include "base/units.h"
#include "station/query.h"
#include "wire/record.h"

#define PAGE 64u   /* records looked at in one turn */
#define KEEP 1024u /* records after which the cursor is kept anyway */

#define SEEN_KEY "files/seen"

static bool load_seen(struct ol_station_line *line)
{
    struct ol_ledger *lg = line->st->ledger;
    uint8_t v[4 * OL_PRECS];
    size_t n = sizeof(v);
    enum ol_err err = lg->ops->meta(lg, line->ledger_id, SEEN_KEY, v, &n);

    memset(line->files.seen, 0, sizeof(line->files.seen));
    if (err != OL_OK && err != OL_ERR_MISSING)
        return false;
    for (unsigned p = 0; err == OL_OK && n == sizeof(v) && p < OL_PRECS; p++)
        for (unsigned k = 0; k < 4; k++)
            line->files.seen[p] = line->files.seen[p] << 8 | v[4 * p + k];
    line->files.seen_known = true;
    line->files.unkept = 0;
    return true;
}

static void keep_seen(struct ol_line_files *f)
{
    static uint8_t v[4 * OL_PRECS];
    struct ol_ledger_meta *m = ol_files_meta();

    for (unsigned p = 0; p < OL_PRECS; p++)
        for (unsigned k = 0; k < 4; k++)
            v[4 * p + k] = (uint8_t)(f->seen[p] >> (24 - 8 * k));
    m->key = SEEN_KEY;
    m->value = OL_SPAN_ARRAY(v);
    f->unkept = 0;
}

/* Records up to the first that names a file, and what it names. */
struct found {
    uint32_t last, count;
    unsigned n;
    uint8_t prec;
    uint8_t id[OL_ID_SIZE];
    struct {
        uint8_t hash[OL_HASH];
        uint64_t size;
    } v[OL_ATTACHMENTS_MAX];
};

static bool look_at(void *arg, const struct ol_row *row)
{
    struct found *f = arg;
    struct ol_record rec;

    f->last = row->index;
    f->count++;
    if (ol_record_decode(row->bytes, &rec) != OL_OK)
        return true;
    memcpy(f->id, rec.id.p, sizeof(f->id));
    for (unsigned k = 0; k < rec.n_attachments; k++, f->n++) {
        memcpy(f->v[k].hash, rec.attachments[k].hash.p, OL_HASH);
        f->v[k].size = rec.attachments[k].size;
    }
    return f->n == 0;
}

static bool by_policy(const struct ol_station_line *line, uint64_t size)
{
    return !line->conf.attach_ask && size <= line->conf.attach_max &&
           size <= OL_FILE_MAX;
}

static struct ol_put *want(const uint8_t hash[OL_HASH], uint64_t size,
                           uint8_t prec)
{
    struct ol_put *put = ol_files_put(OL_PUT_FILE, OL_PEER, hash);

    put->state = OL_FILE_WANTED;
    put->number = size;
    put->prec = prec;
    return put;
}

static void looked(void *arg, enum ol_err err)
{
    struct ol_station_line *line = arg;
    struct ol_line_files *f = &line->files;

    f->busy = false;
    f->choose = true;
    f->changes++;
    if (err != OL_OK)
        f->seen_known = false; /* what the ledger knows counts */
}

/* False: what stands of a file cannot be read. Passed over now, it would be
 * wanted never; all is looked at again with the next record. */
static bool commit_found(struct ol_station_line *line, const struct found *in)
{
    struct ol_line_files *f = &line->files;
    struct ol_row_file row;
    enum ol_err err;

    ol_files_begin(line);
    for (unsigned k = 0; k < in->n; k++) {
        struct ol_file_ref ref = {.place = (uint8_t)k};

        memcpy(ref.id, in->id, sizeof(ref.id));
        ol_files_refer(OL_PEER, in->v[k].hash, &ref);
        if (!by_policy(line, in->v[k].size))
            continue;
        err = ol_files_row(line, OL_PEER, in->v[k].hash, &row);
        if (err == OL_ERR_MISSING)
            (void)want(in->v[k].hash, in->v[k].size, in->prec);
        else if (err != OL_OK)
            return f->seen_known = false;
    }
    keep_seen(f);
    f->busy = ol_files_commit(line, looked) == OL_OK;
    if (!f->busy)
        f->seen_known = false; /* again in the next turn */
    return true;
}

/* A page of one log; true: there may be more, or it is not kept yet. */
static bool look_in(struct ol_station_line *line, unsigned prec)
{
    struct ol_ledger *lg = line->st->ledger;
    struct ol_line_files *f = &line->files;
    struct found in = {.prec = (uint8_t)prec};
    uint32_t size = 0;

    /* What is done made us look. */
    if (!ol_query_reached(line, OL_PEER, prec, &size) &&
        lg->ops->head(lg, line->ledger_id, OL_PEER, (uint8_t)prec, &size,
                      NULL, NULL) != OL_OK)
        return false;
    if (size <= f->seen[prec])
        return false;
    if (lg->ops->log(lg, line->ledger_id, OL_PEER, (uint8_t)prec,
                     f->seen[prec] + 1, OL_MIN(PAGE, size - f->seen[prec]), 0,
                     look_at, &in) != OL_OK ||
        in.count == 0)
        return false;
    f->seen[prec] = in.last;
    f->unkept += in.count;
    if ((in.n > 0 || f->unkept >= KEEP) && !commit_found(line, &in))
        return false;
    return f->busy || !f->seen_known || f->seen[prec] < size;
}

void ol_found_pump(struct ol_station_line *line)
{
    struct ol_line_files *f = &line->files;

    if (!f->look || f->busy || (!f->seen_known && !load_seen(line)))
        return;
    for (unsigned p = 0; p < OL_PRECS; p++) {
        if (look_in(line, p)) {
            ol_loop_again(line->st);
            return;
        }
    }
    f->look = false;
}

enum ol_err ol_found_want(struct ol_station_line *line,
                         const struct ol_entry *e, unsigned place)
{
    const struct ol_attachment *a = &e->rec.attachments[place];
    struct ol_file_ref ref = {.place = (uint8_t)place};
    struct ol_row_file row;
    enum ol_err err;

    if (a->size > OL_FILE_MAX)
        return OL_ERR_TOO_LONG;
    err = ol_files_row(line, OL_PEER, a->hash.p, &row);
    if (err != OL_OK && err != OL_ERR_MISSING)
        return err;
    /* Two messages cannot both be right. */
    if (err == OL_OK && row.size != a->size && row.have > 0)
        return OL_ERR_CORRUPT;
    if (err == OL_OK && row.size == a->size &&
        (row.state == OL_FILE_WANTED ||
         row.state == OL_FILE_WHOLE || row.state == OL_FILE_WHOLE_NOTED))
        return OL_OK;
    /* What is left of it goes first. */
    if (err == OL_OK && row.have > 0)
        ol_sweep_again(line);
    if (line->files.busy || (err == OL_OK && row.have > 0))
        return OL_ERR_AGAIN;
    memcpy(ref.id, e->rec.id.p, sizeof(ref.id));
    ol_files_begin(line);
    ol_files_refer(OL_PEER, a->hash.p, &ref);
    (void)want(a->hash.p, a->size, e->row.prec);
    err = ol_files_commit(line, looked);
    line->files.busy = err == OL_OK;
    return err == OL_OK ? OL_ERR_AGAIN : err; /* once it is on disk */
}

enum ol_err ol_found_decline(struct ol_station_line *line,
                             const struct ol_entry *e, void *arg,
                             void (*then)(void *, enum ol_err))
{
    struct ol_put *put;
    unsigned n = 0;

    ol_files_begin(line);
    for (unsigned k = 0; k < e->rec.n_attachments; k++) {
        const struct ol_attachment *a = &e->rec.attachments[k];
        struct ol_file_ref ref = {.place = (uint8_t)k};
        struct ol_row_file row;
        enum ol_err err = ol_files_row(line, OL_PEER, a->hash.p, &row);

        if (a->size > OL_FILE_MAX || (err == OL_OK && row.size != a->size) ||
            (err == OL_OK && row.state != OL_FILE_WANTED &&
             row.state != OL_FILE_DAMAGED))
            continue;
        memcpy(ref.id, e->rec.id.p, sizeof(ref.id));
        ol_files_refer(OL_PEER, a->hash.p, &ref);
        put = want(a->hash.p, a->size, e->row.prec);
        put->state = OL_FILE_DECLINED;
        ol_files_tell(OL_PEER, a->hash.p, OL_FILE_DECLINED, 0);
        n++;
    }
    return n > 0 ? ol_files_commit(arg, then) : OL_ERR_MISSING;
}

void ol_found_committed(struct ol_station_line *line, uint64_t token)
{
    struct ol_line_files *f = &line->files;

    if (f->look_batch == 0 || token < f->look_batch)
        return;
    f->look_batch = 0;
    f->look = true;
}
