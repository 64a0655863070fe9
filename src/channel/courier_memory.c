/*
 * Which files of the folder were seen, and which are to be left alone.
 *
 * Happy path: a scan sees every file; one it has not seen before waits until a
 * later scan finds it unchanged; one that is not ours is left until it
 * changes. What lies there no more is forgotten with the table it stood in.
 * The memory is bounded and holds every file a scan looks at, so nothing is
 * forgotten and read again; what is more than that is not looked at, and
 * `overflowed` lets the status say so.
 *
 * A file is known by 64 bits of a hash. Who could make two collide could as
 * well remove the files.
 */
#include <string.h>

#include "base/check.h"
#include "channel/courier.h"

#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

/* Unsigned inside: a file may claim any time. */
static int64_t in_ns(const struct timespec *ts)
{
    return (int64_t)((uint64_t)ts->tv_sec * 1000000000u +
                     (uint64_t)ts->tv_nsec);
}

void ol_file_id(struct ol_file_id *id, const char *name,
                const struct stat *st)
{
    uint64_t hash = FNV_START;

    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * FNV_PRIME;
    *id = (struct ol_file_id){
        .name = hash,
        .dev = st->st_dev,
        .ino = st->st_ino,
        .size = st->st_size,
        .mtime_ns = in_ns(&st->st_mtim),
        .ctime_ns = in_ns(&st->st_ctim),
    };
}

bool ol_file_id_eq(const struct ol_file_id *a, const struct ol_file_id *b)
{
    return a->name == b->name && a->dev == b->dev && a->ino == b->ino &&
           a->size == b->size && a->mtime_ns == b->mtime_ns &&
           a->ctime_ns == b->ctime_ns;
}

static uint64_t print_of(const struct ol_file_id *id)
{
    const uint64_t v[] = {id->name,           id->dev,
                          id->ino,            (uint64_t)id->size,
                          (uint64_t)id->mtime_ns, (uint64_t)id->ctime_ns};
    uint64_t hash = FNV_START;

    for (size_t k = 0; k < sizeof(v) / sizeof(v[0]); k++) {
        hash = (hash ^ v[k]) * FNV_PRIME;
        hash ^= hash >> 32; /* whole words: their high halves count too */
    }
    return hash ? hash : 1;
}

/* Where it stands in a table, or the free place where it would. */
static struct ol_seen *find(struct ol_memory *m, unsigned table,
                            uint64_t print)
{
    size_t at = print % OL_COURIER_TABLE;

    while (m->v[table][at].print && m->v[table][at].print != print)
        at = (at + 1) % OL_COURIER_TABLE;
    return &m->v[table][at];
}

void ol_memory_clear(struct ol_memory *m)
{
    memset(m, 0, sizeof(*m));
}

void ol_memory_begin(struct ol_memory *m)
{
    unsigned next = !m->now;

    m->overflowed = false;
    m->n[next] = 0;
    memset(m->v[next], 0, sizeof(m->v[next]));
}

const struct ol_seen *ol_memory_see(struct ol_memory *m,
                                    const struct ol_file_id *id,
                                    uint64_t now_ms)
{
    unsigned next = !m->now;
    uint64_t print = print_of(id);
    struct ol_seen *old = find(m, m->now, print);
    struct ol_seen *s = find(m, next, print);

    if (s->print)
        return s;
    if (m->n[next] == OL_COURIER_FILES) {
        m->overflowed = true;
        return NULL;
    }
    m->n[next]++;
    *s = old->print ? *old : (struct ol_seen){print, now_ms, 0};
    return s;
}

void ol_memory_end(struct ol_memory *m)
{
    m->now = !m->now;
}

void ol_memory_leave(struct ol_memory *m, const struct ol_file_id *id,
                     uint64_t now_ms)
{
    struct ol_seen *s = find(m, m->now, print_of(id));

    /* A scan found it, and none has run since. */
    OL_CHECK(s->print);
    s->since_ms = now_ms;
    s->left = 1;
}
