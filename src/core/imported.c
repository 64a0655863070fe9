/*
 * When a bundle is done with: all that it brought is on disk.
 *
 * Happy path: a bundle opens, the step puts what it brought, and what the
 * peer's HELD in it says of our own records; when nothing waits any more, the
 * last batch given by then is noted, and once that is committed NOTE_IMPORTED
 * says so, for each place where bundles came in. Looked at behind everything
 * else that puts, so a step that ran out of room or of batches decides nothing.
 * How it fails: a ledger that cannot read back what it has keeps the note
 * waiting; a line that is made anew forgets it, and the bundle comes again.
 */
#include "core/restore.h"

_Static_assert(OL_CHANNELS_MAX < 32, "a bit for each, and one for files");

static unsigned bit_of(uint16_t channel)
{
    return OL_MIN(channel, OL_CHANNELS_MAX);
}

void ol_imported_due(struct ol_line *l, uint16_t channel)
{
    l->import_due |= UINT32_C(1) << bit_of(channel);
    l->import_batch = 0;
}

/* Is there something that only a later step can put. */
static bool waits(struct ol_line *l)
{
    return l->fx->more || !ol_fx_can_put(l) || ol_recv_waits(l) ||
           ol_pull_waits(l) || ol_send_waits(l) || ol_take_waits(l);
}

void ol_imported_pump(struct ol_line *l)
{
    if (l->import_due == 0)
        return;
    if (l->import_batch == 0) {
        if (waits(l))
            return;
        l->import_batch = l->given;
    }
    if (l->import_batch > l->committed)
        return;
    for (uint16_t c = 0; c <= OL_CHANNELS_MAX; c++) {
        if (!(l->import_due & UINT32_C(1) << c))
            continue;
        /* It is waited for: it is not left out for want of room. */
        if (!ol_fx_room(l, 1, 0))
            return;
        l->import_due &= ~(UINT32_C(1) << c);
        ol_fx_note(l, OL_NOTE_IMPORTED,
                   c == OL_CHANNELS_MAX ? OL_CHANNEL_FILE : c, 0, 0);
    }
}
