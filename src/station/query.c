/*
 * Questions to the ledger.
 *
 * A row is copied out of the ledger's callback before anything else is asked,
 * so that no question runs inside another.
 */
#include "station/query.h"

#include <string.h>

#include "station/names.h"
#include "wire/record.h"

static bool copy(void *arg, const struct ol_row *row)
{
    struct ol_entry *e = arg;

    if (row->bytes.n > sizeof(e->bytes))
        return false;
    e->row = *row;
    memcpy(e->bytes, row->bytes.p, row->bytes.n);
    e->row.bytes = OL_SPAN(e->bytes, row->bytes.n);
    return false; /* one is enough */
}

bool ol_query_reached(struct ol_station_line *line, enum ol_author author,
                      unsigned prec, uint32_t *size)
{
    struct ol_ledger *lg = line->st->ledger;

    return lg->ops->reached(lg, line->ledger_id, (uint8_t)author,
                            (uint8_t)prec, size);
}

static enum ol_err settle(struct ol_station *st, enum ol_err err,
                          struct ol_entry *e)
{
    struct ol_ledger *lg = st->ledger;
    uint32_t size = 0;

    if (err != OL_OK)
        return err;
    if (e->row.index == 0)
        return OL_ERR_MISSING;
    if (e->line == NULL)
        e->line = ol_line_of(st, e->row.line);
    if (e->line == NULL)
        return OL_ERR_MISSING;
    e->decoded = ol_record_decode(e->row.bytes, &e->rec) == OL_OK;
    /* Nothing is shown before what precedes it. */
    if (e->row.author != OL_PEER ||
        (ol_query_reached(e->line, OL_PEER, e->row.prec, &size) &&
         e->row.index <= size))
        return OL_OK;
    err = lg->ops->head(lg, e->row.line, e->row.author, e->row.prec, &size,
                        NULL, NULL);
    if (err != OL_OK)
        return err;
    return e->row.index <= size ? OL_OK : OL_ERR_MISSING;
}

static void start(struct ol_entry *e, struct ol_station_line *line)
{
    e->line = line;
    e->decoded = e->fresh = e->waiting = false;
    memset(&e->row, 0, sizeof(e->row));
}

enum ol_err ol_query_from(struct ol_station_line *line, enum ol_author author,
                          unsigned prec, uint32_t index, struct ol_entry *out)
{
    struct ol_ledger *lg = line->st->ledger;

    start(out, line);
    if (line->ledger_id == 0)
        return OL_ERR_MISSING;
    return settle(line->st,
                  lg->ops->log(lg, line->ledger_id, (uint8_t)author,
                               (uint8_t)prec, index, 1, 0, copy, out),
                  out);
}

enum ol_err ol_query_at(struct ol_station_line *line, enum ol_author author,
                        unsigned prec, uint32_t index, struct ol_entry *out)
{
    enum ol_err err = ol_query_from(line, author, prec, index, out);

    return err == OL_OK && out->row.index != index ? OL_ERR_MISSING : err;
}

enum ol_err ol_query_number(struct ol_station_line *line,
                            enum ol_author author, uint64_t number,
                            struct ol_entry *out)
{
    struct ol_ledger *lg = line->st->ledger;

    start(out, line);
    if (line->ledger_id == 0)
        return OL_ERR_MISSING;
    return settle(line->st,
                  lg->ops->by_number(lg, line->ledger_id, (uint8_t)author,
                                     number, copy, out),
                  out);
}

struct waiting {
    struct ol_entry *e;
    const uint8_t *id; /* NULL: the first */
    uint64_t n;
};

static bool copy_waiting(void *arg, const struct ol_row_waiting *row)
{
    struct waiting *w = arg;
    struct ol_entry *e = w->e;

    if ((w->id != NULL && memcmp(w->id, row->id, OL_ID_SIZE) != 0) ||
        row->bytes.n > sizeof(e->bytes))
        return true;
    w->n = row->n;
    e->waiting = true;
    e->row.line = row->line;
    e->row.author = OL_OWN;
    e->row.at_ms = row->at_ms;
    e->row.proof = row->proof;
    memcpy(e->bytes, row->bytes.p, row->bytes.n);
    e->row.bytes = OL_SPAN(e->bytes, row->bytes.n);
    return false;
}

static enum ol_err find_waiting(struct ol_station_line *line,
                                const uint8_t *id, uint64_t *n,
                                struct ol_entry *e)
{
    struct ol_ledger *lg = line->st->ledger;
    struct waiting w = {.e = e, .id = id, .n = 0};
    enum ol_err err;

    start(e, line);
    if (line->ledger_id == 0)
        return OL_ERR_MISSING;
    err = lg->ops->waiting(lg, line->ledger_id, *n, copy_waiting, &w);
    if (err != OL_OK)
        return err;
    if (!e->waiting)
        return OL_ERR_MISSING;
    *n = w.n;
    e->decoded = ol_record_decode(e->row.bytes, &e->rec) == OL_OK;
    if (!e->decoded)
        return OL_ERR_CORRUPT;
    e->row.prec = e->rec.prec;
    e->row.kind = e->rec.kind;
    e->rec.index = 0;
    e->rec.number = 0;
    return OL_OK;
}

enum ol_err ol_query_waiting(struct ol_station_line *line, uint64_t *n,
                             struct ol_entry *out)
{
    return find_waiting(line, NULL, n, out);
}

enum ol_err ol_query_id(struct ol_station *st, const uint8_t id[OL_ID_SIZE],
                        struct ol_entry *out)
{
    struct ol_ledger *lg = st->ledger;

    enum ol_err err;

    start(out, NULL);
    err = settle(st, lg->ops->by_id(lg, id, copy, out), out);
    for (unsigned k = 0; k < st->n_lines && err == OL_ERR_MISSING; k++) {
        uint64_t n = 0;

        err = find_waiting(st->lines[k], id, &n, out);
    }
    return err;
}

bool ol_query_readable(const struct ol_entry *e)
{
    if (!e->decoded)
        return false;
    switch (e->rec.kind) {
    case OL_KIND_MESSAGE:
    case OL_KIND_ASK:
    case OL_KIND_ANSWER:
    case OL_KIND_DECLINE:
    case OL_KIND_CANCEL:
    case OL_KIND_NOTIFICATION:
        return true;
    default:
        return false;
    }
}

/* Names. */

static int broken(enum ol_err err, const char *name, char why[OL_WHY_MAX])
{
    if (err == OL_ERR_MISSING)
        return ol_fail(why, OL_EXIT_MISSING,
                       "no message %s: 'openline log' lists them", name);
    return ol_fail(why, OL_EXIT_FAILED, "the ledger cannot be read (%s): "
                   "'openline audit' tells more", ol_err_info(err)->text);
}

/* Could this line and author be meant. */
static bool meant(const struct ol_station_line *line, enum ol_author author,
                  const struct ol_name *n, enum ol_whose whose)
{
    const char *own = line->st->conf.name, *peer = line->conf.peer;
    const char *writer = author == OL_OWN ? own : peer;
    const char *reader = author == OL_OWN ? peer : own;

    if (n->addressee[0] != '\0' && strcmp(n->addressee, reader) != 0)
        return false;
    if (n->author[0] != '\0')
        return strcmp(n->author, writer) == 0;
    return whose != OL_WHOSE_PEERS || author == OL_PEER;
}

static int search(struct ol_station *st, const char *name,
                  const struct ol_name *n, enum ol_whose whose,
                  struct ol_entry *out, char why[OL_WHY_MAX])
{
    struct ol_station_line *line = NULL;
    enum ol_author author = OL_OWN;
    char one[OL_MESSAGE_NAME], two[OL_MESSAGE_NAME];
    enum ol_err err = OL_ERR_MISSING;

    for (unsigned k = 0; k < 2 * st->n_lines; k++) {
        struct ol_station_line *at = st->lines[k / 2];
        enum ol_author a = k % 2 ? OL_PEER : OL_OWN;

        if (!meant(at, a, n, whose))
            continue;
        err = ol_query_number(at, a, n->number, out);
        if (err == OL_ERR_MISSING)
            continue;
        if (err != OL_OK)
            return broken(err, name, why);
        ol_name_put(two, a == OL_OWN ? st->conf.name : at->conf.peer,
                    a == OL_OWN ? at->conf.peer : st->conf.name, n->number);
        if (line != NULL)
            return ol_fail(why, OL_EXIT_USAGE,
                           "%s could be %s or %s: say which", name, one, two);
        memcpy(one, two, sizeof(one));
        line = at;
        author = a;
    }
    if (line == NULL)
        return broken(OL_ERR_MISSING, name, why);
    err = ol_query_number(line, author, n->number, out);
    return err == OL_OK ? OL_EXIT_OK : broken(err, name, why);
}

int ol_query_name(struct ol_station *st, const char *name,
                  enum ol_whose whose, struct ol_entry *out,
                  char why[OL_WHY_MAX])
{
    struct ol_name n;
    enum ol_err err;
    int status;

    if (!ol_name_parse(name, &n))
        return ol_fail(why, OL_EXIT_USAGE,
                       "\"%.64s\" is no message's name: write it as "
                       "south:north/17, south/17, 17, or its id", name);
    if (n.is_id) {
        err = ol_query_id(st, n.id, out);
        return err == OL_OK ? OL_EXIT_OK : broken(err, name, why);
    }
    status = search(st, name, &n, whose, out, why);
    /* 17 of ours, when nothing of theirs is called so. */
    if (status == OL_EXIT_MISSING && whose == OL_WHOSE_PEERS &&
        n.author[0] == '\0')
        status = search(st, name, &n, OL_WHOSE_ANY, out, why);
    return status;
}
