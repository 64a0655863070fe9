/* Critical phrases: what may be marked, what a readback must say. */
#include "station/readback.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct ol_phrases marked(const char *text, const char *fields)
{
    struct ol_record rec = {.text = ol_span_str(text),
                            .form_id = ol_span_str(OL_CRITICAL_FORM),
                            .form_fields = ol_span_str(fields)};

    return ol_critical(&rec);
}

static bool holds(const char *fields, const char *readback)
{
    char text[512];
    struct ol_phrases p;

    snprintf(text, sizeof(text), "we meet at %s.", fields);
    p = marked(text, fields);
    assert_int_not_equal(p.n, 0);
    return ol_readback_holds(&p, ol_span_str(readback), NULL);
}

static void what_is_the_same(void **state)
{
    (void)state;
    assert_true(holds("38 N 127 E", "38 N 127 E"));
    assert_true(holds("38 N 127 E", "  38  n\t127 e \r\n"));
    assert_true(holds("18:00Z\nbridge 4", "18:00z; Bridge   4"));
    assert_true(holds("18:00Z\nbridge 4", "18:00Z\nbridge 4\n"));
    assert_true(holds("18:00Z\nbridge 4", "18:00Z ;bridge 4;"));
    assert_true(holds("мост 4", "мост 4"));
}

static void what_is_not(void **state)
{
    (void)state;
    assert_false(holds("38 N 127 E", "39 N 127 E"));
    assert_false(holds("38 N 127 E", "38N 127 E")); /* a blank is a blank */
    assert_false(holds("38 N 127 E", "38 N 127"));
    assert_false(holds("38 N 127 E", "38 N 127 E east"));
    assert_false(holds("38 N 127 E", ""));
    assert_false(holds("38 N 127 E", ";"));
    assert_false(holds("38 N 127 E", "38 N 127 E; 38 N 127 E"));
    assert_false(holds("18:00Z\nbridge 4", "bridge 4; 18:00Z"));
    assert_false(holds("18:00Z\nbridge 4", "18:00Z"));
    assert_false(holds("18:00Z\nbridge 4", "18:00Z bridge 4"));
    assert_false(holds("18:00Z\nbridge 4", "18:00Z;; bridge 4"));
    assert_false(holds("мост 4", "МОСТ 4")); /* case of ASCII alone */
    assert_false(holds("4", "\x82"));
}

static void the_first_that_differs(void **state)
{
    struct ol_phrases p = marked("at 18:00Z, bridge 4, two men",
                                 "18:00Z\nbridge 4\ntwo men");
    struct ol_span back = ol_span_str("18:00Z; bridge 5; two men");
    unsigned at;

    (void)state;
    assert_int_equal(p.n, 3);
    assert_false(ol_readback_holds(&p, back, &at));
    assert_int_equal(at, 1);
    assert_true(ol_span_eq(ol_readback_at(back, 1), ol_span_str("bridge 5")));
    assert_int_equal(ol_readback_at(back, 3).n, 0);
    assert_int_equal(ol_readback_at(back, 99).n, 0);
    assert_false(ol_readback_holds(&p, ol_span_str("18:00Z; bridge 4"), &at));
    assert_int_equal(at, 2);
    back = ol_span_str("18:00Z; bridge 4; two men; and a dog");
    assert_false(ol_readback_holds(&p, back, &at));
    assert_int_equal(at, 3);
    assert_true(ol_span_eq(ol_readback_at(back, 3), ol_span_str("and a dog")));
}

static void what_may_be_marked(void **state)
{
    static const char text[] = "at 18:00Z; bridge 4\nand back";
    char longest[OL_PHRASE_MAX + 2];

    (void)state;
#define CHECK(phrase) ol_phrase_check(ol_span_str(phrase), ol_span_str(text))
    assert_int_equal(CHECK("bridge 4"), OL_PHRASE_GOOD);
    assert_int_equal(CHECK(""), OL_PHRASE_EMPTY);
    assert_int_equal(CHECK(" \t"), OL_PHRASE_EMPTY);
    assert_int_equal(CHECK("18:00Z; bridge"), OL_PHRASE_BROKEN);
    assert_int_equal(CHECK("4\nand"), OL_PHRASE_BROKEN);
    assert_int_equal(CHECK("bridge 5"), OL_PHRASE_FOREIGN);
    assert_int_equal(CHECK("Bridge 4"), OL_PHRASE_FOREIGN);
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(CHECK(longest), OL_PHRASE_LONG);
    longest[OL_PHRASE_MAX] = '\0';
    assert_int_equal(ol_phrase_check(ol_span_str(longest),
                                     ol_span_str(longest)), OL_PHRASE_GOOD);
#undef CHECK
}

/* What a peer may send as well. */
static void a_form_that_breaks_the_rules_marks_nothing(void **state)
{
    struct ol_record rec = {.text = ol_span_str("a b c d e f g h i"),
                            .form_id = ol_span_str("openline/other"),
                            .form_fields = ol_span_str("a")};

    (void)state;
    assert_int_equal(ol_critical(&rec).n, 0);
    assert_int_equal(marked("a", "").n, 0);
    assert_int_equal(marked("a", "b").n, 0);
    assert_int_equal(marked("a", "a\n").n, 1);
    assert_int_equal(marked("a", "a\n\n").n, 0);
    assert_int_equal(marked("a", "\na").n, 0);
    assert_int_equal(marked("a \xff", "\xff").n, 0);
    assert_int_equal(marked("a b c d e f g h i",
                            "a\nb\nc\nd\ne\nf\ng\nh").n, 8);
    assert_int_equal(marked("a b c d e f g h i",
                            "a\nb\nc\nd\ne\nf\ng\nh\ni").n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_the_same),
        cmocka_unit_test(what_is_not),
        cmocka_unit_test(the_first_that_differs),
        cmocka_unit_test(what_may_be_marked),
        cmocka_unit_test(a_form_that_breaks_the_rules_marks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
