/* One world of bundles; see the header. It fails as worlds do. */
#include "pouch_kit.h"

#include <string.h>

struct ol_envelope seen[2][KIT_SEEN];
unsigned n_seen[2];
uint8_t last_bytes[2][OL_BUNDLE_MAX];
size_t last_n[2];

static void look(struct world *ww, unsigned from, struct ol_span b)
{
    const struct ol_line *to = ww->st[1 - from].line;
    uint8_t plain[OL_ENVELOPE_PLAIN];
    struct ol_envelope env;

    memcpy(last_bytes[from], b.p, b.n);
    last_n[from] = b.n;
    /* A station that is down has wiped its keys. */
    if (!ww->st[1 - from].alive)
        return;
    EXPECT(ol_wrap_open(plain, &to->wrap, OL_SPAN(b.p, OL_ENVELOPE)) ==
           OL_OK);
    EXPECT(ol_envelope_decode(OL_SPAN_ARRAY(plain), &env) == OL_OK);
    seen[from][n_seen[from] % KIT_SEEN] = env;
    n_seen[from]++;
    if (ww->trace)
        printf("%12.2f h: %u sends %llu to %08x, seen %llu, %zu bytes\n",
               (double)ww->now_ns / (double)H, from,
               (unsigned long long)env.number, env.prekey,
               (unsigned long long)env.seen, b.n);
}

void kit_watch(void)
{
    w.bundle = look;
    n_seen[0] = n_seen[1] = 0;
}

void kit_run(uint64_t ns)
{
    world_run(&w, w.now_ns + ns);
}

void kit_begin(unsigned hours)
{
    world_init_calm(&w, 11, 0, true);
    kit_watch();
    for (unsigned f = 0; f < 2; f++)
        w.ch[0].path[f].delay_ns = hours * H;
    kit_run(60 * S);
}

void kit_say(unsigned st)
{
    struct sim_station *s = &w.st[st];
    uint32_t refused = s->again;

    world_say(&w, st, OL_ROUTINE, 100);
    /* A log may be waiting for its own records to come back; the line has
     * something to say all the same. */
    if (!s->alive ||
        (s->again == refused && !s->said[s->n_said - 1].moved))
        return;
    ol_pouch_changed(s->line);
    world_tick(&w, st);
}

void kit_days(unsigned hours, unsigned days)
{
    for (unsigned f = 0; f < 2; f++)
        w.ch[0].path[f].delay_ns = hours * H;
    while (days-- > 0) {
        kit_say(0);
        kit_say(1);
        kit_run(DAY);
    }
}

struct ol_line_status kit_status(unsigned st)
{
    struct ol_line_status s;

    ol_line_status(w.st[st].line, w.now_ns, &s);
    return s;
}

const struct ol_envelope *kit_last(unsigned from)
{
    EXPECT(n_seen[from] > 0);
    return &seen[from][(n_seen[from] - 1) % KIT_SEEN];
}

uint32_t kit_own(unsigned st)
{
    const struct ol_prekey *p = ol_prekey_own(w.st[st].line);

    EXPECT(p != NULL);
    return p->id;
}

bool kit_knows(unsigned st)
{
    const struct ol_line *l = w.st[st].line, *o = w.st[1 - st].line;

    return l->kept.n_boots > 0 && memcmp(l->kept.boots[0], o->boot, 8) == 0;
}

bool kit_goes(void)
{
    for (unsigned st = 0; st < 2; st++) {
        const uint8_t *pk;
        uint32_t to = ol_prekey_to(w.st[st].line, &pk);
        const struct ol_prekey *p = ol_prekey_find(w.st[1 - st].line, to);

        if (!kit_knows(st) ||
            (to != 0 && (p == NULL || memcmp(p->pk, pk, 32) != 0)))
            return false;
    }
    return true;
}

bool kit_agree(void)
{
    return kit_goes() && kit_status(0).forward_secrecy &&
           kit_status(1).forward_secrecy;
}

/* How the conversation stands, for whoever mends it. */
static void explain(void)
{
    for (unsigned st = 0; st < 2; st++) {
        const struct ol_kept *k = &w.st[st].line->kept;
        fprintf(stderr,
                "  %u: given %llu, opened %llu, %s, sends to %08x, announces "
                "%08x of %u, %s the other's boot, %llu bundles, last %llu to "
                "%08x\n",
                st, (unsigned long long)k->bundle_reserved,
                (unsigned long long)k->bundle_seen,
                k->card_only ? "card only" : "prekeys", k->peer_prekey,
                kit_own(st), k->n_prekeys, kit_knows(st) ? "knows" : "misses",
                (unsigned long long)n_seen[st],
                (unsigned long long)kit_last(st)->number,
                kit_last(st)->prekey);
    }
}

void kit_goes_on(unsigned st, unsigned trips)
{
    uint64_t trip = OL_MAX(w.ch[w.n_ch - 1].path[0].delay_ns,
                           w.ch[w.n_ch - 1].path[1].delay_ns);
    uint64_t said[2];

    kit_say(st);
    /* What is only to say what is held waits for a minute. */
    kit_run(trips * (trip + 70 * S));
    if (!kit_goes())
        explain();
    EXPECT(kit_goes());
    kit_run(trip + 70 * S);
    if (!kit_agree())
        explain();
    EXPECT(kit_agree());
    kit_say(0);
    kit_say(1);
    kit_run(70 * S);
    for (unsigned i = 0; i < 2; i++) {
        EXPECT(kit_last(i)->prekey != 0);
        said[i] = kit_last(i)->number;
    }
    kit_run(trip);
    for (unsigned i = 0; i < 2; i++)
        EXPECT(w.st[1 - i].line->kept.bundle_seen >= said[i]);
}
