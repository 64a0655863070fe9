/*
 * Stories of the pace of urgent messages: over a path that loses much, and
 * while the best of two paths dies in silence.
 *
 * Each says a message of 200 bytes at even intervals and looks, every
 * millisecond, when it is on the other disk. Times hold two commits, of up to
 * 5 ms each. What is printed is what is demanded: median, 99th in a hundred,
 * worst, and the bytes that went on the wire for each message, IPv4 and UDP
 * heads counted.
 */
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "core/line_int.h"
#include "story.h"

#define IP_UDP 28u
#define EACH 1000u
#define MOST (3 * EACH)
#define LINES 50u

struct run {
    uint8_t prec;
    unsigned n;
    uint64_t each_ns;
    bool beside;         /* a message of another log follows each, soon */
    uint64_t took[MOST]; /* until it was on the other disk */
    uint64_t known;      /* the longest, until its own side knew of that */
    double bytes;        /* for each message, both ways */
};

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static uint64_t wire_bytes(void)
{
    uint64_t n = 0;

    for (unsigned st = 0; st < 2; st++)
        for (unsigned c = 0; c < w.n_ch; c++)
            n += w.st[st].line->ch[c].bytes_sent +
                 IP_UDP * w.st[st].line->ch[c].frames_sent;
    return n;
}

/* Looks what has come; how many of n are still to come. */
static unsigned look(struct run *r, const uint64_t *said, uint32_t base,
                     unsigned *seen)
{
    uint32_t here = w.st[1].line->in[r->prec].durable - base;

    for (; *seen < here && *seen < r->n; ++*seen)
        r->took[*seen] = w.now_ns - said[*seen];
    return r->n - *seen;
}

/* And how many are delivered, as their own side knows. */
static unsigned know(struct run *r, const uint64_t *said, uint32_t base,
                     unsigned *known)
{
    uint32_t acked = w.st[0].line->out[r->prec].acked - base;

    for (; *known < acked && *known < r->n; ++*known)
        r->known = OL_MAX(r->known, w.now_ns - said[*known]);
    return r->n - *known;
}

/* All n are said and come; at[k]: what happens before message k. */
static void say_all(struct run *r, unsigned k_event, void (*event)(void))
{
    uint64_t said[MOST], bytes = wire_bytes(), next = w.now_ns;
    uint32_t base = w.st[1].line->in[r->prec].durable;
    unsigned k = 0, seen = 0, known = 0;

    while (look(r, said, base, &seen) > 0 ||
           know(r, said, base, &known) > 0) {
        (void)know(r, said, base, &known);
        EXPECT(k < r->n || w.now_ns < next + 60 * S);
        if (k < r->n && w.now_ns >= next) {
            if (k == k_event && event != NULL)
                event();
            world_say(&w, 0, r->prec, 200);
            said[k++] = w.now_ns;
            next += r->each_ns;
        }
        if (r->beside && k > 0 && w.now_ns == said[k - 1] + 20 * MS)
            world_say(&w, 0, OL_ROUTINE, 200);
        run_for(MS);
    }
    run_for(2 * S);
    r->bytes = (double)(wire_bytes() - bytes) / r->n;
    qsort(r->took, r->n, sizeof(r->took[0]), by_size);
}

static double at(const struct run *r, unsigned percent)
{
    size_t k = (r->n - 1) * percent / 100;

    return (double)r->took[k] / 1e6;
}

static void show(const char *what, const struct run *r)
{
    printf("  %s: p50 %.0f, p99 %.0f, worst %.0f, known %.0f ms; %.0f bytes "
           "each\n", what, at(r, 50), at(r, 99), at(r, 100),
           (double)r->known / 1e6, r->bytes);
    (void)fflush(stdout);
}

static void two_paths(uint64_t second_ns);

/* ---- loss --------------------------------------------------------------- */

/* From now on so much, and a few are said. */
static void lose(const struct run *r, double loss, unsigned few)
{
    w.healed = false;
    for (unsigned f = 0; f < 2; f++)
        w.ch[1].path[f].loss = loss;
    for (unsigned i = 0; i < few; i++) {
        world_say(&w, 0, r->prec, 200);
        run_for(200 * MS);
    }
    run_for(5 * S);
}

static void lossy_world(struct run *r, double loss, uint64_t seed)
{
    world_init_calm(&w, seed, 2, false);
    for (unsigned f = 0; f < 2; f++) {
        world_cut(&w, 0, f, true); /* the stream */
        w.ch[1].path[f].delay_ns = 50 * MS;
    }
    run_for(40 * S);
    lose(r, loss, 50);
    say_all(r, 0, NULL);
    /* A line that loses nothing pays for nothing. */
    EXPECT(loss > 0 || w.st[0].line->ch[1].path.repeats == 0);
    world_fini(&w);
}

/* Three worlds of n messages each, in one heap. */
static struct run lossy_run(struct run how, double loss, unsigned n)
{
    struct run r = how, one;

    for (uint64_t seed = 7; seed < 10; seed++) {
        one = how;
        one.n = n;
        lossy_world(&one, loss, seed);
        memcpy(r.took + r.n, one.took, n * sizeof(one.took[0]));
        r.n += n;
        r.bytes += one.bytes / 3;
        r.known = OL_MAX(r.known, one.known);
    }
    qsort(r.took, r.n, sizeof(r.took[0]), by_size);
    return r;
}

static struct run lossy(uint8_t prec, double loss, unsigned n)
{
    return lossy_run((struct run){.prec = prec, .each_ns = 200 * MS}, loss, n);
}

static void urgent_over_a_lossy_path(void)
{
    struct run r = lossy(OL_PRIORITY, 0.3, EACH);

    show("PRIORITY at 30 %", &r);
    EXPECT(at(&r, 50) <= 60 && at(&r, 99) <= 350 && r.bytes <= 1040);
}

static void flash_over_a_lossy_path(void)
{
    struct run r = lossy(OL_FLASH, 0.3, EACH);

    show("FLASH at 30 %", &r);
    EXPECT(at(&r, 99) <= 150 && r.bytes <= 1900);
}

static void little_is_lost(void)
{
    struct run r = lossy(OL_PRIORITY, 0.1, EACH);

    show("PRIORITY at 10 %", &r);
    EXPECT(at(&r, 99) <= 250 && r.bytes <= 630);
}

static void flash_little_is_lost(void)
{
    struct run r = lossy(OL_FLASH, 0.1, EACH);

    show("FLASH at 10 %", &r);
    EXPECT(at(&r, 99) <= 150 && r.bytes <= 1120);
}

static void flash_half_is_lost(void)
{
    struct run r = lossy(OL_FLASH, 0.5, EACH);

    show("FLASH at 50 %", &r);
    EXPECT(at(&r, 50) <= 80 && at(&r, 99) <= 1000 && r.bytes <= 1560);
}

static void half_is_lost(void)
{
    struct run r = lossy(OL_PRIORITY, 0.5, EACH);

    show("PRIORITY at 50 %", &r);
    EXPECT(at(&r, 99) <= 1000 && at(&r, 100) <= 10000 && r.bytes <= 1400);
}

/* Its frame was acked before it was on disk, and what is said of it is lost:
 * nothing brings it again, so that is said until it is heard, whatever else is
 * to be acked meanwhile. */
static void what_is_held_is_known(void)
{
    const struct ol_in_log *in;
    const struct ol_out_log *out;
    uint64_t said;

    world_init_calm(&w, 11, 2, false);
    for (unsigned f = 0; f < 2; f++) {
        world_cut(&w, 0, f, true); /* the stream */
        w.ch[1].path[f].delay_ns = 50 * MS;
    }
    run_for(40 * S);
    w.st[1].commit_ns = 400 * MS;
    in = &w.st[1].line->in[OL_ROUTINE];
    out = &w.st[0].line->out[OL_ROUTINE];
    said = w.now_ns;
    world_say(&w, 0, OL_ROUTINE, 200);
    run_for(140 * MS);
    EXPECT(in->durable == 0 && out->acked == 0);
    world_cut(&w, 1, 1, true);
    for (unsigned k = 0; in->durable == 0; k++) {
        world_attend(&w, 0, k % 2 ? OL_ATT_ATTENDED : OL_ATT_UNATTENDED,
                     OL_SHARE_YES);
        run_for(20 * MS);
    }
    world_cut(&w, 1, 1, false);
    while (out->acked == 0)
        run_for(MS);
    printf("  known after %llu ms\n",
           (unsigned long long)((w.now_ns - said) / MS));
    (void)fflush(stdout);
    EXPECT(w.now_ns - said <= 1500 * MS);
}

/* What acks another log's record names the frames of this one as well, and
 * the word that this one is held may have been lost. */
static void what_is_held_beside_another_is_known(void)
{
    for (uint8_t prec = OL_FLASH; prec < OL_ROUTINE; prec++) {
        struct run r = lossy_run((struct run){.prec = prec,
                                              .each_ns = 6 * S,
                                              .beside = true}, 0.1, 200);

        show("beside ROUTINE at 10 %", &r);
        EXPECT(r.known <= 1500 * MS);
    }
}

/* Each is the last thing said: nothing tells that it was lost but a timeout. */
static void routine_little_is_lost(void)
{
    struct run r = lossy(OL_ROUTINE, 0.1, EACH);

    show("ROUTINE at 10 %", &r);
    EXPECT(at(&r, 99) <= 320 && r.bytes <= 640);
}

/* Eight at once, on a path whose round trip has just grown from 20 to 80 ms:
 * beyond a probe timeout, and nothing is lost. */
static void routine_that_is_late_goes_once(void)
{
    for (unsigned paths = 1; paths <= 2; paths++) {
        uint64_t bytes;
        two_paths(30 * MS);
        for (unsigned f = 0; f < 2; f++)
            world_cut(&w, 1, f, paths == 1);
        run_for(60 * S);
        for (unsigned k = 0; k < 20; k++) {
            world_say(&w, 0, OL_ROUTINE, 1000);
            run_for(20 * MS);
        }
        run_for(5 * S);
        for (unsigned f = 0; f < 2; f++)
            w.ch[0].path[f].delay_ns = 40 * MS;
        bytes = wire_bytes();
        for (unsigned k = 0; k < 8; k++)
            world_say(&w, 0, OL_ROUTINE, 1000);
        run_for(2 * S);
        bytes = wire_bytes() - bytes;
        printf("  8 of 1,000 bytes, late, %u path%s: %llu bytes\n", paths,
               paths == 1 ? "" : "s", (unsigned long long)bytes);
        (void)fflush(stdout);
        EXPECT(w.st[1].line->in[OL_ROUTINE].durable == 28 && bytes <= 15000);
        world_fini(&w);
    }
}

/* As the bench has it: 60 messages of a line that was made without loss, and
 * said 20 since. */
static void half_is_lost_of_a_new_line(void)
{
    struct run r = {.prec = OL_PRIORITY}, one;
    double least = 1e9, most = 0;

    for (uint64_t seed = 100; seed < 100 + LINES; seed++) {
        one = (struct run){.prec = r.prec, .n = 60, .each_ns = 200 * MS};
        world_init_calm(&w, seed, 2, false);
        for (unsigned f = 0; f < 2; f++) {
            world_cut(&w, 0, f, true); /* the stream */
            w.ch[1].path[f].delay_ns = 50 * MS;
        }
        world_reboot(&w);
        run_for(2 * S);
        lose(&one, 0.5, 20);
        say_all(&one, 0, NULL);
        world_fini(&w);
        memcpy(r.took + r.n, one.took, one.n * sizeof(one.took[0]));
        r.n += one.n;
        r.bytes += one.bytes / LINES;
        r.known = OL_MAX(r.known, one.known);
        least = OL_MIN(least, one.bytes);
        most = OL_MAX(most, one.bytes);
    }
    qsort(r.took, r.n, sizeof(r.took[0]), by_size);
    show("PRIORITY at 50 % of new lines", &r);
    printf("  of one line %.0f to %.0f\n", least, most);
    EXPECT(at(&r, 99) <= 1000 && r.bytes <= 1445);
}

static void nothing_is_lost(void)
{
    struct run r = lossy(OL_PRIORITY, 0, 200);

    show("PRIORITY, no loss", &r);
    EXPECT(r.bytes <= 440);
}

/* ---- death -------------------------------------------------------------- */

static void die(void)
{
    for (unsigned f = 0; f < 2; f++)
        world_cut(&w, 0, f, true);
}

static void two_die(void)
{
    for (unsigned c = 0; c < 2; c++)
        for (unsigned f = 0; f < 2; f++)
            world_cut(&w, c, f, true);
}

/* Two datagram paths, the first one of 10 ms. */
static void two_paths(uint64_t second_ns)
{
    world_init_calm(&w, 7, 2, false);
    for (unsigned st = 0; st < 2; st++) {
        w.ch[0].conf[st].kind = OL_CHAN_DATAGRAM;
        w.ch[0].conf[st].mtu = w.ch[1].conf[st].mtu;
    }
    for (unsigned f = 0; f < 2; f++) {
        w.ch[0].path[f].delay_ns = 10 * MS;
        w.ch[1].path[f].delay_ns = second_ns;
    }
    world_reboot(&w);
}

/* The better one dies at some moment of an interval. */
static struct run dying(uint8_t prec)
{
    struct run r = {.prec = prec, .n = 100, .each_ns = 100 * MS};

    two_paths(30 * MS);
    run_for(5 * S);
    EXPECT(status(0).state == OL_LINE_OPEN);
    say_all(&r, 50, die);
    return r;
}

static void routine_outlives_its_path(void)
{
    struct run r = dying(OL_ROUTINE);

    show("ROUTINE", &r);
    EXPECT(at(&r, 100) <= 110);
}

static void priority_outlives_its_path(void)
{
    struct run r = dying(OL_PRIORITY);

    show("PRIORITY", &r);
    EXPECT(at(&r, 100) <= 110);
}

static void flash_outlives_its_path(void)
{
    struct run r = dying(OL_FLASH);

    show("FLASH", &r);
    EXPECT(at(&r, 100) <= 46);
}

/* Three paths of 20, 30 and 60 ms; the first two share a fate, and die. */
static void the_first_repeat_goes_on_another_fate(void)
{
    static const uint64_t way_ms[] = {10, 15, 30};
    struct run r = {.prec = OL_PRIORITY, .n = 100, .each_ns = 100 * MS};

    world_init_calm(&w, 7, 3, false);
    for (unsigned c = 0; c < 3; c++)
        for (unsigned f = 0; f < 2; f++) {
            w.ch[c].conf[f].kind = OL_CHAN_DATAGRAM;
            w.ch[c].conf[f].mtu = w.ch[1].conf[f].mtu;
            w.ch[c].conf[f].fate = c < 2 ? 1 : 2;
            w.ch[c].path[f].delay_ns = way_ms[c] * MS;
        }
    world_reboot(&w);
    run_for(5 * S);
    EXPECT(status(0).state == OL_LINE_OPEN);
    say_all(&r, 50, two_die);
    show("PRIORITY, two of three die", &r);
    EXPECT(at(&r, 100) <= 80);
}

/* ---- what changes under way --------------------------------------------- */

/* The slow channel of 4 s carries a record when the quick one is back. */
static double overtaken(uint8_t prec)
{
    struct run r = {.prec = prec, .n = 1, .each_ns = S};

    two_paths(2 * S);
    run_for(30 * S);
    die();
    run_for(60 * S);
    world_say(&w, 0, prec, 200);
    r.took[0] = w.now_ns;
    run_for(100 * MS);
    for (unsigned f = 0; f < 2; f++)
        world_cut(&w, 0, f, false);
    while (w.st[1].line->in[prec].durable == 0)
        run_for(MS);
    world_fini(&w);
    return (double)(w.now_ns - r.took[0]) / 1e6;
}

static void a_quicker_channel_takes_over(void)
{
    double urgent = overtaken(OL_PRIORITY), routine = overtaken(OL_ROUTINE);

    printf("  under way on 4 s when 20 ms come up: PRIORITY %.0f ms, ROUTINE "
           "%.0f ms\n", urgent, routine);
    (void)fflush(stdout);
    EXPECT(urgent < 1500 && routine < 1500);
}

/* A path that loses nothing and changes the order of frames by up to 5 ms. */
static void late_is_not_lost(void)
{
    const struct ol_path *p;
    struct sim_file *f;
    uint64_t from;
    double sent;

    world_init_calm(&w, 7, 2, false);
    for (unsigned k = 0; k < 2; k++) {
        world_cut(&w, 0, k, true);
        w.ch[1].path[k].delay_ns = 50 * MS;
        w.ch[1].path[k].jitter_ns = 5 * MS;
        w.ch[1].path[k].rate_bps = 20000000;
    }
    run_for(60 * S);
    p = &w.st[0].line->ch[1].path;
    f = world_offer(&w, 0, 16 * 1024 * 1024, 1);
    world_want(&w, f);
    from = w.now_ns;
    while (!world_files_settled(&w)) {
        EXPECT(w.now_ns - from < 60 * S);
        run_for(10 * MS);
    }
    sent = (double)w.st[0].line->ch[1].bytes_sent / (16 << 20);
    printf("  16 MiB out of order: %.1f s, %llu of %llu frames lost, %.3f of "
           "it sent\n", (double)(w.now_ns - from) / 1e9,
           (unsigned long long)p->lost_n, (unsigned long long)p->acked_n, sent);
    (void)fflush(stdout);
    EXPECT(p->lost_n * 100 <= p->acked_n && p->ssthresh == UINT32_MAX);
    EXPECT(sent < 1.1);
}

/* Such a path keeps the order again, as another one does that is behind the
 * same name: what is lost is called so as soon as anywhere, in the end. */
static void an_order_that_is_kept_is_believed(void)
{
    const struct ol_path *p;
    unsigned halved = 0;

    world_init_calm(&w, 7, 2, false);
    for (unsigned k = 0; k < 2; k++) {
        world_cut(&w, 0, k, true);
        w.ch[1].path[k].delay_ns = 20 * MS;
        w.ch[1].path[k].jitter_ns = 5 * MS;
        w.ch[1].path[k].rate_bps = 20000000;
    }
    run_for(60 * S);
    p = &w.st[0].line->ch[1].path;
    world_want(&w, world_offer(&w, 0, 4 * 1024 * 1024, 1));
    while (!world_files_settled(&w))
        run_for(10 * MS);
    EXPECT(p->apart > 3);
    for (unsigned k = 0; k < 2; k++)
        w.ch[1].path[k].jitter_ns = 0;
    run_for(S);
    w.ch[1].path[0].loss = 0.02;
    world_want(&w, world_offer(&w, 0, 16 * 1024 * 1024, 2));
    while (p->apart > 3 && !world_files_settled(&w)) {
        uint64_t before = p->recovery_ns;

        run_for(MS);
        halved += p->recovery_ns != before;
    }
    EXPECT(p->apart == 3 && halved >= 12 && halved <= 16);
}

int main(int argc, char **argv)
{
    static const struct story stories[] = {
        {"urgent-over-a-lossy-path", urgent_over_a_lossy_path},
        {"flash-over-a-lossy-path", flash_over_a_lossy_path},
        {"little-is-lost", little_is_lost},
        {"half-is-lost", half_is_lost},
        {"flash-little-is-lost", flash_little_is_lost},
        {"flash-half-is-lost", flash_half_is_lost},
        {"what-is-held-is-known", what_is_held_is_known},
        {"what-is-held-beside-another-is-known",
         what_is_held_beside_another_is_known},
        {"nothing-is-lost", nothing_is_lost},
        {"half-is-lost-of-a-new-line", half_is_lost_of_a_new_line},
        {"routine-little-is-lost", routine_little_is_lost},
        {"routine-that-is-late-goes-once", routine_that_is_late_goes_once},
        {"priority-outlives-its-path", priority_outlives_its_path},
        {"routine-outlives-its-path", routine_outlives_its_path},
        {"flash-outlives-its-path", flash_outlives_its_path},
        {"the-first-repeat-goes-on-another-fate",
         the_first_repeat_goes_on_another_fate},
        {"a-quicker-channel-takes-over", a_quicker_channel_takes_over},
        {"late-is-not-lost", late_is_not_lost},
        {"an-order-that-is-kept-is-believed",
         an_order_that_is_kept_is_believed},
    };

    return story_main(stories, OL_LEN(stories), argc, argv);
}
