/*
 * Who may hold how many of the station's descriptors.
 *
 *   limit = own + clients of the control socket + files of requests + guests
 *
 * `own` is what the station opens itself: its ledger, its sockets, one dial
 * and one look-up of a name for each channel, pouch files, its configuration.
 * It is counted generously and nobody else gets it, so that a crowd of
 * strangers never keeps a station from dialling or from its disk. Clients
 * have a number of their own (control.h). Files and guests share the rest.
 *
 * It fails where the limit is too low for the lines there are: then the
 * shares are as small as they can be, and it is said.
 */
#include <sys/resource.h>

#include "base/check.h"
#include "channel/places.h"
#include "channel/tcp.h"
#include "station/log.h"
#include "station/station.h"

#define OWN 64u         /* loop, ledger, locks, names, files read in passing,
                           hooks */
#define OWN_LISTENER 3u /* itself, and two guests on their way in and out */
#define OWN_LINE 2u     /* an export */
#define OWN_CHANNEL 3u  /* itself, its next connection, a folder's file */
#define LEAST 8u        /* of a share */
#define FILES_MOST (OL_CLIENTS_MAX * OL_REQUEST_FDS)
#define GUESTS_MOST (OL_LISTEN_MAX * (OL_TCP_STRANGERS + OL_TCP_TRUSTED))

/* As far as the system lets us, up to what we could ever use. */
static unsigned limit(unsigned wanted)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return LEAST;
    if (r.rlim_cur < wanted && r.rlim_cur < r.rlim_max) {
        rlim_t before = r.rlim_cur;

        r.rlim_cur = OL_MIN(r.rlim_max, (rlim_t)wanted);
        if (setrlimit(RLIMIT_NOFILE, &r) != 0)
            r.rlim_cur = before;
    }
    return (unsigned)OL_MIN(r.rlim_cur, (rlim_t)wanted);
}

void ol_station_places(struct ol_station *st)
{
    unsigned own = OWN + OWN_LISTENER * st->conf.n_listen, have, rest, files;

    for (unsigned k = 0; k < st->n_lines; k++)
        own += OWN_LINE + OWN_CHANNEL * st->lines[k]->conf.n_channels;
    own += OL_CLIENTS_MAX + OL_CLIENTS_SPARE;
    have = limit(own + FILES_MOST + GUESTS_MOST);
    if (have < own + 2 * LEAST)
        ol_log(OL_LOG_FAULT, "this process may have %u files open, and its "
               "lines want %u: raise LimitNOFILE= of its unit, or ulimit -n, "
               "or strangers may keep it from its work", have,
               own + 2 * LEAST);
    rest = have > own ? have - own : 0;
    files = OL_MIN(rest / 2, FILES_MOST);
    ol_places_set(OL_PLACE_FILE, OL_MAX(files, LEAST));
    ol_places_set(OL_PLACE_GUEST, OL_MAX(rest - files, LEAST));
}
