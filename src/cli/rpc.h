/*
 * The client of the control socket: JSON-RPC 2.0, one object a line.
 *
 * A connection asks one thing after the other, or, after `subscribe`, is read
 * as a stream. See doc/control.md.
 */
#ifndef OL_CLI_RPC_H
#define OL_CLI_RPC_H

#include <jansson.h>

#include <stddef.h>

#include <openline/station.h>

#define OL_RPC_BYTES_MAX (512u * 1024 * 1024) /* of one answer */
#define OL_RPC_FOR_EVER (-1)
#define OL_RPC_FDS 8u

/* The params of a notification that came before the answer. */
typedef void (*ol_rpc_notice)(void *arg, const char *method,
                              const json_t *params);

struct ol_rpc {
    const char *dir; /* borrowed, for messages */
    int fd;          /* -1: not open */
    int timeout_ms;  /* of each answer; OL_RPC_FOR_EVER */
    unsigned id;
    ol_rpc_notice notice; /* of ol_rpc_call; NULL: passed over */
    void *notice_arg;
    const int *fds; /* n_fds descriptors that go with the next question */
    unsigned n_fds; /* at most OL_RPC_FDS */
    char *buf; /* used bytes were given out; then up to n are at hand */
    size_t n, used, cap;
};

/* What came: the parsed value, and its text as it stood in the answer. */
struct ol_doc {
    json_t *value;
    char *raw;
    size_t raw_n;
};

/* OL_EXIT_DOWN when nobody listens in dir; every failure is told in why. */
int ol_rpc_open(struct ol_rpc *rpc, const char *dir, char why[OL_WHY_MAX]);
void ol_rpc_close(struct ol_rpc *rpc);

/* One question and its answer. params: taken over, may be NULL. out is filled
 * only when 0 is returned, then ol_doc_free it. An error of the station comes
 * back as its exit status, in its words. */
int ol_rpc_call(struct ol_rpc *rpc, const char *method, json_t *params,
                struct ol_doc *out, char why[OL_WHY_MAX]);
/* The params of the next notification. OL_EXIT_VAIN: none within timeout_ms;
 * OL_EXIT_DOWN: the station has ended. */
int ol_rpc_next(struct ol_rpc *rpc, int timeout_ms, struct ol_doc *out,
                char why[OL_WHY_MAX]);

void ol_doc_free(struct ol_doc *doc);

/* The value of a member in a JSON object's text, as it stands there; NULL: no
 * such member. For text that a JSON parser has accepted. */
const char *ol_rpc_member(const char *text, size_t n, const char *name,
                          size_t *len);

#endif
