/* init, card, pair, safety: in directories, without a running station. */
#include "station/bed.h"
#include "station/cards.h"
#include "station/pair.h"

static struct bed bed;
static struct bed_station north, south, east;
static char text[16384];

static int setup(void **state)
{
    (void)state;
    bed_open(&bed);
    bed_init(&bed, &north, "north");
    bed_init(&bed, &south, "south");
    bed_init(&bed, &east, "east");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bed_close(&bed);
    return 0;
}

static struct ol_span card(const struct bed_station *s, const char *peer,
                           bool renew)
{
    struct ol_writer w;
    char why[OL_WHY_MAX];

    ol_writer_init(&w, text, sizeof(text));
    assert_int_equal(ol_station_card(s->dir, peer, renew, &w, why), 0);
    return ol_writer_span(&w);
}

static void refuses(const struct bed_station *s, struct ol_span c,
                    const char *words)
{
    struct ol_pairing p;
    char why[OL_WHY_MAX];

    assert_int_equal(ol_station_pair(s->dir, c, &p, why), 1);
    if (strstr(why, words) == NULL)
        fail_msg("said: %s", why);
}

static void inits(void **state)
{
    char why[OL_WHY_MAX], path[512];
    struct stat st;

    (void)state;
    assert_int_equal(ol_station_init(north.dir, "x", why), 1);
    assert_non_null(strstr(why, "already"));
    assert_int_equal(ol_station_init("/tmp/never", "No", why), 2);
    snprintf(path, sizeof(path), "%s/identity.key", north.dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(north.dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void finds(void **state)
{
    char out[4096], why[OL_WHY_MAX];

    (void)state;
    assert_int_equal(ol_station_find(north.dir, out, why), 0);
    assert_string_equal(out, north.dir);
    assert_int_equal(ol_station_find("/nonexistent", out, why), 3);
    setenv("OPENLINE_DIR", south.dir, 1);
    assert_int_equal(ol_station_find(NULL, out, why), 0);
    assert_string_equal(out, south.dir);
    unsetenv("OPENLINE_DIR");
}

/* The same until renewed; another for another. */
static void cards(void **state)
{
    char first[16384], why[OL_WHY_MAX];
    struct ol_writer w;
    struct ol_span c = card(&north, "south", false);

    (void)state;
    memcpy(first, c.p, c.n);
    assert_true(ol_span_eq(card(&north, "south", false),
                           OL_SPAN(first, c.n)));
    assert_false(ol_span_eq(card(&north, "east", false),
                            OL_SPAN(first, c.n)));
    assert_false(ol_span_eq(card(&north, "south", true),
                            OL_SPAN(first, c.n)));
    ol_writer_init(&w, text, sizeof(text));
    assert_int_equal(ol_station_card(north.dir, "north", false, &w, why), 2);
    assert_int_equal(ol_station_card(north.dir, "No!", false, &w, why), 2);
    assert_int_equal(ol_station_card("/nonexistent", "a", false, &w, why), 3);
}

static void mixed_up(void **state)
{
    struct ol_span c = card(&north, "south", false);

    (void)state;
    refuses(&north, c, "our own card");
    refuses(&east, c, "was made for south, this station is east: ask north");
    refuses(&south, ol_span_str("hello"), "no card in it");
    refuses(&south, OL_SPAN(c.p, c.n / 2), "damaged");
    text[60] ^= 1;
    refuses(&south, c, "card");
}

static void a_line(void **state)
{
    struct ol_pairing p, q;
    char why[OL_WHY_MAX];

    (void)state;
    assert_int_equal(ol_station_safety(north.dir, "south", false, &p, why),
                     3);
    assert_int_equal(ol_station_pair(north.dir, card(&south, "north", false),
                                     &p, why), 0);
    assert_int_equal(ol_station_pair(south.dir, card(&north, "south", false),
                                     &q, why), 0);
    assert_string_equal(p.peer, "south");
    assert_string_equal(p.safety, q.safety);
    assert_int_equal(strlen(p.safety), 71);
    assert_non_null(strstr(p.conf, "channel = cable tcp://127.0.0.1:"));
    assert_false(p.verified);
    /* Again is as good as once, and keeps what was edited. */
    bed_write(north.dir, "lines.d/south.conf",
              "[line]\ncard = south.card\n# mine\n");
    assert_int_equal(ol_station_pair(north.dir, card(&south, "north", false),
                                     &p, why), 0);
    assert_non_null(strstr(p.conf, "# mine"));
}

static void confirmed(void **state)
{
    struct ol_pairing p;
    char why[OL_WHY_MAX];

    (void)state;
    assert_int_equal(ol_station_safety(north.dir, "south", true, &p, why), 0);
    assert_true(p.verified);
    assert_int_equal(ol_station_safety(north.dir, "south", false, &p, why),
                     0);
    assert_true(p.verified);
    /* Another card, another number: what was compared is void. */
    (void)card(&north, "south", true);
    assert_int_equal(ol_station_safety(north.dir, "south", false, &p, why),
                     0);
    assert_false(p.verified);
}

/* Another station that calls itself south, and south under another name. */
static void impostors(void **state)
{
    struct bed_station fake;
    struct ol_conf_station conf;
    char path[600], other[600];
    struct ol_card c;
    struct ol_keys *keys;
    struct ol_writer w;
    char why[OL_WHY_MAX];

    (void)state;
    bed_init(&bed, &fake, "fake");
    snprintf(path, sizeof(path), "%s/fake", bed.base);
    bed_write(fake.dir, "station.conf", "[station]\nname = south\n");
    refuses(&north, card(&fake, "north", false),
            "south is paired already, with other keys");
    /* The same keys as south, under the name west. */
    assert_int_equal(ol_keys_open(south.dir, &keys, why), 0);
    assert_int_equal(ol_conf_station_read(south.dir, &conf, why), 0);
    memset(&c, 0, sizeof(c));
    memset(c.share, 1, sizeof(c.share));
    strcpy(c.name, "west");
    strcpy(c.addressee, "north");
    ol_writer_init(&w, text, sizeof(text));
    assert_int_equal(ol_card_seal(&w, &c, &keys->id), OL_OK);
    refuses(&north, ol_writer_span(&w), "paired already under the name south");
    /* And one that has our own name. */
    strcpy(c.name, "north");
    ol_keys_close(keys);
    assert_int_equal(ol_keys_open(fake.dir, &keys, why), 0);
    ol_writer_init(&w, text, sizeof(text));
    assert_int_equal(ol_card_seal(&w, &c, &keys->id), OL_OK);
    refuses(&north, ol_writer_span(&w), "is named north as this one is");
    ol_keys_close(keys);
    /* Keys that others can read are not used. */
    snprintf(other, sizeof(other), "%s/identity.key", fake.dir);
    assert_int_equal(chmod(other, 0644), 0);
    assert_int_equal(ol_keys_open(fake.dir, &keys, why), 1);
    assert_non_null(strstr(why, "chmod 600"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inits),     cmocka_unit_test(finds),
        cmocka_unit_test(cards),     cmocka_unit_test(mixed_up),
        cmocka_unit_test(a_line),    cmocka_unit_test(confirmed),
        cmocka_unit_test(impostors),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
