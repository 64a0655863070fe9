/*
 * The control socket under clients that mean no good: every one of them gets
 * a sentence or the door, and the station goes on answering the next.
 */
#include "station/bed.h"
#include "station/control.h"

#include <poll.h>
#include <sys/un.h>

#include "base/dice.h"

static struct bed bed;
static struct bed_station north;

static int setup(void **state)
{
    (void)state;
    bed_open(&bed);
    bed_init(&bed, &north, "north");
    bed_start(&north);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(bed_stop(&north, SIGTERM), 0);
    bed_close(&bed);
    return 0;
}

static int dial(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct timeval wait = {.tv_sec = 20};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(to.sun_path, sizeof(to.sun_path), "%s/control.sock", north.dir);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait,
                                sizeof(wait)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* One line into out; its length, 0 at the end. */
static size_t hear(int fd, char *out, size_t room)
{
    size_t n = 0;

    while (n + 1 < room && recv(fd, out + n, 1, 0) == 1)
        if (out[n++] == '\n')
            break;
    out[n] = '\0';
    return n;
}

static void still_there(void)
{
    json_t *doc = bed_ask(&north, "status", NULL);

    assert_string_equal(bed_text(doc, "station"), "north");
    json_decref(doc);
}

static void garbage(void **state)
{
    static const char *const lines[] = {
        "hello\n", "{}\n", "[]\n", "\n", "{\"id\":1}\n", "\xff\xfe\n",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"zap\"}\n"};
    char text[1024];

    (void)state;
    for (size_t k = 0; k < sizeof(lines) / sizeof(lines[0]); k++) {
        int fd = dial();

        assert_true(send(fd, lines[k], strlen(lines[k]), 0) > 0);
        assert_true(hear(fd, text, sizeof(text)) > 0);
        assert_non_null(strstr(text, "\"code\":2"));
        close(fd);
    }
    still_there();
}

static void too_long(void **state)
{
    static char big[OL_REQUEST_MAX + 4096];
    char text[1024];
    int fd = dial();

    (void)state;
    memset(big, 'x', sizeof(big));
    /* It may hang up while we still write. */
    (void)!send(fd, big, sizeof(big), MSG_NOSIGNAL);
    assert_true(hear(fd, text, sizeof(text)) > 0);
    assert_non_null(strstr(text, "more than 65536 bytes"));
    assert_int_equal(hear(fd, text, sizeof(text)), 0);
    close(fd);
    still_there();
}

static void in_pieces(void **state)
{
    static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":\"p\","
                               "\"method\":\"status\"}\n";
    char text[8192];
    int fd = dial();

    (void)state;
    for (size_t k = 0; k < sizeof(line) - 1; k++) {
        assert_int_equal(send(fd, line + k, 1, 0), 1);
        if (k % 9 == 0)
            bed_pause(1);
    }
    assert_true(hear(fd, text, sizeof(text)) > 0);
    assert_non_null(strstr(text, "\"id\":\"p\""));
    close(fd);
}

static void too_many(void **state)
{
    static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,"
                               "\"method\":\"status\"}\n";
    int fd[OL_CLIENTS_MAX + 1];
    char text[8192];

    (void)state;
    for (unsigned k = 0; k < OL_CLIENTS_MAX; k++) {
        fd[k] = dial();
        assert_true(send(fd[k], line, sizeof(line) - 1, 0) > 0);
        assert_true(hear(fd[k], text, sizeof(text)) > 0);
        assert_non_null(strstr(text, "\"station\":\"north\""));
    }
    fd[OL_CLIENTS_MAX] = dial();
    assert_true(hear(fd[OL_CLIENTS_MAX], text, sizeof(text)) > 0);
    assert_non_null(strstr(text, "clients are connected already"));
    assert_int_equal(hear(fd[OL_CLIENTS_MAX], text, sizeof(text)), 0);
    for (unsigned k = 0; k <= OL_CLIENTS_MAX; k++)
        close(fd[k]);
    bed_pause(100);
    still_there();
}

/* It asks and asks and never reads: the station stops listening to it, and
 * answers everything once it does read. */
static void never_reads(void **state)
{
    static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,"
                               "\"method\":\"status\"}\n";
    struct pollfd p = {.fd = dial(), .events = POLLOUT};
    unsigned asked = 0, heard = 0;
    char text[8192];

    (void)state;
    while (asked < 100000 && poll(&p, 1, 300) > 0 &&
           send(p.fd, line, sizeof(line) - 1, MSG_DONTWAIT) ==
               (ssize_t)sizeof(line) - 1)
        asked++;
    assert_in_range(asked, 64, 99999);
    still_there();
    while (heard + 1 < asked && hear(p.fd, text, sizeof(text)) > 0)
        heard++;
    assert_int_equal(heard + 1, asked);
    close(p.fd);
}

/* Sends text and n copies of one descriptor with its first byte. */
static void pass(int to, const char *text, int fd, unsigned n)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(16 * sizeof(int))];
    } control = {0};
    struct iovec io = {.iov_base = (char *)text, .iov_len = strlen(text)};
    struct msghdr msg = {.msg_iov = &io, .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = CMSG_SPACE(n * sizeof(int))};
    struct cmsghdr *h = CMSG_FIRSTHDR(&msg);

    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(n * sizeof(int));
    for (unsigned k = 0; k < n; k++)
        memcpy(CMSG_DATA(h) + k * sizeof(int), &fd, sizeof(int));
    assert_int_equal(sendmsg(to, &msg, MSG_NOSIGNAL), strlen(text));
}

/* Is the write end of a pipe closed everywhere, once ours is. */
static bool all_closed(int reader)
{
    struct pollfd p = {.fd = reader};

    return poll(&p, 1, 10000) == 1 && (p.revents & POLLHUP) != 0;
}

/* Whatever happens to a request, its descriptors do not stay open. */
static void descriptors(void **state)
{
    static const struct {
        const char *text, *says;
        unsigned n;
    } all[] = {
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}\n",
         "status takes no file descriptor", 1},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"zap\"}\n",
         "no method", 8},
        {"not JSON\n", "not JSON", 3},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}\n",
         "more than 8 file descriptors", 9},
        {"half a line", NULL, 2},
    };
    char text[8192];

    (void)state;
    for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
        int fd = dial(), ends[2];

        assert_int_equal(pipe(ends), 0);
        pass(fd, all[k].text, ends[1], all[k].n);
        close(ends[1]);
        if (all[k].says != NULL) {
            assert_true(hear(fd, text, sizeof(text)) > 0);
            if (strstr(text, all[k].says) == NULL)
                fail_msg("%zu: %s", k, text);
        } else {
            close(fd);
        }
        assert_true(all_closed(ends[0]));
        close(ends[0]);
        if (all[k].says != NULL)
            close(fd);
    }
    still_there();
}

/* They belong to the request that they came with, not to one before. */
static void whose(void **state)
{
    static const char plain[] = "{\"jsonrpc\":\"2.0\",\"id\":\"plain\","
                                "\"method\":\"status\"}\n";
    static const char with[] = "{\"jsonrpc\":\"2.0\",\"id\":\"with\","
                               "\"method\":\"status\"}\n";
    char text[8192];
    int fd = dial();

    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        assert_true(send(fd, plain, strlen(plain), 0) > 0);
        pass(fd, with, 0, 5);
        assert_true(send(fd, plain, strlen(plain), 0) > 0);
        pass(fd, with, 0, 8);
        for (unsigned k = 0; k < 4; k++) {
            assert_true(hear(fd, text, sizeof(text)) > 0);
            assert_non_null(strstr(text, k % 2 ? "\"with\"" : "\"plain\""));
            assert_non_null(strstr(text, k % 2 ? "takes no" : "\"lines\""));
        }
    }
    close(fd);
}

/* Gone in the middle of everything. */
static void hang_ups(void **state)
{
    static const char *const methods[] = {"status", "log", "inbox", "audit",
                                          "doctor", "subscribe", "reload"};
    struct dice d = dice_init(0x48414e47);
    char line[128];

    (void)state;
    for (unsigned k = 0; k < 200; k++) {
        int fd = dial(), n;

        n = snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":1,"
                     "\"method\":\"%s\"}\n",
                     methods[dice_in(&d, 0, 6)]);
        (void)!send(fd, line, (size_t)dice_in(&d, 0, (uint64_t)n),
                    MSG_NOSIGNAL);
        if (k % 3 == 0)
            bed_pause(2);
        close(fd);
    }
    bed_pause(200);
    still_there();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(garbage),     cmocka_unit_test(too_long),
        cmocka_unit_test(in_pieces),   cmocka_unit_test(too_many),
        cmocka_unit_test(never_reads), cmocka_unit_test(descriptors),
        cmocka_unit_test(whose),       cmocka_unit_test(hang_ups),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
