/*
 * What may go to an address that has proved nothing, and what proves one,
 * when the peer itself would have us flood somebody else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/address.h"
#include "core/line_int.h"

static struct ol_effects fx;
static const struct ol_addr third = {.len = 6, .b = {9, 9, 9, 9, 1, 1}};
static const struct ol_addr other = {.len = 6, .b = {8, 8, 8, 8, 1, 1}};

/* A line with one datagram channel that dials, and an epoch. */
static struct ol_line *line(uint8_t seed, enum ol_chan_state state)
{
    struct ol_line *l = calloc(1, sizeof(*l));
    uint8_t key[32] = {seed};

    assert_non_null(l);
    l->fx = &fx;
    memset(&fx, 0, sizeof(fx));
    fx.wake_ns = OL_NEVER_NS;
    l->now_ns = 1000 * OL_NS_PER_S;
    l->n_ch = 1;
    l->ch[0].conf.kind = OL_CHAN_DATAGRAM;
    l->ch[0].conf.dials = l->ch[0].up = true;
    l->ch[0].conf.mtu = OL_FRAME_UDP;
    l->ch[0].hold_ns = 30 * OL_NS_PER_S;
    l->ch[0].state = (uint8_t)state;
    l->ref_free = OL_NO_REF;
    l->frame_max = OL_FRAME_MAX;
    ol_path_init(&l->ch[0].path, &l->ch[0].conf);
    ol_rng_init(&l->rng, key);
    l->epoch[0].state = OL_EP_CONFIRMED;
    return l;
}

/* Only who got the probe can echo it: its id is not the one after the last,
 * and who says many hits none. */
static void a_foretold_echo_proves_nothing(void **state)
{
    struct ol_line *l = line(1, OL_CHAN_UP), *m = line(2, OL_CHAN_UP);
    struct ol_probe p;

    (void)state;
    l->fx = m->fx = &fx;
    ol_addr_heard(l, 0, &third, 100);
    ol_addr_heard(m, 0, &third, 100);
    assert_true(l->ch[0].has_cand);
    assert_int_not_equal(l->ch[0].cand_probe, m->ch[0].cand_probe);
    p.id = l->ch[0].cand_probe;
    p.id++;
    ol_probe_echoed(l, 0, &p, &third);
    assert_true(l->ch[0].cand_move_ns == OL_NEVER_NS);
    assert_int_equal(l->ch[0].answered_ns, 0);
    p.id--;
    ol_probe_echoed(l, 0, &p, &other); /* from elsewhere */
    assert_true(l->ch[0].cand_move_ns == OL_NEVER_NS);
    ol_probe_echoed(l, 0, &p, &third);
    assert_true(l->ch[0].cand_move_ns != OL_NEVER_NS);
    p.id = m->ch[0].cand_probe;
    for (p.id++; m->ch[0].guesses < OL_GUESSES_MAX; p.id++)
        ol_probe_echoed(m, 0, &p, &third);
    p.id = m->ch[0].cand_probe;
    ol_probe_echoed(m, 0, &p, &third);
    assert_true(m->ch[0].cand_move_ns == OL_NEVER_NS);
    free(l);
    free(m);
}

/* What went to the address before proves nothing of the next one. */
static void an_echo_for_another_address_proves_nothing(void **state)
{
    struct ol_line *l = line(1, OL_CHAN_DOWN);
    struct ol_lchan *ch = &l->ch[0];
    struct ol_probe p = {.id = 77};

    (void)state;
    ch->probe_id = p.id;
    ol_addr_heard(l, 0, &third, 100);
    assert_true(ol_addr_is(ch, &third));
    ol_probe_echoed(l, 0, &p, &third);
    assert_false(ch->proved);
    ch->probe_id = p.id; /* now one went there */
    ol_probe_echoed(l, 0, &p, &third);
    assert_true(ch->proved);
    free(l);
}

/* Three times what came, and one packet; small frames do not each buy a large
 * one, nor does another address. */
static void what_is_unproved_pays_first(void **state)
{
    struct ol_line *l = line(1, OL_CHAN_DOWN);
    struct ol_lchan *ch = &l->ch[0];
    size_t got = 0, sent = 0;

    (void)state;
    for (unsigned n = 0; n < 1000; n++) {
        const struct ol_addr *from = n / 10 % 2 ? &other : &third;
        ol_addr_heard(l, 0, from, 40);
        got += 40;
        if (!ol_addr_open(ch))
            continue;
        ol_addr_spend(ch, from, OL_FRAME_UDP);
        sent += OL_FRAME_UDP;
    }
    assert_true(sent <= 3 * got + OL_FRAME_UDP);
    assert_true(sent > got);
    free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_foretold_echo_proves_nothing),
        cmocka_unit_test(an_echo_for_another_address_proves_nothing),
        cmocka_unit_test(what_is_unproved_pays_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
