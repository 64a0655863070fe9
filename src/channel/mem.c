/*
 * A pair of ends in memory, for tests.
 *
 * Happy path: what one end sends lies in its own ring and is given to the
 * other end on the loop's next turn, whole and in order. The ring is as small
 * as a TCP channel's, so what would not fit there does not fit here. When one
 * end is closed the other goes down and stays so.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "channel/bearer.h"
#include "wire/messages.h"

#define RING (32u * 1024)
#define WHOLE (2u + OL_FRAME_MAX)

struct end {
    struct ol_base base;
    uv_idle_t turn;
    struct end *other; /* NULL: closed */
    bool full, told;   /* the owner was told of the present state */
    size_t at, n;
    uint8_t ring[RING]; /* sent, and not yet given to the other end */
    uint8_t packet[OL_FRAME_MAX];
};

static void on_turn(uv_idle_t *turn);

static void wake(struct end *e)
{
    (void)uv_idle_start(&e->turn, on_turn);
}

static void ring_put(struct end *e, const uint8_t *p, size_t n)
{
    for (size_t k = 0; k < n; k++)
        e->ring[(e->at + e->n + k) % RING] = p[k];
    e->n += n;
}

static void ring_take(struct end *e, uint8_t *p, size_t n)
{
    OL_CHECK(n <= e->n);
    for (size_t k = 0; k < n; k++)
        p[k] = e->ring[(e->at + k) % RING];
    e->at = (e->at + n) % RING;
    e->n -= n;
}

static void note_room(struct end *e)
{
    bool was = e->full;

    if (RING - e->n < WHOLE)
        e->full = true;
    else if (e->n <= RING / 2)
        e->full = false;
    if (e->full != was) {
        e->told = false;
        wake(e);
    }
}

/* Gives to this end what the other had sent when the turn began. */
static void give(struct end *e)
{
    size_t todo = e->other ? e->other->n : 0;

    while (todo > 0 && e->other && !e->base.closed) {
        uint8_t head[2];
        size_t n;

        ring_take(e->other, head, sizeof(head));
        n = (size_t)head[0] << 8 | head[1];
        ring_take(e->other, e->packet, n);
        todo -= sizeof(head) + n;
        note_room(e->other);
        (void)ol_base_packet(&e->base, NULL, OL_SPAN(e->packet, n), 0);
    }
    if (e->other && !e->base.closed && e->other->n > 0)
        wake(e);
}

static void on_turn(uv_idle_t *turn)
{
    struct end *e = turn->data;

    uv_idle_stop(turn);
    if (!e->told) {
        const struct ol_chan chan = {
            .up = e->other != NULL,
            .room_bytes = !e->other || e->full ? 0 : (uint32_t)(RING - e->n),
        };

        e->told = true;
        if (!ol_base_changed(&e->base, NULL, &chan))
            return;
    }
    give(e);
}

static enum ol_err end_send(struct ol_bearer *b, const struct ol_addr *to,
                            struct ol_span packet, bool last)
{
    struct end *e = (struct end *)b;
    uint8_t head[2] = {(uint8_t)(packet.n >> 8), (uint8_t)packet.n};

    (void)last;
    if (packet.n > OL_FRAME_MAX)
        return ol_base_dropped(&e->base, OL_ERR_LONG);
    if (packet.n == 0)
        return ol_base_dropped(&e->base, OL_ERR_INPUT);
    if (!e->other || to->len > 0)
        return ol_base_dropped(&e->base, OL_ERR_DOWN);
    if (sizeof(head) + packet.n > RING - e->n)
        return ol_base_dropped(&e->base, OL_ERR_AGAIN);
    ring_put(e, head, sizeof(head));
    ring_put(e, packet.p, packet.n);
    ol_base_sent(&e->base, packet.n);
    note_room(e);
    wake(e->other);
    return OL_OK;
}

static void end_close(struct ol_bearer *b)
{
    struct end *e = (struct end *)b;

    ol_base_silence(&e->base);
    if (e->other) {
        e->other->other = NULL;
        e->other->told = false;
        ol_base_say(&e->other->base, "the other end is closed");
        wake(e->other);
    }
    e->other = NULL;
    ol_base_close_handle(&e->base, (uv_handle_t *)&e->turn);
}

static const struct ol_bearer_ops end_ops = {
    .scheme = "mem",
    .kind = OL_CHAN_STREAM,
    .mtu = OL_FRAME_MAX,
    .close = end_close,
    .send = end_send,
    .release = ol_base_no_release,
    .status = ol_base_status,
};

enum ol_err ol_bearer_mem(struct ol_bearer *out[2], struct uv_loop_s *loop,
                          const struct ol_bearer_events *events, void *arg[2])
{
    struct end *e[2];

    out[0] = out[1] = NULL;
    for (int k = 0; k < 2; k++)
        e[k] = ol_base_create(sizeof(*e[k]), &end_ops, loop, events, arg[k]);
    if (!e[0] || !e[1]) {
        free(e[0]);
        free(e[1]);
        return OL_ERR_IO;
    }
    for (int k = 0; k < 2; k++) {
        e[k]->other = e[1 - k];
        ol_base_turn(&e[k]->base, &e[k]->turn);
        ol_base_say(&e[k]->base, "connected in memory");
        wake(e[k]);
        out[k] = &e[k]->base.pub;
    }
    return OL_OK;
}
