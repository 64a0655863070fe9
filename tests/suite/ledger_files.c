/*
 * The ledger's behaviour, the same of both implementations: attachments, their
 * states and their pieces.
 */
#include "ledger_kit.h"

static const uint8_t one[32] = {1}, two[32] = {2};

static struct ol_put *put_of(struct kit *k, enum ol_put_kind kind,
                             uint8_t author, const uint8_t hash[32],
                             uint32_t index)
{
    struct ol_put *put = kit_put(k, kind, author, 0, index);

    memcpy(put->leaf, hash, 32);
    return put;
}

static void put_file(struct kit *k, uint8_t author, const uint8_t hash[32],
                     enum ol_file_state state, uint64_t size)
{
    struct ol_put *put = put_of(k, OL_PUT_FILE, author, hash, 0);

    put->state = (uint8_t)state;
    put->number = size;
    put->prec = OL_PRIORITY;
}

/* Its bytes follow from hash and index. */
static void put_piece(struct kit *k, uint8_t author, const uint8_t hash[32],
                      uint32_t index, size_t n)
{
    static uint8_t bytes[OL_PIECE];

    memset(bytes, (int)(hash[0] * 16 + index), n);
    put_of(k, OL_PUT_PIECE, author, hash, index)->bytes =
        kit_keep(k, bytes, n);
}

static struct ol_row_file file_of(struct kit *k, uint8_t author,
                                  const uint8_t hash[32])
{
    struct ol_row_file f;

    assert_int_equal(k->l->ops->file(k->l, k->line, author, hash, &f), OL_OK);
    return f;
}

static bool has(struct kit *k, uint8_t author, const uint8_t hash[32],
                uint32_t index, size_t want)
{
    static uint8_t bytes[OL_PIECE];
    size_t n = 7;
    enum ol_err err = k->l->ops->piece(k->l, k->line, author, hash, index,
                                       bytes, &n);

    if (err == OL_ERR_MISSING) {
        assert_int_equal(n, 0);
        return false;
    }
    assert_int_equal(err, OL_OK);
    assert_int_equal(n, want);
    for (size_t at = 0; at < n; at++)
        assert_int_equal(bytes[at], (uint8_t)(hash[0] * 16 + index));
    return true;
}

static void a_file_has_one_row_and_a_state(void **state)
{
    struct kit *k = *state;
    struct ol_row_file f;

    assert_int_equal(k->l->ops->file(k->l, k->line, OL_OWN, one, &f),
                     OL_ERR_MISSING);
    put_file(k, OL_OWN, one, OL_FILE_TAKING, 70000);
    put_file(k, OL_PEER, one, OL_FILE_WANTED, 70000);
    kit_sure(k);
    k->at_ms = KIT_AT + 5;
    put_file(k, OL_OWN, one, OL_FILE_SENDING, 70000);
    kit_sure(k);
    kit_reopen(k);
    f = file_of(k, OL_OWN, one);
    assert_memory_equal(f.hash, one, 32);
    assert_int_equal(f.size, 70000);
    assert_int_equal(f.author, OL_OWN);
    assert_int_equal(f.prec, OL_PRIORITY);
    assert_int_equal(f.state, OL_FILE_SENDING);
    assert_int_equal(f.have, 0);
    assert_int_equal(f.at_ms, KIT_AT + 5);
    assert_int_equal(f.order, 1);
    f = file_of(k, OL_PEER, one);
    assert_int_equal(f.state, OL_FILE_WANTED);
    assert_int_equal(f.order, 2);
    assert_int_equal(k->l->ops->file(k->l, k->line, OL_OWN, two, &f),
                     OL_ERR_MISSING);
    assert_int_equal(k->l->ops->file(k->l, 99, OL_OWN, one, &f),
                     OL_ERR_MISSING);
}

/* A size is settled with the first piece. */
static void a_size_holds_once_a_piece_is_there(void **state)
{
    struct kit *k = *state;

    put_file(k, OL_PEER, one, OL_FILE_WANTED, UINT64_C(1) << 40);
    put_file(k, OL_PEER, one, OL_FILE_WANTED, 70000);
    put_piece(k, OL_PEER, one, 1, 70000 - OL_PIECE);
    put_file(k, OL_PEER, one, OL_FILE_WANTED, 5);
    kit_sure(k);
    assert_int_equal(file_of(k, OL_PEER, one).size, 70000);
    put_of(k, OL_PUT_DROP, OL_PEER, one, 0)->count = 2;
    put_file(k, OL_PEER, one, OL_FILE_WANTED, 5);
    kit_sure(k);
    assert_int_equal(file_of(k, OL_PEER, one).size, 5);
}

static void pieces_come_back(void **state)
{
    struct kit *k = *state;
    uint32_t upto;
    uint64_t map;

    put_file(k, OL_PEER, one, OL_FILE_WANTED, 4 * OL_PIECE + 1);
    put_piece(k, OL_PEER, one, 0, OL_PIECE);
    put_piece(k, OL_PEER, one, 3, OL_PIECE);
    put_piece(k, OL_PEER, two, 0, 9); /* of no file */
    kit_sure(k);
    put_piece(k, OL_PEER, one, 4, 1);
    put_piece(k, OL_PEER, one, 4, 2); /* a second time: stays as it is */
    kit_sure(k);
    kit_reopen(k);
    assert_int_equal(file_of(k, OL_PEER, one).have, 3);
    assert_true(has(k, OL_PEER, one, 0, OL_PIECE));
    assert_false(has(k, OL_PEER, one, 1, OL_PIECE));
    assert_true(has(k, OL_PEER, one, 3, OL_PIECE));
    assert_true(has(k, OL_PEER, one, 4, 1));
    assert_false(has(k, OL_OWN, one, 0, OL_PIECE));
    assert_false(has(k, OL_PEER, two, 0, 9));
    assert_int_equal(k->l->ops->pieces(k->l, k->line, OL_PEER, one, &upto,
                                       &map), OL_OK);
    assert_int_equal(upto, 1);
    assert_int_equal(map, 6);
    assert_int_equal(k->l->ops->pieces(k->l, k->line, OL_OWN, one, &upto,
                                       &map), OL_ERR_MISSING);
}

/* Far behind the window of the newest nothing is missing. */
static void many_pieces_are_counted_from_the_gap(void **state)
{
    struct kit *k = *state;
    const uint32_t total = 100 + OL_PULL_WINDOW;
    uint32_t upto;
    uint64_t map;

    put_file(k, OL_PEER, one, OL_FILE_WANTED, (uint64_t)total * OL_PIECE);
    for (uint32_t n = 0; n < total; n++)
        if (n != 100 && n != 103)
            put_piece(k, OL_PEER, one, n, 1);
    kit_sure(k);
    assert_int_equal(k->l->ops->pieces(k->l, k->line, OL_PEER, one, &upto,
                                       &map), OL_OK);
    assert_int_equal(upto, 100);
    assert_int_equal(map, 0x7ffffffb);
    put_piece(k, OL_PEER, one, 100, 1);
    kit_sure(k);
    assert_int_equal(k->l->ops->pieces(k->l, k->line, OL_PEER, one, &upto,
                                       &map), OL_OK);
    assert_int_equal(upto, 103);
    assert_int_equal(map, 0xfffffff);
    put_piece(k, OL_PEER, one, 103, 1);
    kit_sure(k);
    assert_int_equal(k->l->ops->pieces(k->l, k->line, OL_PEER, one, &upto,
                                       &map), OL_OK);
    assert_int_equal(upto, total);
    assert_int_equal(map, 0);
}

static void pieces_and_files_go(void **state)
{
    struct kit *k = *state;
    struct ol_row_file f;

    put_file(k, OL_OWN, one, OL_FILE_TAKING, 5 * OL_PIECE);
    for (uint32_t n = 0; n < 4; n++)
        put_piece(k, OL_OWN, one, n, 3);
    put_of(k, OL_PUT_DROP, OL_OWN, one, 1)->count = 2;
    put_of(k, OL_PUT_DROP, OL_OWN, two, 0)->count = UINT32_MAX;
    put_of(k, OL_PUT_DROP, OL_OWN, one, 0); /* of none */
    put_file(k, OL_OWN, one, OL_FILE_GONE, 0); /* not while any is left */
    kit_sure(k);
    assert_int_equal(file_of(k, OL_OWN, one).have, 2);
    assert_int_equal(file_of(k, OL_OWN, one).state, OL_FILE_TAKING);
    assert_true(has(k, OL_OWN, one, 0, 3));
    assert_false(has(k, OL_OWN, one, 1, 3));
    assert_true(has(k, OL_OWN, one, 3, 3));
    put_of(k, OL_PUT_DROP, OL_OWN, one, 0)->count = UINT32_MAX;
    put_file(k, OL_OWN, one, OL_FILE_GONE, 0);
    put_file(k, OL_OWN, one, OL_FILE_GONE, 0);
    kit_sure(k);
    assert_int_equal(k->l->ops->file(k->l, k->line, OL_OWN, one, &f),
                     OL_ERR_MISSING);
    /* Born again it has nothing of its former self. */
    put_file(k, OL_OWN, one, OL_FILE_TAKING, 5);
    kit_sure(k);
    assert_int_equal(file_of(k, OL_OWN, one).have, 0);
    assert_true(file_of(k, OL_OWN, one).order > 1);
    assert_false(has(k, OL_OWN, one, 0, 3));
}

struct listed {
    uint32_t n, stop_at;
    uint64_t order[16];
};

static bool list(void *arg, const struct ol_row_file *f)
{
    struct listed *l = arg;

    l->order[l->n++] = f->order;
    return l->n != l->stop_at;
}

static struct listed listed(struct kit *k, enum ol_file_state state,
                            uint64_t after, uint32_t stop_at)
{
    struct listed l = {.stop_at = stop_at};

    assert_int_equal(k->l->ops->files(k->l, k->line, OL_PEER, state, after,
                                      list, &l), OL_OK);
    return l;
}

static void files_are_listed_by_state_in_order(void **state)
{
    struct kit *k = *state;
    struct listed l;

    for (uint8_t n = 0; n < 8; n++) {
        uint8_t hash[32] = {(uint8_t)(9 - n)};

        put_file(k, OL_PEER, hash,
                 n % 3 == 0 ? OL_FILE_WHOLE : OL_FILE_WANTED, n);
    }
    put_file(k, OL_OWN, one, OL_FILE_WANTED, 1);
    kit_sure(k);
    kit_reopen(k);
    l = listed(k, OL_FILE_WHOLE, 0, 0);
    assert_int_equal(l.n, 3);
    assert_int_equal(l.order[0], 1);
    assert_int_equal(l.order[1], 4);
    assert_int_equal(l.order[2], 7);
    l = listed(k, OL_FILE_WANTED, 2, 0);
    assert_int_equal(l.n, 4);
    assert_int_equal(l.order[0], 3);
    assert_int_equal(listed(k, OL_FILE_WANTED, 2, 1).n, 1);
    assert_int_equal(listed(k, OL_FILE_WANTED, 8, 0).n, 0);
    assert_int_equal(listed(k, OL_FILE_DAMAGED, 0, 0).n, 0);
}

#define TESTS(KIND)                                                           \
    KIND(a_file_has_one_row_and_a_state)                                       \
    KIND(a_size_holds_once_a_piece_is_there)                                   \
    KIND(pieces_come_back)                                                     \
    KIND(many_pieces_are_counted_from_the_gap)                                 \
    KIND(pieces_and_files_go)                                                  \
    KIND(files_are_listed_by_state_in_order)

int main(void)
{
    const struct CMUnitTest tests[] = KIT_BOTH(TESTS);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
