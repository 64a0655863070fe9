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

static uint32_t there(void)
{
    uint32_t n = 0;

    for (unsigned p = 0; p < OL_PRECS; p++)
        n += w.st[1].line->in[p].durable;
    return n;
}

/* Until all n are on the other disk: the longest time without one more. */
static uint64_t drain(uint32_t n)
{
    uint64_t began = 0, moved = 0, still = 0, until = w.now_ns + 600 * S;
    uint32_t seen = there();

    while (seen < n) {
        run_for(MS);
        EXPECT(w.now_ns < until);
        if (there() == seen)
            continue;
        if (began == 0)
            began = moved = w.now_ns;
        still = OL_MAX(still, w.now_ns - moved);
        moved = w.now_ns;
        seen = there();
    }
    printf("  %u in %.3f s, at most %.0f ms without one\n", n,
           (double)(w.now_ns - began) / 1e9, (double)still / 1e6);
    return still;
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

/* All that is said waits, then that channel comes back, the other does not. */
static uint64_t backlog(unsigned ch, const struct load *v, unsigned n)
{
    uint32_t all = 0;

    world_init_calm(&w, 7, 2, false);
    for (unsigned f = 0; f < 2; f++) {
        world_cut(&w, CABLE, f, true);
        world_cut(&w, RADIO, f, true);
        w.ch[ch].path[f].delay_ns = 50 * OL_NS_PER_US;
    }
    world_reboot(&w);
    for (unsigned k = 0; k < n; k++) {
        say(&v[k]);
        all += v[k].n;
    }
    for (unsigned f = 0; f < 2; f++)
        world_cut(&w, ch, f, false);
    return drain(all);
}

/* Nothing is lost, and the window is never empty for longer than a commit and
 * the way there and back. */
static void it_moves_all_the_time(void)
{
    static const struct load small = {OL_ROUTINE, 20000, 200},
                             large = {OL_ROUTINE, 2000, 4000};

    for (unsigned ch = CABLE; ch <= RADIO; ch++) {
        EXPECT(backlog(ch, &small, 1) < 20 * MS);
        world_fini(&w);
        EXPECT(backlog(ch, &large, 1) < 20 * MS);
        world_fini(&w);
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
        EXPECT(backlog(ch, mixed, OL_LEN(mixed)) < 200 * MS);
        world_fini(&w);
    }
}

int main(int argc, char **argv)
{
    static const struct story stories[] = {
        {"it-moves-all-the-time", it_moves_all_the_time},
        {"it-moves-without-room", it_moves_without_room},
    };

    return story_main(stories, OL_LEN(stories), argc, argv);
}
