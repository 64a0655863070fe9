/*
 * A readback that differs from the message: what differs, and who is told.
 *
 * Both stations judge the same two records: the one that gave the receipt when
 * it is on its disk, the other when it has arrived.
 */
#ifndef OL_STATION_MISREAD_H
#define OL_STATION_MISREAD_H

#include "station/query.h"

/* Does this readback of message e differ; then why says where, and an alarm
 * is raised. */
bool ol_misread(const struct ol_entry *e, struct ol_span readback,
                char why[OL_WHY_MAX]);
/* A batch that goes to the disk: it may hold such a receipt. */
void ol_misread_expect(struct ol_station *st, const struct ol_batch *batch);
/* Looks at the receipts that have arrived since it last did. */
void ol_misread_pump(struct ol_station *st);

#endif
