/* Why a line is dark: only what is known, and the most telling of it. */
#include "station/dark_why.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <uv.h>

#include <cmocka.h>

#include "base/units.h"

#define IN(state_, ...)                                                       \
    {.name = "cable", .kind = OL_CHAN_STREAM, .dials = true,                  \
     .state = (state_), __VA_ARGS__}
#define TCP(...) IN(OL_CHAN_DOWN, __VA_ARGS__)
#define POUCH {.name = "pouch", .kind = OL_CHAN_POUCH, .state = OL_CHAN_IDLE}
#define FAILED(e) .failed = true, .sys = (e), .transport = "words of it"

static void causes(void **state)
{
    static const struct {
        enum ol_dark_cause cause;
        unsigned n;
        struct ol_dark_channel v[3];
    } table[] = {
        {OL_DARK_NO_CHANNEL, 0, {{0}}},
        {OL_DARK_NO_CHANNEL, 1, {POUCH}},
        {OL_DARK_SILENT, 2, {TCP(.answered_ms = 1), POUCH}},
        {OL_DARK_SILENT, 1, {TCP(FAILED(-ETIMEDOUT))}},
        /* An old failure says nothing of now. */
        {OL_DARK_SILENT, 1, {TCP(.sys = -ECONNREFUSED)}},
        {OL_DARK_REFUSED, 2, {TCP(.answered_ms = 1),
                              TCP(FAILED(-ECONNREFUSED))}},
        {OL_DARK_REFUSED, 1, {TCP(FAILED(ECONNREFUSED))}},
        {OL_DARK_OUR_NETWORK, 2, {TCP(FAILED(-ENETUNREACH)),
                                  TCP(FAILED(-EADDRNOTAVAIL))}},
        /* Another channel leads out: the network is not all of it. */
        {OL_DARK_SILENT, 2, {TCP(FAILED(-ENETUNREACH)), TCP(.heard_ms = 1)}},
        {OL_DARK_OUR_NETWORK, 2, {TCP(FAILED(-ENETUNREACH)),
                                  IN(OL_CHAN_DISABLED, .sys = 0)}},
        {OL_DARK_NO_NAME, 1, {TCP(FAILED(-UV_EAI_NONAME))}},
        {OL_DARK_NO_NAME, 1, {TCP(FAILED(UV_EAI_AGAIN))}},
        {OL_DARK_SILENT, 2, {TCP(FAILED(UV_EAI_AGAIN)), TCP(.heard_ms = 1)}},
        {OL_DARK_DISABLED, 2, {IN(OL_CHAN_DISABLED, .sys = 0), POUCH}},
        {OL_DARK_ONE_WAY, 2, {IN(OL_CHAN_ONE_WAY, .heard_lately = true),
                              TCP(FAILED(-ECONNREFUSED))}},
        /* The last frame before a cut is no proof, a failure the contrary. */
        {OL_DARK_SILENT, 1, {IN(OL_CHAN_ONE_WAY, .heard_ms = 9)}},
        {OL_DARK_REFUSED, 1, {IN(OL_CHAN_ONE_WAY, .heard_lately = true,
                                 FAILED(-ECONNREFUSED))}},
    };

    (void)state;
    for (size_t k = 0; k < OL_LEN(table); k++)
        assert_int_equal(ol_dark_cause(table[k].v, table[k].n),
                         table[k].cause);
    for (unsigned c = 0; c < OL_DARK_CAUSES; c++) {
        assert_non_null(ol_dark_cause_name(c));
        assert_non_null(ol_dark_cause_words(c));
        assert_int_equal(ol_dark_cause_of(ol_dark_cause_name(c)), c);
    }
}

static void words(void **state)
{
    static const struct {
        const char *says;
        struct ol_dark_channel c;
    } table[] = {
        {"disabled here", IN(OL_CHAN_DISABLED, FAILED(-EPIPE))},
        {"a courier proves nothing now", POUCH},
        {"words of it", TCP(FAILED(-EHOSTUNREACH), .answered_ms = 5)},
        {"no answer to what was sent since 1970-01-01T00:00:01.500Z",
         TCP(.answered_ms = 1500, .heard_ms = 2000,
             .transport = "connected to 192.0.2.1:4430")},
        {"nothing heard since 1970-01-01T00:00:02.000Z",
         TCP(.heard_ms = 2000)},
        {"never answered since the start", TCP(.heard_ms = 0)},
        {"nobody has called here since the start",
         {.name = "fibre", .kind = OL_CHAN_STREAM, .state = OL_CHAN_DOWN}},
        {"frames come in, ours are not answered",
         IN(OL_CHAN_ONE_WAY, .heard_ms = 9, .answered_ms = 3,
            .heard_lately = true)},
        {"no answer to what was sent since 1970-01-01T00:00:00.003Z",
         IN(OL_CHAN_ONE_WAY, .heard_ms = 9, .answered_ms = 3)},
    };
    char out[OL_DARK_WHY];

    (void)state;
    for (size_t k = 0; k < OL_LEN(table); k++) {
        ol_dark_why(&table[k].c, out);
        assert_string_equal(out, table[k].says);
    }
}

/* Words that are too long are cut, and stay UTF-8. */
static void cut(void **state)
{
    struct ol_dark_channel c = TCP(FAILED(-EPIPE));
    char text[300] = "", out[OL_DARK_WHY];

    (void)state;
    for (unsigned k = 0; k < 140; k++)
        memcpy(text + 2 * k + 1, "\xc3\xa4", 3);
    text[0] = 'x';
    c.transport = text;
    ol_dark_why(&c, out);
    assert_in_range(strlen(out), OL_DARK_WHY - 3, OL_DARK_WHY - 1);
    assert_int_not_equal(out[strlen(out) - 1], '\xc3');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(causes),
        cmocka_unit_test(words),
        cmocka_unit_test(cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
