/*
 * The wire's commands, one a line:
 *
 *     path K|all VERB [VALUE] [ab|ba]    both directions unless one is named
 *     stats                              counts per path and direction, JSON
 *     help, quit
 *
 *     delay MS    one way             loss PCT      rate BITS/S   0: no limit
 *     jitter MS   added, 0 .. MS      dup PCT       queue BYTES   before rate
 *     most BYTES  larger packets vanish; 0: none
 *     cut, up     what is under way   corrupt PCT   clean         no impairment
 *                 is lost too
 *     tap FILE    writes what enters as pcap; one direction to a file
 *     untap       closes the file
 *     replay FILE sends a tap's packets again, as if they entered now
 *
 * Each line is answered by one: `ok`, a JSON document, or `error: why`, after
 * which nothing has changed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

#define WORDS_MAX 6

enum takes { TAKES_NOTHING, TAKES_NUMBER, TAKES_FILE };

struct order {
    struct wire *w;
    double number;
    const char *file;
};

struct verb {
    const char *name;
    enum takes takes;
    double max; /* of a number; the least is 0 */
    /* Returns NULL, or why not. */
    const char *(*obey)(struct wire_flow *f, const struct order *o);
};

static uint64_t percent(double n)
{
    return (uint64_t)(n / 100 * (double)WIRE_CHANCE_ONE);
}

static const char *set_delay(struct wire_flow *f, const struct order *o)
{
    f->shape.delay_ns = (uint64_t)(o->number * WIRE_NS_PER_MS);
    return NULL;
}

static const char *set_jitter(struct wire_flow *f, const struct order *o)
{
    f->shape.jitter_ns = (uint64_t)(o->number * WIRE_NS_PER_MS);
    return NULL;
}

static const char *set_loss(struct wire_flow *f, const struct order *o)
{
    f->shape.loss = percent(o->number);
    return NULL;
}

static const char *set_dup(struct wire_flow *f, const struct order *o)
{
    f->shape.dup = percent(o->number);
    return NULL;
}

static const char *set_corrupt(struct wire_flow *f, const struct order *o)
{
    f->shape.corrupt = percent(o->number);
    return NULL;
}

static const char *set_rate(struct wire_flow *f, const struct order *o)
{
    f->shape.rate_bps = (uint64_t)o->number;
    f->busy_until_ns = 0; /* the old queue was measured at the old rate */
    return NULL;
}

static const char *set_queue(struct wire_flow *f, const struct order *o)
{
    f->shape.queue_bytes = (uint64_t)o->number;
    return NULL;
}

static const char *set_most(struct wire_flow *f, const struct order *o)
{
    f->shape.most_bytes = (uint64_t)o->number;
    return NULL;
}

static const char *cut(struct wire_flow *f, const struct order *o)
{
    (void)o;
    wire_cut(f, true);
    return NULL;
}

static const char *up(struct wire_flow *f, const struct order *o)
{
    (void)o;
    wire_cut(f, false);
    return NULL;
}

static const char *clean(struct wire_flow *f, const struct order *o)
{
    (void)o;
    f->shape = (struct wire_shape){.queue_bytes = WIRE_QUEUE_BYTES};
    f->busy_until_ns = 0;
    return NULL;
}

static const char *tap(struct wire_flow *f, const struct order *o)
{
    return wire_tap(f, o->file) ? NULL : strerror(errno);
}

static const char *untap(struct wire_flow *f, const struct order *o)
{
    (void)o;
    wire_untap(f);
    return NULL;
}

static const char *replay(struct wire_flow *f, const struct order *o)
{
    return wire_replay(o->w, f, o->file) < 0 ? "not a tap's file" : NULL;
}

static const struct verb verbs[] = {
    {"delay", TAKES_NUMBER, 60e3, set_delay},
    {"jitter", TAKES_NUMBER, 60e3, set_jitter},
    {"loss", TAKES_NUMBER, 100, set_loss},
    {"dup", TAKES_NUMBER, 100, set_dup},
    {"corrupt", TAKES_NUMBER, 100, set_corrupt},
    {"rate", TAKES_NUMBER, 1e11, set_rate},
    {"queue", TAKES_NUMBER, 1e9, set_queue},
    {"most", TAKES_NUMBER, WIRE_PACKET_MAX, set_most},
    {"cut", TAKES_NOTHING, 0, cut},
    {"up", TAKES_NOTHING, 0, up},
    {"clean", TAKES_NOTHING, 0, clean},
    {"tap", TAKES_FILE, 0, tap},
    {"untap", TAKES_NOTHING, 0, untap},
    {"replay", TAKES_FILE, 0, replay},
};

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

/* Reads `K|all`; false when there is no such path. */
static bool read_paths(const struct wire *w, const char *word, unsigned *first,
                       unsigned *last)
{
    char *end;
    unsigned long k = strtoul(word, &end, 10);

    if (strcmp(word, "all") == 0) {
        *first = 0;
        *last = w->paths - 1;
        return true;
    }
    if (*end || k < 1 || k > w->paths)
        return false;
    *first = *last = (unsigned)k - 1;
    return true;
}

/* Reads `[ab|ba]` as a range of directions. */
static bool read_dirs(const char *word, unsigned *first, unsigned *last)
{
    *first = word && strcmp(word, "ba") == 0 ? WIRE_BA : WIRE_AB;
    *last = word && strcmp(word, "ab") == 0 ? WIRE_AB : WIRE_BA;
    return !word || strcmp(word, "ab") == 0 || strcmp(word, "ba") == 0;
}

/* words: path, K, VERB, [VALUE], [ab|ba], NULL ... */
static const char *obey_path(struct wire *w, char *const words[])
{
    struct order o = {.w = w};
    unsigned k, k_last, d, d_first, d_last;
    const struct verb *v;
    char *const *next = words + 3;
    const char *why = NULL;
    char *end;

    if (!words[1] || !read_paths(w, words[1], &k, &k_last))
        return "no such path";
    v = words[2] ? find_verb(words[2]) : NULL;
    if (!v)
        return "no such verb; say help";
    if (v->takes != TAKES_NOTHING && !*next)
        return "a value is missing";
    if (v->takes == TAKES_NUMBER) {
        o.number = strtod(*next, &end);
        if (*end || end == *next || !(o.number >= 0 && o.number <= v->max))
            return "the value is out of range";
    }
    if (v->takes != TAKES_NOTHING)
        o.file = *next++;
    if (!read_dirs(*next, &d_first, &d_last) || (*next && next[1]))
        return "a direction is ab or ba";
    if (v->takes == TAKES_FILE && (k != k_last || d_first != d_last))
        return "a file belongs to one path and one direction";
    for (; k <= k_last; k++)
        for (d = d_first; d <= d_last && !why; d++)
            why = v->obey(&w->path[k].flow[d], &o);
    return why;
}

static void print_counts(const char *dir, const struct wire_flow *f)
{
    const struct wire_counts *n = &f->n;
    const struct {
        const char *name;
        uint64_t value;
    } all[] = {
        {"packets", n->packets},
        {"bytes", n->bytes},
        {"delivered_packets", n->delivered_packets},
        {"delivered_bytes", n->delivered_bytes},
        {"lost", n->lost},
        {"cut", n->cut},
        {"overflowed", n->overflowed},
        {"too_big", n->too_big},
        {"refused", n->refused},
        {"duplicated", n->duplicated},
        {"corrupted", n->corrupted},
        {"late_us_max", n->late_ns_max / 1000},
    };

    printf("\"%s\":{\"is_cut\":%s", dir, f->shape.cut ? "true" : "false");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        printf(",\"%s\":%llu", all[i].name, (unsigned long long)all[i].value);
    putchar('}');
}

static void print_stats(const struct wire *w)
{
    printf("{\"pending\":%zu,\"paths\":[", w->pending);
    for (unsigned k = 0; k < w->paths; k++) {
        printf("%s{\"path\":%u,", k ? "," : "", k + 1);
        print_counts("ab", &w->path[k].flow[WIRE_AB]);
        putchar(',');
        print_counts("ba", &w->path[k].flow[WIRE_BA]);
        putchar('}');
    }
    puts("]}");
}

static void print_help(void)
{
    fputs("path K|all VERB [VALUE] [ab|ba]; stats; help; quit; verbs:",
          stdout);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        printf(" %s", verbs[i].name);
    putchar('\n');
}

bool wire_command(struct wire *w, char *line)
{
    char *words[WORDS_MAX + 1] = {NULL};
    const char *why = NULL;
    char *rest = line;
    size_t n = 0;

    while (n < WORDS_MAX && (words[n] = strtok_r(rest, " \t\r", &rest)))
        n++;
    if (n == 0)
        return true;
    if (strcmp(words[0], "quit") == 0)
        return false;
    if (strcmp(words[0], "stats") == 0)
        print_stats(w);
    else if (strcmp(words[0], "help") == 0)
        print_help();
    else if (strcmp(words[0], "path") != 0)
        why = "no such command; say help";
    else if (!(why = obey_path(w, words)))
        puts("ok");
    if (why)
        printf("error: %s\n", why);
    fflush(stdout);
    return true;
}
