/*
 * The block pool: take, write, read, give back.
 *
 * Happy path: take a chain for a record's size, or let it reach as far as the
 * segments that come, write them where they belong, read it whole, give it
 * back. When the pool is exhausted take and reach say so and the caller drops
 * what it has: the peer still owes it.
 */
#include "core/pool.h"

#include <string.h>

#include "base/check.h"
#include "base/units.h"

void ol_pool_init(struct ol_pool *p)
{
    p->free = OL_NO_BLOCK;
    p->fresh = 0;
    p->left = OL_POOL_BLOCKS;
}

static uint16_t one(struct ol_pool *p)
{
    uint16_t b = p->free;

    if (b != OL_NO_BLOCK)
        p->free = p->next[b];
    else
        b = p->fresh++;
    p->left--;
    memset(p->data[b], 0, OL_BLOCK);
    return b;
}

uint16_t ol_pool_take(struct ol_pool *p, size_t n)
{
    size_t want = (n + OL_BLOCK - 1) / OL_BLOCK;
    uint16_t head = OL_NO_BLOCK;

    OL_CHECK(n > 0);
    if (want > p->left)
        return OL_NO_BLOCK;
    while (want-- > 0) {
        uint16_t b = one(p);
        p->next[b] = head;
        head = b;
    }
    return head;
}

bool ol_pool_reach(struct ol_pool *p, uint16_t *head, size_t n,
                   uint16_t keep)
{
    size_t want = (n + OL_BLOCK - 1) / OL_BLOCK, has = 0;
    uint16_t last = OL_NO_BLOCK, more;

    for (uint16_t b = *head; b != OL_NO_BLOCK; b = p->next[b]) {
        last = b;
        has++;
    }
    if (has >= want)
        return true;
    if (want - has + keep > p->left)
        return false;
    more = ol_pool_take(p, (want - has) * OL_BLOCK);
    if (last == OL_NO_BLOCK)
        *head = more;
    else
        p->next[last] = more;
    return true;
}

void ol_pool_give(struct ol_pool *p, uint16_t head)
{
    while (head != OL_NO_BLOCK) {
        uint16_t next = p->next[head];
        p->next[head] = p->free;
        p->free = head;
        p->left++;
        head = next;
    }
}

static uint16_t seek(const struct ol_pool *p, uint16_t head, size_t *offset)
{
    while (*offset >= OL_BLOCK) {
        OL_CHECK(head != OL_NO_BLOCK);
        head = p->next[head];
        *offset -= OL_BLOCK;
    }
    return head;
}

void ol_pool_write(struct ol_pool *p, uint16_t head, size_t offset,
                   struct ol_span s)
{
    head = seek(p, head, &offset);
    while (s.n > 0) {
        size_t n = OL_MIN(s.n, OL_BLOCK - offset);
        OL_CHECK(head != OL_NO_BLOCK);
        memcpy(p->data[head] + offset, s.p, n);
        s = OL_SPAN(s.p + n, s.n - n);
        offset = 0;
        head = p->next[head];
    }
}

void ol_pool_read(const struct ol_pool *p, uint16_t head, size_t offset,
                  uint8_t *out, size_t n)
{
    head = seek(p, head, &offset);
    while (n > 0) {
        size_t take = OL_MIN(n, OL_BLOCK - offset);
        OL_CHECK(head != OL_NO_BLOCK);
        memcpy(out, p->data[head] + offset, take);
        out += take;
        n -= take;
        offset = 0;
        head = p->next[head];
    }
}
