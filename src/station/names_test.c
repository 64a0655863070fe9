/* What people call a message, and what is almost a name. */
#include "station/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"
#include "crypto/crypto.h"

static void forms(void **state)
{
    struct ol_name n;
    char text[OL_MESSAGE_NAME];

    (void)state;
    assert_true(ol_name_parse("north:south/17", &n));
    assert_string_equal(n.author, "north");
    assert_string_equal(n.addressee, "south");
    assert_int_equal(n.number, 17);
    ol_name_put(text, n.author, n.addressee, n.number);
    assert_string_equal(text, "north:south/17");
    ol_name_put(text, "abcdefghijklmnopqrstuvwxyz-01234",
                "z1234567890123456789012345678901", UINT64_MAX);
    assert_string_equal(text, "abcdefghijklmnopqrstuvwxyz-01234:"
                              "z1234567890123456789012345678901/"
                              "18446744073709551615");
    assert_true(ol_name_parse("north/1", &n));
    assert_string_equal(n.addressee, "");
    assert_true(ol_name_parse("9", &n));
    assert_string_equal(n.author, "");
    assert_false(n.is_id);
    /* 32 digits are an id, also when all of them are decimal. */
    assert_true(ol_name_parse("00112233445566778899aabbccddeeff", &n));
    assert_true(n.is_id);
    assert_int_equal(n.id[15], 0xff);
    assert_true(ol_name_parse("12345678123456781234567812345678", &n));
    assert_true(n.is_id);
}

static void refused(void **state)
{
    static const char *const bad[] = {
        "",          "/",         "0",           "017",       "17x",
        "-1",        "north/",    "north/0",     "/17",       ":south/17",
        "north:/17", "North/1",   "a b/1",       "north/1:2", "a:b:c/1",
        "north:south/99999999999999999999999",   "north/1/2", "1north/1",
        "abcdefghijklmnopqrstuvwxyzabcdefg/1",   "a/1 ",      " a/1",
        "0011223344556677889900112233445"};
    struct ol_name n;

    (void)state;
    for (size_t k = 0; k < OL_LEN(bad); k++)
        assert_false(ol_name_parse(bad[k], &n));
}

static void ids_grow_with_time(void **state)
{
    const uint64_t ms = UINT64_C(0x01a2b3c4d5e6);
    static const uint8_t head[] = {0x01, 0xa2, 0xb3, 0xc4, 0xd5, 0xe6};
    uint8_t one[16], two[16], later[16];

    (void)state;
    assert_int_equal(ol_crypto_init(), OL_OK);
    ol_id_new(one, ms);
    ol_id_new(two, ms);
    ol_id_new(later, ms + 1);
    assert_memory_equal(one, head, sizeof(head));
    assert_memory_equal(two, head, sizeof(head));
    assert_memory_not_equal(one + 6, two + 6, 10);
    assert_true(memcmp(one, later, sizeof(one)) < 0);
}

/* Their random bytes come from a store, which is filled anew on the way. */
static void ids_differ(void **state)
{
    static uint8_t id[100][16];

    (void)state;
    assert_int_equal(ol_crypto_init(), OL_OK);
    for (size_t k = 0; k < OL_LEN(id); k++) {
        ol_id_new(id[k], 1);
        for (size_t i = 0; i < k; i++)
            assert_memory_not_equal(id[i] + 6, id[k] + 6, 8);
        assert_memory_not_equal(id[k] + 8, (uint8_t[8]){0}, 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(refused),
        cmocka_unit_test(ids_grow_with_time),
        cmocka_unit_test(ids_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
