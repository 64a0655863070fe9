/*
 * What the files that encode chunks share: chunk.c, ack.c and held.c.
 *
 * Both hold a body against its line of the table of chunks.
 */
#ifndef OL_WIRE_BODY_H
#define OL_WIRE_BODY_H

#include <openline/err.h>
#include <openline/span.h>

/* Sets a reader on a body of this type. Errors: OL_ERR_SHORT, OL_ERR_LONG. */
OL_MUST_USE enum ol_err ol_body_read(struct ol_reader *r, uint8_t type,
                                     struct ol_span body);
/* Writes the head of a chunk if the whole of it fits; false, and nothing
 * written, if not. A length outside the table is our own bug: OL_CHECK. */
OL_MUST_USE bool ol_body_write(struct ol_writer *w, uint8_t type, size_t body);

#endif
