/*
 * One run of a hook.
 *
 *   start --> RUNS --exit--> ENDS: its output is read to the end --> done
 *              |    time is over, or too much output: killed --------^
 *
 * It is the leader of a process group of its own, and whatever is left of the
 * group goes with it. No shell, a clean environment, no descriptor but the
 * three. It gives way to the station in everything: processor, memory.
 *
 * How it fails: a child that has made itself a session of its own outlives the
 * run; it holds nothing of the station, and its output is not waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "station/clock.h"
#include "station/hooks.h"
#include "station/station.h"

#define LINGER_NS (200 * OL_NS_PER_MS) /* for output behind the exit */
#define OUTS 2u                        /* its stdout and stderr */

struct ol_hook_run {
    struct ol_hook *hook;
    ol_hook_done done;
    uv_process_t process;
    uv_pipe_t in, out[OUTS];
    uv_write_t write;
    char *text;        /* what it is told */
    uint64_t until_ns; /* then it is over */
    unsigned open;     /* handles that are not closed */
    unsigned eof;      /* of its outputs */
    bool child; /* libuv knows the process handle */
    bool started, exited, late, flooded, over;
    int error; /* of the start */
    int64_t status;
    int signal;
    size_t wrote, n_words;
    char words[OL_HOOK_WORDS];
};

static void closed(uv_handle_t *handle)
{
    struct ol_hook_run *run = handle->data;

    if (--run->open > 0)
        return;
    free(run->text);
    free(run);
}

static void close_in(struct ol_hook_run *run)
{
    if (!uv_is_closing((uv_handle_t *)&run->in))
        uv_close((uv_handle_t *)&run->in, closed);
}

static void hang_up(struct ol_hook_run *run)
{
    close_in(run);
    for (unsigned k = 0; k < OUTS; k++)
        uv_close((uv_handle_t *)&run->out[k], closed);
    if (run->child)
        uv_close((uv_handle_t *)&run->process, closed);
}

/* Its whole group, whoever of it is left. */
static void put_down(struct ol_hook_run *run)
{
    if (run->started)
        (void)kill(-run->process.pid, SIGKILL);
}

static void judge(const struct ol_hook_run *run, struct ol_hook_end *end)
{
    memcpy(end->words, run->words, sizeof(end->words));
    end->good = false;
    if (!run->started)
        ol_text_put(end->why, sizeof(end->why), "could not be started: %s",
                    uv_strerror(run->error));
    else if (run->flooded)
        ol_text_put(end->why, sizeof(end->why), "wrote more than %u KiB and "
                    "was ended", OL_HOOK_OUTPUT / 1024);
    else if (run->late)
        ol_text_put(end->why, sizeof(end->why), "took more than %u s and was "
                    "ended", (unsigned)(OL_HOOK_LIMIT_NS / OL_NS_PER_S));
    else if (run->signal != 0)
        ol_text_put(end->why, sizeof(end->why), "died of signal %d",
                    run->signal);
    else if (run->status != 0)
        ol_text_put(end->why, sizeof(end->why), "ended with status %lld",
                    (long long)run->status);
    else
        end->good = true;
}

/* One that still runs is only put down: a handle that is closed before its
 * process has ended leaves a zombie, and there are only so many of those. */
static void finish(struct ol_hook_run *run)
{
    struct ol_hook_end end = {0};

    if (run->over)
        return;
    if (run->started && !run->exited) {
        put_down(run);
        run->until_ns = OL_NEVER_NS; /* on_exit_of goes on */
        return;
    }
    run->over = true;
    judge(run, &end);
    hang_up(run);
    run->done(run->hook, &end);
}

/* It has ended, and so has its output. */
static void settle(struct ol_hook_run *run)
{
    if (run->exited && run->eof == OUTS)
        finish(run);
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal)
{
    struct ol_hook_run *run = process->data;

    run->exited = true;
    run->status = status;
    run->signal = signal;
    if (run->over)
        return;
    /* What it has left running would hold its output open. */
    put_down(run);
    run->until_ns = OL_MIN(run->until_ns, ol_clock_ns() + LINGER_NS);
    ol_loop_again(run->hook->st);
    settle(run);
}

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    static char room[4096]; /* looked at before the next read */

    (void)handle;
    (void)wanted;
    *buf = uv_buf_init(room, sizeof(room));
}

static void on_words(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct ol_hook_run *run = stream->data;
    size_t keep;

    if (n == 0 || run->over)
        return;
    if (n < 0) {
        (void)uv_read_stop(stream);
        run->eof++;
        settle(run);
        return;
    }
    keep = OL_MIN((size_t)n, sizeof(run->words) - 1 - run->n_words);
    memcpy(run->words + run->n_words, buf->base, keep);
    run->n_words += keep;
    run->wrote += (size_t)n;
    if (run->wrote <= OL_HOOK_OUTPUT)
        return;
    run->flooded = true;
    finish(run);
}

/* That was all, though it need not read it. */
static void on_told(uv_write_t *write, int status)
{
    struct ol_hook_run *run = write->data;

    (void)status;
    close_in(run);
}

/* Whatever fails here leaves it as it is. */
static void give_way(int pid)
{
    char path[64];
    int fd;

    (void)setpriority(PRIO_PROCESS, (id_t)pid, 10);
    ol_text_put(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, "1000", 4) != 4)
        errno = 0;
    close(fd);
}

struct surroundings {
    char dir[OL_PATH_MAX], path[OL_PATH_MAX], cwd[OL_PATH_MAX];
    char vars[8][OL_PATH_MAX + 32];
    char *env[9];
    unsigned n;
};

static void var(struct surroundings *s, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0' || s->n + 1 == OL_LEN(s->env))
        return;
    ol_text_put(s->vars[s->n], sizeof(s->vars[0]), "%s=%s", name, value);
    s->env[s->n] = s->vars[s->n];
    s->n++;
}

static bool surround(struct surroundings *s, const struct ol_hook *hook,
                     const json_t *doc)
{
    char summary[512];

    /* From its own folder, a path that does not begin with / leads nowhere. */
    if (realpath(hook->st->dir, s->dir) == NULL ||
        !ol_path(s->cwd, s->dir, "hooks.d", NULL) ||
        !ol_path(s->path, s->dir, "hooks.d", hook->name))
        return false;
    ol_hook_summary(doc, summary);
    var(s, "PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
    var(s, "LANG", "C.UTF-8");
    var(s, "HOME", getenv("HOME"));
    var(s, "OPENLINE_DIR", s->dir);
    var(s, "OPENLINE_EVENT",
        json_string_value(json_object_get(doc, "event")));
    var(s, "OPENLINE_LINE", json_string_value(json_object_get(doc, "line")));
    var(s, "OPENLINE_PRIORITY",
        json_string_value(json_object_get(doc, "priority")));
    var(s, "OPENLINE_SUMMARY", summary);
    return true;
}

static int spawn(struct ol_hook_run *run, const json_t *doc)
{
    static struct surroundings s;
    uv_stdio_container_t io[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE},
    };
    char *args[] = {s.path, NULL};
    uv_process_options_t o = {.exit_cb = on_exit_of, .file = s.path,
                              .args = args, .env = s.env, .cwd = s.cwd,
                              .flags = UV_PROCESS_DETACHED,
                              .stdio_count = 3, .stdio = io};

    memset(&s, 0, sizeof(s));
    if (!surround(&s, run->hook, doc))
        return UV_ENAMETOOLONG;
    io[0].data.stream = (uv_stream_t *)&run->in;
    io[1].data.stream = (uv_stream_t *)&run->out[0];
    io[2].data.stream = (uv_stream_t *)&run->out[1];
    run->child = true;
    run->open++;
    return uv_spawn(&run->hook->st->loop, &run->process, &o);
}

static void converse(struct ol_hook_run *run)
{
    uv_buf_t buf = uv_buf_init(run->text, (unsigned)strlen(run->text));

    give_way(run->process.pid);
    run->write.data = run;
    if (uv_write(&run->write, (uv_stream_t *)&run->in, &buf, 1, on_told) != 0)
        run->until_ns = 0; /* over at once, and tried again */
    for (unsigned k = 0; k < OUTS; k++)
        if (uv_read_start((uv_stream_t *)&run->out[k], on_room, on_words) !=
            0)
            run->eof++;
}

/* Its handles are there from here on, and closed by hang_up. */
static void prepare(struct ol_hook_run *run)
{
    uv_loop_t *loop = &run->hook->st->loop;

    (void)uv_pipe_init(loop, &run->in, 0);
    for (unsigned k = 0; k < OUTS; k++) {
        (void)uv_pipe_init(loop, &run->out[k], 0);
        run->out[k].data = run;
    }
    run->in.data = run->process.data = run;
    run->open = 1 + OUTS;
}

static char *line_of(json_t *doc)
{
    char *text = json_dumps(doc, JSON_COMPACT), *line;
    size_t n = text ? strlen(text) : 0;

    line = text ? realloc(text, n + 2) : NULL;
    if (line == NULL) {
        free(text);
        return NULL;
    }
    memcpy(line + n, "\n", 2);
    return line;
}

struct ol_hook_run *ol_hook_start(struct ol_hook *hook, json_t *doc,
                                  ol_hook_done done)
{
    struct ol_hook_run *run = calloc(1, sizeof(*run));
    char *text = doc ? line_of(doc) : NULL;

    if (run == NULL || text == NULL) {
        json_decref(doc);
        free(text);
        free(run);
        return NULL;
    }
    run->hook = hook;
    run->done = done;
    run->text = text;
    run->until_ns = ol_clock_ns() + OL_HOOK_LIMIT_NS;
    prepare(run);
    run->error = spawn(run, doc);
    json_decref(doc);
    run->started = run->error == 0;
    if (run->started)
        converse(run);
    else
        run->until_ns = 0; /* told of in the next turn */
    return run;
}

uint64_t ol_hook_run_until(const struct ol_hook_run *run)
{
    return run->until_ns;
}

void ol_hook_run_tick(struct ol_hook_run *run, uint64_t now_ns)
{
    if (now_ns < run->until_ns)
        return;
    run->late = run->late || (run->started && !run->exited);
    finish(run);
}

void ol_hook_run_end(struct ol_hook_run *run)
{
    if (run->over)
        return;
    run->over = true;
    put_down(run);
    hang_up(run);
}
