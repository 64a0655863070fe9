/*
 * south, as north sees it: a card, and one bundle to north's card key.
 *
 * Happy path: north's card for south is read from its folder, both shares make
 * the line's keys, and what south says is sealed as any peer would.
 */
#include "south.h"

#include <stdio.h>
#include <string.h>

#include <openline/record.h>

#include "base/check.h"
#include "core/card.h"
#include "crypto/knock.h"
#include "crypto/noise.h"
#include "wire/chunk.h"
#include "wire/frame.h"
#include "wire/record.h"

#define SHARE 5

static void identity(struct ol_identity *id)
{
    uint8_t seed[32] = {3};
    struct ol_rng rng;

    ol_rng_init(&rng, seed);
    ol_identity_make(id, &rng);
}

void south_card(struct ol_writer *text)
{
    struct ol_card card = {.name = "south", .addressee = "north",
                           .share = {SHARE}};
    struct ol_identity id;

    identity(&id);
    OL_CHECK(ol_card_seal(text, &card, &id) == OL_OK);
}

static void norths_card(const char *folder, struct ol_card *card)
{
    static uint8_t text[OL_CARD_TEXT];
    char path[256];
    FILE *f;
    size_t n;

    (void)snprintf(path, sizeof(path), "%s/cards/south.card", folder);
    f = fopen(path, "r");
    OL_CHECK(f != NULL);
    n = fread(text, 1, sizeof(text), f);
    OL_CHECK(fclose(f) == 0);
    OL_CHECK(ol_card_open(OL_SPAN(text, n), card) == OL_OK);
}

static void say(struct ol_writer *w, uint8_t prec, struct ol_span content)
{
    uint8_t bytes[OL_RECORD_MAX], hash[OL_HASH], id[OL_ID_SIZE] = {7};
    struct ol_segment s = {.prec = prec, .last = true, .index = 1};
    struct ol_record rec = {.prec = prec, .index = 1, .number = prec + 1u,
                            .kind = OL_KIND_MESSAGE,
                            .written_ms = 1764000000000};
    struct ol_digest d;
    struct ol_writer r;

    id[1] = prec;
    rec.id = OL_SPAN_ARRAY(id);
    rec.text = ol_span_str("we are here");
    if (prec == OL_ROUTINE) {
        ol_digest_init(&d);
        ol_digest_add(&d, content);
        ol_digest_end(&d, hash);
        rec.n_attachments = 1;
        rec.attachments[0] = (struct ol_attachment){
            .hash = OL_SPAN_ARRAY(hash), .size = content.n,
            .name = ol_span_str("a.txt"), .type = ol_span_str("text/plain")};
    }
    ol_writer_init(&r, bytes, sizeof(bytes));
    OL_CHECK(ol_record_encode(&r, &rec) == OL_OK);
    s.bytes = ol_writer_span(&r);
    OL_CHECK(ol_segment_encode(w, &s));
    if (prec == OL_ROUTINE) {
        struct ol_blob b = {.bytes = content};

        memcpy(b.hash, hash, sizeof(hash));
        OL_CHECK(ol_blob_encode(w, &b));
    }
}

static size_t seal(const struct ol_card *north, struct ol_span plain,
                   uint8_t *out)
{
    uint8_t share[32] = {SHARE}, env_plain[OL_ENVELOPE_PLAIN], pro[80];
    uint8_t nonce[OL_SEALED_NONCE] = {1}, e_sk[32] = {9};
    struct ol_envelope env = {.number = 1};
    struct ol_identity id;
    struct ol_peer_keys peer;
    struct ol_shared shared;
    struct ol_wrap_keys wrap;
    struct ol_writer w;

    identity(&id);
    memcpy(peer.ed_pk, north->ed_pk, 32);
    memcpy(peer.x_pk, north->x_pk, 32);
    OL_CHECK(ol_shared_make(&shared, &id, &peer, share, north->share) ==
             OL_OK);
    ol_wrap_keys_make(&wrap, &shared);
    ol_writer_init(&w, env_plain, sizeof(env_plain));
    ol_envelope_encode(&w, &env);
    ol_wrap_seal(out, &wrap, OL_PACKET_BUNDLE, nonce,
                 OL_SPAN_ARRAY(env_plain));
    ol_writer_init(&w, pro, sizeof(pro));
    ol_write_bytes(&w, ol_span_str("openline pouch 1"));
    ol_write_bytes(&w, OL_SPAN_ARRAY(shared.line_id));
    ol_write_bytes(&w, OL_SPAN_ARRAY(env_plain));
    OL_CHECK(ol_noise_k_seal(ol_writer_span(&w), id.x_sk, id.x_pk, peer.x_pk,
                             shared.psk, e_sk, plain, out + OL_ENVELOPE) ==
             OL_OK);
    return OL_BUNDLE_OVER + plain.n;
}

void south_writes(const char *folder, const char *file)
{
    static uint8_t plain[8192], out[16384];
    static const uint8_t content[] = "a file of the other side";
    struct ol_card north;
    struct ol_writer w;
    uint8_t head[2];
    size_t n;
    FILE *f;

    norths_card(folder, &north);
    ol_writer_init(&w, plain, sizeof(plain));
    for (uint8_t p = 0; p < 4; p++)
        say(&w, p, OL_SPAN_ARRAY(content));
    n = seal(&north, ol_writer_span(&w), out);
    head[0] = (uint8_t)(n >> 8);
    head[1] = (uint8_t)n;
    f = fopen(file, "w");
    OL_CHECK(f != NULL && fwrite(OL_BUNDLE_MAGIC, 1, 4, f) == 4);
    OL_CHECK(fwrite(head, 1, 2, f) == 2 && fwrite(out, 1, n, f) == n);
    OL_CHECK(fclose(f) == 0);
}
