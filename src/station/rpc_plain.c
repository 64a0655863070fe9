/*
 * The requests that nearly all are, read in runs of bytes.
 *
 * Happy path: an object of words, whole numbers, true, false and null, with at
 * most one such object in it (params), and no letter escaped: keys and texts
 * are checked once and copied whole. Anything else, and whatever is wrong, it
 * does not judge: then jansson reads the line, letter by letter, and finds the
 * words for it. rpc_test.c holds what is read here to what jansson reads.
 */
#include "station/rpc.h"

#include <string.h>

#include "station/json_out.h"

#define DIGITS 18u /* fit 64 bits whatever they are */

struct in {
    const uint8_t *at, *end;
};

/* That letter, behind spaces. */
static bool eat(struct in *in, char c)
{
    while (in->at < in->end && *in->at == ' ')
        in->at++;
    if (in->at == in->end || *in->at != (uint8_t)c)
        return false;
    in->at++;
    return true;
}

static bool word(struct in *in, struct ol_span *out)
{
    bool ascii;

    if (!eat(in, '"'))
        return false;
    *out = OL_SPAN(in->at, ol_out_plain(in->at, (size_t)(in->end - in->at),
                                        &ascii));
    in->at += out->n;
    return eat(in, '"') && (ascii || ol_span_utf8(*out));
}

/* None goes on behind it, as 1.5 and 1e3 do. */
static bool ended(const struct in *in)
{
    return in->at < in->end &&
           (*in->at == ',' || *in->at == '}' || *in->at == ' ');
}

static json_t *number(struct in *in)
{
    const uint8_t *from = in->at;
    json_int_t v = 0;

    while (in->at < in->end && *in->at >= '0' && *in->at <= '9' &&
           in->at - from < (ptrdiff_t)DIGITS)
        v = v * 10 + (*in->at++ - '0');
    if (in->at == from || (*from == '0' && in->at - from > 1) || !ended(in))
        return NULL;
    return json_integer(v);
}

static bool name(struct in *in, const char *text)
{
    size_t n = strlen(text);

    if ((size_t)(in->end - in->at) < n || memcmp(in->at, text, n) != 0)
        return false;
    in->at += n;
    return true;
}

/* What is behind the colon, unless it is an object; NULL: not plain. */
static json_t *value(struct in *in)
{
    struct ol_span text;

    while (in->at < in->end && *in->at == ' ')
        in->at++;
    if (in->at < in->end && *in->at == '"')
        return word(in, &text)
                   ? json_stringn_nocheck((const char *)text.p, text.n)
                   : NULL;
    if (name(in, "true"))
        return json_true();
    if (name(in, "false"))
        return json_false();
    if (name(in, "null"))
        return json_null();
    return number(in);
}

/* One that stands already is for jansson to refuse. */
static bool set(json_t *into, struct ol_span key, json_t *v)
{
    const char *k = (const char *)key.p;

    if (v != NULL && json_object_getn(into, k, key.n) == NULL)
        return json_object_setn_new_nocheck(into, k, key.n, v) == 0;
    json_decref(v);
    return false;
}

static bool members(struct in *in, json_t *whole)
{
    json_t *open[2] = {whole};
    unsigned depth = 1;
    struct ol_span key;

    while (depth > 0) {
        json_t *into = open[depth - 1];

        if (!word(in, &key) || !eat(in, ':'))
            return false;
        if (eat(in, '{')) {
            json_t *inner = depth == 1 ? json_object() : NULL;

            if (!set(into, key, inner))
                return false;
            open[depth++] = inner;
            continue; /* an empty one is not plain */
        }
        if (!set(into, key, value(in)))
            return false;
        while (depth > 0 && eat(in, '}'))
            depth--;
        if (depth > 0 && !eat(in, ','))
            return false;
    }
    return true;
}

json_t *ol_rpc_plain(const char *line, size_t n)
{
    struct in in = {(const uint8_t *)line, (const uint8_t *)line + n};
    json_t *whole = eat(&in, '{') ? json_object() : NULL;

    if (whole != NULL && members(&in, whole) && in.at == in.end)
        return whole;
    json_decref(whole);
    return NULL;
}
