/*
 * The engine by hand: two lines, and a test that carries every effect itself,
 * so that it can hold a commit back and look at what leaves meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openline/line.h>

#include "base/units.h"
#include "core/line_int.h"
#include "crypto/crypto.h"
#include "wire/messages.h"

#define QUEUE 256

struct end {
    struct ol_identity id;
    uint8_t share[32];
    void *mem;
    struct ol_line *line;
    struct ol_effects eff;
    uint64_t batches[QUEUE];
    unsigned n_batches;
    unsigned taken, records, acks, arrived, signs;
    bool hold; /* commits do not finish */
    bool full; /* its disk is */
};

struct pair {
    struct end e[2];
    uint64_t now_ns;
    uint8_t box[QUEUE][OL_FRAME_MAX];
    size_t box_n[QUEUE];
    unsigned box_to[QUEUE], first, last;
};

static void carry(struct pair *p, unsigned i)
{
    struct end *e = &p->e[i];

    if (e->eff.batch != 0)
        e->batches[e->n_batches++] = e->eff.batch;
    for (unsigned k = 0; k < e->eff.count; k++) {
        const struct ol_effect *f = &e->eff.v[k];
        if (f->kind == OL_FX_SEND) {
            unsigned at = p->last++ % QUEUE;
            assert_true(p->last - p->first <= QUEUE);
            memcpy(p->box[at], f->send.bytes.p, f->send.bytes.n);
            p->box_n[at] = f->send.bytes.n;
            p->box_to[at] = 1 - i;
        } else if (f->kind == OL_FX_NOTE) {
            if (f->note.kind == OL_NOTE_TAKEN)
                e->taken += f->note.count;
        } else if (f->kind == OL_FX_PUT) {
            e->signs += f->put.kind == OL_PUT_CHECKPOINT &&
                        f->put.author == OL_OWN;
            e->records += f->put.kind == OL_PUT_RECORD;
            e->acks += f->put.kind == OL_PUT_ACK;
            e->arrived += f->put.kind == OL_PUT_EVENT &&
                          f->put.what == OL_WHAT_ARRIVED;
        }
    }
}

static enum ol_err give(struct pair *p, unsigned i, struct ol_event ev)
{
    enum ol_err err;

    ev.full = p->e[i].full;
    err = ol_line_step(p->e[i].line, &ev, p->now_ns, &p->e[i].eff);
    carry(p, i);
    while (p->e[i].eff.more) {
        ev = (struct ol_event){.kind = OL_EV_TICK, .full = p->e[i].full};
        assert_int_equal(ol_line_step(p->e[i].line, &ev, p->now_ns,
                                      &p->e[i].eff),
                         OL_OK);
        carry(p, i);
    }
    return err;
}

static void commit_one(struct pair *p, unsigned i)
{
    struct end *e = &p->e[i];
    struct ol_event ev = {.kind = OL_EV_COMMITTED, .token = e->batches[0]};

    e->n_batches--;
    memmove(e->batches, e->batches + 1, e->n_batches * 8);
    (void)!give(p, i, ev);
}

static void commit(struct pair *p, unsigned i)
{
    while (p->e[i].n_batches > 0 && !p->e[i].hold)
        commit_one(p, i);
}

/* Packets arrive and commits finish until all is quiet; then a tick. */
static void run(struct pair *p, unsigned ms)
{
    for (unsigned t = 0; t < ms; t++) {
        p->now_ns += OL_NS_PER_MS;
        while (p->first != p->last) {
            unsigned at = p->first++ % QUEUE;
            struct ol_event ev = {.kind = OL_EV_FRAME,
                                  .bytes = OL_SPAN(p->box[at], p->box_n[at])};
            (void)!give(p, p->box_to[at], ev);
            commit(p, 0);
            commit(p, 1);
        }
        for (unsigned i = 0; i < 2; i++) {
            (void)!give(p, i, (struct ol_event){.kind = OL_EV_TICK});
            commit(p, i);
        }
    }
}

static void conf_of(struct pair *p, unsigned i, struct ol_conf *c)
{
    memset(c, 0, sizeof(*c));
    c->identity = &p->e[i].id;
    memcpy(c->peer_ed_pk, p->e[1 - i].id.ed_pk, 32);
    memcpy(c->peer_x_pk, p->e[1 - i].id.x_pk, 32);
    memcpy(c->own_share, p->e[i].share, 32);
    memcpy(c->peer_share, p->e[1 - i].share, 32);
    memset(c->boot, (int)i + 1, 8);
    memset(c->seed, (int)i + 1, 32);
    c->n_channels = 1;
    memcpy(c->channels[0].name, "cable", 6);
    c->channels[0].kind = OL_CHAN_STREAM;
    c->channels[0].dials = true;
    c->channels[0].mtu = OL_FRAME_MAX;
    c->probe_ns = 20 * OL_NS_PER_S;
    c->hold_ns = 30 * OL_NS_PER_S;
}

static int setup(void **state)
{
    struct pair *p = calloc(1, sizeof(*p));
    struct ol_rng rng;
    uint8_t seed[32] = {7};

    assert_int_equal(ol_crypto_init(), OL_OK);
    assert_non_null(p);
    ol_rng_init(&rng, seed);
    p->now_ns = OL_NS_PER_S;
    for (unsigned i = 0; i < 2; i++) {
        ol_identity_make(&p->e[i].id, &rng);
        ol_rng_fill(&rng, p->e[i].share, 32);
    }
    for (unsigned i = 0; i < 2; i++) {
        struct ol_conf c;
        struct ol_chan up = {.up = true, .room_bytes = 1u << 20};
        conf_of(p, i, &c);
        p->e[i].mem = aligned_alloc(64, (ol_line_size() + 63) / 64 * 64);
        assert_non_null(p->e[i].mem);
        memset(p->e[i].mem, 0, ol_line_size());
        assert_int_equal(ol_line_init(&p->e[i].line, p->e[i].mem, &c), OL_OK);
        (void)!give(p, i, (struct ol_event){.kind = OL_EV_START});
        (void)!give(p, i, (struct ol_event){.kind = OL_EV_CHANNEL,
                                            .chan = &up});
        commit(p, i);
    }
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct pair *p = *state;

    for (unsigned i = 0; i < 2; i++) {
        ol_line_fini(p->e[i].line);
        free(p->e[i].mem);
    }
    free(p);
    return 0;
}

static enum ol_err say(struct pair *p, unsigned i, const char *text)
{
    static uint8_t id[16];
    struct ol_record rec = {.prec = OL_PRIORITY, .kind = OL_KIND_MESSAGE};
    struct ol_event ev = {
        .kind = OL_EV_SUBMIT, .token = 77, .record = &rec};

    id[0]++;
    rec.id = OL_SPAN_ARRAY(id);
    rec.text = ol_span_str(text);
    return give(p, i, ev);
}

static struct ol_line_status status(struct pair *p, unsigned i)
{
    struct ol_line_status s;

    ol_line_status(p->e[i].line, p->now_ns, &s);
    return s;
}

/* Law 2 on the way out: not taken, not sent, before it is on disk. */
static void nothing_leaves_before_it_is_on_disk(void **state)
{
    struct pair *p = *state;

    run(p, 300);
    assert_int_equal(status(p, 0).ch[0].state, OL_CHAN_UP);
    p->e[0].hold = true;
    assert_int_equal(say(p, 0, "hold this"), OL_OK);
    run(p, 200);
    assert_int_equal(p->e[0].records, 1);
    assert_int_equal(p->e[0].taken, 0);
    assert_int_equal(p->e[1].records, 0);
    p->e[0].hold = false;
    run(p, 50);
    assert_int_equal(p->e[0].taken, 1);
    assert_int_equal(p->e[1].records, 1);
    assert_int_equal(p->e[1].arrived, 1);
}

/* What comes together is one batch and one signature; none of it is taken or
 * sent before that is on disk, and one of another precedence stays out. */
static void together_is_one_batch(void **state)
{
    struct pair *p = *state;
    static uint8_t id[6][16];
    struct ol_record rec[6];
    const struct ol_record *more[5];
    struct ol_event ev = {.kind = OL_EV_SUBMIT, .token = 100,
                          .record = &rec[0], .more = more, .n_more = 5};
    unsigned batches;

    run(p, 300);
    memset(rec, 0, sizeof(rec));
    for (unsigned k = 0; k < 6; k++) {
        id[k][0] = (uint8_t)(200 + k);
        rec[k].prec = k < 5 ? OL_PRIORITY : OL_FLASH;
        rec[k].kind = OL_KIND_MESSAGE;
        rec[k].id = OL_SPAN_ARRAY(id[k]);
        rec[k].text = ol_span_str("one of many");
        if (k > 0)
            more[k - 1] = &rec[k];
    }
    p->e[0].hold = true;
    batches = p->e[0].n_batches;
    assert_int_equal(give(p, 0, ev), OL_OK);
    assert_int_equal(p->e[0].eff.taken, 5);
    assert_int_equal(p->e[0].n_batches, batches + 1);
    run(p, 200);
    assert_int_equal(p->e[0].records, 5);
    assert_int_equal(p->e[0].signs, 1);
    assert_int_equal(p->e[0].taken, 0);
    assert_int_equal(p->e[1].records, 0);
    p->e[0].hold = false;
    run(p, 100);
    assert_int_equal(p->e[0].taken, 5);
    assert_int_equal(p->e[1].records, 5);
    assert_int_equal(p->e[1].arrived, 1); /* one event of five */
    assert_int_equal(p->e[0].acks, 1);
}

static void give_next(struct pair *p, bool follows)
{
    unsigned at = p->first++ % QUEUE;

    assert_int_equal(give(p, p->box_to[at], (struct ol_event){
        .kind = OL_EV_FRAME, .follows = follows,
        .bytes = OL_SPAN(p->box[at], p->box_n[at])}), OL_OK);
}

/* Frames that came together are one batch; if the one that was to follow does
 * not, a tick does for it. */
static void frames_together_are_one_batch(void **state)
{
    struct pair *p = *state;

    run(p, 300);
    for (unsigned k = 0; k < 3; k++) {
        assert_int_equal(say(p, 0, "in a frame of its own"), OL_OK);
        commit(p, 0);
    }
    assert_int_equal(p->last - p->first, 3);
    for (unsigned k = 0; k < 2; k++) {
        give_next(p, true);
        assert_int_equal(p->e[1].eff.count, 0);
        assert_int_equal(p->e[1].eff.wake_ns, p->now_ns);
    }
    assert_int_equal(p->e[1].records, 0);
    give_next(p, false);
    assert_int_equal(p->e[1].records, 3);
    assert_int_equal(p->e[1].n_batches, 1);
    commit(p, 1);
    run(p, 10);
    assert_int_equal(say(p, 0, "and the next does not come"), OL_OK);
    commit(p, 0);
    give_next(p, true);
    assert_int_equal(p->e[1].records, 3);
    assert_int_equal(give(p, 1, (struct ol_event){.kind = OL_EV_TICK}),
                     OL_OK);
    assert_int_equal(p->e[1].records, 4);
}

/* However many are said to follow, what is due waits for sixteen at most. */
static void frames_together_have_a_limit(void **state)
{
    struct pair *p = *state;

    run(p, 300);
    for (unsigned k = 0; k < 20; k++) {
        assert_int_equal(say(p, 0, "one of twenty"), OL_OK);
        commit(p, 0);
    }
    for (unsigned k = 0; k < 16; k++)
        give_next(p, true);
    assert_int_equal(p->e[1].records, 0);
    give_next(p, true);
    assert_int_equal(p->e[1].records, 17);
}

/* However many holes are between them, their one ACK names them all. */
static void frames_together_are_all_named(void **state)
{
    struct pair *p = *state;
    const struct ol_path *path = &p->e[0].line->ch[0].path;

    run(p, 300);
    for (unsigned k = 0; k < 34; k++) {
        assert_int_equal(say(p, 0, "every second one is lost"), OL_OK);
        commit(p, 0);
    }
    assert_int_equal(path->open, 34);
    for (unsigned k = 0; k < 17; k++) {
        p->first++;
        give_next(p, k < 16);
    }
    assert_int_equal(p->e[1].records, 17);
    assert_int_equal(p->last - p->first, 1);
    give_next(p, false);
    assert_int_equal(path->open, 17);
}

/* Law 2 on the way back: not delivered before it is on the other disk. */
static void delivered_waits_for_the_other_disk(void **state)
{
    struct pair *p = *state;

    run(p, 300);
    p->e[1].hold = true;
    assert_int_equal(say(p, 0, "arrive"), OL_OK);
    run(p, 3000);
    assert_int_equal(p->e[1].records, 1);
    assert_int_equal(p->e[0].acks, 0);
    assert_int_equal(status(p, 0).queue[OL_PRIORITY], 1);
    /* A slow disk does not look like a dead line. */
    assert_int_equal(status(p, 0).ch[0].state, OL_CHAN_UP);
    p->e[1].hold = false;
    run(p, 300);
    assert_int_equal(p->e[0].acks, 1);
    assert_int_equal(status(p, 0).queue[OL_PRIORITY], 0);
}

/* Who is alone waits for the two disks and the way, and for no pace; while
 * more is on its way to the disk, few HELDs say all. */
static void alone_waits_for_no_pace(void **state)
{
    struct pair *p = *state;

    run(p, 300);
    for (unsigned k = 1; k <= 20; k++) {
        assert_int_equal(say(p, 0, "one by one"), OL_OK);
        run(p, 3);
        assert_int_equal(p->e[0].acks, k);
    }
    p->e[1].hold = true;
    for (unsigned k = 0; k < 60; k++) {
        assert_int_equal(say(p, 0, "one behind the other"), OL_OK);
        run(p, 1);
        if (p->e[1].n_batches > 1)
            commit_one(p, 1);
    }
    p->e[1].hold = false;
    run(p, 10);
    assert_int_equal(p->e[1].records, 80);
    assert_int_equal(status(p, 0).queue[OL_PRIORITY], 0);
    assert_in_range(p->e[0].acks, 21, 20 + 60 / 4);
}

/* Law 6: strangers get no answer. */
static void strangers_get_no_answer(void **state)
{
    struct pair *p = *state;
    struct ol_rng rng;
    uint8_t seed[32] = {9}, bytes[1500];

    run(p, 300);
    ol_rng_init(&rng, seed);
    for (unsigned i = 0; i < 5000; i++) {
        size_t n = 1 + ol_rng_u32(&rng) % sizeof(bytes);
        struct ol_event ev = {.kind = OL_EV_FRAME,
                              .channel = OL_CHANNEL_ANY,
                              .bytes = OL_SPAN(bytes, n)};
        ol_rng_fill(&rng, bytes, n);
        bytes[0] = (uint8_t)(i % 7);
        assert_int_not_equal(give(p, 0, ev), OL_OK);
        assert_int_equal(p->first, p->last);
        assert_int_equal(p->e[0].n_batches, 0);
    }
    assert_int_equal(say(p, 1, "still here"), OL_OK);
    run(p, 100);
    assert_int_equal(p->e[0].records, 1);
}

#define NAMES (1u << 18)

/* Two names of one tag: of 2^18 with 32 bits each, some eight pairs. */
static void same_tag(const struct ol_conf *c, char a[OL_NAME_MAX + 1],
                     char b[OL_NAME_MAX + 1])
{
    static uint32_t at[4 * NAMES]; /* by tag: the name's number, from 1 */
    static uint32_t tags[NAMES + 1];
    struct ol_shared shared;
    struct ol_peer_keys peer;

    memcpy(peer.ed_pk, c->peer_ed_pk, 32);
    memcpy(peer.x_pk, c->peer_x_pk, 32);
    assert_int_equal(ol_shared_make(&shared, c->identity, &peer, c->own_share,
                                    c->peer_share), OL_OK);
    memset(at, 0, sizeof(at));
    for (uint32_t n = 1; n <= NAMES; n++) {
        uint32_t k;

        (void)snprintf(b, OL_NAME_MAX + 1, "n%x", n);
        tags[n] = ol_channel_tag(shared.line_id, ol_span_str(b));
        for (k = tags[n] % OL_LEN(at); at[k] != 0; k = (k + 1) % OL_LEN(at))
            if (tags[at[k]] == tags[n]) {
                (void)snprintf(a, OL_NAME_MAX + 1, "n%x", at[k]);
                return;
            }
        at[k] = n;
    }
    fail();
}

static void bad_configurations_are_refused(void **state)
{
    struct pair *p = *state;
    void *mem = calloc(1, ol_line_size());
    struct ol_line *line;
    struct ol_conf c;

    assert_non_null(mem);
    conf_of(p, 0, &c);
    memcpy(c.peer_ed_pk, p->e[0].id.ed_pk, 32);
    memcpy(c.peer_x_pk, p->e[0].id.x_pk, 32);
    assert_int_equal(ol_line_init(&line, mem, &c), OL_ERR_FOREIGN);
    conf_of(p, 0, &c);
    c.channels[0].name[0] = 'A';
    assert_int_equal(ol_line_init(&line, mem, &c), OL_ERR_INPUT);
    conf_of(p, 0, &c);
    c.channels[1] = c.channels[0];
    c.n_channels = 2;
    assert_int_equal(ol_line_init(&line, mem, &c), OL_ERR_EXISTS);
    /* A peer that chose both so that a VIEW would hold one tag twice. */
    same_tag(&c, c.channels[0].name, c.channels[1].name);
    assert_int_equal(ol_line_init(&line, mem, &c), OL_ERR_EXISTS);
    conf_of(p, 0, &c);
    c.n_channels = OL_CHANNELS_MAX + 1;
    assert_int_equal(ol_line_init(&line, mem, &c), OL_ERR_INPUT);
    conf_of(p, 0, &c);
    c.channels[0].mtu = OL_FRAME_MIN - 1;
    assert_int_equal(ol_line_init(&line, mem, &c), OL_ERR_INPUT);
    conf_of(p, 0, &c);
    c.hold_ns = c.probe_ns - 1; /* it would be dark between two probes */
    assert_int_equal(ol_line_init(&line, mem, &c), OL_ERR_INPUT);
    free(mem);
}

/* What our own ledger says is never believed without a look: no line is made
 * of it, and nothing is asserted or overrun. */
static void rows_that_do_not_hold_are_refused(void **state)
{
    struct pair *p = *state;
    void *mem = calloc(1, ol_line_size());
    struct ol_beyond beyond = {.prec = OL_PRECS, .index = 1};
    uint8_t bytes[OL_RECORD_MAX + 1] = {0};
    struct ol_part part = {.prec = OL_ROUTINE, .index = 1, .mask = 1,
                           .bytes = OL_SPAN(bytes, sizeof(bytes))};
    struct ol_line *line;

    assert_non_null(mem);
    for (unsigned k = 0; k < 7; k++) {
        struct ol_conf c;
        conf_of(p, 0, &c);
        switch (k) {
        case 0: c.snapshot.state = OL_SPAN("?", 1); break;
        case 1: c.snapshot.acked[OL_FLASH] = 1; break; /* of an empty log */
        case 2: c.snapshot.log[OL_OWN][0].size = 5; break; /* no frontier */
        case 3: c.snapshot.log[OL_PEER][3].size = 5; break;
        case 4: c.snapshot.beyond = &beyond; break;
        default: c.snapshot.parts = &part;
        }
        c.snapshot.n_beyond = k == 4;
        c.snapshot.n_parts = k >= 5;
        if (k == 6) {
            part.prec = OL_PRECS;
            part.bytes.n = OL_RECORD_MAX;
        }
        assert_int_equal(ol_line_init(&line, mem, &c), OL_ERR_CORRUPT);
        memset(mem, 0, ol_line_size());
    }
    free(mem);
}

/* An event that names nothing that there is changes nothing. */
static void events_of_nothing_are_refused(void **state)
{
    struct pair *p = *state;
    struct ol_chan up = {.up = true, .room_bytes = 1u << 20};
    struct {
        struct ol_event ev;
        enum ol_err err;
    } t[] = {
        {{.kind = OL_EV_FRAME}, OL_ERR_SHORT},
        {{.kind = OL_EV_FRAME, .channel = 1, .bytes = {(void *)"x", 1}},
         OL_ERR_INPUT},
        {{.kind = OL_EV_CHANNEL, .channel = 1, .chan = &up}, OL_ERR_MISSING},
        {{.kind = OL_EV_ENABLE, .channel = 1}, OL_ERR_MISSING},
        {{.kind = 99}, OL_ERR_INPUT},
    };

    run(p, 300);
    for (unsigned k = 0; k < OL_LEN(t); k++) {
        assert_int_equal(give(p, 0, t[k].ev), t[k].err);
        assert_int_equal(p->first, p->last);
        assert_int_equal(p->e[0].n_batches, 0);
        assert_int_equal(status(p, 0).ch[0].state, OL_CHAN_UP);
    }
    assert_string_equal(ol_what_name(OL_WHAT_ALARM), "alarm");
    assert_string_equal(ol_what_name(OL_WHAT_ARRIVED), "arrived");
    assert_string_equal(ol_what_name((enum ol_what)99), "unknown");
}

/* A full disk is credit 0: the peer waits, and goes on when there is room. */
static void a_full_disk_is_credit_zero(void **state)
{
    struct pair *p = *state;

    run(p, 300);
    p->e[1].full = true;
    assert_int_equal(say(p, 1, "no room"), OL_ERR_FULL);
    run(p, 100);
    assert_int_equal(say(p, 0, "later"), OL_OK);
    run(p, 5000);
    assert_int_equal(p->e[1].records, 0);
    assert_int_equal(status(p, 0).queue[OL_PRIORITY], 1);
    assert_int_equal(status(p, 0).ch[0].state, OL_CHAN_UP);
    p->e[1].full = false;
    run(p, 200);
    assert_int_equal(p->e[1].records, 1);
    assert_int_equal(status(p, 0).queue[OL_PRIORITY], 0);
}

/* What the peer put behind a gap before it was restarted is a record of ours
 * that we do not have: nothing is said in its place. */
static void a_record_behind_a_gap_is_asked_for(void **state)
{
    struct pair *p = *state;
    struct ol_beyond behind = {.prec = OL_PRIORITY, .index = 2};
    struct ol_chan up = {.up = true, .room_bytes = 1u << 20};
    struct ol_conf c;

    memset(behind.leaf, 0x5a, sizeof(behind.leaf));
    run(p, 300);
    ol_line_fini(p->e[1].line);
    p->e[1].n_batches = 0;
    conf_of(p, 1, &c);
    memset(c.boot, 9, sizeof(c.boot));
    memset(c.seed, 9, sizeof(c.seed));
    c.snapshot.beyond = &behind;
    c.snapshot.n_beyond = 1;
    assert_int_equal(ol_line_init(&p->e[1].line, p->e[1].mem, &c), OL_OK);
    (void)!give(p, 1, (struct ol_event){.kind = OL_EV_START});
    (void)!give(p, 1, (struct ol_event){.kind = OL_EV_CHANNEL, .chan = &up});
    commit(p, 1);
    run(p, 60000);
    assert_true(status(p, 0).returning);
    assert_int_equal(say(p, 0, "in its place"), OL_ERR_UNPROVED);
    run(p, 5000);
    assert_int_equal(p->e[1].records, 0);
    assert_int_equal(status(p, 0).ch[0].state, OL_CHAN_UP);
}

/* Somebody who has the cards of both, and not the peer's secret key. */
static void another_key_behind_a_card_is_told(void **state)
{
    struct pair *p = *state;
    struct ol_identity mine = p->e[1].id, other;
    struct ol_chan up = {.up = true, .room_bytes = 1u << 20};
    uint8_t seed[32] = {99};
    struct ol_rng rng;
    struct ol_conf c;

    ol_rng_init(&rng, seed);
    ol_identity_make(&other, &rng);
    memcpy(mine.x_sk, other.x_sk, sizeof(mine.x_sk));
    ol_line_fini(p->e[1].line);
    p->e[1].n_batches = 0;
    p->first = p->last;
    conf_of(p, 1, &c);
    c.identity = &mine;
    memset(c.boot, 9, sizeof(c.boot));
    memset(c.seed, 9, sizeof(c.seed));
    assert_int_equal(ol_line_init(&p->e[1].line, p->e[1].mem, &c), OL_OK);
    (void)!give(p, 1, (struct ol_event){.kind = OL_EV_START});
    (void)!give(p, 1, (struct ol_event){.kind = OL_EV_CHANNEL, .chan = &up});
    commit(p, 1);
    run(p, 5000);
    assert_true(status(p, 0).wrong_identity > 0);
    assert_false(status(p, 0).live);
    assert_false(status(p, 1).live);
    assert_int_equal(status(p, 0).last_heard_ns, 0);
}

/* A copy says nothing new before the peer has said what it holds. */
static void a_copy_waits_for_the_peer(void **state)
{
    struct pair *p = *state;
    struct ol_chan up = {.up = true, .room_bytes = 1u << 20};
    struct ol_conf c;

    ol_line_fini(p->e[0].line);
    p->e[0].n_batches = 0;
    conf_of(p, 0, &c);
    c.restored = true;
    assert_int_equal(ol_line_init(&p->e[0].line, p->e[0].mem, &c), OL_OK);
    (void)!give(p, 0, (struct ol_event){.kind = OL_EV_START});
    assert_true(status(p, 0).restored);
    assert_int_equal(say(p, 0, "too early"), OL_ERR_UNPROVED);
    (void)!give(p, 0, (struct ol_event){.kind = OL_EV_CHANNEL, .chan = &up});
    commit(p, 0);
    run(p, 3000);
    assert_false(status(p, 0).restored);
    assert_int_equal(say(p, 0, "now"), OL_OK);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(nothing_leaves_before_it_is_on_disk),
        T(together_is_one_batch),
        T(frames_together_are_one_batch),
        T(frames_together_have_a_limit),
        T(frames_together_are_all_named),
        T(delivered_waits_for_the_other_disk),
        T(strangers_get_no_answer),
        T(bad_configurations_are_refused),
        T(rows_that_do_not_hold_are_refused),
        T(events_of_nothing_are_refused),
        T(a_full_disk_is_credit_zero),
        T(another_key_behind_a_card_is_told),
        T(alone_waits_for_no_pace),
        T(a_record_behind_a_gap_is_asked_for),
        T(a_copy_waits_for_the_peer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
