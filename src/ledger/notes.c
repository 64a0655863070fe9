/*
 * Reading what is said of messages (marks), and what the station noted
 * (facts).
 *
 * Happy path: one statement, its rows copied out or lent. A peer may say a
 * thing of one message as often as it likes; of each thing only the first
 * OL_MARKS_EACH are given, and then the statement goes on behind the rest, so
 * that no flood of one hides another. How it fails: as in read.c.
 */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "ledger/read.h"

struct ol_place ol_fact_place(const struct ol_sqlite *l, uint32_t line,
                              uint8_t kind)
{
    static const uint8_t station[32] = {0};

    return (struct ol_place){.table = "fact",
                             .line_id = line ? l->lines[line - 1] : station,
                             .author = kind};
}

/* Rows of one question, from (rel, by) on. *again: there are more of the last
 * (rel, by) than may be given; go on behind it. */
static enum ol_err some_marks(struct ol_sqlite *l, sqlite3_stmt *s,
                              struct ol_row_mark *out, uint32_t max,
                              uint32_t *n, bool *again)
{
    uint32_t each = 0;
    enum ol_err err;
    bool row;

    *again = false;
    while (!(err = ol_sql_step(&l->reader, s, &row)) && row && *n < max) {
        struct ol_row_mark m = {
            .rel = (uint8_t)sqlite3_column_int64(s, 0),
            .by = (uint8_t)sqlite3_column_int64(s, 1),
            .prec = (uint8_t)sqlite3_column_int64(s, 2),
            .index = (uint32_t)sqlite3_column_int64(s, 3),
            .at_ms = (uint64_t)sqlite3_column_int64(s, 4),
        };

        each = *n > 0 && out[*n - 1].rel == m.rel && out[*n - 1].by == m.by
                   ? each + 1 : 1;
        if (each > OL_MARKS_EACH) {
            *again = true;
            break;
        }
        out[(*n)++] = m;
    }
    return err;
}

static enum ol_err marks(struct ol_ledger *base, uint32_t line, uint8_t author,
                         uint64_t number, struct ol_row_mark *out,
                         uint32_t max, uint32_t *n)
{
    struct ol_sqlite *l = ol_read_start(base, line);
    int64_t rel = 0, by = 0;
    enum ol_err err = OL_OK;
    bool again = true;

    *n = 0;
    if (!l)
        return OL_ERR_MISSING;
    while (again && !err) {
        sqlite3_stmt *s = ol_sql_take(&l->reader, READ_MARKS);

        OL_SQL_INTS(s, line, author, (int64_t)number, rel, by);
        err = some_marks(l, s, out, max, n, &again);
        ol_sql_give(&l->reader, READ_MARKS, s);
        if (again) {
            rel = out[*n - 1].rel;
            by = out[*n - 1].by + 1;
        }
    }
    return ol_read_failed(l, err);
}

static enum ol_err give_fact(struct ol_sqlite *l, sqlite3_stmt *s,
                             struct ol_row_fact *row, uint8_t *buf, bool *go,
                             ol_row_fact_fn fn, void *arg)
{
    struct ol_place place = ol_fact_place(l, row->line, row->kind);
    const unsigned char *key = sqlite3_column_text(s, 2);
    size_t n;

    row->n = (uint64_t)sqlite3_column_int64(s, 0);
    row->at_ms = (uint64_t)sqlite3_column_int64(s, 1);
    snprintf(row->key, sizeof(row->key), "%s", key ? (const char *)key : "");
    place.index = (uint32_t)row->n;
    if (ol_place_open(&place, buf, OL_LEDGER_VALUE_MAX, &n, l->key,
                      ol_sql_bytes(s, 3)) != OL_OK)
        return ol_sql_damaged(&l->reader, "a fact that the station noted");
    row->value = OL_SPAN(buf, n);
    *go = fn(arg, row);
    return OL_OK;
}

static enum ol_err facts(struct ol_ledger *base, uint32_t line, uint8_t kind,
                         const struct ol_facts_of *of, ol_row_fact_fn fn,
                         void *arg)
{
    struct ol_sqlite *l = (struct ol_sqlite *)base;
    unsigned id = of->newest_first ? READ_FACTS_BACK : READ_FACTS;
    struct ol_row_fact row = {.line = line, .kind = kind};
    uint8_t buf[OL_LEDGER_VALUE_MAX];
    enum ol_err err = OL_OK;
    bool any, go = true;
    sqlite3_stmt *s;

    if (line > l->n_lines)
        return OL_ERR_MISSING;
    s = ol_sql_take(&l->reader, id);
    OL_SQL_INTS(s, line, kind,
                (int64_t)OL_MIN(of->from_ms, (uint64_t)INT64_MAX),
                (int64_t)OL_MIN(of->to_ms, (uint64_t)INT64_MAX),
                of->max ? (int64_t)of->max : -1);
    while (go && !(err = ol_sql_step(&l->reader, s, &any)) && any) {
        err = give_fact(l, s, &row, buf, &go, fn, arg);
        if (err)
            break;
    }
    ol_wipe(buf, sizeof(buf));
    ol_sql_give(&l->reader, id, s);
    return ol_read_failed(l, err);
}

void ol_notes_ops(struct ol_ledger_ops *ops)
{
    ops->marks = marks;
    ops->facts = facts;
}
