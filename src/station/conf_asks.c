/*
 * station.conf's objectives, and what a line does about asks that are overdue.
 */
#include "station/conf_asks.h"

#include <string.h>

#include "base/units.h"
#include "station/json.h"
#include "station/text.h"

static const char *const step_words[] = {
    [OL_STEP_RAISE] = "raise",
    [OL_STEP_CHANNEL] = "channel",
    [OL_STEP_HOOK] = "hook",
    [OL_STEP_DEPUTY] = "deputy",
};

/* The speeds of service of military messages: ACP 121. */
void ol_conf_objectives(struct ol_conf_station *c)
{
    const uint64_t minute = 60 * OL_NS_PER_S;

    c->objectives[OL_FLASH].read_ns = 2 * minute;
    c->objectives[OL_FLASH].answer_ns = 10 * minute;
    c->objectives[OL_IMMEDIATE].read_ns = 30 * minute;
    c->objectives[OL_PRIORITY].read_ns = 180 * minute;
    c->objectives[OL_ROUTINE].read_ns = 360 * minute;
}

static bool objective_time(struct ol_ini *p, const char *value, uint64_t *ns)
{
    *ns = 0;
    if (strcmp(value, "none") == 0 ||
        (ol_text_duration(value, ns) && *ns >= OL_NS_PER_S))
        return true;
    return ol_ini_fault(p, "objective: \"%s\" is no time to reach: none, or a "
                        "duration of at least 1s, as 2m 30m 3h", value);
}

bool ol_conf_take_objective(struct ol_ini *p, const char *value)
{
    struct ol_conf_station *c = p->out;
    char text[OL_INI_LINE], *rest = text, *word;
    int prec = -1;

    ol_text_put(text, sizeof(text), "%s", value);
    word = ol_ini_word(&rest);
    if (word != NULL)
        prec = ol_json_prec_of(word);
    if (prec < 0)
        return ol_ini_fault(p, "objective = PRECEDENCE [read=TIME] "
                            "[answer=TIME], as in: objective = flash read=2m "
                            "answer=10m");
    if (c->objectives_given >> prec & 1)
        return ol_ini_fault(p, "two objective lines are for %s: remove one",
                            word);
    c->objectives_given |= (uint8_t)(1 << prec);
    while ((word = ol_ini_word(&rest)) != NULL) {
        if (strncmp(word, "read=", 5) == 0) {
            if (!objective_time(p, word + 5, &c->objectives[prec].read_ns))
                return false;
        } else if (strncmp(word, "answer=", 7) == 0) {
            if (!objective_time(p, word + 7, &c->objectives[prec].answer_ns))
                return false;
        } else {
            return ol_ini_fault(p, "\"%s\" is no objective: allowed are "
                                "read=TIME and answer=TIME", word);
        }
    }
    return true;
}

#define STEP_FORM                                                              \
    "escalate = AFTER raise PRECEDENCE, AFTER channel NAME, AFTER hook, or "   \
    "AFTER deputy ROLE, as in: escalate = 15m deputy minister"

/* What is behind the word of a step; a role may hold blanks. */
static bool step_arg(struct ol_ini *p, struct ol_conf_step *s, char *rest)
{
    size_t n;
    int prec;

    rest += strspn(rest, " \t");
    n = strlen(rest);
    while (n > 0 && (rest[n - 1] == ' ' || rest[n - 1] == '\t'))
        rest[--n] = '\0';
    if ((n == 0) != (s->what == OL_STEP_HOOK))
        return ol_ini_fault(p, "%s", STEP_FORM);
    if (!ol_text_put(s->arg, sizeof(s->arg), "%s", rest) ||
        !ol_span_utf8(ol_span_str(rest)))
        return ol_ini_fault(p, "escalate: \"%s\" is not UTF-8 of at most %zu "
                            "bytes", rest, sizeof(s->arg) - 1);
    if (s->what != OL_STEP_RAISE)
        return true;
    prec = ol_json_prec_of(rest);
    if (prec < 0)
        return ol_ini_fault(p, "no precedence \"%s\": allowed are flash, "
                            "immediate, priority, routine", rest);
    s->prec = (uint8_t)prec;
    return true;
}

bool ol_conf_take_escalate(struct ol_ini *p, const char *value)
{
    struct ol_conf_line *c = p->out;
    struct ol_conf_step *s = &c->steps[c->n_steps];
    char text[OL_INI_LINE], *rest = text, *after, *what;
    unsigned k = 0;

    if (c->n_steps == OL_STEPS_MAX)
        return ol_ini_fault(p, "too many escalate lines: at most %u",
                            OL_STEPS_MAX);
    ol_text_put(text, sizeof(text), "%s", value);
    after = ol_ini_word(&rest);
    what = ol_ini_word(&rest);
    if (after == NULL || what == NULL ||
        !ol_text_duration(after, &s->after_ns))
        return ol_ini_fault(p, "%s", STEP_FORM);
    while (k < OL_LEN(step_words) && strcmp(step_words[k], what) != 0)
        k++;
    if (k == OL_LEN(step_words))
        return ol_ini_fault(p, "%s", STEP_FORM);
    s->what = (uint8_t)k;
    if (!step_arg(p, s, rest))
        return false;
    for (k = 0; k < c->n_steps; k++)
        if (c->steps[k].what == s->what &&
            strcmp(c->steps[k].arg, s->arg) == 0)
            return ol_ini_fault(p, "escalate = %s stands twice: remove one",
                                value);
    c->n_steps++;
    return true;
}

void ol_conf_step_text(char out[OL_STEP_TEXT], const struct ol_conf_step *s)
{
    ol_text_put(out, OL_STEP_TEXT, "%s%s%s", step_words[s->what],
                s->arg[0] ? " " : "", s->arg);
}

int ol_conf_check_steps(const char *file, const struct ol_conf_line *c,
                        char why[OL_WHY_MAX])
{
    for (unsigned k = 0; k < c->n_steps; k++) {
        bool found = c->steps[k].what != OL_STEP_CHANNEL;

        for (unsigned j = 0; j < c->n_channels && !found; j++)
            found = strcmp(c->channels[j].name, c->steps[k].arg) == 0;
        if (!found)
            return ol_fail(why, OL_EXIT_FAILED, "%s: escalate names channel "
                           "%s, and there is none: add it, or name another",
                           file, c->steps[k].arg);
    }
    return OL_EXIT_OK;
}
