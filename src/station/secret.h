/*
 * Passphrases: where they come from, and the memory they stay in.
 *
 * From the descriptor of --passphrase-fd, else a systemd credential, else the
 * terminal; never from argv or the environment. One line: what stands behind
 * it stays unread. Bytes as they are typed, not normalised.
 */
#ifndef OL_STATION_SECRET_H
#define OL_STATION_SECRET_H

#include <openline/station.h>

#include "crypto/pass.h"

enum ol_secret_from {
    OL_SECRET_NONE,
    OL_SECRET_FD,
    OL_SECRET_CREDENTIAL,
    OL_SECRET_TERMINAL,
};

struct ol_secret { /* in memory of its own: not swapped, not dumped */
    size_t n;
    enum ol_secret_from from;
    uint8_t text[OL_PASSPHRASE_MAX + 2];
};

/* The passphrase of something that has one. what: "north", a file. */
int ol_secret_get(struct ol_secret **out, const char *what,
                  char why[OL_WHY_MAX]);
/* A new one: from --new-passphrase-fd, or (not another) --passphrase-fd;
 * else asked for twice. `another`: what has one gets another. */
int ol_secret_new(struct ol_secret **out, const char *what, bool another,
                  char why[OL_WHY_MAX]);
/* Was --new-passphrase-fd given. */
bool ol_secret_has_new(void);
void ol_secret_free(struct ol_secret *s); /* wipes; NULL is nothing */

static inline struct ol_span ol_secret_span(const struct ol_secret *s)
{
    return OL_SPAN(s->text, s->n);
}

/* Memory for secrets: zeroed, kept out of swap (as far as the limit allows)
 * and of core dumps. NULL: none. free wipes. */
void *ol_locked_alloc(size_t n);
void ol_locked_free(void *p, size_t n);

#endif
