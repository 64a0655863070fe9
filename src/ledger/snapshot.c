/*
 * A snapshot for the core: arrays that grow, and one place that frees them.
 *
 * Happy path: begin, one head per log, the state, what lies beyond gaps and
 * the parts, each in the order of the logs. How it fails: no memory, as
 * OL_ERR_IO; the caller then ends the snapshot.
 */
#include "ledger/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "crypto/crypto.h"
#include "ledger/batch.h"

#define FRONTIERS ((size_t)2 * OL_PRECS * OL_LEDGER_FRONTIER_MAX)

enum ol_err ol_snapshot_begin(struct ol_snapshot *snap)
{
    const uint8_t *block = malloc(FRONTIERS);

    memset(snap, 0, sizeof(*snap));
    if (!block)
        return OL_ERR_IO;
    for (unsigned k = 0; k < 2 * OL_PRECS; k++)
        snap->log[k / OL_PRECS][k % OL_PRECS].frontier =
            OL_SPAN(block + (size_t)k * OL_LEDGER_FRONTIER_MAX, 0);
    return OL_OK;
}

void ol_snapshot_head(struct ol_snapshot *snap, uint8_t author, uint8_t prec,
                      uint32_t size, struct ol_span frontier)
{
    struct ol_log_head *head = &snap->log[author][prec];

    OL_CHECK(frontier.n <= OL_LEDGER_FRONTIER_MAX);
    head->size = size;
    head->frontier.n = frontier.n;
    if (frontier.n > 0)
        memcpy((void *)head->frontier.p, frontier.p, frontier.n);
}

/* Room for one more behind n: arrays are full at powers of two. */
static void *room(const void *v, uint32_t n, size_t size)
{
    if (n > 0 && (n & (n - 1)) != 0)
        return (void *)v;
    return realloc((void *)v, (n ? (size_t)n * 2 : 1) * size);
}

enum ol_err ol_snapshot_beyond(struct ol_snapshot *snap, uint8_t prec,
                               uint32_t index, const uint8_t leaf[32])
{
    struct ol_beyond *v = room(snap->beyond, snap->n_beyond, sizeof(*v));

    if (!v)
        return OL_ERR_IO;
    snap->beyond = v;
    v += snap->n_beyond++;
    v->prec = prec;
    v->index = index;
    memcpy(v->leaf, leaf, sizeof(v->leaf));
    return OL_OK;
}

enum ol_err ol_snapshot_part(struct ol_snapshot *snap,
                             const struct ol_part *part)
{
    struct ol_part *v = room(snap->parts, snap->n_parts, sizeof(*v));
    uint8_t *bytes;

    if (!v)
        return OL_ERR_IO;
    snap->parts = v;
    bytes = malloc(OL_MAX(part->bytes.n, 1));
    if (!bytes)
        return OL_ERR_IO;
    if (part->bytes.n > 0)
        memcpy(bytes, part->bytes.p, part->bytes.n);
    v += snap->n_parts++;
    *v = *part;
    v->bytes.p = bytes;
    return OL_OK;
}

uint8_t *ol_snapshot_state(struct ol_snapshot *snap, size_t n)
{
    uint8_t *p = malloc(OL_MAX(n, 1));

    if (p)
        snap->state = OL_SPAN(p, n);
    return p;
}

void ol_snapshot_end(struct ol_snapshot *snap)
{
    for (uint32_t k = 0; k < snap->n_parts; k++) {
        ol_wipe((void *)snap->parts[k].bytes.p, snap->parts[k].bytes.n);
        free((void *)snap->parts[k].bytes.p);
    }
    if (snap->state.p)
        ol_wipe((void *)snap->state.p, snap->state.n);
    free((void *)snap->state.p);
    free((void *)snap->parts);
    free((void *)snap->beyond);
    free((void *)snap->log[0][0].frontier.p);
    memset(snap, 0, sizeof(*snap));
}
