/*
 * Who holds what: the peer's statements about its own logs and about ours,
 * and ours about its.
 *
 * Out: a HELD says how far each log of the peer is on our disk, by what has
 * been committed and nothing else. In: a HELD counts when it is of the boot
 * that the peer runs now, and the newest per log; a late one, from a stick
 * that was under way for days, may only add. A checkpoint that verifies waits
 * until our copy of the log has its size.
 * It fails by believing less: what is stale or beyond reach is left out.
 */
#include "core/line_int.h"

#include <string.h>

/* The peer's statement about its own log; it is compared when our copy has
 * the same size, and kept then. */
enum ol_err ol_recv_checkpoint(struct ol_line *l,
                               const struct ol_checkpoint *cp)
{
    struct ol_in_log *in = &l->in[cp->prec];
    enum ol_err err;

    /* Beyond what could be on its way it can never be compared. */
    if (cp->size == 0 || (in->has_cp && cp->size <= in->cp.size) ||
        (cp->size > in->upto &&
         cp->size - in->upto > ol_window_of[cp->prec]))
        return OL_OK;
    /* The copy has passed it: no signature is worth the time now. */
    if (cp->size < in->upto)
        return OL_OK;
    err = ol_checkpoint_check(cp->sig, l->shared.line_id, l->peer.ed_pk,
                              cp->prec, cp->size, cp->root);
    if (err != OL_OK)
        return err;
    in->cp = *cp;
    in->has_cp = true;
    return OL_OK;
}

static bool known(const struct ol_line *l, const uint8_t boot[8])
{
    for (unsigned n = 0; n < l->kept.n_boots; n++)
        if (memcmp(l->kept.boots[n], boot, 8) == 0)
            return true;
    return false;
}

/* The boot that the peer runs now, newest first in what we remember. */
static void boot_of_peer(struct ol_line *l, const uint8_t boot[8],
                         enum ol_held_way way)
{
    unsigned n = 0;
    bool newest = l->kept.n_boots > 0 &&
                  memcmp(l->kept.boots[0], boot, 8) == 0;

    /* What a channel said stands, whatever bundles say after it. */
    if (way == OL_HELD_LIVE || (way == OL_HELD_BUNDLED && !newest)) {
        bool bundled = way == OL_HELD_BUNDLED;
        l->kept_dirty |= l->kept.boot_bundled != bundled;
        l->kept.boot_bundled = bundled;
    }
    if (l->peer_any && memcmp(l->peer_boot, boot, 8) == 0)
        return;
    memcpy(l->peer_boot, boot, 8);
    l->peer_any = true;
    l->peer_new = !known(l, boot);
    memset(l->peer_serial, 0, sizeof(l->peer_serial));
    l->prekey_serial = 0;
    ol_send_forget(l);
    while (n < l->kept.n_boots && memcmp(l->kept.boots[n], boot, 8) != 0)
        n++;
    if (n == 0 && l->kept.n_boots > 0)
        return;
    if (n == l->kept.n_boots && n < OL_BOOTS_MAX)
        l->kept.n_boots++;
    n = OL_MIN(n, OL_BOOTS_MAX - 1);
    memmove(l->kept.boots[1], l->kept.boots[0], (size_t)n * 8);
    memcpy(l->kept.boots[0], boot, 8);
    l->kept_dirty = true;
}

bool ol_recv_boot_over(const struct ol_line *l, const uint8_t boot[8])
{
    return !l->kept.boot_bundled && known(l, boot) &&
           memcmp(l->kept.boots[0], boot, 8) != 0;
}

bool ol_recv_boot_fits(struct ol_epoch *e, const uint8_t boot[8])
{
    if (!e->held_seen)
        memcpy(e->boot, boot, sizeof(e->boot));
    e->held_seen = true;
    return memcmp(e->boot, boot, sizeof(e->boot)) == 0;
}

void ol_recv_held(struct ol_line *l, const struct ol_held *h,
                  enum ol_held_way way)
{
    bool same = l->peer_any && memcmp(l->peer_boot, h->boot, 8) == 0;
    bool current = way != OL_HELD_LATE;
    uint8_t logs = 0;

    /* It may have been under way for days. Of the newest boot that we know,
     * what it holds it held; an older one says nothing that the newer did not
     * say, unless the peer was restored in between, and then it is not true.
     */
    if (!current && !same) {
        if (l->kept.n_boots == 0 ||
            memcmp(l->kept.boots[0], h->boot, sizeof(h->boot)) == 0)
            ol_send_held(l, h, h->logs, false);
        /* Nobody told us of that boot: a peer that was put back counts from
         * where it was, and can learn how far we are from us alone. */
        if (!known(l, h->boot))
            ol_pouch_changed(l);
        return;
    }
    boot_of_peer(l, h->boot, way);
    if (current || !l->kept.card_only)
        ol_prekey_told(l, h);
    /* The newest counts, log by log: one of all may come behind one of some. */
    for (unsigned p = 0; p < OL_PRECS; p++) {
        if (!(h->logs & (1u << p)) || h->serial <= l->peer_serial[p])
            continue;
        l->peer_serial[p] = h->serial;
        logs |= (uint8_t)(1u << p);
    }
    ol_send_held(l, h, logs, true);
}

/* Is index i the one behind the last range. */
static bool follows(const struct ol_held_log *h, uint32_t i)
{
    unsigned n = h->n_ranges;

    return n > 0 && h->ranges[n - 1].first + h->ranges[n - 1].count == i;
}

static void holding_beyond(struct ol_line *l, unsigned p,
                           struct ol_held_log *h)
{
    struct ol_in_log *in = &l->in[p];

    for (uint32_t i = in->durable + 1; i <= in->high; i++) {
        struct ol_in_slot *s = ol_in_slot(l, p, i);
        bool put;
        if (i <= in->upto || s->index != i)
            continue;
        put = s->state == OL_IN_PUT && s->batch <= l->committed;
        if (put && follows(h, i)) {
            h->ranges[h->n_ranges - 1].count++;
        } else if (put && h->n_ranges < OL_HELD_RANGES && i > h->upto + 1) {
            h->ranges[h->n_ranges].first = i;
            h->ranges[h->n_ranges++].count = 1;
        } else if (s->state == OL_IN_PARTIAL && s->part != 0 &&
                   h->n_parts < OL_HELD_PARTS) {
            h->parts[h->n_parts].index = i;
            h->parts[h->n_parts++].mask = s->part;
        }
    }
}

void ol_recv_beyond(struct ol_line *l, unsigned p, struct ol_held_log *h)
{
    memset(h, 0, sizeof(*h));
    h->upto = l->in[p].durable;
    if (l->in[p].high > h->upto)
        holding_beyond(l, p, h);
}

void ol_recv_holding(struct ol_line *l, uint8_t logs, struct ol_held *h)
{
    const struct ol_prekey *own = ol_prekey_own(l);

    memset(h, 0, sizeof(*h));
    memcpy(h->boot, l->boot, 8);
    h->serial = ++l->held_serial;
    h->logs = logs & (uint8_t)~OL_HELD_OURS;
    h->has_prekey = (logs & OL_HELD_OURS) && own != NULL;
    if (h->has_prekey) {
        h->prekey_id = own->id;
        memcpy(h->prekey, own->pk, sizeof(h->prekey));
    }
    for (unsigned p = 0; p < OL_PRECS; p++) {
        struct ol_in_log *in = &l->in[p];
        struct ol_held_log *o = &h->log[p];
        if (!(logs & (1u << p)))
            continue;
        o->upto = in->durable;
        memcpy(o->root, in->durable_root, OL_ROOT);
        o->limit = ol_credit_limit(l, p);
        if (in->high > in->durable)
            holding_beyond(l, p, o);
        h->rest |= ol_held_nothing(o, p);
    }
    h->rest = h->rest && h->logs == (1u << OL_PRECS) - 1;
}
