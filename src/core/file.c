/* The names of an attachment's states, as people read them. */
#include <openline/file.h>

#include "base/units.h"

const char *ol_file_state_name(enum ol_file_state state)
{
    static const char *const name[] = {
        "wanted",   "whole",  "whole",   "damaged", "declined",
        "declined", "taking", "sending", "held",    "gone"};

    return (unsigned)state < OL_LEN(name) ? name[state] : "unknown";
}
