/*
 * What people call a message. Strict: a name that is almost one is none.
 */
#include "station/names.h"

#include <string.h>

#include "base/id.h"
#include "crypto/crypto.h"
#include "station/text.h"
#include "wire/frame.h"

#define FRESH 10u /* random bytes of an id */

/* Digits without a leading zero, up to the end. */
static bool number(const char *text, uint64_t *v)
{
    *v = 0;
    if (*text < '1' || *text > '9')
        return false;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (*v > UINT64_MAX / 10 - 1)
            return false;
        *v = *v * 10 + (uint64_t)(*text - '0');
    }
    return *text == '\0';
}

static bool station(const char *from, size_t n, char out[33])
{
    if (n > 32 || !ol_station_name_ok(OL_SPAN(from, n)))
        return false;
    memcpy(out, from, n);
    out[n] = '\0';
    return true;
}

bool ol_name_parse(const char *text, struct ol_name *name)
{
    const char *slash = strchr(text, '/'), *colon = strchr(text, ':');

    memset(name, 0, sizeof(*name));
    if (slash == NULL) {
        name->is_id = ol_text_unhex(name->id, sizeof(name->id), text);
        return name->is_id || number(text, &name->number);
    }
    if (colon != NULL && colon > slash)
        return false;
    if (colon == NULL)
        return station(text, (size_t)(slash - text), name->author) &&
               number(slash + 1, &name->number);
    return station(text, (size_t)(colon - text), name->author) &&
           station(colon + 1, (size_t)(slash - colon - 1),
                   name->addressee) &&
           number(slash + 1, &name->number);
}

/* At most 32 letters of a station's name, and one that parts. */
static char *put_station(char *to, const char *name, char parts)
{
    size_t n = strnlen(name, 32);

    memcpy(to, name, n);
    to[n] = parts;
    return to + n + 1;
}

void ol_name_put(char out[OL_MESSAGE_NAME], const char *author,
                 const char *addressee, uint64_t n)
{
    char *to = put_station(out, author, ':'), text[20];
    unsigned at = sizeof(text);

    to = put_station(to, addressee, '/');
    do {
        text[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    memcpy(to, text + at, sizeof(text) - at);
    to[sizeof(text) - at] = '\0';
}

void ol_id_new(uint8_t id[16], uint64_t wall_ms)
{
    static uint8_t pool[25 * FRESH]; /* of one system call; one thread */
    static size_t left;

    if (left == 0) {
        ol_os_random(pool, sizeof(pool));
        left = sizeof(pool);
    }
    left -= FRESH;
    memcpy(id + 16 - FRESH, pool + left, FRESH);
    ol_id_stamp(id, wall_ms);
}
