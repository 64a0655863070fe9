/* What was open from one start to the next: told again as it was, and no hint
 * at all when it is of other records, or damaged. The ledger is a twin that
 * knows one value and the roots of our logs. */
#include "station/asks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"

#define TOP 40u /* records in each log */
#define SECOND UINT64_C(1000000000)

static struct twin {
    struct ol_ledger lg;
    uint8_t value[4096];
    size_t n;
    uint8_t life; /* what the roots are made of */
} twin;

static enum ol_err roots(struct ol_ledger *lg, uint32_t line, uint8_t author,
                         uint8_t prec, uint32_t from, uint32_t max_records,
                         uint32_t max_bytes, ol_row_fn fn, void *arg)
{
    static const uint8_t none[1]; /* of no record that is known */
    struct ol_row row = {.line = line, .author = author, .prec = prec,
                         .index = from, .bytes = OL_SPAN_ARRAY(none)};

    (void)lg;
    (void)max_records;
    (void)max_bytes;
    memset(row.root, twin.life + prec, sizeof(row.root));
    if (from <= TOP)
        (void)fn(arg, &row);
    return OL_OK;
}

static enum ol_err commit(struct ol_ledger *lg, const struct ol_batch *b)
{
    (void)lg;
    assert_int_equal(b->n_metas, 1);
    assert_true(b->metas[0].value.n <= sizeof(twin.value));
    twin.n = b->metas[0].value.n;
    if (twin.n > 0)
        memcpy(twin.value, b->metas[0].value.p, twin.n);
    return OL_OK;
}

static enum ol_err meta(struct ol_ledger *lg, uint32_t line, const char *key,
                        uint8_t *value, size_t *n)
{
    (void)lg;
    (void)line;
    assert_string_equal(key, "asks");
    if (twin.n == 0)
        return OL_ERR_MISSING;
    assert_true(twin.n <= *n);
    memcpy(value, twin.value, twin.n);
    *n = twin.n;
    return OL_OK;
}

static const struct ol_ledger_ops ops = {
    .log = roots, .commit = commit, .meta = meta};

/* A line whose logs end at TOP, as the ledger says at a start. */
static struct ol_station_line *begun(void)
{
    struct ol_station_line *line = calloc(1, sizeof(*line));

    assert_non_null(line);
    line->st = calloc(1, sizeof(*line->st));
    line->asks = calloc(1, sizeof(*line->asks));
    assert_true(line->st != NULL && line->asks != NULL);
    twin.lg.ops = &ops;
    line->st->ledger = &twin.lg;
    line->ledger_id = 1;
    for (unsigned k = 0; k < 2 * OL_PRECS; k++)
        line->asks->next[k / OL_PRECS][k % OL_PRECS] = TOP + 1;
    return line;
}

static void ended(struct ol_station_line *line)
{
    free(line->asks);
    free(line->st);
    free(line);
}

/* Three open asks of ours and the most that may be of theirs; one log was
 * never begun. */
static void keep(void)
{
    struct ol_station_line *line = begun();
    struct ol_asks *a = line->asks;

    memset(&twin, 0, sizeof(twin));
    twin.lg.ops = &ops;
    twin.life = 1;
    a->next[OL_OWN][OL_FLASH] = 1;
    a->next[OL_PEER][OL_ROUTINE] = 8;
    a->dues[OL_OWN].n = 3;
    a->dues[OL_OWN].v[0].number = UINT64_C(1) << 40;
    a->dues[OL_OWN].v[1].number = 5;
    a->dues[OL_OWN].v[2].number = 300;
    a->dues[OL_PEER].n = OL_DUES_MAX;
    a->dues[OL_PEER].left_out = true;
    for (unsigned k = 0; k < OL_DUES_MAX; k++)
        a->dues[OL_PEER].v[k].number = 1000 * (OL_DUES_MAX - k);
    line->effective.before[OL_OWN] = 4;
    line->effective.read_ms = 77;
    a->moved = true;
    assert_int_equal(ol_asks_keep(line, SECOND), OL_NEVER_NS);
    assert_false(a->moved);
    assert_true(twin.n > 0);
    ended(line);
}

/* Nothing was believed: all is looked at. */
static void assert_untouched(const struct ol_station_line *line)
{
    const struct ol_asks *a = line->asks;

    for (unsigned k = 0; k < 2 * OL_PRECS; k++)
        assert_int_equal(a->next[k / OL_PRECS][k % OL_PRECS], TOP + 1);
    for (unsigned k = 0; k < 2; k++) {
        assert_int_equal(a->n_known[k], 0);
        assert_false(a->dues[k].left_out);
        assert_int_equal(line->effective.before[k], 0);
    }
    assert_int_equal(line->effective.read_ms, 0);
}

static bool recalled(void)
{
    struct ol_station_line *line = begun();
    bool good = ol_asks_recall(line);

    if (!good)
        assert_untouched(line);
    ended(line);
    return good;
}

static void what_was_kept_is_known_again(void **state)
{
    struct ol_station_line *line;
    const struct ol_asks *a;

    (void)state;
    keep();
    line = begun();
    a = line->asks;
    assert_true(ol_asks_recall(line));
    assert_int_equal(a->next[OL_OWN][OL_FLASH], 1);
    assert_int_equal(a->next[OL_OWN][OL_ROUTINE], TOP + 1);
    assert_int_equal(a->next[OL_PEER][OL_ROUTINE], 8);
    assert_int_equal(a->n_known[OL_OWN], 3);
    assert_int_equal(a->known[OL_OWN][0], 5);
    assert_int_equal(a->known[OL_OWN][1], 300);
    assert_true(a->known[OL_OWN][2] == UINT64_C(1) << 40);
    assert_int_equal(a->n_known[OL_PEER], OL_DUES_MAX);
    for (unsigned k = 0; k < OL_DUES_MAX; k++)
        assert_int_equal(a->known[OL_PEER][k], 1000 * (k + 1));
    assert_false(a->dues[OL_OWN].left_out);
    assert_true(a->dues[OL_PEER].left_out);
    assert_int_equal(line->effective.before[OL_OWN], 4);
    assert_int_equal(line->effective.read_ms, 77);
    ended(line);
}

/* Records that were taken back and said anew are others, under another root;
 * and a log that is shorter now than what was looked at is another one. */
static void of_other_records_is_no_hint(void **state)
{
    struct ol_station_line *line;

    (void)state;
    keep();
    twin.life++;
    assert_false(recalled());
    twin.life--;
    assert_true(recalled());
    for (unsigned k = 0; k < 2 * OL_PRECS; k++) {
        uint32_t *next;

        line = begun();
        next = &line->asks->next[k / OL_PRECS][k % OL_PRECS];
        *next = k == OL_OWN * OL_PRECS + OL_FLASH ? 0 :
                k == OL_PEER * OL_PRECS + OL_ROUTINE ? 7 : TOP;
        assert_false(ol_asks_recall(line));
        assert_int_equal(line->asks->n_known[OL_PEER], 0);
        ended(line);
    }
}

static void what_is_cut_or_longer_is_no_hint(void **state)
{
    size_t whole;

    (void)state;
    keep();
    whole = twin.n;
    for (twin.n = 1; twin.n < whole; twin.n++)
        assert_false(recalled());
    twin.value[twin.n++] = 0;
    twin.value[twin.n++] = 0;
    assert_false(recalled());
    twin.n = 0; /* there is none */
    assert_false(recalled());
}

/* A changed bit makes other numbers, which are looked up again, or no hint;
 * never more than there is room for, or records that are not there. */
static void a_changed_bit_stays_within_bounds(void **state)
{
    unsigned believed = 0, all = 0;

    (void)state;
    keep();
    for (size_t bit = 0; bit < 8 * twin.n; bit++) {
        struct ol_station_line *line = begun();

        twin.value[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (ol_asks_recall(line)) {
            believed++;
            for (unsigned k = 0; k < 2; k++) {
                assert_true(line->asks->n_known[k] <= OL_DUES_MAX);
                for (unsigned p = 0; p < OL_PRECS; p++)
                    assert_in_range(line->asks->next[k][p], 1, TOP + 1);
            }
        } else {
            assert_untouched(line);
        }
        twin.value[bit / 8] ^= (uint8_t)(1u << bit % 8);
        all++;
        ended(line);
    }
    assert_true(believed > 0 && believed < all);
    twin.value[0]++; /* a later version's */
    assert_false(recalled());
}

/* What does not fit is not kept, and what was kept before it goes: it would
 * lack what is open now. */
static void what_does_not_fit_is_not_kept(void **state)
{
    struct ol_station_line *line;
    struct ol_asks *a;

    (void)state;
    keep();
    line = begun();
    a = line->asks;
    for (unsigned k = 0; k < 2; k++) {
        a->dues[k].n = OL_DUES_MAX;
        for (unsigned i = 0; i < OL_DUES_MAX; i++)
            a->dues[k].v[i].number = (uint64_t)(i + 1) << 50;
    }
    a->moved = true;
    a->moved_ns = 2 * SECOND;
    assert_int_equal(ol_asks_keep(line, SECOND), 2 * SECOND); /* not yet */
    assert_true(twin.n > 0);
    assert_int_equal(ol_asks_keep(line, 2 * SECOND), OL_NEVER_NS);
    assert_int_equal(twin.n, 0);
    assert_false(recalled());
    ended(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_kept_is_known_again),
        cmocka_unit_test(of_other_records_is_no_hint),
        cmocka_unit_test(what_is_cut_or_longer_is_no_hint),
        cmocka_unit_test(a_changed_bit_stays_within_bounds),
        cmocka_unit_test(what_does_not_fit_is_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
