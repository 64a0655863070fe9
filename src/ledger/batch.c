/*
 * A batch as it waits in a ledger's queue: one allocation, owned.
 *
 * Happy path: ol_held_copy checks every put against its limits, adds up what
 * is pointed to, allocates once and copies; the ledger commits the copy and
 * frees it. Limits that the core broke are an assertion, because nothing of a
 * peer gets here unchecked; station values may come from a person, so they
 * are refused with OL_ERR_TOO_LONG.
 */
#include "ledger/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "crypto/crypto.h"
#include "wire/messages.h"

#define NAME_SIZE sizeof(((struct ol_batch *)0)->channels[0])

static bool names_channel(const struct ol_put *put)
{
    return (put->kind == OL_PUT_SENT || put->kind == OL_PUT_EVENT) &&
           put->channel < OL_CHAN_MAX;
}

static void check_put(const struct ol_batch *batch, const struct ol_put *put)
{
    OL_CHECK(put->author <= OL_PEER && put->prec < OL_PRECS);
    OL_CHECK(batch->line != 0 || put->kind == OL_PUT_EVENT);
    OL_CHECK(!names_channel(put) || batch->channels);
    switch (put->kind) {
    case OL_PUT_RECORD:
        OL_CHECK(put->index > 0 && put->bytes.n > 0);
        OL_CHECK(put->bytes.n <= OL_RECORD_MAX && put->proof < OL_PROOFS);
        return;
    case OL_PUT_HEAD:
        OL_CHECK(put->bytes.n ==
                 (size_t)__builtin_popcount(put->index) * OL_HASH);
        return;
    case OL_PUT_MARK:
        OL_CHECK(put->rel > 0 && put->rel < OL_RELS && put->by <= OL_PEER);
        OL_CHECK(put->number > 0 && put->number <= OL_NUMBER_MAX);
        return;
    case OL_PUT_PART:
        OL_CHECK(put->index > 0 && put->bytes.n > 0);
        OL_CHECK(put->offset + put->bytes.n <= OL_RECORD_MAX);
        OL_CHECK(put->size <= OL_RECORD_MAX);
        OL_CHECK(put->offset % OL_UNIT == 0);
        return;
    case OL_PUT_SENT:
        OL_CHECK(put->channel < OL_CHAN_MAX ||
                 put->channel == OL_CHANNEL_FILE);
        OL_CHECK(put->index > 0 && put->count > 0);
        OL_CHECK(put->count - 1 <= UINT32_MAX - put->index);
        return;
    case OL_PUT_CHECKPOINT:
        OL_CHECK(put->bytes.n == OL_SIG);
        return;
    case OL_PUT_STATE:
        OL_CHECK(put->bytes.n <= OL_LEDGER_STATE_MAX);
        return;
    case OL_PUT_EVENT:
        OL_CHECK(put->what < OL_WHATS);
        return;
    case OL_PUT_FILE:
        OL_CHECK(put->state < OL_FILE_STATES && put->number <= OL_FILE_MAX);
        return;
    case OL_PUT_PIECE:
        OL_CHECK(put->bytes.n > 0 && put->bytes.n <= OL_PIECE);
        return;
    case OL_PUT_DROP:
        OL_CHECK(put->count <= UINT32_MAX - put->index);
        return;
    case OL_PUT_ASIDE:
        OL_CHECK(put->author == OL_OWN && put->index > 0);
        OL_CHECK(put->bytes.n ==
                 (size_t)__builtin_popcount(put->index - 1) * OL_HASH);
        return;
    case OL_PUT_WAITING:
        OL_CHECK(put->bytes.n > 0 && put->bytes.n <= OL_RECORD_MAX);
        return;
    case OL_PUT_ACK:
    case OL_PUT_PROVED:
        return;
    }
    OL_CHECK(put->kind <= OL_PUT_WAITING);
}

/* As much of an event's detail as a row has room for. */
static size_t detail_n(const struct ol_put *put)
{
    return put->kind == OL_PUT_EVENT && put->detail != NULL
               ? strnlen(put->detail, OL_LEDGER_DETAIL_MAX)
               : 0;
}

/* Checks everything and adds up; *names: channel names that are needed. */
static enum ol_err measure(const struct ol_batch *batch, uint16_t *names,
                           size_t *size)
{
    size_t n = sizeof(struct ol_held);

    *names = 0;
    for (uint16_t k = 0; k < batch->n_puts; k++) {
        const struct ol_put *put = &batch->puts[k];

        check_put(batch, put);
        n += sizeof(*put) + put->bytes.n;
        n += put->detail != NULL ? detail_n(put) + 1 : 0;
        if (names_channel(put) && put->channel >= *names)
            *names = put->channel + 1;
    }
    for (uint16_t k = 0; k < batch->n_metas; k++) {
        const struct ol_ledger_meta *meta = &batch->metas[k];

        if (strlen(meta->key) > OL_LEDGER_KEY_MAX ||
            meta->value.n > OL_LEDGER_VALUE_MAX)
            return OL_ERR_TOO_LONG;
        n += sizeof(*meta) + strlen(meta->key) + 1 + meta->value.n;
    }
    for (uint16_t k = 0; k < batch->n_facts; k++) {
        const struct ol_fact *fact = &batch->facts[k];

        OL_CHECK(fact->kind > 0 && fact->kind < OL_FACT_KINDS);
        OL_CHECK(fact->key != NULL || fact->value.n == 0);
        if (fact->value.n > OL_LEDGER_VALUE_MAX ||
            (fact->key != NULL && strlen(fact->key) > OL_LEDGER_KEY_MAX))
            return OL_ERR_TOO_LONG;
        n += sizeof(*fact) + fact->value.n +
             (fact->key != NULL ? strlen(fact->key) + 1 : 0);
    }
    *size = n + *names * NAME_SIZE;
    return OL_OK;
}

/* Copies n bytes to *at and moves it on. */
static void *take(uint8_t **at, const void *from, size_t n)
{
    void *to = *at;

    if (n > 0)
        memcpy(to, from, n);
    *at += n;
    return to;
}

static const char *take_detail(uint8_t **at, const struct ol_put *put)
{
    const char *text = take(at, put->detail, detail_n(put));

    *(*at)++ = '\0';
    return text;
}

static void take_facts(uint8_t **at, struct ol_fact *facts,
                       const struct ol_batch *batch)
{
    for (uint16_t k = 0; k < batch->n_facts; k++) {
        const struct ol_fact *from = &batch->facts[k];

        if (from->key != NULL)
            facts[k].key = take(at, from->key, strlen(from->key) + 1);
        facts[k].value.p = take(at, from->value.p, from->value.n);
    }
}

enum ol_err ol_held_copy(struct ol_held **out, const struct ol_batch *batch)
{
    uint16_t names;
    size_t size;
    enum ol_err err = measure(batch, &names, &size);
    struct ol_held *held;
    struct ol_put *puts;
    struct ol_ledger_meta *metas;
    struct ol_fact *facts;
    uint8_t *at;

    if (err)
        return err;
    held = malloc(size);
    if (!held)
        return OL_ERR_IO;
    held->next = NULL;
    held->size = size;
    held->stood = false;
    held->seq = 0;
    held->batch = *batch;
    /* What needs alignment first, then names and bytes. */
    at = (uint8_t *)(held + 1);
    puts = take(&at, batch->puts, batch->n_puts * sizeof(*puts));
    metas = take(&at, batch->metas, batch->n_metas * sizeof(*metas));
    facts = take(&at, batch->facts, batch->n_facts * sizeof(*facts));
    held->batch.puts = puts;
    held->batch.metas = metas;
    held->batch.facts = facts;
    held->batch.channels = take(&at, batch->channels, names * NAME_SIZE);
    for (uint16_t k = 0; k < batch->n_puts; k++) {
        const struct ol_put *from = &batch->puts[k];

        puts[k].bytes.p = take(&at, from->bytes.p, from->bytes.n);
        if (from->detail != NULL)
            puts[k].detail = take_detail(&at, from);
    }
    for (uint16_t k = 0; k < batch->n_metas; k++) {
        const struct ol_ledger_meta *from = &batch->metas[k];

        metas[k].key = take(&at, from->key, strlen(from->key) + 1);
        metas[k].value.p = take(&at, from->value.p, from->value.n);
    }
    take_facts(&at, facts, batch);
    OL_CHECK(at == (uint8_t *)held + size);
    *out = held;
    return OL_OK;
}

void ol_held_free(struct ol_held *held)
{
    if (!held)
        return;
    ol_wipe(held, held->size);
    free(held);
}

const char *ol_batch_channel(const struct ol_batch *batch, uint16_t channel)
{
    if (channel < OL_CHAN_MAX)
        return batch->channels[channel];
    return channel == OL_CHANNEL_FILE ? "file" : "";
}

uint32_t ol_put_events(const struct ol_put *put)
{
    return put->index == 0 || put->count == 0 ? 1 : put->count;
}
