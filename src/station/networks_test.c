/*
 * When a sleep is one, and which messages of the kernel speak of a change.
 */
#include "station/networks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "base/units.h"

#define S OL_NS_PER_S

static void test_slept(void **state)
{
    uint64_t asleep = 0;

    (void)state;
    /* The first look only learns; a machine may have slept before. */
    assert_false(ol_networks_slept(&asleep, 500 * S, 100 * S));
    assert_false(ol_networks_slept(&asleep, 510 * S, 110 * S));
    /* The two clocks are not read at one moment. */
    assert_false(ol_networks_slept(&asleep, 520 * S, 120 * S - S / 2));
    assert_false(ol_networks_slept(&asleep, 520 * S + S / 2, 120 * S + S / 2));
    assert_true(ol_networks_slept(&asleep, 620 * S, 122 * S));
    assert_false(ol_networks_slept(&asleep, 621 * S, 123 * S));
    assert_true(ol_networks_slept(&asleep, 623 * S, 124 * S));
    /* A clock that is ahead of the other says nothing. */
    asleep = 0;
    assert_false(ol_networks_slept(&asleep, 10 * S, 20 * S));
    assert_false(ol_networks_slept(&asleep, 11 * S, 21 * S));
    assert_true(ol_networks_slept(&asleep, 30 * S, 22 * S));
}

static void test_messages(void **state)
{
    static const struct {
        uint16_t type;
        bool speaks, route;
    } v[] = {
        {RTM_NEWADDR, true, false},  {RTM_DELADDR, true, false},
        {RTM_NEWLINK, true, false},  {RTM_DELLINK, true, false},
        {RTM_NEWROUTE, true, true},  {RTM_DELROUTE, true, true},
        {RTM_NEWNEIGH, false, false}, {RTM_NEWRULE, false, false},
        {NLMSG_ERROR, false, false}, {NLMSG_DONE, false, false},
    };

    (void)state;
    for (size_t k = 0; k < OL_LEN(v); k++) {
        struct nlmsghdr h = {.nlmsg_len = sizeof(h), .nlmsg_type = v[k].type};
        bool route;

        assert_int_equal(ol_networks_speaks(&h, &route), v[k].speaks);
        assert_int_equal(route, v[k].route);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slept),
        cmocka_unit_test(test_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
