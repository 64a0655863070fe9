/*
 * Values of the fuzzer's: records, cards and chunks within every bound.
 *
 * For decode(encode(v)) = v, and for what a peer says to a live line. What is
 * made borrows from buffers of make.c until the next call of the same one.
 */
#ifndef OL_FUZZ_MAKE_H
#define OL_FUZZ_MAKE_H

#include "core/line_int.h"
#include "script.h"
#include "wire/card.h"
#include "wire/record.h"

#define MAKE_FILES 2u

/* What a line that is given serves: file k has a hash of bytes 0xa0 + k. */
static inline uint64_t make_file_size(unsigned k)
{
    return (k + 1) * UINT64_C(3) * OL_PIECE + 7;
}

/* Each field within its own bounds; the whole may be above OL_RECORD_MAX. */
void make_record(struct script *s, struct ol_record *rec);
void make_card(struct script *s, struct ol_card *card);

/*
 * One chunk of any type that the fuzzer picks, into w if it fits. With a line
 * its values are near what the line has and waits for, so that they reach what
 * lies behind the decoders; NULL: any.
 */
void make_chunk(struct script *s, struct ol_line *l,
                struct ol_writer *w);

#endif
