/*
 * The addresses of one name, tried until one answers.
 *
 * Happy path: the first address is dialled; as soon as one fails, and at the
 * latest after 0.25 s, the next as well, at most four at once and each for
 * 3 s (RFC 8305). The first that answers is handed over, the others are hung
 * up. When all have failed the owner is told; it was told of each failure, so
 * that it can say why.
 */
#include "channel/tcp.h"

#include <string.h>

#include "base/units.h"

static void on_step(uv_timer_t *timer);

/* The next step at once, but by the loop: a name with many dead addresses
 * must not become a deep recursion. */
static void step_soon(struct ol_tcp_tries *t)
{
    uv_timer_start(&t->timer, on_step, 0, OL_TCP_STAGGER_MS);
}

static void drop(struct ol_tcp_try *try)
{
    if (try->conn)
        ol_tcp_conn_close(try->conn);
    try->conn = NULL;
}

static void failed(struct ol_tcp_tries *t, struct ol_tcp_try *try, int sys)
{
    drop(try);
    t->ops->failed(t, &try->to, sys);
}

static void begin_try(struct ol_tcp_tries *t, struct ol_tcp_try *try)
{
    int sys = UV_ENOMEM;

    try->to = t->socks.v[t->at++];
    try->until_ms = uv_now(t->timer.loop) + OL_TCP_CONNECT_MS;
    t->ops->trying(t, &try->to);
    try->conn = ol_tcp_conn_create(sizeof(*try->conn), t->timer.loop,
                                   t->conn_ops, t->owner);
    if (try->conn)
        sys = ol_tcp_conn_connect(try->conn, &try->to);
    if (sys) {
        failed(t, try, sys);
        step_soon(t);
    }
}

/* Every 0.25 s, and after each failure: the next address is tried as well. */
static void on_step(uv_timer_t *timer)
{
    struct ol_tcp_tries *t = (struct ol_tcp_tries *)timer;
    struct ol_tcp_try *idle = NULL;
    bool any = false;

    for (unsigned k = 0; k < OL_TCP_TRIES; k++) {
        struct ol_tcp_try *try = &t->v[k];

        if (try->conn && uv_now(t->timer.loop) >= try->until_ms)
            failed(t, try, UV_ETIMEDOUT);
        if (try->conn)
            any = true;
        else
            idle = try;
    }
    if (idle && t->at < t->socks.n) {
        begin_try(t, idle);
    } else if (!any) {
        uv_timer_stop(&t->timer);
        t->ops->none(t);
    }
}

void ol_tcp_tries_begin(struct ol_tcp_tries *t)
{
    ol_tcp_tries_end(t);
    t->at = 0;
    step_soon(t);
}

void ol_tcp_tries_end(struct ol_tcp_tries *t)
{
    uv_timer_stop(&t->timer);
    for (unsigned k = 0; k < OL_TCP_TRIES; k++)
        drop(&t->v[k]);
}

void ol_tcp_tries_connected(struct ol_tcp_tries *t, struct ol_tcp_conn *c,
                            int sys)
{
    union ol_sock to = {0};

    for (unsigned k = 0; k < OL_TCP_TRIES; k++) {
        if (t->v[k].conn != c)
            continue;
        to = t->v[k].to;
        if (sys) {
            failed(t, &t->v[k], sys);
            step_soon(t);
            return;
        }
        t->v[k].conn = NULL;
    }
    ol_tcp_tries_end(t);
    t->ops->won(t, c, &to);
}
