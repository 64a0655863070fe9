/*
 * What must hold in every world, checked after every step and at the end.
 *
 *   a nonce is used once         each (index, counter) that leaves is new,
 *                                and so is each bundle's ephemeral key
 *   delivered is true            what our ledger calls acked is on the
 *                                other's disk, the same record at that index
 *   taken is kept                what was taken is in our ledger, after any
 *                                crash
 *   no false alarm               nobody that was not put back from a copy is
 *                                taken for one
 *   exactly once, in order       each log of the peer is a prefix of ours,
 *                                record by record; each said text is there
 *                                once, in the order in which it was taken
 */
#include "world_int.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "wire/messages.h"
#include "wire/record.h"

/* How both lines stood: the first thing that whoever mends it wants. */
static void stood(struct world *w, unsigned st)
{
    struct ol_line_status s;

    if (!w->st[st].alive) {
        fprintf(stderr, "  station %u is not running\n", st);
        return;
    }
    ol_line_status(w->st[st].line, w->now_ns, &s);
    fprintf(stderr, "  station %u: %s, epoch %llu, owes %u %u %u %u\n", st,
            ol_line_state_name(s.state), (unsigned long long)s.epoch,
            s.queue[0], s.queue[1], s.queue[2], s.queue[3]);
    for (unsigned c = 0; c < s.n_channels; c++)
        fprintf(stderr,
                "    %-6s %-8s answered %.1f s ago, heard %.1f s ago, "
                "rtt %.1f ms, %llu knocks unanswered, transport %s\n",
                w->ch[c].conf[st].name, ol_chan_state_name(s.ch[c].state),
                (double)(w->now_ns - s.ch[c].answered_ns) / 1e9,
                (double)(w->now_ns - s.ch[c].last_heard_ns) / 1e9,
                (double)s.ch[c].rtt_ns / 1e6,
                (unsigned long long)s.ch[c].knocks_sent,
                s.ch[c].transport_up ? "up" : "down");
}

void (*sim_failed)(const char *check, const char *what);

void world_fail(struct world *w, const char *fmt, ...)
{
    char what[400];
    va_list ap;

    if (sim_failed != NULL) {
        va_start(ap, fmt);
        vsnprintf(what, sizeof(what), fmt, ap);
        va_end(ap);
        tale(w, "%s", what);
        sim_failed(fmt, what);
    }
    va_start(ap, fmt);
    fprintf(stderr, "seed %llu at %.6f s: ", (unsigned long long)w->seed,
            (double)w->now_ns / 1e9);
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\nagain with: sim --seed %llu --trace\n",
            (unsigned long long)w->seed);
    va_end(ap);
    stood(w, 0);
    stood(w, 1);
    abort();
}

static bool remember(struct world *w, uint64_t v)
{
    uint32_t i;

    if (2 * w->n_nonces >= w->cap_nonces) {
        uint64_t *old = w->nonces;
        uint32_t n = w->cap_nonces;
        w->cap_nonces = n ? 2 * n : 4096;
        w->nonces = calloc(w->cap_nonces, sizeof(*w->nonces));
        OL_CHECK(w->nonces != NULL);
        w->n_nonces = 0;
        for (i = 0; i < n; i++)
            if (old[i] != 0)
                (void)remember(w, old[i]);
        free(old);
    }
    for (i = (uint32_t)((v * 0x9e3779b97f4a7c15u) >> 32) % w->cap_nonces;
         w->nonces[i] != 0; i = (i + 1) % w->cap_nonces)
        if (w->nonces[i] == v)
            return false;
    w->nonces[i] = v;
    w->n_nonces++;
    return true;
}

static uint64_t eight(const uint8_t *p)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

/* The keys of a bundle follow from its ephemeral key, and its envelope is
 * sealed under a random nonce: neither comes twice. Eight bytes tell. */
static void check_bundle(struct world *w, unsigned st, struct ol_span b)
{
    if (b.n < OL_BUNDLE_OVER)
        world_fail(w, "a bundle of %zu bytes", b.n);
    if (!remember(w, eight(b.p + 1) | 1))
        world_fail(w, "station %u used an envelope's nonce twice", st);
    if (!remember(w, eight(b.p + OL_ENVELOPE) | 1))
        world_fail(w, "station %u used an ephemeral key twice", st);
}

void check_sent(struct world *w, unsigned st, const struct ol_send *s)
{
    uint64_t v = 0;

    if (s->channel >= w->n_ch)
        world_fail(w, "a packet for no channel");
    check_heard(w, st, s);
    if (s->bytes.p[0] == OL_PACKET_BUNDLE)
        check_bundle(w, st, s->bytes);
    if (s->bytes.p[0] != OL_PACKET_FRAME)
        return;
    for (unsigned i = 1; i < 9; i++)
        v = v << 8 | s->bytes.p[i];
    if (!remember(w, v + 1))
        world_fail(w, "station %u used a nonce twice", st);
    if (s->bytes.n > w->ch[s->channel].conf[st].mtu)
        world_fail(w, "a frame of %zu bytes is too long", s->bytes.n);
}

struct leaf {
    bool found;
    uint8_t leaf[32];
};

static bool take_leaf(void *arg, const struct ol_row *row)
{
    struct leaf *l = arg;

    l->found = true;
    memcpy(l->leaf, row->leaf, 32);
    return false;
}

static struct leaf leaf_of(struct sim_station *s, uint8_t author, uint8_t prec,
                           uint32_t index)
{
    struct leaf l = {.found = false};

    (void)!s->ledger->ops->log(s->ledger, s->line_no, author, prec, index, 1,
                               0, take_leaf, &l);
    return l;
}

/* Called before the core hears that it committed: whatever our ledger calls
 * delivered must be on the other's disk now. */
void check_committed(struct world *w, unsigned st)
{
    struct sim_station *s = &w->st[st], *o = &w->st[1 - st];

    /* A HELD that was under way speaks of the life before. */
    for (uint8_t p = 0; p < OL_PRECS && !o->put_back; p++) {
        uint32_t upto = 0;
        uint64_t at;
        (void)!s->ledger->ops->acked(s->ledger, s->line_no, p, 1, &upto, &at);
        if (s->checked[p] > upto)
            s->checked[p] = upto; /* a return took it back */
        for (; s->checked[p] < upto; s->checked[p]++) {
            struct leaf a = leaf_of(s, OL_OWN, p, s->checked[p] + 1);
            struct leaf b = leaf_of(o, OL_PEER, p, s->checked[p] + 1);
            if (!a.found || !b.found || memcmp(a.leaf, b.leaf, 32) != 0)
                world_fail(w,
                           "station %u calls %u/%u delivered, and it is not",
                           st, p, s->checked[p] + 1);
        }
    }
}

struct text {
    bool found;
    uint64_t token;
};

static bool take_text(void *arg, const struct ol_row *row)
{
    struct text *t = arg;
    struct ol_record rec;
    char buf[64] = "";

    OL_CHECK(ol_record_decode(row->bytes, &rec) == OL_OK);
    memcpy(buf, rec.text.p, OL_MIN(rec.text.n, sizeof(buf) - 1));
    t->found = true;
    t->token = strtoull(strchr(buf, '/') ? strchr(buf, '/') + 1 : "0", NULL,
                        10);
    return false;
}

static uint32_t size_of(struct sim_station *s, uint8_t author, uint8_t prec)
{
    uint8_t frontier[1024];
    uint32_t size = 0;
    size_t n = sizeof(frontier);

    (void)!s->ledger->ops->head(s->ledger, s->line_no, author, prec, &size,
                                frontier, &n);
    return size;
}

bool world_settled(struct world *w)
{
    for (unsigned st = 0; st < 2; st++) {
        struct sim_station *s = &w->st[st];
        for (uint8_t p = 0; p < OL_PRECS; p++) {
            uint32_t upto = 0;
            uint64_t at;
            (void)!s->ledger->ops->acked(s->ledger, s->line_no, p, 1, &upto,
                                         &at);
            if (upto != size_of(s, OL_OWN, p))
                return false;
        }
    }
    return true;
}

void check_end(struct world *w)
{
    static const uint8_t alarm[] = {
        OL_NOTE_WRONG_IDENTITY, OL_NOTE_ROOT, OL_NOTE_CHECKPOINT,
        OL_NOTE_ROLLED_BACK, OL_NOTE_LOST, OL_NOTE_PEER_LOST};

    for (unsigned st = 0; st < 2; st++) {
        struct sim_station *s = &w->st[st], *o = &w->st[1 - st];
        uint32_t last[OL_PRECS] = {0};
        if (s->copy == NULL && (s->notes[OL_NOTE_SECOND] > 0 ||
                                o->notes[OL_NOTE_PEER_SECOND] > 0))
            world_fail(w, "station %u is taken for two", st);
        for (unsigned n = 0; s->copy == NULL && o->copy == NULL &&
                             n < OL_LEN(alarm); n++)
            if (s->notes[alarm[n]] > 0)
                world_fail(w, "station %u takes the other for another, or "
                           "for one that was put back: note %u", st, alarm[n]);
        for (uint8_t p = 0; p < OL_PRECS; p++) {
            if (size_of(s, OL_OWN, p) != size_of(o, OL_PEER, p))
                world_fail(w, "log %u of station %u: %u said, %u arrived", p,
                           st, size_of(s, OL_OWN, p), size_of(o, OL_PEER, p));
            for (uint32_t i = 1; i <= size_of(s, OL_OWN, p); i++) {
                struct leaf a = leaf_of(s, OL_OWN, p, i);
                struct leaf b = leaf_of(o, OL_PEER, p, i);
                if (!a.found || !b.found || memcmp(a.leaf, b.leaf, 32) != 0)
                    world_fail(w, "log %u of %u differs at %u", p, st, i);
            }
        }
        for (uint32_t i = 0; i < s->n_said; i++) {
            const struct sim_message *m = &s->said[i];
            struct text t = {.found = false};
            if (!m->taken)
                continue;
            if (m->index <= last[m->prec])
                world_fail(w, "station %u took out of order", st);
            last[m->prec] = m->index;
            (void)!o->ledger->ops->log(o->ledger, o->line_no, OL_PEER,
                                       m->prec, m->index, 1, 0, take_text,
                                       &t);
            if (!t.found || t.token != m->token)
                world_fail(w, "message %llu of %u is not where it was taken",
                           (unsigned long long)m->token, st);
        }
    }
}
