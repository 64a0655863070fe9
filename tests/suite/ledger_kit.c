/*
 * What the ledger's suite works with. See ledger_kit.h.
 *
 * The SQLite ledger wakes us through a semaphore; its twin is stepped when
 * something is awaited.
 */
#include "ledger_kit.h"

#include <dirent.h>
#include <semaphore.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "wire/record.h"

const char kit_channels[3][17] = {"cable", "radio", "pouch"};

static sem_t woken;

static void wake(void *arg)
{
    sem_post(arg);
}

enum ol_err kit_try(struct kit *k, char why[256])
{
    static const uint8_t key[32] = "a key for the ledger's own suite";

    return ol_sqlite_open(&k->l, k->path, key, wake, &woken, why);
}

static void start(struct kit *k)
{
    static const uint8_t line_id[32] = "the line of the ledger's suite";
    char why[256] = "";

    if (k->kind == KIT_MEM && !k->l)
        assert_int_equal(ol_mem_open(&k->l), OL_OK);
    if (k->kind == KIT_SQLITE && kit_try(k, why) != OL_OK)
        fail_msg("%s", why);
    OL_CHECK(k->l);
    assert_int_equal(k->l->ops->line(k->l, line_id, "south", &k->line),
                     OL_OK);
    k->outstanding = 0;
}

struct kit *kit_open(enum kit_kind kind)
{
    struct kit *k = calloc(1, sizeof(*k));

    assert_non_null(k);
    assert_int_equal(ol_crypto_init(), OL_OK);
    sem_init(&woken, 0, 0);
    k->kind = kind;
    k->at_ms = KIT_AT;
    if (kind == KIT_SQLITE) {
        strcpy(k->dir, "/tmp/openline-ledger-XXXXXX");
        assert_non_null(mkdtemp(k->dir));
        snprintf(k->path, sizeof(k->path), "%s/ledger.db", k->dir);
    }
    start(k);
    return k;
}

void kit_shut(struct kit *k)
{
    if (k->l)
        k->l->ops->close(k->l);
    k->l = NULL;
}

void kit_reopen(struct kit *k)
{
    if (k->kind == KIT_SQLITE)
        kit_shut(k);
    else
        ol_mem_crash(k->l);
    start(k);
}

void kit_free(struct kit *k)
{
    kit_shut(k);
    if (k->kind == KIT_SQLITE) {
        DIR *dir = opendir(k->dir);
        struct dirent *e;

        assert_non_null(dir);
        while ((e = readdir(dir)))
            unlinkat(dirfd(dir), e->d_name, 0);
        closedir(dir);
        assert_int_equal(rmdir(k->dir), 0);
    }
    free(k);
}

uint64_t kit_number(uint8_t prec, uint32_t index)
{
    return (uint64_t)index * OL_PRECS + prec;
}

void kit_id(uint8_t id[16], uint8_t author, uint8_t prec, uint32_t index)
{
    memset(id, 0xa5, 16);
    id[0] = author;
    id[1] = prec;
    memcpy(id + 2, &index, sizeof(index));
}

struct ol_span kit_canonical(uint8_t *buf, uint8_t author, uint8_t prec,
                             uint32_t index)
{
    /* Lengths from nothing to more than a page of the database. */
    static const size_t lengths[] = {0, 40, 700, 1500, 4096};
    char text[OL_TEXT_MAX];
    uint8_t id[16];
    struct ol_record r = {
        .prec = prec,
        .index = index,
        .number = kit_number(prec, index),
        .id = OL_SPAN_ARRAY(id),
        .kind = OL_KIND_MESSAGE,
        .written_ms = KIT_AT,
        .text = OL_SPAN(text, lengths[index % OL_LEN(lengths)]),
    };
    struct ol_writer w;

    memset(text, 'a' + (int)(index % 26), sizeof(text));
    kit_id(id, author, prec, index);
    ol_writer_init(&w, buf, OL_RECORD_MAX);
    assert_int_equal(ol_record_encode(&w, &r), OL_OK);
    return ol_writer_span(&w);
}

void kit_leaf(uint8_t leaf[32], uint8_t author, uint8_t prec, uint32_t index)
{
    uint8_t line_id[32] = "line", pk[32] = {author}, buf[OL_RECORD_MAX];

    ol_tree_leaf(leaf, line_id, pk, kit_canonical(buf, author, prec, index));
}

void kit_tree(struct ol_tree *t, uint8_t author, uint8_t prec, uint32_t size)
{
    /* Most ask for the next one: go on from the last. */
    static struct ol_tree last[2][OL_PRECS];
    struct ol_tree *tree = &last[author][prec];

    if (tree->size > size)
        ol_tree_init(tree);
    while (tree->size < size) {
        uint8_t leaf[32];

        kit_leaf(leaf, author, prec, tree->size + 1);
        ol_tree_append(tree, leaf);
    }
    *t = *tree;
}

struct ol_put *kit_put(struct kit *k, enum ol_put_kind kind, uint8_t author,
                       uint8_t prec, uint32_t index)
{
    struct ol_put *put = &k->puts[k->n_puts++];

    assert_true(k->n_puts < KIT_PUTS);
    memset(put, 0, sizeof(*put));
    put->kind = kind;
    put->author = author;
    put->prec = prec;
    put->index = index;
    put->channel = OL_CHANNEL_ANY;
    return put;
}

struct ol_span kit_keep(struct kit *k, const void *p, size_t n)
{
    uint8_t *at = k->bytes + k->used;

    assert_true(k->used + n <= KIT_BYTES);
    if (n > 0)
        memcpy(at, p, n); /* cppcheck-suppress uninitvar ; a const void * */
    k->used += n;
    return OL_SPAN(at, n);
}

struct ol_put *kit_record(struct kit *k, uint8_t author, uint8_t prec,
                          uint32_t index)
{
    struct ol_put *put = kit_put(k, OL_PUT_RECORD, author, prec, index);
    uint8_t buf[OL_RECORD_MAX];
    struct ol_span bytes = kit_canonical(buf, author, prec, index);

    put->number = kit_number(prec, index);
    put->rec_kind = OL_KIND_MESSAGE;
    kit_leaf(put->leaf, author, prec, index);
    memset(put->root, (int)index & 0xff, sizeof(put->root));
    put->bytes = kit_keep(k, bytes.p, bytes.n);
    return put;
}

void kit_head(struct kit *k, uint8_t author, uint8_t prec, uint32_t size)
{
    uint8_t saved[OL_TREE_LEVELS * OL_HASH];
    struct ol_tree t;

    kit_tree(&t, author, prec, size);
    kit_put(k, OL_PUT_HEAD, author, prec, size)->bytes =
        kit_keep(k, saved, ol_tree_save(&t, saved));
}

struct ol_put *kit_part(struct kit *k, uint8_t prec, uint32_t index,
                        unsigned lo, unsigned hi)
{
    struct ol_put *put = kit_put(k, OL_PUT_PART, OL_PEER, prec, index);
    uint8_t buf[OL_RECORD_MAX] = {0};

    kit_canonical(buf, OL_PEER, prec, index);
    put->offset = (uint16_t)(lo * 128);
    put->bytes = kit_keep(k, buf + lo * 128, (size_t)(hi - lo) * 128);
    for (unsigned u = lo; u < hi; u++)
        put->mask |= UINT64_C(1) << u;
    return put;
}

struct ol_put *kit_event(struct kit *k, enum ol_what what, uint8_t prec,
                         uint32_t index, uint32_t count)
{
    struct ol_put *put = kit_put(k, OL_PUT_EVENT, OL_PEER, prec, index);

    put->what = (uint8_t)what;
    put->count = count;
    return put;
}

void kit_meta(struct kit *k, const char *key, const void *value, size_t n)
{
    struct ol_span kept = kit_keep(k, key, strlen(key) + 1);

    assert_true(k->n_metas < OL_LEN(k->metas));
    k->metas[k->n_metas++] = (struct ol_ledger_meta){
        .key = (const char *)kept.p,
        .value = kit_keep(k, value, n),
    };
}

enum ol_err kit_offer(struct kit *k)
{
    struct ol_batch batch = {
        .line = k->line,
        .token = ++k->token,
        .at_ms = k->at_ms,
        .puts = k->puts,
        .n_puts = k->n_puts,
        .channels = kit_channels,
        .metas = k->metas,
        .n_metas = k->n_metas,
    };
    enum ol_err err = k->l->ops->commit(k->l, &batch);

    /* What was handed in is ours again: let any use of it show. */
    memset(k->puts, 0xee, k->n_puts * sizeof(k->puts[0]));
    memset(k->bytes, 0xee, k->used);
    k->n_puts = 0;
    k->n_metas = 0;
    k->used = 0;
    k->outstanding += err == OL_OK;
    return err;
}

void kit_commit(struct kit *k)
{
    assert_int_equal(kit_offer(k), OL_OK);
}

struct ol_ledger_done kit_done(struct kit *k)
{
    struct ol_ledger_done done;

    assert_true(k->outstanding > 0);
    while (!k->l->ops->done(k->l, &done)) {
        struct timespec end;

        if (k->kind == KIT_MEM) {
            assert_int_equal(ol_mem_step(k->l, 1), 1);
            continue;
        }
        clock_gettime(CLOCK_REALTIME, &end);
        end.tv_sec += 60;
        assert_int_equal(sem_timedwait(&woken, &end), 0);
    }
    assert_true(done.token > k->taken);
    assert_int_equal(done.line, k->line);
    k->taken = done.token;
    k->outstanding--;
    return done;
}

void kit_settle(struct kit *k, enum ol_err err)
{
    while (k->outstanding > 0) {
        enum ol_err got = kit_done(k).err;

        if (got != err)
            fail_msg("a batch ended as \"%s\" (%s), not as \"%s\"",
                     ol_err_info(got)->name, k->l->why,
                     ol_err_info(err)->name);
    }
}

void kit_sure(struct kit *k)
{
    kit_commit(k);
    kit_settle(k, OL_OK);
}

bool kit_see(void *arg, const struct ol_row *row)
{
    struct seen *s = arg;
    uint8_t buf[OL_RECORD_MAX], leaf[32];
    struct ol_span want = kit_canonical(buf, row->author, row->prec,
                                        row->index);

    assert_true(ol_span_eq(row->bytes, want));
    kit_leaf(leaf, row->author, row->prec, row->index);
    assert_memory_equal(row->leaf, leaf, sizeof(leaf));
    assert_int_equal(row->root[7], row->index & 0xff);
    assert_int_equal(row->number, kit_number(row->prec, row->index));
    assert_int_equal(row->kind, OL_KIND_MESSAGE);
    assert_true(s->n < OL_LEN(s->index));
    s->index[s->n++] = row->index;
    s->last = *row;
    return s->n != s->stop_at;
}

bool kit_hear(void *arg, const struct ol_row_event *ev)
{
    struct heard *h = arg;

    assert_true(h->n < OL_LEN(h->ev));
    h->ev[h->n++] = *ev;
    return h->n != h->stop_at;
}

struct seen kit_log(struct kit *k, uint8_t author, uint8_t prec)
{
    struct seen s = {0};

    assert_int_equal(k->l->ops->log(k->l, k->line, author, prec, 0,
                                    UINT32_MAX, 0, kit_see, &s), OL_OK);
    return s;
}

struct heard kit_events(struct kit *k, uint64_t after, uint32_t max)
{
    struct heard h = {0};

    assert_int_equal(k->l->ops->events(k->l, after, max, kit_hear, &h),
                     OL_OK);
    return h;
}

int kit_setup_mem(void **state)
{
    *state = kit_open(KIT_MEM);
    return 0;
}

int kit_setup_sqlite(void **state)
{
    *state = kit_open(KIT_SQLITE);
    return 0;
}

int kit_teardown(void **state)
{
    kit_free(*state);
    return 0;
}

void kit_row_of(struct kit *k, uint32_t index)
{
    kit_record(k, OL_OWN, OL_ROUTINE, index);
    kit_head(k, OL_OWN, OL_ROUTINE, index);
    kit_meta(k, "last", &index, sizeof(index));
}

uint32_t kit_head_size(struct kit *k)
{
    uint8_t frontier[1024];
    uint32_t size;
    size_t n;

    assert_int_equal(k->l->ops->head(k->l, k->line, OL_OWN, OL_ROUTINE, &size,
                                     frontier, &n), OL_OK);
    return size;
}
