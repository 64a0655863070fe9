/*
 * A bed for tests: folders that go away, stations in processes of their own.
 *
 * Ports are taken from the kernel before, so that tests may run side by side.
 * Everything that is asked of a station goes over its control socket.
 */
#ifndef OL_STATION_BED_H
#define OL_STATION_BED_H

#include <arpa/inet.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "station/client.h"
#include "station/file.h"
#include "station/text.h"

struct bed {
    char base[32];
};

struct bed_station {
    char dir[72], name[33];
    int port;
    pid_t pid; /* 0: does not run */
};

static int bed_remove(const char *path, const struct stat *st, int flag,
                      struct FTW *at)
{
    (void)st, (void)flag, (void)at;
    return remove(path);
}

static inline void bed_open(struct bed *b)
{
    char state[64];

    strcpy(b->base, "/tmp/ol-test-XXXXXX");
    assert_non_null(mkdtemp(b->base));
    /* Restore markers go with the bed. */
    snprintf(state, sizeof(state), "%s/state", b->base);
    assert_int_equal(setenv("XDG_STATE_HOME", state, 1), 0);
}

static inline void bed_close(struct bed *b)
{
    nftw(b->base, bed_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void bed_write(const char *dir, const char *file,
                             const char *text)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, file);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* A port that is free for tcp and udp at this moment. */
static inline int bed_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t n = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    close(fd);
    return ntohs(at.sin_port);
}

static inline void bed_init(struct bed *b, struct bed_station *s,
                            const char *name)
{
    char why[OL_WHY_MAX], conf[512];

    memset(s, 0, sizeof(*s));
    snprintf(s->dir, sizeof(s->dir), "%s/%s", b->base, name);
    snprintf(s->name, sizeof(s->name), "%s", name);
    s->port = bed_port();
    if (ol_station_init(s->dir, name, why) != 0)
        fail_msg("init: %s", why);
    snprintf(conf, sizeof(conf),
             "[station]\nname = %s\nlisten = tcp://127.0.0.1:%d\n"
             "listen = udp://127.0.0.1:%d\n"
             "reach = cable tcp://127.0.0.1:%d\n"
             "reach = radio udp://127.0.0.1:%d\n", name, s->port, s->port,
             s->port, s->port);
    bed_write(s->dir, "station.conf", conf);
}

static inline void bed_pair(struct bed_station *taker,
                            struct bed_station *giver)
{
    static char text[16384];
    struct ol_pairing pairing;
    struct ol_writer w;
    char why[OL_WHY_MAX];

    ol_writer_init(&w, text, sizeof(text));
    if (ol_station_card(giver->dir, taker->name, false, &w, why) != 0)
        fail_msg("card: %s", why);
    if (ol_station_pair(taker->dir, ol_writer_span(&w), &pairing, why) != 0)
        fail_msg("pair: %s", why);
}

static inline void bed_pause(unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000,
                         .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

static inline void bed_start(struct bed_station *s)
{
    char why[OL_WHY_MAX] = "";
    json_t *result = NULL;

    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        struct ol_run_opts opts = {.dir = s->dir};
        int status;

        if (getenv("OPENLINE_LOUD") == NULL)
            (void)!freopen("/dev/null", "w", stderr);
        status = ol_station_run(&opts, why);
        _exit(status);
    }
    for (unsigned k = 0; k < 500; k++) {
        if (ol_client_call(s->dir, "status", NULL, &result, why) == 0) {
            json_decref(result);
            return;
        }
        bed_pause(20);
    }
    fail_msg("%s does not answer: %s", s->name, why);
}

/* The exit status. */
static inline int bed_stop(struct bed_station *s, int signal)
{
    int status = -1;

    if (s->pid == 0)
        return 0;
    kill(s->pid, signal);
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    s->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* The caller's. params is consumed. */
static inline json_t *bed_ask(struct bed_station *s, const char *method,
                              json_t *params)
{
    char why[OL_WHY_MAX] = "";
    json_t *result = NULL;

    if (ol_client_call(s->dir, method, params, &result, why) != 0)
        fail_msg("%s: %s: %s", s->name, method, why);
    return result;
}

/* Must be refused with this status and these words among others. */
static inline void bed_refused(struct bed_station *s, const char *method,
                               json_t *params, int status, const char *words)
{
    char why[OL_WHY_MAX] = "";
    json_t *result = NULL;
    int got = ol_client_call(s->dir, method, params, &result, why);

    json_decref(result);
    if (got != status || strstr(why, words) == NULL)
        fail_msg("%s: %s: %d, %s", s->name, method, got, why);
}

/* A string member, "" for anything else; until the next call. */
static inline const char *bed_text(const json_t *doc, const char *key)
{
    const char *text = json_string_value(json_object_get(doc, key));

    return text ? text : "";
}

static inline void bed_state(struct bed_station *s, const char *wanted)
{
    char seen[32] = "";

    for (unsigned k = 0; k < 1000; k++) {
        json_t *doc = bed_ask(s, "status", NULL);
        json_t *line = json_array_get(json_object_get(doc, "lines"), 0);
        bool there = strcmp(bed_text(line, "state"), wanted) == 0;

        snprintf(seen, sizeof(seen), "%s", bed_text(line, "state"));
        json_decref(doc);
        if (there)
            return;
        bed_pause(20);
    }
    fail_msg("%s: the line is %s, not %s", s->name, seen, wanted);
}

#endif
