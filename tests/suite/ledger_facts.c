/*
 * The ledger's behaviour, the same of both implementations: what is known
 * about records, events, station values, lines.
 */
#include "ledger_kit.h"

#include <stdio.h>

static uint32_t acked_upto;

static uint64_t acked(struct kit *k, uint32_t index)
{
    uint64_t at;

    assert_int_equal(k->l->ops->acked(k->l, k->line, OL_ROUTINE, index,
                                      &acked_upto, &at), OL_OK);
    return at;
}

static void each_record_has_its_own_delivery_time(void **state)
{
    struct kit *k = *state;
    static const uint32_t upto[] = {3, 3, 10, 4, 11};
    uint32_t last;
    uint64_t at;

    for (uint32_t n = 0; n < OL_LEN(upto); n++) {
        k->at_ms = KIT_AT + n;
        kit_put(k, OL_PUT_ACK, OL_OWN, OL_ROUTINE, upto[n]);
        kit_sure(k);
    }
    assert_int_equal(acked(k, 1), KIT_AT);
    assert_int_equal(acked_upto, 11);
    assert_int_equal(acked(k, 3), KIT_AT);
    assert_int_equal(acked(k, 4), KIT_AT + 2); /* a lower ack came later */
    assert_int_equal(acked(k, 11), KIT_AT + 4);
    assert_int_equal(acked(k, 12), 0);
    assert_int_equal(k->l->ops->acked(k->l, k->line, OL_FLASH, 1, &last, &at),
                     OL_OK);
    assert_int_equal(last, 0);
    assert_int_equal(at, 0);
}

static void put_mark(struct kit *k, uint8_t rel, uint32_t index)
{
    struct ol_put *put = kit_put(k, OL_PUT_MARK, OL_OWN, OL_FLASH, index);

    put->number = 17;
    put->rel = rel;
    put->by = OL_PEER;
}

static void marks_stay(void **state)
{
    struct kit *k = *state;
    static const uint8_t rel[] = {OL_REL_UNDERSTOOD, OL_REL_READ,
                                  OL_REL_UNDERSTOOD};
    struct ol_row_mark out[4];
    uint32_t n;

    for (uint32_t r = 0; r < OL_LEN(rel); r++) {
        put_mark(k, rel[r], 5 + r);
        put_mark(k, rel[0], 5); /* once more: it stays as it was */
        k->at_ms = KIT_AT + r;
        kit_sure(k);
    }
    assert_int_equal(k->l->ops->marks(k->l, k->line, OL_OWN, 17, out, 4, &n),
                     OL_OK);
    assert_int_equal(n, 3);
    assert_int_equal(out[0].rel, OL_REL_READ);
    assert_int_equal(out[0].by, OL_PEER);
    assert_int_equal(out[0].at_ms, KIT_AT + 1);
    assert_int_equal(out[1].rel, OL_REL_UNDERSTOOD);
    assert_int_equal(out[1].at_ms, KIT_AT); /* the first one */
    assert_int_equal(out[1].prec, OL_FLASH);
    assert_int_equal(out[1].index, 5);
    assert_int_equal(out[2].index, 7);
    assert_int_equal(k->l->ops->marks(k->l, k->line, OL_OWN, 17, out, 1, &n),
                     OL_OK);
    assert_int_equal(n, 1);
    assert_int_equal(k->l->ops->marks(k->l, k->line, OL_PEER, 17, out, 4, &n),
                     OL_OK);
    assert_int_equal(n, 0);
}

/* However often a peer says one thing, what else it said is not hidden. */
static void no_mark_hides_another(void **state)
{
    struct kit *k = *state;
    struct ol_row_mark out[3 * OL_MARKS_EACH];
    uint32_t n;

    for (uint32_t i = 1; i <= 3 * OL_MARKS_EACH; i++) {
        put_mark(k, OL_REL_ANSWERS, i);
        put_mark(k, OL_REL_READ, 200 + i);
        if (i % 16 == 0)
            kit_sure(k);
    }
    put_mark(k, OL_REL_UNDERSTOOD, 500);
    put_mark(k, OL_REL_DECLINES, 501);
    kit_sure(k);
    assert_int_equal(k->l->ops->marks(k->l, k->line, OL_OWN, 17, out,
                                      OL_LEN(out), &n), OL_OK);
    assert_int_equal(n, 2 * OL_MARKS_EACH + 2);
    assert_int_equal(out[OL_MARKS_EACH - 1].index, OL_MARKS_EACH);
    assert_int_equal(out[OL_MARKS_EACH].rel, OL_REL_READ);
    assert_int_equal(out[n - 2].rel, OL_REL_UNDERSTOOD);
    assert_int_equal(out[n - 1].rel, OL_REL_DECLINES);
}

/* Facts. */

static void note(struct kit *k, uint32_t line, const char *key,
                 const char *value)
{
    struct ol_fact fact = {.kind = OL_FACT_DARK, .key = key,
                           .at_ms = k->at_ms, .value = ol_span_str(value)};
    struct ol_batch batch = {.line = line, .token = ++k->token,
                             .at_ms = k->at_ms, .facts = &fact,
                             .n_facts = 1};

    uint32_t first = k->line;

    assert_int_equal(k->l->ops->commit(k->l, &batch), OL_OK);
    k->line = line;
    k->outstanding++;
    kit_settle(k, OL_OK);
    k->line = first;
}

static bool list_fact(void *arg, const struct ol_row_fact *fact)
{
    char *list = arg;
    size_t n = strlen(list);

    snprintf(list + n, 256 - n, "%s=%.*s ", fact->key, (int)fact->value.n,
             (const char *)fact->value.p);
    return true;
}

static void lists(struct kit *k, uint32_t line, struct ol_facts_of of,
                  const char *want)
{
    char list[256] = "";

    assert_int_equal(k->l->ops->facts(k->l, line, OL_FACT_DARK, &of,
                                      list_fact, list), OL_OK);
    assert_string_equal(list, want);
}

static void facts_in_their_order(void **state)
{
    static const struct ol_facts_of all = {.to_ms = UINT64_MAX};
    struct kit *k = *state;

    for (uint32_t i = 0; i < 2; i++) {
        k->at_ms = KIT_AT + 2;
        note(k, k->line, "a", "two");
        note(k, k->line, "b", "too");
        k->at_ms = KIT_AT + 1; /* the clock went back */
        note(k, k->line, "a", "one");
        note(k, 0, "s", "own");
        lists(k, k->line, all, "a=one a=two b=too ");
        lists(k, 0, all, "s=own ");
        lists(k, k->line, (struct ol_facts_of){KIT_AT + 2, KIT_AT + 9, 0,
                                               false}, "a=two b=too ");
        lists(k, k->line, (struct ol_facts_of){0, UINT64_MAX, 2, true},
              "b=too a=two ");
        kit_reopen(k);
        lists(k, k->line, all, "a=one a=two b=too ");
        k->at_ms = KIT_AT + 2;
        note(k, k->line, "a", ""); /* those before: gone */
        lists(k, k->line, all, "a=two b=too ");
        k->at_ms = KIT_AT + 3;
        note(k, k->line, NULL, "");
        note(k, 0, NULL, "");
        lists(k, k->line, all, "");
    }
}

static bool list_row(void *arg, const struct ol_row *row)
{
    char *list = arg;
    size_t n = strlen(list);

    snprintf(list + n, 256 - n, "%llu ", (unsigned long long)row->number);
    return true;
}

static void records_by_kind(void **state)
{
    struct kit *k = *state;
    char list[256] = "";

    for (uint32_t i = 1; i <= 9; i++) {
        uint8_t prec = i % OL_PRECS;
        struct ol_put *put = kit_record(k, OL_PEER, prec, 10 - i);

        put->rec_kind = i % 2 ? OL_KIND_ASK : OL_KIND_MESSAGE;
        put->number = 100 - i;
    }
    kit_sure(k);
    assert_int_equal(k->l->ops->by_kind(k->l, k->line, OL_PEER, OL_KIND_ASK,
                                        91, list_row, list), OL_OK);
    assert_string_equal(list, "93 95 97 99 ");
    list[0] = '\0';
    assert_int_equal(k->l->ops->by_kind(k->l, k->line, OL_OWN, OL_KIND_ASK, 0,
                                        list_row, list), OL_OK);
    assert_int_equal(k->l->ops->by_kind(k->l, k->line, OL_PEER,
                                        OL_KIND_MESSAGE, 0, list_row, list),
                     OL_OK);
    assert_string_equal(list, ""); /* not of a kind that is looked up */
}

static void put_sent(struct kit *k, uint16_t channel, uint32_t index,
                     uint32_t count)
{
    struct ol_put *put = kit_put(k, OL_PUT_SENT, OL_OWN, OL_ROUTINE, index);

    put->channel = channel;
    put->count = count;
    kit_commit(k);
    k->at_ms++;
}

static uint32_t attempts(struct kit *k, struct ol_row_attempt *out,
                         uint32_t index, uint32_t max)
{
    uint32_t n;

    assert_int_equal(k->l->ops->attempts(k->l, k->line, OL_ROUTINE, index,
                                         out, max, &n), OL_OK);
    return n;
}

static void attempts_are_counted_per_channel(void **state)
{
    struct kit *k = *state;
    struct ol_row_attempt out[8];

    put_sent(k, 1, 10, 5000); /* longer than one row */
    put_sent(k, 0, 12, 1);
    put_sent(k, 1, 12, 3);
    put_sent(k, OL_CHANNEL_FILE, 1, 13);
    kit_settle(k, OL_OK);
    assert_int_equal(attempts(k, out, 12, 8), 3);
    assert_string_equal(out[0].channel, "radio");
    assert_int_equal(out[0].at_ms, KIT_AT);
    assert_int_equal(out[0].count, 2);
    assert_string_equal(out[1].channel, "cable");
    assert_int_equal(out[1].at_ms, KIT_AT + 1);
    assert_int_equal(out[1].count, 1);
    assert_string_equal(out[2].channel, "file");
    assert_int_equal(attempts(k, out, 12, 2), 2);
    assert_int_equal(attempts(k, out, 9, 8), 1);
    for (uint32_t index = 15; index < 5010; index += 37)
        assert_int_equal(attempts(k, out, index, 8), 1);
    assert_int_equal(attempts(k, out, 5009, 8), 1);
    assert_int_equal(out[0].count, 1);
    assert_int_equal(attempts(k, out, 5010, 8), 0);
}

static void the_last_checkpoint_counts(void **state)
{
    struct kit *k = *state;
    uint8_t root[32], sig[64], made[64];
    uint32_t size;

    assert_int_equal(k->l->ops->checkpoint(k->l, k->line, OL_PEER, OL_FLASH,
                                           &size, root, sig), OL_ERR_MISSING);
    for (uint8_t n = 1; n <= 3; n++) {
        struct ol_put *put = kit_put(k, OL_PUT_CHECKPOINT, OL_PEER, OL_FLASH,
                                     n * 10u);

        memset(made, n, sizeof(made));
        memset(put->leaf, 0x80 + n, sizeof(put->leaf));
        put->bytes = kit_keep(k, made, sizeof(made));
        kit_sure(k);
    }
    assert_int_equal(k->l->ops->checkpoint(k->l, k->line, OL_PEER, OL_FLASH,
                                           &size, root, sig), OL_OK);
    assert_int_equal(size, 30);
    assert_int_equal(root[31], 0x83);
    assert_int_equal(sig[63], 3);
    assert_int_equal(k->l->ops->checkpoint(k->l, k->line, OL_OWN, OL_FLASH,
                                           &size, root, sig), OL_ERR_MISSING);
}

static void events_resume_from_anywhere(void **state)
{
    struct kit *k = *state;
    struct ol_put *put;
    struct heard all, h;
    char state_name[] = "doubtful";
    uint64_t seq;

    assert_int_equal(k->l->ops->last_seq(k->l, &seq), OL_OK);
    assert_int_equal(seq, 0);
    kit_event(k, OL_WHAT_ARRIVED, OL_ROUTINE, 5, 10);
    put = kit_event(k, OL_WHAT_CHANNEL, 0, 0, 1);
    put->channel = 1;
    put->detail = state_name;
    kit_commit(k);
    memset(state_name, 'x', sizeof(state_name)); /* it was borrowed */
    kit_event(k, OL_WHAT_READ, OL_FLASH, 3, 1);
    kit_event(k, OL_WHAT_ARRIVED, OL_ROUTINE, 15, 7);
    kit_event(k, OL_WHAT_ALARM, 0, 0, 0)->detail =
        "words that are longer than the sixty-three bytes that a row of "
        "events has room for";
    kit_commit(k);
    kit_settle(k, OL_OK);
    kit_reopen(k);
    assert_int_equal(k->l->ops->last_seq(k->l, &seq), OL_OK);
    assert_int_equal(seq, 20);
    all = kit_events(k, 0, 100);
    assert_int_equal(all.n, 20);
    for (uint32_t n = 0; n < 20; n++) {
        assert_int_equal(all.ev[n].seq, n + 1);
        assert_int_equal(all.ev[n].line, k->line);
        assert_int_equal(all.ev[n].at_ms, KIT_AT);
    }
    assert_int_equal(all.ev[9].index, 14);
    assert_int_equal(all.ev[10].what, OL_WHAT_CHANNEL);
    assert_string_equal(all.ev[10].channel, "radio");
    assert_string_equal(all.ev[10].detail, "doubtful");
    assert_int_equal(all.ev[10].index, 0);
    assert_string_equal(all.ev[11].channel, "");
    assert_int_equal(all.ev[18].index, 21);
    assert_int_equal(strlen(all.ev[19].detail), 63);
    for (uint64_t after = 0; after <= 21; after++) {
        h = kit_events(k, after, 3);
        assert_int_equal(h.n, after > 20 ? 0 : OL_MIN(3, 20 - after));
        for (uint32_t n = 0; n < h.n; n++)
            assert_memory_equal(&h.ev[n], &all.ev[after + n],
                                sizeof(h.ev[n]));
    }
    assert_int_equal(kit_events(k, UINT64_MAX, 3).n, 0);
    assert_int_equal(kit_events(k, 0, 0).n, 0);
    h = (struct heard){.stop_at = 12};
    assert_int_equal(k->l->ops->events(k->l, 0, 99, kit_hear, &h), OL_OK);
    assert_int_equal(h.n, 12);
    kit_event(k, OL_WHAT_LINE, 0, 0, 1);
    kit_sure(k);
    assert_int_equal(kit_events(k, 20, 9).ev[0].seq, 21);
}

static void same_events(const struct heard *a, const struct heard *b)
{
    assert_int_equal(a->n, b->n);
    for (uint32_t n = 0; n < a->n; n++) {
        const struct ol_row_event *x = &a->ev[n], *y = &b->ev[n];

        assert_int_equal(x->seq, y->seq);
        assert_int_equal(x->at_ms, y->at_ms);
        assert_int_equal(x->line, y->line);
        assert_int_equal(x->what, y->what);
        assert_int_equal(x->author, y->author);
        assert_int_equal(x->prec, y->prec);
        assert_int_equal(x->index, y->index);
        assert_string_equal(x->channel, y->channel);
        assert_string_equal(x->detail, y->detail);
    }
}

/* So many rows of events, of which some stand for many; the last one's. */
static uint64_t say_events(struct kit *k, struct dice *d, uint64_t seq,
                           unsigned rows)
{
    for (unsigned n = 0; n < rows; n++) {
        uint32_t count = (uint32_t)dice_edge(d, 1, 9);
        struct ol_put *put = kit_event(k, OL_WHAT_ARRIVED,
                                       (uint8_t)(n % OL_PRECS), 1 + n, count);

        put->channel = n % 3;
        put->detail = n % 16 == 0 ? "a word" : NULL;
        kit_sure(k);
        if (n % 7 == 0) { /* a batch without any */
            kit_record(k, OL_OWN, OL_ROUTINE, (uint32_t)seq + 1);
            kit_sure(k);
        }
        seq += count;
    }
    return seq;
}

/* Before and behind what is kept of the newest: the same as the file says. */
static void new_events_are_those_of_the_file(void **state)
{
    static const unsigned rows[] = {1, 40, 530, 3, 512};
    static struct heard kept[40];
    struct kit *k = *state;
    struct dice d = dice_init(20261127);
    uint64_t seq = 0;

    for (unsigned r = 0; r < OL_LEN(rows); r++) {
        uint64_t after[OL_LEN(kept)];
        uint32_t max[OL_LEN(kept)];

        seq = say_events(k, &d, seq, rows[r]);
        for (unsigned n = 0; n < OL_LEN(kept); n++) {
            after[n] = n % 2 ? dice_edge(&d, 0, seq + 1)
                             : seq - OL_MIN(seq, n * n);
            max[n] = (uint32_t)dice_edge(&d, 0, 60);
            kept[n] = kit_events(k, after[n], max[n]);
        }
        k->l->ops->afresh(k->l);
        for (unsigned n = 0; n < OL_LEN(kept); n++) {
            struct heard filed = kit_events(k, after[n], max[n]);

            same_events(&kept[n], &filed);
        }
    }
}

static uint8_t got[4096];
static size_t n_got;

static enum ol_err value(struct kit *k, uint32_t line, const char *key,
                         size_t room)
{
    n_got = room;
    return k->l->ops->meta(k->l, line, key, got, &n_got);
}

static void station_values_come_and_go(void **state)
{
    struct kit *k = *state;
    uint8_t big[4097];
    uint32_t line = k->line;

    memset(big, 'v', sizeof(big));
    assert_int_equal(value(k, line, "verified", 9), OL_ERR_MISSING);
    kit_meta(k, "verified", "yes", 3);
    kit_meta(k, "disabled/cable", big, 4096);
    kit_sure(k);
    k->line = 0; /* the station itself */
    kit_meta(k, "verified", "no", 2);
    kit_sure(k);
    k->line = line;
    assert_int_equal(value(k, line, "verified", 9), OL_OK);
    assert_int_equal(n_got, 3);
    assert_memory_equal(got, "yes", 3);
    assert_int_equal(value(k, 0, "verified", 2), OL_OK);
    assert_memory_equal(got, "no", 2);
    assert_int_equal(value(k, line, "disabled/cable", 4095), OL_ERR_TOO_LONG);
    assert_int_equal(n_got, 4096);
    assert_int_equal(value(k, line, "disabled/cable", 4096), OL_OK);
    assert_memory_equal(got, big, 4096);
    kit_meta(k, "disabled/cable", "", 0);
    kit_meta(k, "verified", "a", 1);
    kit_meta(k, "verified", "bc", 2);
    kit_sure(k);
    assert_int_equal(value(k, line, "disabled/cable", 9), OL_ERR_MISSING);
    assert_int_equal(value(k, line, "verified", 9), OL_OK);
    assert_int_equal(n_got, 2);
    kit_meta(k, "a", big, 4097);
    assert_int_equal(kit_offer(k), OL_ERR_TOO_LONG);
    kit_meta(k, "12345678901234567890123456789012345678901234567890123456"
                "789012345", "x", 1);
    assert_int_equal(kit_offer(k), OL_ERR_TOO_LONG);
    kit_meta(k, "123456789012345678901234567890123456789012345678901234567"
                "8901234", "x", 1);
    kit_sure(k);
}

static void lines_keep_their_numbers(void **state)
{
    struct kit *k = *state;
    uint32_t first = k->line, number;
    uint8_t id[32] = "another";

    for (uint8_t n = 0; n < 40; n++) {
        id[31] = n;
        assert_int_equal(k->l->ops->line(k->l, id, "east", &number), OL_OK);
        assert_int_equal(number, first + 1 + n);
    }
    kit_reopen(k);
    assert_int_equal(k->line, first);
    id[31] = 20;
    assert_int_equal(k->l->ops->line(k->l, id, "east", &number), OL_OK);
    assert_int_equal(number, first + 21);
    /* Equal places of two lines do not meet. */
    kit_record(k, OL_OWN, OL_FLASH, 1);
    kit_sure(k);
    k->line = number;
    kit_record(k, OL_OWN, OL_FLASH, 1)->leaf[0] ^= 1;
    kit_sure(k);
}

#define TESTS(KIND)                                                           \
    KIND(each_record_has_its_own_delivery_time)                                \
    KIND(marks_stay)                                                           \
    KIND(no_mark_hides_another)                                                \
    KIND(facts_in_their_order)                                                 \
    KIND(records_by_kind)                                                      \
    KIND(attempts_are_counted_per_channel)                                     \
    KIND(the_last_checkpoint_counts)                                           \
    KIND(events_resume_from_anywhere)                                          \
    KIND(new_events_are_those_of_the_file)                                     \
    KIND(station_values_come_and_go)                                           \
    KIND(lines_keep_their_numbers)

int main(void)
{
    const struct CMUnitTest tests[] = KIT_BOTH(TESTS);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
