/* What a power cut leaves. See disk_cut.h. */
#include "disk_cut.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES 16u
#define SECTOR 512u

struct deed {
    enum disk_op op;
    char name[128];
    uint64_t at;
    uint8_t *bytes;
    size_t n;
    bool lost; /* only the machine's memory has it */
};

static struct deed *kept;
static uint32_t n_kept, room;
static bool paused;

static void *sure(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

void disk_keep(const struct disk_deed *deed)
{
    struct deed *d;

    if (paused)
        return;
    if (n_kept == room) {
        room = room ? 2 * room : 1024;
        kept = sure(realloc(kept, room * sizeof(*kept)));
    }
    d = &kept[n_kept];
    *d = (struct deed){.op = deed->op, .at = deed->at, .n = deed->n};
    snprintf(d->name, sizeof(d->name), "%s", deed->name);
    if (deed->n > 0) {
        d->bytes = sure(malloc(deed->n));
        memcpy(d->bytes, deed->bytes, deed->n);
    }
    __atomic_add_fetch(&n_kept, 1, __ATOMIC_RELEASE);
}

void disk_pause(bool on)
{
    paused = on;
}

void disk_forget(void)
{
    for (uint32_t k = 0; k < n_kept; k++)
        free(kept[k].bytes);
    free(kept);
    kept = NULL;
    n_kept = room = 0;
}

uint32_t disk_deeds(void)
{
    return __atomic_load_n(&n_kept, __ATOMIC_ACQUIRE);
}

enum disk_op disk_deed_op(uint32_t n)
{
    return kept[n].op;
}

/* One file on its way through the deeds. */
struct left {
    const char *name;
    bool there;    /* as the machine saw it */
    bool named;    /* its name is on disk */
    bool memory;   /* as the machine sees it, not as the disk has it */
    bool lingers;  /* it was deleted, and its name may still be on disk */
    uint32_t from; /* deeds before this one are synced */
};

struct bytes {
    uint8_t *p;
    size_t n;
};

static void grow(struct bytes *b, size_t n)
{
    if (n <= b->n)
        return;
    b->p = sure(realloc(b->p, n));
    memset(b->p + b->n, 0, n - b->n);
    b->n = n;
}

static void put(struct bytes *b, const struct deed *d, size_t from, size_t n)
{
    if (n == 0)
        return;
    grow(b, (size_t)d->at + from + n);
    b->p = sure(b->p);
    memcpy(b->p + d->at + from, d->bytes + from, n);
}

/* What became of a write or a cut that was never synced. */
enum fate { GONE, DONE, ANY, SECTORS, UPTO };

static void apply(struct bytes *b, const struct deed *d, enum fate fate,
                  struct dice *dice)
{
    if (fate == GONE || (fate != DONE && d->op == DISK_CUT &&
                         dice_in(dice, 0, 1)) ||
        (fate == ANY && dice_in(dice, 0, 1)))
        return;
    if (d->op == DISK_CUT) {
        grow(b, (size_t)d->at);
        b->n = (size_t)d->at;
    } else if (fate != SECTORS) {
        put(b, d, 0, d->n);
    } else {
        for (size_t at = 0, n; at < d->n; at += n) {
            n = SECTOR - (d->at + at) % SECTOR;
            n = n < d->n - at ? n : d->n - at;
            if (dice_in(dice, 0, 1))
                put(b, d, at, n);
        }
    }
}

static bool of(const struct deed *d, const struct left *f)
{
    return (d->op == DISK_WRITE || d->op == DISK_CUT) &&
           strcmp(d->name, f->name) == 0;
}

/* The bytes of a file whose deeds since `born` count. */
static struct bytes content(const struct left *f, uint32_t born, uint32_t n,
                            struct dice *dice)
{
    enum fate fate = (enum fate)dice_in(dice, GONE, UPTO);
    struct bytes b = {0};
    uint32_t loose = 0, upto = UINT32_MAX;

    for (uint32_t k = f->from; k < n; k++)
        loose += of(&kept[k], f);
    if (fate == UPTO)
        upto = (uint32_t)dice_in(dice, 0, loose);
    loose = 0;
    for (uint32_t k = born; k < n; k++) {
        if (!of(&kept[k], f) || (kept[k].lost && !f->memory))
            continue;
        if (k < f->from)
            apply(&b, &kept[k], DONE, dice);
        else if (fate != UPTO || loose <= upto)
            apply(&b, &kept[k], fate != UPTO     ? fate
                                : loose == upto  ? SECTORS
                                                 : DONE, dice);
        loose += k >= f->from;
    }
    return b;
}

static void write_out(const char *to, const char *name, struct bytes b)
{
    char path[256];
    int fd;

    snprintf(path, sizeof(path), "%s%s", to, strrchr(name, '/'));
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, b.p, b.n) != (ssize_t)b.n || close(fd) != 0)
        abort();
}

static struct left *find(struct left *files, const char *name)
{
    struct left *f = files;

    while (f->name && strcmp(f->name, name) != 0)
        f++;
    if (f == files + FILES - 1)
        abort();
    return f;
}

static bool is_ledger(const char *name)
{
    size_t n = strlen(name);

    return n > 3 && strcmp(name + n - 3, ".db") == 0;
}

static void folder_synced(struct left *files)
{
    for (; files->name; files++) {
        files->named = files->there;
        files->lingers = false;
    }
}

static void follow(struct left *files, uint32_t *born, uint32_t k)
{
    const struct deed *d = &kept[k];
    struct left *f = find(files, d->name);

    switch (d->op) {
    case DISK_OPEN:
        if (f->there)
            return;
        *f = (struct left){.name = d->name, .there = true, .from = k};
        born[f - files] = k;
        return;
    case DISK_SYNC:
        /* The first sync of a log syncs its folder too. */
        if (!f->named && !is_ledger(d->name))
            folder_synced(files);
        f->from = k;
        return;
    case DISK_DELETE:
        if (!f->name)
            return;
        f->there = false;
        f->lingers = f->named;
        if (d->at != 0)
            folder_synced(files);
        return;
    default:
        return;
    }
}

void disk_cut(uint32_t n)
{
    while (n_kept > n)
        free(kept[--n_kept].bytes);
}

/* How the files of a folder stand after n deeds. */
static void follow_all(struct left *files, uint32_t *born, const char *folder,
                       uint32_t n)
{
    size_t len = strlen(folder);

    for (uint32_t k = 0; k < n; k++)
        if (strncmp(kept[k].name, folder, len) == 0)
            follow(files, born, k);
}

void disk_fail_sync(uint32_t n)
{
    const char *name = kept[n].name;
    uint32_t from = n;

    while (from > 0 && (kept[from - 1].op != DISK_SYNC ||
                        strcmp(kept[from - 1].name, name) != 0))
        from--;
    for (uint32_t k = from; k < n; k++)
        kept[k].lost |= kept[k].op == DISK_WRITE &&
                        strcmp(kept[k].name, name) == 0;
}

void disk_leave_all(const char *folder, const char *to, uint32_t n)
{
    struct left files[FILES] = {0};
    uint32_t born[FILES] = {0};

    follow_all(files, born, folder, n);
    for (struct left *f = files; f->name; f++) {
        if (!f->there)
            continue;
        f->from = n; /* as if it were synced */
        f->memory = true;
        struct bytes b = content(f, born[f - files], n, &(struct dice){0});

        write_out(to, f->name, b);
        free(b.p);
    }
}

void disk_leave(const char *folder, const char *to, uint32_t n,
                struct dice *d)
{
    struct left files[FILES] = {0};
    uint32_t born[FILES] = {0};

    follow_all(files, born, folder, n);
    for (struct left *f = files; f->name; f++) {
        if (!f->there && (!f->lingers || dice_in(d, 0, 1)))
            continue;
        if (f->there && !f->named && dice_in(d, 0, 1))
            continue;
        struct bytes b = content(f, born[f - files], n, d);

        write_out(to, f->name, b);
        free(b.p);
    }
}
