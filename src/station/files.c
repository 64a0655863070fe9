/*
 * What the files of a line share: batches, who named a file, how fast it goes.
 *
 * A file is known by its content, so several messages may name one. Which do,
 * is kept as a station value beside its row, in the same batch: a list of
 * (message's id, place in its list). A name that leads to no message is of a
 * send that never became one.
 */
#include "station/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/check.h"
#include "base/units.h"
#include "station/clock.h"
#include "station/query.h"

#define PUTS (OL_ATTACHMENTS_MAX * 9u + 2u)
#define METAS (OL_ATTACHMENTS_MAX + 1u)
#define EVENTS 8u /* of one change, for one file */
#define REF (OL_ID_SIZE + 1u)
#define MEASURE_NS (2 * OL_NS_PER_S)  /* a rate is of at least so long */
#define STALLED_NS (10 * OL_NS_PER_S) /* after that there is none */

/* Batches. */

static struct {
    struct ol_station_line *line;
    unsigned n_puts, n_metas;
    struct ol_put puts[PUTS];
    struct ol_ledger_meta metas[METAS];
    char keys[METAS][64];
    uint8_t values[METAS][OL_FILE_REFS * REF];
} made; /* one thread, one batch at a time */

void ol_files_begin(struct ol_station_line *line)
{
    made.line = line;
    made.n_puts = made.n_metas = 0;
}

struct ol_put *ol_files_put(enum ol_put_kind kind, enum ol_author author,
                            const uint8_t hash[OL_HASH])
{
    struct ol_put *put = &made.puts[made.n_puts++];

    OL_CHECK(made.n_puts <= PUTS);
    memset(put, 0, sizeof(*put));
    put->kind = kind;
    put->author = (uint8_t)author;
    put->channel = OL_CHANNEL_ANY;
    memcpy(put->leaf, hash, sizeof(put->leaf));
    return put;
}

struct ol_ledger_meta *ol_files_meta(void)
{
    OL_CHECK(made.n_metas < METAS);
    return &made.metas[made.n_metas++];
}

enum ol_err ol_files_commit(void *arg, void (*then)(void *, enum ol_err))
{
    struct ol_batch batch = {.puts = made.puts, .metas = made.metas};

    batch.n_puts = (uint16_t)made.n_puts;
    batch.n_metas = (uint16_t)made.n_metas;
    return ol_disk_commit(made.line, &batch, arg, then);
}

void ol_files_nothing(void *arg, enum ol_err err)
{
    (void)arg;
    (void)err;
}

/* Who named it. */

static void key_of(char out[64], enum ol_author author,
                   const uint8_t hash[OL_HASH])
{
    char hex[2 * 20 + 1];

    ol_text_hex(hex, hash, 20);
    ol_text_put(out, 64, "file/%s/%s", author == OL_OWN ? "own" : "peer",
                hex);
}

/* The list as it stands in the ledger; its bytes. */
static size_t named(struct ol_station_line *line, const char *key,
                    uint8_t out[OL_FILE_REFS * REF])
{
    struct ol_ledger *lg = line->st->ledger;
    size_t n = OL_FILE_REFS * REF;

    if (lg->ops->meta(lg, line->ledger_id, key, out, &n) != OL_OK)
        return 0;
    return n - n % REF;
}

void ol_files_refer(enum ol_author author, const uint8_t hash[OL_HASH],
                    const struct ol_file_ref *ref)
{
    struct ol_ledger_meta *m = NULL;
    char key[64];
    unsigned k;
    uint8_t *v;

    key_of(key, author, hash);
    for (k = 0; k < made.n_metas && m == NULL; k++)
        if (made.metas[k].key == made.keys[k] &&
            strcmp(made.keys[k], key) == 0)
            m = &made.metas[k--];
    if (m == NULL) {
        k = made.n_metas;
        m = ol_files_meta();
        memcpy(made.keys[k], key, sizeof(key));
        m->key = made.keys[k];
        m->value = OL_SPAN(made.values[k],
                           named(made.line, key, made.values[k]));
    }
    v = made.values[k];
    for (size_t at = 0; at + REF <= m->value.n; at += REF)
        if (memcmp(v + at, ref->id, OL_ID_SIZE) == 0 &&
            v[at + OL_ID_SIZE] == ref->place)
            return;
    if (m->value.n + REF > sizeof(made.values[k]))
        return; /* so many know it that one more need not */
    memcpy(v + m->value.n, ref->id, OL_ID_SIZE);
    v[m->value.n + OL_ID_SIZE] = ref->place;
    m->value.n += REF;
}

unsigned ol_refs_get(struct ol_station_line *line, enum ol_author author,
                     const uint8_t hash[OL_HASH], struct ol_file_ref *out,
                     unsigned max)
{
    uint8_t list[OL_FILE_REFS * REF];
    char key[64];
    unsigned n = 0;
    size_t size;

    key_of(key, author, hash);
    size = named(line, key, list);
    for (size_t at = 0; at < size && n < max; at += REF, n++) {
        memcpy(out[n].id, list + at, OL_ID_SIZE);
        out[n].place = list[at + OL_ID_SIZE];
    }
    return n;
}

/* Events. */

/* Static, as the ledger's thread reads it later; written once. */
static const char *detail_of(unsigned place, enum ol_file_state state,
                             unsigned tenths)
{
    static char texts[OL_ATTACHMENTS_MAX][OL_FILE_STATES][11][24];
    char *text = texts[place][state][tenths];

    if (text[0] == '\0')
        snprintf(text, 24, "%u %s %u", place, ol_file_state_name(state),
                 tenths);
    return text;
}

void ol_files_tell(enum ol_author author, const uint8_t hash[OL_HASH],
                   enum ol_file_state state, unsigned tenths)
{
    static struct ol_entry e;
    struct ol_file_ref refs[EVENTS];
    unsigned n = ol_refs_get(made.line, author, hash, refs, EVENTS);

    for (unsigned k = 0; k < n; k++) {
        struct ol_put *put;

        if (refs[k].place >= OL_ATTACHMENTS_MAX ||
            ol_query_id(made.line->st, refs[k].id, &e) != OL_OK ||
            e.line != made.line || e.row.author != author)
            continue;
        put = ol_files_put(OL_PUT_EVENT, author, hash);
        put->what = OL_WHAT_ATTACHMENT;
        put->prec = e.row.prec;
        put->index = e.row.index;
        put->count = 1;
        put->detail = detail_of(refs[k].place, state, OL_MIN(tenths, 10));
    }
}

bool ol_files_told(const char *detail, unsigned *place,
                   enum ol_file_state *state, unsigned *tenths)
{
    char word[16];

    /* Too short to overflow. NOLINTNEXTLINE(cert-err34-c) */
    if (sscanf(detail, "%1u %15s %2u", place, word, tenths) != 3 ||
        *place >= OL_ATTACHMENTS_MAX || *tenths > 10)
        return false;
    for (unsigned s = 0; s < OL_FILE_STATES; s++) {
        if (strcmp(ol_file_state_name(s), word) == 0) {
            *state = s;
            return true;
        }
    }
    return false;
}

/* How far, how fast. */

struct ol_flow *ol_flow_find(struct ol_station_line *line,
                             enum ol_author author,
                             const uint8_t hash[OL_HASH])
{
    for (unsigned k = 0; k < OL_FLOWS; k++) {
        struct ol_flow *f = &line->files.flow[author][k];

        if (f->used > 0 && memcmp(f->hash, hash, OL_HASH) == 0)
            return f;
    }
    return NULL;
}

struct ol_flow *ol_flow_at(struct ol_station_line *line,
                           enum ol_author author, const uint8_t hash[OL_HASH],
                           uint64_t size, uint32_t pieces)
{
    struct ol_flow *f = ol_flow_find(line, author, hash);
    uint64_t now_ns = ol_clock_ns();

    if (f == NULL) {
        f = line->files.flow[author];
        for (unsigned k = 1; k < OL_FLOWS; k++)
            if (line->files.flow[author][k].used < f->used)
                f = &line->files.flow[author][k];
        memset(f, 0, sizeof(*f));
        memcpy(f->hash, hash, OL_HASH);
        f->size = size;
        f->mark_ns = f->moved_ns = now_ns;
        f->pieces = f->mark_pieces = pieces;
        f->tenths = (uint8_t)ol_flow_tenths(f);
    }
    f->used = ++line->files.flows;
    line->files.changes++;
    if (pieces == f->pieces)
        return f;
    if (pieces < f->pieces || now_ns - f->moved_ns > STALLED_NS) {
        f->mark_ns = now_ns; /* it began again */
        f->mark_pieces = pieces;
        f->rate = 0;
    }
    f->pieces = pieces;
    f->moved_ns = now_ns;
    if (now_ns - f->mark_ns >= MEASURE_NS) {
        f->rate = (double)(pieces - f->mark_pieces) * OL_PIECE * 1e9 /
                  (double)(now_ns - f->mark_ns);
        f->mark_ns = now_ns;
        f->mark_pieces = pieces;
    }
    return f;
}

unsigned ol_flow_tenths(const struct ol_flow *f)
{
    uint32_t all = ol_file_pieces(f->size);

    return all == 0 ? 10 : (unsigned)((uint64_t)f->pieces * 10 / all);
}

double ol_flow_rate(const struct ol_flow *f)
{
    return ol_clock_ns() - f->moved_ns > STALLED_NS ? 0 : f->rate;
}

/* Small ones. */

enum ol_err ol_files_row(struct ol_station_line *line, enum ol_author author,
                         const uint8_t hash[OL_HASH], struct ol_row_file *out)
{
    struct ol_ledger *lg = line->st->ledger;

    if (line->ledger_id == 0)
        return OL_ERR_MISSING;
    return lg->ops->file(lg, line->ledger_id, (uint8_t)author, hash, out);
}

uint64_t ol_files_room(const struct ol_station *st)
{
    struct statvfs v;
    uint64_t room;

    if (statvfs(st->dir, &v) != 0)
        return UINT64_MAX; /* the disk itself will say */
    room = (uint64_t)v.f_bavail * v.f_frsize;
    return room > st->min_free ? room - st->min_free : 0;
}

void ol_files_boot(struct ol_station_line *line)
{
    struct ol_line_files *f = &line->files;

    f->look = f->choose = f->tell = true;
    ol_sweep_again(line);
    ol_loop_again(line->st);
}

void ol_files_halt(struct ol_station_line *line)
{
    struct ol_line_files *f = &line->files;

    free(f->digest);
    f->digest = NULL;
    f->verifying = f->pulling = f->seen_known = false;
    f->look_batch = f->offer_ns = 0;
    f->offered = false;
    memset(f->flow, 0, sizeof(f->flow));
}

/* A thread that hangs on somebody's share is left to the process's end. */
void ol_files_stop(struct ol_station *st)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    uint64_t until_ns = ol_clock_ns() + 3 * OL_NS_PER_S;

    for (unsigned k = 0; k < st->n_lines; k++) {
        ol_taking_drop(st->lines[k]);
        ol_saving_drop(st->lines[k]);
    }
    while ((st->works > 0 || st->closings != NULL) &&
           ol_clock_ns() < until_ns) {
        (void)uv_run(&st->loop, UV_RUN_NOWAIT);
        nanosleep(&pause, NULL);
    }
    ol_taking_pump(st);
    ol_saving_pump(st);
}

void ol_files_pump(struct ol_station *st)
{
    for (unsigned k = 0; k < st->n_lines; k++) {
        ol_serve_pump(st->lines[k]);
        ol_fetch_pump(st->lines[k]);
        ol_sweep_pump(st->lines[k]);
    }
    ol_taking_pump(st);
    ol_saving_pump(st);
}
