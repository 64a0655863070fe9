/* Refuses to open a courier until there is one. */
#include "channel/bearer.h"
enum ol_err ol_courier_open(struct ol_bearer **out, const struct ol_opening *o)
{
    (void)out;
    ol_why(o->why, "the courier is not built in");
    return OL_ERR_INPUT;
}
