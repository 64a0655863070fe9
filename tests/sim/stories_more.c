/*
 * More stories of what doc/protocol.md promises, each from a deliberate fault
 * in the core (tests/mutants) that neither the storms nor the other stories
 * noticed: what comes back, who may speak when, prekeys, addresses, queues.
 */
#include <string.h>

#include "base/check.h"
#include "law_kit.h"
#include "pouch_kit.h"
#include "wire/frame.h"
#include "wire/record.h"

/* ---- when a station may speak -------------------------------------------- */

static uint8_t begun[64][8]; /* indexes whose first frame was lost */
static unsigned n_begun;

/* The first frame of each index is lost. */
static bool first_is_lost(struct world *ww, unsigned ch, unsigned from,
                          const struct ol_send *s)
{
    (void)ww;
    (void)ch;
    (void)from;
    if (s->bytes.p[0] != OL_PACKET_FRAME)
        return false;
    for (unsigned i = 0; i < n_begun; i++)
        if (memcmp(begun[i], s->bytes.p + 1, 4) == 0)
            return false;
    EXPECT(n_begun < OL_LEN(begun));
    memcpy(begun[n_begun++], s->bytes.p + 1, 4);
    return true;
}

/* The frame that confirms an epoch says nothing of what is held: records wait
 * for one that does. world_hear.c looks at each SEGMENT. */
static void records_wait_for_a_held(void)
{
    for (unsigned st = 0; st < 2; st++) {
        world_init_calm(&w, 31, 1, false);
        world_cut(&w, 0, 0, true);
        world_cut(&w, 0, 1, true);
        world_reboot(&w);
        run_for(5 * S);
        for (unsigned i = 0; i < 5; i++)
            world_say(&w, st, OL_ROUTINE, 100);
        n_begun = 0;
        w.lose = first_is_lost;
        world_cut(&w, 0, 0, false);
        world_cut(&w, 0, 1, false);
        EXPECT(settle(20 * S) < 20 * S);
        EXPECT(n_begun >= 2);
        world_fini(&w);
    }
}

/* A station that has answered more knocks than it made counts from those that
 * it answered. */
static void an_attempt_counts_from_what_was_seen(void)
{
    const struct ol_line *l;
    uint64_t known;

    two();
    for (unsigned i = 0; i < 6; i++) {
        world_crash(&w, 0, S);
        run_for(20 * S);
        EXPECT(status(0).state == OL_LINE_OPEN);
    }
    l = w.st[1].line;
    known = l->kept.open_seen;
    EXPECT(known > l->kept.open_sent + 1);
    for (unsigned c = 0; c < 2; c++)
        for (unsigned f = 0; f < 2; f++)
            world_cut(&w, c, f, true);
    world_crash(&w, 1, S);
    run_for(5 * S);
    EXPECT(l->attempt.active && l->attempt.opening == known + 1);
}

/* A station that lost its numbers is told, and is in at once. */
static void who_is_behind_is_told(void)
{
    two();
    for (unsigned i = 0; i < 6; i++) {
        world_crash(&w, 0, S);
        run_for(20 * S);
    }
    EXPECT(status(0).state == OL_LINE_OPEN);
    world_restore(&w, 0, true, true, 100 * MS);
    run_for(5 * S);
    EXPECT(status(0).state == OL_LINE_OPEN);
    EXPECT(w.st[0].notes[OL_NOTE_BEHIND] > 0);
}

static unsigned answers;

static bool count_answers(struct world *ww, unsigned ch, unsigned from,
                          const struct ol_send *s)
{
    (void)ww;
    answers += from == 1 && ch == 1 && s->bytes.p[0] == OL_PACKET_RESPONSE;
    return from == 1; /* and it does not come to hear that it was heard */
}

/* The same knock over and over: an answer each 50 ms, and no Diffie-Hellman. */
static void a_repeated_knock_is_answered_now_and_then(void)
{
    two();
    hold(OL_PACKET_KNOCK, 1, 0, 0);
    held.lose = true;
    held.most = 1;
    world_cut(&w, 0, 0, true);
    world_cut(&w, 0, 1, true);
    world_cut(&w, 1, 1, true);
    run_for(60 * S);
    EXPECT(held.n == 1);
    w.lose = count_answers;
    answers = 0;
    EXPECT(bring(1, 1, 0) == OL_OK);
    run_for(20 * MS);
    EXPECT(answers == 1);
    for (unsigned i = 0; i < 500; i++) {
        (void)!bring(1, 1, 0);
        run_for(2 * MS);
    }
    EXPECT(answers >= 10 && answers <= 22);
}

/* ---- what comes back ----------------------------------------------------- */

/* It finds out only from the peer that it was put back. Until that has said
 * which numbers were given, none is: in no log. */
static void nothing_is_numbered_before_the_answer(void)
{
    const struct sim_message *m;

    two();
    say_many(0, 5, OL_ROUTINE);
    EXPECT(settle(5 * S) < 5 * S);
    world_back_up(&w, 0);
    say_many(0, 20, OL_ROUTINE);
    EXPECT(settle(5 * S) < 5 * S);
    for (unsigned c = 0; c < 2; c++)
        for (unsigned f = 0; f < 2; f++)
            w.ch[c].path[f].delay_ns = 300 * MS;
    world_restore(&w, 0, false, false, 100 * MS);
    do
        run_for(MS);
    while (!w.st[0].alive ||
           w.st[0].line->out[OL_ROUTINE].back.state == OL_BACK_SOUND);
    EXPECT(w.st[0].line->out[OL_FLASH].back.state == OL_BACK_SOUND);
    world_say(&w, 0, OL_FLASH, 50);
    run_for(5 * MS);
    EXPECT(world_is_waiting(&w, 0));
    run_for(60 * S);
    m = &w.st[0].said[w.st[0].n_said - 1];
    EXPECT(m->taken && m->number > 25);
    check_restored(&w);
}

/* All of 300 records lie behind our last signature; until it is reached, none
 * covers what has come. */
static void nothing_is_signed_while_it_comes_back(void)
{
    struct sim_station *s = &w.st[0];
    uint8_t root[OL_HASH], sig[OL_SIG];
    unsigned looks = 0;

    two();
    say_many(0, 300, OL_ROUTINE);
    EXPECT(settle(20 * S) < 20 * S);
    run_for(S);
    world_restore(&w, 0, true, true, 100 * MS);
    for (unsigned i = 0; i < 20000; i++) {
        uint32_t from, size = 0;
        run_for(MS);
        from = s->alive ? s->line->kept.foreign[OL_ROUTINE] : 0;
        if (from == 0)
            continue;
        looks++;
        (void)!s->ledger->ops->checkpoint(s->ledger, s->line_no, OL_OWN,
                                          OL_ROUTINE, &size, root, sig);
        EXPECT(size < from);
    }
    EXPECT(looks > 5 && !status(0).returning);
    EXPECT(s->line->out[OL_ROUTINE].size == 300);
    check_restored(&w);
}

static void receipt_of(unsigned st, uint64_t number)
{
    uint8_t id[16];
    struct ol_record rec = {.prec = OL_ROUTINE, .kind = OL_KIND_RECEIPT,
                            .id = OL_SPAN_ARRAY(id), .n_refs = 1};
    struct ol_event ev = {.kind = OL_EV_SUBMIT, .record = &rec,
                          .token = UINT64_C(1) << 50};

    for (unsigned i = 0; i < sizeof(id); i++)
        id[i] = (uint8_t)rnd_u64(&w.rnd);
    rec.refs[0].rel = OL_REL_READ;
    rec.refs[0].number = number;
    EXPECT(world_step(&w, st, &ev) == OL_OK);
    run_for(100 * MS);
}

/* Receipts are there before the messages that they are of: they wait. */
static void receipts_wait_for_their_messages(void)
{
    struct sim_station *s = &w.st[0];
    struct ol_row_mark r[4];

    two();
    w.foreign_tokens = true;
    say_many(0, 5, OL_ROUTINE);
    EXPECT(settle(5 * S) < 5 * S);
    world_back_up(&w, 0);
    say_many(0, 5, OL_PRIORITY);
    EXPECT(settle(5 * S) < 5 * S);
    for (uint64_t i = 6; i <= 10; i++)
        receipt_of(1, i);
    EXPECT(settle(5 * S) < 5 * S);
    for (unsigned c = 0; c < 2; c++)
        for (unsigned f = 0; f < 2; f++)
            w.ch[c].path[f].delay_ns = 300 * MS;
    world_restore(&w, 0, false, false, 100 * MS);
    run_for(60 * S);
    for (uint64_t i = 6; i <= 10; i++) {
        uint32_t n = 0;
        EXPECT(s->ledger->ops->marks(s->ledger, s->line_no, OL_OWN, i, r, 4,
                                     &n) == OL_OK);
        EXPECT(n == 1 && r[0].rel == OL_REL_READ);
    }
}

/* ---- a peer that lies ---------------------------------------------------- */

/* A record that stands elsewhere by its own word. */
static void a_record_is_of_its_place(void)
{
    static const uint32_t names[] = {7, 1};
    uint8_t id[16] = {3}, bytes[256];

    for (unsigned i = 0; i < 2; i++) {
        struct ol_record rec = {.prec = OL_ROUTINE, .index = names[i],
                                .number = 1, .kind = OL_KIND_MESSAGE,
                                .id = OL_SPAN_ARRAY(id),
                                .text = ol_span_str("1/1 here")};
        struct ol_segment g = {.prec = OL_ROUTINE, .codec = OL_CODEC_RAW,
                               .last = true, .index = 1};
        struct ol_writer wr;

        two();
        world_cut(&w, 0, 0, true); /* what it says goes nowhere */
        world_cut(&w, 1, 0, true);
        ol_writer_init(&wr, bytes, sizeof(bytes));
        EXPECT(ol_record_encode(&wr, &rec) == OL_OK);
        g.bytes = ol_writer_span(&wr);
        wr = words();
        EXPECT(ol_segment_encode(&wr, &g));
        (void)!lie(1, &wr);
        run_for(100 * MS);
        EXPECT(w.st[0].line->in[OL_ROUTINE].upto == i);
        if (i == 0)
            world_fini(&w);
    }
}

/* It says to hold less than it did, with a root that was never there: our own
 * root has to be fetched first, and tells. */
static void an_older_root_is_compared(void)
{
    struct ol_held h = {.logs = 1u << OL_ROUTINE};
    struct ol_out_log *o;
    struct ol_writer wr;

    two();
    say_many(0, 5, OL_ROUTINE);
    EXPECT(settle(5 * S) < 5 * S);
    o = &w.st[0].line->out[OL_ROUTINE];
    world_cut(&w, 0, 0, true);
    world_cut(&w, 1, 0, true);
    memcpy(h.boot, w.st[1].line->boot, 8);
    h.serial = w.st[1].line->held_serial + 1000;
    h.log[OL_ROUTINE].upto = 3;
    h.log[OL_ROUTINE].limit = 100;
    h.log[OL_ROUTINE].root[0] = 6;
    wr = words();
    EXPECT(ol_held_encode(&wr, &h));
    EXPECT(lie(1, &wr) == OL_OK);
    run_for(100 * MS);
    EXPECT(o->back.state != OL_BACK_SOUND);
    EXPECT(w.st[0].notes[OL_NOTE_ROLLED_BACK] == 0);
}

/* ---- a HELD -------------------------------------------------------------- */

/* The frame of a record is acknowledged, then our disk is done, and the HELD
 * that says so is lost: it is said again before the record is sent again. */
static void a_lost_held_does_not_wait_for_the_record(void)
{
    struct ol_in_log *in;

    world_init_calm(&w, 32, 1, false);
    run_for(40 * S);
    in = &w.st[1].line->in[OL_ROUTINE];
    for (uint32_t i = 0; i < 10; i++) {
        world_say(&w, 0, OL_ROUTINE, 100);
        w.st[1].commit_ns = 600 * MS;
        while (in->durable == i)
            run_for(MS);
        w.st[1].commit_ns = 1;
        world_spill(&w);
        EXPECT(!world_settled(&w));
        EXPECT(settle(10 * S) < 400 * MS);
        run_for(20 * S);
    }
}

/* ---- queues -------------------------------------------------------------- */

/* A way that takes 125 kB a second: what is sent does not pile up in it, and a
 * FLASH overtakes all of it. */
static void a_flash_meets_no_queue(void)
{
    const struct sim_message *m;
    uint64_t from;

    world_init_calm(&w, 33, 2, false);
    w.ch[1].path[0].rate_bps = w.ch[1].path[1].rate_bps = 1000000;
    world_cut(&w, 0, 0, true);
    world_cut(&w, 0, 1, true);
    run_for(60 * S);
    for (unsigned i = 0; i < 400; i++) {
        world_say(&w, 0, OL_ROUTINE, 4000);
        run_for(5 * MS);
    }
    run_for(3 * S);
    EXPECT(!world_settled(&w));
    world_say(&w, 0, OL_FLASH, 100);
    m = &w.st[0].said[w.st[0].n_said - 1];
    for (from = w.now_ns; w.now_ns - from < 20 * S;) {
        run_for(10 * MS);
        if (w.st[1].line->in[OL_FLASH].durable > 0)
            break;
    }
    EXPECT(m->taken);
    printf("  a FLASH behind 1.6 MB over 1 Mbit/s: %.0f ms\n",
           (double)(w.now_ns - from) / 1e6);
    EXPECT(w.now_ns - from < 250 * MS);
}

/* ---- bundles ------------------------------------------------------------- */

/* A new prekey is made when a bundle opens. Until our disk is done, whoever
 * asks is told the one before; world_hear.c looks at what is announced. */
static void a_prekey_is_on_disk_first(void)
{
    struct ol_line *l;
    uint64_t sent;
    uint32_t own;

    world_init_calm(&w, 34, 1, true);
    w.ch[1].path[0].delay_ns = w.ch[1].path[1].delay_ns = H;
    kit_watch();
    kit_run(25 * H);
    for (unsigned f = 0; f < 2; f++)
        world_cut(&w, 0, f, true);
    kit_run(120 * S);
    kit_say(0);
    kit_run(300 * S);
    for (unsigned f = 0; f < 2; f++)
        world_cut(&w, 0, f, false);
    own = kit_own(1);
    EXPECT(kit_last(0)->prekey == own); /* and it is on its way */
    kit_run(1800 * S);
    l = w.st[1].line;
    EXPECT(status(1).ch[0].state == OL_CHAN_UP && l->prekey_batch == 0);
    w.st[1].commit_ns = UINT64_C(1000000) * H;
    kit_run(H);
    EXPECT(l->prekey_batch != 0);
    sent = l->ch[0].frames_sent;
    l->prekey_news = true; /* as if the frame that told it were lost */
    world_tick(&w, 1);
    EXPECT(l->ch[0].frames_sent > sent && !l->prekey_news);
    EXPECT(kit_own(1) == own);
}

/* A whole folder is lost; a day later it is there again. */
static void a_lost_folder_is_made_again(void)
{
    kit_begin(1);
    kit_run(DAY);
    w.ch[0].path[0].loss = 1;
    kit_say(0);
    kit_run(H);
    w.ch[0].path[0].loss = 0;
    kit_run(12 * H);
    EXPECT(w.st[1].line->in[OL_ROUTINE].durable == 0);
    kit_run(14 * H);
    EXPECT(w.st[1].line->in[OL_ROUTINE].durable == 1);
}

/* What is said in one breath is one batch: a power cut before it is on disk
 * takes all of it, and what was taken is there whole, in its order and under
 * one signature. */
static void what_comes_at_once_is_taken_together(void)
{
    const struct sim_station *s = &w.st[0];
    uint32_t from;
    uint64_t puts;

    two();
    run_for(S);
    from = s->n_said;
    world_speak_many(&w, 0, OL_PRIORITY, 100, SIM_AT_ONCE);
    world_crash(&w, 0, S);
    run_for(10 * S);
    for (unsigned k = 0; k < SIM_AT_ONCE; k++)
        EXPECT(!s->said[from + k].taken);
    EXPECT(w.st[0].line->out[OL_PRIORITY].size == 0);
    from = s->n_said;
    puts = w.puts;
    world_speak_many(&w, 0, OL_PRIORITY, 100, SIM_AT_ONCE);
    EXPECT(s->took == SIM_AT_ONCE && w.puts == puts + 1);
    EXPECT(settle(S) < S);
    for (unsigned k = 0; k < SIM_AT_ONCE; k++)
        EXPECT(s->said[from + k].taken && s->said[from + k].index == k + 1);
    EXPECT(w.st[1].line->in[OL_PRIORITY].durable == SIM_AT_ONCE);
    run_for(S);
    EXPECT(w.st[1].line->in[OL_PRIORITY].signed_cp.size == SIM_AT_ONCE);
}

/* ---- running ------------------------------------------------------------- */

static const struct story stories[] = {
    {"records_wait_for_a_held", records_wait_for_a_held},
    {"an_attempt_counts_from_what_was_seen",
     an_attempt_counts_from_what_was_seen},
    {"who_is_behind_is_told", who_is_behind_is_told},
    {"a_repeated_knock_is_answered_now_and_then",
     a_repeated_knock_is_answered_now_and_then},
    {"nothing_is_numbered_before_the_answer",
     nothing_is_numbered_before_the_answer},
    {"nothing_is_signed_while_it_comes_back",
     nothing_is_signed_while_it_comes_back},
    {"a_record_is_of_its_place", a_record_is_of_its_place},
    {"an_older_root_is_compared", an_older_root_is_compared},
    {"receipts_wait_for_their_messages", receipts_wait_for_their_messages},
    {"a_lost_held_does_not_wait_for_the_record",
     a_lost_held_does_not_wait_for_the_record},
    {"a_flash_meets_no_queue", a_flash_meets_no_queue},
    {"a_prekey_is_on_disk_first", a_prekey_is_on_disk_first},
    {"a_lost_folder_is_made_again", a_lost_folder_is_made_again},
    {"what_comes_at_once_is_taken_together",
     what_comes_at_once_is_taken_together},
};

int main(int argc, char **argv)
{
    return story_main(stories, OL_LEN(stories), argc, argv);
}
