/*
 * The files of messages, for people: names, sizes, how far they are.
 *
 * `have` counts what lies on the receiver's disk; null is said to be unknown.
 * Names are the other side's words: the printing makes them harmless.
 */
#include "cli/files.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

/* What a state means to the one who reads it, on either side. */
static const char *state_of(const json_t *file, bool ours)
{
    const char *state = ol_cli_str(file, "state", "none");

    if (strcmp(state, "none") == 0)
        return ours ? "not here any more" : "not fetched";
    if (strcmp(state, "whole") == 0)
        return "here, and right";
    if (strcmp(state, "wanted") == 0)
        return "coming";
    if (strcmp(state, "damaged") == 0)
        return "DAMAGED, and removed: save it again";
    if (strcmp(state, "held") == 0)
        return "there, and right";
    if (strcmp(state, "declined") == 0)
        return ours ? "not wanted there" : "not wanted";
    return state; /* sending */
}

static unsigned percent(uint64_t have, uint64_t size)
{
    return size > 0 ? (unsigned)((double)have * 100 / (double)size) : 100;
}

static enum ol_tint tint_of(const json_t *file)
{
    const char *state = ol_cli_str(file, "state", "none");

    if (strcmp(state, "damaged") == 0)
        return OL_BAD;
    return strcmp(state, "whole") == 0 || strcmp(state, "held") == 0
               ? OL_GOOD
               : OL_PLAIN;
}

void ol_files_show(const json_t *message)
{
    const json_t *files = json_object_get(message, "attachments"), *f;
    bool ours = strcmp(ol_cli_str(message, "author", ""),
                       ol_cli_str(message, "line", "")) != 0;
    struct ol_table t;
    size_t k;

    if (json_array_size(files) == 0)
        return;
    ol_table_init(&t, 5);
    json_array_foreach(files, k, f) {
        const char *state = ol_cli_str(f, "state", "none");
        bool moving = strcmp(state, "wanted") == 0 ||
                      strcmp(state, "sending") == 0;
        char size[16], far[24] = "";

        ol_out_bytes(ol_cli_count(f, "size"), size);
        if (moving && json_is_integer(json_object_get(f, "have")))
            snprintf(far, sizeof(far), "%u %%",
                     percent(ol_cli_count(f, "have"),
                             ol_cli_count(f, "size")));
        ol_table_cell(&t, OL_STRONG, "%s", ol_cli_str(f, "name", "?"));
        ol_table_cell(&t, OL_PLAIN, "%s", size);
        ol_table_cell(&t, OL_FAINT, "%s", ol_cli_str(f, "type", ""));
        ol_table_cell(&t, tint_of(f), "%s", state_of(f, ours));
        ol_table_cell(&t, OL_PLAIN, "%s", far);
    }
    ol_table_print(&t, 2);
}

void ol_files_sum(const json_t *message, char out[OL_FILES_TEXT])
{
    const json_t *files = json_object_get(message, "attachments"), *f;
    uint64_t size = 0, have = 0;
    char all[16];
    size_t k, n = json_array_size(files);

    out[0] = '\0';
    json_array_foreach(files, k, f) {
        size += ol_cli_count(f, "size");
        have += ol_cli_count(f, "have");
    }
    ol_out_bytes(size, all);
    if (n > 0)
        snprintf(out, OL_FILES_TEXT, "%zu file%s, %s, %u %% here", n,
                 n == 1 ? "" : "s", all, percent(have, size));
}

static void moving(struct ol_table *t, const char *doing, const json_t *list)
{
    const json_t *f;
    size_t k;

    json_array_foreach(list, k, f) {
        bool known = json_is_integer(json_object_get(f, "have"));
        uint64_t have = ol_cli_count(f, "have");
        uint64_t size = ol_cli_count(f, "size");
        uint64_t rate = ol_cli_count(f, "rate");
        char all[16], far[24] = "how far is unknown", fast[24] = "", s[16];

        ol_out_bytes(size, all);
        ol_out_bytes(rate, s);
        if (known)
            snprintf(far, sizeof(far), "%u %%", percent(have, size));
        if (rate > 0)
            snprintf(fast, sizeof(fast), "%s/s", s);
        ol_table_cell(t, OL_FAINT, "%s", doing);
        ol_table_cell(t, OL_STRONG, "%s", ol_cli_str(f, "file", "?"));
        ol_table_cell(t, OL_PLAIN, "%s", ol_cli_str(f, "name", ""));
        ol_table_cell(t, OL_PLAIN, "%s", all);
        ol_table_cell(t, OL_PLAIN, "%s", far);
        ol_table_cell(t, OL_PLAIN, "%s", fast);
    }
}

void ol_files_moving(const json_t *line)
{
    const json_t *files = json_object_get(line, "attachments");
    struct ol_table t;

    if (json_is_true(json_object_get(files, "no_room")))
        ol_out_tinted(OL_WARN, "  warning: a file that is wanted does not "
                      "fit on the disk: make room");
    ol_table_init(&t, 6);
    moving(&t, "receiving", json_object_get(files, "receiving"));
    moving(&t, "sending", json_object_get(files, "sending"));
    ol_table_print(&t, 2);
}

void ol_files_event(const json_t *ev, char *out, size_t room)
{
    const char *state = ol_cli_str(ev, "state", "?");
    bool still = strcmp(state, "wanted") == 0 ||
                 strcmp(state, "sending") == 0;

    if (still)
        snprintf(out, room, "%s: %u %%", ol_cli_str(ev, "file", "?"),
                 percent(ol_cli_count(ev, "have"),
                         ol_cli_count(ev, "size")));
    else
        snprintf(out, room, "%s is %s", ol_cli_str(ev, "file", "?"), state);
}
