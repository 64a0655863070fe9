/*
 * Two ends of a channel on one loop, and everything they heard.
 *
 * End a dials, end b listens (or is the same thing, where a bearer has two
 * equal ends). Waits are bounded and happen on the loop; nothing sleeps. The
 * fixture itself holds every bearer to the rules of port/channel.h: no event
 * from within a call, none after close, and a loop that closes clean.
 */
#ifndef CHANNEL_FIXTURE_H
#define CHANNEL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <uv.h>

#include "port/channel.h"
#include "wire/messages.h"

#define CH_WAIT_NS UINT64_C(8000000000)

struct ch;

struct ch_packet {
    size_t n;
    uint8_t *bytes;
    struct ol_addr from;
    uint64_t file;
};

struct ch_end {
    struct ch *f;
    struct ol_bearer *b; /* NULL: not open */
    struct ch_packet *got;
    size_t n_got, room_got;
    struct ol_chan chan; /* of the empty address, as last told */
    unsigned ups, downs, fulls, frees, gones;
    struct ol_addr peer; /* the last packet's sender */
    struct ol_addr gone; /* the last that went */
    bool keep;           /* courier: release without removing */
    bool hold;           /* courier: do not release */
    const char *proxy;   /* that ch_dial goes through; NULL: none */
    /* May be NULL. */
    void (*on_packet)(struct ch_end *);
    void (*on_changed)(struct ch_end *, const struct ol_chan *);
};

struct ch {
    uv_loop_t loop;
    uv_timer_t guard;
    uint64_t deadline_ns;
    unsigned in_call; /* a call of a bearer is under way */
    struct ch_end a, b;
    unsigned port;
    char dir[64]; /* a folder of the test's own, or empty */
};

void ch_init(struct ch *f);
/* Closes whatever is open and checks that nothing stays. */
void ch_fini(struct ch *f);
/* Makes f->dir. */
void ch_make_dir(struct ch *f);

/* f->b listens on url, %u in it is f->port; a port 0 is chosen and kept. */
void ch_listen(struct ch *f, const char *url);
enum ol_err ch_try_listen(struct ch *f, struct ch_end *e, const char *url,
                          char why[160]);
/* A port that nobody has: taken once, and given back. Kept in f->port. */
unsigned ch_free_port(struct ch *f, const char *url);
/* The end dials url, %u in it is f->port. */
void ch_dial(struct ch_end *e, const char *url);
void ch_mem(struct ch *f);
/* The end watches f->dir, at a pace for tests. */
void ch_courier(struct ch_end *e);
void ch_close(struct ch_end *e);
/* Forgets the packets it got. */
void ch_forget(struct ch_end *e);

/* A packet of n bytes that only this tag makes. */
enum ol_err ch_send(struct ch_end *e, const struct ol_addr *to, size_t n,
                    uint64_t tag, bool last);
/* The same, waiting for room; fails the test when it is refused otherwise. */
void ch_must_send(struct ch_end *e, const struct ol_addr *to, size_t n,
                  uint64_t tag, bool last);
/* Is it that packet, to the last byte. */
bool ch_is(const struct ch_packet *p, size_t n, uint64_t tag);
void ch_status(struct ch_end *e, struct ol_bearer_status *out);
bool ch_state_has(struct ch_end *e, const char *words);
void ch_trust(struct ch_end *e, const struct ol_addr *from);
void ch_release(struct ch_end *e, uint64_t file, bool remove);
extern const struct ol_addr ch_default;

/* One turn of the loop; fails the test when the wait takes too long. */
void ch_begin(struct ch *f);
void ch_turn(struct ch *f, const char *what, const char *file, int line);
#define CH_UNTIL(f, cond)                                                      \
    do {                                                                       \
        ch_begin(f);                                                           \
        while (!(cond))                                                        \
            ch_turn(f, #cond, __FILE__, __LINE__);                             \
    } while (0)
/* Lets everything that is ready happen. */
void ch_settle(struct ch *f);

/* A socket of the test's own, connected to the port of f->b on 127.0.0.1;
 * blocking, with a bound on every call. */
int ch_raw(struct ch *f, int type);
/* Waits on the loop until the socket has its end (or a reset) to read. */
void ch_until_cut(struct ch *f, int fd);

/* Files of f->dir. */
void ch_put_file(struct ch *f, const char *name, const void *bytes, size_t n);
bool ch_has_file(struct ch *f, const char *name);
unsigned ch_count_files(struct ch *f); /* hidden ones too */
/* A pouch of bundles of 100 bytes with tags first .. first + count - 1. */
void ch_put_pouch(struct ch *f, const char *name, uint64_t first,
                  unsigned count);

#endif
