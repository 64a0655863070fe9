/*
 * A dialled TCP channel.
 *
 *              timer                 addresses              connected
 *   WAITING ----------> RESOLVING -------------> CONNECTING ---------> UP
 *      ^  begin_resolve     |      begin_connect   |  ^  | begin_up     |
 *      |                    |                      +--+  |              |
 *      |                    |       refused, 3 s: next   |              |
 *      +--------------------+----------------------------+--------------+
 *        no such name           no address is left           it broke
 *                               begin_waiting
 *
 * Happy path: the name is resolved anew each time, its addresses are tried in
 * their order, the first that answers is kept. It never gives up: after a
 * failure it waits 0.25 s, doubling to 2 s, and starts over; a connection that
 * brought a packet sets the wait back. The words of the last failure stand in
 * the status until a connection is up, so that they do not flicker.
 */
#include "channel/tcp.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"

enum state { WAITING, RESOLVING, CONNECTING, UP };

struct dial {
    struct ol_base base;
    struct ol_url url;
    enum state state;
    uv_timer_t timer; /* WAITING: try again; CONNECTING: abort */
    uv_idle_t turn;
    struct ol_resolve *resolve; /* RESOLVING */
    struct ol_tcp_conn *conn;   /* CONNECTING, UP */
    struct ol_socks socks;
    unsigned at; /* the address being tried */
    unsigned backoff_ms;
    bool failed; /* status says why */
    uint8_t *buffer;
};

static void begin_resolve(uv_timer_t *timer);
static void begin_connect(struct dial *d);

static void tell(struct dial *d)
{
    struct ol_chan chan = {.up = d->state == UP};

    if (chan.up)
        chan.room_bytes = ol_tcp_conn_room(d->conn);
    (void)ol_base_changed(&d->base, NULL, &chan);
}

static void drop_conn(struct dial *d)
{
    if (d->conn)
        ol_tcp_conn_close(d->conn);
    d->conn = NULL;
}

static void begin_waiting(struct dial *d)
{
    bool was_up = d->state == UP;

    drop_conn(d);
    d->state = WAITING;
    uv_timer_start(&d->timer, begin_resolve, d->backoff_ms, 0);
    d->backoff_ms = OL_MIN(d->backoff_ms * 2, OL_TCP_BACKOFF_MAX_MS);
    if (was_up)
        tell(d);
}

/* Says what happened with the address that is tried or was connected. */
static void say_why(struct dial *d, int sys)
{
    char name[OL_SOCK_NAME], words[OL_WHY];

    ol_sock_name(&d->socks.v[d->at], name);
    ol_sock_words(sys, name, words, sizeof(words));
    ol_base_say(&d->base, "%s", words);
    ol_base_failed(&d->base, sys == UV_EPROTO ? OL_ERR_MALFORMED : OL_ERR_DOWN,
                   sys == UV_EOF ? 0 : sys);
    d->failed = true;
}

static void next_address(struct dial *d, int sys)
{
    say_why(d, sys);
    drop_conn(d);
    d->at++;
    if (d->at < d->socks.n)
        begin_connect(d);
    else
        begin_waiting(d);
}

static void on_packet(struct ol_tcp_conn *c, struct ol_span packet)
{
    struct dial *d = c->owner;

    d->backoff_ms = OL_TCP_BACKOFF_MIN_MS;
    (void)ol_base_packet(&d->base, NULL, packet, 0);
}

static void on_broke(struct ol_tcp_conn *c, int sys)
{
    struct dial *d = c->owner;

    OL_CHECK(d->state == UP && d->conn == c);
    say_why(d, sys);
    begin_waiting(d);
}

static void on_room(struct ol_tcp_conn *c)
{
    tell(c->owner);
}

static void on_turn(uv_idle_t *turn)
{
    struct dial *d = turn->data;

    uv_idle_stop(turn);
    if (d->conn)
        ol_tcp_conn_turn(d->conn);
}

static void on_wake(struct ol_tcp_conn *c)
{
    struct dial *d = c->owner;

    (void)uv_idle_start(&d->turn, on_turn);
}

static uint8_t *on_buffer(struct ol_tcp_conn *c)
{
    struct dial *d = c->owner;

    if (!d->buffer)
        d->buffer = malloc(OL_TCP_READ);
    return d->buffer;
}

static const struct ol_tcp_conn_ops conn_ops = {
    .packet = on_packet,
    .broke = on_broke,
    .room = on_room,
    .wake = on_wake,
    .buffer = on_buffer,
};

static void begin_up(struct dial *d)
{
    char name[OL_SOCK_NAME];

    uv_timer_stop(&d->timer);
    ol_sock_name(&d->socks.v[d->at], name);
    d->state = UP;
    d->failed = false;
    d->base.status.connects++;
    ol_base_say(&d->base, "connected to %s", name);
    tell(d);
}

static void on_connected(uv_connect_t *req, int sys)
{
    struct ol_tcp_conn *c = req->data;
    struct dial *d = c->owner;

    if (c->closing)
        return;
    OL_CHECK(d->state == CONNECTING && d->conn == c);
    if (sys == 0)
        sys = ol_tcp_conn_start(c);
    if (sys)
        next_address(d, sys);
    else
        begin_up(d);
}

static void on_connect_late(uv_timer_t *timer)
{
    next_address(timer->data, UV_ETIMEDOUT);
}

/* A refusal that is known at once also waits for the loop: a name with many
 * dead addresses must not become a deep recursion. */
static void on_connect_refused(uv_timer_t *timer)
{
    struct dial *d = timer->data;

    next_address(d, d->conn ? d->conn->broken : UV_ENOMEM);
}

static void begin_connect(struct dial *d)
{
    union ol_sock *to = &d->socks.v[d->at];
    char name[OL_SOCK_NAME];
    int sys = UV_ENOMEM;

    d->state = CONNECTING;
    d->base.status.attempts++;
    ol_sock_name(to, name);
    if (!d->failed)
        ol_base_say(&d->base, "connecting to %s", name);
    d->conn = ol_tcp_conn_create(sizeof(*d->conn), d->base.loop, &conn_ops, d);
    if (d->conn) {
        d->conn->connect.data = d->conn;
        sys = uv_tcp_connect(&d->conn->connect, &d->conn->tcp, &to->sa,
                             on_connected);
        d->conn->broken = sys;
    }
    if (sys)
        uv_timer_start(&d->timer, on_connect_refused, 0, 0);
    else
        uv_timer_start(&d->timer, on_connect_late, OL_TCP_CONNECT_MS, 0);
}

static void no_name(struct dial *d, int sys)
{
    char words[OL_WHY];

    ol_sock_no_name(sys, d->url.host, words, sizeof(words));
    ol_base_say(&d->base, "%s", words);
    ol_base_failed(&d->base, OL_ERR_DOWN, 0);
    d->failed = true;
    begin_waiting(d);
}

static void on_resolved(void *arg, int sys, const struct ol_socks *socks)
{
    struct dial *d = arg;

    OL_CHECK(d->state == RESOLVING);
    d->resolve = NULL;
    if (sys) {
        no_name(d, sys);
        return;
    }
    d->socks = *socks;
    d->at = 0;
    begin_connect(d);
}

static void begin_resolve(uv_timer_t *timer)
{
    struct dial *d = timer->data;

    d->state = RESOLVING;
    if (ol_sock_literal(&d->url, &d->socks.v[0])) {
        d->socks.n = 1;
        d->at = 0;
        begin_connect(d);
        return;
    }
    if (!d->failed)
        ol_base_say(&d->base, "resolving %.72s", d->url.host);
    d->resolve = ol_resolve_start(d->base.loop, &d->url, on_resolved, d);
    if (!d->resolve)
        no_name(d, UV_ENOMEM);
}

static void dial_close(struct ol_bearer *b)
{
    struct dial *d = (struct dial *)b;

    ol_base_silence(&d->base);
    if (d->resolve)
        ol_resolve_forget(d->resolve);
    drop_conn(d);
    ol_base_close_handle(&d->base, (uv_handle_t *)&d->timer);
    ol_base_close_handle(&d->base, (uv_handle_t *)&d->turn);
}

static void dial_fini(struct ol_base *base)
{
    free(((struct dial *)base)->buffer);
}

static enum ol_err dial_send(struct ol_bearer *b, const struct ol_addr *to,
                             struct ol_span packet, bool last)
{
    struct dial *d = (struct dial *)b;
    enum ol_err err;

    (void)last;
    if (packet.n > OL_FRAME_MAX)
        return ol_base_dropped(&d->base, OL_ERR_LONG);
    if (packet.n == 0)
        return ol_base_dropped(&d->base, OL_ERR_INPUT);
    if (to->len > 0 || d->state != UP)
        return ol_base_dropped(&d->base, OL_ERR_DOWN);
    err = ol_tcp_conn_send(d->conn, packet);
    if (err)
        return ol_base_dropped(&d->base, err);
    ol_base_sent(&d->base, packet.n);
    return OL_OK;
}

static const struct ol_bearer_ops dial_ops = {
    .scheme = "tcp",
    .kind = OL_CHAN_STREAM,
    .mtu = OL_FRAME_MAX,
    .close = dial_close,
    .send = dial_send,
    .release = ol_base_no_release,
    .status = ol_base_status,
};

enum ol_err ol_tcp_dial(struct ol_bearer **out, const struct ol_opening *o)
{
    struct dial *d = ol_base_create(sizeof(*d), &dial_ops, o->loop, o->events,
                                    o->arg);

    if (!d) {
        ol_why(o->why, "out of memory");
        return OL_ERR_IO;
    }
    d->base.fini = dial_fini;
    d->url = *o->url;
    d->backoff_ms = OL_TCP_BACKOFF_MIN_MS;
    ol_base_timer(&d->base, &d->timer);
    ol_base_turn(&d->base, &d->turn);
    ol_base_say(&d->base, "starting");
    /* By the loop: the owner does not hold the bearer yet. */
    uv_timer_start(&d->timer, begin_resolve, 0, 0);
    *out = &d->base.pub;
    return OL_OK;
}
