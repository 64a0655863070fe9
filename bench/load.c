/*
 * A loader: durable messages through a station's control socket, many at once.
 *
 *     load SOCKET PEER COUNT OUTSTANDING [BYTES [PRECEDENCE [LANES]]]
 *
 * Says COUNT messages of BYTES bytes (200, routine) to PEER, or in turn to
 * several ("west,east"), each as many, and keeps up to OUTSTANDING of them
 * under way: said, and not yet told to be delivered. A
 * message is delivered when its event comes out of `watch`, which is when the
 * other side's HELD covers it: it is synced on both disks. Requests go over
 * several connections, because a station reads no more than 64 of one ahead;
 * those that it has not answered are never more than 256.
 *
 * Prints one JSON object: messages, seconds, rate (a second), and the
 * milliseconds from saying a message to its event: p50, p99, worst. It fails,
 * with a word on stderr, when the station refuses or goes away.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LANES_MAX 16u
#define LANE_AHEAD 64u /* requests of one client that a station reads */
#define AHEAD_MAX 256u /* messages that wait for its disk, at most */
#define PEERS_MAX 64u
#define BUFFER (1u << 20)
#define COUNT_MAX 10000000u
#define PATIENCE_MS 60000

struct lane { /* one connection */
    int fd;
    unsigned ahead; /* requests without an answer */
    size_t out_n, out_at, in_n;
    char *out, *in;
};

struct peer {
    const char *name;
    uint64_t base; /* the number of its first message; 0: not known */
    char *request_tail;
};

static struct load {
    struct lane lane[LANES_MAX], watch;
    struct peer peer[PEERS_MAX];
    unsigned lanes, peers;
    uint32_t count, outstanding, said, taken, delivered;
    uint64_t *said_ns; /* by request; request k goes to peer k % peers */
    uint32_t *request; /* by place: the request, plus one */
    uint64_t *told_ns; /* by place */
} load;

__attribute__((noreturn)) static void die(const char *what, const char *more)
{
    fprintf(stderr, "load: %s: %s\n", what, more);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void *room(size_t n, size_t each)
{
    void *p = calloc(n, each);

    if (p == NULL)
        die("memory", "none");
    return p;
}

static void dial(struct lane *l, const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(to.sun_path))
        die(path, "too long for a socket");
    memcpy(to.sun_path, path, strlen(path));
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        die(path, strerror(errno));
    l->out = room(BUFFER, 1);
    l->in = room(BUFFER, 1);
}

static void flush(struct lane *l)
{
    while (l->out_at < l->out_n) {
        ssize_t n = send(l->fd, l->out + l->out_at, l->out_n - l->out_at,
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0)
            die("the station", "went away");
        l->out_at += (size_t)n;
    }
    l->out_n = l->out_at = 0;
}

static void ask(struct lane *l, uint32_t id)
{
    size_t left = BUFFER - l->out_n;
    int n = snprintf(l->out + l->out_n, left,
                     "{\"jsonrpc\":\"2.0\",\"id\":%u,%s\n", id,
                     load.peer[(id - 1) % load.peers].request_tail);

    if (n < 0 || (size_t)n >= left)
        die("buffer", "full");
    l->out_n += (size_t)n;
}

/* The whole number behind a name, anywhere in a line; 0: there is none. */
static uint64_t number_at(const char *line, size_t n, const char *name)
{
    const char *at = memmem(line, n, name, strlen(name));

    return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* Where a message of that number to that peer has its place; the first to each
 * goes alone, and tells where the numbers begin. load.count: it is not ours. */
static uint32_t place_of(unsigned peer, uint64_t number)
{
    struct peer *p = &load.peer[peer];

    if (p->base == 0)
        p->base = number;
    if (number < p->base || number - p->base >= load.count / load.peers)
        return load.count;
    return (uint32_t)(number - p->base) * load.peers + peer;
}

static void answered(struct lane *l, const char *line, size_t n)
{
    uint64_t number = number_at(line, n, "\"number\":");
    uint32_t id = (uint32_t)number_at(line, n, "\"id\":"), place;

    if (memmem(line, n, "\"error\":", 8) != NULL)
        die("refused", line);
    if (id == 0 || id > load.count)
        die("an answer to nothing", line);
    place = place_of((id - 1) % load.peers, number);
    if (place == load.count)
        die("an answer that is none", line);
    load.request[place] = id;
    l->ahead--;
    load.taken++;
}

/* Whose line an event is of; load.peers: of none of them. */
static unsigned peer_at(const char *line, size_t n)
{
    static const char name[] = "\"line\":\"";
    const char *at = memmem(line, n, name, sizeof(name) - 1);
    unsigned k = 0;

    for (; at != NULL && k < load.peers; k++) {
        size_t most = strlen(load.peer[k].name);

        if (strncmp(at + sizeof(name) - 1, load.peer[k].name, most) == 0 &&
            at[sizeof(name) - 1 + most] == '"')
            return k;
    }
    return load.peers;
}

static void told(const char *line, size_t n)
{
    unsigned peer;
    uint32_t place;

    if (memmem(line, n, "\"event\":\"delivered\"", 19) == NULL ||
        (peer = peer_at(line, n)) == load.peers)
        return;
    place = place_of(peer, number_at(line, n, "\"number\":"));
    if (place == load.count)
        return;
    load.told_ns[place] = now_ns();
    load.delivered++;
}

static void hear(struct lane *l)
{
    ssize_t n = recv(l->fd, l->in + l->in_n, BUFFER - l->in_n - 1,
                     MSG_DONTWAIT);
    char *at = l->in, *end;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        die("the station", "went away");
    l->in_n += (size_t)n;
    while ((end = memchr(at, '\n', l->in_n - (size_t)(at - l->in)))) {
        *end = '\0';
        if (l == &load.watch)
            told(at, (size_t)(end - at));
        else
            answered(l, at, (size_t)(end - at));
        at = end + 1;
    }
    l->in_n -= (size_t)(at - l->in);
    memmove(l->in, at, l->in_n);
    if (l->in_n >= BUFFER - 1)
        die("the station", "a line without end");
}

/* All peers have been told one thing, and it is known what number it has. */
static bool numbered(void)
{
    return load.said < load.peers || load.taken >= load.peers;
}

/* As many as may be under way now. */
static void say(void)
{
    for (unsigned k = 0; k < load.lanes; k++) {
        struct lane *l = &load.lane[k];

        while (load.said < load.count && l->ahead < LANE_AHEAD &&
               load.said - load.delivered < load.outstanding &&
               load.said - load.taken < AHEAD_MAX &&
               numbered() &&
               l->out_n < BUFFER - 65536) {
            load.said_ns[load.said++] = now_ns();
            l->ahead++;
            ask(l, load.said);
        }
        flush(l);
    }
}

static void turn(void)
{
    struct pollfd p[LANES_MAX + 1];

    say();
    for (unsigned k = 0; k < load.lanes; k++)
        p[k] = (struct pollfd){
            .fd = load.lane[k].fd,
            .events = POLLIN | (load.lane[k].out_n > 0 ? POLLOUT : 0),
        };
    p[load.lanes] = (struct pollfd){.fd = load.watch.fd, .events = POLLIN};
    if (poll(p, load.lanes + 1, PATIENCE_MS) <= 0)
        die("the station", "nothing was delivered for a minute");
    if (p[load.lanes].revents != 0)
        hear(&load.watch);
    for (unsigned k = 0; k < load.lanes; k++)
        if (p[k].revents & (POLLIN | POLLHUP | POLLERR))
            hear(&load.lane[k]);
}

static void subscribe(const char *socket, const char *peer)
{
    struct lane *w = &load.watch;

    dial(w, socket);
    w->out_n = (size_t)snprintf(
        w->out, BUFFER,
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"subscribe\","
        "\"params\":{%s%.64s%s}}\n", peer ? "\"peer\":\"" : "",
        peer ? peer : "", peer ? "\"" : "");
    flush(w);
    while (memchr(w->in, '\n', w->in_n) == NULL) {
        ssize_t n = recv(w->fd, w->in + w->in_n, BUFFER - w->in_n - 1, 0);

        if (n <= 0)
            die(socket, "no answer");
        w->in_n += (size_t)n;
    }
    w->in_n = 0;
}

static int by_time(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void report(uint64_t began_ns, uint64_t ended_ns)
{
    uint64_t *took = room(load.count, sizeof(*took));
    double seconds = (double)(ended_ns - began_ns) / 1e9;
    uint64_t half, most;

    for (uint32_t k = 0; k < load.count; k++)
        took[k] = load.told_ns[k] - load.said_ns[load.request[k] - 1];
    qsort(took, load.count, sizeof(*took), by_time);
    half = load.count / 2;
    most = load.count * 99ull / 100;
    printf("{\"messages\":%u,\"outstanding\":%u,\"seconds\":%.6f,"
           "\"rate\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
           "\"worst_ms\":%.3f}\n",
           load.count, load.outstanding, seconds, load.count / seconds,
           (double)took[half] / 1e6, (double)took[most] / 1e6,
           (double)took[load.count - 1] / 1e6);
    free(took);
}

static uint32_t whole(const char *text, uint32_t max)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0' || v == 0 || v > max)
        die(text, "no such number");
    return (uint32_t)v;
}

/* "west,east", with the request to each; text is JSON without quotes. */
static void address(char *names, const char *text, const char *precedence)
{
    size_t size = strlen(text) + 512;

    for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
        struct peer *p = &load.peer[load.peers];

        if (load.peers++ == PEERS_MAX)
            die("peers", "too many");
        p->name = name;
        p->request_tail = room(size, 1);
        snprintf(p->request_tail, size,
                 "\"method\":\"send\",\"params\":{\"peer\":\"%.64s\","
                 "\"text\":\"%s\",\"precedence\":\"%.16s\"}}", name, text,
                 precedence);
    }
    if (load.peers == 0 || load.count % load.peers != 0)
        die("COUNT", "not as many to each peer");
}

int main(int argc, char **argv)
{
    uint32_t bytes = argc > 5 ? whole(argv[5], 4096) : 200;
    uint64_t began_ns;
    char *text;

    if (argc < 5 || argc > 8) {
        fprintf(stderr, "usage: load SOCKET PEER[,PEER...] COUNT OUTSTANDING "
                "[BYTES [PRECEDENCE [LANES]]]\n");
        return 2;
    }
    load.count = whole(argv[3], COUNT_MAX);
    load.outstanding = whole(argv[4], COUNT_MAX);
    load.lanes = argc > 7 ? whole(argv[7], LANES_MAX)
                          : AHEAD_MAX / LANE_AHEAD;
    load.said_ns = room(load.count, sizeof(*load.said_ns));
    load.told_ns = room(load.count, sizeof(*load.told_ns));
    load.request = room(load.count, sizeof(*load.request));
    text = room(bytes + 1, 1);
    for (uint32_t k = 0; k < bytes; k++)
        text[k] = "the quick brown fox jumps over the lazy dog, "[k % 45];
    address(argv[2], text, argc > 6 ? argv[6] : "routine");
    subscribe(argv[1], load.peers == 1 ? load.peer[0].name : NULL);
    for (unsigned k = 0; k < load.lanes; k++)
        dial(&load.lane[k], argv[1]);
    began_ns = now_ns();
    while (load.delivered < load.count || load.taken < load.count)
        turn();
    report(began_ns, now_ns());
    return 0;
}
