/*
 * station.conf and lines.d/PEER.conf, read strictly.
 *
 * inih splits the lines; our reader hands them over one by one, so that we
 * know the number of each. The handler looks a key up in the schema of its
 * file and lets the row's function take the value. The first fault is kept
 * with its line; the file as a whole is then refused.
 */
#include "station/conf.h"

#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "port/channel.h"
#include "station/file.h"
#include "station/text.h"
#include "wire/frame.h"

#define LINE_MAX_BYTES 1024

struct parse {
    const char *file;
    const char *rest; /* what the reader has not given yet */
    unsigned line;    /* the one that was given last */
    const struct schema *schema;
    void *out;
    uint64_t seen; /* rows that stood already */
    unsigned fault_line;
    char fault[OL_WHY_MAX];
};

/* Takes a value; false with p->fault set. */
typedef bool (*take_fn)(struct parse *p, const char *value);

struct row {
    const char *key;
    bool repeat, required;
    take_fn take;
};

struct schema {
    const char *section;
    const char *keys; /* for people */
    const struct row *rows;
    unsigned n;
};

__attribute__((format(printf, 2, 3))) static bool
fault(struct parse *p, const char *fmt, ...)
{
    va_list ap;
    char text[OL_WHY_MAX];

    if (p->fault_line != 0)
        return false;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    p->fault_line = p->line;
    ol_text_put(p->fault, sizeof(p->fault), "%s:%u: %s", p->file, p->line,
                text);
    return false;
}

/* A url whose scheme is among those allowed ("tcp udp"). */
static bool url_ok(struct parse *p, const char *url, const char *allowed,
                   char scheme[8])
{
    const char *found = NULL;
    char why[160] = "";

    if (strlen(url) > OL_URL_MAX)
        return fault(p, "an address of %zu bytes: at most %u", strlen(url),
                     OL_URL_MAX);
    if (ol_url_check(url, &found, why) != OL_OK)
        return fault(p, "%s", why);
    if (strstr(allowed, found) == NULL)
        return fault(p, "%s does not go here: allowed are %s", found,
                     allowed);
    ol_text_put(scheme, 8, "%s", found);
    return true;
}

/* Cuts the first word off *rest; NULL when there is none. */
static char *word(char **rest)
{
    char *at = *rest + strspn(*rest, " \t");
    size_t n = strcspn(at, " \t");

    if (n == 0)
        return NULL;
    *rest = at + n;
    if (**rest != '\0')
        *(*rest)++ = '\0';
    return at;
}

static bool channel_name(struct parse *p, const char *name)
{
    if (name == NULL || !ol_channel_name_ok(ol_span_str(name)))
        return fault(p, "\"%s\" is no channel name: 1 to %u of a-z, 0-9 and "
                     "-, first a letter", name ? name : "", OL_NAME_MAX);
    return true;
}

/* station.conf */

static bool take_name(struct parse *p, const char *value)
{
    struct ol_conf_station *c = p->out;

    if (!ol_station_name_ok(ol_span_str(value)))
        return fault(p, "\"%s\" is no station name: 1 to %u of a-z, 0-9 and "
                     "-, first a letter", value, OL_STATION_MAX);
    ol_text_put(c->name, sizeof(c->name), "%s", value);
    return true;
}

static bool take_listen(struct parse *p, const char *value)
{
    struct ol_conf_station *c = p->out;
    char scheme[8];

    if (c->n_listen == OL_LISTEN_MAX)
        return fault(p, "too many listen lines: at most %u", OL_LISTEN_MAX);
    if (!url_ok(p, value, "tcp udp", scheme))
        return false;
    for (unsigned k = 0; k < c->n_listen; k++)
        if (strcmp(c->listen[k], value) == 0)
            return fault(p, "listen = %s stands twice: remove one", value);
    ol_text_put(c->listen[c->n_listen++], sizeof(c->listen[0]), "%s", value);
    return true;
}

static bool take_reach(struct parse *p, const char *value)
{
    struct ol_conf_station *c = p->out;
    char text[LINE_MAX_BYTES], scheme[8], *rest = text, *name, *url;

    ol_text_put(text, sizeof(text), "%s", value);
    name = word(&rest);
    url = word(&rest);
    if (!channel_name(p, name))
        return false;
    if (url == NULL || word(&rest) != NULL)
        return fault(p, "reach = NAME URL, as in: reach = cable "
                     "tcp://203.0.113.7:4430");
    if (c->n_reach == OL_CHANNELS_MAX)
        return fault(p, "too many reach lines: at most %u", OL_CHANNELS_MAX);
    if (!url_ok(p, url, "tcp udp courier", scheme))
        return false;
    for (unsigned k = 0; k < c->n_reach; k++)
        if (strcmp(c->reach[k].name, name) == 0)
            return fault(p, "two reach lines are named %s: each needs a name "
                         "of its own", name);
    ol_text_put(c->reach[c->n_reach].name, sizeof(c->reach[0].name), "%s",
                name);
    ol_text_put(c->reach[c->n_reach++].url, sizeof(c->reach[0].url), "%s",
                url);
    return true;
}

/* lines.d/PEER.conf */

static bool take_card(struct parse *p, const char *value)
{
    struct ol_conf_line *c = p->out;

    if (value[0] == '\0' || strchr(value, '/') != NULL || value[0] == '.' ||
        !ol_text_put(c->card, sizeof(c->card), "%s", value))
        return fault(p, "card = %s: the name of a file in lines.d, without "
                     "/", value);
    return true;
}

static bool take_alias(struct parse *p, const char *value)
{
    struct ol_conf_line *c = p->out;

    if (!ol_span_utf8(ol_span_str(value)) ||
        !ol_text_put(c->alias, sizeof(c->alias), "%s", value))
        return fault(p, "alias: UTF-8 text of at most 64 bytes");
    return true;
}

static bool duration(struct parse *p, const char *key, const char *value,
                     uint64_t *ns)
{
    if (!ol_text_duration(value, ns) || *ns < 100 * OL_NS_PER_MS)
        return fault(p, "%s = %s: a duration of at least 100ms, as 250ms "
                     "10s 5m 12h 3d", key, value);
    return true;
}

static bool take_probe(struct parse *p, const char *value)
{
    return duration(p, "probe", value,
                    &((struct ol_conf_line *)p->out)->probe_ns);
}

static bool take_hold(struct parse *p, const char *value)
{
    return duration(p, "hold", value,
                    &((struct ol_conf_line *)p->out)->hold_ns);
}

#define CHANNEL_FORM                                                           \
    "channel = NAME URL [fate=NAME] [hold=DURATION], or NAME accept=tcp|udp"

/* fate=X, hold=D. */
static bool channel_option(struct parse *p, struct ol_conf_channel *ch,
                           char *option)
{
    char *value = strchr(option, '=');

    if (value == NULL)
        return fault(p, "\"%s\" is no option of a channel: " CHANNEL_FORM,
                     option);
    *value++ = '\0';
    if (strcmp(option, "hold") == 0)
        return duration(p, "hold", value, &ch->hold_ns);
    if (strcmp(option, "fate") == 0) {
        if (!ol_station_name_ok(ol_span_str(value)))
            return fault(p, "fate=%s: a name of 1 to 32 of a-z, 0-9 and -",
                         value);
        ol_text_put(ch->fate, sizeof(ch->fate), "%s", value);
        return true;
    }
    if (strcmp(option, "proxy") == 0)
        return fault(p, "proxy= is not in this version: remove it, or dial "
                     "without a proxy");
    return fault(p, "\"%s\" is no option of a channel: " CHANNEL_FORM,
                 option);
}

/* The second word: where to dial, or accept=. */
static bool channel_target(struct parse *p, struct ol_conf_channel *ch,
                           const char *target)
{
    if (target == NULL)
        return fault(p, "channel %s goes nowhere: " CHANNEL_FORM, ch->name);
    if (strncmp(target, "accept=", 7) == 0) {
        if (strcmp(target + 7, "tcp") != 0 && strcmp(target + 7, "udp") != 0)
            return fault(p, "%s: allowed are accept=tcp and accept=udp",
                         target);
        ol_text_put(ch->scheme, sizeof(ch->scheme), "%s", target + 7);
        return true;
    }
    if (!url_ok(p, target, "tcp udp courier", ch->scheme))
        return false;
    ol_text_put(ch->url, sizeof(ch->url), "%s", target);
    return true;
}

static bool take_channel(struct parse *p, const char *value)
{
    struct ol_conf_line *c = p->out;
    struct ol_conf_channel *ch = &c->channels[c->n_channels];
    char text[LINE_MAX_BYTES], *rest = text, *option, *name;

    if (c->n_channels == OL_CHANNELS_MAX)
        return fault(p, "too many channels: at most %u", OL_CHANNELS_MAX);
    ol_text_put(text, sizeof(text), "%s", value);
    name = word(&rest);
    if (!channel_name(p, name))
        return false;
    for (unsigned k = 0; k < c->n_channels; k++)
        if (strcmp(c->channels[k].name, name) == 0)
            return fault(p, "two channels are named %s: each needs a name of "
                         "its own, the same on both sides", name);
    memset(ch, 0, sizeof(*ch));
    ol_text_put(ch->name, sizeof(ch->name), "%s", name);
    if (!channel_target(p, ch, word(&rest)))
        return false;
    while ((option = word(&rest)) != NULL)
        if (!channel_option(p, ch, option))
            return false;
    c->n_channels++;
    return true;
}

static const struct row station_rows[] = {
    {"name", false, true, take_name},
    {"listen", true, false, take_listen},
    {"reach", true, false, take_reach},
};

static const struct schema station_schema = {
    "station", "name, listen, reach", station_rows, OL_LEN(station_rows)};

static const struct row line_rows[] = {
    {"card", false, true, take_card},
    {"channel", true, false, take_channel},
    {"probe", false, false, take_probe},
    {"hold", false, false, take_hold},
    {"alias", false, false, take_alias},
};

static const struct schema line_schema = {
    "line", "card, channel, probe, hold, alias", line_rows,
    OL_LEN(line_rows)};

static int handle(void *arg, const char *section, const char *key,
                  const char *value)
{
    struct parse *p = arg;
    const struct schema *s = p->schema;

    if (strcmp(section, s->section) != 0)
        return fault(p, "section [%s]: allowed is [%s]", section, s->section);
    for (unsigned k = 0; k < s->n; k++) {
        if (strcmp(s->rows[k].key, key) != 0)
            continue;
        if (p->seen >> k & 1 && !s->rows[k].repeat)
            return fault(p, "%s stands twice: remove one", key);
        p->seen |= UINT64_C(1) << k;
        return s->rows[k].take(p, value);
    }
    return fault(p, "unknown key \"%s\": allowed are %s", key, s->keys);
}

/* One line to inih, without the blanks in front that it would take for the
 * continuation of a value. */
static char *next_line(char *out, int room, void *arg)
{
    struct parse *p = arg;
    const char *end = strchr(p->rest, '\n');
    size_t n = end ? (size_t)(end - p->rest) : strlen(p->rest);
    const char *from = p->rest;

    if (*p->rest == '\0')
        return NULL;
    p->line++;
    p->rest += end ? n + 1 : n;
    while (n > 0 && (*from == ' ' || *from == '\t')) {
        from++;
        n--;
    }
    if (n + 2 > (size_t)room || n >= LINE_MAX_BYTES) {
        fault(p, "a line of %zu bytes: at most %d", n, LINE_MAX_BYTES - 2);
        n = 0;
    }
    memcpy(out, from, n);
    out[n] = '\n';
    out[n + 1] = '\0';
    return out;
}

static int run(struct parse *p, const char *text, char why[OL_WHY_MAX])
{
    int line;

    /* inih's defaults would cut lines at 200 bytes. */
    ini_use_stack = false;
    ini_max_line = LINE_MAX_BYTES + 2;
    ini_initial_alloc = LINE_MAX_BYTES + 2;
    ini_allow_multiline = false;
    p->rest = text;
    line = ini_parse_stream(next_line, p, handle, p);
    if (line < 0)
        return ol_fail(why, OL_EXIT_FAILED, "%s: no memory", p->file);
    if (line > 0 && (p->fault_line == 0 || (unsigned)line < p->fault_line))
        return ol_fail(why, OL_EXIT_FAILED,
                       "%s:%d: neither a key nor a section: write KEY = "
                       "VALUE, [%s], or # in front of a comment", p->file,
                       line, p->schema->section);
    if (p->fault_line != 0)
        return ol_fail(why, OL_EXIT_FAILED, "%s", p->fault);
    for (unsigned k = 0; k < p->schema->n; k++)
        if (p->schema->rows[k].required && !(p->seen >> k & 1))
            return ol_fail(why, OL_EXIT_FAILED,
                           "%s: %s is missing: add it under [%s]", p->file,
                           p->schema->rows[k].key, p->schema->section);
    return OL_EXIT_OK;
}

int ol_conf_station_parse(const char *file, const char *text,
                          struct ol_conf_station *out, char why[OL_WHY_MAX])
{
    struct parse p = {.file = file, .schema = &station_schema, .out = out};

    memset(out, 0, sizeof(*out));
    return run(&p, text, why);
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
        c->probe_ns = OL_MIN(probe, c->hold_ns / 3 * 2);
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
    struct parse p = {.file = file, .schema = &line_schema, .out = out};
    int status;

    memset(out, 0, sizeof(*out));
    ol_text_put(out->peer, sizeof(out->peer), "%s", peer);
    status = run(&p, text, why);
    return status ? status : settle_times(file, out, why);
}

static int read_text(const char *path, const char *file, char **text,
                     char why[OL_WHY_MAX])
{
    size_t n;
    enum ol_err err = ol_file_read(path, OL_CONF_MAX, text, &n);

    if (err == OL_ERR_MISSING)
        return ol_fail(why, OL_EXIT_MISSING, "there is no %s", path);
    if (err == OL_ERR_LONG)
        return ol_fail(why, OL_EXIT_FAILED, "%s is larger than %u bytes: is "
                       "it the right file?", file, OL_CONF_MAX);
    if (err != OL_OK)
        return ol_fail_sys(why, "read", path);
    if (strlen(*text) != n || !ol_span_utf8(OL_SPAN(*text, n))) {
        free(*text);
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
    if (status != OL_EXIT_OK)
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
    if (status != OL_EXIT_OK)
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

uint32_t ol_conf_mtu(const char *scheme)
{
    switch (ol_conf_kind(scheme)) {
    case OL_CHAN_STREAM:
        return OL_FRAME_MAX;
    case OL_CHAN_DATAGRAM:
        return OL_FRAME_UDP;
    case OL_CHAN_POUCH:
        return OL_BUNDLE_MAX;
    }
    return OL_FRAME_MIN;
}
