/* The reader's statements, and what read.c, recall.c and read_file.c share. */
#ifndef OL_LEDGER_READ_H
#define OL_LEDGER_READ_H

#include "ledger/sqlite.h"

enum {
    READ_LINES,
    READ_LOG,
    READ_BY_NUMBER,
    READ_BY_ID,
    READ_HEADS,
    READ_HEAD,
    READ_BEYOND,
    READ_NUMBER,
    READ_UPTO,
    READ_ACKED,
    READ_STATE,
    READ_PARTS,
    READ_MARKS,
    READ_FACTS,
    READ_FACTS_BACK,
    READ_KIND,
    READ_ATTEMPTS,
    READ_CHECKPOINT,
    READ_EVENTS,
    READ_SEQ,
    READ_WAITING,
    READ_SIGNED,
    READ_META,
    READ_FILE,
    READ_FILES,
    READ_PIECES,
    READ_PIECE,
    READ_TEXTS
};

/* The ledger, or NULL for a line number that was never given. */
struct ol_sqlite *ol_read_start(struct ol_ledger *base, uint32_t line);
/* Hands an error's words on to the owner; gives the error back. */
OL_MUST_USE enum ol_err ol_read_failed(struct ol_sqlite *l, enum ol_err err);

#endif
