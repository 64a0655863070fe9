/* Facts of darkness, told in order, become the blackouts that there were. */
#include "station/dark_fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"

#define ENTRIES 8u

struct told {
    struct ol_dark_entry v[ENTRIES];
    unsigned n;
};

static struct told fold(const char *const *facts)
{
    struct ol_dark_fold f = {.any = false};
    struct told t = {.n = 0};

    for (; *facts != NULL; facts++) {
        json_t *doc = json_loads(*facts, 0, NULL);

        assert_non_null(doc);
        if (ol_dark_fold(&f, doc, &t.v[t.n]))
            t.n++;
        json_decref(doc);
        assert_true(t.n < ENTRIES);
    }
    if (ol_dark_fold_end(&f, &t.v[t.n]))
        t.n++;
    return t;
}

static void clear(struct told *t)
{
    for (unsigned k = 0; k < t->n; k++)
        ol_dark_entry_clear(&t->v[k]);
}

#define BEGIN(since, detected)                                               \
    "{\"what\":\"begin\",\"since\":" #since ",\"detected\":" #detected      \
    ",\"cause\":\"silent\",\"words\":\"nothing answers\",\"heard\":true,"    \
    "\"channels\":[{\"name\":\"cable\",\"why\":\"cut\"},"                    \
    "{\"name\":\"radio\",\"why\":\"too\"}]}"
#define OFF(from, to)                                                        \
    "{\"what\":\"off\",\"from\":" #from ",\"to\":" #to                      \
    ",\"why\":\"stopped\"}"
#define END(at)                                                              \
    "{\"what\":\"end\",\"at\":" #at ",\"by\":\"cable\",\"waited\":"          \
    "{\"flash\":1},\"went\":{\"flash\":0},\"came\":{\"flash\":2}}"
#define CAUGHT(at)                                                           \
    "{\"what\":\"caught-up\",\"at\":" #at ",\"went\":{\"flash\":1},"         \
    "\"came\":{\"flash\":3}}"

static void one_blackout(void **state)
{
    static const char *const facts[] = {BEGIN(1000, 31000), END(91000),
                                        CAUGHT(93000), NULL};
    struct told t = fold(facts);
    json_t *doc;

    (void)state;
    assert_int_equal(t.n, 1);
    assert_true(t.v[0].dark && t.v[0].over);
    assert_int_equal(t.v[0].since_ms, 1000);
    assert_int_equal(t.v[0].detected_ms, 31000);
    assert_int_equal(t.v[0].lasted_ms, 90000);
    doc = ol_dark_entry_json(&t.v[0], "south", 99000);
    assert_string_equal(json_string_value(json_object_get(doc, "reason")),
                        "nothing answers: cable: cut; radio: too");
    assert_string_equal(json_string_value(json_object_get(doc, "end")),
                        "1970-01-01T00:01:31.000Z");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(doc, "caught_up"),
                                          "at")),
        "1970-01-01T00:01:33.000Z");
    json_decref(doc);
    clear(&t);
}

static void it_lasts(void **state)
{
    static const char *const facts[] = {BEGIN(1000, 31000), NULL};
    struct told t = fold(facts);
    json_t *doc;

    (void)state;
    assert_int_equal(t.n, 1);
    assert_true(t.v[0].dark && !t.v[0].over);
    doc = ol_dark_entry_json(&t.v[0], "south", 61000);
    assert_int_equal(
        json_integer_value(json_object_get(doc, "lasted_ms")), 60000);
    assert_true(json_is_null(json_object_get(doc, "end")));
    assert_true(json_is_null(json_object_get(doc, "waited")));
    assert_true(json_is_null(json_object_get(doc, "caught_up")));
    json_decref(doc);
    clear(&t);
}

/* Stopped twice while dark: one blackout, and it says so. */
static void over_stops(void **state)
{
    static const char *const facts[] = {
        BEGIN(1000, 31000), OFF(40000, 50000), OFF(60000, 90000),
        END(100000), OFF(200000, 300000), NULL};
    struct told t = fold(facts);

    (void)state;
    assert_int_equal(t.n, 2);
    assert_true(t.v[0].dark);
    assert_int_equal(t.v[0].n_off, 2);
    assert_int_equal(t.v[0].off_ms, 40000);
    assert_int_equal(t.v[0].lasted_ms, 99000);
    assert_false(t.v[1].dark);
    assert_int_equal(t.v[1].since_ms, 200000);
    assert_int_equal(t.v[1].end_ms, 300000);
    clear(&t);
}

/* It was off, and nobody was there when it came back: dark all that time. */
static void dark_at_the_return(void **state)
{
    static const char *const facts[] = {OFF(40000, 50000),
                                        BEGIN(39000, 53000), NULL};
    static const char *const later[] = {OFF(40000, 50000),
                                        BEGIN(70000, 90000), NULL};
    struct told t = fold(facts);

    (void)state;
    assert_int_equal(t.n, 1);
    assert_true(t.v[0].dark && !t.v[0].over);
    assert_int_equal(t.v[0].since_ms, 39000);
    assert_int_equal(t.v[0].off_ms, 10000);
    clear(&t);
    t = fold(later);
    assert_int_equal(t.n, 2);
    assert_false(t.v[0].dark);
    assert_int_equal(t.v[1].off_ms, 0);
    clear(&t);
}

/* Whatever does not fit stands for itself, and nothing is made up for it. */
static void odd_ones(void **state)
{
    static const char *const facts[] = {
        CAUGHT(500), "{\"what\":\"newer\"}", "{}", END(1000), CAUGHT(1100),
        CAUGHT(1200), BEGIN(2000, 3000), BEGIN(5000, 6000), OFF(9, 8),
        END(7000), NULL};
    struct told t = fold(facts);
    json_t *doc;

    (void)state;
    assert_int_equal(t.n, 3);
    assert_int_equal(t.v[0].since_ms, 0);
    doc = ol_dark_entry_json(&t.v[0], "south", 99000);
    assert_true(json_is_null(json_object_get(doc, "since")));
    assert_true(json_is_null(json_object_get(doc, "lasted_ms")));
    assert_true(json_is_null(json_object_get(doc, "reason")));
    json_decref(doc);
    assert_true(t.v[1].dark && t.v[1].over);
    assert_int_equal(t.v[1].end_ms, 0);
    assert_int_equal(t.v[2].off_ms, 0);
    assert_int_equal(t.v[2].lasted_ms, 2000);
    clear(&t);
}

static void many_stops(void **state)
{
    struct ol_dark_fold f = {.any = false};
    struct ol_dark_entry e;
    json_t *doc = json_loads(BEGIN(1000, 2000), 0, NULL);

    (void)state;
    assert_false(ol_dark_fold(&f, doc, &e));
    json_decref(doc);
    for (unsigned k = 0; k < 3 * OL_DARK_OFFS; k++) {
        doc = json_loads(OFF(5000, 6000), 0, NULL);
        assert_false(ol_dark_fold(&f, doc, &e));
        json_decref(doc);
    }
    assert_true(ol_dark_fold_end(&f, &e));
    assert_int_equal(e.n_off, OL_DARK_OFFS);
    assert_int_equal(e.off_ms, 3 * OL_DARK_OFFS * 1000);
    assert_false(ol_dark_fold_end(&f, &e));
    ol_dark_entry_clear(&e);
}

static void totals(void **state)
{
    static const char *const facts[] = {
        BEGIN(1000, 31000), END(91000), OFF(100000, 110000),
        BEGIN(200000, 230000), END(240000), BEGIN(300000, 330000), NULL};
    struct told t = fold(facts);
    struct ol_dark_total sum = {.count = 0};

    (void)state;
    assert_int_equal(t.n, 4);
    for (unsigned k = 0; k < t.n; k++)
        ol_dark_total_add(&sum, &t.v[k], 51000, 400000, 350000);
    assert_int_equal(sum.count, 3);
    assert_int_equal(sum.total_ms, 40000 + 40000 + 50000);
    assert_int_equal(sum.longest_ms, 50000);
    assert_int_equal(sum.not_running_ms, 10000);
    memset(&sum, 0, sizeof(sum));
    for (unsigned k = 0; k < t.n; k++)
        ol_dark_total_add(&sum, &t.v[k], 400000, 500000, 350000);
    assert_int_equal(sum.count, 0);
    clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_blackout), cmocka_unit_test(it_lasts),
        cmocka_unit_test(over_stops),   cmocka_unit_test(dark_at_the_return),
        cmocka_unit_test(odd_ones),     cmocka_unit_test(many_stops),
        cmocka_unit_test(totals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
