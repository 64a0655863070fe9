/*
 * The plots of a report, as SVG inside of its page.
 *
 * The timeline: a strip per channel, as high as the share of the time in which
 * it carried both ways, grey where it was measured at all, white where nobody
 * measured; below them the blackouts, black, and the times in which this
 * station did not run, striped. The ladder: per precedence and rung the median
 * as a dot and the worst as a bar's end, on a scale that shows seconds and days
 * alike. Black and white say everything; there is no colour.
 */
#include "cli/report.h"

#include <string.h>

#define LEFT 90.0  /* where the plot begins, behind the names */
#define WIDTH 590.0
#define ALL "720"
#define STRIP 18.0
#define NAMES_MAX 24u

struct span {
    double from, to; /* the period, ms */
};

static double place(const struct span *s, double ms)
{
    double at = (ms - s->from) / (s->to - s->from);

    return LEFT + WIDTH * (at < 0 ? 0 : at > 1 ? 1 : at);
}

static void label(FILE *to, double x, double y, const char *anchor,
                  const char *text)
{
    fprintf(to, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y,
            anchor);
    ol_html_text(to, text);
    fputs("</text>\n", to);
}

static void rect(FILE *to, double x, double y, double w, double h,
                 const char *fill)
{
    if (w > 0 && h > 0)
        fprintf(to, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
                "height=\"%.2f\" fill=\"%s\"/>\n", x, y, w, h, fill);
}

static void frame(FILE *to, double y, double h)
{
    fprintf(to, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
            "fill=\"none\" stroke=\"#000\" stroke-width=\"0.5\"/>\n", LEFT, y,
            WIDTH, h);
}

static void mark(FILE *to, double x, double y, double h)
{
    fprintf(to, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" "
            "stroke=\"#000\" stroke-width=\"0.3\"/>\n", x, y, x, y + h);
}

static void begin(FILE *to, double height, const char *title)
{
    fprintf(to, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " ALL
            " %.0f\" role=\"img\">\n<title>%s</title>\n", height, title);
}

/* ---- the timeline ------------------------------------------------------- */

static double share_of(const json_t *states)
{
    const char *name;
    const json_t *v;
    double all = 0, up = 0;

    json_object_foreach((json_t *)states, name, v) {
        double ms = json_number_value(v);

        if (strcmp(name, "disabled") == 0 || strcmp(name, "idle") == 0)
            continue;
        all += ms;
        if (strcmp(name, "up") == 0 || strcmp(name, "doubtful") == 0)
            up += ms;
    }
    return all > 0 ? up / all : -1;
}

static void strip(FILE *to, const json_t *line, const struct span *s,
                  const char *channel, double y)
{
    const json_t *t = json_object_get(line, "timeline"), *row;
    double step = (double)ol_cli_count(t, "step_ms");
    size_t i;

    json_array_foreach(json_object_get(t, "rows"), i, row) {
        const json_t *states = json_object_get(
            json_object_get(row, "channels"), channel);
        double x, w, share = share_of(states);
        int64_t at;

        if (share < 0 || !ol_report_moment(row, "at", &at))
            continue;
        x = place(s, (double)at);
        w = place(s, (double)at + step) - x;
        rect(to, x, y, w, STRIP - 4, "#ddd");
        rect(to, x, y + (STRIP - 4) * (1 - share), w, (STRIP - 4) * share,
             "#555");
    }
    frame(to, y, STRIP - 4);
    label(to, LEFT - 5, y + 10, "end", channel);
}

/* Where anything was measured: elsewhere nobody knows. */
static void known(FILE *to, const json_t *line, const struct span *s,
                  double y)
{
    const json_t *t = json_object_get(line, "timeline"), *row;
    double step = (double)ol_cli_count(t, "step_ms");
    int64_t at;
    size_t i;

    json_array_foreach(json_object_get(t, "rows"), i, row)
        if (ol_report_moment(row, "at", &at))
            rect(to, place(s, (double)at), y,
                 place(s, (double)at + step) - place(s, (double)at),
                 STRIP - 4, "#ddd");
}

static void dark_strip(FILE *to, const json_t *line, const struct span *s,
                       double y)
{
    const json_t *b;
    size_t i;

    known(to, line, s, y);
    json_array_foreach(json_object_get(line, "blackouts"), i, b) {
        bool dark = strcmp(ol_cli_str(b, "kind", ""), "dark") == 0;
        int64_t from, end;
        double x, w;

        if (!ol_report_moment(b, "since", &from) &&
            !ol_report_moment(b, "detected", &from))
            continue;
        if (!ol_report_moment(b, "end", &end))
            end = json_is_false(json_object_get(b, "over")) ? INT64_MAX
                                                            : from;
        x = place(s, (double)from);
        w = place(s, (double)end) - x;
        rect(to, x, y, w < 1 ? 1 : w, STRIP - 4,
             dark ? "#000" : "url(#away)");
    }
    frame(to, y, STRIP - 4);
    label(to, LEFT - 5, y + 10, "end", "dark");
}

static void times(FILE *to, const struct span *s, double height)
{
    char text[OL_WHEN_TEXT];

    for (unsigned k = 0; k <= 4; k++) {
        double ms = s->from + (s->to - s->from) * k / 4;

        mark(to, place(s, ms), 4, height);
        ol_when_group((int64_t)ms, text);
        label(to, place(s, ms), height + 16, k == 4 ? "end" : "middle", text);
    }
}

void ol_plot_timeline(FILE *to, const json_t *line)
{
    const json_t *list = json_object_get(json_object_get(line, "channels"),
                                         "channels"), *c;
    double n = (double)json_array_size(list), y = 6;
    struct span s;
    int64_t from, end;
    size_t i;

    if (!ol_report_moment(line, "from", &from) ||
        !ol_report_moment(line, "to", &end) || end <= from)
        return;
    n = n > NAMES_MAX ? NAMES_MAX : n;
    s = (struct span){(double)from, (double)end};
    begin(to, (n + 1) * STRIP + 30, "Timeline of channels and blackouts");
    fputs("<defs><pattern id=\"away\" width=\"4\" height=\"4\" "
          "patternUnits=\"userSpaceOnUse\"><path d=\"M0 4L4 0\" "
          "stroke=\"#000\" stroke-width=\"0.8\"/></pattern></defs>\n", to);
    json_array_foreach(list, i, c) {
        if (i == NAMES_MAX)
            break;
        strip(to, line, &s, ol_cli_str(c, "name", "?"), y);
        y += STRIP;
    }
    dark_strip(to, line, &s, y);
    times(to, &s, y + STRIP - 4);
    fputs("</svg>\n<p class=\"small\">Dark grey: the share of the time in "
          "which the channel carried both ways; light grey: measured; white: "
          "nobody measured. Black: the line was dark; striped: this station "
          "did not run.</p>\n", to);
}

/* ---- the ladder --------------------------------------------------------- */

/* Each step of the scale is as wide as the others. */
static const struct {
    double ms;
    const char *text;
} ticks[] = {{0, "0"}, {1e3, "1 s"}, {1e4, "10 s"}, {6e4, "1 min"},
             {6e5, "10 min"}, {3.6e6, "1 h"}, {2.16e7, "6 h"},
             {8.64e7, "1 d"}, {6.048e8, "7 d"}, {2.592e9, "30 d"}};
enum { TICKS = sizeof(ticks) / sizeof(ticks[0]) };

static double of_tick(double k)
{
    return LEFT + 70 + (WIDTH - 190) * k / (double)(TICKS - 1);
}

static double on_scale(double ms)
{
    for (size_t k = 1; k < TICKS; k++)
        if (ms < ticks[k].ms)
            return of_tick((double)k - 1 + (ms - ticks[k - 1].ms) /
                                           (ticks[k].ms - ticks[k - 1].ms));
    return of_tick((double)TICKS - 1);
}

static void scale(FILE *to, double height)
{
    for (size_t k = 0; k < TICKS; k++) {
        mark(to, of_tick((double)k), 14, height);
        label(to, of_tick((double)k), 10, "middle", ticks[k].text);
    }
}

static void bar(FILE *to, const json_t *cell, const char *rung, double y)
{
    const json_t *t = json_object_get(json_object_get(cell, "times"), rung);
    double median = on_scale((double)ol_cli_count(t, "median_ms"));
    double worst = on_scale((double)ol_cli_count(t, "worst_ms"));
    char text[OL_REPORT_TEXT];

    label(to, LEFT + 62, y + 8, "end", rung);
    if (ol_cli_count(t, "n") == 0) {
        label(to, LEFT + 72, y + 8, "start", "-");
        return;
    }
    fprintf(to, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" "
            "stroke=\"#000\" stroke-width=\"1.5\"/>\n<circle cx=\"%.1f\" "
            "cy=\"%.1f\" r=\"3\"/>\n", median, y + 5, worst, y + 5, median,
            y + 5);
    fprintf(to, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" "
            "stroke=\"#000\" stroke-width=\"1.5\"/>\n", worst, y + 1, worst,
            y + 9);
    ol_report_times(cell, rung, text);
    label(to, LEFT + WIDTH - 112, y + 8, "start", text);
}

void ol_plot_ladder(FILE *to, const json_t *line, const char *side)
{
    const json_t *s = json_object_get(json_object_get(line, "messages"), side);
    bool ours = strcmp(side, "ours") == 0;
    unsigned shown = 0;
    double y = 20;

    for (unsigned p = 0; p + 1 < OL_REPORT_PRECS; p++)
        shown += ol_cli_count(json_object_get(s, ol_report_prec[p]),
                              "messages") > 0;
    if (shown == 0)
        return;
    begin(to, shown * (ours ? 54.0 : 42.0) + 24, "Times to each rung");
    scale(to, shown * (ours ? 54.0 : 42.0) + 4);
    for (unsigned p = 0; p + 1 < OL_REPORT_PRECS; p++) {
        const json_t *cell = json_object_get(s, ol_report_prec[p]);

        if (ol_cli_count(cell, "messages") == 0)
            continue;
        label(to, 2, y + 8, "start", ol_report_prec[p]);
        for (unsigned k = !ours; ol_report_rungs[k] != NULL; k++) {
            bar(to, cell, ol_report_rungs[k], y);
            y += 12;
        }
        y += 6;
    }
    fputs("</svg>\n<p class=\"small\">Dot: median; end of the bar: worst; "
          "beside it both in words.</p>\n", to);
}
