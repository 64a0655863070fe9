/*
 * Files that arrive: which are wanted, which comes next, is it right.
 *
 *   a record names it --policy, or an officer--> WANTED
 *     --WANT--> the core pulls --PULLED--> verified here --> WHOLE
 *                                                      '--> DAMAGED, alarm
 *     --DONE--> the peer is told --NOTED--> WHOLE_NOTED
 *
 * New records are found by a cursor into the peer's logs that is kept on disk
 * with what was found, so none is missed and none counts twice. One file is
 * pulled at a time: the highest precedence first, then as they came; one for
 * which the disk has no room waits. Whatever a file claims to be, it is whole
 * only when its content has its hash.
 */
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "crypto/tree.h"
#include "station/clock.h"
#include "station/log.h"
#include "station/query.h"
#include "wire/record.h"

#define PAGE 64u       /* records looked at in one turn */
#define KEEP 1024u     /* records after which the cursor is kept anyway */
#define VERIFY 4u      /* pieces in one turn */
#define TELL 16u       /* files in one turn */
#define OFFER_NS (5 * OL_NS_PER_S) /* what a bundle brought comes first */
#define OVER 512u      /* what a piece costs on disk beside its bytes */

/* New records. */

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

static void want(const uint8_t hash[OL_HASH], uint64_t size, uint8_t prec)
{
    struct ol_put *put = ol_files_put(OL_PUT_FILE, OL_PEER, hash);

    put->state = OL_FILE_WANTED;
    put->number = size;
    put->prec = prec;
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

static void commit_found(struct ol_station_line *line, const struct found *in)
{
    struct ol_line_files *f = &line->files;
    struct ol_row_file row;

    ol_files_begin(line);
    for (unsigned k = 0; k < in->n; k++) {
        struct ol_file_ref ref = {.place = (uint8_t)k};

        memcpy(ref.id, in->id, sizeof(ref.id));
        ol_files_refer(OL_PEER, in->v[k].hash, &ref);
        if (by_policy(line, in->v[k].size) &&
            ol_files_row(line, OL_PEER, in->v[k].hash, &row) ==
                OL_ERR_MISSING)
            want(in->v[k].hash, in->v[k].size, in->prec);
    }
    keep_seen(f);
    f->busy = ol_files_commit(line, looked) == OL_OK;
    if (!f->busy)
        f->seen_known = false; /* again in the next turn */
}

/* A page of one log; true: there may be more. */
static bool look_in(struct ol_station_line *line, unsigned prec)
{
    struct ol_ledger *lg = line->st->ledger;
    struct ol_line_files *f = &line->files;
    uint8_t frontier[OL_TREE_LEVELS * OL_HASH];
    struct found in = {.prec = (uint8_t)prec};
    size_t n = sizeof(frontier);
    uint32_t size = 0;

    if (lg->ops->head(lg, line->ledger_id, OL_PEER, (uint8_t)prec, &size,
                      frontier, &n) != OL_OK ||
        size <= f->seen[prec])
        return false;
    if (lg->ops->log(lg, line->ledger_id, OL_PEER, (uint8_t)prec,
                     f->seen[prec] + 1, OL_MIN(PAGE, size - f->seen[prec]), 0,
                     look_at, &in) != OL_OK ||
        in.count == 0)
        return false;
    f->seen[prec] = in.last;
    f->unkept += in.count;
    if (in.n > 0 || f->unkept >= KEEP)
        commit_found(line, &in);
    return true;
}

static void look(struct ol_station_line *line)
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

enum ol_err ol_fetch_want(struct ol_station_line *line,
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
    if (err == OL_OK && (row.state == OL_FILE_WANTED ||
                         row.state == OL_FILE_WHOLE ||
                         row.state == OL_FILE_WHOLE_NOTED))
        return OL_OK;
    /* What is left of it goes first. */
    if (err == OL_OK && row.have > 0)
        ol_sweep_again(line);
    if (line->files.busy || (err == OL_OK && row.have > 0))
        return OL_ERR_AGAIN;
    memcpy(ref.id, e->rec.id.p, sizeof(ref.id));
    ol_files_begin(line);
    ol_files_refer(OL_PEER, a->hash.p, &ref);
    want(a->hash.p, a->size, e->row.prec);
    err = ol_files_commit(line, looked);
    line->files.busy = err == OL_OK;
    return err == OL_OK ? OL_ERR_AGAIN : err; /* once it is on disk */
}

/* Which is next. */

struct pick {
    const struct ol_line_files *f;
    uint64_t room;
    bool any, complete, no_room;
    struct ol_row_file row;
};

static uint64_t missing(const struct ol_row_file *row)
{
    return (uint64_t)(ol_file_pieces(row->size) - row->have) *
           (OL_PIECE + OVER);
}

static bool fits(const struct ol_station_line *line,
                 const struct ol_row_file *row)
{
    return !line->st->disk_full && missing(row) <= ol_files_room(line->st);
}

static bool weigh(void *arg, const struct ol_row_file *row)
{
    struct pick *p = arg;
    bool complete = row->have >= ol_file_pieces(row->size);

    if (complete && p->f->verifying)
        return true; /* this one, or it will be its turn */
    if (!complete && missing(row) > p->room) {
        p->no_room = true;
        return true;
    }
    if (p->any && (p->complete || (!complete && row->prec >= p->row.prec)))
        return true;
    p->any = true;
    p->complete = complete;
    p->row = *row;
    return true;
}

static void begin_verify(struct ol_station_line *line,
                         const struct ol_row_file *row)
{
    struct ol_line_files *f = &line->files;

    f->digest = aligned_alloc(64, sizeof(*f->digest));
    if (f->digest == NULL)
        return;
    ol_digest_init(f->digest);
    memcpy(f->verified, row->hash, sizeof(f->verified));
    f->verify_size = row->size;
    f->verify_prec = row->prec;
    f->verify_next = 0;
    f->verifying = true;
}

/* True: the core knows. */
static bool pull(struct ol_station_line *line, const struct ol_row_file *row)
{
    struct ol_ledger *lg = line->st->ledger;
    struct ol_line_files *f = &line->files;
    struct ol_event ev = {.kind = OL_EV_WANT};
    struct ol_file file = {0};

    if (row == NULL && !f->pulling)
        return true;
    if (row != NULL && f->pulling &&
        memcmp(f->pulled, row->hash, sizeof(f->pulled)) == 0)
        return true;
    if (row != NULL) {
        memcpy(file.hash, row->hash, sizeof(file.hash));
        file.size = row->size;
        if (lg->ops->pieces(lg, line->ledger_id, OL_PEER, row->hash,
                            &file.upto, &file.map) != OL_OK)
            return false;
        ev.file = &file;
    }
    if (ol_station_step(line, &ev) != OL_OK)
        return false;
    f->pulling = row != NULL;
    if (row != NULL) {
        memcpy(f->pulled, row->hash, sizeof(f->pulled));
        (void)ol_flow_at(line, OL_PEER, row->hash, row->size, row->have);
    }
    return true;
}

static void choose(struct ol_station_line *line)
{
    struct ol_ledger *lg = line->st->ledger;
    struct ol_line_files *f = &line->files;
    struct pick p = {.f = f};

    if (!f->choose || f->busy || f->offer_ns != 0)
        return;
    p.room = line->st->disk_full ? 0 : ol_files_room(line->st);
    if (lg->ops->files(lg, line->ledger_id, OL_PEER, OL_FILE_WANTED, 0, weigh,
                       &p) != OL_OK)
        return;
    if (p.no_room && !f->no_room)
        ol_log(OL_LOG_FAULT, "line %s: a file that is wanted does not fit on "
               "the disk: make room", line->conf.peer);
    f->no_room = p.no_room;
    f->choose = false;
    if (p.any && p.complete) {
        begin_verify(line, &p.row);
        f->choose = true; /* and pull another meanwhile */
        ol_loop_again(line->st);
    } else if (!pull(line, p.any ? &p.row : NULL)) {
        f->choose = true;
    }
}

/* What a bundle brings is taken while it is there, whatever is next. Not
 * before the records that came with it were looked at. */
static void answer_offer(struct ol_station_line *line)
{
    struct ol_line_files *f = &line->files;
    struct ol_event ev = {.kind = OL_EV_PASS};
    struct ol_file file = {0};
    struct ol_row_file row;
    bool wanted;

    if (f->offer_ns != 0 && ol_clock_ns() - f->offer_ns > OFFER_NS) {
        f->offer_ns = 0;
        f->choose = true;
    }
    if (!f->offered || f->look || f->look_batch != 0 || f->busy)
        return;
    f->offered = false;
    wanted = ol_files_row(line, OL_PEER, f->offer, &row) == OL_OK &&
             row.state == OL_FILE_WANTED &&
             row.have < ol_file_pieces(row.size) && fits(line, &row);
    if (wanted && pull(line, &row)) {
        f->offer_ns = ol_clock_ns();
        f->choose = false;
        return;
    }
    memcpy(file.hash, f->offer, sizeof(file.hash));
    ev.file = &file;
    (void)!ol_station_step(line, &ev);
}

/* Is it right. */

static void settled(void *arg, enum ol_err err)
{
    struct ol_station_line *line = arg;
    struct ol_line_files *f = &line->files;

    f->verifying = false;
    f->choose = f->tell = true;
    f->changes++;
    if (err == OL_OK)
        ol_sweep_again(line);
    ol_loop_again(line->st);
}

static void settle(struct ol_station_line *line, bool good)
{
    struct ol_line_files *f = &line->files;
    struct ol_put *put;

    free(f->digest);
    f->digest = NULL;
    if (f->pulling && memcmp(f->pulled, f->verified, OL_HASH) == 0)
        f->pulling = false;
    ol_files_begin(line);
    put = ol_files_put(OL_PUT_FILE, OL_PEER, f->verified);
    put->state = good ? OL_FILE_WHOLE : OL_FILE_DAMAGED;
    put->number = f->verify_size;
    put->prec = f->verify_prec;
    ol_files_tell(OL_PEER, f->verified, put->state, good ? 10 : 0);
    if (!good) {
        put = ol_files_put(OL_PUT_EVENT, OL_PEER, f->verified);
        put->what = OL_WHAT_ALARM;
        put->detail = "a file is not what its message says: what came of it "
                      "is removed; ask the other side, then save it again";
        ol_log(OL_LOG_FAULT, "line %s: alarm: %s", line->conf.peer,
               put->detail);
    }
    /* When the queue is full, all of it once more. */
    if (ol_files_commit(line, settled) != OL_OK)
        f->verifying = false, f->choose = true;
}

static void verify(struct ol_station_line *line)
{
    static uint8_t bytes[OL_PIECE];
    struct ol_ledger *lg = line->st->ledger;
    struct ol_line_files *f = &line->files;
    uint32_t all = ol_file_pieces(f->verify_size);
    uint8_t hash[OL_HASH];

    if (!f->verifying || f->digest == NULL)
        return;
    for (unsigned k = 0; k < VERIFY && f->verify_next < all; k++) {
        size_t n = 0;
        enum ol_err err = lg->ops->piece(lg, line->ledger_id, OL_PEER,
                                         f->verified, f->verify_next, bytes,
                                         &n);

        if (err != OL_OK || n != ol_file_piece_size(f->verify_size,
                                                    f->verify_next)) {
            settle(line, false);
            return;
        }
        ol_digest_add(f->digest, OL_SPAN(bytes, n));
        f->verify_next++;
    }
    ol_loop_again(line->st);
    if (f->verify_next < all)
        return;
    ol_wipe(bytes, sizeof(bytes));
    ol_digest_end(f->digest, hash);
    settle(line, memcmp(hash, f->verified, sizeof(hash)) == 0);
}

/* Telling the peer. */

struct told {
    unsigned n;
    struct ol_row_file v[TELL];
};

static bool gather(void *arg, const struct ol_row_file *row)
{
    struct told *t = arg;

    t->v[t->n++] = *row;
    return t->n < TELL;
}

static void tell(struct ol_station_line *line)
{
    static const uint8_t states[] = {OL_FILE_WHOLE, OL_FILE_DECLINED};
    struct ol_ledger *lg = line->st->ledger;
    struct ol_line_files *f = &line->files;
    struct told t;

    if (!f->tell)
        return;
    f->tell = false;
    for (unsigned s = 0; s < OL_LEN(states); s++) {
        t.n = 0;
        if (lg->ops->files(lg, line->ledger_id, OL_PEER, states[s], 0, gather,
                           &t) != OL_OK)
            return;
        for (unsigned k = 0; k < t.n; k++) {
            struct ol_event ev = {.kind = s == 0 ? OL_EV_DONE
                                                 : OL_EV_DECLINE};
            struct ol_file file = {.size = t.v[k].size};

            memcpy(file.hash, t.v[k].hash, sizeof(file.hash));
            ev.file = &file;
            /* No room: when the peer has noted one, the next is told. */
            if (ol_station_step(line, &ev) != OL_OK)
                return;
        }
    }
}

static void noted(struct ol_station_line *line, const struct ol_note *note)
{
    struct ol_row_file row;
    struct ol_put *put;

    if (ol_files_row(line, OL_PEER, note->hash, &row) != OL_OK ||
        row.state != (note->done ? OL_FILE_WHOLE : OL_FILE_DECLINED))
        return;
    ol_files_begin(line);
    put = ol_files_put(OL_PUT_FILE, OL_PEER, note->hash);
    put->state = note->done ? OL_FILE_WHOLE_NOTED : OL_FILE_DECLINED_NOTED;
    put->number = row.size;
    put->prec = row.prec;
    /* If it fails it is told again, at the next start at the latest. */
    if (ol_files_commit(line, ol_files_nothing) == OL_OK)
        line->files.tell = true;
}

/* Notes; no step in them. */

static void moved(struct ol_station_line *line, const struct ol_note *note)
{
    struct ol_flow *flow = ol_flow_find(line, OL_PEER, note->hash);
    unsigned tenths;

    if (flow == NULL)
        return;
    flow = ol_flow_at(line, OL_PEER, note->hash, flow->size, note->index);
    tenths = ol_flow_tenths(flow);
    if (tenths == flow->tenths || tenths == 10)
        return; /* whole is told once it is verified */
    flow->tenths = (uint8_t)tenths;
    ol_files_begin(line);
    ol_files_tell(OL_PEER, note->hash, OL_FILE_WANTED, tenths);
    (void)!ol_files_commit(line, ol_files_nothing);
}

void ol_fetch_note(struct ol_station_line *line, const struct ol_note *note)
{
    struct ol_line_files *f = &line->files;

    if (note->kind == OL_NOTE_PULL) {
        moved(line, note);
    } else if (note->kind == OL_NOTE_NOTED) {
        noted(line, note);
    } else if (note->kind == OL_NOTE_OFFERED) {
        f->offered = true;
        memcpy(f->offer, note->hash, sizeof(f->offer));
    } else if (f->pulling && memcmp(f->pulled, note->hash, OL_HASH) == 0) {
        f->pulling = false;
        f->offer_ns = 0;
        f->choose = true; /* it is complete: verify it, pull the next */
    }
    ol_loop_again(line->st);
}

void ol_fetch_pump(struct ol_station_line *line)
{
    if (line->phase != OL_PHASE_RUN || line->core == NULL)
        return;
    look(line);
    verify(line);
    tell(line);
    answer_offer(line);
    choose(line);
}

void ol_fetch_committed(struct ol_station_line *line, uint64_t token)
{
    struct ol_line_files *f = &line->files;

    if (f->look_batch == 0 || token < f->look_batch)
        return;
    f->look_batch = 0;
    f->look = true;
}
