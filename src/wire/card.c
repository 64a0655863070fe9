/*
 * A card: its body in CBOR, and the armour around body and signature.
 *
 * Happy path: encode, sign (elsewhere), armour; a text that a person carried;
 * dearmour, check the signature (elsewhere), decode. Encode names what is
 * wrong with what a person configured; decode takes exactly what encode
 * writes. The armour forgives white space and what a mail puts around it, and
 * nothing else: what stands inside has one binary form. After a failure
 * nothing of the share stays in what was being written.
 */
#include "wire/card.h"

#include <string.h>

#include "wire/cbor.h"
#include "wire/frame.h"

#define KEYS 7u
#define BODY_MAX (OL_CARD_MAX - OL_CARD_SIG)

static const char begin_line[] = "-----BEGIN OPENLINE CARD-----";
static const char end_line[] = "-----END OPENLINE CARD-----";
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz0123456789+/";

#define LINE_LETTERS 64u
#define LINE_BYTES (LINE_LETTERS / 4 * 3)

/* A string in an array, of which a NUL may be missing. */
#define FIELD(array) OL_SPAN((array), strnlen((array), sizeof(array)))

static bool url_ok(struct ol_span url)
{
    if (url.n < 1 || url.n > OL_URL_MAX)
        return false;
    for (size_t k = 0; k < url.n; k++) {
        if (url.p[k] < '!' || url.p[k] > '~')
            return false;
    }
    return true;
}

static bool card_ok(const struct ol_card *card)
{
    if (!ol_station_name_ok(FIELD(card->name)) ||
        !ol_station_name_ok(FIELD(card->addressee)) ||
        card->n_channels > OL_CARD_CHANNELS_MAX)
        return false;
    for (unsigned k = 0; k < card->n_channels; k++) {
        struct ol_span name = FIELD(card->channels[k].name);

        if (!ol_channel_name_ok(name) || !url_ok(FIELD(card->channels[k].url)))
            return false;
        for (unsigned j = 0; j < k; j++) {
            if (ol_span_eq(name, FIELD(card->channels[j].name)))
                return false;
        }
    }
    return true;
}

/* A writer on what is left of w; w takes over what it wrote by moving on. */
static struct ol_writer part_of(const struct ol_writer *w, size_t most)
{
    size_t room = w->failed ? 0 : w->cap - w->n;
    struct ol_writer part;

    ol_writer_init(&part, room ? w->p + w->n : NULL,
                   room < most ? room : most);
    return part;
}

/* What was written may hold a share: it does not stay where nobody looks. */
static enum ol_err take_back(struct ol_writer *part, enum ol_err err)
{
    if (part->n > 0)
        memset(part->p, 0, part->n);
    return err;
}

enum ol_err ol_card_encode(struct ol_writer *w, const struct ol_card *card)
{
    struct ol_writer part = part_of(w, BODY_MAX);

    if (!card_ok(card))
        return OL_ERR_INPUT;
    ol_cbor_put_map(&part, KEYS);
    ol_cbor_put_uint(&part, 0);
    ol_cbor_put_uint(&part, OL_CARD_VERSION);
    ol_cbor_put_uint(&part, 1);
    ol_cbor_put_text(&part, FIELD(card->name));
    ol_cbor_put_uint(&part, 2);
    ol_cbor_put_text(&part, FIELD(card->addressee));
    ol_cbor_put_uint(&part, 3);
    ol_cbor_put_bytes(&part, OL_SPAN_ARRAY(card->ed_pk));
    ol_cbor_put_uint(&part, 4);
    ol_cbor_put_bytes(&part, OL_SPAN_ARRAY(card->x_pk));
    ol_cbor_put_uint(&part, 5);
    ol_cbor_put_bytes(&part, OL_SPAN_ARRAY(card->share));
    ol_cbor_put_uint(&part, 6);
    ol_cbor_put_array(&part, card->n_channels);
    for (unsigned k = 0; k < card->n_channels; k++) {
        ol_cbor_put_array(&part, 2);
        ol_cbor_put_text(&part, FIELD(card->channels[k].name));
        ol_cbor_put_text(&part, FIELD(card->channels[k].url));
    }
    if (part.failed)
        return take_back(&part, OL_ERR_TOO_LONG);
    w->n += part.n;
    return OL_OK;
}

static void expect_key(struct ol_cbor *c, uint64_t key)
{
    if (ol_cbor_uint(c, key) != key)
        ol_cbor_fail(c);
}

/* out has room for most bytes and a NUL. */
static void read_text(struct ol_cbor *c, char *out, size_t most)
{
    struct ol_span s = ol_cbor_text(c, most);

    if (s.n > 0)
        memcpy(out, s.p, s.n);
    out[s.n] = '\0';
}

static void read_key(struct ol_cbor *c, uint8_t out[32])
{
    struct ol_span s = ol_cbor_bytes(c, 32);

    if (s.n == 32)
        memcpy(out, s.p, 32);
    else
        ol_cbor_fail(c);
}

static void read_channels(struct ol_cbor *c, struct ol_card *card)
{
    card->n_channels = (uint8_t)ol_cbor_array(c, OL_CARD_CHANNELS_MAX);
    for (unsigned k = 0; k < card->n_channels; k++) {
        if (ol_cbor_array(c, 2) != 2)
            ol_cbor_fail(c);
        read_text(c, card->channels[k].name, OL_NAME_MAX);
        read_text(c, card->channels[k].url, OL_URL_MAX);
    }
}

static enum ol_err read_body(struct ol_cbor *c, struct ol_card *card)
{
    uint32_t pairs = ol_cbor_map(c, UINT32_MAX);
    uint64_t version;

    expect_key(c, 0);
    version = ol_cbor_uint(c, UINT64_MAX);
    if (ol_cbor_failed(c) || pairs == 0)
        return OL_ERR_MALFORMED;
    if (version != OL_CARD_VERSION)
        return OL_ERR_VERSION;
    expect_key(c, 1);
    read_text(c, card->name, OL_STATION_MAX);
    expect_key(c, 2);
    read_text(c, card->addressee, OL_STATION_MAX);
    expect_key(c, 3);
    read_key(c, card->ed_pk);
    expect_key(c, 4);
    read_key(c, card->x_pk);
    expect_key(c, 5);
    read_key(c, card->share);
    expect_key(c, 6);
    read_channels(c, card);
    return pairs == KEYS && ol_cbor_done(c) && card_ok(card)
               ? OL_OK
               : OL_ERR_MALFORMED;
}

enum ol_err ol_card_decode(struct ol_span body, struct ol_card *card)
{
    struct ol_cbor c;
    enum ol_err err = OL_ERR_MALFORMED;

    memset(card, 0, sizeof(*card));
    ol_cbor_init(&c, body);
    if (body.n <= BODY_MAX)
        err = read_body(&c, card);
    if (err)
        memset(card, 0, sizeof(*card));
    return err;
}

/* Four letters for one to three bytes, after RFC 4648 4. */
static void put_letters(struct ol_writer *w, const uint8_t *p, size_t n)
{
    uint32_t v = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0) |
                 (n > 2 ? p[2] : 0u);

    ol_write_u8(w, (uint8_t)letters[v >> 18]);
    ol_write_u8(w, (uint8_t)letters[v >> 12 & 63]);
    ol_write_u8(w, n > 1 ? (uint8_t)letters[v >> 6 & 63] : '=');
    ol_write_u8(w, n > 2 ? (uint8_t)letters[v & 63] : '=');
}

enum ol_err ol_card_armour(struct ol_writer *w, struct ol_span card)
{
    struct ol_writer part = part_of(w, SIZE_MAX);

    if (card.n == 0)
        return OL_ERR_INPUT;
    if (card.n > OL_CARD_MAX)
        return OL_ERR_TOO_LONG;
    ol_write_bytes(&part, ol_span_str(begin_line));
    for (size_t at = 0; at < card.n; at += 3) {
        if (at % LINE_BYTES == 0)
            ol_write_u8(&part, '\n');
        put_letters(&part, card.p + at, card.n - at < 3 ? card.n - at : 3);
    }
    ol_write_u8(&part, '\n');
    ol_write_bytes(&part, ol_span_str(end_line));
    ol_write_u8(&part, '\n');
    if (part.failed)
        return take_back(&part, OL_ERR_TOO_LONG);
    w->n += part.n;
    return OL_OK;
}

/* 0 to 63, or -1. */
static int letter_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

static bool is_white(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Letters and white space to bytes. Only the canonical form passes: padding
 * to a multiple of four, and no bit set that no byte takes. */
static enum ol_err from_letters(struct ol_span inside, struct ol_writer *out)
{
    uint32_t bits = 0; /* not yet written, the lowest `held` of them */
    unsigned held = 0;
    size_t n = 0, pads = 0;

    for (size_t k = 0; k < inside.n; k++) {
        int v = letter_value(inside.p[k]);

        if (is_white(inside.p[k]))
            continue;
        if (inside.p[k] == '=' && pads < 2) {
            pads++;
            continue;
        }
        if (v < 0 || pads > 0)
            return OL_ERR_MALFORMED;
        n++;
        bits = (bits << 6 | (uint32_t)v) & 0xfff;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        ol_write_u8(out, (uint8_t)(bits >> held));
    }
    if (n == 0 || (n + pads) % 4 != 0 || bits & ((1u << held) - 1))
        return OL_ERR_MALFORMED;
    return out->failed ? OL_ERR_LONG : OL_OK;
}

/* Where the line begins in what is left of the text, or NULL. */
static const uint8_t *find(struct ol_span text, const char *line)
{
    return text.n > 0 ? memmem(text.p, text.n, line, strlen(line)) : NULL;
}

enum ol_err ol_card_dearmour(struct ol_span text, struct ol_writer *card)
{
    struct ol_writer part = part_of(card, OL_CARD_MAX);
    const uint8_t *begin = find(text, begin_line), *end;
    struct ol_span inside;
    enum ol_err err;

    if (!begin)
        return OL_ERR_MISSING;
    inside.p = begin + strlen(begin_line);
    inside.n = text.n - (size_t)(inside.p - text.p);
    end = find(inside, end_line);
    if (!end)
        return OL_ERR_MALFORMED;
    inside.n = (size_t)(end - inside.p);
    err = from_letters(inside, &part);
    if (err)
        return take_back(&part, err);
    card->n += part.n;
    return OL_OK;
}
