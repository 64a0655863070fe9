/* Is an officer there: when he is asked, and what is known after that. */
#include "station/attend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/dice.h"
#include "base/units.h"

#define S OL_NS_PER_S
#define MIN (60 * S)

static const struct ol_attend_conf hourly = {60 * MIN, 20 * MIN, 2 * MIN};

static struct ol_attend a;
static uint64_t now;

static enum ol_attend_news tick(void)
{
    return ol_attend_tick(&a, now, (uint32_t)now * 2654435761u);
}

static enum ol_attend_answer answer(const char *word)
{
    return ol_attend_answer(&a, word, now, 77);
}

static int fresh(void **state)
{
    (void)state;
    now = 1000 * S;
    ol_attend_init(&a, &hourly, now);
    return 0;
}

/* Just started, asked, and nobody there. */
static void lapse(void)
{
    assert_int_equal(tick(), OL_ATTEND_ASKED);
    now += 2 * MIN;
    assert_int_equal(tick(), OL_ATTEND_LAPSED);
    assert_int_equal(a.state, OL_ATT_UNATTENDED);
}

/* And with somebody there. */
static void attended(void)
{
    assert_int_equal(tick(), OL_ATTEND_ASKED);
    assert_int_equal(answer(a.word), OL_ATTEND_RIGHT);
    assert_int_equal(a.state, OL_ATT_ATTENDED);
}

static void never_asked_is_unknown(void **state)
{
    struct ol_attend_conf off = {0};

    (void)state;
    assert_int_equal(a.state, OL_ATT_UNKNOWN);
    assert_int_equal(ol_attend_next(&a), 0); /* at once */
    ol_attend_init(&a, &off, now);
    now += 1000 * 60 * MIN;
    assert_int_equal(tick(), OL_ATTEND_SAME);
    assert_int_equal(a.state, OL_ATT_UNKNOWN);
    assert_true(ol_attend_next(&a) == OL_NEVER_NS);
    assert_false(ol_attend_ask(&a, now, 1));
    assert_int_equal(answer("1000"), OL_ATTEND_NOTHING);
}

static void an_answer_proves_until(void **state)
{
    (void)state;
    assert_int_equal(tick(), OL_ATTEND_ASKED);
    assert_int_equal(strlen(a.word), 4);
    assert_true(ol_attend_deadline(&a) == now + 2 * MIN);
    assert_int_equal(a.state, OL_ATT_UNKNOWN); /* not yet */
    assert_int_equal(ol_attend_until(&a), 0);
    now += 2 * MIN - 1;
    assert_int_equal(tick(), OL_ATTEND_SAME);
    assert_int_equal(answer(a.word), OL_ATTEND_RIGHT);
    assert_int_equal(a.state, OL_ATT_ATTENDED);
    assert_true(ol_attend_until(&a) == now + 22 * MIN);
    /* One answer is one proof. */
    assert_int_equal(answer(a.word), OL_ATTEND_NOTHING);
}

static void silence_asks_earlier(void **state)
{
    uint64_t from;

    (void)state;
    attended();
    now += 20 * MIN - 1;
    assert_int_equal(tick(), OL_ATTEND_SAME);
    now++;
    assert_true(ol_attend_next(&a) == now);
    assert_int_equal(tick(), OL_ATTEND_ASKED);
    assert_int_equal(answer(a.word), OL_ATTEND_RIGHT);
    /* Whoever does something now and then is asked every hour all the same:
     * it may be a program that does it. */
    from = now;
    while (now - from < 60 * MIN) {
        assert_int_equal(tick(), OL_ATTEND_SAME);
        ol_attend_stir(&a, OL_STIR_OFFICER, now);
        now += 10 * MIN;
    }
    assert_int_equal(tick(), OL_ATTEND_ASKED);
    now += 2 * MIN;
    assert_int_equal(tick(), OL_ATTEND_LAPSED);
    assert_int_equal(ol_attend_until(&a), 0);
}

static void too_late_is_nothing(void **state)
{
    char word[OL_ATTEND_WORD];

    (void)state;
    assert_int_equal(tick(), OL_ATTEND_ASKED);
    memcpy(word, a.word, sizeof(word));
    now += 2 * MIN; /* before anybody looked at the clock */
    assert_int_equal(answer(word), OL_ATTEND_NOTHING);
    assert_int_equal(tick(), OL_ATTEND_LAPSED);
    assert_int_equal(answer(word), OL_ATTEND_NOTHING);
    assert_int_equal(a.state, OL_ATT_UNATTENDED);
}

static void guessing_gains_no_time(void **state)
{
    uint64_t until;

    (void)state;
    assert_int_equal(tick(), OL_ATTEND_ASKED);
    until = ol_attend_deadline(&a);
    for (unsigned k = 0; k < 100; k++) {
        now += S;
        assert_int_equal(answer(""), OL_ATTEND_WRONG);
        assert_int_equal(answer("10000"), OL_ATTEND_WRONG);
        assert_int_equal(answer("yes"), OL_ATTEND_CHANGED);
        assert_string_equal(a.word, "1077");
        assert_true(ol_attend_deadline(&a) == until);
    }
    assert_int_equal(answer("1077"), OL_ATTEND_RIGHT);
}

/* Where nobody is, nobody is asked over and over. */
static void it_rests(void **state)
{
    (void)state;
    lapse();
    assert_true(ol_attend_next(&a) == OL_NEVER_NS);
    now += 100 * 60 * MIN;
    assert_int_equal(tick(), OL_ATTEND_SAME);
    /* Somebody opens a console. */
    ol_attend_console(&a, true, now);
    assert_int_equal(tick(), OL_ATTEND_ASKED);
    now += 2 * MIN;
    assert_int_equal(tick(), OL_ATTEND_SAME); /* known already */
    assert_int_equal(a.state, OL_ATT_UNATTENDED);
    /* It stays open: once an hour. */
    assert_true(ol_attend_next(&a) == now + 58 * MIN);
    now += 58 * MIN;
    assert_int_equal(tick(), OL_ATTEND_ASKED);
    assert_int_equal(answer(a.word), OL_ATTEND_RIGHT);
    assert_true(a.since_ns == now);
}

/* A message asks whether anybody is there, but a peer cannot nag. */
static void a_message_asks(void **state)
{
    unsigned asked = 0;

    (void)state;
    lapse();
    for (unsigned k = 0; k < 600; k++) {
        ol_attend_stir(&a, OL_STIR_MESSAGE, now);
        asked += tick() == OL_ATTEND_ASKED;
        now += 6 * S;
    }
    assert_int_equal(asked, 3); /* in an hour */
    /* An officer who does something is asked at once. */
    now += 2 * MIN;
    (void)tick();
    ol_attend_stir(&a, OL_STIR_OFFICER, now);
    assert_int_equal(tick(), OL_ATTEND_ASKED);
    /* Who was there is not asked for a message. */
    assert_int_equal(answer(a.word), OL_ATTEND_RIGHT);
    ol_attend_stir(&a, OL_STIR_MESSAGE, now);
    assert_int_equal(tick(), OL_ATTEND_SAME);
}

/* Who asks to be asked and goes off takes nothing from what was proved. */
static void asked_for_in_vain(void **state)
{
    (void)state;
    attended();
    now += MIN;
    assert_true(ol_attend_ask(&a, now, 5));
    assert_string_equal(a.word, "1005");
    assert_true(ol_attend_ask(&a, now, 6)); /* the same question */
    assert_string_equal(a.word, "1005");
    now += 2 * MIN;
    assert_int_equal(tick(), OL_ATTEND_SAME);
    assert_int_equal(a.state, OL_ATT_ATTENDED);
    /* But where it was due meanwhile it is the question that was due. */
    now = a.sign_ns + 20 * MIN - S;
    assert_true(ol_attend_ask(&a, now, 7));
    assert_true(ol_attend_until(&a) == now + 2 * MIN + S);
    now += 2 * MIN;
    assert_int_equal(tick(), OL_ATTEND_LAPSED);
}

static void other_times(void **state)
{
    struct ol_attend_conf off = {0};

    (void)state;
    attended();
    ol_attend_conf(&a, &off, now);
    assert_int_equal(a.state, OL_ATT_UNKNOWN);
    assert_int_equal(tick(), OL_ATTEND_SAME);
    ol_attend_conf(&a, &hourly, now);
    assert_int_equal(tick(), OL_ATTEND_ASKED);
}

static void what_a_rule_shows(void **state)
{
    static const struct {
        enum ol_attendance state, yes, coarse;
    } t[] = {
        {OL_ATT_UNKNOWN, OL_ATT_UNKNOWN, OL_ATT_UNKNOWN},
        {OL_ATT_ATTENDED, OL_ATT_ATTENDED, OL_ATT_ATTENDED},
        {OL_ATT_UNATTENDED, OL_ATT_UNATTENDED, OL_ATT_UNKNOWN},
    };

    (void)state;
    for (unsigned k = 0; k < OL_LEN(t); k++) {
        assert_int_equal(ol_attend_shown(t[k].state, OL_SHARE_YES), t[k].yes);
        assert_int_equal(ol_attend_shown(t[k].state, OL_SHARE_COARSE),
                         t[k].coarse);
        assert_int_equal(ol_attend_shown(t[k].state, OL_SHARE_NO),
                         OL_ATT_UNKNOWN);
    }
    for (unsigned k = 0; k < OL_SHARES; k++)
        assert_int_equal(ol_share_of(ol_share_name((enum ol_share_rule)k)), k);
    assert_int_equal(ol_share_of("maybe"), -1);
    assert_null(ol_share_name(OL_SHARES));
}

/* Whatever happens: attended is never said longer than `every` and an answer's
 * time after the newest right answer. */
static void never_longer_than_proved(void **state)
{
    struct dice d = dice_init(20);
    uint64_t right = 0;

    (void)state;
    for (unsigned k = 0; k < dice_rounds(200000); k++) {
        uint64_t then = now + dice_in(&d, 0, 199) * S;

        now = OL_MIN(then, OL_MAX(ol_attend_next(&a), now));
        switch (dice_u64(&d) % 6) {
        case 0:
            ol_attend_stir(&a, OL_STIR_OFFICER, now);
            break;
        case 1:
            ol_attend_stir(&a, OL_STIR_MESSAGE, now);
            break;
        case 2:
            ol_attend_console(&a, dice_u64(&d) % 2, now);
            break;
        case 3:
            (void)ol_attend_ask(&a, now, (uint32_t)dice_u64(&d));
            break;
        default:
            if (dice_u64(&d) % 8 == 0 && answer(a.word) == OL_ATTEND_RIGHT)
                right = now;
        }
        (void)tick();
        if (a.state == OL_ATT_ATTENDED) {
            assert_true(now < right + 62 * MIN);
            assert_true(ol_attend_until(&a) > now);
            assert_true(ol_attend_until(&a) <= right + 62 * MIN);
        }
        assert_true(a.state != OL_ATT_UNKNOWN || right == 0);
        assert_true(ol_attend_next(&a) > now);
    }
}

static void shares(void **state)
{
    struct ol_attended f;

    (void)state;
    ol_attended_begin(&f, 1000, 2000);
    ol_attended_end(&f);
    assert_int_equal(f.sum_ms[OL_ATT_UNKNOWN], 1000); /* nothing was noted */
    ol_attended_begin(&f, 1000, 2000);
    ol_attended_next(&f, 500, OL_ATT_ATTENDED, 1300); /* before: goes on */
    ol_attended_next(&f, 1400, OL_ATT_UNATTENDED, 0);
    ol_attended_next(&f, 1600, OL_ATT_ATTENDED, 5000);
    ol_attended_next(&f, 1550, OL_ATT_ATTENDED, 5000); /* the clock went back */
    ol_attended_next(&f, 2500, OL_ATT_UNATTENDED, 0); /* behind the end */
    ol_attended_end(&f);
    assert_int_equal(f.sum_ms[OL_ATT_ATTENDED], 300 + 400);
    assert_int_equal(f.sum_ms[OL_ATT_UNKNOWN], 100);
    assert_int_equal(f.sum_ms[OL_ATT_UNATTENDED], 200);
    /* A period that ends before it begins has no time. */
    ol_attended_begin(&f, 2000, 1000);
    ol_attended_next(&f, 1500, OL_ATT_ATTENDED, 9000);
    ol_attended_end(&f);
    assert_int_equal(f.sum_ms[0] + f.sum_ms[1] + f.sum_ms[2], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(never_asked_is_unknown, fresh),
        cmocka_unit_test_setup(an_answer_proves_until, fresh),
        cmocka_unit_test_setup(silence_asks_earlier, fresh),
        cmocka_unit_test_setup(too_late_is_nothing, fresh),
        cmocka_unit_test_setup(guessing_gains_no_time, fresh),
        cmocka_unit_test_setup(it_rests, fresh),
        cmocka_unit_test_setup(a_message_asks, fresh),
        cmocka_unit_test_setup(asked_for_in_vain, fresh),
        cmocka_unit_test_setup(other_times, fresh),
        cmocka_unit_test_setup(what_a_rule_shows, fresh),
        cmocka_unit_test_setup(never_longer_than_proved, fresh),
        cmocka_unit_test(shares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
