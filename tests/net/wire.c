/*
 * The userspace wire: joins two network namespaces by up to 16 independent
 * paths and impairs them, without netem, which many kernels lack.
 *
 *     namespace A            this process             namespace B
 *    +------------+     +---------------------+     +------------+
 *    | path1 .1 <-|-TUN-|-> a>b delay, loss ->|-TUN-|-> path1 .2 |
 *    |            |     |<- b>a rate, cut ... |     |            |
 *    | path2 .1 <-|-TUN-|-> ...             ->|-TUN-|-> path2 .2 |
 *    +------------+     +---------------------+     +------------+
 *
 * Path K is the device `pathK` in both namespaces; whoever starts the wire
 * gives them addresses (tests/net/lab.py: 10.K.0.1 and .2, fdKK::1 and ::2).
 * The wire never looks at an address: the device is the path.
 *
 *     wire [-s SEED] [-m MTU] A B PATHS
 *
 * A and B are names from `ip netns`, process numbers or files. It prints
 * `ready` once the devices exist, then obeys one command a line on standard
 * input (see wire_ctl.c, or say `help`) and answers each with one line. It
 * ends with its standard input, so it cannot outlive the test that made it.
 *
 * One loop, one heap of pending packets, one timer at the earliest. The same
 * seed and the same packets meet the same fate; the kernel's own timing is
 * the one thing that differs between two runs.
 *
 * It fails at the start with a sentence and status 1 (no such namespace, no
 * /dev/net/tun, not permitted), and ends with status 1 if a device vanishes
 * under it. A packet that cannot be kept or delivered is dropped and counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define TUN_QUEUE_PACKETS 10000 /* a burst must be lost by us, not by TUN */
#define BATCH_PACKETS 64        /* from one device before others get a turn */
#define LINE_BYTES_MAX 1024

/* What woke the loop: a TUN is (path << 1 | side). */
enum { WOKE_STDIN = 1000, WOKE_TIMER };

static struct wire wire;

static void die(const char *what)
{
    fprintf(stderr, "wire: %s: %s\n", what, strerror(errno));
    exit(1);
}

uint64_t wire_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void enter_namespace(const char *name)
{
    char file[256];
    int fd;

    if (strchr(name, '/'))
        snprintf(file, sizeof file, "%s", name);
    else if (strspn(name, "0123456789") == strlen(name))
        snprintf(file, sizeof file, "/proc/%s/ns/net", name);
    else
        snprintf(file, sizeof file, "/run/netns/%s", name);
    fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) != 0)
        die(file);
    close(fd);
}

/* Makes the device pathK in the namespace that this process is in. */
static int open_tun(unsigned k, int mtu)
{
    struct ifreq req = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        die("/dev/net/tun");
    if (sock < 0)
        die("socket");
    snprintf(req.ifr_name, sizeof req.ifr_name, "path%u", k);
    if (ioctl(fd, TUNSETIFF, &req) != 0)
        die(req.ifr_name);
    req.ifr_qlen = TUN_QUEUE_PACKETS;
    if (ioctl(sock, SIOCSIFTXQLEN, &req) != 0)
        die("transmit queue length");
    req.ifr_mtu = mtu;
    if (ioctl(sock, SIOCSIFMTU, &req) != 0)
        die("mtu");
    close(sock);
    return fd;
}

static void open_paths(struct wire *w, char *const names[], int mtu)
{
    for (int side = 0; side < WIRE_DIRS; side++) {
        enter_namespace(names[side]);
        for (unsigned k = 0; k < w->paths; k++)
            w->path[k].fd[side] = open_tun(k + 1, mtu);
    }
    for (unsigned k = 0; k < w->paths; k++) {
        w->path[k].flow[WIRE_AB].to_fd = w->path[k].fd[1];
        w->path[k].flow[WIRE_BA].to_fd = w->path[k].fd[0];
    }
}

static void watch(int epoll, int fd, uint64_t what)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = what};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) != 0)
        die("epoll");
}

static void read_tun(struct wire *w, unsigned k, unsigned side)
{
    /* cppcheck-suppress arrayIndexOutOfBoundsCond ; k came from watch() */
    struct wire_flow *f = &w->path[k].flow[side];
    uint8_t bytes[WIRE_PACKET_MAX];

    for (int i = 0; i < BATCH_PACKETS; i++) {
        /* cppcheck-suppress arrayIndexOutOfBoundsCond ; as above */
        ssize_t n = read(w->path[k].fd[side], bytes, sizeof bytes);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0)
            die("a path's device is gone");
        if (f->tap)
            wire_tap_put(f, bytes, (size_t)n);
        wire_enter(w, f, bytes, (size_t)n, wire_now_ns());
    }
}

/* Returns false at the end of input or at `quit`. */
static bool read_commands(struct wire *w)
{
    static char line[LINE_BYTES_MAX];
    static size_t have;
    ssize_t n = read(STDIN_FILENO, line + have, sizeof line - 1 - have);
    char *start = line;
    char *end;

    if (n <= 0)
        return n < 0 && errno == EINTR;
    have += (size_t)n;
    line[have] = 0;
    while ((end = strchr(start, '\n'))) {
        *end = 0;
        if (!wire_command(w, start))
            return false;
        start = end + 1;
    }
    have -= (size_t)(start - line);
    memmove(line, start, have);
    if (have == sizeof line - 1) {
        printf("error: a line of more than %d bytes\n", LINE_BYTES_MAX - 2);
        fflush(stdout);
        have = 0;
    }
    return true;
}

static void arm(int timer, uint64_t due_ns)
{
    static uint64_t armed_ns;
    struct itimerspec at = {
        .it_value = {.tv_sec = (time_t)(due_ns / 1000000000u),
                     .tv_nsec = (long)(due_ns % 1000000000u)},
    };

    if (due_ns == armed_ns)
        return;
    if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL) != 0)
        die("timer");
    armed_ns = due_ns;
}

static void run(struct wire *w, int epoll, int timer)
{
    struct epoll_event ev[2 * WIRE_PATHS_MAX + 2];
    uint64_t ticks;

    for (;;) {
        int n = epoll_wait(epoll, ev, sizeof ev / sizeof *ev, -1);

        if (n < 0 && errno != EINTR)
            die("epoll");
        /* What is due goes before what has only now come in. */
        wire_deliver(w, wire_now_ns());
        for (int i = 0; i < n; i++) {
            uint64_t what = ev[i].data.u64;

            if (what == WOKE_STDIN && !read_commands(w))
                return;
            if (what == WOKE_TIMER &&
                read(timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN)
                die("timer");
            if (what < WOKE_STDIN)
                read_tun(w, (unsigned)what >> 1, what & 1);
        }
        arm(timer, wire_deliver(w, wire_now_ns()));
    }
}

static void usage(void)
{
    fprintf(stderr, "usage: wire [-s SEED] [-m MTU] A B PATHS\n"
                    "joins namespaces A and B; then say `help`\n");
    exit(2);
}

int main(int argc, char **argv)
{
    uint64_t seed = 1;
    int mtu = 1500;
    int epoll, timer, opt;

    while ((opt = getopt(argc, argv, "s:m:")) != -1) {
        if (opt == 's')
            seed = strtoull(optarg, NULL, 0);
        else if (opt == 'm')
            mtu = atoi(optarg);
        else
            usage();
    }
    if (argc - optind != 3)
        usage();
    wire.paths = (unsigned)atoi(argv[optind + 2]);
    if (wire.paths < 1 || wire.paths > WIRE_PATHS_MAX || mtu > WIRE_PACKET_MAX)
        usage();
    /* The stations load both cores; the wire's clock should not suffer. It
     * is only a wish: without it the delays are less exact. */
    (void)!setpriority(PRIO_PROCESS, 0, -10);
    wire_seed(&wire, seed);
    open_paths(&wire, argv + optind, mtu);

    epoll = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (epoll < 0 || timer < 0)
        die("epoll or timer");
    watch(epoll, STDIN_FILENO, WOKE_STDIN);
    watch(epoll, timer, WOKE_TIMER);
    for (unsigned i = 0; i < 2 * wire.paths; i++)
        watch(epoll, wire.path[i >> 1].fd[i & 1], i);
    puts("ready");
    fflush(stdout);
    run(&wire, epoll, timer);
    for (unsigned i = 0; i < 2 * wire.paths; i++)
        wire_untap(&wire.path[i >> 1].flow[i & 1]);
    return 0;
}
