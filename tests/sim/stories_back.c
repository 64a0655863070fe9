/*
 * Stories of stations that were put back: what they get back, how soon, and
 * what a peer that lies can do to them; on virtual time.
 *
 * Station 0 is put back in all of them, from a backup or from nothing but its
 * identity; station 1 holds what it said.
 * Usage: stories_back [NAME]; prints PASS or FAIL per story.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "core/line_int.h"
#include "wire/record.h"
#include "story.h"
#include "world_int.h"

#define H (3600 * OL_NS_PER_S)

/* Until both hold the same and nothing is under way; how long it took. */
static uint64_t settle(uint64_t step_ns, uint64_t most_ns)
{
    uint64_t from = w.now_ns;

    do
        run_for(step_ns);
    while (!world_same(&w) && w.now_ns - from < most_ns);
    EXPECT(world_same(&w));
    return w.now_ns - from;
}

static void say(unsigned st, unsigned n, uint8_t prec)
{
    for (unsigned i = 0; i < n; i++) {
        world_say(&w, st, prec, 100);
        run_for(20 * MS);
    }
}

struct tally {
    uint32_t n, unproved, proved, fillers;
};

static bool tally_one(void *arg, const struct ol_row *row)
{
    struct tally *t = arg;

    t->n++;
    t->unproved += row->proof == OL_PROOF_UNPROVED;
    t->proved += row->proof == OL_PROOF_PROVED;
    t->fillers += row->kind == OL_KIND_RETURNED;
    return true;
}

static struct tally tally(unsigned st, enum ol_author author, uint8_t prec)
{
    struct sim_station *s = &w.st[st];
    struct tally t = {0};

    OL_CHECK(s->ledger->ops->log(s->ledger, s->line_no, (uint8_t)author, prec,
                                 1, UINT32_MAX, 0, tally_one, &t) == OL_OK);
    return t;
}

/* ---- what comes back ---------------------------------------------------- */

/* Far more than a window, on two channels of which one loses. */
static void an_old_copy_gets_all_back(void)
{
    world_init_calm(&w, 7, 2, false);
    w.ch[1].path[0].loss = w.ch[1].path[1].loss = 0.2;
    run_for(3 * S);
    say(0, 10, OL_ROUTINE);
    world_back_up(&w, 0);
    say(0, 900, OL_ROUTINE);
    say(0, 5, OL_FLASH);
    say(1, 50, OL_PRIORITY);
    run_for(5 * S);
    world_restore(&w, 0, false, true, S);
    run_for(1100 * MS);
    EXPECT(status(0).restored);
    world_say(&w, 0, OL_ROUTINE, 50);
    world_say(&w, 0, OL_FLASH, 50);
    run_for(5 * MS);
    EXPECT(world_is_waiting(&w, 0));
    printf("  955 records after %.1f s\n",
           (double)settle(100 * MS, 60 * S) / (double)S);
    check_restored(&w);
    EXPECT(tally(0, OL_OWN, OL_ROUTINE).n == 911);
    EXPECT(tally(0, OL_OWN, OL_ROUTINE).proved == 900);
    EXPECT(tally(0, OL_OWN, OL_FLASH).n == 6);
    EXPECT(tally(0, OL_PEER, OL_PRIORITY).n == 50);
    EXPECT(status(0).returned[OL_ROUTINE].back == 900);
    EXPECT(status(0).returned[OL_ROUTINE].aside == 0);
}

/* One round of bundles lets the other side know that there is nobody who has
 * the prekey any more, the next one brings all. */
static void nothing_but_identity_by_courier(void)
{
    uint64_t from;

    world_init_calm(&w, 8, 0, true);
    for (unsigned f = 0; f < 2; f++)
        w.ch[0].path[f].delay_ns = H;
    for (unsigned p = 0; p < OL_PRECS; p++) {
        say(0, 80, (uint8_t)p);
        say(1, 80, (uint8_t)p);
    }
    run_for(30 * H);
    EXPECT(world_same(&w));
    from = w.now_ns;
    world_restore(&w, 0, true, true, S);
    run_for(2 * S);
    EXPECT(status(0).restored);
    while (status(0).restored && w.now_ns - from < 20 * H)
        run_for(60 * S);
    printf("  an hour each way: 320 records of ours are back after %.2f h",
           (double)(w.now_ns - from) / (double)H);
    EXPECT(w.now_ns - from < 4 * H + 300 * S);
    EXPECT(tally(0, OL_OWN, OL_ROUTINE).n == 80);
    settle(60 * S, 20 * H);
    printf(", all of both after %.2f h\n",
           (double)(w.now_ns - from) / (double)H);
    check_restored(&w);
}

/* Both at once; each log comes back from the other side's copy of it. */
static void both_at_once(void)
{
    world_init_calm(&w, 9, 2, false);
    run_for(3 * S);
    say(0, 20, OL_ROUTINE);
    say(1, 20, OL_ROUTINE);
    run_for(S); /* the signature over all of them follows within 250 ms */
    world_back_up(&w, 0);
    say(0, 20, OL_ROUTINE);
    say(1, 20, OL_ROUTINE);
    run_for(2 * S);
    world_restore(&w, 0, false, true, S);
    world_restore(&w, 1, true, true, 2 * S);
    settle(100 * MS, 60 * S);
    check_restored(&w);
    /* Of north's, what south held is gone with it; the copy had the rest. */
    EXPECT(tally(0, OL_OWN, OL_ROUTINE).n == 20);
    EXPECT(tally(1, OL_OWN, OL_ROUTINE).n == 20);
}

/* From then on it only listens, so the peer is the one that knocks; and the
 * peer saw more of its former life than it knows to have made itself. */
static void an_old_copy_is_no_thief(void)
{
    for (uint64_t seed = 11; seed < 15; seed++) {
        uint64_t made;

        world_init_calm(&w, seed, 2, false);
        run_for(3 * S);
        say(0, 5, OL_ROUTINE);
        world_back_up(&w, 0);
        made = w.st[0].line->kept.open_sent;
        for (unsigned i = 0; i < 20 && w.st[1].line->verified <= made; i++) {
            for (unsigned k = 0; k < 4; k++)
                world_cut(&w, k / 2, k % 2, true);
            run_for(60 * S);
            for (unsigned k = 0; k < 4; k++)
                world_cut(&w, k / 2, k % 2, false);
            run_for(20 * S);
        }
        EXPECT(w.st[1].line->verified > made);
        say(0, 5, OL_ROUTINE);
        run_for(2 * S);
        for (unsigned c = 0; c < 2; c++) {
            w.ch[c].conf[0].dials = false;
            w.from[0][c] = (struct ol_addr){.len = 1, .b = {1}};
        }
        world_restore(&w, 0, false, true, S);
        settle(S, 120 * S);
        EXPECT(!status(0).restored);
        /* And it goes on for some epochs, of either side's making. */
        for (unsigned i = 0; i < 20; i++) {
            world_say(&w, i & 1, OL_ROUTINE, 100);
            run_for(60 * S);
            if (i % 5 == 4)
                world_crash(&w, i / 5 % 2, S);
        }
        check_restored(&w);
        EXPECT(w.st[0].notes[OL_NOTE_SECOND] == 0);
        EXPECT(w.st[1].notes[OL_NOTE_PEER_SECOND] == 0);
        world_fini(&w);
    }
}

/* Nobody noticed, and it went on talking in the dark: what both said in the
 * same places is all said, once, the peer's copy first. */
static void two_lives_are_joined(void)
{
    world_init_calm(&w, 10, 1, false);
    run_for(3 * S);
    say(0, 5, OL_ROUTINE);
    world_back_up(&w, 0);
    say(0, 3, OL_ROUTINE);
    run_for(2 * S);
    world_cut(&w, 0, 0, true);
    world_cut(&w, 0, 1, true);
    world_restore(&w, 0, false, false, S);
    run_for(2 * S);
    say(0, 4, OL_ROUTINE);
    EXPECT(tally(0, OL_OWN, OL_ROUTINE).n == 9);
    world_cut(&w, 0, 0, false);
    world_cut(&w, 0, 1, false);
    settle(100 * MS, 60 * S);
    check_restored(&w);
    EXPECT(tally(0, OL_OWN, OL_ROUTINE).n == 12);
    EXPECT(tally(1, OL_PEER, OL_ROUTINE).n == 12);
    EXPECT(status(0).returned[OL_ROUTINE].back == 4);
    EXPECT(status(0).returned[OL_ROUTINE].aside == 5);
}

/* Both lose everything and begin anew; then one of them is put back from a copy
 * of the life before. It holds as many records as it had acknowledged in the
 * life that it lost, and other ones. */
static void a_life_before_the_last_is_noticed(void)
{
    world_init_calm(&w, 31, 1, false);
    run_for(3 * S);
    say(0, 1, OL_FLASH);
    run_for(3 * S);
    world_back_up(&w, 1);
    world_restore(&w, 0, true, true, S);
    world_restore(&w, 1, true, true, S);
    (void)settle(S, 60 * S);
    say(0, 1, OL_FLASH);
    run_for(3 * S);
    world_restore(&w, 1, false, true, S);
    run_for(2 * S);
    (void)settle(S, 60 * S);
    EXPECT(tally(0, OL_OWN, OL_FLASH).n >= 2);
    check_restored(&w);
}

/* A record of eleven frames over a radio whose queue holds four: each time it
 * goes, others of them are lost. */
static void a_long_record_passes_a_short_queue(void)
{
    world_init_calm(&w, 32, 2, false);
    for (unsigned f = 0; f < 2; f++) {
        world_cut(&w, 0, f, true);
        w.ch[1].conf[f].rate_bps = w.ch[1].path[f].rate_bps = 4800;
        w.ch[1].conf[f].mtu = 256;
    }
    world_reboot(&w);
    run_for(60 * S);
    world_say(&w, 0, OL_ROUTINE, 1300);
    run_for(60 * S);
    EXPECT(world_settled(&w));
    world_restore(&w, 0, true, true, S);
    printf("  1,300 bytes at 4,800 bit/s are back after %.0f s\n",
           (double)settle(S, 600 * S) / 1e9);
}

/* ---- a peer that lies --------------------------------------------------- */

/* A record that station 0 never said, as the last of station 1's copy. */
static void forge(uint8_t prec, uint32_t index, bool good)
{
    struct sim_station *s = &w.st[1];
    struct ol_line *l = s->line;
    struct ol_record rec = {.prec = prec,
                            .index = good ? index : index + 7,
                            .number = l->peer_number + 1,
                            .kind = OL_KIND_MESSAGE,
                            .text = ol_span_str("0/0 we surrender")};
    struct ol_put put[2] = {{.kind = OL_PUT_RECORD}, {.kind = OL_PUT_HEAD}};
    struct ol_batch b = {.line = s->line_no, .token = UINT64_MAX >> 1,
                         .puts = put, .n_puts = 2};
    uint8_t bytes[512], id[16] = {0xfe}, front[OL_TREE_LEVELS * OL_HASH];
    struct ol_tree tree = l->in[prec].tree;
    struct ol_ledger_done d;
    struct ol_writer wr;

    w.forged = true;
    rec.id = OL_SPAN_ARRAY(id);
    ol_writer_init(&wr, bytes, sizeof(bytes));
    OL_CHECK(ol_record_encode(&wr, &rec) == OL_OK);
    put[0].author = put[1].author = OL_PEER;
    put[0].prec = put[1].prec = prec;
    put[0].index = put[1].index = index;
    put[0].number = rec.number;
    put[0].rec_kind = rec.kind;
    put[0].bytes = ol_writer_span(&wr);
    ol_tree_leaf(put[0].leaf, l->shared.line_id, w.st[0].id.ed_pk,
                 put[0].bytes);
    ol_tree_append(&tree, put[0].leaf);
    put[1].bytes = OL_SPAN(front, ol_tree_save(&tree, front));
    OL_CHECK(s->ledger->ops->commit(s->ledger, &b) == OL_OK);
    (void)ol_mem_step(s->ledger, 99);
    while (s->ledger->ops->done(s->ledger, &d))
        OL_CHECK(d.err == OL_OK);
}

static void a_forged_record_stays_unproved(void)
{
    world_init_calm(&w, 11, 1, false);
    run_for(3 * S);
    say(0, 5, OL_ROUTINE);
    run_for(5 * S);
    world_restore(&w, 0, true, true, S);
    forge(OL_ROUTINE, 6, true);
    world_crash(&w, 1, S);
    run_for(30 * S);
    EXPECT(!status(0).restored && !status(0).stopped);
    /* And behind it the record that disowns it. */
    EXPECT(tally(0, OL_OWN, OL_ROUTINE).n == 7);
    EXPECT(tally(0, OL_OWN, OL_ROUTINE).proved == 5);
    EXPECT(tally(0, OL_OWN, OL_ROUTINE).unproved == 1);
}

/* A peer that holds a word which a station in good health never said: no
 * signature covers it without the record that disowns it, whenever the station
 * is started anew meanwhile. */
static void nothing_forged_is_signed(void)
{
    for (unsigned k = 0; k < 40; k++) {
        struct sim_station *s = &w.st[1];
        uint8_t root[OL_HASH], sig[OL_SIG];
        uint32_t size = 0;

        world_init_calm(&w, 13, 1, false);
        run_for(3 * S);
        say(0, 5, OL_ROUTINE);
        run_for(5 * S);
        forge(OL_ROUTINE, 6, true);
        world_crash(&w, 1, S);
        run_for(S + k * 10 * MS);
        world_crash(&w, 0, S);
        run_for(60 * S);
        EXPECT(!status(0).stopped && !status(0).returning);
        EXPECT(tally(0, OL_OWN, OL_ROUTINE).n == 7);
        EXPECT(tally(0, OL_OWN, OL_ROUTINE).unproved == 1);
        EXPECT(s->ledger->ops->checkpoint(s->ledger, s->line_no, OL_PEER,
                                          OL_ROUTINE, &size, root,
                                          sig) == OL_OK);
        EXPECT(size == 7);
        if (k < 39)
            world_fini(&w);
    }
}

/* What does not decode as the record of its place is asked for again, at an
 * ever slower pace; the other logs go on. */
static void garbage_holds_up_its_own_log_alone(void)
{
    uint64_t before;

    world_init_calm(&w, 12, 1, false);
    run_for(3 * S);
    say(0, 5, OL_ROUTINE);
    say(0, 5, OL_FLASH);
    run_for(5 * S);
    world_restore(&w, 0, true, true, S);
    forge(OL_ROUTINE, 6, false);
    world_crash(&w, 1, S);
    run_for(60 * S);
    EXPECT(status(0).returning);
    EXPECT(tally(0, OL_OWN, OL_ROUTINE).n == 5);
    EXPECT(tally(0, OL_OWN, OL_FLASH).n == 5);
    before = w.packets;
    run_for(600 * S);
    printf("  %llu packets in ten minutes of garbage\n",
           (unsigned long long)(w.packets - before));
    EXPECT(w.packets - before < 2000);
    world_say(&w, 0, OL_FLASH, 50);
    run_for(5 * S);
    EXPECT(tally(1, OL_PEER, OL_FLASH).n == 6);
}

/* ---- running ------------------------------------------------------------ */

static const struct story stories[] = {
    {"an_old_copy_gets_all_back", an_old_copy_gets_all_back},
    {"nothing_but_identity_by_courier", nothing_but_identity_by_courier},
    {"both_at_once", both_at_once},
    {"an_old_copy_is_no_thief", an_old_copy_is_no_thief},
    {"two_lives_are_joined", two_lives_are_joined},
    {"a_life_before_the_last_is_noticed", a_life_before_the_last_is_noticed},
    {"a_long_record_passes_a_short_queue", a_long_record_passes_a_short_queue},
    {"a_forged_record_stays_unproved", a_forged_record_stays_unproved},
    {"nothing_forged_is_signed", nothing_forged_is_signed},
    {"garbage_holds_up_its_own_log_alone", garbage_holds_up_its_own_log_alone},
};

int main(int argc, char **argv)
{
    return story_main(stories, OL_LEN(stories), argc, argv);
}
