/*
 * Rows sealed at rest.
 *
 * Happy path: the place becomes associated data and the row is sealed or
 * opened. How it fails: a row that was changed, or moved here from another
 * place, does not open: OL_ERR_CORRUPT.
 */
#include "ledger/seal.h"

#include "base/check.h"

#define PLACE_MAX 96u

static struct ol_span bind(const struct ol_place *place, uint8_t *buf)
{
    struct ol_writer w;

    ol_writer_init(&w, buf, PLACE_MAX);
    ol_write_bytes(&w, ol_span_str(place->table));
    ol_write_bytes(&w, OL_SPAN(place->line_id, 32));
    ol_write_u8(&w, place->author);
    ol_write_u8(&w, place->prec);
    ol_write_u32(&w, place->index);
    if (place->hash)
        ol_write_bytes(&w, OL_SPAN(place->hash, 32));
    OL_CHECK(!w.failed);
    return ol_writer_span(&w);
}

struct ol_span ol_place_seal(const struct ol_place *place, uint8_t *out,
                             struct ol_atrest *with, struct ol_span in)
{
    uint8_t buf[PLACE_MAX];

    ol_atrest_next(with, out, bind(place, buf), in);
    return OL_SPAN(out, in.n + OL_ATREST_OVER);
}

enum ol_err ol_place_open(const struct ol_place *place, uint8_t *out,
                          size_t cap, size_t *n, const uint8_t key[OL_KEY],
                          struct ol_span sealed)
{
    uint8_t buf[PLACE_MAX];

    *n = 0;
    if (sealed.n < OL_ATREST_OVER || sealed.n - OL_ATREST_OVER > cap)
        return OL_ERR_CORRUPT;
    if (ol_atrest_open(out, key, bind(place, buf), sealed) != OL_OK)
        return OL_ERR_CORRUPT;
    *n = sealed.n - OL_ATREST_OVER;
    return OL_OK;
}
