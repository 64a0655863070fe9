/*
 * Stories of attachments: how fast, how much again, and what a hostile peer
 * can do with them. Usage: bulk [NAME]; prints PASS or FAIL per story.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "core/bulk.h"
#include "core/line_int.h"
#include "wire/messages.h"
#include "story.h"

#define MIB (1024u * 1024)

/* Two datagram paths of 50 and 20 Mbit/s, 30 and 60 ms there and back. */
static void two_paths(void)
{
    static const uint64_t rate[] = {0, 50000000, 20000000};
    static const uint64_t rtt_ms[] = {0, 30, 60};

    world_init_calm(&w, 11, 3, false);
    for (unsigned c = 1; c < 3; c++)
        for (unsigned f = 0; f < 2; f++) {
            w.ch[c].path[f].delay_ns = rtt_ms[c] * MS / 2;
            w.ch[c].path[f].rate_bps = rate[c];
        }
    world_cut(&w, 0, 0, true);
    world_cut(&w, 0, 1, true);
    run_for(60 * S);
}

static uint64_t until_settled(uint64_t most_ns)
{
    uint64_t from = w.now_ns;

    while (w.now_ns - from < most_ns && !world_files_settled(&w))
        run_for(10 * MS);
    EXPECT(world_files_settled(&w));
    return w.now_ns - from;
}

static uint64_t sent(void)
{
    struct ol_line_status s;
    uint64_t n = 0;

    ol_line_status(w.st[0].line, w.now_ns, &s);
    for (unsigned c = 0; c < s.n_channels; c++)
        n += s.ch[c].bytes_sent;
    return n;
}

static void two_paths_add_up(void)
{
    struct sim_file *f;
    uint64_t before, ns;

    two_paths();
    before = sent();
    f = world_offer(&w, 0, 64 * MIB, 1);
    world_want(&w, f);
    ns = until_settled(60 * S);
    printf("  64 MiB in %.2f s: %.1f Mbit/s of 70, %.1f %% more bytes sent "
           "than the file has\n",
           (double)ns / 1e9, 64.0 * MIB * 8e3 / (double)ns,
           ((double)(sent() - before) / (64.0 * MIB) - 1) * 100);
    EXPECT(f->times == 1);
}

static uint32_t arrived(unsigned prec)
{
    struct sim_station *s = &w.st[1];
    uint8_t frontier[1024];
    uint32_t size = 0;
    size_t n;

    EXPECT(s->ledger->ops->head(s->ledger, s->line_no, OL_PEER, (uint8_t)prec,
                                &size, frontier, &n) == OL_OK);
    return size;
}

/* From its submission to the other disk: the mean and the worst of 40. */
static void latency(unsigned prec, double *mean_ms, double *worst_ms)
{
    *mean_ms = *worst_ms = 0;
    for (unsigned i = 0; i < 40; i++) {
        uint64_t from = w.now_ns;
        uint32_t before = arrived(prec);
        double ms;

        world_say(&w, 0, (uint8_t)prec, 400);
        while (arrived(prec) == before && w.now_ns - from < 120 * S)
            run_for(MS / 4);
        EXPECT(arrived(prec) == before + 1);
        ms = (double)(w.now_ns - from) / 1e6;
        *mean_ms += ms / 40;
        *worst_ms = OL_MAX(*worst_ms, ms);
        run_for(7 * MS + i * MS / 3);
    }
}

/* A record meets no more than the small queue that the paths allow. */
static void records_pass_it(void)
{
    static const char *const name[] = {"FLASH", "IMMEDIATE", "PRIORITY",
                                       "ROUTINE"};
    double alone[OL_PRECS], worst_alone[OL_PRECS], beside, worst;
    struct sim_file *f;

    two_paths();
    for (unsigned p = 0; p < OL_PRECS; p++)
        latency(p, &alone[p], &worst_alone[p]);
    f = world_offer(&w, 0, 192 * MIB, 2);
    world_want(&w, f);
    run_for(5 * S);
    for (unsigned p = 0; p < OL_PRECS; p++) {
        latency(p, &beside, &worst);
        EXPECT(f->whole_ns == 0); /* it was under way throughout */
        printf("  %-9s alone %.1f ms (worst %.1f), beside an attachment "
               "%.1f ms (worst %.1f): ratio %.2f\n",
               name[p], alone[p], worst_alone[p], beside, worst,
               beside / alone[p]);
        EXPECT(worst < worst_alone[p] + 60);
    }
}

/* One path dies, and both stations start anew at different times: it goes on
 * where the receiver's disk stands. */
static void it_survives_all_that(void)
{
    struct sim_file *f;
    uint64_t before, ns, again;

    two_paths();
    f = world_offer(&w, 0, 64 * MIB, 3);
    before = sent();
    world_want(&w, f);
    for (unsigned i = 0; i < 8; i++)
        world_say(&w, 0, (uint8_t)(i % OL_PRECS), 300);
    run_for(2 * S);
    EXPECT(f->served > 0);
    world_cut(&w, 1, 0, true);
    world_cut(&w, 1, 1, true);
    run_for(S);
    before = sent() - before; /* the count ends with the station */
    world_crash(&w, 0, S);
    run_for(4 * S);
    world_crash(&w, 1, S);
    for (unsigned i = 0; i < 8; i++)
        world_say(&w, 0, (uint8_t)(i % OL_PRECS), 300);
    ns = until_settled(120 * S);
    again = before + sent();
    printf("  64 MiB whole %.1f s later; %.2f MiB sent beyond it and its "
           "headers\n",
           (double)ns / 1e9,
           (double)again / MIB - 64 * 1.0625);
    EXPECT(f->times == 1);
    /* A window for each restart, and what the dead path had. */
    EXPECT(again < 64 * MIB * 1.0625 + 5.0 * MIB);
    EXPECT(world_settled(&w));
    check_end(&w);
}

/* Both ways at once, in every size that has an edge; an empty one too. */
static void every_size_both_ways(void)
{
    static const uint64_t size[] = {0,         1,          63,      64,
                                    65,        255,        256,     65535,
                                    65536,     65537,      3 * MIB, 100000,
                                    4 * MIB - 1};

    two_paths();
    for (unsigned i = 0; i < 2 * OL_LEN(size); i++)
        world_want(&w, world_offer(&w, i & 1, size[i / 2], 100 + i));
    printf("  %u files in %.2f s\n", w.n_files,
           (double)until_settled(60 * S) / 1e9);
    for (unsigned i = 0; i < w.n_files; i++)
        EXPECT(w.file[i].times == 1);
}

/* A hash that nobody has, and one whose size is another: asked for ever more
 * slowly, and in nobody's way. */
static void what_is_not_there_is_not_asked_for_all_day(void)
{
    struct sim_file no = {.from = 0, .size = 5 * MIB, .hash = {9}};
    uint64_t loads;
    struct sim_file *f;

    two_paths();
    w.file[w.n_files++] = no;
    world_want(&w, &w.file[0]);
    run_for(600 * S);
    loads = w.pieces_loaded;
    printf("  asked the disk %llu times in 10 min\n",
           (unsigned long long)loads);
    EXPECT(loads >= 5 && loads < 40);
    /* The station gives up on it, and wants another. */
    w.file[0].wanted = false;
    world_unwant(&w, &w.file[0]);
    f = world_offer(&w, 0, MIB, 7);
    world_want(&w, f);
    EXPECT(until_settled(30 * S) < 5 * S);
}

/* 2,400 bit/s and frames of 192 bytes: a map of 20 KB, and the word that
 * counts does not wait for it. */
static void a_thin_line_carries_one(void)
{
    double alone, worst_alone, beside, worst;
    struct sim_file *f;
    uint64_t from;

    world_init_calm(&w, 9, 2, false);
    world_cut(&w, 0, 0, true);
    world_cut(&w, 0, 1, true);
    for (unsigned st = 0; st < 2; st++) {
        w.ch[1].path[st].rate_bps = w.ch[1].conf[st].rate_bps = 2400;
        w.ch[1].path[st].delay_ns = 300 * MS;
        w.ch[1].conf[st].mtu = OL_FRAME_MIN;
    }
    world_reboot(&w);
    run_for(60 * S);
    latency(OL_FLASH, &alone, &worst_alone);
    f = world_offer(&w, 0, 20000, 4);
    from = w.now_ns;
    world_want(&w, f);
    run_for(20 * S);
    latency(OL_FLASH, &beside, &worst);
    EXPECT(f->whole_ns == 0);
    (void)until_settled(3600 * S);
    printf("  20,000 bytes at 2,400 bit/s in %.0f s; FLASH alone %.1f s, "
           "beside it %.1f s, worst %.1f s\n",
           (double)(w.now_ns - from) / 1e9, alone / 1e3, beside / 1e3,
           worst / 1e3);
    EXPECT(f->times == 1);
    EXPECT(worst < worst_alone + 15000);
}

/* No live channel at all. A file for a folder is a day or so under way. */
static void the_courier_carries_them(void)
{
    static const uint64_t size[] = {0, 1, 65536, 65537, 5 * MIB, 100 * MIB};
    uint64_t from;

    world_init_calm(&w, 5, 0, true);
    w.ch[0].path[0].delay_ns = w.ch[0].path[1].delay_ns = 3600 * S;
    run_for(60 * S);
    from = w.now_ns;
    for (unsigned i = 0; i < OL_LEN(size); i++) {
        world_want(&w, world_offer(&w, 0, size[i], 200 + i));
        world_want(&w, world_offer(&w, 1, size[i] / 50, 300 + i));
    }
    world_say(&w, 0, OL_ROUTINE, 100);
    world_say(&w, 1, OL_ROUTINE, 100);
    run_for(2 * 3600 * S);
    for (unsigned i = 0; i < w.n_files; i++)
        EXPECT(w.file[i].whole_ns != 0);
    while (!world_files_settled(&w) && w.now_ns - from < 100 * 3600 * S)
        run_for(600 * S);
    printf("  whole with the first file, noted by both after %.1f h\n",
           (double)(w.now_ns - from) / 3600e9);
    EXPECT(world_files_settled(&w));
    for (unsigned i = 0; i < w.n_files; i++)
        EXPECT(w.file[i].times == 1);
}

static uint64_t bag_bytes;

static void weigh(struct world *ww, unsigned from, struct ol_span b)
{
    (void)ww;
    bag_bytes += from == 0 ? b.n : 0;
}

/* Pieces come in a bag that overtook the one with the record: nobody knows
 * them yet and they are passed over. The wish that follows brings them. */
static void a_bag_that_overtakes(void)
{
    struct sim_file *f;
    uint64_t from;

    world_init_calm(&w, 6, 0, true);
    w.ch[0].path[0].delay_ns = w.ch[0].path[1].delay_ns = 600 * S;
    run_for(60 * S);
    f = world_offer(&w, 0, MIB, 400);
    world_say(&w, 0, OL_ROUTINE, 100);
    run_for(1200 * S);
    EXPECT(f->whole_ns == 0);
    from = w.now_ns;
    world_want(&w, f);
    while (f->whole_ns == 0 && w.now_ns - from < 30 * 3600 * S)
        run_for(60 * S);
    printf("  wanted after it was passed over: there %.0f min later\n",
           (double)(w.now_ns - from) / 60e9);
    /* One way there with the wish, and one back. */
    EXPECT(f->whole_ns != 0 && w.now_ns - from <= 1200 * S + 300 * S);
    EXPECT(f->times == 1);
}

/* A peer that says in a bundle every minute that it opened all of ours, and
 * lacks the file: what that makes us write is bounded. */
static void a_peer_that_always_wants(void)
{
    struct ol_where at = {.c = 0, .seen = UINT64_MAX, .current = true};
    struct ol_want v = {.limit = 1};
    struct sim_file *f;

    world_init_calm(&w, 6, 0, true);
    w.ch[0].path[0].delay_ns = w.ch[0].path[1].delay_ns = 10 * S;
    run_for(60 * S);
    f = world_offer(&w, 0, MIB, 400);
    v.size = f->size;
    memcpy(v.hash, f->hash, sizeof(v.hash));
    world_say(&w, 0, OL_ROUTINE, 100);
    w.bundle = weigh;
    run_for(60 * S);
    for (unsigned day = 1; day < 4; day++) {
        bag_bytes = 0;
        for (unsigned i = 0; i < 24 * 60; i++) {
            ol_pouch_wanted(w.st[0].line, &at, &v);
            world_tick(&w, 0);
            run_for(60 * S);
        }
        printf("  day %u: %.1f MiB for a file of 1 MiB\n", day,
               (double)bag_bytes / MIB);
        EXPECT(bag_bytes > MIB && bag_bytes < (day == 1 ? 16 : 5) * MIB);
    }
    EXPECT(f->times == 0);
}

static const struct story stories[] = {
    {"two_paths_add_up", two_paths_add_up},
    {"records_pass_it", records_pass_it},
    {"it_survives_all_that", it_survives_all_that},
    {"every_size_both_ways", every_size_both_ways},
    {"what_is_not_there_is_not_asked_for_all_day",
     what_is_not_there_is_not_asked_for_all_day},
    {"a_thin_line_carries_one", a_thin_line_carries_one},
    {"the_courier_carries_them", the_courier_carries_them},
    {"a_bag_that_overtakes", a_bag_that_overtakes},
    {"a_peer_that_always_wants", a_peer_that_always_wants},
};

int main(int argc, char **argv)
{
    return story_main(stories, OL_LEN(stories), argc, argv);
}
