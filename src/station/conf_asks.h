/*
 * station.conf's objectives, and what a line does about asks that are overdue.
 *
 *   [station]                             [line]
 *   objective = flash read=2m answer=10m  escalate = 0s raise flash
 *   objective = routine read=none         escalate = 5m channel satellite
 *                                         escalate = 10m hook
 *                                         escalate = 15m deputy minister
 */
#ifndef OL_STATION_CONF_ASKS_H
#define OL_STATION_CONF_ASKS_H

#include "station/conf.h"
#include "station/conf_ini.h"

/* "deputy ROLE", with its NUL. */
#define OL_STEP_TEXT (OL_ROLE_MAX + 9u)

/* What holds where nothing is configured. */
void ol_conf_objectives(struct ol_conf_station *c);
bool ol_conf_take_objective(struct ol_ini *p, const char *value);
bool ol_conf_take_escalate(struct ol_ini *p, const char *value);
/* Channels that steps name must be there. An exit status. */
int ol_conf_check_steps(const char *file, const struct ol_conf_line *c,
                        char why[OL_WHY_MAX]);
/* A step without its time: what is kept of it, and shown. */
void ol_conf_step_text(char out[OL_STEP_TEXT], const struct ol_conf_step *s);

#endif
