/*
 * One life in a process of its own, and how it ended.
 *
 * Happy path: the child lives, leaves its trace in shared memory and ends. A
 * check of the world, an OL_CHECK of the core, a signal, a sanitizer's finding
 * or a life that does not end each leave words by which the same end is
 * recognised: what was found, without the numbers of this one run.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/units.h"
#include "campaign.h"

#define LIFE_CPU_S 120u /* of one life, under sanitizers too */

static struct outcome *here;

struct outcome *outcome_new(void)
{
    struct outcome *o = mmap(NULL, sizeof(*o), PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    OL_CHECK(o != MAP_FAILED);
    return o;
}

static void on_fail(const char *check, const char *what)
{
    snprintf(here->check, sizeof(here->check), "%s", check);
    snprintf(here->what, sizeof(here->what), "%s", what);
    fprintf(stderr, "seed %llu at %.6f s: %s\n",
            (unsigned long long)here->w.seed, (double)here->w.now_ns / 1e9,
            what);
    _exit(1);
}

static void on_check(const char *expr, const char *file, int line)
{
    char what[400];

    snprintf(what, sizeof(what), "assertion %s failed at %s:%d", expr, file,
             line);
    on_fail(what, what);
}

static void on_begun(struct world *w)
{
    here->n_deeds = OL_MIN(w->n_deeds, OUTCOME_DEEDS);
    for (uint32_t i = 0; i < here->n_deeds; i++) {
        here->at_ns[i] = w->deed[i].at_ns;
        here->kind[i] = w->deed[i].what;
    }
}

void outcome_here(struct outcome *o)
{
    here = o;
    sim_failed = on_fail;
    ol_check_hook = on_check;
}

/* Of a sanitizer's account the summary, without the addresses in it. */
static bool summary(FILE *said, char *out, size_t cap)
{
    static const char mark[] = "SUMMARY: ", late[] = "runtime error: ";
    char line[1024];
    const char *at;

    rewind(said);
    while (fgets(line, sizeof(line), said) != NULL) {
        at = strstr(line, late);
        if (at == NULL && (at = strstr(line, mark)) == NULL)
            continue;
        snprintf(out, cap, "%.*s", (int)strcspn(at, "\n"), at);
        return true;
    }
    return false;
}

static void died(struct outcome *o, int how, FILE *said)
{
    if (o->check[0] != '\0')
        return;
    if (!summary(said, o->what, sizeof(o->what))) {
        int sig = WIFSIGNALED(how) ? WTERMSIG(how) : 0;
        if (sig == SIGXCPU)
            snprintf(o->what, sizeof(o->what),
                     "it took more than %u s of processor time", LIFE_CPU_S);
        else
            snprintf(o->what, sizeof(o->what), "it ended by signal %d, status "
                     "%d", sig, WIFEXITED(how) ? WEXITSTATUS(how) : 0);
    }
    snprintf(o->check, sizeof(o->check), "%.*s", (int)sizeof(o->check) - 1,
             o->what);
}

static _Noreturn void live(struct outcome *o, const struct sim_life *life,
                           FILE *said)
{
    struct rlimit most = {LIFE_CPU_S, LIFE_CPU_S + 1};
    struct sim_life mine = *life;

    OL_CHECK(dup2(fileno(said), STDERR_FILENO) >= 0);
    OL_CHECK(setrlimit(RLIMIT_CPU, &most) == 0);
    outcome_here(o);
    mine.begun = on_begun;
    o->trace = sim_live(&o->w, &mine);
    o->ended = true;
    _exit(0);
}

static void pass_on(FILE *said)
{
    char buf[4096];
    size_t n;

    rewind(said);
    while ((n = fread(buf, 1, sizeof(buf), said)) > 0)
        (void)!fwrite(buf, 1, n, stderr);
}

void outcome_of(struct outcome *o, const struct sim_life *life, bool loud)
{
    FILE *said = tmpfile();
    int how = 0;
    pid_t pid;

    OL_CHECK(said != NULL);
    o->ended = false;
    o->check[0] = o->what[0] = '\0';
    o->n_deeds = 0;
    fflush(NULL);
    pid = fork();
    OL_CHECK(pid >= 0);
    if (pid == 0)
        live(o, life, said);
    OL_CHECK(waitpid(pid, &how, 0) == pid);
    if (!o->ended)
        died(o, how, said);
    if (loud)
        pass_on(said);
    fclose(said);
}
