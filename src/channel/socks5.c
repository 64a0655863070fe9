/*
 * The client's side of SOCKS5.
 *
 *             no login            status 0
 *   GREETED ------------------> ASKED --------> OPEN
 *      | name and password  ^     |  succeeded
 *      +--> LOGGED_IN ------+     | any other code
 *      |        |  status 0       |
 *      +--------+-----------------+--------> REFUSED
 *        nothing that we offered, or no SOCKS5
 *
 * Happy path: each answer is gathered until it is whole, however it is cut;
 * its state's row of the table judges it and says what follows. Bytes behind
 * the last answer are not ours to take: they are the other end's.
 * It fails by REFUSED, for good; the owner hangs up.
 */
#include "channel/socks5.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "channel/sock.h"

#define VERSION 5u
#define LOGIN_VERSION 1u
#define METHOD_NONE 0u
#define METHOD_LOGIN 2u
#define CMD_CONNECT 1u
#define ATYP_IP4 1u
#define ATYP_NAME 3u
#define ATYP_IP6 4u

static const char not_socks[] = "what answers there is no SOCKS5 proxy; check "
                                "proxy= and its port";

static void refuse(struct ol_socks5 *s, const char *why)
{
    s->state = OL_SOCKS5_REFUSED;
    s->why = why;
}

static bool has_login(const struct ol_proxy *p)
{
    return p->user[0] != '\0';
}

size_t ol_socks5_start(struct ol_socks5 *s, const struct ol_proxy *proxy,
                       const struct ol_url *to, uint8_t out[OL_SOCKS5_OUT])
{
    struct ol_writer w;

    memset(s, 0, sizeof(*s));
    s->proxy = proxy;
    s->to = to;
    ol_writer_init(&w, out, OL_SOCKS5_OUT);
    ol_write_u8(&w, VERSION);
    ol_write_u8(&w, has_login(proxy) ? 2 : 1);
    ol_write_u8(&w, METHOD_NONE);
    if (has_login(proxy))
        ol_write_u8(&w, METHOD_LOGIN);
    return w.n;
}

static void say_short(struct ol_writer *w, const char *text)
{
    ol_write_u8(w, (uint8_t)strlen(text));
    ol_write_bytes(w, ol_span_str(text));
}

static void login(struct ol_socks5 *s, struct ol_writer *w)
{
    ol_write_u8(w, LOGIN_VERSION);
    say_short(w, s->proxy->user);
    say_short(w, s->proxy->pass);
    s->state = OL_SOCKS5_LOGGED_IN;
}

/* Addresses as addresses, names as names: the proxy resolves them. */
static void ask(struct ol_socks5 *s, struct ol_writer *w)
{
    union ol_sock sock;

    ol_write_u8(w, VERSION);
    ol_write_u8(w, CMD_CONNECT);
    ol_write_u8(w, 0);
    if (!ol_sock_literal(s->to, &sock)) {
        ol_write_u8(w, ATYP_NAME);
        say_short(w, s->to->host);
    } else if (sock.sa.sa_family == AF_INET) {
        ol_write_u8(w, ATYP_IP4);
        ol_write_bytes(w, OL_SPAN(&sock.v4.sin_addr, 4));
    } else {
        ol_write_u8(w, ATYP_IP6);
        ol_write_bytes(w, OL_SPAN(&sock.v6.sin6_addr, 16));
    }
    ol_write_u16(w, s->to->port);
    s->state = OL_SOCKS5_ASKED;
}

static void take_method(struct ol_socks5 *s, struct ol_writer *w)
{
    if (s->in[0] != VERSION)
        refuse(s, not_socks);
    else if (s->in[1] == METHOD_NONE)
        ask(s, w);
    else if (s->in[1] == METHOD_LOGIN && has_login(s->proxy))
        login(s, w);
    else if (has_login(s->proxy))
        refuse(s, "it takes neither a name and password nor none; ask who "
                  "runs it");
    else
        refuse(s, "it wants a login; write proxy=socks5://NAME:PASSWORD@...");
}

static void take_login(struct ol_socks5 *s, struct ol_writer *w)
{
    if (s->in[0] != LOGIN_VERSION)
        refuse(s, not_socks);
    else if (s->in[1] != 0)
        refuse(s, "it does not take the name and password; check proxy=");
    else
        ask(s, w);
}

static void take_reply(struct ol_socks5 *s, struct ol_writer *w)
{
    (void)w;
    if (s->in[0] != VERSION || s->in[2] != 0) {
        refuse(s, not_socks);
    } else if (s->in[1] != 0) {
        s->rep = s->in[1];
        refuse(s, NULL);
    } else {
        s->state = OL_SOCKS5_OPEN;
    }
}

static size_t need_two(const struct ol_socks5 *s)
{
    (void)s;
    return 2;
}

/* How long the reply is, as far as can be told; 0: it is none. */
static size_t need_reply(const struct ol_socks5 *s)
{
    if (s->n_in < 5)
        return 5;
    switch (s->in[3]) {
    case ATYP_IP4:
        return 4 + 4 + 2;
    case ATYP_IP6:
        return 4 + 16 + 2;
    case ATYP_NAME:
        return 5 + (size_t)s->in[4] + 2;
    default:
        return 0;
    }
}

static const struct {
    size_t (*need)(const struct ol_socks5 *);
    void (*take)(struct ol_socks5 *, struct ol_writer *);
} table[OL_SOCKS5_STATES] = {
    [OL_SOCKS5_GREETED] = {need_two, take_method},
    [OL_SOCKS5_LOGGED_IN] = {need_two, take_login},
    [OL_SOCKS5_ASKED] = {need_reply, take_reply},
};

/* Some proxies end a refusal early; its code stands in the second byte. */
static bool refused_early(struct ol_socks5 *s)
{
    if (s->state != OL_SOCKS5_ASKED || s->n_in < 2 ||
        (s->in[0] == VERSION && s->in[1] == 0))
        return false;
    if (s->in[0] == VERSION)
        s->rep = s->in[1];
    refuse(s, s->in[0] == VERSION ? NULL : not_socks);
    return true;
}

size_t ol_socks5_take(struct ol_socks5 *s, struct ol_span in,
                      uint8_t out[OL_SOCKS5_OUT], size_t *n_out)
{
    struct ol_writer w;
    size_t taken = 0;

    ol_writer_init(&w, out, OL_SOCKS5_OUT);
    while (table[s->state].take && w.n == 0 && taken < in.n) {
        size_t need = table[s->state].need(s);

        if (s->n_in < need) {
            OL_CHECK(s->n_in < sizeof(s->in));
            s->in[s->n_in++] = in.p[taken++];
            if (refused_early(s))
                break;
            need = table[s->state].need(s);
        }
        if (need == 0) {
            refuse(s, not_socks);
        } else if (s->n_in == need) {
            table[s->state].take(s, &w);
            s->n_in = 0;
        }
    }
    OL_CHECK(!w.failed);
    *n_out = w.n;
    return taken;
}

/* Codes above 0xf0 are Tor's, of its option ExtendedErrors. */
static const struct {
    uint8_t rep;
    const char *words;
} replies[] = {
    {0x01, "failed, without saying why; look at the proxy's own log"},
    {0x02, "is not allowed by its rules; ask who runs it"},
    {0x03, "fails: no network leads there from it"},
    {0x04, "fails: it cannot find or reach that host; check the name"},
    {0x05, "fails: the host refuses on that port; nothing listens there"},
    {0x06, "fails: no answer from the host in time; it may be off"},
    {0x07, "fails: it does not make connections; it is no proxy for this"},
    {0x08, "fails: it cannot handle that kind of address; write a name or "
           "the other kind"},
    {0xf0, "fails: that onion service is not to be found; it may be off"},
    {0xf1, "fails: what was found of that onion service is not valid"},
    {0xf2, "fails: that onion service does not let us in; try later"},
    {0xf3, "fails: that onion service did not come to meet us; try later"},
    {0xf4, "fails: that onion service wants a client key; add it to Tor"},
    {0xf5, "fails: that onion service does not take Tor's client key"},
    {0xf6, "fails: that is no onion address; check how it is written"},
    {0xf7, "fails: that onion service did not answer in time; try later"},
};

void ol_socks5_words(const struct ol_socks5 *s, const char *at, char *out,
                     size_t n)
{
    if (s->why) {
        snprintf(out, n, "%.50s: %s", at, s->why);
        return;
    }
    for (size_t k = 0; k < OL_LEN(replies); k++) {
        if (replies[k].rep == s->rep) {
            snprintf(out, n, "%.50s: the way to %.40s %s", at, s->to->host,
                     replies[k].words);
            return;
        }
    }
    snprintf(out, n, "%.50s: the way to %.40s fails, with code %u that no "
             "one has defined; look at its log", at, s->to->host, s->rep);
}
