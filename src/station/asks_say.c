/*
 * What is said and done about an ask that is overdue.
 *
 * The event and the fact that it was said go to the ledger in one commit, so
 * that it is said once; the alarm stands as long as the condition does, and is
 * said again at a start. A reminder is a record whose id comes from the ask's
 * and the step's words: if it is in the ledger it was said, whatever became of
 * the fact. How it fails: what cannot be taken now is due again a moment later.
 */
#include <string.h>

#include "crypto/crypto.h"
#include "station/alarms.h"
#include "station/asks.h"
#include "station/clock.h"
#include "station/conf_asks.h"
#include "station/json.h"
#include "station/log.h"
#include "station/names.h"

#define AGAIN_NS (5 * OL_NS_PER_S)

static const char *const whose[] = {[OL_OWN] = "ours", [OL_PEER] = "theirs"};

void ol_asks_key(char key[OL_ASK_KEY], enum ol_author author,
                 const uint8_t id[OL_ID_SIZE])
{
    char hex[2 * OL_ID_SIZE + 1];

    ol_text_hex(hex, id, OL_ID_SIZE);
    ol_text_put(key, OL_ASK_KEY, "%s/%s", whose[author], hex);
}

bool ol_asks_key_parse(const char *key, enum ol_author *author,
                       uint8_t id[OL_ID_SIZE])
{
    const char *slash = strchr(key, '/');

    if (slash == NULL)
        return false;
    *author = *key == 'o' ? OL_OWN : OL_PEER;
    return ol_text_unhex(id, OL_ID_SIZE, slash + 1);
}

static void name_of(char out[OL_MESSAGE_NAME],
                    const struct ol_station_line *line, enum ol_author author,
                    uint64_t number)
{
    const char *own = line->st->conf.name, *peer = line->conf.peer;

    ol_name_put(out, author == OL_OWN ? own : peer,
                author == OL_OWN ? peer : own, number);
}

/* Alarms. */

static enum ol_priority priority_of(const struct ol_due *d)
{
    return d->prec <= OL_IMMEDIATE  ? OL_PRIORITY_HIGH
           : d->prec == OL_PRIORITY ? OL_PRIORITY_MEDIUM
                                    : OL_PRIORITY_LOW;
}

_Static_assert(sizeof("overdue/theirs/") + 2 * OL_ID_SIZE <= OL_ALARM_KEY,
               "a whole id fits");

/* By the id, for a return may give another number; by all of it, for it begins
 * with the time. */
static void alarm_key(char key[OL_ALARM_KEY], const char *what,
                      enum ol_author author, const struct ol_due *d)
{
    char hex[2 * OL_ID_SIZE + 1];

    ol_text_hex(hex, d->id, OL_ID_SIZE);
    ol_text_put(key, OL_ALARM_KEY, "%s/%s/%s", what, whose[author], hex);
}

static void alarm_overdue(struct ol_station_line *line, enum ol_author author,
                          const struct ol_due *d, const char *key)
{
    const char *peer = line->conf.peer, *prec = ol_json_prec(d->prec);
    char name[OL_MESSAGE_NAME], by[OL_TIME_TEXT];

    name_of(name, line, author, d->number);
    ol_text_time(by, d->deadline_ms);
    if (d->announced && author == OL_OWN)
        ol_alarm_raise(line, key, priority_of(d), "what we announced to %s "
                       "in %s was to come by %s|send it with --fulfils %s, or "
                       "take it back with 'openline cancel %s'", peer, name,
                       by, name, name);
    else if (d->announced)
        ol_alarm_raise(line, key, priority_of(d), "what %s announced in %s "
                       "was to come by %s, by its clock|ask what became of "
                       "it", peer, name, by);
    else if (author == OL_OWN)
        ol_alarm_raise(line, key, priority_of(d), "%s has not answered the "
                       "%s ask %s, wanted by %s|ask by another way, or "
                       "withdraw it with 'openline cancel %s'", peer, prec,
                       name, by, name);
    else
        ol_alarm_raise(line, key, priority_of(d), "%s waits for an answer to "
                       "the %s ask %s, wanted by %s by its clock|'openline "
                       "answer %s TEXT', or decline it with a reason", peer,
                       prec, name, by, name);
}

static void alarm_slow(struct ol_station_line *line, enum ol_author author,
                       const struct ol_due *d, const char *key)
{
    const char *peer = line->conf.peer, *prec = ol_json_prec(d->prec);
    char name[OL_MESSAGE_NAME], within[32];

    name_of(name, line, author, d->number);
    ol_objectives_text(within,
                       line->st->conf.objectives[d->prec].answer_ns);
    if (author == OL_OWN)
        ol_alarm_raise(line, key, priority_of(d), "%s has not answered the %s "
                       "ask %s within %s|see whether it was read: 'openline "
                       "asks'", peer, prec, name, within);
    else
        ol_alarm_raise(line, key, priority_of(d), "the %s ask %s is not "
                       "answered within %s|'openline answer %s TEXT', or "
                       "decline it with a reason", prec, name, within, name);
}

/* Raised when it becomes true, cleared when it ceases to be. */
static void settle(struct ol_station_line *line, enum ol_author author,
                   struct ol_due *d, bool overdue, bool slow)
{
    char key[OL_ALARM_KEY];

    alarm_key(key, "overdue", author, d);
    if (overdue && !d->raised_by)
        alarm_overdue(line, author, d, key);
    else if (!overdue)
        ol_alarm_clear(line, key);
    alarm_key(key, "slow", author, d);
    if (slow && !d->raised_slow)
        alarm_slow(line, author, d, key);
    else if (!slow)
        ol_alarm_clear(line, key);
    d->raised_by = overdue;
    d->raised_slow = slow;
}

void ol_asks_alarm(struct ol_station_line *line, enum ol_author author,
                   struct ol_due *d)
{
    bool overdue = ol_due_overdue(d, ol_asks_wall_ms(line, author));

    settle(line, author, d, d->said_by && overdue,
           d->said_answer && !overdue);
}

void ol_asks_quiet(struct ol_station_line *line, enum ol_author author,
                   struct ol_due *d)
{
    settle(line, author, d, false, false);
}

/* Facts, with their events. */

/* One commit: what was done about the ask, the event, and a station value. */
static bool note(struct ol_station_line *line, enum ol_author author,
                 const struct ol_due *d, json_t *did,
                 const struct ol_put *event, const struct ol_ledger_meta *meta)
{
    char key[OL_ASK_KEY], *text = json_dumps(did, JSON_COMPACT);
    struct ol_fact fact = {.kind = OL_FACT_ASK, .key = key,
                           .at_ms = ol_clock_wall_ms(),
                           .value = ol_span_str(text)};
    struct ol_batch batch = {.puts = event, .n_puts = event != NULL,
                             .metas = meta, .n_metas = meta != NULL,
                             .facts = &fact, .n_facts = 1};
    bool taken = false;

    ol_asks_key(key, author, d->id);
    if (text != NULL)
        taken = ol_disk_note(line->st, line, &batch) == OL_OK;
    free(text);
    json_decref(did);
    return taken;
}

static struct ol_put event_of(enum ol_author author, const struct ol_due *d,
                              enum ol_what what, const char *detail)
{
    return (struct ol_put){.kind = OL_PUT_EVENT, .what = (uint8_t)what,
                           .author = (uint8_t)author, .prec = d->prec,
                           .index = d->index, .count = 1,
                           .channel = OL_CHANNEL_ANY, .detail = detail};
}

bool ol_asks_say_overdue(struct ol_station_line *line, enum ol_author author,
                         struct ol_due *d)
{
    struct ol_put event = event_of(author, d, OL_WHAT_OVERDUE, NULL);

    if (!note(line, author, d, json_pack("{s:s}", "did", "overdue"), &event,
              NULL))
        return false;
    d->said_by = true;
    d->said_by_ms = ol_clock_wall_ms();
    d->said_by_ns = (int64_t)ol_clock_ns();
    ol_asks_alarm(line, author, d);
    return true;
}

bool ol_asks_say_slow(struct ol_station_line *line, enum ol_author author,
                      struct ol_due *d)
{
    if (!note(line, author, d, json_pack("{s:s}", "did", "slow"), NULL, NULL))
        return false;
    d->said_answer = true;
    ol_asks_alarm(line, author, d);
    return true;
}

/* Escalation. */

/* *name: of the reminder, or NULL. */
static bool step_done(struct ol_station_line *line, struct ol_due *d,
                      unsigned step, const char *name,
                      const struct ol_ledger_meta *meta)
{
    char text[OL_STEP_TEXT], detail[64];
    struct ol_put event = event_of(OL_OWN, d, OL_WHAT_ESCALATED, detail);
    json_t *did;

    ol_conf_step_text(text, &line->conf.steps[step]);
    ol_text_put(detail, sizeof(detail), "%s", text);
    ol_text_mend(detail);
    did = json_pack("{s:s,s:s,s:s*}", "did", "step", "step", text, "name",
                    name);
    if (!note(line, OL_OWN, d, did, &event, meta))
        return false;
    d->steps |= UINT32_C(1) << step;
    return true;
}

static void reminder_id(uint8_t id[OL_ID_SIZE], const struct ol_due *d,
                        const struct ol_conf_step *step)
{
    char text[OL_STEP_TEXT];
    uint8_t hash[32];

    ol_conf_step_text(text, step);
    ol_hash(hash, NULL, "openline reminder 1", OL_SPAN_ARRAY(d->id),
            ol_span_str(text));
    memcpy(id, hash, OL_ID_SIZE);
}

/* The record; its texts lie in e and text. */
static void reminder(struct ol_station_line *line, const struct ol_due *d,
                     const struct ol_conf_step *step,
                     const struct ol_entry *e, struct ol_record *rec,
                     char text[512])
{
    char name[OL_MESSAGE_NAME], by[OL_TIME_TEXT];

    name_of(name, line, OL_OWN, d->number);
    ol_text_time(by, d->deadline_ms);
    ol_text_put(text, 512, "%s: an answer to %s was wanted by %s and has not "
                "come.", step->what == OL_STEP_DEPUTY
                             ? "To you as deputy"
                             : "Reminder", name, by);
    *rec = (struct ol_record){.kind = OL_KIND_MESSAGE, .prec = d->prec,
                              .marking = e->rec.marking,
                              .subject = e->rec.subject, .to = e->rec.to,
                              .lang = ol_span_str("en"),
                              .text = ol_span_str(text), .n_refs = 1,
                              .written_ms = ol_clock_wall_ms()};
    rec->refs[0] = (struct ol_ref){.rel = OL_REL_REMINDS, .own = true,
                                   .number = d->number};
    if (step->what == OL_STEP_DEPUTY)
        rec->to = ol_span_str(step->arg);
    else
        rec->prec = OL_MIN(rec->prec, step->prec);
}

/* Says it; or, when it is in the ledger, notes that it was said. */
static bool remind(struct ol_station_line *line, struct ol_due *d,
                   unsigned step)
{
    static struct ol_entry e; /* large; one thread */
    const struct ol_conf_step *s = &line->conf.steps[step];
    char text[512], name[OL_MESSAGE_NAME];
    uint8_t id[OL_ID_SIZE];
    struct ol_record rec;
    struct ol_event ev = {.kind = OL_EV_SUBMIT, .record = &rec};

    reminder_id(id, d, s);
    if (ol_query_id(line->st, id, &e) == OL_OK && e.line == line &&
        e.row.author == OL_OWN) {
        name_of(name, line, OL_OWN, e.row.number);
        return step_done(line, d, step, e.waiting ? NULL : name, NULL);
    }
    /* Taken, and not on the disk yet: a commit that fails makes the line anew,
     * and all that is due with it. */
    if (d->given >> step & 1) {
        d->again_ns = ol_clock_ns() + OL_NS_PER_S / 10;
        return true;
    }
    d->again_ns = ol_clock_ns() + AGAIN_NS;
    if (line->st->disk_full || line->st->disk_err != OL_OK ||
        ol_query_at(line, OL_OWN, d->prec, d->index, &e) != OL_OK ||
        !e.decoded)
        return true;
    reminder(line, d, s, &e, &rec, text);
    rec.id = OL_SPAN_ARRAY(id);
    ev.token = ++line->st->next_token;
    if (ol_station_step(line, &ev) == OL_OK) {
        d->given |= UINT32_C(1) << step;
        d->again_ns = ol_clock_ns() + OL_NS_PER_S / 10;
    }
    return true;
}

/* As the officer's switch (methods_channel.c), and in one commit with the
 * fact. */
static bool enable(struct ol_station_line *line, struct ol_due *d,
                   unsigned step)
{
    const char *name = line->conf.steps[step].arg;
    int channel = ol_line_channel(line, name);
    char key[64];
    struct ol_ledger_meta meta = {.key = key};
    struct ol_event ev = {.kind = OL_EV_ENABLE, .on = true};

    ol_text_put(key, sizeof(key), "disabled/%s", name);
    if (!step_done(line, d, step, NULL, &meta))
        return false;
    if (channel < 0 || !line->disabled[channel])
        return true;
    line->disabled[channel] = false;
    ev.channel = (uint16_t)channel;
    (void)ol_station_step(line, &ev);
    return true;
}

bool ol_asks_step(struct ol_station_line *line, struct ol_due *d,
                  unsigned step)
{
    switch ((enum ol_step)line->conf.steps[step].what) {
    case OL_STEP_RAISE:
    case OL_STEP_DEPUTY:
        return remind(line, d, step);
    case OL_STEP_CHANNEL:
        return enable(line, d, step);
    case OL_STEP_HOOK:
        break;
    }
    return step_done(line, d, step, NULL, NULL);
}
