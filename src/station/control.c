/*
 * The control socket.
 *
 * Happy path: a client connects, its bytes gather in a buffer of bounded
 * size, every line becomes a request, requests are answered into an output
 * buffer that libuv writes. When a client does not read, nothing more is made
 * for it and nothing more is read from it; when it sends what is no request,
 * it is told so. Whatever a client does, the station's memory stays bounded
 * and the lines go on.
 */
#include "station/control_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/units.h"
#include "station/log.h"
#include "station/station.h"

#define SPARE 4u /* clients that are only told that there are too many */

/* Reading. */

static void one_line(struct ol_client *c, const char *line, size_t n)
{
    struct ol_rpc_call call;
    char why[OL_WHY_MAX], *text;
    struct ol_request *rq;
    int status = ol_rpc_parse(line, n, &call, why);

    if (status != OL_EXIT_OK) {
        text = ol_rpc_error(call.id, status, why);
        ol_client_line(c, NULL, text);
        free(text);
    } else {
        const char *method = call.method;

        rq = ol_request_new(c, &call);
        if (rq != NULL)
            ol_methods_call(rq, method);
        else
            ol_client_hang_up(c);
    }
    ol_rpc_free(&call);
}

/* Tells it something and reads no more of it. */
static void dismiss(struct ol_client *c, const char *words)
{
    char *text = ol_rpc_error(NULL, OL_EXIT_USAGE, words);

    c->last = true;
    c->in.n = 0;
    ol_client_line(c, NULL, text);
    free(text);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct ol_client *c = (struct ol_client *)handle;
    size_t room = OL_REQUEST_MAX + 1 - c->in.n;

    (void)suggested;
    *buf = uv_buf_init(NULL, 0); /* libuv then says ENOBUFS */
    if (room == 0 || !ol_buffer_grow(&c->in, 1))
        return;
    room = OL_MIN(room, c->in.cap - c->in.n);
    *buf = uv_buf_init(c->in.p + c->in.n, (unsigned)room);
}

/* Is the other end closed both ways, not only for writing. */
static bool gone(const struct ol_client *c)
{
    struct pollfd p = {.events = 0};
    uv_os_fd_t fd;

    if (uv_fileno((const uv_handle_t *)&c->pipe, &fd) != 0)
        return true;
    p.fd = fd;
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

static bool allowed(const struct ol_client *c)
{
    return !c->closing && !c->last && c->pending < OL_PENDING_MAX &&
           c->out.n + c->n_writing < OL_BACKLOG && c->behind.n < OL_BACKLOG;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct ol_client *c = (struct ol_client *)stream;

    (void)buf;
    if (n > 0) {
        c->in.n += (size_t)n;
        return; /* the end of the turn takes the lines */
    }
    if (n == 0)
        return;
    uv_read_stop(stream);
    c->reading = false;
    if (n == UV_ENOBUFS)
        return; /* full: the end of the turn makes room, or dismisses */
    c->eof = true;
    if (n != UV_EOF || gone(c)) {
        ol_client_hang_up(c);
        return;
    }
    ol_events_forget(c->st, c);
}

/* Every line that may be taken now; then reads on if there is room. */
static void take_lines(struct ol_client *c)
{
    size_t used = 0;
    char *end = NULL;

    while (allowed(c) && c->in.n > used) {
        char *from = c->in.p + used;

        end = memchr(from, '\n', c->in.n - used);
        if (end == NULL)
            break;
        used = (size_t)(end - c->in.p) + 1;
        one_line(c, from, (size_t)(end - from));
    }
    if (c->closing)
        return;
    used = OL_MIN(used, c->in.n);
    if (used > 0)
        memmove(c->in.p, c->in.p + used, c->in.n - used);
    c->in.n -= used;
    if (c->in.n == 0)
        ol_buffer_empty(&c->in); /* an idle client costs little */
    if (c->in.n > OL_REQUEST_MAX && !c->last &&
        memchr(c->in.p, '\n', c->in.n) == NULL)
        dismiss(c, "a request of more than 65536 bytes: send long text as a "
                   "file");
}

static void read_on(struct ol_client *c)
{
    bool want = allowed(c) && !c->eof && c->in.n <= OL_REQUEST_MAX;

    if (want && !c->reading)
        c->reading = uv_read_start((uv_stream_t *)&c->pipe, on_alloc,
                                   on_read) == 0;
    else if (!want && c->reading && uv_read_stop((uv_stream_t *)&c->pipe) == 0)
        c->reading = false;
}

void ol_control_pump(struct ol_station *st)
{
    struct ol_client *next;

    if (st->control == NULL)
        return;
    for (struct ol_client *c = st->control->clients; c != NULL; c = next) {
        next = c->next;
        take_lines(c);
        if (c->closing)
            continue;
        read_on(c);
        ol_client_flush(c);
    }
}

void ol_control_sweep(struct ol_station *st)
{
    struct ol_client *next;

    for (struct ol_client *c = st->control ? st->control->clients : NULL;
         c != NULL; c = next) {
        next = c->next;
        if (c->eof && gone(c))
            ol_client_hang_up(c);
    }
}

/* Connecting. */

static void who(struct ol_client *c)
{
    struct ucred cred;
    socklen_t n = sizeof(cred);
    struct passwd pw, *found = NULL;
    char buf[1024];
    uv_os_fd_t fd;

    ol_text_put(c->officer, sizeof(c->officer), "unknown");
    if (uv_fileno((uv_handle_t *)&c->pipe, &fd) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0)
        return;
    if (getpwuid_r(cred.uid, &pw, buf, sizeof(buf), &found) == 0 &&
        found != NULL && ol_span_utf8(ol_span_str(pw.pw_name)) &&
        ol_text_put(c->officer, sizeof(c->officer), "%s", pw.pw_name))
        return;
    ol_text_put(c->officer, sizeof(c->officer), "uid %u",
                (unsigned)cred.uid);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct ol_control *ctl = (struct ol_control *)server;
    struct ol_station *st = server->data;
    struct ol_client *c;

    if (status < 0)
        return;
    c = calloc(1, sizeof(*c));
    if (c == NULL || uv_pipe_init(&st->loop, &c->pipe, 0) != 0) {
        free(c);
        return;
    }
    c->st = st;
    c->next = ctl->clients;
    ctl->clients = c;
    ctl->n_clients++;
    if (uv_accept(server, (uv_stream_t *)&c->pipe) != 0 || ctl->stopped ||
        ctl->n_clients > OL_CLIENTS_MAX + SPARE) {
        ol_client_hang_up(c);
        return;
    }
    if (ctl->n_clients > OL_CLIENTS_MAX) {
        dismiss(c, "64 clients are connected already: close one, or try "
                   "again");
        return;
    }
    who(c);
}

/* Opening and closing. */

/* The socket of this name may be a dead station's: the lock is ours, so it
 * is. A long path is bound through the folder's descriptor. */
static int bind_socket(struct ol_station *st, char why[OL_WHY_MAX])
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int folder, fd = -1, bound;
    mode_t old;

    folder = open(st->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        ol_fail_sys(why, "open", st->dir);
        return -1;
    }
    ol_text_put(at.sun_path, sizeof(at.sun_path),
                "/proc/self/fd/%d/control.sock", folder);
    (void)unlinkat(folder, "control.sock", 0);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    old = umask(0177);
    bound = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&at, sizeof(at));
    umask(old);
    if (bound != 0) {
        ol_fail(why, OL_EXIT_FAILED, "cannot make %s/control.sock: %s",
                st->dir, strerror(errno));
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    close(folder);
    return fd;
}

int ol_control_open(struct ol_station *st, char why[OL_WHY_MAX])
{
    struct ol_control *ctl = calloc(1, sizeof(*ctl));
    int fd, rc;

    if (ctl == NULL)
        return ol_fail(why, OL_EXIT_FAILED, "no memory");
    fd = bind_socket(st, why);
    if (fd < 0) {
        free(ctl);
        return OL_EXIT_FAILED;
    }
    OL_CHECK(uv_pipe_init(&st->loop, &ctl->pipe, 0) == 0);
    ctl->pipe.data = st;
    st->control = ctl;
    rc = uv_pipe_open(&ctl->pipe, fd);
    if (rc != 0)
        close(fd);
    else
        rc = uv_listen((uv_stream_t *)&ctl->pipe, 256, on_connection);
    if (rc != 0)
        return ol_fail(why, OL_EXIT_FAILED, "cannot listen on %s/control.sock"
                       ": %s", st->dir, uv_strerror(rc));
    return OL_EXIT_OK;
}

void ol_control_stop(struct ol_station *st)
{
    if (st->control == NULL || st->control->stopped)
        return;
    st->control->stopped = true;
    for (struct ol_client *c = st->control->clients; c != NULL; c = c->next) {
        c->last = true;
        if (c->reading && uv_read_stop((uv_stream_t *)&c->pipe) == 0)
            c->reading = false;
    }
}

bool ol_control_busy(const struct ol_station *st)
{
    for (const struct ol_client *c = st->control->clients; c; c = c->next)
        if (c->n_writing > 0 || c->out.n > 0)
            return true;
    return false;
}

static void on_control_closed(uv_handle_t *handle)
{
    free(handle);
}

void ol_control_close(struct ol_station *st)
{
    struct ol_control *ctl = st->control;
    char path[OL_PATH_MAX];

    if (ctl == NULL)
        return;
    while (ctl->clients != NULL)
        ol_client_hang_up(ctl->clients);
    if (ol_path(path, st->dir, "control.sock", NULL))
        (void)unlink(path);
    st->control = NULL;
    uv_close((uv_handle_t *)&ctl->pipe, on_control_closed);
}
