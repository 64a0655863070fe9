/*
 * What a peer that lies in the protocol's own words costs us at most.
 *
 * The peer is a real line whose state is made to lie before it speaks, so what
 * it says is well-formed and sealed under the right keys. Each story holds one
 * named limit of wire/messages.h, and shows that the line goes on when the
 * lying ends. Usage: hostile-bounds [NAME]; prints PASS or FAIL per story.
 */
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "core/line_int.h"
#include "story.h"

static struct ol_line *liar(void)
{
    return w.st[1].line;
}

static void met(unsigned seed)
{
    world_init_calm(&w, seed, 2, false);
    w.lies = true;
    run_for(3 * S);
    EXPECT(status(0).state == OL_LINE_OPEN);
}

/* Says what it holds of log p, now. */
static void hold(unsigned p)
{
    liar()->in[p].dirty = liar()->in[p].urgent = true;
    world_tick(&w, 1);
    run_for(20 * MS);
}

/* The truth again, and words pass both ways. */
static void goes_on(void)
{
    world_say(&w, 0, OL_ROUTINE, 100);
    world_say(&w, 1, OL_ROUTINE, 100);
    run_for(200 * S);
    EXPECT(world_settled(&w));
}

/* Another boot in each HELD: one epoch is of one boot. */
static void a_peer_of_many_boots(void)
{
    uint8_t boot[8];
    uint64_t puts;

    met(21);
    memcpy(boot, liar()->boot, sizeof(boot));
    puts = w.puts;
    for (unsigned i = 0; i < 1000; i++) {
        memcpy(liar()->boot, &i, sizeof(i));
        hold(OL_ROUTINE);
    }
    printf("  1,000 boots said: %llu batches on both disks\n",
           (unsigned long long)(w.puts - puts));
    EXPECT(w.puts - puts < 20);
    EXPECT(memcmp(w.st[0].line->kept.boots[0], boot, sizeof(boot)) == 0);
    memcpy(liar()->boot, boot, sizeof(boot));
    goes_on();
}

/* It wants now this file and now that one, and takes nothing of either. */
static void a_peer_that_cannot_choose(void)
{
    struct sim_file *f[2];
    struct ol_pull *pull;
    uint64_t loads, began;

    met(22);
    for (unsigned k = 0; k < 2; k++)
        f[k] = world_offer(&w, 0, 5 * 1024 * 1024, 500 + k);
    pull = &liar()->pull;
    loads = w.pieces_loaded;
    began = w.now_ns;
    for (unsigned c = 0; c < 2; c++)
        w.ch[c].path[0].rate_bps = 1000000;
    for (unsigned i = 0; i < 5000; i++) {
        memset(pull->slot, 0, sizeof(pull->slot));
        memcpy(pull->hash, f[i % 2]->hash, sizeof(pull->hash));
        pull->size = f[0]->size;
        pull->pieces = ol_file_pieces(pull->size);
        pull->upto = 0;
        pull->map = 0;
        pull->before = pull->serial;
        pull->on = pull->dirty = true;
        liar()->ch[0].want_ns = liar()->ch[1].want_ns = 0;
        world_tick(&w, 1);
        run_for(2 * MS);
    }
    loads = w.pieces_loaded - loads;
    printf("  5,000 changes in %.0f s: %llu pieces loaded\n",
           (double)(w.now_ns - began) / 1e9, (unsigned long long)loads);
    EXPECT(loads > 32);
    EXPECT(loads < OL_LOADS_FREE + (w.now_ns - began) / OL_NS_PER_MS /
                                       OL_LOADS_GAP_MS + 100);
    pull->on = false;
    goes_on();
}

static unsigned alarms;

static bool count_alarm(void *arg, const struct ol_row_event *ev)
{
    (void)arg;
    alarms += ev->what == OL_WHAT_ALARM;
    return true;
}

/* It claims to hold more of ours than there is, takes that back, and again. */
static void a_peer_that_claims_too_much(void)
{
    uint64_t began, returns;
    uint32_t truth;

    met(23);
    world_say(&w, 0, OL_ROUTINE, 100);
    run_for(5 * S);
    EXPECT(world_settled(&w));
    truth = liar()->in[OL_ROUTINE].durable;
    began = w.now_ns;
    returns = w.st[0].notes[OL_NOTE_LOST];
    for (unsigned i = 0; i < 3000; i++) {
        liar()->in[OL_ROUTINE].durable = truth + (i & 1 ? 0 : 3);
        hold(OL_ROUTINE);
    }
    liar()->in[OL_ROUTINE].durable = truth;
    returns = w.st[0].notes[OL_NOTE_LOST] - returns;
    (void)!w.st[0].ledger->ops->events(w.st[0].ledger, 0, 100000, count_alarm,
                                       NULL);
    printf("  3,000 claims in %.0f s: %llu returns, %u alarms\n",
           (double)(w.now_ns - began) / 1e9, (unsigned long long)returns,
           alarms);
    EXPECT(returns > 0 && alarms > 0);
    EXPECT(returns <= 2 + (w.now_ns - began) / OL_NS_PER_MS /
                              OL_RETURN_GAP_MS);
    EXPECT(alarms <= 3 * (1 + (w.now_ns - began) / OL_NS_PER_MS /
                                  OL_ALARM_GAP_MS));
}

static const struct story stories[] = {
    {"a_peer_of_many_boots", a_peer_of_many_boots},
    {"a_peer_that_cannot_choose", a_peer_that_cannot_choose},
    {"a_peer_that_claims_too_much", a_peer_that_claims_too_much},
};

int main(int argc, char **argv)
{
    return story_main(stories, OL_LEN(stories), argc, argv);
}
