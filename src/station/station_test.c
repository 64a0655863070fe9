/*
 * Two stations in processes of their own, joined by tcp and udp on this
 * machine, asked over their control sockets.
 */
#include "station/bed.h"

static struct bed bed;
static struct bed_station north, south;

static int setup(void **state)
{
    (void)state;
    bed_open(&bed);
    bed_init(&bed, &north, "north");
    bed_init(&bed, &south, "south");
    bed_pair(&north, &south);
    bed_pair(&south, &north);
    bed_start(&north);
    bed_start(&south);
    bed_state(&north, "open");
    bed_state(&south, "open");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(bed_stop(&north, SIGTERM), 0);
    assert_int_equal(bed_stop(&south, SIGTERM), 0);
    bed_close(&bed);
    return 0;
}

/* Sends and waits; the message's name. */
static void send_text(const char *text, const char *rung, char name[96])
{
    json_t *doc = bed_ask(&north, "send",
                          json_pack("{s:s,s:s}", "peer", "south", "text",
                                    text));

    snprintf(name, 96, "%s", bed_text(doc, "name"));
    json_decref(doc);
    doc = bed_ask(&north, "wait",
                  json_pack("{s:s,s:s,s:i}", "name", name, "rung", rung,
                            "timeout_ms", 20000));
    json_decref(doc);
}

static void rungs(void **state)
{
    char name[96];
    json_t *doc, *receipts;

    (void)state;
    send_text("hello", "delivered", name);
    bed_refused(&south, "understood", json_pack("{s:s}", "name", name), 1,
                "read it first");
    doc = bed_ask(&south, "inbox", NULL);
    assert_int_equal(json_array_size(doc), 1);
    assert_true(json_is_null(json_object_get(json_array_get(doc, 0),
                                             "text")));
    json_decref(doc);
    for (unsigned k = 0; k < 2; k++) {
        doc = bed_ask(&south, "read", json_pack("{s:s}", "name", name));
        assert_string_equal(bed_text(doc, "text"), "hello");
        assert_string_equal(bed_text(doc, "rung"), "read");
        /* A second read makes no second receipt. */
        receipts = json_object_get(doc, "receipts");
        assert_int_equal(json_array_size(receipts), 1);
        json_decref(doc);
    }
    doc = bed_ask(&south, "understood",
                  json_pack("{s:s,s:s}", "name", name, "readback", "hello"));
    assert_string_equal(bed_text(doc, "rung"), "understood");
    json_decref(doc);
    doc = bed_ask(&north, "wait",
                  json_pack("{s:s,s:s,s:i}", "name", name, "rung",
                            "understood", "timeout_ms", 20000));
    receipts = json_object_get(doc, "receipts");
    assert_int_equal(json_array_size(receipts), 2);
    assert_string_not_equal(bed_text(json_array_get(receipts, 0), "by"), "");
    json_decref(doc);
    doc = bed_ask(&south, "inbox", NULL);
    assert_int_equal(json_array_size(doc), 0);
    json_decref(doc);
    bed_refused(&north, "read", json_pack("{s:s}", "name", name), 1,
                "our own message");
}

static void idempotent(void **state)
{
    static const char id[] = "00112233445566778899aabbccddeeff";
    char first[96];
    json_t *doc;

    (void)state;
    for (unsigned k = 0; k < 3; k++) {
        doc = bed_ask(&north, "send", json_pack("{s:s,s:s,s:s}", "peer",
                                                "south", "text", "once", "id",
                                                id));
        if (k == 0)
            snprintf(first, sizeof(first), "%s", bed_text(doc, "name"));
        assert_string_equal(bed_text(doc, "name"), first);
        json_decref(doc);
    }
    doc = bed_ask(&north, "show", json_pack("{s:s}", "name", id));
    assert_string_equal(bed_text(doc, "name"), first);
    json_decref(doc);
}

static void refusals(void **state)
{
    char long_text[4098];

    (void)state;
    memset(long_text, 'x', 4097);
    long_text[4097] = '\0';
    bed_refused(&north, "send", json_pack("{s:s,s:s}", "peer", "west", "text",
                                          "x"), 3, "no line with west");
    bed_refused(&north, "send", json_pack("{s:s,s:s}", "peer", "south",
                                          "text", long_text), 2,
                "send longer text as a file");
    bed_refused(&north, "send", json_pack("{s:s,s:s}", "peer", "south",
                                          "text", ""), 2, "no text");
    bed_refused(&north, "read", json_pack("{s:s}", "name",
                                          "south:north/999"), 3,
                "no message");
    bed_refused(&north, "read", json_pack("{s:s}", "name", "17x"), 2,
                "is no message's name");
    bed_refused(&north, "wait", json_pack("{s:s,s:s,s:i}", "name", "north/2",
                                          "rung", "read", "timeout_ms", 50),
                4, "is not read yet");
    bed_refused(&north, "nothing", NULL, 2, "no method");
    bed_refused(&north, "courier", json_pack("{s:s,s:s,s:s}", "action",
                                             "export", "peer", "south",
                                             "file", "x"), 2, "absolute");
}

static const char *state_of(json_t *list, const char *name)
{
    json_t *one;
    size_t k;

    json_array_foreach(list, k, one)
        if (strcmp(bed_text(one, "name"), name) == 0)
            return bed_text(one, "state");
    return "";
}

/* Off, remembered over a crash, and on again. */
static void switches(void **state)
{
    json_t *doc, *off = json_pack("{s:s,s:s,s:s}", "peer", "south", "action",
                                  "disable", "name", "cable");

    (void)state;
    doc = bed_ask(&north, "channel", off);
    assert_string_equal(state_of(doc, "cable"), "disabled");
    json_decref(doc);
    bed_refused(&north, "channel", json_pack("{s:s,s:s,s:s}", "peer", "south",
                                             "action", "disable", "name",
                                             "radio"), 1, "--yes");
    bed_refused(&north, "channel", json_pack("{s:s,s:s,s:s}", "peer", "south",
                                             "action", "disable", "name",
                                             "nope"), 3, "no channel nope");
    assert_int_equal(bed_stop(&north, SIGKILL), -SIGKILL);
    bed_start(&north);
    bed_state(&north, "last-channel");
    doc = bed_ask(&north, "channel", json_pack("{s:s}", "peer", "south"));
    assert_string_equal(state_of(doc, "cable"), "disabled");
    json_decref(doc);
    json_decref(bed_ask(&north, "channel",
                        json_pack("{s:s,s:s,s:s}", "peer", "south", "action",
                                  "enable", "name", "cable")));
    bed_state(&north, "open");
}

static void reloads(void **state)
{
    char conf[512], name[96];
    json_t *doc;

    (void)state;
    bed_write(north.dir, "lines.d/south.conf", "[line]\nchanel = x\n");
    bed_refused(&north, "reload", NULL, 1, "lines.d/south.conf:2: unknown");
    send_text("all the same", "delivered", name);
    snprintf(conf, sizeof(conf), "[line]\ncard = south.card\n"
             "channel = cable tcp://127.0.0.1:%d\nhold = 5s\n", south.port);
    bed_write(north.dir, "lines.d/south.conf", conf);
    doc = bed_ask(&north, "reload", NULL);
    assert_true(json_is_true(json_object_get(doc, "changed")));
    json_decref(doc);
    doc = bed_ask(&north, "reload", NULL);
    assert_true(json_is_false(json_object_get(doc, "changed")));
    json_decref(doc);
    bed_state(&north, "last-channel");
    send_text("on one channel", "delivered", name);
}

static void one_at_a_time(void **state)
{
    struct ol_run_opts opts = {.dir = north.dir};
    char why[OL_WHY_MAX];

    (void)state;
    assert_int_equal(ol_station_run(&opts, why), 1);
    assert_non_null(strstr(why, "running already (pid "));
    opts.check_config = true;
    assert_int_equal(ol_station_run(&opts, why), 0);
}

static void audits(void **state)
{
    json_t *doc;

    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        doc = bed_ask(k ? &south : &north, "audit", NULL);
        assert_true(json_is_true(json_object_get(doc, "ok")));
        assert_true(json_integer_value(json_object_get(doc, "records")) >= 5);
        json_decref(doc);
    }
}

/* Everything that is not acknowledged, by hand, both ways. */
static void by_courier(void **state)
{
    char file[128], name[96];
    json_t *doc;

    (void)state;
    bed_write(north.dir, "lines.d/south.conf", "[line]\ncard = south.card\n");
    json_decref(bed_ask(&north, "reload", NULL));
    doc = bed_ask(&north, "send", json_pack("{s:s,s:s}", "peer", "south",
                                            "text", "by hand"));
    snprintf(name, sizeof(name), "%s", bed_text(doc, "name"));
    json_decref(doc);
    snprintf(file, sizeof(file), "%s/a.pouch", bed.base);
    doc = bed_ask(&north, "courier", json_pack("{s:s,s:s,s:s}", "action",
                                               "export", "peer", "south",
                                               "file", file));
    assert_int_equal(json_integer_value(json_object_get(doc, "bundles")), 1);
    json_decref(doc);
    for (unsigned k = 0; k < 2; k++) { /* twice is as good as once */
        doc = bed_ask(&south, "courier", json_pack("{s:s,s:s}", "action",
                                                   "import", "file", file));
        assert_int_equal(
            json_integer_value(json_object_get(doc, "opened")), 1);
        json_decref(doc);
    }
    json_decref(bed_ask(&south, "read", json_pack("{s:s}", "name", name)));
    snprintf(file, sizeof(file), "%s/b.pouch", bed.base);
    json_decref(bed_ask(&south, "courier",
                        json_pack("{s:s,s:s,s:s}", "action", "export", "peer",
                                  "north", "file", file)));
    json_decref(bed_ask(&north, "courier",
                        json_pack("{s:s,s:s}", "action", "import", "file",
                                  file)));
    doc = bed_ask(&north, "show", json_pack("{s:s}", "name", name));
    assert_string_equal(bed_text(doc, "rung"), "read");
    json_decref(doc);
    bed_refused(&south, "courier", json_pack("{s:s,s:s}", "action", "import",
                                             "file", "/nonexistent"), 3,
                "cannot read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rungs),         cmocka_unit_test(idempotent),
        cmocka_unit_test(refusals),      cmocka_unit_test(switches),
        cmocka_unit_test(reloads),       cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(audits),        cmocka_unit_test(by_courier),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
