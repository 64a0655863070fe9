/*
 * Errors: one table names each, whose fault it is and whether to retry.
 *
 * 0 is OK. A result must be used. A peer's fault (OL_FAULT_PEER) is counted
 * and dropped in silence; the environment's (OL_FAULT_ENV) is shown with what
 * to do; our own bug is not an error value but an assertion (base/check.h).
 */
#ifndef OPENLINE_ERR_H
#define OPENLINE_ERR_H

#include <stdbool.h>

enum ol_err {
    OL_OK = 0,
    /* A peer's or a stranger's fault. */
    OL_ERR_SHORT,     /* fewer bytes than the layout needs */
    OL_ERR_LONG,      /* more bytes than the layout allows */
    OL_ERR_MALFORMED, /* bytes that the layout forbids */
    OL_ERR_VERSION,   /* a version that this program does not speak */
    OL_ERR_AUTH,      /* a tag or a signature does not verify */
    OL_ERR_REPLAY,    /* authentic, and seen before or too old */
    OL_ERR_STALE,     /* authentic, and overtaken by something newer */
    OL_ERR_DENIED,    /* authentic, and not permitted in this state */
    OL_ERR_STRANGER,  /* not from any station this one knows */
    OL_ERR_FOREIGN,   /* meant for another station, or from ourselves */
    /* The caller's fault: bad input from a person or a script. */
    OL_ERR_INPUT,    /* a value outside what is allowed */
    OL_ERR_UTF8,     /* text that is not UTF-8 */
    OL_ERR_TOO_LONG, /* text or value above its limit */
    OL_ERR_MISSING,  /* no such station, line, message, channel, file */
    OL_ERR_EXISTS,   /* it is there already */
    /* The environment's fault. */
    OL_ERR_AGAIN,   /* a named maximum is reached; try after a commit */
    OL_ERR_DOWN,    /* the channel cannot send now */
    OL_ERR_UNPROVED, /* a restored copy waits for the other side */
    OL_ERR_FULL,    /* no room left on the disk */
    OL_ERR_IO,      /* the operating system refused; errno tells */
    OL_ERR_CORRUPT, /* our own stored bytes do not hold */
    OL_ERR_NEWER,   /* our own stored bytes are of a newer program */
    OL_ERR_LOCKED,  /* another process has it */
    OL_ERR_COUNT
};

enum ol_fault { OL_FAULT_NONE, OL_FAULT_PEER, OL_FAULT_CALLER, OL_FAULT_ENV };

struct ol_err_info {
    const char *name; /* stable, lower case: "auth" */
    const char *text; /* a sentence part: "a signature does not verify" */
    enum ol_fault fault;
    bool retry; /* the same call can succeed later, unchanged */
};

#define OL_MUST_USE __attribute__((warn_unused_result))

/* What is known of an error; never NULL. Static storage. */
const struct ol_err_info *ol_err_info(enum ol_err err);

#endif
