/*
 * Socket addresses and what their failures mean.
 *
 * Happy path: a literal or a resolved address is tried, shown by its name, and
 * written into an ol_addr for the way back. Decoding refuses whatever encode
 * did not make; nothing else here fails. The words are for a duty officer:
 * what happened, then what it usually means.
 */
#include "channel/sock.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/units.h"

bool ol_sock_literal(const struct ol_url *url, union ol_sock *sock)
{
    memset(sock, 0, sizeof(*sock));
    return uv_ip4_addr(url->host, url->port, &sock->v4) == 0 ||
           uv_ip6_addr(url->host, url->port, &sock->v6) == 0;
}

void ol_sock_from(union ol_sock *sock, const struct sockaddr *sa)
{
    struct sockaddr_in6 v6;

    memset(sock, 0, sizeof(*sock));
    if (sa->sa_family == AF_INET) {
        memcpy(&sock->v4, sa, sizeof(sock->v4));
        return;
    }
    OL_CHECK(sa->sa_family == AF_INET6);
    memcpy(&v6, sa, sizeof(v6));
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
        sock->v4.sin_family = AF_INET;
        sock->v4.sin_port = v6.sin6_port;
        memcpy(&sock->v4.sin_addr, &v6.sin6_addr.s6_addr[12], 4);
        return;
    }
    sock->v6.sin6_family = AF_INET6;
    sock->v6.sin6_port = v6.sin6_port;
    sock->v6.sin6_addr = v6.sin6_addr;
    /* Elsewhere the kernel's interface number is noise that changes. */
    if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr))
        sock->v6.sin6_scope_id = v6.sin6_scope_id;
}

void ol_sock_map(union ol_sock *sock)
{
    struct sockaddr_in v4 = sock->v4;

    if (sock->sa.sa_family != AF_INET)
        return;
    memset(sock, 0, sizeof(*sock));
    sock->v6.sin6_family = AF_INET6;
    sock->v6.sin6_port = v4.sin_port;
    memset(&sock->v6.sin6_addr.s6_addr[10], 0xff, 2);
    memcpy(&sock->v6.sin6_addr.s6_addr[12], &v4.sin_addr, 4);
}

/* The kernel knows best: it binds only to what is there. */
bool ol_sock_own(const union ol_sock *sock)
{
    union ol_sock any_port = *sock;
    int fd = socket(sock->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool own;

    if (fd < 0)
        return true; /* not known: nothing is let go of */
    any_port.v4.sin_port = 0; /* at the same place in both kinds */
    own = bind(fd, &any_port.sa, ol_sock_len(sock)) == 0 ||
          errno != EADDRNOTAVAIL;
    close(fd);
    return own;
}

socklen_t ol_sock_len(const union ol_sock *sock)
{
    return sock->sa.sa_family == AF_INET ? sizeof(sock->v4)
                                         : sizeof(sock->v6);
}

bool ol_sock_eq(const union ol_sock *a, const union ol_sock *b)
{
    struct ol_addr x, y;

    if (a->sa.sa_family != b->sa.sa_family)
        return false;
    ol_sock_encode(a, 0, &x);
    ol_sock_encode(b, 0, &y);
    return ol_span_eq(OL_SPAN(x.b, x.len), OL_SPAN(y.b, y.len));
}

void ol_sock_name(const union ol_sock *sock, char out[OL_SOCK_NAME])
{
    char text[INET6_ADDRSTRLEN] = "?";
    char zone[IF_NAMESIZE] = "";
    const struct sockaddr_in6 *v6 = &sock->v6;

    if (sock->sa.sa_family == AF_INET) {
        uv_ip4_name(&sock->v4, text, sizeof(text));
        snprintf(out, OL_SOCK_NAME, "%s:%u", text,
                 ntohs(sock->v4.sin_port));
        return;
    }
    uv_ip6_name(v6, text, sizeof(text));
    if (v6->sin6_scope_id && !if_indextoname(v6->sin6_scope_id, zone))
        snprintf(zone, sizeof(zone), "%u", v6->sin6_scope_id);
    snprintf(out, OL_SOCK_NAME, "[%s%s%s]:%u", text, zone[0] ? "%" : "", zone,
             ntohs(v6->sin6_port));
}

void ol_sock_encode(const union ol_sock *sock, uint8_t local,
                    struct ol_addr *addr)
{
    struct ol_writer w;
    bool v4 = sock->sa.sa_family == AF_INET;

    memset(addr, 0, sizeof(*addr));
    ol_writer_init(&w, addr->b, sizeof(addr->b));
    ol_write_u8(&w, v4 ? 4 : 6);
    ol_write_u8(&w, local);
    ol_write_u16(&w, ntohs(v4 ? sock->v4.sin_port : sock->v6.sin6_port));
    if (v4)
        ol_write_bytes(&w, OL_SPAN(&sock->v4.sin_addr, 4));
    else
        ol_write_bytes(&w, OL_SPAN(&sock->v6.sin6_addr, 16));
    if (!v4 && sock->v6.sin6_scope_id)
        ol_write_u32(&w, sock->v6.sin6_scope_id);
    OL_CHECK(!w.failed && w.n <= OL_BEARER_ADDR_MAX);
    addr->len = (uint8_t)w.n;
}

bool ol_sock_decode(const struct ol_addr *addr, union ol_sock *sock,
                    uint8_t *local)
{
    struct ol_reader r;
    uint8_t family;

    memset(sock, 0, sizeof(*sock));
    if (addr->len > sizeof(addr->b))
        return false;
    ol_reader_init(&r, OL_SPAN(addr->b, addr->len));
    family = ol_read_u8(&r);
    *local = ol_read_u8(&r);
    if (family == 4) {
        sock->v4.sin_family = AF_INET;
        sock->v4.sin_port = htons(ol_read_u16(&r));
        ol_read_copy(&r, &sock->v4.sin_addr, 4);
    } else if (family == 6) {
        sock->v6.sin6_family = AF_INET6;
        sock->v6.sin6_port = htons(ol_read_u16(&r));
        ol_read_copy(&r, &sock->v6.sin6_addr, 16);
        if (r.n > 0)
            sock->v6.sin6_scope_id = ol_read_u32(&r);
    } else {
        return false;
    }
    return ol_reader_done(&r);
}

static const struct {
    int sys;
    const char *before, *after; /* around the name */
} words[] = {
    {ECONNREFUSED, "refused by ",
     ": nothing listens there, or a firewall refuses"},
    {ETIMEDOUT, "no answer from ",
     ": it is off, the address is wrong, or a firewall drops it"},
    {EHOSTUNREACH, "cannot reach ",
     ": the way there is broken, or the machine is off"},
    {ENETUNREACH, "no route to ",
     ": this machine has no network that leads there"},
    {ENETDOWN, "cannot reach ", ": this machine's network is down"},
    {ECONNRESET, "cut off by ",
     ": the program there ended, or something between cut it"},
    {EPIPE, "cut off by ",
     ": the program there ended, or something between cut it"},
    {-UV_EOF, "closed by ",
     ": the station there ended, or does not know this one"},
    {EPROTO, "wrong bytes from ",
     ": what answers there is not a station; check the address"},
    {EACCES, "not allowed to reach ", ": this machine's firewall forbids it"},
    {EPERM, "not allowed to reach ", ": this machine's firewall forbids it"},
    {EAFNOSUPPORT, "cannot reach ",
     ": this machine does not speak its kind of address"},
    {EADDRNOTAVAIL, "cannot reach ",
     ": this machine has no address that leads there"},
    {EMFILE, "cannot reach ", ": this program has too many files open"},
};

void ol_sock_words(int sys, const char *name, char *out, size_t n)
{
    char text[OL_SYS_TEXT];

    if (sys < 0)
        sys = -sys;
    for (size_t k = 0; k < OL_LEN(words); k++) {
        if (words[k].sys == sys) {
            snprintf(out, n, "%s%.72s%s", words[k].before, name,
                     words[k].after);
            return;
        }
    }
    snprintf(out, n, "cannot reach %.72s: %s", name, ol_sys_text(sys, text));
}

void ol_sock_no_name(int sys, const char *host, char *out, size_t n)
{
    char text[OL_SYS_TEXT];
    const char *what = ol_sys_text(sys, text);

    if (sys == UV_EAI_NONAME || sys == UV_EAI_NODATA)
        what = "there is no such name; check how it is written";
    else if (sys == UV_EAI_AGAIN || sys == UV_EAI_FAIL)
        what = "no name server answers; check this machine's network";
    snprintf(out, n, "cannot resolve %.72s: %s", host, what);
}

enum ol_err ol_sock_no_listen(int sys, const union ol_sock *sock, char *why)
{
    char name[OL_SOCK_NAME], text[OL_SYS_TEXT];

    if (sys < 0)
        sys = -sys;
    ol_sock_name(sock, name);
    switch (sys) {
    case EADDRINUSE:
        ol_why(why, "%s is in use: another program listens there", name);
        return OL_ERR_EXISTS;
    case EADDRNOTAVAIL:
        ol_why(why, "cannot listen on %s: this machine has no such address",
               name);
        return OL_ERR_DOWN;
    case EACCES:
        ol_why(why,
               "cannot listen on %s: not permitted; take a port above 1023",
               name);
        return OL_ERR_IO;
    default:
        ol_why(why, "cannot listen on %s: %s", name, ol_sys_text(sys, text));
        return OL_ERR_IO;
    }
}

enum ol_err ol_sock_listen(const struct ol_url *url, union ol_sock *sock,
                           char *why)
{
    if (ol_sock_literal(url, sock))
        return OL_OK;
    ol_why(why,
           "'%.60s' is a name: listen on an address, as [::] for all of "
           "this machine's",
           url->host);
    return OL_ERR_INPUT;
}

bool ol_sock_fall_back(union ol_sock *sock, int sys)
{
    in_port_t port = sock->v6.sin6_port;

    if ((sys != UV_EAFNOSUPPORT && sys != EAFNOSUPPORT) ||
        sock->sa.sa_family != AF_INET6 ||
        !IN6_IS_ADDR_UNSPECIFIED(&sock->v6.sin6_addr))
        return false;
    memset(sock, 0, sizeof(*sock));
    sock->v4.sin_family = AF_INET;
    sock->v4.sin_port = port;
    return true;
}
