/*
 * The table of errors: the one place that says of each what it means, whose
 * fault it is and whether the same call can succeed later.
 *
 * Happy path: ol_err_info(err) gives a static entry. A value outside the enum
 * can only come from our own code, so it is an assertion.
 */
#include <openline/err.h>

#include "base/check.h"

#define PEER OL_FAULT_PEER
#define CALLER OL_FAULT_CALLER
#define ENV OL_FAULT_ENV

/* `retry` is true where the environment may change by itself: a commit ends,
 * a channel returns, somebody makes room. Bytes never become better. */
static const struct ol_err_info infos[OL_ERR_COUNT] = {
    [OL_OK] = {"ok", "it is done", OL_FAULT_NONE, false},

    [OL_ERR_SHORT] = {"short", "fewer bytes than the layout needs", PEER,
                      false},
    [OL_ERR_LONG] = {"long", "more bytes than the layout allows", PEER, false},
    [OL_ERR_MALFORMED] = {"malformed", "bytes that the layout forbids", PEER,
                          false},
    [OL_ERR_VERSION] = {"version", "a version that this program does not speak",
                        PEER, false},
    [OL_ERR_AUTH] = {"auth", "a tag or a signature does not verify", PEER,
                     false},
    [OL_ERR_REPLAY] = {"replay", "it was seen before, or is too old", PEER,
                       false},
    [OL_ERR_STALE] = {"stale", "something newer has overtaken it", PEER,
                      false},
    [OL_ERR_DENIED] = {"denied", "it is not permitted in this state", PEER,
                       false},
    [OL_ERR_STRANGER] = {"stranger",
                         "it is not from any station that is known here", PEER,
                         false},
    [OL_ERR_FOREIGN] = {"foreign",
                        "it is meant for another station, or is our own", PEER,
                        false},

    [OL_ERR_INPUT] = {"input", "a value is outside what is allowed", CALLER,
                      false},
    [OL_ERR_UTF8] = {"utf8", "a text is not UTF-8", CALLER, false},
    [OL_ERR_TOO_LONG] = {"too-long", "a text or a value is above its limit",
                         CALLER, false},
    [OL_ERR_MISSING] = {"missing", "there is no such thing", CALLER, false},
    [OL_ERR_EXISTS] = {"exists", "it is there already", CALLER, false},

    [OL_ERR_AGAIN] = {"again", "a maximum is reached for the moment", ENV,
                      true},
    [OL_ERR_DOWN] = {"down", "the channel cannot send now", ENV, true},
    [OL_ERR_UNPROVED] = {"unproved",
                         "a restored copy waits for the other side", ENV,
                         true},
    [OL_ERR_FULL] = {"full", "no room is left on the disk", ENV, true},
    [OL_ERR_IO] = {"io", "the operating system refused", ENV, true},
    [OL_ERR_CORRUPT] = {"corrupt", "what this station stored does not hold",
                        ENV, false},
    [OL_ERR_NEWER] = {"newer", "a newer program has stored this", ENV, false},
    [OL_ERR_LOCKED] = {"locked", "another process has it", ENV, true},
};

const struct ol_err_info *ol_err_info(enum ol_err err)
{
    OL_CHECK((unsigned)err < OL_ERR_COUNT);
    return &infos[err];
}
