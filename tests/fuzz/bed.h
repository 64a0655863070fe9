/*
 * Two real lines and their ledgers in memory, on virtual time.
 *
 *        station 0  (honest)          station 1  (the fuzzer's)
 *          |  0 dial, datagram            |
 *          |  1 wire, stream              |     10 ms away
 *          |  2 bag, pouch                |
 *
 * bed_open sets them up once: keys, a handshake, some records both ways, some
 * of station 0's not acknowledged, one attachment that it pulls and two that
 * it serves. bed_begin goes back to that moment before each input. What a
 * line wants from its station (commits, loads) it gets; what it sends goes
 * through `way`, which may change, keep or lose it.
 */
#ifndef OL_FUZZ_BED_H
#define OL_FUZZ_BED_H

#include "core/line_int.h"
#include "keep.h"
#include "make.h"
#include "port/ledger.h"

#define BED_CHANNELS 3u
#define BED_POUCH 2u
#define BED_QUEUE 1024u
#define BED_SAID 3u /* records of each log that are delivered at first */
#define BED_STEPS 300u /* of both lines, an input */

enum bed_kind { BED_PACKET, BED_LOAD, BED_COMMIT };

struct bed_entry { /* what waits for its time */
    enum bed_kind kind;
    uint64_t at_ns;
    uint8_t st; /* whose event it is */
    uint16_t channel;
    struct ol_load load;
    uint64_t token;
    size_t n;
    uint8_t *bytes;
};

struct bed;

/* A packet that station st sends. It may call bed_deliver, any number of
 * times. */
typedef void (*bed_way)(struct bed *b, unsigned st, const struct ol_send *s);

struct bed {
    struct ol_identity id[2];
    uint8_t share[2][32];
    struct keep mem[2], spare; /* spare: to load station 0 anew */
    struct ol_line *line[2];
    struct ol_effects eff[2];
    struct ol_ledger *ledger[2], *base[2];
    uint32_t line_no[2];
    struct ol_chan_conf conf[2][BED_CHANNELS];
    uint64_t now_ns, wake_ns[2], saved_ns, saved_wake_ns[2];
    bed_way way;
    bool still; /* station 1 hears nothing and does nothing */
    struct bed_entry queue[BED_QUEUE];
    unsigned n_queue;
    struct ol_addr from; /* where packets for station 0 come from */
    uint64_t token;
    uint8_t hash[MAKE_FILES][32]; /* of what station 0 serves */
    uint64_t sends, notes[OL_NOTE_KINDS];
    unsigned steps, most_steps; /* since bed_begin */
    uint8_t boots;
};

/* dark_ns: how long nothing was heard by then. */
void bed_open(struct bed *b, uint64_t dark_ns);
void bed_begin(struct bed *b);
/* Ends what the input left: entries and ledgers' copies. */
void bed_end(struct bed *b);

/* One event, its effects carried out, and the ticks it asks for. */
enum ol_err bed_step(struct bed *b, unsigned st, struct ol_event *ev);
/* A packet for station st, now; as from the other one. */
enum ol_err bed_packet(struct bed *b, unsigned st, uint16_t channel,
                       struct ol_span packet);
/* The same in 10 ms. The bytes are copied. */
void bed_deliver(struct bed *b, unsigned st, uint16_t channel,
                 struct ol_span packet);
/* Time passes, and all that is due happens. */
void bed_pass(struct bed *b, uint64_t ns);
/* A record of that many bytes of text; its id begins with the token. */
enum ol_err bed_say(struct bed *b, unsigned st, uint8_t prec, uint16_t size);
/* The peer's frame, sealed here: under the newest keys that station 0 and 1
 * share; false: there are none. n: of plaintext, at most OL_FRAME_MAX -
 * OL_FRAME_OVER. */
bool bed_frame(struct bed *b, unsigned c, struct ol_span plain,
               uint32_t skip, enum ol_err *err);
/* Its process dies and starts again: what is on its disk it has. */
void bed_reboot(struct bed *b, unsigned st);
/* What a line of station st is made with, without a snapshot. */
void bed_conf(const struct bed *b, unsigned st, struct ol_conf *conf);
/* Station 0's line loads from its own ledger, as at a start. */
void bed_load(struct bed *b);

#endif
