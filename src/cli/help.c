/*
 * The verbs: what each takes, what it says about itself, what runs it.
 *
 * This table is the whole command line. A verb without `run` belongs to a
 * later version and is refused until then.
 */
#include "cli/cli.h"

#include <string.h>

#define SEND_OPTIONS                                                           \
    (OL_TAKES(SUBJECT) | OL_TAKES(PRECEDENCE) | OL_TAKES(LANG) |               \
     OL_TAKES(MARKING) | OL_TAKES(FILE) | OL_TAKES(ROLE) | OL_TAKES(WAIT) |    \
     OL_TAKES(TIMEOUT) | OL_TAKES(CRITICAL))

const struct ol_verb ol_verbs[] = {
    {"init",
     "[DIR] --name NAME [--passphrase | --passphrase-fd N]\n"
     "    | [DIR] --identity FILE [--passphrase-fd N]",
     "make a new station, or one from its identity",
     "Makes the directory DIR (or -d, OPENLINE_DIR, ~/.openline) with new\n"
     "keys and a commented station.conf. NAME is what the peers call this\n"
     "station: small letters, digits and dashes, starting with a letter. A\n"
     "directory that holds a station already is refused. --passphrase asks\n"
     "for one, which then protects the keys and the ledger on the disk;\n"
     "--passphrase-fd reads its line from that descriptor. --identity makes\n"
     "the station again that 'openline identity' has kept in FILE.\n",
     OL_TAKES(IDENTITY) | OL_TAKES(NAME) | OL_TAKES(PASSPHRASE) |
         OL_TAKES(PASSPHRASE_FD),
     0, 1, ol_verb_init},
    {"card", "PEER [--renew] [--passphrase-fd N]",
     "this station's card for one peer",
     "Prints the card by which this station introduces itself to PEER, and to\n"
     "nobody else. It holds a secret: carry it by hand, or through a channel\n"
     "that you trust with it. It stays the same until --renew makes another;\n"
     "then the peer has to take the new one.\n",
     OL_TAKES(RENEW) | OL_TAKES(PASSPHRASE_FD), 1, 1, ol_verb_card},
    {"pair", "CARD [--passphrase-fd N]", "take a peer's card (a file, or -)",
     "Takes the card of a peer and writes lines.d/PEER.conf from the channels\n"
     "that it names, unless there is one. Prints that and the safety number,\n"
     "which both sides then compare by voice.\n",
     OL_TAKES(PASSPHRASE_FD), 1, 1, ol_verb_pair},
    {"safety", "PEER [--confirm] [--passphrase-fd N]",
     "the safety number of a line",
     "Prints 60 digits that are the same on both sides if nobody stands\n"
     "between them. Compare them by voice; --confirm notes that you did.\n",
     OL_TAKES(CONFIRM) | OL_TAKES(PASSPHRASE_FD), 1, 1, ol_verb_safety},
    {"passphrase", "[--passphrase-fd N] [--new-passphrase-fd N | --remove]",
     "set, change or remove the passphrase",
     "The passphrase protects the keys, the cards and the ledger of a station\n"
     "on its disk. It is asked for on the terminal, without being shown; a\n"
     "descriptor is read instead if one is named, one line. Setting the first\n"
     "one, or removing it, needs the station stopped. Without it nobody can\n"
     "start this station again.\n",
     OL_TAKES(PASSPHRASE_FD) | OL_TAKES(NEW_PASSPHRASE_FD) | OL_TAKES(REMOVE),
     0, 0, ol_verb_passphrase},
    {"identity", "FILE [--passphrase-fd N] [--new-passphrase-fd N]",
     "what is needed to come back from nothing",
     "Writes keys, configuration and cards into the new file FILE,\n"
     "sealed under the station's passphrase; under one that is asked for if\n"
     "it has none, or if --new-passphrase-fd names another. 'init DIR\n"
     "--identity FILE' makes the station from it; its peers send back what\n"
     "was said. Keep FILE apart from this machine.\n",
     OL_TAKES(PASSPHRASE_FD) | OL_TAKES(NEW_PASSPHRASE_FD), 1, 1,
     ol_verb_identity},
    {"backup", "FILE [--passphrase-fd N] [--new-passphrase-fd N]",
     "the whole station in one sealed file",
     "As identity, with the record of all that was said as it stands; also\n"
     "while the station runs. It needs as much room again in the directory\n"
     "while it is made. 'restore FILE DIR' brings it back.\n",
     OL_TAKES(PASSPHRASE_FD) | OL_TAKES(NEW_PASSPHRASE_FD), 1, 1,
     ol_verb_backup},
    {"restore", "FILE DIR [--passphrase-fd N]", "a station from a backup",
     "Makes the station in DIR, which must be empty or new. Everything is\n"
     "checked first: a file that is damaged, altered or cut off is refused\n"
     "whole. The station knows that it is a copy, and gets back from its\n"
     "peers what was said since. Never run both it and the original.\n",
     OL_TAKES(PASSPHRASE_FD), 2, 2, ol_verb_restore},
    {"run", "[--check-config] [--passphrase-fd N]",
     "run the station, in the foreground",
     "Runs until SIGTERM or Ctrl-C; SIGHUP reads the configuration again.\n"
     "--check-config only reads and judges it. A station with a passphrase\n"
     "asks for it on the terminal, or reads it from --passphrase-fd, or from\n"
     "systemd's credential \"passphrase\" or \"openline.passphrase\".\n",
     OL_TAKES(CHECK_CONFIG) | OL_TAKES(PASSPHRASE_FD), 0, 0, ol_verb_run},
    {"status", "[PEER] [--check] [--sentence]",
     "lines, channels, darkness, effective communication",
     "Shows each line: its state here and as the peer sees it, its channels,\n"
     "what waits, whether the safety number was compared. --check: one line\n"
     "each, for scripts, and exit status 0 only if every line asked for is\n"
     "open: two or more channels are up. --sentence: all in one sentence.\n",
     OL_TAKES(CHECK) | OL_TAKES(SENTENCE), 0, 1, ol_verb_status},
    {"doctor", "[PEER] [--passphrase-fd N]", "what is wrong, and what to do",
     "Looks for faults of the directory, the configuration, the disk, the\n"
     "channels and the peer's answers. Works also while the station does not\n"
     "run. Exit status 1 if something is at fault.\n",
     OL_TAKES(PASSPHRASE_FD), 0, 1, ol_verb_doctor},
    {"alarms", "[--all] | ack N | shelve N --for DURATION",
     "what somebody must do something about",
     "Lists what stands, the most pressing first: what happened, and what to\n"
     "do. --all lists also what is over. ack N: somebody deals with it; it\n"
     "leaves the list once it has passed. shelve N: not to be heard of for\n"
     "that time (at most 24h), and then again if it still holds.\n",
     OL_TAKES(ALL) | OL_TAKES(FOR), 0, 2, ol_verb_alarms},
    {"metrics", "", "figures for a monitoring system",
     "Prints what is known of the lines in the text format of Prometheus.\n"
     "metrics = FILE in station.conf has the station write the same into a\n"
     "file every 15 s.\n",
     0, 0, 0, ol_verb_metrics},
    {"send",
     "PEER [TEXT|-] [--subject S] [--precedence P] [--lang TAG]\n"
     "    [--marking M] [--file F]... [--to ROLE] [--critical PHRASE]...\n"
     "    [--expires DURATION|TIME] [--fulfils NAME] [--wait RUNG]\n"
     "    [--timeout DURATION]",
     "send a message; prints its name",
     "TEXT is UTF-8 of at most 4,096 bytes; - reads it from stdin, without\n"
     "the newline at its end. P: flash, immediate, priority or routine (which\n"
     "it is if nothing is said). M: actual, exercise or test. --wait returns\n"
     "once the message came as far as RUNG: queued, sent, delivered, read,\n"
     "understood or answered; with --timeout (10s, 5m, 12h) exit status 4 if\n"
     "it did not. What was sent stays sent, also when waiting was in vain.\n"
     "--file sends a file of any size with it, up to 8 of them; then there\n"
     "need be no TEXT. The message goes first, its files behind all messages;\n"
     "status and watch show how far they are.\n"
     "--critical marks a part of TEXT (a number, a time, a place) that must\n"
     "not be mistaken, up to 8 of them: the message is understood only once\n"
     "the other side has read them back. --expires: what is not read by then,\n"
     "by your station's clock, has expired. --fulfils: it does what NAME\n"
     "announced.\n",
     SEND_OPTIONS | OL_TAKES(EXPIRES) | OL_TAKES(FULFILS), 1, 2, ol_verb_say},
    {"ask",
     "PEER [TEXT|-] --by DURATION|TIME [--subject S] [--precedence P]\n"
     "    [--lang TAG] [--marking M] [--file F]... [--to ROLE]\n"
     "    [--critical PHRASE]... [--wait RUNG] [--timeout DURATION]",
     "ask something that wants an answer by a time",
     "As send, and the message wants an answer: in 90m, 12h or 3d, or by a\n"
     "time, as 2026-11-23T10:00:00Z, 18:00Z (the next such) or\n"
     "\"231000Z NOV 26\". Your station's clock decides. A time that is past\n"
     "is refused. The ask stays open until it is answered, declined or\n"
     "withdrawn.\n",
     SEND_OPTIONS | OL_TAKES(BY), 1, 2, ol_verb_ask},
    {"asks", "[PEER]", "what is open and by when, overdue first",
     "Lists asks, ours and theirs, that are neither answered nor declined\n"
     "nor withdrawn, and what was announced and has not come; those due\n"
     "first stand first. Whose clock decides is said: the asker's. Below\n"
     "stands what this station did about its own that are overdue.\n",
     0, 0, 1, ol_verb_asks},
    {"announce",
     "PEER [TEXT|-] --by DURATION|TIME [--subject S] [--precedence P]\n"
     "    [--lang TAG] [--marking M] [--file F]... [--to ROLE]\n"
     "    [--critical PHRASE]... [--wait RUNG] [--timeout DURATION]",
     "say what you will do, and by when",
     "As ask, but it binds you: it stays open until a message is sent with\n"
     "--fulfils NAME, or until it is cancelled.\n",
     SEND_OPTIONS | OL_TAKES(BY), 1, 2, ol_verb_announce},
    {"answer",
     "NAME [TEXT|-] [--subject S] [--precedence P] [--lang TAG]\n"
     "    [--marking M] [--file F]... [--to ROLE] [--critical PHRASE]...\n"
     "    [--wait RUNG] [--timeout DURATION]",
     "answer what they asked",
     "NAME is what they asked; read it first. Takes send's options but\n"
     "--expires and --fulfils. Precedence and marking are those of the\n"
     "question; --precedence changes the first.\n",
     SEND_OPTIONS, 1, 2, ol_verb_say},
    {"decline", "NAME REASON|-", "say that you will not, and why",
     "Of any message of theirs that you have read. The reason goes with it.\n"
     "What was declined can still be answered.\n",
     0, 2, 2, ol_verb_say},
    {"supersede",
     "NAME [TEXT|-] [--by DURATION|TIME] [--expires DURATION|TIME]\n"
     "    [--subject S] [--precedence P] [--lang TAG]\n"
     "    [--marking M] [--file F]... [--to ROLE] [--critical PHRASE]...\n"
     "    [--wait RUNG] [--timeout DURATION]",
     "replace a message of yours as a whole",
     "The new text stands in place of the old one; both stay in the record,\n"
     "and both are shown. Subject, role, language, precedence and time are\n"
     "those of the old one unless they are given; files and critical phrases\n"
     "are not. Prints the new one's name.\n",
     SEND_OPTIONS | OL_TAKES(BY) | OL_TAKES(EXPIRES), 1, 2, ol_verb_say},
    {"cancel", "NAME [REASON|-]\n    | --exercise PEER [REASON]",
     "take a message of yours back, or a whole exercise",
     "What was sent stays sent and shown, marked as cancelled; what you asked\n"
     "or announced is withdrawn. --exercise takes back every message of yours\n"
     "to PEER that is marked EXERCISE and still open, and names each.\n",
     OL_TAKES(EXERCISE), 1, 2, ol_verb_cancel},
    {"exercise", "PEER [begin|end]", "declare an exercise on this side",
     "An exercise that is declared is shown until it is ended. With\n"
     "'refuse =' in lines.d nothing ACTUAL is sent during one, or nothing\n"
     "EXERCISE outside of one; what the other side says so is kept, shown and\n"
     "declined by the station. The other side is not told: it declares for\n"
     "itself.\n",
     0, 1, 2, ol_verb_exercise},
    {"inbox", "[PEER] [--all]", "what arrived and is not understood yet",
     "Shows heads only, no text, and gives no receipt. --all shows also what\n"
     "is understood.\n",
     OL_TAKES(ALL), 0, 1, ol_verb_inbox},
    {"read", "NAME", "show a message and say that it is read",
     "NAME is a message's name, as north:south/17; north/17 or 17 do where\n"
     "they are unique. Its author is told that it was read.\n",
     0, 1, 1, ol_verb_read},
    {"understood", "NAME [--readback TEXT]", "say that it is understood",
     "Tells the author that the message was understood, with --readback in\n"
     "your own words. If it marks critical phrases, read them back as\n"
     "\"FIRST; SECOND\": case and blanks do not count. If they differ it is\n"
     "not understood, both sides are told, and you try again.\n",
     OL_TAKES(READBACK), 1, 1, ol_verb_understood},
    {"distributed", "NAME --to WHO", "say to whom you handed it on",
     "The author sees that WHO, a role or a person, has got it from you. Once\n"
     "for each.\n",
     OL_TAKES(ROLE), 1, 1, ol_verb_distributed},
    {"save", "NAME [--out DIR] [--timeout DURATION] [--stop]",
     "the files of a message, into a folder",
     "Writes each file that came with the message into DIR (else here) and\n"
     "prints its path. Names are made safe and nothing is overwritten: a name\n"
     "that is taken gets a number. What is not here yet is fetched first,\n"
     "also if the line's policy did not want it; exit status 4 if it did not\n"
     "come in time, and then it goes on coming. --stop instead of all that:\n"
     "what has not come is not wanted any more, and what came of it is\n"
     "forgotten, until it is saved again.\n",
     OL_TAKES(OUT) | OL_TAKES(TIMEOUT) | OL_TAKES(STOP), 1, 1, ol_verb_save},
    {"log", "[PEER] [--from T] [--to T]", "all that was said, both ways",
     "Lists every record by index within author and precedence. What is not\n"
     "read yet shows its head only. T: 2026-11-23T10:00:00Z, 18:00Z (today)\n"
     "or \"231000Z NOV 26\".\n",
     OL_TAKES(FROM) | OL_TAKES(UNTIL), 0, 1, ol_verb_log},
    {"watch", "[PEER] [--after SEQ]", "events as they happen",
     "Prints every event until Ctrl-C. --after resumes behind the event with\n"
     "that number (\"seq\" in --json), so that nothing is missed.\n",
     OL_TAKES(AFTER), 0, 1, ol_verb_watch},
    {"blackouts", "[PEER] [--from T] [--to T]",
     "when a line was dark, and why",
     "Each blackout: since the last proof that the line was not dark, when\n"
     "that was known, until when, why as far as anybody here can know, and\n"
     "how many records waited, went and came. Times in which this station\n"
     "did not run are listed too: then nobody listened here.\n",
     OL_TAKES(FROM) | OL_TAKES(UNTIL), 0, 1, ol_verb_blackouts},
    {"history", "PEER [--channel C] [--from T] [--to T]",
     "how the channels of a line were",
     "The last day, or from T to T: how long each channel was open, its round\n"
     "trips (least, median, most), loss and frames sent and received. Up to\n"
     "two hours are shown by the minute (minutes are kept for a day), up to a\n"
     "fortnight by the hour, else by the day, up to a year back.\n",
     OL_TAKES(CHANNEL) | OL_TAKES(FROM) | OL_TAKES(UNTIL), 1, 1,
     ol_verb_history},
    {"attend", "[--answer NUMBER]", "say that an officer is here",
     "The station asks now and then whether somebody is at its console, with\n"
     "a number that watch shows. --answer NUMBER, in time, proves it, under\n"
     "the name of the user who types it. Without it the station shows what it\n"
     "asks for, and asks if it did not. attend = in station.conf says how\n"
     "often; share-attendance = in lines.d/PEER.conf what PEER may know.\n",
     OL_TAKES(ANSWER), 0, 0, ol_verb_attend},
    {"stance",
     "PEER [ready|listening|closed] [--subject S] [--reason TEXT]",
     "declare whether this side talks",
     "Declares to PEER, signed and in the record, that this side is ready to\n"
     "talk, that it listens but does not answer now, or that it is closed,\n"
     "which needs a --reason. --subject says it of one subject only, the\n"
     "newest word on each counts. Closed or not, all that PEER sends is kept\n"
     "and acknowledged. Without a word it shows what both have declared.\n",
     OL_TAKES(SUBJECT) | OL_TAKES(REASON), 1, 2, ol_verb_stance},
    {"channel", "PEER [disable|enable NAME [--yes]]",
     "list, disable and enable channels",
     "Without more words it lists the channels of the line. Disabling the\n"
     "last one that is up makes the line dark and wants --yes.\n",
     OL_TAKES(YES), 1, 3, ol_verb_channel},
    {"courier", "export PEER FILE | import FILE",
     "bundles to carry by hand",
     "export writes all that the peer has not acknowledged into the new file\n"
     "FILE, sealed for that peer alone. import takes such a file: exit status\n"
     "0 if everything in it opened, also when nothing was new.\n",
     0, 2, 3, ol_verb_courier},
    {"report", "[PEER] [--from T] [--to T] [--html FILE]",
     "what a period was like, from the record",
     "Counts what was said and how far it came, how long each rung took, what\n"
     "was asked and answered, how long the line was dark, and says whether\n"
     "effective communication was occurring at the end. Without times: the\n"
     "last day. T: 2026-11-23T10:00:00Z, 18:00Z (today) or\n"
     "\"231000Z NOV 26\". --html writes one page with plots, made for\n"
     "printing, into the new file FILE. What nobody measured is said to be\n"
     "not known.\n",
     OL_TAKES(FROM) | OL_TAKES(UNTIL) | OL_TAKES(HTML), 0, 1,
     ol_verb_report},
    {"check", "PEER [--wait]", "a line check now",
     "Sends a numbered text, marked TEST, through every channel that is not\n"
     "down. The other station answers at once by itself; its officer finds it\n"
     "in the inbox, to be read and understood. --wait shows the station's\n"
     "answer; exit status 4: none came in time. It is no ask, and does not\n"
     "count as communication. 'check =' in lines.d makes them by schedule.\n",
     OL_TAKES(HEARD), 1, 1, ol_verb_check},
    {"checks", "[PEER]", "line checks, and what became of them",
     "The newest line checks: when, whether the other station answered and\n"
     "after how long, its officer's word, and by which channels it went: in\n"
     "brackets what the other side says of a channel that is not up. late: it\n"
     "was missed, and answered after all. unsent: it could not go, and why.\n",
     0, 0, 1, ol_verb_checks},
    {"audit", "[PEER]", "recompute the whole record",
     "Checks every record of both directions against its tree and its\n"
     "author's signed checkpoints. Names the first thing that does not hold.\n",
     0, 0, 1, ol_verb_audit},
    {"demo", "[--check]", "two stations and three channels, here and now",
     "Starts the stations north and south on this machine, joined by cable\n"
     "(tcp), radio (udp) and pouch (courier), says what to type next, and\n"
     "runs until Ctrl-C. --check does without a person: sends, disables the\n"
     "channels one by one and all, and says whether everything held.\n"
     "OPENLINE_DEMO_DIR names the directory to use.\n",
     OL_TAKES(CHECK), 0, 0, ol_verb_demo},
    {NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};

void ol_help_all(void)
{
    struct ol_table t;

    ol_out_line("openline keeps a line of communication open between two "
                "stations,");
    ol_out_line("and tells the truth about it.");
    ol_out_line("%s", "");
    ol_out_line("usage: openline VERB [WORDS] [-d DIR] [--json] [--help]");
    ol_out_line("%s", "");
    ol_table_init(&t, 2);
    for (const struct ol_verb *v = ol_verbs; v->name != NULL; v++) {
        if (v->run == NULL)
            continue;
        ol_table_cell(&t, OL_STRONG, "%s", v->name);
        ol_table_cell(&t, OL_PLAIN, "%s", v->what);
    }
    ol_table_print(&t, 2);
    ol_out_line("%s", "");
    ol_out_line("-d DIR names the station's directory; else it is "
                "OPENLINE_DIR, ~/.openline,");
    ol_out_line("or the one station under /var/lib/openline. --json prints "
                "facts for programs.");
    ol_out_line("'openline VERB --help' says more. 'openline --version' says "
                "which version this is.");
    ol_out_line("%s", "");
    ol_out_line("Exit status: 0 done, or yes; 1 it failed, or no; 2 usage; "
                "3 no such station, line,");
    ol_out_line("message or channel; 4 waited in vain; 5 the station is not "
                "running.");
}

void ol_help_verb(const struct ol_verb *verb)
{
    printf("usage: openline %s%s%s\n\n%s", verb->name,
           *verb->words ? " " : "", verb->words, verb->help);
    printf("\n-d DIR names the station's directory; --json prints facts for "
           "programs.\n");
}
