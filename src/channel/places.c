/*
 * The shares of descriptors: two numbers each. See places.h.
 *
 * They are of the process, as its descriptors are: so they are static.
 */
#include "channel/places.h"

#include <limits.h>

#include "base/check.h"

static struct share {
    int most, taken;
} shares[OL_PLACES] = {{INT_MAX, 0}, {INT_MAX, 0}};

void ol_places_set(enum ol_place whose, unsigned most)
{
    shares[whose].most = most < INT_MAX ? (int)most : INT_MAX;
}

int ol_places_left(enum ol_place whose)
{
    return shares[whose].most - shares[whose].taken;
}

void ol_places_took(enum ol_place whose)
{
    OL_CHECK(shares[whose].taken < INT_MAX);
    shares[whose].taken++;
}

void ol_places_gave(enum ol_place whose)
{
    OL_CHECK(shares[whose].taken > 0);
    shares[whose].taken--;
}
