/*
 * Stories of networks: addresses that change, relays, paths that swallow what
 * is large, networks that come and go; on virtual time.
 *
 * The channel of all of them is "radio", a datagram channel of 60 ms there
 * and back; where a story does not say otherwise, station 0 dials and station
 * 1 only knows the address from which it is called.
 * Usage: stories_net [NAME]; prints PASS or FAIL per story.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "wire/messages.h"
#include "story.h"
#include "world_int.h"

#define RADIO 1u

static uint64_t seed = 11;

static uint64_t settle(uint64_t most_ns)
{
    uint64_t from = w.now_ns;

    do
        run_for(10 * MS);
    while (!world_settled(&w) && w.now_ns - from < most_ns);
    return w.now_ns - from;
}

/* ---- addresses ---------------------------------------------------------- */

static const struct ol_addr nowhere;
static struct ol_addr home; /* where station 0 is now, as station 1 sees it */

static struct ol_addr addr(uint8_t n)
{
    return (struct ol_addr){.len = 4, .b = {10, 0, 0, n}};
}

static bool is(const struct ol_addr *a, const struct ol_addr *b)
{
    return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

/* What goes to an address where nobody is any more is lost. */
static bool gone_away(struct world *ww, unsigned ch, unsigned from,
                      const struct ol_send *s)
{
    (void)ww;
    return ch == RADIO && from == 1 && !is(&s->to, &home);
}

static void move_home(uint8_t n)
{
    home = addr(n);
    w.from[1][RADIO] = home;
}

/* An answer that takes longer than the next handshake: the line comes up all
 * the same, and in the first epochs that it makes, not in the hundredth. */
static void a_slow_path_settles(void)
{
    for (unsigned k = 1; k <= 24; k += 5) {
        uint64_t from, rtt = 2 * k * 250 * MS;
        world_init_calm(&w, seed + k, 2, false);
        for (unsigned f = 0; f < 2; f++) {
            world_cut(&w, 0, f, true);
            w.ch[RADIO].path[f].delay_ns = rtt / 2;
            w.ch[RADIO].path[f].jitter_ns = rtt / 4;
        }
        run_for(10 * S);
        world_reboot(&w);
        from = w.now_ns;
        while (w.now_ns < from + 120 * S &&
               (status(0).state != OL_LINE_LAST_CHANNEL ||
                status(1).state != OL_LINE_LAST_CHANNEL))
            run_for(100 * MS);
        printf("  %.1f s there and back: up after %.1f s\n",
               (double)rtt / 1e9, (double)(w.now_ns - from) / 1e9);
        EXPECT(w.now_ns - from < 7 * rtt);
        EXPECT(status(0).epoch < 7);
        world_fini(&w);
    }
}

/* Only the radio works, and only station 0 dials it. */
static void radio(sim_lose lose)
{
    world_init_calm(&w, seed, 2, false);
    for (unsigned f = 0; f < 2; f++) {
        w.ch[RADIO].path[f].delay_ns = 30 * MS;
        world_cut(&w, 0, f, true);
        w.ch[0].conf[f].disabled = true;
    }
    w.ch[RADIO].conf[1].dials = false;
    w.lose = lose;
    move_home(1);
}

static void start(void)
{
    world_reboot(&w);
    run_for(10 * S);
    for (unsigned st = 0; st < 2; st++)
        EXPECT(status(st).ch[RADIO].state == OL_CHAN_UP);
}

/* An echo that takes longer than the next question: the peer that moved is
 * found all the same, while it is heard all the time. */
static void a_peer_far_away_moves(void)
{
    radio(gone_away);
    for (unsigned f = 0; f < 2; f++)
        w.ch[RADIO].path[f].delay_ns = 1500 * MS;
    world_reboot(&w);
    run_for(30 * S);
    EXPECT(status(0).ch[RADIO].state == OL_CHAN_UP);
    move_home(2);
    for (unsigned i = 0; i < 60; i++) {
        world_say(&w, i & 1, OL_ROUTINE, 200);
        run_for(500 * MS);
    }
    run_for(30 * S);
    EXPECT(world_settled(&w));
}

/* A new address every 10 s, and messages both ways all the time. */
static void an_address_changes_every_ten_seconds(void)
{
    uint32_t worst = 0;

    radio(gone_away);
    start();
    for (unsigned i = 0; i < 1000; i++) {
        if (i % 100 == 0)
            move_home((uint8_t)(2 + i / 100));
        world_say(&w, i & 1, (uint8_t)(i % OL_PRECS), 200);
        run_for(100 * MS);
        for (unsigned st = 0; st < 2; st++) {
            struct ol_line_status s = status(st);
            uint32_t waits = s.queue[0] + s.queue[1] + s.queue[2] + s.queue[3];
            EXPECT(s.ch[RADIO].state == OL_CHAN_UP ||
                   s.ch[RADIO].state == OL_CHAN_DOUBTFUL);
            worst = OL_MAX(worst, waits);
        }
    }
    (void)settle(10 * S);
    EXPECT(world_settled(&w));
    check_end(&w);
    printf("  1000 messages over 11 addresses, at most %u of 5 a second "
           "waited\n", worst);
    EXPECT(worst <= 7);
}

/* Both dial; the one of the higher key is no longer where the other was told
 * to find it. */
static bool moved_out(struct world *ww, unsigned ch, unsigned from,
                      const struct ol_send *s)
{
    (void)ww;
    return ch == RADIO && home.len > 0 && from == 1 && !is(&s->to, &home);
}

static void a_dialled_peer_moves(void)
{
    /* Either of them may be the one of the lower key. */
    for (seed = 11; seed < 15; seed++) {
        uint64_t took;

        radio(moved_out);
        home = nowhere;
        w.from[1][RADIO] = nowhere;
        w.ch[RADIO].conf[1].dials = true;
        start();
        move_home(3);
        world_say(&w, 0, OL_ROUTINE, 100); /* is heard from there */
        world_say(&w, 1, OL_ROUTINE, 100);
        took = settle(60 * S);
        printf("  both know the new address after %.0f ms\n",
               (double)took / 1e6);
        EXPECT(took < 1500 * MS);
        world_fini(&w);
    }
}

/* What goes anywhere but to the destination that it is configured with is lost
 * of station 1's, and so is what does not go to its own new address. */
static bool back_at_home(struct world *ww, unsigned ch, unsigned from,
                         const struct ol_send *s)
{
    (void)ww;
    return ch == RADIO && (from == 1 ? s->to.len > 0 : !is(&s->to, &home));
}

/* It was led away, and what it was led to is gone: it calls where it was told
 * to, and finds the peer there. */
static void who_was_led_away_goes_home(void)
{
    uint64_t took;

    radio(moved_out);
    home = nowhere;
    w.from[1][RADIO] = nowhere;
    w.ch[RADIO].conf[1].dials = true;
    start();
    move_home(3);
    world_say(&w, 0, OL_ROUTINE, 100);
    EXPECT(settle(60 * S) < 60 * S);
    for (unsigned f = 0; f < 2; f++)
        world_cut(&w, RADIO, f, true);
    run_for(120 * S);
    home = w.from[0][RADIO] = addr(7);
    w.from[1][RADIO] = nowhere;
    w.lose = back_at_home;
    for (unsigned f = 0; f < 2; f++)
        world_cut(&w, RADIO, f, false);
    world_say(&w, 0, OL_ROUTINE, 100);
    world_say(&w, 1, OL_ROUTINE, 100);
    took = settle(120 * S);
    printf("  at home again after %.0f s\n", (double)took / 1e9);
    EXPECT(took < 60 * S);
}

/* A round trip longer than the pause between two probes: the answer is always
 * that of an older one. */
static void a_long_way_is_proved(void)
{
    uint64_t took;

    radio(gone_away);
    for (unsigned f = 0; f < 2; f++)
        w.ch[RADIO].path[f].delay_ns = 2500 * MS;
    world_reboot(&w);
    run_for(60 * S);
    EXPECT(status(1).ch[RADIO].state == OL_CHAN_UP);
    for (unsigned i = 0; i < 40; i++) {
        world_say(&w, 1, OL_ROUTINE, 4000);
        run_for(20 * MS);
    }
    took = settle(300 * S);
    printf("  40 x 4,000 bytes over a way of 5 s: %.0f s\n",
           (double)took / 1e9);
    EXPECT(took < 60 * S);
}

/* An attacker who sees all that station 0 says, and is faster than the way:
 * its copies come first, from its own address. What goes to it, it hands on
 * for a while, and then no more. */
static const struct ol_addr thief = {.len = 4, .b = {6, 6, 6, 6}};
static bool hands_on, robs;
static uint64_t stolen;

static bool relayed(struct world *ww, unsigned ch, unsigned from,
                    const struct ol_send *s)
{
    if (ch != RADIO)
        return false;
    if (from == 0 && robs && s->bytes.p[0] == OL_PACKET_FRAME) {
        travel_from(ww, ch, from, s->bytes, &thief);
        return false; /* and the frame itself, 30 ms later: a replay */
    }
    if (from == 1 && is(&s->to, &thief)) {
        stolen += !hands_on;
        return !hands_on;
    }
    return from == 1 && !is(&s->to, &home);
}

static void a_relay_cannot_keep_the_flow(void)
{
    uint64_t took;

    radio(relayed);
    start();
    robs = hands_on = true;
    for (unsigned i = 0; i < 100; i++) {
        world_say(&w, i & 1, OL_ROUTINE, 200);
        run_for(100 * MS);
    }
    EXPECT(settle(S) < S);
    /* It took all that in, and now swallows what it gets. */
    hands_on = false;
    for (unsigned i = 0; i < 100; i++) {
        world_say(&w, 1, OL_ROUTINE, 200);
        run_for(100 * MS);
    }
    robs = false;
    took = settle(60 * S);
    printf("  %llu packets stolen, all settled %.0f ms after it left\n",
           (unsigned long long)stolen, (double)took / 1e6);
    EXPECT(took < 3 * S);
    check_end(&w);
}

/* A relay that is only sometimes the faster one does not become the way. */
static bool sometimes(struct world *ww, unsigned ch, unsigned from,
                      const struct ol_send *s)
{
    static unsigned n;

    if (ch == RADIO && from == 0 && robs && ++n % 3 != 0) {
        return relayed(ww, ch, from, s);
    }
    if (ch == RADIO && from == 1 && is(&s->to, &thief))
        stolen += s->bytes.n > 100;
    return ch == RADIO && from == 1 && !is(&s->to, &home) &&
           !is(&s->to, &thief);
}

static void a_slower_relay_gets_nothing(void)
{
    radio(sometimes);
    start();
    robs = hands_on = true;
    stolen = 0;
    for (unsigned i = 0; i < 300; i++) {
        world_say(&w, i & 1, OL_ROUTINE, 200);
        run_for(100 * MS);
    }
    printf("  %llu packets with something in them went to the relay\n",
           (unsigned long long)stolen);
    EXPECT(stolen == 0);
    EXPECT(settle(S) < S);
}

/* One captured frame, sent on with forged senders, is no amplifier. */
static uint8_t caught[OL_FRAME_MAX];
static size_t caught_n;
static bool catching;

static bool catch_frame(struct world *ww, unsigned ch, unsigned from,
                        const struct ol_send *s)
{
    (void)ww;
    if (catching && ch == RADIO && from == 0 &&
        s->bytes.p[0] == OL_PACKET_FRAME && caught_n == 0) {
        memcpy(caught, s->bytes.p, s->bytes.n);
        caught_n = s->bytes.n;
        return true;
    }
    return ch == RADIO && catching; /* and nothing passes any more */
}

static void a_forged_sender_gets_little(void)
{
    static const struct ol_addr victim = {.len = 4, .b = {9, 9, 9, 9}};
    uint64_t sent;

    for (unsigned down = 0; down < 2; down++) {
        caught_n = 0;
        catching = false;
        radio(catch_frame);
        start();
        for (unsigned i = 0; i < 50; i++)
            world_say(&w, 1, OL_ROUTINE, 2000);
        catching = true;
        world_say(&w, 0, OL_ROUTINE, 100);
        run_for(down ? 60 * S : 100 * MS);
        EXPECT(caught_n > 0);
        EXPECT(!down || status(1).ch[RADIO].state == OL_CHAN_DOWN);
        sent = 0;
        w.sent_to = victim;
        w.sent_bytes = &sent;
        travel_from(&w, RADIO, 0, OL_SPAN(caught, caught_n), &victim);
        run_for(120 * S);
        w.sent_bytes = NULL;
        printf("  %zu bytes came, %llu bytes went to their forged sender\n",
               caught_n, (unsigned long long)sent);
        EXPECT(sent <= 3 * caught_n + OL_FRAME_UDP);
        world_fini(&w);
    }
}

/* ---- size --------------------------------------------------------------- */

static uint32_t passes[2]; /* [from] the largest packet that passes */

static bool swallowed(struct world *ww, unsigned ch, unsigned from,
                      const struct ol_send *s)
{
    (void)ww;
    return ch == RADIO && s->bytes.n > passes[from];
}

static void a_black_hole_is_found(void)
{
    uint64_t took;

    passes[0] = passes[1] = OL_FRAME_UDP;
    radio(swallowed);
    start();
    EXPECT(status(0).ch[RADIO].frame_bytes == OL_FRAME_UDP);
    passes[0] = 1000;
    for (unsigned i = 0; i < 20; i++)
        world_say(&w, 0, OL_ROUTINE, 4000);
    world_say(&w, 1, OL_ROUTINE, 4000);
    took = settle(30 * S);
    printf("  20 x 4,000 bytes in %.1f s, frames of %u bytes\n",
           (double)took / 1e9, status(0).ch[RADIO].frame_bytes);
    EXPECT(took < 5 * S);
    EXPECT(status(0).ch[RADIO].frame_bytes == OL_FRAME_BASE);
    EXPECT(status(1).ch[RADIO].frame_bytes == OL_FRAME_UDP);
    run_for(30 * S); /* and looks for what passes */
    printf("  later frames of %u bytes\n", status(0).ch[RADIO].frame_bytes);
    EXPECT(status(0).ch[RADIO].frame_bytes > 1000 - 64);
    EXPECT(status(0).ch[RADIO].frame_bytes <= 1000);
    EXPECT(status(0).ch[RADIO].state == OL_CHAN_UP);
    for (unsigned i = 0; i < 20; i++)
        world_say(&w, 0, OL_ROUTINE, 4000);
    EXPECT(settle(30 * S) < 2 * S);
    passes[0] = OL_FRAME_UDP;
    run_for(120 * S);
    EXPECT(status(0).ch[RADIO].frame_bytes == OL_FRAME_UDP);
    passes[0] = 0; /* nothing at all is no black hole */
    for (unsigned i = 0; i < 20; i++)
        world_say(&w, 0, OL_ROUTINE, 4000);
    run_for(60 * S);
    passes[0] = OL_FRAME_UDP;
    EXPECT(settle(30 * S) < 10 * S);
    EXPECT(status(0).ch[RADIO].frame_bytes == OL_FRAME_UDP);
    check_end(&w);
}

/* Records whose last frames just pass, copies that no window holds back: the
 * size is found all the same, and no storm of copies fills the path. */
static void copies_make_no_storm(void)
{
    uint64_t before, took;

    passes[0] = passes[1] = OL_FRAME_UDP;
    radio(swallowed);
    start();
    passes[0] = 972;
    before = status(0).ch[RADIO].bytes_sent;
    for (unsigned i = 0; i < 20; i++) {
        world_say(&w, 0, (uint8_t)(i % OL_PRECS), 4000);
        run_for(20 * MS);
    }
    took = settle(30 * S);
    before = status(0).ch[RADIO].bytes_sent - before;
    printf("  20 x 4,000 bytes in %.1f s, with %llu bytes\n",
           (double)took / 1e9, (unsigned long long)before);
    EXPECT(took < 5 * S);
    EXPECT(before < 1000 * 1000);
}

/* A FLASH of one frame does not wait for a proof that needs four. */
static void a_single_message_finds_through(void)
{
    uint64_t took;

    passes[0] = passes[1] = 600;
    radio(swallowed);
    start();
    world_say(&w, 0, OL_FLASH, 1000);
    took = settle(30 * S);
    printf("  1,000 bytes through a hole of 600: %.1f s\n",
           (double)took / 1e9);
    EXPECT(took < 5 * S);
}

/* Mere loss is none either. */
static void loss_is_no_black_hole(void)
{
    unsigned small = 0;

    radio(NULL);
    start();
    w.ch[RADIO].path[0].loss = w.ch[RADIO].path[1].loss = 0.1;
    for (unsigned i = 0; i < 600; i++) {
        world_say(&w, 0, OL_ROUTINE, 3000);
        run_for(100 * MS);
        small += status(0).ch[RADIO].frame_bytes < OL_FRAME_UDP;
    }
    (void)settle(60 * S);
    EXPECT(world_settled(&w));
    printf("  at one in ten lost, small frames for %u of 600 messages\n",
           small);
    EXPECT(small < 150);
}

/* ---- networks that come and go ------------------------------------------ */

/* The station is told: its own address is another one now. */
static void news(unsigned st)
{
    struct ol_chan c = {.up = true, .news = true, .room_bytes = w.room};

    transport_is(&w, st, RADIO, &c);
}

static void news_is_acted_upon(void)
{
    uint64_t took[2];

    for (unsigned told = 0; told < 2; told++) {
        radio(gone_away);
        start();
        run_for(7 * S); /* idle: the next probe is far */
        move_home(2);
        if (told)
            news(0);
        world_say(&w, 1, OL_ROUTINE, 100);
        took[told] = settle(60 * S);
        world_fini(&w);
    }
    printf("  the peer reaches a host that moved after %.1f s, %.1f s when "
           "it knows\n", (double)took[0] / 1e9, (double)took[1] / 1e9);
    EXPECT(took[1] < S);
}

/* Nobody answers: the clock is asked for what is due and no more. */
static void waiting_costs_nothing(void)
{
    uint64_t steps, packets;

    radio(NULL);
    for (unsigned f = 0; f < 2; f++)
        world_cut(&w, RADIO, f, true);
    world_reboot(&w);
    steps = w.steps;
    packets = w.packets;
    run_for(120 * S);
    printf("  %llu steps and %llu packets in two minutes\n",
           (unsigned long long)(w.steps - steps),
           (unsigned long long)(w.packets - packets));
    EXPECT(w.steps - steps < 1000);
}

/* One way carries only there, the other only back: a handshake comes through
 * and no channel is ever up. That is no reason for a handshake a round trip. */
static void two_halves_make_no_storm(void)
{
    uint64_t epochs;

    world_init_calm(&w, 11, 3, false);
    world_cut(&w, 0, 0, true);
    world_cut(&w, 0, 1, true);
    world_cut(&w, 1, 0, true);
    world_cut(&w, 2, 1, true);
    world_reboot(&w);
    run_for(30 * S);
    epochs = w.st[0].notes[OL_NOTE_EPOCH] + w.st[1].notes[OL_NOTE_EPOCH];
    printf("  two halves of a line: %llu epochs in 30 s\n",
           (unsigned long long)epochs);
    EXPECT(epochs > 0 && epochs <= 4 * 31);
}

/* What is left of two ways is half of each: nothing is of use, and each side
 * hears on the one what it said on the other. Both show both one-way. */
static void two_halves_learn_of_each_other(void)
{
    for (unsigned k = 0; k < 8; k++) {
        world_init_calm(&w, seed + k, 3, false);
        for (unsigned f = 0; f < 2; f++) {
            world_cut(&w, 0, f, true);
            w.ch[1].path[f].delay_ns = (10 + 20 * k) * MS;
        }
        run_for(60 * S + k * 3 * S);
        world_cut(&w, 1, 1, true);
        world_cut(&w, 2, 0, true);
        run_for(60 * S);
        for (unsigned s = 0; s < 120; s++, run_for(S))
            for (unsigned st = 0; st < 2; st++)
                for (unsigned c = 1; c < 3; c++)
                    EXPECT(status(st).ch[c].state == OL_CHAN_ONE_WAY);
        world_fini(&w);
    }
}

/* ---- running ------------------------------------------------------------ */

/* Both stations start at the same moment, and each takes the other's knock:
 * two epochs of one number. The one that both send under does not end with the
 * old keys. Nothing is said, so nothing is renewed, and nothing goes dark. */
static void two_epochs_of_one_number(void)
{
    world_init_calm(&w, 11, 2, false);
    run_for(5 * S);
    for (unsigned s = 0; s < 900; s++) {
        run_for(S);
        for (unsigned st = 0; st < 2; st++) {
            EXPECT(status(st).state == OL_LINE_OPEN);
            EXPECT(status(st).ch[0].state == OL_CHAN_UP);
            EXPECT(status(st).ch[1].state == OL_CHAN_UP);
        }
    }
    EXPECT(w.st[0].notes[OL_NOTE_EPOCH] + w.st[1].notes[OL_NOTE_EPOCH] <= 4);
    world_fini(&w);
}

static const struct story stories[] = {
    {"an_address_changes_every_ten_seconds",
     an_address_changes_every_ten_seconds},
    {"a_peer_far_away_moves", a_peer_far_away_moves},
    {"a_dialled_peer_moves", a_dialled_peer_moves},
    {"a_slow_path_settles", a_slow_path_settles},
    {"who_was_led_away_goes_home", who_was_led_away_goes_home},
    {"a_long_way_is_proved", a_long_way_is_proved},
    {"a_relay_cannot_keep_the_flow", a_relay_cannot_keep_the_flow},
    {"a_slower_relay_gets_nothing", a_slower_relay_gets_nothing},
    {"a_forged_sender_gets_little", a_forged_sender_gets_little},
    {"a_black_hole_is_found", a_black_hole_is_found},
    {"copies_make_no_storm", copies_make_no_storm},
    {"a_single_message_finds_through", a_single_message_finds_through},
    {"loss_is_no_black_hole", loss_is_no_black_hole},
    {"news_is_acted_upon", news_is_acted_upon},
    {"waiting_costs_nothing", waiting_costs_nothing},
    {"two_halves_make_no_storm", two_halves_make_no_storm},
    {"two_halves_learn_of_each_other", two_halves_learn_of_each_other},
    {"two_epochs_of_one_number", two_epochs_of_one_number},
};

int main(int argc, char **argv)
{
    return story_main(stories, OL_LEN(stories), argc, argv);
}
