/*
 * BLOB, UNITS and WANT: pieces of attachments, and who asks for which.
 *
 * What depends on the file's size only its receiver can check; here every
 * bound that the bytes themselves show is.
 */
#include "wire/chunk.h"

#include <openline/file.h>

#include "base/check.h"
#include "wire/body.h"

/* Within one piece, and of a file that there can be. */
static bool blob_ok(const struct ol_blob *b)
{
    return b->offset < OL_FILE_MAX && b->offset % OL_BLOB_UNIT == 0 &&
           b->bytes.n >= 1 && b->bytes.n <= OL_PIECE - b->offset % OL_PIECE;
}

enum ol_err ol_blob_decode(struct ol_span b, struct ol_blob *blob)
{
    struct ol_reader r;
    enum ol_err err = ol_body_read(&r, OL_CHUNK_BLOB, b);

    if (err)
        return err;
    ol_read_copy(&r, blob->hash, sizeof(blob->hash));
    blob->offset = ol_read_u64(&r);
    blob->bytes = ol_read_bytes(&r, r.n);
    return blob_ok(blob) ? OL_OK : OL_ERR_MALFORMED;
}

bool ol_blob_encode(struct ol_writer *w, const struct ol_blob *blob)
{
    OL_CHECK(blob_ok(blob));
    if (!ol_body_write(w, OL_CHUNK_BLOB, OL_BLOB_HEAD + blob->bytes.n))
        return false;
    ol_write_bytes(w, OL_SPAN_ARRAY(blob->hash));
    ol_write_u64(w, blob->offset);
    ol_write_bytes(w, blob->bytes);
    return true;
}

static bool units_ok(const struct ol_units *u)
{
    uint32_t at = (uint32_t)u->first * OL_BLOB_UNIT;

    return u->piece < OL_FILE_MAX / OL_PIECE && at < OL_PIECE &&
           u->bytes.n >= 1 && u->bytes.n <= OL_PIECE - at;
}

enum ol_err ol_units_decode(struct ol_span b, struct ol_units *u)
{
    struct ol_reader r;
    enum ol_err err = ol_body_read(&r, OL_CHUNK_UNITS, b);

    if (err)
        return err;
    u->serial = ol_read_u32(&r);
    u->piece = ol_read_u32(&r);
    u->first = ol_read_u16(&r);
    u->bytes = ol_read_bytes(&r, r.n);
    return units_ok(u) ? OL_OK : OL_ERR_MALFORMED;
}

bool ol_units_encode(struct ol_writer *w, const struct ol_units *u)
{
    OL_CHECK(units_ok(u));
    if (!ol_body_write(w, OL_CHUNK_UNITS, OL_UNITS_HEAD + u->bytes.n))
        return false;
    ol_write_u32(w, u->serial);
    ol_write_u32(w, u->piece);
    ol_write_u16(w, u->first);
    ol_write_bytes(w, u->bytes);
    return true;
}

/* One encoding per meaning: what says something of the whole asks nothing. */
static bool want_ok(const struct ol_want *v)
{
    uint8_t said = v->flags & (OL_WANT_DONE | OL_WANT_DECLINED);
    uint32_t pieces, beyond;

    if (v->size > OL_FILE_MAX ||
        (v->flags & ~(OL_WANT_DONE | OL_WANT_DECLINED | OL_WANT_NOTED)) != 0)
        return false;
    if (v->flags != 0)
        return (said == OL_WANT_DONE || said == OL_WANT_DECLINED) &&
               v->upto == 0 && v->limit == 0 && v->map == 0;
    pieces = ol_file_pieces(v->size);
    if (pieces == 0 || v->upto > v->limit || v->limit > pieces)
        return false;
    beyond = pieces - v->upto; /* pieces that the map may speak of, and one */
    return beyond > 64 || v->map >> (beyond == 0 ? 0 : beyond - 1) == 0;
}

enum ol_err ol_want_decode(struct ol_span b, struct ol_want *v)
{
    struct ol_reader r;
    enum ol_err err = ol_body_read(&r, OL_CHUNK_WANT, b);

    if (err)
        return err;
    v->serial = ol_read_u32(&r);
    v->flags = ol_read_u8(&r);
    ol_read_copy(&r, v->hash, sizeof(v->hash));
    v->size = ol_read_u64(&r);
    v->upto = ol_read_u32(&r);
    v->limit = ol_read_u32(&r);
    v->map = ol_read_u64(&r);
    return want_ok(v) ? OL_OK : OL_ERR_MALFORMED;
}

bool ol_want_encode(struct ol_writer *w, const struct ol_want *v)
{
    OL_CHECK(want_ok(v));
    if (!ol_body_write(w, OL_CHUNK_WANT, OL_WANT_BODY))
        return false;
    ol_write_u32(w, v->serial);
    ol_write_u8(w, v->flags);
    ol_write_bytes(w, OL_SPAN_ARRAY(v->hash));
    ol_write_u64(w, v->size);
    ol_write_u32(w, v->upto);
    ol_write_u32(w, v->limit);
    ol_write_u64(w, v->map);
    return true;
}
