/*
 * The ledger's behaviour, the same of both implementations: what is read back,
 * and what the core starts from.
 *
 * Each test runs against the twin in memory and against SQLite in a folder of
 * its own. Its siblings: ledger_facts.c (acks, rungs, events and the like),
 * ledger_commit.c (batches), ledger_disk.c (what only a disk has).
 */
#include "ledger_kit.h"

static void records_come_back(void **state)
{
    struct kit *k = *state;
    const struct ol_ledger_ops *ops = k->l->ops;
    struct seen s = {0};
    uint8_t id[16];

    for (uint32_t n = 1; n <= 20; n++) {
        k->at_ms = KIT_AT + n;
        kit_record(k, OL_OWN, OL_ROUTINE, n);
        kit_record(k, OL_PEER, OL_FLASH, n);
        kit_commit(k);
    }
    kit_settle(k, OL_OK);
    s = kit_log(k, OL_OWN, OL_ROUTINE);
    assert_int_equal(s.n, 20);
    for (uint32_t n = 0; n < 20; n++)
        assert_int_equal(s.index[n], n + 1);
    assert_int_equal(s.last.at_ms, KIT_AT + 20);
    assert_int_equal(s.last.line, k->line);

    s = (struct seen){0};
    assert_int_equal(ops->by_number(k->l, k->line, OL_PEER,
                                    kit_number(OL_FLASH, 7), kit_see, &s),
                     OL_OK);
    assert_int_equal(s.n, 1);
    assert_int_equal(s.last.index, 7);
    assert_int_equal(ops->by_number(k->l, k->line, OL_OWN,
                                    kit_number(OL_FLASH, 7), kit_see, &s),
                     OL_ERR_MISSING);
    s = (struct seen){0};
    kit_id(id, OL_OWN, OL_ROUTINE, 11);
    assert_int_equal(ops->by_id(k->l, id, kit_see, &s), OL_OK);
    assert_int_equal(s.n, 1);
    assert_int_equal(s.last.index, 11);
    id[15] ^= 1;
    assert_int_equal(ops->by_id(k->l, id, kit_see, &s), OL_ERR_MISSING);
    assert_int_equal(kit_log(k, OL_OWN, OL_FLASH).n, 0);
}

/* By its place and its number it is the row that its id finds, which no ledger
 * remembers. */
static void compare_row(struct kit *k, uint8_t author, uint8_t prec,
                        uint32_t index)
{
    const struct ol_ledger_ops *ops = k->l->ops;
    struct seen at = {.stop_at = 1}, number = {0}, by_id = {0};
    uint8_t id[16];

    kit_id(id, author, prec, index);
    assert_int_equal(ops->by_id(k->l, id, kit_see, &by_id), OL_OK);
    assert_int_equal(ops->log(k->l, k->line, author, prec, index, 1, 0,
                              kit_see, &at),
                     OL_OK);
    assert_int_equal(ops->by_number(k->l, k->line, (uint8_t)author,
                                    kit_number(prec, index), kit_see, &number),
                     OL_OK);
    assert_int_equal(at.n, 1);
    assert_int_equal(number.n, 1);
    at.last.bytes = number.last.bytes = by_id.last.bytes;
    assert_memory_equal(&at.last, &by_id.last, sizeof(at.last));
    assert_memory_equal(&number.last, &by_id.last, sizeof(at.last));
}

static void what_came_just_now_reads_like_the_rest(void **state)
{
    struct kit *k = *state;
    struct seen s = {0};

    /* More than any ledger remembers, and then the oldest once more. */
    for (uint32_t n = 1; n <= 2300; n++) {
        k->at_ms = KIT_AT + n;
        kit_record(k, OL_OWN, OL_ROUTINE, n)->proof = OL_PROOF_UNPROVED;
        if (n % 3 != 0)
            kit_record(k, OL_PEER, OL_ROUTINE, n);
        if (n % 40 == 0)
            kit_sure(k);
    }
    k->at_ms++;
    kit_record(k, OL_OWN, OL_ROUTINE, 5)->proof = OL_PROOF_OWN;
    kit_record(k, OL_OWN, OL_ROUTINE, 2300);
    kit_sure(k);
    for (uint32_t n = 1; n <= 2300; n += n < 2200 ? 97 : 1) {
        compare_row(k, OL_OWN, OL_ROUTINE, n);
        if (n % 3 != 0)
            compare_row(k, OL_PEER, OL_ROUTINE, n);
    }
    /* Over what is not there, and past what is long, in one page. */
    assert_int_equal(k->l->ops->log(k->l, k->line, OL_PEER, OL_ROUTINE, 2258,
                                    40, 0, kit_see, &s),
                     OL_OK);
    assert_int_equal(s.n, 29);
    for (uint32_t n = 2258, at = 0; at < s.n; n++)
        if (n % 3 != 0)
            assert_int_equal(s.index[at++], n);
    kit_record(k, OL_OWN, OL_ROUTINE, 2301)->proof = OL_PROOF_UNPROVED;
    kit_sure(k);
    kit_put(k, OL_PUT_PROVED, OL_OWN, OL_ROUTINE, 2301);
    kit_sure(k);
    compare_row(k, OL_OWN, OL_ROUTINE, 2301);
}

/* How many own PRIORITY records a reader gets. */
static uint32_t count(struct kit *k, uint32_t from, uint32_t max_records,
                      uint32_t max_bytes)
{
    struct seen s = {0};

    assert_int_equal(k->l->ops->log(k->l, k->line, OL_OWN, OL_PRIORITY, from,
                                    max_records, max_bytes, kit_see, &s),
                     OL_OK);
    for (uint32_t n = 0; n < s.n; n++)
        assert_int_equal(s.index[n], from + n);
    return s.n;
}

static void a_log_is_read_within_its_maxima(void **state)
{
    struct kit *k = *state;
    struct seen s = {.stop_at = 4};
    uint8_t buf[OL_RECORD_MAX];
    uint32_t two = 0;

    for (uint32_t n = 1; n <= 12; n++)
        kit_record(k, OL_OWN, OL_PRIORITY, n);
    kit_sure(k);
    for (uint32_t n = 3; n <= 4; n++)
        two += (uint32_t)kit_canonical(buf, OL_OWN, OL_PRIORITY, n).n;

    assert_int_equal(count(k, 3, 5, 0), 5);
    assert_int_equal(count(k, 3, 100, two), 2);
    assert_int_equal(count(k, 3, 100, two - 1), 1);
    assert_int_equal(count(k, 3, 100, 1), 1); /* one record always */
    assert_int_equal(count(k, 13, 100, 0), 0);
    assert_int_equal(k->l->ops->log(k->l, k->line, OL_OWN, OL_PRIORITY, 2,
                                    100, 0, kit_see, &s), OL_OK);
    assert_int_equal(s.n, 4); /* the reader said stop */
    assert_int_equal(s.index[0], 2);
}

struct nested {
    struct kit *k;
    struct seen outer, inner;
};

static bool read_again(void *arg, const struct ol_row *row)
{
    struct nested *n = arg;

    assert_int_equal(n->k->l->ops->log(n->k->l, row->line, row->author,
                                       row->prec, row->index, 2, 0, kit_see,
                                       &n->inner), OL_OK);
    return kit_see(&n->outer, row);
}

static void a_callback_may_read(void **state)
{
    struct nested n = {.k = *state};

    for (uint32_t r = 1; r <= 5; r++)
        kit_record(n.k, OL_PEER, OL_ROUTINE, r);
    kit_sure(n.k);
    assert_int_equal(n.k->l->ops->log(n.k->l, n.k->line, OL_PEER, OL_ROUTINE,
                                      1, 9, 0, read_again, &n), OL_OK);
    assert_int_equal(n.outer.n, 5);
    assert_int_equal(n.inner.n, 9);
}

/* ---- what the core starts from ------------------------------------------- */

static void an_empty_line_has_an_empty_snapshot(void **state)
{
    struct kit *k = *state;
    struct ol_snapshot s;

    assert_int_equal(k->l->ops->snapshot(k->l, k->line, &s), OL_OK);
    assert_int_equal(s.number, 0);
    assert_int_equal(s.state.n, 0);
    assert_int_equal(s.n_beyond, 0);
    assert_int_equal(s.n_parts, 0);
    for (unsigned n = 0; n < 2 * OL_PRECS; n++)
        assert_int_equal(s.log[n / OL_PRECS][n % OL_PRECS].size, 0);
    k->l->ops->snapshot_free(k->l, &s);
    assert_int_equal(k->l->ops->snapshot(k->l, k->line + 1, &s),
                     OL_ERR_MISSING);
    assert_int_equal(k->l->ops->snapshot(k->l, 0, &s), OL_ERR_MISSING);
}

static void trees_go_on_where_they_stood(void **state)
{
    struct kit *k = *state;
    uint8_t want[32], got[32], leaf[32];
    struct ol_snapshot s;
    struct ol_tree t, whole;

    for (uint32_t n = 1; n <= 37; n++) {
        kit_record(k, OL_OWN, OL_IMMEDIATE, n);
        kit_head(k, OL_OWN, OL_IMMEDIATE, n);
        kit_commit(k);
    }
    kit_settle(k, OL_OK);
    kit_reopen(k);
    assert_int_equal(k->l->ops->snapshot(k->l, k->line, &s), OL_OK);
    assert_int_equal(s.number, kit_number(OL_IMMEDIATE, 37));
    assert_int_equal(s.log[OL_OWN][OL_IMMEDIATE].size, 37);
    assert_int_equal(ol_tree_load(&t, 37,
                                  s.log[OL_OWN][OL_IMMEDIATE].frontier),
                     OL_OK);
    kit_leaf(leaf, OL_OWN, OL_IMMEDIATE, 38);
    ol_tree_append(&t, leaf);
    ol_tree_root(&t, got);
    kit_tree(&whole, OL_OWN, OL_IMMEDIATE, 38);
    ol_tree_root(&whole, want);
    assert_memory_equal(got, want, sizeof(want));
    k->l->ops->snapshot_free(k->l, &s);
}

static void a_head_never_goes_down(void **state)
{
    struct kit *k = *state;
    uint8_t frontier[1024];
    uint32_t size;
    size_t n;

    kit_head(k, OL_PEER, OL_ROUTINE, 6);
    kit_sure(k);
    kit_head(k, OL_PEER, OL_ROUTINE, 6); /* twice is once */
    kit_sure(k);
    kit_meta(k, "a", "x", 1);
    kit_head(k, OL_PEER, OL_ROUTINE, 7);
    kit_head(k, OL_PEER, OL_ROUTINE, 5);
    kit_commit(k);
    kit_settle(k, OL_ERR_CORRUPT);
    assert_int_equal(k->l->ops->head(k->l, k->line, OL_PEER, OL_ROUTINE,
                                     &size, frontier, &n), OL_OK);
    assert_int_equal(size, 6);
    assert_int_equal(n, 64);
    assert_int_equal(k->l->ops->reset(k->l), OL_OK);
}

/* It may be remembered: not over a batch that changes it, nor beyond one that
 * is taken back. */
static void a_head_is_told_as_it_stands(void **state)
{
    struct kit *k = *state;
    const struct ol_ledger_ops *ops = k->l->ops;
    uint32_t size;

    for (uint32_t n = 1; n <= 20; n++) {
        kit_row_of(k, n);
        kit_commit(k);
        /* While it is under way it may be there, or not yet. */
        assert_int_equal(ops->head(k->l, k->line, OL_OWN, OL_ROUTINE, &size,
                                   NULL, NULL), OL_OK);
        assert_in_range(size, n - 1, n);
        kit_settle(k, OL_OK);
        for (unsigned twice = 0; twice < 2; twice++) {
            assert_int_equal(ops->head(k->l, k->line, OL_OWN, OL_ROUTINE,
                                       &size, NULL, NULL), OL_OK);
            assert_int_equal(size, n);
        }
    }
    kit_head(k, OL_OWN, OL_ROUTINE, 25);
    kit_record(k, OL_OWN, OL_ROUTINE, 1)->leaf[0] ^= 1;
    kit_commit(k);
    kit_settle(k, OL_ERR_CORRUPT);
    assert_int_equal(ops->reset(k->l), OL_OK);
    assert_int_equal(ops->head(k->l, k->line, OL_OWN, OL_ROUTINE, &size, NULL,
                               NULL), OL_OK);
    assert_int_equal(size, 20);
}

static void what_lies_behind_a_gap_is_told(void **state)
{
    struct kit *k = *state;
    static const uint32_t there[] = {1, 2, 4, 7, 8};
    struct ol_snapshot s;
    uint8_t leaf[32];

    for (size_t n = OL_LEN(there); n-- > 0;) /* in no order */
        kit_record(k, OL_PEER, OL_PRIORITY, there[n]);
    kit_record(k, OL_PEER, OL_FLASH, 9);
    kit_record(k, OL_OWN, OL_FLASH, 1); /* never beyond: our own */
    kit_head(k, OL_PEER, OL_PRIORITY, 2);
    kit_sure(k);
    assert_int_equal(k->l->ops->snapshot(k->l, k->line, &s), OL_OK);
    assert_int_equal(s.n_beyond, 4);
    assert_int_equal(s.beyond[0].prec, OL_FLASH);
    assert_int_equal(s.beyond[0].index, 9);
    for (uint32_t n = 1; n < 4; n++) {
        assert_int_equal(s.beyond[n].prec, OL_PRIORITY);
        assert_int_equal(s.beyond[n].index, there[n + 1]);
        kit_leaf(leaf, OL_PEER, OL_PRIORITY, there[n + 1]);
        assert_memory_equal(s.beyond[n].leaf, leaf, sizeof(leaf));
    }
    k->l->ops->snapshot_free(k->l, &s);
    assert_int_equal(kit_log(k, OL_PEER, OL_PRIORITY).n, OL_LEN(there));
}

static void parts_grow_and_go(void **state)
{
    struct kit *k = *state;
    uint8_t buf[OL_RECORD_MAX];
    struct ol_span want = kit_canonical(buf, OL_PEER, OL_ROUTINE, 3);
    struct ol_snapshot s;

    kit_part(k, OL_ROUTINE, 3, 0, 2);
    kit_part(k, OL_ROUTINE, 3, 5, 6)->size = (uint16_t)want.n;
    kit_part(k, OL_FLASH, 8, 1, 2);
    kit_sure(k);
    kit_reopen(k);
    assert_int_equal(k->l->ops->snapshot(k->l, k->line, &s), OL_OK);
    assert_int_equal(s.n_parts, 2);
    assert_int_equal(s.parts[0].prec, OL_FLASH);
    assert_int_equal(s.parts[0].mask, 2);
    assert_int_equal(s.parts[0].size, 0);
    assert_int_equal(s.parts[1].index, 3);
    assert_int_equal(s.parts[1].mask, 0x23);
    assert_int_equal(s.parts[1].size, want.n);
    assert_int_equal(s.parts[1].bytes.n, 6 * 128);
    assert_memory_equal(s.parts[1].bytes.p, want.p, 256);
    for (size_t n = 256; n < 5 * 128; n++)
        assert_int_equal(s.parts[1].bytes.p[n], 0);
    assert_memory_equal(s.parts[1].bytes.p + 640, want.p + 640, 128);
    k->l->ops->snapshot_free(k->l, &s);

    /* Begun anew: what is covered is replaced, presence too. */
    kit_part(k, OL_ROUTINE, 3, 0, 64)->mask = 1;
    kit_record(k, OL_PEER, OL_FLASH, 8);
    kit_part(k, OL_FLASH, 8, 2, 3); /* late: the record is there */
    kit_sure(k);
    assert_int_equal(k->l->ops->snapshot(k->l, k->line, &s), OL_OK);
    assert_int_equal(s.n_parts, 1);
    assert_int_equal(s.parts[0].mask, 1);
    assert_int_equal(s.parts[0].bytes.n, 128);
    k->l->ops->snapshot_free(k->l, &s);
    kit_part(k, OL_ROUTINE, 3, 0, 1)->mask = 0;
    kit_sure(k);
    assert_int_equal(k->l->ops->snapshot(k->l, k->line, &s), OL_OK);
    assert_int_equal(s.n_parts, 0);
    k->l->ops->snapshot_free(k->l, &s);
}

static void the_newest_state_counts(void **state)
{
    struct kit *k = *state;
    struct ol_snapshot s;
    uint8_t big[3000];

    memset(big, 7, sizeof(big));
    kit_put(k, OL_PUT_STATE, 0, 0, 0)->bytes = kit_keep(k, big, sizeof(big));
    kit_sure(k);
    kit_put(k, OL_PUT_STATE, 0, 0, 0)->bytes = kit_keep(k, "first", 5);
    kit_put(k, OL_PUT_STATE, 0, 0, 0)->bytes = kit_keep(k, "second", 6);
    kit_sure(k);
    kit_reopen(k);
    assert_int_equal(k->l->ops->snapshot(k->l, k->line, &s), OL_OK);
    assert_int_equal(s.state.n, 6);
    assert_memory_equal(s.state.p, "second", 6);
    k->l->ops->snapshot_free(k->l, &s);
}

#define TESTS(KIND)                                                           \
    KIND(records_come_back)                                                    \
    KIND(a_log_is_read_within_its_maxima)                                      \
    KIND(what_came_just_now_reads_like_the_rest)                               \
    KIND(a_callback_may_read)                                                  \
    KIND(an_empty_line_has_an_empty_snapshot)                                  \
    KIND(trees_go_on_where_they_stood)                                         \
    KIND(a_head_never_goes_down)                                               \
    KIND(a_head_is_told_as_it_stands)                                          \
    KIND(what_lies_behind_a_gap_is_told)                                       \
    KIND(parts_grow_and_go)                                                    \
    KIND(the_newest_state_counts)

int main(void)
{
    const struct CMUnitTest tests[] = KIT_BOTH(TESTS);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
