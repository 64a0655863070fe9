/*
 * The short form: what is split joins again, whatever stands in the record,
 * and no head or body that was bent gives anything but a record or an error.
 */
#include "wire/short.h"

#include "base/dice.h"
#include "base/units.h"
#include "wire/bend.h"
#include "wire/record.h"

static const uint8_t id[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                               8, 9, 10, 11, 12, 13, 14, 15};
static uint8_t canonical[OL_RECORD_MAX], head[OL_SHORT_HEAD_MAX],
    body[OL_RECORD_MAX], again[OL_RECORD_MAX], letters[OL_TEXT_MAX];

static struct ol_record least_record(void)
{
    return (struct ol_record){.prec = OL_PRIORITY,
                              .index = 7,
                              .number = 9,
                              .id = OL_SPAN_ARRAY(id),
                              .kind = OL_KIND_MESSAGE,
                              .written_ms = UINT64_C(1795435200000)};
}

static enum ol_err join(struct ol_span h, struct ol_span b,
                        struct ol_writer *out)
{
    struct ol_short s;
    struct ol_reader r;
    enum ol_err err;

    ol_reader_init(&r, h);
    err = ol_short_head(&r, &s);
    if (err != OL_OK)
        return err;
    s.rec.prec = OL_PRIORITY;
    s.rec.index = 7;
    ol_writer_init(out, again, sizeof(again));
    return ol_short_join(out, &s, b);
}

/* Splits and joins it; the sizes of both parts. */
static void there_and_back(const struct ol_record *rec, size_t *h_n,
                           size_t *b_n)
{
    struct ol_writer w, h, b, out;

    ol_writer_init(&w, canonical, sizeof(canonical));
    ol_writer_init(&h, head, sizeof(head));
    ol_writer_init(&b, body, sizeof(body));
    assert_int_equal(ol_record_encode(&w, rec), OL_OK);
    assert_true(ol_short_split(&h, &b, ol_writer_span(&w)));
    assert_int_equal(join(ol_writer_span(&h), ol_writer_span(&b), &out),
                     OL_OK);
    assert_true(ol_span_eq(ol_writer_span(&w), ol_writer_span(&out)));
    *h_n = h.n;
    *b_n = b.n;
}

static void a_message_is_head_and_text(void **state)
{
    struct ol_record rec = least_record();
    size_t h, b;

    (void)state;
    rec.text = ol_span_str("All our ships stay in port.");
    there_and_back(&rec, &h, &b);
    assert_int_equal(h, 1 + 1 + 16 + 1 + 6 + 1); /* no language: its length */
    assert_int_equal(b, rec.text.n);
    rec.lang = ol_span_str("ko");
    rec.marking = OL_TEST;
    there_and_back(&rec, &h, &b);
    assert_int_equal(h, 1 + 1 + 16 + 1 + 6 + 2);
    assert_int_equal(b, rec.text.n);
    assert_memory_equal(body, rec.text.p, b);
}

static void every_field_comes_back(void **state)
{
    static const uint8_t hash[32] = {1}, sig[64] = {2};
    struct ol_record rec = least_record();
    size_t h, b;

    (void)state;
    there_and_back(&rec, &h, &b);
    assert_int_equal(b, 0);
    rec.number = OL_NUMBER_MAX;
    rec.lang = ol_span_str("zh-Hant-TW");
    rec.originator = ol_span_str("duty");
    rec.to = ol_span_str("ops");
    rec.addressees[0] = ol_span_str("a");
    rec.n_addressees = 1;
    rec.subject = ol_span_str("s");
    there_and_back(&rec, &h, &b);
    rec.form_id = ol_span_str("f");
    rec.form_hash = OL_SPAN_ARRAY(hash);
    rec.form_fields = OL_SPAN("\x01", 1);
    rec.refs[0] = (struct ol_ref){OL_REL_ANSWERS, false, 300};
    rec.n_refs = 1;
    rec.deadline_ms = 1;
    rec.attachments[0] = (struct ol_attachment){
        OL_SPAN_ARRAY(hash), 65536, ol_span_str("x"), ol_span_str("")};
    rec.n_attachments = 1;
    rec.releases[0] =
        (struct ol_release){ol_span_str("o"), OL_SPAN_ARRAY(sig)};
    rec.n_releases = 1;
    there_and_back(&rec, &h, &b);
    memset(letters, 'x', sizeof(letters));
    rec.text = OL_SPAN_ARRAY(letters);
    there_and_back(&rec, &h, &b);
    assert_in_range(h, 1, OL_SHORT_HEAD_MAX);
}

static void the_rest_is_refused(void **state)
{
    struct ol_record rec = least_record();
    struct ol_writer out;
    size_t h, b;

    (void)state;
    rec.to = ol_span_str("ops");
    rec.lang = ol_span_str("en");
    there_and_back(&rec, &h, &b);
    for (size_t k = 0; k < h; k++)
        assert_int_equal(join(OL_SPAN(head, k), OL_SPAN(body, b), &out),
                         OL_ERR_SHORT);
    for (size_t k = 0; k < b; k++)
        assert_int_equal(join(OL_SPAN(head, h), OL_SPAN(body, k), &out),
                         OL_ERR_SHORT);
    head[0] |= 8; /* a bit without a meaning */
    assert_int_equal(join(OL_SPAN(head, h), OL_SPAN(body, b), &out),
                     OL_ERR_MALFORMED);
    head[0] ^= 8 ^ 3; /* a marking that there is not */
    assert_int_equal(join(OL_SPAN(head, h), OL_SPAN(body, b), &out),
                     OL_ERR_MALFORMED);
    head[0] ^= 3 ^ 0x30; /* two others, and there is one */
    assert_int_equal(join(OL_SPAN(head, h), OL_SPAN(body, b), &out),
                     OL_ERR_MALFORMED);
    head[0] ^= 0x30;
    assert_int_equal(join(OL_SPAN(head, h), OL_SPAN(body, b), &out), OL_OK);
    body[0] = 13; /* the text has a place of its own */
    assert_int_equal(join(OL_SPAN(head, h), OL_SPAN(body, b), &out),
                     OL_ERR_MALFORMED);
}

static void bent_ones_decode_or_fail(void **state)
{
    struct ol_record rec = least_record(), got;
    uint8_t h_bent[OL_SHORT_HEAD_MAX], b_bent[64];
    struct ol_writer out;
    size_t h, b, good = 0;
    struct dice d = dice_init(1);

    (void)state;
    rec.to = ol_span_str("ops");
    rec.subject = ol_span_str("of the bridge");
    rec.text = ol_span_str("hold");
    rec.lang = ol_span_str("ru");
    there_and_back(&rec, &h, &b);
    for (unsigned k = 0; k < 20000; k++) {
        memcpy(h_bent, head, h);
        memcpy(b_bent, body, b);
        h_bent[dice_in(&d, 0, h - 1)] ^= (uint8_t)dice_u64(&d);
        b_bent[dice_in(&d, 0, b - 1)] ^= (uint8_t)dice_u64(&d);
        if (join(OL_SPAN(h_bent, h), OL_SPAN(b_bent, b), &out) != OL_OK)
            continue;
        good++;
        assert_int_equal(ol_record_decode(ol_writer_span(&out), &got), OL_OK);
        assert_int_equal(got.index, 7);
    }
    assert_true(good > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_head_and_text),
        cmocka_unit_test(every_field_comes_back),
        cmocka_unit_test(the_rest_is_refused),
        cmocka_unit_test(bent_ones_decode_or_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
