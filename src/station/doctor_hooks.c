/*
 * doctor on hooks: who may write them, and what befell their last runs.
 */
#include <dirent.h>
#include <string.h>

#include "station/doctor.h"
#include "station/hooks.h"

/* fault: "what|what to do" */
static void refused(struct ol_findings *f, const char *what,
                    const char *fault)
{
    ol_finding(f, NULL, NULL, OL_FINDING_FAULT, "%s: %s", what, fault);
}

static void one(struct ol_findings *f, const struct ol_hook *hook)
{
    if (hook->fails > 0)
        ol_finding(f, NULL, NULL,
                   hook->fails < OL_HOOK_FAILS ? OL_FINDING_NOTE
                                               : OL_FINDING_FAULT,
                   "the hook %s %s, %u time%s in a row|try it by hand: the "
                   "station's log holds its words", hook->name, hook->last,
                   hook->fails, hook->fails == 1 ? "" : "s");
    else if (hook->good > 0)
        ol_finding(f, NULL, NULL, OL_FINDING_OK, "the hook %s works: %llu "
                   "runs|", hook->name, (unsigned long long)hook->good);
}

void ol_doctor_hooks(struct ol_findings *f, const char *dir,
                     const struct ol_station *st)
{
    char path[OL_PATH_MAX], fault[160], what[64];
    struct dirent *entry;
    DIR *folder;

    if (!ol_hook_folder_ok(dir, fault)) {
        refused(f, "no hook is run", fault);
        return;
    }
    folder = ol_path(path, dir, "hooks.d", NULL) ? opendir(path) : NULL;
    if (folder == NULL)
        return;
    while ((entry = readdir(folder)) != NULL) {
        if (!ol_hook_name_ok(entry->d_name) ||
            ol_hook_file_ok(dir, entry->d_name, fault))
            continue;
        ol_text_put(what, sizeof(what), "the hook %.32s is not run",
                    entry->d_name);
        refused(f, what, fault);
    }
    closedir(folder);
    for (unsigned k = 0; st != NULL && k < st->hooks.n; k++)
        if (st->hooks.v[k].present)
            one(f, &st->hooks.v[k]);
    if (st != NULL && st->hooks.crowded)
        ol_finding(f, NULL, NULL, OL_FINDING_FAULT, "there are more than %u "
                   "hooks, and the rest is not run|remove some from hooks.d",
                   OL_HOOKS_MAX);
}
