/* ChaChaPoly and what lies at rest: published values, every bit bent. */
#include "crypto/aead.h"
#include "crypto/trial.h"

/* RFC 8439, A.5. Its nonce begins with zeros, as Noise's does. */
static void rfc_8439(void **state)
{
    static const char *const sealed_hex =
        "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb2"
        "4c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100d4f03b7f355894cf"
        "332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c855"
        "9797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4"
        "b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523e"
        "af4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a"
        "0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a10"
        "49e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29"
        "a6ad5cb4022b02709beead9d67890cbb22392336fea1851f38";
    uint8_t key[32], ad[12], sealed[300], plain[300], again[300];
    struct ol_span a, in;

    (void)state;
    trial_hex(key, sizeof(key),
              "1c9240a5eb55d38af333888604f6b5f0"
              "473917c1402b80099dca5cbc207075c0");
    a = trial_hex(ad, sizeof(ad), "f33388860000000000004e91");
    in = trial_hex(sealed, sizeof(sealed), sealed_hex);
    assert_int_equal(
        ol_chachapoly_open(plain, key, 0x0807060504030201u, a, in), OL_OK);
    assert_memory_equal(plain, "Internet-Drafts are draft documents", 35);
    ol_chachapoly_seal(again, key, 0x0807060504030201u, a,
                       OL_SPAN(plain, in.n - OL_AEAD_TAG));
    assert_memory_equal(again, sealed, in.n);
}

/* draft-irtf-cfrg-xchacha, A.3.1, with the nonce in front as we have it. */
static void xchacha(void **state)
{
    uint8_t key[32], ad[12], sealed[200], plain[200];
    struct ol_span a, in;

    (void)state;
    trial_ramp(key, sizeof(key), 0x80);
    a = trial_hex(ad, sizeof(ad), "50515253c0c1c2c3c4c5c6c7");
    in = trial_hex(
        sealed, sizeof(sealed),
        "404142434445464748494a4b4c4d4e4f5051525354555657"
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
        "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
        "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
        "21f9664c97637da9768812f615c68b13b52e"
        "c0875924c1c7987947deafd8780acf49");
    assert_int_equal(ol_atrest_open(plain, key, a, in), OL_OK);
    assert_int_equal(in.n, 114 + OL_ATREST_OVER);
    assert_memory_equal(plain, "Ladies and Gentlemen of the class of '99", 40);
}

static void chachapoly_refuses(void **state)
{
    static const uint8_t zeros[40];
    uint8_t key[32], ad[5], plain[40], sealed[56], out[40];
    struct ol_span a = OL_SPAN_ARRAY(ad), in = OL_SPAN_ARRAY(sealed);

    (void)state;
    trial_ramp(key, sizeof(key), 1);
    trial_ramp(ad, sizeof(ad), 2);
    trial_ramp(plain, sizeof(plain), 3);
    ol_chachapoly_seal(sealed, key, 5, a, OL_SPAN_ARRAY(plain));
    for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        memset(out, 0xee, sizeof(out));
        assert_int_equal(ol_chachapoly_open(out, key, 5, a, in), OL_ERR_AUTH);
        assert_memory_equal(out, zeros, sizeof(out));
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t n = 0; n < sizeof(sealed); n++) {
        assert_int_equal(
            ol_chachapoly_open(out, key, 5, a, OL_SPAN(sealed, n)),
            n < OL_AEAD_TAG ? OL_ERR_SHORT : OL_ERR_AUTH);
    }
    assert_int_equal(ol_chachapoly_open(out, key, 6, a, in), OL_ERR_AUTH);
    assert_int_equal(ol_chachapoly_open(out, key, 5, OL_SPAN(ad, 4), in),
                     OL_ERR_AUTH);
    key[0] ^= 1;
    assert_int_equal(ol_chachapoly_open(out, key, 5, a, in), OL_ERR_AUTH);
    key[0] ^= 1;
    assert_int_equal(ol_chachapoly_open(out, key, 5, a, in), OL_OK);
    assert_memory_equal(out, plain, sizeof(plain));
}

static void in_place_and_empty(void **state)
{
    uint8_t key[32], data[48], tag[16];
    struct ol_span none = OL_SPAN(NULL, 0);

    (void)state;
    trial_ramp(key, sizeof(key), 1);
    trial_ramp(data, 32, 0);
    ol_chachapoly_seal(data, key, 0, none, OL_SPAN(data, 32));
    assert_int_equal(
        ol_chachapoly_open(data, key, 0, none, OL_SPAN_ARRAY(data)), OL_OK);
    for (uint8_t i = 0; i < 32; i++)
        assert_int_equal(data[i], i);

    /* Nothing is authenticated as strictly as something. */
    ol_chachapoly_seal(tag, key, 1, none, none);
    assert_int_equal(
        ol_chachapoly_open(NULL, key, 1, none, OL_SPAN_ARRAY(tag)), OL_OK);
    tag[3] ^= 1;
    assert_int_equal(
        ol_chachapoly_open(NULL, key, 1, none, OL_SPAN_ARRAY(tag)),
        OL_ERR_AUTH);
}

static void at_rest_refuses(void **state)
{
    uint8_t key[32], ad[20], plain[33], sealed[33 + OL_ATREST_OVER];
    uint8_t twice[sizeof(sealed)], out[33];
    struct ol_span a = OL_SPAN_ARRAY(ad), in = OL_SPAN_ARRAY(sealed);
    struct ol_rng rng;

    (void)state;
    trial_ramp(key, sizeof(key), 1);
    trial_ramp(ad, sizeof(ad), 2);
    trial_ramp(plain, sizeof(plain), 3);
    ol_rng_init(&rng, key);
    ol_atrest_seal(sealed, key, a, OL_SPAN_ARRAY(plain), &rng);
    ol_atrest_seal(twice, key, a, OL_SPAN_ARRAY(plain), &rng);
    assert_memory_not_equal(sealed, twice, 24); /* never the same nonce */
    for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(ol_atrest_open(out, key, a, in), OL_ERR_CORRUPT);
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t n = 0; n < sizeof(sealed); n++)
        assert_int_equal(ol_atrest_open(out, key, a, OL_SPAN(sealed, n)),
                         OL_ERR_CORRUPT);
    ad[7] ^= 1; /* the row was moved under another primary key */
    assert_int_equal(ol_atrest_open(out, key, a, in), OL_ERR_CORRUPT);
    ad[7] ^= 1;
    assert_int_equal(ol_atrest_open(out, key, a, in), OL_OK);
    assert_memory_equal(out, plain, sizeof(plain));

    ol_atrest_seal(sealed, key, a, OL_SPAN(NULL, 0), &rng);
    in.n = OL_ATREST_OVER;
    assert_int_equal(ol_atrest_open(NULL, key, a, in), OL_OK);
    sealed[OL_ATREST_OVER - 1] ^= 1;
    assert_int_equal(ol_atrest_open(NULL, key, a, in), OL_ERR_CORRUPT);
}

/* What is sealed with a count opens as if each nonce had been drawn. */
static void at_rest_one_after_the_other(void **state)
{
    uint8_t key[32], ad[20], plain[70], out[70];
    uint8_t sealed[3][70 + OL_ATREST_OVER], other[70 + OL_ATREST_OVER];
    struct ol_span a = OL_SPAN_ARRAY(ad), in = OL_SPAN_ARRAY(plain);
    struct ol_atrest at, again;
    struct ol_rng rng;

    (void)state;
    trial_ramp(key, sizeof(key), 1);
    trial_ramp(ad, sizeof(ad), 2);
    trial_ramp(plain, sizeof(plain), 3);
    ol_rng_init(&rng, key);
    ol_atrest_init(&at, key, &rng);
    ol_atrest_init(&again, key, &rng);
    /* The count's bytes, all of them. */
    for (unsigned k = 0; k < 3; k++) {
        at.count = k == 0 ? 0 : UINT64_C(0x0102030405060708) + k;
        ol_atrest_next(&at, sealed[k], a, in);
        assert_int_equal(ol_atrest_open(out, key, a,
                                        OL_SPAN_ARRAY(sealed[k])), OL_OK);
        assert_memory_equal(out, plain, sizeof(plain));
    }
    ol_atrest_next(&at, sealed[0], a, in);
    ol_atrest_next(&at, sealed[1], a, in);
    assert_memory_equal(sealed[0], sealed[1], 16);
    assert_memory_not_equal(sealed[0], sealed[1], 24);
    assert_memory_not_equal(sealed[0] + 24, sealed[1] + 24, sizeof(plain));
    /* Nor does one that is opened anew begin with the same. */
    again.count = at.count;
    ol_atrest_next(&again, other, a, in);
    assert_memory_not_equal(sealed[1], other, 16);
    sealed[1][20] ^= 1; /* the count is a part of the nonce */
    assert_int_equal(ol_atrest_open(out, key, a, OL_SPAN_ARRAY(sealed[1])),
                     OL_ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_8439),
        cmocka_unit_test(xchacha),
        cmocka_unit_test(chachapoly_refuses),
        cmocka_unit_test(in_place_and_empty),
        cmocka_unit_test(at_rest_refuses),
        cmocka_unit_test(at_rest_one_after_the_other),
    };

    return TRIAL_RUN(tests);
}
