/* The ledger's tables: made when the file is empty, else their version. */
#ifndef OL_LEDGER_SCHEMA_H
#define OL_LEDGER_SCHEMA_H

#include "ledger/sql.h"

#define OL_SCHEMA_APPLICATION 0x4f4c4c31 /* "OLL1" */
#define OL_SCHEMA_VERSION 1

/* OL_ERR_NEWER: made by a newer program; OL_ERR_CORRUPT: not a ledger. Sets
 * why. */
OL_MUST_USE enum ol_err ol_schema_ready(struct ol_sql *writer);

#endif
