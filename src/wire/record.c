/*
 * A record's one encoding.
 *
 * Happy path: one table names every key, what it holds and its bounds. Decode
 * fills the structure, encode writes what stands, and both put the structure
 * to the same test, so that whatever encodes decodes again. Decode refuses
 * keys out of order, keys that stand although their value is nothing and keys
 * that are missing; encode names what is wrong with what a person gave.
 */
#include "wire/record.h"

#include <string.h>

#include "wire/cbor.h"
#include "wire/messages.h"

enum type { UINT, TEXT, BYTES, ADDRESSEES, REFS, ATTACHMENTS, RELEASES };

enum key {
    VERSION_KEY = 0,
    INDEX_KEY = 2,
    NUMBER_KEY = 3,
    ID_KEY = 4,
    LANG_KEY = 7,
    RELEASES_KEY = 20,
    KEYS
};

#define KEY_BIT(key) (1u << (key))
#define ALWAYS ((KEY_BIT(7) - 1) | KEY_BIT(8)) /* the keys that must stand */

#define AT(member) offsetof(struct ol_record, member)
#define SIZE(member) sizeof(((struct ol_record *)0)->member)

/* Least and most are of the value, of the bytes of a string, or of the
 * elements of a list. A key that need not stand stands if it is not zero, so
 * its least is 1 or more. */
static const struct field {
    enum type type;
    size_t at, width; /* in struct ol_record; of a list, its count */
    uint64_t least, most;
} fields[KEYS] = {
    /* The version is no member: the reader and the writer know it. */
    [VERSION_KEY] = {UINT, 0, 0, 0, 0},
    [1] = {UINT, AT(prec), SIZE(prec), 0, OL_PRECS - 1},
    [INDEX_KEY] = {UINT, AT(index), SIZE(index), 1, UINT32_MAX},
    [NUMBER_KEY] = {UINT, AT(number), SIZE(number), 1, OL_NUMBER_MAX},
    [ID_KEY] = {BYTES, AT(id), 0, OL_ID_SIZE, OL_ID_SIZE},
    [5] = {UINT, AT(kind), SIZE(kind), 0, UINT8_MAX},
    [6] = {UINT, AT(written_ms), SIZE(written_ms), 0, OL_TIME_MAX_MS},
    [LANG_KEY] = {TEXT, AT(lang), 0, 1, OL_LANG_MAX},
    [8] = {UINT, AT(marking), SIZE(marking), 0, OL_MARKINGS - 1},
    [9] = {TEXT, AT(originator), 0, 1, OL_ROLE_MAX},
    [10] = {TEXT, AT(to), 0, 1, OL_ROLE_MAX},
    [11] = {ADDRESSEES, AT(n_addressees), SIZE(n_addressees), 1,
            OL_ADDRESSEES_MAX},
    [12] = {TEXT, AT(subject), 0, 1, OL_SUBJECT_MAX},
    [13] = {TEXT, AT(text), 0, 1, OL_TEXT_MAX},
    [14] = {TEXT, AT(form_id), 0, 1, OL_FORM_ID_MAX},
    [15] = {BYTES, AT(form_hash), 0, 32, 32},
    [16] = {BYTES, AT(form_fields), 0, 1, OL_FORM_FIELDS_MAX},
    [17] = {REFS, AT(n_refs), SIZE(n_refs), 1, OL_REFS_MAX},
    [18] = {UINT, AT(deadline_ms), SIZE(deadline_ms), 1,
            OL_TIME_MAX_MS},
    [19] = {ATTACHMENTS, AT(n_attachments), SIZE(n_attachments), 1,
            OL_ATTACHMENTS_MAX},
    [RELEASES_KEY] = {RELEASES, AT(n_releases), SIZE(n_releases), 1,
                      OL_RELEASES_MAX},
};

static struct ol_span span_at(const struct ol_record *rec,
                              const struct field *f)
{
    struct ol_span s;

    memcpy(&s, (const uint8_t *)rec + f->at, sizeof(s));
    return s;
}

/* The value, the bytes of a string or the elements of a list. */
static uint64_t amount_at(const struct ol_record *rec, const struct field *f)
{
    const uint8_t *at = (const uint8_t *)rec + f->at;
    uint32_t u32;
    uint64_t u64;

    if (f->type == TEXT || f->type == BYTES)
        return span_at(rec, f).n;
    switch (f->width) {
    case 0:
        return 0;
    case sizeof(uint8_t):
        return *at;
    case sizeof(uint32_t):
        memcpy(&u32, at, sizeof(u32));
        return u32;
    default:
        memcpy(&u64, at, sizeof(u64));
        return u64;
    }
}

static void set_amount(struct ol_record *rec, const struct field *f,
                       uint64_t v)
{
    uint8_t *at = (uint8_t *)rec + f->at;
    uint32_t u32 = (uint32_t)v;

    if (f->width == sizeof(uint8_t))
        *at = (uint8_t)v;
    else if (f->width == sizeof(uint32_t))
        memcpy(at, &u32, sizeof(u32));
    else
        memcpy(at, &v, sizeof(v));
}

/* The keys that an encoding of this record has, as bits. */
static uint32_t standing(const struct ol_record *rec)
{
    uint32_t keys = 0;

    for (unsigned k = 0; k < KEYS; k++) {
        if ((ALWAYS & KEY_BIT(k)) || amount_at(rec, &fields[k]) > 0)
            keys |= KEY_BIT(k);
    }
    return keys;
}

/* A text within its bounds. */
static enum ol_err check_text(struct ol_span s, size_t least, size_t most)
{
    if (s.n < least)
        return OL_ERR_INPUT;
    if (s.n > most)
        return OL_ERR_TOO_LONG;
    return ol_span_utf8(s) ? OL_OK : OL_ERR_UTF8;
}

static enum ol_err check_lang(struct ol_span s)
{
    for (size_t k = 0; k < s.n; k++) {
        uint8_t c = s.p[k];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            !(c >= '0' && c <= '9') && c != '-')
            return OL_ERR_INPUT;
    }
    return OL_OK;
}

/* A name that can only ever be a file's own: it is shown, and offered when
 * the attachment is saved. */
static enum ol_err check_file_name(struct ol_span s)
{
    enum ol_err err = check_text(s, 1, OL_FILE_NAME_MAX);

    if (err)
        return err;
    if (ol_span_eq(s, ol_span_str(".")) || ol_span_eq(s, ol_span_str("..")))
        return OL_ERR_INPUT;
    for (size_t k = 0; k < s.n; k++) {
        /* U+0080 to U+009F are control characters too. */
        bool c1 = s.p[k] == 0xc2 && s.p[k + 1] < 0xa0;

        if (s.p[k] < 0x20 || s.p[k] == 0x7f || s.p[k] == '/' || c1)
            return OL_ERR_INPUT;
    }
    return OL_OK;
}

bool ol_record_file_name_ok(struct ol_span name)
{
    return check_file_name(name) == OL_OK;
}

static enum ol_err check_attachment(const struct ol_attachment *a)
{
    enum ol_err err = check_file_name(a->name);

    if (err)
        return err;
    if (a->hash.n != 32 || a->size > OL_NUMBER_MAX)
        return OL_ERR_INPUT;
    if (a->type.n > OL_MEDIA_TYPE_MAX)
        return OL_ERR_TOO_LONG;
    for (size_t k = 0; k < a->type.n; k++) {
        if (a->type.p[k] < 0x20 || a->type.p[k] > 0x7e)
            return OL_ERR_INPUT;
    }
    return OL_OK;
}

static enum ol_err check_element(const struct ol_record *rec, enum type type,
                                 unsigned k)
{
    enum ol_err err;

    switch (type) {
    case ADDRESSEES:
        return check_text(rec->addressees[k], 1, OL_ROLE_MAX);
    case REFS:
        return rec->refs[k].number >= 1 &&
                       rec->refs[k].number <= OL_NUMBER_MAX
                   ? OL_OK
                   : OL_ERR_INPUT;
    case ATTACHMENTS:
        return check_attachment(&rec->attachments[k]);
    default:
        err = check_text(rec->releases[k].by, 1, OL_OFFICIAL_MAX);
        if (err)
            return err;
        return rec->releases[k].sig.n == 64 ? OL_OK : OL_ERR_INPUT;
    }
}

static enum ol_err check_field(const struct ol_record *rec,
                               const struct field *f)
{
    uint64_t amount = amount_at(rec, f);
    enum ol_err err = OL_OK;

    if (f->type == TEXT)
        return check_text(span_at(rec, f), f->least, f->most);
    if (amount < f->least)
        return OL_ERR_INPUT;
    if (amount > f->most)
        return f->type == UINT ? OL_ERR_INPUT : OL_ERR_TOO_LONG;
    if (f->type == UINT || f->type == BYTES)
        return OL_OK;
    for (unsigned k = 0; k < amount && !err; k++)
        err = check_element(rec, f->type, k);
    return err;
}

/* The one test of a record, of the keys that stand. */
static enum ol_err check(const struct ol_record *rec, uint32_t keys)
{
    enum ol_err err = check_lang(rec->lang);

    for (; keys != 0 && !err; keys &= keys - 1)
        err = check_field(rec, &fields[__builtin_ctz(keys)]);
    return err;
}

static void expect_array(struct ol_cbor *c, uint32_t n)
{
    if (ol_cbor_array(c, n) != n)
        ol_cbor_fail(c);
}

static void read_element(struct ol_cbor *c, struct ol_record *rec,
                         enum type type, unsigned k)
{
    switch (type) {
    case ADDRESSEES:
        rec->addressees[k] = ol_cbor_text(c, OL_ROLE_MAX);
        break;
    case REFS:
        expect_array(c, 3);
        rec->refs[k].rel = (uint8_t)ol_cbor_uint(c, UINT8_MAX);
        rec->refs[k].own = ol_cbor_bool(c);
        rec->refs[k].number = ol_cbor_uint(c, OL_NUMBER_MAX);
        break;
    case ATTACHMENTS:
        expect_array(c, 4);
        rec->attachments[k].hash = ol_cbor_bytes(c, 32);
        rec->attachments[k].size = ol_cbor_uint(c, OL_NUMBER_MAX);
        rec->attachments[k].name = ol_cbor_text(c, OL_FILE_NAME_MAX);
        rec->attachments[k].type = ol_cbor_text(c, OL_MEDIA_TYPE_MAX);
        break;
    default:
        expect_array(c, 2);
        rec->releases[k].by = ol_cbor_text(c, OL_OFFICIAL_MAX);
        rec->releases[k].sig = ol_cbor_bytes(c, 64);
        break;
    }
}

static void read_field(struct ol_cbor *c, struct ol_record *rec,
                       const struct field *f)
{
    struct ol_span s;
    uint64_t n;

    switch (f->type) {
    case UINT:
        set_amount(rec, f, ol_cbor_uint(c, f->most));
        break;
    case TEXT:
    case BYTES:
        /* Its letters are checked with all the rest. */
        s = f->type == TEXT ? ol_cbor_unread(c, (size_t)f->most)
                            : ol_cbor_bytes(c, (size_t)f->most);
        memcpy((uint8_t *)rec + f->at, &s, sizeof(s));
        break;
    default:
        n = ol_cbor_array(c, (uint32_t)f->most);
        for (unsigned k = 0; k < n; k++)
            read_element(c, rec, f->type, k);
        set_amount(rec, f, n);
        break;
    }
}

enum ol_err ol_record_decode(struct ol_span bytes, struct ol_record *rec)
{
    struct ol_cbor c;
    uint32_t pairs, seen = KEY_BIT(VERSION_KEY);
    uint64_t version;

    if (bytes.n > OL_RECORD_MAX)
        return OL_ERR_LONG;
    memset(rec, 0, sizeof(*rec));
    ol_cbor_init(&c, bytes);
    pairs = ol_cbor_map(&c, UINT32_MAX);
    if (ol_cbor_uint(&c, UINT64_MAX) != VERSION_KEY)
        return OL_ERR_MALFORMED;
    version = ol_cbor_uint(&c, UINT64_MAX);
    if (ol_cbor_failed(&c) || pairs == 0)
        return OL_ERR_MALFORMED;
    if (version != OL_RECORD_VERSION)
        return OL_ERR_VERSION;
    for (uint32_t k = 1; k < pairs && !ol_cbor_failed(&c); k++) {
        uint64_t key = ol_cbor_uint(&c, KEYS - 1);

        if (seen >> key) /* this key or a higher one was there */
            return OL_ERR_MALFORMED;
        seen |= KEY_BIT(key);
        read_field(&c, rec, &fields[key]);
    }
    if (!ol_cbor_done(&c) || (seen & ALWAYS) != ALWAYS || check(rec, seen))
        return OL_ERR_MALFORMED;
    return OL_OK;
}

bool ol_record_id(struct ol_span bytes, uint8_t id[OL_ID_SIZE])
{
    struct ol_cbor c;
    struct ol_span found;

    ol_cbor_init(&c, bytes);
    (void)ol_cbor_map(&c, UINT32_MAX);
    /* These always stand, and are numbers. */
    for (uint64_t key = 0; key < ID_KEY; key++) {
        bool other = ol_cbor_uint(&c, key) != key;
        uint64_t v = ol_cbor_uint(&c, UINT64_MAX);

        if (other || (key == VERSION_KEY && v != OL_RECORD_VERSION))
            return false;
    }
    if (ol_cbor_uint(&c, ID_KEY) != ID_KEY)
        return false;
    found = ol_cbor_bytes(&c, OL_ID_SIZE);
    if (ol_cbor_failed(&c) || found.n != OL_ID_SIZE)
        return false;
    memcpy(id, found.p, OL_ID_SIZE);
    return true;
}

static void write_element(struct ol_writer *w, const struct ol_record *rec,
                          enum type type, unsigned k)
{
    switch (type) {
    case ADDRESSEES:
        ol_cbor_put_text(w, rec->addressees[k]);
        break;
    case REFS:
        ol_cbor_put_array(w, 3);
        ol_cbor_put_uint(w, rec->refs[k].rel);
        ol_cbor_put_bool(w, rec->refs[k].own);
        ol_cbor_put_uint(w, rec->refs[k].number);
        break;
    case ATTACHMENTS:
        ol_cbor_put_array(w, 4);
        ol_cbor_put_bytes(w, rec->attachments[k].hash);
        ol_cbor_put_uint(w, rec->attachments[k].size);
        ol_cbor_put_text(w, rec->attachments[k].name);
        ol_cbor_put_text(w, rec->attachments[k].type);
        break;
    default:
        ol_cbor_put_array(w, 2);
        ol_cbor_put_text(w, rec->releases[k].by);
        ol_cbor_put_bytes(w, rec->releases[k].sig);
        break;
    }
}

static void write_field(struct ol_writer *w, const struct ol_record *rec,
                        unsigned key)
{
    const struct field *f = &fields[key];
    uint64_t amount = amount_at(rec, f);

    ol_cbor_put_uint(w, key);
    switch (f->type) {
    case UINT:
        ol_cbor_put_uint(w, key == VERSION_KEY ? OL_RECORD_VERSION : amount);
        break;
    case TEXT:
        ol_cbor_put_text(w, span_at(rec, f));
        break;
    case BYTES:
        ol_cbor_put_bytes(w, span_at(rec, f));
        break;
    default:
        ol_cbor_put_array(w, (uint32_t)amount);
        for (unsigned k = 0; k < amount; k++)
            write_element(w, rec, f->type, k);
        break;
    }
}

/* Into a part of the writer that ends at OL_RECORD_MAX, so that nothing has
 * to be taken back. */
static enum ol_err write_keys(struct ol_writer *w, const struct ol_record *rec,
                              uint32_t keys)
{
    size_t room = w->failed ? 0 : w->cap - w->n;
    enum ol_err err = check(rec, keys);
    struct ol_writer part;
    uint32_t pairs = 0;

    if (err)
        return err;
    if (room == 0)
        return OL_ERR_TOO_LONG;
    ol_writer_init(&part, w->p + w->n,
                   room < OL_RECORD_MAX ? room : OL_RECORD_MAX);
    for (unsigned k = 0; k < KEYS; k++)
        pairs += keys >> k & 1;
    ol_cbor_put_map(&part, pairs);
    for (unsigned k = 0; k < KEYS; k++) {
        if (keys & KEY_BIT(k))
            write_field(&part, rec, k);
    }
    if (part.failed)
        return OL_ERR_TOO_LONG;
    w->n += part.n;
    return OL_OK;
}

enum ol_err ol_record_encode(struct ol_writer *w, const struct ol_record *rec)
{
    return write_keys(w, rec, standing(rec));
}

enum ol_err ol_record_encode_body(struct ol_writer *w,
                                  const struct ol_record *rec)
{
    uint32_t later = KEY_BIT(INDEX_KEY) | KEY_BIT(NUMBER_KEY) |
                     KEY_BIT(RELEASES_KEY);

    return write_keys(w, rec, standing(rec) & ~later);
}
