/*
 * Marks: what a record says of a message (protocol.md 6.2).
 *
 * The first reference that its kind allows takes effect, and no other: a
 * receipt tells of the other side's message, a cancel of one's own. A mark
 * names the record that says so, so that whoever reads it can see the words.
 */
#ifndef OL_CORE_MARKS_H
#define OL_CORE_MARKS_H

#include "core/line_int.h"

struct ol_mark {
    uint8_t rel;     /* enum ol_rel; 0: it says nothing of any message */
    uint64_t number; /* of the message */
};

/* rec: decoded, or about to be encoded, with its own number. */
struct ol_mark ol_mark_of(const struct ol_record *rec);
/* The author of the message, for a record by that author. */
enum ol_author ol_mark_whose(uint8_t rel, enum ol_author by);
/* One PUT into the batch: the caller has room for it. */
void ol_mark_put(struct ol_line *l, enum ol_author by, unsigned prec,
                 uint32_t index, struct ol_mark mark);
/* What watchers are told of a peer's record; OL_WHATS: nothing but that it
 * arrived. rel: as in its mark. */
enum ol_what ol_mark_what(uint8_t kind, uint8_t rel);

#endif
