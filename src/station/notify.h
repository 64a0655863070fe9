/*
 * Words to the service manager (sd_notify(3)), over NOTIFY_SOCKET. Without
 * one every call does nothing.
 */
#ifndef OL_STATION_NOTIFY_H
#define OL_STATION_NOTIFY_H

#include <stdint.h>

/* "READY=1", "STOPPING=1", "WATCHDOG=1" */
void ol_notify(const char *state);
/* RELOADING=1 with the time that systemd wants beside it. */
void ol_notify_reloading(void);
/* How often the watchdog wants to hear, halved to be safe; 0: not at all. */
uint64_t ol_notify_watchdog_ns(void);

#endif
