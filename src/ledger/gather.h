/* The write-ahead log, written in few calls (gather.c). */
#ifndef OL_LEDGER_GATHER_H
#define OL_LEDGER_GATHER_H

/*
 * The name of a file system for sqlite3_open_v2, registered when it is asked
 * for the first time: the default one, whose logs are gathered. For the
 * connection that writes, with synchronous=FULL; from one thread at a time.
 * NULL: it could not be made.
 */
const char *ol_gather(void);

#endif
