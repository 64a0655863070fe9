/*
 * A document written straight into its bytes, member by member.
 *
 * What is said often (answers with messages, events, lists of either) is
 * written so; what is put together by and by is a tree of jansson's and goes
 * out by ol_out_tree. The bytes are those of json_dumps(JSON_COMPACT), which
 * json_out_test.c holds both to. No call is checked: what cannot be written
 * (no memory, a text that is not UTF-8) spoils the whole, and failed says so.
 *
 * key: the member's name, plain ASCII; NULL: an item of an array, or the
 * whole. Commas come by themselves.
 */
#ifndef OL_STATION_JSON_OUT_H
#define OL_STATION_JSON_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openline/span.h>

struct ol_out {
    char *p; /* n bytes, no NUL behind them */
    size_t n, cap;
    unsigned digits; /* of a real number; 0: as many as it has */
    bool failed;
};

/* Starts with all zero; ends with this, and is then as at the start. */
void ol_out_free(struct ol_out *o);

/* '{' or '[', and '}' or ']'. */
void ol_out_open(struct ol_out *o, const char *key, char bracket);
void ol_out_close(struct ol_out *o, char bracket);

/* A member's name, whose value is written next. */
void ol_out_key(struct ol_out *o, const char *key);
void ol_out_null(struct ol_out *o, const char *key);
void ol_out_bool(struct ol_out *o, const char *key, bool v);
void ol_out_int(struct ol_out *o, const char *key, int64_t v);
/* A string; of NULL: null. */
void ol_out_word(struct ol_out *o, const char *key, const char *v);
/* A string, also an empty one. */
void ol_out_string(struct ol_out *o, const char *key, struct ol_span v);
/* A string; of nothing: null. */
void ol_out_text(struct ol_out *o, const char *key, struct ol_span v);
/* Milliseconds of the wall clock, RFC 3339; 0: null. */
void ol_out_time(struct ol_out *o, const char *key, uint64_t ms);
/* Two digits a byte. */
void ol_out_hex(struct ol_out *o, const char *key, struct ol_span v);
void ol_out_tree(struct ol_out *o, const char *key, const json_t *v);
/* How many of the first bytes stand in a string as they are: no quote, no
 * backslash, nothing below a space. *ascii: nor is one above ASCII, so they
 * are UTF-8. */
size_t ol_out_plain(const uint8_t *p, size_t n, bool *ascii);
/* The other way: the whole as a tree, for who adds to it or looks into it; a
 * new reference, or NULL. o is freed. */
json_t *ol_out_read(struct ol_out *o);
/* Bytes that are JSON already, as they are. */
void ol_out_raw(struct ol_out *o, const char *text, size_t n);

#endif
