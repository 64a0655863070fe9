/*
 * Fills the ledgers of two stations with a past, as two daemons would have.
 *
 *     fill NORTH SOUTH RECORDS
 *
 * NORTH and SOUTH are directories of two paired stations that do not run.
 * Each gets RECORDS records of its own and of the other's together, over a
 * year that ends now: messages, asks and their answers, receipts. Every one is
 * numbered, signed, sealed, sent, opened, checked, sealed at rest and
 * acknowledged by the real core and the real ledger; only the channel between
 * them is memory, its clock is virtual, and no fsync is waited for.
 *
 * Happy path: a round of a virtual millisecond each: what is to be said is
 * submitted, what has come back from the disks is told, packets cross, loads
 * are answered. How it fails: with a sentence, and 1.
 */
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/check.h"
#include "base/units.h"
#include "crypto/crypto.h"
#include "ledger/sqlite.h"
#include "station/names.h"
#include "station/station.h"

#define YEAR_MS (UINT64_C(365) * 24 * 3600 * 1000)
#define QUEUED 4096u /* packets under way to a side; more are lost */
#define AHEAD 1500u  /* records that the other side does not hold yet */
#define UNANSWERED 100u /* one ask in so many */
#define BATCHES 64u  /* of a side, in its ledger's queue */

struct packet {
    uint16_t n;
    uint8_t bytes[OL_FRAME_MAX];
};

struct side {
    struct ol_keys *keys;
    struct ol_pair pair;
    struct ol_ledger *ledger;
    uint32_t line_no;
    struct ol_line *line;
    uint64_t wake_ns;
    bool more;
    unsigned in_queue;
    struct packet *packets; /* to this side: a ring */
    unsigned head, n;
    struct ol_load loads[OL_FX_MAX];
    unsigned n_loads;
    uint32_t said; /* submitted */
    uint64_t asks; /* of the other's, that were answered or passed over */
    uint64_t heard, last; /* numbers of the other's that were read; there are */
};

static struct side sides[2];
static uint64_t now_ns = OL_NS_PER_S;
static uint64_t began_ms, step_ms; /* the year; between two records of a side */
static struct ol_effects fx;

static void give_up(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("fill: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static uint64_t wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The time that a side lives in: as far through the year as it has said. */
static uint64_t at_ms(const struct side *s)
{
    return began_ms + s->said * step_ms;
}

/* ---- effects ------------------------------------------------------------ */

static void commit(struct side *s)
{
    static struct ol_put puts[OL_FX_MAX];
    static const char names[1][17] = {"memory"};
    struct ol_batch b = {.line = s->line_no, .token = fx.batch,
                         .at_ms = at_ms(s), .puts = puts, .channels = names};

    for (unsigned k = 0; k < fx.count; k++)
        if (fx.v[k].kind == OL_FX_PUT)
            puts[b.n_puts++] = fx.v[k].put;
    if (b.token == 0)
        return;
    if (s->ledger->ops->commit(s->ledger, &b) != OL_OK)
        give_up("a batch was refused: %s", s->ledger->why);
    s->in_queue++;
}

static void carry(struct side *s)
{
    struct side *to = &sides[s == &sides[0]];

    commit(s);
    s->wake_ns = fx.wake_ns;
    s->more = fx.more;
    for (unsigned k = 0; k < fx.count; k++) {
        const struct ol_effect *e = &fx.v[k];
        struct packet *p;

        if (e->kind == OL_FX_LOAD)
            s->loads[s->n_loads++] = e->load;
        if (e->kind == OL_FX_NOTE && e->note.kind == OL_NOTE_TAKEN)
            to->last = e->note.number;
        if (e->kind != OL_FX_SEND || to->n == QUEUED)
            continue;
        p = &to->packets[(to->head + to->n++) % QUEUED];
        p->n = (uint16_t)e->send.bytes.n;
        memcpy(p->bytes, e->send.bytes.p, p->n);
    }
}

struct shelf {
    struct ol_loaded v[OL_LOAD_MAX];
    unsigned n;
    size_t used;
    uint8_t bytes[OL_LOAD_BYTES + OL_RECORD_MAX];
};

static bool shelve(void *arg, const struct ol_row *row)
{
    struct shelf *s = arg;
    struct ol_loaded *to = &s->v[s->n];

    if (s->n == OL_LOAD_MAX || s->used + row->bytes.n > sizeof(s->bytes))
        return false;
    memcpy(s->bytes + s->used, row->bytes.p, row->bytes.n);
    to->index = row->index;
    memcpy(to->leaf, row->leaf, sizeof(to->leaf));
    memcpy(to->root, row->root, sizeof(to->root));
    to->bytes = OL_SPAN(s->bytes + s->used, row->bytes.n);
    s->used += row->bytes.n;
    s->n++;
    return true;
}

static enum ol_err one_step(struct side *s, struct ol_event *ev)
{
    enum ol_err err = ol_line_step(s->line, ev, now_ns, &fx);

    carry(s);
    return err;
}

/* What a step still wants, at once. */
static enum ol_err step(struct side *s, struct ol_event *ev)
{
    static struct shelf shelf;
    enum ol_err err = one_step(s, ev);

    while (s->more || s->n_loads > 0) {
        struct ol_event next = {.kind = OL_EV_TICK};
        struct ol_load load;

        if (s->n_loads > 0) {
            load = s->loads[0];
            memmove(s->loads, s->loads + 1,
                    --s->n_loads * sizeof(s->loads[0]));
            shelf.n = 0;
            shelf.used = 0;
            if (load.kind != OL_LOAD_RECORDS ||
                s->ledger->ops->log(s->ledger, s->line_no, load.author,
                                    load.prec, load.index, load.max_records,
                                    load.max_bytes, shelve, &shelf) != OL_OK)
                give_up("a load that cannot be answered");
            next.kind = OL_EV_LOADED;
            next.token = load.token;
            next.loaded = shelf.v;
            next.n_loaded = shelf.n;
        }
        (void)one_step(s, &next);
    }
    return err;
}

/* ---- what is said ------------------------------------------------------- */

static const char words[] =
    "We have your vessel on the northern approach, course two one zero, "
    "speed eight knots. Our patrol keeps two miles. Please confirm that it "
    "stays outside the line that both of us have agreed upon on Tuesday.";

static void refer(struct ol_record *r, uint8_t rel, uint64_t number)
{
    r->refs[0] = (struct ol_ref){.rel = rel, .number = number};
    r->n_refs = 1;
}

/* Of ten records six are messages and asks, one answers, three are receipts;
 * without anything to answer or to have read, a message again. */
static void compose(struct side *s, struct ol_record *r, uint8_t id[16])
{
    unsigned turn = s->said % 10;
    uint64_t ask;

    s->asks += s->asks % UNANSWERED == UNANSWERED - 1;
    ask = s->asks * 10 + 1;
    *r = (struct ol_record){.prec = OL_ROUTINE, .kind = OL_KIND_MESSAGE,
                            .written_ms = at_ms(s)};
    if (s->said % 50 == 7)
        r->prec = OL_PRIORITY;
    ol_id_new(id, at_ms(s));
    r->id = OL_SPAN(id, OL_ID_SIZE);
    r->text = OL_SPAN(words, 200);
    if (turn == 0) {
        r->kind = OL_KIND_ASK;
        r->subject = ol_span_str("the vessel");
        r->deadline_ms = at_ms(s) + 3600 * 1000;
    } else if (turn / 2 == 2 && ask <= s->last) {
        r->kind = OL_KIND_ANSWER;
        refer(r, OL_REL_ANSWERS, ask);
        s->asks++;
    } else if (turn == 9 ? s->heard > 0 : turn >= 7 && s->heard < s->last) {
        r->kind = OL_KIND_RECEIPT;
        r->text = OL_SPAN(NULL, 0);
        s->heard += turn < 9;
        refer(r, turn < 9 ? OL_REL_READ : OL_REL_UNDERSTOOD, s->heard);
    }
}

static uint32_t waiting(const struct side *s)
{
    struct ol_line_status status;
    uint32_t n = 0;

    ol_line_status(s->line, now_ns, &status);
    for (unsigned p = 0; p < OL_PRECS; p++)
        n += status.queue[p];
    return n;
}

static bool say(struct side *s, uint32_t upto)
{
    static uint64_t token;
    uint32_t room = waiting(s);
    bool any = false;

    room = room < AHEAD ? AHEAD - room : 0;
    while (s->said < upto && room-- > 0 && s->in_queue < BATCHES) {
        struct ol_record rec;
        uint8_t id[OL_ID_SIZE];
        struct ol_event ev = {.kind = OL_EV_SUBMIT, .record = &rec};
        uint64_t asks = s->asks, heard = s->heard;
        enum ol_err err;

        compose(s, &rec, id);
        ev.token = ++token;
        err = step(s, &ev);
        if (err == OL_ERR_AGAIN) {
            s->asks = asks;
            s->heard = heard;
            break;
        }
        if (err != OL_OK)
            give_up("a record is refused: %s", ol_err_info(err)->text);
        s->said++; /* which is its number too */
        any = true;
    }
    return any;
}

/* ---- rounds ------------------------------------------------------------- */

static bool committed(struct side *s)
{
    struct ol_ledger_done done;
    bool any = false;

    while (s->ledger->ops->done(s->ledger, &done)) {
        struct ol_event ev = {.kind = OL_EV_COMMITTED, .token = done.token};

        if (done.err != OL_OK)
            give_up("a commit failed: %s", s->ledger->why);
        s->in_queue--;
        (void)step(s, &ev);
        any = true;
    }
    return any;
}

static bool receive(struct side *s)
{
    bool any = s->n > 0;

    for (unsigned n = s->n; n > 0 && s->in_queue < BATCHES; n--) {
        struct packet *p = &s->packets[s->head];
        struct ol_event ev = {.kind = OL_EV_FRAME, .channel = 0,
                              .bytes = OL_SPAN(p->bytes, p->n)};

        s->head = (s->head + 1) % QUEUED;
        s->n--;
        (void)step(s, &ev);
    }
    return any;
}

static void tick(struct side *s)
{
    static uint64_t fresh_ns;
    uint8_t seed[32];
    struct ol_event ev = {.kind = OL_EV_TICK};

    if (now_ns >= fresh_ns) {
        fresh_ns = now_ns + 30 * OL_NS_PER_S;
        ol_os_random(seed, sizeof(seed));
        ev.fresh = seed;
    }
    (void)step(s, &ev);
}

/* False: all is said and held. */
static bool round_of(uint32_t each)
{
    bool any = false, open = false;

    for (unsigned k = 0; k < 2; k++) {
        struct side *s = &sides[k];

        any |= committed(s);
        any |= receive(s);
        any |= say(s, each);
        if (now_ns >= s->wake_ns)
            tick(s);
        open |= s->said < each || s->in_queue > 0 || waiting(s) > 0;
    }
    now_ns += OL_NS_PER_MS;
    if (!any)
        sched_yield();
    return open;
}

/* ---- beginning and end -------------------------------------------------- */

static void open_side(struct side *s, const char *dir)
{
    char path[OL_PATH_MAX], why[OL_WHY_MAX] = "";
    struct ol_station *st = calloc(1, sizeof(*st));
    struct ol_conf_line conf;
    char names[2][33];

    OL_CHECK(st != NULL);
    snprintf(path, sizeof(path), "%s/lines.d", dir);
    if (ol_folder_list(path, ".conf", names, 2) != 1)
        give_up("%s: it must have one line", path);
    if (ol_keys_open(dir, &s->keys, why) != OL_EXIT_OK ||
        ol_conf_station_read(dir, &st->conf, why) != OL_EXIT_OK ||
        ol_conf_line_read(dir, names[0], &conf, why) != OL_EXIT_OK ||
        ol_pair_load(dir, s->keys, &st->conf, &conf, &s->pair,
                     why) != OL_EXIT_OK)
        give_up("%s", why);
    free(st);
    snprintf(path, sizeof(path), "%s/ledger.db", dir);
    if (ol_sqlite_open(&s->ledger, path, s->keys->storage, NULL, NULL, why) !=
        OL_OK)
        give_up("%s", why);
    /* Before the first commit, so its thread waits. */
    OL_CHECK(sqlite3_exec(((struct ol_sqlite *)s->ledger)->writer.db,
                          "PRAGMA synchronous=OFF", NULL, NULL, NULL) ==
             SQLITE_OK);
    if (s->ledger->ops->line(s->ledger, s->pair.shared.line_id, names[0],
                             &s->line_no) != OL_OK)
        give_up("%s", s->ledger->why);
    s->packets = malloc(QUEUED * sizeof(*s->packets));
    OL_CHECK(s->packets != NULL);
}

static void start_side(struct side *s)
{
    struct ol_conf conf = {.identity = &s->keys->id, .n_channels = 1,
                           .probe_ns = 20 * OL_NS_PER_S,
                           .hold_ns = 60 * OL_NS_PER_S,
                           .channels = {{.name = "memory",
                                         .kind = OL_CHAN_STREAM,
                                         .dials = true,
                                         .mtu = OL_FRAME_MAX}}};
    struct ol_chan up = {.up = true, .room_bytes = UINT32_MAX};
    uint8_t fresh[32];
    struct ol_event ev = {.kind = OL_EV_START, .fresh = fresh};
    void *mem = mmap(NULL, ol_line_size(), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    OL_CHECK(mem != MAP_FAILED);
    memcpy(conf.peer_ed_pk, s->pair.peer.ed_pk, 32);
    memcpy(conf.peer_x_pk, s->pair.peer.x_pk, 32);
    memcpy(conf.own_share, s->pair.own_share, 32);
    memcpy(conf.peer_share, s->pair.peer.share, 32);
    ol_os_random(conf.boot, sizeof(conf.boot));
    ol_os_random(conf.seed, sizeof(conf.seed));
    ol_os_random(fresh, sizeof(fresh));
    if (s->ledger->ops->snapshot(s->ledger, s->line_no, &conf.snapshot) !=
            OL_OK ||
        ol_line_init(&s->line, mem, &conf) != OL_OK)
        give_up("a line does not load: %s", s->ledger->why);
    if (conf.snapshot.number != 0)
        give_up("there is a past already: give new stations");
    s->ledger->ops->snapshot_free(s->ledger, &conf.snapshot);
    (void)step(s, &ev);
    ev = (struct ol_event){.kind = OL_EV_CHANNEL, .channel = 0, .chan = &up};
    (void)step(s, &ev);
}

int main(int argc, char **argv)
{
    uint64_t start_ms = wall_ms(), moved_ns = 0;
    uint32_t each, before = 0;

    if (argc != 4 || (each = (uint32_t)strtoul(argv[3], NULL, 10) / 2) == 0) {
        fputs("usage: fill NORTH SOUTH RECORDS\n", stderr);
        return 2;
    }
    OL_CHECK(ol_crypto_init() == OL_OK);
    began_ms = start_ms - YEAR_MS;
    step_ms = YEAR_MS / each;
    for (unsigned k = 0; k < 2; k++)
        open_side(&sides[k], argv[1 + k]);
    for (unsigned k = 0; k < 2; k++)
        start_side(&sides[k]);
    while (round_of(each)) {
        uint32_t held = sides[0].said - waiting(&sides[0]) +
                        sides[1].said - waiting(&sides[1]);

        if (held != before)
            moved_ns = now_ns;
        before = held;
        if (now_ns - moved_ns > 3600 * OL_NS_PER_S)
            give_up("nothing moves any more");
    }
    for (unsigned k = 0; k < 2; k++) {
        ol_line_fini(sides[k].line);
        sides[k].ledger->ops->close(sides[k].ledger);
        ol_keys_close(sides[k].keys);
    }
    printf("%u records each, %.1f s\n", each * 2,
           (double)(wall_ms() - start_ms) / 1000);
    return 0;
}
