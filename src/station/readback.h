/*
 * Critical phrases, and whether a readback holds.
 *
 * A message marks phrases (numbers, times, coordinates) in a form of its own:
 * one a line in the form's fields. Whoever understands it reads them back, in
 * their order, each as it stands; blanks and the case of ASCII letters do not
 * count, everything else does. Both stations judge by the same two records, so
 * they come to the same answer. Pure: no I/O, no state. Source: doc/protocol.md
 * 6.3.
 */
#ifndef OL_STATION_READBACK_H
#define OL_STATION_READBACK_H

#include <openline/record.h>

#define OL_CRITICAL_FORM "openline/critical"
#define OL_CRITICAL_MAX 8u   /* phrases of a message */
#define OL_PHRASE_MAX 128u   /* bytes of one */

struct ol_phrases {
    struct ol_span v[OL_CRITICAL_MAX]; /* within the text that was split */
    unsigned n;
};

enum ol_phrase_fault {
    OL_PHRASE_GOOD,
    OL_PHRASE_EMPTY,   /* nothing but blanks */
    OL_PHRASE_LONG,
    OL_PHRASE_BROKEN,  /* holds what parts one phrase from the next */
    OL_PHRASE_FOREIGN, /* does not stand in the text */
};

/* May this phrase be marked in this text. */
enum ol_phrase_fault ol_phrase_check(struct ol_span phrase,
                                     struct ol_span text);
/* The critical phrases of a record; n 0: it marks none. A form that breaks
 * the rules marks none: what nobody can read back binds nobody. */
struct ol_phrases ol_critical(const struct ol_record *rec);

/* Does the readback say these phrases. *at: the first that differs, phrases->n
 * if there is one too many; may be NULL. */
bool ol_readback_holds(const struct ol_phrases *phrases,
                       struct ol_span readback, unsigned *at);
/* What the readback says in place of phrase `at`; empty: nothing. */
struct ol_span ol_readback_at(struct ol_span readback, unsigned at);

#endif
