/*
 * Records: vectors by hand, what has no place in the one encoding, every
 * bound, and random ones, of which whatever encodes must decode again.
 */
#include "wire/record.h"

#include "base/dice.h"
#include "base/units.h"
#include "wire/bend.h"

#define ID_HEX "000102030405060708090a0b0c0d0e0f"
#define HASH_HEX ID_HEX ID_HEX

static const uint8_t id[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                               8, 9, 10, 11, 12, 13, 14, 15};
static uint8_t buf[20000], bytes[20000], text[9000], hash[32], sig[64];

static struct ol_record least_record(void)
{
    return (struct ol_record){.prec = OL_ROUTINE,
                              .index = 1,
                              .number = 1,
                              .id = OL_SPAN_ARRAY(id),
                              .kind = OL_KIND_MESSAGE};
}

/* Every field, as long as it may be alone. */
static struct ol_record full_record(void)
{
    struct ol_record r = least_record();

    r.written_ms = UINT64_C(1795435200000);
    r.lang = ol_span_str("en");
    r.marking = OL_EXERCISE;
    r.originator = ol_span_str("duty");
    r.to = ol_span_str("ops");
    r.addressees[0] = ol_span_str("a");
    r.addressees[1] = ol_span_str("b");
    r.n_addressees = 2;
    r.subject = ol_span_str("s");
    r.text = ol_span_str("hi");
    r.form_id = ol_span_str("f");
    r.form_hash = OL_SPAN_ARRAY(hash);
    r.form_fields = OL_SPAN("\x01", 1);
    r.refs[0] = (struct ol_ref){OL_REL_ANSWERS, false, 300};
    r.refs[1] = (struct ol_ref){200, true, 1};
    r.n_refs = 2;
    r.deadline_ms = 1;
    r.attachments[0] = (struct ol_attachment){
        OL_SPAN_ARRAY(hash), 65536, ol_span_str("x"), ol_span_str("")};
    r.n_attachments = 1;
    r.releases[0] =
        (struct ol_release){ol_span_str("o"), OL_SPAN_ARRAY(sig)};
    r.n_releases = 1;
    for (unsigned k = 0; k < 32; k++)
        hash[k] = k % 16;
    for (unsigned k = 0; k < 64; k++)
        sig[k] = k % 16;
    return r;
}

static bool record_again(struct ol_span in, struct ol_writer *out)
{
    struct ol_record r;
    uint8_t found[OL_ID_SIZE];

    if (ol_record_decode(in, &r))
        return false;
    assert_true(ol_record_id(in, found));
    assert_memory_equal(found, r.id.p, sizeof(found));
    assert_int_equal(ol_record_encode(out, &r), OL_OK);
    return true;
}

static void assert_same_lists(const struct ol_record *a,
                              const struct ol_record *b)
{
    assert_int_equal(a->n_addressees, b->n_addressees);
    for (unsigned k = 0; k < a->n_addressees; k++)
        assert_true(ol_span_eq(a->addressees[k], b->addressees[k]));
    assert_int_equal(a->n_refs, b->n_refs);
    for (unsigned k = 0; k < a->n_refs; k++)
        assert_true(a->refs[k].rel == b->refs[k].rel &&
                    a->refs[k].own == b->refs[k].own &&
                    a->refs[k].number == b->refs[k].number);
    assert_int_equal(a->n_attachments, b->n_attachments);
    for (unsigned k = 0; k < a->n_attachments; k++)
        assert_true(
            ol_span_eq(a->attachments[k].hash, b->attachments[k].hash) &&
            a->attachments[k].size == b->attachments[k].size &&
            ol_span_eq(a->attachments[k].name, b->attachments[k].name) &&
            ol_span_eq(a->attachments[k].type, b->attachments[k].type));
    assert_int_equal(a->n_releases, b->n_releases);
    for (unsigned k = 0; k < a->n_releases; k++)
        assert_true(ol_span_eq(a->releases[k].by, b->releases[k].by) &&
                    ol_span_eq(a->releases[k].sig, b->releases[k].sig));
}

static void assert_same(const struct ol_record *a, const struct ol_record *b)
{
    assert_true(a->prec == b->prec && a->index == b->index &&
                a->number == b->number && a->kind == b->kind &&
                a->written_ms == b->written_ms &&
                a->marking == b->marking &&
                a->deadline_ms == b->deadline_ms);
    assert_true(ol_span_eq(a->id, b->id) && ol_span_eq(a->lang, b->lang) &&
                ol_span_eq(a->originator, b->originator) &&
                ol_span_eq(a->to, b->to) &&
                ol_span_eq(a->subject, b->subject) &&
                ol_span_eq(a->text, b->text) &&
                ol_span_eq(a->form_id, b->form_id) &&
                ol_span_eq(a->form_hash, b->form_hash) &&
                ol_span_eq(a->form_fields, b->form_fields));
    assert_same_lists(a, b);
}

#define LEAST_HEX                                                              \
    "a8 00 01 01 03 02 01 03 01 04 50" ID_HEX "05 01 06 00 08 00"

static void the_least_by_hand(void **state)
{
    struct ol_record r = least_record(), back;
    struct ol_span want = bend_hex(LEAST_HEX, bytes);
    struct ol_writer w;

    (void)state;
    ol_writer_init(&w, buf, sizeof(buf));
    assert_int_equal(ol_record_encode(&w, &r), OL_OK);
    assert_true(ol_span_eq(ol_writer_span(&w), want));
    assert_int_equal(ol_record_decode(want, &back), OL_OK);
    assert_same(&r, &back);
    assert_ptr_equal(back.id.p, bytes + 11);
    bend_all(want, record_again);

    /* What always stands does so also when it is zero. */
    r.prec = OL_FLASH;
    r.kind = 0;
    want = bend_hex("a8 00 01 01 00 02 01 03 01 04 50" ID_HEX
                    "05 00 06 00 08 00", bytes);
    ol_writer_init(&w, buf, sizeof(buf));
    assert_int_equal(ol_record_encode(&w, &r), OL_OK);
    assert_true(ol_span_eq(ol_writer_span(&w), want));
    bend_all(want, record_again);
}

#define FULL_MIDDLE_HEX                                                        \
    "04 50" ID_HEX "05 01 06 1b 000001a20846fe00 07 62 656e 08 01"             \
    "09 64 64757479 0a 63 6f7073 0b 82 61 61 61 62 0c 61 73 0d 62 6869"        \
    "0e 61 66 0f 5820" HASH_HEX "10 41 01"                                     \
    "11 82 83 01 f4 19 012c 83 18c8 f5 01 12 01"                               \
    "13 81 84 5820" HASH_HEX "1a 00010000 61 78 60"

static void a_full_one_by_hand(void **state)
{
    static const char hex[] =
        "b5 00 01 01 03 02 01 03 01" FULL_MIDDLE_HEX
        "14 81 82 61 6f 5840" HASH_HEX HASH_HEX;
    struct ol_record r = full_record(), back;
    struct ol_span want = bend_hex(hex, bytes);
    struct ol_writer w;

    (void)state;
    ol_writer_init(&w, buf, sizeof(buf));
    assert_int_equal(ol_record_encode(&w, &r), OL_OK);
    assert_int_equal(w.n, want.n);
    assert_memory_equal(buf, want.p, want.n);
    assert_int_equal(ol_record_decode(want, &back), OL_OK);
    assert_same(&r, &back);
    for (size_t n = 0; n < want.n; n++)
        assert_int_equal(ol_record_decode(OL_SPAN(bytes, n), &back),
                         OL_ERR_MALFORMED);
    bend_all(want, record_again);
}

/* What is released knows no index, no number and no releases. */
/* Of bytes that do not begin as a record there is no id, and none of a part of
 * one; what comes behind it is not looked at. */
static void the_id_alone(void **state)
{
    static const char *const not[] = {
        "88 00 01 01 03 02 01 03 01 04 50" ID_HEX,    /* no map */
        "a8 00 02 01 03 02 01 03 01 04 50" ID_HEX,    /* another version */
        "a8 01 01 00 03 02 01 03 01 04 50" ID_HEX,    /* out of order */
        "a8 00 01 01 03 02 01 04 50" ID_HEX "03 01",  /* a key is missing */
        "a8 00 01 01 03 02 01 03 01 05 50" ID_HEX,    /* another key */
        "a8 00 01 01 03 02 01 03 01 04 70" ID_HEX,    /* a text */
        "a8 00 01 01 03 02 01 03 01 04 4f" ID_HEX,    /* too short */
        "a8 00 01 01 03 02 01 03 01 04 51" ID_HEX "0000", /* too long */
        "",
    };
    struct ol_span all = bend_hex(LEAST_HEX, bytes);
    uint8_t found[OL_ID_SIZE];

    (void)state;
    for (size_t n = 0; n <= all.n; n++) {
        struct ol_span part = OL_SPAN(bytes, n);

        assert_int_equal(ol_record_id(part, found), n >= 11 + OL_ID_SIZE);
    }
    assert_memory_equal(found, bytes + 11, sizeof(found));
    for (size_t k = 0; k < OL_LEN(not); k++)
        assert_false(ol_record_id(bend_hex(not[k], bytes), found));
}

static void a_body_by_hand(void **state)
{
    static const char hex[] = "b2 00 01 01 03" FULL_MIDDLE_HEX;
    struct ol_record r = full_record();
    struct ol_span want = bend_hex(hex, bytes);
    struct ol_writer w;

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        ol_writer_init(&w, buf, sizeof(buf));
        assert_int_equal(ol_record_encode_body(&w, &r), OL_OK);
        assert_int_equal(w.n, want.n);
        assert_memory_equal(buf, want.p, want.n);
        r.index = 0;
        r.number = 0;
        r.n_releases = 0;
    }
    r.marking = 3;
    assert_int_equal(ol_record_encode_body(&w, &r), OL_ERR_INPUT);
}

/* The least record, with one thing that has no place in it. */
static const struct {
    const char *hex;
    enum ol_err err;
} shapes[] = {
    {LEAST_HEX, OL_OK},
    {"", OL_ERR_MALFORMED},
    {"80", OL_ERR_MALFORMED},
    {"a0", OL_ERR_MALFORMED},
    {"a0 00 01", OL_ERR_MALFORMED},
    {"a1 00 01", OL_ERR_MALFORMED},
    {LEAST_HEX "00", OL_ERR_MALFORMED},
    /* versions */
    {"a1 00 02", OL_ERR_VERSION},
    {"b8 64 00 18 64 de ad", OL_ERR_VERSION},
    {"a1 00 00", OL_ERR_VERSION},
    {"a1 00 20", OL_ERR_MALFORMED},
    /* a key too few, too many, doubled, out of order, unknown */
    {"a7 00 01 01 03 02 01 03 01 04 50" ID_HEX "05 01 06 00",
     OL_ERR_MALFORMED},
    {"a7 01 03 02 01 03 01 04 50" ID_HEX "05 01 06 00 08 00",
     OL_ERR_MALFORMED},
    {"a7 00 01 02 01 03 01 04 50" ID_HEX "05 01 06 00 08 00",
     OL_ERR_MALFORMED},
    {"a7 00 01 01 03 03 01 04 50" ID_HEX "05 01 06 00 08 00",
     OL_ERR_MALFORMED},
    {"a7 00 01 01 03 02 01 03 01 05 01 06 00 08 00", OL_ERR_MALFORMED},
    {"a9 00 01 01 03 02 01 03 01 04 50" ID_HEX "05 01 06 00 08 00 08 00",
     OL_ERR_MALFORMED},
    {"a8 00 01 01 03 03 01 02 01 04 50" ID_HEX "05 01 06 00 08 00",
     OL_ERR_MALFORMED},
    {"a9 00 01 01 03 02 01 03 01 04 50" ID_HEX "05 01 06 00 08 00 15 00",
     OL_ERR_MALFORMED},
    {"a9 00 01 00 01 01 03 02 01 03 01 04 50" ID_HEX "05 01 06 00 08 00",
     OL_ERR_MALFORMED},
    /* what is nothing does not stand */
    {"a9 00 01 01 03 02 01 03 01 04 50" ID_HEX "05 01 06 00 07 60 08 00",
     OL_ERR_MALFORMED},
    {"a9 00 01 01 03 02 01 03 01 04 50" ID_HEX "05 01 06 00 08 00 0b 80",
     OL_ERR_MALFORMED},
    {"a9 00 01 01 03 02 01 03 01 04 50" ID_HEX "05 01 06 00 08 00 0f 40",
     OL_ERR_MALFORMED},
    {"a9 00 01 01 03 02 01 03 01 04 50" ID_HEX "05 01 06 00 08 00 12 00",
     OL_ERR_MALFORMED},
    {"a9 00 01 01 03 02 01 03 01 04 50" ID_HEX "05 01 06 00 08 00 13 80",
     OL_ERR_MALFORMED},
    /* values */
    {"a8 00 01 01 04 02 01 03 01 04 50" ID_HEX "05 01 06 00 08 00",
     OL_ERR_MALFORMED},
    {"a8 00 01 01 03 02 00 03 01 04 50" ID_HEX "05 01 06 00 08 00",
     OL_ERR_MALFORMED},
    {"a8 00 01 01 03 02 01 03 00 04 50" ID_HEX "05 01 06 00 08 00",
     OL_ERR_MALFORMED},
    {"a8 00 01 01 03 02 01 03 01 04 40 05 01 06 00 08 00",
     OL_ERR_MALFORMED},
    {"a8 00 01 01 03 02 01 03 01 04 50" ID_HEX "05 18 ff 06 00 08 00",
     OL_OK},
    {"a8 00 01 01 03 02 01 03 01 04 50" ID_HEX "05 19 0100 06 00 08 00",
     OL_ERR_MALFORMED},
    {"a8 00 01 01 03 02 01 03 01 04 50" ID_HEX "05 01 06 00 08 02",
     OL_OK},
    {"a8 00 01 01 03 02 01 03 01 04 50" ID_HEX "05 01 06 00 08 03",
     OL_ERR_MALFORMED},
    /* elements of the wrong shape */
    {"a9 00 01 01 03 02 01 03 01 04 50" ID_HEX "05 01 06 00 08 00"
     "11 81 82 01 f4", OL_ERR_MALFORMED},
    {"a9 00 01 01 03 02 01 03 01 04 50" ID_HEX "05 01 06 00 08 00"
     "11 81 84 01 f4 01 01", OL_ERR_MALFORMED},
    {"a9 00 01 01 03 02 01 03 01 04 50" ID_HEX "05 01 06 00 08 00"
     "11 81 83 01 01 01", OL_ERR_MALFORMED},
    {"a9 00 01 01 03 02 01 03 01 04 50" ID_HEX "05 01 06 00 08 00"
     "11 81 83 00 f5 01", OL_OK}, /* a rel that nobody knows yet */
    {"a9 00 01 01 03 02 01 03 01 04 50" ID_HEX "05 01 06 00 08 00"
     "11 81 83 19 0100 f5 01", OL_ERR_MALFORMED},
};

static void one_encoding_only(void **state)
{
    struct ol_record r;

    (void)state;
    for (size_t k = 0; k < OL_LEN(shapes); k++) {
        struct ol_span x = bend_hex(shapes[k].hex, bytes);

        if (ol_record_decode(x, &r) != shapes[k].err)
            fail_msg("record %zu", k);
        bend_one(x, record_again);
    }
}

/* The result of encoding; a refusal must leave the writer as it was, and
 * what encodes must decode to the same. */
static enum ol_err encode(const struct ol_record *r)
{
    struct ol_record back;
    struct ol_writer w;
    enum ol_err err;

    ol_writer_init(&w, buf, sizeof(buf));
    ol_write_u8(&w, 0xee);
    err = ol_record_encode(&w, r);
    assert_false(w.failed);
    if (err) {
        assert_int_equal(w.n, 1);
        return err;
    }
    assert_true(w.n - 1 <= OL_RECORD_MAX);
    assert_int_equal(ol_record_decode(OL_SPAN(buf + 1, w.n - 1), &back),
                     OL_OK);
    assert_same(r, &back);
    return OL_OK;
}

/* One field of the least record at its least, its most, and beyond. */
#define EXPECT(change, err)                                                    \
    do {                                                                       \
        struct ol_record r = least_record();                                   \
        change;                                                                \
        assert_int_equal(encode(&r), err);                                     \
    } while (0)

static void numbers_have_bounds(void **state)
{
    (void)state;
    EXPECT(r.prec = 0, OL_OK);
    EXPECT(r.prec = 3, OL_OK);
    EXPECT(r.prec = 4, OL_ERR_INPUT);
    EXPECT(r.index = 0, OL_ERR_INPUT);
    EXPECT(r.index = UINT32_MAX, OL_OK);
    EXPECT(r.number = 0, OL_ERR_INPUT);
    EXPECT(r.number = INT64_MAX, OL_OK);
    EXPECT(r.number = (uint64_t)INT64_MAX + 1, OL_ERR_INPUT);
    EXPECT(r.kind = 0, OL_OK);
    EXPECT(r.kind = 255, OL_OK);
    EXPECT(r.written_ms = UINT64_C(253402300799999), OL_OK);
    EXPECT(r.written_ms = UINT64_C(253402300800000), OL_ERR_INPUT);
    EXPECT(r.marking = OL_TEST, OL_OK);
    EXPECT(r.marking = OL_MARKINGS, OL_ERR_INPUT);
    EXPECT(r.deadline_ms = UINT64_C(253402300799999), OL_OK);
    EXPECT(r.deadline_ms = UINT64_C(253402300800000), OL_ERR_INPUT);
}

#define EXPECT_TEXT(field, most)                                               \
    do {                                                                       \
        EXPECT(r.field = OL_SPAN(text, 1), OL_OK);                             \
        EXPECT(r.field = OL_SPAN(text, most), OL_OK);                          \
        EXPECT(r.field = OL_SPAN(text, (most) + 1), OL_ERR_TOO_LONG);          \
    } while (0)

#define EXPECT_UTF8(field)                                                     \
    do {                                                                       \
        EXPECT(r.field = ol_span_str("\xed\x95\x9c"), OL_OK);                  \
        EXPECT(r.field = ol_span_str("\n\t"), OL_OK);                          \
        EXPECT(r.field = ol_span_str("\xff"), OL_ERR_UTF8);                    \
        EXPECT(r.field = ol_span_str("\xed\xa0\x80"), OL_ERR_UTF8);            \
        EXPECT(r.field = OL_SPAN("a\0b", 3), OL_ERR_UTF8);                     \
    } while (0)

static void texts_have_bounds(void **state)
{
    (void)state;
    memset(text, 'a', sizeof(text));
    EXPECT_TEXT(lang, 35);
    EXPECT_TEXT(originator, 64);
    EXPECT_TEXT(to, 64);
    EXPECT_TEXT(subject, 256);
    EXPECT_TEXT(text, 4096);
    EXPECT_TEXT(form_id, 64);
    EXPECT_UTF8(originator);
    EXPECT_UTF8(to);
    EXPECT_UTF8(subject);
    EXPECT_UTF8(text);
    EXPECT_UTF8(form_id);
    EXPECT(r.lang = ol_span_str("zh-Hant-TW-x-09"), OL_OK);
    EXPECT(r.lang = ol_span_str("azAZ09-"), OL_OK);
    for (const char *c = "@[`{/:_. ,"; *c; c++)
        EXPECT(r.lang = OL_SPAN(c, 1), OL_ERR_INPUT);
    EXPECT(r.lang = ol_span_str("en_GB"), OL_ERR_INPUT);
    EXPECT(r.lang = ol_span_str("en GB"), OL_ERR_INPUT);
    EXPECT(r.lang = ol_span_str("\xc3\xa9"), OL_ERR_INPUT);
    EXPECT(r.id.n = 15, OL_ERR_INPUT);
    EXPECT(r.id = OL_SPAN(text, 17), OL_ERR_TOO_LONG);
    EXPECT(r.id.n = 0, OL_ERR_INPUT);
    EXPECT(r.form_hash = OL_SPAN(text, 32), OL_OK);
    EXPECT(r.form_hash = OL_SPAN(text, 31), OL_ERR_INPUT);
    EXPECT(r.form_hash = OL_SPAN(text, 33), OL_ERR_TOO_LONG);
    EXPECT(r.form_fields = OL_SPAN(text, 4096), OL_OK);
    EXPECT(r.form_fields = OL_SPAN(text, 4097), OL_ERR_TOO_LONG);
    EXPECT(r.form_fields = OL_SPAN("\xff\0", 2), OL_OK);
}

static struct ol_record with_attachment(const char *name, const char *type)
{
    struct ol_record r = least_record();

    r.n_attachments = 1;
    r.attachments[0] = (struct ol_attachment){
        OL_SPAN_ARRAY(hash), 0, ol_span_str(name), ol_span_str(type)};
    return r;
}

static void attachments_have_bounds(void **state)
{
    static const struct {
        const char *name;
        enum ol_err err;
    } v[] = {
        {"a", OL_OK},
        {"", OL_ERR_INPUT},
        {".", OL_ERR_INPUT},
        {"..", OL_ERR_INPUT},
        {"...", OL_OK},
        {".a", OL_OK},
        {"a b.txt", OL_OK},
        {"a/b", OL_ERR_INPUT},
        {"/", OL_ERR_INPUT},
        {"a\\b", OL_OK},
        {"a\nb", OL_ERR_INPUT},
        {"\x1b[2J", OL_ERR_INPUT},
        {"\x1f", OL_ERR_INPUT},
        {"\x7f", OL_ERR_INPUT},
        {"\xc2\x80", OL_ERR_INPUT}, /* C1 */
        {"a\xc2\x9f", OL_ERR_INPUT},
        {"\xc2\xa0", OL_OK},
        {"\xc3\x9f", OL_OK},
        {"\xeb\xb3\xb4\xea\xb3\xa0.pdf", OL_OK},
        {"\xff", OL_ERR_UTF8},
    };

    (void)state;
    memset(text, 'a', sizeof(text));
    for (size_t k = 0; k < OL_LEN(v); k++) {
        struct ol_record r = with_attachment(v[k].name, "");

        if (encode(&r) != v[k].err)
            fail_msg("name %zu", k);
    }
    EXPECT(r = with_attachment("a", "text/plain; charset=utf-8"), OL_OK);
    EXPECT(r = with_attachment("a", " ~"), OL_OK);
    EXPECT(r = with_attachment("a", "text\n"), OL_ERR_INPUT);
    EXPECT(r = with_attachment("a", "\x7f"), OL_ERR_INPUT);
    EXPECT(r = with_attachment("a", "\xc3\xa9"), OL_ERR_INPUT);
    EXPECT(r = with_attachment("a", "");
           r.attachments[0].name = OL_SPAN("a\0b", 3), OL_ERR_UTF8);
    EXPECT(r = with_attachment("a", "");
           r.attachments[0].name = OL_SPAN(text, 255), OL_OK);
    EXPECT(r = with_attachment("a", "");
           r.attachments[0].name = OL_SPAN(text, 256), OL_ERR_TOO_LONG);
    EXPECT(r = with_attachment("a", "");
           r.attachments[0].type = OL_SPAN(text, 127), OL_OK);
    EXPECT(r = with_attachment("a", "");
           r.attachments[0].type = OL_SPAN(text, 128), OL_ERR_TOO_LONG);
    EXPECT(r = with_attachment("a", ""); r.attachments[0].hash.n = 31,
           OL_ERR_INPUT);
    EXPECT(r = with_attachment("a", ""); r.attachments[0].size = INT64_MAX,
           OL_OK);
    EXPECT(r = with_attachment("a", "");
           r.attachments[0].size = (uint64_t)INT64_MAX + 1, OL_ERR_INPUT);
}

static void lists_have_bounds(void **state)
{
    struct ol_record most = least_record();

    (void)state;
    memset(text, 'a', sizeof(text));
    most.n_addressees = most.n_refs = most.n_attachments = 8;
    most.n_releases = 8;
    for (unsigned k = 0; k < 8; k++) {
        most.addressees[k] = OL_SPAN(text, 64);
        most.refs[k] = (struct ol_ref){255, true, INT64_MAX};
        most.attachments[k] = (struct ol_attachment){
            OL_SPAN_ARRAY(hash), INT64_MAX, OL_SPAN(text, 255),
            OL_SPAN(text, 127)};
        most.releases[k] =
            (struct ol_release){OL_SPAN(text, 64), OL_SPAN_ARRAY(sig)};
    }
    assert_int_equal(encode(&most), OL_OK);
    EXPECT(r.addressees[0] = OL_SPAN(text, 1); r.n_addressees = 1, OL_OK);
    EXPECT(r.refs[0].number = 1; r.n_refs = 1, OL_OK);
    EXPECT(r.releases[0] = most.releases[0]; r.n_releases = 1, OL_OK);
    EXPECT(r = most; r.n_addressees = 9, OL_ERR_TOO_LONG);
    EXPECT(r = most; r.n_refs = 9, OL_ERR_TOO_LONG);
    EXPECT(r = most; r.n_attachments = 255, OL_ERR_TOO_LONG);
    EXPECT(r = most; r.n_releases = 9, OL_ERR_TOO_LONG);
    EXPECT(r = most; r.addressees[7].n = 0, OL_ERR_INPUT);
    EXPECT(r = most; r.addressees[7].n = 65, OL_ERR_TOO_LONG);
    EXPECT(r = most; r.addressees[0] = ol_span_str("\xfe"), OL_ERR_UTF8);
    EXPECT(r = most; r.refs[7].number = 0, OL_ERR_INPUT);
    EXPECT(r = most; r.refs[7].number = UINT64_MAX, OL_ERR_INPUT);
    EXPECT(r = most; r.releases[7].by.n = 0, OL_ERR_INPUT);
    EXPECT(r = most; r.releases[7].by.n = 65, OL_ERR_TOO_LONG);
    EXPECT(r = most; r.releases[7].by = ol_span_str("\x80"), OL_ERR_UTF8);
    EXPECT(r = most; r.releases[7].sig.n = 63, OL_ERR_INPUT);
}

/* All of 8,192 bytes, and not one more, wherever the writer ends. */
static void the_whole_has_a_bound(void **state)
{
    struct ol_record r = least_record(), back;
    struct ol_writer w;
    size_t n;

    (void)state;
    memset(text, 'a', sizeof(text));
    r.form_fields = OL_SPAN(text, 4096);
    r.text = OL_SPAN(text, 3000);
    ol_writer_init(&w, buf, sizeof(buf));
    assert_int_equal(ol_record_encode(&w, &r), OL_OK);
    r.text.n += OL_RECORD_MAX - w.n;
    assert_int_equal(encode(&r), OL_OK);
    ol_writer_init(&w, buf, OL_RECORD_MAX);
    assert_int_equal(ol_record_encode(&w, &r), OL_OK);
    assert_int_equal(w.n, OL_RECORD_MAX);
    buf[w.n] = 0;
    assert_int_equal(ol_record_decode(OL_SPAN(buf, w.n + 1), &back),
                     OL_ERR_LONG);
    r.text.n++;
    assert_int_equal(encode(&r), OL_ERR_TOO_LONG);

    r = full_record();
    ol_writer_init(&w, buf, sizeof(buf));
    assert_int_equal(ol_record_encode(&w, &r), OL_OK);
    n = w.n;
    for (size_t cap = 0; cap <= n; cap++) {
        ol_writer_init(&w, buf, cap);
        assert_int_equal(ol_record_encode(&w, &r),
                         cap < n ? OL_ERR_TOO_LONG : OL_OK);
        assert_false(w.failed);
        assert_int_equal(w.n, cap < n ? 0 : n);
    }
    w.failed = true;
    assert_int_equal(ol_record_encode(&w, &r), OL_ERR_TOO_LONG);
}

/* Text of one to three bytes a letter, now and then cut inside one, so that
 * it is mostly but not always UTF-8. */
static struct ol_span random_text(struct dice *d, uint8_t **at, size_t most)
{
    static const char *const letters[] = {"a", "Z", "0", "-", "\xc3\xa9",
                                          "\xed\x95\x9c", "."};
    size_t want = (size_t)dice_edge(d, 0, most), n = 0;
    uint8_t *p = *at;

    while (n < want) {
        struct ol_span s = ol_span_str(
            letters[dice_in(d, 0, want > 40 ? 3 : OL_LEN(letters) - 1)]);

        if (n + s.n > want && dice_u64(d) % 8)
            s = ol_span_str("b");
        memcpy(p + n, s.p, OL_MIN(s.n, want - n));
        n += OL_MIN(s.n, want - n);
    }
    *at += n;
    return OL_SPAN(p, n);
}

static struct ol_span random_bytes(struct dice *d, uint8_t **at, size_t n)
{
    uint8_t *p = *at;

    dice_fill(d, p, n);
    *at += n;
    return OL_SPAN(p, n);
}

static void random_lists(struct dice *d, struct ol_record *r, uint8_t **at,
                         unsigned most)
{
    r->n_addressees = (uint8_t)dice_edge(d, 0, most);
    for (unsigned k = 0; k < r->n_addressees; k++)
        r->addressees[k] = random_text(d, at, 12);
    r->n_refs = (uint8_t)dice_edge(d, 0, most);
    for (unsigned k = 0; k < r->n_refs; k++)
        r->refs[k] = (struct ol_ref){(uint8_t)dice_u64(d), dice_u64(d) & 1,
                                     dice_u64(d) >> dice_in(d, 1, 63)};
    r->n_attachments = (uint8_t)dice_edge(d, 0, most);
    for (unsigned k = 0; k < r->n_attachments; k++)
        r->attachments[k] = (struct ol_attachment){
            random_bytes(d, at, 32), dice_u64(d) >> dice_in(d, 1, 63),
            random_text(d, at, 20), ol_span_str("text/plain")};
    r->n_releases = (uint8_t)dice_edge(d, 0, most);
    for (unsigned k = 0; k < r->n_releases; k++)
        r->releases[k] = (struct ol_release){random_text(d, at, 12),
                                             random_bytes(d, at, 64)};
}

static struct ol_record random_record(struct dice *d, bool small)
{
    static uint8_t pool[40000];
    struct ol_record r = {0};
    uint8_t *at = pool;

    r.prec = (uint8_t)dice_in(d, 0, 3);
    r.index = (uint32_t)dice_edge(d, 1, UINT32_MAX);
    r.number = dice_edge(d, 1, UINT32_MAX);
    r.id = random_bytes(d, &at, 16);
    r.kind = (uint8_t)dice_u64(d);
    r.written_ms = dice_edge(d, 0, OL_TIME_MAX_MS);
    r.marking = (uint8_t)dice_in(d, 0, 2);
    r.lang = dice_u64(d) & 1 ? ol_span_str("en-GB") : ol_span_str("");
    r.originator = random_text(d, &at, 20);
    r.to = random_text(d, &at, 20);
    r.subject = random_text(d, &at, small ? 20 : 256);
    r.text = random_text(d, &at, small ? 40 : OL_TEXT_MAX);
    r.form_id = random_text(d, &at, 20);
    if (dice_u64(d) & 1)
        r.form_hash = random_bytes(d, &at, 32);
    if (dice_u64(d) & 1)
        r.form_fields = random_bytes(d, &at, small ? 20 : 3000);
    r.deadline_ms = dice_u64(d) & 1 ? dice_edge(d, 0, OL_TIME_MAX_MS) : 0;
    random_lists(d, &r, &at, small ? 2 : 8);
    assert_true(at <= pool + sizeof(pool));
    return r;
}

static void what_encodes_decodes_again(void **state)
{
    struct dice d = dice_init(61);
    unsigned encoded = 0, rounds = dice_rounds(3000);

    (void)state;
    for (unsigned k = 0; k < rounds; k++) {
        struct ol_record r = random_record(&d, k % 4);

        encoded += encode(&r) == OL_OK;
    }
    /* Neither side of the test is a desert. */
    assert_true(encoded > rounds / 20 && encoded < rounds - rounds / 20);
}

static void random_ones_are_bent(void **state)
{
    struct dice d = dice_init(62);
    unsigned bent = 0;

    (void)state;
    while (bent < dice_rounds(20)) {
        struct ol_record r = random_record(&d, true);
        struct ol_writer w;

        ol_writer_init(&w, buf, sizeof(buf));
        if (ol_record_encode(&w, &r))
            continue;
        bend_all(ol_writer_span(&w), record_again);
        bent++;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_by_hand),
        cmocka_unit_test(a_full_one_by_hand),
        cmocka_unit_test(the_id_alone),
        cmocka_unit_test(a_body_by_hand),
        cmocka_unit_test(one_encoding_only),
        cmocka_unit_test(numbers_have_bounds),
        cmocka_unit_test(texts_have_bounds),
        cmocka_unit_test(attachments_have_bounds),
        cmocka_unit_test(lists_have_bounds),
        cmocka_unit_test(the_whole_has_a_bound),
        cmocka_unit_test(what_encodes_decodes_again),
        cmocka_unit_test(random_ones_are_bent),
    };

    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
