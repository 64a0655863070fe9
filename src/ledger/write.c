/*
 * Writing a batch: one statement or two for each put, and one for several
 * records that stand behind each other (write_record.c).
 *
 * Happy path: the puts in their order, then the station values, all within
 * the transaction of the group (thread.c). How it fails: the first error ends
 * it, and the thread takes everything back. A head that would go down and
 * another leaf where a record stands are OL_ERR_CORRUPT: the core and the
 * ledger have parted, and the core must be loaded again.
 */
#include "ledger/sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "ledger/part.h"
#include "ledger/write.h"

enum { SIZE = OL_WRITE_RECORD_TEXTS, HEAD, ACKED, ACK, MARK, OLD_PART, PART,
       SENT, STATE, CHECKPOINT, EVENT, META, END_META, LINE, FACT_N, FACT,
       END_FACTS, LOOSE, BEGIN, COMMIT,
       TEXTS };

#define PLACE " line=?1 AND author=?2 AND prec=?3 "

static const char *const texts[TEXTS] = {
    OL_WRITE_FILE_SQL,
    OL_WRITE_ASIDE_SQL,
    OL_WRITE_RECORD_SQL,
    [SIZE] = "SELECT size FROM head WHERE" PLACE,
    [HEAD] = "INSERT INTO head(line, author, prec, size, frontier)"
             " VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(line, author, prec)"
             " DO UPDATE SET size=excluded.size, frontier=excluded.frontier",
    [ACKED] = "SELECT 1 FROM ack WHERE line=?1 AND prec=?2 AND upto>=?3",
    [ACK] = "INSERT INTO ack(line, prec, upto, at) VALUES(?1, ?2, ?3, ?4)",
    [MARK] = "INSERT INTO mark(line, author, number, rel, by, prec, idx, at)"
             " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
             " ON CONFLICT(line, author, number, rel, by, prec, idx)"
             " DO NOTHING",
    [OLD_PART] = "SELECT mask, size, sealed FROM part"
                 " WHERE line=?1 AND prec=?2 AND idx=?3",
    [PART] = "INSERT INTO part(line, prec, idx, mask, size, sealed)"
             " SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS"
             " (SELECT 1 FROM record"
             "  WHERE line=?1 AND author=1 AND prec=?2 AND idx=?3)"
             " ON CONFLICT(line, prec, idx) DO UPDATE SET"
             " mask=excluded.mask, size=excluded.size, sealed=excluded.sealed",
    [SENT] = "INSERT INTO attempt(line, prec, lo, hi, at, channel)"
             " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [STATE] = "INSERT INTO state(line, sealed) VALUES(?1, ?2)"
              " ON CONFLICT(line) DO UPDATE SET sealed=excluded.sealed",
    [CHECKPOINT] = "INSERT INTO checkpoint(line, author, prec, size, root, sig)"
                   " VALUES(?1, ?2, ?3, ?4, ?5, ?6)"
                   " ON CONFLICT(line, author, prec) DO UPDATE SET"
                   " size=excluded.size, root=excluded.root, sig=excluded.sig",
    [EVENT] = "INSERT INTO event(seq, n, at, what, line, author, prec, lo,"
              " channel, detail)"
              " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [META] = "INSERT INTO meta(line, key, value) VALUES(?1, ?2, ?3)"
             " ON CONFLICT(line, key) DO UPDATE SET value=excluded.value",
    [END_META] = "DELETE FROM meta WHERE line=?1 AND key=?2",
    [FACT_N] = "SELECT coalesce(max(n), 0) + 1 FROM fact",
    [FACT] = "INSERT INTO fact(n, line, kind, at, key, sealed)"
             " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [END_FACTS] = "DELETE FROM fact WHERE line=?1 AND kind=?2 AND at<?3"
                  " AND (?4 IS NULL OR key=?4)",
    [LOOSE] = "SELECT EXISTS(SELECT 1 FROM part),"
              " EXISTS(SELECT 1 FROM waiting)",
    [LINE] = "INSERT INTO line(line, id, peer) VALUES(?1, ?2, ?3)",
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
};

enum ol_err ol_write_prepare(struct ol_sqlite *l)
{
    return ol_sql_prepare(&l->writer, texts, TEXTS);
}

enum ol_err ol_write_run(struct ol_sqlite *l, unsigned id, sqlite3_stmt *s)
{
    bool row;
    enum ol_err err = ol_sql_step(&l->writer, s, &row);

    ol_sql_give(&l->writer, id, s);
    return err;
}

static enum ol_err run_bare(struct ol_sqlite *l, unsigned id,
                            const char *doing)
{
    sqlite3_stmt *s = ol_sql_take(&l->writer, id);
    enum ol_err err = OL_OK;

    errno = 0;
    if (sqlite3_step(s) != SQLITE_DONE)
        err = ol_sql_error(&l->writer, doing);
    ol_sql_give(&l->writer, id, s);
    return err;
}

enum ol_err ol_write_begin(struct ol_sqlite *l)
{
    return run_bare(l, BEGIN, "write");
}

enum ol_err ol_write_commit(struct ol_sqlite *l)
{
    return run_bare(l, COMMIT, "commit");
}

static struct ol_span seal(struct ol_sqlite *l, const struct ol_place *place,
                           struct ol_span bytes)
{
    return ol_place_seal(place, l->sealed, &l->atrest, bytes);
}

enum ol_err ol_write_loose(struct ol_sqlite *l)
{
    sqlite3_stmt *s;
    enum ol_err err;
    bool row;

    if (!l->parts && !l->waits)
        return OL_OK;
    s = ol_sql_take(&l->writer, LOOSE);
    err = ol_sql_step(&l->writer, s, &row);
    if (!err && row) {
        l->parts = sqlite3_column_int(s, 0) != 0;
        l->waits = sqlite3_column_int(s, 1) != 0;
    }
    ol_sql_give(&l->writer, LOOSE, s);
    return err;
}

static enum ol_err put_head(struct ol_sqlite *l, const struct ol_batch *b,
                            const struct ol_put *put)
{
    sqlite3_stmt *s = ol_sql_take(&l->writer, SIZE);
    int64_t size = 0;
    enum ol_err err;
    bool row;

    OL_SQL_INTS(s, b->line, put->author, put->prec);
    err = ol_sql_step(&l->writer, s, &row);
    if (!err && row)
        size = sqlite3_column_int64(s, 0);
    ol_sql_give(&l->writer, SIZE, s);
    if (err || put->index == size)
        return err;
    if (put->index < size)
        return ol_sql_damaged(&l->writer, "a head that would go down");
    s = ol_sql_take(&l->writer, HEAD);
    OL_SQL_INTS(s, b->line, put->author, put->prec, put->index);
    ol_sql_blob(s, 5, put->bytes);
    return ol_write_run(l, HEAD, s);
}

static enum ol_err put_ack(struct ol_sqlite *l, const struct ol_batch *b,
                           const struct ol_put *put)
{
    sqlite3_stmt *s = ol_sql_take(&l->writer, ACKED);
    enum ol_err err;
    bool row;

    OL_SQL_INTS(s, b->line, put->prec, put->index);
    err = ol_sql_step(&l->writer, s, &row);
    ol_sql_give(&l->writer, ACKED, s);
    if (err || row || put->index == 0)
        return err;
    s = ol_sql_take(&l->writer, ACK);
    OL_SQL_INTS(s, b->line, put->prec, put->index, (int64_t)b->at_ms);
    return ol_write_run(l, ACK, s);
}

static enum ol_err put_mark(struct ol_sqlite *l, const struct ol_batch *b,
                            const struct ol_put *put)
{
    sqlite3_stmt *s = ol_sql_take(&l->writer, MARK);

    OL_SQL_INTS(s, b->line, put->author, (int64_t)put->number, put->rel,
                put->by, put->prec, put->index, (int64_t)b->at_ms);
    return ol_write_run(l, MARK, s);
}

/* What is there of the part, to be merged with the put. */
static enum ol_err old_part(struct ol_sqlite *l, uint32_t line,
                            const struct ol_put *put,
                            const struct ol_place *place,
                            struct ol_part_image *image)
{
    sqlite3_stmt *s = ol_sql_take(&l->writer, OLD_PART);
    enum ol_err err;
    size_t n;
    bool row;

    OL_SQL_INTS(s, line, put->prec, put->index);
    err = ol_sql_step(&l->writer, s, &row);
    if (!err && row) {
        image->mask = (uint64_t)sqlite3_column_int64(s, 0);
        image->size = (uint16_t)sqlite3_column_int64(s, 1);
        if (ol_place_open(place, image->bytes, sizeof(image->bytes), &n,
                          l->key, ol_sql_bytes(s, 2)) != OL_OK)
            err = ol_sql_damaged(&l->writer, "a part of a record");
    }
    ol_sql_give(&l->writer, OLD_PART, s);
    return err;
}

static enum ol_err put_part(struct ol_sqlite *l, const struct ol_batch *b,
                            const struct ol_put *put)
{
    const struct ol_place place = {
        .table = "part",
        .line_id = l->lines[b->line - 1],
        .author = OL_PEER,
        .prec = put->prec,
        .index = put->index,
    };
    struct ol_part_image image = {0};
    enum ol_err err = OL_OK;
    sqlite3_stmt *s;

    if (!ol_part_whole(put))
        err = old_part(l, b->line, put, &place, &image);
    if (err)
        return err;
    ol_part_merge(&image, put);
    if (image.n == 0)
        return ol_write_whole(l, b->line, put);
    l->parts = true;
    s = ol_sql_take(&l->writer, PART);
    OL_SQL_INTS(s, b->line, put->prec, put->index, (int64_t)image.mask,
                image.size);
    ol_sql_blob(s, 6, seal(l, &place, OL_SPAN(image.bytes, image.n)));
    ol_wipe(&image, sizeof(image));
    return ol_write_run(l, PART, s);
}

/* In pieces, so that a reader need not look further back than one piece. */
static enum ol_err put_sent(struct ol_sqlite *l, const struct ol_batch *b,
                            const struct ol_put *put)
{
    int64_t lo = put->index, end = lo + put->count;
    enum ol_err err = OL_OK;

    for (; lo < end && !err; lo += OL_SENT_SPAN) {
        sqlite3_stmt *s = ol_sql_take(&l->writer, SENT);
        int64_t hi = OL_MIN(lo + OL_SENT_SPAN, end) - 1;

        OL_SQL_INTS(s, b->line, put->prec, lo, hi, (int64_t)b->at_ms);
        ol_sql_text(s, 6, ol_batch_channel(b, put->channel));
        err = ol_write_run(l, SENT, s);
    }
    return err;
}

static enum ol_err put_state(struct ol_sqlite *l, const struct ol_batch *b,
                             const struct ol_put *put)
{
    const struct ol_place place = {
        .table = "state",
        .line_id = l->lines[b->line - 1],
    };
    sqlite3_stmt *s = ol_sql_take(&l->writer, STATE);

    OL_SQL_INTS(s, b->line);
    ol_sql_blob(s, 2, seal(l, &place, put->bytes));
    return ol_write_run(l, STATE, s);
}

static enum ol_err put_checkpoint(struct ol_sqlite *l,
                                  const struct ol_batch *b,
                                  const struct ol_put *put)
{
    sqlite3_stmt *s = ol_sql_take(&l->writer, CHECKPOINT);

    OL_SQL_INTS(s, b->line, put->author, put->prec, put->index);
    ol_sql_blob(s, 5, OL_SPAN_ARRAY(put->leaf));
    ol_sql_blob(s, 6, put->bytes);
    return ol_write_run(l, CHECKPOINT, s);
}

static enum ol_err put_event(struct ol_sqlite *l, const struct ol_batch *b,
                             const struct ol_put *put)
{
    sqlite3_stmt *s = ol_sql_take(&l->writer, EVENT);
    uint32_t n = ol_put_events(put);
    char detail[sizeof(((struct ol_row_event *)0)->detail)];

    snprintf(detail, sizeof(detail), "%s", put->detail ? put->detail : "");
    OL_SQL_INTS(s, (int64_t)l->seq + 1, n, (int64_t)b->at_ms, put->what,
                b->line, put->author, put->prec, put->index);
    ol_sql_text(s, 9, ol_batch_channel(b, put->channel));
    ol_sql_text(s, 10, detail);
    l->seq += n;
    return ol_write_run(l, EVENT, s);
}

static enum ol_err put_meta(struct ol_sqlite *l, uint32_t line,
                            const struct ol_ledger_meta *meta)
{
    unsigned id = meta->value.n ? META : END_META;
    sqlite3_stmt *s = ol_sql_take(&l->writer, id);

    OL_SQL_INTS(s, line);
    ol_sql_text(s, 2, meta->key);
    if (id == META)
        ol_sql_blob(s, 3, meta->value);
    return ol_write_run(l, id, s);
}

static enum ol_err end_facts(struct ol_sqlite *l, uint32_t line,
                             const struct ol_fact *fact)
{
    sqlite3_stmt *s = ol_sql_take(&l->writer, END_FACTS);

    OL_SQL_INTS(s, line, fact->kind, (int64_t)fact->at_ms);
    if (fact->key != NULL)
        ol_sql_text(s, 4, fact->key);
    return ol_write_run(l, END_FACTS, s);
}

static enum ol_err put_fact(struct ol_sqlite *l, uint32_t line,
                            const struct ol_fact *fact)
{
    sqlite3_stmt *s = ol_sql_take(&l->writer, FACT_N);
    struct ol_place place = ol_fact_place(l, line, fact->kind);
    int64_t n = 0;
    enum ol_err err;
    bool row;

    err = ol_sql_step(&l->writer, s, &row);
    if (!err && row)
        n = sqlite3_column_int64(s, 0);
    ol_sql_give(&l->writer, FACT_N, s);
    if (err)
        return err;
    s = ol_sql_take(&l->writer, FACT);
    place.index = (uint32_t)n;
    OL_SQL_INTS(s, n, line, fact->kind, (int64_t)fact->at_ms);
    ol_sql_text(s, 5, fact->key);
    ol_sql_blob(s, 6, seal(l, &place, fact->value));
    return ol_write_run(l, FACT, s);
}

static enum ol_err (*const put_one[])(struct ol_sqlite *,
                                      const struct ol_batch *,
                                      const struct ol_put *) = {
    [OL_PUT_HEAD] = put_head,
    [OL_PUT_ACK] = put_ack,
    [OL_PUT_MARK] = put_mark,
    [OL_PUT_PART] = put_part,
    [OL_PUT_SENT] = put_sent,
    [OL_PUT_STATE] = put_state,
    [OL_PUT_CHECKPOINT] = put_checkpoint,
    [OL_PUT_EVENT] = put_event,
    [OL_PUT_FILE] = ol_write_file,
    [OL_PUT_PIECE] = ol_write_piece,
    [OL_PUT_DROP] = ol_write_drop,
    [OL_PUT_ASIDE] = ol_write_aside,
    [OL_PUT_PROVED] = ol_write_proved,
    [OL_PUT_WAITING] = ol_write_waiting,
};

/* How many puts from k on are records, one behind the other. */
static uint16_t records(const struct ol_batch *batch, uint16_t k)
{
    uint16_t n = 0;

    while (k + n < batch->n_puts && batch->puts[k + n].kind == OL_PUT_RECORD)
        n++;
    return n;
}

enum ol_err ol_write_batch(struct ol_sqlite *l, const struct ol_batch *batch)
{
    enum ol_err err = OL_OK;

    for (uint16_t k = 0, n; k < batch->n_puts && !err; k += n) {
        const struct ol_put *put = &batch->puts[k];

        n = records(batch, k);
        err = n > 0 ? ol_write_records(l, batch, put, n)
                    : put_one[put->kind](l, batch, put);
        n = OL_MAX(n, 1);
    }
    for (uint16_t k = 0; k < batch->n_metas && !err; k++)
        err = put_meta(l, batch->line, &batch->metas[k]);
    for (uint16_t k = 0; k < batch->n_facts && !err; k++)
        err = batch->facts[k].value.n == 0
                  ? end_facts(l, batch->line, &batch->facts[k])
                  : put_fact(l, batch->line, &batch->facts[k]);
    return err;
}

enum ol_err ol_write_line(struct ol_sqlite *l, const uint8_t line_id[32],
                          const char *peer)
{
    enum ol_err err = ol_sqlite_room(l);
    sqlite3_stmt *s;

    if (err)
        return err;
    s = ol_sql_take(&l->writer, LINE);
    OL_SQL_INTS(s, (int64_t)l->n_lines + 1);
    ol_sql_blob(s, 2, OL_SPAN(line_id, 32));
    ol_sql_text(s, 3, peer);
    err = ol_write_run(l, LINE, s);
    if (err)
        return err;
    memcpy(l->lines[l->n_lines++], line_id, 32);
    return OL_OK;
}
