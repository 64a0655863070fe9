/*
 * What every program of stories shares: a world of its own, what is expected
 * of it, and running them.
 */
#ifndef OL_SIM_STORY_H
#define OL_SIM_STORY_H

#include <stddef.h>

#include "base/units.h"
#include "world.h"

#define S OL_NS_PER_S
#define MS OL_NS_PER_MS

extern struct world w;

#define EXPECT(cond)                                                         \
    do {                                                                     \
        if (!(cond))                                                         \
            world_fail(&w, "%s:%d: expected %s", __FILE__, __LINE__, #cond); \
    } while (0)

static inline struct ol_line_status status(unsigned st)
{
    struct ol_line_status s;

    ol_line_status(w.st[st].line, w.now_ns, &s);
    return s;
}

static inline void run_for(uint64_t ns)
{
    world_run(&w, w.now_ns + ns);
}

struct story {
    const char *name;
    void (*tell)(void); /* in a process of its own; a failure ends it */
};

/* All of them, or the one that argv[1] names: PASS or FAIL a line. Returns the
 * exit status. */
int story_main(const struct story *stories, size_t n, int argc, char **argv);

#endif
