/*
 * Every decoder of src/wire on arbitrary bytes: the first byte picks one.
 *
 * What must hold beside memory safety: what decodes encodes again to the very
 * same bytes (one accepted encoding), and a chunk is never longer than its
 * rule allows.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "wire/card.h"
#include "wire/chunk.h"
#include "wire/frame.h"
#include "wire/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(struct ol_span in, const struct ol_writer *w)
{
    OL_CHECK(!w->failed && ol_span_eq(in, ol_writer_span(w)));
}

static void record(struct ol_span in)
{
    static uint8_t out[OL_RECORD_MAX];
    struct ol_record rec;
    struct ol_writer w;

    if (ol_record_decode(in, &rec) != OL_OK)
        return;
    ol_writer_init(&w, out, sizeof(out));
    OL_CHECK(ol_record_encode(&w, &rec) == OL_OK);
    same(in, &w);
}

static void card(struct ol_span in)
{
    static uint8_t out[OL_CARD_MAX];
    struct ol_card c;
    struct ol_writer w;

    if (ol_card_decode(in, &c) != OL_OK)
        return;
    ol_writer_init(&w, out, sizeof(out));
    OL_CHECK(ol_card_encode(&w, &c) == OL_OK);
    same(in, &w);
}

static void card_text(struct ol_span in)
{
    static uint8_t out[OL_CARD_MAX];
    struct ol_writer w;

    ol_writer_init(&w, out, sizeof(out));
    if (ol_card_dearmour(in, &w) == OL_OK)
        card(ol_writer_span(&w));
}

static void heads(struct ol_span in)
{
    static uint8_t out[OL_PACKET_MAX];
    struct ol_frame_head head;
    struct ol_knock knock;
    struct ol_behind behind;
    struct ol_envelope env;
    struct ol_writer w;

    (void)!ol_frame_decode(in, &head);
    ol_writer_init(&w, out, sizeof(out));
    if (ol_knock_decode(in, &knock) == OL_OK) {
        ol_knock_encode(&w, &knock);
        same(in, &w);
    }
    ol_writer_init(&w, out, sizeof(out));
    if (ol_behind_decode(in, &behind) == OL_OK) {
        ol_behind_encode(&w, &behind);
        same(in, &w);
    }
    ol_writer_init(&w, out, sizeof(out));
    if (ol_envelope_decode(in, &env) == OL_OK) {
        ol_envelope_encode(&w, &env);
        same(in, &w);
    }
}

static struct ol_writer w_chunk;

/* One chunk to its structure and back: true when it decoded. */
static bool again(const struct ol_chunk *ch)
{
    static struct ol_held held;
    struct ol_probe probe;
    struct ol_view view;
    struct ol_ack ack;
    struct ol_segment seg;
    struct ol_blob blob;
    struct ol_want want;
    struct ol_lost lost;
    struct ol_found found;
    struct ol_checkpoint cp;
    struct ol_hello hello;
    struct ol_writer *w = &w_chunk;

    switch (ch->type) {
    case OL_CHUNK_PROBE:
        return ol_probe_decode(ch->body, &probe) == OL_OK &&
               ol_probe_encode(w, &probe);
    case OL_CHUNK_ECHO:
        return ol_echo_decode(ch->body, &probe) == OL_OK &&
               ol_echo_encode(w, &probe);
    case OL_CHUNK_VIEW:
        return ol_view_decode(ch->body, &view) == OL_OK &&
               ol_view_encode(w, &view);
    case OL_CHUNK_ACK:
        return ol_ack_decode(ch->body, &ack) == OL_OK &&
               ol_ack_encode(w, &ack);
    case OL_CHUNK_HELD:
        return ol_held_decode(ch->body, &held) == OL_OK &&
               ol_held_encode(w, &held);
    case OL_CHUNK_SEGMENT:
        return ol_segment_decode(ch->body, &seg) == OL_OK &&
               ol_segment_encode(w, &seg);
    case OL_CHUNK_RETURN:
        return ol_segment_decode(ch->body, &seg) == OL_OK &&
               ol_return_encode(w, &seg);
    case OL_CHUNK_BLOB:
        return ol_blob_decode(ch->body, &blob) == OL_OK &&
               ol_blob_encode(w, &blob);
    case OL_CHUNK_WANT:
        return ol_want_decode(ch->body, &want) == OL_OK &&
               ol_want_encode(w, &want);
    case OL_CHUNK_LOST:
        return ol_lost_decode(ch->body, &lost) == OL_OK &&
               ol_lost_encode(w, &lost);
    case OL_CHUNK_FOUND:
        return ol_found_decode(ch->body, &found) == OL_OK &&
               ol_found_encode(w, &found);
    case OL_CHUNK_CHECKPOINT:
    case OL_CHUNK_COSIGNATURE:
        return ol_checkpoint_decode(ch->body, &cp) == OL_OK &&
               ol_checkpoint_encode(w, ch->type, &cp);
    case OL_CHUNK_HELLO:
        return ol_hello_decode(ch->body, &hello) == OL_OK &&
               ol_hello_encode(w, &hello);
    default:
        return false;
    }
}

static void chunks(struct ol_span in, uint8_t where)
{
    static uint8_t out[OL_PACKET_MAX + OL_CHUNK_HEAD];
    struct ol_reader r;
    struct ol_chunk ch;

    ol_reader_init(&r, in);
    while (ol_chunk_next(&r, where, &ch) == OL_OK &&
           ch.type != OL_CHUNK_PAD) {
        const struct ol_chunk_rule *rule = ol_chunk_rule(ch.type);
        OL_CHECK(rule != NULL && ch.body.n >= rule->least &&
                 ch.body.n <= rule->most);
        ol_writer_init(&w_chunk, out, sizeof(out));
        if (!again(&ch))
            continue;
        OL_CHECK(w_chunk.n == ch.body.n + OL_CHUNK_HEAD);
        OL_CHECK(memcmp(out + OL_CHUNK_HEAD, ch.body.p, ch.body.n) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ol_span in;

    if (size == 0)
        return 0;
    in = OL_SPAN(data + 1, size - 1);
    switch (data[0] % 7) {
    case 0:
        record(in);
        break;
    case 1:
        card(in);
        break;
    case 2:
        card_text(in);
        break;
    case 3:
        heads(in);
        break;
    case 4:
        chunks(in, OL_IN_FRAME);
        break;
    case 5:
        chunks(in, OL_IN_BUNDLE);
        break;
    default:
        chunks(in, OL_IN_HANDSHAKE);
        break;
    }
    return 0;
}
