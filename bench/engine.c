/*
 * What the engine costs beside the cipher it cannot do without.
 *
 *     engine [MIB]        64
 *
 * Two lines in one process, without sockets and disks: one pulls an attachment
 * of so many MiB from the other, in frames of 1,200 bytes, over one channel
 * that loses nothing; every commit is done at once. Measured is the processor
 * time of all of it, both sides, with acknowledgements and WANTs, from the
 * first wish to the last piece; and in turn with it the time of libsodium alone
 * to seal and open as many packets of the same sizes under the same cipher.
 * Each turn prints one JSON object: how many frames with and without data went,
 * and nanoseconds a frame with data of the engines, of the cipher for all
 * frames, and of the cipher for those with data alone.
 *
 * It fails (1, and says why) if what arrived is not what was sent.
 */
#include <openline/line.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/units.h"
#include "crypto/crypto.h"
#include "wire/messages.h"

#define FRAME 1200u
#define BOX 4096u     /* packets under way each way, at most */
#define BATCHES 1024u
#define ROUND_NS (200 * OL_NS_PER_US)
#define ROUND_BYTES 25000 /* of a cable of 1 Gbit/s */
#define TURNS 7u
#define PATIENCE 4000000u /* rounds */

struct end {
    struct ol_identity id;
    uint8_t share[32];
    void *mem;
    struct ol_line *line;
    struct ol_effects eff;
    uint64_t batch[BATCHES];
    unsigned n_batches;
    /* Of LOADs that are to be answered. */
    struct ol_load load[BATCHES];
    unsigned n_loads;
    /* On the way to this end; what the cable may still carry of it. */
    struct packet *box;
    unsigned first, last;
    long may;
};

struct packet {
    size_t n;
    uint8_t b[FRAME];
};

static struct end end[2];
static uint64_t now_ns = OL_NS_PER_S;
static uint64_t data_frames, small_frames, data_bytes, small_bytes, pieces;
static struct ol_file file;
static uint8_t piece[OL_PIECE];

static void die(const char *why)
{
    fprintf(stderr, "engine: %s\n", why);
    exit(1);
}

static uint64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * OL_NS_PER_S + (uint64_t)t.tv_nsec;
}

static void put_in_box(unsigned to, struct ol_span b)
{
    struct end *e = &end[to];
    struct packet *p = &e->box[e->last++ % BOX];

    if (e->last - e->first > BOX)
        die("more packets under way than there is room for");
    p->n = b.n;
    memcpy(p->b, b.p, b.n);
    if (b.n > FRAME / 2) {
        data_frames++;
        data_bytes += b.n;
    } else {
        small_frames++;
        small_bytes += b.n;
    }
}

static void carry(unsigned i)
{
    struct end *e = &end[i];

    if (e->eff.batch != 0) {
        if (e->n_batches == BATCHES)
            die("more commits under way than there is room for");
        e->batch[e->n_batches++] = e->eff.batch;
    }
    for (unsigned k = 0; k < e->eff.count; k++) {
        const struct ol_effect *f = &e->eff.v[k];
        if (f->kind == OL_FX_SEND)
            put_in_box(1 - i, f->send.bytes);
        else if (f->kind == OL_FX_LOAD && e->n_loads < BATCHES)
            e->load[e->n_loads++] = f->load;
        else if (f->kind == OL_FX_PUT && f->put.kind == OL_PUT_PIECE) {
            /* Some are looked at whole; the look is timed with the rest. */
            if (f->put.bytes.n != OL_PIECE ||
                (pieces % 32 == 0 &&
                 memcmp(f->put.bytes.p, piece, OL_PIECE) != 0))
                die("a piece arrived that was not sent");
            pieces++;
        }
    }
}

static void give(unsigned i, const struct ol_event *ev)
{
    static const struct ol_event tick = {.kind = OL_EV_TICK};
    struct end *e = &end[i];

    /* A frame that is refused is counted by the line, and missed below. */
    (void)!ol_line_step(e->line, ev, now_ns, &e->eff);
    carry(i);
    while (e->eff.more) {
        (void)!ol_line_step(e->line, &tick, now_ns, &e->eff);
        carry(i);
    }
}

static void disks(unsigned i)
{
    struct end *e = &end[i];

    for (unsigned k = 0; k < e->n_batches; k++)
        give(i, &(struct ol_event){.kind = OL_EV_COMMITTED,
                                  .token = e->batch[k]});
    e->n_batches = 0;
    for (unsigned k = 0; k < e->n_loads; k++)
        give(i, &(struct ol_event){
            .kind = e->load[k].kind == OL_LOAD_PIECE ? OL_EV_PIECE :
                    e->load[k].kind == OL_LOAD_FILE ? OL_EV_FILE :
                    OL_EV_LOADED,
            .token = e->load[k].token,
            .bytes = OL_SPAN(piece, e->load[k].kind == OL_LOAD_PIECE
                                        ? OL_PIECE : 0)});
    e->n_loads = 0;
}

/* What was sent before this round and has come to its end by now. */
static void cable(unsigned i, unsigned upto)
{
    static struct ol_event frame = {.kind = OL_EV_FRAME};
    struct end *e = &end[i];

    e->may = OL_MIN(e->may, 0) + ROUND_BYTES;
    while (e->first != upto && e->may > 0) {
        struct packet *p = &e->box[e->first % BOX];

        e->may -= (long)p->n;
        frame.bytes = OL_SPAN(p->b, p->n);
        e->first++;
        /* As a socket gives them: what came together, in sixteens. */
        frame.follows = e->first != upto && e->may > 0 && e->first % 16 != 0;
        give(i, &frame);
    }
}

static void round_once(void)
{
    unsigned upto[2] = {end[0].last, end[1].last};

    now_ns += ROUND_NS;
    for (unsigned i = 0; i < 2; i++) {
        cable(i, upto[i]);
        disks(i);
        if (now_ns >= end[i].eff.wake_ns)
            give(i, &(struct ol_event){.kind = OL_EV_TICK});
    }
}

static void begin(void)
{
    struct ol_rng rng;
    static const uint8_t seed[OL_KEY] = {6};

    ol_rng_init(&rng, seed);
    for (unsigned i = 0; i < 2; i++) {
        ol_identity_make(&end[i].id, &rng);
        ol_rng_fill(&rng, end[i].share, sizeof(end[i].share));
    }
    for (unsigned i = 0; i < 2; i++) {
        struct ol_conf c = {.identity = &end[i].id, .n_channels = 1,
                            .probe_ns = 20 * OL_NS_PER_S,
                            .hold_ns = 30 * OL_NS_PER_S};
        struct ol_chan up = {.up = true, .room_bytes = 1u << 20};
        memcpy(c.peer_ed_pk, end[1 - i].id.ed_pk, 32);
        memcpy(c.peer_x_pk, end[1 - i].id.x_pk, 32);
        memcpy(c.own_share, end[i].share, 32);
        memcpy(c.peer_share, end[1 - i].share, 32);
        memset(c.boot, (int)i + 1, sizeof(c.boot));
        memset(c.seed, (int)i + 1, sizeof(c.seed));
        memcpy(c.channels[0].name, "cable", 6);
        c.channels[0].kind = OL_CHAN_DATAGRAM;
        c.channels[0].dials = true;
        c.channels[0].mtu = FRAME;
        end[i].mem = calloc(1, ol_line_size() + 64);
        if (end[i].mem == NULL ||
            ol_line_init(&end[i].line, end[i].mem, &c) != OL_OK)
            die("a line cannot be made");
        give(i, &(struct ol_event){.kind = OL_EV_START});
        give(i, &(struct ol_event){.kind = OL_EV_CHANNEL, .chan = &up});
    }
    for (unsigned k = 0; k < 20000; k++)
        round_once();
}

/* libsodium alone: so many packets, of `size` bytes in all, are sealed and
 * opened. */
static uint64_t cipher(uint64_t packets, size_t size)
{
    static const uint8_t key[32] = {9}, head[OL_FRAME_HEAD];
    static uint8_t plain[FRAME], sealed[FRAME];
    uint8_t nonce[12] = {0};
    uint64_t began = cpu_ns();

    for (uint64_t k = 0; k < packets; k++) {
        unsigned long long m;
        memcpy(nonce + 4, &k, sizeof(k));
        crypto_aead_chacha20poly1305_ietf_encrypt(sealed, &m, plain,
            size - OL_FRAME_OVER, head, sizeof(head), NULL, nonce, key);
        if (crypto_aead_chacha20poly1305_ietf_decrypt(plain, &m, NULL, sealed,
                m, head, sizeof(head), nonce, key) != 0)
            die("libsodium does not open what it sealed");
    }
    return cpu_ns() - began;
}

/* One attachment from 0 to 1: processor time of both engines. A function of its
 * own, so that callgrind can count it alone (--toggle-collect=transfer). */
__attribute__((noinline)) static uint64_t transfer(uint32_t n)
{
    uint64_t began = cpu_ns(), want = pieces + n;

    file.hash[0]++;
    file.size = (uint64_t)n * OL_PIECE;
    file.upto = 0;
    data_frames = small_frames = data_bytes = small_bytes = 0;
    give(1, &(struct ol_event){.kind = OL_EV_WANT, .file = &file});
    for (unsigned k = 0; pieces < want; k++) {
        if (k == PATIENCE)
            die("the attachment does not arrive");
        round_once();
    }
    return cpu_ns() - began;
}

int main(int argc, char **argv)
{
    long mib = argc > 1 ? strtol(argv[1], NULL, 10) : 64;

    if (mib < 1 || mib > 4096 || argc > 2) {
        fputs("usage: engine [MIB]\n", stderr);
        return 2;
    }
    for (unsigned i = 0; i < 2; i++) {
        end[i].box = calloc(BOX, sizeof(*end[i].box));
        if (end[i].box == NULL)
            die("no memory");
    }
    if (ol_crypto_init() != OL_OK)
        die("no libsodium");
    for (size_t k = 0; k < sizeof(piece); k++)
        piece[k] = (uint8_t)(k * 167 >> 3);
    begin();
    (void)transfer(16);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        uint64_t all = transfer((uint32_t)mib * (1024 * 1024 / OL_PIECE));
        double n = (double)data_frames;
        uint64_t data = cipher(data_frames, data_bytes / data_frames);
        uint64_t small = small_frames == 0
                             ? 0
                             : cipher(small_frames, small_bytes / small_frames);

        printf("{\"data_frames\": %.0f, \"data_bytes\": %.0f, "
               "\"small_frames\": %.0f, \"small_bytes\": %.0f, "
               "\"engine_ns\": %.1f, \"cipher_ns\": %.1f, "
               "\"cipher_data_ns\": %.1f}\n", n, (double)data_bytes / n,
               (double)small_frames,
               small_frames ? (double)small_bytes / (double)small_frames : 0,
               (double)all / n, (double)(data + small) / n, (double)data / n);
    }
    return 0;
}
