/*
 * Lines that only a pouch carries: stories of bundles that are lost, late and
 * doubled, and of stations that were put back from an old copy.
 *
 * What is shown is the conversation of bundles: that they open, that each
 * side knows the boot that the other runs, that it goes on within one round.
 * Usage: pouch [NAME]; prints PASS or FAIL per story.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/units.h"
#include "core/line_int.h"
#include "world.h"

#define S OL_NS_PER_S
#define H (3600 * OL_NS_PER_S)
#define DAY (24 * H)

static struct world w;

#define EXPECT(cond)                                                         \
    do {                                                                     \
        if (!(cond))                                                         \
            world_fail(&w, "line %d: expected %s", __LINE__, #cond);         \
    } while (0)

/* One pouch, an hour each way, nothing else. */
static void pouch_only(void)
{
    world_init_calm(&w, 11, 0, true);
    for (unsigned f = 0; f < 2; f++)
        w.ch[0].path[f].delay_ns = H;
    world_say(&w, 0, OL_ROUTINE, 100);
    world_say(&w, 1, OL_ROUTINE, 100);
    world_run(&w, w.now_ns + DAY);
    EXPECT(world_settled(&w));
}

static void run_for(uint64_t ns)
{
    world_run(&w, w.now_ns + ns);
}

/* Does station st know the boot that the other one runs: a HELD of it came
 * and was current. */
static bool knows(unsigned st)
{
    const struct ol_line *l = w.st[st].line, *o = w.st[1 - st].line;

    return l->kept.n_boots > 0 && memcmp(l->kept.boots[0], o->boot, 8) == 0;
}

/* ---- stories ------------------------------------------------------------ */

/* Its numbers were all seen already: the answer tells, and the next is new. */
static void a_copy_finds_its_number(void)
{
    pouch_only();
    world_back_up(&w, 0);
    for (unsigned i = 0; i < 5; i++) {
        world_say(&w, 1, OL_ROUTINE, 100);
        run_for(6 * H);
    }
    EXPECT(knows(0) && knows(1));
    world_put_back(&w, 0, S);
    run_for(2 * S);
    EXPECT(w.st[0].line->kept.bundle_reserved <
           w.st[1].line->kept.bundle_seen);
    world_say(&w, 1, OL_ROUTINE, 100);
    run_for(H + 60 * S);
    EXPECT(w.st[0].line->kept.bundle_reserved >=
           w.st[1].line->kept.bundle_seen);
    run_for(H + 60 * S);
    EXPECT(knows(0) && knows(1));
}

/* ---- running ------------------------------------------------------------ */

static const struct {
    const char *name;
    void (*tell)(void);
} stories[] = {
    {"a_copy_finds_its_number", a_copy_finds_its_number},
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
