/*
 * HMAC-BLAKE2b and HKDF against Python's hmac with hashlib's blake2b:
 * hmac.new(key, message, 'blake2b'), and the HKDF of the Noise specification
 * written with it.
 */
#include "crypto/hkdf.h"
#include "crypto/trial.h"

static void hmac_matches_python(void **state)
{
    uint8_t key[128], zeros[200] = {0}, out[OL_HMAC];
    struct ol_span none = OL_SPAN(NULL, 0);

    (void)state;
    trial_ramp(key, sizeof(key), 0);
    ol_hmac(out, OL_SPAN(key, 64), OL_SPAN("Hi ", 3), OL_SPAN("There", 5));
    trial_equal_hex(out, OL_HMAC,
                    "56d20134eaed2944e0783f2143ba8bac665fa23ba63c40da"
                    "4bf5b46f0b0427751f55a64e62eb4db35c7e202a8465f677"
                    "d117cb08596c78b05df0747800596167");
    /* a key of a whole block */
    ol_hmac(out, OL_SPAN(key, 128), OL_SPAN_ARRAY(zeros), none);
    trial_equal_hex(out, OL_HMAC,
                    "17f6253bddf7819bf96d3cf05380832cb3bdeaa7cba9bdcb"
                    "79c8bad838a29d008cad63061786fa1b6d290026d58f8e67"
                    "ecaf3edf7cfae9fd82cc31717d73c3dd");
    ol_hmac(out, none, none, none);
    trial_equal_hex(out, OL_HMAC,
                    "198cd2006f66ff83fbbd913f78aca2251caf4f19fe9475aa"
                    "de8cf2091b99a68466775177424f58286886cbae8229644c"
                    "ec747237d4b721735485e17372fdf59c");
}

static void hkdf_matches_python(void **state)
{
    uint8_t ck[OL_HMAC], input[32], two[OL_HMAC], three[OL_HMAC];

    (void)state;
    trial_ramp(ck, sizeof(ck), 0);
    trial_ramp(input, sizeof(input), 0);
    /* ck is replaced in place, as the handshake does it */
    ol_hkdf(ck, two, three, ck, OL_SPAN_ARRAY(input));
    trial_equal_hex(ck, OL_HMAC,
                    "b257cf2863e7aa7f84d41d31e58df6dfb1e0a6cf3172192c"
                    "c35eba2625a21975db4475b2ef89316383acac6b2ac7cf03"
                    "f7583e0ff20a64fb208fa5b1199f835f");
    trial_equal_hex(two, OL_HMAC,
                    "4f4d712feaff914e80db4d0d400a46056854134b5001018c"
                    "4f1fe19bb477053c5a9b92f8c937b1328c0ae7e51895b8d6"
                    "8068bc84d59436cc3b75de5a2d6d0630");
    trial_equal_hex(three, OL_HMAC,
                    "c3e03a921f0f492329fe003e995b982fdd8c0596cc3575e0"
                    "1c2f24234e05e4778d233726d60ffe48a7d9ef235a6ff5fa"
                    "c555bafcfdd1272c4763ded2e01c0c3f");
}

static void hkdf_of_nothing(void **state)
{
    uint8_t ck[OL_HMAC], one[OL_HMAC], two[OL_HMAC];

    (void)state;
    trial_ramp(ck, sizeof(ck), 0);
    ol_hkdf(one, two, NULL, ck, OL_SPAN(NULL, 0));
    trial_equal_hex(one, OL_HMAC,
                    "03be0946afb62e33dcc2e8cb76dfad47663d284d81c0bde9"
                    "63f32a283dede221be2b9e3a86fa82934234d2a6ed331fb6"
                    "64a3e670252b9454da9ed2567b435e11");
    trial_equal_hex(two, OL_HMAC,
                    "8481b385940ea1ddc1e37243d34e6a00d9e35fe86844b75b"
                    "e2f9d084efcbf4a9d18c764645baf5262707efcb490c9ddf"
                    "cc81c78ff75e1e727428f05b9fee857f");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hmac_matches_python),
        cmocka_unit_test(hkdf_matches_python),
        cmocka_unit_test(hkdf_of_nothing),
    };

    return TRIAL_RUN(tests);
}
