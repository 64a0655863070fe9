/*
 * The short form of a record.
 *
 * Happy path: split decodes the record and writes what is random or small into
 * the head and the rest, as canonical CBOR, into the body, the text last; join
 * puts the same map together again. Every bound is the record's own: join
 * decodes what it made, and its caller decodes the whole once more.
 * It fails by refusing: whoever made the form has it for itself.
 */
#include "wire/short.h"

#include <string.h>

#include "base/check.h"
#include "wire/cbor.h"
#include "wire/record.h"

#define MARKING 3u
#define TWO_LETTERS 4u
#define OTHERS_AT 4u
#define OTHERS_MAX 15u
#define MAP 0xa0u /* and the count of pairs: a record has fewer than 24 */

/* What the head says of it, and nothing else: keys 0 to 8. */
static struct ol_record plain(const struct ol_record *rec)
{
    return (struct ol_record){.prec = rec->prec,
                              .index = rec->index,
                              .number = rec->number,
                              .id = rec->id,
                              .kind = rec->kind,
                              .written_ms = rec->written_ms,
                              .lang = rec->lang,
                              .marking = rec->marking};
}

/* The record without its text, and where the others begin in it. */
static bool without_text(struct ol_writer *w, const struct ol_record *rec,
                         size_t *from, unsigned *others)
{
    struct ol_record bare = *rec, least = plain(rec);
    uint8_t first;
    size_t at = w->n;

    bare.text = OL_SPAN(NULL, 0);
    if (ol_record_encode(w, &least) != OL_OK)
        return false;
    first = w->p[at];
    *from = w->n;
    w->n = at;
    if (ol_record_encode(w, &bare) != OL_OK)
        return false;
    *others = w->p[at] - first;
    return *others <= OTHERS_MAX;
}

static void write_lang(struct ol_writer *w, struct ol_span lang)
{
    if (lang.n != 2)
        ol_write_u8(w, (uint8_t)lang.n);
    ol_write_bytes(w, lang);
}

bool ol_short_split(struct ol_writer *head, struct ol_writer *body,
                    struct ol_span canonical)
{
    struct ol_record rec;
    uint8_t bytes[OL_RECORD_MAX];
    struct ol_writer w;
    unsigned others;
    size_t from;

    ol_writer_init(&w, bytes, sizeof(bytes));
    if (ol_record_decode(canonical, &rec) != OL_OK ||
        !without_text(&w, &rec, &from, &others))
        return false;
    ol_write_u8(head, (uint8_t)(rec.marking |
                                (rec.lang.n == 2 ? TWO_LETTERS : 0) |
                                others << OTHERS_AT));
    ol_cbor_put_uint(head, rec.number);
    ol_write_bytes(head, rec.id);
    ol_write_u8(head, rec.kind);
    ol_write_u16(head, (uint16_t)(rec.written_ms >> 32));
    ol_write_u32(head, (uint32_t)rec.written_ms);
    write_lang(head, rec.lang);
    if (others > 0)
        ol_write_u16(head, (uint16_t)(w.n - from));
    ol_write_bytes(body, OL_SPAN(bytes + from, w.n - from));
    ol_write_bytes(body, rec.text);
    return !head->failed && !body->failed;
}

/* A CBOR number takes no more of the reader than it has. */
static uint64_t read_number(struct ol_reader *r)
{
    struct ol_cbor c = {.r = *r};
    uint64_t v = ol_cbor_uint(&c, OL_NUMBER_MAX);

    *r = c.r;
    return v;
}

enum ol_err ol_short_head(struct ol_reader *r, struct ol_short *s)
{
    uint8_t what = ol_read_u8(r), lang_n = 2;

    memset(s, 0, sizeof(*s));
    s->rec.marking = what & MARKING;
    s->others = what >> OTHERS_AT;
    s->rec.number = read_number(r);
    s->rec.id = ol_read_bytes(r, OL_ID_SIZE);
    s->rec.kind = ol_read_u8(r);
    s->rec.written_ms = (uint64_t)ol_read_u16(r) << 32;
    s->rec.written_ms |= ol_read_u32(r);
    if (!(what & TWO_LETTERS)) {
        lang_n = ol_read_u8(r);
        if (lang_n == 2 || lang_n > OL_LANG_MAX)
            return OL_ERR_MALFORMED;
    }
    s->rec.lang = ol_read_bytes(r, lang_n);
    if (s->others > 0)
        s->others_n = ol_read_u16(r);
    if (r->failed)
        return OL_ERR_SHORT;
    return what & 8 ? OL_ERR_MALFORMED : OL_OK;
}

enum ol_err ol_short_join(struct ol_writer *canonical,
                          const struct ol_short *s, struct ol_span body)
{
    uint8_t bytes[OL_RECORD_MAX];
    struct ol_record rec = s->rec;
    struct ol_writer w;
    enum ol_err err;

    if (s->others_n > body.n)
        return OL_ERR_SHORT;
    ol_writer_init(&w, bytes, sizeof(bytes));
    err = ol_record_encode(&w, &rec);
    if (err != OL_OK)
        return OL_ERR_MALFORMED;
    OL_CHECK((bytes[0] & MAP) == MAP);
    bytes[0] = (uint8_t)(bytes[0] + s->others);
    ol_write_bytes(&w, OL_SPAN(body.p, s->others_n));
    if (w.failed)
        return OL_ERR_LONG;
    err = ol_record_decode(ol_writer_span(&w), &rec);
    if (err != OL_OK)
        return err;
    if (rec.text.n > 0)
        return OL_ERR_MALFORMED; /* it has a place of its own */
    rec.text = OL_SPAN(body.p + s->others_n, body.n - s->others_n);
    return ol_record_encode(canonical, &rec) == OL_OK ? OL_OK
                                                      : OL_ERR_MALFORMED;
}
