/*
 * What the stories and the seeds of pouch-only lines share: one world, what
 * its bundles' envelopes said, and whether the two sides agree again.
 */
#ifndef OL_SIM_POUCH_KIT_H
#define OL_SIM_POUCH_KIT_H

#include "base/check.h"
#include "base/units.h"
#include "core/line_int.h"
#include "wire/frame.h"
#include "story.h"

#define H (3600 * OL_NS_PER_S)
#define DAY (24 * H)

/* Envelopes of all bundles that left, per sender; the first so many. */
#define KIT_SEEN 4096u
extern struct ol_envelope seen[2][KIT_SEEN];
extern unsigned n_seen[2];
/* The bytes of the newest. */
extern uint8_t last_bytes[2][OL_BUNDLE_MAX];
extern size_t last_n[2];

/* A new world of one pouch, `hours` each way, without faults. */
void kit_begin(unsigned hours);
/* Looks on from here: for worlds that were not made by kit_begin. */
void kit_watch(void);
void kit_run(uint64_t ns);
void kit_say(unsigned st);
/* Both say something, and some days pass: with bundles of so many hours. */
void kit_days(unsigned hours, unsigned days);

struct ol_line_status kit_status(unsigned st);
const struct ol_envelope *kit_last(unsigned from);
/* The prekey that a station announces. */
uint32_t kit_own(unsigned st);
/* Does it know the boot that the other one runs: a HELD of it was current. */
bool kit_knows(unsigned st);
/* Each knows the other's boot, and seals to what the other can open. */
bool kit_goes(void);
/* The same, and to a prekey. */
bool kit_agree(void);
/* Station st has something to say. After `trips` journeys of a bundle the
 * line goes, after one more with forward secrecy, and what either says then
 * opens at once. */
void kit_goes_on(unsigned st, unsigned trips);

#endif
