/*
 * Stories of a peer that has its keys and says what it may not: in the
 * handshake, of what it holds of ours, and in what it gives back.
 *
 * Station 1 is the liar; where it has to be, its core is out of the way: what
 * station 0 says is cut off, and what is said in its name is made here.
 * Usage: stories_lie [NAME]; prints PASS or FAIL per story.
 */
#include <string.h>

#include "base/check.h"
#include "crypto/knock.h"
#include "crypto/noise.h"
#include "law_kit.h"
#include "wire/frame.h"
#include "wire/record.h"

/* The two cores hear nothing of each other any more, or do again. */
static void part(bool cut)
{
    for (unsigned c = 0; c < 2; c++)
        for (unsigned f = 0; f < 2; f++)
            world_cut(&w, c, f, cut);
}

/* ---- the handshake ------------------------------------------------------- */

enum payload {
    P_GOOD, P_NOTHING, P_LATE, P_TWICE, P_OTHER_VERSION, P_CUT, P_SEGMENT,
    P_BAD_HELD, P_LAST
};

static void hello(struct ol_writer *wr, uint8_t least)
{
    struct ol_hello h = {least, (uint8_t)(least + 1), OL_FRAME_MAX};

    OL_CHECK(ol_hello_encode(wr, &h));
}

/* What a handshake message says, right or wrong. */
static struct ol_span payload(enum payload what)
{
    struct ol_writer wr = words();
    struct ol_openings o = {1, 1};

    if (what == P_LATE)
        OL_CHECK(ol_openings_encode(&wr, &o));
    if (what != P_NOTHING)
        hello(&wr, what == P_OTHER_VERSION ? OL_PROTOCOL_VERSION + 1 : 1);
    if (what == P_TWICE)
        hello(&wr, 1);
    if (what == P_CUT)
        wr.n--;
    if (what == P_SEGMENT) {
        ol_write_u8(&wr, OL_CHUNK_SEGMENT);
        ol_write_u16(&wr, OL_SEGMENT_HEAD + 1);
        ol_write_bytes(&wr, OL_SPAN("\x03\x10\0\0\0\1\0\0x",
                                    OL_SEGMENT_HEAD + 1));
    }
    if (what == P_BAD_HELD) { /* of logs that there are not */
        ol_write_u8(&wr, OL_CHUNK_HELD);
        ol_write_u16(&wr, OL_HELD_HEAD);
        for (unsigned i = 0; i < OL_HELD_HEAD; i++)
            ol_write_u8(&wr, 0xff);
    }
    return ol_writer_span(&wr);
}

/* A station's side of Noise, as its core would begin it. */
static void begin(struct ol_noise *ns, unsigned st, uint64_t opening)
{
    const struct ol_line *l = w.st[st].line;
    uint8_t pro[56], e_sk[32];
    struct ol_writer wr;

    for (unsigned i = 0; i < sizeof(e_sk); i++)
        e_sk[i] = (uint8_t)rnd_u64(&w.rnd);
    ol_writer_init(&wr, pro, sizeof(pro));
    ol_write_bytes(&wr, ol_span_str(OL_PROTOCOL_NAME));
    ol_write_u8(&wr, OL_PROTOCOL_VERSION);
    ol_write_bytes(&wr, OL_SPAN_ARRAY(l->shared.line_id));
    ol_write_u64(&wr, opening);
    OL_CHECK(!wr.failed);
    ol_noise_ik_init(ns, st == 0, ol_writer_span(&wr), w.st[st].id.x_sk,
                     w.st[st].id.x_pk, w.st[1 - st].id.x_pk, l->shared.psk,
                     e_sk);
}

/* Station 0's keys knock, with that payload. */
static enum ol_err knock_with(uint64_t opening, enum payload what)
{
    uint8_t msg[OL_NOISE_IK1_OVER + OL_PAYLOAD_MAX], out[OL_KNOCK_MAX];
    struct ol_span text = payload(what);
    struct ol_knock k = {.opening = opening, .tag = w.st[0].line->ch[1].tag};
    struct ol_noise ns;

    begin(&ns, 0, opening);
    ol_noise_ik1_create(&ns, text, msg);
    k.noise = OL_SPAN(msg, text.n + OL_NOISE_IK1_OVER);
    return bring_bytes(1, 1, out, wrapped(0, out, OL_PACKET_KNOCK, &k));
}

static unsigned epochs(unsigned st)
{
    unsigned n = 0;

    for (unsigned i = 0; i < OL_EPOCHS_MAX; i++)
        n += w.st[st].line->epoch[i].state != OL_EP_FREE;
    return n;
}

/* A knock whose payload is not to the letter opens nothing: no number counts
 * as seen, no epoch is made, nothing is answered; the next good one does. */
static void a_knock_is_to_the_letter(void)
{
    const struct ol_line *l;
    uint8_t junk[OL_NOISE_IK1_OVER - 1] = {1}, out[OL_KNOCK_MAX];
    struct ol_knock k = {.noise = OL_SPAN_ARRAY(junk)};
    uint64_t seen;
    unsigned had;

    two();
    l = w.st[1].line;
    seen = l->kept.open_seen;
    had = epochs(1);
    k.opening = OL_MAX(seen, l->kept.open_sent) + 1;
    k.tag = l->ch[1].tag;
    for (enum payload p = P_NOTHING; p < P_BAD_HELD; p++) {
        enum ol_err err = knock_with(k.opening, p);
        EXPECT(err != OL_OK);
        EXPECT((err == OL_ERR_VERSION) == (p == P_OTHER_VERSION));
        run_for(60 * MS);
        EXPECT(l->kept.open_seen == seen && epochs(1) == had);
        EXPECT(!l->response.due);
    }
    EXPECT(bring_bytes(1, 1, out, wrapped(0, out, OL_PACKET_KNOCK, &k)) ==
           OL_ERR_MALFORMED); /* too short for a message 1 */
    EXPECT(l->kept.open_seen == seen);
    EXPECT(knock_with(k.opening, P_GOOD) == OL_OK);
    EXPECT(l->kept.open_seen == k.opening && epochs(1) == had + 1);
}

/* Station 1's keys answer the knock that is held, with that payload. */
static enum ol_err answer_with(enum payload what)
{
    uint8_t plain[OL_KNOCK_MAX], out[OL_KNOCK_MAX];
    uint8_t msg[OL_NOISE_IK1_OVER + OL_PAYLOAD_MAX] = {0};
    uint8_t text[OL_PAYLOAD_MAX];
    struct ol_span said = payload(what);
    struct ol_noise_keys keys;
    struct ol_noise ns;
    struct ol_knock k;

    OL_CHECK(ol_wrap_open(plain, &w.st[1].line->wrap,
                          OL_SPAN(held.bytes[0], held.size[0])) == OL_OK);
    OL_CHECK(ol_knock_decode(OL_SPAN(plain, held.size[0] - OL_SEALED_HEAD -
                                                OL_TAG), &k) == OL_OK);
    begin(&ns, 1, k.opening);
    OL_CHECK(ol_noise_ik1_consume(&ns, k.noise, text) == OL_OK);
    ol_noise_ik2_create(&ns, said, msg, &keys);
    k.noise = OL_SPAN(msg, what == P_LAST ? sizeof(msg)
                                          : said.n + OL_NOISE_IK2_OVER);
    w.forged = true;
    return bring_bytes(0, 1, out, wrapped(1, out, OL_PACKET_RESPONSE, &k));
}

/* Nor does an answer: no epoch is spoken in whose two sides may not mean the
 * same; and the attempt that got it is not the last. */
static void an_answer_is_to_the_letter(void)
{
    for (enum payload p = P_NOTHING; p <= P_LAST; p++) {
        const struct ol_line *l;
        uint64_t opening;
        enum ol_err err;

        two();
        knocks(1);
        l = w.st[0].line;
        opening = status(0).epoch;
        EXPECT(l->attempt.active && l->attempt.opening > opening);
        err = answer_with(p);
        EXPECT(err != OL_OK);
        EXPECT((err == OL_ERR_VERSION) == (p == P_OTHER_VERSION));
        if (p == P_LAST) /* too long for a message 2: it was not read */
            EXPECT(l->attempt.active);
        /* What it says to hold is no part of the handshake. */
        EXPECT((status(0).epoch != opening) == (p == P_BAD_HELD));
        EXPECT(l->ch[1].knocks_answered == (p == P_BAD_HELD));
        /* Only another epoch helps: the other side has none any more. */
        w.lose = NULL;
        world_crash(&w, 1, S);
        part(false);
        run_for(20 * S);
        EXPECT(status(0).state == OL_LINE_OPEN);
        EXPECT(status(0).epoch > opening);
        world_say(&w, 0, OL_FLASH, 100);
        EXPECT(settle(5 * S) < 5 * S);
        if (p < P_LAST)
            world_fini(&w);
    }
}

/* Four channels may come to share an index by chance. It is a hint: a frame
 * counts where its keys say, and only a packet of ours is claimed. */
static void an_index_is_a_hint(void)
{
    struct ol_line *l;
    uint64_t got[3];
    uint16_t ch;

    world_init_calm(&w, 21, 3, false);
    run_for(5 * S);
    l = w.st[1].line;
    EXPECT(!ol_line_claims(l, OL_SPAN(NULL, 0), &ch));
    hold(OL_PACKET_FRAME, 1, 0, 2);
    held.lose = true;
    world_say(&w, 0, OL_FLASH, 50);
    run_for(100 * MS);
    EXPECT(held.n == 2);
    EXPECT(ol_line_claims(l, OL_SPAN(held.bytes[0], held.size[0]), &ch));
    EXPECT(ch == 1);
    EXPECT(!ol_line_claims(l, OL_SPAN(held.bytes[0], 5), &ch));
    for (unsigned c = 0; c < 3; c++) {
        sending(1)->ch[c].rx.index = sending(1)->ch[1].rx.index;
        got[c] = l->ch[c].frames_received;
    }
    EXPECT(ol_line_claims(l, OL_SPAN(held.bytes[0], held.size[0]), &ch));
    EXPECT(ch == OL_CHANNEL_ANY);
    EXPECT(bring(1, OL_CHANNEL_ANY, 0) == OL_OK);
    EXPECT(bring(1, 2, 1) != OL_OK); /* its connection says another one */
    for (unsigned c = 0; c < 3; c++)
        EXPECT(l->ch[c].frames_received == got[c] + (c == 1));
    held.bytes[0][1] ^= 1; /* another index */
    EXPECT(!ol_line_claims(l, OL_SPAN(held.bytes[0], held.size[0]), &ch));
    held.bytes[0][0] = OL_PACKET_KNOCK;
    EXPECT(!ol_line_claims(l, OL_SPAN(held.bytes[0], held.size[0]), &ch));
}

/* ---- what it says to hold ------------------------------------------------ */

/* A HELD of the ROUTINE log as station 1 would say it. */
static void say_held(uint32_t upto, const uint8_t *root)
{
    struct ol_held h = {.logs = 1u << OL_ROUTINE};
    struct ol_writer wr = words();

    memcpy(h.boot, w.st[1].line->boot, 8);
    h.serial = w.st[1].line->held_serial += 1000;
    h.log[OL_ROUTINE].upto = upto;
    h.log[OL_ROUTINE].limit = 100;
    memcpy(h.log[OL_ROUTINE].root, root, OL_ROOT);
    EXPECT(ol_held_encode(&wr, &h));
    EXPECT(lie(1, &wr) == OL_OK);
}

static void say_found(struct ol_found *f)
{
    struct ol_writer wr = words();

    f->ask = w.st[0].line->out[OL_ROUTINE].back.ask;
    EXPECT(ol_found_encode(&wr, f));
    EXPECT(lie(1, &wr) == OL_OK);
}

/* Our signature over what we have is no ground to take it out of our log, nor
 * is one that we never made. */
static void our_signature_does_not_deny_us(void)
{
    for (unsigned forged = 0; forged < 2; forged++) {
        struct ol_found f = {.prec = OL_ROUTINE, .match = 2, .upto = 6,
                             .root = {6}, .has_cp = true};
        struct ol_out_log *o;

        two();
        say_many(0, 5, OL_ROUTINE);
        EXPECT(settle(5 * S) < 5 * S);
        run_for(S);
        o = &w.st[0].line->out[OL_ROUTINE];
        EXPECT(o->cp.size == 5);
        part(true);
        say_held(6, f.root);
        run_for(500 * MS);
        EXPECT(o->back.state == OL_BACK_ASK);
        f.cp = o->cp;
        f.cp.root[0] ^= (uint8_t)forged;
        say_found(&f);
        run_for(S);
        EXPECT(o->stopped && o->size == 5 && o->acked == 5);
        EXPECT(w.st[0].notes[OL_NOTE_ROOT] == 1);
        if (!forged)
            world_fini(&w);
    }
}

/* A log whose root is another one whenever it is back is asked for sixteen
 * times, a second apart; then it stops, its side is told, and the other logs
 * go on. */
static void what_never_agrees_is_given_up(void)
{
    struct ol_found f = {.prec = OL_ROUTINE, .match = 5, .upto = 5};
    uint8_t root[OL_ROOT] = {1};
    struct ol_out_log *o;
    unsigned rounds = 0;
    uint64_t from;

    two();
    say_many(0, 5, OL_ROUTINE);
    EXPECT(settle(5 * S) < 5 * S);
    o = &w.st[0].line->out[OL_ROUTINE];
    part(true);
    from = w.now_ns;
    say_held(5, root);
    while (!o->stopped && w.now_ns - from < 60 * S) {
        run_for(50 * MS);
        if (o->back.state != OL_BACK_ASK || !o->back.ready)
            continue;
        rounds++;
        say_found(&f);
    }
    EXPECT(o->stopped && rounds == 16);
    EXPECT(w.now_ns - from > 10 * S);
    EXPECT(w.st[0].notes[OL_NOTE_ROOT] == 1);
    EXPECT(w.st[0].notes[OL_NOTE_LOST] == 16);
    EXPECT(status(0).stopped && o->size == 5);
    say_held(5, root); /* it goes on lying */
    run_for(5 * S);
    EXPECT(o->back.state == OL_BACK_SOUND);
    part(false);
    world_say(&w, 0, OL_FLASH, 100);
    run_for(60 * S);
    EXPECT(w.st[1].line->in[OL_FLASH].durable == 1);
}

/* ---- what it gives back -------------------------------------------------- */

static size_t record(uint8_t *bytes, uint32_t index, uint64_t number)
{
    uint8_t id[16] = {(uint8_t)index, 0xfe};
    struct ol_record rec = {.prec = OL_ROUTINE, .index = index,
                            .number = number, .kind = OL_KIND_MESSAGE,
                            .id = OL_SPAN_ARRAY(id),
                            .text = ol_span_str("0/0 we surrender")};
    struct ol_writer wr;

    ol_writer_init(&wr, bytes, 256);
    OL_CHECK(ol_record_encode(&wr, &rec) == OL_OK);
    return wr.n;
}

static enum ol_err give(uint32_t index, const uint8_t *bytes, size_t n)
{
    struct ol_segment g = {.prec = OL_ROUTINE, .codec = OL_CODEC_RAW,
                           .last = true, .index = index,
                           .bytes = OL_SPAN(bytes, n)};
    struct ol_writer wr = words();

    EXPECT(ol_return_encode(&wr, &g));
    return lie(1, &wr);
}

static bool is_proved(void *arg, const struct ol_row *row)
{
    *(unsigned *)arg += row->proof == OL_PROOF_PROVED;
    return true;
}

/* Three records that we never said come back, with our own signature over
 * three others: an alarm, and none of them is called ours. Before that, what
 * is no record of its place, or would use up our numbers, is not taken. */
static void what_we_did_not_sign_is_not_ours(void)
{
    struct sim_station *s = &w.st[0];
    struct ol_found f = {.prec = OL_ROUTINE, .upto = 3, .number = 3,
                         .root = {7}, .has_cp = true};
    uint8_t bytes[4][256];
    struct ol_out_log *o;
    unsigned proved = 0;
    size_t n[4];

    two();
    o = &s->line->out[OL_ROUTINE];
    for (uint32_t i = 1; i <= 3; i++)
        n[i] = record(bytes[i], i, i);
    f.cp.prec = OL_ROUTINE;
    f.cp.size = 3;
    f.cp.root[0] = 9;
    ol_checkpoint_sign(f.cp.sig, &s->id, s->line->shared.line_id, OL_ROUTINE,
                       3, f.cp.root);
    part(true);
    say_held(3, f.root);
    run_for(500 * MS);
    EXPECT(o->back.state == OL_BACK_ASK);
    say_found(&f);
    run_for(100 * MS);
    EXPECT(o->back.state == OL_BACK_TAKE);
    n[0] = record(bytes[0], 1, OL_NUMBER_MAX);
    EXPECT(give(1, bytes[0], n[0]) == OL_ERR_MALFORMED);
    n[0] = record(bytes[0], 2, 1);
    EXPECT(give(1, bytes[0], n[0]) == OL_ERR_MALFORMED);
    EXPECT(give(1, bytes[1], n[1] - 1) != OL_OK);
    EXPECT(give(4, bytes[3], n[3]) == OL_OK); /* of no place that is missing */
    run_for(500 * MS);
    EXPECT(o->size == 0 && s->line->number == 3);
    for (uint32_t i = 1; i <= 3; i++)
        EXPECT(give(i, bytes[i], n[i]) == OL_OK);
    run_for(2 * S);
    /* And behind them the record that disowns them. */
    EXPECT(o->size == 4 && !o->stopped);
    EXPECT(s->notes[OL_NOTE_ROOT] == 1);
    OL_CHECK(s->ledger->ops->log(s->ledger, s->line_no, OL_OWN, OL_ROUTINE, 1,
                                 UINT32_MAX, 0, is_proved, &proved) == OL_OK);
    EXPECT(proved == 0);
}

/* ---- running ------------------------------------------------------------- */

static const struct story stories[] = {
    {"a_knock_is_to_the_letter", a_knock_is_to_the_letter},
    {"an_answer_is_to_the_letter", an_answer_is_to_the_letter},
    {"an_index_is_a_hint", an_index_is_a_hint},
    {"our_signature_does_not_deny_us", our_signature_does_not_deny_us},
    {"what_never_agrees_is_given_up", what_never_agrees_is_given_up},
    {"what_we_did_not_sign_is_not_ours", what_we_did_not_sign_is_not_ours},
};

int main(int argc, char **argv)
{
    return story_main(stories, OL_LEN(stories), argc, argv);
}
