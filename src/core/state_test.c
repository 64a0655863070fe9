/* The core's own state: one encoding, and nothing else comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/line_int.h"

static uint8_t buf[OL_KEPT_MAX];

static void fill(struct ol_kept *k, uint8_t boots, uint8_t prekeys)
{
    memset(k, 0, sizeof(*k));
    k->open_sent = 7;
    k->open_seen = UINT64_MAX - 3;
    k->bundle_reserved = 1024;
    k->bundle_seen = 9;
    k->dark = true;
    k->unproved = k->copied = k->uncounted = true;
    k->ask = UINT64_C(0x0102030405060700);
    k->number = 17;
    k->returned[OL_ROUTINE] = (struct ol_returned){3, 2, 1};
    k->foreign[OL_FLASH] = UINT32_MAX - 1;
    for (; k->n_boots < boots; k->n_boots++)
        memset(k->boots[k->n_boots], k->n_boots + 1, 8);
    k->ran_s = 86400;
    k->card_only = boots % 2;
    k->boot_bundled = boots / 2 % 2;
    k->peer_prekey = 77;
    memset(k->peer_prekey_pk, 5, 32);
    for (; k->n_prekeys < prekeys; k->n_prekeys++) {
        struct ol_prekey *p = &k->prekeys[k->n_prekeys];
        p->id = UINT32_MAX - k->n_prekeys;
        p->used = k->n_prekeys % 2;
        p->made_s = k->n_prekeys * 86400;
        p->dies_s = p->used ? UINT64_MAX : 0;
        memset(p->sk, k->n_prekeys + 1, 32);
        ol_x25519_public(p->pk, p->sk);
    }
}

static void it_comes_back(void **state)
{
    struct ol_kept in, out;
    size_t n;

    (void)state;
    for (uint8_t b = 0; b <= OL_BOOTS_MAX; b++)
        for (uint8_t p = 0; p <= OL_PREKEYS_MAX; p += 8) {
            fill(&in, b, p);
            n = ol_kept_encode(&in, buf, sizeof(buf));
            assert_int_equal(ol_kept_decode(OL_SPAN(buf, n), &out), OL_OK);
            assert_memory_equal(&in, &out, sizeof(in));
        }
}

/* What a station of the version before wrote: it has no prekeys yet, and
 * loses no number. */
static void version_1_is_read(void **state)
{
    uint8_t old[1 + 4 * 8 + 2 + 16] = {1};
    struct ol_kept k;

    (void)state;
    old[8] = 3;              /* open_sent */
    old[16] = 4;             /* open_seen */
    old[23] = 8;             /* bundle_reserved 2,048 */
    old[32] = 6;             /* bundle_seen */
    old[33] = 1;             /* dark */
    old[34] = 2;             /* boots */
    memset(old + 35, 0xb0, 16);
    assert_int_equal(ol_kept_decode(OL_SPAN_ARRAY(old), &k), OL_OK);
    assert_int_equal(k.open_sent, 3);
    assert_int_equal(k.open_seen, 4);
    assert_int_equal(k.bundle_reserved, 2048);
    assert_int_equal(k.bundle_seen, 6);
    assert_true(k.dark);
    assert_int_equal(k.n_boots, 2);
    assert_int_equal(k.boots[1][7], 0xb0);
    assert_int_equal(k.n_prekeys, 0);
    assert_int_equal(k.peer_prekey, 0);
    assert_false(k.card_only);
    old[33] = 3; /* the bit of version 2 */
    assert_int_equal(ol_kept_decode(OL_SPAN_ARRAY(old), &k), OL_ERR_CORRUPT);
}

static void damage_is_told(void **state)
{
    struct ol_kept k, out;
    size_t n, at;

    (void)state;
    fill(&k, 2, 3);
    n = ol_kept_encode(&k, buf, sizeof(buf));
    for (size_t i = 1; i < n; i++)
        assert_int_equal(ol_kept_decode(OL_SPAN(buf, i), &out),
                         OL_ERR_CORRUPT);
    assert_int_equal(ol_kept_decode(OL_SPAN(buf, n + 1), &out),
                     OL_ERR_CORRUPT);
    at = n - 81 - 3 * 53; /* the first of ours; behind them the return */
    buf[at - 1] = OL_PREKEYS_MAX + 1;
    assert_int_equal(ol_kept_decode(OL_SPAN_ARRAY(buf), &out),
                     OL_ERR_CORRUPT);
    buf[at - 1] = 3;
    buf[at + 4] = 2; /* used */
    assert_int_equal(ol_kept_decode(OL_SPAN(buf, n), &out), OL_ERR_CORRUPT);
    buf[at + 4] = 0;
    memset(buf + at, 0, 4); /* its id */
    assert_int_equal(ol_kept_decode(OL_SPAN(buf, n), &out), OL_ERR_CORRUPT);
    buf[at] = 1;
    assert_int_equal(ol_kept_decode(OL_SPAN(buf, n), &out), OL_OK);
    buf[0]++;
    assert_int_equal(ol_kept_decode(OL_SPAN(buf, n), &out), OL_ERR_CORRUPT);
    /* A ledger that holds none yet is a new station. */
    assert_int_equal(ol_kept_decode(OL_SPAN(NULL, 0), &out), OL_OK);
    assert_int_equal(out.open_sent, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_comes_back),
        cmocka_unit_test(version_1_is_read),
        cmocka_unit_test(damage_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
