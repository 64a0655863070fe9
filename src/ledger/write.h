/* What write.c shares with write_record.c (records), write_file.c
 * (attachments) and aside.c (records that wait). */
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

/* Statements of aside.c, behind those. */
enum {
    OL_WRITE_WAITING = OL_WRITE_FILE_TEXTS,
    OL_WRITE_WAITING_N,
    OL_WRITE_SAID,
    OL_WRITE_ASIDE_ROWS,
    OL_WRITE_ASIDE_RECORD,
    OL_WRITE_ASIDE_ACK,
    OL_WRITE_ASIDE_SENT,
    OL_WRITE_ASIDE_HI,
    OL_WRITE_ASIDE_CHECKPOINT,
    OL_WRITE_ASIDE_MARK,
    OL_WRITE_ASIDE_HEAD,
    OL_WRITE_PROVED,
    OL_WRITE_ASIDE_TEXTS
};

#define OL_WRITE_ASIDE_FROM " WHERE line=?1 AND author=0 AND prec=?2 "
#define OL_WRITE_ASIDE_SQL                                                     \
    [OL_WRITE_WAITING] =                                                       \
        "INSERT INTO waiting(line, n, id, at, proof, sealed)"                  \
        " SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS"                      \
        " (SELECT 1 FROM record WHERE id=?3"                                   \
        "  AND +line=?1 AND +author=0)"                                        \
        " ON CONFLICT(line, id) DO NOTHING",                                   \
    [OL_WRITE_WAITING_N] = "SELECT coalesce(max(n), 0) + 1 FROM waiting"       \
                           " WHERE line=?1",                                   \
    [OL_WRITE_SAID] = "DELETE FROM waiting WHERE line=?1 AND id=?2",           \
    [OL_WRITE_ASIDE_ROWS] = "SELECT idx, kind, at, proof, id, sealed"          \
                            " FROM record" OL_WRITE_ASIDE_FROM                 \
                            "AND idx>=?3 ORDER BY idx",                        \
    [OL_WRITE_ASIDE_RECORD] =                                                  \
        "DELETE FROM record" OL_WRITE_ASIDE_FROM "AND idx=?3",                 \
    [OL_WRITE_ASIDE_ACK] = "DELETE FROM ack"                                   \
                           " WHERE line=?1 AND prec=?2 AND upto>=?3",          \
    [OL_WRITE_ASIDE_SENT] = "DELETE FROM attempt"                              \
                            " WHERE line=?1 AND prec=?2 AND lo>=?3",           \
    [OL_WRITE_ASIDE_HI] = "UPDATE attempt SET hi=?3-1"                         \
                          " WHERE line=?1 AND prec=?2 AND hi>=?3",             \
    [OL_WRITE_ASIDE_CHECKPOINT] =                                              \
        "DELETE FROM checkpoint" OL_WRITE_ASIDE_FROM "AND size>=?3",           \
    [OL_WRITE_ASIDE_MARK] = "DELETE FROM mark" OL_WRITE_ASIDE_FROM             \
                            "AND by=0 AND idx>=?3",                            \
    [OL_WRITE_ASIDE_HEAD] = "INSERT OR REPLACE"                                \
                            " INTO head(line, author, prec, size, frontier)"   \
                            " VALUES(?1, 0, ?2, ?3, ?4)",                      \
    [OL_WRITE_PROVED] = "UPDATE record SET proof=1" OL_WRITE_ASIDE_FROM        \
                        "AND idx<=?3 AND proof=2"

/* Statements of write_record.c, behind those: of so many rows. */
enum {
    OL_WRITE_16 = OL_WRITE_ASIDE_TEXTS,
    OL_WRITE_8,
    OL_WRITE_4,
    OL_WRITE_2,
    OL_WRITE_1,
    OL_WRITE_LEAF,
    OL_WRITE_WHOLE,
    OL_WRITE_RECORD_TEXTS
};

/* FAIL: else SQLite keeps what a statement of several rows changes, to take
 * that one back; here an error takes the whole group back (thread.c). */
#define OL_WRITE_ROWS(rows)                                                    \
    "INSERT OR FAIL INTO record(line, author, prec, idx, number, kind, at,"    \
    " proof, leaf, root, sealed, id) VALUES" rows                              \
    " ON CONFLICT(line, author, prec, idx) DO NOTHING"
#define OL_WRITE_ROW "(?,?,?,?,?,?,?,?,?,?,?,?)"
#define OL_WRITE_ROW_2 OL_WRITE_ROW "," OL_WRITE_ROW
#define OL_WRITE_ROW_4 OL_WRITE_ROW_2 "," OL_WRITE_ROW_2
#define OL_WRITE_ROW_8 OL_WRITE_ROW_4 "," OL_WRITE_ROW_4

#define OL_WRITE_RECORD_SQL                                                    \
    [OL_WRITE_16] = OL_WRITE_ROWS(OL_WRITE_ROW_8 "," OL_WRITE_ROW_8),          \
    [OL_WRITE_8] = OL_WRITE_ROWS(OL_WRITE_ROW_8),                              \
    [OL_WRITE_4] = OL_WRITE_ROWS(OL_WRITE_ROW_4),                              \
    [OL_WRITE_2] = OL_WRITE_ROWS(OL_WRITE_ROW_2),                              \
    [OL_WRITE_1] = OL_WRITE_ROWS(OL_WRITE_ROW),                                \
    [OL_WRITE_LEAF] = "SELECT leaf FROM record"                                \
                      " WHERE line=?1 AND author=?2 AND prec=?3 AND idx=?4",   \
    [OL_WRITE_WHOLE] = "DELETE FROM part"                                      \
                       " WHERE line=?1 AND prec=?2 AND idx=?3"

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

/* n times PUT RECORD. */
OL_MUST_USE enum ol_err ol_write_records(struct ol_sqlite *l,
                                         const struct ol_batch *b,
                                         const struct ol_put *puts,
                                         uint16_t n);
/* A record of the peer is whole: its part goes. */
OL_MUST_USE enum ol_err ol_write_whole(struct ol_sqlite *l, uint32_t line,
                                       const struct ol_put *put);

/* An own record of this id stands in its log: it waits no longer. */
OL_MUST_USE enum ol_err ol_write_said(struct ol_sqlite *l, uint32_t line,
                                      const uint8_t id[OL_ID_SIZE]);
/* PUT WAITING, PUT ASIDE, PUT PROVED. */
OL_MUST_USE enum ol_err ol_write_waiting(struct ol_sqlite *l,
                                         const struct ol_batch *b,
                                         const struct ol_put *put);
OL_MUST_USE enum ol_err ol_write_aside(struct ol_sqlite *l,
                                       const struct ol_batch *b,
                                       const struct ol_put *put);
OL_MUST_USE enum ol_err ol_write_proved(struct ol_sqlite *l,
                                        const struct ol_batch *b,
                                        const struct ol_put *put);

#endif
