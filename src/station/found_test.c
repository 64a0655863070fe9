/* What a message names is wanted, or looked at again: a file whose row cannot
 * be read just then is not passed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"
#include "station/station.h"
#include "wire/record.h"

static enum ol_err answer;
static unsigned wanted;

static enum ol_err no_meta(struct ol_ledger *lg, uint32_t line,
                           const char *key, uint8_t *value, size_t *n)
{
    (void)lg;
    (void)line;
    (void)key;
    (void)value;
    (void)n;
    return OL_ERR_MISSING;
}

static bool one_routine(struct ol_ledger *lg, uint32_t line, uint8_t author,
                        uint8_t prec, uint32_t *size)
{
    (void)lg;
    (void)line;
    (void)author;
    *size = prec == OL_ROUTINE;
    return true;
}

/* A message with one file. */
static enum ol_err page(struct ol_ledger *lg, uint32_t line, uint8_t author,
                        uint8_t prec, uint32_t from, uint32_t max_records,
                        uint32_t max_bytes, ol_row_fn each, void *arg)
{
    static const uint8_t id[OL_ID_SIZE] = {1}, hash[OL_HASH] = {2};
    uint8_t bytes[512];
    struct ol_writer w = {.p = bytes, .cap = sizeof(bytes)};
    struct ol_record rec = {.prec = prec, .index = from, .number = 1,
                            .kind = OL_KIND_MESSAGE,
                            .id = OL_SPAN_ARRAY(id), .n_attachments = 1};
    struct ol_row row = {.author = author, .prec = prec, .index = from};

    (void)lg;
    (void)line;
    (void)max_records;
    (void)max_bytes;
    rec.attachments[0] = (struct ol_attachment){
        OL_SPAN_ARRAY(hash), 9, OL_SPAN("a", 1), OL_SPAN("", 0)};
    assert_int_equal(ol_record_encode(&w, &rec), OL_OK);
    row.bytes = OL_SPAN(bytes, w.n);
    (void)each(arg, &row);
    return OL_OK;
}

static enum ol_err file(struct ol_ledger *lg, uint32_t line, uint8_t author,
                        const uint8_t hash[32], struct ol_row_file *out)
{
    (void)lg;
    (void)line;
    (void)author;
    (void)hash;
    (void)out;
    return answer;
}

static enum ol_err commit(struct ol_ledger *lg, const struct ol_batch *batch)
{
    (void)lg;
    for (unsigned k = 0; k < batch->n_puts; k++)
        wanted += batch->puts[k].kind == OL_PUT_FILE;
    return OL_OK;
}

static void a_row_that_cannot_be_read_is_looked_at_again(void **state)
{
    static const struct ol_ledger_ops ops = {
        .meta = no_meta, .reached = one_routine, .log = page, .file = file,
        .commit = commit};
    struct ol_ledger ledger = {.ops = &ops};
    struct ol_station *st = calloc(1, sizeof(*st));
    struct ol_station_line *line = calloc(1, sizeof(*line));

    (void)state;
    assert_true(st != NULL && line != NULL);
    line->st = st;
    line->ledger_id = 1;
    line->conf.attach_max = 100;
    st->ledger = &ledger;
    assert_int_equal(uv_loop_init(&st->loop), 0);
    assert_int_equal(uv_idle_init(&st->loop, &st->busy), 0);
    line->files.look = true;
    answer = OL_ERR_IO;
    ol_found_pump(line);
    assert_int_equal(wanted, 0);
    line->files.look = true; /* the next record */
    answer = OL_ERR_MISSING;
    ol_found_pump(line);
    assert_int_equal(wanted, 1);
    uv_close((uv_handle_t *)&st->busy, NULL);
    (void)uv_run(&st->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&st->loop), 0);
    free(line);
    free(st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_that_cannot_be_read_is_looked_at_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
