/*
 * What the core itself keeps on disk: opening numbers, bundle numbers, the
 * peer's boot ids, and from version 2 on prekeys.
 *
 *   version 1 | open_sent 8 | open_seen 8 | bundle_reserved 8 |
 *   bundle_seen 8 | flags 1 | count 1 | boot id 8 *
 *   version 2: then ran_s 8 | the peer's prekey: id 4, public key 32 |
 *   count 1 | ours, each: id 4, used 1, made_s 8, dies_s 8, secret key 32 |
 *   unproved, copied and uncounted 1 | ask 8 | number 8 |
 *   (back 4 | lost 4 | aside 4 | foreign 4) * 4
 *
 * Version 1 is read, so that an older station's state is not lost. It comes
 * back from our own ledger, sealed: another length or version means
 * OL_ERR_CORRUPT, never a guess.
 */
#include "core/line_int.h"

#include <string.h>

#define KEPT_VERSION 2u
#define FLAG_DARK 1u
#define FLAG_CARD_ONLY 2u /* version 2 */
#define FLAG_BUNDLED 4u   /* version 2 */
#define FLAGS_2 (FLAG_DARK | FLAG_CARD_ONLY | FLAG_BUNDLED)

static void prekeys_encode(struct ol_writer *w, const struct ol_kept *k)
{
    ol_write_u64(w, k->ran_s);
    ol_write_u32(w, k->peer_prekey);
    ol_write_bytes(w, OL_SPAN_ARRAY(k->peer_prekey_pk));
    ol_write_u8(w, k->n_prekeys);
    for (unsigned i = 0; i < k->n_prekeys; i++) {
        const struct ol_prekey *p = &k->prekeys[i];
        ol_write_u32(w, p->id);
        ol_write_u8(w, p->used);
        ol_write_u64(w, p->made_s);
        ol_write_u64(w, p->dies_s);
        ol_write_bytes(w, OL_SPAN_ARRAY(p->sk));
    }
}

static enum ol_err prekeys_decode(struct ol_reader *r, struct ol_kept *k)
{
    k->ran_s = ol_read_u64(r);
    k->peer_prekey = ol_read_u32(r);
    ol_read_copy(r, k->peer_prekey_pk, sizeof(k->peer_prekey_pk));
    k->n_prekeys = ol_read_u8(r);
    if (k->n_prekeys > OL_PREKEYS_MAX)
        return OL_ERR_CORRUPT;
    for (unsigned i = 0; i < k->n_prekeys; i++) {
        struct ol_prekey *p = &k->prekeys[i];
        uint8_t used;
        p->id = ol_read_u32(r);
        used = ol_read_u8(r);
        p->used = used == 1;
        p->made_s = ol_read_u64(r);
        p->dies_s = ol_read_u64(r);
        ol_read_copy(r, p->sk, sizeof(p->sk));
        if (r->failed || p->id == 0 || used > 1)
            return OL_ERR_CORRUPT;
        ol_x25519_public(p->pk, p->sk);
    }
    return OL_OK;
}

size_t ol_kept_encode(const struct ol_kept *k, uint8_t *out, size_t cap)
{
    struct ol_writer w;

    ol_writer_init(&w, out, cap);
    ol_write_u8(&w, KEPT_VERSION);
    ol_write_u64(&w, k->open_sent);
    ol_write_u64(&w, k->open_seen);
    ol_write_u64(&w, k->bundle_reserved);
    ol_write_u64(&w, k->bundle_seen);
    ol_write_u8(&w, (uint8_t)((k->dark ? FLAG_DARK : 0) |
                              (k->card_only ? FLAG_CARD_ONLY : 0) |
                              (k->boot_bundled ? FLAG_BUNDLED : 0)));
    ol_write_u8(&w, k->n_boots);
    ol_write_bytes(&w, OL_SPAN(k->boots, (size_t)k->n_boots * 8));
    prekeys_encode(&w, k);
    ol_write_u8(&w, (uint8_t)(k->unproved | k->copied << 1 |
                             k->uncounted << 2));
    ol_write_u64(&w, k->ask);
    ol_write_u64(&w, k->number);
    for (unsigned p = 0; p < OL_PRECS; p++) {
        ol_write_u32(&w, k->returned[p].back);
        ol_write_u32(&w, k->returned[p].lost);
        ol_write_u32(&w, k->returned[p].aside);
        ol_write_u32(&w, k->foreign[p]);
    }
    OL_CHECK(!w.failed);
    return w.n;
}

/* What returns of our own records need. */
static bool read_return(struct ol_reader *r, struct ol_kept *k)
{
    uint8_t flags = ol_read_u8(r);

    k->unproved = flags & 1;
    k->copied = flags >> 1 & 1;
    k->uncounted = flags >> 2 & 1;
    k->ask = ol_read_u64(r);
    k->number = ol_read_u64(r);
    for (unsigned p = 0; p < OL_PRECS; p++) {
        k->returned[p].back = ol_read_u32(r);
        k->returned[p].lost = ol_read_u32(r);
        k->returned[p].aside = ol_read_u32(r);
        k->foreign[p] = ol_read_u32(r);
    }
    return flags <= 7 && k->number <= OL_NUMBER_MAX;
}

enum ol_err ol_kept_decode(struct ol_span s, struct ol_kept *k)
{
    struct ol_reader r;
    uint8_t version, flags;

    memset(k, 0, sizeof(*k));
    if (s.n == 0)
        return OL_OK;
    ol_reader_init(&r, s);
    version = ol_read_u8(&r);
    k->open_sent = ol_read_u64(&r);
    k->open_seen = ol_read_u64(&r);
    k->bundle_reserved = ol_read_u64(&r);
    k->bundle_seen = ol_read_u64(&r);
    flags = ol_read_u8(&r);
    k->dark = flags & FLAG_DARK;
    k->card_only = flags & FLAG_CARD_ONLY;
    k->boot_bundled = flags & FLAG_BUNDLED;
    k->n_boots = ol_read_u8(&r);
    if (version < 1 || version > KEPT_VERSION || k->n_boots > OL_BOOTS_MAX ||
        flags > (version == 1 ? FLAG_DARK : FLAGS_2))
        return OL_ERR_CORRUPT;
    ol_read_copy(&r, k->boots, (size_t)k->n_boots * 8);
    if (version > 1 &&
        (prekeys_decode(&r, k) != OL_OK || !read_return(&r, k)))
        return OL_ERR_CORRUPT;
    return ol_reader_done(&r) ? OL_OK : OL_ERR_CORRUPT;
}
