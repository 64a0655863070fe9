/*
 * Hooks: the folder, who is run when, and how far each has come.
 *
 *   for each hook:  read events behind its cursor --> run --good--> cursor
 *                                   ^                  |
 *                                   '--- pause <--bad--'
 *
 * Happy path: what was committed is read from the ledger, up to its end; the
 * first of it is handed to the hook; once it ends with 0 the cursor goes on.
 * How it fails: a bad run is made again after a pause that grows to a minute;
 * from the third on an alarm stands and what waits becomes one. So nothing is
 * left out and nothing is queued without end: the ledger is the queue.
 */
#include "station/hooks.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "station/alarms.h"
#include "station/clock.h"
#include "station/log.h"
#include "station/station.h"

#define LOOK_NS (5 * OL_NS_PER_S)
#define PAGE 64u          /* events read for a hook in a turn */
#define SAVE_EVERY 1024u  /* events that a hook does not want */
#define WORDS_LINES 4u    /* of its output, in the log */
#define SICK_AT_ONCE 2u   /* of those that failed, so that others have room */

/* The folder. */

static bool rights_ok(const struct stat *st, const char *what,
                      const char *path, char fault[160])
{
    if (st->st_uid != geteuid() && st->st_uid != 0)
        return ol_text_put(fault, 160, "%s belongs to user %u|'chown %u "
                           "%.80s'", what, (unsigned)st->st_uid,
                           (unsigned)geteuid(), path), false;
    if ((st->st_mode & 022) != 0)
        return ol_text_put(fault, 160, "others may write %s|'chmod go-w "
                           "%.80s'", what, path), false;
    return true;
}

bool ol_hook_name_ok(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_");

    return n > 0 && n <= OL_HOOK_NAME && name[n] == '\0' && name[0] != '-' &&
           name[0] != '_';
}

bool ol_hook_folder_ok(const char *dir, char fault[160])
{
    char path[OL_PATH_MAX];
    struct stat st;

    fault[0] = '\0';
    if (!ol_path(path, dir, "hooks.d", NULL) || lstat(path, &st) != 0)
        return true; /* there is none */
    if (!S_ISDIR(st.st_mode))
        return ol_text_put(fault, 160, "hooks.d is no folder|make it one"),
               false;
    return rights_ok(&st, "in hooks.d", path, fault);
}

bool ol_hook_file_ok(const char *dir, const char *name, char fault[160])
{
    char path[OL_PATH_MAX];
    struct stat st;

    fault[0] = '\0';
    if (!ol_path(path, dir, "hooks.d", name) || stat(path, &st) != 0)
        return ol_text_put(fault, 160, "it cannot be read: %s|look at it",
                           strerror(errno)), false;
    if (!S_ISREG(st.st_mode))
        return ol_text_put(fault, 160, "it is no program|remove it"), false;
    if (!rights_ok(&st, "to it", path, fault))
        return false;
    if (access(path, X_OK) != 0)
        return ol_text_put(fault, 160, "it is not executable|'chmod u+x "
                           "%.80s'", path), false;
    return true;
}

static uint64_t wants_of(const struct ol_station *st, const char *name)
{
    for (unsigned k = 0; k < st->conf.n_hooks; k++)
        if (strcmp(st->conf.hooks[k].name, name) == 0)
            return st->conf.hooks[k].wants;
    return UINT64_MAX;
}

static struct ol_hook *known(struct ol_hooks *h, const char *name)
{
    struct ol_hook *gone = NULL;

    for (unsigned k = 0; k < h->n; k++) {
        if (strcmp(h->v[k].name, name) == 0)
            return &h->v[k];
        if (!h->v[k].present && h->v[k].run == NULL)
            gone = &h->v[k];
    }
    if (h->n < OL_HOOKS_MAX)
        gone = &h->v[h->n++];
    if (gone != NULL)
        memset(gone, 0, sizeof(*gone));
    return gone;
}

/* fault: "what|what to do" */
static void raise_fault(struct ol_station *st, const char *key,
                        const char *what, const char *fault)
{
    const char *bar = strchr(fault, '|');

    ol_alarm_raise_own(st, key, OL_PRIORITY_MEDIUM, "%s: %.*s|%s", what,
                       (int)(bar ? bar - fault : 0), fault,
                       bar ? bar + 1 : "");
}

static void alarm_key(const struct ol_hook *hook, char key[OL_ALARM_KEY])
{
    ol_text_put(key, OL_ALARM_KEY, "hook/%s", hook->name);
}

/* What stands against it, if that is news. */
static void fault_of(struct ol_hook *hook)
{
    char fault[sizeof(hook->fault)], key[OL_ALARM_KEY], what[64];
    bool good = ol_hook_file_ok(hook->st->dir, hook->name, fault);

    if (strcmp(fault, hook->fault) == 0)
        return;
    memcpy(hook->fault, fault, sizeof(fault));
    alarm_key(hook, key);
    ol_text_put(what, sizeof(what), "the hook %s is not run", hook->name);
    if (good)
        ol_alarm_clear_own(hook->st, key);
    else
        raise_fault(hook->st, key, what, fault);
}

static void found(struct ol_station *st, const char *name)
{
    struct ol_hook *hook = known(&st->hooks, name);

    if (hook == NULL) {
        st->hooks.crowded = true;
        return;
    }
    hook->st = st;
    hook->present = true;
    ol_text_put(hook->name, sizeof(hook->name), "%s", name);
    hook->wants = wants_of(st, name);
    fault_of(hook);
}

static void scan_folder(struct ol_station *st)
{
    struct ol_hooks *h = &st->hooks;
    char path[OL_PATH_MAX];
    struct dirent *entry;
    DIR *dir;

    for (unsigned k = 0; k < h->n; k++)
        h->v[k].present = false;
    h->crowded = false;
    if (!ol_hook_folder_ok(st->dir, h->fault))
        raise_fault(st, "hooks", "no hook is run", h->fault);
    else
        ol_alarm_clear_own(st, "hooks");
    dir = h->fault[0] == '\0' && ol_path(path, st->dir, "hooks.d", NULL)
              ? opendir(path)
              : NULL;
    if (dir == NULL)
        return;
    while ((entry = readdir(dir)) != NULL)
        if (ol_hook_name_ok(entry->d_name))
            found(st, entry->d_name);
    closedir(dir);
}

/* Cursors. */

static void cursor_key(const struct ol_hook *hook, char key[64])
{
    ol_text_put(key, 64, "hook/%s", hook->name);
}

static void save(struct ol_hook *hook, uint64_t seq)
{
    char key[64];
    struct ol_ledger_meta meta = {.key = key,
                                  .value = OL_SPAN(&seq, sizeof(seq))};
    struct ol_batch batch = {.metas = &meta, .n_metas = 1};

    cursor_key(hook, key);
    if (ol_disk_note(hook->st, NULL, &batch) == OL_OK)
        hook->saved = seq;
}

/* A hook that was never here begins now. */
static void find_cursor(struct ol_hook *hook)
{
    struct ol_ledger *lg = hook->st->ledger;
    uint64_t seq = 0;
    size_t n = sizeof(seq);
    char key[64];
    enum ol_err err;

    cursor_key(hook, key);
    err = lg->ops->meta(lg, 0, key, (uint8_t *)&seq, &n);
    if (err == OL_OK && n == sizeof(seq)) {
        hook->scanned = hook->saved = seq;
        hook->cursor = true;
    } else if (err != OL_ERR_IO &&
               lg->ops->last_seq(lg, &seq) == OL_OK) {
        hook->scanned = seq;
        save(hook, seq);
        hook->cursor = true;
    }
}

struct reading {
    struct ol_hook *hook;
    unsigned n;
};

static bool read_one(void *arg, const struct ol_row_event *ev)
{
    struct reading *r = arg;

    r->n++;
    r->hook->scanned = ev->seq;
    if (ev->what < OL_WHATS && (r->hook->wants >> ev->what & 1) != 0)
        ol_hook_queue_put(&r->hook->queue, ev);
    return true;
}

/* Reads on; false: there is more, in the next turn. */
static bool read_on(struct ol_hook *hook)
{
    struct ol_ledger *lg = hook->st->ledger;
    struct reading r = {hook, 0};

    if (lg->ops->events(lg, hook->scanned, PAGE, read_one, &r) != OL_OK)
        return true;
    return r.n < PAGE;
}

/* Runs. */

static uint64_t pause_ns(unsigned fails)
{
    return (fails < 2 ? 2 : fails < 3 ? 20 : 60) * OL_NS_PER_S;
}

static void log_words(const struct ol_hook *hook, const char *words)
{
    for (unsigned k = 0; k < WORDS_LINES && *words != '\0'; k++) {
        size_t n = strcspn(words, "\n");

        ol_log(OL_LOG_NOTE, "hook %s: %.*s", hook->name,
               (int)OL_MIN(n, (size_t)200), words);
        words += n + (words[n] != '\0');
    }
}

static void went_wrong(struct ol_hook *hook, const char *why)
{
    char key[OL_ALARM_KEY];

    hook->bad++;
    hook->fails++;
    hook->retry_ns = ol_clock_ns() + pause_ns(hook->fails);
    ol_text_put(hook->last, sizeof(hook->last), "%s", why);
    if (hook->fails <= OL_HOOK_FAILS)
        ol_log(OL_LOG_NOTE, "hook %s %s; it is tried again", hook->name, why);
    if (hook->fails < OL_HOOK_FAILS)
        return;
    ol_hook_queue_fold(&hook->queue);
    alarm_key(hook, key);
    ol_alarm_raise_own(hook->st, key, OL_PRIORITY_MEDIUM, "the hook %s %s, "
                       "%u times in a row: nobody is told by it|try it by "
                       "hand; it is tried each minute, and then told of all "
                       "that waits", hook->name, why, hook->fails);
}

static void went_well(struct ol_hook *hook)
{
    char key[OL_ALARM_KEY];
    uint64_t seq = ol_hook_queue_seq(&hook->queue);

    hook->good++;
    hook->good_ms = ol_clock_wall_ms();
    hook->retry_ns = 0;
    if (hook->fails >= OL_HOOK_FAILS) {
        alarm_key(hook, key);
        ol_alarm_clear_own(hook->st, key);
    }
    hook->fails = 0;
    ol_hook_queue_pop(&hook->queue);
    /* With nothing behind it, all that was read is done. */
    save(hook, ol_hook_queue_seq(&hook->queue) == 0 ? hook->scanned : seq);
}

static void done(struct ol_hook *hook, const struct ol_hook_end *end)
{
    hook->run = NULL;
    hook->st->hooks.running--;
    log_words(hook, end->words);
    if (end->good)
        went_well(hook);
    else
        went_wrong(hook, end->why);
    hook->st->hooks.poke = true;
    ol_loop_again(hook->st);
}

static unsigned sick(const struct ol_hooks *h)
{
    unsigned n = 0;

    for (unsigned k = 0; k < h->n; k++)
        n += h->v[k].run != NULL && h->v[k].fails > 0;
    return n;
}

static void run(struct ol_hook *hook)
{
    struct ol_hooks *h = &hook->st->hooks;

    if (h->running == OL_HOOKS_AT_ONCE ||
        (hook->fails > 0 && sick(h) >= SICK_AT_ONCE))
        return; /* whoever ends pokes */
    fault_of(hook); /* as it is now */
    if (hook->fault[0] != '\0')
        return;
    hook->run = ol_hook_start(hook, ol_hook_doc(hook), done);
    if (hook->run == NULL)
        hook->retry_ns = ol_clock_ns() + pause_ns(1);
    else
        h->running++;
}

static void serve(struct ol_hook *hook, uint64_t now_ns)
{
    if (!hook->present || hook->fault[0] != '\0' || hook->run != NULL ||
        now_ns < hook->retry_ns)
        return;
    if (!hook->cursor)
        find_cursor(hook);
    if (!hook->cursor)
        return;
    if (!read_on(hook)) {
        hook->st->hooks.poke = true;
        ol_loop_again(hook->st);
    } else if (ol_hook_queue_seq(&hook->queue) != 0) {
        run(hook);
    } else if (hook->scanned - hook->saved >= SAVE_EVERY) {
        save(hook, hook->scanned);
    }
}

/* The turn of the loop. */

void ol_hooks_pump(struct ol_station *st, uint64_t now_ns)
{
    struct ol_hooks *h = &st->hooks;
    bool any = h->poke;

    if (st->stopping || st->ledger == NULL)
        return;
    for (unsigned k = 0; k < h->n; k++) {
        if (h->v[k].run != NULL)
            ol_hook_run_tick(h->v[k].run, now_ns);
        any = any || (h->v[k].retry_ns != 0 && now_ns >= h->v[k].retry_ns);
    }
    if (now_ns >= h->look_ns) {
        h->look_ns = now_ns + LOOK_NS;
        scan_folder(st);
        any = true;
    }
    if (!any)
        return;
    h->poke = false;
    h->turn++;
    for (unsigned k = 0; k < h->n; k++)
        serve(&h->v[(h->turn + k) % h->n], now_ns);
}

uint64_t ol_hooks_next_ns(const struct ol_station *st)
{
    const struct ol_hooks *h = &st->hooks;
    uint64_t at = h->look_ns;

    for (unsigned k = 0; k < h->n; k++) {
        const struct ol_hook *hook = &h->v[k];

        if (hook->run != NULL)
            at = OL_MIN(at, ol_hook_run_until(hook->run));
        else if (hook->retry_ns > ol_clock_ns())
            at = OL_MIN(at, hook->retry_ns);
    }
    return at;
}

void ol_hooks_stop(struct ol_station *st)
{
    for (unsigned k = 0; k < st->hooks.n; k++) {
        if (st->hooks.v[k].run != NULL)
            ol_hook_run_end(st->hooks.v[k].run);
        st->hooks.v[k].run = NULL;
    }
    st->hooks.running = 0;
}
