/*
 * Every layout and every limit of the protocol, version 1.
 *
 * doc/protocol.md says the same in words; the numbers live here only.
 * All integers are big-endian. Layouts:
 *
 *   frame    type 1 | index 4 | counter 4 | ciphertext | tag 16
 *   knock    type 1 | nonce 16 | short 8 | ciphertext | tag 16
 *   behind   as knock
 *   bundle   type 1 | nonce 16 | short 8 | envelope 28+16 | Kpsk0 message
 *   stream   length 2 | any of the above
 *   file     "OLB1" | (length 2 | bundle)*
 *
 *   knock's plaintext   opening 8 | channel's tag 4 | Noise message
 *   behind's plaintext  opening 8 | nonce 16 (of the knock it answers)
 *   envelope            number 8 | prekey 4 | seen 8 | heard 8
 *
 *   chunk    type 1 | length 2 | body            (PAD: type 0, all the rest)
 */
#ifndef OL_WIRE_MESSAGES_H
#define OL_WIRE_MESSAGES_H

#include <stdint.h>

#define OL_PROTOCOL_NAME "openline"
#define OL_PROTOCOL_VERSION 1u
#define OL_RECORD_VERSION 1u /* a stored record outlives its protocol */

/* First byte of everything that travels. */
enum ol_packet {
    OL_PACKET_KNOCK = 1,    /* initiator's, Noise message 1 */
    OL_PACKET_RESPONSE = 2, /* responder's, Noise message 2 */
    OL_PACKET_BEHIND = 3,   /* "your opening number is too low" */
    OL_PACKET_FRAME = 4,
    OL_PACKET_BUNDLE = 5,
};

/* Sizes of parts, in bytes. */
#define OL_TAG 16u
#define OL_FRAME_HEAD 9u
#define OL_FRAME_OVER (OL_FRAME_HEAD + OL_TAG) /* 25 */
#define OL_SEALED_NONCE 16u                    /* random part */
#define OL_SEALED_SHORT 8u                     /* SipHash of it */
#define OL_SEALED_HEAD (1u + OL_SEALED_NONCE + OL_SEALED_SHORT)
#define OL_KNOCK_PLAIN_HEAD 12u /* opening, the channel's tag */
#define OL_BEHIND_PLAIN 24u
#define OL_ENVELOPE_PLAIN 28u
#define OL_ENVELOPE (OL_SEALED_HEAD + OL_ENVELOPE_PLAIN + OL_TAG)
#define OL_NOISE_IK1_OVER (32u + 48u + 16u) /* e, s, payload tag */
#define OL_NOISE_IK2_OVER (32u + 16u)       /* e, payload tag */
#define OL_NOISE_K_OVER (32u + 16u)         /* e, payload tag */
#define OL_BUNDLE_OVER (OL_ENVELOPE + OL_NOISE_K_OVER)
#define OL_CHUNK_HEAD 3u

/* Sizes of packets. */
#define OL_NAME_MAX 16u /* channel name, ASCII */
#define OL_STATION_MAX 32u
#define OL_FRAME_MIN 192u    /* the least a live bearer presents */
#define OL_FRAME_UDP 1200u   /* what udp presents */
#define OL_FRAME_BASE 548u   /* what passes where an IPv4 host is reached */
#define OL_FRAME_MAX 4096u   /* streams, for bulk */
#define OL_BUNDLE_MAX 65535u /* one bundle, whole */
#define OL_PACKET_MAX OL_BUNDLE_MAX
#define OL_PAYLOAD_MAX 512u /* of a handshake message */
#define OL_PAYLOAD_SAID 447u /* by us: its packet is within OL_FRAME_BASE */
#define OL_KNOCK_MAX                                                           \
    (OL_SEALED_HEAD + OL_KNOCK_PLAIN_HEAD + OL_NOISE_IK1_OVER +                \
     OL_PAYLOAD_MAX + OL_TAG)
#define OL_BUNDLE_MAGIC "OLB1"

/* Chunks. */
enum ol_chunk_type {
    OL_CHUNK_PAD = 0,
    OL_CHUNK_PROBE = 1,
    OL_CHUNK_ECHO = 2,
    OL_CHUNK_VIEW = 3, /* what I hear on each channel, attendance */
    OL_CHUNK_ACK = 4,  /* FRAMES-ACK */
    OL_CHUNK_HELD = 5,
    OL_CHUNK_SEGMENT = 6,
    OL_CHUNK_BLOB = 7,
    OL_CHUNK_RETURN = 8,
    OL_CHUNK_CHECKPOINT = 9,
    OL_CHUNK_COSIGNATURE = 10,
    OL_CHUNK_HELLO = 11, /* versions and limits, in handshake payloads */
    OL_CHUNK_LOST = 12,  /* of a restored station: what do you hold of mine */
    OL_CHUNK_FOUND = 13, /* and the answer */
    OL_CHUNK_WANT = 14, /* which pieces of an attachment are wanted */
    OL_CHUNK_OPENINGS = 15, /* which knocks are whose, in handshake payloads */
    OL_CHUNK_BRIEF = 16, /* HELD of one log and the ACK of what brought it */
    OL_CHUNK_UNITS = 17, /* of a piece that a WANT asks for, in frames */
    OL_CHUNK_TYPES
};

/* Where a chunk may stand; the table in chunk.c says which where. */
#define OL_IN_FRAME 1u
#define OL_IN_BUNDLE 2u
#define OL_IN_HANDSHAKE 4u

#define OL_ACK_RANGES 32u
#define OL_HELD_RANGES 16u  /* ranges of whole records beyond the first gap */
#define OL_HELD_PARTS 8u    /* records that are held in part */
#define OL_UNIT 128u        /* segments start and end on units of a record */
#define OL_ROOT 8u          /* bytes of a root in HELD */
#define OL_SEGMENT_HEAD 7u  /* log and flags 1, index 4, offset 2 */
#define OL_PROBE_BODY 5u
#define OL_PROBE_ALONE 1u /* its flag */
#define OL_ECHO_BODY 6u
#define OL_VIEW_HEAD 7u
#define OL_VIEW_EACH 5u /* a channel */
#define OL_ACK_HEAD 13u
#define OL_ACK_EACH 4u /* a range beyond the first */
#define OL_HELD_HEAD 13u
#define OL_HELD_PREKEY 36u
#define OL_HELD_LOG 19u /* without ranges and parts */
#define OL_HELD_RANGE 6u
#define OL_HELD_PART 12u
#define OL_BLOB_HEAD 40u
#define OL_BLOB_UNIT 64u /* blobs start and end on units of a piece */
#define OL_UNITS_HEAD 10u /* serial 4, piece 4, first 2 */
#define OL_WANT_BODY 61u
#define OL_WANT_DONE 1u     /* whole and verified */
#define OL_WANT_DECLINED 2u /* not wanted */
#define OL_WANT_NOTED 4u    /* by the one that serves: that is on my disk */
#define OL_LOST_HEAD 23u
#define OL_LOST_STEP 12u
#define OL_LOST_STEPS 34u
#define OL_FOUND_HEAD 35u
#define OL_FOUND_CHECKPOINT 100u
#define OL_RETURN_WINDOW 64u /* records of a log that are asked for at once */
#define OL_CHECKPOINT_BODY 101u /* and a COSIGNATURE's */
#define OL_HELLO_BODY 4u
#define OL_OPENINGS_BODY 8u  /* two numbers of 4 bytes */
#define OL_OPENINGS_WIDE 16u /* or of 8, when one is above 2^32-1 */
#define OL_BRIEF_BODY 22u
#define OL_CODEC_RAW 0u
#define OL_CODEC_SHORT 1u  /* a whole record: its short form */
#define OL_CODEC_BROTLI 2u /* a part of one, by itself */
#define OL_NARROW_BPS 10000u /* channels below it are narrow: see 5.7 */
#define OL_NARROW_PAD 16u /* frames with packed segments fill so many */

/* Stations, channels, epochs. */
#define OL_LINES_MAX 64u
#define OL_CHANNELS_MAX 16u
#define OL_EPOCHS_MAX 4u
#define OL_ALARMS_MAX 8u /* texts of alarms */
#define OL_BOOTS_MAX 32u /* boot ids of the peer that are remembered */
#define OL_PREKEYS_MAX 40u /* own ones, not erased yet */

/* What of each log is loaded, in records: the window and the credit. */
#define OL_WINDOW_FLASH 64u
#define OL_WINDOW_IMMEDIATE 64u
#define OL_WINDOW_PRIORITY 128u
#define OL_WINDOW_ROUTINE 2048u
#define OL_LOADED_BYTES (4u * 1024 * 1024) /* per line, both directions */
#define OL_STREAM_ROOM 16384u  /* a step's share of 32 KiB unsent */
#define OL_INFLIGHT_MAX 2048u              /* frames per channel */
#define OL_BATCHES_MAX 8u

/* Timers, in milliseconds unless the name says otherwise. */
#define OL_PROBE_MS 25000u       /* default probe interval */
#define OL_HOLD_MS 30000u        /* default hold time */
#define OL_PROBE_DOUBT_MS 2000u  /* probing while unanswered, and when down */
#define OL_PROBE_SOON_MS 500u /* the same in the first seconds of silence */
#define OL_PROBE_SOON_FOR_MS 5000u
#define OL_GUESSES_MAX 16u /* ECHOs of no probe, then its own counts no more */
#define OL_PROBE_OWED_MS 250u    /* down, and something is owed */
#define OL_PROBE_OWED_FOR_S 3600u
#define OL_PROBE_LATE_MS 10000u  /* down for longer than a day */
#define OL_PROBE_LATE_AFTER_S 86400u
#define OL_VIEW_AGAIN 3u /* probe intervals: then again, though it arrived */
#define OL_TRIAL_FALLS 5u /* falls that count: a trial of 1 hold to 8 */
#define OL_TRIAL_FORGET 20u /* holds without one */
#define OL_ACK_DELAY_MS 25u
#define OL_ACK_NARROW_MS 250u /* on narrow channels: HELD takes it along */
#define OL_ACK_SAID 6u  /* runs of frames in one, unless more wait */
#define OL_ACK_EVERY 2u /* frames that ask for an ack */
#define OL_KNOCK_MIN_MS 1000u
#define OL_KNOCK_COSTS 200u /* bytes of a knock, and of what carries it */
#define OL_CHECKPOINT_MIN_MS 1000u /* between two of one log, in frames */
#define OL_SETTLE_MS 1000u /* an epoch has so long to be answered, doubling */
#define OL_BEHIND_MIN_MS 1000u
#define OL_OPENING_JUMP UINT32_MAX /* of an opening number, at most */
#define OL_BUNDLE_JUMP UINT32_MAX  /* of a bundle's number, at most */
#define OL_BUNDLE_AHEAD (1u << 20) /* numbers left free by such a jump */
#define OL_REKEY_AFTER_S 120u /* after the first record segment */
#define OL_REKEY_DAILY_S 86400u
#define OL_REKEY_TAKEOVER_S 15u
#define OL_EPOCH_END_S 90000u /* 25 h: hard end */
#define OL_EPOCH_KEEP_S 180u  /* receive keys after the next is confirmed */
#define OL_EPOCH_FRAMES UINT32_MAX
#define OL_DH_PER_S 20u       /* handshakes per line and second */
#define OL_PREKEY_EACH_S 86400u     /* the newest is used at least for */
#define OL_PREKEY_KEEP_S 2592000u   /* 30 days, after a newer one was used */
#define OL_PREKEY_CLOCK_S 3600u     /* running time on disk, at least */
#define OL_HELD_POUCH_MS 60000u     /* a bundle for a changed HELD only */
#define OL_BUNDLE_AGAIN_S 86400u    /* bundle again what is not held */
/* What a hostile peer can make us do at most. */
#define OL_ALARM_GAP_MS 60000u /* between two alarms of one text */
#define OL_OFFICER_GAP_MS 10000u /* between two events of the peer's officer */
#define OL_RETURN_GAP_MS 1000u /* between two returns of one log */
#define OL_LOADS_FREE 64u /* pieces loaded for a peer that takes none */
#define OL_LOADS_GAP_MS 10u /* and then so far apart */
#define OL_BLOB_AGAIN_S 60u /* bundle attachments anew for a WANT; doubles */
#define OL_BUNDLE_PAUSE_MS 1000u    /* between bundles for new records */

#endif
