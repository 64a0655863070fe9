/*
 * What the files of the hostile play share: the play, and its chance.
 *
 *   hostile.c      the real line, its station, the peer's keys, what must hold
 *   hostile_say.c  what the peer says: chunks of any value
 */
#ifndef OL_SIM_HOSTILE_H
#define OL_SIM_HOSTILE_H

#include <string.h>

#include "base/check.h"
#include "core/line_int.h"
#include "port/ledger.h"
#include "wire/record.h"

#include "world.h"

#define CHANNELS 4u
#define POUCH 3u
#define ADDRS 4u /* 0: what is dialled; 1: the peer's; others: third ones */
#define KEYS 8u
#define SAID_MAX 4096u
#define FILES 2u
#define INPUTS 512u
#define OWN_TOKEN (UINT64_C(1) << 62)

struct keys { /* one epoch, as the peer knows it */
    uint64_t opening;
    bool initiator;
    struct ol_epoch_chan ch[CHANNELS];
    uint32_t high[CHANNELS]; /* of the line's frames */
    bool any[CHANNELS];
};

enum input_kind { IN_PEER, IN_PACKET, IN_LOAD, IN_FILE };

struct input {
    enum input_kind kind;
    uint32_t boot;
    uint16_t channel;
    enum ol_ev ev;
    bool on;
    struct ol_load load;
    struct ol_file file;
    size_t n;
    uint8_t bytes[OL_KNOCK_MAX];
};

struct play {
    struct rnd r;
    uint64_t seed, now_ns, start_ns;
    struct ol_identity id[2];
    uint8_t share[2][32];
    struct ol_line *line, *peer;
    void *mem[2];
    struct ol_effects eff, peer_eff;
    struct ol_ledger *ledger;
    uint32_t line_no, boot;
    struct ol_chan_conf conf[2][CHANNELS];
    struct ol_addr addr[ADDRS];
    uint64_t got[CHANNELS][ADDRS], sent[CHANNELS][ADDRS];
    struct keys keys[KEYS];
    unsigned n_keys;
    uint32_t probe[CHANNELS]; /* the newest id that it saw */
    uint8_t roots[OL_PRECS][SAID_MAX][OL_ROOT];
    uint32_t size[OL_PRECS], said[OL_PRECS];
    uint8_t peer_boot[8], hash[FILES][32];
    uint32_t serial;
    uint64_t bundle, token, wake_ns;
    bool full;
    struct input in[INPUTS];
    uint32_t in_head, in_tail;
    uint64_t ticks, live, frames, bundles, refused, pieces;
};

static inline uint32_t below(struct play *p, uint32_t n)
{
    return (uint32_t)rnd_below(&p->r, n);
}

static inline bool chance(struct play *p, double d)
{
    return rnd_chance(&p->r, d);
}

static inline void any(struct play *p, void *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)out)[i] = (uint8_t)rnd_u64(&p->r);
}

/* A few chunks of what a frame on channel c, or a bundle, may hold. What went
 * to a third address (from) the peer did not read. */
void hostile_chunks(struct play *p, unsigned c, unsigned from,
                    struct ol_writer *w, bool bundle);

#endif
