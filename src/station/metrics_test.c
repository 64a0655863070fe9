/* The format of figures: heads once, labels escaped, numbers whole. */
#include "station/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void one_family(void **state)
{
    char *text = NULL;
    size_t n;
    struct ol_metric m = {.name = "openline_x", .help = "An x.",
                          .type = "gauge"};

    (void)state;
    m.out = open_memstream(&text, &n);
    ol_metric_put(&m, 0.25, "line", "a\"b\\c\nd", "k", "", NULL);
    ol_metric_put(&m, 1795600000.123, NULL);
    ol_metric_put(&m, 100000000000001.0, "line", "sör", NULL);
    (void)fclose(m.out);
    assert_string_equal(text,
                        "# HELP openline_x An x.\n"
                        "# TYPE openline_x gauge\n"
                        "openline_x{line=\"a\\\"b\\\\c\\nd\",k=\"\"} 0.25\n"
                        "openline_x 1795600000.123\n"
                        "openline_x{line=\"sör\"} 100000000000001\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_family)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
