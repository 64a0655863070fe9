/*
 * The ledger's behaviour, the same of both implementations: batches, their
 * order, and what happens when one fails.
 *
 * The last test gives both the same random batches and compares all that can
 * be read of them.
 */
#include "ledger_kit.h"

static void many_batches_commit_in_order(void **state)
{
    struct kit *k = *state;
    struct ol_snapshot s;
    uint32_t n, refused = 0;

    for (n = 1; n <= 2000; n++) {
        kit_record(k, OL_OWN, OL_ROUTINE, n);
        if (kit_offer(k) == OL_OK)
            continue;
        /* Full: everything goes through, and it is taken again. */
        refused++;
        n--;
        kit_settle(k, OL_OK);
    }
    kit_settle(k, OL_OK);
    assert_true(refused > 0);
    assert_int_equal(k->l->ops->snapshot(k->l, k->line, &s), OL_OK);
    assert_int_equal(s.number, kit_number(OL_ROUTINE, 2000));
    k->l->ops->snapshot_free(k->l, &s);
}

static void the_queue_has_its_maximum(void **state)
{
    struct kit *k = *state;
    uint32_t n = 0;

    kit_event(k, OL_WHAT_LINE, 0, 0, 1);
    while (kit_offer(k) == OL_OK) {
        assert_true(++n <= OL_LEDGER_QUEUE);
        kit_event(k, OL_WHAT_LINE, 0, 0, 1);
    }
    /* What is done and was not taken counts too. */
    assert_int_equal(n, OL_LEDGER_QUEUE);
    kit_done(k);
    kit_commit(k);
    assert_int_equal(kit_offer(k), OL_ERR_AGAIN);
    kit_settle(k, OL_OK);
}

static void the_same_record_twice_is_one(void **state)
{
    struct kit *k = *state;
    struct seen s;

    kit_record(k, OL_PEER, OL_FLASH, 1);
    kit_record(k, OL_PEER, OL_FLASH, 1);
    kit_commit(k);
    k->at_ms++;
    kit_record(k, OL_PEER, OL_FLASH, 1);
    kit_commit(k);
    kit_settle(k, OL_OK);
    s = kit_log(k, OL_PEER, OL_FLASH);
    assert_int_equal(s.n, 1);
    assert_int_equal(s.last.at_ms, KIT_AT);
}

static void another_leaf_takes_the_whole_batch_back(void **state)
{
    struct kit *k = *state;
    char *before;

    kit_record(k, OL_PEER, OL_FLASH, 1);
    kit_part(k, OL_ROUTINE, 9, 0, 3);
    kit_sure(k);
    before = kit_dump(k, 1);
    for (int in_batch = 0; in_batch < 2; in_batch++) {
        kit_event(k, OL_WHAT_ARRIVED, OL_FLASH, 1, 5);
        kit_record(k, OL_PEER, OL_ROUTINE, 9);
        kit_record(k, OL_PEER, OL_FLASH, 3);
        kit_head(k, OL_PEER, OL_FLASH, 1);
        kit_put(k, OL_PUT_ACK, OL_OWN, OL_FLASH, 4);
        kit_meta(k, "a", "x", 1);
        kit_put(k, OL_PUT_STATE, 0, 0, 0)->bytes = kit_keep(k, "s", 1);
        kit_record(k, OL_PEER, OL_FLASH, in_batch ? 3 : 1)->leaf[9] ^= 1;
        kit_commit(k);
        kit_settle(k, OL_ERR_CORRUPT);
        assert_true(strlen(k->l->why) > 10);
        assert_int_equal(k->l->ops->reset(k->l), OL_OK);
        kit_same(before, kit_dump(k, 1));
        before = kit_dump(k, 1);
    }
    free(before);
    /* No sequence number was used up. */
    kit_event(k, OL_WHAT_LINE, 0, 0, 1);
    kit_sure(k);
    assert_int_equal(kit_events(k, 0, 9).ev[0].seq, 1);
}

/* Records that stand behind each other in a batch are put several at once:
 * however many they are, and whether some stand already. */
static void any_number_of_records_is_one_batch(void **state)
{
    struct kit *k = *state;
    uint32_t next = 1;
    struct seen s;

    for (uint32_t n = 1; n <= 35; n++) {
        for (uint32_t i = 0; i < n; i++) {
            if (i > 0 && i == n / 2 && n % 3 == 0)
                kit_record(k, OL_PEER, OL_ROUTINE, next - 1);
            kit_record(k, OL_PEER, OL_ROUTINE, next++);
        }
        if (n % 4 == 0) /* nor is the run the whole of it */
            kit_head(k, OL_PEER, OL_ROUTINE, next - 1);
        k->at_ms++;
        kit_sure(k);
        if (n % 5 == 0) /* as long as `seen` is, from the file too */
            k->l->ops->afresh(k->l);
    }
    for (uint32_t from = 1; from < next; from += 50) {
        s = (struct seen){0};
        assert_int_equal(k->l->ops->log(k->l, k->line, OL_PEER, OL_ROUTINE,
                                        from, 50, 0, kit_see, &s), OL_OK);
        assert_int_equal(s.n, OL_MIN(50, next - from));
        for (uint32_t i = 0; i < s.n; i++)
            assert_int_equal(s.index[i], from + i);
    }
}

/* More than there is room for, while they are sealed. */
static void long_records_are_put_a_few_at_once(void **state)
{
    struct kit *k = *state;
    struct seen s;

    for (uint32_t n = 0; n < 40; n++)
        kit_record(k, OL_PEER, OL_ROUTINE, 4 + n * 5);
    kit_sure(k);
    k->l->ops->afresh(k->l);
    s = kit_log(k, OL_PEER, OL_ROUTINE);
    assert_int_equal(s.n, 40);
    assert_int_equal(s.last.index, 4 + 39 * 5);
}

/* Each ends its part, and what waited under its id, wherever it stands. */
static void each_of_many_ends_its_part(void **state)
{
    struct kit *k = *state;
    struct ol_snapshot s;

    for (uint32_t n = 1; n <= 30; n++)
        kit_part(k, OL_ROUTINE, n * 5 - 1, 0, 3);
    kit_sure(k);
    for (uint32_t n = 1; n <= 29; n++)
        kit_record(k, OL_PEER, OL_ROUTINE, n * 5 - 1);
    kit_sure(k);
    assert_int_equal(k->l->ops->snapshot(k->l, k->line, &s), OL_OK);
    assert_int_equal(s.n_parts, 1);
    assert_int_equal(s.parts[0].index, 149);
    k->l->ops->snapshot_free(k->l, &s);
}

/* One of many is another than the one that stands: none of them is put. */
static void another_leaf_among_many_takes_all_back(void **state)
{
    struct kit *k = *state;

    kit_record(k, OL_PEER, OL_ROUTINE, 14);
    kit_sure(k);
    for (uint32_t at = 0; at < 2; at++) {
        for (uint32_t n = 1; n <= 25; n++)
            if (at == 0 || n != 14)
                kit_record(k, OL_PEER, OL_ROUTINE, n)->leaf[9] ^= n == 14;
        if (at == 1) /* the second of two that came at once */
            kit_record(k, OL_PEER, OL_ROUTINE, 13)->leaf[9] ^= 1;
        kit_commit(k);
        kit_settle(k, OL_ERR_CORRUPT);
        assert_int_equal(k->l->ops->reset(k->l), OL_OK);
        assert_int_equal(kit_log(k, OL_PEER, OL_ROUTINE).n, 1);
    }
}

static void nothing_overtakes_a_hole(void **state)
{
    struct kit *k = *state;
    struct seen s;

    kit_record(k, OL_PEER, OL_FLASH, 1);
    kit_sure(k);
    kit_record(k, OL_PEER, OL_FLASH, 1)->leaf[0] ^= 1;
    kit_commit(k);
    kit_record(k, OL_PEER, OL_FLASH, 2);
    kit_commit(k);
    assert_int_equal(k->l->ops->reset(k->l), OL_ERR_AGAIN);
    assert_int_equal(kit_done(k).err, OL_ERR_CORRUPT);
    kit_record(k, OL_PEER, OL_FLASH, 3); /* handed in when it had failed */
    kit_commit(k);
    kit_settle(k, OL_ERR_CORRUPT);
    assert_int_equal(k->l->ops->reset(k->l), OL_OK);
    kit_record(k, OL_PEER, OL_FLASH, 4);
    kit_sure(k);
    s = kit_log(k, OL_PEER, OL_FLASH);
    assert_int_equal(s.n, 2);
    assert_int_equal(s.last.index, 4);
}

static void an_empty_batch_is_done_too(void **state)
{
    struct kit *k = *state;

    kit_commit(k);
    kit_settle(k, OL_OK);
}

/* ---- the twin's own face ------------------------------------------------- */

static void a_power_cut_loses_what_was_not_committed(void **state)
{
    struct kit *k = *state;
    struct ol_ledger_done done;

    for (uint32_t n = 1; n <= 5; n++) {
        kit_record(k, OL_PEER, OL_FLASH, n);
        kit_commit(k);
    }
    assert_int_equal(ol_mem_step(k->l, 2), 2);
    assert_int_equal(kit_log(k, OL_PEER, OL_FLASH).n, 2);
    ol_mem_crash(k->l);
    k->outstanding = 0;
    assert_false(k->l->ops->done(k->l, &done)); /* nobody heard of them */
    assert_int_equal(ol_mem_step(k->l, 9), 0);
    assert_int_equal(kit_log(k, OL_PEER, OL_FLASH).n, 2);
    kit_record(k, OL_PEER, OL_FLASH, 3);
    kit_sure(k);
    assert_int_equal(kit_log(k, OL_PEER, OL_FLASH).n, 3);
}

static void a_commit_fails_when_told_to(void **state)
{
    struct kit *k = *state;

    ol_mem_fail(k->l, 3, OL_ERR_FULL);
    for (uint32_t n = 1; n <= 4; n++) {
        kit_record(k, OL_PEER, OL_FLASH, n);
        kit_commit(k);
    }
    assert_int_equal(kit_done(k).err, OL_OK);
    assert_int_equal(kit_done(k).err, OL_OK);
    kit_settle(k, OL_ERR_FULL);
    assert_int_equal(kit_log(k, OL_PEER, OL_FLASH).n, 2);
    assert_int_equal(k->l->ops->reset(k->l), OL_OK);
    kit_record(k, OL_PEER, OL_FLASH, 3);
    kit_sure(k);
}

/* ---- the twins ----------------------------------------------------------- */

/* One random put; the same dice give the same put. Sometimes one that must
 * fail. `size` holds the heads as they would be. */
static void random_put(struct kit *k, struct dice *d, uint32_t size[8])
{
    uint8_t author = (uint8_t)dice_in(d, 0, 1);
    uint8_t prec = (uint8_t)dice_in(d, 0, OL_PRECS - 1);
    uint32_t index = (uint32_t)dice_in(d, 1, 40), *head;
    struct ol_put *put;
    uint8_t bytes[64];
    unsigned lo = (unsigned)dice_in(d, 0, 63);

    dice_fill(d, bytes, sizeof(bytes));
    switch (dice_in(d, 0, 9)) {
    case 0:
    case 1:
        put = kit_record(k, author, prec, index);
        if (dice_in(d, 0, 60) == 0)
            put->leaf[3] ^= 1;
        return;
    case 2:
        head = &size[author * OL_PRECS + prec];
        if (*head > 0 && dice_in(d, 0, 30) == 0)
            kit_head(k, author, prec, *head - 1);
        else
            kit_head(k, author, prec, *head += (uint32_t)dice_in(d, 0, 2));
        return;
    case 3:
        kit_put(k, OL_PUT_ACK, OL_OWN, prec, index);
        return;
    case 4:
        put = kit_put(k, OL_PUT_MARK, author, prec, index);
        put->number = dice_in(d, 1, 50);
        put->rel = (uint8_t)dice_in(d, 1, OL_RELS - 1);
        put->by = (uint8_t)dice_in(d, OL_OWN, OL_PEER);
        return;
    case 5:
        put = kit_part(k, prec, index, lo, (unsigned)dice_in(d, lo + 1, 64));
        put->size = (uint16_t)dice_edge(d, 0, 5000);
        /* Two throws. NOLINTNEXTLINE(misc-redundant-expression) */
        put->mask &= dice_u64(d) | dice_u64(d);
        return;
    case 6:
        put = kit_put(k, OL_PUT_SENT, OL_OWN, prec, index);
        put->channel = (uint16_t)dice_in(d, 0, 2);
        put->count = (uint32_t)dice_in(d, 1, 3000);
        return;
    case 7:
        put = kit_put(k, OL_PUT_STATE, 0, 0, 0);
        put->bytes = kit_keep(k, bytes, dice_in(d, 0, sizeof(bytes)));
        return;
    case 8:
        put = kit_put(k, OL_PUT_CHECKPOINT, author, prec, index);
        put->bytes = kit_keep(k, bytes, 64);
        dice_fill(d, put->leaf, sizeof(put->leaf));
        return;
    default:
        put = kit_event(k, (enum ol_what)dice_in(d, 0, OL_WHATS - 1), prec,
                        index, (uint32_t)dice_in(d, 0, 6));
        put->channel = dice_in(d, 0, 1) ? OL_CHANNEL_ANY : 2;
        put->detail = dice_in(d, 0, 1) ? NULL : "detail";
    }
}

/* One of four files, of a size and with pieces that follow from its hash. */
static void random_file(struct kit *k, struct dice *d)
{
    uint8_t author = (uint8_t)dice_in(d, 0, 1);
    uint8_t which = (uint8_t)dice_in(d, 0, 3);
    uint64_t size = which * 3000 + which * which * OL_PIECE;
    uint32_t pieces = ol_file_pieces(size);
    uint32_t index = (uint32_t)dice_in(d, 0, pieces);
    struct ol_put *put;
    uint8_t bytes[64];

    switch (dice_in(d, 0, 9)) {
    case 0:
    case 1:
    case 2:
        put = kit_put(k, OL_PUT_FILE, author, (uint8_t)dice_in(d, 0, 3), 0);
        put->state = (uint8_t)dice_in(d, 0, OL_FILE_STATES - 1);
        put->number = size;
        break;
    case 3:
        put = kit_put(k, OL_PUT_DROP, author, 0, index);
        put->count = (uint32_t)dice_in(d, 0, 10);
        break;
    default:
        if (index == pieces)
            return;
        dice_fill(d, bytes, sizeof(bytes));
        put = kit_put(k, OL_PUT_PIECE, author, 0, index);
        put->bytes = kit_keep(k, bytes, dice_in(d, 1, sizeof(bytes)));
    }
    memset(put->leaf, which, sizeof(put->leaf));
}

static enum ol_err random_batch(struct kit *k, struct dice d, uint32_t *size)
{
    static const char *const keys[] = {"a", "b", "verified"};
    uint64_t n = dice_edge(&d, 1, 12);
    enum ol_err err;

    while (n-- > 0)
        if (dice_in(&d, 0, 3) == 0)
            random_file(k, &d);
        else
            random_put(k, &d, size);
    if (dice_in(&d, 0, 3) == 0)
        kit_meta(k, keys[dice_in(&d, 0, 2)], &n, dice_in(&d, 0, 8));
    kit_commit(k);
    err = kit_done(k).err;
    if (err)
        assert_int_equal(k->l->ops->reset(k->l), OL_OK);
    return err;
}

/* Goes on with a copy: what the copy lacks, the other twin has. */
static void put_back(struct kit *mem)
{
    struct ol_ledger *copy;

    ol_mem_copy(&copy, mem->l);
    mem->l->ops->close(mem->l);
    mem->l = copy;
}

/* A copy is of one moment, and neither sees what the other takes later. */
static void a_copy_stands_alone(void **state)
{
    struct kit *k = *state;
    struct ol_ledger *copy, *first = k->l;

    for (uint32_t n = 1; n <= 5; n++) {
        kit_record(k, OL_PEER, OL_FLASH, n);
        kit_commit(k);
    }
    assert_int_equal(ol_mem_step(k->l, 3), 3);
    ol_mem_copy(&copy, first);
    kit_settle(k, OL_OK);
    k->l = copy;
    assert_int_equal(kit_log(k, OL_PEER, OL_FLASH).n, 3);
    kit_record(k, OL_PEER, OL_ROUTINE, 1);
    kit_sure(k);
    k->l = first;
    assert_int_equal(kit_log(k, OL_PEER, OL_FLASH).n, 5);
    assert_int_equal(kit_log(k, OL_PEER, OL_ROUTINE).n, 0);
    copy->ops->close(copy);
}

/* How many batches failed, of both alike. */
static uint32_t compare_twins(struct dice *d)
{
    struct kit *mem = kit_open(KIT_MEM), *sql = kit_open(KIT_SQLITE);
    uint32_t size[8] = {0}, failed = 0;

    for (unsigned n = 1; n <= 400; n++) {
        struct dice same = {dice_u64(d)};
        uint32_t a[8], b[8];
        enum ol_err err;

        memcpy(a, size, sizeof(a));
        memcpy(b, size, sizeof(b));
        mem->at_ms = sql->at_ms = KIT_AT + n;
        err = random_batch(mem, same, a);
        assert_int_equal(random_batch(sql, same, b), err);
        failed += err != OL_OK;
        if (!err)
            memcpy(size, a, sizeof(size));
        if (n % 100 == 0) {
            kit_reopen(mem);
            kit_reopen(sql);
            put_back(mem);
            kit_same(kit_dump(mem, 1), kit_dump(sql, 1));
        }
    }
    kit_free(mem);
    kit_free(sql);
    return failed;
}

static void twins_agree(void **state)
{
    struct dice d = dice_init(20261123);
    uint32_t failed = 0;

    (void)state;
    for (unsigned n = 0; n < dice_rounds(1); n++)
        failed += compare_twins(&d);
    assert_true(failed > 5);
}

#define TESTS(KIND)                                                           \
    KIND(many_batches_commit_in_order)                                         \
    KIND(the_queue_has_its_maximum)                                            \
    KIND(the_same_record_twice_is_one)                                         \
    KIND(another_leaf_takes_the_whole_batch_back)                              \
    KIND(any_number_of_records_is_one_batch)                                   \
    KIND(long_records_are_put_a_few_at_once)                                   \
    KIND(each_of_many_ends_its_part)                                           \
    KIND(another_leaf_among_many_takes_all_back)                               \
    KIND(nothing_overtakes_a_hole)                                             \
    KIND(an_empty_batch_is_done_too)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TESTS(KIT_MEM_TEST)
        TESTS(KIT_SQLITE_TEST)
        KIT_MEM_TEST(a_power_cut_loses_what_was_not_committed)
        KIT_MEM_TEST(a_commit_fails_when_told_to)
        KIT_MEM_TEST(a_copy_stands_alone)
        cmocka_unit_test(twins_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
