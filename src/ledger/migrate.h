/* An older ledger: kept beside itself, then carried forward. */
#ifndef OL_LEDGER_MIGRATE_H
#define OL_LEDGER_MIGRATE_H

#include "ledger/sql.h"

/* With the ledger's lock held: the file has schema `from`, which is older
 * than this program's. OL_ERR_CORRUPT: it is damaged; OL_ERR_FULL, OL_ERR_IO:
 * the disk refused. After any error the file is as it was. Sets why. */
OL_MUST_USE enum ol_err ol_migrate(struct ol_sql *writer, int64_t from);

#endif
