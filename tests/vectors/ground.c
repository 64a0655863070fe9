/* The ground of openline.txt; ground.h says what it is. */
#include "ground.h"

#include <string.h>

struct ol_identity north, south;
uint8_t north_share[32], south_share[32];
struct ol_shared shared;

static const char *path;

struct ol_peer_keys ground_card(const struct ol_identity *id)
{
    struct ol_peer_keys keys;

    memcpy(keys.ed_pk, id->ed_pk, 32);
    memcpy(keys.x_pk, id->x_pk, 32);
    return keys;
}

struct ol_identity *ground_station(const struct block *b)
{
    const char *name = block_text(b, "name");

    if (strcmp(name, "north") == 0)
        return &north;
    assert_string_equal(name, "south");
    return &south;
}

void ground_play(const char *kind, void (*play)(const struct block *),
                 unsigned expected)
{
    static struct block b;
    unsigned played = 0;
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    while (block_next(file, &b)) {
        if (strcmp(block_text(&b, "vector"), kind) != 0)
            continue;
        play(&b);
        played++;
    }
    fclose(file);
    assert_int_equal(played, expected);
}

static void read_station(const struct block *b)
{
    struct ol_identity *id = ground_station(b);

    block_copy(b, "ed_seed", id->ed_sk, 32);
    block_copy(b, "ed_pk", id->ed_sk + 32, 32);
    block_copy(b, "ed_pk", id->ed_pk, 32);
    block_copy(b, "x_sk", id->x_sk, 32);
    block_copy(b, "x_pk", id->x_pk, 32);
    block_copy(b, "share", id == &north ? north_share : south_share, 32);
    /* Derives the public halves again. */
    assert_int_equal(ol_identity_check(id), OL_OK);
}

static int start(void **state)
{
    struct ol_peer_keys peer;

    (void)state;
    if (ol_crypto_init() != OL_OK)
        return -1;
    ground_play("station", read_station, 2);
    peer = ground_card(&south);
    return ol_shared_make(&shared, &north, &peer, north_share, south_share);
}

int ground_main(int argc, char **argv, const char *name,
                const struct CMUnitTest *tests, size_t n)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FILE\n", argv[0]);
        return 2;
    }
    path = argv[1];
    return _cmocka_run_group_tests(name, tests, n, start, NULL);
}
