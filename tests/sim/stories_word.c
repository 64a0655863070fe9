/*
 * Stories of words: a peer that lies, what was dropped and goes again, what
 * goes first, receipts, and what is signed.
 *
 * Each came from a deliberate fault in the core (tests/mutants) that nothing
 * else noticed.
 */
#include <string.h>

#include "base/check.h"
#include "crypto/knock.h"
#include "law_kit.h"
#include "wire/frame.h"
#include "wire/record.h"

/* ---- a peer that lies ---------------------------------------------------- */

static void an_ack_of_the_unsent_is_nothing(void)
{
    struct ol_writer wr = words();
    struct ol_ack a = {.count = 1};
    struct ol_path *p;

    two();
    p = &w.st[0].line->ch[1].path;
    a.index = sending(0)->ch[1].tx.index;
    a.high = a.v[0].hi = sending(0)->ch[1].counter + 9;
    EXPECT(ol_ack_encode(&wr, &a));
    world_tick(&w, 0);
    w.st[0].line->ch[1].ask = true; /* a probe is in flight */
    world_tick(&w, 0);
    a.v[0].lo = 0;
    wr = words();
    EXPECT(ol_ack_encode(&wr, &a));
    EXPECT(p->open > 0);
    (void)!lie(1, &wr);
    EXPECT(p->open > 0 && p->high < a.high);
}

static void an_echo_names_its_probe(void)
{
    struct ol_probe p = {.id = 12345};
    struct ol_writer wr = words();
    uint64_t answered;

    two();
    run_for(10 * S);
    answered = w.st[0].line->ch[1].answered_ns;
    EXPECT(ol_echo_encode(&wr, &p));
    EXPECT(lie(1, &wr) == OL_OK);
    EXPECT(w.st[0].line->ch[1].answered_ns == answered);
}

/* What the peer confirmed once it cannot take back, for nobody was a copy. */
static void a_peer_cannot_deny_what_it_confirmed(void)
{
    struct ol_writer wr = words();
    struct ol_held h = {.logs = 1u << OL_ROUTINE};
    struct ol_found f = {.prec = OL_ROUTINE, .match = 2, .upto = 6,
                         .root = {6}};
    struct ol_out_log *o;

    two();
    for (unsigned i = 0; i < 5; i++)
        world_say(&w, 0, OL_ROUTINE, 100);
    EXPECT(settle(5 * S) < 5 * S);
    o = &w.st[0].line->out[OL_ROUTINE];
    world_cut(&w, 0, 0, true); /* what it asks goes to the liar alone */
    world_cut(&w, 1, 0, true);
    memcpy(h.boot, w.st[1].line->boot, 8);
    h.serial = w.st[1].line->held_serial + 1000;
    h.log[OL_ROUTINE].upto = 6;
    h.log[OL_ROUTINE].limit = 100;
    h.log[OL_ROUTINE].root[0] = 6;
    EXPECT(ol_held_encode(&wr, &h));
    EXPECT(lie(1, &wr) == OL_OK);
    run_for(500 * MS);
    EXPECT(o->back.state == OL_BACK_ASK);
    f.ask = o->back.ask;
    wr = words();
    EXPECT(ol_found_encode(&wr, &f));
    EXPECT(lie(1, &wr) == OL_OK);
    run_for(S);
    EXPECT(o->stopped && o->size == 5);
}

/* Bytes of a piece that was not asked for yet change nothing of one that was:
 * both would lie in the same place. */
static void a_piece_beyond_the_limit_is_nothing(void)
{
    static uint8_t bytes[OL_BLOB_UNIT];
    struct sim_file *f;
    struct ol_pull *p;
    struct ol_writer wr = words();
    struct ol_units b = {.bytes = OL_SPAN_ARRAY(bytes)};
    unsigned missing;

    two();
    f = world_offer(&w, 1, 40 * OL_PIECE, 8);
    world_cut(&w, 0, 0, true); /* what station 0 asks goes nowhere */
    world_cut(&w, 1, 0, true);
    world_want(&w, f);
    run_for(100 * MS);
    p = &w.st[0].line->pull;
    EXPECT(p->on && p->upto == 0);
    b.serial = p->serial;
    EXPECT(ol_units_encode(&wr, &b));
    EXPECT(lie(1, &wr) == OL_OK);
    missing = p->slot[0].missing;
    EXPECT(missing == OL_PIECE_UNITS - 1);
    b.first = 1; /* of what was asked for before it */
    b.serial = p->before;
    wr = words();
    EXPECT(ol_units_encode(&wr, &b));
    EXPECT(lie(1, &wr) == OL_OK);
    EXPECT(p->slot[0].missing == missing);
    b.serial = p->serial;
    b.piece = OL_PULL_WINDOW;
    b.first = 1;
    wr = words();
    EXPECT(ol_units_encode(&wr, &b));
    EXPECT(lie(1, &wr) == OL_OK);
    EXPECT(p->slot[0].missing == missing);
}

/* ---- what is dropped goes again ------------------------------------------ */

/* A full disk drops what was already under way, and its frame is acked. */
static void credit_brings_what_was_dropped(void)
{
    two();
    for (unsigned i = 0; i < 5; i++) {
        w.st[1].full = true;
        world_say(&w, 0, OL_ROUTINE, 100);
        run_for(10 * S);
        w.st[1].full = false;
        world_tick(&w, 1);
        EXPECT(settle(10 * S) < 500 * MS);
        run_for(20 * S);
    }
}

/* It dropped what was under way and said so, which was lost; there was room
 * again before that was known. */
static void a_credit_that_was_lost_is_given_again(void)
{
    uint64_t worst = 0, from;

    two();
    for (unsigned c = 0; c < 2; c++)
        for (unsigned f = 0; f < 2; f++)
            w.ch[c].path[f].delay_ns = 20 * MS;
    world_cut(&w, 0, 0, true); /* the stream */
    world_cut(&w, 0, 1, true);
    run_for(40 * S);
    for (unsigned i = 0; i < 5; i++) {
        world_say(&w, 0, OL_ROUTINE, 100);
        w.st[1].full = true;
        world_cut(&w, 1, 1, true);
        world_tick(&w, 1);
        run_for(40 * MS);
        world_cut(&w, 1, 1, false);
        w.st[1].full = false;
        world_tick(&w, 1);
        for (from = w.now_ns; w.st[0].line->out[OL_ROUTINE].acked == i;)
            run_for(MS);
        worst = OL_MAX(worst, w.now_ns - from);
        run_for(20 * S);
    }
    printf("  delivered after %llu ms at worst\n",
           (unsigned long long)(worst / MS));
    EXPECT(worst < 500 * MS);
}

/* A unit in a lost frame does not wait until all else has come to a stop. */
static void a_lost_unit_goes_again(void)
{
    struct sim_file *f;
    uint64_t from;

    two();
    world_cut(&w, 0, 0, true);
    world_cut(&w, 0, 1, true);
    run_for(40 * S);
    w.ch[1].path[0].loss = 0.05;
    f = world_offer(&w, 0, 16 * OL_PIECE, 9);
    world_want(&w, f);
    for (from = w.now_ns; f->whole_ns == 0 && w.now_ns - from < 60 * S;)
        run_for(100 * MS);
    printf("  1 MiB with 5 %% of it lost in %.1f s\n",
           (double)(w.now_ns - from) / 1e9);
    EXPECT(w.now_ns - from < 5 * S);
}

/* The HELD is lost that alone would have told, for an ACK came before it. */
static void a_held_that_was_lost_is_said_again(void)
{
    struct ol_in_log *in;

    two();
    in = &w.st[1].line->in[OL_ROUTINE];
    run_for(40 * S);
    for (uint32_t i = 0; i < 5; i++) {
        w.st[1].commit_ns = 2 * S;
        world_say(&w, 0, OL_ROUTINE, 100);
        while (in->durable == i)
            run_for(MS);
        world_spill(&w);
        EXPECT(!world_settled(&w));
        EXPECT(settle(10 * S) < 3 * S); /* our own disk is slow, too */
        run_for(20 * S);
    }
}

/* What is under way to a slow disk is owed again where credit falls, and not
 * where it rises, to the end of all numbers as well. */
static void credit_without_end_brings_nothing(void)
{
    struct ol_held h = {.logs = 1u << OL_ROUTINE};
    struct ol_out_log *o;
    struct ol_writer wr;

    two();
    o = &w.st[0].line->out[OL_ROUTINE];
    w.st[1].commit_ns = 1000 * S;
    say_many(0, 5, OL_ROUTINE);
    run_for(500 * MS);
    EXPECT(o->durable == 5 && o->acked == 0 && o->owing == 0);
    EXPECT(ol_window_slot(w.st[0].line, OL_ROUTINE, 1)->flights == 0);
    memcpy(h.boot, w.st[1].line->boot, 8);
    h.serial = w.st[1].line->held_serial + 1000;
    for (unsigned k = 0; k < 2; k++) {
        h.serial++;
        h.log[OL_ROUTINE].limit = UINT32_MAX - k;
        wr = words();
        EXPECT(ol_held_encode(&wr, &h));
        world_cut(&w, 0, 0, true);
        world_cut(&w, 1, 0, true);
        EXPECT(lie(1, &wr) == OL_OK);
        EXPECT(o->limit == UINT32_MAX - k);
        EXPECT(ol_window_slot(w.st[0].line, OL_ROUTINE, 1)->flights == 0);
    }
    h.serial++;
    h.log[OL_ROUTINE].limit = 3;
    wr = words();
    EXPECT(ol_held_encode(&wr, &h));
    EXPECT(lie(1, &wr) == OL_OK);
    EXPECT(o->limit == 3 && o->owing == 2);
}

/* So does a station whose blocks are all in use, and says it: what it dropped
 * goes once it has some, and not again and again before. */
static void room_brings_what_was_dropped(void)
{
    struct ol_line *l;
    uint64_t frames;
    uint16_t left;

    two();
    l = w.st[1].line;
    left = l->in_pool.left;
    l->in_pool.left = 0;
    frames = w.st[0].line->ch[0].frames_sent;
    world_say(&w, 0, OL_ROUTINE, 100);
    world_say(&w, 0, OL_ROUTINE, 100);
    run_for(S);
    EXPECT(!world_settled(&w));
    EXPECT(w.st[0].line->ch[0].frames_sent - frames < 20);
    l->in_pool.left = left;
    world_tick(&w, 1);
    EXPECT(settle(60 * S) < 500 * MS);
    /* Nor does it wait for anything else that comes, a checkpoint say. */
    run_for(S);
    world_say(&w, 0, OL_ROUTINE, 100);
    EXPECT(settle(S) < 100 * MS);
    l->in_pool.left = 0;
    world_say(&w, 0, OL_ROUTINE, 100);
    run_for(40 * MS);
    l->in_pool.left = left;
    world_tick(&w, 1);
    EXPECT(settle(S) < 100 * MS);
}

/* Two disagree about where a record ends: what came is thrown away, and no
 * credit says so. */
static void what_is_never_held_goes_again(void)
{
    struct ol_in_slot *s;

    two();
    s = ol_in_slot(w.st[1].line, OL_ROUTINE, 1);
    s->index = 1;
    s->state = OL_IN_PARTIAL;
    s->block = OL_NO_BLOCK;
    s->size = 4000;
    s->mask = 1;
    EXPECT(ol_pool_reach(&w.st[1].line->in_pool, &s->block, 128, 0));
    world_say(&w, 0, OL_ROUTINE, 100);
    world_say(&w, 0, OL_ROUTINE, 100);
    run_for(S);
    EXPECT(!world_settled(&w));
    EXPECT(settle(60 * S) < 10 * S);
}

/* ---- precedence ---------------------------------------------------------- */

/* A copy goes where the first way loses all, without waiting for anything. */
static void copies_go_at_once(void)
{
    two();
    w.ch[1].path[0].delay_ns = w.ch[1].path[1].delay_ns = 30 * MS;
    run_for(60 * S);
    w.ch[0].path[0].cut = true; /* the faster one, and nobody knows yet */
    world_say(&w, 0, OL_FLASH, 100);
    EXPECT(settle(S) < 90 * MS);
    w.ch[0].path[0].cut = false;
    run_for(60 * S);
    w.ch[0].path[0].cut = true;
    world_say(&w, 0, OL_IMMEDIATE, 100);
    EXPECT(settle(S) < 90 * MS);
}

static uint64_t backlog(uint8_t prec)
{
    return status(0).queue[prec];
}

/* Over a thin way PRIORITY goes before ROUTINE; and ROUTINE has its share. */
static void what_is_above_goes_first(void)
{
    world_init_calm(&w, 23, 1, false);
    w.ch[0].path[0].rate_bps = w.ch[0].path[1].rate_bps = 64000;
    run_for(5 * S);
    world_cut(&w, 0, 0, true);
    world_cut(&w, 0, 1, true);
    for (unsigned i = 0; i < 110; i++) {
        world_say(&w, 0, OL_ROUTINE, 1000);
        world_say(&w, 0, OL_PRIORITY, 1000);
        run_for(10 * MS);
    }
    world_cut(&w, 0, 0, false);
    world_cut(&w, 0, 1, false);
    while (backlog(OL_PRIORITY) > 10)
        run_for(10 * MS);
    EXPECT(backlog(OL_ROUTINE) > 60);
    EXPECT(backlog(OL_ROUTINE) < 110);
    EXPECT(settle(120 * S) < 60 * S);
}

/* ---- receipts ------------------------------------------------------------ */

static void receipt(unsigned st, uint8_t kind, uint8_t rel, bool own,
                    uint64_t number)
{
    uint8_t id[16];
    struct ol_record rec = {.prec = OL_ROUTINE, .kind = kind,
                            .id = OL_SPAN_ARRAY(id), .n_refs = 1};
    struct ol_event ev = {.kind = OL_EV_SUBMIT, .record = &rec,
                          .token = UINT64_C(1) << 50};

    for (unsigned i = 0; i < sizeof(id); i++)
        id[i] = (uint8_t)rnd_u64(&w.rnd);
    rec.refs[0].rel = rel;
    rec.refs[0].own = own;
    rec.refs[0].number = number;
    EXPECT(world_step(&w, st, &ev) == OL_OK);
    run_for(S);
}

/* The last thing that is said of a message of station 0; 0: nothing. */
static unsigned said(uint64_t number)
{
    struct sim_station *s = &w.st[0];
    struct ol_row_mark r[4];
    uint32_t n = 0;

    EXPECT(s->ledger->ops->marks(s->ledger, s->line_no, OL_OWN, number, r, 4,
                                 &n) == OL_OK);
    for (uint32_t k = 0; k < n; k++)
        EXPECT(r[k].by == OL_PEER);
    return n == 0 ? 0 : r[n - 1].rel;
}

static void a_receipt_says_what_it_says(void)
{
    two();
    w.foreign_tokens = true;
    for (unsigned i = 0; i < 4; i++)
        world_say(&w, 0, OL_ROUTINE, 100);
    run_for(S);
    receipt(1, OL_KIND_RECEIPT, OL_REL_READ, false, 1);
    receipt(1, OL_KIND_MESSAGE, OL_REL_READ, false, 2);
    receipt(1, OL_KIND_RECEIPT, OL_REL_READ, true, 3);
    receipt(1, OL_KIND_RECEIPT, OL_REL_READ, false, 77);
    receipt(1, OL_KIND_RECEIPT, 1, false, 4); /* answers */
    EXPECT(said(1) == OL_REL_READ);
    EXPECT(said(2) == 0 && said(3) == 0 && said(4) == 0 && said(77) == 0);
    receipt(1, OL_KIND_RECEIPT, OL_REL_UNDERSTOOD, false, 1);
    EXPECT(said(1) == OL_REL_UNDERSTOOD);
}

/* Is that said of a message of `of`, on the disk of st, by the other's words
 * or by its own. */
static bool noted(unsigned st, unsigned of, uint64_t number, uint8_t rel,
                  unsigned by)
{
    struct sim_station *s = &w.st[st];
    struct ol_row_mark r[8];
    uint32_t n = 0;

    EXPECT(s->ledger->ops->marks(s->ledger, s->line_no,
                                 of == st ? OL_OWN : OL_PEER, number, r, 8,
                                 &n) == OL_OK);
    for (uint32_t k = 0; k < n; k++)
        if (r[k].rel == rel && r[k].by == (by == st ? OL_OWN : OL_PEER))
            return true;
    return false;
}

/* Station 1 said so; both disks have it, or neither. */
static bool both(unsigned of, uint64_t number, uint8_t rel)
{
    bool here = noted(1, of, number, rel, 1);

    EXPECT(noted(0, of, number, rel, 1) == here);
    EXPECT(!noted(0, of, number, rel, 0) && !noted(1, of, number, rel, 0));
    return here;
}

static void what_is_said_stands_on_both_sides(void)
{
    two();
    w.foreign_tokens = true;
    for (unsigned i = 0; i < 6; i++) {
        world_say(&w, 0, OL_ROUTINE, 100);
        world_say(&w, 1, OL_ROUTINE, 100);
    }
    run_for(S);
    receipt(1, OL_KIND_ANSWER, OL_REL_ANSWERS, false, 1);
    receipt(1, OL_KIND_DECLINE, OL_REL_DECLINES, false, 2);
    receipt(1, OL_KIND_RECEIPT, OL_REL_DISTRIBUTED, false, 3);
    receipt(1, OL_KIND_CANCEL, OL_REL_CANCELS, true, 1);
    receipt(1, OL_KIND_MESSAGE, OL_REL_SUPERSEDES, true, 2);
    receipt(1, OL_KIND_ANSWER, OL_REL_FULFILS, true, 3);
    EXPECT(both(0, 1, OL_REL_ANSWERS) && both(0, 2, OL_REL_DECLINES));
    EXPECT(both(0, 3, OL_REL_DISTRIBUTED) && both(1, 1, OL_REL_CANCELS));
    EXPECT(both(1, 2, OL_REL_SUPERSEDES) && both(1, 3, OL_REL_FULFILS));
    /* Nobody takes back, or does, what the other said; nobody answers
     * himself; nothing is said of what comes later, nor by the wrong kind. */
    receipt(1, OL_KIND_CANCEL, OL_REL_CANCELS, false, 4);
    receipt(1, OL_KIND_MESSAGE, OL_REL_SUPERSEDES, false, 4);
    receipt(1, OL_KIND_MESSAGE, OL_REL_FULFILS, false, 4);
    receipt(1, OL_KIND_ANSWER, OL_REL_ANSWERS, true, 4);
    receipt(1, OL_KIND_DECLINE, OL_REL_DECLINES, true, 4);
    receipt(1, OL_KIND_CANCEL, OL_REL_CANCELS, true, 1000);
    receipt(1, OL_KIND_MESSAGE, OL_REL_CANCELS, true, 5);
    receipt(1, OL_KIND_MESSAGE, OL_REL_ANSWERS, false, 5);
    receipt(1, OL_KIND_DECLINE, OL_REL_ANSWERS, false, 5);
    for (uint8_t rel = 1; rel < OL_RELS; rel++)
        for (unsigned of = 0; of < 2; of++)
            EXPECT(!both(of, 4, rel) && !both(of, 5, rel) &&
                   !both(of, 1000, rel));
}

/* Of one record's references the first that can takes effect, and no other. */
static void one_record_says_one_thing(void)
{
    struct ol_record rec = {.prec = OL_ROUTINE, .kind = OL_KIND_DECLINE,
                            .n_refs = 4,
                            .refs = {{OL_REL_RESTS_ON, true, 1},
                                     {OL_REL_ANSWERS, false, 1},
                                     {OL_REL_DECLINES, false, 2},
                                     {OL_REL_DECLINES, false, 3}}};
    uint8_t id[OL_ID_SIZE] = {9};
    struct ol_event ev = {.kind = OL_EV_SUBMIT, .token = 99, .record = &rec};

    two();
    w.foreign_tokens = true;
    for (unsigned i = 0; i < 4; i++)
        world_say(&w, 0, OL_ROUTINE, 100);
    run_for(S);
    rec.id = OL_SPAN_ARRAY(id);
    EXPECT(world_step(&w, 1, &ev) == OL_OK);
    run_for(S);
    EXPECT(both(0, 2, OL_REL_DECLINES) && !both(0, 3, OL_REL_DECLINES));
    EXPECT(!both(0, 1, OL_REL_ANSWERS));
}

/* A receipt waits until the message that it is of is back. */
static void receipts_outlive_a_restore(void)
{
    two();
    w.foreign_tokens = true;
    for (unsigned i = 0; i < 4; i++)
        world_say(&w, 0, OL_ROUTINE, 100);
    run_for(S);
    for (unsigned i = 1; i < 4; i++)
        receipt(1, OL_KIND_RECEIPT, OL_REL_READ, false, i);
    world_restore(&w, 0, true, true, S);
    w.load_ns = 500 * MS; /* what comes back takes its time */
    run_for(60 * S);
    for (unsigned i = 1; i < 4; i++)
        EXPECT(said(i) == OL_REL_READ);
}

/* What one said of the other's messages comes back with the saying. */
static void own_words_outlive_a_restore(void)
{
    two();
    w.foreign_tokens = true;
    for (unsigned i = 0; i < 4; i++) {
        world_say(&w, 0, OL_ROUTINE, 100);
        world_say(&w, 1, OL_ROUTINE, 100);
    }
    run_for(S);
    for (unsigned i = 1; i < 4; i++)
        receipt(1, OL_KIND_DECLINE, OL_REL_DECLINES, false, i);
    receipt(1, OL_KIND_CANCEL, OL_REL_CANCELS, true, 2);
    world_restore(&w, 1, true, true, S);
    run_for(60 * S);
    for (unsigned i = 1; i < 4; i++)
        EXPECT(both(0, i, OL_REL_DECLINES));
    EXPECT(both(1, 2, OL_REL_CANCELS));
}

/* A log that lacks nothing takes new records while another is on its way back;
 * their numbers are above all that were ever given. */
static void numbers_are_given_once(void)
{
    const struct sim_message *m;

    two();
    for (unsigned i = 0; i < 200; i++) {
        world_say(&w, 0, OL_ROUTINE, 50);
        run_for(5 * MS);
    }
    EXPECT(settle(20 * S) < 20 * S);
    world_restore(&w, 0, true, true, S);
    w.load_ns = 500 * MS;
    run_for(3 * S);
    EXPECT(status(0).returning);
    world_say(&w, 0, OL_FLASH, 50);
    run_for(60 * S);
    m = &w.st[0].said[w.st[0].n_said - 1];
    EXPECT(m->taken && m->number == 201);
}

/* ---- the record ---------------------------------------------------------- */

/* Of both, a peer's checkpoint is kept that has the size of its log. */
static void the_last_word_is_signed(void)
{
    two();
    for (unsigned i = 0; i < 40; i++) {
        w.ch[0].path[0].cut = w.ch[1].path[0].cut = i % 2 == 0;
        world_say(&w, 0, (uint8_t)(i % OL_PRECS), 100);
        run_for(300 * MS);
    }
    w.ch[0].path[0].cut = w.ch[1].path[0].cut = false;
    EXPECT(settle(60 * S) < 60 * S);
    run_for(30 * S);
    for (uint8_t p = 0; p < OL_PRECS; p++) {
        struct sim_station *s = &w.st[1];
        uint8_t root[OL_HASH], sig[OL_SIG];
        uint32_t size = 0;
        EXPECT(s->ledger->ops->checkpoint(s->ledger, s->line_no, OL_PEER, p,
                                          &size, root, sig) == OL_OK);
        EXPECT(size == 10);
    }
}

/* A checkpoint that the peer did not sign, and one of another root. */
static void a_checkpoint_is_checked(void)
{
    struct ol_line *l;
    struct ol_checkpoint cp = {.prec = OL_ROUTINE, .size = 2,
                               .root = {1, 2, 3}};

    two();
    l = w.st[1].line;
    world_say(&w, 0, OL_ROUTINE, 100);
    run_for(S);
    EXPECT(ol_recv_checkpoint(l, &cp) != OL_OK);
    ol_checkpoint_sign(cp.sig, &w.st[0].id, l->shared.line_id, cp.prec,
                       cp.size, cp.root);
    EXPECT(ol_recv_checkpoint(l, &cp) == OL_OK);
    world_say(&w, 0, OL_ROUTINE, 100);
    run_for(S);
    EXPECT(w.st[1].notes[OL_NOTE_CHECKPOINT] == 1);
}

/* ---- running ------------------------------------------------------------- */

static const struct story stories[] = {
    {"an_ack_of_the_unsent_is_nothing", an_ack_of_the_unsent_is_nothing},
    {"an_echo_names_its_probe", an_echo_names_its_probe},
    {"a_peer_cannot_deny_what_it_confirmed",
     a_peer_cannot_deny_what_it_confirmed},
    {"a_piece_beyond_the_limit_is_nothing",
     a_piece_beyond_the_limit_is_nothing},
    {"a_credit_that_was_lost_is_given_again",
     a_credit_that_was_lost_is_given_again},
    {"a_lost_unit_goes_again", a_lost_unit_goes_again},
    {"a_held_that_was_lost_is_said_again", a_held_that_was_lost_is_said_again},
    {"receipts_outlive_a_restore", receipts_outlive_a_restore},
    {"own_words_outlive_a_restore", own_words_outlive_a_restore},
    {"numbers_are_given_once", numbers_are_given_once},
    {"credit_brings_what_was_dropped", credit_brings_what_was_dropped},
    {"credit_without_end_brings_nothing", credit_without_end_brings_nothing},
    {"room_brings_what_was_dropped", room_brings_what_was_dropped},
    {"what_is_never_held_goes_again", what_is_never_held_goes_again},
    {"copies_go_at_once", copies_go_at_once},
    {"what_is_above_goes_first", what_is_above_goes_first},
    {"a_receipt_says_what_it_says", a_receipt_says_what_it_says},
    {"what_is_said_stands_on_both_sides", what_is_said_stands_on_both_sides},
    {"one_record_says_one_thing", one_record_says_one_thing},
    {"the_last_word_is_signed", the_last_word_is_signed},
    {"a_checkpoint_is_checked", a_checkpoint_is_checked},
};

int main(int argc, char **argv)
{
    return story_main(stories, OL_LEN(stories), argc, argv);
}
