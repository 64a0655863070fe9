/* What the core itself keeps on disk, as state.c writes it. */
#ifndef OL_CORE_KEPT_H
#define OL_CORE_KEPT_H

#include <openline/line.h>

#include "wire/messages.h"

struct ol_prekey { /* one of our own */
    uint32_t id;
    bool used;      /* a bundle to it has opened */
    uint64_t made_s; /* by the line's running time, as dies_s */
    uint64_t dies_s; /* 0: no newer one was used yet */
    uint8_t sk[32], pk[32];
};

struct ol_kept { /* what state.c writes */
    uint64_t open_sent, open_seen;
    uint64_t bundle_reserved; /* numbers below are used */
    uint64_t bundle_seen;     /* the highest that opened */
    bool dark; /* a blackout was told, and its end was not */
    uint8_t boots[OL_BOOTS_MAX][8]; /* the peer's, newest first */
    uint8_t n_boots;
    bool boot_bundled; /* no channel has said the newest, bundles alone did */
    uint64_t ran_s; /* how long the line has run, all its starts together */
    bool card_only; /* bundles go to prekey 0 until the peer says its own */
    uint32_t peer_prekey; /* its newest; 0: none known */
    uint8_t peer_prekey_pk[32];
    struct ol_prekey prekeys[OL_PREKEYS_MAX]; /* ours, oldest first */
    uint8_t n_prekeys;
    bool unproved;   /* restored, and the peer has not said what it holds */
    bool uncounted;  /* restored, and no handshake since: open_sent is less than
                        what it made in its life before */
    bool copied;     /* it ever ran on from an old copy, for certain */
    uint64_t ask;    /* names the return under way, 0: none */
    uint64_t number; /* given once, though the record left its log */
    struct ol_returned returned[OL_PRECS]; /* not told of yet */
    /* From here on a log of ours is the peer's word alone, and nothing that we
     * signed says so yet; 0: none. */
    uint32_t foreign[OL_PRECS];
};

#define OL_KEPT_MAX 3072u /* bytes of it, at most */

#endif
