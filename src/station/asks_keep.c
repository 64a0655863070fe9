/*
 * What was open, kept as a station value, so that a start need not look at
 * every ask that was ever made.
 *
 *   version flags  next[2][4] root[4][8]  before[2] at  (count numbers...)[2]
 *
 * next: the records that were not looked at yet, by author and log; root: of
 * our own logs up to there; before, at: what ol_effective_read had passed
 * over, and when; numbers: of what was open, ascending, each as what it is
 * above the one before, in groups of 7 bits, the low ones first.
 *
 * It is a hint. What it names is looked up again, and what came since is read
 * in its order. How it fails: a hint that does not parse, or that is of
 * records that were taken back since (they are not under that root any more),
 * is no hint, and everything is looked at; what does not fit is not kept.
 */
#include <stdlib.h>
#include <string.h>

#include "station/asks.h"
#include "station/clock.h"

#define KEY "asks"
#define VERSION 1u
#define LEFT_OUT(author) (1u << (author))
#define VALUE_MAX 4096u
#define KEEP_NS (10 * OL_NS_PER_S)

static void write_number(struct ol_writer *w, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        ol_write_u8(w, (uint8_t)(v | 0x80));
    ol_write_u8(w, (uint8_t)v);
}

static uint64_t read_number(struct ol_reader *r)
{
    uint64_t v = 0;
    uint8_t b = 0x80;

    for (unsigned shift = 0; shift < 63 && b & 0x80; shift += 7) {
        b = ol_read_u8(r);
        v |= (uint64_t)(b & 0x7f) << shift;
    }
    if (b & 0x80)
        r->failed = true;
    return v;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* The root of our log up to an index; zeros: of none. */
static bool root_at(struct ol_station_line *line, unsigned prec,
                    uint32_t index, uint8_t root[8])
{
    static struct ol_entry e; /* large; one thread */

    memset(root, 0, sizeof(e.row.root));
    if (index == 0)
        return true;
    if (ol_query_at(line, OL_OWN, prec, index, &e) != OL_OK)
        return false;
    memcpy(root, e.row.root, sizeof(e.row.root));
    return true;
}

/* ---- keeping ------------------------------------------------------------ */

static void write_open(struct ol_writer *w, const struct ol_dues *t)
{
    static uint64_t v[OL_DUES_MAX];
    uint64_t last = 0;

    for (unsigned k = 0; k < t->n; k++)
        v[k] = t->v[k].number;
    qsort(v, t->n, sizeof(v[0]), compare);
    ol_write_u16(w, (uint16_t)t->n);
    for (unsigned k = 0; k < t->n; k++) {
        write_number(w, v[k] - last);
        last = v[k];
    }
}

static bool write_all(struct ol_station_line *line, struct ol_writer *w)
{
    const struct ol_asks *a = line->asks;
    const struct ol_effective_asks *e = &line->effective;
    uint8_t flags = 0, root[8];

    for (unsigned k = 0; k < 2; k++)
        flags |= a->dues[k].left_out ? LEFT_OUT(k) : 0;
    ol_write_u8(w, VERSION);
    ol_write_u8(w, flags);
    for (unsigned k = 0; k < 2 * OL_PRECS; k++)
        ol_write_u32(w, a->next[k / OL_PRECS][k % OL_PRECS]);
    for (unsigned p = 0; p < OL_PRECS; p++) {
        if (!root_at(line, p, a->next[OL_OWN][p] - 1, root))
            return false;
        ol_write_bytes(w, OL_SPAN_ARRAY(root));
    }
    ol_write_u64(w, e->before[OL_OWN]);
    ol_write_u64(w, e->before[OL_PEER]);
    ol_write_u64(w, e->read_ms);
    write_open(w, &a->dues[OL_OWN]);
    write_open(w, &a->dues[OL_PEER]);
    return !w->failed;
}

uint64_t ol_asks_keep(struct ol_station_line *line, uint64_t now_ns)
{
    static uint8_t value[VALUE_MAX];
    struct ol_asks *a = line->asks;
    struct ol_ledger_meta meta = {.key = KEY};
    struct ol_batch batch = {.metas = &meta, .n_metas = 1};
    struct ol_writer w;

    if (!a->moved || now_ns < a->moved_ns)
        return a->moved ? a->moved_ns : OL_NEVER_NS;
    ol_writer_init(&w, value, sizeof(value));
    if (write_all(line, &w))
        meta.value = ol_writer_span(&w); /* else it goes */
    a->moved_ns = now_ns + KEEP_NS;
    a->moved = ol_disk_note(line->st, line, &batch) != OL_OK;
    return a->moved ? a->moved_ns : OL_NEVER_NS;
}

/* ---- at a start --------------------------------------------------------- */

static void read_open(struct ol_reader *r, struct ol_asks *a, unsigned author)
{
    uint64_t last = 0;
    unsigned n = ol_read_u16(r);

    if (n > OL_DUES_MAX) {
        r->failed = true;
        return;
    }
    for (unsigned k = 0; k < n; k++)
        a->known[author][k] = last += read_number(r);
    a->n_known[author] = n;
}

/* Are records below `next` those that they were. */
static bool stands(struct ol_station_line *line, unsigned k, uint32_t next,
                   const uint8_t kept[8])
{
    const struct ol_asks *a = line->asks;
    uint8_t root[8];

    if (next == 0 || next > a->next[k / OL_PRECS][k % OL_PRECS])
        return false;
    return k / OL_PRECS == OL_PEER ||
           (root_at(line, k % OL_PRECS, next - 1, root) &&
            memcmp(root, kept, sizeof(root)) == 0);
}

static bool parse(struct ol_station_line *line, struct ol_span value)
{
    struct ol_asks *a = line->asks;
    struct ol_effective_asks e = {0};
    struct ol_reader r;
    uint32_t next[2 * OL_PRECS];
    uint8_t root[OL_PRECS][8], flags;
    bool good = true;

    ol_reader_init(&r, value);
    if (ol_read_u8(&r) != VERSION)
        return false;
    flags = ol_read_u8(&r);
    for (unsigned k = 0; k < 2 * OL_PRECS; k++)
        next[k] = ol_read_u32(&r);
    for (unsigned p = 0; p < OL_PRECS; p++)
        ol_read_copy(&r, root[p], sizeof(root[p]));
    e.before[OL_OWN] = ol_read_u64(&r);
    e.before[OL_PEER] = ol_read_u64(&r);
    e.read_ms = ol_read_u64(&r);
    read_open(&r, a, OL_OWN);
    read_open(&r, a, OL_PEER);
    good = ol_reader_done(&r);
    for (unsigned k = 0; k < 2 * OL_PRECS && good; k++)
        good = stands(line, k, next[k], root[k % OL_PRECS]);
    if (!good)
        return false;
    for (unsigned k = 0; k < 2 * OL_PRECS; k++)
        a->next[k / OL_PRECS][k % OL_PRECS] = next[k];
    a->dues[OL_OWN].left_out = flags & LEFT_OUT(OL_OWN);
    a->dues[OL_PEER].left_out = flags & LEFT_OUT(OL_PEER);
    /* By a clock that was set back since, more is in the window. */
    if (!line->effective.read && e.read_ms <= ol_clock_wall_ms()) {
        memcpy(line->effective.before, e.before, sizeof(e.before));
        line->effective.read_ms = e.read_ms;
    }
    return true;
}

bool ol_asks_recall(struct ol_station_line *line)
{
    static uint8_t value[VALUE_MAX];
    struct ol_ledger *lg = line->st->ledger;
    size_t n = sizeof(value);

    if (lg->ops->meta(lg, line->ledger_id, KEY, value, &n) == OL_OK &&
        parse(line, OL_SPAN(value, n)))
        return true;
    memset(line->asks->n_known, 0, sizeof(line->asks->n_known));
    return false;
}
