/*
 * What the ledger alone takes for messages as they come in a crowd.
 *
 *     commit FOLDER RECORDS own|peer [EACH]
 *
 * Puts RECORDS records of 200 bytes of text into a new ledger in FOLDER, EACH
 * (26) a batch and a transaction: with `own` as a sender does, its watermark
 * and events behind every second batch; with `peer` as a receiver does.
 * Prints one JSON object: processor microseconds of the commit thread and of
 * the whole process for a record, bytes written for a record, and the pages of
 * the file. What it does is the same each time, so that instructions and
 * system calls can be counted (valgrind --tool=callgrind, strace -c -f).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"
#include "crypto/crypto.h"
#include "crypto/tree.h"
#include "ledger/sqlite.h"
#include "wire/record.h"

#define EACH_MAX 256u
#define TEXT 200u

static struct ol_ledger *ledger;
static struct ol_batch batch;
static struct ol_put made[EACH_MAX + 8];
static uint8_t bytes[EACH_MAX][1024], frontier[OL_TREE_LEVELS * OL_HASH];
static struct ol_tree tree;
static struct ol_rng rng;
static uint8_t author;
static uint32_t line;

_Noreturn static void die(const char *what, const char *more)
{
    fprintf(stderr, "commit: %s: %s\n", what, more);
    exit(1);
}

static double clock_s(clockid_t which)
{
    struct timespec t;

    clock_gettime(which, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct ol_put *put(enum ol_put_kind kind, uint32_t index)
{
    struct ol_put *p = &made[batch.n_puts++];

    memset(p, 0, sizeof(*p));
    p->kind = kind;
    p->author = author;
    p->prec = OL_ROUTINE;
    p->index = index;
    return p;
}

/* Ids begin with their time, as a station gives them. */
static void put_record(uint32_t index, unsigned k)
{
    uint8_t id[OL_ID_SIZE];
    char text[TEXT];
    struct ol_record r = {
        .prec = OL_ROUTINE,
        .index = index,
        .number = index,
        .id = OL_SPAN_ARRAY(id),
        .kind = OL_KIND_MESSAGE,
        .written_ms = batch.at_ms,
        .text = OL_SPAN(text, TEXT),
    };
    struct ol_put *p = put(OL_PUT_RECORD, index);
    struct ol_writer w;

    ol_rng_fill(&rng, id, sizeof(id));
    for (unsigned b = 0; b < 6; b++)
        id[b] = (uint8_t)(batch.at_ms >> (40 - 8 * b));
    memset(text, 'a' + (int)(index % 26), sizeof(text));
    ol_writer_init(&w, bytes[k], sizeof(bytes[k]));
    if (ol_record_encode(&w, &r) != OL_OK)
        die("record", "does not encode");
    p->bytes = ol_writer_span(&w);
    p->number = index;
    p->rec_kind = OL_KIND_MESSAGE;
    ol_rng_fill(&rng, p->leaf, sizeof(p->leaf));
    ol_rng_fill(&rng, p->root, sizeof(p->root));
    ol_tree_append(&tree, p->leaf);
}

static void commit(void)
{
    struct ol_ledger_done done;

    batch.line = line;
    batch.puts = made;
    if (ledger->ops->commit(ledger, &batch) != OL_OK)
        die("commit", ledger->why);
    while (!ledger->ops->done(ledger, &done))
        usleep(20);
    if (done.err)
        die("done", ledger->why);
    batch.n_puts = 0;
    batch.at_ms++;
    batch.token++;
}

static void put_head(uint32_t size)
{
    struct ol_put *p = put(OL_PUT_HEAD, size);

    p->bytes = OL_SPAN(frontier, ol_tree_save(&tree, frontier));
}

static void put_told(enum ol_what what, uint32_t from, uint32_t n)
{
    struct ol_put *p = put(OL_PUT_EVENT, from);

    p->what = what;
    p->count = n;
    p->channel = OL_CHAN_MAX;
}

static void one_group(uint32_t from, uint32_t n, bool tell)
{
    static uint8_t sig[OL_SIG];
    static uint32_t told, sent;
    uint32_t to = from + n - 1;

    for (uint32_t k = 0; k < n; k++)
        put_record(from + k, k);
    put_head(to);
    if (author == OL_PEER) {
        put_told(OL_WHAT_ARRIVED, from, n);
        commit();
        return;
    }
    put(OL_PUT_CHECKPOINT, to)->bytes = OL_SPAN_ARRAY(sig);
    commit();
    if (!tell)
        return;
    put(OL_PUT_ACK, to);
    put(OL_PUT_SENT, sent + 1)->count = to - sent;
    put_told(OL_WHAT_DELIVERED, told + 1, to - told);
    told = sent = to;
    commit();
}

/* The bytes that the process gave to write calls so far. */
static unsigned long written(void)
{
    static const char io[] = "/proc/self/io", word[] = "wchar: ";
    char row[128], *at = row + strlen(word), *end;
    FILE *f = fopen(io, "r");
    unsigned long n;

    if (f == NULL)
        die(io, strerror(errno));
    do {
        if (fgets(row, sizeof(row), f) == NULL)
            die(io, "has no row wchar");
    } while (strncmp(row, word, strlen(word)) != 0);
    fclose(f);
    errno = 0;
    n = strtoul(at, &end, 10);
    if (errno != 0 || end == at || *end != '\n')
        die(io, "has no number behind wchar");
    return n;
}

static void run(const char *path, uint32_t count, uint32_t each)
{
    static const uint8_t key[OL_KEY] = "key", line_id[32] = "line";
    static const uint8_t seed[OL_KEY] = "seed";
    static const char names[1][17] = {"cable"};
    struct ol_sqlite *l;
    unsigned long wrote;
    double cpu, own;
    clockid_t clock;
    struct stat st;
    char why[256];

    if (ol_sqlite_open(&ledger, path, key, NULL, NULL, why) != OL_OK)
        die(path, why);
    l = (struct ol_sqlite *)ledger;
    if (ledger->ops->line(ledger, line_id, "south", &line) != OL_OK ||
        pthread_getcpuclockid(l->thread, &clock) != 0)
        die(path, ledger->why);
    ol_rng_init(&rng, seed);
    ol_tree_init(&tree);
    batch.at_ms = UINT64_C(1795000000000);
    batch.channels = names;
    wrote = written();
    cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID);
    own = clock_s(clock);
    for (uint32_t k = 0, nth = 0; k < count; k += each, nth++)
        one_group(k + 1, OL_MIN(each, count - k), nth % 2 == 1);
    printf("{\"commit_us\":%.3f,\"all_us\":%.3f,\"written\":%.0f,",
           (clock_s(clock) - own) / count * 1e6,
           (clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu) / count * 1e6,
           (double)(written() - wrote) / count);
    ledger->ops->close(ledger);
    if (stat(path, &st) != 0)
        die(path, strerror(errno));
    printf("\"file\":%.1f}\n", (double)st.st_size / count);
}

int main(int argc, char **argv)
{
    uint32_t count = argc > 3 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    uint32_t each = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 26;
    char path[4096];

    if (count == 0 || each == 0 || each > EACH_MAX ||
        snprintf(path, sizeof(path), "%s/commit.db", argv[1]) >=
            (int)sizeof(path)) {
        fprintf(stderr, "usage: commit FOLDER RECORDS own|peer [EACH]\n");
        return 2;
    }
    /* Without it libsodium takes the slowest of its ciphers. */
    if (ol_crypto_init() != OL_OK)
        die("libsodium", "cannot start");
    author = strcmp(argv[3], "peer") == 0 ? OL_PEER : OL_OWN;
    run(path, count, each);
    return 0;
}
