/*
 * LOST and FOUND: what a restored station asks for, and what it is told.
 *
 *   LOST   prec 1 | flags 1 | ask 8 | next 4 | map 8 | count 1 |
 *          (index 4 | root 8)*
 *   FOUND  prec 1 | flags 1 | ask 8 | match 4 | upto 4 | root 8 | number 8 |
 *          count 1 | [size 4 | root 32 | signature 64] | (first 4 | count 2)*
 *
 * Happy path: bounds, then one walk that holds every rule of the layout. It
 * fails with SHORT, LONG or MALFORMED; what was read then means nothing. A
 * FOUND says as many of its ranges as fit: what it leaves out is asked for
 * once the rest is back.
 */
#include "wire/chunk.h"

#include <openline/record.h>

#include <string.h>

#include "base/check.h"
#include "wire/body.h"

static bool lost_ok(const struct ol_lost *c)
{
    if (c->prec >= OL_PRECS || c->ask == 0 || c->n_steps > OL_LOST_STEPS)
        return false;
    for (unsigned k = 0; k < c->n_steps; k++)
        if (c->step[k].index == 0 ||
            (k > 0 && c->step[k].index >= c->step[k - 1].index))
            return false;
    return true;
}

enum ol_err ol_lost_decode(struct ol_span b, struct ol_lost *c)
{
    struct ol_reader r;
    enum ol_err err = ol_body_read(&r, OL_CHUNK_LOST, b);
    uint8_t flags;

    if (err)
        return err;
    c->prec = ol_read_u8(&r);
    flags = ol_read_u8(&r);
    c->repeat = flags & 1;
    c->ask = ol_read_u64(&r);
    c->next = ol_read_u32(&r);
    c->map = ol_read_u64(&r);
    c->n_steps = ol_read_u8(&r);
    if (flags > 1 || c->n_steps > OL_LOST_STEPS)
        return OL_ERR_MALFORMED;
    for (unsigned k = 0; k < c->n_steps; k++) {
        c->step[k].index = ol_read_u32(&r);
        ol_read_copy(&r, c->step[k].root, OL_ROOT);
    }
    if (r.failed)
        return OL_ERR_SHORT;
    if (r.n > 0)
        return OL_ERR_LONG;
    return lost_ok(c) ? OL_OK : OL_ERR_MALFORMED;
}

bool ol_lost_encode(struct ol_writer *w, const struct ol_lost *c)
{
    OL_CHECK(lost_ok(c));
    if (!ol_body_write(w, OL_CHUNK_LOST,
                       OL_LOST_HEAD + OL_LOST_STEP * c->n_steps))
        return false;
    ol_write_u8(w, c->prec);
    ol_write_u8(w, c->repeat);
    ol_write_u64(w, c->ask);
    ol_write_u32(w, c->next);
    ol_write_u64(w, c->map);
    ol_write_u8(w, c->n_steps);
    for (unsigned k = 0; k < c->n_steps; k++) {
        ol_write_u32(w, c->step[k].index);
        ol_write_bytes(w, OL_SPAN_ARRAY(c->step[k].root));
    }
    return true;
}

static bool found_ok(const struct ol_found *c)
{
    static const uint8_t none[OL_ROOT];
    uint64_t above = (uint64_t)c->upto + 1; /* the next range begins above */

    if (c->prec >= OL_PRECS || c->ask == 0 || c->match > c->upto ||
        c->number > OL_NUMBER_MAX || c->n_ranges > OL_HELD_RANGES)
        return false;
    if (c->upto == 0 && memcmp(c->root, none, OL_ROOT) != 0)
        return false;
    if (c->has_cp && (c->cp.size == 0 || c->cp.prec != c->prec))
        return false;
    for (unsigned k = 0; k < c->n_ranges; k++) {
        if (c->ranges[k].first <= above || c->ranges[k].count == 0)
            return false;
        above = (uint64_t)c->ranges[k].first + c->ranges[k].count;
        if (above > UINT64_C(1) + UINT32_MAX)
            return false;
    }
    return true;
}

enum ol_err ol_found_decode(struct ol_span b, struct ol_found *c)
{
    struct ol_reader r;
    enum ol_err err = ol_body_read(&r, OL_CHUNK_FOUND, b);
    uint8_t flags;

    if (err)
        return err;
    memset(c, 0, sizeof(*c));
    c->prec = ol_read_u8(&r);
    flags = ol_read_u8(&r);
    c->has_cp = flags & 1;
    c->ask = ol_read_u64(&r);
    c->match = ol_read_u32(&r);
    c->upto = ol_read_u32(&r);
    ol_read_copy(&r, c->root, OL_ROOT);
    c->number = ol_read_u64(&r);
    c->n_ranges = ol_read_u8(&r);
    if (flags > 1 || c->n_ranges > OL_HELD_RANGES)
        return OL_ERR_MALFORMED;
    if (c->has_cp) {
        c->cp.prec = c->prec;
        c->cp.size = ol_read_u32(&r);
        ol_read_copy(&r, c->cp.root, sizeof(c->cp.root));
        ol_read_copy(&r, c->cp.sig, sizeof(c->cp.sig));
    }
    for (unsigned k = 0; k < c->n_ranges; k++) {
        c->ranges[k].first = ol_read_u32(&r);
        c->ranges[k].count = ol_read_u16(&r);
    }
    if (r.failed)
        return OL_ERR_SHORT;
    if (r.n > 0)
        return OL_ERR_LONG;
    return found_ok(c) ? OL_OK : OL_ERR_MALFORMED;
}

bool ol_found_encode(struct ol_writer *w, const struct ol_found *c)
{
    size_t head = OL_FOUND_HEAD + (c->has_cp ? OL_FOUND_CHECKPOINT : 0);
    size_t room = w->cap - w->n;
    unsigned n = c->n_ranges;

    OL_CHECK(found_ok(c));
    if (w->failed || room < OL_CHUNK_HEAD + head)
        return false;
    room = (room - OL_CHUNK_HEAD - head) / OL_HELD_RANGE;
    if (room < n)
        n = (unsigned)room;
    if (!ol_body_write(w, OL_CHUNK_FOUND, head + OL_HELD_RANGE * n))
        return false;
    ol_write_u8(w, c->prec);
    ol_write_u8(w, c->has_cp);
    ol_write_u64(w, c->ask);
    ol_write_u32(w, c->match);
    ol_write_u32(w, c->upto);
    ol_write_bytes(w, OL_SPAN_ARRAY(c->root));
    ol_write_u64(w, c->number);
    ol_write_u8(w, (uint8_t)n);
    if (c->has_cp) {
        ol_write_u32(w, c->cp.size);
        ol_write_bytes(w, OL_SPAN_ARRAY(c->cp.root));
        ol_write_bytes(w, OL_SPAN_ARRAY(c->cp.sig));
    }
    for (unsigned k = 0; k < n; k++) {
        ol_write_u32(w, c->ranges[k].first);
        ol_write_u16(w, c->ranges[k].count);
    }
    return true;
}
