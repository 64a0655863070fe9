/*
 * A UDP listener: one socket for any number of peers.
 *
 * Happy path: a packet goes to the owner with its sender's address, which also
 * holds the number of our own address it came to; an answer goes back from
 * there. It keeps nothing per sender, so a flood costs only the reading, and
 * it never answers by itself. ICMP errors are not asked for: they would tell
 * of strangers. It fails only when it is opened.
 */
#include "channel/udp.h"

#include <errno.h>
#include <string.h>

#include "base/units.h"

struct listener {
    struct ol_base base;
    struct ol_udp udp;
    uv_idle_t turn;
    struct ol_addr big; /* a packet to it was too large; told in a turn */
};

static void on_packet(struct ol_base *base, const union ol_sock *from,
                      uint8_t local, struct ol_span packet)
{
    struct ol_addr addr;

    ol_sock_encode(from, local, &addr);
    (void)ol_base_packet(base, &addr, packet, 0);
}

/* There is no address to tell it of: the next packet simply goes. */
static void on_room(struct ol_base *base)
{
    (void)base;
}

static void on_refused(struct ol_base *base, const union ol_sock *to, int sys)
{
    (void)to;
    ol_base_failed(base, OL_ERR_DOWN, sys);
}

static const struct ol_udp_ops udp_ops = {
    .packet = on_packet,
    .room = on_room,
    .refused = on_refused,
};

static void on_turn(uv_idle_t *turn)
{
    const struct ol_chan chan = {.too_big = true, .room_bytes = OL_UDP_ROOM};
    struct listener *l = turn->data;

    uv_idle_stop(turn);
    (void)ol_base_changed(&l->base, &l->big, &chan);
}

static enum ol_err listener_send(struct ol_bearer *b, const struct ol_addr *to,
                                 struct ol_span packet, bool last)
{
    struct listener *l = (struct listener *)b;
    union ol_sock sock;
    uint8_t local;
    enum ol_err err;
    int sys;

    (void)last;
    if (packet.n > OL_FRAME_UDP)
        return ol_base_dropped(&l->base, OL_ERR_LONG);
    if (to->len == 0)
        return ol_base_dropped(&l->base, OL_ERR_DOWN);
    if (packet.n == 0 || !ol_sock_decode(to, &sock, &local))
        return ol_base_dropped(&l->base, OL_ERR_INPUT);
    err = ol_udp_send(&l->udp, &sock, local, packet, &sys);
    if (err == OL_ERR_IO && sys == EMSGSIZE) {
        l->big = *to;
        (void)uv_idle_start(&l->turn, on_turn);
    } else if (err == OL_ERR_IO) {
        ol_base_failed(&l->base, err, sys);
    }
    return err ? ol_base_dropped(&l->base, err) : OL_OK;
}

static void listener_close(struct ol_bearer *b)
{
    struct listener *l = (struct listener *)b;

    ol_base_silence(&l->base);
    ol_udp_close(&l->udp);
    ol_base_close_handle(&l->base, (uv_handle_t *)&l->turn);
}

static void listener_fini(struct ol_base *base)
{
    ol_udp_fini(&((struct listener *)base)->udp);
}

static const struct ol_bearer_ops listener_ops = {
    .scheme = "udp",
    .kind = OL_CHAN_DATAGRAM,
    .mtu = OL_FRAME_UDP,
    .close = listener_close,
    .send = listener_send,
    .release = ol_base_no_release,
    .status = ol_base_status,
};

enum ol_err ol_udp_listen(struct ol_bearer **out, const struct ol_opening *o)
{
    char name[OL_SOCK_NAME];
    struct listener *l;
    union ol_sock sock;
    enum ol_err err = ol_sock_listen(o->url, &sock, o->why);
    int sys;

    if (err)
        return err;
    l = ol_base_create(sizeof(*l), &listener_ops, o->loop, o->events, o->arg);
    if (!l) {
        ol_why(o->why, "out of memory");
        return OL_ERR_IO;
    }
    l->base.fini = listener_fini;
    l->udp.fd = -1;
    l->udp.base = &l->base;
    l->udp.ops = &udp_ops;
    sys = ol_udp_open(&l->udp, &sock, false);
    if (sys && ol_sock_fall_back(&sock, sys))
        sys = ol_udp_open(&l->udp, &sock, false);
    if (sys) {
        err = ol_sock_no_listen(sys, &sock, o->why);
        ol_base_discard(&l->base);
        return err;
    }
    ol_base_turn(&l->base, &l->turn);
    (void)ol_udp_bound(&l->udp, &sock);
    ol_sock_name(&sock, name);
    ol_base_say(&l->base, "listening on %s", name);
    *out = &l->base.pub;
    return OL_OK;
}
