/*
 * The client against a station of this test's own: answers in pieces, errors,
 * notifications between, a station that ends, garbage, and nobody there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/args.h"
#include "cli/rpc.h"

static char dir[] = "/tmp/openline-rpc-XXXXXX";
static char why[OL_WHY_MAX];
static struct ol_rpc rpc;
static struct ol_doc doc;

static void enter(void)
{
    assert_int_equal(chdir(dir), 0);
}

/* A station that says `lines`, one byte at a time, to the first caller, after
 * it was asked once, and then ends. */
static pid_t station(const char *lines)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX,
                             .sun_path = "control.sock"};
    int s = socket(AF_UNIX, SOCK_STREAM, 0), c;
    char question[4096];
    pid_t pid;

    unlink("control.sock");
    assert_int_equal(bind(s, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(s, 1), 0);
    pid = fork();
    if (pid != 0) {
        close(s);
        return pid;
    }
    c = accept(s, NULL, NULL);
    if (read(c, question, sizeof(question)) <= 0)
        _exit(1);
    for (; *lines != '\0'; lines++) {
        if (write(c, lines, 1) != 1)
            _exit(1);
    }
    _exit(0);
}

static int ask(const char *lines)
{
    pid_t pid = station(lines);
    int status;

    assert_int_equal(ol_rpc_open(&rpc, dir, why), OL_EXIT_DONE);
    status = ol_rpc_call(&rpc, "status", NULL, &doc, why);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    ol_rpc_close(&rpc);
    return status;
}

static void answered(void **state)
{
    (void)state;
    assert_int_equal(
        ask("{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{}}\n"
            "{\"jsonrpc\":\"2.0\",\"id\":1,"
            "\"result\": {\"a\":[1.10,\"}\\\"\"]} }\n"),
        OL_EXIT_DONE);
    assert_string_equal(doc.raw, "{\"a\":[1.10,\"}\\\"\"]}");
    assert_int_equal(json_array_size(json_object_get(doc.value, "a")), 2);
    ol_doc_free(&doc);
}

static void refused(void **state)
{
    (void)state;
    assert_int_equal(ask("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":"
                         "{\"code\":3,\"message\":\"no x: try y\"}}\n"),
                     OL_EXIT_MISSING);
    assert_string_equal(why, "no x: try y");
    assert_int_equal(ask("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":"
                         "{\"code\":-32601,\"message\":\"what?\"}}\n"),
                     OL_EXIT_FAILED);
}

static void ends(void **state)
{
    (void)state;
    assert_int_equal(ask("{\"jsonrpc\":\"2.0\",\"id\":1,"), OL_EXIT_DOWN);
    assert_non_null(strstr(why, "ended"));
}

static void garbage(void **state)
{
    (void)state;
    assert_int_equal(ask("hello\n"), OL_EXIT_FAILED);
    assert_non_null(strstr(why, "not JSON-RPC"));
    assert_int_equal(ask("[1]\n"), OL_EXIT_FAILED);
    assert_int_equal(ask("\xff\xfe\n"), OL_EXIT_FAILED);
}

static void nobody(void **state)
{
    (void)state;
    unlink("control.sock");
    assert_int_equal(ol_rpc_open(&rpc, dir, why), OL_EXIT_DOWN);
    assert_non_null(strstr(why, "is not running: start it with"));
}

/* An address holds 108 bytes; a directory's path may be longer. */
static void long_path(void **state)
{
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s", dir);
    pid_t pid = station("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":true}\n");

    (void)state;
    for (int i = 0; i < 30; i++)
        n += snprintf(path + n, sizeof(path) - (size_t)n, "/././");
    assert_int_equal(ol_rpc_open(&rpc, path, why), OL_EXIT_DONE);
    assert_int_equal(ol_rpc_call(&rpc, "status", NULL, &doc, why),
                     OL_EXIT_DONE);
    assert_string_equal(doc.raw, "true");
    ol_doc_free(&doc);
    ol_rpc_close(&rpc);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void stream(void **state)
{
    pid_t pid = station("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}\n"
                        "{\"jsonrpc\":\"2.0\",\"method\":\"event\","
                        "\"params\":{\"seq\":1}}\n"
                        "{\"jsonrpc\":\"2.0\",\"method\":\"event\","
                        "\"params\":{\"seq\":2}}\n");

    (void)state;
    assert_int_equal(ol_rpc_open(&rpc, dir, why), OL_EXIT_DONE);
    assert_int_equal(ol_rpc_call(&rpc, "subscribe", json_object(), &doc, why),
                     OL_EXIT_DONE);
    ol_doc_free(&doc);
    for (int seq = 1; seq <= 2; seq++) {
        assert_int_equal(ol_rpc_next(&rpc, 5000, &doc, why), OL_EXIT_DONE);
        assert_int_equal(
            json_integer_value(json_object_get(doc.value, "seq")), seq);
        ol_doc_free(&doc);
    }
    assert_int_equal(ol_rpc_next(&rpc, 5000, &doc, why), OL_EXIT_DOWN);
    ol_rpc_close(&rpc);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void members(void **state)
{
    static const char text[] = "{\"a\":{\"b\":1,\"c\":[\"]\",{}]} , "
                               "\"b\" : \"x\\\\\" , \"c\":null}";
    size_t n;
    const char *v = ol_rpc_member(text, sizeof(text) - 1, "b", &n);

    (void)state;
    assert_non_null(v);
    assert_int_equal(n, 5);
    assert_memory_equal(v, "\"x\\\\\"", 5);
    v = ol_rpc_member(text, sizeof(text) - 1, "c", &n);
    assert_int_equal(n, 4);
    assert_memory_equal(v, "null", 4);
    v = ol_rpc_member(text, sizeof(text) - 1, "a", &n);
    assert_int_equal(n, 20);
    assert_memory_equal(v, "{\"b\":1,\"c\":[\"]\",{}]}", 20);
    assert_null(ol_rpc_member(text, sizeof(text) - 1, "d", &n));
    assert_null(ol_rpc_member("[]", 2, "d", &n));
    assert_null(ol_rpc_member("{}", 2, "d", &n));
    assert_null(ol_rpc_member("", 0, "d", &n));
}

static int begin(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    enter();
    return 0;
}

static int clear(void **state)
{
    (void)state;
    unlink("control.sock");
    return chdir("/") == 0 ? rmdir(dir) : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answered),  cmocka_unit_test(refused),
        cmocka_unit_test(ends),      cmocka_unit_test(garbage),
        cmocka_unit_test(nobody),    cmocka_unit_test(long_path),
        cmocka_unit_test(stream),    cmocka_unit_test(members),
    };

    return cmocka_run_group_tests(tests, begin, clear);
}
