/*
 * station.conf and lines.d/PEER.conf, whatever stands in them.
 *
 * The first byte says which. What must hold: the same text is the same
 * configuration or the same sentence, twice; a refusal begins with the file
 * and says what to do behind a colon; what is taken is within its bounds,
 * every string ends in its place, every address is one, and no channel is
 * called down between two probes. A card's channels, written as pairing writes
 * them, are read back as they are or refused: a peer's card adds no line of
 * its own.
 */
#include "make.h"

#include "base/check.h"
#include "channel/url.h"
#include "port/channel.h"
#include "station/conf.h"
#include "station/text.h"
#include "wire/frame.h"

#define TEXT_MAX 16384u

static void ends(const char *s, size_t room)
{
    OL_CHECK(memchr(s, 0, room) != NULL);
}

static void a_refusal(const char *why, const char *file)
{
    OL_CHECK(strncmp(why, file, strlen(file)) == 0);
    OL_CHECK(strchr(why, ':') != NULL && strlen(why) < OL_WHY_MAX);
}

static void an_url(const char *url)
{
    const char *scheme;
    char why[160];

    ends(url, OL_URL_MAX + 1);
    OL_CHECK(ol_url_check(url, &scheme, why) == OL_OK);
}

static void station(const char *text)
{
    static struct ol_conf_station a, b;
    char why_a[OL_WHY_MAX] = "", why_b[OL_WHY_MAX] = "";
    int status = ol_conf_station_parse("station.conf", text, &a, why_a);

    OL_CHECK(ol_conf_station_parse("station.conf", text, &b, why_b) == status);
    OL_CHECK(strcmp(why_a, why_b) == 0);
    if (status != OL_EXIT_OK) {
        a_refusal(why_a, "station.conf");
        return;
    }
    OL_CHECK(memcmp(&a, &b, sizeof(a)) == 0);
    OL_CHECK(ol_station_name_ok(ol_span_str(a.name)));
    OL_CHECK(a.n_listen <= OL_LISTEN_MAX && a.n_reach <= OL_CHANNELS_MAX);
    for (unsigned k = 0; k < a.n_listen; k++)
        an_url(a.listen[k]);
    for (unsigned k = 0; k < a.n_reach; k++) {
        an_url(a.reach[k].url);
        OL_CHECK(ol_channel_name_ok(ol_span_str(a.reach[k].name)));
    }
}

static void channel(const struct ol_conf_line *l, unsigned k)
{
    const struct ol_conf_channel *ch = &l->channels[k];
    char why[160];

    OL_CHECK(ol_channel_name_ok(ol_span_str(ch->name)));
    for (unsigned j = 0; j < k; j++)
        OL_CHECK(strcmp(l->channels[j].name, ch->name) != 0);
    ends(ch->fate, sizeof(ch->fate));
    ends(ch->scheme, sizeof(ch->scheme));
    OL_CHECK(ol_conf_mtu(ch) >= OL_FRAME_MIN);
    if (ch->url[0] != '\0')
        an_url(ch->url);
    if (ch->proxy[0] != '\0')
        OL_CHECK(ol_proxy_check(ch->url, ch->proxy, why) == OL_OK);
    OL_CHECK(ch->hold_ns == 0 || ch->hold_ns > l->probe_ns ||
             ol_conf_kind(ch->scheme) == OL_CHAN_POUCH);
    OL_CHECK(ch->rate_bps == 0 || ch->rate_bps >= 75);
}

static bool line(const char *text, struct ol_conf_line *out)
{
    static struct ol_conf_line b;
    char why_a[OL_WHY_MAX] = "", why_b[OL_WHY_MAX] = "";
    int status = ol_conf_line_parse("south.conf", "south", text, out, why_a);

    OL_CHECK(ol_conf_line_parse("south.conf", "south", text, &b, why_b) ==
             status);
    OL_CHECK(strcmp(why_a, why_b) == 0);
    if (status != OL_EXIT_OK) {
        a_refusal(why_a, "south.conf");
        return false;
    }
    OL_CHECK(memcmp(out, &b, sizeof(b)) == 0);
    ends(out->card, sizeof(out->card));
    ends(out->alias, sizeof(out->alias));
    OL_CHECK(strchr(out->card, '/') == NULL && out->card[0] != '.');
    OL_CHECK(ol_span_utf8(ol_span_str(out->alias)));
    OL_CHECK(out->hold_ns > out->probe_ns && out->probe_ns > 0);
    OL_CHECK(out->attach_max > 0 && out->n_channels <= OL_CHANNELS_MAX);
    for (unsigned k = 0; k < out->n_channels; k++)
        channel(out, k);
    return true;
}

/* As station/pair.c writes what stands on a card. */
static void carded(struct script *s)
{
    static char text[TEXT_MAX];
    static struct ol_conf_line out;
    static struct ol_card card;
    uint8_t plain = script_u8(s);
    struct ol_writer w;

    make_card(s, &card);
    for (unsigned k = 0; k < card.n_channels; k++) {
        char *url = card.channels[k].url;

        if (plain & 1 && strlen(url) > 16)
            memcpy(url, "tcp://h:1", 9);
        if (plain & 2)
            url[strcspn(url, "=")] = '\0';
        if (url[0] == '\0')
            url[0] = 'x';
    }
    ol_writer_init(&w, text, sizeof(text) - 1);
    ol_write_bytes(&w, ol_span_str("[line]\ncard = south.card\n"));
    for (unsigned k = 0; k < card.n_channels; k++) {
        ol_write_bytes(&w, ol_span_str("channel = "));
        ol_write_bytes(&w, ol_span_str(card.channels[k].name));
        ol_write_bytes(&w, ol_span_str(" "));
        ol_write_bytes(&w, ol_span_str(card.channels[k].url));
        ol_write_bytes(&w, ol_span_str("\n"));
    }
    OL_CHECK(!w.failed);
    text[w.n] = '\0';
    if (!line(text, &out))
        return;
    OL_CHECK(out.n_channels == card.n_channels);
    for (unsigned k = 0; k < out.n_channels; k++) {
        OL_CHECK(strcmp(out.channels[k].name, card.channels[k].name) == 0);
        OL_CHECK(out.channels[k].url[0] == '\0' ||
                 strcmp(out.channels[k].url, card.channels[k].url) == 0);
        OL_CHECK(out.channels[k].proxy[0] == '\0' &&
                 out.channels[k].rate_bps == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[TEXT_MAX];
    static struct ol_conf_line out;
    struct script s = {data, size};
    unsigned play = script_below(&s, 3);
    struct ol_span in;

    if (play == 2) {
        carded(&s);
        return 0;
    }
    in = script_rest(&s);
    /* The reader of the file refuses what is no text before this. */
    if (in.n >= sizeof(text) || !ol_span_utf8(in))
        return 0;
    memcpy(text, in.p, in.n);
    text[in.n] = '\0';
    if (play == 0)
        station(text);
    else
        (void)line(text, &out);
    return 0;
}
