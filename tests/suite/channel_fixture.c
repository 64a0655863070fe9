/*
 * Two ends of a channel on one loop: see channel_fixture.h.
 */
#include "channel_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dice.h"
#include "channel/courier.h"

const struct ol_addr ch_default;

static void on_packet(void *arg, struct ol_bearer *b,
                      const struct ol_addr *from, struct ol_span packet,
                      uint64_t file)
{
    struct ch_end *e = arg;
    struct ch_packet *p;

    assert_int_equal(e->f->in_call, 0);
    assert_ptr_equal(e->b, b);
    assert_true(packet.n >= 1 && packet.n <= b->ops->mtu);
    assert_true(from->len <= OL_BEARER_ADDR_MAX);
    if (e->n_got == e->room_got) {
        e->room_got = e->room_got ? e->room_got * 2 : 64;
        e->got = realloc(e->got, e->room_got * sizeof(*e->got));
        assert_non_null(e->got);
    }
    p = &e->got[e->n_got++];
    *p = (struct ch_packet){packet.n, malloc(packet.n), *from, file};
    assert_non_null(p->bytes);
    memcpy(p->bytes, packet.p, packet.n);
    e->peer = *from;
    if (file && !e->hold)
        ch_release(e, file, !e->keep);
    if (e->on_packet)
        e->on_packet(e);
}

static void on_changed(void *arg, struct ol_bearer *b,
                       const struct ol_addr *from, const struct ol_chan *chan)
{
    struct ch_end *e = arg;

    assert_int_equal(e->f->in_call, 0);
    assert_ptr_equal(e->b, b);
    if (chan->gone) {
        assert_true(from->len > 0);
        e->gone = *from;
        e->gones++;
    } else {
        e->ups += from->len == 0 && chan->up && !e->chan.up;
        e->downs += from->len == 0 && !chan->up && e->chan.up;
        e->fulls += chan->up && chan->room_bytes == 0;
        e->frees += chan->up && chan->room_bytes > 0;
        if (from->len == 0)
            e->chan = *chan;
    }
    if (e->on_changed)
        e->on_changed(e, chan);
}

static const struct ol_bearer_events events = {on_packet, on_changed};

static void on_guard(uv_timer_t *timer)
{
    (void)timer;
}

void ch_init(struct ch *f)
{
    memset(f, 0, sizeof(*f));
    f->a.f = f->b.f = f;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    uv_timer_init(&f->loop, &f->guard);
    uv_timer_start(&f->guard, on_guard, 5, 5);
}

void ch_forget(struct ch_end *e)
{
    for (size_t k = 0; k < e->n_got; k++)
        free(e->got[k].bytes);
    free(e->got);
    e->got = NULL;
    e->n_got = e->room_got = 0;
}

static void remove_dir(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *entry;

    while (d && (entry = readdir(d))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (unlinkat(dirfd(d), entry->d_name, 0))
            (void)unlinkat(dirfd(d), entry->d_name, AT_REMOVEDIR);
    }
    if (d)
        closedir(d);
    (void)rmdir(path);
}

void ch_fini(struct ch *f)
{
    if (f->a.b)
        ch_close(&f->a);
    if (f->b.b)
        ch_close(&f->b);
    uv_close((uv_handle_t *)&f->guard, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    ch_forget(&f->a);
    ch_forget(&f->b);
    if (f->dir[0])
        remove_dir(f->dir);
}

void ch_make_dir(struct ch *f)
{
    snprintf(f->dir, sizeof(f->dir), "/tmp/openline-suite-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
}

void ch_begin(struct ch *f)
{
    f->deadline_ns = uv_hrtime() + CH_WAIT_NS;
}

void ch_turn(struct ch *f, const char *what, const char *file, int line)
{
    if (uv_hrtime() > f->deadline_ns) {
        print_error("waited in vain for: %s\n", what);
        _fail(file, line);
    }
    uv_run(&f->loop, UV_RUN_ONCE);
}

void ch_settle(struct ch *f)
{
    for (unsigned k = 0; k < 50; k++)
        uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void with_port(const struct ch *f, const char *url, char out[256])
{
    const char *at = strstr(url, "%u");

    if (at)
        snprintf(out, 256, "%.*s%u%s", (int)(at - url), url, f->port, at + 2);
    else
        snprintf(out, 256, "%s", url);
}

enum ol_err ch_try_listen(struct ch *f, struct ch_end *e, const char *url,
                          char why[160])
{
    char text[256];
    enum ol_err err;

    with_port(f, url, text);
    f->in_call++;
    err = ol_bearer_listen(&e->b, &f->loop, text, &events, e, why);
    f->in_call--;
    return err;
}

void ch_listen(struct ch *f, const char *url)
{
    struct ol_bearer_status status;
    char why[160] = "";
    const char *at;

    if (ch_try_listen(f, &f->b, url, why))
        fail_msg("%s: %s", url, why);
    ch_status(&f->b, &status);
    at = strstr(status.state, "]:");
    at = at ? at + 1 : strchr(status.state, ':');
    assert_non_null(at);
    f->port = (unsigned)strtoul(at + 1, NULL, 10);
    assert_true(f->port > 0);
}

unsigned ch_free_port(struct ch *f, const char *url)
{
    unsigned port;

    ch_listen(f, url);
    port = f->port;
    ch_close(&f->b);
    ch_settle(f);
    return port;
}

void ch_dial(struct ch_end *e, const char *url)
{
    char text[256], why[160] = "";
    const struct ol_way way = {text, e->proxy};
    enum ol_err err;

    with_port(e->f, url, text);
    e->chan = (struct ol_chan){0};
    e->f->in_call++;
    err = ol_bearer_open(&e->b, &e->f->loop, &way, &events, e, why);
    e->f->in_call--;
    if (err)
        fail_msg("%s: %s", text, why);
}

void ch_mem(struct ch *f)
{
    struct ol_bearer *out[2];
    void *arg[2] = {&f->a, &f->b};

    f->in_call++;
    assert_int_equal(ol_bearer_mem(out, &f->loop, &events, arg), OL_OK);
    f->in_call--;
    f->a.b = out[0];
    f->b.b = out[1];
}

void ch_courier(struct ch_end *e)
{
    char url[128];

    snprintf(url, sizeof(url), "courier://%s", e->f->dir);
    ch_dial(e, url);
    ol_courier_pace(e->b, 10);
}

void ch_close(struct ch_end *e)
{
    struct ol_bearer *b = e->b;

    e->b = NULL; /* an event after this does not match, and fails */
    e->f->in_call++;
    b->ops->close(b);
    e->f->in_call--;
}

static void fill(uint8_t *p, size_t n, uint64_t tag)
{
    struct dice d = {tag * 977 + n};

    for (size_t k = 0; k < n; k += 8) {
        uint64_t v = dice_u64(&d);

        memcpy(p + k, &v, n - k < 8 ? n - k : 8);
    }
}

static uint8_t scratch[OL_PACKET_MAX + 64];

enum ol_err ch_send(struct ch_end *e, const struct ol_addr *to, size_t n,
                    uint64_t tag, bool last)
{
    enum ol_err err;

    assert_true(n <= sizeof(scratch));
    fill(scratch, n, tag);
    e->f->in_call++;
    err = e->b->ops->send(e->b, to, OL_SPAN(scratch, n), last);
    e->f->in_call--;
    return err;
}

void ch_must_send(struct ch_end *e, const struct ol_addr *to, size_t n,
                  uint64_t tag, bool last)
{
    enum ol_err err;

    CH_UNTIL(e->f, (err = ch_send(e, to, n, tag, last)) != OL_ERR_AGAIN);
    assert_int_equal(err, OL_OK);
}

bool ch_is(const struct ch_packet *p, size_t n, uint64_t tag)
{
    if (p->n != n)
        return false;
    fill(scratch, n, tag);
    return memcmp(p->bytes, scratch, n) == 0;
}

void ch_status(struct ch_end *e, struct ol_bearer_status *out)
{
    e->f->in_call++;
    e->b->ops->status(e->b, out);
    e->f->in_call--;
}

bool ch_state_has(struct ch_end *e, const char *words)
{
    struct ol_bearer_status status;

    ch_status(e, &status);
    return strstr(status.state, words) != NULL;
}

void ch_trust(struct ch_end *e, const struct ol_addr *from)
{
    e->f->in_call++;
    e->b->ops->trust(e->b, from);
    e->f->in_call--;
}

void ch_release(struct ch_end *e, uint64_t file, bool remove)
{
    e->f->in_call++;
    e->b->ops->release(e->b, file, remove);
    e->f->in_call--;
}

int ch_raw(struct ch *f, int type)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)f->port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval bound = {.tv_sec = 5};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof(bound));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static bool is_cut(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char byte;
    ssize_t n;

    if (poll(&p, 1, 0) != 1)
        return false;
    n = recv(fd, &byte, 1, MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

void ch_until_cut(struct ch *f, int fd)
{
    CH_UNTIL(f, is_cut(fd));
}

static void path_of(const struct ch *f, const char *name, char out[320])
{
    snprintf(out, 320, "%s/%s", f->dir, name);
}

void ch_put_file(struct ch *f, const char *name, const void *bytes, size_t n)
{
    char path[320];
    int fd;

    path_of(f, name, path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), n);
    close(fd);
}

bool ch_has_file(struct ch *f, const char *name)
{
    char path[320];
    struct stat st;

    path_of(f, name, path);
    return lstat(path, &st) == 0;
}

unsigned ch_count_files(struct ch *f)
{
    DIR *d = opendir(f->dir);
    unsigned n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2; /* . and .. */
}

void ch_put_pouch(struct ch *f, const char *name, uint64_t first,
                  unsigned count)
{
    struct ol_pouch_file *file;
    char path[320];

    path_of(f, name, path);
    assert_int_equal(ol_pouch_create(&file, path), OL_OK);
    for (unsigned k = 0; k < count; k++) {
        fill(scratch, 100, first + k);
        assert_int_equal(ol_pouch_add(file, OL_SPAN(scratch, 100)), OL_OK);
    }
    assert_int_equal(ol_pouch_finish(file, true), OL_OK);
}
