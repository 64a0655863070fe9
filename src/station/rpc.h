/*
 * One line of the control socket as a question: JSON-RPC 2.0, read strictly.
 * Pure: bytes in, a question or a reason out. Source: doc/control.md.
 */
#ifndef OL_STATION_RPC_H
#define OL_STATION_RPC_H

#include <jansson.h>
#include <stddef.h>

#include <openline/station.h>

#include "station/json_out.h"

struct ol_rpc_call {
    json_t *whole;      /* owned; id, method and params live in it */
    json_t *id;         /* NULL: none could be read */
    const char *method; /* NULL on failure */
    json_t *params;     /* an object, or NULL */
};

/* 0, or 2 with why. In both cases ol_rpc_free. */
int ol_rpc_parse(const char *line, size_t n, struct ol_rpc_call *call,
                 char why[OL_WHY_MAX]);
void ol_rpc_free(struct ol_rpc_call *call);
/* A line that is plain, as jansson would read it: a new reference. NULL: it is
 * not plain, which says nothing else. */
json_t *ol_rpc_plain(const char *line, size_t n);

/*
 * Checks params against a method's: words "name:t" with t one of s (string),
 * b (bool), u (whole number, not negative), a (array), and ! behind it when it
 * must stand, as "peer:s! all:b". 0, or 2 with why.
 */
int ol_rpc_check(const json_t *params, const char *spec,
                 char why[OL_WHY_MAX]);

/* An answer as one line without its newline: its beginning, behind which the
 * value stands and then one '}'; id NULL: null. */
void ol_rpc_begin(struct ol_out *o, const json_t *id, const char *what);
/* A whole one. */
void ol_rpc_error(struct ol_out *o, const json_t *id, int code,
                  const char *message);

#endif
