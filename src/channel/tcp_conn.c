/*
 * One TCP connection.
 *
 * Happy path out: the packet goes to the kernel in one try; what the kernel
 * does not take waits in a ring of 32 KiB and goes in pieces of 8 KiB, so that
 * room returns early. Happy path in: packets are given straight from the read
 * buffer; only one that is cut off by the end of a read is gathered apart.
 *
 * It fails by breaking: a read or a write error, the end of the stream, or a
 * length that no packet has. Then the owner is told once, and closes it.
 */
#include "channel/tcp.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"

/* Small, so that a FLASH does not wait behind what the kernel has not even
 * sent; large enough to keep a fast link busy between two turns of the loop. */
#define NOTSENT_LOWAT (16 * 1024)
#define WRITE_PIECE (8u * 1024)
#define USER_TIMEOUT_MS OL_HOLD_MS
/* How much is under way the core decides, by the rate that it measures. A
 * kernel that does the same, as BBR, measures what the core lets go, the core
 * what the kernel lets go, and both may stay at a tenth of the path. Reno only
 * answers losses; every kernel has it, and nobody needs a right to ask for it
 * unless an administrator took it away (tcp_allowed_congestion_control). */
static const char congestion[] = "reno";

void *ol_tcp_conn_create(size_t size, uv_loop_t *loop,
                         const struct ol_tcp_conn_ops *ops, void *owner)
{
    struct ol_tcp_conn *c = calloc(1, size);

    if (!c)
        return NULL;
    if (uv_tcp_init(loop, &c->tcp)) {
        free(c);
        return NULL;
    }
    c->tcp.data = c;
    c->ops = ops;
    c->owner = owner;
    return c;
}

static void on_closed(uv_handle_t *handle)
{
    struct ol_tcp_conn *c = handle->data;

    free(c->in);
    free(c->out);
    free(c);
}

void ol_tcp_conn_close(struct ol_tcp_conn *c)
{
    OL_CHECK(!c->closing);
    c->closing = true;
    c->owner = NULL;
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void on_connected(uv_connect_t *req, int sys)
{
    struct ol_tcp_conn *c = req->data;

    if (!c->closing)
        c->ops->connected(c, sys);
}

int ol_tcp_conn_connect(struct ol_tcp_conn *c, const union ol_sock *to)
{
    c->connect.data = c;
    return uv_tcp_connect(&c->connect, &c->tcp, &to->sa, on_connected);
}

uint32_t ol_tcp_conn_room(const struct ol_tcp_conn *c)
{
    return c->full ? 0 : (uint32_t)(OL_TCP_QUEUE / 2);
}

/* Full from the half on, so that whoever was told of room for half a queue can
 * use it all at once and lose nothing; roomy again below a quarter, for else
 * every packet would be told of. */
static bool note_room(struct ol_tcp_conn *c)
{
    if (c->n_out > OL_TCP_QUEUE / 2)
        c->full = true;
    else if (c->n_out <= OL_TCP_QUEUE / 4)
        c->full = false;
    return c->full != c->told_full;
}

static void ask_turn(struct ol_tcp_conn *c)
{
    if (!c->turn) {
        c->turn = true;
        c->ops->wake(c);
    }
}

void ol_tcp_conn_turn(struct ol_tcp_conn *c)
{
    if (c->closing || !c->turn)
        return;
    c->turn = false;
    if (c->broken) {
        c->ops->broke(c, c->broken);
        return;
    }
    if (note_room(c)) {
        c->told_full = c->full;
        c->ops->room(c);
    }
}

static void put(struct ol_tcp_conn *c, const uint8_t *p, size_t n)
{
    size_t end = (c->out_at + c->n_out) % OL_TCP_QUEUE;
    size_t first = OL_MIN(n, OL_TCP_QUEUE - end);

    OL_CHECK(n <= OL_TCP_QUEUE - c->n_out);
    memcpy(c->out + end, p, first);
    memcpy(c->out, p + first, n - first);
    c->n_out += n;
}

static void write_more(struct ol_tcp_conn *c);

static void on_written(uv_write_t *req, int sys)
{
    struct ol_tcp_conn *c = req->data;

    c->out_at = (c->out_at + c->n_writing) % OL_TCP_QUEUE;
    c->n_out -= c->n_writing;
    c->n_writing = 0;
    if (c->closing)
        return;
    if (sys) {
        c->ops->broke(c, sys);
        return;
    }
    write_more(c);
    if (c->n_out == 0) {
        free(c->out);
        c->out = NULL;
    }
    if (!c->broken && note_room(c)) {
        c->told_full = c->full;
        c->ops->room(c);
    }
}

static void write_more(struct ol_tcp_conn *c)
{
    uv_buf_t buf;
    int sys;

    if (c->n_writing > 0 || c->n_out == 0)
        return;
    c->n_writing = OL_MIN(c->n_out, OL_TCP_QUEUE - c->out_at);
    c->n_writing = OL_MIN(c->n_writing, WRITE_PIECE);
    c->write.data = c;
    buf = uv_buf_init((char *)c->out + c->out_at, (unsigned)c->n_writing);
    sys = uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, on_written);
    if (sys) {
        c->n_writing = 0;
        c->broken = sys;
        ask_turn(c);
    }
}

enum ol_err ol_tcp_conn_send(struct ol_tcp_conn *c, struct ol_span packet)
{
    uint8_t head[OL_TCP_HEAD] = {(uint8_t)(packet.n >> 8), (uint8_t)packet.n};
    uv_buf_t bufs[2] = {
        uv_buf_init((char *)head, sizeof(head)),
        uv_buf_init((char *)packet.p, (unsigned)packet.n),
    };
    size_t done = 0;

    OL_CHECK(packet.n >= 1 && packet.n <= OL_FRAME_MAX);
    if (c->closing || c->broken)
        return OL_ERR_DOWN;
    if (OL_TCP_HEAD + packet.n > OL_TCP_QUEUE - c->n_out)
        return OL_ERR_AGAIN;
    if (!c->out && !(c->out = malloc(OL_TCP_QUEUE)))
        return OL_ERR_AGAIN;
    if (c->n_out == 0) {
        int n = uv_try_write((uv_stream_t *)&c->tcp, bufs, 2);

        if (n < 0 && n != UV_EAGAIN && n != UV_ENOBUFS) {
            c->broken = n;
            ask_turn(c);
            return OL_ERR_DOWN;
        }
        done = n < 0 ? 0 : (size_t)n;
    }
    if (done < OL_TCP_HEAD)
        put(c, head + done, OL_TCP_HEAD - done);
    done -= OL_MIN(done, OL_TCP_HEAD);
    put(c, packet.p + done, packet.n - done);
    write_more(c);
    if (note_room(c))
        ask_turn(c);
    return OL_OK;
}

enum ol_err ol_tcp_conn_say(struct ol_tcp_conn *c, struct ol_span bytes)
{
    if (c->closing || c->broken)
        return OL_ERR_DOWN;
    if (bytes.n > OL_TCP_QUEUE - c->n_out ||
        (!c->out && !(c->out = malloc(OL_TCP_QUEUE))))
        return OL_ERR_AGAIN;
    put(c, bytes.p, bytes.n);
    write_more(c);
    return OL_OK;
}

/* The packet's length once its head is known; 0: no packet has it. */
static size_t length_of(const uint8_t *head)
{
    size_t n = (size_t)head[0] << 8 | head[1];

    return n <= OL_FRAME_MAX ? n : 0;
}

/* Takes a part of a packet: the rest of its head, or of its body. Returns how
 * much, 0 when the length is none. */
static size_t gather(struct ol_tcp_conn *c, const uint8_t *p, size_t n)
{
    size_t whole = OL_TCP_HEAD;

    if (c->n_in >= OL_TCP_HEAD)
        whole += length_of(c->in);
    n = OL_MIN(n, whole - c->n_in);
    memcpy(c->in + c->n_in, p, n);
    c->n_in += n;
    if (c->n_in < OL_TCP_HEAD)
        return n;
    whole = length_of(c->in);
    if (whole == 0)
        return 0;
    if (c->n_in == OL_TCP_HEAD + whole) {
        c->n_in = 0;
        c->follows = false;
        c->ops->packet(c, OL_SPAN(c->in + OL_TCP_HEAD, whole));
    }
    return n;
}

static bool is_whole(const uint8_t *p, size_t n)
{
    return n >= OL_TCP_HEAD && n >= OL_TCP_HEAD + length_of(p);
}

/* One step through what was read. Returns how much it took, 0: it breaks. */
static size_t feed(struct ol_tcp_conn *c, const uint8_t *p, size_t n)
{
    if (c->n_in == 0 && n >= OL_TCP_HEAD) {
        size_t len = length_of(p);

        if (len == 0)
            return 0;
        if (is_whole(p, n)) {
            size_t whole = OL_TCP_HEAD + len;

            c->follows = is_whole(p + whole, n - whole);
            c->ops->packet(c, OL_SPAN(p + OL_TCP_HEAD, len));
            return whole;
        }
    }
    OL_CHECK(c->in || c->n_in == 0);
    if (!c->in && !(c->in = malloc(OL_TCP_WHOLE)))
        return 0;
    return gather(c, p, n);
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
    struct ol_tcp_conn *c = stream->data;
    const uint8_t *p = (const uint8_t *)buf->base;

    if (c->closing)
        return;
    if (nread < 0) {
        c->ops->broke(c, (int)nread);
        return;
    }
    while (nread > 0) {
        size_t n = c->raw ? c->ops->raw(c, OL_SPAN(p, nread))
                          : feed(c, p, (size_t)nread);

        if (c->closing)
            return;
        if (n == 0) {
            c->ops->broke(c, UV_EPROTO);
            return;
        }
        p += n;
        nread -= (ssize_t)n;
    }
}

static void on_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct ol_tcp_conn *c = handle->data;
    uint8_t *p = c->ops->buffer(c);

    (void)suggested;
    *buf = uv_buf_init((char *)p, p ? OL_TCP_READ : 0);
}

int ol_tcp_conn_start(struct ol_tcp_conn *c)
{
    uv_os_fd_t fd;
    int lowat = NOTSENT_LOWAT, timeout = USER_TIMEOUT_MS;

    /* All of these only make it better: a kernel without one still works. */
    (void)uv_tcp_nodelay(&c->tcp, 1);
    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat,
                         sizeof(lowat));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout,
                         sizeof(timeout));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion,
                         sizeof(congestion) - 1);
    }
    return uv_read_start((uv_stream_t *)&c->tcp, on_buffer, on_read);
}
