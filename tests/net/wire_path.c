/*
 * What becomes of a packet on its way. In order: a cut path loses it, and one
 * that is too narrow for it, without a word (no ICMP: a PMTU black hole); the
 * queue in front of the rate takes it or overflows; chance loses, corrupts or
 * doubles it; then it waits in the heap for its due time and is written into
 * the far device. Every packet draws the same count of random numbers whatever
 * is switched on, so changing one impairment does not reshuffle the others.
 *
 * Nothing here ends the wire: what cannot be kept is dropped and counted.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define PCAP_MAGIC 0xa1b2c3d4u
#define PCAP_LINKTYPE_RAW 101

struct pcap_head {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t zone, accuracy, snap, link;
};

struct pcap_packet {
    uint32_t sec, usec, kept, size;
};

/* splitmix64: small, well mixed, and any 64 bits are a good seed. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static bool chance(uint64_t *state, uint64_t threshold)
{
    return (draw(state) >> 32) < threshold;
}

void wire_seed(struct wire *w, uint64_t seed)
{
    for (unsigned k = 0; k < WIRE_PATHS_MAX; k++)
        for (unsigned d = 0; d < WIRE_DIRS; d++) {
            struct wire_flow *f = &w->path[k].flow[d];

            f->rng = seed + 2 * k + d;
            f->rng = draw(&f->rng);
            f->shape.queue_bytes = WIRE_QUEUE_BYTES;
        }
}

static bool earlier(const struct wire_packet *a, const struct wire_packet *b)
{
    if (a->due_ns != b->due_ns)
        return a->due_ns < b->due_ns;
    return a->order < b->order;
}

static void heap_push(struct wire *w, struct wire_packet *p)
{
    size_t i = w->pending++;

    while (i > 0 && earlier(p, w->heap[(i - 1) / 2])) {
        w->heap[i] = w->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->heap[i] = p;
}

static struct wire_packet *heap_pop(struct wire *w)
{
    struct wire_packet *top = w->heap[0];
    struct wire_packet *last = w->heap[--w->pending];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= w->pending)
            break;
        if (child + 1 < w->pending &&
            earlier(w->heap[child + 1], w->heap[child]))
            child++;
        if (!earlier(w->heap[child], last))
            break;
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = last;
    return top;
}

static void hand_over(struct wire_flow *f, const uint8_t *bytes, size_t size)
{
    if (write(f->to_fd, bytes, size) != (ssize_t)size) {
        f->n.refused++;
        return;
    }
    f->n.delivered_packets++;
    f->n.delivered_bytes += size;
}

static void hold(struct wire *w, struct wire_flow *f, const uint8_t *bytes,
                 size_t size, uint64_t due_ns)
{
    struct wire_packet *p = NULL;

    if (w->pending < WIRE_PENDING_MAX &&
        w->pending_bytes + size <= WIRE_PENDING_BYTES_MAX)
        p = malloc(sizeof *p + size);
    if (!p) {
        f->n.overflowed++;
        return;
    }
    p->due_ns = due_ns;
    p->order = w->order++;
    p->cuts = f->cuts;
    p->flow = f;
    p->size = (uint32_t)size;
    memcpy(p->bytes, bytes, size);
    w->pending_bytes += size;
    heap_push(w, p);
}

uint64_t wire_deliver(struct wire *w, uint64_t now_ns)
{
    while (w->pending > 0 && w->heap[0]->due_ns <= now_ns) {
        struct wire_packet *p = heap_pop(w);
        struct wire_flow *f = p->flow;

        w->pending_bytes -= p->size;
        if (now_ns - p->due_ns > f->n.late_ns_max)
            f->n.late_ns_max = now_ns - p->due_ns;
        if (p->cuts != f->cuts)
            f->n.cut++;
        else
            hand_over(f, p->bytes, p->size);
        free(p);
    }
    return w->pending > 0 ? w->heap[0]->due_ns : 0;
}

/* Where the transport's header begins and its checksum lies; 0: neither TCP
 * nor UDP, or IPv6 with extension headers, which nobody here sends. */
static size_t find_transport(const uint8_t *p, size_t size, size_t *sum)
{
    size_t at = 0;
    uint8_t proto = 0;

    if (size >= 20 && p[0] >> 4 == 4) {
        at = (size_t)(p[0] & 15) * 4;
        proto = p[9];
    } else if (size >= 40 && p[0] >> 4 == 6) {
        at = 40;
        proto = p[6];
    }
    *sum = at + (proto == IPPROTO_TCP ? 16 : 6);
    return proto == IPPROTO_TCP || proto == IPPROTO_UDP ? at : 0;
}

/*
 * Changes one byte of what the transport carries and mends the checksum (RFC
 * 1624), as a lying middlebox would: with a wrong checksum the kernel would
 * drop the packet, and corruption would be nothing but loss.
 */
static bool corrupt(uint8_t *p, size_t size, uint64_t random)
{
    size_t sum, head, at = find_transport(p, size, &sum);
    uint32_t old, new, check;
    size_t word;

    if (at == 0 || size < at + 20)
        return false;
    head = sum == at + 16 ? (size_t)(p[at + 12] >> 4) * 4 : 8;
    if (at + head + 1 >= size)
        return false;
    word = (random >> 8) % (size - at - head);
    word = at + ((head + word) & ~(size_t)1);
    if (word + 1 >= size)
        word -= 2;
    old = (uint32_t)p[word] << 8 | p[word + 1];
    p[word + (random & 1)] ^= (uint8_t)(1u << (random >> 1 & 7));
    new = (uint32_t)p[word] << 8 | p[word + 1];
    check = (uint32_t)p[sum] << 8 | p[sum + 1];
    check = (~check & 0xffff) + (~old & 0xffff) + new;
    check = (check & 0xffff) + (check >> 16);
    check = ~(check + (check >> 16)) & 0xffff;
    p[sum] = (uint8_t)(check >> 8);
    p[sum + 1] = (uint8_t)check;
    return true;
}

/* The time at which the last bit of the packet has left, or 0: no room. */
static uint64_t serialise(struct wire_flow *f, size_t size, uint64_t now_ns)
{
    const struct wire_shape *s = &f->shape;
    uint64_t start = f->busy_until_ns > now_ns ? f->busy_until_ns : now_ns;
    double waiting_bytes;

    if (s->rate_bps == 0)
        return now_ns;
    waiting_bytes = (double)(start - now_ns) * (double)s->rate_bps / 8e9;
    if (waiting_bytes + (double)size > (double)s->queue_bytes)
        return 0;
    f->busy_until_ns =
        start + (uint64_t)((double)size * 8e9 / (double)s->rate_bps);
    return f->busy_until_ns;
}

void wire_enter(struct wire *w, struct wire_flow *f, const uint8_t *bytes,
                size_t size, uint64_t now_ns)
{
    const struct wire_shape *s = &f->shape;
    uint8_t copy[WIRE_PACKET_MAX];
    bool lost = chance(&f->rng, s->loss);
    bool twice = chance(&f->rng, s->dup);
    bool harm = chance(&f->rng, s->corrupt);
    uint64_t where = draw(&f->rng);
    uint64_t wait_ns[2];
    uint64_t left_ns;

    for (int i = 0; i < 2; i++) /* mod bias is below 2^-30 of a jitter */
        wait_ns[i] = s->delay_ns + draw(&f->rng) % (s->jitter_ns + 1);
    f->n.packets++;
    f->n.bytes += size;
    if (s->cut) {
        f->n.cut++;
        return;
    }
    if (s->most_bytes > 0 && size > s->most_bytes) {
        f->n.too_big++;
        return;
    }
    left_ns = serialise(f, size, now_ns);
    if (left_ns == 0) {
        f->n.overflowed++;
        return;
    }
    if (lost) {
        f->n.lost++;
        return;
    }
    if (harm) {
        memcpy(copy, bytes, size);
        bytes = copy;
        f->n.corrupted += corrupt(copy, size, where);
    }
    f->n.duplicated += twice;
    for (int i = 0; i < 1 + twice; i++) {
        if (left_ns + wait_ns[i] <= now_ns)
            hand_over(f, bytes, size);
        else
            hold(w, f, bytes, size, left_ns + wait_ns[i]);
    }
}

void wire_cut(struct wire_flow *f, bool cut)
{
    if (cut && !f->shape.cut) {
        f->cuts++;
        f->busy_until_ns = 0;
    }
    f->shape.cut = cut;
}

bool wire_tap(struct wire_flow *f, const char *file)
{
    const struct pcap_head head = {
        .magic = PCAP_MAGIC, .major = 2, .minor = 4,
        .snap = WIRE_PACKET_MAX, .link = PCAP_LINKTYPE_RAW,
    };

    wire_untap(f);
    f->tap = fopen(file, "we");
    return f->tap && fwrite(&head, sizeof head, 1, f->tap) == 1;
}

void wire_untap(struct wire_flow *f)
{
    if (f->tap)
        fclose(f->tap);
    f->tap = NULL;
}

void wire_tap_put(struct wire_flow *f, const uint8_t *bytes, size_t size)
{
    struct timespec t;
    struct pcap_packet p = {.kept = (uint32_t)size, .size = (uint32_t)size};

    clock_gettime(CLOCK_REALTIME, &t);
    p.sec = (uint32_t)t.tv_sec;
    p.usec = (uint32_t)(t.tv_nsec / 1000);
    if (fwrite(&p, sizeof p, 1, f->tap) != 1 ||
        fwrite(bytes, size, 1, f->tap) != 1) {
        fprintf(stderr, "wire: a tap ended: %s\n", strerror(errno));
        wire_untap(f);
    }
}

long wire_replay(struct wire *w, struct wire_flow *f, const char *file)
{
    uint8_t bytes[WIRE_PACKET_MAX];
    struct pcap_head head;
    struct pcap_packet p;
    FILE *in = fopen(file, "re");
    long n = 0;

    if (!in)
        return -1;
    if (fread(&head, sizeof head, 1, in) != 1 || head.magic != PCAP_MAGIC)
        n = -1;
    while (n >= 0 && fread(&p, sizeof p, 1, in) == 1) {
        if (p.kept > sizeof bytes || fread(bytes, p.kept, 1, in) != 1)
            break;
        wire_enter(w, f, bytes, p.kept, wire_now_ns());
        n++;
    }
    fclose(in);
    return n;
}
