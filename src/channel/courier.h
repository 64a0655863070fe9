/*
 * The courier in four parts: courier.c (the bearer and its folder),
 * courier_out.c (what goes out), courier_in.c (what comes in),
 * courier_memory.c (files that were seen).
 */
#ifndef OL_CHANNEL_COURIER_H
#define OL_CHANNEL_COURIER_H

#include <sys/stat.h>

#include "channel/bearer.h"
#include "channel/pouch_file.h"
#include "channel/url.h"

#define OL_COURIER_POLL_MS 1000u
#define OL_COURIER_OWN 1024u       /* names we wrote, remembered */
#define OL_COURIER_FILES 2048u     /* of the folder, remembered */
#define OL_COURIER_TABLE 4096u     /* places for them: half are free */
#define OL_COURIER_ENTRIES 16384u  /* of the folder, of any name, looked at */
#define OL_COURIER_PER_TURN 2u     /* bundles given in one turn of the loop */
#define OL_COURIER_AHEAD 32u       /* bundles given without a release */
#define OL_COURIER_RELEASE_MS 60000u /* no release for so long: read again */
#define OL_COURIER_FINISHING 4u    /* files being synced */
#define OL_COURIER_HINT_MS 50u     /* a scan follows a hint so soon */
#define OL_COURIER_LOW (1024u * 1024) /* less free space counts as none */
#define OL_COURIER_SUFFIX ".pouch"

/* A file as it was: when any of this changes it is another file. */
struct ol_file_id {
    uint64_t name; /* a hash */
    uint64_t dev, ino;
    int64_t size, mtime_ns, ctime_ns;
};

void ol_file_id(struct ol_file_id *id, const char *name,
                const struct stat *st);
bool ol_file_id_eq(const struct ol_file_id *a, const struct ol_file_id *b);

/* One file that was seen: 16 bytes, since a folder can hold many. */
struct ol_seen {
    uint64_t print; /* of its id; 0: a free place */
    uint64_t since_ms : 63;
    uint64_t left : 1; /* not ours, or damaged: leave it alone */
};

/* Two tables: a scan fills the next one from the present one, and so forgets
 * what lies there no more. */
struct ol_memory {
    bool overflowed; /* more files lie there than are looked at */
    unsigned now;    /* the table that holds */
    unsigned n[2];
    struct ol_seen v[2][OL_COURIER_TABLE];
};

/* Forgets everything: the folder has gone. */
void ol_memory_clear(struct ol_memory *m);
/* Around a scan. */
void ol_memory_begin(struct ol_memory *m);
void ol_memory_end(struct ol_memory *m);
/* Within a scan: this file is there. Returns what is known of it, valid until
 * the scan ends; NULL when too many are. */
const struct ol_seen *ol_memory_see(struct ol_memory *m,
                                    const struct ol_file_id *id,
                                    uint64_t now_ms);
/* Outside a scan: from now on it is left alone, until it changes. */
void ol_memory_leave(struct ol_memory *m, const struct ol_file_id *id,
                     uint64_t now_ms);

/* The file that is being given to the owner; token 0: none. */
struct ol_flight {
    uint64_t token;
    bool reading; /* not all of its bundles were given yet */
    bool remove;  /* nobody has asked to keep it */
    unsigned ahead;    /* bundles given since the last release */
    uint64_t given_ms; /* the last of them */
    struct ol_file_id id;
    struct ol_pouch_reader reader;
    char name[256];
};

struct ol_finishing;

struct ol_courier {
    struct ol_base base;
    char path[OL_URL_TEXT + 1];
    uv_timer_t poll, hint;
    uv_idle_t turn;
    uv_fs_event_t event;
    uint64_t pace_ms; /* between polls */
    uint64_t dev, ino; /* of the folder, while it is there */
    bool there, writable, roomy; /* the folder */
    bool told_up, told_roomy, told;
    bool unwritten; /* the last file could not be written; state says why */
    /* out */
    struct ol_pouch_file *out;
    struct ol_finishing *finishing[OL_COURIER_FINISHING];
    uint64_t own[OL_COURIER_OWN]; /* names we wrote; 0: none */
    unsigned n_own; /* ever */
    /* in */
    uint64_t token; /* the last given */
    struct ol_flight flight;
    struct ol_memory memory;
    uint8_t bundle[OL_BUNDLE_MAX];
};

/* The folder, opened for one look; -1 with errno. It is never kept open: an
 * open folder would keep a person from unmounting the stick. */
int ol_courier_folder(const struct ol_courier *c);
/* Looks at it, or reads on, in the next turn of the loop. */
void ol_courier_wake(struct ol_courier *c);

/* Is there a file to write to, or a place for a new one. */
bool ol_courier_takes(struct ol_courier *c);
bool ol_courier_is_own(const struct ol_courier *c, const char *name);
enum ol_err ol_courier_send(struct ol_bearer *b, const struct ol_addr *to,
                            struct ol_span packet, bool last);
/* Closing: what is collected still goes, and nobody waits for it. */
void ol_courier_let_go(struct ol_courier *c);

/* Looks through the folder, unless a file is under way. dir stays open. */
void ol_courier_scan(struct ol_courier *c, int dir);
/* Are there bundles to give, and may they be given. */
bool ol_courier_can_read(const struct ol_courier *c);
/* Gives a few bundles of the file under way. */
void ol_courier_read(struct ol_courier *c);
/* The folder has gone: whatever was under way is read again another time. */
void ol_courier_land(struct ol_courier *c);
void ol_courier_release(struct ol_bearer *b, uint64_t file, bool remove);

/* For tests: another time between polls. */
void ol_courier_pace(struct ol_bearer *courier, uint64_t ms);

#endif
