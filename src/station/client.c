/*
 * The other end of the control socket.
 *
 * Connect, write one line, read one line. Nobody there is no error of ours:
 * 5, and the caller goes on without. Everything else that goes wrong is 1.
 */
#include "station/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "station/text.h"

#define ANSWER_MAX (4u * 1024 * 1024)
#define WAIT_S 20

/* A directory may lie deeper than a socket's name may be long: its
 * descriptor names it in few bytes. */
static int dial(const char *dir)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct timeval wait = {.tv_sec = WAIT_S};
    int folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), fd;

    if (folder < 0)
        return -1;
    ol_text_put(to.sun_path, sizeof(to.sun_path),
                "/proc/self/fd/%d/control.sock", folder);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait,
                               sizeof(wait)) != 0 ||
                    connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)) {
        close(fd);
        fd = -1;
    }
    close(folder);
    return fd;
}

static bool tell(int fd, const char *text)
{
    size_t n = strlen(text), sent = 0;

    while (sent < n) {
        ssize_t w = send(fd, text + sent, n - sent, MSG_NOSIGNAL);

        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return false;
        sent += (size_t)w;
    }
    return true;
}

/* One line; NULL when the other end went away or is silent. */
static char *hear(int fd, size_t *len)
{
    size_t room = 0, n = 0;
    char *text = NULL;

    for (;;) {
        char *end, *more;
        ssize_t r;

        if (n == room) {
            room = room ? 2 * room : 4096;
            more = room > ANSWER_MAX ? NULL : realloc(text, room);
            if (more == NULL)
                break;
            text = more;
        }
        r = recv(fd, text + n, room - n, 0);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            break;
        end = memchr(text + n, '\n', (size_t)r);
        n += (size_t)r;
        if (end != NULL) {
            *len = (size_t)(end - text);
            return text;
        }
    }
    free(text);
    return NULL;
}

static int judge(const char *text, size_t n, json_t **result,
                 char why[OL_WHY_MAX])
{
    json_t *answer = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
    json_t *error = json_object_get(answer, "error");
    json_t *value = json_object_get(answer, "result");
    int status = OL_EXIT_OK;

    if (error != NULL)
        status = ol_fail(why, (int)json_integer_value(
                                  json_object_get(error, "code")), "%s",
                         json_string_value(json_object_get(error,
                                                           "message")));
    else if (value == NULL)
        status = ol_fail(why, OL_EXIT_FAILED, "the station gave no answer "
                         "that is one: look at its log");
    else
        *result = json_incref(value);
    json_decref(answer);
    return status;
}

int ol_client_call(const char *dir, const char *method, json_t *params,
                   json_t **result, char why[OL_WHY_MAX])
{
    json_t *request = json_pack("{s:s,s:i,s:s,s:o*}", "jsonrpc", "2.0", "id",
                                1, "method", method, "params", params);
    char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
    char *answer = NULL;
    size_t n = 0;
    int status, fd = text ? dial(dir) : -1;

    json_decref(request);
    if (fd >= 0 && tell(fd, text) && tell(fd, "\n"))
        answer = hear(fd, &n);
    if (fd < 0)
        status = ol_fail(why, OL_EXIT_NOT_RUNNING,
                         "the station in %s is not running: 'openline run'",
                         dir);
    else if (answer == NULL)
        status = ol_fail(why, OL_EXIT_FAILED, "the station in %s does not "
                         "answer: look at its log", dir);
    else
        status = judge(answer, n, result, why);
    free(text);
    free(answer);
    if (fd >= 0)
        close(fd);
    return status;
}
