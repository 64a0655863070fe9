/* The ledger's tables: made when the file is empty, carried forward when it
 * is older, refused when it is newer. */
#ifndef OL_LEDGER_SCHEMA_H
#define OL_LEDGER_SCHEMA_H

#include "ledger/sql.h"

#define OL_SCHEMA_APPLICATION 0x4f4c4c31 /* "OLL1" */
#define OL_SCHEMA_VERSION 4

/* The file's version; 0: it is empty. OL_ERR_NEWER: made by a newer program;
 * OL_ERR_CORRUPT: not a ledger. Sets why. */
OL_MUST_USE enum ol_err ol_schema_version(struct ol_sql *sql,
                                          int64_t *version);

/* Makes the tables or carries them forward. Also OL_ERR_CORRUPT: it is
 * damaged; OL_ERR_FULL: no room to carry it forward. Sets why. */
OL_MUST_USE enum ol_err ol_schema_ready(struct ol_sql *writer);

/* Runs the steps above `from` in one transaction (0: an empty file): after a
 * failure, or a crash, the file is as it was. Sets why. */
OL_MUST_USE enum ol_err ol_schema_build(struct ol_sql *writer, int64_t from);

#endif
