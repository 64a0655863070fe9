/*
 * The ledger's behaviour, the same of both implementations: own records that
 * have no number, because none may be given yet or because a return took them
 * out of their log.
 */
#include "ledger_kit.h"

struct list {
    uint32_t n;
    uint32_t index[64]; /* as its id tells: kit_id */
    uint8_t prec[64], proof[64];
    uint64_t at_ms[64], row[64];
};

static bool see(void *arg, const struct ol_row_waiting *w)
{
    struct list *l = arg;
    uint8_t buf[OL_RECORD_MAX], id[16];
    uint32_t at = l->n++;

    memcpy(&l->index[at], w->id + 2, sizeof(l->index[at]));
    l->prec[at] = w->id[1];
    l->proof[at] = w->proof;
    l->at_ms[at] = w->at_ms;
    l->row[at] = w->n;
    kit_id(id, OL_OWN, w->id[1], l->index[at]);
    assert_memory_equal(w->id, id, sizeof(id));
    assert_true(ol_span_eq(w->bytes, kit_canonical(buf, OL_OWN, w->id[1],
                                                   l->index[at])));
    return true;
}

static struct list waiting(struct kit *k)
{
    struct list l = {0};

    assert_int_equal(k->l->ops->waiting(k->l, k->line, 0, see, &l), OL_OK);
    return l;
}

static void wait_for(struct kit *k, uint8_t prec, uint32_t index)
{
    uint8_t buf[OL_RECORD_MAX];
    struct ol_span b = kit_canonical(buf, OL_OWN, prec, index);

    kit_put(k, OL_PUT_WAITING, OL_OWN, prec, 0)->bytes = kit_keep(k, b.p, b.n);
}

static void aside(struct kit *k, uint8_t prec, uint32_t from)
{
    uint8_t saved[OL_TREE_LEVELS * OL_HASH];
    struct ol_tree t;

    kit_tree(&t, OL_OWN, prec, from - 1);
    kit_put(k, OL_PUT_ASIDE, OL_OWN, prec, from)->bytes =
        kit_keep(k, saved, ol_tree_save(&t, saved));
}

/* Without a restart between, after commits that found nothing to end; in the
 * end in the same commit. */
static void what_came_meanwhile_is_ended_too(void **state)
{
    struct kit *k = *state;
    struct ol_snapshot s;

    for (uint32_t n = 1; n <= 5; n += 2) {
        kit_record(k, OL_OWN, OL_ROUTINE, n);
        kit_record(k, OL_PEER, OL_ROUTINE, n);
        kit_sure(k);
        wait_for(k, OL_ROUTINE, n + 1);
        kit_part(k, OL_ROUTINE, n + 1, 0, 2);
        if (n < 5)
            kit_sure(k);
        kit_record(k, OL_OWN, OL_ROUTINE, n + 1);
        kit_record(k, OL_PEER, OL_ROUTINE, n + 1);
        kit_sure(k);
        assert_int_equal(waiting(k).n, 0);
        assert_int_equal(k->l->ops->snapshot(k->l, k->line, &s), OL_OK);
        assert_int_equal(s.n_parts, 0);
        k->l->ops->snapshot_free(k->l, &s);
    }
}

static void what_waits_goes_when_it_is_said(void **state)
{
    struct kit *k = *state;
    struct list l;
    uint64_t last;

    for (uint32_t n = 1; n <= 5; n++) {
        k->at_ms = KIT_AT + n;
        wait_for(k, OL_ROUTINE, n);
        kit_sure(k);
    }
    wait_for(k, OL_ROUTINE, 3); /* twice is once */
    wait_for(k, OL_FLASH, 1);
    kit_sure(k);
    kit_reopen(k);
    l = waiting(k);
    assert_int_equal(l.n, 6);
    for (uint32_t n = 0; n < 5; n++) {
        assert_int_equal(l.index[n], n + 1);
        assert_int_equal(l.at_ms[n], KIT_AT + n + 1);
        assert_int_equal(l.proof[n], OL_PROOF_OWN);
    }
    assert_int_equal(l.prec[5], OL_FLASH);
    last = l.row[5];
    kit_record(k, OL_OWN, OL_ROUTINE, 2);
    kit_record(k, OL_PEER, OL_ROUTINE, 4); /* not ours: another id */
    kit_sure(k);
    kit_reopen(k);
    l = waiting(k);
    assert_int_equal(l.n, 5);
    assert_int_equal(l.index[1], 3);
    /* What was said already does not wait. */
    wait_for(k, OL_ROUTINE, 2);
    kit_sure(k);
    assert_int_equal(waiting(k).n, 5);
    l = (struct list){0};
    assert_int_equal(k->l->ops->waiting(k->l, k->line, last - 1, see, &l),
                     OL_OK);
    assert_int_equal(l.n, 1);
    assert_int_equal(k->l->ops->waiting(k->l, k->line + 1, 0, see, &l),
                     OL_ERR_MISSING);
}

/* Records that are put several at once: each is found by its own id, and each
 * of ours ends what waited under it. */
static void each_of_many_ends_its_waiting(void **state)
{
    struct kit *k = *state;

    for (uint32_t n = 1; n <= 30; n++)
        wait_for(k, OL_ROUTINE, n);
    kit_sure(k);
    for (uint32_t n = 1; n <= 29; n++) {
        kit_record(k, OL_OWN, OL_ROUTINE, n);
        if (n % 3 == 0)
            kit_record(k, OL_PEER, OL_ROUTINE, n);
    }
    kit_sure(k);
    assert_int_equal(waiting(k).n, 1);
    assert_int_equal(waiting(k).index[0], 30);
    for (uint32_t n = 1; n <= 58; n++) {
        uint8_t author = n > 29, id[16];
        uint32_t index = author ? n - 29 : n;
        struct seen s = {0};
        enum ol_err want = author && index % 3 ? OL_ERR_MISSING : OL_OK;

        kit_id(id, author, OL_ROUTINE, index);
        assert_int_equal(k->l->ops->by_id(k->l, id, kit_see, &s), want);
        assert_int_equal(s.n, want == OL_OK);
        assert_true(want || (s.last.index == index &&
                             s.last.author == author));
    }
}

static void a_batch_that_fails_ends_no_waiting(void **state)
{
    struct kit *k = *state;

    wait_for(k, OL_FLASH, 2);
    kit_head(k, OL_OWN, OL_ROUTINE, 5);
    kit_sure(k);
    kit_record(k, OL_OWN, OL_FLASH, 2);
    kit_head(k, OL_OWN, OL_ROUTINE, 4); /* down: refused */
    kit_commit(k);
    kit_settle(k, OL_ERR_CORRUPT);
    assert_int_equal(k->l->ops->reset(k->l), OL_OK);
    assert_int_equal(waiting(k).n, 1);
}

static void ten(struct kit *k)
{
    uint8_t sig[64] = {9};
    struct ol_put *put;

    for (uint32_t n = 1; n <= 10; n++) {
        k->at_ms = KIT_AT + n;
        put = kit_record(k, OL_OWN, OL_ROUTINE, n);
        if (n == 8)
            put->rec_kind = OL_KIND_RETURNED;
        if (n == 9)
            put->proof = OL_PROOF_UNPROVED;
        kit_head(k, OL_OWN, OL_ROUTINE, n);
        kit_sure(k);
    }
    kit_put(k, OL_PUT_ACK, OL_OWN, OL_ROUTINE, 6);
    kit_put(k, OL_PUT_ACK, OL_OWN, OL_ROUTINE, 9);
    put = kit_put(k, OL_PUT_SENT, OL_OWN, OL_ROUTINE, 1);
    put->count = 10;
    put->channel = 0;
    put = kit_put(k, OL_PUT_SENT, OL_OWN, OL_ROUTINE, 8);
    put->count = 2;
    put->channel = 1;
    kit_put(k, OL_PUT_CHECKPOINT, OL_OWN, OL_ROUTINE, 10)->bytes =
        kit_keep(k, sig, sizeof(sig));
    kit_sure(k);
}

static uint32_t attempts(struct kit *k, uint32_t index)
{
    struct ol_row_attempt v[4];
    uint32_t n;

    assert_int_equal(k->l->ops->attempts(k->l, k->line, OL_ROUTINE, index, v,
                                         4, &n), OL_OK);
    return n;
}

static void a_log_is_cut_and_its_end_waits(void **state)
{
    struct kit *k = *state;
    const struct ol_ledger_ops *ops;
    uint8_t root[32], sig[64], id[16];
    struct seen s = {0};
    struct ol_snapshot snap;
    struct list l;
    uint32_t upto;
    uint64_t at;

    ten(k);
    aside(k, OL_ROUTINE, 7);
    kit_sure(k);
    kit_reopen(k);
    ops = k->l->ops;
    assert_int_equal(kit_log(k, OL_OWN, OL_ROUTINE).n, 6);
    assert_int_equal(kit_head_size(k), 6);
    l = waiting(k);
    assert_int_equal(l.n, 3); /* what told of a return is gone */
    assert_int_equal(l.index[0], 7);
    assert_int_equal(l.index[1], 9);
    assert_int_equal(l.index[2], 10);
    assert_int_equal(l.at_ms[0], KIT_AT + 7);
    assert_int_equal(l.proof[0], OL_PROOF_OWN);
    assert_int_equal(l.proof[1], OL_PROOF_UNPROVED);
    assert_int_equal(ops->acked(k->l, k->line, OL_ROUTINE, 1, &upto, &at),
                     OL_OK);
    assert_int_equal(upto, 6);
    assert_int_equal(attempts(k, 6), 1);
    assert_int_equal(attempts(k, 7), 0);
    assert_int_equal(attempts(k, 8), 0);
    assert_int_equal(ops->checkpoint(k->l, k->line, OL_OWN, OL_ROUTINE, &upto,
                                     root, sig), OL_ERR_MISSING);
    kit_id(id, OL_OWN, OL_ROUTINE, 7);
    assert_int_equal(ops->by_id(k->l, id, kit_see, &s), OL_ERR_MISSING);
    assert_int_equal(ops->snapshot(k->l, k->line, &snap), OL_OK);
    assert_int_equal(snap.number, kit_number(OL_ROUTINE, 6));
    ops->snapshot_free(k->l, &snap);
    /* Another record in the place, and the same again under its id. */
    kit_record(k, OL_OWN, OL_ROUTINE, 7)->proof = OL_PROOF_UNPROVED;
    kit_head(k, OL_OWN, OL_ROUTINE, 7);
    kit_sure(k);
    l = waiting(k);
    assert_int_equal(l.n, 2);
    assert_int_equal(l.index[0], 9);
}

/* The file is not asked: what is done tells it. */
static void what_is_done_tells_how_long_a_log_is(void **state)
{
    struct kit *k = *state;
    const struct ol_ledger_ops *ops = k->l->ops;
    uint32_t size = 0;

    ten(k);
    assert_true(ops->reached(k->l, k->line, OL_OWN, OL_ROUTINE, &size));
    assert_int_equal(size, 10);
    kit_head(k, OL_OWN, OL_ROUTINE, 12);
    kit_commit(k);
    aside(k, OL_ROUTINE, 7);
    kit_commit(k);
    /* The first is done; the second may have cut it already. */
    assert_int_equal(kit_done(k).err, OL_OK);
    if (k->kind != KIT_MEM)
        assert_false(ops->reached(k->l, k->line, OL_OWN, OL_ROUTINE, &size));
    kit_settle(k, OL_OK);
    assert_false(ops->reached(k->l, k->line, OL_OWN, OL_ROUTINE, &size) &&
                 size != 6);
    assert_int_equal(kit_head_size(k), 6);
    kit_head(k, OL_OWN, OL_ROUTINE, 7);
    kit_sure(k);
    assert_true(ops->reached(k->l, k->line, OL_OWN, OL_ROUTINE, &size));
    assert_int_equal(size, 7);
}

/* A cut that is in the file and not yet told: nobody is given more than is
 * there, though a batch before it was just told to be done. In memory, what was
 * not told has not happened. */
static void a_cut_that_is_under_way_is_seen(void **state)
{
    struct kit *k = *state;
    const struct ol_ledger_ops *ops = k->l->ops;
    uint32_t size = 0;

    ten(k);
    kit_head(k, OL_OWN, OL_ROUTINE, 12);
    kit_commit(k);
    aside(k, OL_ROUTINE, 7);
    kit_commit(k);
    assert_int_equal(kit_done(k).err, OL_OK);
    while (kit_head_size(k) != 6)
        continue; /* the file is asked */
    assert_int_equal(ops->head(k->l, k->line, OL_OWN, OL_ROUTINE, &size, NULL,
                               NULL), OL_OK);
    assert_int_equal(size, 6);
    kit_settle(k, OL_OK);
}

static void all_of_a_log_is_cut(void **state)
{
    struct kit *k = *state;

    ten(k);
    aside(k, OL_ROUTINE, 1);
    kit_sure(k);
    assert_int_equal(kit_head_size(k), 0);
    assert_int_equal(waiting(k).n, 9);
    aside(k, OL_FLASH, 1); /* nothing there */
    kit_sure(k);
    assert_int_equal(waiting(k).n, 9);
}

/* Said by the own record of that place of the message that has the number. */
static void mark(struct kit *k, uint8_t rel, enum ol_author of, uint32_t index)
{
    struct ol_put *put = kit_put(k, OL_PUT_MARK, of, OL_ROUTINE, index);

    put->number = 17;
    put->rel = rel;
    put->by = OL_OWN;
}

static uint32_t marks(struct kit *k, enum ol_author of,
                      struct ol_row_mark out[8])
{
    uint32_t n;

    assert_int_equal(k->l->ops->marks(k->l, k->line, of, 17, out, 8, &n),
                     OL_OK);
    return n;
}

static void what_is_set_aside_ends_no_message(void **state)
{
    struct kit *k = *state;
    struct ol_row_mark out[8];

    ten(k);
    mark(k, OL_REL_CANCELS, OL_OWN, 6);
    mark(k, OL_REL_CANCELS, OL_OWN, 7);
    mark(k, OL_REL_SUPERSEDES, OL_OWN, 9);
    mark(k, OL_REL_CANCELS, OL_OWN, 10);
    kit_sure(k);
    /* Of another log, of the other side's message, and by the other side. */
    mark(k, OL_REL_FULFILS, OL_OWN, 8);
    k->puts[k->n_puts - 1].prec = OL_FLASH;
    mark(k, OL_REL_READ, OL_PEER, 8);
    mark(k, OL_REL_READ, OL_OWN, 8);
    k->puts[k->n_puts - 1].by = OL_PEER;
    kit_sure(k);
    assert_int_equal(marks(k, OL_OWN, out), 6);
    aside(k, OL_ROUTINE, 7);
    /* In the same batch, in the place that is free now: this one is said. */
    mark(k, OL_REL_SUPERSEDES, OL_OWN, 7);
    kit_sure(k);
    kit_reopen(k);
    assert_int_equal(marks(k, OL_OWN, out), 4);
    assert_int_equal(out[0].rel, OL_REL_SUPERSEDES);
    assert_int_equal(out[0].index, 7);
    assert_int_equal(out[1].rel, OL_REL_CANCELS);
    assert_int_equal(out[1].index, 6);
    assert_int_equal(out[2].rel, OL_REL_READ);
    assert_int_equal(out[2].by, OL_PEER);
    assert_int_equal(out[3].rel, OL_REL_FULFILS);
    assert_int_equal(out[3].prec, OL_FLASH);
    assert_int_equal(marks(k, OL_PEER, out), 1); /* a rung never falls */
}

static uint8_t proof_of(struct kit *k, uint32_t index)
{
    struct seen s = {.stop_at = 1};

    assert_int_equal(k->l->ops->log(k->l, k->line, OL_OWN, OL_PRIORITY, index,
                                    1, 0, kit_see, &s), OL_OK);
    return s.last.proof;
}

static void what_came_back_is_proved_later(void **state)
{
    struct kit *k = *state;

    for (uint32_t n = 1; n <= 6; n++)
        kit_record(k, OL_OWN, OL_PRIORITY, n)->proof =
            n < 3 ? OL_PROOF_OWN : OL_PROOF_UNPROVED;
    kit_sure(k);
    assert_int_equal(proof_of(k, 4), OL_PROOF_UNPROVED);
    kit_put(k, OL_PUT_PROVED, OL_OWN, OL_PRIORITY, 4);
    kit_sure(k);
    kit_reopen(k);
    assert_int_equal(proof_of(k, 2), OL_PROOF_OWN);
    assert_int_equal(proof_of(k, 3), OL_PROOF_PROVED);
    assert_int_equal(proof_of(k, 4), OL_PROOF_PROVED);
    assert_int_equal(proof_of(k, 5), OL_PROOF_UNPROVED);
}

static bool one_more(void *arg, const struct ol_row *row)
{
    (void)row;
    ++*(unsigned *)arg;
    return true;
}

/* A copy gives a number again that a record which then comes back bears: both
 * are found by it, also before the first is proved. */
static void a_number_given_twice_finds_both(void **state)
{
    const uint64_t number = kit_number(OL_FLASH, 1);
    struct kit *k = *state;
    struct ol_put *put;

    kit_record(k, OL_OWN, OL_FLASH, 1);
    kit_sure(k);
    put = kit_record(k, OL_OWN, OL_PRIORITY, 1);
    put->number = number;
    put->proof = OL_PROOF_UNPROVED;
    kit_sure(k);
    for (unsigned turn = 0; turn < 2; turn++) {
        unsigned n = 0;
        assert_int_equal(k->l->ops->by_number(k->l, k->line, OL_OWN, number,
                                              one_more, &n),
                         OL_OK);
        assert_int_equal(n, 2);
        if (turn == 0)
            kit_reopen(k);
    }
}

static void the_core_starts_from_what_the_peer_signed(void **state)
{
    struct kit *k = *state;
    uint8_t sig[64] = {7};
    struct ol_snapshot snap;
    struct ol_put *put;

    kit_record(k, OL_PEER, OL_FLASH, 3);
    put = kit_put(k, OL_PUT_CHECKPOINT, OL_PEER, OL_FLASH, 3);
    put->leaf[0] = 5;
    put->bytes = kit_keep(k, sig, sizeof(sig));
    kit_sure(k);
    assert_int_equal(k->l->ops->snapshot(k->l, k->line, &snap), OL_OK);
    assert_int_equal(snap.signed_by_peer[OL_FLASH].size, 3);
    assert_int_equal(snap.signed_by_peer[OL_FLASH].root[0], 5);
    assert_int_equal(snap.signed_by_peer[OL_FLASH].sig[0], 7);
    assert_int_equal(snap.signed_by_peer[OL_ROUTINE].size, 0);
    assert_int_equal(snap.peer_number, kit_number(OL_FLASH, 3));
    assert_int_equal(snap.number, 0);
    k->l->ops->snapshot_free(k->l, &snap);
}

#define TESTS(KIND)                                                           \
    KIND(what_came_meanwhile_is_ended_too)                                     \
    KIND(what_waits_goes_when_it_is_said)                                      \
    KIND(each_of_many_ends_its_waiting)                                        \
    KIND(a_batch_that_fails_ends_no_waiting)                                   \
    KIND(a_log_is_cut_and_its_end_waits)                                       \
    KIND(what_is_done_tells_how_long_a_log_is)                                 \
    KIND(all_of_a_log_is_cut)                                                  \
    KIND(what_is_set_aside_ends_no_message)                                    \
    KIND(what_came_back_is_proved_later)                                       \
    KIND(a_number_given_twice_finds_both)                                      \
    KIND(the_core_starts_from_what_the_peer_signed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TESTS(KIT_MEM_TEST)
        TESTS(KIT_SQLITE_TEST)
        KIT_SQLITE_TEST(a_cut_that_is_under_way_is_seen)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
