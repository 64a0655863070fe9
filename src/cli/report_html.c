/*
 * A report as one page: nothing in it runs, nothing is fetched, and it is
 * well-formed as XML too, so that any program can read it.
 *
 * What others wrote (subjects, reasons, names) goes through ol_html_text and
 * through nothing else. The page is made for paper: A4, black on white, a line
 * of the station to a sheet, and every time as a date-time group in UTC.
 */
#include "cli/report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Letters that XML does not have; ol_out_clean took the others. */
static bool odd(const char *p)
{
    return strncmp(p, "\xef\xbf\xbe", 3) == 0 ||
           strncmp(p, "\xef\xbf\xbf", 3) == 0;
}

void ol_html_text(FILE *to, const char *text)
{
    size_t columns;
    char *clean = ol_out_cleaned(text, &columns);

    for (const char *p = clean; p != NULL && *p != '\0'; p++) {
        switch (*p) {
        case '&': fputs("&amp;", to); break;
        case '<': fputs("&lt;", to); break;
        case '>': fputs("&gt;", to); break;
        case '"': fputs("&quot;", to); break;
        case '\'': fputs("&#39;", to); break;
        default:
            if (!odd(p)) {
                fputc(*p, to);
            } else {
                fputc('?', to);
                p += 2;
            }
        }
    }
    free(clean);
}

/* ---- pieces ------------------------------------------------------------- */

static void cell(FILE *to, const char *tag, const char *text)
{
    fprintf(to, "<%s>", tag);
    ol_html_text(to, text);
    fprintf(to, "</%s>", tag);
}

static void group(FILE *to, const json_t *object, const char *key,
                  const char *none)
{
    char text[OL_WHEN_TEXT];
    int64_t ms;

    if (ol_report_moment(object, key, &ms)) {
        ol_when_group(ms, text);
        ol_html_text(to, text);
    } else {
        ol_html_text(to, none);
    }
}

static void table(FILE *to, const char *first, const char *const *names)
{
    fputs("<table>\n<thead><tr>", to);
    cell(to, "th", first);
    for (unsigned k = 0; names[k] != NULL; k++)
        cell(to, "th", names[k]);
    fputs("</tr></thead>\n<tbody>\n", to);
}

static void table_end(FILE *to)
{
    fputs("</tbody>\n</table>\n", to);
}

static void paragraph(FILE *to, const char *name, const char *text)
{
    fputs("<p>", to);
    cell(to, "b", name);
    fputs(" ", to);
    ol_html_text(to, text);
    fputs("</p>\n", to);
}

/* ---- parts of a line ---------------------------------------------------- */

static void effective(FILE *to, const json_t *line)
{
    const json_t *e = json_object_get(line, "effective"), *s;
    size_t i;

    fputs("<h2>Was effective communication occurring at the end</h2>\n"
          "<p class=\"state\">", to);
    cell(to, "strong", ol_cli_str(e, "state", "unknown"));
    if (json_is_string(json_object_get(e, "since"))) {
        fputs(", since ", to);
        group(to, e, "since", "");
    }
    fputs("</p>\n", to);
    paragraph(to, "Why:", ol_cli_str(e, "why", "not known"));
    fputs("<blockquote>", to);
    ol_html_text(to, ol_cli_str(line, "sentence", ""));
    fputs("</blockquote>\n", to);
    if (json_array_size(json_object_get(e, "subjects")) == 0)
        return;
    fputs("<table>\n<thead><tr><th>subject</th><th>state</th><th>since</th>"
          "<th>why</th></tr></thead>\n<tbody>\n", to);
    json_array_foreach(json_object_get(e, "subjects"), i, s) {
        fputs("<tr>", to);
        cell(to, "td", ol_cli_str(s, "subject", ""));
        cell(to, "td", ol_cli_str(s, "state", "unknown"));
        fputs("<td>", to);
        group(to, s, "since", "-");
        fputs("</td>", to);
        cell(to, "td", ol_cli_str(s, "why", ""));
        fputs("</tr>\n", to);
    }
    table_end(to);
}

static void messages(FILE *to, const json_t *line, const char *side,
                     const char *title)
{
    static const char *const names[] = {
        "messages", "attempts", "delivered", "read", "understood",
        "answered", "declined", NULL};
    const json_t *s = json_object_get(json_object_get(line, "messages"), side);
    char text[OL_REPORT_TEXT];

    cell(to, "h2", title);
    fputs("\n", to);
    table(to, "precedence", names);
    for (unsigned p = 0; p < OL_REPORT_PRECS; p++) {
        const json_t *c = json_object_get(s, ol_report_prec[p]);

        fputs("<tr>", to);
        cell(to, "th", ol_report_prec[p]);
        for (unsigned k = 0; names[k] != NULL; k++) {
            ol_report_number(c, names[k], text);
            cell(to, "td", text);
        }
        fputs("</tr>\n", to);
    }
    table_end(to);
    table(to, "median / worst", ol_report_rungs);
    for (unsigned p = 0; p < OL_REPORT_PRECS; p++) {
        const json_t *c = json_object_get(s, ol_report_prec[p]);

        fputs("<tr>", to);
        cell(to, "th", ol_report_prec[p]);
        for (unsigned k = 0; ol_report_rungs[k] != NULL; k++) {
            ol_report_times(c, ol_report_rungs[k], text);
            cell(to, "td", text);
        }
        fputs("</tr>\n", to);
    }
    table_end(to);
    ol_report_number(s, "not_actual", text);
    fprintf(to, "<p class=\"small\">Of exercises and tests, not counted "
            "above: %s.</p>\n", text);
    ol_plot_ladder(to, line, side);
}

static void asks(FILE *to, const json_t *line)
{
    static const char *const sides[] = {"ours", "theirs"};
    char text[OL_REPORT_TEXT];

    fputs("<h2>Asks</h2>\n", to);
    table(to, "", ol_report_asks);
    for (unsigned s = 0; s < 2; s++) {
        fputs("<tr>", to);
        cell(to, "th", sides[s]);
        for (unsigned k = 0; ol_report_asks[k] != NULL; k++) {
            ol_report_number(json_object_get(json_object_get(line, "asks"),
                                             sides[s]),
                             ol_report_asks[k], text);
            cell(to, "td", text);
        }
        fputs("</tr>\n", to);
    }
    table_end(to);
}

static void blackouts(FILE *to, const json_t *line)
{
    const json_t *list = json_object_get(line, "blackouts"), *b;
    char text[OL_REPORT_TEXT];
    size_t i;

    if (json_array_size(list) == 0)
        return;
    fputs("<table>\n<thead><tr><th>what</th><th>since</th><th>to</th>"
          "<th>lasted</th><th>reason</th></tr></thead>\n<tbody>\n", to);
    json_array_foreach(list, i, b) {
        bool over = !json_is_false(json_object_get(b, "over"));

        fputs("<tr>", to);
        cell(to, "td", ol_cli_str(b, "kind", "?"));
        fputs("<td>", to);
        group(to, b, "since", "not known");
        fputs("</td><td>", to);
        group(to, b, "end", over ? "not known" : "it lasts");
        fputs("</td>", to);
        ol_report_span(b, "lasted_ms", text);
        cell(to, "td", text);
        cell(to, "td", ol_cli_str(b, "reason", "not known"));
        fputs("</tr>\n", to);
    }
    table_end(to);
    if (ol_cli_count(line, "blackouts_left_out") > 0)
        fprintf(to, "<p class=\"small\">And %llu before these.</p>\n",
                (unsigned long long)ol_cli_count(line, "blackouts_left_out"));
}

static void channels(FILE *to, const json_t *line)
{
    static const char *const names[] = {"available", "round trip, median",
                                        "at most", "loss", NULL};
    const json_t *all = json_object_get(line, "channels"), *c;
    char text[256], share[OL_REPORT_TEXT], span[OL_REPORT_TEXT];
    size_t i;

    fputs("<h2>The line</h2>\n", to);
    ol_report_dark(line, text);
    paragraph(to, "Darkness:", text);
    ol_report_share(all, "availability", share);
    ol_report_span(all, "measured_ms", span);
    snprintf(text, sizeof(text), "%s; measured for %s", share, span);
    paragraph(to, "Available:", text);
    ol_report_attended(line, text);
    paragraph(to, "Attended here:", text);
    ol_plot_timeline(to, line);
    blackouts(to, line);
    if (json_array_size(json_object_get(all, "channels")) == 0)
        return;
    table(to, "channel", names);
    json_array_foreach(json_object_get(all, "channels"), i, c) {
        const json_t *rtt = json_object_get(c, "rtt_ms");

        fputs("<tr>", to);
        cell(to, "th", ol_cli_str(c, "name", "?"));
        ol_report_share(c, "availability", share);
        cell(to, "td", share);
        if (json_is_object(rtt))
            fprintf(to, "<td>%.0f ms</td><td>%.0f ms</td>",
                    json_number_value(json_object_get(rtt, "median")),
                    json_number_value(json_object_get(rtt, "max")));
        else
            fputs("<td>-</td><td>-</td>", to);
        ol_report_share(c, "loss", share);
        cell(to, "td", share);
        fputs("</tr>\n", to);
    }
    table_end(to);
}

static void section(FILE *to, const json_t *line)
{
    fputs("<section>\n<h1>Report of ", to);
    ol_html_text(to, ol_cli_str(line, "station", "?"));
    fputs(" on the line with ", to);
    ol_html_text(to, ol_cli_str(line, "peer", "?"));
    fputs("</h1>\n<p>From <b>", to);
    group(to, line, "from", "?");
    fputs("</b> to <b>", to);
    group(to, line, "to", "?");
    fputs("</b>; made ", to);
    group(to, line, "made", "?");
    fputs(" from this station&#39;s ledger. All times are UTC, by its "
          "clock.</p>\n", to);
    effective(to, line);
    messages(to, line, "ours", "Messages of ours, times from taken to their "
                               "word");
    messages(to, line, "theirs", "Messages of theirs, times from arrival to "
                                 "our word");
    asks(to, line);
    channels(to, line);
    fputs("</section>\n", to);
}

/* ---- the page ----------------------------------------------------------- */

static const char style[] =
    "@page{size:A4;margin:15mm}"
    "body{font:11pt/1.4 sans-serif;color:#000;background:#fff;"
    "max-width:180mm;margin:1em auto;padding:0 1em}"
    "h1{font-size:16pt;margin:0 0 .3em}"
    "h2{font-size:12pt;margin:1.2em 0 .3em;border-bottom:1px solid #000}"
    "table{border-collapse:collapse;width:100%;margin:.5em 0;font-size:9pt}"
    "th,td{border:1px solid #888;padding:.15em .4em;text-align:left;"
    "overflow-wrap:anywhere}"
    "thead th{background:#eee}"
    ".state{font-size:14pt;margin:.3em 0}"
    ".small{font-size:9pt}"
    "p{margin:.3em 0;overflow-wrap:anywhere}"
    "blockquote{margin:.5em 0;padding-left:.8em;border-left:3px solid #000;"
    "overflow-wrap:anywhere}"
    "svg{display:block;width:100%;height:auto;margin:.5em 0}"
    "svg text{font:10.5px sans-serif;fill:#000}"
    "section+section{margin-top:3em}"
    "@media print{body{margin:0;padding:0;max-width:none;font-size:10pt}"
    "section+section{break-before:page;margin-top:0}"
    "table,svg,blockquote{break-inside:avoid}h2{break-after:avoid}}";

void ol_report_page(FILE *to, const json_t *lines)
{
    const json_t *line;
    size_t i;

    fprintf(to,
            "<!DOCTYPE html>\n<html lang=\"en\" "
            "xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
            "<meta charset=\"utf-8\"/>\n"
            "<meta http-equiv=\"Content-Security-Policy\" "
            "content=\"default-src &#39;none&#39;; "
            "style-src &#39;unsafe-inline&#39;\"/>\n"
            "<meta name=\"viewport\" content=\"width=device-width\"/>\n"
            "<title>Openline report</title>\n<style>%s</style>\n"
            "</head>\n<body>\n", style);
    if (json_array_size(lines) == 0)
        fputs("<p>There is no line to report of.</p>\n", to);
    json_array_foreach(lines, i, line) section(to, line);
    fputs("</body>\n</html>\n", to);
}
