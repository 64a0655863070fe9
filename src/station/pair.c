/*
 * Taking a peer's card, and what both cards make.
 *
 * pair: the card is opened, checked against everything that a tired person
 * can mix up, kept, and a lines.d/PEER.conf is written from its endpoints when
 * there is none. The safety number is marked as compared in a file of its
 * own that holds the number: other cards, and the mark is void.
 */
#include "station/pair.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/units.h"
#include "station/cards.h"
#include "station/file.h"
#include "station/reach.h"
#include "station/text.h"

/* What both cards make. */

static void verified_path(char out[OL_PATH_MAX], const char *dir,
                          const char *peer)
{
    char file[48];

    ol_text_put(file, sizeof(file), "%s.verified", peer);
    if (!ol_path(out, dir, "lines.d", file))
        out[0] = '\0';
}

void ol_pair_verified(const char *dir, const char *peer, struct ol_pair *pair)
{
    char path[OL_PATH_MAX], *text, *time;
    size_t n;

    pair->verified[0] = '\0';
    verified_path(path, dir, peer);
    if (ol_file_read(path, 512, &text, &n) != OL_OK)
        return;
    time = strchr(text, '\n');
    if (time != NULL) {
        *time++ = '\0';
        time[strcspn(time, "\n")] = '\0';
        /* Another number was compared: that says nothing of these cards. */
        if (strcmp(text, pair->safety) == 0 && strlen(time) == 24)
            ol_text_put(pair->verified, sizeof(pair->verified), "%s", time);
    }
    free(text);
}

int ol_pair_confirm(const char *dir, const char *peer, struct ol_pair *pair,
                    char why[OL_WHY_MAX])
{
    char path[OL_PATH_MAX], text[128];
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    ol_text_time(pair->verified, (uint64_t)now.tv_sec * 1000 +
                                     (uint64_t)now.tv_nsec / OL_NS_PER_MS);
    ol_text_put(text, sizeof(text), "%s\n%s\n", pair->safety, pair->verified);
    verified_path(path, dir, peer);
    if (ol_file_write(path, 0600, OL_FILE_REPLACE, ol_span_str(text)) !=
        OL_OK)
        return ol_fail_sys(why, "write", path);
    return OL_EXIT_OK;
}

/* A peer chooses names for its card, and can choose two with one tag, of which
 * no VIEW and no knock could say which is meant. */
static int check_tags(const struct ol_conf_line *line,
                      const struct ol_shared *shared, char why[OL_WHY_MAX])
{
    uint32_t tags[OL_CHANNELS_MAX];

    for (unsigned k = 0; k < line->n_channels; k++) {
        tags[k] = ol_channel_tag(shared->line_id,
                                 ol_span_str(line->channels[k].name));
        for (unsigned i = 0; i < k; i++)
            if (tags[i] == tags[k])
                return ol_fail(why, OL_EXIT_FAILED,
                               "the channels %s and %s cannot be told apart "
                               "on the line: give one another name, on both "
                               "sides", line->channels[i].name,
                               line->channels[k].name);
    }
    return OL_EXIT_OK;
}

int ol_pair_load(const char *dir, const struct ol_keys *keys,
                 const struct ol_conf_station *conf,
                 const struct ol_conf_line *line, struct ol_pair *out,
                 char why[OL_WHY_MAX])
{
    const char *peer = line->peer, *card_file = line->card;
    struct ol_card own;
    struct ol_peer_keys pub;
    int status;

    memset(out, 0, sizeof(*out));
    memset(&own, 0, sizeof(own));
    status = ol_cards_read(dir, keys, "lines.d", card_file, &out->peer, why);
    if (status == OL_EXIT_OK && (strcmp(out->peer.name, peer) != 0 ||
                                 strcmp(out->peer.addressee, conf->name) != 0))
        status = ol_fail(why, OL_EXIT_FAILED,
                         "lines.d/%s was made by %s for %s, not by %s for "
                         "%s: 'openline pair' the right card", card_file,
                         out->peer.name, out->peer.addressee, peer,
                         conf->name);
    if (status == OL_EXIT_OK)
        status = ol_cards_own(dir, keys, peer, &own, why);
    if (status == OL_EXIT_OK) {
        memcpy(pub.ed_pk, out->peer.ed_pk, sizeof(pub.ed_pk));
        memcpy(pub.x_pk, out->peer.x_pk, sizeof(pub.x_pk));
        memcpy(out->own_share, own.share, sizeof(own.share));
        if (ol_shared_make(&out->shared, &keys->id, &pub, own.share,
                           out->peer.share) != OL_OK)
            status = ol_fail(why, OL_EXIT_FAILED,
                             "lines.d/%s carries keys that cannot be used: "
                             "ask %s for a new card", card_file, peer);
    }
    if (status == OL_EXIT_OK)
        status = check_tags(line, &out->shared, why);
    if (status == OL_EXIT_OK) {
        ol_safety_number(out->safety, &out->shared);
        ol_pair_verified(dir, peer, out);
    } else {
        ol_wipe(out, sizeof(*out));
    }
    ol_wipe(&own, sizeof(own));
    return status == OL_EXIT_OK ? OL_EXIT_OK : OL_EXIT_FAILED;
}

/* Taking a card. */

/* Everything that a tired person can mix up. */
static int check_card(const struct ol_keys *keys,
                      const struct ol_conf_station *conf,
                      const struct ol_card *card, char why[OL_WHY_MAX])
{
    if (ol_same(card->ed_pk, keys->id.ed_pk, 32))
        return ol_fail(why, OL_EXIT_FAILED,
                       "this is our own card, made for %s: give it to them, "
                       "and take here the one that %s made for %s",
                       card->addressee, card->addressee, conf->name);
    if (strcmp(card->addressee, conf->name) != 0)
        return ol_fail(why, OL_EXIT_FAILED,
                       "this card was made for %s, this station is %s: ask "
                       "%s for a card made for %s ('openline card %s')",
                       card->addressee, conf->name, card->name, conf->name,
                       conf->name);
    if (strcmp(card->name, conf->name) == 0)
        return ol_fail(why, OL_EXIT_FAILED,
                       "the other station is named %s as this one is: one of "
                       "the two needs another name", card->name);
    return OL_EXIT_OK;
}

/* No other line may have these keys, nor this name other keys. */
static int check_other(const struct ol_card *card, const char *name,
                       const struct ol_card *other, char why[OL_WHY_MAX])
{
    bool same_name = strcmp(name, card->name) == 0;
    bool same_keys = ol_same(other->ed_pk, card->ed_pk, 32) &&
                     ol_same(other->x_pk, card->x_pk, 32);

    if (same_name && !same_keys)
        return ol_fail(why, OL_EXIT_FAILED,
                       "%s is paired already, with other keys: ask %s by "
                       "voice whether its station is new; if it is, remove "
                       "lines.d/%s.card and pair again", name, name, name);
    if (!same_name && same_keys)
        return ol_fail(why, OL_EXIT_FAILED,
                       "the station on this card is paired already under "
                       "the name %s: ask them which name holds", name);
    return OL_EXIT_OK;
}

static int check_others(const char *dir, const struct ol_keys *keys,
                        const struct ol_card *card, char why[OL_WHY_MAX])
{
    char names[OL_LINES_MAX][33], path[OL_PATH_MAX], file[40];
    struct ol_card other;
    int n, status = OL_EXIT_OK;
    bool known = false;

    if (!ol_path(path, dir, "lines.d", NULL))
        return ol_fail(why, OL_EXIT_FAILED, "%s: the path is too long", dir);
    n = ol_folder_list(path, ".card", names, (int)OL_LINES_MAX);
    for (int k = 0; k < n && status == OL_EXIT_OK; k++) {
        known = known || strcmp(names[k], card->name) == 0;
        ol_cards_file(file, names[k]);
        if (ol_cards_read(dir, keys, "lines.d", file, &other, why) ==
            OL_EXIT_OK)
            status = check_other(card, names[k], &other, why);
        ol_wipe(&other, sizeof(other));
    }
    if (status == OL_EXIT_OK && !known && n == (int)OL_LINES_MAX)
        return ol_fail(why, OL_EXIT_FAILED, "%u lines are the most that a "
                       "station has: remove one from lines.d", OL_LINES_MAX);
    return status;
}

static bool on_card(const struct ol_card *card, const char *name)
{
    for (unsigned k = 0; k < card->n_channels; k++)
        if (strcmp(card->channels[k].name, name) == 0)
            return true;
    return false;
}

/* Dial what is on their card; be called on what is only on ours. */
static void write_conf(struct ol_writer *w, const struct ol_card *theirs,
                       const struct ol_card *ours)
{
    char line[512], scheme[8];

    ol_text_put(line, sizeof(line),
                "# The line with %s, from its card. A channel has one name "
                "on both sides.\n[line]\ncard = %s.card\n", theirs->name,
                theirs->name);
    ol_write_bytes(w, ol_span_str(line));
    for (unsigned k = 0; k < theirs->n_channels; k++) {
        ol_text_put(line, sizeof(line), "channel = %s %s\n",
                    theirs->channels[k].name, theirs->channels[k].url);
        ol_write_bytes(w, ol_span_str(line));
    }
    for (unsigned k = 0; k < ours->n_channels; k++) {
        ol_reach_scheme(scheme, ours->channels[k].url);
        if (on_card(theirs, ours->channels[k].name) ||
            ol_conf_kind(scheme) == OL_CHAN_POUCH)
            continue;
        ol_text_put(line, sizeof(line), "channel = %s accept=%s\n",
                    ours->channels[k].name, scheme);
        ol_write_bytes(w, ol_span_str(line));
    }
    ol_text_put(line, sizeof(line), "#probe = 25s\n#hold = 30s\n");
    ol_write_bytes(w, ol_span_str(line));
}

/* Keeps the card, and makes a lines.d/PEER.conf when there is none. */
static int keep(const char *dir, const struct ol_keys *keys,
                struct ol_span text, const struct ol_card *theirs,
                const struct ol_card *ours, char why[OL_WHY_MAX])
{
    char path[OL_PATH_MAX], file[48], conf[8192];
    struct ol_writer w;
    enum ol_err err;

    if (!ol_path(path, dir, "lines.d", NULL) ||
        ol_folder_make(path, 0700) != OL_OK)
        return ol_fail_sys(why, "make", path);
    ol_text_put(file, sizeof(file), "%s.card", theirs->name);
    if (!ol_path(path, dir, "lines.d", file) ||
        ol_vault_keep(dir, "lines.d", file, &keys->vault, OL_FILE_REPLACE,
                      text) != OL_OK)
        return ol_fail_sys(why, "write", path);
    ol_writer_init(&w, conf, sizeof(conf));
    write_conf(&w, theirs, ours);
    ol_text_put(file, sizeof(file), "%s.conf", theirs->name);
    if (!ol_path(path, dir, "lines.d", file))
        return ol_fail(why, OL_EXIT_FAILED, "%s: the path is too long", dir);
    err = ol_file_write(path, 0600, OL_FILE_NEW, ol_writer_span(&w));
    if (err != OL_OK && err != OL_ERR_EXISTS)
        return ol_fail_sys(why, "write", path);
    return OL_EXIT_OK;
}

/* What a pairing looks like from outside. */
static int describe(const char *dir, const struct ol_keys *keys,
                    const struct ol_conf_station *conf, const char *peer,
                    struct ol_pairing *out, struct ol_pair *pair,
                    char why[OL_WHY_MAX])
{
    struct ol_conf_line *line;
    struct ol_writer w;
    char file[48];
    int status;

    memset(out, 0, sizeof(*out));
    line = malloc(sizeof(*line));
    if (line == NULL)
        return ol_fail(why, OL_EXIT_FAILED, "no memory");
    status = ol_conf_line_read(dir, peer, line, why);
    if (status == OL_EXIT_OK)
        status = ol_pair_load(dir, keys, conf, line, pair, why);
    free(line);
    if (status != OL_EXIT_OK)
        return status;
    ol_text_put(out->peer, sizeof(out->peer), "%s", peer);
    ol_text_put(out->safety, sizeof(out->safety), "%s", pair->safety);
    out->verified = pair->verified[0] != '\0';
    ol_text_put(file, sizeof(file), "%s.conf", peer);
    if (!ol_path(out->conf_path, dir, "lines.d", file))
        return ol_fail(why, OL_EXIT_FAILED, "%s: the path is too long", dir);
    ol_writer_init(&w, out->conf, sizeof(out->conf) - 1);
    /* Longer than fits: people look into the file. */
    (void)ol_cards_copy(dir, keys, "lines.d", file, &w, why);
    return OL_EXIT_OK;
}

static int take(const char *dir, const struct ol_keys *keys,
                const struct ol_conf_station *conf, struct ol_span text,
                struct ol_pairing *out, char why[OL_WHY_MAX])
{
    struct ol_card theirs, ours;
    struct ol_pair pair;
    enum ol_err err = ol_card_open(text, &theirs);
    int status;

    if (err != OL_OK)
        return ol_cards_fault(err, "the card", why);
    memset(&ours, 0, sizeof(ours));
    memset(&pair, 0, sizeof(pair));
    status = check_card(keys, conf, &theirs, why);
    if (status == OL_EXIT_OK)
        status = check_others(dir, keys, &theirs, why);
    if (status == OL_EXIT_OK)
        status = ol_cards_ensure(dir, keys, conf, theirs.name, false, why);
    if (status == OL_EXIT_OK)
        status = ol_cards_own(dir, keys, theirs.name, &ours, why);
    if (status == OL_EXIT_OK)
        status = keep(dir, keys, text, &theirs, &ours, why);
    if (status == OL_EXIT_OK)
        status = describe(dir, keys, conf, theirs.name, out, &pair, why);
    ol_wipe(&theirs, sizeof(theirs));
    ol_wipe(&ours, sizeof(ours));
    ol_wipe(&pair, sizeof(pair));
    return status;
}

int ol_station_pair(const char *dir, struct ol_span text,
                    struct ol_pairing *out, char why[OL_WHY_MAX])
{
    struct ol_conf_station conf;
    struct ol_keys *keys = NULL;
    int status = ol_conf_station_read(dir, &conf, why);

    if (status == OL_EXIT_OK)
        status = ol_keys_open(dir, &keys, why);
    if (status == OL_EXIT_OK)
        status = take(dir, keys, &conf, text, out, why);
    ol_keys_close(keys);
    return status == OL_EXIT_OK ? ol_cards_tell(dir, why) : status;
}

int ol_station_safety(const char *dir, const char *peer, bool confirm,
                      struct ol_pairing *out, char why[OL_WHY_MAX])
{
    struct ol_conf_station conf;
    struct ol_keys *keys = NULL;
    struct ol_pair pair = {0};
    int status = ol_conf_station_read(dir, &conf, why);

    if (status == OL_EXIT_OK)
        status = ol_cards_peer_name(&conf, peer, why);
    if (status == OL_EXIT_OK)
        status = ol_keys_open(dir, &keys, why);
    if (status == OL_EXIT_OK)
        status = describe(dir, keys, &conf, peer, out, &pair, why);
    if (status == OL_EXIT_MISSING)
        status = ol_fail(why, OL_EXIT_MISSING,
                         "no line with %s: 'openline pair CARD' with the "
                         "card that %s made for %s", peer, peer, conf.name);
    if (status == OL_EXIT_OK && confirm)
        status = ol_pair_confirm(dir, peer, &pair, why);
    out->verified = status == OL_EXIT_OK && pair.verified[0] != '\0';
    ol_wipe(&pair, sizeof(pair));
    ol_keys_close(keys);
    return status == OL_EXIT_OK && confirm ? ol_cards_tell(dir, why) : status;
}
