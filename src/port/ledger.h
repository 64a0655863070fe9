/*
 * The ledger: a station's durable record, behind one interface.
 *
 * Two implementations pass one suite: src/ledger/sqlite.c and its twin in
 * memory, src/ledger/mem.c. Writes go in batches to a commit queue; each
 * batch is atomic, batches commit in the order they were handed in, and all
 * that wait while a commit runs share the next one (group commit, one fsync).
 * The SQLite ledger commits on a thread of its own; the twin commits when its
 * owner says so (ol_mem_step), so that a crash can fall anywhere.
 * Reads see committed batches only and run on the caller's thread.
 *
 * Canonical record bytes, parts, pieces and facts are sealed at rest;
 * associated data is the row's primary key. Everything else is in the clear
 * and says no content.
 *
 * ASIDE alone takes back: own records leave their log, head, acks, attempts
 * and checkpoint go down with them, and what they said waits. Their marks on
 * own messages go, for another message may have that number by then; those on
 * the peer's stay, because its numbers do and no rung falls.
 * What is put twice stays once: an equal record, head, ack or mark is taken in
 * silence. Acks and heads only rise: a lower ack is ignored, a lower
 * head, or another leaf where a record stands, fails the batch. What a
 * part covers it replaces; the part goes when its record comes or when no
 * unit is left.
 *
 * Errors: OL_ERR_FULL, OL_ERR_IO (errno in words in why), OL_ERR_CORRUPT (a
 * row that does not hold), OL_ERR_NEWER (a schema of a newer program),
 * OL_ERR_LOCKED (another process). After a failed commit every later batch
 * fails too, and comes out of done saying so, until reset: nothing overtakes
 * a hole. Reads with a line number that was never given: OL_ERR_MISSING.
 */
#ifndef OL_PORT_LEDGER_H
#define OL_PORT_LEDGER_H

#include <openline/line.h>

struct ol_ledger;

#define OL_LEDGER_QUEUE 1024u /* batches handed in and not yet taken as done */

/* One write: the core's puts of one step, copied by commit. */
struct ol_batch {
    uint32_t line;   /* from ol_ledger_line; 0: the station itself */
    uint64_t token;  /* echoed when done */
    uint64_t at_ms;  /* Unix time: the `at` of every row */
    const struct ol_put *puts;
    uint16_t n_puts;
    /* Channel names for SENT and EVENT, by index. NUL-terminated. */
    const char (*channels)[17];
    /* Station values in the same transaction; value.n 0 deletes. */
    const struct ol_ledger_meta *metas;
    uint16_t n_metas;
    /* And what the station notes of this line, or of itself. */
    const struct ol_fact *facts;
    uint16_t n_facts;
};

/* What a station saw, for its own use: never rewritten, sealed at rest. */
enum ol_fact_kind {
    OL_FACT_DARK = 1,    /* blackouts */
    OL_FACT_PATH_MINUTE, /* how channels were */
    OL_FACT_PATH_HOUR,
    OL_FACT_ATTENDED, /* who confirmed that he is there */
    OL_FACT_ALARM,
    OL_FACT_CHECK,  /* line checks */
    OL_FACT_ASK,    /* what was done about an ask */
    OL_FACT_HOOK,   /* how far the hooks have come */
    OL_FACT_KINDS
};

struct ol_fact {
    uint8_t kind;
    const char *key; /* at most 64 bytes: a channel's or an alarm's name */
    uint64_t at_ms;
    /* At most 4,096 bytes; empty: facts of this kind, line and key (NULL: all
     * keys) from before at_ms go. */
    struct ol_span value;
};

struct ol_ledger_meta {
    const char *key; /* at most 64 bytes: "verified", "disabled/cable" */
    struct ol_span value; /* at most 4,096 bytes */
};

struct ol_ledger_done {
    uint32_t line;
    uint64_t token;
    enum ol_err err;
};

/* A record as it stands, or one event, for readers; borrowed for the call. */
struct ol_row {
    uint32_t line;
    uint8_t author, prec, kind;
    uint8_t proof; /* enum ol_proof */
    uint32_t index;
    uint64_t number;
    uint64_t at_ms; /* taken (own) or arrived (peer's) */
    uint8_t leaf[32], root[8];
    struct ol_span bytes; /* canonical, opened */
};

struct ol_row_event {
    uint64_t seq;
    uint64_t at_ms;
    uint32_t line;
    uint8_t what, author, prec;
    uint32_t index; /* 0: none */
    char channel[17];
    char detail[64];
};

struct ol_row_attempt {
    char channel[17];
    uint64_t at_ms; /* of the first */
    uint32_t count;
};

#define OL_MARKS_EACH 32u /* of one rel and author, the first are given */

struct ol_row_mark { /* what a record says of a message */
    uint8_t rel;     /* enum ol_rel */
    uint8_t by;      /* enum ol_author: of the record that says it */
    uint8_t prec;    /* its place in that log; after ASIDE an own one */
    uint32_t index;  /* of a peer's message may stand elsewhere, with its like
                        beside it */
    uint64_t at_ms;  /* when that record was on our disk */
};

struct ol_facts_of { /* which facts */
    uint64_t from_ms, to_ms; /* both included */
    uint32_t max; /* 0: all */
    bool newest_first;
};

struct ol_row_fact { /* borrowed for the call */
    uint32_t line;
    uint8_t kind;
    uint64_t n; /* ascending over all facts of the ledger */
    uint64_t at_ms;
    char key[65];
    struct ol_span value; /* opened */
};

struct ol_row_file { /* an attachment as it stands */
    uint8_t hash[32];
    uint64_t size;
    uint8_t author, prec; /* of the record that named it first */
    uint8_t state;        /* enum ol_file_state */
    uint32_t have;        /* pieces here */
    uint64_t at_ms;       /* of its newest state */
    uint64_t order;       /* among the files of all lines, in order of birth */
};

/* An own record that has no number yet, or no longer. */
struct ol_row_waiting {
    uint64_t n; /* ascending, per line */
    uint32_t line;
    uint8_t proof; /* UNPROVED: the peer gave it back and denies it now */
    uint64_t at_ms;
    uint8_t id[16];
    struct ol_span bytes; /* canonical, opened; index and number say nothing */
};

/* Return false to stop. */
typedef bool (*ol_row_file_fn)(void *arg, const struct ol_row_file *file);
typedef bool (*ol_row_fn)(void *arg, const struct ol_row *row);
typedef bool (*ol_row_event_fn)(void *arg, const struct ol_row_event *ev);
typedef bool (*ol_row_fact_fn)(void *arg, const struct ol_row_fact *fact);
typedef bool (*ol_row_waiting_fn)(void *arg, const struct ol_row_waiting *row);

struct ol_ledger_ops {
    void (*close)(struct ol_ledger *);

    /* The small number of a line, made when new (durably, at once). */
    enum ol_err (*line)(struct ol_ledger *, const uint8_t line_id[32],
                        const char *peer, uint32_t *line);
    /* Copies the batch into the queue. OL_ERR_AGAIN: OL_LEDGER_QUEUE batches
     * wait, or are finished and not taken by done. OL_ERR_TOO_LONG: a meta. */
    enum ol_err (*commit)(struct ol_ledger *, const struct ol_batch *);
    /* The next finished batch; false when there is none now. */
    bool (*done)(struct ol_ledger *, struct ol_ledger_done *);
    /* After a failure: accept again. OL_ERR_AGAIN until done has given every
     * batch back; OL_ERR_IO, at once, after a failed fsync: the process must
     * end. */
    enum ol_err (*reset)(struct ol_ledger *);

    /* For ol_line_init; what it points to lives until snapshot_free. */
    enum ol_err (*snapshot)(struct ol_ledger *, uint32_t line,
                            struct ol_snapshot *);
    void (*snapshot_free)(struct ol_ledger *, struct ol_snapshot *);

    /* What is read from here on comes from the disk, until the next batch is
     * done: for who wants to know what stands there. */
    void (*afresh)(struct ol_ledger *);

    /* Records of one log, ascending from index, those behind a gap too; stops
     * at both maxima (but gives at least one when it exists). max_bytes 0: no
     * limit. */
    enum ol_err (*log)(struct ol_ledger *, uint32_t line, uint8_t author,
                       uint8_t prec, uint32_t from, uint32_t max_records,
                       uint32_t max_bytes, ol_row_fn, void *arg);
    /* OL_ERR_MISSING when there is none. A peer may use a number or an id
     * twice: then all are given. */
    enum ol_err (*by_number)(struct ol_ledger *, uint32_t line, uint8_t author,
                             uint64_t number, ol_row_fn, void *arg);
    enum ol_err (*by_id)(struct ol_ledger *, const uint8_t id[16], ol_row_fn,
                         void *arg);
    /* Those of kind ASK, STANCE or NOTIFICATION (no others) whose number is
     * above `after`, by number; those behind a gap too. */
    enum ol_err (*by_kind)(struct ol_ledger *, uint32_t line, uint8_t author,
                           uint8_t kind, uint64_t after, ol_row_fn,
                           void *arg);
    /* The head of a log: size without a gap; frontier (1,024 bytes room), NULL
     * with n when it is not wanted. */
    enum ol_err (*head)(struct ol_ledger *, uint32_t line, uint8_t author,
                        uint8_t prec, uint32_t *size, uint8_t *frontier,
                        size_t *n);
    /* A size that the head of a log has reached, without asking the file: what
     * every batch that done has given made it. What is under way may have made
     * it more. false: not known, head tells. */
    bool (*reached)(struct ol_ledger *, uint32_t line, uint8_t author,
                    uint8_t prec, uint32_t *size);
    /* Own records up to *upto are delivered. *at_ms: when record `index` was
     * (0 when it is not). */
    enum ol_err (*acked)(struct ol_ledger *, uint32_t line, uint8_t prec,
                         uint32_t index, uint32_t *upto, uint64_t *at_ms);
    /* What is said of one message, up to max, by rel, by, prec and index, of
     * each rel and by at most OL_MARKS_EACH; *n: how many. The message itself
     * may not be here yet. */
    enum ol_err (*marks)(struct ol_ledger *, uint32_t line, uint8_t author,
                         uint64_t number, struct ol_row_mark *out,
                         uint32_t max, uint32_t *n);
    /* In the order of their times; line 0: the station's own. A callback may
     * not write. */
    enum ol_err (*facts)(struct ol_ledger *, uint32_t line, uint8_t kind,
                         const struct ol_facts_of *of, ol_row_fact_fn,
                         void *arg);
    /* Up to max channels, in the order of their first attempt. */
    enum ol_err (*attempts)(struct ol_ledger *, uint32_t line, uint8_t prec,
                            uint32_t index, struct ol_row_attempt *out,
                            uint32_t max, uint32_t *n);
    /* OL_ERR_MISSING when there is none. */
    enum ol_err (*checkpoint)(struct ol_ledger *, uint32_t line,
                              uint8_t author, uint8_t prec, uint32_t *size,
                              uint8_t root[32], uint8_t sig[64]);
    /* Events with a sequence number above `after`, ascending, one per record
     * that an event names. */
    enum ol_err (*events)(struct ol_ledger *, uint64_t after, uint32_t max,
                          ol_row_event_fn, void *arg);
    enum ol_err (*last_seq)(struct ol_ledger *, uint64_t *seq);
    /* Own records that wait, in the order in which they came, with n above
     * `after`. */
    enum ol_err (*waiting)(struct ol_ledger *, uint32_t line, uint64_t after,
                           ol_row_waiting_fn, void *arg);
    /* Station values. *n in: room, out: length. OL_ERR_MISSING;
     * OL_ERR_TOO_LONG: more than the room. */
    enum ol_err (*meta)(struct ol_ledger *, uint32_t line, const char *key,
                        uint8_t *value, size_t *n);

    /* Attachments. One by its hash: OL_ERR_MISSING. */
    enum ol_err (*file)(struct ol_ledger *, uint32_t line, uint8_t author,
                        const uint8_t hash[32], struct ol_row_file *out);
    /* Those in one state (enum ol_file_state), ascending, whose order is
     * above `after`. */
    enum ol_err (*files)(struct ol_ledger *, uint32_t line, uint8_t author,
                         uint8_t state, uint64_t after, ol_row_file_fn,
                         void *arg);
    /* Which pieces are here: 0 .. *upto - 1, and by bit k of *map piece
     * *upto + 1 + k. Pieces must have been put within OL_PULL_WINDOW of the
     * first that is missing, as the core does. OL_ERR_MISSING: no such file. */
    enum ol_err (*pieces)(struct ol_ledger *, uint32_t line, uint8_t author,
                          const uint8_t hash[32], uint32_t *upto,
                          uint64_t *map);
    /* One piece, opened into out (OL_PIECE bytes of room). OL_ERR_MISSING. */
    enum ol_err (*piece)(struct ol_ledger *, uint32_t line, uint8_t author,
                         const uint8_t hash[32], uint32_t index, uint8_t *out,
                         size_t *n);
};

/* Every implementation starts with this. */
struct ol_ledger {
    const struct ol_ledger_ops *ops;
    char why[256]; /* the last error in words, for people */
    /* What was committed is in the write-ahead log and cannot be copied into
     * the file now. Read it with __atomic. */
    bool copy_failed;
};

/* Called from the commit thread when batches are done: wake the loop. */
typedef void (*ol_ledger_wake)(void *arg);

/* src/ledger/sqlite.c. path: the database file, made when missing (0600).
 * key: 32 bytes, copied, seals payloads. wake may be NULL (then poll done). */
OL_MUST_USE enum ol_err ol_sqlite_open(struct ol_ledger **out,
                                       const char *path, const uint8_t key[32],
                                       ol_ledger_wake wake, void *arg,
                                       char why[256]);

/* Reads the whole file through on a connection of its own, on any thread, and
 * changes nothing: OL_ERR_CORRUPT when something in it does not hold, or when
 * it is not there and was; OL_ERR_NEWER; why says what. *newest_ms, if asked
 * for: the time of the newest event (0: none). */
OL_MUST_USE enum ol_err ol_sqlite_check(const char *path, uint64_t *newest_ms,
                                        char why[256]);

/* A consistent copy of a ledger's file, synced, 0600; also while it is open
 * here or elsewhere. to must not be there, and is not after an error. Blocks
 * for as long as it takes: from a thread of its own. */
OL_MUST_USE enum ol_err ol_sqlite_copy(const char *path, const char *to,
                                       char why[256]);

/* src/ledger/mem.c. Commits happen in ol_mem_step: at most max batches; the
 * rest stays queued. ol_mem_crash loses the queue and what was not committed,
 * as a power cut does. ol_mem_fail makes the n-th commit from now fail.
 * ol_mem_copy opens a second ledger that holds what this one has committed,
 * as a copy of its file would. */
OL_MUST_USE enum ol_err ol_mem_open(struct ol_ledger **out);
uint32_t ol_mem_step(struct ol_ledger *, uint32_t max);
void ol_mem_crash(struct ol_ledger *);
void ol_mem_fail(struct ol_ledger *, uint32_t nth, enum ol_err err);
void ol_mem_copy(struct ol_ledger **out, const struct ol_ledger *);

#endif
