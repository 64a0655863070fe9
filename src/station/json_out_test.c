/* What is written straight is, byte for byte, what jansson would write. */
#include "station/json_out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/dice.h"
#include "base/units.h"

static void same(struct ol_out *o, const char *text)
{
    assert_non_null(text);
    assert_false(o->failed);
    assert_int_equal(o->n, strlen(text));
    assert_memory_equal(o->p, text, o->n);
    ol_out_free(o);
}

/* Consumes doc. */
static void as_dumped(json_t *doc, unsigned digits)
{
    struct ol_out o = {.digits = digits};
    char *text = json_dumps(doc, JSON_COMPACT | JSON_ENCODE_ANY |
                                     JSON_REAL_PRECISION(digits));

    ol_out_tree(&o, NULL, doc);
    same(&o, text);
    free(text);
    json_decref(doc);
}

static void each_letter(void **state)
{
    char text[2 * 16 + 9];

    (void)state;
    /* At each place of a step of sixteen, and behind the last. */
    for (unsigned c = 1; c < 0x80; c++) {
        for (unsigned at = 0; at < sizeof(text); at++) {
            memset(text, 'a', sizeof(text));
            text[at] = (char)c;
            as_dumped(json_stringn(text, sizeof(text)), 0);
            as_dumped(json_stringn(text, at + 1), 0);
        }
    }
    as_dumped(json_string(""), 0);
    as_dumped(json_string("\"\\\"\\\b\f\n\r\t\x01\x1f\x7f/"), 0);
    as_dumped(json_string("\xc3\xa4\xe2\x82\xac\xf0\x9f\x9a\xa8\xe2\x80\xa8"
                          "\xef\xbf\xbf\xf4\x8f\xbf\xbf"), 0);
}

/* Above ASCII: half of a letter is found wherever it stands. */
static void each_place(void **state)
{
    char text[2 * 16 + 9];

    (void)state;
    for (unsigned at = 0; at + 1 < sizeof(text); at++) {
        struct ol_out o = {0};

        memset(text, 'a', sizeof(text));
        memcpy(text + at, "\xc3\xa4", 2);
        as_dumped(json_stringn(text, sizeof(text)), 0);
        text[at] = 'a';
        ol_out_string(&o, NULL, OL_SPAN(text, sizeof(text)));
        assert_true(o.failed);
        ol_out_free(&o);
    }
}

static void each_number(void **state)
{
    static const int64_t whole[] = {0, 1, -1, 9, 10, 99, 100, INT32_MIN,
                                    INT64_MAX, INT64_MIN, INT64_MIN + 1};
    static const double real[] = {0.0,    -0.0,  1.0,  0.1,   20.123456789012,
                                  1e300,  1e-9,  1e21, 100.0, 123456789.5,
                                  -2.5e7, 1.0 / 3};

    (void)state;
    for (unsigned k = 0; k < OL_LEN(whole); k++)
        as_dumped(json_integer(whole[k]), 0);
    for (unsigned k = 0; k < OL_LEN(real); k++) {
        as_dumped(json_real(real[k]), 0);
        as_dumped(json_real(real[k]), 9);
    }
    as_dumped(json_null(), 0);
    as_dumped(json_true(), 0);
    as_dumped(json_false(), 0);
}

/* A text of letters of all lengths, often such as must be escaped. */
static json_t *any_text(struct dice *d)
{
    static const char *const letters[] = {
        "a", "b", " ", "\"", "\\", "\n", "\x01", "\x1f", "\x7f", "/",
        "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x9a\xa8",
    };
    uint64_t n = dice_in(d, 0, 3) ? dice_in(d, 0, 40) : dice_in(d, 0, 4096);
    uint64_t odd = dice_in(d, 0, 1) ? OL_LEN(letters) - 1 : 2;
    char text[4 * 4096 + 1] = "";
    size_t used = 0;

    for (; n > 0; n--) {
        const char *one = letters[dice_in(d, 0, odd)];

        memcpy(text + used, one, strlen(one));
        used += strlen(one);
    }
    return json_stringn(text, used);
}

static json_t *any_value(struct dice *d)
{
    switch (dice_in(d, 0, 7)) {
    case 0:
        return json_null();
    case 1:
        return json_boolean(dice_in(d, 0, 1));
    case 2:
        return json_real((double)(int64_t)dice_u64(d) / 1e6);
    case 3:
        return json_integer((json_int_t)dice_u64(d));
    case 4:
        return json_object();
    case 5:
        return json_array();
    default:
        return any_text(d);
    }
}

static void any_tree(void **state)
{
    struct dice d = dice_init(0x4a534f4e);

    (void)state;
    for (unsigned k = 0; k < dice_rounds(1000); k++) {
        json_t *all[24], *top = json_array();
        unsigned n = 0;

        all[n++] = top;
        for (uint64_t more = dice_in(&d, 0, 60); more > 0; more--) {
            json_t *into = all[dice_in(&d, 0, n - 1)], *v = any_value(&d);
            json_t *name = any_text(&d);

            if (json_is_array(into))
                json_array_append_new(into, v);
            else
                json_object_set_new(into, json_string_value(name), v);
            if (n < OL_LEN(all) && (json_is_array(v) || json_is_object(v)) &&
                json_is_array(into)) /* an object may replace it */
                all[n++] = v;
            json_decref(name);
        }
        as_dumped(top, dice_in(&d, 0, 1) ? 9 : 0);
    }
}

static void members(void **state)
{
    struct ol_out o = {0};

    (void)state;
    ol_out_open(&o, NULL, '{');
    ol_out_open(&o, "a", '[');
    ol_out_close(&o, ']');
    ol_out_open(&o, "b", '[');
    ol_out_int(&o, NULL, -7);
    ol_out_word(&o, NULL, "{[:");
    ol_out_open(&o, NULL, '{');
    ol_out_close(&o, '}');
    ol_out_null(&o, NULL);
    ol_out_close(&o, ']');
    ol_out_word(&o, "c", NULL);
    ol_out_string(&o, "d", OL_SPAN(NULL, 0));
    ol_out_bool(&o, "e", true);
    ol_out_key(&o, "f");
    ol_out_bool(&o, NULL, false);
    ol_out_close(&o, '}');
    same(&o, "{\"a\":[],\"b\":[-7,\"{[:\",{},null],\"c\":null,\"d\":\"\","
             "\"e\":true,\"f\":false}");
}

/* What cannot be written spoils the whole, however much follows. */
static void spoilt(void **state)
{
    json_t *deep = json_null();
    struct ol_out o = {0};

    (void)state;
    ol_out_open(&o, NULL, '{');
    ol_out_string(&o, "text", OL_SPAN("\xff", 1));
    ol_out_int(&o, "more", 1);
    ol_out_close(&o, '}');
    assert_true(o.failed);
    ol_out_free(&o);
    ol_out_string(&o, NULL, OL_SPAN("a\0b", 3));
    assert_true(o.failed);
    ol_out_free(&o);
    ol_out_tree(&o, NULL, NULL);
    assert_true(o.failed);
    ol_out_free(&o);
    for (unsigned k = 0; k < 100; k++)
        deep = json_pack("[o]", deep);
    ol_out_tree(&o, NULL, deep);
    assert_true(o.failed);
    ol_out_free(&o);
    json_decref(deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_letter),
        cmocka_unit_test(each_place), cmocka_unit_test(each_number),
        cmocka_unit_test(any_tree),    cmocka_unit_test(members),
        cmocka_unit_test(spoilt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
