/*
 * Inside the SQLite ledger: who owns what, for its files.
 *
 * Two threads. The caller's commits into the queue, takes what is done, and
 * reads through `reader`. The commit thread owns `writer`, what it seals with
 * and the event counter. The queue and what is done lie under the mutex. The
 * table of line ids is changed by the commit thread only while the caller
 * waits in `line`, so both may read it freely.
 */
#ifndef OL_LEDGER_SQLITE_H
#define OL_LEDGER_SQLITE_H

#include <pthread.h>

#include "ledger/batch.h"
#include "ledger/recent.h"
#include "ledger/seal.h"
#include "ledger/sql.h"

#define OL_GROUP_MAX 64u /* batches that share one transaction */
#define OL_WAL_PAGES 1000 /* copy the log back into the file above this */
#define OL_CHECK_MAX (64u * 1024 * 1024) /* read through at every opening */
#define OL_SENT_SPAN 1024u /* records in one row of attempts */

/* A line to be made, while the caller waits. */
struct ol_line_request {
    const uint8_t *line_id;
    const char *peer;
    bool answered;
    enum ol_err err;
};

struct ol_sqlite {
    struct ol_ledger ledger; /* first */
    struct ol_ledger_ops ops;
    char *path;
    int lock_fd;
    uint8_t key[OL_KEY];
    uint8_t (*lines)[32]; /* [number - 1] */
    uint32_t n_lines, cap_lines;

    struct ol_sql reader; /* the caller's thread */
    struct ol_recent *recent; /* and so */

    struct ol_sql writer; /* the commit thread */
    struct ol_atrest atrest;
    uint64_t seq;  /* the last one given to an event */
    int wal_pages; /* as of the last commit */
    bool erasing;  /* what was overwritten still stands in the log */
    bool stood;    /* a record of this batch was there before */
    bool parts, waits; /* false: there is no row of `part`, of `waiting` */
    uint8_t sealed[OL_LEDGER_STATE_MAX + OL_ATREST_OVER];

    pthread_t thread;
    bool running;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t work, answer;
    struct ol_held *first, *last;
    uint32_t outstanding; /* handed in and not taken as done */
    struct ol_ledger_done dones[OL_LEDGER_QUEUE]; /* a ring */
    struct ol_held *done_held[OL_LEDGER_QUEUE];   /* with their batches */
    uint32_t done_first, n_dones;
    struct ol_line_request *request;
    enum ol_err failed; /* why nothing commits until reset */
    bool sync_failed;   /* and then not even after it */
    bool stop;
    char why[OL_SQL_WHY]; /* of the first failure */
    ol_ledger_wake wake;
    void *wake_arg;
};

/* thread.c: until stop is set and the queue is empty. */
void *ol_sqlite_thread(void *l);

/* write.c: statements of the writer; a batch within an open transaction. */
OL_MUST_USE enum ol_err ol_write_prepare(struct ol_sqlite *l);
OL_MUST_USE enum ol_err ol_write_begin(struct ol_sqlite *l);
OL_MUST_USE enum ol_err ol_write_commit(struct ol_sqlite *l);
OL_MUST_USE enum ol_err ol_write_batch(struct ol_sqlite *l,
                                       const struct ol_batch *batch);
/* Looks again whether there are parts and records that wait: a transaction
 * that was taken back, or that ended the last, leaves parts and waits true. */
OL_MUST_USE enum ol_err ol_write_loose(struct ol_sqlite *l);
OL_MUST_USE enum ol_err ol_write_line(struct ol_sqlite *l,
                                      const uint8_t line_id[32],
                                      const char *peer);

/* The place of a fact but for its n; line 0: the station's. */
struct ol_place ol_fact_place(const struct ol_sqlite *l, uint32_t line,
                              uint8_t kind);

/* read.c */
OL_MUST_USE enum ol_err ol_read_prepare(struct ol_sqlite *l);
/* The line ids into l->lines; at open. */
OL_MUST_USE enum ol_err ol_read_lines(struct ol_sqlite *l);
/* read.c, recall.c, notes.c, reload.c, read_file.c: fill in the reading
 * operations. */
void ol_read_ops(struct ol_ledger_ops *ops);
void ol_read_file_ops(struct ol_ledger_ops *ops);
void ol_reload_ops(struct ol_ledger_ops *ops);
void ol_recall_ops(struct ol_ledger_ops *ops);
void ol_notes_ops(struct ol_ledger_ops *ops);

/* Room for one more line id. */
OL_MUST_USE enum ol_err ol_sqlite_room(struct ol_sqlite *l);

#endif
