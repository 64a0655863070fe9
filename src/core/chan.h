/*
 * One channel of a line as a whole: where it sends, whether it is heard and
 * answered, and the states that follow from it (probe.c).
 */
#ifndef OL_CORE_CHAN_H
#define OL_CORE_CHAN_H

#include <openline/line.h>

#include "core/path.h"
#include "wire/chunk.h"
#include "wire/messages.h"

struct ol_line;

/* ---- channels (probe.c) -------------------------------------------------- */

struct ol_lchan {
    struct ol_chan_conf conf;
    uint64_t hold_ns;
    uint32_t tag;
    bool disabled;
    bool up;             /* transport, empty address */
    uint32_t own_room;   /* bytes that the empty address takes now */
    uint32_t addr_room;  /* the same of addr */
    uint32_t spent;      /* of it, since the transport could tell */
    bool has_addr;       /* addr is where we send; else the empty one */
    struct ol_addr addr;
    bool has_cand;       /* heard from there; to be proved by an echo */
    struct ol_addr cand;
    uint32_t cand_probe; /* the probe id that went there */
    uint64_t cand_ns;    /* and when */
    uint8_t cand_tries;  /* how often it was asked in vain */
    uint64_t cand_move_ns; /* it echoed: it is used then, if nothing speaks
                              against it; OL_NEVER_NS: it did not */
    bool has_prev;       /* an address that was in use, and had echoed */
    struct ol_addr prev;
    bool cand_kept;      /* the address in use answered too: we stayed */
    uint64_t current_ns; /* the address in use echoed last */
    bool proved;         /* addr has echoed */
    int32_t credit;      /* bytes that may go there until it has */
    bool ask;            /* probe now, however well it seems */
    uint64_t news_ns;    /* its network changed: it is to prove itself */
    uint8_t state;       /* enum ol_chan_state */
    uint8_t told;        /* the state last told by an EVENT */
    bool overtook;       /* it is up, and took over what was slower */
    uint64_t born_ns;    /* enabled since */
    uint64_t heard_ns, answered_ns;
    uint64_t half_ns;    /* since when only one of the two is recent */
    bool late;           /* in doubt because an answer is */
    bool trial;          /* in doubt, too, because it fell too often */
    uint8_t falls;       /* of late, from up or doubtful */
    uint64_t fell_ns, back_ns; /* the last; and when it came back */
    uint64_t down_ns;    /* since when */
    uint64_t probe_next_ns, probe_sent_ns;
    uint32_t probe_id;   /* the newest; 0: none */
    uint64_t probe_at_ns; /* when it was sent */
    uint8_t guesses;     /* ECHOs since that name no probe of ours */
    bool echo_due;
    struct ol_probe echo;
    uint64_t echo_heard_ns;
    struct ol_addr echo_to;
    uint64_t response_ns; /* the kept response went here last */
    uint64_t held_ns;    /* the newest HELD went */
    uint64_t want_ns;    /* no WANT that asks goes before */
    uint64_t quiet_ns;   /* narrow: what can wait does until then */
    uint64_t recopy_ns;  /* copies that were lost here went again then */
    uint64_t reset_ns;   /* the transport was last asked to start anew */
    uint8_t peer_state;  /* enum ol_chan_state, as the peer says */
    uint64_t peer_state_ns;
    uint64_t frames_sent, frames_received, bytes_sent, bytes_received;
    uint64_t knocks_sent, knocks_answered, dropped;
    /* pouch */
    uint32_t bundled[OL_PRECS];
    uint64_t bundle_ns;      /* the last with records in it; 0: never */
    uint64_t bundle_held_ns; /* the last that was made for HELD */
    bool bundle_held;        /* HELD has changed since */
    uint64_t blob_after;     /* attachments: the order of the last one in */
    uint64_t blob_resume;    /* of one that is in up to a piece, or 0 */
    uint32_t blob_piece;     /* that piece */
    bool blob_more;          /* some of them wait for a file */
    uint64_t blob_look_ns;   /* then look for some anew */
    uint64_t blob_last; /* the newest bundle that carried some; 0: none did */
    uint64_t blob_asked_ns, blob_pause_ns; /* a WANT made them due */
    struct ol_path path;
};

/* ---- probe.c ------------------------------------------------------------ */

/* An authentic frame of so many bytes came on c. */
void ol_probe_heard(struct ol_line *l, unsigned c, const struct ol_addr *from,
                    size_t bytes);
/* A frame of ours, sent at sent_ns on c, was answered. */
void ol_probe_answered(struct ol_line *l, unsigned c, uint64_t sent_ns);
/* An id for a probe: nobody echoes it who did not get it. */
uint32_t ol_probe_new_id(struct ol_line *l);
void ol_probe_asked(struct ol_line *l, unsigned c, const struct ol_probe *p,
                    const struct ol_addr *from);
void ol_probe_echoed(struct ol_line *l, unsigned c, const struct ol_probe *p,
                     const struct ol_addr *from);
void ol_probe_viewed(struct ol_line *l, const struct ol_view *v);
enum ol_attendance ol_probe_theirs(const struct ol_line *l);
enum ol_err ol_probe_attend(struct ol_line *l, uint8_t attendance);
/* The peer has our view as it is, and not from long ago. */
bool ol_probe_view_told(const struct ol_line *l);
/* Is a VIEW to go by itself: it changed, or what went may be lost. */
bool ol_probe_view_due(struct ol_line *l);
void ol_probe_view(const struct ol_line *l, struct ol_view *v);
/* Transport events and the officer's switch. */
void ol_probe_transport(struct ol_line *l, unsigned c,
                        const struct ol_addr *from, const struct ol_chan *t);
void ol_probe_enable(struct ol_line *l, unsigned c, bool on);
/* States, and probes that are due. */
void ol_probe_pump(struct ol_line *l);
/* Can a packet be sent there at all: enabled, and somewhere to send to. */
bool ol_chan_reachable(const struct ol_lchan *c);
/* Can a stream take n bytes without dropping; datagrams may always go. */
bool ol_chan_room(const struct ol_lchan *c, size_t n);
/* May it carry what asserts or costs: up, or in doubt. */
bool ol_chan_usable(const struct ol_lchan *c);
/* The best channel for a control frame; -1: none. */
int ol_chan_best(const struct ol_line *l);
bool ol_line_live(const struct ol_line *l);
/* In doubt because an answer is late, and not on trial only. */
bool ol_chan_late(const struct ol_lchan *ch);

#endif
