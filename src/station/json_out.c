/*
 * A document written straight into its bytes. See json_out.h.
 *
 * Happy path: a member's name and its value go behind what is there; a text is
 * checked once and copied in runs between the letters that must be escaped.
 * Whether a comma is due the last byte tells: none is behind what opens, a
 * colon or a comma. It fails for want of memory or at a text that is not
 * UTF-8, and then writes nothing more.
 */
#include "station/json_out.h"

#include <stdlib.h>
#include <string.h>

#include "station/text.h"

#define FIRST 2048u
#define DEEP 32u /* brackets in each other: our documents have 8 */

void ol_out_free(struct ol_out *o)
{
    free(o->p);
    memset(o, 0, sizeof(*o));
}

/* Where `more` bytes may be written; NULL: no memory. */
static char *room(struct ol_out *o, size_t more)
{
    size_t cap = o->cap ? o->cap : FIRST;
    char *p;

    if (o->failed)
        return NULL;
    if (o->cap - o->n >= more)
        return o->p + o->n;
    while (cap - o->n < more)
        cap *= 2;
    p = realloc(o->p, cap);
    if (p == NULL) {
        o->failed = true;
        return NULL;
    }
    o->p = p;
    o->cap = cap;
    return p + o->n;
}

void ol_out_raw(struct ol_out *o, const char *text, size_t n)
{
    char *to = room(o, n);

    if (to == NULL || n == 0)
        return;
    memcpy(to, text, n);
    o->n += n;
}

static void put(struct ol_out *o, const char *text)
{
    ol_out_raw(o, text, strlen(text));
}

/* Comma, name and colon, as far as they are due. */
void ol_out_key(struct ol_out *o, const char *key)
{
    size_t n = key ? strlen(key) : 0;
    char last = '{', *to = room(o, n + 4);

    if (to == NULL)
        return;
    if (o->n > 0)
        last = o->p[o->n - 1];
    if (last != '{' && last != '[' && last != ':' && last != ',')
        *to++ = ',';
    if (key != NULL) {
        *to++ = '"';
        memcpy(to, key, n);
        to += n;
        *to++ = '"';
        *to++ = ':';
    }
    o->n = (size_t)(to - o->p);
}

void ol_out_open(struct ol_out *o, const char *key, char bracket)
{
    ol_out_key(o, key);
    ol_out_raw(o, &bracket, 1);
}

void ol_out_close(struct ol_out *o, char bracket)
{
    ol_out_raw(o, &bracket, 1);
}

void ol_out_null(struct ol_out *o, const char *key)
{
    ol_out_key(o, key);
    ol_out_raw(o, "null", 4);
}

void ol_out_bool(struct ol_out *o, const char *key, bool v)
{
    ol_out_key(o, key);
    put(o, v ? "true" : "false");
}

void ol_out_int(struct ol_out *o, const char *key, int64_t v)
{
    uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    char text[24], *at = text + sizeof(text);

    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (v < 0)
        *--at = '-';
    ol_out_key(o, key);
    ol_out_raw(o, at, (size_t)(text + sizeof(text) - at));
}

/* Texts. */

static bool escaped(uint8_t c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

/* In steps of sixteen: one that holds another is looked at byte by byte. */
size_t ol_out_plain(const uint8_t *p, size_t n, bool *ascii)
{
    typedef uint8_t step __attribute__((vector_size(16)));
    size_t at = 0;
    uint8_t all = 0;
    step v, tops = {0};
    uint64_t half[2];

    for (; n - at >= sizeof(v); at += sizeof(v)) {
        step bad;

        memcpy(&v, p + at, sizeof(v));
        bad = (step)(v < 0x20) | (step)(v == '"') | (step)(v == '\\');
        memcpy(half, &bad, sizeof(half));
        if ((half[0] | half[1]) != 0)
            break;
        tops |= v;
    }
    for (; at < n && !escaped(p[at]); at++)
        all |= p[at];
    memcpy(half, &tops, sizeof(half));
    *ascii = (((half[0] | half[1]) & UINT64_C(0x8080808080808080)) |
              (all & 0x80)) == 0;
    return at;
}

static void escape(struct ol_out *o, uint8_t c)
{
    static const char hex[] = "0123456789ABCDEF";
    static const char named[0x20] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n',
                                     ['\f'] = 'f', ['\r'] = 'r'};
    char text[6] = {'\\', (char)c, '0', '0', hex[c >> 4], hex[c & 15]};

    if (c < sizeof(named) && named[c] != '\0')
        text[1] = named[c];
    else if (c < 0x20)
        text[1] = 'u';
    ol_out_raw(o, text, text[1] == 'u' ? 6 : 2);
}

static void quoted(struct ol_out *o, struct ol_span v)
{
    bool ascii;
    size_t n = ol_out_plain(v.p, v.n, &ascii), at;
    char *to = room(o, n + 2);

    if (to == NULL)
        return;
    *to++ = '"';
    if (n > 0)
        memcpy(to, v.p, n);
    o->n += 1 + n;
    if (n == v.n && ascii) {
        to[n] = '"';
        o->n++;
        return;
    }
    if (!ol_span_utf8(v)) {
        o->failed = true;
        return;
    }
    for (at = n; at < v.n; at += n) {
        escape(o, v.p[at++]);
        n = ol_out_plain(v.p + at, v.n - at, &ascii);
        ol_out_raw(o, (const char *)v.p + at, n);
    }
    ol_out_raw(o, "\"", 1);
}

void ol_out_string(struct ol_out *o, const char *key, struct ol_span v)
{
    ol_out_key(o, key);
    quoted(o, v);
}

void ol_out_word(struct ol_out *o, const char *key, const char *v)
{
    if (v == NULL)
        ol_out_null(o, key);
    else
        ol_out_string(o, key, ol_span_str(v));
}

void ol_out_text(struct ol_out *o, const char *key, struct ol_span v)
{
    if (v.n == 0)
        ol_out_null(o, key);
    else
        ol_out_string(o, key, v);
}

void ol_out_time(struct ol_out *o, const char *key, uint64_t ms)
{
    char text[OL_TIME_TEXT];

    if (ms > 0)
        ol_text_time(text, ms);
    ol_out_word(o, key, ms > 0 ? text : NULL);
}

void ol_out_hex(struct ol_out *o, const char *key, struct ol_span v)
{
    static const char hex[] = "0123456789abcdef";
    char *to;

    ol_out_key(o, key);
    to = room(o, 2 * v.n + 2);
    if (to == NULL)
        return;
    *to++ = '"';
    for (size_t k = 0; k < v.n; k++) {
        *to++ = hex[v.p[k] >> 4];
        *to++ = hex[v.p[k] & 15];
    }
    *to++ = '"';
    o->n += 2 * v.n + 2;
}

/* Trees. */

static void number(struct ol_out *o, const char *key, const json_t *v)
{
    size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(o->digits);
    char text[64];
    size_t n = json_dumpb(v, text, sizeof(text), flags);

    ol_out_key(o, key);
    if (n == 0 || n > sizeof(text))
        o->failed = true;
    else
        ol_out_raw(o, text, n);
}

/* What is open, and its child that comes next. */
struct level {
    const json_t *v;
    size_t k;
    void *at; /* of an object */
};

static void scalar(struct ol_out *o, const char *key, const json_t *v)
{
    if (json_is_string(v))
        ol_out_string(o, key, OL_SPAN(json_string_value(v),
                                      json_string_length(v)));
    else if (json_is_integer(v))
        ol_out_int(o, key, json_integer_value(v));
    else if (json_is_real(v))
        number(o, key, v);
    else if (json_is_boolean(v))
        ol_out_bool(o, key, json_is_true(v));
    else if (json_is_null(v))
        ol_out_null(o, key);
    else
        o->failed = true; /* NULL: it could not be made */
}

/* The next child, its name already written; NULL: there is none left. */
static const json_t *child(struct ol_out *o, struct level *l)
{
    const json_t *v;

    if (json_is_array(l->v))
        return json_array_get(l->v, l->k++);
    if (l->at == NULL)
        return NULL;
    /* Some names are words of people's: a line, a channel. */
    ol_out_string(o, NULL, ol_span_str(json_object_iter_key(l->at)));
    ol_out_raw(o, ":", 1);
    v = json_object_iter_value(l->at);
    l->at = json_object_iter_next((json_t *)l->v, l->at);
    return v;
}

void ol_out_tree(struct ol_out *o, const char *key, const json_t *v)
{
    struct level open[DEEP];
    unsigned depth = 0;

    for (;;) {
        if (json_is_object(v) || json_is_array(v)) {
            if (depth == DEEP)
                o->failed = true;
            if (o->failed)
                return;
            ol_out_open(o, key, json_is_object(v) ? '{' : '[');
            open[depth++] = (struct level){v, 0,
                                           json_object_iter((json_t *)v)};
        } else {
            scalar(o, key, v);
        }
        key = NULL;
        while (depth > 0 && (v = child(o, &open[depth - 1])) == NULL) {
            depth--; /* jansson's questions are macros: no -- inside */
            ol_out_close(o, json_is_object(open[depth].v) ? '}' : ']');
        }
        if (depth == 0)
            return;
    }
}

json_t *ol_out_read(struct ol_out *o)
{
    json_t *v = o->failed ? NULL
                          : json_loadb(o->p, o->n, JSON_DECODE_ANY, NULL);

    ol_out_free(o);
    return v;
}
