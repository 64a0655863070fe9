/*
 * What the station notes for its own use, and events of its own making.
 *
 * Happy path: a document becomes one line of JSON and a row of the ledger with
 * the next commit; reading gives documents back. How it fails: a ledger that
 * takes nothing now is told to whoever noted, who notes again later; a row
 * that is no document is passed over, for a newer program may have written it.
 */
#include <stdlib.h>
#include <string.h>

#include "station/clock.h"
#include "station/station.h"

/* As ol_disk_note, or ol_disk_keep. */
typedef enum ol_err (*hand_fn)(struct ol_station *, struct ol_station_line *,
                               struct ol_batch *);

static bool hand_over(struct ol_station *st, struct ol_station_line *line,
                      const struct ol_fact *fact, hand_fn hand)
{
    struct ol_batch batch = {.facts = fact, .n_facts = 1};

    if (line != NULL && line->ledger_id == 0)
        return false;
    return hand(st, line, &batch) == OL_OK;
}

static bool note(struct ol_station *st, struct ol_station_line *line,
                 enum ol_fact_kind kind, const char *key, json_t *doc,
                 hand_fn hand)
{
    char *text = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);
    struct ol_fact fact = {.kind = (uint8_t)kind, .key = key ? key : "",
                           .at_ms = ol_clock_wall_ms(),
                           .value = ol_span_str(text)};
    bool taken = text != NULL && hand_over(st, line, &fact, hand);

    json_decref(doc);
    free(text);
    return taken;
}

bool ol_fact_note(struct ol_station *st, struct ol_station_line *line,
                  enum ol_fact_kind kind, const char *key, json_t *doc)
{
    return note(st, line, kind, key, doc, ol_disk_note);
}

bool ol_fact_keep(struct ol_station *st, struct ol_station_line *line,
                  enum ol_fact_kind kind, const char *key, json_t *doc)
{
    return note(st, line, kind, key, doc, ol_disk_keep);
}

bool ol_fact_drop(struct ol_station *st, struct ol_station_line *line,
                  enum ol_fact_kind kind, uint64_t before_ms)
{
    struct ol_fact fact = {.kind = (uint8_t)kind, .at_ms = before_ms};

    return hand_over(st, line, &fact, ol_disk_note);
}

struct reading {
    ol_fact_fn fn;
    void *arg;
};

static bool one(void *arg, const struct ol_row_fact *row)
{
    struct reading *r = arg;
    json_t *doc = json_loadb((const char *)row->value.p, row->value.n, 0,
                             NULL);
    bool go = doc == NULL || r->fn(r->arg, row, doc);

    json_decref(doc);
    return go;
}

enum ol_err ol_fact_read(struct ol_station *st,
                         const struct ol_station_line *line,
                         enum ol_fact_kind kind, const struct ol_facts_of *of,
                         ol_fact_fn fn, void *arg)
{
    struct reading r = {fn, arg};

    if (line != NULL && line->ledger_id == 0)
        return OL_OK;
    return st->ledger->ops->facts(st->ledger, line ? line->ledger_id : 0,
                                  (uint8_t)kind, of, one, &r);
}

void ol_station_tell(struct ol_station_line *line, enum ol_what what,
                     const char *detail)
{
    struct ol_put put = {.kind = OL_PUT_EVENT, .what = (uint8_t)what,
                         .channel = OL_CHANNEL_ANY, .detail = detail};

    if (line->ledger_id != 0)
        ol_later_event(line->st, line, &put);
}
