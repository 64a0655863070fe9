/*
 * doctor, without a running station: do its ports and channels get through.
 *
 * The bearers themselves are opened for a few seconds, all at once, and asked
 * what became of them: so the words are the same as those of a station that
 * runs. Nothing is sent but, over udp, one byte that no station answers, so
 * that a machine or a router can refuse it. What only a knock can tell stays
 * unknown.
 */
#include <stdlib.h>
#include <string.h>

#include "station/clock.h"
#include "station/doctor.h"

#define PATIENCE_NS (6 * OL_NS_PER_S)
#define REFUSAL_NS (3 * OL_NS_PER_S / 2) /* a refusal takes a round trip */

struct trial {
    struct ol_bearer *bearer;
    bool up;
    uint64_t sent_ns; /* udp: when its byte was sent */
    char peer[OL_STATION_MAX + 1];
    struct ol_conf_channel conf;
};

static void on_packet(void *arg, struct ol_bearer *bearer,
                      const struct ol_addr *from, struct ol_span packet,
                      uint64_t file)
{
    (void)arg, (void)bearer, (void)from, (void)packet, (void)file;
}

static void on_changed(void *arg, struct ol_bearer *bearer,
                       const struct ol_addr *from, const struct ol_chan *chan)
{
    static const struct ol_addr there = {0};
    struct trial *t = arg;

    if (t == NULL || (from != NULL && from->len != 0))
        return;
    t->up = chan->up;
    if (!chan->up || bearer->ops->kind != OL_CHAN_DATAGRAM || t->sent_ns != 0)
        return;
    t->sent_ns = ol_clock_ns();
    (void)bearer->ops->send(bearer, &there, OL_SPAN("", 1), true);
}

static const struct ol_bearer_events events = {on_packet, on_changed};

/* Every dialled channel of every line, or of one peer. NULL: none. */
static struct trial *gather(const char *dir, const char *only, unsigned *n)
{
    char names[OL_LINES_MAX][33], path[OL_PATH_MAX], why[OL_WHY_MAX];
    struct trial *list = NULL, *more;
    struct ol_conf_line line;
    int lines;

    *n = 0;
    if (!ol_path(path, dir, "lines.d", NULL))
        return NULL;
    lines = ol_folder_list(path, ".conf", names, OL_LINES_MAX);
    for (int k = 0; k < lines; k++) {
        if ((only != NULL && strcmp(only, names[k]) != 0) ||
            ol_conf_line_read(dir, names[k], &line, why) != OL_EXIT_OK)
            continue;
        more = reallocarray(list, *n + line.n_channels + 1, sizeof(*list));
        if (more == NULL)
            break;
        list = more;
        for (unsigned c = 0; c < line.n_channels; c++) {
            struct trial *t = &list[*n];

            if (line.channels[c].url[0] == '\0')
                continue;
            memset(t, 0, sizeof(*t));
            ol_text_put(t->peer, sizeof(t->peer), "%s", names[k]);
            t->conf = line.channels[c];
            ++*n;
        }
    }
    return list;
}

/* Is its fate known: it got through, or it failed. */
static bool known(const struct trial *t)
{
    struct ol_bearer_status b;

    if (t->bearer == NULL)
        return true;
    t->bearer->ops->status(t->bearer, &b);
    if (t->up && t->sent_ns != 0)
        return ol_bearer_complains(&b) ||
               ol_clock_ns() - t->sent_ns > REFUSAL_NS;
    return t->up || b.last_err != OL_OK;
}

static void judge(struct ol_findings *f, const struct trial *t)
{
    struct ol_bearer_status b;

    if (t->bearer == NULL)
        return;
    t->bearer->ops->status(t->bearer, &b);
    if (t->up && !ol_bearer_complains(&b))
        ol_finding(f, t->peer, t->conf.name, OL_FINDING_OK, "%s|", b.state);
    else
        ol_finding_bearer(f, t->peer, t->conf.name, &b);
}

static void on_late(uv_timer_t *timer)
{
    (void)timer; /* only so that the loop turns */
}

/* The timer is the caller's: its end takes another turn of the loop. */
static void wait_for(uv_loop_t *loop, uv_timer_t *timer,
                     const struct trial *list, unsigned n)
{
    uint64_t until_ns = ol_clock_ns() + PATIENCE_NS;
    bool all = false;

    if (uv_timer_init(loop, timer) != 0)
        return;
    (void)uv_timer_start(timer, on_late, 0, 50);
    while (!all && ol_clock_ns() < until_ns) {
        (void)uv_run(loop, UV_RUN_ONCE);
        all = true;
        for (unsigned k = 0; k < n; k++)
            all = all && known(&list[k]);
    }
    uv_close((uv_handle_t *)timer, NULL);
}

static void try_listeners(struct ol_findings *f, uv_loop_t *loop,
                          const struct ol_conf_station *conf)
{
    struct ol_bearer *b;
    char why[160] = "";

    for (unsigned k = 0; k < conf->n_listen; k++) {
        if (ol_bearer_listen(&b, loop, conf->listen[k], &events, NULL, why) ==
            OL_OK)
            b->ops->close(b);
        else
            ol_finding(f, NULL, NULL, OL_FINDING_FAULT, "cannot listen on "
                       "%s: %s|end what uses it, or take another port",
                       conf->listen[k], why);
    }
}

void ol_doctor_away(struct ol_findings *f, const char *dir)
{
    struct ol_conf_station conf;
    char words[OL_WHY_MAX], why[160];
    struct trial *list;
    /* A resolver that hangs may still speak of it when we are done. */
    static uv_loop_t loop;
    uv_timer_t timer;
    unsigned n;

    if (ol_conf_station_read(dir, &conf, words) != OL_EXIT_OK ||
        uv_loop_init(&loop) != 0)
        return;
    try_listeners(f, &loop, &conf);
    list = gather(dir, f->only, &n);
    for (unsigned k = 0; k < n; k++) {
        const struct ol_way way = {list[k].conf.url, list[k].conf.proxy};

        if (ol_bearer_open(&list[k].bearer, &loop, &way, &events, &list[k],
                           why) == OL_OK)
            continue;
        list[k].bearer = NULL;
        ol_finding(f, list[k].peer, list[k].conf.name, OL_FINDING_FAULT,
                   "%s|check lines.d/%s.conf", why, list[k].peer);
    }
    if (n > 0)
        wait_for(&loop, &timer, list, n);
    for (unsigned k = 0; k < n; k++) {
        judge(f, &list[k]);
        if (list[k].bearer != NULL)
            list[k].bearer->ops->close(list[k].bearer);
    }
    for (unsigned k = 0; k < 1000 && uv_loop_close(&loop) == UV_EBUSY; k++)
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    free(list);
}
