/*
 * How many of this process's descriptors others may hold.
 *
 * A stranger who connects, a peer who calls and a request that brings files
 * each take a descriptor. Were they let, they would take them all, and the
 * station could neither dial nor write a file. So they have shares of their
 * own, counted here, for all listeners and clients together; what is left is
 * the station's. station/places.c sets the shares. Counted on the loop alone.
 */
#ifndef OL_CHANNEL_PLACES_H
#define OL_CHANNEL_PLACES_H

enum ol_place {
    OL_PLACE_GUEST, /* connections that tcp listeners took */
    OL_PLACE_FILE,  /* came with a request, until they are closed */
    OL_PLACES
};

/* Without it there is no bound. What is held already stays. */
void ol_places_set(enum ol_place whose, unsigned most);
/* How many more may come; below 0: so many should go. */
int ol_places_left(enum ol_place whose);
/* One came, one is closed. Whoever takes one beyond the bound bounds that. */
void ol_places_took(enum ol_place whose);
void ol_places_gave(enum ol_place whose);

#endif
