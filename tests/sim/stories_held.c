/*
 * Stories of when a word is said: how far HELDs lie apart and where they go,
 * and what frames that come together are answered with.
 *
 * Station 0 says something, station 1 answers; a HELD shows in its line by the
 * time at which the newest one went, on each channel.
 * Usage: stories_held [NAME]; prints PASS or FAIL per story.
 */
#include "law_kit.h"

enum { CABLE, RADIO };

static struct {
    uint64_t at_ns[OL_CHANNELS_MAX]; /* the newest, on each channel */
    uint64_t least_ns;               /* between two on one channel */
    unsigned n;
} helds;

static bool count_helds(struct world *ww, unsigned ch, unsigned from,
                        const struct ol_send *s)
{
    uint64_t at = ww->st[1].line->ch[ch].held_ns;

    (void)s;
    if (from == 1 && at == ww->now_ns && at != helds.at_ns[ch]) {
        helds.least_ns = OL_MIN(helds.least_ns, at - helds.at_ns[ch]);
        helds.at_ns[ch] = at;
        helds.n++;
    }
    return false;
}

/* So many channels of so much there and back; none of them carries a BRIEF,
 * which is for where a record is repeated. */
static void open_line(unsigned channels, uint64_t rtt_ns)
{
    world_init_calm(&w, 51, channels, false);
    for (unsigned c = 0; c < channels; c++)
        for (unsigned k = 0; k < 2; k++) {
            w.ch[c].conf[k].rate_bps = c == CABLE ? 0 : 32000;
            w.ch[c].path[k].delay_ns = rtt_ns / 2;
        }
    world_reboot(&w);
    run_for(60 * S);
    w.lose = count_helds;
}

/* Records without a pause, for so long; how many HELDs came of them. */
static unsigned talk(uint64_t ns, uint64_t each_ns, bool full)
{
    uint64_t end = w.now_ns + ns, next = w.now_ns;

    helds.n = 0;
    helds.least_ns = UINT64_MAX;
    while (w.now_ns < end) {
        if (w.now_ns >= next) {
            world_say(&w, 0, OL_ROUTINE, 50);
            next += each_ns;
        }
        if (full)
            w.st[1].line->ch[CABLE].path.cwnd = 1;
        run_for(OL_MIN(MS, each_ns));
    }
    return helds.n;
}

/* Each says all that the one before said: eight in a round trip are enough,
 * and are said. */
static void eight_in_a_round_trip(void)
{
    open_line(1, 800 * MS);
    (void)talk(5 * S, 10 * MS, false);
    EXPECT(talk(8 * S, 10 * MS, false) >= 60);
    EXPECT(helds.n <= 82 && helds.least_ns >= 95 * MS);
}

/* A window that losses closed has room for one. */
static void one_in_a_round_trip_where_it_is_full(void)
{
    open_line(1, 800 * MS);
    (void)talk(5 * S, 10 * MS, true);
    EXPECT(talk(8 * S, 10 * MS, true) >= 8);
    EXPECT(helds.n <= 11 && helds.least_ns >= 700 * MS);
}

/* However soon it comes behind another HELD, and wherever there is a way. */
static void flash_is_told_at_once_and_everywhere(void)
{
    struct ol_in_log *in;

    open_line(3, 800 * MS);
    in = &w.st[1].line->in[OL_FLASH];
    for (unsigned k = 0; k < 10; k++) {
        world_say(&w, 0, OL_ROUTINE, 50);
        run_for(30 * MS);
        world_say(&w, 0, OL_FLASH, 50);
        while (in->durable == k)
            run_for(MS / 10);
        run_for(MS / 10);
        for (unsigned c = 0; c < 3; c++)
            EXPECT(w.now_ns - helds.at_ns[c] <= MS);
        run_for(7 * S + k * 35 * MS);
    }
}

/* What came on two ways is told on both: its sender may have lost the word on
 * the better one. */
static void it_goes_where_the_record_came(void)
{
    open_line(2, 20 * MS);
    for (unsigned k = 0; k < 2; k++)
        w.ch[RADIO].path[k].delay_ns = 200 * MS;
    run_for(300 * S);
    for (unsigned k = 0; k < 5; k++) {
        uint64_t from = w.now_ns;

        EXPECT(ol_chan_best(w.st[1].line) == 0);
        world_say(&w, 0, OL_IMMEDIATE, 50);
        run_for(S);
        EXPECT(helds.at_ns[0] > from && helds.at_ns[RADIO] > from);
    }
}

static void give(unsigned k, bool follows)
{
    struct ol_event ev = {.kind = OL_EV_FRAME, .channel = RADIO,
                          .follows = follows,
                          .bytes = OL_SPAN(held.bytes[k], held.size[k])};

    (void)!world_step(&w, 1, &ev);
}

/* Frames that a transport hands over together wait for the last of them with
 * what is due, but not for the eighteenth. */
static void seventeen_wait_for_the_last(void)
{
    uint64_t *sent;

    two();
    world_cut(&w, CABLE, 0, true);
    world_cut(&w, CABLE, 1, true);
    run_for(60 * S);
    sent = &w.st[1].line->ch[RADIO].frames_sent;
    hold(OL_PACKET_FRAME, RADIO, 0, 40);
    held.lose = true;
    for (uint64_t from = w.now_ns; held.n < 18;) {
        world_say(&w, 0, OL_ROUTINE, 50);
        run_for(MS);
        EXPECT(w.now_ns - from < 50 * MS);
    }
    for (uint64_t before = *sent, k = 0; k < 17; k++) {
        EXPECT(*sent == before);
        give((unsigned)k, true);
        EXPECT(k < 16 || *sent > before);
    }
}

static const struct story stories[] = {
    {"eight_in_a_round_trip", eight_in_a_round_trip},
    {"one_in_a_round_trip_where_it_is_full",
     one_in_a_round_trip_where_it_is_full},
    {"flash_is_told_at_once_and_everywhere",
     flash_is_told_at_once_and_everywhere},
    {"it_goes_where_the_record_came", it_goes_where_the_record_came},
    {"seventeen_wait_for_the_last", seventeen_wait_for_the_last},
};

int main(int argc, char **argv)
{
    return story_main(stories, OL_LEN(stories), argc, argv);
}
