/*
 * The demonstration's world: made, asked, removed.
 *
 * Happy path: two directories, free loopback ports, cards exchanged and their
 * safety numbers compared, a configuration for each line. Whatever was made is
 * removed at the end, also when it was only half made; a directory that was
 * there before is kept.
 */
#include "cli/demo.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

volatile sig_atomic_t ol_demo_ended;

void ol_demo_nap(int ms)
{
    struct timespec t = {.tv_sec = ms / 1000,
                         .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

int ol_demo_fail(char why[OL_WHY_MAX], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, OL_WHY_MAX, format, args);
    va_end(args);
    return OL_EXIT_FAILED;
}

/* A path below another; every one of ours fits, see ol_demo_make. */
char *ol_demo_join(char out[OL_DEMO_PATH], const char *dir, const char *name)
{
    size_t n = strlen(dir), m = strlen(name);

    if (n + m + 2 > OL_DEMO_PATH)
        abort();
    memcpy(out, dir, n);
    out[n] = '/';
    memcpy(out + n + 1, name, m + 1);
    return out;
}

/* A port of 127.0.0.1 that is free now. */
static int free_port(int type)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(at);
    int port = -1, fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    if (fd >= 0 && bind(fd, (struct sockaddr *)&at, n) == 0 &&
        getsockname(fd, (struct sockaddr *)&at, &n) == 0)
        port = ntohs(at.sin_port);
    if (fd >= 0)
        close(fd);
    return port;
}

static int write_file(const char *dir, const char *name, const char *text,
                      char why[OL_WHY_MAX])
{
    char path[OL_DEMO_PATH];
    FILE *f = fopen(ol_demo_join(path, dir, name), "we");
    bool good = f != NULL && fputs(text, f) >= 0;

    if (f != NULL && fclose(f) != 0)
        good = false;
    return good ? OL_EXIT_DONE
                : ol_demo_fail(why, "cannot write %s: %s: is there room?",
                               path, strerror(errno));
}

/* The directory of it all: given, or a new one for temporary things. */
static int make_root(struct ol_demo *d, char why[OL_WHY_MAX])
{
    const char *given = getenv("OPENLINE_DEMO_DIR");
    const char *tmp = getenv("TMPDIR");
    char path[OL_DEMO_PATH], *real;
    struct stat st;

    if (given != NULL && *given != '\0') {
        if (mkdir(given, 0700) == 0)
            d->own_root = true;
        else if (errno != EEXIST)
            return ol_demo_fail(why, "cannot make %s: %s: name another "
                                "directory in OPENLINE_DEMO_DIR",
                                given, strerror(errno));
        real = realpath(given, NULL);
        if (real == NULL || strlen(real) > OL_DEMO_PATH / 2) {
            free(real);
            return ol_demo_fail(why, "cannot use %s: it is gone, or its path "
                                "is too long: name another directory in "
                                "OPENLINE_DEMO_DIR", given);
        }
        memcpy(d->root, real, strlen(real) + 1);
        free(real);
        for (int i = 0; i < 2; i++) {
            if (stat(ol_demo_join(path, d->root, d->side[i].name), &st) == 0)
                return ol_demo_fail(why, "%s is there already: end that "
                                    "demonstration, or name another directory "
                                    "in OPENLINE_DEMO_DIR", path);
        }
        return OL_EXIT_DONE;
    }
    snprintf(d->root, sizeof(d->root), "%.1000s/openline-demo-XXXXXX",
             tmp && *tmp ? tmp : "/tmp");
    if (mkdtemp(d->root) == NULL)
        return ol_demo_fail(why, "cannot make a directory in %s: %s: name "
                            "another in TMPDIR",
                            tmp && *tmp ? tmp : "/tmp", strerror(errno));
    d->own_root = true;
    return OL_EXIT_DONE;
}

/* A station with its ports and its own way of being reached. */
static int make_side(struct ol_demo *d, struct ol_demo_side *s,
                     char why[OL_WHY_MAX])
{
    char text[1024 + OL_DEMO_PATH];
    int status = ol_station_init(s->dir, s->name, why);

    if (status != OL_EXIT_DONE)
        return status;
    s->tcp = free_port(SOCK_STREAM);
    s->udp = free_port(SOCK_DGRAM);
    if (s->tcp < 0 || s->udp < 0)
        return ol_demo_fail(why, "no free port on 127.0.0.1: is the loopback "
                            "interface up?");
    snprintf(text, sizeof(text),
             "[station]\nname = %s\n"
             "listen = tcp://127.0.0.1:%d\nlisten = udp://127.0.0.1:%d\n"
             "reach = cable tcp://127.0.0.1:%d\n"
             "reach = radio udp://127.0.0.1:%d\n"
             "reach = pouch courier://%s/pouch\n",
             s->name, s->tcp, s->udp, s->tcp, s->udp, d->root);
    return write_file(s->dir, "station.conf", text, why);
}

/* Takes the other side's card, and says in the line's configuration what no
 * card says: that all channels share one fate, and to be quick. */
static int pair(struct ol_demo *d, struct ol_demo_side *s,
                const struct ol_demo_side *other, char safety[72],
                char why[OL_WHY_MAX])
{
    static char card[64 * 1024];
    static struct ol_pairing pairing;
    char text[1024 + OL_DEMO_PATH], name[64];
    struct ol_writer w;
    int status;

    ol_writer_init(&w, card, sizeof(card));
    status = ol_station_card(other->dir, s->name, false, &w, why);
    if (status == OL_EXIT_DONE)
        status = ol_station_pair(s->dir, ol_writer_span(&w), &pairing, why);
    if (status != OL_EXIT_DONE)
        return status;
    memcpy(safety, pairing.safety, sizeof(pairing.safety));
    snprintf(text, sizeof(text),
             "[line]\ncard = %s.card\n"
             "channel = cable tcp://127.0.0.1:%d fate=machine\n"
             "channel = radio udp://127.0.0.1:%d fate=machine\n"
             "channel = pouch courier://%s/pouch fate=machine\n"
             "probe = 2s\nhold = %ds\n",
             other->name, other->tcp, other->udp, d->root,
             OL_DEMO_HOLD_MS / 1000);
    snprintf(name, sizeof(name), "lines.d/%s.conf", other->name);
    return write_file(s->dir, name, text, why);
}

int ol_demo_make(struct ol_demo *d, char why[OL_WHY_MAX])
{
    static struct ol_pairing confirmed;
    char path[OL_DEMO_PATH], safety[2][72] = {"", ""};
    int status;

    memset(d, 0, sizeof(*d));
    for (int i = 0; i < 2; i++) {
        d->side[i].name = i == 0 ? "north" : "south";
        d->side[i].peer = i == 0 ? "south" : "north";
        d->side[i].rpc.fd = -1;
    }
    status = make_root(d, why);
    if (status != OL_EXIT_DONE)
        return status;
    /* What the stations keep outside of their directories goes with them. */
    setenv("XDG_STATE_HOME", ol_demo_join(path, d->root, "markers"), 1);
    ol_demo_join(path, d->root, "pouch");
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return ol_demo_fail(why, "cannot make %s: %s", path, strerror(errno));
    for (int i = 0; i < 2; i++)
        ol_demo_join(d->side[i].dir, d->root, d->side[i].name);
    for (int i = 0; i < 2 && status == OL_EXIT_DONE; i++)
        status = make_side(d, &d->side[i], why);
    for (int i = 0; i < 2 && status == OL_EXIT_DONE; i++)
        status = pair(d, &d->side[i], &d->side[1 - i], safety[i], why);
    if (status == OL_EXIT_DONE && strcmp(safety[0], safety[1]) != 0)
        return ol_demo_fail(why, "the two safety numbers differ, %s and %s: "
                            "this program is broken", safety[0], safety[1]);
    for (int i = 0; i < 2 && status == OL_EXIT_DONE; i++)
        status = ol_station_safety(d->side[i].dir, d->side[i].peer, true,
                                   &confirmed, why);
    return status;
}

int ol_demo_ask(struct ol_demo_side *side, const char *method,
                json_t *params, struct ol_doc *out, char why[OL_WHY_MAX])
{
    int status;

    if (side->rpc.fd < 0) {
        status = ol_rpc_open(&side->rpc, side->dir, why);
        if (status != OL_EXIT_DONE) {
            json_decref(params);
            return status;
        }
    }
    status = ol_rpc_call(&side->rpc, method, params, out, why);
    if (status == OL_EXIT_DOWN)
        ol_rpc_close(&side->rpc);
    return status;
}

void ol_demo_state(struct ol_demo_side *side, char out[32])
{
    char why[OL_WHY_MAX];
    struct ol_doc doc;
    const json_t *line;

    snprintf(out, 32, "unknown");
    if (ol_demo_ask(side, "status", ol_cli_params("peer", side->peer, NULL),
                    &doc, why) != OL_EXIT_DONE)
        return;
    line = json_array_get(json_object_get(doc.value, "lines"), 0);
    snprintf(out, 32, "%s", ol_cli_str(line, "state", "unknown"));
    ol_doc_free(&doc);
}

/* Removes name below the folder `at`, with all that is in it. Links are
 * removed, never followed. It goes as deep as what the demonstration made.
 * NOLINTNEXTLINE(misc-no-recursion) */
static void remove_tree(int at, const char *name)
{
    int fd = openat(at, name,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *e;

    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        unlinkat(at, name, 0);
        return;
    }
    while ((e = readdir(dir)) != NULL) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            remove_tree(dirfd(dir), e->d_name);
    }
    closedir(dir);
    unlinkat(at, name, AT_REMOVEDIR);
}

void ol_demo_end(struct ol_demo *d)
{
    int root;

    for (int i = 0; i < 2; i++) {
        if (d->side[i].pid != 0)
            kill(d->side[i].pid, SIGTERM);
    }
    for (int i = 0; i < 2; i++)
        ol_demo_stop(&d->side[i]);
    root = open(d->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return;
    /* Only what ol_demo_make has named is ours. */
    for (int i = 0; i < 2; i++) {
        if (d->side[i].dir[0] != '\0')
            remove_tree(root, d->side[i].name);
    }
    if (d->side[0].dir[0] != '\0') {
        remove_tree(root, "pouch");
        remove_tree(root, "markers");
    }
    close(root);
    if (d->own_root)
        rmdir(d->root);
}
