/*
 * doctor: what is wrong and what to do.
 *
 * Findings about the directory (keys, configuration, cards, disk, clock) are
 * made with or without a running station; those about the network only by
 * the one that runs.
 */
#ifndef OL_STATION_DOCTOR_H
#define OL_STATION_DOCTOR_H

#include <jansson.h>

#include "station/station.h"

enum ol_severity { OL_FINDING_OK, OL_FINDING_NOTE, OL_FINDING_FAULT };

struct ol_findings {
    json_t *list;
    const char *only; /* this peer, or NULL */
    bool fault;
};

/* One finding: "WHAT" and "DO" in one text, separated by "|". peer and channel
 * may be NULL. */
void ol_finding(struct ol_findings *f, const char *peer, const char *channel,
                enum ol_severity severity, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* The same from words as everything else says them: "what happened: what to
 * do". */
void ol_finding_why(struct ol_findings *f, const char *peer, const char *why);

/* What a bearer that does not get through says: "what happened: what to do".
 */
void ol_finding_bearer(struct ol_findings *f, const char *peer,
                       const char *channel, const struct ol_bearer_status *b);
/* Does it say what went wrong and what to do, and not what it is doing. */
bool ol_bearer_complains(const struct ol_bearer_status *b);

/* Directory, disk, clock, lines' cards; st: the station that runs, or NULL,
 * and then its keys are opened; close them. False: the station cannot even be
 * read, nothing further makes sense. */
bool ol_doctor_directory(struct ol_findings *f, const char *dir,
                         const struct ol_station *st, struct ol_keys **opened);
/* doctor_clock.c: our clock, against the newest thing in the ledger (Unix time,
 * 0: nothing); the other side's, against ours. */
void ol_doctor_clock(struct ol_findings *f, uint64_t newest_ms);
uint64_t ol_doctor_newest(struct ol_ledger *lg);
void ol_doctor_clocks(struct ol_findings *f, struct ol_station_line *line);
/* doctor_disk.c: the disk; every file's owner and mode. */
void ol_doctor_disk(struct ol_findings *f, const char *dir,
                    const struct ol_station *st);
void ol_doctor_files(struct ol_findings *f, const char *dir);
/* What the restore marker says; copied: another copy has been started. */
void ol_doctor_marker(struct ol_findings *f, const struct ol_marker *m,
                      bool copied);
/* Ports and channels, tried without a station; takes some seconds. */
void ol_doctor_away(struct ol_findings *f, const char *dir);
/* What only the running station knows. */
void ol_doctor_live(struct ol_findings *f, struct ol_station *st);

#endif
