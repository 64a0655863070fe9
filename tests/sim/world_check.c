/*
 * What must hold in the end, and how a failure is told.
 *
 *   no false alarm         nobody that was not put back from a copy is taken
 *                          for one
 *   exactly once, in order  each log of the peer is ours, record by record;
 *                          each message that was taken is there, in the order
 *                          in which it was taken
 */
#include "world_int.h"
#include "world_model.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "wire/messages.h"
#include "wire/record.h"

/* How both lines stood: the first thing that whoever mends it wants. */
static void stood(struct world *w, unsigned st)
{
    struct ol_line_status s;

    if (!w->st[st].alive) {
        fprintf(stderr, "  station %u is not running\n", st);
        return;
    }
    ol_line_status(w->st[st].line, w->now_ns, &s);
    fprintf(stderr, "  station %u: %s, epoch %llu, owes %u %u %u %u\n", st,
            ol_line_state_name(s.state), (unsigned long long)s.epoch,
            s.queue[0], s.queue[1], s.queue[2], s.queue[3]);
    for (unsigned c = 0; c < s.n_channels; c++)
        fprintf(stderr,
                "    %-6s %-8s answered %.1f s ago, heard %.1f s ago, "
                "rtt %.1f ms, %llu knocks unanswered, transport %s\n",
                w->ch[c].conf[st].name, ol_chan_state_name(s.ch[c].state),
                (double)(w->now_ns - s.ch[c].answered_ns) / 1e9,
                (double)(w->now_ns - s.ch[c].last_heard_ns) / 1e9,
                (double)s.ch[c].rtt_ns / 1e6,
                (unsigned long long)s.ch[c].knocks_sent,
                s.ch[c].transport_up ? "up" : "down");
}

void (*sim_failed)(const char *check, const char *what);

void world_fail(struct world *w, const char *fmt, ...)
{
    char what[400];
    va_list ap;

    if (sim_failed != NULL) {
        va_start(ap, fmt);
        vsnprintf(what, sizeof(what), fmt, ap);
        va_end(ap);
        tale(w, "%s", what);
        sim_failed(fmt, what);
    }
    va_start(ap, fmt);
    fprintf(stderr, "seed %llu at %.6f s: ", (unsigned long long)w->seed,
            (double)w->now_ns / 1e9);
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\nagain with: sim --seed %llu --trace\n",
            (unsigned long long)w->seed);
    va_end(ap);
    stood(w, 0);
    stood(w, 1);
    abort();
}

bool world_settled(struct world *w)
{
    for (unsigned st = 0; st < 2; st++)
        for (uint8_t p = 0; p < OL_PRECS; p++)
            if (w->st[st].model->acked[p] !=
                w->st[st].model->log[OL_OWN][p].size)
                return false;
    return true;
}

static void check_said(struct world *w, unsigned st)
{
    const struct sim_station *s = &w->st[st];
    uint32_t last[OL_PRECS] = {0};

    for (uint32_t i = 0; i < s->n_said; i++) {
        const struct sim_message *m = &s->said[i];
        const struct sim_row *row;
        if (!m->taken)
            continue;
        if (m->index <= last[m->prec])
            world_fail(w, "station %u took out of order", st);
        last[m->prec] = m->index;
        row = row_at(w, 1 - st, OL_PEER, m->prec, m->index);
        if (row == NULL || row->headed == 0 ||
            memcmp(row->id, m->id, sizeof(row->id)) != 0)
            world_fail(w, "message %llu of %u is not where it was taken",
                       (unsigned long long)m->token, st);
    }
}

/* A bundle of a boot of which nothing was heard before may have been made
 * before the boot that was heard since: nothing in it tells, and it looks like
 * one of a peer that was put back. */
static void false_alarm(struct world *w, unsigned st)
{
    static const uint8_t alarm[] = {
        OL_NOTE_WRONG_IDENTITY, OL_NOTE_ROOT, OL_NOTE_CHECKPOINT,
        OL_NOTE_LOST, OL_NOTE_PEER_LOST, OL_NOTE_ROLLED_BACK};
    bool pouch = w->ch[w->n_ch - 1].conf[0].kind == OL_CHAN_POUCH;

    if (w->st[0].copy != NULL || w->st[1].copy != NULL)
        return;
    for (unsigned n = 0; n < OL_LEN(alarm) - pouch; n++)
        if (w->st[st].notes[alarm[n]] > 0)
            world_fail(w, "station %u takes the other for another, or for "
                       "one that was put back: note %u", st, alarm[n]);
}

void check_end(struct world *w)
{
    for (unsigned st = 0; st < 2; st++) {
        struct sim_station *s = &w->st[st], *o = &w->st[1 - st];
        check_shown(w, st);
        if (s->copy == NULL && (s->notes[OL_NOTE_SECOND] > 0 ||
                                o->notes[OL_NOTE_PEER_SECOND] > 0))
            world_fail(w, "station %u is taken for two", st);
        false_alarm(w, st);
        for (uint8_t p = 0; p < OL_PRECS; p++) {
            const struct sim_log *a = &s->model->log[OL_OWN][p];
            const struct sim_log *b = &o->model->log[OL_PEER][p];
            if (a->size != b->size)
                world_fail(w, "log %u of station %u: %u said, %u arrived", p,
                           st, a->size, b->size);
            for (uint32_t i = 0; i < a->size; i++)
                if (memcmp(a->v[i].leaf, b->v[i].leaf, 32) != 0)
                    world_fail(w, "log %u of %u differs at %u", p, st, i + 1);
        }
        check_said(w, st);
    }
}
