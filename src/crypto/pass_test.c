/*
 * Passphrases and sealed streams.
 *
 * Vectors: libsodium's own (test/default/pwhash_argon2id.c), and two that the
 * reference implementation's command made (argon2 PASS -id -t -k -p 1).
 */
#include "crypto/pass.h"
#include "crypto/trial.h"

static void known_answers(void **state)
{
    static const struct {
        const char *pass, *salt;
        uint32_t ops, mem_kib;
        size_t n;
        const char *key;
    } all[] = {
        {"a347ae92bce9f80f6f595a4480fc9c2fe7e7d7148d371e9487d75f5c23008ffae0"
         "65577a928febd9b1973a5a95073acdbeb6a030cfc0d79caa2dc5cd011cef02c08d"
         "a232d76d52dfbca38ca8dcbd665b17d1665f7cf5fe59772ec909733b24de97d6f5"
         "8d220b20c60d7c07ec1fd93c52c31020300c6c1facd77937a597c7a6",
         "5541fbc995d5c197ba290346d2c559de", 5, 7086, 155,
         "18acec5d6507739f203d1f5d9f1d862f7c2cdac4f19d2bdff64487e60d969e3ced"
         "615337b9eec6ac4461c6ca07f0939741e57c24d0005c7ea171a0ee1e7348249d13"
         "5b38f222e4dad7b9a033ed83f5ca27277393e316582033c74affe2566a2bea47f9"
         "1f0fd9fe49ece7e1f79f3ad6e9b23e0277c8ecc4b313225748dd2a80f5679534a0"
         "700e246a79a49b3f74eb89ec6205fe1eeb941c73b1fcf1"},
        {"70617373776f7264", "736f6d6573616c74736f6d6573616c74", 3, 8192, 32,
         "02950b5580d9c4909f78967fb3a6bfe9f0839ed64b932b118aba21ec89705b29"},
        {"61", "30313233343536373839616263646566", 1, 64, 32,
         "9fe0be50c52474df4e48fe5467f6ef55c129a540534851df057fb644896767db"},
    };

    (void)state;
    for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
        struct ol_kdf kdf = {.ops = all[k].ops, .mem_kib = all[k].mem_kib};
        uint8_t pass[256], key[256];
        struct ol_span p = trial_hex(pass, sizeof(pass), all[k].pass);

        trial_hex(kdf.salt, sizeof(kdf.salt), all[k].salt);
        assert_int_equal(ol_kdf_key(key, all[k].n, &kdf, p), OL_OK);
        trial_equal_hex(key, all[k].n, all[k].key);
    }
}

/* Whatever a file asks for: refused before any memory is taken. */
static void bounds(void **state)
{
    static const uint32_t bad[][2] = {
        {0, 64}, {OL_KDF_OPS_MAX + 1, 64}, {UINT32_MAX, 64}, {1, 0},
        {1, OL_KDF_MEM_KIB_MIN - 1}, {1, OL_KDF_MEM_KIB_MAX + 1},
        {1, UINT32_MAX}, {0, 0}, {UINT32_MAX, UINT32_MAX}};
    struct ol_kdf kdf = {.ops = 1, .mem_kib = 64};
    uint8_t key[32], longest[OL_PASSPHRASE_MAX + 1] = {1};

    (void)state;
    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
        struct ol_kdf asks = {.ops = bad[k][0], .mem_kib = bad[k][1]};

        assert_false(ol_kdf_ok(&asks));
        assert_int_equal(ol_kdf_key(key, 32, &asks, OL_SPAN("x", 1)),
                         OL_ERR_INPUT);
    }
    assert_int_equal(ol_kdf_key(key, 32, &kdf, OL_SPAN("", 0)), OL_ERR_INPUT);
    assert_int_equal(ol_kdf_key(key, 32, &kdf, OL_SPAN_ARRAY(longest)),
                     OL_ERR_INPUT);
    assert_int_equal(ol_kdf_key(key, 32, &kdf,
                                OL_SPAN(longest, OL_PASSPHRASE_MAX)), OL_OK);
}

#define PIECES 4u
struct sealed {
    uint8_t key[OL_KEY], head[OL_STREAM_HEAD];
    uint8_t piece[PIECES][100 + OL_STREAM_OVER];
    size_t n[PIECES];
};

static void seal(struct sealed *x)
{
    struct ol_stream s;
    uint8_t text[100];

    trial_ramp(x->key, sizeof(x->key), 9);
    trial_ramp(text, sizeof(text), 1);
    ol_stream_seal_start(&s, x->head, x->key);
    for (size_t k = 0; k < PIECES; k++) {
        size_t n = k + 1 == PIECES ? 0 : 100 - k;

        ol_stream_seal(&s, x->piece[k], k ? OL_SPAN("", 0) : OL_SPAN("ad", 2),
                       OL_SPAN(text, n), k + 1 == PIECES);
        x->n[k] = n + OL_STREAM_OVER;
    }
}

/* How many pieces open, in the given order; *last: the end was seen. */
static unsigned opens(const struct sealed *x, const unsigned *order, size_t n,
                      bool *last)
{
    struct ol_stream s;
    uint8_t out[100];

    *last = false;
    ol_stream_open_start(&s, x->head, x->key);
    for (unsigned k = 0; k < n; k++) {
        unsigned at = order[k];

        if (ol_stream_open(&s, out, k ? OL_SPAN("", 0) : OL_SPAN("ad", 2),
                           OL_SPAN(x->piece[at], x->n[at]), last) != OL_OK)
            return k;
    }
    return (unsigned)n;
}

static void streams(void **state)
{
    static const unsigned whole[] = {0, 1, 2, 3}, swapped[] = {0, 2, 1, 3},
                          again[] = {0, 0, 1, 3}, skipped[] = {0, 1, 3};
    struct sealed x, y;
    bool last;

    (void)state;
    seal(&x);
    assert_int_equal(opens(&x, whole, 4, &last), 4);
    assert_true(last);
    assert_int_equal(opens(&x, whole, 3, &last), 3);
    assert_false(last); /* cut: everything opens but for the end */
    assert_int_equal(opens(&x, swapped, 4, &last), 1);
    assert_int_equal(opens(&x, again, 4, &last), 1);
    assert_int_equal(opens(&x, skipped, 3, &last), 2);
    for (unsigned k = 0; k < PIECES; k++) {
        y = x;
        y.piece[k][x.n[k] / 2] ^= 1;
        assert_int_equal(opens(&y, whole, 4, &last), k);
    }
    y = x;
    y.head[3] ^= 1;
    assert_int_equal(opens(&y, whole, 4, &last), 0);
    y = x;
    y.n[0] = OL_STREAM_OVER - 1;
    assert_int_equal(opens(&y, whole, 4, &last), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(bounds),
        cmocka_unit_test(streams),
    };

    return TRIAL_RUN(tests);
}
