/*
 * Stories of what doc/protocol.md forbids: somebody who holds back, repeats,
 * forwards and forges packets, keys at their end, words out of their turn.
 *
 * Each came from a deliberate fault in the core (tests/mutants) that nothing
 * else noticed. Whoever has the PSK may make wrappers of its own; some of
 * these stories lend it to the adversary.
 */
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "core/line_int.h"
#include "crypto/knock.h"
#include "story.h"
#include "wire/frame.h"
#include "wire/record.h"
#include "world_int.h"

/* ---- an adversary on the paths ------------------------------------------- */

static struct {
    uint8_t type;     /* of the packets that are held back, 0: none */
    unsigned ch, from;
    unsigned most, n; /* so many of them at most, and so far */
    bool lose;        /* all others of that type, too */
    size_t size[256];
    uint8_t bytes[256][OL_FRAME_MAX];
} held;

static bool hold_back(struct world *ww, unsigned ch, unsigned from,
                      const struct ol_send *s)
{
    (void)ww;
    if (s->bytes.p[0] != held.type || ch != held.ch || from != held.from)
        return false;
    if (held.n == held.most)
        return held.lose;
    held.size[held.n] = s->bytes.n;
    memcpy(held.bytes[held.n++], s->bytes.p, s->bytes.n);
    return true;
}

static void hold(uint8_t type, unsigned ch, unsigned from, unsigned most)
{
    held.type = type;
    held.ch = ch;
    held.from = from;
    held.most = most;
    held.n = 0;
    held.lose = false;
    w.lose = hold_back;
}

static enum ol_err bring_bytes(unsigned st, unsigned ch, const uint8_t *p,
                               size_t n)
{
    struct ol_event ev = {.kind = OL_EV_FRAME, .channel = (uint16_t)ch,
                          .bytes = OL_SPAN(p, n)};

    return world_step(&w, st, &ev);
}

static enum ol_err bring(unsigned st, unsigned ch, unsigned k)
{
    EXPECT(k < held.n);
    return bring_bytes(st, ch, held.bytes[k], held.size[k]);
}

static void two(void)
{
    world_init_calm(&w, 21, 2, false);
    run_for(5 * S);
    EXPECT(status(0).state == OL_LINE_OPEN);
}

static struct ol_epoch *sending(unsigned st)
{
    return ol_epoch_sending(w.st[st].line);
}

static uint64_t settle(uint64_t most_ns)
{
    uint64_t from = w.now_ns;

    do
        run_for(5 * MS);
    while (!world_settled(&w) && w.now_ns - from < most_ns);
    return w.now_ns - from;
}

/* ---- frames -------------------------------------------------------------- */

static void a_frame_counts_once_and_on_its_channel(void)
{
    struct ol_line *l;
    uint64_t before;

    two();
    l = w.st[1].line;
    hold(OL_PACKET_FRAME, 1, 0, 1);
    run_for(30 * S);
    EXPECT(held.n == 1);
    before = l->ch[1].frames_received;
    EXPECT(bring(1, 0, 0) != OL_OK); /* forwarded over the cable */
    EXPECT(l->ch[1].frames_received == before);
    EXPECT(bring(1, 1, 0) == OL_OK); /* late, and still good */
    EXPECT(l->ch[1].frames_received == before + 1);
    EXPECT(bring(1, 1, 0) != OL_OK);
    EXPECT(l->ch[1].frames_received == before + 1);
}

static void a_frame_below_the_window_is_old(void)
{
    two();
    hold(OL_PACKET_FRAME, 1, 0, 1);
    run_for(25 * S);
    EXPECT(held.n == 1);
    sending(0)->ch[1].counter += 5000;
    run_for(30 * S);
    EXPECT(bring(1, 1, 0) != OL_OK);
}

/* What does not open leaves no trace: no sign of life, no counter used up. */
static void a_frame_that_does_not_open_is_nothing(void)
{
    struct ol_line *l;
    uint64_t heard, answered;

    two();
    l = w.st[1].line;
    hold(OL_PACKET_FRAME, 1, 0, 1);
    run_for(25 * S);
    EXPECT(held.n == 1);
    run_for(S);
    heard = l->ch[1].heard_ns;
    answered = l->ch[1].answered_ns;
    held.bytes[0][held.size[0] - 1] ^= 1;
    EXPECT(bring(1, 1, 0) != OL_OK);
    EXPECT(l->ch[1].heard_ns == heard && l->ch[1].answered_ns == answered);
    held.bytes[0][held.size[0] - 1] ^= 1;
    EXPECT(bring(1, 1, 0) == OL_OK);
}

static void counters_end(void)
{
    uint64_t epoch, sent;

    two();
    epoch = status(0).epoch;
    sending(0)->ch[1].counter = 1u << 31;
    run_for(30 * S);
    EXPECT(status(0).epoch > epoch); /* anew at once */
    for (unsigned c = 0; c < 2; c++)
        for (unsigned f = 0; f < 2; f++)
            world_cut(&w, c, f, true);
    sending(0)->ch[1].counter = UINT32_MAX - 3;
    sent = w.st[0].line->ch[1].frames_sent;
    run_for(60 * S);
    EXPECT(w.st[0].line->ch[1].frames_sent == sent + 3);
}

/* ---- epochs -------------------------------------------------------------- */

static unsigned epochs(unsigned st)
{
    unsigned n = 0;

    for (unsigned i = 0; i < OL_EPOCHS_MAX; i++)
        n += w.st[st].line->epoch[i].state != OL_EP_FREE;
    return n;
}

static void old_keys_go_in_their_time(void)
{
    uint64_t epoch;

    two();
    hold(OL_PACKET_FRAME, 1, 0, 1);
    run_for(25 * S);
    EXPECT(held.n == 1);
    epoch = status(0).epoch;
    world_say(&w, 0, OL_ROUTINE, 100);
    run_for(150 * S);
    EXPECT(status(0).epoch > epoch);
    EXPECT(bring(1, 1, 0) == OL_OK); /* under way since the epoch before */
    run_for(400 * S);
    EXPECT(epochs(0) == 1 && epochs(1) == 1);
    for (unsigned c = 0; c < 2; c++)
        for (unsigned f = 0; f < 2; f++)
            world_cut(&w, c, f, true);
    run_for(26 * 3600 * S);
    EXPECT(epochs(0) == 0 && epochs(1) == 0); /* 25 h are the end */
}

/* The knock of a renewal passes, and no response to it: the line goes on in
 * the epoch that both have. */
static void an_unconfirmed_epoch_is_not_spoken_in(void)
{
    two();
    for (unsigned st = 0; st < 2; st++) {
        hold(OL_PACKET_RESPONSE, 0, st, 0);
        held.lose = true;
        world_cut(&w, 1, st, true); /* the answer has no other way */
        world_say(&w, 1 - st, OL_ROUTINE, 100);
        run_for(160 * S);
        EXPECT(status(0).state != OL_LINE_DARK);
        EXPECT(status(1).state != OL_LINE_DARK);
        world_say(&w, 0, OL_PRIORITY, 100);
        world_say(&w, 1, OL_PRIORITY, 100);
        EXPECT(settle(5 * S) < S);
        w.lose = NULL;
        world_cut(&w, 1, st, false);
        run_for(60 * S);
    }
}

/* ---- knocks -------------------------------------------------------------- */

/* Knocks of station 0 on the radio, held back, of that many attempts. */
static void knocks(unsigned n)
{
    struct ol_line *l = w.st[0].line;

    hold(OL_PACKET_KNOCK, 1, 0, 0);
    held.lose = true;
    world_cut(&w, 0, 0, true);
    world_cut(&w, 0, 1, true);
    world_cut(&w, 1, 1, true);
    run_for(60 * S);
    for (held.most = 1; held.most <= n; held.most++) {
        l->attempt.active = false;
        world_tick(&w, 0);
        run_for(100 * MS);
        EXPECT(held.n == held.most);
    }
}

/* A knock as whoever has the PSK can make it. */
static size_t wrapped(uint8_t *out, uint8_t type, const struct ol_knock *k)
{
    uint8_t plain[OL_KNOCK_MAX], nonce[16];
    struct ol_writer wr;

    for (unsigned i = 0; i < sizeof(nonce); i++)
        nonce[i] = (uint8_t)rnd_u64(&w.rnd);
    ol_writer_init(&wr, plain, sizeof(plain));
    ol_knock_encode(&wr, k);
    OL_CHECK(!wr.failed);
    ol_wrap_seal(out, &w.st[0].line->wrap, type, nonce, ol_writer_span(&wr));
    return wr.n + OL_SEALED_HEAD + OL_TAG;
}

static void a_knock_counts_on_its_channel(void)
{
    uint64_t seen;

    two();
    knocks(1);
    seen = w.st[1].line->kept.open_seen;
    EXPECT(bring(1, 0, 0) != OL_OK);
    EXPECT(w.st[1].line->kept.open_seen == seen);
    EXPECT(bring(1, 1, 0) == OL_OK);
    EXPECT(w.st[1].line->kept.open_seen > seen);
}

static void knocks_cost_bounded_work(void)
{
    uint64_t answered = 0, seen;

    two();
    knocks(60);
    for (unsigned k = 0; k < held.n; k++) {
        seen = w.st[1].line->kept.open_seen;
        (void)!bring(1, 1, k);
        answered += w.st[1].line->kept.open_seen != seen;
        run_for(6 * MS); /* a commit, so that batches are no bound */
    }
    EXPECT(answered >= 20 && answered <= 28);
}

/* Of old numbers, one a second is told; the check of behinds tells more. */
static void old_knocks_get_little(void)
{
    uint64_t seen;

    two();
    knocks(20);
    run_for(2 * S);
    EXPECT(bring(1, 1, 19) == OL_OK);
    seen = w.st[1].line->kept.open_seen;
    run_for(2 * S);
    for (unsigned k = 0; k < 19; k++)
        EXPECT(bring(1, 1, k) != OL_OK);
    EXPECT(w.st[1].line->kept.open_seen == seen);
}

/* With the PSK alone nobody gets further than the wrapper. */
static void the_psk_is_not_the_station(void)
{
    uint8_t out[OL_KNOCK_MAX], plain[OL_KNOCK_MAX], junk[96] = {9};
    struct ol_line *l;
    struct ol_knock k;
    uint64_t seen;
    size_t n;

    two();
    knocks(1);
    l = w.st[1].line;
    seen = l->kept.open_seen;
    OL_CHECK(ol_wrap_open(plain, &l->wrap, OL_SPAN(held.bytes[0],
                                                   held.size[0])) == OL_OK);
    OL_CHECK(ol_knock_decode(OL_SPAN(plain, held.size[0] - OL_SEALED_HEAD -
                                                OL_TAG), &k) == OL_OK);
    k.opening += 3; /* the same message 1, said to be a newer one */
    n = wrapped(out, OL_PACKET_KNOCK, &k);
    EXPECT(bring_bytes(1, 1, out, n) != OL_OK);
    EXPECT(l->kept.open_seen == seen);
    k.noise = OL_SPAN_ARRAY(junk);
    n = wrapped(out, OL_PACKET_KNOCK, &k);
    EXPECT(bring_bytes(1, 1, out, n) != OL_OK);
    EXPECT(l->kept.open_seen == seen);
}

static void nobody_ends_the_opening_numbers(void)
{
    uint64_t seen;

    two();
    seen = w.st[1].line->kept.open_seen;
    w.st[0].line->kept.open_sent += UINT64_C(1) << 40;
    world_crash(&w, 1, S); /* so that station 0 knocks */
    run_for(20 * S);
    EXPECT(w.st[0].line->kept.open_sent > UINT64_C(1) << 40);
    EXPECT(w.st[1].line->kept.open_seen <= seen + 10);
}

static void a_behind_answers_one_of_our_knocks(void)
{
    struct ol_behind b = {.opening = 1000, .nonce = {1, 2, 3}};
    uint8_t plain[OL_BEHIND_PLAIN], nonce[16] = {5}, out[OL_KNOCK_MAX];
    struct ol_writer wr;

    two();
    knocks(1);
    EXPECT(w.st[0].line->attempt.active);
    ol_writer_init(&wr, plain, sizeof(plain));
    ol_behind_encode(&wr, &b);
    ol_wrap_seal(out, &w.st[1].line->wrap, OL_PACKET_BEHIND, nonce,
                 ol_writer_span(&wr));
    EXPECT(bring_bytes(0, 1, out, wr.n + OL_SEALED_HEAD + OL_TAG) != OL_OK);
    EXPECT(w.st[0].line->kept.open_seen < 1000);
}

/* Another copy of the peer knocks with the number that was just answered. */
static void a_second_copy_is_told(void)
{
    uint8_t out[OL_KNOCK_MAX], junk[96] = {7};
    struct ol_knock k = {.name = "radio", .noise = OL_SPAN_ARRAY(junk)};

    two();
    knocks(1);
    EXPECT(bring(1, 1, 0) == OL_OK);
    k.opening = w.st[1].line->kept.open_seen;
    (void)!bring_bytes(1, 1, out, wrapped(out, OL_PACKET_KNOCK, &k));
    EXPECT(w.st[1].notes[OL_NOTE_PEER_SECOND] == 1);
}

/* ---- places -------------------------------------------------------------- */

static void a_bundle_on_a_live_channel_is_none(void)
{
    const uint8_t *f;

    world_init_calm(&w, 22, 1, true);
    w.ch[1].path[0].loss = 1; /* the file lies where it was made */
    run_for(5 * S);
    world_cut(&w, 0, 0, true);
    world_cut(&w, 0, 1, true);
    world_say(&w, 0, OL_ROUTINE, 100);
    run_for(600 * S);
    f = w.st[0].file;
    EXPECT(f != NULL && w.st[1].line->kept.bundle_seen == 0);
    EXPECT(bring_bytes(1, 0, f + 4, (size_t)f[2] << 8 | f[3]) != OL_OK);
    EXPECT(w.st[1].line->kept.bundle_seen == 0);
    w.st[1].commit_ns = 1000 * S;
    EXPECT(bring_bytes(1, 1, f + 4, (size_t)f[2] << 8 | f[3]) == OL_OK);
    EXPECT(w.st[1].line->kept.bundle_seen > 0);
    run_for(100 * MS);
    EXPECT(w.st[1].notes[OL_NOTE_IMPORTED] == 0); /* nothing is on disk */
    run_for(2000 * S);
    EXPECT(w.st[1].notes[OL_NOTE_IMPORTED] > 0);
}

/* What was heard before the officer's switch proves nothing. */
static void a_channel_is_enabled_anew(void)
{
    struct ol_event ev = {.kind = OL_EV_ENABLE, .channel = 1};

    two();
    (void)!world_step(&w, 0, &ev);
    EXPECT(status(0).ch[1].state == OL_CHAN_DISABLED);
    world_cut(&w, 1, 0, true);
    world_cut(&w, 1, 1, true);
    run_for(S);
    ev.on = true;
    (void)!world_step(&w, 0, &ev);
    run_for(S);
    EXPECT(status(0).ch[1].state == OL_CHAN_FRESH);
}

/* A view that was held back speaks of an hour ago. */
static void an_old_view_is_ignored(void)
{
    two();
    hold(OL_PACKET_FRAME, 1, 1, 1);
    run_for(25 * S);
    EXPECT(held.n == 1); /* it says: open */
    w.lose = NULL;
    world_cut(&w, 0, 1, true);
    world_cut(&w, 0, 0, true);
    run_for(60 * S);
    EXPECT(status(0).peer_sees == OL_LINE_LAST_CHANNEL);
    EXPECT(bring(0, 1, 0) == OL_OK);
    EXPECT(status(0).peer_sees == OL_LINE_LAST_CHANNEL);
}

/* A path that holds everything back for longer than the hold time. */
static void what_is_held_back_is_not_alive(void)
{
    world_init_calm(&w, 24, 1, false);
    run_for(5 * S);
    for (unsigned f = 0; f < 2; f++)
        w.ch[0].path[f].delay_ns = 20 * S;
    run_for(60 * S);
    for (unsigned i = 0; i < 100; i++) {
        run_for(S);
        EXPECT(status(0).ch[0].state != OL_CHAN_UP);
        EXPECT(status(1).ch[0].state != OL_CHAN_UP);
    }
}

/* A probe from elsewhere is answered there, beside the probe that goes there
 * to prove it: both are bare. */
static void an_echo_goes_where_it_was_asked(void)
{
    static uint64_t bytes;
    struct ol_event ev = {.kind = OL_EV_FRAME, .channel = 1,
                          .from = {.len = 4, .b = {7, 7, 7, 7}}};

    two();
    hold(OL_PACKET_FRAME, 1, 0, 1);
    run_for(25 * S);
    EXPECT(held.n == 1); /* a probe: the line was idle */
    w.sent_to = ev.from;
    w.sent_bytes = &bytes;
    ev.bytes = OL_SPAN(held.bytes[0], held.size[0]);
    EXPECT(world_step(&w, 1, &ev) == OL_OK);
    EXPECT(bytes == 2 * (OL_FRAME_OVER + OL_CHUNK_HEAD) + OL_PROBE_BODY +
                        OL_ECHO_BODY);
}

/* ---- what is dropped goes again ------------------------------------------ */

/* A full disk drops what was already under way, and its frame is acked. */
static void credit_brings_what_was_dropped(void)
{
    two();
    for (unsigned i = 0; i < 5; i++) {
        w.st[1].full = true;
        world_say(&w, 0, OL_ROUTINE, 100);
        run_for(10 * S);
        w.st[1].full = false;
        world_tick(&w, 1);
        EXPECT(settle(10 * S) < 500 * MS);
        run_for(20 * S);
    }
}

/* So does a station whose blocks are all in use; no credit says so. */
static void what_is_never_held_goes_again(void)
{
    struct ol_line *l;
    uint32_t left;

    two();
    l = w.st[1].line;
    w.ch[0].path[0].loss = w.ch[1].path[0].loss = 0;
    left = l->in_pool.left;
    l->in_pool.left = 0;
    world_say(&w, 0, OL_ROUTINE, 100);
    world_say(&w, 0, OL_ROUTINE, 100);
    run_for(S);
    l->in_pool.left += left;
    EXPECT(!world_settled(&w));
    EXPECT(settle(60 * S) < 10 * S);
}

/* ---- precedence ---------------------------------------------------------- */

/* A copy goes where the first way loses all, without waiting for anything. */
static void copies_go_at_once(void)
{
    two();
    w.ch[1].path[0].delay_ns = w.ch[1].path[1].delay_ns = 30 * MS;
    run_for(60 * S);
    w.ch[0].path[0].cut = true; /* the faster one, and nobody knows yet */
    world_say(&w, 0, OL_FLASH, 100);
    EXPECT(settle(S) < 90 * MS);
    w.ch[0].path[0].cut = false;
    run_for(60 * S);
    w.ch[0].path[0].cut = true;
    world_say(&w, 0, OL_IMMEDIATE, 100);
    EXPECT(settle(S) < 90 * MS);
}

static uint64_t backlog(uint8_t prec)
{
    return status(0).queue[prec];
}

/* Over a thin way PRIORITY goes before ROUTINE; and ROUTINE has its share. */
static void what_is_above_goes_first(void)
{
    world_init_calm(&w, 23, 1, false);
    w.ch[0].path[0].rate_bps = w.ch[0].path[1].rate_bps = 64000;
    run_for(5 * S);
    world_cut(&w, 0, 0, true);
    world_cut(&w, 0, 1, true);
    for (unsigned i = 0; i < 110; i++) {
        world_say(&w, 0, OL_ROUTINE, 1000);
        world_say(&w, 0, OL_PRIORITY, 1000);
        run_for(10 * MS);
    }
    world_cut(&w, 0, 0, false);
    world_cut(&w, 0, 1, false);
    while (backlog(OL_PRIORITY) > 10)
        run_for(10 * MS);
    EXPECT(backlog(OL_ROUTINE) > 60);
    EXPECT(backlog(OL_ROUTINE) < 110);
    EXPECT(settle(120 * S) < 60 * S);
}

/* ---- receipts ------------------------------------------------------------ */

static void receipt(unsigned st, uint8_t kind, uint8_t rel, bool own,
                    uint64_t number)
{
    uint8_t id[16];
    struct ol_record rec = {.prec = OL_ROUTINE, .kind = kind,
                            .id = OL_SPAN_ARRAY(id), .n_refs = 1};
    struct ol_event ev = {.kind = OL_EV_SUBMIT, .record = &rec,
                          .token = UINT64_C(1) << 50};

    for (unsigned i = 0; i < sizeof(id); i++)
        id[i] = (uint8_t)rnd_u64(&w.rnd);
    rec.refs[0].rel = rel;
    rec.refs[0].own = own;
    rec.refs[0].number = number;
    EXPECT(world_step(&w, st, &ev) == OL_OK);
    run_for(S);
}

/* The highest rung of a message of station 0; 0: none. */
static unsigned rung(uint64_t number)
{
    struct sim_station *s = &w.st[0];
    struct ol_row_rung r[4];
    uint32_t n = 0;

    EXPECT(s->ledger->ops->rungs(s->ledger, s->line_no, OL_OWN, number, r, 4,
                                 &n) == OL_OK);
    return n == 0 ? 0 : r[n - 1].rung;
}

static void a_receipt_says_what_it_says(void)
{
    two();
    w.foreign_tokens = true;
    for (unsigned i = 0; i < 4; i++)
        world_say(&w, 0, OL_ROUTINE, 100);
    run_for(S);
    receipt(1, OL_KIND_RECEIPT, OL_REL_READ, false, 1);
    receipt(1, OL_KIND_MESSAGE, OL_REL_READ, false, 2);
    receipt(1, OL_KIND_RECEIPT, OL_REL_READ, true, 3);
    receipt(1, OL_KIND_RECEIPT, OL_REL_READ, false, 77);
    receipt(1, OL_KIND_RECEIPT, 1, false, 4); /* answers */
    EXPECT(rung(1) == OL_RUNG_READ);
    EXPECT(rung(2) == 0 && rung(3) == 0 && rung(4) == 0 && rung(77) == 0);
    receipt(1, OL_KIND_RECEIPT, OL_REL_UNDERSTOOD, false, 1);
    EXPECT(rung(1) == OL_RUNG_UNDERSTOOD);
}

/* ---- the record ---------------------------------------------------------- */

/* Of both, a peer's checkpoint is kept that has the size of its log. */
static void the_last_word_is_signed(void)
{
    two();
    for (unsigned i = 0; i < 40; i++) {
        w.ch[0].path[0].cut = w.ch[1].path[0].cut = i % 2 == 0;
        world_say(&w, 0, (uint8_t)(i % OL_PRECS), 100);
        run_for(300 * MS);
    }
    w.ch[0].path[0].cut = w.ch[1].path[0].cut = false;
    EXPECT(settle(60 * S) < 60 * S);
    run_for(30 * S);
    for (uint8_t p = 0; p < OL_PRECS; p++) {
        struct sim_station *s = &w.st[1];
        uint8_t root[OL_HASH], sig[OL_SIG];
        uint32_t size = 0;
        EXPECT(s->ledger->ops->checkpoint(s->ledger, s->line_no, OL_PEER, p,
                                          &size, root, sig) == OL_OK);
        EXPECT(size == 10);
    }
}

/* A checkpoint that the peer did not sign, and one of another root. */
static void a_checkpoint_is_checked(void)
{
    struct ol_line *l;
    struct ol_checkpoint cp = {.prec = OL_ROUTINE, .size = 2,
                               .root = {1, 2, 3}};

    two();
    l = w.st[1].line;
    world_say(&w, 0, OL_ROUTINE, 100);
    run_for(S);
    EXPECT(ol_recv_checkpoint(l, &cp) != OL_OK);
    ol_checkpoint_sign(cp.sig, &w.st[0].id, l->shared.line_id, cp.prec,
                       cp.size, cp.root);
    EXPECT(ol_recv_checkpoint(l, &cp) == OL_OK);
    world_say(&w, 0, OL_ROUTINE, 100);
    run_for(S);
    EXPECT(w.st[1].notes[OL_NOTE_CHECKPOINT] == 1);
}

/* ---- running ------------------------------------------------------------- */

static const struct story stories[] = {
    {"a_frame_counts_once_and_on_its_channel",
     a_frame_counts_once_and_on_its_channel},
    {"a_frame_below_the_window_is_old", a_frame_below_the_window_is_old},
    {"a_frame_that_does_not_open_is_nothing",
     a_frame_that_does_not_open_is_nothing},
    {"counters_end", counters_end},
    {"old_keys_go_in_their_time", old_keys_go_in_their_time},
    {"an_unconfirmed_epoch_is_not_spoken_in",
     an_unconfirmed_epoch_is_not_spoken_in},
    {"a_knock_counts_on_its_channel", a_knock_counts_on_its_channel},
    {"knocks_cost_bounded_work", knocks_cost_bounded_work},
    {"old_knocks_get_little", old_knocks_get_little},
    {"the_psk_is_not_the_station", the_psk_is_not_the_station},
    {"nobody_ends_the_opening_numbers", nobody_ends_the_opening_numbers},
    {"a_behind_answers_one_of_our_knocks",
     a_behind_answers_one_of_our_knocks},
    {"a_second_copy_is_told", a_second_copy_is_told},
    {"a_bundle_on_a_live_channel_is_none",
     a_bundle_on_a_live_channel_is_none},
    {"a_channel_is_enabled_anew", a_channel_is_enabled_anew},
    {"an_old_view_is_ignored", an_old_view_is_ignored},
    {"what_is_held_back_is_not_alive", what_is_held_back_is_not_alive},
    {"an_echo_goes_where_it_was_asked", an_echo_goes_where_it_was_asked},
    {"credit_brings_what_was_dropped", credit_brings_what_was_dropped},
    {"what_is_never_held_goes_again", what_is_never_held_goes_again},
    {"copies_go_at_once", copies_go_at_once},
    {"what_is_above_goes_first", what_is_above_goes_first},
    {"a_receipt_says_what_it_says", a_receipt_says_what_it_says},
    {"the_last_word_is_signed", the_last_word_is_signed},
    {"a_checkpoint_is_checked", a_checkpoint_is_checked},
};

int main(int argc, char **argv)
{
    return story_main(stories, OL_LEN(stories), argc, argv);
}
