/*
 * The other CBOR: loading within bounds, and what the subset leaves out.
 *
 * Happy path: screen, load, then questions to the tree. A tree in the subset
 * has one encoding, which other_encode writes with libcbor's own encoders; if
 * the bytes are others, some head was longer than it had to be.
 */
#include "other_cbor.h"

#include <string.h>

#include "base/check.h"

struct screen {
    size_t left;  /* bytes behind this head */
    bool claims;  /* more than can follow */
};

static void array_start(void *arg, size_t n)
{
    struct screen *s = arg;

    s->claims |= n > s->left;
}

static void map_start(void *arg, size_t n)
{
    struct screen *s = arg;

    s->claims |= n > s->left / 2;
}

/* No head claims more than what stands behind it. */
static bool modest(struct ol_span in)
{
    struct cbor_callbacks calls = cbor_empty_callbacks;
    struct screen s = {.claims = false};

    calls.array_start = array_start;
    calls.map_start = map_start;
    while (in.n > 0 && !s.claims) {
        struct cbor_decoder_result r;

        s.left = in.n;
        r = cbor_stream_decode(in.p, in.n, &calls, &s);
        if (r.status != CBOR_DECODER_FINISHED)
            return false;
        in.p += r.read;
        in.n -= r.read;
    }
    return !s.claims;
}

cbor_item_t *other_load(struct ol_span in)
{
    struct cbor_load_result r;
    cbor_item_t *tree;

    if (in.n == 0 || !modest(in))
        return NULL;
    tree = cbor_load(in.p, in.n, &r);
    if (tree != NULL && r.read != in.n)
        cbor_decref(&tree);
    return tree;
}

struct ol_span other_span(const cbor_item_t *it)
{
    if (cbor_isa_string(it))
        return OL_SPAN(cbor_string_handle(it), cbor_string_length(it));
    return OL_SPAN(cbor_bytestring_handle(it), cbor_bytestring_length(it));
}

bool other_uint(const cbor_item_t *it, uint64_t least, uint64_t most)
{
    return cbor_isa_uint(it) && cbor_get_int(it) >= least &&
           cbor_get_int(it) <= most;
}

/* libcbor counts no code points in what is not UTF-8. */
static bool utf8(const cbor_item_t *it)
{
    struct ol_span s = other_span(it);

    return s.n == 0 || (cbor_string_codepoint_count(it) > 0 &&
                        memchr(s.p, 0, s.n) == NULL);
}

bool other_text(const cbor_item_t *it, size_t least, size_t most)
{
    return cbor_isa_string(it) && cbor_string_length(it) >= least &&
           cbor_string_length(it) <= most && utf8(it);
}

bool other_bytes(const cbor_item_t *it, size_t least, size_t most)
{
    return cbor_isa_bytestring(it) && cbor_bytestring_length(it) >= least &&
           cbor_bytestring_length(it) <= most;
}

/* cbor_is_bool may be asked of what is no float only. */
bool other_bool(const cbor_item_t *it)
{
    return cbor_isa_float_ctrl(it) && cbor_float_ctrl_is_ctrl(it) &&
           cbor_is_bool(it);
}

static const char *why(const cbor_item_t *it, unsigned depth);

static const char *why_map(const cbor_item_t *it, unsigned depth)
{
    struct cbor_pair *pair = cbor_map_handle(it);
    const char *found = NULL;

    if (cbor_map_is_indefinite(it))
        return "indefinite map";
    for (size_t k = 0; k < cbor_map_size(it) && found == NULL; k++) {
        if (!cbor_isa_uint(pair[k].key))
            return "a key that is no unsigned integer";
        if (k > 0 && cbor_get_int(pair[k].key) <=
                         cbor_get_int(pair[k - 1].key))
            return "keys out of order, or twice";
        found = why(pair[k].value, depth + 1);
    }
    return found;
}

static const char *why_array(const cbor_item_t *it, unsigned depth)
{
    cbor_item_t **item = cbor_array_handle(it);
    const char *found = NULL;

    if (cbor_array_is_indefinite(it))
        return "indefinite array";
    for (size_t k = 0; k < cbor_array_size(it) && found == NULL; k++)
        found = why(item[k], depth + 1);
    return found;
}

static const char *why(const cbor_item_t *it, unsigned depth)
{
    if (depth > OTHER_DEPTH)
        return "depth";
    switch (cbor_typeof(it)) {
    case CBOR_TYPE_UINT:
        return NULL;
    case CBOR_TYPE_NEGINT:
        return "negative";
    case CBOR_TYPE_BYTESTRING:
        return cbor_bytestring_is_definite(it) ? NULL : "indefinite bytes";
    case CBOR_TYPE_STRING:
        if (!cbor_string_is_definite(it))
            return "indefinite text";
        return utf8(it) ? NULL : "text that is not UTF-8, or holds a NUL";
    case CBOR_TYPE_ARRAY:
        return why_array(it, depth);
    case CBOR_TYPE_MAP:
        return why_map(it, depth);
    case CBOR_TYPE_TAG:
        return "tag";
    default:
        return other_bool(it) ? NULL : "float, null or simple value";
    }
}

struct out {
    uint8_t *p;
    size_t n, cap;
    bool full;
};

/* A head whose bytes are already in place, by one of libcbor's encoders. */
static void head(struct out *o, size_t (*encode)(size_t, unsigned char *,
                                                 size_t), size_t v)
{
    size_t n = encode(v, o->p + o->n, o->cap - o->n);

    o->full |= n == 0;
    o->n += n;
}

static void copy(struct out *o, struct ol_span s)
{
    if (o->full || s.n > o->cap - o->n) {
        o->full = true;
        return;
    }
    if (s.n > 0)
        memcpy(o->p + o->n, s.p, s.n);
    o->n += s.n;
}

static void put(struct out *o, const cbor_item_t *it)
{
    size_t n;

    switch (cbor_typeof(it)) {
    case CBOR_TYPE_UINT:
        n = cbor_encode_uint(cbor_get_int(it), o->p + o->n, o->cap - o->n);
        o->full |= n == 0;
        o->n += n;
        break;
    case CBOR_TYPE_BYTESTRING:
        head(o, cbor_encode_bytestring_start, cbor_bytestring_length(it));
        copy(o, other_span(it));
        break;
    case CBOR_TYPE_STRING:
        head(o, cbor_encode_string_start, cbor_string_length(it));
        copy(o, other_span(it));
        break;
    case CBOR_TYPE_ARRAY:
        head(o, cbor_encode_array_start, cbor_array_size(it));
        for (size_t k = 0; k < cbor_array_size(it); k++)
            put(o, cbor_array_handle(it)[k]);
        break;
    case CBOR_TYPE_MAP:
        head(o, cbor_encode_map_start, cbor_map_size(it));
        for (size_t k = 0; k < cbor_map_size(it); k++) {
            put(o, cbor_map_handle(it)[k].key);
            put(o, cbor_map_handle(it)[k].value);
        }
        break;
    default:
        n = cbor_encode_bool(cbor_get_bool(it), o->p + o->n, o->cap - o->n);
        o->full |= n == 0;
        o->n += n;
        break;
    }
}

size_t other_encode(const cbor_item_t *tree, uint8_t *out, size_t n)
{
    struct out o = {.p = out, .cap = n};

    put(&o, tree);
    return o.full ? 0 : o.n;
}

const char *other_reason(const cbor_item_t *tree, struct ol_span in)
{
    static uint8_t out[1u << 17];
    const char *found = why(tree, 0);
    size_t n;

    if (found != NULL)
        return found;
    OL_CHECK(in.n <= sizeof(out));
    n = other_encode(tree, out, sizeof(out));
    return ol_span_eq(in, OL_SPAN(out, n)) ? NULL
                                           : "a head longer than needed";
}
