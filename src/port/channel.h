/*
 * A channel's bearer, behind one interface.
 *
 * A bearer moves packets and knows nothing of what is in them. It tells its
 * owner three things: a packet came, its transport changed, a pouch file can
 * go. All runs on one libuv loop, on one thread; nothing blocks. Every bearer
 * passes tests/suite/channel_suite.c. What a bearer cannot take it drops: the
 * line repeats what matters.
 *
 * Listeners are a station's, not a line's: a packet from a listener carries
 * an address that says where an answer goes (for tcp the connection, for udp
 * the socket and the sender). Addresses are opaque to everybody else.
 *
 * Events come from the loop only, never from within a call of the owner; the
 * owner may call anything from within an event, close included, and hears
 * nothing of a bearer once it has closed it.
 *
 * Errors: OL_ERR_INPUT (a bad url, in words in why), OL_ERR_DOWN, OL_ERR_IO,
 * OL_ERR_AGAIN (no room: the packet is dropped), OL_ERR_LONG.
 */
#ifndef OL_PORT_CHANNEL_H
#define OL_PORT_CHANNEL_H

#include <openline/line.h>

struct ol_bearer;

/* A bearer's addresses are no longer, so that an owner of several listeners
 * can put its own mark into the rest of struct ol_addr. */
#define OL_BEARER_ADDR_MAX 24u

/* What a bearer tells its owner. Spans are borrowed for the call. */
struct ol_bearer_events {
    /* One packet. file: for a courier the token to release with, else 0. */
    void (*packet)(void *arg, struct ol_bearer *, const struct ol_addr *from,
                   struct ol_span packet, uint64_t file);
    /* chan->gone: from is gone for ever; else the state of `from` and the
     * room left. The empty address: connected, resolved. A connection of a
     * listener is told of only when its room ends (room_bytes 0) and when it
     * returns, and when it is gone; only if a packet came from it. */
    void (*changed)(void *arg, struct ol_bearer *, const struct ol_addr *from,
                    const struct ol_chan *chan);
};

/* What people are told of a bearer: counts since it was opened. */
struct ol_bearer_status {
    char state[160]; /* "connected to 192.0.2.1:4430", "cannot resolve x" */
    enum ol_err last_err;
    int last_errno; /* of the last failure, 0: none */
    uint64_t failed_ms; /* and when, by uv_now */
    uint64_t attempts, connects;
    uint64_t packets_in, packets_out, bytes_in, bytes_out, dropped;
};

struct ol_bearer_ops {
    const char *scheme; /* "tcp", "udp", "courier" */
    enum ol_chan_kind kind;
    uint32_t mtu;
    void (*close)(struct ol_bearer *); /* asynchronous; frees itself */
    /* to->len 0: the configured destination. pouch: `last` ends a file. */
    enum ol_err (*send)(struct ol_bearer *, const struct ol_addr *to,
                        struct ol_span packet, bool last);
    /* courier: every record of this file is on disk (remove), or it is not
     * ours (keep it). Call it after each bundle's fate is known: it takes
     * effect once the file's last bundle was given, and one wish to keep the
     * file outweighs the others. At most 32 bundles are given ahead of it; a
     * file not released for a minute is given again. */
    void (*release)(struct ol_bearer *, uint64_t file, bool remove);
    void (*status)(struct ol_bearer *, struct ol_bearer_status *);
    /* tcp: a frame from this connection authenticated: keep it. May be
     * NULL. */
    void (*trust)(struct ol_bearer *, const struct ol_addr *from);
    /* Try now what else would wait: look the name up again, dial, let go of
     * what is bound to an address that this machine no longer has. doubt:
     * this channel is not answered, so if its name has several addresses the
     * next has its turn; else the networks of this machine have changed. Call
     * it at most once a second. May be NULL. */
    void (*again)(struct ol_bearer *, bool doubt);
};

struct ol_bearer {
    const struct ol_bearer_ops *ops;
    const struct ol_bearer_events *events;
    void *arg; /* the owner's */
    bool follows; /* while `packet` is told: another came along with it, and is
                     told next; it may be anybody's */
};

struct uv_loop_s;

/* "tcp://host:port", "tcp://[::1]:4430", "udp://...", "courier:///dir".
 * Says which bearer and checks the form without opening anything. */
OL_MUST_USE enum ol_err ol_url_check(const char *url, const char **scheme,
                                     char why[160]);

/* "socks5://[name:password@]host:port" for a channel with this url, which has
 * to be of tcp. The words never repeat the text. */
OL_MUST_USE enum ol_err ol_proxy_check(const char *url, const char *proxy,
                                       char why[160]);

/* Where a channel leads. */
struct ol_way {
    const char *url;
    const char *proxy; /* NULL or empty: none */
};

/* A bearer that reaches one destination. For courier a watched folder, both
 * ways. Opening never waits for the network: `changed` tells. `way` is needed
 * for the call only. */
OL_MUST_USE enum ol_err ol_bearer_open(struct ol_bearer **out,
                                       struct uv_loop_s *loop,
                                       const struct ol_way *way,
                                       const struct ol_bearer_events *events,
                                       void *arg, char why[160]);
/* A listener for any number of peers. OL_ERR_EXISTS: the port is in use;
 * OL_ERR_DOWN: this machine does not have that address, now. */
OL_MUST_USE enum ol_err ol_bearer_listen(struct ol_bearer **out,
                                         struct uv_loop_s *loop,
                                         const char *url,
                                         const struct ol_bearer_events *events,
                                         void *arg, char why[160]);
/* A pair of ends in memory, for tests; delivery on the loop's next turn. */
OL_MUST_USE enum ol_err ol_bearer_mem(struct ol_bearer *out[2],
                                      struct uv_loop_s *loop,
                                      const struct ol_bearer_events *events,
                                      void *arg[2]);

/*
 * Pouch files: "OLB1" | (length 2 | bundle)*. Write makes a new file beside
 * the target, syncs it and the folder, and renames; refuses to overwrite.
 * Read calls fn per bundle; OL_ERR_MALFORMED at the first damage in the
 * framing (bundles before it were given). At most 1 GiB; one bundle at a time
 * is in memory.
 */
struct ol_pouch_file;
OL_MUST_USE enum ol_err ol_pouch_create(struct ol_pouch_file **out,
                                        const char *path);
OL_MUST_USE enum ol_err ol_pouch_add(struct ol_pouch_file *,
                                     struct ol_span bundle);
/* commit false: throws the file away. Frees in any case. */
OL_MUST_USE enum ol_err ol_pouch_finish(struct ol_pouch_file *, bool commit);
OL_MUST_USE enum ol_err ol_pouch_read(const char *path,
                                      bool (*fn)(void *arg,
                                                 struct ol_span bundle),
                                      void *arg);

#endif
