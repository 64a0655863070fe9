/*
 * Stories: what the line does, told on virtual time.
 *
 * Each story makes a world without chance faults, lets something happen and
 * says what people would see. Times are exact, because the clock is ours.
 * Usage: stories [NAME]; prints PASS or FAIL per story.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "wire/messages.h"
#include "core/line_int.h"
#include "story.h"

/* Three paths as in the field: 20, 60 and 200 ms there and back. */
static void calm(unsigned channels, bool pouch)
{
    static const uint64_t rtt_ms[] = {20, 60, 200};

    world_init_calm(&w, 7, channels, pouch);
    for (unsigned c = 0; c < channels; c++)
        for (unsigned f = 0; f < 2; f++)
            w.ch[c].path[f].delay_ns = rtt_ms[c] * MS / 2;
}

static void cut_all(bool cut)
{
    for (unsigned c = 0; c < w.n_ch; c++)
        for (unsigned f = 0; f < 2; f++)
            if (w.ch[c].conf[0].kind != OL_CHAN_POUCH)
                world_cut(&w, c, f, cut);
}

static uint64_t settle(uint64_t most_ns)
{
    uint64_t from = w.now_ns;

    do
        run_for(10 * MS);
    while (!world_settled(&w) && w.now_ns - from < most_ns);
    return w.now_ns - from;
}

/* ---- stories ------------------------------------------------------------ */

static void opens_and_carries(void)
{
    calm(3, false);
    run_for(3 * S);
    for (unsigned st = 0; st < 2; st++) {
        EXPECT(status(st).state == OL_LINE_OPEN);
        for (unsigned c = 0; c < 3; c++)
            EXPECT(status(st).ch[c].state == OL_CHAN_UP);
        EXPECT(status(st).peer_sees == OL_LINE_OPEN);
    }
    world_say(&w, 0, OL_ROUTINE, 200);
    world_say(&w, 1, OL_FLASH, 4000);
    EXPECT(settle(S) < 500 * MS);
    check_end(&w);
}

static void blackout_is_seen_by_both(void)
{
    uint64_t cut_ns, back_ns;

    calm(3, false);
    run_for(10 * S);
    cut_all(true);
    cut_ns = w.now_ns;
    for (unsigned i = 0; i < 500; i++)
        world_say(&w, i & 1, (uint8_t)(i % OL_PRECS), 200);
    run_for(30 * S);
    for (unsigned st = 0; st < 2; st++) {
        EXPECT(status(st).state == OL_LINE_DARK);
        EXPECT(status(st).dark_since_ns <= cut_ns);
        EXPECT(status(st).dark_detected_ns <= cut_ns + 30 * S);
    }
    run_for(30 * S);
    cut_all(false);
    back_ns = w.now_ns;
    (void)settle(60 * S);
    printf("  500 messages within %.2f s of the return\n",
           (double)(w.now_ns - back_ns) / 1e9);
    EXPECT(w.now_ns - back_ns < 5 * S);
    run_for(5 * S);
    EXPECT(status(0).state == OL_LINE_OPEN);
    EXPECT(status(1).state == OL_LINE_OPEN);
    check_end(&w);
}

/* Far more than a window of a log: paging from the ledger. */
static void a_long_backlog_is_paged(void)
{
    calm(2, false);
    run_for(5 * S);
    cut_all(true);
    for (unsigned i = 0; i < 12000; i++) {
        world_say(&w, 0, OL_ROUTINE, 100);
        run_for(5 * MS);
    }
    EXPECT(status(0).queue[OL_ROUTINE] > 11000);
    cut_all(false);
    printf("  12000 messages in %.1f s\n", (double)settle(120 * S) / 1e9);
    EXPECT(world_settled(&w));
    check_end(&w);
}

/* FLASH does not wait behind a backlog. */
static void flash_overtakes(void)
{
    uint64_t t;

    calm(2, false);
    w.ch[0].path[0].rate_bps = w.ch[1].path[0].rate_bps = 100000;
    run_for(5 * S);
    for (unsigned i = 0; i < 1000; i++) {
        world_say(&w, 0, OL_ROUTINE, 1000);
        run_for(5 * MS);
    }
    world_say(&w, 0, OL_FLASH, 200);
    t = w.now_ns;
    while (status(0).queue[OL_FLASH] > 0 && w.now_ns - t < 60 * S)
        run_for(10 * MS);
    printf("  FLASH over a backlog of %u in %.0f ms\n",
           status(0).queue[OL_ROUTINE], (double)(w.now_ns - t) / 1e6);
    EXPECT(status(0).queue[OL_ROUTINE] > 100);
    EXPECT(w.now_ns - t < 2 * S);
}

/* A large record over a thin channel, and the epoch changes meanwhile. */
static void slow_channel_finishes(void)
{
    uint64_t took;

    calm(2, false);
    world_cut(&w, 0, 0, true);
    world_cut(&w, 0, 1, true);
    for (unsigned f = 0; f < 2; f++) {
        w.ch[1].path[f].rate_bps = 1200;
        w.ch[1].path[f].delay_ns = 500 * MS;
        w.ch[1].conf[f].rate_bps = 1200;
        w.ch[1].conf[f].mtu = OL_FRAME_MIN;
    }
    world_reboot(&w);
    run_for(60 * S);
    EXPECT(status(0).ch[1].state == OL_CHAN_UP);
    world_say(&w, 0, OL_ROUTINE, 200);
    printf("  200 bytes at 1,200 bit/s: %.1f s\n",
           (double)settle(60 * S) / 1e9);
    EXPECT(world_settled(&w));
    world_say(&w, 0, OL_ROUTINE, 4000);
    took = settle(600 * S);
    printf("  4,000 bytes: %.0f s\n", (double)took / 1e9);
    EXPECT(world_settled(&w));
    EXPECT(took < 20 * S); /* as they are they take 27 s on the wire alone */
}

static void dead_path_does_not_stop_it(void)
{
    uint64_t worst = 0;

    calm(2, false);
    run_for(20 * S);
    for (unsigned i = 0; i < 100; i++) {
        uint64_t t = w.now_ns, took;
        if (i == 50)
            w.ch[0].path[0].cut = w.ch[0].path[1].cut = true;
        world_say(&w, 0, OL_PRIORITY, 200);
        took = settle(20 * S);
        worst = OL_MAX(worst, took);
        while (w.now_ns - t < 100 * MS)
            run_for(10 * MS);
    }
    printf("  the worst PRIORITY message took %.0f ms\n",
           (double)worst / 1e6);
    EXPECT(worst < 200 * MS); /* a probe timeout, and the other path */
}

static void pouch_only_converges(void)
{
    calm(1, true);
    run_for(5 * S);
    cut_all(true);
    for (unsigned f = 0; f < 2; f++) {
        w.ch[1].path[f].delay_ns = 3600 * S;
        w.ch[1].path[f].jitter_ns = 7200 * S;
        w.ch[1].path[f].dup = 0.5;
        w.ch[1].path[f].flip = 0.3;
    }
    run_for(60 * S);
    EXPECT(status(0).state == OL_LINE_POUCH_ONLY);
    for (unsigned i = 0; i < 40; i++) {
        world_say(&w, i & 1, (uint8_t)(i % OL_PRECS), 1000);
        run_for(600 * S);
    }
    printf("  converged after %.1f h\n",
           (double)settle(40 * 86400 * S) / 3600e9);
    EXPECT(world_settled(&w));
    check_end(&w);
}

/* A backlog that no bundle holds, and one window does not either. */
static void pouch_carries_a_backlog(void)
{
    calm(1, true);
    run_for(5 * S);
    cut_all(true);
    w.ch[1].path[0].delay_ns = w.ch[1].path[1].delay_ns = 60 * S;
    w.ch[1].path[0].jitter_ns = w.ch[1].path[1].jitter_ns = 1;
    for (unsigned i = 0; i < 5000; i++) {
        world_say(&w, 0, OL_ROUTINE, 100);
        run_for(5 * MS);
    }
    printf("  5000 messages by pouch in %.1f h\n",
           (double)settle(40 * 86400 * S) / 3600e9);
    EXPECT(world_settled(&w));
    check_end(&w);
}

static void epochs_change_unnoticed(void)
{
    uint64_t first;

    calm(2, false);
    run_for(5 * S);
    first = status(0).epoch;
    for (unsigned i = 0; i < 600; i++) {
        world_say(&w, i & 1, OL_ROUTINE, 100);
        run_for(S);
        EXPECT(status(0).state == OL_LINE_OPEN);
    }
    EXPECT(status(0).epoch >= first + 3);
    EXPECT(status(0).epoch == status(1).epoch);
    run_for(50 * 3600 * S); /* idle: daily */
    EXPECT(status(0).state == OL_LINE_OPEN);
    EXPECT(world_settled(&w));
    printf("  epoch %llu after two idle days\n",
           (unsigned long long)status(0).epoch);
}

/* An idle line is quiet: what it costs a metered channel. */
static void idle_is_cheap(void)
{
    uint64_t before;

    calm(2, false);
    run_for(30 * S);
    before = w.packets;
    run_for(3600 * S);
    printf("  %llu packets an hour on two channels\n",
           (unsigned long long)(w.packets - before));
    EXPECT(status(0).state == OL_LINE_OPEN);
    EXPECT(w.packets - before < 2u * 4 * 3600 / 20 * 2);
}

static void one_way_is_told(void)
{
    calm(2, false);
    run_for(5 * S);
    world_cut(&w, 1, 0, true); /* radio: from 0 to 1 only is cut */
    run_for(51 * S);           /* hold plus one probe interval */
    EXPECT(status(0).ch[1].state == OL_CHAN_ONE_WAY);
    EXPECT(status(1).ch[1].state == OL_CHAN_ONE_WAY);
    EXPECT(status(0).state == OL_LINE_LAST_CHANNEL);
    world_cut(&w, 1, 0, false);
    run_for(10 * S);
    EXPECT(status(0).ch[1].state == OL_CHAN_UP);
    EXPECT(status(1).ch[1].state == OL_CHAN_UP);
}

static void a_reboot_is_short(void)
{
    calm(2, false);
    run_for(5 * S);
    for (unsigned i = 0; i < 10; i++) {
        world_crash(&w, i & 1, S);
        run_for(S + 100 * MS);
        world_say(&w, 0, OL_IMMEDIATE, 100);
        run_for(8 * S);
        EXPECT(status(0).state == OL_LINE_OPEN);
        EXPECT(status(1).state == OL_LINE_OPEN);
    }
    EXPECT(world_settled(&w));
    check_end(&w);
}

/* Records behind a gap, and a crash that makes their holder forget them. */
static void a_gap_survives_a_crash(void)
{
    calm(2, false);
    run_for(5 * S);
    world_cut(&w, 0, 0, true);
    world_cut(&w, 0, 1, true);
    for (unsigned i = 0; i < 20; i++) {
        w.ch[1].path[0].loss = 0.3;
        for (unsigned k = 0; k < 20; k++)
            world_say(&w, 0, OL_ROUTINE, 100);
        run_for(120 * MS);
        world_crash(&w, 1, S);
        w.ch[1].path[0].loss = 0;
        run_for(S);
        EXPECT(settle(20 * S) < 10 * S);
        check_end(&w);
    }
}

/* A stick from before a reboot turns up long after it. */
static void an_old_bundle_changes_nothing(void)
{
    calm(2, true);
    run_for(5 * S);
    for (unsigned f = 0; f < 2; f++)
        w.ch[2].path[f].delay_ns = 3600 * S;
    cut_all(true);
    world_say(&w, 0, OL_ROUTINE, 100);
    world_say(&w, 1, OL_ROUTINE, 100);
    run_for(60 * S);
    world_crash(&w, 0, S);
    world_crash(&w, 1, S);
    run_for(2 * S);
    cut_all(false);
    run_for(3600 * S);
    for (unsigned i = 0; i < 10; i++) {
        world_say(&w, i & 1, (uint8_t)(i % OL_PRECS), 200);
        EXPECT(settle(20 * S) < 2 * S);
    }
    EXPECT(w.st[0].notes[OL_NOTE_ROLLED_BACK] == 0);
    EXPECT(w.st[1].notes[OL_NOTE_ROLLED_BACK] == 0);
    check_end(&w);
}

/* ---- faults that were found, and stay found ----------------------------- */

static bool lose_one; /* the next frame of this size on the first channel */

static bool lose_frame(struct world *ww, unsigned ch, unsigned from,
                       const struct ol_send *s)
{
    (void)ww;
    if (!lose_one || ch != 0 || from != 0 || s->bytes.n < 300 ||
        s->bytes.n > 800)
        return false;
    lose_one = false;
    return true;
}

/* A stream's transport drops one frame; what follows must not hide it. */
static void a_dropped_frame_is_missed(void)
{
    uint64_t t;

    calm(1, false);
    w.lose = lose_frame;
    run_for(10 * S);
    lose_one = true;
    world_say(&w, 0, OL_PRIORITY, 400);
    run_for(20 * MS);
    EXPECT(!lose_one);
    for (t = w.now_ns; status(0).queue[OL_PRIORITY] > 0;) {
        EXPECT(w.now_ns - t < 2 * S);
        world_say(&w, 0, OL_ROUTINE, 100);
        run_for(20 * MS);
    }
}

/* A stream that takes nothing does not keep FLASH from the others. */
static void flash_finds_another_way(void)
{
    struct ol_chan full = {.up = true, .room_bytes = 0};
    struct ol_event ev = {.kind = OL_EV_CHANNEL, .chan = &full};

    calm(3, false);
    run_for(5 * S);
    (void)!ol_line_step(w.st[0].line, &ev, w.now_ns, &w.st[0].eff);
    world_say(&w, 0, OL_FLASH, 100);
    world_say(&w, 0, OL_PRIORITY, 100);
    EXPECT(settle(20 * S) < 500 * MS);
}

static void thin(unsigned c)
{
    for (unsigned f = 0; f < 2; f++) {
        w.ch[c].path[f].rate_bps = w.ch[c].conf[f].rate_bps = 1200;
        w.ch[c].path[f].delay_ns = 500 * MS;
        w.ch[c].conf[f].mtu = OL_FRAME_MIN;
    }
}

/* Knock, response, record: nothing else goes before the first text. */
static void narrow_is_quick_from_cold(void)
{
    uint64_t took;

    calm(1, false);
    thin(0);
    world_reboot(&w);
    world_say(&w, 0, OL_ROUTINE, 200);
    took = settle(60 * S);
    printf("  the first 200 bytes at 1,200 bit/s: %.1f s\n",
           (double)took / 1e9);
    EXPECT(world_settled(&w));
    EXPECT(took < 7 * S);
}

/* What the first text after quiet costs its sender, in bytes. */
static uint64_t text_costs(unsigned retries)
{
    uint64_t sent;

    run_for(30 * S);
    sent = w.st[0].line->ch[0].bytes_sent;
    world_say(&w, 0, OL_ROUTINE, 200);
    w.st[0].line->out[OL_ROUTINE].retries = retries;
    (void)settle(60 * S);
    return w.st[0].line->ch[0].bytes_sent - sent;
}

/* A record that was acknowledged and is not held may be a stream that the
 * peer's library refuses: it goes as it is. No other does. */
static void a_refused_stream_goes_unpacked(void)
{
    uint64_t packed, plain;

    calm(1, false);
    thin(0);
    world_reboot(&w);
    packed = text_costs(0);
    plain = text_costs(1);
    printf("  a text packed %llu bytes, unpacked %llu\n",
           (unsigned long long)packed, (unsigned long long)plain);
    EXPECT(packed < 192 && plain > 250);
    EXPECT(text_costs(0) < 192);
}

/* A text that arrived costs one answer, which says that it is held and that its
 * frame came; nothing else is said of it by either side. */
static void narrow_answers_once(void)
{
    uint64_t answered_ns, frames[2];

    calm(1, false);
    thin(0);
    world_reboot(&w);
    run_for(60 * S);
    /* Between two rounds of probes. */
    answered_ns = status(0).ch[0].answered_ns;
    while (status(0).ch[0].answered_ns == answered_ns)
        run_for(S);
    run_for(6 * S);
    for (unsigned i = 0; i < 2; i++)
        frames[i] = status(i).ch[0].frames_sent;
    world_say(&w, 0, OL_ROUTINE, 100);
    run_for(6 * S);
    EXPECT(world_settled(&w));
    for (unsigned i = 0; i < 2; i++)
        EXPECT(status(i).ch[0].frames_sent == frames[i] + 1);
}

/* Both sides' first knock is lost: the next one goes when it could have been
 * answered, and each further one takes a tenth of the rate at most. */
static void narrow_knocks_again_soon(void)
{
    uint64_t took, sent;

    calm(1, false);
    thin(0);
    for (unsigned f = 0; f < 2; f++) {
        w.ch[0].conf[f].kind = OL_CHAN_DATAGRAM;
        w.ch[0].path[f].loss = 1;
    }
    world_reboot(&w);
    world_say(&w, 0, OL_ROUTINE, 200);
    run_for(2 * S);
    w.ch[0].path[0].loss = w.ch[0].path[1].loss = 0;
    took = 2 * S + settle(60 * S);
    printf("  the first knock lost: %.1f s\n", (double)took / 1e9);
    EXPECT(world_settled(&w));
    EXPECT(took < 13 * S);
    w.ch[0].path[0].loss = w.ch[0].path[1].loss = 1;
    world_reboot(&w);
    run_for(20 * S);
    sent = w.st[0].line->ch[0].bytes_sent;
    run_for(1000 * S);
    sent = w.st[0].line->ch[0].bytes_sent - sent;
    printf("  in 1,000 s of silence %llu bytes\n", (unsigned long long)sent);
    EXPECT(sent > 9000 && sent < 1000 * 1200 / 8 / 10);
}

/* A backlog of ROUTINE that fills its share leaves room to load a FLASH. */
static void flash_has_room(void)
{
    uint64_t t;

    calm(2, false);
    world_cut(&w, 0, 0, true);
    world_cut(&w, 0, 1, true);
    thin(1);
    world_reboot(&w);
    run_for(60 * S);
    world_cut(&w, 1, 0, true);
    world_cut(&w, 1, 1, true);
    for (unsigned i = 0; i < 2200; i++) {
        world_say(&w, 0, OL_ROUTINE, 700);
        run_for(20 * MS);
    }
    world_say(&w, 0, OL_FLASH, 100);
    world_cut(&w, 1, 0, false);
    world_cut(&w, 1, 1, false);
    while (status(0).state == OL_LINE_DARK)
        run_for(100 * MS);
    for (t = w.now_ns; status(0).queue[OL_FLASH] > 0; run_for(100 * MS))
        EXPECT(w.now_ns - t < 60 * S);
    printf("  FLASH after %.1f s over 2,200 ROUTINE at 1,200 bit/s\n",
           (double)(w.now_ns - t) / 1e9);
}

/* Copies of large FLASH on many thin channels, none of them answering. */
static void copies_are_bounded(void)
{
    calm(3, false);
    for (unsigned c = 3; c < SIM_CHANNELS; c++) {
        w.ch[c] = w.ch[2];
        for (unsigned f = 0; f < 2; f++)
            snprintf(w.ch[c].conf[f].name, 17, "hf%u", c);
        w.n_ch++;
    }
    for (unsigned c = 0; c < w.n_ch; c++)
        for (unsigned f = 0; f < 2; f++) {
            w.ch[c].conf[f].kind = OL_CHAN_DATAGRAM;
            w.ch[c].conf[f].mtu = OL_FRAME_MIN;
        }
    world_reboot(&w);
    run_for(60 * S);
    cut_all(true);
    for (unsigned i = 0; i < 62; i++) {
        world_say(&w, 0, OL_FLASH, 4090);
        run_for(6 * MS);
    }
    cut_all(false);
    printf("  62 FLASH on six thin channels in %.1f s\n",
           (double)settle(60 * S) / 1e9);
    EXPECT(world_settled(&w));
    check_end(&w);
}

/* A disk that is slow for long enough to pile up what is then put at once. */
static void a_pile_is_put_in_steps(void)
{
    for (unsigned k = 0; k < 60; k++) {
        calm(1, false);
        w.room = 1u << 30;
        world_reboot(&w);
        run_for(5 * S);
        w.st[1].commit_ns = 20 * S;
        for (unsigned i = 0; i < 8; i++) {
            world_say(&w, 0, OL_PRIORITY, 20);
            run_for(30 * MS);
        }
        world_say(&w, 0, OL_ROUTINE, (uint16_t)(1500 + k * 40));
        for (unsigned i = 0; i < 63; i++) {
            world_say(&w, 0, OL_ROUTINE, 4050);
            run_for(10 * MS);
        }
        w.st[1].commit_ns = 5 * MS;
        EXPECT(settle(300 * S) < 300 * S);
        if (k < 59)
            world_fini(&w);
    }
}

static bool attacker_gone;

static bool to_attacker(struct world *ww, unsigned ch, unsigned from,
                        const struct ol_send *s)
{
    (void)ww;
    (void)ch;
    (void)from;
    return attacker_gone && s->to.len > 0;
}

/* Somebody relays a channel for a while and goes: we go home. */
static void a_relay_that_leaves_is_left(void)
{
    calm(2, false);
    w.lose = to_attacker;
    world_cut(&w, 0, 0, true);
    world_cut(&w, 0, 1, true);
    run_for(40 * S);
    world_cut(&w, 1, 0, true);
    world_cut(&w, 1, 1, true);
    run_for(40 * S);
    for (unsigned st = 0; st < 2; st++)
        w.from[st][1] = (struct ol_addr){.len = 4, .b = {6, 6, 6, 6}};
    world_cut(&w, 1, 0, false);
    world_cut(&w, 1, 1, false);
    run_for(5 * S);
    EXPECT(status(0).ch[1].state == OL_CHAN_UP);
    attacker_gone = true;
    memset(w.from, 0, sizeof(w.from));
    run_for(120 * S);
    EXPECT(status(0).ch[1].state == OL_CHAN_UP);
    EXPECT(status(1).ch[1].state == OL_CHAN_UP);
}

static uint8_t kept_knock[OL_KNOCK_MAX];
static size_t kept_n;
static unsigned kept_from;

static bool keep_knock(struct world *ww, unsigned ch, unsigned from,
                       const struct ol_send *s)
{
    (void)ww;
    if (s->bytes.p[0] == OL_PACKET_KNOCK && ch == 1) {
        memcpy(kept_knock, s->bytes.p, s->bytes.n);
        kept_n = s->bytes.n;
        kept_from = from;
    }
    return false;
}

/* A knock that somebody kept is no amplifier. */
static void a_replayed_knock_gets_little(void)
{
    unsigned answers = 0;

    w.lose = NULL;
    calm(3, false);
    w.lose = keep_knock;
    world_reboot(&w);
    run_for(10 * S);
    EXPECT(kept_n > 0);
    for (unsigned i = 0; i < 10000; i++) {
        struct sim_station *s = &w.st[1 - kept_from];
        struct ol_event ev = {
            .kind = OL_EV_FRAME,
            .channel = 1,
            .bytes = OL_SPAN(kept_knock, kept_n),
            .from = {.len = 4, .b = {9, 9, (uint8_t)(i >> 8), (uint8_t)i}}};
        (void)!ol_line_step(s->line, &ev, w.now_ns, &s->eff);
        for (unsigned e = 0; e < s->eff.count; e++)
            answers += s->eff.v[e].kind == OL_FX_SEND;
    }
    EXPECT(answers < 10);
}

/* A ledger that answers later than the peer says what it holds. */
static void a_slow_load_finds_its_credit(void)
{
    calm(1, false);
    run_for(5 * S);
    for (unsigned i = 0; i < 20; i++) {
        world_say(&w, 0, OL_ROUTINE, 100);
        run_for(5 * MS);
    }
    for (unsigned k = 0; k < 20; k++) {
        for (unsigned i = 0; i < 20; i++)
            world_say(&w, 0, OL_ROUTINE, 100);
        run_for((20 + k * 3) * MS);
        w.load_ns = 3 * S;
        world_crash(&w, 0, S);
        run_for(S + 2 * MS);
        for (unsigned i = 0; i < 20; i++)
            world_say(&w, 0, OL_ROUTINE, 100);
        EXPECT(settle(60 * S) < 30 * S);
    }
    check_end(&w);
}

/* A bundle that somebody kept and brings again is no sign of life. */
static void a_kept_bundle_is_not_heard(void)
{
    struct ol_event ev = {.kind = OL_EV_FRAME, .channel = 1};
    uint64_t heard_ns;
    const uint8_t *f;

    calm(1, true);
    run_for(5 * S);
    cut_all(true);
    world_say(&w, 0, OL_ROUTINE, 100);
    run_for(3600 * S);
    heard_ns = status(1).last_heard_ns;
    EXPECT(heard_ns > 0 && heard_ns == status(1).ch[1].last_heard_ns);
    run_for(600 * S);
    /* The file that station 0 wrote last lies where it was made. */
    f = w.st[0].file;
    ev.bytes = OL_SPAN(f + 4, (size_t)f[2] << 8 | f[3]);
    EXPECT(ol_line_step(w.st[1].line, &ev, w.now_ns, &w.st[1].eff) == OL_OK);
    EXPECT(status(1).last_heard_ns == heard_ns);
    EXPECT(status(1).ch[1].last_heard_ns == heard_ns);
}

/* A bundle lay in a drawer while a channel worked and its maker started anew.
 * It is the newest that was ever opened, and still speaks of the past. */
static void a_bundle_from_a_drawer_is_old(void)
{
    static uint8_t kept[OL_BUNDLE_MAX];
    struct ol_event ev = {.kind = OL_EV_FRAME, .channel = 1};
    const uint8_t *f;

    calm(1, true);
    w.ch[1].path[0].loss = w.ch[1].path[1].loss = 1;
    run_for(5 * S);
    cut_all(true);
    world_say(&w, 0, OL_ROUTINE, 100);
    run_for(3600 * S);
    f = w.st[0].file;
    ev.bytes = OL_SPAN(kept, (size_t)f[2] << 8 | f[3]);
    memcpy(kept, f + 4, ev.bytes.n);
    cut_all(false);
    run_for(60 * S);
    world_crash(&w, 0, S);
    run_for(60 * S);
    world_say(&w, 1, OL_ROUTINE, 100);
    run_for(60 * S);
    EXPECT(w.st[1].line->out[OL_ROUTINE].acked == 1);
    cut_all(true);
    run_for(600 * S);
    EXPECT(w.st[1].line->kept.bundle_seen == 0 && !ol_line_live(w.st[1].line));
    EXPECT(ol_line_step(w.st[1].line, &ev, w.now_ns, &w.st[1].eff) == OL_OK);
    EXPECT(w.st[1].line->kept.bundle_seen != 0);
    EXPECT(w.st[1].line->out[OL_ROUTINE].acked == 1);
    EXPECT(memcmp(w.st[1].line->kept.boots[0], w.st[0].line->boot, 8) == 0);
}

/* A copy from before some epochs, while the other side takes the line for
 * live: it gets in at once, and both sides are told. */
static void an_old_copy_is_let_in(void)
{
    uint64_t t;

    for (unsigned epochs = 0; epochs < 4; epochs++) {
        calm(2, false);
        run_for(5 * S);
        world_back_up(&w, 0);
        for (unsigned i = 0; i < epochs; i++) {
            world_crash(&w, 0, S);
            run_for(5 * S);
        }
        world_put_back(&w, 0, S);
        run_for(S + 100 * MS);
        for (t = w.now_ns; status(0).state != OL_LINE_OPEN; run_for(10 * MS))
            EXPECT(w.now_ns - t < 5 * S);
        printf("  %u epochs old: open after %.2f s\n", epochs,
               (double)(w.now_ns - t) / 1e9);
        EXPECT(status(0).second + status(1).peer_second +
                   w.st[0].notes[OL_NOTE_BEHIND] > 0 || epochs == 0);
        world_fini(&w);
    }
    calm(1, false);
}

/* ---- running ------------------------------------------------------------ */

static const struct story stories[] = {
    {"opens_and_carries", opens_and_carries},
    {"blackout_is_seen_by_both", blackout_is_seen_by_both},
    {"a_long_backlog_is_paged", a_long_backlog_is_paged},
    {"flash_overtakes", flash_overtakes},
    {"slow_channel_finishes", slow_channel_finishes},
    {"dead_path_does_not_stop_it", dead_path_does_not_stop_it},
    {"pouch_only_converges", pouch_only_converges},
    {"pouch_carries_a_backlog", pouch_carries_a_backlog},
    {"epochs_change_unnoticed", epochs_change_unnoticed},
    {"idle_is_cheap", idle_is_cheap},
    {"one_way_is_told", one_way_is_told},
    {"a_reboot_is_short", a_reboot_is_short},
    {"a_gap_survives_a_crash", a_gap_survives_a_crash},
    {"a_dropped_frame_is_missed", a_dropped_frame_is_missed},
    {"flash_finds_another_way", flash_finds_another_way},
    {"narrow_is_quick_from_cold", narrow_is_quick_from_cold},
    {"narrow_answers_once", narrow_answers_once},
    {"narrow_knocks_again_soon", narrow_knocks_again_soon},
    {"a_refused_stream_goes_unpacked", a_refused_stream_goes_unpacked},
    {"flash_has_room", flash_has_room},
    {"copies_are_bounded", copies_are_bounded},
    {"a_pile_is_put_in_steps", a_pile_is_put_in_steps},
    {"a_relay_that_leaves_is_left", a_relay_that_leaves_is_left},
    {"a_replayed_knock_gets_little", a_replayed_knock_gets_little},
    {"a_slow_load_finds_its_credit", a_slow_load_finds_its_credit},
    {"a_bundle_from_a_drawer_is_old", a_bundle_from_a_drawer_is_old},
    {"an_old_bundle_changes_nothing", an_old_bundle_changes_nothing},
    {"an_old_copy_is_let_in", an_old_copy_is_let_in},
    {"a_kept_bundle_is_not_heard", a_kept_bundle_is_not_heard},
};

int main(int argc, char **argv)
{
    return story_main(stories, OL_LEN(stories), argc, argv);
}
