/*
 * A pool of fixed blocks: the bytes of loaded and of arriving records.
 *
 * Records are up to 8 KiB and mostly short; chains of 512-byte blocks hold
 * them without fragmentation, within one bound that no peer can move.
 */
#ifndef OL_CORE_POOL_H
#define OL_CORE_POOL_H

#include <stdbool.h>

#include <openline/span.h>

#define OL_BLOCK 512u
#define OL_POOL_BLOCKS 4096u /* 2 MiB; two pools make OL_LOADED_BYTES */
#define OL_NO_BLOCK 0xffffu

struct ol_pool {
    uint16_t free;   /* head of the free chain among blocks once used */
    uint16_t fresh;  /* blocks never used start here: pages stay untouched */
    uint16_t left;
    uint16_t next[OL_POOL_BLOCKS];
    uint8_t data[OL_POOL_BLOCKS][OL_BLOCK];
};

void ol_pool_init(struct ol_pool *p);
/* Blocks that records of a precedence leave to those above them: a backlog of
 * ROUTINE must not keep a FLASH from being loaded. And 64, what the next
 * records of the four logs may need: of what arrives these alone go below a
 * floor, and what is loaded must not be more than what finds room there. */
static inline uint16_t ol_pool_floor(unsigned prec)
{
    return (uint16_t)(prec * OL_POOL_BLOCKS / 8 + 64);
}
/* A chain of zeroed blocks for n bytes (1 to 8,192); OL_NO_BLOCK when the
 * pool has not as many. */
uint16_t ol_pool_take(struct ol_pool *p, size_t n);
/* Makes a chain (OL_NO_BLOCK: none yet) long enough for n bytes, 1 to 8,192;
 * what is added is zeroed. false: the pool would not keep as many blocks as it
 * is to, and the chain is what it was. */
bool ol_pool_reach(struct ol_pool *p, uint16_t *head, size_t n,
                   uint16_t keep);
/* Gives a chain back; OL_NO_BLOCK is allowed. */
void ol_pool_give(struct ol_pool *p, uint16_t head);
/* Copies into and out of a chain; offset + n lie within it. */
void ol_pool_write(struct ol_pool *p, uint16_t head, size_t offset,
                   struct ol_span s);
void ol_pool_read(const struct ol_pool *p, uint16_t head, size_t offset,
                  uint8_t *out, size_t n);

#endif
