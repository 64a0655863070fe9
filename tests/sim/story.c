/* Runs stories, each in a process of its own, so that one that fails does not
 * end the others, and what it made goes with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "story.h"

struct world w;

static bool tell(const struct story *story)
{
    int how = 0;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    OL_CHECK(pid >= 0);
    if (pid == 0) {
        story->tell();
        exit(0); /* not _exit: what it reached is written down at the end */
    }
    OL_CHECK(waitpid(pid, &how, 0) == pid);
    printf("%s %s\n", how == 0 ? "PASS" : "FAIL", story->name);
    return how == 0;
}

int story_main(const struct story *stories, size_t n, int argc, char **argv)
{
    bool good = true, any = false;

    if (ol_crypto_init() != OL_OK)
        return 1;
    for (size_t i = 0; i < n; i++) {
        if (argc > 1 && strcmp(argv[1], stories[i].name) != 0)
            continue;
        any = true;
        good &= tell(&stories[i]);
    }
    if (!any)
        fprintf(stderr, "no story %s\n", argc > 1 ? argv[1] : "at all");
    return good && any ? 0 : 1;
}
