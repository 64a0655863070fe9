/*
 * What the ledger's suite works with: a ledger of either kind, records whose
 * bytes follow from their place, and a dump of everything that can be read.
 *
 * A record's id, number and text follow from author, precedence and index, so
 * that a test can say what must be there without having kept it.
 */
#ifndef TESTS_SUITE_LEDGER_KIT_H
#define TESTS_SUITE_LEDGER_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/dice.h"
#include "base/units.h"
#include "crypto/tree.h"
#include "port/ledger.h"

#define KIT_PUTS 1024u
#define KIT_BYTES (256u * 1024)
#define KIT_AT UINT64_C(1795435200000)

enum kit_kind { KIT_MEM, KIT_SQLITE };

struct kit {
    enum kit_kind kind;
    char dir[64]; /* SQLite: a new folder, gone with the kit */
    char path[96];
    struct ol_ledger *l;
    uint32_t line;
    uint64_t token, at_ms; /* of the batch to come */
    uint32_t outstanding;
    uint64_t taken; /* the last token that done gave */

    /* The batch that is being put together. */
    struct ol_put puts[KIT_PUTS];
    uint16_t n_puts;
    struct ol_ledger_meta metas[8];
    uint16_t n_metas;
    uint8_t bytes[KIT_BYTES];
    size_t used;
};

extern const char kit_channels[3][17]; /* cable radio pouch */

struct kit *kit_open(enum kit_kind kind);
/* SQLite: closes and opens again. In memory: a power cut. */
void kit_reopen(struct kit *k);
void kit_shut(struct kit *k); /* closes the ledger, keeps the folder */
enum ol_err kit_try(struct kit *k, char why[256]);
void kit_free(struct kit *k);

/* Shuts the ledger and changes the file with the plain library. */
void kit_tamper(struct kit *k, const char *sql);

uint64_t kit_number(uint8_t prec, uint32_t index);
void kit_id(uint8_t id[16], uint8_t author, uint8_t prec, uint32_t index);
/* The canonical bytes of the record at that place; buf: OL_RECORD_MAX. */
struct ol_span kit_canonical(uint8_t *buf, uint8_t author, uint8_t prec,
                             uint32_t index);
void kit_leaf(uint8_t leaf[32], uint8_t author, uint8_t prec, uint32_t index);
void kit_tree(struct ol_tree *t, uint8_t author, uint8_t prec, uint32_t size);

struct ol_put *kit_put(struct kit *k, enum ol_put_kind kind, uint8_t author,
                       uint8_t prec, uint32_t index);
/* Bytes that the batch keeps until it is committed. */
struct ol_span kit_keep(struct kit *k, const void *p, size_t n);
struct ol_put *kit_record(struct kit *k, uint8_t author, uint8_t prec,
                          uint32_t index);
void kit_head(struct kit *k, uint8_t author, uint8_t prec, uint32_t size);
/* Units lo to hi - 1 of the record at that place of the peer's. */
struct ol_put *kit_part(struct kit *k, uint8_t prec, uint32_t index,
                        unsigned lo, unsigned hi);
struct ol_put *kit_event(struct kit *k, enum ol_what what, uint8_t prec,
                         uint32_t index, uint32_t count);
void kit_meta(struct kit *k, const char *key, const void *value, size_t n);

/* An own ROUTINE record, its head and its index as a value: one batch. */
void kit_row_of(struct kit *k, uint32_t index);
uint32_t kit_head_size(struct kit *k); /* of the own ROUTINE log */

/* Hands the batch in and starts a new one. */
enum ol_err kit_offer(struct kit *k);
void kit_commit(struct kit *k); /* it must be taken */
/* Waits for the next batch to be done; its tokens are in order. */
struct ol_ledger_done kit_done(struct kit *k);
/* Waits for all; each must end like this. */
void kit_settle(struct kit *k, enum ol_err err);
/* commit, and settle well. */
void kit_sure(struct kit *k);

/* What readers saw: each record is held against what its place says. */
struct seen {
    uint32_t n, stop_at;
    struct ol_row last;
    uint32_t index[64];
};

struct heard {
    uint32_t n, stop_at;
    struct ol_row_event ev[64];
};

bool kit_see(void *arg, const struct ol_row *row); /* arg: struct seen */
bool kit_hear(void *arg, const struct ol_row_event *ev);
/* A whole log as it is read; at most 64 records. */
struct seen kit_log(struct kit *k, uint8_t author, uint8_t prec);
struct heard kit_events(struct kit *k, uint64_t after, uint32_t max);

/* Everything that can be read of lines 1 to n_lines, as text; free it. */
char *kit_dump(struct kit *k, uint32_t n_lines);
/* Both dumps are equal; frees both. */
void kit_same(char *a, char *b);

/* How often this process wrote in place and asked the disk to sync, how long
 * that takes, and whether it fails. Both threads look: use __atomic. */
enum kit_fail { KIT_FAIL_NONE, KIT_FAIL_DATABASE, KIT_FAIL_ALL };
extern unsigned kit_writes, kit_syncs, kit_sync_ms;
/* The process is killed in the middle of its n-th write or sync; 0: never. */
extern unsigned kit_die_at;
/* Writes fail with this errno from the n-th on; 0: they do not. */
extern unsigned kit_fail_writes_from;
extern int kit_fail_writes_with;
extern enum kit_fail kit_fail_syncs;

/* Each test of a list, against the twin in memory and against SQLite. */
int kit_setup_mem(void **state);
int kit_setup_sqlite(void **state);
int kit_teardown(void **state);

#define KIT_MEM_TEST(f) {"mem/" #f, f, kit_setup_mem, kit_teardown, NULL},
#define KIT_SQLITE_TEST(f)                                                     \
    {"sqlite/" #f, f, kit_setup_sqlite, kit_teardown, NULL},
#define KIT_BOTH(list) {list(KIT_MEM_TEST) list(KIT_SQLITE_TEST)}

#endif
