/*
 * The conversation of two real stations, one of which the fuzzer speaks for.
 *
 *     station 0  <------- the fuzzer's script ------->  station 1
 *     honest      each packet of station 1: as it is, lost, doubled, changed,
 *                 cut, spliced with another, late, on another channel; or, a
 *                 lie, changed before it is sealed: under the true keys
 *
 * Time is virtual, both ledgers are real twins. Between packets either station
 * says something, dies and starts again, or loses a channel. What must hold
 * after every half second: no abort; own records of the honest station are
 * what it was given to say, but for what the peer gave back, which is marked;
 * without a lie, what it holds of the peer the peer has said, record by
 * record. At the end its line loads from its ledger; without a lie all is
 * delivered both ways once the way is whole again, within five minutes.
 */
#include "bed.h"
#include "make.h"

#include "base/check.h"

#define SLICES 12u
#define STEPS 1500u
#define KEPT 8u

static struct bed bed;
static struct script *script; /* of the input under way */
static bool lied, whole;
static uint8_t kept[KEPT][OL_FRAME_MAX]; /* packets that passed */
static size_t kept_n[KEPT];
static unsigned n_kept;

/* ---- before it is sealed ------------------------------------------------ */

/* The fuzzer's word for a plaintext; n may grow up to most. */
static size_t change(struct script *s, uint8_t *plain, size_t n, size_t most)
{
    struct ol_writer w;
    size_t at = n > 0 ? script_u16(s) % n : 0;

    switch (script_below(s, 4)) {
    case 0: /* some bytes */
        for (unsigned k = script_below(s, 8); k > 0 && n > 0; k--)
            plain[(at + k) % n] ^= script_u8(s);
        return n;
    case 1: /* shorter */
        return at;
    case 2: /* one more chunk, in front of it all */
        ol_writer_init(&w, plain, most);
        make_chunk(s, bed.line[0], &w);
        return w.n;
    default: /* and behind it */
        ol_writer_init(&w, plain, most);
        w.n = n;
        make_chunk(s, bed.line[0], &w);
        return w.n;
    }
}

static bool lie_frame(struct script *s, uint8_t *p, size_t *n)
{
    static uint8_t plain[OL_FRAME_MAX];
    struct ol_frame_head head;
    size_t most = OL_FRAME_UDP - OL_FRAME_OVER, len;

    OL_CHECK(ol_frame_decode(OL_SPAN(p, *n), &head) == OL_OK);
    for (unsigned i = 0; i < OL_EPOCHS_MAX * BED_POUCH; i++) {
        const struct ol_epoch *e = &bed.line[1]->epoch[i / BED_POUCH];
        const struct ol_frame_key *key = &e->ch[i % BED_POUCH].tx;

        if (e->state == OL_EP_FREE || key->index != head.index ||
            ol_frame_open(plain, key, head.counter, OL_SPAN(p, OL_FRAME_HEAD),
                          OL_SPAN(p + OL_FRAME_HEAD, *n - OL_FRAME_HEAD)) !=
                OL_OK)
            continue;
        len = change(s, plain, *n - OL_FRAME_OVER,
                     OL_MAX(most, *n - OL_FRAME_OVER));
        memcpy(p + OL_FRAME_HEAD, plain, len);
        ol_frame_seal(key, head.counter, OL_SPAN(p, OL_FRAME_HEAD),
                      p + OL_FRAME_HEAD, len);
        *n = len + OL_FRAME_OVER;
        return true;
    }
    return false;
}

static bool lie_wrapped(struct script *s, uint8_t *p, size_t *n)
{
    static uint8_t plain[OL_KNOCK_MAX];
    uint8_t nonce[OL_SEALED_NONCE], type = p[0];
    size_t len = *n - OL_SEALED_HEAD - OL_TAG;

    /* Only the receiver's keys open it; they are the peer's as well. */
    if (ol_wrap_open(plain, &bed.line[0]->wrap, OL_SPAN(p, *n)) != OL_OK)
        return false;
    memcpy(nonce, p + 1, sizeof(nonce));
    for (unsigned k = 1 + script_below(s, 8); k > 0; k--)
        plain[script_u16(s) % len] ^= script_u8(s);
    ol_wrap_seal(p, &bed.line[1]->wrap, type, nonce, OL_SPAN(plain, len));
    return true;
}

/* ---- on the way --------------------------------------------------------- */

static void keep(const uint8_t *p, size_t n)
{
    if (n > OL_FRAME_MAX)
        return;
    memcpy(kept[n_kept % KEPT], p, n);
    kept_n[n_kept++ % KEPT] = n;
}

static void after_sealing(struct script *s, unsigned what, uint8_t *p,
                          size_t *n)
{
    size_t at = script_u16(s) % *n;
    unsigned other = script_below(s, KEPT);

    if (what == 0) {
        p[at] ^= (uint8_t)(1u << script_below(s, 8));
    } else if (what == 1) {
        *n = at;
    } else if (kept_n[other] > at) { /* its tail is another's */
        memcpy(p + at, kept[other] + at, kept_n[other] - at);
        *n = kept_n[other];
    }
}

static void way(struct bed *b, unsigned st, const struct ol_send *s)
{
    static uint8_t p[OL_BUNDLE_MAX];
    size_t n = s->bytes.n;
    uint16_t c = s->channel;
    unsigned what = 0, times = 1, other;

    memcpy(p, s->bytes.p, n);
    if (st == 1 && !whole)
        what = script_below(script, 24);
    switch (what) {
    case 16:
        times = 0;
        break;
    case 17:
        times = 2 + script_below(script, 3);
        break;
    case 18: case 19: case 20:
        after_sealing(script, what - 18, p, &n);
        break;
    case 21:
        if (n <= OL_FRAME_UDP && c < BED_POUCH)
            lied |= p[0] == OL_PACKET_FRAME ? lie_frame(script, p, &n)
                                            : lie_wrapped(script, p, &n);
        break;
    case 22:
        c = (uint16_t)script_below(script, BED_CHANNELS);
        break;
    case 23: /* and one from before, too */
        other = script_below(script, KEPT);
        if (kept_n[other] > 0)
            bed_deliver(b, 0, c, OL_SPAN(kept[other], kept_n[other]));
        break;
    default:
        break;
    }
    if (st == 1)
        keep(s->bytes.p, s->bytes.n);
    while (times-- > 0)
        bed_deliver(b, !st, c, OL_SPAN(p, n));
}

/* ---- what must hold ----------------------------------------------------- */

static bool own_row(void *arg, const struct ol_row *row)
{
    struct ol_record r;
    uint64_t token;

    (void)arg;
    OL_CHECK(ol_record_decode(row->bytes, &r) == OL_OK);
    OL_CHECK(r.prec == row->prec && r.index == row->index);
    if (row->proof != OL_PROOF_OWN || r.kind == OL_KIND_RETURNED)
        return true;
    memcpy(&token, r.id.p, sizeof(token));
    OL_CHECK(r.id.p[15] == 1 && token >= 1 && token <= bed.token);
    OL_CHECK(r.text.n >= 1 && r.text.p[0] == 'a' + (int)(token % 26));
    return true;
}

static bool its_leaf(void *arg, const struct ol_row *row)
{
    memcpy(arg, row->leaf, 32);
    return false;
}

static bool peers_row(void *arg, const struct ol_row *row)
{
    struct ol_ledger *lg = bed.ledger[1];
    uint8_t leaf[32] = {0};
    struct ol_record r;

    (void)arg;
    OL_CHECK(ol_record_decode(row->bytes, &r) == OL_OK);
    OL_CHECK(r.prec == row->prec && r.index == row->index);
    if (lied)
        return true;
    OL_CHECK(lg->ops->log(lg, bed.line_no[1], OL_OWN, row->prec, row->index,
                          1, 0, its_leaf, leaf) == OL_OK);
    OL_CHECK(memcmp(leaf, row->leaf, 32) == 0);
    return true;
}

static void check(void)
{
    struct ol_ledger *lg = bed.ledger[0];

    for (uint8_t p = 0; p < OL_PRECS; p++) {
        OL_CHECK(lg->ops->log(lg, bed.line_no[0], OL_OWN, p, 1, UINT32_MAX, 0,
                              own_row, NULL) == OL_OK);
        OL_CHECK(lg->ops->log(lg, bed.line_no[0], OL_PEER, p, 1, UINT32_MAX,
                              0, peers_row, NULL) == OL_OK);
    }
}

static bool settled(void)
{
    for (unsigned st = 0; st < 2; st++)
        for (unsigned p = 0; p < OL_PRECS; p++)
            if (bed.line[st]->out[p].acked != bed.line[st]->out[p].size ||
                bed.line[!st]->in[p].durable != bed.line[st]->out[p].size)
                return false;
    return true;
}

/* ---- the play ----------------------------------------------------------- */

static void transport(struct bed *b, struct script *s)
{
    uint8_t how = script_u8(s);
    struct ol_chan chan = {.up = how & 1, .room_bytes = 1u << 20};
    struct ol_event ev = {.kind = OL_EV_CHANNEL, .chan = &chan,
                          .channel = (uint16_t)script_below(s, BED_CHANNELS)};

    (void)!bed_step(b, how >> 1 & 1, &ev);
}

static void enable(struct bed *b, bool on)
{
    for (unsigned st = 0; st < 2; st++)
        for (uint16_t c = 0; c < BED_CHANNELS; c++) {
            struct ol_chan chan = {.up = true, .room_bytes = 1u << 20};
            struct ol_event ev = {.kind = OL_EV_ENABLE, .channel = c,
                                  .on = on || c == BED_POUCH};

            (void)!bed_step(b, st, &ev);
            ev.kind = OL_EV_CHANNEL;
            ev.chan = &chan;
            (void)!bed_step(b, st, &ev);
        }
}

static void slice(struct bed *b, struct script *s)
{
    unsigned what = script_below(s, 8), st = script_u8(s) & 1;

    if (what == 1 || what == 2)
        (void)!bed_say(b, st, (uint8_t)script_below(s, OL_PRECS),
                       script_u16(s) % 1500);
    else if (what == 3)
        bed_reboot(b, st);
    else if (what == 4)
        transport(b, s);
    else if (what == 5)
        enable(b, st);
    bed_pass(b, (what == 6 ? 20 : 1) * OL_NS_PER_S / 2);
    check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = {data, size};

    if (bed.mem[0].p == NULL)
        bed_open(&bed, 0);
    bed_begin(&bed);
    script = &s;
    lied = whole = false;
    n_kept = 0;
    memset(kept_n, 0, sizeof(kept_n));
    bed.way = way;
    bed.most_steps = STEPS;
    for (unsigned n = 0; n < SLICES && s.n > 0; n++)
        slice(&bed, &s);
    whole = true;
    bed.most_steps = UINT32_MAX;
    enable(&bed, true);
    for (unsigned n = 0; n < 30 && !settled() && !lied; n++)
        bed_pass(&bed, 10 * OL_NS_PER_S);
    OL_CHECK(lied || settled());
    check();
    bed_load(&bed);
    bed_end(&bed);
    return 0;
}
