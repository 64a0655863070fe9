/*
 * Urls to parts.
 *
 * Happy path: the scheme, then host and port or an absolute folder, and
 * nothing behind them. Everything else is refused with words that say what is
 * allowed: a person reads them beside the line of the configuration.
 */
#include "channel/url.h"

#include <stdbool.h>
#include <string.h>

#include "base/units.h"
#include "channel/bearer.h"

static const char *const schemes[] = {
    [OL_SCHEME_TCP] = "tcp",
    [OL_SCHEME_UDP] = "udp",
    [OL_SCHEME_COURIER] = "courier",
};

const char *ol_scheme_name(enum ol_scheme scheme)
{
    return schemes[scheme];
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static enum ol_err parse_port(const char *s, struct ol_url *url, char *why)
{
    uint32_t port = 0;
    size_t n = 0;

    while (n < 6 && is_digit(s[n])) {
        port = port * 10 + (uint32_t)(s[n] - '0');
        n++;
    }
    if (n == 0 || s[n] != 0 || port > 65535) {
        ol_why(why, "'%.40s' is not a port: the url ends in :1 to :65535", s);
        return OL_ERR_INPUT;
    }
    url->port = (uint16_t)port;
    return OL_OK;
}

/* An IPv6 address in brackets, with the interface it may need ("%eth0").
 * Returns the end of it in s, or NULL. */
static const char *parse_brackets(const char *s, struct ol_url *url)
{
    size_t n = strcspn(s + 1, "]");
    struct sockaddr_in6 probe;

    if (s[1 + n] != ']' || n > 63)
        return NULL;
    memcpy(url->host, s + 1, n);
    url->host[n] = 0;
    for (size_t k = 0; k < n; k++) {
        if (!is_alnum(url->host[k]) && !strchr(":.%_-", url->host[k]))
            return NULL;
    }
    return uv_ip6_addr(url->host, 0, &probe) ? NULL : s + n + 2;
}

static const char *parse_name(const char *s, struct ol_url *url)
{
    size_t n = strcspn(s, ":");
    bool numeric = true;
    struct sockaddr_in probe;

    if (n == 0 || n > OL_URL_HOST)
        return NULL;
    for (size_t k = 0; k < n; k++) {
        if (!is_alnum(s[k]) && !strchr(".-_", s[k]))
            return NULL;
        numeric = numeric && (is_digit(s[k]) || s[k] == '.');
    }
    memcpy(url->host, s, n);
    url->host[n] = 0;
    /* "10.1.2" would be a number to some resolvers; nobody means that. */
    if (numeric && uv_ip4_addr(url->host, 0, &probe))
        return NULL;
    return s + n;
}

static enum ol_err parse_host_port(const char *s, struct ol_url *url,
                                   char *why)
{
    const char *end = s[0] == '[' ? parse_brackets(s, url)
                                  : parse_name(s, url);

    if (!end) {
        ol_why(why,
               "'%.50s' is not HOST:PORT: the host is a name, 192.0.2.1 "
               "or [2001:db8::1]",
               s);
        return OL_ERR_INPUT;
    }
    if (*end != ':') {
        ol_why(why, "'%.50s' has no port: add one, as :4430", s);
        return OL_ERR_INPUT;
    }
    return parse_port(end + 1, url, why);
}

static int hex(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The next byte of a path, -1 when it is not allowed. */
static int path_byte(const char **s)
{
    int byte = (unsigned char)**s;

    if (byte == '%') {
        int high = hex((*s)[1]);
        int low = high < 0 ? -1 : hex((*s)[2]);

        if (low < 0)
            return -1;
        byte = high << 4 | low;
        *s += 2;
    }
    *s += 1;
    return byte < 0x20 || byte == 0x7f ? -1 : byte;
}

static bool climbs(const char *path)
{
    for (const char *s = path; (s = strstr(s, "/..")); s += 3) {
        if (s[3] == 0 || s[3] == '/')
            return true;
    }
    return false;
}

static enum ol_err parse_path(const char *s, struct ol_url *url, char *why)
{
    size_t n = 0;
    int byte = *s == '/' ? 0 : -1;

    while (*s && byte >= 0) {
        byte = path_byte(&s);
        if (byte >= 0)
            url->path[n++] = (char)byte;
    }
    while (n > 1 && url->path[n - 1] == '/')
        n--;
    url->path[n] = 0;
    if (byte < 0 || n < 2 || climbs(url->path)) {
        ol_why(why, "a courier needs an absolute folder without '..', as "
                    "courier:///media/pouch; a blank is written %%20");
        return OL_ERR_INPUT;
    }
    return OL_OK;
}

enum ol_err ol_url_parse(const char *text, struct ol_url *url, char *why)
{
    memset(url, 0, sizeof(*url));
    why[0] = 0;
    if (strlen(text) > OL_URL_TEXT) {
        ol_why(why, "a url has at most %u characters", OL_URL_TEXT);
        return OL_ERR_INPUT;
    }
    for (size_t k = 0; k < OL_LEN(schemes); k++) {
        size_t n = strlen(schemes[k]);

        if (strncmp(text, schemes[k], n) || strncmp(text + n, "://", 3))
            continue;
        url->scheme = (enum ol_scheme)k;
        return url->scheme == OL_SCHEME_COURIER
                   ? parse_path(text + n + 3, url, why)
                   : parse_host_port(text + n + 3, url, why);
    }
    ol_why(why, "'%.50s': a url starts with tcp://, udp:// or courier:///",
           text);
    return OL_ERR_INPUT;
}

/* A name or a password up to its end, %XX resolved; false: empty, too long,
 * or a byte that has to be written %XX. */
static bool parse_secret(const char *s, const char *end, char out[256])
{
    size_t n = 0;

    while (s < end) {
        int byte = (unsigned char)*s;

        if (byte == '%') {
            if (end - s < 3 || hex(s[1]) < 0 || hex(s[2]) < 0)
                return false;
            byte = hex(s[1]) << 4 | hex(s[2]);
            s += 2;
        } else if (byte <= 0x20 || byte >= 0x7f || strchr(":@/", byte)) {
            return false;
        }
        if (byte == 0 || n == 255)
            return false;
        out[n++] = (char)byte;
        s++;
    }
    out[n] = 0;
    return n > 0;
}

enum ol_err ol_proxy_parse(const char *text, struct ol_proxy *proxy, char *why)
{
    static const char scheme[] = "socks5://";
    const char *s = text + sizeof(scheme) - 1;
    const char *at, *colon;
    char unsaid[OL_WHY]; /* it would repeat what may be a password */

    memset(proxy, 0, sizeof(*proxy));
    why[0] = 0;
    if (strlen(text) > OL_URL_TEXT) {
        ol_why(why, "a proxy has at most %u characters", OL_URL_TEXT);
        return OL_ERR_INPUT;
    }
    if (strncmp(text, scheme, sizeof(scheme) - 1))
        goto bad;
    at = strrchr(s, '@');
    if (at) {
        colon = memchr(s, ':', (size_t)(at - s));
        if (!colon || !parse_secret(s, colon, proxy->user) ||
            !parse_secret(colon + 1, at, proxy->pass))
            goto bad;
        s = at + 1;
    }
    proxy->at.scheme = OL_SCHEME_TCP;
    if (parse_host_port(s, &proxy->at, unsaid) == OL_OK && proxy->at.port > 0)
        return OL_OK;
bad:
    ol_why(why, "a proxy is socks5://HOST:PORT or socks5://NAME:PASSWORD@"
                "HOST:PORT; %%XX stands for a letter that is not one of "
                "a-z A-Z 0-9 . _ -");
    return OL_ERR_INPUT;
}
