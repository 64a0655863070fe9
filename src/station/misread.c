/*
 * A readback that differs from the message. See misread.h.
 *
 * Happy path: a receipt says `understood`, its readback is compared with the
 * message, and nothing is to be told. One that differs raises an alarm on this
 * side, with both phrases; the other side does the same. It fails by missing
 * an alarm if the station ends between the receipt and it: the event is told
 * as `misread` all the same, and the message shows it for ever.
 *
 * Events are read only while a batch with such a one is on its way to the disk
 * or on it, from where they stood before it: most batches hold none, and to
 * read all costs as much as to tell them. One that the disk refused is waited
 * for in vain, and then all are read until the station ends.
 */
#include "station/misread.h"

#include "station/alarms.h"
#include "station/names.h"
#include "station/progress.h"
#include "station/readback.h"

#define PAGE 64u

bool ol_misread(const struct ol_entry *e, struct ol_span readback,
                char why[OL_WHY_MAX])
{
    const char *own = e->line->st->conf.name, *peer = e->line->conf.peer;
    bool ours = e->row.author == OL_OWN;
    char name[OL_MESSAGE_NAME];
    char key[32];
    struct ol_span said = {NULL, 0}, back;
    struct ol_phrases p;
    unsigned at;

    if (!e->decoded)
        return false;
    p = ol_critical(&e->rec);
    if (p.n == 0 || ol_readback_holds(&p, readback, &at))
        return false;
    if (at < p.n)
        said = p.v[at];
    back = ol_readback_at(readback, at);
    ol_name_put(name, ours ? own : peer, ours ? peer : own, e->row.number);
    ol_text_put(why, OL_WHY_MAX, "the readback of %s differs: \"%.*s\" was "
                "said, \"%.*s\" was read back", name, (int)said.n,
                (const char *)said.p, (int)OL_MIN(back.n, 128u),
                (const char *)back.p);
    ol_text_mend(why);
    /* A thing that happened: it stands until somebody has seen it. */
    ol_text_put(key, sizeof(key), "misread/%s/%llu", ours ? "ours" : "theirs",
                (unsigned long long)e->row.number);
    ol_alarm_raise(e->line, key, OL_PRIORITY_HIGH, "%s was read back wrongly: "
                   "\"%.*s\" was said, \"%.*s\" was read back|speak with "
                   "%s, and have it read back again", name, (int)said.n,
                   (const char *)said.p, (int)OL_MIN(back.n, 128u),
                   (const char *)back.p, peer);
    ol_alarm_clear(e->line, key);
    return true;
}

static void look(struct ol_station *st, const struct ol_row_event *ev)
{
    static struct ol_entry receipt, e;
    struct ol_station_line *line = ol_line_of(st, ev->line);
    char why[OL_WHY_MAX];

    if (line == NULL ||
        ol_query_at(line, OL_PEER, ev->prec, ev->index, &receipt) != OL_OK ||
        !receipt.decoded)
        return;
    for (unsigned k = 0; k < receipt.rec.n_refs; k++) {
        const struct ol_ref *ref = &receipt.rec.refs[k];

        if (ref->rel != OL_REL_UNDERSTOOD || ref->own ||
            ol_query_number(line, OL_OWN, ref->number, &e) != OL_OK)
            continue;
        (void)ol_misread(&e, receipt.rec.text, why);
        return;
    }
}

struct page {
    struct ol_row_event v[PAGE];
    unsigned n;
};

static bool gather(void *arg, const struct ol_row_event *ev)
{
    struct page *p = arg;

    p->v[p->n++] = *ev;
    return p->n < PAGE;
}

void ol_misread_expect(struct ol_station *st, const struct ol_batch *batch)
{
    for (uint32_t k = 0; k < batch->n_puts; k++) {
        if (batch->puts[k].kind != OL_PUT_EVENT ||
            batch->puts[k].what != OL_WHAT_UNDERSTOOD)
            continue;
        /* It comes behind all that is there now. */
        if (st->misread_due == 0 &&
            st->ledger->ops->last_seq(st->ledger, &st->misread_seq) != OL_OK)
            st->misread_seq = 0;
        st->misread_due++;
    }
}

void ol_misread_pump(struct ol_station *st)
{
    static struct page page;

    if (st->misread_due == 0)
        return;
    do {
        page.n = 0;
        if (st->ledger->ops->events(st->ledger, st->misread_seq, PAGE, gather,
                                    &page) != OL_OK)
            return;
        for (unsigned k = 0; k < page.n; k++) {
            st->misread_seq = page.v[k].seq;
            if (page.v[k].what != OL_WHAT_UNDERSTOOD)
                continue;
            if (st->misread_due > 0)
                st->misread_due--;
            look(st, &page.v[k]);
        }
    } while (page.n == PAGE);
}
