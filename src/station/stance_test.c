/* Stances: which one counts, and how many there is room for. */
#include "station/stance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"

static struct ol_stances s;

static struct ol_span sp(const char *text)
{
    return ol_span_str(text);
}

static int fresh(void **state)
{
    (void)state;
    memset(&s, 0, sizeof(s));
    return 0;
}

static enum ol_stance on(const char *subject)
{
    const struct ol_stance_row *row = ol_stances_find(&s, sp(subject));

    return row != NULL ? (enum ol_stance)row->stance : OL_STANCE_NONE;
}

static void the_newest_counts(void **state)
{
    (void)state;
    assert_int_equal(on(""), OL_STANCE_NONE);
    ol_stances_note(&s, OL_STANCE_CLOSED, sp(""), 5);
    ol_stances_note(&s, OL_STANCE_READY, sp(""), 3); /* came later, is older */
    ol_stances_note(&s, OL_STANCE_READY, sp(""), 5); /* the same again */
    assert_int_equal(on(""), OL_STANCE_CLOSED);
    ol_stances_note(&s, OL_STANCE_LISTENING, sp(""), 6);
    assert_int_equal(on(""), OL_STANCE_LISTENING);
    assert_int_equal(s.n, 1);
}

static void a_subject_has_its_own(void **state)
{
    (void)state;
    ol_stances_note(&s, OL_STANCE_CLOSED, sp(""), 1);
    ol_stances_note(&s, OL_STANCE_READY, sp("prisoners"), 2);
    assert_int_equal(on("prisoners"), OL_STANCE_READY);
    assert_int_equal(on("borders"), OL_STANCE_CLOSED); /* the whole line's */
    assert_int_equal(on("prisoner"), OL_STANCE_CLOSED);
    assert_int_equal(on(""), OL_STANCE_CLOSED);
    ol_stances_note(&s, OL_STANCE_READY, sp(""), 3);
    assert_int_equal(on("prisoners"), OL_STANCE_READY);
}

/* A peer may name subjects without end. */
static void there_is_an_end(void **state)
{
    char subject[32];

    (void)state;
    for (uint32_t k = 1; k <= 500; k++) {
        snprintf(subject, sizeof(subject), "subject %u", k);
        ol_stances_note(&s, OL_STANCE_READY, sp(subject), k);
        assert_true(s.n < OL_STANCES_MAX); /* one is kept */
    }
    ol_stances_note(&s, OL_STANCE_CLOSED, sp(""), 501);
    assert_int_equal(s.n, OL_STANCES_MAX);
    assert_int_equal(on("subject 500"), OL_STANCE_READY);
    assert_int_equal(on("subject 2"), OL_STANCE_CLOSED); /* gone */
    for (uint32_t k = 502; k <= 1000; k++) {
        snprintf(subject, sizeof(subject), "subject %u", k);
        ol_stances_note(&s, OL_STANCE_LISTENING, sp(subject), k);
        assert_int_equal(on(""), OL_STANCE_CLOSED);
        assert_int_equal(on(subject), OL_STANCE_LISTENING);
        assert_int_equal(s.n, OL_STANCES_MAX);
    }
}

static void the_longest_subject(void **state)
{
    uint8_t most[OL_SUBJECT_MAX];
    const struct ol_stance_row *row;

    (void)state;
    memset(most, 'x', sizeof(most));
    ol_stances_note(&s, OL_STANCE_READY, OL_SPAN(most, sizeof(most)), 1);
    row = ol_stances_find(&s, OL_SPAN(most, sizeof(most)));
    assert_non_null(row);
    assert_int_equal(row->subject_n, OL_SUBJECT_MAX);
}

static void words(void **state)
{
    struct ol_record rec = {.kind = OL_KIND_STANCE, .prec = OL_FLASH,
                            .form_id = sp(OL_STANCE_FORM)};

    (void)state;
    for (unsigned k = OL_STANCE_READY; k < OL_STANCE_WORDS; k++) {
        rec.form_fields = sp(ol_stance_name((enum ol_stance)k));
        assert_int_equal(ol_stance_of_record(&rec), k);
    }
    assert_null(ol_stance_name(OL_STANCE_NONE));
    assert_null(ol_stance_name(OL_STANCE_WORDS));
    /* What is not one has no effect. */
    rec.form_fields = sp("shut");
    assert_int_equal(ol_stance_of_record(&rec), OL_STANCE_NONE);
    rec.form_fields = sp("");
    assert_int_equal(ol_stance_of_record(&rec), OL_STANCE_NONE);
    rec.form_fields = sp("closed");
    rec.prec = OL_ROUTINE;
    assert_int_equal(ol_stance_of_record(&rec), OL_STANCE_NONE);
    rec.prec = OL_FLASH;
    rec.kind = OL_KIND_MESSAGE;
    assert_int_equal(ol_stance_of_record(&rec), OL_STANCE_NONE);
    rec.kind = OL_KIND_STANCE;
    rec.form_id = sp("openline/stance2");
    assert_int_equal(ol_stance_of_record(&rec), OL_STANCE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_newest_counts, fresh),
        cmocka_unit_test_setup(a_subject_has_its_own, fresh),
        cmocka_unit_test_setup(there_is_an_end, fresh),
        cmocka_unit_test_setup(the_longest_subject, fresh),
        cmocka_unit_test(words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
