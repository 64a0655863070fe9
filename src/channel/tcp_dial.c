/*
 * A dialled TCP channel, through a proxy or not.
 *
 *              timer                 addresses            connected
 *   WAITING ----------> RESOLVING -------------> CONNECTING -------> UP
 *      ^  begin_resolve     |      begin_tries   |  ^  |  |   begin_up ^
 *      |                    |                    +--+  |  | connected  |
 *      |                    |      the next address    |  v  open      |
 *      |                    |                          | ASKING -------+
 *      |                    |                          |  |            |
 *      +--------------------+--------------------------+--+------------+
 *        no such name        no address is left,  refused      it broke
 *                            begin_waiting
 *
 * Happy path: the name is resolved anew each time, its addresses are tried
 * (tcp_tries.c), the first that answers is kept. With a proxy that name and
 * those addresses are the proxy's, and the host's name goes to the proxy as it
 * is (socks5.c). It never gives up: after a failure it waits 0.25 s, doubling
 * to 2 s, and starts over; a connection that brought a packet sets the wait
 * back. The words of the last failure stand in the status until a connection
 * is up, so that they do not flicker.
 */
#include "channel/tcp.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "channel/socks5.h"

enum state { WAITING, RESOLVING, CONNECTING, ASKING, UP };

struct dial {
    struct ol_base base;
    struct ol_url url;
    struct ol_proxy proxy; /* its port 0: none */
    enum state state;
    uv_timer_t timer; /* WAITING: start; ASKING: abort */
    uv_idle_t turn;
    struct ol_resolve *resolve; /* RESOLVING */
    struct ol_tcp_tries tries;  /* CONNECTING */
    struct ol_tcp_conn *conn;   /* ASKING, UP */
    union ol_sock to;           /* and its far end */
    struct ol_socks5 socks5;    /* ASKING */
    unsigned backoff_ms;
    uint64_t patience_ms; /* with the proxy */
    bool failed; /* status says why */
    enum ol_err err; /* and the owner may ask, once all was tried */
    int sys;
    uint8_t *buffer;
};

static void begin_resolve(uv_timer_t *timer);

static bool proxied(const struct dial *d)
{
    return d->proxy.at.port != 0;
}

static void tell(struct dial *d)
{
    struct ol_chan chan = {.up = d->state == UP};

    if (chan.up)
        chan.room_bytes = ol_tcp_conn_room(d->conn);
    (void)ol_base_changed(&d->base, NULL, &chan);
}

static void drop_all(struct dial *d)
{
    if (d->conn)
        ol_tcp_conn_close(d->conn);
    d->conn = NULL;
    ol_tcp_tries_end(&d->tries);
}

static void begin_waiting(struct dial *d)
{
    bool was_up = d->state == UP;

    drop_all(d);
    d->state = WAITING;
    ol_base_failed(&d->base, d->err, d->sys);
    uv_timer_start(&d->timer, begin_resolve, d->backoff_ms, 0);
    d->backoff_ms = OL_MIN(d->backoff_ms * 2, OL_TCP_BACKOFF_MAX_MS);
    if (was_up)
        tell(d);
}

/* What people call the far end of a connection. */
static void name_of(const struct dial *d, const union ol_sock *to,
                    char out[OL_WHY])
{
    char name[OL_SOCK_NAME];

    ol_sock_name(to, name);
    if (!proxied(d))
        ol_why(out, "%s", name);
    else if (d->state == UP)
        ol_why(out, "%.48s by the proxy", d->url.host);
    else
        ol_why(out, "the proxy %s", name);
}

static void failed(struct dial *d, enum ol_err err, int sys, const char *words)
{
    ol_base_say(&d->base, "%s", words);
    d->err = err;
    d->sys = sys;
    d->failed = true;
}

static void say_why(struct dial *d, const union ol_sock *to, int sys)
{
    char name[OL_WHY], words[OL_WHY];

    name_of(d, to, name);
    ol_sock_words(sys, name, words, sizeof(words));
    failed(d, sys == UV_EPROTO ? OL_ERR_MALFORMED : OL_ERR_DOWN,
           sys == UV_EOF ? 0 : sys, words);
}

/* The connection that is up, or asks, is of no use. */
static void broke(struct dial *d, int sys)
{
    say_why(d, &d->to, sys);
    begin_waiting(d);
}

static void on_packet(struct ol_tcp_conn *c, struct ol_span packet)
{
    struct dial *d = c->owner;

    d->backoff_ms = OL_TCP_BACKOFF_MIN_MS;
    d->base.pub.follows = c->follows;
    (void)ol_base_packet(&d->base, NULL, packet, 0);
}

static void on_broke(struct ol_tcp_conn *c, int sys)
{
    struct dial *d = c->owner;

    OL_CHECK((d->state == UP || d->state == ASKING) && d->conn == c);
    broke(d, sys);
}

static void on_room(struct ol_tcp_conn *c)
{
    struct dial *d = c->owner;

    if (d->state == UP)
        tell(d);
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

static void begin_up(struct dial *d)
{
    char name[OL_SOCK_NAME];

    uv_timer_stop(&d->timer);
    ol_sock_name(&d->to, name);
    d->state = UP;
    d->failed = false;
    d->base.status.connects++;
    if (proxied(d))
        ol_base_say(&d->base, "connected to %.64s by the proxy %s",
                    d->url.host, name);
    else
        ol_base_say(&d->base, "connected to %s", name);
    tell(d);
}

/* ---- the proxy ---------------------------------------------------------- */

static void refused(struct dial *d)
{
    char name[OL_WHY], words[OL_WHY];

    name_of(d, &d->to, name);
    ol_socks5_words(&d->socks5, name, words, sizeof(words));
    failed(d, OL_ERR_DOWN, 0, words);
    begin_waiting(d);
}

static size_t on_raw(struct ol_tcp_conn *c, struct ol_span bytes)
{
    struct dial *d = c->owner;
    uint8_t out[OL_SOCKS5_OUT];
    size_t n_out, n = ol_socks5_take(&d->socks5, bytes, out, &n_out);
    enum ol_err err = OL_OK;

    if (n_out > 0)
        err = ol_tcp_conn_say(c, OL_SPAN(out, n_out));
    explicit_bzero(out, sizeof(out));
    if (d->socks5.state == OL_SOCKS5_REFUSED) {
        refused(d);
    } else if (err) {
        broke(d, UV_ENOMEM);
    } else if (d->socks5.state == OL_SOCKS5_OPEN) {
        c->raw = false;
        begin_up(d);
    }
    return n;
}

static void on_proxy_late(uv_timer_t *timer)
{
    broke(timer->data, UV_ETIMEDOUT);
}

static void begin_asking(struct dial *d)
{
    uint8_t out[OL_SOCKS5_OUT];
    size_t n = ol_socks5_start(&d->socks5, &d->proxy, &d->url, out);
    char name[OL_WHY];

    d->state = ASKING;
    uv_timer_start(&d->timer, on_proxy_late, d->patience_ms, 0);
    name_of(d, &d->to, name);
    if (!d->failed)
        ol_base_say(&d->base, "asking %s for %.60s", name, d->url.host);
    if (ol_tcp_conn_say(d->conn, OL_SPAN(out, n)))
        broke(d, UV_ENOMEM);
}

/* ---- trying addresses --------------------------------------------------- */

static void on_connected(struct ol_tcp_conn *c, int sys)
{
    struct dial *d = c->owner;

    OL_CHECK(d->state == CONNECTING);
    c->raw = proxied(d);
    if (sys == 0)
        sys = ol_tcp_conn_start(c);
    ol_tcp_tries_connected(&d->tries, c, sys);
}

static const struct ol_tcp_conn_ops conn_ops = {
    .connected = on_connected,
    .packet = on_packet,
    .raw = on_raw,
    .broke = on_broke,
    .room = on_room,
    .wake = on_wake,
    .buffer = on_buffer,
};

static void on_trying(struct ol_tcp_tries *t, const union ol_sock *to)
{
    struct dial *d = t->owner;
    char name[OL_WHY];

    d->base.status.attempts++;
    name_of(d, to, name);
    if (!d->failed)
        ol_base_say(&d->base, "connecting to %s", name);
}

static void on_failed(struct ol_tcp_tries *t, const union ol_sock *to, int sys)
{
    say_why(t->owner, to, sys);
}

static void on_won(struct ol_tcp_tries *t, struct ol_tcp_conn *c,
                   const union ol_sock *to)
{
    struct dial *d = t->owner;

    d->conn = c;
    d->to = *to;
    if (proxied(d))
        begin_asking(d);
    else
        begin_up(d);
}

static void on_none(struct ol_tcp_tries *t)
{
    begin_waiting(t->owner);
}

static const struct ol_tcp_tries_ops tries_ops = {
    .trying = on_trying,
    .failed = on_failed,
    .won = on_won,
    .none = on_none,
};

static void begin_tries(struct dial *d)
{
    d->state = CONNECTING;
    ol_tcp_tries_begin(&d->tries);
}

/* ---- the name ----------------------------------------------------------- */

static const struct ol_url *first_hop(const struct dial *d)
{
    return proxied(d) ? &d->proxy.at : &d->url;
}

static void no_name(struct dial *d, int sys)
{
    char words[OL_WHY];

    ol_sock_no_name(sys, first_hop(d)->host, words, sizeof(words));
    failed(d, OL_ERR_DOWN, 0, words);
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
    d->tries.socks = *socks;
    begin_tries(d);
}

static void begin_resolve(uv_timer_t *timer)
{
    struct dial *d = timer->data;

    d->state = RESOLVING;
    if (ol_sock_literal(first_hop(d), &d->tries.socks.v[0])) {
        d->tries.socks.n = 1;
        begin_tries(d);
        return;
    }
    if (!d->failed)
        ol_base_say(&d->base, "resolving %.72s", first_hop(d)->host);
    d->resolve = ol_resolve_start(d->base.loop, first_hop(d), on_resolved, d);
    if (!d->resolve)
        no_name(d, UV_ENOMEM);
}

/* ---- the bearer --------------------------------------------------------- */

/* A connection from an address that is gone only waits for its end. */
static bool stranded(const struct dial *d)
{
    struct sockaddr_storage own;
    union ol_sock sock;
    int n = sizeof(own);

    if (uv_tcp_getsockname(&d->conn->tcp, (struct sockaddr *)&own, &n))
        return true;
    ol_sock_from(&sock, (struct sockaddr *)&own);
    return !ol_sock_own(&sock);
}

/* By the loop: a line's step must not find itself in another. */
static void on_stranded(uv_timer_t *timer)
{
    struct dial *d = timer->data;

    d->backoff_ms = 0;
    broke(d, UV_EADDRNOTAVAIL);
    d->backoff_ms = OL_TCP_BACKOFF_MIN_MS;
}

static void dial_again(struct ol_bearer *b, bool doubt)
{
    struct dial *d = (struct dial *)b;

    (void)doubt;
    switch (d->state) {
    case WAITING:
    case CONNECTING:
        drop_all(d);
        d->state = WAITING;
        d->backoff_ms = OL_TCP_BACKOFF_MIN_MS;
        uv_timer_start(&d->timer, begin_resolve, 0, 0);
        break;
    case RESOLVING: /* cannot be interrupted */
        break;
    case ASKING:
    case UP:
        if (stranded(d))
            uv_timer_start(&d->timer, on_stranded, 0, 0);
        break;
    }
}

static void dial_close(struct ol_bearer *b)
{
    struct dial *d = (struct dial *)b;

    ol_base_silence(&d->base);
    if (d->resolve)
        ol_resolve_forget(d->resolve);
    drop_all(d);
    ol_base_close_handle(&d->base, (uv_handle_t *)&d->timer);
    ol_base_close_handle(&d->base, (uv_handle_t *)&d->tries.timer);
    ol_base_close_handle(&d->base, (uv_handle_t *)&d->turn);
}

static void dial_fini(struct ol_base *base)
{
    struct dial *d = (struct dial *)base;

    free(d->buffer);
    explicit_bzero(&d->proxy, sizeof(d->proxy));
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
    .again = dial_again,
};

void ol_tcp_dial_patience(struct ol_bearer *dialler, uint64_t ms)
{
    OL_CHECK(dialler->ops == &dial_ops);
    ((struct dial *)dialler)->patience_ms = ms;
}

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
    if (o->proxy)
        d->proxy = *o->proxy;
    d->backoff_ms = OL_TCP_BACKOFF_MIN_MS;
    d->patience_ms = OL_TCP_PROXY_MS;
    d->tries.ops = &tries_ops;
    d->tries.conn_ops = &conn_ops;
    d->tries.owner = d;
    ol_base_timer(&d->base, &d->timer);
    ol_base_timer(&d->base, &d->tries.timer);
    ol_base_turn(&d->base, &d->turn);
    ol_base_say(&d->base, "starting");
    /* By the loop: the owner does not hold the bearer yet. */
    uv_timer_start(&d->timer, begin_resolve, 0, 0);
    *out = &d->base.pub;
    return OL_OK;
}
