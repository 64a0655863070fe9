/*
 * report: what its parts share. All of them show one document, and compute
 * nothing that is not in it.
 */
#ifndef OL_CLI_REPORT_H
#define OL_CLI_REPORT_H

#include "cli/cli.h"

#define OL_REPORT_PRECS 5u /* four, and all of them */
#define OL_REPORT_TEXT 64u

extern const char *const ol_report_prec[OL_REPORT_PRECS];
/* Ends with NULL: rungs, and what an ask can be. */
extern const char *const ol_report_rungs[];
extern const char *const ol_report_asks[];

/* A count; "-" for what is null. */
void ol_report_number(const json_t *object, const char *key,
                      char out[OL_REPORT_TEXT]);
/* "12 s / 3 min", of a member of "times"; "-": none was measured. */
void ol_report_times(const json_t *cell, const char *rung,
                     char out[OL_REPORT_TEXT]);
/* "99.98 %", cut and not rounded; "not known". */
void ol_report_share(const json_t *object, const char *key,
                     char out[OL_REPORT_TEXT]);
/* A duration in words; "not known". */
void ol_report_span(const json_t *object, const char *key,
                    char out[OL_REPORT_TEXT]);
/* A moment; false: it is null. */
bool ol_report_moment(const json_t *object, const char *key, int64_t *ms);
/* How the line was dark, in a sentence without its full stop. */
void ol_report_dark(const json_t *line, char out[256]);
/* How much of the time an officer was proved to be here. */
void ol_report_attended(const json_t *line, char out[160]);

/* ---- report_html.c, report_plot.c ---- */

/* Text for a page: no letter of it can be taken for markup or hides. */
void ol_html_text(FILE *to, const char *text);
/* A page of its own for all lines. */
void ol_report_page(FILE *to, const json_t *lines);
/* Plots of a line, as SVG. */
void ol_plot_timeline(FILE *to, const json_t *line);
void ol_plot_ladder(FILE *to, const json_t *line, const char *side);

#endif
