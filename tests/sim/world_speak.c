/*
 * What stations say: records of all kinds, some of them about others.
 *
 * Happy path: a deed says how long and of which kind; whatever a record speaks
 * of (a receipt, an answer, a decline) is picked among what has arrived and
 * stands in its log, as a person picks it; a receipt goes into the log of its
 * message. What cannot be numbered now waits on disk (world_restore.c); what
 * is refused was never promised.
 */
#include "world_int.h"
#include "world_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/units.h"

/* The deed's argument: bytes of text | kind << 16 | pick << 24. */
enum saying {
    PLAIN, ASK, ANSWER, DECLINE, CANCEL, READ, UNDERSTOOD, STANCE, LATER_KIND,
    WITH_FILE, SAYINGS,
    SUPERSEDE = SAYINGS, FULFIL, HANDED_ON /* some of PLAIN and READ */
};

uint64_t speak_draw(struct rnd *r, uint64_t size, bool kinds)
{
    uint64_t pick;
    uint64_t kind = kinds && rnd_chance(r, 0.6) ? rnd_below(r, SAYINGS) : PLAIN;

    /* Most of what people write back is that they have read. */
    if (kinds && rnd_chance(r, 0.2))
        kind = rnd_chance(r, 0.7) ? READ : UNDERSTOOD;
    pick = rnd_below(r, 1u << 30);
    if (kinds && kind == PLAIN && pick % 4 == 0)
        kind = pick % 8 == 0 ? SUPERSEDE : FULFIL;
    if (kinds && kind == READ && pick % 4 == 0)
        kind = HANDED_ON;
    return size | kind << 16 | pick << 24;
}

static void refer(struct ol_record *rec, enum ol_rel rel, bool own,
                  uint64_t number)
{
    if (number == 0)
        return;
    rec->refs[rec->n_refs].rel = (uint8_t)rel;
    rec->refs[rec->n_refs].own = own;
    rec->refs[rec->n_refs++].number = number;
}

/* A record of that author's that stands in its log; 0: none does. */
static uint64_t some(const struct world *w, unsigned st, enum ol_author author,
                     uint8_t prec, uint64_t pick)
{
    uint32_t size = w->st[st].model->log[author][prec].size;
    const struct sim_row *row;

    if (size == 0)
        return 0;
    row = row_at(w, st, (uint8_t)author, prec, 1 + (uint32_t)(pick % size));
    return row == NULL ? 0 : row->number;
}

static void shape(const struct world *w, unsigned st, struct ol_record *rec,
                  uint64_t arg)
{
    static const uint8_t hash[32] = {7};
    uint64_t pick = arg >> 24;
    uint64_t theirs = some(w, st, OL_PEER, rec->prec, pick);

    rec->kind = OL_KIND_MESSAGE;
    switch ((enum saying)(arg >> 16 & 0xff)) {
    case ASK:
        rec->kind = OL_KIND_ASK;
        rec->deadline_ms = wall_ms(w, st) + 3600000;
        rec->subject = ol_span_str("who is there");
        break;
    case ANSWER:
        rec->kind = OL_KIND_ANSWER;
        refer(rec, OL_REL_ANSWERS, false, theirs);
        break;
    case DECLINE:
        rec->kind = OL_KIND_DECLINE;
        refer(rec, OL_REL_DECLINES, false, theirs);
        break;
    case CANCEL:
        rec->kind = OL_KIND_CANCEL;
        refer(rec, OL_REL_CANCELS, true,
              some(w, st, OL_OWN, rec->prec, pick));
        break;
    case READ:
    case UNDERSTOOD:
        if (theirs == 0)
            break;
        rec->kind = OL_KIND_RECEIPT;
        rec->text = OL_SPAN(NULL, 0);
        refer(rec, (arg >> 16 & 0xff) == READ ? OL_REL_READ
                                               : OL_REL_UNDERSTOOD,
              false, theirs);
        break;
    case SUPERSEDE:
    case FULFIL:
        refer(rec, (arg >> 16 & 0xff) == SUPERSEDE ? OL_REL_SUPERSEDES
                                                    : OL_REL_FULFILS,
              true, some(w, st, OL_OWN, rec->prec, pick / 8));
        break;
    case HANDED_ON:
        if (theirs == 0)
            break;
        rec->kind = OL_KIND_RECEIPT;
        refer(rec, OL_REL_DISTRIBUTED, false, theirs);
        break;
    case STANCE:
        rec->kind = OL_KIND_STANCE;
        rec->marking = OL_EXERCISE;
        break;
    case LATER_KIND: /* of a newer program: kept and acknowledged */
        rec->kind = (uint8_t)(12 + pick % 244);
        refer(rec, (enum ol_rel)(9 + pick % 240), pick & 1,
              theirs != 0 ? theirs : 1);
        break;
    case WITH_FILE:
        rec->attachments[0].hash = OL_SPAN_ARRAY(hash);
        rec->attachments[0].size = pick;
        rec->attachments[0].name = ol_span_str("map.pdf");
        rec->n_attachments = 1;
        break;
    default:
        break;
    }
}

static struct sim_message *one_more(struct world *w, unsigned st, uint8_t prec,
                                    uint16_t size)
{
    struct sim_station *s = &w->st[st];
    struct sim_message *m;

    if (s->n_said == s->cap_said) {
        s->cap_said = s->cap_said ? 2 * s->cap_said : 256;
        s->said = realloc(s->said, s->cap_said * sizeof(*s->said));
        OL_CHECK(s->said != NULL);
    }
    m = &s->said[s->n_said++];
    memset(m, 0, sizeof(*m));
    m->token = 1000000u * (st + 1) + s->n_said;
    m->prec = prec;
    m->at_ns = w->now_ns;
    m->size = size;
    for (unsigned i = 0; i < sizeof(m->id); i++)
        m->id[i] = (uint8_t)rnd_u64(&s->rnd);
    return m;
}

/* What is said at once: the same kind and size, each with a text of its own. */
struct at_once {
    uint32_t first; /* of said; that array moves as it grows */
    struct ol_record rec[SIM_AT_ONCE];
    char text[SIM_AT_ONCE][OL_TEXT_MAX + 64];
};

static void word(struct world *w, unsigned st, struct at_once *o, unsigned k,
                 uint64_t arg)
{
    struct ol_record *rec = &o->rec[k];
    struct sim_message *m = one_more(w, st, rec->prec, (uint16_t)arg);
    char *text = o->text[k];
    int n = snprintf(text, sizeof(o->text[k]), "%u/%llu ", st,
                     (unsigned long long)m->token);

    for (; n < (uint16_t)arg && n < (int)OL_TEXT_MAX; n++)
        text[n] = (char)('a' + n % 26);
    rec->text = OL_SPAN(text, n);
    rec->written_ms = wall_ms(w, st);
    shape(w, st, rec, arg);
}

/* From the k-th on: they wait on disk, or were refused and nothing was
 * promised. */
static void left(struct world *w, unsigned st, const struct at_once *o,
                 unsigned k, unsigned count, bool waits)
{
    struct sim_station *s = &w->st[st];

    for (; k < count; k++) {
        struct sim_message *m = &s->said[o->first + k];
        if (waits) {
            world_wait(w, st, m, &o->rec[k]); /* in order */
        } else {
            m->lost = true;
            s->again++;
        }
    }
}

void world_speak_many(struct world *w, unsigned st, uint8_t prec, uint64_t arg,
                      unsigned count)
{
    static struct at_once o; /* large; one thread */
    struct sim_station *s = &w->st[st];
    const struct ol_record *more[SIM_AT_ONCE];
    struct ol_event ev = {.kind = OL_EV_SUBMIT, .record = &o.rec[0],
                          .more = more, .n_more = count - 1};
    enum ol_err err;

    OL_CHECK(count > 0 && count <= SIM_AT_ONCE);
    if (!s->alive)
        return;
    o.first = s->n_said;
    for (unsigned k = 0; k < count; k++) {
        o.rec[k] = (struct ol_record){.prec = prec};
        word(w, st, &o, k, arg);
        more[k] = &o.rec[k + 1 < count ? k + 1 : k];
    }
    for (unsigned k = 0; k < count; k++)
        o.rec[k].id = OL_SPAN_ARRAY(s->said[o.first + k].id);
    ev.token = s->said[o.first].token;
    if (world_is_waiting(w, st)) {
        left(w, st, &o, 0, count, true);
        return;
    }
    err = world_step(w, st, &ev);
    if (err == OL_OK && (s->took == 0 || s->took > count))
        world_fail(w, "%u of %u were taken", s->took, count);
    left(w, st, &o, err == OL_OK ? s->took : 0, count,
         err == OL_ERR_UNPROVED && s->alive);
}

void world_speak(struct world *w, unsigned st, uint8_t prec, uint64_t arg)
{
    uint64_t pick = arg >> 24;
    bool plain = (arg >> 16 & 0xff) == PLAIN;

    /* Some of what needs no answer comes in one breath. */
    world_speak_many(w, st, prec, arg, plain && pick % 8 == 1 ?
                     2 + (unsigned)(pick / 8 % (SIM_AT_ONCE - 1)) : 1);
}

void world_say(struct world *w, unsigned st, uint8_t prec, uint16_t size)
{
    world_speak(w, st, prec, size);
}
