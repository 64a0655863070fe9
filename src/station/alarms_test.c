/* Alarms of a station whose ledger takes nothing more for a while: what a
 * person must hear is told once there is room again, and what he asked for is
 * not said to be kept when it is not. The ledger is a twin that remembers what
 * it was handed last. */
#include "station/alarms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "station/alarm_list.h"
#include "station/asks.h"
#include "station/clock.h"
#include "station/station.h"

static struct twin {
    struct ol_ledger lg;
    unsigned facts, events;
    char fact[4096]; /* the newest */
    bool refuses;    /* facts alone, as when there is no memory for one */
} twin;

static enum ol_err commit(struct ol_ledger *lg, const struct ol_batch *b)
{
    (void)lg;
    if (b->n_facts > 0 && twin.refuses)
        return OL_ERR_AGAIN;
    if (b->n_facts > 0 && b->facts[0].value.n > 0) {
        assert_true(b->facts[0].value.n < sizeof(twin.fact));
        memcpy(twin.fact, b->facts[0].value.p, b->facts[0].value.n);
        twin.fact[b->facts[0].value.n] = '\0';
        twin.facts++;
    }
    twin.events += b->n_puts;
    return OL_OK;
}

static enum ol_err none(struct ol_ledger *lg, uint32_t line, uint8_t kind,
                        const struct ol_facts_of *of, ol_row_fact_fn fn,
                        void *arg)
{
    (void)lg;
    (void)line;
    (void)kind;
    (void)of;
    (void)fn;
    (void)arg;
    return OL_OK;
}

static const struct ol_ledger_ops ops = {.commit = commit, .facts = none};

static struct ol_station *begun(void)
{
    struct ol_station *st = calloc(1, sizeof(*st));

    assert_non_null(st);
    memset(&twin, 0, sizeof(twin));
    twin.lg.ops = &ops;
    st->ledger = &twin.lg;
    assert_int_equal(uv_loop_init(&st->loop), 0);
    assert_int_equal(uv_idle_init(&st->loop, &st->busy), 0);
    assert_true(ol_alarms_open(st));
    return st;
}

static void ended(struct ol_station *st)
{
    ol_alarms_close(st);
    uv_close((uv_handle_t *)&st->busy, NULL);
    (void)uv_run(&st->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&st->loop), 0);
    free(st);
}

/* A turn of the loop, some time after the alarms were last written. */
static void turn(struct ol_station *st, uint64_t later_ms)
{
    for (unsigned k = 0; k < st->alarms->n; k++)
        st->alarms->v[k].saved_ms -= later_ms;
    st->alarms_ns = 0;
    st->alarms_tidied_ms = ol_clock_ns() / OL_NS_PER_MS;
    ol_alarms_pump(st, ol_clock_ns());
}

static void it_broke(struct ol_station *st)
{
    ol_alarm_raise_own(st, "it", OL_PRIORITY_HIGH, "it broke|mend it");
}

static enum ol_alarm_answer ack(struct ol_station *st)
{
    struct ol_now now = {ol_clock_ns() / OL_NS_PER_MS, ol_clock_wall_ms()};
    unsigned done;

    return ol_alarms_ack(st->alarms, st->alarms->last, "anna", &now, &done);
}

/* The queue of what is only noted is full when it is raised. */
static void it_is_told_when_there_is_room(void **state)
{
    struct ol_station *st = begun();

    (void)state;
    st->fifo_n = OL_FIFO_NOTES;
    it_broke(st);
    turn(st, 1000);
    assert_int_equal(twin.facts + twin.events, 0);
    st->fifo_n = 0;
    turn(st, 500); /* not with each turn */
    assert_int_equal(twin.facts + twin.events, 0);
    turn(st, 500);
    assert_int_equal(twin.facts, 1);
    assert_int_equal(twin.events, 1);
    turn(st, 3600000); /* and once */
    assert_int_equal(twin.facts, 1);
    assert_int_equal(twin.events, 1);
    ended(st);
}

/* The fact took the last place: its event comes after it. */
static void its_event_is_told_too(void **state)
{
    struct ol_station *st = begun();

    (void)state;
    st->fifo_n = OL_FIFO_NOTES - 1;
    it_broke(st);
    assert_int_equal(twin.facts, 1);
    assert_int_equal(twin.events, 0);
    st->fifo_n = 0;
    turn(st, 1000);
    assert_int_equal(twin.events, 1);
    ended(st);
}

/* Somebody who has seen it need not be told. */
static void what_was_seen_meanwhile_is_written_alone(void **state)
{
    struct ol_station *st = begun();

    (void)state;
    st->fifo_n = OL_FIFO_NOTES;
    it_broke(st);
    st->fifo_n = OL_FIFO_ASKED;
    assert_int_equal(ack(st), OL_ALARM_UNWRITTEN);
    st->fifo_n = 0;
    turn(st, 1000);
    assert_int_equal(twin.facts, 1);
    assert_int_equal(twin.events, 0);
    ended(st);
}

/* He has the places of those who wait for an answer; and where there is none
 * it is not said to be kept, and kept when there is. */
static void what_a_person_asks_is_written_or_refused(void **state)
{
    struct ol_station *st = begun();
    struct ol_now now = {ol_clock_ns() / OL_NS_PER_MS, ol_clock_wall_ms()};

    (void)state;
    it_broke(st);
    st->fifo_n = OL_FIFO_NOTES;
    assert_int_equal(ack(st), OL_ALARM_DONE);
    assert_int_equal(twin.facts, 2);
    assert_non_null(strstr(twin.fact, "\"by\":\"anna\""));

    st->fifo_n = OL_FIFO_ASKED;
    assert_int_equal(ol_alarms_shelve(st->alarms, 1, 60000, "bo", &now),
                     OL_ALARM_UNWRITTEN);
    assert_int_equal(twin.facts, 2);
    st->fifo_n = 0;
    turn(st, 1000);
    assert_int_equal(twin.facts, 3);
    assert_non_null(strstr(twin.fact, "\"state\":\"shelved\""));

    twin.refuses = true;
    assert_int_equal(ack(st), OL_ALARM_UNWRITTEN);
    twin.refuses = false;
    turn(st, 1000);
    assert_int_equal(twin.facts, 4);
    assert_non_null(strstr(twin.fact, "\"state\":\"acknowledged\""));
    assert_int_equal(twin.events, 1);
    ended(st);
}

/* The disk took it, failed, and takes again while the queue is still full. */
static void a_disk_that_takes_again_is_told(void **state)
{
    struct ol_station *st = begun();
    uint64_t since_ms = ol_clock_wall_ms();

    (void)state;
    it_broke(st);
    assert_int_equal(twin.events, 1);
    st->fifo_n = OL_FIFO_NOTES;
    ol_alarms_again(st, since_ms);
    turn(st, 1000);
    assert_int_equal(twin.events, 1);
    st->fifo_n = 0;
    turn(st, 1000);
    assert_int_equal(twin.events, 2);
    ended(st);
}

/* The same of what was done about one that was raised long before. */
static void a_disk_that_takes_again_keeps_what_was_done(void **state)
{
    struct ol_station *st = begun();
    uint64_t since_ms = ol_clock_wall_ms();

    (void)state;
    it_broke(st);
    st->alarms->v[0].raised_ms = st->alarms->v[0].last_ms = 1;
    ol_alarms_again(st, since_ms);
    turn(st, 1000);
    assert_int_equal(twin.facts, 1);
    assert_int_equal(ack(st), OL_ALARM_DONE);
    assert_int_equal(twin.facts, 2);
    ol_alarms_again(st, since_ms);
    turn(st, 1000);
    assert_int_equal(twin.facts, 3);
    assert_int_equal(twin.events, 1);
    ended(st);
}

/* An id begins with the time: two asks of one moment are two all the same. */
static void asks_of_one_moment_have_alarms_of_their_own(void **state)
{
    struct ol_station_line *line = calloc(1, sizeof(*line));
    struct ol_due d[2] = {{.deadline_ms = 1, .said_by = true, .number = 1},
                          {.deadline_ms = 1, .said_by = true, .number = 2}};

    (void)state;
    assert_non_null(line);
    line->st = begun();
    ol_text_put(line->conf.peer, sizeof(line->conf.peer), "south");
    d[1].id[sizeof(d[1].id) - 1] = 1;
    for (unsigned k = 0; k < 2; k++)
        ol_asks_alarm(line, OL_PEER, &d[k]);
    assert_int_equal(line->st->alarms->n, 2);
    ol_asks_quiet(line, OL_PEER, &d[0]);
    assert_false(line->st->alarms->v[0].active);
    assert_true(line->st->alarms->v[1].active);
    ended(line->st);
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_told_when_there_is_room),
        cmocka_unit_test(its_event_is_told_too),
        cmocka_unit_test(what_was_seen_meanwhile_is_written_alone),
        cmocka_unit_test(what_a_person_asks_is_written_or_refused),
        cmocka_unit_test(a_disk_that_takes_again_is_told),
        cmocka_unit_test(a_disk_that_takes_again_keeps_what_was_done),
        cmocka_unit_test(asks_of_one_moment_have_alarms_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
