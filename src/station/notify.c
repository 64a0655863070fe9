/*
 * Words to the service manager: one datagram each. Whatever fails is not our
 * affair: a manager that does not hear acts by its own rules.
 */
#include "station/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"
#include "station/text.h"

void ol_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = path ? strlen(path) : 0;
    int fd;

    if (n < 2 || n >= sizeof(to.sun_path) ||
        (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(to.sun_path, path, n);
    if (path[0] == '@') /* the abstract namespace */
        to.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    while (sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
                  (struct sockaddr *)&to,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) <
               0 &&
           errno == EINTR)
        ;
    close(fd);
}

void ol_notify_reloading(void)
{
    struct timespec t;
    char text[80];

    clock_gettime(CLOCK_MONOTONIC, &t);
    ol_text_put(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
                (unsigned long long)t.tv_sec * 1000000ull +
                    (unsigned long long)t.tv_nsec / 1000ull);
    ol_notify(text);
}

uint64_t ol_notify_watchdog_ns(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    char *end;
    unsigned long long v;

    if (usec == NULL || getenv("NOTIFY_SOCKET") == NULL)
        return 0;
    if (pid != NULL && strtol(pid, NULL, 10) != (long)getpid())
        return 0;
    errno = 0;
    v = strtoull(usec, &end, 10);
    if (errno != 0 || *end != '\0' || v == 0 || v > UINT64_MAX / 1000)
        return 0;
    return (uint64_t)v * OL_NS_PER_US / 2;
}
