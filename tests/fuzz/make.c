/*
 * Records and cards of the fuzzer's.
 *
 * Happy path: a length at or near a bound, then content. Texts are UTF-8 of
 * one to four bytes a letter, so that bounds fall between letters and within
 * them.
 */
#include "make.h"

#include <stdio.h>

#include "base/check.h"

#define ROOM (64u * 1024)

static uint8_t room[ROOM];
static size_t used;

static struct ol_span bytes_of(struct script *s, size_t least, size_t most)
{
    size_t n = (size_t)script_edge(s, least, most);
    uint8_t *at = room + used;

    OL_CHECK(n <= ROOM - used);
    memset(at, script_u8(s), n);
    script_fill(s, at, OL_MIN(n, 8));
    used += n;
    return OL_SPAN(at, n);
}

static struct ol_span text_of(struct script *s, size_t least, size_t most)
{
    static const char *const letter[] = {"a", "\xc3\xa9", "\xed\x95\x9c",
                                         "\xf0\x9f\x95\x8a", "Z", " ", "~",
                                         "\xc2\xa0", "\xef\xbb\xbf", "\n"};
    size_t n = (size_t)script_edge(s, least, most);
    const char *one = letter[script_below(s, OL_LEN(letter))];
    uint8_t *at = room + used;
    size_t len = strlen(one), k = 0;

    OL_CHECK(n <= ROOM - used);
    for (; k + len <= n; k += len)
        memcpy(at + k, one, len);
    memset(at + k, 'x', n - k);
    used += n;
    return OL_SPAN(at, n);
}

/* Of the letters that a name, a language or a type may have. */
static struct ol_span word_of(struct script *s, size_t least, size_t most)
{
    static const char allowed[] = "abcxyz0189-";
    size_t n = (size_t)script_edge(s, least, most);
    uint8_t *at = room + used;

    OL_CHECK(n <= ROOM - used);
    for (size_t k = 0; k < n; k++)
        at[k] = (uint8_t)allowed[script_u8(s) % (k == 0 ? 6 : 11)];
    used += n;
    return OL_SPAN(at, n);
}

static void make_lists(struct script *s, struct ol_record *rec)
{
    rec->n_addressees = (uint8_t)script_below(s, OL_ADDRESSEES_MAX + 1);
    for (unsigned k = 0; k < rec->n_addressees; k++)
        rec->addressees[k] = text_of(s, 1, OL_ROLE_MAX);
    rec->n_refs = (uint8_t)script_below(s, OL_REFS_MAX + 1);
    for (unsigned k = 0; k < rec->n_refs; k++) {
        rec->refs[k].rel = script_u8(s);
        rec->refs[k].own = script_u8(s) & 1;
        rec->refs[k].number = script_edge(s, 1, OL_NUMBER_MAX);
    }
    rec->n_attachments = (uint8_t)script_below(s, OL_ATTACHMENTS_MAX + 1);
    for (unsigned k = 0; k < rec->n_attachments; k++) {
        rec->attachments[k].hash = bytes_of(s, 32, 32);
        rec->attachments[k].size = script_edge(s, 0, OL_NUMBER_MAX);
        rec->attachments[k].name = word_of(s, 1, OL_FILE_NAME_MAX);
        rec->attachments[k].type = word_of(s, 0, OL_MEDIA_TYPE_MAX);
    }
    rec->n_releases = (uint8_t)script_below(s, OL_RELEASES_MAX + 1);
    for (unsigned k = 0; k < rec->n_releases; k++) {
        rec->releases[k].by = text_of(s, 1, OL_OFFICIAL_MAX);
        rec->releases[k].sig = bytes_of(s, 64, 64);
    }
}

void make_record(struct script *s, struct ol_record *rec)
{
    uint16_t has = script_u16(s);

    used = 0;
    memset(rec, 0, sizeof(*rec));
    rec->prec = (uint8_t)script_below(s, OL_PRECS);
    rec->index = (uint32_t)script_edge(s, 1, UINT32_MAX);
    rec->number = script_edge(s, 1, OL_NUMBER_MAX);
    rec->id = bytes_of(s, OL_ID_SIZE, OL_ID_SIZE);
    rec->kind = script_u8(s);
    rec->written_ms = script_edge(s, 0, OL_TIME_MAX_MS);
    rec->marking = (uint8_t)script_below(s, OL_MARKINGS);
    if (has & 1)
        rec->lang = word_of(s, 0, OL_LANG_MAX);
    if (has & 2)
        rec->originator = text_of(s, 0, OL_ROLE_MAX);
    if (has & 4)
        rec->to = text_of(s, 0, OL_ROLE_MAX);
    if (has & 8)
        rec->subject = text_of(s, 0, OL_SUBJECT_MAX);
    if (has & 16)
        rec->text = text_of(s, 0, OL_TEXT_MAX);
    if (has & 32)
        rec->form_id = text_of(s, 0, OL_FORM_ID_MAX);
    if (has & 64)
        rec->form_hash = bytes_of(s, 32, 32);
    if (has & 128)
        rec->form_fields = bytes_of(s, 0, OL_FORM_FIELDS_MAX);
    if (has & 256)
        rec->deadline_ms = script_edge(s, 0, OL_TIME_MAX_MS);
    if (has & 512)
        make_lists(s, rec);
}

static void put_word(struct script *s, char *out, size_t least, size_t most)
{
    struct ol_span w = word_of(s, least, most);

    memcpy(out, w.p, w.n);
    out[w.n] = '\0';
}

void make_card(struct script *s, struct ol_card *card)
{
    used = 0;
    memset(card, 0, sizeof(*card));
    put_word(s, card->name, 1, OL_STATION_MAX);
    put_word(s, card->addressee, 1, OL_STATION_MAX);
    script_fill(s, card->ed_pk, 32);
    script_fill(s, card->x_pk, 32);
    script_fill(s, card->share, 32);
    card->n_channels = (uint8_t)script_below(s, OL_CARD_CHANNELS_MAX + 1);
    for (unsigned k = 0; k < card->n_channels; k++) {
        struct ol_span url = bytes_of(s, 1, OL_URL_MAX);

        /* No two share a name. */
        (void)snprintf(card->channels[k].name, OL_NAME_MAX + 1, "c%c-%s",
                       (char)('a' + k),
                       script_u8(s) & 1 ? "abcdefghijklm" : "");
        for (size_t j = 0; j < url.n; j++)
            card->channels[k].url[j] = (char)('!' + url.p[j] % ('~' - '!' + 1));
    }
}
