/*
 * Watchers and waiters.
 *
 * Events lie in the ledger; a watcher is a cursor into them, so a slow one
 * costs no memory and misses nothing. A waiter names a message and a rung;
 * whenever something was committed, the ledger is asked how far it has come.
 */
#include <stdlib.h>
#include <string.h>

#include "station/clock.h"
#include "station/events.h"
#include "station/json.h"
#include "station/misread.h"
#include "station/progress.h"
#include "station/names.h"

#define PAGE 64u
#define TELL_NS (500 * OL_NS_PER_MS)

struct ol_watch {
    struct ol_watch *next;
    struct ol_client *client;
    uint64_t after;
    char peer[33]; /* empty: all */
    bool behind;   /* there is more than was given */
};

struct ol_wait {
    struct ol_wait *next;
    struct ol_station_line *line;
    struct ol_request *rq;
    uint8_t author;
    uint64_t number;
    bool by_id; /* ours: a return may give it another number, or its first */
    uint8_t id[OL_ID_SIZE];
    enum ol_rung rung;
    uint64_t since_ns;
    uint64_t until_ns; /* OL_NEVER_NS: for ever */
    uint64_t tell_ns;  /* the progress of its files; OL_NEVER_NS: none */
};

/* Watchers. */

void ol_events_subscribe(struct ol_request *rq)
{
    struct ol_station *st = rq->st;
    json_t *after = json_object_get(rq->params, "after");
    const char *peer = ol_param(rq, "peer");
    struct ol_watch *w;
    uint64_t seq = 0;

    if (peer != NULL && ol_line_named(st, peer) == NULL) {
        ol_refuse(rq, OL_EXIT_MISSING, "no line with %s", peer);
        return;
    }
    if (after != NULL)
        seq = (uint64_t)json_integer_value(after);
    else if (st->ledger->ops->last_seq(st->ledger, &seq) != OL_OK)
        seq = 0;
    w = st->n_watches < OL_WATCHERS_MAX && rq->client ? calloc(1, sizeof(*w))
                                                      : NULL;
    if (w == NULL) {
        ol_refuse(rq, OL_EXIT_FAILED, "%u watchers are there already: close "
                  "one", st->n_watches);
        return;
    }
    w->client = rq->client;
    w->after = seq;
    w->behind = true;
    ol_text_put(w->peer, sizeof(w->peer), "%s", peer ? peer : "");
    w->next = st->watches;
    st->watches = w;
    st->n_watches++;
    ol_reply(rq, json_pack("{s:I}", "seq", (json_int_t)seq));
    ol_loop_again(st);
}

void ol_events_forget(struct ol_station *st, const struct ol_client *client)
{
    struct ol_watch **at = &st->watches;

    while (*at != NULL) {
        struct ol_watch *w = *at;

        if (w->client != client) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        st->n_watches--;
        free(w);
    }
}

struct page {
    struct ol_row_event v[PAGE];
    unsigned n;
};

/* Copied first: a document asks the ledger for the message. */
static bool gather(void *arg, const struct ol_row_event *ev)
{
    struct page *p = arg;

    p->v[p->n++] = *ev;
    return p->n < PAGE;
}

static void push(struct ol_client *client, struct ol_station *st,
                 const struct ol_row_event *ev)
{
    struct ol_out o;

    ol_client_begin(&o);
    ol_out_open(&o, NULL, '{');
    ol_out_word(&o, "jsonrpc", "2.0");
    ol_out_word(&o, "method", "event");
    ol_out_key(&o, "params");
    ol_json_event(&o, st, ev);
    ol_out_close(&o, '}');
    ol_client_say(client, &o);
}

/* False: the client is gone, and the watcher with it. */
static bool give(struct ol_station *st, struct ol_watch *w)
{
    static struct page page;
    struct ol_client *client = w->client;

    page.n = 0;
    if (st->ledger->ops->events(st->ledger, w->after, PAGE, gather, &page) !=
        OL_OK)
        page.n = 0;
    w->behind = page.n == PAGE;
    for (unsigned k = 0; k < page.n; k++) {
        struct ol_station_line *line = ol_line_of(st, page.v[k].line);
        unsigned before = st->n_watches;

        w->after = page.v[k].seq;
        if (w->peer[0] != '\0' && page.v[k].line != 0 &&
            (line == NULL || strcmp(line->conf.peer, w->peer) != 0))
            continue;
        push(client, st, &page.v[k]);
        if (st->n_watches != before)
            return false;
    }
    return true;
}

void ol_events_pump(struct ol_station *st)
{
    bool poke = st->poke_events;
    struct ol_watch *next;

    st->poke_events = false;
    if (poke)
        ol_misread_pump(st);
    for (struct ol_watch *w = st->watches; w != NULL; w = next) {
        next = w->next;
        w->behind = w->behind || poke;
        if (!w->behind || !ol_client_room(w->client))
            continue;
        if (!give(st, w)) {
            st->poke_events = true; /* the list has changed: another turn */
            ol_loop_again(st);
            return;
        }
        if (w->behind)
            ol_loop_again(st);
    }
}

/* Waiters. */

/* What was declined or taken back is not answered any more; true then. */
static bool never(struct ol_wait *w, const struct ol_entry *e,
                  const struct ol_progress *p)
{
    static struct ol_entry by;
    struct ol_span why = {NULL, 0};

    if (w->rung != OL_RUNG_ANSWERED || p->outcome == OL_OUTCOME_NONE ||
        p->outcome == OL_OUTCOME_EXPIRED)
        return false;
    if (ol_progress_record(e, &p->cause, &by) == OL_OK &&
        p->outcome != OL_OUTCOME_SUPERSEDED)
        why = by.rec.text;
    ol_refuse(w->rq, OL_EXIT_FAILED, "it was %s%s%.*s: no answer is to be "
              "waited for", ol_json_outcome(p->outcome), why.n > 0 ? ", " : "",
              (int)OL_MIN(why.n, 512u), (const char *)why.p);
    return true;
}

/* Answers when it has come so far; true then. */
static bool reached(struct ol_wait *w)
{
    static struct ol_entry e;
    struct ol_progress p;

    if ((w->by_id ? ol_query_id(w->line->st, w->id, &e)
                  : ol_query_number(w->line, w->author, w->number, &e)) !=
            OL_OK ||
        ol_query_progress(&e, &p) != OL_OK) {
        ol_refuse(w->rq, OL_EXIT_FAILED, "the ledger cannot be read: run "
                  "'openline audit'");
        return true;
    }
    if (p.rung < w->rung)
        return never(w, &e, &p);
    ol_json_reply(w->rq, &e, OL_SHOW_LOG);
    return true;
}

void ol_waits_add(struct ol_request *rq, const struct ol_entry *e,
                  enum ol_rung rung, uint64_t until_ns)
{
    struct ol_station *st = rq->st;
    struct ol_wait *w;

    w = st->n_waits < OL_WAITS_MAX ? calloc(1, sizeof(*w)) : NULL;
    if (w == NULL) {
        ol_refuse(rq, OL_EXIT_FAILED, "%u others wait already: try again",
                  st->n_waits);
        return;
    }
    w->line = e->line;
    w->rq = rq;
    w->author = e->row.author;
    w->number = e->row.number;
    w->by_id = e->row.author == OL_OWN && e->decoded &&
               e->rec.id.n == sizeof(w->id);
    if (w->by_id)
        memcpy(w->id, e->rec.id.p, sizeof(w->id));
    w->rung = rung;
    w->since_ns = ol_clock_ns();
    w->until_ns = until_ns;
    w->tell_ns = e->row.author == OL_OWN && e->rec.n_attachments > 0
                     ? 0
                     : OL_NEVER_NS;
    w->next = st->waits;
    st->waits = w;
    st->n_waits++;
    st->poke_waits = true;
    ol_loop_again(st);
}

/* Its file that moved last, to a client that shows it. */
static void tell_files(struct ol_wait *w, uint64_t now_ns)
{
    static struct ol_entry e;
    const struct ol_attachment *best = NULL;
    const struct ol_flow *flow = NULL;

    w->tell_ns = now_ns + TELL_NS;
    if (!ol_client_room(w->rq->client) ||
        ol_query_number(w->line, w->author, w->number, &e) != OL_OK)
        return;
    for (unsigned k = 0; k < e.rec.n_attachments; k++) {
        const struct ol_attachment *a = &e.rec.attachments[k];
        const struct ol_flow *f = ol_flow_find(w->line, OL_OWN, a->hash.p);

        if (f != NULL && (flow == NULL || f->used > flow->used)) {
            flow = f;
            best = a;
        }
    }
    if (flow != NULL)
        ol_client_push(w->rq->client, ol_json_progress("sending", best, flow));
}

static void in_vain(struct ol_wait *w)
{
    const char *own = w->line->st->conf.name, *peer = w->line->conf.peer;
    bool ours = w->author == OL_OWN;
    uint64_t ms = (ol_clock_ns() - w->since_ns) / OL_NS_PER_MS;
    uint64_t tenths = (ms + 50) / 100;
    char name[OL_MESSAGE_NAME];

    if (w->number > 0)
        ol_name_put(name, ours ? own : peer, ours ? peer : own, w->number);
    else
        ol_text_hex(name, w->id, sizeof(w->id));
    ol_refuse(w->rq, OL_EXIT_TIMEOUT, "%s is not %s yet after %g s: it goes "
              "on; 'openline status' shows the line", name,
              ol_json_rung(w->rung),
              (double)tenths / 10);
}

void ol_waits_pump(struct ol_station *st)
{
    struct ol_wait **at = &st->waits;
    uint64_t now_ns = ol_clock_ns();
    bool poke = st->poke_waits;

    st->poke_waits = false;
    while (*at != NULL) {
        struct ol_wait *w = *at;
        bool over = true;

        if (w->rq->client == NULL)
            ol_refuse(w->rq, OL_EXIT_FAILED, "gone"); /* frees it */
        else if (poke && reached(w))
            ;
        else if (now_ns >= w->until_ns)
            in_vain(w);
        else
            over = false;
        if (!over && now_ns >= w->tell_ns)
            tell_files(w, now_ns);
        if (!over) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        st->n_waits--;
        free(w);
    }
}

uint64_t ol_waits_next_ns(const struct ol_station *st)
{
    uint64_t at = OL_NEVER_NS;

    for (const struct ol_wait *w = st->waits; w != NULL; w = w->next)
        at = OL_MIN(at, OL_MIN(w->until_ns, w->tell_ns));
    return at;
}

void ol_waits_fail(struct ol_station *st, const struct ol_station_line *line)
{
    struct ol_wait **at = &st->waits;

    while (*at != NULL) {
        struct ol_wait *w = *at;

        if (line != NULL && w->line != line) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        st->n_waits--;
        ol_refuse(w->rq, OL_EXIT_FAILED, line ? "the line is gone"
                                              : "the station stops: ask "
                                                "again when it runs");
        free(w);
    }
}
