/*
 * What the configuration says of people.
 *
 * Happy path: words are cut at blanks, each is a duration with its name. What
 * does not fit is refused with what is allowed; times that contradict each
 * other are, too.
 */
#include "station/conf_people.h"

#include <string.h>

#include "base/units.h"
#include "station/conf.h"
#include "station/text.h"

#define FORM "attend = off, or attend = 1h [silence=30m] [within=5m]"

static bool time_of(struct ol_ini *p, const char *name, const char *text,
                    uint64_t *ns)
{
    if (ol_text_duration(text, ns) && *ns >= OL_NS_PER_S)
        return true;
    return ol_ini_fault(p, "attend: %s%s is no duration of at least 1s: %s",
                        name, text, FORM);
}

/* A time that is not given follows from the interval; one that is must fit. */
static bool settle(struct ol_ini *p, struct ol_attend_conf *c)
{
    if (c->silence_ns == 0)
        c->silence_ns = c->every_ns / 2;
    if (c->within_ns == 0)
        c->within_ns = OL_MIN(ol_attend_usual.within_ns, c->silence_ns / 2);
    if (c->within_ns <= c->silence_ns && c->silence_ns <= c->every_ns)
        return true;
    return ol_ini_fault(p, "attend: an answer must come within the silence "
                        "after which the officer is asked, and that must not "
                        "be longer than the interval: %s", FORM);
}

bool ol_conf_attend(struct ol_ini *p, const char *value)
{
    struct ol_conf_station *conf = p->out;
    struct ol_attend_conf c = {0};
    char text[OL_INI_LINE], *rest = text, *word;
    bool good = true;

    if (strcmp(value, "off") == 0) {
        conf->attend = c;
        return true;
    }
    ol_text_put(text, sizeof(text), "%s", value);
    word = ol_ini_word(&rest);
    good = time_of(p, "", word ? word : "", &c.every_ns);
    while (good && (word = ol_ini_word(&rest)) != NULL) {
        if (strncmp(word, "silence=", 8) == 0 && c.silence_ns == 0)
            good = time_of(p, "silence=", word + 8, &c.silence_ns);
        else if (strncmp(word, "within=", 7) == 0 && c.within_ns == 0)
            good = time_of(p, "within=", word + 7, &c.within_ns);
        else
            good = ol_ini_fault(p, "attend: \"%s\" has no place here: %s",
                                word, FORM);
    }
    if (!good || !settle(p, &c))
        return false;
    conf->attend = c;
    return true;
}

bool ol_conf_share(struct ol_ini *p, const char *value)
{
    struct ol_conf_line *conf = p->out;
    int share = ol_share_of(value);

    if (share < 0)
        return ol_ini_fault(p, "share-attendance = %s: allowed are yes (who "
                            "is there, and that nobody is), coarse (only that "
                            "somebody is) and no", value);
    conf->share = (enum ol_share_rule)share;
    return true;
}
