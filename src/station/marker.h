/*
 * The restore marker: is this directory the station's own, or a copy that was
 * put back.
 *
 * A random value lies in the directory and in a file outside of it, and is
 * made anew at each start, each hour, and at each orderly end; so a copy of
 * the directory holds an old one. doc/decisions/14-restore-marker.md says
 * where the other file lies and what the two cannot tell.
 */
#ifndef OL_STATION_MARKER_H
#define OL_STATION_MARKER_H

#include <openline/station.h>

#include "station/file.h"

#define OL_MARKER_HEX 33u /* 16 bytes as digits, NUL */
#define OL_MARKER_RENEW_NS (3600 * UINT64_C(1000000000))

struct ol_marker {
    char dir[OL_PATH_MAX];
    char place[OL_PATH_MAX];      /* the file outside; "": there is none */
    char key[OL_MARKER_HEX];      /* what it is called: of the identity */
    char value[OL_MARKER_HEX];    /* as it is on both sides */
    char restored[OL_MARKER_HEX]; /* names the last restore; "": none yet */
    bool found;                   /* this start has found a restored copy */
    bool unguarded; /* the next copy may not be noticed: why says so */
    char why[512];  /* in words, when either of the two holds */
};

/* For a new station of this Ed25519 key. 1 with why when DIR cannot be
 * written; without a place outside it is made all the same, and why (else
 * empty) says so. */
int ol_marker_make(const char *dir, const uint8_t ed_pk[32],
                   char why[OL_WHY_MAX]);
/* At a start, under the directory's lock: compares, and renews. */
void ol_marker_boot(struct ol_marker *m, const char *dir,
                    const uint8_t ed_pk[32]);
/* A new value; `stopped`: nothing writes in the directory until the next
 * start. OL_ERR_FOREIGN: another copy of this directory has started, or this
 * one was overwritten; nothing is changed then. OL_ERR_IO. Touches nothing
 * but m and the two files. */
OL_MUST_USE enum ol_err ol_marker_renew(struct ol_marker *m, bool stopped);
/* What a start would find, without changing anything. */
void ol_marker_look(struct ol_marker *m, const char *dir,
                    const uint8_t ed_pk[32]);

#endif
