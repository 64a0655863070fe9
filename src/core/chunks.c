/*
 * The table of chunk types: what is taken where, once it has authenticated.
 *
 * A packet's chunks are taken in order; the first that is malformed or not
 * permitted ends the packet (what came before it stands: every chunk is a
 * fact of its own). The wire's rule table has checked place and bounds; this
 * one says what the core does. Cosignatures are of a later version: nothing of
 * this version asks for them, so they are refused here.
 */
#include "core/brief.h"
#include "core/restore.h"

static enum ol_err take_probe(struct ol_line *l, const struct ol_where *at,
                              struct ol_span body)
{
    struct ol_probe p;
    enum ol_err err = ol_probe_decode(body, &p);

    p.alone &= at->current;
    if (err == OL_OK)
        ol_probe_asked(l, at->c, &p, at->from);
    return err;
}

static enum ol_err take_echo(struct ol_line *l, const struct ol_where *at,
                             struct ol_span body)
{
    struct ol_probe p;
    enum ol_err err = ol_echo_decode(body, &p);

    if (err == OL_OK)
        ol_probe_echoed(l, at->c, &p, at->from);
    return err;
}

static enum ol_err take_view(struct ol_line *l, const struct ol_where *at,
                             struct ol_span body)
{
    struct ol_view v;
    enum ol_err err = ol_view_decode(body, &v);

    if (err == OL_OK && at->epoch == ol_epoch_sending(l))
        ol_probe_viewed(l, &v);
    return err;
}

static enum ol_err take_ack(struct ol_line *l, const struct ol_where *at,
                            struct ol_span body)
{
    struct ol_epoch *e = ol_epoch_sending(l);
    struct ol_ack ack;
    enum ol_err err = ol_ack_decode(body, &ack);

    if (err != OL_OK || e == NULL)
        return err;
    /* Acks of an older epoch speak of flights that were given up. */
    for (unsigned c = 0; c < l->n_ch; c++)
        if (e->ch[c].tx.index == ack.index && e->ch[c].counter > 0) {
            ol_path_acked(l, c, &ack, at->c);
            break;
        }
    return OL_OK;
}

static enum ol_err take_held(struct ol_line *l, const struct ol_where *at,
                             struct ol_span body)
{
    struct ol_held h;
    enum ol_err err = ol_held_decode(body, &h);

    if (err != OL_OK)
        return err;
    /* A start makes a new epoch, so this is nobody's word. */
    if (at->epoch != NULL && !ol_recv_boot_fits(at->epoch, h.boot))
        return OL_ERR_MALFORMED;
    if (!at->current)
        ol_recv_held(l, &h, OL_HELD_LATE);
    else if (at->epoch != NULL)
        ol_recv_held(l, &h, OL_HELD_LIVE);
    else
        ol_recv_held(l, &h, ol_recv_boot_over(l, h.boot) ? OL_HELD_LATE
                                                         : OL_HELD_BUNDLED);
    return OL_OK;
}

static enum ol_err take_brief(struct ol_line *l, const struct ol_where *at,
                              struct ol_span body)
{
    struct ol_brief b;
    enum ol_err err = ol_brief_decode(body, &b);

    return err == OL_OK ? ol_brief_take(l, at, &b) : err;
}

static enum ol_err take_segment(struct ol_line *l, const struct ol_where *at,
                                struct ol_span body)
{
    struct ol_segment s;
    enum ol_err err = ol_segment_decode(body, &s);

    if (err != OL_OK)
        return err;
    if (at->epoch != NULL && at->epoch->segment_ns == 0)
        at->epoch->segment_ns = l->now_ns;
    /* The way that just worked is the way back for what we hold, too. */
    l->data_ch = at->c;
    if (at->epoch != NULL) {
        at->epoch->ch[at->c].owed_logs |= (uint8_t)(1u << s.prec);
        ol_brief_busy(l, at->c);
    }
    return ol_recv_segment(l, &s);
}

static enum ol_err take_checkpoint(struct ol_line *l, const struct ol_where *at,
                                   struct ol_span body)
{
    struct ol_checkpoint cp;
    enum ol_err err = ol_checkpoint_decode(body, &cp);

    (void)at;
    return err == OL_OK ? ol_recv_checkpoint(l, &cp) : err;
}

static enum ol_err take_blob(struct ol_line *l, const struct ol_where *at,
                             struct ol_span body)
{
    struct ol_blob b;
    enum ol_err err = ol_blob_decode(body, &b);

    return err == OL_OK ? ol_pull_blob(l, at, &b) : err;
}

static enum ol_err take_units(struct ol_line *l, const struct ol_where *at,
                              struct ol_span body)
{
    struct ol_units u;
    enum ol_err err = ol_units_decode(body, &u);

    if (err != OL_OK)
        return err;
    if (at->epoch->segment_ns == 0)
        at->epoch->segment_ns = l->now_ns;
    return ol_pull_units(l, at, &u);
}

static enum ol_err take_want(struct ol_line *l, const struct ol_where *at,
                             struct ol_span body)
{
    struct ol_want v;
    enum ol_err err = ol_want_decode(body, &v);

    return err == OL_OK ? ol_push_wanted(l, at, &v) : err;
}

static enum ol_err take_return(struct ol_line *l, const struct ol_where *at,
                               struct ol_span body)
{
    struct ol_segment s;
    enum ol_err err = ol_segment_decode(body, &s);

    (void)at;
    if (err == OL_OK && s.codec != OL_CODEC_RAW)
        return OL_ERR_MALFORMED;
    return err == OL_OK ? ol_take_return(l, &s) : err;
}

static enum ol_err take_lost(struct ol_line *l, const struct ol_where *at,
                             struct ol_span body)
{
    struct ol_lost c;
    enum ol_err err = ol_lost_decode(body, &c);

    return err == OL_OK ? ol_give_lost(l, &c, at->epoch != NULL) : err;
}

static enum ol_err take_found(struct ol_line *l, const struct ol_where *at,
                              struct ol_span body)
{
    struct ol_found c;
    enum ol_err err = ol_found_decode(body, &c);

    return err == OL_OK ? ol_restore_found(l, &c, at->current) : err;
}

static const struct {
    enum ol_err (*take)(struct ol_line *, const struct ol_where *,
                        struct ol_span);
    bool asks; /* wants an ack */
} table[OL_CHUNK_TYPES] = {
    [OL_CHUNK_PROBE] = {take_probe, true},
    [OL_CHUNK_ECHO] = {take_echo, true},
    [OL_CHUNK_VIEW] = {take_view, false},
    [OL_CHUNK_ACK] = {take_ack, false},
    [OL_CHUNK_HELD] = {take_held, true},
    [OL_CHUNK_SEGMENT] = {take_segment, true},
    [OL_CHUNK_BLOB] = {take_blob, true},
    [OL_CHUNK_UNITS] = {take_units, true},
    [OL_CHUNK_RETURN] = {take_return, true},
    [OL_CHUNK_LOST] = {take_lost, true},
    [OL_CHUNK_FOUND] = {take_found, true},
    [OL_CHUNK_CHECKPOINT] = {take_checkpoint, true},
    [OL_CHUNK_COSIGNATURE] = {NULL, true},
    [OL_CHUNK_WANT] = {take_want, true},
    [OL_CHUNK_BRIEF] = {take_brief, false},
};

enum ol_err ol_chunks_take(struct ol_line *l, struct ol_span plain,
                           uint8_t where, const struct ol_where *at,
                           bool *asks)
{
    struct ol_reader r;
    struct ol_chunk ch;
    enum ol_err first = OL_OK;

    *asks = false;
    ol_reader_init(&r, plain);
    for (;;) {
        enum ol_err err = ol_chunk_next(&r, where, &ch);
        if (err != OL_OK)
            return err;
        if (ch.type == OL_CHUNK_PAD)
            return first;
        *asks |= table[ch.type].asks;
        err = table[ch.type].take == NULL
                  ? OL_ERR_DENIED
                  : table[ch.type].take(l, at, ch.body);
        /* Without room the rest may still fit; it is said at the end. */
        if (err != OL_OK && err != OL_ERR_AGAIN)
            return err;
        if (first == OL_OK)
            first = err;
    }
}
