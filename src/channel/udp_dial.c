/*
 * A dialled UDP channel.
 *
 * Happy path: the name is resolved, one of its addresses is the destination,
 * the channel is up; it also receives from others, and the line decides what
 * to make of them. There is no connection to lose: while nothing has been
 * received for 30 s, or sending failed, the name is resolved again and the
 * next of its addresses takes its turn. What the network says of our packets
 * (ICMP) is shown and otherwise ignored: anybody could have said it.
 *
 * It fails only by having no address at all; then it tries every 2 s.
 */
#include "channel/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"

struct dial {
    struct ol_base base;
    struct ol_url url;
    struct ol_udp udp;
    uv_timer_t again;
    uv_idle_t turn;
    struct ol_resolve *resolve;
    union ol_sock to;
    bool up;       /* `to` is an address, and the socket can reach its kind */
    bool several;  /* the name has more than one address */
    bool answered; /* `to` was heard, and the status says so */
    bool lately;   /* since the last look */
    bool refused;  /* the status says so */
    bool tell;     /* in the next turn */
    bool too_big;  /* the next turn tells that a packet to `big` was */
    struct ol_addr big;
    bool doubt;    /* `to` is not answered: the next address has its turn */
};

static void look_again(uv_timer_t *timer);

static void tell_of(struct dial *d, const struct ol_addr *addr, bool too_big)
{
    const struct ol_chan chan = {
        .up = d->up,
        .too_big = too_big,
        .room_bytes = d->up && !d->udp.full ? OL_UDP_ROOM : 0,
    };

    (void)ol_base_changed(&d->base, addr, &chan);
}

static void tell(struct dial *d)
{
    tell_of(d, NULL, false);
}

static void say(struct dial *d, const char *what)
{
    char name[OL_SOCK_NAME];

    ol_sock_name(&d->to, name);
    ol_base_say(&d->base, what, name);
}

static void on_packet(struct ol_base *base, const union ol_sock *from,
                      uint8_t local, struct ol_span packet)
{
    struct dial *d = (struct dial *)base;
    struct ol_addr addr;

    (void)local;
    if (!d->up || !ol_sock_eq(from, &d->to)) {
        ol_sock_encode(from, 0, &addr);
        (void)ol_base_packet(base, &addr, packet, 0);
        return;
    }
    if (!d->answered) {
        say(d, "receiving from %s");
        base->status.connects++;
    }
    d->lately = d->answered = true;
    d->refused = false;
    (void)ol_base_packet(base, NULL, packet, 0);
}

static void on_room(struct ol_base *base)
{
    tell((struct dial *)base);
}

static void say_refused(struct dial *d, int sys)
{
    char name[OL_SOCK_NAME], words[OL_WHY];

    ol_sock_name(&d->to, name);
    ol_sock_words(sys, name, words, sizeof(words));
    ol_base_say(&d->base, "%s", words);
    ol_base_failed(&d->base, OL_ERR_DOWN, sys);
    d->refused = true;
    d->answered = d->lately = false;
}

/* Looks for another address soon, but not at the pace of our own sending. */
static void look_soon(struct dial *d)
{
    if (uv_timer_get_due_in(&d->again) > OL_UDP_RETRY_MS)
        uv_timer_start(&d->again, look_again, OL_UDP_RETRY_MS, 0);
}

static void on_turn(uv_idle_t *turn);

static void note_too_big(struct dial *d)
{
    d->too_big = true;
    (void)uv_idle_start(&d->turn, on_turn);
}

static void on_refused(struct ol_base *base, const union ol_sock *to, int sys)
{
    struct dial *d = (struct dial *)base;

    if (sys == EMSGSIZE) {
        /* A router says so, or whoever forged it: only a hint. */
        ol_sock_encode(to, 0, &d->big);
        if (d->up && ol_sock_eq(to, &d->to))
            d->big.len = 0;
        note_too_big(d);
    } else if (d->up && ol_sock_eq(to, &d->to)) {
        say_refused(d, sys);
        if (d->several)
            look_soon(d);
    }
}

static const struct ol_udp_ops udp_ops = {
    .packet = on_packet,
    .room = on_room,
    .refused = on_refused,
};

/* A socket of the family that `to` has; the one at hand if it fits. */
static int open_for(struct dial *d, const union ol_sock *to)
{
    union ol_sock any = {.sa = {.sa_family = to->sa.sa_family}};

    if (d->udp.poll && d->udp.family == to->sa.sa_family)
        return 0;
    ol_udp_close(&d->udp);
    return ol_udp_open(&d->udp, &any, true);
}

/* Takes the address after the one in use, so that each has its turn. */
static void choose(struct dial *d, const struct ol_socks *socks)
{
    bool was_up = d->up;
    union ol_sock old = d->to;
    unsigned at = 0;
    int sys = 0;

    for (unsigned k = 0; was_up && k < socks->n; k++) {
        if (ol_sock_eq(&socks->v[k], &old))
            at = k + d->doubt;
    }
    d->doubt = true; /* unless somebody says otherwise */
    d->several = socks->n > 1;
    d->up = false;
    for (unsigned k = 0; k < socks->n && !d->up; k++) {
        d->to = socks->v[(at + k) % socks->n];
        sys = open_for(d, &d->to);
        d->up = sys == 0;
    }
    if (!d->up) {
        say_refused(d, sys);
    } else if (!was_up || d->refused || !ol_sock_eq(&d->to, &old)) {
        /* An old refusal is told again if it still is one. */
        d->refused = d->answered = false;
        say(d, "sending to %s, nothing received yet");
    } else if (d->answered) {
        d->answered = false;
        say(d, "sending to %s, nothing received lately");
    }
    uv_timer_start(&d->again, look_again,
                   d->up ? OL_UDP_AGAIN_MS : OL_UDP_RETRY_MS, 0);
    if (d->up != was_up)
        tell(d);
}

static void on_resolved(void *arg, int sys, const struct ol_socks *socks)
{
    struct dial *d = arg;
    char words[OL_WHY];

    d->resolve = NULL;
    if (sys == 0) {
        choose(d, socks);
        return;
    }
    /* The old address, if there is one, stays: names fail more often than
     * addresses. */
    ol_sock_no_name(sys, d->url.host, words, sizeof(words));
    ol_base_say(&d->base, "%s", words);
    ol_base_failed(&d->base, OL_ERR_DOWN, 0);
    d->refused = true;
    uv_timer_start(&d->again, look_again,
                   d->up ? OL_UDP_AGAIN_MS : OL_UDP_RETRY_MS, 0);
}

static void look_again(uv_timer_t *timer)
{
    struct dial *d = timer->data;
    struct ol_socks one = {.n = 1};

    uv_timer_start(&d->again, look_again, OL_UDP_AGAIN_MS, 0);
    if (d->lately) {
        /* It lives; from here on it must be heard again. */
        d->lately = false;
        return;
    }
    if (d->resolve)
        return;
    d->base.status.attempts++;
    if (ol_sock_literal(&d->url, &one.v[0])) {
        choose(d, &one);
        return;
    }
    if (!d->up && !d->refused)
        ol_base_say(&d->base, "resolving %.72s", d->url.host);
    d->resolve = ol_resolve_start(d->base.loop, &d->url, on_resolved, d);
    if (!d->resolve)
        uv_timer_start(&d->again, look_again, OL_UDP_RETRY_MS, 0);
}

static void on_turn(uv_idle_t *turn)
{
    struct dial *d = turn->data;

    uv_idle_stop(turn);
    if (d->too_big) {
        d->too_big = false;
        tell_of(d, &d->big, true);
    }
    if (d->tell && !d->base.closed) {
        d->tell = false;
        tell(d);
    }
}

static enum ol_err dial_send(struct ol_bearer *b, const struct ol_addr *to,
                             struct ol_span packet, bool last)
{
    struct dial *d = (struct dial *)b;
    union ol_sock sock = d->to;
    uint8_t local = 0;
    enum ol_err err;
    int sys;

    (void)last;
    if (packet.n > OL_FRAME_UDP)
        return ol_base_dropped(&d->base, OL_ERR_LONG);
    if (packet.n == 0 || (to->len && !ol_sock_decode(to, &sock, &local)))
        return ol_base_dropped(&d->base, OL_ERR_INPUT);
    if (!d->up)
        return ol_base_dropped(&d->base, OL_ERR_DOWN);
    err = ol_udp_send(&d->udp, &sock, 0, packet, &sys);
    if (err == OL_ERR_AGAIN) {
        d->tell = true;
        (void)uv_idle_start(&d->turn, on_turn);
    } else if (err && sys == EMSGSIZE) {
        d->big = *to;
        note_too_big(d);
    } else if (err && to->len == 0) {
        say_refused(d, sys);
        look_soon(d);
    }
    return err ? ol_base_dropped(&d->base, err) : OL_OK;
}

/* By the loop: the owner must not find an event within its call. */
static void dial_again(struct ol_bearer *b, bool doubt)
{
    struct dial *d = (struct dial *)b;

    d->lately = false;
    /* In doubt for the first time, the name may have changed; the address
     * that worked until now has its chance to work again. */
    d->doubt = doubt && !d->answered;
    uv_timer_start(&d->again, look_again, 0, 0);
}

static void dial_close(struct ol_bearer *b)
{
    struct dial *d = (struct dial *)b;

    ol_base_silence(&d->base);
    if (d->resolve)
        ol_resolve_forget(d->resolve);
    ol_udp_close(&d->udp);
    ol_base_close_handle(&d->base, (uv_handle_t *)&d->again);
    ol_base_close_handle(&d->base, (uv_handle_t *)&d->turn);
}

static void dial_fini(struct ol_base *base)
{
    ol_udp_fini(&((struct dial *)base)->udp);
}

static const struct ol_bearer_ops dial_ops = {
    .scheme = "udp",
    .kind = OL_CHAN_DATAGRAM,
    .mtu = OL_FRAME_UDP,
    .close = dial_close,
    .send = dial_send,
    .release = ol_base_no_release,
    .status = ol_base_status,
    .again = dial_again,
};

enum ol_err ol_udp_dial(struct ol_bearer **out, const struct ol_opening *o)
{
    struct dial *d = ol_base_create(sizeof(*d), &dial_ops, o->loop, o->events,
                                    o->arg);

    if (!d) {
        ol_why(o->why, "out of memory");
        return OL_ERR_IO;
    }
    d->base.fini = dial_fini;
    d->url = *o->url;
    d->doubt = true;
    d->udp.fd = -1;
    d->udp.base = &d->base;
    d->udp.ops = &udp_ops;
    ol_base_timer(&d->base, &d->again);
    ol_base_turn(&d->base, &d->turn);
    ol_base_say(&d->base, "starting");
    uv_timer_start(&d->again, look_again, 0, 0);
    *out = &d->base.pub;
    return OL_OK;
}
