/*
 * courier: which of its two halves, with what.
 */
#include <string.h>

#include "station/methods.h"

void ol_method_courier(struct ol_request *rq)
{
    const char *action = ol_param(rq, "action"), *file = ol_param(rq, "file");
    struct ol_station_line *line;

    if (file[0] != '/') {
        ol_refuse(rq, OL_EXIT_USAGE, "file must be an absolute path: the "
                  "station opens it, not the caller");
        return;
    }
    if (strcmp(action, "import") == 0) {
        ol_import_start(rq, file);
        return;
    }
    if (strcmp(action, "export") != 0) {
        ol_refuse(rq, OL_EXIT_USAGE, "no action \"%.32s\": allowed are "
                  "export and import", action);
        return;
    }
    if (ol_param(rq, "peer") == NULL) {
        ol_refuse(rq, OL_EXIT_USAGE, "peer is missing: to whom is the file");
        return;
    }
    line = ol_method_paired(rq);
    if (line != NULL)
        ol_export_start(rq, line, file);
}
