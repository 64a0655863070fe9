/*
 * Questions to the ledger: records by place, number, id or name, and how far
 * a message came.
 */
#ifndef OL_STATION_QUERY_H
#define OL_STATION_QUERY_H

#include "station/station.h"

/* One record, copied out of the ledger and decoded. Large: not on a stack
 * that is deep. */
struct ol_entry {
    struct ol_station_line *line;
    struct ol_row row; /* row.bytes points into bytes */
    struct ol_record rec;
    bool decoded; /* a newer version's record may not be */
    bool fresh;   /* own, on disk just now: nothing has become of it yet */
    bool waiting; /* own, without index and number yet: row has neither */
    uint8_t bytes[OL_RECORD_MAX];
};

/* OL_ERR_MISSING when there is none. */
OL_MUST_USE enum ol_err ol_query_at(struct ol_station_line *line,
                                    enum ol_author author, unsigned prec,
                                    uint32_t index, struct ol_entry *out);
/* How long a log is at least: as all that is done made it, without asking the
 * file. false: not known. */
bool ol_query_reached(struct ol_station_line *line, enum ol_author author,
                      unsigned prec, uint32_t *size);
/* The first record at or behind index. */
OL_MUST_USE enum ol_err ol_query_from(struct ol_station_line *line,
                                      enum ol_author author, unsigned prec,
                                      uint32_t index, struct ol_entry *out);
OL_MUST_USE enum ol_err ol_query_number(struct ol_station_line *line,
                                        enum ol_author author,
                                        uint64_t number,
                                        struct ol_entry *out);
OL_MUST_USE enum ol_err ol_query_id(struct ol_station *st,
                                    const uint8_t id[OL_ID_SIZE],
                                    struct ol_entry *out);
/* The first own record that waits behind row n; *n becomes its row. */
OL_MUST_USE enum ol_err ol_query_waiting(struct ol_station_line *line,
                                         uint64_t *n, struct ol_entry *out);

/* A message by what a person calls it. who: whose messages can be meant, for
 * short names. An exit status. */
enum ol_whose { OL_WHOSE_ANY, OL_WHOSE_PEERS };
int ol_query_name(struct ol_station *st, const char *name,
                  enum ol_whose whose, struct ol_entry *out,
                  char why[OL_WHY_MAX]);

/* Is it something that a person reads and answers for: not a receipt, not a
 * kind that this version does not know. */
bool ol_query_readable(const struct ol_entry *e);

#endif
