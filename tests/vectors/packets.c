/*
 * Whole packets, records and cards of openline.txt against our own.
 *
 * Each is read as a receiver reads it and made as a sender makes it, from the
 * same keys, nonces and numbers; both have to come out the same.
 */
#include "ground.h"

#include <string.h>

#include "core/card.h"
#include "crypto/knock.h"
#include "crypto/noise.h"
#include "crypto/tree.h"
#include "wire/chunk.h"
#include "wire/frame.h"
#include "wire/record.h"

#define OVER (OL_SEALED_HEAD + OL_TAG)

static uint8_t out[VECTORS_BYTES];

static void same(struct ol_span a, struct ol_span b)
{
    assert_int_equal(a.n, b.n);
    if (a.n > 0)
        assert_memory_equal(a.p, b.p, a.n);
}

/* ---- records and cards -------------------------------------------------- */

static void play_record(const struct block *b)
{
    uint8_t buf[VECTORS_BYTES], leaf[OL_HASH];
    struct ol_span bytes = block_bytes(b, "bytes", buf);
    struct ol_record rec;
    struct ol_writer w;

    assert_int_equal(ol_record_decode(bytes, &rec), OL_OK);
    ol_writer_init(&w, out, sizeof(out));
    assert_int_equal(ol_record_encode(&w, &rec), OL_OK);
    same(ol_writer_span(&w), bytes);
    ol_writer_init(&w, out, sizeof(out));
    assert_int_equal(ol_record_encode_body(&w, &rec), OL_OK);
    block_equal(b, "body", w.p, w.n);
    ol_tree_leaf(leaf, shared.line_id, ground_station(b)->ed_pk, bytes);
    block_equal(b, "leaf", leaf, sizeof(leaf));
}

static void records(void **state)
{
    (void)state;
    ground_play("record", play_record, 2);
}

static struct ol_span card_text(const struct block *b, char text[4096])
{
    struct ol_writer w;
    char key[32];

    ol_writer_init(&w, text, 4096);
    for (unsigned k = 0;; k++) {
        snprintf(key, sizeof(key), "text_%u", k);
        if (!block_find(b, key))
            break;
        ol_write_bytes(&w, ol_span_str(block_find(b, key)));
        ol_write_u8(&w, '\n');
    }
    assert_false(w.failed);
    return ol_writer_span(&w);
}

static void play_card(const struct block *b)
{
    const struct ol_identity *id = ground_station(b);
    char buf[4096], made[4096];
    struct ol_span text = card_text(b, buf);
    struct ol_card card;
    struct ol_writer w;

    assert_int_equal(ol_card_open(text, &card), OL_OK);
    assert_memory_equal(card.ed_pk, id->ed_pk, 32);
    assert_memory_equal(card.x_pk, id->x_pk, 32);
    ol_writer_init(&w, made, sizeof(made));
    assert_int_equal(ol_card_seal(&w, &card, id), OL_OK);
    same(ol_writer_span(&w), text);
    ol_writer_init(&w, out, sizeof(out));
    assert_int_equal(ol_card_encode(&w, &card), OL_OK);
    block_equal(b, "body", w.p, w.n);
}

static void cards(void **state)
{
    (void)state;
    ground_play("card", play_card, 1);
}

/* ---- the handshake ------------------------------------------------------ */

static uint8_t prologue[49];

static void noise_of(struct ol_noise *ns, const struct block *b, bool first)
{
    const struct ol_identity *own = first ? &north : &south;
    const struct ol_identity *peer = first ? &south : &north;
    uint8_t e_sk[32];
    struct ol_writer w;

    memcpy(prologue, "openline\1", 9);
    memcpy(prologue + 9, shared.line_id, 32);
    ol_writer_init(&w, prologue + 41, 8);
    ol_write_u64(&w, block_number(b, "opening"));
    block_copy(b, "e_sk", e_sk, 32);
    ol_noise_ik_init(ns, first, OL_SPAN_ARRAY(prologue), own->x_sk, own->x_pk,
                     peer->x_pk, shared.psk, e_sk);
}

/* Wraps a Noise message as the block says, and unwraps the block's packet. */
static void wrapped(const struct block *b, uint8_t type, bool first,
                    struct ol_span noise)
{
    struct ol_shared from = shared, to = shared;
    struct ol_wrap_keys sender, receiver;
    struct ol_knock k = {
        .opening = block_number(b, "opening"),
        .tag = ol_channel_tag(shared.line_id,
                              ol_span_str(block_text(b, "name"))),
        .noise = noise};
    struct ol_knock back;
    uint8_t nonce[16], packet[VECTORS_BYTES], plain[VECTORS_BYTES];
    struct ol_writer w;

    from.lower = first;
    to.lower = !first;
    ol_wrap_keys_make(&sender, &from);
    ol_wrap_keys_make(&receiver, &to);
    block_copy(b, "nonce", nonce, sizeof(nonce));
    ol_writer_init(&w, plain, sizeof(plain));
    ol_knock_encode(&w, &k);
    assert_false(w.failed);
    ol_wrap_seal(packet, &sender, type, nonce, ol_writer_span(&w));
    block_equal(b, "packet", packet, w.n + OVER);

    assert_true(ol_wrap_ours(&receiver, OL_SPAN(packet, w.n + OVER)));
    assert_int_equal(
        ol_wrap_open(plain, &receiver, OL_SPAN(packet, w.n + OVER)), OL_OK);
    assert_int_equal(ol_knock_decode(OL_SPAN(plain, w.n), &back), OL_OK);
    assert_int_equal(back.opening, k.opening);
    assert_int_equal(back.tag, k.tag);
    same(back.noise, noise);
}

static struct ol_noise init, resp;

/* The second message needs the first one's states. */
static void play_knock(const struct block *b)
{
    uint8_t buf[VECTORS_BYTES], msg[VECTORS_BYTES];
    struct ol_span payload = block_bytes(b, "payload", buf);

    noise_of(&init, b, true);
    ol_noise_ik1_create(&init, payload, msg);
    block_equal(b, "noise", msg, payload.n + OL_NOISE_IK1_OVER);
    wrapped(b, OL_PACKET_KNOCK, true,
            OL_SPAN(msg, payload.n + OL_NOISE_IK1_OVER));
}

static void play_response(const struct block *b)
{
    uint8_t buf[VECTORS_BYTES], msg[VECTORS_BYTES];
    struct ol_span payload = block_bytes(b, "payload", buf);
    struct ol_noise_keys keys, other;

    ol_noise_ik2_create(&resp, payload, msg, &keys);
    block_equal(b, "noise", msg, payload.n + OL_NOISE_IK2_OVER);
    wrapped(b, OL_PACKET_RESPONSE, false,
            OL_SPAN(msg, payload.n + OL_NOISE_IK2_OVER));
    assert_int_equal(
        ol_noise_ik2_consume(&init,
                             OL_SPAN(msg, payload.n + OL_NOISE_IK2_OVER), out,
                             &other),
        OL_OK);
    same(OL_SPAN(out, payload.n), payload);
    assert_memory_equal(&keys, &other, sizeof(keys));
    block_equal(b, "from_initiator", keys.from_initiator, OL_KEY);
    block_equal(b, "to_initiator", keys.to_initiator, OL_KEY);
}

static struct block knock;

static void keep_knock(const struct block *b)
{
    knock = *b;
    /* The values point into the block they were read to. */
    for (size_t i = 0; i < b->n; i++)
        knock.value[i] = knock.line[i] + (b->value[i] - b->line[i]);
}

/* HELLO and OPENINGS of a payload. */
static void payload_says(const struct block *b, unsigned version,
                         uint64_t made, uint64_t seen)
{
    uint8_t buf[VECTORS_BYTES];
    struct ol_openings o;
    struct ol_hello hello;
    struct ol_chunk c;
    struct ol_reader r;

    ol_reader_init(&r, block_bytes(b, "payload", buf));
    assert_int_equal(ol_chunk_next(&r, OL_IN_HANDSHAKE, &c), OL_OK);
    assert_int_equal(c.type, OL_CHUNK_HELLO);
    assert_int_equal(ol_hello_decode(c.body, &hello), OL_OK);
    assert_int_equal(hello.version_max, version);
    assert_int_equal(hello.frame_max, OL_FRAME_MAX);
    assert_int_equal(ol_chunk_next(&r, OL_IN_HANDSHAKE, &c), OL_OK);
    assert_int_equal(c.type, OL_CHUNK_OPENINGS);
    assert_int_equal(ol_openings_decode(c.body, &o), OL_OK);
    assert_true(o.made == made && o.seen == seen);
}

static void begin_response(const struct block *b)
{
    uint8_t buf[VECTORS_BYTES];

    noise_of(&resp, b, false);
    assert_int_equal(
        ol_noise_ik1_consume(&resp, block_bytes(&knock, "noise", buf), out),
        OL_OK);
    block_equal(&knock, "payload", out,
                block_bytes(&knock, "noise", buf).n - OL_NOISE_IK1_OVER);
    payload_says(&knock, OL_PROTOCOL_VERSION, 5, 6);
    payload_says(b, OL_PROTOCOL_VERSION, UINT64_C(1) << 32, 7);
}

static void handshake(void **state)
{
    (void)state;
    ground_play("knock", keep_knock, 1);
    play_knock(&knock);
    ground_play("response", begin_response, 1);
    ground_play("response", play_response, 1);
}

/* ---- chunks and bundles ------------------------------------------------- */

/* Decodes a chunk and encodes it again. */
static bool again(struct ol_writer *w, const struct ol_chunk *c)
{
    struct ol_probe probe;
    struct ol_view view;
    struct ol_ack ack;
    struct ol_held held;
    struct ol_segment segment;
    struct ol_blob blob;
    struct ol_units units;
    struct ol_want want;

    switch (c->type) {
    case OL_CHUNK_PROBE:
        return ol_probe_decode(c->body, &probe) == OL_OK &&
               ol_probe_encode(w, &probe);
    case OL_CHUNK_ECHO:
        return ol_echo_decode(c->body, &probe) == OL_OK &&
               ol_echo_encode(w, &probe);
    case OL_CHUNK_VIEW:
        return ol_view_decode(c->body, &view) == OL_OK &&
               ol_view_encode(w, &view);
    case OL_CHUNK_ACK:
        return ol_ack_decode(c->body, &ack) == OL_OK && ol_ack_encode(w, &ack);
    case OL_CHUNK_HELD:
        return ol_held_decode(c->body, &held) == OL_OK &&
               ol_held_encode(w, &held);
    case OL_CHUNK_BLOB:
        return ol_blob_decode(c->body, &blob) == OL_OK &&
               ol_blob_encode(w, &blob);
    case OL_CHUNK_UNITS:
        return ol_units_decode(c->body, &units) == OL_OK &&
               ol_units_encode(w, &units);
    case OL_CHUNK_WANT:
        return ol_want_decode(c->body, &want) == OL_OK &&
               ol_want_encode(w, &want);
    default:
        return c->type == OL_CHUNK_SEGMENT &&
               ol_segment_decode(c->body, &segment) == OL_OK &&
               ol_segment_encode(w, &segment);
    }
}

/* The names of all chunks; each must come out as it went in. */
static void walk(struct ol_span plain, uint8_t where, char names[256])
{
    struct ol_reader r;
    struct ol_chunk c;
    struct ol_writer w;
    size_t n = 0;

    ol_reader_init(&r, plain);
    ol_writer_init(&w, out, sizeof(out));
    names[0] = '\0';
    for (;;) {
        assert_int_equal(ol_chunk_next(&r, where, &c), OL_OK);
        if (c.type == OL_CHUNK_PAD)
            break;
        assert_true(again(&w, &c));
        n += (size_t)snprintf(names + n, 256 - n, "%s%s", n ? " " : "",
                              ol_chunk_rule(c.type)->name);
    }
    assert_memory_equal(out, plain.p, w.n);
}

static void play_chunks(const struct block *b)
{
    uint8_t buf[VECTORS_BYTES];
    char names[256];

    walk(block_bytes(b, "plain", buf), OL_IN_FRAME, names);
    assert_string_equal(names, block_text(b, "chunks"));
}

/* The hash is plain BLAKE2b-256 of the content, which the blobs carry. */
static void play_attachment(const struct block *b)
{
    uint8_t content[VECTORS_BYTES], hash[32], want[32];
    struct ol_digest d;

    block_copy(b, "hash", want, sizeof(want));
    ol_digest_init(&d);
    ol_digest_add(&d, block_bytes(b, "content", content));
    ol_digest_end(&d, hash);
    assert_memory_equal(hash, want, sizeof(hash));
    play_chunks(b);
}

static void chunks(void **state)
{
    (void)state;
    ground_play("chunks", play_chunks, 1);
    ground_play("attachment", play_attachment, 1);
}

/* The receiver's key: the one on its card, or a prekey of its own. */
static void key_of(const struct block *b, struct ol_identity *id)
{
    *id = south;
    if (block_number(b, "prekey") == 0)
        return;
    block_copy(b, "prekey_sk", id->x_sk, 32);
    ol_x25519_public(id->x_pk, id->x_sk);
}

static void play_bundle(const struct block *b)
{
    struct ol_shared to = shared;
    struct ol_wrap_keys sender, receiver;
    struct ol_envelope env = {.number = block_number(b, "number"),
                              .prekey = block_number(b, "prekey"),
                              .seen = block_number(b, "seen")};
    struct ol_identity key;
    uint8_t nonce[16], e_sk[32], buf[VECTORS_BYTES], packet[VECTORS_BYTES];
    uint8_t text[OL_ENVELOPE_PLAIN], pro[76];
    struct ol_span payload = block_bytes(b, "payload", buf);
    size_t n = OL_BUNDLE_OVER + payload.n;
    struct ol_writer w;
    char names[256];

    key_of(b, &key);
    block_copy(b, "heard", env.heard, 8);
    memcpy(pro, "openline pouch 1", 16);
    memcpy(pro + 16, shared.line_id, 32);
    to.lower = !shared.lower;
    ol_wrap_keys_make(&sender, &shared);
    ol_wrap_keys_make(&receiver, &to);
    block_copy(b, "nonce", nonce, sizeof(nonce));
    block_copy(b, "e_sk", e_sk, sizeof(e_sk));
    ol_writer_init(&w, text, sizeof(text));
    ol_envelope_encode(&w, &env);
    memcpy(pro + 48, text, sizeof(text));
    ol_wrap_seal(packet, &sender, OL_PACKET_BUNDLE, nonce, ol_writer_span(&w));
    assert_int_equal(ol_noise_k_seal(OL_SPAN_ARRAY(pro), north.x_sk,
                                     north.x_pk, key.x_pk, shared.psk, e_sk,
                                     payload, packet + OL_ENVELOPE),
                     OL_OK);
    block_equal(b, "packet", packet, n);

    assert_int_equal(
        ol_wrap_open(text, &receiver, OL_SPAN(packet, OL_ENVELOPE)), OL_OK);
    assert_int_equal(
        ol_noise_k_open(OL_SPAN_ARRAY(pro), key.x_sk, key.x_pk, north.x_pk,
                        shared.psk,
                        OL_SPAN(packet + OL_ENVELOPE, n - OL_ENVELOPE), out),
        OL_OK);
    same(OL_SPAN(out, payload.n), payload);
    walk(payload, OL_IN_BUNDLE, names);
    assert_string_equal(names, env.prekey == 0 ? "held segment" : "held");
}

static void bundle(void **state)
{
    (void)state;
    ground_play("bundle", play_bundle, 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records),   cmocka_unit_test(cards),
        cmocka_unit_test(handshake), cmocka_unit_test(chunks),
        cmocka_unit_test(bundle),
    };

    return ground_main(argc, argv, "packet vectors", tests,
                       sizeof(tests) / sizeof(tests[0]));
}
