/*
 * The client's side of SOCKS5, without I/O: bytes in, bytes out (RFC 1928, and
 * RFC 1929 for a name and a password).
 *
 * The proxy is as hostile as anybody: it gets only what it needs to connect
 * us, each of its answers has a bounded length, and whatever the protocol does
 * not allow at that point ends the conversation. Names are given to it as they
 * are, so that .onion works and this machine's name servers hear nothing.
 */
#ifndef OL_CHANNEL_SOCKS5_H
#define OL_CHANNEL_SOCKS5_H

#include <openline/span.h>

#include "channel/url.h"

#define OL_SOCKS5_OUT 520u /* the longest that is said at once */
#define OL_SOCKS5_IN 262u  /* the longest answer: 4 | length 1 | 255 | 2 */

enum ol_socks5_state {
    OL_SOCKS5_GREETED,   /* which methods we know was said */
    OL_SOCKS5_LOGGED_IN, /* name and password were said */
    OL_SOCKS5_ASKED,     /* where to was said */
    OL_SOCKS5_OPEN,      /* bytes pass; the conversation is over */
    OL_SOCKS5_REFUSED,   /* it is over, and ol_socks5_words says why */
    OL_SOCKS5_STATES
};

struct ol_socks5 {
    enum ol_socks5_state state;
    const struct ol_proxy *proxy; /* borrowed, as is `to` */
    const struct ol_url *to;
    uint8_t in[OL_SOCKS5_IN];
    size_t n_in;
    uint8_t rep; /* REFUSED: the proxy's code */
    const char *why; /* REFUSED otherwise; static words */
};

/* Begins. Writes what to say first into out; returns how much. */
size_t ol_socks5_start(struct ol_socks5 *s, const struct ol_proxy *proxy,
                       const struct ol_url *to, uint8_t out[OL_SOCKS5_OUT]);
/* Takes from what came, never beyond the end of the conversation: returns how
 * many bytes. *n_out bytes of out are to be sent. Not to be called once it is
 * over. */
size_t ol_socks5_take(struct ol_socks5 *s, struct ol_span in,
                      uint8_t out[OL_SOCKS5_OUT], size_t *n_out);
/* REFUSED: what happened and what to do, without the name or password. at:
 * the proxy as people call it. */
void ol_socks5_words(const struct ol_socks5 *s, const char *at, char *out,
                     size_t n);

#endif
