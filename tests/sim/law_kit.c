/*
 * What the stories of the law share: a line of two channels, and somebody on
 * its paths who holds packets back and brings them when and where it likes.
 */
#include "law_kit.h"

#include <string.h>

#include "base/check.h"
#include "crypto/knock.h"
#include "wire/frame.h"

struct held held;

static bool hold_back(struct world *ww, unsigned ch, unsigned from,
                      const struct ol_send *s)
{
    (void)ww;
    if (s->bytes.p[0] != held.type || ch != held.ch || from != held.from)
        return false;
    if (held.n == held.most)
        return held.lose;
    held.size[held.n] = s->bytes.n;
    memcpy(held.bytes[held.n++], s->bytes.p, s->bytes.n);
    return true;
}

void hold(uint8_t type, unsigned ch, unsigned from, unsigned most)
{
    held.type = type;
    held.ch = ch;
    held.from = from;
    held.most = most;
    held.n = 0;
    held.lose = false;
    w.lose = hold_back;
}

enum ol_err bring_bytes(unsigned st, unsigned ch, const uint8_t *p,
                               size_t n)
{
    struct ol_event ev = {.kind = OL_EV_FRAME, .channel = (uint16_t)ch,
                          .bytes = OL_SPAN(p, n)};

    return world_step(&w, st, &ev);
}

enum ol_err bring(unsigned st, unsigned ch, unsigned k)
{
    EXPECT(k < held.n);
    return bring_bytes(st, ch, held.bytes[k], held.size[k]);
}

void two(void)
{
    world_init_calm(&w, 21, 2, false);
    run_for(5 * S);
    EXPECT(status(0).state == OL_LINE_OPEN);
}

struct ol_epoch *sending(unsigned st)
{
    return ol_epoch_sending(w.st[st].line);
}

uint64_t settle(uint64_t most_ns)
{
    uint64_t from = w.now_ns;

    do
        run_for(5 * MS);
    while (!world_settled(&w) && w.now_ns - from < most_ns);
    return w.now_ns - from;
}

void knocks(unsigned n)
{
    struct ol_line *l = w.st[0].line;

    hold(OL_PACKET_KNOCK, 1, 0, 0);
    held.lose = true;
    world_cut(&w, 0, 0, true);
    world_cut(&w, 0, 1, true);
    world_cut(&w, 1, 1, true);
    run_for(60 * S);
    for (held.most = 1; held.most <= n; held.most++) {
        l->attempt.active = false;
        world_tick(&w, 0);
        run_for(100 * MS);
        EXPECT(held.n == held.most);
    }
}

size_t wrapped(unsigned st, uint8_t *out, uint8_t type,
               const struct ol_knock *k)
{
    uint8_t plain[OL_KNOCK_MAX], nonce[16];
    struct ol_writer wr;

    for (unsigned i = 0; i < sizeof(nonce); i++)
        nonce[i] = (uint8_t)rnd_u64(&w.rnd);
    ol_writer_init(&wr, plain, sizeof(plain));
    ol_knock_encode(&wr, k);
    OL_CHECK(!wr.failed);
    ol_wrap_seal(out, &w.st[st].line->wrap, type, nonce, ol_writer_span(&wr));
    return wr.n + OL_SEALED_HEAD + OL_TAG;
}

struct ol_writer words(void)
{
    static uint8_t bytes[2048];
    struct ol_writer wr;

    ol_writer_init(&wr, bytes, sizeof(bytes));
    return wr;
}

enum ol_err lie(unsigned ch, const struct ol_writer *said)
{
    struct ol_epoch_chan *ec = &sending(1)->ch[ch];
    struct ol_frame_head head = {ec->tx.index, ec->counter};
    uint8_t out[OL_FRAME_MAX];
    struct ol_writer wr;

    ol_writer_init(&wr, out, OL_FRAME_HEAD);
    ol_frame_encode(&wr, &head);
    memcpy(out + OL_FRAME_HEAD, said->p, said->n);
    ol_frame_seal(&ec->tx, ec->counter++, OL_SPAN(out, OL_FRAME_HEAD),
                  out + OL_FRAME_HEAD, said->n);
    w.forged = true; /* nobody sent it */
    return bring_bytes(0, ch, out, said->n + OL_FRAME_OVER);
}

void say_many(unsigned st, unsigned n, uint8_t prec)
{
    for (unsigned i = 0; i < n; i++) {
        world_say(&w, st, prec, 100);
        run_for(5 * MS);
    }
}
