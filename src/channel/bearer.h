/*
 * What all bearers share: the part the owner sees, its counts, its end.
 *
 * A bearer's struct begins with struct ol_base. Events reach the owner only
 * through ol_base_packet and ol_base_changed, which fall silent once the owner
 * has closed the bearer; they are called from the loop, never from within a
 * call of the owner (a line's step must not find itself in another step), so
 * what a call finds out waits for the bearer's `turn`. That is an idle handle
 * and no timer of 0 ms: libuv runs a timer that starts itself again within the
 * same turn of the loop, and nothing else would get its turn.
 *
 * Life: every libuv handle inside the struct is counted; the struct is freed
 * when the owner has closed it and the last handle is closed.
 */
#ifndef OL_CHANNEL_BEARER_H
#define OL_CHANNEL_BEARER_H

#include <openline/err.h>
#include <openline/span.h>
#include <uv.h>

#include "port/channel.h"

#define OL_WHY 160u /* bytes for words to a person, NUL included */

struct ol_base {
    struct ol_bearer pub; /* first: it is what the owner holds */
    uv_loop_t *loop;
    struct ol_bearer_status status;
    /* Releases what the bearer holds besides itself; may be NULL. */
    void (*fini)(struct ol_base *);
    unsigned handles; /* inside this struct, not closed yet */
    bool closed;      /* by the owner: it hears nothing any more */
};

/* A zeroed struct of `size` bytes that begins with struct ol_base, or NULL. */
void *ol_base_create(size_t size, const struct ol_bearer_ops *ops,
                     uv_loop_t *loop, const struct ol_bearer_events *events,
                     void *arg);
/* A timer, or a turn, inside the struct; its data is the base. */
void ol_base_timer(struct ol_base *base, uv_timer_t *timer);
void ol_base_turn(struct ol_base *base, uv_idle_t *turn);
/* Counts a handle that is inside the struct; its data becomes the base. */
void ol_base_count(struct ol_base *base, uv_handle_t *handle);
/* Closes a handle that was counted. */
void ol_base_close_handle(struct ol_base *base, uv_handle_t *handle);
/* The owner has closed it: silence. Close the handles right after. */
void ol_base_silence(struct ol_base *base);
/* Frees a bearer that has no handle yet. */
void ol_base_discard(struct ol_base *base);

/* What people read of it. */
__attribute__((format(printf, 2, 3))) void ol_base_say(struct ol_base *base,
                                                       const char *fmt, ...);
/* Keeps the last failure. sys: an errno or a libuv error, 0: none. */
void ol_base_failed(struct ol_base *base, enum ol_err err, int sys);
/* A packet that could not go: counted. Returns err. */
enum ol_err ol_base_dropped(struct ol_base *base, enum ol_err err);
void ol_base_sent(struct ol_base *base, size_t bytes);

/* Tells the owner. from NULL: the empty address. False: the owner has closed
 * the bearer meanwhile; touch nothing but the struct itself. */
bool ol_base_packet(struct ol_base *base, const struct ol_addr *from,
                    struct ol_span packet, uint64_t file);
bool ol_base_changed(struct ol_base *base, const struct ol_addr *from,
                     const struct ol_chan *chan);

/* ops->status and ops->release of bearers that need nothing more. */
void ol_base_status(struct ol_bearer *b, struct ol_bearer_status *out);
void ol_base_no_release(struct ol_bearer *b, uint64_t file, bool remove);

/* Writes words for a person into why, cut to OL_WHY. */
__attribute__((format(printf, 2, 3))) void ol_why(char *why, const char *fmt,
                                                  ...);

/* What the system calls an error, an errno or libuv's. Returns text; libuv's
 * own uv_strerror would leak for what it does not know. */
#define OL_SYS_TEXT 64u
const char *ol_sys_text(int sys, char text[OL_SYS_TEXT]);

/* The bearers; `url` is parsed. Errors and why as in port/channel.h. */
struct ol_url;
struct ol_proxy;
struct ol_opening {
    uv_loop_t *loop;
    const struct ol_url *url;
    const struct ol_proxy *proxy; /* tcp; NULL: none */
    const struct ol_bearer_events *events;
    void *arg;
    char *why;
};
OL_MUST_USE enum ol_err ol_tcp_dial(struct ol_bearer **out,
                                    const struct ol_opening *o);
OL_MUST_USE enum ol_err ol_tcp_listen(struct ol_bearer **out,
                                      const struct ol_opening *o);
OL_MUST_USE enum ol_err ol_udp_dial(struct ol_bearer **out,
                                    const struct ol_opening *o);
OL_MUST_USE enum ol_err ol_udp_listen(struct ol_bearer **out,
                                      const struct ol_opening *o);
OL_MUST_USE enum ol_err ol_courier_open(struct ol_bearer **out,
                                        const struct ol_opening *o);

#endif
