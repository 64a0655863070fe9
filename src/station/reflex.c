/*
 * What the station answers by itself. See reflex.h.
 *
 * How it fails: what the core cannot take now is tried again; while a restored
 * copy may number nothing, nothing is said. A ledger that cannot be read is
 * looked at again later.
 */
#include "station/reflex.h"

#include <string.h>

#include "station/check_plan.h"
#include "station/clock.h"
#include "station/exercise.h"
#include "station/names.h"
#include "station/progress.h"

#define META "reflex"
#define PER_TURN 16u
#define AGAIN_NS OL_NS_PER_S
#define SAVE_NS (10 * OL_NS_PER_S)
#define DROP_NS (4 * OL_NS_PER_S) /* one comes back */
#define DROPS 16u

static bool load(struct ol_station_line *line)
{
    struct ol_ledger *lg = line->st->ledger;
    struct ol_reflex *r = &line->reflex;
    uint8_t v[4 * (OL_PRECS + 1)], frontier[1024];
    size_t n = sizeof(v);
    enum ol_err err = lg->ops->meta(lg, line->ledger_id, META, v, &n);

    if (err == OL_OK && n == sizeof(v)) {
        for (unsigned p = 0; p <= OL_PRECS; p++)
            *(p < OL_PRECS ? &r->next[p] : &r->newest) =
                (uint32_t)v[4 * p] << 24 | (uint32_t)v[4 * p + 1] << 16 |
                (uint32_t)v[4 * p + 2] << 8 | v[4 * p + 3];
        return true;
    }
    /* Never looked: what is here came before, and is left alone. */
    for (unsigned p = 0; p < OL_PRECS; p++) {
        uint32_t size = 0;

        n = sizeof(frontier);
        if (lg->ops->head(lg, line->ledger_id, OL_PEER, (uint8_t)p, &size,
                          frontier, &n) != OL_OK)
            return false;
        r->next[p] = size + 1;
    }
    r->changed = true;
    return true;
}

static void save(struct ol_station_line *line, uint64_t now_ns)
{
    struct ol_reflex *r = &line->reflex;
    uint8_t v[4 * (OL_PRECS + 1)];
    struct ol_ledger_meta meta = {.key = META, .value = OL_SPAN_ARRAY(v)};
    struct ol_batch batch = {.metas = &meta, .n_metas = 1};

    for (unsigned p = 0; p <= OL_PRECS; p++) {
        uint32_t x = p < OL_PRECS ? r->next[p] : r->newest;

        for (unsigned k = 0; k < 4; k++)
            v[4 * p + k] = (uint8_t)(x >> (24 - 8 * k));
    }
    r->changed = ol_disk_note(line->st, line, &batch) != OL_OK;
    r->save_ns = now_ns + SAVE_NS;
}

void ol_reflex_start(struct ol_station_line *line)
{
    struct ol_reflex *r = &line->reflex;

    memset(r, 0, sizeof(*r));
    r->ready = load(line);
    r->look = true;
    if (r->ready && r->changed)
        save(line, ol_clock_ns());
}

void ol_reflex_poke(struct ol_station_line *line)
{
    line->reflex.look = true;
}

bool ol_reflex_taken(struct ol_station_line *line, uint64_t token)
{
    struct ol_reflex *r = &line->reflex;

    if (token == 0 || token != r->token)
        return false;
    r->token = 0;
    r->look = true;
    ol_loop_again(line->st);
    return true;
}

/* What it wants of us: a rel, or 0. why: of a refusal. */
static enum ol_rel wants(struct ol_station_line *line,
                         const struct ol_entry *e, const char **why)
{
    uint64_t n;

    *why = NULL;
    if (!e->decoded)
        return (enum ol_rel)0;
    if (ol_check_is(&e->rec, &n)) {
        line->reflex.newest = e->row.index;
        return OL_REL_CHECKED;
    }
    *why = ol_exercise_refuses(e);
    return *why != NULL ? OL_REL_DECLINES : (enum ol_rel)0;
}

/* It was said before, or is on its way. *err: the ledger's, if it fails. */
static bool said(const struct ol_entry *e, enum ol_rel rel, enum ol_err *err)
{
    struct ol_progress p;

    if (ol_submit_pending(e->line, (uint8_t)rel, e->row.number))
        return true;
    *err = ol_query_progress(e, &p);
    if (*err != OL_OK)
        return false;
    for (uint32_t k = 0; k < p.n_marks; k++)
        if (p.marks[k].by == OL_OWN &&
            (p.marks[k].rel == rel || p.marks[k].rel == OL_REL_ANSWERS))
            return true;
    return false;
}

/* One out of the bucket; false: it is empty until again_ns. */
static bool drop(struct ol_reflex *r, uint64_t now_ns)
{
    uint64_t full = OL_MAX(r->bucket_ns, now_ns);

    if (full - now_ns > (DROPS - 1) * DROP_NS) {
        r->again_ns = full - (DROPS - 1) * DROP_NS;
        return false;
    }
    r->bucket_ns = full + DROP_NS;
    return true;
}

/* True: it is under way. */
static bool say(struct ol_station_line *line, const struct ol_entry *e,
                enum ol_rel rel, const char *why, uint64_t now_ns)
{
    struct ol_reflex *r = &line->reflex;
    uint8_t id[OL_ID_SIZE];
    struct ol_record rec = {
        .kind = rel == OL_REL_CHECKED ? OL_KIND_RECEIPT : OL_KIND_DECLINE,
        .prec = e->row.prec, .marking = e->rec.marking,
        .text = ol_span_str(why), .n_refs = 1,
        .written_ms = ol_clock_wall_ms()};
    struct ol_event ev = {.kind = OL_EV_SUBMIT, .record = &rec};

    r->again_ns = now_ns + AGAIN_NS;
    if (line->st->disk_full || line->st->disk_err != OL_OK ||
        ol_waiting_turn(line) != OL_WAITING_NONE || !drop(r, now_ns))
        return false;
    ol_id_new(id, rec.written_ms);
    rec.id = OL_SPAN_ARRAY(id);
    rec.refs[0] = (struct ol_ref){.rel = (uint8_t)rel,
                                  .number = e->row.number};
    ev.token = ++line->st->next_token;
    if (ol_station_step(line, &ev) != OL_OK)
        return false;
    r->token = ev.token;
    return true;
}

/* A check is FLASH; of the rest something is wanted only where a rule may
 * refuse it, and without one none is read. */
static bool passes_all(const struct ol_station_line *line, unsigned prec)
{
    return prec != OL_FLASH && line->conf.refuse == OL_REFUSE_NONE;
}

/* The next record of one log; false: nothing more is to be done there now. */
static bool one(struct ol_station_line *line, unsigned prec, uint64_t now_ns)
{
    static struct ol_entry e; /* large; one thread */
    struct ol_reflex *r = &line->reflex;
    const char *why = NULL;
    enum ol_rel rel;
    uint32_t size;
    enum ol_err err;

    /* What is done made us look: behind it nothing is asked for yet. */
    if (ol_query_reached(line, OL_PEER, prec, &size)) {
        if (r->next[prec] > size)
            return false;
        if (passes_all(line, prec)) {
            r->next[prec] = size + 1;
            r->changed = true;
            return false;
        }
    }
    err = ol_query_from(line, OL_PEER, prec, r->next[prec], &e);
    if (err == OL_ERR_MISSING)
        return false;
    rel = err == OL_OK ? wants(line, &e, &why) : (enum ol_rel)0;
    if (rel != 0 && said(&e, rel, &err))
        rel = (enum ol_rel)0;
    if (err != OL_OK) {
        r->look = true;
        r->again_ns = now_ns + AGAIN_NS;
        return false;
    }
    if (rel != 0 && !say(line, &e, rel, why, now_ns)) {
        r->look = true;
        return false;
    }
    r->next[prec] = e.row.index + 1;
    r->changed = true;
    return r->token == 0;
}

static void pump(struct ol_station_line *line, uint64_t now_ns)
{
    struct ol_reflex *r = &line->reflex;
    unsigned left = PER_TURN;

    if (line->phase != OL_PHASE_RUN || line->core == NULL || !r->ready)
        return;
    if (r->look && r->token == 0 && now_ns >= r->again_ns) {
        r->look = false;
        for (unsigned p = 0; p < OL_PRECS && r->token == 0; p++)
            while (left > 0 && one(line, p, now_ns))
                left--;
        if (left == 0) {
            r->look = true;
            ol_loop_again(line->st);
        }
    }
    /* What is under way is not on disk: the place behind it is not either. */
    if (r->changed && r->token == 0 && now_ns >= r->save_ns)
        save(line, now_ns);
}

void ol_reflex_pump(struct ol_station *st)
{
    uint64_t now_ns = ol_clock_ns();

    for (unsigned k = 0; k < st->n_lines; k++)
        pump(st->lines[k], now_ns);
}

uint64_t ol_reflex_next_ns(const struct ol_station *st)
{
    uint64_t at = OL_NEVER_NS;

    for (unsigned k = 0; k < st->n_lines; k++) {
        const struct ol_reflex *r = &st->lines[k]->reflex;

        if (st->lines[k]->phase != OL_PHASE_RUN || !r->ready ||
            r->token != 0)
            continue;
        if (r->look)
            at = OL_MIN(at, r->again_ns);
        if (r->changed)
            at = OL_MIN(at, r->save_ns);
    }
    return at;
}
