/*
 * From a url to its bearer.
 *
 * Happy path: the url is parsed and the bearer of its scheme opens. A url that
 * does not hold is OL_ERR_INPUT with words; a port that is taken is
 * OL_ERR_EXISTS. Nothing here waits.
 */
#include <stddef.h>
#include <string.h>

#include "channel/bearer.h"
#include "channel/url.h"

enum ol_err ol_url_check(const char *url, const char **scheme, char why[160])
{
    struct ol_url parsed;
    enum ol_err err = ol_url_parse(url, &parsed, why);

    if (err)
        return err;
    if (parsed.scheme != OL_SCHEME_COURIER && parsed.port == 0) {
        ol_why(why, "port 0 reaches nobody: give the port of the listener");
        return OL_ERR_INPUT;
    }
    if (scheme)
        *scheme = ol_scheme_name(parsed.scheme);
    return OL_OK;
}

enum ol_err ol_proxy_check(const char *url, const char *proxy, char why[160])
{
    struct ol_url to;
    struct ol_proxy parsed;
    enum ol_err err = ol_url_parse(url, &to, why);

    if (err)
        return err;
    if (to.scheme != OL_SCHEME_TCP) {
        ol_why(why, "a proxy carries tcp only: take proxy= away from %s://",
               ol_scheme_name(to.scheme));
        return OL_ERR_INPUT;
    }
    if (strchr(to.host, '%')) {
        ol_why(why, "%%%.40s names an interface of this machine, which means "
               "nothing to a proxy", strchr(to.host, '%') + 1);
        return OL_ERR_INPUT;
    }
    err = ol_proxy_parse(proxy, &parsed, why);
    explicit_bzero(&parsed, sizeof(parsed));
    return err;
}

enum ol_err ol_bearer_open(struct ol_bearer **out, struct uv_loop_s *loop,
                           const struct ol_way *way,
                           const struct ol_bearer_events *events, void *arg,
                           char why[160])
{
    bool proxied = way->proxy && way->proxy[0];
    struct ol_url parsed;
    struct ol_proxy proxy;
    struct ol_opening o = {loop, &parsed, NULL, events, arg, why};
    enum ol_err err;

    *out = NULL;
    err = ol_url_check(way->url, NULL, why);
    if (!err)
        err = ol_url_parse(way->url, &parsed, why);
    if (!err && proxied)
        err = ol_proxy_check(way->url, way->proxy, why);
    if (err)
        return err;
    if (proxied) {
        err = ol_proxy_parse(way->proxy, &proxy, why);
        o.proxy = &proxy;
        err = err ? err : ol_tcp_dial(out, &o);
        explicit_bzero(&proxy, sizeof(proxy));
        return err;
    }
    switch (parsed.scheme) {
    case OL_SCHEME_TCP:
        return ol_tcp_dial(out, &o);
    case OL_SCHEME_UDP:
        return ol_udp_dial(out, &o);
    default:
        return ol_courier_open(out, &o);
    }
}

enum ol_err ol_bearer_listen(struct ol_bearer **out, struct uv_loop_s *loop,
                             const char *url,
                             const struct ol_bearer_events *events, void *arg,
                             char why[160])
{
    struct ol_url parsed;
    struct ol_opening o = {loop, &parsed, NULL, events, arg, why};
    enum ol_err err = ol_url_parse(url, &parsed, why);

    *out = NULL;
    if (err)
        return err;
    switch (parsed.scheme) {
    case OL_SCHEME_TCP:
        return ol_tcp_listen(out, &o);
    case OL_SCHEME_UDP:
        return ol_udp_listen(out, &o);
    default:
        ol_why(why, "a courier has no listener: name its folder as a channel");
        return OL_ERR_INPUT;
    }
}
