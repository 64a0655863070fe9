/*
 * The line engine: one line, as one event in and its effects out.
 *
 * No I/O, no clock, no allocation after init, no wall clock. The caller owns
 * the sockets, the disk and the time; it calls ol_line_step once per event
 * and carries the effects out in their order:
 *
 *   PUT   belongs to eff.batch: commit the whole batch, in order, then report
 *         OL_EV_COMMITTED with its token. Batches commit in order. SEND and
 *         NOTE effects that assert something on disk appear only after that.
 *   SEND  goes to its channel at once; a channel that cannot take it drops it.
 *   LOAD  is answered with the same token, also when there is nothing: by
 *         OL_EV_LOADED, or as its kind says.
 *   NOTE  tells the station something; nothing in the line waits for it.
 *
 * When eff.more is set, call again with OL_EV_TICK and the same now. Call
 * with OL_EV_TICK no later than eff.wake_ns. After a commit that failed the
 * line is discarded and made anew from the ledger (ol_line_fini, snapshot,
 * ol_line_init). Effects stay valid until the next step of the same line.
 *
 * Errors of ol_line_step speak of the event's own bytes: a peer's fault
 * (OL_FAULT_PEER) is already counted and needs no answer; OL_ERR_AGAIN from a
 * SUBMIT says try after the next commit. Effects are valid in any case.
 */
#ifndef OPENLINE_LINE_H
#define OPENLINE_LINE_H

#include "err.h"
#include "file.h"
#include "record.h"
#include "span.h"

#define OL_FX_MAX 96u
#define OL_ADDR_MAX 30u
#define OL_CHANNEL_ANY 0xffffu    /* FRAME: came on a shared listener */
#define OL_CHANNEL_FILE 0xfffeu   /* FRAME, SEND: a single bundle file */
#define OL_CHAN_MAX 16u           /* channels of a line */
#define OL_LOAD_MAX 256u          /* records in one LOADED */
#define OL_LOAD_BYTES (60u * 1024) /* canonical bytes in one LOADED */

/* Opaque to the core: where bytes came from, echoed in a SEND. len 0: the
 * channel's own configured destination. */
struct ol_addr {
    uint8_t len;
    uint8_t b[OL_ADDR_MAX];
};

enum ol_author { OL_OWN, OL_PEER };

enum ol_chan_kind { OL_CHAN_STREAM, OL_CHAN_DATAGRAM, OL_CHAN_POUCH };

enum ol_chan_state {
    OL_CHAN_FRESH,    /* nothing heard since this line was made */
    OL_CHAN_UP,       /* a frame of ours was answered within the hold time */
    OL_CHAN_ONE_WAY,  /* frames pass in one direction only */
    OL_CHAN_DOUBTFUL, /* unanswered for longer than its round trips explain */
    OL_CHAN_DOWN,     /* nothing answered for the hold time */
    OL_CHAN_DISABLED, /* by this side */
    OL_CHAN_IDLE,     /* a pouch: not a liveness channel */
    OL_CHAN_UNKNOWN,  /* only in what we know of the peer's view */
    OL_CHAN_STATES
};

enum ol_line_state {
    OL_LINE_UNPAIRED,
    OL_LINE_OPEN,
    OL_LINE_LAST_CHANNEL,
    OL_LINE_POUCH_ONLY,
    OL_LINE_DARK,
    OL_LINE_CLOSED_BY_US,
    OL_LINE_CLOSED_BY_THEM,
    OL_LINE_UNKNOWN, /* only in what we know of the peer's view */
    OL_LINE_STATES
};

enum ol_attendance { OL_ATT_UNKNOWN, OL_ATT_ATTENDED, OL_ATT_UNATTENDED };

/* Names as the contract spells them: "last-channel". Static storage. */
const char *ol_chan_state_name(enum ol_chan_state s);
const char *ol_line_state_name(enum ol_line_state s);
const char *ol_attendance_name(enum ol_attendance a);

struct ol_chan_conf {
    char name[17]; /* one name on both sides */
    enum ol_chan_kind kind;
    bool dials;    /* the empty address reaches the peer */
    bool disabled; /* at start */
    uint32_t mtu;  /* largest packet, 192 to 4,096; pouch 65,535 */
    uint64_t rate_bps; /* 0: not declared */
    uint64_t hold_ns;  /* 0: the line's */
    uint32_t fate;     /* equal and not 0: shares its fate with others */
};

/* What the ledger holds of a line, for ol_line_init. Borrowed for the call. */
struct ol_log_head {
    uint32_t size;          /* records without a gap */
    struct ol_span frontier; /* ol_tree_save of those */
};

struct ol_beyond { /* a peer's record behind a gap */
    uint8_t prec;
    uint32_t index;
    uint8_t leaf[32];
};

struct ol_part { /* a peer's record that is not whole yet */
    uint8_t prec;
    uint32_t index;
    uint64_t mask;        /* units present */
    uint16_t size;        /* canonical size, 0: not known yet */
    struct ol_span bytes; /* OL_RECORD_MAX or fewer, gaps are zero */
};

struct ol_signed { /* a checkpoint that stands in the ledger */
    uint32_t size;     /* 0: none */
    uint8_t root[32], sig[64];
};

struct ol_snapshot {
    struct ol_log_head log[2][OL_PRECS]; /* [enum ol_author] */
    struct ol_signed signed_by_peer[OL_PRECS];
    uint64_t number;         /* the highest own number given */
    uint64_t peer_number;    /* the highest of the peer's records here */
    uint32_t acked[OL_PRECS]; /* own records that the peer holds */
    struct ol_span state;    /* the newest PUT STATE, or empty */
    const struct ol_beyond *beyond;
    uint32_t n_beyond;
    const struct ol_part *parts;
    uint32_t n_parts;
};

struct ol_conf {
    const struct ol_identity *identity; /* copied */
    uint8_t peer_ed_pk[32], peer_x_pk[32];
    uint8_t own_share[32], peer_share[32]; /* from both cards */
    uint8_t boot[8];  /* random, new with every init */
    uint8_t seed[32]; /* random, new with every init */
    struct ol_chan_conf channels[OL_CHAN_MAX];
    uint16_t n_channels;
    uint64_t probe_ns, hold_ns;
    /* This directory is a copy (or only its identity was left): nothing is
     * numbered before the peer has said what it holds. Init may be told once
     * or at every start until NOTE_PROVED; the core keeps it on disk. */
    bool restored;
    struct ol_snapshot snapshot;
};

enum ol_ev {
    OL_EV_START,     /* first event after init */
    OL_EV_FRAME,     /* channel (or ANY, FILE), from, bytes: one packet */
    OL_EV_SUBMIT,    /* token, record, and more of that precedence: index and
                        number are given here, in one batch with one
                        signature. eff.taken: how many, from the first on; a
                        later one that is not waits for a SUBMIT of its own */
    OL_EV_COMMITTED, /* token: a batch is on disk */
    OL_EV_LOADED,    /* token, loaded, n_loaded */
    OL_EV_CHANNEL,   /* channel, chan: its transport changed */
    OL_EV_ENABLE,    /* channel, on: by the officer */
    OL_EV_EXPORT,    /* token: write bundles of all that is not acked */
    OL_EV_TICK,      /* time has passed; fresh may be set */
    /* Attachments: the station says what is wanted, the core moves pieces. */
    OL_EV_WANT,    /* file (hash size upto map): pull it, in place of the one
                      before; file NULL: pull nothing. Ends in NOTE PULLED */
    OL_EV_PASS,    /* file (hash): not now; answers NOTE OFFERED */
    OL_EV_DONE,    /* file (hash size): verified and on disk as WHOLE; tell the
                      peer, until NOTE NOTED. OL_ERR_AGAIN: later */
    OL_EV_DECLINE, /* file (hash size): not wanted; else as DONE */
    OL_EV_NOTED,   /* file (hash size): what the peer said of our file in NOTE
                      SERVED (on: done, else declined) is on our disk.
                      OL_ERR_AGAIN: when it says so again */
    OL_EV_PIECE,   /* token, bytes: answers a LOAD PIECE; empty: no such file
                      of that size, or no such piece */
    OL_EV_FILE,    /* token, file (hash size order) or NULL: answers LOAD
                      FILE */
    OL_EV_ATTEND,  /* attendance: what the peer may know of our officer, from
                      now on; UNKNOWN until then */
};

struct ol_chan {
    bool up;   /* the transport can take packets for the empty address */
    bool gone; /* `from` (of the event) will never take packets again */
    bool news; /* its network may have changed: what was known is old */
    bool too_big; /* a packet was, says the transport; a hint only */
    uint32_t room_bytes; /* what the transport takes without queueing */
};

struct ol_loaded {
    uint32_t index;
    uint8_t leaf[32];
    uint8_t root[8];
    struct ol_span bytes; /* canonical */
};

struct ol_event {
    enum ol_ev kind;
    uint16_t channel;
    bool on;             /* ENABLE */
    bool follows; /* FRAME: another came with it and is given next. What is due
                     then may wait for that, or for a TICK: wake_ns is now */
    bool full;           /* any event: the disk has no room; credit 0 */
    uint8_t attendance;  /* ATTEND: enum ol_attendance */
    uint64_t token;      /* the submitter's, a batch, or a load */
    struct ol_addr from; /* FRAME, CHANNEL */
    struct ol_span bytes; /* FRAME: borrowed for this call */
    const struct ol_record *record;   /* SUBMIT: borrowed for this call */
    const struct ol_record *const *more; /* n_more behind it, the same */
    uint32_t n_more;
    const struct ol_chan *chan;       /* CHANNEL */
    const struct ol_loaded *loaded;   /* LOADED: ascending from the asked */
    uint32_t n_loaded;
    const uint8_t *fresh; /* START, TICK: 32 random bytes, or NULL */
    const struct ol_file *file; /* WANT to FILE: borrowed for this call */
};

enum ol_fx { OL_FX_PUT, OL_FX_SEND, OL_FX_LOAD, OL_FX_NOTE };

enum ol_put_kind {
    OL_PUT_RECORD,     /* author prec index number kind leaf root bytes */
    OL_PUT_HEAD,       /* author prec index (= size) bytes (= frontier) */
    OL_PUT_ACK,        /* prec index: own records up to it are delivered */
    OL_PUT_MARK,       /* author number: a message; rel: what is said of it;
                          by prec index: of the record that says so */
    OL_PUT_PART,       /* prec index mask size offset bytes: a peer's */
    OL_PUT_SENT,       /* prec index count channel: first sent there */
    OL_PUT_STATE,      /* bytes: the core's own state, replaces the last */
    OL_PUT_CHECKPOINT, /* author prec index (= size) leaf (= root) bytes
                          (= signature): replaces the last */
    OL_PUT_EVENT,      /* what author prec index count channel detail */
    OL_PUT_FILE,       /* author leaf (= hash) state prec number (= size): a
                          new attachment, or its new state (size and prec then
                          stay, but for a file without pieces) */
    OL_PUT_PIECE,      /* author leaf (= hash) index bytes: of a file that is
                          there; else, and a second time, it does nothing */
    OL_PUT_DROP,       /* author leaf (= hash) index count: pieces go */
    OL_PUT_ASIDE,      /* prec index bytes (= frontier of index - 1): own
                          records from index on leave their log; they wait to
                          be said again under their ids, but those of kind
                          RETURNED, which are gone; so are their marks on
                          own messages */
    OL_PUT_PROVED,     /* prec index: returned own records up to it are as
                          our own signature says */
    OL_PUT_WAITING,    /* bytes: an own record without number, to be said;
                          gone when an own record of its id is put */
};

/* What vouches for an own record. */
enum ol_proof {
    OL_PROOF_OWN,      /* it was never away */
    OL_PROOF_PROVED,   /* the peer gave it back; our own signature covers it */
    OL_PROOF_UNPROVED, /* the peer gave it back; nothing but its word */
    OL_PROOFS
};

/* What a watcher is told; names as in the contract. */
enum ol_what {
    OL_WHAT_ARRIVED, /* author peer, index.. count */
    OL_WHAT_DELIVERED, /* author own, index.. count */
    OL_WHAT_READ,      /* author peer, index: the receipt that says so */
    OL_WHAT_UNDERSTOOD,
    OL_WHAT_ANSWERED,
    OL_WHAT_DECLINED,
    OL_WHAT_OVERDUE,
    OL_WHAT_CHANNEL,  /* channel; detail: its state */
    OL_WHAT_LINE,     /* detail: its state */
    OL_WHAT_BLACKOUT, /* the line went dark */
    OL_WHAT_RESTORED, /* and is no longer */
    OL_WHAT_ALARM,    /* detail: what happened */
    OL_WHAT_ATTACHMENT, /* author prec index: of the record that names it;
                           detail: its place in it, from 0, and its state */
    /* author peer, index: of the record that says so, as READ to DECLINED */
    OL_WHAT_CANCELLED,
    OL_WHAT_SUPERSEDED,
    OL_WHAT_DISTRIBUTED,
    OL_WHAT_CHECKED,
    OL_WHAT_FULFILLED,
    OL_WHAT_STANCE,
    OL_WHAT_CAUGHT_UP, /* what waited in a blackout has gone */
    OL_WHAT_ESCALATED, /* author prec index: of the ask; detail: how */
    OL_WHAT_ATTENDANCE, /* author: whose officer; detail: what is known */
    OL_WHAT_EXERCISE, /* detail: "declared" or "over", on our side */
    OL_WHATS
};

const char *ol_what_name(enum ol_what what);

struct ol_put {
    enum ol_put_kind kind;
    uint8_t author; /* enum ol_author */
    uint8_t prec;
    uint8_t rec_kind; /* RECORD */
    uint8_t rel;      /* MARK: enum ol_rel */
    uint8_t by;       /* MARK: enum ol_author */
    uint8_t what;     /* EVENT */
    uint8_t state;    /* FILE: enum ol_file_state */
    bool erase;       /* STATE: no older copy of it may stay on the disk */
    uint8_t proof;    /* RECORD: enum ol_proof */
    uint16_t channel; /* SENT, EVENT; OL_CHANNEL_ANY: none */
    uint16_t size, offset; /* PART */
    uint32_t index;
    uint32_t count; /* SENT, EVENT, DROP: index .. index + count - 1 */
    uint64_t number;
    uint64_t mask;
    uint8_t leaf[32];
    uint8_t root[8];
    struct ol_span bytes;
    const char *detail; /* EVENT: borrowed, 63 bytes of it are kept; or NULL */
};

struct ol_send {
    uint16_t channel; /* or OL_CHANNEL_FILE with token */
    struct ol_addr to;
    struct ol_span bytes; /* one packet */
    bool last;            /* pouch: this bundle ends its file */
    uint64_t token;
};

enum ol_load_kind {
    OL_LOAD_RECORDS, /* of an author, from index on, those behind a gap too,
                        up to both maxima: EV LOADED */
    OL_LOAD_PIECE,   /* piece `index` of our own file of that hash and size,
                        whole here (SENDING or HELD): EV PIECE */
    OL_LOAD_FILE,    /* our first own file in SENDING whose order is above
                        `after`: EV FILE */
};

struct ol_load {
    uint8_t kind; /* enum ol_load_kind */
    uint8_t author; /* RECORDS: enum ol_author */
    uint8_t prec;
    uint64_t token;
    uint32_t index;
    uint32_t max_records; /* <= OL_LOAD_MAX */
    uint32_t max_bytes;   /* <= OL_LOAD_BYTES; but one record always */
    uint8_t hash[32];
    uint64_t size;
    uint64_t after;
};

enum ol_note_kind {
    OL_NOTE_TAKEN,       /* token prec index number count: a SUBMIT is on disk;
                            its first record has these, those behind it have
                            the next ones */
    OL_NOTE_EXPORTED,    /* token, index: bundles written; size: bytes of
                            attachments that had no room */
    OL_NOTE_IMPORTED,    /* channel: what bundles brought so far is on disk,
                            what they say of our own records included */
    OL_NOTE_WRONG_SHARE, /* channel or ANY: this peer's knock, other share */
    OL_NOTE_WRONG_IDENTITY, /* its knock carries another static key */
    OL_NOTE_SECOND,      /* another with our keys was answered in our place */
    OL_NOTE_PEER_SECOND, /* two knocks of the peer with one opening number */
    OL_NOTE_EPOCH,       /* a new epoch is in use */
    OL_NOTE_BEHIND,      /* the peer says our opening number is old */
    OL_NOTE_ROOT,        /* prec index: the peer's HELD has a foreign root */
    OL_NOTE_CHECKPOINT,  /* prec index: the peer's checkpoint does not hold */
    OL_NOTE_ROLLED_BACK, /* the peer holds less than it once said */
    OL_NOTE_UNOPENED,    /* a bundle of this line that does not open; index:
                            the prekey it is for, when we do not have that */
    OL_NOTE_CARD_ONLY,   /* bundles go to the card's key from now on: no
                            forward secrecy */
    OL_NOTE_PREKEY,      /* and to a prekey of the peer again */
    OL_NOTE_RESET,       /* channel: a stream that is down, open it anew; a
                            datagram channel that is not answered, look its
                            name up again */
    OL_NOTE_PULL,        /* hash index: so many pieces of it are on our disk */
    OL_NOTE_PULLED,      /* hash: all are; now verify it */
    OL_NOTE_OFFERED,     /* hash: bundles bring it. The file that is being read
                            waits for WANT (of this hash) or PASS, 2 s at
                            most; records before it are on disk */
    OL_NOTE_NOTED,       /* hash, done or declined: the peer has it on disk
                            that we said so */
    OL_NOTE_SERVED,      /* hash size index: the peer has so many pieces of
                            ours; done: all, verified; declined: wants none */
    OL_NOTE_LOST,        /* prec index: the peer holds what our log lacks from
                            here on; it is asked to give it back */
    OL_NOTE_PROVED,      /* all logs are as the peer holds them: what waits
                            can be said */
    OL_NOTE_PEER_LOST,   /* prec: the peer asks for its own records back */
    OL_NOTE_KINDS
};

struct ol_note {
    enum ol_note_kind kind;
    uint16_t channel;
    uint8_t prec;
    uint32_t index;
    uint32_t count; /* TAKEN */
    uint64_t number;
    uint64_t token;
    uint8_t hash[32]; /* PULL to SERVED */
    uint64_t size;
    bool done, declined;
};

struct ol_effect {
    enum ol_fx kind;
    union {
        struct ol_put put;
        struct ol_send send;
        struct ol_load load;
        struct ol_note note;
    };
};

struct ol_effects {
    uint64_t batch; /* the PUTs' batch; 0: nothing to commit */
    uint64_t wake_ns;
    bool more;
    uint16_t count;
    uint16_t taken; /* records of a SUBMIT */
    struct ol_effect v[OL_FX_MAX];
};

struct ol_line;

/* Bytes that ol_line_init needs at mem, aligned to 16. Untouched pages of it
 * stay untouched until traffic needs them: hand in zeroed, lazy memory. */
size_t ol_line_size(void);

/* mem: ol_line_size() zero bytes, owned by the caller until after fini.
 * OL_ERR_INPUT: a configuration outside its limits; OL_ERR_FOREIGN: the
 * peer's keys are our own; OL_ERR_CORRUPT: a snapshot that does not hold. */
OL_MUST_USE enum ol_err ol_line_init(struct ol_line **line, void *mem,
                                     const struct ol_conf *conf);
OL_MUST_USE enum ol_err ol_line_step(struct ol_line *line,
                                     const struct ol_event *ev,
                                     uint64_t now_ns, struct ol_effects *eff);
void ol_line_fini(struct ol_line *line); /* wipes */

/*
 * Is this packet, from a shared listener, for this line; *channel then says
 * on which channel when the packet tells, else OL_CHANNEL_ANY. Costs one
 * short hash or a few comparisons, reveals nothing, changes nothing.
 */
bool ol_line_claims(const struct ol_line *line, struct ol_span packet,
                    uint16_t *channel);

/* Facts for people. Times are of the caller's monotonic clock; 0: never. */
struct ol_chan_status {
    enum ol_chan_state state;
    enum ol_chan_state peer_sees;
    uint64_t peer_sees_ns;  /* when we were told */
    uint64_t last_heard_ns; /* an authentic packet arrived */
    uint64_t answered_ns;   /* sending time of our newest answered frame */
    bool trial; /* doubtful, too, because it came and went (protocol.md 9.1) */
    uint64_t rtt_ns;        /* smoothed; 0: unknown */
    double loss;            /* share of frames lost, recent; < 0: unknown */
    uint64_t frames_sent, frames_received, bytes_sent, bytes_received;
    uint64_t frames_acked, frames_lost; /* of those that ask for an ack */
    uint64_t knocks_sent;     /* since the last answer */
    uint64_t knocks_answered; /* since start */
    uint64_t dropped;         /* not authentic, or not permitted */
    uint32_t frame_bytes; /* the largest frame that is sent now */
    bool transport_up;
};

struct ol_line_status {
    enum ol_line_state state;
    enum ol_line_state peer_sees;
    uint64_t peer_sees_ns;
    uint64_t dark_since_ns;    /* of the last proof that it was not */
    uint64_t dark_detected_ns;
    uint64_t last_heard_ns;
    bool shared_fate;     /* all open channels share one */
    bool forward_secrecy; /* of what is sent now: by a live channel, or else
                             in a bundle to a prekey */
    bool live;            /* a confirmed epoch exists */
    bool stopped; /* a log is: the peer's record of it is not ours */
    bool restored; /* this copy is not proved yet: what is said waits */
    bool returning; /* own records are asked back from the peer */
    /* Since a return of our own records that no record of ours tells of yet:
     * told by the next own record of kind RETURNED. */
    struct ol_returned {
        uint32_t back;  /* records that the peer gave back */
        uint32_t lost;  /* places that neither side could fill */
        uint32_t aside; /* records that were taken out of the log */
    } returned[OL_PRECS];
    enum ol_attendance shown;  /* of our officer, to the peer */
    enum ol_attendance theirs; /* UNKNOWN while no channel is up */
    enum ol_attendance said;   /* by the peer, at peer_sees_ns */
    uint32_t queue[OL_PRECS]; /* own records that the peer does not hold */
    uint64_t wrong_share, wrong_identity; /* knocks, since start */
    uint64_t second, peer_second; /* signs that our keys, or the peer's, are
                                     in use twice, since start */
    uint64_t epoch; /* opening number of the sending epoch, 0: none */
    uint16_t n_channels;
    struct ol_chan_status ch[OL_CHAN_MAX];
};

void ol_line_status(const struct ol_line *line, uint64_t now_ns,
                    struct ol_line_status *out);

#endif
