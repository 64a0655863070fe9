/*
 * Lines that only a pouch carries: stories of bundles that are lost, late and
 * doubled, and of stations that were put back from an old copy.
 *
 * What is shown is the conversation of bundles: that they open, that each
 * side knows the boot that the other runs and its prekey, that it goes on
 * within one round beyond the normal one, and that an erased key is gone. The
 * records that a station lost with its copy are other stories.
 * Usage: pouch [NAME]; prints PASS or FAIL per story.
 */
#include <stdlib.h>
#include <string.h>

#include "pouch_kit.h"

/* ---- in peace ----------------------------------------------------------- */

/* The first bundle says the first prekey; what follows goes to it. */
static void a_prekey_is_used_at_once(void)
{
    kit_begin(1);
    EXPECT(seen[0][0].prekey == 0 && seen[1][0].prekey == 0);
    EXPECT(!kit_status(0).forward_secrecy);
    kit_run(H + 60 * S);
    EXPECT(kit_status(0).forward_secrecy && kit_status(1).forward_secrecy);
    kit_say(0);
    kit_say(1);
    kit_run(60 * S);
    EXPECT(kit_last(0)->prekey == kit_own(1));
    EXPECT(kit_last(1)->prekey == kit_own(0));
    kit_run(DAY);
    EXPECT(world_settled(&w));
}

/* What a live channel said serves when it is cut. */
static void a_live_line_says_its_prekeys(void)
{
    world_init_calm(&w, 12, 1, true);
    kit_watch();
    kit_run(3 * S);
    EXPECT(w.st[0].line->kept.peer_prekey == kit_own(1));
    EXPECT(w.st[1].line->kept.peer_prekey == kit_own(0));
    for (unsigned f = 0; f < 2; f++)
        world_cut(&w, 0, f, true);
    kit_run(60 * S);
    kit_say(0);
    kit_run(60 * S);
    EXPECT(n_seen[0] > 0);
    for (unsigned i = 0; i < n_seen[0]; i++)
        EXPECT(seen[0][i].prekey == kit_own(1));
    EXPECT(kit_status(0).state == OL_LINE_POUCH_ONLY);
    EXPECT(kit_status(0).forward_secrecy);
}

/* Used every day for a year: thirty days of them are kept, and no more. */
static void prekeys_come_and_go(void)
{
    unsigned most = 0;

    kit_begin(1);
    for (unsigned day = 0; day < 365; day++) {
        kit_say(0);
        kit_say(1);
        kit_run(DAY);
        for (unsigned st = 0; st < 2; st++)
            most = OL_MAX(most, w.st[st].line->kept.n_prekeys);
        EXPECT(kit_agree());
    }
    printf("  at most %u prekeys at a time in a year of daily bundles\n",
           most);
    EXPECT(most > 25 && most <= OL_PREKEYS_MAX - 4);
    EXPECT(w.st[0].notes[OL_NOTE_CARD_ONLY] == 0);
}

/* It may be the peer's word on what we said, and no record at all. */
static void a_bundle_is_done_with_when_its_word_is_on_disk(void)
{
    const struct ol_out_log *log;
    uint64_t before;

    kit_begin(1);
    kit_run(4 * H);
    log = &w.st[0].line->out[OL_ROUTINE];
    kit_say(0);
    kit_run(H + 30 * S);
    w.st[0].commit_ns = 1000 * S;
    before = w.st[0].notes[OL_NOTE_IMPORTED];
    for (unsigned n = 0; log->acked == 0 && n < 7200; n++)
        kit_run(S);
    EXPECT(log->acked == 1 && w.st[0].notes[OL_NOTE_IMPORTED] == before);
    kit_run(3000 * S);
    EXPECT(w.st[0].notes[OL_NOTE_IMPORTED] > before);
}

/* A key that calls for the next one would be a bundle a day for ever. */
static void an_idle_pouch_is_quiet(void)
{
    unsigned before;
    uint64_t puts;

    kit_begin(1);
    kit_say(0);
    kit_run(5 * DAY);
    before = n_seen[0] + n_seen[1];
    kit_run(30 * DAY);
    puts = w.puts;
    kit_run(30 * DAY);
    printf("  %u bundles in 60 idle days, and %llu batches in the last 30\n",
           n_seen[0] + n_seen[1] - before,
           (unsigned long long)(w.puts - puts));
    EXPECT(n_seen[0] + n_seen[1] == before);
    EXPECT(w.puts == puts);
}

/* ---- what is gone is gone ----------------------------------------------- */

static uint8_t recorded[2][4096];
static size_t recorded_n[2];

/* Does it open with this key of st's, or with its card's (NULL)? */
static bool opens(unsigned st, unsigned which, const struct ol_prekey *p)
{
    static uint8_t out[4096];
    const struct ol_line *l = w.st[st].line;
    uint8_t pro[16 + 32 + OL_ENVELOPE_PLAIN];
    struct ol_span b = OL_SPAN(recorded[which], recorded_n[which]);

    memcpy(pro, "openline pouch 1", 16);
    memcpy(pro + 16, l->shared.line_id, 32);
    if (ol_wrap_open(pro + 48, &l->wrap, OL_SPAN(b.p, OL_ENVELOPE)) != OL_OK)
        return false;
    return ol_noise_k_open(OL_SPAN_ARRAY(pro), p ? p->sk : l->id.x_sk,
                           p ? p->pk : l->id.x_pk, l->peer.x_pk,
                           l->shared.psk,
                           OL_SPAN(b.p + OL_ENVELOPE, b.n - OL_ENVELOPE),
                           out) == OL_OK;
}

static bool holds(const void *hay, size_t n, const uint8_t sk[32])
{
    return memmem(hay, n, sk, 32) != NULL;
}

/* Everything that a station has: its keys, its memory, its disk. */
static bool anywhere(unsigned st, const uint8_t sk[32])
{
    struct sim_station *s = &w.st[st];
    struct ol_snapshot snap;
    bool found = holds(s->mem, ol_line_size(), sk) ||
                 holds(&s->eff, sizeof(s->eff), sk);

    EXPECT(s->ledger->ops->snapshot(s->ledger, s->line_no, &snap) == OL_OK);
    found |= holds(snap.state.p, snap.state.n, sk);
    s->ledger->ops->snapshot_free(s->ledger, &snap);
    return found;
}

static void keep_bundle(unsigned which)
{
    EXPECT(last_n[0] <= sizeof(recorded[0]));
    memcpy(recorded[which], last_bytes[0], last_n[0]);
    recorded_n[which] = last_n[0];
}

/* Somebody records what the courier carries, and gets all of the receiving
 * station's keys later. */
static void an_erased_prekey_closes_what_was_recorded(void)
{
    struct ol_prekey then;
    unsigned day = 0;

    kit_begin(1);
    keep_bundle(0); /* to the card's key */
    kit_run(12 * H);
    kit_say(0);
    kit_run(60 * S);
    EXPECT(kit_last(0)->prekey == kit_own(1));
    keep_bundle(1);
    then = *ol_prekey_find(w.st[1].line, kit_own(1));
    EXPECT(opens(1, 0, NULL) && opens(1, 1, &then));
    EXPECT(anywhere(1, then.sk));
    for (; ol_prekey_find(w.st[1].line, then.id) != NULL; day++) {
        EXPECT(day < 40);
        kit_say(day % 2);
        kit_run(DAY);
    }
    kit_run(60 * S);
    printf("  erased after %u days, in memory and on disk\n", day);
    EXPECT(day > 30);
    EXPECT(!anywhere(1, then.sk));
    EXPECT(!opens(1, 1, NULL));
    for (unsigned i = 0; i < w.st[1].line->kept.n_prekeys; i++)
        EXPECT(!opens(1, 1, &w.st[1].line->kept.prekeys[i]));
    /* And honestly: what went to the card's key is open to him. */
    EXPECT(opens(1, 0, NULL));
}

/* ---- copies ------------------------------------------------------------- */

/* Its numbers were all seen already: the answer tells, and the next is new. */
static void a_copy_finds_its_number(void)
{
    kit_begin(1);
    kit_days(1, 1);
    world_back_up(&w, 0);
    kit_days(1, 3);
    world_put_back(&w, 0, S);
    kit_run(2 * S);
    EXPECT(w.st[0].line->kept.bundle_reserved <
           w.st[1].line->kept.bundle_seen);
    kit_say(1);
    kit_run(H + 60 * S);
    EXPECT(w.st[0].line->kept.bundle_reserved >=
           w.st[1].line->kept.bundle_seen);
    kit_run(H + 60 * S);
    EXPECT(kit_knows(0) && kit_knows(1));
}

/* Bundles of the life before reach the peer while the copy finds its number:
 * the number that it finds is above theirs, too. */
static void a_copy_is_not_overtaken(void)
{
    kit_begin(1);
    kit_days(1, 1);
    world_back_up(&w, 0);
    kit_days(1, 2);
    w.ch[0].path[0].delay_ns = 150 * 60 * S;
    for (unsigned i = 0; i < 5; i++) {
        kit_say(0);
        kit_run(2 * S);
    }
    world_put_back(&w, 0, S);
    w.ch[0].path[0].delay_ns = H;
    kit_run(2 * S);
    kit_goes_on(0, 4);
}

/* A copy gives a number that the peer has opened, and not one that it never
 * reserved: nobody jumps, but the peer names a boot of the life before. */
static void a_copy_repeats_a_number(void)
{
    kit_begin(1);
    kit_days(1, 2);
    world_back_up(&w, 1);
    kit_say(1);
    kit_run(H + 60 * S);
    EXPECT(w.st[0].line->kept.bundle_seen == kit_last(1)->number);
    world_put_back(&w, 1, S);
    kit_run(60 * S);
    EXPECT(w.st[0].line->kept.bundle_seen == kit_last(1)->number);
    kit_run(3 * (H + 70 * S));
    EXPECT(kit_knows(0) && kit_knows(1));
}

/* The receiver's copy lacks the prekey that is in use: the bundle does not
 * open, the answer comes to the card's key, and it is said again. */
static void a_receiver_is_put_back(void)
{
    uint64_t t;

    kit_begin(1);
    kit_days(1, 3);
    world_back_up(&w, 1);
    kit_days(1, 4);
    EXPECT(ol_prekey_find(w.st[1].line, kit_last(0)->prekey) != NULL);
    world_put_back(&w, 1, S);
    kit_run(2 * S);
    EXPECT(ol_prekey_find(w.st[1].line, kit_last(0)->prekey) == NULL);
    t = w.now_ns;
    kit_say(0);
    kit_run(H + 60 * S);
    EXPECT(w.st[1].notes[OL_NOTE_UNOPENED] == 1);
    EXPECT(w.st[1].notes[OL_NOTE_CARD_ONLY] == 1);
    EXPECT(!kit_status(1).forward_secrecy);
    EXPECT(kit_last(1)->prekey == 0);
    /* The answer, and the record again. */
    while (!world_settled(&w) || w.st[1].line->in[OL_ROUTINE].durable !=
                                     w.st[0].line->out[OL_ROUTINE].durable) {
        EXPECT(w.now_ns - t < 4 * H + 200 * S);
        kit_run(60 * S);
    }
    printf("  said again and acknowledged after %.2f h\n",
           (double)(w.now_ns - t) / (double)H);
    EXPECT(kit_agree());
    EXPECT(w.st[1].notes[OL_NOTE_PREKEY] == 1);
}

/* The sender's copy is older than a prekey lives: what it knows is erased. */
static void a_sender_is_put_back_after_the_life_of_a_key(void)
{
    kit_begin(1);
    kit_days(1, 3);
    world_back_up(&w, 0);
    kit_days(1, 45);
    world_put_back(&w, 0, S);
    kit_run(2 * S);
    EXPECT(ol_prekey_find(w.st[1].line, w.st[0].line->kept.peer_prekey) ==
           NULL);
    kit_goes_on(0, 4);
}

/* Nothing but its keys is left: neither numbers nor prekeys. */
static void a_bare_identity_finds_its_line(void)
{
    for (unsigned first = 0; first < 2; first++) {
        world_init_calm(&w, 14, 0, true);
        world_back_up(&w, 0); /* nothing is committed yet */
        kit_watch();
        kit_days(1, 40);
        world_put_back(&w, 0, S);
        kit_run(2 * S);
        EXPECT(w.st[0].line->kept.bundle_seen == 0);
        EXPECT(w.st[0].line->kept.n_boots == 0);
        kit_goes_on(first, 4);
        if (first == 0)
            world_fini(&w);
    }
}

static void both_are_put_back(void)
{
    for (unsigned first = 0; first < 2; first++)
        for (unsigned a = 1; a < 40; a += 12)
            for (unsigned b = 1; b < 40; b += 12) {
                kit_begin(1);
                for (unsigned day = 0; day < 40; day++) {
                    if (day == a)
                        world_back_up(&w, 0);
                    if (day == b)
                        world_back_up(&w, 1);
                    kit_days(1, 1);
                }
                world_put_back(&w, 0, S);
                world_put_back(&w, 1, S);
                kit_run(2 * S);
                kit_goes_on(first, 4);
                world_fini(&w);
            }
    kit_begin(1);
}

/* Both were put back, and a bundle of the life before comes behind one of the
 * new life, with a higher number. Its boot was known first. */
static void a_bundle_of_the_life_before_comes_late(void)
{
    kit_begin(1);
    kit_days(1, 2);
    world_back_up(&w, 0);
    world_back_up(&w, 1);
    kit_days(1, 2);
    w.ch[0].path[0].delay_ns = 10 * H;
    kit_say(0);
    kit_run(60 * S);
    world_put_back(&w, 0, S);
    world_put_back(&w, 1, S);
    w.ch[0].path[0].delay_ns = H;
    kit_run(3 * H);
    EXPECT(kit_knows(1));
    kit_run(8 * H);
    kit_goes_on(0, 4);
}

/* The same, and of that life the copy knows nothing, so that its boot looks
 * like the newest there is. The boot of today was known before, and still it
 * is today's: its numbers go on above those of the life before. */
static void a_life_that_a_copy_forgot_comes_late(void)
{
    kit_begin(1);
    kit_days(1, 2);
    world_back_up(&w, 0);
    world_back_up(&w, 1);
    w.ch[0].path[0].delay_ns = 10 * H;
    world_crash(&w, 0, S);
    kit_run(2 * S);
    for (unsigned i = 0; i < 5; i++) {
        kit_say(0);
        kit_run(2 * S);
    }
    world_put_back(&w, 0, S);
    world_put_back(&w, 1, S);
    w.ch[0].path[0].delay_ns = H;
    kit_run(3 * H);
    EXPECT(kit_knows(1));
    kit_run(8 * H);
    EXPECT(!kit_knows(1));
    kit_goes_on(0, 4);
}

/* For a day after a live channel there is an epoch that nobody hears. It is
 * no reason to take nothing from a bundle. */
static void a_dead_epoch_does_not_deafen(void)
{
    world_init_calm(&w, 13, 1, true);
    kit_watch();
    kit_run(3 * S);
    for (unsigned f = 0; f < 2; f++) {
        world_cut(&w, 0, f, true);
        w.ch[1].path[f].delay_ns = H;
    }
    world_back_up(&w, 1);
    kit_run(60 * S);
    kit_say(0);
    kit_say(1);
    kit_run(3 * H);
    world_crash(&w, 1, S);
    kit_run(2 * S);
    EXPECT(w.st[0].line->sending >= 0);
    kit_goes_on(1, 4);
}

/* ---- malice ------------------------------------------------------------- */

/* A carrier who damages a bundle, or brings an old one again, does not talk
 * us out of forward secrecy. */
static void a_carrier_cannot_take_secrecy_away(void)
{
    struct ol_event ev = {.kind = OL_EV_FRAME, .channel = 0};
    uint32_t old;

    kit_begin(1);
    kit_run(DAY);
    kit_say(0);
    kit_run(60 * S);
    keep_bundle(0);
    old = kit_last(0)->prekey;
    EXPECT(old != 0);
    w.ch[0].path[0].loss = 1;
    kit_say(0);
    kit_run(60 * S);
    keep_bundle(1);
    recorded[1][recorded_n[1] - 1] ^= 1;
    ev.bytes = OL_SPAN(recorded[1], recorded_n[1]);
    EXPECT(ol_line_step(w.st[1].line, &ev, w.now_ns, &w.st[1].eff) ==
           OL_ERR_AUTH);
    EXPECT(kit_status(1).forward_secrecy);
    w.ch[0].path[0].loss = 0;
    for (unsigned i = 0; ol_prekey_find(w.st[1].line, old) != NULL; i++) {
        EXPECT(i < 60);
        kit_days(1, 1);
    }
    ev.bytes = OL_SPAN(recorded[0], recorded_n[0]);
    EXPECT(ol_line_step(w.st[1].line, &ev, w.now_ns, &w.st[1].eff) ==
           OL_ERR_AUTH);
    EXPECT(kit_status(1).forward_secrecy);
    EXPECT(w.st[1].notes[OL_NOTE_CARD_ONLY] == 0);
}

/* A peer that names a number at the end of all numbers ends nothing. */
static void a_peer_cannot_end_our_numbers(void)
{
    uint64_t reserved;

    kit_begin(1);
    kit_run(DAY);
    w.st[0].line->kept.bundle_seen = UINT64_MAX - 5;
    reserved = w.st[1].line->kept.bundle_reserved;
    kit_say(0);
    kit_run(DAY);
    EXPECT(w.st[1].line->kept.bundle_reserved < reserved + 100000);
    EXPECT(kit_status(1).forward_secrecy);
}

/* ---- running ------------------------------------------------------------ */

static const struct story stories[] = {
    {"a_prekey_is_used_at_once", a_prekey_is_used_at_once},
    {"a_live_line_says_its_prekeys", a_live_line_says_its_prekeys},
    {"prekeys_come_and_go", prekeys_come_and_go},
    {"a_bundle_is_done_with_when_its_word_is_on_disk",
     a_bundle_is_done_with_when_its_word_is_on_disk},
    {"an_idle_pouch_is_quiet", an_idle_pouch_is_quiet},
    {"an_erased_prekey_closes_what_was_recorded",
     an_erased_prekey_closes_what_was_recorded},
    {"a_copy_finds_its_number", a_copy_finds_its_number},
    {"a_copy_is_not_overtaken", a_copy_is_not_overtaken},
    {"a_copy_repeats_a_number", a_copy_repeats_a_number},
    {"a_receiver_is_put_back", a_receiver_is_put_back},
    {"a_sender_is_put_back_after_the_life_of_a_key",
     a_sender_is_put_back_after_the_life_of_a_key},
    {"a_bare_identity_finds_its_line", a_bare_identity_finds_its_line},
    {"both_are_put_back", both_are_put_back},
    {"a_bundle_of_the_life_before_comes_late",
     a_bundle_of_the_life_before_comes_late},
    {"a_life_that_a_copy_forgot_comes_late",
     a_life_that_a_copy_forgot_comes_late},
    {"a_dead_epoch_does_not_deafen", a_dead_epoch_does_not_deafen},
    {"a_carrier_cannot_take_secrecy_away", a_carrier_cannot_take_secrecy_away},
    {"a_peer_cannot_end_our_numbers", a_peer_cannot_end_our_numbers},
};

int main(int argc, char **argv)
{
    return story_main(stories, OL_LEN(stories), argc, argv);
}
