/*
 * The command line: where options may stand, what their values may be, and
 * that whatever does not fit is refused with a sentence that names it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/args.h"

static int nothing(struct ol_args *args)
{
    (void)args;
    return 0;
}

static const struct ol_verb verbs[] = {
    {"send", "PEER [TEXT|-]\n    [--precedence P]", "", "",
     OL_TAKES(PRECEDENCE) | OL_TAKES(LANG) | OL_TAKES(TIMEOUT) |
         OL_TAKES(SUBJECT) | OL_TAKES(ROLE) | OL_TAKES(FILE),
     1, 2, nothing},
    {"log", "[PEER]", "", "", OL_TAKES(UNTIL) | OL_TAKES(AFTER), 0, 1,
     nothing},
    {"ask", "", "", "", 0, 0, 0, NULL},
    {NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};

static struct ol_args args;
static char why[1024];

#define PARSE(...)                                                             \
    (why[0] = '\0',                                                            \
     ol_args_parse(&args, verbs,                                               \
                   (char *const[]){"openline", __VA_ARGS__, NULL}, why))

static void anywhere(void **state)
{
    (void)state;
    assert_int_equal(PARSE("send", "-d", "/x", "south", "--json", "hello",
                           "--precedence=FLASH"),
                     OL_EXIT_DONE);
    assert_ptr_equal(args.verb, &verbs[0]);
    assert_int_equal(args.n_words, 2);
    assert_string_equal(args.word[0], "south");
    assert_string_equal(args.word[1], "hello");
    assert_string_equal(args.opt[OL_OPT_DIR], "/x");
    assert_string_equal(args.opt[OL_OPT_PRECEDENCE], "flash");
    assert_true(ol_args_has(&args, OL_OPT_JSON));
    assert_false(ol_args_has(&args, OL_OPT_LANG));
    assert_int_equal(PARSE("-d", "/x", "log", "--json"), OL_EXIT_DONE);
    assert_string_equal(args.opt[OL_OPT_DIR], "/x");
}

static void dashes(void **state)
{
    (void)state;
    assert_int_equal(PARSE("send", "south", "--", "--json"), OL_EXIT_DONE);
    assert_string_equal(args.word[1], "--json");
    assert_false(ol_args_has(&args, OL_OPT_JSON));
    assert_int_equal(PARSE("send", "south", "-"), OL_EXIT_DONE);
    assert_string_equal(args.word[1], "-");
    assert_int_equal(PARSE("send", "south", "-x"), OL_EXIT_USAGE);
    assert_non_null(strstr(why, "after --"));
}

static void files(void **state)
{
    (void)state;
    assert_int_equal(PARSE("send", "south", "--file", "a", "text",
                           "--file=b"),
                     OL_EXIT_DONE);
    assert_int_equal(args.n_files, 2);
    assert_string_equal(args.file[0], "a");
    assert_string_equal(args.file[1], "b");
    assert_string_equal(args.word[1], "text");
    assert_int_equal(PARSE("send", "s", "--file=1", "--file=2", "--file=3",
                           "--file=4", "--file=5", "--file=6", "--file=7",
                           "--file=8"),
                     OL_EXIT_DONE);
    assert_int_equal(args.n_files, 8);
    assert_int_equal(PARSE("send", "s", "--file=1", "--file=2", "--file=3",
                           "--file=4", "--file=5", "--file=6", "--file=7",
                           "--file=8", "--file=9"),
                     OL_EXIT_USAGE);
    assert_non_null(strstr(why, "at most 8"));
}

static void same_name_two_meanings(void **state)
{
    (void)state;
    assert_int_equal(PARSE("send", "south", "x", "--to", "duty officer"),
                     OL_EXIT_DONE);
    assert_string_equal(args.opt[OL_OPT_ROLE], "duty officer");
    assert_null(args.opt[OL_OPT_UNTIL]);
    assert_int_equal(PARSE("log", "--to", "18:00Z"), OL_EXIT_DONE);
    assert_string_equal(args.opt[OL_OPT_UNTIL], "18:00Z");
    assert_int_equal(PARSE("log", "--to", "duty officer"), OL_EXIT_USAGE);
}

static void refused(void **state)
{
    static const struct {
        const char *argv[6];
        const char *word; /* in the sentence */
    } bad[] = {
        {{"sned"}, "there is no verb \"sned\""},
        {{"--all"}, "there is no option --all"},
        {{"log", "--renew"}, "log has no option --renew"},
        {{"log", "a", "b"}, "\"b\" is one word too many"},
        {{"send"}, "send needs more words"},
        {{"send", "s", "t", "--precedence"}, "--precedence needs a value"},
        {{"send", "s", "t", "--precedence", "loud"},
         "flash, immediate, priority or routine, not \"loud\""},
        {{"send", "s", "t", "--timeout", "soon"}, "a duration such as"},
        {{"send", "s", "t", "--lang", "e n"}, "a language tag"},
        {{"send", "s", "t", "--lang", "-en"}, "a language tag"},
        {{"send", "s", "t", "--subject", ""}, "--subject is empty"},
        {{"send", "s", "t", "--subject", "\xff"}, "--subject is not UTF-8"},
        {{"send", "s", "t", "--file", ""}, "--file is empty"},
        {{"send", "s", "t", "--json=1"}, "--json takes no value"},
        {{"log", "--after", "-1"}, "a number of at least 0"},
        {{"log", "--after", "9999999999999999999"}, "a number"},
        {{"log", "-d", "a", "-d", "b"}, "-d was given twice"},
        {{"log", "-d", ""}, "-d is empty"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char *argv[8] = {(char *)"openline"};

        for (size_t k = 0; k < 6; k++)
            argv[k + 1] = (char *)bad[i].argv[k];
        why[0] = '\0';
        assert_int_equal(ol_args_parse(&args, verbs, argv, why),
                         OL_EXIT_USAGE);
        if (strstr(why, bad[i].word) == NULL)
            fail_msg("%s: not \"%s\"", why, bad[i].word);
    }
}

static void too_long(void **state)
{
    char subject[258];

    (void)state;
    memset(subject, 'x', 257);
    subject[257] = '\0';
    assert_int_equal(PARSE("send", "s", "t", "--subject", subject),
                     OL_EXIT_USAGE);
    assert_non_null(strstr(why, "257 bytes long, 256 are allowed"));
    assert_int_equal(PARSE("send", "s", "t", "--subject", subject + 1),
                     OL_EXIT_DONE);
}

static void later_and_help(void **state)
{
    (void)state;
    assert_int_equal(PARSE("ask", "south", "why?", "--by", "5m"),
                     OL_EXIT_DONE);
    assert_ptr_equal(args.verb, &verbs[2]);
    assert_int_equal(PARSE("send", "--help"), OL_EXIT_DONE);
    assert_int_equal(PARSE("--version"), OL_EXIT_DONE);
    assert_null(args.verb);
}

static void usage(void **state)
{
    char text[1024];

    (void)state;
    ol_args_usage(&verbs[0], text);
    assert_string_equal(text,
                        "openline send PEER [TEXT|-] [--precedence P]");
    ol_args_usage(&verbs[2], text);
    assert_string_equal(text, "openline ask");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anywhere),
        cmocka_unit_test(dashes),
        cmocka_unit_test(files),
        cmocka_unit_test(same_name_two_meanings),
        cmocka_unit_test(refused),
        cmocka_unit_test(too_long),
        cmocka_unit_test(later_and_help),
        cmocka_unit_test(usage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
