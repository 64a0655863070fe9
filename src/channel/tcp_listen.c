/*
 * A TCP listener: any number of peers, and a bounded number of strangers.
 *
 * Happy path: a connection is accepted into a slot and is a stranger; its
 * packets go to the owner with its address; a packet that authenticates makes
 * the owner vouch for it (trust), and from then on it stays.
 *
 *   address   slot 2 | generation 8
 *
 * A slot is used again, a generation never, so an old address reaches nobody.
 * Strangers have 64 slots and 30 s each; one more puts the oldest out. Those
 * who are trusted have 1,024; one more puts out the one silent for longest.
 * Where the process has too few descriptors for that (places.h) the bounds
 * come sooner: one stranger at a time may then stand beyond them, and takes
 * the place of a trusted one only by being trusted itself.
 * The listener never answers by itself.
 */
#include "channel/tcp.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "channel/places.h"

#define SLOTS (OL_TCP_STRANGERS + OL_TCP_TRUSTED)
#define BACKLOG 64
/* Finds the peer that vanished without a word and to whom nobody sends. */
#define KEEPALIVE_S 120u

struct guest {
    struct ol_tcp_conn conn; /* first */
    uint64_t generation;
    uint64_t since_ms, heard_ms;
    uint16_t slot;
    bool trusted, spoke;
};

struct listener {
    struct ol_base base;
    uv_tcp_t tcp;
    uv_idle_t turn;
    uv_timer_t sweep;
    union ol_sock sock;
    uint64_t generation; /* of the last that was accepted */
    uint64_t patience_ms;
    unsigned strangers, trusted;
    uint8_t *buffer;
    struct guest *slot[SLOTS];
};

static void address_of(const struct guest *g, struct ol_addr *addr)
{
    struct ol_writer w;

    memset(addr, 0, sizeof(*addr));
    ol_writer_init(&w, addr->b, sizeof(addr->b));
    ol_write_u16(&w, g->slot);
    ol_write_u64(&w, g->generation);
    addr->len = (uint8_t)w.n;
}

/* NULL: it is gone, or never was. */
static struct guest *find(const struct listener *l, const struct ol_addr *addr)
{
    struct ol_reader r;
    struct guest *g;
    uint16_t slot;

    ol_reader_init(&r, OL_SPAN(addr->b, OL_MIN(addr->len, OL_ADDR_MAX)));
    slot = ol_read_u16(&r);
    if (slot >= SLOTS || !(g = l->slot[slot]))
        return NULL;
    if (ol_read_u64(&r) != g->generation || !ol_reader_done(&r))
        return NULL;
    return g;
}

static void say(struct listener *l)
{
    char name[OL_SOCK_NAME];

    ol_sock_name(&l->sock, name);
    ol_base_say(&l->base, "listening on %s: %u connected, %u of them unknown",
                name, l->trusted + l->strangers, l->strangers);
}

/* The owner hears of the end only of what it has heard of. */
static void put_out(struct listener *l, struct guest *g)
{
    const struct ol_chan gone = {.gone = true};
    struct ol_addr addr;
    bool spoke = g->spoke;

    address_of(g, &addr);
    l->slot[g->slot] = NULL;
    ol_places_gave(OL_PLACE_GUEST);
    if (g->trusted)
        l->trusted--;
    else
        l->strangers--;
    ol_tcp_conn_close(&g->conn);
    say(l);
    if (spoke)
        (void)ol_base_changed(&l->base, &addr, &gone);
}

static void on_packet(struct ol_tcp_conn *c, struct ol_span packet)
{
    struct guest *g = (struct guest *)c;
    struct listener *l = c->owner;
    struct ol_addr from;

    g->spoke = true;
    g->heard_ms = uv_now(l->base.loop);
    address_of(g, &from);
    l->base.pub.follows = c->follows;
    (void)ol_base_packet(&l->base, &from, packet, 0);
}

static void on_broke(struct ol_tcp_conn *c, int sys)
{
    struct listener *l = c->owner;

    /* A stranger's fault is counted and nothing more. */
    if (sys == UV_EPROTO)
        l->base.status.dropped++;
    put_out(l, (struct guest *)c);
}

static void on_room(struct ol_tcp_conn *c)
{
    struct guest *g = (struct guest *)c;
    struct listener *l = c->owner;
    const struct ol_chan chan = {.up = true,
                                 .room_bytes = ol_tcp_conn_room(c)};
    struct ol_addr addr;

    address_of(g, &addr);
    (void)ol_base_changed(&l->base, &addr, &chan);
}

static void on_turn(uv_idle_t *turn)
{
    struct listener *l = turn->data;

    uv_idle_stop(turn);
    for (unsigned k = 0; k < SLOTS && !l->base.closed; k++) {
        if (l->slot[k])
            ol_tcp_conn_turn(&l->slot[k]->conn);
    }
}

static void on_wake(struct ol_tcp_conn *c)
{
    struct listener *l = c->owner;

    (void)uv_idle_start(&l->turn, on_turn);
}

static uint8_t *on_buffer(struct ol_tcp_conn *c)
{
    struct listener *l = c->owner;

    if (!l->buffer)
        l->buffer = malloc(OL_TCP_READ);
    return l->buffer;
}

static const struct ol_tcp_conn_ops conn_ops = {
    .packet = on_packet,
    .broke = on_broke,
    .room = on_room,
    .wake = on_wake,
    .buffer = on_buffer,
};

/* Of the strangers the oldest, of the trusted the one silent for longest. */
static struct guest *first_to_go(const struct listener *l, bool trusted)
{
    struct guest *first = NULL;

    for (unsigned k = 0; k < SLOTS; k++) {
        struct guest *g = l->slot[k];

        if (!g || g->trusted != trusted || g->conn.broken)
            continue;
        if (!first || (trusted ? g->heard_ms < first->heard_ms
                               : g->generation < first->generation))
            first = g;
    }
    return first;
}

static void on_sweep(uv_timer_t *timer)
{
    struct listener *l = timer->data;
    uint64_t now_ms = uv_now(l->base.loop);
    struct guest *g = first_to_go(l, false);

    while (g && now_ms - g->since_ms >= l->patience_ms) {
        put_out(l, g);
        g = l->base.closed ? NULL : first_to_go(l, false);
    }
    if (l->base.closed)
        return;
    if (!g)
        uv_timer_stop(&l->sweep);
    else
        uv_timer_start(&l->sweep, on_sweep,
                       g->since_ms + l->patience_ms - now_ms, 0);
}

static bool seat(struct listener *l, struct guest *g)
{
    uint16_t slot = 0;

    while (slot < SLOTS && l->slot[slot])
        slot++;
    if (slot == SLOTS)
        return false;
    g->slot = slot;
    g->generation = ++l->generation;
    g->since_ms = g->heard_ms = uv_now(l->base.loop);
    l->slot[slot] = g;
    ol_places_took(OL_PLACE_GUEST);
    l->strangers++;
    l->base.status.connects++;
    if (!uv_is_active((uv_handle_t *)&l->sweep))
        uv_timer_start(&l->sweep, on_sweep, l->patience_ms, 0);
    say(l);
    return true;
}

static void on_connection(uv_stream_t *stream, int sys)
{
    struct listener *l = stream->data;
    struct guest *g;

    if (l->base.closed)
        return;
    if (sys) {
        ol_base_failed(&l->base, OL_ERR_IO, sys);
        return;
    }
    l->base.status.attempts++;
    if ((l->strangers >= OL_TCP_STRANGERS ||
         ol_places_left(OL_PLACE_GUEST) <= 0) &&
        (g = first_to_go(l, false)))
        put_out(l, g);
    if (l->base.closed)
        return;
    g = ol_tcp_conn_create(sizeof(*g), l->base.loop, &conn_ops, l);
    if (!g)
        return;
    if (uv_accept(stream, (uv_stream_t *)&g->conn.tcp) ||
        ol_tcp_conn_start(&g->conn) || !seat(l, g)) {
        ol_tcp_conn_close(&g->conn);
        return;
    }
    (void)uv_tcp_keepalive(&g->conn.tcp, 1, KEEPALIVE_S);
}

static void listener_trust(struct ol_bearer *b, const struct ol_addr *from)
{
    struct listener *l = (struct listener *)b;
    struct guest *g = find(l, from);
    struct guest *first;

    if (!g || g->trusted)
        return;
    if ((l->trusted >= OL_TCP_TRUSTED ||
         ol_places_left(OL_PLACE_GUEST) < 0) &&
        (first = first_to_go(l, true))) {
        /* By the loop: the owner is in the middle of a call. */
        first->conn.broken = UV_ECONNABORTED;
        first->conn.turn = true;
        on_wake(&first->conn);
    }
    g->trusted = true;
    l->strangers--;
    l->trusted++;
    say(l);
}

static enum ol_err listener_send(struct ol_bearer *b, const struct ol_addr *to,
                                 struct ol_span packet, bool last)
{
    struct listener *l = (struct listener *)b;
    struct guest *g = find(l, to);
    enum ol_err err;

    (void)last;
    if (packet.n > OL_FRAME_MAX)
        return ol_base_dropped(&l->base, OL_ERR_LONG);
    if (packet.n == 0)
        return ol_base_dropped(&l->base, OL_ERR_INPUT);
    if (!g)
        return ol_base_dropped(&l->base, OL_ERR_DOWN);
    err = ol_tcp_conn_send(&g->conn, packet);
    if (err)
        return ol_base_dropped(&l->base, err);
    ol_base_sent(&l->base, packet.n);
    return OL_OK;
}

static void listener_close(struct ol_bearer *b)
{
    struct listener *l = (struct listener *)b;

    ol_base_silence(&l->base);
    for (unsigned k = 0; k < SLOTS; k++) {
        if (!l->slot[k])
            continue;
        ol_tcp_conn_close(&l->slot[k]->conn);
        l->slot[k] = NULL;
        ol_places_gave(OL_PLACE_GUEST);
    }
    ol_base_close_handle(&l->base, (uv_handle_t *)&l->tcp);
    ol_base_close_handle(&l->base, (uv_handle_t *)&l->turn);
    ol_base_close_handle(&l->base, (uv_handle_t *)&l->sweep);
}

static void listener_fini(struct ol_base *base)
{
    free(((struct listener *)base)->buffer);
}

static const struct ol_bearer_ops listener_ops = {
    .scheme = "tcp",
    .kind = OL_CHAN_STREAM,
    .mtu = OL_FRAME_MAX,
    .close = listener_close,
    .send = listener_send,
    .release = ol_base_no_release,
    .status = ol_base_status,
    .trust = listener_trust,
};

void ol_tcp_listen_patience(struct ol_bearer *listener, uint64_t ms)
{
    OL_CHECK(listener->ops == &listener_ops);
    ((struct listener *)listener)->patience_ms = ms;
}

static int bind_and_listen(struct listener *l)
{
    int sys = uv_tcp_bind(&l->tcp, &l->sock.sa, 0);
    struct sockaddr_storage own;
    int n = sizeof(own);

    if (sys == 0)
        sys = uv_listen((uv_stream_t *)&l->tcp, BACKLOG, on_connection);
    if (sys == 0)
        sys = uv_tcp_getsockname(&l->tcp, (struct sockaddr *)&own, &n);
    if (sys == 0 && own.ss_family == AF_INET)
        l->sock.v4.sin_port = ((struct sockaddr_in *)&own)->sin_port;
    else if (sys == 0)
        l->sock.v6.sin6_port = ((struct sockaddr_in6 *)&own)->sin6_port;
    return sys;
}

enum ol_err ol_tcp_listen(struct ol_bearer **out, const struct ol_opening *o)
{
    struct listener *l;
    union ol_sock sock;
    enum ol_err err = ol_sock_listen(o->url, &sock, o->why);
    int sys;

    if (err)
        return err;
    l = ol_base_create(sizeof(*l), &listener_ops, o->loop, o->events, o->arg);
    if (!l || uv_tcp_init(o->loop, &l->tcp)) {
        free(l);
        ol_why(o->why, "out of memory");
        return OL_ERR_IO;
    }
    l->base.fini = listener_fini;
    l->patience_ms = OL_TCP_STRANGER_MS;
    l->sock = sock;
    ol_base_count(&l->base, (uv_handle_t *)&l->tcp);
    ol_base_turn(&l->base, &l->turn);
    ol_base_timer(&l->base, &l->sweep);
    sys = bind_and_listen(l);
    if (sys && ol_sock_fall_back(&l->sock, sys))
        sys = bind_and_listen(l);
    if (sys) {
        err = ol_sock_no_listen(sys, &l->sock, o->why);
        listener_close(&l->base.pub);
        return err;
    }
    say(l);
    *out = &l->base.pub;
    return OL_OK;
}
