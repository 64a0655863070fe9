/*
 * The head of a frame, and what lies inside knock, behind and envelope.
 *
 * Happy path: a packet's bytes go in, a structure of checked bounds comes out,
 * whose spans borrow from them. Fails with SHORT, LONG or MALFORMED and
 * decides nothing. An encoder that is given what its decoder would refuse
 * fails its writer.
 */
#include "wire/frame.h"

enum ol_err ol_frame_decode(struct ol_span packet, struct ol_frame_head *head)
{
    struct ol_reader r;

    if (packet.n < OL_FRAME_OVER)
        return OL_ERR_SHORT;
    if (packet.n > OL_FRAME_MAX)
        return OL_ERR_LONG;
    ol_reader_init(&r, packet);
    if (ol_read_u8(&r) != OL_PACKET_FRAME)
        return OL_ERR_MALFORMED;
    head->index = ol_read_u32(&r);
    head->counter = ol_read_u32(&r);
    return OL_OK;
}

void ol_frame_encode(struct ol_writer *w, const struct ol_frame_head *head)
{
    ol_write_u8(w, OL_PACKET_FRAME);
    ol_write_u32(w, head->index);
    ol_write_u32(w, head->counter);
}

/* [a-z][a-z0-9-]*, at most `most` bytes. */
static bool name_ok(struct ol_span name, size_t most)
{
    if (name.n < 1 || name.n > most || name.p[0] < 'a' || name.p[0] > 'z')
        return false;
    for (size_t k = 1; k < name.n; k++) {
        uint8_t c = name.p[k];

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return true;
}

bool ol_channel_name_ok(struct ol_span name)
{
    return name_ok(name, OL_NAME_MAX);
}

bool ol_station_name_ok(struct ol_span name)
{
    return name_ok(name, OL_STATION_MAX);
}

/* Both Noise messages travel in a knock: the shorter one without a payload is
 * the least, the longer one with the greatest payload is the most. */
static enum ol_err noise_bounds(size_t n)
{
    if (n < OL_NOISE_IK2_OVER)
        return OL_ERR_SHORT;
    if (n > OL_NOISE_IK1_OVER + OL_PAYLOAD_MAX)
        return OL_ERR_LONG;
    return OL_OK;
}

enum ol_err ol_knock_decode(struct ol_span plain, struct ol_knock *knock)
{
    struct ol_reader r;
    enum ol_err err;

    if (plain.n < OL_KNOCK_PLAIN_HEAD)
        return OL_ERR_SHORT;
    err = noise_bounds(plain.n - OL_KNOCK_PLAIN_HEAD);
    if (err)
        return err;
    ol_reader_init(&r, plain);
    knock->opening = ol_read_u64(&r);
    knock->tag = ol_read_u32(&r);
    knock->noise = ol_read_bytes(&r, r.n);
    return OL_OK;
}

void ol_knock_encode(struct ol_writer *w, const struct ol_knock *knock)
{
    if (noise_bounds(knock->noise.n)) {
        w->failed = true;
        return;
    }
    ol_write_u64(w, knock->opening);
    ol_write_u32(w, knock->tag);
    ol_write_bytes(w, knock->noise);
}

/* For layouts of one length. */
static enum ol_err exactly(struct ol_span s, size_t n)
{
    if (s.n < n)
        return OL_ERR_SHORT;
    return s.n > n ? OL_ERR_LONG : OL_OK;
}

enum ol_err ol_behind_decode(struct ol_span plain, struct ol_behind *behind)
{
    enum ol_err err = exactly(plain, OL_BEHIND_PLAIN);
    struct ol_reader r;

    if (err)
        return err;
    ol_reader_init(&r, plain);
    behind->opening = ol_read_u64(&r);
    ol_read_copy(&r, behind->nonce, sizeof(behind->nonce));
    return OL_OK;
}

void ol_behind_encode(struct ol_writer *w, const struct ol_behind *behind)
{
    ol_write_u64(w, behind->opening);
    ol_write_bytes(w, OL_SPAN_ARRAY(behind->nonce));
}

enum ol_err ol_envelope_decode(struct ol_span plain, struct ol_envelope *env)
{
    enum ol_err err = exactly(plain, OL_ENVELOPE_PLAIN);
    struct ol_reader r;

    if (err)
        return err;
    ol_reader_init(&r, plain);
    env->number = ol_read_u64(&r);
    env->prekey = ol_read_u32(&r);
    env->seen = ol_read_u64(&r);
    ol_read_copy(&r, env->heard, sizeof(env->heard));
    return OL_OK;
}

void ol_envelope_encode(struct ol_writer *w, const struct ol_envelope *env)
{
    ol_write_u64(w, env->number);
    ol_write_u32(w, env->prekey);
    ol_write_u64(w, env->seen);
    ol_write_bytes(w, OL_SPAN_ARRAY(env->heard));
}
