/* What the peer says of our files is noted when it is on our disk, and nothing
 * is said to be noted of what cannot be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "station/station.h"

static enum ol_err answer;

static enum ol_err row(struct ol_ledger *lg, uint32_t line, uint8_t author,
                       const uint8_t hash[32], struct ol_row_file *out)
{
    (void)lg;
    (void)line;
    (void)author;
    (void)hash;
    (void)out;
    return answer;
}

/* The peer has all of a file. Is it told that this is noted. */
static bool noted(enum ol_err of_row)
{
    static const struct ol_ledger_ops ops = {.file = row};
    struct ol_ledger ledger = {.ops = &ops};
    struct ol_station *st = calloc(1, sizeof(*st));
    struct ol_station_line *line = calloc(1, sizeof(*line));
    struct ol_note note = {.kind = OL_NOTE_SERVED, .size = 9, .done = true};
    bool told;

    assert_true(st != NULL && line != NULL);
    line->st = st;
    line->ledger_id = 1;
    st->ledger = &ledger;
    assert_int_equal(uv_loop_init(&st->loop), 0);
    assert_int_equal(uv_idle_init(&st->loop, &st->busy), 0);
    answer = of_row;
    ol_serve_note(line, &note);
    told = line->files.noted != NULL;
    ol_serve_drop(line);
    uv_close((uv_handle_t *)&st->busy, NULL);
    (void)uv_run(&st->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&st->loop), 0);
    free(line);
    free(st);
    return told;
}

static void a_row_that_cannot_be_read_is_not_noted(void **state)
{
    (void)state;
    assert_true(noted(OL_ERR_MISSING)); /* nothing of it is kept here */
    assert_false(noted(OL_ERR_IO));
    assert_false(noted(OL_ERR_CORRUPT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_that_cannot_be_read_is_not_noted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
