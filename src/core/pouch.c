/*
 * Bundles: the line's conversation for channels without a round trip.
 *
 *   NONE --trigger--> RESERVE --committed--> READ <--> BUILD --end--> NONE
 *                     a run of numbers      LOAD      LOADED
 *
 * A bundle is a fresh one-way Kpsk0 to a prekey of the peer (prekey.c), behind
 * an envelope under a PSK key; it carries what we hold, our checkpoints and
 * whole records from a cursor over the ledger, outside the live window. One
 * file is made at a time. A folder gets one when the line has nothing live and
 * something new is to be said, and again after a day without an answer; an
 * export writes all that the peer does not hold, whatever earlier bundles
 * carried.
 * What comes in is idempotent, so late, doubled and reordered files need no
 * thought; a damaged bundle does not open and says nothing. Only the numbers
 * tell which of two bundles is newer, so they ascend also over a ledger that
 * was put back from an old copy (overtake).
 * Source: doc/protocol.md 3.
 */
#include "core/restore.h"

#include <string.h>

#define NUMBERS 1024u /* reserved at a time */
#define PROLOGUE "openline pouch 1"
#define PROLOGUE_MAX 80u

/* Binds the envelope to what it envelops. */
static struct ol_span prologue(const struct ol_line *l,
                               const uint8_t env[OL_ENVELOPE_PLAIN],
                               uint8_t out[PROLOGUE_MAX])
{
    struct ol_writer w;

    ol_writer_init(&w, out, PROLOGUE_MAX);
    ol_write_bytes(&w, ol_span_str(PROLOGUE));
    ol_write_bytes(&w, OL_SPAN_ARRAY(l->shared.line_id));
    ol_write_bytes(&w, OL_SPAN(env, OL_ENVELOPE_PLAIN));
    OL_CHECK(!w.failed);
    return ol_writer_span(&w);
}

/* ---- out ---------------------------------------------------------------- */

/* The cursor: first what is given back, then what is our own. */
static uint32_t *next_of(struct ol_job *j)
{
    return j->back ? &j->back_next[j->prec] : &j->next[j->prec];
}

static uint32_t end_of(const struct ol_job *j)
{
    return j->back ? j->back_end[j->prec] : j->end[j->prec];
}

static void next_load(struct ol_line *l)
{
    struct ol_job *j = &l->job;
    struct ol_load *load;

    j->load = ++l->next_token * OL_PRECS + j->prec;
    load = &ol_fx_add(l, OL_FX_LOAD)->load;
    load->token = j->load;
    load->author = j->back ? OL_PEER : OL_OWN;
    load->prec = j->prec;
    load->index = *next_of(j);
    load->max_records = OL_MIN(OL_LOAD_MAX, end_of(j) - *next_of(j) + 1);
    load->max_bytes = (uint32_t)(OL_PLAIN_MAX - j->n);
    j->state = OL_JOB_READ;
}

/* HELD and checkpoints stand first in every bundle: each may be the only one
 * that arrives. */
static void write_head(struct ol_line *l)
{
    struct ol_job *j = &l->job;
    struct ol_writer w;
    struct ol_held h;
    uint32_t serial;

    ol_writer_init(&w, j->plain, sizeof(j->plain));
    ol_recv_holding(l, OL_HELD_ALL, &h);
    (void)ol_held_encode(&w, &h);
    ol_restore_write(l, &w);
    ol_give_write(l, &w);
    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_out_log *o = &l->out[p];
        if (o->cp_durable > 0 && o->cp_durable == o->cp.size &&
            o->back.state == OL_BACK_SOUND)
            (void)ol_checkpoint_encode(&w, OL_CHUNK_CHECKPOINT, &o->cp);
    }
    ol_pull_ask(l, &w, true, &serial);
    if (j->bundles == 0)
        ol_pull_tell(l, &w, true);
    ol_push_answers(l, &w);
    OL_CHECK(!w.failed);
    j->n = w.n;
    j->head_done = true;
}

/* Seals what the job has and hands it out. */
static enum ol_err seal(struct ol_line *l, bool last)
{
    struct ol_job *j = &l->job;
    struct ol_envelope env = {.number = j->number, .seen = j->seen};
    uint8_t plain[OL_ENVELOPE_PLAIN], nonce[OL_SEALED_NONCE];
    uint8_t pro[PROLOGUE_MAX];
    uint8_t e_sk[32];
    size_t n = OL_BUNDLE_OVER + j->n;
    uint8_t *out = ol_fx_bytes(l, n);
    struct ol_writer w;
    struct ol_send *s;
    const uint8_t *pk;
    enum ol_err err;

    env.prekey = ol_prekey_to(l, &pk);
    memcpy(env.heard, j->heard, sizeof(env.heard));
    ol_writer_init(&w, plain, sizeof(plain));
    ol_envelope_encode(&w, &env);
    ol_rng_fill(&l->rng, nonce, sizeof(nonce));
    ol_wrap_seal(out, &l->wrap, OL_PACKET_BUNDLE, nonce, ol_writer_span(&w));
    ol_rng_fill(&l->rng, e_sk, sizeof(e_sk));
    err = ol_noise_k_seal(prologue(l, plain, pro), l->id.x_sk, l->id.x_pk,
                          pk, l->shared.psk, e_sk,
                          OL_SPAN(j->plain, j->n), out + OL_ENVELOPE);
    ol_wipe(e_sk, sizeof(e_sk));
    if (err != OL_OK)
        return err;
    s = &ol_fx_add(l, OL_FX_SEND)->send;
    s->channel = j->channel;
    s->bytes = OL_SPAN(out, n);
    s->last = last;
    s->token = j->token;
    j->number++;
    j->bundles++;
    j->head_done = false;
    j->n = 0;
    if (j->channel < l->n_ch) {
        l->ch[j->channel].frames_sent++;
        l->ch[j->channel].bytes_sent += n;
    }
    return OL_OK;
}

static bool cursor_done(struct ol_job *j)
{
    for (;;) {
        while (j->prec < OL_PRECS && *next_of(j) > end_of(j))
            j->prec++;
        if (j->prec < OL_PRECS || !j->back)
            return j->prec == OL_PRECS;
        j->back = false;
        j->prec = 0;
    }
}

static void end_job(struct ol_line *l)
{
    struct ol_job *j = &l->job;
    struct ol_note *n;

    if (j->channel == OL_CHANNEL_FILE) {
        n = &ol_fx_add(l, OL_FX_NOTE)->note;
        n->kind = OL_NOTE_EXPORTED;
        n->channel = OL_CHANNEL_FILE;
        n->token = j->token;
        n->index = j->bundles;
        n->size = j->unsent;
    } else {
        struct ol_lchan *ch = &l->ch[j->channel];
        for (unsigned p = 0; p < OL_PRECS && !j->stale; p++)
            ch->bundled[p] = OL_MAX(ch->bundled[p], j->end[p]);
        if (j->records)
            ch->bundle_ns = l->now_ns;
        ol_pouch_files_end(l, j);
    }
    for (unsigned p = 0; p < OL_PRECS; p++)
        if (j->giving & (1u << p))
            ol_give_bundled(l, p);
    j->state = OL_JOB_NONE;
    ol_wipe(j->plain, sizeof(j->plain));
    ol_wipe(j->here, j->here_n);
}

/* Seals and hands out; false: there is no more to do now. */
static bool next_bundle(struct ol_line *l, bool done)
{
    struct ol_job *j = &l->job;

    if (!j->head_done)
        write_head(l);
    if (seal(l, done) != OL_OK) {
        /* Only a peer's impossible key gets here; init refuses those. */
        j->state = OL_JOB_NONE;
        return false;
    }
    j->full = false;
    if (done)
        end_job(l);
    return !done;
}

/* Goes on with the file: another page or piece, another bundle, the end. */
void ol_pouch_build(struct ol_line *l)
{
    struct ol_job *j = &l->job;

    j->state = OL_JOB_BUILD;
    while (j->state == OL_JOB_BUILD) {
        bool records, done;
        if (!ol_fx_room(l, 3, OL_BUNDLE_MAX))
            return;
        if (j->number == j->number_end) {
            j->state = OL_JOB_RESERVE;
            j->batch = 0;
            return;
        }
        records = !cursor_done(j);
        done = !records && j->files_done;
        if ((j->full || done) && !next_bundle(l, done))
            return;
        if (!j->head_done)
            write_head(l);
        if (records)
            next_load(l);
        else if (!j->files_done)
            j->full = ol_pouch_files(l);
    }
}

bool ol_pouch_loaded(struct ol_line *l, const struct ol_event *ev)
{
    struct ol_job *j = &l->job;
    size_t before = j->n;
    struct ol_writer w;
    bool full = false;

    if (j->state != OL_JOB_READ || ev->token != j->load)
        return false;
    ol_writer_init(&w, j->plain, sizeof(j->plain));
    w.n = j->n;
    for (uint32_t i = 0; i < ev->n_loaded; i++) {
        const struct ol_loaded *r = &ev->loaded[i];
        struct ol_segment s = {.prec = j->prec,
                               .codec = OL_CODEC_RAW,
                               .last = true,
                               .index = r->index,
                               .bytes = r->bytes};
        /* Of the peer's, some places are held by nobody. */
        if ((j->back ? r->index < *next_of(j) || r->index > end_of(j)
                     : r->index != *next_of(j)) ||
            r->bytes.n == 0 || r->bytes.n > OL_RECORD_MAX)
            break;
        full = j->back ? !ol_return_encode(&w, &s)
                       : !ol_segment_encode(&w, &s);
        if (full)
            break;
        *next_of(j) = r->index + 1;
        j->records |= !j->back;
        if (!j->back)
            ol_fx_sent(l, j->channel, j->prec, r->index);
    }
    j->n = w.n;
    /* A page that gave nothing new would be asked for without end. */
    if (ev->n_loaded == 0 || (j->back && j->n == before && !full))
        *next_of(j) = end_of(j) + 1;
    j->full = full || j->n + OL_RECORD_MAX > sizeof(j->plain);
    ol_pouch_build(l);
    return true;
}

static void start(struct ol_line *l, uint16_t channel, uint64_t token)
{
    struct ol_job *j = &l->job;

    memset(j, 0, offsetof(struct ol_job, plain));
    j->channel = channel;
    j->token = token;
    j->state = OL_JOB_RESERVE;
    for (unsigned p = 0; p < OL_PRECS; p++) {
        uint32_t from = l->out[p].acked;
        if (channel < OL_CHANNELS_MAX)
            from = OL_MAX(from, l->ch[channel].bundled[p]);
        j->next[p] = from + 1;
        j->end[p] = l->out[p].durable;
        /* While the peer holds what we lack, nothing of that log is said. */
        if (l->out[p].back.state != OL_BACK_SOUND)
            j->end[p] = from;
        j->back_next[p] = 1;
        if (ol_give_due(l, p, &j->back_next[p], &j->back_end[p]))
            j->giving |= (uint8_t)(1u << p);
    }
    j->back = j->giving != 0;
    ol_pouch_files_start(l, j);
}

enum ol_err ol_pouch_export(struct ol_line *l, uint64_t token)
{
    if (l->job.state != OL_JOB_NONE)
        return OL_ERR_AGAIN;
    start(l, OL_CHANNEL_FILE, token);
    return OL_OK;
}

static void reserve(struct ol_line *l)
{
    struct ol_job *j = &l->job;
    uint64_t before = l->kept.bundle_reserved;

    if (j->batch == 0) {
        l->kept.bundle_reserved += NUMBERS;
        j->batch = ol_fx_keep(l);
        if (j->batch == 0) {
            l->kept.bundle_reserved = before;
            return;
        }
        j->number = before + 1;
        j->number_end = j->number + NUMBERS;
        /* With the numbers goes what the envelopes say of the peer. */
        j->seen = l->kept.bundle_seen;
        if (l->kept.n_boots > 0)
            memcpy(j->heard, l->kept.boots[0], sizeof(j->heard));
    }
    if (j->batch <= l->committed)
        ol_pouch_build(l);
}

/* The peer has opened a number that we never gave: our ledger is an old copy.
 * What is said from here on has to be new to the peer, also when bundles of
 * the life before are still on their way to it. */
static void overtake(struct ol_line *l, uint64_t seen)
{
    struct ol_job *j = &l->job;

    if (seen <= l->kept.bundle_reserved ||
        seen - l->kept.bundle_reserved > OL_BUNDLE_JUMP)
        return;
    l->kept.bundle_reserved = seen + OL_BUNDLE_AHEAD;
    l->kept_dirty = true;
    if (j->state == OL_JOB_RESERVE)
        j->batch = 0;
    else
        j->number = j->number_end = 0;
    if (!ol_line_live(l))
        ol_prekey_doubt(l);
    ol_pouch_changed(l);
}

void ol_pouch_changed(struct ol_line *l)
{
    for (unsigned c = 0; c < l->n_ch; c++)
        l->ch[c].bundle_held = true;
}

void ol_pouch_again(struct ol_line *l)
{
    for (unsigned c = 0; c < l->n_ch; c++)
        memset(l->ch[c].bundled, 0, sizeof(l->ch[c].bundled));
    /* A file under way began behind what is owed now. */
    l->job.stale = true;
}

/* No live channel is configured, or all have been silent for the hold time. */
static bool given_up(struct ol_line *l)
{
    bool any = false;

    for (unsigned c = 0; c < l->n_ch; c++)
        any |= l->ch[c].conf.kind != OL_CHAN_POUCH && !l->ch[c].disabled;
    if (!any)
        return true;
    if (l->dark_since_ns == 0)
        return false;
    if (l->now_ns - l->dark_since_ns >= l->hold_ns)
        return true;
    ol_wake(l, l->dark_since_ns + l->hold_ns);
    return false;
}

/* A question that may have been lost on its way is asked again. */
static void ask_again(struct ol_line *l, struct ol_lchan *ch)
{
    uint64_t at = ch->bundle_held_ns + OL_BUNDLE_AGAIN_S * OL_NS_PER_S;

    if (!ol_restore_any(l) || ch->bundle_held)
        return;
    if (l->now_ns >= at)
        ch->bundle_held = true;
    else
        ol_wake(l, at);
}

/* Is it a folder's turn at all. */
static bool folder(struct ol_line *l, const struct ol_lchan *ch)
{
    if (ch->conf.kind != OL_CHAN_POUCH)
        return false;
    /* What a HELD means for a log is known when its root is compared. */
    for (unsigned p = 0; p < OL_PRECS; p++)
        if (l->out[p].behind != 0 && l->out[p].loading)
            return false;
    return !ch->disabled && ch->up && !ol_line_live(l) && given_up(l);
}

/* Does a folder want a file now. */
static bool wanted(struct ol_line *l, struct ol_lchan *ch)
{
    uint64_t pause = OL_BUNDLE_PAUSE_MS * OL_NS_PER_MS;
    uint64_t age = l->now_ns - ch->bundle_ns;
    uint64_t held_at = ch->bundle_held_ns + OL_HELD_POUCH_MS * OL_NS_PER_MS;
    bool fresh = ch->blob_more, owed = false;

    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_out_log *o = &l->out[p];
        if (o->back.state != OL_BACK_SOUND)
            continue;
        owed |= o->durable > o->acked;
        fresh |= o->durable > OL_MAX(o->acked, ch->bundled[p]);
    }
    if (ch->bundle_ns != 0 && owed && !fresh) {
        uint64_t again = OL_BUNDLE_AGAIN_S * OL_NS_PER_S;
        if (age >= again) {
            memset(ch->bundled, 0, sizeof(ch->bundled));
            fresh = true;
        } else {
            ol_wake(l, ch->bundle_ns + again);
        }
    }
    if (fresh && ch->bundle_ns != 0 && age < pause) {
        ol_wake(l, ch->bundle_ns + pause);
        fresh = false;
    }
    ask_again(l, ch);
    if (!fresh && ch->bundle_held) {
        if (ch->bundle_held_ns == 0 || l->now_ns >= held_at)
            fresh = true;
        else
            ol_wake(l, held_at);
    }
    if (fresh && ch->bundle_held) {
        ch->bundle_held = false;
        ch->bundle_held_ns = l->now_ns;
    }
    return fresh;
}

void ol_pouch_pump(struct ol_line *l)
{
    struct ol_job *j = &l->job;

    if (j->state == OL_JOB_RESERVE && ol_fx_can_put(l))
        reserve(l);
    else if (j->state == OL_JOB_BUILD)
        ol_pouch_build(l);
    /* Last, so that whatever ended just now has its next time set. */
    for (unsigned c = 0; c < l->n_ch && j->state == OL_JOB_NONE; c++) {
        if (!folder(l, &l->ch[c]))
            continue;
        if (wanted(l, &l->ch[c])) {
            start(l, (uint16_t)c, 0);
            if (ol_fx_can_put(l))
                reserve(l);
        } else {
            ol_pouch_look(l, c);
        }
    }
}

/* ---- in ----------------------------------------------------------------- */

/* The Noise message, with the key that the envelope names. */
static enum ol_err open_message(struct ol_line *l,
                                const uint8_t plain[OL_ENVELOPE_PLAIN],
                                uint32_t prekey, struct ol_span msg)
{
    const struct ol_prekey *p = ol_prekey_find(l, prekey);
    uint8_t pro[PROLOGUE_MAX];

    if (prekey != 0 && p == NULL)
        return OL_ERR_MISSING;
    return ol_noise_k_open(prologue(l, plain, pro), p ? p->sk : l->id.x_sk,
                           p ? p->pk : l->id.x_pk, l->peer.x_pk,
                           l->shared.psk, msg, l->plain);
}

/* It is the peer's and for a key that we do not have: one of us was put back
 * from an old copy. Either way the peer has to hear from us; and if it is new,
 * it is we who know too little. */
static void missing(struct ol_line *l, const struct ol_envelope *env)
{
    if (ol_line_live(l))
        return;
    if (env->number > l->kept.bundle_seen)
        ol_prekey_doubt(l);
    ol_pouch_changed(l);
}

/* Authentic: it is counted, and what is in it taken. */
static enum ol_err opened(struct ol_line *l, const struct ol_event *ev,
                          const struct ol_envelope *env, struct ol_span plain)
{
    struct ol_where at = {
        .c = ev->channel, .from = &ev->from, .seen = env->seen};
    uint32_t before = l->kept.peer_prekey;
    enum ol_err err;
    bool asks, fresh = env->number > l->kept.bundle_seen;

    /* While a channel is up, what is said there is newer. */
    at.current = fresh && !ol_line_live(l);
    if (fresh) {
        l->kept.bundle_seen = env->number;
        l->kept_dirty = true;
        /* One that somebody kept and brings again is no sign of life. */
        l->last_heard_ns = l->now_ns;
        if (ev->channel < l->n_ch)
            l->ch[ev->channel].heard_ns = l->now_ns;
    }
    ol_prekey_used(l, env->prekey);
    if (ev->channel < l->n_ch) {
        l->ch[ev->channel].frames_received++;
        l->ch[ev->channel].bytes_received += ev->bytes.n;
    }
    ol_imported_due(l, ev->channel);
    ol_pull_bundle(l, env->number);
    err = ol_chunks_take(l, plain, OL_IN_BUNDLE, &at, &asks);
    /* It has no HELD of this boot, or trusts in no prekey of ours. */
    if (fresh && (env->prekey == 0 ||
                  memcmp(env->heard, l->boot, sizeof(l->boot)) != 0))
        ol_pouch_changed(l);
    /* It has another prekey than it had, and does not trust in ours: what we
     * bundled for the old one is lost to it. */
    if (env->prekey == 0 && before != 0 && l->kept.peer_prekey != before)
        ol_pouch_again(l);
    return err;
}

enum ol_err ol_pouch_packet(struct ol_line *l, const struct ol_event *ev)
{
    uint8_t plain[OL_ENVELOPE_PLAIN];
    struct ol_envelope env;
    struct ol_span msg;
    enum ol_err err;

    if (ev->bytes.n < OL_BUNDLE_OVER)
        return OL_ERR_SHORT;
    if (!ol_wrap_ours(&l->wrap, ev->bytes))
        return ol_wrap_mine(&l->wrap, ev->bytes) ? OL_ERR_FOREIGN
                                                 : OL_ERR_STRANGER;
    if (ol_recv_busy(l) || ol_pull_busy(l))
        return OL_ERR_AGAIN;
    err = ol_wrap_open(plain, &l->wrap, OL_SPAN(ev->bytes.p, OL_ENVELOPE));
    if (err == OL_OK)
        err = ol_envelope_decode(OL_SPAN(plain, sizeof(plain)), &env);
    if (err != OL_OK) {
        ol_fx_note(l, OL_NOTE_UNOPENED, ev->channel, 0, 0);
        return err;
    }
    overtake(l, env.seen);
    msg = OL_SPAN(ev->bytes.p + OL_ENVELOPE, ev->bytes.n - OL_ENVELOPE);
    err = open_message(l, plain, env.prekey, msg);
    if (err == OL_OK)
        return opened(l, ev, &env,
                      OL_SPAN(l->plain, msg.n - OL_NOISE_K_OVER));
    ol_fx_note(l, OL_NOTE_UNOPENED, ev->channel, 0,
               err == OL_ERR_MISSING ? env.prekey : 0);
    if (err != OL_ERR_MISSING)
        return err;
    missing(l, &env);
    return OL_ERR_AUTH;
}
