/*
 * Stories of what doc/protocol.md forbids: somebody who holds back, repeats,
 * forwards and forges packets, and keys at their end.
 *
 * Each came from a deliberate fault in the core (tests/mutants) that nothing
 * else noticed. Whoever has the PSK may make wrappers of its own; some of
 * these stories lend it to the adversary.
 */
#include <string.h>

#include "base/check.h"
#include "crypto/knock.h"
#include "law_kit.h"
#include "wire/frame.h"

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

static bool no_knocks(struct world *ww, unsigned ch, unsigned from,
                      const struct ol_send *s)
{
    (void)ch;
    (void)from;
    return s->bytes.p[0] == OL_PACKET_KNOCK && ww->now_ns < 4 * S;
}

static void a_knock_that_was_lost_comes_again(void)
{
    world_init_calm(&w, 25, 2, false);
    w.lose = no_knocks;
    run_for(7 * S);
    EXPECT(status(0).state == OL_LINE_OPEN);
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
    n = wrapped(0, out, OL_PACKET_KNOCK, &k);
    EXPECT(bring_bytes(1, 1, out, n) != OL_OK);
    EXPECT(l->kept.open_seen == seen);
    k.noise = OL_SPAN_ARRAY(junk);
    n = wrapped(0, out, OL_PACKET_KNOCK, &k);
    EXPECT(bring_bytes(1, 1, out, n) != OL_OK);
    EXPECT(l->kept.open_seen == seen);
}

static void nobody_ends_the_opening_numbers(void)
{
    uint64_t seen;

    two();
    seen = w.st[1].line->kept.open_seen;
    w.st[0].line->kept.open_sent += UINT64_C(1) << 40;
    knocks(1);
    EXPECT(bring(1, 1, 0) != OL_OK);
    EXPECT(w.st[1].line->kept.open_seen == seen);
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
    struct ol_knock k = {.noise = OL_SPAN_ARRAY(junk)};

    two();
    knocks(1);
    EXPECT(bring(1, 1, 0) == OL_OK);
    k.opening = w.st[1].line->kept.open_seen;
    k.tag = w.st[1].line->ch[1].tag;
    (void)!bring_bytes(1, 1, out, wrapped(0, out, OL_PACKET_KNOCK, &k));
    EXPECT(w.st[1].notes[OL_NOTE_PEER_SECOND] == 1);
}

/* A number of ours was verified there that somebody else made with our keys:
 * `far` above all of ours, or between the two that we made last. Both sides
 * are told in that one handshake. */
static void another_was_verified(uint64_t far)
{
    struct ol_line *l = w.st[0].line, *o = w.st[1].line;
    uint8_t knock[OL_KNOCK_MAX];
    size_t n;

    knocks(1);
    hold(OL_PACKET_KNOCK, 1, 0, 1);
    l->kept.open_seen = l->kept.open_sent + 10;
    l->attempt.active = false;
    world_tick(&w, 0);
    run_for(100 * MS);
    EXPECT(held.n == 1);
    n = held.size[0];
    memcpy(knock, held.bytes[0], n);
    EXPECT(l->attempt.opening - l->attempt.before > 5);
    o->verified = l->attempt.before + far;
    hold(OL_PACKET_RESPONSE, 1, 1, 1);
    EXPECT(bring_bytes(1, 1, knock, n) == OL_OK);
    run_for(100 * MS);
    EXPECT(held.n == 1);
    EXPECT(bring(0, 1, 0) == OL_OK);
}

static void a_number_that_we_never_made_is_told(void)
{
    static const uint64_t far[] = {0, 5, 100};

    for (unsigned k = 0; k < OL_LEN(far); k++) {
        unsigned times = far[k] == 0 ? 0 : 1;

        two();
        another_was_verified(far[k]);
        EXPECT(w.st[0].notes[OL_NOTE_SECOND] == times);
        EXPECT(w.st[1].notes[OL_NOTE_PEER_SECOND] == times);
        if (k + 1 < OL_LEN(far))
            world_fini(&w);
    }
}

/* BRIEF has room for one log and one channel's ack. What else is due in that
 * step, the ack of another channel and a new view, goes all the same: it asks
 * for no answer, so no timer would bring them. */
static void a_brief_leaves_nothing_unsaid(void)
{
    struct ol_line *l;
    struct ol_epoch *e;

    two();
    run_for(5 * S);
    world_cut(&w, 0, 0, true);
    world_cut(&w, 0, 1, true);
    run_for(60 * S);
    world_say(&w, 0, OL_FLASH, 100);
    run_for(6 * S);
    l = w.st[1].line;
    e = sending(1);
    EXPECT(!l->view_dirty && ol_chan_best(l) == 1 && e->told);
    /* Its record came once more, beside what changes the view. */
    e->ch[1].owed_acks = e->ch[0].owed_acks = 1;
    e->ch[1].ack_due_ns = e->ch[0].ack_due_ns = w.now_ns;
    e->ch[1].owed_logs = 1u << OL_FLASH;
    l->in[OL_FLASH].dirty = l->view_dirty = true;
    world_tick(&w, 1);
    run_for(MS);
    EXPECT(!l->in[OL_FLASH].dirty && e->ch[1].owed_acks == 0);
    EXPECT(e->ch[0].owed_acks == 0);
    EXPECT(!l->view_dirty);
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
    hold(OL_PACKET_FRAME, 0, 1, 6);
    run_for(100 * S);
    EXPECT(held.n == 6); /* some of them say: open */
    w.lose = NULL;
    world_cut(&w, 1, 1, true);
    world_cut(&w, 1, 0, true);
    run_for(60 * S);
    EXPECT(status(0).peer_sees == OL_LINE_LAST_CHANNEL);
    for (unsigned k = 0; k < held.n; k++)
        EXPECT(bring(0, 0, k) == OL_OK);
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

/* A quiet hour of one channel, with the heads of IP and UDP: an ECHO is the
 * ACK of its PROBE, and nothing else is said. */
static void a_quiet_hour_is_cheap(void)
{
    uint64_t cost[2];

    world_init_calm(&w, 25, 1, false);
    run_for(300 * S);
    for (unsigned k = 0; k < 2; k++) {
        cost[k] = 0;
        for (unsigned i = 0; i < 2; i++) {
            const struct ol_lchan *ch = &w.st[i].line->ch[0];
            cost[k] += ch->bytes_sent + 28 * ch->frames_sent;
        }
        if (k == 0)
            run_for(3600 * S);
        EXPECT(status(0).ch[0].state == OL_CHAN_UP);
        EXPECT(status(1).ch[0].state == OL_CHAN_UP);
    }
    EXPECT(cost[1] - cost[0] <= 30000);
}

/* ---- running ------------------------------------------------------------- */

static const struct story stories[] = {
    {"a_knock_that_was_lost_comes_again", a_knock_that_was_lost_comes_again},
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
    {"a_behind_answers_one_of_our_knocks", a_behind_answers_one_of_our_knocks},
    {"a_second_copy_is_told", a_second_copy_is_told},
    {"a_number_that_we_never_made_is_told",
     a_number_that_we_never_made_is_told},
    {"a_brief_leaves_nothing_unsaid", a_brief_leaves_nothing_unsaid},
    {"a_bundle_on_a_live_channel_is_none", a_bundle_on_a_live_channel_is_none},
    {"a_channel_is_enabled_anew", a_channel_is_enabled_anew},
    {"an_old_view_is_ignored", an_old_view_is_ignored},
    {"what_is_held_back_is_not_alive", what_is_held_back_is_not_alive},
    {"an_echo_goes_where_it_was_asked", an_echo_goes_where_it_was_asked},
    {"a_quiet_hour_is_cheap", a_quiet_hour_is_cheap},
};

int main(int argc, char **argv)
{
    return story_main(stories, OL_LEN(stories), argc, argv);
}
