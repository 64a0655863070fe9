/*
 * hook = NAME EVENT...: which events a hook is run for.
 */
#include <string.h>

#include "base/units.h"
#include "station/conf.h"
#include "station/conf_ini.h"
#include "station/hooks.h"

static bool event_of(const char *word, size_t n, uint64_t *wants)
{
    for (unsigned k = 0; k < OL_WHATS; k++) {
        const char *name = ol_what_name((enum ol_what)k);

        if (strlen(name) != n || strncmp(name, word, n) != 0)
            continue;
        *wants |= UINT64_C(1) << k;
        return true;
    }
    return false;
}

bool ol_conf_take_hook(struct ol_ini *p, const char *value)
{
    struct ol_conf_station *c = p->out;
    struct ol_conf_hook *hook = &c->hooks[c->n_hooks];
    size_t n = strcspn(value, " \t");
    const char *at = value + n;

    if (c->n_hooks == OL_HOOKS_MAX)
        return ol_ini_fault(p, "too many hook lines: at most %u",
                            OL_HOOKS_MAX);
    if (!ol_text_put(hook->name, sizeof(hook->name), "%.*s", (int)n, value) ||
        !ol_hook_name_ok(hook->name))
        return ol_ini_fault(p, "hook = %s: the name of a program in hooks.d, "
                            "then the events it is run for, as: hook = mail "
                            "alarm blackout", value);
    for (unsigned k = 0; k < c->n_hooks; k++)
        if (strcmp(c->hooks[k].name, hook->name) == 0)
            return ol_ini_fault(p, "hook = %s stands twice: write all its "
                                "events in one", hook->name);
    hook->wants = 0;
    for (at += strspn(at, " \t"); *at != '\0'; at += strspn(at, " \t")) {
        n = strcspn(at, " \t");
        if (!event_of(at, n, &hook->wants))
            return ol_ini_fault(p, "hook = %s: no event \"%.*s\": allowed are "
                                "those of 'openline watch', as alarm, "
                                "arrived, blackout, restored, line, overdue",
                                hook->name, (int)OL_MIN(n, (size_t)32), at);
        at += n;
    }
    if (hook->wants == 0)
        return ol_ini_fault(p, "hook = %s: name the events it is run for; "
                            "without the line it is run for all",
                            hook->name);
    c->n_hooks++;
    return true;
}
