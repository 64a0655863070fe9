/*
 * Inputs to begin with: what is valid, so that coverage starts deep.
 *
 *   fuzz-seeds DIR
 *
 * writes DIR/TARGET/NAME for each target, always the same. Where a target
 * reads bytes they are encodings of values; where it reads choices they are
 * rows of chance. tests/fuzz/corpus/ grew from these by runs of the fuzzers
 * and was cut down by tools/fuzz-keep.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "make.h"

#include "base/check.h"
#include "base/dice.h"
#include "codec/codec.h"
#include "core/card.h"
#include "wire/short.h"

#define EACH 24u

static struct dice dice = {1};

static void write_seed(const char *dir, const char *target, const char *name,
                       unsigned n, uint8_t first, struct ol_span bytes)
{
    char path[512];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, target);
    OL_CHECK(mkdir(path, 0755) == 0 || errno == EEXIST);
    (void)snprintf(path, sizeof(path), "%s/%s/%s-%u", dir, target, name, n);
    f = fopen(path, "w");
    OL_CHECK(f != NULL && fputc(first, f) == first);
    OL_CHECK(fwrite(bytes.p, 1, bytes.n, f) == bytes.n);
    OL_CHECK(fclose(f) == 0);
}

static struct script chance(size_t n)
{
    static uint8_t bytes[4096];

    OL_CHECK(n <= sizeof(bytes));
    dice_fill(&dice, bytes, n);
    return (struct script){bytes, n};
}

static void encodings(const char *dir, unsigned n)
{
    static uint8_t out[OL_PACKET_MAX], text[OL_CARD_TEXT];
    struct script s = chance(600);
    struct ol_record rec;
    struct ol_card card;
    struct ol_identity id;
    struct ol_rng rng;
    uint8_t seed[32] = {1};
    struct ol_writer w;

    ol_writer_init(&w, out, sizeof(out));
    make_record(&s, &rec);
    if (ol_record_encode(&w, &rec) == OL_OK) {
        write_seed(dir, "record", "record", n, 0, ol_writer_span(&w));
        write_seed(dir, "cbor", "record", n, 0, ol_writer_span(&w));
        write_seed(dir, "cost", "record", n, 0, ol_writer_span(&w));
    }
    s = chance(400);
    make_card(&s, &card);
    ol_rng_init(&rng, seed);
    ol_identity_make(&id, &rng);
    memcpy(card.ed_pk, id.ed_pk, 32);
    ol_writer_init(&w, out, sizeof(out));
    OL_CHECK(ol_card_encode(&w, &card) == OL_OK);
    write_seed(dir, "card", "body", n, 0, ol_writer_span(&w));
    write_seed(dir, "cost", "card", n, 1, ol_writer_span(&w));
    ol_writer_init(&w, text, sizeof(text));
    OL_CHECK(ol_card_seal(&w, &card, &id) == OL_OK);
    write_seed(dir, "card", "text", n, 1, ol_writer_span(&w));
    s = chance(600);
    ol_writer_init(&w, out, 1400);
    for (unsigned k = 0; k < 4; k++)
        make_chunk(&s, NULL, &w);
    write_seed(dir, "chunks", "frame", n, 0, ol_writer_span(&w));
    write_seed(dir, "chunks", "bundle", n, 1, ol_writer_span(&w));
    write_seed(dir, "cost", "bundle", n, 4, ol_writer_span(&w));
}

/* Texts as they go on a narrow channel. */
static void packed_texts(const char *dir, unsigned n)
{
    static const char *const words[] = {
        "At 0412 our northern radar lost contact with an aircraft.",
        "Bitte halten Sie das Feuer ein, bis unsere Leute fort sind.", "x",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    static const uint8_t id[OL_ID_SIZE] = {1, 2, 3};
    uint8_t canonical[OL_RECORD_MAX], text[OL_RECORD_MAX], out[OL_RECORD_MAX];
    struct ol_record rec = {.prec = 3, .index = 1, .number = 1 + n,
                            .id = OL_SPAN_ARRAY(id),
                            .lang = ol_span_str(n % 2 ? "en" : "de-CH"),
                            .written_ms = UINT64_C(1795435200000),
                            .text = ol_span_str(words[n % OL_LEN(words)])};
    struct ol_writer w, head, body;

    if (n % 3 == 0)
        rec.subject = ol_span_str("fire");
    ol_writer_init(&w, canonical, sizeof(canonical));
    ol_writer_init(&head, out, sizeof(out));
    ol_writer_init(&body, text, sizeof(text));
    ol_write_bytes(&head, OL_SPAN("\x03\x00", 2)); /* ROUTINE, index 1 */
    OL_CHECK(ol_record_encode(&w, &rec) == OL_OK &&
             ol_short_split(&head, &body, ol_writer_span(&w)));
    head.n += ol_codec_pack(out + head.n, sizeof(out) - head.n,
                            ol_writer_span(&body));
    write_seed(dir, "packed", "short", n, 1, ol_writer_span(&head));
    ol_writer_init(&head, out, sizeof(out));
    ol_write_bytes(&head, OL_SPAN("\x03\x01\x01\x00", 4)); /* codec 2, last */
    head.n += ol_codec_pack(out + head.n, sizeof(out) - head.n,
                            ol_writer_span(&w));
    write_seed(dir, "packed", "brotli", n, 0, ol_writer_span(&head));
}

static void state_of(const char *dir, unsigned n)
{
    static struct ol_kept k;
    uint8_t out[OL_KEPT_MAX];

    memset(&k, 0, sizeof(k));
    k.open_sent = n;
    k.n_boots = (uint8_t)(n % 4);
    k.n_prekeys = (uint8_t)(n % 3);
    for (unsigned p = 0; p < k.n_prekeys; p++) {
        k.prekeys[p].id = p + 1;
        memset(k.prekeys[p].sk, (int)n, 32);
    }
    write_seed(dir, "stored", "state", n, 0,
               OL_SPAN(out, ol_kept_encode(&k, out, sizeof(out))));
}

/* Two bytes, descriptors, then a line: one request of each method. */
static void requests(const char *dir)
{
#define CALL(method, params)                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method                 \
    "\",\"params\":{" params "}}\n"
#define SOUTH "\"peer\":\"south\""
    static const char *const line[] = {
        CALL("status", SOUTH), CALL("doctor", ""),
        CALL("safety", SOUTH ",\"confirm\":true"),
        CALL("send", SOUTH ",\"text\":\"x\",\"precedence\":\"flash\","
             "\"marking\":\"test\",\"lang\":\"ko\",\"to\":\"y\"")
            CALL("log", "")
            CALL("show", "\"name\":\"north:south/1\""),
        CALL("send", SOUTH ",\"text\":\"x\",\"files\":[{\"name\":\"a\"}]"),
        CALL("save", "\"name\":\"1\",\"file\":0,\"timeout_ms\":1"),
        CALL("wait", "\"name\":\"1\",\"rung\":\"sent\",\"timeout_ms\":1"),
        CALL("inbox", SOUTH ",\"all\":true"),
        CALL("read", "\"name\":\"south:north/1\"")
            CALL("understood", "\"name\":\"south:north/1\",\"readback\":"
                 "\"x\""),
        CALL("save", "\"name\":\"south:north/4\",\"file\":0")
            CALL("show", "\"name\":\"south:north/4\""),
        CALL("understood", "\"name\":\"1\",\"readback\":\"x\""),
        CALL("log", SOUTH ",\"from\":\"18:00Z\",\"to\":"
             "\"2026-11-26T00:00:00Z\""),
        CALL("subscribe", "\"after\":0"),
        CALL("channel", SOUTH ",\"action\":\"disable\",\"name\":\"fibre\","
             "\"yes\":true"),
        CALL("courier", "\"action\":\"export\",\"file\":\"/x\"," SOUTH),
        CALL("courier", "\"action\":\"import\",\"file\":\"/dev/null\""),
        CALL("audit", ""), CALL("backup", "\"action\":\"begin\""),
        CALL("reload", ""), "{\"id\":1}\n[]\n{}"};
    char text[1024];

    for (unsigned k = 0; k < OL_LEN(line); k++)
        for (unsigned fds = 0; fds < 2; fds++) {
            (void)snprintf(text, sizeof(text), "%c%s", (int)k + 1, line[k]);
            write_seed(dir, "control", "call", 2 * k + fds,
                       fds ? 0x1c : 0, ol_span_str(text));
        }
}

static void texts(const char *dir)
{
    static const char *const station[] = {
        "[station]\nname = north\nlisten = tcp://[::]:4430\n"
        "listen = udp://0.0.0.0:4430\nreach = cable tcp://203.0.113.7:4430\n",
        "# words\n[station]\n  name = a-1\nreach = pouch courier:///media/x\n"};
    static const char *const line[] = {
        "[line]\ncard = south.card\nchannel = cable tcp://203.0.113.7:4430 "
        "proxy=socks5://me:word@127.0.0.1:9050\nchannel = radio "
        "udp://[2001:db8::1]:4430 fate=satellite rate=9600\nchannel = fibre "
        "accept=tcp\nchannel = pouch courier:///media/pouch hold=7d\n"
        "probe = 20s\nhold = 30s\nalias = S\xc3\xbc" "d\n",
        "[line]\ncard = s.card\nattachments = auto:10MiB\nhold = 250ms\n",
        "[line]\ncard=s.card\nattachments=ask\nprobe=12h\n"};

    for (unsigned k = 0; k < OL_LEN(station); k++)
        write_seed(dir, "conf", "station", k, 0, ol_span_str(station[k]));
    for (unsigned k = 0; k < OL_LEN(line); k++)
        write_seed(dir, "conf", "line", k, 1, ol_span_str(line[k]));
    write_seed(dir, "cost", "conf", 0, 7, ol_span_str(line[0]));
    write_seed(dir, "socks", "login", 0, 1,
               OL_SPAN("\x1f\x05\x02\x01\x00\x05\x00\x00\x01\x7f\x00\x00\x01"
                       "\x01\x02", 15));
    write_seed(dir, "socks", "refused", 0, 0,
               OL_SPAN("\x02\x05\x00\x05\x05\x00\x03\x03" "abc\x01\x02", 13));
    write_seed(dir, "stored", "pouch", 0, 3,
               OL_SPAN("OLB1\x00\x03" "abc\x00\x01" "d", 12));
    write_seed(dir, "stored", "backup", 0, 5,
               OL_SPAN("\x00\x01\x01\x00\x01\x03" "a.b\x00\x00\x00\x00\x00"
                       "\x00\x00\x02" "xy\x00", 20));
}

int main(int argc, char **argv)
{
    static const char *const rows[] = {"frame", "knock", "bundle", "duo",
                                       "stored", "cbor", "record", "card",
                                       "chunks", "conf", "packed"};

    if (argc != 2) {
        (void)fprintf(stderr, "usage: fuzz-seeds DIR\n");
        return 2;
    }
    OL_CHECK(ol_crypto_init() == OL_OK);
    for (unsigned n = 0; n < EACH; n++) {
        encodings(argv[1], n);
        state_of(argv[1], n);
        packed_texts(argv[1], n);
        for (unsigned k = 0; k < OL_LEN(rows); k++) {
            struct script s = chance(20 + n * 12);

            write_seed(argv[1], rows[k], "row", n, (uint8_t)n,
                       script_rest(&s));
        }
    }
    texts(argv[1]);
    requests(argv[1]);
    return 0;
}
