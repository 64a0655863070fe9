/*
 * Everything a ledger can be asked, as text: equal ledgers, equal text.
 *
 * Used to compare a ledger with its twin, and with itself before it was
 * closed. It reads through every operation, so whatever cannot be read fails.
 */
#include <stdio.h>

#include "ledger_kit.h"

#define NUMBERS 400u /* numbers and indices that are asked for */

static void hex(FILE *f, const void *p, size_t n)
{
    for (size_t k = 0; k < n; k++)
        fprintf(f, "%02x", ((const uint8_t *)p)[k]);
    fputc('\n', f);
}

static bool dump_row(void *arg, const struct ol_row *r)
{
    FILE *f = arg;

    fprintf(f, "record %u %u/%u/%u kind %u proof %u number %llu at %llu\n",
            r->line, r->author, r->prec, r->index, r->kind, r->proof,
            (unsigned long long)r->number, (unsigned long long)r->at_ms);
    hex(f, r->leaf, sizeof(r->leaf));
    hex(f, r->root, sizeof(r->root));
    hex(f, r->bytes.p, r->bytes.n);
    return true;
}

static bool dump_event(void *arg, const struct ol_row_event *e)
{
    fprintf(arg, "event %llu at %llu line %u what %u %u/%u/%u '%s' '%s'\n",
            (unsigned long long)e->seq, (unsigned long long)e->at_ms, e->line,
            e->what, e->author, e->prec, e->index, e->channel, e->detail);
    return true;
}

struct dump_file {
    FILE *f;
    struct kit *k;
    uint32_t line;
};

static bool dump_file(void *arg, const struct ol_row_file *row)
{
    const struct dump_file *d = arg;
    const struct ol_ledger_ops *ops = d->k->l->ops;
    static uint8_t bytes[OL_PIECE];
    uint32_t upto;
    uint64_t map;
    size_t n;

    /* Its order says what came before what, and no more. */
    fprintf(d->f, "file of %u prec %u size %llu state %u have %u at %llu ",
            row->author, row->prec, (unsigned long long)row->size,
            row->state, row->have, (unsigned long long)row->at_ms);
    hex(d->f, row->hash, sizeof(row->hash));
    assert_int_equal(ops->pieces(d->k->l, d->line, row->author, row->hash,
                                 &upto, &map), OL_OK);
    fprintf(d->f, "upto %u map %llx\n", upto, (unsigned long long)map);
    for (uint32_t i = 0; i <= ol_file_pieces(row->size); i++)
        if (ops->piece(d->k->l, d->line, row->author, row->hash, i, bytes,
                       &n) == OL_OK) {
            fprintf(d->f, "piece %u ", i);
            hex(d->f, bytes, n);
        }
    return true;
}

static bool dump_waiting(void *arg, const struct ol_row_waiting *w)
{
    fprintf(arg, "waiting %llu line %u proof %u at %llu ",
            (unsigned long long)w->n, w->line, w->proof,
            (unsigned long long)w->at_ms);
    hex(arg, w->id, sizeof(w->id));
    hex(arg, w->bytes.p, w->bytes.n);
    return true;
}

static void dump_snapshot(FILE *f, struct kit *k, uint32_t line)
{
    struct ol_snapshot s;

    assert_int_equal(k->l->ops->snapshot(k->l, line, &s), OL_OK);
    fprintf(f, "line %u number %llu, peer %llu state ", line,
            (unsigned long long)s.number, (unsigned long long)s.peer_number);
    hex(f, s.state.p, s.state.n);
    for (unsigned n = 0; n < 2 * OL_PRECS; n++) {
        const struct ol_log_head *h = &s.log[n / OL_PRECS][n % OL_PRECS];

        fprintf(f, "head %u/%u size %u acked %u ", n / OL_PRECS, n % OL_PRECS,
                h->size, s.acked[n % OL_PRECS]);
        hex(f, h->frontier.p, h->frontier.n);
    }
    for (unsigned p = 0; p < OL_PRECS; p++) {
        fprintf(f, "signed %u: %u ", p, s.signed_by_peer[p].size);
        hex(f, s.signed_by_peer[p].sig, sizeof(s.signed_by_peer[p].sig));
    }
    assert_int_equal(k->l->ops->waiting(k->l, line, 0, dump_waiting, f),
                     OL_OK);
    for (uint32_t n = 0; n < s.n_beyond; n++) {
        fprintf(f, "beyond %u/%u ", s.beyond[n].prec, s.beyond[n].index);
        hex(f, s.beyond[n].leaf, 32);
    }
    for (uint32_t n = 0; n < s.n_parts; n++) {
        fprintf(f, "part %u/%u mask %llx size %u ", s.parts[n].prec,
                s.parts[n].index, (unsigned long long)s.parts[n].mask,
                s.parts[n].size);
        hex(f, s.parts[n].bytes.p, s.parts[n].bytes.n);
    }
    k->l->ops->snapshot_free(k->l, &s);
}

static void dump_log(FILE *f, struct kit *k, uint32_t line, uint8_t author,
                     uint8_t prec)
{
    const struct ol_ledger_ops *ops = k->l->ops;
    uint8_t frontier[1024], root[32], sig[64];
    uint32_t size, alone;
    size_t n;

    assert_int_equal(ops->log(k->l, line, author, prec, 0, UINT32_MAX, 0,
                              dump_row, f), OL_OK);
    assert_int_equal(
        ops->head(k->l, line, author, prec, &size, frontier, &n), OL_OK);
    /* The size alone may be remembered, and is the same. */
    for (unsigned twice = 0; twice < 2; twice++) {
        assert_int_equal(ops->head(k->l, line, author, prec, &alone, NULL,
                                   NULL), OL_OK);
        assert_int_equal(alone, size);
        assert_true(ops->reached(k->l, line, author, prec, &alone));
        assert_int_equal(alone, size);
    }
    fprintf(f, "size %u ", size);
    hex(f, frontier, n);
    if (ops->checkpoint(k->l, line, author, prec, &size, root, sig) ==
        OL_OK) {
        fprintf(f, "checkpoint %u\n", size);
        hex(f, root, sizeof(root));
        hex(f, sig, sizeof(sig));
    }
}

static void dump_number(FILE *f, struct kit *k, uint32_t line, uint8_t author,
                        uint64_t number)
{
    const struct ol_ledger_ops *ops = k->l->ops;
    struct ol_row_mark marks[64];
    uint32_t n;

    fprintf(f, "number %u/%llu: err %d\n", author, (unsigned long long)number,
            ops->by_number(k->l, line, author, number, dump_row, f));
    assert_int_equal(
        ops->marks(k->l, line, author, number, marks, 64, &n), OL_OK);
    for (uint32_t r = 0; r < n; r++)
        fprintf(f, "mark %u at %llu by %u/%u/%u\n", marks[r].rel,
                (unsigned long long)marks[r].at_ms, marks[r].by,
                marks[r].prec, marks[r].index);
}

static void dump_index(FILE *f, struct kit *k, uint32_t line, uint8_t prec,
                       uint32_t index)
{
    const struct ol_ledger_ops *ops = k->l->ops;
    struct ol_row_attempt v[8];
    uint32_t n, upto;
    uint64_t at;
    uint8_t id[16];

    assert_int_equal(ops->acked(k->l, line, prec, index, &upto, &at), OL_OK);
    fprintf(f, "acked %u/%u: %u at %llu\n", prec, index, upto,
            (unsigned long long)at);
    assert_int_equal(ops->attempts(k->l, line, prec, index, v, 8, &n), OL_OK);
    for (uint32_t a = 0; a < n; a++)
        fprintf(f, "attempt '%s' at %llu count %u\n", v[a].channel,
                (unsigned long long)v[a].at_ms, v[a].count);
    for (uint8_t author = 0; author < 2; author++) {
        kit_id(id, author, prec, index);
        fprintf(f, "by id: err %d\n",
                ops->by_id(k->l, id, dump_row, f));
    }
}

char *kit_dump(struct kit *k, uint32_t n_lines)
{
    static const char *const keys[] = {"a", "b", "verified"};
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    uint64_t seq;

    assert_non_null(f);
    for (uint32_t line = 1; line <= n_lines; line++) {
        dump_snapshot(f, k, line);
        for (unsigned n = 0; n < 2 * OL_PRECS; n++)
            dump_log(f, k, line, n / OL_PRECS, n % OL_PRECS);
        for (uint8_t n = 0; n < 2 * OL_FILE_STATES; n++) {
            struct dump_file d = {f, k, line};

            assert_int_equal(k->l->ops->files(k->l, line, n % 2, n / 2, 0,
                                              dump_file, &d), OL_OK);
        }
        for (uint64_t n = 0; n < NUMBERS; n++)
            dump_number(f, k, line, n % 2, n / 2);
        for (uint32_t n = 0; n < NUMBERS; n++)
            dump_index(f, k, line, n % OL_PRECS, n / OL_PRECS);
    }
    for (uint32_t n = 0; n < (n_lines + 1) * OL_LEN(keys); n++) {
        uint8_t value[4096];
        size_t room = sizeof(value);

        if (k->l->ops->meta(k->l, n / OL_LEN(keys), keys[n % OL_LEN(keys)],
                            value, &room) == OL_OK) {
            fprintf(f, "meta %u ", n);
            hex(f, value, room);
        }
    }
    assert_int_equal(k->l->ops->events(k->l, 0, UINT32_MAX, dump_event, f),
                     OL_OK);
    assert_int_equal(k->l->ops->last_seq(k->l, &seq), OL_OK);
    fprintf(f, "last %llu\n", (unsigned long long)seq);
    fclose(f);
    return text;
}

void kit_same(char *a, char *b)
{
    size_t k = 0;

    if (strcmp(a, b) != 0) {
        while (a[k] == b[k])
            k++;
        while (k > 0 && a[k - 1] != '\n')
            k--;
        fail_msg("dumps part:\n%.300s\n--- and ---\n%.300s", a + k, b + k);
    }
    free(a);
    free(b);
}
