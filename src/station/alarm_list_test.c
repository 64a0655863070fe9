/* The list of alarms: what becomes news, what is folded, what time does. */
#include "station/alarm_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"
#include "station/text.h"

#define MINUTE UINT64_C(60000)

struct desk {
    struct ol_alarms l;
    struct ol_now now;
    unsigned says, changed, asked, gone;
    bool refuses; /* what is told is counted, and not taken */
    struct ol_alarm last; /* that was said */
    struct ol_alarm saved[4 * OL_ALARM_LIST]; /* as written, by number */
};

static bool hear(void *arg, const struct ol_alarm *a, enum ol_alarm_news news)
{
    struct desk *d = arg;

    d->says += news == OL_ALARM_SAYS;
    d->changed += news == OL_ALARM_CHANGED;
    d->asked += news == OL_ALARM_ASKED;
    d->gone += news == OL_ALARM_GONE;
    if (d->refuses)
        return false;
    if (news == OL_ALARM_SAYS)
        d->last = *a;
    assert_true(a->n < OL_LEN(d->saved));
    d->saved[a->n] = *a;
    return true;
}

static struct desk *desk(void)
{
    static struct desk d;

    memset(&d, 0, sizeof(d));
    d.now = (struct ol_now){1000 * MINUTE, 5000000 * MINUTE};
    d.l.started_ms = d.now.ms;
    d.l.tell = hear;
    d.l.arg = &d;
    return &d;
}

static void pass(struct desk *d, uint64_t ms)
{
    d->now.ms += ms;
    d->now.wall_ms += ms;
    (void)ol_alarms_tick(&d->l, &d->now);
}

static void put(struct desk *d, const char *key, enum ol_priority p)
{
    ol_alarms_raise(&d->l, "south", key, p, "it broke|mend it", &d->now);
}

static const char *state(struct desk *d, uint32_t n)
{
    const struct ol_alarm *a = ol_alarms_find(&d->l, n);

    return a ? ol_alarm_state(a) : "";
}

static enum ol_alarm_answer ack(struct desk *d, uint32_t n)
{
    unsigned done;

    return ol_alarms_ack(&d->l, n, "anna", &d->now, &done);
}

/* The four ways through the diagram. */
static void states(void **unused)
{
    struct desk *d = desk();

    (void)unused;
    put(d, "dark", OL_PRIORITY_HIGH);
    assert_int_equal(d->says, 1);
    assert_string_equal(d->last.what, "it broke");
    assert_string_equal(d->last.act, "mend it");
    assert_string_equal(state(d, 1), "unacknowledged");
    assert_int_equal(ack(d, 1), OL_ALARM_DONE);
    assert_int_equal(d->asked, 1);
    assert_string_equal(state(d, 1), "acknowledged");
    assert_int_equal(ack(d, 1), OL_ALARM_ALREADY);
    ol_alarms_clear(&d->l, "north", "dark", &d->now); /* another line's */
    assert_string_equal(state(d, 1), "acknowledged");
    ol_alarms_clear(&d->l, "south", "dark", &d->now);
    assert_int_equal(d->l.n, 0);
    assert_int_equal(d->gone, 1);
    assert_int_equal(ack(d, 1), OL_ALARM_NONE);

    put(d, "dark", OL_PRIORITY_HIGH); /* a new one, with a new number */
    assert_int_equal(d->says, 2);
    ol_alarms_clear(&d->l, "south", "dark", &d->now);
    assert_string_equal(state(d, 2), "returned");
    assert_int_equal(ack(d, 2), OL_ALARM_DONE);
    assert_int_equal(d->l.n, 0);
    assert_string_equal(d->saved[2].by, "anna");
}

static void repeats_are_folded(void **unused)
{
    struct desk *d = desk();

    (void)unused;
    for (unsigned k = 0; k < 1000; k++) {
        put(d, "hook/mail", OL_PRIORITY_MEDIUM);
        if (k % 2)
            ol_alarms_clear(&d->l, "south", "hook/mail", &d->now);
        pass(d, 1000);
    }
    assert_int_equal(d->says, 1);
    assert_int_equal(d->l.n, 1);
    assert_int_equal(d->l.v[0].count, 1000);
    /* Written once a minute, not with each. */
    assert_true(d->changed >= 10 && d->changed <= 17);
    assert_true(d->saved[1].count >= 900);

    /* What has become more pressing is news, though it was acknowledged. */
    assert_int_equal(ack(d, 1), OL_ALARM_DONE);
    put(d, "hook/mail", OL_PRIORITY_HIGH);
    put(d, "hook/mail", OL_PRIORITY_LOW);
    assert_int_equal(d->says, 2);
}

static void shelved(void **unused)
{
    struct desk *d = desk();

    (void)unused;
    put(d, "a", OL_PRIORITY_LOW);
    put(d, "b", OL_PRIORITY_LOW);
    assert_int_equal(ol_alarms_shelve(&d->l, 9, MINUTE, "bo", &d->now),
                     OL_ALARM_NONE);
    for (uint32_t n = 1; n <= 2; n++)
        assert_int_equal(ol_alarms_shelve(&d->l, n, 5 * MINUTE, "bo",
                                          &d->now), OL_ALARM_DONE);
    assert_string_equal(state(d, 1), "shelved");
    put(d, "a", OL_PRIORITY_HIGH); /* in silence */
    assert_int_equal(d->says, 2);
    ol_alarms_clear(&d->l, "south", "b", &d->now);
    pass(d, 5 * MINUTE - 1);
    assert_int_equal(d->l.n, 2);
    /* The wall clock is set back by a day: shelving ends all the same. */
    d->now.wall_ms -= 1440 * MINUTE;
    pass(d, 1);
    assert_int_equal(d->l.n, 1);
    assert_string_equal(state(d, 1), "unacknowledged");
    assert_int_equal(d->says, 3);
    /* Acknowledging a shelved one ends the shelving. */
    (void)ol_alarms_shelve(&d->l, 1, OL_SHELVE_MS, "bo", &d->now);
    assert_int_equal(ack(d, 1), OL_ALARM_DONE);
    assert_string_equal(state(d, 1), "acknowledged");
}

static void a_flood_is_one(void **unused)
{
    struct desk *d = desk();
    char key[16];
    unsigned done;
    uint32_t flood;

    (void)unused;
    for (unsigned k = 0; k < 100; k++) {
        snprintf(key, sizeof(key), "overdue/%u", k);
        put(d, key, k < 50 ? OL_PRIORITY_LOW : OL_PRIORITY_HIGH);
        pass(d, 1000);
    }
    /* Ten by themselves, the flood, and the flood once more when it became
     * pressing. */
    assert_int_equal(d->says, 12);
    assert_string_equal(d->last.key, "flood");
    assert_int_equal(d->l.n, 101);
    flood = d->last.n;
    assert_non_null(strstr(ol_alarms_find(&d->l, flood)->what,
                           "100 since it began, 50 of them high"));
    /* At one in not quite two minutes, five are within ten: it goes on. */
    for (unsigned k = 0; k < 6; k++) {
        snprintf(key, sizeof(key), "later/%u", k);
        put(d, key, OL_PRIORITY_LOW);
        pass(d, 2 * MINUTE - 1000);
    }
    assert_int_equal(d->says, 12);
    assert_string_equal(state(d, flood), "unacknowledged");
    pass(d, MINUTE);
    assert_string_equal(state(d, flood), "returned");
    put(d, "single", OL_PRIORITY_LOW); /* told by itself again */
    assert_int_equal(d->says, 13);
    /* The group is acknowledged with it, and nothing else. */
    assert_int_equal(ol_alarms_ack(&d->l, flood, "anna", &d->now, &done),
                     OL_ALARM_DONE);
    assert_int_equal(done, 90 + 6 + 1);
    assert_string_equal(state(d, flood), "");
    assert_string_equal(state(d, 1), "unacknowledged");
    assert_string_equal(state(d, 20), "acknowledged");
}

/* A flood that somebody has acknowledged and that goes on is news again. */
static void a_flood_goes_on(void **unused)
{
    struct desk *d = desk();
    char key[16];

    (void)unused;
    for (unsigned k = 0; k < 12; k++) {
        snprintf(key, sizeof(key), "k/%u", k);
        put(d, key, OL_PRIORITY_LOW);
    }
    assert_int_equal(d->says, 11);
    assert_int_equal(ack(d, d->last.n), OL_ALARM_DONE);
    put(d, "more", OL_PRIORITY_LOW);
    put(d, "yet-more", OL_PRIORITY_LOW);
    assert_int_equal(d->says, 12);
    assert_string_equal(d->last.key, "flood");
}

static void full(void **unused)
{
    struct desk *d = desk();
    char key[16];
    unsigned unlisted;

    (void)unused;
    put(d, "pressing", OL_PRIORITY_HIGH);
    for (unsigned k = 0; k < 2 * OL_ALARM_LIST; k++) {
        snprintf(key, sizeof(key), "low/%u", k);
        put(d, key, OL_PRIORITY_LOW);
    }
    assert_int_equal(d->l.n, OL_ALARM_LIST);
    assert_string_equal(state(d, 1), "unacknowledged"); /* it stayed */
    assert_string_equal(state(d, 2), "unacknowledged"); /* "low/0", too */
    ol_alarms_clear(&d->l, "south", "pressing", &d->now);
    for (unsigned k = 0; k < 2 * OL_ALARM_LIST; k++) {
        snprintf(key, sizeof(key), "high/%u", k);
        put(d, key, OL_PRIORITY_HIGH);
    }
    assert_int_equal(d->l.n, OL_ALARM_LIST);
    /* Nobody has seen the first: no number of others puts it away. */
    assert_string_equal(state(d, 1), "returned");
    /* What gave way was not acknowledged by anybody, and is not said to be. */
    assert_string_equal(state(d, 2), "");
    assert_false(d->saved[2].acked);
    assert_true(d->saved[2].active);
    unlisted = d->l.unlisted;
    put(d, "one-more", OL_PRIORITY_LOW); /* no place, and counted */
    assert_int_equal(d->l.unlisted, unlisted + 1);
}

/* A peer's words are long, and hold what no terminal should obey. */
static void long_words(void **unused)
{
    struct desk *d = desk();
    char text[900];

    (void)unused;
    memset(text, 'x', sizeof(text));
    memcpy(text, "a|b\n\x1b[2J\xc3", 9);
    text[899] = '\0';
    ol_alarms_raise(&d->l, "", "long", OL_PRIORITY_LOW, text, &d->now);
    assert_string_equal(d->l.v[0].what, "a");
    assert_int_equal(strlen(d->l.v[0].act), OL_ALARM_WORDS - 1);
    assert_null(strpbrk(d->l.v[0].act, "\n\x1b"));
    memset(text, 'y', 899);
    ol_alarms_raise(&d->l, "", "long", OL_PRIORITY_LOW, text, &d->now);
    assert_non_null(strstr(d->l.v[0].act, "openline"));
}

/* What was on the list is on it after a restart, and what does not hold any
 * more does not stay for ever. */
static void a_restart(void **unused)
{
    struct desk *d = desk();
    struct ol_alarm saved[6];

    (void)unused;
    put(d, "holds", OL_PRIORITY_HIGH);
    put(d, "passed", OL_PRIORITY_HIGH);
    put(d, "known", OL_PRIORITY_HIGH);
    put(d, "gone", OL_PRIORITY_HIGH);
    put(d, "shelved", OL_PRIORITY_HIGH);
    (void)ack(d, 3);
    (void)ack(d, 4);
    ol_alarms_clear(&d->l, "south", "gone", &d->now);
    (void)ol_alarms_shelve(&d->l, 5, 60 * MINUTE, "bo", &d->now);
    memcpy(saved, d->saved, sizeof(saved));

    d = desk();
    d->now.ms = d->l.started_ms = 7; /* the machine was started too */
    for (unsigned k = 1; k <= 5; k++)
        ol_alarms_load(&d->l, &saved[k], &d->now);
    assert_int_equal(d->l.n, 4);
    put(d, "holds", OL_PRIORITY_HIGH);
    assert_int_equal(d->says, 0); /* nobody is told twice */
    assert_int_equal(ol_alarms_find(&d->l, 1)->count, 1);
    pass(d, OL_ALARM_SETTLE_MS - 1);
    assert_string_equal(state(d, 2), "unacknowledged");
    pass(d, 1);
    assert_string_equal(state(d, 1), "unacknowledged");
    assert_string_equal(state(d, 2), "returned");
    assert_string_equal(state(d, 3), ""); /* was acknowledged */
    assert_string_equal(state(d, 5), "shelved");
    put(d, "new", OL_PRIORITY_LOW);
    assert_int_equal(d->last.n, 6);
    pass(d, 60 * MINUTE);
    assert_string_equal(state(d, 5), ""); /* nobody said it again */
}

/* What is not taken when it is told is told again, once a second, until it is.
 */
static void refused(void **unused)
{
    struct desk *d = desk();
    unsigned done;

    (void)unused;
    d->refuses = true;
    put(d, "dark", OL_PRIORITY_HIGH);
    assert_int_equal(d->says, 1);
    pass(d, 999);
    assert_int_equal(d->says, 1);
    pass(d, 1);
    assert_int_equal(d->says, 2);
    assert_int_equal(ol_alarms_tick(&d->l, &d->now), d->now.ms + 1000);
    d->refuses = false;
    pass(d, 1000);
    pass(d, 60 * MINUTE);
    assert_int_equal(d->says, 3);
    assert_int_equal(d->changed, 0);
    assert_true(d->saved[1].active);

    /* Done all the same, and said not to be written; then it is. */
    d->refuses = true;
    assert_int_equal(ol_alarms_ack(&d->l, 1, "anna", &d->now, &done),
                     OL_ALARM_UNWRITTEN);
    assert_int_equal(done, 1);
    assert_string_equal(state(d, 1), "acknowledged");
    d->refuses = false;
    pass(d, 1000);
    assert_true(d->saved[1].acked);
    assert_int_equal(d->says, 3);
}

/* Its last word is still to be written: it is over, and a condition that comes
 * back is another alarm. */
static void refused_at_its_end(void **unused)
{
    struct desk *d = desk();

    (void)unused;
    put(d, "dark", OL_PRIORITY_HIGH);
    assert_int_equal(ack(d, 1), OL_ALARM_DONE);
    d->refuses = true;
    ol_alarms_clear(&d->l, "south", "dark", &d->now);
    assert_string_equal(state(d, 1), "gone");
    d->refuses = false;
    put(d, "dark", OL_PRIORITY_HIGH);
    assert_int_equal(d->last.n, 2);
    pass(d, 1000);
    assert_string_equal(state(d, 1), "");
    assert_false(d->saved[1].active);

    /* The same of one that passed before it was acknowledged. */
    ol_alarms_clear(&d->l, "south", "dark", &d->now);
    d->refuses = true;
    assert_int_equal(ack(d, 2), OL_ALARM_UNWRITTEN);
    pass(d, 1000);
    assert_string_equal(state(d, 2), "gone");
    d->refuses = false;
    pass(d, 1000);
    assert_int_equal(d->l.n, 0);
    assert_string_equal(d->saved[2].by, "anna");
    assert_int_equal(d->says, 2);
}

static void order(void **unused)
{
    struct desk *d = desk();

    (void)unused;
    put(d, "low", OL_PRIORITY_LOW);
    put(d, "high", OL_PRIORITY_HIGH);
    put(d, "seen", OL_PRIORITY_HIGH);
    put(d, "newer", OL_PRIORITY_HIGH);
    (void)ack(d, 3);
    qsort(d->l.v, d->l.n, sizeof(d->l.v[0]), ol_alarm_order);
    assert_string_equal(d->l.v[0].key, "newer");
    assert_string_equal(d->l.v[1].key, "high");
    assert_string_equal(d->l.v[2].key, "low");
    assert_string_equal(d->l.v[3].key, "seen");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states),
        cmocka_unit_test(repeats_are_folded),
        cmocka_unit_test(shelved),
        cmocka_unit_test(a_flood_is_one),
        cmocka_unit_test(a_flood_goes_on),
        cmocka_unit_test(full),
        cmocka_unit_test(long_words),
        cmocka_unit_test(a_restart),
        cmocka_unit_test(refused),
        cmocka_unit_test(refused_at_its_end),
        cmocka_unit_test(order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
