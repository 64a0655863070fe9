/*
 * Attachments: what a record names by hash and size, in pieces.
 *
 * A record carries names, sizes and hashes only; the bytes travel beside the
 * records and below all of them. The receiver asks (WANT), the sender serves:
 * see doc/protocol.md 5.8 and doc/decisions/25-attachments.md.
 */
#ifndef OPENLINE_FILE_H
#define OPENLINE_FILE_H

#include <stddef.h>
#include <stdint.h>

#define OL_PIECE (64u * 1024) /* bytes; the last of a file may be shorter */
#define OL_PULL_WINDOW 32u    /* pieces under way each way */
#define OL_FILE_MAX ((uint64_t)(UINT32_MAX - 1) * OL_PIECE)

/*
 * What the ledger says of one, per line, author and hash.
 *
 *   peer's:  WANTED --all pieces, hash right--> WHOLE --noted--> WHOLE_NOTED
 *               |---hash wrong---> DAMAGED
 *            DECLINED --noted--> DECLINED_NOTED
 *   own:     TAKING --all pieces--> SENDING --the peer has it--> HELD
 *                                      '--the peer declines----> DECLINED
 *
 * "Noted": the peer has put on its disk that we said so.
 */
enum ol_file_state {
    OL_FILE_WANTED,
    OL_FILE_WHOLE,
    OL_FILE_WHOLE_NOTED,
    OL_FILE_DAMAGED,
    OL_FILE_DECLINED,
    OL_FILE_DECLINED_NOTED,
    OL_FILE_TAKING,  /* goes at the next start: its pieces are not all here */
    OL_FILE_SENDING, /* whole here; not known to be whole there */
    OL_FILE_HELD,
    OL_FILE_GONE, /* PUT FILE only: the row goes, if no piece is left */
    OL_FILE_STATES
};

/* "wanted", "whole" (noted or not), "damaged", "declined", "taking",
 * "sending", "held". Static storage. */
const char *ol_file_state_name(enum ol_file_state state);

/* How many pieces; 0 for an empty file. size <= OL_FILE_MAX. */
static inline uint32_t ol_file_pieces(uint64_t size)
{
    return (uint32_t)((size + OL_PIECE - 1) / OL_PIECE);
}

/* The bytes of piece n (from 0) of a file of that size. */
static inline size_t ol_file_piece_size(uint64_t size, uint32_t n)
{
    uint64_t left = size - (uint64_t)n * OL_PIECE;

    return left < OL_PIECE ? (size_t)left : OL_PIECE;
}

/* One attachment, to and from the core. */
struct ol_file {
    uint8_t hash[32]; /* BLAKE2b-256 of its content */
    uint64_t size;
    uint32_t upto; /* WANT: pieces on disk without a gap */
    uint64_t map;  /* WANT: bit k: piece upto + 1 + k is on disk too */
    uint64_t order; /* EV_FILE: its place among the files, for LOAD FILE */
};

#endif
