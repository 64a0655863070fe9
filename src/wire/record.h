/*
 * A record's one encoding: deterministic CBOR, a map with unsigned keys.
 *
 *   0 version  1 precedence  2 index  3 number  4 id  5 kind  6 written-at
 *   7 language  8 marking  9 originator  10 to  11 addressees  12 subject
 *   13 text  14 form id  15 form hash  16 form fields
 *   17 refs [[rel, own, number]*]  18 deadline
 *   19 attachments [[hash, size, name, type]*]  20 releases [[by, sig]*]
 *
 * 0 to 6 and 8 always stand; the others only when not empty or zero, so that
 * each record has one encoding. Source: doc/protocol.md 6.
 */
#ifndef OL_WIRE_RECORD_H
#define OL_WIRE_RECORD_H

#include <openline/err.h>
#include <openline/record.h>

/* Every bound is checked. Errors: OL_ERR_MALFORMED, OL_ERR_LONG (above
 * OL_RECORD_MAX), OL_ERR_VERSION. The record borrows from `bytes`. */
OL_MUST_USE enum ol_err ol_record_decode(struct ol_span bytes,
                                         struct ol_record *rec);

/*
 * Checks the same bounds and writes. Errors: OL_ERR_INPUT, OL_ERR_UTF8,
 * OL_ERR_TOO_LONG (a field above its limit, or the whole above what the
 * writer holds or OL_RECORD_MAX); the writer is then as it was.
 */
OL_MUST_USE enum ol_err ol_record_encode(struct ol_writer *w,
                                         const struct ol_record *rec);

/* The id of a record that was decoded before it was kept, without decoding it
 * again; false when the bytes do not begin as a record does. */
bool ol_record_id(struct ol_span bytes, uint8_t id[OL_ID_SIZE]);

/* May an attachment be called so. */
bool ol_record_file_name_ok(struct ol_span name);

/* The canonical body: what is released before numbers exist. As encode,
 * without keys 2, 3 and 20. */
OL_MUST_USE enum ol_err ol_record_encode_body(struct ol_writer *w,
                                              const struct ol_record *rec);

#endif
