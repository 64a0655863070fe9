/*
 * A station, for its faces: the verbs that need no running daemon, and run.
 *
 * A station is a directory: station.conf, lines.d/PEER.conf, cards (own ones
 * in cards/, a peer's in lines.d/PEER.card), keys (identity.key, storage.key,
 * 0600), ledger.db, control.sock, lock. Everything else a face wants, it asks
 * over control.sock (doc/control.md).
 *
 * Every call returns an exit status of the contract (0 done, 1 failed, 2
 * usage, 3 no such thing, 4 waited in vain, 5 not running) and, when it is
 * not 0, says in `why` what happened and what to do: "what happened: what to
 * do". Results are text in a buffer of the caller's.
 */
#ifndef OPENLINE_STATION_H
#define OPENLINE_STATION_H

#include "span.h"

#define OL_WHY_MAX 1024u
#define OL_VERSION_TEXT "0.1.0"

/* -d, OPENLINE_DIR, ~/.openline, the one station under /var/lib/openline.
 * out holds 4,096 bytes. 3 when there is none. flag may be NULL. */
int ol_station_find(const char *flag, char *out, char why[OL_WHY_MAX]);

/* Makes DIR (0700) with keys, marker and a commented station.conf. 1 when
 * there is a station already. 0 with a why that is not empty: made, and this
 * should be known. */
int ol_station_init(const char *dir, const char *name, char why[OL_WHY_MAX]);

/* Where passphrases are read from, one line each: descriptors, or -1. Without
 * one: a systemd credential, else the terminal. new_fd is for another
 * passphrase of what has one. For the whole process. */
void ol_station_passphrase(int fd, int new_fd);

struct ol_init_opts {
    const char *dir, *name;
    bool passphrase; /* asks for one, which seals keys and cards */
};
/* As ol_station_init. */
int ol_station_make(const struct ol_init_opts *opts, char why[OL_WHY_MAX]);

/* Sets, changes or removes the passphrase. Setting and removing need a station
 * that does not run. Cut half-way, everything still opens. */
int ol_station_change(const char *dir, bool remove, char why[OL_WHY_MAX]);

/* What is needed to come back from nothing (keys, configuration, cards), or
 * that and the ledger as it stands, into the new FILE, sealed under the
 * station's passphrase, or another, or a first one. A station may run. */
int ol_station_identity(const char *dir, const char *file,
                        char why[OL_WHY_MAX]);
int ol_station_backup(const char *dir, const char *file, char why[OL_WHY_MAX]);
/* Back again: from a backup, or from an identity (its name must be the
 * expected one, unless that is NULL). DIR must be empty or not there; on any
 * fault nothing is left. The station has the file's passphrase if it had one.
 * Its first start knows that it is a copy. */
int ol_station_restore(const char *file, const char *dir, char name[33],
                       char why[OL_WHY_MAX]);
int ol_station_revive(const char *file, const char *dir, const char *expected,
                      char name[33], char why[OL_WHY_MAX]);

/* The armoured card for peer; the same until renewed. Its channels are the
 * `reach =` lines of station.conf, or else its listeners. */
int ol_station_card(const char *dir, const char *peer, bool renew,
                    struct ol_writer *text, char why[OL_WHY_MAX]);

struct ol_pairing {
    char peer[33];
    char safety[72];
    char conf_path[4096];
    char conf[8192]; /* the text of lines.d/PEER.conf */
    bool verified;
};

/* Takes the card in `text`: writes lines.d/PEER.card and, when there is none
 * yet, lines.d/PEER.conf; makes our own card for the peer if there is none.
 * A running daemon is told to reload. */
int ol_station_pair(const char *dir, struct ol_span text,
                    struct ol_pairing *out, char why[OL_WHY_MAX]);

/* The safety number; confirm marks it as compared by voice. */
int ol_station_safety(const char *dir, const char *peer, bool confirm,
                      struct ol_pairing *out, char why[OL_WHY_MAX]);

struct ol_run_opts {
    const char *dir;
    bool check_config; /* read and check everything, then return */
};

/* Runs the daemon in the foreground until SIGTERM or SIGINT. */
int ol_station_run(const struct ol_run_opts *opts, char why[OL_WHY_MAX]);

/*
 * What is wrong and what to do, for one peer or all (NULL): findings as one
 * JSON document [{"peer","channel","severity":"ok|note|fault","what","do"}].
 * Asks a running daemon over its socket; without one it checks directory,
 * keys, configuration, disk and ports itself. 0: nothing is wrong; 1: some
 * finding is a fault.
 */
int ol_station_doctor(const char *dir, const char *peer,
                      struct ol_writer *json, char why[OL_WHY_MAX]);

#endif
