/*
 * Socket addresses: names, words for people, and the form that travels in
 * struct ol_addr.
 *
 *   udp address   family 1 (4 or 6) | local 1 | port 2 | address 4 or 16
 *                 | interface 4 (link-local IPv6 only)
 */
#ifndef OL_CHANNEL_SOCK_H
#define OL_CHANNEL_SOCK_H

#include <netinet/in.h>

#include "channel/bearer.h"
#include "channel/url.h"

#define OL_SOCK_NAME 72u  /* "[2001:db8::1%interface]:65535" */
#define OL_SOCKS_MAX 16u  /* addresses of one name that are tried */

union ol_sock {
    struct sockaddr sa;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct ol_socks {
    unsigned n;
    union ol_sock v[OL_SOCKS_MAX];
};

/* A host that is an address needs no resolver. False: it is a name. */
bool ol_sock_literal(const struct ol_url *url, union ol_sock *sock);
/* From the kernel's form, elsewhere in memory; IPv4 inside IPv6 becomes
 * IPv4. */
void ol_sock_from(union ol_sock *sock, const struct sockaddr *sa);
/* As an IPv6 socket wants it: IPv4 becomes IPv4 inside IPv6. */
void ol_sock_map(union ol_sock *sock);
/* Is it, whatever its port, an address of this machine now. */
bool ol_sock_own(const union ol_sock *sock);
socklen_t ol_sock_len(const union ol_sock *sock);
bool ol_sock_eq(const union ol_sock *a, const union ol_sock *b);
void ol_sock_name(const union ol_sock *sock, char out[OL_SOCK_NAME]);
void ol_sock_encode(const union ol_sock *sock, uint8_t local,
                    struct ol_addr *addr);
/* False: not an address that encode made. */
bool ol_sock_decode(const struct ol_addr *addr, union ol_sock *sock,
                    uint8_t *local);

/* What a failure to reach `name` means and what to do, into out of n bytes.
 * sys: an errno or a libuv error. */
void ol_sock_words(int sys, const char *name, char *out, size_t n);
/* The same for a name that cannot be resolved. */
void ol_sock_no_name(int sys, const char *host, char *out, size_t n);
/* For a listener that cannot have its address; the error to return. */
enum ol_err ol_sock_no_listen(int sys, const union ol_sock *sock, char *why);

/* A listener's address: only a literal one, since opening never waits.
 * OL_ERR_INPUT with words. */
OL_MUST_USE enum ol_err ol_sock_listen(const struct ol_url *url,
                                       union ol_sock *sock, char *why);
/* [::] on a kernel without IPv6 becomes 0.0.0.0; false: nothing else to try. */
bool ol_sock_fall_back(union ol_sock *sock, int sys);

/* Resolving. done is called from the loop, once, unless forgotten. */
struct ol_resolve;
struct ol_resolve *ol_resolve_start(uv_loop_t *loop, const struct ol_url *url,
                                    void (*done)(void *arg, int sys,
                                                 const struct ol_socks *),
                                    void *arg);
/* The resolver cannot be interrupted; its answer is thrown away. */
void ol_resolve_forget(struct ol_resolve *r);

#endif
