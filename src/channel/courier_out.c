/*
 * What the courier takes along.
 *
 * Happy path: bundles are collected in a hidden file; the last one ends it,
 * and it is synced and renamed on a thread, since a stick can take seconds for
 * that. Its name is random and says nothing; we remember it, to know the file
 * as our own when the folder is searched.
 *
 * A bundle that cannot be written is dropped and counted; those before it in
 * its file still go. Up to four files are synced at a time; while they are,
 * what would begin a fifth is refused.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel/courier.h"

/* A file that is being synced and renamed, by a thread. */
struct ol_finishing {
    uv_work_t work;
    struct ol_courier *courier; /* NULL: closed meanwhile */
    struct ol_pouch_file *file;
    enum ol_err err;
    int sys;
};

static struct ol_finishing **free_place(struct ol_courier *c)
{
    for (unsigned k = 0; k < OL_COURIER_FINISHING; k++) {
        if (!c->finishing[k])
            return &c->finishing[k];
    }
    return NULL;
}

bool ol_courier_takes(struct ol_courier *c)
{
    return c->out || free_place(c);
}

static int hex(char ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

bool ol_courier_is_own(const struct ol_courier *c, const char *name)
{
    uint64_t number = 0;

    for (unsigned k = 0; k < 16; k++) {
        int digit = hex(name[k]);

        if (digit < 0)
            return false;
        number = number << 4 | (unsigned)digit;
    }
    if (number == 0 || strcmp(name + 16, OL_COURIER_SUFFIX))
        return false;
    for (unsigned k = 0; k < OL_COURIER_OWN; k++) {
        if (c->own[k] == number)
            return true;
    }
    return false;
}

/* A new file, its name known before it can be seen. */
static enum ol_err begin_file(struct ol_courier *c)
{
    char name[16 + sizeof(OL_COURIER_SUFFIX)];
    uint64_t number = 0;
    int dir;

    if (uv_random(NULL, NULL, &number, sizeof(number), 0, NULL)) {
        errno = EIO;
        return OL_ERR_IO;
    }
    dir = ol_courier_folder(c);
    if (dir < 0)
        return OL_ERR_DOWN;
    c->own[c->n_own++ % OL_COURIER_OWN] = number;
    snprintf(name, sizeof(name), "%016llx" OL_COURIER_SUFFIX,
             (unsigned long long)number);
    return ol_pouch_create_at(&c->out, dir, name);
}

static void finish_work(uv_work_t *work)
{
    struct ol_finishing *f = work->data;

    f->err = ol_pouch_finish(f->file, true);
    f->sys = f->err ? errno : 0;
}

static void say_unwritten(struct ol_courier *c, enum ol_err err, int sys)
{
    char text[OL_SYS_TEXT];

    ol_base_failed(&c->base, err, sys);
    c->unwritten = true;
    ol_base_say(&c->base, "cannot write to %.60s: %.60s", c->path,
                err == OL_ERR_FULL ? "it is full" : ol_sys_text(sys, text));
}

static void finish_done(uv_work_t *work, int sys)
{
    struct ol_finishing *f = work->data;
    struct ol_courier *c = f->courier;

    (void)sys;
    for (unsigned k = 0; c && k < OL_COURIER_FINISHING; k++) {
        if (c->finishing[k] == f)
            c->finishing[k] = NULL;
    }
    if (c)
        c->unwritten = false;
    if (c && f->err) {
        c->base.status.dropped++;
        say_unwritten(c, f->err, f->sys);
    }
    if (c)
        ol_courier_wake(c); /* there is room again */
    free(f);
}

/* Hands the collected file to a thread, or throws an empty one away. */
static void finish_file(struct ol_courier *c)
{
    struct ol_finishing **place = free_place(c);
    struct ol_finishing *f = place ? calloc(1, sizeof(*f)) : NULL;

    if (!f || ol_pouch_count(c->out) == 0) {
        (void)!ol_pouch_finish(c->out, false);
        free(f);
    } else {
        f->work.data = f;
        f->courier = c;
        f->file = c->out;
        if (uv_queue_work(c->base.loop, &f->work, finish_work, finish_done)) {
            (void)!ol_pouch_finish(f->file, false);
            free(f);
        } else {
            *place = f;
        }
    }
    c->out = NULL;
}

static enum ol_err add(struct ol_courier *c, struct ol_span packet)
{
    enum ol_err err = OL_OK;

    /* A place is needed when the file ends: no file begins without one. */
    if (!c->out && !free_place(c))
        return OL_ERR_AGAIN;
    if (!c->out)
        err = begin_file(c);
    if (!err)
        err = ol_pouch_add(c->out, packet);
    if (err == OL_ERR_TOO_LONG) {
        finish_file(c);
        err = free_place(c) ? begin_file(c) : OL_ERR_AGAIN;
        if (!err)
            err = ol_pouch_add(c->out, packet);
    }
    if (err == OL_OK || err == OL_ERR_AGAIN)
        return err;
    say_unwritten(c, err, errno);
    return err == OL_ERR_FULL ? OL_ERR_AGAIN : OL_ERR_IO;
}

enum ol_err ol_courier_send(struct ol_bearer *b, const struct ol_addr *to,
                                struct ol_span packet, bool last)
{
    struct ol_courier *c = (struct ol_courier *)b;
    enum ol_err err = OL_OK;

    if (packet.n > OL_BUNDLE_MAX)
        err = OL_ERR_LONG;
    else if (packet.n == 0)
        err = OL_ERR_INPUT;
    else if (to->len > 0 || !c->there || !c->writable)
        err = OL_ERR_DOWN;
    else
        err = add(c, packet);
    if (last && c->out)
        finish_file(c);
    if (!c->out && !free_place(c))
        ol_courier_wake(c); /* to tell that the room has ended */
    if (err)
        return ol_base_dropped(&c->base, err);
    ol_base_sent(&c->base, packet.n);
    return OL_OK;
}

void ol_courier_let_go(struct ol_courier *c)
{
    if (c->out)
        finish_file(c); /* each bundle in it is whole */
    for (unsigned k = 0; k < OL_COURIER_FINISHING; k++) {
        if (c->finishing[k])
            c->finishing[k]->courier = NULL;
    }
}
