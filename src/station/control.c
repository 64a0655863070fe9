/*
 * The control socket.
 *
 * Happy path: a client connects, its bytes gather in a buffer of bounded
 * size, every line becomes a request, requests are answered into an output
 * buffer that libuv writes. When a client does not read, nothing more is made
 * for it and nothing more is read from it; when it sends what is no request,
 * it is told so. Whatever a client does, the station's memory stays bounded
 * and the lines go on.
 *
 * Descriptors come with the first byte of a request's line, in a write of its
 * own: a read ends behind the write that brought some, so they belong to the
 * line in which that read ends. libuv's pipes pass none but its own kinds,
 * so the sockets here are read and written by hand, and libuv only waits.
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
#include "channel/places.h"
#include "station/log.h"
#include "station/station.h"

#define ACCEPTS 16u /* in one turn */
#define READ 16384u /* room for a read, at least: 32 requests of a text */

/* Reading. */

/* Those of a line that is no request have no owner. */
static void close_passed(struct ol_client *c, unsigned n)
{
    for (unsigned k = 0; k < n; k++)
        ol_close_away(c->st, c->passed[k].fd);
    c->n_passed -= n;
    memmove(c->passed, c->passed + n, c->n_passed * sizeof(c->passed[0]));
}

static void one_line(struct ol_client *c, const char *line, size_t n,
                     unsigned fds)
{
    struct ol_rpc_call call;
    char why[OL_WHY_MAX];
    struct ol_out out = {0};
    struct ol_request *rq;
    int status = ol_rpc_parse(line, n, &call, why);

    if (status != OL_EXIT_OK) {
        ol_rpc_error(&out, call.id, status, why);
        close_passed(c, fds);
        ol_client_line(c, NULL, &out);
    } else {
        const char *method = call.method;

        rq = ol_request_new(c, &call, fds);
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
    struct ol_out out = {0};

    ol_rpc_error(&out, NULL, OL_EXIT_USAGE, words);
    c->last = true;
    c->in.n = 0;
    close_passed(c, c->n_passed);
    ol_client_line(c, NULL, &out);
}

/* Is the other end closed both ways, not only for writing. */
static bool gone(const struct ol_client *c)
{
    struct pollfd p = {.fd = c->fd};
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

static bool allowed(const struct ol_client *c)
{
    return !c->closing && !c->last && c->pending < OL_PENDING_MAX &&
           c->out.n < OL_BACKLOG && c->behind.n < OL_BACKLOG;
}

/* Descriptors of a read that ends before byte c->in.n. False: too many. */
static bool take_passed(struct ol_client *c, struct msghdr *msg)
{
    bool fits = (msg->msg_flags & MSG_CTRUNC) == 0;

    for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h != NULL;
         h = CMSG_NXTHDR(msg, h)) {
        size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t k = 0; k < n; k++) {
            int fd;

            memcpy(&fd, CMSG_DATA(h) + k * sizeof(fd), sizeof(fd));
            ol_places_took(OL_PLACE_FILE);
            fits = fits && c->n_passed < OL_REQUEST_FDS;
            if (fits)
                c->passed[c->n_passed++] = (struct ol_passed){fd,
                                                              c->in.n - 1};
            else
                ol_close_away(c->st, fd);
        }
    }
    return fits;
}

static void ended(struct ol_client *c)
{
    c->reading = false;
    c->eof = true;
    if (gone(c))
        ol_client_hang_up(c);
    else
        ol_events_forget(c->st, c);
}

static void receive(struct ol_client *c)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(OL_REQUEST_FDS * sizeof(int))];
    } control;
    struct msghdr msg = {.msg_control = &control,
                         .msg_controllen = sizeof(control)};
    struct iovec to;
    ssize_t n;

    msg.msg_iov = &to;
    msg.msg_iovlen = 1;
    if (c->in.n > OL_REQUEST_MAX || !ol_buffer_grow(&c->in, READ)) {
        c->reading = false; /* the end of the turn makes room */
        return;
    }
    to.iov_base = c->in.p + c->in.n;
    to.iov_len = OL_MIN(OL_REQUEST_MAX + 1 - c->in.n, c->in.cap - c->in.n);
    if (ol_places_left(OL_PLACE_FILE) < (int)OL_REQUEST_FDS)
        msg.msg_controllen = 0; /* no place: the kernel drops what comes */
    n = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (n < 0 && errno != EINTR && errno != EAGAIN)
        ol_client_hang_up(c);
    else if (n == 0)
        ended(c);
    if (n <= 0)
        return;
    c->in.n += (size_t)n; /* the end of the turn takes the lines */
    if (!take_passed(c, &msg))
        dismiss(c, "more than 8 file descriptors with one request, or this "
                   "station has no room for them: send fewer files, or try "
                   "again");
}

void ol_client_ready(uv_poll_t *handle, int status, int events)
{
    struct ol_client *c = (struct ol_client *)handle;

    if (status < 0) {
        ol_client_hang_up(c);
        return;
    }
    if (events & UV_READABLE)
        receive(c);
    if (!c->closing)
        ol_client_flush(c); /* and waits for what is wanted now */
}

/* How many of the descriptors belong to the line that ends at byte `end`. */
static unsigned passed_until(const struct ol_client *c, size_t end)
{
    unsigned n = 0;

    while (n < c->n_passed && c->passed[n].at <= end)
        n++;
    return n;
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
        one_line(c, from, (size_t)(end - from), passed_until(c, used - 1));
    }
    if (c->closing)
        return;
    used = OL_MIN(used, c->in.n);
    if (used > 0)
        memmove(c->in.p, c->in.p + used, c->in.n - used);
    for (unsigned k = 0; k < c->n_passed; k++)
        c->passed[k].at -= used;
    c->in.n -= used;
    if (c->in.n == 0)
        ol_buffer_empty(&c->in); /* an idle client costs little */
    if (c->in.n > OL_REQUEST_MAX && !c->last &&
        memchr(c->in.p, '\n', c->in.n) == NULL)
        dismiss(c, "a request of more than 65536 bytes: send long text as a "
                   "file");
}

/* Nothing is read behind a line that brought descriptors and waits: so they
 * are never more than one request's. */
static void read_on(struct ol_client *c)
{
    bool waits = c->n_passed > 0 &&
                 memchr(c->in.p, '\n', c->in.n) != NULL;

    c->reading = allowed(c) && !c->eof && !waits &&
                 c->in.n <= OL_REQUEST_MAX;
    ol_client_watch(c);
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

/* Connecting. */

static void who(struct ol_client *c)
{
    struct ucred cred;
    socklen_t n = sizeof(cred);
    struct passwd pw, *found = NULL;
    char buf[1024];

    ol_text_put(c->officer, sizeof(c->officer), "unknown");
    if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0)
        return;
    if (getpwuid_r(cred.uid, &pw, buf, sizeof(buf), &found) == 0 &&
        found != NULL && ol_span_utf8(ol_span_str(pw.pw_name)) &&
        ol_text_put(c->officer, sizeof(c->officer), "%s", pw.pw_name))
        return;
    ol_text_put(c->officer, sizeof(c->officer), "uid %u",
                (unsigned)cred.uid);
}

static void connected(struct ol_station *st, int fd)
{
    struct ol_control *ctl = st->control;
    struct ol_client *c = calloc(1, sizeof(*c));

    if (c == NULL || ctl->stopped ||
        ctl->n_clients >= OL_CLIENTS_MAX + OL_CLIENTS_SPARE ||
        uv_poll_init(&st->loop, &c->poll, fd) != 0) {
        free(c);
        close(fd);
        return;
    }
    c->st = st;
    c->fd = fd;
    c->next = ctl->clients;
    ctl->clients = c;
    ctl->n_clients++;
    if (ctl->n_clients > OL_CLIENTS_MAX)
        dismiss(c, "64 clients are connected already: close one, or try "
                   "again");
    else
        who(c);
}

static void on_connection(uv_poll_t *handle, int status, int events)
{
    struct ol_control *ctl = (struct ol_control *)handle;
    struct ol_station *st = handle->data;

    (void)status;
    (void)events;
    for (unsigned k = 0; k < ACCEPTS; k++) {
        int fd = accept4(ctl->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            connected(st, fd);
            continue;
        }
        /* The next stays in the queue until there is a descriptor again. */
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
            errno == ENOBUFS) {
            ctl->resting = true;
            OL_CHECK(uv_poll_stop(&ctl->poll) == 0);
        }
        return;
    }
}

void ol_control_sweep(struct ol_station *st)
{
    struct ol_control *ctl = st->control;
    struct ol_client *next;

    if (ctl != NULL && ctl->resting)
        ctl->resting = uv_poll_start(&ctl->poll, UV_READABLE,
                                     on_connection) != 0;
    for (struct ol_client *c = ctl ? ctl->clients : NULL;
         c != NULL; c = next) {
        next = c->next;
        if (c->eof && gone(c))
            ol_client_hang_up(c);
    }
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
    rc = listen(fd, 256) != 0 ? -errno
                              : uv_poll_init(&st->loop, &ctl->poll, fd);
    if (rc != 0) {
        close(fd);
        free(ctl);
        return ol_fail(why, OL_EXIT_FAILED, "cannot listen on %s/control.sock"
                       ": %s", st->dir, uv_strerror(rc));
    }
    ctl->fd = fd;
    ctl->poll.data = st;
    st->control = ctl;
    OL_CHECK(uv_poll_start(&ctl->poll, UV_READABLE, on_connection) == 0);
    return OL_EXIT_OK;
}

void ol_control_stop(struct ol_station *st)
{
    if (st->control == NULL || st->control->stopped)
        return;
    st->control->stopped = true;
    for (struct ol_client *c = st->control->clients; c != NULL; c = c->next) {
        c->last = true;
        c->reading = false;
        ol_client_watch(c);
    }
}

bool ol_control_busy(const struct ol_station *st)
{
    for (const struct ol_client *c = st->control->clients; c; c = c->next)
        if (c->out.n > 0)
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
    uv_close((uv_handle_t *)&ctl->poll, on_control_closed);
    close(ctl->fd);
}
