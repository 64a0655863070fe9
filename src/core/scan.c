/*
 * A log read from its beginning, leaf by leaf, to know its tree as it was at
 * an earlier size.
 *
 *   begin --LOAD--> page --LOADED--> page ... --the end--> the tree
 *
 * The frontier that is kept cannot be taken back, so a return that cuts a log,
 * and the side that is asked where two logs part, walk over it once. That is
 * rare, and bounded: a page at a time, in the ledger's own time.
 * It fails by waiting: a page that gives nothing is asked for again later.
 */
#include "core/restore.h"

#include <string.h>

#define PAUSE_NS OL_NS_PER_S

void ol_scan_begin(struct ol_scan *s, enum ol_author author, unsigned prec,
                   uint32_t end)
{
    memset(s, 0, sizeof(*s));
    s->on = true;
    s->author = (uint8_t)author;
    s->prec = (uint8_t)prec;
    s->end = end;
    ol_tree_init(&s->tree);
}

bool ol_scan_done(const struct ol_scan *s)
{
    return s->on && s->tree.size == s->end;
}

void ol_scan_pump(struct ol_line *l, struct ol_scan *s)
{
    struct ol_load *load;

    if (!s->on || s->load != 0 || ol_scan_done(s))
        return;
    if (l->now_ns < s->not_before_ns) {
        ol_wake(l, s->not_before_ns);
        return;
    }
    if (!ol_fx_room(l, 1, 0))
        return;
    load = &ol_fx_add(l, OL_FX_LOAD)->load;
    load->token = s->load = ++l->next_token * OL_PRECS + s->prec;
    load->author = s->author;
    load->prec = s->prec;
    load->index = s->tree.size + 1;
    load->max_records = OL_MIN(OL_LOAD_MAX, s->end - s->tree.size);
    load->max_bytes = OL_LOAD_BYTES;
}

bool ol_scan_loaded(struct ol_line *l, struct ol_scan *s,
                    const struct ol_event *ev,
                    void (*each)(struct ol_line *, struct ol_scan *))
{
    if (!s->on || s->load == 0 || ev->token != s->load)
        return false;
    s->load = 0;
    if (ev->n_loaded == 0)
        s->not_before_ns = l->now_ns + PAUSE_NS;
    for (uint32_t i = 0; i < ev->n_loaded && !ol_scan_done(s); i++) {
        if (ev->loaded[i].index != s->tree.size + 1)
            break;
        ol_tree_append(&s->tree, ev->loaded[i].leaf);
        if (each != NULL)
            each(l, s);
    }
    return true;
}
