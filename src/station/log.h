/*
 * The daemon's log: lines on stderr, for a person. Never a payload, never a
 * secret; names, states and counts only.
 */
#ifndef OL_STATION_LOG_H
#define OL_STATION_LOG_H

#include <stdint.h>

/* FAULT: somebody must act. NOTE: a person may want to know. DEBUG: only with
 * OPENLINE_DEBUG in the environment. */
enum ol_level { OL_LOG_FAULT, OL_LOG_NOTE, OL_LOG_DEBUG };

void ol_log(enum ol_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* At most one in `every_ns` for what a peer or a stranger can cause at will;
 * *last_ns is the caller's memory. */
void ol_log_rarely(uint64_t *last_ns, uint64_t every_ns, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
