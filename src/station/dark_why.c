/*
 * Why a line is dark: a table of causes, and one sentence per channel.
 *
 * Happy path: the whole is what all its channels say; one that was refused, or
 * passes in one direction, says more than others that are silent. Nothing
 * here fails; what is not known is not said.
 */
#include "station/dark_why.h"

#include <errno.h>
#include <string.h>
#include <uv.h>

#include "base/units.h"
#include "station/text.h"

static const struct {
    const char *name, *words;
} causes[OL_DARK_CAUSES] = {
    [OL_DARK_SILENT] = {"silent", "nothing answers: the ways are cut, or the "
                                  "other side's station is off"},
    [OL_DARK_REFUSED] = {"refused", "the other side's machine refuses: its "
                                    "station does not run, or a firewall "
                                    "stands there"},
    [OL_DARK_ONE_WAY] = {"one-way", "frames pass in one direction only"},
    [OL_DARK_OUR_NETWORK] = {"our-network", "this machine has no network that "
                                            "leads there"},
    [OL_DARK_NO_NAME] = {"no-name", "the other side's names cannot be "
                                    "resolved"},
    [OL_DARK_DISABLED] = {"disabled", "every channel is disabled here"},
    [OL_DARK_NO_CHANNEL] = {"no-channel", "no channel but a courier is "
                                          "configured"},
    [OL_DARK_NOT_RUNNING] = {"not-running", "this station was not running"},
};

const char *ol_dark_cause_name(enum ol_dark_cause c)
{
    return causes[c].name;
}

const char *ol_dark_cause_words(enum ol_dark_cause c)
{
    return causes[c].words;
}

enum ol_dark_cause ol_dark_cause_of(const char *name)
{
    for (unsigned c = 0; c < OL_DARK_CAUSES && name != NULL; c++)
        if (strcmp(causes[c].name, name) == 0)
            return (enum ol_dark_cause)c;
    return OL_DARK_SILENT;
}

static bool no_network(const struct ol_dark_channel *c)
{
    int sys = c->sys < 0 ? -c->sys : c->sys;

    return c->failed && (sys == ENETUNREACH || sys == ENETDOWN ||
                         sys == EADDRNOTAVAIL);
}

static bool no_name(const struct ol_dark_channel *c)
{
    int sys = c->sys < 0 ? -c->sys : c->sys;

    return c->failed && sys >= -UV_EAI_ADDRFAMILY && sys <= -UV_EAI_SOCKTYPE;
}

static bool one_way(const struct ol_dark_channel *c)
{
    return c->state == OL_CHAN_ONE_WAY && c->heard_lately && !c->failed;
}

static bool refused(const struct ol_dark_channel *c)
{
    return c->failed && (c->sys == ECONNREFUSED || c->sys == -ECONNREFUSED);
}

enum ol_dark_cause ol_dark_cause(const struct ol_dark_channel *v, unsigned n)
{
    unsigned live = 0, tried = 0, lost = 0, nameless = 0, told = 0, half = 0;

    for (unsigned k = 0; k < n; k++) {
        if (v[k].kind == OL_CHAN_POUCH)
            continue;
        live++;
        if (v[k].state == OL_CHAN_DISABLED)
            continue;
        tried++;
        half += one_way(&v[k]);
        lost += no_network(&v[k]);
        nameless += no_name(&v[k]);
        told += refused(&v[k]);
    }
    if (live == 0)
        return OL_DARK_NO_CHANNEL;
    if (tried == 0)
        return OL_DARK_DISABLED;
    if (half > 0)
        return OL_DARK_ONE_WAY;
    if (lost == tried)
        return OL_DARK_OUR_NETWORK;
    if (told > 0)
        return OL_DARK_REFUSED;
    if (nameless == tried)
        return OL_DARK_NO_NAME;
    return OL_DARK_SILENT;
}

static void since(char out[OL_DARK_WHY], const char *what, uint64_t ms)
{
    char text[OL_TIME_TEXT];

    ol_text_time(text, ms);
    (void)ol_text_put(out, OL_DARK_WHY, "%s%s", what, text);
}

void ol_dark_why(const struct ol_dark_channel *c, char out[OL_DARK_WHY])
{
    bool words = c->transport != NULL && c->transport[0] != '\0';

    if (c->state == OL_CHAN_DISABLED)
        (void)ol_text_put(out, OL_DARK_WHY, "disabled here");
    else if (c->kind == OL_CHAN_POUCH)
        (void)ol_text_put(out, OL_DARK_WHY, "a courier proves nothing now");
    else if (one_way(c))
        (void)ol_text_put(out, OL_DARK_WHY, "frames come in, ours are not "
                                            "answered");
    else if (c->failed && words)
        (void)ol_text_put(out, OL_DARK_WHY, "%s", c->transport);
    else if (c->answered_ms > 0)
        since(out, "no answer to what was sent since ", c->answered_ms);
    else if (c->heard_ms > 0)
        since(out, "nothing heard since ", c->heard_ms);
    else if (!c->dials)
        (void)ol_text_put(out, OL_DARK_WHY, "nobody has called here since "
                                            "the start");
    else
        (void)ol_text_put(out, OL_DARK_WHY, "never answered since the start");
    ol_text_mend(out);
}
