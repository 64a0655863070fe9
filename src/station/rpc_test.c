/* Lines of the control socket: good ones, bad ones, and seeded damage. */
#include "station/rpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/dice.h"
#include "base/units.h"

static int parse(const char *line, struct ol_rpc_call *call, char *why)
{
    return ol_rpc_parse(line, strlen(line), call, why);
}

static void good(void **state)
{
    struct ol_rpc_call call;
    char why[OL_WHY_MAX];

    (void)state;
    assert_int_equal(parse("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"log\","
                           "\"params\":{\"peer\":\"south\"}}", &call, why), 0);
    assert_string_equal(call.method, "log");
    assert_int_equal(json_integer_value(call.id), 7);
    assert_string_equal(
        json_string_value(json_object_get(call.params, "peer")), "south");
    ol_rpc_free(&call);
    assert_int_equal(parse(" {\"id\":\"a\",\"method\":\"x\","
                           "\"jsonrpc\":\"2.0\"} ", &call, why), 0);
    assert_null(call.params);
    ol_rpc_free(&call);
}

static void bad(void **state)
{
    static const struct {
        const char *line, *says;
    } lines[] = {
        {"", "not JSON"},
        {"hello", "not JSON"},
        {"{\"id\":1", "not JSON"},
        {"{\"id\":1}x", "not JSON"},
        {"[]", "a batch"},
        {"[{\"id\":1}]", "a batch"},
        {"{}", "needs an id"},
        {"{\"id\":null,\"method\":\"x\"}", "needs an id"},
        {"{\"id\":1.5,\"method\":\"x\"}", "needs an id"},
        {"{\"id\":1,\"method\":\"x\"}", "jsonrpc"},
        {"{\"id\":1,\"jsonrpc\":2.0}", "jsonrpc"},
        {"{\"id\":1,\"jsonrpc\":\"2.0\"}", "method is missing"},
        {"{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":3}", "method is missing"},
        {"{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"x\",\"params\":[]}",
         "named"},
        {"{\"id\":1,\"id\":2}", "duplicate"},
        {"{\"id\":1,\"a\":\"\xff\"}", "UTF-8"},
        {"{\"id\":1,\"a\":\"\\u0000\"}", "NUL"},
        {"{\"id\":1,\"a\":\"\\ud800\"}", "not"},
    };
    struct ol_rpc_call call;
    char why[OL_WHY_MAX];

    (void)state;
    for (size_t k = 0; k < OL_LEN(lines); k++) {
        assert_int_equal(parse(lines[k].line, &call, why), 2);
        assert_non_null(strstr(why, lines[k].says));
        ol_rpc_free(&call);
    }
}

static int check(const char *params, const char *spec, char *why)
{
    json_t *p = params ? json_loads(params, 0, NULL) : NULL;
    int status = ol_rpc_check(p, spec, why);

    json_decref(p);
    return status;
}

static void params(void **state)
{
    static const char spec[] = "peer:s! all:b after:u";
    char why[OL_WHY_MAX];

    (void)state;
    assert_int_equal(check("{\"peer\":\"a\"}", spec, why), 0);
    assert_int_equal(check("{\"peer\":\"a\",\"all\":true,\"after\":0}", spec,
                           why), 0);
    assert_int_equal(check("{\"all\":true}", spec, why), 2);
    assert_string_equal(why, "peer is missing");
    assert_int_equal(check(NULL, spec, why), 2);
    assert_int_equal(check(NULL, "", why), 0);
    assert_int_equal(check("{\"peer\":1}", spec, why), 2);
    assert_string_equal(why, "peer must be a string");
    assert_int_equal(check("{\"peer\":\"a\",\"all\":1}", spec, why), 2);
    assert_int_equal(check("{\"peer\":\"a\",\"after\":-1}", spec, why), 2);
    assert_int_equal(check("{\"peer\":\"a\",\"after\":1.0}", spec, why), 2);
    /* Not by a part of its name, nor by what follows it. */
    assert_int_equal(check("{\"peer\":\"a\",\"pee\":\"\"}", spec, why), 2);
    assert_int_equal(check("{\"peer\":\"a\",\"peer:s!\":\"\"}", spec, why), 2);
    assert_int_equal(check("{\"peer\":\"a\",\"\":\"\"}", spec, why), 2);
    assert_int_equal(check("{\"peer\":\"a\",\"peer:s! all\":true}", spec, why),
                     2);
    assert_int_equal(check("{}", "all:b peer:s! after:u!", why), 2);
    assert_string_equal(why, "peer is missing");
    assert_int_equal(check("{\"peer\":\"a\"}", "all:b peer:s! after:u!", why),
                     2);
    assert_string_equal(why, "after is missing");
    assert_int_equal(check("{\"a\":1}", "", why), 2);
}

static void writes(struct ol_out *o, const char *line)
{
    assert_false(o->failed);
    assert_int_equal(o->n, strlen(line));
    assert_memory_equal(o->p, line, o->n);
    ol_out_free(o);
}

static void answers(void **state)
{
    json_t *id = json_string("x"), *result = json_pack("[i]", 1);
    struct ol_out o = {0};

    (void)state;
    ol_rpc_begin(&o, id, "result");
    ol_out_tree(&o, NULL, result);
    ol_out_close(&o, '}');
    writes(&o, "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":[1]}");
    ol_rpc_error(&o, NULL, 3, "no\nline");
    writes(&o, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":"
               "{\"code\":3,\"message\":\"no\\nline\"}}");
    ol_rpc_error(&o, NULL, 2, "no method \"\xea\xb8\"");
    writes(&o, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":"
               "{\"code\":2,\"message\":\"no method \\\"??\\\"\"}}");
    json_decref(result);
    json_decref(id);
}

/* What is read as plain is what jansson reads; true: it was plain. */
static bool plain_same(const char *line, size_t n)
{
    json_t *one = ol_rpc_plain(line, n), *other;
    char *text, *as;

    if (one == NULL)
        return false;
    other = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(other);
    text = json_dumps(one, JSON_COMPACT);
    as = json_dumps(other, JSON_COMPACT);
    assert_string_equal(text, as);
    free(text);
    free(as);
    json_decref(one);
    json_decref(other);
    return true;
}

static void plain(void **state)
{
    static const char *const are[] = {
        ("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"log\",\"params\":"
         "{\"peer\":\"south\",\"all\":true,\"after\":0}}"),
        " { \"a\" : 1 , \"b\" : { \"c\" : \"\" } , \"d\" : null }",
        "{\"params\":{\"text\":\"\xc3\xa4 {,}:\"},\"id\":\"x\"}",
        "{\"a\":999999999999999999,\"\":false}",
    };
    static const char *const are_not[] = {
        "",          "{",          "{}",           "{\"a\":{}}",
        "{\"a\":1",  "{\"a\":1}x", "{\"a\":1}}",   "{\"a\":1,}",
        "{\"a\" 1}", "{\"a\":}",   "{,\"a\":1}",   "{\"a\":01}",
        "{\"a\":-1}", "{\"a\":1.0}", "{\"a\":1e3}",  "{\"a\":[]}",
        "{\"a\":1,\"a\":1}",         "{\"a\":\"\\n\"}",
        "{\"a\":\"\n\"}",           "{\"a\":\"\xff\"}",
        "{\"a\":truex}",             "{\"a\":{\"b\":{\"c\":1}}}",
        "{\"a\":9999999999999999999}", "{\"a\":\"b}", "[1]", "1",
        "{\"a\":{\"b\":1,\"b\":2}}",
    };

    (void)state;
    for (size_t k = 0; k < OL_LEN(are); k++) {
        assert_true(plain_same(are[k], strlen(are[k])));
        for (size_t n = 0; n < strlen(are[k]); n++)
            assert_false(plain_same(are[k], n));
    }
    for (size_t k = 0; k < OL_LEN(are_not); k++)
        assert_false(plain_same(are_not[k], strlen(are_not[k])));
    assert_false(plain_same("{\"a\":\"\0\"}", 9));
}

/* Whatever bytes come: an answer or a reason, never more. The first line is
 * plain, the second has a letter escaped; both are as long. */
static void damage(void **state)
{
    static const char lines[2][80] = {
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"send\",\"params\":"
        "{\"text\":\"a\xc3\xa4 \x7f 7\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"send\",\"params\":"
        "{\"text\":\"\\u00e4 \"}}",
    };
    const size_t len = strlen(lines[0]);
    struct dice d = dice_init(0x52504331);
    unsigned plains[2] = {0}; /* [1]: the escape itself was hit */
    struct ol_rpc_call call;
    char why[OL_WHY_MAX], bytes[sizeof(lines[0])];

    (void)state;
    assert_int_equal(strlen(lines[1]), len);
    for (unsigned k = 0; k < dice_rounds(20000); k++) {
        size_t n = (size_t)dice_in(&d, 0, len);

        memcpy(bytes, lines[k % 2], sizeof(bytes));
        for (uint64_t hits = dice_in(&d, 0, 4); hits > 0; hits--)
            bytes[dice_in(&d, 0, len - 1)] = (char)dice_u64(&d);
        if (ol_rpc_parse(bytes, n, &call, why) == 0)
            assert_non_null(call.method);
        ol_rpc_free(&call);
        (void)plain_same(bytes, n);
        plains[k % 2] += plain_same(bytes, len);
    }
    assert_true(plains[0] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),   cmocka_unit_test(bad),
        cmocka_unit_test(params), cmocka_unit_test(answers),
        cmocka_unit_test(plain),  cmocka_unit_test(damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
