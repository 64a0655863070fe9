/* The text of a checkpoint to the letter, and what its signature binds. */
#include "crypto/tree.h"
#include "crypto/trial.h"

#include <openline/record.h>
#include <stdio.h>

struct claim {
    uint8_t line[32], author[32], root[OL_HASH];
    uint8_t prec;
    uint32_t size;
};

static void make_claim(struct claim *c, const struct ol_identity *id)
{
    trial_ramp(c->line, 32, 0);
    memcpy(c->author, id->ed_pk, 32);
    trial_ramp(c->root, OL_HASH, 0xf0);
    c->prec = OL_PRIORITY;
    c->size = 17;
}

static enum ol_err check(const uint8_t sig[OL_SIG], const struct claim *c)
{
    return ol_checkpoint_check(sig, c->line, c->author, c->prec, c->size,
                               c->root);
}

static void the_text(void **state)
{
    static const char *const names[OL_PRECS] = {"flash", "immediate",
                                                "priority", "routine"};
    static const uint32_t sizes[] = {0, 1, 10, 999, UINT32_MAX};
    char text[OL_CHECKPOINT_TEXT], want[OL_CHECKPOINT_TEXT + 1];
    uint8_t line[32], author[32], root[OL_HASH];

    (void)state;
    trial_ramp(line, 32, 0);
    trial_ramp(author, 32, 0xe0);
    trial_ramp(root, OL_HASH, 0xf0);
    for (uint8_t prec = 0; prec < OL_PRECS; prec++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            size_t n = ol_checkpoint_text(text, line, author, prec, sizes[i],
                                          root);
            int len = snprintf(
                want, sizeof(want),
                "openline/000102030405060708090a0b0c0d0e0f"
                "101112131415161718191a1b1c1d1e1f/"
                "e0e1e2e3e4e5e6e7e8e9eaebecedeeef"
                "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff/%s\n%u\n"
                "8PHy8/T19vf4+fr7/P3+/wABAgMEBQYHCAkKCwwNDg8=\n",
                names[prec], (unsigned)sizes[i]);

            assert_int_equal(n, len);
            assert_memory_equal(text, want, n);
        }
    }
}

static void the_signature_is_plain_ed25519(void **state)
{
    struct ol_identity id;
    struct claim c;
    uint8_t sig[OL_SIG];
    char text[OL_CHECKPOINT_TEXT];

    (void)state;
    trial_identity(&id, 1);
    make_claim(&c, &id);
    ol_checkpoint_sign(sig, &id, c.line, c.prec, c.size, c.root);
    size_t n = ol_checkpoint_text(text, c.line, c.author, c.prec, c.size,
                                  c.root);
    assert_int_equal(crypto_sign_verify_detached(sig, (const uint8_t *)text, n,
                                                 id.ed_pk),
                     0);
    assert_int_equal(check(sig, &c), OL_OK);
}

static void every_part_is_bound(void **state)
{
    struct ol_identity id;
    struct claim c;
    uint8_t sig[OL_SIG];

    (void)state;
    trial_identity(&id, 1);
    make_claim(&c, &id);
    ol_checkpoint_sign(sig, &id, c.line, c.prec, c.size, c.root);
    for (size_t i = 0; i < OL_SIG; i++) {
        sig[i] ^= 1;
        assert_int_equal(check(sig, &c), OL_ERR_AUTH);
        sig[i] ^= 1;
    }
    for (size_t i = 0; i < 32; i++) {
        c.line[i] ^= 1;
        assert_int_equal(check(sig, &c), OL_ERR_AUTH);
        c.line[i] ^= 1;
        c.author[i] ^= 1;
        assert_int_equal(check(sig, &c), OL_ERR_AUTH);
        c.author[i] ^= 1;
        c.root[i] ^= 1;
        assert_int_equal(check(sig, &c), OL_ERR_AUTH);
        c.root[i] ^= 1;
    }
    for (unsigned bit = 0; bit < 32; bit++) {
        c.size ^= 1u << bit;
        assert_int_equal(check(sig, &c), OL_ERR_AUTH);
        c.size ^= 1u << bit;
    }
    for (unsigned prec = 0; prec < 256; prec++) {
        c.prec = (uint8_t)prec;
        assert_int_equal(check(sig, &c), prec == OL_PRIORITY ? OL_OK
                                         : prec < OL_PRECS ? OL_ERR_AUTH
                                                           : OL_ERR_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text),
        cmocka_unit_test(the_signature_is_plain_ed25519),
        cmocka_unit_test(every_part_is_bound),
    };

    return TRIAL_RUN(tests);
}
