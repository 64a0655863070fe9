/*
 * A file that is here whole: is it what its message says, and does the peer
 * know.
 *
 *   all pieces --right--> WHOLE --DONE, NOTED--> WHOLE_NOTED
 *              '-wrong--> DAMAGED, an alarm; the pieces are swept
 *
 * Whatever the other side says, a file is whole only when its content has its
 * hash. A few pieces are read in each turn, so that the lines go on meanwhile;
 * of a file that comes from its beginning as they come, so that little is left
 * to read when it is here. One that is resumed is read once, at the end:
 * whoever makes us change files again and again makes us read nothing twice.
 * What the peer has not noted it is told again at the next start.
 */
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "station/alarms.h"
#include "station/clock.h"
#include "station/log.h"
#include "station/query.h"

#define VERIFY 4u /* pieces in one turn */
#define UNREAD_NS (60 * OL_NS_PER_S)
#define TELL 64u  /* files that the peer has not noted yet */

/* From the first piece on; false: no memory for it now. */
static bool start(struct ol_line_files *f, const uint8_t hash[OL_HASH],
                  uint64_t size)
{
    free(f->digest);
    f->digest = malloc(sizeof(*f->digest));
    if (f->digest == NULL)
        return false;
    ol_digest_init(f->digest);
    memcpy(f->verified, hash, sizeof(f->verified));
    f->verify_size = size;
    f->verify_next = 0;
    return true;
}

void ol_verify_leave(struct ol_station_line *line)
{
    struct ol_line_files *f = &line->files;

    f->follow = f->more = false;
    if (f->verifying)
        return;
    free(f->digest);
    f->digest = NULL;
}

void ol_verify_begin(struct ol_station_line *line,
                     const struct ol_row_file *row)
{
    struct ol_line_files *f = &line->files;
    bool followed = f->digest != NULL && f->verify_size == row->size &&
                    memcmp(f->verified, row->hash, OL_HASH) == 0;

    if (!followed && !start(f, row->hash, row->size))
        return;
    f->verify_prec = row->prec;
    f->verifying = true;
}

static void settled(void *arg, enum ol_err err)
{
    struct ol_station_line *line = arg;
    struct ol_line_files *f = &line->files;

    f->verifying = false;
    f->choose = f->tell = true;
    f->changes++;
    if (err == OL_OK)
        ol_sweep_again(line);
    ol_loop_again(line->st);
}

static const char not_it[] = "a file is not what its message says: what came "
                             "of it is removed; ask the other side, then save "
                             "it again";
static const char rotten[] = "a piece of a file was damaged on this disk: what "
                             "came of it is removed; run 'openline audit', "
                             "then save it again";

/* alarm: NULL when it is right. */
static void settle(struct ol_station_line *line, const char *alarm)
{
    struct ol_line_files *f = &line->files;
    struct ol_put *put;
    char key[32] = "file/";

    free(f->digest);
    f->digest = NULL;
    if (f->pulling && memcmp(f->pulled, f->verified, OL_HASH) == 0)
        f->pulling = false;
    ol_files_begin(line);
    put = ol_files_put(OL_PUT_FILE, OL_PEER, f->verified);
    put->state = alarm == NULL ? OL_FILE_WHOLE : OL_FILE_DAMAGED;
    put->number = f->verify_size;
    put->prec = f->verify_prec;
    ol_files_tell(OL_PEER, f->verified, put->state,
                  alarm == NULL ? 10 : 0);
    if (alarm != NULL) {
        ol_text_hex(key + 5, f->verified, 8);
        ol_alarm_raise(line, key, OL_PRIORITY_MEDIUM, "%s|ask the other side "
                       "to send it again; 'openline log' shows which one",
                       alarm);
        ol_alarm_clear(line, key);
    }
    /* When the queue is full, all of it once more. */
    if (ol_files_commit(line, settled) != OL_OK)
        f->verifying = false, f->choose = true;
}

/* Nothing was learned of it: it is not the other side's fault, nor lost. */
static void give_up(struct ol_station_line *line)
{
    struct ol_line_files *f = &line->files;

    free(f->digest);
    f->digest = NULL;
    f->verifying = false;
    f->unread_ns = ol_clock_ns() + UNREAD_NS;
    ol_log(OL_LOG_FAULT, "line %s: a file that came cannot be read from this "
           "disk, and is tried again in a minute: run 'openline doctor'",
           line->conf.peer);
}

static void verify(struct ol_station_line *line)
{
    static uint8_t bytes[OL_PIECE];
    struct ol_ledger *lg = line->st->ledger;
    struct ol_line_files *f = &line->files;
    uint32_t all = ol_file_pieces(f->verify_size);
    uint8_t hash[OL_HASH];

    if (f->follow && f->more && f->digest == NULL && !f->verifying)
        (void)!start(f, f->pulled, f->pulled_size);
    if (f->digest == NULL || !(f->verifying || f->more))
        return;
    for (unsigned k = 0; k < VERIFY && f->verify_next < all; k++) {
        size_t n = 0;
        enum ol_err err = lg->ops->piece(lg, line->ledger_id, OL_PEER,
                                         f->verified, f->verify_next, bytes,
                                         &n);

        bool good = err == OL_OK &&
                    n == ol_file_piece_size(f->verify_size, f->verify_next);

        if (!good && !f->verifying) { /* most likely it is still to come */
            f->more = false;
            break;
        }
        if (err == OL_ERR_IO) { /* the disk may read it another time */
            give_up(line);
            return;
        }
        if (!good) {
            settle(line, rotten);
            return;
        }
        ol_digest_add(f->digest, OL_SPAN(bytes, n));
        f->verify_next++;
    }
    f->more = f->more && f->verify_next < all;
    if (f->verifying || f->more)
        ol_loop_again(line->st);
    if (!f->more)
        ol_wipe(bytes, sizeof(bytes));
    if (!f->verifying || f->verify_next < all)
        return;
    ol_digest_end(f->digest, hash);
    settle(line, memcmp(hash, f->verified, sizeof(hash)) == 0 ? NULL : not_it);
}

/* Telling the peer. */

struct told {
    unsigned n;
    struct ol_row_file v[TELL];
};

static bool gather(void *arg, const struct ol_row_file *row)
{
    struct told *t = arg;

    t->v[t->n++] = *row;
    return t->n < TELL;
}

static void tell(struct ol_station_line *line)
{
    static const uint8_t states[] = {OL_FILE_WHOLE, OL_FILE_DECLINED};
    struct ol_ledger *lg = line->st->ledger;
    struct ol_line_files *f = &line->files;
    struct told t;

    if (!f->tell)
        return;
    f->tell = f->tell_more = false;
    for (unsigned s = 0; s < OL_LEN(states); s++) {
        t.n = 0;
        if (lg->ops->files(lg, line->ledger_id, OL_PEER, states[s], 0, gather,
                           &t) != OL_OK)
            return;
        for (unsigned k = 0; k < t.n; k++) {
            struct ol_event ev = {.kind = s == 0 ? OL_EV_DONE
                                                 : OL_EV_DECLINE};
            struct ol_file file = {.size = t.v[k].size};

            memcpy(file.hash, t.v[k].hash, sizeof(file.hash));
            ev.file = &file;
            /* No room: when the peer has noted one, the next is told. */
            if (ol_station_step(line, &ev) != OL_OK) {
                f->tell_more = true;
                return;
            }
        }
        f->tell_more = f->tell_more || t.n == TELL;
    }
}

static void note_kept(void *arg, enum ol_err err)
{
    struct ol_station_line *line = arg;

    (void)err;
    line->files.tell = line->files.tell || line->files.tell_more;
    ol_loop_again(line->st);
}

void ol_verify_noted(struct ol_station_line *line,
                     const struct ol_note *note)
{
    struct ol_row_file row;
    struct ol_put *put;

    if (ol_files_row(line, OL_PEER, note->hash, &row) != OL_OK ||
        row.state != (note->done ? OL_FILE_WHOLE : OL_FILE_DECLINED))
        return;
    ol_files_begin(line);
    put = ol_files_put(OL_PUT_FILE, OL_PEER, note->hash);
    put->state = note->done ? OL_FILE_WHOLE_NOTED : OL_FILE_DECLINED_NOTED;
    put->number = row.size;
    put->prec = row.prec;
    /* If it fails it is told again, at the next start at the latest. */
    (void)!ol_files_commit(line, note_kept);
}

void ol_verify_pump(struct ol_station_line *line)
{
    struct ol_line_files *f = &line->files;

    if (f->unread_ns != 0 && ol_clock_ns() >= f->unread_ns) {
        f->unread_ns = 0;
        f->choose = true;
    }
    verify(line);
    tell(line);
}
