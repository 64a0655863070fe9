/*
 * The control socket of a real station.
 *
 *   fuzzer --connect, descriptors, lines--> control.sock of a daemon that runs
 *          <--answers, each judged--------- in a thread of this process
 *
 * The station has a line with south that nobody is at the other end of, and a
 * folder for a pouch, by which south said something once. The first byte says
 * how many descriptors go along, the second of what kind; the rest are lines
 * as they stand, behind them one that asks for the status. What must hold:
 * whatever comes back is a JSON object a line, an answer (a result, or an
 * error whose code is an exit status and whose words are not empty) or a
 * notification; no more answers than lines; the last line is answered, unless
 * the client was told that it is sent away; the next client is served.
 *
 * A client may name files for the station to write. So the thread has mounts
 * of its own in which nothing but its folder can be written to. Without the
 * right to make them, lines that could name the method are left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <linux/mount.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <openline/station.h>

#include "script.h"
#include "south.h"

#include "base/check.h"
#include "crypto/crypto.h"
#include "station/file.h"
#include "station/text.h"

#define INPUT_MAX 70000u
#define REQUEST_FDS 8u
#define CLIENTS 20000u /* then another station: a ledger grows */
#define WAIT_MS 10000
#define QUIET_MS 15

static char dir[64], folder[80];
static pthread_t thread;
static atomic_int jailed; /* 1: nothing but `dir` can be written to; -1: not */
static unsigned clients;

/* ---- the station -------------------------------------------------------- */

static bool jail(void)
{
    struct mount_attr shut = {.attr_set = MOUNT_ATTR_RDONLY};
    struct mount_attr open = {.attr_clr = MOUNT_ATTR_RDONLY};

    return unshare(CLONE_NEWNS) == 0 &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount(dir, dir, NULL, MS_BIND, NULL) == 0 &&
           syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &shut,
                   sizeof(shut)) == 0 &&
           syscall(SYS_mount_setattr, AT_FDCWD, dir, 0, &open,
                   sizeof(open)) == 0;
}

static void *run(void *arg)
{
    struct ol_run_opts opts = {.dir = folder};
    char why[OL_WHY_MAX] = "";
    int status;

    (void)arg;
    atomic_store(&jailed, jail() ? 1 : -1);
    status = ol_station_run(&opts, why);
    if (status != OL_EXIT_OK)
        (void)fprintf(stderr, "the station: %s\n", why);
    OL_CHECK(status == OL_EXIT_OK);
    return NULL;
}

static void write_text(const char *name, const char *text)
{
    char path[256];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "w");
    OL_CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

/* south's card, so that there is a line; and something that it says. */
static void pair(void)
{
    static char text[OL_CARD_TEXT];
    static struct ol_pairing pairing;
    char why[OL_WHY_MAX] = "", conf[256];
    struct ol_writer w;

    ol_writer_init(&w, text, sizeof(text));
    south_card(&w);
    write_text("station.conf", "[station]\nname = north\n");
    if (ol_station_pair(folder, ol_writer_span(&w), &pairing, why) !=
        OL_EXIT_OK)
        (void)fprintf(stderr, "pair: %s\n", why);
    (void)snprintf(conf, sizeof(conf), "[line]\ncard = south.card\nchannel = "
                   "fibre accept=tcp\nchannel = pouch courier://%s/pouch\n",
                   dir);
    write_text("lines.d/south.conf", conf);
    (void)snprintf(conf, sizeof(conf), "%s/pouch", dir);
    OL_CHECK(mkdir(conf, 0700) == 0);
    (void)snprintf(conf, sizeof(conf), "%s/pouch/in.pouch", dir);
    south_writes(folder, conf);
}

static int dial(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    OL_CHECK(fd >= 0);
    (void)snprintf(to.sun_path, sizeof(to.sun_path), "%s/control.sock",
                   folder);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void start(void)
{
    char why[OL_WHY_MAX] = "";
    int fd = -1;

    (void)snprintf(dir, sizeof(dir), "%s/ol-fuzz-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    OL_CHECK(mkdtemp(dir) != NULL);
    OL_CHECK(setenv("XDG_STATE_HOME", dir, 1) == 0);
    (void)snprintf(folder, sizeof(folder), "%s/north", dir);
    if (ol_station_init(folder, "north", why) != OL_EXIT_OK)
        (void)fprintf(stderr, "init: %s\n", why);
    pair();
    atomic_store(&jailed, 0);
    OL_CHECK(pthread_create(&thread, NULL, run, NULL) == 0);
    for (unsigned n = 0; fd < 0 && n < WAIT_MS; n++) {
        (void)usleep(1000);
        fd = dial();
    }
    OL_CHECK(fd >= 0);
    close(fd);
    /* The folder is read once a second; what south says is there then. */
    (void)snprintf(why, sizeof(why), "%s/pouch/in.pouch", dir);
    for (unsigned n = 0; access(why, F_OK) == 0 && n < WAIT_MS; n++)
        (void)usleep(1000);
}

static int gone(const char *path, const struct stat *st, int flag,
                struct FTW *at)
{
    (void)st, (void)flag, (void)at;
    return remove(path);
}

static void stop(void)
{
    if (dir[0] == '\0')
        return;
    OL_CHECK(kill(getpid(), SIGTERM) == 0);
    OL_CHECK(pthread_join(thread, NULL) == 0);
    (void)nftw(dir, gone, 16, FTW_DEPTH | FTW_PHYS);
    dir[0] = '\0';
}

/* ---- answers ------------------------------------------------------------ */

struct heard {
    unsigned answers;
    bool end, away; /* the last line's; "you are sent away" */
};

static void judge_error(const json_t *error, struct heard *h)
{
    json_int_t code = json_integer_value(json_object_get(error, "code"));
    const char *words = json_string_value(json_object_get(error, "message"));

    OL_CHECK(code >= 1 && code <= 5 && words != NULL && words[0] != '\0');
    h->away |= strncmp(words, "a request of more than", 22) == 0 ||
               strncmp(words, "more than 8 file desc", 21) == 0 ||
               strncmp(words, "64 clients are", 14) == 0;
}

static void judge(const char *line, size_t n, struct heard *h)
{
    json_t *doc = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
    json_t *id = json_object_get(doc, "id");
    json_t *result = json_object_get(doc, "result");
    json_t *error = json_object_get(doc, "error");
    const char *version =
        json_string_value(json_object_get(doc, "jsonrpc"));

    OL_CHECK(json_is_object(doc) && version != NULL &&
             strcmp(version, "2.0") == 0);
    if (id == NULL) { /* a notification */
        OL_CHECK(json_is_string(json_object_get(doc, "method")));
        json_decref(doc);
        return;
    }
    OL_CHECK((result != NULL) != (error != NULL));
    h->answers++;
    if (error != NULL)
        judge_error(error, h);
    if (json_is_string(id) &&
        strcmp(json_string_value(id), "the last line") == 0)
        h->end = true;
    json_decref(doc);
}

/* Until every line is answered; some may have to wait for what never happens,
 * so once the last one is, silence ends it. Or until the other end closes. */
static void hear(int fd, struct heard *h, unsigned lines)
{
    static char text[1u << 22];
    size_t n = 0, from = 0;

    while (!h->end || h->answers < lines) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = poll(&p, 1, h->end ? QUIET_MS : WAIT_MS);
        ssize_t got;
        char *end;

        OL_CHECK(ready == 1 || (ready == 0 && h->end));
        if (ready == 0)
            return;
        got = recv(fd, text + n, sizeof(text) - n, 0);
        if (got <= 0)
            return;
        n += (size_t)got;
        while ((end = memchr(text + from, '\n', n - from)) != NULL) {
            judge(text + from, (size_t)(end - text) - from, h);
            from = (size_t)(end - text) + 1;
        }
        memmove(text, text + from, n - from);
        n -= from;
        from = 0;
        OL_CHECK(n < sizeof(text));
    }
}

/* ---- requests ----------------------------------------------------------- */

static int some_file(uint8_t kind)
{
    int fd = -1, two[2];

    switch (kind % 4) {
    case 0:
        fd = memfd_create("file", MFD_CLOEXEC);
        OL_CHECK(fd >= 0 && write(fd, "content", 7) == 7);
        break;
    case 1:
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        break;
    case 2: /* never written to, and never closed before the end */
        OL_CHECK(pipe2(two, O_CLOEXEC) == 0);
        fd = two[0];
        close(two[1]);
        break;
    default:
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        break;
    }
    OL_CHECK(fd >= 0);
    return fd;
}

/* All of it, with n descriptors on its first byte. */
static void tell(int fd, const char *text, size_t size, unsigned n,
                 uint8_t kind)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(16 * sizeof(int))];
    } control;
    struct iovec part = {(void *)(uintptr_t)text, size};
    struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
    int fds[16];

    for (unsigned k = 0; k < n; k++)
        fds[k] = some_file((uint8_t)(kind >> k));
    if (n > 0) {
        struct cmsghdr *h;

        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
        h = CMSG_FIRSTHDR(&msg);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(h), fds, n * sizeof(int));
    }
    for (size_t sent = 0; sent < size;) {
        ssize_t got = sendmsg(fd, &msg, MSG_NOSIGNAL);

        if (got < 0)
            break; /* it may hang up while we still write */
        sent += (size_t)got;
        part.iov_base = (void *)(uintptr_t)(text + sent);
        part.iov_len = size - sent;
        msg.msg_control = NULL;
        msg.msg_controllen = 0;
    }
    for (unsigned k = 0; k < n; k++)
        close(fds[k]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char last[] = "\n{\"jsonrpc\":\"2.0\",\"id\":\"the last "
                               "line\",\"method\":\"status\"}\n";
    static char text[INPUT_MAX + sizeof(last)];
    struct script s = {data, size};
    struct heard h = {.answers = 0};
    unsigned fds, lines = 0;
    uint8_t how, kind;
    struct ol_span in;
    size_t n;
    int fd;

    if (dir[0] == '\0') {
        OL_CHECK(ol_crypto_init() == OL_OK);
        OL_CHECK(atexit(stop) == 0);
        start();
    } else if (++clients % CLIENTS == 0) {
        stop();
        start();
    }
    how = script_u8(&s);
    kind = script_u8(&s);
    fds = how % 16 < 12 ? 0 : 1 + (how / 16) % (REQUEST_FDS + 2);
    in = script_rest(&s);
    n = OL_MIN(in.n, INPUT_MAX);
    if (atomic_load(&jailed) < 0 && (memmem(in.p, n, "courier", 7) != NULL ||
                                     memchr(in.p, '\\', n) != NULL))
        return 0;
    if (n > 0)
        memcpy(text, in.p, n);
    memcpy(text + n, last, sizeof(last) - 1);
    n += sizeof(last) - 1;
    for (size_t k = 0; k < n; k++)
        lines += text[k] == '\n';
    fd = dial();
    OL_CHECK(fd >= 0);
    tell(fd, text, n, fds, kind);
    hear(fd, &h, lines);
    OL_CHECK(h.end || h.away);
    OL_CHECK(h.answers <= lines + h.away);
    close(fd);
    return 0;
}
