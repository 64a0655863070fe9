/*
 * Prekeys: what makes a recorded bundle worthless to who gets our keys later.
 *
 *            made ---on disk--> announced ---a bundle opens--> used
 *                                                               |  a day old:
 *   erased <--30 days-- a newer one was used <------------------'  a newer one
 *                                                                  is made
 *
 * A bundle goes to the newest prekey that the peer has announced, and to the
 * key on its card (prekey 0) as long as none is known. That key is never
 * erased, so what went to it has no forward secrecy; what went to a prekey has
 * it once the prekey is erased. Ages are of the time that the line has run:
 * no wall clock erases a key, or keeps one.
 *
 * It fails towards being understood: who finds that something of its past is
 * missing (a bundle to a prekey that it does not have, a peer that has opened
 * numbers which were never given) was put back from an old copy, may know the
 * peer's prekeys no better, and sends to the key on the card until the peer
 * has said which prekey it has now. Source: doc/protocol.md 3.2.
 */
#include "core/line_int.h"

#include <string.h>

uint64_t ol_prekey_ran(const struct ol_line *l)
{
    if (l->start_ns == 0)
        return l->ran_s;
    return l->ran_s + (l->now_ns - l->start_ns) / OL_NS_PER_S;
}

/* ---- our own ------------------------------------------------------------ */

static struct ol_prekey *newest(struct ol_line *l)
{
    return &l->kept.prekeys[l->kept.n_prekeys - 1];
}

const struct ol_prekey *ol_prekey_own(const struct ol_line *l)
{
    unsigned n = l->kept.n_prekeys;

    /* One that is not on disk yet is not promised to anybody. */
    if (l->prekey_batch != 0)
        n--;
    return n == 0 ? NULL : &l->kept.prekeys[n - 1];
}

const struct ol_prekey *ol_prekey_find(const struct ol_line *l, uint32_t id)
{
    for (unsigned i = 0; i < l->kept.n_prekeys; i++)
        if (l->kept.prekeys[i].id == id)
            return &l->kept.prekeys[i];
    return NULL;
}

void ol_prekey_used(struct ol_line *l, uint32_t id)
{
    struct ol_kept *k = &l->kept;
    unsigned i = 0;

    while (i < k->n_prekeys && k->prekeys[i].id != id)
        i++;
    if (i == k->n_prekeys || k->prekeys[i].used)
        return;
    k->prekeys[i].used = true;
    /* The peer has gone on to this one; what came before it is on its way
     * for a while yet. */
    while (i-- > 0)
        if (k->prekeys[i].dies_s == 0)
            k->prekeys[i].dies_s = ol_prekey_ran(l) + OL_PREKEY_KEEP_S;
    l->kept_dirty = true;
}

/* Ids are random, not counted: a copy that was put back would count again,
 * and one id would stand for two keys. */
static void make(struct ol_line *l)
{
    struct ol_kept *k = &l->kept;
    struct ol_prekey *p = &k->prekeys[k->n_prekeys];
    uint8_t id[4];

    memset(p, 0, sizeof(*p));
    do {
        ol_rng_fill(&l->rng, id, sizeof(id));
        p->id = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 |
                (uint32_t)id[2] << 8 | id[3];
    } while (p->id == 0 || ol_prekey_find(l, p->id) != NULL);
    ol_rng_fill(&l->rng, p->sk, sizeof(p->sk));
    ol_x25519_public(p->pk, p->sk);
    p->made_s = ol_prekey_ran(l);
    k->n_prekeys++;
    l->prekey_batch = ol_fx_keep(l);
    if (l->prekey_batch != 0)
        return;
    k->n_prekeys--;
    ol_wipe(p, sizeof(*p));
}

static void erase(struct ol_line *l)
{
    struct ol_kept *k = &l->kept;
    unsigned n = 0, was = k->n_prekeys;
    uint64_t ran_s = ol_prekey_ran(l);

    while (n < was && (k->prekeys[n].dies_s == 0 ||
                       ran_s < k->prekeys[n].dies_s))
        n++;
    if (n == was)
        return;
    for (unsigned i = n + 1; i < was; i++)
        if (k->prekeys[i].dies_s == 0 || ran_s < k->prekeys[i].dies_s)
            k->prekeys[n++] = k->prekeys[i];
    ol_wipe(&k->prekeys[n], (was - n) * sizeof(k->prekeys[0]));
    k->n_prekeys = (uint8_t)n;
    l->kept_dirty = l->kept_erased = true;
}

/* When the line will have run for that long. */
static uint64_t then(const struct ol_line *l, uint64_t ran_s)
{
    return l->start_ns + (ran_s - l->ran_s) * OL_NS_PER_S;
}

/* A new one is wanted when none is there, or when the newest is in use and
 * has been for a day. */
static bool wanted(struct ol_line *l)
{
    uint64_t at_s;

    if (l->kept.n_prekeys == 0)
        return true;
    if (l->prekey_batch != 0 || !newest(l)->used ||
        l->kept.n_prekeys == OL_PREKEYS_MAX)
        return false;
    at_s = newest(l)->made_s + OL_PREKEY_EACH_S;
    if (ol_prekey_ran(l) >= at_s)
        return true;
    ol_wake(l, then(l, at_s));
    return false;
}

/* The running time is put on disk while it decides something: a line that is
 * silent writes nothing. */
static void keep_time(struct ol_line *l)
{
    const struct ol_kept *k = &l->kept;
    bool counts = newest(l)->used;

    for (unsigned i = 0; i < k->n_prekeys; i++)
        if (k->prekeys[i].dies_s != 0) {
            ol_wake(l, then(l, k->prekeys[i].dies_s));
            counts = true;
        }
    if (!counts)
        return;
    if (ol_prekey_ran(l) - k->ran_s >= OL_PREKEY_CLOCK_S)
        l->kept_dirty = true;
    else
        ol_wake(l, then(l, k->ran_s + OL_PREKEY_CLOCK_S));
}

void ol_prekey_pump(struct ol_line *l)
{
    erase(l);
    if (wanted(l))
        make(l);
    if (l->prekey_batch != 0 && l->prekey_batch <= l->committed) {
        l->prekey_batch = 0;
        l->prekey_news = true;
        /* The first is worth a bundle. A later one goes with what is said
         * anyway: else each would call for the next, for ever. */
        if (l->kept.n_prekeys == 1)
            ol_pouch_changed(l);
    }
    if (l->kept.n_prekeys > 0)
        keep_time(l);
}

/* ---- the peer's --------------------------------------------------------- */

uint32_t ol_prekey_to(const struct ol_line *l, const uint8_t **pk)
{
    bool card = l->kept.card_only || l->kept.peer_prekey == 0;

    *pk = card ? l->peer.x_pk : l->kept.peer_prekey_pk;
    return card ? 0 : l->kept.peer_prekey;
}

void ol_prekey_doubt(struct ol_line *l)
{
    const uint8_t *pk;
    bool secret = ol_prekey_to(l, &pk) != 0;

    if (l->kept.card_only)
        return;
    l->kept.card_only = true;
    l->kept_dirty = true;
    if (secret)
        ol_fx_note(l, OL_NOTE_CARD_ONLY, OL_CHANNEL_ANY, 0, 0);
}

void ol_prekey_told(struct ol_line *l, const struct ol_held *h)
{
    struct ol_kept *k = &l->kept;
    bool back = k->card_only;

    if (!h->has_prekey || h->serial <= l->prekey_serial)
        return;
    l->prekey_serial = h->serial;
    if ((h->prekey_id == k->peer_prekey && !back) ||
        ol_x25519_weak(h->prekey))
        return;
    k->peer_prekey = h->prekey_id;
    memcpy(k->peer_prekey_pk, h->prekey, sizeof(k->peer_prekey_pk));
    k->card_only = false;
    l->kept_dirty = true;
    if (back)
        ol_fx_note(l, OL_NOTE_PREKEY, OL_CHANNEL_ANY, 0, 0);
}
