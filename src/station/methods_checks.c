/*
 * check, checks: line checks, and what became of them.
 */
#include "station/checks.h"
#include "station/methods.h"

void ol_method_check(struct ol_request *rq)
{
    struct ol_station_line *line = ol_method_paired(rq);

    if (line != NULL)
        ol_checks_now(line, rq, ol_param_true(rq, "wait"));
}

void ol_method_checks(struct ol_request *rq)
{
    struct ol_station_line *only;
    json_t *list;

    if (!ol_method_peer(rq, &only))
        return;
    list = json_array();
    for (unsigned k = 0; k < rq->st->n_lines; k++) {
        struct ol_station_line *line = rq->st->lines[k];

        if (only != NULL && line != only)
            continue;
        if (!ol_checks_list(line, only ? OL_CHECKS_SHOWN : 12, list)) {
            json_decref(list);
            ol_refuse(rq, OL_EXIT_FAILED, "the ledger cannot be read: run "
                      "'openline audit'");
            return;
        }
    }
    ol_reply(rq, list);
}
