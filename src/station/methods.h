/*
 * What the control socket answers: one function per method, one table
 * (methods.c). Each answers its request exactly once, now or later.
 */
#ifndef OL_STATION_METHODS_H
#define OL_STATION_METHODS_H

#include "station/progress.h"

/* The line of the parameter `peer`; NULL: the request was refused. */
struct ol_station_line *ol_method_line(struct ol_request *rq);
/* The same, and it must be paired. */
struct ol_station_line *ol_method_paired(struct ol_request *rq);
/* `peer` is absent, or names a line. False: the request was refused. */
bool ol_method_peer(struct ol_request *rq, struct ol_station_line **line);

/* The message of the parameter `name`; false: the request was refused. */
bool ol_method_message(struct ol_request *rq, enum ol_whose whose,
                       struct ol_entry *e);
/* The same, of theirs, and how far it came. */
bool ol_method_theirs(struct ol_request *rq, struct ol_entry *e,
                      struct ol_progress *p);

/* The parameter timeout_ms as a moment; OL_NEVER_NS: there is none. */
uint64_t ol_method_until_ns(const struct ol_request *rq);

/* A parameter that is a time, if it is there. False: the request was refused.
 */
bool ol_method_time(struct ol_request *rq, const char *name, uint64_t *ms);

/* A receipt of message e is on disk: the answer to whoever gave it. */
void ol_receipt_given(struct ol_request *rq, const struct ol_entry *e,
                      uint8_t rel, struct ol_span text);

void ol_method_send(struct ol_request *rq);
void ol_method_ask(struct ol_request *rq);
void ol_method_asks(struct ol_request *rq);
void ol_method_save(struct ol_request *rq);
void ol_method_show(struct ol_request *rq);
void ol_method_read(struct ol_request *rq);
void ol_method_understood(struct ol_request *rq);
void ol_method_distributed(struct ol_request *rq);
void ol_method_announce(struct ol_request *rq);
void ol_method_answer(struct ol_request *rq);
void ol_method_decline(struct ol_request *rq);
void ol_method_supersede(struct ol_request *rq);
void ol_method_cancel(struct ol_request *rq);
void ol_method_log(struct ol_request *rq);
void ol_method_inbox(struct ol_request *rq);
void ol_method_blackouts(struct ol_request *rq);
void ol_method_history(struct ol_request *rq);
void ol_method_channel(struct ol_request *rq);
void ol_method_courier(struct ol_request *rq);
void ol_method_audit(struct ol_request *rq);
void ol_method_report(struct ol_request *rq);
void ol_method_backup(struct ol_request *rq);
void ol_method_attend(struct ol_request *rq);
void ol_method_doctor(struct ol_request *rq);
void ol_method_alarms(struct ol_request *rq);
void ol_method_metrics(struct ol_request *rq);
void ol_method_check(struct ol_request *rq);
void ol_method_checks(struct ol_request *rq);
void ol_method_exercise(struct ol_request *rq);

/* courier.c's two halves. */
void ol_export_start(struct ol_request *rq, struct ol_station_line *line,
                     const char *file);
void ol_import_start(struct ol_request *rq, const char *file);

#endif
