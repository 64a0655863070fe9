/*
 * The demonstration's daemons: this same program, as children of this process.
 *
 * Happy path: fork, run, answer on their control sockets; SIGTERM, and they
 * end. They die with us, whatever happens to us. One that does not start, or
 * ends by itself, is found by ol_demo_dead, and its log says why.
 */
#include "cli/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 10000
#define STOP_MS 5000
#define TAIL_BYTES 4096
#define TAIL_LINES 15

/* The child: this program again, deaf to our terminal, dying with us. */
static __attribute__((noreturn)) void become(const struct ol_demo_side *s,
                                             pid_t parent)
{
    char path[OL_DEMO_PATH], run[] = "run", flag[] = "-d";
    char self[] = "/proc/self/exe", name[] = "openline", *dir = strdup(s->dir);
    char *argv[] = {name, run, flag, dir, NULL};
    int log, nothing;

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
    setsid();
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    nothing = open("/dev/null", O_RDONLY);
    log = open(ol_demo_join(path, s->dir, "run.log"),
               O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (nothing >= 0 && log >= 0 && dup2(nothing, STDIN_FILENO) >= 0 &&
        dup2(log, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0)
        execv(self, argv);
    _exit(127);
}

struct ol_demo_side *ol_demo_dead(struct ol_demo *d)
{
    for (int i = 0; i < 2; i++) {
        struct ol_demo_side *s = &d->side[i];
        int status;

        if (s->pid != 0 && waitpid(s->pid, &status, WNOHANG) == s->pid) {
            s->pid = 0;
            if (WIFSIGNALED(status))
                snprintf(s->end, sizeof(s->end), "signal %d",
                         WTERMSIG(status));
            else
                snprintf(s->end, sizeof(s->end), "exit status %d",
                         WEXITSTATUS(status));
        }
        if (s->end[0] != '\0')
            return s;
    }
    return NULL;
}

int ol_demo_start(struct ol_demo *d, char why[OL_WHY_MAX])
{
    int64_t until_ms = ol_when_tick_ms() + START_MS;
    pid_t me = getpid();

    fflush(stdout);
    for (int i = 0; i < 2; i++) {
        pid_t pid = fork();

        if (pid == 0)
            become(&d->side[i], me);
        if (pid < 0)
            return ol_demo_fail(why, "cannot start a process: %s",
                                strerror(errno));
        d->side[i].pid = pid;
    }
    for (int i = 0; i < 2; i++) {
        struct ol_demo_side *s = &d->side[i], *dead;

        while (ol_rpc_open(&s->rpc, s->dir, why) != OL_EXIT_DONE) {
            dead = ol_demo_dead(d);
            if (dead != NULL)
                return ol_demo_fail(why, "station %s did not start (%s): its "
                                    "log says why", dead->name, dead->end);
            if (ol_demo_ended || ol_when_tick_ms() > until_ms)
                return ol_demo_fail(why, "station %s does not answer: its log "
                                    "may say why", s->name);
            ol_demo_nap(50);
        }
    }
    return OL_EXIT_DONE;
}

void ol_demo_stop(struct ol_demo_side *s)
{
    int64_t until_ms = ol_when_tick_ms() + STOP_MS;

    ol_rpc_close(&s->rpc);
    while (s->pid != 0) {
        if (waitpid(s->pid, NULL, WNOHANG) != 0)
            s->pid = 0;
        else if (ol_when_tick_ms() > until_ms)
            kill(s->pid, SIGKILL);
        else
            ol_demo_nap(20);
    }
}

/* The end of a file, as text. */
static size_t tail(const char *path, char text[TAIL_BYTES + 1])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    off_t from;
    ssize_t n = -1;

    if (fd >= 0 && fstat(fd, &st) == 0) {
        from = st.st_size > TAIL_BYTES ? st.st_size - TAIL_BYTES : 0;
        n = pread(fd, text, TAIL_BYTES, from);
    }
    if (fd >= 0)
        close(fd);
    n = n > 0 ? n : 0;
    text[n] = '\0';
    return (size_t)n;
}

void ol_demo_logs(const struct ol_demo *d)
{
    for (int i = 0; i < 2; i++) {
        char path[OL_DEMO_PATH], text[TAIL_BYTES + 1];
        size_t n = tail(ol_demo_join(path, d->side[i].dir, "run.log"), text);
        unsigned lines = 0;

        for (; n > 0; n--) {
            if (text[n - 1] == '\n' && lines++ == TAIL_LINES)
                break;
        }
        ol_out_line("The end of %s's log:", d->side[i].name);
        ol_out_body(text + n);
    }
}
