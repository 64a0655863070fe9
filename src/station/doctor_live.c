/*
 * doctor, in the running station: why a channel does not work.
 *
 * The causes are looked for from the wire upwards: is it switched off, does
 * the bearer get through, do knocks get answers, do the cards match, do
 * frames pass both ways. The first that holds is said; each sentence names
 * what a person can do.
 */
#include <string.h>

#include "station/clock.h"
#include "station/doctor.h"

/* The listeners that would take a call on this channel. */
static void accepting(struct ol_findings *f, struct ol_station_line *line,
                      unsigned k)
{
    const struct ol_conf_channel *ch = &line->conf.channels[k];
    const char *peer = line->conf.peer;

    if (!ol_bearers_listening(line->st, ch->scheme))
        ol_finding(f, peer, ch->name, OL_FINDING_FAULT,
                   "%s waits to be called over %s, but nothing listens|add "
                   "listen = %s://[::]:PORT to station.conf and reload",
                   ch->name, ch->scheme, ch->scheme);
    else
        ol_finding(f, peer, ch->name, OL_FINDING_FAULT,
                   "nobody has called on %s|%s must dial it: ask them to run "
                   "'openline doctor', and check that a firewall or NAT lets "
                   "%s through to this machine's port", ch->name, peer,
                   ch->scheme);
}

static void unanswered(struct ol_findings *f, struct ol_station_line *line,
                       unsigned k, const struct ol_chan_status *s)
{
    const struct ol_conf_channel *ch = &line->conf.channels[k];
    const char *peer = line->conf.peer;

    if (ol_conf_kind(ch->scheme) == OL_CHAN_STREAM && s->transport_up)
        ol_finding(f, peer, ch->name, OL_FINDING_FAULT,
                   "%llu knocks sent on %s, none answered, though the port "
                   "takes the connection|something else may listen there, or "
                   "%s has not paired your card: ask them to run 'openline "
                   "doctor'", (unsigned long long)s->knocks_sent, ch->name,
                   peer);
    else
        ol_finding(f, peer, ch->name, OL_FINDING_FAULT,
                   "%llu knocks sent on %s, none answered|the host is not "
                   "reachable on that port, or it has not paired your card: "
                   "check the address in lines.d/%s.conf, and ask %s to run "
                   "'openline doctor'", (unsigned long long)s->knocks_sent,
                   ch->name, peer, peer);
}

/* The bearer does not get through: its own words, and what they ask for. */
static bool transport(struct ol_findings *f, struct ol_station_line *line,
                      unsigned k)
{
    const struct ol_conf_channel *ch = &line->conf.channels[k];
    struct ol_port *port = &line->ports[k];
    struct ol_bearer_status b;

    if (port->bearer == NULL) {
        ol_finding(f, line->conf.peer, ch->name, OL_FINDING_FAULT,
                   "%s could not be opened|see the station's log, check "
                   "lines.d/%s.conf and reload", ch->name, line->conf.peer);
        return true;
    }
    port->bearer->ops->status(port->bearer, &b);
    /* A udp socket is always up; a refusal comes back to it. */
    if (port->chan.up ? !ol_bearer_complains(&b) : b.last_err == OL_OK)
        return false;
    ol_finding_bearer(f, line->conf.peer, ch->name, &b);
    return true;
}

static void sick(struct ol_findings *f, struct ol_station_line *line,
                 unsigned k, const struct ol_chan_status *s, bool miscalled)
{
    const struct ol_conf_channel *ch = &line->conf.channels[k];
    bool dials = ch->url[0] != '\0';

    if (dials && (!s->transport_up || ol_conf_kind(ch->scheme) ==
                                          OL_CHAN_DATAGRAM) &&
        transport(f, line, k))
        return;
    if (!dials && s->last_heard_ns == 0 && s->knocks_answered == 0 &&
        !s->transport_up) {
        /* It has called, with a card that is not ours: cards() says so. */
        if (!miscalled)
            accepting(f, line, k);
    }
    else if (s->knocks_sent > 0 && s->last_heard_ns == 0)
        unanswered(f, line, k, s);
    else if (s->state == OL_CHAN_FRESH)
        ol_finding(f, line->conf.peer, ch->name, OL_FINDING_NOTE,
                   "%s is being tried since the start|wait a moment and ask "
                   "again", ch->name);
    else
        ol_finding(f, line->conf.peer, ch->name, OL_FINDING_FAULT,
                   "%s worked and is silent now|the way there is cut, or %s "
                   "is down: it comes back by itself when they are",
                   ch->name, line->conf.peer);
}

/* A frame of ours may be answered over another channel: so both are told. */
static void one_way(struct ol_findings *f, struct ol_station_line *line,
                    unsigned k, const struct ol_chan_status *s)
{
    const struct ol_conf_channel *ch = &line->conf.channels[k];
    const char *peer = line->conf.peer;

    if (s->last_heard_ns >= s->answered_ns)
        ol_finding(f, peer, ch->name, OL_FINDING_FAULT,
                   "%s is one-way: we hear %s, and nothing of ours gets "
                   "through to them|a firewall or NAT stops what we send: let "
                   "%s out at this side and in at %s's", ch->name, peer,
                   ch->scheme, peer);
    else
        ol_finding(f, peer, ch->name, OL_FINDING_FAULT,
                   "%s is one-way: %s hears us, and nothing of theirs gets "
                   "through to us|a firewall or NAT stops what they send: let "
                   "%s in at this side and out at %s's", ch->name, peer,
                   ch->scheme, peer);
}

static void channel(struct ol_findings *f, struct ol_station_line *line,
                    unsigned k, const struct ol_chan_status *s,
                    bool miscalled)
{
    const char *peer = line->conf.peer, *name = line->names[k];

    switch (s->state) {
    case OL_CHAN_UP:
        ol_finding(f, peer, name, OL_FINDING_OK, "%s is up|", name);
        break;
    case OL_CHAN_IDLE:
        if (line->ports[k].bearer != NULL && !line->ports[k].chan.up)
            (void)transport(f, line, k);
        else
            ol_finding(f, peer, name, OL_FINDING_OK, "%s waits for a file|",
                       name);
        break;
    case OL_CHAN_DISABLED:
        ol_finding(f, peer, name, OL_FINDING_NOTE,
                   "%s is disabled by this side|'openline channel %s enable "
                   "%s' when it is wanted", name, peer, name);
        break;
    case OL_CHAN_ONE_WAY:
        one_way(f, line, k, s);
        break;
    case OL_CHAN_DOUBTFUL:
        if (s->trial) {
            ol_finding(f, peer, name, OL_FINDING_NOTE,
                       "%s is on trial: it came and went|it is used, and "
                       "counts for the line once it has stayed; look at the "
                       "network if it goes again", name);
            break;
        }
        ol_finding(f, peer, name, OL_FINDING_NOTE,
                   "%s is in doubt: the last frames were not answered|watch "
                   "it; if it goes down, look at the network", name);
        break;
    default:
        sick(f, line, k, s, miscalled);
        break;
    }
}

static void cards(struct ol_findings *f, const struct ol_station_line *line,
                  const struct ol_line_status *s)
{
    const char *peer = line->conf.peer;

    if (s->wrong_share > 0)
        ol_finding(f, peer, NULL, OL_FINDING_FAULT,
                   "%llu knocks of %s came with a card that does not match "
                   "ours, or garbled|if one side has renewed its card, "
                   "exchange cards again and compare the safety number",
                   (unsigned long long)s->wrong_share, peer);
    if (s->wrong_identity > 0)
        ol_finding(f, peer, NULL, OL_FINDING_FAULT,
                   "a knock for %s came %llu times with another identity "
                   "than the one on its card|ask by voice whether its "
                   "station is new, then exchange cards again", peer,
                   (unsigned long long)s->wrong_identity);
    if (s->second > 0)
        ol_finding(f, peer, NULL, OL_FINDING_FAULT,
                   "another with this station's keys was answered in its "
                   "place, %llu times|if a second copy of this directory runs, "
                   "or this one was put back from a copy, end the other; if "
                   "not, the keys are stolen: tell %s by voice, and make a new "
                   "station", (unsigned long long)s->second, peer);
    if (s->peer_second > 0)
        ol_finding(f, peer, NULL, OL_FINDING_FAULT,
                   "a second copy of %s's station knocks, or an old one was "
                   "put back|ask %s by voice which one is theirs; if they "
                   "know of none, their keys are stolen: disable its channels",
                   peer, peer);
    if (line->pair.verified[0] == '\0')
        ol_finding(f, peer, NULL, OL_FINDING_NOTE,
                   "the safety number was not compared yet|compare it by "
                   "voice, then 'openline safety %s --confirm'", peer);
}

/* This ledger is an old copy: what that means, until the peer has answered. */
static void copy(struct ol_findings *f, const struct ol_station_line *line,
                 const struct ol_line_status *s)
{
    const char *peer = line->conf.peer;

    if (s->returning && !s->live)
        ol_finding(f, peer, NULL, OL_FINDING_FAULT,
                   "this ledger is an old copy and nothing goes out before "
                   "%s has said what it holds: what is said meanwhile waits "
                   "on disk|get a channel to %s, or a courier there and back",
                   peer, peer);
    else if (s->returning)
        ol_finding(f, peer, NULL, OL_FINDING_NOTE,
                   "this ledger is an old copy: %s gives back our own "
                   "records|wait; 'openline log' shows what came back", peer);
}

static void one_line(struct ol_findings *f, struct ol_station_line *line)
{
    const char *peer = line->conf.peer;
    struct ol_line_status s;

    if (line->phase == OL_PHASE_UNPAIRED)
        return; /* the directory's findings say it */
    if (line->core == NULL) {
        ol_finding(f, peer, NULL, OL_FINDING_FAULT,
                   "the line does not run: %s|see the station's log",
                   line->why);
        return;
    }
    ol_line_status(line->core, ol_clock_ns(), &s);
    cards(f, line, &s);
    ol_doctor_clocks(f, line);
    copy(f, line, &s);
    if (s.stopped)
        ol_finding(f, peer, NULL, OL_FINDING_FAULT,
                   "%s holds records that this station does not have, or "
                   "other ones: nothing is sent in that precedence|was this "
                   "station restored from a copy? keep both ledgers as they "
                   "are, run 'openline audit' on both sides, and settle it "
                   "with %s by voice",
                   peer, peer);
    if (line->files.no_room)
        ol_finding(f, peer, NULL, OL_FINDING_FAULT,
                   "files from %s wait for room on the disk: nothing of them "
                   "is asked for|make room; they go on by themselves, from "
                   "where they stand", peer);
    if (line->conf.n_channels == 0)
        ol_finding(f, peer, NULL, OL_FINDING_FAULT,
                   "the line has no channel|add channel = NAME URL to "
                   "lines.d/%s.conf and reload", peer);
    for (unsigned k = 0; k < line->conf.n_channels; k++)
        channel(f, line, k, &s.ch[k],
                s.wrong_share > 0 || s.wrong_identity > 0);
    if (s.shared_fate && s.state == OL_LINE_OPEN)
        ol_finding(f, peer, NULL, OL_FINDING_NOTE,
                   "all channels that work share one fate|one cut ends them "
                   "all: add a channel of another kind");
}

void ol_doctor_live(struct ol_findings *f, struct ol_station *st)
{
    ol_doctor_marker(f, &st->guard.marker, st->guard.copied);
    for (unsigned k = 0; k < OL_LISTEN_MAX; k++)
        if (st->listeners[k].bearer != NULL &&
            st->listeners[k].strangers > 0)
            ol_finding(f, NULL, NULL, OL_FINDING_NOTE,
                       "%llu knocks of strangers came to %s|none; if a peer "
                       "does not get through, one of you may hold an old "
                       "card of the other",
                       (unsigned long long)st->listeners[k].strangers,
                       st->listeners[k].url);
    if (st->listen_ns != OL_NEVER_NS)
        ol_finding(f, NULL, NULL, OL_FINDING_FAULT,
                   "a listen line names an address that this machine does not "
                   "have|bring that network up, or correct the line: "
                   "[::] takes every address");
    for (unsigned k = 0; k < st->n_lines; k++)
        if (f->only == NULL || strcmp(f->only, st->lines[k]->conf.peer) == 0)
            one_line(f, st->lines[k]);
}
