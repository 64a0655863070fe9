/*
 * Seeds, shared out among processes.
 *
 * Happy path: worker k of n lives every n-th seed, one after the other in the
 * same process, and tells its parent the trace of each; one seed in ten is
 * lived twice, and both must leave the same trace. How it fails: a worker that
 * dies has failed at the seed that it was at; another takes over behind it.
 * What failed is lived again, alone, and its story told.
 */
#include "campaign.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/units.h"

#define JOBS_MAX 64u
#define TOLD_MAX 3u  /* stories told in full */
#define FAILED_MAX 20u /* then it is enough */

struct seed {
    bool done, failed;
    uint64_t trace;
};

struct shared { /* with the workers */
    uint64_t at[JOBS_MAX]; /* the seed that a worker is at, as an index */
    uint64_t virtual_ns, said, crashes;
    uint32_t n_failed;
    bool unclean; /* a process failed beside its seeds */
    struct seed seed[];
};

static struct shared *share(uint64_t n)
{
    struct shared *s = mmap(NULL, sizeof(*s) + n * sizeof(s->seed[0]),
                            PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    OL_CHECK(s != MAP_FAILED);
    return s;
}

static uint32_t most(const struct campaign *c)
{
    return c->first ? 1 : FAILED_MAX;
}

static void add(uint64_t *sum, uint64_t v)
{
    (void)__atomic_add_fetch(sum, v, __ATOMIC_RELAXED);
}

static void one(const struct campaign *c, struct shared *s, uint64_t i,
                struct outcome *o)
{
    struct sim_life life = c->life;

    life.seed = c->from + i;
    s->seed[i].trace = sim_live(&o->w, &life);
    add(&s->virtual_ns, o->w.now_ns);
    add(&s->said, (uint64_t)o->w.st[0].n_said + o->w.st[1].n_said);
    add(&s->crashes, o->w.crashes);
    if (life.seed % 10 == 0 && sim_live(&o->w, &life) != s->seed[i].trace)
        world_fail(&o->w, "two runs, two traces");
    s->seed[i].done = true;
}

static _Noreturn void work(const struct campaign *c, struct shared *s,
                           unsigned k, uint64_t from)
{
    struct outcome *o = outcome_new();

    outcome_here(o);
    for (uint64_t i = from; i < c->n; i += c->jobs) {
        if (__atomic_load_n(&s->n_failed, __ATOMIC_RELAXED) >= most(c))
            break;
        s->at[k] = i;
        one(c, s, i, o);
    }
    exit(0); /* not _exit: what leaks is found at the end */
}

static pid_t start(const struct campaign *c, struct shared *s, unsigned k,
                   uint64_t from)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    OL_CHECK(pid >= 0);
    if (pid == 0)
        work(c, s, k, from);
    return pid;
}

/* A worker has ended: false if nothing is left for it to do. */
static bool goes_on(const struct campaign *c, struct shared *s, unsigned k,
                    int how)
{
    uint64_t at = s->at[k];

    if (how == 0)
        return false;
    if (s->seed[at].done) { /* at its own end: what leaked */
        s->unclean = true;
        return false;
    }
    s->seed[at].failed = true;
    return __atomic_add_fetch(&s->n_failed, 1, __ATOMIC_RELAXED) < most(c) &&
           at + c->jobs < c->n;
}

static void live_all(const struct campaign *c, struct shared *s)
{
    pid_t worker[JOBS_MAX];
    unsigned running = c->jobs;

    for (unsigned k = 0; k < c->jobs; k++)
        worker[k] = start(c, s, k, k);
    while (running > 0) {
        int how = 0;
        pid_t pid = wait(&how);
        unsigned k = 0;
        while (k < c->jobs && worker[k] != pid)
            k++;
        OL_CHECK(k < c->jobs);
        if (goes_on(c, s, k, how))
            worker[k] = start(c, s, k, s->at[k] + c->jobs);
        else
            running--;
    }
}

/* ---- what is said ------------------------------------------------------- */

static double wall_s(void)
{
    struct timespec t;

    (void)!clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double processor_s(void)
{
    struct rusage u;

    (void)!getrusage(RUSAGE_CHILDREN, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void tell_failed(const struct campaign *c, const struct shared *s)
{
    unsigned told = 0;

    for (uint64_t i = 0; i < c->n; i++) {
        struct sim_life life = c->life;
        if (!s->seed[i].failed)
            continue;
        life.seed = c->from + i;
        if (!c->first && told++ < TOLD_MAX)
            minimise(&life, c->program);
        else
            printf("FAIL seed %llu\n", (unsigned long long)life.seed);
    }
    if (s->unclean)
        printf("FAIL a process that had lived all its seeds\n");
    if (s->n_failed >= most(c))
        printf("it was left at that: not all seeds were lived\n");
}

int campaign(const struct campaign *given)
{
    struct campaign c = *given;
    struct shared *s = share(c.n);
    double began = wall_s();

    c.jobs = (unsigned)OL_MIN(OL_MIN(c.jobs, JOBS_MAX), c.n);
    live_all(&c, s);
    for (uint64_t i = 0; c.hashes && i < c.n; i++)
        if (s->seed[i].done)
            printf("%llu %016llx\n", (unsigned long long)(c.from + i),
                   (unsigned long long)s->seed[i].trace);
    printf("%llu messages and %llu stops in %.0f hours of virtual time; "
           "%.1f s, %.1f s of processors\n",
           (unsigned long long)s->said, (unsigned long long)s->crashes,
           (double)s->virtual_ns / 3600e9, wall_s() - began, processor_s());
    tell_failed(&c, s);
    if (s->n_failed > 0 || s->unclean)
        return 1;
    printf("PASS %llu seeds from %llu\n", (unsigned long long)c.n,
           (unsigned long long)c.from);
    return 0;
}
