/* Events and facts that must be noted, if not now then later. */
#ifndef OL_STATION_LATER_H
#define OL_STATION_LATER_H

#include "port/ledger.h"

struct ol_station;
struct ol_station_line;

#define OL_LATER_MAX 1024u /* that are not on disk, of all lines together */
#define OL_LATER_TEXT 255u /* bytes of a detail, or of a fact's value */

/* An event, or a fact without a key; line NULL: of the station itself. It is
 * copied, and handed to the ledger until that has it on disk, in the order of
 * these calls. When OL_LATER_MAX wait it is lost, counted and said. */
void ol_later_event(struct ol_station *st, struct ol_station_line *line,
                    const struct ol_put *put);
void ol_later_fact(struct ol_station *st, struct ol_station_line *line,
                   const struct ol_fact *fact);
/* Hands in what waits, as far as there is room. Once a turn. */
void ol_later_pump(struct ol_station *st);
/* That batch of the core's was handed in: states of the line that wait are
 * older than one that it tells, and would stand behind it as if newer. */
void ol_later_overtaken(struct ol_station_line *line,
                        const struct ol_batch *batch);
/* The line (NULL: the station) ends: nothing of it is noted any more. What was
 * not handed in by then is lost. */
void ol_later_forget(struct ol_station *st,
                     const struct ol_station_line *line);

#endif
