/* station.conf and lines.d/PEER.conf: what is taken, and how the rest is
 * refused, with its line. */
#include "station/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/dice.h"
#include "base/units.h"

static void station_good(void **state)
{
    struct ol_conf_station c;
    char why[OL_WHY_MAX] = "";

    (void)state;
    assert_int_equal(
        ol_conf_station_parse("station.conf",
                              "# ours\r\n[station]\n  name = north\n"
                              "listen = tcp://[::]:4430\n"
                              "listen = udp://0.0.0.0:4430 ; a comment\n"
                              "\treach = cable tcp://203.0.113.7:4430\n", &c,
                              why), 0);
    assert_string_equal(c.name, "north");
    assert_int_equal(c.n_listen, 2);
    assert_string_equal(c.listen[1], "udp://0.0.0.0:4430");
    assert_int_equal(c.n_reach, 1);
    assert_string_equal(c.reach[0].name, "cable");
}

static void station_bad(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "station.conf: name is missing"},
        {"[station]\nbogus = 1\n", "station.conf:2: unknown key \"bogus\": "
                                   "allowed are name, listen, reach, "
                                   "metrics, objective"},
        {"[station]\nname = North\n", "station.conf:2: \"North\" is no"},
        {"[station]\nname = a\nname = b\n", "station.conf:3: name stands"},
        {"name = a\n", "station.conf:1: section []"},
        {"[line]\nname = a\n", "station.conf:1: section [line]"},
        {"[station]\nname = a\n[stations]\n",
         "station.conf:3: section [stations]: allowed is [station]"},
        {"[station]\nname\n", "station.conf:2: neither"},
        {"[station\nname = a\n", "station.conf:1: neither"},
        {"[station]\nname = a\nlisten = tcp://[::]\n", "station.conf:3: "},
        {"[station]\nname = a\nlisten = courier:///x\n", "station.conf:3: "},
        {"[station]\nname = a\n\nreach = cable\n", "station.conf:4: reach"},
        {"[station]\nname = a\nreach = C tcp://h:1\n", "station.conf:3: "},
        {"[station]\nname = a\nlisten = tcp://[::]:1\n"
         "listen = tcp://[::]:1\n", "station.conf:4: listen = tcp"},
        /* The first fault counts, whichever kind it is. */
        {"[station]\nx\nbogus = 1\n", "station.conf:2: neither"},
        {"[station]\nbogus = 1\nx\n", "station.conf:2: unknown"},
    };
    struct ol_conf_station c;
    char why[OL_WHY_MAX];

    (void)state;
    for (size_t k = 0; k < OL_LEN(bad); k++) {
        assert_int_equal(ol_conf_station_parse("station.conf", bad[k].text,
                                               &c, why), 1);
        if (strncmp(why, bad[k].says, strlen(bad[k].says)) != 0)
            fail_msg("%s: said %s", bad[k].text, why);
    }
}

static void objectives(void **state)
{
    struct ol_conf_station c;
    char why[OL_WHY_MAX] = "";

    (void)state;
    assert_int_equal(ol_conf_station_parse("station.conf", "[station]\n"
                                           "name = a\n", &c, why), 0);
    assert_int_equal(c.objectives[OL_FLASH].read_ns, 120 * OL_NS_PER_S);
    assert_int_equal(c.objectives[OL_FLASH].answer_ns, 600 * OL_NS_PER_S);
    assert_int_equal(c.objectives[OL_ROUTINE].read_ns, 21600 * OL_NS_PER_S);
    assert_int_equal(c.objectives[OL_ROUTINE].answer_ns, 0);
    assert_int_equal(
        ol_conf_station_parse("station.conf", "[station]\nname = a\n"
                              "objective = flash  answer=none\n"
                              "objective = routine read=1d answer=2d\n", &c,
                              why), 0);
    assert_int_equal(c.objectives[OL_FLASH].read_ns, 120 * OL_NS_PER_S);
    assert_int_equal(c.objectives[OL_FLASH].answer_ns, 0);
    assert_int_equal(c.objectives[OL_ROUTINE].answer_ns,
                     172800 * OL_NS_PER_S);
    assert_int_equal(
        ol_conf_station_parse("station.conf", "[station]\nname = a\n"
                              "objective = flash read=1m\n"
                              "objective = flash read=2m\n", &c, why), 1);
    assert_non_null(strstr(why, "station.conf:4: two objective lines"));
}

static int line(const char *text, struct ol_conf_line *c, char *why)
{
    return ol_conf_line_parse("lines.d/south.conf", "south", text, c, why);
}

static void steps(void **state)
{
    static const char *const bad[] = {
        "hook", "5m", "5m shout", "soon hook", "5m raise", "5m raise high",
        "5m channel", "5m channel sea", "5m deputy", "5m hook now",
        ("5m deputy 012345678901234567890123456789012345678901234567890123456"
         "78901234"),
    };
    struct ol_conf_line c;
    char why[OL_WHY_MAX] = "", text[512];

    (void)state;
    assert_int_equal(line("[line]\ncard = s.card\n"
                          "escalate = 0s raise flash\n"
                          "escalate = 5m channel cable\n"
                          "escalate = 10m hook\n"
                          "escalate = 2h deputy  vice minister \n"
                          "channel = cable tcp://h:1\n", &c, why), 0);
    assert_int_equal(c.n_steps, 4);
    assert_int_equal(c.steps[0].what, OL_STEP_RAISE);
    assert_int_equal(c.steps[0].prec, OL_FLASH);
    assert_string_equal(c.steps[1].arg, "cable");
    assert_int_equal(c.steps[2].after_ns, 600 * OL_NS_PER_S);
    assert_string_equal(c.steps[3].arg, "vice minister");
    for (size_t k = 0; k < OL_LEN(bad); k++) {
        snprintf(text, sizeof(text), "[line]\ncard = s.card\n"
                 "escalate = %s\n", bad[k]);
        if (line(text, &c, why) != 1)
            fail_msg("%s was taken", bad[k]);
    }
    assert_int_equal(line("[line]\ncard = s.card\nescalate = 1m hook\n"
                          "escalate = 2m hook\n", &c, why), 1);
    assert_non_null(strstr(why, "lines.d/south.conf:4: "));
}

static void line_good(void **state)
{
    struct ol_conf_line c;
    char why[OL_WHY_MAX] = "";

    (void)state;
    assert_int_equal(
        line("[line]\ncard = south.card\n"
             "channel = cable tcp://203.0.113.7:4430 fate=sea\n"
             "channel = radio udp://203.0.113.7:4430  hold=45s\n"
             "channel = fibre accept=tcp rate=1200\n"
             "channel = onion tcp://abc.onion:1 rate=50M "
             "proxy=socks5://me:pw@127.0.0.1:9050\n"
             "channel = pouch courier:///media/pouch hold=7d\n"
             "probe = 20s\nhold = 30s\nalias = Süden\n", &c, why), 0);
    assert_string_equal(c.peer, "south");
    assert_int_equal(c.n_channels, 5);
    assert_string_equal(c.channels[0].fate, "sea");
    assert_int_equal(c.channels[1].hold_ns, 45 * OL_NS_PER_S);
    assert_string_equal(c.channels[2].url, "");
    assert_string_equal(c.channels[2].scheme, "tcp");
    assert_int_equal(ol_conf_kind(c.channels[4].scheme), OL_CHAN_POUCH);
    assert_int_equal(c.channels[2].rate_bps, 1200);
    assert_int_equal(ol_conf_mtu(&c.channels[2]), 300);
    assert_int_equal(c.channels[3].rate_bps, 50000000);
    assert_int_equal(ol_conf_mtu(&c.channels[3]), OL_FRAME_MAX);
    assert_string_equal(c.channels[3].proxy, "socks5://me:pw@127.0.0.1:9050");
    assert_string_equal(c.alias, "Süden");
}

static void line_files(void **state)
{
    static const struct {
        const char *value, *says; /* NULL: it is taken */
        bool ask;
        uint64_t max;
    } all[] = {
        {"ask", NULL, true, OL_ATTACH_AUTO},
        {"auto:10MiB", NULL, false, UINT64_C(10) << 20},
        {"auto:500KiB", NULL, false, UINT64_C(500) << 10},
        {"auto:2GiB", NULL, false, UINT64_C(2) << 30},
        {"auto:1TiB", NULL, false, UINT64_C(1) << 40},
        {"auto:1234", NULL, false, 1234},
        {"auto:9007199254740991", NULL, false, (UINT64_C(1) << 53) - 1},
        {"auto:9007199254740992", ":3: attachments = auto:9007", false, 0},
        {"auto:8192TiB", ":3: attachments = auto:8192TiB", false, 0},
        {"auto:99999999999999999999999", ":3: ", false, 0},
        {"auto:0", ":3: attachments = auto:0 would take none", false, 0},
        {"auto", ":3: attachments = auto: allowed are ask and", false, 0},
        {"auto:", "is no size: write it as 500KiB", false, 0},
        {"auto:10MB", "\"10MB\" is no size", false, 0},
        {"auto:10 MiB", "\"10 MiB\" is no size", false, 0},
        {"auto:-1", "\"-1\" is no size", false, 0},
        {"auto:1.5GiB", "\"1.5GiB\" is no size", false, 0},
        {"never", ":3: attachments = never: allowed are", false, 0},
        {"ASK", ":3: attachments = ASK: allowed are", false, 0},
    };
    struct ol_conf_line c;
    char why[OL_WHY_MAX] = "", text[200];

    (void)state;
    assert_int_equal(line("[line]\ncard = a.card\n", &c, why), 0);
    assert_false(c.attach_ask);
    assert_int_equal(c.attach_max, UINT64_C(10) << 20);
    for (size_t k = 0; k < OL_LEN(all); k++) {
        int status;

        snprintf(text, sizeof(text), "[line]\ncard = a.card\n"
                 "attachments = %s\n", all[k].value);
        status = line(text, &c, why);
        assert_int_equal(status, all[k].says != NULL);
        if (all[k].says != NULL) {
            if (strstr(why, all[k].says) == NULL)
                fail_msg("%s: said %s", all[k].value, why);
            continue;
        }
        assert_int_equal(c.attach_ask, all[k].ask);
        assert_int_equal(c.attach_max, all[k].max);
    }
    assert_int_equal(line("[line]\ncard = a.card\nattachments = ask\n"
                          "attachments = auto:1\n", &c, why), 1);
    assert_non_null(strstr(why, ":4: attachments stands"));
}

static void line_times(void **state)
{
    static const struct {
        const char *text;
        uint64_t probe_ms, hold_ms;
    } good[] = {
        {"", OL_PROBE_MS, OL_HOLD_MS},
        {"probe = 1s\n", 1000, OL_HOLD_MS},
        {"probe = 1m\n", 60000, 90000},
        {"hold = 3s\n", 2000, 3000},
        {"hold = 1h\n", OL_PROBE_MS, 3600000},
        {"hold = 3s\nprobe = 500ms\n", 500, 3000},
    };
    struct ol_conf_line c;
    char why[OL_WHY_MAX] = "", text[200] = "[line]\ncard = a.card\n";
    size_t head = strlen(text);

    (void)state;
    for (size_t k = 0; k < OL_LEN(good); k++) {
        memcpy(text + head, good[k].text, strlen(good[k].text) + 1);
        assert_int_equal(line(text, &c, why), 0);
        assert_int_equal(c.probe_ns, good[k].probe_ms * OL_NS_PER_MS);
        assert_int_equal(c.hold_ns, good[k].hold_ms * OL_NS_PER_MS);
    }
}

static void line_bad(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"channel = a tcp://h:1\n", "card is missing"},
        {"card = ../x\n", ":2: card"},
        {"card = a.card\nlisten = tcp://h:1\n", ":3: unknown key \"listen\""},
        {"card = a.card\nchannel = a\n", ":3: channel a goes nowhere"},
        {"card = a.card\nchannel = a accept=courier\n", ":3: accept=courier"},
        {"card = a.card\nchannel = a tcp://h:1 proxy=socks4://x:1\n",
         ":3: a proxy is socks5://HOST:PORT or"},
        {"card = a.card\nchannel = a tcp://h:1 proxy=socks5://me:s3cret#x:1\n",
         ":3: a proxy is socks5://HOST:PORT or"},
        {"card = a.card\nchannel = a udp://h:1 proxy=socks5://x:1\n",
         ":3: a proxy carries tcp only: take proxy= away from udp://"},
        {"card = a.card\nchannel = a courier:///x proxy=socks5://x:1\n",
         ":3: a proxy carries tcp only"},
        {"card = a.card\nchannel = a accept=tcp proxy=socks5://x:1\n",
         ":3: proxy= is for a channel that dials"},
        {"card = a.card\nchannel = a tcp://[fe80::1%lo]:1 proxy=socks5://x:1\n",
         ":3: %lo names an interface of this machine"},
        {"card = a.card\nchannel = a tcp://h:1 prox=socks5://me:s3cret@x:1\n",
         ":3: \"prox\" is no option of a channel"},
        {"card = a.card\nchannel = a tcp://h:1 rate=0\n", ":3: rate=0: bits"},
        {"card = a.card\nchannel = a tcp://h:1 rate=74\n", ":3: rate=74: bits"},
        {"card = a.card\nchannel = a tcp://h:1 rate=9k6\n",
         ":3: rate=9k6: bits"},
        {"card = a.card\nchannel = a tcp://h:1 rate=-1\n", ":3: rate=-1: bits"},
        {"card = a.card\nchannel = a tcp://h:1 rate=1001G\n",
         ":3: rate=1001G:"},
        {"card = a.card\nchannel = a tcp://h:1 rate=99999999999999\n",
         ":3: rate="},
        {"card = a.card\nchannel = a courier:///x rate=9600\n",
         ":3: a courier has no rate="},
        {"card = a.card\nchannel = a tcp://h:1 speed=9\n", ":3: \"speed\""},
        {"card = a.card\nchannel = a tcp://h:1 hold\n", ":3: \"hold\""},
        {"card = a.card\nchannel = a tcp://h:1 hold=7\n", ":3: hold = 7"},
        {"card = a.card\nchannel = a tcp://h:1 fate=No\n", ":3: fate=No"},
        {"card = a.card\nchannel = a tcp://h:1\nchannel = a udp://h:1\n",
         ":4: two channels"},
        {"card = a.card\nprobe = 10ms\n", ":3: probe = 10ms"},
        {"card = a.card\nprobe = 30s\nhold = 20s\n", "hold 20s is not longer"},
        {"card = a.card\nprobe = 20s\nchannel = a tcp://h:1 hold=5s\n",
         "hold 5s is not longer than probe 20s on channel a"},
        {"card = a.card\nalias = \xc3\x28\n", ":3: alias"},
        {"card = a.card\n[lines]\n", ":3: section [lines]: allowed is [line]"},
        {"[line]\n  [station]\ncard = a.card\n", ":3: section [station]"},
    };
    struct ol_conf_line c;
    char why[OL_WHY_MAX], text[300];

    (void)state;
    for (size_t k = 0; k < OL_LEN(bad); k++) {
        memcpy(text, "[line]\n", 7);
        memcpy(text + 7, bad[k].text, strlen(bad[k].text) + 1);
        assert_int_equal(line(text, &c, why), 1);
        if (strstr(why, bad[k].says) == NULL)
            fail_msg("%s: said %s", bad[k].text, why);
    }
}

static void bounds(void **state)
{
    struct ol_conf_line c;
    char why[OL_WHY_MAX], *text = malloc(8192);
    size_t n = 0;

    (void)state;
    assert_non_null(text);
    n = (size_t)snprintf(text, 8192, "[line]\ncard = a.card\n");
    for (unsigned k = 0; k <= OL_CHANNELS_MAX; k++)
        n += (size_t)snprintf(text + n, 8192 - n,
                              "channel = c%u tcp://h:1\n", k);
    assert_int_equal(line(text, &c, why), 1);
    assert_non_null(strstr(why, ":19: too many channels"));
    /* A long line is refused as a whole, never cut. */
    n = (size_t)snprintf(text, 8192, "[line]\ncard = a.card\nalias = ");
    memset(text + n, 'x', 4000);
    memcpy(text + n + 4000, "\nprobe = 1s\n", 13);
    assert_int_equal(line(text, &c, why), 1);
    assert_non_null(strstr(why, ":3: a line of 4008 bytes"));
    free(text);
}

/* Whatever text comes: taken or refused, never more. */
static void damage(void **state)
{
    static const char good[] =
        "[line]\ncard = south.card\nchannel = cable tcp://203.0.113.7:4430 "
        "fate=sea hold=40s\nchannel = fibre accept=tcp\nprobe = 20s\n";
    struct dice d = dice_init(0x434f4e46);
    struct ol_conf_line c;
    char why[OL_WHY_MAX], text[sizeof(good)];

    (void)state;
    for (unsigned k = 0; k < dice_rounds(5000); k++) {
        memcpy(text, good, sizeof(good));
        for (uint64_t hits = dice_in(&d, 1, 5); hits > 0; hits--)
            text[dice_in(&d, 0, sizeof(good) - 2)] = (char)dice_u64(&d);
        (void)line(text, &c, why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objectives), cmocka_unit_test(steps),
        cmocka_unit_test(station_good), cmocka_unit_test(station_bad),
        cmocka_unit_test(line_good),    cmocka_unit_test(line_times),
        cmocka_unit_test(line_files),   cmocka_unit_test(line_bad),
        cmocka_unit_test(bounds),       cmocka_unit_test(damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
