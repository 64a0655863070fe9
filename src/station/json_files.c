/*
 * Files as documents: of a message, of a line, in an event.
 *
 * `have` counts bytes on the receiver's disk: ours for what arrives; for what
 * we sent the peer's own word, and null as long as it has said nothing since
 * this station started.
 */
#include <string.h>

#include "base/units.h"
#include "station/json.h"
#include "station/json_values.h"
#include "station/names.h"

#define SHOWN 16u /* files under way, each way */

static json_t *hash_of(const uint8_t hash[OL_HASH])
{
    char text[2 * OL_HASH + 1];

    ol_text_hex(text, hash, OL_HASH);
    return json_string(text);
}

static json_t *bytes_of(uint32_t pieces, uint64_t size)
{
    return json_integer((json_int_t)OL_MIN((uint64_t)pieces * OL_PIECE,
                                           size));
}

/* Bytes at the receiver, as far as they are known. */
static json_t *have_of(struct ol_station_line *line,
                       const struct ol_row_file *row)
{
    const struct ol_flow *flow;

    if (row->author == OL_PEER)
        return bytes_of(row->have, row->size);
    if (row->state == OL_FILE_HELD)
        return bytes_of(UINT32_MAX, row->size);
    flow = ol_flow_find(line, OL_OWN, row->hash);
    return flow ? bytes_of(flow->pieces, row->size) : json_null();
}

static void put_have(struct ol_out *o, const struct ol_entry *e,
                     const struct ol_row_file *row)
{
    json_t *have = row ? have_of(e->line, row) : NULL;

    if (row != NULL)
        ol_out_tree(o, "have", have);
    else if (e->row.author == OL_PEER)
        ol_out_int(o, "have", 0);
    else
        ol_out_null(o, "have");
    json_decref(have);
}

void ol_json_attachments(struct ol_out *o, const struct ol_entry *e)
{
    ol_out_open(o, "attachments", '[');
    for (unsigned k = 0; k < e->rec.n_attachments; k++) {
        const struct ol_attachment *a = &e->rec.attachments[k];
        struct ol_row_file row;
        bool known = ol_files_row(e->line, e->row.author, a->hash.p, &row) ==
                         OL_OK &&
                     row.size == a->size;

        ol_out_open(o, NULL, '{');
        ol_out_text(o, "name", a->name);
        ol_out_int(o, "size", (int64_t)a->size);
        ol_out_text(o, "type", a->type);
        ol_out_hex(o, "hash", a->hash);
        put_have(o, e, known ? &row : NULL);
        ol_out_word(o, "state", known ? ol_file_state_name(row.state)
                                      : "none");
        ol_out_close(o, '}');
    }
    ol_out_close(o, ']');
}

/* Files under way. */

struct rows {
    unsigned n;
    struct ol_row_file v[SHOWN];
};

static bool gather(void *arg, const struct ol_row_file *row)
{
    struct rows *r = arg;

    r->v[r->n++] = *row;
    return r->n < SHOWN;
}

/* The message and the name by which people know it: the first that is. */
static void set_names(json_t **doc, struct ol_station_line *line,
                      const struct ol_row_file *row)
{
    static struct ol_entry e;
    struct ol_file_ref refs[4];
    unsigned n = ol_refs_get(line, row->author, row->hash, refs,
                             OL_LEN(refs));
    const char *own = line->st->conf.name, *peer = line->conf.peer;
    char name[OL_MESSAGE_NAME];

    for (unsigned k = 0; k < n && k < OL_LEN(refs); k++) {
        if (ol_query_id(line->st, refs[k].id, &e) != OL_OK || !e.decoded ||
            refs[k].place >= e.rec.n_attachments)
            continue;
        ol_name_put(name, e.row.author == OL_OWN ? own : peer,
                    e.row.author == OL_OWN ? peer : own, e.row.number);
        set(doc, "name", json_string(name));
        set(doc, "file", text_of(e.rec.attachments[refs[k].place].name));
        return;
    }
    set(doc, "name", json_null());
    set(doc, "file", json_null());
}

static json_t *transfer(struct ol_station_line *line,
                        const struct ol_row_file *row)
{
    const struct ol_flow *flow = ol_flow_find(line, row->author, row->hash);
    double rate = flow ? ol_flow_rate(flow) : 0;
    json_t *doc = json_object();

    set_names(&doc, line, row);
    set(&doc, "size", json_integer((json_int_t)row->size));
    set(&doc, "hash", hash_of(row->hash));
    set(&doc, "have", have_of(line, row));
    set(&doc, "state", json_string(ol_file_state_name(row->state)));
    set(&doc, "rate", rate >= 1 ? json_integer((json_int_t)rate)
                                : json_null());
    return doc;
}

static json_t *transfers(struct ol_station_line *line, uint8_t author,
                         uint8_t state)
{
    struct ol_ledger *lg = line->st->ledger;
    json_t *list = json_array();
    struct rows rows = {0};

    if (line->ledger_id != 0 &&
        lg->ops->files(lg, line->ledger_id, author, state, 0, gather,
                       &rows) != OL_OK)
        rows.n = 0;
    for (unsigned k = 0; k < rows.n; k++)
        json_array_append_new(list, transfer(line, &rows.v[k]));
    return list;
}

json_t *ol_json_transfers(struct ol_station_line *line)
{
    json_t *doc = json_object();
    bool ask = line->conf.attach_ask;

    set(&doc, "policy", json_string(ask ? "ask" : "auto"));
    set(&doc, "auto_max", ask ? json_null()
                              : json_integer((json_int_t)
                                                 line->conf.attach_max));
    set(&doc, "no_room", json_boolean(line->files.no_room));
    set(&doc, "receiving", transfers(line, OL_PEER, OL_FILE_WANTED));
    set(&doc, "sending", transfers(line, OL_OWN, OL_FILE_SENDING));
    return doc;
}

json_t *ol_json_progress(const char *doing, const struct ol_attachment *file,
                         const struct ol_flow *flow)
{
    double rate = ol_flow_rate(flow);

    return json_pack("{s:s,s:s,s:{s:s,s:o,s:o,s:I,s:o}}", "jsonrpc", "2.0",
                     "method", "progress", "params", "doing", doing, "file",
                     text_of(file->name), "have",
                     bytes_of(flow->pieces, flow->size), "size",
                     (json_int_t)flow->size, "rate",
                     rate >= 1 ? json_integer((json_int_t)rate)
                               : json_null());
}

void ol_json_file_event(struct ol_out *o, const struct ol_entry *e,
                        const char *detail)
{
    unsigned place, tenths;
    uint64_t have;
    enum ol_file_state state;
    const struct ol_attachment *a;

    if (!ol_files_told(detail, &place, &state, &tenths) || !e->decoded ||
        place >= e->rec.n_attachments)
        return;
    a = &e->rec.attachments[place];
    ol_out_text(o, "file", a->name);
    ol_out_hex(o, "hash", a->hash);
    ol_out_int(o, "size", (int64_t)a->size);
    /* At least so many, when it happened. */
    have = a->size / 10 * tenths + a->size % 10 * tenths / 10;
    ol_out_int(o, "have", (int64_t)have);
    ol_out_word(o, "state", ol_file_state_name(state));
}
