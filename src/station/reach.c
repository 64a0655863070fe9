/*
 * What our cards carry.
 *
 * A listener on a wildcard is no place to call. Its host becomes this
 * machine's first address that another machine can reach, of the listener's
 * family ([::] also takes IPv4); only when there is none, loopback. On a
 * machine with several networks, or behind NAT, `reach =` says it better.
 */
#include "station/reach.h"

#include <netinet/in.h>
#include <string.h>
#include <uv.h>

#include "base/units.h"
#include "station/text.h"

void ol_reach_scheme(char scheme[8], const char *url)
{
    ol_text_put(scheme, 8, "%.*s", (int)OL_MIN(strcspn(url, ":"), 7u), url);
}

/* An address that other machines can call. */
static bool usable(const uv_interface_address_t *a, int family)
{
    if (a->is_internal || a->address.address4.sin_family != family)
        return false;
    return family == AF_INET ||
           !IN6_IS_ADDR_LINKLOCAL(&a->address.address6.sin6_addr);
}

static bool first(int family, char out[64])
{
    uv_interface_address_t *list;
    int n;
    bool found = false;

    if (uv_interface_addresses(&list, &n) != 0)
        return false;
    for (int k = 0; k < n && !found; k++) {
        if (!usable(&list[k], family))
            continue;
        found = family == AF_INET
                    ? uv_ip4_name(&list[k].address.address4, out, 64) == 0
                    : uv_ip6_name(&list[k].address.address6, out, 64) == 0;
    }
    uv_free_interface_addresses(list, n);
    return found;
}

/* The listener's url with a host that can be called. */
static bool callable(const char *url, char out[OL_URL_MAX + 1])
{
    const char *at = strstr(url, "://");
    char host[64];

    if (at == NULL)
        return false;
    at += 3;
    if (strncmp(at, "[::]", 4) == 0) {
        bool v6 = first(AF_INET6, host), v4 = !v6 && first(AF_INET, host);

        return ol_text_put(out, OL_URL_MAX + 1, "%.*s%s%s%s%s",
                           (int)(at - url), url, v4 ? "" : "[",
                           v6 || v4 ? host : "::1", v4 ? "" : "]", at + 4);
    }
    if (strncmp(at, "0.0.0.0:", 8) == 0)
        return ol_text_put(out, OL_URL_MAX + 1, "%.*s%s%s", (int)(at - url),
                           url, first(AF_INET, host) ? host : "127.0.0.1",
                           at + 7);
    return ol_text_put(out, OL_URL_MAX + 1, "%s", url);
}

/* tcp, udp; tcp2 for the second listener of a kind. */
static void name_of(const struct ol_card *card, const char *scheme,
                    char out[OL_NAME_MAX + 1])
{
    unsigned same = 1;
    size_t n = strlen(scheme);

    for (unsigned k = 0; k < card->n_channels; k++)
        if (strncmp(card->channels[k].name, scheme, n) == 0)
            same++;
    if (same == 1)
        ol_text_put(out, OL_NAME_MAX + 1, "%s", scheme);
    else
        ol_text_put(out, OL_NAME_MAX + 1, "%s%u", scheme, same);
}

int ol_reach_fill(const struct ol_conf_station *conf, struct ol_card *card,
                  char why[OL_WHY_MAX])
{
    card->n_channels = 0;
    for (unsigned k = 0; k < conf->n_reach; k++, card->n_channels++) {
        ol_text_put(card->channels[k].name, sizeof(card->channels[k].name),
                    "%s", conf->reach[k].name);
        ol_text_put(card->channels[k].url, sizeof(card->channels[k].url),
                    "%s", conf->reach[k].url);
    }
    if (conf->n_reach > 0)
        return OL_EXIT_OK;
    for (unsigned k = 0; k < conf->n_listen; k++) {
        char scheme[8], name[OL_NAME_MAX + 1];

        ol_reach_scheme(scheme, conf->listen[k]);
        name_of(card, scheme, name);
        if (!callable(conf->listen[k], card->channels[k].url))
            return ol_fail(why, OL_EXIT_FAILED,
                           "listen = %s cannot stand on a card: say with "
                           "reach = in station.conf how peers reach us",
                           conf->listen[k]);
        ol_text_put(card->channels[k].name, sizeof(card->channels[k].name),
                    "%s", name);
        card->n_channels++;
    }
    return OL_EXIT_OK;
}
