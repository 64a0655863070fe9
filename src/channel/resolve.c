/*
 * Names to addresses, on libuv's threads, since the C library's resolver
 * blocks for as long as it likes.
 *
 * Happy path: start, the loop calls done with up to OL_SOCKS_MAX addresses in
 * the order of RFC 6724, the two kinds taking turns (RFC 8305, 4), so that a
 * kind that leads nowhere costs one try and not all. A failure comes the same
 * way. The resolver cannot be interrupted, so a request outlives whoever forgot
 * it, and frees itself.
 */
#include "channel/sock.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ol_resolve {
    uv_getaddrinfo_t req;
    void (*done)(void *arg, int sys, const struct ol_socks *);
    void *arg;
};

static void collect(const struct addrinfo *info, struct ol_socks *socks)
{
    for (; info && socks->n < OL_SOCKS_MAX; info = info->ai_next) {
        if (info->ai_family != AF_INET && info->ai_family != AF_INET6)
            continue;
        memset(&socks->v[socks->n], 0, sizeof(socks->v[0]));
        memcpy(&socks->v[socks->n].sa, info->ai_addr,
               info->ai_family == AF_INET ? sizeof(struct sockaddr_in)
                                          : sizeof(struct sockaddr_in6));
        socks->n++;
    }
}

/* The k-th of a family, or n. */
static unsigned find(const struct ol_socks *s, int family, unsigned k)
{
    unsigned at = 0;

    while (at < s->n && (s->v[at].sa.sa_family != family || k-- > 0))
        at++;
    return at;
}

static void alternate(struct ol_socks *socks)
{
    const struct ol_socks in = *socks;
    unsigned taken[2] = {0, 0};
    int family = in.v[0].sa.sa_family;

    for (unsigned n = 0; n < in.n; n++) {
        unsigned at = find(&in, family, taken[family == AF_INET6]);

        if (at == in.n) { /* no more of this kind */
            family = family == AF_INET6 ? AF_INET : AF_INET6;
            at = find(&in, family, taken[family == AF_INET6]);
        }
        taken[family == AF_INET6]++;
        socks->v[n] = in.v[at];
        family = family == AF_INET6 ? AF_INET : AF_INET6;
    }
}

static void on_resolved(uv_getaddrinfo_t *req, int sys,
                        struct addrinfo *info)
{
    struct ol_resolve *r = req->data;
    struct ol_socks socks = {0};

    collect(info, &socks);
    alternate(&socks);
    uv_freeaddrinfo(info);
    if (sys == 0 && socks.n == 0)
        sys = UV_EAI_NONAME;
    if (r->done)
        r->done(r->arg, sys, &socks);
    free(r);
}

struct ol_resolve *ol_resolve_start(uv_loop_t *loop, const struct ol_url *url,
                                    void (*done)(void *arg, int sys,
                                                 const struct ol_socks *),
                                    void *arg)
{
    /* One entry per address; without it each comes once per protocol. */
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_DGRAM,
                                   .ai_flags = AI_NUMERICSERV};
    struct ol_resolve *r = calloc(1, sizeof(*r));
    char port[8];

    if (!r)
        return NULL;
    snprintf(port, sizeof(port), "%u", url->port);
    r->req.data = r;
    r->done = done;
    r->arg = arg;
    if (uv_getaddrinfo(loop, &r->req, on_resolved, url->host, port, &hints)) {
        free(r);
        return NULL;
    }
    return r;
}

void ol_resolve_forget(struct ol_resolve *r)
{
    r->done = NULL;
    /* One that still waits for a thread ends now; a running one later. */
    (void)uv_cancel((uv_req_t *)&r->req);
}
