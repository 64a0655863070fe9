/*
 * The bridge between a line's core and the world: an event in, effects out.
 *
 * A step's effects are carried out in their order: puts go to the ledger as
 * one batch, sends to their bearers, notes to whoever waits for them. Loads
 * are answered once the step is over, and while the core wants more it is
 * ticked with the same time. A core that wants ever more is continued in the
 * next turn of the loop, so that no line starves the others.
 */
#include "station/station.h"

#include <string.h>

#include "base/check.h"
#include "crypto/crypto.h"
#include "station/alarms.h"
#include "station/clock.h"
#include "station/json.h"
#include "station/log.h"
#include "station/presence.h"
#include "station/standing.h"
#include "wire/record.h"

#define STEPS_PER_TURN 64u
#define RARELY_NS (60 * OL_NS_PER_S)

/* A tick or a load holds nothing of a peer's that could be wrong. */
static enum ol_err step(struct ol_station_line *line, struct ol_event *ev,
                        uint64_t now_ns)
{
    ev->full = line->st->disk_full;
    return ol_line_step(line->core, ev, now_ns, &line->st->fx);
}

/* Effects. */

/* What a person at the log may want to know. */
static void log_event(struct ol_station_line *line, const struct ol_put *put)
{
    const char *peer = line->conf.peer;

    switch (put->what) {
    case OL_WHAT_LINE:
        ol_history_look(line);
        ol_standing_changed(line);
        ol_log(OL_LOG_NOTE, "line %s: %s", peer, put->detail);
        break;
    case OL_WHAT_CHANNEL:
        ol_history_look(line);
        ol_standing_changed(line);
        if (put->channel < line->conf.n_channels)
            ol_log(OL_LOG_NOTE, "line %s: channel %s: %s", peer,
                   line->names[put->channel], put->detail);
        break;
    case OL_WHAT_BLACKOUT:
    case OL_WHAT_RESTORED:
        ol_log(OL_LOG_NOTE, "line %s: %s", peer, ol_what_name(put->what));
        break;
    default:
        break;
    }
}

/* The engine's word for a line, or what stands in its place. */
static const char *stated(const struct ol_station_line *line,
                          const char *word)
{
    static const enum ol_line_state up[] = {OL_LINE_OPEN,
                                            OL_LINE_LAST_CHANNEL};

    for (unsigned k = 0; k < OL_LEN(up); k++)
        if (strcmp(word, ol_line_state_name(up[k])) == 0)
            return ol_line_state_name(ol_stance_over(line, up[k]));
    return word;
}

static void commit(struct ol_station_line *line, const struct ol_effects *fx)
{
    struct ol_station *st = line->st;
    struct ol_batch batch = {.token = fx->batch, .puts = st->puts};

    for (unsigned k = 0; k < fx->count; k++) {
        const struct ol_put *put = &fx->v[k].put;

        if (fx->v[k].kind != OL_FX_PUT)
            continue;
        if (put->kind == OL_PUT_EVENT && put->what == OL_WHAT_ALARM) {
            ol_alarm_core(line, put->detail); /* has an event of its own */
            continue;
        }
        if (put->kind == OL_PUT_EVENT)
            log_event(line, put);
        if (put->kind == OL_PUT_EVENT && put->what == OL_WHAT_ARRIVED) {
            line->files.look_batch = fx->batch;
            ol_presence_arrival(st);
        }
        ol_stance_put(line, put, fx->batch);
        st->puts[batch.n_puts] = *put;
        if (put->kind == OL_PUT_EVENT)
            ol_dark_event(line, &st->puts[batch.n_puts], &batch);
        if (put->kind == OL_PUT_EVENT && put->what == OL_WHAT_LINE)
            st->puts[batch.n_puts].detail = stated(line, put->detail);
        batch.n_puts++;
    }
    /* An alarm above may have handed in a batch of its own; this one's number
     * is known only now. */
    for (unsigned k = 0; k < batch.n_puts; k++)
        ol_effective_put(line, &batch.puts[k]);
    if (batch.n_puts > 0 || fx->batch != 0)
        (void)ol_disk_commit(line, &batch, NULL, NULL);
    ol_dark_handed(line);
}

static void on_send(struct ol_station_line *line, const struct ol_effect *fx)
{
    if (fx->send.channel == OL_CHANNEL_FILE)
        ol_export_bundle(line, &fx->send);
    else
        ol_bearers_send(line, &fx->send);
}

static void on_load(struct ol_station_line *line, const struct ol_effect *fx)
{
    OL_CHECK(line->n_loads < OL_FX_MAX);
    line->loads[line->n_loads++] = fx->load;
}

/* Somebody who is not quite who the cards say, or damage that looks alike. */
static void suspect(struct ol_station_line *line, enum ol_note_kind kind)
{
    const char *peer = line->conf.peer;

    switch (kind) {
    case OL_NOTE_WRONG_SHARE:
        ol_log_rarely(&line->said_share_ns, RARELY_NS,
                      "line %s: it knocked with a card that does not match "
                      "ours, or its knock was garbled on the way: if one "
                      "side has renewed its card, exchange cards again and "
                      "compare the safety number", peer);
        break;
    case OL_NOTE_WRONG_IDENTITY:
        ol_log_rarely(&line->said_identity_ns, RARELY_NS,
                      "line %s: a knock came with another identity than the "
                      "one on its card: ask by voice whether its station is "
                      "new", peer);
        break;
    case OL_NOTE_SECOND:
        ol_log_rarely(&line->said_second_ns, RARELY_NS,
                      "line %s: somebody else knocks with this station's keys: "
                      "a second copy of it runs, or this is an old one; if "
                      "none of yours is, the keys are stolen", peer);
        break;
    case OL_NOTE_PEER_SECOND:
        ol_log_rarely(&line->said_second_ns, RARELY_NS,
                      "line %s: two copies of its station knock, or an old one "
                      "was put back: ask by voice which one is theirs", peer);
        break;
    default:
        break;
    }
}

/* What a peer can cause at will fills no log: once a minute, each kind and
 * each log of records. */
static bool told(struct ol_station_line *line, const struct ol_note *n)
{
    uint64_t *last = &line->said_note_ns[n->kind][n->prec % OL_PRECS];
    uint64_t now = ol_clock_ns();

    if (*last != 0 && now - *last < RARELY_NS)
        return true;
    *last = now;
    return false;
}

/* What befell the conversation of bundles. */
static void on_bundle_note(struct ol_station_line *line,
                           const struct ol_note *n)
{
    const char *peer = line->conf.peer;

    if ((n->kind == OL_NOTE_CARD_ONLY || n->kind == OL_NOTE_PREKEY) &&
        told(line, n))
        return;
    if (n->kind == OL_NOTE_CARD_ONLY)
        ol_log(OL_LOG_NOTE, "line %s: bundles go to the key on the peer's "
               "card until it has said which prekey it has: no forward "
               "secrecy by pouch for now", peer);
    else if (n->kind == OL_NOTE_PREKEY)
        ol_log(OL_LOG_NOTE, "line %s: bundles go to a prekey of the peer "
               "again: forward secrecy by pouch is back", peer);
    else if (n->index != 0)
        ol_log_rarely(&line->said_prekey_ns, RARELY_NS,
                      "line %s: a bundle is sealed to a prekey that is not "
                      "here: erased after its time, or this station was "
                      "restored from a copy; our next bundle tells the peer, "
                      "which says it again", peer);
    else
        ol_log_rarely(&line->said_bundle_ns, RARELY_NS,
                      "line %s: a bundle does not open: it is damaged, or "
                      "made with an older card; ask for another", peer);
}

/* How the record of both sides stands. */
static void on_record_note(struct ol_station_line *line,
                           const struct ol_note *n)
{
    const char *peer = line->conf.peer;

    if (told(line, n))
        return;
    if (n->kind == OL_NOTE_ROLLED_BACK)
        ol_log(OL_LOG_NOTE, "line %s: the peer holds less than it once did: "
               "its station was restored; it is sent again", peer);
    else if (n->kind == OL_NOTE_LOST)
        ol_log(OL_LOG_FAULT, "line %s: this ledger is an old copy: the other "
               "side holds %s messages of ours from the %u. on; they are "
               "asked back", peer, ol_json_prec(n->prec), n->index);
    else if (n->kind == OL_NOTE_PROVED)
        ol_log(OL_LOG_NOTE, "line %s: our record is as the other side holds "
               "it: what was said meanwhile goes out", peer);
    else if (n->kind == OL_NOTE_PEER_LOST)
        ol_log(OL_LOG_NOTE, "line %s: the other side's station was restored "
               "from a copy: it gets its %s messages back from us", peer,
               ol_json_prec(n->prec));
    else
        ol_log(OL_LOG_FAULT, "line %s: the record of both sides differs at "
               "%u: keep both ledgers, run 'openline audit' on both sides",
               peer, n->index);
}

static void on_note(struct ol_station_line *line, const struct ol_effect *fx)
{
    const struct ol_note *n = &fx->note;

    switch (n->kind) {
    case OL_NOTE_TAKEN:
        if (!ol_checks_taken(line, n->token) &&
            !ol_reflex_taken(line, n->token))
            ol_submit_taken(line, n);
        break;
    case OL_NOTE_EXPORTED:
        ol_export_done(line, n);
        break;
    case OL_NOTE_IMPORTED:
        ol_courier_imported(line, n);
        break;
    case OL_NOTE_WRONG_SHARE:
    case OL_NOTE_WRONG_IDENTITY:
    case OL_NOTE_SECOND:
    case OL_NOTE_PEER_SECOND:
        suspect(line, n->kind);
        break;
    case OL_NOTE_UNOPENED:
    case OL_NOTE_CARD_ONLY:
    case OL_NOTE_PREKEY:
        on_bundle_note(line, n);
        break;
    case OL_NOTE_ROOT:
    case OL_NOTE_CHECKPOINT:
    case OL_NOTE_ROLLED_BACK:
    case OL_NOTE_LOST:
    case OL_NOTE_PROVED:
    case OL_NOTE_PEER_LOST:
        on_record_note(line, n);
        if (n->kind == OL_NOTE_PROVED)
            ol_waiting_proved(line);
        break;
    case OL_NOTE_RESET:
        ol_bearers_doubt(line, n->channel);
        break;
    case OL_NOTE_PULL:
    case OL_NOTE_PULLED:
    case OL_NOTE_OFFERED:
    case OL_NOTE_NOTED:
        ol_fetch_note(line, n);
        break;
    case OL_NOTE_SERVED:
        ol_serve_note(line, n);
        break;
    case OL_NOTE_EPOCH:
    case OL_NOTE_BEHIND:
        ol_log(OL_LOG_DEBUG, "line %s: %s", line->conf.peer,
               n->kind == OL_NOTE_EPOCH ? "a new epoch" : "behind");
        break;
    case OL_NOTE_KINDS:
        break;
    }
}

static bool is_taken(const struct ol_effect *fx)
{
    return fx->kind == OL_FX_NOTE && fx->note.kind == OL_NOTE_TAKEN;
}

static void carry(struct ol_station_line *line)
{
    const struct ol_effects *fx = &line->st->fx;
    static void (*const carrier[])(struct ol_station_line *,
                                   const struct ol_effect *) = {
        [OL_FX_SEND] = on_send, [OL_FX_LOAD] = on_load,
        [OL_FX_NOTE] = on_note,
    };

    line->wake_ns = fx->wake_ns;
    line->more = fx->more;
    commit(line, fx);
    /* Who said it hears that it was taken when it is on its way: writing the
     * answer takes as long as sending. */
    for (unsigned k = 0; k < fx->count; k++)
        if (fx->v[k].kind != OL_FX_PUT && !is_taken(&fx->v[k]))
            carrier[fx->v[k].kind](line, &fx->v[k]);
    for (unsigned k = 0; k < fx->count; k++)
        if (is_taken(&fx->v[k]))
            on_note(line, &fx->v[k]);
}

/* Loads. */

struct shelf {
    struct ol_loaded v[OL_LOAD_MAX];
    unsigned n;
    size_t used;
    uint8_t bytes[OL_LOAD_BYTES + OL_RECORD_MAX];
};

static bool shelve(void *arg, const struct ol_row *row)
{
    struct shelf *s = arg;
    struct ol_loaded *l = &s->v[s->n];

    if (s->n == OL_LOAD_MAX || s->used + row->bytes.n > sizeof(s->bytes))
        return false;
    memcpy(s->bytes + s->used, row->bytes.p, row->bytes.n);
    l->index = row->index;
    memcpy(l->leaf, row->leaf, sizeof(l->leaf));
    memcpy(l->root, row->root, sizeof(l->root));
    l->bytes = OL_SPAN(s->bytes + s->used, row->bytes.n);
    s->used += row->bytes.n;
    s->n++;
    return true;
}

/* The ledger cannot give what it holds: this line stops, the others go on. It
 * is tried again now and then, for the disk may only have failed to read. */
static void unreadable(struct ol_station_line *line, enum ol_err err)
{
    const char *said = line->st->ledger->why;

    ol_text_put(line->why, sizeof(line->why), "its ledger cannot be read: %s",
                said[0] ? said : ol_err_info(err)->text);
    ol_log_rarely(&line->said_disk_ns, RARELY_NS, "line %s: %s",
                  line->conf.peer, line->why);
    line->phase = OL_PHASE_DOOMED;
    line->retry_ns = ol_clock_ns() + RARELY_NS;
}

static enum ol_err load_records(struct ol_station_line *line,
                                const struct ol_load *load,
                                struct shelf *shelf, struct ol_event *ev)
{
    struct ol_ledger *lg = line->st->ledger;
    enum ol_err err;

    err = lg->ops->log(lg, line->ledger_id, load->author, load->prec,
                       load->index, OL_MIN(load->max_records, OL_LOAD_MAX),
                       OL_MIN(load->max_bytes, OL_LOAD_BYTES), shelve, shelf);
    ev->kind = OL_EV_LOADED;
    ev->token = load->token;
    ev->loaded = shelf->v;
    ev->n_loaded = shelf->n;
    return err;
}

static void answer_load(struct ol_station_line *line, uint64_t now_ns)
{
    static struct shelf shelf; /* 80 KiB; one thread */
    struct ol_load load = line->loads[0];
    struct ol_event ev = {.kind = OL_EV_TICK};
    enum ol_err err = OL_OK;

    line->n_loads--;
    memmove(line->loads, line->loads + 1,
            line->n_loads * sizeof(line->loads[0]));
    shelf.n = 0;
    shelf.used = 0;
    if (load.kind == OL_LOAD_RECORDS)
        err = load_records(line, &load, &shelf, &ev);
    else
        ol_serve_load(line, &load, &ev);
    if (err != OL_OK) {
        unreadable(line, err);
        return;
    }
    (void)step(line, &ev, now_ns);
    carry(line);
    ol_wipe(shelf.bytes, shelf.used);
}

/* The driver. */

static bool lives(const struct ol_station_line *line)
{
    return line->core != NULL && (line->phase == OL_PHASE_RUN ||
                                  line->phase == OL_PHASE_DRAIN);
}

static enum ol_err drive(struct ol_station_line *line, struct ol_event *ev)
{
    const uint64_t now_ns = ol_clock_ns();
    struct ol_event tick = {.kind = OL_EV_TICK};
    enum ol_err err;

    err = step(line, ev, now_ns);
    if (line->submitted != NULL)
        *line->submitted = line->st->fx.taken;
    line->submitted = NULL;
    carry(line);
    for (unsigned k = 0; k < STEPS_PER_TURN && lives(line); k++) {
        if (line->n_loads > 0) {
            answer_load(line, now_ns);
        } else if (line->more) {
            (void)step(line, &tick, now_ns);
            carry(line);
        } else {
            return err;
        }
    }
    line->wake_ns = 0; /* it goes on in the next turn */
    return err;
}

enum ol_err ol_station_step(struct ol_station_line *line, struct ol_event *ev)
{
    /* A line that is drained hears only of its commits. */
    if (!lives(line) || (line->phase == OL_PHASE_DRAIN &&
                         ev->kind != OL_EV_COMMITTED))
        return OL_ERR_DOWN;
    return drive(line, ev);
}

enum ol_err ol_station_submit(struct ol_station_line *line,
                              struct ol_event *ev, unsigned *n)
{
    *n = 0;
    if (!lives(line) || line->phase == OL_PHASE_DRAIN)
        return OL_ERR_DOWN;
    line->submitted = n;
    return drive(line, ev);
}

void ol_station_tick(struct ol_station_line *line, const uint8_t *fresh)
{
    struct ol_event ev = {.kind = OL_EV_TICK, .fresh = fresh};

    if (line->phase == OL_PHASE_RUN && line->core != NULL)
        (void)drive(line, &ev);
}
