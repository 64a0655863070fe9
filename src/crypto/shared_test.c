/* What two stations share: the same on both sides, or refused. */
#include "crypto/trial.h"

struct two {
    struct ol_identity a, b;
    struct ol_peer_keys a_card, b_card;
    uint8_t a_share[32], b_share[32];
};

static void make_two(struct two *t)
{
    trial_identity(&t->a, 1);
    trial_identity(&t->b, 2);
    t->a_card = trial_card(&t->a);
    t->b_card = trial_card(&t->b);
    trial_ramp(t->a_share, 32, 10);
    trial_ramp(t->b_share, 32, 100);
}

static enum ol_err a_makes(struct ol_shared *shared, const struct two *t)
{
    return ol_shared_make(shared, &t->a, &t->b_card, t->a_share, t->b_share);
}

static void both_sides_agree(void **state)
{
    struct two t;
    struct ol_shared a, b;
    char a_number[72], b_number[72];

    (void)state;
    make_two(&t);
    assert_int_equal(a_makes(&a, &t), OL_OK);
    assert_int_equal(
        ol_shared_make(&b, &t.b, &t.a_card, t.b_share, t.a_share), OL_OK);
    assert_int_equal(a.lower, !b.lower);
    assert_int_equal(a.lower, memcmp(t.a.ed_pk, t.b.ed_pk, 32) < 0);
    assert_memory_equal(a.line_id, b.line_id, 32);
    assert_memory_equal(a.psk, b.psk, 32);
    ol_safety_number(a_number, &a);
    ol_safety_number(b_number, &b);
    assert_string_equal(a_number, b_number);
    assert_int_equal(strlen(a_number), 71);
    for (unsigned i = 0; i < 71; i++) {
        if (i % 6 == 5)
            assert_int_equal(a_number[i], ' ');
        else
            assert_in_range(a_number[i], '0', '9');
    }
}

static void a_wrong_share_shows(void **state)
{
    struct two t;
    struct ol_shared a, wrong;
    char a_number[72], wrong_number[72];

    (void)state;
    make_two(&t);
    assert_int_equal(a_makes(&a, &t), OL_OK);
    t.b_share[31] ^= 1;
    assert_int_equal(a_makes(&wrong, &t), OL_OK);
    /* The line is known by its keys; the secret is another. */
    assert_memory_equal(a.line_id, wrong.line_id, 32);
    assert_memory_not_equal(a.psk, wrong.psk, 32);
    ol_safety_number(a_number, &a);
    ol_safety_number(wrong_number, &wrong);
    assert_string_not_equal(a_number, wrong_number);
}

static void every_key_counts(void **state)
{
    struct two t, other;
    struct ol_shared a, b;

    (void)state;
    make_two(&t);
    assert_int_equal(a_makes(&a, &t), OL_OK);
    trial_identity(&other.a, 3);
    other.a_card = trial_card(&other.a);
    memcpy(t.b_card.x_pk, other.a_card.x_pk, 32);
    assert_int_equal(a_makes(&b, &t), OL_OK);
    assert_memory_not_equal(a.line_id, b.line_id, 32);
    assert_memory_not_equal(a.psk, b.psk, 32);
    make_two(&t);
    memcpy(t.b_card.ed_pk, other.a_card.ed_pk, 32);
    assert_int_equal(a_makes(&b, &t), OL_OK);
    assert_memory_not_equal(a.line_id, b.line_id, 32);
}

static void own_keys_are_foreign(void **state)
{
    struct two t;
    struct ol_shared shared;

    (void)state;
    make_two(&t);
    t.b_card = t.a_card;
    assert_int_equal(a_makes(&shared, &t), OL_ERR_FOREIGN);
    make_two(&t);
    memcpy(t.b_card.x_pk, t.a_card.x_pk, 32);
    assert_int_equal(a_makes(&shared, &t), OL_ERR_FOREIGN);
    make_two(&t);
    memcpy(t.b_card.ed_pk, t.a_card.ed_pk, 32);
    assert_int_equal(a_makes(&shared, &t), OL_ERR_FOREIGN);
}

static void no_secret_no_line(void **state)
{
    static const char *const bad_ed[] = {
        /* of order 1, 4, 2 and 8; above the prime; no point at all */
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0200000000000000000000000000000000000000000000000000000000000000",
    };
    struct two t;
    struct ol_shared shared;

    (void)state;
    make_two(&t);
    memset(t.a_share, 0, 32);
    assert_int_equal(a_makes(&shared, &t), OL_ERR_INPUT);
    make_two(&t);
    memset(t.b_share, 0, 32);
    assert_int_equal(a_makes(&shared, &t), OL_ERR_INPUT);
    for (size_t i = 0; i < TRIAL_SMALL_ORDER; i++) {
        make_two(&t);
        trial_hex(t.b_card.x_pk, 32, trial_small_order[i]);
        assert_int_equal(a_makes(&shared, &t), OL_ERR_INPUT);
    }
    for (size_t i = 0; i < sizeof(bad_ed) / sizeof(bad_ed[0]); i++) {
        make_two(&t);
        trial_hex(t.b_card.ed_pk, 32, bad_ed[i]);
        assert_int_equal(a_makes(&shared, &t), OL_ERR_INPUT);
    }
}

static void channels_have_tags(void **state)
{
    uint8_t line[32], other[32];

    (void)state;
    trial_ramp(line, 32, 1);
    trial_ramp(other, 32, 2);
    assert_int_equal(ol_channel_tag(line, OL_SPAN("tcp", 3)),
                     ol_channel_tag(line, OL_SPAN("tcp", 3)));
    assert_int_not_equal(ol_channel_tag(line, OL_SPAN("tcp", 3)),
                         ol_channel_tag(line, OL_SPAN("udp", 3)));
    assert_int_not_equal(ol_channel_tag(line, OL_SPAN("tcp", 3)),
                         ol_channel_tag(other, OL_SPAN("tcp", 3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_agree),
        cmocka_unit_test(a_wrong_share_shows),
        cmocka_unit_test(every_key_counts),
        cmocka_unit_test(own_keys_are_foreign),
        cmocka_unit_test(no_secret_no_line),
        cmocka_unit_test(channels_have_tags),
    };

    return TRIAL_RUN(tests);
}
