/*
 * Which files of the folder were seen, and which are to be left alone.
 *
 * Happy path: a scan sees every file; one it has not seen before waits until a
 * later scan finds it unchanged; one that is not ours is left until it
 * changes. What lies there no more is forgotten. The memory is bounded: when
 * it is full the oldest file that is left alone is forgotten, which costs
 * reading it once more, and `overflowed` makes the courier slow down.
 */
#include <string.h>

#include "channel/courier.h"

/* Unsigned inside: a file may claim any time. */
static int64_t in_ns(const struct timespec *ts)
{
    return (int64_t)((uint64_t)ts->tv_sec * 1000000000u +
                     (uint64_t)ts->tv_nsec);
}

void ol_file_id(struct ol_file_id *id, const char *name,
                const struct stat *st)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
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

static struct ol_seen *find(struct ol_memory *m, const struct ol_file_id *id)
{
    for (unsigned k = 0; k < OL_COURIER_MEMORY; k++) {
        struct ol_seen *s = &m->v[k];

        if (s->state != OL_SEEN_FREE && ol_file_id_eq(&s->id, id))
            return s;
    }
    return NULL;
}

/* A free place, else that of the oldest file that is left alone. */
static struct ol_seen *place(struct ol_memory *m)
{
    struct ol_seen *oldest = NULL;

    for (unsigned k = 0; k < OL_COURIER_MEMORY; k++) {
        struct ol_seen *s = &m->v[k];

        if (s->state == OL_SEEN_FREE)
            return s;
        if (s->state == OL_SEEN_LEFT &&
            (!oldest || s->since_ms < oldest->since_ms))
            oldest = s;
    }
    m->overflowed = true;
    return oldest;
}

static struct ol_seen *remember(struct ol_memory *m,
                                const struct ol_file_id *id, uint64_t now_ms)
{
    struct ol_seen *s = place(m);

    if (s)
        *s = (struct ol_seen){*id, OL_SEEN_WAITING, true, now_ms};
    return s;
}

struct ol_seen *ol_memory_see(struct ol_memory *m, const struct ol_file_id *id,
                              uint64_t now_ms)
{
    struct ol_seen *s = find(m, id);

    if (!s)
        return remember(m, id, now_ms);
    s->present = true;
    return s;
}

void ol_memory_leave(struct ol_memory *m, const struct ol_file_id *id,
                     uint64_t now_ms)
{
    struct ol_seen *s = find(m, id);

    if (!s)
        s = remember(m, id, now_ms);
    if (s) {
        s->state = OL_SEEN_LEFT;
        s->since_ms = now_ms;
    }
}

void ol_memory_clear(struct ol_memory *m)
{
    memset(m, 0, sizeof(*m));
}

void ol_memory_begin(struct ol_memory *m)
{
    m->overflowed = false;
    for (unsigned k = 0; k < OL_COURIER_MEMORY; k++)
        m->v[k].present = false;
}

void ol_memory_end(struct ol_memory *m)
{
    for (unsigned k = 0; k < OL_COURIER_MEMORY; k++) {
        if (!m->v[k].present)
            m->v[k].state = OL_SEEN_FREE;
    }
}
