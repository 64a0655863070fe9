/*
 * The networks of this machine.
 *
 * Happy path: the kernel's messages are read and judged, a moment later the
 * addresses are compared with those of before, and if they are others, or a
 * route is, every channel is told to try. A sleep is seen by two clocks of
 * which one stands still meanwhile; a stopped process by a timer that is late.
 * It fails by having no netlink socket: said once, and nothing else changes.
 */
#include "station/networks.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "station/clock.h"
#include "station/log.h"
#include "station/station.h"

#define SETTLE_NS (200 * OL_NS_PER_MS) /* after the last message */
#define SETTLE_MAX_NS (1 * OL_NS_PER_S)
#define GAP_MIN_NS (1 * OL_NS_PER_S) /* between two tries of all channels */
#define GAP_MAX_NS (32 * OL_NS_PER_S) /* routes may change all the time */
#define QUIET_NS (60 * OL_NS_PER_S)
#define FREE_TRIES 8u /* without a quiet minute between; then ever rarer */
#define SLEPT_NS (1 * OL_NS_PER_S)
#define LATE_NS (5 * OL_NS_PER_S)
#define READS_MAX 64 /* of one turn */

bool ol_networks_slept(uint64_t *asleep_ns, uint64_t now_ns, uint64_t awake_ns)
{
    uint64_t lead = now_ns - OL_MIN(now_ns, awake_ns);
    uint64_t before = *asleep_ns;

    *asleep_ns = OL_MAX(lead, 1);
    return before != 0 && lead > before && lead - before >= SLEPT_NS;
}

bool ol_networks_speaks(const void *msg, bool *route)
{
    struct nlmsghdr h;

    memcpy(&h, msg, sizeof(h));
    *route = h.nlmsg_type == RTM_NEWROUTE || h.nlmsg_type == RTM_DELROUTE;
    return *route || h.nlmsg_type == RTM_NEWADDR ||
           h.nlmsg_type == RTM_DELADDR || h.nlmsg_type == RTM_NEWLINK ||
           h.nlmsg_type == RTM_DELLINK;
}

static uint64_t mixed(uint64_t h, const void *p, size_t n)
{
    const uint8_t *b = p;

    for (size_t k = 0; k < n; k++)
        h = (h ^ b[k]) * UINT64_C(0x100000001b3); /* FNV-1a */
    return h;
}

/* Of every address of an interface that is up, in whatever order. */
static uint64_t fingerprint(void)
{
    struct ifaddrs *all, *i;
    uint64_t sum = 0;

    if (getifaddrs(&all))
        return 0;
    for (i = all; i != NULL; i = i->ifa_next) {
        unsigned flags = i->ifa_flags & (IFF_UP | IFF_RUNNING);
        uint64_t h = UINT64_C(0xcbf29ce484222325);

        if (i->ifa_addr == NULL || (i->ifa_addr->sa_family != AF_INET &&
                                    i->ifa_addr->sa_family != AF_INET6))
            continue;
        h = mixed(h, i->ifa_name, strlen(i->ifa_name));
        h = mixed(h, &flags, sizeof(flags));
        h = mixed(h, i->ifa_addr, i->ifa_addr->sa_family == AF_INET
                                      ? sizeof(struct sockaddr_in)
                                      : sizeof(struct sockaddr_in6));
        sum += h;
    }
    freeifaddrs(all);
    return sum;
}

static void told(struct ol_networks *n, bool route)
{
    uint64_t now_ns = ol_clock_ns();

    n->changed |= route;
    if (n->due_ns == OL_NEVER_NS)
        n->first_ns = now_ns;
    n->due_ns = OL_MIN(now_ns + SETTLE_NS, n->first_ns + SETTLE_MAX_NS);
    if (n->last_ns != 0)
        n->due_ns = OL_MAX(n->due_ns, n->last_ns + n->gap_ns);
}

static void take(struct ol_networks *n, const uint8_t *p, size_t left)
{
    while (left >= sizeof(struct nlmsghdr)) {
        struct nlmsghdr h;
        bool route;
        size_t whole;

        memcpy(&h, p, sizeof(h));
        if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > left)
            return;
        if (ol_networks_speaks(p, &route))
            told(n, route);
        whole = OL_MIN(NLMSG_ALIGN(h.nlmsg_len), left);
        p += whole;
        left -= whole;
    }
}

static void read_messages(struct ol_station *st)
{
    uint8_t bytes[16 * 1024];

    for (unsigned k = 0; k < READS_MAX; k++) {
        ssize_t n = recv(st->networks.fd, bytes, sizeof(bytes), MSG_DONTWAIT);

        if (n > 0)
            take(&st->networks, bytes, (size_t)n);
        else if (n < 0 && errno == ENOBUFS)
            told(&st->networks, true); /* some were lost: assume the most */
        else
            return;
    }
}

static void on_message(uv_poll_t *handle, int status, int events)
{
    (void)events;
    read_messages(handle->data);
    /* libuv stops to watch a socket that lost some and says so. */
    if (status < 0)
        (void)uv_poll_start(handle, UV_READABLE, on_message);
}

void ol_networks_open(struct ol_station *st)
{
    struct ol_networks *n = &st->networks;
    struct sockaddr_nl at = {
        .nl_family = AF_NETLINK,
        .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                     RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
    };

    n->due_ns = OL_NEVER_NS;
    n->print = fingerprint();
    n->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
                   NETLINK_ROUTE);
    if (n->fd >= 0 && bind(n->fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
        uv_poll_init(&st->loop, &n->poll, n->fd) == 0) {
        n->poll.data = st;
        (void)uv_poll_start(&n->poll, UV_READABLE, on_message);
        return;
    }
    ol_log(OL_LOG_NOTE, "the kernel does not tell of networks that change "
           "(%s): channels come back a few seconds later", strerror(errno));
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

void ol_networks_close(struct ol_station *st)
{
    if (st->networks.fd >= 0)
        close(st->networks.fd);
    st->networks.fd = -1;
}

static void again(struct ol_station *st, const char *why)
{
    struct ol_networks *n = &st->networks;
    uint64_t now_ns = ol_clock_ns();

    if (n->last_ns == 0 || now_ns - n->last_ns > QUIET_NS)
        n->tries = 0;
    n->gap_ns = n->tries++ < FREE_TRIES ? GAP_MIN_NS
                                        : OL_MIN(2 * n->gap_ns, GAP_MAX_NS);
    n->last_ns = now_ns;
    ol_log_rarely(&n->said_ns, n->gap_ns, "%s: every channel tries now", why);
    ol_bearers_again(st);
    if (st->listen_ns != OL_NEVER_NS)
        st->listen_ns = now_ns;
}

void ol_networks_pump(struct ol_station *st, uint64_t now_ns)
{
    struct ol_networks *n = &st->networks;
    uint64_t print;

    if (ol_networks_slept(&n->asleep_ns, now_ns, ol_clock_awake_ns()))
        again(st, "this machine has slept");
    if (now_ns < n->due_ns)
        return;
    n->due_ns = OL_NEVER_NS;
    print = fingerprint();
    if (n->changed || print != n->print)
        again(st, "the networks of this machine have changed");
    n->changed = false;
    n->print = print;
}

void ol_networks_late(struct ol_station *st, uint64_t armed_ns)
{
    uint64_t now_ns = ol_clock_ns();

    if (armed_ns < now_ns && now_ns - armed_ns >= LATE_NS)
        again(st, "this station stood still");
}
