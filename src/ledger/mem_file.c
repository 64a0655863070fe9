/*
 * The ledger in memory: attachments and their pieces.
 *
 * Nothing here fails: what names no file or no piece does nothing, as in the
 * ledger on disk.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "ledger/mem.h"

static struct mem_file *find(struct mem_line *line, uint8_t author,
                             const uint8_t hash[32])
{
    for (uint32_t k = 0; k < line->n_files; k++)
        if (line->files[k].row.author == author &&
            memcmp(line->files[k].row.hash, hash, 32) == 0)
            return &line->files[k];
    return NULL;
}

/* Where piece `index` stands or would. */
static uint32_t place(const struct mem_file *f, uint32_t index)
{
    uint32_t lo = 0, hi = f->n;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (f->v[mid].index < index)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void put_state(struct mem *m, struct mem_line *line,
                      const struct ol_batch *batch, const struct ol_put *put)
{
    struct mem_file *f = find(line, put->author, put->leaf);

    if (put->state == OL_FILE_GONE) {
        if (f && f->n == 0) {
            free(f->v);
            memmove(f, f + 1,
                    (size_t)(line->files + line->n_files - f - 1) *
                        sizeof(*f));
            line->n_files--;
        }
        return;
    }
    if (!f) {
        ol_mem_room(&line->files, line->n_files, &line->cap_files, sizeof(*f));
        f = &line->files[line->n_files++];
        memset(f, 0, sizeof(*f));
        memcpy(f->row.hash, put->leaf, 32);
        f->row.author = put->author;
        f->row.order = ++m->order;
    }
    if (f->n == 0) {
        f->row.size = put->number;
        f->row.prec = put->prec;
    }
    f->row.state = put->state;
    f->row.at_ms = batch->at_ms;
}

static void put_piece(struct mem_file *f, const struct ol_put *put)
{
    uint32_t at = place(f, put->index);
    struct mem_piece *p;

    if (at < f->n && f->v[at].index == put->index)
        return;
    ol_mem_room(&f->v, f->n, &f->cap, sizeof(*p));
    p = &f->v[at];
    memmove(p + 1, p, (f->n++ - at) * sizeof(*p));
    p->index = put->index;
    p->n = (uint32_t)put->bytes.n;
    p->bytes = malloc(put->bytes.n);
    OL_CHECK(p->bytes);
    memcpy(p->bytes, put->bytes.p, put->bytes.n);
    f->row.have = f->n;
}

static void drop(struct mem_file *f, uint32_t from, uint32_t count)
{
    uint32_t lo = place(f, from), hi = place(f, from + count);

    for (uint32_t k = lo; k < hi; k++)
        free(f->v[k].bytes);
    memmove(&f->v[lo], &f->v[hi], (f->n - hi) * sizeof(f->v[0]));
    f->n -= hi - lo;
    f->row.have = f->n;
}

void ol_mem_put_file(struct mem *m, struct mem_line *line,
                     const struct ol_batch *batch, const struct ol_put *put)
{
    struct mem_file *f;

    if (put->kind == OL_PUT_FILE) {
        put_state(m, line, batch, put);
        return;
    }
    f = find(line, put->author, put->leaf);
    if (f && put->kind == OL_PUT_PIECE)
        put_piece(f, put);
    else if (f && f->n > 0)
        drop(f, put->index, put->count);
}

void ol_mem_free_files(struct mem_line *line)
{
    for (uint32_t k = 0; k < line->n_files; k++) {
        struct mem_file *f = &line->files[k];

        for (uint32_t n = 0; n < f->n; n++)
            free(f->v[n].bytes);
        free(f->v);
    }
    free(line->files);
}

static struct mem_line *line_of(struct ol_ledger *l, uint32_t line)
{
    struct mem *m = (struct mem *)l;

    return line > 0 && line <= m->n_lines ? m->lines[line - 1] : NULL;
}

static struct mem_file *file_of(struct ol_ledger *l, uint32_t line,
                                uint8_t author, const uint8_t hash[32])
{
    struct mem_line *in = line_of(l, line);

    return in ? find(in, author, hash) : NULL;
}

static enum ol_err file(struct ol_ledger *l, uint32_t line, uint8_t author,
                        const uint8_t hash[32], struct ol_row_file *out)
{
    struct mem_file *f = file_of(l, line, author, hash);

    if (!f)
        return OL_ERR_MISSING;
    *out = f->row;
    return OL_OK;
}

static enum ol_err files(struct ol_ledger *l, uint32_t line, uint8_t author,
                         uint8_t state, uint64_t after, ol_row_file_fn fn,
                         void *arg)
{
    struct mem_line *in = line_of(l, line);

    if (!in)
        return OL_ERR_MISSING;
    for (uint32_t k = 0; k < in->n_files; k++) {
        const struct ol_row_file *f = &in->files[k].row;

        if (f->author == author && f->state == state && f->order > after &&
            !fn(arg, f))
            break;
    }
    return OL_OK;
}

static enum ol_err pieces(struct ol_ledger *l, uint32_t line, uint8_t author,
                          const uint8_t hash[32], uint32_t *upto,
                          uint64_t *map)
{
    struct mem_file *f = file_of(l, line, author, hash);

    *upto = 0;
    *map = 0;
    if (!f)
        return OL_ERR_MISSING;
    while (*upto < f->n && f->v[*upto].index == *upto)
        ++*upto;
    for (uint32_t k = *upto; k < f->n; k++)
        if (f->v[k].index - *upto - 1 < 64)
            *map |= UINT64_C(1) << (f->v[k].index - *upto - 1);
    return OL_OK;
}

static enum ol_err piece(struct ol_ledger *l, uint32_t line, uint8_t author,
                         const uint8_t hash[32], uint32_t index, uint8_t *out,
                         size_t *n)
{
    struct mem_file *f = file_of(l, line, author, hash);
    uint32_t at = f ? place(f, index) : 0;

    *n = 0;
    if (!f || at == f->n || f->v[at].index != index)
        return OL_ERR_MISSING;
    *n = f->v[at].n;
    memcpy(out, f->v[at].bytes, *n);
    return OL_OK;
}

void ol_mem_file_ops(struct ol_ledger_ops *ops)
{
    ops->file = file;
    ops->files = files;
    ops->pieces = pieces;
    ops->piece = piece;
}
