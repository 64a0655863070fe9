/*
 * The record's decoder against its description in doc/protocol.md 6.1.
 *
 * The first byte picks one of two plays. Bytes: it accepts them if and only if
 * libcbor does, they are in the subset, and the description below, written
 * from the document and not from the decoder, allows them; then every value is
 * the one in libcbor's tree, and encoding gives the same bytes. Records: what
 * the fuzzer makes within all bounds encodes unless it is too long, decodes to
 * the same, and is allowed. Nothing is allocated; above 8,192 bytes nothing is
 * accepted.
 */
#include "make.h"
#include "other_cbor.h"

#include "base/check.h"

#define KEYS 21u

/* ---- the description ---------------------------------------------------- */

static bool array_of(const cbor_item_t *it, size_t least, size_t most)
{
    return cbor_isa_array(it) && cbor_array_size(it) >= least &&
           cbor_array_size(it) <= most;
}

static const cbor_item_t *at(const cbor_item_t *array, size_t k)
{
    return cbor_array_handle(array)[k];
}

static bool language(const cbor_item_t *it)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    struct ol_span s;

    if (!other_text(it, 1, 35))
        return false;
    s = other_span(it);
    for (size_t k = 0; k < s.n; k++)
        if (memchr(allowed, s.p[k], sizeof(allowed) - 1) == NULL)
            return false;
    return true;
}

/* No control character: U+0000 to U+001F, U+007F to U+009F. */
static bool file_name(const cbor_item_t *it)
{
    struct ol_span s;

    if (!other_text(it, 1, 255))
        return false;
    s = other_span(it);
    for (size_t k = 0; k < s.n; k++)
        if (s.p[k] < 0x20 || s.p[k] == 0x7f || s.p[k] == '/' ||
            (s.p[k] == 0xc2 && s.p[k + 1] <= 0x9f))
            return false;
    return !ol_span_eq(s, ol_span_str(".")) &&
           !ol_span_eq(s, ol_span_str(".."));
}

static bool media_type(const cbor_item_t *it)
{
    struct ol_span s;

    if (!other_text(it, 0, 127))
        return false;
    s = other_span(it);
    for (size_t k = 0; k < s.n; k++)
        if (s.p[k] < ' ' || s.p[k] > '~')
            return false;
    return true;
}

static bool element(unsigned key, const cbor_item_t *e)
{
    switch (key) {
    case 11:
        return other_text(e, 1, 64);
    case 17:
        return array_of(e, 3, 3) && other_uint(at(e, 0), 0, 255) &&
               other_bool(at(e, 1)) &&
               other_uint(at(e, 2), 1, OL_NUMBER_MAX);
    case 19:
        return array_of(e, 4, 4) && other_bytes(at(e, 0), 32, 32) &&
               other_uint(at(e, 1), 0, OL_NUMBER_MAX) &&
               file_name(at(e, 2)) && media_type(at(e, 3));
    default:
        return array_of(e, 2, 2) && other_text(at(e, 0), 1, 64) &&
               other_bytes(at(e, 1), 64, 64);
    }
}

static bool list(unsigned key, const cbor_item_t *it)
{
    if (!array_of(it, 1, 8))
        return false;
    for (size_t k = 0; k < cbor_array_size(it); k++)
        if (!element(key, at(it, k)))
            return false;
    return true;
}

static bool value(unsigned key, const cbor_item_t *it)
{
    const uint64_t last_ms = UINT64_C(253402300799999);

    switch (key) {
    case 0:
        return other_uint(it, 1, 1);
    case 1:
        return other_uint(it, 0, 3);
    case 2:
        return other_uint(it, 1, UINT32_MAX);
    case 3:
        return other_uint(it, 1, INT64_MAX);
    case 4:
        return other_bytes(it, 16, 16);
    case 5:
        return other_uint(it, 0, 255);
    case 6:
        return other_uint(it, 0, last_ms);
    case 7:
        return language(it);
    case 8:
        return other_uint(it, 0, 2);
    case 9: case 10: case 14:
        return other_text(it, 1, 64);
    case 12:
        return other_text(it, 1, 256);
    case 13:
        return other_text(it, 1, 4096);
    case 15:
        return other_bytes(it, 32, 32);
    case 16:
        return other_bytes(it, 1, 4096);
    case 18:
        return other_uint(it, 1, last_ms);
    default:
        return list(key, it);
    }
}

/* Keys 0 to 6 and 8 always stand. */
static bool allowed(const cbor_item_t *tree, struct ol_span in)
{
    uint32_t seen = 0, always = 0x17f;

    if (in.n > 8192 || other_reason(tree, in) != NULL || !cbor_isa_map(tree))
        return false;
    for (size_t k = 0; k < cbor_map_size(tree); k++) {
        const struct cbor_pair *pair = &cbor_map_handle(tree)[k];
        uint64_t key = cbor_get_int(pair->key);

        if (key >= KEYS || !value((unsigned)key, pair->value))
            return false;
        seen |= UINT32_C(1) << key;
    }
    return (seen & always) == always;
}

/* ---- the values --------------------------------------------------------- */

static bool same_list(const struct ol_record *r, unsigned key,
                      const cbor_item_t *it)
{
    size_t n = key == 11   ? r->n_addressees
               : key == 17 ? r->n_refs
               : key == 19 ? r->n_attachments
                           : r->n_releases;
    bool same = cbor_array_size(it) == n;

    for (size_t k = 0; k < n && same; k++) {
        const cbor_item_t *e = at(it, k);

        if (key == 11)
            same = ol_span_eq(r->addressees[k], other_span(e));
        else if (key == 17)
            same = r->refs[k].rel == cbor_get_int(at(e, 0)) &&
                   r->refs[k].own == cbor_get_bool(at(e, 1)) &&
                   r->refs[k].number == cbor_get_int(at(e, 2));
        else if (key == 19)
            same = ol_span_eq(r->attachments[k].hash, other_span(at(e, 0))) &&
                   r->attachments[k].size == cbor_get_int(at(e, 1)) &&
                   ol_span_eq(r->attachments[k].name, other_span(at(e, 2))) &&
                   ol_span_eq(r->attachments[k].type, other_span(at(e, 3)));
        else
            same = ol_span_eq(r->releases[k].by, other_span(at(e, 0))) &&
                   ol_span_eq(r->releases[k].sig, other_span(at(e, 1)));
    }
    return same;
}

static bool same_value(const struct ol_record *r, unsigned key,
                       const cbor_item_t *it)
{
    const uint64_t number[] = {1, r->prec, r->index, r->number, 0, r->kind,
                               r->written_ms, 0, r->marking};
    const struct ol_span span[] = {r->lang, OL_SPAN(NULL, 0), r->originator,
                                   r->to, OL_SPAN(NULL, 0), r->subject,
                                   r->text, r->form_id, r->form_hash,
                                   r->form_fields};

    if (key == 18)
        return cbor_get_int(it) == r->deadline_ms;
    if (key == 4)
        return ol_span_eq(r->id, other_span(it));
    if (cbor_isa_uint(it))
        return key <= 8 && cbor_get_int(it) == number[key];
    if (cbor_isa_array(it))
        return same_list(r, key, it);
    return key >= 7 && key <= 16 && ol_span_eq(span[key - 7], other_span(it));
}

/* What the tree does not have the record does not have either: encoding gives
 * the same bytes. */
static void same(const struct ol_record *r, const cbor_item_t *tree,
                 struct ol_span in)
{
    static uint8_t out[OL_RECORD_MAX];
    struct ol_writer w;

    for (size_t k = 0; k < cbor_map_size(tree); k++) {
        const struct cbor_pair *pair = &cbor_map_handle(tree)[k];

        OL_CHECK(same_value(r, (unsigned)cbor_get_int(pair->key),
                            pair->value));
    }
    ol_writer_init(&w, out, sizeof(out));
    OL_CHECK(ol_record_encode(&w, r) == OL_OK);
    OL_CHECK(ol_span_eq(in, ol_writer_span(&w)));
    /* The body is a part of it: shorter by keys 2, 3 and 20 at least. */
    ol_writer_init(&w, out, sizeof(out));
    OL_CHECK(ol_record_encode_body(&w, r) == OL_OK && w.n + 4 <= in.n);
}

static void bytes(struct ol_span in)
{
    struct ol_record r;
    bool ours = ol_record_decode(in, &r) == OL_OK;
    cbor_item_t *tree = in.n <= OL_RECORD_MAX + 64 ? other_load(in) : NULL;

    OL_CHECK(ours == (tree != NULL && allowed(tree, in)));
    if (ours)
        same(&r, tree, in);
    if (tree != NULL)
        cbor_decref(&tree);
}

static void records(struct script *s)
{
    static uint8_t out[OL_RECORD_MAX], room[4 * OL_RECORD_MAX];
    struct ol_record made, r;
    struct ol_writer w;
    enum ol_err err;

    make_record(s, &made);
    ol_writer_init(&w, out, sizeof(out));
    err = ol_record_encode(&w, &made);
    if (err == OL_ERR_TOO_LONG) {
        /* Not for want of room, and it left nothing behind. */
        OL_CHECK(w.n == 0 && !w.failed);
        ol_writer_init(&w, room, sizeof(room));
        OL_CHECK(ol_record_encode(&w, &made) == OL_ERR_TOO_LONG);
        return;
    }
    OL_CHECK(err == OL_OK);
    OL_CHECK(ol_record_decode(ol_writer_span(&w), &r) == OL_OK);
    OL_CHECK(r.n_refs == made.n_refs && ol_span_eq(r.text, made.text) &&
             ol_span_eq(r.subject, made.subject) &&
             ol_span_eq(r.form_fields, made.form_fields) &&
             r.number == made.number && r.deadline_ms == made.deadline_ms);
    bytes(ol_writer_span(&w));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = {data, size};

    if (script_u8(&s) & 1)
        records(&s);
    else
        bytes(script_rest(&s));
    return 0;
}
