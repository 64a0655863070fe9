/*
 * One frame in the making, for schedule.c; the plaintext lies in the arena.
 * Only one can be open at a time, and it must be finished or dropped before
 * anything else takes arena bytes.
 */
#ifndef OL_CORE_FRAMES_H
#define OL_CORE_FRAMES_H

#include "core/line_int.h"

struct ol_out_frame {
    unsigned c;
    const struct ol_addr *to;
    struct ol_writer w; /* the plaintext, in the arena */
    bool asks;          /* wants an ack: it becomes a flight */
    bool packed;        /* its length would tell of a text: to be padded */
    uint8_t flags, held_logs, cp_logs;
    uint32_t held_serial, want_serial;
    uint32_t probe_id;  /* OL_FLIGHT_PROBE: of the probe that goes alone */
    unsigned n_refs;
    struct ol_carried refs[OL_FRAME_REFS];
};

/* to: NULL for where the channel sends. false: no epoch, or no room. */
bool ol_frame_begin(struct ol_line *l, struct ol_out_frame *f, unsigned c,
                    const struct ol_addr *to);
/* Seals and sends what was added; nothing when nothing was. */
void ol_frame_finish(struct ol_line *l, struct ol_out_frame *f);

/* Pads a frame up to `size` bytes in all, at most the channel's largest,
 * whatever size its frames have now. Nothing may be added behind it. */
void ol_frame_pad(const struct ol_line *l, struct ol_out_frame *f,
                  uint32_t size);

/* Acks that are told on this channel: its own, and on the best channel those
 * of channels whose return is dead. */
void ol_frame_add_acks(struct ol_line *l, struct ol_out_frame *f);
bool ol_frame_ack_here(const struct ol_line *l, unsigned c, unsigned on);
/* An ACK of what came there; false: it does not fit. */
bool ol_frame_add_ack(struct ol_line *l, struct ol_out_frame *f,
                      struct ol_epoch_chan *e);
/* An ack goes that names frames again which a BRIEF named: if that was lost
 * they bring their records back no more, so HELD says these logs again. */
void ol_frame_unsure(struct ol_line *l, struct ol_epoch_chan *ec);
/* What waited for an ack there has got one. */
void ol_frame_ack_said(struct ol_epoch_chan *ec);
/* The ECHO that goes on c is the ack of the frame with its probe; true if no
 * other frame there waits for one. */
bool ol_frame_echo_acks(struct ol_line *l, unsigned c);
/* HELD of all logs about which there is news. keep: it stays news, for this
 * channel may not reach the peer. */
void ol_frame_add_held(struct ol_line *l, struct ol_out_frame *f, bool keep);
/* When the next HELD may go on channel c, but for FLASH (protocol.md 5.6). */
uint64_t ol_frame_held_ns(const struct ol_line *l, unsigned c);
/* WANT, and what else is to be said of attachments. keep: as above. */
void ol_frame_add_wants(struct ol_line *l, struct ol_out_frame *f, bool keep);
uint8_t ol_frame_dirty_logs(const struct ol_line *l); /* bits */
void ol_frame_add_view(struct ol_line *l, struct ol_out_frame *f);
/* Is the newest one of log p to go, and may it now; else it is waited for.
 * along: with a record, which costs less. */
bool ol_frame_checkpoint_due(struct ol_line *l, unsigned p, bool along);
void ol_frame_add_checkpoints(struct ol_line *l, struct ol_out_frame *f);

#endif
