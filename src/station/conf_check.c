/*
 * lines.d/PEER.conf: line checks, and what is refused of exercises.
 */
#include <string.h>

#include "station/conf.h"
#include "station/conf_ini.h"
#include "station/text.h"

bool ol_conf_take_check(struct ol_ini *ini, const char *value)
{
    struct ol_conf_line *c = ini->out;
    const char *why;

    if (!ol_check_plan_parse(value, &c->check, &why))
        return ol_ini_fault(ini, "check = %s: %s", value, why);
    return true;
}

bool ol_conf_take_refuse(struct ol_ini *ini, const char *value)
{
    static const char *const words[] = {"none", "actual", "exercise", "both"};
    struct ol_conf_line *c = ini->out;

    for (unsigned k = 0; k < 4; k++) {
        if (strcmp(value, words[k]) != 0)
            continue;
        c->refuse = (enum ol_conf_refuse)k;
        return true;
    }
    return ol_ini_fault(ini, "refuse = %s: allowed are none, actual (during a "
                        "declared exercise), exercise (outside of one) and "
                        "both", value);
}

static bool lang_ok(const char *lang)
{
    return lang[strspn(lang, "abcdefghijklmnopqrstuvwxyz"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")] ==
               '\0' &&
           strlen(lang) <= OL_LANG_MAX;
}

/* A path, and perhaps the language of what stands there. */
bool ol_conf_take_check_texts(struct ol_ini *ini, const char *value)
{
    struct ol_conf_line *c = ini->out;
    size_t n = strcspn(value, " \t");
    const char *lang = value + n + strspn(value + n, " \t");

    if (value[0] != '/' || !lang_ok(lang) ||
        !ol_text_put(c->check_texts, sizeof(c->check_texts), "%.*s", (int)n,
                     value) ||
        !ol_text_put(c->check_lang, sizeof(c->check_lang), "%s", lang))
        return ol_ini_fault(ini, "check-texts = %s: the whole path of a file "
                            "with one text a line, without blanks, and "
                            "perhaps its language, as /etc/openline/checks "
                            "ko", value);
    return true;
}
