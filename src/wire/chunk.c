/*
 * Chunks: the table of types, the walk over a plaintext, and every body but
 * those of ACK, HELD, BLOB, UNITS and WANT, which have files of their own.
 *
 * Happy path: ol_chunk_next until PAD; each body goes to the decoder of its
 * type. A decoder checks every bound and accepts one encoding per value; it
 * fails with SHORT, LONG or MALFORMED. An encoder writes a whole chunk or
 * nothing. It is given what we made ourselves, so a value that its decoder
 * would refuse is our own bug: an assertion.
 */
#include "wire/chunk.h"

#include <openline/line.h>
#include <openline/record.h>

#include "base/check.h"
#include "wire/body.h"

#define EVERYWHERE (OL_IN_FRAME | OL_IN_BUNDLE | OL_IN_HANDSHAKE)
#define STORED (OL_IN_FRAME | OL_IN_BUNDLE)

#define HELD_LOG_MOST                                                          \
    (OL_HELD_LOG + OL_HELD_RANGE * OL_HELD_RANGES +                            \
     OL_HELD_PART * OL_HELD_PARTS)

/* A chunk in the largest bundle. */
#define BODY_MAX (OL_BUNDLE_MAX - OL_BUNDLE_OVER - OL_CHUNK_HEAD)
/* And in the largest frame. */
#define FRAME_BODY_MAX (OL_FRAME_MAX - OL_FRAME_OVER - OL_CHUNK_HEAD)

/* PAD has neither length nor body: its line only says where it may stand. */
static const struct ol_chunk_rule rules[OL_CHUNK_TYPES] = {
    [OL_CHUNK_PAD] = {"pad", 0, 0, EVERYWHERE},
    [OL_CHUNK_PROBE] = {"probe", OL_PROBE_BODY, OL_PROBE_BODY, OL_IN_FRAME},
    [OL_CHUNK_ECHO] = {"echo", OL_ECHO_BODY, OL_ECHO_BODY, OL_IN_FRAME},
    [OL_CHUNK_VIEW] = {"view", OL_VIEW_HEAD,
                       OL_VIEW_HEAD + OL_VIEW_EACH * OL_CHANNELS_MAX,
                       OL_IN_FRAME},
    [OL_CHUNK_ACK] = {"ack", OL_ACK_HEAD,
                      OL_ACK_HEAD + OL_ACK_EACH * (OL_ACK_RANGES - 1),
                      OL_IN_FRAME},
    [OL_CHUNK_HELD] = {"held", OL_HELD_HEAD,
                       OL_HELD_HEAD + OL_HELD_PREKEY +
                           OL_PRECS * HELD_LOG_MOST,
                       EVERYWHERE},
    [OL_CHUNK_SEGMENT] = {"segment", OL_SEGMENT_HEAD + 1,
                          OL_SEGMENT_HEAD + OL_RECORD_MAX, STORED},
    [OL_CHUNK_BLOB] = {"blob", OL_BLOB_HEAD + 1, BODY_MAX, OL_IN_BUNDLE},
    [OL_CHUNK_UNITS] = {"units", OL_UNITS_HEAD + 1, FRAME_BODY_MAX,
                        OL_IN_FRAME},
    [OL_CHUNK_RETURN] = {"return", OL_SEGMENT_HEAD + 1,
                         OL_SEGMENT_HEAD + OL_RECORD_MAX, STORED},
    [OL_CHUNK_CHECKPOINT] = {"checkpoint", OL_CHECKPOINT_BODY,
                             OL_CHECKPOINT_BODY, STORED},
    [OL_CHUNK_COSIGNATURE] = {"cosignature", OL_CHECKPOINT_BODY,
                              OL_CHECKPOINT_BODY, STORED},
    [OL_CHUNK_LOST] = {"lost", OL_LOST_HEAD,
                       OL_LOST_HEAD + OL_LOST_STEP * OL_LOST_STEPS, STORED},
    [OL_CHUNK_FOUND] = {"found", OL_FOUND_HEAD,
                        OL_FOUND_HEAD + OL_FOUND_CHECKPOINT +
                            OL_HELD_RANGE * OL_HELD_RANGES,
                        STORED},
    [OL_CHUNK_HELLO] = {"hello", OL_HELLO_BODY, OL_HELLO_BODY,
                        OL_IN_HANDSHAKE},
    [OL_CHUNK_OPENINGS] = {"openings", OL_OPENINGS_BODY, OL_OPENINGS_WIDE,
                           OL_IN_HANDSHAKE},
    [OL_CHUNK_BRIEF] = {"brief", OL_BRIEF_BODY, OL_BRIEF_BODY, OL_IN_FRAME},
    [OL_CHUNK_WANT] = {"want", OL_WANT_BODY, OL_WANT_BODY, STORED},
};

/* The states on the wire are these enums; UNKNOWN is for our own use. */
_Static_assert(OL_CHAN_UNKNOWN == 7 && OL_LINE_UNKNOWN == 7 &&
                   OL_ATT_UNATTENDED == 2,
               "a new state is a new version of the protocol");

const struct ol_chunk_rule *ol_chunk_rule(uint8_t type)
{
    return type < OL_CHUNK_TYPES && rules[type].name ? &rules[type] : NULL;
}

enum ol_err ol_body_read(struct ol_reader *r, uint8_t type,
                         struct ol_span body)
{
    ol_reader_init(r, body);
    if (body.n < rules[type].least)
        return OL_ERR_SHORT;
    return body.n > rules[type].most ? OL_ERR_LONG : OL_OK;
}

bool ol_body_write(struct ol_writer *w, uint8_t type, size_t body)
{
    OL_CHECK(body >= rules[type].least && body <= rules[type].most);
    if (w->failed || w->cap - w->n < OL_CHUNK_HEAD + body)
        return false;
    ol_write_u8(w, type);
    ol_write_u16(w, (uint16_t)body);
    return true;
}

/* Ends the walk: a caller that asks again gets the end, never a loop. */
static enum ol_err refuse(struct ol_reader *r, enum ol_err err)
{
    r->n = 0;
    r->failed = true;
    return err;
}

static enum ol_err all_zero(struct ol_reader *r)
{
    struct ol_span rest = ol_read_bytes(r, r->n);

    for (size_t k = 0; k < rest.n; k++) {
        if (rest.p[k] != 0)
            return refuse(r, OL_ERR_MALFORMED);
    }
    return OL_OK;
}

enum ol_err ol_chunk_next(struct ol_reader *r, uint8_t where,
                          struct ol_chunk *chunk)
{
    const struct ol_chunk_rule *rule;
    struct ol_reader body;
    enum ol_err err;

    do {
        uint16_t length;

        chunk->type = OL_CHUNK_PAD;
        chunk->body = OL_SPAN(NULL, 0);
        if (r->failed)
            return OL_ERR_SHORT;
        if (r->n == 0)
            return OL_OK;
        if (r->p[0] == OL_CHUNK_PAD)
            return all_zero(r);
        chunk->type = ol_read_u8(r);
        length = ol_read_u16(r);
        chunk->body = ol_read_bytes(r, length);
        if (r->failed)
            return OL_ERR_SHORT;
        rule = ol_chunk_rule(chunk->type);
    } while (!rule && where == OL_IN_HANDSHAKE);

    if (!rule || !(rule->where & where))
        return refuse(r, OL_ERR_MALFORMED);
    err = ol_body_read(&body, chunk->type, chunk->body);
    return err ? refuse(r, err) : OL_OK;
}

enum ol_err ol_probe_decode(struct ol_span b, struct ol_probe *probe)
{
    struct ol_reader r;
    enum ol_err err = ol_body_read(&r, OL_CHUNK_PROBE, b);
    uint8_t flags;

    if (err)
        return err;
    probe->id = ol_read_u32(&r);
    flags = ol_read_u8(&r);
    probe->alone = flags & OL_PROBE_ALONE;
    probe->delay_100us = 0;
    return probe->id != 0 && flags <= OL_PROBE_ALONE ? OL_OK
                                                     : OL_ERR_MALFORMED;
}

bool ol_probe_encode(struct ol_writer *w, const struct ol_probe *probe)
{
    OL_CHECK(probe->id != 0);
    if (!ol_body_write(w, OL_CHUNK_PROBE, OL_PROBE_BODY))
        return false;
    ol_write_u32(w, probe->id);
    ol_write_u8(w, probe->alone ? OL_PROBE_ALONE : 0);
    return true;
}

enum ol_err ol_echo_decode(struct ol_span b, struct ol_probe *echo)
{
    struct ol_reader r;
    enum ol_err err = ol_body_read(&r, OL_CHUNK_ECHO, b);

    if (err)
        return err;
    echo->id = ol_read_u32(&r);
    echo->alone = false;
    echo->delay_100us = ol_read_u16(&r);
    return echo->id != 0 ? OL_OK : OL_ERR_MALFORMED;
}

bool ol_echo_encode(struct ol_writer *w, const struct ol_probe *echo)
{
    OL_CHECK(echo->id != 0);
    if (!ol_body_write(w, OL_CHUNK_ECHO, OL_ECHO_BODY))
        return false;
    ol_write_u32(w, echo->id);
    ol_write_u16(w, echo->delay_100us);
    return true;
}

static bool view_ok(const struct ol_view *view)
{
    if (view->attendance > OL_ATT_UNATTENDED ||
        view->line >= OL_LINE_UNKNOWN || view->count > OL_CHANNELS_MAX)
        return false;
    for (unsigned k = 0; k < view->count; k++) {
        if (view->v[k].state >= OL_CHAN_UNKNOWN)
            return false;
        if (k > 0 && view->v[k].tag <= view->v[k - 1].tag)
            return false;
    }
    return true;
}

enum ol_err ol_view_decode(struct ol_span b, struct ol_view *view)
{
    struct ol_reader r;
    enum ol_err err = ol_body_read(&r, OL_CHUNK_VIEW, b);

    if (err)
        return err;
    view->serial = ol_read_u32(&r);
    view->attendance = ol_read_u8(&r);
    view->line = ol_read_u8(&r);
    view->count = ol_read_u8(&r);
    if (view->count > OL_CHANNELS_MAX)
        return OL_ERR_MALFORMED;
    for (unsigned k = 0; k < view->count; k++) {
        view->v[k].tag = ol_read_u32(&r);
        view->v[k].state = ol_read_u8(&r);
    }
    if (r.failed)
        return OL_ERR_SHORT;
    if (r.n > 0)
        return OL_ERR_LONG;
    return view_ok(view) ? OL_OK : OL_ERR_MALFORMED;
}

bool ol_view_encode(struct ol_writer *w, const struct ol_view *view)
{
    OL_CHECK(view_ok(view));
    if (!ol_body_write(w, OL_CHUNK_VIEW,
                       OL_VIEW_HEAD + OL_VIEW_EACH * view->count))
        return false;
    ol_write_u32(w, view->serial);
    ol_write_u8(w, view->attendance);
    ol_write_u8(w, view->line);
    ol_write_u8(w, view->count);
    for (unsigned k = 0; k < view->count; k++) {
        ol_write_u32(w, view->v[k].tag);
        ol_write_u8(w, view->v[k].state);
    }
    return true;
}

/*
 * A segment is whole units, but for the end of its record; what ends at
 * OL_RECORD_MAX is an end, because no record goes on there.
 */
bool ol_segment_ok(const struct ol_segment *s)
{
    size_t end = s->offset + s->bytes.n;

    if (s->prec >= OL_PRECS || s->codec > OL_CODEC_BROTLI || s->index == 0)
        return false;
    if (s->offset % OL_UNIT || s->offset >= OL_RECORD_MAX ||
        s->bytes.n == 0 || s->bytes.n > OL_RECORD_MAX)
        return false;
    if (s->codec == OL_CODEC_SHORT)
        return s->offset == 0 && s->last;
    if (s->codec == OL_CODEC_BROTLI)
        return true;
    if (end > OL_RECORD_MAX)
        return false;
    return s->last || (s->bytes.n % OL_UNIT == 0 && end < OL_RECORD_MAX);
}

enum ol_err ol_segment_decode(struct ol_span b, struct ol_segment *s)
{
    struct ol_reader r;
    enum ol_err err = ol_body_read(&r, OL_CHUNK_SEGMENT, b);
    uint8_t what;

    if (err)
        return err;
    what = ol_read_u8(&r);
    s->prec = what & 3;
    s->codec = what >> 2 & 3;
    s->last = what >> 4 & 1;
    s->index = ol_read_u32(&r);
    s->offset = ol_read_u16(&r);
    s->bytes = ol_read_bytes(&r, r.n);
    return what >> 5 == 0 && ol_segment_ok(s) ? OL_OK : OL_ERR_MALFORMED;
}

static bool segment_write(struct ol_writer *w, uint8_t type,
                          const struct ol_segment *s)
{
    OL_CHECK(ol_segment_ok(s));
    if (!ol_body_write(w, type, OL_SEGMENT_HEAD + s->bytes.n))
        return false;
    ol_write_u8(w, (uint8_t)(s->prec | s->codec << 2 | s->last << 4));
    ol_write_u32(w, s->index);
    ol_write_u16(w, s->offset);
    ol_write_bytes(w, s->bytes);
    return true;
}

bool ol_segment_encode(struct ol_writer *w, const struct ol_segment *s)
{
    return segment_write(w, OL_CHUNK_SEGMENT, s);
}

bool ol_return_encode(struct ol_writer *w, const struct ol_segment *s)
{
    return segment_write(w, OL_CHUNK_RETURN, s);
}

enum ol_err ol_checkpoint_decode(struct ol_span b, struct ol_checkpoint *c)
{
    struct ol_reader r;
    enum ol_err err = ol_body_read(&r, OL_CHUNK_CHECKPOINT, b);

    if (err)
        return err;
    c->prec = ol_read_u8(&r);
    c->size = ol_read_u32(&r);
    ol_read_copy(&r, c->root, sizeof(c->root));
    ol_read_copy(&r, c->sig, sizeof(c->sig));
    return c->prec < OL_PRECS && c->size > 0 ? OL_OK : OL_ERR_MALFORMED;
}

bool ol_checkpoint_encode(struct ol_writer *w, uint8_t type,
                          const struct ol_checkpoint *c)
{
    OL_CHECK(type == OL_CHUNK_CHECKPOINT || type == OL_CHUNK_COSIGNATURE);
    OL_CHECK(c->prec < OL_PRECS && c->size > 0);
    if (!ol_body_write(w, type, OL_CHECKPOINT_BODY))
        return false;
    ol_write_u8(w, c->prec);
    ol_write_u32(w, c->size);
    ol_write_bytes(w, OL_SPAN_ARRAY(c->root));
    ol_write_bytes(w, OL_SPAN_ARRAY(c->sig));
    return true;
}

static bool hello_ok(const struct ol_hello *hello)
{
    return hello->version_min >= 1 &&
           hello->version_min <= hello->version_max &&
           hello->frame_max >= OL_FRAME_MIN;
}

enum ol_err ol_hello_decode(struct ol_span b, struct ol_hello *hello)
{
    struct ol_reader r;
    enum ol_err err = ol_body_read(&r, OL_CHUNK_HELLO, b);

    if (err)
        return err;
    hello->version_min = ol_read_u8(&r);
    hello->version_max = ol_read_u8(&r);
    hello->frame_max = ol_read_u16(&r);
    return hello_ok(hello) ? OL_OK : OL_ERR_MALFORMED;
}

bool ol_hello_encode(struct ol_writer *w, const struct ol_hello *hello)
{
    OL_CHECK(hello_ok(hello));
    if (!ol_body_write(w, OL_CHUNK_HELLO, OL_HELLO_BODY))
        return false;
    ol_write_u8(w, hello->version_min);
    ol_write_u8(w, hello->version_max);
    ol_write_u16(w, hello->frame_max);
    return true;
}

/* Each pair of numbers has one encoding. */
static bool openings_wide(const struct ol_openings *o)
{
    return (o->made | o->seen) > UINT32_MAX;
}

enum ol_err ol_openings_decode(struct ol_span b, struct ol_openings *o)
{
    struct ol_reader r;
    enum ol_err err = ol_body_read(&r, OL_CHUNK_OPENINGS, b);

    if (err)
        return err;
    if (b.n == OL_OPENINGS_BODY) {
        o->made = ol_read_u32(&r);
        o->seen = ol_read_u32(&r);
        return OL_OK;
    }
    o->made = ol_read_u64(&r);
    o->seen = ol_read_u64(&r);
    return !r.failed && openings_wide(o) && o->made <= INT64_MAX &&
                   o->seen <= INT64_MAX
               ? OL_OK
               : OL_ERR_MALFORMED;
}

bool ol_openings_encode(struct ol_writer *w, const struct ol_openings *o)
{
    bool wide = openings_wide(o);

    OL_CHECK(o->made <= INT64_MAX && o->seen <= INT64_MAX);
    if (!ol_body_write(w, OL_CHUNK_OPENINGS,
                       wide ? OL_OPENINGS_WIDE : OL_OPENINGS_BODY))
        return false;
    if (wide) {
        ol_write_u64(w, o->made);
        ol_write_u64(w, o->seen);
    } else {
        ol_write_u32(w, (uint32_t)o->made);
        ol_write_u32(w, (uint32_t)o->seen);
    }
    return true;
}

static bool brief_ok(const struct ol_brief *b)
{
    return b->prec < OL_PRECS && b->upto > 0 && b->first <= b->high;
}

enum ol_err ol_brief_decode(struct ol_span body, struct ol_brief *b)
{
    struct ol_reader r;
    enum ol_err err = ol_body_read(&r, OL_CHUNK_BRIEF, body);

    if (err)
        return err;
    b->prec = ol_read_u8(&r);
    b->serial = ol_read_u32(&r);
    b->upto = ol_read_u32(&r);
    ol_read_copy(&r, b->root, sizeof(b->root));
    b->high = ol_read_u32(&r);
    b->first = ol_read_u8(&r);
    return brief_ok(b) ? OL_OK : OL_ERR_MALFORMED;
}

bool ol_brief_encode(struct ol_writer *w, const struct ol_brief *b)
{
    OL_CHECK(brief_ok(b));
    if (!ol_body_write(w, OL_CHUNK_BRIEF, OL_BRIEF_BODY))
        return false;
    ol_write_u8(w, b->prec);
    ol_write_u32(w, b->serial);
    ol_write_u32(w, b->upto);
    ol_write_bytes(w, OL_SPAN_ARRAY(b->root));
    ol_write_u32(w, b->high);
    ol_write_u8(w, b->first);
    return true;
}
