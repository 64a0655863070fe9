/*
 * The urls of channels and listeners, in parts.
 *
 *   tcp://HOST:PORT  udp://HOST:PORT     HOST: a name, an IPv4 address, or an
 *                                        IPv6 address in brackets
 *   courier:///ABSOLUTE/FOLDER           %XX stands for a byte, as %20
 *   socks5://[NAME:PASSWORD@]HOST:PORT   a proxy; %XX in name and password
 */
#ifndef OL_CHANNEL_URL_H
#define OL_CHANNEL_URL_H

#include <openline/err.h>
#include <stdint.h>

#define OL_URL_TEXT 255u
#define OL_URL_HOST 253u

enum ol_scheme { OL_SCHEME_TCP, OL_SCHEME_UDP, OL_SCHEME_COURIER };

struct ol_url {
    enum ol_scheme scheme;
    char host[OL_URL_HOST + 1]; /* without brackets */
    uint16_t port;              /* 0 only where a listener lets it be chosen */
    char path[OL_URL_TEXT + 1]; /* courier: absolute, no / at its end */
};

struct ol_proxy {
    struct ol_url at;
    char user[256], pass[256]; /* RFC 1929; empty: none */
};

/* OL_ERR_INPUT with words in why (160 bytes). */
OL_MUST_USE enum ol_err ol_url_parse(const char *text, struct ol_url *url,
                                     char *why);
/* The same; the words never repeat the text, which may hold a password. */
OL_MUST_USE enum ol_err ol_proxy_parse(const char *text,
                                       struct ol_proxy *proxy, char *why);
const char *ol_scheme_name(enum ol_scheme scheme);

#endif
