/*
 * Stories of full ways: an attachment over paths whose queue holds one product
 * of rate and round trip, and a FLASH beside it. Usage: ways [NAME].
 */
#include "base/check.h"
#include "base/units.h"
#include "core/line_int.h"
#include "story.h"

#define MB UINT64_C(1000000)

/* One way of the world as a real one is: the queue before its rate takes what
 * is under way in one round trip. */
static void shape(unsigned c, uint64_t rate, uint64_t rtt_ms)
{
    for (unsigned f = 0; f < 2; f++) {
        struct sim_path *p = &w.ch[c].path[f];
        p->delay_ns = rtt_ms * MS / 2;
        p->rate_bps = rate;
        p->queue_ns = rtt_ms * MS;
    }
}

static void cut(unsigned c)
{
    world_cut(&w, c, 0, true);
    world_cut(&w, c, 1, true);
}

static uint64_t carried(unsigned from)
{
    struct ol_line_status s = status(from);
    uint64_t n = 0;

    for (unsigned c = 0; c < s.n_channels; c++)
        n += s.ch[c].bytes_sent;
    return n;
}

/* A FLASH from its submission to the other disk. */
static uint64_t flash(void)
{
    uint64_t from = w.now_ns;
    uint32_t before = w.st[1].line->in[OL_FLASH].durable;

    world_say(&w, 0, OL_FLASH, 200);
    while (w.st[1].line->in[OL_FLASH].durable == before &&
           w.now_ns - from < 60 * S)
        run_for(MS / 4);
    EXPECT(w.st[1].line->in[OL_FLASH].durable == before + 1);
    return w.now_ns - from;
}

static void until_whole(const struct sim_file *f, uint64_t from)
{
    while (f->whole_ns == 0 && w.now_ns - from < 60 * S)
        run_for(MS);
    EXPECT(f->whole_ns != 0);
}

/* 20 MB over 20 Mbit/s, 20 ms and 10 Mbit/s, 60 ms. */
static void two_ways_are_filled(void)
{
    for (unsigned seed = 1; seed <= 3; seed++) {
        struct sim_file *f;
        uint64_t from, bytes;
        double s;

        world_init_calm(&w, seed, 3, false);
        cut(0);
        shape(1, 20 * MB, 20);
        shape(2, 10 * MB, 60);
        run_for(60 * S);
        bytes = carried(0);
        f = world_offer(&w, 0, 20 * MB, seed);
        world_want(&w, f);
        from = w.now_ns;
        until_whole(f, from);
        s = (double)(f->whole_ns - from) / 1e9;
        printf("  20 MB in %.3f s: %.1f %% of 30 Mbit/s; frames %.1f %% of "
               "it\n", s, 160 / s / 30 * 100,
               (double)(carried(0) - bytes) * 8 / s / 30e6 * 100);
        EXPECT(160 / s / 30 > 0.88);
        world_fini(&w);
    }
}

/* The slower way is a stream that came up behind the faster one: until each
 * side knew of the other, its ACKs went back by the faster way. */
static void the_slower_way_comes_later(void)
{
    for (unsigned seed = 1; seed <= 3; seed++) {
        uint64_t from, slow;
        struct sim_file *f;
        double share;

        world_init_calm(&w, seed, 2, false);
        shape(0, 10 * MB, 60);
        shape(1, 20 * MB, 20);
        cut(0);
        run_for(60 * S);
        world_cut(&w, 0, 0, false);
        world_cut(&w, 0, 1, false);
        for (unsigned i = 0; i < 50; i++)
            (void)flash();
        run_for(2 * S);
        slow = status(0).ch[0].bytes_sent;
        f = world_offer(&w, 0, 20 * MB, seed);
        world_want(&w, f);
        from = w.now_ns;
        until_whole(f, from);
        share = (double)(status(0).ch[0].bytes_sent - slow) * 8e9 /
                (double)(f->whole_ns - from) / 10e6;
        printf("  20 MB in %.3f s; of the slower way %.1f %%\n",
               (double)(f->whole_ns - from) / 1e9, share * 100);
        EXPECT(share > 0.85);
        world_fini(&w);
    }
}

/* Its receiver is busy for a moment when an attachment begins: what looks like
 * a queue is none, and the way is filled all the same. */
static void a_moment_is_no_queue(void)
{
    for (unsigned c = 0; c < 2; c++)
        for (unsigned after = 20; after <= 80; after += 20) {
            struct sim_file *f;
            uint64_t from;

            world_init_calm(&w, after, 2, false);
            cut(1 - c);
            shape(c, 20 * MB, 40);
            run_for(60 * S);
            f = world_offer(&w, 0, 4 * MB, after);
            world_want(&w, f);
            from = w.now_ns;
            run_for(after * MS);
            w.ch[c].path[0].delay_ns += 30 * MS;
            run_for(10 * MS);
            w.ch[c].path[0].delay_ns -= 30 * MS;
            until_whole(f, from);
            printf("  %s, %u ms after the beginning: 4 MB in %.0f ms\n",
                   c == 0 ? "stream" : "datagrams", after,
                   (double)(f->whole_ns - from) / 1e6);
            EXPECT(f->whole_ns - from < 1900 * MS);
            world_fini(&w);
        }
}

/* 100 MB on one way of 10 Mbit/s, and fifty FLASHes meanwhile. */
static void a_flash_beside_it(void)
{
    static const uint64_t rtt_ms[] = {10, 20, 40, 100, 300};

    for (unsigned c = 0; c < 2; c++)
        for (unsigned r = 0; r < OL_LEN(rtt_ms); r++) {
            uint64_t idle = 0, worst = 0, sum = 0, n, from;
            struct sim_file *f;

            world_init_calm(&w, 40 + r, 2, false);
            cut(1 - c);
            shape(c, 10 * MB, rtt_ms[r]);
            run_for(60 * S);
            for (unsigned i = 0; i < 20; i++) {
                idle = OL_MAX(idle, flash());
                run_for(100 * MS);
            }
            f = world_offer(&w, 0, 100 * MB, r);
            world_want(&w, f);
            from = w.now_ns;
            for (unsigned i = 0; i < 50; i++) {
                n = flash();
                worst = OL_MAX(worst, n);
                sum += n;
                run_for(1300 * MS);
            }
            EXPECT(f->whole_ns == 0);
            printf("  %s, %3u ms: a FLASH alone %.0f ms at most, beside it "
                   "%.0f on average, %.0f at most; %.1f %% of the way used\n",
                   c == 0 ? "stream" : "datagrams", (unsigned)rtt_ms[r],
                   (double)idle / 1e6, (double)sum / 50e6, (double)worst / 1e6,
                   (double)f->progress * OL_PIECE * 8 /
                       ((double)(w.now_ns - from) / 1e9) / 10e6 * 100);
            EXPECT(worst < 2 * rtt_ms[r] * MS + 50 * MS);
            world_fini(&w);
        }
}

/* Slow ways, full of records for a minute: what is sent does not pile up in
 * the way, though for all that time no frame meets it empty. */
static void a_flash_over_a_full_slow_way(void)
{
    static const uint64_t rates[] = {64000, 256000, 1000000};

    for (unsigned mode = 0; mode < 2 * OL_LEN(rates); mode++) {
        unsigned c = mode / OL_LEN(rates);
        uint64_t rate = rates[mode % OL_LEN(rates)], worst = 0, first = 0;
        /* Six frames of the size that bulk is cut to, for an ACK may wait for
         * the second of two, and the small queue that is allowed. */
        uint64_t most = 200 * MS + 6 * UINT64_C(573) * 8 * S / rate;

        world_init_calm(&w, 33, 2, false);
        w.ch[c].path[0].rate_bps = w.ch[c].path[1].rate_bps = rate;
        cut(1 - c);
        run_for(60 * S);
        for (unsigned i = 1; i <= 1000; i++) {
            for (unsigned k = 0; k < 3; k++)
                if (status(0).queue[OL_ROUTINE] < 300)
                    world_say(&w, 0, OL_ROUTINE, 4000);
            run_for(60 * MS);
            if (i == 40)
                first = flash();
            else if (i % 100 == 0)
                worst = OL_MAX(worst, flash());
        }
        printf("  %s of %u kbit/s: a FLASH after 2 s %.0f ms, in the minute "
               "after that %.0f at most\n", c == 0 ? "stream" : "datagrams",
               (unsigned)(rate / 1000), (double)first / 1e6,
               (double)worst / 1e6);
        EXPECT(first < 1500 * MS && worst < most);
        world_fini(&w);
    }
}

static const struct story stories[] = {
    {"two_ways_are_filled", two_ways_are_filled},
    {"the_slower_way_comes_later", the_slower_way_comes_later},
    {"a_moment_is_no_queue", a_moment_is_no_queue},
    {"a_flash_beside_it", a_flash_beside_it},
    {"a_flash_over_a_full_slow_way", a_flash_over_a_full_slow_way},
};

int main(int argc, char **argv)
{
    return story_main(stories, OL_LEN(stories), argc, argv);
}
