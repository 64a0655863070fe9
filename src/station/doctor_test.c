/* doctor: each thing that goes wrong in silence has its sentence. */
#include "station/bed.h"

static struct bed bed;
static struct bed_station north, south;
static char report[65536];

static int setup(void **state)
{
    (void)state;
    bed_open(&bed);
    bed_init(&bed, &north, "north");
    bed_init(&bed, &south, "south");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bed_stop(&north, SIGTERM);
    bed_stop(&south, SIGTERM);
    bed_close(&bed);
    return 0;
}

static int ask(const struct bed_station *s)
{
    char why[OL_WHY_MAX];
    struct ol_writer w;
    int status;

    memset(report, 0, sizeof(report));
    ol_writer_init(&w, report, sizeof(report) - 1);
    status = ol_station_doctor(s->dir, NULL, &w, why);
    if (status != 0 && status != 1)
        fail_msg("doctor: %d, %s", status, why);
    return status;
}

static void says(const char *words)
{
    if (strstr(report, words) == NULL)
        fail_msg("\"%s\" is not in %s", words, report);
}

/* Until it says so: what the network does takes its time. */
static void comes_to_say(const struct bed_station *s, const char *words)
{
    for (unsigned k = 0; k < 300; k++) {
        (void)ask(s);
        if (strstr(report, words) != NULL)
            return;
        bed_pause(50);
    }
    says(words);
}

static void no_line(void **state)
{
    char why[OL_WHY_MAX];
    struct ol_writer w;

    (void)state;
    assert_int_equal(ask(&north), 0);
    says("there is no line yet");
    says("the station is not running");
    ol_writer_init(&w, report, sizeof(report));
    assert_int_equal(ol_station_doctor(north.dir, "west", &w, why), 3);
}

static void half_paired(void **state)
{
    (void)state;
    bed_pair(&north, &south); /* south has only made its card */
    assert_int_equal(ask(&south), 0);
    says("north has our card, and we have none of theirs");
    bed_pair(&south, &north);
}

static void away(void **state)
{
    char conf[512];

    (void)state;
    snprintf(conf, sizeof(conf), "[line]\ncard = south.card\n"
             "channel = cable tcp://127.0.0.1:%d\n"
             "channel = lost tcp://nowhere.invalid:1\n", south.port);
    bed_write(north.dir, "lines.d/south.conf", conf);
    assert_int_equal(ask(&north), 1);
    says("refused by 127.0.0.1");
    says("nowhere.invalid");
}

static void mistakes(void **state)
{
    char path[128];

    (void)state;
    bed_write(south.dir, "lines.d/west.conf", "[line]\ncard = west.card\n");
    assert_int_equal(ask(&south), 1);
    says("there is no lines.d/west.card");
    bed_write(south.dir, "lines.d/west.conf", "[line]\ncart = x\n");
    assert_int_equal(ask(&south), 1);
    says("lines.d/west.conf:2");
    snprintf(path, sizeof(path), "%s/lines.d/west.conf", south.dir);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof(path), "%s/storage.key", south.dir);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(ask(&south), 1);
    says("can be read by others");
    assert_int_equal(chmod(path, 0600), 0);
}

static void nobody_answers(void **state)
{
    char conf[512];

    (void)state;
    snprintf(conf, sizeof(conf), "[line]\ncard = south.card\n"
             "channel = cable tcp://127.0.0.1:%d\n"
             "channel = radio udp://127.0.0.1:%d\n"
             "channel = fibre accept=tcp\n", south.port, south.port);
    bed_write(north.dir, "lines.d/south.conf", conf);
    bed_start(&north);
    /* The machine says that nobody is there, over either. */
    comes_to_say(&north, "\"channel\":\"radio\",\"severity\":\"fault\","
                         "\"what\":\"refused by 127.0.0.1");
    comes_to_say(&north, "\"channel\":\"cable\",\"severity\":\"fault\","
                         "\"what\":\"refused by 127.0.0.1");
    says("nobody has called on fibre");
    assert_int_equal(ask(&north), 1);
}

/* One side renews its card: the other knows it is no stranger. */
static void wrong_card(void **state)
{
    static char text[16384];
    char why[OL_WHY_MAX];
    struct ol_writer w;

    (void)state;
    ol_writer_init(&w, text, sizeof(text));
    assert_int_equal(ol_station_card(north.dir, "south", true, &w, why), 0);
    bed_start(&south);
    comes_to_say(&south, "with a card that does not match ours");
    comes_to_say(&north, "knocks of south came");
    if (strstr(report, "nobody has called") != NULL)
        fail_msg("it was called, with a wrong card: %s", report);
    /* Exchanged again, all is well. */
    bed_pair(&south, &north);
    bed_state(&south, "open");
    bed_state(&north, "open");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_line),        cmocka_unit_test(half_paired),
        cmocka_unit_test(away),           cmocka_unit_test(mistakes),
        cmocka_unit_test(nobody_answers), cmocka_unit_test(wrong_card),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
