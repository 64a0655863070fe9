/*
 * HELD: what is on a side's disk, and how much more it takes. The only
 * acknowledgement of durability.
 *
 * Happy path: per log the highest index without a gap, its root, the credit,
 * then ranges beyond the gap and records held in part; the other side gets
 * the same. Whatever has a second way to be said is MALFORMED: order, ranges
 * that touch, empty masks, a root of nothing. When a writer is too small,
 * ranges and parts are left out from the last: that is never wrong, only
 * less, and what was left out is owed for a while longer.
 */
#include "wire/chunk.h"

#include <string.h>

#include <openline/record.h>

#include "base/check.h"
#include "base/units.h"
#include "wire/body.h"

#define HAS_PREKEY 1u
#define REST 2u

static const uint32_t windows[OL_PRECS] = {
    OL_WINDOW_FLASH, OL_WINDOW_IMMEDIATE, OL_WINDOW_PRIORITY,
    OL_WINDOW_ROUTINE};

bool ol_held_nothing(const struct ol_held_log *log, unsigned prec)
{
    return log->upto == 0 && log->limit == windows[prec] &&
           log->n_ranges == 0 && log->n_parts == 0;
}

/* Does it stand in the encoding. */
static bool stands(const struct ol_held *held, unsigned prec)
{
    return held->logs >> prec & 1 &&
           !(held->rest && ol_held_nothing(&held->log[prec], prec));
}

/* What does not stand, if all are said. */
static enum ol_err fill_rest(struct ol_held *held)
{
    if (!held->rest)
        return OL_OK;
    for (unsigned p = 0; p < OL_PRECS; p++)
        if (held->logs >> p & 1 && ol_held_nothing(&held->log[p], p))
            return OL_ERR_MALFORMED;
    if (held->logs == (1u << OL_PRECS) - 1)
        return OL_ERR_MALFORMED; /* there is no rest */
    for (unsigned p = 0; p < OL_PRECS; p++)
        if (!(held->logs >> p & 1))
            held->log[p].limit = windows[p];
    held->logs = (1u << OL_PRECS) - 1;
    return OL_OK;
}

/* Ranges and parts of one log, each ascending behind what is held. */
static bool beyond_ok(const struct ol_held_log *log)
{
    uint64_t next = (uint64_t)log->upto + 1; /* known to be missing */
    uint32_t before = log->upto;

    for (unsigned k = 0; k < log->n_ranges; k++) {
        uint32_t first = log->ranges[k].first;
        uint16_t count = log->ranges[k].count;

        if (first <= next || count == 0 || first > UINT32_MAX - (count - 1u))
            return false;
        next = (uint64_t)first + count;
    }
    for (unsigned k = 0; k < log->n_parts; k++) {
        if (log->parts[k].index <= before || log->parts[k].mask == 0)
            return false;
        before = log->parts[k].index;
    }
    return true;
}

static bool log_ok(const struct ol_held_log *log)
{
    static const uint8_t none[OL_ROOT];

    if (log->n_ranges > OL_HELD_RANGES || log->n_parts > OL_HELD_PARTS)
        return false;
    if (log->upto == 0 && memcmp(log->root, none, OL_ROOT) != 0)
        return false;
    return log->limit >= log->upto && beyond_ok(log);
}

static enum ol_err log_decode(struct ol_reader *r, struct ol_held_log *log)
{
    log->upto = ol_read_u32(r);
    ol_read_copy(r, log->root, sizeof(log->root));
    log->limit = ol_read_u32(r);
    log->n_ranges = ol_read_u8(r);
    log->n_parts = ol_read_u8(r);
    if (log->n_ranges > OL_HELD_RANGES || log->n_parts > OL_HELD_PARTS)
        return OL_ERR_MALFORMED;
    for (unsigned k = 0; k < log->n_ranges; k++) {
        log->ranges[k].first = ol_read_u32(r);
        log->ranges[k].count = ol_read_u16(r);
    }
    for (unsigned k = 0; k < log->n_parts; k++) {
        log->parts[k].index = ol_read_u32(r);
        log->parts[k].mask = ol_read_u64(r);
    }
    if (r->failed)
        return OL_ERR_SHORT;
    return log_ok(log) ? OL_OK : OL_ERR_MALFORMED;
}

enum ol_err ol_held_decode(struct ol_span b, struct ol_held *held)
{
    struct ol_reader r;
    enum ol_err err = ol_body_read(&r, OL_CHUNK_HELD, b);
    uint8_t flags, from = 0;

    if (err)
        return err;
    memset(held, 0, sizeof(*held));
    ol_read_copy(&r, held->boot, sizeof(held->boot));
    held->serial = ol_read_u32(&r);
    flags = ol_read_u8(&r);
    held->has_prekey = flags & HAS_PREKEY;
    held->rest = flags & REST;
    if (held->has_prekey) {
        held->prekey_id = ol_read_u32(&r);
        ol_read_copy(&r, held->prekey, sizeof(held->prekey));
        if (r.failed)
            return OL_ERR_SHORT;
    }
    if (flags > (HAS_PREKEY | REST) ||
        (held->has_prekey && held->prekey_id == 0))
        return OL_ERR_MALFORMED;
    while (r.n > 0) {
        uint8_t prec = ol_read_u8(&r);

        if (prec < from || prec >= OL_PRECS)
            return OL_ERR_MALFORMED;
        err = log_decode(&r, &held->log[prec]);
        if (err)
            return err;
        held->logs |= (uint8_t)(1u << prec);
        from = prec + 1;
    }
    return fill_rest(held);
}

static bool held_ok(const struct ol_held *held)
{
    if (held->logs >= 1u << OL_PRECS ||
        (held->has_prekey && held->prekey_id == 0))
        return false;
    if (held->rest && (held->logs != (1u << OL_PRECS) - 1 ||
                       (stands(held, 0) && stands(held, 1) &&
                        stands(held, 2) && stands(held, 3))))
        return false;
    for (unsigned p = 0; p < OL_PRECS; p++) {
        if (held->logs >> p & 1 && !log_ok(&held->log[p]))
            return false;
    }
    return true;
}

/* Without ranges and parts. */
static size_t least_body(const struct ol_held *held)
{
    size_t n = OL_HELD_HEAD + (held->has_prekey ? OL_HELD_PREKEY : 0);

    for (unsigned p = 0; p < OL_PRECS; p++)
        n += stands(held, p) ? OL_HELD_LOG : 0;
    return n;
}

/* How many of `count` fit into the room; once not all do, nothing that comes
 * later is written, so the room ends. */
static uint8_t fitting(size_t *room, uint8_t count, size_t each)
{
    uint8_t n = (uint8_t)OL_MIN(*room / each, count);

    *room = n < count ? 0 : *room - n * each;
    return n;
}

static void log_write(struct ol_writer *w, uint8_t prec,
                      const struct ol_held_log *log, uint8_t n_ranges,
                      uint8_t n_parts)
{
    ol_write_u8(w, prec);
    ol_write_u32(w, log->upto);
    ol_write_bytes(w, OL_SPAN_ARRAY(log->root));
    ol_write_u32(w, log->limit);
    ol_write_u8(w, n_ranges);
    ol_write_u8(w, n_parts);
    for (unsigned k = 0; k < n_ranges; k++) {
        ol_write_u32(w, log->ranges[k].first);
        ol_write_u16(w, log->ranges[k].count);
    }
    for (unsigned k = 0; k < n_parts; k++) {
        ol_write_u32(w, log->parts[k].index);
        ol_write_u64(w, log->parts[k].mask);
    }
}

bool ol_held_encode(struct ol_writer *w, const struct ol_held *held)
{
    size_t body = least_body(held);
    size_t room = w->failed ? 0 : w->cap - w->n;
    uint8_t n_ranges[OL_PRECS] = {0}, n_parts[OL_PRECS] = {0};
    bool whole = true, written[OL_PRECS] = {false};

    OL_CHECK(held_ok(held));
    if (room < OL_CHUNK_HEAD + body)
        return false;
    room -= OL_CHUNK_HEAD + body;
    for (unsigned p = 0; p < OL_PRECS; p++) {
        const struct ol_held_log *log = &held->log[p];

        if (!stands(held, p))
            continue;
        n_ranges[p] = fitting(&room, log->n_ranges, OL_HELD_RANGE);
        n_parts[p] = fitting(&room, log->n_parts, OL_HELD_PART);
        whole = whole && n_ranges[p] == log->n_ranges &&
                n_parts[p] == log->n_parts;
        /* What is left of it is what the rest is: it has one way to be said. */
        written[p] = !held->rest || n_ranges[p] > 0 || n_parts[p] > 0 ||
                     log->upto > 0 || log->limit != windows[p];
        body += OL_HELD_RANGE * n_ranges[p] + OL_HELD_PART * n_parts[p];
        body -= written[p] ? 0 : OL_HELD_LOG;
    }
    if (!ol_body_write(w, OL_CHUNK_HELD, body))
        return false;
    ol_write_bytes(w, OL_SPAN_ARRAY(held->boot));
    ol_write_u32(w, held->serial);
    ol_write_u8(w, (uint8_t)((held->has_prekey ? HAS_PREKEY : 0) |
                             (held->rest ? REST : 0)));
    if (held->has_prekey) {
        ol_write_u32(w, held->prekey_id);
        ol_write_bytes(w, OL_SPAN_ARRAY(held->prekey));
    }
    for (uint8_t p = 0; p < OL_PRECS; p++) {
        if (written[p])
            log_write(w, p, &held->log[p], n_ranges[p], n_parts[p]);
    }
    return whole;
}
