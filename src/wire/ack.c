/*
 * ACK: which frames of one channel came, as runs from the highest down.
 *
 * Happy path: the runs of a replay window, at most OL_ACK_RANGES of them, are
 * written as distances; the other side gets the same runs. A body whose
 * distances leave the window or pass zero is MALFORMED. What does not fit is
 * left out from the lowest run, because old frames have been judged already.
 */
#include "wire/chunk.h"

#include "base/check.h"
#include "base/units.h"
#include "base/window.h"
#include "wire/body.h"

/* Takes `below` off `from`; false if that leaves the window under `high`. */
static bool down(uint32_t high, uint32_t from, uint32_t below, uint32_t *to)
{
    if (below > from || high - (from - below) >= OL_WINDOW_BITS)
        return false;
    *to = from - below;
    return true;
}

enum ol_err ol_ack_decode(struct ol_span b, struct ol_ack *ack)
{
    struct ol_reader r;
    enum ol_err err = ol_body_read(&r, OL_CHUNK_ACK, b);
    uint32_t at;

    if (err)
        return err;
    ack->index = ol_read_u32(&r);
    ack->high = ol_read_u32(&r);
    ack->delay_100us = ol_read_u16(&r);
    ack->count = ol_read_u8(&r);
    if (ack->count >= OL_ACK_RANGES)
        return OL_ERR_MALFORMED;
    ack->count++;
    at = ack->high;
    for (unsigned k = 0; k < ack->count; k++) {
        /* One is missing even in a gap of 0, and `at` was present. */
        uint32_t gap = k ? ol_read_u16(&r) + 2u : 0;

        if (!down(ack->high, at, gap, &ack->v[k].hi) ||
            !down(ack->high, ack->v[k].hi, ol_read_u16(&r), &ack->v[k].lo))
            return r.failed ? OL_ERR_SHORT : OL_ERR_MALFORMED;
        at = ack->v[k].lo;
    }
    if (r.failed)
        return OL_ERR_SHORT;
    return r.n > 0 ? OL_ERR_LONG : OL_OK;
}

static bool ack_ok(const struct ol_ack *ack)
{
    if (ack->count < 1 || ack->count > OL_ACK_RANGES ||
        ack->v[0].hi != ack->high)
        return false;
    for (unsigned k = 0; k < ack->count; k++) {
        if (ack->v[k].lo > ack->v[k].hi ||
            ack->high - ack->v[k].lo >= OL_WINDOW_BITS)
            return false;
        if (k > 0 && (ack->v[k - 1].lo < 2 ||
                      ack->v[k].hi > ack->v[k - 1].lo - 2))
            return false;
    }
    return true;
}

bool ol_ack_encode(struct ol_writer *w, const struct ol_ack *ack)
{
    size_t room = w->failed ? 0 : w->cap - w->n;
    size_t more;

    OL_CHECK(ack_ok(ack));
    if (room < OL_CHUNK_HEAD + OL_ACK_HEAD)
        return false;
    more = OL_MIN((room - OL_CHUNK_HEAD - OL_ACK_HEAD) / OL_ACK_EACH,
                  ack->count - 1u);
    if (!ol_body_write(w, OL_CHUNK_ACK, OL_ACK_HEAD + OL_ACK_EACH * more))
        return false;
    ol_write_u32(w, ack->index);
    ol_write_u32(w, ack->high);
    ol_write_u16(w, ack->delay_100us);
    ol_write_u8(w, (uint8_t)more);
    for (size_t k = 0; k <= more; k++) {
        if (k > 0)
            ol_write_u16(w, (uint16_t)(ack->v[k - 1].lo - ack->v[k].hi - 2));
        ol_write_u16(w, (uint16_t)(ack->v[k].hi - ack->v[k].lo));
    }
    return true;
}
