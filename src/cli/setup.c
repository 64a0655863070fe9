/*
 * The verbs that make a station and its lines, and run it: init, card, pair,
 * safety, run. They need no running station.
 *
 * Happy path: the library does the work (openline/station.h), these say what
 * was done and what comes next. All its refusals come with their words.
 */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#define CARD_MAX (64u * 1024)

/* Where `init` makes a station: the word, -d, OPENLINE_DIR, ~/.openline. */
static int place(struct ol_args *args)
{
    const char *flag = args->opt[OL_OPT_DIR], *word = args->word[0];
    const char *env = getenv("OPENLINE_DIR"), *home = getenv("HOME");

    if (word != NULL && flag != NULL && strcmp(word, flag) != 0)
        return ol_cli_usage(args, "DIR and -d name two directories");
    if (word == NULL)
        word = flag;
    if (word == NULL && env != NULL && *env != '\0')
        word = env;
    if (word != NULL)
        snprintf(args->dir, sizeof(args->dir), "%s", word);
    else if (home != NULL && *home != '\0')
        snprintf(args->dir, sizeof(args->dir), "%s/.openline", home);
    else
        return ol_cli_usage(args, "no directory was given");
    if (strlen(args->dir) == 0 || strlen(args->dir) > OL_DIR_MAX - 64)
        return ol_cli_usage(args, "DIR is empty or too long");
    return OL_EXIT_DONE;
}

static void made_json(const char *name, const char *dir)
{
    json_t *doc = json_pack("{s:s, s:s}", "station", name, "dir", dir);
    char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;

    if (text != NULL)
        ol_out_json(text, strlen(text));
    free(text);
    json_decref(doc);
}

/* init --identity: the station that FILE holds. */
static int revive(struct ol_args *args)
{
    char why[OL_WHY_MAX] = "", name[33] = "";
    int status;

    if (ol_args_has(args, OL_OPT_PASSPHRASE))
        return ol_cli_usage(args, "--identity brings its own passphrase: "
                                  "'openline passphrase' sets one later");
    status = ol_station_revive(args->opt[OL_OPT_IDENTITY], args->dir,
                               args->opt[OL_OPT_NAME], name, why);
    if (status != OL_EXIT_DONE)
        return ol_cli_fail(status, why);
    if (ol_args_has(args, OL_OPT_JSON))
        made_json(name, args->dir);
    else
        ol_cli_revived(name, args->dir);
    return OL_EXIT_DONE;
}

int ol_verb_init(struct ol_args *args)
{
    const char *name = args->opt[OL_OPT_NAME];
    struct ol_init_opts opts = {0};
    char why[OL_WHY_MAX] = "";
    int status = place(args);

    if (status != OL_EXIT_DONE)
        return status;
    if (ol_args_has(args, OL_OPT_IDENTITY))
        return revive(args);
    if (name == NULL)
        return ol_cli_usage(args, "the station needs a name: --name NAME");
    opts.dir = args->dir;
    opts.name = name;
    opts.passphrase = ol_args_has(args, OL_OPT_PASSPHRASE) ||
                      ol_args_has(args, OL_OPT_PASSPHRASE_FD);
    status = ol_station_make(&opts, why);
    if (status != OL_EXIT_DONE)
        return ol_cli_fail(status, why);
    if (why[0] != '\0')
        ol_out_fault("%s", why);
    if (ol_args_has(args, OL_OPT_JSON)) {
        made_json(name, args->dir);
        return OL_EXIT_DONE;
    }
    ol_out_line("Station %s is made in %s.", name, args->dir);
    if (opts.passphrase)
        ol_out_line("Without its passphrase it cannot be started: keep that "
                    "safe, apart from the machine.");
    ol_out_line("Next: say in %s/station.conf where it listens; then make the "
                "card for your peer,", args->dir);
    ol_out_line("  openline -d %s card PEER > %s.card", args->dir, name);
    ol_out_line("carry it there by hand, and take theirs: "
                "openline -d %s pair PEER.card", args->dir);
    ol_out_line("Then keep its identity safe, apart from this machine: "
                "openline -d %s identity FILE", args->dir);
    return OL_EXIT_DONE;
}

int ol_verb_card(struct ol_args *args)
{
    static char buf[CARD_MAX];
    char why[OL_WHY_MAX] = "";
    struct ol_writer text;
    int status = ol_cli_station(args);

    if (status != OL_EXIT_DONE)
        return status;
    ol_writer_init(&text, buf, sizeof(buf) - 1);
    status = ol_station_card(args->dir, args->word[0],
                             ol_args_has(args, OL_OPT_RENEW), &text, why);
    if (status != OL_EXIT_DONE)
        return ol_cli_fail(status, why);
    if (ol_args_has(args, OL_OPT_JSON)) {
        json_t *doc = json_pack("{s:s, s:s%}", "peer", args->word[0], "card",
                                buf, text.n);
        char *json = doc ? json_dumps(doc, JSON_COMPACT) : NULL;

        if (json != NULL)
            ol_out_json(json, strlen(json));
        free(json);
        json_decref(doc);
    } else {
        fwrite(buf, 1, text.n, stdout);
    }
    return OL_EXIT_DONE;
}

/* The facts of a pairing as JSON. */
static void pairing_json(const struct ol_pairing *p)
{
    json_t *doc = json_pack("{s:s, s:s, s:b}", "peer", p->peer,
                            "safety_number", p->safety, "verified",
                            p->verified);
    char *text;

    if (p->conf_path[0] != '\0') {
        json_object_set_new(doc, "conf_path", json_string(p->conf_path));
        json_object_set_new(doc, "conf", json_string(p->conf));
    }
    text = json_dumps(doc, JSON_COMPACT);
    if (text != NULL)
        ol_out_json(text, strlen(text));
    free(text);
    json_decref(doc);
}

static void show_safety(const struct ol_pairing *p, const char *dir)
{
    ol_out_line("Safety number of the line with %s:", p->peer);
    ol_out_line("%s", "");
    ol_out_tinted(OL_STRONG, "  %s", p->safety);
    ol_out_line("%s", "");
    if (p->verified) {
        ol_out_tinted(OL_GOOD, "It is confirmed: both sides read the same "
                      "digits.");
        return;
    }
    ol_out_line("Compare it with %s by voice. If all digits are the same, "
                "say so here:", p->peer);
    ol_out_line("  openline -d %s safety %s --confirm", dir, p->peer);
    ol_out_line("If they differ, do not use the line: one of the cards is "
                "not theirs, or was renewed.");
}

int ol_verb_pair(struct ol_args *args)
{
    static char card[CARD_MAX];
    static struct ol_pairing pairing;
    char why[OL_WHY_MAX] = "";
    size_t n;
    int status = ol_cli_station(args);

    if (status != OL_EXIT_DONE)
        return status;
    if (!ol_cli_slurp(args->word[0], card, sizeof(card), &n))
        return OL_EXIT_FAILED;
    status = ol_station_pair(args->dir, OL_SPAN(card, n), &pairing, why);
    if (status != OL_EXIT_DONE)
        return ol_cli_fail(status, why);
    if (ol_args_has(args, OL_OPT_JSON)) {
        pairing_json(&pairing);
        return OL_EXIT_DONE;
    }
    ol_out_line("Paired with %s. Its channels, from its card, are in %s:",
                pairing.peer, pairing.conf_path);
    ol_out_line("%s", "");
    ol_out_body(pairing.conf);
    ol_out_line("%s", "");
    show_safety(&pairing, args->dir);
    return OL_EXIT_DONE;
}

int ol_verb_safety(struct ol_args *args)
{
    static struct ol_pairing pairing;
    char why[OL_WHY_MAX] = "";
    int status = ol_cli_station(args);

    if (status != OL_EXIT_DONE)
        return status;
    status = ol_station_safety(args->dir, args->word[0],
                               ol_args_has(args, OL_OPT_CONFIRM), &pairing,
                               why);
    if (status != OL_EXIT_DONE)
        return ol_cli_fail(status, why);
    pairing.conf_path[0] = '\0';
    if (ol_args_has(args, OL_OPT_JSON))
        pairing_json(&pairing);
    else
        show_safety(&pairing, args->dir);
    return OL_EXIT_DONE;
}

int ol_verb_run(struct ol_args *args)
{
    char why[OL_WHY_MAX] = "";
    struct ol_run_opts opts = {0};
    int status = ol_cli_station(args);

    if (status != OL_EXIT_DONE)
        return status;
    opts.dir = args->dir;
    opts.check_config = ol_args_has(args, OL_OPT_CHECK_CONFIG);
    status = ol_station_run(&opts, why);
    if (status == OL_EXIT_DONE && opts.check_config)
        ol_out_line("The configuration in %s holds.", args->dir);
    return ol_cli_fail(status, why);
}
