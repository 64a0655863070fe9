/*
 * The short form of a record, for slow channels: what does not compress in
 * front, what does behind. Source: doc/protocol.md 5.7.
 *
 *   head   what 1 | number (CBOR, 1 to 9) | id 16 | kind 1 | written-at 6 |
 *          language | [length of others 2]
 *   what   bits 0-1 marking, 2 a language of two letters, 4-7 others
 *   language  with bit 2 its two letters; else length 1 | letters
 *   body   others | text
 *
 * others: the entries of the map that are not in the head, in their order,
 * without the text; bits 4-7 say how many. Version, precedence and index are
 * not said: the segment has them.
 */
#ifndef OL_WIRE_SHORT_H
#define OL_WIRE_SHORT_H

#include <openline/err.h>
#include <openline/record.h>

#define OL_SHORT_HEAD_MAX (1u + 9 + OL_ID_SIZE + 1 + 6 + 1 + OL_LANG_MAX + 2)

/* Of a record's canonical bytes, which decode. body: at most OL_RECORD_MAX
 * bytes, maybe none; false: it has no short form. */
bool ol_short_split(struct ol_writer *head, struct ol_writer *body,
                    struct ol_span canonical);

/* The head of a short form, which is taken from r; what it means is known when
 * the body is there. Errors: OL_ERR_SHORT, OL_ERR_MALFORMED. */
struct ol_short {
    struct ol_record rec; /* borrows from what was read */
    uint8_t others;
    uint16_t others_n;
};
OL_MUST_USE enum ol_err ol_short_head(struct ol_reader *r, struct ol_short *s);
/* Its canonical bytes. Errors: as of ol_record_decode. */
OL_MUST_USE enum ol_err ol_short_join(struct ol_writer *canonical,
                                      const struct ol_short *s,
                                      struct ol_span body);

#endif
