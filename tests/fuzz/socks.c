/*
 * A hostile SOCKS5 proxy: the first byte says with or without a login, the
 * second how its answers are cut. It must come to an end within bounds, and a
 * refusal must have words without the password.
 */
#include <string.h>

#include "base/check.h"
#include "base/units.h"
#include "channel/socks5.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t out[OL_SOCKS5_OUT];
    struct ol_proxy proxy;
    struct ol_socks5 s;
    struct ol_url to;
    char words[160];
    size_t at = 2, n;

    if (size < 3)
        return 0;
    OL_CHECK(ol_proxy_parse(data[0] & 1 ? "socks5://me:s3cret@h:1"
                                        : "socks5://h:1",
                            &proxy, words) == OL_OK);
    OL_CHECK(ol_url_parse("tcp://south.onion:4430", &to, words) == OL_OK);
    n = ol_socks5_start(&s, &proxy, &to, out);
    OL_CHECK(n > 0 && n <= sizeof(out));
    while (at < size && s.state < OL_SOCKS5_OPEN) {
        size_t piece = OL_MIN(size - at, (size_t)data[1] % 32 + 1);
        size_t took = ol_socks5_take(&s, OL_SPAN(data + at, piece), out, &n);

        OL_CHECK(took >= 1 && took <= piece && n <= sizeof(out));
        at += took;
    }
    if (s.state != OL_SOCKS5_REFUSED)
        return 0;
    ol_socks5_words(&s, "the proxy h:1", words, sizeof(words));
    OL_CHECK(words[0] != '\0' && strstr(words, "s3cret") == NULL);
    return 0;
}
