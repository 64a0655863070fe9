/*
 * Our card for a peer, and reading any card of the directory.
 *
 * The same card comes out until renewed; renewing makes a new share and so a
 * new PSK. A card that is there and does not hold is never replaced unasked:
 * the other side may have taken it. A station that runs is told to read anew.
 */
#include "station/cards.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "station/client.h"
#include "station/file.h"
#include "station/reach.h"
#include "station/text.h"
#include "wire/frame.h"

/* A running station reads anew; none running is as good. */
int ol_cards_tell(const char *dir, char why[OL_WHY_MAX])
{
    char words[OL_WHY_MAX];
    json_t *result = NULL;
    int status = ol_client_call(dir, "reload", NULL, &result, words);

    json_decref(result);
    if (status == OL_EXIT_OK || status == OL_EXIT_NOT_RUNNING)
        return OL_EXIT_OK;
    return ol_fail(why, OL_EXIT_FAILED, "it is written, but the running "
                   "station does not take it: %s", words);
}

int ol_cards_fault(enum ol_err err, const char *file, char why[OL_WHY_MAX])
{
    switch (err) {
    case OL_ERR_MISSING:
        return ol_fail(why, OL_EXIT_FAILED,
                       "%s: no card in it: a card begins with -----BEGIN "
                       "OPENLINE CARD-----", file);
    case OL_ERR_VERSION:
        return ol_fail(why, OL_EXIT_FAILED,
                       "%s: a card of a newer version: update this program",
                       file);
    case OL_ERR_AUTH:
        return ol_fail(why, OL_EXIT_FAILED,
                       "%s: the card's signature does not verify, so it was "
                       "damaged or altered: ask for it again, by another way",
                       file);
    default:
        return ol_fail(why, OL_EXIT_FAILED,
                       "%s: the card is damaged: ask for it again", file);
    }
}

/* Reads a card from a file of the directory. 3 when there is none. */
int ol_cards_read(const char *dir, const struct ol_keys *keys,
                  const char *folder, const char *file, struct ol_card *card,
                  char why[OL_WHY_MAX])
{
    char path[OL_PATH_MAX], name[320], *text;
    enum ol_err err;
    size_t n;

    ol_text_put(name, sizeof(name), "%s/%s", folder, file);
    if (!ol_path(path, dir, folder, file))
        return ol_fail(why, OL_EXIT_FAILED, "%s: the path is too long", dir);
    err = ol_vault_read(dir, folder, file, &keys->vault, &text, &n);
    if (err == OL_ERR_MISSING)
        return ol_fail(why, OL_EXIT_MISSING, "there is no %s", name);
    if (err == OL_ERR_CORRUPT || err == OL_ERR_DENIED)
        return ol_fail(why, OL_EXIT_FAILED, "%s does not open with this "
                       "station's key: bring it back from a copy", name);
    if (err != OL_OK)
        return ol_fail_sys(why, "read", path);
    err = ol_card_open(OL_SPAN(text, n), card);
    ol_wipe(text, n);
    free(text);
    return err == OL_OK ? OL_EXIT_OK : ol_cards_fault(err, name, why);
}

void ol_cards_file(char out[40], const char *peer)
{
    ol_text_put(out, 40, "%s.card", peer);
}

/* Our own card for a peer: must be ours, and for that peer. */
int ol_cards_own(const char *dir, const struct ol_keys *keys,
                    const char *peer, struct ol_card *card,
                    char why[OL_WHY_MAX])
{
    char file[40];
    int status;

    ol_cards_file(file, peer);
    status = ol_cards_read(dir, keys, "cards", file, card, why);
    if (status != OL_EXIT_OK)
        return status;
    if (!ol_same(card->ed_pk, keys->id.ed_pk, 32) ||
        !ol_same(card->x_pk, keys->id.x_pk, 32) ||
        strcmp(card->addressee, peer) != 0)
        return ol_fail(why, OL_EXIT_FAILED,
                       "cards/%s is not this station's card for %s: 'openline "
                       "card %s --renew' makes one, to be exchanged anew",
                       file, peer, peer);
    return OL_EXIT_OK;
}

/* Making our own card. */

static int make_own(const char *dir, const struct ol_keys *keys,
                    const struct ol_conf_station *conf, const char *peer,
                    bool renew, char why[OL_WHY_MAX])
{
    char path[OL_PATH_MAX], file[40];
    char text[OL_CARD_TEXT];
    struct ol_card card = {0};
    struct ol_writer w;
    enum ol_err err;
    int status;

    ol_cards_file(file, peer);
    if (!ol_path(path, dir, "cards", NULL) ||
        ol_folder_make(path, 0700) != OL_OK ||
        !ol_path(path, dir, "cards", file))
        return ol_fail_sys(why, "make", dir);
    status = ol_reach_fill(conf, &card, why);
    if (status != OL_EXIT_OK)
        return status;
    ol_text_put(card.name, sizeof(card.name), "%s", conf->name);
    ol_text_put(card.addressee, sizeof(card.addressee), "%s", peer);
    ol_os_random(card.share, sizeof(card.share));
    ol_writer_init(&w, text, sizeof(text));
    err = ol_card_seal(&w, &card, &keys->id);
    if (err == OL_OK)
        err = ol_vault_keep(dir, "cards", file, &keys->vault,
                            renew ? OL_FILE_REPLACE : OL_FILE_NEW,
                            ol_writer_span(&w));
    ol_wipe(&card, sizeof(card));
    ol_wipe(text, sizeof(text));
    /* Somebody made it at the same moment: theirs is the card. */
    if (err == OL_OK || err == OL_ERR_EXISTS)
        return OL_EXIT_OK;
    return ol_fail(why, OL_EXIT_FAILED, "cannot write %s: %s", path,
                   ol_err_info(err)->text);
}

int ol_cards_peer_name(const struct ol_conf_station *conf,
                           const char *peer, char why[OL_WHY_MAX])
{
    if (!ol_station_name_ok(ol_span_str(peer)))
        return ol_fail(why, OL_EXIT_USAGE,
                       "\"%s\" is no station name: 1 to %u of a-z, 0-9 and "
                       "-, first a letter", peer, OL_STATION_MAX);
    if (strcmp(peer, conf->name) == 0)
        return ol_fail(why, OL_EXIT_USAGE,
                       "%s is this station's own name: name the other side",
                       peer);
    return OL_EXIT_OK;
}

int ol_cards_copy(const char *dir, const struct ol_keys *keys,
                  const char *folder, const char *file,
                  struct ol_writer *out, char why[OL_WHY_MAX])
{
    char *text;
    size_t n;

    if (ol_vault_read(dir, folder, file, &keys->vault, &text, &n) != OL_OK)
        return ol_fail(why, OL_EXIT_FAILED, "cannot read %s/%s: %s", folder,
                       file, strerror(errno));
    ol_write_bytes(out, OL_SPAN(text, n));
    ol_wipe(text, n);
    free(text);
    return out->failed ? ol_fail(why, OL_EXIT_FAILED, "%s/%s is too long",
                                 folder, file)
                       : OL_EXIT_OK;
}

int ol_cards_ensure(const char *dir, const struct ol_keys *keys,
                     const struct ol_conf_station *conf, const char *peer,
                     bool renew, char why[OL_WHY_MAX])
{
    struct ol_card card;
    int status = renew ? OL_EXIT_MISSING
                       : ol_cards_own(dir, keys, peer, &card, why);

    ol_wipe(&card, sizeof(card));
    if (status != OL_EXIT_MISSING)
        return status;
    return make_own(dir, keys, conf, peer, renew, why);
}

int ol_station_card(const char *dir, const char *peer, bool renew,
                    struct ol_writer *text, char why[OL_WHY_MAX])
{
    struct ol_conf_station conf;
    struct ol_keys *keys = NULL;
    char file[40];
    int status = ol_conf_station_read(dir, &conf, why);

    if (status == OL_EXIT_OK)
        status = ol_cards_peer_name(&conf, peer, why);
    if (status == OL_EXIT_OK)
        status = ol_keys_open(dir, &keys, why);
    if (status == OL_EXIT_OK)
        status = ol_cards_ensure(dir, keys, &conf, peer, renew, why);
    ol_cards_file(file, peer);
    if (status == OL_EXIT_OK)
        status = ol_cards_copy(dir, keys, "cards", file, text, why);
    ol_keys_close(keys);
    if (status == OL_EXIT_OK)
        status = ol_cards_tell(dir, why);
    return status;
}
