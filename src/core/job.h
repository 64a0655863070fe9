/* One pouch file in the making: pouch.c, and pouch_files.c for what lies behind
 * the records. */
#ifndef OL_CORE_JOB_H
#define OL_CORE_JOB_H

#include <openline/line.h>

#include "wire/messages.h"

#define OL_PLAIN_MAX (60u * 1024) /* of a bundle */

enum ol_job_state {
    OL_JOB_NONE,
    OL_JOB_RESERVE,
    OL_JOB_READ,
    OL_JOB_BUILD,
    OL_JOB_LOOK /* is there an attachment to carry: no file yet */
};

struct ol_job { /* one pouch file in the making */
    uint8_t state; /* enum ol_job_state */
    uint16_t channel; /* or OL_CHANNEL_FILE */
    uint64_t token;   /* of the EXPORT */
    uint64_t batch;
    uint64_t load;
    uint8_t giving;        /* bit p: log p of the peer's is given back */
    bool back;             /* the cursor stands in one of those */
    uint32_t back_next[OL_PRECS], back_end[OL_PRECS];
    uint8_t prec;          /* where the cursor stands */
    uint32_t next[OL_PRECS]; /* the next record to write, per log */
    uint32_t end[OL_PRECS];
    uint64_t number, number_end; /* of bundles, reserved on disk */
    uint64_t seen;    /* what the envelopes say: on disk since the reserve */
    uint8_t heard[8];
    uint32_t bundles;
    bool records;   /* some are in it, or pieces */
    bool stale;     /* more is owed than was when it began */
    bool head_done; /* HELD and checkpoints are in the plaintext */
    bool full;      /* the plaintext is to be sealed when there is room */
    /* pouch_files.c: attachments, behind the records */
    bool files_done;
    bool file_on;        /* file is the one at hand */
    struct ol_file file;
    uint64_t after;      /* the order of the last one done with */
    uint64_t resume;     /* the order of the one that begins at piece */
    uint32_t piece;      /* the next to load */
    uint64_t left;       /* bytes that may still go in */
    uint64_t unsent;     /* bytes that did not */
    uint64_t blob_last;  /* the newest bundle with some in it, or 0 */
    uint32_t here_n, here_at; /* of here: bytes, and those that are in */
    size_t n;       /* plaintext so far */
    uint8_t plain[OL_PLAIN_MAX];
    uint8_t here[OL_PIECE];
};

#endif
