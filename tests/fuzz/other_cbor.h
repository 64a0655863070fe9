/*
 * The other CBOR: Debian's libcbor as the judge of ours.
 *
 * Its trees are read by cbor_load. That allocates by what a head claims, so a
 * walk with its own streaming decoder, which allocates nothing, comes first:
 * an array or a map that claims more elements than bytes are left is refused
 * there, as cbor_load would after having taken the memory for them.
 */
#ifndef OL_FUZZ_OTHER_CBOR_H
#define OL_FUZZ_OTHER_CBOR_H

#include <cbor.h>

#include <openline/span.h>

#define OTHER_DEPTH 8u /* of containers: nothing of ours is deeper */

/* The tree of exactly these bytes, or NULL: libcbor refuses them. Freed with
 * cbor_decref. */
cbor_item_t *other_load(struct ol_span in);

/* Why these bytes, which libcbor accepts as this tree, are not in the subset
 * of doc/protocol.md 6.1; NULL: they are. Static storage. */
const char *other_reason(const cbor_item_t *tree, struct ol_span in);

/* Of a tree in the subset: its one encoding, by libcbor's encoders, in room
 * for n bytes; 0: it does not fit. */
size_t other_encode(const cbor_item_t *tree, uint8_t *out, size_t n);

/* A value within these bounds. */
bool other_uint(const cbor_item_t *it, uint64_t least, uint64_t most);
/* Text and bytes by their length; text of 0 is in no bounds but 0. */
bool other_text(const cbor_item_t *it, size_t least, size_t most);
bool other_bool(const cbor_item_t *it);
bool other_bytes(const cbor_item_t *it, size_t least, size_t most);
struct ol_span other_span(const cbor_item_t *it);

#endif
