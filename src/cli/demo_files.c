/*
 * A file of the demonstration: there, and compared byte for byte.
 *
 * Happy path: random bytes in memory are sent as a file, the other side's
 * station is asked to save it, which waits until it is whole, and what it
 * wrote is what was sent.
 */
#include "cli/demo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define SIZE (1024u * 1024 + 77)
#define WAIT_MS 20000

/* A file without a name, of these bytes. */
static int file_of(const uint8_t *bytes, size_t n, char why[OL_WHY_MAX])
{
    int fd = memfd_create("openline-demo", MFD_CLOEXEC);
    size_t at = 0;

    while (fd >= 0 && at < n) {
        ssize_t w = write(fd, bytes + at, n - at);

        if (w > 0) {
            at += (size_t)w;
        } else if (errno != EINTR) {
            close(fd);
            fd = -1;
        }
    }
    if (fd < 0)
        (void)ol_demo_fail(why, "no file in memory: %s", strerror(errno));
    return fd;
}

static int ask(struct ol_demo_side *side, const char *method, json_t *params,
               int fd, struct ol_doc *doc, char why[OL_WHY_MAX])
{
    side->rpc.fds = &fd;
    side->rpc.n_fds = 1;
    return ol_demo_ask(side, method, params, doc, why);
}

static int there(struct ol_demo *d, int side, const uint8_t *sent,
                 const char *id, char why[OL_WHY_MAX])
{
    json_t *params = ol_cli_params("name", id, NULL);
    uint8_t *got = malloc(SIZE + 1);
    int fd = file_of(NULL, 0, why), status = OL_EXIT_FAILED;
    struct ol_doc doc;

    json_object_set_new(params, "timeout_ms", json_integer(WAIT_MS));
    if (fd >= 0 && got != NULL) {
        status = ask(&d->side[1 - side], "save", params, fd, &doc, why);
        params = NULL;
    }
    if (status == OL_EXIT_DONE) {
        ol_doc_free(&doc);
        if (pread(fd, got, SIZE + 1, 0) != (ssize_t)SIZE ||
            memcmp(got, sent, SIZE) != 0)
            status = ol_demo_fail(why, "the file of %s came as another one",
                                  d->side[side].name);
    }
    json_decref(params);
    free(got);
    if (fd >= 0)
        close(fd);
    return status;
}

/* The message may come after the question. */
static int arrived(struct ol_demo *d, int side, const char *id,
                   char why[OL_WHY_MAX])
{
    int64_t until_ms = ol_when_tick_ms() + WAIT_MS;
    struct ol_doc doc;
    int status;

    while ((status = ol_demo_ask(&d->side[1 - side], "show",
                                 ol_cli_params("name", id, NULL), &doc,
                                 why)) == OL_EXIT_MISSING &&
           !ol_demo_ended && ol_when_tick_ms() < until_ms)
        ol_demo_nap(20);
    if (status == OL_EXIT_DONE)
        ol_doc_free(&doc);
    return status;
}

int ol_demo_file(struct ol_demo *d, struct ol_demo_sent *s,
                 char why[OL_WHY_MAX])
{
    json_t *params = ol_cli_params("peer", d->side[s->side].peer, "text",
                                   s->text, "marking", "test", NULL);
    uint8_t *bytes = malloc(SIZE);
    int fd = -1, status = OL_EXIT_FAILED;
    struct ol_doc doc;

    if (bytes == NULL)
        abort();
    for (size_t at = 0; at < SIZE;) {
        ssize_t n = getrandom(bytes + at, SIZE - at, 0);

        at += n > 0 ? (size_t)n : 0;
    }
    json_object_set_new(params, "files", json_pack("[s]", "demo.bin"));
    fd = file_of(bytes, SIZE, why);
    if (fd >= 0)
        status = ask(&d->side[s->side], "send", params, fd, &doc, why);
    else
        json_decref(params);
    if (status == OL_EXIT_DONE) {
        snprintf(s->id, sizeof(s->id), "%s",
                 ol_cli_str(doc.value, "id", ""));
        ol_doc_free(&doc);
        status = arrived(d, s->side, s->id, why);
    }
    if (status == OL_EXIT_DONE)
        status = there(d, s->side, bytes, s->id, why);
    if (fd >= 0)
        close(fd);
    free(bytes);
    return status;
}
