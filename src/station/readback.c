/*
 * Critical phrases, and whether a readback holds. See readback.h.
 *
 * Happy path: the form's lines are the phrases, the readback is split at
 * semicolons and line ends, and each pair is compared letter by letter with
 * blanks folded. How it fails: the first pair that differs is named, so that
 * both officers see the same two words beside each other.
 */
#include "station/readback.h"

#include <string.h>

static bool blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static uint8_t fold(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static struct ol_span trim(struct ol_span s)
{
    while (s.n > 0 && blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* The part up to the next separator, trimmed; *rest goes behind it. */
static struct ol_span part(struct ol_span *rest, bool semicolons)
{
    struct ol_span s = {rest->p, 0};
    size_t over;

    while (s.n < rest->n && rest->p[s.n] != '\n' &&
           (!semicolons || rest->p[s.n] != ';'))
        s.n++;
    over = s.n < rest->n ? s.n + 1 : s.n;
    rest->p += over;
    rest->n -= over;
    return trim(s);
}

/* Equal but for blanks and case; both trimmed. */
static bool same(struct ol_span a, struct ol_span b)
{
    size_t i = 0, k = 0;

    while (i < a.n && k < b.n) {
        if (blank(a.p[i]) != blank(b.p[k]))
            return false;
        if (!blank(a.p[i])) {
            if (fold(a.p[i++]) != fold(b.p[k++]))
                return false;
            continue;
        }
        while (i < a.n && blank(a.p[i]))
            i++;
        while (k < b.n && blank(b.p[k]))
            k++;
    }
    return i == a.n && k == b.n;
}

static bool stands_in(struct ol_span phrase, struct ol_span text)
{
    for (size_t k = 0; phrase.n > 0 && k + phrase.n <= text.n; k++)
        if (memcmp(text.p + k, phrase.p, phrase.n) == 0)
            return true;
    return false;
}

enum ol_phrase_fault ol_phrase_check(struct ol_span phrase,
                                     struct ol_span text)
{
    if (trim(phrase).n == 0)
        return OL_PHRASE_EMPTY;
    if (phrase.n > OL_PHRASE_MAX)
        return OL_PHRASE_LONG;
    for (size_t k = 0; k < phrase.n; k++)
        if (phrase.p[k] == ';' || phrase.p[k] == '\n')
            return OL_PHRASE_BROKEN;
    return stands_in(phrase, text) ? OL_PHRASE_GOOD : OL_PHRASE_FOREIGN;
}

struct ol_phrases ol_critical(const struct ol_record *rec)
{
    static const struct ol_phrases none;
    struct ol_span rest = rec->form_fields;
    struct ol_phrases p = none;

    if (!ol_span_eq(rec->form_id, ol_span_str(OL_CRITICAL_FORM)) ||
        !ol_span_utf8(rest))
        return none;
    while (rest.n > 0) {
        struct ol_span phrase = part(&rest, false);

        if (p.n == OL_CRITICAL_MAX ||
            ol_phrase_check(phrase, rec->text) != OL_PHRASE_GOOD)
            return none;
        p.v[p.n++] = phrase;
    }
    return p;
}

struct ol_span ol_readback_at(struct ol_span readback, unsigned at)
{
    struct ol_span s = {NULL, 0};

    for (unsigned k = 0; k <= at; k++)
        s = readback.n > 0 ? part(&readback, true) : OL_SPAN(NULL, 0);
    return s;
}

bool ol_readback_holds(const struct ol_phrases *phrases,
                       struct ol_span readback, unsigned *at)
{
    struct ol_span rest = trim(readback);
    unsigned k = 0;

    while (k < phrases->n && rest.n > 0 && same(phrases->v[k],
                                                part(&rest, true)))
        k++;
    if (at != NULL)
        *at = k;
    return k == phrases->n && trim(rest).n == 0;
}
