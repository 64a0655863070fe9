/*
 * A live line against a peer that has the session keys and says anything.
 *
 * The input is a row of turns. Most bring one frame, sealed here under the
 * keys of the true peer, so that the fuzzer stands behind the AEAD: its bytes
 * as they stand, or chunks it makes near what the line has. Others lose time,
 * say something, change a transport, replay a frame. What must hold: no abort;
 * the ledger takes what the line makes of it; queues stay within their bounds;
 * nothing is called delivered that was not said to be held with the right
 * root (a guessed one has 8 bytes); a frame whose counter was there is
 * refused; the line loads from its own ledger afterwards.
 */
#include "bed.h"
#include "make.h"

#include "base/check.h"

#define TURNS 24u
#define SAID 512u

static struct bed bed;
static struct said { /* of one of our logs, in a HELD or a FOUND */
    uint8_t prec;
    uint32_t upto;
    uint8_t root[OL_ROOT];
} said[SAID];
static unsigned n_said;

static void remember(uint8_t prec, uint32_t upto, const uint8_t *root)
{
    struct said *v = &said[n_said % SAID];

    v->prec = prec;
    v->upto = upto;
    memcpy(v->root, root, OL_ROOT);
    n_said++;
}

/* What the peer says that it holds, in a plaintext that the line will open. */
static void overhear(struct ol_span plain)
{
    struct ol_brief b;
    struct ol_found f;
    struct ol_held h;
    struct ol_reader r;
    struct ol_chunk ch;

    ol_reader_init(&r, plain);
    while (ol_chunk_next(&r, OL_IN_FRAME, &ch) == OL_OK &&
           ch.type != OL_CHUNK_PAD) {
        if (ch.type == OL_CHUNK_HELD && ol_held_decode(ch.body, &h) == OL_OK)
            for (uint8_t p = 0; p < OL_PRECS; p++)
                if (h.logs >> p & 1)
                    remember(p, h.log[p].upto, h.log[p].root);
        if (ch.type == OL_CHUNK_BRIEF && ol_brief_decode(ch.body, &b) == OL_OK)
            remember(b.prec, b.upto, b.root);
        if (ch.type == OL_CHUNK_FOUND && ol_found_decode(ch.body, &f) == OL_OK)
            remember(f.prec, f.upto, f.root);
    }
}

static bool its_root(void *arg, const struct ol_row *row)
{
    memcpy(arg, row->root, OL_ROOT);
    return false;
}

/* What is called delivered now, and was not at the beginning, the peer said
 * to hold, with the root that the ledger has there. */
static void delivered(const struct bed *b)
{
    struct ol_ledger *lg = b->ledger[0];

    for (uint8_t p = 0; p < OL_PRECS; p++) {
        uint32_t acked = b->line[0]->out[p].acked;
        uint8_t root[OL_ROOT] = {0};
        bool held = acked <= BED_SAID || n_said > SAID;

        OL_CHECK(lg->ops->log(lg, b->line_no[0], OL_OWN, p, acked, 1, 0,
                              its_root, root) == OL_OK);
        for (unsigned k = 0; k < OL_MIN(n_said, SAID) && !held; k++)
            held = said[k].prec == p && said[k].upto == acked &&
                   memcmp(said[k].root, root, OL_ROOT) == 0;
        OL_CHECK(held);
    }
}

static void bytes(struct bed *b, struct script *s)
{
    unsigned c = script_below(s, BED_POUCH);
    struct ol_span plain = script_span(s, OL_FRAME_MAX - OL_FRAME_OVER);
    enum ol_err err;

    overhear(plain);
    (void)bed_frame(b, c, plain, 0, &err);
}

static void chunks(struct bed *b, struct script *s)
{
    static uint8_t out[OL_FRAME_MAX];
    unsigned c = script_below(s, BED_POUCH);
    unsigned n = 1 + script_below(s, 4);
    uint32_t skip = script_u8(s) % 16 ? 0 : script_u16(s);
    struct ol_writer w;
    enum ol_err err;

    ol_writer_init(&w, out, OL_FRAME_MAX - OL_FRAME_OVER);
    while (n-- > 0)
        make_chunk(s, b->line[0], &w);
    OL_CHECK(!w.failed);
    if (script_u8(s) % 16 == 0 && w.n > 0) /* one byte is another */
        out[script_u16(s) % w.n] = script_u8(s);
    overhear(ol_writer_span(&w));
    (void)bed_frame(b, c, ol_writer_span(&w), skip, &err);
}

/* The counter of the last frame again: refused, whatever is in it. */
static void replay(struct bed *b, struct script *s)
{
    struct ol_epoch *e = ol_epoch_sending(b->line[1]);
    unsigned c = script_below(s, BED_POUCH);
    uint64_t heard = b->line[0]->ch[c].frames_received;
    enum ol_err err;

    if (e == NULL || !bed_frame(b, c, OL_SPAN("", 0), 0, &err) ||
        err != OL_OK)
        return;
    OL_CHECK(b->line[0]->ch[c].frames_received == heard + 1);
    e->ch[c].counter--;
    OL_CHECK(bed_frame(b, c, script_span(s, 64), 0, &err)); /* not opened */
    OL_CHECK(err == OL_ERR_REPLAY);
    OL_CHECK(b->line[0]->ch[c].frames_received == heard + 1);
}

static void transport(struct bed *b, struct script *s)
{
    uint8_t how = script_u8(s);
    struct ol_chan chan = {.up = how & 1, .news = how & 2, .too_big = how & 4,
                           .room_bytes = how & 8 ? 1u << 20 : 300};
    struct ol_event ev = {.kind = OL_EV_CHANNEL, .chan = &chan,
                          .channel = (uint16_t)script_below(s, BED_CHANNELS)};

    (void)!bed_step(b, 0, &ev);
}

/* The piece that it waits for, in as many frames as it takes. */
static void piece(struct bed *b, struct script *s)
{
    static uint8_t out[OL_FRAME_MAX];
    static const uint8_t bytes[OL_PIECE];
    const struct ol_pull *pull = &b->line[0]->pull;
    uint64_t at = (uint64_t)pull->upto * OL_PIECE, end;
    enum ol_err err;

    if (!pull->on || pull->upto == pull->pieces)
        return;
    end = OL_MIN(at + OL_PIECE, pull->size) - script_u8(s) % 4 * OL_BLOB_UNIT;
    while (at < end) {
        struct ol_units u = {.serial = pull->serial, .piece = pull->upto};
        struct ol_writer w;

        u.first = (uint16_t)(at % OL_PIECE / OL_BLOB_UNIT);
        u.bytes = OL_SPAN(bytes, OL_MIN(end - at, 60 * OL_BLOB_UNIT));
        ol_writer_init(&w, out, OL_FRAME_MAX - OL_FRAME_OVER);
        OL_CHECK(ol_units_encode(&w, &u));
        (void)bed_frame(b, 1, ol_writer_span(&w), 0, &err);
        at += u.bytes.n;
    }
}

static void chunk(struct bed *b, bool (*encode)(struct ol_writer *w, void *v),
                  void *v)
{
    static uint8_t out[OL_FRAME_MAX];
    struct ol_writer w;
    enum ol_err err;

    ol_writer_init(&w, out, OL_FRAME_MAX - OL_FRAME_OVER);
    if (!encode(&w, v))
        return;
    overhear(ol_writer_span(&w));
    (void)bed_frame(b, 1, ol_writer_span(&w), 0, &err);
    bed_pass(b, 20 * OL_NS_PER_MS);
}

static bool put_held(struct ol_writer *w, void *v)
{
    return ol_held_encode(w, v);
}

static bool put_found(struct ol_writer *w, void *v)
{
    return ol_found_encode(w, v);
}

static bool put_return(struct ol_writer *w, void *v)
{
    return ol_return_encode(w, v);
}

/* The peer holds more than the line has: some places of a return, in order,
 * each of it as it should be but for what the script says. */
static void returns(struct bed *b, struct script *s)
{
    static uint8_t bytes[OL_RECORD_MAX];
    const struct ol_line *l = b->line[0];
    uint8_t p = (uint8_t)script_below(s, OL_PRECS), how = script_u8(s);
    uint32_t size = l->out[p].size, more = 1 + script_below(s, 4);
    struct ol_held held = {.serial = l->peer_serial[p] + 1,
                           .logs = (uint8_t)(1u << p)};
    struct ol_found found = {.prec = p, .upto = size + more, .match = size,
                             .number = l->number + more};

    memcpy(held.boot, l->peer_boot, sizeof(held.boot));
    held.log[p].upto = held.log[p].limit = size + more;
    script_fill(s, held.log[p].root, OL_ROOT);
    chunk(b, put_held, &held);
    memcpy(found.root, held.log[p].root, OL_ROOT);
    if (how & 1 && size > 0)
        found.match -= 1 + script_u8(s) % size;
    found.ask = l->out[p].back.ask + (how & 2 ? script_u8(s) : 0);
    if (found.ask == 0)
        return;
    chunk(b, put_found, &found);
    for (uint32_t k = 1; k <= more; k++) {
        struct ol_segment g = {.prec = p, .last = true, .index = size + k};
        struct ol_record rec;
        struct ol_writer w;

        make_record(s, &rec);
        rec.prec = p;
        rec.index = g.index;
        rec.number = how & 4 ? rec.number : l->number + k;
        ol_writer_init(&w, bytes, sizeof(bytes));
        if (ol_record_encode(&w, &rec) != OL_OK)
            continue;
        g.bytes = ol_writer_span(&w);
        chunk(b, put_return, &g);
    }
}

static void turn(struct bed *b, struct script *s)
{
    struct ol_file file = {.size = 1};
    struct ol_event ev = {.kind = OL_EV_WANT, .file = &file};

    b->from.len = 0;
    if (script_u8(s) % 8 == 0) { /* from elsewhere */
        b->from.len = 4;
        memset(b->from.b, script_below(s, 3), 4);
    }
    switch (script_below(s, 16)) {
    default:
        chunks(b, s);
        break;
    case 6:
        returns(b, s);
        break;
    case 7:
        piece(b, s);
        break;
    case 8: case 9: case 10:
        bytes(b, s);
        break;
    case 11:
        bed_pass(b, (uint64_t)script_u8(s) * OL_NS_PER_MS);
        break;
    case 12:
        bed_pass(b, script_below(s, 64) * OL_NS_PER_S);
        break;
    case 13:
        (void)!bed_say(b, 0, (uint8_t)script_below(s, OL_PRECS),
                       script_u16(s));
        break;
    case 14:
        replay(b, s);
        break;
    case 15:
        memset(file.hash, script_u8(s), sizeof(file.hash));
        file.size += script_u32(s);
        ev.kind = script_u8(s) & 1 ? OL_EV_WANT : OL_EV_DECLINE;
        (void)!bed_step(b, 0, &ev);
        transport(b, s);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = {data, size};

    if (bed.mem[0].p == NULL)
        bed_open(&bed, 0);
    bed_begin(&bed);
    bed.still = true;
    n_said = 0;
    for (unsigned n = 0; n < TURNS && s.n > 0; n++) {
        turn(&bed, &s);
        bed_pass(&bed, 2 * OL_NS_PER_MS);
        delivered(&bed);
    }
    bed_pass(&bed, OL_NS_PER_S);
    delivered(&bed);
    bed_load(&bed);
    bed_end(&bed);
    return 0;
}
