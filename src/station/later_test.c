/* Notes while the ledger takes none: each is handed in when there is room, in
 * order and once, and what found no place is counted. The ledger is a twin
 * that remembers what it was handed, and answers when it is told to. */
#include "station/later.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "station/station.h"

static struct twin {
    struct ol_ledger lg;
    struct {
        uint64_t token;
        uint32_t line;
        char text[OL_LATER_TEXT + 1];
    } v[OL_LATER_MAX + 8];
    unsigned n, answered;
    enum ol_err err; /* of the next answers */
    unsigned due;    /* so many answers may come */
} twin;

static enum ol_err commit(struct ol_ledger *lg, const struct ol_batch *b)
{
    (void)lg;
    assert_true(twin.n < OL_LEN(twin.v));
    assert_int_equal(b->n_puts + b->n_facts, 1);
    twin.v[twin.n].token = b->token;
    twin.v[twin.n].line = b->line;
    snprintf(twin.v[twin.n].text, sizeof(twin.v[0].text), "%.*s",
             b->n_puts > 0 ? 255 : (int)b->facts[0].value.n,
             b->n_puts > 0 ? b->puts[0].detail
                           : (const char *)b->facts[0].value.p);
    twin.n++;
    return OL_OK;
}

static bool done(struct ol_ledger *lg, struct ol_ledger_done *d)
{
    (void)lg;
    if (twin.due == 0 || twin.answered == twin.n)
        return false;
    twin.due--;
    *d = (struct ol_ledger_done){.line = twin.v[twin.answered].line,
                                 .token = twin.v[twin.answered].token,
                                 .err = twin.err};
    twin.answered++;
    return true;
}

static enum ol_err reset(struct ol_ledger *lg)
{
    (void)lg;
    return OL_OK;
}

static const struct ol_ledger_ops ops = {
    .commit = commit, .done = done, .reset = reset};

static struct ol_station *begun(void)
{
    struct ol_station *st = calloc(1, sizeof(*st));

    assert_non_null(st);
    memset(&twin, 0, sizeof(twin));
    twin.lg.ops = &ops;
    st->ledger = &twin.lg;
    return st;
}

static void answers(struct ol_station *st, enum ol_err err, unsigned n)
{
    twin.err = err;
    twin.due = n;
    ol_disk_done(st);
    assert_int_equal(twin.due, 0);
}

static void event(struct ol_station *st, const char *detail)
{
    struct ol_put put = {.kind = OL_PUT_EVENT, .what = OL_WHAT_ATTENDANCE,
                         .channel = OL_CHANNEL_ANY, .detail = detail};

    ol_later_event(st, NULL, &put);
}

static void it_waits_for_room(void **state)
{
    struct ol_station *st = begun();
    struct ol_fact fact = {.kind = OL_FACT_DARK, .key = "",
                           .value = ol_span_str("{}")};

    (void)state;
    st->fifo_n = OL_FIFO_NOTES;
    event(st, "one");
    ol_later_fact(st, NULL, &fact);
    ol_later_pump(st);
    assert_int_equal(twin.n, 0);
    st->fifo_n = 0;
    event(st, "three");
    assert_int_equal(twin.n, 3);
    assert_string_equal(twin.v[0].text, "one");
    assert_string_equal(twin.v[1].text, "{}");
    assert_string_equal(twin.v[2].text, "three");
    ol_later_pump(st); /* each once */
    assert_int_equal(twin.n, 3);
    answers(st, OL_OK, 3);
    assert_int_equal(st->n_later, 0);
    assert_null(st->later);
    free(st);
}

/* A commit that is refused holds nothing. */
static void it_outlives_a_refusal(void **state)
{
    struct ol_station *st = begun();

    (void)state;
    event(st, "one");
    assert_int_equal(twin.n, 1);
    answers(st, OL_ERR_FULL, 1);
    event(st, "two");
    assert_int_equal(twin.n, 1); /* not to a disk that has just refused */
    st->ledger_failed = false;
    ol_later_pump(st);
    assert_int_equal(twin.n, 1);
    st->refused_until_ns = 0;
    ol_later_pump(st);
    assert_int_equal(twin.n, 3);
    assert_string_equal(twin.v[1].text, "one");
    assert_string_equal(twin.v[2].text, "two");
    answers(st, OL_OK, 2);
    assert_null(st->later);
    assert_int_equal(st->later_lost, 0);
    free(st);
}

static void what_has_no_place_is_counted(void **state)
{
    struct ol_station *st = begun();
    char text[16];

    (void)state;
    st->fifo_n = OL_FIFO_NOTES;
    for (unsigned i = 0; i < OL_LATER_MAX + 2; i++) {
        snprintf(text, sizeof(text), "%u", i);
        event(st, text);
    }
    assert_int_equal(st->later_lost, 2);
    st->fifo_n = 0;
    while (twin.n < OL_LATER_MAX) {
        ol_later_pump(st);
        assert_int_equal(st->fifo_n, OL_FIFO_NOTES);
        answers(st, OL_OK, OL_FIFO_NOTES);
    }
    assert_string_equal(twin.v[OL_LATER_MAX - 1].text, "1023");
    assert_null(st->later);
    free(st);
}

static void a_line_takes_its_own_along(void **state)
{
    struct ol_station *st = begun();
    struct ol_station_line *line = calloc(1, sizeof(*line));

    (void)state;
    assert_non_null(line);
    line->st = st;
    line->ledger_id = 7;
    st->fifo_n = OL_FIFO_NOTES;
    event(st, "ours");
    ol_station_tell(line, OL_WHAT_LINE, "closed");
    event(st, "ours too");
    ol_later_forget(st, line);
    assert_int_equal(st->n_later, 2);
    assert_int_equal(st->later_lost, 1);
    st->fifo_n = 0;
    ol_station_tell(line, OL_WHAT_LINE, "open");
    assert_int_equal(twin.n, 3);
    assert_string_equal(twin.v[1].text, "ours too");
    assert_string_equal(twin.v[2].text, "open");
    assert_int_equal(twin.v[2].line, 7);
    ol_later_forget(st, line);
    ol_later_forget(st, NULL);
    assert_null(st->later);
    free(line);
    free(st);
}

/* What the core says of a line goes at once: no older word stands behind it as
 * if it were the newer one. */
static void no_older_state_is_told_behind_a_newer(void **state)
{
    struct ol_station *st = begun();
    struct ol_station_line *line = calloc(1, sizeof(*line));
    struct ol_put dark = {.kind = OL_PUT_EVENT, .what = OL_WHAT_LINE,
                          .channel = OL_CHANNEL_ANY, .detail = "dark"};
    struct ol_batch batch = {.puts = &dark, .n_puts = 1};

    (void)state;
    assert_non_null(line);
    line->st = st;
    line->ledger_id = 7;
    st->fifo_n = OL_FIFO_NOTES;
    ol_station_tell(line, OL_WHAT_LINE, "closed-by-us");
    event(st, "of the station");
    assert_int_equal(ol_disk_commit(line, &batch, NULL, NULL), OL_OK);
    st->fifo_n = 1;
    ol_later_pump(st);
    assert_int_equal(twin.n, 2);
    assert_string_equal(twin.v[0].text, "dark");
    assert_string_equal(twin.v[1].text, "of the station");
    assert_int_equal(st->later_lost, 1);
    ol_later_forget(st, NULL);
    free(line);
    free(st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_waits_for_room),
        cmocka_unit_test(it_outlives_a_refusal),
        cmocka_unit_test(what_has_no_place_is_counted),
        cmocka_unit_test(a_line_takes_its_own_along),
        cmocka_unit_test(no_older_state_is_told_behind_a_newer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
