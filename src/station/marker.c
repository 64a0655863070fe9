/*
 * The restore marker.
 *
 *   DIR/marker   value, the restore it remembers, where the other file lies
 *   outside      value, the value before while it is being changed, and when
 *                DIR/marker was made ("-" once the station has ended)
 *
 * A new value goes outside first, beside the one before; then into the
 * directory; then the one before is dropped. A crash between two of these
 * leaves a directory that still agrees. Whatever does not agree is a copy;
 * what cannot be read cannot agree. A copy that is found gets a random name,
 * which stays, so that each line learns of it once (line.c).
 */
#include "station/marker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "station/text.h"

#define ROOTS_PLACE "/var/lib/openline-marker"
#define NONE "-"
#define MADE_TEXT 64u

/* Either file: three words behind their labels. */
struct mark {
    char value[OL_MARKER_HEX], second[OL_MARKER_HEX], third[OL_PATH_MAX];
};

static const char *const inside[] = {"value", "restored", "place"};
static const char *const outside[] = {"value", "before", "made"};

static bool is_value(const char *text)
{
    uint8_t bytes[16];

    return ol_text_unhex(bytes, sizeof(bytes), text);
}

/* The word behind a label, up to the end of its line. */
static bool word(const char **at, const char *label, char *out, size_t room)
{
    size_t n = strlen(label), len;

    if (strncmp(*at, label, n) != 0 || (*at)[n] != ' ')
        return false;
    *at += n + 1;
    len = strcspn(*at, "\n");
    if (len == 0 || len >= room || (*at)[len] != '\n')
        return false;
    memcpy(out, *at, len);
    out[len] = '\0';
    *at += len + 1;
    return true;
}

static bool parse(const char *text, const char *const labels[3],
                  struct mark *m)
{
    static const char title[] = "openline marker 1\n";

    if (strncmp(text, title, sizeof(title) - 1) != 0)
        return false;
    text += sizeof(title) - 1;
    return word(&text, labels[0], m->value, sizeof(m->value)) &&
           word(&text, labels[1], m->second, sizeof(m->second)) &&
           word(&text, labels[2], m->third, sizeof(m->third)) &&
           *text == '\0' && is_value(m->value) &&
           (strcmp(m->second, NONE) == 0 || is_value(m->second));
}

/* OL_ERR_MISSING, OL_ERR_CORRUPT, OL_ERR_IO (errno). */
static enum ol_err read_mark(const char *path, const char *const labels[3],
                             struct mark *m)
{
    enum ol_err err;
    char *text;
    size_t n;

    err = ol_file_read(path, 2 * OL_PATH_MAX, &text, &n);
    if (err != OL_OK)
        return err == OL_ERR_LONG ? OL_ERR_CORRUPT : err;
    if (strlen(text) != n || !parse(text, labels, m))
        err = OL_ERR_CORRUPT;
    free(text);
    return err;
}

static enum ol_err write_mark(const char *path, const char *const labels[3],
                              const struct mark *m)
{
    char text[OL_PATH_MAX + 256];

    if (!ol_text_put(text, sizeof(text),
                     "openline marker 1\n%s %s\n%s %s\n%s %s\n", labels[0],
                     m->value, labels[1], m->second, labels[2], m->third)) {
        errno = ENAMETOOLONG;
        return OL_ERR_IO;
    }
    return ol_file_write(path, 0600, OL_FILE_REPLACE, ol_span_str(text));
}

static bool own_path(const struct ol_marker *m, char out[OL_PATH_MAX])
{
    return ol_path(out, m->dir, "marker", NULL);
}

/* When DIR/marker was made: what no copy of it has in common with it. */
static void made(const struct ol_marker *m, char out[MADE_TEXT])
{
    char path[OL_PATH_MAX];
    struct statx st;

    ol_text_put(out, MADE_TEXT, NONE);
    if (own_path(m, path) &&
        statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME | STATX_INO,
              &st) == 0 &&
        (st.stx_mask & STATX_BTIME) != 0)
        ol_text_put(out, MADE_TEXT, "%llu.%lld.%09u",
                    (unsigned long long)st.stx_ino,
                    (long long)st.stx_btime.tv_sec, st.stx_btime.tv_nsec);
}

static void random_value(char out[OL_MARKER_HEX])
{
    uint8_t bytes[16];

    ol_os_random(bytes, sizeof(bytes));
    ol_text_hex(out, bytes, sizeof(bytes));
}

/* Places. */

/* Below the station's directory it would be copied with it. */
static bool lies_within(const char *folder, const char *dir)
{
    char real[PATH_MAX], top[PATH_MAX];
    size_t n;

    if (realpath(folder, real) == NULL || realpath(dir, top) == NULL)
        return true;
    n = strlen(top);
    return strncmp(real, top, n) == 0 && (real[n] == '/' || real[n] == '\0');
}

/* Candidate k's folder; false: there is none. */
static bool candidate(unsigned k, char out[OL_PATH_MAX])
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    switch (k) {
    case 0:
        return state != NULL && state[0] == '/' &&
               ol_path(out, state, "openline", NULL);
    case 1:
        return ol_text_put(out, OL_PATH_MAX, ROOTS_PLACE);
    default:
        return home != NULL && home[0] == '/' &&
               ol_path(out, home, ".local/state/openline", NULL);
    }
}

/* Writes the file outside where it is, or in the first place that takes it;
 * m->place is then where. */
static enum ol_err write_outside(struct ol_marker *m, const struct mark *o)
{
    char folder[OL_PATH_MAX], path[OL_PATH_MAX];
    enum ol_err err = OL_ERR_IO;

    if (m->place[0] != '\0' && write_mark(m->place, outside, o) == OL_OK)
        return OL_OK;
    for (unsigned k = 0; k < 3; k++) {
        if (!candidate(k, folder) || strchr(folder, '\n') != NULL ||
            ol_folder_make(folder, 0700) != OL_OK ||
            lies_within(folder, m->dir) ||
            !ol_path(path, folder, m->key, NULL))
            continue;
        err = write_mark(path, outside, o);
        if (err != OL_OK)
            continue;
        ol_text_put(m->place, sizeof(m->place), "%s", path);
        return OL_OK;
    }
    return err;
}

static enum ol_err write_inside(const struct ol_marker *m, const char *value)
{
    char path[OL_PATH_MAX];
    struct mark i;

    ol_text_put(i.value, sizeof(i.value), "%s", value);
    ol_text_put(i.second, sizeof(i.second), "%s",
                m->restored[0] ? m->restored : NONE);
    ol_text_put(i.third, sizeof(i.third), "%s", m->place[0] ? m->place : NONE);
    if (!own_path(m, path)) {
        errno = ENAMETOOLONG;
        return OL_ERR_IO;
    }
    return write_mark(path, inside, &i);
}

/* A new value on both sides; `before`: what the directory holds now, or NONE
 * when that is worth nothing. */
static enum ol_err change(struct ol_marker *m, const char *before,
                          bool stopped)
{
    struct mark o = {.third = NONE};
    char at[MADE_TEXT];
    enum ol_err err;

    random_value(o.value);
    ol_text_put(o.second, sizeof(o.second), "%s", before);
    err = write_outside(m, &o);
    if (err != OL_OK)
        return err;
    err = write_inside(m, o.value);
    if (err != OL_OK)
        return err;
    ol_text_put(m->value, sizeof(m->value), "%s", o.value);
    ol_text_put(o.second, sizeof(o.second), NONE);
    made(m, at);
    ol_text_put(o.third, sizeof(o.third), "%s", stopped ? NONE : at);
    return write_mark(m->place, outside, &o);
}

/* Comparing. */

static void start(struct ol_marker *m, const char *dir,
                  const uint8_t ed_pk[32])
{
    uint8_t hash[32];

    memset(m, 0, sizeof(*m));
    ol_text_put(m->dir, sizeof(m->dir), "%s", dir);
    ol_hash(hash, NULL, "openline marker 1", OL_SPAN(ed_pk, 32),
            OL_SPAN(NULL, 0));
    ol_text_hex(m->key, hash, 16);
}

static void found(struct ol_marker *m, const char *what, const char *path)
{
    m->found = true;
    ol_text_put(m->why, sizeof(m->why), "%.400s %s", path, what);
}

static void unguarded(struct ol_marker *m, enum ol_err err)
{
    int os = errno;

    m->unguarded = true;
    ol_text_put(m->why, sizeof(m->why), "no place outside of %.200s takes the "
                "restore marker (%s)", m->dir,
                err == OL_ERR_FULL ? "the disk is full" : strerror(os));
}

static void compare(struct ol_marker *m, const struct mark *i)
{
    struct mark o;
    char at[MADE_TEXT];

    switch (read_mark(m->place, outside, &o)) {
    case OL_OK:
        break;
    case OL_ERR_MISSING:
        found(m, "is missing: this machine, or this user, has not run it",
              m->place);
        return;
    case OL_ERR_CORRUPT:
        found(m, "is damaged", m->place);
        return;
    default:
        found(m, "cannot be read", m->place);
        return;
    }
    made(m, at);
    if (strcmp(o.value, i->value) != 0) {
        if (strcmp(o.second, i->value) != 0)
            found(m, "says that this directory has run since the copy was "
                  "made", m->place);
    } else if (strcmp(o.third, NONE) != 0 && strcmp(at, NONE) != 0 &&
               strcmp(o.third, at) != 0) {
        found(m, "says that the station was running when the copy was made",
              m->place);
    }
}

void ol_marker_look(struct ol_marker *m, const char *dir,
                    const uint8_t ed_pk[32])
{
    char path[OL_PATH_MAX];
    struct mark i;
    enum ol_err err;

    start(m, dir, ed_pk);
    if (!own_path(m, path))
        path[0] = '\0';
    err = read_mark(path, inside, &i);
    if (err != OL_OK) {
        found(m, err == OL_ERR_MISSING   ? "is missing"
                 : err == OL_ERR_CORRUPT ? "is damaged"
                                         : "cannot be read", path);
        return;
    }
    ol_text_put(m->value, sizeof(m->value), "%s", i.value);
    if (strcmp(i.second, NONE) != 0)
        ol_text_put(m->restored, sizeof(m->restored), "%s", i.second);
    if (strcmp(i.third, NONE) == 0) {
        m->unguarded = true;
        ol_text_put(m->why, sizeof(m->why), "no place outside of %.200s took "
                    "the restore marker", dir);
        return;
    }
    ol_text_put(m->place, sizeof(m->place), "%s", i.third);
    compare(m, &i);
}

/* Making, starting, renewing. */

int ol_marker_make(const char *dir, const uint8_t ed_pk[32],
                   char why[OL_WHY_MAX])
{
    struct ol_marker m;

    start(&m, dir, ed_pk);
    why[0] = '\0';
    if (change(&m, NONE, true) == OL_OK)
        return OL_EXIT_OK;
    m.place[0] = '\0';
    random_value(m.value);
    if (write_inside(&m, m.value) != OL_OK)
        return ol_fail_sys(why, "write the marker in", dir);
    return ol_fail(why, OL_EXIT_OK, "no place outside of %.200s takes the "
                   "restore marker, so a restored copy of it will not be "
                   "noticed at its start: give this user a home, or "
                   "XDG_STATE_HOME, that it can write", dir);
}

void ol_marker_boot(struct ol_marker *m, const char *dir,
                    const uint8_t ed_pk[32])
{
    enum ol_err err;

    ol_marker_look(m, dir, ed_pk);
    m->unguarded = false;
    if (m->found)
        random_value(m->restored);
    err = change(m, m->found || m->value[0] == '\0' ? NONE : m->value, false);
    if (err == OL_OK)
        return;
    if (!m->found) {
        unguarded(m, err);
        return;
    }
    /* It must be known at the next start too, whatever the place is worth. */
    m->unguarded = true;
    m->place[0] = '\0';
    random_value(m->value);
    (void)!write_inside(m, m->value);
}

enum ol_err ol_marker_renew(struct ol_marker *m, bool stopped)
{
    char path[OL_PATH_MAX];
    struct mark i, o;
    enum ol_err err;

    if (m->place[0] == '\0')
        return OL_OK;
    if (!own_path(m, path))
        return OL_ERR_IO;
    err = read_mark(path, inside, &i);
    if (err == OL_ERR_IO) /* which says nothing of anybody */
        return err;
    if (err != OL_OK || strcmp(i.value, m->value) != 0)
        return OL_ERR_FOREIGN;
    err = read_mark(m->place, outside, &o);
    if (err == OL_OK && strcmp(o.value, m->value) != 0 &&
        strcmp(o.second, m->value) != 0)
        return OL_ERR_FOREIGN;
    return change(m, m->value, stopped);
}
