/*
 * Bearers: the station's listeners, and each line's dialled channels.
 *
 * A packet on a dialled channel is that line's. A packet on a listener is for
 * the line that claims it; if none does, it is a stranger's and gets silence.
 * The address that goes into the core is the bearer's own with one byte in
 * front that says which bearer: a listener's slot, or 0x80 and a channel.
 */
#include <string.h>

#include "base/check.h"
#include "station/clock.h"
#include "station/log.h"
#include "station/station.h"

#define OF_CHANNEL 0x80u

static void wrap(struct ol_addr *out, const struct ol_port *port,
                 const struct ol_addr *in)
{
    memset(out, 0, sizeof(*out));
    if (in == NULL || in->len == 0)
        return;
    OL_CHECK(in->len < OL_ADDR_MAX);
    out->len = (uint8_t)(in->len + 1);
    out->b[0] = (uint8_t)(port->line ? OF_CHANNEL | port->number
                                     : port->number);
    memcpy(out->b + 1, in->b, in->len);
}

/* The bearer that an address of the core belongs to, and what it calls it. */
static struct ol_port *unwrap(struct ol_station_line *line,
                              const struct ol_addr *in, struct ol_addr *out)
{
    unsigned number = in->b[0] & ~OF_CHANNEL;

    memset(out, 0, sizeof(*out));
    out->len = (uint8_t)(in->len - 1);
    memcpy(out->b, in->b + 1, out->len);
    if (in->b[0] & OF_CHANNEL)
        return number < OL_CHAN_MAX ? &line->ports[number] : NULL;
    return number < OL_LISTEN_MAX ? &line->st->listeners[number] : NULL;
}

/* Packets. */

static bool same(const struct ol_addr *a, const struct ol_addr *b)
{
    return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

static bool has_heard(const struct ol_station_line *line,
                      const struct ol_addr *from)
{
    for (unsigned k = 0; k < OL_HEARD_MAX; k++)
        if (same(&line->heard[k], from))
            return true;
    return false;
}

/* It authenticated: the connection stays, and the line hears of its end. */
static void trust(struct ol_port *port, struct ol_station_line *line,
                  const struct ol_addr *from, const struct ol_addr *wrapped)
{
    if (port->bearer != NULL && port->bearer->ops->trust != NULL)
        port->bearer->ops->trust(port->bearer, from);
    if (has_heard(line, wrapped))
        return;
    line->heard[line->heard_next] = *wrapped;
    line->heard_next = (line->heard_next + 1) % OL_HEARD_MAX;
}

static void listened(struct ol_port *port, const struct ol_addr *from,
                     struct ol_span packet)
{
    struct ol_station *st = port->st;
    struct ol_event ev = {.kind = OL_EV_FRAME, .bytes = packet,
                          .follows = port->bearer && port->bearer->follows};
    bool claimed = false;

    wrap(&ev.from, port, from);
    for (unsigned k = 0; k < st->n_lines; k++) {
        struct ol_station_line *line = st->lines[k];

        if (line->phase != OL_PHASE_RUN || line->core == NULL ||
            !ol_line_claims(line->core, packet, &ev.channel))
            continue;
        claimed = true;
        if (ol_station_step(line, &ev) == OL_OK) {
            trust(port, line, from, &ev.from);
            return;
        }
    }
    /* Frames of an epoch that is over come after every restart. */
    if (!claimed && packet.n > 0 && packet.p[0] >= OL_PACKET_KNOCK &&
        packet.p[0] <= OL_PACKET_BEHIND)
        port->strangers++;
}

static void on_packet(void *arg, struct ol_bearer *bearer,
                      const struct ol_addr *from, struct ol_span packet,
                      uint64_t file)
{
    struct ol_port *port = arg;
    struct ol_event ev = {.kind = OL_EV_FRAME, .channel = port->number,
                          .follows = bearer->follows, .bytes = packet};

    if (port->line == NULL) {
        listened(port, from, packet);
    } else if (file != 0) {
        ol_courier_packet(port, packet, file);
    } else {
        wrap(&ev.from, port, from);
        (void)ol_station_step(port->line, &ev);
    }
}

/* Changes. */

static void listener_changed(struct ol_port *port, struct ol_event *ev)
{
    struct ol_station *st = port->st;

    for (unsigned k = 0; k < st->n_lines; k++) {
        struct ol_station_line *line = st->lines[k];

        if (!has_heard(line, &ev->from))
            continue;
        for (unsigned c = 0; c < line->conf.n_channels; c++) {
            ev->channel = (uint16_t)c;
            (void)ol_station_step(line, ev);
        }
        for (unsigned h = 0; h < OL_HEARD_MAX && ev->chan->gone; h++)
            if (same(&line->heard[h], &ev->from))
                memset(&line->heard[h], 0, sizeof(line->heard[h]));
    }
}

static void on_changed(void *arg, struct ol_bearer *bearer,
                       const struct ol_addr *from, const struct ol_chan *chan)
{
    struct ol_port *port = arg;
    struct ol_event ev = {.kind = OL_EV_CHANNEL, .channel = port->number,
                          .chan = chan};

    (void)bearer;
    wrap(&ev.from, port, from);
    if (port->line == NULL) {
        /* Which of a line's channels a connection carries, only the core
         * knows. */
        if (ev.from.len > 0)
            listener_changed(port, &ev);
        return;
    }
    if (ev.from.len == 0) {
        port->chan = *chan;
        port->chan.too_big = false; /* news, not how it stands */
        port->told = true;
    }
    (void)ol_station_step(port->line, &ev);
}

static const struct ol_bearer_events events = {on_packet, on_changed};

/* Sending. */

void ol_bearers_send(struct ol_station_line *line, const struct ol_send *send)
{
    struct ol_addr to = {0};
    struct ol_port *port = send->channel < line->conf.n_channels
                               ? &line->ports[send->channel]
                               : NULL;

    if (send->to.len > 0)
        port = unwrap(line, &send->to, &to);
    if (port == NULL || port->bearer == NULL)
        return;
    /* What it does not take is lost, and the line repeats what matters. */
    (void)port->bearer->ops->send(port->bearer, &to, send->bytes, send->last);
}

/* A line's channels. */

static void dial(struct ol_station_line *line, unsigned k)
{
    const struct ol_conf_channel *conf = &line->conf.channels[k];
    struct ol_port *port = &line->ports[k];
    const struct ol_way way = {conf->url, conf->proxy};
    char why[160] = "";

    memset(port, 0, sizeof(*port));
    port->st = line->st;
    port->line = line;
    port->number = (uint8_t)k;
    if (conf->url[0] == '\0')
        return;
    ol_text_put(port->url, sizeof(port->url), "%s", conf->url);
    if (ol_bearer_open(&port->bearer, &line->st->loop, &way, &events, port,
                       why) != OL_OK) {
        port->bearer = NULL;
        ol_log(OL_LOG_FAULT, "line %s: channel %s: %s", line->conf.peer,
               conf->name, why);
    }
}

void ol_bearers_redial(struct ol_station_line *line, unsigned channel)
{
    struct ol_port *port = channel < line->conf.n_channels
                               ? &line->ports[channel]
                               : NULL;

    if (port == NULL || port->bearer == NULL)
        return;
    port->bearer->ops->close(port->bearer);
    dial(line, channel);
}

void ol_bearers_dial(struct ol_station_line *line)
{
    for (unsigned k = 0; k < line->conf.n_channels; k++)
        dial(line, k);
}

void ol_bearers_hang_up(struct ol_station_line *line)
{
    for (unsigned k = 0; k < OL_CHAN_MAX; k++) {
        struct ol_port *port = &line->ports[k];

        if (port->bearer != NULL)
            port->bearer->ops->close(port->bearer);
        port->bearer = NULL;
        port->told = false;
    }
}

void ol_bearers_tell(struct ol_station_line *line)
{
    for (unsigned k = 0; k < line->conf.n_channels; k++) {
        struct ol_event ev = {.kind = OL_EV_CHANNEL, .channel = (uint16_t)k,
                              .chan = &line->ports[k].chan};

        if (line->ports[k].told)
            (void)ol_station_step(line, &ev);
    }
}

void ol_bearers_doubt(struct ol_station_line *line, unsigned channel)
{
    struct ol_port *port = channel < line->conf.n_channels
                               ? &line->ports[channel]
                               : NULL;

    if (port == NULL || port->bearer == NULL)
        return;
    if (port->bearer->ops->kind == OL_CHAN_STREAM)
        ol_bearers_redial(line, channel);
    else if (port->bearer->ops->again != NULL)
        port->bearer->ops->again(port->bearer, true);
}

static void again(struct ol_station_line *line)
{
    for (unsigned k = 0; k < line->conf.n_channels; k++) {
        struct ol_port *port = &line->ports[k];
        struct ol_chan chan = port->chan;
        struct ol_event ev = {.kind = OL_EV_CHANNEL, .channel = (uint16_t)k,
                              .chan = &chan};

        if (port->bearer != NULL && port->bearer->ops->again != NULL)
            port->bearer->ops->again(port->bearer, false);
        chan.news = true;
        (void)ol_station_step(line, &ev);
    }
}

void ol_bearers_again(struct ol_station *st)
{
    for (unsigned k = 0; k < st->n_lines; k++)
        if (st->lines[k]->phase == OL_PHASE_RUN && st->lines[k]->core != NULL)
            again(st->lines[k]);
}

/* Listeners. */

#define LISTEN_AGAIN_NS (1 * OL_NS_PER_S)
#define RARELY_NS (60 * OL_NS_PER_S)

static void shut(struct ol_port *port)
{
    if (port->bearer != NULL)
        port->bearer->ops->close(port->bearer);
    port->bearer = NULL;
    port->url[0] = '\0';
}

static bool wanted(const struct ol_station *st, const char *url)
{
    for (unsigned k = 0; k < st->conf.n_listen; k++)
        if (strcmp(st->conf.listen[k], url) == 0)
            return true;
    return false;
}

static struct ol_port *slot_of(struct ol_station *st, const char *url)
{
    struct ol_port *free_slot = NULL;

    for (unsigned k = 0; k < OL_LISTEN_MAX; k++) {
        struct ol_port *port = &st->listeners[k];

        if (port->bearer != NULL && strcmp(port->url, url) == 0)
            return port;
        if (port->bearer == NULL && free_slot == NULL) {
            free_slot = port;
            port->number = (uint8_t)k;
        }
    }
    return free_slot;
}

int ol_bearers_listen(struct ol_station *st, char why[OL_WHY_MAX])
{
    char words[160] = "";
    enum ol_err err;

    st->listen_ns = OL_NEVER_NS;
    for (unsigned k = 0; k < OL_LISTEN_MAX; k++)
        if (st->listeners[k].bearer != NULL &&
            !wanted(st, st->listeners[k].url))
            shut(&st->listeners[k]);
    for (unsigned k = 0; k < st->conf.n_listen; k++) {
        struct ol_port *port = slot_of(st, st->conf.listen[k]);

        OL_CHECK(port != NULL); /* as many slots as lines in the file */
        if (port->bearer != NULL)
            continue;
        port->st = st;
        port->line = NULL;
        port->strangers = 0;
        ol_text_put(port->url, sizeof(port->url), "%s", st->conf.listen[k]);
        err = ol_bearer_listen(&port->bearer, &st->loop, port->url, &events,
                               port, words);
        if (err == OL_OK)
            continue;
        port->bearer = NULL;
        if (err == OL_ERR_DOWN) {
            /* No network yet, or no longer: it comes. */
            st->listen_ns = ol_clock_ns() + LISTEN_AGAIN_NS;
            ol_log_rarely(&st->said_listen_ns, RARELY_NS,
                          "%s: it is tried again until it has", words);
        } else {
            return ol_fail(why, OL_EXIT_FAILED, "cannot listen on %s: %s",
                           port->url, words);
        }
    }
    return OL_EXIT_OK;
}

void ol_bearers_pump(struct ol_station *st)
{
    char why[OL_WHY_MAX];

    if (ol_clock_ns() < st->listen_ns || st->stopping)
        return;
    if (ol_bearers_listen(st, why) == OL_EXIT_OK)
        return;
    st->listen_ns = ol_clock_ns() + LISTEN_AGAIN_NS;
    ol_log_rarely(&st->said_listen_ns, RARELY_NS, "%s", why);
}

bool ol_bearers_listening(const struct ol_station *st, const char *scheme)
{
    for (unsigned k = 0; k < st->conf.n_listen; k++)
        if (strncmp(st->conf.listen[k], scheme, strlen(scheme)) == 0)
            return true;
    return false;
}

void ol_bearers_close(struct ol_station *st)
{
    for (unsigned k = 0; k < OL_LISTEN_MAX; k++)
        shut(&st->listeners[k]);
}
