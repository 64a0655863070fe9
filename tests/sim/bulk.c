/*
 * Stories of attachments: how fast, how much again, and what a hostile peer
 * can do with them. Usage: bulk [NAME]; prints PASS or FAIL per story.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/units.h"
#include "wire/messages.h"
#include "world.h"

#define S OL_NS_PER_S
#define MS OL_NS_PER_MS
#define MIB (1024u * 1024)

static struct world w;

#define EXPECT(cond)                                                         \
    do {                                                                     \
        if (!(cond))                                                         \
            world_fail(&w, "line %d: expected %s", __LINE__, #cond);         \
    } while (0)

static void run_for(uint64_t ns)
{
    world_run(&w, w.now_ns + ns);
}

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

static const struct {
    const char *name;
    void (*tell)(void);
} stories[] = {
    {"two_paths_add_up", two_paths_add_up},
};

/* In a process of its own, so that one that fails does not end the others. */
static bool tell(unsigned i)
{
    int status = 0;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        stories[i].tell();
        world_fini(&w);
        fflush(stdout);
        _exit(0);
    }
    (void)waitpid(pid, &status, 0);
    printf("%s %s\n", status == 0 ? "PASS" : "FAIL", stories[i].name);
    return status == 0;
}

int main(int argc, char **argv)
{
    bool good = true;

    if (ol_crypto_init() != OL_OK)
        return 1;
    for (unsigned i = 0; i < OL_LEN(stories); i++)
        if (argc < 2 || strcmp(argv[1], stories[i].name) == 0)
            good &= tell(i);
    return good ? 0 : 1;
}
