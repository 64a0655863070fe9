/*
 * station.conf and lines.d/PEER.conf, read strictly.
 *
 * One table per file says what each key takes (conf_ini.c reads it); the rows'
 * functions below check a value and put it in its place. Whatever does not
 * fit is refused with its line and what is allowed.
 */
#include "station/conf.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "port/channel.h"
#include "station/conf_asks.h"
#include "station/conf_ini.h"
#include "station/conf_people.h"
#include "station/file.h"
#include "station/text.h"
#include "wire/frame.h"

/* A url whose scheme is among those allowed ("tcp udp"). */
static bool url_ok(struct ol_ini *p, const char *url, const char *allowed,
                   char scheme[8])
{
    const char *found = NULL;
    char why[160] = "";

    if (strlen(url) > OL_URL_MAX)
        return ol_ini_fault(p, "an address of %zu bytes: at most %u",
                            strlen(url), OL_URL_MAX);
    if (ol_url_check(url, &found, why) != OL_OK)
        return ol_ini_fault(p, "%s", why);
    if (strstr(allowed, found) == NULL)
        return ol_ini_fault(p, "%s does not go here: allowed are %s", found,
                            allowed);
    ol_text_put(scheme, 8, "%s", found);
    return true;
}

static bool channel_name(struct ol_ini *p, const char *name)
{
    if (!ol_channel_name_ok(ol_span_str(name)))
        return ol_ini_fault(p, "\"%s\" is no channel name: 1 to %u of a-z, "
                            "0-9 and -, first a letter", name, OL_NAME_MAX);
    return true;
}

/* The word of a name; one that is not there is empty, and refused as that. */
static const char *name_word(char **rest)
{
    const char *name = ol_ini_word(rest);

    return name != NULL ? name : "";
}

/* station.conf */

static bool take_name(struct ol_ini *p, const char *value)
{
    struct ol_conf_station *c = p->out;

    if (!ol_station_name_ok(ol_span_str(value)))
        return ol_ini_fault(p, "\"%s\" is no station name: 1 to %u of a-z, 0-9 "
                            "and -, first a letter", value, OL_STATION_MAX);
    ol_text_put(c->name, sizeof(c->name), "%s", value);
    return true;
}

static bool take_listen(struct ol_ini *p, const char *value)
{
    struct ol_conf_station *c = p->out;
    char scheme[8];

    if (c->n_listen == OL_LISTEN_MAX)
        return ol_ini_fault(p, "too many listen lines: at most %u",
                            OL_LISTEN_MAX);
    if (!url_ok(p, value, "tcp udp", scheme))
        return false;
    for (unsigned k = 0; k < c->n_listen; k++)
        if (strcmp(c->listen[k], value) == 0)
            return ol_ini_fault(p, "listen = %s stands twice: remove one",
                                value);
    ol_text_put(c->listen[c->n_listen++], sizeof(c->listen[0]), "%s", value);
    return true;
}

static bool take_reach(struct ol_ini *p, const char *value)
{
    struct ol_conf_station *c = p->out;
    char text[OL_INI_LINE], scheme[8], *rest = text, *url;
    const char *name;

    ol_text_put(text, sizeof(text), "%s", value);
    name = name_word(&rest);
    url = ol_ini_word(&rest);
    if (!channel_name(p, name))
        return false;
    if (url == NULL || ol_ini_word(&rest) != NULL)
        return ol_ini_fault(p, "reach = NAME URL, as in: reach = cable "
                            "tcp://203.0.113.7:4430");
    if (c->n_reach == OL_CHANNELS_MAX)
        return ol_ini_fault(p, "too many reach lines: at most %u",
                            OL_CHANNELS_MAX);
    if (!url_ok(p, url, "tcp udp courier", scheme))
        return false;
    for (unsigned k = 0; k < c->n_reach; k++)
        if (strcmp(c->reach[k].name, name) == 0)
            return ol_ini_fault(p, "two reach lines are named %s: each needs a "
                                "name of its own", name);
    ol_text_put(c->reach[c->n_reach].name, sizeof(c->reach[0].name), "%s",
                name);
    ol_text_put(c->reach[c->n_reach++].url, sizeof(c->reach[0].url), "%s",
                url);
    return true;
}

static bool take_metrics(struct ol_ini *p, const char *value)
{
    struct ol_conf_station *c = p->out;
    size_t n = strlen(value);

    if (value[0] != '/' || n < 7 || strcmp(value + n - 5, ".prom") != 0 ||
        !ol_text_put(c->metrics, sizeof(c->metrics), "%s", value))
        return ol_ini_fault(p, "metrics = %s: the whole path of a file that "
                            "ends with .prom, as /var/lib/prometheus/"
                            "node-exporter/openline.prom", value);
    return true;
}

/* lines.d/PEER.conf */

/* What is sealed and backed up is known by its ending. */
static bool take_card(struct ol_ini *p, const char *value)
{
    struct ol_conf_line *c = p->out;
    size_t n = strlen(value);

    if (n < 6 || n > 37 || strcmp(value + n - 5, ".card") != 0 ||
        strchr(value, '/') != NULL || value[0] == '.' ||
        !ol_text_put(c->card, sizeof(c->card), "%s", value))
        return ol_ini_fault(p, "card = %s: the name of a file in lines.d, as "
                            "south.card, without /", value);
    return true;
}

static bool take_alias(struct ol_ini *p, const char *value)
{
    struct ol_conf_line *c = p->out;

    if (!ol_span_utf8(ol_span_str(value)) ||
        !ol_text_put(c->alias, sizeof(c->alias), "%s", value))
        return ol_ini_fault(p, "alias: UTF-8 text of at most 64 bytes");
    return true;
}

static bool duration(struct ol_ini *p, const char *key, const char *value,
                     uint64_t *ns)
{
    if (!ol_text_duration(value, ns) || *ns < 100 * OL_NS_PER_MS)
        return ol_ini_fault(p, "%s = %s: a duration of at least 100ms, as "
                            "250ms 10s 5m 12h 3d", key, value);
    return true;
}

static bool take_probe(struct ol_ini *p, const char *value)
{
    return duration(p, "probe", value,
                    &((struct ol_conf_line *)p->out)->probe_ns);
}

static bool take_hold(struct ol_ini *p, const char *value)
{
    return duration(p, "hold", value,
                    &((struct ol_conf_line *)p->out)->hold_ns);
}

static bool take_attachments(struct ol_ini *p, const char *value)
{
    struct ol_conf_line *c = p->out;

    c->attach_ask = strcmp(value, "ask") == 0;
    if (c->attach_ask)
        return true;
    if (strncmp(value, "auto:", 5) != 0)
        return ol_ini_fault(p, "attachments = %s: allowed are ask and "
                            "auto:SIZE, as auto:10MiB", value);
    if (!ol_text_size(value + 5, &c->attach_max))
        return ol_ini_fault(p, "attachments = %s: \"%s\" is no size: write "
                            "it as 500KiB, 10MiB, 2GiB or in bytes", value,
                            value + 5);
    if (c->attach_max == 0)
        return ol_ini_fault(p, "attachments = %s would take none: write "
                            "attachments = ask", value);
    return true;
}

#define CHANNEL_FORM                                                           \
    "channel = NAME URL [fate=NAME] [hold=DURATION] [rate=BITS] "              \
    "[proxy=socks5://...], or NAME accept=tcp|udp"

/* What stands behind = is not repeated: it may be a password. */
static bool not_an_option(struct ol_ini *p, const char *option)
{
    return ol_ini_fault(p, "\"%.*s\" is no option of a channel: %s",
                        (int)strcspn(option, "="), option, CHANNEL_FORM);
}

#define RATE_MIN UINT64_C(75)
#define RATE_MAX UINT64_C(1000000000000)

/* Bits a second: 1200, 9600, 64k, 50M. */
static bool rate(struct ol_ini *p, const char *value, uint64_t *bps)
{
    uint64_t n = 0, factor = 1;
    size_t digits = strspn(value, "0123456789");
    const char *unit = value + digits;

    for (size_t k = 0; k < digits && digits <= 13; k++)
        n = n * 10 + (uint64_t)(value[k] - '0');
    if (*unit != '\0')
        factor = *unit == 'k' ? 1000 : *unit == 'M' ? 1000000
                                     : *unit == 'G' ? 1000000000 : 0;
    if (digits == 0 || (*unit != '\0' && unit[1] != '\0') ||
        n > RATE_MAX || n * factor < RATE_MIN || n * factor > RATE_MAX)
        return ol_ini_fault(p, "rate=%s: bits a second from 75 to 1000G, as "
                            "1200 9600 64k 50M", value);
    *bps = n * factor;
    return true;
}

static bool proxy(struct ol_ini *p, struct ol_conf_channel *ch,
                  const char *value)
{
    char why[160] = "";

    if (ch->url[0] == '\0')
        return ol_ini_fault(p, "proxy= is for a channel that dials: %s waits "
                            "to be called", ch->name);
    if (ol_proxy_check(ch->url, value, why) != OL_OK)
        return ol_ini_fault(p, "%s", why);
    ol_text_put(ch->proxy, sizeof(ch->proxy), "%s", value);
    return true;
}

/* fate=X, hold=D, rate=R, proxy=U. */
static bool channel_option(struct ol_ini *p, struct ol_conf_channel *ch,
                           char *option)
{
    char *value = strchr(option, '=');

    if (value == NULL)
        return not_an_option(p, option);
    *value++ = '\0';
    if (strcmp(option, "hold") == 0)
        return duration(p, "hold", value, &ch->hold_ns);
    if (strcmp(option, "fate") == 0) {
        if (!ol_station_name_ok(ol_span_str(value)))
            return ol_ini_fault(p, "fate=%s: a name of 1 to 32 of a-z, 0-9 and "
                                "-", value);
        ol_text_put(ch->fate, sizeof(ch->fate), "%s", value);
        return true;
    }
    if (strcmp(option, "rate") == 0)
        return ol_conf_kind(ch->scheme) == OL_CHAN_POUCH
                   ? ol_ini_fault(p, "a courier has no rate=: remove it")
                   : rate(p, value, &ch->rate_bps);
    if (strcmp(option, "proxy") == 0)
        return proxy(p, ch, value);
    return not_an_option(p, option);
}

/* The second word: where to dial, or accept=. */
static bool channel_target(struct ol_ini *p, struct ol_conf_channel *ch,
                           const char *target)
{
    if (target == NULL)
        return ol_ini_fault(p, "channel %s goes nowhere: %s", ch->name,
                            CHANNEL_FORM);
    if (strncmp(target, "accept=", 7) == 0) {
        if (strcmp(target + 7, "tcp") != 0 && strcmp(target + 7, "udp") != 0)
            return ol_ini_fault(p, "%s: allowed are accept=tcp and accept=udp",
                                target);
        ol_text_put(ch->scheme, sizeof(ch->scheme), "%s", target + 7);
        return true;
    }
    if (!url_ok(p, target, "tcp udp courier", ch->scheme))
        return false;
    ol_text_put(ch->url, sizeof(ch->url), "%s", target);
    return true;
}

static bool take_channel(struct ol_ini *p, const char *value)
{
    struct ol_conf_line *c = p->out;
    struct ol_conf_channel *ch = &c->channels[c->n_channels];
    char text[OL_INI_LINE], *rest = text, *option;
    const char *name;

    if (c->n_channels == OL_CHANNELS_MAX)
        return ol_ini_fault(p, "too many channels: at most %u",
                            OL_CHANNELS_MAX);
    ol_text_put(text, sizeof(text), "%s", value);
    name = name_word(&rest);
    if (!channel_name(p, name))
        return false;
    for (unsigned k = 0; k < c->n_channels; k++)
        if (strcmp(c->channels[k].name, name) == 0)
            return ol_ini_fault(p, "two channels are named %s: each needs a "
                                "name of its own, the same on both sides",
                                name);
    memset(ch, 0, sizeof(*ch));
    ol_text_put(ch->name, sizeof(ch->name), "%s", name);
    if (!channel_target(p, ch, ol_ini_word(&rest)))
        return false;
    while ((option = ol_ini_word(&rest)) != NULL)
        if (!channel_option(p, ch, option))
            return false;
    c->n_channels++;
    return true;
}

static const struct ol_ini_row station_rows[] = {
    {"name", false, true, take_name},
    {"listen", true, false, take_listen},
    {"reach", true, false, take_reach},
    {"metrics", false, false, take_metrics},
    {"objective", true, false, ol_conf_take_objective},
    {"hook", true, false, ol_conf_take_hook},
    {"attend", false, false, ol_conf_attend},
};

static const struct ol_ini_schema station_schema = {
    "station", "name, listen, reach, metrics, objective, hook, attend",
    station_rows, OL_LEN(station_rows)};

static const struct ol_ini_row line_rows[] = {
    {"card", false, true, take_card},
    {"channel", true, false, take_channel},
    {"probe", false, false, take_probe},
    {"hold", false, false, take_hold},
    {"alias", false, false, take_alias},
    {"attachments", false, false, take_attachments},
    {"escalate", true, false, ol_conf_take_escalate},
    {"share-attendance", false, false, ol_conf_share},
    {"refuse", false, false, ol_conf_take_refuse},
    {"check", false, false, ol_conf_take_check},
    {"check-texts", false, false, ol_conf_take_check_texts},
};

static const struct ol_ini_schema line_schema = {
    "line",
    "card, channel, probe, hold, alias, attachments, escalate, "
    "share-attendance, refuse, check, check-texts",
    line_rows, OL_LEN(line_rows)};

int ol_conf_station_parse(const char *file, const char *text,
                          struct ol_conf_station *out, char why[OL_WHY_MAX])
{
    struct ol_ini p = {.file = file, .schema = &station_schema, .out = out};

    memset(out, 0, sizeof(*out));
    ol_conf_objectives(out);
    out->attend = ol_attend_usual;
    return ol_ini_run(&p, text, why);
}

/* A hold time is longer than the probing that feeds it; whoever gives one of
 * the two gets a fitting other. */
static int settle_times(const char *file, struct ol_conf_line *c,
                        char why[OL_WHY_MAX])
{
    const uint64_t probe = OL_PROBE_MS * OL_NS_PER_MS;
    const uint64_t hold = OL_HOLD_MS * OL_NS_PER_MS;
    char p[24], h[24];

    if (c->hold_ns == 0)
        c->hold_ns = c->probe_ns ? OL_MAX(hold, c->probe_ns / 2 * 3) : hold;
    if (c->probe_ns == 0)
        c->probe_ns = c->hold_ns < hold ? c->hold_ns / 3 * 2 : probe;
    for (unsigned k = 0; k <= c->n_channels; k++) {
        uint64_t ns = c->hold_ns;

        if (k < c->n_channels) {
            if (c->channels[k].hold_ns == 0 ||
                ol_conf_kind(c->channels[k].scheme) == OL_CHAN_POUCH)
                continue;
            ns = c->channels[k].hold_ns;
        }
        if (ns > c->probe_ns)
            continue;
        ol_text_duration_put(p, c->probe_ns);
        ol_text_duration_put(h, ns);
        return ol_fail(why, OL_EXIT_FAILED,
                       "%s: hold %s is not longer than probe %s%s%s: a "
                       "channel would be called down between two probes",
                       file, h, p, k < c->n_channels ? " on channel " : "",
                       k < c->n_channels ? c->channels[k].name : "");
    }
    return OL_EXIT_OK;
}

int ol_conf_line_parse(const char *file, const char *peer, const char *text,
                       struct ol_conf_line *out, char why[OL_WHY_MAX])
{
    struct ol_ini p = {.file = file, .schema = &line_schema, .out = out};
    int status;

    memset(out, 0, sizeof(*out));
    ol_text_put(out->peer, sizeof(out->peer), "%s", peer);
    out->attach_max = OL_ATTACH_AUTO;
    status = ol_ini_run(&p, text, why);
    if (status == OL_EXIT_OK)
        status = ol_conf_check_steps(file, out, why);
    return status ? status : settle_times(file, out, why);
}

/* The text is NULL exactly when there is none. */
static int read_text(const char *path, const char *file, char **text,
                     char why[OL_WHY_MAX])
{
    size_t n;
    enum ol_err err;

    *text = NULL;
    err = ol_file_read(path, OL_CONF_MAX, text, &n);
    if (err == OL_ERR_MISSING)
        return ol_fail(why, OL_EXIT_MISSING, "there is no %s", path);
    if (err == OL_ERR_LONG)
        return ol_fail(why, OL_EXIT_FAILED, "%s is larger than %u bytes: is "
                       "it the right file?", file, OL_CONF_MAX);
    if (err != OL_OK)
        return ol_fail_sys(why, "read", path);
    if (strlen(*text) != n || !ol_span_utf8(OL_SPAN(*text, n))) {
        free(*text);
        *text = NULL;
        return ol_fail(why, OL_EXIT_FAILED, "%s is not UTF-8 text: write it "
                       "anew", file);
    }
    return OL_EXIT_OK;
}

int ol_conf_station_read(const char *dir, struct ol_conf_station *out,
                         char why[OL_WHY_MAX])
{
    char path[OL_PATH_MAX], *text;
    int status;

    if (!ol_path(path, dir, "station.conf", NULL))
        return ol_fail(why, OL_EXIT_FAILED, "%s: the path is too long", dir);
    status = read_text(path, "station.conf", &text, why);
    if (text == NULL)
        return status;
    status = ol_conf_station_parse("station.conf", text, out, why);
    free(text);
    return status;
}

int ol_conf_line_read(const char *dir, const char *peer,
                      struct ol_conf_line *out, char why[OL_WHY_MAX])
{
    char path[OL_PATH_MAX], file[64], *text;
    int status;

    ol_text_put(file, sizeof(file), "lines.d/%s.conf", peer);
    if (!ol_path(path, dir, file, NULL))
        return ol_fail(why, OL_EXIT_FAILED, "%s: the path is too long", dir);
    status = read_text(path, file, &text, why);
    if (text == NULL)
        return status;
    status = ol_conf_line_parse(file, peer, text, out, why);
    free(text);
    return status;
}

enum ol_chan_kind ol_conf_kind(const char *scheme)
{
    if (strcmp(scheme, "tcp") == 0)
        return OL_CHAN_STREAM;
    return strcmp(scheme, "udp") == 0 ? OL_CHAN_DATAGRAM : OL_CHAN_POUCH;
}

/* A frame takes at most 2 s at the declared rate (protocol.md 4.3). */
uint32_t ol_conf_mtu(const struct ol_conf_channel *ch)
{
    uint64_t two_seconds = ch->rate_bps / 4;
    uint32_t most = OL_FRAME_MAX;

    if (ol_conf_kind(ch->scheme) == OL_CHAN_POUCH)
        return OL_BUNDLE_MAX;
    if (ol_conf_kind(ch->scheme) == OL_CHAN_DATAGRAM)
        most = OL_FRAME_UDP;
    if (ch->rate_bps == 0 || two_seconds >= most)
        return most;
    return OL_MAX((uint32_t)two_seconds, OL_FRAME_MIN);
}
