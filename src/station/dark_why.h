/*
 * Why a line is dark, in words: what is known of each channel, and what that
 * says of the whole. Pure.
 *
 * Silence has two causes that look alike, a way that is cut and a station
 * that is gone; nothing here claims to tell them apart. What a kernel or a
 * bearer said is worth more than silence, and is quoted.
 */
#ifndef OL_STATION_DARK_WHY_H
#define OL_STATION_DARK_WHY_H

#include <stdbool.h>
#include <stddef.h>

#include <openline/line.h>

enum ol_dark_cause {
    OL_DARK_SILENT,      /* nothing answers: cut, or the other side is off */
    OL_DARK_REFUSED,     /* a machine of theirs answers, no station there */
    OL_DARK_ONE_WAY,     /* frames pass in one direction */
    OL_DARK_OUR_NETWORK, /* this machine has no way out on any channel */
    OL_DARK_NO_NAME,     /* no name of theirs can be resolved */
    OL_DARK_DISABLED,    /* every channel, by this side's officer */
    OL_DARK_NO_CHANNEL,  /* none but couriers is configured */
    OL_DARK_NOT_RUNNING, /* this station did not run when it began */
    OL_DARK_CAUSES
};

#define OL_DARK_WHY 104u /* bytes of one channel's words, with the NUL */

struct ol_dark_channel {
    const char *name;
    enum ol_chan_kind kind;
    enum ol_chan_state state;
    bool dials;
    bool failed;           /* the transport did, since it last worked */
    int sys;               /* and its errno, or a resolver's; 0: none */
    const char *transport; /* its own words; may be NULL */
    uint64_t heard_ms, answered_ms; /* Unix; 0: never since the start */
    /* So lately that a cut of both directions does not explain it: at the
     * detection the last frame before a cut may be younger than the last
     * answer, by as much as the probe interval. */
    bool heard_lately;
};

const char *ol_dark_cause_name(enum ol_dark_cause c); /* "our-network" */
/* One sentence without a full stop. */
const char *ol_dark_cause_words(enum ol_dark_cause c);
/* The cause of that name; SILENT if there is none. */
enum ol_dark_cause ol_dark_cause_of(const char *name);
/* From all channels of a line that is dark. Never NOT_RUNNING. */
enum ol_dark_cause ol_dark_cause(const struct ol_dark_channel *v, unsigned n);
/* "no answer since 2026-11-23T10:00:00.000Z" */
void ol_dark_why(const struct ol_dark_channel *c, char out[OL_DARK_WHY]);

#endif
