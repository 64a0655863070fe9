/*
 * Our handshakes against the vectors of another Noise library, bit for bit.
 *
 * Reads the file that the Go library github.com/flynn/noise installs. Each of
 * its four IKpsk2 vectors is played by two of our states, its transport
 * messages by the keys that come out; each of its four Kpsk0 vectors by one
 * seal and one open. Without the file both tests are skipped.
 */
#include "vectors.h"

#include <errno.h>
#include <string.h>

#include "crypto/knock.h"
#include "crypto/noise.h"

#define FLYNN "/usr/share/gocode/src/github.com/flynn/noise/vectors.txt"
#define SUITE "_25519_ChaChaPoly_BLAKE2b"
#define VECTORS_EACH 4u

struct party {
    uint8_t s_sk[32], s_pk[32], e_sk[32];
};

struct vector {
    struct party init, resp;
    uint8_t psk[32];
    uint8_t prologue_bytes[VECTORS_BYTES];
    struct ol_span prologue;
};

static void public_of(uint8_t pk[32], const uint8_t sk[32])
{
    struct ol_noise ns;

    /* An ephemeral key is one like any other. */
    ol_noise_ik_init(&ns, true, OL_SPAN(NULL, 0), sk, sk, sk, sk, sk);
    memcpy(pk, ns.e_pk, 32);
    ol_noise_fini(&ns);
}

static void read_vector(const struct block *b, struct vector *v)
{
    /* cppcheck-suppress uninitvar ; an array that is filled here */
    block_copy(b, "init_static", v->init.s_sk, 32);
    block_copy(b, "resp_static", v->resp.s_sk, 32);
    block_copy(b, "gen_init_ephemeral", v->init.e_sk, 32);
    block_copy(b, "gen_resp_ephemeral", v->resp.e_sk, 32);
    block_copy(b, "preshared_key", v->psk, 32);
    public_of(v->init.s_pk, v->init.s_sk);
    public_of(v->resp.s_pk, v->resp.s_sk);
    v->prologue = OL_SPAN(NULL, 0);
    if (block_find(b, "prologue"))
        v->prologue = block_bytes(b, "prologue", v->prologue_bytes);
}

static struct ol_span payload_of(const struct block *b, unsigned i,
                                 uint8_t buf[VECTORS_BYTES])
{
    char key[32];

    snprintf(key, sizeof(key), "msg_%u_payload", i);
    return block_bytes(b, key, buf);
}

static void ciphertext_equal(const struct block *b, unsigned i,
                             const uint8_t *msg, size_t n)
{
    char key[32];

    snprintf(key, sizeof(key), "msg_%u_ciphertext", i);
    block_equal(b, key, msg, n);
}

/* A frame without a head is a Noise transport message, counter and all. */
static void transport(const struct block *b, unsigned i,
                      const uint8_t session[32])
{
    struct ol_frame_key fk = {.index = 0};
    struct ol_span none = OL_SPAN(NULL, 0);
    uint8_t plain[VECTORS_BYTES], back[VECTORS_BYTES];
    uint8_t data[VECTORS_BYTES + OL_AEAD_TAG];
    struct ol_span payload = payload_of(b, i, plain);

    memcpy(fk.key, session, sizeof(fk.key));
    memcpy(data, payload.p, payload.n);
    ol_frame_seal(&fk, 0, none, data, payload.n);
    ciphertext_equal(b, i, data, payload.n + OL_AEAD_TAG);
    assert_int_equal(ol_frame_open(back, &fk, 0, none,
                                   OL_SPAN(data, payload.n + OL_AEAD_TAG)),
                     OL_OK);
    assert_memory_equal(back, payload.p, payload.n);
}

static void play_ik(const struct block *b)
{
    struct vector v;
    struct ol_noise init, resp;
    struct ol_noise_keys a, z;
    uint8_t plain[VECTORS_BYTES], back[VECTORS_BYTES];
    uint8_t msg[VECTORS_BYTES + 96];
    struct ol_span payload;

    read_vector(b, &v);
    ol_noise_ik_init(&init, true, v.prologue, v.init.s_sk, v.init.s_pk,
                     v.resp.s_pk, v.psk, v.init.e_sk);
    ol_noise_ik_init(&resp, false, v.prologue, v.resp.s_sk, v.resp.s_pk,
                     v.init.s_pk, v.psk, v.resp.e_sk);

    payload = payload_of(b, 0, plain);
    ol_noise_ik1_create(&init, payload, msg);
    ciphertext_equal(b, 0, msg, payload.n + 96);
    assert_int_equal(
        ol_noise_ik1_consume(&resp, OL_SPAN(msg, payload.n + 96), back),
        OL_OK);
    assert_memory_equal(back, payload.p, payload.n);

    payload = payload_of(b, 1, plain);
    ol_noise_ik2_create(&resp, payload, msg, &z);
    ciphertext_equal(b, 1, msg, payload.n + 48);
    assert_int_equal(
        ol_noise_ik2_consume(&init, OL_SPAN(msg, payload.n + 48), back, &a),
        OL_OK);
    assert_memory_equal(back, payload.p, payload.n);

    assert_memory_equal(&a, &z, sizeof(a));
    transport(b, 2, a.from_initiator);
    transport(b, 3, a.to_initiator);
    assert_null(block_find(b, "msg_4_payload"));
}

static void play_k(const struct block *b)
{
    struct vector v;
    uint8_t plain[VECTORS_BYTES], back[VECTORS_BYTES];
    uint8_t msg[VECTORS_BYTES + 48];
    struct ol_span payload;

    read_vector(b, &v);
    payload = payload_of(b, 0, plain);
    assert_int_equal(ol_noise_k_seal(v.prologue, v.init.s_sk, v.init.s_pk,
                                     v.resp.s_pk, v.psk, v.init.e_sk, payload,
                                     msg),
                     OL_OK);
    ciphertext_equal(b, 0, msg, payload.n + 48);
    assert_int_equal(ol_noise_k_open(v.prologue, v.resp.s_sk, v.resp.s_pk,
                                     v.init.s_pk, v.psk,
                                     OL_SPAN(msg, payload.n + 48), back),
                     OL_OK);
    assert_memory_equal(back, payload.p, payload.n);
}

/* Plays every vector of one handshake; four there have to be. */
static void play_all(const char *handshake, void (*play)(const struct block *))
{
    static struct block b;
    unsigned played = 0;
    FILE *file = fopen(FLYNN, "r");

    if (!file) {
        print_message("no %s (%s): install golang-github-flynn-noise-dev\n",
                      FLYNN, strerror(errno));
        skip();
    }
    while (block_next(file, &b)) {
        const char *name = block_find(&b, "handshake");

        if (!name || strcmp(name, handshake) != 0)
            continue;
        play(&b);
        played++;
    }
    fclose(file);
    assert_int_equal(played, VECTORS_EACH);
}

static void ikpsk2_matches_flynn(void **state)
{
    (void)state;
    play_all("Noise_IKpsk2" SUITE, play_ik);
}

static void kpsk0_matches_flynn(void **state)
{
    (void)state;
    play_all("Noise_Kpsk0" SUITE, play_k);
}

static int start(void **state)
{
    (void)state;
    return ol_crypto_init() == OL_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ikpsk2_matches_flynn),
        cmocka_unit_test(kpsk0_matches_flynn),
    };

    return cmocka_run_group_tests_name("noise vectors", tests, start, NULL);
}
