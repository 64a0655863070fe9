/*
 * What all bearers share.
 *
 * Happy path: create, count the handles, tell packets and changes; the owner
 * closes: silence, every handle is closed, and the last one to close frees the
 * struct. Nothing here fails but the allocation.
 */
#include "channel/bearer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

void *ol_base_create(size_t size, const struct ol_bearer_ops *ops,
                     uv_loop_t *loop, const struct ol_bearer_events *events,
                     void *arg)
{
    struct ol_base *base = calloc(1, size);

    if (!base)
        return NULL;
    base->pub.ops = ops;
    base->pub.events = events;
    base->pub.arg = arg;
    base->loop = loop;
    return base;
}

static void discard(struct ol_base *base)
{
    if (base->fini)
        base->fini(base);
    free(base);
}

void ol_base_discard(struct ol_base *base)
{
    OL_CHECK(base->handles == 0);
    discard(base);
}

void ol_base_count(struct ol_base *base, uv_handle_t *handle)
{
    handle->data = base;
    base->handles++;
}

void ol_base_timer(struct ol_base *base, uv_timer_t *timer)
{
    uv_timer_init(base->loop, timer);
    ol_base_count(base, (uv_handle_t *)timer);
}

void ol_base_turn(struct ol_base *base, uv_idle_t *turn)
{
    uv_idle_init(base->loop, turn);
    ol_base_count(base, (uv_handle_t *)turn);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct ol_base *base = handle->data;

    OL_CHECK(base->handles > 0);
    base->handles--;
    if (base->handles == 0 && base->closed)
        discard(base);
}

void ol_base_close_handle(struct ol_base *base, uv_handle_t *handle)
{
    OL_CHECK(handle->data == base);
    uv_close(handle, on_handle_closed);
}

void ol_base_silence(struct ol_base *base)
{
    OL_CHECK(!base->closed);
    base->closed = true;
}

void ol_base_say(struct ol_base *base, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(base->status.state, sizeof(base->status.state), fmt, ap);
    va_end(ap);
}

void ol_why(char *why, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(why, OL_WHY, fmt, ap);
    va_end(ap);
}

const char *ol_sys_text(int sys, char text[OL_SYS_TEXT])
{
    return uv_strerror_r(sys < 0 ? sys : -sys, text, OL_SYS_TEXT);
}

void ol_base_failed(struct ol_base *base, enum ol_err err, int sys)
{
    base->status.last_err = err;
    base->status.last_errno = sys < 0 ? -sys : sys;
    base->status.failed_ms = base->loop ? uv_now(base->loop) : 0;
}

enum ol_err ol_base_dropped(struct ol_base *base, enum ol_err err)
{
    base->status.dropped++;
    return err;
}

void ol_base_sent(struct ol_base *base, size_t bytes)
{
    base->status.packets_out++;
    base->status.bytes_out += bytes;
}

static const struct ol_addr nowhere;

bool ol_base_packet(struct ol_base *base, const struct ol_addr *from,
                    struct ol_span packet, uint64_t file)
{
    if (base->closed)
        return false;
    base->status.packets_in++;
    base->status.bytes_in += packet.n;
    base->pub.events->packet(base->pub.arg, &base->pub,
                             from ? from : &nowhere, packet, file);
    return !base->closed;
}

bool ol_base_changed(struct ol_base *base, const struct ol_addr *from,
                     const struct ol_chan *chan)
{
    if (base->closed)
        return false;
    base->pub.events->changed(base->pub.arg, &base->pub,
                              from ? from : &nowhere, chan);
    return !base->closed;
}

void ol_base_status(struct ol_bearer *b, struct ol_bearer_status *out)
{
    *out = ((struct ol_base *)b)->status;
}

void ol_base_no_release(struct ol_bearer *b, uint64_t file, bool remove)
{
    (void)b;
    (void)file;
    (void)remove;
}
