/*
 * What the core itself keeps on disk: opening numbers, bundle numbers, the
 * peer's boot ids.
 *
 *   version 1 | open_sent 8 | open_seen 8 | bundle_reserved 8 |
 *   bundle_seen 8 | dark 1 | count 1 | boot id 8 *
 *
 * It comes back from our own ledger, sealed: another length or version means
 * OL_ERR_CORRUPT, never a guess.
 */
#include "core/line_int.h"

#include <string.h>

#define KEPT_VERSION 1u

size_t ol_kept_encode(const struct ol_kept *k, uint8_t *out, size_t cap)
{
    struct ol_writer w;

    ol_writer_init(&w, out, cap);
    ol_write_u8(&w, KEPT_VERSION);
    ol_write_u64(&w, k->open_sent);
    ol_write_u64(&w, k->open_seen);
    ol_write_u64(&w, k->bundle_reserved);
    ol_write_u64(&w, k->bundle_seen);
    ol_write_u8(&w, k->dark);
    ol_write_u8(&w, k->n_boots);
    ol_write_bytes(&w, OL_SPAN(k->boots, (size_t)k->n_boots * 8));
    OL_CHECK(!w.failed);
    return w.n;
}

enum ol_err ol_kept_decode(struct ol_span s, struct ol_kept *k)
{
    struct ol_reader r;
    uint8_t version, dark;

    memset(k, 0, sizeof(*k));
    if (s.n == 0)
        return OL_OK;
    ol_reader_init(&r, s);
    version = ol_read_u8(&r);
    k->open_sent = ol_read_u64(&r);
    k->open_seen = ol_read_u64(&r);
    k->bundle_reserved = ol_read_u64(&r);
    k->bundle_seen = ol_read_u64(&r);
    dark = ol_read_u8(&r);
    k->dark = dark == 1;
    k->n_boots = ol_read_u8(&r);
    if (version != KEPT_VERSION || dark > 1 || k->n_boots > OL_BOOTS_MAX)
        return OL_ERR_CORRUPT;
    ol_read_copy(&r, k->boots, (size_t)k->n_boots * 8);
    return ol_reader_done(&r) ? OL_OK : OL_ERR_CORRUPT;
}
