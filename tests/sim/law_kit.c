/*
 * What the stories of the law share: a line of two channels, and somebody on
 * its paths who holds packets back and brings them when and where it likes.
 */
#include "law_kit.h"

#include <string.h>

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
