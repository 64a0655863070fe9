/*
 * station.conf and lines.d/PEER.conf, read strictly.
 *
 * Every key is one row of a table (conf.c): what it takes, whether it may
 * stand more than once. An unknown key, a bad value or a line that is neither
 * is refused with file, line and what is allowed; nothing is guessed.
 */
#ifndef OL_STATION_CONF_H
#define OL_STATION_CONF_H

#include <openline/line.h>
#include <openline/station.h>

#include "station/attend.h"
#include "station/check_plan.h"
#include "wire/card.h"
#include "wire/messages.h"

#define OL_LISTEN_MAX 8u
#define OL_CONF_PATH 1024u
#define OL_HOOKS_MAX 16u
#define OL_HOOK_NAME 32u
#define OL_CONF_MAX 65536u /* bytes of a file */
#define OL_ATTACH_AUTO (UINT64_C(10) << 20) /* attachments = auto:10MiB */

struct ol_conf_reach {
    char name[OL_NAME_MAX + 1];
    char url[OL_URL_MAX + 1];
};

/* How soon a message of one precedence is to be read and an ask answered; 0:
 * no objective. */
struct ol_conf_objective {
    uint64_t read_ns, answer_ns;
};

struct ol_conf_station {
    char name[OL_STATION_MAX + 1];
    unsigned n_listen;
    char listen[OL_LISTEN_MAX][OL_URL_MAX + 1];
    unsigned n_reach;
    struct ol_conf_reach reach[OL_CHANNELS_MAX]; /* what our cards carry */
    char metrics[OL_CONF_PATH]; /* a file; empty: none */
    uint8_t objectives_given; /* bits: precedences */
    struct ol_conf_objective objectives[OL_PRECS];
    unsigned n_hooks;
    struct ol_conf_hook {
        char name[OL_HOOK_NAME + 1];
        uint64_t wants; /* 1 << enum ol_what */
    } hooks[OL_HOOKS_MAX]; /* those that are not run for every event */
    struct ol_attend_conf attend; /* when an officer is asked */
};

struct ol_conf_channel {
    char name[OL_NAME_MAX + 1];
    char scheme[8];           /* "tcp", "udp", "courier" */
    char url[OL_URL_MAX + 1]; /* empty: the other side dials */
    char fate[33];            /* empty: none declared */
    char proxy[OL_URL_MAX + 1]; /* may hold a password; empty: none */
    uint64_t hold_ns;         /* 0: the line's */
    uint64_t rate_bps;        /* 0: not declared */
};

/* What is done about an ask of ours some time after it became overdue. */
enum ol_step {
    OL_STEP_RAISE,   /* a reminder of precedence prec, if the ask has less */
    OL_STEP_CHANNEL, /* channel arg is enabled */
    OL_STEP_HOOK,    /* watchers and hooks are told, no more */
    OL_STEP_DEPUTY,  /* a reminder to the role arg */
};

#define OL_STEPS_MAX 8u

struct ol_conf_step {
    uint64_t after_ns;
    uint8_t what, prec;
    char arg[OL_ROLE_MAX + 1];
};

/* What is not taken, during a declared exercise or outside of one. */
enum ol_conf_refuse {
    OL_REFUSE_NONE,
    OL_REFUSE_ACTUAL,   /* during one */
    OL_REFUSE_EXERCISE, /* outside of one */
    OL_REFUSE_BOTH,
};

struct ol_conf_line {
    char peer[OL_STATION_MAX + 1]; /* from the file's name */
    char card[256];                /* a file in lines.d */
    char alias[65];
    uint64_t probe_ns, hold_ns;
    enum ol_share_rule share; /* of our officer, what the peer may know */
    bool attach_ask;     /* files come only when an officer asks for them */
    uint64_t attach_max; /* bytes; larger ones come only so */
    unsigned n_steps;
    struct ol_conf_step steps[OL_STEPS_MAX];
    enum ol_conf_refuse refuse;
    struct ol_check_plan check;
    char check_texts[OL_CONF_PATH]; /* a file; empty: the usual text */
    char check_lang[OL_LANG_MAX + 1]; /* its language; empty: not said */
    unsigned n_channels;
    struct ol_conf_channel channels[OL_CHANNELS_MAX];
};

/* Both return an exit status; why begins with FILE:LINE where there is one.
 * dir is the station's. */
int ol_conf_station_read(const char *dir, struct ol_conf_station *out,
                         char why[OL_WHY_MAX]);
/* 3 when there is no lines.d/PEER.conf. */
int ol_conf_line_read(const char *dir, const char *peer,
                      struct ol_conf_line *out, char why[OL_WHY_MAX]);

/* The same from text; `file` is only its name in messages. */
int ol_conf_station_parse(const char *file, const char *text,
                          struct ol_conf_station *out, char why[OL_WHY_MAX]);
int ol_conf_line_parse(const char *file, const char *peer, const char *text,
                       struct ol_conf_line *out, char why[OL_WHY_MAX]);

/* conf_hook.c: hook = NAME EVENT... */
struct ol_ini;
bool ol_conf_take_hook(struct ol_ini *ini, const char *value);

enum ol_chan_kind ol_conf_kind(const char *scheme);
/* The largest packet of a channel. */
uint32_t ol_conf_mtu(const struct ol_conf_channel *ch);

#endif
