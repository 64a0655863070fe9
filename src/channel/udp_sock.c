/*
 * One UDP socket.
 *
 * Happy path in: the socket is readable, up to 16 packets come by one call,
 * each goes to the owner with its sender and the number of the own address it
 * was sent to. Happy path out: one sendmsg, from that same address, because a
 * firewall between drops an answer that comes from another one.
 *
 * The sockets are our own and libuv only waits for them: its own udp handles
 * can neither choose the address an answer leaves from nor say whom an ICMP
 * error is about. An ICMP error is told, never fatal; a packet that is cut
 * off or empty is counted and dropped; a full kernel refuses the packet.
 */
#include "channel/udp.h"

#include <linux/errqueue.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/units.h"

#define SOCKET_BYTES (1024 * 1024)
#define CONTROL_BYTES 128

struct ol_udp_batch {
    struct mmsghdr msg[OL_UDP_BATCH];
    struct iovec iov[OL_UDP_BATCH];
    struct sockaddr_storage from[OL_UDP_BATCH];
    _Alignas(struct cmsghdr) uint8_t control[OL_UDP_BATCH][CONTROL_BYTES];
    uint8_t bytes[OL_UDP_BATCH][OL_FRAME_UDP];
};

static void watch(struct ol_udp *u);

static void set_option(int fd, int level, int name, int value)
{
    /* Every one of them only makes it better. */
    (void)setsockopt(fd, level, name, &value, sizeof(value));
}

static void set_options(int fd, int family, bool wildcard, bool errors)
{
    set_option(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BYTES);
    set_option(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BYTES);
    /* Nothing is cut up on its way: a packet in pieces is lost with each of
     * them, and many a firewall passes only the first. The core finds out
     * what passes, and needs no word of a router for it (RFC 8899). */
    set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    if (wildcard)
        set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
    if (errors)
        set_option(fd, IPPROTO_IP, IP_RECVERR, 1);
    if (family != AF_INET6)
        return;
    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    if (wildcard)
        set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    if (errors)
        set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
}

static bool is_wildcard(const union ol_sock *sock)
{
    return sock->sa.sa_family == AF_INET
               ? sock->v4.sin_addr.s_addr == htonl(INADDR_ANY)
               : IN6_IS_ADDR_UNSPECIFIED(&sock->v6.sin6_addr);
}

/* The handle lives on its own, so that a new socket need not wait for it. */
static void on_poll_closed(uv_handle_t *handle)
{
    free(handle);
}

int ol_udp_open(struct ol_udp *u, const union ol_sock *sock, bool errors)
{
    int fd = socket(sock->sa.sa_family,
                    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int sys;

    OL_CHECK(!u->poll);
    u->fd = -1;
    if (fd < 0)
        return errno;
    u->family = sock->sa.sa_family;
    u->wildcard = is_wildcard(sock);
    u->n_locals = 0;
    u->full = false;
    set_options(fd, u->family, u->wildcard, errors);
    u->poll = calloc(1, sizeof(*u->poll));
    if (bind(fd, &sock->sa, ol_sock_len(sock)))
        sys = errno;
    else if (!u->poll)
        sys = ENOMEM;
    else
        sys = -uv_poll_init(u->base->loop, u->poll, fd);
    if (sys) {
        free(u->poll);
        u->poll = NULL;
        close(fd);
        return sys;
    }
    u->fd = fd;
    u->poll->data = u;
    watch(u);
    return 0;
}

void ol_udp_close(struct ol_udp *u)
{
    if (!u->poll)
        return;
    u->poll->data = NULL;
    uv_poll_stop(u->poll);
    uv_close((uv_handle_t *)u->poll, on_poll_closed);
    u->poll = NULL;
    close(u->fd);
    u->fd = -1;
}

void ol_udp_fini(struct ol_udp *u)
{
    free(u->batch);
    u->batch = NULL;
}

int ol_udp_bound(const struct ol_udp *u, union ol_sock *sock)
{
    struct sockaddr_storage own;
    socklen_t n = sizeof(own);

    if (getsockname(u->fd, (struct sockaddr *)&own, &n))
        return errno;
    ol_sock_from(sock, (struct sockaddr *)&own);
    return 0;
}

/* The number of an own address, so that an answer can leave from it. 0 when
 * there are too many: then the kernel chooses. */
static uint8_t local_number(struct ol_udp *u, const union ol_sock *own)
{
    unsigned k = 0;

    while (k < u->n_locals && !ol_sock_eq(&u->local[k], own))
        k++;
    if (k == OL_UDP_LOCALS)
        return 0;
    if (k == u->n_locals)
        u->local[u->n_locals++] = *own;
    return (uint8_t)(k + 1);
}

static uint8_t local_of(struct ol_udp *u, struct msghdr *msg)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct cmsghdr *c = u->wildcard ? CMSG_FIRSTHDR(msg) : NULL;
    union ol_sock own;

    for (; c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof(info));
            v6.sin6_addr = info.ipi6_addr;
            v6.sin6_scope_id = info.ipi6_ifindex;
            ol_sock_from(&own, (struct sockaddr *)&v6);
            return local_number(u, &own);
        }
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof(info));
            /* Not ipi_addr: a broadcast cannot be answered from itself. */
            v4.sin_addr = info.ipi_spec_dst;
            ol_sock_from(&own, (struct sockaddr *)&v4);
            return local_number(u, &own);
        }
    }
    return 0;
}

static void prepare(struct ol_udp_batch *b)
{
    memset(b->msg, 0, sizeof(b->msg));
    for (unsigned k = 0; k < OL_UDP_BATCH; k++) {
        b->iov[k] = (struct iovec){b->bytes[k], sizeof(b->bytes[k])};
        b->msg[k].msg_hdr = (struct msghdr){
            .msg_name = &b->from[k],
            .msg_namelen = sizeof(b->from[k]),
            .msg_iov = &b->iov[k],
            .msg_iovlen = 1,
            .msg_control = b->control[k],
            .msg_controllen = CONTROL_BYTES,
        };
    }
}

/* False: the owner has closed the bearer or the socket meanwhile. */
static bool deliver(struct ol_udp *u, const uv_poll_t *poll, unsigned k,
                    bool follows)
{
    struct ol_udp_batch *b = u->batch;
    struct msghdr *msg = &b->msg[k].msg_hdr;
    union ol_sock from;

    if (b->msg[k].msg_len == 0 || msg->msg_flags & MSG_TRUNC ||
        (b->from[k].ss_family != AF_INET &&
         b->from[k].ss_family != AF_INET6)) {
        u->base->status.dropped++;
        return true;
    }
    ol_sock_from(&from, (struct sockaddr *)&b->from[k]);
    u->base->pub.follows = follows;
    u->ops->packet(u->base, &from, local_of(u, msg),
                   OL_SPAN(b->bytes[k], b->msg[k].msg_len));
    return !u->base->closed && u->poll == poll;
}

static bool receive(struct ol_udp *u, const uv_poll_t *poll)
{
    if (!u->batch && !(u->batch = malloc(sizeof(*u->batch))))
        return true;
    for (unsigned round = 0; round < OL_UDP_BATCHES; round++) {
        int n;

        prepare(u->batch);
        n = recvmmsg(u->fd, u->batch->msg, OL_UDP_BATCH, MSG_DONTWAIT, NULL);
        for (int k = 0; k < n; k++) {
            if (!deliver(u, poll, (unsigned)k, k + 1 < n))
                return false;
        }
        if (n < (int)OL_UDP_BATCH)
            break;
    }
    return true;
}

/* ICMP errors wait in a queue of their own; each says whom it is about. */
static void read_errors(struct ol_udp *u)
{
    for (unsigned k = 0; k < OL_UDP_BATCH; k++) {
        _Alignas(struct cmsghdr) uint8_t control[512];
        struct sockaddr_storage to = {0};
        struct msghdr msg = {.msg_name = &to,
                             .msg_namelen = sizeof(to),
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
        struct cmsghdr *c;

        if (recvmsg(u->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
            return;
        for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
            struct sock_extended_err ee;
            union ol_sock sock;

            if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
                !(c->cmsg_level == IPPROTO_IPV6 &&
                  c->cmsg_type == IPV6_RECVERR))
                continue;
            memcpy(&ee, CMSG_DATA(c), sizeof(ee));
            if (to.ss_family != AF_INET && to.ss_family != AF_INET6)
                continue;
            ol_sock_from(&sock, (struct sockaddr *)&to);
            if (ee.ee_errno)
                u->ops->refused(u->base, &sock, (int)ee.ee_errno);
        }
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct ol_udp *u = poll->data;

    if (!u)
        return;
    /* libuv stops to watch a socket that has an error to tell. */
    if (status < 0)
        read_errors(u);
    if ((status < 0 || events & UV_READABLE) && !receive(u, poll))
        return;
    if (u->full && events & UV_WRITABLE) {
        u->full = false;
        watch(u);
        u->ops->room(u->base);
        return;
    }
    if (status < 0)
        watch(u);
}

static void watch(struct ol_udp *u)
{
    (void)uv_poll_start(u->poll, UV_READABLE | (u->full ? UV_WRITABLE : 0),
                        on_poll);
}

/* Says which of our addresses the packet leaves from. */
static void leave_from(struct msghdr *msg, const union ol_sock *own,
                       int family)
{
    struct cmsghdr *c = msg->msg_control;

    memset(c, 0, CONTROL_BYTES);
    if (family == AF_INET) {
        struct in_pktinfo info = {.ipi_spec_dst = own->v4.sin_addr};

        c->cmsg_level = IPPROTO_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof(info));
        msg->msg_controllen = CMSG_SPACE(sizeof(info));
        memcpy(CMSG_DATA(c), &info, sizeof(info));
    } else {
        union ol_sock mapped = *own;
        struct in6_pktinfo info;

        ol_sock_map(&mapped);
        info.ipi6_addr = mapped.v6.sin6_addr;
        info.ipi6_ifindex = mapped.v6.sin6_scope_id;
        c->cmsg_level = IPPROTO_IPV6;
        c->cmsg_type = IPV6_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof(info));
        msg->msg_controllen = CMSG_SPACE(sizeof(info));
        memcpy(CMSG_DATA(c), &info, sizeof(info));
    }
}

static int send_once(struct ol_udp *u, const union ol_sock *to, uint8_t local,
                     struct ol_span packet)
{
    _Alignas(struct cmsghdr) uint8_t control[CONTROL_BYTES];
    union ol_sock dest = *to;
    struct iovec iov = {(void *)packet.p, packet.n};
    struct msghdr msg = {.msg_name = &dest, .msg_iov = &iov, .msg_iovlen = 1};

    if (u->family == AF_INET6)
        ol_sock_map(&dest);
    else if (dest.sa.sa_family != AF_INET)
        return EAFNOSUPPORT;
    msg.msg_namelen = ol_sock_len(&dest);
    if (local > 0 && local <= u->n_locals) {
        msg.msg_control = control;
        leave_from(&msg, &u->local[local - 1], u->family);
    }
    return sendmsg(u->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0;
}

enum ol_err ol_udp_send(struct ol_udp *u, const union ol_sock *to,
                        uint8_t local, struct ol_span packet, int *sys)
{
    *sys = send_once(u, to, local, packet);
    if (*sys == ECONNREFUSED || *sys == EHOSTUNREACH || *sys == ENETUNREACH) {
        /* What is told here may be the fate of an earlier packet. */
        read_errors(u);
        *sys = send_once(u, to, local, packet);
    }
    if (*sys == EINVAL || *sys == EADDRNOTAVAIL) {
        /* Our address of then is gone: any other is better than none. */
        *sys = local ? send_once(u, to, 0, packet) : *sys;
    }
    if (*sys == 0) {
        ol_base_sent(u->base, packet.n);
        return OL_OK;
    }
    if (*sys != EAGAIN && *sys != ENOBUFS)
        return OL_ERR_IO;
    if (!u->full) {
        u->full = true;
        watch(u);
    }
    return OL_ERR_AGAIN;
}
