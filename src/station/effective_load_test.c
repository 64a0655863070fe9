/* The asks of the window are those of the ledger, whenever they are asked for:
 * what is handed in and not on disk yet, what stands behind a gap, and what
 * cannot be read for a moment are seen as soon as they can be. */
#include "station/effective_load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"
#include "station/clock.h"
#include "station/station.h"
#include "wire/record.h"

#define MANY (OL_EFFECTIVE_TOUCHED + 6)

static struct ol_station *st;
static struct ol_station_line *line;

static int begin(void **state)
{
    static const uint8_t id[32] = {1};

    (void)state;
    st = calloc(1, sizeof(*st));
    line = calloc(1, sizeof(*line));
    assert_true(st != NULL && line != NULL);
    line->st = st;
    assert_int_equal(ol_mem_open(&st->ledger), OL_OK);
    assert_int_equal(st->ledger->ops->line(st->ledger, id, "south",
                                           &line->ledger_id), OL_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ol_effective_free(line);
    st->ledger->ops->close(st->ledger);
    free(line);
    free(st);
    return 0;
}

/* A batch of one put, as a step of the line would hand it in. */
static void put(struct ol_put p)
{
    struct ol_batch batch = {.line = line->ledger_id, .token = 1,
                             .at_ms = ol_clock_wall_ms(), .puts = &p,
                             .n_puts = 1};

    ol_effective_put(line, &p);
    assert_int_equal(st->ledger->ops->commit(st->ledger, &batch), OL_OK);
    line->handed++;
    line->outstanding++;
}

/* A record whose number is its index; kind: an ask, or a message. */
static void record(enum ol_author author, uint32_t index, enum ol_kind kind)
{
    uint8_t bytes[256], id[OL_ID_SIZE] = {(uint8_t)author, (uint8_t)index};
    struct ol_record rec = {.prec = OL_ROUTINE, .index = index,
                            .number = index, .id = OL_SPAN_ARRAY(id),
                            .kind = kind};
    struct ol_writer w;

    ol_writer_init(&w, bytes, sizeof(bytes));
    assert_int_equal(ol_record_encode(&w, &rec), OL_OK);
    put((struct ol_put){.kind = OL_PUT_RECORD, .author = author,
                        .prec = OL_ROUTINE, .index = index, .number = index,
                        .rec_kind = kind, .bytes = OL_SPAN(bytes, w.n)});
}

static void head(uint32_t size)
{
    static const uint8_t frontier[32 * 32];
    size_t n = (size_t)__builtin_popcount(size) * 32;

    put((struct ol_put){.kind = OL_PUT_HEAD, .author = OL_PEER,
                        .prec = OL_ROUTINE, .index = size,
                        .bytes = OL_SPAN(frontier, n)});
}

/* Something is said of one of these, in the other side's record `index`. */
static void mark(enum ol_author of, uint64_t number, enum ol_rel rel,
                 uint32_t index)
{
    put((struct ol_put){.kind = OL_PUT_MARK, .author = of, .number = number,
                        .rel = rel, .by = of == OL_OWN ? OL_PEER : OL_OWN,
                        .prec = OL_ROUTINE, .index = index});
}

/* So many batches more are on disk. */
static void on_disk(uint32_t n)
{
    struct ol_ledger_done d;

    assert_int_equal(ol_mem_step(st->ledger, n), n);
    for (; n > 0; n--) {
        assert_true(st->ledger->ops->done(st->ledger, &d));
        assert_int_equal(d.err, OL_OK);
        line->outstanding--;
    }
}

static void has(size_t asked, size_t answered)
{
    size_t n = 0;

    assert_true(ol_effective_read(line));
    assert_int_equal(line->effective.n, asked);
    for (size_t k = 0; k < asked; k++)
        n += line->effective.v[k].answered;
    assert_int_equal(n, answered);
}

static void behind_a_gap_it_counts_when_the_gap_closes(void **state)
{
    (void)state;
    has(0, 0);
    record(OL_PEER, 2, OL_KIND_ASK);
    on_disk(1);
    has(0, 0);
    record(OL_PEER, 1, OL_KIND_MESSAGE);
    on_disk(1);
    has(0, 0);
    head(2);
    has(0, 0);
    on_disk(1);
    has(1, 0);
    mark(OL_PEER, 2, OL_REL_ANSWERS, 1);
    on_disk(1);
    has(1, 1);
}

/* The head was handed in before anybody saw that there is a gap. */
static void a_head_under_way_closes_it_too(void **state)
{
    (void)state;
    has(0, 0);
    record(OL_PEER, 1, OL_KIND_ASK);
    head(1);
    on_disk(1);
    has(0, 0);
    on_disk(1);
    has(1, 0);
}

static void a_gap_from_before_the_first_time(void **state)
{
    (void)state;
    record(OL_PEER, 2, OL_KIND_ASK);
    on_disk(1);
    has(0, 0);
    record(OL_PEER, 1, OL_KIND_ASK);
    head(2);
    mark(OL_PEER, 2, OL_REL_ANSWERS, 1);
    on_disk(3);
    has(2, 1);
}

static void more_behind_a_gap_than_are_remembered(void **state)
{
    (void)state;
    has(0, 0);
    for (uint32_t k = 0; k < MANY; k++)
        record(OL_PEER, 2 + k, OL_KIND_ASK);
    on_disk(MANY);
    has(0, 0);
    has(0, 0);
    record(OL_PEER, 1, OL_KIND_MESSAGE);
    head(MANY + 1);
    on_disk(2);
    has(MANY, 0);
    record(OL_PEER, MANY + 2, OL_KIND_MESSAGE);
    on_disk(1);
    has(MANY, 0);
    assert_int_equal(line->effective.n_touched, 0);
    assert_int_equal(line->effective.all_serial, 0);
}

static void what_was_under_way_the_first_time(void **state)
{
    (void)state;
    record(OL_OWN, 1, OL_KIND_ASK);
    on_disk(1);
    mark(OL_OWN, 1, OL_REL_ANSWERS, 1);
    record(OL_OWN, 2, OL_KIND_ASK);
    has(1, 0);
    mark(OL_OWN, 2, OL_REL_ANSWERS, 2); /* of one that nobody saw yet */
    on_disk(1);
    has(1, 1);
    on_disk(1);
    has(2, 1);
    on_disk(1);
    has(2, 2);
    assert_int_equal(line->effective.all_serial, 0);
}

static enum ol_err unreadable(struct ol_ledger *lg, uint32_t number,
                              uint8_t author, uint64_t n, ol_row_fn fn,
                              void *arg)
{
    (void)lg;
    (void)number;
    (void)author;
    (void)n;
    (void)fn;
    (void)arg;
    return OL_ERR_IO;
}

static void what_cannot_be_read_is_not_gone(void **state)
{
    const struct ol_ledger_ops *good = st->ledger->ops;
    static struct ol_ledger_ops bad;

    (void)state;
    bad = *good;
    bad.by_number = unreadable;
    record(OL_OWN, 1, OL_KIND_ASK);
    on_disk(1);
    has(1, 0);
    mark(OL_OWN, 1, OL_REL_ANSWERS, 1);
    on_disk(1);
    st->ledger->ops = &bad;
    assert_false(ol_effective_read(line));
    st->ledger->ops = good;
    has(1, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            behind_a_gap_it_counts_when_the_gap_closes, begin, end),
        cmocka_unit_test_setup_teardown(a_head_under_way_closes_it_too, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_gap_from_before_the_first_time,
                                        begin, end),
        cmocka_unit_test_setup_teardown(more_behind_a_gap_than_are_remembered,
                                        begin, end),
        cmocka_unit_test_setup_teardown(what_was_under_way_the_first_time,
                                        begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_not_gone,
                                        begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
