/*
 * Passphrases: where they come from, and the memory they stay in.
 *
 * Happy path: one line is read, byte by byte, straight into locked memory. On
 * the terminal nothing is shown; a signal puts the terminal back before it
 * has its way. How it fails: without a descriptor, a credential or a terminal
 * it says which of them to give.
 */
#include "station/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "base/units.h"
#include "station/file.h"
#include "station/text.h"

static int given = -1, given_new = -1;
static volatile sig_atomic_t caught;

void ol_station_passphrase(int fd, int new_fd)
{
    given = fd;
    given_new = new_fd;
}

bool ol_secret_has_new(void)
{
    return given_new >= 0;
}

void *ol_locked_alloc(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return NULL;
    /* Best effort: a small RLIMIT_MEMLOCK is no reason to be dark. */
    (void)mlock(p, n);
    (void)madvise(p, n, MADV_DONTDUMP);
    return p;
}

void ol_locked_free(void *p, size_t n)
{
    if (p == NULL)
        return;
    ol_wipe(p, n);
    munmap(p, n);
}

void ol_secret_free(struct ol_secret *s)
{
    ol_locked_free(s, sizeof(*s));
}

/* One line, without its end. The errno of a failure. `open`: signals that are
 * blocked, but for the time of waiting; EINTR then. */
static int read_line(int fd, struct ol_secret *s, const sigset_t *open)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    s->n = 0;
    while (s->n < sizeof(s->text)) {
        ssize_t r = open != NULL ? ppoll(&p, 1, NULL, open) : 1;

        if (r >= 0)
            r = read(fd, s->text + s->n, 1);
        if (r < 0 && errno == EINTR && open == NULL)
            continue;
        if (r < 0)
            return errno;
        if (r == 0 || s->text[s->n] == '\n')
            break;
        s->n++;
    }
    if (s->n > 0 && s->n < sizeof(s->text) && s->text[s->n] == '\n' &&
        s->text[s->n - 1] == '\r')
        s->n--;
    return 0;
}

static int judge(const struct ol_secret *s, const char *where,
                 char why[OL_WHY_MAX])
{
    if (s->n == 0)
        return ol_fail(why, OL_EXIT_FAILED, "the passphrase from %s is "
                       "empty: give one", where);
    if (s->n > OL_PASSPHRASE_MAX)
        return ol_fail(why, OL_EXIT_FAILED, "the passphrase from %s is "
                       "longer than %u bytes: give a shorter one", where,
                       OL_PASSPHRASE_MAX);
    if (memchr(s->text, 0, s->n) != NULL)
        return ol_fail(why, OL_EXIT_FAILED, "the passphrase from %s holds a "
                       "NUL: is it a text?", where);
    return OL_EXIT_OK;
}

static int from_fd(struct ol_secret *s, int fd, char why[OL_WHY_MAX])
{
    char where[32];
    int err = read_line(fd, s, NULL);

    ol_text_put(where, sizeof(where), "descriptor %d", fd);
    s->from = OL_SECRET_FD;
    if (err != 0)
        return ol_fail(why, OL_EXIT_FAILED, "cannot read the passphrase from "
                       "%s: %s: open it for reading, as in --passphrase-fd 3 "
                       "3<FILE", where, strerror(err));
    return judge(s, where, why);
}

/* The terminal. */

static void on_signal(int signum)
{
    caught = signum;
}

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

static bool put(int fd, const char *text)
{
    return write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static int ask(int tty, const char *prompt, struct ol_secret *s)
{
    struct sigaction before[OL_LEN(signals)], sa = {.sa_handler = on_signal};
    struct termios shown, hidden;
    sigset_t ours, open;
    int err = 0;

    if (tcgetattr(tty, &shown) != 0)
        return errno;
    caught = 0;
    sigemptyset(&ours);
    for (size_t k = 0; k < OL_LEN(signals); k++)
        sigaddset(&ours, signals[k]);
    (void)sigprocmask(SIG_BLOCK, &ours, &open);
    for (size_t k = 0; k < OL_LEN(signals); k++)
        (void)sigaction(signals[k], &sa, &before[k]);
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    hidden.c_lflag |= ICANON | ECHONL;
    /* Quiet before it asks: what is typed at the prompt is never shown, nor
     * thrown away. */
    if (tcsetattr(tty, TCSAFLUSH, &hidden) == 0 && put(tty, prompt))
        err = read_line(tty, s, &open);
    else
        err = errno;
    (void)tcsetattr(tty, TCSAFLUSH, &shown);
    (void)sigprocmask(SIG_SETMASK, &open, NULL);
    for (size_t k = 0; k < OL_LEN(signals); k++)
        (void)sigaction(signals[k], &before[k], NULL);
    if (caught != 0) {
        (void)put(tty, "\n");
        (void)raise(caught);
        return EINTR;
    }
    return err;
}

/* option: what gives it where there is no terminal. */
static int from_terminal(struct ol_secret *s, const char *what, bool twice,
                         const char *option, char why[OL_WHY_MAX])
{
    struct ol_secret *again = twice ? ol_locked_alloc(sizeof(*again)) : NULL;
    int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC), err = 0;
    char prompt[256];
    bool same = true;

    s->from = OL_SECRET_TERMINAL;
    if (tty < 0 || (twice && again == NULL)) {
        if (tty >= 0)
            close(tty);
        ol_secret_free(again);
        return ol_fail(why, OL_EXIT_FAILED, "%s needs a passphrase, and there "
                       "is no terminal to ask on: give %s", what, option);
    }
    ol_text_put(prompt, sizeof(prompt), "%s for %.128s: ",
                twice ? "New passphrase" : "Passphrase", what);
    err = ask(tty, prompt, s);
    if (err == 0 && twice)
        err = ask(tty, "The same again: ", again);
    if (err == 0 && twice)
        same = again->n == s->n && ol_same(again->text, s->text, s->n);
    close(tty);
    ol_secret_free(again);
    if (err != 0)
        return ol_fail(why, OL_EXIT_FAILED, "no passphrase was typed: %s",
                       strerror(err));
    if (!same)
        return ol_fail(why, OL_EXIT_FAILED, "the two passphrases differ: "
                       "nothing was done; try again");
    return judge(s, "the terminal", why);
}

/* systemd's credential; -1: there is none. */
static int credential(void)
{
    static const char *const names[] = {"openline.passphrase", "passphrase"};
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    char path[OL_PATH_MAX];
    int fd = -1;

    for (size_t k = 0; k < OL_LEN(names) && fd < 0; k++)
        if (dir != NULL && dir[0] == '/' && ol_path(path, dir, names[k], NULL))
            fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return fd;
}

static int get(struct ol_secret *s, const char *what, char why[OL_WHY_MAX])
{
    int fd, status;

    if (given >= 0)
        return from_fd(s, given, why);
    fd = credential();
    if (fd < 0)
        return from_terminal(s, what, false, "--passphrase-fd N, or under "
                             "systemd LoadCredential=passphrase:FILE", why);
    status = from_fd(s, fd, why);
    s->from = OL_SECRET_CREDENTIAL;
    close(fd);
    return status;
}

static int give(struct ol_secret *s, int status, struct ol_secret **out)
{
    if (status == OL_EXIT_OK)
        *out = s;
    else
        ol_secret_free(s);
    return status;
}

int ol_secret_get(struct ol_secret **out, const char *what,
                  char why[OL_WHY_MAX])
{
    struct ol_secret *s = ol_locked_alloc(sizeof(*s));

    *out = NULL;
    if (s == NULL)
        return ol_fail(why, OL_EXIT_FAILED, "no memory for secrets: free "
                       "some");
    return give(s, get(s, what, why), out);
}

/* Whoever has the file guesses at leisure, so what is short is no lock. Of
 * characters (UTF-8), because people count these. */
static int long_enough(const struct ol_secret *s, char why[OL_WHY_MAX])
{
    unsigned n = 0;

    for (size_t k = 0; k < s->n; k++)
        n += (s->text[k] & 0xc0) != 0x80;
    if (n >= OL_PASSPHRASE_MIN)
        return OL_EXIT_OK;
    return ol_fail(why, OL_EXIT_FAILED, "a passphrase of %u characters is "
                   "soon guessed by whoever steals the file: take %u at "
                   "least, better six words that nobody else would take", n,
                   OL_PASSPHRASE_MIN);
}

int ol_secret_new(struct ol_secret **out, const char *what, bool another,
                  char why[OL_WHY_MAX])
{
    struct ol_secret *s = ol_locked_alloc(sizeof(*s));
    int fd = given_new < 0 && !another ? given : given_new, status;

    *out = NULL;
    if (s == NULL)
        return ol_fail(why, OL_EXIT_FAILED, "no memory for secrets: free "
                       "some");
    status = fd >= 0 ? from_fd(s, fd, why)
                     : from_terminal(s, what, true, another
                                         ? "--new-passphrase-fd N"
                                         : "--passphrase-fd N", why);
    return give(s, status == OL_EXIT_OK ? long_enough(s, why) : status, out);
}
