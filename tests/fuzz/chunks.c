/*
 * Everything of src/wire that is no CBOR: chunks, and the heads of packets.
 *
 * The first byte picks the play. Chunks (in a frame, in a bundle, in a
 * handshake payload): a sequence of any bytes; each that is taken is within
 * its rule, and if its decoder takes it, encoding gives the same bytes. Heads:
 * the same for what lies in knocks, behinds and envelopes. Made: what the
 * fuzzer makes within all bounds is taken and decodes to what encodes the
 * same; in a writer with too little room it is all or nothing, or says that it
 * left something out.
 */
#include "make.h"

#include "base/check.h"

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
    struct ol_units units;
    struct ol_want want;
    struct ol_lost lost;
    struct ol_found found;
    struct ol_checkpoint cp;
    struct ol_hello hello;
    struct ol_openings openings;
    struct ol_brief brief;
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
    case OL_CHUNK_UNITS:
        return ol_units_decode(ch->body, &units) == OL_OK &&
               ol_units_encode(w, &units);
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
    case OL_CHUNK_BRIEF:
        return ol_brief_decode(ch->body, &brief) == OL_OK &&
               ol_brief_encode(w, &brief);
    case OL_CHUNK_OPENINGS:
        return ol_openings_decode(ch->body, &openings) == OL_OK &&
               ol_openings_encode(w, &openings);
    default:
        return false;
    }
}

/* How many were taken and decoded. */
static unsigned chunks(struct ol_span in, uint8_t where)
{
    static uint8_t out[OL_PACKET_MAX + OL_CHUNK_HEAD];
    struct ol_reader r;
    struct ol_chunk ch;
    unsigned n = 0;

    ol_reader_init(&r, in);
    while (ol_chunk_next(&r, where, &ch) == OL_OK &&
           ch.type != OL_CHUNK_PAD) {
        const struct ol_chunk_rule *rule = ol_chunk_rule(ch.type);

        OL_CHECK(rule != NULL && (rule->where & where) != 0 &&
                 ch.body.n >= rule->least && ch.body.n <= rule->most);
        ol_writer_init(&w_chunk, out, sizeof(out));
        if (!again(&ch))
            continue;
        n++;
        OL_CHECK(w_chunk.n == ch.body.n + OL_CHUNK_HEAD);
        OL_CHECK(memcmp(out + OL_CHUNK_HEAD, ch.body.p, ch.body.n) == 0);
    }
    /* Who asks again gets the end. */
    OL_CHECK(r.n == 0);
    return n;
}

static void heads(struct ol_span in)
{
    static uint8_t out[OL_PACKET_MAX];
    struct ol_frame_head head;
    struct ol_knock knock;
    struct ol_behind behind;
    struct ol_envelope env;
    struct ol_writer w;

    ol_writer_init(&w, out, sizeof(out));
    if (ol_frame_decode(in, &head) == OL_OK) {
        ol_frame_encode(&w, &head);
        OL_CHECK(w.n == OL_FRAME_HEAD && memcmp(out, in.p, w.n) == 0);
    }
    ol_writer_init(&w, out, sizeof(out));
    if (ol_knock_decode(in, &knock) == OL_OK) {
        ol_knock_encode(&w, &knock);
        OL_CHECK(!w.failed && ol_span_eq(in, ol_writer_span(&w)));
    }
    ol_writer_init(&w, out, sizeof(out));
    if (ol_behind_decode(in, &behind) == OL_OK) {
        ol_behind_encode(&w, &behind);
        OL_CHECK(!w.failed && ol_span_eq(in, ol_writer_span(&w)));
    }
    ol_writer_init(&w, out, sizeof(out));
    if (ol_envelope_decode(in, &env) == OL_OK) {
        ol_envelope_encode(&w, &env);
        OL_CHECK(!w.failed && ol_span_eq(in, ol_writer_span(&w)));
    }
}

static void made(struct script *s)
{
    static uint8_t out[OL_PACKET_MAX];
    struct script same = *s;
    struct ol_writer w;
    uint8_t where;
    size_t n;

    ol_writer_init(&w, out, sizeof(out));
    make_chunk(s, NULL, &w);
    n = w.n;
    if (n == 0)
        return;
    where = ol_chunk_rule(out[0])->where;
    where &= (uint8_t)-where; /* its first place */
    OL_CHECK(!w.failed && chunks(OL_SPAN(out, n), where) == 1);
    /* The same with less room. */
    ol_writer_init(&w, out, script_u16(s) % n);
    make_chunk(&same, NULL, &w);
    OL_CHECK(!w.failed && w.n <= w.cap);
    OL_CHECK(w.n == 0 || chunks(OL_SPAN(out, w.n), where) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = {data, size};

    switch (script_below(&s, 5)) {
    case 0:
        (void)chunks(script_rest(&s), OL_IN_FRAME);
        break;
    case 1:
        (void)chunks(script_rest(&s), OL_IN_BUNDLE);
        break;
    case 2:
        (void)chunks(script_rest(&s), OL_IN_HANDSHAKE);
        break;
    case 3:
        heads(script_rest(&s));
        break;
    default:
        made(&s);
        break;
    }
    return 0;
}
