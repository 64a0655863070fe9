/*
 * status --check: a line for each line, and an answer for scripts.
 *
 *   south: open; cable up, radio up; the peer sees open
 *   0 alarms are not acknowledged
 *
 * 0 only if every line is open; no line at all is no open line. The words are
 * for whoever reads the mail that a monitor sends.
 */
#include "cli/cli.h"

#include <string.h>

static void tell(const json_t *line)
{
    const json_t *c, *sees = json_object_get(line, "peer_sees");
    const char *state = ol_cli_str(line, "state", "unknown");
    char text[768], since[OL_CLI_TIME];
    size_t i, n = 0;

    text[0] = '\0';
    json_array_foreach(json_object_get(line, "channels"), i, c) {
        int more = snprintf(text + n, sizeof(text) - n, "%s%s %s",
                            i > 0 ? ", " : "; ", ol_cli_str(c, "name", "?"),
                            ol_cli_str(c, "state", "unknown"));

        n += more > 0 ? (size_t)more : 0;
        if (n >= sizeof(text))
            break; /* it is cut off */
    }
    ol_cli_time(line, "dark_since", "", since);
    ol_out_tinted(strcmp(state, "open") == 0 ? OL_GOOD : OL_BAD,
                  "%s: %s%s%s%s; the peer sees %s",
                  ol_cli_str(line, "peer", "?"), state,
                  *since ? " since " : "", since, text,
                  ol_cli_str(sees, "state", "unknown"));
}

int ol_status_check(const json_t *status, bool silent)
{
    const json_t *lines = json_object_get(status, "lines"), *line;
    const json_t *alarms = json_object_get(status, "alarms");
    int answer = json_array_size(lines) > 0 ? OL_EXIT_DONE : OL_EXIT_FAILED;
    size_t i;

    json_array_foreach(lines, i, line) {
        if (strcmp(ol_cli_str(line, "state", "unknown"), "open") != 0)
            answer = OL_EXIT_FAILED;
        if (!silent)
            tell(line);
    }
    if (!silent && json_array_size(lines) == 0)
        ol_out_line("there is no line");
    if (!silent && json_is_object(alarms))
        ol_out_line("%llu alarm%s not acknowledged",
                    (unsigned long long)ol_cli_count(alarms,
                                                     "unacknowledged"),
                    ol_cli_count(alarms, "unacknowledged") == 1 ? " is"
                                                                : "s are");
    return answer;
}
