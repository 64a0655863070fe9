/* Writing attachments: what write.c and write_file.c share. */
#ifndef OL_LEDGER_WRITE_H
#define OL_LEDGER_WRITE_H

#include "ledger/sqlite.h"

/* Statements of write_file.c, the first of the writer's. */
enum {
    OL_WRITE_FILE,
    OL_WRITE_FILE_GONE,
    OL_WRITE_FILE_ROW,
    OL_WRITE_PIECE,
    OL_WRITE_DROP,
    OL_WRITE_HAVE,
    OL_WRITE_FILE_TEXTS
};

/* A size and a precedence are settled once a piece is there. */
#define OL_WRITE_FILE_SQL                                                      \
    [OL_WRITE_FILE] =                                                          \
        "INSERT INTO file(line, author, hash, size, prec, state, have, at)"    \
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, 0, ?7)"                               \
        " ON CONFLICT(line, author, hash) DO UPDATE SET"                       \
        " state=excluded.state, at=excluded.at,"                               \
        " size=CASE have WHEN 0 THEN excluded.size ELSE size END,"             \
        " prec=CASE have WHEN 0 THEN excluded.prec ELSE prec END",             \
    [OL_WRITE_FILE_GONE] = "DELETE FROM file WHERE line=?1 AND author=?2"      \
                           " AND hash=?3 AND have=0",                          \
    [OL_WRITE_FILE_ROW] = "SELECT n FROM file"                                 \
                          " WHERE line=?1 AND author=?2 AND hash=?3",          \
    [OL_WRITE_PIECE] = "INSERT INTO piece(file, idx, sealed)"                  \
                       " VALUES(?1, ?2, ?3) ON CONFLICT(file, idx)"            \
                       " DO NOTHING",                                          \
    [OL_WRITE_DROP] = "DELETE FROM piece"                                      \
                      " WHERE file=?1 AND idx>=?2 AND idx<?3",                 \
    [OL_WRITE_HAVE] = "UPDATE file SET have=have+?2 WHERE n=?1"

/* Runs what was bound, to its end, and gives it back. */
OL_MUST_USE enum ol_err ol_write_run(struct ol_sqlite *l, unsigned id,
                                     sqlite3_stmt *s);

/* PUT FILE, PUT PIECE, PUT DROP. */
OL_MUST_USE enum ol_err ol_write_file(struct ol_sqlite *l,
                                      const struct ol_batch *b,
                                      const struct ol_put *put);
OL_MUST_USE enum ol_err ol_write_piece(struct ol_sqlite *l,
                                       const struct ol_batch *b,
                                       const struct ol_put *put);
OL_MUST_USE enum ol_err ol_write_drop(struct ol_sqlite *l,
                                      const struct ol_batch *b,
                                      const struct ol_put *put);

#endif
