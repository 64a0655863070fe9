/*
 * What the configuration says of people: when an officer is asked whether he
 * is there, and what a peer may know of it. Rows of conf.c's tables.
 */
#ifndef OL_STATION_CONF_PEOPLE_H
#define OL_STATION_CONF_PEOPLE_H

#include "station/conf_ini.h"

/* attend = 1h silence=30m within=5m, or off: struct ol_conf_station. */
bool ol_conf_attend(struct ol_ini *p, const char *value);
/* share-attendance = coarse: struct ol_conf_line. */
bool ol_conf_share(struct ol_ini *p, const char *value);

#endif
