/*
 * doctor: findings about the directory, and the verb itself.
 *
 * A station that runs is asked over its socket and answers for both halves;
 * without one the directory is looked through here, the ledger opened and the
 * ports tried.
 */
#include "station/doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "station/client.h"
#include "station/clock.h"
#include "station/hooks.h"
#include "station/methods.h"

void ol_finding(struct ol_findings *f, const char *peer, const char *channel,
                enum ol_severity severity, const char *fmt, ...)
{
    static const char *const names[] = {"ok", "note", "fault"};
    char text[OL_WHY_MAX], *act;
    va_list ap;

    if (f->only != NULL && peer != NULL && strcmp(f->only, peer) != 0)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    act = strchr(text, '|');
    if (act != NULL)
        *act++ = '\0';
    json_array_append_new(
        f->list,
        json_pack("{s:o,s:o,s:s,s:s,s:o}", "peer",
                  peer ? json_string(peer) : json_null(), "channel",
                  channel ? json_string(channel) : json_null(), "severity",
                  names[severity], "what", text, "do",
                  act && *act ? json_string(act) : json_null()));
    f->fault = f->fault || severity == OL_FINDING_FAULT;
}

void ol_finding_bearer(struct ol_findings *f, const char *peer,
                       const char *channel, const struct ol_bearer_status *b)
{
    const char *act = strstr(b->state, ": ");

    ol_finding(f, peer, channel, OL_FINDING_FAULT, "%.*s|%s",
               (int)(act ? act - b->state : 159), b->state,
               act ? act + 2 : "check the address in lines.d and the network");
}

bool ol_bearer_complains(const struct ol_bearer_status *b)
{
    return b->last_err != OL_OK && strstr(b->state, ": ") != NULL;
}

void ol_finding_why(struct ol_findings *f, const char *peer, const char *why)
{
    const char *colon = NULL;

    for (const char *at = why; (at = strstr(at, ": ")) != NULL; at += 2)
        colon = at;
    if (colon == NULL)
        ol_finding(f, peer, NULL, OL_FINDING_FAULT, "%s|", why);
    else
        ol_finding(f, peer, NULL, OL_FINDING_FAULT, "%.*s|%s",
                   (int)(colon - why), why, colon + 2);
}

void ol_doctor_marker(struct ol_findings *f, const struct ol_marker *m,
                      bool copied)
{
    if (copied)
        ol_finding(f, NULL, NULL, OL_FINDING_FAULT, "another copy of this "
                   "directory has been started, or this one was overwritten|"
                   "stop one of the two now: both speak with one identity");
    if (m->found)
        ol_finding(f, NULL, NULL, OL_FINDING_NOTE, "this directory is a "
                   "restored copy: %s|make sure that no other copy of it "
                   "runs; what was said since the copy was made comes back "
                   "from the peers", m->why);
    else if (m->unguarded)
        ol_finding(f, NULL, NULL, OL_FINDING_NOTE, "%s, so a restored copy "
                   "would not be noticed at its start|give this user a home, "
                   "or XDG_STATE_HOME, that it can write, and start the "
                   "station again", m->why);
}

static void one_line(struct ol_findings *f, const char *dir,
                     const struct ol_conf_station *conf,
                     const struct ol_keys *keys, const char *peer)
{
    struct ol_conf_line line;
    struct ol_pair pair;
    char why[OL_WHY_MAX];
    int status = ol_conf_line_read(dir, peer, &line, why);

    if (status != OL_EXIT_OK) {
        ol_finding_why(f, peer, why);
        return;
    }
    status = ol_pair_load(dir, keys, conf, &line, &pair, why);
    ol_wipe(&pair, sizeof(pair));
    if (status != OL_EXIT_OK)
        ol_finding(f, peer, NULL, OL_FINDING_FAULT, "the line is unpaired: "
                   "%s|'openline pair CARD' with the card that %s made for "
                   "%s", why, peer, conf->name);
}

static void lines(struct ol_findings *f, const char *dir,
                  const struct ol_conf_station *conf,
                  const struct ol_keys *keys)
{
    char names[OL_LINES_MAX][33], path[OL_PATH_MAX], file[48];
    int n;

    if (!ol_path(path, dir, "lines.d", NULL))
        return;
    n = ol_folder_list(path, ".conf", names, OL_LINES_MAX);
    for (int k = 0; k < n; k++)
        if (f->only == NULL || strcmp(f->only, names[k]) == 0)
            one_line(f, dir, conf, keys, names[k]);
    if (n <= 0)
        ol_finding(f, NULL, NULL, OL_FINDING_NOTE, "there is no line yet|"
                   "'openline card PEER' makes our card for a peer, "
                   "'openline pair CARD' takes theirs");
    if (!ol_path(path, dir, "cards", NULL))
        return;
    n = ol_folder_list(path, ".card", names, OL_LINES_MAX);
    for (int k = 0; k < n; k++) {
        ol_text_put(file, sizeof(file), "%s.conf", names[k]);
        if (ol_path(path, dir, "lines.d", file) && !ol_file_exists(path))
            ol_finding(f, names[k], NULL, OL_FINDING_NOTE, "%s has our card, "
                       "and we have none of theirs|'openline pair CARD' with "
                       "the card that %s made for %s", names[k], names[k],
                       conf->name);
    }
}

/* What protects the keys on the disk. */
static void at_rest(struct ol_findings *f, const struct ol_keys *keys)
{
    if (keys->vault.sealed)
        ol_finding(f, NULL, NULL, OL_FINDING_OK, "a passphrase protects the "
                   "keys and, through them, the ledger|");
    else
        ol_finding(f, NULL, NULL, OL_FINDING_OK, "only the files' mode "
                   "protects the keys: a stolen disk is a stolen station|"
                   "'openline passphrase' seals them, while the station does "
                   "not run");
}

bool ol_doctor_directory(struct ol_findings *f, const char *dir,
                         const struct ol_station *st, struct ol_keys **opened)
{
    struct ol_conf_station conf;
    const struct ol_keys *keys = st ? st->keys : NULL;
    char why[OL_WHY_MAX];

    /* A station that runs has its keys open; without one they are opened. */
    OL_CHECK((st == NULL) == (opened != NULL));
    ol_doctor_files(f, dir);
    ol_doctor_disk(f, dir, st);
    ol_doctor_hooks(f, dir, st);
    if (ol_conf_station_read(dir, &conf, why) != OL_EXIT_OK) {
        ol_finding_why(f, NULL, why);
        return false;
    }
    if ((st ? ol_keys_check(dir, keys, why)
            : ol_keys_open(dir, opened, why)) != OL_EXIT_OK) {
        ol_finding_why(f, NULL, why);
        return false;
    }
    if (st == NULL)
        keys = *opened;
    at_rest(f, keys);
    if (st != NULL)
        ol_doctor_clock(f, ol_doctor_newest(st->ledger));
    lines(f, dir, &conf, keys);
    return true;
}

void ol_method_doctor(struct ol_request *rq)
{
    struct ol_findings f = {.only = ol_param(rq, "peer")};
    struct ol_station_line *line;

    if (!ol_method_peer(rq, &line))
        return;
    f.list = json_array();
    if (f.list != NULL && ol_doctor_directory(&f, rq->st->dir, rq->st, NULL))
        ol_doctor_live(&f, rq->st);
    ol_reply(rq, f.list);
}

/* Without a running station. */

/* Reads it through and changes nothing, not even an older one; gives the time
 * of the newest thing in it. */
static uint64_t try_ledger(struct ol_findings *f, const char *dir)
{
    uint64_t newest_ms = 0;
    char path[OL_PATH_MAX], lock[OL_PATH_MAX], why[256] = "";
    char words[OL_WHY_MAX];
    int fd;

    /* A station that never ran has none, and none is made here. */
    if (!ol_path(path, dir, "ledger.db", NULL) ||
        !ol_path(lock, dir, "ledger.db.lock", NULL) ||
        (!ol_file_exists(path) && !ol_file_exists(lock)) ||
        ol_dir_lock(dir, &fd, words) != OL_EXIT_OK)
        return 0;
    if (ol_sqlite_check(path, &newest_ms, why) == OL_OK)
        ol_finding(f, NULL, NULL, OL_FINDING_OK, "the ledger holds|");
    else
        ol_finding_why(f, NULL, why); /* it says what to do itself */
    close(fd);
    return newest_ms;
}

static void look(struct ol_findings *f, const char *dir)
{
    struct ol_keys *keys = NULL;
    struct ol_marker m;

    if (ol_doctor_directory(f, dir, NULL, &keys)) {
        ol_marker_look(&m, dir, keys->id.ed_pk);
        ol_doctor_marker(f, &m, false);
        ol_doctor_clock(f, try_ledger(f, dir));
        ol_doctor_away(f, dir);
    }
    ol_keys_close(keys);
    ol_finding(f, NULL, NULL, OL_FINDING_NOTE, "the station is not running|"
               "'openline run' starts it; only then does it show who answers");
}

static bool any_fault(const json_t *list)
{
    size_t k;
    json_t *one;

    json_array_foreach((json_t *)list, k, one) {
        const char *s = json_string_value(json_object_get(one, "severity"));

        if (s != NULL && strcmp(s, "fault") == 0)
            return true;
    }
    return false;
}

static bool known(const char *dir, const char *peer)
{
    char path[OL_PATH_MAX], file[48];
    static const char *const where[][2] = {{"lines.d", "conf"},
                                           {"cards", "card"}};

    if (!ol_station_name_ok(ol_span_str(peer)))
        return false;
    for (size_t k = 0; k < OL_LEN(where); k++) {
        ol_text_put(file, sizeof(file), "%s.%s", peer, where[k][1]);
        if (ol_path(path, dir, where[k][0], file) && ol_file_exists(path))
            return true;
    }
    return false;
}

int ol_station_doctor(const char *dir, const char *peer,
                      struct ol_writer *json, char why[OL_WHY_MAX])
{
    struct ol_findings f = {.only = peer};
    json_t *params = peer ? json_pack("{s:s}", "peer", peer) : NULL;
    char *text;
    int status;

    if (peer != NULL && !known(dir, peer)) {
        json_decref(params);
        return ol_fail(why, OL_EXIT_MISSING, "no line with %.64s: 'openline "
                       "pair CARD' makes one", peer);
    }
    status = ol_client_call(dir, "doctor", params, &f.list, why);
    if (status == OL_EXIT_NOT_RUNNING) {
        f.list = json_array();
        look(&f, dir);
    } else if (status != OL_EXIT_OK) {
        return status;
    }
    text = json_dumps(f.list, JSON_COMPACT);
    status = any_fault(f.list) ? ol_fail(why, OL_EXIT_FAILED, "something is "
                                         "wrong: see what is marked as fault")
                               : OL_EXIT_OK;
    json_decref(f.list);
    if (text == NULL)
        return ol_fail(why, OL_EXIT_FAILED, "no memory");
    ol_write_bytes(json, ol_span_str(text));
    free(text);
    if (json->failed)
        return ol_fail(why, OL_EXIT_FAILED, "too many findings to show: ask "
                       "for one line");
    return status;
}
