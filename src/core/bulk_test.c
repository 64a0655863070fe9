/*
 * Attachments in the core, from both sides: what a hostile peer can ask for
 * and send changes nothing beyond the window, and nothing that was not wanted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/frames.h"

static struct ol_effects fx;

/* A line with one usable channel and an epoch to send under. */
static struct ol_line *line(void)
{
    struct ol_line *l = calloc(1, sizeof(*l));

    assert_non_null(l);
    l->fx = &fx;
    memset(&fx, 0, sizeof(fx));
    fx.wake_ns = OL_NEVER_NS;
    l->now_ns = 1000 * OL_NS_PER_S;
    l->n_ch = 1;
    l->ch[0].conf.kind = OL_CHAN_DATAGRAM;
    l->ch[0].conf.dials = l->ch[0].up = true;
    l->ch[0].state = OL_CHAN_UP;
    l->ref_free = OL_NO_REF;
    l->push.retry_ns = OL_NEVER_NS;
    l->epoch[0].state = OL_EP_CONFIRMED;
    return l;
}

/* The next step: the effects of the last one are gone. */
static void step(struct ol_line *l)
{
    ol_fx_close(l);
    fx.count = 0;
    l->arena_n = 0;
}

static unsigned count(enum ol_fx kind)
{
    unsigned n = 0;

    for (unsigned k = 0; k < fx.count; k++)
        n += fx.v[k].kind == kind;
    return n;
}

static const struct ol_load *load(void)
{
    for (unsigned k = 0; k < fx.count; k++)
        if (fx.v[k].kind == OL_FX_LOAD)
            return &fx.v[k].load;
    return NULL;
}

static void want(struct ol_line *l, const struct ol_want *v)
{
    struct ol_where at = {.epoch = &l->epoch[0], .current = true};

    assert_int_equal(ol_push_wanted(l, &at, v), OL_OK);
}

/* Answers each LOAD with what it asks for; how many there were. */
static unsigned feed(struct ol_line *l, unsigned most)
{
    static uint8_t bytes[OL_PIECE];
    unsigned n = 0;

    for (; n < most; n++) {
        struct ol_event ev = {.kind = OL_EV_PIECE};
        const struct ol_load *asked;

        step(l);
        ol_push_pump(l);
        asked = load();
        if (asked == NULL)
            break;
        assert_int_equal(asked->kind, OL_LOAD_PIECE);
        memset(bytes, (int)asked->index + 1, sizeof(bytes));
        ev.token = asked->token;
        ev.bytes = OL_SPAN(bytes, ol_file_piece_size(asked->size,
                                                     asked->index));
        assert_true(ol_push_piece(l, &ev));
    }
    return n;
}

static void a_want_without_end_loads_a_window(void **state)
{
    struct ol_line *l = line();
    struct ol_want v = {.serial = 1, .hash = {1}, .size = OL_FILE_MAX,
                        .limit = UINT32_MAX - 1};

    (void)state;
    want(l, &v);
    assert_int_equal(feed(l, 1000), OL_PULL_WINDOW);
    assert_int_equal(l->push.owing, OL_PULL_WINDOW * OL_PIECE_UNITS);
    /* At the very end of the largest there can be. */
    v.serial++;
    v.upto = UINT32_MAX - 3;
    want(l, &v);
    assert_int_equal(l->push.owing, 0);
    assert_int_equal(feed(l, 1000), 2);
    v.serial++;
    v.upto = v.limit;
    want(l, &v);
    assert_int_equal(l->push.owing, 0);
    assert_int_equal(feed(l, 1000), 0);
    free(l);
}

static void the_newest_want_counts(void **state)
{
    struct ol_line *l = line();
    struct ol_want v = {.serial = 5, .hash = {1}, .size = 100 * OL_PIECE,
                        .upto = 3, .limit = 35, .map = 2};
    struct ol_where old = {.epoch = &l->epoch[1], .current = false};

    (void)state;
    want(l, &v);
    assert_int_equal(feed(l, 1000), 31); /* piece 5 is there */
    assert_int_equal(l->push.slot[5].size, 0);
    v.hash[0] = 2;
    want(l, &v); /* the same serial again */
    assert_int_equal(l->push.want.hash[0], 1);
    v.serial = 6;
    assert_int_equal(ol_push_wanted(l, &old, &v), OL_OK);
    assert_int_equal(l->push.want.hash[0], 1);
    /* Another one: all that was here goes. */
    want(l, &v);
    assert_int_equal(l->push.want.hash[0], 2);
    assert_int_equal(l->push.owing, 0);
    assert_int_equal(feed(l, 1000), 31);
    /* It says that it holds less: from there again. So many loads, of which
     * nothing went, take a while. */
    l->now_ns += OL_NS_PER_S;
    v.serial = 7;
    v.upto = 0;
    v.map = 0;
    v.limit = 8;
    want(l, &v);
    assert_int_equal(l->push.owing, 0);
    assert_int_equal(feed(l, 1000), 8);
    /* Credit 0: nothing goes of what is here. */
    v.serial = 8;
    v.limit = 0;
    want(l, &v);
    assert_int_equal(feed(l, 1000), 0);
    /* Credit again, and more of it: what is not here yet is loaded. */
    l->now_ns += OL_NS_PER_S;
    v.serial = 9;
    v.limit = 12;
    want(l, &v);
    assert_int_equal(feed(l, 1000), 4);
    free(l);
}

static void what_is_not_ours_is_asked_for_ever_more_slowly(void **state)
{
    struct ol_line *l = line();
    struct ol_want v = {.serial = 1, .hash = {1}, .size = 5, .limit = 1};
    struct ol_event ev = {.kind = OL_EV_PIECE, .bytes = OL_SPAN("123456", 6)};
    const struct ol_load *piece;
    unsigned asked = 0;

    (void)state;
    want(l, &v);
    for (unsigned s = 0; s < 600; s++) {
        step(l);
        ol_push_pump(l);
        piece = load();
        if (piece != NULL) {
            ev.token = piece->token + 4;
            assert_false(ol_push_piece(l, &ev));
            ev.token = piece->token;
            ev.bytes.n = asked++ % 2 ? 6 : 0; /* nothing, or another size */
            assert_true(ol_push_piece(l, &ev));
            assert_false(ol_push_piece(l, &ev));
        }
        assert_int_equal(l->push.owing, 0);
        l->now_ns += OL_NS_PER_S;
    }
    assert_in_range(asked, 5, 20);
    free(l);
}

/* A frame of that room, as push.c fills it. */
static unsigned fill(struct ol_line *l, size_t room, struct ol_units *units,
                     struct ol_out_frame *f)
{
    static uint8_t bytes[OL_FRAME_MAX];
    struct ol_reader r;
    struct ol_chunk ch;
    unsigned n = 0;

    memset(f, 0, sizeof(*f));
    ol_writer_init(&f->w, bytes, room);
    if (!ol_push_fill(l, f)) {
        assert_int_equal(f->w.n, 0);
        return 0;
    }
    assert_true(f->asks);
    ol_reader_init(&r, ol_writer_span(&f->w));
    while (ol_chunk_next(&r, OL_IN_FRAME, &ch) == OL_OK &&
           ch.type == OL_CHUNK_UNITS) {
        assert_int_equal(ol_units_decode(ch.body, &units[n]), OL_OK);
        assert_int_equal(units[n++].serial, l->push.want.serial);
    }
    assert_int_equal(r.n, 0);
    return n;
}

static void units_go_once_and_again_when_lost(void **state)
{
    struct ol_line *l = line();
    struct ol_want v = {.serial = 1, .hash = {1},
                        .size = OL_PIECE + 65, .limit = 2};
    struct ol_out_frame f;
    struct ol_units b[32] = {0};
    size_t total = 0;

    (void)state;
    want(l, &v);
    assert_int_equal(feed(l, 9), 2);
    assert_int_equal(l->push.owing, 1024 + 2);
    assert_int_equal(fill(l, 76, b, &f), 0); /* a unit does not fit */
    assert_int_equal(fill(l, 77, b, &f), 1);
    assert_int_equal(b[0].bytes.n, 64);
    while (l->push.owing > 0) {
        unsigned n = fill(l, 1175, b, &f);
        for (unsigned k = 0; k < n; k++) {
            total += b[k].bytes.n;
            for (size_t at = 0; at < b[k].bytes.n; at++)
                assert_int_equal(b[k].bytes.p[at],
                                 b[k].piece + 1);
        }
    }
    assert_int_equal(total, v.size - 64);
    assert_int_equal(fill(l, 1175, b, &f), 0);
    /* Only units that there are can be lost. */
    ol_push_owe(l, 1, 0, UINT64_MAX);
    ol_push_owe(l, 1, 1, UINT64_MAX);
    ol_push_owe(l, 7, 0, UINT64_MAX);
    assert_int_equal(l->push.owing, 2);
    ol_push_owe(l, 0, 15, UINT64_C(1) << 63);
    assert_int_equal(fill(l, 1175, b, &f), 2);
    assert_int_equal(b[0].first, 1023);
    assert_int_equal(b[1].piece, 1);
    assert_int_equal(b[1].first, 0);
    assert_int_equal(b[1].bytes.n, 65);
    free(l);
}

/* A frame names the WANT that it answers, so there has to be one that is known
 * to be of the boot that listens. */
static void nothing_goes_before_a_want_of_the_epoch(void **state)
{
    struct ol_line *l = line();
    struct ol_want v = {.serial = 9, .hash = {1}, .size = 65, .limit = 1};
    struct ol_where bundle = {.epoch = NULL, .current = true};
    struct ol_units b[32] = {0};
    struct ol_out_frame f;

    (void)state;
    want(l, &v);
    assert_int_equal(feed(l, 9), 1);
    ol_push_epoch(l);
    assert_int_equal(ol_push_owes(l), 0);
    assert_int_equal(fill(l, 1175, b, &f), 0);
    v.serial = 2; /* they count anew */
    want(l, &v);
    assert_int_equal(ol_push_owes(l), 2 * OL_BLOB_UNIT);
    ol_push_epoch(l);
    v.serial = 3; /* what a bundle asks is answered by bundles */
    assert_int_equal(ol_push_wanted(l, &bundle, &v), OL_OK);
    assert_int_equal(fill(l, 1175, b, &f), 0);
    want(l, &v);
    assert_int_equal(fill(l, 1175, b, &f), 1);
    assert_int_equal(b[0].serial, 3);
    free(l);
}

/* The peer's WANT was acknowledged, the line is dark for a moment, and a bundle
 * with the same wish comes: nobody would say it again when a probe brings the
 * channel back in the same epoch. */
static void a_bundle_ends_nothing_that_goes(void **state)
{
    struct ol_line *l = line();
    struct ol_want v = {.serial = 4, .hash = {1}, .size = 2 * OL_PIECE,
                        .limit = 2};
    struct ol_where bundle = {.epoch = NULL, .current = true};
    struct ol_units b[32] = {0};
    struct ol_out_frame f;

    (void)state;
    want(l, &v);
    assert_int_equal(feed(l, 9), 2);
    v.serial = 6;
    v.upto = 1; /* by a bundle of ours */
    assert_int_equal(ol_push_wanted(l, &bundle, &v), OL_OK);
    assert_int_equal(ol_push_owes(l), OL_PIECE);
    assert_true(fill(l, 1175, b, &f) > 0);
    assert_int_equal(b[0].serial, 4); /* of those that came in frames */
    assert_int_equal(b[0].piece, 1);
    v.serial = 5; /* the serial of a bundle is not one of the epoch */
    want(l, &v);
    assert_true(fill(l, 1175, b, &f) > 0);
    assert_int_equal(b[0].serial, 5);
    /* Of another one no frame has said anything yet. */
    v.serial = 7;
    v.hash[0] = 2;
    assert_int_equal(ol_push_wanted(l, &bundle, &v), OL_OK);
    assert_int_equal(feed(l, 9), 1);
    assert_int_equal(fill(l, 1175, b, &f), 0);
    free(l);
}

/* The bundle was under way while frames said more, of the same boot: it would
 * end what goes, and the peer has no reason to say it again. */
static void a_bundle_from_before_ends_nothing(void **state)
{
    struct ol_line *l = line();
    struct ol_want v = {.serial = 8, .hash = {1}, .size = 3 * OL_PIECE,
                        .upto = 1, .limit = 3};
    struct ol_want old = {.serial = 7, .hash = {1}, .size = v.size};
    struct ol_where bundle = {.epoch = NULL, .current = true};

    (void)state;
    l->epoch[0].held_seen = true;
    l->epoch[0].boot[0] = l->peer_boot[0] = 1;
    want(l, &v);
    assert_int_equal(feed(l, 9), 2);
    assert_int_equal(ol_push_wanted(l, &bundle, &old), OL_OK);
    assert_int_equal(ol_push_owes(l), 2 * OL_PIECE);
    old.hash[0] = 2;
    assert_int_equal(ol_push_wanted(l, &bundle, &old), OL_OK);
    assert_int_equal(ol_push_owes(l), 2 * OL_PIECE);
    /* Another boot counts anew, and of that one it is the newest. */
    l->peer_boot[0] = 2;
    assert_int_equal(ol_push_wanted(l, &bundle, &old), OL_OK);
    assert_int_equal(l->push.want.hash[0], 2);
    assert_int_equal(ol_push_owes(l), 0);
    free(l);
}

/* ---- the other side ------------------------------------------------------ */

static struct ol_want wants(struct ol_line *l)
{
    uint8_t bytes[2000];
    struct ol_writer w;
    struct ol_reader r;
    struct ol_chunk ch;
    struct ol_want v;
    uint32_t serial;

    ol_writer_init(&w, bytes, sizeof(bytes));
    ol_pull_ask(l, &w, true, &serial);
    ol_reader_init(&r, ol_writer_span(&w));
    assert_int_equal(ol_chunk_next(&r, OL_IN_FRAME, &ch), OL_OK);
    assert_int_equal(ol_want_decode(ch.body, &v), OL_OK);
    assert_int_equal(v.serial, serial);
    return v;
}

/* And asks for it. */
static void pull(struct ol_line *l, uint64_t size)
{
    struct ol_file f = {.hash = {7}, .size = size};
    struct ol_event ev = {.kind = OL_EV_WANT, .file = &f};

    assert_int_equal(ol_pull_want(l, &ev), OL_OK);
    (void)wants(l);
}

/* In answer to the WANT of that serial. */
static enum ol_err answer(struct ol_line *l, uint32_t serial, uint64_t offset,
                          size_t n)
{
    static uint8_t bytes[OL_PIECE];
    struct ol_where at = {.epoch = &l->epoch[0], .current = true};
    struct ol_units b = {.serial = serial,
                         .piece = (uint32_t)(offset / OL_PIECE),
                         .first = (uint16_t)(offset % OL_PIECE / OL_BLOB_UNIT),
                         .bytes = OL_SPAN(bytes, n)};

    memset(bytes, (int)b.piece + 1, n);
    return ol_pull_units(l, &at, &b);
}

static enum ol_err units_at(struct ol_line *l, uint64_t offset, size_t n)
{
    return answer(l, l->pull.serial, offset, n);
}

static unsigned filled(const struct ol_line *l)
{
    unsigned n = 0;

    for (unsigned k = 0; k < OL_PULL_WINDOW; k++)
        n += l->pull.slot[k].state != OL_PULL_EMPTY;
    return n;
}

static void what_was_not_asked_for_changes_nothing(void **state)
{
    struct ol_line *l = line();

    (void)state;
    l->pull.serial = 5;
    assert_int_equal(units_at(l, 0, 64), OL_OK); /* nothing is pulled */
    assert_int_equal(filled(l), 0);
    pull(l, 40 * OL_PIECE + 100);
    assert_int_equal(answer(l, 5, 0, 64), OL_OK); /* of another one */
    assert_int_equal(answer(l, 7, 0, 64), OL_OK); /* of none yet */
    assert_int_equal(units_at(l, 32 * OL_PIECE, 64), OL_OK); /* no credit */
    assert_int_equal(units_at(l, 0, 65), OL_ERR_MALFORMED);
    assert_int_equal(units_at(l, 40 * OL_PIECE + 64, 37),
                     OL_ERR_MALFORMED); /* past the end */
    assert_int_equal(units_at(l, 41 * (uint64_t)OL_PIECE, 64),
                     OL_ERR_MALFORMED);
    assert_int_equal(units_at(l, OL_FILE_MAX - 64, 64), OL_ERR_MALFORMED);
    assert_int_equal(filled(l), 0);
    l->pull.dirty = false;
    l->full = true;
    assert_int_equal(units_at(l, 0, 64), OL_OK); /* the disk is */
    assert_int_equal(filled(l), 0);
    ol_pull_pump(l);
    assert_true(l->pull.dirty);
    assert_int_equal(wants(l).limit, 0);
    l->pull.dirty = false;
    ol_pull_pump(l);
    assert_false(l->pull.dirty);
    l->full = false;
    ol_pull_pump(l);
    assert_true(l->pull.dirty);
    assert_int_equal(wants(l).limit, 32);
    assert_int_equal(units_at(l, 31 * OL_PIECE, 64), OL_OK);
    assert_int_equal(filled(l), 1);
    free(l);
}

static void a_piece_is_held_when_it_is_on_disk(void **state)
{
    struct ol_line *l = line();
    const struct ol_put *put;
    struct ol_want v;

    (void)state;
    pull(l, 2 * OL_PIECE + 65);
    for (unsigned u = 0; u < 3; u++) /* over and over: still one unit */
        assert_int_equal(units_at(l, OL_PIECE, 64), OL_OK);
    assert_int_equal(units_at(l, OL_PIECE + 64, OL_PIECE - 128), OL_OK);
    ol_pull_pump(l);
    assert_int_equal(count(OL_FX_PUT), 0);
    assert_int_equal(units_at(l, 2 * OL_PIECE - 64, 64), OL_OK);
    assert_int_equal(units_at(l, 2 * OL_PIECE, 65), OL_OK);
    ol_pull_pump(l);
    assert_int_equal(count(OL_FX_PUT), 2);
    put = &fx.v[0].put;
    assert_int_equal(put->kind, OL_PUT_PIECE);
    assert_int_equal(put->author, OL_PEER);
    assert_int_equal(put->index, 1);
    assert_int_equal(put->leaf[0], 7);
    assert_int_equal(put->bytes.n, OL_PIECE);
    for (size_t k = 0; k < OL_PIECE; k++)
        assert_int_equal(put->bytes.p[k], 2);
    assert_int_equal(fx.v[1].put.bytes.n, 65);
    v = wants(l);
    assert_int_equal(v.upto, 0);
    assert_int_equal(v.limit, 3);
    assert_int_equal(v.map, 0); /* not yet */
    step(l);
    l->committed = l->given;
    ol_pull_pump(l);
    v = wants(l);
    assert_int_equal(v.upto, 0);
    assert_int_equal(v.map, 3);
    assert_int_equal(count(OL_FX_NOTE), 1);
    /* A second time, and the one that was missing. */
    assert_int_equal(units_at(l, OL_PIECE, OL_PIECE), OL_OK);
    assert_int_equal(filled(l), 0);
    assert_int_equal(units_at(l, 0, OL_PIECE), OL_OK);
    step(l);
    ol_pull_pump(l);
    assert_int_equal(count(OL_FX_PUT), 1);
    step(l);
    l->batch[0].token = l->batch[1].token = 0;
    l->committed = l->given;
    ol_pull_pump(l);
    v = wants(l);
    assert_int_equal(v.upto, 3);
    assert_int_equal(v.map, 0);
    assert_int_equal(count(OL_FX_NOTE), 2);
    assert_int_equal(fx.v[1].note.kind, OL_NOTE_PULLED);
    free(l);
}

/* A batch is small, and one is open. */
static void batches_are_small(void **state)
{
    struct ol_line *l = line();

    (void)state;
    pull(l, 40 * OL_PIECE);
    for (unsigned n = 0; n < OL_PULL_WINDOW; n++)
        assert_int_equal(units_at(l, n * OL_PIECE, OL_PIECE), OL_OK);
    assert_true(ol_pull_busy(l));
    ol_pull_pump(l);
    assert_int_equal(count(OL_FX_PUT), 8);
    step(l);
    ol_pull_pump(l);
    assert_int_equal(count(OL_FX_PUT), 0);
    l->committed = l->given;
    ol_pull_pump(l);
    assert_int_equal(count(OL_FX_PUT), 8);
    assert_int_equal(l->pull.upto, 8);
    free(l);
}

static void what_is_said_is_bounded_and_ends_when_noted(void **state)
{
    struct ol_line *l = line();
    struct ol_file f = {.size = 5};
    struct ol_event ev = {.kind = OL_EV_DONE, .file = &f};
    struct ol_want v = {.size = 5, .flags = OL_WANT_DECLINED | OL_WANT_NOTED};

    (void)state;
    for (unsigned k = 0; k < OL_SAID_MAX; k++) {
        f.hash[0] = (uint8_t)k;
        assert_int_equal(ol_pull_say(l, &ev, OL_WANT_DONE), OL_OK);
        assert_int_equal(ol_pull_say(l, &ev, OL_WANT_DONE), OL_OK);
    }
    f.hash[0] = 99;
    assert_int_equal(ol_pull_say(l, &ev, OL_WANT_DONE), OL_ERR_AGAIN);
    assert_true(ol_pull_due(l, 0));
    want(l, &v); /* noted, but not what we said */
    assert_int_equal(count(OL_FX_NOTE), 0);
    v.flags = OL_WANT_DONE | OL_WANT_NOTED;
    want(l, &v);
    assert_int_equal(count(OL_FX_NOTE), 1);
    assert_int_equal(fx.v[0].note.kind, OL_NOTE_NOTED);
    want(l, &v);
    assert_int_equal(count(OL_FX_NOTE), 1);
    assert_int_equal(ol_pull_say(l, &ev, OL_WANT_DONE), OL_OK);
    free(l);
}

/* A bundle waits for the station's word, and not for ever. */
static void a_bundle_is_offered(void **state)
{
    struct ol_line *l = line();
    struct ol_where at = {.epoch = NULL, .current = true};
    struct ol_blob b = {.hash = {9}, .bytes = OL_SPAN("x", 1)};

    (void)state;
    assert_int_equal(ol_pull_blob(l, &at, &b), OL_ERR_AGAIN);
    ol_pull_pump(l);
    assert_int_equal(count(OL_FX_NOTE), 1);
    assert_int_equal(fx.v[0].note.kind, OL_NOTE_OFFERED);
    assert_int_equal(ol_pull_blob(l, &at, &b), OL_ERR_AGAIN);
    ol_pull_pass(l, b.hash);
    assert_int_equal(ol_pull_blob(l, &at, &b), OL_OK);
    b.hash[0] = 10;
    assert_int_equal(ol_pull_blob(l, &at, &b), OL_ERR_AGAIN);
    l->now_ns += 10 * OL_NS_PER_S;
    step(l);
    ol_pull_pump(l);
    assert_int_equal(count(OL_FX_NOTE), 0);
    assert_int_equal(ol_pull_blob(l, &at, &b), OL_OK);
    assert_int_equal(filled(l), 0);
    /* Wanted after all. */
    b.hash[0] = 7;
    assert_int_equal(ol_pull_blob(l, &at, &b), OL_ERR_AGAIN);
    pull(l, 1);
    assert_int_equal(ol_pull_blob(l, &at, &b), OL_OK);
    assert_int_equal(filled(l), 1);
    free(l);
}

/* More attachments in one bundle than passed ones are remembered: it comes to
 * an end, whatever the station says. */
static void a_bundle_of_many_ends(void **state)
{
    struct ol_line *l = line();
    struct ol_where at = {.epoch = NULL, .current = true};
    unsigned tries = 0, offers = 0;
    bool again;

    (void)state;
    do {
        again = false;
        step(l);
        ol_pull_bundle(l, 5);
        for (unsigned k = 0; k < 100; k++) {
            struct ol_blob b = {.hash = {(uint8_t)k, 1},
                                .bytes = OL_SPAN("x", 1)};
            again |= ol_pull_blob(l, &at, &b) == OL_ERR_AGAIN;
        }
        ol_pull_pump(l);
        for (unsigned k = 0; k < fx.count; k++) {
            struct ol_file f = {.size = 1};
            struct ol_event ev = {.kind = OL_EV_WANT, .file = &f};
            if (fx.v[k].note.kind != OL_NOTE_OFFERED)
                continue;
            offers++;
            memcpy(f.hash, fx.v[k].note.hash, 32);
            if (f.hash[0] % 3 == 0)
                assert_int_equal(ol_pull_want(l, &ev), OL_OK);
            else
                ol_pull_pass(l, f.hash);
        }
        l->batch[0].token = 0;
        l->committed = l->given;
        assert_true(++tries < 300);
    } while (again);
    assert_in_range(offers, 90, 200);
    free(l);
}

/* A wish goes on the channel where blobs come as well. Only what goes on the
 * best one counts as said, so that one must get its turn. */
static void a_wish_is_said_on_two_channels(void **state)
{
    struct ol_line *l = line();
    unsigned at_most = 2;

    (void)state;
    l->n_ch = 2;
    l->ch[1] = l->ch[0];
    l->ch[1].tag = 1;
    l->frame_max = OL_FRAME_MAX;
    l->probe_ns = OL_NS_PER_S;
    for (unsigned c = 0; c < l->n_ch; c++) {
        l->ch[c].conf.mtu = OL_FRAME_UDP;
        ol_path_init(&l->ch[c].path, &l->ch[c].conf);
    }
    l->ch[0].path.srtt_ns = 2 * OL_NS_PER_MS;
    l->ch[1].path.srtt_ns = OL_NS_PER_MS;
    assert_int_equal(ol_chan_best(l), 1);
    pull(l, 40 * OL_PIECE);
    for (unsigned round = 0; round < 2; round++) {
        uint32_t before = l->pull.serial;
        l->pull.dirty = true;
        for (unsigned ms = 0; ms < 100; ms++) {
            step(l);
            ol_schedule_pump(l);
            l->now_ns += OL_NS_PER_MS;
        }
        assert_false(l->pull.dirty);
        assert_in_range(l->pull.serial - before, 1, at_most);
        /* One that is down is not worth the frame. */
        l->ch[0].state = OL_CHAN_DOWN;
        at_most = 1;
    }
    free(l);
}

/* A peer that talks of nothing else costs us little. */
static void talk_of_wholes_is_bounded(void **state)
{
    struct ol_line *l = line();
    struct ol_want done = {.size = 5, .flags = OL_WANT_DONE};
    struct ol_want ask = {.hash = {1}, .size = 5, .limit = 1};
    unsigned notes = 0;

    (void)state;
    for (unsigned ms = 0; ms < 1000; ms++) {
        step(l);
        for (unsigned k = 0; k < 40; k++) {
            done.hash[1]++;
            want(l, &done);
            ask.serial++;
            ask.hash[1]++;
            want(l, &ask);
        }
        ol_push_pump(l);
        assert_in_range(count(OL_FX_LOAD), 0, 1);
        notes += count(OL_FX_NOTE);
        l->now_ns += OL_NS_PER_MS;
    }
    assert_in_range(notes, 50, 190);
    free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_want_without_end_loads_a_window),
        cmocka_unit_test(the_newest_want_counts),
        cmocka_unit_test(what_is_not_ours_is_asked_for_ever_more_slowly),
        cmocka_unit_test(units_go_once_and_again_when_lost),
        cmocka_unit_test(nothing_goes_before_a_want_of_the_epoch),
        cmocka_unit_test(a_bundle_ends_nothing_that_goes),
        cmocka_unit_test(a_bundle_from_before_ends_nothing),
        cmocka_unit_test(what_was_not_asked_for_changes_nothing),
        cmocka_unit_test(a_piece_is_held_when_it_is_on_disk),
        cmocka_unit_test(batches_are_small),
        cmocka_unit_test(what_is_said_is_bounded_and_ends_when_noted),
        cmocka_unit_test(a_bundle_is_offered),
        cmocka_unit_test(a_bundle_of_many_ends),
        cmocka_unit_test(a_wish_is_said_on_two_channels),
        cmocka_unit_test(talk_of_wholes_is_bounded),
    };

    return cmocka_run_group_tests_name("bulk", tests, NULL, NULL);
}
