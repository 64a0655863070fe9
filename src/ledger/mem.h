/*
 * Inside the ledger in memory: what it holds, for its three files.
 *
 * Arrays per log that grow by doubling. There is no disk to be full, so a
 * failed allocation is an assertion: this ledger is for tests.
 */
#ifndef OL_LEDGER_MEM_H
#define OL_LEDGER_MEM_H

#include "ledger/batch.h"
#include "ledger/part.h"

struct mem_record {
    uint32_t index;
    uint16_t n;
    uint8_t kind;
    uint8_t id_state; /* 0: not looked at yet, 1: id holds, 2: none */
    uint8_t proof;
    uint64_t serial;  /* the batch that made it, for taking it back */
    uint64_t number, at_ms;
    uint8_t leaf[32], root[8];
    uint8_t id[OL_ID_SIZE];
    uint8_t bytes[];
};

struct mem_checkpoint {
    bool any;
    uint32_t size;
    uint8_t root[32], sig[64];
};

struct mem_log {
    struct mem_record **v; /* ascending by index, gaps are left out */
    uint32_t n, cap;
    uint32_t size; /* HEAD */
    uint8_t *frontier;
    size_t frontier_n;
    struct mem_checkpoint *checkpoint; /* NULL: none */
};

struct mem_ack {
    uint32_t upto;
    uint64_t at_ms;
};

struct mem_attempt {
    uint32_t lo, hi;
    uint64_t at_ms;
    char channel[17];
};

struct mem_mark {
    uint8_t author; /* of the message */
    uint64_t number;
    struct ol_row_mark row;
};

struct mem_fact {
    uint32_t line;
    uint8_t kind;
    uint64_t n, at_ms;
    char key[OL_LEDGER_KEY_MAX + 1];
    size_t size;
    uint8_t *value;
};

struct mem_part {
    uint8_t prec;
    uint32_t index;
    struct ol_part_image *image;
};

struct mem_piece {
    uint32_t index, n;
    uint8_t *bytes;
};

struct mem_file {
    struct ol_row_file row; /* have = n */
    struct mem_piece *v; /* ascending */
    uint32_t n, cap;
};

struct mem_waiting {
    uint64_t n, at_ms;
    uint8_t proof;
    uint8_t id[OL_ID_SIZE];
    uint16_t size;
    uint8_t *bytes;
};

struct mem_line {
    uint8_t id[32];
    struct mem_file *files; /* in order of birth */
    uint32_t n_files, cap_files;
    struct mem_waiting *waiting; /* ascending by n */
    uint32_t n_waiting, cap_waiting;
    struct mem_log log[2][OL_PRECS];
    struct mem_ack *acks[OL_PRECS]; /* ascending */
    uint32_t n_acks[OL_PRECS], cap_acks[OL_PRECS];
    struct mem_attempt *attempts[OL_PRECS]; /* in order of commit */
    uint32_t n_attempts[OL_PRECS], cap_attempts[OL_PRECS];
    struct mem_mark *marks; /* ascending, as its key is */
    uint32_t n_marks, cap_marks;
    struct mem_part *parts; /* ascending by prec, index */
    uint32_t n_parts, cap_parts;
    uint8_t *state;
    size_t state_n;
    uint64_t number[2]; /* the highest, [enum ol_author] */
};

struct mem_event {
    uint64_t seq; /* of the first record named */
    uint32_t count;
    struct ol_row_event row;
};

struct mem_meta {
    uint32_t line;
    char key[OL_LEDGER_KEY_MAX + 1];
    uint16_t n;
    uint8_t value[];
};

struct mem {
    struct ol_ledger ledger; /* first */
    struct ol_ledger_ops ops;
    struct mem_line **lines; /* [number - 1] */
    uint32_t n_lines, cap_lines;
    struct mem_event *events;
    uint32_t n_events, cap_events;
    struct mem_meta **metas;
    uint32_t n_metas, cap_metas;
    struct mem_fact *facts; /* ascending by n */
    uint32_t n_facts, cap_facts;
    uint64_t serial; /* of the newest batch */
    uint64_t order;  /* of the newest file */

    struct ol_held *first, *last; /* the queue */
    uint32_t queued;
    struct ol_ledger_done dones[OL_LEDGER_QUEUE]; /* a ring */
    uint32_t done_first, n_dones;
    enum ol_err failed;  /* why nothing commits until reset */
    uint32_t fail_after; /* 0: never, 1: the next commit fails */
    enum ol_err fail_err;
};

/* Room for one more; array is a pointer to the array's pointer. */
void ol_mem_room(void *array, uint32_t n, uint32_t *cap, size_t size);

/* The record at that index or NULL; *at: where it stands or would. */
struct mem_record *ol_mem_find(const struct mem_log *log, uint32_t index,
                               uint32_t *at);
/* The last sequence number given. */
uint64_t ol_mem_seq(const struct mem *m);
/* The station value or NULL; points into m->metas. */
struct mem_meta **ol_mem_meta(const struct mem *m, uint32_t line,
                              const char *key);

/* mem_write.c: the whole batch or nothing of it. OL_ERR_CORRUPT. */
OL_MUST_USE enum ol_err ol_mem_apply(struct mem *m,
                                     const struct ol_batch *batch);
/* mem_file.c: PUT FILE, PUT PIECE, PUT DROP; none of them fails. */
void ol_mem_put_file(struct mem *m, struct mem_line *line,
                     const struct ol_batch *batch, const struct ol_put *put);
void ol_mem_free_files(struct mem_line *line);
void ol_mem_file_ops(struct ol_ledger_ops *ops);
/* mem_notes.c: marks and facts, and finding records by kind. */
void ol_mem_put_mark(struct mem_line *line, const struct ol_batch *batch,
                     const struct ol_put *put);
void ol_mem_put_fact(struct mem *m, uint32_t line, const struct ol_fact *fact);
void ol_mem_free_facts(struct mem *m);
void ol_mem_notes_ops(struct ol_ledger_ops *ops);
/* mem_read.c: fills in every other reading operation. */
/* mem_aside.c */
void ol_mem_aside(struct mem_line *line, const struct ol_put *put);
void ol_mem_proved(struct mem_line *line, const struct ol_put *put);
void ol_mem_waiting(struct mem_line *line, const struct ol_batch *batch,
                    const struct ol_put *put);
/* An own record stands in its log: it waits no longer. */
void ol_mem_said(struct mem_line *line, const struct ol_put *put);
void ol_mem_waiting_free(struct mem_line *line);
void ol_mem_read_ops(struct ol_ledger_ops *ops);

#endif
