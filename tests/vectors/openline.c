/*
 * Our derivations against openline.txt, which another implementation wrote.
 *
 * Each kind of block is one test, which fails unless it found as many blocks
 * as the file is known to have. Whole packets are packets.c's.
 */
#include "ground.h"

#include <string.h>

#include "crypto/knock.h"
#include "crypto/tree.h"

#include <openline/record.h>

static void play_line(const struct block *b)
{
    struct ol_shared other;
    struct ol_peer_keys n = ground_card(&north);
    const char *name = block_text(b, "name");
    char number[72];
    uint8_t tag[4];

    assert_int_equal(
        ol_shared_make(&other, &south, &n, south_share, north_share), OL_OK);
    assert_int_equal(shared.lower, block_number(b, "lower"));
    assert_int_equal(other.lower, !shared.lower);
    assert_memory_equal(other.line_id, shared.line_id, 32);
    assert_memory_equal(other.psk, shared.psk, 32);
    block_equal(b, "line_id", shared.line_id, 32);
    block_equal(b, "psk", shared.psk, 32);
    ol_safety_number(number, &shared);
    assert_string_equal(number, block_text(b, "safety_number"));
    block_copy(b, "channel_tag", tag, 4);
    assert_int_equal(ol_channel_tag(shared.line_id, ol_span_str(name)),
                     (uint32_t)tag[0] << 24 | tag[1] << 16 | tag[2] << 8 |
                         tag[3]);
}

static void play_wrap(const struct block *b)
{
    struct ol_shared from = shared, to = shared;
    struct ol_wrap_keys sender, receiver;
    uint8_t type, nonce[16], buf[VECTORS_BYTES], back[VECTORS_BYTES];
    uint8_t packet[VECTORS_BYTES + 41];
    struct ol_span plain = block_bytes(b, "plain", buf), all;

    from.lower = block_number(b, "direction") == 1;
    to.lower = !from.lower;
    ol_wrap_keys_make(&sender, &from);
    ol_wrap_keys_make(&receiver, &to);
    block_equal(b, "wrap_key", sender.send, 32);
    block_equal(b, "wrap_key", receiver.receive, 32);
    block_equal(b, "short_key", sender.short_send, 16);
    block_copy(b, "type", &type, 1);
    block_copy(b, "nonce", nonce, 16);
    ol_wrap_seal(packet, &sender, type, nonce, plain);
    all = OL_SPAN(packet, plain.n + 41);
    block_equal(b, "packet", all.p, all.n);
    assert_true(ol_wrap_ours(&receiver, all));
    assert_int_equal(ol_wrap_open(back, &receiver, all), OL_OK);
    if (plain.n > 0)
        assert_memory_equal(back, plain.p, plain.n);
}

static void play_frame(const struct block *b)
{
    struct ol_frame_key fk;
    uint8_t session[32], index[4], ad_bytes[VECTORS_BYTES];
    uint8_t buf[VECTORS_BYTES], data[VECTORS_BYTES + OL_AEAD_TAG];
    struct ol_span plain = block_bytes(b, "plain", buf);

    block_copy(b, "session", session, 32);
    ol_frame_key_make(&fk, session, ol_span_str(block_text(b, "name")));
    block_equal(b, "key", fk.key, 32);
    block_copy(b, "index", index, 4);
    assert_int_equal(fk.index, (uint32_t)index[0] << 24 | index[1] << 16 |
                                   index[2] << 8 | index[3]);
    memcpy(data, plain.p, plain.n);
    ol_frame_seal(&fk, block_number(b, "counter"),
                  block_bytes(b, "ad", ad_bytes), data, plain.n);
    block_equal(b, "sealed", data, plain.n + OL_AEAD_TAG);
}

static void play_sign(const struct block *b)
{
    uint8_t sig[OL_SIG], buf[VECTORS_BYTES];
    struct ol_span body = block_bytes(b, "body", buf);
    const char *prefix = block_text(b, "prefix");

    ol_sign(sig, ground_station(b), prefix, body);
    block_equal(b, "signature", sig, OL_SIG);
    assert_int_equal(ol_sign_check(sig, ground_station(b)->ed_pk, prefix, body),
                     OL_OK);
}

static uint8_t prec_of(const char *name)
{
    static const char *const names[OL_PRECS] = {"flash", "immediate",
                                                "priority", "routine"};

    for (uint8_t prec = 0; prec < OL_PRECS; prec++) {
        if (strcmp(name, names[prec]) == 0)
            return prec;
    }
    fail_msg("%s is no precedence", name);
    return 0;
}

static void play_checkpoint(const struct block *b)
{
    const struct ol_identity *id = ground_station(b);
    uint8_t prec = prec_of(block_text(b, "prec"));
    uint32_t size = block_number(b, "size");
    uint8_t leaf[OL_HASH], root[OL_HASH], sig[OL_SIG], buf[VECTORS_BYTES];
    char text[OL_CHECKPOINT_TEXT], want[3 * VECTORS_LINE], key[32];
    struct ol_tree tree;

    ol_tree_init(&tree);
    for (uint32_t i = 0; i < size; i++) {
        snprintf(key, sizeof(key), "record_%u", (unsigned)i);
        ol_tree_leaf(leaf, shared.line_id, id->ed_pk,
                     block_bytes(b, key, buf));
        snprintf(key, sizeof(key), "leaf_%u", (unsigned)i);
        block_equal(b, key, leaf, sizeof(leaf));
        ol_tree_append(&tree, leaf);
    }
    ol_tree_root(&tree, root);
    block_equal(b, "root", root, sizeof(root));

    snprintf(want, sizeof(want), "%s\n%s\n%s\n", block_text(b, "text_1"),
             block_text(b, "text_2"), block_text(b, "text_3"));
    size_t n = ol_checkpoint_text(text, shared.line_id, id->ed_pk, prec, size,
                                  root);
    assert_int_equal(n, strlen(want));
    assert_memory_equal(text, want, n);
    ol_checkpoint_sign(sig, id, shared.line_id, prec, size, root);
    block_equal(b, "signature", sig, OL_SIG);
    assert_int_equal(ol_checkpoint_check(sig, shared.line_id, id->ed_pk, prec,
                                         size, root),
                     OL_OK);
}

static void play_atrest(const struct block *b)
{
    uint8_t key[32], ad[VECTORS_BYTES], plain[VECTORS_BYTES];
    uint8_t sealed[VECTORS_BYTES], back[VECTORS_BYTES];
    struct ol_span want = block_bytes(b, "plain", plain);
    struct ol_span in = block_bytes(b, "sealed", sealed);

    block_copy(b, "key", key, 32);
    assert_int_equal(in.n, want.n + OL_ATREST_OVER);
    assert_int_equal(ol_atrest_open(back, key, block_bytes(b, "ad", ad), in),
                     OL_OK);
    assert_memory_equal(back, want.p, want.n);
}

static void line(void **state)
{
    (void)state;
    ground_play("line", play_line, 1);
}

static void wrap(void **state)
{
    (void)state;
    ground_play("wrap", play_wrap, 3);
}

static void frame(void **state)
{
    (void)state;
    ground_play("frame", play_frame, 4);
}

static void sign(void **state)
{
    (void)state;
    ground_play("sign", play_sign, 1);
}

static void checkpoint(void **state)
{
    (void)state;
    ground_play("checkpoint", play_checkpoint, 4);
}

static void atrest(void **state)
{
    (void)state;
    ground_play("atrest", play_atrest, 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line),       cmocka_unit_test(wrap),
        cmocka_unit_test(frame),      cmocka_unit_test(sign),
        cmocka_unit_test(checkpoint), cmocka_unit_test(atrest),
    };

    return ground_main(argc, argv, "openline vectors", tests,
                       sizeof(tests) / sizeof(tests[0]));
}
