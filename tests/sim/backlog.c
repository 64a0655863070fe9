/*
 * Stories of a backlog: thousands of messages wait for a line that is dark,
 * then it comes back.
 *
 * What is looked at is whether it moves: how long at most no further record
 * came onto the other disk while others waited. One channel, fast and short, so
 * that nothing but the two stations can hold it up.
 */
#include "base/units.h"
#include "core/line_int.h"
#include "story.h"

enum { CABLE, RADIO }; /* a stream, and datagrams */

struct load {
    uint8_t prec;
    uint32_t n;
    uint16_t size; /* of each text */
};

struct drain {
    uint64_t took_ns;  /* from the first that came to the last */
    uint64_t still_ns; /* the longest time without one more */
    uint64_t read;     /* records, from the sender's ledger */
};

static uint32_t there(void)
{
    uint32_t n = 0;

    for (unsigned p = 0; p < OL_PRECS; p++)
        n += w.st[1].line->in[p].durable;
    return n;
}

static struct drain drain(uint32_t n)
{
    uint64_t began = 0, moved = 0, until = w.now_ns + 600 * S;
    struct drain d = {.read = w.records_loaded};
    uint32_t seen = there();

    while (seen < n) {
        run_for(MS);
        EXPECT(w.now_ns < until);
        if (there() == seen)
            continue;
        if (began == 0)
            began = moved = w.now_ns;
        d.still_ns = OL_MAX(d.still_ns, w.now_ns - moved);
        moved = w.now_ns;
        seen = there();
    }
    d.took_ns = w.now_ns - began;
    d.read = w.records_loaded - d.read;
    printf("  %u in %.3f s, at most %.0f ms without one; %.2f read for one\n",
           n, (double)d.took_ns / 1e9, (double)d.still_ns / 1e6,
           (double)d.read / n);
    return d;
}

/* No more than the core has batches for at a time. */
static void say(const struct load *load)
{
    const struct ol_out_log *o = &w.st[0].line->out[load->prec];

    for (uint32_t i = 0; i < load->n; i++) {
        world_say(&w, 0, load->prec, load->size);
        while (i + 1 > o->durable + 4)
            run_for(MS);
    }
    run_for(5 * S);
    EXPECT(o->durable == load->n);
}

/* A world in which one channel will come back, the other will not. */
static void dark(unsigned ch, uint64_t delay_ns, uint64_t rate_bps)
{
    world_init_calm(&w, 7, 2, false);
    for (unsigned f = 0; f < 2; f++) {
        world_cut(&w, CABLE, f, true);
        world_cut(&w, RADIO, f, true);
        w.ch[ch].path[f].delay_ns = delay_ns;
        w.ch[ch].path[f].rate_bps = rate_bps;
    }
    world_reboot(&w);
}

/* All that is said waits, then the channel comes back. */
static struct drain backlog(unsigned ch, const struct load *v, unsigned n)
{
    struct drain d;
    uint32_t all = 0;

    for (unsigned k = 0; k < n; k++) {
        say(&v[k]);
        all += v[k].n;
    }
    for (unsigned f = 0; f < 2; f++)
        world_cut(&w, ch, f, false);
    d = drain(all);
    world_fini(&w);
    return d;
}

/* Nothing is lost, and nothing waits for longer than a commit and the way there
 * and back. */
static void it_moves_all_the_time(void)
{
    static const struct load small = {OL_ROUTINE, 20000, 200},
                             large = {OL_ROUTINE, 2000, 4000};

    for (unsigned ch = CABLE; ch <= RADIO; ch++) {
        dark(ch, 50 * OL_NS_PER_US, 0);
        EXPECT(backlog(ch, &small, 1).still_ns < 20 * MS);
        dark(ch, 50 * OL_NS_PER_US, 0);
        EXPECT(backlog(ch, &large, 1).still_ns < 20 * MS);
    }
}

/* More than the receiver has room for: what is urgent came when the window was
 * full of what is not, and its own window is full too. */
static void it_moves_without_room(void)
{
    static const struct load mixed[] = {{OL_ROUTINE, 3000, 1400},
                                        {OL_PRIORITY, 600, 4000},
                                        {OL_IMMEDIATE, 300, 4000},
                                        {OL_FLASH, 300, 4000}};

    for (unsigned ch = CABLE; ch <= RADIO; ch++) {
        dark(ch, 50 * OL_NS_PER_US, 0);
        EXPECT(backlog(ch, mixed, OL_LEN(mixed)).still_ns < 200 * MS);
    }
}

/* Over a path that is slower than the disks, where each HELD makes a little
 * room: a page is read for what there is, and the path never runs dry. */
static void it_is_read_once(void)
{
    static const struct load load = {OL_ROUTINE, 10000, 200};

    for (unsigned ch = CABLE; ch <= RADIO; ch++) {
        struct drain d;
        dark(ch, 10 * MS, 20000000);
        d = backlog(ch, &load, 1);
        EXPECT(d.still_ns < 100 * MS && d.read <= load.n);
        EXPECT(d.took_ns < 1200 * MS);
    }
}

int main(int argc, char **argv)
{
    static const struct story stories[] = {
        {"it-moves-all-the-time", it_moves_all_the_time},
        {"it-moves-without-room", it_moves_without_room},
        {"it-is-read-once", it_is_read_once},
    };

    return story_main(stories, OL_LEN(stories), argc, argv);
}
